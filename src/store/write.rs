use super::event_objects::Objects;
use super::native::{Object, SessionLock};
use super::{KeptTree, Snapshot, Store, StoreError, git, session_ref};
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
            tip = Some(objects.commit(tree_oid, tip.as_slice(), &event.message, stamp)?);
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
        let (store, name) = (self.store, session_ref(self.session_id));
        let told = (&self.stamp, self.reason.as_str());
        let publish = |expected: Option<Oid>| {
            store.move_ref(held, &self.objects, &name, (expected, self.new_tip), told)
        };
        match publish(self.expected) {
            // It has no ref any more, but stands in the archive as it was built on: it gets one again.
            Err(StoreError::Raced { .. }) if self.is_archived()? => publish(None)?,
            other => other?,
        }
        Ok(self.new_tip)
    }

    /// Tells whether the session is in the archive alone, as the events were built on.
    fn is_archived(&self) -> Result<bool, StoreError> {
        let Some(expected) = self.expected else { return Ok(false) };
        if self.store.live_tip(self.session_id)?.is_some() {
            return Ok(false);
        }
        let row = self.store.archived(self.session_id)?;
        Ok(row.and_then(|row| row.tip) == Some(expected))
    }
}

impl Store {
    /// Makes objects durable and moves a ref to one of them, if it still is at `expected`; then that is made durable
    /// and read back.
    ///
    /// # Errors
    /// As [`Unpublished::publish`].
    pub(super) fn move_ref(
        &self,
        held: &SessionLock,
        objects: &[Object],
        name: &str,
        (expected, new): (Option<Oid>, Oid),
        (stamp, reason): (&Stamp, &str),
    ) -> Result<(), StoreError> {
        if !self.writes_by_git {
            return self.write_native(held, objects, name, (expected, new), (stamp, reason));
        }
        self.write_objects(objects, || git::update_ref(self, name, expected, new, stamp, reason))?;
        self.sync_after_git(name)?;
        match git::tip(self, name)? {
            Some(found) if found == new || self.is_ancestor(new, found) => Ok(()),
            _ => Err(StoreError::Raced { name: name.to_owned() }),
        }
    }
}
