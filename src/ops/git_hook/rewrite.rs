use std::collections::BTreeMap;

use crate::format::trailer;
use crate::model::{CommitLink, KnownBy, Oid, SessionId};
use crate::ops::claims::TRAILER;
use crate::ops::{Context, OpError, links};
use crate::store::{Current, Store};

/// Records what git says about commits that were made of others: the old one and the new one of each. Only
/// the sessions that recorded an old one are told, each in one write. They are found by the trailers of the
/// old commits and as the current session, so that it costs the same however many sessions there are.
///
/// # Errors
/// What reading and changing the sessions fails for; those before were changed.
pub fn rewrite(store: &Store, context: &Context, pairs: &[(Oid, Oid)]) -> Result<(), OpError> {
    let mut sessions: Vec<SessionId> = store.current(Current::Now)?.into_iter().collect();
    sessions.extend(context.session_name.as_deref().and_then(SessionId::parse));
    for (old, _) in pairs {
        let Ok(message) = store.message(*old) else { continue };
        let ids = trailer::values(&message, TRAILER).into_iter().filter_map(SessionId::parse);
        sessions.extend(ids);
    }
    sessions.sort_unstable();
    sessions.dedup();
    let branch = store.head()?.branch;
    let mut result = Ok(());
    for session_id in sessions {
        // One session that cannot be changed does not keep the others from being told.
        result = tell(store, context, session_id, pairs, branch.as_deref()).and(result);
    }
    result
}

fn tell(
    store: &Store,
    context: &Context,
    session_id: SessionId,
    pairs: &[(Oid, Oid)],
    branch: Option<&str>,
) -> Result<(), OpError> {
    let Some(tip_oid) = store.tip(session_id)? else { return Ok(()) };
    let entries = store.snapshot(tip_oid)?.entries;
    let mut replaced: BTreeMap<Oid, Vec<Oid>> = BTreeMap::new();
    for (old, new) in pairs.iter().filter(|(old, new)| old != new) {
        if links::find(store, &entries, *old)?.is_some() {
            replaced.entry(*new).or_default().push(*old);
        }
    }
    let mut made = Vec::new();
    for (new, replaces) in replaced {
        let commit = store.commit(new)?;
        let link = links::describe(store, &commit, KnownBy::Rewrite);
        made.push(CommitLink { branch: branch.map(str::to_owned), replaces, ..link });
    }
    if !made.is_empty() {
        links::record(store, context, session_id, &made)?;
    }
    Ok(())
}
