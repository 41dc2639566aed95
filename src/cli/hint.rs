//! The next step after an error, on its own lines; silenced by `GIT_ADVICE=0`, `-q`, or
//! `advice.session<Key>=false`.

use super::app::App;
use super::error::CliError;
use super::place;
use crate::ops::{Candidate, OpError};
use crate::store::{StoreError, session_ref};

/// How many candidates of an ambiguous name are listed.
const MAX_CANDIDATES: usize = 10;

/// Returns the lines of the hint; none if there is nothing to say or nobody wants to hear it.
pub fn lines(app: &App, error: &CliError) -> Vec<String> {
    match hint(error) {
        Some((key, lines)) if is_wanted(app, key) => lines,
        _ => Vec::new(),
    }
}

/// Tells whether hints under `advice.session<key>` are wanted.
pub fn is_wanted(app: &App, key: &str) -> bool {
    let key = format!("session{}", key.to_lowercase());
    let is_off = app.opened().is_some_and(|store| store.settings().advice_off.contains(&key));
    let by_environment = !app.environment.has("GIT_ADVICE") || app.environment.is_on("GIT_ADVICE");
    !app.global.quiet && by_environment && !is_off
}

fn hint(error: &CliError) -> Option<(&'static str, Vec<String>)> {
    let error = match error {
        CliError::Op(error) => error,
        CliError::NoAnswer(missing) => {
            let session_id = missing.session_id.filter(|_| missing.code == "not_fetched");
            let name = session_ref(session_id?);
            return Some(("Fetch", vec![format!("try \"git fetch <remote> {name}:{name}\"")]));
        }
        _ => return None,
    };
    Some(match error {
        OpError::NotFound { .. } => ("NotFound", vec!["see \"git session list --all\"".into()]),
        OpError::NoCurrent => (
            "NoCurrent",
            vec![
                "begin one with \"git session start <title>\", or name one of \"git session list\""
                    .into(),
            ],
        ),
        OpError::Ambiguous { candidates, .. } => ("Ambiguous", candidate_lines(candidates)),
        OpError::InvalidTransition { from, allowed, to, .. } => {
            ("Transition", transition_lines(from, to, allowed))
        }
        OpError::InvalidValue { allowed, .. } if !allowed.is_empty() => {
            ("Value", vec![format!("it can be {}", or_list(allowed))])
        }
        OpError::NoTimeLeft { .. } => (
            "Time",
            vec![
                "see \"git session check\"; give it more with \"git session update --set \
                 configuration.timeout_minutes=<n>\", or run with --timeout"
                    .into(),
            ],
        ),
        OpError::StillOpen { .. } => {
            ("Open", vec!["end it first; \"git session delete\" can be forced".into()])
        }
        OpError::StillRunning { .. } => {
            ("Open", vec!["end it first, with \"git session terminate\"".into()])
        }
        OpError::UnknownField { known, .. } => {
            ("Field", vec![format!("there are: {}", known.join(", "))])
        }
        OpError::Unexpected { .. } | OpError::Conflict { .. } => (
            "Conflict",
            vec![
                "nothing was changed; look with \"git session log -n3\" and run the command again"
                    .into(),
            ],
        ),
        OpError::Corrupt { .. } => (
            "Corrupt",
            vec!["the others are not affected; \"git session delete --force\" removes it".into()],
        ),
        OpError::NotOwner { handle, .. } => (
            "Owner",
            vec![
                "run the command where the worker is, or leave the worker to itself:".into(),
                format!("  \"git session resume --take-over {handle}\" goes on here"),
                format!("  \"git session terminate -f {handle}\" ends the session"),
            ],
        ),
        OpError::NoLog { .. } => {
            ("Log", vec!["one is kept for what \"git session run --detach\" runs".into()])
        }
        OpError::HasSecrets { .. } => (
            "Secret",
            vec![
                "nothing was sent; name the sessions that are to be sent without those,".into(),
                "or allow what is no secret with session.redactAllow; --no-scan does not look"
                    .into(),
            ],
        ),
        OpError::NoRemote { known, .. } if known.is_empty() => {
            ("Remote", vec!["add one with \"git remote add <name> <url>\"".into()])
        }
        OpError::NoRemote { known, .. } => (
            "Remote",
            vec![format!(
                "there are: {}; sessions are named after the remote: \"git session push <remote> <session>\"",
                known.join(", ")
            )],
        ),
        OpError::Newer { .. } => ("Newer", vec!["update git-session to read it".into()]),
        OpError::Place(error) => ("Place", place::hint(error)),
        OpError::Store(error) => return store_hint(error),
        _ => return None,
    })
}

fn store_hint(error: &StoreError) -> Option<(&'static str, Vec<String>)> {
    Some(match error {
        StoreError::Unsafe(path) => {
            let command = "git config --global --add safe.directory";
            (
                "Unsafe",
                vec![
                    "to add an exception for this directory, call:".into(),
                    format!("  {command} {}", path.display()),
                ],
            )
        }
        StoreError::Busy { .. } => {
            ("Busy", vec!["nothing was changed; run the command again".into()])
        }
        StoreError::WorkTree(error) => ("WorkTree", place::work_tree_hint(error)),
        _ => return None,
    })
}

fn candidate_lines(candidates: &[Candidate]) -> Vec<String> {
    let mut lines = vec!["the candidates are:".to_owned()];
    for candidate in candidates.iter().take(MAX_CANDIDATES) {
        let Candidate { handle, status, date, title } = candidate;
        lines.push(format!("  {handle} {status} {date} - {title}"));
    }
    if candidates.len() > MAX_CANDIDATES {
        lines.push(format!("  and {} more", candidates.len() - MAX_CANDIDATES));
    }
    lines
}

fn transition_lines(from: &str, to: &str, allowed: &[String]) -> Vec<String> {
    if allowed.is_empty() {
        return vec![format!("'{from}' is final")];
    }
    let mut lines = vec![format!("from '{from}' it can go to {}", or_list(allowed))];
    match to {
        "next" => lines.push(
            "say which one with \"git session to <state>\"; a paused one goes on with \"resume\""
                .into(),
        ),
        "resume" => lines.push("one that has not begun begins with \"git session next\"".into()),
        _ => {}
    }
    lines
}

/// Returns `a`, `a or b`, `a, b or c`.
fn or_list(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}
