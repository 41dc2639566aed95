//! The archive in several clones.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::harness::{Kind, Output, PLAIN, TestRepo, for_each_kind, text, texts};

const ARCHIVE: &str = "refs/sessions-archive/v1";

/// Makes an empty repository that both are clones of, each with a session that nothing points at.
fn clones(kind: Kind) -> [TestRepo; 2] {
    let repos = [TestRepo::of(kind), TestRepo::of(kind)];
    let path = repos[0].home.path().join("remote.git");
    let format = format!("--object-format={}", kind.hash);
    let path = path.to_string_lossy();
    repos[0].git(&["init", "-q", "--bare", &format, &path]);
    for repo in &repos {
        repo.git(&["remote", "add", "origin", &path]);
    }
    // The ids of the two must not be the same.
    repos[1].set_env("GIT_SESSION_TEST_SEED", "11");
    repos
}

/// Makes a session that has ended, archives it, and returns it as it was.
fn archived(repo: &TestRepo, title: &str) -> Value {
    let id = text(&repo.create(&[title])["id"]).to_owned();
    repo.run(&["terminate", &id]).ok();
    let session = repo.show(&id);
    repo.run(&["archive", &id]).ok();
    session
}

fn from(repo: &TestRepo) -> Value {
    repo.run(&["archive", "--from=origin", "--json"]).json()
}

fn titles(repo: &TestRepo) -> Vec<String> {
    let mut titles = repo.titles(&["--all"]);
    titles.sort();
    titles
}

fn remote_refs(repo: &TestRepo) -> Vec<String> {
    let lines = repo.git(&["ls-remote", "origin"]);
    lines.lines().map(|line| line.split('\t').nth(1).expect("a name").to_owned()).collect()
}

#[test]
fn another_clone_sees_what_was_archived_here() {
    for_each_kind(|repo| {
        let path: PathBuf = repo.home.path().join("remote.git");
        let hash = repo.git(&["rev-parse", "--show-object-format"]);
        let format = format!("--object-format={hash}");
        repo.git(&["init", "-q", "--bare", &format, &path.to_string_lossy()]);
        repo.git(&["remote", "add", "origin", &path.to_string_lossy()]);
        let session = archived(repo, "one");
        let dry = repo.run(&["push", "--all", "-n", "--json"]).json();
        assert_eq!(dry["archive"]["result"], "new");
        assert_eq!(remote_refs(repo), Vec::<String>::new());
        let told = repo.run(&["push", "--all"]).ok().stdout;
        assert!(told.contains("the archive, with 1 new session\n"), "{told}");
        assert_eq!(remote_refs(repo), [ARCHIVE], "no ref of its own");
        let again = repo.run(&["push", "--all"]).ok();
        assert_eq!((again.stdout.as_str(), again.stderr.as_str()), ("", "Everything up-to-date\n"));
        archived(repo, "two");
        let usual = repo.run(&["push", "--json"]).json();
        assert_eq!(usual["archive"]["sessions"], 1, "the remote has an archive");
        let other =
            TestRepo::of(Kind { hash: if hash == "sha1" { "sha1" } else { "sha256" }, ..PLAIN });
        other.git(&["remote", "add", "origin", &path.to_string_lossy()]);
        assert_eq!(from(&other)["new"].as_array().map(Vec::len), Some(2));
        assert_eq!(titles(&other), ["one", "two"]);
        let there = other.show(text(&session["id"]));
        for key in ["id", "tip", "title", "status", "updated_at"] {
            assert_eq!(there[key], session[key], "{key}");
        }
        assert_eq!(from(&other), json!({ "new": [], "deleted": [], "diverged": [] }));
    });
}

#[test]
fn two_clones_that_archived_different_sessions_join_without_loss() {
    let [one, two] = clones(PLAIN);
    archived(&one, "here");
    archived(&two, "there");
    one.run(&["push", "--all"]).ok();
    let refused = two.run(&["push", "--all"]);
    assert_eq!(refused.status, 1);
    assert!(refused.stderr.contains("git session archive --from=origin"), "{}", refused.stderr);
    let before = two.refs();
    assert_eq!(from(&two)["new"].as_array().map(Vec::len), Some(1));
    assert_ne!(two.refs(), before);
    assert_eq!(titles(&two), ["here", "there"]);
    two.run(&["push", "--all"]).ok();
    assert_eq!(from(&one)["new"].as_array().map(Vec::len), Some(1));
    assert_eq!(titles(&one), ["here", "there"]);
    assert_eq!(one.rev(ARCHIVE), two.rev(ARCHIVE));
    for repo in [&one, &two] {
        repo.git(&["gc", "-q", "--prune=now"]);
        assert_eq!(titles(repo), ["here", "there"]);
        for id in texts(&repo.run(&["list", "--all", "--json"]).json()["sessions"], "id") {
            assert_eq!(repo.show(&id)["status"], "terminated");
        }
    }
}

#[test]
fn two_that_join_at_the_same_time_make_the_same_commit() {
    let [one, two] = clones(PLAIN);
    archived(&one, "here");
    archived(&two, "there");
    let path = |repo: &TestRepo| repo.root.to_string_lossy().into_owned();
    for (repo, other) in [(&one, &two), (&two, &one)] {
        repo.git(&["fetch", "-q", &path(other), &format!("{ARCHIVE}:refs/kept")]);
    }
    for repo in [&one, &two] {
        repo.git(&["push", "-q", "-f", "origin", &format!("refs/kept:{ARCHIVE}")]);
        repo.wait(500);
        from(repo);
        assert_eq!(titles(repo), ["here", "there"]);
    }
    assert_eq!(one.rev(ARCHIVE), two.rev(ARCHIVE));
}

#[test]
fn a_session_that_was_deleted_in_one_clone_does_not_come_back_from_the_other() {
    let [one, two] = clones(PLAIN);
    let session = archived(&one, "secret plan");
    one.run(&["push", "--all"]).ok();
    from(&two);
    archived(&two, "there");
    one.run(&["delete", text(&session["id"])]).ok();
    one.run(&["push"]).ok();
    assert_eq!(from(&two)["deleted"], json!([session["id"]]));
    assert_eq!(titles(&two), ["there"]);
    two.run(&["push"]).ok();
    from(&one);
    assert_eq!(titles(&one), ["there"]);
}

#[test]
fn what_went_on_elsewhere_and_was_archived_there_goes_on_here() {
    let [one, two] = clones(PLAIN);
    let id = text(&one.create(&["shared"])["id"]).to_owned();
    one.run(&["terminate", &id]).ok();
    let name = format!("refs/sessions/{id}");
    one.run(&["push", "origin", &id]).ok();
    two.git(&["fetch", "-q", "origin", &format!("{name}:{name}")]);
    one.run(&["update", &id, "--set", "title=Went on"]).ok();
    one.run(&["archive", &id]).ok();
    one.run(&["push", "--all"]).ok();
    from(&two);
    assert_eq!((titles(&two), two.rev(&name)), (vec!["Went on".to_owned()], String::new()));
}

#[test]
fn a_session_that_went_on_in_both_clones_is_told_and_both_commits_are_kept() {
    let [one, two] = clones(PLAIN);
    let session = archived(&one, "shared");
    let id = text(&session["id"]);
    one.run(&["push", "--all"]).ok();
    from(&two);
    let mut tips = Vec::new();
    for (repo, n) in [(&one, 1), (&two, 2)] {
        for at in 0..n {
            repo.run(&["update", id, "--set", &format!("title=Way {n} {at}")]).ok();
        }
        tips.push(text(&repo.show(id)["tip"]).to_owned());
        repo.run(&["archive", id]).ok();
    }
    one.run(&["push", "--all"]).ok();
    assert_eq!(from(&two)["diverged"], json!([id]));
    assert_eq!(two.show(id)["title"], "Way 2 1");
    two.git(&["gc", "-q", "--prune=now"]);
    for tip in &tips {
        two.git(&["merge-base", "--is-ancestor", tip, ARCHIVE]);
    }
}

/// Puts an archive at the remote that went on from the one here with another table.
fn forge(repo: &TestRepo, change: impl Fn(&str) -> String) {
    let file = repo.git(&["ls-tree", "--name-only", &format!("{ARCHIVE}:index")]);
    let table = repo.git(&["cat-file", "blob", &format!("{ARCHIVE}:index/{file}")]) + "\n";
    let blob = repo.git_feed(&["hash-object", "-w", "--stdin"], change(&table).as_bytes());
    let line = format!("100644 blob {blob}\t{file}\n");
    let index = repo.git_feed(&["mktree"], line.as_bytes());
    let tree = repo.git_feed(&["mktree"], format!("040000 tree {index}\tindex\n").as_bytes());
    let commit = repo.git(&["commit-tree", "-m", "archive", "-p", ARCHIVE, &tree]);
    repo.git(&["push", "-q", "-f", "origin", &format!("{commit}:{ARCHIVE}")]);
}

#[test]
fn an_archive_of_a_stranger_is_taken_in_only_as_far_as_its_sessions_say_the_same() {
    let [one, two] = clones(PLAIN);
    let first = archived(&one, "first");
    archived(&one, "second");
    one.run(&["push", "--all"]).ok();
    from(&two);
    let tip = text(&first["tip"]);
    let other = one.rev(ARCHIVE);
    // Another title, the commit of nothing, and that with a greater number.
    for change in [
        &(|table: &str| table.replace("\tfirst", "\tfake")) as &dyn Fn(&str) -> String,
        &|table| table.replace(tip, &other),
        &|table| table.replace(&format!("{tip}\t"), &format!("{other}\t9")),
    ] {
        forge(&one, change);
        let three = &clones(PLAIN)[1];
        let url = one.git(&["remote", "get-url", "origin"]);
        three.git(&["remote", "set-url", "origin", &url]);
        three.run(&["archive", "--from=origin"]).exits(128);
        assert_eq!(three.rev(ARCHIVE), "");
        // Who has the session keeps what that says.
        two.run(&["archive", "--from=origin"]);
        assert_eq!(titles(&two), ["first", "second"]);
        assert_eq!(two.show(text(&first["id"]))["tip"], tip);
    }
    // Left out, not deleted.
    forge(&one, |table| table.split_inclusive('\n').filter(|line| !line.contains(tip)).collect());
    assert_eq!(from(&two), json!({ "new": [], "deleted": [], "diverged": [] }));
    assert_eq!(titles(&two), ["first", "second"]);
}

#[test]
fn an_archive_with_a_secret_in_it_stays_here() {
    let [one, _] = clones(PLAIN);
    one.git(&["config", "session.redact", "false"]);
    archived(&one, "the key is AKIAQ3EGUFXJ5LTZBVNA");
    let refused = one.run(&["push", "--all", "--json"]);
    refused.error(1, "secret");
    assert_eq!(remote_refs(&one), Vec::<String>::new());
}

#[test]
fn what_is_no_remote_or_has_no_archive_changes_nothing() {
    let [one, _] = clones(PLAIN);
    archived(&one, "one");
    let before = one.refs();
    one.run(&["archive", "--json", "--from=nowhere"]).error(1, "not_found");
    one.run(&["archive", "--json", "--from=--upload-pack=x"]).error(1, "not_found");
    assert_eq!(from(&one), json!({ "new": [], "deleted": [], "diverged": [] }));
    one.run(&["archive", "--from=origin", "-n"]).exits(129);
    assert_eq!(one.refs(), before);
    let gone: Output = one.run(&["archive", "--json", "--from=origin"]);
    gone.ok();
    one.git(&["remote", "set-url", "origin", "/nonexistent"]);
    one.run(&["archive", "--json", "--from=origin"]).error(128, "io");
    assert_eq!(one.refs(), before);
}
