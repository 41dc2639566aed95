//! What a git that runs is expected to do, and what it has done when it has ended.

use crate::format::trailer;
use crate::model::{CommitLink, KnownBy, Oid, SessionId};
use crate::ops::claims::TRAILER;
use crate::ops::git_hook::made::{is_made, missed, record, replaced};
use crate::ops::git_hook::rewrite::{Amended, rewrite_on};
use crate::ops::git_hook::seen::Seen;
use crate::ops::{Context, OpError, links, load};
use crate::store::{CommitInfo, HeadMove, Store};
use crate::worker::Followers;

/// A commit that git has a message for, and has not made yet.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Expected {
    /// How long HEAD's log was then, in bytes; `None` if there was none.
    after: Option<u64>,
    /// Where HEAD was.
    old: Option<Oid>,
    /// The branch that it was on.
    branch: Option<String>,
    /// The session that was worked on.
    session_id: SessionId,
    /// The name of what the message says; `None` if that is not known yet, or nothing.
    said: Option<Oid>,
    /// The name of who is its author, and since when, if git says so.
    author: Option<Oid>,
}

/// Who is the author of a commit that is about to be made, as git tells its hooks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// `<name> <<email>>`.
    pub who: String,
    /// When the author wrote it, in seconds since 1970.
    pub seconds: i64,
}

impl Author {
    fn name(&self, store: &Store) -> Result<Oid, OpError> {
        Ok(store.blob_name(format!("{} {}", self.who, self.seconds).as_bytes())?)
    }
}

/// What is noted where other gits are about to make commits in the same work tree: they use one file for messages.
pub const SHARED: &str = "shared";

/// Returns a line that says what git is about to make: a commit with this message, if it is known, in a session.
/// [`settle`] reads it when git has ended.
///
/// # Errors
/// [`OpError::Store`] when HEAD cannot be read.
pub fn expect(
    store: &Store,
    session_id: SessionId,
    message: Option<&[u8]>,
    author: Option<&Author>,
) -> Result<String, OpError> {
    let message = message.map(String::from_utf8_lossy);
    let head = store.head()?;
    let expected = Expected {
        after: store.head_log_size(),
        old: head.commit.as_deref().and_then(Oid::from_hex),
        branch: head.branch,
        session_id,
        said: message.map(|it| said(store, &it)).transpose()?.flatten(),
        author: author.map(|it| it.name(store)).transpose()?,
    };
    Ok(expected.line())
}

/// What a hook was told by the shell that runs it, which has put the session's trailer into the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// How long HEAD's log was at some time when HEAD was at `old`, in bytes.
    pub after: u64,
    /// Where HEAD was when git came to the hook.
    pub old: Oid,
    /// The branch that it was on.
    pub branch: Option<String>,
    /// The session that was worked on.
    pub session_id: SessionId,
}

impl Told {
    /// Returns what can be noted of it without a look at the repository.
    pub fn line(&self) -> String {
        self.expected(self.after, None).line()
    }

    fn expected(&self, after: u64, author: Option<Oid>) -> Expected {
        let Told { old, branch, session_id, .. } = self.clone();
        Expected { after: Some(after), old: Some(old), branch, session_id, said: None, author }
    }
}

/// Returns the same line as [`expect`] for a git that may have gone on since.
///
/// # Errors
/// [`OpError::Store`] when the author's name cannot be made.
pub fn expect_told(store: &Store, told: &Told, author: Option<&Author>) -> Result<String, OpError> {
    let log = store.head_log_after(told.after);
    // A log that was cut is another one: then all of it is looked through.
    let log = log.filter(|it| it.before.as_ref().is_some_and(|it| it.new == told.old));
    let after = log.map_or(0, |it| it.n_bytes.min(told.after));
    let author = author.map(|it| it.name(store)).transpose()?;
    Ok(told.expected(after, author).line())
}

/// Returns a line that says that a commit was made anew.
pub fn rewritten(old: Oid, new: Oid) -> String {
    format!("rewritten {old} {new}")
}

/// Links what git has made, as its hooks had noted until it ended, and what was made before where no hook ran. If HEAD
/// has not moved, nothing is written. What cannot be told is no session's.
///
/// # Errors
/// What reading and changing the sessions fails for.
pub fn settle(store: &Store, context: &Context, notes: &[String]) -> Result<(), OpError> {
    let expected: Vec<Expected> = notes.iter().filter_map(|it| Expected::parse(it)).collect();
    let is_shared = notes.iter().any(|it| it == SHARED);
    let own = found(store, &expected, is_shared)?;
    if own.is_empty() && !has_moved(store, &expected)? {
        return Ok(());
    }
    let mut ids: Vec<SessionId> = own.iter().map(|(session_id, _)| *session_id).collect();
    ids.dedup();
    if ids.is_empty() {
        let last = expected.last().filter(|_| !is_shared);
        ids.extend(last.map(|it| it.session_id));
    }
    let seen = Seen::read(store);
    let log = match (&seen, own.last()) {
        // What came after is for the next look.
        (Some(seen), Some((_, last))) => store.head_log_until(seen.n_bytes, last.commit_oid),
        (Some(seen), None) => store.head_log_after(seen.n_bytes),
        (None, _) => store.head_log_after(u64::MAX),
    };
    let mut session = None;
    for session_id in ids {
        let loaded = match load::load(store, session_id) {
            Err(OpError::NotFound { .. }) => continue,
            loaded => loaded?,
        };
        let missed = log.as_ref().map(|log| missed(store, log, seen.as_ref(), &loaded));
        let mut links = missed.unwrap_or_default();
        links.retain(|link| own.iter().all(|(_, it)| it.commit_oid != link.commit_oid));
        links.extend(own.iter().filter(|(id, _)| *id == session_id).map(|(_, it)| it.clone()));
        session = Some((session_id, record(store, context, &loaded, links)?));
    }
    if session.is_none() {
        Seen::disown(store, context);
    } else if let Some(log) = log
        // Who has looked since has seen more.
        && Seen::read(store).is_none_or(|it| it.n_bytes <= log.n_bytes)
    {
        let head = log.last().map(|it| it.new);
        Seen { n_bytes: log.n_bytes, head, session }.keep(store, context);
    }
    let pairs: Vec<(Oid, Oid)> = notes.iter().filter_map(|it| parse_rewritten(it)).collect();
    if pairs.is_empty() {
        return Ok(());
    }
    let last = expected.last();
    let branch = last.and_then(|it| it.branch.as_deref());
    let amended = last.map_or(Amended::No, |it| Amended::By(it.session_id));
    rewrite_on(store, context, &pairs, amended, branch)
}

/// Returns how long HEAD's log was when the first git of this work tree that others wait for came to its hook;
/// `None` if nobody waits.
pub(super) fn first_awaited(store: &Store) -> Option<u64> {
    let notes = Followers::of(store.following_dir()).notes_of_others();
    let expected = notes.iter().filter_map(|it| Expected::parse(it));
    expected.map(|it| it.after.unwrap_or(0)).min()
}

fn has_moved(store: &Store, expected: &[Expected]) -> Result<bool, OpError> {
    for it in expected {
        if !it.moves(store)?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Finds the commits that were expected, each where HEAD's log has it first; oldest first.
fn found(
    store: &Store,
    expected: &[Expected],
    is_shared: bool,
) -> Result<Vec<(SessionId, CommitLink)>, OpError> {
    let mut all: Vec<(SessionId, CommitLink)> = Vec::new();
    let mut done: Vec<&Expected> = Vec::new();
    // What was said of a commit last, counts: an editor may have been open since.
    for it in expected.iter().rev() {
        if done.iter().any(|later| (later.after, later.old) == (it.after, it.old)) {
            continue;
        }
        let is_new = |step: &HeadMove| all.iter().all(|(_, link)| link.commit_oid != step.new);
        let mut moves = it.moves(store)?.into_iter().filter(is_new);
        let Some(step) = moves.find(|step| it.is(store, step, is_shared)) else { continue };
        let commit = store.commit(step.new)?;
        let link = links::describe(store, &commit, KnownBy::Hook);
        let (branch, replaces) = (it.branch.clone(), replaced(&step));
        all.push((it.session_id, CommitLink { branch, replaces, ..link }));
        done.push(it);
    }
    all.reverse();
    Ok(all)
}

impl Expected {
    /// Returns how HEAD has moved since.
    fn moves(&self, store: &Store) -> Result<Vec<HeadMove>, OpError> {
        if let Some(log) = store.head_log_after(self.after.unwrap_or(0)) {
            return Ok(log.moves);
        }
        let old = self.old.unwrap_or(Oid::null(store.hash_kind()));
        let new = store.head()?.commit.as_deref().and_then(Oid::from_hex);
        let step = new.map(|new| HeadMove { old, new, why: "commit: ".to_owned() });
        Ok(step.into_iter().collect())
    }

    /// Tells whether it was this commit that HEAD moved to: made from where HEAD was, and with the session's name
    /// or with the very message, unless that may be another git's.
    fn is(&self, store: &Store, step: &HeadMove, is_shared: bool) -> bool {
        let is_from_there = self.old.map_or(step.old.is_null(), |old| old == step.old);
        let Some(message) = store.message(step.new).ok().filter(|_| is_from_there) else {
            return false;
        };
        let named = trailer::values(&message, TRAILER);
        let is_named = named.iter().any(|it| SessionId::parse(it) == Some(self.session_id));
        let is_said = || {
            !is_shared && self.said.is_some() && said(store, &message).ok().flatten() == self.said
        };
        is_made(&step.why) && (is_named || is_said()) && self.is_by_author(store, step.new)
    }

    fn is_by_author(&self, store: &Store, commit_oid: Oid) -> bool {
        let of = |commit: CommitInfo| {
            let seconds = commit.authored_at.seconds();
            Author { who: commit.author.to_string(), seconds }.name(store).ok()
        };
        self.author.is_none() || store.commit(commit_oid).ok().and_then(of) == self.author
    }

    fn line(&self) -> String {
        let session_id = self.session_id;
        let after = self.after.map_or("-".to_owned(), |it| it.to_string());
        let oid = |oid: Option<Oid>| oid.map_or("-".to_owned(), |it| it.to_string());
        let (old, said, author) = (oid(self.old), oid(self.said), oid(self.author));
        let branch = self.branch.as_deref().unwrap_or_default();
        format!("commit {after} {old} {session_id} {said} {author} {branch}")
    }

    fn parse(line: &str) -> Option<Expected> {
        let mut words = line.strip_prefix("commit ")?.splitn(6, ' ');
        let after = words.next()?;
        let old = words.next()?;
        let session_id = SessionId::parse(words.next()?)?;
        let (said, author) = (words.next()?, words.next()?);
        let oid = |word: &str| match word {
            "-" => Some(None),
            hex => Oid::from_hex(hex).map(Some),
        };
        Some(Expected {
            after: if after == "-" { None } else { Some(after.parse().ok()?) },
            old: oid(old)?,
            session_id,
            said: oid(said)?,
            author: oid(author)?,
            branch: words.next().filter(|it| !it.is_empty()).map(str::to_owned),
        })
    }
}

fn parse_rewritten(line: &str) -> Option<(Oid, Oid)> {
    let (old, new) = line.strip_prefix("rewritten ")?.split_once(' ')?;
    Some((Oid::from_hex(old)?, Oid::from_hex(new)?))
}

/// Returns the name of what a message says, whatever white space and comments git keeps of it; `None` for nothing.
fn said(store: &Store, message: &str) -> Result<Option<Oid>, OpError> {
    let mut plain = trailer::plain(message.as_bytes(), store.settings().comment.as_bytes());
    plain.retain(|byte| !byte.is_ascii_whitespace());
    let name = (!plain.is_empty()).then(|| store.blob_name(&plain));
    Ok(name.transpose()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_expected_round_trips_and_nonsense_is_nothing() {
        let oid = Oid::from_hex(&"a".repeat(40)).expect("hex");
        let session_id = SessionId::parse("0199f0c2-1c4d-7abc-8def-0123456789af").expect("an id");
        let one = Expected {
            after: Some(7),
            old: Some(oid),
            branch: None,
            session_id,
            said: Some(oid),
            author: None,
        };
        let branch = Some("a b".to_owned());
        for expected in [
            one.clone(),
            Expected { branch, ..one.clone() },
            Expected { after: None, old: None, said: None, author: Some(oid), ..one },
        ] {
            assert_eq!(Expected::parse(&expected.line()), Some(expected));
        }
        for line in ["", "commit", "commit - -", "commit x - y z - ", "rewritten a b"] {
            assert_eq!(Expected::parse(line), None, "{line:?}");
        }
        assert_eq!(parse_rewritten(&rewritten(oid, oid)), Some((oid, oid)));
        assert_eq!(parse_rewritten("rewritten a b"), None);
    }
}
