//! Settling sessions whose workers are gone.

use std::time::Duration;

use crate::lifecycle::Intent;
use crate::model::Class;
use crate::ops::job::World;
use crate::ops::load::{self, View};
use crate::ops::observe::{self, Observed};
use crate::ops::stop::{Manner, stop};
use crate::ops::transition::{Request, Target};
use crate::ops::{Context, OpError, worker_log};
use crate::store::Store;

/// A session whose worker is gone, and what became of it.
#[derive(Debug, Clone)]
pub struct Reaped {
    /// The session.
    pub view: View,
    /// Why it was not put aside, if it was not.
    pub refused: Option<String>,
}

/// The reason of a session that was put aside since its worker was gone.
pub const LOST: &str = "the worker is lost";

/// Puts sessions aside that are at work and whose worker is gone; with `dry_run` only finds them. What
/// was kept of the workers of deleted sessions goes, and the leases that outlived their sessions.
///
/// # Errors
/// [`OpError::Store`] and [`OpError::Lease`]; a session that cannot be put aside is an answer.
pub fn reap(
    world: &dyn World,
    store: &Store,
    context: &Context,
    dry_run: bool,
) -> Result<Vec<Reaped>, OpError> {
    let mut all = Vec::new();
    if !dry_run {
        worker_log::forget_deleted(store)?;
    }
    let request = Request { reason: LOST.into(), ..Request::to(Target::Intent(Intent::Suspend)) };
    for session_id in observe::leases(store).session_ids() {
        // A lease that outlived its session, or a damaged session, is nothing to settle.
        let Ok(loaded) = load::load(store, session_id) else { continue };
        let view = loaded.view;
        if view.class == Class::Ended && !dry_run {
            worker_log::forget_lease(store, session_id)?;
        }
        if view.class != Class::Active || view.observed != Observed::Lost {
            continue;
        }
        if dry_run {
            all.push(Reaped { view, refused: None });
            continue;
        }
        let manner = Manner { grace: Duration::ZERO, freeze: false, force: false };
        all.push(match stop(world, store, session_id, &request, manner, context) {
            Ok((changed, _)) => Reaped { view: changed.view, refused: None },
            Err(error) => Reaped { view, refused: Some(error.to_string()) },
        });
    }
    Ok(all)
}
