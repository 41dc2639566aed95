//! What this clone itself started, and may therefore signal and start again.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Process;
use super::escape::{escape, unescape};
use crate::model::{SessionId, Timestamp};

/// The first line of a lease; another one is none of ours.
const HEADER: &str = "git-session lease 1";
/// The largest lease that is read, in bytes: a command line and some words.
const MAX_BYTES: u64 = 8 << 20;

/// The authority over a session's worker: only who finds one may signal it or start its command again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The session.
    pub session_id: SessionId,
    /// A word that the worker has in its environment and nobody else knows.
    pub token: String,
    /// The process that started the worker and waits for it; `None` if the worker was stopped.
    pub owner: Option<Process>,
    /// The worker, which leads a process group; `None` before it is started and after it was stopped.
    pub worker: Option<Process>,
    /// When the worker was started.
    pub started_at: Timestamp,
    /// The directory that it is started in.
    pub dir: PathBuf,
    /// Whether other sessions may run in the same work tree.
    pub is_shared: bool,
    /// Its command line.
    pub command: Vec<OsString>,
    /// What a shell is to run instead when the session is resumed.
    pub on_resume: Option<OsString>,
    /// For how long it may run, over what the session's configuration says.
    pub timeout: Option<Duration>,
    /// How often it may be started in all, if it is started again after a failure.
    pub max_iterations: Option<u64>,
    /// Somebody wants it stopped, and will record why.
    pub stop: Option<Stop>,
    /// Whether the worker was made to stand still instead of being ended.
    pub is_frozen: bool,
}

/// A wish to stop a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    /// What is to become of the session.
    pub kind: StopKind,
    /// Who wants it.
    pub by: Process,
}

/// What is to become of a session whose worker is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopKind {
    /// It is put aside.
    Suspend,
    /// It ends.
    Terminate,
}

/// Why a lease cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LeaseError {
    /// The file system refused.
    #[error("cannot {doing} '{}': {source}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It could have been written by somebody else, or is damaged.
    #[error("'{}' is not trusted: {reason}", path.display())]
    Untrusted {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
}

/// The leases of a clone, a file for each session.
#[derive(Debug, Clone)]
pub struct Leases {
    dir: PathBuf,
}

impl Leases {
    /// Returns the leases below the clone's local directory.
    pub fn new(local_dir: &Path) -> Leases {
        Leases { dir: local_dir.join("leases") }
    }

    /// Returns the directory of the leases, which may not be there yet.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Returns the sessions that have a lease, valid or not.
    pub fn session_ids(&self) -> Vec<SessionId> {
        let entries = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        entries.filter_map(|entry| SessionId::parse(entry.file_name().to_str()?)).collect()
    }

    /// Reads the lease of a session; `None` if there is none.
    ///
    /// # Errors
    /// [`LeaseError::Untrusted`] unless the file is this user's and nobody else may touch it.
    pub fn read(&self, session_id: SessionId) -> Result<Option<Lease>, LeaseError> {
        let path = self.path(session_id);
        let untrusted = |reason| LeaseError::Untrusted { path: path.clone(), reason };
        let file = match OpenOptions::new().read(true).custom_flags(no_follow()).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(LeaseError::Io { doing: "open", path, source }),
        };
        let failed = |source| LeaseError::Io { doing: "read", path: path.clone(), source };
        let metadata = file.metadata().map_err(failed)?;
        if metadata.uid() != rustix::process::geteuid().as_raw() {
            return Err(untrusted("it belongs to another user"));
        }
        if !metadata.is_file() || metadata.mode() & 0o077 != 0 {
            return Err(untrusted("others may read or write it"));
        }
        let mut text = String::new();
        file.take(MAX_BYTES).read_to_string(&mut text).map_err(failed)?;
        let lease = parse(&text).filter(|lease| lease.session_id == session_id);
        lease.map(Some).ok_or_else(|| untrusted("it is damaged"))
    }

    /// Changes the lease of a session: `decide` is given what is there and returns what is to be, or
    /// an error, which changes nothing. No two processes do this at the same time.
    ///
    /// # Errors
    /// What `decide` says; [`LeaseError::Io`].
    pub fn change<E: From<LeaseError>>(
        &self,
        session_id: SessionId,
        decide: impl FnOnce(Option<Lease>) -> Result<Option<Lease>, E>,
    ) -> Result<(), E> {
        let _locked = self.lock()?;
        // One that is not trusted counts as none: it is never obeyed, and is replaced.
        let old = self.read(session_id).unwrap_or_else(|error| {
            tracing::warn!(%error, "a lease is not used");
            None
        });
        let new = decide(old.clone())?;
        match &new {
            new if *new == old => Ok(()),
            Some(lease) => Ok(self.write(lease)?),
            None => Ok(self.remove(session_id)?),
        }
    }

    fn path(&self, session_id: SessionId) -> PathBuf {
        self.dir.join(session_id.to_string())
    }

    /// Takes the lock of all leases, which the kernel gives back when the file is closed.
    fn lock(&self) -> Result<File, LeaseError> {
        let path = self.dir.join(".lock");
        let failed = |source| LeaseError::Io { doing: "lock", path: path.clone(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(&self.dir).map_err(failed)?;
        let mut options = OpenOptions::new();
        let file = options.create(true).append(true).mode(0o600).open(&path).map_err(failed)?;
        loop {
            match file.lock() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                locked => return locked.map(|()| file).map_err(failed),
            }
        }
    }

    fn write(&self, lease: &Lease) -> Result<(), LeaseError> {
        let path = self.path(lease.session_id);
        // Only the holder of the lock writes, so one name is enough; what a crash left is replaced.
        let draft = self.dir.join(format!(".{}", lease.session_id));
        let failed = |source| LeaseError::Io { doing: "write", path: path.clone(), source };
        match fs::remove_file(&draft) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let mut options = OpenOptions::new();
        let written = options.write(true).create_new(true).mode(0o600).open(&draft);
        let written = written.and_then(|mut file| {
            file.write_all(to_text(lease).as_bytes())?;
            file.sync_all()?;
            fs::rename(&draft, &path)
        });
        written.map_err(failed)
    }

    fn remove(&self, session_id: SessionId) -> Result<(), LeaseError> {
        let path = self.path(session_id);
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(LeaseError::Io { doing: "remove", path, source })
            }
            _ => Ok(()),
        }
    }
}

pub(super) fn no_follow() -> i32 {
    i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or(0)
}

fn to_text(lease: &Lease) -> String {
    let mut text = format!("{HEADER}\n");
    let mut put = |key: &str, value: String| text.push_str(&format!("{key}={value}\n"));
    put("session", lease.session_id.to_string());
    put("token", lease.token.clone());
    let processes = [("owner", &lease.owner), ("worker", &lease.worker)];
    for (key, process) in processes {
        if let Some(process) = process {
            put(key, process.to_string());
        }
    }
    put("started_at", lease.started_at.micros().to_string());
    put("dir", escape(lease.dir.as_os_str()));
    if lease.is_shared {
        put("shared", "yes".to_owned());
    }
    lease.command.iter().for_each(|word| put("word", escape(word)));
    if let Some(line) = &lease.on_resume {
        put("on_resume", escape(line));
    }
    if let Some(timeout) = lease.timeout {
        put("timeout_ms", timeout.as_millis().to_string());
    }
    if let Some(n) = lease.max_iterations {
        put("max_iterations", n.to_string());
    }
    if let Some(Stop { kind, by }) = &lease.stop {
        let key = match kind {
            StopKind::Suspend => "suspended_by",
            StopKind::Terminate => "terminated_by",
        };
        put(key, by.to_string());
    }
    if lease.is_frozen {
        put("frozen", "yes".to_owned());
    }
    // A lease that was cut short does not have it.
    put("end", String::new());
    text
}

fn parse(text: &str) -> Option<Lease> {
    let mut lines = text.lines();
    if lines.next()? != HEADER || !text.ends_with("end=\n") {
        return None;
    }
    let (mut session_id, mut token, mut started_at, mut dir) = (None, None, None, None);
    let (mut owner, mut worker, mut stop) = (None, None, None);
    let (mut timeout, mut max_iterations) = (None, None);
    let (mut is_shared, mut is_frozen) = (false, false);
    let (mut command, mut on_resume) = (Vec::new(), None);
    for line in lines {
        let (key, value) = line.split_once('=')?;
        let stopping = |kind| Some(Stop { kind, by: Process::parse(value)? });
        match key {
            "session" => session_id = Some(SessionId::parse(value)?),
            "token" => token = Some(value.to_owned()),
            "owner" => owner = Some(Process::parse(value)?),
            "worker" => worker = Some(Process::parse(value)?),
            "started_at" => started_at = Timestamp::from_micros(value.parse().ok()?),
            "dir" => dir = Some(PathBuf::from(unescape(value)?)),
            "word" => command.push(unescape(value)?),
            "on_resume" => on_resume = Some(unescape(value)?),
            "timeout_ms" => timeout = Some(Duration::from_millis(value.parse().ok()?)),
            "max_iterations" => max_iterations = Some(value.parse().ok()?),
            "suspended_by" => stop = Some(stopping(StopKind::Suspend)?),
            "terminated_by" => stop = Some(stopping(StopKind::Terminate)?),
            "shared" => is_shared = true,
            "frozen" => is_frozen = true,
            _ => {}
        }
    }
    Some(Lease {
        session_id: session_id?,
        token: token?,
        owner,
        worker,
        started_at: started_at?,
        dir: dir?,
        is_shared,
        command: (!command.is_empty()).then_some(command)?,
        on_resume,
        timeout,
        max_iterations,
        stop,
        is_frozen,
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::worker::Here;

    fn lease() -> Lease {
        let here = Here { host: "h".into(), boot: "b".into(), namespace: 1 };
        let process = Process { pid: 4711, start: 3, inode: None, here };
        Lease {
            session_id: SessionId::parse("0199f0c2-1c4d-7abc-8def-0123456789af").expect("valid"),
            token: "t".into(),
            owner: Some(process.clone()),
            worker: None,
            started_at: Timestamp::from_micros(1_700_000_000_000_001).expect("in range"),
            dir: PathBuf::from("/a dir\n"),
            is_shared: true,
            command: vec!["sh".into(), "-c".into(), "a=b\n\tc % é".into(), "".into()],
            on_resume: Some("a --b 'c'\n".into()),
            timeout: Some(Duration::from_millis(1500)),
            max_iterations: Some(3),
            stop: Some(Stop { kind: StopKind::Suspend, by: process }),
            is_frozen: true,
        }
    }

    fn put(leases: &Leases, lease: Option<Lease>) {
        let changed: Result<(), LeaseError> =
            leases.change(self::lease().session_id, |_| Ok(lease));
        changed.expect("changed");
    }

    #[test]
    fn a_lease_is_read_back_and_is_for_its_owner_only() {
        let dir = tempfile::tempdir().expect("a directory");
        let leases = Leases::new(dir.path());
        let lease = lease();
        assert_eq!(leases.read(lease.session_id).expect("readable"), None);
        put(&leases, Some(lease.clone()));
        assert_eq!(leases.read(lease.session_id).expect("readable"), Some(lease.clone()));
        assert_eq!(leases.session_ids(), [lease.session_id]);
        let mode = |path: PathBuf| fs::metadata(path).expect("there").mode() & 0o777;
        assert_eq!(mode(leases.path(lease.session_id)), 0o600);
        assert_eq!(mode(leases.dir.clone()), 0o700);
        put(&leases, None);
        assert_eq!(leases.session_ids(), []);
    }

    #[test]
    fn a_lease_that_others_may_write_or_that_is_damaged_is_not_trusted() {
        let dir = tempfile::tempdir().expect("a directory");
        let leases = Leases::new(dir.path());
        let id = lease().session_id;
        put(&leases, Some(lease()));
        fs::set_permissions(leases.path(id), fs::Permissions::from_mode(0o660)).expect("set");
        assert!(matches!(leases.read(id), Err(LeaseError::Untrusted { .. })));
        put(&leases, None);
        put(&leases, Some(lease()));
        let whole = fs::read(leases.path(id)).expect("readable");
        for n in 0..whole.len() {
            fs::write(leases.path(id), &whole[..n]).expect("written");
            assert!(leases.read(id).is_err(), "cut to {n} bytes");
        }
    }

    #[test]
    fn a_lease_behind_a_symbolic_link_or_of_another_session_is_refused() {
        let dir = tempfile::tempdir().expect("a directory");
        let leases = Leases::new(dir.path());
        let id = lease().session_id;
        put(&leases, Some(lease()));
        let other = SessionId::parse("0199f0c2-1c4d-7abc-8def-0123456789b0").expect("valid");
        fs::copy(leases.path(id), leases.path(other)).expect("copied");
        assert!(leases.read(other).is_err());
        fs::remove_file(leases.path(other)).expect("removed");
        std::os::unix::fs::symlink(leases.path(id), leases.path(other)).expect("linked");
        assert!(leases.read(other).is_err());
    }

    #[test]
    fn what_a_decision_refuses_changes_nothing() {
        let dir = tempfile::tempdir().expect("a directory");
        let leases = Leases::new(dir.path());
        put(&leases, Some(lease()));
        let refused: Result<(), LeaseError> = leases.change(lease().session_id, |_| {
            Err(LeaseError::Untrusted { path: PathBuf::new(), reason: "test" })
        });
        assert!(refused.is_err());
        assert_eq!(leases.read(lease().session_id).expect("readable"), Some(lease()));
    }
}
