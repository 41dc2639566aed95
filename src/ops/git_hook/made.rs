use crate::format::trailer;
use crate::model::{CommitLink, KnownBy, Oid, SessionId};
use crate::ops::claims::TRAILER;
use crate::ops::git_hook::expected;
use crate::ops::git_hook::seen::Seen;
use crate::ops::git_hook::working::working;
use crate::ops::load::Loaded;
use crate::ops::{Context, OpError, links};
use crate::store::{Head, HeadLog, HeadMove, Store};

/// How many events of a session are looked through for a change of its state.
const MAX_LOOKBACK: usize = 64;
/// What HEAD's log says where a merge made a commit.
const MERGED: &str = ": Merge made by ";
/// The most commits that are linked at once.
const MAX_COMMITS: usize = 200;

/// Links the commit that was just made to the session that is worked on, in one write, and with it those that
/// were made before where no hook ran.
///
/// # Errors
/// What reading and changing the session fails for.
pub fn made(store: &Store, context: &Context, act: Act) -> Result<(), OpError> {
    look(store, context, Some(act), None)
}

/// What git has just done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// It made a commit.
    Commit,
    /// It merged, which may have made a commit, moved the branch on, or only changed files.
    Merge,
}

/// Links the commits that were made where no hook ran, as HEAD's log tells. If nobody moved HEAD since the
/// last look, that costs one. What was made since a git that still runs began, is left to who follows it.
///
/// Where git has gone on meanwhile, `at` says where HEAD was when it came to its hook.
///
/// # Errors
/// As [`made`].
pub fn reconcile(store: &Store, context: &Context, at: Option<&Head>) -> Result<(), OpError> {
    match is_hooked(store) {
        true => look(store, context, None, at),
        false => Ok(()),
    }
}

/// Notes where HEAD is and which session is worked on, so that what is committed from now on is known to be
/// its own. Where git calls no hook this does nothing.
///
/// # Errors
/// What reading the session fails for.
pub fn mark(store: &Store, context: &Context) -> Result<(), OpError> {
    if !is_hooked(store) {
        return Ok(());
    }
    let session = working(store, context, None)?.map(|it| (it.view.session.id, it.view.tip));
    let log = store.head_log_after(u64::MAX).unwrap_or_default();
    let seen = Seen { n_bytes: log.n_bytes, head: log.before.map(|it| it.new), session };
    seen.keep(store, context);
    Ok(())
}

/// Tells whether git calls us for a commit: only then somebody wants commits to be linked.
fn is_hooked(store: &Store) -> bool {
    let is_ours = store.settings().has_own_hooks && store.has_hook("prepare-commit-msg");
    is_ours || store.has_hook("post-commit")
}

fn look(
    store: &Store,
    context: &Context,
    act: Option<Act>,
    at: Option<&Head>,
) -> Result<(), OpError> {
    let seen = Seen::read(store);
    let size = store.head_log_size();
    let is_unmoved = seen.as_ref().map(|it| it.n_bytes) == Some(size.unwrap_or(0));
    // Without a log HEAD may have moved all the same.
    if is_unmoved && (act.is_none() || size.is_some()) {
        return Ok(());
    }
    let loaded = working(store, context, at)?;
    let after = seen.as_ref().map_or(u64::MAX, |it| it.n_bytes);
    let log = match at.filter(|_| seen.is_some()).and_then(commit_of) {
        // What came after is for the next look.
        Some(commit_oid) => store.head_log_until(after, commit_oid),
        None => store.head_log_after(after),
    };
    let mut links = Vec::new();
    if let Some(loaded) = &loaded {
        let missed = log.as_ref().map(|log| missed(store, log, seen.as_ref(), loaded));
        links.extend(missed.unwrap_or_default());
        if let Some(act) = act
            && let Some(link) = newest(store, act)?
        {
            links.retain(|it: &CommitLink| it.commit_oid != link.commit_oid);
            links.push(link);
        }
    }
    let tip = match loaded {
        Some(loaded) => Some((loaded.view.session.id, record(store, context, &loaded, links)?)),
        None => None,
    };
    if log.is_none() && at.is_some() {
        return Ok(());
    }
    let log = log.unwrap_or_default();
    let now = Seen { n_bytes: log.n_bytes, head: log.last().map(|it| it.new), session: tip };
    if seen.as_ref() != Some(&now) {
        now.keep(store, context);
    }
    Ok(())
}

/// Records commits in the session that they were made in, if there are some; returns its newest event.
pub(super) fn record(
    store: &Store,
    context: &Context,
    loaded: &Loaded,
    mut links: Vec<CommitLink>,
) -> Result<Oid, OpError> {
    if links.is_empty() {
        return Ok(loaded.view.tip);
    }
    let new: Vec<Oid> = links.iter().map(|link| link.commit_oid).collect();
    for link in &mut links {
        keep_own(store, loaded, &new, link)?;
    }
    let session_id = loaded.view.session.id;
    let changed = links::record(store, context, session_id, &links)?;
    if store.settings().notes {
        note(store, context, session_id, &links)?;
    }
    Ok(changed.view.tip)
}

fn note(
    store: &Store,
    context: &Context,
    session_id: SessionId,
    links: &[CommitLink],
) -> Result<(), OpError> {
    for link in links {
        let line = format!("{TRAILER}: {session_id}");
        store.add_note(link.commit_oid, &line, &context.stamp())?;
    }
    Ok(())
}

fn commit_of(head: &Head) -> Option<Oid> {
    head.commit.as_deref().and_then(Oid::from_hex)
}

/// Returns the commit that HEAD is at, if it was made here and now: not taken over from elsewhere.
fn newest(store: &Store, act: Act) -> Result<Option<CommitLink>, OpError> {
    let head = store.head()?;
    let Some(commit_oid) = commit_of(&head).filter(|_| !store.is_rewriting()) else {
        return Ok(None);
    };
    let last = store.last_head_move().filter(|it| it.new == commit_oid);
    let is_meant = match (&last, act) {
        (Some(last), Act::Commit) => is_made(&last.why),
        (Some(last), Act::Merge) => last.why.contains(MERGED),
        // Without a log nobody can say whether a merge made a commit.
        (None, act) => act == Act::Commit,
    };
    if !is_meant {
        return Ok(None);
    }
    let replaces = last.map(|it| replaced(&it)).unwrap_or_default();
    let commit = store.commit(commit_oid)?;
    let link = links::describe(store, &commit, KnownBy::Hook);
    Ok(Some(CommitLink { branch: head.branch, replaces, ..link }))
}

/// Returns the commits that were made since the last look, if the session that is worked on now was worked on
/// all the time; not those that name another one, nor those of a git that somebody follows.
pub(super) fn missed(
    store: &Store,
    log: &HeadLog,
    seen: Option<&Seen>,
    loaded: &Loaded,
) -> Vec<CommitLink> {
    let Some(seen) = seen.filter(|it| it.head == log.before.as_ref().map(|it| it.new)) else {
        return Vec::new();
    };
    let session = &loaded.view.session;
    let Some((_, tip)) = seen.session.filter(|it| it.0 == session.id) else { return Vec::new() };
    if log.n_bytes < seen.n_bytes || has_moved(store, loaded, tip) {
        return Vec::new();
    }
    let mut moves = &log.moves[..];
    if let Some(end) = expected::first_awaited(store) {
        let judged = store.head_log_between(seen.n_bytes, end);
        let n_judged = judged.map_or(0, |it| it.moves.len());
        moves = &moves[..n_judged.min(moves.len())];
    }
    let mut links = Vec::new();
    for step in made_moves(moves).take(MAX_COMMITS) {
        let Ok(commit) = store.commit(step.new) else { continue };
        if names_another(store, step.new, session.id) {
            continue;
        }
        let link = links::describe(store, &commit, KnownBy::Reflog);
        let status = Some(session.status.clone());
        links.push(CommitLink { branch: None, status, replaces: replaced(step), ..link });
    }
    // Where HEAD stayed on one branch, that is the one that it is on.
    let is_switched = log.moves.iter().any(|it| it.why.starts_with("checkout:"));
    if !is_switched {
        let branch = store.head().ok().and_then(|head| head.branch);
        links.iter_mut().for_each(|link| link.branch = branch.clone());
    }
    links
}

/// Tells whether a commit says that it was made in other sessions.
fn names_another(store: &Store, commit_oid: Oid, session_id: SessionId) -> bool {
    let message = store.message(commit_oid).unwrap_or_default();
    let named = trailer::values(&message, TRAILER);
    !named.is_empty() && !named.iter().any(|it| SessionId::parse(it) == Some(session_id))
}

/// Tells whether the session's state changed since its event `tip`, so that it may not have been worked on.
fn has_moved(store: &Store, loaded: &Loaded, tip: Oid) -> bool {
    for commit in store.history(loaded.view.tip).take(MAX_LOOKBACK) {
        match commit {
            Ok(commit) if commit.oid == tip => return false,
            Ok(commit) if commit.trailer("Session-Event") != Some("transition") => {}
            _ => return true,
        }
    }
    true
}

/// Returns the moves of HEAD that made a commit here; what a rebase does in between made none.
fn made_moves(moves: &[HeadMove]) -> impl Iterator<Item = &HeadMove> {
    let mut is_rebasing = false;
    moves.iter().filter(move |it| {
        if it.why.starts_with("rebase") || it.why.starts_with("pull --rebase") {
            is_rebasing = !["(finish)", "(abort)"].iter().any(|end| it.why.contains(end));
        }
        !is_rebasing && is_made(&it.why)
    })
}

/// Tells whether HEAD moved because a commit was made here, and not taken over.
pub(super) fn is_made(why: &str) -> bool {
    // Git cuts what is white space at the end, as behind an empty message.
    let kinds = ["commit:", "commit (initial):", "commit (amend):", "commit (merge):", "revert:"];
    kinds.iter().any(|kind| why.starts_with(kind)) || why.contains(MERGED)
}

/// Returns the commit that an amended one stands for.
pub(super) fn replaced(step: &HeadMove) -> Vec<Oid> {
    // An amended commit may be the same again: within one second, with nothing changed.
    let is_amended = step.why.starts_with("commit (amend):") && step.old != step.new;
    is_amended.then_some(step.old).into_iter().collect()
}

/// Leaves out what a commit replaces that was made in no session, or in another one. Those that are recorded with it are
/// the session's, too.
fn keep_own(
    store: &Store,
    loaded: &Loaded,
    new: &[Oid],
    link: &mut CommitLink,
) -> Result<(), OpError> {
    let mut own = Vec::new();
    for old in &link.replaces {
        if links::find(store, &loaded.snapshot.entries, *old)?.is_some() {
            own.push(*old);
        } else if !new.contains(old) {
            let message = store.message(*old).unwrap_or_default();
            link.is_partly |= trailer::values(&message, TRAILER).is_empty();
        }
    }
    link.replaces = own;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(why: &str) -> HeadMove {
        let oid = Oid::from_hex(&"a".repeat(40)).expect("hex");
        HeadMove { old: oid, new: oid, why: why.into() }
    }

    #[test]
    fn what_was_committed_here_was_made_and_what_was_taken_over_was_not() {
        for why in [
            "commit: x",
            "commit:",
            "commit (initial): x",
            "commit (amend): x",
            "commit (merge): x",
            "merge side: Merge made by the 'ort' strategy.",
            "pull: Merge made by the 'ort' strategy.",
            "revert: Revert \"x\"",
        ] {
            assert!(is_made(why), "{why}");
        }
        for why in [
            "commit (cherry-pick): x",
            "cherry-pick: x",
            "rebase (pick): x",
            "rebase (squash): x",
            "am: x",
            "pull: Fast-forward",
            "merge side: Fast-forward",
            "checkout: moving from a to b",
            "reset: moving to HEAD~",
            "commit",
        ] {
            assert!(!is_made(why), "{why}");
        }
    }

    #[test]
    fn what_is_committed_during_a_rebase_is_not_taken_for_new() {
        let words = ["commit: a", "rebase (start): checkout x", "commit (amend): b", "commit: c"];
        let moves: Vec<HeadMove> =
            words.iter().chain(&["rebase (finish): y", "commit: d"]).map(|why| step(why)).collect();
        let made: Vec<&str> = made_moves(&moves).map(|it| it.why.as_str()).collect();
        assert_eq!(made, ["commit: a", "commit: d"]);
    }
}
