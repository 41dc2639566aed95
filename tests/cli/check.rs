use serde_json::{Value, json};

use super::harness::TestRepo;

/// Returns what `check` prints, and its status.
fn check(repo: &TestRepo, args: &[&str]) -> (i32, String) {
    let output = repo.run(&[&["check"][..], args].concat());
    assert_eq!(output.stderr, "");
    (output.status, output.stdout)
}

fn limit(repo: &TestRepo, name: &str) -> Value {
    let (_, text) = check(repo, &["--json"]);
    let document: Value = serde_json::from_str(&text).expect("one document");
    let limits = document["limits"].as_array().expect("a list").clone();
    limits.into_iter().find(|limit| limit["name"] == name).expect("a limit")
}

#[test]
fn a_new_session_has_used_nothing() {
    let repo = TestRepo::new();
    let made = repo.start(&["x"]);
    let expected = "time: 0 of 120 minutes (0 %)\niterations: 0 of 3 iterations (0 %)\n\
                    tokens: 0 tokens, no limit\n";
    assert_eq!(check(&repo, &[]), (0, expected.into()));
    let (status, text) = check(&repo, &["--json"]);
    let found: Value = serde_json::from_str(&text).expect("one document");
    let limits = json!([
        { "name": "time", "used": 2, "limit": 7200, "unit": "seconds", "percent": 0, "state": "ok" },
        { "name": "iterations", "used": 0, "limit": 3, "unit": "iterations", "percent": 0,
          "state": "ok" },
        { "name": "tokens", "used": 0, "limit": null, "unit": "tokens", "percent": null,
          "state": "ok" },
    ]);
    let expected =
        json!({ "id": made["id"], "handle": made["handle"], "limits": limits, "state": "ok" });
    assert_eq!((status, found), (0, expected));
    assert_eq!(check(&repo, &["--json=state"]), (0, "{\"state\":\"ok\"}\n".into()));
}

#[test]
fn the_time_is_near_at_80_percent_and_passed_when_none_is_left() {
    let repo = TestRepo::new();
    repo.start(&["x", "--timeout=100"]);
    repo.wait(79 * 60);
    assert_eq!(check(&repo, &["-q"]), (0, String::new()));
    repo.wait(60);
    let (status, text) = check(&repo, &[]);
    assert_eq!((status, text.lines().next()), (2, Some("time: 80 of 100 minutes (80 %), near")));
    assert_eq!(check(&repo, &["--warn-at=90"]).0, 0);
    assert_eq!(check(&repo, &["-q", "--json"]), (2, String::new()));
    repo.wait(20 * 60);
    let (status, text) = check(&repo, &[]);
    assert_eq!(
        (status, text.lines().next()),
        (1, Some("time: 100 of 100 minutes (100 %), passed"))
    );
    assert_eq!(check(&repo, &["-q"]), (1, String::new()));
    assert_eq!(limit(&repo, "time")["state"], "passed");
}

#[test]
fn the_clock_stands_still_while_a_session_is_put_aside_and_after_its_end() {
    let repo = TestRepo::new();
    repo.create(&["x"]);
    repo.wait(1000);
    repo.run(&["to", "@", "running"]).ok();
    let used = || limit(&repo, "time")["used"].clone();
    repo.wait(99);
    repo.run(&["suspend"]).ok();
    repo.wait(100_000);
    assert_eq!(used(), 100);
    repo.run(&["resume"]).ok();
    repo.wait(48);
    repo.run(&["update", "--set", "title=y"]).ok();
    assert_eq!(used(), 150);
    repo.run(&["finish"]).ok();
    repo.wait(100_000);
    let ended = repo.run(&["list", "--all", "--json=id"]).json();
    let id = ended["sessions"][0]["id"].as_str().expect("an id");
    let text = check(&repo, &[id, "--json"]).1;
    let document: Value = serde_json::from_str(&text).expect("one document");
    assert_eq!(document["limits"][0]["used"], 151);
}

#[test]
fn tokens_and_iterations_are_limited_as_well() {
    let repo = TestRepo::new();
    repo.git(&["config", "session.maxTokens", "1000"]);
    let made = repo.start(&["x"]);
    assert_eq!(made["configuration"]["max_tokens"], 1000);
    repo.run(&["update", "--add", "tokens.input=799"]).ok();
    assert_eq!(check(&repo, &["-q"]).0, 0);
    repo.run(&["update", "--add", "tokens.output=1"]).ok();
    assert_eq!(check(&repo, &["-q"]).0, 2);
    assert_eq!(limit(&repo, "tokens")["percent"], 80);
    repo.run(&["update", "--add", "statistics.iterations=3"]).ok();
    let (status, text) = check(&repo, &[]);
    let lines: Vec<&str> = text.lines().skip(1).collect();
    let expected = [
        "iterations: 3 of 3 iterations (100 %), passed",
        "tokens: 800 of 1,000 tokens (80 %), near",
    ];
    assert_eq!((status, &lines[..]), (1, &expected[..]));

    let made = repo.start(&["y", "--max-tokens=7"]);
    assert_eq!(made["configuration"]["max_tokens"], 7);
    repo.run(&["start", "z", "--json", "--max-tokens=0"]).error(1, "invalid_value");
}

#[test]
fn a_session_that_is_not_there_has_no_limits() {
    let repo = TestRepo::new();
    repo.run(&["check", "--json"]).error(1, "not_found");
    repo.run(&["check", "--warn-at=0", "--json"]).error(129, "usage");
    repo.run(&["check", "--json=used"]).error(129, "unknown_field");
}
