use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::Signal;
use serde_json::Value;

use super::harness::{LONG, World, finish, hold, said};

const BINARY: &str = env!("CARGO_BIN_EXE_git-session");

/// A watching process, and what it prints, a line at a time. Each read waits for the next line.
struct Watching {
    child: Child,
    answer: BufReader<ChildStdout>,
}

impl Watching {
    fn begin(world: &World, arguments: &[&str]) -> Watching {
        Watching::begin_in(world, &world.project(), arguments)
    }

    fn begin_in(world: &World, dir: &Path, arguments: &[&str]) -> Watching {
        let mut child =
            world.command(BINARY, arguments).current_dir(dir).spawn().expect("the program runs");
        let answer = BufReader::new(child.stdout.take().expect("a pipe"));
        Watching { child, answer }
    }

    fn line(&mut self) -> String {
        self.next().expect("one more line")
    }

    /// Waits for the next line, or for the end.
    fn next(&mut self) -> Option<String> {
        let limit = Timespec { tv_sec: LONG.as_secs() as i64, tv_nsec: 0 };
        let mut fds = [PollFd::new(self.answer.get_ref(), PollFlags::IN)];
        if self.answer.buffer().is_empty() {
            assert_eq!(poll(&mut fds, Some(&limit)), Ok(1), "nothing was said for too long");
        }
        let mut line = String::new();
        self.answer.read_line(&mut line).expect("text");
        line.strip_suffix('\n').map(str::to_owned)
    }

    fn json(&mut self) -> Value {
        serde_json::from_str(&self.line()).expect("JSON")
    }

    /// Returns what the next line says, in short: type, state, observed, and the event's subject.
    fn sight(&mut self) -> String {
        let sight = self.json();
        let words = ["type", "status", "observed"].map(|key| sight[key].as_str().expect("text"));
        let subject = sight["event"]["subject"].as_str().unwrap_or("-");
        format!("{} {subject}", words.join(" "))
    }

    /// Expects that nothing more is printed, and returns the exit status.
    fn end(mut self) -> Option<i32> {
        assert_eq!(self.next(), None);
        finish(self.child)
    }
}

fn begin(world: &World) -> String {
    world.ok(&["start", "one", "-q"]).trim().to_owned()
}

#[test]
fn the_first_line_is_the_state_now_and_each_event_of_another_process_follows() {
    let world = World::new();
    begin(&world);
    let mut watching = Watching::begin(&world, &["watch", "--json"]);
    let first = watching.json();
    assert_eq!(first["type"], "state");
    assert_eq!(first["status"], "running");
    assert_eq!(first["class"], "active");
    assert_eq!(first["event"], Value::Null);
    assert_eq!(first["id"], world.only()["id"]);
    world.ok(&["suspend", "-m", "why not"]);
    let second = watching.json();
    assert_eq!(second["type"], "event");
    assert_eq!(second["status"], "suspended");
    assert_eq!(second["class"], "paused");
    assert_eq!(second["event"]["from"], "running");
    assert_eq!(second["event"]["reason"], "why not");
    world.ok(&["update", "--set", "title=two"]);
    assert_eq!(watching.sight(), "event suspended none update title");
    world.ok(&["resume"]);
    assert_eq!(watching.sight(), "event running none suspended -> running");
    world.ok(&["finish"]);
    assert_eq!(watching.sight(), "event terminated none running -> terminated");
    assert_eq!(watching.end(), Some(0));
}

#[test]
fn people_read_lines_with_the_handle_of_the_session() {
    let world = World::new();
    let handle = begin(&world);
    let mut watching = Watching::begin(&world, &["watch"]);
    assert_eq!(watching.line(), format!("{handle} running"));
    world.ok(&["finish"]);
    let line = watching.line();
    assert!(line.starts_with(&format!("{handle} ")), "{line}");
    assert!(line.contains(" running -> terminated  Ada, ") && line.ends_with(" ago"), "{line}");
    assert_eq!(watching.end(), Some(0));
}

#[test]
fn a_worker_that_is_killed_with_its_owner_is_seen_lost_without_any_event() {
    let world = World::new();
    let script = "echo $$ >\"$AT/worker\"; ready; exec sleep 1000";
    let mut owner = world.owner(&["start", "one"], script);
    world.wait_until_recorded();
    let mut watching = Watching::begin(&world, &["watch", "--json"]);
    assert_eq!(watching.sight(), "state running running -");
    let worker = world.held("worker");
    hold(&owner).signal(Signal::KILL).expect("sent");
    owner.wait().expect("waited for");
    worker.signal(Signal::KILL).expect("sent");
    assert!(worker.wait(LONG));
    assert_eq!(watching.sight(), "observed running lost -");
    world.ok(&["reap"]);
    assert_eq!(watching.sight(), "event running none worker: it is gone");
    assert_eq!(watching.sight(), "event suspended none running -> suspended");
    assert_eq!(watching.sight(), "observed suspended none -");
    world.ok(&["terminate"]);
    assert_eq!(watching.sight(), "event terminated none suspended -> terminated");
    assert_eq!(watching.end(), Some(0));
}

#[test]
fn a_worker_that_is_started_while_one_watches_is_seen_running() {
    let world = World::new();
    world.ok(&["create", "one", "--name", "x"]);
    let mut watching = Watching::begin(&world, &["watch", "x", "--until", "lost"]);
    assert!(watching.line().ends_with(" pending"));
    let script = "echo $$ >\"$AT/worker\"; ready; exec sleep 1000";
    let mut owner = world.owner(&["run", "x"], script);
    world.wait_until_recorded();
    while !watching.line().contains(" worker running") {}
    let worker = world.held("worker");
    hold(&owner).signal(Signal::KILL).expect("sent");
    owner.wait().expect("waited for");
    worker.signal(Signal::KILL).expect("sent");
    while !watching.line().contains(" worker lost (pid ") {}
    assert_eq!(watching.end(), Some(0));
}

#[test]
fn a_worker_whose_end_is_just_being_recorded_is_not_lost() {
    let world = World::new();
    world.ok(&["create", "one", "--name", "x"]);
    let mut watching = Watching::begin(&world, &["watch", "x", "--json"]);
    assert_eq!(watching.sight(), "state pending none -");
    let script = "echo x >>\"$AT/tries\"; test $(wc -l <\"$AT/tries\") -ge 5";
    world.ok(&["run", "x", "--max-iterations=5", "--", "sh", "-c", script]);
    let mut n_events = 0;
    while let Some(line) = watching.next() {
        let sight: Value = serde_json::from_str(&line).expect("JSON");
        assert_ne!(sight["observed"], "lost", "{sight}");
        n_events += usize::from(sight["type"] == "event");
    }
    // A move, five starts and five ends, and a move.
    assert_eq!(n_events, 12);
    assert_eq!(finish(watching.child), Some(0));
}

#[test]
fn until_is_over_when_it_is_so_and_at_once_when_it_is_so_already() {
    let world = World::new();
    begin(&world);
    for word in ["running", "active", "none"] {
        let output = world.session(&["watch", "--until", word]);
        assert!(output.status.success(), "{word}: {}", said(&output));
        assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 1);
    }
    for word in ["suspended", "paused"] {
        let mut watching = Watching::begin(&world, &["watch", "--until", word]);
        assert!(watching.line().ends_with(" running"));
        world.ok(&["suspend"]);
        assert!(watching.line().contains(" running -> suspended "));
        assert_eq!(watching.end(), Some(0));
        world.ok(&["resume"]);
    }
}

#[test]
fn a_state_of_the_lifecycle_is_meant_before_a_class_and_what_is_seen() {
    let world = World::new();
    // 'running' is a state of this one, so no worker is needed.
    world.ok(&["start", "one", "--name", "x"]);
    world.ok(&["watch", "x", "--until", "running"]);
    // The other one has no such state: a worker is waited for.
    world.ok(&["start", "two", "--name", "y", "--lifecycle", "feature"]);
    let output = world.session(&["watch", "y", "--until", "running", "--timeout=0"]);
    assert_eq!(output.status.code(), Some(124), "{}", said(&output));
    world.ok(&["suspend", "y"]);
    world.ok(&["watch", "y", "--until", "paused"]);
}

#[test]
fn several_sessions_are_waited_for_until_each_has_been_there() {
    let world = World::new();
    world.ok(&["start", "one", "--name", "x"]);
    world.ok(&["start", "two", "--name", "y"]);
    let mut watching = Watching::begin(&world, &["watch", "x", "y", "--until", "ended"]);
    watching.line();
    watching.line();
    world.ok(&["finish", "x"]);
    assert!(watching.line().contains(" running -> terminated "));
    world.ok(&["update", "y", "--set", "title=three"]);
    assert!(watching.line().contains(" update title "));
    world.ok(&["fail", "y"]);
    assert!(watching.line().contains(" running -> terminated "));
    assert_eq!(watching.end(), Some(0));
}

#[test]
fn what_can_never_be_so_any_more_is_refused() {
    let world = World::new();
    let handle = begin(&world);
    let mut watching = Watching::begin(&world, &["watch", "--json", "--until", "suspended"]);
    watching.line();
    world.ok(&["finish"]);
    watching.line();
    let output = watching.child.wait_with_output().expect("waited for");
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let message =
        format!("session {handle} cannot become 'suspended' any more: it is 'terminated'");
    assert_eq!(text.lines().next(), Some(format!("error: {message}").as_str()));
    let error: Value = serde_json::from_str(text.lines().last().expect("a line")).expect("JSON");
    assert_eq!(error["error"]["code"], "invalid_transition");
    assert_eq!(error["error"]["details"]["from"], "terminated");
    for word in ["pending", "running", "lost", "open"] {
        let output = world.session(&["watch", &handle, "--until", word]);
        let expected = if word == "open" { 129 } else { 1 };
        assert_eq!(output.status.code(), Some(expected), "{word}: {}", said(&output));
    }
}

#[test]
fn a_session_that_is_deleted_while_it_is_watched_ends_it() {
    let world = World::new();
    let handle = begin(&world);
    let mut watching = Watching::begin(&world, &["watch"]);
    let mut until = Watching::begin(&world, &["watch", "--until", "ended"]);
    watching.line();
    until.line();
    world.ok(&["delete", "--force", &handle]);
    assert_eq!(watching.line(), format!("{handle} deleted"));
    assert_eq!(watching.end(), Some(0));
    assert_eq!(until.line(), format!("{handle} deleted"));
    assert_eq!(until.end(), Some(1));
}

#[test]
fn packing_refs_is_no_event_and_hides_none() {
    let world = World::new();
    begin(&world);
    let mut watching = Watching::begin(&world, &["watch", "--json"]);
    assert_eq!(watching.sight(), "state running none -");
    for _ in 0..3 {
        world.git(&["pack-refs", "--all", "--prune"]);
        assert!(
            fs::read_dir(world.project().join(".git/refs/sessions")).map_or(0, Iterator::count)
                == 0
        );
        world.git(&["gc", "-q", "--prune=now"]);
        world.ok(&["suspend"]);
        assert_eq!(watching.sight(), "event suspended none running -> suspended");
        world.git(&["pack-refs", "--all", "--prune"]);
        world.ok(&["resume"]);
        assert_eq!(watching.sight(), "event running none suspended -> running");
    }
    world.git(&["pack-refs", "--all", "--prune"]);
    world.ok(&["delete", "--force", "@"]);
    assert_eq!(watching.sight(), "deleted running none -");
    assert_eq!(watching.end(), Some(0));
}

#[test]
fn all_sessions_are_watched_also_the_first_one_that_is_made() {
    let world = World::new();
    let mut watching = Watching::begin(&world, &["watch", "--all", "--json"]);
    // It has no line to say that it has begun; whenever it looks, it tells of this one.
    world.ok(&["start", "one", "--name", "x"]);
    loop {
        let sight = watching.json();
        if sight["status"] == "running" {
            break;
        }
        assert_eq!(sight["status"], "pending");
    }
    world.ok(&["create", "two", "--name", "y"]);
    assert_eq!(watching.sight(), "event pending none create: two");
    world.ok(&["finish", "x"]);
    assert_eq!(watching.sight(), "event terminated none running -> terminated");
    world.ok(&["delete", "x"]);
    assert_eq!(watching.sight(), "deleted terminated none -");
    watching.child.kill().expect("sent");
    watching.child.wait().expect("waited for");
}

#[test]
fn a_reftable_repository_and_a_linked_work_tree_are_watched_as_well() {
    let world = World::new();
    let other = world.path("reftable");
    let made = world
        .command("git", &["init", "-q", "--ref-format=reftable", &other.to_string_lossy()])
        .output();
    let mut places = vec![world.project()];
    if made.expect("git runs").status.success() {
        places.push(other);
    }
    for place in places {
        let at = place.to_string_lossy().into_owned();
        world.git(&["-C", &at, "commit", "-q", "--allow-empty", "-m", "Begin"]);
        world.ok(&["-C", &at, "start", "one", "--name", "x"]);
        let linked = place.with_extension("linked");
        world.git(&["-C", &at, "worktree", "add", "-q", &linked.to_string_lossy()]);
        let mut watching = Watching::begin_in(&world, &linked, &["watch", "x", "--json"]);
        assert_eq!(watching.sight(), "state running none -");
        world.ok(&["-C", &at, "suspend", "x"]);
        assert_eq!(watching.sight(), "event suspended none running -> suspended");
        world.git(&["-C", &at, "pack-refs", "--all"]);
        world.ok(&["-C", &at, "terminate", "x"]);
        assert_eq!(watching.sight(), "event terminated none suspended -> terminated");
        assert_eq!(watching.end(), Some(0));
    }
}

#[test]
fn a_reader_that_goes_away_and_an_interrupt_end_it_in_silence() {
    let world = World::new();
    begin(&world);
    for verb in [&["watch"][..], &["log", "-f"]] {
        let mut watching = Watching::begin(&world, verb);
        watching.line();
        drop(watching.answer);
        let output = watching.child.wait_with_output().expect("waited for");
        assert_eq!(said(&output), "exit status: 141\n", "{verb:?}");
    }
    let mut watching = Watching::begin(&world, &["watch"]);
    watching.line();
    hold(&watching.child).signal(Signal::INT).expect("sent");
    let output = watching.child.wait_with_output().expect("waited for");
    assert_eq!(said(&output), "signal: 2 (SIGINT)\n");
}
