//! What `init` asks of git, and the lock under which it changes the configuration.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use gix::bstr::ByteSlice;

use super::{Store, StoreError, git};

impl Store {
    /// Returns the version of the `git` that is found, as it says it: `2.47.3`.
    ///
    /// # Errors
    /// [`StoreError::Io`] when git cannot be run.
    pub fn git_version(&self) -> Result<String, StoreError> {
        let text = answer(git::command(self).arg("version"), "cannot ask git its version")?;
        let text = text.to_str_lossy();
        Ok(text.split_whitespace().nth(2).unwrap_or_default().to_owned())
    }

    /// Returns the directory where git looks for hooks, which need not be there.
    ///
    /// # Errors
    /// [`StoreError::Io`] when git cannot be run.
    pub fn hooks_dir(&self) -> Result<PathBuf, StoreError> {
        // As a hook is run: a relative core.hooksPath is below this directory.
        let (top, mut command) = match self.work_dir() {
            Some(top) => (top, git::command_in(self, &self.git_dir, top)),
            None => (self.git_dir.as_path(), git::command(self)),
        };
        command.args(["rev-parse", "--git-path", "hooks"]);
        let text = answer(&mut command, "cannot ask git for its hooks")?;
        let text = text.strip_suffix(b"\n").unwrap_or(&text);
        Ok(top.join(text.to_path_lossy()))
    }

    /// Locks the repository's configuration as git does.
    ///
    /// # Errors
    /// [`StoreError::Unsupported`] where nothing must be written; [`StoreError::Busy`] if somebody else
    /// has locked it; [`StoreError::Io`].
    pub fn lock_config(&self) -> Result<ConfigLock, StoreError> {
        self.check_writable()?;
        let named = self.common_dir.join("config");
        let path = fs::canonicalize(&named).unwrap_or(named);
        let lock = path.with_file_name("config.lock");
        match OpenOptions::new().write(true).create_new(true).open(&lock) {
            Ok(file) => Ok(ConfigLock { path, lock, file }),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(StoreError::Busy { name: path.display().to_string() })
            }
            Err(error) => {
                Err(StoreError::io(format!("cannot lock config file '{}'", path.display()), &error))
            }
        }
    }
}

/// The lock on the configuration, which goes with the value.
#[derive(Debug)]
pub struct ConfigLock {
    path: PathBuf,
    lock: PathBuf,
    file: File,
}

impl ConfigLock {
    /// Returns the file that is locked.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the configuration these contents, durably, and unlocks it.
    ///
    /// # Errors
    /// What the system says; the configuration is as it was then.
    pub fn replace(mut self, bytes: &[u8]) -> io::Result<()> {
        if let Ok(meta) = fs::metadata(&self.path) {
            self.file.set_permissions(Permissions::from_mode(meta.permissions().mode()))?;
        }
        self.file.write_all(bytes)?;
        self.file.sync_all()?;
        fs::rename(&self.lock, &self.path)
    }
}

impl Drop for ConfigLock {
    fn drop(&mut self) {
        let is_own = |meta: fs::Metadata| {
            use std::os::unix::fs::MetadataExt;
            self.file.metadata().is_ok_and(|own| (own.dev(), own.ino()) == (meta.dev(), meta.ino()))
        };
        // After a rename, a lock with this name is somebody else's.
        if fs::symlink_metadata(&self.lock).is_ok_and(is_own) {
            let _ = fs::remove_file(&self.lock);
        }
    }
}

/// Returns what a command answers, which must succeed.
fn answer(command: &mut Command, doing: &str) -> Result<Vec<u8>, StoreError> {
    let output = git::run(command, b"")?;
    git::expect_success(&output, doing)?;
    Ok(output.stdout)
}
