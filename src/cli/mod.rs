//! The command line: what is typed, to use cases, to bytes and an exit status.
//!
//! The environment, the clock, randomness and the exit status are met here and nowhere below.
//! Start reading at [`main`]; each verb has a file in `commands`.

mod app;
mod comforts;
mod commands;
mod complete;
mod date;
mod detach;
mod editor;
mod environment;
mod error;
mod follow;
mod hint;
mod input;
mod options;
mod output;
mod page;
mod place;
mod plugins;
mod put;
mod redaction;
mod trace;
mod transcripts;
mod upkeep;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use app::App;
use commands::{Command, Form, Status};
use environment::Environment;
use error::CliError;
use options::Global;

/// Track sessions of work in git
///
/// A session is one run of a worker (a person, an AI coding agent, a script) on a task. git session
/// keeps each one as a chain of commits on its own ref, refs/sessions/<id>: every transition is a
/// commit, and the whole state of the session is the tree of the newest one. There is no server and
/// no second database; nothing is pushed, and no branch, index or work tree is touched, unless you
/// ask for it.
///
/// Without a command, tells where you are, as "git session status" does.
#[derive(Debug, Parser)]
#[command(
    name = "git-session",
    bin_name = "git session",
    version,
    infer_long_args = true,
    disable_help_subcommand = true,
    max_term_width = 100
)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(flatten)]
    form: Form,
    #[command(subcommand)]
    command: Option<Command>,
}

/// Returns the definition of all commands, from which the manual and the completions are made.
pub fn definition() -> clap::Command {
    Cli::command()
}

/// Returns the command that was given; without one, the options are those of `status`.
fn command(given: Option<Command>, form: Form) -> Result<Command, CliError> {
    match given {
        None => Ok(Command::Status(Status::of_current(form))),
        Some(_) if form.is_chosen() => {
            Err(CliError::Usage("options of a command stand after it".into()))
        }
        Some(command) => Ok(command),
    }
}

/// Runs the program with its arguments, the first being its own name.
pub fn main(args: Vec<OsString>) -> ExitCode {
    let environment = Environment::read();
    if let Some(status) = complete::answer(&environment, &args) {
        return status;
    }
    if let Some(words) = commands::git_hook_words(&args) {
        trace::start(&environment);
        commands::run_git_hook(&environment, words);
        return ExitCode::SUCCESS;
    }
    let begun = commands::Begun::early(&environment, &args);
    let wants_json = args.iter().any(|arg| arg.to_string_lossy().starts_with("--json"));
    let cli = match Cli::try_parse_from(&args) {
        Ok(cli) => cli,
        Err(refusal) => return error::usage(&refusal, wants_json),
    };
    trace::start(&environment);
    let app = App::new(environment, cli.global);
    app.begun.set(begun);
    let result = command(cli.command, cli.form)
        .and_then(|command| command.run(&app))
        .and_then(|()| app.finish());
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error::report(&app, &error, wants_json),
    }
}
