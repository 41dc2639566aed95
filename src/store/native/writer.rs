use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::model::{HashKind, Oid};

use super::delete::heal_packed;
use super::reflock::heal;
use super::symref::SYMREF_LOCK;
use super::{
    CasError, Doomed, LockError, Medium, Object, PackError, PackName, RefStore, RefUpdate,
    RefValue, RollReport, SessionLock, compare_and_swap, delete_ref, delete_refs, delete_symref,
    encode_pack, read_ref, read_symref, roll, store_pack, write_symref,
};

/// Why a write failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The objects could not be stored; the ref was left alone.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// The ref was not moved, or may not have been.
    #[error(transparent)]
    Ref(#[from] CasError),
    /// The lock was not obtained; nothing was written.
    #[error(transparent)]
    Lock(#[from] LockError),
}

/// Where a repository keeps objects and refs, and how to write there.
pub struct Writer<'m> {
    /// The file system: [`super::Disk`].
    pub medium: &'m dyn Medium,
    /// `objects` in the common directory.
    pub objects_dir: PathBuf,
    /// The git directory of this worktree.
    pub git_dir: PathBuf,
    /// The refs, and the common directory.
    pub refs: RefStore,
}

/// One write: new objects, and the ref that will name them.
pub struct Write<'a> {
    /// All objects that the ref's expected value does not reach. One that is only somewhere in the
    /// repository must be among them: a `git gc` may be about to remove it there. May be empty.
    pub objects: &'a [Object],
    /// The ref's move.
    pub update: RefUpdate<'a>,
    /// A text that never comes twice, such as a random UUID.
    pub token: &'a str,
}

/// What a write has left to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The pack that was made; `None` if there were no objects.
    pub pack: Option<PackName>,
}

impl Written {
    /// Tells whether [`Writer::roll`] should be called: after one write in four, best without its lock.
    pub fn is_roll_due(&self) -> bool {
        self.pack.as_ref().is_some_and(PackName::is_roll_due)
    }
}

impl Writer<'_> {
    /// Waits at most `timeout` for the right to write the sessions whose id ends in
    /// `last_byte_of_id`.
    ///
    /// # Errors
    /// [`LockError::Busy`], [`LockError::Io`].
    pub fn lock(&self, last_byte_of_id: u8, timeout: Duration) -> Result<SessionLock, LockError> {
        let (common_dir, shared) = (&self.refs.common_dir, self.refs.shared);
        SessionLock::acquire(common_dir, shared, last_byte_of_id, timeout)
    }

    /// Stores the objects and moves the ref. Once it returns, both survive SIGKILL, a power cut and
    /// `git gc --prune=now`.
    ///
    /// # Errors
    /// [`WriteError::Pack`], [`WriteError::Ref`]: see there whether the ref was moved.
    pub fn write(&self, held: &SessionLock, write: &Write<'_>) -> Result<Written, WriteError> {
        // One look: a lock that a killed deletion left would fail the user's `git gc`.
        heal_packed(self.medium, &self.refs);
        let kept = match write.objects {
            [] => None,
            objects => {
                let encoded = encode_pack(self.refs.hash_kind, objects)?;
                let (dir, shared) = (&self.objects_dir, self.refs.shared);
                Some(store_pack(self.medium, dir, shared, &encoded, 0, write.token)?)
            }
        };
        let moved = compare_and_swap(self.medium, &self.refs, held, &write.update);
        let pack = kept.map(|kept| kept.release(self.medium));
        moved?;
        Ok(Written { pack })
    }

    /// Melts packs, and sweeps what dead processes left.
    ///
    /// # Errors
    /// As [`roll`]; nothing is lost then.
    pub fn roll(&self, token: &str, now: SystemTime) -> Result<RollReport, PackError> {
        heal_packed(self.medium, &self.refs);
        roll(
            self.medium,
            &self.objects_dir,
            &self.refs.common_dir,
            self.refs.hash_kind,
            self.refs.shared,
            token,
            now,
        )
    }

    /// Removes the ref called `name` if it has the expected value. Once it returns, that survives
    /// SIGKILL and a power cut.
    ///
    /// # Errors
    /// As [`delete_ref`].
    pub fn delete(
        &self,
        held: &SessionLock,
        name: &str,
        expected: Oid,
        now: SystemTime,
    ) -> Result<(), WriteError> {
        delete_ref(self.medium, &self.refs, held, name, expected, now)
    }

    /// Removes those of many refs that have the expected value, whose objects another ref keeps.
    ///
    /// # Errors
    /// As [`delete_refs`].
    pub fn delete_all(&self, refs: &[Doomed], now: SystemTime) -> Result<(), WriteError> {
        delete_refs(self.medium, &self.refs, refs, now)
    }

    /// Removes `name` (`refs/worktree/...`) in the worktree whose git directory is `git_dir` if it
    /// points at the ref `target`, waiting at most `timeout` for other processes.
    ///
    /// # Errors
    /// [`WriteError::Lock`], [`WriteError::Ref`].
    pub fn delete_symref(
        &self,
        git_dir: &Path,
        name: &str,
        target: &str,
        timeout: Duration,
        now: SystemTime,
    ) -> Result<bool, WriteError> {
        let (common_dir, shared) = (&self.refs.common_dir, self.refs.shared);
        let held = SessionLock::acquire_named(common_dir, shared, SYMREF_LOCK, timeout)?;
        let (medium, refs) = (self.medium, &self.refs);
        Ok(delete_symref(medium, refs, &held, git_dir, name, target, now)?)
    }

    /// Removes what a dead process left of its lock on the ref called `name`, and puts its reflog
    /// back; tells whether there was something. A write does this by itself.
    ///
    /// # Errors
    /// [`CasError::Io`].
    pub fn heal_ref(&self, _held: &SessionLock, name: &str) -> Result<bool, CasError> {
        let refs = &self.refs;
        Ok(heal(self.medium, refs.shared, &refs.common_dir, name)?)
    }

    /// Returns what the ref called `name` holds now; `None` if it does not exist.
    ///
    /// # Errors
    /// [`CasError::Corrupt`], [`CasError::Io`].
    pub fn read_ref(&self, name: &str) -> Result<Option<RefValue>, CasError> {
        read_ref(self.medium, &self.refs, name)
    }

    /// Returns what `name` (`refs/worktree/...`) holds in this worktree; `None` if it does not
    /// exist.
    ///
    /// # Errors
    /// [`CasError::Corrupt`], [`CasError::Io`].
    pub fn read_symref(&self, name: &str) -> Result<Option<RefValue>, CasError> {
        read_symref(self.medium, &self.git_dir, name)
    }

    /// Makes `name` (`refs/worktree/...`) point at the ref `target` in the worktree whose git
    /// directory is `git_dir`, waiting at most `timeout` for other processes.
    ///
    /// # Errors
    /// [`WriteError::Lock`], [`WriteError::Ref`].
    pub fn write_symref(
        &self,
        git_dir: &Path,
        name: &str,
        target: &str,
        timeout: Duration,
        now: SystemTime,
    ) -> Result<(), WriteError> {
        let (common_dir, shared) = (&self.refs.common_dir, self.refs.shared);
        let held = SessionLock::acquire_named(common_dir, shared, SYMREF_LOCK, timeout)?;
        let (medium, refs) = (self.medium, &self.refs);
        Ok(write_symref(medium, refs, &held, git_dir, name, target, now)?)
    }

    /// Returns the hash kind of the repository.
    pub fn hash_kind(&self) -> HashKind {
        self.refs.hash_kind
    }

    /// Returns the id that `name` has, if it is a plain ref.
    ///
    /// # Errors
    /// [`CasError::Symbolic`], [`CasError::Corrupt`], [`CasError::Io`].
    pub fn tip(&self, name: &str) -> Result<Option<Oid>, CasError> {
        match self.read_ref(name)? {
            None => Ok(None),
            Some(RefValue::Object(oid)) => Ok(Some(oid)),
            Some(RefValue::Symbolic(_)) => Err(CasError::Symbolic { name: name.to_owned() }),
        }
    }
}
