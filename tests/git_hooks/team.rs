//! Sessions of another clone: what the commit says, too, is certain; what only they say is not.

use serde_json::Value;

use super::harness::{Output, TestRepo, text};
use super::hooked::{commit, hook, linked, start};

/// Another clone with hooks, a session of its own, and what `here` has.
fn elsewhere(here: &TestRepo) -> (TestRepo, String) {
    let there = TestRepo::new();
    there.wait(77);
    hook(&there);
    take(&there, here, "+refs/heads/*:refs/remotes/here/*");
    there.git(&["reset", "-q", "--hard", "refs/remotes/here/main"]);
    let id = start(&there, &["theirs"]);
    (there, id)
}

fn take(to: &TestRepo, from: &TestRepo, refspec: &str) {
    from.settle();
    to.git(&["fetch", "-q", &from.root.to_string_lossy(), refspec]);
}

/// Makes the session `id` say that a commit of this repository was made in it, as anybody can.
fn forge(there: &TestRepo, id: &str, commit: &str) {
    there.settle();
    let name = format!("refs/sessions/{id}");
    let line = format!(r#"{{"commit":"{commit}","seq":99,"known_by":"hook"}}"#);
    let put = |args: &[&str], input: &str| there.git_feed(args, input.as_bytes()).trim().to_owned();
    let blob = put(&["hash-object", "-w", "--stdin"], &(line + "\n"));
    let file = format!("100644 blob {blob}\t{}.jsonl\n", &commit[..2]);
    let dir = put(&["mktree"], &file);
    let root = there.git(&["ls-tree", &name]);
    let tree = put(&["mktree"], &format!("{}\n040000 tree {dir}\tcommits\n", root.trim_end()));
    let message = there.git(&["log", "-1", "--format=%B", &name]);
    let made = put(&["commit-tree", &tree, "-p", &name], &message);
    there.git(&["update-ref", &name, &made]);
}

/// Returns the titles that `why` tells, with what speaks for them and how sure it is.
fn told(repo: &TestRepo, revision: &str) -> String {
    let output = repo.run(&["why", "--json", revision]);
    let document: Value = match output.status {
        0 => serde_json::from_str(&output.stdout).expect("JSON"),
        _ => output.error(1, "no_transcript")["details"].clone(),
    };
    let sessions = document["commits"][0]["sessions"].as_array().expect("a list").clone();
    let word = |it: &Value, key: &str| text(&it[key]).to_owned();
    let line = |it: &Value| ["title", "evidence", "confidence"].map(|key| word(it, key)).join(" ");
    sessions.iter().map(line).collect::<Vec<_>>().join(", ")
}

#[test]
fn a_team_sees_which_session_a_commit_was_made_in() {
    let here = TestRepo::new();
    let (there, id) = elsewhere(&here);
    there.feed(&["record", "--role", "user", "--message", "-"], "Do it").ok();
    commit(&there, "1\n", &["-m", "named"]);
    there.git(&["config", "session.trailer", "false"]);
    commit(&there, "2\n", &["-m", "not named"]);
    assert_eq!(linked(&there, &id).len(), 2);
    take(&here, &there, "refs/heads/main:refs/heads/theirs");
    take(&here, &there, "refs/sessions/*:refs/sessions/*");
    let before = here.refs();
    assert_eq!(told(&here, "theirs~"), "theirs record certain");
    assert_eq!(told(&here, "theirs"), "theirs record likely");
    let shown = here.run(&["why", "theirs"]).ok().stdout;
    assert!(
        shown.contains("Known by: only the session says so, in its record (likely)"),
        "{shown}"
    );
    let shown = here.run(&["why", "theirs~"]).ok().stdout;
    assert!(shown.contains("Known by: the session recorded the commit (certain)"), "{shown}");
    for args in [&["summary", "--json", "main..theirs"][..], &["summary", "--json", &id]] {
        let summed = here.run(args).json();
        let commits = summed["sessions"][0]["commits"].as_array().expect("a list").clone();
        let mut sure: Vec<&str> = commits.iter().map(|it| text(&it["confidence"])).collect();
        sure.sort_unstable();
        assert_eq!(sure, ["certain", "likely"], "{args:?}");
    }
    assert_eq!(text(&here.show("theirs")["id"]), id);
    assert_eq!(here.titles(&["--commit", "theirs", "--all"]), ["theirs"]);
    assert_eq!(here.refs(), before);
}

#[test]
fn a_session_from_elsewhere_takes_no_commit_from_one_that_made_it_here() {
    for has_trailer in [true, false] {
        let here = TestRepo::new();
        hook(&here);
        here.git(&["config", "session.trailer", if has_trailer { "true" } else { "false" }]);
        let own = start(&here, &["mine"]);
        let made = commit(&here, "1\n", &["-m", "work"]);
        here.settle();
        let (there, id) = elsewhere(&here);
        forge(&there, &id, &made);
        there.git(&["notes", "--ref=sessions", "add", "-m", &format!("Session-Id: {id}"), &made]);
        take(&here, &there, "refs/sessions/*:refs/sessions/*");
        take(&here, &there, "refs/notes/sessions:refs/notes/sessions");
        let before = here.refs();
        // The note has it looked at.
        assert_eq!(told(&here, "HEAD"), "mine record certain, theirs record claimed");
        assert_eq!(text(&here.show("HEAD")["id"]), own);
        let summed = here.run(&["summary", &id]).ok().stdout;
        assert!(summed.contains("work (claimed)"), "{summed}");
        assert_eq!(here.refs(), before);
        // It gets no part in what is made of the commit.
        here.git(&["commit", "-q", "--amend", "-m", "other words"]);
        assert_eq!(linked(&here, &own).len(), 2);
        let forged = here.git(&["rev-parse", &format!("refs/sessions/{id}")]);
        assert_eq!(forged, there.git(&["rev-parse", &format!("refs/sessions/{id}")]));
        assert_eq!(told(&here, "HEAD"), "mine record certain");
        here.check();
    }
}

#[test]
fn what_only_a_session_from_elsewhere_says_sends_it_nowhere() {
    let here = TestRepo::new();
    hook(&here);
    let remote = here.home.path().join("remote.git");
    here.git(&["init", "-q", "--bare", &remote.to_string_lossy()]);
    here.git(&["remote", "add", "origin", "../remote.git"]);
    here.git(&["config", "session.push", "true"]);
    let made = commit(&here, "1\n", &["-m", "work"]);
    let (there, id) = elsewhere(&here);
    forge(&there, &id, &made);
    take(&here, &there, "refs/sessions/*:refs/sessions/*");
    assert_eq!(told(&here, "HEAD"), "theirs record likely");
    here.git(&["push", "-q", "origin", "main"]);
    let mut git = here.git_command(&["for-each-ref", "--format=%(refname)"]);
    git.current_dir(&remote);
    assert_eq!(Output::of(git, None).ok().stdout, "refs/heads/main\n");
}
