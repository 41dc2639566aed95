//! `checkpoint` and `diff`.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::Duration;

use serde_json::{Value, json};

use super::harness::{PLAIN, TestRepo, executable, for_each_kind, text, texts};

/// Writes a work tree with all that can be in one, beside a commit; returns the trees' listing as git would
/// add it.
fn furnish(repo: &TestRepo) -> String {
    repo.write("kept", "1\n");
    repo.write("changed", "1\n2\n");
    repo.write("gone", "1\n");
    repo.write("old name", "the same text\n");
    repo.write(".gitignore", "*.log\n");
    repo.git(&["add", "-A"]);
    repo.git(&["commit", "-q", "-m", "files"]);
    repo.write("changed", "1\n3\n4\n");
    fs::remove_file(repo.root.join("gone")).expect("removed");
    fs::rename(repo.root.join("old name"), repo.root.join("new name")).expect("renamed");
    executable(&repo.root.join("run.sh"), "#!/bin/sh\n");
    symlink("kept", repo.root.join("link")).expect("a link");
    repo.write("empty", "");
    repo.write("说明.md", "说明\n");
    repo.write("a\nb", "a newline in the name\n");
    repo.write("build.log", "ignored\n");
    repo.write("staged", "staged\n");
    repo.git(&["add", "staged"]);
    repo.write("staged", "staged, then changed\n");
    as_git_adds(repo)
}

/// Returns the tree that `git add -A` would make, without touching the index.
fn as_git_adds(repo: &TestRepo) -> String {
    let index = repo.home.path().join("other-index");
    let run = |args: &[&str]| {
        let mut git = repo.git_command(args);
        git.env("GIT_INDEX_FILE", &index);
        let output = git.output().expect("git");
        assert!(output.status.success(), "{args:?}");
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    };
    run(&["add", "-A"]);
    let tree = run(&["write-tree"]);
    fs::remove_file(&index).expect("removed");
    tree
}

/// Returns the index as it is, and what differs from it on disk.
fn state(repo: &TestRepo) -> (Vec<u8>, String) {
    let status = repo.git(&["--no-optional-locks", "status", "--porcelain=v2", "-z"]);
    (fs::read(repo.git_dir.join("index")).unwrap_or_default(), status)
}

fn checkpoints(session: &Value) -> &Vec<Value> {
    session["checkpoints"].as_array().expect("a list")
}

#[test]
fn a_checkpoint_is_the_work_tree_as_git_would_add_it_and_nothing_is_touched() {
    for_each_kind(|repo| {
        let made = repo.start(&["x"]);
        let expected = furnish(repo);
        let before = state(repo);
        let session = repo.run(&["checkpoint", "--json", "-m", "before it\n\nmore"]).json();
        assert_eq!(state(repo), before);
        let reference = text(&made["ref"]);
        assert_eq!(repo.rev(&format!("{reference}:checkpoints/1")), expected);
        let head = repo.rev("HEAD");
        assert_eq!(
            session["checkpoints"],
            json!([{
                "n": 1, "tree": expected, "commit": head, "at": repo.now(), "files": 10,
                "message": "before it",
            }])
        );
        assert_eq!(session["statistics"]["checkpoints_created"], 1);
        let told = repo.git(&["log", "-1", "--format=%B", reference]);
        assert!(
            told.starts_with("checkpoint 1: 10 files, +11 -0\n\nbefore it\n\nmore\n"),
            "{told}"
        );
        assert!(told.contains("\nSession-Event: checkpoint\n"), "{told}");
        // A later event keeps it.
        repo.run(&["suspend"]).ok();
        assert_eq!(repo.rev(&format!("{reference}:checkpoints/1")), expected);
        // Nothing else needs what was found here.
        repo.git(&["gc", "-q", "--prune=now"]);
        repo.git(&["rev-list", "--objects", reference]);
        let left = fs::read_dir(repo.git_dir.join("session")).expect("it is there").flatten();
        let left = left.filter(|it| it.file_name().to_string_lossy().starts_with("checkpoint-"));
        assert_eq!(left.count(), 0);
    });
}

#[test]
fn a_checkpoint_without_news_is_none_and_the_next_one_counts_from_the_last() {
    let repo = TestRepo::new();
    let made = repo.start(&["x"]);
    repo.write("a", "1\n");
    let first = repo.run(&["checkpoint"]).ok();
    assert!(first.stderr.ends_with(": 1 file, +1 -0\n"), "{}", first.stderr);
    let tip = repo.rev(text(&made["ref"]));
    let again = repo.run(&["checkpoint"]).ok();
    assert!(again.stderr.contains("Checkpoint 1 of session"), "{}", again.stderr);
    assert!(again.stderr.ends_with(" has it already\n"), "{}", again.stderr);
    assert_eq!(repo.rev(text(&made["ref"])), tip);
    repo.write("b", "1\n2\n");
    fs::remove_file(repo.root.join("a")).expect("removed");
    let session = repo.run(&["checkpoint", "--json"]).json();
    assert_eq!(
        (&session["checkpoints"][1]["n"], &session["checkpoints"][1]["files"]),
        (&json!(2), &json!(2))
    );
    assert_eq!(session["statistics"]["checkpoints_created"], 2);
    let events = repo.run(&["log", "--json", "--type", "checkpoint"]).json_lines();
    assert_eq!(
        texts(&Value::from(events), "subject"),
        ["checkpoint 2: 2 files, +2 -1", "checkpoint 1: 1 file, +1 -0"]
    );
}

#[test]
fn a_dry_run_tells_what_differs_and_writes_nothing() {
    let repo = TestRepo::new();
    repo.start(&["x"]);
    furnish(&repo);
    repo.write(".env", "A=1\n");
    let paths = || repo.listing().into_keys().collect::<Vec<_>>();
    let before = (paths(), state(&repo));
    let told = repo.run(&["checkpoint", "-n"]).ok();
    assert_eq!((paths(), state(&repo)), before);
    assert!(told.stdout.contains("A\tlink\n"), "{}", told.stdout);
    assert!(told.stderr.contains("Would keep 10 files, +11 -0\n"), "{}", told.stderr);
    let answer = repo.run(&["checkpoint", "-n", "--json"]).json();
    assert_eq!(answer["files"].as_array().map(Vec::len), Some(10));
    assert_eq!((&answer["added"], &answer["removed"]), (&json!(11), &json!(0)));
    assert_eq!(texts(&answer["left_out"], "path"), [".env"]);
}

#[test]
fn untracked_files_can_be_left_alone() {
    let repo = TestRepo::new();
    repo.start(&["x"]);
    repo.write("tracked", "1\n");
    repo.git(&["add", "tracked"]);
    repo.write("tracked", "2\n");
    repo.write("new", "1\n");
    let session = repo.run(&["checkpoint", "--json", "--no-untracked"]).json();
    let tree = text(&session["checkpoints"][0]["tree"]);
    assert_eq!(repo.git(&["ls-tree", "--name-only", tree]), "tracked");
    assert_eq!(repo.git(&["cat-file", "blob", &format!("{tree}:tracked")]), "2");
}

#[test]
fn secrets_are_left_out_and_named_unless_they_are_tracked() {
    let repo = TestRepo::new();
    repo.start(&["x"]);
    repo.write("deploy/.env.production", "A=1\n");
    repo.write("server.pem", "x\n");
    repo.write("notes.txt", "db: postgres://app:tr0ub4dor@db/app\n");
    repo.write(".env.example", "A=\n");
    let output = repo.run(&["checkpoint", "--json"]).ok();
    let names = |tree: &str| repo.git(&["ls-tree", "-r", "--name-only", tree]);
    assert_eq!(names("refs/worktree/session:checkpoints/1"), ".env.example");
    for told in [
        "warning: left out 'deploy/.env.production': it looks like a secret and is not tracked\n",
        "warning: left out 'notes.txt': it has a secret in it (url-password) and is not tracked\n",
        "warning: left out 'server.pem': it looks like a secret and is not tracked\n",
    ] {
        assert!(!output.stdout.contains(told) && output.stderr.contains(told), "{}", output.stderr);
    }
    repo.git(&["add", "server.pem"]);
    repo.run(&["checkpoint"]).ok();
    assert_eq!(names("refs/worktree/session:checkpoints/2"), ".env.example\nserver.pem");
    repo.git(&["config", "session.redact", "false"]);
    repo.run(&["checkpoint"]).ok();
    assert!(names("refs/worktree/session:checkpoints/3").contains("notes.txt"));
}

#[test]
fn what_is_too_large_is_left_out_or_refused() {
    let repo = TestRepo::new();
    let made = repo.start(&["x"]);
    repo.write("small", "x".repeat(1000));
    repo.write("large", "x".repeat(3000));
    repo.git(&["config", "session.checkpointFileLimit", "2k"]);
    let output = repo.run(&["checkpoint"]).ok();
    let told = "warning: left out 'large': it has 3000 bytes (session.checkpointFileLimit)\n";
    assert!(output.stderr.ends_with(told), "{}", output.stderr);
    assert_eq!(
        repo.git(&["ls-tree", "--name-only", "refs/worktree/session:checkpoints/1"]),
        "small"
    );
    repo.git(&["config", "session.checkpointFileLimit", "0"]);
    repo.git(&["config", "session.checkpointLimit", "3500"]);
    let tip = repo.rev(text(&made["ref"]));
    let refused = repo.run(&["checkpoint"]).refused();
    let told =
        "4000 bytes in 2 changed files are more than 3500; the largest is 'large' (3000 bytes)";
    assert!(refused.contains(told), "{refused}");
    assert_eq!(repo.rev(text(&made["ref"])), tip);
}

#[test]
fn an_unborn_head_a_linked_work_tree_and_a_directory_below_keep_the_whole_tree() {
    let repo = TestRepo::unborn(PLAIN);
    repo.start(&["x"]);
    repo.write("d/a", "1\n");
    let session = repo.cmd(&["checkpoint", "--json"]).dir("d").run().json();
    assert_eq!(session["checkpoints"][0]["commit"], Value::Null);
    assert_eq!(
        repo.git(&["ls-tree", "-r", "--name-only", "refs/worktree/session:checkpoints/1"]),
        "d/a"
    );
    repo.git(&["add", "-A"]);
    repo.git(&["commit", "-q", "-m", "one"]);
    let linked = repo.worktree("linked");
    fs::write(linked.join("b"), "2\n").expect("written");
    let id = text(&session["id"]);
    let session = repo.cmd(&["checkpoint", "--json", id]).dir(&linked).run().json();
    let tree = text(&session["checkpoints"][1]["tree"]);
    assert_eq!(repo.git(&["ls-tree", "-r", "--name-only", tree]), "b\nd/a");
    assert!(!linked.join(".git").is_dir());
}

#[test]
fn a_bare_repository_has_nothing_to_keep() {
    let repo = TestRepo::bare(PLAIN);
    let made = repo.start(&["x"]);
    let error = repo.run(&["checkpoint", "--json", text(&made["id"])]).error(128, "unsupported");
    assert_eq!(error["message"], "a bare repository has no work tree to keep");
}

#[test]
fn sparse_hidden_intended_and_conflicted_files_are_kept_as_git_means_them() {
    let repo = TestRepo::new();
    for path in ["in/a", "out/b", "assumed", "skipped", "both"] {
        repo.write(path, "1\n");
    }
    repo.git(&["add", "-A"]);
    repo.git(&["commit", "-q", "-m", "files"]);
    repo.git(&["switch", "-q", "-c", "side"]);
    repo.write("both", "side\n");
    repo.git(&["commit", "-q", "-a", "-m", "side"]);
    repo.git(&["switch", "-q", "main"]);
    repo.write("both", "main\n");
    repo.git(&["commit", "-q", "-a", "-m", "main"]);
    repo.git(&[
        "sparse-checkout",
        "set",
        "--no-cone",
        "/in/",
        "/assumed",
        "/skipped",
        "/both",
        "/intended",
    ]);
    assert!(!repo.root.join("out/b").exists());
    repo.start(&["x"]);
    let merged = repo.git_command(&["merge", "side"]).output().expect("git");
    assert!(!merged.status.success());
    repo.git(&["update-index", "--assume-unchanged", "assumed"]);
    repo.write("assumed", "mine\n");
    repo.write("intended", "new\n");
    repo.git(&["add", "-N", "intended"]);
    repo.write("out/of the cone", "new\n");
    let before = state(&repo);
    let session = repo.run(&["checkpoint", "--json"]).json();
    assert_eq!(state(&repo), before);
    let tree = text(&session["checkpoints"][0]["tree"]);
    let names = repo.git(&["ls-tree", "-r", "--name-only", tree]);
    assert_eq!(names, "assumed\nboth\nin/a\nintended\nout/b\nout/of the cone\nskipped");
    let contents = |path: &str| repo.git(&["cat-file", "blob", &format!("{tree}:{path}")]);
    assert!(contents("both").contains("<<<<<<< "));
    assert_eq!((contents("assumed"), contents("intended")), ("1".into(), "new".into()));
}

#[test]
fn a_split_index_and_an_untracked_cache_are_read_as_git_reads_them() {
    let repo = TestRepo::new();
    repo.write("a", "1\n");
    repo.write("b", "1\n");
    repo.git(&["add", "-A"]);
    repo.git(&["commit", "-q", "-m", "files"]);
    repo.git(&["config", "core.splitIndex", "true"]);
    repo.git(&["config", "core.untrackedCache", "true"]);
    repo.git(&["config", "core.fsmonitor", "false"]);
    repo.git(&["update-index", "--split-index", "--untracked-cache"]);
    repo.git(&["status"]);
    repo.start(&["x"]);
    repo.write("a", "2\n");
    repo.write("c", "1\n");
    let before = state(&repo);
    let expected = as_git_adds(&repo);
    let session = repo.run(&["checkpoint", "--json"]).json();
    assert_eq!(session["checkpoints"][0]["tree"], expected);
    assert_eq!(state(&repo), before);
}

#[test]
fn a_file_that_became_a_directory_and_the_reverse_are_kept_as_they_are() {
    let repo = TestRepo::new();
    for path in ["a", "d/x", "e/x", "f/x"] {
        repo.write(path, "1\n");
    }
    repo.git(&["add", "-A"]);
    repo.git(&["commit", "-q", "-m", "files"]);
    repo.start(&["x"]);
    fs::remove_file(repo.root.join("a")).expect("removed");
    repo.write("a/b", "2\n");
    for dir in ["d", "e"] {
        fs::remove_dir_all(repo.root.join(dir)).expect("removed");
    }
    repo.write("d", "3\n");
    symlink("f", repo.root.join("e")).expect("a link");
    let expected = as_git_adds(&repo);
    let session = repo.run(&["checkpoint", "--json"]).json();
    assert_eq!(session["checkpoints"][0]["tree"], expected);
}

#[test]
fn filters_are_applied_and_what_cannot_be_read_is_named() {
    let repo = TestRepo::new();
    repo.write(".gitattributes", "*.txt text\n*.up filter=up\n");
    repo.git(&["config", "filter.up.clean", "tr a-z A-Z"]);
    repo.git(&["config", "core.safecrlf", "true"]);
    repo.start(&["x"]);
    repo.write("dos.txt", "one\r\ntwo\r\n");
    repo.write("word.up", "word\n");
    let closed = repo.write("closed", "x\n");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).expect("permissions");
    let is_root = fs::read(&closed).is_ok();
    let output = repo.run(&["checkpoint"]).ok();
    let contents = |path: &str| {
        repo.git(&["cat-file", "blob", &format!("refs/worktree/session:checkpoints/1/{path}")])
    };
    assert_eq!((contents("dos.txt"), contents("word.up")), ("one\ntwo".into(), "WORD".into()));
    let told = "warning: left out 'closed': it cannot be read\n";
    assert_eq!(output.stderr.ends_with(told), !is_root, "{}", output.stderr);
}

#[test]
fn of_a_submodule_the_commit_is_kept_and_a_repository_that_is_none_is_named() {
    let repo = TestRepo::new();
    let other = TestRepo::new();
    let url = other.root.to_string_lossy().into_owned();
    repo.git(&["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", &url, "lib"]);
    repo.git(&["commit", "-q", "-m", "lib"]);
    repo.start(&["x"]);
    repo.write("lib/new", "x\n");
    repo.git(&["-C", "lib", "commit", "-q", "--allow-empty", "-m", "more"]);
    let commit = repo.git(&["-C", "lib", "rev-parse", "HEAD"]);
    repo.git(&["init", "-q", "nested"]);
    repo.write("nested/a", "x\n");
    let output = repo.run(&["checkpoint"]).ok();
    let told = "warning: left out 'nested/': it is a repository of its own\n";
    assert!(output.stderr.ends_with(told), "{}", output.stderr);
    let entry = repo.git(&["ls-tree", "refs/worktree/session:checkpoints/1", "lib"]);
    assert_eq!(entry, format!("160000 commit {commit}\tlib"));
}

#[test]
fn the_oldest_of_too_many_checkpoints_stays_in_the_history_only() {
    let repo = TestRepo::new();
    let made = repo.start(&["x"]);
    repo.git(&["config", "session.durability", "git"]);
    let tree = repo.git_feed(&["mktree"], b"");
    let lines: Vec<String> = (1..=100)
        .map(|n| {
            let auto = if n == 3 { "\n    auto: true" } else { "" };
            format!("  - n: {n}\n    tree: {tree}\n    at: 2026-01-07T13:00:00.000000Z{auto}")
        })
        .collect();
    // As if a hundred had been taken.
    let reference = text(&made["ref"]);
    let record = repo.git(&["cat-file", "blob", &format!("{reference}:session.yaml")]);
    let record = format!("{record}\ncheckpoints:\n{}\n", lines.join("\n"));
    let record = repo.git_feed(&["hash-object", "-w", "--stdin"], record.as_bytes());
    let kept: String = (1..=100).map(|n| format!("040000 tree {tree}\t{n}\n")).collect();
    let kept = repo.git_feed(&["mktree"], kept.as_bytes());
    let entries = repo.git(&["ls-tree", reference]);
    let entries = entries.lines().filter(|line| line.ends_with("\tlifecycle.yaml"));
    let entries: String = entries.map(|line| format!("{line}\n")).collect();
    let entries =
        format!("{entries}100644 blob {record}\tsession.yaml\n040000 tree {kept}\tcheckpoints\n");
    let root = repo.git_feed(&["mktree"], entries.as_bytes());
    let message = repo.git(&["log", "-1", "--format=%B", reference]);
    let commit = repo.git(&["commit-tree", "-p", reference, "-m", &message, &root]);
    repo.git(&["update-ref", reference, &commit]);
    repo.write("a", "1\n");
    let session = repo.run(&["checkpoint", "--json"]).json();
    let numbers: Vec<u64> =
        checkpoints(&session).iter().filter_map(|it| it["n"].as_u64()).collect();
    let expected: Vec<u64> = (1..=101).filter(|n| *n != 3).collect();
    assert_eq!(numbers, expected, "an automatic one goes first");
    assert_eq!(repo.rev(&format!("{reference}:checkpoints/3")), "");
    assert_eq!(repo.rev(&format!("{reference}~1:checkpoints/3")), tree);
}

#[test]
fn what_a_killed_checkpoint_left_is_removed_by_the_next_one_and_nothing_else() {
    let repo = TestRepo::new();
    repo.start(&["x"]);
    let left = |name: &str, age: u64| {
        let dir = repo.git_dir.join("session").join(name);
        fs::create_dir_all(dir.join("objects")).expect("a directory");
        let at = fs::metadata(&dir).and_then(|it| it.modified()).expect("a time");
        let dir = fs::File::open(&dir).expect("it is there");
        dir.set_modified(at - Duration::from_secs(age)).expect("set");
        dir
    };
    left("checkpoint-old", 3600);
    left("checkpoint-new", 60);
    left("other", 3600);
    let alive = left("checkpoint-alive", 3600);
    alive.lock().expect("a lock");
    repo.write("a", "1\n");
    repo.run(&["checkpoint"]).ok();
    let is_there = |name: &str| repo.git_dir.join("session").join(name).is_dir();
    assert!(!is_there("checkpoint-old"));
    assert!(is_there("checkpoint-new") && is_there("checkpoint-alive") && is_there("other"));
}

#[test]
fn checkpoints_at_the_same_time_are_all_there() {
    let repo = TestRepo::new();
    let made = repo.start(&["x"]);
    repo.write("a", "1\n");
    let commands: Vec<_> = (0..4)
        .map(|_| repo.cmd(&["checkpoint", text(&made["id"])]).command.spawn().expect("it runs"))
        .collect();
    for mut command in commands {
        assert!(command.wait().expect("it ended").success());
    }
    assert_eq!(checkpoints(&repo.show(text(&made["id"]))).len(), 1);
}

#[test]
fn diff_compares_the_beginning_checkpoints_and_the_work_tree() {
    for_each_kind(|repo| {
        repo.write("a", "1\n");
        repo.git(&["add", "a"]);
        repo.git(&["commit", "-q", "-m", "a"]);
        repo.start(&["x"]);
        repo.write("a", "1\n2\n");
        repo.run(&["checkpoint"]).ok();
        repo.write("b", "new\n");
        repo.run(&["checkpoint"]).ok();
        repo.write("c", "newer\n");
        let names = |args: &[&str]| {
            let args = [&["diff"], args, &["--name-status"]].concat();
            repo.run(&args).ok().stdout
        };
        assert_eq!(names(&[]), "M\ta\nA\tb\nA\tc\n");
        assert_eq!(names(&["start"]), names(&[]));
        assert_eq!(names(&["1"]), "A\tb\nA\tc\n");
        assert_eq!(names(&["last"]), "A\tc\n");
        assert_eq!(names(&["1..2"]), "A\tb\n");
        assert_eq!(names(&["2..1"]), "D\tb\n");
        assert_eq!(names(&["..1"]), "M\ta\n");
        assert_eq!(names(&["@", "1.."]), "A\tb\n");
        assert_eq!(repo.run(&["diff", "--name-only", "--", "c"]).ok().stdout, "c\n");
        repo.run(&["diff", "1..2", "--exit-code"]).exits(1);
        repo.run(&["diff", "2..2", "--exit-code"]).ok();
        let patch = repo.run(&["diff", "..1", "--color=always"]).ok().stdout;
        assert!(patch.contains("+\u{1b}[m\u{1b}[32m2"), "{patch:?}");
        repo.run(&["finish"]).ok();
        assert_eq!(repo.run(&["diff", "-", "--stat"]).status, 1, "there is no session before");
    });
}

#[test]
fn diff_names_what_is_not_there() {
    let repo = TestRepo::new();
    let made = repo.start(&["x"]);
    let refused = repo.run(&["diff", "last"]).refused();
    assert!(refused.contains("has no checkpoint\n"), "{refused}");
    repo.write("a", "1\n");
    repo.run(&["checkpoint"]).ok();
    let refused = repo.run(&["diff", text(&made["id"]), "7"]).refused();
    assert!(refused.contains("has no checkpoint 7\n"), "{refused}");
    repo.run(&["diff", text(&made["id"]), "main"]).exits(129);
    // A session that has ended is compared with its newest checkpoint.
    repo.write("b", "1\n");
    repo.run(&["finish"]).ok();
    let names = repo.run(&["diff", text(&made["id"]), "--name-only"]).ok().stdout;
    assert_eq!(names, "a\n");
}
