//! Hooks of the user's, where a session has a worker.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use git_session::worker::{Held, Here};
use rustix::process::Signal;

use super::harness::{LONG, World, finish, hold, read, said, until};

const WORKER: &str = "echo $$ >\"$AT/worker\"; ready; exec sleep 1000";

/// Puts the hook that is asked before a session moves, a script of the shell, in its place.
fn asked(world: &World, script: &str) {
    let hooks = world.project().join(".git/hooks");
    fs::create_dir_all(&hooks).expect("made");
    let path = hooks.join("session-transition");
    let text = format!("#!/bin/sh\necho \"$2 $3\" >>\"$AT/asked\"\n{script}\n");
    fs::write(&path, text).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("set");
}

/// Returns what the hook was asked about since the last look.
fn questions(world: &World) -> Vec<String> {
    let path = world.path("asked");
    let text = fs::read_to_string(&path).unwrap_or_default();
    let _ = fs::remove_file(path);
    text.lines().map(str::to_owned).collect()
}

fn words(world: &World) -> (String, String) {
    (world.word("status"), world.word("observed"))
}

#[test]
fn a_worker_lives_on_where_its_end_is_refused() {
    let world = World::new();
    let owner = world.owner(&["start", "one"], WORKER);
    let worker = world.held("worker");
    world.wait_until_recorded();
    asked(&world, "exit 1");
    let (lease, tip) = (read(&world.lease()), world.word("tip"));
    for args in
        [&["terminate", "--grace=0"][..], &["suspend", "--grace=0"], &["suspend", "--freeze"]]
    {
        let output = world.session(args);
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        assert!(said(&output).contains("the session-transition hook refused"), "{}", said(&output));
        assert!(!worker.is_gone());
    }
    assert_eq!(words(&world), ("running".into(), "running".into()));
    assert_eq!((read(&world.lease()), world.word("tip")), (lease, tip));
    world.ok(&["terminate", "--grace=0", "--no-verify"]);
    assert!(worker.is_gone());
    finish(owner);
    assert_eq!(world.word("outcome"), "interrupted");
}

#[test]
fn a_hook_is_asked_once_before_a_worker_is_stopped() {
    let world = World::new();
    let owner = world.owner(&["start", "one"], WORKER);
    let worker = world.held("worker");
    asked(&world, "kill -0 \"$(cat \"$AT/worker\")\"");
    world.ok(&["suspend", "--grace=0"]);
    assert!(worker.is_gone());
    assert_eq!(questions(&world), ["running suspended"]);
    finish(owner);
    assert_eq!(words(&world), ("suspended".into(), "none".into()));
}

#[test]
fn that_a_worker_has_ended_is_recorded_whatever_a_hook_says() {
    let world = World::new();
    world.ok(&["start", "one"]);
    asked(&world, "test \"$3\" != terminated");
    let output = world.session(&["run", "--", "sh", "-c", "exit 7"]);
    assert_eq!(output.status.code(), Some(7), "{}", said(&output));
    let warning = "warning: the session-transition hook refused to move session";
    assert!(said(&output).contains(warning), "{}", said(&output));
    assert_eq!(questions(&world), ["running terminated"]);
    let session = world.only();
    assert_eq!(session["status"], "running");
    assert_eq!(session["worker"]["exit_status"], 7);
    assert_eq!(session["observed"], "none");
    world.ok(&["fail", "--no-verify"]);
    assert_eq!(world.word("outcome"), "failure");
    world.check_repository();
}

#[test]
fn a_command_is_not_run_where_its_session_may_not_begin() {
    let world = World::new();
    world.ok(&["create", "one", "--name", "x"]);
    asked(&world, "exit 1");
    let refs = world.git(&["for-each-ref"]);
    let output = world.session(&["run", "x", "--", "touch", "ran"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let output = world.session(&["start", "two", "--", "touch", "ran"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(!world.project().join("ran").exists());
    assert!(!world.lease().exists());
    assert_eq!(world.git(&["for-each-ref"]), refs);
    assert_eq!(questions(&world), ["pending running", "pending running"]);
}

#[test]
fn a_session_is_not_settled_where_that_is_refused() {
    let world = World::new();
    let mut owner = world.owner(&["start", "one"], WORKER);
    let worker = world.held("worker");
    world.wait_until_recorded();
    hold(&owner).signal(Signal::KILL).expect("sent");
    owner.wait().expect("waited for");
    worker.signal(Signal::KILL).expect("sent");
    assert!(worker.wait(LONG));
    asked(&world, "exit 1");
    let output = world.session(&["reap"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("is lost: the session-transition hook"), "{}", said(&output));
    assert_eq!(words(&world), ("running".into(), "lost".into()));
    world.ok(&["reap", "--no-verify"]);
    assert_eq!(words(&world), ("suspended".into(), "none".into()));
}

#[test]
fn a_worker_that_is_started_while_a_hook_is_asked_is_stopped_as_well() {
    let world = World::new();
    world.ok(&["start", "one", "--name", "x"]);
    // The hook returns when a worker is there that was not when it was asked.
    asked(
        &world,
        "test \"$3\" = terminated || exit 0\n\
         \"$BINARY\" run x -- sh -c 'echo $$ >\"$AT/worker\"; exec sleep 1000' >\"$AT/log\" 2>&1 &\n\
         until test -s \"$AT/worker\"; do :; done",
    );
    world.ok(&["terminate", "x", "--grace=0"]);
    assert_eq!(questions(&world), ["running terminated"]);
    let pid = read(&world.path("worker")).trim().parse().expect("a number");
    assert!(Held::of(&Here::read(), pid).is_none_or(|worker| worker.is_gone()));
    assert_eq!(world.word("outcome"), "interrupted");
}

#[test]
fn a_command_that_cannot_be_started_is_told_first_and_the_refusal_beside_it() {
    let world = World::new();
    world.ok(&["start", "one"]);
    let command = world.project().join("bad");
    fs::write(&command, "#!/no/such/interpreter\n").expect("written");
    fs::set_permissions(&command, fs::Permissions::from_mode(0o755)).expect("set");
    asked(&world, "exit 1");
    let output = world.session(&["run", "--", "./bad"]);
    assert_eq!(output.status.code(), Some(127), "{}", said(&output));
    assert!(said(&output).contains("warning: the session-transition hook"), "{}", said(&output));
    assert!(said(&output).contains("error: cannot run './bad'"), "{}", said(&output));
    assert_eq!(questions(&world), ["running suspended"]);
    assert_eq!(words(&world), ("running".into(), "none".into()));
    assert!(!world.lease().exists());
}

#[test]
fn who_does_not_want_the_hook_asked_does_not_in_the_background_either() {
    let world = World::new();
    world.ok(&["create", "one"]);
    asked(&world, "exit 1");
    world.ok(&["--no-verify", "run", &world.word("id"), "--detach", "--", "true"]);
    until("it has ended", || world.word("outcome") == "success");
    assert!(questions(&world).is_empty());
}
