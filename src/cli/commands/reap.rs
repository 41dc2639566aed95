use clap::Args;
use serde_json::{Value, json};

use crate::cli::CliError;
use crate::cli::app::App;
use crate::ops::reap;

/// Put sessions aside whose worker is gone without having ended them
///
/// Only sessions at work whose worker this clone started are looked at. "git session resume" runs what
/// they ran again. Pending, suspended and ended sessions are never touched. What is kept here of the
/// workers of sessions that were deleted goes, and what was to run again of sessions that have ended.
#[derive(Debug, Args)]
pub struct Reap {
    /// Only tell which ones they are
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Answer with one JSON document
    #[arg(long)]
    json: bool,
}

impl Reap {
    /// Does it.
    pub fn run(self, app: &App) -> Result<(), CliError> {
        let reaped = reap::reap(app, app.store()?, &app.context()?, self.dry_run)?;
        let n_refused = reaped.iter().filter(|it| it.refused.is_some()).count();
        if self.json {
            let all: Vec<Value> = reaped
                .iter()
                .map(|it| {
                    let session = &it.view.session;
                    json!({ "id": session.id.to_string(), "status": session.status, "refused": it.refused })
                })
                .collect();
            app.answer_json(&json!({ "sessions": all, "dry_run": self.dry_run }))?;
        } else {
            for it in &reaped {
                let (handle, status) = (it.view.session.id.handle(), &it.view.session.status);
                app.answer(|out| match (&it.refused, self.dry_run) {
                    (Some(reason), _) => writeln!(out, "Session {handle} is lost: {reason}"),
                    (None, true) => writeln!(out, "Session {handle} is lost"),
                    (None, false) => writeln!(out, "Session {handle} is now '{status}'"),
                })?;
            }
        }
        if n_refused > 0 { Err(CliError::Status(1)) } else { Ok(()) }
    }
}
