//! The hook that the project ships: commits that name their session.

use std::fs;
use std::path::{Path, PathBuf};

use super::harness::{PROGRAM, TestRepo, executable, for_each_kind};

const HOOK: &str = include_str!("../../hooks/commit-msg");

/// Runs `git commit` with the hook in place; `path` comes before the usual `PATH`.
fn try_commit(repo: &TestRepo, path: Option<&Path>, args: &[&str]) -> bool {
    executable(&repo.git_dir.join("hooks/commit-msg"), HOOK);
    let usual = std::env::var_os("PATH").expect("it is there");
    let is_other = |dir: &PathBuf| !dir.join("git-session").exists();
    let usual = std::env::split_paths(&usual).filter(is_other);
    let path = std::env::join_paths(path.map(Path::to_owned).into_iter().chain(usual))
        .expect("it is there");
    let mut git = repo.git_command(&[&["commit", "-q", "--allow-empty"], args].concat());
    git.env("PATH", path).env("GIT_EDITOR", "true");
    git.output().expect("it is there").status.success()
}

/// Commits, and returns the session that the commit names.
fn commit(repo: &TestRepo, path: Option<&Path>, message: &str) -> String {
    assert!(try_commit(repo, path, &["-m", message]), "the commit lands");
    repo.git(&["log", "-1", "--format=%(trailers:key=Session-Id,valueonly,separator=%x2c)"])
}

#[test]
fn a_commit_names_the_open_current_session_once_and_is_found_by_it() {
    for_each_kind(|repo| {
        let program = Path::new(PROGRAM).parent();
        assert_eq!(commit(repo, program, "before"), "");
        let session = repo.start(&["x"]);
        let id = session["id"].as_str().expect("it is there");
        assert_eq!(commit(repo, program, "one"), id);
        let amended = format!("two\n\nSession-Id: {id}");
        assert_eq!(commit(repo, program, &amended), id, "not twice");
        assert_eq!(repo.show("HEAD")["id"], id);
        repo.run(&["finish"]).ok();
        assert_eq!(commit(repo, program, "after"), "");
    });
}

#[test]
fn a_commit_lands_without_the_program_and_with_one_that_fails() {
    let repo = TestRepo::new();
    repo.start(&["x"]);
    assert_eq!(commit(&repo, None, "missing"), "");
    let broken = repo.home.path().join("broken");
    fs::create_dir(&broken).expect("it is there");
    executable(&broken.join("git-session"), "#!/bin/sh\necho 'running $(id)'\nexit 139\n");
    assert_eq!(commit(&repo, Some(&broken), "failing"), "");
}

#[test]
fn a_message_that_is_left_empty_still_commits_nothing() {
    let repo = TestRepo::new().with_identity();
    repo.start(&["x"]);
    let before = repo.rev("HEAD");
    for args in [&[][..], &["-v"], &["-s"], &["-v", "-s"]] {
        assert!(!try_commit(&repo, Path::new(PROGRAM).parent(), args), "{args:?}");
    }
    assert_eq!(repo.rev("HEAD"), before);
    repo.git(&["commit", "-q", "--allow-empty", "-m", "one"]);
    assert!(try_commit(&repo, Path::new(PROGRAM).parent(), &["--amend", "-v", "-s"]));
    let message = repo.git(&["log", "-1", "--format=%B"]);
    assert!(message.starts_with("one\n\n"), "{message}");
    assert!(message.contains("\nSigned-off-by: "), "{message}");
    assert!(message.contains("\nSession-Id: "), "{message}");
}
