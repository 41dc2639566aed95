use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use git_session::worker::{Held, Here};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::Value;
use tempfile::TempDir;

/// How long anything may take before a test gives up.
pub const LONG: Duration = Duration::from_secs(30);

const BINARY: &str = env!("CARGO_BIN_EXE_git-session");

/// A home with a repository, and processes that are told to say when they are ready.
pub struct World {
    pub home: TempDir,
}

impl World {
    pub fn new() -> World {
        let home = tempfile::tempdir().expect("a temporary directory");
        let config = "[user]\nname = Ada\nemail = ada@example.com\n[init]\ndefaultBranch = main\n\
                      [maintenance]\nauto = false\n";
        fs::write(home.path().join(".gitconfig"), config).expect("written");
        let world = World { home };
        fs::create_dir(world.project()).expect("made");
        world.git(&["init", "-q"]);
        world.git(&["commit", "-q", "--allow-empty", "-m", "Begin"]);
        world
    }

    pub fn project(&self) -> PathBuf {
        self.home.path().join("project")
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    #[expect(clippy::disallowed_methods, reason = "a test looks for programs where others do")]
    pub fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(self.project())
            .env_clear()
            .env("HOME", self.home.path())
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("LC_ALL", "C")
            .env("GIT_SESSION_HOOK_TIMEOUT", "60000")
            .env("BINARY", BINARY)
            .env("AT", self.home.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub fn git(&self, arguments: &[&str]) -> String {
        let output = self.command("git", arguments).output().expect("git runs");
        assert!(output.status.success(), "git {arguments:?}: {}", said(&output));
        String::from_utf8(output.stdout).expect("text")
    }

    pub fn session(&self, arguments: &[&str]) -> Output {
        self.command(BINARY, arguments).output().expect("the program runs")
    }

    /// Runs a command that must succeed, and returns what it said.
    pub fn ok(&self, arguments: &[&str]) -> String {
        let output = self.session(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", said(&output));
        String::from_utf8([output.stdout, output.stderr].concat()).expect("text")
    }

    pub fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_slice(&self.session(arguments).stdout).expect("JSON")
    }

    /// Returns the one session, ended or not.
    pub fn only(&self) -> Value {
        let listed = self.json(&["list", "--all", "--json"]);
        assert_eq!(listed["corrupt"], serde_json::json!([]));
        assert_eq!(listed["sessions"].as_array().expect("a list").len(), 1, "{listed}");
        listed["sessions"][0].clone()
    }

    /// Returns what is `key` of the one session.
    pub fn word(&self, key: &str) -> String {
        self.only()[key].as_str().unwrap_or("null").to_owned()
    }

    /// Starts an owner whose worker runs a script, and returns once that has said that it is ready, by
    /// `ready`, a function of the shell.
    pub fn owner(&self, arguments: &[&str], script: &str) -> Child {
        self.owner_of(arguments, "sh", script)
    }

    /// The same with another shell.
    pub fn owner_of(&self, arguments: &[&str], shell: &str, script: &str) -> Child {
        let ready = self.path("ready");
        if !ready.exists() {
            let made = self.command("mkfifo", &[&ready.to_string_lossy()]).status();
            assert!(made.expect("mkfifo runs").success());
        }
        let script = format!("ready() {{ echo $$ >\"$AT/ready\"; }}\n{script}");
        let mut all = arguments.to_vec();
        all.extend(["--", shell, "-c", &script]);
        let child = self.spawn(&all);
        self.wait_until_ready();
        child
    }

    /// Waits until the worker is recorded, which is after it was started.
    pub fn wait_until_recorded(&self) {
        until("the worker is recorded", || !self.only()["worker"].is_null());
    }

    /// Starts the program with streams that nobody waits for the end of.
    pub fn spawn(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(BINARY, arguments);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().expect("the program runs")
    }

    /// Waits until a script is ready, and returns its number.
    pub fn wait_until_ready(&self) -> u32 {
        self.wait_for("ready").trim().parse().expect("a number")
    }

    /// Waits for a line from the pipe of this name.
    pub fn wait_for(&self, name: &str) -> String {
        // Also open to write: so it opens at once, and one that never comes is a failure.
        let pipe = fs::OpenOptions::new().read(true).write(true).open(self.path(name));
        let pipe = pipe.expect("a pipe with a name");
        let mut fds = [PollFd::new(&pipe, PollFlags::IN)];
        let time = Timespec { tv_sec: LONG.as_secs() as i64, tv_nsec: 0 };
        assert_eq!(poll(&mut fds, Some(&time)), Ok(1), "nothing comes from '{name}'");
        let mut said = String::new();
        BufReader::new(&pipe).read_line(&mut said).expect("text");
        said
    }

    /// Takes hold of the process whose number is in a file.
    pub fn held(&self, file: &str) -> Held {
        let text = fs::read_to_string(self.path(file)).expect("written");
        let pid = text.trim().parse().expect("a number");
        Held::of(&Here::read(), pid).expect("it lives")
    }

    pub fn lease(&self) -> PathBuf {
        self.project().join(".git/session/leases").join(self.word("id"))
    }

    pub fn check_repository(&self) {
        self.git(&["fsck", "--strict"]);
    }
}

/// Waits until something is so.
pub fn until(what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + LONG;
    while !is_so() {
        assert!(Instant::now() < end, "{what}: not so");
        std::thread::yield_now();
    }
}

/// Takes hold of a child, also beyond its end.
pub fn hold(child: &Child) -> Held {
    Held::of(&Here::read(), child.id()).expect("it lives")
}

/// Tells whether a process has ended, waited for or not.
pub fn is_gone(pid: u32) -> bool {
    Held::of(&Here::read(), pid).is_none()
}

pub fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}\n{}{}", output.status, text(&output.stdout), text(&output.stderr))
}

/// Waits for an owner, and returns its status.
pub fn finish(mut child: Child) -> Option<i32> {
    child.wait().expect("waited for").code()
}

/// Reads a file that must be there.
pub fn read(path: &Path) -> String {
    fs::read_to_string(path).expect("readable")
}
