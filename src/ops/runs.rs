//! The ids of the sessions that an agent's own session becomes: they follow from its name, so that they are
//! found without an index, and are the same in every clone.

use crate::model::SessionId;
use crate::ops::OpError;
use crate::store::Store;

/// Returns the id of the session that an agent's own session gets when nobody has chosen one: the same
/// for the same one, in every clone.
///
/// # Errors
/// [`OpError::Store`].
pub fn session_id(store: &Store, agent: &str, native_id: &str) -> Result<SessionId, OpError> {
    let name =
        store.blob_name(format!("git-session {agent} {native_id}\n").as_bytes())?.to_string();
    let (a, b, c, d, e) = (&name[..8], &name[8..12], &name[13..16], &name[17..20], &name[20..32]);
    let uuid = format!("{a}-{b}-8{c}-8{d}-{e}");
    Ok(SessionId::parse(&uuid).expect("it has the form of an id of version 8"))
}

/// The most sessions that one of an agent's can become by going on after its end.
pub const MAX_RUNS: usize = 1000;

/// Returns the id of the session that an agent's own session gets the `n`th time that it goes on after an
/// end, which is final; 0 is the first one.
///
/// # Errors
/// [`OpError::Store`].
pub fn run_id(store: &Store, agent: &str, native_id: &str, n: usize) -> Result<SessionId, OpError> {
    match n {
        0 => session_id(store, agent, native_id),
        n => session_id(store, agent, &format!("{native_id}#{n}")),
    }
}

/// Returns the newest of the sessions that an agent's own session has become; `None` if there is none.
///
/// # Errors
/// [`OpError::Store`].
pub fn newest_run(
    store: &Store,
    agent: &str,
    native_id: &str,
) -> Result<Option<SessionId>, OpError> {
    let mut newest = None;
    for n in 0..MAX_RUNS {
        let session_id = run_id(store, agent, native_id, n)?;
        if store.tip(session_id)?.is_none() {
            break;
        }
        newest = Some(session_id);
    }
    Ok(newest)
}
