//! Entries of several packs become one pack.
//!
//! What was an event's own pack has whole objects, and the next event's are nearly the same. Git would not compare
//! them any more: when it repacks, it takes objects that lie whole in one pack for such that were compared without success.
//! So they are compared here, and a difference is stored where that is less, with the id of the object that it is based on,
//! which is in the same pack. A repack takes over these differences.
//!
//! No object is, by whatever steps, based on itself: an entry that is stored anew is based on one that was stored anew
//! before it, and one that is copied with a base that its old pack had, which is from that pack or from an earlier one.

use flate2::{Compress, Compression, Decompress, FlushDecompress, Status};

use crate::model::{HashKind, Oid};

use super::delta::{self, Base};
use super::pack::{EncodedPack, PackBuilder, PackError, append_zlib, entry_header};

/// With how many of the objects before it an object is compared.
const N_NEAR: usize = 24;
/// How many steps from a whole object one melting makes; there is one for each level of packs, and with fewer than 50 in
/// all git takes the differences over.
const MAX_STEPS: usize = 7;
/// How many bytes are compared for one melting, which is some hundredths of a second: what resembles nothing is whole on each level,
/// and there are thousands of such on the higher ones.
const MAX_COMPARED: usize = 16 << 20;
/// An object that is smaller than this would need more for the name of its base.
const MIN_BYTES: usize = 48;
/// What stands for a difference from the object whose id follows. Source: gitformat-pack(5), "OBJ_REF_DELTA".
pub(super) const REF_DELTA: u8 = 7;

/// A pack that is made of others.
pub(super) struct Melt {
    builder: PackBuilder,
    hash_kind: HashKind,
    near: Vec<Near>,
    /// How many bytes may still be compared.
    n_left: usize,
    zlib: Compress,
    inflate: Decompress,
}

/// An object that was stored, and that the next ones may resemble.
struct Near {
    oid: Oid,
    kind: u8,
    n_steps: usize,
    base: Base,
}

impl Melt {
    /// Begins a pack.
    pub(super) fn new(hash_kind: HashKind) -> Melt {
        Melt {
            builder: PackBuilder::default(),
            hash_kind,
            near: Vec::new(),
            n_left: MAX_COMPARED,
            zlib: Compress::new(Compression::best(), true),
            inflate: Decompress::new(true),
        }
    }

    /// Adds an entry of a pack, if its object is not there yet. All entries of one pack are added before those of
    /// the next.
    pub(super) fn add(&mut self, oid: Oid, entry: &[u8]) {
        if !self.builder.wants(oid) {
            return;
        }
        let Some((kind, data)) = self.object_of(entry) else {
            return self.builder.push(oid, |pack| pack.extend_from_slice(entry));
        };
        let found = self.smaller(kind, &data, entry.len());
        let bytes = found.as_ref().map_or(entry, |(_, bytes)| bytes);
        self.builder.push(oid, |pack| pack.extend_from_slice(bytes));
        let n_steps = found.map_or(0, |(n_steps, _)| n_steps);
        self.near.push(Near { oid, kind, n_steps, base: Base::new(data) });
        let n_of_kind = self.near.iter().filter(|near| near.kind == kind).count();
        if n_of_kind > N_NEAR
            && let Some(oldest) = self.near.iter().position(|near| near.kind == kind)
        {
            self.near.remove(oldest);
        }
    }

    /// Completes the pack.
    ///
    /// # Errors
    /// As [`PackBuilder::finish`].
    pub(super) fn finish(self) -> Result<EncodedPack, PackError> {
        self.builder.finish(self.hash_kind)
    }

    /// Finds the smallest entry for an object that is smaller than the one it has, and how many steps it is from
    /// a whole one.
    fn smaller(&mut self, kind: u8, data: &[u8], n_bytes: usize) -> Option<(usize, Vec<u8>)> {
        let near = self.near.iter().rev();
        let near = near.filter(|near| near.kind == kind && near.n_steps < MAX_STEPS);
        let near: Vec<&Near> = near.collect();
        self.n_left = self.n_left.saturating_sub(near.len() * data.len());
        let deltas = near.into_iter().map(|near| (near, near.base.delta_to(data)));
        let (near, delta) = deltas.min_by_key(|(_, delta)| delta.len())?;
        let mut entry = entry_header(REF_DELTA, delta.len());
        entry.extend_from_slice(near.oid.as_bytes());
        append_zlib(&mut entry, &delta, &mut self.zlib);
        (entry.len() < n_bytes).then_some((near.n_steps + 1, entry))
    }

    /// Returns kind and contents of an object that lies whole in its entry and is of a size to be compared.
    fn object_of(&mut self, entry: &[u8]) -> Option<(u8, Vec<u8>)> {
        let (first, mut rest) = entry.split_first()?;
        let kind = first >> 4 & 7;
        let (mut size, mut shift, mut last) = (usize::from(first & 0x0f), 4, *first);
        while last & 0x80 != 0 {
            (last, rest) = rest.split_first().map(|(byte, rest)| (*byte, rest))?;
            size |= usize::from(last & 0x7f).checked_shl(shift)?;
            shift += 7;
        }
        if kind == REF_DELTA || self.n_left == 0 || !(MIN_BYTES..=delta::MAX_BYTES).contains(&size)
        {
            return None;
        }
        let mut data = Vec::with_capacity(size);
        self.inflate.reset(true);
        let status = self.inflate.decompress_vec(rest, &mut data, FlushDecompress::Finish).ok()?;
        (status == Status::StreamEnd && data.len() == size).then_some((kind, data))
    }
}

#[cfg(test)]
mod tests {
    use gix::objs::Kind;

    use super::*;
    use crate::store::native::pack::{Object, encode_pack};

    /// Adds objects of so many bytes, of which each resembles the others; returns how many bytes their pack has.
    fn n_bytes(n_objects: u32, n_bytes: usize) -> usize {
        let mut melt = Melt::new(HashKind::Sha1);
        for seq in 0..n_objects {
            let numbers = (0..n_bytes as u32 / 4).flat_map(|n| n.wrapping_pow(3).to_le_bytes());
            let data = seq.to_le_bytes().into_iter().chain(numbers).collect();
            let object = Object::new(HashKind::Sha1, Kind::Blob, data).expect("no collision");
            let pack = encode_pack(HashKind::Sha1, &[object]).expect("a pack");
            let entry = &pack.pack[12..pack.pack.len() - 20];
            melt.add(pack.oids[0], entry);
            melt.add(pack.oids[0], entry);
        }
        let made = melt.finish().expect("a pack");
        assert_eq!(made.oids.len(), n_objects as usize, "each once");
        made.pack.len()
    }

    #[test]
    fn what_is_compared_is_limited() {
        let one = n_bytes(1, 60_000);
        let few = n_bytes(8, 60_000);
        assert!(few < one + one / 10, "{few} bytes");
        let many = n_bytes(60, 60_000);
        assert!((10 * one..50 * one).contains(&many), "{many} bytes: the last ones are whole");
    }
}
