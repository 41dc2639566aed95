use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};

use crate::cli::CliError;
use crate::cli::app::App;
use crate::cli::commands::run::check_command;
use crate::model::SessionId;
use crate::ops::create::NewSession;
use crate::ops::place::{self, Isolation};

/// Where a new session's work is done.
#[derive(Debug, Args)]
pub struct Place {
    /// Switch to this branch first, making it if need be; without a name, one made of the title
    #[arg(short, long, value_name = "name", num_args = 0..=1, require_equals = true,
          default_missing_value = "")]
    branch: Option<String>,
    /// Make a work tree for it, on the branch of -b, and leave this one as it is; without a path,
    /// beside the main work tree (or in session.worktreePath), as <repository>.<branch>
    #[arg(long, value_name = "path", num_args = 0..=1, require_equals = true,
          default_missing_value = "", value_hint = ValueHint::DirPath)]
    worktree: Option<String>,
    /// Take uncommitted changes along to the branch, as "git switch" does
    #[arg(long, requires = "branch", conflicts_with = "worktree")]
    keep_changes: bool,
}

/// Where a session is about to be made.
pub struct Entered {
    /// In its own work tree, if it has one.
    pub app: Option<App>,
    /// How that is told, if it is more than the session's branch.
    pub story: Option<String>,
    /// The work tree and its branch, if they were just made, and whether the branch is new.
    made: Option<(PathBuf, String, bool)>,
}

impl Place {
    /// Puts into a new session what is known before anything happens; tells whether it is anything.
    pub fn put(&self, app: &App, new: &mut NewSession) -> Result<bool, CliError> {
        let isolation = match (&self.branch, &self.worktree) {
            (None, None) => return Ok(false),
            (_, Some(_)) => Isolation::WorkTree,
            (Some(_), None) => Isolation::Branch,
        };
        let name = self.branch.as_deref().unwrap_or_default();
        new.branch = Some(app.store()?.branch_name(name, &new.title)?);
        isolation.put(&mut new.configuration);
        Ok(true)
    }

    /// Refuses to run a command where another session runs, unless `is_shared` and the branch stays.
    pub fn check_free(
        &self,
        app: &App,
        session_id: SessionId,
        new: &NewSession,
        is_shared: bool,
    ) -> Result<(), CliError> {
        let store = app.store()?;
        let stays = new.branch.is_none() || new.branch == store.head()?.branch;
        if self.worktree.is_none() && (!is_shared || !stays) {
            place::check_free(store, session_id, &app.dir()).map_err(crate::ops::OpError::from)?;
        }
        Ok(())
    }

    /// Makes the branch or the work tree, or fails before anything was changed.
    pub fn enter(
        &self,
        app: &App,
        session_id: SessionId,
        new: &NewSession,
        command: &[OsString],
    ) -> Result<Entered, CliError> {
        let store = app.store()?;
        match (&new.branch, &self.worktree) {
            (Some(branch), Some(path)) => add(app, session_id, branch, path, command),
            (Some(branch), None) => {
                let is_new = store.switch_branch(branch, self.keep_changes)?;
                // The session that was current is the one that the branch was left with.
                app.wait_for_left(store);
                let story = is_new.then(|| format!(" on new branch {branch}"));
                Ok(Entered { app: None, story, made: None })
            }
            (None, _) => Ok(Entered { app: None, story: None, made: None }),
        }
    }
}

fn add(
    app: &App,
    session_id: SessionId,
    branch: &str,
    path: &str,
    command: &[OsString],
) -> Result<Entered, CliError> {
    let store = app.store()?;
    let there = store.find_work_tree_of(session_id).filter(|tree| tree.path.is_dir());
    let (path, made) = match (there, path) {
        // The same command again, with the id of the session.
        (Some(tree), _) => (tree.path, None),
        (None, path) => {
            let path = match path {
                "" => store.default_work_tree_path(branch),
                path => app.dir().join(path),
            };
            let is_new = store.add_work_tree(session_id, &path, branch)?;
            let path = path.canonicalize().unwrap_or(path);
            (path.clone(), Some((path, branch.to_owned(), is_new)))
        }
    };
    let is_new = matches!(made, Some((_, _, true)));
    let new = if is_new { "new " } else { "" };
    let story = format!(" on {new}branch {branch} in {}", path.display());
    let inside = app.moved_to(place::dir_in(store, &path, &app.dir()));
    let entered = Entered { app: None, story: Some(story), made };
    if let Err(error) = check_command(&inside, command, &inside.dir()) {
        entered.undo(app);
        return Err(error);
    }
    Ok(Entered { app: Some(inside), ..entered })
}

impl Entered {
    /// Takes back what was made for a session that could not be made.
    pub fn undo(&self, app: &App) {
        if let (Some((path, branch, is_new)), Ok(store)) = (&self.made, app.store()) {
            store.undo_add(path, branch, *is_new);
        }
    }
}

/// Checks the command of a session that has no work tree yet as far as that can be done.
pub fn check_early(app: &App, place: &Place, command: &[OsString]) -> Result<(), CliError> {
    let is_in_tree = |word: &OsString| {
        let path = Path::new(word);
        path.is_relative() && path.components().count() > 1
    };
    if place.worktree.is_some() && command.first().is_some_and(is_in_tree) {
        return Ok(());
    }
    check_command(app, command, &app.dir())
}
