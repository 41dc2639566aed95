//! `lifecycle`, and definitions of a repository's own.

use serde_json::json;

use super::harness::{TestRepo, for_each_kind, text};

const REVIEW: &str = "\
name: review
initial: waiting
phases: [read, discuss]
states:
  waiting: {to: [reading]}
  reading: {to: [held, done, lost]}
  held:
    class: paused
    to: [reading]
  done: {outcome: success}
  lost: {terminal: true, outcome: interrupted}
";

const PATH: &str = ".git-session/lifecycles/review.yaml";

#[test]
fn the_built_in_lifecycles_are_there_outside_a_repository() {
    let repo = TestRepo::new();
    let run = |args: &[&str]| repo.cmd(args).dir("..").run();
    let list = run(&["lifecycle", "list", "--json"]).json();
    let builtin = |name: &str| json!({ "name": name, "builtin": true });
    assert_eq!(list, json!({ "lifecycles": [builtin("worker"), builtin("feature")] }));
    let shown = run(&["lifecycle", "show", "feature", "--json"]).json();
    let states = [
        "initializing",
        "planning",
        "generating_tasks",
        "implementing",
        "validating",
        "generating_report",
        "paused",
        "completed",
        "failed",
    ];
    assert_eq!(shown["name"], "feature");
    assert_eq!(shown["initial"], "initializing");
    assert_eq!(shown["states"], json!(states));
    assert_eq!(shown["terminal"], json!(["completed", "failed"]));
    assert_eq!(shown["paused"], json!(["paused"]));
    let phases = ["plan", "generate_tasks", "implement", "validate", "report"];
    assert_eq!(shown["phases"], json!(phases));
    assert_eq!(
        shown["transitions"],
        json!({
            "initializing": ["planning", "failed", "paused"],
            "planning": ["generating_tasks", "failed", "paused"],
            "generating_tasks": ["implementing", "failed", "paused"],
            "implementing": ["validating", "failed", "paused"],
            "validating": ["generating_report", "implementing", "failed", "paused"],
            "generating_report": ["completed", "failed", "paused"],
            "paused": [
                "planning", "generating_tasks", "implementing", "validating",
                "generating_report", "failed", "completed",
            ],
            "completed": [],
            "failed": [],
        })
    );
    let shown = run(&["lifecycle", "show", "--json"]).json();
    assert_eq!(shown["name"], "worker");
    assert_eq!(shown["terminal"], json!(["terminated"]));
    assert_eq!(shown["phases"], json!([]));
    run(&["lifecycle", "check"]).ok();
    run(&["lifecycle", "check", "worker", "feature"]).ok();
    run(&["lifecycle", "show", "--json", "banana"]).error(1, "invalid_value");
    run(&["lifecycle", "show", "--json=colour"]).error(129, "unknown_field");
}

#[test]
fn what_is_printed_as_yaml_defines_the_same_lifecycle() {
    let repo = TestRepo::new();
    for name in ["worker", "feature"] {
        let yaml = repo.run(&["lifecycle", "show", name, "--yaml"]).ok().stdout;
        repo.write(&format!(".git-session/lifecycles/{name}.yaml"), &yaml);
    }
    let list = repo.run(&["lifecycle", "list", "--json"]).json();
    assert_eq!(list["lifecycles"][0], json!({ "name": "worker", "builtin": false }));
    for name in ["worker", "feature"] {
        let own = repo.run(&["lifecycle", "show", name, "--json"]).json();
        let builtin = repo.cmd(&["lifecycle", "show", name, "--json"]).dir("..").run().json();
        assert_eq!(own, builtin);
    }
    repo.run(&["lifecycle", "check"]).ok();
}

#[test]
fn a_repository_has_lifecycles_of_its_own() {
    for_each_kind(|repo| {
        repo.write(PATH, REVIEW);
        let list = repo.run(&["lifecycle", "list", "--json"]).json();
        assert_eq!(list["lifecycles"][2], json!({ "name": "review", "builtin": false }));
        let output = repo.run(&["lifecycle", "check"]).ok();
        assert_eq!(output.stdout, "review: fine\n");
        let made = repo.start(&["Look", "--lifecycle", "review"]);
        assert_eq!(made["status"], "reading");
        assert_eq!(repo.run(&["suspend", "--json"]).json()["status"], "held");
        assert_eq!(repo.run(&["resume", "--json"]).json()["status"], "reading");
        // The session keeps the definition that it was made under.
        repo.write(PATH, REVIEW.replace("held", "parked"));
        assert_eq!(repo.run(&["suspend", "--json"]).json()["status"], "held");
        std::fs::remove_file(repo.root.join(PATH)).expect("a file");
        assert_eq!(repo.run(&["resume", "--json"]).json()["status"], "reading");
        let ended = repo.run(&["finish", "--json"]).json();
        assert_eq!((&ended["status"], &ended["outcome"]), (&json!("done"), &json!("success")));
        let kept =
            repo.git(&["cat-file", "blob", &format!("{}:lifecycle.yaml", text(&made["ref"]))]);
        assert!(kept.starts_with("name: review\n"), "{kept}");
    });
}

#[test]
fn sessions_of_one_lifecycle_share_its_blob() {
    let repo = TestRepo::new();
    let first = repo.start(&["one", "--lifecycle", "feature"]);
    let second = repo.start(&["two", "--lifecycle", "feature"]);
    let blob =
        |made: &serde_json::Value| repo.rev(&format!("{}:lifecycle.yaml", text(&made["ref"])));
    assert_eq!(blob(&first), blob(&second));
    assert!(!blob(&first).is_empty());
}

#[test]
fn own_lifecycles_are_found_from_a_subdirectory() {
    let repo = TestRepo::new();
    repo.write(PATH, REVIEW);
    repo.write("a/b/c", "");
    let shown = repo.cmd(&["lifecycle", "show", "review", "--json"]).dir("a/b").run().json();
    assert_eq!(shown["initial"], "waiting");
    repo.git(&["config", "session.lifecycle", "review"]);
    let made = repo.cmd(&["start", "--json", "x"]).dir("a/b").run().json();
    assert_eq!(made["lifecycle"], "review");
}

#[test]
fn a_hostile_definition_is_refused_with_file_line_and_reason() {
    let repo = TestRepo::new();
    let bomb = format!(
        "a: &a [x,x,x,x,x,x,x,x,x]\n{}",
        (0..9)
            .map(|n| {
                let (this, that) = ((b'b' + n) as char, (b'a' + n) as char);
                format!(
                    "{this}: &{this} [*{that},*{that},*{that},*{that},*{that},*{that},*{that}]\n"
                )
            })
            .collect::<String>()
    );
    let many: String = (0..10_000).map(|n| format!("  s{n}: {{to: [s{}]}}\n", n + 1)).collect();
    let cases: [(&str, String, &str); 14] = [
        ("no initial state", REVIEW.replace("initial: waiting\n", ""), ""),
        ("an unknown initial state", REVIEW.replace("initial: waiting", "initial: nowhere"), "2"),
        ("an unknown target", REVIEW.replace("to: [reading]}", "to: [nowhere]}"), "5"),
        ("a dead end", REVIEW.replace("to: [held, done, lost]", "to: [held]"), ""),
        ("duplicate keys", REVIEW.replace("phases: [read, discuss]", "initial: held"), "3"),
        ("a duplicate state", format!("{REVIEW}  held: {{to: [reading]}}\n"), "12"),
        ("an unknown key", format!("{REVIEW}colour: red\n"), "12"),
        ("an unknown class", REVIEW.replace("class: paused", "class: asleep"), ""),
        ("an unknown outcome", REVIEW.replace("outcome: success", "outcome: won"), ""),
        ("10,000 states", format!("name: review\ninitial: s0\nstates:\n{many}"), ""),
        ("no YAML", "{[".into(), "1"),
        ("nothing", String::new(), ""),
        ("a bomb", bomb, ""),
        ("deep nesting", "[".repeat(100_000), ""),
    ];
    for (what, definition, line) in cases {
        let path = repo.write(PATH, &definition);
        for args in [
            &["lifecycle", "check", "--json"][..],
            &["lifecycle", "check", "--json", "review"],
            &["lifecycle", "check", "--json", PATH],
            &["lifecycle", "show", "--json", "review"],
            &["start", "--json", "x", "--lifecycle", "review"],
        ] {
            let error = repo.run(args).error(1, "invalid_value");
            let message = text(&error["message"]);
            let place = path.to_string_lossy().into_owned();
            assert!(message.contains("review.yaml"), "{what}: {message}");
            assert!(!message.contains('\n') && message.len() < 2000, "{what}: {message}");
            if !line.is_empty() {
                assert!(message.contains(&format!("{place}:{line}:")), "{what}: {message}");
            }
        }
    }
    assert!(!repo.refs().contains("refs/sessions"));
    // The others are not affected.
    repo.start(&["x"]);
    repo.run(&["lifecycle", "list"]).ok();
}

#[test]
fn a_definition_under_another_name_is_refused() {
    let repo = TestRepo::new();
    repo.write(".git-session/lifecycles/other.yaml", REVIEW);
    let error =
        repo.run(&["start", "--json", "x", "--lifecycle", "other"]).error(1, "invalid_value");
    assert!(text(&error["message"]).contains("review"), "{error}");
    repo.run(&["lifecycle", "check", "other", "--json"]).error(1, "invalid_value");
}

#[test]
fn all_definitions_are_checked_whatever_is_wrong_with_one() {
    let repo = TestRepo::new();
    for (name, definition) in [
        ("bad", "name: bad\n"),
        ("code_review", REVIEW),
        ("other", REVIEW),
        ("review", REVIEW),
        ("worse", "["),
    ] {
        repo.write(&format!(".git-session/lifecycles/{name}.yaml"), definition);
    }
    let output = repo.run(&["lifecycle", "check"]).exits(1);
    assert_eq!(output.stdout, "review: fine\n");
    for name in ["bad", "code_review", "other", "worse"] {
        let line = output.stderr.lines().find(|line| line.contains(&format!("/{name}.yaml")));
        assert!(line.is_some_and(|line| line.starts_with("error: ")), "{name}: {}", output.stderr);
    }
    assert_eq!(repo.run(&["lifecycle", "check", "--json"]).exits(1).stdout, "");
}

#[test]
fn a_definition_can_be_checked_anywhere() {
    let repo = TestRepo::new();
    std::fs::write(repo.home.path().join("mine.yaml"), REVIEW).expect("a file");
    repo.run(&["lifecycle", "check", "../mine.yaml"]).ok();
    repo.cmd(&["lifecycle", "check", "mine.yaml"]).dir("..").run().ok();
    repo.run(&["lifecycle", "check", "--json", "missing.yaml"]).error(1, "invalid_value");
    let odd = REVIEW.replace("  lost:", "  orphan: {to: [done]}\n  lost:");
    std::fs::write(repo.home.path().join("odd.yaml"), odd).expect("a file");
    let output = repo.run(&["lifecycle", "check", "../odd.yaml"]);
    assert!(output.stderr.contains("orphan"), "{}", output.stderr);
}

#[test]
fn names_that_lead_elsewhere_are_no_lifecycles() {
    let repo = TestRepo::new();
    repo.write("review.yaml", REVIEW);
    for name in ["../../review", "..", "", "/etc/passwd", "a/b", "-x", "re\nview"] {
        let output = repo.run(&["lifecycle", "show", "--json", "--", name]);
        assert_eq!(output.status, 1, "{name:?}: {}", output.stderr);
    }
}

#[test]
fn a_definition_that_never_ends_is_refused() {
    let repo = TestRepo::new();
    repo.write(PATH, REVIEW);
    let dir = repo.root.join(".git-session/lifecycles");
    std::os::unix::fs::symlink("/dev/zero", dir.join("zero.yaml")).expect("a link");
    std::os::unix::fs::symlink("/", dir.join("root.yaml")).expect("a link");
    let fifo = dir.join("fifo.yaml");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    let mut names = vec!["zero", "root"];
    if made.is_ok_and(|it| it.success()) {
        names.push("fifo");
    }
    std::fs::write(dir.join("long.yaml"), "#".repeat(2 << 20)).expect("a file");
    names.push("long");
    for name in names {
        for args in [
            &["lifecycle", "show", "--json", name][..],
            &["lifecycle", "check", "--json", name],
            &["start", "--json", "x", "--lifecycle", name],
        ] {
            let error = repo.run(args).error(1, "invalid_value");
            assert!(text(&error["message"]).contains(name), "{error}");
        }
    }
    repo.run(&["lifecycle", "list"]).ok();
    repo.start(&["x", "--lifecycle", "review"]);
}
