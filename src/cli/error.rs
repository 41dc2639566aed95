//! Errors to people, scripts and the exit status, in git's style.

use std::io;
use std::process::ExitCode;

use serde_json::json;

use super::app::App;
use super::{hint, output, place};
use crate::model::{SessionId, Value};
use crate::ops::OpError;
use crate::ops::job::TIMEOUT_STATUS;
use crate::ops::leaks::Leak;
use crate::ops::place::PlaceError;
use crate::render::json::to_text;
use crate::render::sanitize;
use crate::store::StoreError;

/// Refused, or "no".
const REFUSED: u8 = 1;
/// Cannot.
const FATAL: u8 = 128;
/// Wrong use.
const USAGE: u8 = 129;
/// The command is not there. Source: sh(1).
const CANNOT_RUN: u8 = 127;
/// As of a program that a closed pipe ended (128 + SIGPIPE).
const CLOSED_PIPE: u8 = 141;

/// Why a command ends without success.
#[derive(Debug)]
pub enum CliError {
    /// A use case refused or could not.
    Op(OpError),
    /// The answer could not be written.
    Output(io::Error),
    /// A file could not be read.
    Input {
        /// The file as the caller named it.
        path: String,
        /// Why not.
        error: io::Error,
    },
    /// The command was used wrongly, in a way that its definition cannot say.
    Usage(String),
    /// Something else that was started failed.
    Failed(String),
    /// There is nothing to tell, which is an answer by itself.
    NoAnswer(Box<NoAnswer>),
    /// A command that was run for a session ended like this, and has said itself why.
    Status(u8),
}

/// What is missing of an answer.
#[derive(Debug)]
pub struct NoAnswer {
    /// Its public name.
    pub code: &'static str,
    /// The session that it is about.
    pub session_id: Option<SessionId>,
    /// It, in words.
    pub message: String,
    /// What is known, for machines.
    pub details: Value,
}

impl From<OpError> for CliError {
    fn from(error: OpError) -> CliError {
        CliError::Op(error)
    }
}

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> CliError {
        CliError::Op(error.into())
    }
}

impl std::fmt::Display for CliError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&message(self))
    }
}

/// Tells what is wrong, and returns the exit status.
pub fn report(app: &App, error: &CliError, wants_json: bool) -> ExitCode {
    let status = status(error);
    if matches!(error, CliError::Status(_)) {
        return ExitCode::from(status);
    }
    if matches!(error, CliError::Output(error) if error.kind() == io::ErrorKind::BrokenPipe) {
        return ExitCode::from(CLOSED_PIPE);
    }
    let word = if status == FATAL { "fatal" } else { "error" };
    let mut text = format!("{word}: {}\n", sanitize::to_terminal(&message(error)));
    for line in hint::lines(app, error) {
        text.push_str(&format!("hint: {}\n", sanitize::to_terminal(&line)));
    }
    if wants_json {
        text.push_str(&format!("{}\n", to_text(&to_json(error))));
    }
    output::to_stderr(&text);
    ExitCode::from(status)
}

/// Tells what is wrong with the arguments, or helps, and returns the exit status.
pub fn usage(refusal: &clap::Error, wants_json: bool) -> ExitCode {
    if !refusal.use_stderr() {
        return match refusal.print() {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                output::to_stderr(&format!("fatal: write failure on standard output: {error}\n"));
                ExitCode::from(FATAL)
            }
            _ => ExitCode::SUCCESS,
        };
    }
    let text = refusal.render().to_string();
    let lines = text.lines().map(|line| sanitize::to_terminal(line).into_owned());
    let mut text: String = lines.map(|line| line + "\n").collect();
    if wants_json {
        // What the first paragraph says: below it are tips and the usage.
        let message: Vec<&str> =
            text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
        let message = message.join(" ");
        let message = message.trim_start_matches("error: ");
        let error = json!({ "code": "usage", "message": message, "details": {} });
        text.push_str(&format!("{}\n", to_text(&json!({ "error": error }))));
    }
    output::to_stderr(&text);
    ExitCode::from(USAGE)
}

fn status(error: &CliError) -> u8 {
    match error {
        CliError::Usage(_) => USAGE,
        CliError::Status(status) => *status,
        CliError::NoAnswer(_) => REFUSED,
        CliError::Op(OpError::CannotRun { .. }) => CANNOT_RUN,
        CliError::Op(OpError::TimedOut { .. }) => TIMEOUT_STATUS,
        CliError::Op(OpError::Lease(_) | OpError::Stop(_) | OpError::Transcript { .. }) => FATAL,
        CliError::Output(_) | CliError::Input { .. } | CliError::Failed(_) => FATAL,
        CliError::Op(OpError::Store(error)) => match error {
            StoreError::Raced { .. } | StoreError::Busy { .. } | StoreError::WorkTree(_) => REFUSED,
            _ => FATAL,
        },
        CliError::Op(OpError::UnknownField { kind: "JSON field" | "placeholder", .. }) => USAGE,
        CliError::Op(OpError::InvalidValue { field, .. }) if field.starts_with("--") => USAGE,
        CliError::Op(_) => REFUSED,
    }
}

fn message(error: &CliError) -> String {
    match error {
        CliError::Op(error) => error.to_string(),
        CliError::Output(error) => format!("write failure on standard output: {error}"),
        CliError::Input { path, error } => format!("cannot read '{path}': {error}"),
        CliError::Usage(text) | CliError::Failed(text) => text.clone(),
        CliError::NoAnswer(missing) => missing.message.clone(),
        CliError::Status(status) => format!("the command ended with status {status}"),
    }
}

fn to_json(error: &CliError) -> Value {
    let (code, details) = match error {
        CliError::Op(error) => (code(error), details(error)),
        CliError::Usage(_) => ("usage", json!({})),
        CliError::NoAnswer(missing) => (missing.code, missing.details.clone()),
        CliError::Output(_)
        | CliError::Input { .. }
        | CliError::Failed(_)
        | CliError::Status(_) => ("io", json!({})),
    };
    json!({ "error": { "code": code, "message": message(error), "details": details } })
}

/// Returns the public name of an error.
fn code(error: &OpError) -> &'static str {
    match error {
        OpError::NotFound { .. } | OpError::NoCurrent | OpError::NoLog { .. } => "not_found",
        OpError::Ambiguous { .. } => "ambiguous",
        OpError::InvalidTransition { .. } | OpError::HookRefused { .. } => "invalid_transition",
        OpError::Unexpected { .. } | OpError::Conflict { .. } => "conflict",
        OpError::InvalidValue { .. }
        | OpError::Line { .. }
        | OpError::Lifecycle { .. }
        | OpError::StillOpen { .. } => "invalid_value",
        OpError::UnknownField { .. } => "unknown_field",
        OpError::ImmutableField { .. } => "immutable_field",
        OpError::Corrupt { .. } => "corrupt",
        OpError::HasSecrets { .. } => "secret",
        OpError::NoRemote { .. } => "not_found",
        OpError::Newer { .. } => "unsupported",
        OpError::AlreadyExists { .. } => "already_exists",
        OpError::NotOwner { .. } => "not_owner",
        OpError::Unreachable { .. } => "invalid_transition",
        OpError::TimedOut { .. } | OpError::NoTimeLeft { .. } => "timeout",
        OpError::AlreadyRunning { .. } | OpError::StillRunning { .. } => "conflict",
        OpError::Place(error) => place::code(error),
        OpError::Store(StoreError::WorkTree(error)) => place::work_tree_code(error),
        OpError::Transcript { .. }
        | OpError::CannotRun { .. }
        | OpError::Lease(_)
        | OpError::Stop(_) => "io",
        OpError::Store(error) => match error {
            StoreError::NotARepository => "not_a_repository",
            StoreError::Unsupported(_) | StoreError::Unsafe(_) => "unsupported",
            StoreError::Raced { .. } | StoreError::Busy { .. } => "conflict",
            StoreError::Corrupt { .. }
            | StoreError::Missing { .. }
            | StoreError::Symbolic { .. } => "corrupt",
            _ => "io",
        },
    }
}

fn leak(leak: &Leak) -> Value {
    json!({ "session": leak.session_id.to_string(), "path": leak.path, "rule": leak.rule })
}

fn details(error: &OpError) -> Value {
    match error {
        OpError::NotFound { name } => json!({ "name": name }),
        OpError::Ambiguous { name, candidates } => {
            let handles: Vec<String> = candidates.iter().map(|it| it.handle.to_string()).collect();
            json!({ "name": name, "candidates": handles })
        }
        OpError::InvalidTransition { handle, from, to, allowed } => {
            json!({ "handle": handle.to_string(), "from": from, "to": to, "allowed": allowed })
        }
        OpError::HookRefused { handle, from, to, allowed, hook } => {
            let handle = handle.to_string();
            json!({ "handle": handle, "from": from, "to": to, "allowed": allowed, "hook": hook })
        }
        OpError::Unreachable { handle, now, wanted } => {
            json!({ "handle": handle.to_string(), "from": now, "to": wanted, "allowed": [] })
        }
        OpError::Unexpected { handle, found, expected } => {
            json!({ "handle": handle.to_string(), "found": found, "expected": expected })
        }
        OpError::InvalidValue { field, reason, allowed } => {
            json!({ "field": field, "reason": reason, "allowed": allowed })
        }
        OpError::Line { number, reason } => json!({ "line": number, "reason": reason }),
        OpError::UnknownField { field, known, .. } => json!({ "field": field, "known": known }),
        OpError::ImmutableField { field } => json!({ "field": field }),
        OpError::NotOwner { handle, whose } => {
            json!({ "handle": handle.to_string(), "owner": whose })
        }
        OpError::Place(PlaceError::Taken { handle, pid, path }) => {
            json!({ "handle": handle.to_string(), "pid": pid, "path": path.to_string_lossy() })
        }
        OpError::NoLog { handle } | OpError::Conflict { handle } => {
            json!({ "handle": handle.to_string() })
        }
        OpError::HasSecrets { leaks } => {
            let leaks: Vec<Value> = leaks.iter().map(leak).collect();
            json!({ "secrets": leaks })
        }
        OpError::NoRemote { name, known } => json!({ "name": name, "known": known }),
        OpError::Corrupt { name, reason } => json!({ "id": name, "reason": reason }),
        _ => json!({}),
    }
}
