//! The history of a session: its events, newest first.

use crate::model::{Oid, SessionId, Timestamp};
use crate::ops::{OpError, log_commits, log_said};
use crate::store::{CommitInfo, Store, StoreError};

/// An event of a session, as its commit tells it.
#[derive(Debug, Clone)]
pub struct LoggedEvent {
    /// The commit.
    pub commit: Oid,
    /// The number of the event; `None` if the commit does not say.
    pub seq: Option<u64>,
    /// The kind: `create`, `transition`, `update`, `attach`, `detach`, `import`, or what a newer program says.
    pub kind: String,
    /// When, to the microsecond where the commit says so.
    pub at: Timestamp,
    /// Who acted.
    pub author: String,
    /// The state before, for a transition.
    pub from: Option<String>,
    /// The state after.
    pub status: Option<String>,
    /// Whether it was forced.
    pub forced: bool,
    /// The first line.
    pub subject: String,
    /// The reason; may be empty.
    pub reason: String,
    /// The commits that it recorded, with the first lines of their messages; `None` for one that is not here.
    /// Filled in by [`log`] alone.
    pub commits: Vec<(Oid, Option<String>)>,
}

pub use log_said::{KINDS, check_kinds, is_said};

/// Which events are wanted. Nothing asked means all.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// Only these kinds; those of a conversation are looked for in what was recorded.
    pub kinds: Vec<String>,
    /// At or after.
    pub since: Option<Timestamp>,
    /// At or before.
    pub until: Option<Timestamp>,
    /// From this event on, not from the newest: what is listed is then what was looked at.
    pub from: Option<Oid>,
    /// Only events after this one: for following.
    pub after: Option<Oid>,
    /// At most so many, the newest.
    pub limit: Option<usize>,
}

/// Returns the events of a session, newest first. A history that is cut short (a shallow clone)
/// ends early.
///
/// # Errors
/// [`OpError::NotFound`], [`OpError::Store`].
#[tracing::instrument(skip_all, fields(session = %session_id))]
pub fn log(
    store: &Store,
    session_id: SessionId,
    query: &Query,
) -> Result<Vec<LoggedEvent>, OpError> {
    let newest = || -> Result<Oid, OpError> {
        let not_found = || OpError::NotFound { name: session_id.to_string() };
        store.tip(session_id)?.ok_or_else(not_found)
    };
    let tip_oid = query.from.map_or_else(newest, Ok)?;
    if log_said::is_wanted(&query.kinds) {
        let mut events = log_said::log(store, session_id, tip_oid, query)?;
        log_commits::fill_in(store, tip_oid, &mut events);
        return Ok(events);
    }
    let mut events = Vec::new();
    for event in self::events(store, tip_oid) {
        let event = event?;
        if query.after == Some(event.commit) || query.limit == Some(events.len()) {
            break;
        }
        if query.wants(&event) {
            events.push(event);
        }
    }
    log_commits::fill_in(store, tip_oid, &mut events);
    Ok(events)
}

/// Returns the events from the commit `tip_oid` on, newest first, as they are asked for.
pub fn events(
    store: &Store,
    tip_oid: Oid,
) -> impl Iterator<Item = Result<LoggedEvent, StoreError>> {
    store.history(tip_oid).map(|commit| commit.map(|commit| to_event(&commit)))
}

impl Query {
    pub(super) fn wants(&self, event: &LoggedEvent) -> bool {
        (self.kinds.is_empty() || self.kinds.contains(&event.kind)) && self.has_time(event.at)
    }

    pub(super) fn has_time(&self, at: Timestamp) -> bool {
        self.since.is_none_or(|since| at >= since) && self.until.is_none_or(|until| at <= until)
    }
}

pub(super) fn to_event(commit: &CommitInfo) -> LoggedEvent {
    let text = |token: &str| commit.trailer(token).map(str::to_owned);
    let updated_at = commit.trailer("Session-Updated").and_then(Timestamp::parse);
    LoggedEvent {
        commit: commit.oid,
        seq: commit.trailer("Session-Seq").and_then(|seq| seq.parse().ok()),
        kind: text("Session-Event").unwrap_or_else(|| "unknown".into()),
        at: updated_at
            .filter(|at| at.seconds() == commit.committed_at.seconds())
            .unwrap_or(commit.committed_at),
        author: commit.author.to_string(),
        from: text("Session-From"),
        status: text("Session-Status"),
        forced: commit.trailer("Session-Forced") == Some("yes"),
        subject: commit.subject().to_owned(),
        reason: commit.body().to_owned(),
        commits: Vec::new(),
    }
}
