use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gix::refs::{Target, packed};

use super::open::{RefFormat, lossy};
use super::refs::{Fault, PREFIX, Tips};
use super::{Store, StoreError, git};
use crate::model::Oid;

/// The sessions' refs, as they lie.
#[derive(Debug, Default)]
pub struct RefScan {
    /// What the file that keeps most of them was like; `None` if there is none, or it changes just now.
    pub stamp: Option<RefStamp>,
    /// The refs that lie together in one file; `None` if they are those that the caller knows.
    pub kept: Option<Tips>,
    /// The refs that have a file each, which stand for a kept one of the same name.
    pub loose: Tips,
}

/// What changes with the file that keeps many refs (`packed-refs`, or the list of reftables): it is never
/// written in place, so another file comes with other times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefStamp([u64; 6]);

impl RefStamp {
    /// How many bytes a stamp has where it is stored.
    pub const N_BYTES: usize = 48;
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
        let mut numbers = [0; 6];
        for (number, chunk) in numbers.iter_mut().zip(bytes.chunks_exact(8)) {
            *number = u64::from_le_bytes(chunk.try_into().expect("eight bytes"));
        }
        RefStamp(numbers)
    }

    /// Tells whether the file was so old at a moment that no later one can look the same.
    pub fn is_settled(self, at: SystemTime) -> bool {
        let [_, _, modified_at, _, changed_at, _] = self.0;
        let newest = UNIX_EPOCH.checked_add(Duration::from_secs(modified_at.max(changed_at)));
        let after = newest.and_then(|newest| newest.checked_add(RefStamp::TICK));
        after.is_some_and(|after| after < at)
    }
}

impl Store {
    /// Returns all sessions' refs as they are now, without the kept ones if their file still has the stamp
    /// `known`.
    ///
    /// # Errors
    /// [`StoreError::Io`] when the refs cannot be listed at all.
    #[tracing::instrument(skip_all)]
    pub fn scan_refs(&self, known: Option<RefStamp>) -> Result<RefScan, StoreError> {
        let is_known = |stamp: Option<RefStamp>| stamp.is_some() && stamp == known;
        if self.refs == RefFormat::Git {
            let before = self.ref_stamp();
            if is_known(before) {
                return Ok(RefScan { stamp: before, ..RefScan::default() });
            }
            let kept = Some(git::tips(self)?);
            let stamp = before.filter(|_| self.ref_stamp() == before);
            return Ok(RefScan { stamp, kept, ..RefScan::default() });
        }
        for _ in 0..MAX_LISTINGS {
            let stamp = self.ref_stamp();
            let kept = if is_known(stamp) { None } else { Some(self.packed_tips()?) };
            // `git pack-refs` moves a loose ref into the packed ones, so a listing that read those before and
            // the loose ones after may have met it in neither.
            match self.loose_tips()? {
                Some(loose) if self.ref_stamp() == stamp => {
                    return Ok(RefScan { stamp, kept, loose });
                }
                _ => tracing::debug!("refs were packed meanwhile"),
            }
        }
        let reason = std::io::Error::other("they are packed again and again");
        Err(StoreError::io(LISTING, &reason))
    }

    fn kept_refs(&self) -> PathBuf {
        self.common_dir.join(match self.refs {
            RefFormat::Files => "packed-refs",
            RefFormat::Git => "reftable/tables.list",
        })
    }

    fn ref_stamp(&self) -> Option<RefStamp> {
        let it = self.kept_refs().metadata().ok()?;
        let times = [it.mtime(), it.mtime_nsec(), it.ctime(), it.ctime_nsec()];
        let [mtime, mtime_nsec, ctime, ctime_nsec] = times.map(i64::cast_unsigned);
        Some(RefStamp([it.ino(), it.size(), mtime, mtime_nsec, ctime, ctime_nsec]))
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

    /// Lists the refs of sessions that have a file each; `None` if one went while it was read.
    fn loose_tips(&self) -> Result<Option<Tips>, StoreError> {
        let prefix = PREFIX.as_bytes().try_into().expect("a relative path with a final slash");
        let loose = self.repo.refs.loose_iter_prefixed(prefix);
        let mut tips = Tips::default();
        for reference in loose.map_err(|error| StoreError::io(LISTING, &error))? {
            match reference {
                Ok(found) => tips.take(found.name.as_bstr(), oid_of(&found.target)),
                Err(error) if is_gone(&error) => return Ok(None),
                Err(error) => tips.faults.push(broken_ref(&error)?),
            }
        }
        tips.sessions.sort_unstable();
        Ok(Some(tips))
    }
}

/// What is being done when refs are listed.
const LISTING: &str = "cannot list refs/sessions";
/// How often refs are listed anew that are packed meanwhile.
const MAX_LISTINGS: usize = 20;
/// Above this size `packed-refs` is mapped and not read.
const MAP_ABOVE_BYTES: u64 = 32 * 1024;

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
