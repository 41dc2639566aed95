//! Who uses what is for all repositories of a user: each repository that does has a file that says so.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::change::read;
use crate::format::installed::{self, Installed};
use crate::ops::OpError;
use crate::store::Store;

/// The directory of these files, below the user's data.
const DIR: &str = "git-session/repositories";

/// The other users of a directory of these files.
#[derive(Debug, Default)]
pub struct Others {
    /// What they installed.
    pub installed: Vec<Installed>,
    /// The files of those that are gone, with what is in them.
    pub gone: Vec<(PathBuf, Vec<u8>)>,
}

/// Returns the file of a repository below the user's data, and what is in it: where the repository is.
///
/// # Errors
/// [`OpError::Store`].
pub fn file(store: &Store, data: &Path) -> Result<(PathBuf, Vec<u8>), OpError> {
    let place = store.common_dir();
    let place = fs::canonicalize(place).unwrap_or_else(|_| place.to_owned());
    let name = store.blob_name(place.as_os_str().as_bytes())?.to_string();
    Ok((data.join(DIR).join(name), [place.as_os_str().as_bytes(), b"\n"].concat()))
}

/// Tells whether a path is that of such a file.
pub fn is_file_of_one(path: &Path) -> bool {
    path.parent().is_some_and(|dir| dir.ends_with(DIR))
}

/// Reads what the users beside the one with the file `own` have installed.
pub fn others(own: &Path) -> Others {
    let mut others = Others::default();
    let entries = own.parent().map(fs::read_dir).into_iter().flatten().flatten().flatten();
    for path in entries.map(|entry| entry.path()).filter(|path| path != own) {
        let Ok(Some(text)) = read(&path) else { continue };
        let Some(place) = text.strip_suffix(b"\n") else { continue };
        let record = Path::new(OsStr::from_bytes(place)).join("session/installed");
        match read(&record) {
            Ok(Some(record)) => others.installed.extend(installed::parse(&record)),
            Ok(None) => others.gone.push((path, text)),
            // Who cannot be asked is asked the next time.
            Err(_) => {}
        }
    }
    others
}

impl Others {
    /// Tells whether another repository made a file, named as the record does, and still has it. What is below a
    /// repository is named from there, and is its own.
    pub fn have_made(&self, key: &str) -> bool {
        let has_made = |it: &Installed| it.file(key).is_some_and(|file| file.before.is_none());
        Path::new(key).is_absolute() && self.installed.iter().any(has_made)
    }
}
