//! `import --from git-ai`: sessions that git-ai's notes tell of.

use serde_json::{Value, json};

use super::harness::{PLAIN, TestRepo, for_each_kind, text};

const NATIVE: &str = "6c0e0e1c-0000-4000-8000-00000000000b";

/// Commits with a subject, and returns the commit.
fn commit(repo: &TestRepo, subject: &str) -> String {
    repo.git(&["commit", "-q", "--allow-empty", "-m", subject]);
    repo.rev("HEAD")
}

fn note(repo: &TestRepo, commit: &str, lines: &str, metadata: &Value) {
    let note = format!("{lines}---\n{metadata}\n");
    repo.git(&["notes", "--ref=ai", "add", "-f", "-m", &note, commit]);
}

/// Returns the metadata of a note on one session of Claude Code's.
fn session() -> Value {
    let id = json!({"tool": "claude", "id": NATIVE, "model": "claude-x"});
    let session = json!({"agent_id": id, "human_author": "Ada <ada@example.com>"});
    json!({"schema_version": "authorship/3.0.0", "prompts": {}, "sessions": {"s_1": session}})
}

fn import(repo: &TestRepo) -> Value {
    repo.run(&["import", "--from", "git-ai", "--json"]).ok().json()
}

/// Returns the events of a kind that a session has, those that were replaced left out.
fn events(repo: &TestRepo, id: &str, kind: &str) -> Vec<Value> {
    let all = repo.run(&["show", id, "--log", "--json"]).ok().json_lines();
    let gone: Vec<&Value> =
        all.iter().filter_map(|it| it["replaces"].as_array()).flatten().collect();
    let is_it = |it: &&Value| it["kind"] == kind && !gone.contains(&&it["seq"]);
    all.iter().filter(is_it).cloned().collect()
}

#[test]
fn the_notes_of_a_session_are_one_session_with_its_commits_and_lines() {
    for_each_kind(|repo| {
        let first = commit(repo, "Add the parser");
        note(repo, &first, "src/a.rs\n  s_1::t_1 1-3\n  s_1::t_2 8\n", &session());
        // Whoever has said nothing for an hour has ended.
        repo.wait(3600);
        let summary = import(repo);
        let entry = &summary["sessions"][0];
        assert_eq!((&entry["agent"], &entry["native_id"]), (&json!("claude-code"), &json!(NATIVE)));
        let id = text(&entry["id"]);
        let shown = repo.show(id);
        for (key, expected) in [
            ("title", json!("Add the parser")),
            ("agent", json!("claude-code")),
            ("model", json!("claude-x")),
            ("outcome", json!("success")),
        ] {
            assert_eq!(shown[key], expected, "{key}");
        }
        let links = events(repo, id, "link");
        assert_eq!(links[0]["commit"], first);
        let expected =
            json!({"files": {"src/a.rs": "1-3,8"}, "human_author": "Ada <ada@example.com>"});
        assert_eq!(links[0]["x"], expected);
        let refs = repo.refs();
        assert_eq!(
            (&import(repo)["sessions"][0]["result"], repo.refs()),
            (&json!("unchanged"), refs)
        );
        let second = commit(repo, "Fix the parser");
        note(repo, &second, "src/a.rs\n  s_1::t_3 5\n", &session());
        let again = import(repo)["sessions"][0].clone();
        assert_eq!((text(&again["id"]), &again["result"]), (id, &json!("updated")));
        assert_eq!(repo.links(id).len(), 2);
        let mut linked: Vec<Value> =
            events(repo, id, "link").into_iter().map(|it| it["commit"].clone()).collect();
        linked.sort_by_key(|it| *it != first);
        assert_eq!(linked, [first.as_str(), second.as_str()]);
    });
}

#[test]
fn what_older_notes_say_is_a_conversation_and_not_said_twice_beside_a_transcript() {
    let repo = TestRepo::of(PLAIN);
    let made = commit(&repo, "Made");
    let said = json!([
        {"type": "user", "text": "Fix it", "timestamp": "2026-01-01T10:00:00Z"},
        {"type": "assistant", "text": "Looking"},
        {"type": "tool_use", "name": "grep", "input": {"pattern": "x"}},
    ]);
    let prompt =
        |native: &str| json!({"agent_id": {"tool": "claude", "id": native}, "messages": said});
    let record = json!({
        "type": "user", "uuid": "u-1", "sessionId": NATIVE, "timestamp": "2026-01-01T10:00:00Z",
        "message": {"role": "user", "content": "Fix it"},
    });
    let own = repo.home.path().join("own.jsonl");
    std::fs::write(&own, format!("{record}\n")).expect("written");
    let own = repo.run(&["import", "--json", own.to_str().expect("text")]).ok().json();
    let prompts = json!({"prompts": {"p1": prompt(NATIVE), "p2": prompt("other")}});
    note(&repo, &made, "a\n  p1 1\n", &prompts);
    let summary = import(&repo);
    assert_eq!(summary["sessions"][0]["id"], own["sessions"][0]["id"]);
    let count =
        |n: usize, kind: &str| events(&repo, text(&summary["sessions"][n]["id"]), kind).len();
    assert_eq!((count(0, "message"), count(0, "tool.call"), count(0, "link")), (1, 0, 1));
    assert_eq!((count(1, "message"), count(1, "tool.call"), count(1, "link")), (2, 1, 1));
    assert_eq!(repo.show(text(&summary["sessions"][1]["id"]))["title"], "Fix it");
    repo.check();
}

#[test]
fn a_note_that_cannot_be_read_and_one_on_a_commit_that_is_gone_hide_no_other() {
    let repo = TestRepo::of(PLAIN);
    let (good, bad) = (commit(&repo, "Good"), commit(&repo, "Bad"));
    note(&repo, &good, "a\n  s_1::t 1\n", &session());
    repo.git(&["notes", "--ref=ai", "add", "-m", "hello", &bad]);
    // A tree that says that a commit which is not here has a note.
    let listed = repo.git(&["ls-tree", "refs/notes/ai"]);
    let gone = good.replace(|c: char| c.is_ascii_digit(), "0");
    let tree = format!(
        "{listed}\n{}\n",
        listed.lines().next().expect("a note").replace(&good, &gone).replace(&bad, &gone)
    );
    let tree = repo.git_feed(&["mktree"], tree.as_bytes());
    let notes = repo.git(&["commit-tree", "-m", "notes", &tree]);
    repo.git(&["update-ref", "refs/notes/ai", &notes]);
    let output = repo.run(&["import", "--from", "git-ai", "--json"]).exits(1);
    let summary: Value = serde_json::from_str(&output.stdout).expect("JSON");
    assert_eq!(summary["sessions"].as_array().map(Vec::len), Some(1));
    assert_eq!(
        summary["failed"],
        json!([{"path": format!("refs/notes/ai:{bad}"), "reason": "it has no line '---'"}])
    );
    assert_eq!(import(&TestRepo::of(PLAIN))["sessions"], json!([]));
}
