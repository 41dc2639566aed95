//! Exit statuses, errors as JSON, hints, and the options of all commands.

use serde_json::json;

use super::harness::{TestRepo, for_each_kind, text};

#[test]
fn each_exit_status_means_one_thing() {
    let repo = TestRepo::new();
    repo.start(&["x"]);
    for (status, args) in [
        (0, &["status"][..]),
        (0, &["-h"]),
        (0, &["list", "-h"]),
        (0, &["to", "running"]),
        (1, &["show", "nothing"]),
        (1, &["to", "pending"]),
        (1, &["to", "nowhere"]),
        (1, &["delete", "@"]),
        (1, &["lifecycle", "show", "nothing"]),
        (1, &["suspend", "nothing"]),
        (128, &["-C", "/nonexistent", "list"]),
        (128, &["-C", "..", "list"]),
        (128, &["attach", "missing.txt"]),
        (129, &["banana"]),
        (129, &["list", "--banana"]),
        (129, &["list", "--limit", "-1"]),
        (129, &["list", "--sort", "banana"]),
        (129, &["list", "--since", "banana"]),
        (129, &["transition"]),
        (129, &["show", "a", "b"]),
        (129, &["delete"]),
        (129, &["update"]),
        (129, &["show", "--json=banana"]),
    ] {
        let output = repo.run(args).exits(status);
        match status {
            0 => {}
            128 => assert!(output.stderr.starts_with("fatal: "), "{args:?}: {}", output.stderr),
            _ => assert!(output.stderr.starts_with("error: "), "{args:?}: {}", output.stderr),
        }
        if status != 0 {
            assert_eq!(output.stdout, "", "{args:?}");
        }
    }
}

#[test]
fn an_error_as_json_is_the_last_line_of_standard_error() {
    let repo = TestRepo::new();
    for (args, status, code) in [
        (&["show", "--json", "nothing"][..], 1, "not_found"),
        (&["show", "--json"], 1, "not_found"),
        (&["list", "--json", "--banana"], 129, "usage"),
        (&["list", "--json", "--limit=x"], 129, "usage"),
        (&["-C", "..", "list", "--json"], 128, "not_a_repository"),
        (&["-C", "..", "show", "--json=id"], 128, "not_a_repository"),
        (&["create", "--json", "--input", "missing.json"], 128, "io"),
        (&["banana", "--json"], 129, "usage"),
    ] {
        repo.run(args).error(status, code);
    }
    for (args, message) in [
        (&["list", "--json", "--banana"][..], "unexpected argument '--banana' found"),
        (&["to", "--json"], "<state> is missing"),
        (&["attach", "--json"], "<file> is missing"),
    ] {
        assert_eq!(repo.run(args).error(129, "usage")["message"], message);
    }
}

#[test]
fn outside_a_repository_every_command_that_needs_one_says_so() {
    let repo = TestRepo::new();
    let expected = "fatal: not a git repository (or any of the parent directories): .git\n";
    for args in [
        &["status"][..],
        &[],
        &["list"],
        &["show"],
        &["show", "x"],
        &["log"],
        &["start", "x"],
        &["create", "x"],
        &["to", "x"],
        &["suspend"],
        &["resume"],
        &["finish"],
        &["fail"],
        &["terminate"],
        &["next"],
        &["update", "--title", "x"],
        &["attach", "x"],
        &["detach", "x"],
        &["delete", "x"],
    ] {
        let output = repo.cmd(args).dir("..").run().exits(128);
        assert_eq!((&*output.stdout, &*output.stderr), ("", expected), "{args:?}");
    }
}

#[test]
fn a_directory_that_is_not_there_cannot_be_entered() {
    let repo = TestRepo::new();
    let output = repo.run(&["-C", "missing", "list"]).exits(128);
    assert!(output.stderr.starts_with("fatal: cannot change to '"), "{}", output.stderr);
    repo.run(&["list", "-C", "missing", "--json"]).exits(128);
    repo.write("file", "");
    repo.run(&["-C", "file", "list"]).exits(128);
}

#[test]
fn the_directory_can_be_chosen() {
    for_each_kind(|repo| {
        let made = repo.cmd(&["-C", "repo", "start", "--json", "x"]).dir("..").run().json();
        assert_eq!(repo.show("@")["id"], made["id"]);
        let root = repo.root.to_string_lossy().into_owned();
        let shown = repo.cmd(&["show", "--json", "-C", &root]).dir("/").run().json();
        assert_eq!(shown["id"], made["id"]);
    });
}

#[test]
fn hints_can_be_silenced_in_three_ways() {
    let repo = TestRepo::new();
    repo.start(&["x"]);
    let args = ["to", "pending"];
    let has_hint = |stderr: &str| stderr.contains("hint:");
    assert!(has_hint(&repo.run(&args).refused()));
    assert!(has_hint(&repo.cmd(&args).env("GIT_ADVICE", "1").run().refused()));
    assert!(!has_hint(&repo.cmd(&args).env("GIT_ADVICE", "0").run().refused()));
    assert!(!has_hint(&repo.cmd(&args).env("GIT_ADVICE", "false").run().refused()));
    assert!(!has_hint(&repo.run(&["-q", "to", "pending"]).refused()));
    assert!(!has_hint(&repo.run(&["to", "pending", "--quiet"]).refused()));
    repo.git(&["config", "advice.sessionTransition", "false"]);
    assert!(!has_hint(&repo.run(&args).refused()));
    assert!(has_hint(&repo.run(&["show", "nothing"]).refused()), "only that one");
    repo.git(&["config", "advice.sessionNotFound", "no"]);
    assert!(!has_hint(&repo.run(&["show", "nothing"]).refused()));
}

#[test]
fn quiet_does_not_silence_errors_or_answers() {
    let repo = TestRepo::new();
    let output = repo.run(&["-q", "start", "x"]).ok();
    assert_eq!((output.stdout.len(), output.stderr.as_str()), ("zolxypqy\n".len(), ""));
    assert!(repo.run(&["-q", "to", "pending"]).refused().starts_with("error: cannot move"));
}

#[test]
fn unknown_commands_and_options_suggest_the_nearest() {
    let repo = TestRepo::new();
    let output = repo.run(&["lst"]).exits(129);
    assert!(output.stderr.contains("list"), "{}", output.stderr);
    let output = repo.run(&["list", "--statsu", "x"]).exits(129);
    assert!(output.stderr.contains("--status"), "{}", output.stderr);
}

#[test]
fn options_may_be_abbreviated_as_in_git() {
    let repo = TestRepo::new();
    repo.start(&["x"]);
    assert_eq!(repo.run(&["list", "--js", "--stat=running"]).json()["corrupt"], json!([]));
}

#[test]
fn arguments_that_are_no_text_are_refused_without_a_panic() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let repo = TestRepo::new();
    repo.start(&["x"]);
    let broken = OsStr::from_bytes(b"a\xff\xfeb");
    for verb in ["show", "start", "create", "to", "delete", "attach", "log", "list"] {
        let output = repo.run(&[OsStr::new(verb), broken]);
        assert!(matches!(output.status, 1 | 128 | 129), "{verb}: {}", output.status);
    }
    let output = repo.run(&[OsStr::new("-C"), broken, OsStr::new("list")]);
    output.exits(128);
    repo.cmd(&["status"]).env("GIT_SESSION", broken).run().ok();
}

#[test]
fn the_words_of_a_refusal_are_safe_for_a_terminal() {
    let repo = TestRepo::new();
    repo.start(&["x"]);
    let hostile = "\u{1b}]0;title\u{7}\u{9b}31m\u{202e}\r\u{8}";
    for args in [
        &["show", "--json", hostile][..],
        &["to", "--json", hostile],
        &["start", "--json", hostile],
        &["list", "--json", "--since", hostile],
        &["list", "--json", "--grep", &format!("({hostile}")],
        &["list", "--json", "--sort", hostile],
        &["show", &format!("--json={hostile}")],
        &[hostile],
        &["--json", hostile],
        &["update", "--json", &format!("--set={hostile}=x")],
        &["attach", "--json", hostile],
        &["-C", hostile, "list", "--json"],
    ] {
        let output = repo.run(args);
        assert_ne!(output.status, 0, "{args:?}");
        let said = format!("{}{}", output.stdout, output.stderr);
        let bad = |c: char| (c.is_control() && c != '\n' && c != '\t') || c == '\u{202e}';
        assert!(!said.contains(bad), "{args:?}: {said:?}");
    }
    let made = repo.start(&["left \u{202e}right"]);
    let output = repo.run(&["show", "--json", text(&made["id"])]).ok();
    assert!(!output.stdout.contains('\u{202e}'), "{}", output.stdout);
    assert_eq!(made["title"], "left \u{202e}right");
}
