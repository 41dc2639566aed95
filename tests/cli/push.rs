//! `push`: what is sent, what is not, and what is noted of the remote.

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use super::harness::{Output, TestRepo, for_each_kind, text};

/// Makes an empty repository beside, and the remote `origin` for it.
fn remote(repo: &TestRepo) -> PathBuf {
    let path = repo.home.path().join("remote.git");
    let hash = repo.git(&["rev-parse", "--show-object-format"]);
    let format = format!("--object-format={hash}");
    repo.git(&["init", "-q", "--bare", &format, &path.to_string_lossy()]);
    repo.git(&["remote", "add", "origin", "../remote.git"]);
    path
}

/// Returns the sessions that a repository has, with their newest commits.
fn refs_of(repo: &TestRepo, path: &PathBuf, below: &str) -> Vec<(String, String)> {
    let mut git: Command =
        repo.git_command(&["for-each-ref", "--format=%(refname) %(objectname)", below]);
    git.current_dir(path);
    let lines = Output::of(git, None).ok().stdout;
    let parse = |line: &str| {
        let (name, oid) = line.split_once(' ').expect("two words");
        (name.rsplit('/').next().expect("a name").to_owned(), oid.to_owned())
    };
    lines.lines().map(parse).collect()
}

fn there(repo: &TestRepo, remote: &PathBuf) -> Vec<(String, String)> {
    refs_of(repo, remote, "refs/sessions")
}

fn pair(session: &Value) -> (String, String) {
    (text(&session["id"]).to_owned(), text(&session["tip"]).to_owned())
}

#[test]
fn what_the_remote_lacks_is_sent_and_noted() {
    for_each_kind(|repo| {
        let remote = remote(repo);
        let one = repo.start(&["One"]);
        let two = repo.create(&["Two"]);
        let ended = repo.create(&["Three"]);
        repo.run(&["terminate", text(&ended["id"])]).ok();
        let dry = repo.run(&["push", "-n"]).ok().stdout;
        assert!(
            dry.contains(&format!(" * [new session]      {} One\n", text(&one["handle"]))),
            "{dry}"
        );
        assert_eq!(
            (there(repo, &remote), refs_of(repo, &repo.root, "refs/session-remotes")),
            (vec![], vec![])
        );
        let pushed = repo.run(&["push"]).ok().stdout;
        assert_eq!(pushed, dry);
        assert_eq!(there(repo, &remote), [pair(&one), pair(&two)]);
        let noted = refs_of(repo, &repo.root, "refs/session-remotes/origin");
        assert_eq!(noted, there(repo, &remote));
        let nothing = repo.run(&["push"]).ok();
        assert_eq!(
            (nothing.stdout.as_str(), nothing.stderr.as_str()),
            ("", "Everything up-to-date\n")
        );
        // An ended one goes where it is known, else when all are wanted.
        let one = repo.run(&["finish", "--json", text(&one["id"])]).json();
        let answer = repo.run(&["push", "--json", "origin"]).json();
        let sent = json!({ "id": one["id"], "result": "updated", "from": noted[0].1, "to": one["tip"], "reason": null });
        assert_eq!(answer["sessions"], json!([sent]));
        assert_eq!(there(repo, &remote), [pair(&one), pair(&two)]);
        repo.run(&["push", "origin", text(&two["id"])]).ok();
        assert_eq!(there(repo, &remote).len(), 2);
        repo.run(&["push", "--all"]).ok();
        assert_eq!(there(repo, &remote).len(), 3);
    });
}

#[test]
fn with_a_secret_nothing_is_sent_and_its_place_is_told() {
    for_each_kind(|repo| {
        let remote = remote(repo);
        let token = ["gh", "p_", "q8Zk2Lx7Rt5Vb9Nc3Wd6Fg1Hs4Mp0QeYuIoP"].concat();
        let clean = repo.create(&["Clean"]);
        repo.git(&["config", "session.redact", "false"]);
        let session = repo.start(&["One"]);
        repo.run(&["record", "--role", "user", "--message", &token]).ok();
        let refused = repo.run(&["push"]).refused();
        let handle = text(&session["handle"]);
        let told = format!(
            "warning: session {handle} has a secret in conversation/1/0-events.jsonl (github-token)\n\
             error: refusing to push: there is a secret in conversation/1/0-events.jsonl\n"
        );
        assert!(refused.starts_with(&told) && !refused.contains(&token[4..]), "{refused}");
        let error = repo.run(&["push", "--json"]).error(1, "secret");
        let place = json!({ "session": session["id"], "path": "conversation/1/0-events.jsonl", "rule": "github-token" });
        assert_eq!(error["details"]["secrets"], json!([place]));
        assert_eq!(there(repo, &remote), []);
        repo.run(&["push", "origin", text(&clean["id"])]).ok();
        assert_eq!(there(repo, &remote), [pair(&clean)]);
        // What the remote has already is not looked at again.
        repo.run(&["push", "--no-scan"]).ok();
        repo.run(&["update", "--label", "x"]).ok();
        assert!(repo.run(&["push"]).ok().stdout.contains(".."));
        repo.run(&["suspend", "-m", &token]).ok();
        let refused = repo.run(&["push"]).refused();
        assert!(
            refused.contains("secrets in 2 places") && refused.contains("session.yaml"),
            "{refused}"
        );
    });
}

#[test]
fn other_events_there_are_told_and_overwritten_nowhere() {
    for_each_kind(|repo| {
        let remote = remote(repo);
        let (one, two) = (repo.start(&["One"]), repo.create(&["Two"]));
        repo.run(&["push"]).ok();
        let before = text(&one["tip"]);
        repo.run(&["update", "--label", "theirs", text(&one["id"])]).ok();
        repo.run(&["push"]).ok();
        let theirs = there(repo, &remote);
        // As if this clone had never made that event.
        let name = text(&one["ref"]);
        repo.git(&["update-ref", name, before]);
        let ours = repo.run(&["update", "--json", "--label", "ours", text(&one["id"])]).json();
        let two = repo.run(&["update", "--json", "--label", "ours", text(&two["id"])]).json();
        let output = repo.run(&["push"]).exits(1);
        let line = format!(" ! [rejected]         {} One (", text(&one["handle"]));
        assert!(output.stdout.contains(&line), "{}", output.stdout);
        assert!(output.stderr.contains("hint: nothing was overwritten"), "{}", output.stderr);
        assert_eq!(there(repo, &remote), [theirs[0].clone(), pair(&two)]);
        assert_eq!(repo.rev(name), text(&ours["tip"]));
        let noted = refs_of(repo, &repo.root, "refs/session-remotes/origin");
        assert_eq!(noted, there(repo, &remote));
    });
}

#[test]
fn a_remote_that_is_not_there_is_told() {
    let repo = TestRepo::new();
    repo.start(&["One"]);
    let refused = repo.run(&["push"]).refused();
    assert!(
        refused.starts_with("error: 'origin' is not a remote of this repository\nhint: add one"),
        "{refused}"
    );
    repo.git(&["remote", "add", "elsewhere", "/nowhere/at/all"]);
    repo.git(&["config", "branch.main.pushRemote", "elsewhere"]);
    for name in ["--upload-pack=x", "../remote.git", "ext::sh"] {
        let refused = repo.run(&["push", "--", name]).refused();
        assert!(
            refused.contains("is not a remote") && refused.contains("there are: elsewhere"),
            "{refused}"
        );
    }
    let fatal = repo.run(&["push"]).exits(128).stderr;
    assert!(fatal.starts_with("fatal: cannot push to 'elsewhere': "), "{fatal}");
    assert_eq!(repo.git(&["for-each-ref", "refs/session-remotes"]), "");
}

#[test]
fn a_damaged_session_is_not_sent_and_keeps_no_other_back() {
    let repo = TestRepo::new();
    repo.damaged();
    let remote = remote(&repo);
    let one = repo.start(&["One"]);
    repo.plant(super::harness::ID, b"version: 1\n");
    let output = repo.run(&["push"]).exits(1);
    assert!(output.stderr.contains("was not sent: "), "{}", output.stderr);
    assert_eq!(there(&repo, &remote), [pair(&one)]);
}
