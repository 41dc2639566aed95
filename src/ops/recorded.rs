//! What all sessions have recorded of commits, and what several of these commits come to together.
//!
//! Commits that were made one into the next, as a squash is, have the content of all of them. So what is found by a
//! tree or by a sum of changes is everybody's who recorded one of these commits, and only theirs if all were
//! recorded.

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

use crate::format::record;
use crate::model::{CommitLink, Oid, PatchSize, SessionId};
use crate::ops::claims::Evidence;
use crate::ops::{OpError, links};
use crate::store::{CommitInfo, Fault, Patch, Snapshot, Store};

/// The most commits that may have become one.
const MAX_RUN: usize = 4096;
/// The most sums of changes that are computed for a commit.
const MAX_SUMS: usize = 32;

/// What all sessions have recorded of commits.
#[derive(Default)]
pub(super) struct Index {
    links: Vec<(SessionId, CommitLink)>,
    by_commit: HashMap<Oid, Vec<usize>>,
    by_patch: HashMap<Oid, Vec<usize>>,
    by_tree: HashMap<Oid, Vec<usize>>,
    runs: OnceCell<Vec<Run>>,
    faults: Vec<Fault>,
}

/// Recorded commits with the content of another commit.
pub(super) struct Same {
    /// What was recorded of them, the newest first.
    pub links: Vec<usize>,
    /// How they are the same.
    pub evidence: Evidence,
    /// Whether that is all of them: no commit among them is a merge, or nobody's.
    pub is_whole: bool,
}

/// Recorded commits, each the only parent of the next one.
struct Run {
    /// The newest first.
    commits: Vec<Oid>,
    /// What the oldest one began with.
    before: Option<Oid>,
    /// How much the newest ones change, added up: nothing first, and all of them last.
    sums: Vec<PatchSize>,
}

/// Commits at one end of a row, or all of it.
struct Part<'a> {
    run: &'a Run,
    /// Which ones.
    range: Range<usize>,
}

impl Index {
    /// Reads what all sessions have recorded.
    pub fn read(store: &Store) -> Result<Index, OpError> {
        let tips = store.tips()?;
        let mut index = Index { faults: tips.faults, ..Index::default() };
        for (session_id, tip_oid) in tips.sessions {
            let read = store.snapshot(tip_oid).map_err(OpError::from).and_then(|snapshot| {
                let mut all = links::read_all(store, &snapshot.entries)?;
                all.extend(listed(&snapshot));
                Ok(all)
            });
            match read {
                Ok(links) => links.into_iter().for_each(|link| index.add(store, session_id, link)),
                Err(error) => {
                    index.faults.push(Fault::new(session_id.to_string(), error.to_string()));
                }
            }
        }
        Ok(index)
    }

    fn add(&mut self, store: &Store, session_id: SessionId, link: CommitLink) {
        let idx = self.links.len();
        let known = self.by_commit.entry(link.commit_oid).or_default();
        if known.iter().any(|other| self.links[*other].0 == session_id) {
            return;
        }
        // What is said of a commit by the first one counts where sessions differ.
        let is_first = !known.is_empty() && links::is_own(store, session_id, &link);
        known.insert(if is_first { 0 } else { known.len() }, idx);
        if let Some(patch_id) = link.patch_id {
            self.by_patch.entry(patch_id).or_default().push(idx);
        }
        if let Some(tree_oid) = link.tree_oid {
            self.by_tree.entry(tree_oid).or_default().push(idx);
        }
        self.links.push((session_id, link));
    }

    /// Tells whether nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.links.is_empty()
    }

    /// Returns the sessions that could not be read.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// Returns who recorded it.
    pub fn session_id(&self, idx: usize) -> SessionId {
        self.links[idx].0
    }

    /// Returns what was recorded.
    pub fn link(&self, idx: usize) -> &CommitLink {
        &self.links[idx].1
    }

    /// Returns what was recorded of a commit.
    pub fn with_commit(&self, commit_oid: Oid) -> &[usize] {
        self.by_commit.get(&commit_oid).map(Vec::as_slice).unwrap_or_default()
    }

    /// Returns the commits that change the same.
    pub fn with_patch(&self, patch_id: Oid) -> Vec<Same> {
        let same =
            |idx: &usize| Same { links: vec![*idx], evidence: Evidence::Patch, is_whole: true };
        self.by_patch.get(&patch_id).into_iter().flatten().map(same).collect()
    }

    /// Returns the commits that led from the tree `before`, that `commit` began with, to the tree of `commit`.
    pub fn with_tree(&self, store: &Store, commit: &CommitInfo, before: Option<Oid>) -> Vec<Same> {
        let mut seen = HashSet::new();
        let links = self.by_tree.get(&commit.tree_oid).into_iter().flatten();
        let ends = links.map(|idx| self.link(*idx).commit_oid).filter(|oid| seen.insert(*oid));
        ends.filter_map(|end| self.since(store, end, before)).collect()
    }

    /// Goes back from a commit to where the tree was `before`; `None` if it never was.
    fn since(&self, store: &Store, end: Oid, before: Option<Oid>) -> Option<Same> {
        let mut same = Same { links: Vec::new(), evidence: Evidence::Tree, is_whole: true };
        let mut at = end;
        for _ in 0..MAX_RUN {
            let links = self.with_commit(at);
            same.links.extend(links);
            let parents = match links.first().map(|idx| self.link(*idx)) {
                Some(link) if link.tree_oid.is_some() => link.parents.clone(),
                _ => store.commit(at).ok()?.parents,
            };
            same.is_whole &= !links.is_empty() && parents.len() < 2;
            let parent = parents.first().copied();
            let tree = match parent.map(|it| self.with_commit(it)) {
                None => None,
                Some([idx, ..]) if self.link(*idx).tree_oid.is_some() => self.link(*idx).tree_oid,
                Some(_) => Some(store.commit(parent?).ok()?.tree_oid),
            };
            if tree == before {
                return Some(same);
            }
            at = parent?;
        }
        None
    }

    /// Returns commits that follow one another and change together what `patch`, that of `commit`, does:
    /// all that were made in a row, or some at the beginning or end of it.
    ///
    /// # Errors
    /// [`OpError::Store`].
    pub fn with_patch_together(
        &self,
        store: &Store,
        commit: &CommitInfo,
        patch: &Patch,
    ) -> Result<Vec<Same>, OpError> {
        let runs = self.runs.get_or_init(|| self.runs());
        let mut parts: Vec<Part<'_>> = runs.iter().flat_map(|run| run.parts(patch.size)).collect();
        // Whole rows are what is squashed most of all.
        parts.sort_by_key(Part::is_less);
        // What was not looked at may be the same, too.
        let is_whole = parts.len() <= MAX_SUMS;
        let mut same = Vec::new();
        for part in parts.into_iter().take(MAX_SUMS) {
            let commits = &part.run.commits[part.range.clone()];
            let before = part.before().map(|oid| store.commit(oid)).transpose();
            let (Ok(before), Ok(last)) = (before, store.commit(commits[0])) else { continue };
            let sum = store.patch_between(before.map(|it| it.tree_oid), last.tree_oid)?;
            let is_same = sum.is_some_and(|sum| sum.id.is_some() && sum.id == patch.id);
            if is_same && commit.committed_at >= last.committed_at {
                let links = commits.iter().flat_map(|oid| self.with_commit(*oid)).copied();
                let (links, evidence) = (links.collect(), Evidence::Squash);
                same.push(Same { links, evidence, is_whole });
            }
        }
        Ok(same)
    }

    /// Returns the commits that were made in a row, for each that no other one was made on.
    fn runs(&self) -> Vec<Run> {
        let commits = self.by_commit.keys().copied();
        let parents = commits.filter_map(|oid| self.step(oid)?.0);
        let parents: HashSet<Oid> = parents.collect();
        let mut ends: Vec<Oid> = self.by_commit.keys().copied().collect();
        ends.retain(|oid| !parents.contains(oid));
        ends.sort_unstable();
        ends.into_iter().map(|end| self.run(end)).filter(|run| run.commits.len() > 1).collect()
    }

    fn run(&self, end: Oid) -> Run {
        let mut run =
            Run { commits: Vec::new(), before: Some(end), sums: vec![PatchSize::default()] };
        while let Some(oid) = run.before
            && run.commits.len() < MAX_RUN
            && let Some((parent, size)) = self.step(oid)
        {
            run.commits.push(oid);
            run.sums.push(plus(run.sums[run.sums.len() - 1], size));
            run.before = parent;
        }
        run
    }

    /// Returns the parent of a commit that may be one of a row, if it has one, and how much it changes.
    fn step(&self, commit_oid: Oid) -> Option<(Option<Oid>, PatchSize)> {
        let link = self.link(*self.with_commit(commit_oid).first()?);
        let size = link.size.filter(|_| link.parents.len() < 2)?;
        Some((link.parents.first().copied(), size))
    }
}

impl Run {
    /// Returns all of it, and its parts at either end, that may come to a change of this size. What is added less
    /// what is deleted is the same for a change and for the steps that led to it.
    fn parts(&self, whole: PatchSize) -> impl Iterator<Item = Part<'_>> {
        let n_commits = self.commits.len();
        let older = (0..n_commits - 1).map(move |newest| newest..n_commits);
        let newer = (2..n_commits).map(|n| 0..n);
        let fits = older.chain(newer).filter(move |range| {
            let (from, to) = (self.sums[range.start], self.sums[range.end]);
            let n_added = to.n_insertions - from.n_insertions;
            let n_gone = to.n_deletions - from.n_deletions;
            n_added >= whole.n_insertions
                && n_gone >= whole.n_deletions
                && n_added - whole.n_insertions == n_gone - whole.n_deletions
                && to.n_files - from.n_files >= whole.n_files
        });
        fits.map(|range| Part { run: self, range })
    }
}

impl Part<'_> {
    fn is_less(&self) -> bool {
        self.range.len() < self.run.commits.len()
    }

    /// Returns what its oldest commit began with.
    fn before(&self) -> Option<Oid> {
        self.run.commits.get(self.range.end).copied().or(self.run.before)
    }
}

fn plus(one: PatchSize, other: PatchSize) -> PatchSize {
    PatchSize {
        n_files: one.n_files.saturating_add(other.n_files),
        n_insertions: one.n_insertions.saturating_add(other.n_insertions),
        n_deletions: one.n_deletions.saturating_add(other.n_deletions),
    }
}

/// Returns what the record itself lists; it is parsed only if it lists anything.
pub(super) fn listed(snapshot: &Snapshot) -> Vec<CommitLink> {
    let key = b"\ncommits:";
    if !snapshot.record.windows(key.len()).any(|it| it == key) {
        return Vec::new();
    }
    record::parse(&snapshot.record).map(|it| links::listed(&it).collect()).unwrap_or_default()
}
