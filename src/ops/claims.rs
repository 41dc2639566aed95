//! Which sessions a commit was made in, and what speaks for it.
//!
//! What a commit says of itself is a claim: anybody can write a trailer. So is what a session says of a commit, since it
//! may have come from anybody. Both together are certain, and so is what this clone itself has seen and written down. In
//! between lies what has the same content, after history was rewritten where nobody looked.
//! A gap is acceptable, a wrong answer is not: what could have been made twice is never more than a claim.

use std::cell::OnceCell;
use std::collections::BTreeSet;

use crate::format::trailer;
use crate::model::{CommitLink, Oid, SessionId};
pub use crate::ops::claim::{Claim, Confidence, Evidence, Standing};
use crate::ops::claim::{put, settled};
use crate::ops::recorded::{Index, Same, listed};
use crate::ops::{OpError, links};
use crate::store::{CommitInfo, Fault, Store};

/// The trailer of a commit that names the session that it was made in.
pub const TRAILER: &str = "Session-Id";
/// The most commits of one content that are looked at, and the most sessions that share one.
const MAX_SAME: usize = 32;

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
                put(&mut claims, self.recorded(index.session_id(*idx), index.link(*idx), false));
            }
        }
        if !is_certain(&claims) {
            for found in self.same_content(&commit)? {
                // Where others had a part in it, its own word makes it no surer.
                let id = found.claim.session_id;
                let known = claims.iter().find(|it| it.session_id == id).map(|it| it.evidence);
                let is_recorded = matches!(known, Some(Evidence::Record | Evidence::Part));
                let is_less = is_recorded || !found.is_whole;
                if known.is_none() || !is_less {
                    put(&mut claims, found.claim);
                }
            }
        }
        Ok(settled(claims))
    }

    /// Returns the same where the sessions that the commit names are enough for it; `None` where all of them would
    /// have to be read.
    pub fn at_once(&self, commit: &CommitInfo) -> Option<Vec<Claim>> {
        let claims = self.named(commit);
        is_certain(&claims).then(|| settled(claims))
    }

    /// Asks the sessions that a commit names, and those that these say had a part in it.
    fn named(&self, commit: &CommitInfo) -> Vec<Claim> {
        let mut claims: Vec<Claim> = Vec::new();
        for (session_id, evidence) in named(self.store, commit) {
            if claims.iter().all(|claim| claim.session_id != session_id) {
                claims.push(self.ask(session_id, evidence, commit.oid));
            }
        }
        let sure = claims.iter().filter(|claim| claim.is_vouched());
        let told = |claim: &Claim| -> Vec<(SessionId, bool)> {
            let others = claim.link.iter().flat_map(|link| &link.shared_with);
            others.map(|session_id| (*session_id, claim.is_own)).collect()
        };
        let others: Vec<(SessionId, bool)> = sure.flat_map(told).collect();
        for (session_id, is_sure) in others.into_iter().take(MAX_SAME) {
            // What one session says of another one counts if that says so, too.
            let mut claim = self.ask(session_id, Evidence::Record, commit.oid);
            if claim.link.is_some() {
                if is_sure && let Some(link) = claim.link {
                    claim = self.recorded(session_id, &link, true);
                }
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
        let claim = |standing| Claim::new(session_id, evidence, standing);
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
            Ok(Some(link)) => self.recorded(session_id, &link, evidence == Evidence::Trailer),
        }
    }

    /// Returns what a session says by what it recorded of a commit, which may name the session itself.
    fn recorded(&self, session_id: SessionId, link: &CommitLink, is_named: bool) -> Claim {
        let is_own = links::is_own(self.store, session_id, link);
        let (evidence, confidence) = match (link.is_partly, is_own || is_named) {
            (false, true) => (Evidence::Record, Confidence::Certain),
            (false, false) => (Evidence::Record, Confidence::Likely),
            (true, true) => (Evidence::Part, Confidence::Likely),
            (true, false) => (Evidence::Part, Confidence::Claimed),
        };
        let claim = Claim::new(session_id, evidence, Standing::Here);
        Claim { confidence, link: Some(link.clone()), is_own, ..claim }
    }

    /// Tells how sure it is that a commit was made in the session that has recorded it.
    ///
    /// # Errors
    /// As [`Claims::of`].
    pub fn sureness(
        &self,
        session_id: SessionId,
        link: &CommitLink,
    ) -> Result<Confidence, OpError> {
        let claim = self.recorded(session_id, link, false);
        // Of what is not here nobody else can be asked.
        if claim.is_own || self.store.commit(link.commit_oid).is_err() {
            return Ok(claim.confidence);
        }
        let claims = self.of(link.commit_oid)?;
        let found = claims.into_iter().find(|it| it.session_id == session_id);
        Ok(found.map_or(Confidence::Claimed, |it| it.confidence))
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
        let same = self.own_first(index, same);
        // What is in the commit's own history was not rewritten into it: it was made again, as when a revert
        // is reverted, or taken back to what was there before.
        let is_again = |same: &Same| {
            let newest = same.links.first().map(|idx| index.link(*idx).commit_oid);
            newest.is_some_and(|oid| store.is_in_history(oid, commit.oid))
        };
        if same.len() > MAX_SAME || same.iter().any(is_again) {
            return Ok(Vec::new());
        }
        Ok(self.judge(index, commit, &same))
    }

    fn is_own(&self, index: &Index, idx: usize) -> bool {
        links::is_own(self.store, index.session_id(idx), index.link(idx))
    }

    /// Leaves out what others say where this clone knows better.
    fn own_first(&self, index: &Index, mut same: Vec<Same>) -> Vec<Same> {
        let has_own = |same: &Same| same.links.iter().any(|idx| self.is_own(index, *idx));
        if same.iter().any(has_own) {
            same.retain(has_own);
        }
        same
    }

    /// Returns the sessions that recorded the same content, and how sure that is.
    fn judge(&self, index: &Index, commit: &CommitInfo, same: &[Same]) -> Vec<Found> {
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
        for (evidence, idx) in
            same.iter().flat_map(|it| it.links.iter().map(|idx| (it.evidence, *idx)))
        {
            let session_id = index.session_id(idx);
            if found.iter().all(|known| known.claim.session_id != session_id) {
                let claim = self.recorded(session_id, index.link(idx), false);
                found.push(Found { claim: Claim { evidence, confidence, ..claim }, is_whole });
            }
        }
        found
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

fn is_certain(claims: &[Claim]) -> bool {
    claims.iter().any(|it| it.confidence == Confidence::Certain)
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
