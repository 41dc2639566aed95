use std::ffi::{OsStr, OsString};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueHint};
use clap_complete::engine::ArgValueCompleter;

use super::show::check_fields;
use crate::cli::app::App;
use crate::cli::detach::{self, Detach, check_json};
use crate::cli::options::Json;
use crate::cli::{CliError, complete, place};
use crate::model::{SessionId, Value};
use crate::ops::job::{Finished, Job};
use crate::ops::run;
use crate::ops::{OpError, load};
use crate::render::json::SessionObject;

/// Run a command for a session, and end the session as the command ends
///
/// The session moves to an active state, if it is in none, and the command is started in a process group
/// of its own, with GIT_SESSION in its environment and with our standard streams. Who runs, where and
/// since when is recorded. When it exits with status 0 the session ends with success, with another
/// status it ends with failure, and when a signal ends it, as interrupted; a session that was put
/// aside or ended meanwhile is left as it is. The command's exit status is ours: 128 and the number of
/// the signal that ended it, 124 when its time was over, 127 if there is no such command.
///
/// It runs in the work tree that was made for the session ("start --worktree"), or where its branch
/// ("start -b") is checked out; if that is nowhere, this work tree is switched to it, unless it has
/// uncommitted changes. A session of neither kind runs where you are. No two sessions run in one work
/// tree, unless with --shared.
///
/// SIGINT, SIGTERM, SIGHUP and SIGQUIT are passed on to the command, and keys that stop it stop the
/// whole job. From any other terminal, "git session suspend", "resume" and "terminate" reach it.
///
/// With --detach the command runs on in the background, without a terminal and without input, and what it
/// says goes to a log of limited size (session.logLimit); we end with 0 once it is started and recorded.
///
/// If this process is killed, the command runs on: "git session resume --take-over" takes its place.
/// If the command is gone too, the session is lost: "git session resume" runs it again, or what --on-resume
/// says.
#[derive(Debug, Args)]
#[command(override_usage = "git session run [OPTIONS] [<session>] -- <command>...")]
#[command(after_help = "Examples:\n  git session run -- make test\n  \
    git session run --timeout=90s qpvuntsm -- ./agent --task 7\n  \
    git session run --max-iterations=3 -- ./flaky\n  \
    git session run --detach --on-resume='./agent --continue' -- ./agent --task 7")]
pub struct Run {
    /// The session; default: the current one
    #[arg(value_name = "session", add = ArgValueCompleter::new(complete::sessions))]
    session: Option<String>,
    /// End it after so long, as 90s, 5m or 2h; a plain number is minutes, 0 is never; default: what is
    /// left of the session's timeout_minutes
    #[arg(long, value_name = "time", value_parser = minutes)]
    timeout: Option<Duration>,
    /// Run it again when it fails, at most so often in all, earlier runs counted
    #[arg(long, value_name = "n", value_parser = clap::value_parser!(u64).range(1..))]
    max_iterations: Option<u64>,
    /// Run it again when it fails, as often as the session's max_iterations says
    #[arg(long, conflicts_with = "max_iterations")]
    restart: bool,
    /// Run it here even if a worker of the session is somewhere else, which is given up for lost
    #[arg(long)]
    take_over: bool,
    #[command(flatten)]
    detach: Detach,
    #[command(flatten)]
    on_resume: OnResume,
    #[command(flatten)]
    json: Json,
    /// Run it in the present directory, not in the session's own branch or work tree
    #[arg(long)]
    here: bool,
    /// Run it even if another session runs in the same work tree
    #[arg(long)]
    shared: bool,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "command")]
    command: Vec<OsString>,
}

/// `--on-resume`
#[derive(Debug, Args)]
pub struct OnResume {
    /// What "git session resume" is to run instead, by a shell
    #[arg(long, value_name = "command line", requires = "command",
          value_hint = ValueHint::CommandString)]
    on_resume: Option<OsString>,
}

impl Run {
    /// Does it.
    pub fn run(self, app: &App) -> Result<(), CliError> {
        self.detach.leave(app)?;
        check_json(&self.json, self.detach.detach || self.detach.supervised)?;
        let session_id = app.resolve(self.session.as_deref())?;
        let options = self.options();
        let job =
            Job { here: self.here, is_shared: self.shared, ..job(app, session_id, self.command) };
        let place = run::find_place(app.store()?, &job)?;
        // What is not there may be on the branch that is switched to.
        if place.switch_to.is_none() {
            check_command(app, &job.command, &place.dir)?;
        }
        if self.detach.detach {
            return run_detached(app, session_id, options, &self.json, job.command);
        }
        let max_iterations = match self.restart {
            true => Some(configured_iterations(app, session_id)?),
            false => self.max_iterations,
        };
        let job = Job {
            timeout: self.timeout,
            max_iterations,
            take_over: self.take_over,
            on_resume: self.on_resume.on_resume,
            to_log: self.detach.supervised,
            ..job
        };
        finished(app, &run::run(app, &job)?, job.to_log)
    }

    /// Returns the options for the process in the background.
    fn options(&self) -> Vec<OsString> {
        let mut options = self.on_resume.options();
        let timeout = self.timeout.map(|it| format!("--timeout={}ms", it.as_millis()));
        let max_iterations = self.max_iterations.map(|n| format!("--max-iterations={n}"));
        options.extend([timeout, max_iterations].into_iter().flatten().map(OsString::from));
        options.extend(self.restart.then(|| "--restart".into()));
        options.extend(self.take_over.then(|| "--take-over".into()));
        options.extend(self.here.then(|| "--here".into()));
        options.extend(self.shared.then(|| "--shared".into()));
        options
    }
}

impl OnResume {
    /// Returns the option for the process in the background.
    pub fn options(&self) -> Vec<OsString> {
        let line = self.on_resume.clone();
        line.into_iter().flat_map(|line| ["--on-resume".into(), line]).collect()
    }
}

/// Runs a command for a session as the session's configuration says.
pub fn run_new(
    app: &App,
    session_id: SessionId,
    on_resume: OnResume,
    is_shared: bool,
    words: Vec<OsString>,
) -> Result<(), CliError> {
    let on_resume = on_resume.on_resume;
    // It has just come to its place.
    let job = Job { on_resume, is_shared, here: true, ..job(app, session_id, words) };
    finished(app, &run::run(app, &job)?, false)
}

/// Runs a command for a session in the background, with these options of [`Run`].
pub fn run_detached(
    app: &App,
    session_id: SessionId,
    options: Vec<OsString>,
    json: &Json,
    words: Vec<OsString>,
) -> Result<(), CliError> {
    check_fields::<SessionObject>(&json.fields())?;
    let mut all: Vec<OsString> =
        ["run", &session_id.to_string(), "--supervised"].map(Into::into).into();
    all.extend(json.argument().map(Into::into));
    all.extend(options);
    all.push("--".into());
    all.extend(words);
    match detach::send(app, &all)? {
        Some(pid) => detach::tell(app, session_id, pid, json),
        None => Ok(()),
    }
}

fn job(app: &App, session_id: SessionId, command: Vec<OsString>) -> Job {
    Job {
        session_id,
        command,
        dir: app.dir(),
        here: false,
        is_shared: false,
        is_elsewhere: app.is_moved(),
        token: app.new_token(),
        on_resume: None,
        to_log: false,
        timeout: None,
        max_iterations: None,
        reason: String::new(),
        to: None,
        take_over: false,
    }
}

fn configured_iterations(app: &App, session_id: SessionId) -> Result<u64, CliError> {
    let view = load::load(app.store()?, session_id)?.view;
    let configured = view.session.configuration.get("max_iterations").and_then(Value::as_u64);
    Ok(configured.unwrap_or(1).max(1))
}

/// Refuses a command that is not there, as seen from `dir`, before anything happens.
pub fn check_command(app: &App, words: &[OsString], dir: &Path) -> Result<(), CliError> {
    let Some(program) = words.first() else { return Ok(()) };
    if find_program(program, dir, &app.environment.path()).is_some() {
        return Ok(());
    }
    let command = program.to_string_lossy().into_owned();
    Err(OpError::CannotRun { command, reason: "No such command".into() }.into())
}

/// Finds the program that a command line means, as execvp(3) would: below `dir` if it has a slash, else
/// along `path`.
fn find_program(word: &OsStr, dir: &Path, path: &OsStr) -> Option<PathBuf> {
    let is_program = |file: &PathBuf| {
        file.metadata().is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
    };
    if word.to_string_lossy().contains('/') {
        return Some(dir.join(word)).filter(is_program);
    }
    if word.is_empty() {
        return None;
    }
    std::env::split_paths(path).map(|entry| dir.join(entry).join(word)).find(is_program)
}

/// Ends as the command ended; in the background nobody is told anything.
pub fn finished(app: &App, finished: &Finished, in_background: bool) -> Result<(), CliError> {
    if app.global.verbose {
        let session = &finished.view.session;
        app.narrate(&format!("Session {} is now '{}'", session.id.handle(), session.status));
    }
    if !in_background {
        place::tell_end(app, &finished.view, None)?;
    }
    match finished.status() {
        0 => Ok(()),
        status => Err(CliError::Status(status)),
    }
}

/// Reads a time; a plain number is minutes.
fn minutes(text: &str) -> Result<Duration, String> {
    duration(text, 60_000)
}

/// Reads a time; a plain number is seconds.
pub fn seconds(text: &str) -> Result<Duration, String> {
    duration(text, 1000)
}

fn duration(text: &str, plain_millis: u64) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let millis = match &text[digits.len()..] {
        "" => plain_millis,
        "ms" => 1,
        "s" => 1000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        unit => return Err(format!("unknown unit '{unit}'; it can be ms, s, m, h or d")),
    };
    let n: u64 = digits.parse().map_err(|_| "not a number with a unit, as 90s".to_owned())?;
    let millis = n.checked_mul(millis).filter(|&n| n <= MAX_MILLIS);
    millis.map(Duration::from_millis).ok_or_else(|| "too long".to_owned())
}

/// A hundred years.
const MAX_MILLIS: u64 = 100 * 365 * 86_400_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_a_unit_or_the_usual_one() {
        assert_eq!(minutes("2"), Ok(Duration::from_secs(120)));
        assert_eq!(seconds("2"), Ok(Duration::from_secs(2)));
        assert_eq!(minutes("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(minutes("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(minutes("0"), Ok(Duration::ZERO));
        for text in ["", "s", "-1", "1.5h", "1w", "99999999999999999999", "99999999d"] {
            assert!(minutes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_program_is_found_along_the_path_or_by_its_own_one() {
        let find =
            |word: &str| find_program(word.as_ref(), Path::new("/"), OsStr::new("/nowhere:/bin"));
        assert_eq!(find("sh"), Some(PathBuf::from("/bin/sh")));
        assert_eq!(find("/bin/sh"), Some(PathBuf::from("/bin/sh")));
        assert_eq!(find("bin/sh"), Some(PathBuf::from("/bin/sh")));
        for word in ["", "no-such-program", "/bin", "./sh"] {
            assert_eq!(find(word), None, "{word}");
        }
    }
}
