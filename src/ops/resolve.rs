//! Which session a name on the command line means.
//!
//! Exact before prefix; handle, name, branch, commit in this order; a tie is an error that lists
//! the candidates, never a guess.

use crate::cache::{Called, Names, Sessions};
use crate::format::message::{Brief, Excerpt};
use crate::model::{Class, Handle, IdPrefix, Oid, SessionId};
use crate::ops::list::{self, Listed};
use crate::ops::{Candidate, Context, OpError, claims};
use crate::store::{Current, Fault, Store, StoreError};

/// The shortest prefix of an id that is taken for one; a handle's may have one letter.
const MIN_ID_PREFIX: usize = 2;
/// What a branch's ref begins with.
const BRANCHES: &str = "refs/heads/";

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

/// Returns the session that this work tree's pointer names, if it is there.
///
/// # Errors
/// [`OpError::Store`].
pub fn pointed_at(store: &Store) -> Result<Option<SessionId>, OpError> {
    match store.current(Current::Now)? {
        Some(session_id) if store.tip(session_id)?.is_some() => Ok(Some(session_id)),
        _ => Ok(None),
    }
}

fn current(store: &Store) -> Result<SessionId, OpError> {
    if let Some(session_id) = pointed_at(store)? {
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
    if is_there(store, session_id)? { Ok(session_id) } else { Err(not_found()) }
}

/// Tells whether there is a session. What a damaged archive does not say is not there.
fn is_there(store: &Store, session_id: SessionId) -> Result<bool, StoreError> {
    if store.live_tip(session_id)?.is_some() {
        return Ok(true);
    }
    match store.archived(session_id) {
        Ok(row) => Ok(row.is_some_and(|row| row.tip.is_some())),
        Err(
            StoreError::Corrupt { .. } | StoreError::Missing { .. } | StoreError::Symbolic { .. },
        ) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Returns what is wrong with the archive, for a name that means no session: one that stands there may be meant.
pub fn damage(store: &Store, name: &str) -> Option<Fault> {
    match SessionId::parse(name) {
        Some(session_id) => store.damage_about(session_id),
        None => {
            let sessions = Sessions::read(store).ok()?;
            sessions.faults().iter().find(|fault| fault.name == Fault::ARCHIVE).cloned()
        }
    }
}

/// Finds the session that a name means, whatever the environment says.
///
/// # Errors
/// As [`resolve`].
pub fn by_name(store: &Store, name: &str) -> Result<SessionId, OpError> {
    let not_found = || OpError::NotFound { name: name.to_owned() };
    if let Some(session_id) = SessionId::parse(name) {
        return match is_there(store, session_id) {
            Ok(false) => Err(not_found()),
            // A damaged one is found; reading it says what is wrong.
            _ => Ok(session_id),
        };
    }
    let names = Names::open(store);
    if let Some(session_id) = names.as_ref().and_then(|names| by_names(store, names, name)) {
        return Ok(session_id);
    }
    let sessions = Sessions::read(store)?;
    if names.is_none_or(|names| names.is_damaged()) {
        sessions.remember_names(store);
    }
    if let Some(session_id) = by_exact_handle(&sessions, name) {
        return Ok(session_id);
    }
    let is_handle_like = Handle::is_prefix_like(name);
    let prefix = IdPrefix::parse(name).filter(|_| name.len() >= MIN_ID_PREFIX);
    let looks: [&dyn Fn(&Brief<'_>) -> bool; 5] = [
        &|brief| is_dated_name(brief, name),
        &|brief| is_name(brief, name),
        &|brief| is_branch(brief, name),
        &|brief| is_handle_like && brief.id.has_handle_prefix(name),
        &|brief| prefix.is_some_and(|prefix| prefix.is_of(brief.id)),
    ];
    let found = list::find(store, &sessions, &looks)?;
    if let Some(session_id) = choose(name, &found)? {
        return Ok(session_id);
    }
    by_commit(store, name).ok_or_else(not_found)
}

/// Finds the only session that can be meant, in what is remembered of how sessions are called; `None` if all have
/// to be looked through. What comes first here comes first there.
fn by_names(store: &Store, names: &Names, name: &str) -> Option<SessionId> {
    let tails = Handle::tails(name);
    let handle = tails.as_ref().filter(|_| name.len() == Handle::LEN);
    if let Some(Called::One(session_id)) = handle.and_then(|tails| names.with_tail(tails)) {
        return Some(session_id);
    }
    if name.starts_with("session-") || name.starts_with(BRANCHES) {
        return None;
    }
    match names.with_word(name)? {
        Called::None => {}
        Called::One(session_id) => {
            // Another word may have the same check.
            let message = store.message(store.tip(session_id).ok()??).ok()?;
            let excerpt = Excerpt::of_message(&message, session_id)?;
            let is_called_so = [excerpt.name, excerpt.branch].contains(&Some(name.to_owned()));
            return Some(session_id).filter(|_| is_called_so);
        }
        Called::Several => return None,
    }
    match tails.map_or(Some(Called::None), |tails| names.with_tail(&tails))? {
        Called::None => {}
        Called::One(session_id) => return Some(session_id),
        Called::Several => return None,
    }
    let prefix = IdPrefix::parse(name).filter(|_| name.len() >= MIN_ID_PREFIX)?;
    match names.with_id(&prefix.ids())? {
        Called::One(session_id) => Some(session_id),
        Called::None | Called::Several => None,
    }
}

/// Looks for a complete handle among the refs' names alone.
fn by_exact_handle(sessions: &Sessions, name: &str) -> Option<SessionId> {
    if name.len() != Handle::LEN || !Handle::is_prefix_like(name) {
        return None;
    }
    let mut found = sessions.ids().filter(|id| id.has_handle_prefix(name));
    found.next().filter(|_| found.next().is_none())
}

fn is_dated_name(brief: &Brief<'_>, name: &str) -> bool {
    name.starts_with("session-") && brief.id.dated_name(brief.created_at) == name
}

fn is_name(brief: &Brief<'_>, name: &str) -> bool {
    brief.name == Some(name)
}

fn is_branch(brief: &Brief<'_>, name: &str) -> bool {
    let short = name.strip_prefix(BRANCHES).unwrap_or(name);
    brief.branch == Some(short)
}

/// Chooses the only one, or the only open one.
fn choose(name: &str, found: &[Listed]) -> Result<Option<SessionId>, OpError> {
    let open: Vec<&Listed> = found.iter().filter(|it| it.excerpt.class != Class::Ended).collect();
    let is_named = |listed: &Listed| {
        let brief = listed.excerpt.brief();
        is_branch(&brief, name) || is_name(&brief, name)
    };
    match (found, &open[..]) {
        ([], _) => Ok(None),
        ([only], _) => Ok(Some(only.excerpt.id)),
        (_, [only]) if is_named(only) => Ok(Some(only.excerpt.id)),
        _ => Err(ambiguous(name, found.iter())),
    }
}

/// Finds the session that made a commit, the surest one; a commit of its own history says so by its trailer.
fn by_commit(store: &Store, revision: &str) -> Option<SessionId> {
    let commit_oid: Oid = store.find_commit(revision)?;
    claims::sessions_of(store, commit_oid).ok()?.first().copied()
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
