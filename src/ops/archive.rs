//! Folding ended sessions into the archive, so that the number of refs stays bounded.
//!
//! The order makes each step safe to be the last: a session is read whole, the archive gets it and is durable, what
//! the archive says is read back, and only then the session's own ref goes. In between a session is in both, and its
//! own ref counts.

use std::collections::HashSet;

use crate::format::archive::{parse, to_columns};
use crate::format::message::Excerpt;
use crate::model::{Class, Oid, SessionId, Timestamp};
use crate::ops::{Context, OpError, load, observe};
use crate::store::{ArchiveRow, Fault, Store, StoreError};

/// How often a fold is made anew when the archive changes meanwhile.
pub(super) const MAX_ATTEMPTS: usize = 5;

/// How many sessions are put into the archive at once, which is a matter of memory.
const MAX_AT_ONCE: usize = 1 << 15;

/// Which sessions are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// These, which must have ended.
    Named(Vec<SessionId>),
    /// All that have ended, and whose last event is not younger than this.
    Ended(Option<Timestamp>),
}

/// Why a session that has ended keeps its own ref.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// A work tree has it as the current one, or as the one before: git wants what that names to be there.
    Current,
    /// A process still runs for it.
    Running,
}

/// What is to be archived.
#[derive(Debug, Default)]
pub struct Plan {
    /// What the archive shall say of the sessions, ordered by id; each has its newest commit.
    pub items: Vec<ArchiveRow>,
    /// Those that were wanted and keep their refs.
    pub kept: Vec<(SessionId, Reason)>,
    /// What cannot be read, and keeps its ref.
    pub faults: Vec<Fault>,
}

/// Finds what is to be archived, and reads each session whole.
///
/// # Errors
/// [`OpError::StillOpen`] for a session that is named and has not ended; [`OpError::Corrupt`] for one that cannot be
/// read; [`OpError::Store`].
#[tracing::instrument(skip_all)]
pub fn plan(store: &Store, which: &Which) -> Result<Plan, OpError> {
    let pointed_at = store.pointed_at()?;
    let tips = store.live_tips()?.sessions;
    let mut plan = Plan::default();
    for (session_id, tip) in tips {
        let is_wanted = match which {
            Which::Named(ids) => ids.contains(&session_id),
            Which::Ended(until) => seems_ended(store, session_id, tip, *until),
        };
        if !is_wanted {
            continue;
        }
        let item = match read(store, session_id, tip) {
            Ok(Some(item)) => item,
            Ok(None) => continue,
            Err(error) if matches!(which, Which::Named(_)) => return Err(error),
            Err(OpError::StillOpen { .. }) => continue,
            Err(error) => {
                plan.faults.push(Fault::new(session_id.to_string(), error.to_string()));
                continue;
            }
        };
        if pointed_at.contains(&session_id) {
            plan.kept.push((session_id, Reason::Current));
        } else if observe::running(store, session_id).is_some() {
            plan.kept.push((session_id, Reason::Running));
        } else {
            plan.items.push(item);
        }
    }
    Ok(plan)
}

/// Tells by the trailers of its newest commit whether a session is worth to be read; one that says nothing is.
fn seems_ended(store: &Store, session_id: SessionId, tip: Oid, until: Option<Timestamp>) -> bool {
    let message = store.message(tip).ok();
    let excerpt = message.and_then(|it| Excerpt::of_message(&it, session_id));
    let is_old = |it: &Excerpt| until.is_none_or(|until| it.updated_at <= until);
    excerpt.is_none_or(|it| it.class == Class::Ended && is_old(&it))
}

/// Reads a session whole; `None` if it has moved meanwhile.
fn read(store: &Store, session_id: SessionId, tip: Oid) -> Result<Option<ArchiveRow>, OpError> {
    let view = load::load_from(store, session_id, tip)?.view;
    if view.tip != tip {
        return Ok(None);
    }
    if view.class.is_open() {
        let (handle, status) = (session_id.handle(), view.session.status);
        return Err(OpError::StillOpen { handle, status });
    }
    let columns = to_columns(&Excerpt::of(&view.session, view.class));
    Ok(Some(ArchiveRow { session_id, tip: Some(tip), columns }))
}

/// Returns the title of a session that is to be archived.
pub fn title_of(item: &ArchiveRow) -> String {
    parse(item.session_id, &item.columns).map(|it| it.title).unwrap_or_default()
}

/// Archives what is planned, the items of a [`Plan`], and returns what the archive has then: a session that was deleted
/// meanwhile is left out.
///
/// # Errors
/// [`OpError::Store`]: each session is in the archive, or has its own ref, or both.
#[tracing::instrument(skip_all)]
pub fn archive(
    store: &Store,
    context: &Context,
    items: Vec<ArchiveRow>,
) -> Result<Vec<SessionId>, OpError> {
    let tip = |item: &ArchiveRow| Some((item.session_id, item.tip?));
    let mut wanted: Vec<(SessionId, Oid)> = items.iter().filter_map(tip).collect();
    wanted.sort_unstable();
    let mut items = items.into_iter();
    while !items.as_slice().is_empty() {
        put(store, context, items.by_ref().take(MAX_AT_ONCE).collect())?;
    }
    let mut there = Vec::with_capacity(wanted.len());
    store.archive_each(store.archive_tip()?, |row| {
        let found = tip(&row).filter(|it| wanted.binary_search(it).is_ok());
        there.extend(found);
    });
    drop(wanted);
    store.delete_archived(&there)?;
    Ok(there.into_iter().map(|(session_id, _)| session_id).collect())
}

/// Puts rows into the archive, without those of sessions that are deleted meanwhile.
fn put(store: &Store, context: &Context, mut rows: Vec<ArchiveRow>) -> Result<(), OpError> {
    for _ in 0..MAX_ATTEMPTS {
        let fold = store.fold(&rows, &context.stamp())?;
        let held = store.lock_archive()?;
        let live: HashSet<SessionId> = store.live_tips()?.names().into_iter().collect();
        let n_before = rows.len();
        rows.retain(|row| live.contains(&row.session_id));
        if rows.len() != n_before {
            continue;
        }
        match fold.map(|fold| fold.publish(&held)) {
            None | Some(Ok(_)) => return Ok(()),
            Some(Err(StoreError::Raced { .. })) => tracing::debug!("the archive has changed"),
            Some(Err(error)) => return Err(error.into()),
        }
    }
    Err(StoreError::Raced { name: "refs/sessions-archive/v1".into() }.into())
}
