use std::path::Path;

use crate::model::{Class, SessionId};
use crate::ops::load::{self, Loaded};
use crate::ops::observe::{self, Observed};
use crate::ops::{Context, OpError, resolve};
use crate::store::{Current, Head, Store};
use crate::worker::{Here, Lease, find_ancestor};

/// Returns the session that is worked on by whoever runs git here, if it is beyond doubt which one: the one
/// that the environment names, else the one whose worker runs git, else this work tree's current one. It must
/// be active, and on its branch if it has one of its own: HEAD's, or that of `at`, where HEAD was.
///
/// # Errors
/// What reading the session fails for.
pub fn working(
    store: &Store,
    context: &Context,
    at: Option<&Head>,
) -> Result<Option<Loaded>, OpError> {
    let leases = Leased::read(store);
    let named = context.session_name.as_deref();
    let session_id = match named {
        Some(name) => resolve::resolve(store, context, Some(name)).ok(),
        None => match leases.above(context.caller) {
            Some(session_id) => Some(session_id),
            None => leases.undoubted(store, context, store.current(Current::Now)?),
        },
    };
    let Some(session_id) = session_id else { return Ok(None) };
    let loaded = match load::load(store, session_id) {
        Err(OpError::NotFound { .. }) => return Ok(None),
        loaded => loaded?,
    };
    let is_here = loaded.view.class == Class::Active && is_on_its_branch(store, &loaded, at)?;
    Ok(is_here.then_some(loaded))
}

/// Tells whether HEAD is, or was, on the session's branch, if that was made for the session.
fn is_on_its_branch(store: &Store, loaded: &Loaded, at: Option<&Head>) -> Result<bool, OpError> {
    let session = &loaded.view.session;
    let has_own = session.configuration.contains_key("isolation");
    if !has_own || session.branch.is_none() {
        return Ok(true);
    }
    let head = at.cloned().map_or_else(|| store.head(), Ok)?;
    Ok(head.branch == session.branch)
}

/// The leases of this clone.
struct Leased(Vec<Lease>);

impl Leased {
    fn read(store: &Store) -> Leased {
        let leases = observe::leases(store);
        let ids = leases.session_ids().into_iter();
        Leased(ids.filter_map(|session_id| leases.read(session_id).ok().flatten()).collect())
    }

    /// Returns the session whose worker is above this process, or above `caller` or it, the nearest one.
    fn above(&self, caller: Option<u32>) -> Option<SessionId> {
        if self.0.is_empty() {
            return None;
        }
        let is_worker = |pid: u32, _: &[String]| {
            self.0.iter().any(|lease| lease.worker.as_ref().is_some_and(|it| it.pid == pid))
        };
        let found = find_ancestor(&Here::read(), caller, is_worker)?;
        let lease = self.0.iter().find(|lease| lease.worker.as_ref() == Some(&found))?;
        Some(lease.session_id)
    }

    /// Returns the current session, unless an agent runs git, and an agent of another session works in this
    /// work tree: then it could be that one.
    fn undoubted(
        &self,
        store: &Store,
        context: &Context,
        current: Option<SessionId>,
    ) -> Option<SessionId> {
        let current = current?;
        let root = store.root();
        let is_rival = |lease: &&Lease| {
            lease.session_id != current && is_below(&lease.dir, &root) && lives(store, lease)
        };
        let is_doubtful = context.agent.is_some() && self.0.iter().any(|lease| is_rival(&lease));
        (!is_doubtful).then_some(current)
    }
}

fn is_below(dir: &Path, root: &Path) -> bool {
    dir.starts_with(root)
}

fn lives(store: &Store, lease: &Lease) -> bool {
    let seen = observe::observe_lease(store, lease.session_id, Class::Active);
    seen == Some(Observed::Running)
}
