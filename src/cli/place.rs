//! What becomes of a session's work tree, and the words for it.

use clap::Args;

use super::CliError;
use super::app::App;
use crate::model::SessionId;
use crate::ops::load::View;
use crate::ops::place::{self, PlaceError};
use crate::store::{WorkTree, WorkTreeError};

/// `--remove-worktree`
#[derive(Debug, Default, Args)]
pub struct Removal {
    /// Remove the work tree that was made for it, if nothing in it is uncommitted; its branch stays
    #[arg(long)]
    remove_worktree: bool,
}

impl Removal {
    /// Returns the work tree to be removed; refuses where it could not be, before anything happens.
    /// The session's own worker does not matter if it `is_stopped` first.
    pub fn check(
        &self,
        app: &App,
        session_id: SessionId,
        is_stopped: bool,
    ) -> Result<Option<WorkTree>, CliError> {
        if !self.remove_worktree {
            return Ok(None);
        }
        Ok(Some(place::check_remove(app.store()?, session_id, &app.dir(), is_stopped)?))
    }
}

/// Removes the work tree of a session that has ended.
pub fn remove(app: &App, tree: Option<&WorkTree>) -> Result<(), CliError> {
    if let Some(tree) = tree {
        app.store()?.remove_work_tree(tree)?;
    }
    Ok(())
}

/// Tells what became of the work tree of a session that has just ended.
pub fn tell_end(app: &App, view: &View, removed: Option<&WorkTree>) -> Result<(), CliError> {
    if let Some(tree) = removed {
        app.narrate(&format!("Its work tree {} is removed", tree.path.display()));
    } else if let Some(path) = place::kept(app.store()?, view) {
        let path = path.display();
        app.narrate(&format!(
            "Its work tree {path} is kept; remove it with \"git worktree remove {path}\""
        ));
    }
    Ok(())
}

/// Returns the public name of an error.
pub fn code(error: &PlaceError) -> &'static str {
    match error {
        PlaceError::Taken { .. } | PlaceError::Inside { .. } => "conflict",
        PlaceError::Missing { .. }
        | PlaceError::NoWorkTree { .. }
        | PlaceError::NoBranch { .. } => "not_found",
    }
}

/// The same of a work tree's error.
pub fn work_tree_code(error: &WorkTreeError) -> &'static str {
    match error {
        WorkTreeError::Exists { .. } => "already_exists",
        WorkTreeError::Unborn { .. } => "unsupported",
        WorkTreeError::Dirty { .. }
        | WorkTreeError::CheckedOut { .. }
        | WorkTreeError::InTheWay { .. }
        | WorkTreeError::NotRemovable { .. } => "conflict",
    }
}

/// Returns the next step after an error.
pub fn hint(error: &PlaceError) -> Vec<String> {
    let add = |path: &str, branch: &Option<String>| match branch {
        Some(branch) => format!(
            "make it again with \"git worktree add {path} {branch}\", or run here with --here"
        ),
        None => "use --here to run here".into(),
    };
    match error {
        PlaceError::Taken { .. } => vec![
            "work in another work tree (\"git session start --worktree\"), or use --shared".into(),
        ],
        PlaceError::Missing { path, branch, .. } => vec![
            "if it was moved, run \"git worktree repair\" there; if it is gone, first \
             \"git worktree prune\""
                .into(),
            add(&path.display().to_string(), branch),
        ],
        PlaceError::NoWorkTree { branch: branch @ Some(_), .. } => vec![add("<path>", branch)],
        PlaceError::NoWorkTree { .. } => Vec::new(),
        PlaceError::NoBranch { branch, .. } => vec![format!(
            "make it again with \"git branch {branch} <commit>\", or run here with --here"
        )],
        PlaceError::Inside { .. } => {
            vec!["nothing was changed; run the command in another work tree".into()]
        }
    }
}

/// The same of a work tree's error.
pub fn work_tree_hint(error: &WorkTreeError) -> Vec<String> {
    let line = match error {
        WorkTreeError::NotRemovable { path, .. } => {
            let path = path.display();
            return vec![format!(
                "look with \"git -C {path} status\"; without --remove-worktree it is kept"
            )];
        }
        WorkTreeError::Dirty { .. } => {
            "commit or stash them first; \"start\" takes them along with --keep-changes, or leaves \
             them here with --worktree"
        }
        WorkTreeError::CheckedOut { .. } => "work there, or choose another branch with -b=<name>",
        WorkTreeError::InTheWay { .. } => "move it away, or restore other files: -- <path>...",
        WorkTreeError::Exists { .. } => "choose another place, which is new or empty",
        WorkTreeError::Unborn { .. } => "make the first commit, or use -b without --worktree",
    };
    vec![line.into()]
}
