//! The verbs that stop a session's worker and bring it back.

use std::ffi::OsString;
use std::time::Duration;

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use super::git_hook::make_current;
use super::run::{finished, seconds};
use super::show::check_fields;
use super::transition::tell;
use crate::cli::app::App;
use crate::cli::detach::Detach;
use crate::cli::options::{Json, Reason};
use crate::cli::place::{self, Removal};
use crate::cli::{CliError, complete, detach};
use crate::lifecycle::Intent;
use crate::model::{Class, SessionId};
use crate::ops::load;
use crate::ops::resume::{self, Resumed, Resuming};
use crate::ops::stop::{self, Manner, Worker};
use crate::ops::transition::{self, Request, Target};
use crate::render::json::SessionObject;
use crate::render::sanitize::to_terminal;

/// Put a session aside; "resume" brings it back to the state that it is in now
///
/// Its worker, if this clone runs one, is asked to end with all that it started, and killed when it does
/// not. What was running is kept, so that "resume" can run it again.
#[derive(Debug, Args)]
pub struct Suspend {
    /// The session; default: the current one
    #[arg(value_name = "session", add = ArgValueCompleter::new(complete::sessions))]
    session: Option<String>,
    /// Make the worker stand still instead of ending it; "resume" lets it go on
    #[arg(long)]
    freeze: bool,
    /// Kill the worker after so many seconds; 0 is at once
    #[arg(long, value_name = "seconds", value_parser = seconds, default_value = "10")]
    grace: Duration,
    #[command(flatten)]
    reason: Reason,
    #[command(flatten)]
    json: Json,
}

/// Go on with a session that was put aside, in the state that it was in; it becomes current
///
/// The command that was running, if this clone ran one, is run again, and its exit status is ours; a
/// worker that stands still goes on. A session whose worker is lost is resumed in the same way. What
/// a session from another clone says is never run.
///
/// Instead of the command it is what "run --on-resume" said; and "claude --session-id <uuid>" goes on
/// as "claude --resume <uuid>". With -v we tell which command is run.
#[derive(Debug, Args)]
pub struct Resume {
    /// The session; default: the current one
    #[arg(value_name = "session", add = ArgValueCompleter::new(complete::sessions))]
    session: Option<String>,
    /// Go on in this state instead
    #[arg(long, value_name = "state", add = ArgValueCompleter::new(complete::states))]
    to: Option<String>,
    /// Only tell whether it can be resumed, by the exit status; -v tells what would be run
    #[arg(long, conflicts_with = "detach")]
    check: bool,
    /// Change the session only, and run nothing
    #[arg(long, conflicts_with_all = ["take_over", "detach"])]
    no_run: bool,
    /// Run it in the present directory, not where it ran or in the session's own branch or work tree
    #[arg(long, conflicts_with = "no_run")]
    here: bool,
    /// Run it even if another session runs in the same work tree
    #[arg(long, conflicts_with = "no_run")]
    shared: bool,
    /// Take the place of who started the worker and is gone; give up a worker that is somewhere else
    #[arg(long)]
    take_over: bool,
    #[command(flatten)]
    detach: Detach,
    #[command(flatten)]
    reason: Reason,
    #[command(flatten)]
    json: Json,
}

/// End a session before its work is done, as interrupted
///
/// Its worker, if this clone runs one, is asked to end with all that it started, and killed when it does
/// not; the session ends when nothing of it is left. A worker that runs on although its session has
/// ended is ended too.
#[derive(Debug, Args)]
pub struct Terminate {
    /// The session; default: the current one
    #[arg(value_name = "session", add = ArgValueCompleter::new(complete::sessions))]
    session: Option<String>,
    /// Kill the worker after so many seconds; 0 is at once
    #[arg(long, value_name = "seconds", value_parser = seconds, default_value = "10")]
    grace: Duration,
    /// End the session even if its worker is out of reach, and leave that to itself
    #[arg(short, long)]
    force: bool,
    #[command(flatten)]
    removal: Removal,
    #[command(flatten)]
    reason: Reason,
    #[command(flatten)]
    json: Json,
}

impl Suspend {
    /// Does it.
    pub fn run(self, app: &App) -> Result<(), CliError> {
        let manner = Manner { grace: self.grace, freeze: self.freeze, force: false };
        let request = to(Intent::Suspend, &self.reason);
        let none = Removal::default();
        stop(app, self.session.as_deref(), &request, manner, &none, &self.json)
    }
}

impl Terminate {
    /// Does it.
    pub fn run(self, app: &App) -> Result<(), CliError> {
        let manner = Manner { grace: self.grace, freeze: false, force: self.force };
        let request = to(Intent::Terminate, &self.reason);
        stop(app, self.session.as_deref(), &request, manner, &self.removal, &self.json)
    }
}

impl Resume {
    /// Does it.
    pub fn run(self, app: &App) -> Result<(), CliError> {
        self.detach.leave(app)?;
        let target = match &self.to {
            Some(state) => Target::ResumeTo(state.clone()),
            None => Target::Intent(Intent::Resume),
        };
        let request = Request { reason: self.reason.text(), ..Request::to(target) };
        let session_id = app.resolve(self.session.as_deref())?;
        if self.check {
            let loaded = load::load(app.store()?, session_id)?;
            let to = transition::preview(&app.context()?, &loaded.view, &request)?;
            app.answer(|out| writeln!(out, "{} -> {to}", loaded.view.session.status))?;
            return self.narrate_command(app, session_id, "Would run");
        }
        self.narrate_command(app, session_id, "Running")?;
        if self.detach.detach {
            return self.send(app, session_id);
        }
        let resuming = Resuming {
            request,
            no_run: self.no_run,
            take_over: self.take_over,
            here: self.here.then(|| app.dir()),
            is_shared: self.shared,
            token: app.new_token(),
            to_log: self.detach.supervised,
        };
        let (store, context) = (app.store()?, app.context()?);
        match resume::resume(app, store, &context, session_id, &resuming)? {
            Resumed::Moved(changed) => {
                tell(app, &changed, &self.json, "", None)?;
                make_current(app, session_id)
            }
            Resumed::Ran(done) => {
                // Who sent us to the background has done so, and may be elsewhere by now.
                if done.view.class != Class::Ended && !self.detach.supervised {
                    make_current(app, session_id)?;
                }
                finished(app, &done, self.detach.supervised)
            }
        }
    }
}

impl Resume {
    /// Does it in the background.
    fn send(&self, app: &App, session_id: SessionId) -> Result<(), CliError> {
        check_fields::<SessionObject>(&self.json.fields())?;
        let mut all: Vec<OsString> = vec!["resume".into(), session_id.to_string().into()];
        all.push("--supervised".into());
        all.extend(self.json.argument().map(Into::into));
        all.extend(self.to.iter().map(|state| format!("--to={state}").into()));
        all.extend(self.take_over.then(|| "--take-over".into()));
        all.extend(self.here.then(|| "--here".into()));
        all.extend(self.shared.then(|| "--shared".into()));
        let reason = self.reason.text();
        all.extend((!reason.is_empty()).then(|| format!("--message={reason}").into()));
        let Some(pid) = detach::send(app, &all)? else { return Ok(()) };
        make_current(app, session_id)?;
        detach::tell(app, session_id, pid, &self.json)
    }

    /// Tells which command is run, to who wants to know.
    fn narrate_command(&self, app: &App, id: SessionId, verb: &str) -> Result<(), CliError> {
        if app.global.verbose
            && let Some(words) = resume::planned(app.store()?, id, self.no_run)?
        {
            app.narrate(&format!("{verb} {}", to_terminal(&command_line(&words))));
        }
        Ok(())
    }
}

/// Returns a command line as a shell would read it.
fn command_line(words: &[OsString]) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./=:,@%+".contains(c);
    let quoted = |word: &OsString| {
        let word = word.to_string_lossy();
        match !word.is_empty() && word.chars().all(is_plain) {
            true => word.into_owned(),
            false => format!("'{}'", word.replace('\'', "'\\''")),
        }
    };
    words.iter().map(quoted).collect::<Vec<_>>().join(" ")
}

fn to(intent: Intent, reason: &Reason) -> Request {
    Request { reason: reason.text(), ..Request::to(Target::Intent(intent)) }
}

fn stop(
    app: &App,
    name: Option<&str>,
    request: &Request,
    manner: Manner,
    removal: &Removal,
    json: &Json,
) -> Result<(), CliError> {
    let session_id = app.resolve(name)?;
    let tree = removal.check(app, session_id, true)?;
    let (changed, worker) =
        stop::stop(app, app.store()?, session_id, request, manner, &app.context()?)?;
    let more = match worker {
        Worker::None => "",
        Worker::Stopped => "; its worker ended",
        Worker::Killed => "; its worker was killed",
        Worker::Frozen => "; its worker stands still",
        Worker::Own => "; its worker runs this command, and is left to end by itself",
        Worker::Left => "; its worker is out of reach, and left to itself",
    };
    place::remove(app, tree.as_ref())?;
    tell(app, &changed, json, more, tree.as_ref())
}
