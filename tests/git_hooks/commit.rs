use std::fs;

use super::harness::{PROGRAM, TestRepo, executable, for_each_kind, kinds, text};
use super::hooked::{commit, hook, hook_by_hand, linked, links, named, start};

#[test]
fn a_commit_names_the_session_and_is_recorded_with_it() {
    for_each_kind(|repo| {
        hook(repo);
        let id = start(repo, &["work"]);
        let first = commit(repo, "1\n2\n", &["-m", "one", "--author=Else <else@example.com>"]);
        assert_eq!(named(repo, "HEAD"), id);
        let found = links(repo, &id);
        assert_eq!(linked(repo, &id), [first]);
        assert_eq!(text(&found[0]["known_by"]), "hook");
        assert_eq!((text(&found[0]["branch"]), text(&found[0]["status"])), ("main", "running"));
        assert_eq!((&found[0]["files"], &found[0]["insertions"]), (&1.into(), &2.into()));
        assert_eq!(text(&found[0]["author"]), "Else <else@example.com>");
        assert_eq!(text(&found[0]["tree"]), repo.rev("HEAD^{tree}"));
        // Who works here wrote the session's event, whoever wrote the commit.
        let event = format!("refs/sessions/{id}");
        assert_eq!(repo.git(&["log", "-1", "--format=%an", &event]), "Some Body");
        let second = commit(repo, "3\n", &["-m", "two", "--no-verify"]);
        assert_eq!((named(repo, "HEAD"), linked(repo, &id).len()), (id.clone(), 2));
        repo.run(&["finish"]).ok();
        commit(repo, "4\n", &["-m", "after"]);
        assert_eq!((named(repo, "HEAD"), linked(repo, &id).len()), (String::new(), 2));
        assert_eq!(linked(repo, &id)[1], second);
    });
}

#[test]
fn an_amended_commit_stands_for_the_one_before() {
    for_each_kind(|repo| {
        hook(repo);
        let id = start(repo, &["work"]);
        let old = commit(repo, "1\n", &["-m", "one"]);
        for args in [&["--no-edit"][..], &["-m", "another message"]] {
            let before = repo.rev("HEAD");
            let new = commit(repo, &format!("{args:?}"), &[&["--amend"], args].concat());
            assert_eq!(named(repo, "HEAD"), id, "{args:?}");
            let link = links(repo, &id).pop().expect("recorded");
            assert_eq!(
                (text(&link["commit"]), text(&link["replaces"][0])),
                (&new[..], &before[..])
            );
        }
        assert_eq!(linked(repo, &id).len(), 3);
        assert_eq!(linked(repo, &id)[0], old);
    });
}

#[test]
fn without_a_session_nothing_is_written_and_nothing_said() {
    for_each_kind(|repo| {
        hook_by_hand(repo);
        let refs = repo.refs().lines().count();
        commit(repo, "1\n", &["-m", "one"]);
        repo.git(&["switch", "-q", "-c", "side"]);
        commit(repo, "2\n", &["--amend", "-m", "one"]);
        assert_eq!(repo.refs().lines().count(), refs + 1);
        assert!(!repo.git_dir.join("session").exists());
        // One that is not the current one here, or not active, is none either.
        repo.create(&["elsewhere"]);
        let before = repo.refs();
        commit(repo, "3\n", &["-m", "two"]);
        assert_eq!(named(repo, "HEAD"), "");
        assert_eq!(repo.refs().lines().count(), before.lines().count());
    });
}

#[test]
fn the_first_commit_and_one_on_no_branch_are_recorded() {
    for kind in kinds() {
        let repo = TestRepo::unborn(*kind);
        hook_by_hand(&repo);
        let id = start(&repo, &["work"]);
        commit(&repo, "1\n", &["-m", "root"]);
        repo.detach();
        commit(&repo, "2\n", &["-m", "detached"]);
        let found = links(&repo, &id);
        assert_eq!(found.len(), 2, "{kind:?}");
        assert_eq!((text(&found[0]["branch"]), found[0].get("parents")), ("main", None));
        assert_eq!(found[1].get("branch"), None);
        repo.check();
    }
}

#[test]
fn what_was_committed_with_hooks_off_is_found_at_the_next_hook() {
    for kind in kinds() {
        let repo = TestRepo::of(*kind);
        hook(&repo);
        let off = |contents: &str| {
            repo.write("file", contents);
            repo.git(&["add", "file"]);
            repo.git(&["-c", "core.hooksPath=/dev/null", "commit", "-q", "-m", "silent"]);
            repo.rev("HEAD")
        };
        let id = start(&repo, &["work"]);
        let first = commit(&repo, "1\n", &["-m", "one"]);
        let silent = off("2\n");
        assert_eq!(linked(&repo, &id), [&first[..]]);
        let last = commit(&repo, "3\n", &["-m", "three"]);
        assert_eq!(linked(&repo, &id), [&first, &silent, &last].map(String::as_str));
        assert_eq!(text(&links(&repo, &id)[1]["known_by"]), "reflog");
        // While it was put aside nobody worked on it.
        repo.run(&["suspend"]).ok();
        off("4\n");
        repo.run(&["resume"]).ok();
        commit(&repo, "5\n", &["-m", "five"]);
        assert_eq!(linked(&repo, &id).len(), 4);
        // A session has what was committed until the next one began.
        let other = start(&repo, &["other"]);
        let silent = off("6\n");
        let last = start(&repo, &["last"]);
        assert_eq!((linked(&repo, &other), linked(&repo, &last)), (vec![silent], vec![]));
        repo.check();
    }
}

#[test]
fn a_note_names_the_session_if_wanted() {
    for_each_kind(|repo| {
        hook(repo);
        repo.git(&["config", "session.notes", "true"]);
        repo.git(&["config", "session.trailer", "false"]);
        let id = start(repo, &["work"]);
        let made = commit(repo, "1\n", &["-m", "one"]);
        assert_eq!((named(repo, "HEAD"), linked(repo, &id)), (String::new(), vec![made]));
        let note = repo.git(&["notes", "--ref=sessions", "show", "HEAD"]);
        assert_eq!(note, format!("Session-Id: {id}"));
    });
}

#[test]
fn a_linked_work_tree_has_its_own_session() {
    for_each_kind(|repo| {
        hook(repo);
        let main = start(repo, &["main"]);
        let path = repo.worktree("linked");
        let in_linked = |args: &[&str]| {
            let mut git = repo.git_command(args);
            assert!(git.current_dir(&path).status().expect("git runs").success(), "{args:?}");
        };
        in_linked(&["commit", "-q", "--allow-empty", "-m", "nobody's"]);
        assert_eq!(named(repo, "linked"), "");
        let started = repo.cmd(&["start", "--json", "x"]).dir(&path).run().json();
        let linked_id = text(&started["id"]);
        in_linked(&["commit", "-q", "--allow-empty", "-m", "its own"]);
        assert_eq!(named(repo, "linked"), linked_id);
        assert_eq!(linked(repo, linked_id), [repo.rev("linked")]);
        assert_eq!(linked(repo, &main), [""; 0]);
    });
}

#[test]
fn the_commit_lands_whatever_is_wrong_with_the_session() {
    let repo = TestRepo::new();
    hook_by_hand(&repo);
    let id = start(&repo, &["work"]);
    let path = repo.git_dir.join("refs/sessions").join(&id);
    let good = fs::read(&path).expect("a loose ref");
    let lock = path.with_extension("lock");
    // Locked by somebody else.
    fs::write(&lock, "").expect("written");
    commit(&repo, "1\n", &["-m", "locked"]);
    assert_eq!(named(&repo, "HEAD"), id);
    fs::remove_file(&lock).expect("there");
    for (broken, n) in
        [(&b"nonsense\n"[..], "2"), (b"", "3"), (&repo.rev("HEAD").into_bytes(), "4")]
    {
        fs::write(&path, broken).expect("written");
        commit(&repo, n, &["-m", "broken"]);
        assert_eq!(named(&repo, "HEAD"), "");
    }
    fs::write(&path, good).expect("written");
    // What cannot be kept of what was seen costs nothing but that.
    fs::remove_file(repo.git_dir.join("session/seen")).expect("there");
    fs::create_dir(repo.git_dir.join("session/seen")).expect("a directory");
    commit(&repo, "5\n", &["-m", "again"]);
    assert_eq!(linked(&repo, &id), [repo.rev("HEAD")]);
    repo.git(&["config", "session.onCheckout", "nonsense"]);
    commit(&repo, "6\n", &["-m", "bad configuration"]);
}

#[test]
fn a_call_that_makes_no_sense_is_silent_and_succeeds() {
    let repo = TestRepo::new();
    start(&repo, &["work"]);
    let refs = repo.refs();
    for args in [
        &["post-commit", "-x", "--json"][..],
        &["prepare-commit-msg"],
        &["prepare-commit-msg", "/nowhere/at/all", "message"],
        &["post-checkout", "x", "y", "1"],
        &["post-rewrite", "amend"],
        &["post-nothing"],
    ] {
        let output = repo.cmd(&[&["hook"], args].concat()).input("nonsense\n\0\u{1F600}\n").run();
        assert_eq!(
            (output.status, &output.stdout[..], &output.stderr[..]),
            (0, "", ""),
            "{args:?}"
        );
    }
    let hook = repo.git_dir.join("hooks/pre-commit");
    executable(&hook, &format!("#!/bin/sh\nexec '{PROGRAM}' hook pre-commit\n"));
    commit(&repo, "1\n", &["-m", "one"]);
    assert_eq!(repo.refs().lines().count(), refs.lines().count());
}
