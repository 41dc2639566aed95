use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, SystemTime};

use super::fault::Doing;
use super::leftover::remove_left;
use super::medium::{Lasting, make_dirs};
use super::refs::CasError;
use super::{Identity, IoFault, Medium, SharedMode};
use crate::model::Oid;

/// The longest pause between two looks at a lock.
const MAX_PAUSE: Duration = Duration::from_millis(20);
/// How old a lock of somebody else must be before it may be called stale.
const STALE_AGE: Duration = Duration::from_secs(10);

/// Git's lock on a ref, `<ref>.lock`, and the ref's new contents beside it.
///
/// The contents are written and made durable as `<ref>~new.lock` first. Git and gix pass over every
/// name that ends in `.lock`, and no ref has a `~`. Then the lock is taken in one step:
/// - If the ref has a reflog, the log itself is moved to `<ref>.lock`, and back when the ref has its
///   new contents. For `git gc` locks every ref that has a reflog and fails if it cannot: so there
///   is never a log beside a lock, whatever survives of a process or of a power cut.
/// - Otherwise `<ref>~new.lock` is linked to `<ref>.lock`, which then becomes the ref.
///
/// Whoever takes it holds the flock of that ref ([`super::SessionLock`]). So what a process left
/// that died is known at once:
/// - `<ref>.lock` that holds a reflog, which no other program puts there: it goes back.
/// - `<ref>~new.lock`; if `<ref>.lock` is the same file, or (the repository was copied) holds the
///   same id, that process died holding the lock. Both are removed, the lock first, for the other
///   is the proof.
/// - `<ref>.lock` with anything else is git's (or ours after a power cut lost the proof). It is
///   waited for, and removed only if older than ten seconds and empty, cut short, or holding a
///   value that `is_stale` accepts.
pub(super) struct RefLock<'m> {
    medium: &'m dyn Medium,
    shared: SharedMode,
    path: PathBuf,
    log: PathBuf,
    temp: PathBuf,
    lock: PathBuf,
    /// Whether the lock is the reflog.
    is_log: bool,
    /// The file that is the lock; `None` if only its name is known.
    inode: Option<(u64, u64)>,
}

/// How to take a lock.
pub(super) struct Terms<'a> {
    /// Who may read and write the ref.
    pub(super) shared: SharedMode,
    /// How long to wait for somebody else.
    pub(super) timeout: Duration,
    /// The present, to judge the age of somebody else's lock.
    pub(super) now: SystemTime,
    /// Whether somebody else's old lock with these contents may be removed.
    pub(super) is_stale: &'a dyn Fn(&[u8]) -> bool,
    /// Whether this may be the first ref in its directory, so that the directory's own name must be
    /// made durable as well. (Who made the directory may have died before doing so.)
    pub(super) is_first: bool,
    /// Whether the contents are to become the ref's, and must be durable before.
    pub(super) is_lasting: bool,
}

impl<'m> RefLock<'m> {
    /// Takes the lock on the ref `name` below `git_dir`, to give it `contents`.
    pub(super) fn take(
        medium: &'m dyn Medium,
        git_dir: &Path,
        name: &str,
        contents: &[u8],
        terms: &Terms<'_>,
    ) -> Result<RefLock<'m>, CasError> {
        let path = git_dir.join(name);
        let mut taken = RefLock {
            medium,
            shared: terms.shared,
            log: log_of(git_dir, name),
            temp: with_suffix(&path, "~new.lock"),
            lock: with_suffix(&path, ".lock"),
            path,
            is_log: false,
            inode: None,
        };
        let file = taken.prepare(contents, terms)?;
        match taken.acquire(&file, terms) {
            Ok(()) => Ok(taken),
            Err(error) => {
                taken.clean();
                Err(error)
            }
        }
    }

    /// Takes the lock, waiting for another holder or removing one that is gone.
    fn acquire(&mut self, file: &File, terms: &Terms<'_>) -> Result<(), CasError> {
        let mut waited = Duration::ZERO;
        let mut pause = Duration::from_millis(1);
        loop {
            match self.try_acquire(file) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                other => return Ok(other.doing("lock ref with", &self.lock)?),
            }
            if self.put_back_left()? || self.remove_if_stale(terms)? {
                continue;
            }
            if waited >= terms.timeout {
                return Err(CasError::Locked { path: self.lock.clone() });
            }
            pause = pause.min(terms.timeout - waited);
            sleep(pause);
            waited += pause;
            pause = (pause * 2).min(MAX_PAUSE);
        }
    }

    /// Moves the log to the lock, or links `file` to it; `AlreadyExists` if the lock is held.
    fn try_acquire(&mut self, file: &File) -> io::Result<()> {
        match self.medium.rename_new(&self.log, &self.lock) {
            Err(error) if is_no_log(&error) => {
                self.medium.hard_link(&self.temp, &self.lock)?;
                self.inode = inode_of(file.metadata().and_then(|it| Identity::of(&it)));
            }
            Err(error) => return Err(error),
            Ok(()) => {
                self.is_log = true;
                self.inode = inode_of(self.medium.identity(&self.lock));
            }
        }
        Ok(())
    }

    /// Puts the log of a dead process back if it is the lock; tells whether it is.
    fn put_back_left(&self) -> Result<bool, IoFault> {
        let is_log = self.medium.read(&self.lock).is_ok_and(|contents| is_reflog(&contents));
        if is_log {
            tracing::warn!(path = %self.lock.display(), "putting the reflog of a dead process back");
            self.put_back_over()?;
        }
        Ok(is_log)
    }

    /// Moves the lock of a dead process back to be the log. A log that has come into being meanwhile
    /// is younger.
    fn put_back_over(&self) -> Result<(), IoFault> {
        let held = inode_of(self.medium.identity(&self.lock));
        let found = inode_of(self.medium.identity(&self.log));
        if found.is_some() && found == held {
            let removed = self.medium.unlink(&self.lock);
            return removed.doing("remove stale lock", &self.lock);
        }
        if found.is_some() {
            let younger = self.medium.read(&self.log).doing("read", &self.log)?;
            let appended = self.medium.append(&self.lock, &younger, self.shared.file(0o666));
            appended.doing("append to reflog", &self.lock)?;
        }
        self.put_back()
    }

    /// Moves the lock back to be the log.
    fn put_back(&self) -> Result<(), IoFault> {
        let rename = || self.medium.rename(&self.lock, &self.log);
        match rename() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make_dirs(self.medium, parent(&self.log), self.shared, Lasting::No)?;
                rename()
            }
            other => other,
        }
        .doing("rename lock", &self.lock)
    }

    /// Removes somebody else's lock if it is old and its contents agree; tells whether it is gone.
    fn remove_if_stale(&self, terms: &Terms<'_>) -> Result<bool, IoFault> {
        let (Ok(before), Ok(contents)) =
            (self.medium.identity(&self.lock), self.medium.read(&self.lock))
        else {
            return Ok(matches!(
                self.medium.identity(&self.lock),
                Err(error) if error.kind() == io::ErrorKind::NotFound
            ));
        };
        let age = terms.now.duration_since(before.modified_at);
        let is_old = age.is_ok_and(|age| age >= STALE_AGE);
        if !is_old || contents.ends_with(b"\n") && !(terms.is_stale)(&contents) {
            return Ok(false);
        }
        if self.medium.identity(&self.lock).ok() == Some(before) {
            tracing::warn!(path = %self.lock.display(), "removing a stale lock");
            self.medium.unlink(&self.lock).doing("remove stale lock", &self.lock)?;
        }
        Ok(true)
    }

    /// Tells whether the lock is still the file that it was.
    pub(super) fn is_ours(&self) -> bool {
        let found = self.medium.identity(&self.lock);
        found.is_ok_and(|found| self.inode.is_none_or(|own| own == found.inode))
    }

    /// Gives the ref its new contents, so that the others see them, and releases the lock, which
    /// gets `line` if it is the log.
    pub(super) fn publish(&self, line: Option<&str>) -> Result<(), IoFault> {
        if !self.is_log {
            let published = self.medium.rename(&self.lock, &self.path);
            return published.doing("rename lock", &self.lock);
        }
        let published = self.medium.rename(&self.temp, &self.path);
        published.doing("rename", &self.temp)?;
        self.append(&self.lock, line);
        if let Err(error) = self.put_back() {
            tracing::warn!(path = %self.lock.display(), %error, "a lock stays");
        }
        Ok(())
    }

    /// Makes what was published durable; a new log with `line` begins only then, since a power cut
    /// might have brought the lock back.
    pub(super) fn settle(&self, line: Option<&str>) -> Result<(), IoFault> {
        let dir = parent(&self.path);
        self.medium.sync_dir(dir).doing("sync directory", dir)?;
        if !self.is_log {
            self.append(&self.log, line);
        }
        Ok(())
    }

    /// Appends to the log, of which no answer says anything.
    fn append(&self, log: &Path, line: Option<&str>) {
        let Some(line) = line else { return };
        let append = || self.medium.append(log, line.as_bytes(), self.shared.file(0o666));
        let appended = match append() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make_dirs(self.medium, parent(log), self.shared, Lasting::No)
                    .and_then(|()| append().doing("append to", log))
            }
            other => other.doing("append to", log),
        };
        if let Err(error) = appended {
            tracing::warn!(path = %self.log.display(), %error, "the reflog lacks a line");
        }
    }

    /// Removes the ref's own file; it is fine if there is none.
    pub(super) fn remove(&self) -> Result<(), IoFault> {
        match self.medium.unlink(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other.doing("remove ref", &self.path),
        }
    }

    /// Releases the lock of a ref that is gone, and with it the reflog.
    pub(super) fn discard(&self) {
        if self.is_ours()
            && let Err(error) = self.medium.unlink(&self.lock)
        {
            tracing::warn!(path = %self.lock.display(), %error, "a lock stays");
            return;
        }
        self.clean();
    }

    /// Releases the lock if it is ours, and removes the temporary file. If the lock stays, so does
    /// the file: it is the proof by which the next write removes both.
    pub(super) fn cancel(&self) {
        if self.is_ours() {
            let released = match self.is_log {
                true => self.put_back(),
                false => self.medium.unlink(&self.lock).doing("remove", &self.lock),
            };
            if let Err(error) = released {
                tracing::warn!(%error, "a lock stays");
                return;
            }
        }
        self.clean();
    }

    /// Removes the temporary file; if that fails, the next write of the ref does it.
    pub(super) fn clean(&self) {
        match self.medium.unlink(&self.temp) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::debug!(path = %self.temp.display(), %error, "a temporary file stays");
            }
            _ => {}
        }
    }

    /// Writes the durable temporary file, after removing what a dead process left.
    fn prepare(&self, contents: &[u8], terms: &Terms<'_>) -> Result<File, IoFault> {
        if self.medium.identity(&self.temp).is_ok() {
            remove_left(self.medium, &self.temp, &self.lock)?;
        }
        let written = write_durably(self.medium, &self.temp, contents, terms);
        if written.is_err() {
            let _ = self.medium.unlink(&self.temp);
        }
        written
    }
}

/// Tells whether there is no log that can be moved to the lock: none at all, or on another device.
fn is_no_log(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::CrossesDevices
    )
}

/// Tells whether the contents of a lock are a reflog: an id, and more on the same line.
fn is_reflog(contents: &[u8]) -> bool {
    let line = contents.iter().take_while(|byte| **byte != b' ').count();
    let hex = std::str::from_utf8(&contents[..line]);
    line < contents.len() && hex.ok().and_then(Oid::from_hex).is_some()
}

fn inode_of(identity: io::Result<Identity>) -> Option<(u64, u64)> {
    identity.ok().map(|it| it.inode)
}

fn log_of(git_dir: &Path, name: &str) -> PathBuf {
    git_dir.join("logs").join(name)
}

/// Writes the temporary file, and its directory if there is none.
fn write_durably(
    medium: &dyn Medium,
    temp: &Path,
    contents: &[u8],
    terms: &Terms<'_>,
) -> Result<File, IoFault> {
    let (dir, above) = (parent(temp), parent(parent(temp)));
    let create = || medium.create_new(temp, contents, terms.shared.file(0o666));
    let mut is_first = terms.is_first;
    let created = match create() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            is_first = true;
            make_dirs(medium, above, terms.shared, Lasting::Yes)?;
            make_dirs(medium, dir, terms.shared, Lasting::No)?;
            create()
        }
        other => other,
    };
    let file = created.doing("write", temp)?;
    if terms.is_lasting {
        medium.sync_file(temp, &file).doing("sync", temp)?;
    }
    if is_first {
        medium.sync_dir(above).doing("sync directory", above)?;
    }
    Ok(file)
}

/// Removes what a dead process left of a lock on the ref `name` below `git_dir`, and puts the
/// reflog back; tells whether there was something. The caller holds the flock of that ref.
pub(super) fn heal(
    medium: &dyn Medium,
    shared: SharedMode,
    git_dir: &Path,
    name: &str,
) -> Result<bool, IoFault> {
    let path = git_dir.join(name);
    let left = RefLock {
        medium,
        shared,
        log: log_of(git_dir, name),
        temp: with_suffix(&path, "~new.lock"),
        lock: with_suffix(&path, ".lock"),
        path,
        is_log: true,
        inode: None,
    };
    let has_log = left.put_back_left()?;
    let has_temp = medium.identity(&left.temp).is_ok();
    if has_temp {
        remove_left(medium, &left.temp, &left.lock)?;
    }
    Ok(has_log || has_temp)
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("/"))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(suffix);
    PathBuf::from(path)
}
