use clap::Args;
use serde_json::{Value, json};

use super::delete::tell_purged;
use crate::cli::app::App;
use crate::cli::options::Json;
use crate::cli::{CliError, date, output};
use crate::model::{Oid, SessionId};
use crate::ops::prune::{self, Plan, Reason, Wish};
use crate::render::sanitize;
use crate::store::Purged;

/// Delete sessions that ended long ago
///
/// Open sessions are never deleted. Of those that have ended, these are kept: what a work tree has as its current session or
/// the one before, what a process runs for, what an open session continues, and, without --linked, what made a commit
/// that a branch or a tag has. The archive says of each that it was deleted, so that it does not come back with the archive
/// of another clone.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  git session prune --older-than=1.year -n\n  \
    git session prune --older-than=2.years --linked --purge")]
pub struct Prune {
    /// Those without an event since then (1.year, 2026-01-31)
    #[arg(long, value_name = "time")]
    older_than: String,
    /// Also those that made a commit that a branch or a tag has
    #[arg(long)]
    linked: bool,
    /// Remove for good what they said, too, as "git session delete --purge" does
    #[arg(long, conflicts_with = "dry_run")]
    purge: bool,
    /// Only tell what would be deleted
    #[arg(short = 'n', long)]
    dry_run: bool,
    #[command(flatten)]
    json: Json,
}

impl Prune {
    /// Does it.
    pub fn run(self, app: &App) -> Result<(), CliError> {
        let store = app.store()?;
        let until = date::parse("--older-than", &self.older_than, app.now)?;
        let plan = prune::plan(store, &Wish { until, also_linked: self.linked })?;
        let (mut deleted, mut purged) = (Vec::new(), None);
        if !self.dry_run {
            let context = app.context()?;
            deleted = prune::prune(store, &context, &plan)?;
            if self.purge && !deleted.is_empty() {
                let is_gone = |(id, _): &(SessionId, Oid)| deleted.contains(id);
                let all = plan.items.iter().map(|item| (item.session_id, item.tip));
                let gone: Vec<(SessionId, Oid)> = all.filter(is_gone).collect();
                purged = Some(prune::purge(store, &context, &gone)?);
            }
        }
        if self.json.is_wanted() {
            app.answer_json(&self.to_json(&plan, &deleted, purged.as_ref()))?;
        } else {
            self.tell(app, &plan, &deleted, purged.as_ref())?;
        }
        if plan.faults.is_empty() {
            return Ok(());
        }
        app.finish()?;
        Err(CliError::Status(1))
    }

    fn to_json(&self, plan: &Plan, deleted: &[SessionId], purged: Option<&Purged>) -> Value {
        let ids = |ids: &mut dyn Iterator<Item = SessionId>| -> Vec<String> {
            ids.map(|it| it.to_string()).collect()
        };
        let (key, sessions) = match self.dry_run {
            true => ("would_delete", ids(&mut plan.items.iter().map(|item| item.session_id))),
            false => ("deleted", ids(&mut deleted.iter().copied())),
        };
        let kept = plan.kept.iter().map(
            |(session_id, reason)| json!({ "id": session_id.to_string(), "reason": word(*reason) }),
        );
        let kept: Vec<Value> = kept.collect();
        let fault = |it: &crate::store::Fault| json!({ "id": it.name, "reason": it.reason });
        let corrupt: Vec<Value> = plan.faults.iter().map(fault).collect();
        let purged = purged.map(super::delete::purged_to_json);
        json!({ key: sessions, "kept": kept, "corrupt": corrupt, "purged": purged })
    }

    fn tell(
        &self,
        app: &App,
        plan: &Plan,
        deleted: &[SessionId],
        purged: Option<&Purged>,
    ) -> Result<(), CliError> {
        for fault in &plan.faults {
            let text = format!("session {} is kept: {}", fault.name, fault.reason);
            output::to_stderr(&format!("error: {}\n", sanitize::to_terminal(&text)));
        }
        for (session_id, reason) in &plan.kept {
            let why = match reason {
                Reason::Current => "a work tree has it as its current one or the one before",
                Reason::Running => "a process runs for it",
                Reason::Continued => "an open session continues it",
                Reason::Linked => "a branch or a tag has a commit of it",
            };
            app.narrate(&format!("Session {} is kept: {why}", session_id.handle()));
        }
        if !self.dry_run {
            let s = if deleted.len() == 1 { "" } else { "s" };
            app.narrate(&format!("Deleted {} session{s}", deleted.len()));
            purged.into_iter().for_each(|purged| tell_purged(app, purged));
            return Ok(());
        }
        for item in &plan.items {
            let (session_id, title) = (item.session_id, sanitize::to_terminal(&item.title));
            let line = format!("session {} ({session_id}) {title}", session_id.handle());
            app.answer(|out| writeln!(out, "Would delete {}", line.trim_end()))?;
        }
        Ok(())
    }
}

fn word(reason: Reason) -> &'static str {
    match reason {
        Reason::Current => "current",
        Reason::Running => "running",
        Reason::Continued => "continued",
        Reason::Linked => "linked",
    }
}
