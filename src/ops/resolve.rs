//! Which session a name on the command line means.
//!
//! Exact before prefix; handle, name, branch, commit in this order; a tie is an error that lists
//! the candidates, never a guess.

use crate::model::{Class, Handle, Oid, SessionId};
use crate::ops::list::{self, Listed, Query};
use crate::ops::{Candidate, Context, OpError};
use crate::store::{Current, Store};

/// The shortest prefix of an id that is taken for one; a handle's may have one letter.
const MIN_ID_PREFIX: usize = 2;

/// Finds the session that `name` means, or the current one if there is no name.
///
/// # Errors
/// [`OpError::NotFound`], [`OpError::NoCurrent`], [`OpError::Ambiguous`], [`OpError::Store`].
#[tracing::instrument(skip_all)]
pub fn resolve(store: &Store, context: &Context, name: Option<&str>) -> Result<SessionId, OpError> {
    match (name, &context.session_name) {
        (None | Some("@"), Some(from_environment)) => by_name(store, from_environment),
        (None | Some("@"), None) => current(store),
        (Some("-"), _) => before(store),
        (Some(name), _) => by_name(store, name),
    }
}

/// Returns the session that this work tree's pointer or the environment names, if it is cheap to
/// say: for marking it in a list.
pub fn marked(store: &Store, context: &Context) -> Option<SessionId> {
    match &context.session_name {
        Some(name) => SessionId::parse(name),
        None => store.current(Current::Now).ok().flatten(),
    }
}

fn current(store: &Store) -> Result<SessionId, OpError> {
    if let Some(session_id) = store.current(Current::Now)?
        && store.tip(session_id)?.is_some()
    {
        return Ok(session_id);
    }
    let Some(branch) = store.head()?.branch else {
        return Err(OpError::NoCurrent);
    };
    match &list::open_on_branch(store, &branch)?[..] {
        [only] => Ok(only.excerpt.id),
        [] => Err(OpError::NoCurrent),
        several => Err(ambiguous(&branch, several.iter())),
    }
}

fn before(store: &Store) -> Result<SessionId, OpError> {
    let before = store.current(Current::Before)?;
    let not_found = || OpError::NotFound { name: "-".into() };
    let session_id = before.ok_or_else(not_found)?;
    store.tip(session_id)?.map(|_| session_id).ok_or_else(not_found)
}

fn by_name(store: &Store, name: &str) -> Result<SessionId, OpError> {
    let not_found = || OpError::NotFound { name: name.to_owned() };
    if let Some(session_id) = SessionId::parse(name) {
        return match store.tip(session_id) {
            Ok(None) => Err(not_found()),
            // A damaged one is found; reading it says what is wrong.
            _ => Ok(session_id),
        };
    }
    if let Some(session_id) = by_exact_handle(store, name)? {
        return Ok(session_id);
    }
    let everything = Query { all: true, ..Query::default() };
    let sessions = list::list(store, &everything)?.sessions;
    let looks: [fn(&Listed, &str) -> bool; 5] =
        [is_dated_name, is_name, is_branch, is_handle_prefix, is_id_prefix];
    for look in looks {
        let found: Vec<&Listed> = sessions.iter().filter(|listed| look(listed, name)).collect();
        if let Some(session_id) = choose(name, &found)? {
            return Ok(session_id);
        }
    }
    by_commit(store, name).ok_or_else(not_found)
}

/// Looks for a complete handle among the refs' names alone.
fn by_exact_handle(store: &Store, name: &str) -> Result<Option<SessionId>, OpError> {
    if name.len() != Handle::LEN || !Handle::is_prefix_like(name) {
        return Ok(None);
    }
    let tips = store.tips()?;
    let ids = tips.sessions.into_iter().map(|(session_id, _)| session_id);
    let found: Vec<_> = ids.filter(|id| id.handle().as_str() == name).collect();
    Ok(if let [only] = found[..] { Some(only) } else { None })
}

fn is_dated_name(listed: &Listed, name: &str) -> bool {
    name.starts_with("session-") && listed.excerpt.id.dated_name(listed.excerpt.created_at) == name
}

fn is_name(listed: &Listed, name: &str) -> bool {
    listed.excerpt.name.as_deref() == Some(name)
}

fn is_branch(listed: &Listed, name: &str) -> bool {
    let short = name.strip_prefix("refs/heads/").unwrap_or(name);
    listed.excerpt.branch.as_deref() == Some(short)
}

fn is_handle_prefix(listed: &Listed, name: &str) -> bool {
    Handle::is_prefix_like(name) && listed.excerpt.id.handle().as_str().starts_with(name)
}

fn is_id_prefix(listed: &Listed, name: &str) -> bool {
    let is_hex = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c) || c == b'-';
    name.len() >= MIN_ID_PREFIX
        && name.bytes().all(is_hex)
        && listed.excerpt.id.to_string().starts_with(name)
}

/// Chooses the only one, or the only open one.
fn choose(name: &str, found: &[&Listed]) -> Result<Option<SessionId>, OpError> {
    let open: Vec<&&Listed> = found.iter().filter(|it| it.excerpt.class != Class::Ended).collect();
    match (found, &open[..]) {
        ([], _) => Ok(None),
        ([only], _) => Ok(Some(only.excerpt.id)),
        (_, [only]) if is_branch(only, name) || is_name(only, name) => Ok(Some(only.excerpt.id)),
        _ => Err(ambiguous(name, found.iter().copied())),
    }
}

/// Finds the session that made a commit: a commit of its own history, or one with its trailer.
fn by_commit(store: &Store, revision: &str) -> Option<SessionId> {
    let commit_oid: Oid = store.find_commit(revision)?;
    let commit = store.commit(commit_oid).ok()?;
    let session_id = SessionId::parse(commit.trailer("Session-Id")?)?;
    store.tip(session_id).ok().flatten().map(|_| session_id)
}

fn ambiguous<'a>(name: &str, found: impl Iterator<Item = &'a Listed>) -> OpError {
    let candidate = |listed: &Listed| Candidate {
        handle: listed.excerpt.id.handle(),
        status: listed.excerpt.status.clone(),
        date: listed.excerpt.created_at.to_utc().format("%Y-%m-%d").to_string(),
        title: listed.excerpt.title.clone(),
    };
    OpError::Ambiguous { name: name.to_owned(), candidates: found.map(candidate).collect() }
}
