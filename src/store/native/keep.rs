use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::fault::Doing;
use super::lock::Flock;
use super::medium::{Lasting, make_dirs};
use super::{EncodedPack, IoFault, Medium, PackError, PackName, SharedMode};

/// What our `.keep` files begin with.
pub(super) const KEEP_MESSAGE: &str = "git-session";

/// A pack that every reader sees and no `git gc` touches, because it has a `.keep`.
///
/// The `.keep` is locked (flock) as long as this value lives: a `.keep` of ours that nobody has
/// locked belongs to a process that died, and may be swept.
#[must_use = "the pack is kept for ever unless it is released"]
#[derive(Debug)]
pub struct KeptPack {
    name: PackName,
    keep: PathBuf,
    _locked: Flock,
}

impl KeptPack {
    /// Returns the pack's name.
    pub fn name(&self) -> &PackName {
        &self.name
    }

    /// Gives the pack to git's care: once a ref names its objects, or once it is clear that none
    /// will (the next `git gc` takes it then).
    ///
    /// A pack is never removed here, not even after a lost race: a `git repack -a -d` at this
    /// moment may have left out an object of the user because our pack with its `.keep` has it too.
    ///
    /// A failure is not an error, since the `.keep` does no harm and is swept later.
    pub fn release(self, medium: &dyn Medium) -> PackName {
        if let Err(error) = medium.unlink(&self.keep) {
            tracing::debug!(path = %self.keep.display(), %error, "a .keep file stays");
        }
        self.name
    }
}

/// Stores a pack durably under `objects_dir`, with a `.keep` that is there before the pack is.
///
/// `token` must never come twice. First `.keep`, then `.pack` under its final name (no reader looks
/// at it without an index), then the index under a temporary name, then, both being durable, the
/// index is renamed, and the directory made durable. The temporary name is our own and not
/// `tmp_idx_*`, which a `git prune --expire=now` would remove under our hands.
///
/// # Errors
/// [`PackError::Io`], and nothing is left that a reader sees, except where the last step fails:
/// then the pack is there, without `.keep`. [`PackError::NotWritten`] where the file system lies.
pub fn store_pack(
    medium: &dyn Medium,
    objects_dir: &Path,
    shared: SharedMode,
    encoded: &EncodedPack,
    level: u8,
    token: &str,
) -> Result<KeptPack, PackError> {
    let name = PackName::new(level, encoded.checksum, token)?;
    let files = Files::of(&objects_dir.join("pack"), &name);
    let locked = files.keep(medium, shared)?;
    match files.store(medium, shared, encoded) {
        Ok(()) => Ok(KeptPack { name, keep: files.keep, _locked: locked }),
        Err(error) => {
            files.undo(medium);
            Err(error)
        }
    }
}

/// The files of a pack that is being stored.
struct Files {
    dir: PathBuf,
    keep: PathBuf,
    pack: PathBuf,
    new_idx: PathBuf,
    idx: PathBuf,
}

impl Files {
    fn of(dir: &Path, name: &PackName) -> Files {
        Files {
            dir: dir.to_owned(),
            keep: dir.join(name.file("keep")),
            pack: dir.join(name.file("pack")),
            new_idx: dir.join(name.file("idx.new")),
            idx: dir.join(name.file("idx")),
        }
    }

    /// Creates the `.keep` and locks it.
    fn keep(&self, medium: &dyn Medium, shared: SharedMode) -> Result<Flock, PackError> {
        let create = || {
            medium.create_new(
                &self.keep,
                format!("{KEEP_MESSAGE}\n").as_bytes(),
                shared.file(0o444),
            )
        };
        let created = match create() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make_dirs(medium, &self.dir, shared, Lasting::Yes)?;
                create()
            }
            other => other,
        };
        match created {
            Ok(file) if self.is_locked(medium, &file) => Ok(Flock(file)),
            Ok(_) => {
                self.undo(medium);
                Err(self.not_written())
            }
            Err(source) => {
                if source.kind() != io::ErrorKind::AlreadyExists {
                    self.undo(medium);
                }
                Err(io_fault("create", &self.keep, source).into())
            }
        }
    }

    /// Locks the `.keep`, and makes sure that it was not swept just before.
    fn is_locked(&self, medium: &dyn Medium, file: &File) -> bool {
        match file.try_lock() {
            Ok(()) => is_at(medium, &self.keep, file),
            // A file system without flock: age alone protects the file there.
            Err(TryLockError::Error(_)) => true,
            Err(TryLockError::WouldBlock) => false,
        }
    }

    fn store(
        &self,
        medium: &dyn Medium,
        shared: SharedMode,
        encoded: &EncodedPack,
    ) -> Result<(), PackError> {
        let perm = shared.file(0o444);
        let pack =
            medium.create_new(&self.pack, &encoded.pack, perm).doing("write pack", &self.pack)?;
        let idx = medium
            .create_new(&self.new_idx, &encoded.idx, perm)
            .doing("write pack index", &self.new_idx)?;
        medium.sync_file(&self.pack, &pack).doing("sync pack", &self.pack)?;
        medium.sync_file(&self.new_idx, &idx).doing("sync pack index", &self.new_idx)?;
        medium.rename(&self.new_idx, &self.idx).doing("rename pack index", &self.new_idx)?;
        medium.sync_dir(&self.dir).doing("sync directory", &self.dir)?;
        if is_at(medium, &self.pack, &pack) && is_at(medium, &self.idx, &idx) {
            Ok(())
        } else {
            Err(self.not_written())
        }
    }

    fn not_written(&self) -> PackError {
        PackError::NotWritten { name: self.pack.display().to_string() }
    }

    /// Removes what was written, the `.keep` last; of a pack that readers see, the `.keep` only.
    fn undo(&self, medium: &dyn Medium) {
        let is_visible = !matches!(
            medium.identity(&self.idx),
            Err(error) if error.kind() == io::ErrorKind::NotFound
        );
        if !is_visible {
            let _ = medium.unlink(&self.new_idx);
            let _ = medium.unlink(&self.pack);
        }
        let _ = medium.unlink(&self.keep);
    }
}

/// Tells whether `file` is what is at `path`.
fn is_at(medium: &dyn Medium, path: &Path, file: &File) -> bool {
    let inode = |identity: super::Identity| identity.inode;
    let own = file.metadata().and_then(|it| super::Identity::of(&it));
    match (medium.identity(path), own) {
        (Ok(found), Ok(own)) => inode(found) == inode(own),
        _ => false,
    }
}

fn io_fault(doing: &'static str, path: &Path, source: io::Error) -> IoFault {
    IoFault { doing, path: path.to_owned(), source }
}
