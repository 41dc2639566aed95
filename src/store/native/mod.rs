//! The native backend: git objects and files refs, written so that what was acknowledged stays.
//!
//! A write is: take the session's lock ([`SessionLock`]), encode the new objects as one small pack
//! ([`encode_pack`]), store it with a `.keep` ([`store_pack`]), move the ref
//! ([`compare_and_swap`]), drop the `.keep` ([`KeptPack::release`]), and now and then melt small
//! packs into larger ones ([`roll`]). [`Writer`] does it in this order; start reading there.
//!
//! What is promised: an acknowledged write survives SIGKILL, power loss and `git gc --prune=now`;
//! after a kill at any point the next write succeeds at once; no state in between displeases
//! `git fsck` or `git gc`. The order that holds it: pack data and index data are durable, then
//! their directory, then the ref's data, then (by rename) the ref, then its directory, then the
//! answer.
//!
//! This module knows nothing of sessions. It reads no environment, clock or randomness: the time
//! and a unique token are parameters. Every lasting effect goes through a [`Medium`], so that tests
//! can record, break and cut them.

mod delete;
mod delete_many;
mod delta;
mod fault;
mod idx;
mod keep;
mod leftover;
mod lock;
mod medium;
mod melt;
mod name;
mod pack;
mod reflock;
mod reflog;
mod refs;
mod roll;
mod shelf;
mod symref;
mod writer;

pub use delete::{delete_ref, delete_symref};
pub use delete_many::{Doomed, delete_refs};
pub use fault::IoFault;
pub use keep::{KeptPack, store_pack};
pub use lock::{LockError, SessionLock};
pub use medium::{Disk, Identity, Medium, Perm, SharedMode};
pub use name::PackName;
pub use pack::{EncodedPack, Object, PackError, encode_pack};
pub use reflog::Reflog;
pub use refs::{CasError, RefStore, RefUpdate, RefValue, compare_and_swap, read_ref};
pub use roll::{RollReport, roll};
pub use symref::{SYMREF_LOCK, read_symref, write_symref};
pub use writer::{Write, WriteError, Writer, Written};

use crate::model::{HashKind, Oid};

/// Creates a directory and its missing parents, which a power cut may take again.
pub(super) fn make_dirs(dir: &std::path::Path, shared: SharedMode) -> std::io::Result<()> {
    medium::make_dirs(&Disk, dir, shared, medium::Lasting::No).map_err(|fault| fault.source)
}

/// Returns gix's name of a hash kind.
fn gix_kind(kind: HashKind) -> gix::hash::Kind {
    match kind {
        HashKind::Sha1 => gix::hash::Kind::Sha1,
        HashKind::Sha256 => gix::hash::Kind::Sha256,
    }
}

/// Returns our name of an id from gix.
fn oid_of(id: &gix::hash::oid) -> Oid {
    Oid::from_bytes(id.as_bytes()).expect("gix has ids of 20 and of 32 bytes only")
}
