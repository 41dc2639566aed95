//! Suspending and ending sessions whose worker runs, from any process of the same host; and bringing
//! them back.
//!
//! A process is signalled on the strength of this clone's own lease only, never for what a record says.

use std::time::{Duration, Instant};

use crate::lifecycle::Intent;
use crate::model::{Class, SessionId};
use crate::ops::change::{self, Changed, Verdict};
use crate::ops::close::{end_draft, end_left, release};
use crate::ops::hook;
use crate::ops::job::World;
use crate::ops::limits;
use crate::ops::load::{self, View};
use crate::ops::observe::{self, Observed, has_open_worker};
use crate::ops::run::{self, not_owner};
use crate::ops::transition::{self, Request, Target};
use crate::ops::{Context, OpError};
use crate::store::Store;
use crate::worker::{
    Held, Here, How, Lease, Process, Stop, StopKind, end_group, freeze_group, is_inside, thaw_group,
};

/// How long an owner may take to record how its worker ended.
const OWNER_TIME: Duration = Duration::from_secs(5);
/// How long to wait for a worker that is just being started.
const START_TIME: Duration = Duration::from_secs(10);
/// How often to look for it.
const START_STEP: Duration = Duration::from_millis(5);

/// How to stop a worker.
#[derive(Debug, Clone, Copy)]
pub struct Manner {
    /// How long it may take after it was asked; then it is killed.
    pub grace: Duration,
    /// Whether it is only made to stand still.
    pub freeze: bool,
    /// Whether a worker that is out of reach is left to itself, and only the session is changed.
    pub force: bool,
}

/// What became of a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worker {
    /// There was none.
    None,
    /// It ended when it was asked.
    Stopped,
    /// It or a part of it had to be killed.
    Killed,
    /// It stands still.
    Frozen,
    /// It runs this very command, and was left to end by itself.
    Own,
    /// It was out of reach, and left to itself.
    Left,
}

/// Stops the worker of a session, if there is one, and moves the session as `request` says.
///
/// Nothing is stopped unless the session can go there and the user's hook agrees.
///
/// # Errors
/// [`OpError::NotOwner`] for a worker of another host, container or clone; [`OpError::Stop`] when it
/// does not end: the session stays as it is; and what a transition fails for.
#[tracing::instrument(skip_all, fields(session = %session_id))]
pub fn stop(
    world: &dyn World,
    store: &Store,
    session_id: SessionId,
    request: &Request,
    manner: Manner,
    context: &Context,
) -> Result<(Changed, Worker), OpError> {
    let (view, context) = &match permit(store, context, session_id, request, manner) {
        // All that there is to end is what runs on.
        Err(OpError::InvalidTransition { .. }) if is_left(store, session_id, request)? => {
            return stop_running(world, store, session_id, None, manner, context);
        }
        permitted => permitted?,
    };
    if view.observed == Observed::Elsewhere {
        return Ok((record(store, context, session_id, Some(request), Fate::Same)?, Worker::Left));
    }
    for _ in 0..change::MAX_ATTEMPTS {
        // The lease decides, not the state: a session that is not at work may have a worker as well.
        let (changed, worker) = match has_worker(store, session_id) {
            true => stop_running(world, store, session_id, Some(request), manner, context)?,
            false => (settle(store, session_id, request, manner, context)?, Worker::None),
        };
        // Who was starting one meanwhile noted that first, and may not have seen where the session
        // went.
        if worker != Worker::None || !has_worker(store, session_id) {
            return Ok((changed, worker));
        }
    }
    Err(OpError::Conflict { handle: session_id.handle() })
}

/// Tells whether a session that is to be terminated has ended already, but not its worker.
fn is_left(store: &Store, session_id: SessionId, request: &Request) -> Result<bool, OpError> {
    Ok(matches!(request.target, Target::Intent(Intent::Terminate))
        && load::load(store, session_id)?.view.class == Class::Ended
        && has_worker(store, session_id))
}

/// Tells whether a worker of this clone runs for a session, other than the one that runs this process.
pub fn has_other_worker(store: &Store, session_id: SessionId) -> bool {
    let lease = observe::leases(store).read(session_id).ok().flatten();
    let runs = |it: &Lease| observe::seen(&Here::read(), it) == Observed::Running;
    lease.is_some_and(|it| !is_inside(&it) && runs(&it))
}

/// Tells whether this clone runs a worker for a session, or is about to.
fn has_worker(store: &Store, session_id: SessionId) -> bool {
    let lease = observe::leases(store).read(session_id).ok().flatten();
    lease.is_some_and(|it| observe::seen(&Here::read(), &it) == Observed::Running)
}

/// Moves a session whose worker is gone, and ends what that may have left.
fn settle(
    store: &Store,
    session_id: SessionId,
    request: &Request,
    manner: Manner,
    context: &Context,
) -> Result<Changed, OpError> {
    let leases = observe::leases(store);
    let lease = leases.read(session_id).ok().flatten();
    let is_over = |it: &Lease| observe::seen(&Here::read(), it) != Observed::Running;
    let lease = lease.as_ref().filter(|it| is_over(it));
    if let Some(lease) = lease {
        end_left(lease, manner.grace)?;
    }
    let changed = record(store, context, session_id, Some(request), Fate::Gone)?;
    if let Some(lease) = lease {
        release(&leases, session_id, &lease.token, changed.view.class)?;
    }
    Ok(changed)
}

/// Stops a worker that runs, or is just being started, and moves its session as `request` says, if it
/// is to move.
fn stop_running(
    world: &dyn World,
    store: &Store,
    session_id: SessionId,
    request: Option<&Request>,
    manner: Manner,
    context: &Context,
) -> Result<(Changed, Worker), OpError> {
    let leases = observe::leases(store);
    if leases.read(session_id).ok().flatten().as_ref().is_some_and(is_inside) {
        return Ok((record(store, context, session_id, request, Fate::Same)?, Worker::Own));
    }
    let kind = match request.map(|it| &it.target) {
        Some(Target::Intent(Intent::Suspend)) => StopKind::Suspend,
        _ => StopKind::Terminate,
    };
    let Some(lease) = mark(store, session_id, kind)? else {
        return Ok((record(store, context, session_id, request, Fate::Gone)?, Worker::None));
    };
    let process = lease.worker.as_ref().expect("a marked lease has a worker");
    if manner.freeze {
        // Noted first: "resume" lets go on what stands still, also if we do not live to record it.
        note_frozen(store, &lease, true)?;
        if let Err(error) = freeze_group(process, &lease.token) {
            note_frozen(store, &lease, false)?;
            return Err(error.into());
        }
        return Ok((record(store, context, session_id, request, Fate::Frozen)?, Worker::Frozen));
    }
    let is_killed = match end_group(process, &lease.token, manner.grace) {
        Ok(is_killed) => is_killed,
        Err(error) => {
            unmark(store, &lease)?;
            return Err(error.into());
        }
    };
    wait_for_owner(&lease);
    // It took its time, and the owner may have recorded something meanwhile.
    let context = Context { now: world.now().max(context.now), ..context.clone() };
    let changed = record(store, &context, session_id, request, Fate::Ended)?;
    release(&leases, session_id, &lease.token, changed.view.class)?;
    let worker = if is_killed { Worker::Killed } else { Worker::Stopped };
    Ok((changed, worker))
}

/// Returns the session as it is when its worker may be stopped, and the context of the move that the
/// user's hook agreed to. The hook may have taken its time, so after it all is looked at again.
fn permit(
    store: &Store,
    context: &Context,
    session_id: SessionId,
    request: &Request,
    manner: Manner,
) -> Result<(View, Context), OpError> {
    let mut context = context.clone();
    for _ in 0..change::MAX_ATTEMPTS {
        let view = load::load(store, session_id)?.view;
        let verdict = transition::judge(&context, &view, request)?;
        if view.observed == Observed::Elsewhere && !manner.force {
            return Err(not_owner(&view));
        }
        match hook::agree(store, &context, &view, &verdict)? {
            None => return Ok((view, context)),
            Some(agreed) => context = agreed,
        }
    }
    Err(OpError::Conflict { handle: session_id.handle() })
}

/// Notes in the lease that the worker is about to be stopped and by whom, and returns the lease; `None`
/// if there is no worker any more. One that is just being started is waited for.
fn mark(store: &Store, session_id: SessionId, kind: StopKind) -> Result<Option<Lease>, OpError> {
    let (leases, here) = (observe::leases(store), Here::read());
    let own = Process::own(&here);
    let until = Instant::now() + START_TIME;
    loop {
        let mut marked = None;
        leases.change(session_id, |found| {
            let Some(mut lease) = found else { return Ok::<_, OpError>(None) };
            lease.stop = own.clone().map(|by| Stop { kind, by });
            if lease.worker.is_none() {
                lease.worker = run::find_worker(&here, &lease).map(|held| held.process);
            }
            marked = Some(lease.clone());
            Ok(Some(lease))
        })?;
        let Some(lease) = marked else { return Ok(None) };
        let is_starting =
            lease.worker.is_none() && observe::seen(&here, &lease) == Observed::Running;
        if !is_starting {
            return Ok(Some(lease).filter(|lease| lease.worker.is_some()));
        }
        if Instant::now() > until {
            return Err(OpError::Conflict { handle: session_id.handle() });
        }
        if let Some(owner) = lease.owner.as_ref().and_then(|it| Held::open(&here, it).ok()) {
            owner.wait(START_STEP);
        }
    }
}

fn unmark(store: &Store, lease: &Lease) -> Result<(), OpError> {
    observe::leases(store).change(lease.session_id, |found| {
        Ok(found.map(|found| match found.token == lease.token {
            true => Lease { stop: None, ..found },
            false => found,
        }))
    })
}

fn note_frozen(store: &Store, lease: &Lease, is_frozen: bool) -> Result<(), OpError> {
    observe::leases(store).change(lease.session_id, |found| {
        Ok(found.map(|found| match found.token == lease.token {
            true => Lease { stop: None, is_frozen, ..found },
            false => found,
        }))
    })
}

/// Waits until the owner has recorded how its worker ended, and is gone.
fn wait_for_owner(lease: &Lease) {
    let open = |owner: &Process| Held::open(&Here::read(), owner).ok();
    if let Some(owner) = lease.owner.as_ref().and_then(open) {
        owner.wait(OWNER_TIME);
    }
}

/// What has just become of a worker that is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Nothing.
    Same,
    /// It stands still.
    Frozen,
    /// It is let go on.
    Thawed,
    /// It ended.
    Ended,
    /// It ended, nobody knows when.
    Gone,
}

impl Fate {
    fn is_end(self) -> bool {
        matches!(self, Fate::Ended | Fate::Gone)
    }
}

/// Records the fate of the worker, unless its end is recorded, and the move of the session, if it is to
/// move. A hook can refuse the move, but not that the worker has ended.
fn record(
    store: &Store,
    context: &Context,
    session_id: SessionId,
    request: Option<&Request>,
    fate: Fate,
) -> Result<Changed, OpError> {
    let write = |request: Option<&Request>| {
        change::change(store, context, session_id, |view| {
            let mut drafts = Vec::new();
            let mut view = view.clone();
            if has_open_worker(&view.session)
                && let Some(worker) = &mut view.session.worker
            {
                match fate {
                    Fate::Same => {}
                    Fate::Frozen => limits::stop_clock(worker, Some(context.now)),
                    Fate::Thawed => limits::start_clock(worker, context.now),
                    Fate::Ended => limits::stop_clock(worker, Some(context.now)),
                    Fate::Gone => limits::stop_clock(worker, None),
                }
                if fate.is_end() {
                    let draft = end_draft(&view, context.now, "it is gone", How::Unknown);
                    view.session = draft.session.clone();
                    drafts.push(draft);
                }
            }
            if let Some(request) = request
                && let Verdict::Happens(more) = transition::judge(context, &view, request)?
            {
                drafts.extend(more);
            }
            Ok(if drafts.is_empty() { Verdict::Nothing } else { Verdict::Happens(drafts) })
        })
    };
    let moved = write(request);
    if fate.is_end() && matches!(moved, Err(OpError::HookRefused { .. })) {
        write(None)?;
    }
    moved
}

/// Moves a session back to work and lets its frozen worker go on.
///
/// # Errors
/// As [`stop`].
pub fn thaw(
    store: &Store,
    context: &Context,
    lease: &Lease,
    request: &Request,
) -> Result<Changed, OpError> {
    let changed = record(store, context, lease.session_id, Some(request), Fate::Thawed)?;
    if let Some(worker) = &lease.worker {
        thaw_group(worker, &lease.token)?;
        note_frozen(store, lease, false)?;
    }
    Ok(changed)
}

/// Gives up a worker that is out of reach, so that the session can go on here.
///
/// # Errors
/// As [`stop`].
pub fn give_up(
    store: &Store,
    context: &Context,
    view: &View,
    request: &Request,
) -> Result<Changed, OpError> {
    // Where it is refused, nobody has given anything up.
    let verdict = transition::judge(context, view, request)?;
    let agreed = hook::agree(store, context, view, &verdict)?;
    let context = agreed.as_ref().unwrap_or(context);
    record(store, context, view.session.id, Some(request), Fate::Gone)
}
