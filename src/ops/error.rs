use crate::model::Handle;
use crate::ops::leaks::Leak;
use crate::ops::place::PlaceError;
use crate::store::StoreError;
use crate::worker::{LeaseError, StopError};

/// A session that a name may mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its handle.
    pub handle: Handle,
    /// Its state.
    pub status: String,
    /// When it was made, `YYYY-MM-DD`.
    pub date: String,
    /// Its title.
    pub title: String,
}

/// Why a use case refused or could not.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpError {
    /// No session has this name.
    #[error("no session matches '{name}'")]
    NotFound {
        /// What was asked for.
        name: String,
    },
    /// No session was named, and none is current.
    #[error("no current session")]
    NoCurrent,
    /// Several sessions have this name.
    #[error("session name '{name}' is ambiguous")]
    Ambiguous {
        /// What was asked for.
        name: String,
        /// The sessions that it may mean.
        candidates: Vec<Candidate>,
    },
    /// The lifecycle does not allow it.
    #[error("cannot move session {handle} from '{from}' to '{to}'")]
    InvalidTransition {
        /// The session.
        handle: Handle,
        /// Its state.
        from: String,
        /// What was asked for.
        to: String,
        /// Where it can go from here, in table order.
        allowed: Vec<String>,
    },
    /// The user's hook does not want it.
    #[error("the {hook} hook refused to move session {handle} from '{from}' to '{to}'")]
    HookRefused {
        /// The session.
        handle: Handle,
        /// Its state; empty if it does not exist yet.
        from: String,
        /// What was asked for.
        to: String,
        /// Where it can go from here as its lifecycle has it, in table order.
        allowed: Vec<String>,
        /// The hook.
        hook: &'static str,
    },
    /// The session is not in the state that the caller expects.
    #[error("session {handle} is '{found}', not '{expected}'")]
    Unexpected {
        /// The session.
        handle: Handle,
        /// Its state.
        found: String,
        /// What the caller expects.
        expected: String,
    },
    /// The session has not ended, and only ended ones are removed without force.
    #[error("session {handle} has not ended (it is '{status}')")]
    StillOpen {
        /// The session.
        handle: Handle,
        /// Its state.
        status: String,
    },
    /// The session has a worker that lives, and would leave it to nobody.
    #[error("the worker of session {handle} runs (process {pid})")]
    StillRunning {
        /// The session.
        handle: Handle,
        /// The worker, or who is about to start it.
        pid: u32,
    },
    /// A value cannot be.
    #[error("invalid value for '{field}': {reason}")]
    InvalidValue {
        /// The field or option.
        field: String,
        /// What is wrong with it.
        reason: String,
        /// The values that it can have, where they are few.
        allowed: Vec<String>,
    },
    /// A transcript could not be read.
    #[error("cannot read '{path}': {error}")]
    Transcript {
        /// Where it is.
        path: String,
        /// Why not.
        error: std::io::Error,
    },
    /// A line of what is to be recorded is no event.
    #[error("line {number}: {reason}")]
    Line {
        /// Its number, from 1.
        number: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// A key that does not exist.
    #[error("unknown {kind} '{field}'")]
    UnknownField {
        /// What it should be: `field`, `JSON field`, `placeholder`.
        kind: &'static str,
        /// The key.
        field: String,
        /// The keys that exist.
        known: Vec<String>,
    },
    /// A key that never changes.
    #[error("field '{field}' never changes")]
    ImmutableField {
        /// The key.
        field: String,
    },
    /// Another process changed the session again and again.
    #[error("session {handle} was changed by another process")]
    Conflict {
        /// The session.
        handle: Handle,
    },
    /// The session is damaged.
    #[error("session {name} cannot be read: {reason}")]
    Corrupt {
        /// Its id or what stands in its place.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A newer program wrote the session.
    #[error("session {handle} cannot be read: {reason}")]
    Newer {
        /// The session.
        handle: Handle,
        /// What it says.
        reason: String,
    },
    /// There is one already.
    #[error("{what} already exists")]
    AlreadyExists {
        /// What there is.
        what: String,
    },
    /// A definition of a lifecycle is refused.
    #[error("{path}: {reason}")]
    Lifecycle {
        /// The file, and the line where it is known.
        path: String,
        /// What is wrong there.
        reason: String,
    },
    /// The worker was started by somebody else, or where nobody here can reach it.
    #[error("the worker of session {handle} belongs to {whose}")]
    NotOwner {
        /// The session.
        handle: Handle,
        /// To whom.
        whose: String,
    },
    /// The session has a worker that lives.
    #[error("session {handle} has a worker already (process {pid})")]
    AlreadyRunning {
        /// The session.
        handle: Handle,
        /// The worker, or who is about to start it.
        pid: u32,
    },
    /// The session has used up the time that its configuration gives it.
    #[error("session {handle} has no time left")]
    NoTimeLeft {
        /// The session.
        handle: Handle,
    },
    /// No worker of the session ran in the background.
    #[error("session {handle} has no log of a worker")]
    NoLog {
        /// The session.
        handle: Handle,
    },
    /// A session that is waited for cannot come to be what it is waited for.
    #[error("session {handle} cannot become '{wanted}' any more: it is '{now}'")]
    Unreachable {
        /// The session.
        handle: Handle,
        /// Its state, or `deleted`.
        now: String,
        /// What it is waited for.
        wanted: String,
    },
    /// A session that is waited for took too long.
    #[error("the time is over, and not every session has become '{wanted}'")]
    TimedOut {
        /// What it is waited for.
        wanted: String,
    },
    /// What is to be sent has secrets in it.
    #[error("refusing to push: {}", of_leaks(.leaks))]
    HasSecrets {
        /// Where they are.
        leaks: Vec<Leak>,
    },
    /// There is no such remote.
    #[error("'{name}' is not a remote of this repository")]
    NoRemote {
        /// What was asked for.
        name: String,
        /// The remotes that there are.
        known: Vec<String>,
    },
    /// A command cannot be started.
    #[error("cannot run '{command}': {reason}")]
    CannotRun {
        /// Its first word.
        command: String,
        /// Why not.
        reason: String,
    },
    /// A worker's lease cannot be read or written.
    #[error(transparent)]
    Lease(#[from] LeaseError),
    /// A command cannot run where it should, or a work tree not be removed.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// A worker does not end.
    #[error(transparent)]
    Stop(#[from] StopError),
    /// The repository refused or could not.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl OpError {
    /// Returns the error that `field` has a wrong value for `reason`.
    pub fn invalid(field: impl Into<String>, reason: impl Into<String>) -> OpError {
        OpError::InvalidValue { field: field.into(), reason: reason.into(), allowed: Vec::new() }
    }
}

/// Tells how many secrets there are.
fn of_leaks(leaks: &[Leak]) -> String {
    match leaks {
        [leak] => format!("there is a secret in {}", leak.place()),
        leaks => format!("there are secrets in {} places", leaks.len()),
    }
}

impl From<crate::format::fields::Invalid> for OpError {
    fn from(invalid: crate::format::fields::Invalid) -> OpError {
        OpError::invalid(invalid.key, invalid.reason)
    }
}
