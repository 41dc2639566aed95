//! Sums over sessions, from their records: how many there are, how they ended, how long they took and what
//! they used.

use std::collections::BTreeMap;

use chrono::Datelike;

use crate::model::{Class, Outcome, Session, Timestamp, Tokens, Value};
use crate::ops::OpError;
use crate::ops::list::{self, Listed};
use crate::ops::load::View;
use crate::store::{Fault, Store};

/// What sessions are put together by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The day they were made, in UTC.
    Day,
    /// The week, as ISO 8601 counts them.
    Week,
    /// The work branch.
    Branch,
    /// Who made them.
    Author,
    /// The agent program.
    Agent,
    /// The language model.
    Model,
    /// The state.
    Status,
}

impl By {
    /// The words for them.
    pub const ALL: [(&'static str, By); 7] = [
        ("day", By::Day),
        ("week", By::Week),
        ("branch", By::Branch),
        ("author", By::Author),
        ("agent", By::Agent),
        ("model", By::Model),
        ("status", By::Status),
    ];

    /// Returns what a session belongs to; empty if it does not say.
    fn key(self, session: &Session) -> String {
        let at = session.created_at.to_utc();
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        match self {
            By::Day => at.format("%Y-%m-%d").to_string(),
            By::Week => {
                let week = at.iso_week();
                format!("{:04}-W{:02}", week.year(), week.week())
            }
            By::Branch => text(&session.branch.clone().or_else(|| session.git.branch.clone())),
            By::Author => session.author.clone(),
            By::Agent => text(&session.agent),
            By::Model => text(&session.model),
            By::Status => session.status.clone(),
        }
    }
}

/// Sums over some sessions.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sums {
    /// How many there are.
    pub n_sessions: u64,
    /// How many of them are open.
    pub n_open: u64,
    /// How many ended with success.
    pub n_success: u64,
    /// How many ended with failure.
    pub n_failure: u64,
    /// How many were interrupted.
    pub n_interrupted: u64,
    /// For how long they were worked on, in seconds.
    pub seconds: u64,
    /// What the language model was fed and answered.
    pub tokens: Tokens,
    /// How many events of their conversations were recorded.
    pub n_events: u64,
}

impl Sums {
    /// Returns the part of the ended ones that failed, from 0 to 1; `None` if none has ended.
    pub fn failure_rate(&self) -> Option<f64> {
        let n_ended = self.n_success + self.n_failure + self.n_interrupted;
        (n_ended > 0).then(|| self.n_failure as f64 / n_ended as f64)
    }

    fn add(&mut self, view: &View, now: Timestamp) {
        let session = &view.session;
        self.n_sessions += 1;
        self.n_open += u64::from(view.class.is_open());
        match session.outcome.filter(|_| view.class == Class::Ended) {
            Some(Outcome::Success) => self.n_success += 1,
            Some(Outcome::Failure) => self.n_failure += 1,
            Some(Outcome::Interrupted) => self.n_interrupted += 1,
            None => {}
        }
        self.seconds = self.seconds.saturating_add(seconds(session, now));
        let (sum, own) = (&mut self.tokens, &session.tokens);
        sum.input = sum.input.saturating_add(own.input);
        sum.output = sum.output.saturating_add(own.output);
        sum.cache_read = sum.cache_read.saturating_add(own.cache_read);
        sum.cache_write = sum.cache_write.saturating_add(own.cache_write);
        self.n_events = self.n_events.saturating_add(session.conversation.n_events);
    }
}

/// Returns for how long a session was worked on: what its statistics say, else from its beginning to its
/// end, or until now.
fn seconds(session: &Session, now: Timestamp) -> u64 {
    let said = session.statistics.get("duration_seconds").and_then(Value::as_f64);
    match (said, session.started_at) {
        (Some(said), _) if said > 0.0 => said as u64,
        (_, Some(from)) => session.ended_at.unwrap_or(now).seconds_since(from).unsigned_abs(),
        _ => 0,
    }
}

/// The answer.
#[derive(Debug, Default)]
pub struct Stats {
    /// The sums of each group, ordered by its key; none if nobody asked for groups.
    pub groups: Vec<(String, Sums)>,
    /// The sums of all.
    pub total: Sums,
    /// The sessions that cannot be read.
    pub corrupt: Vec<Fault>,
}

/// Sums up the sessions that were made in a span of time.
///
/// # Errors
/// [`OpError::Store`] when the refs cannot be listed at all.
pub fn stats(
    store: &Store,
    by: Option<By>,
    created_from: Option<Timestamp>,
    created_to: Option<Timestamp>,
    now: Timestamp,
) -> Result<Stats, OpError> {
    let query =
        list::Query { all: true, whole: true, created_from, created_to, ..list::Query::default() };
    let listing = list::list(store, &query)?;
    let mut stats = Stats { corrupt: listing.corrupt, ..Stats::default() };
    let mut groups: BTreeMap<String, Sums> = BTreeMap::new();
    for view in listing.sessions.iter().filter_map(|Listed { view, .. }| view.as_deref()) {
        stats.total.add(view, now);
        if let Some(by) = by {
            groups.entry(by.key(&view.session)).or_default().add(view, now);
        }
    }
    stats.groups = groups.into_iter().collect();
    Ok(stats)
}
