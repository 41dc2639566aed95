//! Completion: the answers to a shell that asks, with the ids of the sessions that there are.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap_complete::engine::CompletionCandidate;
use clap_complete::env::CompleteEnv;

use super::app::App;
use super::environment::Environment;
use super::options::Global;
use super::{plugins, transcripts};
use crate::model::Class;
use crate::ops::observe::Observed;
use crate::ops::{lifecycles, list};

/// The variable by which a shell asks; the library's own, `COMPLETE`, is too common a name.
pub const VARIABLE: &str = "GIT_SESSION_COMPLETE";

/// Answers a shell that asks for completions; `None` if none asks.
pub fn answer(environment: &Environment, args: &[OsString]) -> Option<ExitCode> {
    environment.get(VARIABLE)?;
    let engine = CompleteEnv::with_factory(super::definition).bin("git-session").var(VARIABLE);
    let dir = environment.current_dir.clone();
    match engine.try_complete(args.iter().cloned(), Some(&dir)) {
        Ok(true) => Some(ExitCode::SUCCESS),
        Ok(false) => None,
        Err(_) => Some(ExitCode::FAILURE),
    }
}

/// Offers the sessions that there are: handles, newest first, with their titles.
pub fn sessions(typed: &OsStr) -> Vec<CompletionCandidate> {
    let typed = typed.to_string_lossy();
    let app = App::new(Environment::read(), Global::default());
    let everything = list::Query { all: true, ..list::Query::default() };
    let found = app.store().ok().and_then(|store| list::list(store, &everything).ok());
    let sessions = found.map(|found| found.sessions).unwrap_or_default();
    let mut candidates = Vec::new();
    for listed in sessions {
        let excerpt = listed.excerpt;
        let help = format!("{}: {}", excerpt.status, excerpt.title);
        let mut offer = |name: String| {
            if name.starts_with(&*typed) {
                candidates.push(CompletionCandidate::new(name).help(Some(help.clone().into())));
            }
        };
        offer(excerpt.id.handle().to_string());
        if let Some(name) = excerpt.name {
            offer(name);
        }
        if !typed.is_empty() {
            offer(excerpt.id.to_string());
        }
    }
    candidates
}

/// Offers states: those of the built-in lifecycles and of the repository's own.
pub fn states(typed: &OsStr) -> Vec<CompletionCandidate> {
    let typed = typed.to_string_lossy();
    let states = lifecycles::all_states(work_dir().as_deref());
    let states = states.into_iter().filter(|state| state.starts_with(&*typed));
    states.map(CompletionCandidate::new).collect()
}

/// Offers what a session can be waited for: a state, a class, or what is seen of its worker.
pub fn goals(typed: &OsStr) -> Vec<CompletionCandidate> {
    let mut candidates = states(typed);
    let words = Class::ALL.map(Class::as_str).into_iter();
    for word in words.chain(Observed::ALL.map(Observed::as_str)) {
        let candidate = CompletionCandidate::new(word);
        let is_typed = word.starts_with(&*typed.to_string_lossy());
        if is_typed && candidates.iter().all(|it| it.get_value() != candidate.get_value()) {
            candidates.push(candidate);
        }
    }
    candidates
}

/// Offers what may stand first where a session or a state may: both.
pub fn sessions_and_states(typed: &OsStr) -> Vec<CompletionCandidate> {
    let mut candidates = states(typed);
    candidates.extend(sessions(typed));
    candidates
}

/// Offers agents whose transcripts can be read: those that are built in, and those of plug-ins.
pub fn agents(typed: &OsStr) -> Vec<CompletionCandidate> {
    let typed = typed.to_string_lossy();
    let app = App::new(Environment::read(), Global::default());
    let names = transcripts::agents(&plugins::all(&app)).into_iter();
    names.filter(|name| name.starts_with(&*typed)).map(CompletionCandidate::new).collect()
}

/// Offers lifecycles.
pub fn lifecycles(typed: &OsStr) -> Vec<CompletionCandidate> {
    let typed = typed.to_string_lossy();
    let names = lifecycles::names(work_dir().as_deref());
    let names = names.into_iter().filter(|name| name.starts_with(&*typed));
    names.map(CompletionCandidate::new).collect()
}

fn work_dir() -> Option<PathBuf> {
    let app = App::new(Environment::read(), Global::default());
    app.store().ok()?.work_dir().map(Path::to_owned)
}
