//! Changing the archive: folding sessions' newest commits into it, and taking sessions out of its table.

use std::collections::{BTreeMap, HashMap, HashSet};

use gix::objs::Kind;

use super::archive::{ARCHIVE, EXTENSION, INDEX, Shelf};
use super::archive_table::{self, ArchiveRow};
use super::event_objects::Objects;
use super::native::{Doomed, Object, SessionLock};
use super::{Entry, EntryKind, Stamp, Store, StoreError, git, session_ref};
use crate::model::{Oid, SessionId, Timestamp};

/// How many sessions a commit of the archive has as parents at most, beside the archive before it: `git show` and
/// others slow down with more.
const MAX_PARENTS: usize = 64;
/// How many refs git deletes at once.
const CHUNK: usize = 2_000;
/// How often it is asked to, while refs move.
const MAX_ATTEMPTS: usize = 5;

/// The right to change the archive, and to delete sessions, for one process at a time.
#[derive(Debug)]
pub struct ArchiveLock(pub(super) SessionLock);

/// The archive as it shall be, which no ref names yet.
#[must_use = "the archive is as it was until this is published"]
pub struct Fold<'a> {
    store: &'a Store,
    expected: Option<Oid>,
    new_tip: Oid,
    objects: Vec<Object>,
    stamp: Stamp,
    reason: String,
}

impl Store {
    /// Takes the lock under which the archive changes. Who has locked a session may take it, and not the other way
    /// round.
    ///
    /// # Errors
    /// [`StoreError::Busy`], [`StoreError::Io`].
    pub fn lock_archive(&self) -> Result<ArchiveLock, StoreError> {
        self.check_writable()?;
        self.take_named_lock("archive", ARCHIVE).map(ArchiveLock)
    }

    /// Makes the archive in which `rows` stand; `None` if they do already. A commit of a session that the archive
    /// does not have becomes a parent of one of its commits, and is kept by it from then on.
    ///
    /// # Errors
    /// [`StoreError::Unsupported`] where nothing must be written; [`StoreError::Corrupt`] and
    /// [`StoreError::Missing`] when the archive cannot be read.
    pub fn fold(&self, rows: &[ArchiveRow], stamp: &Stamp) -> Result<Option<Fold<'_>>, StoreError> {
        self.check_writable()?;
        let shelf = self.shelf()?;
        let none = Shelf { tip: Oid::null(self.hash_kind()), files: Vec::new() };
        let known = shelf.as_deref().unwrap_or(&none);
        let mut by_file: BTreeMap<String, Vec<&ArchiveRow>> = BTreeMap::new();
        for row in rows {
            by_file.entry(known.prefix_of(row.session_id)).or_default().push(row);
        }
        let mut changed = Vec::new();
        let mut tips = Vec::new();
        for (prefix, rows) in by_file {
            let before = match known.file(&prefix) {
                Some(file_oid) => self.archive_file(&prefix, file_oid)?.0,
                None => Vec::new(),
            };
            if let Some((after, new_tips)) = put(before, &rows) {
                tips.extend(new_tips);
                changed.push((prefix, after));
            }
        }
        if changed.is_empty() {
            return Ok(None);
        }
        let base = shelf.as_ref().map(|shelf| shelf.tip);
        self.shelve(known, changed, (base, &tips), base.as_slice(), stamp).map(Some)
    }

    /// Makes the objects of the archive that follows the one at `base`: the files that change, and commits that keep
    /// `tips`, on top of `before`.
    pub(super) fn shelve(
        &self,
        known: &Shelf,
        changed: Vec<(String, Vec<ArchiveRow>)>,
        (base, tips): (Option<Oid>, &[Oid]),
        before: &[Oid],
        stamp: &Stamp,
    ) -> Result<Fold<'_>, StoreError> {
        let n_rows: usize = changed.iter().map(|(_, rows)| rows.len()).sum();
        tracing::debug!(n_files = changed.len(), n_rows, n_tips = tips.len(), "folding");
        let mut objects = Objects { store: self, all: Vec::new() };
        let gone: HashSet<&str> = changed.iter().map(|(prefix, _)| prefix.as_str()).collect();
        let kept = known.files.iter().filter(|(prefix, _)| !gone.contains(prefix.as_str()));
        let mut files: Vec<(String, Oid)> = kept.cloned().collect();
        for (prefix, rows) in changed {
            for (prefix, rows) in archive_table::part(&prefix, rows) {
                let text = archive_table::to_text(&rows).into_bytes();
                files.push((prefix, objects.add(Kind::Blob, text)?));
            }
        }
        let entry = |(prefix, oid): (String, Oid)| {
            let name = format!("{prefix}{EXTENSION}");
            Entry { name, kind: EntryKind::Blob, oid }
        };
        let files: Vec<Entry> = files.into_iter().map(entry).collect();
        let index_oid = objects.tree(&files)?;
        let index = Entry { name: INDEX.to_owned(), kind: EntryKind::Tree, oid: index_oid };
        let tree_oid = objects.tree(&[index])?;
        let mut before = before.to_vec();
        // Of the time of what it keeps: git goes from the newest commit on, and meets the user's own work first.
        let mut at = self.newest(&before)?;
        for tips in chunks(tips) {
            at = at.max(self.newest(tips)?);
            let stamp = Stamp { at: at.unwrap_or(stamp.at), ..stamp.clone() };
            if before.is_empty() {
                let empty_oid = objects.tree(&[])?;
                before.push(objects.commit(empty_oid, &[], "archive\n", &stamp)?);
            }
            let text = subject(before.len(), tips.len());
            let parents = [&before[..], tips].concat();
            before = vec![objects.commit(tree_oid, &parents, &text, &stamp)?];
        }
        let reason = format!("session: archive: {} sessions", tips.len());
        let (objects, stamp) = (objects.all, stamp.clone());
        Ok(Fold { store: self, expected: base, new_tip: before[0], objects, stamp, reason })
    }
}

impl Store {
    /// Returns when the newest of some commits was committed.
    fn newest(&self, commits: &[Oid]) -> Result<Option<Timestamp>, StoreError> {
        let times = commits.iter().map(|oid| self.commit(*oid).map(|commit| commit.committed_at));
        times.collect::<Result<Vec<_>, _>>().map(|times| times.into_iter().max())
    }

    /// Deletes the refs of sessions that the archive has at these commits, where they are still there, and keeps
    /// the others.
    ///
    /// # Errors
    /// [`StoreError::Unsupported`] where nothing must be written; [`StoreError::Busy`], [`StoreError::Io`]: some of
    /// the refs may be gone then.
    #[tracing::instrument(skip_all)]
    pub fn delete_archived(&self, sessions: &[(SessionId, Oid)]) -> Result<(), StoreError> {
        self.check_writable()?;
        if sessions.is_empty() {
            return Ok(());
        }
        let doom = |(session_id, expected): &(SessionId, Oid)| Doomed {
            name: session_ref(*session_id),
            last_byte_of_id: session_id.last_byte(),
            expected: *expected,
        };
        let doomed: Vec<Doomed> = sessions.iter().map(doom).collect();
        if !self.writes_by_git {
            return self.delete_all_native(&doomed);
        }
        for chunk in doomed.chunks(CHUNK) {
            self.delete_by_git(chunk)?;
        }
        self.sync_after_git(&doomed[0].name)
    }

    /// Lets git delete refs; one that moves meanwhile keeps it from deleting the others, which are tried again.
    fn delete_by_git(&self, doomed: &[Doomed]) -> Result<(), StoreError> {
        for _ in 0..MAX_ATTEMPTS {
            let (own, _) = git::tips(self)?;
            let now: HashMap<String, Oid> =
                own.sessions.into_iter().map(|(id, tip)| (session_ref(id), tip)).collect();
            let is_there = |it: &&Doomed| now.get(&it.name) == Some(&it.expected);
            let rest: Vec<(&str, Oid)> =
                doomed.iter().filter(is_there).map(|it| (it.name.as_str(), it.expected)).collect();
            if rest.is_empty() || git::delete_refs(self, &rest).is_ok() {
                return Ok(());
            }
        }
        Err(StoreError::Busy { name: doomed[0].name.clone() })
    }
}

impl Fold<'_> {
    /// Makes it the archive, durably, if that is still what it was made of.
    ///
    /// # Errors
    /// [`StoreError::Raced`] when it is not, and nothing has happened; [`StoreError::Busy`],
    /// [`StoreError::Symbolic`], [`StoreError::Io`].
    #[tracing::instrument(skip_all)]
    pub fn publish(self, held: &ArchiveLock) -> Result<Oid, StoreError> {
        let moved = (self.expected, self.new_tip);
        let told = (&self.stamp, self.reason.as_str());
        self.store.move_ref(&held.0, &self.objects, ARCHIVE, moved, told)?;
        Ok(self.new_tip)
    }
}

/// Puts new rows among those of a file; `None` if they are there already. Returns the commits that are new, too.
fn put(before: Vec<ArchiveRow>, rows: &[&ArchiveRow]) -> Option<(Vec<ArchiveRow>, Vec<Oid>)> {
    let mut all: BTreeMap<SessionId, ArchiveRow> =
        before.into_iter().map(|row| (row.session_id, row)).collect();
    let mut tips = Vec::new();
    let mut is_new = false;
    for row in rows {
        let known = all.get(&row.session_id);
        if known.is_some_and(|known| known.tip == row.tip) {
            continue;
        }
        is_new = true;
        tips.extend(row.tip);
        all.insert(row.session_id, (*row).clone());
    }
    is_new.then(|| (all.into_values().collect(), tips))
}

/// Parts the commits that are to be kept; there is one commit of the archive at least.
fn chunks(tips: &[Oid]) -> Vec<&[Oid]> {
    if tips.is_empty() { vec![tips] } else { tips.chunks(MAX_PARENTS).collect() }
}

fn subject(n_archives: usize, n_sessions: usize) -> String {
    match (n_archives, n_sessions) {
        (2, _) => "archive: join\n".to_owned(),
        (_, 0) => "archive: delete sessions\n".to_owned(),
        (_, 1) => "archive: 1 session\n".to_owned(),
        (_, n) => format!("archive: {n} sessions\n"),
    }
}
