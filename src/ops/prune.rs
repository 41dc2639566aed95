//! Deleting many sessions that ended long ago, and removing deleted ones for good.

use std::collections::{HashMap, HashSet};

use crate::format::message::Excerpt;
use crate::model::{Class, Oid, SessionId, Timestamp};
use crate::ops::archive::MAX_ATTEMPTS;
use crate::ops::{Context, OpError, agent_state, links, load, observe, worker_log};
use crate::store::{ArchiveLock, ArchiveRow, Fault, Purged, Store, StoreError};

/// Which sessions are deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// Those that have ended and have no event that is younger than this.
    pub until: Timestamp,
    /// Also those that made a commit that a branch or a tag has.
    pub also_linked: bool,
}

/// A session that is to be deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The session.
    pub session_id: SessionId,
    /// Its newest commit.
    pub tip: Oid,
    /// Its title.
    pub title: String,
}

/// Why an old session is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// A work tree has it as the current one, or as the one before.
    Current,
    /// A process runs for it.
    Running,
    /// An open session continues it.
    Continued,
    /// It made a commit that a branch or a tag has.
    Linked,
}

/// What is to be deleted.
#[derive(Debug, Default)]
pub struct Plan {
    /// The sessions, ordered by id.
    pub items: Vec<Item>,
    /// The old ones that are kept.
    pub kept: Vec<(SessionId, Reason)>,
    /// What cannot be read, and is kept.
    pub faults: Vec<Fault>,
}

/// Finds what is to be deleted, and reads each of these sessions whole.
///
/// # Errors
/// [`OpError::Store`].
#[tracing::instrument(skip_all)]
pub fn plan(store: &Store, wish: &Wish) -> Result<Plan, OpError> {
    let pointed_at = store.pointed_at()?;
    let tips = store.tips()?;
    let mut plan = Plan { faults: tips.faults, ..Plan::default() };
    let mut continued = HashSet::new();
    let mut made_by: HashMap<Oid, Vec<SessionId>> = HashMap::new();
    let mut old = Vec::new();
    for (session_id, tip) in tips.sessions {
        let excerpt = store.message(tip).ok().and_then(|it| Excerpt::of_message(&it, session_id));
        if excerpt.is_some_and(|it| it.class == Class::Ended && it.updated_at > wish.until) {
            continue;
        }
        let loaded = match load::load_at(store, session_id, tip) {
            Ok(loaded) => loaded,
            Err(error) => {
                plan.faults.push(Fault::new(session_id.to_string(), error.to_string()));
                continue;
            }
        };
        let session = &loaded.view.session;
        if loaded.view.class.is_open() {
            continued.extend(session.parent);
        } else if session.updated_at <= wish.until {
            for made in links::commits_of(store, &loaded.snapshot, session)? {
                made_by.entry(made.link.commit_oid).or_default().push(session_id);
            }
            old.push(Item { session_id, tip, title: loaded.view.session.title });
        }
    }
    let linked = if wish.also_linked { HashSet::new() } else { linked(store, &made_by)? };
    for item in old {
        let id = item.session_id;
        let reason = [
            (pointed_at.contains(&id), Reason::Current),
            (observe::running(store, id).is_some(), Reason::Running),
            (continued.contains(&id), Reason::Continued),
            (linked.contains(&id), Reason::Linked),
        ];
        match reason.into_iter().find(|(is_so, _)| *is_so) {
            Some((_, reason)) => plan.kept.push((id, reason)),
            None => plan.items.push(item),
        }
    }
    Ok(plan)
}

/// Returns the sessions of which a commit is in a branch or a tag.
fn linked(
    store: &Store,
    made_by: &HashMap<Oid, Vec<SessionId>>,
) -> Result<HashSet<SessionId>, OpError> {
    let all: Vec<Oid> = made_by.keys().copied().collect();
    let reached = store.reached(&all)?;
    Ok(reached.iter().filter_map(|commit| made_by.get(commit)).flatten().copied().collect())
}

/// Deletes what is planned, as far as it is still as it was; the archive says of each that it was deleted. Returns
/// which sessions are gone.
///
/// # Errors
/// [`OpError::Store`]: some may be gone then.
#[tracing::instrument(skip_all)]
pub fn prune(store: &Store, context: &Context, plan: &Plan) -> Result<Vec<SessionId>, OpError> {
    let held = store.lock_archive()?;
    let now: HashMap<SessionId, Oid> = store.tips()?.sessions.into_iter().collect();
    let is_same = |item: &&Item| now.get(&item.session_id) == Some(&item.tip);
    let items: Vec<&Item> = plan.items.iter().filter(is_same).collect();
    let row = |item: &&Item| ArchiveRow {
        session_id: item.session_id,
        tip: None,
        columns: context.now.to_string(),
    };
    let rows: Vec<ArchiveRow> = items.iter().map(row).collect();
    if let Some(fold) = store.fold(&rows, &context.stamp())? {
        fold.publish(&held)?;
    }
    delete_refs(store, &held, &items)?;
    let left: HashSet<SessionId> = store.live_tips()?.names().into_iter().collect();
    let ids = items.iter().map(|item| item.session_id);
    let gone: Vec<SessionId> = ids.filter(|session_id| !left.contains(session_id)).collect();
    for session_id in &gone {
        agent_state::forget(store, *session_id);
        let _ = worker_log::forget(store, *session_id);
    }
    Ok(gone)
}

/// Deletes refs until none comes back: a `git pack-refs` may have read one before.
fn delete_refs(store: &Store, _held: &ArchiveLock, items: &[&Item]) -> Result<(), OpError> {
    for _ in 0..MAX_ATTEMPTS {
        let live: HashMap<SessionId, Oid> = store.live_tips()?.sessions.into_iter().collect();
        let is_there = |item: &&&Item| live.get(&item.session_id) == Some(&item.tip);
        let there: Vec<(SessionId, Oid)> =
            items.iter().filter(is_there).map(|item| (item.session_id, item.tip)).collect();
        if there.is_empty() {
            return Ok(());
        }
        store.delete_archived(&there)?;
    }
    Ok(())
}

/// Removes for good what is left of deleted sessions, which were at these commits.
///
/// # Errors
/// [`OpError::Store`]: some of it may be gone then, and `git gc --prune=now` removes the rest.
#[tracing::instrument(skip_all)]
pub fn purge(
    store: &Store,
    context: &Context,
    sessions: &[(SessionId, Oid)],
) -> Result<Purged, OpError> {
    store.remove_cache();
    for _ in 0..MAX_ATTEMPTS {
        let held = store.lock_archive()?;
        match store.purge(&held, sessions, &context.stamp()) {
            Err(StoreError::Raced { .. }) => tracing::debug!("the archive has changed"),
            other => return Ok(other?),
        }
    }
    Err(StoreError::Raced { name: "refs/sessions-archive/v1".into() }.into())
}
