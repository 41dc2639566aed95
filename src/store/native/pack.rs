use std::collections::HashSet;

use flate2::{Compress, Compression, FlushCompress, Status};
use gix::objs::Kind;

use crate::model::{HashKind, Oid};

use super::{IoFault, gix_kind, idx, oid_of};

/// Why a pack could not be made or stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackError {
    /// The data is one half of a collision attack on SHA-1.
    #[error("object data is part of a SHA-1 collision attack")]
    Collision,
    /// An index of 4-byte offsets cannot address the pack.
    #[error("a pack of {n_bytes} bytes is too large")]
    TooLarge {
        /// How large it would be.
        n_bytes: usize,
    },
    /// The file system says that all went well, but the pack is not there.
    #[error("pack '{name}' was not written")]
    NotWritten {
        /// The name without extension.
        name: String,
    },
    /// The file system refused.
    #[error(transparent)]
    Io(#[from] IoFault),
}

/// An object to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// What names it.
    pub oid: Oid,
    /// Commit, tree or blob.
    pub kind: Kind,
    /// The contents, without git's header.
    pub data: Vec<u8>,
}

impl Object {
    /// Returns the object with these contents, under its name.
    ///
    /// # Errors
    /// [`PackError::Collision`].
    pub fn new(hash_kind: HashKind, kind: Kind, data: Vec<u8>) -> Result<Object, PackError> {
        let oid = gix::objs::compute_hash(gix_kind(hash_kind), kind, &data)
            .map_err(|_| PackError::Collision)?;
        Ok(Object { oid: oid_of(&oid), kind, data })
    }
}

/// A pack and its index, in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedPack {
    /// The bytes of the `.pack` file.
    pub pack: Vec<u8>,
    /// The bytes of the `.idx` file, version 2.
    pub idx: Vec<u8>,
    /// The hash over the pack, its trailer.
    pub checksum: Oid,
    /// The ids of the objects, sorted, each once.
    pub oids: Vec<Oid>,
}

/// Encodes `objects` as a pack without deltas, each object once.
///
/// # Errors
/// [`PackError::Collision`], [`PackError::TooLarge`].
pub fn encode_pack(hash_kind: HashKind, objects: &[Object]) -> Result<EncodedPack, PackError> {
    let mut builder = PackBuilder::default();
    // One for all: it needs some 300 KB of memory.
    let mut zlib = Compress::new(Compression::fast(), true);
    for object in objects {
        if builder.wants(object.oid) {
            builder.push(object.oid, |pack| append_entry(pack, object, &mut zlib));
        }
    }
    builder.finish(hash_kind)
}

/// A pack that grows entry by entry.
#[derive(Default)]
pub(super) struct PackBuilder {
    pack: Vec<u8>,
    entries: Vec<idx::Entry>,
    seen: HashSet<Oid>,
}

impl PackBuilder {
    const HEADER_LEN: usize = 12;

    /// Tells whether the object is not in the pack yet.
    pub(super) fn wants(&self, oid: Oid) -> bool {
        !self.seen.contains(&oid)
    }

    /// Adds an entry, of which `append` writes the bytes.
    pub(super) fn push(&mut self, oid: Oid, append: impl FnOnce(&mut Vec<u8>)) {
        if self.pack.is_empty() {
            self.pack.resize(Self::HEADER_LEN, 0);
        }
        let offset = self.pack.len();
        append(&mut self.pack);
        self.seen.insert(oid);
        self.entries.push(idx::Entry { oid, offset, crc32: crc32fast::hash(&self.pack[offset..]) });
    }

    /// Completes the pack and makes its index.
    pub(super) fn finish(mut self, hash_kind: HashKind) -> Result<EncodedPack, PackError> {
        let n_bytes = self.pack.len();
        if n_bytes > 0x7fff_ffff {
            return Err(PackError::TooLarge { n_bytes });
        }
        self.pack.resize(n_bytes.max(Self::HEADER_LEN), 0);
        self.pack[..4].copy_from_slice(b"PACK");
        self.pack[4..8].copy_from_slice(&2u32.to_be_bytes());
        self.pack[8..12].copy_from_slice(&(self.entries.len() as u32).to_be_bytes());
        let checksum = hash(hash_kind, &self.pack)?;
        self.pack.extend_from_slice(checksum.as_bytes());
        self.entries.sort_by_key(|entry| entry.oid);
        Ok(EncodedPack {
            idx: idx::encode(hash_kind, &self.entries, checksum)?,
            pack: self.pack,
            checksum,
            oids: self.entries.iter().map(|entry| entry.oid).collect(),
        })
    }
}

/// Appends the entry of one object: kind and size, then the data under zlib.
fn append_entry(pack: &mut Vec<u8>, object: &Object, zlib: &mut Compress) {
    let kind = match object.kind {
        Kind::Commit => 1,
        Kind::Tree => 2,
        Kind::Blob => 3,
        Kind::Tag => 4,
    };
    pack.extend(entry_header(kind, object.data.len()));
    append_zlib(pack, &object.data, zlib);
}

/// Returns what an entry begins with: its kind, and the size of its data.
///
/// Source: gitformat-pack(5), "pack-*.pack files have the following format".
pub(super) fn entry_header(kind: u8, mut size: usize) -> Vec<u8> {
    let mut header = Vec::with_capacity(8);
    let mut byte = kind << 4 | (size & 0x0f) as u8;
    size >>= 4;
    while size > 0 {
        header.push(byte | 0x80);
        byte = (size & 0x7f) as u8;
        size >>= 7;
    }
    header.push(byte);
    header
}

/// Appends data under zlib.
pub(super) fn append_zlib(pack: &mut Vec<u8>, data: &[u8], zlib: &mut Compress) {
    zlib.reset();
    let (mut n_read, mut status) = (0, Status::Ok);
    while status != Status::StreamEnd {
        pack.reserve(64 + data.len() / 2);
        let rest = &data[n_read..];
        let before = zlib.total_in();
        status = zlib
            .compress_vec(rest, pack, FlushCompress::Finish)
            .expect("the stream was reset, and is finished once");
        n_read += (zlib.total_in() - before) as usize;
    }
}

/// Returns the hash of `bytes`.
pub(super) fn hash(hash_kind: HashKind, bytes: &[u8]) -> Result<Oid, PackError> {
    let mut hasher = gix::hash::hasher(gix_kind(hash_kind));
    hasher.update(bytes);
    let id = hasher.try_finalize().map_err(|_| PackError::Collision)?;
    Ok(oid_of(&id))
}
