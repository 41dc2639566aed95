//! Where a repository is, and what git says about it: the environment, work trees, clones, extensions.

use std::fs;
use std::path::Path;

use serde_json::json;

use super::harness::{
    ID, Kind, PLAIN, PROGRAM, TestRepo, for_each_kind, is_installed, kinds, text,
};

/// Returns a PATH on which git finds the program.
fn path_with_program() -> String {
    let bin = Path::new(PROGRAM).parent().expect("a directory").to_string_lossy().into_owned();
    format!("{bin}:{}", std::env::var("PATH").unwrap_or_default())
}

#[test]
fn git_runs_the_program_and_passes_its_settings_on() {
    for_each_kind(|repo| {
        let git = |args: &[&str]| {
            let mut git = repo.git_command(args);
            git.env("PATH", path_with_program());
            super::harness::Output::of(git, None)
        };
        let args = ["-c", "session.lifecycle=feature", "session", "create", "--json", "x"];
        assert_eq!(git(&args).json()["lifecycle"], "feature");
        assert_eq!(git(&["session", "create", "--json", "x"]).json()["lifecycle"], "worker");
        let name = "it's \"a\" name";
        let set = format!("user.name={name}");
        let mut command = repo.git_command(&["-c", &set, "session", "create", "--json", "x"]);
        command.env("PATH", path_with_program());
        command.env_remove("GIT_AUTHOR_NAME").env_remove("GIT_COMMITTER_NAME");
        let made = super::harness::Output::of(command, None).json();
        assert_eq!(made["author"], format!("{name} <somebody@example.com>"));
        git(&["-C", "..", "session", "list"]).exits(128);
    });
}

#[test]
fn settings_come_from_the_environment_by_number() {
    let repo = TestRepo::new();
    let made = repo
        .cmd(&["create", "--json", "x"])
        .env("GIT_CONFIG_COUNT", "2")
        .env("GIT_CONFIG_KEY_0", "session.lifecycle")
        .env("GIT_CONFIG_VALUE_0", "feature")
        .env("GIT_CONFIG_KEY_1", "session.maxIterations")
        .env("GIT_CONFIG_VALUE_1", "11")
        .run()
        .json();
    assert_eq!(made["lifecycle"], "feature");
    assert_eq!(made["configuration"]["max_iterations"], 11);
}

#[test]
fn settings_that_mean_nothing_are_told_with_their_key() {
    let repo = TestRepo::new();
    for (key, value) in [
        ("session.maxIterations", "many"),
        ("session.timeout", "soon"),
        ("session.autoCheckpoint", "perhaps"),
        ("session.durability", "none"),
        ("session.logLimit", "much"),
        ("session.logLimit", "-1"),
    ] {
        let output = repo
            .cmd(&["create", "--json", "x"])
            .env("GIT_CONFIG_COUNT", "1")
            .env("GIT_CONFIG_KEY_0", key)
            .env("GIT_CONFIG_VALUE_0", value)
            .run();
        assert!(output.stderr.contains(key), "{}", output.stderr);
        output.error(128, "io");
    }
    repo.git(&["config", "session.lifecycle", "banana"]);
    repo.run(&["create", "--json", "x"]).error(1, "invalid_value");
    repo.run(&["list", "--json"]).ok();
}

#[test]
fn a_syntax_error_in_the_configuration_is_told() {
    let repo = TestRepo::new();
    let path = repo.git_dir.join("config");
    let before = fs::read_to_string(&path).expect("a file");
    fs::write(&path, format!("{before}[session\n\tx = 1\n")).expect("a file");
    let output = repo.run(&["list", "--json"]);
    assert_eq!((output.status, &*output.stdout), (128, ""));
    assert!(output.stderr.contains("config"), "{}", output.stderr);
    fs::write(&path, before).expect("a file");
}

#[test]
fn git_dir_and_work_tree_are_obeyed_even_relative() {
    for_each_kind(|repo| {
        let made = repo.start(&["x"]);
        let outside = |args: &[&str]| {
            repo.cmd(args).dir("..").env("GIT_DIR", "repo/.git").env("GIT_WORK_TREE", "repo").run()
        };
        let shown = outside(&["show", "--json", "@"]).json();
        assert_eq!((&shown["id"], &shown["git"]), (&made["id"], &made["git"]));
        assert_eq!(outside(&["suspend", "--json"]).json()["status"], "suspended");
        let branch = outside(&["start", "--json", "Over there", "-b"]).json();
        assert_eq!(branch["branch"], "session/over-there");
        assert_eq!(repo.git(&["symbolic-ref", "--short", "HEAD"]), "session/over-there");
    });
}

#[test]
fn a_command_works_in_a_subdirectory() {
    for_each_kind(|repo| {
        repo.write("a/b/file", "x");
        let made = repo.cmd(&["start", "--json", "x"]).dir("a/b").run().json();
        let root = repo.root.canonicalize().expect("a path");
        assert_eq!(made["git"]["repo_root"], root.to_string_lossy().as_ref());
        assert_eq!(repo.show("@"), made);
        repo.cmd(&["suspend"]).dir("a").run().ok();
    });
}

#[test]
fn linked_work_trees_share_sessions_but_not_the_current_one() {
    for_each_kind(|repo| {
        let linked = repo.worktree("linked");
        let here = repo.start(&["here"]);
        let run = |args: &[&str]| repo.cmd(args).dir(&linked).run();
        assert_eq!(run(&["status", "--json"]).ok().stdout, "null\n");
        let there = run(&["start", "--json", "there"]).json();
        assert_eq!(there["git"]["is_worktree"], true);
        assert_eq!(there["git"]["worktree_name"], "linked");
        assert_eq!(there["branch"], "linked");
        let root = linked.canonicalize().expect("a path");
        assert_eq!(there["git"]["repo_root"], root.to_string_lossy().as_ref());
        assert_eq!(repo.show("@")["id"], here["id"]);
        assert_eq!(run(&["show", "--json", "@"]).json()["id"], there["id"]);
        assert_eq!(repo.titles(&[]), ["there", "here"]);
        assert_eq!(run(&["suspend", "--json", text(&here["id"])]).json()["status"], "suspended");
        assert_eq!(repo.show("@")["status"], "suspended");
        let by_environment = repo
            .cmd(&["show", "--json", "@"])
            .env("GIT_DIR", repo.git_dir.join("worktrees/linked"))
            .env("GIT_WORK_TREE", &linked)
            .run()
            .json();
        assert_eq!(by_environment["id"], there["id"]);
    });
}

#[test]
fn a_session_outlives_its_work_tree() {
    let repo = TestRepo::new();
    let linked = repo.worktree("linked");
    let made = repo.cmd(&["start", "--json", "x"]).dir(&linked).run().json();
    fs::remove_dir_all(&linked).expect("a directory");
    let shown = repo.show(text(&made["id"]));
    assert_eq!(shown["git"]["worktree_name"], "linked");
    repo.run(&["finish", text(&made["id"])]).ok();
    repo.run(&["delete", text(&made["id"])]).ok();
    repo.git(&["worktree", "prune"]);
}

#[test]
fn a_bare_repository_has_sessions() {
    for kind in kinds() {
        let repo = TestRepo::bare(*kind);
        let made = repo.start(&["x"]);
        let root = repo.root.canonicalize().expect("a path");
        assert_eq!(made["git"]["repo_root"], root.to_string_lossy().as_ref());
        assert_eq!(made["git"]["is_worktree"], false);
        assert_eq!(repo.run(&["suspend", "--json"]).json()["status"], "suspended");
        assert_eq!(repo.titles(&[]), ["x"]);
        let output = repo.run(&["start", "y", "-b"]).exits(128);
        assert!(output.stderr.contains("bare"), "{}", output.stderr);
        assert_eq!(repo.titles(&["--all"]), ["x"]);
        repo.run(&["delete", "-f", text(&made["id"])]).ok();
    }
}

#[test]
fn a_history_that_a_shallow_clone_cut_ends_early() {
    for kind in kinds().iter().filter(|kind| kind.refs == "files") {
        let repo = TestRepo::of(*kind);
        let made = repo.start(&["x", "--lifecycle", "feature"]);
        for _ in 0..3 {
            repo.run(&["next"]).ok();
        }
        let url = format!("file://{}", repo.root.display());
        let reference = text(&made["ref"]);
        repo.git(&["clone", "-q", "--depth=1", &url, "../clone"]);
        repo.git(&[
            "-C",
            "../clone",
            "fetch",
            "-q",
            "--depth=2",
            "origin",
            &format!("{reference}:{reference}"),
        ]);
        let run = |args: &[&str]| repo.cmd(args).dir("../clone").run();
        let events = run(&["log", "--json", text(&made["id"])]).json_lines();
        assert_eq!(events.len(), 2);
        assert_eq!(events[0]["seq"], 5);
        assert_eq!(run(&["show", "--json", text(&made["id"])]).json()["status"], "validating");
        let next = run(&["next", "--json", text(&made["id"])]).json();
        assert_eq!((&next["status"], &next["seq"]), (&json!("generating_report"), &json!(6)));
        assert_eq!(run(&["log", "--json", text(&made["id"])]).json_lines().len(), 3);
        run(&["log", "-p", text(&made["id"])]).ok();
        let at = run(&["show", "--json", "--at", "2020-01-01", text(&made["id"])]);
        at.error(129, "invalid_value");
    }
}

#[test]
fn what_a_partial_clone_has_not_is_fetched_or_called_missing() {
    let repo = TestRepo::new();
    let made = repo.start(&["x"]);
    repo.git(&["config", "uploadpack.allowFilter", "true"]);
    repo.git(&["config", "uploadpack.allowAnySHA1InWant", "true"]);
    let url = format!("file://{}", repo.root.display());
    let reference = text(&made["ref"]);
    let id = text(&made["id"]);
    repo.git(&["clone", "-q", "--filter=blob:none", "--bare", &url, "../partial.git"]);
    let partial = ["-C", "../partial.git"];
    let refspec = format!("{reference}:{reference}");
    repo.git(&[&partial[..], &["fetch", "-q", "--filter=blob:none", "origin", &refspec]].concat());
    let run = |args: &[&str]| repo.cmd(args).dir("../partial.git").run();
    assert_eq!(run(&["list", "--json=title"]).status, 0);
    assert_eq!(run(&["log", "--json", id]).json_lines().len(), 2);
    let shown = run(&["show", "--json", id]).json();
    assert_eq!((&shown["title"], &shown["status"]), (&json!("x"), &json!("running")));
    // Once more, with the other side gone.
    repo.git(&["clone", "-q", "--filter=blob:none", "--bare", &url, "../lost.git"]);
    let refspec = format!("{reference}:{reference}");
    repo.git(&["-C", "../lost.git", "fetch", "-q", "--filter=blob:none", "origin", &refspec]);
    repo.git(&["-C", "../lost.git", "remote", "set-url", "origin", "file:///nonexistent"]);
    let error = repo.cmd(&["show", "--json", id]).dir("../lost.git").run().error(1, "corrupt");
    assert!(text(&error["message"]).contains("missing"), "{error}");
}

#[test]
fn a_repository_of_another_user_is_refused_as_git_does() {
    let repo = TestRepo::new();
    repo.start(&["x"]);
    let is_changed = |user: &str| {
        let mut command = std::process::Command::new("chown");
        command.arg("-R").arg(user).arg(&repo.root);
        command.stderr(std::process::Stdio::null()).status().is_ok_and(|it| it.success())
    };
    if !is_installed("chown") || !is_changed("12345") {
        eprintln!("skipped: only root can give a repository away");
        return;
    }
    let error = repo.run(&["list", "--json"]).error(128, "unsupported");
    assert!(text(&error["message"]).contains("dubious ownership"), "{error}");
    let output = repo.run(&["start", "y"]).exits(128);
    assert!(output.stderr.contains("hint:"), "{}", output.stderr);
    assert!(output.stderr.contains("safe.directory"), "{}", output.stderr);
    // As git: the exception counts from the user's own files and the command line only.
    let config = repo.home.path().join("user.gitconfig");
    let root = repo.root.canonicalize().expect("a path");
    fs::write(&config, format!("[safe]\n\tdirectory = {}\n", root.display())).expect("a file");
    let listing = repo.cmd(&["list", "--json"]).env("GIT_CONFIG_GLOBAL", &config).run().json();
    assert_eq!(listing["sessions"].as_array().map(Vec::len), Some(1));
    fs::write(&config, "[safe]\n\tdirectory = *\n").expect("a file");
    repo.cmd(&["list"]).env("GIT_CONFIG_GLOBAL", &config).run().ok();
    assert!(is_changed("0"));
}

#[test]
fn repositories_of_the_future_are_refused() {
    let set = |repo: &TestRepo, text: &str| {
        let path = repo.git_dir.join("config");
        fs::write(path, text).expect("a file");
    };
    for (config, word) in [
        ("[core]\n\trepositoryformatversion = 2\n", "version"),
        ("[core]\n\trepositoryformatversion = 1\n[extensions]\n\tfuture = true\n", "extension"),
        ("[core]\n\trepositoryformatversion = 1\n[extensions]\n\trefstorage = lmdb\n", "lmdb"),
        ("[core]\n\trepositoryformatversion = 1\n[extensions]\n\tobjectformat = md5\n", ""),
    ] {
        let repo = TestRepo::new();
        let refs = repo.refs();
        let before = fs::read_to_string(repo.git_dir.join("config")).expect("a file");
        set(&repo, config);
        for args in [&["list", "--json"][..], &["start", "--json", "x"], &["show", "--json", "x"]] {
            let output = repo.run(args);
            assert_eq!((output.status, &*output.stdout), (128, ""), "{config}");
            assert!(output.stderr.contains(word), "{config}: {}", output.stderr);
        }
        set(&repo, &before);
        assert_eq!(repo.refs(), refs);
    }
    // Version 0 knows no extensions, and git ignores them there.
    let repo = TestRepo::new();
    repo.git(&["config", "extensions.future", "true"]);
    repo.start(&["x"]);
}

#[test]
fn a_repository_whose_format_is_new_but_known_is_accepted() {
    let repo = TestRepo::new();
    repo.git(&["config", "core.repositoryformatversion", "1"]);
    repo.git(&["config", "extensions.worktreeConfig", "true"]);
    repo.git(&["config", "extensions.preciousObjects", "true"]);
    repo.start(&["x"]);
    repo.git(&["config", "--worktree", "session.lifecycle", "feature"]);
    assert_eq!(repo.create(&["y"])["lifecycle"], "feature");
}

#[test]
fn another_repository_of_the_environment_is_the_one_that_is_meant() {
    let repo = TestRepo::new();
    let other = TestRepo::of(Kind { hash: "sha256", ..PLAIN });
    other.start(&["--id", ID, "there"]);
    let output = repo
        .cmd(&["list", "--json"])
        .env("GIT_DIR", &other.git_dir)
        .env("GIT_WORK_TREE", &other.root)
        .run()
        .json();
    assert_eq!(output["sessions"][0]["id"], ID);
    assert_eq!(repo.titles(&[]), Vec::<String>::new());
}

#[test]
fn the_index_of_a_running_commit_is_not_touched() {
    let repo = TestRepo::new();
    let index = repo.git_dir.join("index.lock.of.commit");
    fs::write(&index, "not an index").expect("a file");
    let made = repo
        .cmd(&["start", "--json", "x"])
        .env("GIT_INDEX_FILE", &index)
        .env("GIT_PREFIX", "")
        .env("GIT_REFLOG_ACTION", "rebase")
        .env("GIT_AUTHOR_DATE", "2001-01-01T00:00:00Z")
        .env("GIT_COMMITTER_DATE", "2001-01-01T00:00:00Z")
        .run()
        .json();
    assert_eq!(fs::read(&index).expect("a file"), b"not an index");
    let dates = repo.git(&["log", "-1", "--format=%at %ct", text(&made["ref"])]);
    assert_eq!(dates, "1767790801 1767790801", "the time is our own");
    fs::remove_file(&index).expect("a file");
}

#[test]
fn git_trace_does_not_reach_the_answer() {
    for_each_kind(|repo| {
        let made = repo.start(&["x"]);
        let shown = repo
            .cmd(&["show", "--json", "@"])
            .env("GIT_TRACE", "1")
            .env("GIT_TRACE_SETUP", "1")
            .env("GIT_SESSION_TRACE", "1")
            .run()
            .json();
        assert_eq!(shown, made);
    });
}

#[test]
fn a_trace_goes_to_the_end_of_a_file() {
    let repo = TestRepo::new();
    let trace = repo.home.path().join("trace");
    for _ in 0..2 {
        let output = repo.cmd(&["list"]).env("GIT_SESSION_TRACE", &trace).run().ok();
        assert_eq!(output.stderr, "");
    }
    let text = fs::read_to_string(&trace).expect("a file");
    assert!(text.matches("list").count() >= 2, "{text}");
}

#[test]
fn a_git_directory_may_be_elsewhere_and_a_command_inside_of_it() {
    let repo = TestRepo::new();
    let elsewhere = repo.home.path().join("elsewhere.git");
    let made = repo.start(&["x"]);
    fs::rename(&repo.git_dir, &elsewhere).expect("a directory");
    let link = format!("gitdir: {}\n", elsewhere.display());
    fs::write(&repo.git_dir, link).expect("a file");
    assert_eq!(repo.show("@"), made);
    let inside = repo.cmd(&["status", "--json=id"]).dir(&elsewhere).run().json();
    assert_eq!(inside["id"], made["id"]);
    repo.run(&["suspend"]).ok();
    let deeper = repo.cmd(&["status", "--json=status"]).dir(elsewhere.join("refs")).run().json();
    assert_eq!(deeper["status"], "suspended");
}

#[test]
fn no_repository_is_looked_for_above_a_ceiling() {
    let repo = TestRepo::new();
    repo.write("a/b/c", "");
    let ceiling = repo.root.canonicalize().expect("a path").join("a");
    let run = |ceiling: &Path| {
        repo.cmd(&["list"]).dir("a/b").env("GIT_CEILING_DIRECTORIES", ceiling).run()
    };
    run(&ceiling).exits(128);
    run(Path::new("/nonexistent")).ok();
}

#[test]
fn the_work_tree_may_be_configured() {
    let repo = TestRepo::new();
    repo.write("tree/a", "");
    let tree = repo.root.join("tree").canonicalize().expect("a path");
    repo.git(&["config", "core.worktree", &tree.to_string_lossy()]);
    let made = repo.create(&["x"]);
    assert_eq!(made["git"]["repo_root"], tree.to_string_lossy().as_ref());
}

#[test]
fn a_lock_of_head_stops_a_switch_and_nothing_else() {
    let repo = TestRepo::new();
    let lock = repo.git_dir.join("HEAD.lock");
    fs::write(&lock, "").expect("a file");
    repo.start(&["x"]);
    repo.run(&["suspend"]).ok();
    let error = repo.run(&["start", "--json", "y", "-b"]).error(128, "io");
    assert!(text(&error["message"]).contains("HEAD"), "{error}");
    assert_eq!(repo.titles(&["--all"]), ["x"]);
    assert!(lock.exists(), "it is not ours to remove");
    fs::remove_file(&lock).expect("a file");
    // git made the branch before it met the lock; that is git's own business.
}

#[test]
fn a_broken_head_is_told_and_hides_no_session() {
    let repo = TestRepo::new();
    let made = repo.start(&["x"]);
    let path = repo.git_dir.join("HEAD");
    let head = fs::read(&path).expect("a file");
    fs::write(&path, "ref: refs/heads/../../x\n").expect("a file");
    let output = repo.run(&["create", "--json", "y"]);
    assert_eq!((output.status, &*output.stdout), (128, ""));
    fs::write(&path, head).expect("a file");
    assert_eq!(repo.show("@")["id"], made["id"]);
    assert_eq!(repo.titles(&["--all"]), ["x"]);
}
