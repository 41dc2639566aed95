//! Removing a session's ref, and with it its history.

use crate::model::SessionId;
use crate::ops::{OpError, agent_state, load, observe, worker_log};
use crate::store::{Store, StoreError};

/// Checks whether a session would be removed.
///
/// # Errors
/// As [`delete`].
pub fn check(store: &Store, session_id: SessionId, force: bool) -> Result<(), OpError> {
    if let Some(pid) = observe::running(store, session_id) {
        return Err(OpError::StillRunning { handle: session_id.handle(), pid });
    }
    if force { Ok(()) } else { refuse_open(store, session_id) }
}

/// Removes a session, even a damaged one; an open one only when forced, and none whose worker lives,
/// since nobody could reach that any more.
///
/// # Errors
/// [`OpError::NotFound`], [`OpError::StillOpen`] when it is open and not forced, [`OpError::StillRunning`],
/// [`OpError::Store`].
pub fn delete(store: &Store, session_id: SessionId, force: bool) -> Result<(), OpError> {
    let held = store.lock(session_id)?;
    let tip_oid = match store.tip(session_id) {
        Ok(Some(tip_oid)) => tip_oid,
        Ok(None) => return Err(OpError::NotFound { name: session_id.to_string() }),
        Err(StoreError::Corrupt { .. } | StoreError::Symbolic { .. }) if force => {
            store.delete_damaged(session_id)?;
            forget(store, session_id);
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    check(store, session_id, force)?;
    store.delete(&held, session_id, tip_oid)?;
    forget(store, session_id);
    Ok(())
}

/// Removes what is left of its worker and its agent; what cannot be removed now, `reap` will.
fn forget(store: &Store, session_id: SessionId) {
    agent_state::forget(store, session_id);
    if let Err(error) = worker_log::forget(store, session_id) {
        tracing::warn!(%error, "something of a deleted session is left");
    }
}

fn refuse_open(store: &Store, session_id: SessionId) -> Result<(), OpError> {
    match load::load(store, session_id) {
        Ok(loaded) if loaded.view.class.is_open() => {
            let (handle, status) = (session_id.handle(), loaded.view.session.status);
            Err(OpError::StillOpen { handle, status })
        }
        // What a newer program wrote may be open, for all that is known here.
        Ok(_) | Err(OpError::Corrupt { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}
