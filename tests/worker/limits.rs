use std::process::Output;

use super::harness::{World, finish, read, said};

const BINARY: &str = env!("CARGO_BIN_EXE_git-session");

/// Runs the program at another time.
fn at(world: &World, now: &str, arguments: &[&str]) -> Output {
    world.command(BINARY, arguments).env("GIT_SESSION_TEST_NOW", now).output().expect("it runs")
}

fn iterations(world: &World) -> serde_json::Value {
    world.only()["statistics"]["iterations"].clone()
}

#[test]
fn a_session_whose_time_is_used_up_runs_nothing_and_changes_nothing() {
    let world = World::new();
    at(&world, "2026-01-07T10:00:00Z", &["start", "one"]);
    let before = world.only();
    let output = at(&world, "2026-01-07T12:00:00Z", &["run", "--", "touch", "ran"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains(" has no time left\nhint: "), "{}", said(&output));
    assert_eq!(world.only(), before);
    assert!(!world.project().join("ran").exists());
    assert!(!world.lease().exists());
    // What is said for this run is for this run.
    let output = at(&world, "2026-01-07T12:00:00Z", &["run", "--timeout=5", "--", "true"]);
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn a_session_that_was_put_aside_has_the_time_left_that_it_had() {
    let world = World::new();
    at(&world, "2026-01-07T10:00:00Z", &["start", "one"]);
    at(&world, "2026-01-07T11:00:00Z", &["suspend"]);
    let output = at(&world, "2026-01-08T20:00:00Z", &["run", "--", "true"]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(world.word("outcome"), "success");
}

#[test]
fn the_time_before_a_run_counts_against_the_sessions_timeout() {
    let world = World::new();
    let now = world.command("date", &["-u", "-d", "50 seconds ago", "+%FT%TZ"]).output();
    let then = String::from_utf8(now.expect("date runs").stdout).expect("text");
    at(&world, then.trim(), &["start", "one", "--timeout=1"]);
    let output = world.session(&["run", "--", "sleep", "1000"]);
    assert_eq!(output.status.code(), Some(124), "{}", said(&output));
    assert_eq!(world.word("reason"), "timeout");
    let output = world.session(&["check", "@", "--json"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
}

#[test]
fn starts_are_counted_and_resuming_is_none() {
    let world = World::new();
    world.ok(&["create", "one", "--name", "x"]);
    assert_eq!(iterations(&world), serde_json::Value::Null);
    let script = "echo x >>\"$AT/tries\"; \
                  test $(wc -l <\"$AT/tries\") -eq 2 && { ready; sleep 1000; }; exit 4";
    let owner = world.owner(&["run", "x", "--max-iterations=3"], script);
    while iterations(&world) != 2 {
        std::thread::yield_now();
    }
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
