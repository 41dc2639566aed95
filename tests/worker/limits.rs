use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Output;

use git_session::worker::Held;
use rustix::process::Signal;
use serde_json::Value;

use super::harness::{LONG, World, finish, hold, read, said, until};

const BINARY: &str = env!("CARGO_BIN_EXE_git-session");

/// Runs the program at another time.
fn at(world: &World, now: &str, arguments: &[&str]) -> Output {
    world.command(BINARY, arguments).env("GIT_SESSION_TEST_NOW", now).output().expect("it runs")
}

fn iterations(world: &World) -> Value {
    world.only()["statistics"]["iterations"].clone()
}

/// Starts a worker at another time, and kills its owner.
fn orphan_at(world: &World, now: &str, arguments: &[&str]) -> Held {
    let ready = world.path("ready");
    if !ready.exists() {
        let made = world.command("mkfifo", &[&ready.to_string_lossy()]).status();
        assert!(made.expect("mkfifo runs").success());
    }
    let script = "echo $$ >\"$AT/worker\"; echo $$ >\"$AT/ready\"; exec sleep 1000";
    let all = [arguments, &["--", "sh", "-c", script]].concat();
    let mut command = world.command(BINARY, &all);
    let mut owner = command.env("GIT_SESSION_TEST_NOW", now).spawn().expect("the program runs");
    world.wait_until_ready();
    let worker = world.held("worker");
    until("the worker is recorded", || world.only()["worker"]["pid"] == worker.process.pid);
    hold(&owner).signal(Signal::KILL).expect("sent");
    owner.wait().expect("waited for");
    worker
}

/// Returns how many minutes `check` says are used.
fn minutes_used(world: &World, now: &str) -> u64 {
    let output = at(world, now, &["check", "@", "--json"]);
    let checked: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    checked["limits"][0]["used"].as_u64().expect("a number") / 60
}

#[test]
fn only_the_time_counts_in_which_a_worker_ran() {
    let world = World::new();
    at(&world, "2026-01-07T02:00:00Z", &["start", "one"]);
    // As long as there is no worker it is the time at work.
    assert_eq!(minutes_used(&world, "2026-01-07T03:30:00Z"), 90);
    let worker = orphan_at(&world, "2026-01-07T10:00:00Z", &["run"]);
    assert_eq!(minutes_used(&world, "2026-01-07T10:10:00Z"), 10);
    at(&world, "2026-01-07T10:30:00Z", &["suspend", "--freeze"]);
    assert_eq!(minutes_used(&world, "2026-01-07T15:00:00Z"), 30);
    at(&world, "2026-01-07T16:00:00Z", &["resume"]);
    assert_eq!(minutes_used(&world, "2026-01-07T16:15:00Z"), 45);
    at(&world, "2026-01-07T16:30:00Z", &["suspend", "--grace=0"]);
    assert!(worker.is_gone());
    assert_eq!(minutes_used(&world, "2026-01-08T09:00:00Z"), 60);
    let worker = orphan_at(&world, "2026-01-08T10:00:00Z", &["run"]);
    assert_eq!(minutes_used(&world, "2026-01-08T10:20:00Z"), 80);
    // How long a lost one ran nobody knows.
    worker.signal(Signal::KILL).expect("sent");
    assert!(worker.wait(LONG));
    assert_eq!(minutes_used(&world, "2026-01-09T10:00:00Z"), 60);
    let output = at(&world, "2026-01-09T10:00:00Z", &["run", "--", "true"]);
    assert!(output.status.success(), "{}", said(&output));
    world.check_repository();
}

#[test]
fn a_session_whose_workers_have_used_its_time_runs_nothing_and_changes_nothing() {
    let world = World::new();
    orphan_at(&world, "2026-01-07T10:00:00Z", &["start", "one"]);
    at(&world, "2026-01-07T12:00:00Z", &["suspend", "--grace=0"]);
    let (before, runs) = (world.only(), read(&world.path("worker")));
    for arguments in [&["resume"][..], &["run", "--", "touch", "ran"]] {
        let output = at(&world, "2026-01-07T13:00:00Z", arguments);
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        assert!(said(&output).contains(" has no time left\nhint: "), "{}", said(&output));
    }
    assert_eq!((world.only(), read(&world.path("worker"))), (before, runs));
    assert!(!world.project().join("ran").exists());
    let output = at(&world, "2026-01-07T13:00:00Z", &["check", "@"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    // What is said for this run is for this run.
    let output = at(&world, "2026-01-07T13:00:00Z", &["run", "--timeout=5", "--", "true"]);
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn starts_are_counted_and_resuming_is_none() {
    let world = World::new();
    world.ok(&["create", "one", "--name", "x"]);
    assert_eq!(iterations(&world), Value::Null);
    let script = "echo x >>\"$AT/tries\"; \
                  test $(wc -l <\"$AT/tries\") -eq 2 && { ready; sleep 1000; }; exit 4";
    let owner = world.owner(&["run", "x", "--max-iterations=3"], script);
    until("the second start is counted", || iterations(&world) == 2);
    world.ok(&["suspend", "x", "--grace=0"]);
    finish(owner);
    assert_eq!((world.word("status"), iterations(&world)), ("suspended".into(), 2.into()));
    // The second start goes on, fails, and one more is left.
    let output = world.session(&["resume", "x"]);
    assert_eq!(output.status.code(), Some(4), "{}", said(&output));
    assert_eq!(read(&world.path("tries")).lines().count(), 4);
    assert_eq!((world.word("outcome"), iterations(&world)), ("failure".into(), 3.into()));
    world.check_repository();
}

#[test]
fn a_count_that_the_caller_set_is_obeyed() {
    let world = World::new();
    world.ok(&["create", "one", "--name", "x"]);
    world.ok(&["update", "x", "--set", "statistics.iterations=2"]);
    let script = "echo x >>\"$AT/tries\"; exit 4";
    let output = world.session(&["run", "x", "--restart", "--", "sh", "-c", script]);
    assert_eq!(output.status.code(), Some(4), "{}", said(&output));
    assert_eq!(read(&world.path("tries")).lines().count(), 1);
    assert_eq!(iterations(&world), 3);
}

#[test]
fn an_agent_that_is_started_again_goes_on_with_its_conversation() {
    let world = World::new();
    let claude = world.path("claude");
    fs::write(&claude, "#!/bin/sh\necho \"$@\" >>\"$AT/tries\"\nexit 4\n").expect("written");
    fs::set_permissions(&claude, fs::Permissions::from_mode(0o755)).expect("set");
    let claude = claude.to_string_lossy().into_owned();
    let id = "11111111-2222-4333-8444-555555555555";
    world.ok(&["create", "one", "--name", "x"]);
    let run = ["run", "x", "--max-iterations=3", "--", &claude, "--session-id", id, "Go"];
    assert_eq!(world.session(&run).status.code(), Some(4));
    let expected = format!("--session-id {id} Go\n--resume {id} Go\n--resume {id} Go\n");
    assert_eq!(read(&world.path("tries")), expected);
}
