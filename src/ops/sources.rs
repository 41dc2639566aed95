//! The files that a conversation is taken from. The record has the first few; all others stand in files
//! beside the segments, so that a record stays small and a change reads and writes one of those files.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::format::sources as format;
use crate::model::Oid;
use crate::model::conversation::{Extent, SourceFile};
use crate::ops::OpError;
use crate::store::{Entry as File, NewSegment, Snapshot, Store};

/// The sources of a session.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    store: &'a Store,
    name: &'a str,
    extent: &'a Extent,
    /// The commit whose tree has the others.
    tip: Oid,
}

/// Returns all that a session has; where some cannot be read, those of the record.
pub(super) fn readable(store: &Store, snapshot: &Snapshot, extent: &Extent) -> Vec<SourceFile> {
    let all = Sources::of(store, "", extent, snapshot.commit.oid).all();
    all.unwrap_or_else(|_| extent.sources.clone())
}

impl<'a> Sources<'a> {
    /// Returns those of the session that is called `name` in errors, at the commit `tip`.
    pub fn of(store: &'a Store, name: &'a str, extent: &'a Extent, tip: Oid) -> Sources<'a> {
        Sources { store, name, extent, tip }
    }

    /// Returns all of them, in no order beyond the record's.
    ///
    /// # Errors
    /// [`OpError::Corrupt`] for a file that has something else, and [`OpError::Store`].
    pub fn all(&self) -> Result<Vec<SourceFile>, OpError> {
        let mut all = self.extent.sources.clone();
        for directory in self.directory()? {
            for file in self.store.directory(directory.oid)? {
                all.extend(self.read(file.oid)?);
            }
        }
        Ok(all)
    }

    /// Returns those that may be the file at `path`, now or before it was moved: those of the record, and
    /// of the others those with the same file name.
    ///
    /// # Errors
    /// As [`Sources::all`].
    pub fn like(&self, path: Option<&str>) -> Result<Vec<SourceFile>, OpError> {
        let mut all = self.extent.sources.clone();
        all.extend(self.beside(&self.path(path)?)?);
        Ok(all)
    }

    /// Returns the number of the next new one.
    pub fn next_n(&self) -> u64 {
        let known = self.extent.sources.iter().map(|source| source.n).max().unwrap_or(0);
        known.max(self.extent.sources.len() as u64 + self.extent.n_more_sources) + 1
    }

    /// Puts a source in the place of the one with its number, or to the others; returns the file that is
    /// another one then.
    ///
    /// # Errors
    /// As [`Sources::all`].
    pub(super) fn put(
        &self,
        extent: &mut Extent,
        source: SourceFile,
    ) -> Result<Option<NewSegment>, OpError> {
        Ok(self.put_all(extent, vec![source])?.pop())
    }

    /// The same for several; the files are in git's order.
    ///
    /// # Errors
    /// As [`Sources::all`].
    pub(super) fn put_all(
        &self,
        extent: &mut Extent,
        sources: Vec<SourceFile>,
    ) -> Result<Vec<NewSegment>, OpError> {
        let mut files: BTreeMap<String, Vec<SourceFile>> = BTreeMap::new();
        for source in sources {
            let known = extent.sources.iter_mut().find(|it| it.n == source.n);
            let has_room = extent.n_more_sources == 0;
            if let Some(known) = known {
                *known = source;
                continue;
            }
            if has_room && extent.sources.len() < Extent::MAX_SOURCES {
                extent.sources.push(source);
                continue;
            }
            let path = self.path(source.path.as_deref())?;
            let file = match files.entry(path) {
                Entry::Occupied(file) => file.into_mut(),
                Entry::Vacant(file) => {
                    let known = self.beside(file.key())?;
                    file.insert(known)
                }
            };
            match file.iter_mut().find(|it| it.n == source.n) {
                Some(known) => *known = source,
                None => {
                    file.push(source);
                    extent.n_more_sources += 1;
                }
            }
        }
        let segment = |(path, sources): (String, Vec<SourceFile>)| NewSegment {
            path,
            bytes: format::to_bytes(&sources),
            replaces: true,
        };
        Ok(files.into_iter().map(segment).collect())
    }

    fn path(&self, path: Option<&str>) -> Result<String, OpError> {
        let name = format::file_name(path);
        Ok(format::path(self.store.blob_name(name.as_bytes())?))
    }

    /// Reads a file of them, by its path below the conversation; nothing if it is not there.
    fn beside(&self, path: &str) -> Result<Vec<SourceFile>, OpError> {
        let mut words = path.split('/').skip(1);
        let find = |entries: Vec<File>, word: Option<&str>| {
            entries.into_iter().find(|entry| Some(entry.name.as_str()) == word)
        };
        let Some(directory) = find(self.directory()?, words.next()) else {
            return Ok(Vec::new());
        };
        let file = find(self.store.directory(directory.oid)?, words.next());
        file.map_or(Ok(Vec::new()), |file| self.read(file.oid))
    }

    /// Returns the directories with the files; none where the record has all.
    fn directory(&self) -> Result<Vec<File>, OpError> {
        if self.extent.n_more_sources == 0 {
            return Ok(Vec::new());
        }
        let mut entries = self.store.directory(self.store.commit(self.tip)?.tree_oid)?;
        for name in ["conversation", format::DIRECTORY] {
            let Some(found) = entries.iter().find(|entry| entry.name == name) else {
                return Ok(Vec::new());
            };
            entries = self.store.directory(found.oid)?;
        }
        Ok(entries)
    }

    fn read(&self, blob_oid: Oid) -> Result<Vec<SourceFile>, OpError> {
        let bytes = self.store.blob(blob_oid, format::MAX_BYTES)?;
        let corrupt = |reason| OpError::Corrupt { name: self.name.to_owned(), reason };
        format::parse(&bytes).map_err(corrupt)
    }
}
