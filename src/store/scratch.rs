//! A place beside the repository where git works for us: an index of its own, and objects that nobody
//! else sees. It goes with the value.

use std::ffi::OsString;
use std::fs::{self, File, FileTimes};
use std::io::{self, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, SystemTime};

use super::{Store, StoreError, git};

/// What the names of such directories begin with, below `session` of a git directory.
const PREFIX: &str = "checkpoint-";
/// How old a directory must be before it may be one that a dead process left.
const LEFT_AGE: Duration = Duration::from_secs(10 * 60);

/// A directory for one piece of work.
pub(super) struct Scratch {
    dir: PathBuf,
    /// The top of the work tree.
    pub(super) work_dir: PathBuf,
    git_dir: PathBuf,
    /// Locked as long as the value lives: what nobody has locked belongs to a dead process.
    _locked: File,
}

impl Scratch {
    /// Makes one for the work tree at `work_dir`, with a copy of this work tree's index if
    /// `with_index`.
    pub(super) fn new(
        store: &Store,
        work_dir: &Path,
        with_index: bool,
    ) -> Result<Scratch, StoreError> {
        store.check_writable()?;
        let all = store.git_dir.join("session");
        let dir = all.join(format!("{PREFIX}{}", store.tokens.next()));
        let make = || -> io::Result<Scratch> {
            fs::create_dir_all(&all)?;
            sweep(&all, store.tokens.started_at);
            fs::create_dir(&dir)?;
            fs::create_dir(dir.join("objects"))?;
            let locked = File::open(&dir)?;
            // Without flock on this file system age alone protects the directory.
            let _ = locked.try_lock();
            let (dir, work_dir) = (dir.clone(), work_dir.to_owned());
            let git_dir = store.git_dir.clone();
            Ok(Scratch { dir, work_dir, git_dir, _locked: locked })
        };
        let doing = || format!("cannot make '{}'", dir.display());
        let scratch = make().map_err(|error| StoreError::io(doing(), &error))?;
        if with_index {
            let from = store.git_dir.join("index");
            copy_index(&from, &scratch.index()).map_err(|error| {
                StoreError::io(format!("cannot copy '{}'", from.display()), &error)
            })?;
        }
        Ok(scratch)
    }

    /// Returns where new objects are put.
    pub(super) fn objects(&self) -> PathBuf {
        self.dir.join("objects")
    }

    fn index(&self) -> PathBuf {
        self.dir.join("index")
    }

    /// Returns a `git` that reads the repository's objects and writes here.
    pub(super) fn git(&self, store: &Store) -> Command {
        let mut git = git::command_in(store, &self.git_dir, &self.work_dir);
        git.env("GIT_INDEX_FILE", self.index())
            .env("GIT_OBJECT_DIRECTORY", self.objects())
            .env("GIT_ALTERNATE_OBJECT_DIRECTORIES", quoted(&store.common_dir.join("objects")))
            .env("GIT_OPTIONAL_LOCKS", "0");
        for setting in SETTINGS {
            git.args(["-c", setting]);
        }
        git
    }

    /// Runs such a git with something to read, however long it takes.
    pub(super) fn run(
        &self,
        mut git: Command,
        input: &[u8],
        doing: &str,
    ) -> Result<Vec<u8>, StoreError> {
        let output =
            feed(&mut git, input).map_err(|error| StoreError::io("cannot run git", &error))?;
        git::expect_success(&output, doing)?;
        Ok(output.stdout)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.dir) {
            tracing::debug!(path = %self.dir.display(), %error, "a directory stays");
        }
    }
}

/// What is the same for all work here: no program of the repository's choice watches files, the index is
/// one file, a conversion of line ends is no reason to fail, and nothing here has to last.
const SETTINGS: [&str; 7] = [
    "core.fsmonitor=false",
    "core.splitIndex=false",
    "core.safecrlf=false",
    "core.fsync=none",
    "core.looseCompression=0",
    "core.bigFileThreshold=4g",
    "index.skipHash=true",
];

/// Copies an index with its time: by that git knows which files may have changed since unnoticed.
fn copy_index(from: &Path, to: &Path) -> io::Result<()> {
    match fs::copy(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        copied => copied?,
    };
    let modified_at = from.metadata()?.modified()?;
    let copy = File::options().write(true).open(to)?;
    copy.set_times(FileTimes::new().set_modified(modified_at))
}

/// Removes what dead processes left.
fn sweep(all: &Path, now: SystemTime) {
    for entry in all.read_dir().into_iter().flatten().flatten() {
        let is_old = |modified_at| now.duration_since(modified_at).is_ok_and(|it| it >= LEFT_AGE);
        if !entry.file_name().as_bytes().starts_with(PREFIX.as_bytes())
            || !entry.metadata().and_then(|it| it.modified()).is_ok_and(is_old)
        {
            continue;
        }
        if File::open(entry.path()).is_ok_and(|dir| dir.try_lock().is_ok()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Returns a path as git wants it in a list with colons. Source: git(1),
/// `GIT_ALTERNATE_OBJECT_DIRECTORIES`.
fn quoted(path: &Path) -> OsString {
    let mut quoted = vec![b'"'];
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'"' | b'\\' => quoted.extend([b'\\', *byte]),
            b'\n' => quoted.extend(b"\\n"),
            byte => quoted.push(*byte),
        }
    }
    quoted.push(b'"');
    OsString::from_vec(quoted)
}

fn feed(git: &mut Command, input: &[u8]) -> io::Result<Output> {
    git.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = git.spawn()?;
    let stdin = child.stdin.take();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            // A child that does not read what it is given says why by its status.
            stdin.map(|mut stdin| stdin.write_all(input))
        });
        child.wait_with_output()
    })
}
