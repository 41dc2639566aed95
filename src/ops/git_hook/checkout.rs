use std::fs;
use std::io;

use crate::lifecycle::Intent;
use crate::model::{Class, Oid, SessionId};
use crate::ops::change::{self, Verdict};
use crate::ops::load::{self, View};
use crate::ops::observe::Observed;
use crate::ops::transition::{self, Request, Target};
use crate::ops::{Context, OpError};
use crate::store::{Current, Head, HeadMove, OnCheckout, Store};

/// How many branches are remembered in a work tree.
const MAX_BRANCHES: usize = 500;
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
    let nothing = Ok(Switch::default());
    let Some(left) = left_branch(store, from, at) else { return nothing };
    let head = at.cloned().map_or_else(|| store.head(), Ok)?;
    let Some(branch) = head.branch else { return nothing };
    let Some(current) = store.current(Current::Now)? else { return nothing };
    // Git may have begun to rebase since.
    if left == branch || (at.is_none() && store.is_rebasing()) {
        return nothing;
    }
    let mut known = Branches::read(store);
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

/// Returns the branch that HEAD was on before it came to where it is, or, from a commit, to where it was `at`, as its log
/// tells: it may have come there again since.
fn left_branch(store: &Store, from: Oid, at: Option<&Head>) -> Option<String> {
    let Some(at) = at else {
        return Some(left_by(&store.last_head_move()?)?.0.to_owned());
    };
    let moves = store.head_log_after(0)?.moves;
    let is_meant = |step: &&HeadMove| {
        let to = left_by(step).map(|(_, to)| to);
        let is_it = step.old == from && at.commit == Some(step.new.to_string());
        is_it && to == at.branch.as_deref()
    };
    let step = moves.iter().rev().find(is_meant)?;
    Some(left_by(step)?.0.to_owned())
}

/// Returns the branches that HEAD was moved from and to, if somebody checked one out.
fn left_by(step: &HeadMove) -> Option<(&str, &str)> {
    step.why.strip_prefix("checkout: moving from ")?.split_once(" to ")
}

/// Which session was current in this work tree when a branch was left, the latest last.
#[derive(Debug, Default, PartialEq, Eq)]
struct Branches(Vec<(String, SessionId)>);

impl Branches {
    fn read(store: &Store) -> Branches {
        Branches::parse(&fs::read_to_string(store.branches_file()).unwrap_or_default())
    }

    fn parse(text: &str) -> Branches {
        let line = |line: &str| {
            let (session_id, branch) = line.split_once(' ')?;
            Some((branch.to_owned(), SessionId::parse(session_id)?))
        };
        Branches(text.lines().filter_map(line).collect())
    }

    fn text(&self) -> String {
        self.0.iter().map(|(branch, session_id)| format!("{session_id} {branch}\n")).collect()
    }

    fn find(&self, branch: &str) -> Option<SessionId> {
        self.0.iter().find(|(known, _)| known == branch).map(|(_, session_id)| *session_id)
    }

    fn remember(&mut self, branch: &str, session_id: SessionId) {
        self.0.retain(|(known, _)| known != branch);
        self.0.push((branch.to_owned(), session_id));
        let n_over = self.0.len().saturating_sub(MAX_BRANCHES);
        self.0.drain(..n_over);
    }

    /// Keeps it. Without it no session comes back by itself; nothing else depends on it.
    fn keep(&self, store: &Store, context: &Context) {
        let path = store.branches_file();
        let write = || -> io::Result<()> {
            // Not what is above: git may have gone on, and the repository with it.
            if let Some(dir) = path.parent().filter(|dir| !dir.is_dir()) {
                fs::create_dir(dir)?;
            }
            let draft = path.with_extension(&context.op);
            fs::write(&draft, self.text())?;
            fs::rename(&draft, &path)
        };
        write().unwrap_or_else(|error| tracing::debug!(%error, "a branch is not remembered"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_has_the_session_that_it_was_left_with_last() {
        let id = |digit| {
            SessionId::parse(&format!("0199f0c2-1c4d-7abc-8def-0123456789a{digit}")).expect("id")
        };
        let mut known = Branches::default();
        known.remember("main", id(1));
        known.remember("feat/ü x", id(2));
        known.remember("main", id(3));
        assert_eq!((known.find("main"), known.find("none")), (Some(id(3)), None));
        let again = Branches::parse(&format!("{}nonsense\n", known.text()));
        assert_eq!(again, known);
        for n in 0..MAX_BRANCHES {
            known.remember(&n.to_string(), id(4));
        }
        assert_eq!((known.0.len(), known.find("main")), (MAX_BRANCHES, None));
    }
}
