//! `export --layout agent-trace`: which lines a session wrote.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::{Value, json};

use super::harness::{TestRepo, for_each_kind, text};

/// Commits everything, and returns the commit.
fn commit(repo: &TestRepo, message: &str) -> String {
    repo.git(&["add", "-A"]);
    repo.git(&["commit", "-q", "-m", message]);
    repo.rev("HEAD")
}

/// Makes a session of an agent that made `commits`.
fn session(repo: &TestRepo, commits: &[&str]) -> String {
    let made = repo.start(&["Trace it", "--agent", "claude-code", "--model", "claude-opus-4-5"]);
    let link = |commit: &&str| format!("{}\n", json!({"kind": "link", "commit": commit}));
    let lines: String = commits.iter().map(link).collect();
    repo.feed(&["record", "--input", "-"], &lines).ok();
    text(&made["id"]).to_owned()
}

fn records(repo: &TestRepo, id: &str) -> Vec<Value> {
    repo.run(&["export", "--layout", "agent-trace", id]).ok().json_lines()
}

/// Returns the lines of each file that a record names, after checking all that the format demands.
fn lines(record: &Value) -> BTreeMap<String, BTreeSet<u64>> {
    assert_eq!(record["version"], "0.1.0");
    let id = text(&record["id"]);
    assert!(id.len() == 36 && id.split('-').map(str::len).eq([8, 4, 4, 4, 12]), "{id}");
    assert!(text(&record["timestamp"]).ends_with('Z'), "{record}");
    assert_eq!(
        (&record["vcs"]["type"], &record["tool"]["name"]),
        (&json!("git"), &json!("git-session"))
    );
    let mut all = BTreeMap::new();
    for file in record["files"].as_array().expect("a list") {
        let conversations = file["conversations"].as_array().expect("a list");
        let mut told = BTreeSet::new();
        for conversation in conversations {
            assert!(text(&conversation["url"]).starts_with("git-session:refs/sessions/"));
            for range in conversation["ranges"].as_array().expect("a list") {
                let end = |key: &str| range[key].as_u64().expect("an integer");
                let (first, last) = (end("start_line"), end("end_line"));
                assert!(1 <= first && first <= last, "{range}");
                assert!((first..=last).all(|line| told.insert(line)), "{range} overlaps");
            }
        }
        assert!(
            all.insert(text(&file["path"]).to_owned(), told).is_none(),
            "{file} is there twice"
        );
    }
    all
}

/// Returns the lines of a file that git says to be of a commit.
fn blamed(repo: &TestRepo, commit: &str, path: &str) -> BTreeSet<u64> {
    let blame = repo.git(&["blame", "--porcelain", commit, "--", path]);
    let mut lines = BTreeSet::new();
    for line in blame.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        if words[0] == commit && words.len() >= 3 {
            lines.insert(words[2].parse().expect("a number"));
        }
    }
    lines
}

#[test]
fn each_commit_has_a_record_with_the_lines_that_it_adds() {
    for_each_kind(|repo| {
        repo.write("a.txt", "1\n2\n3\n4\n5\n6\n7\n8\n");
        repo.write("gone.txt", "x\n");
        repo.write("old name.txt", "a\nb\nc\nd\ne\nf\n");
        commit(repo, "before");
        repo.write("a.txt", "1\nnew\n3\n4\n5\nmore\nstill\n6\n8");
        repo.write("dir/caf\u{e9} \"q\"\t.txt", "one\n+++ b/x\n@@ -1 +1 @@\n");
        repo.write("binary", b"\0\x01\n\0");
        fs::remove_file(repo.root.join("gone.txt")).expect("removed");
        repo.git(&["mv", "old name.txt", "new name.txt"]);
        repo.write("new name.txt", "a\nb\nc\nd\ne\nf\ng\n");
        let first = commit(repo, "first");
        repo.git(&["mv", "new name.txt", "newer name.txt"]);
        let renamed = commit(repo, "only renamed");
        repo.write("a.txt", "0\n1\nnew\n");
        let second = commit(repo, "second");
        let id = session(repo, &[&first, &renamed, &first, &second]);
        let records = records(repo, &id);
        let revisions: Vec<&str> = records.iter().map(|it| text(&it["vcs"]["revision"])).collect();
        assert_eq!(revisions, [&first, &second]);
        for record in &records {
            let revision = text(&record["vcs"]["revision"]);
            for (path, told) in lines(record) {
                assert_eq!(told, blamed(repo, revision, &path), "{revision} {path}");
            }
        }
        let paths: Vec<String> = lines(&records[0]).into_keys().collect();
        assert_eq!(paths, ["a.txt", "dir/caf\u{e9} \"q\"\t.txt", "new name.txt"]);
        let contributor = &records[0]["files"][0]["conversations"][0]["contributor"];
        assert_eq!(contributor, &json!({"type": "ai", "model_id": "anthropic/claude-opus-4-5"}));
        assert_ne!(records[0]["id"], records[1]["id"]);
        assert_eq!(self::records(repo, &id), records);
    });
}

#[test]
fn a_merge_adds_nothing_and_a_root_adds_everything() {
    let repo = TestRepo::new();
    let root = repo.rev("HEAD");
    repo.git(&["switch", "-q", "-c", "side"]);
    repo.write("side.txt", "side\n");
    let side = commit(&repo, "side");
    repo.git(&["switch", "-q", "main"]);
    repo.write("main.txt", "main\n");
    commit(&repo, "main");
    repo.git(&["merge", "-q", "--no-ff", "-m", "merge", "side"]);
    let merge = repo.rev("HEAD");
    let id = session(&repo, &[&root, &merge, &side]);
    let records = records(&repo, &id);
    let revisions: Vec<&str> = records.iter().map(|it| text(&it["vcs"]["revision"])).collect();
    assert_eq!(
        revisions,
        [&root, &side].map(String::as_str)[usize::from(lines_of(&repo, &root) == 0)..]
    );
}

#[test]
fn a_commit_of_a_repository_with_other_ids_is_not_here() {
    for_each_kind(|repo| {
        repo.write("a.txt", "a\n");
        let made = commit(repo, "made");
        let foreign = "4b825dc642cb6eb9a060e54bf8d69288fbee4904".repeat(2);
        let foreign = &foreign[..if made.len() == 40 { 64 } else { 40 }];
        let id = session(repo, &[&made, foreign]);
        let told = repo.run(&["export", "--layout", "agent-trace", &id]).ok();
        let warning = format!("warning: commit {foreign} is not here");
        assert!(told.stderr.contains(&warning), "{}", told.stderr);
        assert_eq!(told.json_lines().len(), 1);
    });
}

/// Returns how many lines a root commit has.
fn lines_of(repo: &TestRepo, root: &str) -> usize {
    repo.git(&["show", "--format=", "--root", root]).lines().count()
}

#[test]
fn a_session_without_such_commits_is_refused_alone_and_left_out_of_several() {
    let repo = TestRepo::new();
    repo.write("a.txt", "a\n");
    let made = commit(&repo, "made");
    let gone = made.replace(|c: char| c.is_ascii_digit(), "0");
    let id = session(&repo, &[&made, &gone]);
    let empty = repo.start(&["Nothing"]);
    let refused = repo.run(&["export", "--layout", "agent-trace", text(&empty["id"])]).exits(1);
    assert!(refused.stderr.contains("no commit that adds lines"), "{}", refused.stderr);
    let all = repo.run(&["export", "--layout", "agent-trace", "--all"]).ok();
    assert!(all.stderr.contains(&format!("warning: commit {gone} is not here")), "{}", all.stderr);
    assert_eq!(all.json_lines().len(), 1);
    let out = repo.home.path().join("out/");
    let out = out.to_str().expect("text");
    repo.run(&["export", "--layout", "agent-trace", "-o", out, &id]).ok();
    let file = fs::read_to_string(format!("{out}{id}.agent-trace.jsonl")).expect("written");
    assert_eq!(file.lines().count(), 1);
}

#[test]
fn the_lines_of_a_person_are_a_persons_and_the_model_is_the_one_at_that_time() {
    let repo = TestRepo::new();
    repo.write("a.txt", "a\n");
    let made = commit(&repo, "made");
    let link = format!("{}\n", json!({"kind": "link", "commit": made}));
    repo.start(&["By hand"]);
    repo.feed(&["record", "--input", "-"], &link).ok();
    let contributor = |repo: &TestRepo| {
        let record = repo.run(&["export", "--layout", "agent-trace"]).ok().json();
        record["files"][0]["conversations"][0]["contributor"].clone()
    };
    assert_eq!(contributor(&repo), json!({"type": "human"}));
    let said = |at: &str, model: &str| {
        let said = json!({"kind": "message", "role": "assistant", "content": "x", "ts": at, "model": model});
        format!("{said}\n")
    };
    // The commit was made at 12:43:20.
    let events = said("2026-01-07T12:40:00Z", "gpt-5") + &said("2026-01-07T12:50:00Z", "gemini-3");
    repo.feed(&["record", "--input", "-"], &events).ok();
    assert_eq!(contributor(&repo), json!({"type": "ai", "model_id": "openai/gpt-5"}));
}
