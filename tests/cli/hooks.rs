//! Hooks of the user's, and being run from one.

use std::time::{Duration, Instant};

use super::harness::{TestRepo, executable, for_each_kind, text};

#[test]
fn a_quarantine_refuses_writes_and_allows_reads() {
    for_each_kind(|repo| {
        let made = repo.start(&["x"]);
        let refs = repo.refs();
        let before = repo.listing();
        let run =
            |args: &[&str]| repo.cmd(args).env("GIT_QUARANTINE_PATH", "/tmp/quarantine").run();
        for args in [
            &["start", "--json", "y"][..],
            &["create", "--json", "y"],
            &["suspend", "--json"],
            &["update", "--json", "--title=y"],
            &["delete", "--json", "-f", "@"],
            &["start", "--json", "y", "-b"],
        ] {
            let error = run(args).error(128, "unsupported");
            assert!(text(&error["message"]).contains("quarantine"), "{error}");
        }
        assert_eq!(run(&["show", "--json", "@"]).json()["id"], made["id"]);
        run(&["list"]).ok();
        assert_eq!(repo.refs(), refs);
        assert_eq!(repo.listing(), before);
        assert_eq!(repo.git(&["symbolic-ref", "--short", "HEAD"]), "main");
    });
}

#[test]
fn a_reference_transaction_hook_sees_every_update() {
    for_each_kind(|repo| {
        let hook = repo.git_dir.join("hooks/reference-transaction");
        executable(&hook, "#!/bin/sh\nwhile read -r l; do echo \"$1 $l\" >>\"$HOME/seen\"; done\n");
        let seen = || std::fs::read_to_string(repo.home.path().join("seen")).unwrap_or_default();
        let made = repo.start(&["x"]);
        let (tip, name) = (text(&made["tip"]), text(&made["ref"]));
        assert!(seen().contains(&format!("{tip} {name}")), "{}", seen());
        let after = repo.run(&["suspend", "--json"]).json();
        let line = format!("committed {tip} {} {name}", text(&after["tip"]));
        assert!(seen().contains(&line), "{}", seen());
        repo.run(&["delete", "-f", "@"]).ok();
        let zero = "0".repeat(tip.len());
        assert!(seen().contains(&format!("{} {zero} {name}", text(&after["tip"]))), "{}", seen());
        assert!(!seen().contains("refs/heads/"), "{}", seen());
    });
}

#[test]
fn a_hook_that_refuses_is_obeyed_and_its_words_are_told() {
    for_each_kind(|repo| {
        let made = repo.start(&["x"]);
        let hook = repo.git_dir.join("hooks/reference-transaction");
        executable(&hook, "#!/bin/sh\necho 'not on a Friday' >&2\n[ \"$1\" != prepared ]\n");
        let refs = repo.refs();
        for args in [
            &["suspend", "--json"][..],
            &["create", "--json", "y"],
            &["delete", "--json", "-f", "@"],
        ] {
            let error = repo.run(args).error(128, "io");
            assert!(text(&error["message"]).contains("not on a Friday"), "{error}");
        }
        assert_eq!(repo.refs(), refs);
        std::fs::remove_file(&hook).expect("a file");
        repo.run(&["suspend", text(&made["id"])]).ok();
    });
}

#[test]
fn a_hook_that_cannot_be_executed_is_no_hook() {
    let repo = TestRepo::new();
    repo.write(".git/hooks/reference-transaction", "#!/bin/sh\nexit 1\n");
    repo.start(&["x"]);
}

#[test]
fn hooks_are_found_where_the_configuration_says() {
    let repo = TestRepo::new();
    let hook = repo.home.path().join("myhooks/reference-transaction");
    executable(&hook, "#!/bin/sh\nexit 1\n");
    let hooks = hook.parent().expect("a directory").to_string_lossy().into_owned();
    repo.git(&["config", "core.hooksPath", &hooks]);
    repo.run(&["start", "x"]).exits(128);
    std::fs::remove_file(&hook).expect("a file");
    repo.start(&["x"]);
}

/// Costs the bound itself, 8 seconds, in one kind of repository only.
#[test]
fn a_hook_that_hangs_does_not_hang_us() {
    let repo = TestRepo::new();
    let hook = repo.git_dir.join("hooks/reference-transaction");
    executable(&hook, "#!/bin/sh\nexec sleep 60\n");
    let started = Instant::now();
    let error = repo.run(&["create", "--json", "x"]).error(128, "io");
    assert!(text(&error["message"]).contains("did not end"), "{error}");
    assert_eq!(repo.leftovers(), Vec::<std::path::PathBuf>::new(), "git took its locks back");
    // A hung program would take a minute.
    assert!(started.elapsed() < Duration::from_secs(30));
}

#[test]
fn other_hooks_are_not_run_by_us() {
    let repo = TestRepo::new();
    for name in ["post-commit", "pre-commit", "post-update", "update", "pre-push", "commit-msg"] {
        let hook = repo.git_dir.join("hooks").join(name);
        executable(&hook, "#!/bin/sh\necho ran >>\"$HOME/ran\"\nexit 1\n");
    }
    repo.start(&["x"]);
    repo.run(&["finish"]).ok();
    assert!(!repo.home.path().join("ran").exists());
}

#[test]
fn an_object_directory_of_the_environment_refuses_writes() {
    let repo = TestRepo::new();
    repo.start(&["x"]);
    let objects = repo.git_dir.join("objects");
    let output = repo.cmd(&["create", "--json", "y"]).env("GIT_OBJECT_DIRECTORY", &objects).run();
    output.error(128, "unsupported");
    assert_eq!(repo.titles(&["--all"]), ["x"]);
}
