//! The user's hooks: one is asked before a session moves, the others are told what has happened.
//!
//! Git runs them, and is started only where a hook may be there. No lock is held meanwhile, so a hook may
//! use the session.

use std::path::Path;

use crate::lifecycle::Lifecycle;
use crate::model::{Class, Map, Oid, Value};
use crate::ops::change::{Draft, Verdict};
use crate::ops::load::View;
use crate::ops::{Context, OpError};
use crate::store::{HookCall, Store, StoreError};
use crate::worker::SESSION_VARIABLE;

/// Is asked before a session moves.
pub const TRANSITION: &str = "session-transition";
/// Is told that a session was in an active state for the first time.
pub const START: &str = "session-start";
/// Is told that a session has a checkpoint more.
pub const CHECKPOINT: &str = "session-checkpoint";
/// Is told that a session has ended.
pub const END: &str = "session-end";
/// The variable with the hooks that a process is run by, with spaces between.
pub const HOOK_VARIABLE: &str = "GIT_SESSION_HOOK";

/// What it takes to run the user's hooks: values, as all of a [`Context`].
#[derive(Debug, Clone)]
pub struct Hooks {
    /// Gives a session as it is shown, for the work tree with this root.
    pub show: fn(&View, &Path) -> Map,
    /// Tells people something, on a line beside the answer.
    pub warn: fn(&str),
    /// Whether no hook is asked before a session moves.
    pub no_verify: bool,
    /// The hooks that this process is run by; they are not run once more inside themselves.
    pub running: Vec<String>,
    /// The states between which a move was agreed to before.
    pub agreed: Option<(String, String)>,
}

impl Hooks {
    fn may_run(&self, store: &Store, name: &str) -> bool {
        !self.running.iter().any(|running| running == name) && store.has_hook(name)
    }
}

/// A change as hooks are told it: the move, if there is one, else the newest event.
#[derive(Debug, Clone)]
pub(super) struct Story {
    event: &'static str,
    states: Option<(String, String)>,
    reason: String,
}

impl Story {
    /// Returns what hooks are told of these events: no more than what is going to be recorded.
    pub(super) fn of(context: &Context, drafts: &[Draft]) -> Result<Story, OpError> {
        let draft = movement(drafts).map(|(_, draft)| draft).or(drafts.last());
        let draft = draft.expect("a change has at least one event");
        let from = draft.trailers.iter().find(|(key, _)| *key == "From");
        let states = from.map(|(_, from)| (from.clone(), draft.session.status.clone()));
        let mut reason = draft.body.clone();
        context.redaction.text(&mut reason)?;
        Ok(Story { event: draft.event, states, reason })
    }
}

/// Returns the event that moves the session, and how many events there are up to it.
fn movement(drafts: &[Draft]) -> Option<(u64, &Draft)> {
    let is_moved_back =
        |draft: &Draft| draft.event == "undo" && draft.trailers.iter().any(|it| it.0 == "From");
    (1..).zip(drafts).find(|(_, draft)| draft.event == "transition" || is_moved_back(draft))
}

/// Whether a session may move.
pub(super) struct Question {
    story: Story,
    /// The session as it will be.
    view: View,
}

/// Returns what the user's hook is to be asked before these events happen on top of `base`; `None` if
/// there is none, or if they move nothing.
pub(super) fn question(
    store: &Store,
    context: &Context,
    base: Option<&View>,
    lifecycle: &Lifecycle,
    drafts: &[Draft],
) -> Result<Option<Question>, OpError> {
    let hooks = &context.hooks;
    let Some((n, draft)) = movement(drafts) else { return Ok(None) };
    if hooks.no_verify || !hooks.may_run(store, TRANSITION) {
        return Ok(None);
    }
    let story = Story::of(context, drafts)?;
    if story.states.is_some() && story.states == hooks.agreed {
        return Ok(None);
    }
    let mut session = draft.session.clone();
    context.redaction.session(&mut session, base.map(|base| &base.session))?;
    session.seq = base.map_or(0, |base| base.session.seq) + n;
    if !draft.keeps_updated_at {
        session.updated_at = context.now;
    }
    // The commit to be is not known yet; this one it is built on.
    let tip = base.map_or_else(|| Oid::null(store.hash_kind()), |base| base.tip);
    let view = View::new(session, lifecycle.clone(), tip)?.with_look(store);
    Ok(Some(Question { story, view }))
}

/// Asks the user's hook about a verdict ahead of carrying it out. Returns the context to do that in,
/// where the hook is not asked about the same move again; `None` if nobody had to be asked.
///
/// # Errors
/// As [`Question::ask`].
pub(super) fn agree(
    store: &Store,
    context: &Context,
    view: &View,
    verdict: &Verdict,
) -> Result<Option<Context>, OpError> {
    let Verdict::Happens(drafts) = verdict else {
        return Ok(None);
    };
    let question = question(store, context, Some(view), &view.lifecycle, drafts)?;
    question.map(|question| question.ask(store, context)).transpose()
}

impl Question {
    /// Asks the hook, and returns the context of the move that it agreed to.
    ///
    /// # Errors
    /// [`OpError::HookRefused`]; [`OpError::Store`] when git cannot be run.
    pub(super) fn ask(&self, store: &Store, context: &Context) -> Result<Context, OpError> {
        let (from, to) = self.story.states.clone().unwrap_or_default();
        let id = self.view.session.id.to_string();
        let status = run(store, context, TRANSITION, &[&id, &from, &to], &self.view, &self.story)?;
        if status != 0 {
            let allowed = self.view.lifecycle.allowed(&from).to_vec();
            let handle = self.view.session.id.handle();
            return Err(OpError::HookRefused { handle, from, to, allowed, hook: TRANSITION });
        }
        let mut context = context.clone();
        context.hooks.agreed = Some((from, to));
        Ok(context)
    }
}

/// Tells the user's hooks what has happened, and people about hooks that failed.
pub(super) fn tell(
    store: &Store,
    context: &Context,
    before: Option<&View>,
    after: &View,
    story: &Story,
) {
    let id = after.session.id.to_string();
    for hook in news(before.map(Stage::of), Stage::of(after)) {
        if !context.hooks.may_run(store, hook) {
            continue;
        }
        match run(store, context, hook, &[&id], after, story) {
            Ok(0) => {}
            Ok(status) => warn(context, &format!("the {hook} hook failed with status {status}")),
            Err(error) => warn(context, &error.to_string()),
        }
    }
}

/// Tells people about what does not stop us.
pub(super) fn warn(context: &Context, text: &str) {
    (context.hooks.warn)(text);
}

/// How far a session has come.
#[derive(Debug, Clone, Copy, Default)]
struct Stage {
    has_begun: bool,
    n_checkpoints: u64,
    has_ended: bool,
}

impl Stage {
    fn of(view: &View) -> Stage {
        let n_checkpoints = view.session.statistics.get("checkpoints_created");
        Stage {
            has_begun: view.session.started_at.is_some(),
            n_checkpoints: n_checkpoints.and_then(Value::as_u64).unwrap_or(0),
            has_ended: view.class == Class::Ended,
        }
    }
}

/// Returns the hooks that want to know of what became of a session, in the order of a life. One that is
/// made with a number of checkpoints has no new one.
fn news(before: Option<Stage>, after: Stage) -> Vec<&'static str> {
    let n_before = before.map_or(after.n_checkpoints, |before| before.n_checkpoints);
    let before = before.unwrap_or_default();
    let all = [
        (START, after.has_begun && !before.has_begun),
        (CHECKPOINT, after.n_checkpoints > n_before),
        (END, after.has_ended && !before.has_ended),
    ];
    all.into_iter().filter(|(_, is_so)| *is_so).map(|(hook, _)| hook).collect()
}

/// Runs a hook, and returns its exit status.
fn run(
    store: &Store,
    context: &Context,
    hook: &str,
    arguments: &[&str],
    view: &View,
    story: &Story,
) -> Result<i32, StoreError> {
    let input = input(context, hook, view, &store.root(), story);
    let running = [context.hooks.running.clone(), vec![hook.to_owned()]].concat().join(" ");
    let id = view.session.id.to_string();
    let environment = [(SESSION_VARIABLE, id.as_str()), (HOOK_VARIABLE, running.as_str())];
    store.run_hook(&HookCall { name: hook, arguments, input: &input, environment: &environment })
}

/// Returns what a hook reads: one JSON document and a newline.
fn input(context: &Context, hook: &str, view: &View, root: &Path, story: &Story) -> String {
    let session = &view.session;
    let (from, to) = story.states.clone().unzip();
    let reason = Some(story.reason.clone()).filter(|reason| !reason.is_empty());
    let mut map = Map::new();
    let mut put = |key: &str, value: Value| map.insert(key.to_owned(), value);
    put("hook", hook.into());
    put("id", session.id.to_string().into());
    put("event", story.event.into());
    put("from", from.into());
    put("to", to.into());
    put("reason", reason.into());
    put("outcome", session.outcome.map(|outcome| outcome.to_string()).into());
    put("actor", context.author.to_string().into());
    put("session", (context.hooks.show)(view, root).into());
    format!("{}\n", Value::Object(map))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW: Stage = Stage { has_begun: false, n_checkpoints: 0, has_ended: false };
    const BEGUN: Stage = Stage { has_begun: true, ..NEW };
    const KEPT: Stage = Stage { n_checkpoints: 1, ..BEGUN };
    const ENDED: Stage = Stage { has_ended: true, ..KEPT };

    #[test]
    fn a_hook_is_told_of_what_was_not_so_before() {
        for (before, after, expected) in [
            (None, NEW, &[][..]),
            (None, BEGUN, &[START]),
            (None, KEPT, &[START]),
            (Some(NEW), NEW, &[]),
            (Some(NEW), BEGUN, &[START]),
            (Some(BEGUN), KEPT, &[CHECKPOINT]),
            (Some(KEPT), BEGUN, &[]),
            (Some(KEPT), KEPT, &[]),
            (Some(KEPT), ENDED, &[END]),
            (Some(ENDED), ENDED, &[]),
            (Some(ENDED), KEPT, &[]),
            (Some(NEW), ENDED, &[START, CHECKPOINT, END]),
        ] {
            assert_eq!(news(before, after), expected, "{before:?} {after:?}");
        }
    }
}
