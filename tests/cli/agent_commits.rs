//! Which agent's session a commit is linked to.

use serde_json::{Value, json};

use super::harness::{TestRepo, kinds};

/// Lets an agent call, after a tool of it has run `command`, which has said `answer`.
fn hear(repo: &TestRepo, event: &str, native: &str, (command, answer): (&str, &str)) {
    let said = json!({ "session_id": native, "cwd": repo.root.to_string_lossy(),
        "tool_name": "Bash", "tool_input": { "command": command },
        "tool_response": { "stdout": answer } });
    repo.feed(&["hook", "agent", "claude-code", event], &said.to_string()).ok();
}

fn work(repo: &TestRepo, native: &str) {
    hear(repo, "PostToolUse", native, ("ls", "a"));
}

fn commit(repo: &TestRepo, title: &str) -> String {
    repo.git(&["commit", "-q", "--allow-empty", "-m", title]);
    repo.rev("HEAD")
}

fn linked(repo: &TestRepo, native: &str) -> Vec<String> {
    let all = repo.run(&["list", "--all", "--json"]).json();
    let all = all["sessions"].as_array().expect("a list");
    let session = all.iter().find(|it| it["links"]["agent_session"] == native).expect("a session");
    let of = |it: &Value| it["commit"].as_str().expect("an id").to_owned();
    session["commits"].as_array().map(|it| it.iter().map(of).collect()).unwrap_or_default()
}

#[test]
fn a_commit_between_two_agents_is_linked_to_who_tells_of_it_and_else_to_nobody() {
    let repo = TestRepo::without_checkpoints();
    for native in ["a", "b"] {
        hear(&repo, "UserPromptSubmit", native, ("", ""));
    }
    let told = commit(&repo, "one");
    // Who did not make it is called first.
    work(&repo, "b");
    let answer = format!("[main {}] one", &told[..7]);
    hear(&repo, "PostToolUse", "a", ("git commit -m one", &answer));
    commit(&repo, "two");
    hear(&repo, "PostToolUse", "b", ("git commit -q -m two", ""));
    work(&repo, "a");
    assert_eq!((linked(&repo, "a"), linked(&repo, "b")), (vec![told], vec![]));
    repo.check();
}

#[test]
fn a_commit_of_an_agent_that_has_ended_is_not_taken_for_one_of_another() {
    let repo = TestRepo::without_checkpoints();
    for native in ["a", "b"] {
        hear(&repo, "UserPromptSubmit", native, ("", ""));
    }
    hear(&repo, "Stop", "b", ("", ""));
    let told = commit(&repo, "one");
    hear(&repo, "PostToolUse", "a", ("git commit -m one", &format!("[main {}] one", &told[..7])));
    hear(&repo, "SessionEnd", "a", ("", ""));
    work(&repo, "b");
    assert_eq!((linked(&repo, "a"), linked(&repo, "b")), (vec![told], vec![]));
    // Now it is alone, and what it made quietly is its own.
    let quiet = commit(&repo, "two");
    work(&repo, "b");
    assert_eq!(linked(&repo, "b"), [quiet]);
}

#[test]
fn an_agent_that_waits_for_its_person_makes_no_commits() {
    let repo = TestRepo::without_checkpoints();
    for native in ["a", "b"] {
        hear(&repo, "UserPromptSubmit", native, ("", ""));
    }
    hear(&repo, "Stop", "b", ("", ""));
    work(&repo, "a");
    let quiet = commit(&repo, "one");
    work(&repo, "a");
    assert_eq!(linked(&repo, "a"), [quiet]);
    // In another work tree others may do what they like.
    let other = repo.worktree("other");
    let said = json!({ "session_id": "c", "cwd": other.to_string_lossy() });
    repo.feed(&["hook", "agent", "claude-code", "UserPromptSubmit"], &said.to_string()).ok();
    let quiet = commit(&repo, "two");
    work(&repo, "a");
    assert_eq!(linked(&repo, "a")[1..], [quiet]);
    assert_eq!(linked(&repo, "c"), Vec::<String>::new());
}

#[test]
fn commits_are_linked_however_refs_are_kept() {
    for kind in kinds() {
        let repo = TestRepo::of(*kind).and_no_checkpoints();
        hear(&repo, "UserPromptSubmit", "a", ("", ""));
        let made = [commit(&repo, "one"), commit(&repo, "two")];
        repo.git(&["checkout", "-q", "-b", "other", "HEAD~1"]);
        work(&repo, "a");
        assert_eq!(linked(&repo, "a"), made, "{kind:?}");
    }
}

#[test]
fn a_commit_that_an_agent_tells_of_is_an_event_of_its_own() {
    let repo = TestRepo::without_checkpoints();
    hear(&repo, "UserPromptSubmit", "a", ("", ""));
    let made = commit(&repo, "one");
    work(&repo, "a");
    assert_eq!(linked(&repo, "a"), [made.as_str()]);
    let events = repo.run(&["log", "--type", "commit", "--oneline"]).ok().stdout;
    assert!(events.contains(&format!(" commit: {} one  ", &made[..7])), "{events}");
}
