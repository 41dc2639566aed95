//! Deleting a ref.
//!
//! Git takes `packed-refs.lock` for every deletion, and leaves it behind when it is killed, which
//! stops all later deletions and `git gc`. We need it only for a ref that is packed:
//! - The ref's own lock is taken. If its reflog is the lock, the log goes with it.
//! - If the ref is packed, `packed-refs` is replaced by one without it. Everything is prepared and
//!   durable before, so that the lock stands for the moment between two system calls.
//! - The ref's own file is removed.
//! - A `git pack-refs` that read that file before would bring the ref back. It has held
//!   `packed-refs.lock` since before it read: once that lock is seen free and the ref is not packed,
//!   the ref is gone. Otherwise, again.

use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, SystemTime};

use super::fault::Doing;
use super::leftover::remove_left;
use super::reflock::{RefLock, Terms, heal};
use super::refs::{read_loose, read_packed, read_ref};
use super::{CasError, IoFault, LockError, Medium, RefStore, RefValue, SessionLock, WriteError};
use crate::model::Oid;

/// How long to wait for `packed-refs.lock`: git's default of `core.packedRefsTimeout`.
const PACKED_TIMEOUT: Duration = Duration::from_secs(1);
/// How often a ref is removed that comes back.
const MAX_ATTEMPTS: usize = 5;
/// The flock under which `packed-refs` is replaced.
const PACKED_LOCK: &str = "packed";

/// Removes the ref called `name` if it has the expected value, and its reflog. Once it returns, that
/// survives a power cut.
///
/// `held` is the flock that covers this ref.
///
/// # Errors
/// [`WriteError::Lock`], [`WriteError::Ref`]: after [`CasError::Unsettled`] and
/// [`CasError::NotWritten`] the ref may be gone; otherwise it was left alone.
pub fn delete_ref(
    medium: &dyn Medium,
    store: &RefStore,
    _held: &SessionLock,
    name: &str,
    expected: Oid,
    now: SystemTime,
) -> Result<(), WriteError> {
    let dir = &store.common_dir;
    let contents = format!("{expected}\n");
    let is_stale = |bytes: &[u8]| bytes == contents.as_bytes();
    let terms = Terms {
        shared: store.shared,
        timeout: store.lock_timeout,
        now,
        is_stale: &is_stale,
        is_first: false,
        is_lasting: false,
    };
    let lock = RefLock::take(medium, dir, name, contents.as_bytes(), &terms)?;
    match remove_under_lock(medium, store, name, expected, &lock) {
        Ok(()) => lock.discard(),
        Err(error) => {
            lock.cancel();
            return Err(error);
        }
    }
    let unsettled = |source| CasError::Unsettled { name: name.to_owned(), source };
    Ok(lock.settle(None).map_err(unsettled)?)
}

/// Removes a symbolic ref of a worktree (`refs/worktree/...`, which git never packs) in `git_dir`,
/// if it points at `target`; tells whether it did.
///
/// `held` is the flock called [`super::SYMREF_LOCK`].
///
/// # Errors
/// [`CasError`] but for `Raced` and `Symbolic`.
pub fn delete_symref(
    medium: &dyn Medium,
    store: &RefStore,
    _held: &SessionLock,
    git_dir: &Path,
    name: &str,
    target: &str,
    now: SystemTime,
) -> Result<bool, CasError> {
    let points_there = || match read_loose(medium, &git_dir.join(name), name)? {
        Some(RefValue::Symbolic(found)) => Ok(found == target),
        _ => Ok::<_, CasError>(false),
    };
    heal(medium, store.shared, git_dir, name)?;
    if !points_there()? {
        return Ok(false);
    }
    let terms = Terms {
        shared: store.shared,
        timeout: store.lock_timeout,
        now,
        is_stale: &|bytes| bytes.starts_with(b"ref: refs/sessions/"),
        is_first: false,
        is_lasting: false,
    };
    let contents = format!("ref: {target}\n");
    let lock = RefLock::take(medium, git_dir, name, contents.as_bytes(), &terms)?;
    if !points_there()? || !lock.is_ours() {
        lock.cancel();
        return Ok(false);
    }
    if let Err(fault) = lock.remove() {
        lock.cancel();
        return Err(fault.into());
    }
    lock.discard();
    let unsettled = |source| CasError::Unsettled { name: name.to_owned(), source };
    lock.settle(None).map_err(unsettled)?;
    Ok(true)
}

/// Compares, and removes the ref until it stays away.
fn remove_under_lock(
    medium: &dyn Medium,
    store: &RefStore,
    name: &str,
    expected: Oid,
    lock: &RefLock<'_>,
) -> Result<(), WriteError> {
    let owned = || name.to_owned();
    match read_ref(medium, store, name)? {
        Some(RefValue::Object(oid)) if oid == expected => {}
        Some(RefValue::Symbolic(_)) => return Err(CasError::Symbolic { name: owned() }.into()),
        found => return Err(CasError::Raced { name: owned(), found: oid_in(found) }.into()),
    }
    if !lock.is_ours() {
        return Err(CasError::Broken { name: owned() }.into());
    }
    heal_packed(medium, store);
    await_packer(medium, store)?;
    for _ in 0..MAX_ATTEMPTS {
        if read_packed(store, name)?.is_some() {
            remove_from_packed(medium, store, &|found, _| found == name.as_bytes())?;
        }
        lock.remove().map_err(CasError::from)?;
        let not_written = |_| CasError::NotWritten { name: owned(), found: None };
        await_packer(medium, store).map_err(not_written)?;
        match read_ref(medium, store, name)? {
            None => return Ok(()),
            Some(RefValue::Object(oid)) if oid == expected => {}
            found => {
                return Err(CasError::NotWritten { name: owned(), found: oid_in(found) }.into());
            }
        }
    }
    Err(CasError::NotWritten { name: owned(), found: Some(expected) }.into())
}

fn oid_in(value: Option<RefValue>) -> Option<Oid> {
    match value {
        Some(RefValue::Object(oid)) => Some(oid),
        _ => None,
    }
}

/// Waits until nobody replaces `packed-refs`.
fn await_packer(medium: &dyn Medium, store: &RefStore) -> Result<(), CasError> {
    let path = store.common_dir.join("packed-refs.lock");
    let mut waited = Duration::ZERO;
    let pause = Duration::from_millis(2);
    while medium.identity(&path).is_ok() {
        if waited >= PACKED_TIMEOUT {
            return Err(CasError::Locked { path });
        }
        sleep(pause);
        waited += pause;
    }
    Ok(())
}

/// The files around `packed-refs`. The lock is a link to the new file, which proves it ours.
struct Packed {
    dir: PathBuf,
    path: PathBuf,
    new: PathBuf,
    lock: PathBuf,
}

impl Packed {
    fn of(store: &RefStore) -> Packed {
        let dir = store.common_dir.clone();
        Packed {
            path: dir.join("packed-refs"),
            new: dir.join("packed-refs~new.lock"),
            lock: dir.join("packed-refs.lock"),
            dir,
        }
    }

    /// Removes what a dead process left.
    fn heal(&self, medium: &dyn Medium) -> Result<(), IoFault> {
        match medium.identity(&self.new) {
            Ok(_) => remove_left(medium, &self.new, &self.lock),
            Err(_) => Ok(()),
        }
    }

    /// Replaces the file by one without the refs that are to be dropped; `false` if another program was faster.
    fn replace(
        &self,
        medium: &dyn Medium,
        store: &RefStore,
        is_dropped: &IsDropped<'_>,
    ) -> Result<bool, WriteError> {
        let fail = |fault: IoFault| WriteError::Ref(fault.into());
        let before = medium.identity(&self.path).doing("examine", &self.path).map_err(fail)?;
        let contents = medium.read(&self.path).doing("read", &self.path).map_err(fail)?;
        let (contents, n_dropped) = without(&contents, is_dropped);
        if n_dropped == 0 {
            return Ok(true);
        }
        let file = medium
            .create_new(&self.new, &contents, store.shared.file(0o666))
            .doing("write", &self.new)
            .map_err(fail)?;
        medium.sync_file(&self.new, &file).doing("sync", &self.new).map_err(fail)?;
        match medium.hard_link(&self.new, &self.lock) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                await_packer(medium, store)?;
                return Ok(false);
            }
            other => other.doing("lock packed refs with", &self.lock).map_err(fail)?,
        }
        if before.is_symlink || medium.identity(&self.path).ok() != Some(before) {
            return Ok(false);
        }
        medium.rename(&self.lock, &self.path).doing("rename", &self.lock).map_err(fail)?;
        medium.sync_dir(&self.dir).doing("sync directory", &self.dir).map_err(fail)?;
        Ok(true)
    }
}

/// Removes what a dead process left of its lock on `packed-refs`, at once if nobody else does.
pub(super) fn heal_packed(medium: &dyn Medium, store: &RefStore) {
    let packed = Packed::of(store);
    if medium.identity(&packed.new).is_err() {
        return;
    }
    let (dir, shared) = (&store.common_dir, store.shared);
    if SessionLock::acquire_named(dir, shared, PACKED_LOCK, Duration::ZERO).is_ok()
        && let Err(error) = packed.heal(medium)
    {
        tracing::debug!(%error, "a lock on packed-refs stays");
    }
}

/// Tells by its name and its value whether a packed ref is to go.
pub(super) type IsDropped<'a> = dyn Fn(&[u8], &[u8]) -> bool + 'a;

/// Removes refs from `packed-refs`, all at once.
pub(super) fn remove_from_packed(
    medium: &dyn Medium,
    store: &RefStore,
    is_dropped: &IsDropped<'_>,
) -> Result<(), WriteError> {
    let (dir, shared) = (&store.common_dir, store.shared);
    let _held = SessionLock::acquire_named(dir, shared, PACKED_LOCK, PACKED_TIMEOUT)
        .map_err(|error: LockError| WriteError::Lock(error))?;
    let packed = Packed::of(store);
    if medium.identity(&packed.path).is_err() {
        return Ok(());
    }
    for _ in 0..MAX_ATTEMPTS {
        packed.heal(medium).map_err(CasError::from)?;
        let replaced = packed.replace(medium, store, is_dropped);
        // The other name of the new file, and the lock if it is still the same.
        let healed = packed.heal(medium);
        if replaced? {
            return Ok(healed.map_err(CasError::from)?);
        }
    }
    Err(CasError::Locked { path: packed.lock }.into())
}

/// Returns the lines of `packed-refs` but those of some refs, their own and what their tags are peeled to; and how
/// many refs were left out.
///
/// Source: git `refs/packed-backend.c`, "The packed-refs header line".
fn without(packed: &[u8], is_dropped: &IsDropped<'_>) -> (Vec<u8>, usize) {
    let mut kept = Vec::with_capacity(packed.len());
    let (mut drops, mut n_dropped) = (false, 0);
    for line in packed.split_inclusive(|byte| *byte == b'\n') {
        if !line.starts_with(b"^") {
            let mut parts = line.splitn(2, |byte| *byte == b' ');
            let value = parts.next().unwrap_or_default();
            let name = parts.next().unwrap_or_default().trim_ascii_end();
            drops = !line.starts_with(b"#") && is_dropped(name, value);
            n_dropped += usize::from(drops);
        }
        if !drops {
            kept.extend_from_slice(line);
        }
    }
    (kept, n_dropped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_ref_is_dropped_with_its_peeled_line_and_no_other() {
        let before = b"# pack-refs with: peeled fully-peeled sorted \n\
            1 refs/heads/a\n2 refs/sessions/x\n^3\n4 refs/sessions/xy\n^5\n";
        let after = b"# pack-refs with: peeled fully-peeled sorted \n\
            1 refs/heads/a\n4 refs/sessions/xy\n^5\n";
        let is_it = |name: &[u8], value: &[u8]| name == b"refs/sessions/x" && value == b"2";
        assert_eq!(without(before, &is_it), (after.to_vec(), 1));
        assert_eq!(without(after, &is_it), (after.to_vec(), 0));
    }
}
