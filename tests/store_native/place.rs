//! A repository to write to, and git to judge it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use git_session::model::{HashKind, Oid};
use git_session::store::native::{
    Medium, Object, RefStore, RefUpdate, Reflog, SharedMode, Write, WriteError, Writer, Written,
};
use gix::objs::Kind;
use tempfile::TempDir;

/// Both hash kinds, for tests that must hold for both.
pub const HASH_KINDS: [HashKind; 2] = [HashKind::Sha1, HashKind::Sha256];

/// A bare repository, or the remains of one.
#[derive(Clone, Debug)]
pub struct Place {
    pub git_dir: PathBuf,
    pub hash_kind: HashKind,
    /// Whether writes are logged.
    pub has_reflogs: bool,
}

/// Returns a directory that vanishes with the value, in memory where that is possible.
pub fn scratch() -> TempDir {
    let memory = Path::new("/dev/shm");
    let parent = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    tempfile::Builder::new()
        .prefix("git-session-test-")
        .tempdir_in(parent)
        .expect("a temporary directory")
}

/// Returns a text that never comes twice in this process.
pub fn token() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("token {}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Returns git, cut off from the user's configuration.
pub fn git_in(dir: &Path) -> Command {
    let mut git = Command::new("git");
    let path = std::env::var_os("PATH").unwrap_or_default();
    git.current_dir(dir).env_clear().env("PATH", path);
    git.envs([
        ("HOME", "/nonexistent"),
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_CONFIG_SYSTEM", "/dev/null"),
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_AUTHOR_NAME", "A U Thor"),
        ("GIT_AUTHOR_EMAIL", "author@example.com"),
        ("GIT_COMMITTER_NAME", "C O Mitter"),
        ("GIT_COMMITTER_EMAIL", "committer@example.com"),
        ("GIT_AUTHOR_DATE", "1700000000 +0000"),
        ("GIT_COMMITTER_DATE", "1700000000 +0000"),
        ("LC_ALL", "C"),
    ]);
    git.stdin(Stdio::null());
    git
}

/// Says what a command printed, both ways.
pub fn said(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!("{}{}", String::from_utf8_lossy(out), String::from_utf8_lossy(err))
}

impl Place {
    /// Makes an empty repository in `dir`.
    pub fn init(dir: &Path, hash_kind: HashKind) -> Place {
        let place = Place { git_dir: dir.join("repo.git"), hash_kind, has_reflogs: true };
        let format = match hash_kind {
            HashKind::Sha1 => "--object-format=sha1",
            HashKind::Sha256 => "--object-format=sha256",
        };
        let mut git = git_in(dir);
        git.args(["init", "--quiet", "--bare", "--template=", format]);
        let output = git.arg("repo.git").output().expect("git runs");
        assert!(output.status.success(), "{}", said(&output));
        place
    }

    /// Runs git here.
    pub fn git(&self, args: &[&str]) -> Output {
        git_in(&self.git_dir).args(args).output().expect("git runs")
    }

    /// Runs git here, which must succeed; returns its answer without the final line end.
    pub fn ok(&self, args: &[&str]) -> String {
        let output = self.git(args);
        assert!(output.status.success(), "git {args:?}: {}", said(&output));
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    /// Returns what `git fsck` finds; empty if all is well.
    pub fn faults(&self) -> String {
        let output = self.git(&["fsck", "--strict", "--no-dangling", "--no-progress"]);
        let text = said(&output);
        let lines = text.lines().filter(|line| !line.starts_with("notice: "));
        let faults: Vec<_> = lines.collect();
        if faults.is_empty() && !output.status.success() {
            return output.status.to_string();
        }
        faults.join("\n")
    }

    /// Asks git whether all is well.
    pub fn assert_sound(&self) {
        assert_eq!(self.faults(), "");
    }

    /// Returns the writer for this place.
    pub fn writer<'m>(&self, medium: &'m dyn Medium) -> Writer<'m> {
        Writer {
            medium,
            objects_dir: self.git_dir.join("objects"),
            git_dir: self.git_dir.clone(),
            refs: RefStore {
                common_dir: self.git_dir.clone(),
                hash_kind: self.hash_kind,
                shared: SharedMode::Umask,
                lock_timeout: Duration::ZERO,
            },
        }
    }

    /// Returns the blob, tree and commit of one event.
    pub fn event(&self, seq: u32, parent: Option<Oid>) -> [Object; 3] {
        self.event_of("", seq, parent)
    }

    /// Returns the same for a certain session.
    fn event_of(&self, name: &str, seq: u32, parent: Option<Oid>) -> [Object; 3] {
        let object =
            |kind, data: Vec<u8>| Object::new(self.hash_kind, kind, data).expect("no collision");
        let blob = object(Kind::Blob, format!("name: '{name}'\nseq: {seq}\n").into_bytes());
        let mut entry = b"100644 session.yaml\0".to_vec();
        entry.extend_from_slice(blob.oid.as_bytes());
        let tree = object(Kind::Tree, entry);
        let parent = parent.map_or(String::new(), |oid| format!("parent {oid}\n"));
        let who = "C O Mitter <committer@example.com> 1700000000 +0000";
        let commit =
            format!("tree {}\n{parent}author {who}\ncommitter {who}\n\nevent {seq}\n", tree.oid);
        let commit = object(Kind::Commit, commit.into_bytes());
        [blob, tree, commit]
    }

    /// Writes the next event of a session as a process would: lock, read, write.
    pub fn put(&self, medium: &dyn Medium, name: &str, seq: u32) -> Result<Written, WriteError> {
        self.put_at(medium, name, seq, SystemTime::now())
    }

    /// As [`Place::put`], at another time.
    pub fn put_at(
        &self,
        medium: &dyn Medium,
        name: &str,
        seq: u32,
        now: SystemTime,
    ) -> Result<Written, WriteError> {
        self.put_as(medium, name, seq, now, &token())
    }

    /// Writes the event `seq` under a token of the caller's, on which the pack's name depends.
    pub fn put_as(
        &self,
        medium: &dyn Medium,
        name: &str,
        seq: u32,
        now: SystemTime,
        token: &str,
    ) -> Result<Written, WriteError> {
        let writer = self.writer(medium);
        let held = writer.lock(7, Duration::from_secs(5))?;
        let expected = writer.tip(name)?;
        let objects = self.event_of(name, seq, expected);
        let wanted = update(name, expected, objects[2].oid, now);
        writer.write(
            &held,
            &Write {
                objects: &objects,
                update: RefUpdate { reflog: wanted.reflog.filter(|_| self.has_reflogs), ..wanted },
                token,
            },
        )
    }

    /// Returns the seq of the session's tip, as git reads it.
    pub fn seq(&self, name: &str) -> Option<u32> {
        let output = self.git(&["cat-file", "blob", &format!("{name}:session.yaml")]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let seq = text.lines().find_map(|line| line.strip_prefix("seq: "))?;
        seq.parse().ok().filter(|_| output.status.success())
    }

    /// Returns the files under a directory of the repository, sorted.
    pub fn files(&self, dir: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.git_dir.join(dir));
        let mut names: Vec<_> = entries
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}

/// Returns a ref's move with a fixed reflog.
pub fn update(name: &str, expected: Option<Oid>, new: Oid, now: SystemTime) -> RefUpdate<'_> {
    RefUpdate {
        name,
        expected,
        new,
        reflog: Some(Reflog {
            name: "C O Mitter",
            email: "committer@example.com",
            seconds: 1_700_000_000,
            offset_minutes: 0,
            message: "session: event",
        }),
        now,
        is_child: &|_| true,
    }
}
