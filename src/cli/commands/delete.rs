use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use serde_json::json;

use crate::cli::app::App;
use crate::cli::options::Json;
use crate::cli::{CliError, complete};
use crate::model::SessionId;
use crate::ops::{delete, load};

/// Remove sessions with their history; open ones only with --force
///
/// One whose worker runs is not removed at all: end it first, with "git session terminate". Of an archived one the
/// archive says from then on that it was deleted, and its commits stay in the archive's history.
#[derive(Debug, Args)]
pub struct Delete {
    /// The sessions
    #[arg(value_name = "session", required = true,
          add = ArgValueCompleter::new(complete::sessions))]
    sessions: Vec<String>,
    /// Open ones too
    #[arg(short, long)]
    force: bool,
    /// Only tell what would be removed
    #[arg(short = 'n', long)]
    dry_run: bool,
    #[command(flatten)]
    json: Json,
}

impl Delete {
    /// Does it: finds all of them first, so that a wrong name removes nothing.
    pub fn run(self, app: &App) -> Result<(), CliError> {
        let mut ids: Vec<SessionId> = Vec::new();
        for name in &self.sessions {
            let session_id = app.resolve(Some(name))?;
            if !ids.contains(&session_id) {
                ids.push(session_id);
            }
        }
        let store = app.store()?;
        for session_id in &ids {
            delete::check(store, *session_id, self.force)?;
        }
        let context = app.context()?;
        for session_id in &ids {
            let title = load::load(store, *session_id).map(|it| it.view.session.title);
            if !self.dry_run {
                delete::delete(store, &context, *session_id, self.force)?;
            }
            self.answer(app, *session_id, ids.len(), &title.unwrap_or_default())?;
        }
        if self.json.is_wanted() && ids.len() > 1 {
            let all: Vec<String> = ids.iter().map(ToString::to_string).collect();
            app.answer_json(&json!({ self.key(): all }))?;
        }
        Ok(())
    }

    fn key(&self) -> &'static str {
        if self.dry_run { "would_delete" } else { "deleted" }
    }

    fn answer(
        &self,
        app: &App,
        session_id: SessionId,
        n_sessions: usize,
        title: &str,
    ) -> Result<(), CliError> {
        if self.json.is_wanted() {
            if n_sessions > 1 {
                return Ok(());
            }
            return app.answer_json(&json!({ self.key(): session_id.to_string() }));
        }
        let title = crate::render::sanitize::to_terminal(title);
        let session = format!("session {} ({session_id}) {title}", session_id.handle());
        if self.dry_run {
            return app.answer(|out| writeln!(out, "Would delete {session}"));
        }
        app.narrate(&format!("Deleted {session}"));
        Ok(())
    }
}
