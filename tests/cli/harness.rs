//! Repositories to run the program in, cut off from everything else, and git to judge them.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::hash::Hasher as _;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

/// The program.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_git-session");
/// The moment of the first command, in seconds since 1970: 2026-01-07T13:00:00Z.
pub const BEGINNING: u64 = 1_767_790_800;
/// An id that no test repository makes by itself.
pub const ID: &str = "0199f0c2-1c4d-7abc-8def-0123456789af";
/// Another one.
pub const OTHER_ID: &str = "0199f0c2-1c4d-7abc-8def-0123456789ae";

/// A kind of repository: how objects are named, and how refs are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// `sha1` or `sha256`.
    pub hash: &'static str,
    /// `files` or `reftable`.
    pub refs: &'static str,
}

/// The kind that most tests use.
pub const PLAIN: Kind = Kind { hash: "sha1", refs: "files" };

/// Returns the kinds of repositories that the installed git can make.
pub fn kinds() -> &'static [Kind] {
    static KINDS: OnceLock<Vec<Kind>> = OnceLock::new();
    KINDS.get_or_init(|| {
        let mut kinds = Vec::new();
        for refs in ["files", "reftable"] {
            for hash in ["sha1", "sha256"] {
                let kind = Kind { hash, refs };
                let dir = scratch();
                if init(dir.path(), kind, &[]).output().is_ok_and(|it| it.status.success()) {
                    kinds.push(kind);
                } else {
                    eprintln!("skipped: this git makes no {hash} repository with {refs} refs");
                }
            }
        }
        kinds
    })
}

/// Runs `body` in a repository with one commit, of each kind, and lets git judge it each time.
pub fn for_each_kind(body: impl Fn(&TestRepo)) {
    for kind in kinds() {
        let repo = TestRepo::of(*kind);
        eprintln!("{kind:?}");
        body(&repo);
        repo.check();
    }
}

/// Returns a directory that vanishes with the value, in memory where that is possible.
pub fn scratch() -> TempDir {
    let memory = Path::new("/dev/shm");
    let parent = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    tempfile::Builder::new().prefix("git-session-cli-").tempdir_in(parent).expect("a directory")
}

/// Returns the command that makes a repository.
fn init(dir: &Path, kind: Kind, more: &[&str]) -> Command {
    let mut git = Command::new("git");
    isolate(&mut git, dir);
    let hash = format!("--object-format={}", kind.hash);
    let refs = format!("--ref-format={}", kind.refs);
    git.args(["init", "-q", "-b", "main", "--template=", &hash]);
    // The option is younger than the format that it names.
    if kind.refs != "files" {
        git.arg(&refs);
    }
    git.args(more).arg(dir).stdout(Stdio::null()).stderr(Stdio::null());
    git
}

/// Lets git do nothing behind our backs. The settings are as old as they may be: the shell of a hook looks.
fn settle_git(home: &Path) {
    let settings = home.join(".gitconfig");
    fs::write(&settings, "[maintenance]\n\tauto = false\n").expect("written");
    let settings = fs::File::options().write(true).open(settings).expect("a file");
    settings.set_modified(std::time::UNIX_EPOCH).expect("a time");
}

/// Cuts a command off from the user's environment and configuration.
fn isolate(command: &mut Command, home: &Path) {
    let path = std::env::var_os("PATH").unwrap_or_default();
    command.env_clear().env("PATH", path).env("HOME", home).envs([
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("TZ", "UTC"),
        ("LC_ALL", "C"),
        // No test depends on how busy the machine is.
        ("GIT_SESSION_HOOK_TIMEOUT", "60000"),
    ]);
}

/// A repository, the directories around it, and a clock.
pub struct TestRepo {
    /// Holds everything; also `HOME`.
    pub home: TempDir,
    /// The directory that commands run in: the top of the work tree, or the bare repository.
    pub root: PathBuf,
    /// The shared git directory.
    pub git_dir: PathBuf,
    clock: Cell<u64>,
    environment: RefCell<Vec<(String, String)>>,
    is_damaged: Cell<bool>,
}

impl TestRepo {
    /// Makes a repository with one commit on `main`.
    pub fn new() -> TestRepo {
        TestRepo::of(PLAIN)
    }

    /// The same, where nothing goes on after the call of an agent has ended.
    pub fn without_checkpoints() -> TestRepo {
        TestRepo::new().and_no_checkpoints()
    }

    /// Lets no turn of an agent end with a checkpoint, which is taken in the background.
    pub fn and_no_checkpoints(self) -> TestRepo {
        self.git(&["config", "session.autoCheckpoint", "false"]);
        self
    }

    /// A repository of a kind, with one commit on `main`.
    pub fn of(kind: Kind) -> TestRepo {
        let repo = TestRepo::at("repo");
        for (name, contents) in template(kind) {
            let path = repo.root.join(name);
            match contents {
                None => fs::create_dir(path).expect("a directory"),
                Some(contents) => fs::write(path, contents).expect("a file"),
            }
        }
        repo
    }

    /// Makes a repository without any commit.
    pub fn unborn(kind: Kind) -> TestRepo {
        let repo = TestRepo::at("repo");
        assert!(init(&repo.root, kind, &[]).status().expect("git").success());
        repo
    }

    /// Makes a bare repository without any commit.
    pub fn bare(kind: Kind) -> TestRepo {
        let mut repo = TestRepo::at("repo.git");
        repo.git_dir = repo.root.clone();
        assert!(init(&repo.root, kind, &["--bare"]).status().expect("git").success());
        repo
    }

    fn at(name: &str) -> TestRepo {
        let home = scratch();
        settle_git(home.path());
        let root = home.path().join(name);
        fs::create_dir(&root).expect("a directory");
        TestRepo {
            git_dir: root.join(".git"),
            root,
            home,
            clock: Cell::new(0),
            environment: RefCell::default(),
            is_damaged: Cell::new(false),
        }
    }

    /// Takes HEAD off its branch.
    pub fn detach(&self) {
        self.git(&["checkout", "-q", "--detach"]);
    }

    /// Adds a linked work tree on a new branch, beside the repository; returns its path.
    pub fn worktree(&self, name: &str) -> PathBuf {
        let path = self.home.path().join(name);
        self.git(&["worktree", "add", "-q", "-b", name, &path.to_string_lossy()]);
        path
    }

    /// Sets a variable for all commands from now on.
    pub fn set_env(&self, name: &str, value: &str) {
        self.environment.borrow_mut().push((name.to_owned(), value.to_owned()));
    }

    /// Gives the user a name.
    pub fn with_identity(self) -> TestRepo {
        for (name, value) in [
            ("GIT_AUTHOR_NAME", "A U Thor"),
            ("GIT_AUTHOR_EMAIL", "author@example.com"),
            ("GIT_COMMITTER_NAME", "C O Mitter"),
            ("GIT_COMMITTER_EMAIL", "committer@example.com"),
        ] {
            self.set_env(name, value);
        }
        self
    }

    /// Says that git will find faults, since a test put them there.
    pub fn damaged(&self) {
        self.is_damaged.set(true);
    }

    /// Lets time pass, in seconds.
    pub fn wait(&self, seconds: u64) {
        self.clock.set(self.clock.get() + seconds);
    }

    /// Returns the moment of the last command, as it is recorded.
    pub fn now(&self) -> String {
        moment(BEGINNING + self.clock.get())
    }

    /// Begins a command of the program; the clock goes on by a second.
    pub fn cmd<S: AsRef<OsStr>>(&self, args: &[S]) -> Cmd<'_> {
        self.clock.set(self.clock.get() + 1);
        let mut command = Command::new(PROGRAM);
        isolate(&mut command, self.home.path());
        command.env("GIT_SESSION_TEST_NOW", self.now()).env("GIT_SESSION_TEST_SEED", "7");
        command.envs(self.environment.borrow().iter().cloned());
        command.current_dir(&self.root).args(args);
        Cmd { repo: self, command, input: None }
    }

    /// Runs the program.
    pub fn run<S: AsRef<OsStr>>(&self, args: &[S]) -> Output {
        self.cmd(args).run()
    }

    /// Runs the program with standard input.
    pub fn feed(&self, args: &[&str], input: &str) -> Output {
        self.cmd(args).input(input).run()
    }

    /// Makes a session and returns it as JSON.
    pub fn create(&self, args: &[&str]) -> Value {
        self.run(&[&["create", "--json"], args].concat()).json()
    }

    /// Starts a session and returns it as JSON.
    pub fn start(&self, args: &[&str]) -> Value {
        self.run(&[&["start", "--json"], args].concat()).json()
    }

    /// Returns a session as `show --json` has it.
    pub fn show(&self, session: &str) -> Value {
        self.run(&["show", "--json", session]).json()
    }

    /// Returns what a session recorded of its commits, in the order of their ids.
    pub fn links(&self, id: &str) -> Vec<Value> {
        self.settle();
        let session = format!("refs/sessions/{id}");
        let files = self.git(&["ls-tree", "-r", "--name-only", &session, "commits/"]);
        let read = |file: &str| self.git(&["show", &format!("{session}:{file}")]);
        let text: String = files.lines().map(|file| read(file) + "\n").collect();
        let mut links: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        links.sort_by_key(|link| link["commit"].to_string());
        links
    }

    /// Returns the sessions of a list in order, by title.
    pub fn titles(&self, args: &[&str]) -> Vec<String> {
        let listing = self.run(&[&["list", "--json"], args].concat()).json();
        texts(&listing["sessions"], "title")
    }

    /// Returns a `git` that works in the repository as somebody else.
    pub fn git_command(&self, args: &[&str]) -> Command {
        let mut git = Command::new("git");
        isolate(&mut git, self.home.path());
        let at = format!("{} +0000", BEGINNING - 1000);
        git.current_dir(&self.root).args(args).envs([
            ("GIT_AUTHOR_NAME", "Some Body"),
            ("GIT_AUTHOR_EMAIL", "somebody@example.com"),
            ("GIT_COMMITTER_NAME", "Some Body"),
            ("GIT_COMMITTER_EMAIL", "somebody@example.com"),
            ("GIT_AUTHOR_DATE", &at),
            ("GIT_COMMITTER_DATE", &at),
        ]);
        git
    }

    /// Runs git, which must succeed, and returns what it says.
    pub fn git(&self, args: &[&str]) -> String {
        let output = Output::of(self.git_command(args), None);
        assert_eq!(output.status, 0, "git {args:?}: {}", output.stderr);
        output.stdout.trim_end().to_owned()
    }

    /// Runs git with standard input; it must succeed.
    pub fn git_feed(&self, args: &[&str], input: &[u8]) -> String {
        let output = Output::of(self.git_command(args), Some(input.to_vec()));
        assert_eq!(output.status, 0, "git {args:?}: {}", output.stderr);
        output.stdout.trim_end().to_owned()
    }

    /// Returns what a revision names, or nothing.
    pub fn rev(&self, revision: &str) -> String {
        let output = Output::of(self.git_command(&["rev-parse", "-q", "--verify", revision]), None);
        output.stdout.trim_end().to_owned()
    }

    /// Returns all refs with what they name, symbolic ones with their targets.
    pub fn refs(&self) -> String {
        let format = "--format=%(refname) %(objectname) %(symref)";
        Output::of(self.git_command(&["for-each-ref", format]), None).stdout
    }

    /// Writes a file below the work tree and returns its path.
    pub fn write(&self, path: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().expect("below the root")).expect("a directory");
        fs::write(&path, contents).expect("a file");
        path
    }

    /// Writes a script beside the repository and returns its path.
    pub fn script(&self, name: &str, text: &str) -> String {
        let path = self.home.path().join(name);
        executable(&path, text);
        path.to_string_lossy().into_owned()
    }

    /// Makes a session's ref name a commit that holds just this record.
    pub fn plant(&self, id: &str, record: &[u8]) {
        let blob = self.git_feed(&["hash-object", "-w", "--stdin"], record);
        let lifecycle = self.run(&["lifecycle", "show", "worker", "--yaml"]).ok().stdout;
        let lifecycle = self.git_feed(&["hash-object", "-w", "--stdin"], lifecycle.as_bytes());
        let tree =
            format!("100644 blob {lifecycle}\tlifecycle.yaml\n100644 blob {blob}\tsession.yaml\n");
        let tree = self.git_feed(&["mktree"], tree.as_bytes());
        let commit = self.git(&["commit-tree", "-m", "planted", &tree]);
        self.git(&["update-ref", &format!("refs/sessions/{id}"), &commit]);
    }

    /// Returns what is below the git directory: each path with kind, size, time and contents.
    pub fn listing(&self) -> BTreeMap<PathBuf, String> {
        let mut all = BTreeMap::new();
        walk(&self.git_dir, &mut |path, meta| {
            let contents = if meta.is_file() { fs::read(path).unwrap_or_default() } else { vec![] };
            let mut hasher = std::hash::DefaultHasher::new();
            hasher.write(&contents);
            let sum = hasher.finish();
            let (seconds, nanos) = (meta.mtime(), meta.mtime_nsec());
            let line = format!("{:o} {} {seconds}.{nanos} {sum:x}", meta.mode(), meta.len());
            all.insert(path.to_owned(), line);
        });
        all
    }

    /// Returns the locks and unfinished files that somebody left below the git directory.
    pub fn leftovers(&self) -> Vec<PathBuf> {
        let mut left = Vec::new();
        walk(&self.git_dir, &mut |path, meta| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            // The leases' own lock is a file that stays, and is locked by the kernel.
            let is_lock = name.ends_with(".lock") && name != ".lock";
            let is_left = is_lock || name.starts_with("tmp_");
            if meta.is_file() && (is_left || name.ends_with(".keep")) {
                left.push(path.to_owned());
            }
        });
        left
    }

    /// Waits for what a hook writes after git has gone on, as any command does.
    pub fn settle(&self) {
        let linked = fs::read_dir(self.git_dir.join("worktrees")).into_iter().flatten().flatten();
        let mut dirs = linked.map(|it| it.path()).chain([self.git_dir.clone()]);
        let is_left = |dir: &Path| {
            let mut following = fs::read_dir(dir.join("following")).into_iter().flatten();
            let mut notes = ["running", "starting"].iter().map(|name| dir.join(name));
            notes.any(|it| it.exists()) || following.next().is_some()
        };
        if dirs.any(|dir| is_left(&dir.join("session"))) {
            self.run(&["list"]);
        }
    }

    /// Lets git judge the repository.
    pub fn check(&self) {
        self.settle();
        if self.is_damaged.get() {
            return;
        }
        let args = ["fsck", "--strict", "--no-dangling", "--no-progress"];
        let output = Output::of(self.git_command(&args), None);
        let said = format!("{}{}", output.stdout, output.stderr);
        let is_news = |line: &&str| !line.starts_with("notice: ");
        let news: Vec<&str> = said.lines().filter(is_news).collect();
        assert_eq!((output.status, news), (0, vec![]), "git fsck");
        assert_eq!(self.leftovers(), Vec::<PathBuf>::new());
    }
}

impl Drop for TestRepo {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.check();
        }
    }
}

/// A command of the program.
pub struct Cmd<'a> {
    repo: &'a TestRepo,
    /// The process to be.
    pub command: Command,
    input: Option<Vec<u8>>,
}

impl Cmd<'_> {
    /// Sets a variable.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Chooses the directory, from the root of the repository.
    pub fn dir(mut self, dir: impl AsRef<Path>) -> Self {
        self.command.current_dir(self.repo.root.join(dir));
        self
    }

    /// Gives standard input.
    pub fn input(mut self, input: impl AsRef<[u8]>) -> Self {
        self.input = Some(input.as_ref().to_vec());
        self
    }

    /// Runs it.
    pub fn run(self) -> Output {
        Output::of(self.command, self.input)
    }
}

/// What a command said.
#[derive(Debug, Clone)]
pub struct Output {
    /// Standard output, as text.
    pub stdout: String,
    /// Standard error, as text.
    pub stderr: String,
    /// The exit status; that of a signal as a shell has it.
    pub status: i32,
    /// The command, for messages.
    line: String,
}

impl Output {
    /// Runs a command to its end.
    pub fn of(mut command: Command, input: Option<Vec<u8>>) -> Output {
        use std::os::unix::process::ExitStatusExt;
        let stdin = if input.is_some() { Stdio::piped() } else { Stdio::null() };
        command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        let line = format!("{:?}", command.get_args().collect::<Vec<_>>());
        let line = line.chars().take(300).collect();
        let mut child = command.spawn().expect("a program");
        let mut stdin = child.stdin.take();
        let writing = std::thread::spawn(move || {
            if let (Some(stdin), Some(input)) = (&mut stdin, input) {
                let _ = stdin.write_all(&input);
            }
        });
        let output = child.wait_with_output().expect("it ran");
        writing.join().expect("it was fed");
        let signal = || output.status.signal().map(|signal| 128 + signal);
        Output {
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            status: output.status.code().or_else(signal).expect("it ended"),
            line,
        }
    }

    /// Checks that it was done.
    #[track_caller]
    pub fn ok(self) -> Output {
        self.exits(0)
    }

    /// Checks the exit status.
    #[track_caller]
    pub fn exits(self, status: i32) -> Output {
        assert_eq!(self.status, status, "{}\n{}{}", self.line, self.stdout, self.stderr);
        self
    }

    /// Checks that it was refused, with nothing on standard output; returns what it said.
    #[track_caller]
    pub fn refused(self) -> String {
        let output = self.exits(1);
        assert_eq!(output.stdout, "", "{}", output.line);
        output.stderr
    }

    /// Returns the answer, which must be one line of JSON.
    #[track_caller]
    pub fn json(self) -> Value {
        let output = self.exits(0);
        let text = output.stdout.strip_suffix('\n').expect("a whole line");
        assert!(!text.contains('\n'), "one document on one line: {text}");
        serde_json::from_str(text).expect("JSON")
    }

    /// Returns the answer, one JSON object a line.
    #[track_caller]
    pub fn json_lines(self) -> Vec<Value> {
        let output = self.exits(0);
        output.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// Returns the error of a refused command with `--json`: the last line of standard error, with
    /// nothing on standard output.
    #[track_caller]
    pub fn error(self, status: i32, code: &str) -> Value {
        let output = self.exits(status);
        assert_eq!(output.stdout, "", "{}", output.line);
        assert!(output.stderr.ends_with('\n'), "{}", output.stderr);
        let last = output.stderr.lines().last().expect("a line");
        let error: Value = serde_json::from_str(last).expect("JSON is the last line");
        let error = error["error"].clone();
        assert_eq!(error["code"], code, "{} {error}", output.line);
        assert!(error["message"].as_str().is_some_and(|it| !it.is_empty()), "{error}");
        assert!(error["details"].is_object(), "{error}");
        error
    }
}

/// Returns a moment as it is recorded.
pub fn moment(seconds: u64) -> String {
    let days = seconds / 86400;
    // Source: Howard Hinnant, "chrono-compatible low-level date algorithms".
    let z = days + 719_468;
    let (era, doe) = (z / 146_097, z % 146_097);
    let yoe = (doe - doe / 1460 + doe / 36524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let (day, month) = (doy - (153 * mp + 2) / 5 + 1, if mp < 10 { mp + 3 } else { mp - 9 });
    let year = yoe + era * 400 + u64::from(month <= 2);
    let (h, m, s) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{h:02}:{m:02}:{s:02}.000000Z")
}

/// Returns the values of a key in a list of objects, as text.
pub fn texts(list: &Value, key: &str) -> Vec<String> {
    let list = list.as_array().expect("a list");
    list.iter().map(|it| it[key].as_str().expect("text").to_owned()).collect()
}

/// Returns the text of a JSON value.
#[track_caller]
pub fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

/// Writes an executable file.
pub fn executable(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
    fs::write(path, text).expect("a file");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("permissions");
}

/// Tells whether a program is installed.
pub fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| dir.join(program).is_file())
}

/// The files of a repository: paths from its root, with contents; `None` for a directory.
type Files = Vec<(PathBuf, Option<Vec<u8>>)>;

/// Returns the files of a repository with one commit.
fn template(kind: Kind) -> &'static Files {
    static ALL: OnceLock<Vec<(Kind, Files)>> = OnceLock::new();
    let all = ALL.get_or_init(|| {
        let make = |kind: &Kind| {
            let repo = TestRepo::unborn(*kind);
            repo.git(&["commit", "-q", "--allow-empty", "-m", "root"]);
            let mut files = Files::new();
            walk(&repo.root, &mut |path, meta| {
                let name = path.strip_prefix(&repo.root).expect("below").to_owned();
                let contents = (!meta.is_dir()).then(|| fs::read(path).expect("a file"));
                files.push((name, contents));
            });
            (*kind, files)
        };
        kinds().iter().map(make).collect()
    });
    let found = all.iter().find(|(it, _)| *it == kind);
    &found.expect("a kind that git knows").1
}

/// Returns the files below a directory, in the order of their paths.
pub fn files_below(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    walk(dir, &mut |path, meta| files.extend(meta.is_file().then(|| path.to_owned())));
    files.sort();
    files
}

fn walk(dir: &Path, visit: &mut dyn FnMut(&Path, &fs::Metadata)) {
    let Ok(entries) = dir.read_dir() else { return };
    for entry in entries.flatten() {
        let Ok(meta) = entry.path().symlink_metadata() else {
            continue;
        };
        visit(&entry.path(), &meta);
        if meta.is_dir() {
            walk(&entry.path(), visit);
        }
    }
}
