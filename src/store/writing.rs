//! The way from the store to the native writer.

use std::cell::Cell;
use std::fs::File;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::native::{
    CasError, Disk, Doomed, Identity, KeptPack, LockError, Medium, Object, PackError, Perm,
    RefStore, RefUpdate, Reflog, SessionLock, SharedMode, Write, WriteError, Writer, encode_pack,
    store_pack,
};
use super::{Stamp, Store, StoreError};
use crate::model::{Oid, SessionId};

/// How long we wait for other processes that write the same session.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// What makes writes of one process different from those of all others.
#[derive(Debug)]
pub(super) struct Tokens {
    /// A text that no other process has.
    unique: String,
    n_used: Cell<u64>,
    /// When the process began.
    pub(super) started_at: SystemTime,
}

impl Tokens {
    pub(super) fn new(unique: String, started_at: SystemTime) -> Tokens {
        Tokens { unique, n_used: Cell::new(0), started_at }
    }

    pub(super) fn next(&self) -> String {
        self.n_used.set(self.n_used.get() + 1);
        format!("{}-{}", self.unique, self.n_used.get())
    }
}

/// What a write has left to do is done when its lock is released.
impl Drop for Store {
    fn drop(&mut self) {
        self.melt_if_due();
    }
}

impl Store {
    fn writer(&self) -> Writer<'static> {
        let shared = self.settings.shared.as_deref().and_then(SharedMode::parse);
        let lock_timeout = match u64::try_from(self.settings.lock_timeout_ms) {
            Ok(millis) => Duration::from_millis(millis).min(LOCK_TIMEOUT),
            Err(_) => LOCK_TIMEOUT,
        };
        let medium: &'static dyn Medium =
            if self.settings.relaxed_durability { &Relaxed } else { &Disk };
        Writer {
            medium,
            objects_dir: self.common_dir.join("objects"),
            git_dir: self.git_dir.clone(),
            refs: RefStore {
                common_dir: self.common_dir.clone(),
                hash_kind: self.hash_kind(),
                shared: shared.unwrap_or_default(),
                lock_timeout,
            },
        }
    }

    pub(super) fn take_lock(&self, session_id: SessionId) -> Result<SessionLock, StoreError> {
        self.melt_if_due();
        let busy = || super::session_ref(session_id);
        self.writer().lock(session_id.last_byte(), LOCK_TIMEOUT).map_err(|error| match error {
            LockError::Busy { .. } => StoreError::Busy { name: busy() },
            other => fault("cannot lock the session", &other),
        })
    }

    /// Takes a lock that is of no session; `name` is what it is about.
    pub(super) fn take_named_lock(
        &self,
        lock: &str,
        name: &str,
    ) -> Result<SessionLock, StoreError> {
        let refs = self.writer().refs;
        let held = SessionLock::acquire_named(&refs.common_dir, refs.shared, lock, LOCK_TIMEOUT);
        held.map_err(|error| write_error(name, WriteError::Lock(error)))
    }

    /// Reads a ref from the files as they are now.
    pub(super) fn native_tip(&self, name: &str) -> Result<Option<Oid>, StoreError> {
        self.writer().tip(name).map_err(|error| match error {
            CasError::Corrupt { .. } => {
                StoreError::corrupt(format!("ref '{name}'"), "it is empty or not an object id")
            }
            CasError::Symbolic { name } => StoreError::Symbolic { name },
            other => fault(&format!("cannot read ref '{name}'"), &other),
        })
    }

    /// Makes objects and a ref durable, natively.
    pub(super) fn write_native(
        &self,
        held: &SessionLock,
        objects: &[Object],
        name: &str,
        (expected, new): (Option<Oid>, Oid),
        (stamp, reason): (&Stamp, &str),
    ) -> Result<(), StoreError> {
        let writer = self.writer();
        let is_child = |oid: Oid| self.has_parent(oid, expected);
        let reflog = Reflog {
            name: &stamp.committer.name,
            email: &stamp.committer.email,
            seconds: stamp.at.seconds(),
            offset_minutes: 0,
            message: reason,
        };
        let update = RefUpdate {
            name,
            expected,
            new,
            reflog: Some(reflog),
            now: self.tokens.started_at,
            is_child: &is_child,
        };
        let write = Write { objects, update, token: &self.tokens.next() };
        let written = match writer.write(held, &write) {
            Ok(written) => written,
            Err(WriteError::Ref(CasError::NotWritten { found: Some(found), .. }))
                if self.is_ancestor(new, found) =>
            {
                return Ok(());
            }
            Err(error) => return Err(write_error(name, error)),
        };
        self.is_roll_due.set(self.is_roll_due.get() || written.is_roll_due());
        Ok(())
    }

    /// Melts packs if a write has left that to do, as is done when the repository is dropped, or the next lock is
    /// taken: so call it where neither happens. No lock of a session may be held meanwhile.
    pub fn melt_if_due(&self) {
        if !self.is_roll_due.take() {
            return;
        }
        let rolled = self.writer().roll(&self.tokens.next(), self.tokens.started_at);
        if let Err(error) = rolled {
            tracing::debug!(%error, "small packs were not melted");
        }
    }

    /// Makes objects durable, and keeps them until `publish` has named them by a ref.
    pub(super) fn write_objects(
        &self,
        objects: &[Object],
        publish: impl FnOnce() -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let kept = self.keep(objects)?;
        let published = publish();
        kept.release(self.writer().medium);
        published
    }

    fn keep(&self, objects: &[Object]) -> Result<KeptPack, StoreError> {
        let writer = self.writer();
        let fail = |error: PackError| fault("cannot write objects", &error);
        let encoded = encode_pack(writer.refs.hash_kind, objects).map_err(fail)?;
        let (dir, shared) = (&writer.objects_dir, writer.refs.shared);
        store_pack(writer.medium, dir, shared, &encoded, 0, &self.tokens.next()).map_err(fail)
    }

    /// Points a symbolic ref of this work tree to another ref.
    pub(super) fn write_symref(&self, name: &str, target: &str) -> Result<(), StoreError> {
        let writer = self.writer();
        writer
            .write_symref(&self.git_dir, name, target, LOCK_TIMEOUT, self.tokens.started_at)
            .map_err(|error| write_error(name, error))
    }

    /// Removes a ref that is at `tip_oid`, natively.
    pub(super) fn delete_native(
        &self,
        held: &SessionLock,
        name: &str,
        tip_oid: Oid,
    ) -> Result<(), StoreError> {
        let deleted = self.writer().delete(held, name, tip_oid, self.tokens.started_at);
        deleted.map_err(|error| write_error(name, error))
    }

    /// Removes many refs whose objects another ref keeps, natively.
    pub(super) fn delete_all_native(&self, doomed: &[Doomed]) -> Result<(), StoreError> {
        let deleted = self.writer().delete_all(doomed, self.tokens.started_at);
        deleted.map_err(|error| write_error("refs/sessions", error))
    }

    /// Removes a symbolic ref of the work tree at `git_dir` if it points to `target`.
    pub(super) fn delete_symref(
        &self,
        git_dir: &Path,
        name: &str,
        target: &str,
    ) -> Result<(), StoreError> {
        let (writer, now) = (self.writer(), self.tokens.started_at);
        let deleted = writer.delete_symref(git_dir, name, target, LOCK_TIMEOUT, now);
        deleted.map(drop).map_err(|error| write_error(name, error))
    }

    /// Removes what a dead process left of its lock on a ref.
    pub(super) fn heal_native(&self, held: &SessionLock, name: &str) -> Result<(), StoreError> {
        let healed = self.writer().heal_ref(held, name);
        healed.map(drop).map_err(|error| write_error(name, error.into()))
    }

    /// Makes durable what `git` wrote of refs: it syncs files at best, and never a directory.
    pub(super) fn sync_after_git(&self, name: &str) -> Result<(), StoreError> {
        if self.settings.relaxed_durability {
            return Ok(());
        }
        let doing = |path: &Path| format!("cannot sync '{}'", path.display());
        let tables = self.common_dir.join("reftable");
        let loose = self.common_dir.join(name);
        let directories = [Some(tables.as_path()), loose.parent(), Some(&self.common_dir)];
        for file in tables.read_dir().into_iter().flatten().flatten() {
            sync(&file.path()).map_err(|error| StoreError::io(doing(&file.path()), &error))?;
        }
        for directory in directories.into_iter().flatten() {
            sync(directory).map_err(|error| StoreError::io(doing(directory), &error))?;
        }
        Ok(())
    }

    fn has_parent(&self, commit_oid: Oid, parent: Option<Oid>) -> bool {
        self.commit(commit_oid).is_ok_and(|commit| commit.parents.first().copied() == parent)
    }

    /// Tells whether `older` is in the history of `newer`, as far as it is worth looking.
    pub fn is_ancestor(&self, older: Oid, newer: Oid) -> bool {
        const MAX_LOOK: usize = 10_000;
        self.history(newer).take(MAX_LOOK).flatten().any(|commit| commit.oid == older)
    }
}

fn sync(path: &Path) -> io::Result<()> {
    match File::open(path) {
        Ok(file) => file.sync_all(),
        // git replaces its tables; what is gone needs no sync.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn write_error(name: &str, error: WriteError) -> StoreError {
    let name = name.to_owned();
    match error {
        WriteError::Ref(CasError::Raced { .. }) => StoreError::Raced { name },
        WriteError::Ref(CasError::Symbolic { .. }) => StoreError::Symbolic { name },
        WriteError::Ref(CasError::Locked { .. }) | WriteError::Lock(LockError::Busy { .. }) => {
            StoreError::Busy { name }
        }
        other => fault(&format!("cannot update ref '{name}'"), &other),
    }
}

/// Returns the error that `doing` failed, with all that its sources say.
fn fault(doing: &str, error: &dyn std::error::Error) -> StoreError {
    let mut reasons = vec![error.to_string()];
    let mut source = error.source();
    while let Some(inner) = source {
        let text = inner.to_string();
        if !reasons.iter().any(|known| known.contains(&text)) {
            reasons.push(text);
        }
        source = inner.source();
    }
    StoreError::Io { doing: doing.to_owned(), reason: reasons.join(": ") }
}

/// The real file system without waiting for the medium: as durable as git's own settings.
struct Relaxed;

impl Medium for Relaxed {
    fn create_new(&self, path: &Path, bytes: &[u8], perm: Perm) -> io::Result<File> {
        Disk.create_new(path, bytes, perm)
    }
    fn append(&self, path: &Path, bytes: &[u8], perm: Perm) -> io::Result<()> {
        Disk.append(path, bytes, perm)
    }
    fn sync_file(&self, _path: &Path, _file: &File) -> io::Result<()> {
        Ok(())
    }
    fn sync_dir(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }
    fn hard_link(&self, original: &Path, link: &Path) -> io::Result<()> {
        Disk.hard_link(original, link)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        Disk.rename(from, to)
    }
    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        Disk.rename_new(from, to)
    }
    fn unlink(&self, path: &Path) -> io::Result<()> {
        Disk.unlink(path)
    }
    fn create_dir(&self, path: &Path, perm: Perm) -> io::Result<()> {
        Disk.create_dir(path, perm)
    }
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        Disk.read(path)
    }
    fn identity(&self, path: &Path) -> io::Result<Identity> {
        Disk.identity(path)
    }
}
