//! Which sessions a commit was made in, and what speaks for it.
//!
//! What a commit says of itself is a claim: anybody can write a trailer. What the session itself has recorded
//! is certain. In between lies what has the same content, after history was rewritten where nobody looked.
//! A gap is acceptable, a wrong answer is not: what could have been made twice is never more than a claim.

use std::cell::OnceCell;
use std::collections::HashMap;

use crate::format::{record, trailer};
use crate::model::{CommitLink, Oid, SessionId};
use crate::ops::{OpError, links};
use crate::store::{CommitInfo, Fault, Snapshot, Store};

/// The trailer of a commit that names the session that it was made in.
pub const TRAILER: &str = "Session-Id";
/// The most commits of one content that are looked at.
const MAX_SAME: usize = 32;

/// What speaks for it that a commit was made in a session; the strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Evidence {
    /// The session recorded this very commit.
    Record,
    /// The session recorded a commit that changes the same.
    Patch,
    /// The session recorded a commit with the same tree.
    Tree,
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

/// What all sessions have recorded of commits.
#[derive(Default)]
struct Index {
    links: Vec<(SessionId, CommitLink)>,
    by_commit: HashMap<Oid, Vec<usize>>,
    by_patch: HashMap<Oid, Vec<usize>>,
    by_tree: HashMap<Oid, Vec<usize>>,
    faults: Vec<Fault>,
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
        let mut claims: Vec<Claim> = Vec::new();
        for (session_id, evidence) in named(self.store, &commit) {
            if claims.iter().all(|claim| claim.session_id != session_id) {
                claims.push(self.ask(session_id, evidence, commit_oid));
            }
        }
        let is_certain =
            |claims: &[Claim]| claims.iter().any(|it| it.confidence == Confidence::Certain);
        if !is_certain(&claims) {
            let index = self.index()?;
            let recorded = index.by_commit.get(&commit_oid).into_iter().flatten();
            let recorded =
                recorded.map(|idx| index.claim(*idx, Evidence::Record, Confidence::Certain));
            recorded.for_each(|claim| put(&mut claims, claim));
        }
        if !is_certain(&claims) {
            self.same_content(&commit)?.into_iter().for_each(|claim| put(&mut claims, claim));
        }
        claims.sort_by_key(|claim| (claim.confidence, claim.evidence, claim.session_id));
        Ok(claims)
    }

    /// Returns the sessions that could not be read for an answer so far.
    pub fn faults(&self) -> &[Fault] {
        self.index.get().map(|index| index.faults.as_slice()).unwrap_or_default()
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
    fn same_content(&self, commit: &CommitInfo) -> Result<Vec<Claim>, OpError> {
        let (index, store) = (self.index()?, self.store);
        let is_empty = match commit.parents[..] {
            [] => false,
            [parent] => store.commit(parent).is_ok_and(|it| it.tree_oid == commit.tree_oid),
            // A merge has the content of others.
            _ => true,
        };
        if is_empty || index.links.is_empty() {
            return Ok(Vec::new());
        }
        let patch_id = store.patch(commit)?.and_then(|patch| patch.id);
        let by_patch = patch_id.and_then(|id| index.by_patch.get(&id)).into_iter().flatten();
        let by_tree = index.by_tree.get(&commit.tree_oid).into_iter().flatten();
        let mut same: Vec<(usize, Evidence)> =
            by_patch.map(|idx| (*idx, Evidence::Patch)).collect();
        for idx in by_tree {
            if same.iter().all(|(known, _)| known != idx) {
                same.push((*idx, Evidence::Tree));
            }
        }
        // What is in the commit's own history was not rewritten into it: it was made again, as when a revert
        // is reverted, or taken back to what was there before.
        let is_again = |(idx, _): &(usize, Evidence)| {
            store.is_in_history(index.links[*idx].1.commit_oid, commit.oid)
        };
        if same.len() > MAX_SAME || same.iter().any(is_again) {
            return Ok(Vec::new());
        }
        let author = commit.author.to_string();
        let is_same_act = |(idx, _): &(usize, Evidence)| {
            let link = &index.links[*idx].1;
            link.author.as_ref() == Some(&author) && link.authored_at == Some(commit.authored_at)
        };
        let first = same.first().map(|(idx, _)| index.links[*idx].0);
        let is_alone = same.iter().all(|(idx, _)| Some(index.links[*idx].0) == first);
        let confidence = match is_alone && same.iter().any(is_same_act) {
            true => Confidence::Likely,
            false => Confidence::Claimed,
        };
        let mut claims: Vec<Claim> = Vec::new();
        for (idx, evidence) in same {
            let claim = index.claim(idx, evidence, confidence);
            if claims.iter().all(|known| known.session_id != claim.session_id) {
                claims.push(claim);
            }
        }
        Ok(claims)
    }

    fn index(&self) -> Result<&Index, OpError> {
        if let Some(index) = self.index.get() {
            return Ok(index);
        }
        let tips = self.store.tips()?;
        let mut index = Index { faults: tips.faults, ..Index::default() };
        for (session_id, tip_oid) in tips.sessions {
            let read = self.store.snapshot(tip_oid).map_err(OpError::from).and_then(|snapshot| {
                let mut all = links::read_all(self.store, &snapshot.entries)?;
                all.extend(listed(&snapshot));
                Ok(all)
            });
            match read {
                Ok(links) => links.into_iter().for_each(|link| index.add(session_id, link)),
                Err(error) => {
                    index.faults.push(Fault::new(session_id.to_string(), error.to_string()));
                }
            }
        }
        Ok(self.index.get_or_init(|| index))
    }
}

impl Index {
    fn add(&mut self, session_id: SessionId, link: CommitLink) {
        let idx = self.links.len();
        let known = self.by_commit.entry(link.commit_oid).or_default();
        if known.iter().any(|other| self.links[*other].0 == session_id) {
            return;
        }
        known.push(idx);
        if let Some(patch_id) = link.patch_id {
            self.by_patch.entry(patch_id).or_default().push(idx);
        }
        if let Some(tree_oid) = link.tree_oid {
            self.by_tree.entry(tree_oid).or_default().push(idx);
        }
        self.links.push((session_id, link));
    }

    fn claim(&self, idx: usize, evidence: Evidence, confidence: Confidence) -> Claim {
        let (session_id, link) = self.links[idx].clone();
        Claim { session_id, evidence, confidence, standing: Standing::Here, link: Some(link) }
    }
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

/// Returns what the record itself lists; it is parsed only if it lists anything.
fn listed(snapshot: &Snapshot) -> Vec<CommitLink> {
    let key = b"\ncommits:";
    if !snapshot.record.windows(key.len()).any(|it| it == key) {
        return Vec::new();
    }
    record::parse(&snapshot.record).map(|it| links::listed(&it).collect()).unwrap_or_default()
}
