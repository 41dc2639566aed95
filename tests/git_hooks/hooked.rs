use std::fs::{self, File};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::harness::{PROGRAM, TestRepo, executable, text};

/// What git calls.
const EVENTS: [&str; 6] = [
    "prepare-commit-msg",
    "commit-msg",
    "post-commit",
    "post-checkout",
    "post-rewrite",
    "post-merge",
];

/// Puts hooks in place that do nothing but call the program, so that git waits for each.
pub fn hook_by_hand(repo: &TestRepo) {
    for event in EVENTS {
        let line = format!("#!/bin/sh\nexec '{PROGRAM}' hook {event} \"$@\"\n");
        executable(&repo.git_dir.join("hooks").join(event), &line);
    }
}

/// Puts hooks in place as `init` does.
pub fn hook(repo: &TestRepo) {
    repo.run(&["init", "--hooks=files"]).ok();
    age(repo);
}

/// Makes the settings as old as they may be: the shell asks the program about newer ones.
pub fn age(repo: &TestRepo) {
    let installed = fs::metadata(PROGRAM).expect("a program").modified().expect("a time");
    for name in ["config", "session/config"] {
        let path = repo.git_dir.join(name);
        let Ok(file) = File::options().write(true).open(path) else { continue };
        file.set_modified(installed + Duration::from_millis(1)).expect("a time");
    }
}

/// Tells whether git waited for the shell alone when it last committed.
pub fn was_answered(repo: &TestRepo) -> bool {
    repo.settle();
    fs::remove_file(repo.git_dir.join("session/starting")).is_ok()
}

/// Starts a session and returns its id.
pub fn start(repo: &TestRepo, args: &[&str]) -> String {
    text(&repo.start(args)["id"]).to_owned()
}

/// Changes a file and commits it; returns the commit.
pub fn commit(repo: &TestRepo, contents: &str, args: &[&str]) -> String {
    repo.write("file", contents);
    repo.git(&["add", "file"]);
    repo.git(&[&["commit", "-q"], args].concat());
    repo.rev("HEAD")
}

/// Returns the sessions that a commit names, as git reads its trailers.
pub fn named(repo: &TestRepo, revision: &str) -> String {
    let format = "--format=%(trailers:key=Session-Id,valueonly,separator=%x2c)";
    repo.git(&["log", "-1", format, revision])
}

/// Returns what a session has recorded of commits, in order.
pub fn links(repo: &TestRepo, id: &str) -> Vec<Value> {
    repo.settle();
    let name = format!("refs/sessions/{id}");
    let files = repo.git(&["ls-tree", "-r", "--name-only", &name, "commits/"]);
    let mut links: Vec<Value> = Vec::new();
    for file in files.lines() {
        let lines = repo.git(&["cat-file", "blob", &format!("{name}:{file}")]);
        for line in lines.lines() {
            let link: Value = serde_json::from_str(line).expect("JSON");
            links.retain(|known| known["commit"] != link["commit"]);
            links.push(link);
        }
    }
    links.sort_by_key(|link| (link["seq"].as_u64(), link["idx"].as_u64()));
    links
}

/// Returns the commits that a session has recorded, in order.
pub fn linked(repo: &TestRepo, id: &str) -> Vec<String> {
    links(repo, id).iter().map(|link| text(&link["commit"]).to_owned()).collect()
}

/// Runs git with an editor, and tells whether it succeeds.
pub fn edit(repo: &TestRepo, editor: &str, args: &[&str]) -> bool {
    let mut git: Command = repo.git_command(args);
    git.env("GIT_EDITOR", repo.script("editor", &format!("#!/bin/sh\n{editor}\n")));
    git.output().expect("git runs").status.success()
}
