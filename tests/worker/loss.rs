use rustix::process::Signal;

use super::harness::{LONG, World, finish, hold, said, until};

const WORKER: &str = "echo $$ >\"$AT/worker\"; echo x >>\"$AT/runs\"; ready; exec sleep 1000";

/// Starts a worker, and kills its owner.
fn orphan(world: &World) -> git_session::worker::Held {
    let mut owner = world.owner(&["start", "one"], WORKER);
    let worker = world.held("worker");
    // The fact is recorded after the worker is ready.
    world.wait_until_recorded();
    hold(&owner).signal(Signal::KILL).expect("sent");
    owner.wait().expect("waited for");
    worker
}

#[test]
fn a_worker_whose_owner_was_killed_is_seen_running_and_can_be_terminated() {
    let world = World::new();
    let worker = orphan(&world);
    assert_eq!(
        (world.word("status"), world.word("observed")),
        ("running".into(), "running".into())
    );
    assert!(world.ok(&["status"]).contains("worker running (pid "));
    world.ok(&["terminate"]);
    assert!(worker.is_gone());
    assert_eq!(world.word("outcome"), "interrupted");
    assert_eq!(world.ok(&["reap"]), "");
    world.check_repository();
}

#[test]
fn a_worker_whose_owner_was_killed_can_be_taken_over() {
    let world = World::new();
    let worker = orphan(&world);
    let owner = world.spawn(&["resume", "--take-over"]);
    let is_taken = || {
        let lease = super::harness::read(&world.lease());
        lease.lines().any(|line| line.starts_with(&format!("owner={} ", owner.id())))
    };
    until("it is taken over", is_taken);
    let refused = world.session(&["resume", "--take-over"]);
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    worker.signal(Signal::KILL).expect("sent");
    assert!(worker.wait(LONG));
    assert_eq!(finish(owner), Some(1));
    let session = world.only();
    assert_eq!(session["status"], "suspended");
    assert_eq!(session["observed"], "none");
}

#[test]
fn a_worker_that_died_with_its_owner_is_lost_and_its_session_can_be_resumed() {
    let world = World::new();
    let worker = orphan(&world);
    worker.signal(Signal::KILL).expect("sent");
    assert!(worker.wait(LONG));
    assert_eq!((world.word("status"), world.word("observed")), ("running".into(), "lost".into()));
    assert!(world.ok(&["list"]).contains("running"));
    let listed = world.json(&["list", "--observed=lost", "--json"]);
    assert_eq!(listed["sessions"].as_array().map(Vec::len), Some(1));
    let told = world.ok(&["status"]);
    assert!(told.contains("worker lost"), "{told}");
    assert!(told.contains("(use \"git session resume\" to run its command again)"), "{told}");

    let owner = world.spawn(&["resume"]);
    world.wait_until_ready();
    assert_eq!(world.word("observed"), "running");
    assert_eq!(super::harness::read(&world.path("runs")).lines().count(), 2);
    world.ok(&["terminate", "--grace=0"]);
    finish(owner);
    world.check_repository();
}

#[test]
fn reap_puts_lost_sessions_aside_and_touches_no_other() {
    let world = World::new();
    let worker = orphan(&world);
    assert_eq!(world.ok(&["reap"]), "");
    worker.signal(Signal::KILL).expect("sent");
    assert!(worker.wait(LONG));
    let tip = |world: &World| world.git(&["for-each-ref", "refs/sessions"]);
    let before = tip(&world);
    assert!(world.ok(&["reap", "-n"]).ends_with(" is lost\n"));
    assert_eq!(tip(&world), before);
    assert!(world.ok(&["reap"]).ends_with(" is now 'suspended'\n"));
    let session = world.only();
    assert_eq!(session["status"], "suspended");
    assert_eq!(session["reason"], "the worker is lost");
    assert_eq!(session["observed"], "none");
    assert!(session["worker"]["ended_at"].is_string());
    let after = tip(&world);
    assert_eq!(world.ok(&["reap"]), "");
    assert_eq!(tip(&world), after);
}

#[test]
fn a_worker_is_not_lost_as_long_as_its_owner_can_record_how_it_ended() {
    let world = World::new();
    let owner = world.owner(&["start", "one"], WORKER);
    let worker = world.held("worker");
    world.wait_until_recorded();
    let held = hold(&owner);
    held.signal(Signal::STOP).expect("sent");
    worker.signal(Signal::KILL).expect("sent");
    assert!(worker.wait(LONG));
    assert_eq!(world.word("observed"), "running");
    assert_eq!(world.ok(&["reap"]), "");
    let refused = world.session(&["run", &world.word("id"), "--", "true"]);
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    held.signal(Signal::CONT).expect("sent");
    assert_eq!(finish(owner), Some(137));
    let session = world.only();
    assert_eq!(
        (&session["outcome"], &session["worker"]["signal"]),
        (&"interrupted".into(), &9.into())
    );
}

#[test]
fn a_worker_of_a_boot_before_is_lost_and_its_number_is_left_alone() {
    let world = World::new();
    let worker = orphan(&world);
    let lease = super::harness::read(&world.lease());
    let boot = &worker.process.here.boot;
    std::fs::write(world.lease(), lease.replace(boot, "another-boot")).expect("written");
    assert_eq!(world.word("observed"), "lost");
    world.ok(&["terminate", "--grace=0"]);
    assert!(!worker.is_gone());
    worker.signal(Signal::KILL).expect("sent");
}

#[test]
fn after_a_reboot_a_session_is_resumed_by_running_its_command_again() {
    let world = World::new();
    let worker = orphan(&world);
    let lease = super::harness::read(&world.lease());
    let boot = &worker.process.here.boot;
    std::fs::write(world.lease(), lease.replace(boot, "another-boot")).expect("written");
    let owner = world.spawn(&["resume"]);
    world.wait_until_ready();
    let second = world.held("worker");
    assert_ne!(second.process, worker.process);
    assert_eq!(
        (world.word("status"), world.word("observed")),
        ("running".into(), "running".into())
    );
    world.ok(&["terminate", "--grace=0"]);
    finish(owner);
    assert!(second.is_gone() && !worker.is_gone());
    worker.signal(Signal::KILL).expect("sent");
}

#[test]
fn a_worker_that_somebody_stopped_by_a_signal_is_running_and_can_be_terminated() {
    let world = World::new();
    let owner = world.owner(&["start", "one"], WORKER);
    let worker = world.held("worker");
    worker.signal(Signal::STOP).expect("sent");
    assert_eq!(world.word("observed"), "running");
    assert_eq!(world.ok(&["reap"]), "");
    world.ok(&["terminate"]);
    assert!(worker.is_gone());
    // It was let go on to see that it was asked to end.
    assert_eq!(finish(owner), Some(128 + 15));
}

#[cfg(target_os = "linux")]
#[test]
fn from_another_pid_namespace_a_worker_is_elsewhere_and_cannot_be_stopped() {
    let world = World::new();
    let unshare = ["--user", "--map-root-user", "--pid", "--fork"];
    let inside = |arguments: &[&str]| {
        let all = [&unshare[..], &[env!("CARGO_BIN_EXE_git-session")], arguments].concat();
        world.command("unshare", &all).output()
    };
    if !inside(&["list"]).is_ok_and(|output| output.status.success()) {
        // Not everybody may make a namespace.
        return;
    }
    let owner = world.owner(&["start", "one"], WORKER);
    let worker = world.held("worker");
    let listed = inside(&["list", "--json"]).expect("it runs").stdout;
    let listed: serde_json::Value = serde_json::from_slice(&listed).expect("JSON");
    assert_eq!(listed["sessions"][0]["observed"], "elsewhere");
    let refused = said(&inside(&["terminate", "--json"]).expect("it runs"));
    assert!(refused.contains("\"code\":\"not_owner\""), "{refused}");
    assert!(!worker.is_gone());
    world.ok(&["terminate", "--grace=0"]);
    finish(owner);
}

#[test]
fn a_worker_that_is_started_while_its_session_is_being_ended_is_ended_too() {
    let world = World::new();
    let made = world.command("mkfifo", &[&world.path("asked").to_string_lossy()]).status();
    assert!(made.expect("mkfifo runs").success());
    // The first worker leaves a child that says that it was asked to end, and does not.
    let script = "if test -e \"$AT/worker\"; then
            echo $$ >\"$AT/second\"; ready; exec sleep 1000
        fi
        sh -c 'trap \"echo >\\\"$AT/asked\\\"\" TERM; echo $$ >\"$AT/left\"
               while :; do sleep 1000 & wait; done' &
        until test -s \"$AT/left\"; do :; done
        echo $$ >\"$AT/worker\"; ready; exec sleep 1000";
    let mut owner = world.owner(&["start", "one"], script);
    let (worker, left) = (world.held("worker"), world.held("left"));
    world.wait_until_recorded();
    hold(&owner).signal(Signal::KILL).expect("sent");
    owner.wait().expect("waited for");
    worker.signal(Signal::KILL).expect("sent");
    assert!(worker.wait(LONG));

    let id = world.word("id");
    let terminating = world.spawn(&["terminate", "--grace=30", &id]);
    world.wait_for("asked");
    let owner = world.spawn(&["resume", &id]);
    world.wait_until_ready();
    let second = world.held("second");
    left.signal(Signal::KILL).expect("sent");
    assert_eq!(finish(terminating), Some(0));
    assert!(second.is_gone());
    finish(owner);
    assert_eq!((world.word("class"), world.word("observed")), ("ended".into(), "none".into()));
}

#[test]
fn a_worker_that_runs_on_after_the_end_of_its_session_can_be_terminated() {
    let world = World::new();
    let owner = world.owner(&["start", "one"], WORKER);
    let worker = world.held("worker");
    world.wait_until_recorded();
    let told = world.ok(&["finish", "@"]);
    assert!(told.contains("; its worker runs on, and \"git session terminate\""), "{told}");
    let id = world.word("id");
    let refused = world.session(&["suspend", &id]);
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    assert!(!worker.is_gone());
    let told = world.ok(&["terminate", &id]);
    assert!(told.contains("is already 'terminated'; its worker ended"), "{told}");
    assert!(worker.is_gone());
    assert_eq!(finish(owner), Some(143));
    let session = world.only();
    assert_eq!(
        (&session["outcome"], &session["worker"]["signal"]),
        (&"success".into(), &15.into())
    );
    assert!(!world.lease().exists());
    let refused = world.session(&["terminate", &id]);
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    world.check_repository();
}

#[test]
fn reap_removes_what_is_kept_for_a_session_that_ended_without_its_owner() {
    let world = World::new();
    let worker = orphan(&world);
    world.ok(&["finish"]);
    let (lease, tip) = (world.lease(), world.word("tip"));
    world.ok(&["reap"]);
    assert!(lease.exists());
    worker.signal(Signal::KILL).expect("sent");
    assert!(worker.wait(LONG));
    world.ok(&["reap", "-n"]);
    assert!(lease.exists());
    assert_eq!(world.ok(&["reap"]), "");
    assert!(!lease.exists());
    assert_eq!(world.word("tip"), tip);
}

#[test]
fn a_session_whose_command_is_away_for_a_while_can_be_resumed_later() {
    let world = World::new();
    let (tool, away) = (world.path("tool"), world.path("away"));
    std::fs::copy("/bin/sh", &tool).expect("copied");
    let owner = world.owner_of(&["start", "one"], &tool.to_string_lossy(), WORKER);
    world.wait_until_recorded();
    world.ok(&["suspend", "--grace=0"]);
    finish(owner);
    std::fs::rename(&tool, &away).expect("moved");
    let output = world.session(&["resume"]);
    assert_eq!(output.status.code(), Some(127), "{}", said(&output));
    assert_eq!(world.word("status"), "suspended");
    std::fs::rename(&away, &tool).expect("moved");
    let owner = world.spawn(&["resume"]);
    world.wait_until_ready();
    world.ok(&["terminate", "--grace=0"]);
    assert_eq!(finish(owner), Some(137));
}

#[test]
fn what_a_lost_worker_has_left_does_not_run_beside_the_next_one() {
    let world = World::new();
    let script = "sleep 1000 & echo $! >\"$AT/left\"; echo $$ >\"$AT/worker\"; ready; wait";
    let mut owner = world.owner(&["start", "one"], script);
    let (worker, left) = (world.held("worker"), world.held("left"));
    world.wait_until_recorded();
    hold(&owner).signal(Signal::KILL).expect("sent");
    owner.wait().expect("waited for");
    worker.signal(Signal::KILL).expect("sent");
    assert!(worker.wait(LONG));
    assert_eq!(world.word("observed"), "lost");
    // What is refused ends nothing.
    let id = world.word("id");
    let refused = world.session(&["run", &id, "--", "no-such-command"]);
    assert_eq!(refused.status.code(), Some(127), "{}", said(&refused));
    assert!(!left.is_gone());
    let owner = world.spawn(&["resume", &id]);
    world.wait_until_ready();
    assert!(left.is_gone());
    world.ok(&["terminate", "--grace=0", &id]);
    finish(owner);
}
