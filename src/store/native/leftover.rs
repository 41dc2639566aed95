//! What a process leaves that dies with the lock on a ref; see `reflock::RefLock`.

use std::path::Path;

use super::fault::Doing;
use super::{IoFault, Medium};
use crate::model::Oid;

/// Removes the temporary file of a dead process, and first its lock if it died holding it.
pub(super) fn remove_left(medium: &dyn Medium, temp: &Path, lock: &Path) -> Result<(), IoFault> {
    let left = medium.identity(temp).doing("examine", temp)?;
    let is_holding = medium.identity(lock).is_ok_and(|held| held.inode == left.inode);
    if is_holding || hold_same_id(medium, temp, lock) {
        tracing::warn!(path = %lock.display(), "removing the lock of a dead process");
        medium.unlink(lock).doing("remove stale lock", lock)?;
    }
    medium.unlink(temp).doing("remove", temp)
}

/// Tells whether two files hold the same object id, as those of one process do and those of two
/// hardly: each makes its own commit.
fn hold_same_id(medium: &dyn Medium, one: &Path, other: &Path) -> bool {
    let id = |path| Oid::from_hex(std::str::from_utf8(&medium.read(path).ok()?).ok()?.trim_end());
    id(other).is_some_and(|held| id(one) == Some(held))
}
