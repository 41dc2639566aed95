use std::path::PathBuf;

use clap::{Args, ValueHint};
use serde_json::json;

use super::checkpoint::{answer_steps, steps};
use super::transition::last_is_required;
use crate::cli::CliError;
use crate::cli::app::App;
use crate::cli::options::Json;
use crate::model::SessionId;
use crate::ops::OpError;
use crate::ops::checkpoint::{self, Point};
use crate::ops::restore::{self, Request};
use crate::store::Step;

/// Bring a checkpoint back: make the files of the work tree those of the checkpoint
///
/// <checkpoint> is a number, "last" for the newest, or "start" for where the session began. What is there
/// is kept as a checkpoint first. Files that git ignores, submodules, the index and branches stay as they
/// are. If a file would be lost that is in no checkpoint, nothing is changed.
#[derive(Debug, Args)]
#[command(override_usage = "git session restore [OPTIONS] [session] <checkpoint> [-- <path>...]")]
#[command(
    after_help = "Examples:\n  git session restore last -n\n  git session restore 2 -- src\n  \
    git session restore 2 --to ../as-it-was"
)]
pub struct Restore {
    /// The session; left out, the current one
    #[arg(value_name = "session")]
    session: Option<String>,
    /// The checkpoint
    #[arg(value_name = "checkpoint")]
    checkpoint: Option<String>,
    /// Only files at or below these paths
    #[arg(last = true, value_name = "path", value_hint = ValueHint::AnyPath)]
    paths: Vec<PathBuf>,
    /// Write the files to this directory, which is new or empty, and leave the work tree alone
    #[arg(long, value_name = "dir", value_hint = ValueHint::DirPath, conflicts_with = "dry_run")]
    to: Option<PathBuf>,
    /// Only tell which files would change
    #[arg(short = 'n', long)]
    dry_run: bool,
    #[command(flatten)]
    json: Json,
}

impl Restore {
    /// Does it.
    pub fn run(self, app: &App) -> Result<(), CliError> {
        let (session, point) =
            last_is_required(self.session.clone(), self.checkpoint.clone(), "checkpoint")?;
        let session_id = app.resolve(session.as_deref())?;
        let no_point = || OpError::InvalidValue {
            field: "checkpoint".into(),
            reason: format!("'{point}' is no checkpoint"),
            allowed: vec!["start".into(), "last".into(), "<number>".into()],
        };
        let point = Point::parse(&point).ok_or_else(no_point)?;
        let request = Request { point, paths: self.paths_from_top(app)? };
        if let Some(dir) = &self.to {
            return self.write_to(app, session_id, &request, &app.dir().join(dir));
        }
        let (store, context) = (app.store()?, app.context()?);
        let plan = restore::plan(store, &context, session_id, &request)?;
        for path in &plan.submodules {
            let path = checkpoint::shown(path);
            app.narrate(&format!("warning: submodule '{path}' stays as it is"));
        }
        if self.dry_run || plan.steps.is_empty() {
            return self.foretell(app, &plan.steps);
        }
        let saved = restore::save(store, &context, session_id, &plan)?;
        let was_there = format!("What was there is checkpoint {saved}");
        restore::carry_out(&plan).inspect_err(|_| app.narrate(&was_there))?;
        if self.json.is_wanted() {
            return app.answer_json(&json!({ "files": steps(&plan.steps), "saved": saved }));
        }
        app.narrate(&format!("Restored {}; the index is as it was", counted(plan.steps.len())));
        app.narrate(&was_there);
        Ok(())
    }

    fn foretell(&self, app: &App, planned: &[Step]) -> Result<(), CliError> {
        if self.json.is_wanted() {
            return app.answer_json(&json!({ "files": steps(planned), "saved": null }));
        }
        answer_steps(app, planned)?;
        app.narrate(&match (planned.len(), self.dry_run) {
            (0, _) => "The work tree is like that already".to_owned(),
            (n, _) => format!("Would restore {}", counted(n)),
        });
        Ok(())
    }

    fn write_to(
        &self,
        app: &App,
        session_id: SessionId,
        request: &Request,
        dir: &std::path::Path,
    ) -> Result<(), CliError> {
        let n_files = restore::write_to(app.store()?, session_id, request, dir)?;
        if self.json.is_wanted() {
            let to = dir.to_string_lossy();
            return app.answer_json(&json!({ "n_files": n_files, "to": to }));
        }
        app.narrate(&format!("Wrote {} to '{}'", counted(n_files), dir.display()));
        Ok(())
    }

    fn paths_from_top(&self, app: &App) -> Result<Vec<PathBuf>, CliError> {
        let top = app.store()?.root();
        let dir = app.dir().canonicalize().unwrap_or_else(|_| app.dir());
        let from_top = |path: &PathBuf| {
            restore::from_top(&top, &dir, path).ok_or_else(|| {
                let reason = format!("'{}' is outside of the work tree", path.display());
                OpError::invalid("path", reason).into()
            })
        };
        self.paths.iter().map(from_top).collect()
    }
}

fn counted(n: usize) -> String {
    if n == 1 { "1 file".into() } else { format!("{n} files") }
}
