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

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

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
struct Options {
    #[command(flatten)]
    global: Global,
    #[command(flatten)]
    form: Form,
}

/// Returns the definition of all commands, from which the manual and the completions are made.
pub fn definition() -> clap::Command {
    // In this order: what is said of the program stands for what is said of its commands.
    Options::augment_args(Command::augment_subcommands(clap::Command::new("git-session")))
}

/// Returns the definition of the command that the first argument names, and of no other: each one that is defined gets
/// all common options, which takes longer than most commands.
fn narrow_definition(args: &[OsString]) -> clap::Command {
    let name = args.get(1).and_then(|word| word.to_str()).filter(|word| !word.starts_with('-'));
    let named = name.and_then(|name| {
        let all = Command::augment_subcommands(clap::Command::new(""));
        let is_it = |it: &&clap::Command| {
            it.get_name() == name || it.get_all_aliases().any(|alias| alias == name)
        };
        all.get_subcommands().find(is_it).cloned()
    });
    Options::command().subcommands(named)
}

/// What was typed, or why it cannot be.
type Read = Result<(Options, Option<Command>), clap::Error>;

/// Reads the arguments; whatever is not plainly one of the commands is judged by the definition of all.
fn read(args: &[OsString]) -> Read {
    let read_by = |definition: clap::Command| -> Read {
        let matches = definition.try_get_matches_from(args)?;
        let command = matches.subcommand_name().map(|_| Command::from_arg_matches(&matches));
        Ok((Options::from_arg_matches(&matches)?, command.transpose()?))
    };
    match read_by(narrow_definition(args)) {
        Err(refusal) if refusal.kind() != ErrorKind::DisplayVersion => read_by(definition()),
        read => read,
    }
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
    let (options, given) = match read(&args) {
        Ok(read) => read,
        Err(refusal) => return error::usage(&refusal, wants_json),
    };
    trace::start(&environment);
    let app = App::new(environment, options.global);
    app.begun.set(begun);
    let result = command(given, options.form)
        .and_then(|command| command.run(&app))
        .and_then(|()| app.finish());
    match result {
        Ok(()) => {
            app.end();
            ExitCode::SUCCESS
        }
        Err(error) => error::report(&app, &error, wants_json),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(definition: &clap::Command) -> Vec<&str> {
        definition.get_subcommands().map(clap::Command::get_name).collect()
    }

    #[test]
    fn a_command_is_defined_alone_under_each_of_its_names() {
        let program = || OsString::from("git-session");
        let all = definition();
        assert!(names(&all).len() > 40);
        for command in all.get_subcommands() {
            for name in command.get_all_aliases().chain([command.get_name()]) {
                let narrow = narrow_definition(&[program(), name.into()]);
                assert_eq!(names(&narrow), [command.get_name()]);
            }
        }
        for args in [vec![], vec!["lis"], vec!["--json", "list"], vec!["-q", "list"], vec![""]] {
            let args = args.into_iter().map(OsString::from);
            let args: Vec<OsString> = std::iter::once(program()).chain(args).collect();
            assert_eq!(names(&narrow_definition(&args)), [""; 0]);
        }
    }
}
