use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use serde_json::{Value, json};

use crate::cli::app::App;
use crate::cli::options::Json;
use crate::cli::{CliError, complete, date, output};
use crate::model::SessionId;
use crate::ops::archive::{self, Plan, Reason, Which};
use crate::ops::push_archive;
use crate::render::sanitize;
use crate::store::Store;

/// Fold sessions that have ended into one ref
///
/// Many refs slow git down: each fetch, each push and "git log --all" look at all of them. An archived session has none
/// of its own; it is kept by refs/sessions-archive/v1, and all commands find it there as before. Without names, all
/// sessions that have ended are archived, but for those that a work tree has as its current one or the one before.
///
/// "git session push --all" sends the archive to a remote, and --from takes it in from there: what was archived in several
/// clones is joined. A session that was deleted in one of them is deleted, which is told.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  git session archive --older-than=2.weeks\n  \
    git session archive qpvuntsm\n  git session archive -n\n  git session archive --from=origin")]
pub struct Archive {
    /// The sessions
    #[arg(value_name = "session", add = ArgValueCompleter::new(complete::sessions))]
    sessions: Vec<String>,
    /// Only those without an event since then (2.weeks, 2026-01-31)
    #[arg(long, value_name = "time", conflicts_with = "sessions")]
    older_than: Option<String>,
    /// Archive nothing, but take in what is archived at this remote
    #[arg(long, value_name = "remote", conflicts_with_all = ["sessions", "older_than", "dry_run"])]
    from: Option<String>,
    /// Only tell what would be archived
    #[arg(short = 'n', long)]
    dry_run: bool,
    #[command(flatten)]
    json: Json,
}

impl Archive {
    /// Does it.
    pub fn run(self, app: &App) -> Result<(), CliError> {
        let store = app.store()?;
        if let Some(remote) = &self.from {
            return self.join(app, store, remote);
        }
        let mut plan = archive::plan(store, &self.which(app)?)?;
        let archived = match self.dry_run {
            true => plan.items.iter().map(|item| item.session_id).collect(),
            false => archive::archive(store, &app.context()?, std::mem::take(&mut plan.items))?,
        };
        if self.json.is_wanted() {
            app.answer_json(&self.to_json(&plan, &archived))?;
        } else {
            self.tell(app, &plan, &archived)?;
        }
        if plan.faults.is_empty() {
            return Ok(());
        }
        app.finish()?;
        Err(CliError::Status(1))
    }

    fn join(&self, app: &App, store: &Store, remote: &str) -> Result<(), CliError> {
        let joined = push_archive::join(store, &app.context()?, remote)?;
        if self.json.is_wanted() {
            let new: Vec<String> = joined.new.iter().map(|(id, _)| id.to_string()).collect();
            let diverged: Vec<String> = joined.diverged.iter().map(ToString::to_string).collect();
            let deleted: Vec<String> = joined.deleted.iter().map(ToString::to_string).collect();
            return app
                .answer_json(&json!({ "new": new, "deleted": deleted, "diverged": diverged }));
        }
        for session_id in &joined.deleted {
            let handle = session_id.handle();
            output::to_stderr(&format!(
                "warning: session {handle} was deleted in the other clone, and is deleted here\n"
            ));
        }
        for session_id in &joined.diverged {
            let handle = session_id.handle();
            output::to_stderr(&format!(
                "warning: session {handle} has gone on in both clones; the longer history counts\n"
            ));
        }
        let remote = sanitize::to_terminal(remote);
        app.narrate(&format!("Took {} in from {remote}", counted(joined.new.len())));
        Ok(())
    }

    fn which(&self, app: &App) -> Result<Which, CliError> {
        if self.sessions.is_empty() {
            let parse = |text: &String| date::parse("--older-than", text, app.now);
            return Ok(Which::Ended(self.older_than.as_ref().map(parse).transpose()?));
        }
        let ids = self.sessions.iter().map(|name| app.resolve(Some(name)));
        Ok(Which::Named(ids.collect::<Result<_, _>>()?))
    }

    fn to_json(&self, plan: &Plan, archived: &[SessionId]) -> Value {
        let key = if self.dry_run { "would_archive" } else { "archived" };
        let ids: Vec<String> = archived.iter().map(ToString::to_string).collect();
        let kept = |(session_id, reason): &(SessionId, Reason)| json!({ "id": session_id.to_string(), "reason": word(*reason) });
        let kept: Vec<Value> = plan.kept.iter().map(kept).collect();
        let fault = |it: &crate::store::Fault| json!({ "id": it.name, "reason": it.reason });
        let corrupt: Vec<Value> = plan.faults.iter().map(fault).collect();
        json!({ key: ids, "kept": kept, "corrupt": corrupt })
    }

    fn tell(&self, app: &App, plan: &Plan, archived: &[SessionId]) -> Result<(), CliError> {
        for fault in &plan.faults {
            let text = format!("session {} keeps its ref: {}", fault.name, fault.reason);
            output::to_stderr(&format!("error: {}\n", sanitize::to_terminal(&text)));
        }
        for (session_id, reason) in &plan.kept {
            let why = match reason {
                Reason::Current => "a work tree has it as its current one or the one before",
                Reason::Running => "a process runs for it",
            };
            app.narrate(&format!("Session {} keeps its ref: {why}", session_id.handle()));
        }
        if !self.dry_run {
            app.narrate(&format!("Archived {}", counted(archived.len())));
            return Ok(());
        }
        for item in &plan.items {
            let (session_id, title) = (item.session_id, archive::title_of(item));
            let title = sanitize::to_terminal(&title);
            let line = format!("session {} ({session_id}) {title}", session_id.handle());
            app.answer(|out| writeln!(out, "Would archive {}", line.trim_end()))?;
        }
        Ok(())
    }
}

fn word(reason: Reason) -> &'static str {
    match reason {
        Reason::Current => "current",
        Reason::Running => "running",
    }
}

fn counted(n: usize) -> String {
    match n {
        1 => "1 session".to_owned(),
        n => format!("{n} sessions"),
    }
}
