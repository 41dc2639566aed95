//! Sending sessions to a remote, once it is clear that no secret goes along.

use std::collections::HashSet;

use crate::format::message::Excerpt;
use crate::model::{Class, Oid, SessionId};
use crate::ops::OpError;
use crate::ops::leaks::Search;
use crate::ops::push_archive::{self, ArchiveItem};
use crate::ops::redaction::Redaction;
use crate::store::{Fault, Received, Store};

/// Which sessions are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// These.
    Named(Vec<SessionId>),
    /// The open ones, and those that the remote has.
    Usual,
    /// All of this clone.
    All,
}

/// A session that the remote does not have as it is here, as far as this clone knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The session.
    pub session_id: SessionId,
    /// Its newest commit here.
    pub tip: Oid,
    /// Its newest commit there.
    pub known: Option<Oid>,
    /// Its title.
    pub title: String,
}

/// What is to be sent, and where.
#[derive(Debug, Default)]
pub struct Plan {
    /// The remote.
    pub remote: String,
    /// The sessions, ordered by id.
    pub items: Vec<Item>,
    /// The archive, if it is to be sent, too.
    pub archive: Option<ArchiveItem>,
    /// What cannot be read, and is not sent.
    pub faults: Vec<Fault>,
}

/// Finds what is to be sent to a remote, by default to the one that git sends to.
///
/// # Errors
/// [`OpError::NoRemote`] for what is no remote of the configuration, [`OpError::NotFound`], [`OpError::Store`].
pub fn plan(store: &Store, remote: Option<&str>, which: &Which) -> Result<Plan, OpError> {
    let remote = remote_of(store, remote)?;
    let there = store.known_at(&remote)?;
    let tips = store.tips()?;
    let live: HashSet<SessionId> = store.live_tips()?.names().into_iter().collect();
    let archive = push_archive::plan(store, &remote, which, &there)?;
    let mut plan = Plan { remote, archive, ..Plan::default() };
    if let Which::Named(ids) = which
        && let Some(id) = ids.iter().find(|id| !tips.sessions.iter().any(|(it, _)| it == *id))
    {
        return Err(OpError::NotFound { name: id.to_string() });
    }
    for (session_id, tip) in tips.sessions {
        let known = there.get(&session_id).copied();
        let is_named = matches!(which, Which::Named(ids) if ids.contains(&session_id));
        // An archived session comes by the archive; only a ref that the remote has would stand for it.
        let is_seen = is_named || known.is_some() || live.contains(&session_id);
        if known == Some(tip) || !is_seen || (matches!(which, Which::Named(_)) && !is_named) {
            continue;
        }
        let message = store.message(tip);
        let excerpt = message.ok().and_then(|it| Excerpt::from_message(&it));
        let Some(excerpt) = excerpt else {
            let reason = "its newest commit is no event";
            plan.faults.push(Fault::new(session_id.to_string(), reason));
            continue;
        };
        let is_usual = known.is_some() || excerpt.class != Class::Ended;
        if is_usual || *which != Which::Usual {
            plan.items.push(Item { session_id, tip, known, title: excerpt.title });
        }
    }
    Ok(plan)
}

/// Returns the remote that is meant, by default the one that git sends to.
///
/// # Errors
/// [`OpError::NoRemote`] for what is no remote of the configuration.
pub(super) fn remote_of(store: &Store, remote: Option<&str>) -> Result<String, OpError> {
    let remote = remote.map_or_else(|| store.default_remote(), str::to_owned);
    let known = store.remotes();
    match known.contains(&remote) && !remote.starts_with('-') {
        true => Ok(remote),
        false => Err(OpError::NoRemote { name: remote, known }),
    }
}

/// Looks for secrets in what would be sent. Sessions that cannot be read are taken out of the plan.
///
/// # Errors
/// [`OpError::HasSecrets`], and what making `rules` fails for.
pub fn refuse_secrets(store: &Store, rules: &Redaction, plan: &mut Plan) -> Result<(), OpError> {
    let mut search = Search::new(store, rules);
    let mut leaks = Vec::new();
    let mut items = Vec::new();
    for item in std::mem::take(&mut plan.items) {
        let base = item.known.filter(|base| store.commit(*base).is_ok());
        match search.leaks(item.session_id, item.tip, base) {
            Ok(found) => {
                leaks.extend(found);
                items.push(item);
            }
            Err(OpError::Store(error)) => {
                plan.faults.push(Fault::new(item.session_id.to_string(), error.to_string()));
            }
            Err(error) => return Err(error),
        }
    }
    plan.items = items;
    if let Some(item) = &plan.archive {
        match push_archive::leaks(&mut search, item) {
            Ok(found) => leaks.extend(found),
            Err(OpError::Store(error)) => {
                plan.faults.push(Fault::new(Fault::ARCHIVE, error.to_string()));
                plan.archive = None;
            }
            Err(error) => return Err(error),
        }
    }
    if leaks.is_empty() { Ok(()) } else { Err(OpError::HasSecrets { leaks }) }
}

/// Sends what is planned, without force. The commits that were looked at are sent, even if the sessions have gone on.
///
/// # Errors
/// [`OpError::Store`] when the remote cannot be reached.
#[tracing::instrument(skip_all)]
pub fn push(store: &Store, plan: &Plan, dry_run: bool) -> Result<Vec<Received>, OpError> {
    if plan.items.is_empty() {
        return Ok(Vec::new());
    }
    let sessions: Vec<(SessionId, Oid)> =
        plan.items.iter().map(|item| (item.session_id, item.tip)).collect();
    Ok(store.push(&plan.remote, &sessions, dry_run)?)
}
