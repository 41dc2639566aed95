use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use gix::refs::packed;

use crate::model::{HashKind, Oid};

use super::reflock::{RefLock, Terms};
use super::{IoFault, Medium, Reflog, SessionLock, SharedMode, gix_kind, oid_of};

/// Above this size `packed-refs` is mapped and not read.
const MAP_ABOVE_BYTES: u64 = 32 * 1024;

/// Why a ref was not moved, or may not have been.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CasError {
    /// The ref does not have the expected value; it was left alone.
    #[error("ref '{name}' has moved")]
    Raced {
        /// The full name.
        name: String,
        /// The value that it has; `None` if it does not exist.
        found: Option<Oid>,
    },
    /// Another program holds the ref's lock.
    #[error("ref is locked by '{}'", path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// The lock was ours and was removed or replaced by another program; the ref was left alone.
    #[error("lock of ref '{name}' was broken")]
    Broken {
        /// The full name.
        name: String,
    },
    /// The ref is symbolic; moving it would move another.
    #[error("ref '{name}' is symbolic")]
    Symbolic {
        /// The full name.
        name: String,
    },
    /// What stands in the ref, or in `packed-refs`, is no value of a ref.
    #[error("cannot read ref '{name}'")]
    Corrupt {
        /// The full name.
        name: String,
        /// Why `packed-refs` cannot be read; `None` if the ref's own file is at fault.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// The file system said that all went well, but the ref has another value. It is a success
    /// after all if `found` descends from the new value: then somebody else moved the ref on.
    #[error("ref '{name}' was not written")]
    NotWritten {
        /// The full name.
        name: String,
        /// The value that it has; `None` if it does not exist.
        found: Option<Oid>,
    },
    /// The ref was moved, but may not be after a power cut.
    #[error("ref '{name}' may not last")]
    Unsettled {
        /// The full name.
        name: String,
        /// What failed.
        #[source]
        source: IoFault,
    },
    /// The file system refused; the ref was left alone.
    #[error(transparent)]
    Io(#[from] IoFault),
}

/// The refs of a repository with the files backend.
#[derive(Debug, Clone)]
pub struct RefStore {
    /// Where `packed-refs` is.
    pub common_dir: PathBuf,
    /// How long the ids are.
    pub hash_kind: HashKind,
    /// Who may read and write the refs.
    pub shared: SharedMode,
    /// How long to wait for another program's lock.
    pub lock_timeout: Duration,
}

/// A wish to move a ref.
#[derive(Clone, Copy)]
pub struct RefUpdate<'a> {
    /// The full name, `refs/sessions/...`: a valid one, of which no part is a ref itself.
    pub name: &'a str,
    /// The value that the ref must have; `None` if it must not exist.
    pub expected: Option<Oid>,
    /// The value that it shall have: an object that is durable already.
    pub new: Oid,
    /// The line for the reflog; without it none is written.
    pub reflog: Option<Reflog<'a>>,
    /// The present, to judge the age of another program's lock.
    pub now: SystemTime,
    /// Tells whether a commit is a child of the ref's tip, `expected`: another program's lock that
    /// is older than ten seconds is removed if it holds such a commit, or nothing.
    pub is_child: &'a dyn Fn(Oid) -> bool,
}

/// What a ref holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefValue {
    /// An object.
    Object(Oid),
    /// The full name of another ref.
    Symbolic(String),
}

/// Moves a ref if it has the expected value. Once it returns, the new value survives a power cut.
///
/// The order: the value is durable in a temporary file; lock; read the ref afresh, loose and packed
/// (a `git pack-refs` in between cannot hide a value); rename; directory durable; read back. The
/// reflog, which is the lock if there is one, gets its line on the way.
///
/// `held` is the flock that covers this ref, of the same repository.
///
/// # Errors
/// All of [`CasError`]. Except for [`CasError::Unsettled`] and [`CasError::NotWritten`] the ref was
/// not moved, and nothing stays behind. A reflog that cannot be written is no error.
pub fn compare_and_swap(
    medium: &dyn Medium,
    store: &RefStore,
    _held: &SessionLock,
    update: &RefUpdate<'_>,
) -> Result<(), CasError> {
    let contents = format!("{}\n", update.new);
    let is_stale = |bytes: &[u8]| {
        let hex = std::str::from_utf8(bytes).map(str::trim_end);
        hex.ok().and_then(Oid::from_hex).is_some_and(update.is_child)
    };
    let terms = Terms {
        shared: store.shared,
        timeout: store.lock_timeout,
        now: update.now,
        is_stale: &is_stale,
        is_first: update.expected.is_none(),
        is_lasting: true,
    };
    let (dir, contents) = (&store.common_dir, contents.as_bytes());
    let lock = RefLock::take(medium, dir, update.name, contents, &terms)?;
    let old = update.expected.unwrap_or(Oid::null(store.hash_kind));
    let line = update.reflog.map(|reflog| reflog.line(old, update.new));
    if let Err(error) = move_under_lock(medium, store, update, &lock, line.as_deref()) {
        lock.cancel();
        return Err(error);
    }
    let answer = settle(medium, store, update, &lock, line.as_deref());
    match answer {
        Err(CasError::NotWritten { .. }) => lock.cancel(),
        _ => lock.clean(),
    }
    answer
}

/// Compares, gives the ref its value, and releases the lock.
fn move_under_lock(
    medium: &dyn Medium,
    store: &RefStore,
    update: &RefUpdate<'_>,
    lock: &RefLock<'_>,
    line: Option<&str>,
) -> Result<(), CasError> {
    let name = || update.name.to_owned();
    let found = match read_ref(medium, store, update.name)? {
        Some(RefValue::Symbolic(_)) => return Err(CasError::Symbolic { name: name() }),
        Some(RefValue::Object(oid)) => Some(oid),
        None => None,
    };
    if found != update.expected {
        return Err(CasError::Raced { name: name(), found });
    }
    if !lock.is_ours() {
        return Err(CasError::Broken { name: name() });
    }
    Ok(lock.publish(line)?)
}

/// Makes the move durable and reads it back.
fn settle(
    medium: &dyn Medium,
    store: &RefStore,
    update: &RefUpdate<'_>,
    lock: &RefLock<'_>,
    line: Option<&str>,
) -> Result<(), CasError> {
    let unsettled = |source| CasError::Unsettled { name: update.name.to_owned(), source };
    lock.settle(line).map_err(unsettled)?;
    let found = match read_ref(medium, store, update.name) {
        Err(CasError::Io(source)) => return Err(unsettled(source)),
        other => other?,
    };
    match found {
        Some(RefValue::Object(oid)) if oid == update.new => Ok(()),
        found => Err(CasError::NotWritten {
            name: update.name.to_owned(),
            found: match found {
                Some(RefValue::Object(oid)) => Some(oid),
                _ => None,
            },
        }),
    }
}

/// Returns what the ref called `name` holds: from its own file, else from `packed-refs`, both read
/// now; `None` if it does not exist. Without its lock, the answer may be old already.
///
/// # Errors
/// [`CasError::Corrupt`], [`CasError::Io`].
pub fn read_ref(
    medium: &dyn Medium,
    store: &RefStore,
    name: &str,
) -> Result<Option<RefValue>, CasError> {
    match read_loose(medium, &store.common_dir.join(name), name)? {
        None => Ok(read_packed(store, name)?.map(RefValue::Object)),
        found => Ok(found),
    }
}

/// Reads a ref's own file; `None` if there is none.
pub(super) fn read_loose(
    medium: &dyn Medium,
    path: &Path,
    name: &str,
) -> Result<Option<RefValue>, CasError> {
    let read = medium.identity(path).and_then(|it| {
        if it.is_symlink {
            return Ok(b"ref: (symbolic link)".to_vec());
        }
        medium.read(path)
    });
    let contents = match read {
        Ok(contents) => contents,
        Err(error) if is_absent(&error) => return Ok(None),
        Err(source) => {
            return Err(CasError::Io(IoFault { doing: "read ref", path: path.to_owned(), source }));
        }
    };
    let text = std::str::from_utf8(&contents).unwrap_or("").trim_end();
    let value = match text.strip_prefix("ref:") {
        Some(target) => Some(RefValue::Symbolic(target.trim_start().to_owned())),
        None => Oid::from_hex(text).map(RefValue::Object),
    };
    match value {
        Some(value) => Ok(Some(value)),
        None => Err(CasError::Corrupt { name: name.to_owned(), source: None }),
    }
}

/// Tells whether there is no file: a directory at its place is one that git left and removes.
fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory
    )
}

/// Looks a ref up in `packed-refs`.
pub(super) fn read_packed(store: &RefStore, name: &str) -> Result<Option<Oid>, CasError> {
    let path = store.common_dir.join("packed-refs");
    if !path.exists() {
        return Ok(None);
    }
    let corrupt = |source: Box<dyn std::error::Error + Send + Sync>| CasError::Corrupt {
        name: name.to_owned(),
        source: Some(source),
    };
    let full_name: &gix::refs::FullNameRef =
        name.try_into().map_err(|_| CasError::Corrupt { name: name.to_owned(), source: None })?;
    let buffer = packed::Buffer::open(path, MAP_ABOVE_BYTES, gix_kind(store.hash_kind))
        .map_err(|error| corrupt(Box::new(error)))?;
    let found =
        buffer.try_find(full_name.as_partial_name()).map_err(|error| corrupt(Box::new(error)))?;
    Ok(found.map(|found| oid_of(&found.target())))
}
