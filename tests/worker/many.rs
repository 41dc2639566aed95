//! Many workers at once, started, suspended, resumed and ended by many processes.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "tests meet the clock and tell"
)]

use std::collections::BTreeMap;
use std::process::{Child, Output};
use std::sync::Barrier;
use std::thread::{ScopedJoinHandle, scope};
use std::time::Instant;

use git_session::worker::{Held, Here};
use serde_json::Value;

use super::harness::{LONG, World, said};
use super::truth::{Chance, living, number};

const N_DRIVERS: usize = 8;
const N_SESSIONS: usize = 50;
/// A worker with a child; both end only when they are made to.
const WORKER: &str = "sleep 1000 & exec sleep 1000";

/// What one of those who work at the same time was told.
#[derive(Default)]
struct Told {
    /// Session, number of the event and state, as a command answered that had done it.
    answers: Vec<(usize, u64, String)>,
    /// How often the counter of each session was counted up.
    counted: BTreeMap<usize, u64>,
    /// The owners that were started.
    owners: Vec<Child>,
    /// How often what came out.
    outcomes: BTreeMap<String, usize>,
}

struct Driver<'a> {
    number: usize,
    world: &'a World,
    ids: &'a [String],
    chance: Chance,
    told: Told,
}

impl Driver<'_> {
    fn step(&mut self) {
        let at = self.chance.below(self.ids.len());
        match self.chance.below(12) {
            0..=2 => self.count_up(at),
            3..=5 => self.own(&run(&self.ids[at])),
            6 | 7 => self.own(&["resume", &self.ids[at]]),
            8 | 9 => self.ask(at, &["suspend", "--grace=0"]),
            10 => self.ask(at, &["suspend", "--freeze"]),
            _ => {
                // Few of them: what has ended cannot go on.
                let is_rare = self.chance.below(4) == 0;
                let verb = if is_rare { "terminate" } else { "suspend" };
                self.ask(at, &[verb, "--grace=0"]);
            }
        }
    }

    /// Starts an owner, and lets it be.
    fn own(&mut self, arguments: &[&str]) {
        self.told.owners.push(self.world.spawn(arguments));
    }

    fn count_up(&mut self, at: usize) {
        let id = self.ids[at].as_str();
        let add = ["update", id, "--add", "statistics.total_tasks=1", "--json"];
        let output = self.world.session(&add);
        assert!(output.status.success(), "{}", said(&output));
        *self.told.counted.entry(at).or_default() += 1;
        self.keep(at, "update", &output);
    }

    fn ask(&mut self, at: usize, verb: &[&str]) {
        let id = self.ids[at].as_str();
        let output = self.world.session(&[verb, &[id, "--json"]].concat());
        self.keep(at, verb[0], &output);
    }

    /// Keeps what a command answered. The only error is to go where the session cannot go any more.
    fn keep(&mut self, at: usize, verb: &str, output: &Output) {
        let count = self.told.outcomes.entry(format!("{verb}: {:?}", output.status.code()));
        *count.or_default() += 1;
        if !output.status.success() {
            let text = said(output);
            assert!(text.contains("\"code\":\"invalid_transition\""), "{verb}: {text}");
            return;
        }
        let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let (seq, status) = (answer["seq"].as_u64(), answer["status"].as_str());
        let status = status.expect("a word").to_owned();
        self.told.answers.push((at, seq.expect("a number"), status));
    }
}

/// Returns the arguments that run a worker for a session beside those of others.
fn run(id: &str) -> Vec<&str> {
    vec!["run", id, "--shared", "--", "sh", "-c", WORKER]
}

/// Lets all drivers do `work` at the same time, and returns what they were told.
fn at_once(
    world: &World,
    ids: &[String],
    seed: u64,
    work: impl Fn(&mut Driver) + Sync,
) -> Vec<Told> {
    let barrier = Barrier::new(N_DRIVERS);
    scope(|scope| {
        let begin = |at| {
            let (barrier, work) = (&barrier, &work);
            scope.spawn(move || {
                let chance = Chance::new(seed.wrapping_mul(1000) + at as u64);
                let mut driver = Driver { number: at, world, ids, chance, told: Told::default() };
                barrier.wait();
                work(&mut driver);
                driver.told
            })
        };
        let drivers: Vec<_> = (0..N_DRIVERS).map(begin).collect();
        let joined = drivers.into_iter().map(ScopedJoinHandle::join);
        joined.map(|it| it.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    })
}

#[test]
fn fifty_workers_in_the_hands_of_eight_processes_lose_no_update_and_leave_no_orphan() {
    let seed = number("GIT_SESSION_TEST_SEED", 7);
    let n_steps = number("GIT_SESSION_TEST_N", 30);
    println!("seed {seed}");
    let world = World::new();
    let mut chance = Chance::new(seed);
    let ids: Vec<String> = (0..N_SESSIONS).map(|_| chance.session_id()).collect();
    for id in &ids {
        world.ok(&["create", "one", "--id", id]);
    }
    let mut all = at_once(&world, &ids, seed, |driver| {
        // Each session is started by two of them, of whom one is refused.
        for id in ids.iter().skip(driver.number % 4).step_by(4) {
            driver.own(&run(id));
        }
    });
    wait_until_all_run(&world);
    all.extend(at_once(&world, &ids, seed, |driver| {
        for _ in 0..n_steps {
            driver.step();
        }
    }));
    // What stands idle is started once more, and all are ended meanwhile, each by eight.
    for id in &ids {
        let session = world.json(&["show", id, "--json"]);
        if session["class"] != "ended" && session["observed"] == "none" {
            all[0].owners.push(world.spawn(&["resume", id]));
        }
    }
    all.extend(at_once(&world, &ids, seed, |driver| {
        let begin = driver.chance.below(N_SESSIONS);
        for at in 0..N_SESSIONS {
            driver.ask((begin + at) % N_SESSIONS, &["terminate", "--grace=0"]);
        }
    }));
    for owner in all.iter_mut().flat_map(|told| &mut told.owners) {
        let held = Held::of(&Here::read(), owner.id());
        assert!(held.is_none_or(|it| it.wait(LONG)), "an owner does not end");
        owner.wait().expect("waited for");
    }
    let left = living(&format!("AT={}", world.home.path().display()));
    assert!(left.is_empty(), "{left:?}");
    check(&world, &ids, &all);
    let n_owners: usize = all.iter().map(|it| it.owners.len()).sum();
    println!("{n_owners} owners");
}

/// Waits until each session has a worker.
fn wait_until_all_run(world: &World) {
    let began = Instant::now();
    loop {
        let listed = world.json(&["list", "--observed=running", "--json"]);
        if listed["sessions"].as_array().map(Vec::len) == Some(N_SESSIONS) {
            return;
        }
        assert!(began.elapsed() < LONG, "they do not all run");
    }
}

/// Checks that what was told is what is so.
fn check(world: &World, ids: &[String], all: &[Told]) {
    let format = "--format=%(trailers:key=Session-Status,valueonly,separator=)";
    for (at, id) in ids.iter().enumerate() {
        let session = world.json(&["show", id, "--json"]);
        assert_eq!((&session["class"], &session["observed"]), (&"ended".into(), &"none".into()));
        let counted: u64 = all.iter().filter_map(|told| told.counted.get(&at)).sum();
        assert_eq!(session["statistics"]["total_tasks"], counted, "{session}");
        let log = world.git(&["log", "--reverse", format, &format!("refs/sessions/{id}")]);
        let history: Vec<&str> = log.lines().collect();
        assert_eq!(session["seq"], history.len());
        for (_, seq, status) in all.iter().flat_map(|it| &it.answers).filter(|it| it.0 == at) {
            let event = history.get(usize::try_from(*seq).expect("small") - 1);
            assert_eq!(event, Some(&status.as_str()), "{id} at {seq}: {history:?}");
        }
    }
    world.check_repository();
    let mut outcomes: BTreeMap<&str, usize> = BTreeMap::new();
    for (outcome, n) in all.iter().flat_map(|told| &told.outcomes) {
        *outcomes.entry(outcome).or_default() += n;
    }
    println!("{outcomes:#?}");
}
