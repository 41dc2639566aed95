use std::cmp::Ordering;

use crate::format::message::Brief;
use crate::model::{Class, Outcome, Timestamp};
use crate::ops::facts::Facts;
use crate::ops::list::Listed;
use crate::ops::load::View;
use crate::ops::observe::Observed;

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
    /// any of `commits`, or the commit at the beginning; a value may be the session's id, too: then it is known
    /// otherwise that the commit was made in it
    Commit,
    /// what is seen of the worker
    Observed,
}

impl Query {
    pub(super) fn needs_record(&self) -> bool {
        !self.fields.is_empty()
    }

    /// Tells whether a brief is enough to tell whether a session matches.
    pub(super) fn is_brief(&self) -> bool {
        self.fields.is_empty() && self.title.is_empty()
    }

    pub(super) fn matches(&self, brief: &Brief<'_>) -> bool {
        is_any(&self.statuses, brief.status)
            && (self.classes.is_empty() || self.classes.contains(&brief.class))
            && (self.outcomes.is_empty()
                || brief.outcome.is_some_and(|outcome| self.outcomes.contains(&outcome)))
            && is_any(&self.lifecycles, brief.lifecycle)
            && self.created_from.is_none_or(|from| brief.created_at >= from)
            && self.created_to.is_none_or(|to| brief.created_at <= to)
            && self.branch.as_ref().is_none_or(|branch| brief.branch == Some(branch))
    }

    /// Tells whether what is known of a session matches; one without its record was compared before.
    pub(super) fn matches_whole(&self, listed: &Listed) -> bool {
        let compare = |view: &View| {
            self.matches_facts(&Facts::of(&view.session, view.class), listed.observed)
        };
        self.matches(&listed.excerpt.brief())
            && self.title.iter().all(|pattern| pattern.is_match(&listed.excerpt.title))
            && listed.view.as_deref().is_none_or(compare)
    }

    /// Tells whether the fields of a record match.
    pub(super) fn matches_facts(&self, facts: &Facts<'_>, observed: Observed) -> bool {
        self.fields.iter().all(|filter| filter.matches(facts, observed))
    }

    /// Tells whether a session that matches is left out since it has ended and nobody asked.
    pub(super) fn hides(&self, brief: &Brief<'_>) -> bool {
        let asked = self.all
            || self.classes.contains(&Class::Ended)
            || !self.outcomes.is_empty()
            || self.statuses.iter().any(|status| status == brief.status);
        brief.class == Class::Ended && !asked
    }

    /// Adds a session, and now and then drops what comes after the limit, so that few are held at any time.
    pub(super) fn keep<'a>(
        &self,
        known: &mut Vec<(usize, Brief<'a>)>,
        session: (usize, Brief<'a>),
    ) {
        known.push(session);
        if self.limit.is_some_and(|limit| known.len() >= limit.saturating_mul(2).max(MIN_KEPT)) {
            self.keep_first(known);
        }
    }

    /// Drops what comes after the limit of sessions that match, as far as nothing is asked of their titles.
    pub(super) fn keep_first(&self, known: &mut Vec<(usize, Brief<'_>)>) {
        let needs_title = self.sort.iter().any(|(key, _)| *key == SortKey::Title);
        let is_known = self.title.is_empty() && !needs_title;
        let Some(limit) = self.limit.filter(|limit| *limit < known.len() && is_known) else {
            return;
        };
        known.select_nth_unstable_by(limit, |(_, a), (_, b)| self.compare((a, ""), (b, "")));
        known.truncate(limit);
    }

    pub(super) fn order(&self, sessions: &mut [Listed]) {
        sessions.sort_by(|a, b| {
            let [a, b] = [&a.excerpt, &b.excerpt];
            self.compare((&a.brief(), &a.title), (&b.brief(), &b.title))
        });
    }

    /// Compares two sessions, each with its title.
    fn compare(&self, a: (&Brief<'_>, &str), b: (&Brief<'_>, &str)) -> Ordering {
        let by_keys = self.sort.iter().map(|(key, descending)| {
            let order = key.compare(a, b);
            if *descending { order.reverse() } else { order }
        });
        let newest_first = b.0.created_at.cmp(&a.0.created_at);
        by_keys.fold(Ordering::Equal, Ordering::then).then(newest_first).then(b.0.id.cmp(&a.0.id))
    }
}

/// How many sessions are held before those after the limit are dropped, however low it is.
const MIN_KEPT: usize = 256;

impl SortKey {
    fn compare(self, a: (&Brief<'_>, &str), b: (&Brief<'_>, &str)) -> Ordering {
        let ((a, title_a), (b, title_b)) = (a, b);
        match self {
            SortKey::Created => a.created_at.cmp(&b.created_at),
            SortKey::Updated => a.updated_at.cmp(&b.updated_at),
            SortKey::Title => title_a.cmp(title_b),
            SortKey::Status => a.status.cmp(b.status),
            SortKey::Branch => a.branch.cmp(&b.branch),
            SortKey::Id => a.id.cmp(&b.id),
            SortKey::Name => a.name.cmp(&b.name),
        }
    }
}

fn is_any(wanted: &[String], found: &str) -> bool {
    wanted.is_empty() || wanted.iter().any(|word| word == found)
}

impl FieldFilter {
    fn matches(&self, facts: &Facts<'_>, observed: Observed) -> bool {
        let is_wanted = |found: Option<&str>| {
            found.is_some_and(|found| self.values.iter().any(|value| value == found))
        };
        match self.field {
            Field::Phase => is_wanted(facts.phase),
            Field::Agent => is_wanted(facts.agent),
            Field::Model => is_wanted(facts.model),
            Field::Role => is_wanted(facts.role),
            Field::Issue => is_wanted(facts.issue),
            Field::Label => facts.labels().any(|label| is_wanted(Some(label))),
            Field::Author => self.values.iter().any(|part| facts.author.contains(part)),
            Field::Observed => is_wanted(Some(observed.as_str())),
            Field::Commit => {
                let is_known = is_wanted(Some(&facts.id.to_string()));
                is_known || facts.commits().any(|commit| is_wanted(Some(commit)))
            }
        }
    }
}
