//! The archive: one ref that keeps the histories of many ended sessions, and a table that tells which.
//!
//! A session whose own ref is there is what that says; the archive counts for the others. See `FORMAT.md`, "The
//! archive".

use std::collections::HashSet;
use std::rc::Rc;

use gix::objs::Kind;
use gix::objs::tree::EntryKind as GixKind;

use super::archive_table::{self, ArchiveRow};
use super::open::{RefFormat, lossy};
use super::read::to_oid;
use super::{Fault, Store, StoreError, git, session_ref};
use crate::model::{Oid, SessionId};

/// The ref of the archive.
pub(super) const ARCHIVE: &str = "refs/sessions-archive/v1";
/// The directory of the table.
pub(super) const INDEX: &str = "index";
/// What the names of the table's files end in.
pub(super) const EXTENSION: &str = ".tsv";
/// The largest directory of the table, and the largest file, in bytes.
const MAX_INDEX: u64 = 64 << 20;
const MAX_FILE: u64 = 16 << 20;
/// For how many sessions their refs are looked for one by one, and not listed.
const MAX_LOOKS: usize = 64;

/// The archive as it was at one of its commits: where each file of the table is.
#[derive(Debug)]
pub(super) struct Shelf {
    /// The commit.
    pub(super) tip: Oid,
    /// The files, each with the beginning of the ids in it, in order.
    pub(super) files: Vec<(String, Oid)>,
}

impl Shelf {
    /// Finds the file of the ids that begin with `prefix`.
    pub(super) fn file(&self, prefix: &str) -> Option<Oid> {
        let at = self.files.binary_search_by(|(name, _)| name.as_str().cmp(prefix)).ok()?;
        Some(self.files[at].1)
    }

    /// Returns the beginning of ids whose file has, or would have, this one.
    pub(super) fn prefix_of(&self, session_id: SessionId) -> String {
        archive_table::prefix_of(session_id, |prefix| {
            let next = self.files.partition_point(|(name, _)| name.as_str() <= prefix);
            self.files.get(next).is_some_and(|(name, _)| name.starts_with(prefix))
        })
    }
}

/// All that the table of the archive says.
#[derive(Debug, Default)]
pub struct Archive {
    /// The rows, ordered by id.
    pub rows: Vec<ArchiveRow>,
    /// What of it cannot be read.
    pub faults: Vec<Fault>,
}

impl Archive {
    /// Returns the archive of which nothing can be read.
    pub(super) fn broken(error: &StoreError) -> Archive {
        Archive { rows: Vec::new(), faults: vec![fault(error.to_string())] }
    }
}

/// By which refs some sessions are read.
#[derive(Debug, Default)]
pub struct RefNames {
    archived: HashSet<SessionId>,
}

impl RefNames {
    /// Returns the full name of the ref: the session's own one, or that of the archive.
    pub fn of(&self, session_id: SessionId) -> String {
        if self.is_archived(session_id) { ARCHIVE.to_owned() } else { session_ref(session_id) }
    }

    /// Tells whether the session stands in the archive alone.
    pub fn is_archived(&self, session_id: SessionId) -> bool {
        self.archived.contains(&session_id)
    }
}

impl FromIterator<SessionId> for RefNames {
    /// Returns the names where these sessions stand in the archive, and all others have refs.
    fn from_iter<T: IntoIterator<Item = SessionId>>(archived: T) -> RefNames {
        RefNames { archived: archived.into_iter().collect() }
    }
}

impl Store {
    /// Returns by which refs sessions are read now. A ref that is damaged, or cannot be looked for, is the session's own.
    pub fn ref_names(&self, session_ids: &[SessionId]) -> RefNames {
        let has_none = |id: &SessionId| matches!(self.live_tip(*id), Ok(None));
        match session_ids {
            [] => RefNames::default(),
            [only] => {
                let stands_there =
                    || matches!(self.archived(*only), Ok(Some(row)) if row.tip.is_some());
                Some(*only).filter(|id| has_none(id) && stands_there()).into_iter().collect()
            }
            _ if !matches!(self.archive_tip(), Ok(Some(_))) => RefNames::default(),
            few if few.len() <= MAX_LOOKS && self.refs == RefFormat::Files => {
                few.iter().copied().filter(has_none).collect()
            }
            many => {
                let Ok(live) = self.live_tips() else { return RefNames::default() };
                let live: HashSet<SessionId> = live.names().into_iter().collect();
                many.iter().copied().filter(|id| !live.contains(id)).collect()
            }
        }
    }

    /// Returns the newest commit of the archive; `None` if there is no archive.
    ///
    /// # Errors
    /// [`StoreError::Symbolic`], [`StoreError::Corrupt`], [`StoreError::Io`].
    pub fn archive_tip(&self) -> Result<Option<Oid>, StoreError> {
        match self.refs {
            RefFormat::Git => git::tip(self, ARCHIVE),
            RefFormat::Files => self.native_tip(ARCHIVE),
        }
    }

    /// Returns what the archive says of a session; `None` if it says nothing.
    ///
    /// # Errors
    /// As [`Store::archive_tip`], and [`StoreError::Missing`].
    pub fn archived(&self, session_id: SessionId) -> Result<Option<ArchiveRow>, StoreError> {
        let Some(shelf) = self.shelf()? else { return Ok(None) };
        let prefix = shelf.prefix_of(session_id);
        let Some(file_oid) = shelf.file(&prefix) else { return Ok(None) };
        let (rows, _) = self.archive_file(&prefix, file_oid)?;
        Ok(rows.into_iter().find(|row| row.session_id == session_id))
    }

    /// Returns what of the archive cannot be read where it would say something of a session; `None` if it says all.
    pub fn damage_about(&self, session_id: SessionId) -> Option<Fault> {
        let n_bad = || -> Result<(String, usize), StoreError> {
            let Some(shelf) = self.shelf()? else { return Ok((String::new(), 0)) };
            let prefix = shelf.prefix_of(session_id);
            let Some(file_oid) = shelf.file(&prefix) else { return Ok((prefix, 0)) };
            self.archive_file(&prefix, file_oid).map(|(_, n_bad)| (prefix, n_bad))
        };
        match n_bad() {
            Ok((prefix, n_bad)) => bad_lines(&prefix, n_bad),
            Err(error) => Some(fault(error.to_string())),
        }
    }

    /// Returns all that the archive says at one of its commits; nothing if there is none.
    pub fn archive_at(&self, tip: Option<Oid>) -> Archive {
        let mut archive = Archive::default();
        archive.faults = self.archive_each(tip, |row| archive.rows.push(row));
        archive
    }

    /// Gives `take` each row of the archive at one of its commits, ordered by id, and returns what cannot be read.
    pub fn archive_each(&self, tip: Option<Oid>, mut take: impl FnMut(ArchiveRow)) -> Vec<Fault> {
        let Some(tip) = tip else { return Vec::new() };
        let shelf = match self.shelf_at(tip) {
            Ok(shelf) => shelf,
            Err(error) => return Archive::broken(&error).faults,
        };
        let mut faults = Vec::new();
        for (prefix, file_oid) in &shelf.files {
            match self.archive_file(prefix, *file_oid) {
                Ok((rows, n_bad)) => {
                    rows.into_iter().for_each(&mut take);
                    faults.extend(bad_lines(prefix, n_bad));
                }
                Err(error) => faults.push(fault(error.to_string())),
            }
        }
        faults
    }

    /// Returns where the table is now; `None` if there is no archive.
    pub(super) fn shelf(&self) -> Result<Option<Rc<Shelf>>, StoreError> {
        self.archive_tip()?.map(|tip| self.shelf_at(tip)).transpose()
    }

    fn shelf_at(&self, tip: Oid) -> Result<Rc<Shelf>, StoreError> {
        if let Some(known) = self.shelf.borrow().as_ref().filter(|known| known.tip == tip) {
            return Ok(Rc::clone(known));
        }
        let shelf = Rc::new(Shelf { tip, files: self.archive_files(tip)? });
        self.shelf.replace(Some(Rc::clone(&shelf)));
        Ok(shelf)
    }

    fn archive_files(&self, tip: Oid) -> Result<Vec<(String, Oid)>, StoreError> {
        let top = self.directory(self.commit(tip)?.tree_oid)?;
        let Some(index) = top.into_iter().find(|entry| entry.name == INDEX) else {
            return Ok(Vec::new());
        };
        let data = self.read_object(index.oid, Kind::Tree, MAX_INDEX)?;
        let mut files = Vec::new();
        for entry in gix::objs::TreeRefIter::from_bytes(&data, self.repo.object_hash()) {
            let entry = entry.map_err(|error| {
                StoreError::corrupt(format!("tree {}", index.oid), super::error::reasons(&error))
            })?;
            let name = lossy(entry.filename);
            if let Some(prefix) = name.strip_suffix(EXTENSION)
                && entry.mode.kind() == GixKind::Blob
                && !prefix.is_empty()
            {
                files.push((prefix.to_owned(), to_oid(entry.oid)));
            }
        }
        files.sort_unstable();
        // Where one beginning is that of another, the longer one counts: so no session is in two files.
        let next: Vec<String> = files.iter().skip(1).map(|(prefix, _)| prefix.clone()).collect();
        let mut next = next.into_iter();
        files.retain(|(prefix, _)| next.next().is_none_or(|next| !next.starts_with(prefix)));
        Ok(files)
    }

    /// Reads a file of the table: its rows, and how many of its lines are none.
    pub(super) fn archive_file(
        &self,
        prefix: &str,
        file_oid: Oid,
    ) -> Result<(Vec<ArchiveRow>, usize), StoreError> {
        // gix would map the index of all packs for these few files, and that of a large history takes longer than they.
        let found = self.packs.look_up(file_oid, Kind::Blob, MAX_FILE);
        let bytes = match found {
            Some(bytes) => bytes,
            None => self.read_object(file_oid, Kind::Blob, MAX_FILE)?,
        };
        Ok(archive_table::parse_file(prefix, &String::from_utf8_lossy(&bytes)))
    }
}

/// Returns the fault of a file with lines that are none.
fn bad_lines(prefix: &str, n_bad: usize) -> Option<Fault> {
    (n_bad > 0).then(|| fault(format!("{n_bad} lines of '{prefix}' make no sense")))
}

fn fault(reason: String) -> Fault {
    Fault::new(Fault::ARCHIVE, reason)
}
