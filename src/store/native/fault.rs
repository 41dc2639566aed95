use std::io;
use std::path::{Path, PathBuf};

/// What the file system refused: which step, on which path, and why.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} '{}'", path.display())]
pub struct IoFault {
    /// The step, as a verb with its object: `sync directory`.
    pub doing: &'static str,
    /// The file or directory.
    pub path: PathBuf,
    /// The reason.
    #[source]
    pub source: io::Error,
}

/// Adds to an error of the file system what was being done.
pub(super) trait Doing<T> {
    /// Says which step on which path failed.
    fn doing(self, doing: &'static str, path: &Path) -> Result<T, IoFault>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, doing: &'static str, path: &Path) -> Result<T, IoFault> {
        self.map_err(|source| IoFault { doing, path: path.to_owned(), source })
    }
}
