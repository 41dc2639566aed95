//! From a commit or a line to its session, with the hooks at work.

use std::fs;

use serde_json::{Value, json};

use super::harness::{OTHER_ID, Output, PLAIN, TestRepo, for_each_kind, kinds, text, texts};
use super::hooked::{commit, hook, start};

/// What is said in the session.
const TALK: &str = r#"{"role":"user","content":"Make the login <b>safe</b>"}
{"kind":"tool.call","call":"c","name":"bash","input":{"command":"cargo test"}}
{"kind":"tool.result","call":"c","ok":true,"content":"fine"}
{"kind":"decision","text":"Use sessions","rationale":"they expire"}
"#;

/// Makes a session with a conversation, and two commits, of which the second is in it.
fn scene(repo: &TestRepo) -> String {
    hook(repo);
    commit(repo, "base\n", &["-m", "Base"]);
    let id = start(repo, &["Fix the login"]);
    repo.feed(&["record", "--input", "-"], TALK).ok();
    commit_after(repo, 3600, "base\nlogin\n", "Add login");
    id
}

/// Gives the file these contents in a commit so many seconds after the beginning.
fn commit_after(repo: &TestRepo, seconds: u64, contents: &str, message: &str) {
    let at = format!("{} +0000", super::harness::BEGINNING + seconds);
    repo.write("file", contents);
    let mut git = repo.git_command(&["commit", "-q", "-a", "-m", message]);
    git.env("GIT_AUTHOR_DATE", &at).env("GIT_COMMITTER_DATE", &at);
    assert_eq!(Output::of(git, None).status, 0);
}

fn details(output: Output, code: &str) -> Value {
    output.error(1, code)["details"]["commits"][0].clone()
}

#[test]
fn a_commit_and_a_line_lead_to_the_session_the_request_and_the_decision() {
    for_each_kind(|repo| {
        let id = scene(repo);
        for target in ["HEAD", "file:2", "file:2-2"] {
            let told = repo.run(&["why", "--json", target]).json();
            let told = &told["commits"][0];
            assert_eq!(told["answer"], "found", "{target}");
            assert_eq!(told["commit"], repo.rev("HEAD"));
            let session = &told["sessions"][0];
            assert_eq!(session["id"], id);
            assert_eq!(session["confidence"], "certain");
            assert_eq!(session["status_then"], "running");
            assert_eq!(session["request"]["text"], "Make the login <b>safe</b>");
            let call = json!({"name": "bash", "input": "cargo test", "ok": true});
            assert_eq!(session["calls"], json!([call]));
            assert_eq!(session["decisions"][0]["text"], "Use sessions");
            assert_eq!(session["messages"], json!([]));
        }
        let shown = repo.run(&["why", "file:2", "--messages"]).ok().stdout;
        for part in
            ["\"Fix the login\"", "Asked:\n    Make", "    bash cargo test\n", "Said by user:"]
        {
            assert!(shown.contains(part), "no {part:?} in {shown}");
        }
    });
}

#[test]
fn the_answers_without_a_session_are_told_apart() {
    let repo = TestRepo::new();
    let id = scene(&repo);
    assert_eq!(details(repo.run(&["why", "--json", "HEAD~"]), "no_session")["sessions"], json!([]));
    repo.write("file", "base\nlogin\nmore\n");
    let told = details(repo.run(&["why", "--json", "file:3"]), "not_committed");
    assert_eq!((&told["commit"], &told["lines"]), (&Value::Null, &json!([[3, 3]])));
    repo.write("new", "x\n");
    details(repo.run(&["why", "--json", "new:1"]), "not_committed");
    // The session is named, and is not here.
    commit(&repo, "1\n", &["--no-verify", "-m", &format!("x\n\nSession-Id: {OTHER_ID}")]);
    repo.git(&["update-ref", "-d", &format!("refs/sessions/{id}")]);
    let output = repo.run(&["why", "--json", "HEAD"]);
    assert!(output.stderr.contains("hint: try \"git fetch <remote> refs/sessions/"), "{output:?}");
    assert_eq!(details(output, "not_fetched")["sessions"][0]["standing"], "missing");
    // Nothing was said in it.
    let silent = start(&repo, &["Silent"]);
    commit(&repo, "2\n", &["-m", "silent"]);
    let told = details(repo.run(&["why", "--json", "HEAD"]), "no_transcript");
    assert_eq!(
        (&told["sessions"][0]["id"], &told["sessions"][0]["title"]),
        (&json!(silent), &json!("Silent"))
    );
    // It is damaged.
    repo.damaged();
    repo.plant(&silent, b"no record\n");
    let told = details(repo.run(&["why", "--json", "HEAD"]), "lookup_failed");
    assert!(text(&told["reason"]).contains("session.yaml"), "{told}");
    // Git cannot blame.
    repo.git(&["config", "blame.ignoreRevsFile", "absent"]);
    let told = details(repo.run(&["why", "--json", "file:1"]), "lookup_failed");
    assert!(text(&told["reason"]).contains("absent"), "{told}");
}

#[test]
fn what_is_no_commit_and_no_line_is_refused() {
    let repo = TestRepo::new();
    scene(&repo);
    fs::create_dir(repo.root.join("dir")).expect("a directory");
    for target in ["nothing", "file:9", "file:0", "file:2-1", "dir", "HEAD:file"] {
        repo.run(&["why", "--json", target]).error(1, "invalid_value");
    }
    repo.git(&["branch", "file"]);
    repo.run(&["why", "--json", "file"]).error(129, "usage");
    repo.run(&["why", "./file"]).ok();
}

#[test]
fn each_line_of_a_file_stands_behind_its_session() {
    let repo = TestRepo::new();
    let id = scene(&repo);
    repo.write("file", "base\nlogin\nmore\n");
    let handle = repo.show(&id)["handle"].clone();
    let handle = text(&handle);
    let shown = repo.run(&["why", "file"]).ok().stdout;
    let expected = format!(
        "--------  2026-01-07 1) base\n{handle}  2026-01-07 2) login\n++++++++             3) more\n"
    );
    assert_eq!(shown, expected);
    // A file that was moved, in a directory, a merge, and a revision that is passed over.
    repo.git(&["commit", "-q", "-am", "More"]);
    repo.git(&["mv", "file", "moved"]);
    repo.git(&["commit", "-q", "-m", "Move"]);
    fs::create_dir(repo.root.join("below")).expect("a directory");
    let told = repo.cmd(&["why", "--json", "../moved:1-3"]).dir("below").run().json();
    assert_eq!(texts(&told["commits"], "subject"), ["Base", "Add login", "More"]);
    repo.write("moved", "base\nLogin\nmore\n");
    repo.git(&["commit", "-q", "-am", "Capitals"]);
    repo.write("ignored", format!("{}\n", repo.rev("HEAD")));
    let subject = || {
        let told = repo.run(&["why", "--json", "moved:2"]).json();
        texts(&told["commits"], "subject")
    };
    assert_eq!(subject(), ["Capitals"]);
    repo.git(&["config", "blame.ignoreRevsFile", "ignored"]);
    assert_eq!(subject(), ["Add login"]);
    repo.git(&["config", "--unset", "blame.ignoreRevsFile"]);
    let bare = repo.home.path().join("bare.git");
    repo.git(&["clone", "-q", "--bare", ".", &bare.to_string_lossy()]);
    repo.git(&["push", "-q", &bare.to_string_lossy(), &format!("refs/sessions/{id}")]);
    let told = repo.cmd(&["why", "--json", "moved:2"]).dir(&bare).run().json();
    assert_eq!(told["commits"][0]["sessions"][0]["id"], id);
}

#[test]
fn all_that_names_sessions_of_commits_agrees_with_git() {
    let repo = TestRepo::new();
    let id = scene(&repo);
    let found = repo.git(&["log", "--format=%H", "--grep=^Session-Id: "]);
    let told = repo.run(&["show", "--commits", "--json=commit,subject", &id]).json();
    assert_eq!(texts(&told["commits"], "commit"), found.lines().collect::<Vec<_>>());
    let shown = repo.run(&["show", "--commits", &id]).ok().stdout;
    assert_eq!(shown, format!("{} +1 -0 Add login\n", &found[..7]));
    repo.run(&["finish", &id]).ok();
    let made = |rev: &str| {
        texts(&repo.run(&["list", "--all", "--json", "--commit", rev]).json()["sessions"], "id")
    };
    assert_eq!(made("HEAD"), [id.as_str()]);
    let logged = repo.run(&["log", "--json", "--commit", "HEAD"]).ok().json_lines();
    assert_eq!(logged[0]["kind"], "commit");
    assert!(logged.len() < repo.run(&["log", "--json", &id]).ok().json_lines().len());
    repo.run(&["log", "--json", "--commit", "HEAD~"]).error(1, "not_found");
    repo.run(&["log", "--json", "--commit", "nothing"]).error(129, "invalid_value");
}

#[test]
fn a_log_names_the_commits_that_were_recorded_as_far_as_they_are_here() {
    for_each_kind(|repo| {
        hook(repo);
        commit(repo, "base\n", &["-m", "Base"]);
        let id = start(repo, &["x"]);
        let one = commit(repo, "1\n", &["-m", "One\n\nBody."]);
        let silent = &["-c", "core.hooksPath=/dev/null", "commit", "-q", "--allow-empty"][..];
        repo.git(&[silent, &["-m", "Silent"]].concat());
        let two = commit(repo, "2\n", &["-m", "Two"]);
        let logged = json!(repo.run(&["log", "--json", "--type=commit"]).ok().json_lines());
        let named = |commit: &str, subject: &str| json!({"commit": commit, "subject": subject});
        let several = [named(&repo.rev("HEAD~"), "Silent"), named(&two, "Two")];
        assert_eq!(logged[0]["commits"], json!(several));
        assert_eq!(logged[1]["commits"], json!([named(&one, "One")]));
        assert_eq!(repo.run(&["log", "--json", "--type=create"]).json()["commits"], json!([]));
        let shown = repo.run(&["log", "--oneline"]).ok().stdout;
        assert!(shown.contains(&format!("commit: {} One  ", &one[..7])), "{shown}");
        let shown = repo.run(&["log"]).ok().stdout;
        assert!(shown.contains(&format!("\n    {} Two\n", &two[..7])), "{shown}");
        // Who has the sessions alone has no such commits.
        let kind = format!("--object-format={}", repo.git(&["rev-parse", "--show-object-format"]));
        let bare = repo.home.path().join("sessions.git");
        repo.git(&["init", "-q", "--bare", &kind, &bare.to_string_lossy()]);
        repo.git(&["push", "-q", &bare.to_string_lossy(), &format!("refs/sessions/{id}")]);
        let ask = |args: &[&str]| repo.cmd(args).dir(&bare).run().ok();
        let logged = json!(ask(&["log", "--json", "--type=commit", &id]).json_lines());
        assert_eq!(logged[1]["commits"], json!([{"commit": one, "subject": null}]));
        let shown = ask(&["log", "--oneline", &id]).stdout;
        assert!(shown.contains(&format!("commit: {}  ", &one[..7])), "{shown}");
    });
}

#[test]
fn a_summary_tells_a_pull_request_what_was_asked_decided_and_checked() {
    let repo = TestRepo::of(PLAIN);
    repo.git(&["branch", "before"]);
    let id = scene(&repo);
    let secret = format!("ghp_{}", "16C7e42F292c6912E7710c838347Ae178B4a");
    repo.git(&["config", "session.redact", "false"]);
    repo.feed(
        &["record", "--input", "-"],
        &format!("{{\"role\":\"user\",\"content\":\"use {secret}\"}}\n"),
    )
    .ok();
    repo.git(&["config", "--unset", "session.redact"]);
    let shown = repo.run(&["summary", "--base", "before"]).ok().stdout;
    for part in [
        "### Fix the login\n",
        "#### Asked\n\n```text\nMake the login <b>safe</b>\n```\n",
        "#### Decided\n\n- Use sessions (because they expire)\n",
        "#### Checked\n\n- passed: cargo test\n",
        "#### Commits\n\n- ",
        "### 1 commit without a session\n",
    ] {
        assert!(shown.contains(part), "no {part:?} in {shown}");
    }
    assert!(!shown.contains(&secret), "{shown}");
    assert_eq!(repo.run(&["summary", "before..HEAD"]).ok().stdout, shown, "twice is the same");
    let told = repo.run(&["summary", "--json", "--base", "before", &id]).json();
    assert_eq!(told["sessions"][0]["checks"], json!([{"command": "cargo test", "ok": true}]));
    assert_eq!(texts(&told["others"], "subject"), ["Base"]);
    let own = repo.run(&["summary", "--json"]).json();
    assert_eq!(own["sessions"][0]["commits"], told["sessions"][0]["commits"]);
    repo.run(&["summary", "a..b", "c..d"]).exits(129);
    repo.run(&["summary", "--base", "nothing"]).exits(128);
}

#[test]
fn what_is_neither_a_commit_nor_a_file_is_an_error_where_nothing_is_committed_too() {
    for kind in kinds() {
        for repo in [TestRepo::unborn(*kind), TestRepo::bare(*kind)] {
            for target in ["HEAD", "main", "HEAD:3", "x"] {
                let refused = repo.run(&["why", target]).refused();
                let expected = format!("'{target}' is neither a commit nor a file\n");
                assert!(refused.contains(&expected), "{kind:?}: {refused}");
            }
        }
    }
}

#[test]
fn a_line_leads_to_its_session_from_wherever_it_is_asked_for() {
    for_each_kind(|repo| {
        scene(repo);
        fs::create_dir(repo.root.join("below")).expect("a directory");
        let git_dir = repo.git_dir.to_string_lossy().into_owned();
        let title = |cmd: super::harness::Cmd<'_>| {
            let told = cmd.run().json();
            text(&told["commits"][0]["sessions"][0]["title"]).to_owned()
        };
        let linked = repo.home.path().join("linked");
        repo.git(&["worktree", "add", "-q", "--detach", &linked.to_string_lossy()]);
        let bare = repo.home.path().join("bare.git");
        repo.git(&["clone", "-q", "--mirror", ".", &bare.to_string_lossy()]);
        // What lies there is not what is asked for.
        fs::write(bare.join("file"), "1\n2\n3\n4\n").expect("a file");
        let asked = ["why", "--json", "file:2"];
        for cmd in [
            repo.cmd(&["why", "--json", "../file:2"]).dir("below"),
            repo.cmd(&["-C", "..", "why", "--json", "file:2"]).dir("below"),
            repo.cmd(&asked).env("GIT_DIR", &git_dir),
            repo.cmd(&asked).dir(&linked),
            repo.cmd(&asked).dir(&bare),
        ] {
            assert_eq!(title(cmd), "Fix the login");
        }
    });
}

#[test]
fn a_line_is_told_as_its_commit_is_however_much_was_foreseen() {
    for_each_kind(|repo| {
        scene(repo);
        repo.wait(7200);
        let more = TALK.replace("Make the login", "Now the logout").replace("sessions", "cookies");
        repo.feed(&["record", "--input", "-"], &more).ok();
        commit_after(repo, 9999, "base\nlogin\nlogout\n", "Add logout");
        let told = |args: &[&str]| {
            let mut told = repo.run(args).json();
            told["commits"][0]["lines"].take();
            told
        };
        fs::create_dir(repo.root.join("dir")).expect("a directory");
        for (line, revision, request) in
            [("file:2", "HEAD~1", "Make the login"), ("file:3", "HEAD", "Now the logout")]
        {
            let expected = told(&["why", "--json", "--messages", revision]);
            assert_eq!(expected["commits"][0]["commit"], repo.rev(revision));
            let told_request = text(&expected["commits"][0]["sessions"][0]["request"]["text"]);
            assert!(told_request.starts_with(request), "{told_request}");
            for args in [
                &["why", line, "--json", "--messages"][..],
                &["why", "--messages", "--json", "--", line],
                &["-q", "why", "--json", "--messages", line],
                &["why", "-Cdir", "-C..", "--json", "--messages", line],
            ] {
                assert_eq!(told(args), expected, "{args:?}");
            }
        }
    });
}
