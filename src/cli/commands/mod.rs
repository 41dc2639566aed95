//! One file for each verb: its options, and what it does with them.

mod agent;
mod archive;
mod attach;
mod check;
mod checkpoint;
mod completion;
mod create_input;
mod delete;
mod diff;
mod doctor;
mod export;
mod git_follow;
mod git_hook;
mod grep;
mod help;
mod hook;
mod import;
mod import_layout;
mod import_tool;
mod init;
mod left_behind;
mod lifecycle;
mod list;
mod log;
mod manual;
mod prune;
mod push;
mod reap;
mod record;
mod restore;
mod run;
mod said;
mod schema;
pub mod show;
mod start;
mod stats;
mod status;
mod summary;
mod transition;
mod undo;
mod update;
mod watch;
mod why;
mod worker;
mod worker_log;

use clap::Subcommand;

pub use git_hook::{run as run_git_hook, words as git_hook_words};
pub use status::{Form, Status};
pub use why::Begun;

use super::CliError;
use super::app::App;
use super::upkeep;

/// What can be done.
///
/// A line here is the one in the list of commands; each verb explains itself at length where its
/// options are. Only those of the command that is called are defined (`defer`).
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum Command {
    /// Make a session and begin it
    #[command(visible_alias = "new")]
    Start(start::Start),
    /// Make a session and leave it in its initial state
    Create(start::Create),
    /// Put a session aside
    #[command(visible_alias = "pause")]
    Suspend(worker::Suspend),
    /// Go on with a session that was put aside
    Resume(worker::Resume),
    /// End a session with success
    #[command(visible_aliases = ["complete", "done"])]
    Finish(transition::Finish),
    /// End a session with failure
    Fail(transition::Fail),
    /// End a session before its work is done
    #[command(visible_aliases = ["stop", "kill"])]
    Terminate(worker::Terminate),
    /// Move a session to another state
    #[command(visible_alias = "to")]
    Transition(transition::Transition),
    /// Move a session to the one state that comes next
    Next(transition::Next),
    /// Run a command as the worker of a session
    Run(run::Run),
    /// Settle sessions whose worker is lost
    Reap(reap::Reap),
    /// Tell where you are (the default)
    Status(Status),
    /// List sessions
    #[command(visible_alias = "ls")]
    List(list::List),
    /// Show one session
    #[command(visible_alias = "get")]
    Show(show::Show),
    /// Show the history of a session
    Log(log::Log),
    /// Tell whether a limit of a session is passed or near
    Check(check::Check),
    /// Tell why a commit or a line is there: which session made it, and for what
    Why(why::Why),
    /// Watch sessions live
    Watch(watch::Watch),
    /// Look for a pattern in what sessions say
    Grep(grep::Grep),
    /// Sum up sessions
    Stats(stats::Stats),
    /// Sum up sessions in Markdown, for a pull request
    Summary(summary::Summary),
    /// Change what is recorded of a session
    #[command(visible_aliases = ["set", "edit"])]
    Update(update::Update),
    /// Take the last change of a session back
    Undo(undo::Undo),
    /// Record messages, tool calls, tokens, decisions, errors and notes
    #[command(visible_alias = "append")]
    Record(record::Record),
    /// Take agents' transcripts and the files of other session managers over as sessions
    Import(import::Import),
    /// Keep a file with a session
    Attach(attach::Attach),
    /// Take a file out of a session
    Detach(attach::Detach),
    /// Keep the work tree with a session
    Checkpoint(checkpoint::Checkpoint),
    /// Bring a checkpoint back
    Restore(restore::Restore),
    /// Show what a session changed
    Diff(diff::Diff),
    /// Write sessions out, in several shapes
    Export(export::Export),
    /// Send sessions to a remote, unless there is a secret in them
    Push(push::Push),
    /// Fold sessions that have ended into one ref
    Archive(archive::Archive),
    /// Remove sessions
    #[command(visible_alias = "rm")]
    Delete(delete::Delete),
    /// Delete sessions that ended long ago
    Prune(prune::Prune),
    /// Find what is wrong, and repair what is safe to repair
    Doctor(doctor::Doctor),
    /// Let git tell git-session what happens in this repository; manual page and completions
    Init(init::Init),
    /// Connect agents: each run of one becomes a session by itself
    #[command(subcommand)]
    Agent(agent::Agent),
    /// Look at lifecycles: which states there are, and which may follow which
    #[command(subcommand)]
    Lifecycle(lifecycle::Lifecycle),
    /// Print the JSON Schema of the session object
    Schema(schema::Schema),
    /// Print the completion script of a shell
    Completion(completion::Completion),
    /// Print the manual page
    Manual(manual::Manual),
    /// What git and agents call
    #[command(subcommand, hide = true)]
    Hook(hook::Hook),
    /// Explain a command
    Help(help::Help),
}

impl Command {
    /// Does it. What was committed until then belongs to the session as it was, what comes after that to the
    /// session as it is.
    pub fn run(self, app: &App) -> Result<(), CliError> {
        if !self.is_move() {
            return self.run_it(app);
        }
        git_hook::look_back(app);
        self.run_it(app)?;
        git_hook::look_ahead(app);
        upkeep::begin_if_due(app);
        Ok(())
    }

    /// Tells whether it may change which session is worked on.
    fn is_move(&self) -> bool {
        matches!(
            self,
            Command::Start(_)
                | Command::Suspend(_)
                | Command::Resume(_)
                | Command::Finish(_)
                | Command::Fail(_)
                | Command::Terminate(_)
                | Command::Transition(_)
                | Command::Next(_)
        )
    }

    fn run_it(self, app: &App) -> Result<(), CliError> {
        match self {
            Command::Start(args) => args.run(app),
            Command::Create(args) => args.run(app),
            Command::Suspend(args) => args.run(app),
            Command::Resume(args) => args.run(app),
            Command::Finish(args) => args.run(app),
            Command::Fail(args) => args.run(app),
            Command::Terminate(args) => args.run(app),
            Command::Transition(args) => args.run(app),
            Command::Next(args) => args.run(app),
            Command::Run(args) => args.run(app),
            Command::Reap(args) => args.run(app),
            Command::Status(args) => args.run(app),
            Command::List(args) => args.run(app),
            Command::Show(args) => args.run(app),
            Command::Log(args) => args.run(app),
            Command::Check(args) => args.run(app),
            Command::Why(args) => args.run(app),
            Command::Watch(args) => args.run(app),
            Command::Grep(args) => args.run(app),
            Command::Stats(args) => args.run(app),
            Command::Summary(args) => args.run(app),
            Command::Update(args) => args.run(app),
            Command::Undo(args) => args.run(app),
            Command::Record(args) => args.run(app),
            Command::Import(args) => args.run(app),
            Command::Attach(args) => args.run(app),
            Command::Detach(args) => args.run(app),
            Command::Checkpoint(args) => args.run(app),
            Command::Restore(args) => args.run(app),
            Command::Diff(args) => args.run(app),
            Command::Export(args) => args.run(app),
            Command::Push(args) => args.run(app),
            Command::Archive(args) => args.run(app),
            Command::Delete(args) => args.run(app),
            Command::Prune(args) => args.run(app),
            Command::Doctor(args) => args.run(app),
            Command::Init(args) => args.run(app),
            Command::Agent(args) => args.run(app),
            Command::Lifecycle(args) => args.run(app),
            Command::Schema(args) => args.run(app),
            Command::Completion(args) => args.run(app),
            Command::Manual(args) => args.run(app),
            Command::Hook(args) => args.run(app),
            Command::Help(args) => args.run(app),
        }
    }
}
