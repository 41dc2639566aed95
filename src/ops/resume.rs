//! Going on with a session, and with what ran for it.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::model::{Class, SessionId};
use crate::ops::change::Changed;
use crate::ops::job::{Finished, Job, World};
use crate::ops::load::{self, View};
use crate::ops::observe::{self, Observed};
use crate::ops::run::{self, find_worker, not_owner};
use crate::ops::stop::{give_up, thaw};
use crate::ops::transition::{self, Request, Target};
use crate::ops::{Context, OpError};
use crate::store::Store;
use crate::worker::{Here, Lease, Seen, look, resume_command};

/// How to go on.
#[derive(Debug, Clone)]
pub struct Resuming {
    /// Where the session is to go.
    pub request: Request,
    /// Whether only the session is changed.
    pub no_run: bool,
    /// Whether to take the place of an owner that is gone, or to give up a worker that is elsewhere.
    pub take_over: bool,
    /// The directory to run in, if not the session's own place, or where it ran before.
    pub here: Option<PathBuf>,
    /// Whether another session may run in the same work tree.
    pub is_shared: bool,
    /// A word that nobody else knows.
    pub token: String,
    /// Whether the output of what is run goes to the session's log, and not to our own streams.
    pub to_log: bool,
}

/// Returns the command line that resuming a session runs: what its `--on-resume` said, or else how an
/// agent goes on with its conversation, or else what ran before.
pub fn command(lease: &Lease) -> Vec<OsString> {
    match &lease.on_resume {
        Some(line) => vec!["sh".into(), "-c".into(), line.clone()],
        None => resume_command(&lease.command),
    }
}

/// What came of it.
#[derive(Debug, Clone)]
pub enum Resumed {
    /// The session is changed, or is as it was.
    Moved(Changed),
    /// The command ran again, to its end.
    Ran(Finished),
}

/// Returns the command line that resuming a session would run; `None` if it would run nothing.
///
/// # Errors
/// What reading a session fails for.
pub fn planned(
    store: &Store,
    session_id: SessionId,
    no_run: bool,
) -> Result<Option<Vec<OsString>>, OpError> {
    let view = load::load(store, session_id)?.view;
    let lease = observe::leases(store).read(session_id).ok().flatten();
    let lease = lease.filter(|_| !no_run && has_to_run(&view));
    Ok(lease.as_ref().map(command))
}

/// Tells whether a session with a lease goes on by running something: not one whose worker lives, and
/// not one at work that never had a worker lost.
fn has_to_run(view: &View) -> bool {
    match view.observed {
        Observed::Running => false,
        Observed::None => view.class != Class::Active,
        Observed::Lost | Observed::Elsewhere => true,
    }
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
    if !has_to_run(&view) {
        return moved(transition::transition(store, context, session_id, request)?);
    }
    let to = match &request.target {
        Target::ResumeTo(state) => Some(state.clone()),
        _ => None,
    };
    let before = Job::of(&lease, resuming.token.clone());
    let job = Job {
        dir: resuming.here.clone().unwrap_or_else(|| before.dir.clone()),
        here: resuming.here.is_some(),
        is_shared: resuming.is_shared || before.is_shared,
        reason: request.reason.clone(),
        to,
        take_over: resuming.take_over,
        command: command(&lease),
        to_log: resuming.to_log,
        ..before
    };
    Ok(Resumed::Ran(run::run(world, &job)?))
}
