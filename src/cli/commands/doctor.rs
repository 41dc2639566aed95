use std::env;

use clap::Args;
use serde_json::{Value, json};

use super::agent;
use crate::agents::hooks::Setup;
use crate::cli::app::App;
use crate::cli::{CliError, hint, redaction};
use crate::ops::agents;
use crate::ops::doctor::{self, Finding, Kind};
use crate::render::sanitize;

/// Find what is wrong with sessions, and repair what is safe to repair
///
/// Looked at are: all that is stored of each session, also for secrets that the present rules find (whatever
/// session.redact says); locks that nobody takes back; what is kept here of workers and agents whose session is
/// gone; workers that are lost; agents that are told to call a program that is not there;
/// hooks that another version has installed. A secret is told by
/// its place and by the rule that finds it, and never printed.
///
/// Nothing is changed without --fix, and with it no session is. The exit status is 1 if something remains.
#[derive(Debug, Args)]
pub struct Doctor {
    /// Remove what no process can still need
    #[arg(long)]
    fix: bool,
    /// Answer with one JSON document
    #[arg(long)]
    json: bool,
}

impl Doctor {
    /// Does it.
    pub fn run(self, app: &App) -> Result<(), CliError> {
        let store = app.store()?;
        let mut findings = doctor::examine(store, &redaction::rules(app, store), self.fix)?;
        findings.extend(deaf_agents(app));
        let n_left = findings.iter().filter(|it| !it.is_fixed).count();
        if self.json {
            let all: Vec<Value> = findings.iter().map(to_json).collect();
            app.answer_json(&json!({ "findings": all, "fix": self.fix }))?;
        } else {
            tell(app, &findings)?;
        }
        if n_left == 0 {
            return Ok(());
        }
        app.finish()?;
        Err(CliError::Status(1))
    }
}

/// Returns the agents that are told to call a program that is not there.
fn deaf_agents(app: &App) -> Vec<Finding> {
    let path = app.environment.path();
    let is_on_path = env::split_paths(&path).any(|dir| dir.join("git-session").is_file());
    let scopes = [(agent::project(app), ""), (agent::user(app), " --user")];
    let mut findings = Vec::new();
    for (scope, option) in scopes {
        let Ok(scope) = scope else { continue };
        for setup in Setup::all() {
            let Some(program) = agents::missing_program(&scope, setup, is_on_path) else {
                continue;
            };
            let (name, file) = (setup.agent, app.shown_path(&scope.file(setup)));
            let text =
                format!("{name} is told in '{file}' to call '{program}', which is not there");
            let hint = format!("\"git session agent enable {name}{option}\" tells it anew");
            findings.push(Finding::new(Kind::Agent, text).hint(hint));
        }
    }
    findings
}

fn tell(app: &App, findings: &[Finding]) -> Result<(), CliError> {
    let mut hints: Vec<&str> = Vec::new();
    for finding in findings {
        let word = match (finding.is_fixed, finding.kind.is_error()) {
            (true, _) => "fixed",
            (false, true) => "error",
            (false, false) => "warning",
        };
        let text = sanitize::to_terminal(&finding.text);
        app.answer(|out| writeln!(out, "{word}: {text}"))?;
        let hint = finding.hint.as_deref().filter(|it| !finding.is_fixed && !hints.contains(it));
        hints.extend(hint);
    }
    if hint::is_wanted(app, "Doctor") {
        hints.iter().for_each(|it| app.narrate(&format!("hint: {}", sanitize::to_terminal(it))));
    }
    Ok(())
}

fn to_json(finding: &Finding) -> Value {
    json!({
        "kind": finding.kind.as_str(),
        "severity": if finding.kind.is_error() { "error" } else { "warning" },
        "session": finding.session_id.map(|it| it.to_string()),
        "path": finding.path,
        "rule": finding.rule,
        "message": finding.text,
        "hint": finding.hint,
        "fixed": finding.is_fixed,
    })
}
