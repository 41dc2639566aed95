use std::collections::HashSet;

use gix::objs::Kind;
use gix::objs::tree::EntryKind as GixKind;

use super::open::lossy;
use super::read::to_oid;
use super::{Store, StoreError};
use crate::model::Oid;

/// The largest tree that is read, in bytes: a directory of a work tree may be large.
const MAX_TREE: u64 = 64 << 20;
/// How deep directories are at most.
const MAX_DEPTH: usize = 256;

impl Store {
    /// Gives each file below a tree to `visit`, with its path from there, unless the file or a directory around
    /// it is in `seen`; what is met is put there. Links are files; submodules are left out.
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`StoreError::Corrupt`], and those of `visit`.
    pub fn new_files<E: From<StoreError>>(
        &self,
        tree_oid: Oid,
        seen: &mut HashSet<Oid>,
        mut visit: impl FnMut(&str, Oid) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut open = vec![(String::new(), tree_oid, 0)];
        while let Some((prefix, tree_oid, depth)) = open.pop() {
            if !seen.insert(tree_oid) {
                continue;
            }
            let corrupt = |reason: String| StoreError::corrupt(format!("tree {tree_oid}"), reason);
            if depth > MAX_DEPTH {
                return Err(corrupt("it lies too deep".into()).into());
            }
            let data = self.read_object(tree_oid, Kind::Tree, MAX_TREE)?;
            for entry in gix::objs::TreeRefIter::from_bytes(&data, self.repo.object_hash()) {
                let entry = entry.map_err(|error| corrupt(super::error::reasons(&error)))?;
                let path = format!("{prefix}{}", lossy(entry.filename));
                let oid = to_oid(entry.oid);
                match entry.mode.kind() {
                    GixKind::Tree => open.push((format!("{path}/"), oid, depth + 1)),
                    GixKind::Commit => {}
                    _ if seen.insert(oid) => visit(&path, oid)?,
                    _ => {}
                }
            }
        }
        Ok(())
    }
}
