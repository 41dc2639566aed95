//! What goes out into files of the user's: whole or not at all, and never over something else.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use super::CliError;
use crate::ops::OpError;

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// It was written.
    Written,
    /// It was there, with the same bytes.
    Same,
}

/// Writes a file, with its directories, under a name that only comes about when all of it is there. `token` is a
/// word that nobody else has.
///
/// # Errors
/// [`OpError::AlreadyExists`] when there is something else and `force` is not given; [`CliError::Failed`].
pub fn put(path: &Path, bytes: &[u8], force: bool, token: &str) -> Result<Put, CliError> {
    let failed = |error: io::Error| {
        CliError::Failed(format!("cannot write '{}': {error}", path.to_string_lossy()))
    };
    if is_same(path, bytes) {
        return Ok(Put::Same);
    }
    if !force && path.symlink_metadata().is_ok() {
        return Err(already_exists(path));
    }
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
    let dir = dir.unwrap_or(Path::new("."));
    fs::create_dir_all(dir).map_err(failed)?;
    let unfinished = dir.join(format!(".git-session-{token}.tmp"));
    let result = write(&unfinished, bytes).and_then(|()| publish(&unfinished, path, force));
    if result.is_err() || !force {
        let _ = fs::remove_file(&unfinished);
    }
    match result {
        Ok(()) => Ok(Put::Written),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(already_exists(path)),
        Err(error) => Err(failed(error)),
    }
}

fn is_same(path: &Path, bytes: &[u8]) -> bool {
    let is_file =
        path.symlink_metadata().is_ok_and(|it| it.is_file() && it.len() == bytes.len() as u64);
    is_file && fs::read(path).is_ok_and(|found| found == bytes)
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = fs::File::create_new(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Gives a file its name; without `force` only one that nothing has.
fn publish(unfinished: &Path, path: &Path, force: bool) -> io::Result<()> {
    if force { fs::rename(unfinished, path) } else { fs::hard_link(unfinished, path) }
}

fn already_exists(path: &Path) -> CliError {
    let what = format!("a file '{}' with other contents", path.to_string_lossy());
    OpError::AlreadyExists { what }.into()
}
