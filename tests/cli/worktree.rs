//! Sessions with a branch or a work tree of their own.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::harness::{ID, PLAIN, TestRepo, executable, for_each_kind, kinds, text};

fn real(path: impl AsRef<Path>) -> PathBuf {
    path.as_ref().canonicalize().expect("a path")
}

/// Returns all that a refusal must leave as it is.
fn state(repo: &TestRepo) -> (String, String, String, Vec<PathBuf>) {
    let mut beside: Vec<PathBuf> =
        repo.home.path().read_dir().expect("a directory").flatten().map(|it| it.path()).collect();
    beside.sort();
    let head = repo.git(&["symbolic-ref", "-q", "HEAD"]);
    (repo.refs(), repo.git(&["worktree", "list", "--porcelain"]), head, beside)
}

#[test]
fn a_work_tree_is_made_beside_the_main_one_on_a_branch_of_the_title() {
    for_each_kind(|repo| {
        let output = repo.run(&["start", "Add login", "--worktree"]).ok();
        let path = real(repo.home.path().join("repo.session-add-login"));
        let made = repo.cmd(&["show", "--json", "@"]).dir(&path).run().json();
        assert_eq!(output.stdout, format!("{}\n", text(&made["handle"])));
        let story = format!(
            "Started session {} on new branch session/add-login in {}\n",
            text(&made["handle"]),
            path.display()
        );
        assert!(output.stderr.starts_with(&story), "{}", output.stderr);
        assert_eq!(made["branch"], "session/add-login");
        assert_eq!(made["git"]["branch"], "session/add-login");
        assert_eq!(made["git"]["is_worktree"], true);
        assert_eq!(made["git"]["worktree_name"], "repo.session-add-login");
        assert_eq!(made["git"]["repo_root"], path.to_string_lossy().as_ref());
        assert_eq!(made["configuration"]["isolation"], "worktree");
        assert_eq!(made["status"], "running");
        // Here, nothing has changed.
        assert_eq!(repo.run(&["status", "--json"]).ok().stdout, "null\n");
        assert_eq!(repo.git(&["symbolic-ref", "--short", "HEAD"]), "main");
        let there = repo.git(&["-C", &path.to_string_lossy(), "symbolic-ref", "--short", "HEAD"]);
        assert_eq!(there, "session/add-login");
    });
}

#[test]
fn json_answers_with_the_new_work_tree() {
    for_each_kind(|repo| {
        let made = repo.start(&["x", "--worktree=../elsewhere", "-b=feat/x"]);
        let path = real(repo.home.path().join("elsewhere"));
        assert_eq!(made["git"]["repo_root"], path.to_string_lossy().as_ref());
        assert_eq!((&made["branch"], &made["class"]), (&json!("feat/x"), &json!("active")));
    });
}

#[test]
fn the_path_follows_the_branch_and_the_settings() {
    let repo = TestRepo::new();
    let made = |args: &[&str]| {
        let made = repo.start(args);
        let root = PathBuf::from(text(&made["git"]["repo_root"]));
        let home = real(repo.home.path());
        let below = root.strip_prefix(home).expect("below").to_string_lossy().into_owned();
        (text(&made["branch"]).to_owned(), below)
    };
    let pair = |branch: &str, path: &str| (branch.to_owned(), path.to_owned());
    assert_eq!(
        made(&["实现代理会话持久化", "--worktree"]),
        pair("session/实现代理会话持久化", "repo.session-实现代理会话持久化")
    );
    assert_eq!(made(&["x", "--worktree", "-b=feat/a"]), pair("feat/a", "repo.feat-a"));
    repo.git(&["config", "session.worktreePath", "../trees/here"]);
    assert_eq!(made(&["x", "--worktree", "-b=feat/b"]), pair("feat/b", "trees/here/repo.feat-b"));
    repo.git(&["config", "session.branchPrefix", "work/"]);
    let path = "--worktree=../own path";
    assert_eq!(made(&["Fix the (login)!", path]), pair("work/fix-the-login", "own path"));
    repo.git(&["branch", "old"]);
    assert_eq!(made(&["y", "--worktree", "-b=old"]), pair("old", "trees/here/repo.old"));
}

#[test]
fn a_work_tree_is_made_from_a_bare_repository() {
    for kind in kinds() {
        let repo = TestRepo::bare(*kind);
        let tree = repo.git_feed(&["mktree"], b"");
        let commit = repo.git(&["commit-tree", "-m", "root", &tree]);
        repo.git(&["update-ref", "refs/heads/main", &commit]);
        let made = repo.start(&["x", "--worktree"]);
        let path = real(repo.home.path().join("repo.session-x"));
        assert_eq!(made["git"]["repo_root"], path.to_string_lossy().as_ref());
        assert_eq!(made["git"]["commit"], commit);
        repo.run(&["finish", text(&made["id"]), "--remove-worktree"]).ok();
        assert!(!path.exists());
        // Nothing is checked out where there is no work tree.
        assert_eq!(repo.start(&["y", "--worktree", "-b=main"])["branch"], "main");
    }
}

#[test]
fn a_command_runs_in_the_place_of_its_session_in_repositories_of_every_kind() {
    for_each_kind(|repo| {
        let pwd = |args: &[&str]| {
            let output = repo.run(&[args, &["--", "sh", "-c", "pwd -P"]].concat()).ok();
            PathBuf::from(output.stdout.trim())
        };
        let head = || repo.git(&["symbolic-ref", "--short", "HEAD"]);
        let feature = ["--lifecycle=feature", "--name"];
        repo.start(&[&["tree", "--worktree"], &feature[..], &["tree"]].concat());
        assert_eq!(pwd(&["run", "tree"]), real(repo.home.path().join("repo.session-tree")));
        repo.start(&[&["branch", "-b"], &feature[..], &["branch"]].concat());
        repo.git(&["switch", "-q", "main"]);
        assert_eq!((pwd(&["run", "branch"]), head()), (real(&repo.root), "session/branch".into()));
        repo.detach();
        repo.git(&["worktree", "add", "-q", "../other", "session/branch"]);
        assert_eq!(pwd(&["run", "branch"]), real(repo.home.path().join("other")));
        assert_eq!(pwd(&["run", "branch", "--here"]), real(&repo.root));
    });
    for kind in kinds() {
        let repo = TestRepo::unborn(*kind);
        repo.run(&["start", "x", "-b", "--lifecycle=feature", "--", "true"]).ok();
        repo.run(&["run", "--", "true"]).ok();
        assert_eq!(repo.git(&["symbolic-ref", "--short", "HEAD"]), "session/x");
    }
}

#[test]
fn a_work_tree_is_made_from_a_linked_one_and_from_a_detached_head() {
    for_each_kind(|repo| {
        let linked = repo.worktree("linked");
        let made = repo.cmd(&["start", "--json", "x", "--worktree"]).dir(&linked).run().json();
        let path = real(repo.home.path().join("repo.session-x"));
        assert_eq!(made["git"]["repo_root"], path.to_string_lossy().as_ref());
        repo.detach();
        let commit = repo.rev("HEAD");
        let made = repo.start(&["y", "--worktree"]);
        assert_eq!(
            (&made["branch"], &made["git"]["commit"]),
            (&json!("session/y"), &json!(commit))
        );
    });
}

#[test]
fn a_repository_of_the_environment_does_not_get_into_the_new_work_tree() {
    for_each_kind(|repo| {
        let made = repo
            .cmd(&["start", "--json", "x", "--worktree"])
            .dir("..")
            .env("GIT_DIR", "repo/.git")
            .env("GIT_WORK_TREE", "repo")
            .run()
            .json();
        assert_eq!(made["git"]["worktree_name"], "repo.session-x");
        let path = real(repo.home.path().join("repo.session-x"));
        assert_eq!(repo.cmd(&["status", "--json=id"]).dir(&path).run().json()["id"], made["id"]);
        assert_eq!(repo.run(&["status", "--json"]).ok().stdout, "null\n");
    });
}

#[test]
fn a_work_tree_that_cannot_be_made_is_refused_and_nothing_happens() {
    for_each_kind(|repo| {
        repo.worktree("linked");
        repo.start(&["taken", "--name", "taken"]);
        fs::create_dir(repo.home.path().join("repo.session-there")).expect("a directory");
        fs::write(repo.home.path().join("repo.session-there/file"), "x").expect("a file");
        fs::write(repo.home.path().join("file"), "x").expect("a file");
        let before = state(repo);
        for (args, status, code) in [
            (&["there", "--worktree"][..], 1, "already_exists"),
            (&["x", "--worktree=../file"], 1, "already_exists"),
            (&["x", "--worktree=../file/below"], 128, "io"),
            (&["x", "--worktree", "-b=linked"], 1, "conflict"),
            (&["x", "--worktree", "-b=main"], 1, "conflict"),
            (&["x", "-b=linked"], 1, "conflict"),
            (&["x", "--worktree", "-b=a..b"], 128, "unsupported"),
            (&["***", "--worktree"], 128, "unsupported"),
            (&["x", "--worktree", "--name=taken"], 1, "already_exists"),
            (&["x", "--worktree", "--label="], 1, "invalid_value"),
        ] {
            repo.run(&[&["start", "--json"], args].concat()).error(status, code);
            assert_eq!(state(repo), before, "{args:?}");
        }
        let error = repo.run(&["start", "x", "--worktree", "-b=linked"]).refused();
        assert!(error.contains("is checked out in '"), "{error}");
        assert!(error.contains("hint: work there, or choose another branch"), "{error}");
    });
}

#[test]
fn a_new_branch_needs_a_commit_to_begin_with() {
    for kind in kinds() {
        let repo = TestRepo::unborn(*kind);
        let before = state(&repo);
        repo.run(&["start", "--json", "x", "--worktree"]).error(1, "unsupported");
        assert_eq!(state(&repo), before);
    }
}

#[test]
fn a_session_that_cannot_be_made_takes_its_work_tree_and_branch_with_it() {
    for_each_kind(|repo| {
        let hook = repo.git_dir.join("hooks/reference-transaction");
        executable(&hook, "#!/bin/sh\n! grep -q refs/sessions/ || [ \"$1\" != prepared ]\n");
        executable(&repo.git_dir.join("hooks/post-checkout"), "#!/bin/sh\n: >untracked\n");
        let before = state(repo);
        let output = repo.run(&["start", "x", "--worktree"]);
        assert_ne!(output.status, 0);
        assert_eq!(state(repo), before);
        let output = repo.run(&["start", "x", "--worktree", "--", "./not-there"]).exits(127);
        assert_eq!(state(repo), before, "{}", output.stderr);
        repo.git(&["branch", "old"]);
        let before = state(repo);
        assert_ne!(repo.run(&["start", "x", "--worktree", "-b=old"]).status, 0);
        assert_eq!(state(repo), before, "a branch that was there stays");
        executable(&repo.git_dir.join("hooks/post-checkout"), "#!/bin/sh\n: >untracked\nexit 1\n");
        repo.run(&["start", "--json", "y", "--worktree"]).error(128, "io");
        assert_eq!(state(repo), before);
        fs::remove_file(hook).expect("a file");
    });
}

#[test]
fn starting_the_same_id_again_finds_its_work_tree() {
    for_each_kind(|repo| {
        let start = ["--id", ID, "x", "--worktree"];
        let made = repo.start(&start);
        let before = state(repo);
        assert_eq!(repo.start(&start)["git"], made["git"]);
        assert_eq!(state(repo), before);
    });
}

#[test]
fn a_branch_is_not_switched_to_over_uncommitted_changes_unless_they_are_to_come_along() {
    for_each_kind(|repo| {
        repo.write("file", "1");
        repo.git(&["add", "file"]);
        repo.git(&["commit", "-q", "-m", "file"]);
        repo.git(&["branch", "old"]);
        repo.write("untracked", "x");
        repo.write("file", "2");
        for is_staged in [false, true] {
            if is_staged {
                repo.git(&["add", "file"]);
            }
            let before = (state(repo), repo.git(&["status", "--porcelain"]));
            for branch in ["-b", "-b=old"] {
                let error = repo.run(&["start", "--json", "x", branch]).error(1, "conflict");
                assert!(text(&error["message"]).contains("uncommitted changes"), "{error}");
                assert_eq!((state(repo), repo.git(&["status", "--porcelain"])), before);
            }
        }
        let hint = repo.run(&["start", "x", "-b"]).refused();
        assert!(hint.contains("--keep-changes") && hint.contains("--worktree"), "{hint}");
        // The present branch is no other one, and a work tree of its own does not mind.
        repo.start(&["x", "-b=main"]);
        repo.start(&["beside", "--worktree"]);
        assert_eq!(repo.start(&["x", "-b", "--keep-changes"])["branch"], "session/x");
        assert_eq!(fs::read_to_string(repo.root.join("file")).expect("a file"), "2");
        repo.git(&["commit", "-q", "-m", "clean"]);
        repo.start(&["y", "-b"]);
    });
}

#[test]
fn a_session_on_a_branch_of_its_own_says_so() {
    let repo = TestRepo::new();
    assert_eq!(repo.start(&["x", "-b"])["configuration"]["isolation"], "branch");
    assert_eq!(repo.start(&["x"])["configuration"]["isolation"], json!(null));
    let wrong = r#"{"configuration": {"isolation": 1}}"#;
    repo.feed(&["update", "--json", "--input", "-"], wrong).error(1, "invalid_value");
}

#[test]
fn the_end_of_a_session_tells_that_its_work_tree_is_kept() {
    for_each_kind(|repo| {
        for verb in ["finish", "fail", "terminate"] {
            let made = repo.start(&[verb, "--worktree"]);
            let path = text(&made["git"]["repo_root"]).to_owned();
            let output = repo.run(&[verb, text(&made["id"])]).ok();
            let story = format!(
                "Its work tree {path} is kept; remove it with \"git worktree remove {path}\"\n"
            );
            assert!(output.stderr.ends_with(&story), "{}", output.stderr);
            assert!(Path::new(&path).is_dir());
            // It can still be removed afterwards, and then nothing is told of it.
            let output = repo.run(&[verb, text(&made["id"]), "--remove-worktree"]).ok();
            assert!(output.stderr.ends_with(&format!("Its work tree {path} is removed\n")));
            assert!(!Path::new(&path).exists());
            assert!(!repo.run(&[verb, text(&made["id"])]).ok().stderr.contains("work tree"));
            assert_ne!(repo.rev(&format!("refs/heads/session/{verb}")), "");
        }
        let made = repo.start(&["json", "--worktree"]);
        let ended = repo.run(&["finish", "--json", text(&made["id"])]);
        assert_eq!((ended.status, &*ended.stderr), (0, ""));
    });
}

#[test]
fn a_work_tree_is_removed_with_the_end_of_its_session_only_when_clean() {
    for_each_kind(|repo| {
        for verb in ["finish", "fail", "terminate"] {
            let made = repo.start(&[verb, "--worktree"]);
            let (id, path) = (text(&made["id"]), text(&made["git"]["repo_root"]).to_owned());
            let refused = |dir: &str| {
                let args = [verb, "--json", id, "--remove-worktree"];
                repo.cmd(&args).dir(dir).run().error(1, "conflict");
                assert_eq!(repo.show(id)["status"], "running");
                assert!(Path::new(&path).is_dir());
            };
            refused(&path);
            let file = Path::new(&path).join("untracked");
            fs::write(&file, "x").expect("a file");
            refused(".");
            repo.git(&["-C", &path, "add", "untracked"]);
            refused(".");
            repo.git(&["-C", &path, "commit", "-q", "-m", "work"]);
            repo.git(&["worktree", "lock", &path]);
            refused(".");
            repo.git(&["worktree", "unlock", &path]);
            // What it was moved to is removed, and a file that is ignored is no work.
            let moved = format!("{path}.moved");
            repo.git(&["worktree", "move", &path, &moved]);
            fs::write(repo.git_dir.join("info-exclude"), "*.o\n").expect("a file");
            repo.git(&["config", "core.excludesFile", ".git/info-exclude"]);
            repo.run(&[verb, id, "--remove-worktree"]).ok();
            assert!(!Path::new(&moved).exists());
            assert_eq!(repo.show(id)["class"], "ended");
            assert_eq!(repo.git(&["log", "-1", "--format=%s", &format!("session/{verb}")]), "work");
        }
        let none = repo.start(&["plain"]);
        let args = ["finish", "--json", text(&none["id"]), "--remove-worktree"];
        repo.run(&args).error(1, "not_found");
        assert_eq!(repo.show(text(&none["id"]))["status"], "running");
    });
}

#[test]
fn a_record_that_claims_a_work_tree_of_somebody_else_does_not_get_it_removed() {
    let repo = TestRepo::new();
    let linked = repo.worktree("linked");
    let patch = r#"{"configuration": {"isolation": "worktree"}}"#;
    let made = repo.cmd(&["start", "--json", "x"]).dir(&linked).run().json();
    assert_eq!(made["git"]["worktree_name"], "linked");
    repo.feed(&["update", text(&made["id"]), "--input", "-"], patch).ok();
    let args = ["finish", "--json", text(&made["id"]), "--remove-worktree"];
    repo.run(&args).error(1, "not_found");
    assert!(linked.is_dir());
}

#[test]
fn a_work_tree_with_submodules_is_not_removed() {
    let repo = TestRepo::new();
    let other = TestRepo::of(PLAIN);
    let url = other.root.to_string_lossy().into_owned();
    repo.git(&["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", &url, "sub"]);
    repo.git(&["commit", "-q", "-m", "sub"]);
    let made = repo.start(&["x", "--worktree"]);
    let args = ["finish", "--json", text(&made["id"]), "--remove-worktree"];
    let error = repo.run(&args).error(1, "conflict");
    assert!(text(&error["message"]).contains("submodules"), "{error}");
}
