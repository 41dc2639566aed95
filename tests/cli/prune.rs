//! `prune`, and `delete --purge`.

use std::fs;

use serde_json::{Value, json};

use super::harness::{PROGRAM, TestRepo, executable, for_each_kind, text};

const YEAR: u64 = 366 * 24 * 3600;

/// Makes a session that has ended and that nothing points at.
fn ended(repo: &TestRepo, args: &[&str]) -> String {
    let id = text(&repo.create(args)["id"]).to_owned();
    repo.run(&["attach", &id, &repo.write("note.txt", format!("kept in {id}")).to_string_lossy()])
        .ok();
    repo.run(&["terminate", &id]).ok();
    id
}

fn prune(repo: &TestRepo, args: &[&str]) -> Value {
    repo.run(&[&["prune", "--json", "--older-than=30d"], args].concat()).json()
}

/// Returns all objects that the repository has, with their kinds.
fn objects(repo: &TestRepo) -> String {
    repo.git(&["cat-file", "--batch-all-objects", "--batch-check", "--unordered"])
}

/// Tells whether some object has this text.
fn has_text(repo: &TestRepo, needle: &str) -> bool {
    let lines = objects(repo);
    lines.lines().any(|line| {
        let (oid, kind) = line.split_once(' ').expect("two words");
        let kind = kind.split(' ').next().expect("a kind");
        kind != "tree" && repo.git(&["cat-file", kind, oid]).contains(needle)
    })
}

#[test]
fn what_ended_long_ago_is_deleted_whether_archived_or_not_and_nothing_else() {
    for_each_kind(|repo| {
        let old = [ended(repo, &["old"]), ended(repo, &["old, too"])];
        let open = repo.create(&["old and open"]);
        repo.run(&["archive", &old[0]]).ok();
        repo.wait(YEAR);
        let young = ended(repo, &["young"]);
        let refs = repo.refs();
        assert_eq!(prune(repo, &["-n"])["would_delete"], json!(old));
        assert_eq!(repo.refs(), refs);
        let answer = prune(repo, &[]);
        assert_eq!(answer, json!({ "deleted": old, "kept": [], "corrupt": [], "purged": null }));
        assert_eq!(repo.titles(&["--all"]), ["young", "old and open"]);
        for id in &old {
            repo.run(&["show", "--json", id]).error(1, "not_found");
        }
        for id in [text(&open["id"]), &young] {
            repo.show(id);
        }
        assert_eq!(prune(repo, &[])["deleted"], json!([]));
    });
}

#[test]
fn a_pruned_session_does_not_come_back_with_the_archive_of_another_clone() {
    let repo = TestRepo::new();
    let id = ended(&repo, &["old"]);
    let refs = "refs/sessions-archive/v1:refs/sessions-archive/v1";
    repo.run(&["archive", &id]).ok();
    let path = repo.home.path().join("remote.git");
    repo.git(&["init", "-q", "--bare", &path.to_string_lossy()]);
    repo.git(&["remote", "add", "origin", &path.to_string_lossy()]);
    repo.git(&["push", "-q", "origin", refs]);
    repo.wait(YEAR);
    assert_eq!(prune(&repo, &[])["deleted"], json!([id]));
    repo.run(&["archive", "--from=origin"]).ok();
    assert_eq!(repo.titles(&["--all"]), Vec::<String>::new());
}

#[test]
fn what_is_in_use_and_what_made_a_commit_of_a_branch_is_kept() {
    let repo = TestRepo::new().with_identity();
    let made = repo.start(&["made a commit"]);
    let hook = format!("#!/bin/sh\nexec '{PROGRAM}' hook post-commit \"$@\"\n");
    executable(&repo.git_dir.join("hooks/post-commit"), &hook);
    repo.write("x", "x");
    repo.git(&["add", "x"]);
    repo.git(&["commit", "-q", "-m", "work"]);
    repo.settle();
    assert_eq!(repo.links(text(&made["id"])).len(), 1);
    repo.run(&["finish"]).ok();
    let first = ended(&repo, &["continued"]);
    let second = repo.create(&["goes on", "--parent", &first]);
    let current = repo.start(&["current"]);
    repo.run(&["finish"]).ok();
    repo.start(&["one more"]);
    repo.run(&["finish"]).ok();
    repo.wait(YEAR);
    let answer = prune(&repo, &["-n"]);
    let kept = |id: &Value| {
        let all = answer["kept"].as_array().expect("a list");
        all.iter().find(|it| it["id"] == *id).map_or(Value::Null, |it| it["reason"].clone())
    };
    assert_eq!(answer["would_delete"], json!([]), "{answer}");
    assert_eq!(kept(&made["id"]), "linked");
    assert_eq!(kept(&json!(first)), "continued");
    assert_eq!(kept(&current["id"]), "current");
    assert_eq!(kept(&second["id"]), Value::Null, "it is open");
    assert_eq!(prune(&repo, &["-n", "--linked"])["would_delete"], json!([made["id"]]));
}

#[test]
fn a_damaged_session_is_kept_and_told_and_a_wrong_date_deletes_nothing() {
    let repo = TestRepo::new();
    let id = ended(&repo, &["old"]);
    repo.plant(super::harness::ID, b"nonsense");
    repo.wait(YEAR);
    let refs = repo.refs();
    repo.run(&["prune", "--json"]).exits(129);
    repo.run(&["prune", "--json", "--older-than=soon"]).error(129, "invalid_value");
    repo.run(&["prune", "--older-than=1d", "-n", "--purge"]).exits(129);
    assert_eq!(repo.refs(), refs);
    let answer = repo.run(&["prune", "--json", "--older-than=30d"]).exits(1);
    let answer: Value = serde_json::from_str(&answer.stdout).expect("JSON");
    assert_eq!(answer["deleted"], json!([id]));
    assert_eq!(answer["corrupt"][0]["id"], super::harness::ID);
    assert_ne!(repo.rev(&format!("refs/sessions/{}", super::harness::ID)), "");
}

#[test]
fn what_is_purged_is_in_no_object_and_nothing_else_is_lost() {
    for_each_kind(|repo| {
        let gone = [ended(repo, &["XYZZY in the title"]), ended(repo, &["plugh XYZZY"])];
        let kept = ended(repo, &["kept"]);
        // What somebody may want back, and what is about to be committed.
        let lost = repo.git_feed(&["hash-object", "-w", "--stdin"], b"nothing has this");
        repo.write("staged.txt", "staged");
        repo.git(&["add", "staged.txt"]);
        repo.run(&["archive", &gone[0], &kept]).ok();
        repo.run(&["update", &gone[0], "--set", "title=XYZZY again"]).ok();
        repo.git(&["gc", "-q"]);
        repo.git(&["commit-graph", "write", "--reachable"]);
        assert!(has_text(repo, "XYZZY"));
        let before = repo.show(&kept);
        let answer = repo.run(&["delete", "--json", "--purge", &gone[0], &gone[1]]).json();
        assert_eq!(answer["deleted"], json!(gone));
        assert_eq!(
            (&answer["purged"]["left"], &answer["purged"]["remotes"]),
            (&json!(0), &json!([]))
        );
        assert_ne!(answer["purged"]["objects"], 0);
        assert!(!has_text(repo, "XYZZY"));
        for id in &gone {
            assert!(!has_text(repo, &format!("kept in {id}")), "{id}");
            repo.run(&["show", "--json", id]).error(1, "not_found");
        }
        assert_eq!(repo.show(&kept), before);
        assert_eq!(repo.git(&["cat-file", "blob", &lost]), "nothing has this");
        repo.git(&["show", ":staged.txt"]);
        repo.git(&["fsck", "--strict", "--no-dangling"]);
        repo.git(&["commit-graph", "verify"]);
    });
}

#[test]
fn who_purges_is_told_which_remotes_had_some_of_it() {
    let repo = TestRepo::new();
    for (name, what) in [("backup", "one"), ("origin", "two"), ("empty", "")] {
        let path = repo.home.path().join(name);
        let path = path.to_string_lossy();
        repo.git(&["init", "-q", "--bare", &path]);
        repo.git(&["remote", "add", name, &path]);
        if !what.is_empty() {
            ended(&repo, &[what]);
        }
    }
    let sessions = repo.run(&["list", "--all", "--json"]).json();
    let ids = super::harness::texts(&sessions["sessions"], "id");
    let (two, one) = (&ids[0], &ids[1]);
    repo.run(&["push", "backup", one]).ok();
    repo.run(&["archive"]).ok();
    repo.run(&["push", "origin", "--all"]).ok();
    let told = repo.run(&["delete", "--purge", one]).ok().stderr;
    assert!(told.contains("warning: remote 'backup' had some of it"), "{told}");
    assert!(told.contains("warning: remote 'origin' had some of it"), "{told}");
    assert!(!told.contains("empty"), "{told}");
    assert!(!has_text(&repo, "one"));
    assert_eq!(repo.show(two)["title"], "two");
    let again = repo.run(&["delete", "--json", "--purge", two]).json();
    assert_eq!(again["purged"]["remotes"], json!([]), "nothing is noted of them any more");
}

#[test]
fn what_a_kept_pack_has_stays_and_is_told() {
    let repo = TestRepo::new();
    let id = ended(&repo, &["XYZZY"]);
    repo.git(&["repack", "-a", "-d", "-q"]);
    let packs = repo.git_dir.join("objects/pack");
    let pack = fs::read_dir(&packs)
        .expect("a directory")
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|it| it == "pack"))
        .expect("a pack");
    fs::write(pack.with_extension("keep"), "mine\n").expect("kept");
    let answer = repo.run(&["delete", "--json", "--purge", &id]).json();
    assert_ne!(answer["purged"]["left"], 0);
    assert_eq!(answer["purged"]["objects"], 0);
    fs::remove_file(pack.with_extension("keep")).expect("removed");
}
