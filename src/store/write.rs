use gix::objs::tree::EntryKind as GixKind;
use gix::objs::{Kind, WriteTo};

use super::native::{Object, SessionLock};
use super::read::{to_id, to_oid};
use super::{Entry, EntryKind, KeptTree, Snapshot, Store, StoreError, git, session_ref};
use crate::model::{Identity, Oid, SessionId, Timestamp};

/// Who and when, for the commits of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// Who acted.
    pub author: Identity,
    /// Who ran us.
    pub committer: Identity,
    /// When.
    pub at: Timestamp,
}

/// One event to be written: what differs from the event before it.
#[derive(Debug, Clone, Default)]
pub struct NewEvent {
    /// `session.yaml` after the event.
    pub record: String,
    /// `lifecycle.yaml`, for the first event only.
    pub lifecycle: Option<String>,
    /// Files below `artifacts/`: their new bytes, or `None` to remove them.
    pub artifacts: Vec<(String, Option<Vec<u8>>)>,
    /// Files below `commits/` with all that is in them now.
    pub links: Vec<(String, Vec<u8>)>,
    /// New files below `conversation/`, in git's order.
    pub segments: Vec<NewSegment>,
    /// Trees below `checkpoints/`: a new one, or `None` to remove it.
    pub checkpoints: Vec<(String, Option<KeptTree>)>,
    /// The whole message of the commit.
    pub message: String,
}

/// A file that is added to the conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSegment {
    /// Its path below `conversation/`.
    pub path: String,
    /// What is in it.
    pub bytes: Vec<u8>,
    /// Whether it may be there already, and is another one then.
    pub replaces: bool,
}

/// Events that are written as commits and that no ref names yet.
///
/// Nothing has happened until [`Unpublished::publish`].
#[must_use = "the events have not happened until they are published"]
pub struct Unpublished<'a> {
    store: &'a Store,
    session_id: SessionId,
    expected: Option<Oid>,
    new_tip: Oid,
    objects: Vec<Object>,
    stamp: Stamp,
    reason: String,
}

impl Store {
    /// Makes the commits of `events`, each on top of the one before it, the first on top of `base`.
    ///
    /// # Errors
    /// [`StoreError::Unsupported`] where nothing must be written, [`StoreError::Corrupt`],
    /// [`StoreError::Missing`].
    pub fn write(
        &self,
        session_id: SessionId,
        base: Option<&Snapshot>,
        events: &[NewEvent],
        stamp: &Stamp,
    ) -> Result<Unpublished<'_>, StoreError> {
        self.check_writable()?;
        let mut objects = Objects { store: self, all: Vec::new() };
        let mut entries = base.map(|base| base.entries.clone()).unwrap_or_default();
        let expected = base.map(|base| base.commit.oid);
        let mut tip = expected;
        for event in events {
            objects.apply(&mut entries, event)?;
            let tree_oid = objects.tree(&entries)?;
            tip = Some(objects.commit(tree_oid, tip, &event.message, stamp)?);
        }
        let last = events.last().map(|event| event.message.as_str()).unwrap_or_default();
        Ok(Unpublished {
            store: self,
            session_id,
            expected,
            new_tip: tip.expect("a write has at least one event"),
            objects: objects.all,
            stamp: stamp.clone(),
            reason: format!("session: {}", last.lines().next().unwrap_or_default()),
        })
    }

    /// Takes the lock that keeps writers of the same session from wasting each other's work. Git's own
    /// writers do not know it: correct is the conditional update of the ref.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when another process holds it for too long, [`StoreError::Io`].
    pub fn lock(&self, session_id: SessionId) -> Result<SessionLock, StoreError> {
        self.check_writable()?;
        self.take_lock(session_id)
    }

    /// Removes what a dead process left of its lock on a session; each write does this by itself.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn heal(&self, held: &SessionLock, session_id: SessionId) -> Result<(), StoreError> {
        match self.writes_by_git {
            true => Ok(()),
            false => self.heal_native(held, &session_ref(session_id)),
        }
    }

    /// Removes a session's ref, which is at `tip_oid`, and every work tree's pointer to it.
    ///
    /// # Errors
    /// [`StoreError::Raced`], [`StoreError::Io`].
    pub fn delete(
        &self,
        held: &SessionLock,
        session_id: SessionId,
        tip_oid: Oid,
    ) -> Result<(), StoreError> {
        self.check_writable()?;
        self.forget_current(session_id)?;
        let name = session_ref(session_id);
        if !self.writes_by_git {
            return self.delete_native(held, &name, tip_oid);
        }
        git::delete_ref(self, &name, tip_oid)?;
        self.sync_after_git(&name)
    }
}

impl Store {
    /// Removes a session's ref that holds no object id: an empty or symbolic one.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn delete_damaged(&self, session_id: SessionId) -> Result<(), StoreError> {
        self.check_writable()?;
        self.forget_current(session_id)?;
        let name = session_ref(session_id);
        git::delete_symbolic_ref_in(self, &self.common_dir, &name)?;
        self.remove_broken_file(&name)?;
        self.sync_after_git(&name)
    }

    /// Removes a loose ref's file if what it holds is nothing; git refuses to.
    fn remove_broken_file(&self, name: &str) -> Result<(), StoreError> {
        let path = self.common_dir.join(name);
        let Ok(text) = std::fs::read_to_string(&path) else { return Ok(()) };
        if Oid::from_hex(text.trim()).is_some() {
            return Err(StoreError::Raced { name: name.to_owned() });
        }
        let doing = || format!("cannot remove '{}'", path.display());
        std::fs::remove_file(&path).map_err(|error| StoreError::io(doing(), &error))
    }
}

impl Unpublished<'_> {
    /// Makes the events happen: the objects are made durable, then the session's ref moves if it
    /// still is where the events were built on, then that is made durable and read back.
    ///
    /// # Errors
    /// [`StoreError::Raced`] when the ref has moved: nothing has happened, and the caller judges
    /// again on what is there now. [`StoreError::Busy`], [`StoreError::Symbolic`],
    /// [`StoreError::Io`].
    #[tracing::instrument(skip_all)]
    pub fn publish(self, held: &SessionLock) -> Result<Oid, StoreError> {
        let name = session_ref(self.session_id);
        if !self.store.writes_by_git {
            let told = (&self.stamp, self.reason.as_str());
            let moved = (self.expected, self.new_tip);
            self.store.write_native(held, &self.objects, &name, moved, told)?;
            return Ok(self.new_tip);
        }
        self.store.write_objects(&self.objects, || {
            git::update_ref(
                self.store,
                &name,
                self.expected,
                self.new_tip,
                &self.stamp,
                &self.reason,
            )
        })?;
        self.store.sync_after_git(&name)?;
        match git::tip(self.store, &name)? {
            Some(found) if found == self.new_tip => Ok(self.new_tip),
            Some(found) if self.store.is_ancestor(self.new_tip, found) => Ok(self.new_tip),
            _ => Err(StoreError::Raced { name }),
        }
    }
}

/// The objects of a write, as they are made.
struct Objects<'a> {
    store: &'a Store,
    all: Vec<Object>,
}

impl Objects<'_> {
    fn apply(&mut self, entries: &mut Vec<Entry>, event: &NewEvent) -> Result<(), StoreError> {
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
            Some(at) => self.store.directory(entries.remove(at).oid)?,
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

    fn tree(&mut self, entries: &[Entry]) -> Result<Oid, StoreError> {
        let mut tree = gix::objs::Tree { entries: entries.iter().map(to_gix_entry).collect() };
        tree.entries.sort();
        self.add(Kind::Tree, encode(&tree))
    }

    fn commit(
        &mut self,
        tree_oid: Oid,
        parent: Option<Oid>,
        message: &str,
        stamp: &Stamp,
    ) -> Result<Oid, StoreError> {
        let commit = gix::objs::Commit {
            tree: to_id(tree_oid),
            parents: parent.into_iter().map(to_id).collect(),
            author: signature(&stamp.author, stamp.at),
            committer: signature(&stamp.committer, stamp.at),
            encoding: None,
            message: message.into(),
            extra_headers: Vec::new(),
        };
        self.add(Kind::Commit, encode(&commit))
    }

    fn add(&mut self, kind: Kind, data: Vec<u8>) -> Result<Oid, StoreError> {
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
