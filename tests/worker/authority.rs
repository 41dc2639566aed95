//! What a record says gets no process signalled and no command run.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use rustix::process::Signal;

use super::harness::{World, finish, said};

const VICTIM: &str = "echo $$ >\"$AT/worker\"; echo x >>\"$AT/runs\"; ready; exec sleep 1000";

fn refused_as_not_owner(world: &World, arguments: &[&str]) {
    let mut all = arguments.to_vec();
    all.push("--json");
    let output = world.session(&all);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", said(&output));
    assert!(said(&output).contains("\"code\":\"not_owner\""), "{arguments:?}: {}", said(&output));
}

#[test]
fn a_fetched_record_of_a_living_process_of_this_host_never_gets_it_signalled_or_its_command_run() {
    let world = World::new();
    let owner = world.owner(&["start", "one"], VICTIM);
    let victim = world.held("worker");
    world.wait_until_recorded();
    let id = world.word("id");

    let clone = World::new();
    let source = world.project().to_string_lossy().into_owned();
    clone.git(&["fetch", "-q", &source, "refs/sessions/*:refs/sessions/*"]);
    assert_eq!(clone.word("observed"), "elsewhere");
    assert_eq!(clone.only()["worker"]["pid"], victim.process.pid);
    let before = clone.git(&["for-each-ref", "refs/sessions"]);
    for verb in ["suspend", "resume", "terminate"] {
        refused_as_not_owner(&clone, &[verb, &id]);
    }
    assert_eq!(clone.session(&["run", &id, "--", "true"]).status.code(), Some(1));
    assert_eq!(clone.ok(&["reap"]), "");
    assert_eq!(clone.git(&["for-each-ref", "refs/sessions"]), before);

    clone.ok(&["resume", &id, "--take-over"]);
    assert_eq!(clone.word("observed"), "none");
    clone.ok(&["terminate", &id]);
    assert!(!victim.is_gone());
    assert_eq!(super::harness::read(&world.path("runs")), "x\n");
    victim.signal(Signal::KILL).expect("sent");
    finish(owner);
}

#[test]
fn a_forced_end_leaves_a_worker_that_is_out_of_reach_to_itself() {
    let world = World::new();
    let owner = world.owner(&["start", "one"], VICTIM);
    let victim = world.held("worker");
    world.wait_until_recorded();
    fs::remove_file(world.lease()).expect("removed");
    refused_as_not_owner(&world, &["terminate"]);
    let told = world.ok(&["terminate", "-f"]);
    assert!(told.contains("left to itself"), "{told}");
    assert!(!victim.is_gone());
    victim.signal(Signal::KILL).expect("sent");
    finish(owner);
}

#[test]
fn who_cannot_reach_a_worker_is_told_what_can_be_done() {
    let world = World::new();
    let owner = world.owner(&["start", "one"], VICTIM);
    let victim = world.held("worker");
    world.wait_until_recorded();
    fs::remove_file(world.lease()).expect("removed");
    let handle = world.word("handle");
    for verb in [&["suspend"][..], &["resume"], &["terminate"], &["run", "--", "true"]] {
        let told = said(&world.session(verb));
        for way in ["resume --take-over", "terminate -f"] {
            let line = format!("hint:   \"git session {way} {handle}\"");
            assert!(told.contains(&line), "{verb:?}: {told}");
        }
    }
    victim.signal(Signal::KILL).expect("sent");
    finish(owner);
}

#[test]
fn a_lease_that_others_could_have_written_is_not_obeyed() {
    let world = World::new();
    let owner = world.owner(&["start", "one"], VICTIM);
    let victim = world.held("worker");
    world.wait_until_recorded();
    fs::set_permissions(world.lease(), fs::Permissions::from_mode(0o666)).expect("set");
    assert_eq!(world.word("observed"), "elsewhere");
    refused_as_not_owner(&world, &["terminate"]);
    assert!(!victim.is_gone());
    victim.signal(Signal::KILL).expect("sent");
    finish(owner);
}

#[test]
fn a_lease_that_names_another_process_of_the_same_number_does_no_harm() {
    let world = World::new();
    let owner = world.owner(&["start", "one"], VICTIM);
    let victim = world.held("worker");
    world.wait_until_recorded();
    let lease = world.lease();
    let text = super::harness::read(&lease);
    // The lease of a process that had the number before.
    let mut other = victim.process.clone();
    (other.start, other.inode) = (other.start + 1, other.inode.map(|it| it + 1));
    let text = text.replace(&victim.process.to_string(), &other.to_string());
    let text: String = text.lines().filter(|it| !it.starts_with("owner=")).map(line).collect();
    fs::write(&lease, text.replace(&token(&text), "token=other\n")).expect("written");
    assert_eq!(world.word("observed"), "lost");
    world.ok(&["suspend", "--grace=0"]);
    assert!(!victim.is_gone());
    victim.signal(Signal::KILL).expect("sent");
    finish(owner);
}

fn line(text: &str) -> String {
    format!("{text}\n")
}

fn token(lease: &str) -> String {
    let line = lease.lines().find(|line| line.starts_with("token="));
    format!("{}\n", line.expect("a lease has one"))
}
