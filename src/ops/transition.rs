//! Moving a session from state to state.

use crate::lifecycle::{Forward, Intent, Move, Refusal, Verdict as Judgement};
use crate::model::{Class, Outcome, Session, SessionId, Value};
use crate::ops::change::{self, Changed, Draft, Verdict};
use crate::ops::load::View;
use crate::ops::{Context, OpError};
use crate::store::Store;

/// Where a session is to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// To the state of this name.
    State(String),
    /// Where the lifecycle says that this leads.
    Intent(Intent),
    /// Back from a pause, to this state.
    ResumeTo(String),
    /// Forward, where there is one way.
    Next,
}

/// A wanted transition.
#[derive(Debug, Clone)]
pub struct Request {
    /// Where to.
    pub target: Target,
    /// Why, in any number of lines.
    pub reason: String,
    /// The state that the session must be in.
    pub expect: Option<String>,
    /// Whether to go whatever the table says; recorded as forced.
    pub force: bool,
    /// For `fail`: whether it can be tried again; recorded.
    pub recoverable: bool,
    /// For `finish`: what whoever goes on should know; recorded in the links.
    pub handoff: Option<String>,
    /// For `finish`: a report to be kept, by name.
    pub report: Option<(String, Vec<u8>)>,
}

impl Request {
    /// Returns the plain request to go to `target`.
    pub fn to(target: Target) -> Request {
        Request {
            target,
            reason: String::new(),
            expect: None,
            force: false,
            recoverable: false,
            handoff: None,
            report: None,
        }
    }
}

/// Moves a session. Going where it is already does nothing and is no error.
///
/// # Errors
/// [`OpError::InvalidTransition`], [`OpError::Unexpected`], [`OpError::InvalidValue`] for an unknown
/// state, and what [`change::change`] fails for.
pub fn transition(
    store: &Store,
    context: &Context,
    session_id: SessionId,
    request: &Request,
) -> Result<Changed, OpError> {
    change::change(store, context, session_id, |view| judge(context, view, request))
}

/// Returns the state that a request would lead to, without doing it.
///
/// # Errors
/// As [`transition`] would.
pub fn preview(context: &Context, view: &View, request: &Request) -> Result<String, OpError> {
    match judge(context, view, request)? {
        Verdict::Nothing => Ok(view.session.status.clone()),
        Verdict::Happens(drafts) => {
            let last = drafts.last().map(|draft| draft.session.status.clone());
            Ok(last.unwrap_or_else(|| view.session.status.clone()))
        }
    }
}

pub(super) fn judge(context: &Context, view: &View, request: &Request) -> Result<Verdict, OpError> {
    if let Some(expected) = request.expect.as_ref().filter(|it| **it != view.session.status) {
        return Err(OpError::Unexpected {
            handle: view.session.id.handle(),
            found: view.session.status.clone(),
            expected: expected.clone(),
        });
    }
    let judgement = judge_target(view, request);
    match judgement.map_err(|refusal| refused(view, refusal))? {
        Judgement::Already(_) if request.report.is_some() || request.handoff.is_some() => {
            let reason = "the session has ended already; use \"git session attach\" or \"update\"";
            Err(OpError::invalid("report or handoff", reason))
        }
        Judgement::Already(_) => Ok(Verdict::Nothing),
        Judgement::Move(movement) => {
            Ok(Verdict::Happens(vec![draft(context, view, request, movement)?]))
        }
    }
}

fn judge_target<'a>(view: &'a View, request: &Request) -> Result<Judgement<'a>, Refusal> {
    let (lifecycle, at) = (&view.lifecycle, view.standing());
    match &request.target {
        Target::State(name) | Target::ResumeTo(name) if request.force => lifecycle.force(at, name),
        Target::State(name) | Target::ResumeTo(name) => lifecycle.judge(at, name),
        Target::Intent(intent) => lifecycle.intend(at, *intent),
        Target::Next => match lifecycle.forward(at.status)? {
            Forward::To(state) => lifecycle.judge(at, &state.name),
            _ => Err(Refusal::Refused {
                from: at.status.to_owned(),
                to: "next".to_owned(),
                allowed: lifecycle.allowed(at.status).to_vec(),
            }),
        },
    }
}

fn draft(
    context: &Context,
    view: &View,
    request: &Request,
    movement: Move<'_>,
) -> Result<Draft, OpError> {
    let from = view.session.status.clone();
    let mut session = view.session.clone();
    enter(context, &mut session, &movement, outcome_of(request, &movement));
    session.reason = (!request.reason.is_empty()).then(|| request.reason.clone());
    if let Some(handoff) = &request.handoff {
        session.links.insert("handoff".into(), Value::from(handoff.as_str()));
    }
    if request.recoverable {
        session.links.insert("recoverable".into(), Value::Bool(true));
    }
    let mut draft = Draft::new("transition", format!("{from} -> {}", movement.to.name), session);
    draft.body = request.reason.clone();
    draft.trailers.push(("From", from));
    if request.force {
        draft.trailers.push(("Forced", "yes".to_owned()));
    }
    if let Some((name, bytes)) = &request.report {
        super::attach::put(context, &mut draft, name, Some("report"), None, bytes.clone())?;
    }
    Ok(draft)
}

/// Returns the outcome of a move that ends the session: what the verb or the state says; where
/// neither does, an ended state that was named is a success.
fn outcome_of(request: &Request, movement: &Move<'_>) -> Option<Outcome> {
    let by_name = matches!(request.target, Target::State(_) | Target::Next);
    match (movement.to.class, movement.outcome) {
        (Class::Ended, None) if by_name => Some(Outcome::Success),
        (Class::Ended, outcome) => outcome,
        _ => None,
    }
}

/// Puts a session into the state that a move leads to.
pub(super) fn enter(
    context: &Context,
    session: &mut Session,
    movement: &Move<'_>,
    outcome: Option<Outcome>,
) {
    session.status = movement.to.name.clone();
    session.paused_from = movement.paused_from.clone();
    session.outcome = outcome;
    if movement.to.class == Class::Active && session.started_at.is_none() {
        session.started_at = Some(context.now);
    }
    if movement.to.class != Class::Ended {
        session.ended_at = None;
        return;
    }
    session.ended_at = Some(context.now);
    let began_at = session.started_at.unwrap_or(session.created_at);
    let duration = session.statistics.entry("duration_seconds").or_insert(Value::from(0));
    if duration.as_i64() == Some(0) {
        *duration = Value::from(context.now.seconds_since(began_at));
    }
}

/// Returns the error for what the lifecycle refused.
pub(super) fn refused(view: &View, refusal: Refusal) -> OpError {
    let handle = view.session.id.handle();
    match refusal {
        Refusal::Refused { from, to, allowed } => {
            OpError::InvalidTransition { handle, from, to, allowed }
        }
        Refusal::NotPaused { from, allowed } => {
            OpError::InvalidTransition { handle, from, to: "resume".into(), allowed }
        }
        Refusal::NoState { intent, from, allowed, .. } => {
            OpError::InvalidTransition { handle, from, to: intent.to_string(), allowed }
        }
        Refusal::UnknownState { name, nearest, states } => OpError::InvalidValue {
            field: "state".into(),
            reason: match nearest {
                Some(nearest) => format!("no state '{name}' (did you mean '{nearest}'?)"),
                None => format!("no state '{name}'"),
            },
            allowed: states,
        },
    }
}
