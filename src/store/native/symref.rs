use std::path::Path;
use std::time::SystemTime;

use super::reflock::{RefLock, Terms};
use super::refs::read_loose;
use super::{CasError, Medium, RefStore, RefValue, SessionLock};

/// Returns what `name` in `git_dir` holds, the git directory of a main or a linked worktree, for a
/// name that each worktree has for itself (`refs/worktree/...`); `None` if it does not exist.
///
/// # Errors
/// [`CasError::Corrupt`], [`CasError::Io`].
pub fn read_symref(
    medium: &dyn Medium,
    git_dir: &Path,
    name: &str,
) -> Result<Option<RefValue>, CasError> {
    read_loose(medium, &git_dir.join(name), name)
}

/// Makes `name` in `git_dir` point at the ref `target`, whatever it held. Once it returns, that
/// survives a power cut.
///
/// `held` is the flock called [`SYMREF_LOCK`].
///
/// # Errors
/// [`CasError`] but for `Raced` and `Symbolic`.
pub fn write_symref(
    medium: &dyn Medium,
    store: &RefStore,
    _held: &SessionLock,
    git_dir: &Path,
    name: &str,
    target: &str,
    now: SystemTime,
) -> Result<(), CasError> {
    let terms = Terms {
        shared: store.shared,
        timeout: store.lock_timeout,
        now,
        is_stale: &|bytes| bytes.starts_with(b"ref: refs/sessions/"),
        is_first: !matches!(read_symref(medium, git_dir, name), Ok(Some(_))),
        is_lasting: true,
    };
    let contents = format!("ref: {target}\n");
    let lock = RefLock::take(medium, git_dir, name, contents.as_bytes(), &terms)?;
    let answer = publish(medium, &lock, git_dir, name, target);
    match answer {
        Ok(()) | Err(CasError::Unsettled { .. }) => lock.clean(),
        Err(_) => lock.cancel(),
    }
    answer
}

/// The name of the flock under which the symbolic refs of all worktrees are written.
pub const SYMREF_LOCK: &str = "worktree";

fn publish(
    medium: &dyn Medium,
    lock: &RefLock<'_>,
    git_dir: &Path,
    name: &str,
    target: &str,
) -> Result<(), CasError> {
    if !lock.is_ours() {
        return Err(CasError::Broken { name: name.to_owned() });
    }
    lock.publish(None)?;
    lock.settle(None).map_err(|source| CasError::Unsettled { name: name.to_owned(), source })?;
    match read_symref(medium, git_dir, name)? {
        Some(RefValue::Symbolic(found)) if found == target => Ok(()),
        found => Err(CasError::NotWritten {
            name: name.to_owned(),
            found: match found {
                Some(RefValue::Object(oid)) => Some(oid),
                _ => None,
            },
        }),
    }
}
