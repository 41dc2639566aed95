//! Changes of files that are made together: all of them, or none.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::store::{ConfigLock, StoreError};

/// The largest file that is changed, in bytes.
const MAX_BYTES: u64 = 16 << 20;

/// A change of one file.
#[derive(Debug, Clone)]
pub struct Change {
    /// The file.
    pub path: PathBuf,
    /// What is in it; `None` if it is not there.
    pub before: Option<Vec<u8>>,
    /// What is to be in it; `None` if it is to go.
    pub after: Option<Vec<u8>>,
    /// The mode of a new file, before the umask.
    pub mode: u32,
    /// Whether all else is done if this cannot be.
    pub is_optional: bool,
    /// Whether `init` put there what is there, for another repository of this user.
    pub is_shared: bool,
}

impl Change {
    /// Returns the change of a plain file.
    pub fn new(path: PathBuf, before: Option<Vec<u8>>, after: Option<Vec<u8>>) -> Change {
        Change { path, before, after, mode: 0o666, is_optional: false, is_shared: false }
    }

    /// Tells whether it changes anything.
    pub fn is_new(&self) -> bool {
        self.before != self.after
    }
}

/// Returns what is in a file; `None` if it is not there.
///
/// # Errors
/// [`StoreError::Io`], also for what is no file or too large.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    let found = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => Err(error),
        Ok(it) if !it.is_file() => Err(io::Error::other("it is no file")),
        Ok(it) if it.len() > MAX_BYTES => Err(io::Error::other("it is too large")),
        Ok(_) => fs::read(path).map(Some),
    };
    found.map_err(|error| failed("read", path, &error))
}

/// Makes changes, in this order, the one of the configuration by its lock. If one cannot be made, those
/// before it are taken back. Returns the errors of optional ones.
///
/// # Errors
/// [`StoreError::Io`]; nothing is changed then.
pub fn apply(changes: &[Change], lock: ConfigLock) -> Result<Vec<StoreError>, StoreError> {
    let mut lock = Some(lock);
    let (mut faults, mut done, mut made) = (Vec::new(), Vec::new(), Vec::new());
    for change in changes.iter().filter(|it| it.is_new()) {
        match make(change, &mut lock, &mut made) {
            Ok(()) => done.push(change),
            Err(error) if change.is_optional => faults.push(failed("write", &change.path, &error)),
            Err(error) => {
                for change in done.iter().rev() {
                    // What cannot be taken back is found by the next one who undoes it.
                    let _ = put(&change.path, change.before.as_deref(), change.mode);
                }
                remove_directories(&made);
                return Err(failed("write", &change.path, &error));
            }
        }
    }
    Ok(faults)
}

/// Removes directories, the inner ones last in the list, unless something is in them.
pub fn remove_directories(dirs: &[PathBuf]) {
    for dir in dirs.iter().rev() {
        let _ = fs::remove_dir(dir);
    }
}

/// Returns the directories that are missing above a file, outer ones first.
pub fn missing_directories(path: &Path) -> Vec<PathBuf> {
    let above = path.ancestors().skip(1).take_while(|dir| fs::symlink_metadata(dir).is_err());
    let mut missing: Vec<PathBuf> = above.map(Path::to_owned).collect();
    missing.reverse();
    missing
}

fn make(change: &Change, lock: &mut Option<ConfigLock>, made: &mut Vec<PathBuf>) -> io::Result<()> {
    if change.after.is_some() {
        for dir in missing_directories(&change.path) {
            fs::create_dir(&dir)?;
            made.push(dir);
        }
    }
    match (&change.after, lock.take_if(|lock| lock.path() == change.path)) {
        (Some(bytes), Some(lock)) => lock.replace(bytes),
        (after, _) => put(&change.path, after.as_deref(), change.mode),
    }
}

/// Gives a file these contents, in one step, with the mode that it has; or removes it.
fn put(path: &Path, bytes: Option<&[u8]>, mode: u32) -> io::Result<()> {
    let Some(bytes) = bytes else {
        return match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let draft = path.with_file_name(format!(".{name}.git-session"));
    // What a crash left.
    let _ = fs::remove_file(&draft);
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&draft)?;
        if let Ok(meta) = fs::metadata(path) {
            file.set_permissions(meta.permissions())?;
        }
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&draft, path)
    };
    let written = write();
    if written.is_err() {
        let _ = fs::remove_file(&draft);
    }
    written
}

fn failed(verb: &str, path: &Path, error: &io::Error) -> StoreError {
    StoreError::Io {
        doing: format!("cannot {verb} '{}'", path.display()),
        reason: error.to_string(),
    }
}
