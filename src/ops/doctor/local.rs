//! What is wrong with what only this clone has: locks, leases, logs.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use super::{Finding, Kind};
use crate::model::SessionId;
use crate::ops::{OpError, agent_state, init, observe, worker_log};
use crate::store::{LockFile, Store};
use crate::worker::Logs;

/// No command holds a lock for so long.
const STALE: Duration = Duration::from_secs(10);

/// Looks for locks that nobody takes back. What a dead process of ours left is removed where that is proven;
/// another program's lock never is.
pub(super) fn locks(store: &Store, fixes: bool) -> Result<Vec<Finding>, OpError> {
    let mut findings = Vec::new();
    for lock in store.lock_files() {
        if lock.age < STALE {
            continue;
        }
        if let Some(session_id) = lock.session_id.filter(|_| fixes) {
            let held = store.lock(session_id)?;
            store.heal(&held, session_id)?;
        }
        let is_fixed = !store.lock_files().iter().any(|it| it.path == lock.path);
        findings.push(Finding { is_fixed, ..told(&lock) });
    }
    Ok(findings)
}

/// Looks for hooks that another version of the program has installed.
pub(super) fn hooks(store: &Store) -> Result<Vec<Finding>, OpError> {
    let told = |path: PathBuf| {
        let short = path.strip_prefix(store.common_dir()).unwrap_or(&path);
        let text = format!("'{}' is not as this version would install it", short.display());
        Finding::new(Kind::Hook, text).hint("\"git session init\" brings hooks up to date")
    };
    Ok(init::outdated(store)?.into_iter().map(told).collect())
}

fn told(lock: &LockFile) -> Finding {
    let (path, age) = (&lock.path, lock.age.as_secs());
    let text = format!("'{path}' has been there for {}", ago(age));
    let hint = match lock.session_id {
        Some(_) => {
            "\"git session doctor --fix\" or the next write removes what is provably left".into()
        }
        None => format!(
            "if no git process runs in this repository, remove '{path}' of the git directory"
        ),
    };
    let finding = Finding::new(Kind::Lock, text).at(path).hint(hint);
    Finding { session_id: lock.session_id, ..finding }
}

/// Returns a duration in the largest unit that it has two of.
fn ago(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} seconds"),
        120..7200 => format!("{} minutes", seconds / 60),
        7200..172_800 => format!("{} hours", seconds / 3600),
        _ => format!("{} days", seconds / 86400),
    }
}

/// Looks for what is kept of the workers and agents of sessions that are no more, and for leases that are not
/// trusted.
pub(super) fn leftovers(store: &Store, fixes: bool) -> Result<Vec<Finding>, OpError> {
    let leases = observe::leases(store);
    let kept = |session_id: SessionId| -> Vec<&'static str> {
        let has_lease = leases.session_ids().contains(&session_id);
        let has_log = Logs::new(&store.local_dir()).session_ids().contains(&session_id);
        let has_state = agent_state::session_ids(store).contains(&session_id);
        let all = [("lease", has_lease), ("log", has_log), ("agent state", has_state)];
        all.into_iter().filter(|(_, is_there)| *is_there).map(|(what, _)| what).collect()
    };
    let mut all: BTreeSet<SessionId> = leases.session_ids().into_iter().collect();
    all.extend(Logs::new(&store.local_dir()).session_ids());
    all.extend(agent_state::session_ids(store));
    let mut findings = Vec::new();
    for session_id in all {
        if let Err(error) = leases.read(session_id) {
            let text = format!("the lease of session {session_id}: {error}");
            let hint = "nobody obeys it; if no worker of the session runs, remove the file";
            findings.push(Finding::of(Kind::Lease, session_id, text).hint(hint));
            continue;
        }
        if !matches!(store.tip(session_id), Ok(None)) {
            continue;
        }
        let what = kept(session_id).join(", ");
        if fixes {
            worker_log::forget(store, session_id)?;
            agent_state::forget(store, session_id);
        }
        let text = format!("session {session_id} is not there any more, but has: {what}");
        let hint = "\"git session doctor --fix\" removes it, unless its worker lives";
        let finding = Finding::of(Kind::Leftover, session_id, text).hint(hint);
        findings.push(Finding { is_fixed: kept(session_id).is_empty(), ..finding });
    }
    Ok(findings)
}
