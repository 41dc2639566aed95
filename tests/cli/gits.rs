//! Gits of two versions: one that runs hooks that are files, and one that runs those of its configuration, too.

use std::path::{Path, PathBuf};

use super::harness::{TestRepo, executable};

/// The events that hooks are installed for.
pub const EVENTS: [&str; 7] = [
    "prepare-commit-msg",
    "commit-msg",
    "post-commit",
    "post-checkout",
    "post-merge",
    "post-rewrite",
    "pre-push",
];

/// Which git is to be met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Git {
    /// One that runs hooks that are files only.
    Old,
    /// One that runs hooks of its configuration as well.
    New,
}

/// Puts a `git` into a directory that says its version, and runs hooks of the configuration if it is new and the one
/// that is installed does not; returns the directory.
pub fn put_git(repo: &TestRepo, git: Git) -> PathBuf {
    let bin = repo.home.path().join(format!("{git:?} git"));
    let path = std::env::var_os("PATH").expect("a PATH");
    let real = std::env::split_paths(&path).map(|dir| dir.join("git")).find(|it| it.is_file());
    let real = real.expect("git").display().to_string();
    let version = if git == Git::New { "2.54.0" } else { "2.53.1" };
    let run = format!("exec '{real}' -c core.hooksPath='{}' \"$@\"", bin.join("hooks").display());
    let run = if is_played(git) { run } else { format!("exec '{real}' \"$@\"") };
    let script = format!(
        "#!/bin/sh\ncase $1 in\nversion) echo 'git version {version}' ;;\n\
         commit | checkout | switch | merge | rebase | push) {run} ;;\n*) exec '{real}' \"$@\" ;;\nesac\n"
    );
    executable(&bin.join("git"), &script);
    // As git-hook(1) has it: those of the configuration in their order, each with its own input; the file last.
    let all = format!(
        "#!/bin/sh\nevent=${{0##*/}}\ninput=/dev/null\n\
         case $event in pre-push | post-rewrite) input=$(mktemp); cat >\"$input\" ;; esac\n\
         common=$('{real}' rev-parse --git-common-dir)\n\
         for name in $('{real}' config --get-regexp '^hook[.].*[.]event$' \"^$event$\" | sed 's/[.]event .*//'); do\n\
         command=$('{real}' config \"$name.command\")\n\
         if [ $# -gt 0 ]; then sh -c \"$command \\\"\\$@\\\"\" \"$command\" \"$@\" <\"$input\" || exit 1\n\
         else sh -c \"$command\" \"$command\" <\"$input\" || exit 1; fi\ndone\n\
         [ ! -x \"$common/hooks/$event\" ] || exec \"$common/hooks/$event\" \"$@\" <\"$input\"\n"
    );
    EVENTS.iter().for_each(|event| executable(&bin.join("hooks").join(event), &all));
    bin
}

/// Tells whether a git is played by scripts, since the one that is installed runs no hooks of its configuration. Source:
/// its release notes.
pub fn is_played(git: Git) -> bool {
    let told = std::process::Command::new("git").arg("version").output().expect("git runs");
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    let numbers = told.split([' ', '.']).filter_map(|it| it.parse::<u32>().ok());
    git == Git::New && numbers.take(2).collect::<Vec<_>>() < vec![2, 54]
}

/// Returns the `PATH` with directories before it, and without one that knows the program.
pub fn path_with(first: &[&Path]) -> std::ffi::OsString {
    let usual = std::env::var_os("PATH").expect("a PATH");
    let usual = std::env::split_paths(&usual).filter(|dir| !dir.join("git-session").exists());
    let first = first.iter().map(|dir| (*dir).to_owned());
    std::env::join_paths(first.chain(usual)).expect("a PATH")
}
