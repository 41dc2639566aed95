//! Commands in the background: who was called starts this program once more, which leaves the terminal,
//! runs the command for the session and closes it; and returns once that has begun.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};

use clap::Args;

use super::CliError;
use super::app::App;
use super::commands::show::answer_json;
use super::options::Json;
use crate::model::SessionId;
use crate::ops::job::World;
use crate::ops::load;
use crate::worker::{self, Background, Log, Process};

/// `--detach`, and what it starts.
#[derive(Debug, Args)]
pub struct Detach {
    /// Run it in the background, where the end of this terminal does not reach it; "git session log
    /// --worker" shows its output
    #[arg(long)]
    pub detach: bool,
    /// This is the process in the background.
    #[arg(long, hide = true, conflicts_with = "detach")]
    pub supervised: bool,
}

impl Detach {
    /// Leaves the terminal, if this is the process in the background.
    pub fn leave(&self, app: &App) -> Result<(), CliError> {
        if self.supervised {
            let left = worker::leave_terminal();
            left.map_err(|error| CliError::Failed(format!("cannot leave the terminal: {error}")))?;
            app.is_awaited.set(true);
        }
        Ok(())
    }
}

/// Refuses `--json` for a command whose own output is the answer.
pub fn check_json(json: &Json, is_detached: bool) -> Result<(), CliError> {
    if json.is_wanted() && !is_detached {
        return Err(CliError::Usage("--json needs --detach where a command is run".into()));
    }
    Ok(())
}

/// Starts this program in the background with `arguments`, and returns the worker's number once it is
/// started and recorded; `None` if there was nothing to run. Errors are told there, and their exit status
/// is ours.
pub fn send(app: &App, arguments: &[OsString]) -> Result<Option<u32>, CliError> {
    let failed = |error| CliError::Failed(format!("cannot run in the background: {error}"));
    let program = std::env::current_exe().map_err(failed)?;
    let mut command = Command::new(program);
    for dir in &app.global.dir {
        command.arg("-C").arg(dir);
    }
    if app.is_moved() {
        // They are of the work tree that the command came from.
        for name in worker::WORK_TREE_VARIABLES {
            command.env_remove(name);
        }
    }
    // What -v says at the end would go to the worker's log.
    command.args(app.global.quiet.then_some("-q"));
    command.args(app.global.no_verify.then_some("--no-verify")).args(arguments);
    match worker::send_to_background(command).map_err(failed)? {
        Background::Started(pid) => Ok(Some(pid)),
        Background::Ended { answer, status } => {
            app.answer(|out| out.write_all(&answer))?;
            if status.success() { Ok(None) } else { Err(ended(status)) }
        }
    }
}

fn ended(status: ExitStatus) -> CliError {
    match (status.code().and_then(|code| u8::try_from(code).ok()), status.signal()) {
        (Some(code), _) => CliError::Status(code),
        (None, signal) => CliError::Failed(format!(
            "the process in the background was ended by signal {}",
            signal.unwrap_or_default()
        )),
    }
}

/// Answers that a session's worker runs in the background as process `pid`.
pub fn tell(app: &App, session_id: SessionId, pid: u32, json: &Json) -> Result<(), CliError> {
    if json.is_wanted() {
        // What the other process wrote is not yet known to the repository as it was opened.
        let store = World::store(app)?;
        return answer_json(app, &load::load(&store, session_id)?.view, json);
    }
    let handle = session_id.handle();
    app.narrate(&format!(
        "Session {handle} runs in the background (process {pid}); \
         \"git session log --worker {handle}\" shows its output"
    ));
    Ok(())
}

/// Tells who waits for it that the worker is started.
pub fn tell_started(worker: &Process, log: Option<&Log>) {
    let log = log.and_then(|log| log.stream().ok());
    if let Err(error) = worker::tell_started(worker.pid, log) {
        tracing::warn!(%error, "the streams are kept");
    }
}
