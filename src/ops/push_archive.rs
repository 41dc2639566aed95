//! The archive on its way to a remote, and back.

use std::collections::HashMap;

use crate::format::archive::to_columns;
use crate::format::message::Excerpt;
use crate::model::{Oid, SessionId};
use crate::ops::archive::MAX_ATTEMPTS;
use crate::ops::leaks::{Leak, Search};
use crate::ops::push::{self, Plan, Which};
use crate::ops::{Context, OpError, load};
use crate::store::{ArchiveRow, Joined, Received, Store, StoreError};

/// The archive, which the remote does not have as it is here, as far as this clone knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveItem {
    /// Its newest commit here.
    pub tip: Oid,
    /// Its newest commit there.
    pub known: Option<Oid>,
    /// The sessions that come to be there by it, each with its newest commit, and the one that is there now.
    pub sessions: Vec<(SessionId, Oid, Option<Oid>)>,
}

/// Finds out whether the archive is to be sent: with all sessions, or if the remote has one.
pub(super) fn plan(
    store: &Store,
    remote: &str,
    which: &Which,
    there: &HashMap<SessionId, Oid>,
) -> Result<Option<ArchiveItem>, OpError> {
    if matches!(which, Which::Named(_)) {
        return Ok(None);
    }
    let Some(tip) = store.archive_tip()? else { return Ok(None) };
    let known = store.known_archive(remote)?;
    if known == Some(tip) || (known.is_none() && *which != Which::All) {
        return Ok(None);
    }
    let known_rows: HashMap<SessionId, Option<Oid>> =
        store.archive_at(known).rows.into_iter().map(|row| (row.session_id, row.tip)).collect();
    let mut sessions = Vec::new();
    for row in store.archive_at(Some(tip)).rows {
        let at = known_rows.get(&row.session_id).copied().flatten();
        if let Some(tip) = row.tip.filter(|tip| at != Some(*tip)) {
            sessions.push((row.session_id, tip, at.or(there.get(&row.session_id).copied())));
        }
    }
    Ok(Some(ArchiveItem { tip, known, sessions }))
}

/// Looks for secrets in the sessions of the archive that the remote lacks. What cannot be read keeps all of it here.
pub(super) fn leaks(search: &mut Search<'_>, item: &ArchiveItem) -> Result<Vec<Leak>, OpError> {
    let mut leaks = Vec::new();
    for (session_id, tip, known) in &item.sessions {
        leaks.extend(search.leaks(*session_id, *tip, *known)?);
    }
    Ok(leaks)
}

/// Sends the archive as planned, without force.
///
/// # Errors
/// [`OpError::Store`] when the remote cannot be reached.
pub fn push(store: &Store, plan: &Plan, dry_run: bool) -> Result<Option<Received>, OpError> {
    let Some(item) = &plan.archive else { return Ok(None) };
    Ok(Some(store.push_archive(&plan.remote, item.tip, dry_run)?))
}

/// Gets the archive of a remote and joins it with the own one. A session with a ref that the other clone has
/// gone on with, and has archived then, is what the archive has: its ref goes.
///
/// # Errors
/// [`OpError::NoRemote`], [`OpError::Store`]; an archive that does not say what the sessions in it say is not taken in.
#[tracing::instrument(skip_all)]
pub fn join(store: &Store, context: &Context, remote: &str) -> Result<Joined, OpError> {
    let remote = push::remote_of(store, Some(remote))?;
    let Some(other) = store.fetch_archive(&remote)? else { return Ok(Joined::default()) };
    for _ in 0..MAX_ATTEMPTS {
        let held = store.lock_archive()?;
        let is_sound = |row: &ArchiveRow| is_sound(store, row);
        match store.join_archive(&held, other, &context.stamp(), &is_sound) {
            Ok(joined) => {
                drop(held);
                forward(store, &joined, other)?;
                return Ok(joined);
            }
            Err(StoreError::Raced { .. }) => tracing::debug!("the archive has changed"),
            Err(error) => return Err(error.into()),
        }
    }
    Err(StoreError::Raced { name: "refs/sessions-archive/v1".into() }.into())
}

/// Tells whether a row says what the record says that it is about; a later version may say more.
fn is_sound(store: &Store, row: &ArchiveRow) -> bool {
    let loaded = row.tip.and_then(|tip| load::load_at(store, row.session_id, tip).ok());
    loaded
        .is_some_and(|it| to_columns(&Excerpt::of(&it.view.session, it.view.class)) == row.columns)
}

/// Lets the refs go of sessions that went on in the other archive, which must have the commits that stand for them.
fn forward(store: &Store, joined: &Joined, other: Oid) -> Result<(), OpError> {
    let pointed_at = store.pointed_at()?;
    let live: HashMap<SessionId, Oid> = store.live_tips()?.sessions.into_iter().collect();
    let is_behind = |(session_id, tip): &&(SessionId, Oid)| {
        let own = live.get(session_id);
        !pointed_at.contains(session_id)
            && own.is_some_and(|own| own != tip && store.is_ancestor(*own, *tip))
            && store.is_kept_by(*tip, other)
    };
    let behind = joined.new.iter().filter(is_behind);
    let behind: Vec<(SessionId, Oid)> = behind.map(|(id, _)| (*id, live[id])).collect();
    Ok(store.delete_archived(&behind)?)
}
