use rustix::process::Signal;

use super::harness::{LONG, World, finish, hold, said};

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
    while !is_taken() {
        std::thread::yield_now();
    }
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
    assert!(world.ok(&["status"]).contains("worker lost"));

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
