//! `status`.

use serde_json::json;

use super::harness::{TestRepo, for_each_kind, text};

#[test]
fn without_a_session_the_status_is_null_and_no_error() {
    for_each_kind(|repo| {
        assert_eq!(repo.run(&["status", "--json"]).ok().stdout, "null\n");
        assert_eq!(repo.run(&["status", "--porcelain"]).ok().stdout, "");
        assert_eq!(repo.run(&["status", "-s"]).ok().stdout, "");
        repo.run(&["status"]).ok();
        repo.run::<&str>(&[]).ok();
    });
}

#[test]
fn the_status_is_that_of_the_current_session() {
    for_each_kind(|repo| {
        let made = repo.start(&["x"]);
        assert_eq!(repo.run(&["status", "--json"]).json(), made);
        let fields = repo.run(&["status", "--json=handle,status"]).json();
        assert_eq!(fields, json!({ "handle": made["handle"], "status": "running" }));
        repo.run(&["status"]).ok();
        repo.run::<&str>(&[]).ok();
    });
}

#[test]
fn an_ended_session_stays_current_until_another_begins() {
    let repo = TestRepo::new();
    let first = repo.start(&["one"]);
    repo.run(&["finish"]).ok();
    assert_eq!(repo.run(&["status", "--json"]).json()["outcome"], "success");
    let second = repo.start(&["two"]);
    assert_eq!(repo.run(&["status", "--json"]).json()["id"], second["id"]);
    assert_eq!(repo.run(&["status", "--json", "-"]).json()["id"], first["id"]);
    assert_eq!(repo.run(&["status", "--json", "@"]).json()["id"], second["id"]);
}

#[test]
fn a_session_can_be_named() {
    let repo = TestRepo::new();
    let first = repo.start(&["one"]);
    repo.start(&["two"]);
    let handle = text(&first["handle"]);
    assert_eq!(repo.run(&["status", "--json", handle]).json()["id"], first["id"]);
    repo.run(&["status", "--json", "nothing"]).error(1, "not_found");
}

#[test]
fn a_current_session_that_is_gone_is_none() {
    for_each_kind(|repo| {
        let made = repo.start(&["x"]);
        repo.git(&["update-ref", "-d", text(&made["ref"])]);
        assert_eq!(repo.run(&["status", "--json"]).ok().stdout, "null\n");
        let second = repo.start(&["y"]);
        assert_eq!(repo.run(&["status", "--json"]).json()["id"], second["id"]);
        repo.run(&["status", "--json", "-"]).error(1, "not_found");
        // git calls a symbolic ref to nothing a fault.
        repo.git(&["symbolic-ref", "-d", "refs/worktree/session-before"]);
    });
}

#[test]
fn where_several_sessions_are_open_they_are_told_and_none_is_chosen() {
    let repo = TestRepo::new();
    for title in ["one", "two"] {
        repo.create(&[title]);
    }
    let told = repo.run::<&str>(&[]).ok().stdout;
    assert!(told.starts_with("On branch main\nNo session"), "{told}");
    let listed = told.split("Open on this branch:").nth(1).expect("a list");
    assert!(listed.contains("  one  (main, ") && listed.contains("  two  (main, "), "{told}");
    repo.run(&["status", "--json"]).error(1, "ambiguous");
}
