//! Checkpoints: the work tree, kept with a session as a git tree.

use std::path::Path;

use crate::model::{Checkpoint, Oid, Session, SessionId, Value};
use crate::ops::change::{self, Changed, Draft, Verdict};
use crate::ops::checkpoint_choice::{Choice, LeftOut, choose};
use crate::ops::load::{self, View};
use crate::ops::{Context, OpError, counter};
use crate::store::{Step, Store, TreeCopy, TreeDifference};

/// How many checkpoints a session's newest tree and record have; older ones are in its history.
pub const MAX_KEPT: usize = 100;
/// The longest message in a record, in characters.
const MAX_MESSAGE: usize = 100;

/// What is wanted.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// Why, in any number of lines.
    pub message: String,
    /// Whether files that git does not track are kept too.
    pub with_untracked: bool,
    /// Whether nobody asked for it.
    pub is_automatic: bool,
}

/// What came of it.
#[derive(Debug)]
pub struct Taken {
    /// The session after it.
    pub changed: Changed,
    /// The checkpoint that has the work tree: the new one, or the newest if it has it already.
    pub number: u64,
    /// What differs from the checkpoint before, or from where the session began.
    pub difference: TreeDifference,
    /// What of the work tree is not in it.
    pub left_out: Vec<LeftOut>,
}

/// What a checkpoint would be.
#[derive(Debug)]
pub struct Outlook {
    /// What differs from the checkpoint before, or from where the session began.
    pub difference: TreeDifference,
    /// The files that differ, in git's order.
    pub steps: Vec<Step>,
    /// What of the work tree would not be in it.
    pub left_out: Vec<LeftOut>,
}

/// Keeps the work tree with a session, unless its newest checkpoint has it already.
///
/// # Errors
/// [`OpError::Store`] in a bare repository; [`OpError::InvalidValue`] when there is too much to keep; what
/// [`change::change`] fails for.
#[tracing::instrument(skip_all, fields(session = %session_id))]
pub fn take(
    store: &Store,
    context: &Context,
    session_id: SessionId,
    wish: &Wish,
) -> Result<Taken, OpError> {
    let Choice { paths, left_out } = choose(store, context, wish.with_untracked)?;
    let copy = store.copy_work_tree(&paths)?;
    let view = load::load(store, session_id)?.view;
    let newest = newest(&view.session).filter(|it| store.has_tree(it.tree));
    let difference = copy.difference(base(store, &view.session)?)?;
    let commit = store.head()?.commit.as_deref().and_then(Oid::from_hex);
    let mut known = Vec::from_iter(newest.as_ref().map(|newest| newest.tree));
    known.extend(commit.map(|commit| store.tree_of(Some(commit))).transpose()?);
    let kept = copy.keep(&known)?;
    let mut message = wish.message.clone();
    context.redaction.text(&mut message)?;
    let changed = change::change(store, context, session_id, |view| {
        let last = self::newest(&view.session);
        if last.as_ref().is_some_and(|last| last.tree == copy.tree_oid) {
            return Ok(Verdict::Nothing);
        }
        // The objects are those that the session does not have, as long as it has what it had.
        if let Some(newest) = &newest
            && find(&view.session, newest.number).is_none_or(|it| it.tree != newest.tree)
        {
            return Err(OpError::Conflict { handle: session_id.handle() });
        }
        let number = last.map_or(0, |last| last.number) + 1;
        let mut draft = Draft::new("checkpoint", subject(number, difference), view.session.clone());
        draft.body.clone_from(&message);
        draft.checkpoints.push((number.to_string(), Some(kept.clone())));
        let checkpoint = Checkpoint {
            number,
            tree: copy.tree_oid,
            commit,
            at: context.now,
            n_files: difference.n_files,
            message: first_line(&message),
            is_automatic: wish.is_automatic,
        };
        draft.session.checkpoints.push(checkpoint.to_value());
        counter::add(&mut draft.session, "statistics.checkpoints_created", 1)?;
        drop_one(&mut draft);
        Ok(Verdict::Happens(vec![draft]))
    })?;
    let number = self::newest(&changed.view.session).map_or(0, |newest| newest.number);
    Ok(Taken { changed, number, difference, left_out })
}

/// Tells what a checkpoint of a session would be, and writes nothing that stays.
///
/// # Errors
/// As [`take`].
pub fn foresee(
    store: &Store,
    context: &Context,
    session_id: SessionId,
    with_untracked: bool,
) -> Result<Outlook, OpError> {
    let Choice { paths, left_out } = choose(store, context, with_untracked)?;
    let copy = store.copy_work_tree(&paths)?;
    let view = load::load(store, session_id)?.view;
    let base = base(store, &view.session)?;
    let (difference, steps) = (copy.difference(base)?, copy.steps(base, copy.tree_oid)?);
    Ok(Outlook { difference, steps, left_out })
}

/// Returns the work tree as it is, as a checkpoint would have it, and what of it is left out.
///
/// # Errors
/// As [`take`].
pub fn present<'a>(
    store: &'a Store,
    context: &Context,
) -> Result<(TreeCopy<'a>, Vec<LeftOut>), OpError> {
    let Choice { paths, left_out } = choose(store, context, true)?;
    Ok((store.copy_work_tree(&paths)?, left_out))
}

/// Returns the newest checkpoint.
pub fn newest(session: &Session) -> Option<Checkpoint> {
    all(session).max_by_key(|checkpoint| checkpoint.number)
}

/// Finds a checkpoint by its number.
pub fn find(session: &Session, number: u64) -> Option<Checkpoint> {
    all(session).find(|checkpoint| checkpoint.number == number)
}

/// Returns the checkpoints in the order of the record.
pub fn all(session: &Session) -> impl Iterator<Item = Checkpoint> {
    session.checkpoints.iter().filter_map(Checkpoint::of)
}

/// Returns the tree that the session began with; the empty one if there was no commit, and the one of HEAD if
/// that commit is not here.
///
/// # Errors
/// [`OpError::Store`].
pub fn beginning(store: &Store, session: &Session) -> Result<Oid, OpError> {
    let Some(commit) = session.git.commit.as_deref() else { return Ok(store.tree_of(None)?) };
    let found = store.find_commit(commit).map(Ok).or_else(|| {
        let head = store.head().map(|head| head.commit.as_deref().and_then(Oid::from_hex));
        head.transpose()
    });
    Ok(store.tree_of(found.transpose()?)?)
}

/// Returns the tree that a new checkpoint is compared with.
fn base(store: &Store, session: &Session) -> Result<Oid, OpError> {
    match newest(session).filter(|newest| store.has_tree(newest.tree)) {
        Some(newest) => Ok(newest.tree),
        None => beginning(store, session),
    }
}

/// Takes the oldest automatic checkpoint, else the oldest, out of a session that has too many.
fn drop_one(draft: &mut Draft) {
    let checkpoints = &mut draft.session.checkpoints;
    if checkpoints.len() <= MAX_KEPT {
        return;
    }
    let is_automatic =
        |value: &Value| Checkpoint::of(value).is_some_and(|checkpoint| checkpoint.is_automatic);
    let idx = checkpoints[..MAX_KEPT].iter().position(is_automatic).unwrap_or(0);
    if let Some(dropped) = Checkpoint::of(&checkpoints.remove(idx)) {
        draft.checkpoints.push((dropped.number.to_string(), None));
    }
}

fn subject(number: u64, difference: TreeDifference) -> String {
    format!("checkpoint {number}: {}", told(difference))
}

/// Tells how much differs, as in `3 files, +120 -8`.
pub fn told(difference: TreeDifference) -> String {
    let TreeDifference { n_files, n_added, n_removed } = difference;
    let noun = if n_files == 1 { "file" } else { "files" };
    format!("{n_files} {noun}, +{n_added} -{n_removed}")
}

fn first_line(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    let plain = line.chars().filter(|c| !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}'));
    plain.take(MAX_MESSAGE).collect::<String>().trim().to_owned()
}

/// A place in the course of a session, as it is named on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// Where the session began.
    Start,
    /// The newest checkpoint.
    Newest,
    /// The checkpoint with this number.
    Number(u64),
}

impl Point {
    /// Reads `start`, `last` or a number.
    pub fn parse(text: &str) -> Option<Point> {
        match text {
            "start" => Some(Point::Start),
            "last" => Some(Point::Newest),
            number => number.parse().ok().map(Point::Number),
        }
    }

    /// Returns the tree of this place in a session.
    ///
    /// # Errors
    /// [`OpError::InvalidValue`] when there is no such checkpoint, or its tree is not here.
    pub fn tree(self, store: &Store, view: &View) -> Result<Oid, OpError> {
        let session = &view.session;
        let found = match self {
            Point::Start => return beginning(store, session),
            Point::Newest => newest(session),
            Point::Number(number) => find(session, number),
        };
        let handle = session.id.handle();
        let Some(found) = found else {
            let what = match self {
                Point::Number(number) => format!("no checkpoint {number}"),
                _ => "no checkpoint".to_owned(),
            };
            return Err(OpError::InvalidValue {
                field: "checkpoint".into(),
                reason: format!("session {handle} has {what}"),
                allowed: all(session).map(|it| it.number.to_string()).collect(),
            });
        };
        if !store.has_tree(found.tree) {
            let reason = format!("the tree of checkpoint {} is not in this clone", found.number);
            return Err(OpError::invalid("checkpoint", reason));
        }
        Ok(found.tree)
    }
}

/// Returns a path for people and JSON.
pub fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_in_a_record_is_one_short_line() {
        assert_eq!(first_line("before\u{7} the change\n\nmore"), "before the change");
        assert_eq!(first_line(&"x".repeat(500)).len(), MAX_MESSAGE);
        assert_eq!(first_line(""), "");
    }

    #[test]
    fn a_place_is_a_number_or_one_of_two_words() {
        assert_eq!(Point::parse("12"), Some(Point::Number(12)));
        assert_eq!(Point::parse("start"), Some(Point::Start));
        assert_eq!(Point::parse("last"), Some(Point::Newest));
        assert_eq!(Point::parse("-1"), None);
        assert_eq!(Point::parse("main"), None);
    }

    #[test]
    fn what_differs_is_told_as_git_counts_it() {
        let one = TreeDifference { n_files: 1, n_added: 2, n_removed: 0 };
        assert_eq!(subject(3, one), "checkpoint 3: 1 file, +2 -0");
    }
}
