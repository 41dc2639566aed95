//! How a worker ended, and what that means for its session.

use std::time::Duration;

use crate::lifecycle::Intent;
use crate::model::{Class, Session, SessionId, Timestamp, Value};
use crate::ops::change::{self, Draft, Verdict};
use crate::ops::hook;
use crate::ops::job::{Job, TIMEOUT, World};
use crate::ops::limits;
use crate::ops::load::View;
use crate::ops::observe::{Observed, has_open_worker};
use crate::ops::transition::{self, Request, Target};
use crate::ops::{Context, OpError};
use crate::worker::{
    Ended, Here, How, Lease, LeaseError, Leases, Process, Seen, Stop, StopError, StopKind,
    end_group, is_inside, look,
};

/// What follows the end of a worker.
pub(super) enum Closed {
    /// It is started again.
    Again,
    /// The session is what it is now.
    Ends(Box<View>),
}

/// Records how a worker ended, and what that means for the session, unless somebody else who stopped
/// the worker is about to record it. A hook that refuses the move does not undo the end.
pub(super) fn close(
    world: &dyn World,
    leases: &Leases,
    job: &Job,
    process: &Process,
    ended: Ended,
    may_retry: bool,
) -> Result<Closed, OpError> {
    let here = Here::read();
    let store = world.store()?;
    let context = world.context(&store);
    let own_lease = leases.read(job.session_id)?.filter(|lease| lease.token == job.token);
    let stop = own_lease.as_ref().and_then(|lease| lease.stop.clone());
    let is_ours = stop.as_ref().is_none_or(|stop| look(&here, &stop.by) != Seen::Running);
    let intent = is_ours.then(|| intent_of(ended, stop.as_ref()));
    let mut is_again = false;
    let mut record = |intent: &Option<(Intent, String)>| {
        change::change(&store, &context, job.session_id, |view| {
            let mut drafts = Vec::new();
            let is_same = view.session.worker.as_ref().is_some_and(|it| it.pid == process.pid);
            let mut view = view.clone();
            if is_same && has_open_worker(&view.session) {
                put_duration(&mut view.session, context.now, ended.after);
                let draft = end_draft(&view, context.now, &told(ended), ended.how);
                view.session = draft.session.clone();
                drafts.push(draft);
            }
            let is_failure = matches!(intent, Some((Intent::Fail, _)));
            is_again = may_retry && is_failure && view.class == Class::Active;
            if let Some((intent, reason)) = intent.as_ref().filter(|_| !is_again && is_same) {
                drafts.extend(move_draft(&context, &view, *intent, reason)?);
            }
            Ok(if drafts.is_empty() { Verdict::Nothing } else { Verdict::Happens(drafts) })
        })
    };
    let changed = match record(&intent) {
        Err(error @ OpError::HookRefused { .. }) => {
            hook::warn(&context, &error.to_string());
            record(&None)?
        }
        other => other?,
    };
    if is_ours && !is_again {
        release(leases, job.session_id, &job.token, changed.view.class)?;
    }
    let view = View { observed: Observed::None, ..changed.view };
    Ok(if is_again { Closed::Again } else { Closed::Ends(Box::new(view)) })
}

/// Returns the draft of moving the session as `intent` says, if it is still at work and its lifecycle
/// lets it go there from where it is.
fn move_draft(
    context: &Context,
    view: &View,
    intent: Intent,
    reason: &str,
) -> Result<Vec<Draft>, OpError> {
    if view.class != Class::Active {
        return Ok(Vec::new());
    }
    let request = Request { reason: reason.to_owned(), ..Request::to(Target::Intent(intent)) };
    match transition::judge(context, view, &request) {
        Ok(Verdict::Happens(drafts)) => Ok(drafts),
        Ok(Verdict::Nothing) | Err(OpError::InvalidTransition { .. }) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Returns what the end of a worker means for its session, and the reason.
fn intent_of(ended: Ended, stop: Option<&Stop>) -> (Intent, String) {
    let by_signal = matches!(ended.how, How::Killed(_));
    match (stop.map(|stop| stop.kind), ended.how) {
        _ if ended.is_timeout => (Intent::Terminate, TIMEOUT.into()),
        // Who wanted it is gone, and did not live to record it.
        (Some(StopKind::Suspend), _) if by_signal => (Intent::Suspend, String::new()),
        (_, How::Exited(0)) => (Intent::Finish, String::new()),
        (_, How::Exited(_)) => (Intent::Fail, told(ended)),
        (_, How::Killed(_)) => (Intent::Terminate, told(ended)),
        (_, How::Unknown) => (Intent::Suspend, told(ended)),
    }
}

/// Tells how a worker ended.
fn told(ended: Ended) -> String {
    match ended.how {
        How::Exited(status) => format!("the command exited with status {status}"),
        How::Killed(signal) => format!("the command was ended by signal {signal}"),
        How::Unknown => "the command ended, nobody knows how".into(),
    }
}

/// Puts into the record for how long the worker was there, and stops its clock.
fn put_duration(session: &mut Session, now: Timestamp, after: Duration) {
    if let Some(worker) = &mut session.worker {
        limits::stop_clock(worker, Some(now));
        let millis = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
        worker.extra.insert("duration_ms".into(), millis.into());
    }
}

/// Returns the draft of the fact that the recorded worker has ended.
pub(super) fn end_draft(view: &View, now: Timestamp, subject: &str, how: How) -> Draft {
    let mut session = view.session.clone();
    if let Some(worker) = &mut session.worker {
        let mut put = |key: &str, value: Value| worker.extra.insert(key.to_owned(), value);
        put("ended_at", now.to_string().into());
        match how {
            How::Exited(status) => put("exit_status", status.into()),
            How::Killed(signal) => put("signal", signal.into()),
            How::Unknown => None,
        };
    }
    Draft::new("worker", format!("worker: {subject}"), session)
}

/// Ends what a worker that is gone has left; not the command that this process is part of.
pub(super) fn end_left(lease: &Lease, grace: Duration) -> Result<(), StopError> {
    match &lease.worker {
        Some(worker) if !is_inside(lease) => end_group(worker, &lease.token, grace).map(drop),
        _ => Ok(()),
    }
}

/// Gives a lease back: for a session that has ended it goes, for others it keeps the command.
pub(super) fn release(
    leases: &Leases,
    session_id: SessionId,
    token: &str,
    class: Class,
) -> Result<(), LeaseError> {
    leases.change(session_id, |found| match found {
        Some(found) if found.token != token => Ok(Some(found)),
        Some(_) if class == Class::Ended => Ok(None),
        Some(mut lease) => {
            (lease.owner, lease.worker, lease.stop, lease.is_frozen) = (None, None, None, false);
            Ok(Some(lease))
        }
        None => Ok(None),
    })
}
