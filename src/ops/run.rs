//! Owner mode: a command is run for a session, and what becomes of it is recorded.
//!
//! Intent (the session moves to an active state), effect (the command is started) and fact (its number
//! is recorded) are three steps. The lease is written before the first and after the second one, so
//! whatever dies in between, what lives is known to this clone and the session can be resumed.

use std::time::Duration;

use crate::lifecycle::Intent;
use crate::model::{Class, Map, Worker};
use crate::ops::change::{self, Draft, Verdict};
use crate::ops::close::{Closed, close, end_left};
use crate::ops::hook;
use crate::ops::job::{Finished, GRACE, Job, World};
use crate::ops::load::{self, View};
use crate::ops::observe::{self, Observed};
use crate::ops::place::{self, Place};
use crate::ops::transition::{self, Request, Target};
use crate::ops::{Context, OpError, limits, worker_log};
use crate::store::Store;
use crate::worker::{
    Command, Held, Here, Lease, LeaseError, Leases, Owner, Process, Seen, end_group, look,
    resume_command,
};

/// Runs a command for a session, and ends the session as it ended: with success if it exited with 0,
/// interrupted if a signal ended it or its time was over, else with failure.
///
/// # Errors
/// [`OpError::AlreadyRunning`], [`OpError::NotOwner`], [`OpError::InvalidTransition`],
/// [`OpError::CannotRun`], and what changing a session fails for.
#[tracing::instrument(skip_all, fields(session = %job.session_id))]
pub fn run(world: &dyn World, job: &Job) -> Result<Finished, OpError> {
    let mut owner = begin_owner(job)?;
    let store = world.store()?;
    let leases = observe::leases(&store);
    let context = world.context(&store);
    let place = find_place(&store, job)?;
    let (dir, is_elsewhere) = (place.dir.clone(), place.is_elsewhere || job.is_elsewhere);
    let mut job = Job { dir, is_elsewhere, ..job.clone() };
    let switches = place.switch_to.is_some();
    let Claim { before, mut is_resumed, mut left } =
        claim(&store, &leases, &context, &job, switches)?;
    let prepared = prepare(world, &store, &context, &job, &place, &mut owner);
    // What a lost worker has left, nobody could reach by the new lease.
    let ended = prepared.and_then(|()| Ok(before.iter().try_for_each(|it| end_left(it, GRACE))?));
    if let Err(error) = ended {
        restore(&leases, &job, before)?;
        return Err(error);
    }
    drop(store);
    loop {
        let (worker, n_started) = start(world, &owner, &leases, &job, before.as_ref(), is_resumed)?;
        world.started(&worker.process, owner.log());
        is_resumed = false;
        let ended = owner.wait(&worker, &job.token, left, &|| more(world, &owner, &job), GRACE)?;
        let may_retry = n_started < job.max_iterations.unwrap_or(1) && !ended.is_timeout;
        match close(world, &leases, &job, &worker.process, ended, may_retry)? {
            Closed::Ends(view) => return Ok(Finished { view: *view, ended }),
            Closed::Again => left = job.time_left(world, owner.age())?,
        }
        // An agent refuses to begin a conversation that there is already.
        job.command = resume_command(&job.command);
    }
}

/// Takes a worker over whose owner is gone, and waits for its end as the owner would have. How it
/// ends nobody can know then: the session is put aside.
///
/// # Errors
/// [`OpError::AlreadyRunning`] if its owner lives, and what changing a session fails for.
pub fn adopt(world: &dyn World, lease: &Lease) -> Result<Finished, OpError> {
    let here = Here::read();
    let job = Job::of(lease, lease.token.clone());
    let mut owner = begin_owner(&job)?;
    let store = world.store()?;
    let leases = observe::leases(&store);
    let handle = job.session_id.handle();
    let held = find_worker(&here, lease).ok_or_else(|| OpError::CannotRun {
        command: job.words().first().cloned().unwrap_or_default(),
        reason: "the worker has just ended".into(),
    })?;
    leases.change(job.session_id, |found| {
        let mut found = found.filter(|it| it.token == lease.token).unwrap_or_else(|| lease.clone());
        if let Some(owner) = found.owner.as_ref().filter(|it| look(&here, it) == Seen::Running) {
            return Err(OpError::AlreadyRunning { handle, pid: owner.pid });
        }
        found.owner = Process::own(&here);
        found.worker = Some(held.process.clone());
        Ok(Some(found))
    })?;
    let view = load::load(&store, job.session_id)?.view;
    owner.keep(worker_log::find(&store, job.session_id));
    drop(store);
    let left = job.time_left(world, owner.age())?;
    let process = held.process.clone();
    world.started(&process, owner.log());
    let ended =
        owner.wait_for_adopted(held, &job.token, left, &|| more(world, &owner, &job), GRACE)?;
    match close(world, &leases, &job, &process, ended, false)? {
        Closed::Ends(view) => Ok(Finished { view: *view, ended }),
        Closed::Again => Ok(Finished { view, ended }),
    }
}

/// Finds the living worker of a lease, also one whose start its owner did not live to note.
pub fn find_worker(here: &Here, lease: &Lease) -> Option<Held> {
    match &lease.worker {
        Some(worker) => Held::open(here, worker).ok(),
        None => crate::worker::find_by_token(here, &lease.token),
    }
}

/// Opens the log that the output goes to, if it is to go to one.
fn keep_log(store: &Store, owner: &mut Owner, job: &Job) -> Result<(), OpError> {
    if job.to_log {
        owner.keep(Some(worker_log::open(store, job.session_id)?));
    }
    Ok(())
}

fn begin_owner(job: &Job) -> Result<Owner, OpError> {
    Owner::begin().map_err(|error| cannot_run(job, &error))
}

fn cannot_run(job: &Job, error: &std::io::Error) -> OpError {
    let command = job.words().first().cloned().unwrap_or_default();
    let text = error.to_string();
    let reason = text.split(" (os error").next().unwrap_or_default().to_owned();
    OpError::CannotRun { command, reason }
}

/// Returns for how much longer a worker may run; where nobody knows, it may not.
fn more(world: &dyn World, owner: &Owner, job: &Job) -> Option<Duration> {
    job.time_left(world, owner.age()).unwrap_or_else(|error| {
        tracing::warn!(%error, "the time that is left is not known");
        Some(Duration::ZERO)
    })
}

/// What a session was before a worker is started for it.
struct Claim {
    /// The lease.
    before: Option<Lease>,
    /// Whether it was put aside, or its worker lost.
    is_resumed: bool,
    /// For how long the worker may run.
    left: Option<Duration>,
}

/// Finds where the command of a job runs.
///
/// # Errors
/// What [`place::find`] refuses.
pub fn find_place(store: &Store, job: &Job) -> Result<Place, OpError> {
    if job.here {
        return Ok(Place { dir: job.dir.clone(), switch_to: None, is_elsewhere: false });
    }
    place::find(store, &load::load(store, job.session_id)?.view, &job.dir)
}

/// All that comes before the command is started: the work tree is on the session's branch, and the
/// session is in an active state.
fn prepare(
    world: &dyn World,
    store: &Store,
    context: &Context,
    job: &Job,
    place: &Place,
    owner: &mut Owner,
) -> Result<(), OpError> {
    let agreed = enter(world, store, context, job, place)?;
    keep_log(store, owner, job)?;
    begin(store, agreed.as_ref().unwrap_or(context), job)
}

/// Brings the work tree to the session's branch, unless the session could not begin anyway. Returns the
/// context to begin it in, if the user's hook was asked.
fn enter(
    world: &dyn World,
    store: &Store,
    context: &Context,
    job: &Job,
    place: &Place,
) -> Result<Option<Context>, OpError> {
    let Some(branch) = &place.switch_to else {
        if place.is_elsewhere {
            world.tell(&format!("Running in {}", place.dir.display()));
        }
        return Ok(None);
    };
    let view = load::load(store, job.session_id)?.view;
    let verdict = judge_begin(context, &view, job)?;
    let agreed = hook::agree(store, context, &view, &verdict)?;
    store.switch_branch(branch, false)?;
    world.tell(&format!("Switched to branch '{branch}'"));
    Ok(agreed)
}

/// Notes in the lease that this process is about to start a worker, and returns what was before. No
/// other session has the work tree then, unless it `is_shared` and stays on its branch.
fn claim(
    store: &Store,
    leases: &Leases,
    context: &Context,
    job: &Job,
    switches: bool,
) -> Result<Claim, OpError> {
    let (here, handle) = (Here::read(), job.session_id.handle());
    let view = load::load(store, job.session_id)?.view;
    if view.observed == Observed::Elsewhere && !job.take_over {
        return Err(not_owner(&view));
    }
    let left = match job.timeout {
        Some(timeout) => Some(timeout).filter(|timeout| !timeout.is_zero()),
        None => match limits::time_left(&view, context.now) {
            Some(left) if left.is_zero() => return Err(OpError::NoTimeLeft { handle }),
            left => left,
        },
    };
    let is_resumed = view.class == Class::Paused || view.observed == Observed::Lost;
    let mut before = None;
    leases.change(job.session_id, |found| {
        before = found;
        if let Some(lease) = &before {
            let seen = observe::seen(&here, lease);
            let process = lease.worker.as_ref().or(lease.owner.as_ref());
            if let (Observed::Running, Some(process)) = (seen, process) {
                return Err(OpError::AlreadyRunning { handle, pid: process.pid });
            }
        }
        if !job.is_shared || switches {
            place::check_free(store, job.session_id, &job.dir)?;
        }
        Ok(Some(Lease {
            session_id: job.session_id,
            token: job.token.clone(),
            owner: Process::own(&here),
            worker: None,
            started_at: context.now,
            dir: job.dir.clone(),
            is_shared: job.is_shared,
            command: job.command.clone(),
            on_resume: job.on_resume.clone(),
            timeout: job.timeout,
            max_iterations: job.max_iterations,
            stop: None,
            is_frozen: false,
        }))
    })?;
    Ok(Claim { before, is_resumed, left })
}

/// Returns the error that a worker is out of reach.
pub fn not_owner(view: &View) -> OpError {
    let host = view.session.worker.as_ref().map(|worker| worker.host.clone());
    let whose = match host {
        Some(host) if host == Here::read().host => format!("another clone or container on {host}"),
        Some(host) => host,
        None => "another host".into(),
    };
    OpError::NotOwner { handle: view.session.id.handle(), whose }
}

/// Puts back the lease that was there before, unless somebody else has changed it meanwhile.
fn restore(leases: &Leases, job: &Job, before: Option<Lease>) -> Result<(), LeaseError> {
    leases.change(job.session_id, |found| match found {
        Some(found) if found.token == job.token => Ok(before),
        found => Ok(found),
    })
}

/// The intent: the session is in an active state.
fn begin(store: &Store, context: &Context, job: &Job) -> Result<(), OpError> {
    change::change(store, context, job.session_id, |view| judge_begin(context, view, job))?;
    Ok(())
}

fn judge_begin(context: &Context, view: &View, job: &Job) -> Result<Verdict, OpError> {
    let target = match (&job.to, view.class) {
        (Some(state), _) => Target::ResumeTo(state.clone()),
        (None, Class::Active) => return Ok(Verdict::Nothing),
        (None, Class::Paused) => Target::Intent(Intent::Resume),
        (None, _) => Target::State(view.lifecycle.first_active().name.clone()),
    };
    let request = Request { reason: job.reason.clone(), ..Request::to(target) };
    transition::judge(context, view, &request)
}

/// The effect and the fact: the command is started, and noted, and recorded. Returns it, and which of
/// the session's starts it is. Where that fails, the lease is what it was `before`, so that what was to
/// be resumed still can be.
fn start(
    world: &dyn World,
    owner: &Owner,
    leases: &Leases,
    job: &Job,
    before: Option<&Lease>,
    is_resumed: bool,
) -> Result<(crate::worker::Worker, u64), OpError> {
    let Job { session_id, token, .. } = job;
    let command = Command {
        session_id: *session_id,
        words: &job.command,
        dir: &job.dir,
        is_elsewhere: job.is_elsewhere,
        token,
        log: owner.log(),
    };
    let worker = match command.spawn() {
        Ok(worker) => worker,
        Err(error) => {
            let error = cannot_run(job, &error);
            restore(leases, job, before.cloned())?;
            put_aside(world, job, &error)?;
            return Err(error);
        }
    };
    owner.lend_terminal(&worker);
    let noted = note_start(world, leases, job, &worker.process, is_resumed);
    if noted.is_err() {
        end_group(&worker.process, token, Duration::ZERO)?;
        owner.take_terminal(&worker);
        restore(leases, job, before.cloned())?;
    }
    noted.map(|n_started| (worker, n_started))
}

fn note_start(
    world: &dyn World,
    leases: &Leases,
    job: &Job,
    process: &Process,
    is_resumed: bool,
) -> Result<u64, OpError> {
    let started_at = world.now();
    let mut is_stopped = false;
    leases.change(job.session_id, |found| {
        let Some(mut lease) = found.filter(|it| it.token == job.token) else {
            return Err(OpError::Conflict { handle: job.session_id.handle() });
        };
        is_stopped = lease.stop.is_some();
        (lease.worker, lease.started_at) = (Some(process.clone()), started_at);
        Ok(Some(lease))
    })?;
    if is_stopped {
        // Somebody asked for it when there was nothing to stop yet.
        end_group(process, &job.token, GRACE)?;
    }
    let store = world.store()?;
    let context = world.context(&store);
    let mut n_started = 0;
    change::change(&store, &context, job.session_id, |view| {
        // Also of a session that has ended: its worker may have been so quick.
        let mut session = view.session.clone();
        let mut worker = Worker {
            pid: process.pid,
            host: process.here.host.clone(),
            started_at,
            command: job.words(),
            extra: Map::new(),
        };
        limits::begin_clock(&mut worker, session.worker.as_ref(), started_at);
        session.worker = Some(worker);
        n_started = limits::count_start(&mut session, is_resumed);
        let subject = format!("worker: started as process {}", process.pid);
        Ok(Verdict::Happens(vec![Draft::new("worker", subject, session)]))
    })?;
    Ok(n_started)
}

/// A session whose command cannot be started is put aside, with the reason, to be resumed.
fn put_aside(world: &dyn World, job: &Job, error: &OpError) -> Result<(), OpError> {
    let store = world.store()?;
    let request =
        Request { reason: error.to_string(), ..Request::to(Target::Intent(Intent::Suspend)) };
    let context = world.context(&store);
    match transition::transition(&store, &context, job.session_id, &request) {
        Err(error @ OpError::HookRefused { .. }) => hook::warn(&context, &error.to_string()),
        other => drop(other?),
    }
    Ok(())
}
