//! `doctor`: each fault is told with its place, what is safe to repair is repaired, and nothing else changes.

use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::harness::{ID, OTHER_ID, PROGRAM, TestRepo, executable, for_each_kind, kinds, text};

/// Returns the lines that are found; the exit status tells whether anything is left.
#[track_caller]
fn found(repo: &TestRepo, args: &[&str]) -> Vec<String> {
    let output = repo.run(&[&["doctor"], args].concat());
    let lines: Vec<String> = output.stdout.lines().map(str::to_owned).collect();
    let is_left = lines.iter().any(|line| !line.starts_with("fixed: "));
    assert_eq!(output.status, i32::from(is_left), "{lines:?} {}", output.stderr);
    lines
}

fn make_old(path: &Path) {
    let file = File::options().create(true).append(true).open(path).expect("a file");
    let then = SystemTime::now() - Duration::from_secs(3 * 3600 + 60);
    file.set_modified(then).expect("a time");
}

#[test]
fn where_nothing_is_wrong_nothing_is_found_and_nothing_changes() {
    for_each_kind(|repo| {
        assert_eq!(found(repo, &[]), Vec::<String>::new());
        repo.start(&["One"]);
        repo.write("notes.txt", "DB_PASSWORD=q8Zk2Lx7Rt5Vb9\n");
        repo.run(&["attach", "notes.txt"]).ok();
        repo.run(&["record", "--role", "user", "--message", "Hello"]).ok();
        repo.run(&["finish"]).ok();
        repo.create(&["--lifecycle", "feature", "Two"]);
        let before = repo.listing();
        assert_eq!(found(repo, &["--fix"]), Vec::<String>::new());
        let answer = repo.run(&["doctor", "--json"]).json();
        assert_eq!(answer, serde_json::json!({ "findings": [], "fix": false }));
        assert_eq!(repo.listing(), before);
    });
}

#[test]
fn a_stored_secret_is_told_by_its_place_and_its_rule_and_is_not_printed() {
    for_each_kind(|repo| {
        let token = ["gh", "p_", "q8Zk2Lx7Rt5Vb9Nc3Wd6Fg1Hs4Mp0QeYuIoP"].concat();
        repo.git(&["config", "session.redact", "false"]);
        let session = repo.start(&[&format!("Use {token}")]);
        repo.run(&["update", "--set", "title=Nothing"]).ok();
        repo.write("notes.txt", &token);
        repo.run(&["attach", "notes.txt"]).ok();
        repo.run(&["record", "--role", "user", "--message", &token]).ok();
        repo.create(&["Another"]);
        let handle = text(&session["handle"]);
        let places = [
            "the message of a commit",
            "artifacts/notes.txt",
            "conversation/1/0-events.jsonl",
            "session.yaml",
        ];
        let expected = places
            .map(|it| format!("warning: session {handle} has a secret in {it} (github-token)"));
        assert_eq!(found(repo, &[]), expected);
        assert_eq!(found(repo, &["--fix"]), expected);
        let output = repo.run(&["doctor", "--json"]).exits(1);
        assert!(!format!("{}{}", output.stdout, output.stderr).contains(&token[4..]));
        let answer: Value = serde_json::from_str(&output.stdout).expect("JSON");
        let first = &answer["findings"][1];
        assert_eq!((&first["kind"], &first["session"]), (&"secret".into(), &session["id"]));
        assert_eq!(
            (&first["path"], &first["rule"], &first["fixed"]),
            (&"artifacts/notes.txt".into(), &"github-token".into(), &false.into())
        );
        // What is allowed now is no secret any more.
        repo.git(&["config", "session.redactAllow", "ghp_.*"]);
        assert_eq!(found(repo, &[]), Vec::<String>::new());
    });
}

#[test]
fn a_damaged_session_is_told_with_its_reason_and_hides_no_other() {
    for_each_kind(|repo| {
        repo.damaged();
        repo.start(&["Well"]);
        repo.plant(ID, b"version: 1\n");
        repo.git(&["symbolic-ref", &format!("refs/sessions/{OTHER_ID}"), "refs/heads/main"]);
        let before = repo.refs();
        let lines = found(repo, &["--fix"]);
        assert_eq!(lines.len(), 2, "{lines:?}");
        let expected = format!("error: refs/sessions/{OTHER_ID} is no session: it is a symbolic");
        assert!(lines[0].starts_with(&expected), "{lines:?}");
        assert!(lines[1].contains("cannot be read: "), "{lines:?}");
        assert_eq!(repo.refs(), before);
        let told = repo.run(&["doctor"]).stderr;
        assert!(
            told.contains(&format!("\"git symbolic-ref -d refs/sessions/{OTHER_ID}\"")),
            "{told}"
        );
        assert!(
            told.contains(&format!("\"git session delete --force {ID}\" removes it")),
            "{told}"
        );
    });
}

#[test]
fn a_commit_that_does_not_say_what_the_record_says_is_told() {
    for_each_kind(|repo| {
        let session = repo.start(&["One"]);
        let name = text(&session["ref"]);
        let tree = repo.rev(&format!("{name}^{{tree}}"));
        let message = repo.git(&["log", "-1", "--format=%B", name]).replace(
            "Session-Status: running\nSession-Class: active",
            "Session-Status: pending\nSession-Class: pending",
        );
        let commit = repo.git(&["commit-tree", "-p", name, "-m", &message, &tree]);
        repo.git(&["update-ref", name, &commit]);
        let handle = text(&session["handle"]);
        let expected = format!(
            "error: session {handle}: its record and its newest commit disagree (Session-Status)"
        );
        assert_eq!(found(repo, &[]), [expected]);
        repo.run(&["update", "--label", "x"]).ok();
        assert_eq!(found(repo, &[]), Vec::<String>::new());
    });
}

#[test]
fn a_missing_object_is_told() {
    let repo = TestRepo::new();
    repo.damaged();
    let session = repo.start(&["One"]);
    repo.write("notes.txt", "ordinary words");
    repo.run(&["attach", "notes.txt"]).ok();
    let name = text(&session["ref"]);
    let blob = repo.rev(&format!("{name}:artifacts/notes.txt"));
    // All objects but one.
    let all = repo.git(&["rev-list", "--objects", "--no-object-names", "--all"]);
    let kept = all.lines().filter(|oid| *oid != blob).collect::<Vec<_>>().join("\n") + "\n";
    let pack = repo.git_dir.join("kept");
    repo.git_feed(&["pack-objects", "-q", &pack.to_string_lossy()], kept.as_bytes());
    let objects = repo.git_dir.join("objects");
    fs::remove_dir_all(&objects).expect("removed");
    fs::create_dir_all(objects.join("pack")).expect("a directory");
    for entry in repo.git_dir.read_dir().expect("a directory").flatten() {
        if let Some(rest) = entry.file_name().to_string_lossy().strip_prefix("kept-") {
            fs::rename(entry.path(), objects.join("pack").join(format!("pack-{rest}")))
                .expect("moved");
        }
    }
    let expected = format!("error: session {}: blob {blob} is missing", text(&session["handle"]));
    assert_eq!(found(&repo, &[]), [expected]);
}

#[test]
fn an_old_lock_is_told_and_only_what_is_provably_ours_is_removed() {
    for kind in kinds().iter().filter(|kind| kind.refs == "files") {
        let repo = TestRepo::of(*kind);
        repo.start(&["One"]);
        let (lock, left) = ("packed-refs.lock", format!("refs/sessions/{ID}~new.lock"));
        File::create(repo.git_dir.join(lock)).expect("a file");
        assert_eq!(found(&repo, &[]), Vec::<String>::new(), "somebody may just hold it");
        make_old(&repo.git_dir.join(lock));
        make_old(&repo.git_dir.join(&left));
        let told = |word, path| format!("{word}: '{path}' has been there for 3 hours");
        assert_eq!(found(&repo, &[]), [told("warning", lock), told("warning", &left)]);
        assert_eq!(found(&repo, &["--fix"]), [told("warning", lock), told("fixed", &left)]);
        assert_eq!(found(&repo, &["--fix"]), [told("warning", lock)]);
        fs::remove_file(repo.git_dir.join(lock)).expect("removed");
        assert_eq!(found(&repo, &[]), Vec::<String>::new());
    }
}

#[test]
fn what_is_kept_of_a_session_that_is_gone_is_told_and_removed() {
    for_each_kind(|repo| {
        let local = repo.git_dir.join("session");
        for dir in ["logs", "agents", "leases"] {
            fs::create_dir_all(local.join(dir)).expect("a directory");
        }
        fs::write(local.join(format!("logs/{ID}.log")), "said\n").expect("a file");
        fs::write(local.join(format!("agents/{ID}")), "idle -\n").expect("a file");
        fs::write(local.join(format!("leases/{OTHER_ID}")), "nonsense").expect("a file");
        let lines = found(repo, &[]);
        let expected =
            format!("warning: session {ID} is not there any more, but has: log, agent state");
        assert_eq!((lines.len(), &lines[1]), (2, &expected));
        assert!(lines[0].contains(&format!("the lease of session {OTHER_ID}: ")), "{lines:?}");
        let lines = found(repo, &["--fix"]);
        assert_eq!(lines[1], expected.replace("warning: ", "fixed: "));
        assert_eq!(found(repo, &["--fix"]).len(), 1, "a lease that nobody trusts is left alone");
        assert!(!local.join(format!("logs/{ID}.log")).exists());
    });
}

#[test]
fn a_lost_worker_is_told() {
    let repo = TestRepo::new();
    let session = repo.start(&["One"]);
    // Whoever is killed in the middle of a write leaves the .keep of its pack behind.
    let script = "n=0; until test $n = 500 || { \"$PROGRAM\" show --json \"$GIT_SESSION\" | \
        grep -q '\"pid\":[0-9]' && ! ls .git/objects/pack/*.keep 2>/dev/null; }; do n=$((n + 1)); done; \
        kill -9 $PPID; kill -9 $$";
    repo.cmd(&["run", "--", "sh", "-c", script]).env("PROGRAM", PROGRAM).run();
    let expected = format!("warning: session {}: the worker is lost", text(&session["handle"]));
    let is_told = (0..200).any(|_| repo.run(&["doctor"]).stdout.lines().any(|it| it == expected));
    assert!(is_told);
    repo.run(&["reap"]).ok();
    assert_eq!(found(&repo, &[]), Vec::<String>::new());
}

#[test]
fn a_hook_that_another_version_installed_is_told_until_init_is_run_again() {
    let repo = TestRepo::new();
    executable(&repo.git_dir.join("hooks/post-merge"), "#!/bin/sh\necho mine\n");
    repo.run(&["init", "--hooks=files"]).ok();
    assert_eq!(found(&repo, &[]), Vec::<String>::new());
    for event in ["post-merge", "pre-push"] {
        let path = repo.git_dir.join("hooks").join(event);
        let hook = fs::read_to_string(&path).expect("a hook");
        fs::write(&path, hook.replace("sleep", "sleep 1 && sleep")).expect("written");
    }
    let line = |event| format!("warning: 'hooks/{event}' is not as this version would install it");
    assert_eq!(found(&repo, &["--fix"]), [line("post-merge"), line("pre-push")]);
    let document = repo.run(&["doctor", "--json"]).exits(1).stdout;
    let document: Value = serde_json::from_str(&document).expect("JSON");
    let first = &document["findings"][0];
    assert_eq!(text(&first["kind"]), "hook");
    assert_eq!(text(&first["hint"]), "\"git session init\" brings hooks up to date");
    repo.run(&["init", "--hooks=files"]).ok();
    assert_eq!(found(&repo, &[]), Vec::<String>::new());
    assert!(repo.git_dir.join("hooks/post-merge").exists());
}

#[test]
fn an_agent_that_calls_a_program_that_is_not_there_is_told() {
    let repo = TestRepo::new();
    for agent in ["codex", "opencode", "copilot-cli"] {
        repo.run(&["agent", "enable", agent]).ok();
    }
    assert_eq!(found(&repo, &[]), Vec::<String>::new());
    for file in
        [".codex/hooks.json", ".opencode/plugins/git-session.js", ".github/hooks/git-session.json"]
    {
        let path = repo.root.join(file);
        let text = fs::read_to_string(&path).expect("a file");
        fs::write(&path, text.replace(PROGRAM, "/nowhere/git-session")).expect("a file");
    }
    let lines = found(&repo, &["--fix"]);
    let expected = "warning: codex is told in '~/repo/.codex/hooks.json' to call '/nowhere/git-session', which is not there";
    assert_eq!((lines.len(), lines[0].as_str()), (3, expected));
    repo.run(&["agent", "enable", "codex", "opencode", "copilot-cli"]).ok();
    assert_eq!(found(&repo, &[]), Vec::<String>::new());
}
