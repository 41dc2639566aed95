//! The objects of a write: what of an event's tree is new.

use gix::objs::tree::EntryKind as GixKind;
use gix::objs::{Kind, WriteTo};

use super::native::Object;
use super::read::{to_id, to_oid};
use super::write::{NewEvent, NewSegment, Stamp};
use super::{Entry, EntryKind, KeptTree, Store, StoreError};
use crate::model::{Identity, Oid, Timestamp};

/// The objects of a write, as they are made.
pub(super) struct Objects<'a> {
    pub(super) store: &'a Store,
    pub(super) all: Vec<Object>,
}

impl Objects<'_> {
    /// Makes the files and directories of an event, and puts them into its tree's `entries`.
    pub(super) fn apply(
        &mut self,
        entries: &mut Vec<Entry>,
        event: &NewEvent,
    ) -> Result<(), StoreError> {
        let record_oid = self.add(Kind::Blob, event.record.clone().into_bytes())?;
        put(entries, "session.yaml", EntryKind::Blob, record_oid);
        if let Some(lifecycle) = &event.lifecycle {
            let lifecycle_oid = self.add(Kind::Blob, lifecycle.clone().into_bytes())?;
            put(entries, "lifecycle.yaml", EntryKind::Blob, lifecycle_oid);
        }
        if !event.artifacts.is_empty() {
            self.apply_artifacts(entries, &event.artifacts)?;
        }
        if !event.links.is_empty() {
            self.apply_links(entries, &event.links)?;
        }
        if !event.segments.is_empty() {
            self.apply_segments(entries, &event.segments)?;
        }
        if !event.checkpoints.is_empty() {
            self.apply_checkpoints(entries, &event.checkpoints)?;
        }
        Ok(())
    }

    fn apply_links(
        &mut self,
        entries: &mut Vec<Entry>,
        files: &[(String, Vec<u8>)],
    ) -> Result<(), StoreError> {
        let known = entries.iter().find(|entry| entry.name == "commits").map(|entry| entry.oid);
        let mut all = known.map(|oid| self.directory(oid)).transpose()?.unwrap_or_default();
        for (name, bytes) in files {
            let blob_oid = self.add(Kind::Blob, bytes.clone())?;
            put(&mut all, name, EntryKind::Blob, blob_oid);
        }
        let tree_oid = self.tree(&all)?;
        put(entries, "commits", EntryKind::Tree, tree_oid);
        Ok(())
    }

    /// Reads a directory of files that may be one of this write.
    fn directory(&self, tree_oid: Oid) -> Result<Vec<Entry>, StoreError> {
        match self.all.iter().find(|object| object.oid == tree_oid) {
            Some(object) => self.store.entries_of(tree_oid, &object.data),
            None => self.store.directory(tree_oid),
        }
    }

    fn apply_segments(
        &mut self,
        entries: &mut Vec<Entry>,
        segments: &[NewSegment],
    ) -> Result<(), StoreError> {
        let mut files = Vec::with_capacity(segments.len());
        for NewSegment { path, bytes, replaces } in segments {
            files.push((path.as_str(), self.add(Kind::Blob, bytes.clone())?, *replaces));
        }
        let known = entries.iter().find(|entry| entry.name == "conversation");
        let tree_oid = self.insert(known.map(|entry| entry.oid), &files)?;
        put(entries, "conversation", EntryKind::Tree, tree_oid);
        Ok(())
    }

    /// Returns the directory `tree_oid` with new files: only the directories on their paths are read and
    /// written.
    fn insert<'f>(
        &mut self,
        tree_oid: Option<Oid>,
        files: &[(&'f str, Oid, bool)],
    ) -> Result<Oid, StoreError> {
        let mut entries = match tree_oid {
            Some(tree_oid) => self.small_directory(tree_oid)?,
            None => Vec::new(),
        };
        let mut rest = files;
        while let Some((path, blob_oid, replaces)) = rest.first() {
            let Some((dir, _)) = path.split_once('/') else {
                if !replaces && entries.iter().any(|entry| entry.name == *path) {
                    let reason = format!("'{path}' is there already");
                    return Err(StoreError::corrupt("the conversation", reason));
                }
                put(&mut entries, path, EntryKind::Blob, *blob_oid);
                rest = &rest[1..];
                continue;
            };
            let below = |(path, oid, replaces): &(&'f str, Oid, bool)| {
                let (first, path) = path.split_once('/')?;
                (first == dir).then_some((path, *oid, *replaces))
            };
            let these: Vec<(&str, Oid, bool)> = rest.iter().map_while(below).collect();
            let others = &rest[these.len()..];
            let known = entries.iter().find(|entry| entry.name == dir).map(|entry| entry.oid);
            let dir_oid = self.insert(known, &these)?;
            put(&mut entries, dir, EntryKind::Tree, dir_oid);
            rest = others;
        }
        self.tree(&entries)
    }

    /// Reads a directory that may be one of this write.
    fn small_directory(&self, tree_oid: Oid) -> Result<Vec<Entry>, StoreError> {
        match self.all.iter().find(|object| object.oid == tree_oid) {
            Some(object) => self.store.entries_of(tree_oid, &object.data),
            None => self.store.small_directory(tree_oid),
        }
    }

    fn apply_artifacts(
        &mut self,
        entries: &mut Vec<Entry>,
        changes: &[(String, Option<Vec<u8>>)],
    ) -> Result<(), StoreError> {
        let at = entries.iter().position(|entry| entry.name == "artifacts");
        let mut files = match at {
            Some(at) => self.store.directory(entries.remove(at).oid)?,
            None => Vec::new(),
        };
        for (name, bytes) in changes {
            match bytes {
                Some(bytes) => {
                    let blob_oid = self.add(Kind::Blob, bytes.clone())?;
                    put(&mut files, name, EntryKind::Blob, blob_oid);
                }
                None => files.retain(|file| file.name != *name),
            }
        }
        if !files.is_empty() {
            let tree_oid = self.tree(&files)?;
            put(entries, "artifacts", EntryKind::Tree, tree_oid);
        }
        Ok(())
    }

    fn apply_checkpoints(
        &mut self,
        entries: &mut Vec<Entry>,
        changes: &[(String, Option<KeptTree>)],
    ) -> Result<(), StoreError> {
        let at = entries.iter().position(|entry| entry.name == "checkpoints");
        let mut trees = match at {
            Some(at) => self.directory(entries.remove(at).oid)?,
            None => Vec::new(),
        };
        for (name, kept) in changes {
            match kept {
                Some(kept) => {
                    self.all.extend(kept.objects.iter().cloned());
                    put(&mut trees, name, EntryKind::Tree, kept.tree_oid);
                }
                None => trees.retain(|tree| tree.name != *name),
            }
        }
        if !trees.is_empty() {
            let tree_oid = self.tree(&trees)?;
            put(entries, "checkpoints", EntryKind::Tree, tree_oid);
        }
        Ok(())
    }

    /// Makes a tree.
    pub(super) fn tree(&mut self, entries: &[Entry]) -> Result<Oid, StoreError> {
        let mut tree = gix::objs::Tree { entries: entries.iter().map(to_gix_entry).collect() };
        tree.entries.sort();
        self.add(Kind::Tree, encode(&tree))
    }

    /// Makes a commit.
    pub(super) fn commit(
        &mut self,
        tree_oid: Oid,
        parents: &[Oid],
        message: &str,
        stamp: &Stamp,
    ) -> Result<Oid, StoreError> {
        let commit = gix::objs::Commit {
            tree: to_id(tree_oid),
            parents: parents.iter().copied().map(to_id).collect(),
            author: signature(&stamp.author, stamp.at),
            committer: signature(&stamp.committer, stamp.at),
            encoding: None,
            message: message.into(),
            extra_headers: Vec::new(),
        };
        self.add(Kind::Commit, encode(&commit))
    }

    pub(super) fn add(&mut self, kind: Kind, data: Vec<u8>) -> Result<Oid, StoreError> {
        let oid = gix::objs::compute_hash(self.store.repo.object_hash(), kind, &data)
            .map(to_oid)
            .map_err(|error| StoreError::gix("cannot name an object", &error))?;
        self.all.push(Object { kind, oid, data });
        Ok(oid)
    }
}

fn put(entries: &mut Vec<Entry>, name: &str, kind: EntryKind, oid: Oid) {
    entries.retain(|entry| entry.name != name);
    entries.push(Entry { name: name.to_owned(), kind, oid });
}

fn to_gix_entry(entry: &Entry) -> gix::objs::tree::Entry {
    let kind = match entry.kind {
        EntryKind::Blob => GixKind::Blob,
        EntryKind::Tree => GixKind::Tree,
    };
    gix::objs::tree::Entry {
        mode: kind.into(),
        filename: entry.name.as_str().into(),
        oid: to_id(entry.oid),
    }
}

fn signature(who: &Identity, at: Timestamp) -> gix::actor::Signature {
    gix::actor::Signature {
        name: who.name.as_str().into(),
        email: who.email.as_str().into(),
        time: gix::date::Time { seconds: at.seconds(), offset: 0 },
    }
}

fn encode(object: &impl WriteTo) -> Vec<u8> {
    let mut data = Vec::new();
    object.write_to(&mut data).expect("names were checked, and memory does not fail to be written");
    data
}
