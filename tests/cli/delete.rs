//! `delete`.

use std::fs;

use serde_json::json;

use super::harness::{ID, TestRepo, for_each_kind, text};

#[test]
fn an_ended_session_is_deleted_with_its_ref_and_reflog() {
    for_each_kind(|repo| {
        let made = repo.start(&["x"]);
        repo.run(&["finish"]).ok();
        let id = text(&made["id"]);
        assert_eq!(repo.run(&["delete", "--json", id]).json(), json!({ "deleted": id }));
        assert_eq!(repo.rev(text(&made["ref"])), "");
        repo.run(&["show", "--json", id]).error(1, "not_found");
        repo.run(&["delete", "--json", id]).error(1, "not_found");
        assert_eq!(repo.run(&["list", "--json", "--all"]).json()["sessions"], json!([]));
        assert_eq!(repo.run(&["status", "--json"]).ok().stdout, "null\n");
        assert!(!repo.refs().contains("session"), "{}", repo.refs());
    });
}

#[test]
fn an_open_session_is_deleted_only_when_forced() {
    for_each_kind(|repo| {
        let made = repo.start(&["x"]);
        let id = text(&made["id"]);
        let refs = repo.refs();
        repo.run(&["delete", "--json", id]).error(1, "invalid_value");
        assert_eq!(repo.refs(), refs);
        assert_eq!(repo.run(&["rm", "--json", "--force", id]).json()["deleted"], id);
        assert_eq!(repo.rev(text(&made["ref"])), "");
    });
}

#[test]
fn a_wrong_name_or_an_open_session_among_several_deletes_nothing() {
    let repo = TestRepo::new();
    let ended = repo.start(&["one"]);
    repo.run(&["finish"]).ok();
    let open = repo.start(&["two"]);
    let (ended, open) = (text(&ended["id"]), text(&open["id"]));
    let refs = repo.refs();
    repo.run(&["delete", "--json", ended, "nothing"]).error(1, "not_found");
    repo.run(&["delete", "--json", "-f", ended, ""]).error(1, "not_found");
    repo.run(&["delete", "--json", ended, open]).error(1, "invalid_value");
    repo.run(&["delete"]).exits(129);
    assert_eq!(repo.refs(), refs);
    let deleted = repo.run(&["delete", "--json", "-f", ended, open, ended]).json();
    assert_eq!(deleted, json!({ "deleted": [ended, open] }));
    assert!(!repo.refs().contains("refs/sessions"));
}

#[test]
fn a_dry_run_deletes_nothing() {
    let repo = TestRepo::new();
    let made = repo.start(&["x"]);
    let refs = repo.refs();
    let output = repo.run(&["delete", "-n", "-f", "@"]).ok();
    assert!(output.stdout.contains(text(&made["id"])), "{}", output.stdout);
    assert_eq!(repo.refs(), refs);
}

#[test]
fn every_work_tree_forgets_a_deleted_session() {
    for_each_kind(|repo| {
        let made = repo.start(&["x"]);
        let linked = repo.worktree("linked");
        let id = text(&made["id"]);
        repo.cmd(&["resume", id]).dir(&linked).run().ok();
        let status = repo.cmd(&["status", "--json"]).dir(&linked).run().json();
        assert_eq!(status["id"], id);
        repo.start(&["other"]);
        repo.run(&["delete", "-f", id]).ok();
        assert_eq!(repo.cmd(&["status", "--json"]).dir(&linked).run().ok().stdout, "null\n");
        repo.run(&["status", "--json", "-"]).error(1, "not_found");
        for name in ["worktrees/linked/refs/worktree/session", "refs/worktree/session-before"] {
            let mut git = repo.git_command(&["symbolic-ref", "-q", name]);
            assert!(!git.status().expect("git").success(), "{name}");
        }
        repo.git(&["worktree", "remove", "--force", "linked"]);
    });
}

#[test]
fn a_packed_session_is_deleted() {
    for_each_kind(|repo| {
        let kept = repo.start(&["kept"]);
        let made = repo.start(&["x"]);
        repo.git(&["pack-refs", "--all"]);
        repo.run(&["delete", "-f", text(&made["id"])]).ok();
        assert_eq!(repo.rev(text(&made["ref"])), "");
        assert_eq!(repo.rev(text(&kept["ref"])), text(&kept["tip"]));
        assert_eq!(repo.rev("refs/heads/main"), repo.rev("HEAD"));
    });
}

#[test]
fn a_damaged_session_can_be_deleted() {
    for_each_kind(|repo| {
        repo.start(&["good"]);
        repo.plant(ID, b"version: 1\nid: [\n");
        assert_eq!(repo.run(&["delete", "--json", ID]).json()["deleted"], ID);
        assert_eq!(repo.run(&["list", "--json"]).json()["corrupt"], json!([]));
        assert_eq!(repo.titles(&[]), ["good"]);
    });
}

#[test]
fn an_empty_ref_of_a_session_is_deleted_or_refused_but_harms_no_other() {
    let repo = TestRepo::new();
    repo.start(&["good"]);
    let path = repo.git_dir.join("refs/sessions").join(ID);
    fs::write(&path, "").expect("a file");
    repo.damaged();
    let output = repo.run(&["delete", "--json", "--force", ID]);
    assert_eq!(output.status == 0, !path.exists(), "{}", output.stderr);
    assert_eq!(repo.titles(&[]), ["good"]);
}
