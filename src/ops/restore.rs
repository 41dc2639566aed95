//! A checkpoint as files again: in the work tree, or in a directory of its own.

use std::path::{Component, Path, PathBuf};

use crate::model::{Oid, SessionId};
use crate::ops::checkpoint::{self, Point, Wish};
use crate::ops::checkpoint_choice::LeftOut;
use crate::ops::load;
use crate::ops::{Context, OpError};
use crate::store::{Step, Store, TreeCopy, WorkTreeError};

/// What is wanted back.
#[derive(Debug, Clone)]
pub struct Request {
    /// The checkpoint.
    pub point: Point,
    /// Only files at or below these paths from the top; none means all.
    pub paths: Vec<PathBuf>,
}

/// What is to happen to the work tree.
pub struct Plan<'a> {
    copy: TreeCopy<'a>,
    tree_oid: Oid,
    point: Point,
    /// The files that change, in git's order.
    pub steps: Vec<Step>,
    /// Submodules that stand at another commit in the checkpoint, and are left as they are.
    pub submodules: Vec<PathBuf>,
}

/// Finds out what a checkpoint changes in the work tree, and that it can be done without losing anything.
///
/// # Errors
/// [`OpError::InvalidValue`] when there is no such checkpoint; [`OpError::Store`] when its tree must not be
/// written, or something is in the way.
pub fn plan<'a>(
    store: &'a Store,
    context: &Context,
    session_id: SessionId,
    request: &Request,
) -> Result<Plan<'a>, OpError> {
    let view = load::load(store, session_id)?.view;
    let tree_oid = request.point.tree(store, &view)?;
    store.check_tree(tree_oid, &store.root())?;
    let (copy, left_out) = checkpoint::present(store, context)?;
    let steps = copy.steps(copy.tree_oid, tree_oid)?;
    let wanted = steps.into_iter().filter(|step| step.is_in(&request.paths));
    let (submodules, steps): (Vec<Step>, Vec<Step>) = wanted.partition(|step| step.is_submodule);
    copy.check_steps(&steps)?;
    copy.check_readable(tree_oid, &steps)?;
    if !left_out.is_empty() {
        check_left_out(&steps, &left_out)?;
        // A tracked file that is left out is in the copy as it is in the index, so no step tells that it differs.
        let mut all = copy.steps(store.tree_of(None)?, tree_oid)?;
        all.retain(|file| !file.is_submodule && file.is_in(&request.paths));
        check_left_out(&all, &left_out)?;
    }
    let submodules = submodules.into_iter().map(|step| step.path).collect();
    Ok(Plan { copy, tree_oid, point: request.point, steps, submodules })
}

/// Keeps what is there as a checkpoint before a plan is carried out. Returns the number of the checkpoint.
///
/// # Errors
/// As [`checkpoint::take`].
pub fn save(
    store: &Store,
    context: &Context,
    session_id: SessionId,
    plan: &Plan<'_>,
) -> Result<u64, OpError> {
    let what = match plan.point {
        Point::Start => "the beginning".to_owned(),
        Point::Newest => "the last checkpoint".to_owned(),
        Point::Number(number) => format!("checkpoint {number}"),
    };
    let message = format!("before restoring {what}");
    let wish = Wish { message, with_untracked: true, is_automatic: true };
    Ok(checkpoint::take(store, context, session_id, &wish)?.number)
}

/// Carries a plan out, once [`save`] has kept what is there.
///
/// # Errors
/// [`OpError::Store`] when a file cannot be written; others may have been written then.
pub fn carry_out(plan: &Plan<'_>) -> Result<(), OpError> {
    Ok(plan.copy.take_steps(plan.tree_oid, &plan.steps)?)
}

/// Writes a checkpoint to a directory that is new or empty. Returns how many files there are.
///
/// # Errors
/// As [`plan`], but for what is in the work tree; the directory is not empty.
pub fn write_to(
    store: &Store,
    session_id: SessionId,
    request: &Request,
    dir: &Path,
) -> Result<usize, OpError> {
    let view = load::load(store, session_id)?.view;
    let tree_oid = request.point.tree(store, &view)?;
    Ok(store.write_tree_to(tree_oid, dir, &request.paths)?)
}

/// Refuses to change a file whose present contents no checkpoint would have.
fn check_left_out(steps: &[Step], left_out: &[LeftOut]) -> Result<(), OpError> {
    let is_met = |left: &&LeftOut| steps.iter().any(|step| step.path == left.path);
    match left_out.iter().find(is_met) {
        None => Ok(()),
        Some(left) => {
            let path = left.path.clone();
            Err(OpError::Store(WorkTreeError::InTheWay { path }.into()))
        }
    }
}

/// Returns a path, as it was given in the directory `dir`, from the top of the work tree; `None` if it is
/// outside.
pub fn from_top(top: &Path, dir: &Path, path: &Path) -> Option<PathBuf> {
    let mut full = PathBuf::new();
    for part in dir.join(path).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                full.pop();
            }
            part => full.push(part),
        }
    }
    full.strip_prefix(top).ok().map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_taken_from_the_top_and_never_from_outside() {
        let from = |path: &str| from_top(Path::new("/r"), Path::new("/r/d"), Path::new(path));
        assert_eq!(from("a"), Some("d/a".into()));
        assert_eq!(from("../a/./b"), Some("a/b".into()));
        assert_eq!(from("/r/x"), Some("x".into()));
        assert_eq!(from(".."), Some("".into()));
        assert_eq!(from("../../etc"), None);
    }
}
