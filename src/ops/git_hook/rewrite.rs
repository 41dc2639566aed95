use std::collections::BTreeMap;

use crate::format::trailer;
use crate::model::{CommitLink, KnownBy, Oid, SessionId};
use crate::ops::claims::TRAILER;
use crate::ops::git_hook::working::working;
use crate::ops::{Context, OpError, links};
use crate::store::{Current, Store};

/// The most sessions that are asked about what was rewritten.
const MAX_SESSIONS: usize = 256;

/// Which commits of theirs a new commit stands for, by session; none where a session amended another one's.
type Parts = BTreeMap<SessionId, Vec<Oid>>;

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
    let working = working(store, context, None)?.filter(|_| !store.is_rebasing());
    let working = working.map(|it| it.view.session.id);
    rewrite_on(store, context, pairs, working, branch.as_deref())
}

/// Records the same where HEAD was on `branch` then, and a session has amended, if one did.
pub(super) fn rewrite_on(
    store: &Store,
    context: &Context,
    pairs: &[(Oid, Oid)],
    amended_by: Option<SessionId>,
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
    if let Some(session_id) = amended_by {
        for parts in made.values_mut() {
            parts.entry(session_id).or_default();
        }
    }
    for session_id in sessions {
        result = tell(store, context, session_id, &made, branch).and(result);
    }
    result
}

/// Adds to `made` the part that a session has in each new commit. Returns who had a part in the old ones.
fn ask(
    store: &Store,
    session_id: SessionId,
    pairs: &[(Oid, Oid)],
    made: &mut BTreeMap<Oid, Parts>,
) -> Result<Vec<SessionId>, OpError> {
    let Some(tip_oid) = store.tip(session_id)? else { return Ok(Vec::new()) };
    let entries = store.snapshot(tip_oid)?.entries;
    let mut others = Vec::new();
    for (old, new) in pairs.iter().filter(|(old, new)| old != new) {
        let link = links::find(store, &entries, *old)?;
        if let Some(link) = link.filter(|it| is_vouched(store, session_id, it)) {
            made.entry(*new).or_default().entry(session_id).or_default().push(*old);
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
    made: &BTreeMap<Oid, Parts>,
    branch: Option<&str>,
) -> Result<(), OpError> {
    let mut links = Vec::new();
    for (new, parts) in made {
        let Some(replaces) = parts.get(&session_id).filter(|it| !it.is_empty()) else { continue };
        let commit = store.commit(*new)?;
        let link = links::describe(store, &commit, KnownBy::Rewrite);
        links.push(CommitLink {
            branch: branch.map(str::to_owned),
            replaces: replaces.clone(),
            shared_with: parts.keys().copied().filter(|it| *it != session_id).collect(),
            ..link
        });
    }
    if !links.is_empty() {
        links::record(store, context, session_id, &links)?;
    }
    Ok(())
}
