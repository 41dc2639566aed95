//! `import` of agents' transcripts.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::harness::{PLAIN, TestRepo, for_each_kind, text};

const NATIVE: &str = "6c0e0e1c-0000-4000-8000-000000000001";

/// Returns a line of Claude Code's, said at this minute.
fn line(cwd: &str, minute: u64, role: &str, said: &str) -> String {
    let at = format!("2026-01-01T10:{minute:02}:00Z");
    let mut message = json!({"role": role, "content": [{"type": "text", "text": said}]});
    if role == "assistant" {
        message["id"] = format!("msg_{minute}").into();
        message["model"] = "claude-x".into();
        message["usage"] = json!({"input_tokens": 10, "output_tokens": minute});
    }
    let record = json!({
        "type": role, "uuid": format!("u-{minute}"), "sessionId": NATIVE, "cwd": cwd,
        "gitBranch": "topic", "timestamp": at, "message": message,
    });
    format!("{record}\n")
}

fn conversation(cwd: &str) -> String {
    let lines =
        [("user", "Fix the login\nplease"), ("assistant", "Looking"), ("assistant", "Done")];
    let lines = lines.iter().zip(1..).map(|((role, said), minute)| line(cwd, minute, role, said));
    lines.collect()
}

fn path(path: &Path) -> &str {
    path.to_str().expect("text")
}

fn results(summary: &Value) -> Vec<&str> {
    let sessions = summary["sessions"].as_array().expect("a list");
    sessions.iter().map(|it| text(&it["result"])).collect()
}

/// Returns the bytes that are kept of the one transcript.
fn raw(repo: &TestRepo, id: &str) -> String {
    repo.run(&["show", id, "--raw"]).ok().stdout
}

#[test]
fn the_history_of_a_session_reads_as_what_was_asked() {
    let repo = TestRepo::new();
    let file = repo.home.path().join("t.jsonl");
    let mut lines = conversation("/somewhere");
    for (minute, role, said) in [(4, "user", "Now the tests"), (5, "assistant", "Written")] {
        fs::write(&file, &lines).expect("written");
        repo.run(&["import", path(&file)]).ok();
        lines.push_str(&line("/somewhere", minute, role, said));
    }
    lines.push_str(&line("/somewhere", 6, "assistant", "And run"));
    fs::write(&file, &lines).expect("written");
    let id =
        text(&repo.run(&["import", "--json", path(&file)]).json()["sessions"][0]["id"]).to_owned();
    let told =
        repo.git(&["log", "--format=%s", "--grep=^record: ", &format!("refs/sessions/{id}")]);
    assert_eq!(
        told.lines().collect::<Vec<_>>(),
        [
            "record: 2 messages of claude-code",
            "record: \"Now the tests\" of claude-code",
            "record: \"Fix the login\", 2 messages of claude-code",
        ]
    );
}

#[test]
fn a_transcript_is_a_session_in_every_kind_of_repository() {
    for_each_kind(|repo| {
        let file = repo.home.path().join("t.jsonl");
        fs::write(&file, conversation("/somewhere")).expect("written");
        let summary = repo.run(&["import", "--json", path(&file)]).ok().json();
        let entry = &summary["sessions"][0];
        assert_eq!(entry["agent"], "claude-code");
        assert_eq!(entry["native_id"], NATIVE);
        assert_eq!((&entry["messages"], &entry["result"]), (&json!(3), &json!("created")));
        let session = repo.show(text(&entry["id"]));
        for (key, expected) in [
            ("title", json!("Fix the login")),
            ("lifecycle", json!("worker")),
            ("status", json!("terminated")),
            ("outcome", json!("success")),
            ("agent", json!("claude-code")),
            ("model", json!("claude-x")),
            ("branch", json!("topic")),
            ("created_at", json!("2026-01-01T10:01:00.000000Z")),
            ("started_at", json!("2026-01-01T10:01:00.000000Z")),
            ("ended_at", json!("2026-01-01T10:03:00.000000Z")),
        ] {
            assert_eq!(session[key], expected, "{key}");
        }
        assert_eq!(
            (&session["tokens"]["input"], &session["tokens"]["output"]),
            (&json!(20), &json!(5))
        );
        assert_eq!(session["conversation"]["sources"][0]["path"], "~/t.jsonl");
        assert_eq!(raw(repo, text(&entry["id"])), conversation("/somewhere"));
        let messages = repo.run(&["show", text(&entry["id"]), "--messages", "--json"]).json();
        assert_eq!(messages["messages"][1]["content"], "Looking");
        let found = repo.run(&["grep", "Looking"]).ok().stdout;
        assert!(found.contains("Looking"), "{found}");
        let log =
            repo.run(&["log", text(&entry["id"]), "--type", "message", "--oneline"]).ok().stdout;
        assert_eq!(log.lines().count(), 3, "{log}");
        let refs = repo.refs();
        let again = repo.run(&["import", "--json", path(&file)]).ok().json();
        assert_eq!((results(&again), repo.refs()), (vec!["unchanged"], refs));
    });
}

#[test]
fn what_is_appended_is_added_and_what_is_written_anew_replaces_what_was() {
    let repo = TestRepo::of(PLAIN);
    let file = repo.home.path().join("t.jsonl");
    let import = |contents: &str| {
        fs::write(&file, contents).expect("written");
        repo.run(&["import", "--json", path(&file)]).ok().json()["sessions"][0].clone()
    };
    let whole = conversation("/x");
    let first = import(&whole);
    let id = text(&first["id"]);
    let more = line("/x", 9, "assistant", "One more thing");
    let (half, rest) = more.split_at(50);
    // A file that is imported has ended: what is torn there is kept, too.
    assert_eq!(import(&(whole.clone() + half))["bytes"], 50);
    let entry = import(&(whole.clone() + half + rest));
    assert_eq!((&entry["id"], &entry["result"]), (&first["id"], &json!("updated")));
    assert_eq!(raw(&repo, id), whole.clone() + &more);
    assert_eq!(repo.show(id)["tokens"]["output"], 14);
    assert_eq!(import(&(whole.clone() + &more))["result"], "unchanged");
    let other = line("/x", 8, "assistant", "Something else");
    import(&(whole.clone() + &other));
    assert_eq!(raw(&repo, id), whole + &other);
    assert_eq!(repo.show(id)["tokens"]["output"], 13);
    let said = repo.run(&["show", id, "--messages", "--json"]).json()["messages"].clone();
    let said: Vec<&str> =
        said.as_array().expect("a list").iter().map(|it| text(&it["content"])).collect();
    assert_eq!(said, ["Fix the login\nplease", "Looking", "Done", "Something else"]);
    repo.check();
}

#[test]
fn files_that_are_no_transcripts_are_told_of_and_hide_nothing() {
    let repo = TestRepo::of(PLAIN);
    let dir = repo.home.path().join("files");
    fs::create_dir_all(dir.join("deep")).expect("a directory");
    fs::write(dir.join("a.txt"), "nothing").expect("written");
    fs::write(dir.join("deep/t.jsonl"), conversation("/x")).expect("written");
    let summary = repo.run(&["import", "--json", path(&dir)]).ok().json();
    assert_eq!(results(&summary), ["created"]);
    assert_eq!(summary["skipped"], json!([path(&dir.join("a.txt"))]));
    let named = repo.run(&["import", "--json", path(&dir.join("a.txt")), path(&dir.join("deep"))]);
    let named = named.exits(1);
    assert!(named.stderr.contains("no transcript of a known agent"), "{}", named.stderr);
    let summary: Value = serde_json::from_str(&named.stdout).expect("JSON");
    assert_eq!(results(&summary), ["unchanged"]);
    assert_eq!(summary["failed"].as_array().map(Vec::len), Some(1));
    let database = dir.join("opencode.db");
    fs::write(&database, b"SQLite format 3\0and pages").expect("written");
    let database = repo.run(&["import", path(&database)]).exits(1);
    assert!(database.stderr.contains("opencode export"), "{}", database.stderr);
    let missing = repo.run(&["import", "nowhere.jsonl"]).exits(1);
    assert!(missing.stderr.contains("cannot import"), "{}", missing.stderr);
    repo.run(&["import"]).exits(129);
}

#[test]
fn a_named_file_of_an_unknown_agent_is_taken_if_something_is_said_in_it() {
    let repo = TestRepo::of(PLAIN);
    let dir = repo.home.path().join("files");
    fs::create_dir_all(&dir).expect("a directory");
    let said = "{\"role\":\"user\",\"content\":\"Fix it\"}\n{\"role\":\"assistant\",\"content\":\"Done\"}\n";
    fs::write(dir.join("said.jsonl"), said).expect("written");
    fs::write(dir.join("settings.json"), "{\"a\":{\"b\":1}}\n").expect("written");
    let summary = repo.run(&["import", "--json", path(&dir)]).ok().json();
    assert_eq!(summary["skipped"].as_array().map(Vec::len), Some(2));
    let settings = repo.run(&["import", path(&dir.join("settings.json"))]).exits(1);
    assert!(settings.stderr.contains("--layout says whose it is"), "{}", settings.stderr);
    fs::write(dir.join("steps.jsonl"), "{\"step\":1}\n42\n[2]\n").expect("written");
    let steps = repo.run(&["import", "--json", path(&dir.join("steps.jsonl"))]).ok().json();
    let id = text(&steps["sessions"][0]["id"]);
    assert_eq!(raw(&repo, id), "{\"step\":1}\n42\n[2]\n");
    repo.run(&["delete", "-f", id]).ok();
    let managed = "{\"chainId\":\"C\",\"tokenUsage\":{},\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}";
    fs::write(dir.join("said.json"), managed).expect("written");
    repo.run(&["import", path(&dir.join("said.json"))]).exits(1);
    assert_eq!(repo.git(&["for-each-ref", "refs/sessions"]), "");
    let summary = repo.run(&["import", "--json", path(&dir.join("said.jsonl"))]).ok().json();
    let entry = &summary["sessions"][0];
    assert_eq!((&entry["agent"], &entry["messages"]), (&json!("unknown"), &json!(2)));
    let id = text(&entry["id"]);
    assert_eq!((raw(&repo, id).as_str(), text(&repo.show(id)["title"])), (said, "Fix it"));
    let again = repo.run(&["import", "--json", path(&dir.join("said.jsonl"))]).ok().json();
    assert_eq!(results(&again), ["unchanged"]);
    repo.check();
}

#[test]
fn a_dry_run_tells_and_changes_nothing() {
    let repo = TestRepo::of(PLAIN);
    let file = repo.home.path().join("t.jsonl");
    let whole = conversation("/x");
    fs::write(&file, &whole).expect("written");
    let refs = repo.refs();
    let summary = repo.run(&["import", "-n", "--json", path(&file)]).ok().json();
    assert_eq!(results(&summary), ["created"]);
    assert_eq!(summary["sessions"][0]["id"], Value::Null);
    assert_eq!(summary["sessions"][0]["bytes"], whole.len());
    assert_eq!(repo.refs(), refs);
    let would = repo.run(&["import", "-n", path(&file)]).ok().stderr;
    let does = repo.run(&["import", path(&file)]).ok().stderr;
    let (_, does) = does.split_once(": imported").expect("told");
    assert_eq!(would, format!("would import{does}"));
    fs::write(&file, whole + &line("/x", 9, "assistant", "x")).expect("written");
    let refs = repo.refs();
    let summary = repo.run(&["import", "-n", "--json", path(&file)]).ok().json();
    assert_eq!((results(&summary), repo.refs()), (vec!["updated"], refs));
    assert_eq!(summary["sessions"][0]["messages"], 1);
}

#[test]
fn a_log_of_which_no_line_is_written_yet_is_no_error_and_no_session() {
    let repo = TestRepo::of(PLAIN);
    for (name, contents, status) in
        [("a.jsonl", "", 0), ("b.jsonl", "\n \n", 0), ("c.json", "", 1), ("d.txt", "", 1)]
    {
        let file = repo.home.path().join(name);
        fs::write(&file, contents).expect("written");
        repo.run(&["import", path(&file)]).exits(status);
        repo.run(&["import", "--agent", "codex", path(&file)]).exits(status);
    }
    assert_eq!(repo.git(&["for-each-ref", "refs/sessions"]), "");
}

#[test]
fn all_takes_what_the_agents_keep_of_this_repository_and_nothing_else() {
    let repo = TestRepo::of(PLAIN);
    let home = repo.home.path();
    let root = fs::canonicalize(&repo.root).expect("a directory");
    let place = |name: &str, contents: String| {
        let file = home.join(name);
        fs::create_dir_all(file.parent().expect("a directory")).expect("made");
        fs::write(file, contents).expect("written");
    };
    place(".claude/projects/a/here.jsonl", conversation(path(&root.join("src"))));
    let other = conversation("/another/repository").replace(NATIVE, "other");
    place(".claude/projects/b/there.jsonl", other);
    place(
        "codex/sessions/2026/rollout-1.jsonl",
        format!(
            "{}\n",
            json!({
                "timestamp": "2026-01-01T00:00:00Z", "type": "session_meta",
                "payload": {"id": "c-1", "cwd": path(&root), "cli_version": "0.1"},
            })
        ),
    );
    repo.set_env("CODEX_HOME", path(&home.join("codex")));
    repo.write(
        ".aider.chat.history.md",
        "\n# aider chat started at 2026-01-01 10:00:00\n\n#### hello  \n",
    );
    let summary = repo.run(&["import", "--all", "--json"]).ok().json();
    let agents: Vec<&str> = summary["sessions"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| text(&it["agent"]))
        .collect();
    assert_eq!(agents, ["claude-code", "codex", "aider"]);
    assert_eq!(summary["sessions"][0]["native_id"], NATIVE);
    let summary = repo.run(&["import", "--all", "--agent", "codex", "--json"]).ok().json();
    assert_eq!(results(&summary), ["unchanged"]);
}

#[test]
fn a_session_of_the_callers_choice_takes_a_transcript_and_keeps_its_state() {
    let repo = TestRepo::of(PLAIN);
    let made = repo.start(&["Mine"]);
    let file = repo.home.path().join("t.jsonl");
    fs::write(&file, conversation("/x")).expect("written");
    repo.run(&["import", "--session", text(&made["id"]), path(&file)]).ok();
    let session = repo.show(text(&made["id"]));
    assert_eq!((&session["title"], &session["status"]), (&json!("Mine"), &json!("running")));
    // It is known again without the option.
    let again = repo.run(&["import", "--json", path(&file)]).ok().json();
    assert_eq!(again["sessions"][0]["id"], made["id"]);
    assert_eq!(results(&again), ["unchanged"]);
    repo.run(&["show", text(&made["id"]), "--raw", "--source", "7"]).exits(129);
}

#[test]
fn secrets_in_a_transcript_are_not_kept() {
    let repo = TestRepo::of(PLAIN);
    let file = repo.home.path().join("t.jsonl");
    let secret = format!("ghp_{}", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8");
    let said = line("/x", 5, "user", &format!("use {secret}"));
    fs::write(&file, conversation("/x") + &said).expect("written");
    let summary = repo.run(&["import", "--json", path(&file)]).ok().json();
    let kept = raw(&repo, text(&summary["sessions"][0]["id"]));
    assert!(!kept.contains(&secret) && kept.contains("use "), "{kept}");
    assert_eq!(results(&repo.run(&["import", "--json", path(&file)]).ok().json()), ["unchanged"]);
}

#[test]
fn a_lean_transcript_has_what_was_said_and_nothing_that_nobody_can_read() {
    let repo = TestRepo::of(PLAIN);
    repo.git(&["config", "session.transcripts", "lean"]);
    let file = repo.home.path().join("t.jsonl");
    let signed = line("/x", 5, "assistant", "Signed").replace(
        r#""type":"text""#,
        r#""type":"thinking","thinking":"hm","signature":"EqQBCkYIBBgCKkA""#,
    );
    let write = |contents: &str| fs::write(&file, contents).expect("written");
    let import = || repo.run(&["import", "--json", path(&file)]).ok().json();
    write(&(conversation("/x") + &signed));
    let first = import();
    let id = text(&first["sessions"][0]["id"]);
    let kept = raw(&repo, id);
    assert!(kept.starts_with(&conversation("/x")) && !kept.contains("EqQB"), "{kept}");
    assert_eq!(repo.show(id)["tokens"]["output"], 10);
    assert_eq!(results(&import()), ["unchanged"]);
    let more = line("/x", 9, "user", "More");
    write(&(conversation("/x") + &signed + &more));
    assert_eq!(import()["sessions"][0]["bytes"], more.len());
    assert_eq!(raw(&repo, id), kept + &more);
    repo.git(&["config", "session.transcripts", "tiny"]);
    repo.run(&["import", path(&file)]).exits(128);
}
