//! Where commands run: branches, work trees, and no two sessions in one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::mpsc;

use super::harness::{LONG, World, finish, read, said};

const BINARY: &str = env!("CARGO_BIN_EXE_git-session");
/// A worker that lasts.
const LASTING: &str = "pwd >\"$AT/pwd\"; ready; exec sleep 1000";
/// A command that tells where it is.
const PWD: [&str; 4] = ["--", "sh", "-c", "pwd >\"$AT/pwd\""];

fn real(path: impl AsRef<Path>) -> PathBuf {
    path.as_ref().canonicalize().expect("a path")
}

/// Runs the program in another directory.
fn session_in(world: &World, dir: &Path, arguments: &[&str]) -> Output {
    let mut command: Command = world.command(BINARY, arguments);
    command.current_dir(dir).output().expect("the program runs")
}

fn with<'a>(arguments: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [arguments, more].concat()
}

/// Runs a command that tells where it is, and returns that and what we said.
fn ran_in(world: &World, arguments: &[&str]) -> (PathBuf, String) {
    let _ = fs::remove_file(world.path("pwd"));
    let said = world.ok(&with(arguments, &PWD));
    (PathBuf::from(read(&world.path("pwd")).trim()), said)
}

fn refused(output: &Output, words: &str) {
    assert_eq!(output.status.code(), Some(1), "{}", said(output));
    assert!(said(output).contains(words), "{}", said(output));
}

/// Returns a session by its name.
fn show(world: &World, name: &str) -> serde_json::Value {
    world.json(&["show", "--json", name])
}

fn branch(world: &World) -> String {
    world.git(&["symbolic-ref", "--short", "HEAD"]).trim().to_owned()
}

#[test]
fn a_command_runs_in_the_work_tree_that_is_made_for_its_session() {
    let world = World::new();
    let (dir, told) = ran_in(&world, &["start", "one", "--worktree"]);
    let tree = real(world.path("project.session-one"));
    assert_eq!(dir, tree);
    assert_eq!(branch(&world), "main");
    assert_eq!(world.word("outcome"), "success");
    assert!(told.contains(&format!("Its work tree {} is kept", tree.display())), "{told}");
    world.check_repository();
}

#[test]
fn a_command_runs_in_the_same_directory_below_the_work_tree() {
    let world = World::new();
    let below = world.project().join("a/b");
    fs::create_dir_all(&below).expect("made");
    fs::write(below.join("file"), "").expect("written");
    fs::create_dir(world.project().join("untracked")).expect("made");
    world.git(&["add", "a"]);
    world.git(&["commit", "-q", "-m", "below"]);
    for (dir, there) in [("a/b", "project.session-one/a/b"), ("untracked", "project.session-two")] {
        let title = if dir == "untracked" { "two" } else { "one" };
        let dir = world.project().join(dir);
        let output = session_in(&world, &dir, &with(&["start", title, "--worktree"], &PWD));
        assert!(output.status.success(), "{}", said(&output));
        assert_eq!(Path::new(read(&world.path("pwd")).trim()), real(world.path(there)));
    }
}

#[test]
fn the_command_in_a_work_tree_sees_its_git_whatever_the_environment_says() {
    let world = World::new();
    let script = "git rev-parse --abbrev-ref HEAD >\"$AT/head\"; git status --short >>\"$AT/head\"";
    let mut command =
        world.command(BINARY, &["start", "one", "--worktree", "--", "sh", "-c", script]);
    command.env("GIT_DIR", world.project().join(".git")).env("GIT_WORK_TREE", world.project());
    let output = command.output().expect("the program runs");
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(read(&world.path("head")), "session/one\n");
}

#[test]
fn run_and_resume_find_the_work_tree_wherever_they_are_called_and_it_is() {
    let world = World::new();
    world.ok(&["start", "one", "--worktree", "--name=x"]);
    let tree = real(world.path("project.session-one"));
    let owner = world.owner(&["run", "x"], LASTING);
    assert_eq!(Path::new(read(&world.path("pwd")).trim()), tree);
    world.ok(&["suspend", "x"]);
    assert_eq!(finish(owner), Some(143));
    // It is moved, and found.
    let moved = world.path("moved");
    world.git(&["worktree", "move", &tree.to_string_lossy(), &moved.to_string_lossy()]);
    let owner = world.spawn(&["resume", "x"]);
    world.wait_until_ready();
    assert_eq!(Path::new(read(&world.path("pwd")).trim()), real(&moved));
    world.ok(&["terminate", "x"]);
    assert_eq!(finish(owner), Some(143));
}

#[test]
fn a_work_tree_that_is_gone_is_told_and_found_again_when_it_is_made_again() {
    let world = World::new();
    world.ok(&["start", "one", "--worktree", "--name=x"]);
    let owner = world.owner(&["run", "x"], LASTING);
    world.ok(&["suspend", "x"]);
    finish(owner);
    let tree = real(world.path("project.session-one"));
    fs::remove_dir_all(&tree).expect("removed");
    for verb in [&["resume", "x"][..], &["run", "x", "--", "true"]] {
        let output = world.session(verb);
        refused(&output, "is missing");
        let hint = format!("git worktree add {} session/one", tree.display());
        assert!(said(&output).contains(&hint), "{}", said(&output));
    }
    world.git(&["worktree", "prune"]);
    refused(&world.session(&["resume", "x"]), "has no work tree of its own here");
    assert_eq!(show(&world, "x")["status"], "suspended");
    assert_eq!(ran_in(&world, &["run", "x", "--here"]).0, real(world.project()));

    world.ok(&["start", "two", "--name=y", "-b=two", "--worktree"]);
    world.git(&["worktree", "remove", &world.path("project.two").to_string_lossy()]);
    refused(&world.session(&["run", "y", "--", "true"]), "has no work tree of its own here");
    world.git(&["worktree", "add", "-q", "../again", "two"]);
    assert_eq!(ran_in(&world, &["run", "y"]).0, real(world.path("again")));
}

#[test]
fn a_command_runs_on_its_branch_which_a_clean_work_tree_is_switched_to() {
    let world = World::new();
    fs::write(world.project().join("file"), "1").expect("written");
    world.git(&["add", "file"]);
    world.git(&["commit", "-q", "-m", "file"]);
    world.ok(&["start", "one", "-b", "--name=x", "--lifecycle=feature"]);
    assert_eq!(ran_in(&world, &["run", "x"]).0, real(world.project()));
    world.git(&["switch", "-q", "main"]);
    fs::write(world.project().join("untracked"), "x").expect("written");
    fs::write(world.project().join("file"), "2").expect("written");
    let before = show(&world, "x");
    refused(&world.session(&["run", "x", "--", "true"]), "has uncommitted changes");
    assert_eq!((show(&world, "x"), branch(&world)), (before, "main".into()));
    world.git(&["checkout", "-q", "file"]);
    let (dir, told) = ran_in(&world, &["run", "x"]);
    assert_eq!((dir, branch(&world)), (real(world.project()), "session/one".into()));
    assert!(told.contains("Switched to branch 'session/one'"), "{told}");
    world.git(&["switch", "-q", "main"]);
    ran_in(&world, &["run", "x", "--here"]);
    assert_eq!(branch(&world), "main");
    world.git(&["worktree", "add", "-q", "../other", "session/one"]);
    let (dir, told) = ran_in(&world, &["run", "x"]);
    assert_eq!(dir, real(world.path("other")));
    assert!(told.contains(&format!("Running in {}", dir.display())), "{told}");
    world.git(&["worktree", "remove", "../other"]);
    world.git(&["branch", "-q", "-D", "session/one"]);
    refused(&world.session(&["run", "x", "--", "true"]), "does not exist");
    assert_eq!(branch(&world), "main");
}

#[test]
fn an_ended_session_does_not_switch_the_work_tree() {
    let world = World::new();
    world.ok(&["start", "one", "-b", "--name=x"]);
    let id = world.word("id");
    world.ok(&["finish", "x"]);
    world.git(&["switch", "-q", "main"]);
    let output = world.session(&["run", &id, "--", "true"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert_eq!(branch(&world), "main");
}

#[test]
fn two_sessions_do_not_run_in_one_work_tree_unless_it_is_shared() {
    let world = World::new();
    fs::create_dir(world.project().join("below")).expect("made");
    let owner = world.owner(&["start", "one", "--name=x"], LASTING);
    world.wait_until_recorded();
    world.ok(&["create", "two", "--name=y"]);
    let before = world.git(&["for-each-ref"]);
    for arguments in [
        &["run", "y", "--", "true"][..],
        &["start", "three", "--", "true"],
        &["start", "three", "-b", "--", "true"],
        // Not under the feet of the other, even if it is shared.
        &["start", "three", "-b", "--shared", "--", "true"],
    ] {
        for dir in [world.project(), world.project().join("below")] {
            let output = session_in(&world, &dir, arguments);
            let handle = show(&world, "x")["handle"].clone();
            let told = format!("session {} runs in '", handle.as_str().expect("text"));
            refused(&output, &told);
            assert!(said(&output).contains("--shared"), "{}", said(&output));
        }
    }
    assert_eq!((world.git(&["for-each-ref"]), branch(&world)), (before, "main".into()));
    let error = world.session(&["start", "three", "-b", "--json"]);
    assert!(error.status.success(), "without a command it is git's own business");
    assert_eq!(ran_in(&world, &["run", "y", "--shared"]).0, real(world.project()));
    ran_in(&world, &["start", "four", "--worktree"]);
    world.ok(&["terminate", "x"]);
    assert_eq!(finish(owner), Some(143));
    ran_in(&world, &["start", "five"]);
}

#[test]
fn who_shares_a_work_tree_may_go_on_to_share_it() {
    let world = World::new();
    let one = world.owner(&["start", "one", "--name=x"], LASTING);
    let two = world.owner(&["start", "two", "--name=y", "--shared"], LASTING);
    world.ok(&["suspend", "x"]);
    world.ok(&["suspend", "y"]);
    assert_eq!((finish(one), finish(two)), (Some(143), Some(143)));
    let two = world.spawn(&["resume", "y"]);
    world.wait_until_ready();
    refused(&world.session(&["resume", "x"]), "runs in '");
    assert_eq!(show(&world, "x")["status"], "suspended");
    let one = world.spawn(&["resume", "x", "--shared"]);
    world.wait_until_ready();
    world.ok(&["suspend", "y"]);
    finish(two);
    let two = world.spawn(&["resume", "y"]);
    world.wait_until_ready();
    world.ok(&["terminate", "x"]);
    world.ok(&["terminate", "y"]);
    assert_eq!((finish(one), finish(two)), (Some(143), Some(143)));
}

#[test]
fn of_many_that_want_one_work_tree_at_once_one_gets_it() {
    const N: usize = 6;
    let world = World::new();
    let names: Vec<String> = (0..N).map(|n| format!("s{n}")).collect();
    for name in &names {
        world.ok(&["create", name, "--name", name]);
    }
    let ready = world.path("ready");
    world.command("mkfifo", &[&ready.to_string_lossy()]).status().expect("mkfifo runs");
    let (done, ended) = mpsc::channel();
    std::thread::scope(|scope| {
        for name in &names {
            let script = "echo $$ >\"$AT/ready\"; exec sleep 1000";
            let mut command = world.command(BINARY, &["run", name, "--", "sh", "-c", script]);
            let done = done.clone();
            scope.spawn(move || done.send(command.output().expect("the program runs")));
        }
        world.wait_until_ready();
        // Whatever comes, no worker is left behind: it would never end.
        let losers: Vec<_> = (1..N).map_while(|_| ended.recv_timeout(LONG).ok()).collect();
        let listed = world.json(&["list", "--observed=running", "--json"]);
        for session in listed["sessions"].as_array().expect("a list") {
            world.session(&["terminate", "--grace=0", session["id"].as_str().expect("text")]);
        }
        losers.iter().for_each(|output| refused(output, "runs in '"));
        assert_eq!(losers.len(), N - 1, "{listed}");
        let winner = ended.recv_timeout(LONG).expect("the winner");
        assert_eq!(winner.status.code(), Some(137), "{}", said(&winner));
    });
    world.check_repository();
}

#[test]
fn a_worker_runs_another_session_elsewhere_or_shares_its_work_tree() {
    let world = World::new();
    let script = "\"$BINARY\" start in -- true; echo $? >\"$AT/got\"; \
                  \"$BINARY\" start in --shared -- true; echo $? >>\"$AT/got\"; \
                  \"$BINARY\" start in --worktree -- true; echo $? >>\"$AT/got\"";
    world.ok(&["start", "out", "--", "sh", "-c", script]);
    assert_eq!(read(&world.path("got")), "1\n0\n0\n");
}

#[test]
fn in_a_bare_repository_the_directories_are_compared() {
    let world = World::new();
    world.git(&["init", "-q", "--bare", "../bare.git"]);
    let (bare, other) = (world.path("bare.git"), world.path("bare.git/hooks"));
    let script = "echo >\"$AT/ready\"; exec sleep 1000";
    world.command("mkfifo", &[&world.path("ready").to_string_lossy()]).status().expect("runs");
    let mut command = world.command(BINARY, &["start", "x", "--name=x", "--", "sh", "-c", script]);
    let mut owner = command.current_dir(&bare).spawn().expect("the program runs");
    fs::read(world.path("ready")).expect("a pipe");
    let run = |dir: &Path| session_in(&world, dir, &["start", "y", "--", "true"]);
    refused(&run(&bare), "runs in '");
    assert!(run(&other).status.success());
    assert!(session_in(&world, &bare, &["terminate", "x"]).status.success());
    assert_eq!(owner.wait().expect("waited for").code(), Some(143));
}

#[test]
fn a_work_tree_goes_with_a_terminated_worker_and_never_from_under_a_running_one() {
    let world = World::new();
    let owner = world.owner(&["start", "one", "--name=x", "--worktree"], LASTING);
    let tree = world.path("project.session-one");
    for verb in ["finish", "fail"] {
        refused(&world.session(&[verb, "x", "--remove-worktree"]), "runs (process ");
    }
    fs::write(tree.join("untracked"), "x").expect("written");
    refused(&world.session(&["terminate", "x", "--remove-worktree"]), "uncommitted changes");
    assert_eq!(show(&world, "x")["observed"], "running");
    fs::remove_file(tree.join("untracked")).expect("removed");
    let told = world.ok(&["terminate", "x", "--remove-worktree"]);
    assert!(told.contains("is removed"), "{told}");
    assert!(!tree.exists());
    assert_eq!(finish(owner), Some(143));
    assert_eq!(world.word("outcome"), "interrupted");
    world.git(&["rev-parse", "refs/heads/session/one"]);
}
