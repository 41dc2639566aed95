//! Where a session's command runs: in the session's own work tree, on its branch, or where it is told to.

use std::path::{Path, PathBuf};

use crate::model::{Class, Handle, Map, SessionId, Value};
use crate::ops::OpError;
use crate::ops::load::View;
use crate::ops::observe::{self, Observed};
use crate::store::{Store, WorkTree};
use crate::worker::Here;

/// The key of the configuration that says how a session is kept apart from others.
const ISOLATION: &str = "isolation";

/// How a session is kept apart from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    /// It has a branch, which is switched to.
    Branch,
    /// It has a linked work tree.
    WorkTree,
}

impl Isolation {
    /// Returns what a configuration says; `None` also for words of the future.
    pub fn of(configuration: &Map) -> Option<Isolation> {
        match configuration.get(ISOLATION).and_then(Value::as_str)? {
            "branch" => Some(Isolation::Branch),
            "worktree" => Some(Isolation::WorkTree),
            _ => None,
        }
    }

    /// Says it in a configuration.
    pub fn put(self, configuration: &mut Map) {
        let word = match self {
            Isolation::Branch => "branch",
            Isolation::WorkTree => "worktree",
        };
        configuration.insert(ISOLATION.to_owned(), word.into());
    }
}

/// Why a session's command cannot run where it should, or its work tree not be removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlaceError {
    /// Another session runs there.
    #[error("session {handle} runs in '{}' (process {pid})", path.display())]
    Taken {
        /// That session.
        handle: Handle,
        /// Its worker, or who is about to start it.
        pid: u32,
        /// The work tree.
        path: PathBuf,
    },
    /// The session's work tree is gone.
    #[error("work tree '{}' of session {handle} is missing", path.display())]
    Missing {
        /// The session.
        handle: Handle,
        /// Where it was.
        path: PathBuf,
        /// The session's branch.
        branch: Option<String>,
    },
    /// The session has no work tree in this clone.
    #[error("session {handle} has no work tree of its own here")]
    NoWorkTree {
        /// The session.
        handle: Handle,
        /// The session's branch.
        branch: Option<String>,
    },
    /// The session's branch is gone.
    #[error("branch '{branch}' of session {handle} does not exist")]
    NoBranch {
        /// The session.
        handle: Handle,
        /// The branch.
        branch: String,
    },
    /// The caller stands in the work tree that is to be removed.
    #[error("cannot remove work tree '{}' from inside", path.display())]
    Inside {
        /// The work tree.
        path: PathBuf,
    },
}

/// Where a command runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The directory.
    pub dir: PathBuf,
    /// The branch that this work tree has to be switched to first.
    pub switch_to: Option<String>,
    /// Whether it is in another work tree than ours.
    pub is_elsewhere: bool,
}

/// Finds where the command of a session runs that would otherwise run in `dir`. Nothing is changed.
///
/// # Errors
/// [`PlaceError::Missing`], [`PlaceError::NoWorkTree`], [`PlaceError::NoBranch`]; [`OpError::Store`].
pub fn find(store: &Store, view: &View, dir: &Path) -> Result<Place, OpError> {
    let branch = view.session.branch.as_deref();
    match (Isolation::of(&view.session.configuration), branch) {
        (Some(Isolation::WorkTree), _) => in_work_tree(store, view, dir),
        (Some(Isolation::Branch), Some(branch)) => on_branch(store, view, branch, dir),
        _ => Ok(Place { dir: dir.to_owned(), switch_to: None, is_elsewhere: false }),
    }
}

fn in_work_tree(store: &Store, view: &View, dir: &Path) -> Result<Place, OpError> {
    let own = store.find_work_tree_of(view.session.id);
    if let Some(tree) = own.as_ref().filter(|tree| tree.path.is_dir()) {
        return Ok(inside(store, &tree.path, dir));
    }
    // Somebody may have made another one for its branch.
    let branch = view.session.branch.clone();
    let other = branch.as_deref().map(|it| store.find_work_tree_on(it)).transpose()?.flatten();
    if let Some(tree) = other.filter(|tree| store.is_linked(tree) && tree.path.is_dir()) {
        return Ok(inside(store, &tree.path, dir));
    }
    let handle = view.session.id.handle();
    Err(match own {
        Some(WorkTree { path, .. }) => PlaceError::Missing { handle, path, branch },
        None => PlaceError::NoWorkTree { handle, branch },
    }
    .into())
}

fn on_branch(store: &Store, view: &View, branch: &str, dir: &Path) -> Result<Place, OpError> {
    let handle = view.session.id.handle();
    let named = Some(branch.to_owned());
    match store.find_work_tree_on(branch)? {
        Some(tree) if tree.path.is_dir() => Ok(inside(store, &tree.path, dir)),
        Some(tree) => Err(PlaceError::Missing { handle, path: tree.path, branch: named }.into()),
        None if !store.has_branch(branch) => {
            Err(PlaceError::NoBranch { handle, branch: branch.to_owned() }.into())
        }
        None => match store.work_dir() {
            Some(_) => Ok(Place { switch_to: named, ..inside(store, &store.root(), dir) }),
            None => Err(PlaceError::NoWorkTree { handle, branch: named }.into()),
        },
    }
}

fn inside(store: &Store, top: &Path, dir: &Path) -> Place {
    let is_elsewhere = top != store.root();
    Place { dir: dir_in(store, top, dir), switch_to: None, is_elsewhere }
}

/// Returns the directory of the work tree at `top` that is to it what `dir` is to its own, or `top` if
/// there is none.
pub fn dir_in(store: &Store, top: &Path, dir: &Path) -> PathBuf {
    let own = store.tops().of(dir);
    if own == top {
        return dir.to_owned();
    }
    let dir = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
    let below = dir.strip_prefix(&own).ok().filter(|below| !below.as_os_str().is_empty());
    let there = below.map(|below| top.join(below)).filter(|there| there.is_dir());
    there.unwrap_or_else(|| top.to_owned())
}

/// Refuses a directory whose work tree another session's worker runs in; a session that stands still
/// has one. Where there is no work tree, the directory itself counts.
///
/// # Errors
/// [`PlaceError::Taken`]
pub fn check_free(store: &Store, session_id: SessionId, dir: &Path) -> Result<(), PlaceError> {
    check_no_worker(store, Some(session_id), dir)
}

fn check_no_worker(store: &Store, but: Option<SessionId>, dir: &Path) -> Result<(), PlaceError> {
    let (leases, here, tops) = (observe::leases(store), Here::read(), store.tops());
    let top = tops.of(dir);
    for session_id in leases.session_ids() {
        let Ok(Some(lease)) = leases.read(session_id) else { continue };
        // An agent that only tells us what it does has not asked for the place.
        let is_guest = lease.owner.is_none() && lease.is_shared;
        if is_guest || Some(session_id) == but || tops.of(&lease.dir) != top {
            continue;
        }
        let process = lease.worker.as_ref().or(lease.owner.as_ref());
        if let (Observed::Running, Some(process)) = (observe::seen(&here, &lease), process) {
            let (handle, pid) = (session_id.handle(), process.pid);
            return Err(PlaceError::Taken { handle, pid, path: top });
        }
    }
    Ok(())
}

/// Returns where the linked work tree is that was made for a session that has ended, if it is still
/// there.
pub fn kept(store: &Store, view: &View) -> Option<PathBuf> {
    let is_own = Isolation::of(&view.session.configuration) == Some(Isolation::WorkTree);
    if view.class != Class::Ended || !is_own {
        return None;
    }
    let path = store.find_work_tree_of(view.session.id)?.path;
    path.is_dir().then_some(path)
}

/// Returns the linked work tree that was made for a session, if it can be removed from `dir`: it is
/// clean and nobody works in it, but for the session's own worker if that `is_stopped` first.
///
/// # Errors
/// [`PlaceError::NoWorkTree`], [`PlaceError::Inside`], [`PlaceError::Taken`], and what
/// [`Store::check_remove_work_tree`] refuses.
pub fn check_remove(
    store: &Store,
    session_id: SessionId,
    dir: &Path,
    is_stopped: bool,
) -> Result<WorkTree, OpError> {
    let tree = store
        .find_work_tree_of(session_id)
        .ok_or_else(|| PlaceError::NoWorkTree { handle: session_id.handle(), branch: None })?;
    if store.tops().of(dir) == tree.path {
        return Err(PlaceError::Inside { path: tree.path }.into());
    }
    if let (false, Some(pid)) = (is_stopped, observe::running(store, session_id)) {
        return Err(OpError::StillRunning { handle: session_id.handle(), pid });
    }
    check_no_worker(store, Some(session_id), &tree.path)?;
    store.check_remove_work_tree(&tree)?;
    Ok(tree)
}
