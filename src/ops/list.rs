//! Which sessions there are: from the trailers of each newest commit, and from the record only
//! where a question needs it.

use std::collections::HashSet;

use crate::format::message::Excerpt;
use crate::model::{Class, Oid, Outcome, SessionId, Timestamp};
use crate::ops::OpError;
use crate::ops::load::{self, View};
use crate::ops::observe::{self, Observed};
use crate::store::{Fault, Store};

/// A session in a list.
#[derive(Debug, Clone)]
pub struct Listed {
    /// What its newest commit says.
    pub excerpt: Excerpt,
    /// Its newest commit.
    pub tip: Oid,
    /// The whole of it, if the question needed it.
    pub view: Option<Box<View>>,
    /// What is seen of its worker; that one is elsewhere only the record tells.
    pub observed: Observed,
}

impl Listed {
    /// Returns a session that was read whole.
    pub fn of(view: View) -> Listed {
        let excerpt = Excerpt::of(&view.session, view.class);
        let observed = view.observed;
        Listed { excerpt, tip: view.tip, view: Some(Box::new(view)), observed }
    }
}

/// The answer: sessions in order, and what cannot be read.
#[derive(Debug, Default)]
pub struct Listing {
    /// The sessions that were asked for, in order.
    pub sessions: Vec<Listed>,
    /// What cannot be read, which hides nothing else.
    pub corrupt: Vec<Fault>,
    /// How many ended sessions matched and were left out because nobody asked for them.
    pub n_ended_hidden: usize,
}

/// What to compare for the order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortKey {
    /// When it was made.
    Created,
    /// When its newest event was.
    Updated,
    /// Its title.
    Title,
    /// Its state.
    Status,
    /// Its branch.
    Branch,
    /// Its id.
    Id,
    /// Its name.
    Name,
}

impl SortKey {
    /// The words for the keys.
    pub const ALL: [(&'static str, SortKey); 7] = [
        ("created", SortKey::Created),
        ("updated", SortKey::Updated),
        ("title", SortKey::Title),
        ("status", SortKey::Status),
        ("branch", SortKey::Branch),
        ("id", SortKey::Id),
        ("name", SortKey::Name),
    ];
}

/// A question for sessions. An empty list asks nothing.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// Ended sessions too.
    pub all: bool,
    /// One of these states.
    pub statuses: Vec<String>,
    /// One of these classes.
    pub classes: Vec<Class>,
    /// One of these outcomes.
    pub outcomes: Vec<Outcome>,
    /// One of these lifecycles.
    pub lifecycles: Vec<String>,
    /// The work branch, or the branch at the beginning.
    pub branch: Option<String>,
    /// Made at or after.
    pub created_from: Option<Timestamp>,
    /// Made at or before.
    pub created_to: Option<Timestamp>,
    /// The title matches each of these.
    pub title: Vec<regex::Regex>,
    /// Fields of the record that must be equal.
    pub fields: Vec<FieldFilter>,
    /// The order; the first key counts most; `true` is descending.
    pub sort: Vec<(SortKey, bool)>,
    /// At most so many.
    pub limit: Option<usize>,
    /// Whether the whole record is needed for the answer.
    pub whole: bool,
}

/// A comparison that needs the record.
#[derive(Debug, Clone)]
pub struct FieldFilter {
    /// Which field.
    pub field: Field,
    /// Any of these values.
    pub values: Vec<String>,
}

/// A field of the record that can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// `phase`
    Phase,
    /// `agent`
    Agent,
    /// `model`
    Model,
    /// `role`
    Role,
    /// `links.issue`
    Issue,
    /// any of `labels`
    Label,
    /// a part of `author`
    Author,
    /// any of `commits`, or the commit at the beginning
    Commit,
    /// what is seen of the worker
    Observed,
}

/// Answers a question.
///
/// # Errors
/// [`OpError::Store`] when the refs cannot be listed at all.
#[tracing::instrument(skip_all)]
pub fn list(store: &Store, query: &Query) -> Result<Listing, OpError> {
    let tips = store.tips()?;
    let mut listing = Listing { corrupt: tips.faults, ..Listing::default() };
    for (session_id, tip) in tips.sessions {
        match read(store, session_id, tip, query.needs_record()) {
            Ok(listed) if !query.matches(&listed) => {}
            Ok(listed) if query.hides(&listed) => listing.n_ended_hidden += 1,
            Ok(listed) => listing.sessions.push(listed),
            Err(fault) => listing.corrupt.push(fault),
        }
    }
    query.order(&mut listing.sessions);
    if let Some(limit) = query.limit {
        listing.sessions.truncate(limit);
    }
    if query.whole && !query.needs_record() {
        read_whole(store, &mut listing);
    } else if !query.needs_record() {
        look(store, &mut listing);
    }
    Ok(listing)
}

/// Looks at the workers that this clone started; without one it costs reading one directory.
fn look(store: &Store, listing: &mut Listing) {
    let leased: HashSet<SessionId> = observe::leases(store).session_ids().into_iter().collect();
    for listed in listing.sessions.iter_mut().filter(|it| leased.contains(&it.excerpt.id)) {
        let excerpt = &listed.excerpt;
        let seen = observe::observe_lease(store, excerpt.id, excerpt.class).unwrap_or_default();
        // What was read before the look may not be so any more; then nothing is said of the worker.
        let is_past = || store.tip(excerpt.id).ok().flatten() != Some(listed.tip);
        listed.observed = if seen.is_doubtful() && is_past() { Observed::None } else { seen };
    }
}

/// Reads the records of what is left, which are fewer than what was looked at.
fn read_whole(store: &Store, listing: &mut Listing) {
    let mut kept = Vec::with_capacity(listing.sessions.len());
    for listed in std::mem::take(&mut listing.sessions) {
        match read(store, listed.excerpt.id, listed.tip, true) {
            Ok(listed) => kept.push(listed),
            Err(fault) => listing.corrupt.push(fault),
        }
    }
    listing.sessions = kept;
}

/// Reads one session for a list; whole, or as far as the trailers of its newest commit tell.
fn read(store: &Store, session_id: SessionId, tip: Oid, whole: bool) -> Result<Listed, Fault> {
    let fault = |reason: String| Fault::new(session_id.to_string(), reason);
    if !whole {
        let message = store.message(tip).map_err(|error| fault(error.to_string()))?;
        if let Some(excerpt) = Excerpt::from_message(&message).filter(|it| it.id == session_id) {
            return Ok(Listed { excerpt, tip, view: None, observed: Observed::None });
        }
    }
    let loaded = load::load_from(store, session_id, tip).map_err(|error| match error {
        OpError::Corrupt { reason, .. } | OpError::Newer { reason, .. } => fault(reason),
        other => fault(other.to_string()),
    })?;
    Ok(Listed::of(loaded.view))
}

impl Query {
    fn needs_record(&self) -> bool {
        !self.fields.is_empty()
    }

    fn matches(&self, listed: &Listed) -> bool {
        let excerpt = &listed.excerpt;
        is_any(&self.statuses, &excerpt.status)
            && is_any(&self.classes, &excerpt.class)
            && (self.outcomes.is_empty()
                || excerpt.outcome.is_some_and(|outcome| self.outcomes.contains(&outcome)))
            && is_any(&self.lifecycles, &excerpt.lifecycle)
            && self.created_from.is_none_or(|from| excerpt.created_at >= from)
            && self.created_to.is_none_or(|to| excerpt.created_at <= to)
            && self.title.iter().all(|pattern| pattern.is_match(&excerpt.title))
            && self.branch.as_ref().is_none_or(|branch| excerpt.branch.as_ref() == Some(branch))
            && self.fields.iter().all(|filter| filter.matches(listed))
    }

    /// Tells whether a session that matches is left out since it has ended and nobody asked.
    fn hides(&self, listed: &Listed) -> bool {
        let asked = self.all
            || self.classes.contains(&Class::Ended)
            || !self.outcomes.is_empty()
            || self.statuses.contains(&listed.excerpt.status);
        listed.excerpt.class == Class::Ended && !asked
    }

    fn order(&self, sessions: &mut [Listed]) {
        sessions.sort_by(|a, b| {
            let by_keys = self.sort.iter().map(|(key, descending)| {
                let order = key.compare(&a.excerpt, &b.excerpt);
                if *descending { order.reverse() } else { order }
            });
            let newest_first = b.excerpt.created_at.cmp(&a.excerpt.created_at);
            by_keys
                .fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
                .then(newest_first)
                .then(b.excerpt.id.cmp(&a.excerpt.id))
        });
    }
}

impl SortKey {
    fn compare(self, a: &Excerpt, b: &Excerpt) -> std::cmp::Ordering {
        match self {
            SortKey::Created => a.created_at.cmp(&b.created_at),
            SortKey::Updated => a.updated_at.cmp(&b.updated_at),
            SortKey::Title => a.title.cmp(&b.title),
            SortKey::Status => a.status.cmp(&b.status),
            SortKey::Branch => a.branch.cmp(&b.branch),
            SortKey::Id => a.id.cmp(&b.id),
            SortKey::Name => a.name.cmp(&b.name),
        }
    }
}

fn is_any<T: PartialEq>(wanted: &[T], found: &T) -> bool {
    wanted.is_empty() || wanted.contains(found)
}

impl FieldFilter {
    fn matches(&self, listed: &Listed) -> bool {
        let Some(session) = listed.view.as_ref().map(|view| &view.session) else {
            return false;
        };
        let is_wanted = |found: Option<&str>| {
            found.is_some_and(|found| self.values.iter().any(|value| value == found))
        };
        let text = |value: &crate::model::Value| value.as_str().map(str::to_owned);
        match self.field {
            Field::Phase => is_wanted(session.phase.as_deref()),
            Field::Agent => is_wanted(session.agent.as_deref()),
            Field::Model => is_wanted(session.model.as_deref()),
            Field::Role => is_wanted(session.role.as_deref()),
            Field::Issue => is_wanted(session.links.get("issue").and_then(text).as_deref()),
            Field::Label => session.labels.iter().any(|label| is_wanted(Some(label))),
            Field::Author => self.values.iter().any(|part| session.author.contains(part)),
            Field::Observed => is_wanted(Some(listed.observed.as_str())),
            Field::Commit => {
                let recorded = session.commits.iter().filter_map(commit_id);
                let all = recorded.chain(session.git.commit.as_deref());
                all.into_iter().any(|commit| is_wanted(Some(commit)))
            }
        }
    }
}

/// Returns the id of a recorded commit.
fn commit_id(recorded: &crate::model::Value) -> Option<&str> {
    recorded.as_str().or_else(|| recorded.get("commit")?.as_str())
}

/// Returns the open sessions of a branch.
///
/// # Errors
/// [`OpError::Store`].
pub fn open_on_branch(store: &Store, branch: &str) -> Result<Vec<Listed>, OpError> {
    let query = Query { branch: Some(branch.to_owned()), ..Query::default() };
    Ok(list(store, &query)?.sessions)
}
