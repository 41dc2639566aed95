use std::fs;

use rustix::process::Signal;

use super::harness::{World, finish, hold, read, said};

fn events(world: &World) -> Vec<String> {
    let id = world.word("id");
    let log = world.git(&["log", "--reverse", "--format=%s", &format!("refs/sessions/{id}")]);
    log.lines().map(str::to_owned).collect()
}

#[test]
fn a_command_that_exits_with_0_ends_its_session_with_success() {
    let world = World::new();
    let output = world.session(&["start", "one", "--", "sh", "-c", "echo out; echo err >&2"]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "out\n");
    let session = world.only();
    assert_eq!(session["outcome"], "success");
    assert_eq!(session["worker"]["exit_status"], 0);
    assert_eq!(session["worker"]["command"][0], "sh");
    assert_eq!(session["observed"], "none");
    assert!(session["worker"]["duration_ms"].is_u64());
    assert!(!world.lease().exists());
    world.check_repository();
}

#[test]
fn intent_effect_and_fact_are_events_of_their_own() {
    let world = World::new();
    world.ok(&["create", "one", "--name", "x"]);
    world.ok(&["run", "x", "--", "true"]);
    let events = events(&world);
    assert_eq!(events[0], "create: one");
    assert_eq!(events[1], "pending -> running");
    assert!(events[2].starts_with("worker: started as process "), "{events:?}");
    assert_eq!(events[3], "worker: the command exited with status 0");
    assert_eq!(events[4], "running -> terminated");
    assert_eq!(events.len(), 5);
}

#[test]
fn a_command_that_exits_with_7_ends_its_session_with_failure_and_us_with_7() {
    let world = World::new();
    let output = world.session(&["start", "one", "--", "sh", "-c", "exit 7"]);
    assert_eq!(output.status.code(), Some(7));
    let session = world.only();
    assert_eq!(session["outcome"], "failure");
    assert_eq!(session["reason"], "the command exited with status 7");
    assert_eq!(session["worker"]["exit_status"], 7);
}

#[test]
fn a_command_that_a_signal_ends_interrupts_its_session() {
    let world = World::new();
    let output = world.session(&["start", "one", "--", "sh", "-c", "kill -9 $$"]);
    assert_eq!(output.status.code(), Some(137));
    let session = world.only();
    assert_eq!(session["outcome"], "interrupted");
    assert_eq!(session["worker"]["signal"], 9);
    assert_eq!(session["worker"]["exit_status"], serde_json::Value::Null);
}

#[test]
fn a_command_that_is_not_there_changes_nothing() {
    let world = World::new();
    for program in ["no-such-program", "./nothing", ""] {
        let output = world.session(&["start", "one", "--", program]);
        assert_eq!(output.status.code(), Some(127), "{}", said(&output));
    }
    assert_eq!(world.ok(&["list", "--all"]), "");
}

#[test]
fn the_command_knows_its_session_and_may_end_it() {
    let world = World::new();
    let script = "\"$BINARY\" finish -m done -q && exit 3";
    let output = world.session(&["start", "one", "--", "sh", "-c", script]);
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    let session = world.only();
    assert_eq!(session["outcome"], "success");
    assert_eq!(session["reason"], "done");
    assert_eq!(session["worker"]["exit_status"], 3);
}

#[test]
fn the_command_may_put_its_own_session_aside_and_ends_by_itself() {
    let world = World::new();
    let script = "\"$BINARY\" suspend -q && echo alive";
    let output = world.session(&["start", "one", "--", "sh", "-c", script]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("alive"));
    assert_eq!(world.word("status"), "suspended");
    assert_eq!(world.only()["worker"]["exit_status"], 0);
}

#[test]
fn a_session_has_one_worker_at_a_time() {
    let world = World::new();
    let owner = world.owner(&["start", "one"], "ready; exec sleep 1000");
    let output = world.session(&["run", "--", "true"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("has a worker already"), "{}", said(&output));
    world.ok(&["terminate", "--grace=0"]);
    assert_eq!(finish(owner), Some(137));
}

#[test]
fn an_ended_session_runs_nothing() {
    let world = World::new();
    world.ok(&["start", "one"]);
    let id = world.word("id");
    world.ok(&["finish"]);
    let output = world.session(&["run", &id, "--", "touch", "ran"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(!world.project().join("ran").exists());
    assert!(!world.lease().exists());
}

#[test]
fn a_signal_to_the_owner_reaches_the_command() {
    let world = World::new();
    let script =
        "trap 'echo got >\"$AT/got\"; exit 5' TERM; ready; while :; do sleep 1000 & wait; done";
    let owner = world.owner(&["start", "one"], script);
    hold(&owner).signal(Signal::TERM).expect("sent");
    assert_eq!(finish(owner), Some(5));
    assert_eq!(read(&world.path("got")), "got\n");
    assert_eq!(world.word("outcome"), "failure");
}

#[test]
fn a_command_whose_time_is_over_is_ended_with_the_reason_timeout() {
    let world = World::new();
    world.ok(&["create", "one", "--name", "x"]);
    let output = world.session(&["run", "x", "--timeout=50ms", "--", "sleep", "1000"]);
    assert_eq!(output.status.code(), Some(124), "{}", said(&output));
    let session = world.only();
    assert_eq!(session["outcome"], "interrupted");
    assert_eq!(session["reason"], "timeout");
    assert_eq!(session["worker"]["signal"], 15);
}

#[test]
fn a_command_that_fails_is_run_again_until_it_succeeds_or_has_had_its_chances() {
    let world = World::new();
    world.ok(&["create", "one", "--name", "x"]);
    let script = "echo x >>\"$AT/tries\"; test $(wc -l <\"$AT/tries\") -ge 2";
    let output = world.session(&["run", "x", "--max-iterations=3", "--", "sh", "-c", script]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(read(&world.path("tries")).lines().count(), 2);
    assert_eq!(world.word("outcome"), "success");

    let world = World::new();
    world.ok(&["create", "one", "--name", "x"]);
    let script = "echo x >>\"$AT/tries\"; exit 4";
    let output = world.session(&["run", "x", "--restart", "--", "sh", "-c", script]);
    assert_eq!(output.status.code(), Some(4), "{}", said(&output));
    assert_eq!(read(&world.path("tries")).lines().count(), 3);
    assert_eq!(world.word("outcome"), "failure");
}

#[test]
fn a_command_line_of_several_lines_is_recorded_on_one_and_run_as_it_is() {
    let world = World::new();
    let script = format!("echo a >\"$AT/got\"\n#\u{7}{}\n:", "x".repeat(5000));
    world.ok(&["start", "one", "--", "sh", "-c", &script]);
    assert_eq!(read(&world.path("got")), "a\n");
    assert_eq!(world.word("outcome"), "success");
}

#[test]
fn a_lifecycle_that_does_not_end_here_only_records_that_the_command_did() {
    let world = World::new();
    world.ok(&["start", "one", "--lifecycle", "feature", "--", "true"]);
    let session = world.only();
    assert_eq!(session["status"], "planning");
    assert_eq!(session["worker"]["exit_status"], 0);
    assert_eq!(session["observed"], "none");
}

#[test]
fn standard_input_is_the_commands_own() {
    let world = World::new();
    fs::write(world.path("in"), "hello\n").expect("written");
    let input = fs::File::open(world.path("in")).expect("opened");
    let mut command =
        world.command(env!("CARGO_BIN_EXE_git-session"), &["start", "one", "--", "cat"]);
    let output = command.stdin(input).output().expect("the program runs");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "hello\n");
}

#[test]
fn what_is_recorded_of_a_command_has_no_secrets_and_the_command_has_them() {
    let world = World::new();
    let script = "test ${#2} = 12 && echo the secret came";
    let output =
        world.session(&["start", "one", "--", "sh", "-c", script, "x", "--token", "a1B2c3D4e5f6"]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "the secret came\n");
    let session = world.only();
    assert_eq!(session["worker"]["command"][5], "[REDACTED:token]");
    let all = world.git(&["log", "--all", "-p", "--glob=refs/sessions"]);
    assert!(all.contains("[REDACTED:token]"));
    assert!(!all.contains("a1B2c3D4e5f6"), "{all}");
}
