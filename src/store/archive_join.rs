//! Joining the archive of another clone with one's own.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::archive::{ARCHIVE, Shelf};
use super::archive_table::ArchiveRow;
use super::fold::ArchiveLock;
use super::{CommitInfo, Stamp, Store, StoreError, git};
use crate::model::{Oid, SessionId};

/// What came of joining two archives.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Joined {
    /// The sessions that the own archive did not have, or not at this commit, and has now.
    pub new: Vec<(SessionId, Oid)>,
    /// The sessions that the own archive had, and that were deleted in the other clone.
    pub deleted: Vec<SessionId>,
    /// Those that have gone on in both clones, each in its own way: one of the two commits is the session now, and
    /// the other one is in the history of the archive.
    pub diverged: Vec<SessionId>,
}

impl Store {
    /// Gets the archive of a remote, and returns its newest commit; `None` if there is none.
    ///
    /// # Errors
    /// [`StoreError::Io`] with what git says when the remote cannot be reached.
    pub fn fetch_archive(&self, remote: &str) -> Result<Option<Oid>, StoreError> {
        self.check_writable()?;
        let mut command = git::command(self);
        command.args(["-c", "fetch.unpackLimit=1", "-c", "core.fsync=all"]);
        command.args(["fetch", "--quiet", "--no-tags", "--no-prune", "--no-write-fetch-head"]);
        command.args(["--no-recurse-submodules", "--refmap=", "--end-of-options", remote]);
        // A pattern, which may match nothing.
        command.arg(format!("+refs/sessions-archive/*:{}/*", Store::archive_of(remote)));
        let output = git::run_long(&mut command)?;
        git::expect_success(&output, &format!("cannot fetch from '{remote}'"))?;
        self.known_archive(remote)
    }

    /// Makes the own archive have all that the archive at `other` has, too. Whoever joins the same two makes the same
    /// commit. Anybody may have made the other one: each row of it that is to be taken must be one that `is_sound`.
    ///
    /// # Errors
    /// [`StoreError::Raced`] when the own one has changed meanwhile, [`StoreError::Corrupt`] for a row that is not sound,
    /// and nothing has happened; what reading and writing fail for.
    pub fn join_archive(
        &self,
        held: &ArchiveLock,
        other: Oid,
        stamp: &Stamp,
        is_sound: &dyn Fn(&ArchiveRow) -> bool,
    ) -> Result<Joined, StoreError> {
        self.check_writable()?;
        let own = self.archive_tip()?;
        if own == Some(other) || own.is_some_and(|own| git::is_ancestor(self, other, own)) {
            return Ok(Joined::default());
        }
        let (mine, theirs) = (self.whole_archive(own)?, self.whole_archive(Some(other))?);
        let (rows, joined) = self.join_rows(&mine, &theirs);
        let known: HashSet<&ArchiveRow> = mine.iter().collect();
        if let Some(row) =
            rows.iter().find(|it| it.tip.is_some() && !known.contains(it) && !is_sound(it))
        {
            let reason = format!("it does not say of session {} what that says", row.session_id);
            return Err(StoreError::corrupt("the archive of the remote", reason));
        }
        let told = (stamp, "session: archive: join");
        match own {
            // One that went on from the own one, and has left out nothing, is both.
            Some(own) if rows != theirs || !git::is_ancestor(self, own, other) => {
                let mut parents = [own, other];
                parents.sort_unstable();
                let newest = parents.map(|oid| self.commit(oid));
                let [a, b] = newest;
                let stamp = newest_stamp(a?, b?);
                let none = Shelf { tip: own, files: Vec::new() };
                let changed = vec![(String::new(), rows)];
                let made = self.shelve(&none, changed, (Some(own), &[]), &parents, &stamp)?;
                made.publish(held)?;
            }
            _ => self.move_ref(&held.0, &[], ARCHIVE, (own, other), told)?,
        }
        Ok(joined)
    }

    /// Tells whether an archive keeps a commit: whether it is in the archive's history.
    pub fn is_kept_by(&self, commit: Oid, archive: Oid) -> bool {
        git::is_ancestor(self, commit, archive)
    }

    /// Reads an archive of which everything can be read: what is left out would be lost.
    pub(super) fn whole_archive(&self, tip: Option<Oid>) -> Result<Vec<ArchiveRow>, StoreError> {
        let archive = self.archive_at(tip);
        match archive.faults.first() {
            Some(fault) => Err(StoreError::corrupt("the archive", fault.reason.clone())),
            None => Ok(archive.rows),
        }
    }

    fn join_rows(&self, mine: &[ArchiveRow], theirs: &[ArchiveRow]) -> (Vec<ArchiveRow>, Joined) {
        let mut all: BTreeMap<SessionId, ArchiveRow> = BTreeMap::new();
        let mut joined = Joined::default();
        let known: HashMap<SessionId, Option<Oid>> =
            mine.iter().map(|row| (row.session_id, row.tip)).collect();
        for row in mine.iter().chain(theirs) {
            let chosen = match all.get(&row.session_id) {
                None => row.clone(),
                Some(before) => self.choose(before, row, &mut joined.diverged),
            };
            all.insert(row.session_id, chosen);
        }
        let is_new = |row: &&ArchiveRow| known.get(&row.session_id) != Some(&row.tip);
        let new = all.values().filter(is_new);
        joined.new = new.filter_map(|row| Some((row.session_id, row.tip?))).collect();
        let is_gone = |row: &&ArchiveRow| {
            row.tip.is_none() && known.get(&row.session_id).is_some_and(Option::is_some)
        };
        joined.deleted = all.values().filter(is_gone).map(|row| row.session_id).collect();
        (all.into_values().collect(), joined)
    }

    /// Chooses between two rows of one session: a deleted one stays so; else the one that went on from the other. The
    /// answer is the same whichever comes first.
    fn choose(&self, a: &ArchiveRow, b: &ArchiveRow, diverged: &mut Vec<SessionId>) -> ArchiveRow {
        let (Some(first), Some(second)) = (a.tip, b.tip) else {
            let is_gone = |row: &&ArchiveRow| row.tip.is_none();
            let gone = [a, b].into_iter().filter(is_gone).min_by_key(|row| &row.columns);
            return gone.unwrap_or(a).clone();
        };
        if first == second || git::is_ancestor(self, second, first) {
            return a.clone();
        }
        if git::is_ancestor(self, first, second) {
            return b.clone();
        }
        diverged.push(a.session_id);
        let seq = |row: &ArchiveRow| {
            row.columns.split('\t').next().and_then(|seq| seq.parse::<u64>().ok()).unwrap_or(0)
        };
        if (seq(a), first) > (seq(b), second) { a.clone() } else { b.clone() }
    }
}

/// Returns who and when of the younger of two commits.
fn newest_stamp(a: CommitInfo, b: CommitInfo) -> Stamp {
    let newest = if (a.committed_at, a.oid) > (b.committed_at, b.oid) { a } else { b };
    Stamp { author: newest.author.clone(), committer: newest.author, at: newest.committed_at }
}
