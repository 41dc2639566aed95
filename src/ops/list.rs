//! Which sessions there are: from the trailers of each newest commit, and from the record only
//! where a question needs it.

use std::collections::HashSet;

use crate::cache::{Damaged, Row, Sessions};
use crate::format::message::{Brief, Excerpt};
use crate::model::{Class, Oid, SessionId};
use crate::ops::OpError;
use crate::ops::facts::{self, Facts, Found};
use crate::ops::load::View;
use crate::ops::observe::{self, Observed};

pub use super::query::{Field, FieldFilter, Query, SortKey};
use crate::store::{Fault, Store, StoreError};

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

    /// Returns a session of which no more is known than its newest commit says.
    fn known(excerpt: Excerpt, tip: Oid) -> Listed {
        Listed { excerpt, tip, view: None, observed: Observed::None }
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

/// Answers a question.
///
/// # Errors
/// [`OpError::Store`] when the refs cannot be listed at all.
pub fn list(store: &Store, query: &Query) -> Result<Listing, OpError> {
    list_each(store, [query]).map(|[listing]| listing)
}

/// Answers several questions about the sessions of one moment.
///
/// # Errors
/// As [`list`].
#[tracing::instrument(skip_all)]
pub fn list_each<const N: usize>(
    store: &Store,
    queries: [&Query; N],
) -> Result<[Listing; N], OpError> {
    let mut listings = look_through(store, |sessions| {
        let all = queries.iter().map(|query| found(store, query, sessions));
        all.collect::<Result<Vec<_>, _>>()
    })?
    .into_iter();
    Ok(queries.map(|query| {
        let mut listing = listings.next().unwrap_or_default();
        query.order(&mut listing.sessions);
        if let Some(limit) = query.limit {
            listing.sessions.truncate(limit);
        }
        look(store, &mut listing);
        listing
    }))
}

/// Looks through all sessions, and once more without the cache if that proves to be damaged.
///
/// # Errors
/// [`OpError::Store`] when the refs cannot be listed at all.
pub(super) fn look_through<T>(
    store: &Store,
    look: impl Fn(&Sessions) -> Result<T, Damaged>,
) -> Result<T, OpError> {
    match look(&Sessions::read(store)?) {
        Ok(found) => Ok(found),
        Err(Damaged) => look(&Sessions::without_damage(store)?).map_err(damaged),
    }
}

/// Returns the error for what the cache cannot be, since it is gone.
fn damaged(_: Damaged) -> OpError {
    let (what, reason) = ("the cache".to_owned(), "it was read in spite of that".to_owned());
    StoreError::Corrupt { what, reason }.into()
}

/// Finds what was asked for, and perhaps more than the limit.
fn found(store: &Store, query: &Query, sessions: &Sessions) -> Result<Listing, Damaged> {
    let mut listing = Listing { corrupt: sessions.faults().to_vec(), ..Listing::default() };
    let n_faults = listing.corrupt.len();
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    let (is_brief, mut n_ended_hidden) = (query.is_brief(), 0);
    sessions.each(|row| match row {
        Row::Known(_, brief) if !query.matches(&brief) => {}
        Row::Known(_, brief) if is_brief && query.hides(&brief) => n_ended_hidden += 1,
        Row::Known(place, brief) if is_brief => query.keep(&mut known, (place, brief)),
        Row::Known(place, brief) => known.push((place, brief)),
        Row::Unknown(session_id, tip) => unknown.push((session_id, tip)),
    })?;
    let mut found = Vec::new();
    if query.needs_record() {
        compare(store, query, sessions, &mut known, &mut found)?;
        let n_known = known.len();
        known.retain(|(_, brief)| !query.title.is_empty() || !query.hides(brief));
        n_ended_hidden += n_known - known.len();
    }
    listing.n_ended_hidden = n_ended_hidden;
    query.keep_first(&mut known);
    let places: Vec<usize> = known.into_iter().map(|(place, _)| place).collect();
    let entries = sessions.entries(&places)?.into_iter();
    found.extend(entries.map(|(excerpt, tip)| Ok(Listed::known(excerpt, tip))));
    found.extend(unknown.into_iter().map(|(id, tip)| read(store, id, tip, query.needs_record())));
    for listed in found {
        match listed {
            Ok(listed) if !query.matches_whole(&listed) => {}
            Ok(listed) if query.hides(&listed.excerpt.brief()) => listing.n_ended_hidden += 1,
            Ok(listed) => listing.sessions.push(listed),
            Err(fault) => listing.corrupt.push(fault),
        }
    }
    listing.corrupt[n_faults..].sort_by(|a, b| a.name.cmp(&b.name));
    Ok(listing)
}

/// Compares the records of known sessions, and keeps those that match; those that were read and not compared go
/// to `found`.
fn compare(
    store: &Store,
    query: &Query,
    sessions: &Sessions,
    known: &mut Vec<(usize, Brief<'_>)>,
    found: &mut Vec<Result<Listed, Fault>>,
) -> Result<(), Damaged> {
    let leased = leased(store);
    let mut reader = facts::Reader::open(store, sessions);
    let places: Vec<usize> = known.iter().map(|(place, _)| *place).collect();
    let tips = sessions.tips(&places)?;
    reader.read_ahead(&tips);
    let mut tips = tips.into_iter();
    let is_match = |facts: &Facts<'_>| query.matches_facts(facts, Observed::None);
    known.retain(|_| {
        let Some((session_id, tip)) = tips.next() else { return false };
        if leased.contains(&session_id) {
            found.push(read(store, session_id, tip, true));
            return false;
        }
        match reader.find(session_id, tip) {
            Ok(Found::Facts(facts)) => return is_match(&facts),
            Ok(Found::View(view)) if view.tip == tip && facts::is_settled(&view.session) => {
                return is_match(&Facts::of(&view.session, view.class));
            }
            Ok(Found::View(view)) => found.push(Ok(Listed::of(*view))),
            Err(fault) => found.push(Err(fault)),
        }
        false
    });
    reader.close(sessions);
    Ok(())
}

/// Returns the sessions for which this clone started workers; without one it costs reading one directory.
pub(super) fn leased(store: &Store) -> HashSet<SessionId> {
    observe::leases(store).session_ids().into_iter().collect()
}

/// Looks at the workers that this clone started.
fn look(store: &Store, listing: &mut Listing) {
    let leased = leased(store);
    let is_seen = |it: &&mut Listed| it.view.is_none() && leased.contains(&it.excerpt.id);
    for listed in listing.sessions.iter_mut().filter(is_seen) {
        let excerpt = &listed.excerpt;
        let seen = observe::observe_lease(store, excerpt.id, excerpt.class).unwrap_or_default();
        // What was read before the look may not be so any more; then nothing is said of the worker.
        let is_past = || store.tip(excerpt.id).ok().flatten() != Some(listed.tip);
        listed.observed = if seen.is_doubtful() && is_past() { Observed::None } else { seen };
    }
}

/// Reads one session for a list: its record, or what its newest commit says if that is enough.
fn read(
    store: &Store,
    session_id: SessionId,
    tip: Oid,
    needs_record: bool,
) -> Result<Listed, Fault> {
    if !needs_record {
        let fault = |error: StoreError| Fault::new(session_id.to_string(), error.to_string());
        let message = store.message(tip).map_err(fault)?;
        if let Some(excerpt) = Excerpt::of_message(&message, session_id) {
            return Ok(Listed::known(excerpt, tip));
        }
    }
    Ok(Listed::of(facts::read(store, session_id, tip)?.view))
}

/// Returns the open sessions of a branch.
///
/// # Errors
/// [`OpError::Store`].
pub fn open_on_branch(store: &Store, branch: &str) -> Result<Vec<Listed>, OpError> {
    Ok(list(store, &on_branch(branch))?.sessions)
}

/// Returns the open sessions of a branch, if there is one, and all that are paused.
///
/// # Errors
/// [`OpError::Store`].
pub fn open_and_paused(store: &Store, branch: Option<&str>) -> Result<[Vec<Listed>; 2], OpError> {
    let paused = Query { classes: vec![Class::Paused], ..Query::default() };
    let Some(branch) = branch else {
        return Ok([Vec::new(), list(store, &paused)?.sessions]);
    };
    Ok(list_each(store, [&on_branch(branch), &paused])?.map(|listing| listing.sessions))
}

fn on_branch(branch: &str) -> Query {
    Query { branch: Some(branch.to_owned()), ..Query::default() }
}

/// Returns the sessions for which the first of `looks` holds that holds for any, the newest first; what
/// cannot be read is none of them.
///
/// # Errors
/// [`OpError::Store`].
pub fn find(
    store: &Store,
    sessions: &Sessions,
    looks: &[&dyn Fn(&Brief<'_>) -> bool],
) -> Result<Vec<Listed>, OpError> {
    match try_find(store, sessions, looks) {
        Ok(found) => Ok(found),
        Err(Damaged) => try_find(store, &Sessions::without_damage(store)?, looks).map_err(damaged),
    }
}

fn try_find(
    store: &Store,
    sessions: &Sessions,
    looks: &[&dyn Fn(&Brief<'_>) -> bool],
) -> Result<Vec<Listed>, Damaged> {
    let mut known = vec![Vec::new(); looks.len()];
    let mut read_ones: Vec<Vec<Listed>> = vec![Vec::new(); looks.len()];
    sessions.each(|row| match row {
        Row::Known(place, brief) => {
            if let Some(at) = looks.iter().position(|look| look(&brief)) {
                known[at].push(place);
            }
        }
        Row::Unknown(session_id, tip) => {
            if let Ok(listed) = read(store, session_id, tip, false)
                && let Some(at) = looks.iter().position(|look| look(&listed.excerpt.brief()))
            {
                read_ones[at].push(listed);
            }
        }
    })?;
    let Some((places, mut found)) = known
        .into_iter()
        .zip(read_ones)
        .find(|(places, found)| !places.is_empty() || !found.is_empty())
    else {
        return Ok(Vec::new());
    };
    let entries = sessions.entries(&places)?.into_iter();
    found.extend(entries.map(|(excerpt, tip)| Listed::known(excerpt, tip)));
    Query::default().order(&mut found);
    Ok(found)
}
