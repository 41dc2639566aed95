//! What a session's worker in the background says, and what is left on this host of deleted sessions.

use crate::model::SessionId;
use crate::ops::OpError;
use crate::ops::observe::{self, Observed};
use crate::store::Store;
use crate::worker::{Held, Here, LeaseError, Log, LogReader, Logs};

fn logs(store: &Store) -> Logs {
    Logs::new(&store.local_dir())
}

/// Opens the log of a session for a worker, making it if need be.
///
/// # Errors
/// [`OpError::Lease`]
pub fn open(store: &Store, session_id: SessionId) -> Result<Log, OpError> {
    Ok(logs(store).open(session_id, store.settings().log_limit)?)
}

/// Opens the log of a session for a worker, if there is one.
pub fn find(store: &Store, session_id: SessionId) -> Option<Log> {
    logs(store).find(session_id, store.settings().log_limit)
}

/// Begins to read the log of a session.
///
/// # Errors
/// [`OpError::NoLog`]
pub fn read(store: &Store, session_id: SessionId) -> Result<LogReader, OpError> {
    let reader = logs(store).reader(session_id);
    reader.ok_or(OpError::NoLog { handle: session_id.handle() })
}

/// Takes hold of who may yet write to the log of a session: its worker, or who waits for that and may
/// start another one.
pub fn writer(store: &Store, session_id: SessionId) -> Option<Held> {
    let here = Here::read();
    let lease = observe::leases(store).read(session_id).ok().flatten()?;
    let mut all = lease.worker.iter().chain(&lease.owner);
    all.find_map(|process| Held::open(&here, process).ok())
}

/// Removes what this clone keeps of the worker of a session that was deleted, unless the worker lives.
///
/// # Errors
/// [`OpError::Lease`]
pub fn forget(store: &Store, session_id: SessionId) -> Result<(), OpError> {
    if forget_lease(store, session_id)? {
        logs(store).remove(session_id)?;
    }
    Ok(())
}

/// Removes the lease of a session that needs none any more, unless its worker lives; tells whether
/// there is none then.
///
/// # Errors
/// [`OpError::Lease`]
pub fn forget_lease(store: &Store, session_id: SessionId) -> Result<bool, OpError> {
    let (leases, here) = (observe::leases(store), Here::read());
    let mut is_alive = false;
    if leases.session_ids().contains(&session_id) {
        leases.change(session_id, |found| {
            let seen = found.as_ref().map(|lease| observe::seen(&here, lease));
            is_alive = matches!(seen, Some(Observed::Running | Observed::Elsewhere));
            Ok::<_, LeaseError>(found.filter(|_| is_alive))
        })?;
    }
    Ok(!is_alive)
}

/// Removes what this clone keeps of the workers of all sessions that are no more.
///
/// # Errors
/// [`OpError::Lease`] and [`OpError::Store`]
pub fn forget_deleted(store: &Store) -> Result<(), OpError> {
    let mut all = logs(store).session_ids();
    all.extend(observe::leases(store).session_ids());
    for session_id in all {
        if matches!(store.tip(session_id), Ok(None)) {
            forget(store, session_id)?;
        }
    }
    Ok(())
}
