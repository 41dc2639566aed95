//! Reading a few objects from packs, or the files of their own that new ones have.
//!
//! gix looks at all offsets of an index when it opens it, which takes longer than all else that a short command does where
//! a pack has millions of objects. So the first objects that a process reads are looked up in the files
//! of the indices, in a few places each. Whatever is unusual is not found here, and then gix is asked.

use std::cell::{Cell, OnceCell};
use std::cmp::Reverse;
use std::fs::{DirEntry, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use gix::objs::Kind;
use gix::odb::pack;

use super::read::to_id;
use crate::model::Oid;

/// How many objects are looked up before the work of gix is worth it.
const MAX_LOOKED_UP: usize = 64;
/// With more packs than these gix is faster.
const MAX_PACKS: usize = 64;
/// What an index of version 2 begins with. Source: gitformat-pack(5).
const MAGIC: &[u8] = b"\xfftOc\0\0\0\x02";
const FAN_BYTES: u64 = 256 * 4;
/// How many ids are read at once at the end of a search.
const N_NEAR: u64 = 128;
/// The most memory that an entry may take while it is put together.
const MAX_BYTES: usize = 64 << 20;

/// The packs, as they were when the first object was looked up, the newest first: what is asked for was written lately.
pub(super) struct Packs {
    dir: PathBuf,
    hash_kind: gix::hash::Kind,
    /// Whether objects stand for others.
    is_replaced: bool,
    n_looked_up: Cell<usize>,
    packs: OnceCell<Vec<Pack>>,
    loose: gix::odb::loose::Store,
}

struct Pack {
    path: PathBuf,
    index: OnceCell<Option<Index>>,
    data: OnceCell<Option<pack::data::File>>,
}

struct Index {
    file: File,
    /// How many ids there are that begin with each byte or a lower one.
    fan: [u32; 256],
}

impl Packs {
    /// Returns the packs of a repository; nothing is found in them if some of its objects stand for others.
    pub(super) fn of(repo: &gix::Repository) -> Packs {
        let store = repo.objects.store_ref();
        let is_replaced =
            !repo.objects.ignore_replacements && store.replacements().next().is_some();
        Packs {
            dir: store.path().join("pack"),
            hash_kind: repo.object_hash(),
            is_replaced,
            n_looked_up: Cell::new(0),
            packs: OnceCell::new(),
            loose: gix::odb::loose::Store::at(store.path(), repo.object_hash()),
        }
    }

    /// Returns an object of a kind whose size is at most `max` bytes, if it is easily found.
    pub(super) fn find(&self, oid: Oid, kind: Kind, max: u64) -> Option<Vec<u8>> {
        let n_looked_up = self.n_looked_up.get();
        if n_looked_up >= MAX_LOOKED_UP {
            return None;
        }
        self.n_looked_up.set(n_looked_up + 1);
        self.look_up(oid, kind, max)
    }

    /// The same, however many were looked up before.
    pub(super) fn look_up(&self, oid: Oid, kind: Kind, max: u64) -> Option<Vec<u8>> {
        if self.is_replaced {
            return None;
        }
        let packs = self.packs.get_or_init(|| all(&self.dir));
        let packed = packs.iter().find_map(|pack| {
            let index = pack.index.get_or_init(|| Index::open(&pack.path)).as_ref()?;
            let offset = index.find(oid.as_bytes())?;
            self.read(pack, index, offset, kind, max)
        });
        packed.or_else(|| self.read_loose(oid, kind, max))
    }

    /// Reads an object that has a file of its own.
    fn read_loose(&self, oid: Oid, kind: Kind, max: u64) -> Option<Vec<u8>> {
        let (id, mut bytes) = (to_id(oid), Vec::new());
        let (size, found) = self.loose.try_header(&id).ok()??;
        if found != kind || size > max {
            return None;
        }
        Some(self.loose.try_find(&id, &mut bytes).ok()??.data.to_vec())
    }

    fn read(
        &self,
        from: &Pack,
        index: &Index,
        offset: u64,
        kind: Kind,
        max: u64,
    ) -> Option<Vec<u8>> {
        let open = || pack::data::File::at(from.path.with_extension("pack"), self.hash_kind).ok();
        let limited = || open().map(|it| it.with_alloc_limit_bytes(Some(MAX_BYTES)));
        let data = from.data.get_or_init(limited).as_ref()?;
        let entry = data.entry(offset).ok()?;
        if entry.decompressed_size > max {
            return None;
        }
        let (mut object, mut inflate) = (Vec::new(), gix::zlib::Inflate::default());
        let resolve = |id: &gix::hash::oid, _: &mut Vec<u8>| {
            let entry = index.find(id.as_bytes()).and_then(|offset| data.entry(offset).ok());
            Ok(entry.map(pack::data::decode::entry::ResolvedBase::InPack))
        };
        let mut cache = pack::cache::Never;
        let found =
            data.decode_entry(entry, &mut object, &mut inflate, &resolve, &mut cache).ok()?;
        if found.kind != kind || found.object_size > max {
            return None;
        }
        object.truncate(usize::try_from(found.object_size).ok()?);
        Some(object)
    }
}

/// Returns all packs; none if there are very many.
fn all(dir: &Path) -> Vec<Pack> {
    let mut paths = Vec::new();
    for entry in dir.read_dir().into_iter().flatten().flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|it| it == "idx") {
            paths.push((entry, path));
        }
    }
    if paths.len() > MAX_PACKS {
        return Vec::new();
    }
    if paths.len() > 1 {
        let changed_at = |entry: &DirEntry| entry.metadata().and_then(|it| it.modified()).ok();
        paths.sort_by_cached_key(|(entry, _)| Reverse(changed_at(entry)));
    }
    let pack = |(_, path)| Pack { path, index: OnceCell::new(), data: OnceCell::new() };
    paths.into_iter().map(pack).collect()
}

impl Index {
    fn open(path: &Path) -> Option<Index> {
        let file = File::open(path).ok()?;
        let mut bytes = [0; MAGIC.len() + FAN_BYTES as usize];
        file.read_exact_at(&mut bytes, 0).ok()?;
        let mut fan = [0; 256];
        for (slot, bytes) in fan.iter_mut().zip(bytes.strip_prefix(MAGIC)?.chunks_exact(4)) {
            *slot = u32::from_be_bytes(bytes.try_into().ok()?);
        }
        fan.is_sorted().then_some(Index { file, fan })
    }

    /// Returns where in the pack the entry of an object begins.
    fn find(&self, id: &[u8]) -> Option<u64> {
        let ids_at = MAGIC.len() as u64 + FAN_BYTES;
        let (n, n_id_bytes) = (u64::from(self.fan[255]), id.len() as u64);
        let at = self.place_of(id, ids_at)?;
        let offsets_at = ids_at + n * (n_id_bytes + 4);
        let offset = u64::from(u32::from_be_bytes(self.bytes_at(offsets_at + at * 4)?));
        match offset.checked_sub(1 << 31) {
            None => Some(offset),
            Some(large) => Some(u64::from_be_bytes(self.bytes_at(offsets_at + n * 4 + large * 8)?)),
        }
    }

    /// Returns which one of the ids it is.
    fn place_of(&self, id: &[u8], ids_at: u64) -> Option<u64> {
        let first = usize::from(id[0]);
        let mut low = if first == 0 { 0 } else { u64::from(self.fan[first - 1]) };
        let mut high = u64::from(self.fan[first]);
        let mut found = vec![0; id.len()];
        while high - low > N_NEAR {
            let middle = low.midpoint(high);
            self.file.read_exact_at(&mut found, ids_at + middle * id.len() as u64).ok()?;
            match found[..].cmp(id) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Equal => return Some(middle),
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        let mut near = vec![0; usize::try_from(high - low).ok()? * id.len()];
        self.file.read_exact_at(&mut near, ids_at + low * id.len() as u64).ok()?;
        let at = near.chunks_exact(id.len()).position(|it| it == id)?;
        Some(low + at as u64)
    }

    fn bytes_at<const N: usize>(&self, at: u64) -> Option<[u8; N]> {
        let mut bytes = [0; N];
        self.file.read_exact_at(&mut bytes, at).ok()?;
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::model::HashKind;
    use crate::store::native::{Disk, Object, SharedMode, encode_pack, roll, store_pack};

    /// Writes an index of these ids, each of 20 equal bytes, with these offsets.
    fn index(dir: &Path, ids: &[(u8, u64)]) -> PathBuf {
        let mut bytes = MAGIC.to_vec();
        for first in 0..=255 {
            let n = ids.iter().filter(|(id, _)| *id <= first).count();
            bytes.extend(u32::try_from(n).expect("few").to_be_bytes());
        }
        ids.iter().for_each(|(id, _)| bytes.extend([*id; 20]));
        bytes.extend(vec![0; 4 * ids.len()]);
        let mut large = Vec::new();
        for (_, offset) in ids {
            let number = u32::try_from(*offset).ok().filter(|it| *it < 1 << 31);
            let n_large = u32::try_from(large.len() / 8).expect("few");
            bytes.extend(number.unwrap_or(n_large | 1 << 31).to_be_bytes());
            if number.is_none() {
                large.extend(offset.to_be_bytes());
            }
        }
        bytes.extend(large);
        let path = dir.join("pack-1.idx");
        std::fs::write(&path, bytes).expect("written");
        path
    }

    #[test]
    fn an_id_is_found_by_its_place_in_the_index_also_in_a_pack_above_two_gigabytes() {
        let dir = tempfile::tempdir().expect("a directory");
        let ids =
            [(0, 12), (1, 1 << 31), (7, 40), (200, (1 << 40) + 1), (255, u64::from(u32::MAX))];
        let pack = Index::open(&index(dir.path(), &ids)).expect("an index");
        for (id, offset) in ids {
            assert_eq!(pack.find(&[id; 20]), Some(offset));
            assert_eq!(pack.find(&[&[id; 19][..], &[id ^ 1]].concat()), None);
        }
        assert_eq!(pack.find(&[2; 20]), None);
    }

    #[test]
    fn many_ids_with_one_first_byte_are_searched() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("pack-2.idx");
        let n: u32 = 1000;
        let id = |at: u32| [&[9][..], &at.to_be_bytes(), &[0; 15]].concat();
        let fan = (0..=255).flat_map(|first| if first < 9 { [0; 4] } else { n.to_be_bytes() });
        let mut bytes: Vec<u8> = MAGIC.iter().copied().chain(fan).collect();
        (0..n).for_each(|at| bytes.extend(id(2 * at)));
        bytes.extend(vec![0; 4 * n as usize]);
        (0..n).for_each(|at| bytes.extend((at + 12).to_be_bytes()));
        std::fs::write(&path, bytes).expect("written");
        let pack = Index::open(&path).expect("an index");
        for at in 0..n {
            assert_eq!(pack.find(&id(2 * at)), Some(u64::from(at) + 12));
            assert_eq!(pack.find(&id(2 * at + 1)), None);
        }
    }

    #[test]
    fn an_index_that_is_cut_short_or_makes_no_sense_has_nothing() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = index(dir.path(), &[(3, 12), (4, 1 << 40)]);
        let whole = std::fs::read(&path).expect("read");
        for n in 0..whole.len() {
            std::fs::write(&path, &whole[..n]).expect("written");
            let found = Index::open(&path).and_then(|pack| pack.find(&[4; 20]));
            assert_eq!(found, None, "{n} bytes");
        }
        let mut falling = whole;
        falling[MAGIC.len()] = 1;
        std::fs::write(&path, falling).expect("written");
        assert!(Index::open(&path).is_none());
    }

    #[test]
    fn packs_are_searched_from_the_newest_one_on() {
        let dir = tempfile::tempdir().expect("a directory");
        for (name, seconds) in [("b", 3), ("d", 1), ("a", 2), ("c", 4)] {
            let file = File::create(dir.path().join(name).with_extension("idx")).expect("a file");
            file.set_modified(UNIX_EPOCH + Duration::from_secs(seconds)).expect("a time");
        }
        File::create(dir.path().join("e.pack")).expect("a file");
        let packs = all(dir.path());
        let names: Vec<_> = packs.iter().filter_map(|pack| pack.path.file_stem()).collect();
        assert_eq!(names, ["c", "b", "a", "d"]);
    }

    #[test]
    fn an_object_that_is_stored_as_a_difference_is_found() {
        for (hash_kind, gix_kind) in
            [(HashKind::Sha1, gix::hash::Kind::Sha1), (HashKind::Sha256, gix::hash::Kind::Sha256)]
        {
            let dir = tempfile::tempdir().expect("a directory");
            let objects_dir = dir.path().join("objects");
            let text =
                |seq: u32| format!("version: 1\nseq: {seq}\n{}", "always the same\n".repeat(9));
            let mut oids = Vec::new();
            for seq in 0..8 {
                let object = Object::new(hash_kind, Kind::Blob, text(seq).into_bytes());
                let object = object.expect("no collision");
                oids.push(object.oid);
                let pack = encode_pack(hash_kind, &[object]).expect("encoded");
                let (umask, token) = (SharedMode::Umask, seq.to_string());
                let kept = store_pack(&Disk, &objects_dir, umask, &pack, 0, &token);
                kept.expect("stored").release(&Disk);
            }
            let now = std::time::SystemTime::UNIX_EPOCH;
            let umask = SharedMode::Umask;
            let rolled = roll(&Disk, &objects_dir, dir.path(), hash_kind, umask, "roll", now);
            assert_eq!(rolled.expect("rolled").n_melted, 8);
            let packs = Packs {
                dir: objects_dir.join("pack"),
                hash_kind: gix_kind,
                is_replaced: false,
                n_looked_up: Cell::new(0),
                packs: OnceCell::new(),
                loose: gix::odb::loose::Store::at(&objects_dir, gix_kind),
            };
            for (seq, oid) in (0..).zip(oids.iter().copied()) {
                let found = packs.find(oid, Kind::Blob, 1 << 10);
                assert_eq!(found, Some(text(seq).into_bytes()));
                assert_eq!(packs.find(oid, Kind::Blob, 20), None, "it is larger");
                assert_eq!(packs.find(oid, Kind::Tree, 1 << 10), None, "it is none");
            }
            let (seq, oid) = (7, *oids.last().expect("eight"));
            let n_found =
                (0..MAX_LOOKED_UP).filter(|_| packs.find(oid, Kind::Blob, 1 << 10).is_some());
            assert!(n_found.count() < MAX_LOOKED_UP, "gix is worth it by now");
            assert_eq!(packs.look_up(oid, Kind::Blob, 1 << 10), Some(text(seq).into_bytes()));
            assert_eq!(
                Packs { is_replaced: true, ..packs }.look_up(oid, Kind::Blob, 1 << 10),
                None
            );
        }
    }
}
