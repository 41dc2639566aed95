//! Removing a session: its ref, and what the archive says of it.

use crate::model::SessionId;
use crate::ops::{Context, OpError, agent_state, load, observe, worker_log};
use crate::store::{ArchiveLock, ArchiveRow, Store, StoreError};

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
/// The archive goes first: a session that is deleted by half has its own ref still.
///
/// # Errors
/// [`OpError::NotFound`], [`OpError::StillOpen`] when it is open and not forced, [`OpError::StillRunning`],
/// [`OpError::Store`].
pub fn delete(
    store: &Store,
    context: &Context,
    session_id: SessionId,
    force: bool,
) -> Result<(), OpError> {
    let held = store.lock(session_id)?;
    // While it is held, nobody puts the session into the archive.
    let archive = store.lock_archive()?;
    match store.live_tip(session_id) {
        Ok(Some(tip_oid)) => {
            check(store, session_id, force)?;
            take_out(store, context, &archive, session_id)?;
            store.delete(&held, session_id, tip_oid)?;
        }
        Ok(None) if store.tip(session_id)?.is_some() => {
            check(store, session_id, force)?;
            take_out(store, context, &archive, session_id)?;
        }
        Ok(None) => return Err(OpError::NotFound { name: session_id.to_string() }),
        Err(StoreError::Corrupt { .. } | StoreError::Symbolic { .. }) if force => {
            take_out(store, context, &archive, session_id)?;
            store.delete_damaged(session_id)?;
        }
        Err(error) => return Err(error.into()),
    }
    forget(store, session_id);
    Ok(())
}

/// Lets the archive say that a session was deleted, if it has it: so it does not come back with an older archive.
fn take_out(
    store: &Store,
    context: &Context,
    held: &ArchiveLock,
    session_id: SessionId,
) -> Result<(), OpError> {
    if store.archived(session_id)?.is_none() {
        return Ok(());
    }
    let row = ArchiveRow { session_id, tip: None, columns: context.now.to_string() };
    if let Some(fold) = store.fold(&[row], &context.stamp())? {
        fold.publish(held)?;
    }
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
