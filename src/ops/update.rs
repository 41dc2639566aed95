//! Changing what is recorded of a session, other than by a transition.

use crate::lifecycle::Verdict as Judgement;
use crate::model::{Class, Map, SessionId, Value};
use crate::ops::change::{self, Changed, Draft, Verdict};
use crate::ops::load::View;
use crate::ops::transition::{enter, refused};
use crate::ops::{Context, OpError, counter, patch};
use crate::store::Store;

/// A wanted update.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// An RFC 7386 merge patch.
    pub patch: Map,
    /// Numbers to be added, by path; judged on what is there when it is written.
    pub adds: Vec<(String, i64)>,
    /// Labels to be added.
    pub labels: Vec<String>,
    /// Labels to be taken away.
    pub labels_off: Vec<String>,
    /// Whether `status` may be set whatever the table says; recorded as forced.
    pub force: bool,
    /// Why, in any number of lines.
    pub reason: String,
}

/// Updates a session.
///
/// `show` gives a session as it is shown, for comparing keys that never change.
///
/// # Errors
/// As [`patch::apply`]; [`OpError::InvalidValue`] for a status that is not forced or times that
/// contradict it; what [`change::change`] fails for.
pub fn update(
    store: &Store,
    context: &Context,
    session_id: SessionId,
    request: &Request,
    show: impl Fn(&View) -> Map,
) -> Result<Changed, OpError> {
    change::change(store, context, session_id, |view| judge(context, view, request, &show(view)))
}

fn judge(
    context: &Context,
    view: &View,
    request: &Request,
    shown: &Map,
) -> Result<Verdict, OpError> {
    let mut session = view.session.clone();
    let is_moved = apply_status(context, view, request, &mut session)?;
    patch::apply(&mut session, &request.patch, shown)?;
    for (path, amount) in &request.adds {
        counter::add(&mut session, path, *amount)?;
    }
    apply_labels(request, &mut session.labels)?;
    check_ended_at(view, &session)?;
    if session == view.session {
        return Ok(Verdict::Nothing);
    }
    let mut draft = if is_moved {
        let subject = format!("{} -> {} (forced)", view.session.status, session.status);
        let mut draft = Draft::new("transition", subject, session);
        draft.trailers.push(("From", view.session.status.clone()));
        draft.trailers.push(("Forced", "yes".to_owned()));
        draft
    } else {
        Draft::new("update", subject(request), session)
    };
    draft.body = request.reason.clone();
    draft.keeps_updated_at = request.patch.contains_key("updated_at");
    Ok(Verdict::Happens(vec![draft]))
}

/// Applies a forced status; tells whether the session moved.
fn apply_status(
    context: &Context,
    view: &View,
    request: &Request,
    session: &mut crate::model::Session,
) -> Result<bool, OpError> {
    let to = match request.patch.get("status") {
        None => return Ok(false),
        Some(Value::String(to)) if *to == session.status => return Ok(false),
        Some(Value::String(to)) => to,
        Some(_) => return Err(OpError::invalid("status", "is not text")),
    };
    if !request.force {
        let reason = "changes by a transition only, or with --force";
        return Err(OpError::invalid("status", reason));
    }
    let judgement = view.lifecycle.force(view.standing(), to);
    if let Judgement::Move(movement) = judgement.map_err(|refusal| refused(view, refusal))? {
        let outcome = match movement.to.class {
            Class::Ended => movement.outcome.or(Some(crate::model::Outcome::Success)),
            _ => None,
        };
        enter(context, session, &movement, outcome);
    }
    Ok(true)
}

fn apply_labels(request: &Request, labels: &mut Vec<String>) -> Result<(), OpError> {
    for label in &request.labels {
        patch::add_label(labels, label)?;
    }
    labels.retain(|label| !request.labels_off.contains(label));
    Ok(())
}

/// An open session has no end, and an ended one has.
fn check_ended_at(view: &View, session: &crate::model::Session) -> Result<(), OpError> {
    let is_ended = view.lifecycle.class_of(&session.status) == Some(Class::Ended);
    match (is_ended, session.ended_at) {
        (true, None) => Err(OpError::invalid("ended_at", "an ended session has an end")),
        (false, Some(_)) => Err(OpError::invalid("ended_at", "the session has not ended")),
        _ => Ok(()),
    }
}

/// Returns the subject: which keys, in the order they were given.
fn subject(request: &Request) -> String {
    let mut keys: Vec<String> = Vec::new();
    for (key, value) in &request.patch {
        match value {
            Value::Object(map) => keys.extend(map.keys().map(|nested| format!("{key}.{nested}"))),
            _ => keys.push(key.clone()),
        }
    }
    keys.extend(request.adds.iter().map(|(path, amount)| format!("{path} {amount:+}")));
    if !request.labels.is_empty() || !request.labels_off.is_empty() {
        keys.push("labels".to_owned());
    }
    let mut subject = format!("update {}", keys.join(", "));
    if subject.len() > 100 {
        subject = format!("update {} fields", keys.len());
    }
    subject
}
