use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use serde_json::{Value, json};

use crate::cli::app::App;
use crate::cli::options::Json;
use crate::cli::{CliError, complete, output};
use crate::model::{Oid, SessionId};
use crate::ops::{delete, load, prune};
use crate::render::sanitize;
use crate::store::Purged;

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
    /// Remove for good what they said, too: what remotes are known to have, their place in the archive's history, and
    /// the objects that nothing else in this repository has
    #[arg(long, conflicts_with = "dry_run")]
    purge: bool,
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
        let mut tips: Vec<(SessionId, Oid)> = Vec::new();
        for session_id in &ids {
            let title = load::load(store, *session_id).map(|it| it.view.session.title);
            if !self.dry_run {
                let tip = store.tip(*session_id).ok().flatten();
                tips.extend(tip.map(|tip| (*session_id, tip)));
                delete::delete(store, &context, *session_id, self.force)?;
            }
            self.tell(app, *session_id, &title.unwrap_or_default())?;
        }
        let purged = match self.purge {
            true => Some(prune::purge(store, &context, &tips)?),
            false => None,
        };
        if self.json.is_wanted() {
            return app.answer_json(&self.to_json(&ids, purged.as_ref()));
        }
        purged.iter().for_each(|purged| tell_purged(app, purged));
        Ok(())
    }

    fn to_json(&self, ids: &[SessionId], purged: Option<&Purged>) -> Value {
        let mut answer = match ids {
            [only] => json!({ self.key(): only.to_string() }),
            _ => json!({ self.key(): ids.iter().map(ToString::to_string).collect::<Vec<_>>() }),
        };
        if let Some(purged) = purged {
            answer["purged"] = purged_to_json(purged);
        }
        answer
    }

    fn key(&self) -> &'static str {
        if self.dry_run { "would_delete" } else { "deleted" }
    }

    fn tell(&self, app: &App, session_id: SessionId, title: &str) -> Result<(), CliError> {
        if self.json.is_wanted() {
            return Ok(());
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

/// Tells what was removed for good, and who may have it still.
pub(super) fn tell_purged(app: &App, purged: &Purged) {
    let s = if purged.n_objects == 1 { "" } else { "s" };
    app.narrate(&format!("Removed {} object{s} for good", purged.n_objects));
    if purged.n_left > 0 {
        output::to_stderr(&format!(
            "warning: {} objects are still there: in a pack with a .keep, or in another repository that this one \
             borrows from\n",
            purged.n_left
        ));
    }
    for remote in &purged.remotes {
        let remote = sanitize::to_terminal(remote);
        output::to_stderr(&format!(
            "warning: remote '{remote}' had some of it, and may have it still\n"
        ));
    }
}

/// Returns the same as JSON.
pub(super) fn purged_to_json(purged: &Purged) -> Value {
    json!({ "objects": purged.n_objects, "left": purged.n_left, "remotes": purged.remotes })
}
