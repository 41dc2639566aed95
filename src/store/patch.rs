//! What a commit changes: how much, and the name that git gives to a patch.
//!
//! The lines of a name, and how they are hashed, are git's own (`builtin/patch-id.c`, stable); what is
//! compared with what is found as git does by default.

use std::collections::{BTreeMap, BTreeSet};

use gix::objs::Kind;
use gix::objs::tree::EntryKind as GixKind;
use imara_diff::{Algorithm, Diff, Hunk, InternedInput, sources::byte_lines};

use super::read::to_oid;
use super::{CommitInfo, Store, StoreError};
use crate::model::{Oid, PatchSize};

/// The most files that are compared.
const MAX_FILES: usize = 1000;
/// The most bytes that are compared, of all files together.
const MAX_BYTES: usize = 8 << 20;
/// The largest tree that is read, in bytes.
const MAX_TREE: u64 = 8 << 20;
/// How deep directories lie at most.
const MAX_DEPTH: usize = 64;
/// How many bytes are looked at for a NUL, which makes a file binary. Source: git `xdiff-interface.c`.
const BINARY_LOOK: usize = 8000;
/// How many lines around a change belong to it.
const CONTEXT: u32 = 3;

/// What a commit changes, compared with its first parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patch {
    /// What `git patch-id --stable` says of it, with full ids for binary files; `None` if it changes nothing.
    pub id: Option<Oid>,
    /// How much it changes.
    pub size: PatchSize,
}

/// What is at a path: the mode and the object.
type Content = (GixKind, Oid);
/// A side of a change.
type Side = Option<Content>;

/// A file that differs.
struct Change {
    path: Vec<u8>,
    old: Side,
    new: Side,
}

/// Why a comparison ends early.
enum Stop {
    /// There is too much to compare.
    TooMuch,
    Failed(StoreError),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Stop {
        Stop::Failed(error)
    }
}

impl Store {
    /// Returns what a commit changes; `None` for a merge, which has no patch of its own, for one that changes
    /// too much to be compared in passing, and where its parent is not here.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], [`StoreError::Io`].
    pub fn patch(&self, commit: &CommitInfo) -> Result<Option<Patch>, StoreError> {
        let parent = match commit.parents[..] {
            [] => None,
            [parent] => Some(parent),
            _ => return Ok(None),
        };
        match parent.map(|oid| self.commit(oid)).transpose() {
            Ok(parent) => self.patch_between(parent.map(|it| it.tree_oid), commit.tree_oid),
            Err(StoreError::Missing { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns what makes one tree, or nothing, another one, as [`Store::patch`] does.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], [`StoreError::Io`].
    pub fn patch_between(&self, old: Option<Oid>, new: Oid) -> Result<Option<Patch>, StoreError> {
        let compare = || -> Result<Patch, Stop> {
            let mut changes = Vec::new();
            self.compare(old, Some(new), &[], 0, &mut changes)?;
            changes.sort_by(|a, b| a.path.cmp(&b.path));
            self.hash(&changes)
        };
        match compare() {
            Ok(patch) => Ok(Some(patch)),
            Err(Stop::TooMuch | Stop::Failed(StoreError::Missing { .. })) => Ok(None),
            Err(Stop::Failed(error)) => Err(error),
        }
    }

    /// Finds the files that differ between two directories.
    fn compare(
        &self,
        old: Option<Oid>,
        new: Option<Oid>,
        prefix: &[u8],
        depth: usize,
        changes: &mut Vec<Change>,
    ) -> Result<(), Stop> {
        if old == new {
            return Ok(());
        }
        if depth > MAX_DEPTH || changes.len() > MAX_FILES {
            return Err(Stop::TooMuch);
        }
        let mut names: BTreeMap<Vec<u8>, [Side; 2]> = BTreeMap::new();
        for (idx, tree_oid) in [old, new].into_iter().enumerate() {
            for (name, side) in self.sides(tree_oid)? {
                names.entry(name).or_default()[idx] = Some(side);
            }
        }
        for (name, [old, new]) in names.into_iter().filter(|(_, [old, new])| old != new) {
            let path = [prefix, &name].concat();
            let tree = |side: Side| side.filter(|(kind, _)| *kind == GixKind::Tree).map(|it| it.1);
            let file = |side: Side| side.filter(|(kind, _)| *kind != GixKind::Tree);
            if tree(old).is_some() || tree(new).is_some() {
                let below = [&path[..], b"/"].concat();
                self.compare(tree(old), tree(new), &below, depth + 1, changes)?;
            }
            add(changes, path, file(old), file(new));
        }
        Ok(())
    }

    fn sides(&self, tree_oid: Option<Oid>) -> Result<Vec<(Vec<u8>, Content)>, StoreError> {
        let Some(tree_oid) = tree_oid else { return Ok(Vec::new()) };
        let data = self.read_object(tree_oid, Kind::Tree, MAX_TREE)?;
        let corrupt = |error: gix::Error| {
            StoreError::corrupt(format!("tree {tree_oid}"), super::error::reasons(&error))
        };
        gix::objs::TreeRefIter::from_bytes(&data, self.repo.object_hash())
            .map(|entry| {
                let entry = entry.map_err(corrupt)?;
                Ok((entry.filename.to_vec(), (entry.mode.kind(), to_oid(entry.oid))))
            })
            .collect()
    }

    fn hash(&self, changes: &[Change]) -> Result<Patch, Stop> {
        let mut id = PatchId::new(self.repo.object_hash());
        let paths: BTreeSet<&[u8]> = changes.iter().map(|change| &change.path[..]).collect();
        let mut size = PatchSize { n_files: paths.len() as u64, ..PatchSize::default() };
        let mut n_bytes = 0;
        for change in changes {
            let sides = [self.content(change.old)?, self.content(change.new)?];
            n_bytes += sides[0].len() + sides[1].len();
            if n_bytes > MAX_BYTES {
                return Err(Stop::TooMuch);
            }
            id.file(change, &sides, &mut size)?;
        }
        let id = if changes.is_empty() { None } else { Some(id.finish()?) };
        Ok(Patch { id, size })
    }

    fn content(&self, side: Side) -> Result<Vec<u8>, Stop> {
        match side {
            None => Ok(Vec::new()),
            Some((GixKind::Commit, oid)) => Ok(format!("Subproject commit {oid}\n").into_bytes()),
            Some((_, oid)) => {
                self.read_object(oid, Kind::Blob, MAX_BYTES as u64).map_err(|error| match error {
                    // It is larger than what is compared, or really broken: then nobody needs a name for it.
                    StoreError::Corrupt { .. } => Stop::TooMuch,
                    error => Stop::Failed(error),
                })
            }
        }
    }
}

/// Adds a change; a file that became something else is deleted and made anew.
fn add(changes: &mut Vec<Change>, path: Vec<u8>, old: Side, new: Side) {
    let is_file = |kind: GixKind| matches!(kind, GixKind::Blob | GixKind::BlobExecutable);
    match (old, new) {
        (None, None) => {}
        (Some((from, _)), Some((to, _))) if from != to && !(is_file(from) && is_file(to)) => {
            changes.push(Change { path: path.clone(), old, new: None });
            changes.push(Change { path, old: None, new });
        }
        _ => changes.push(Change { path, old, new }),
    }
}

/// The name of a patch in the making.
struct PatchId {
    kind: gix::hash::Kind,
    hasher: gix::hash::Hasher,
    sum: Vec<u8>,
    /// What git's reader knows when it comes to the header of the next file.
    last: Last,
}

/// What the file before was.
#[derive(PartialEq, Eq)]
enum Last {
    /// There is none, or it has a header only.
    Header,
    /// It has lines.
    Lines,
    /// It is binary.
    Binary,
}

impl PatchId {
    fn new(kind: gix::hash::Kind) -> PatchId {
        let (hasher, sum) = (gix::hash::hasher(kind), vec![0; kind.len_in_bytes()]);
        PatchId { kind, hasher, sum, last: Last::Header }
    }

    fn finish(mut self) -> Result<Oid, StoreError> {
        self.flush()?;
        Ok(Oid::from_bytes(&self.sum).expect("gix knows our hash kinds"))
    }

    /// Adds the hash so far to the sum, so that the order of the files does not count.
    fn flush(&mut self) -> Result<(), StoreError> {
        let hasher = std::mem::replace(&mut self.hasher, gix::hash::hasher(self.kind));
        let hash = hasher.try_finalize();
        let hash = hash.map_err(|error| StoreError::gix("cannot name a patch", &error))?;
        let mut carry = 0u16;
        for (sum, byte) in self.sum.iter_mut().zip(hash.as_slice()) {
            carry += u16::from(*sum) + u16::from(*byte);
            *sum = carry as u8;
            carry >>= 8;
        }
        Ok(())
    }

    /// Hashes a line without its white space. Source: git `builtin/patch-id.c`, `remove_space`.
    fn line(&mut self, parts: &[&[u8]]) {
        let is_kept = |byte: &u8| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        for part in parts {
            let kept: Vec<u8> = part.iter().copied().filter(is_kept).collect();
            self.hasher.update(&kept);
        }
    }

    fn file(
        &mut self,
        change: &Change,
        [old, new]: &[Vec<u8>; 2],
        size: &mut PatchSize,
    ) -> Result<(), StoreError> {
        let [a, b] = ["a/", "b/"].map(|side| quoted(side, &change.path));
        if self.last == Last::Lines {
            self.flush()?;
        }
        if self.last != Last::Binary {
            self.line(&[b"diff --git ", &a, &b]);
        }
        self.last = Last::Header;
        self.modes(change);
        if change.old.map(|it| it.1) == change.new.map(|it| it.1)
            || (old.is_empty() && new.is_empty())
        {
            return Ok(());
        }
        let is_binary = |text: &[u8]| text[..text.len().min(BINARY_LOOK)].contains(&0);
        if is_binary(old) || is_binary(new) {
            let null = Oid::from_bytes(&vec![0; self.sum.len()]).expect("gix knows our hash kinds");
            for side in [change.old, change.new] {
                let oid = side.map_or(null, |it| it.1);
                self.line(&[oid.to_string().as_bytes()]);
            }
            self.last = Last::Binary;
            return self.flush();
        }
        let nothing = b"/dev/null".to_vec();
        self.line(&[b"--- ", if change.old.is_some() { &a } else { &nothing }]);
        self.line(&[b"+++ ", if change.new.is_some() { &b } else { &nothing }]);
        self.lines(old, new, size);
        self.last = Last::Lines;
        Ok(())
    }

    fn modes(&mut self, change: &Change) {
        let mode = |side: Side| side.map(|(kind, _)| format!("{:06o}", kind as u16));
        match (mode(change.old), mode(change.new)) {
            (None, Some(new)) => self.line(&[b"new file mode ", new.as_bytes()]),
            (Some(old), None) => self.line(&[b"deleted file mode ", old.as_bytes()]),
            (Some(old), Some(new)) if old != new => {
                self.line(&[b"old mode ", old.as_bytes(), b"new mode ", new.as_bytes()]);
            }
            _ => {}
        }
    }

    fn lines(&mut self, old: &[u8], new: &[u8], size: &mut PatchSize) {
        let input = InternedInput::new(byte_lines(old), byte_lines(new));
        let mut diff = Diff::compute(Algorithm::Myers, &input);
        diff.postprocess_lines(&input);
        size.n_insertions += u64::from(diff.count_additions());
        size.n_deletions += u64::from(diff.count_removals());
        let n_lines = input.before.len() as u32;
        let mut put = |sign: &[u8], lines: &[imara_diff::Token]| {
            for token in lines {
                self.line(&[sign, input.interner[*token]]);
            }
        };
        let hunks: Vec<Hunk> = diff.hunks().collect();
        // What stands between two changes belongs to both if their contexts meet.
        let mut shown = 0;
        for (idx, hunk) in hunks.iter().enumerate() {
            let from = hunk.before.start.saturating_sub(CONTEXT).max(shown);
            put(b" ", &input.before[from as usize..hunk.before.start as usize]);
            put(b"-", &input.before[hunk.before.start as usize..hunk.before.end as usize]);
            put(b"+", &input.after[hunk.after.start as usize..hunk.after.end as usize]);
            let next = hunks.get(idx + 1).map_or(n_lines, |next| next.before.start);
            shown = next.min(hunk.before.end + CONTEXT);
            put(b" ", &input.before[hunk.before.end as usize..shown as usize]);
        }
    }
}

/// Returns a path with `a/` or `b/` before it as git prints it. Source: git `quote.c`, `core.quotePath`.
fn quoted(side: &str, path: &[u8]) -> Vec<u8> {
    let is_plain = |byte: &u8| (b' '..0x7f).contains(byte) && !b"\"\\".contains(byte);
    if path.iter().all(is_plain) {
        return [side.as_bytes(), path].concat();
    }
    let mut text = format!("\"{side}").into_bytes();
    for byte in path {
        match byte {
            7..=13 => text.extend([b'\\', b"abtnvfr"[usize::from(*byte) - 7]]),
            b'"' | b'\\' => text.extend([b'\\', *byte]),
            byte if is_plain(byte) => text.push(*byte),
            byte => text.extend(format!("\\{byte:03o}").bytes()),
        }
    }
    text.push(b'"');
    text
}
