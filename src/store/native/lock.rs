use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use super::fault::Doing;
use super::medium::share;
use super::{IoFault, SharedMode};

/// Why a lock was not obtained.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// Somebody else held it for the whole time.
    #[error("'{}' is locked by another process", path.display())]
    Busy {
        /// The lock file.
        path: PathBuf,
    },
    /// The file system refused.
    #[error(transparent)]
    Io(#[from] IoFault),
}

/// The right to write a session, for one process at a time.
///
/// It is a flock(2) on one of 256 files, `<common dir>/session/locks/<last byte of the id in hex>`,
/// so two sessions sometimes share a lock; nobody may hold two of them. The kernel releases it when
/// the process ends, however that comes about; dropping the value releases it too. Git does not know
/// it: against git's own writers there is the compare-and-swap.
#[derive(Debug)]
pub struct SessionLock {
    _flock: Flock,
}

/// A locked file that is unlocked when it is dropped.
///
/// Closing it is not enough: a child that another thread is just starting has all files of this
/// process until it runs its program, and with them the lock.
#[derive(Debug)]
pub(super) struct Flock(pub(super) File);

impl Drop for Flock {
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

impl SessionLock {
    /// Waits at most `timeout` for the lock of the sessions whose id ends in `last_byte_of_id`.
    ///
    /// # Errors
    /// [`LockError::Busy`], [`LockError::Io`].
    pub fn acquire(
        common_dir: &Path,
        shared: SharedMode,
        last_byte_of_id: u8,
        timeout: Duration,
    ) -> Result<SessionLock, LockError> {
        SessionLock::acquire_named(common_dir, shared, &format!("{last_byte_of_id:02x}"), timeout)
    }

    /// Waits at most `timeout` for the lock called `name`, a file name.
    ///
    /// # Errors
    /// [`LockError::Busy`], [`LockError::Io`].
    pub fn acquire_named(
        common_dir: &Path,
        shared: SharedMode,
        name: &str,
        timeout: Duration,
    ) -> Result<SessionLock, LockError> {
        let path = common_dir.join("session/locks").join(name);
        loop {
            let file = open(&path, shared)?;
            let flock = match file.try_lock() {
                Ok(()) => Flock(file),
                Err(TryLockError::WouldBlock) => wait(file, &path, timeout)?,
                Err(TryLockError::Error(source)) => Err(source).doing("lock", &path)?,
            };
            // The directory may have been deleted and made anew while we waited.
            if is_still_at(&flock.0, &path) {
                return Ok(SessionLock { _flock: flock });
            }
        }
    }
}

/// Opens a lock file, creating it and its directories if need be.
fn open(path: &Path, shared: SharedMode) -> Result<File, IoFault> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).mode(0o666);
    let file = match options.open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            make_locks_dir(path.parent().unwrap_or(path), shared)?;
            options.open(path)
        }
        other => other,
    };
    let file = file.doing("open", path)?;
    // Only the owner may, and has done it.
    let _ = share(&file, shared.file(0o666));
    Ok(file)
}

/// Creates the directories of the lock files. Nothing durable depends on them.
fn make_locks_dir(dir: &Path, shared: SharedMode) -> Result<(), IoFault> {
    fs::create_dir_all(dir).doing("create directory", dir)?;
    for dir in dir.ancestors().take(2) {
        let _ = File::open(dir).and_then(|it| share(&it, shared.dir()));
    }
    Ok(())
}

/// Waits in a thread for the lock, which has no timeout of its own. A thread that waits in vain
/// releases the lock as soon as it gets it.
fn wait(file: File, path: &Path, timeout: Duration) -> Result<Flock, LockError> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let locked = loop {
            match file.lock() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other.map(|()| Flock(file)),
            }
        };
        let _ = sender.send(locked);
    });
    match receiver.recv_timeout(timeout) {
        Ok(locked) => Ok(locked.doing("lock", path)?),
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
            Err(LockError::Busy { path: path.to_owned() })
        }
    }
}

fn is_still_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::metadata(path)) {
        (Ok(own), Ok(found)) => own.ino() == found.ino() && own.dev() == found.dev(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_lock_is_released_even_while_a_copy_of_the_file_is_open() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("lock");
        let file = open(&path, SharedMode::Umask).expect("created");
        let copy = file.try_clone().expect("as a child has it");
        file.try_lock().expect("free");
        drop(Flock(file));
        let other = open(&path, SharedMode::Umask).expect("opened");
        other.try_lock().expect("released");
        drop(copy);
    }
}
