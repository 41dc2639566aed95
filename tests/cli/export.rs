//! `export`: sessions as JSON, YAML, Markdown and trajectories, on standard output and in files.

use std::fs;

use serde_json::{Value, json};

use super::harness::{ID, TestRepo, for_each_kind, text};

/// Makes a session with a history and a conversation; returns its id.
fn session(repo: &TestRepo) -> String {
    let made = repo.start(&["Add <b>login</b>", "--issue", "FEAT-1"]);
    repo.run(&["record", "--role", "user", "--message", "List `it`\n```\nx"]).ok();
    repo.run(&["record", "--role", "assistant", "--message", "I look."]).ok();
    let result = "\"a.txt\"";
    let call = ["record", "--tool", "bash", "--params", "{\"command\":\"ls\"}", "--result", result];
    repo.run(&[&call[..], &["--tokens", "in=10,cache_read=5,out=3"]].concat()).ok();
    text(&made["id"]).to_owned()
}

#[test]
fn json_is_the_session_object_with_history_and_events() {
    for_each_kind(|repo| {
        let id = session(repo);
        let mut exported = repo.run(&["export"]).json();
        let history = repo.run(&["log", "--reverse", "--json"]).json_lines();
        let events = repo.run(&["show", "--log", "--json"]).json_lines();
        assert_eq!(exported["history"], json!(history));
        assert_eq!(exported["events"], json!(events));
        let object = exported.as_object_mut().expect("an object");
        object.shift_remove("history");
        object.shift_remove("events");
        // A path below the home directory says no more than that.
        assert_eq!(exported["git"]["repo_root"], "~/repo");
        exported["git"]["repo_root"] = repo.root.to_string_lossy().into();
        assert_eq!(exported, repo.show(&id));
    });
}

#[test]
fn yaml_says_the_same_as_json() {
    let repo = TestRepo::new();
    session(&repo);
    let yaml = repo.run(&["export", "--layout", "yaml"]).ok().stdout;
    assert!(yaml.starts_with("schema: 1\nid: "), "{yaml}");
    for key in ["title: Add <b>login</b>", "history:", "events:", "kind: tool.call"] {
        assert!(yaml.contains(key), "{key}: {yaml}");
    }
}

#[test]
fn markdown_is_a_page_in_which_nothing_of_a_session_is_markup() {
    let repo = TestRepo::new();
    session(&repo);
    repo.run(&["record", "--note", "\u{1b}[2J\u{202e}x"]).ok();
    let page = repo.run(&["export", "--layout", "markdown"]).ok().stdout;
    assert!(page.starts_with("# Add \\<b\\>login\\</b\\>\n\n- Id: "), "{page}");
    assert!(page.contains("````text\nList `it`\n```\nx\n````\n"), "{page}");
    assert!(page.contains("## History\n\n- 2026-01-07 13:00:01 +0000 create: "), "{page}");
    assert!(page.contains("\\x1b[2J\\u{202e}x"), "{page}");
    assert!(!page.contains('\u{1b}'));
}

#[test]
fn a_trajectory_has_the_keys_of_atif() {
    let repo = TestRepo::new();
    let id = session(&repo);
    let exported = repo.run(&["export", "--layout", "atif"]).json();
    assert_eq!(
        (&exported["schema_version"], &exported["session_id"]),
        (&json!("ATIF-v1.8"), &json!(id))
    );
    let steps = exported["steps"].as_array().expect("a list");
    let said: Vec<_> =
        steps.iter().map(|step| (step["step_id"].as_u64(), text(&step["source"]))).collect();
    assert_eq!(said, [(Some(1), "user"), (Some(2), "agent")]);
    let call = &steps[1]["tool_calls"][0];
    assert_eq!(
        (&call["function_name"], &call["arguments"]),
        (&json!("bash"), &json!({"command": "ls"}))
    );
    let result = &steps[1]["observation"]["results"][0];
    assert_eq!(
        (&result["source_call_id"], &result["content"]),
        (&call["tool_call_id"], &json!("a.txt"))
    );
    let metrics = json!({"prompt_tokens": 15, "completion_tokens": 3, "cached_tokens": 5});
    assert_eq!(steps[1]["metrics"], metrics);
    let totals = json!({"total_prompt_tokens": 15, "total_completion_tokens": 3, "total_cached_tokens": 5, "total_steps": 2});
    assert_eq!(exported["final_metrics"], totals);
    repo.create(&["empty", "--id", ID]);
    let said = repo.run(&["export", ID, "--layout", "atif"]).refused();
    assert!(said.contains("a trajectory needs one"), "{said}");
}

#[test]
fn a_file_is_written_whole_and_nothing_else_is_written_over() {
    let repo = TestRepo::new();
    let id = session(&repo);
    repo.run(&["export", "-o", "deep/er/s.json"]).ok();
    let path = repo.root.join("deep/er/s.json");
    let written: Value = serde_json::from_slice(&fs::read(&path).expect("written")).expect("JSON");
    assert_eq!(written, repo.run(&["export"]).json());
    // The same again is fine; anything else is not.
    let said = repo.run(&["export", "-o", "deep/er/s.json"]).ok().stderr;
    assert!(said.starts_with("Already there: "), "{said}");
    fs::write(&path, "mine").expect("writable");
    repo.run(&["export", "-o", "deep/er/s.json"]).refused();
    assert_eq!(fs::read(&path).expect("there"), b"mine");
    repo.run(&["export", "-o", "deep/er/s.json", "--force"]).ok();
    assert_ne!(fs::read(&path).expect("there"), b"mine");
    assert_eq!(fs::read_dir(repo.root.join("deep/er")).expect("there").count(), 1);
    // A link is not followed.
    std::os::unix::fs::symlink(&path, repo.root.join("link.json")).expect("a link");
    repo.run(&["export", "-o", "link.json"]).refused();
    // A directory gets a file for each session.
    repo.create(&["other", "--id", ID]);
    repo.run(&["export", &id, ID, "-o", "all"]).ok();
    assert!(repo.root.join(format!("all/{id}.json")).is_file());
    assert!(repo.root.join(format!("all/{ID}.json")).is_file());
    repo.run(&["export", "-o", "/proc/nothing/x"]).exits(128);
}

#[test]
fn several_sessions_are_a_document_a_line_and_a_damaged_one_hides_no_other() {
    let repo = TestRepo::new();
    session(&repo);
    let other = repo.create(&["other"]);
    repo.run(&["terminate", text(&other["id"]), "--force"]);
    assert_eq!(repo.run(&["export", "--all"]).json_lines().len(), 2);
    let yaml = repo.run(&["export", "--all", "--layout", "yaml"]).ok().stdout;
    assert_eq!(yaml.matches("---\n").count(), 2);
    repo.plant(ID, b"nonsense");
    repo.damaged();
    let output = repo.run(&["export", "--all"]).exits(1);
    assert_eq!(output.stdout.lines().count(), 2);
    assert!(output.stderr.contains(ID), "{}", output.stderr);
    repo.run(&["export", "nothing"]).refused();
    repo.run(&["export", "--all", "x"]).exits(129);
    repo.run(&["export", "--force"]).exits(129);
    repo.run(&["export", "--layout", "banana"]).exits(129);
}

#[test]
fn a_session_is_exported_in_the_shape_of_each_other_manager() {
    let repo = TestRepo::new();
    let id = session(&repo);
    let maestro = repo.run(&["export", "--layout", "maestro"]).json();
    let keys: Vec<&str> =
        maestro.as_object().expect("an object").keys().map(String::as_str).collect();
    let expected = "session_id feature_request status created_at updated_at git_context statistics configuration";
    assert_eq!(keys.join(" "), expected);
    assert_eq!((&maestro["session_id"], &maestro["status"]), (&json!(id), &json!("implementing")));
    let monoco = repo.run(&["export", "--layout", "monoco"]).json();
    let expected = json!({
        "id": id, "issue_id": "FEAT-1", "role_name": "worker", "status": "running",
        "branch_name": "main", "pid": null, "created_at": "2026-01-07T13:00:01",
        "updated_at": "2026-01-07T13:00:04",
    });
    assert_eq!(monoco, expected);
    let choragen = repo.run(&["export", "--layout", "choragen"]).json();
    assert!(text(&choragen["id"]).starts_with("session-20260107-130001-"));
    assert_eq!(choragen["tokenUsage"], json!({"input": 15, "output": 3, "total": 18}));
    let said = repo.run(&["show", "--messages", "--json"]).json();
    assert_eq!(choragen["messages"], said["messages"]);
    let tools = repo.run(&["show", "--tools", "--json"]).json();
    assert_eq!(choragen["toolCalls"], tools["toolCalls"]);
}

#[test]
fn a_secret_that_came_in_unseen_does_not_go_out() {
    let repo = TestRepo::new();
    repo.git(&["config", "session.redact", "false"]);
    repo.start(&["x"]);
    let secret = format!("ghp_{}", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8");
    repo.run(&["record", "--note", &secret]).ok();
    repo.git(&["config", "--unset", "session.redact"]);
    for layout in ["json", "yaml", "markdown"] {
        let output = repo.run(&["export", "--layout", layout]).ok();
        assert!(!output.stdout.contains(&secret), "{layout}");
    }
}
