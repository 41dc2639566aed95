//! Sums over sessions, from their records: how many there are, how they ended, how long they took and what
//! they used.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::{Bound, RangeBounds};

use chrono::Datelike;

use crate::cache::{Damaged, Row, Sessions};
use crate::model::{Outcome, Timestamp, Tokens};
use crate::ops::facts::{self, Facts, Found};
use crate::ops::{OpError, list};
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
    fn key<'a>(self, facts: &Facts<'a>) -> Cow<'a, str> {
        let at = facts.created_at.to_utc();
        match self {
            By::Day => at.format("%Y-%m-%d").to_string().into(),
            By::Week => {
                let week = at.iso_week();
                format!("{:04}-W{:02}", week.year(), week.week()).into()
            }
            By::Branch => facts.branch.unwrap_or_default().into(),
            By::Author => facts.author.into(),
            By::Agent => facts.agent.unwrap_or_default().into(),
            By::Model => facts.model.unwrap_or_default().into(),
            By::Status => facts.status.into(),
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

    fn add(&mut self, facts: &Facts<'_>, now: Timestamp) {
        self.n_sessions += 1;
        self.n_open += u64::from(facts.is_open);
        match facts.outcome {
            Some(Outcome::Success) => self.n_success += 1,
            Some(Outcome::Failure) => self.n_failure += 1,
            Some(Outcome::Interrupted) => self.n_interrupted += 1,
            None => {}
        }
        let lasts = facts.since.map_or(0, |since| now.seconds_since(since).unsigned_abs());
        self.seconds = self.seconds.saturating_add(facts.seconds.saturating_add(lasts));
        let [input, output, cache_read, cache_write] = facts.tokens;
        let sum = &mut self.tokens;
        sum.input = sum.input.saturating_add(input);
        sum.output = sum.output.saturating_add(output);
        sum.cache_read = sum.cache_read.saturating_add(cache_read);
        sum.cache_write = sum.cache_write.saturating_add(cache_write);
        self.n_events = self.n_events.saturating_add(facts.n_events);
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
    let bound = |at: Option<Timestamp>| at.map_or(Bound::Unbounded, Bound::Included);
    let span = (bound(created_from), bound(created_to));
    list::look_through(store, |sessions| sum(store, sessions, by, &span, now))
}

fn sum(
    store: &Store,
    sessions: &Sessions,
    by: Option<By>,
    span: &impl RangeBounds<Timestamp>,
    now: Timestamp,
) -> Result<Stats, Damaged> {
    let (mut places, mut unknown) = (Vec::new(), Vec::new());
    sessions.each(|row| match row {
        Row::Known(place, brief) if span.contains(&brief.created_at) => places.push(place),
        Row::Known(..) => {}
        Row::Unknown(session_id, tip) => unknown.push((session_id, tip)),
    })?;
    let mut stats = Stats { corrupt: sessions.faults().to_vec(), ..Stats::default() };
    let mut groups: HashMap<String, Sums> = HashMap::new();
    let mut reader = facts::Reader::open(store, sessions);
    let mut add = |facts: &Facts<'_>| {
        if !span.contains(&facts.created_at) {
            return;
        }
        stats.total.add(facts, now);
        if let Some(by) = by {
            let key = by.key(facts);
            match groups.get_mut(&*key) {
                Some(sums) => sums.add(facts, now),
                None => groups.entry(key.into_owned()).or_default().add(facts, now),
            }
        }
    };
    let mut faults = Vec::new();
    let tips = sessions.tips(&places)?;
    reader.read_ahead(&tips);
    for (session_id, tip) in tips.into_iter().chain(unknown) {
        match reader.find(session_id, tip) {
            Ok(Found::Facts(facts)) => add(&facts),
            Ok(Found::View(view)) => add(&Facts::of(&view.session, view.class)),
            Err(fault) => faults.push(fault),
        }
    }
    reader.close(sessions);
    faults.sort_by(|a, b| a.name.cmp(&b.name));
    stats.corrupt.extend(faults);
    stats.groups = groups.into_iter().collect();
    stats.groups.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(stats)
}
