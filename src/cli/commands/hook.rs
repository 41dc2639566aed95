use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::{Args, Subcommand};

use super::git_hook;
use crate::agents::AgentKind;
use crate::agents::hooks::{Call, Setup};
use crate::cli::CliError;
use crate::cli::app::App;
use crate::cli::environment::Environment;
use crate::cli::upkeep;
use crate::lifecycle::builtin;
use crate::model::{Identity, SessionId};
use crate::ops::agent_hook::{self, Heard};
use crate::ops::checkpoint::{self, Wish};
use crate::ops::{OpError, ingest, upkeep as ops_upkeep};
use crate::store::Store;
use crate::worker;

/// The most that an agent may say in one call, in bytes.
const MAX_INPUT: u64 = 64 << 20;
/// How long a call usually may take: agents wait for it, and Codex at most 3 seconds at its end. What was not done
/// then is done by the next one.
const USUAL_TIME: Duration = Duration::from_millis(2500);
/// How much a thread that only waits needs, in bytes.
const CLOCK_STACK: usize = 64 << 10;
/// The largest log of what went wrong, in bytes.
const MAX_LOG: u64 = 64 << 10;

/// What git and agents call
#[derive(Debug, Subcommand)]
pub enum Hook {
    Agent(Agent),
    Checkpoint(Checkpoint),
    /// Archive and pack what is due: nothing is answered
    Upkeep,
    /// A hook of git's: its name, and what it is called with
    #[command(external_subcommand)]
    Git(Vec<OsString>),
}

/// Keep the work tree with a session whose agent has ended a turn: nothing is answered
#[derive(Debug, Args)]
pub struct Checkpoint {
    /// The session
    #[arg(value_name = "id")]
    session: String,
}

/// Hear what an agent has to say, on standard input: nothing is answered, and nothing goes wrong
#[derive(Debug, Args)]
pub struct Agent {
    /// The agent, and what has happened
    #[arg(value_name = "agent> [<event>", trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<OsString>,
}

impl Hook {
    /// Does it.
    pub fn run(self, app: &App) -> Result<(), CliError> {
        match self {
            Hook::Agent(args) => args.run(app),
            Hook::Checkpoint(args) => args.run(app),
            Hook::Upkeep => {
                look_after(app);
                Ok(())
            }
            Hook::Git(words) => {
                git_hook::run(&app.environment, words);
                Ok(())
            }
        }
    }
}

/// Does what is due in the repository, in a process of its own.
fn look_after(app: &App) {
    let _ = worker::leave_terminal();
    let run = || -> Result<usize, CliError> { Ok(ops_upkeep::run(app.store()?, &app.context()?)?) };
    match run() {
        Ok(n_archived) => tracing::debug!(n_archived, "the repository was looked after"),
        Err(error) => note(app, "upkeep", &error),
    }
}

impl Checkpoint {
    fn run(self, app: &App) -> Result<(), CliError> {
        let _ = worker::leave_terminal();
        let take = || -> Result<(), CliError> {
            let session_id = app.resolve(Some(&self.session))?;
            let wish = Wish { with_untracked: true, is_automatic: true, ..Wish::default() };
            checkpoint::take(app.store()?, &app.context()?, session_id, &wish)?;
            Ok(())
        };
        if let Err(error) = take() {
            note(app, &format!("checkpoint of {}", self.session), &error);
        }
        Ok(())
    }
}

impl Agent {
    /// An agent must not be held up, be told anything or be failed by its hook, whatever happens here.
    fn run(self, app: &App) -> Result<(), CliError> {
        let _ = worker::silence();
        end_quietly_on_panic();
        let mut text = Vec::new();
        let mut input = std::io::stdin().lock();
        let is_read = (&mut input).take(MAX_INPUT).read_to_end(&mut text).is_ok();
        let is_whole =
            is_read && std::io::copy(&mut input, &mut std::io::sink()).is_ok_and(|n| n == 0);
        let mut words = self.words.iter().map(|word| word.to_string_lossy().into_owned());
        let (agent, event) = (words.next().unwrap_or_default(), words.next());
        let agent = Setup::find(&agent).map_or(AgentKind::Unknown, |it| it.agent);
        end_quietly_after(app.environment.hook_timeout(USUAL_TIME));
        if let Some(call) = Call::parse(agent, event.as_deref(), &text).filter(|_| is_whole) {
            let app = App::in_dir(app.environment.clone(), dir(&app.environment, &call));
            if let Err(error) = hear(&app, &call, &text) {
                note(&app, &format!("{} {} {}", call.agent, call.event, call.session_id), &error);
            }
            upkeep::begin_if_due(&app);
        }
        Ok(())
    }
}

/// Returns the directory that an agent works in.
fn dir(environment: &Environment, call: &Call) -> PathBuf {
    let said = call.dir.as_ref().map(PathBuf::from);
    said.filter(|dir| dir.is_absolute() && dir.is_dir())
        .unwrap_or_else(|| environment.current_dir.clone())
}

fn hear(app: &App, call: &Call, text: &[u8]) -> Result<(), CliError> {
    let store = app.store()?;
    let mut context = app.context()?;
    if store.settings().author.is_none() {
        let name = call.agent.to_string();
        context.author = Identity { email: format!("{name}@localhost"), name };
    }
    if store.settings().committer.is_none() {
        context.committer = context.author.clone();
    }
    context.agent = None;
    let op = |what| op(store, call, text, what);
    let heard = Heard {
        call,
        lifecycle: builtin("worker")
            .ok_or_else(|| OpError::invalid("lifecycle", "is not there"))?,
        dir: app.dir(),
        home: app.environment.get("HOME").map(PathBuf::from),
        token: app.new_token(),
        ops: [op("make")?, op("tell")?, op("update")?],
    };
    match agent_hook::hear(store, &context, &heard)? {
        Some(session_id) => begin_checkpoint(app, session_id),
        None => Ok(()),
    }
}

/// Has a checkpoint taken while the agent goes on: that takes longer than a hook should.
fn begin_checkpoint(app: &App, session_id: SessionId) -> Result<(), CliError> {
    let begin = || -> std::io::Result<()> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("-C").arg(app.dir()).args(["hook", "checkpoint", &session_id.to_string()]);
        worker::leave_to_itself(command)
    };
    begin().map_err(|error| CliError::Failed(format!("cannot begin a checkpoint: {error}")))
}

/// Returns the UUID of a write that this call leads to: the same when the call comes twice.
fn op(store: &Store, call: &Call, text: &[u8], what: &str) -> Result<String, OpError> {
    let name = store.blob_name(&call.key(text))?.to_string();
    Ok(ingest::session_id(store, what, &name)?.to_string())
}

/// Lets a panic end the process as if all went well: an abort would be seen by the agent.
#[expect(clippy::disallowed_methods, reason = "a panic hook has no other way to choose the status")]
pub(super) fn end_quietly_on_panic() {
    std::panic::set_hook(Box::new(|_| std::process::exit(0)));
}

/// Ends the process after `max_time` as if all had been done: whoever waits for it must not wait longer. Nothing
/// comes of it if that is said before.
#[expect(clippy::disallowed_methods, reason = "what hangs cannot return an exit code")]
pub(super) fn end_quietly_after(max_time: Duration) -> Clock {
    if let Some(timer) = worker::end_after(max_time) {
        return Clock::Timer(timer);
    }
    let is_stopped = Arc::new(AtomicBool::new(false));
    let clock = Clock::Thread(is_stopped.clone());
    let end = move || {
        std::thread::sleep(max_time);
        if !is_stopped.load(Ordering::SeqCst) {
            std::process::exit(0);
        }
    };
    let _ = std::thread::Builder::new().stack_size(CLOCK_STACK).spawn(end);
    clock
}

/// The time that a process has.
#[derive(Debug)]
pub(super) enum Clock {
    /// The system keeps it.
    Timer(worker::Timer),
    /// A thread keeps it.
    Thread(Arc<AtomicBool>),
}

impl Clock {
    /// Lets the process live.
    pub(super) fn stop(self) {
        match self {
            Clock::Timer(timer) => timer.stop(),
            Clock::Thread(is_stopped) => is_stopped.store(true, Ordering::SeqCst),
        }
    }
}

/// Notes what went wrong, for who looks for it.
fn note(app: &App, what: &str, error: &CliError) {
    let Some(store) = app.opened() else { return };
    append_to_log(app, store, format!("{} {what}: {error}\n", app.now));
}

/// Adds a line to the log of what went wrong in hooks, without secrets.
pub(super) fn append_to_log(app: &App, store: &Store, line: String) {
    let line = app.context().and_then(|it| Ok(it.redaction.bytes(line.into_bytes())?));
    let _ = line.map(|line| append(&store.local_dir().join("hook.log"), &line));
}

fn append(path: &Path, line: &[u8]) -> std::io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    if file.metadata()?.len() > MAX_LOG {
        file.set_len(0)?;
    }
    file.write_all(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By it this test knows itself again, in the process that it starts.
    const VARIABLE: &str = "GIT_SESSION_TEST_PANIC";
    const NAME: &str = "cli::commands::hook::tests::a_panic_ends_the_process_as_if_all_went_well";

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the process is the test itself once more")]
    fn a_panic_ends_the_process_as_if_all_went_well() {
        if std::env::var_os(VARIABLE).is_some() {
            end_quietly_on_panic();
            // As the work of a hook, in a thread beside the one that waits.
            let nothing: &[u8] = &[];
            let _ = std::thread::spawn(move || nothing[nothing.len()]).join();
            return;
        }
        let mut command = Command::new(std::env::current_exe().expect("the system tells"));
        command.args(["--exact", NAME, "--nocapture"]).env(VARIABLE, "1");
        let output = command.output().expect("it starts");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{said}");
        assert!(said.contains("running 1 test") && !said.contains("test result"), "{said}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    }
}
