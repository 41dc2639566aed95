use crate::lifecycle::Intent;
use crate::model::{Class, Oid, SessionId};
use crate::ops::change::{self, Verdict};
use crate::ops::git_hook::branches::Branches;
use crate::ops::git_hook::seen::Seen;
use crate::ops::load::{self, View};
use crate::ops::observe::Observed;
use crate::ops::transition::{self, Request, Target};
use crate::ops::{Context, OpError};
use crate::store::{Current, Head, HeadMove, OnCheckout, Store};

/// Why a session is put aside when its branch is left, and by which it is taken up again.
const REASON: &str = "its branch was left";

/// What switching a branch meant.
#[derive(Debug, Default)]
pub struct Switch {
    /// The session that was left behind and goes on, if the user wants to be asked.
    pub left: Option<View>,
}

/// Makes the session that was worked on when a branch was left the current one again when somebody comes back
/// to the branch. A session that was left behind goes on, or is put aside if the user says so.
///
/// Where git has gone on meanwhile, `at` says where HEAD was when it came to its hook, and `from` at which commit it was
/// before.
///
/// A branch that is met for the first time has no session of its own here: the present one comes along, as on
/// `git switch -c`.
///
/// # Errors
/// What reading and changing the sessions fails for.
pub fn checkout(
    store: &Store,
    context: &Context,
    from: Oid,
    at: Option<&Head>,
) -> Result<Switch, OpError> {
    let mut known = Branches::read(store);
    let Some((left, heard)) = left_branch(&store.head_moves(), from, at, known.heard) else {
        return Ok(Switch::default());
    };
    let head = at.cloned().map_or_else(|| store.head(), Ok)?;
    // Git may have begun to rebase since.
    let is_meant = |branch: &String| *branch != left && (at.is_some() || !store.is_rebasing());
    let moved = head.branch.filter(is_meant).zip(store.current(Current::Now)?);
    known.heard = Some(heard);
    let Some((branch, current)) = moved else {
        known.keep(store, context);
        return Ok(Switch::default());
    };
    let next = known.find(&branch).filter(|it| *it != current);
    let next = next.and_then(|session_id| open(store, session_id));
    known.remember(&left, current);
    known.keep(store, context);
    let view = open(store, current);
    let Some(next) = next else {
        // A session with a branch of its own is left behind with it, though none takes its place.
        let is_own = |view: &View| view.session.configuration.contains_key("isolation");
        let view = view.filter(|view| is_own(view) && view.session.branch.as_ref() == Some(&left));
        return leave(store, context, view);
    };
    store.set_current(next.session.id)?;
    let switch = leave(store, context, view);
    if store.settings().on_checkout != OnCheckout::Keep {
        take_up(store, context, &next)?;
    }
    switch
}

/// Leaves a session behind.
fn leave(store: &Store, context: &Context, view: Option<View>) -> Result<Switch, OpError> {
    let is_active = |it: &View| it.class == Class::Active && it.observed != Observed::Running;
    let Some(view) = view.filter(is_active) else { return Ok(Switch::default()) };
    match store.settings().on_checkout {
        OnCheckout::Keep => Ok(Switch::default()),
        OnCheckout::Ask => Ok(Switch { left: Some(view) }),
        OnCheckout::Suspend => put_aside(store, context, &view).map(|()| Switch::default()),
    }
}

/// Puts a session aside that was left behind; it is taken up again by coming back.
///
/// # Errors
/// What changing the session fails for.
pub fn put_aside(store: &Store, context: &Context, view: &View) -> Result<(), OpError> {
    let request = Request { reason: REASON.into(), ..to(Intent::Suspend) };
    change::change(store, context, view.session.id, |view| match view.class {
        Class::Active => transition::judge(context, view, &request),
        _ => Ok(Verdict::Nothing),
    })?;
    Ok(())
}

/// Goes on with a session that was put aside when its branch was left.
fn take_up(store: &Store, context: &Context, view: &View) -> Result<(), OpError> {
    let is_aside =
        |it: &View| it.class == Class::Paused && it.session.reason.as_deref() == Some(REASON);
    if is_aside(view) {
        change::change(store, context, view.session.id, |view| match is_aside(view) {
            true => transition::judge(context, view, &to(Intent::Resume)),
            false => Ok(Verdict::Nothing),
        })?;
    }
    Ok(())
}

fn to(intent: Intent) -> Request {
    Request::to(Target::Intent(intent))
}

/// Returns a session that is open; `None` too if it cannot be read.
fn open(store: &Store, session_id: SessionId) -> Option<View> {
    let view = load::load(store, session_id).ok()?.view;
    (view.class != Class::Ended).then_some(view)
}

/// Makes a session the current one of this work tree, by the user's word: whatever was switched before and not heard of
/// does not matter any more.
///
/// # Errors
/// [`OpError::Store`].
pub fn make_current(
    store: &Store,
    context: &Context,
    session_id: SessionId,
) -> Result<(), OpError> {
    store.set_current(session_id)?;
    // Where git calls no hook, nothing is seen.
    if Seen::read(store).is_some() {
        let mut known = Branches::read(store);
        known.heard = store.head_log_size();
        known.keep(store, context);
    }
    Ok(())
}

/// Returns the branch that HEAD was on when it was last known which session is current, and how long HEAD's log was when
/// HEAD had come to where it is now, or, where git has gone on since, from the commit `from` to where it was `at`.
///
/// As long as nobody says otherwise, the session that is current is that of the branch on which it was `heard` of last,
/// and HEAD left that by the first switch since. HEAD may have come here several times since: then it is the first time
/// that counts, since from there on the session is the one of this branch. Where it is not known what was heard of, it is
/// the last time, and the branch before that.
fn left_branch(
    moves: &[(HeadMove, u64)],
    from: Oid,
    at: Option<&Head>,
    heard: Option<u64>,
) -> Option<(String, u64)> {
    let heard = heard.filter(|heard| moves.iter().any(|(_, end)| end == heard));
    let is_new = |end: u64| heard.is_none_or(|heard| end > heard);
    let is_meant = |step: &HeadMove, at: &Head| {
        let to = left_by(step).map(|(_, to)| to);
        let is_it = step.old == from && at.commit == Some(step.new.to_string());
        is_it && to == at.branch.as_deref()
    };
    let mut own = moves.iter().filter(|(step, end)| match at {
        Some(at) => is_new(*end) && is_meant(step, at),
        None => is_new(*end),
    });
    let (own, end) = match (heard, at) {
        (Some(_), Some(_)) => own.next()?,
        _ => own.next_back()?,
    };
    let (left, _) = left_by(own)?;
    let mut new = moves.iter().filter(|(_, end)| heard.is_some() && is_new(*end));
    let first = new.find_map(|(step, _)| left_by(step)).map(|(left, _)| left);
    Some((first.unwrap_or(left).to_owned(), *end))
}

/// Returns the branches that HEAD was moved from and to, if somebody checked one out.
fn left_by(step: &HeadMove) -> Option<(&str, &str)> {
    step.why.strip_prefix("checkout: moving from ")?.split_once(" to ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a log of switches between branches at one commit, which has ten bytes a line.
    fn log(switches: &[&str]) -> (Oid, Vec<(HeadMove, u64)>) {
        let oid = Oid::from_hex(&"a".repeat(40)).expect("hex");
        let step = |(switch, n): (&&str, u64)| {
            let (left, to) = switch.split_once(' ').expect("two branches");
            let why = format!("checkout: moving from {left} to {to}");
            (HeadMove { old: oid, new: oid, why }, 10 * n)
        };
        (oid, switches.iter().zip(1..).map(step).collect())
    }

    #[test]
    fn a_branch_was_left_by_the_first_switch_that_nobody_heard_of() {
        let left = |switches: &[&str], to: Option<&str>, heard| {
            let (oid, moves) = log(switches);
            let branch = |to: &str| Head { branch: Some(to.into()), commit: Some(oid.to_string()) };
            left_branch(&moves, oid, to.map(branch).as_ref(), heard)
        };
        let known = |branch: &str, end| Some((branch.to_owned(), end));
        let twice = &["a b", "b a", "a a"];
        assert_eq!(left(twice, Some("a"), Some(10)), known("b", 20));
        assert_eq!(left(twice, Some("a"), Some(20)), known("a", 30));
        assert_eq!(left(twice, None, Some(20)), known("a", 30));
        assert_eq!(left(twice, Some("a"), Some(30)), None, "somebody has heard of it");
        let there_again = &["a b", "b c", "c b"];
        assert_eq!(left(&["x a", "a b", "b c", "c b"], Some("b"), Some(10)), known("a", 20));
        assert_eq!(left(&["x a", "a b", "b c", "c b"], None, Some(10)), known("a", 40));
        // A log that was cut since, and what is not known.
        for heard in [None, Some(15), Some(70)] {
            assert_eq!(left(there_again, Some("b"), heard), known("c", 30));
            assert_eq!(left(there_again, None, heard), known("c", 30));
        }
        assert_eq!(left(there_again, Some("x"), Some(10)), None);
        assert_eq!(left(&[], None, None), None);
    }

    #[test]
    fn what_is_no_switch_leaves_no_branch() {
        let (oid, mut moves) = log(&["a b", "b c"]);
        moves[1].0.why = "rebase (start): checkout c".into();
        assert_eq!(left_branch(&moves, oid, None, Some(10)), None);
        assert_eq!(left_branch(&moves, oid, None, None), None);
    }
}
