use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use super::start::answer;
use crate::cli::app::App;
use crate::cli::options::{Json, Reason};
use crate::cli::{CliError, complete};
use crate::ops::log::LoggedEvent;
use crate::ops::undo;
use crate::render::sanitize;

/// Take the last change of a session back: a transition, update, attached or detached file, or checkpoint
///
/// The history keeps both: a new event puts what the other one changed as it was before, whatever the
/// lifecycle's table says. What happened since and is no change (a worker ended, something was recorded)
/// stays. Once more takes back the change before. Files of the work tree are not touched; that is "git
/// session restore".
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  git session undo -n\n  git session undo")]
pub struct Undo {
    /// The session; default: the current one
    #[arg(value_name = "session", add = ArgValueCompleter::new(complete::sessions))]
    session: Option<String>,
    #[command(flatten)]
    reason: Reason,
    /// Only tell which change would be taken back
    #[arg(short = 'n', long, conflicts_with = "json")]
    dry_run: bool,
    #[command(flatten)]
    json: Json,
}

impl Undo {
    /// Does it.
    pub fn run(self, app: &App) -> Result<(), CliError> {
        let session_id = app.resolve(self.session.as_deref())?;
        let store = app.store()?;
        if self.dry_run {
            let event = undo::find(store, session_id)?;
            app.narrate(&format!("Would take back {}", told(&event)));
            return Ok(());
        }
        let undone = undo::undo(store, &app.context()?, session_id, &self.reason.text())?;
        let session = &undone.changed.view.session;
        let what = undone.event.as_ref().map_or_else(|| "a change".to_owned(), told);
        let (handle, status) = (session.id.handle(), &session.status);
        let story = format!("Took back {what}; session {handle} is '{status}'");
        answer(app, &undone.changed, &self.json, &story)
    }
}

fn told(event: &LoggedEvent) -> String {
    let subject = sanitize::to_terminal(&event.subject);
    format!("event {} ({subject})", event.seq.unwrap_or_default())
}
