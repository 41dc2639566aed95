//! The verbs that move a session from state to state.

use clap::{Args, ValueHint};
use clap_complete::engine::ArgValueCompleter;

use super::start::answer;
use crate::cli::app::App;
use crate::cli::options::{Json, Reason};
use crate::cli::place::{self, Removal};
use crate::cli::{CliError, complete, input};
use crate::lifecycle::Intent;
use crate::model::Class;
use crate::ops::change::Changed;
use crate::ops::transition::{self, Request, Target};
use crate::ops::{attach, stop};
use crate::store::WorkTree;

/// End a session with success
#[derive(Debug, Args)]
pub struct Finish {
    /// The session; default: the current one
    #[arg(value_name = "session", add = ArgValueCompleter::new(complete::sessions))]
    session: Option<String>,
    /// Keep this file with the session, as its report
    #[arg(long, value_name = "file", value_hint = ValueHint::FilePath)]
    report: Option<String>,
    /// What whoever goes on should know
    #[arg(long, value_name = "text")]
    handoff: Option<String>,
    #[command(flatten)]
    removal: Removal,
    #[command(flatten)]
    reason: Reason,
    #[command(flatten)]
    json: Json,
}

/// End a session with failure
#[derive(Debug, Args)]
pub struct Fail {
    /// The session; default: the current one
    #[arg(value_name = "session", add = ArgValueCompleter::new(complete::sessions))]
    session: Option<String>,
    /// Record that another session may try again
    #[arg(long)]
    recoverable: bool,
    #[command(flatten)]
    removal: Removal,
    #[command(flatten)]
    reason: Reason,
    #[command(flatten)]
    json: Json,
}

/// Move a session to another state, if its lifecycle allows it
///
/// Moving it to the state that it is in says so, changes nothing and is no error.
#[derive(Debug, Args)]
#[command(override_usage = "git session transition [OPTIONS] [session] <state>")]
#[command(after_help = "Examples:\n  git session to planning\n  \
    git session transition qpvuntsm failed -m \"the tests do not pass\"")]
pub struct Transition {
    /// The session; left out, the current one
    #[arg(value_name = "session", add = ArgValueCompleter::new(complete::sessions_and_states))]
    session: Option<String>,
    /// The state
    #[arg(value_name = "state", add = ArgValueCompleter::new(complete::states))]
    state: Option<String>,
    /// Refuse unless it is in this state
    #[arg(long, value_name = "state", add = ArgValueCompleter::new(complete::states))]
    expect: Option<String>,
    /// Move it whatever the lifecycle says; recorded as forced
    #[arg(short, long)]
    force: bool,
    #[command(flatten)]
    reason: Reason,
    #[command(flatten)]
    json: Json,
}

/// Move a session to the one state that comes next
#[derive(Debug, Args)]
pub struct Next {
    /// The session; default: the current one
    #[arg(value_name = "session", add = ArgValueCompleter::new(complete::sessions))]
    session: Option<String>,
    #[command(flatten)]
    reason: Reason,
    #[command(flatten)]
    json: Json,
}

impl Finish {
    /// Does it.
    pub fn run(self, app: &App) -> Result<(), CliError> {
        let report = match &self.report {
            None => None,
            Some(path) => {
                let name = input::file_name(path).unwrap_or_else(|| "report".into());
                Some((name, input::read(app, path, attach::MAX_BYTES)?))
            }
        };
        let request = Request {
            reason: self.reason.text(),
            handoff: self.handoff.clone(),
            report,
            ..Request::to(Target::Intent(Intent::Finish))
        };
        run(app, self.session.as_deref(), &request, &self.removal, &self.json)
    }
}

impl Fail {
    /// Does it.
    pub fn run(self, app: &App) -> Result<(), CliError> {
        let request = Request {
            reason: self.reason.text(),
            recoverable: self.recoverable,
            ..Request::to(Target::Intent(Intent::Fail))
        };
        run(app, self.session.as_deref(), &request, &self.removal, &self.json)
    }
}

impl Transition {
    /// Does it.
    pub fn run(self, app: &App) -> Result<(), CliError> {
        let (session, state) = last_is_required(self.session, self.state, "state")?;
        let request = Request {
            reason: self.reason.text(),
            expect: self.expect.clone(),
            force: self.force,
            ..Request::to(Target::State(state))
        };
        run(app, session.as_deref(), &request, &Removal::default(), &self.json)
    }
}

impl Next {
    /// Does it.
    pub fn run(self, app: &App) -> Result<(), CliError> {
        let request = Request { reason: self.reason.text(), ..Request::to(Target::Next) };
        run(app, self.session.as_deref(), &request, &Removal::default(), &self.json)
    }
}

/// Of `[<session>] <what>`, returns the session, if it is there, and the other. The definition cannot
/// say it: it would read `-- <session> <what>` otherwise.
pub fn last_is_required(
    first: Option<String>,
    second: Option<String>,
    what: &str,
) -> Result<(Option<String>, String), CliError> {
    match (first, second) {
        (session, Some(second)) => Ok((session, second)),
        (Some(only), None) => Ok((None, only)),
        (None, None) => Err(CliError::Usage(format!("<{what}> is missing"))),
    }
}

fn run(
    app: &App,
    name: Option<&str>,
    request: &Request,
    removal: &Removal,
    json: &Json,
) -> Result<(), CliError> {
    let session_id = app.resolve(name)?;
    let tree = removal.check(app, session_id, false)?;
    let changed = transition::transition(app.store()?, &app.context()?, session_id, request)?;
    place::remove(app, tree.as_ref())?;
    let runs_on = changed.is_new
        && changed.view.class == Class::Ended
        && stop::has_other_worker(app.store()?, session_id);
    let more =
        if runs_on { "; its worker runs on, and \"git session terminate\" ends it" } else { "" };
    tell(app, &changed, json, more, tree.as_ref())
}

/// Answers with what became of a session, and `more` behind it, and of its work tree, if it has one.
pub fn tell(
    app: &App,
    changed: &Changed,
    json: &Json,
    more: &str,
    removed: Option<&WorkTree>,
) -> Result<(), CliError> {
    let session = &changed.view.session;
    let story = match (changed.is_new, session.outcome) {
        (true, Some(outcome)) => format!("is now '{}' ({outcome})", session.status),
        (true, None) => format!("is now '{}'", session.status),
        (false, _) => format!("is already '{}'", session.status),
    };
    answer(app, changed, json, &format!("Session {} {story}{more}", session.id.handle()))?;
    match json.is_wanted() || !(changed.is_new || removed.is_some()) {
        true => Ok(()),
        false => place::tell_end(app, &changed.view, removed),
    }
}
