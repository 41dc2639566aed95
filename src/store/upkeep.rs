//! Keeping a repository quick that gets many sessions, by git's own means.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::time::Duration;

use super::native::{SessionLock, SharedMode, make_dirs};
use super::open::RefFormat;
use super::{Store, StoreError, git};

/// How often it is looked whether something is to be done.
const INTERVAL: Duration = Duration::from_secs(3600);
/// The lock of who looks.
const LOCK: &str = "upkeep";
/// From how many refs with a file each on they are packed.
const MANY_LOOSE: usize = 1_000;

impl Store {
    /// Tells whether it is time to look after the repository, and notes that somebody does. The first time it only
    /// begins to count. The time is that of the lock's file.
    pub fn begins_upkeep(&self) -> bool {
        if self.check_writable().is_err() {
            return false;
        }
        let dir = self.local_dir().join("locks");
        let path = dir.join(LOCK);
        let modified_at = fs::metadata(&path).and_then(|it| it.modified());
        let is_due = match &modified_at {
            Ok(at) => self.started_at().duration_since(*at).is_ok_and(|age| age >= INTERVAL),
            Err(error) => {
                if error.kind() == ErrorKind::NotFound {
                    let shared = self.settings.shared.as_deref().and_then(SharedMode::parse);
                    let _ = make_dirs(&dir, shared.unwrap_or_default())
                        .and_then(|()| File::create(&path));
                }
                false
            }
        };
        // Where the time cannot be noted, each command would begin it anew.
        is_due && File::open(&path).and_then(|it| it.set_modified(self.started_at())).is_ok()
    }

    /// Takes the lock of who looks after the repository; `None` while somebody else does.
    pub fn lock_upkeep(&self) -> Option<SessionLock> {
        let shared = self.settings.shared.as_deref().and_then(SharedMode::parse);
        let shared = shared.unwrap_or_default();
        SessionLock::acquire_named(&self.common_dir, shared, LOCK, Duration::ZERO).ok()
    }

    /// Packs the refs of sessions if many have a file each, and has git do what it finds due.
    ///
    /// `git pack-refs` holds its lock while it writes one file, and no ref's lock for longer than it takes to remove
    /// its file; what git finds due, and whether anything is, is the user's configuration's.
    ///
    /// # Errors
    /// [`StoreError::Io`] with what git says.
    pub fn pack(&self) -> Result<(), StoreError> {
        self.check_writable()?;
        let is_many = || {
            let entries = self.common_dir.join("refs/sessions").read_dir();
            entries.is_ok_and(|entries| entries.take(MANY_LOOSE).count() == MANY_LOOSE)
        };
        if self.refs == RefFormat::Files && is_many() {
            let mut command = git::command(self);
            command.args(["pack-refs", "--all"]);
            git::expect_success(&git::run_long(&mut command)?, "cannot pack refs")?;
        }
        let mut command = git::command(self);
        command.args(["maintenance", "run", "--auto", "--quiet"]);
        git::expect_success(&git::run_long(&mut command)?, "cannot run git maintenance")
    }
}
