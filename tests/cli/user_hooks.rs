//! Hooks of the user's on events of sessions: real scripts, run by the installed git.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::harness::{ID, OTHER_ID, PROGRAM, TestRepo, executable, for_each_kind, kinds, text};

/// All hooks, in the order of a life.
const ALL: [&str; 4] = ["session-transition", "session-start", "session-checkpoint", "session-end"];

/// Notes what it is called with, and what it reads.
const NOTES: &str = "echo \"${0##*/} $*\" >>\"$HOME/called\"; cat >>\"$HOME/read\"\n";

/// Puts a hook, which is a script of the shell, where git looks for it.
fn hook(repo: &TestRepo, name: &str, script: &str) -> PathBuf {
    let path = repo.git_dir.join("hooks").join(name);
    executable(&path, &format!("#!/bin/sh\n{script}"));
    path
}

/// Returns the lines of a file that hooks wrote at home.
fn lines(repo: &TestRepo, name: &str) -> Vec<String> {
    let text = fs::read_to_string(repo.home.path().join(name)).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// Returns what the hooks that note everything were called with.
fn called(repo: &TestRepo) -> Vec<String> {
    lines(repo, "called")
}

/// Returns what they read.
fn read(repo: &TestRepo) -> Vec<Value> {
    let parse = |line: &String| serde_json::from_str(line).expect("one document on a line");
    lines(repo, "read").iter().map(parse).collect()
}

fn keys(value: &Value) -> Vec<&String> {
    value.as_object().expect("an object").keys().collect()
}

#[test]
fn each_hook_is_called_with_the_session_in_the_order_of_a_life() {
    for_each_kind(|repo| {
        ALL.iter().for_each(|name| drop(hook(repo, name, NOTES)));
        repo.start(&["x", "--id", ID]);
        repo.run(&["update", "--add", "statistics.checkpoints_created=1"]).ok();
        repo.run(&["update", "--add", "statistics.total_tasks=1"]).ok();
        repo.run(&["suspend", "-m", "lunch"]).ok();
        repo.run(&["resume"]).ok();
        repo.run(&["finish"]).ok();
        let expected = [
            "session-transition <id> pending running",
            "session-start <id>",
            "session-checkpoint <id>",
            "session-transition <id> running suspended",
            "session-transition <id> suspended running",
            "session-transition <id> running terminated",
            "session-end <id>",
        ];
        assert_eq!(called(repo), expected.map(|line| line.replace("<id>", ID)));
        assert_eq!(repo.git(&["status", "--porcelain"]), "");
    });
}

#[test]
fn a_hook_reads_the_session_as_it_is_shown() {
    for_each_kind(|repo| {
        repo.set_env("GIT_AUTHOR_NAME", "A U Thor");
        repo.set_env("GIT_AUTHOR_EMAIL", "author@example.com");
        let before = repo.start(&["x"]);
        ALL.iter().for_each(|name| drop(hook(repo, name, NOTES)));
        let after = repo.run(&["finish", "--json", "-m", "done at last"]).json();
        let [asked, told] = read(repo).try_into().expect("two hooks");
        let all = ["hook", "id", "event", "from", "to", "reason", "outcome", "actor", "session"];
        assert_eq!(keys(&asked), all);
        assert_eq!(keys(&told), all);
        for (document, name) in [(&asked, "session-transition"), (&told, "session-end")] {
            assert_eq!(document["hook"], name);
            assert_eq!(document["id"], after["id"]);
            assert_eq!(document["event"], "transition");
            assert_eq!(document["from"], "running");
            assert_eq!(document["to"], "terminated");
            assert_eq!(document["reason"], "done at last");
            assert_eq!(document["outcome"], "success");
            assert_eq!(document["actor"], "A U Thor <author@example.com>");
        }
        assert_eq!(told["session"], after);
        // What is asked about is not written yet, so it is known by what it is built on.
        let mut to_be = after.clone();
        to_be["tip"] = before["tip"].clone();
        assert_eq!(asked["session"], to_be);
        assert_eq!(keys(&asked["session"]), keys(&after));
    });
}

#[test]
fn a_session_that_does_not_exist_yet_is_built_on_nothing() {
    let repo = TestRepo::new();
    hook(&repo, "session-transition", NOTES);
    let made = repo.start(&["x"]);
    let [asked] = read(&repo).try_into().expect("one hook");
    assert_eq!(asked["session"]["tip"], "0".repeat(40));
    assert_eq!(asked["session"]["seq"], made["seq"]);
    assert_eq!(asked["reason"], Value::Null);
}

#[test]
fn a_refusal_is_told_and_changes_nothing() {
    for_each_kind(|repo| {
        repo.create(&["--id", ID, "x"]);
        repo.start(&["y"]);
        hook(repo, "session-transition", "echo 'not on a Friday'; exit 3\n");
        hook(repo, "session-end", NOTES);
        let listing = || {
            let mut all = repo.listing();
            all.retain(|path, _| !path.starts_with(repo.git_dir.join("session")));
            all
        };
        let (refs, before) = (repo.refs(), listing());
        for args in [
            &["start", "z"][..],
            &["start", "z", "-b"],
            &["start", "z", "-b=new"],
            &["next", ID],
            &["suspend"],
            &["finish"],
            &["fail"],
            &["terminate"],
            &["to", "terminated"],
            &["to", "pending", "--force"],
            &["update", "--force", "--set", "status=pending", "--title=z"],
        ] {
            let output = repo.run(&[args, &["--json"]].concat());
            assert!(output.stderr.starts_with("not on a Friday\n"), "{}", output.stderr);
            let error = output.error(1, "invalid_transition");
            assert_eq!(error["details"]["hook"], "session-transition", "{args:?}");
            assert_eq!(keys(&error["details"]), ["handle", "from", "to", "allowed", "hook"]);
        }
        assert_eq!(repo.refs(), refs);
        assert_eq!(listing(), before);
        assert_eq!(repo.git(&["symbolic-ref", "--short", "HEAD"]), "main");
        assert_eq!(called(repo), Vec::<String>::new());
    });
}

#[test]
fn a_refusal_is_told_in_the_words_of_git() {
    let repo = TestRepo::new();
    let made = repo.start(&["x"]);
    hook(&repo, "session-transition", "exit 1\n");
    let handle = text(&made["handle"]);
    assert_eq!(
        repo.run(&["finish"]).refused(),
        format!(
            "error: the session-transition hook refused to move session {handle} from 'running' to \
             'terminated'\n"
        )
    );
}

#[test]
fn a_hook_is_not_asked_about_what_is_refused_or_so_anyway() {
    let repo = TestRepo::new();
    hook(&repo, "session-transition", NOTES);
    repo.create(&["--name", "taken", "x"]);
    repo.run(&["to", "nowhere", "taken"]).exits(1);
    repo.run(&["to", "taken", "suspended"]).exits(1);
    repo.run(&["to", "taken", "pending"]).ok();
    repo.run(&["start", "--name", "taken", "y"]).exits(1);
    repo.run(&["update", "taken", "--title", "z"]).ok();
    let quarantine = |args: &[&str]| repo.cmd(args).env("GIT_QUARANTINE_PATH", "/tmp/q").run();
    quarantine(&["start", "--json", "y"]).error(128, "unsupported");
    quarantine(&["terminate", "--json", "taken"]).error(128, "unsupported");
    assert_eq!(called(&repo), Vec::<String>::new());
}

#[test]
fn a_write_that_is_repeated_is_told_once() {
    let repo = TestRepo::new();
    ALL.iter().for_each(|name| drop(hook(&repo, name, NOTES)));
    for _ in 0..2 {
        repo.run(&["start", "x", "--id", ID]).ok();
    }
    let op = format!("--op={OTHER_ID}");
    for _ in 0..2 {
        repo.run(&["update", "--add", "statistics.checkpoints_created=1", &op]).ok();
        repo.run(&["finish"]).ok();
    }
    let names: Vec<String> =
        called(&repo).iter().filter_map(|line| Some(line.split_once(' ')?.0.to_owned())).collect();
    assert_eq!(
        names,
        [
            "session-transition",
            "session-start",
            "session-checkpoint",
            "session-transition",
            "session-end"
        ]
    );
}

#[test]
fn no_verify_does_not_ask_and_still_tells() {
    for_each_kind(|repo| {
        hook(repo, "session-transition", "exit 1\n");
        hook(repo, "session-end", NOTES);
        repo.run(&["start", "x", "--id", ID, "--no-verify"]).ok();
        repo.run(&["finish"]).exits(1);
        repo.run(&["finish", "--no-verify"]).ok();
        assert_eq!(called(repo), [format!("session-end {ID}")]);
    });
}

#[test]
fn a_hook_that_fails_afterwards_is_reported_and_blocks_nothing() {
    for_each_kind(|repo| {
        for name in ["session-start", "session-checkpoint", "session-end"] {
            hook(repo, name, "echo noise; exit 3\n");
        }
        for (args, name) in [
            (&["start", "x"][..], "session-start"),
            (&["update", "--add", "statistics.checkpoints_created=1"], "session-checkpoint"),
            (&["finish"], "session-end"),
        ] {
            let output = repo.run(&[args, &["--json=class"]].concat());
            let warning = format!("noise\nwarning: the {name} hook failed with status 3\n");
            assert!(output.stderr.contains(&warning), "{}", output.stderr);
            // What a hook says is no part of the answer.
            output.json();
        }
        assert_eq!(repo.run(&["list", "--all", "--json"]).json()["sessions"][0]["class"], "ended");
    });
}

#[test]
fn a_hook_that_a_signal_ends_has_failed() {
    let repo = TestRepo::new();
    repo.start(&["x"]);
    let path = hook(&repo, "session-transition", "kill -9 $$\n");
    repo.run(&["finish"]).exits(1);
    fs::remove_file(path).expect("a file");
    hook(&repo, "session-end", "kill -9 $$\n");
    let output = repo.run(&["finish"]).ok();
    assert!(output.stderr.contains("the session-end hook failed with status 137"), "{output:?}");
}

#[test]
fn hooks_are_found_where_the_configuration_says() {
    let repo = TestRepo::new();
    let path = repo.root.join("team/hooks/session-transition");
    executable(&path, &format!("#!/bin/sh\n{NOTES}"));
    hook(&repo, "session-transition", "exit 1\n");
    repo.git(&["config", "core.hooksPath", "team/hooks"]);
    repo.write("below/file", "");
    repo.cmd(&["start", "x", "--id", ID]).dir("below").run().ok();
    repo.git(&["config", "core.hooksPath", &path.with_file_name("").to_string_lossy()]);
    repo.run(&["suspend"]).ok();
    assert_eq!(called(&repo).len(), 2);
    // As in 'git -c core.hooksPath=... session finish'.
    let parameters = format!("'core.hooksPath'='{}'", repo.git_dir.join("hooks").display());
    repo.cmd(&["finish"]).env("GIT_CONFIG_PARAMETERS", parameters).run().exits(1);
}

#[test]
fn a_file_that_cannot_be_executed_is_no_hook() {
    let repo = TestRepo::new();
    repo.write(".git/hooks/session-transition", "#!/bin/sh\nexit 1\n");
    let output = repo.run(&["start", "-q", "x"]).ok();
    assert_eq!(output.stderr, "");
}

#[test]
fn a_hook_runs_at_the_top_of_the_work_tree_in_its_repository() {
    let says = "{ pwd -P; git rev-parse --show-toplevel; git symbolic-ref --short HEAD; \
                echo \"$GIT_SESSION\"; } >>\"$HOME/place\"\n";
    for_each_kind(|repo| {
        hook(repo, "session-start", says);
        let linked = repo.worktree("linked");
        repo.write("below/file", "");
        fs::create_dir(linked.join("below")).expect("a directory");
        let elsewhere = repo.home.path().canonicalize().expect("a place");
        for (dir, branch) in [(repo.root.clone(), "main"), (linked, "linked")] {
            let made = repo.cmd(&["start", "--json", "x"]).dir(dir.join("below")).run().json();
            let top = dir.canonicalize().expect("a place").to_string_lossy().into_owned();
            assert_eq!(lines(repo, "place"), [&top, &top, branch, text(&made["id"])]);
            fs::remove_file(elsewhere.join("place")).expect("a file");
            // Named from outside, by the environment.
            let git_dir = repo.git(&["-C", &top, "rev-parse", "--absolute-git-dir"]);
            let from_outside = repo.cmd(&["start", "y"]).dir(&elsewhere);
            from_outside.env("GIT_DIR", git_dir).env("GIT_WORK_TREE", &top).run().ok();
            assert_eq!(lines(repo, "place")[..3], [&top, &top, branch]);
            fs::remove_file(elsewhere.join("place")).expect("a file");
        }
    });
}

#[test]
fn a_hook_of_a_bare_repository_runs_in_it() {
    for kind in kinds() {
        let repo = TestRepo::bare(*kind);
        let says = "{ pwd -P; git rev-parse --is-bare-repository; } >>\"$HOME/place\"\n";
        hook(&repo, "session-start", &format!("{says}{NOTES}"));
        repo.run(&["start", "x", "--id", ID]).ok();
        let top = repo.root.canonicalize().expect("a place").to_string_lossy().into_owned();
        assert_eq!(lines(&repo, "place"), [top, "true".to_owned()]);
        assert_eq!(read(&repo)[0]["session"]["id"], ID);
    }
}

#[test]
fn what_git_has_said_of_another_index_is_not_passed_on() {
    let repo = TestRepo::new();
    hook(&repo, "session-start", "echo \"<$GIT_INDEX_FILE$GIT_PREFIX>\" >\"$HOME/place\"\n");
    let output =
        repo.cmd(&["start", "x"]).env("GIT_INDEX_FILE", "no-index").env("GIT_PREFIX", "a/");
    output.run().ok();
    assert_eq!(lines(&repo, "place"), ["<>"]);
}

#[test]
fn a_hook_can_use_the_session_that_it_is_about() {
    for_each_kind(|repo| {
        let works = format!(
            "cat >/dev/null\n'{PROGRAM}' show --format='%(status)' >>\"$HOME/seen\" || exit\n\
             '{PROGRAM}' update --label \"${{0##*/}}\" >>\"$HOME/seen\"\n"
        );
        repo.create(&["x", "--id", ID]);
        for name in ["session-start", "session-end"] {
            hook(repo, name, &works);
        }
        repo.run(&["to", ID, "running"]).ok();
        repo.run(&["terminate", ID]).ok();
        assert_eq!(lines(repo, "seen"), ["running", "terminated"]);
        assert_eq!(repo.show(ID)["labels"], json!(["session-start", "session-end"]));
    });
}

#[test]
fn a_hook_is_asked_again_about_a_session_that_changed_meanwhile() {
    for_each_kind(|repo| {
        repo.start(&["x", "--id", ID]);
        // The second time, the label is there, and nothing changes any more.
        hook(repo, "session-transition", &format!("{NOTES}'{PROGRAM}' update --label asked\n"));
        let after = repo.run(&["finish", "--json"]).json();
        assert_eq!(after["labels"], json!(["asked"]));
        let read = read(repo);
        assert_eq!(read.len(), 2);
        assert_eq!(read[0]["session"]["labels"], json!([]));
        assert_eq!(read[1]["session"]["labels"], json!(["asked"]));
        assert_eq!(read[1]["session"]["seq"], after["seq"]);
    });
}

#[test]
fn a_hook_that_moves_the_session_is_not_overruled() {
    let repo = TestRepo::new();
    repo.start(&["x", "--id", ID]);
    hook(&repo, "session-transition", &format!("'{PROGRAM}' terminate -m mine\n"));
    let error = repo.run(&["suspend", "--json"]).error(1, "invalid_transition");
    assert_eq!(error["details"]["from"], "terminated");
    assert_eq!(repo.show(ID)["reason"], "mine");
}

#[test]
fn a_hook_that_changes_the_session_each_time_is_a_conflict_in_the_end() {
    let repo = TestRepo::new();
    repo.start(&["x", "--id", ID]);
    let counts = "update --add statistics.total_tasks=1";
    hook(&repo, "session-transition", &format!("{NOTES}'{PROGRAM}' {counts}\n"));
    repo.run(&["finish", "--json"]).error(1, "conflict");
    let after = repo.show(ID);
    assert_eq!(after["status"], "running");
    assert_eq!(after["statistics"]["total_tasks"], called(&repo).len());
}

#[test]
fn a_hook_is_not_run_inside_itself() {
    let repo = TestRepo::new();
    let run = format!(
        "{NOTES}echo \"$GIT_SESSION_HOOK\" >>\"$HOME/inside\"\n\
         unset GIT_SESSION_TEST_SEED GIT_SESSION\n'{PROGRAM}'"
    );
    hook(&repo, "session-end", &format!("{run} start next && '{PROGRAM}' finish\n"));
    hook(&repo, "session-start", &format!("{run} start another\n"));
    repo.create(&["x", "--id", ID]);
    repo.run(&["terminate", ID]).ok();
    // The end starts a session, whose start starts another; their own ends and starts are not told.
    assert_eq!(lines(&repo, "inside"), ["session-end", "session-end session-start"]);
    let listed = repo.run(&["list", "--all", "--format=%(title) %(status)"]).ok().stdout;
    let mut all: Vec<&str> = listed.lines().collect();
    all.sort_unstable();
    assert_eq!(all, ["another running", "next terminated", "x terminated"]);
}

#[test]
fn what_a_hook_reads_is_in_no_directory() {
    for kind in kinds() {
        let repo = TestRepo::of(*kind);
        hook(
            &repo,
            "session-start",
            "ls \"$GIT_DIR\"/session >\"$HOME/listed\"; ls -l /dev/stdin\n",
        );
        repo.start(&["x"]);
        let listed = lines(&repo, "listed");
        assert_eq!(listed, ["locks"]);
    }
}

#[test]
fn without_a_hook_git_is_not_run() {
    let repo = TestRepo::new();
    let fake = repo.home.path().join("bin/git");
    executable(&fake, "#!/bin/sh\necho \"$*\" >>\"$HOME/git-calls\"\nexit 1\n");
    let path = format!("{}:/usr/bin:/bin", fake.with_file_name("").display());
    let run = |args: &[&str]| repo.cmd(args).env("PATH", &path).run();
    run(&["start", "x"]).ok();
    run(&["update", "--add", "statistics.checkpoints_created=1"]).ok();
    run(&["to", "suspended"]).ok();
    run(&["resume"]).ok();
    run(&["finish"]).ok();
    assert_eq!(lines(&repo, "git-calls"), Vec::<String>::new());
    // And the fake is the git that is found.
    hook(&repo, "session-start", "exit 0\n");
    run(&["start", "y"]).ok();
    assert_eq!(lines(&repo, "git-calls"), ["hook run -h"]);
}

#[test]
fn a_git_that_refuses_unknown_names_of_hooks_is_told_to_take_ours() {
    let repo = TestRepo::new();
    ALL.iter().for_each(|name| drop(hook(&repo, name, "exit 1\n")));
    let fake = repo.home.path().join("bin/git");
    let path = format!("{}:/usr/bin:/bin", fake.with_file_name("").display());
    let options = "--ignore-missing --to-stdin=/dev/stdin";
    for (help, options) in [
        (
            "usage: git hook run [--allow-unknown-hook-name] [--to-stdin=<path>]",
            format!("{options} --allow-unknown-hook-name"),
        ),
        ("usage: git hook run [--ignore-missing] [--to-stdin=<path>]", options.to_owned()),
    ] {
        let says = format!("if [ \"$3\" = -h ]; then echo '{help}'; exit 129; fi");
        executable(&fake, &format!("#!/bin/sh\necho \"$*\" >>\"$HOME/git-calls\"\n{says}\n"));
        let made = repo.cmd(&["start", "--json", "x"]).env("PATH", &path).run().json();
        let id = text(&made["id"]);
        let expected = [
            "hook run -h".to_owned(),
            format!("hook run {options} session-transition -- {id} pending running"),
            format!("hook run {options} session-start -- {id}"),
        ];
        // Git is asked once what it can do.
        assert_eq!(lines(&repo, "git-calls"), expected);
        fs::remove_file(repo.home.path().join("git-calls")).expect("a file");
    }
}

#[test]
fn a_hook_is_run_without_a_git_that_gives_it_nothing_to_read() {
    let repo = TestRepo::new();
    let fake = repo.home.path().join("bin/git");
    let says =
        "[ \"$*\" = 'hook run -h' ] && echo 'usage: git hook run [--ignore-missing]'\nexit 129\n";
    executable(&fake, &format!("#!/bin/sh\n{says}"));
    let path = format!("{}:/usr/bin:/bin", fake.with_file_name("").display());
    let run = |args: &[&str]| repo.cmd(args).dir("below").env("PATH", &path).run();
    repo.write("below/file", "");
    repo.git(&["config", "hook.none.event", "session-start"]);
    let place = "echo \"$GIT_DIR $GIT_WORK_TREE $PWD\" >>\"$HOME/place\"\n";
    hook(&repo, "session-transition", &format!("{NOTES}{place}[ \"$3\" = running ]\n"));
    let made = run(&["start", "--json", "x"]).json();
    let id = text(&made["id"]);
    assert_eq!(called(&repo), [format!("session-transition {id} pending running")]);
    assert_eq!(read(&repo)[0]["to"], "running");
    let top = repo.root.canonicalize().expect("a place").to_string_lossy().into_owned();
    assert_eq!(lines(&repo, "place"), [format!("{top}/.git {top} {top}")]);
    run(&["finish", "--json"]).error(1, "invalid_transition");
}

#[test]
fn a_hook_that_git_cannot_be_asked_to_run_refuses() {
    let repo = TestRepo::new();
    repo.start(&["x"]);
    hook(&repo, "session-transition", "exit 0\n");
    let run = |args: &[&str]| repo.cmd(args).env("PATH", "/no-such-directory").run();
    let error = run(&["suspend", "--json"]).error(128, "io");
    assert!(text(&error["message"]).contains("cannot run the session-transition hook"), "{error}");
    let output = run(&["suspend", "--no-verify"]).ok();
    assert!(!output.stderr.contains("warning"), "{}", output.stderr);
}

#[test]
fn a_hook_of_the_configuration_is_run_beside_the_file() {
    let repo = TestRepo::new();
    let help = repo.git_command(&["hook", "run", "-h"]).output().expect("git runs");
    let help = String::from_utf8_lossy(&[help.stdout, help.stderr].concat()).into_owned();
    if !help.contains("allow-unknown-hook-name") {
        eprintln!("skipped: this git has no hooks in its configuration");
        return;
    }
    repo.git(&["config", "hook.notes.event", "session-transition"]);
    repo.git(&["config", "hook.notes.command", "cat >>\"$HOME/read\"; exit 1 #"]);
    hook(&repo, "session-transition", NOTES);
    repo.run(&["start", "x"]).exits(1);
    assert_eq!(read(&repo)[0]["hook"], "session-transition");
    repo.git(&["config", "hook.notes.command", "cat >>\"$HOME/read\" #"]);
    repo.run(&["start", "x"]).ok();
    // Each of them reads the whole document.
    assert!(read(&repo).len() >= 3, "{:?}", read(&repo));
}

#[test]
fn a_hook_of_the_configuration_disturbs_no_git_that_is_too_old_for_it() {
    let repo = TestRepo::new();
    repo.git(&["config", "hook.notes.event", "session-start"]);
    repo.git(&["config", "hook.notes.command", "true"]);
    let output = repo.run(&["start", "x"]).ok();
    assert!(!output.stderr.contains("warning"), "{}", output.stderr);
    assert_eq!(repo.titles(&[]), ["x"]);
}
