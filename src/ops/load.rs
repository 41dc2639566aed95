//! Reading one session whole, and trusting nothing of it that is not checked.

use crate::format::lifecycle_yaml;
use crate::format::record::{self, RecordError};
use crate::lifecycle::{Lifecycle, Standing};
use crate::model::{Class, Oid, Session, SessionId};
use crate::ops::OpError;
use crate::ops::agent_state::{self, Activity};
use crate::ops::links::{self, WithSubject};
use crate::ops::observe::{self, Observed};
use crate::store::{Snapshot, Store, StoreError};

/// A session as one of its commits holds it, understood.
#[derive(Debug, Clone)]
pub struct View {
    /// The record.
    pub session: Session,
    /// The lifecycle that it was made under.
    pub lifecycle: Lifecycle,
    /// The class of its state.
    pub class: Class,
    /// The commit.
    pub tip: Oid,
    /// What is seen of its worker.
    pub observed: Observed,
    /// What its agent does just now, where one lives that tells us.
    pub activity: Option<Activity>,
    /// The commits that were made in it, if somebody has asked for them.
    pub made: Option<Vec<WithSubject>>,
}

impl View {
    /// Returns the view of `session` under `lifecycle` at the commit `tip`, as far as the record tells:
    /// a worker that is recorded is somewhere else until one has looked.
    ///
    /// # Errors
    /// [`OpError::Corrupt`] if the lifecycle has no such state.
    pub fn new(session: Session, lifecycle: Lifecycle, tip: Oid) -> Result<View, OpError> {
        let class = lifecycle.class_of(&session.status).ok_or_else(|| {
            let (name, status) = (lifecycle.name(), &session.status);
            corrupt(session.id, format!("lifecycle '{name}' has no state '{status}'"))
        })?;
        let is_open = class == Class::Active && observe::has_open_worker(&session);
        let observed = if is_open { Observed::Elsewhere } else { Observed::None };
        Ok(View { session, lifecycle, class, tip, observed, activity: None, made: None })
    }

    /// Returns the view with a look at the session's worker.
    pub fn with_look(mut self, store: &Store) -> View {
        self.observed = observe::observe(store, &self.session, self.class);
        let lives = self.observed == Observed::Running;
        let told = lives.then(|| agent_state::read(store, self.session.id)).flatten();
        self.activity = told.map(|state| state.activity);
        self
    }

    /// Returns the view with the commits that were made in the session, of which `snapshot` is.
    ///
    /// # Errors
    /// [`OpError::Store`] if they cannot be read.
    pub fn with_commits(mut self, store: &Store, snapshot: &Snapshot) -> Result<View, OpError> {
        let made = links::commits_of(store, snapshot, &self.session)?;
        self.made = Some(links::with_subjects(store, made));
        Ok(self)
    }

    /// Returns where the session stands in its lifecycle.
    pub fn standing(&self) -> Standing<'_> {
        Standing {
            status: &self.session.status,
            paused_from: self.session.paused_from.as_deref(),
            outcome: self.session.outcome,
        }
    }
}

/// A session to be changed: what it is, and the bytes that the change is built on.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What it is.
    pub view: View,
    /// The bytes it was read from.
    pub snapshot: Snapshot,
}

/// Reads a session as it is now.
///
/// # Errors
/// [`OpError::NotFound`], [`OpError::Corrupt`], [`OpError::Store`].
pub fn load(store: &Store, session_id: SessionId) -> Result<Loaded, OpError> {
    match store.tip(session_id) {
        Ok(Some(tip_oid)) => load_from(store, session_id, tip_oid),
        Ok(None) => Err(OpError::NotFound { name: session_id.to_string() }),
        Err(error @ (StoreError::Corrupt { .. } | StoreError::Symbolic { .. })) => {
            Err(corrupt(session_id, error.to_string()))
        }
        Err(error) => Err(error.into()),
    }
}

/// Reads a session whose tip was just `tip_oid`.
///
/// Whoever ends a worker records that and then gives its lease back. Who reads the record before and looks
/// for the worker after that would take it for lost, or for somebody else's; so the tip is read again.
///
/// # Errors
/// As [`load_at`].
pub fn load_from(
    store: &Store,
    session_id: SessionId,
    mut tip_oid: Oid,
) -> Result<Loaded, OpError> {
    for _ in 0..MAX_LOOKS {
        let loaded = load_at(store, session_id, tip_oid)?;
        if !loaded.view.observed.is_doubtful() {
            return Ok(loaded);
        }
        match store.tip(session_id) {
            Ok(Some(now_oid)) if now_oid != tip_oid => tip_oid = now_oid,
            _ => return Ok(loaded),
        }
    }
    load_at(store, session_id, tip_oid)
}

/// How often a session that changes while it is looked at is looked at again.
const MAX_LOOKS: usize = 5;

/// Reads a session as the commit `commit_oid` holds it.
///
/// # Errors
/// [`OpError::Corrupt`], [`OpError::Newer`], [`OpError::Store`].
pub fn load_at(store: &Store, session_id: SessionId, commit_oid: Oid) -> Result<Loaded, OpError> {
    let snapshot = match store.snapshot(commit_oid) {
        Ok(snapshot) => snapshot,
        Err(error @ (StoreError::Corrupt { .. } | StoreError::Missing { .. })) => {
            return Err(corrupt(session_id, error.to_string()));
        }
        Err(error) => return Err(error.into()),
    };
    let session = match record::parse(&snapshot.record) {
        Ok(session) => session,
        Err(error @ RecordError::Version { .. }) => {
            let (handle, reason) = (session_id.handle(), error.to_string());
            return Err(OpError::Newer { handle, reason });
        }
        Err(error) => return Err(corrupt(session_id, format!("session.yaml: {error}"))),
    };
    if session.id != session_id {
        let reason = format!("session.yaml is of session {}", session.id);
        return Err(corrupt(session_id, reason));
    }
    let lifecycle = read_lifecycle(&session, &snapshot)?;
    let view = View::new(session, lifecycle, commit_oid)?.with_look(store);
    Ok(Loaded { view, snapshot })
}

fn read_lifecycle(session: &Session, snapshot: &Snapshot) -> Result<Lifecycle, OpError> {
    let (lifecycle, _) = lifecycle_yaml::parse(&snapshot.lifecycle)
        .map_err(|error| corrupt(session.id, format!("lifecycle.yaml: {error}")))?;
    if lifecycle.name() != session.lifecycle {
        let (found, expected) = (lifecycle.name(), &session.lifecycle);
        let reason = format!("lifecycle.yaml is '{found}', not '{expected}'");
        return Err(corrupt(session.id, reason));
    }
    Ok(lifecycle)
}

/// Returns the error that a session cannot be read.
pub fn corrupt(session_id: SessionId, reason: String) -> OpError {
    OpError::Corrupt { name: session_id.to_string(), reason }
}
