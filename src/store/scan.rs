use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gix::refs::{Target, packed};

use super::archive::Archive;
use super::open::{RefFormat, lossy};
use super::refs::{Fault, PREFIX, Tips};
use super::{Store, StoreError, git};
use crate::model::{Oid, SessionId};

/// The sessions' refs, as they lie.
#[derive(Debug, Default)]
pub struct RefScan {
    /// What the file that keeps most of them was like; `None` if there is none, or it changes just now.
    pub stamp: Option<RefStamp>,
    /// The refs that lie together in one file, and the sessions of the archive that have none; `None` if they are
    /// those that the caller knows.
    pub kept: Option<Tips>,
    /// The refs that have a file each, which stand for a kept one of the same name.
    pub loose: Tips,
}

/// What changes with the file that keeps many refs (`packed-refs`, or the list of reftables), and with the archive:
/// that file is never written in place, so another one comes with other times, and the archive's newest commit is
/// part of the stamp. All is zero where there is neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefStamp([u64; RefStamp::N_BYTES / 8]);

impl RefStamp {
    /// How many bytes a stamp has where it is stored.
    pub const N_BYTES: usize = 80;
    /// How long after a change of a file another one may have the same times: file systems count in
    /// ticks of up to two seconds.
    const TICK: Duration = Duration::from_secs(2);

    /// Returns the stamp as it is stored.
    pub fn to_bytes(self) -> [u8; RefStamp::N_BYTES] {
        let mut bytes = [0; RefStamp::N_BYTES];
        for (chunk, number) in bytes.chunks_exact_mut(8).zip(self.0) {
            chunk.copy_from_slice(&number.to_le_bytes());
        }
        bytes
    }

    /// Reads a stamp as it is stored.
    pub fn from_bytes(bytes: &[u8; RefStamp::N_BYTES]) -> RefStamp {
        let mut numbers = [0; RefStamp::N_BYTES / 8];
        for (number, chunk) in numbers.iter_mut().zip(bytes.chunks_exact(8)) {
            *number = u64::from_le_bytes(chunk.try_into().expect("eight bytes"));
        }
        RefStamp(numbers)
    }

    /// Tells whether the file was so old at a moment that no later one can look the same.
    pub fn is_settled(self, at: SystemTime) -> bool {
        let [_, _, modified_at, _, changed_at, ..] = self.0;
        let newest = UNIX_EPOCH.checked_add(Duration::from_secs(modified_at.max(changed_at)));
        let after = newest.and_then(|newest| newest.checked_add(RefStamp::TICK));
        after.is_some_and(|after| after < at)
    }
}

/// Tells whether a caller knows what the commit of a session says.
pub(super) type IsKnown<'a> = &'a dyn Fn(SessionId, Oid) -> bool;

/// Which sessions are looked for.
#[derive(Clone, Copy)]
pub(super) enum Scope<'a> {
    /// Those with a ref of their own.
    Live,
    /// Those of the archive, too, with the rows of those that are not known.
    All(IsKnown<'a>),
}

impl Store {
    /// Returns all sessions as they are now, without the kept ones if what keeps them still has the stamp `known`. Of
    /// the archive's rows, only those are kept that are not known to the caller.
    ///
    /// # Errors
    /// [`StoreError::Io`] when the refs cannot be listed at all.
    #[tracing::instrument(skip_all)]
    pub fn scan_refs(
        &self,
        known: Option<RefStamp>,
        is_known: IsKnown<'_>,
    ) -> Result<RefScan, StoreError> {
        self.scan(known, Scope::All(is_known))
    }

    /// Returns the refs that have a file each if what keeps the others, and the archive, still have a stamp; else `None`.
    ///
    /// # Errors
    /// As [`Store::scan_refs`].
    pub fn loose_refs_beside(&self, known: RefStamp) -> Result<Option<Tips>, StoreError> {
        let (loose, stamp) = match self.refs {
            RefFormat::Git => (Tips::default(), self.kept_stamp()),
            RefFormat::Files => {
                let loose = self.loose_tips()?;
                (loose, with_archive_tip(self.kept_stamp(), &self.archive_tip()))
            }
        };
        Ok((stamp == Some(known)).then_some(loose))
    }

    /// As [`Store::scan_refs`], of some sessions.
    pub(super) fn scan(
        &self,
        known: Option<RefStamp>,
        scope: Scope<'_>,
    ) -> Result<RefScan, StoreError> {
        if self.refs == RefFormat::Git {
            return self.scan_by_git(known, scope);
        }
        // In this order, the way in which refs move (`git pack-refs` takes loose ones to the packed ones, and archiving
        // takes both to the archive): so one that moves meanwhile is met at least once, and nothing is read twice.
        let loose = self.loose_tips()?;
        let before = self.kept_stamp();
        let archived = self.archive_tip();
        let stamp = with_archive_tip(before, &archived);
        if stamp.is_some() && stamp == known {
            return Ok(RefScan { stamp, kept: None, loose });
        }
        let own = self.packed_tips()?;
        let archived = self.archive_tip();
        let same = before.filter(|_| self.kept_stamp() == before);
        let kept = Some(self.with_archive(own, &archived, scope));
        Ok(RefScan { stamp: with_archive_tip(same, &archived), kept, loose })
    }

    /// The same where git keeps the refs: the stamp is that of all of them, the archive's among them.
    fn scan_by_git(
        &self,
        known: Option<RefStamp>,
        scope: Scope<'_>,
    ) -> Result<RefScan, StoreError> {
        let before = self.kept_stamp();
        if before.is_some() && before == known {
            return Ok(RefScan { stamp: before, ..RefScan::default() });
        }
        let (own, archived) = git::tips(self)?;
        let kept = Some(self.with_archive(own, &archived, scope));
        let stamp = before.filter(|_| self.kept_stamp() == before);
        Ok(RefScan { stamp, kept, ..RefScan::default() })
    }

    fn with_archive(
        &self,
        own: Tips,
        archived: &Result<Option<Oid>, StoreError>,
        scope: Scope<'_>,
    ) -> Tips {
        match scope {
            Scope::All(is_known) => self.archived_tips(archived, is_known).overlaid(own),
            Scope::Live => own,
        }
    }

    /// Returns the sessions of the archive as it was at a commit.
    fn archived_tips(&self, tip: &Result<Option<Oid>, StoreError>, is_known: IsKnown<'_>) -> Tips {
        let mut tips = Tips::default();
        tips.faults = match tip {
            Ok(tip) => self.archive_each(*tip, |row| {
                let Some(tip) = row.tip else { return };
                tips.sessions.push((row.session_id, tip));
                if !is_known(row.session_id, tip) {
                    tips.archived.push(row);
                }
            }),
            Err(error) => Archive::broken(error).faults,
        };
        tips
    }

    fn kept_refs(&self) -> PathBuf {
        self.common_dir.join(match self.refs {
            RefFormat::Files => "packed-refs",
            RefFormat::Git => "reftable/tables.list",
        })
    }

    /// Returns the stamp of the refs that lie together now; `None` if that cannot be told.
    fn kept_stamp(&self) -> Option<RefStamp> {
        let mut numbers = [0; RefStamp::N_BYTES / 8];
        match self.kept_refs().metadata() {
            Ok(it) => {
                let times = [it.mtime(), it.mtime_nsec(), it.ctime(), it.ctime_nsec()];
                let times = times.map(i64::cast_unsigned);
                let all = [it.ino(), it.size()].into_iter().chain(times);
                numbers.iter_mut().zip(all).for_each(|(number, it)| *number = it);
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(_) => return None,
        }
        Some(RefStamp(numbers))
    }

    /// Lists the packed refs of sessions.
    fn packed_tips(&self) -> Result<Tips, StoreError> {
        let failed = |error: gix::Error| StoreError::gix(LISTING, &error);
        let path = self.kept_refs();
        let mut tips = Tips::default();
        if !path.exists() {
            return Ok(tips);
        }
        let hash_kind = self.repo.object_hash();
        let buffer = match packed::Buffer::open(path, MAP_ABOVE_BYTES, hash_kind) {
            Err(error) if is_gone(&error) => return Ok(tips),
            other => other.map_err(failed)?,
        };
        for reference in buffer.iter_prefixed(PREFIX.into()).map_err(failed)? {
            let found = reference.map_err(failed)?;
            let oid = Oid::from_bytes(found.target().as_bytes());
            tips.take(found.name.as_bstr(), Ok(oid.expect("gix knows our hash kinds")));
        }
        Ok(tips)
    }

    /// Lists the refs of sessions that have a file each; one that goes meanwhile is left out.
    fn loose_tips(&self) -> Result<Tips, StoreError> {
        let prefix = PREFIX.as_bytes().try_into().expect("a relative path with a final slash");
        let loose = self.repo.refs.loose_iter_prefixed(prefix);
        let mut tips = Tips::default();
        for reference in loose.map_err(|error| StoreError::io(LISTING, &error))? {
            match reference {
                Ok(found) => tips.take(found.name.as_bstr(), oid_of(&found.target)),
                Err(error) if is_gone(&error) => {}
                Err(error) => tips.faults.push(broken_ref(&error)?),
            }
        }
        tips.sessions.sort_unstable();
        Ok(tips)
    }
}

/// What is being done when refs are listed.
const LISTING: &str = "cannot list refs/sessions";
/// Above this size `packed-refs` is mapped and not read.
const MAP_ABOVE_BYTES: u64 = 32 * 1024;

/// Returns the stamp of refs together with an archive's newest commit; `None` if one of them cannot be told.
fn with_archive_tip(
    stamp: Option<RefStamp>,
    archived: &Result<Option<Oid>, StoreError>,
) -> Option<RefStamp> {
    let RefStamp(mut numbers) = stamp?;
    if let Some(tip) = archived.as_ref().ok()? {
        for (number, bytes) in numbers[6..].iter_mut().zip(tip.as_bytes().chunks(8)) {
            *number = bytes.iter().rev().fold(0, |it, byte| it << 8 | u64::from(*byte));
        }
    }
    // Where there is neither, there is nothing to be remembered.
    (numbers != [0; RefStamp::N_BYTES / 8]).then_some(RefStamp(numbers))
}

/// Tells whether a ref was there when its directory was read, and is not any more.
fn is_gone(error: &gix::Error) -> bool {
    let io = error.downcast_any_ref::<std::io::Error>();
    io.is_some_and(|error| error.kind() == ErrorKind::NotFound)
}

fn oid_of(target: &Target) -> Result<Oid, String> {
    match target {
        Target::Object(id) => Ok(Oid::from_bytes(id.as_bytes()).expect("gix knows our hash kinds")),
        Target::Symbolic(name) => {
            Err(format!("it is a symbolic ref to '{}'", lossy(name.as_bstr())))
        }
    }
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
