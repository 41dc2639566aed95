use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use serde_json::{Value, json};

use crate::cli::app::App;
use crate::cli::{CliError, complete, hint, output, redaction};
use crate::model::Oid;
use crate::ops::OpError;
use crate::ops::push::{self, Item, Plan, Which};
use crate::ops::push_archive;
use crate::render::sanitize;
use crate::store::Received;

/// Send sessions to a remote, unless there is a secret in them
///
/// Sent is what the remote does not have yet, as far as this clone knows: of the sessions that are named, else of
/// the open ones and of those that the remote has already. Before, all that would be sent is looked through for
/// secrets, by the present rules and whatever session.redact says; with one, nothing is sent. The archive goes along
/// with --all, and once the remote has it. Nothing is ever
/// overwritten: a session that has other events there is left as it is, here and there.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  git session push\n  git session push origin qpvuntsm\n  \
    git session push --all -n")]
pub struct Push {
    /// The remote; default: the one that "git push" sends to
    #[arg(value_name = "remote")]
    remote: Option<String>,
    /// The sessions
    #[arg(value_name = "session", add = ArgValueCompleter::new(complete::sessions))]
    sessions: Vec<String>,
    /// All sessions, also ended ones that the remote never had
    #[arg(long, conflicts_with = "sessions")]
    all: bool,
    /// Only tell what would be sent
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Do not look for secrets
    #[arg(long)]
    no_scan: bool,
    /// Answer with one JSON document
    #[arg(long)]
    json: bool,
}

impl Push {
    /// Does it.
    pub fn run(self, app: &App) -> Result<(), CliError> {
        let store = app.store()?;
        let mut plan = push::plan(store, self.remote.as_deref(), &self.which(app)?)?;
        if !self.no_scan {
            let refused = push::refuse_secrets(store, &redaction::rules(app, store), &mut plan);
            refused.inspect_err(tell_secrets)?;
        }
        let received = push::push(store, &plan, self.dry_run)?;
        let archive = push_archive::push(store, &plan, self.dry_run)?;
        if self.json {
            app.answer_json(&self.to_json(&plan, &received, archive.as_ref()))?;
        } else {
            tell(app, &plan, &received)?;
            tell_archive(app, &plan, archive.as_ref())?;
        }
        let is_rejected = |it: &Received| matches!(it, Received::Rejected(_));
        if plan.faults.is_empty() && !received.iter().chain(&archive).any(is_rejected) {
            return Ok(());
        }
        app.finish()?;
        Err(CliError::Status(1))
    }

    fn which(&self, app: &App) -> Result<Which, CliError> {
        if self.sessions.is_empty() {
            return Ok(if self.all { Which::All } else { Which::Usual });
        }
        let ids = self.sessions.iter().map(|name| app.resolve(Some(name)));
        Ok(Which::Named(ids.collect::<Result<_, _>>()?))
    }

    fn to_json(&self, plan: &Plan, received: &[Received], archive: Option<&Received>) -> Value {
        let session = |(item, received): (&Item, &Received)| {
            let (result, reason) = words(received);
            json!({
                "id": item.session_id.to_string(),
                "result": result,
                "from": item.known.map(|it| it.to_string()),
                "to": item.tip.to_string(),
                "reason": reason,
            })
        };
        let sessions: Vec<Value> = plan.items.iter().zip(received).map(session).collect();
        let fault = |it: &crate::store::Fault| json!({ "id": it.name, "reason": it.reason });
        let corrupt: Vec<Value> = plan.faults.iter().map(fault).collect();
        let archive = plan.archive.as_ref().zip(archive).map(|(item, received)| {
            let (result, reason) = words(received);
            json!({
                "result": result,
                "from": item.known.map(|it| it.to_string()),
                "to": item.tip.to_string(),
                "sessions": item.sessions.len(),
                "reason": reason,
            })
        });
        json!({
            "remote": plan.remote, "dry_run": self.dry_run, "sessions": sessions,
            "archive": archive, "corrupt": corrupt,
        })
    }
}

/// Returns the word for what a remote did, and why it refused.
fn words(received: &Received) -> (&'static str, Option<&String>) {
    match received {
        Received::New => ("new", None),
        Received::Updated => ("updated", None),
        Received::Unchanged => ("unchanged", None),
        Received::Rejected(reason) => ("rejected", Some(reason)),
    }
}

/// Tells what became of the archive, as `git push` does of a ref.
fn tell_archive(app: &App, plan: &Plan, received: Option<&Received>) -> Result<(), CliError> {
    let Some((item, received)) = plan.archive.as_ref().zip(received) else { return Ok(()) };
    let remote = sanitize::to_terminal(&plan.remote);
    if plan.items.is_empty() {
        app.answer(|out| writeln!(out, "To {remote}"))?;
    }
    let (sign, what) = sign(received, || range(item.known, item.tip));
    let why = why(received);
    let n = item.sessions.len();
    let s = if n == 1 { "" } else { "s" };
    let line = format!(" {sign} {what:<18} the archive, with {n} new session{s}{why}");
    app.answer(|out| writeln!(out, "{}", sanitize::to_terminal(&line)))?;
    if matches!(received, Received::Rejected(_)) && hint::is_wanted(app, "Rejected") {
        app.narrate(&format!(
            "hint: another clone has archived sessions, too; \"git session archive --from={remote}\"\n\
             hint: takes them in"
        ));
    }
    Ok(())
}

/// Returns the sign and the words for what a remote did, as git has them.
fn sign(received: &Received, range: impl FnOnce() -> String) -> (char, String) {
    match received {
        Received::New => ('*', "[new session]".to_owned()),
        Received::Updated => (' ', range()),
        Received::Unchanged => ('=', "[up to date]".to_owned()),
        Received::Rejected(_) => ('!', "[rejected]".to_owned()),
    }
}

fn why(received: &Received) -> String {
    match received {
        Received::Rejected(reason) => format!(" ({reason})"),
        _ => String::new(),
    }
}

/// Tells where the secrets are, a line for each.
fn tell_secrets(error: &OpError) {
    let OpError::HasSecrets { leaks } = error else { return };
    for leak in leaks {
        let handle = leak.session_id.handle();
        let text = format!("session {handle} has a secret in {} ({})", leak.place(), leak.rule);
        output::to_stderr(&format!("warning: {}\n", sanitize::to_terminal(&text)));
    }
}

/// Tells of each session, as `git push` does of each ref.
fn tell(app: &App, plan: &Plan, received: &[Received]) -> Result<(), CliError> {
    for fault in &plan.faults {
        let reason = format!("session {} was not sent: {}", fault.name, fault.reason);
        output::to_stderr(&format!("error: {}\n", sanitize::to_terminal(&reason)));
    }
    if plan.items.is_empty() {
        if plan.archive.is_none() {
            app.narrate("Everything up-to-date");
        }
        return Ok(());
    }
    let remote = sanitize::to_terminal(&plan.remote);
    app.answer(|out| writeln!(out, "To {remote}"))?;
    for (item, received) in plan.items.iter().zip(received) {
        let (sign, what) = sign(received, || range(item.known, item.tip));
        let line = format!("{} {}{}", item.session_id.handle(), item.title, why(received));
        let line = sanitize::to_terminal(line.trim_end());
        app.answer(|out| writeln!(out, " {sign} {what:<18} {line}"))?;
    }
    let is_rejected = |it: &&Received| matches!(it, Received::Rejected(_));
    if received.iter().any(|it| is_rejected(&it)) && hint::is_wanted(app, "Rejected") {
        let id = plan.items.iter().zip(received).find(|(_, it)| is_rejected(it));
        let id = id.map(|(item, _)| item.session_id.to_string()).unwrap_or_default();
        app.narrate(&format!(
            "hint: nothing was overwritten; see what is there with\n\
             hint:   \"git fetch {remote} refs/sessions/{id}\" and \"git log FETCH_HEAD\""
        ));
    }
    Ok(())
}

/// Returns what is sent, as git has it.
fn range(known: Option<Oid>, tip: Oid) -> String {
    format!("{}..{}", known.map(|it| it.short()).unwrap_or_default(), tip.short())
}
