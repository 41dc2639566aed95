//! Owners, workers and the commands that stop them are killed at any moment of their lives.
//!
//! A lock that outlives its process stops nobody: the kernel gives back the flocks, and the next write
//! puts back what was in the way of it. So a session can be ended at once after each kill.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "tests meet the clock and tell"
)]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use git_session::worker::{Held, Here};
use serde_json::Value;

use super::harness::{LONG, World, said};
use super::truth::{Chance, is_still, kill, living, number};

/// How many repositories are used at the same time.
const N_LANES: u64 = 4;
/// What a worker may do: end at once, one way or the other, or last.
const SHORT: [&str; 2] = ["exit 0", "exit 7"];
const LONG_LIVED: &str = "exec sleep 1000";

/// Who is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Victim {
    Owner,
    Worker,
    OwnerThenWorker,
    WorkerThenOwner,
}

/// What somebody was told by a command that had done it.
struct Answer {
    id: String,
    seq: u64,
    status: String,
}

/// A repository with one session after the other.
struct Lane {
    world: World,
    chance: Chance,
    /// How long a whole run takes here and now.
    span: Duration,
    answers: Vec<Answer>,
    /// What came of the kills, and how often.
    outcomes: BTreeMap<String, usize>,
}

impl Drop for Lane {
    fn drop(&mut self) {
        kill(&self.mark());
    }
}

impl Lane {
    fn new(seed: u64) -> Lane {
        let (world, chance) = (World::new(), Chance::new(seed));
        let span = Duration::ZERO;
        let mut lane = Lane { world, chance, span, answers: Vec::new(), outcomes: BTreeMap::new() };
        for _ in 0..3 {
            let began = Instant::now();
            lane.world.ok(&["start", "first", "--", "true"]);
            lane.span = began.elapsed() * 5 / 4;
        }
        lane
    }

    /// Returns what all processes of this lane have in their environment.
    fn mark(&self) -> String {
        format!("AT={}", self.world.home.path().display())
    }

    fn round(&mut self) {
        let id = self.chance.session_id();
        let owner = match self.chance.below(2) {
            0 => self.kill_in_a_run(&id),
            _ => self.kill_in_a_verb(&id),
        };
        self.check_truth(&id, owner.as_ref());
        self.end(&id, owner);
    }

    /// Spawns the program; what it says goes to a file.
    fn spawn(&self, arguments: &[&str]) -> Child {
        let file = || File::create(self.world.path("said")).expect("made");
        let mut command: Command = self.world.command(env!("CARGO_BIN_EXE_git-session"), arguments);
        command.stdout(file()).stderr(std::process::Stdio::null());
        command.spawn().expect("the program runs")
    }

    /// Runs a command that must succeed, and keeps its answer.
    fn ok(&mut self, id: &str, arguments: &[&str]) {
        let output = self.world.session(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", said(&output));
        self.keep(id, &output.stdout);
    }

    /// Keeps the answer of a command, whether it lived on or not.
    fn keep(&mut self, id: &str, said: &[u8]) {
        let Ok(answer) = serde_json::from_slice::<Value>(said) else { return };
        if let (Some(seq), Some(status)) = (answer["seq"].as_u64(), answer["status"].as_str()) {
            self.answers.push(Answer { id: id.to_owned(), seq, status: status.to_owned() });
        }
    }

    /// Kills in the life of a run, and returns the owner if it was not killed.
    fn kill_in_a_run(&mut self, id: &str) -> Option<Child> {
        let victims =
            [Victim::Owner, Victim::Worker, Victim::OwnerThenWorker, Victim::WorkerThenOwner];
        let victim = self.chance.one_of(&victims);
        let script = self.chance.one_of(&[SHORT[0], SHORT[1], LONG_LIVED, LONG_LIVED]);
        let mut owner = if self.chance.below(2) == 0 {
            self.ok(id, &["create", "one", "--id", id, "--json"]);
            self.spawn(&["run", id, "--", "sh", "-c", script])
        } else {
            self.spawn(&["start", "one", "--id", id, "--", "sh", "-c", script])
        };
        sleep(self.chance.moment(self.span));
        let mut worker_is_killed = false;
        for is_owner in victim.order() {
            if is_owner {
                owner.kill().expect("killed");
                owner.wait().expect("waited for");
            } else {
                worker_is_killed |= self.kill_worker(id, &mut owner, script == LONG_LIVED);
            }
        }
        let status = ended(&mut owner).code();
        self.check_end(id, status, worker_is_killed);
        let code = status.map_or("killed".to_owned(), |code| code.to_string());
        self.count(format!("{victim:?}: owner {code}, worker killed: {worker_is_killed}"));
        None
    }

    /// Kills the worker if there is one; one that is to last is waited for while its owner lives.
    fn kill_worker(&self, id: &str, owner: &mut Child, is_waited_for: bool) -> bool {
        let began = Instant::now();
        loop {
            let has_owner = owner.try_wait().expect("asked for").is_none();
            let is_killed = kill(&format!("GIT_SESSION={id}")) > 0;
            if is_killed || !is_waited_for || !has_owner {
                return is_killed;
            }
            assert!(began.elapsed() < LONG, "no worker was started");
        }
    }

    /// Checks that what an owner's exit status says is what is recorded.
    fn check_end(&self, id: &str, status: Option<i32>, worker_is_killed: bool) {
        let outcome = match status {
            Some(0) => "success",
            Some(7) => "failure",
            Some(137) => "interrupted",
            Some(other) => panic!("an owner ended with status {other}"),
            None => return,
        };
        assert!(worker_is_killed || outcome != "interrupted", "nobody killed the worker");
        let session = self.session(id).expect("its owner did not complain");
        assert_eq!(session["outcome"], outcome, "{session}");
    }

    /// Kills a command that stops a worker or brings one back, and returns the owner that was there
    /// before, if it was not killed.
    fn kill_in_a_verb(&mut self, id: &str) -> Option<Child> {
        let mut owner = self.spawn(&["start", "one", "--id", id, "--", "sh", "-c", LONG_LIVED]);
        self.wait_until_recorded(id);
        let verbs: [&[&str]; 9] = [
            &["suspend", "--grace=0"],
            &["suspend", "--freeze"],
            &["terminate", "--grace=0"],
            &["suspend", "--grace=0", "resume"],
            &["suspend", "--freeze", "resume"],
            &["lose", "resume"],
            &["lose", "reap"],
            &["leave", "resume", "--take-over"],
            &["leave", "terminate", "--grace=0"],
        ];
        let words = self.chance.one_of(&verbs);
        let verb: &[&str] = match words {
            ["suspend", option, verb] => {
                self.ok(id, &["suspend", option, id, "--json"]);
                std::slice::from_ref(verb)
            }
            ["lose" | "leave", verb @ ..] => {
                owner.kill().expect("killed");
                owner.wait().expect("waited for");
                if words[0] == "lose" {
                    kill(&format!("GIT_SESSION={id}"));
                }
                verb
            }
            verb => verb,
        };
        let mut all = verb.to_vec();
        match verb[0] {
            "reap" => all.push("--json"),
            _ => all.extend([id, "--json"]),
        }
        let mut process = self.spawn(&all);
        sleep(self.chance.moment(self.span));
        process.kill().expect("killed");
        let status = process.wait().expect("waited for");
        let said = fs::read(self.world.path("said")).expect("readable");
        self.keep(id, &said);
        self.count(format!("{words:?}: {}", if status.success() { "done" } else { "killed" }));
        match owner.try_wait().expect("asked for") {
            Some(_) => None,
            None => Some(owner),
        }
    }

    fn count(&mut self, outcome: String) {
        *self.outcomes.entry(outcome).or_default() += 1;
    }

    fn session(&self, id: &str) -> Option<Value> {
        let output = self.world.session(&["show", id, "--json"]);
        output.status.success().then(|| serde_json::from_slice(&output.stdout).expect("JSON"))
    }

    fn listed(&self, id: &str) -> Option<Value> {
        let listed = self.world.json(&["list", "--all", "--json"]);
        assert_eq!(listed["corrupt"], serde_json::json!([]));
        let all = listed["sessions"].as_array().expect("a list");
        all.iter().find(|it| it["id"] == id).cloned()
    }

    fn wait_until_recorded(&self, id: &str) {
        let began = Instant::now();
        while self.session(id).is_none_or(|it| it["worker"].is_null()) {
            assert!(began.elapsed() < LONG, "no worker was recorded");
        }
    }

    /// Compares what is listed with what is so. A process may come and go between two looks, so what
    /// is wrong must be so again and again.
    fn check_truth(&self, id: &str, owner: Option<&Child>) {
        for _ in 0..2 {
            if self.find_lie(id, owner).is_none() {
                return;
            }
        }
        assert_eq!(self.find_lie(id, owner), None);
    }

    /// Returns what is listed and not so, at a time when nothing changes.
    fn find_lie(&self, id: &str, owner: Option<&Child>) -> Option<String> {
        let look = || {
            let workers = living(&format!("GIT_SESSION={id}"));
            let still = workers.iter().filter(|it| is_still(it)).count();
            let has_owner = owner.is_some_and(|it| !super::harness::is_gone(it.id()));
            (workers.iter().map(|it| it.process.pid).collect::<Vec<_>>(), still, has_owner)
        };
        let began = Instant::now();
        let (session, (workers, n_still, has_owner)) = loop {
            let (before, session, after) = (look(), self.listed(id), look());
            if before == after {
                break (session, after);
            }
            assert!(began.elapsed() < LONG, "it never stands still");
        };
        let context = format!("workers {workers:?}, owner: {has_owner}, {session:?}");
        let Some(session) = session else {
            return (!workers.is_empty()).then_some(context);
        };
        let observed = session["observed"].as_str().expect("a word");
        let worker = &session["worker"];
        let is_open = !worker.is_null() && worker["ended_at"].is_null();
        let is_so = match session["class"].as_str().expect("a word") {
            "active" if !workers.is_empty() => observed == "running",
            // Its owner has still to record how it ended.
            _ if has_owner => ["running", "none"].contains(&observed),
            "active" if is_open => observed == "lost",
            "active" => ["lost", "none"].contains(&observed),
            "paused" if !workers.is_empty() => observed == "running" && n_still == workers.len(),
            _ => observed == "none" && workers.is_empty(),
        };
        (!is_so).then_some(context)
    }

    /// Brings the session to its end, one way or the other, and sees that nothing is left of it.
    fn end(&mut self, id: &str, owner: Option<Child>) {
        let Some(session) = self.session(id) else { return };
        let observed = session["observed"].as_str().expect("a word");
        let class = session["class"].as_str().expect("a word");
        let mut owners = Vec::from_iter(owner);
        match (class, observed, self.chance.below(4)) {
            ("active", "lost", 0) => {
                self.ok(id, &["reap"]);
                assert_eq!(self.session(id).expect("listed")["status"], "suspended");
            }
            ("active", "lost", 1 | 2) | ("paused", _, 1 | 2) => {
                let mut owner = self.spawn(&["resume", id]);
                // Or not: it may be ended while it is being started.
                if self.chance.below(2) == 0 {
                    self.wait_until_running(id, &mut owner);
                }
                owners.push(owner);
            }
            ("active", "running", 1 | 2) if owners.is_empty() => {
                owners.push(self.spawn(&["resume", id, "--take-over"]));
            }
            _ => {}
        }
        match class {
            // What whoever ended it may have left is put back by the next write.
            "ended" => self.ok(id, &["update", id, "--add", "statistics.total_tasks=1", "--json"]),
            _ => self.terminate(id),
        }
        for mut owner in owners {
            ended(&mut owner);
        }
        let session = self.session(id).expect("listed");
        assert_eq!((&session["class"], &session["observed"]), (&"ended".into(), &"none".into()));
        assert!(living(&format!("GIT_SESSION={id}")).is_empty(), "{session}");
    }

    /// Ends a session, unless its command has just ended it.
    fn terminate(&mut self, id: &str) {
        let output = self.world.session(&["terminate", "--grace=0", id, "--json"]);
        if output.status.success() {
            return self.keep(id, &output.stdout);
        }
        let session = self.session(id).expect("listed");
        assert_eq!(session["class"], "ended", "{}", said(&output));
        assert_ne!(session["outcome"], "interrupted", "{}", said(&output));
    }

    /// Waits until the worker of an owner is seen, or has ended already.
    fn wait_until_running(&self, id: &str, owner: &mut Child) {
        let began = Instant::now();
        while owner.try_wait().expect("asked for").is_none()
            && self.session(id).is_none_or(|it| it["observed"] != "running")
        {
            assert!(began.elapsed() < LONG, "its worker is never seen");
        }
    }

    /// Returns the locks that are left. What was prepared for a ref that never came to be is none, be
    /// it taken or not: the first write of that ref would remove it.
    fn locks(&self) -> Vec<PathBuf> {
        let git_dir = self.world.project().join(".git");
        let (prepared, mut locks): (Vec<_>, Vec<_>) =
            locks_in(&git_dir).into_iter().partition(|path| self.is_of_nothing(path));
        let is_proven = |lock: &PathBuf| prepared.iter().any(|it| is_same_file(it, lock));
        locks.retain(|lock| !is_proven(lock));
        locks
    }

    /// Tells whether a file was prepared for the ref of a session that there is not.
    fn is_of_nothing(&self, path: &Path) -> bool {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let id = name.strip_suffix("~new.lock");
        id.is_some_and(|id| self.session(id).is_none() && !path.with_file_name(id).exists())
    }

    /// Checks the whole repository.
    fn finish(&self) {
        // What was left of the pointer to the current session is put back by the next one.
        self.world.ok(&["start", "last"]);
        let format = "--format=%(trailers:key=Session-Status,valueonly,separator=)";
        let mut histories: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for Answer { id, seq, status } in &self.answers {
            let history = histories.entry(id).or_insert_with(|| {
                let name = format!("refs/sessions/{id}");
                let log = self.world.git(&["log", "--reverse", format, &name]);
                log.lines().map(str::to_owned).collect()
            });
            let at = usize::try_from(*seq).expect("a small number") - 1;
            assert_eq!(history.get(at), Some(status), "{id} at {seq}: {history:?}");
        }
        self.world.check_repository();
        assert_eq!(self.locks(), Vec::<PathBuf>::new());
        assert!(living(&self.mark()).is_empty(), "a process is left");
    }
}

/// Waits for the end of a process that must come to it.
fn ended(child: &mut Child) -> ExitStatus {
    let held = Held::of(&Here::read(), child.id());
    assert!(held.is_none_or(|it| it.wait(LONG)), "process {} does not end", child.id());
    child.wait().expect("waited for")
}

impl Victim {
    /// Returns who dies first and second, by whether it is the owner.
    fn order(self) -> Vec<bool> {
        match self {
            Victim::Owner => vec![true],
            Victim::Worker => vec![false],
            Victim::OwnerThenWorker => vec![true, false],
            Victim::WorkerThenOwner => vec![false, true],
        }
    }
}

/// Tells whether two paths are links to one file.
fn is_same_file(one: &Path, other: &Path) -> bool {
    let inode = |path| fs::metadata(path).map(|it| (it.dev(), it.ino())).ok();
    inode(one).is_some_and(|it| inode(other) == Some(it))
}

/// Returns the lock files under a directory.
fn locks_in(dir: &Path) -> Vec<PathBuf> {
    let mut locks = Vec::new();
    for entry in fs::read_dir(dir).expect("readable").flatten() {
        let path = entry.path();
        if path.is_dir() {
            locks.extend(locks_in(&path));
        } else if path.extension().is_some_and(|it| it == "lock") {
            locks.push(path);
        }
    }
    locks
}

#[test]
fn whoever_is_killed_at_any_moment_the_list_tells_the_truth_and_every_session_can_be_ended() {
    let seed = number("GIT_SESSION_TEST_SEED", 7);
    let n_rounds = number("GIT_SESSION_TEST_N", 200);
    println!("seed {seed}");
    let outcomes = scope(|scope| {
        let lanes = (0..N_LANES).map(|at| {
            scope.spawn(move || {
                let mut lane = Lane::new(seed.wrapping_mul(1000) + at);
                for _ in (at..n_rounds).step_by(N_LANES as usize) {
                    lane.round();
                }
                lane.finish();
                std::mem::take(&mut lane.outcomes)
            })
        });
        let lanes: Vec<_> = lanes.collect();
        let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
        for lane in lanes {
            let lane = lane.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            for (outcome, n) in lane {
                *outcomes.entry(outcome).or_default() += n;
            }
        }
        outcomes
    });
    println!("{outcomes:#?}");
    let is_kill = |what: &str| {
        ["owner killed", "worker killed: true"].iter().any(|it| what.contains(it))
            || what.ends_with("]: killed")
    };
    let n_killed: usize = outcomes.iter().filter(|(what, _)| is_kill(what)).map(|(_, n)| n).sum();
    assert!(n_killed * 2 > usize::try_from(n_rounds).expect("not many"), "{outcomes:?}");
}
