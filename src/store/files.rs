use std::collections::HashSet;

use super::{Entry, EntryKind, Store, StoreError};
use crate::model::Oid;

/// The largest tree of a conversation that is read, in bytes: sixteen entries need less.
const MAX_TREE: u64 = 4096;
/// How deep the directories of a conversation are at most.
const MAX_DEPTH: usize = 8;

/// The files below a directory, in git's order or from the last one on, each with its path from there; a part that cannot be
/// read is an error in its place, and does not end it.
///
/// No directory is read twice, so that it takes no longer than the repository is large.
pub struct Files<'a> {
    store: &'a Store,
    open: Vec<(String, std::vec::IntoIter<Entry>)>,
    seen: HashSet<Oid>,
    is_backwards: bool,
    fault: Option<StoreError>,
}

impl Store {
    /// Returns the files below the directory `tree_oid`, as they are asked for.
    pub fn files(&self, tree_oid: Oid) -> Files<'_> {
        self.files_below(tree_oid, false)
    }

    /// The same from the last file on.
    pub fn files_backwards(&self, tree_oid: Oid) -> Files<'_> {
        self.files_below(tree_oid, true)
    }

    fn files_below(&self, tree_oid: Oid, is_backwards: bool) -> Files<'_> {
        let (open, seen) = (Vec::new(), HashSet::new());
        let mut files = Files { store: self, open, seen, is_backwards, fault: None };
        files.enter(String::new(), tree_oid);
        files
    }

    /// Reads a directory of a conversation.
    pub(super) fn small_directory(&self, tree_oid: Oid) -> Result<Vec<Entry>, StoreError> {
        self.directory_up_to(tree_oid, MAX_TREE)
    }
}

impl Files<'_> {
    fn enter(&mut self, prefix: String, tree_oid: Oid) {
        let corrupt = |reason: &str| StoreError::corrupt(format!("tree {tree_oid}"), reason);
        let found = match () {
            () if self.open.len() >= MAX_DEPTH => Err(corrupt("it lies too deep")),
            () if !self.seen.insert(tree_oid) => Err(corrupt("it is there twice")),
            () => self.store.small_directory(tree_oid),
        };
        match found {
            Ok(mut entries) => {
                if self.is_backwards {
                    entries.reverse();
                }
                self.open.push((prefix, entries.into_iter()));
            }
            Err(fault) => self.fault = Some(fault),
        }
    }
}

impl Iterator for Files<'_> {
    type Item = Result<(String, Oid), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(fault) = self.fault.take() {
                return Some(Err(fault));
            }
            let (prefix, entries) = self.open.last_mut()?;
            let Some(entry) = entries.next() else {
                self.open.pop();
                continue;
            };
            let path = format!("{prefix}{}", entry.name);
            match entry.kind {
                EntryKind::Blob => return Some(Ok((path, entry.oid))),
                EntryKind::Tree => self.enter(format!("{path}/"), entry.oid),
            }
        }
    }
}
