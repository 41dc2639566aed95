//! `undo`.

use serde_json::{Value, json};

use super::harness::{TestRepo, kinds, text};

/// Returns a session without what each event has anew.
fn content(repo: &TestRepo) -> Value {
    let mut session = repo.show("@");
    for key in ["updated_at", "seq", "tip"] {
        session.as_object_mut().expect("an object").remove(key);
    }
    session
}

#[test]
fn each_undo_takes_back_one_change_more_and_the_history_keeps_all() {
    for kind in [kinds().first(), kinds().last()].into_iter().flatten() {
        let repo = &TestRepo::of(*kind);
        let made = repo.start(&["x"]);
        repo.write("a.md", "a");
        let changes: [&[&str]; 6] = [
            &["update", "--set", "title=y", "--add", "statistics.total_tasks=2"],
            &["attach", "a.md", "--as", "prd"],
            &["checkpoint"],
            &["detach", "a.md"],
            &["suspend", "-m", "lunch"],
            &["terminate"],
        ];
        let mut before = Vec::new();
        for change in changes {
            before.push(content(repo));
            repo.run(change).ok();
        }
        for (change, before) in changes.iter().zip(&before).rev() {
            let told = repo.run(&["undo"]).ok();
            assert!(told.stderr.starts_with("Took back event "), "{change:?}: {}", told.stderr);
            let now = content(repo);
            for (key, value) in before.as_object().expect("an object") {
                assert_eq!(now[key], *value, "{key} after {change:?}");
            }
        }
        let reference = text(&made["ref"]);
        assert_eq!(repo.git(&["rev-list", "--count", reference]), "14");
        assert_eq!(repo.rev(&format!("{reference}:checkpoints")), "");
        assert_eq!(repo.rev(&format!("{reference}:artifacts")), "");
        let told = repo.git(&["log", "-1", "--format=%B", reference]);
        assert!(told.starts_with("undo: update"), "{told}");
        assert!(told.contains("\nSession-Event: undo\n") && told.ends_with("\nSession-Undone: 3"));
        let events = repo.run(&["log", "--json", "--type", "undo"]).json_lines();
        assert_eq!(events.len(), 6);
        // What is there still is that it was begun; that it was made is for "delete".
        repo.run(&["undo"]).ok();
        assert_eq!(repo.show("@")["status"], "pending");
        let refused = repo.run(&["undo"]).refused();
        assert!(refused.contains("has no change to take back"), "{refused}");
    }
}

#[test]
fn a_change_after_an_undo_is_taken_back_first() {
    let repo = TestRepo::new();
    repo.start(&["one"]);
    repo.run(&["update", "--set", "title=two"]).ok();
    repo.run(&["undo"]).ok();
    repo.run(&["update", "--set", "title=three"]).ok();
    let told = repo.run(&["undo", "-n"]).ok();
    assert_eq!(
        (told.stdout.as_str(), told.stderr.as_str()),
        ("", "Would take back event 5 (update title)\n")
    );
    assert_eq!(repo.show("@")["title"], "three");
    repo.run(&["undo"]).ok();
    assert_eq!(repo.show("@")["title"], "one");
}

#[test]
fn what_was_recorded_since_stays() {
    let repo = TestRepo::new();
    repo.start(&["x"]);
    repo.run(&["update", "--set", "title=y", "--set", "links.issue=7"]).ok();
    repo.run(&["record", "--message", "Go on", "--role", "user", "--tokens", "in=5,out=2"]).ok();
    let session = repo.run(&["undo", "--json"]).json();
    assert_eq!((&session["title"], &session["links"]), (&json!("x"), &json!({})));
    assert_eq!(session["tokens"]["total"], 7);
    assert_eq!(
        repo.run(&["show", "--messages", "--json"]).json()["messages"].as_array().map(Vec::len),
        Some(1)
    );
}

#[test]
fn a_move_that_is_taken_back_is_forced_and_the_hook_is_asked() {
    let repo = TestRepo::new();
    let made = repo.start(&["x"]);
    repo.run(&["finish", "-m", "done"]).ok();
    let id = text(&made["id"]);
    let hook = repo.git_dir.join("hooks/session-transition");
    super::harness::executable(&hook, "#!/bin/sh\necho \"$2 $3\" >&2\nexit 1\n");
    let refused = repo.run(&["undo", id]).refused();
    assert!(refused.contains("terminated running"), "{refused}");
    std::fs::remove_file(hook).expect("removed");
    let session = repo.run(&["undo", "--json", id, "-m", "too early"]).json();
    assert_eq!((&session["status"], &session["outcome"]), (&json!("running"), &Value::Null));
    assert_eq!((&session["ended_at"], &session["reason"]), (&Value::Null, &Value::Null));
    let event = &repo.run(&["log", "--json", "-n1", id]).json_lines()[0];
    assert_eq!(
        (&event["kind"], &event["forced"], &event["from"]),
        (&json!("undo"), &json!(true), &json!("terminated"))
    );
    assert_eq!(event["reason"], "too early");
}

#[test]
fn a_checkpoint_that_was_taken_back_can_still_be_found_in_the_history() {
    let repo = TestRepo::new();
    let made = repo.start(&["x"]);
    repo.write("a", "1\n");
    repo.run(&["checkpoint"]).ok();
    repo.run(&["undo"]).ok();
    assert_eq!(repo.show("@")["checkpoints"], json!([]));
    assert_eq!(repo.show("@")["statistics"]["checkpoints_created"], 0);
    let reference = text(&made["ref"]);
    assert_eq!(repo.git(&["cat-file", "blob", &format!("{reference}~1:checkpoints/1/a")]), "1");
    assert!(repo.root.join("a").is_file());
    repo.run(&["checkpoint"]).ok();
    repo.run(&["diff", "last", "--exit-code"]).ok();
}

#[test]
fn the_same_write_again_takes_back_nothing_more() {
    let repo = TestRepo::new();
    repo.start(&["one"]);
    repo.run(&["update", "--set", "title=two"]).ok();
    repo.run(&["update", "--set", "title=three"]).ok();
    for _ in 0..2 {
        repo.run(&["undo", "--op", super::harness::ID]).ok();
        assert_eq!(repo.show("@")["title"], "two");
    }
}
