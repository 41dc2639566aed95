use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::Store;
use super::native::{Disk, Medium, SharedMode, make_dirs};

/// How old a file is that a dead process left half written.
const ABANDONED_AFTER: Duration = Duration::from_secs(60);

/// Files that only repeat what the refs and objects say, in `<common git dir>/session/cache/`.
impl Store {
    /// Opens a file of the cache; `None` if there is none that can be read.
    pub fn open_cache_file(&self, name: &str) -> Option<File> {
        File::open(self.cache_dir().join(name)).ok()
    }

    /// Replaces a file of the cache. That is tried without a lock and not waited for: of two writers one
    /// wins, and where nothing can be written, nothing is.
    pub fn replace_cache_file(&self, name: &str, bytes: &[u8]) {
        if self.check_writable().is_ok()
            && let Err(error) = self.try_replace(name, bytes)
        {
            tracing::debug!("the cache is not written: {error}");
        }
    }

    /// Removes a file of the cache, if that can be done.
    pub fn remove_cache_file(&self, name: &str) {
        if self.check_writable().is_ok() {
            let _ = fs::remove_file(self.cache_dir().join(name));
        }
    }

    /// Removes all files of the cache, which repeat what sessions say.
    pub fn remove_cache(&self) {
        if self.check_writable().is_ok() {
            let _ = fs::remove_dir_all(self.cache_dir());
        }
    }

    /// Returns when the process began.
    pub fn started_at(&self) -> SystemTime {
        self.tokens.started_at
    }

    fn try_replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let shared = self.settings.shared.as_deref().and_then(SharedMode::parse);
        let (shared, dir) = (shared.unwrap_or_default(), self.cache_dir());
        let (new, path) = (dir.join(format!("{name}.new")), dir.join(name));
        let create = || Disk.create_new(&new, bytes, shared.file(0o666));
        let made = match create() {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                make_dirs(&dir, shared)?;
                create()
            }
            // Somebody else writes it, or was killed while doing so.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                let modified_at = fs::symlink_metadata(&new)?.modified()?;
                let age = self.started_at().duration_since(modified_at).unwrap_or_default();
                if age < ABANDONED_AFTER {
                    return Err(error);
                }
                fs::remove_file(&new)?;
                create()
            }
            other => other,
        };
        match made {
            Ok(_) => fs::rename(&new, path),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(error),
            Err(error) => {
                let _ = fs::remove_file(&new);
                Err(error)
            }
        }
    }

    fn cache_dir(&self) -> PathBuf {
        self.local_dir().join("cache")
    }
}
