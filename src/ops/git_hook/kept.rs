//! Small files of a work tree in which hooks remember something. Nothing is lost without them.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use crate::ops::Context;

/// Keeps a text in a file, in place of what was there; who cannot goes on without it.
pub(super) fn keep(path: &Path, context: &Context, text: &str) {
    let write = || -> io::Result<()> {
        path.parent().map_or(Ok(()), make_dir)?;
        let draft = path.with_extension(&context.op);
        fs::write(&draft, text)?;
        fs::rename(&draft, path)
    };
    write().unwrap_or_else(|error| {
        tracing::debug!(%error, path = %path.display(), "what a hook remembers is not kept");
    });
}

/// Makes a directory, and not what is above: git may have gone on, and the repository with it.
///
/// # Errors
/// What the system says.
pub(super) fn make_dir(dir: &Path) -> io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    DirBuilder::new().mode(0o700).create(dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_that_is_gone_does_not_come_back() {
        let home = tempfile::tempdir().expect("a directory");
        make_dir(&home.path().join("session")).expect("made");
        make_dir(&home.path().join("session")).expect("it is there");
        make_dir(&home.path().join("gone/session")).expect_err("what is above is not there");
        assert!(!home.path().join("gone").exists());
    }
}
