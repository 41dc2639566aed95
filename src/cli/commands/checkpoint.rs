use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use serde_json::json;

use super::start::answer;
use crate::cli::app::App;
use crate::cli::options::{Json, Reason};
use crate::cli::{CliError, complete};
use crate::model::Value;
use crate::ops::checkpoint::{self, Outlook, Wish, told};
use crate::ops::checkpoint_choice::{LeftOut, Why};
use crate::render::sanitize;
use crate::store::Step;

/// Keep the work tree with a session: every file as it is on disk, tracked or not, unless git ignores it
///
/// Your index, branches and files are not touched. Left out, and named, are files that git does not track
/// and that look like secrets, files larger than session.checkpointFileLimit, and repositories within the
/// work tree that are no submodules. "git add" a file to have it kept all the same. Of a submodule the
/// commit is kept.
///
/// If the newest checkpoint has the work tree already, there is no new one. The newest 100 are at hand;
/// older ones stay in the history.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  git session checkpoint -m \"before the rewrite\"\n  \
    git session diff last\n  git session restore last")]
pub struct Checkpoint {
    /// The session; default: the current one
    #[arg(value_name = "session", add = ArgValueCompleter::new(complete::sessions))]
    session: Option<String>,
    #[command(flatten)]
    reason: Reason,
    /// Keep files that git does not track as well (the default)
    #[arg(long, overrides_with = "no_untracked")]
    untracked: bool,
    /// Keep only files that git tracks
    #[arg(long, overrides_with = "untracked")]
    no_untracked: bool,
    /// Only tell what differs from the newest checkpoint
    #[arg(short = 'n', long)]
    dry_run: bool,
    #[command(flatten)]
    json: Json,
}

impl Checkpoint {
    /// Does it.
    pub fn run(self, app: &App) -> Result<(), CliError> {
        let session_id = app.resolve(self.session.as_deref())?;
        let (store, context) = (app.store()?, app.context()?);
        let with_untracked = !self.no_untracked;
        if self.dry_run {
            let outlook = checkpoint::foresee(store, &context, session_id, with_untracked)?;
            return self.foretell(app, &outlook);
        }
        let wish = Wish { message: self.reason.text(), with_untracked, is_automatic: false };
        let taken = checkpoint::take(store, &context, session_id, &wish)?;
        let handle = taken.changed.view.session.id.handle();
        let story = match taken.changed.is_new {
            true => format!(
                "Checkpoint {} of session {handle}: {}",
                taken.number,
                told(taken.difference)
            ),
            false => format!("Checkpoint {} of session {handle} has it already", taken.number),
        };
        answer(app, &taken.changed, &self.json, &story)?;
        warn(app, &taken.left_out);
        Ok(())
    }

    fn foretell(&self, app: &App, outlook: &Outlook) -> Result<(), CliError> {
        if self.json.is_wanted() {
            let left_out = outlook.left_out.iter().map(
                |it| json!({ "path": checkpoint::shown(&it.path), "reason": reason(&it.why) }),
            );
            return app.answer_json(&json!({
                "files": steps(&outlook.steps),
                "added": outlook.difference.n_added,
                "removed": outlook.difference.n_removed,
                "left_out": left_out.collect::<Vec<_>>(),
            }));
        }
        answer_steps(app, &outlook.steps)?;
        app.narrate(&format!("Would keep {}", told(outlook.difference)));
        warn(app, &outlook.left_out);
        Ok(())
    }
}

/// Writes steps as `git diff --name-status` does.
pub fn answer_steps(app: &App, steps: &[Step]) -> Result<(), CliError> {
    for step in steps {
        let path = checkpoint::shown(&step.path);
        app.answer(|out| writeln!(out, "{}\t{}", step.letter, sanitize::to_terminal(&path)))?;
    }
    Ok(())
}

/// Returns steps as JSON.
pub fn steps(steps: &[Step]) -> Vec<Value> {
    let to_json = |step: &Step| json!({ "status": step.letter.to_string(), "path": checkpoint::shown(&step.path) });
    steps.iter().map(to_json).collect()
}

/// Names what was left out.
pub fn warn(app: &App, left_out: &[LeftOut]) {
    const MAX_NAMED: usize = 10;
    for LeftOut { path, why } in left_out.iter().take(MAX_NAMED) {
        let path = checkpoint::shown(path);
        let text = format!("warning: left out '{path}': {}", reason(why));
        app.narrate(&sanitize::to_terminal(&text));
    }
    if left_out.len() > MAX_NAMED {
        app.narrate(&format!("warning: left out {} more", left_out.len() - MAX_NAMED));
    }
}

fn reason(why: &Why) -> String {
    match why {
        Why::TooLarge(n_bytes) => {
            format!("it has {n_bytes} bytes (session.checkpointFileLimit)")
        }
        Why::SecretName => "it looks like a secret and is not tracked".into(),
        Why::Secret(kind) => format!("it has a secret in it ({kind}) and is not tracked"),
        Why::Repository => "it is a repository of its own".into(),
        Why::Unreadable => "it cannot be read".into(),
        Why::NoFile => "it is neither a file nor a symbolic link".into(),
    }
}
