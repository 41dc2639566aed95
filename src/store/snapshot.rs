use gix::objs::Kind;
use gix::objs::tree::EntryKind as GixKind;

use super::open::lossy;
use super::read::to_oid;
use super::{CommitInfo, Store, StoreError};
use crate::model::Oid;

/// What an entry of a session's tree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A file.
    Blob,
    /// A directory.
    Tree,
}

/// An entry of a session's tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: EntryKind,
    /// Its object.
    pub oid: Oid,
}

/// A session as one of its commits holds it: bytes, not yet understood.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The commit.
    pub commit: CommitInfo,
    /// The entries of its tree, all of the exact whitelist.
    pub entries: Vec<Entry>,
    /// `session.yaml`.
    pub record: Vec<u8>,
    /// `lifecycle.yaml`.
    pub lifecycle: Vec<u8>,
}

/// What a session's tree may hold. Source: `FORMAT.md`, "The tree".
const WHITELIST: [(&str, EntryKind); 6] = [
    ("session.yaml", EntryKind::Blob),
    ("lifecycle.yaml", EntryKind::Blob),
    ("artifacts", EntryKind::Tree),
    ("checkpoints", EntryKind::Tree),
    ("commits", EntryKind::Tree),
    ("conversation", EntryKind::Tree),
];

/// The largest `session.yaml` or `lifecycle.yaml` that is read, in bytes.
const MAX_FILE: u64 = 64 * 1024;
/// The largest tree that is read, in bytes.
const MAX_TREE: u64 = 1 << 20;

impl Store {
    /// Reads a session as the commit `commit_oid` holds it.
    ///
    /// # Errors
    /// [`StoreError::Missing`] and [`StoreError::Corrupt`] when the commit is no event of a session.
    #[tracing::instrument(skip_all)]
    pub fn snapshot(&self, commit_oid: Oid) -> Result<Snapshot, StoreError> {
        let commit = self.commit(commit_oid)?;
        let entries = self.session_tree(commit.tree_oid)?;
        let record = self.file(&entries, "session.yaml")?;
        let lifecycle = self.file(&entries, "lifecycle.yaml")?;
        Ok(Snapshot { commit, entries, record, lifecycle })
    }

    /// Reads the names and objects of the files below a directory of a session's tree.
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`StoreError::Corrupt`].
    pub fn directory(&self, tree_oid: Oid) -> Result<Vec<Entry>, StoreError> {
        self.directory_up_to(tree_oid, MAX_TREE)
    }

    /// The same, of a directory of at most `max` bytes.
    pub(super) fn directory_up_to(
        &self,
        tree_oid: Oid,
        max: u64,
    ) -> Result<Vec<Entry>, StoreError> {
        let data = self.read_object(tree_oid, Kind::Tree, max)?;
        self.entries_of(tree_oid, &data)
    }

    /// Reads the entries of a directory from its bytes.
    pub(super) fn entries_of(&self, tree_oid: Oid, data: &[u8]) -> Result<Vec<Entry>, StoreError> {
        let corrupt = |reason: String| StoreError::corrupt(format!("tree {tree_oid}"), reason);
        let mut entries: Vec<Entry> = Vec::new();
        for entry in gix::objs::TreeRefIter::from_bytes(data, self.repo.object_hash()) {
            let entry = entry.map_err(|error| corrupt(super::error::reasons(&error)))?;
            let name = lossy(entry.filename);
            let kind = match entry.mode.kind() {
                GixKind::Blob => EntryKind::Blob,
                GixKind::Tree => EntryKind::Tree,
                _ => {
                    return Err(corrupt(format!("'{name}' is neither a file nor a directory")));
                }
            };
            if entries.iter().any(|other| other.name == name) {
                return Err(corrupt(format!("it has '{name}' twice")));
            }
            entries.push(Entry { name, kind, oid: to_oid(entry.oid) });
        }
        Ok(entries)
    }

    /// Reads a blob of at most `max` bytes.
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`StoreError::Corrupt`].
    pub fn blob(&self, blob_oid: Oid, max: u64) -> Result<Vec<u8>, StoreError> {
        self.read_object(blob_oid, Kind::Blob, max)
    }

    fn session_tree(&self, tree_oid: Oid) -> Result<Vec<Entry>, StoreError> {
        let entries = self.directory(tree_oid)?;
        for entry in &entries {
            if !WHITELIST.contains(&(entry.name.as_str(), entry.kind)) {
                let reason = format!("'{}' does not belong in a session", entry.name);
                return Err(StoreError::corrupt(format!("tree {tree_oid}"), reason));
            }
        }
        Ok(entries)
    }

    fn file(&self, entries: &[Entry], name: &str) -> Result<Vec<u8>, StoreError> {
        let entry = entries.iter().find(|entry| entry.name == name);
        let entry = entry.ok_or_else(|| StoreError::Missing { what: format!("'{name}'") })?;
        self.blob(entry.oid, MAX_FILE)
    }
}
