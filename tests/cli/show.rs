//! `show`.

use serde_json::{Value, json};

use super::harness::{BEGINNING, TestRepo, for_each_kind, moment, text};

#[test]
fn json_is_one_line_with_every_key_and_the_documented_ones_are_there() {
    let repo = TestRepo::new();
    repo.start(&["x"]);
    let shown = repo.show("@");
    let keys: Vec<&str> = shown.as_object().expect("a map").keys().map(String::as_str).collect();
    for key in [
        "schema",
        "id",
        "handle",
        "name",
        "title",
        "lifecycle",
        "status",
        "class",
        "phase",
        "outcome",
        "reason",
        "created_at",
        "updated_at",
        "started_at",
        "ended_at",
        "author",
        "agent",
        "model",
        "role",
        "parent",
        "git",
        "branch",
        "links",
        "labels",
        "statistics",
        "configuration",
        "tokens",
        "commits",
        "checkpoints",
        "artifacts",
        "worker",
        "observed",
        "ref",
        "tip",
    ] {
        assert!(keys.contains(&key), "{key}");
    }
    let git = shown["git"].as_object().expect("a map");
    let keys: Vec<&str> = git.keys().map(String::as_str).collect();
    assert_eq!(keys, ["branch", "commit", "repo_root", "is_worktree", "worktree_name"]);
    let tokens = shown["tokens"].as_object().expect("a map");
    let keys: Vec<&str> = tokens.keys().map(String::as_str).collect();
    assert_eq!(keys, ["input", "output", "cache_read", "cache_write", "total"]);
}

#[test]
fn fields_are_selected_in_the_order_they_are_named() {
    let repo = TestRepo::new();
    let made = repo.start(&["x"]);
    let output = repo.run(&["show", "--json=status,id", "@"]).ok();
    let id = text(&made["id"]);
    assert_eq!(output.stdout, format!("{{\"status\":\"running\",\"id\":\"{id}\"}}\n"));
    assert_eq!(
        repo.run(&["show", "--json=id, title", "@"]).json().as_object().map(serde_json::Map::len),
        Some(2)
    );
}

#[test]
fn an_unknown_json_field_is_wrong_use_and_the_known_ones_are_told() {
    let repo = TestRepo::new();
    repo.start(&["x"]);
    for args in
        [["show", "--json=id,colour"], ["list", "--json=colour"], ["status", "--json=colour"]]
    {
        let error = repo.run(&args).error(129, "unknown_field");
        let known = error["details"]["known"].as_array().expect("a list");
        assert!(known.contains(&json!("handle")) && known.contains(&json!("statistics")));
    }
}

#[test]
fn yaml_is_the_record_as_it_is_stored() {
    for_each_kind(|repo| {
        let made = repo.start(&["设计: #1", "--label", "a", "--issue", "I-1"]);
        repo.run(&["update", "--set=links.deep={\"a\":[1,{\"b\":null}]}"]).refused();
        repo.run(&["update", "--set=links.deep={\"a\":[1,{\"b\":\"c\"}]}"]).ok();
        let blob = format!("{}:session.yaml", text(&made["ref"]));
        let mut stored = repo.git(&["cat-file", "blob", &blob]);
        stored.push('\n');
        assert_eq!(repo.run(&["show", "--yaml"]).ok().stdout, stored);
        assert!(stored.starts_with("version: 1\nid: "), "{stored}");
        assert!(!stored.contains("repo_root") && !stored.contains(&*repo.root.to_string_lossy()));
    });
}

#[test]
fn a_session_is_shown_as_it_was_after_a_commit_or_at_a_date() {
    for_each_kind(|repo| {
        let made = repo.start(&["x", "--lifecycle", "feature"]);
        let started = BEGINNING + 1;
        repo.wait(3600);
        repo.run(&["next"]).ok();
        let tip = repo.rev(text(&made["ref"]));
        repo.wait(86400);
        repo.run(&["next"]).ok();
        let at = |at: &str| repo.run(&["show", "--json", "--at", at]);
        let status = |value: &str| at(value).json()["status"].clone();
        assert_eq!(status(&tip), "generating_tasks");
        assert_eq!(status(&tip[..10]), "generating_tasks");
        assert_eq!(status(&format!("{tip}~1")), "planning");
        assert_eq!(status(&format!("{}~3", text(&made["ref"]))), "initializing");
        assert_eq!(status(&moment(started)), "planning", "the bound is inclusive");
        assert_eq!(status(&moment(started + 3600)), "planning");
        assert_eq!(status(&moment(started + 3601)), "generating_tasks");
        assert_eq!(status("2.hours"), "generating_tasks");
        assert_eq!(status("2026-01-07 18:00"), "generating_tasks");
        assert_eq!(status("2030-01-01"), "implementing");
        let shown = at(&tip).json();
        assert_eq!((&shown["tip"], &shown["seq"]), (&json!(tip), &json!(3)));
        // Before it was made; no date; a commit of the code.
        for wrong in ["2020-01-01", "garbage", "HEAD", ""] {
            let output = at(wrong);
            assert!(matches!(output.status, 1 | 129), "{wrong}: {}", output.status);
            assert_eq!(output.stdout, "");
        }
    });
}

#[test]
fn a_session_of_another_is_never_shown_at_a_commit() {
    let repo = TestRepo::new();
    let first = repo.start(&["one"]);
    repo.start(&["two"]);
    let output = repo.run(&["show", "--json", "--at", text(&first["tip"]), "@"]);
    output.error(129, "invalid_value");
}

#[test]
fn options_that_contradict_each_other_are_wrong_use() {
    let repo = TestRepo::new();
    repo.start(&["x"]);
    for args in [
        &["show", "--json", "--yaml"][..],
        &["show", "--yaml", "--format=%(id)"],
        &["show", "--json", "--format=%(id)"],
        &["list", "--all", "--active"],
        &["list", "--json", "--porcelain"],
        &["log", "--json", "-p"],
        &["status", "--json", "--porcelain"],
    ] {
        repo.run(args).exits(129);
    }
}

#[test]
fn a_format_is_accepted() {
    let repo = TestRepo::new();
    repo.start(&["x"]);
    repo.run(&["show", "--format=%(handle)"]).ok();
    repo.run(&["get", "--format", "%(id) %(title)"]).ok();
}

#[test]
fn every_time_is_utc_with_six_digits() {
    let repo = TestRepo::new();
    repo.start(&["x"]);
    repo.run(&["finish"]).ok();
    let shown = repo.show("@");
    for key in ["created_at", "updated_at", "started_at", "ended_at"] {
        let at = text(&shown[key]);
        assert_eq!((at.len(), &at[19..20], &at[26..]), (27, ".", "Z"), "{key}: {at}");
    }
    let zone = repo.cmd(&["show", "--json", "@"]).env("TZ", "Pacific/Apia").run().json();
    assert_eq!(zone, shown);
}

#[test]
fn showing_is_the_same_for_an_agent() {
    let repo = TestRepo::new();
    let made: Value = repo.start(&["x"]);
    let shown = repo.cmd(&["show", "--json", "@"]).env("CLAUDECODE", "1").run().json();
    assert_eq!(shown, made);
}
