//! Which sessions a commit was made in, and what speaks for it.
//!
//! What a commit says of itself is a claim: anybody can write a trailer. What the session itself has recorded
//! is certain. In between lies what has the same content, after history was rewritten where nobody looked.
//! A gap is acceptable, a wrong answer is not: what could have been made twice is never more than a claim.

use std::cell::OnceCell;
use std::collections::BTreeSet;

use crate::format::trailer;
use crate::model::{CommitLink, Oid, SessionId};
use crate::ops::recorded::{Index, Same, listed};
use crate::ops::{OpError, links};
use crate::store::{CommitInfo, Fault, Store};

/// The trailer of a commit that names the session that it was made in.
pub const TRAILER: &str = "Session-Id";
/// The most commits of one content that are looked at, and the most sessions that share one.
const MAX_SAME: usize = 32;

/// What speaks for it that a commit was made in a session; the strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Evidence {
    /// The session recorded this very commit.
    Record,
    /// The session recorded a commit that changes the same.
    Patch,
    /// The session recorded the commits that led to the same tree, from the same one.
    Tree,
    /// The session recorded commits that change the same together.
    Squash,
    /// The commit says so in its last block of trailers.
    Trailer,
    /// A note in `refs/notes/sessions` says so.
    Note,
}

impl Evidence {
    /// Returns the word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Evidence::Record => "record",
            Evidence::Patch => "patch",
            Evidence::Tree => "tree",
            Evidence::Squash => "squash",
            Evidence::Trailer => "trailer",
            Evidence::Note => "note",
        }
    }
}

/// How sure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// The session's own record says so: of this commit, or of its content where the commit names the session.
    Certain,
    /// One session alone recorded the same content, of the same author and time.
    Likely,
    /// Only the commit says so, or the content is the same and may have been made twice.
    Claimed,
}

impl Confidence {
    /// Returns the word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Confidence::Certain => "certain",
            Confidence::Likely => "likely",
            Confidence::Claimed => "claimed",
        }
    }
}

/// Whether the session of a claim can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It can be read.
    Here,
    /// There is no such session in this repository: it was never fetched, deleted, or never was.
    Missing,
    /// It is damaged, for this reason.
    Damaged(String),
}

/// That a commit was made in a session.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// The session.
    pub session_id: SessionId,
    /// What speaks for it.
    pub evidence: Evidence,
    /// How sure it is.
    pub confidence: Confidence,
    /// Whether the session can be asked.
    pub standing: Standing,
    /// What the session recorded: of this commit, or of the one with the same content.
    pub link: Option<CommitLink>,
}

/// Answers for commits, and remembers what it has read from answer to answer. Nothing is ever written.
pub struct Claims<'a> {
    store: &'a Store,
    index: OnceCell<Index>,
}

/// Returns the sessions of this repository that a commit was made in, or is said to be, the surest first.
///
/// # Errors
/// As [`Claims::of`].
pub fn sessions_of(store: &Store, commit_oid: Oid) -> Result<Vec<SessionId>, OpError> {
    let claims = Claims::new(store).of(commit_oid)?;
    let here = claims.into_iter().filter(|claim| claim.standing != Standing::Missing);
    Ok(here.map(|claim| claim.session_id).collect())
}

impl<'a> Claims<'a> {
    /// Begins to answer. A session that a commit names is asked first; what all of them have recorded is read
    /// when that is not enough, once.
    pub fn new(store: &'a Store) -> Claims<'a> {
        Claims { store, index: OnceCell::new() }
    }

    /// Returns the sessions that a commit was made in, the surest first; none if nothing is known.
    ///
    /// # Errors
    /// [`OpError::Store`] if the commit or the sessions' refs cannot be read.
    pub fn of(&self, commit_oid: Oid) -> Result<Vec<Claim>, OpError> {
        let commit = self.store.commit(commit_oid)?;
        let mut claims = self.named(&commit);
        if !is_certain(&claims) {
            let index = self.index()?;
            for idx in index.with_commit(commit_oid) {
                put(&mut claims, claim_of(index, *idx, Evidence::Record, Confidence::Certain));
            }
        }
        if !is_certain(&claims) {
            for found in self.same_content(&commit)? {
                // Where others had a part in it, its own word makes it no surer.
                let is_known = claims.iter().any(|it| it.session_id == found.claim.session_id);
                if found.is_whole || !is_known {
                    put(&mut claims, found.claim);
                }
            }
        }
        Ok(sorted(claims))
    }

    /// Returns the same where the sessions that the commit names are enough for it; `None` where all of them would
    /// have to be read.
    pub fn at_once(&self, commit: &CommitInfo) -> Option<Vec<Claim>> {
        let claims = self.named(commit);
        is_certain(&claims).then(|| sorted(claims))
    }

    /// Asks the sessions that a commit names, and those that these say had a part in it.
    fn named(&self, commit: &CommitInfo) -> Vec<Claim> {
        let mut claims: Vec<Claim> = Vec::new();
        for (session_id, evidence) in named(self.store, commit) {
            if claims.iter().all(|claim| claim.session_id != session_id) {
                claims.push(self.ask(session_id, evidence, commit.oid));
            }
        }
        let others = claims.iter().filter_map(|claim| claim.link.as_ref());
        let others: Vec<SessionId> = others.flat_map(|link| link.shared_with.clone()).collect();
        for session_id in others.into_iter().take(MAX_SAME) {
            // What one session says of another one counts if that says so, too.
            let claim = self.ask(session_id, Evidence::Record, commit.oid);
            if claim.confidence == Confidence::Certain {
                put(&mut claims, claim);
            }
        }
        claims
    }

    /// Returns the sessions that could not be read for an answer so far.
    pub fn faults(&self) -> &[Fault] {
        self.index.get().map(Index::faults).unwrap_or_default()
    }

    /// Asks the session that a commit names.
    fn ask(&self, session_id: SessionId, evidence: Evidence, commit_oid: Oid) -> Claim {
        let claim = |standing| Claim {
            session_id,
            evidence,
            confidence: Confidence::Claimed,
            standing,
            link: None,
        };
        let damaged = |reason: String| claim(Standing::Damaged(reason));
        let tip_oid = match self.store.tip(session_id) {
            Ok(Some(tip_oid)) => tip_oid,
            Ok(None) => return claim(Standing::Missing),
            Err(error) => return damaged(error.to_string()),
        };
        let found = self.store.snapshot(tip_oid).map_err(OpError::from).and_then(|snapshot| {
            let found = links::find(self.store, &snapshot.entries, commit_oid)?;
            Ok(found
                .or_else(|| listed(&snapshot).into_iter().find(|it| it.commit_oid == commit_oid)))
        });
        match found {
            Err(error) => damaged(error.to_string()),
            Ok(None) => claim(Standing::Here),
            Ok(link) => Claim {
                evidence: Evidence::Record,
                confidence: Confidence::Certain,
                link,
                ..claim(Standing::Here)
            },
        }
    }

    /// Finds the sessions that recorded what a commit changes.
    fn same_content(&self, commit: &CommitInfo) -> Result<Vec<Found>, OpError> {
        let (index, store) = (self.index()?, self.store);
        let before = match commit.parents[..] {
            [] => None,
            [parent] => store.commit(parent).ok().map(|it| it.tree_oid),
            // A merge has the content of others.
            _ => return Ok(Vec::new()),
        };
        if before == Some(commit.tree_oid) || index.is_empty() {
            return Ok(Vec::new());
        }
        let patch = store.patch(commit)?;
        let same = match patch.and_then(|patch| patch.id) {
            Some(patch_id) => index.with_patch(patch_id),
            None => Vec::new(),
        };
        let same = if same.is_empty() { index.with_tree(store, commit, before) } else { same };
        let same = match patch.filter(|_| same.is_empty()) {
            Some(patch) => index.with_patch_together(store, commit, &patch)?,
            None => same,
        };
        // What is in the commit's own history was not rewritten into it: it was made again, as when a revert
        // is reverted, or taken back to what was there before.
        let is_again = |same: &Same| {
            let newest = same.links.first().map(|idx| index.link(*idx).commit_oid);
            newest.is_some_and(|oid| store.is_in_history(oid, commit.oid))
        };
        if same.len() > MAX_SAME || same.iter().any(is_again) {
            return Ok(Vec::new());
        }
        Ok(judge(index, commit, &same))
    }

    fn index(&self) -> Result<&Index, OpError> {
        if let Some(index) = self.index.get() {
            return Ok(index);
        }
        let index = Index::read(self.store)?;
        Ok(self.index.get_or_init(|| index))
    }
}

/// A claim by content.
struct Found {
    claim: Claim,
    /// Whether all that the commit changes was recorded.
    is_whole: bool,
}

/// Returns the sessions that recorded the same content, and how sure that is.
fn judge(index: &Index, commit: &CommitInfo, same: &[Same]) -> Vec<Found> {
    let author = commit.author.to_string();
    let is_same_act = |idx: &usize| {
        let link = index.link(*idx);
        link.author.as_ref() == Some(&author) && link.authored_at == Some(commit.authored_at)
    };
    let sessions = |same: &Same| -> BTreeSet<SessionId> {
        same.links.iter().map(|idx| index.session_id(*idx)).collect()
    };
    let is_alone = same.iter().all(|it| sessions(it) == sessions(&same[0]));
    let is_whole = same.iter().all(|it| it.is_whole);
    let is_sure = is_alone && is_whole && same.iter().flat_map(|it| &it.links).any(is_same_act);
    let confidence = if is_sure { Confidence::Likely } else { Confidence::Claimed };
    let mut found: Vec<Found> = Vec::new();
    for (evidence, idx) in same.iter().flat_map(|it| it.links.iter().map(|idx| (it.evidence, *idx)))
    {
        let claim = claim_of(index, idx, evidence, confidence);
        if found.iter().all(|known| known.claim.session_id != claim.session_id) {
            found.push(Found { claim, is_whole });
        }
    }
    found
}

fn claim_of(index: &Index, idx: usize, evidence: Evidence, confidence: Confidence) -> Claim {
    Claim {
        session_id: index.session_id(idx),
        evidence,
        confidence,
        standing: Standing::Here,
        link: Some(index.link(idx).clone()),
    }
}

fn is_certain(claims: &[Claim]) -> bool {
    claims.iter().any(|it| it.confidence == Confidence::Certain)
}

fn sorted(mut claims: Vec<Claim>) -> Vec<Claim> {
    // Who can be asked is asked first.
    let is_away = |claim: &Claim| claim.standing != Standing::Here;
    claims.sort_by_key(|it| (it.confidence, is_away(it), it.evidence, it.session_id));
    claims
}

/// Adds a claim. One for a session that the commit names itself makes both of them certain.
fn put(claims: &mut Vec<Claim>, claim: Claim) {
    match claims.iter_mut().find(|known| known.session_id == claim.session_id) {
        Some(known) => *known = Claim { confidence: Confidence::Certain, ..claim },
        None => claims.push(claim),
    }
}

/// Returns the sessions that a commit and its note name, in order.
fn named(store: &Store, commit: &CommitInfo) -> Vec<(SessionId, Evidence)> {
    let ids = |text: &str, evidence| -> Vec<(SessionId, Evidence)> {
        let values = trailer::values(text, TRAILER);
        values.into_iter().filter_map(|it| Some((SessionId::parse(it)?, evidence))).collect()
    };
    let mut named = ids(&commit.message, Evidence::Trailer);
    if let Some(note) = store.note(commit.oid) {
        // A note has no title: all of it may be trailers.
        named.extend(ids(&format!("note\n\n{note}"), Evidence::Note));
    }
    named
}
