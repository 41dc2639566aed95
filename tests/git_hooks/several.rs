//! Commits of several sessions, when history is rewritten: each is told for its own, and what was put together for
//! all.

use serde_json::Value;

use super::harness::{BEGINNING, Output, TestRepo, text};
use super::hooked::{hook, start};

/// A branch `b` with two commits of the session `one`, at the second of which is the branch `a`, and two of the
/// session `two`; `main` went on.
fn scene() -> TestRepo {
    let repo = TestRepo::new();
    hook(&repo);
    for (branch, title) in [("a", "one"), ("b", "two")] {
        repo.git(&["switch", "-q", "-c", branch]);
        start(&repo, &[title]);
        make(&repo, branch, "1\n", &["-m", &format!("{title} 1")]);
        make(&repo, branch, "1\n2\n", &["-m", &format!("{title} 2")]);
        repo.run(&["finish"]).ok();
    }
    repo.git(&["switch", "-q", "main"]);
    make(&repo, "other", "other\n", &["-m", "other"]);
    repo.git(&["switch", "-q", "b"]);
    repo
}

fn make(repo: &TestRepo, path: &str, contents: &str, args: &[&str]) {
    repo.write(path, contents);
    repo.git(&["add", path]);
    repo.git(&[&["commit", "-q"], args].concat());
}

/// Runs git later, where no hook is called.
fn unseen(repo: &TestRepo, args: &[&str]) {
    let mut git = repo.git_command(&[&["-c", "core.hooksPath=/dev/null"], args].concat());
    let at = format!("{} +0000", BEGINNING - 500);
    git.envs([("GIT_AUTHOR_DATE", &at), ("GIT_COMMITTER_DATE", &at)]);
    Output::of(git, None).ok();
}

/// Returns which sessions `why` tells for each commit that `main` has not, and how sure it is.
fn told(repo: &TestRepo) -> Vec<String> {
    let commits = repo.git(&["rev-list", "--reverse", "main.."]);
    let of = |commit: &str| {
        let output = repo.run(&["why", "--json", commit]);
        let document: Value = match output.status {
            0 => serde_json::from_str(&output.stdout).expect("JSON"),
            _ => {
                let error = output.stderr.lines().last().expect("an error");
                let error: Value = serde_json::from_str(error).expect("JSON");
                error["error"]["details"].clone()
            }
        };
        let sessions = document["commits"][0]["sessions"].as_array().expect("a list").clone();
        let told = |it: &Value| format!("{} {}", text(&it["title"]), text(&it["confidence"]));
        sessions.iter().map(told).collect::<Vec<_>>().join(", ")
    };
    commits.lines().map(of).collect()
}

#[test]
fn what_is_moved_stays_with_its_own_session() {
    let own = ["one certain", "one certain", "two certain", "two certain"];
    for is_seen in [true, false] {
        let git = |repo: &TestRepo, args: &[&str]| match is_seen {
            true => drop(repo.git(args)),
            false => unseen(repo, args),
        };
        let repo = scene();
        git(&repo, &["rebase", "-q", "main"]);
        assert_eq!(told(&repo), own, "rebase");
        let repo = scene();
        git(&repo, &["rebase", "-q", "--onto", "main", "a", "b"]);
        assert_eq!(told(&repo), own[2..], "rebase --onto");
        let repo = scene();
        repo.git(&["switch", "-q", "-c", "c", "main"]);
        start(&repo, &["three"]);
        git(&repo, &["cherry-pick", "-x", "a~", "a", "b~", "b"]);
        assert_eq!(told(&repo), own, "cherry-pick into another session");
    }
}

#[test]
fn a_fixup_goes_to_the_session_of_what_it_fixes_and_of_who_made_it() {
    let repo = scene();
    start(&repo, &["three"]);
    make(&repo, "b", "1\n2\n3\n", &["--fixup", "HEAD"]);
    make(&repo, "a", "1\n2\n3\n", &["--fixup", "a"]);
    let args = ["-c", "sequence.editor=true", "rebase", "-q", "-i", "--autosquash", "main"];
    repo.git(&args);
    let both = |own: &str| format!("{own} certain, three certain");
    let expected = ["one certain", &both("one"), "two certain", &both("two")];
    assert_eq!(told(&repo), expected);
    // That goes on when it is rewritten again, whoever works then.
    repo.git(&["rebase", "-q", "--force-rebase", "main"]);
    assert_eq!(told(&repo), expected);
    start(&repo, &["four"]);
    make(&repo, "b", "4\n", &["--amend", "--no-edit"]);
    let last = format!("{}, four certain", both("two"));
    assert_eq!(told(&repo), ["one certain", &both("one"), "two certain", &last]);
    // All of it as one commit.
    let todo = repo.script("todo", "#!/bin/sh\nsed -i '2,$s/^pick/fixup/' \"$1\"\n");
    let editor = format!("sequence.editor={todo}");
    repo.git(&["-c", &editor, "rebase", "-q", "-i", "main"]);
    let all = ["one", "two", "three", "four"].map(|title| format!("{title} certain"));
    let mut told: Vec<String> = told(&repo)[0].split(", ").map(str::to_owned).collect();
    told.sort_by_key(|it| all.iter().position(|known| known == it));
    assert_eq!(told, all);
}

/// Returns what speaks for the first session of a commit, which is the only one.
fn known_by(repo: &TestRepo, revision: &str) -> String {
    repo.settle();
    let shown = repo.run(&["why", "--json", revision]);
    let document = shown.error(1, "no_transcript")["details"].clone();
    let sessions = document["commits"][0]["sessions"].as_array().expect("a list").clone();
    assert_eq!(sessions.len(), 1, "{sessions:?}");
    ["title", "evidence", "confidence"].map(|key| text(&sessions[0][key]).to_owned()).join(" ")
}

#[test]
fn where_work_of_no_session_is_in_it_a_session_made_a_part() {
    for has_trailer in ["true", "false"] {
        let repo = TestRepo::new();
        hook(&repo);
        repo.git(&["config", "session.trailer", has_trailer]);
        start(&repo, &["one"]);
        make(&repo, "a", "1\n", &["-m", "one"]);
        make(&repo, "b", "1\n", &["-m", "next"]);
        assert_eq!(known_by(&repo, "HEAD~"), "one record certain");
        // A person fixes the first one up.
        repo.run(&["suspend"]).ok();
        make(&repo, "a", "1\n2\n", &["--fixup", "HEAD~"]);
        // Where a trailer is missing, the session is asked that is the current one.
        let args = ["-c", "sequence.editor=true", "rebase", "-q", "-i", "--autosquash", "HEAD~3"];
        repo.git(&args);
        assert_eq!(known_by(&repo, "HEAD~"), "one part likely", "{has_trailer}");
        assert_eq!(known_by(&repo, "HEAD"), "one record certain");
        // That goes on when it is rewritten again.
        repo.git(&["commit", "-q", "--amend", "-m", "other words"]);
        assert_eq!(known_by(&repo, "HEAD"), "one record certain", "the tree is the same");
        repo.git(&["rebase", "-q", "--force-rebase", "HEAD~2"]);
        assert_eq!(known_by(&repo, "HEAD~"), "one part likely");
        // A person adds something to the last one.
        make(&repo, "b", "1\n2\n", &["--amend", "--no-edit"]);
        assert_eq!(known_by(&repo, "HEAD"), "one part likely");
        let shown = repo.run(&["why", "HEAD"]).stdout;
        let part =
            "Known by: the session recorded a part of it, and no session is known of the rest";
        assert!(shown.contains(&format!("{part} (likely)\n")), "{shown}");
        // Of what a person made, a session made a part that amended it.
        make(&repo, "c", "1\n", &["-m", "a person"]);
        start(&repo, &["two"]);
        make(&repo, "c", "1\n2\n", &["--amend", "--no-edit"]);
        assert_eq!(known_by(&repo, "HEAD"), "two part likely");
    }
}

#[test]
fn what_is_put_together_is_told_for_all() {
    for (args, what) in [
        (&["merge", "-q", "--squash", "b"][..], "merge --squash"),
        (&["cherry-pick", "-n", "a~", "a", "b~", "b"], "cherry-pick -n"),
    ] {
        let repo = scene();
        repo.git(&["switch", "-q", "-c", "c", "main"]);
        unseen(&repo, args);
        unseen(&repo, &["commit", "-q", "-m", "all"]);
        assert_eq!(told(&repo), ["one claimed, two claimed"], "{what}");
    }
    // Where nothing else has changed, the tree is that of the last session alone.
    let repo = scene();
    repo.git(&["switch", "-q", "-c", "c", "a~2"]);
    unseen(&repo, &["merge", "-q", "--squash", "b"]);
    unseen(&repo, &["commit", "-q", "-m", "all"]);
    assert_eq!(told(&repo), ["one claimed, two claimed"]);
}

#[test]
fn a_merge_of_several_branches_is_that_of_who_merged() {
    let repo = scene();
    repo.git(&["switch", "-q", "--detach", "main"]);
    start(&repo, &["three"]);
    repo.git(&["merge", "-q", "-m", "both", "a~", "a"]);
    make(&repo, "c", "c\n", &["-m", "c"]);
    repo.git(&["merge", "-q", "-m", "octopus", "b~", "b"]);
    let own = |title: &str| format!("{title} certain");
    let mut told = told(&repo);
    told.sort();
    let expected = ["one", "one", "three", "three", "three", "two", "two"].map(own);
    assert_eq!(told, expected);
}
