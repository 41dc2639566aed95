//! Lock files of git's and of ours, and how long they have been there.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::Store;
use crate::model::SessionId;

/// A lock, or what was to become one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockFile {
    /// Where it is, below the common git directory.
    pub path: String,
    /// How long it has not changed.
    pub age: Duration,
    /// The session whose ref it is beside.
    pub session_id: Option<SessionId>,
}

impl Store {
    /// Returns the lock files that stop sessions from being written: those beside sessions' refs, and those of
    /// all refs.
    pub fn lock_files(&self) -> Vec<LockFile> {
        let all = ["packed-refs.lock", "packed-refs~new.lock", "reftable/tables.list.lock"];
        let mut files: Vec<LockFile> =
            all.iter().filter_map(|path| self.lock_file(path, None)).collect();
        let entries = fs::read_dir(self.common_dir.join("refs/sessions"));
        for entry in entries.into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let Some(id) = name.strip_suffix(".lock") else { continue };
            let id = SessionId::parse(id.strip_suffix("~new").unwrap_or(id));
            files.extend(self.lock_file(&format!("refs/sessions/{name}"), id));
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files
    }

    fn lock_file(&self, path: &str, session_id: Option<SessionId>) -> Option<LockFile> {
        let metadata = fs::symlink_metadata(self.common_dir.join(Path::new(path))).ok()?;
        let age = self.tokens.started_at.duration_since(metadata.modified().ok()?);
        Some(LockFile { path: path.to_owned(), age: age.unwrap_or_default(), session_id })
    }
}
