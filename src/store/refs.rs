use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use gix::bstr::BStr;
use gix::refs::Target;

use super::open::{RefFormat, lossy};
use super::{Store, StoreError, git};
use crate::model::{Oid, SessionId};

/// Where the refs of sessions are.
pub(super) const PREFIX: &str = "refs/sessions/";

/// Returns the full name of a session's ref.
pub fn session_ref(session_id: SessionId) -> String {
    format!("{PREFIX}{session_id}")
}

/// All sessions' refs.
#[derive(Debug, Default)]
pub struct Tips {
    /// Each session with its newest commit, ordered by id.
    pub sessions: Vec<(SessionId, Oid)>,
    /// The refs that are no session.
    pub faults: Vec<Fault>,
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
    /// Returns the fault that `name` has for `reason`.
    pub fn new(name: impl Into<String>, reason: impl Into<String>) -> Fault {
        Fault { name: name.into(), reason: reason.into() }
    }
}

impl Tips {
    /// Takes a ref that was met.
    pub(super) fn take(&mut self, name: &BStr, target: Result<Oid, String>) {
        let short = lossy(name.strip_prefix(PREFIX.as_bytes()).unwrap_or(name));
        match (SessionId::parse(&short), target) {
            (Some(session_id), Ok(oid)) => self.sessions.push((session_id, oid)),
            (None, Ok(_)) => self.faults.push(Fault::new(short, "its name is no session id")),
            (_, Err(reason)) => self.faults.push(Fault::new(short, reason)),
        }
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
                (common_dir.join("refs"), &["sessions"]),
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
        if self.refs == RefFormat::Git {
            return git::tips(self);
        }
        for _ in 0..MAX_LISTINGS {
            let before = self.packed_refs_stamp();
            match self.list_tips()? {
                Some(tips) if self.packed_refs_stamp() == before => return Ok(tips),
                _ => tracing::debug!("refs were packed meanwhile"),
            }
        }
        let reason = std::io::Error::other("they are packed again and again");
        Err(StoreError::io(LISTING, &reason))
    }

    /// Lists all sessions' refs; `None` if a ref went while it was read.
    fn list_tips(&self) -> Result<Option<Tips>, StoreError> {
        let all = self.repo.refs.iter().map_err(|error| StoreError::gix(LISTING, &error))?;
        let prefix = PREFIX.as_bytes().try_into().expect("a relative path with a final slash");
        let with_prefix = all.prefixed(prefix).map_err(|error| StoreError::io(LISTING, &error))?;
        let mut tips = Tips::default();
        for reference in with_prefix {
            match reference {
                Ok(found) => tips.take(found.name.as_bstr(), oid_of(&found.target)),
                Err(error) if is_gone(&error) => return Ok(None),
                Err(error) => tips.faults.push(broken_ref(&error)?),
            }
        }
        Ok(Some(tips))
    }

    /// Returns what changes when refs are packed. `git pack-refs` moves a loose ref into the packed ones, so
    /// a listing that read those before and the loose ones after may have met it in neither.
    fn packed_refs_stamp(&self) -> Option<(u64, u64, i64, i64)> {
        let metadata = self.common_dir.join("packed-refs").metadata().ok()?;
        Some((metadata.ino(), metadata.size(), metadata.mtime(), metadata.mtime_nsec()))
    }

    /// Returns the newest commit of a session as it is now; `None` if there is no such session.
    ///
    /// # Errors
    /// [`StoreError::Symbolic`], [`StoreError::Corrupt`], [`StoreError::Io`].
    pub fn tip(&self, session_id: SessionId) -> Result<Option<Oid>, StoreError> {
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

/// What is being done when refs are listed.
const LISTING: &str = "cannot list refs/sessions";
/// How often refs are listed anew that are packed meanwhile.
const MAX_LISTINGS: usize = 20;

/// Tells whether a ref was there when its directory was read, and is not any more.
fn is_gone(error: &gix::Error) -> bool {
    let io = error.downcast_any_ref::<std::io::Error>();
    io.is_some_and(|error| error.kind() == std::io::ErrorKind::NotFound)
}

fn oid_of(target: &Target) -> Result<Oid, String> {
    match target {
        Target::Object(id) => Ok(Oid::from_bytes(id.as_bytes()).expect("gix knows our hash kinds")),
        Target::Symbolic(name) => {
            Err(format!("it is a symbolic ref to '{}'", lossy(name.as_bstr())))
        }
    }
}

fn is_decode(error: &gix::Error) -> bool {
    error.downcast_any_ref::<gix::refs::file::find::ReferenceDecode>().is_some()
}

/// Returns the fault of one ref; fails if the listing as a whole did.
fn broken_ref(error: &gix::Error) -> Result<Fault, StoreError> {
    let decode = error.downcast_any_ref::<gix::refs::file::find::ReferenceDecode>();
    let Some(decode) = decode else {
        return Err(StoreError::gix(LISTING, error));
    };
    let path = decode.relative_path.to_string_lossy();
    let name = path.strip_prefix(PREFIX).unwrap_or(&path).to_owned();
    Ok(Fault::new(name, "its ref is empty or not an object id"))
}
