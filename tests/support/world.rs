//! A hermetic place to run commands in, with a clock and ids that are always the same.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// The program.
pub const BINARY: &str = env!("CARGO_BIN_EXE_git-session");

/// Returns a variable of the environment.
#[expect(clippy::disallowed_methods, reason = "a test asks for what the developer set")]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// A home with one empty repository, a clock that goes on a minute with each command, and ids that
/// are always the same.
pub struct World {
    /// The home directory, above the repository `project`.
    pub home: TempDir,
    n_commands: usize,
}

impl World {
    /// Makes one.
    pub fn new() -> World {
        let home = tempfile::tempdir().expect("a temporary directory");
        let config = "[user]\nname = Ada\nemail = ada@example.com\n[init]\ndefaultBranch = main\n\
                      [maintenance]\nauto = false\n";
        fs::write(home.path().join(".gitconfig"), config).expect("written");
        let mut world = World { home, n_commands: 0 };
        let made = world.run(
            "mkdir $HOME/project && git init -q $HOME/project && cd $HOME/project && \
                              git commit -q --allow-empty -m 'Begin'",
        );
        assert!(made.status.success(), "{}", said(&made));
        world
    }

    /// Runs a line of shell in the repository.
    pub fn run(&mut self, line: &str) -> Output {
        let project = self.home.path().join("project");
        let dir = if project.is_dir() { project } else { self.home.path().to_owned() };
        let bin = Path::new(BINARY).parent().expect("a file is in a directory").display();
        let path = variable("PATH").unwrap_or_default();
        let (hour, minute) = (9 + self.n_commands / 60, self.n_commands % 60);
        let now = format!("2026-01-07T{hour:02}:{minute:02}:00.119275Z");
        self.n_commands += 1;
        let home = self.home.path();
        Command::new("sh")
            .args(["-c", line])
            .current_dir(dir)
            .env_clear()
            .env("HOME", home)
            .env("PATH", format!("{bin}:{path}"))
            .env("LC_ALL", "C")
            .env("GIT_SESSION_HOOK_TIMEOUT", "60000")
            .env("TZ", "UTC")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_PAGER", "cat")
            .env("GIT_AUTHOR_DATE", &now)
            .env("GIT_COMMITTER_DATE", &now)
            .env("GIT_SESSION_TEST_NOW", &now)
            .env("GIT_SESSION_TEST_SEED", "7")
            .output()
            .expect("sh runs")
    }
}

/// Returns what a command printed: the answer, then the narration.
pub fn said(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!("{}{}", String::from_utf8_lossy(out), String::from_utf8_lossy(err))
}
