//! Deleting many refs whose objects another ref keeps by now.
//!
//! Nothing is lost if one of them comes back, so nobody is waited for that might bring it back. What must not happen
//! is that a ref gets an older value: a value in `packed-refs` that a ref's own file hides goes before that file.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use super::delete::{heal_packed, remove_from_packed};
use super::fault::Doing;
use super::reflock::{RefLock, Terms};
use super::refs::{read_loose, read_packed};
use super::{CasError, LockError, Medium, RefStore, RefValue, SessionLock, WriteError};
use crate::model::Oid;

/// How long to wait for those who write a session, whose ref stays otherwise.
const LOCK_TIMEOUT: Duration = Duration::from_secs(1);

/// A ref to be deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doomed {
    /// The full name.
    pub name: String,
    /// The last byte of the session's id, which says which flock covers the ref.
    pub last_byte_of_id: u8,
    /// The value that the ref must have.
    pub expected: Oid,
}

/// Deletes those of the refs that have the expected value, and their reflogs; the others stay. `packed-refs` is
/// written once. The caller holds no lock of a session.
///
/// # Errors
/// [`WriteError::Lock`], [`WriteError::Ref`]; some of the refs may be gone then.
pub fn delete_refs(
    medium: &dyn Medium,
    store: &RefStore,
    refs: &[Doomed],
    now: SystemTime,
) -> Result<(), WriteError> {
    heal_packed(medium, store);
    let by_name: HashMap<&[u8], Oid> =
        refs.iter().map(|it| (it.name.as_bytes(), it.expected)).collect();
    let is_dropped = |name: &[u8], value: &[u8]| {
        by_name.get(name).is_some_and(|expected| {
            let is_expected = std::str::from_utf8(value).ok().and_then(Oid::from_hex);
            is_expected == Some(*expected) || is_hidden(medium, store, name, *expected)
        })
    };
    remove_from_packed(medium, store, &is_dropped)?;
    let mut sorted: Vec<&Doomed> = refs.iter().collect();
    sorted.sort_by_key(|it| it.last_byte_of_id);
    for group in sorted.chunk_by(|a, b| a.last_byte_of_id == b.last_byte_of_id) {
        remove_group(medium, store, group, now)?;
    }
    let dir = store.common_dir.join("refs/sessions");
    match medium.sync_dir(&dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Ok(Err(error).doing("sync directory", &dir).map_err(CasError::from)?)
        }
        _ => Ok(()),
    }
}

/// Tells whether a packed value counts for nothing, since the ref's own file has the expected one.
fn is_hidden(medium: &dyn Medium, store: &RefStore, name: &[u8], expected: Oid) -> bool {
    let Ok(name) = std::str::from_utf8(name) else { return false };
    let loose = read_loose(medium, &store.common_dir.join(name), name);
    matches!(loose, Ok(Some(RefValue::Object(oid))) if oid == expected)
}

/// Removes the files of refs that one flock covers.
fn remove_group(
    medium: &dyn Medium,
    store: &RefStore,
    group: &[&Doomed],
    now: SystemTime,
) -> Result<(), WriteError> {
    let dir = &store.common_dir;
    let has_files = |it: &&&Doomed| {
        let places = [dir.join(&it.name), dir.join("logs").join(&it.name)];
        places.iter().any(|path| medium.identity(path).is_ok())
    };
    let with_files: Vec<&&Doomed> = group.iter().filter(has_files).collect();
    let Some(first) = with_files.first() else { return Ok(()) };
    let last_byte = first.last_byte_of_id;
    let _held = match SessionLock::acquire(dir, store.shared, last_byte, LOCK_TIMEOUT) {
        Err(LockError::Busy { .. }) => return Ok(()),
        other => other?,
    };
    for doomed in with_files {
        remove_files(medium, store, doomed, now)?;
    }
    Ok(())
}

/// Removes a ref's own file and its log, unless it has another value or somebody else has locked it.
fn remove_files(
    medium: &dyn Medium,
    store: &RefStore,
    doomed: &Doomed,
    now: SystemTime,
) -> Result<(), CasError> {
    let contents = format!("{}\n", doomed.expected);
    let terms = Terms {
        shared: store.shared,
        timeout: Duration::ZERO,
        now,
        is_stale: &|bytes| bytes == contents.as_bytes(),
        is_first: false,
        is_lasting: false,
    };
    let (dir, name) = (&store.common_dir, &doomed.name);
    let lock = match RefLock::take(medium, dir, name, contents.as_bytes(), &terms) {
        Err(CasError::Locked { .. }) => return Ok(()),
        other => other?,
    };
    let is_doomed = || {
        let packed = read_packed(store, name)?;
        let loose = read_loose(medium, &dir.join(name), name)?;
        let is_expected = loose.is_none() || loose == Some(RefValue::Object(doomed.expected));
        Ok::<bool, CasError>(packed.is_none() && is_expected && lock.is_ours())
    };
    match is_doomed() {
        Ok(true) => {}
        other => {
            lock.cancel();
            return other.map(drop);
        }
    }
    match lock.remove() {
        Ok(()) => lock.discard(),
        Err(fault) => {
            lock.cancel();
            return Err(fault.into());
        }
    }
    Ok(())
}
