//! The index of a pack, version 2.
//!
//! Source: gitformat-pack(5), "Version 2 pack-*.idx files".

use crate::model::{HashKind, Oid};

use super::PackError;
use super::pack::hash;

const MAGIC: &[u8] = b"\xfftOc\0\0\0\x02";
const FAN_OUT_LEN: usize = 256 * 4;

/// Where an object is in its pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    /// The object.
    pub(super) oid: Oid,
    /// Where its entry begins.
    pub(super) offset: usize,
    /// The checksum of its entry as it is in the file.
    pub(super) crc32: u32,
}

/// Encodes the index of the pack with `checksum`; the entries are sorted by object and their
/// offsets are below 2^31.
pub(super) fn encode(
    hash_kind: HashKind,
    entries: &[Entry],
    checksum: Oid,
) -> Result<Vec<u8>, PackError> {
    let mut idx = MAGIC.to_vec();
    for first in 0..=255u8 {
        let n_entries = entries.partition_point(|entry| entry.oid.as_bytes()[0] <= first);
        idx.extend_from_slice(&(n_entries as u32).to_be_bytes());
    }
    for entry in entries {
        idx.extend_from_slice(entry.oid.as_bytes());
    }
    for entry in entries {
        idx.extend_from_slice(&entry.crc32.to_be_bytes());
    }
    for entry in entries {
        idx.extend_from_slice(&(entry.offset as u32).to_be_bytes());
    }
    idx.extend_from_slice(checksum.as_bytes());
    let own = hash(hash_kind, &idx)?;
    idx.extend_from_slice(own.as_bytes());
    Ok(idx)
}

/// Reads the index of the pack with `checksum`; `None` if it is damaged, of another version, of
/// another pack, or has offsets of 2^31 and above.
pub(super) fn decode(hash_kind: HashKind, idx: &[u8], checksum: &[u8]) -> Option<Vec<Entry>> {
    let n_hash = hash_kind.n_bytes();
    let (body, own) = idx.split_at_checked(idx.len().checked_sub(n_hash)?)?;
    if hash(hash_kind, body).ok()?.as_bytes() != own {
        return None;
    }
    let tables = body.strip_prefix(MAGIC)?;
    let (tables, pack_checksum) = tables.split_at_checked(tables.len().checked_sub(n_hash)?)?;
    let (fan_out, tables) = tables.split_at_checked(FAN_OUT_LEN)?;
    let n_entries = number(&fan_out[FAN_OUT_LEN - 4..]) as usize;
    if pack_checksum != checksum || tables.len() != n_entries.checked_mul(n_hash + 8)? {
        return None;
    }
    let (oids, tables) = tables.split_at(n_entries * n_hash);
    let (crcs, offsets) = tables.split_at(n_entries * 4);
    oids.chunks_exact(n_hash)
        .zip(crcs.chunks_exact(4).zip(offsets.chunks_exact(4)))
        .map(|(oid, (crc32, offset))| {
            let offset = number(offset);
            Some(Entry {
                oid: Oid::from_bytes(oid)?,
                offset: (offset < 1 << 31).then_some(offset as usize)?,
                crc32: number(crc32),
            })
        })
        .collect()
}

/// Reads four bytes as a number.
fn number(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_round_trips_and_any_flipped_byte_is_noticed() {
        let oid = |byte: u8| Oid::from_bytes(&[byte; 20]).expect("20 bytes");
        let entries: Vec<_> = [0, 7, 7, 255]
            .iter()
            .map(|byte| Entry { oid: oid(*byte), offset: 12 + usize::from(*byte), crc32: 99 })
            .collect();
        let idx = encode(HashKind::Sha1, &entries, oid(1)).expect("no collision");
        let decoded = |idx: &[u8]| decode(HashKind::Sha1, idx, oid(1).as_bytes());
        assert_eq!(decoded(&idx), Some(entries));
        for at in 0..idx.len() {
            let mut torn = idx.clone();
            torn[at] ^= 1;
            assert_eq!(decoded(&torn), None, "byte {at}");
            assert_eq!(decoded(&idx[..at]), None, "length {at}");
        }
    }
}
