use std::path::PathBuf;

use gix::bstr::BStr;
use gix::refs::Target;

use super::archive_table::ArchiveRow;
use super::open::{RefFormat, lossy};
use super::scan::Scope;
use super::{Store, StoreError, git};
use crate::model::{Oid, SessionId};

/// Where the refs of sessions are.
pub(super) const PREFIX: &str = "refs/sessions/";

/// Returns the full name of a session's ref.
pub fn session_ref(session_id: SessionId) -> String {
    format!("{PREFIX}{session_id}")
}

/// All sessions.
#[derive(Debug, Default)]
pub struct Tips {
    /// Each session with its newest commit, ordered by id.
    pub sessions: Vec<(SessionId, Oid)>,
    /// The refs that are no session.
    pub faults: Vec<Fault>,
    /// What the archive says, ordered by id, of sessions that it has and the caller does not know, those with a ref of
    /// their own among them.
    pub archived: Vec<ArchiveRow>,
}

/// Something below `refs/sessions/` that cannot be read as a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The name below `refs/sessions/`.
    pub name: String,
    /// What is wrong, on one line.
    pub reason: String,
}

impl Fault {
    /// The name of what is wrong with the archive.
    pub const ARCHIVE: &str = "archive";

    /// Returns the fault that `name` has for `reason`.
    pub fn new(name: impl Into<String>, reason: impl Into<String>) -> Fault {
        Fault { name: name.into(), reason: reason.into() }
    }
}

impl Tips {
    /// Takes a ref that was met.
    pub(super) fn take(&mut self, name: &BStr, target: Result<Oid, String>) {
        let short = name.strip_prefix(PREFIX.as_bytes()).unwrap_or(name);
        let session_id = std::str::from_utf8(short).ok().and_then(SessionId::parse);
        match (session_id, target) {
            (Some(session_id), Ok(oid)) => self.sessions.push((session_id, oid)),
            (None, Ok(_)) => {
                self.faults.push(Fault::new(lossy(short), "its name is no session id"));
            }
            (_, Err(reason)) => self.faults.push(Fault::new(lossy(short), reason)),
        }
    }

    /// Returns the ids of all refs that have the name of a session, broken ones included, in order.
    pub fn names(&self) -> Vec<SessionId> {
        let broken = self.faults.iter().filter_map(|fault| SessionId::parse(&fault.name));
        let mut names: Vec<_> = self.sessions.iter().map(|(id, _)| *id).chain(broken).collect();
        names.sort_unstable();
        names
    }

    /// Returns all refs, where a loose one stands for the kept one of the same name.
    pub fn overlaid(mut self, loose: Tips) -> Tips {
        let names = loose.names();
        self.sessions.retain(|(session_id, _)| names.binary_search(session_id).is_err());
        self.hide_faults(&loose.faults);
        self.sessions.extend(loose.sessions);
        self.sessions.sort_unstable();
        self.faults.extend(loose.faults);
        self.faults.sort_by(|a, b| a.name.cmp(&b.name));
        self
    }

    /// Takes out the faults that are told otherwise by `others`.
    pub fn hide_faults(&mut self, others: &[Fault]) {
        self.faults.retain(|fault| others.iter().all(|other| other.name != fault.name));
    }
}

impl Store {
    /// Returns the directories in which a change of a session's ref is seen, the outer ones first, each
    /// with the names that matter there; none means all. Not all of them need be there.
    pub fn ref_places(&self) -> Vec<(PathBuf, &'static [&'static str])> {
        let common_dir = &self.common_dir;
        match self.refs {
            RefFormat::Files => vec![
                (common_dir.clone(), &["packed-refs", "refs", "session"]),
                (common_dir.join("refs"), &["sessions", "sessions-archive"]),
                (common_dir.join("refs/sessions-archive"), &[]),
                (common_dir.join(PREFIX), &[]),
            ],
            RefFormat::Git => vec![
                (common_dir.clone(), &["reftable", "session"]),
                (common_dir.join("reftable"), &["tables.list"]),
            ],
        }
    }

    /// Returns all sessions' refs as they are now; a broken one is a fault beside the others.
    ///
    /// # Errors
    /// [`StoreError::Io`] when the refs cannot be listed at all.
    #[tracing::instrument(skip_all)]
    pub fn tips(&self) -> Result<Tips, StoreError> {
        self.tips_in(Scope::All(&|_, _| true))
    }

    /// Returns the sessions with refs of their own as they are now.
    ///
    /// # Errors
    /// As [`Store::tips`].
    pub fn live_tips(&self) -> Result<Tips, StoreError> {
        self.tips_in(Scope::Live)
    }

    fn tips_in(&self, scope: Scope<'_>) -> Result<Tips, StoreError> {
        let scan = self.scan(None, scope)?;
        Ok(scan.kept.unwrap_or_default().overlaid(scan.loose))
    }

    /// Returns the newest commit of a session as it is now; `None` if there is no such session.
    ///
    /// # Errors
    /// [`StoreError::Symbolic`], [`StoreError::Corrupt`], [`StoreError::Missing`], [`StoreError::Io`].
    pub fn tip(&self, session_id: SessionId) -> Result<Option<Oid>, StoreError> {
        // In this order: what is archived goes only after the archive has it.
        match self.live_tip(session_id)? {
            Some(tip_oid) => Ok(Some(tip_oid)),
            None => Ok(self.archived(session_id)?.and_then(|row| row.tip)),
        }
    }

    /// Returns the newest commit of a session that has a ref of its own.
    ///
    /// # Errors
    /// As [`Store::tip`].
    pub fn live_tip(&self, session_id: SessionId) -> Result<Option<Oid>, StoreError> {
        let name = session_ref(session_id);
        if self.refs == RefFormat::Git {
            return git::tip(self, &name);
        }
        match self.find_ref(&name)? {
            None => Ok(None),
            Some(Target::Symbolic(_)) => Err(StoreError::Symbolic { name }),
            Some(Target::Object(id)) => Ok(Oid::from_bytes(id.as_bytes())),
        }
    }

    /// Reads one ref without following it.
    pub(super) fn find_ref(&self, name: &str) -> Result<Option<Target>, StoreError> {
        let full: &gix::refs::FullNameRef = name
            .try_into()
            .map_err(|_| StoreError::Unsupported(format!("'{name}' is not a valid ref name")))?;
        // `git pack-refs` moves a loose ref into the packed ones between two looks: look again.
        for _ in 0..2 {
            let found = self.repo.refs.try_find(full.as_partial_name());
            let found = found.map_err(|error| {
                let what = format!("ref '{name}'");
                match is_decode(&error) {
                    true => StoreError::corrupt(what, "it is empty or not an object id"),
                    false => StoreError::corrupt(what, super::error::reasons(&error)),
                }
            })?;
            if let Some(found) = found.filter(|found| found.name.as_ref() == full) {
                return Ok(Some(found.target));
            }
        }
        Ok(None)
    }
}

fn is_decode(error: &gix::Error) -> bool {
    error.downcast_any_ref::<gix::refs::file::find::ReferenceDecode>().is_some()
}
