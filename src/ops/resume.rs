//! Going on with a session, and with what ran for it.

use crate::model::{Class, SessionId};
use crate::ops::change::Changed;
use crate::ops::job::{Finished, Job, World};
use crate::ops::load;
use crate::ops::observe::{self, Observed};
use crate::ops::run::{self, find_worker, not_owner};
use crate::ops::stop::{give_up, thaw};
use crate::ops::transition::{self, Request, Target};
use crate::ops::{Context, OpError};
use crate::store::Store;
use crate::worker::{Here, Seen, look};

/// How to go on.
#[derive(Debug, Clone)]
pub struct Resuming {
    /// Where the session is to go.
    pub request: Request,
    /// Whether only the session is changed.
    pub no_run: bool,
    /// Whether to take the place of an owner that is gone, or to give up a worker that is elsewhere.
    pub take_over: bool,
    /// A word that nobody else knows.
    pub token: String,
}

/// What came of it.
#[derive(Debug, Clone)]
pub enum Resumed {
    /// The session is changed, or is as it was.
    Moved(Changed),
    /// The command ran again, to its end.
    Ran(Finished),
}

/// Moves a session back to work, and runs its command again if this clone's own lease has one.
///
/// # Errors
/// [`OpError::NotOwner`], [`OpError::AlreadyRunning`], and what [`run::run`] and a transition fail for.
pub fn resume(
    world: &dyn World,
    store: &Store,
    context: &Context,
    session_id: SessionId,
    resuming: &Resuming,
) -> Result<Resumed, OpError> {
    let request = &resuming.request;
    let view = load::load(store, session_id)?.view;
    transition::preview(context, &view, request)?;
    let lease = observe::leases(store).read(session_id).ok().flatten();
    if view.observed == Observed::Elsewhere && !resuming.take_over {
        return Err(not_owner(&view));
    }
    let moved = |changed| Ok(Resumed::Moved(changed));
    let Some(lease) = lease.filter(|_| !resuming.no_run) else {
        if view.observed == Observed::Elsewhere {
            return moved(give_up(store, context, &view, request)?);
        }
        return moved(transition::transition(store, context, session_id, request)?);
    };
    if view.observed == Observed::Running {
        if lease.is_frozen {
            return moved(thaw(store, context, &lease, request)?);
        }
        let here = Here::read();
        let owner = lease.owner.as_ref().filter(|it| look(&here, it) == Seen::Running);
        return match (resuming.take_over, owner) {
            (true, None) if find_worker(&here, &lease).is_some() => {
                Ok(Resumed::Ran(run::adopt(world, &lease)?))
            }
            (true, Some(owner)) => {
                Err(OpError::AlreadyRunning { handle: session_id.handle(), pid: owner.pid })
            }
            _ => moved(transition::transition(store, context, session_id, request)?),
        };
    }
    // A session at work that never had a worker lost has nothing to go on with.
    if view.class == Class::Active && view.observed == Observed::None {
        return moved(transition::transition(store, context, session_id, request)?);
    }
    let to = match &request.target {
        Target::ResumeTo(state) => Some(state.clone()),
        _ => None,
    };
    let job = Job {
        reason: request.reason.clone(),
        to,
        take_over: resuming.take_over,
        ..Job::of(&lease, resuming.token.clone())
    };
    Ok(Resumed::Ran(run::run(world, &job)?))
}
