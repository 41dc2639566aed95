use git_session::worker::Held;

use super::harness::{LONG, World, finish, read, said};

/// A worker with a child and a grandchild, all of which do not care to be asked to end.
const STUBBORN: &str = "trap '' TERM HUP INT
    sh -c 'trap \"\" TERM HUP INT
           sleep 1000 & echo $! >\"$AT/grandchild\"
           while :; do wait; sleep 1000; done' &
    echo $! >\"$AT/child\"; echo $$ >\"$AT/worker\"
    until test -s \"$AT/grandchild\"; do :; done
    ready; while :; do wait; sleep 1000; done";

#[test]
fn suspend_ends_children_and_grandchildren_that_ignore_to_be_asked() {
    let world = World::new();
    let owner = world.owner(&["start", "one"], STUBBORN);
    let all = ["worker", "child", "grandchild"].map(|name| world.held(name));
    assert_eq!(world.word("observed"), "running");
    let said = world.ok(&["suspend", "--grace=50ms", "-m", "later"]);
    assert!(said.contains("is now 'suspended'; its worker was killed"), "{said}");
    assert!(all.iter().all(Held::is_gone));
    assert_eq!(finish(owner), Some(137));
    let session = world.only();
    assert_eq!(session["status"], "suspended");
    assert_eq!(session["reason"], "later");
    assert_eq!(session["worker"]["signal"], 9);
    assert_eq!(session["observed"], "none");
    assert!(read(&world.lease()).contains("word=sh\n"));
    world.check_repository();
}

#[test]
fn resume_runs_the_command_again_and_terminate_leaves_nothing_of_it() {
    let world = World::new();
    let owner = world.owner(&["start", "one"], STUBBORN);
    world.ok(&["suspend", "--grace=0"]);
    finish(owner);
    for name in ["worker", "child", "grandchild"] {
        std::fs::remove_file(world.path(name)).expect("removed");
    }
    let owner = world.spawn(&["resume"]);
    world.wait_until_ready();
    let all = ["worker", "child", "grandchild"].map(|name| world.held(name));
    assert_eq!(
        (world.word("status"), world.word("observed")),
        ("running".into(), "running".into())
    );
    let lease = world.lease();
    world.ok(&["terminate", "--grace=0", "-m", "enough"]);
    assert!(all.iter().all(Held::is_gone));
    assert_eq!(finish(owner), Some(137));
    let session = world.only();
    assert_eq!(session["outcome"], "interrupted");
    assert_eq!(session["reason"], "enough");
    assert!(!lease.exists());
}

#[test]
fn a_worker_that_ends_when_it_is_asked_is_not_killed() {
    let world = World::new();
    let owner = world.owner(
        &["start", "one"],
        "trap 'echo bye >\"$AT/bye\"; exit 0' TERM; ready; while :; do sleep 1000 & wait; done",
    );
    let said = world.ok(&["suspend"]);
    assert!(said.contains("; its worker ended"), "{said}");
    assert_eq!(read(&world.path("bye")), "bye\n");
    assert_eq!(finish(owner), Some(0));
    assert_eq!(world.word("status"), "suspended");
}

#[test]
fn a_frozen_worker_stands_still_until_it_is_resumed() {
    let world = World::new();
    let owner = world.owner(
        &["start", "one"],
        "echo $$ >\"$AT/worker\"; trap 'kill $!; exit 0' USR1; ready; while :; do sleep 1000 & wait; done",
    );
    let worker = world.held("worker");
    let said = world.ok(&["suspend", "--freeze"]);
    assert!(said.contains("stands still"), "{said}");
    let state = || {
        let stat = read(format!("/proc/{}/stat", worker.process.pid).as_ref());
        stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next())
    };
    assert_eq!(state(), Some('T'));
    assert_eq!(
        (world.word("status"), world.word("observed")),
        ("suspended".into(), "running".into())
    );
    world.ok(&["resume"]);
    assert_ne!(state(), Some('T'));
    assert_eq!(world.word("status"), "running");
    worker.signal(rustix::process::Signal::USR1).expect("sent");
    assert!(worker.wait(LONG));
    assert_eq!(finish(owner), Some(0));
    assert_eq!(world.word("outcome"), "success");
}

#[test]
fn a_frozen_worker_can_be_terminated() {
    let world = World::new();
    let owner = world.owner(&["start", "one"], STUBBORN);
    let all = ["worker", "child", "grandchild"].map(|name| world.held(name));
    world.ok(&["suspend", "--freeze"]);
    world.ok(&["terminate", "--grace=20ms"]);
    assert!(all.iter().all(Held::is_gone));
    finish(owner);
}

#[test]
fn resume_with_no_run_changes_the_session_only() {
    let world = World::new();
    let owner = world.owner(&["start", "one"], "ready; echo x >>\"$AT/runs\"; exec sleep 1000");
    world.ok(&["suspend", "--grace=0"]);
    finish(owner);
    world.ok(&["resume", "--no-run"]);
    assert_eq!((world.word("status"), world.word("observed")), ("running".into(), "none".into()));
}

#[test]
fn a_session_that_cannot_go_there_keeps_its_worker() {
    let world = World::new();
    let owner = world.owner(&["start", "one"], "echo $$ >\"$AT/worker\"; ready; exec sleep 1000");
    let worker = world.held("worker");
    world.ok(&["finish"]);
    let id = world.word("id");
    assert_eq!(world.session(&["suspend", &id]).status.code(), Some(1));
    assert!(!worker.is_gone());
    worker.signal(rustix::process::Signal::KILL).expect("sent");
    finish(owner);
    assert_eq!(world.word("outcome"), "success");
}

#[cfg(target_os = "linux")]
#[test]
fn what_left_the_group_of_its_worker_and_ignores_to_be_asked_is_ended_as_well() {
    use super::truth::{is_still, living};

    let world = World::new();
    let script = "trap '' TERM HUP INT
        (setsid sh -c 'trap \"\" TERM HUP INT; echo $$ >\"$AT/daemon\"
                       while :; do sleep 1000; done' &)
        until test -s \"$AT/daemon\"; do :; done
        ready; while :; do sleep 1000; done";
    let all = format!("AT={}", world.home.path().display());
    let owner = world.owner(&["start", "one"], script);
    let daemon = world.held("daemon");
    world.ok(&["suspend", "--freeze"]);
    assert!(is_still(&daemon));
    world.ok(&["resume"]);
    assert!(!is_still(&daemon));
    world.ok(&["suspend", "--grace=50ms"]);
    assert_eq!(finish(owner), Some(137));
    assert!(daemon.is_gone() && living(&all).is_empty());

    std::fs::remove_file(world.path("daemon")).expect("removed");
    let owner = world.spawn(&["resume"]);
    world.wait_until_ready();
    let daemon = world.held("daemon");
    world.ok(&["terminate", "--grace=50ms"]);
    assert_eq!(finish(owner), Some(137));
    assert!(daemon.is_gone() && living(&all).is_empty());
}

#[cfg(target_os = "linux")]
#[test]
fn a_process_whose_group_has_no_number_in_its_container_stops_a_worker() {
    // The group and the session of the first process of a pid namespace are those of what made it.
    let script = r#""$BINARY" start one -- sleep 1000 &
        until "$BINARY" list --observed=running --json | grep -q '"running"'; do :; done
        "$BINARY" suspend; wait $!"#;
    let unshare = ["--user", "--map-root-user", "--mount-proc", "--pid", "--fork", "sh", "-c"];
    let world = World::new();
    if !world
        .command("unshare", &[&unshare[..], &["true"]].concat())
        .status()
        .is_ok_and(|it| it.success())
    {
        // Not everybody may make a namespace.
        return;
    }
    let output =
        world.command("timeout", &[&["30", "unshare"], &unshare[..], &[script]].concat()).output();
    let output = output.expect("it runs");
    assert_eq!(output.status.code(), Some(143), "{}", said(&output));
    assert!(said(&output).contains("is now 'suspended'; its worker ended"), "{}", said(&output));
    assert_eq!(world.word("status"), "suspended");
}
