use std::collections::BTreeMap;

use crate::format::trailer;
use crate::model::{CommitLink, KnownBy, Oid, SessionId};
use crate::ops::claims::TRAILER;
use crate::ops::git_hook::working::working;
use crate::ops::{Context, OpError, links};
use crate::store::{Current, Store};

/// The most sessions that are asked about what was rewritten.
const MAX_SESSIONS: usize = 256;

/// What is known of a new commit.
#[derive(Debug, Default)]
struct Made {
    /// Which commits of theirs it stands for, by session; none where a session amended another one's.
    parts: BTreeMap<SessionId, Vec<Oid>>,
    /// Whether there is work in it of which no session is known.
    is_partly: bool,
}

/// Who has changed the commits that were rewritten, beyond moving them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Amended {
    /// A session.
    By(SessionId),
    /// Somebody outside of sessions.
    ByNobody,
    /// Nobody has, or it is not known who.
    No,
}

/// Records what git says about commits that were made of others: the old one and the new one of each. Only
/// the sessions that recorded an old one are told, each in one write, and who else had a part in the new one. They
/// are found by the trailers of the old commits, by what is recorded of these, and as the current session, so that
/// it costs the same however many sessions there are.
///
/// # Errors
/// What reading and changing the sessions fails for; those before were changed.
pub fn rewrite(store: &Store, context: &Context, pairs: &[(Oid, Oid)]) -> Result<(), OpError> {
    let branch = store.head()?.branch;
    // Who amends has a part in it, whether that is recorded yet or not; who rebases has none.
    let amended = match working(store, context, None)? {
        _ if store.is_rebasing() => Amended::No,
        Some(loaded) => Amended::By(loaded.view.session.id),
        None => Amended::ByNobody,
    };
    rewrite_on(store, context, pairs, amended, branch.as_deref())
}

/// Records the same where HEAD was on `branch` then.
pub(super) fn rewrite_on(
    store: &Store,
    context: &Context,
    pairs: &[(Oid, Oid)],
    amended: Amended,
    branch: Option<&str>,
) -> Result<(), OpError> {
    let mut sessions: Vec<SessionId> = store.current(Current::Now)?.into_iter().collect();
    sessions.extend(context.session_name.as_deref().and_then(SessionId::parse));
    for (old, _) in pairs {
        let Ok(message) = store.message(*old) else { continue };
        let ids = trailer::values(&message, TRAILER).into_iter().filter_map(SessionId::parse);
        sessions.extend(ids);
    }
    sessions.sort_unstable();
    sessions.dedup();
    let (mut made, mut result) = (BTreeMap::new(), Ok(()));
    let mut n_asked = 0;
    while let Some(session_id) = sessions.get(n_asked).copied().filter(|_| n_asked < MAX_SESSIONS) {
        n_asked += 1;
        // One session that cannot be read or changed does not keep the others from being told.
        match ask(store, session_id, pairs, &mut made) {
            Ok(others) => {
                for other in others {
                    if !sessions.contains(&other) {
                        sessions.push(other);
                    }
                }
            }
            Err(error) => result = Err(error),
        }
    }
    for (old, new) in pairs.iter().filter(|(old, new)| old != new) {
        let Some(made) = made.get_mut(new) else { continue };
        let is_nobodys = made.parts.values().flatten().all(|part| part != old);
        let is_changed =
            || tree_of(store, *old).is_none_or(|tree| tree_of(store, *new) != Some(tree));
        match amended {
            Amended::By(session_id) => drop(made.parts.entry(session_id).or_default()),
            Amended::ByNobody => made.is_partly |= is_changed(),
            Amended::No => {}
        }
        made.is_partly |= is_nobodys;
    }
    for session_id in sessions {
        result = tell(store, context, session_id, &made, branch).and(result);
    }
    result
}

fn tree_of(store: &Store, commit_oid: Oid) -> Option<Oid> {
    store.commit(commit_oid).ok().map(|commit| commit.tree_oid)
}

/// Adds to `made` the part that a session has in each new commit. Returns who had a part in the old ones.
fn ask(
    store: &Store,
    session_id: SessionId,
    pairs: &[(Oid, Oid)],
    made: &mut BTreeMap<Oid, Made>,
) -> Result<Vec<SessionId>, OpError> {
    let Some(tip_oid) = store.tip(session_id)? else { return Ok(Vec::new()) };
    let entries = store.snapshot(tip_oid)?.entries;
    let mut others = Vec::new();
    for (old, new) in pairs.iter().filter(|(old, new)| old != new) {
        let link = links::find(store, &entries, *old)?;
        if let Some(link) = link.filter(|it| is_vouched(store, session_id, it)) {
            let made = made.entry(*new).or_default();
            made.parts.entry(session_id).or_default().push(*old);
            made.is_partly |= link.is_partly;
            others.extend(link.shared_with);
        }
    }
    Ok(others)
}

/// Tells whether more says that a commit was made in a session than that one's word: it may have come from anybody, and
/// would have a part in what is made of the commit here.
fn is_vouched(store: &Store, session_id: SessionId, link: &CommitLink) -> bool {
    let is_named = || {
        let message = store.message(link.commit_oid).unwrap_or_default();
        trailer::values(&message, TRAILER).into_iter().any(|it| it == session_id.to_string())
    };
    links::is_own(store, session_id, link) || is_named()
}

fn tell(
    store: &Store,
    context: &Context,
    session_id: SessionId,
    made: &BTreeMap<Oid, Made>,
    branch: Option<&str>,
) -> Result<(), OpError> {
    let mut links = Vec::new();
    for (new, Made { parts, is_partly }) in made {
        let Some(replaces) = parts.get(&session_id).filter(|it| !it.is_empty()) else { continue };
        let commit = store.commit(*new)?;
        let link = links::describe(store, &commit, KnownBy::Rewrite);
        links.push(CommitLink {
            branch: branch.map(str::to_owned),
            replaces: replaces.clone(),
            is_partly: *is_partly,
            shared_with: parts.keys().copied().filter(|it| *it != session_id).collect(),
            ..link
        });
    }
    if !links.is_empty() {
        links::record(store, context, session_id, &links)?;
    }
    Ok(())
}
