//! `import --from entire`: sessions that Entire keeps in a repository.

use serde_json::{Value, json};

use super::harness::{PLAIN, TestRepo, for_each_kind, text};

const NATIVE: &str = "6c0e0e1c-0000-4000-8000-00000000000a";

/// Returns a line of Claude Code's.
fn line(n: u64, role: &str, said: &str) -> String {
    let at = format!("2026-01-01T10:{n:02}:00Z");
    let message = json!({"role": role, "content": [{"type": "text", "text": said}]});
    let record = json!({
        "type": role, "uuid": format!("u-{n}"), "sessionId": NATIVE, "timestamp": at, "message": message,
    });
    format!("{record}\n")
}

/// Returns the metadata of the session in a checkpoint.
fn metadata(checkpoint: &str, session: &str, minute: u64) -> String {
    let at = format!("2026-01-01T10:{minute:02}:30.123456Z");
    json!({"checkpoint_id": checkpoint, "session_id": session, "created_at": at, "branch": "topic",
        "agent": "Claude Code", "token_usage": {"input_tokens": 1}})
    .to_string()
}

/// Puts files on a ref, as one commit.
fn plant(repo: &TestRepo, name: &str, files: &[(String, String)]) {
    let index = repo.home.path().join("index");
    let index = index.to_str().expect("text");
    for (path, contents) in files {
        let blob = repo.git_feed(&["hash-object", "-w", "--stdin"], contents.as_bytes());
        let mut git = repo.git_command(&["update-index", "--add", "--cacheinfo"]);
        let entry = format!("100644,{blob},{path}");
        assert!(git.arg(entry).env("GIT_INDEX_FILE", index).status().expect("git").success());
    }
    let output = repo.git_command(&["write-tree"]).env("GIT_INDEX_FILE", index).output();
    let tree = String::from_utf8(output.expect("git").stdout).expect("text");
    let commit = repo.git(&["commit-tree", "-m", "Checkpoint", tree.trim()]);
    repo.git(&["update-ref", name, &commit]);
    std::fs::remove_file(index).expect("removed");
}

/// Commits with a message, and returns the commit.
fn commit(repo: &TestRepo, message: &str) -> String {
    repo.git(&["commit", "-q", "--allow-empty", "-m", message]);
    repo.rev("HEAD")
}

fn file(path: &str, contents: impl Into<String>) -> (String, String) {
    (path.to_owned(), contents.into())
}

fn import(repo: &TestRepo) -> Value {
    repo.run(&["import", "--from", "entire", "--json"]).ok().json()
}

fn messages(repo: &TestRepo, id: &str) -> Vec<String> {
    let told = repo.run(&["show", id, "--messages", "--json"]).ok().json();
    let list = told["messages"].as_array().expect("a list");
    list.iter().map(|it| text(&it["content"]).to_owned()).collect()
}

const BRANCH: &str = "refs/heads/entire/checkpoints/v1";

/// Two checkpoints of one session, the second with the whole transcript in two parts.
fn checkpoints() -> Vec<(String, String)> {
    let (one, two, three) =
        (line(1, "user", "Fix it"), line(2, "assistant", "Looking"), line(3, "assistant", "Done"));
    vec![
        file(
            "fe/0dc62dd084/0/metadata.json",
            metadata("fe0dc62dd084", &format!("2026-01-01-{NATIVE}"), 2),
        ),
        file("fe/0dc62dd084/0/full.jsonl", one.clone() + &two),
        file("fe/0dc62dd084/metadata.json", "{}"),
        file("ab/0000000001/0/metadata.json", metadata("ab0000000001", NATIVE, 3)),
        file("ab/0000000001/0/full.jsonl", one + &two),
        file("ab/0000000001/0/full.jsonl.001", three),
    ]
}

#[test]
fn the_checkpoints_of_a_session_are_one_session_with_its_commits() {
    for_each_kind(|repo| {
        plant(repo, BRANCH, &checkpoints());
        let first = commit(repo, "First\n\nEntire-Checkpoint: fe0dc62dd084");
        commit(repo, "Forged\n\nEntire-Checkpoint: fe0dc62dd084\n\nThis is no trailer any more.");
        let second =
            commit(repo, "Second\n\nEntire-Checkpoint: ab0000000001\nSigned-off-by: A <a@b>");
        let summary = import(repo);
        let entry = &summary["sessions"][0];
        assert_eq!((&entry["native_id"], &entry["agent"]), (&json!(NATIVE), &json!("claude-code")));
        let id = text(&entry["id"]);
        assert_eq!(messages(repo, id), ["Fix it", "Looking", "Done"]);
        let session = repo.show(id);
        assert_eq!(session["title"], "Fix it");
        assert_eq!(session["links"]["entire_session"], NATIVE);
        let mut expected = [(first, "fe0dc62dd084"), (second, "ab0000000001")];
        expected.sort();
        let links = repo.links(id);
        let linked = links.iter().map(|it| {
            assert_eq!((&it["known_by"], &it["status"]), (&json!("import"), &json!("running")));
            (text(&it["commit"]).to_owned(), text(&it["entire_checkpoint"]))
        });
        assert_eq!(linked.collect::<Vec<_>>(), expected);
        let refs = repo.refs();
        assert_eq!(
            (&import(repo)["sessions"][0]["result"], repo.refs()),
            (&json!("unchanged"), refs)
        );
    });
}

#[test]
fn checkpoints_are_found_on_refs_of_their_own_and_on_those_of_a_remote() {
    let repo = TestRepo::of(PLAIN);
    let below = |path: &str, contents: String| file(path, contents);
    let first = [
        below("0/metadata.json", metadata("01ARZ3NDEKTSV4RRFFQ69G5FAV", NATIVE, 1)),
        below("0/full.jsonl", line(1, "user", "Fix it")),
    ];
    plant(&repo, "refs/entire/checkpoints/AV/01ARZ3NDEKTSV4RRFFQ69G5FAV", &first);
    // Of older programs, a checkpoint holds what was said since the one before.
    let later = [
        file("ab/0000000001/0/metadata.json", metadata("ab0000000001", NATIVE, 3)),
        file("ab/0000000001/0/full.jsonl", line(2, "assistant", "Done")),
    ];
    plant(&repo, "refs/remotes/origin/entire/checkpoints/v1", &later);
    let dry = repo.run(&["import", "--from", "entire", "-n", "--json"]).ok().json();
    assert_eq!(
        (&dry["sessions"][0]["result"], &dry["sessions"][0]["id"]),
        (&json!("created"), &json!(null))
    );
    let id = text(&import(&repo)["sessions"][0]["id"]).to_owned();
    assert_eq!(messages(&repo, &id), ["Fix it", "Done"]);
    repo.check();
}

#[test]
fn a_session_of_the_agents_own_transcript_is_joined_and_not_doubled() {
    let repo = TestRepo::of(PLAIN);
    let own = repo.home.path().join("own.jsonl");
    std::fs::write(&own, line(1, "user", "Fix it") + &line(2, "assistant", "My key is here"))
        .expect("written");
    let own = repo.run(&["import", "--json", own.to_str().expect("text")]).ok().json();
    plant(&repo, BRANCH, &checkpoints());
    commit(&repo, "First\n\nEntire-Checkpoint: fe0dc62dd084");
    let entry = import(&repo)["sessions"][0].clone();
    assert_eq!((&entry["id"], &entry["result"]), (&own["sessions"][0]["id"], &json!("updated")));
    assert_eq!(messages(&repo, text(&entry["id"])), ["Fix it", "My key is here"]);
    assert_eq!(repo.links(text(&entry["id"])).len(), 1);
}

#[test]
fn a_damaged_checkpoint_is_told_of_and_hides_no_other() {
    let repo = TestRepo::of(PLAIN);
    let mut files = checkpoints();
    files.push(file("cd/0000000002/0/metadata.json", "{\"session_id\": 7}"));
    files.push(file("cd/0000000003/0/metadata.json", "nonsense"));
    files.push(file("../x".trim_start_matches("../"), "at the top"));
    // One whose transcript is not there still tells what was asked.
    files.push(file("cd/0000000004/0/metadata.json", metadata("cd0000000004", "other", 5)));
    files.push(file("cd/0000000004/0/prompt.txt", "Do this\n\n---\n\nDo that"));
    plant(&repo, BRANCH, &files);
    let blob = repo.git_feed(&["hash-object", "-w", "--stdin"], b"no commit");
    repo.git(&["update-ref", "refs/entire/checkpoints/09/ab0000000009", &blob]);
    let output = repo.run(&["import", "--from", "entire", "--json"]).exits(1);
    let summary: Value = serde_json::from_str(&output.stdout).expect("JSON");
    let native: Vec<&str> = summary["sessions"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| text(&it["native_id"]))
        .collect();
    assert_eq!(native, [NATIVE, "other"]);
    let failed = summary["failed"].as_array().expect("a list");
    assert_eq!(failed.len(), 3, "{failed:?}");
    let other = text(&summary["sessions"][1]["id"]);
    assert_eq!(messages(&repo, other), ["Do this", "Do that"]);
    let empty = TestRepo::of(PLAIN);
    assert_eq!(import(&empty), json!({"sessions": [], "skipped": [], "failed": []}));
}
