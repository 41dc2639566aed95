//! Packs melt into larger ones, so that their number stays small.
//!
//! Each write makes one pack of level 0. Whenever there are eight of a level, their entries become
//! one pack of the next level (or those of as many as one copy may hold); so 100,000
//! writes leave at most about eight packs on each of six levels. How an entry is stored there is told in `melt`. This is done by
//! [`super::Writer::roll`] after one write in four, when the write is durable and no session is locked.
//!
//! Nothing is lost beside `git gc` and `git repack`, whatever the order:
//! - A pack is removed only while all of its objects are in a new one that is durable and has a
//!   `.keep`. A repack that began before knows the new pack not, or with its `.keep`, and does not
//!   remove it; one that began later reads it as any other.
//! - If a repack removes the packs that are being copied, the copy is a second one, or (a file is
//!   gone) the roll is given up. Objects that `git gc --prune=now` dropped may come back, as
//!   garbage for the next gc.
//! - A pack with a `.keep`, which a write is still to publish, is not touched, and none at all while
//!   a multi-pack-index names packs.
//! - A reader that has an old index open does not find the pack, reads the directory anew, and finds
//!   the copy, as it does beside git's own repack.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::model::{HashKind, Oid};

use super::melt::{Melt, REF_DELTA};
use super::pack::EncodedPack;
use super::shelf::Shelf;
use super::{
    IoFault, LockError, Medium, PackError, PackName, SessionLock, SharedMode, idx, store_pack,
};

/// How many packs of a level become one of the next.
const FAN_OUT: usize = 8;
/// The most that is copied at once; packs of more than half of it are left to git.
const MAX_BYTES: u64 = 64 << 20;
/// After this time git itself does not believe a `gc.pid` any more.
const GC_PID_AGE: Duration = Duration::from_secs(12 * 60 * 60);

/// What a roll did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RollReport {
    /// How many packs were melted.
    pub n_melted: usize,
    /// How many they became.
    pub n_made: usize,
    /// How many remains of dead processes were removed.
    pub n_swept: usize,
}

/// Melts our packs where there are eight of a level, and sweeps what dead processes left. Does
/// nothing while another process rolls or `git gc` runs.
///
/// `token` must never come twice; `now` is for judging what is old.
///
/// # Errors
/// [`PackError::Io`] and the others; nothing is lost then.
pub fn roll(
    medium: &dyn Medium,
    objects_dir: &Path,
    common_dir: &Path,
    hash_kind: HashKind,
    shared: SharedMode,
    token: &str,
    now: SystemTime,
) -> Result<RollReport, PackError> {
    let mut report = RollReport::default();
    let locked = SessionLock::acquire_named(common_dir, shared, "roll", Duration::ZERO);
    let _lock = match locked {
        Ok(lock) if !is_gc_running(common_dir, now) => lock,
        Ok(_) | Err(LockError::Busy { .. }) => return Ok(report),
        Err(LockError::Io(fault)) => return Err(fault.into()),
    };
    let mut shelf = Shelf::read(objects_dir, hash_kind)?;
    report.n_swept = shelf.sweep(medium, now);
    if shelf.has_multi_pack_index {
        return Ok(report);
    }
    for level in 0..PackName::MAX_LEVEL {
        let Some(batch) = Batch::of(medium, &shelf, level, hash_kind)? else {
            continue;
        };
        let token = format!("{token} level {level}");
        let (encoded, names) = (batch.encoded, batch.names);
        let kept = store_pack(medium, objects_dir, shared, &encoded, level + 1, &token)?;
        for name in &names {
            shelf.remove(medium, name);
        }
        shelf.add(kept.release(medium));
        report.n_melted += names.len();
        report.n_made += 1;
    }
    Ok(report)
}

fn is_gc_running(common_dir: &Path, now: SystemTime) -> bool {
    let modified_at = fs::metadata(common_dir.join("gc.pid")).and_then(|it| it.modified());
    modified_at.is_ok_and(|at| !now.duration_since(at).is_ok_and(|age| age >= GC_PID_AGE))
}

/// Packs of one level, and the pack that takes their place.
struct Batch {
    names: Vec<PackName>,
    encoded: EncodedPack,
}

impl Batch {
    /// Returns what is to be melted of `level`; `None` if there is too little.
    fn of(
        medium: &dyn Medium,
        shelf: &Shelf,
        level: u8,
        hash_kind: HashKind,
    ) -> Result<Option<Batch>, PackError> {
        let mut candidates = Vec::new();
        for name in shelf.published(medium, level) {
            if let Ok(found) = medium.identity(&shelf.path(&name, "pack")) {
                candidates.push((name, found));
            }
        }
        // The newest stays whole: it is read most, and what was before it is often less.
        candidates.sort_by_key(|(_, found)| Reverse(found.modified_at));
        let mut melt = Melt::new(hash_kind);
        let mut names = Vec::new();
        for name in choose(candidates.into_iter().map(|(name, found)| (name, found.n_bytes))) {
            if copy(medium, shelf, &name, hash_kind, &mut melt)? {
                names.push(name);
            }
        }
        if names.len() < 2 {
            return Ok(None);
        }
        let encoded = melt.finish()?;
        Ok(Some(Batch { names, encoded }))
    }
}

/// Chooses what is melted of packs with these sizes in bytes: nothing before there are eight that are not
/// left to git, then as many as one copy may hold, which are two at least.
fn choose<T>(candidates: impl Iterator<Item = (T, u64)>) -> Vec<T> {
    let candidates: Vec<_> = candidates.filter(|(_, n)| *n <= MAX_BYTES / 2).collect();
    if candidates.len() < FAN_OUT {
        return Vec::new();
    }
    let mut n_bytes = 0;
    let fits = |(pack, n): (T, u64)| {
        let fits = n_bytes + n <= MAX_BYTES;
        n_bytes += if fits { n } else { 0 };
        fits.then_some(pack)
    };
    candidates.into_iter().filter_map(fits).collect()
}

/// Copies the entries of a pack. One that is damaged, or has what we do not write, is left where it is: `false`.
fn copy(
    medium: &dyn Medium,
    shelf: &Shelf,
    name: &PackName,
    hash_kind: HashKind,
    melt: &mut Melt,
) -> Result<bool, PackError> {
    let read = |path: PathBuf| {
        medium.read(&path).map_err(|source| IoFault { doing: "read", path, source })
    };
    let pack = read(shelf.path(name, "pack"))?;
    let idx = read(shelf.path(name, "idx"))?;
    let Some(entries) = entries(&pack, &idx, hash_kind) else {
        tracing::warn!(pack = %name, "a pack cannot be read and is not rolled");
        return Ok(false);
    };
    entries.into_iter().for_each(|(entry, bytes)| melt.add(entry.oid, bytes));
    Ok(true)
}

/// Cuts a pack into the bytes of its entries, in the order of the file; `None` unless all of it is
/// accounted for, intact, and whole or a difference from an object of the same pack.
fn entries<'a>(
    pack: &'a [u8],
    idx: &[u8],
    hash_kind: HashKind,
) -> Option<Vec<(idx::Entry, &'a [u8])>> {
    let end = pack.len().checked_sub(hash_kind.n_bytes())?;
    let (body, checksum) = pack.split_at(end);
    let mut entries = idx::decode(hash_kind, idx, checksum)?;
    entries.sort_by_key(|entry| entry.offset);
    let n_entries = u32::try_from(entries.len()).ok()?;
    let mut header = b"PACK\0\0\0\x02".to_vec();
    header.extend_from_slice(&n_entries.to_be_bytes());
    if !body.starts_with(&header) || entries.first()?.offset != header.len() {
        return None;
    }
    let ends: Vec<_> = entries[1..].iter().map(|it| it.offset).collect();
    let oids: HashSet<_> = entries.iter().map(|entry| entry.oid).collect();
    let cut = |(entry, end): (idx::Entry, usize)| {
        let bytes = body.get(entry.offset..end)?;
        let is_complete = match bytes.first()? >> 4 & 7 {
            1..=4 => true,
            REF_DELTA => oids.contains(&base_of(bytes, hash_kind)?),
            _ => false,
        };
        (is_complete && crc32fast::hash(bytes) == entry.crc32).then_some((entry, bytes))
    };
    entries.into_iter().zip(ends.into_iter().chain([end])).map(cut).collect()
}

/// Returns what the object of an entry is a difference from: the id stands behind the size.
fn base_of(entry: &[u8], hash_kind: HashKind) -> Option<Oid> {
    let n_header = 1 + entry.iter().position(|byte| byte & 0x80 == 0)?;
    Oid::from_bytes(entry.get(n_header..n_header + hash_kind.n_bytes())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::native::pack::PackBuilder;

    /// Returns how many of packs with these sizes, in MiB, are melted.
    fn n_chosen(sizes: &[u64]) -> usize {
        choose(sizes.iter().map(|n| ((), n << 20))).len()
    }

    #[test]
    fn large_packs_are_melted_by_fewer_and_the_largest_never() {
        for (sizes, expected) in [
            (&[1; 7][..], 0),
            (&[1; 8], 8),
            (&[8; 8], 8),
            (&[9; 8], 7),
            (&[16; 8], 4),
            (&[32; 8], 2),
            (&[33; 8], 0),
            (&[33, 1, 1, 1, 1, 1, 1, 1], 0),
            (&[33, 1, 1, 1, 1, 1, 1, 1, 1], 8),
            (&[30, 30, 30, 1, 1, 1, 1, 1], 6),
        ] {
            assert_eq!(n_chosen(sizes), expected, "{sizes:?}");
        }
    }

    #[test]
    fn a_difference_from_an_object_of_another_pack_is_not_taken_over() {
        let oid = |byte: u8| Oid::from_bytes(&[byte; 20]).expect("20 bytes");
        for (base, is_taken) in [(1, true), (3, false)] {
            let mut builder = PackBuilder::default();
            builder.push(oid(1), |pack| pack.push(0x30));
            builder.push(oid(2), |pack| {
                pack.extend([REF_DELTA << 4 | 0x8f, 0x01]);
                pack.extend([base; 20]);
            });
            let pack = builder.finish(HashKind::Sha1).expect("finished");
            let entries = entries(&pack.pack, &pack.idx, HashKind::Sha1);
            assert_eq!(entries.map(|it| it.len()), is_taken.then_some(2));
        }
    }
}
