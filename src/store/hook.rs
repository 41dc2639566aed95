//! Hooks of the user's on events that git does not know, run by git.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::config::Settings;
use super::{Store, StoreError, git};

/// A hook to be run.
#[derive(Debug, Clone, Copy)]
pub struct HookCall<'a> {
    /// Its name, such as `session-end`.
    pub name: &'a str,
    /// What it is called with.
    pub arguments: &'a [&'a str],
    /// What it reads on its standard input.
    pub input: &'a str,
    /// What its environment has beside ours.
    pub environment: &'a [(&'a str, &'a str)],
}

impl Store {
    /// Tells whether a hook may be there, without starting anything: an executable file where git looks
    /// for hooks, or one of the configuration.
    pub fn has_hook(&self, name: &str) -> bool {
        let top = self.work_dir().unwrap_or(&self.git_dir);
        has_hook(&self.common_dir, top, &self.settings, name)
    }

    /// Runs a hook as git runs its own, to its end, however long that takes: at the top of the work tree,
    /// with its standard output on our standard error. Returns its exit status as a shell has it.
    ///
    /// # Errors
    /// [`StoreError::Unsupported`] where nothing must be written, so that no hook is asked in vain;
    /// [`StoreError::Io`] when git cannot be run.
    #[tracing::instrument(skip_all, fields(hook = call.name))]
    pub fn run_hook(&self, call: &HookCall<'_>) -> Result<i32, StoreError> {
        self.check_writable()?;
        let doing = || format!("cannot run the {} hook", call.name);
        let run = || -> io::Result<i32> {
            let Some(mut command) = self.hook_command(call.name)? else { return Ok(0) };
            self.tell_place(&mut command);
            command.args(call.arguments).envs(call.environment.iter().copied());
            command.stdin(self.input_file(call.input)?).stdout(io::stderr());
            let status = command.status()?;
            let of_signal = || status.signal().map_or(1, |signal| 128 + signal);
            Ok(status.code().unwrap_or_else(of_signal))
        };
        run().map_err(|error| StoreError::io(doing(), &error))
    }

    /// Returns the command that runs a hook, but for its arguments; `None` if there is no hook.
    fn hook_command(&self, name: &str) -> io::Result<Option<Command>> {
        let ability = ability()?;
        if !ability.gives_input {
            // A git so old knows no hooks but files, and what a hook reads it would not pass on.
            let file = hooks_dir(&self.common_dir, &self.root(), &self.settings).join(name);
            return Ok(is_executable(&file).then(|| Command::new(file)));
        }
        let mut git = Command::new("git");
        git.args(["hook", "run", "--ignore-missing", "--to-stdin=/dev/stdin"]);
        if ability.takes_any_name {
            git.arg("--allow-unknown-hook-name");
        }
        git.arg(name).arg("--");
        Ok(Some(git))
    }

    /// Makes a command work where we do, and lets it know where that is, as git does with its hooks.
    fn tell_place(&self, command: &mut Command) {
        for name in git::LOCAL_ENVIRONMENT {
            command.env_remove(name);
        }
        command.env("GIT_DIR", &self.git_dir).current_dir(self.root());
        if self.work_dir().is_some() {
            command.env("GIT_WORK_TREE", self.root());
        }
    }

    /// Returns a file with this text that has no name any more, so that nobody can leave it behind. Git
    /// opens it again for each hook, by the name of its own standard input.
    fn input_file(&self, text: &str) -> io::Result<File> {
        let dir = self.local_dir();
        fs::create_dir_all(&dir)?;
        let path = dir.join(format!("hook-{}", self.tokens.next()));
        let mut options = OpenOptions::new();
        let mut file = options.read(true).write(true).create_new(true).mode(0o600).open(&path)?;
        fs::remove_file(&path)?;
        file.write_all(text.as_bytes())?;
        file.rewind()?;
        Ok(file)
    }
}

/// Tells whether a hook may be there. A relative `core.hooksPath` is below `top`.
pub(super) fn has_hook(common_dir: &Path, top: &Path, settings: &Settings, name: &str) -> bool {
    settings.hook_events.iter().any(|event| event == name)
        || is_executable(&hooks_dir(common_dir, top, settings).join(name))
}

fn hooks_dir(common_dir: &Path, top: &Path, settings: &Settings) -> PathBuf {
    match &settings.hooks_path {
        Some(path) => top.join(path),
        None => common_dir.join("hooks"),
    }
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// What `git hook run` can do.
#[derive(Debug, Clone, Copy)]
struct Ability {
    /// It gives a hook something to read (git 2.40).
    gives_input: bool,
    /// It can be told to take names of hooks that are not git's own, and refuses them else (git 2.54).
    takes_any_name: bool,
}

/// Asks git once what it can do, when there is a hook to run.
fn ability() -> io::Result<Ability> {
    static ANSWER: OnceLock<Ability> = OnceLock::new();
    if let Some(known) = ANSWER.get() {
        return Ok(*known);
    }
    let help = Command::new("git").args(["hook", "run", "-h"]).stdin(Stdio::null()).output()?;
    let text = [help.stdout, help.stderr].concat();
    let has = |option: &str| String::from_utf8_lossy(&text).contains(option);
    let known =
        Ability { gives_input: has("to-stdin"), takes_any_name: has("allow-unknown-hook-name") };
    Ok(*ANSWER.get_or_init(|| known))
}
