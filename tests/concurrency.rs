//! Many whole processes on one repository, beside git's own maintenance, and killed at any moment.
#![allow(clippy::disallowed_methods, reason = "tests meet the clock and the environment")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{ScopedJoinHandle, scope, sleep};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

const ID: &str = "0199f0c2-1c4d-7abc-8def-0123456789af";
const N_WRITERS: usize = 8;

/// Returns how often each writer shall write: `GIT_SESSION_TEST_N`, by default `n`.
fn n_writes(n: usize) -> usize {
    let wanted = std::env::var("GIT_SESSION_TEST_N").ok();
    wanted.map_or(n, |it| it.parse().expect("a number"))
}

/// A repository with one commit.
struct Place {
    dir: TempDir,
    ref_format: &'static str,
}

impl Place {
    fn new() -> Place {
        Place::of("files").expect("every git knows files")
    }

    /// Makes a repository that keeps its refs so; `None` if this git cannot.
    fn of(ref_format: &'static str) -> Option<Place> {
        let memory = Path::new("/dev/shm");
        let mut builder = tempfile::Builder::new();
        builder.prefix("git-session-concurrency-");
        let dir = match memory.is_dir() {
            true => builder.tempdir_in(memory),
            false => builder.tempdir(),
        };
        let place = Place { dir: dir.expect("a directory"), ref_format };
        let mut init = vec!["init", "--quiet", "--template=", "--initial-branch=main"];
        let format = format!("--ref-format={ref_format}");
        // The option is younger than the format that it names.
        if ref_format != "files" {
            init.push(&format);
        }
        if !place.git(&init).status.success() {
            return None;
        }
        place.git_ok(&["commit", "--quiet", "--allow-empty", "-m", "first"]);
        Some(place)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let path = std::env::var_os("PATH").unwrap_or_default();
        command.current_dir(self.dir.path()).env_clear().env("PATH", path).stdin(Stdio::null());
        command.envs([
            ("HOME", "/nonexistent"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_AUTHOR_NAME", "A U Thor"),
            ("GIT_AUTHOR_EMAIL", "author@example.com"),
            ("GIT_COMMITTER_NAME", "C O Mitter"),
            ("GIT_COMMITTER_EMAIL", "committer@example.com"),
            ("LC_ALL", "C"),
        ]);
        command
    }

    fn git(&self, args: &[&str]) -> Output {
        self.command("git").args(args).output().expect("git runs")
    }

    fn git_ok(&self, args: &[&str]) -> String {
        let output = self.git(args);
        assert!(output.status.success(), "git {args:?}: {}", said(&output));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn session(&self) -> Command {
        self.command(env!("CARGO_BIN_EXE_git-session"))
    }

    fn run(&self, args: &[&str]) -> Output {
        self.session().args(args).output().expect("the program runs")
    }

    fn ok(&self, args: &[&str]) -> Value {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {}", said(&output));
        serde_json::from_slice(&output.stdout).expect("JSON")
    }

    /// Makes a session in the first state of its lifecycle.
    fn create(&self, id: &str, lifecycle: &str) {
        self.ok(&["create", "work", "--id", id, "--lifecycle", lifecycle, "--json"]);
    }

    /// Adds one to a counter of the session.
    fn add(&self, id: &str) -> Output {
        let add = ["--add", "statistics.total_tasks=1"];
        self.run(&["update", id, add[0], add[1], "--json=seq"])
    }

    fn show(&self, id: &str) -> Value {
        self.ok(&["show", id, "--json"])
    }

    fn n_commits(&self, id: &str) -> usize {
        let count = self.git_ok(&["rev-list", "--count", &format!("refs/sessions/{id}")]);
        count.parse().expect("a number")
    }

    /// Asserts that the session has counted this far, each time by one commit.
    fn assert_counted(&self, id: &str, n: usize) {
        let session = self.show(id);
        assert_eq!(session["statistics"]["total_tasks"], n);
        assert_eq!(session["seq"], n + 1);
        assert_eq!(self.n_commits(id), n + 1);
    }

    /// Asserts that git finds nothing wrong, and that nobody left a lock.
    fn assert_sound(&self) {
        let output = self.git(&["fsck", "--strict", "--no-dangling", "--no-progress"]);
        let text = text_of(&output);
        let is_fault = |line: &str| !line.starts_with("notice: ");
        assert!(output.status.success() && !text.lines().any(is_fault), "{text}");
        assert_eq!(locks_in(&self.dir.path().join(".git")), Vec::<PathBuf>::new());
    }
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

fn text_of(output: &Output) -> String {
    let bytes = [output.stdout.as_slice(), &output.stderr].concat();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn said(output: &Output) -> String {
    format!("{}: {}", output.status, text_of(output))
}

/// Runs `work` of as many processes as there are writers, all at once; returns what they say.
fn at_once<T: Send>(work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let barrier = Barrier::new(N_WRITERS);
    scope(|scope| {
        let begin = |i| {
            let (barrier, work) = (&barrier, &work);
            scope.spawn(move || {
                barrier.wait();
                work(i)
            })
        };
        let begun: Vec<_> = (0..N_WRITERS).map(begin).collect();
        begun.into_iter().map(joined).collect()
    })
}

fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Lets every writer write `n` times; no write may fail.
fn count(place: &Place, n: usize, id_of: impl Fn(usize) -> String + Sync) {
    at_once(|i| {
        for k in 0..n {
            let output = place.add(&id_of(i));
            assert!(output.status.success(), "writer {i}, {k}: {}", said(&output));
        }
    });
}

/// Runs each of git's commands again and again while `work` lasts; returns how often they ran.
fn beside(place: &Place, commands: &[&[&str]], work: impl FnOnce()) -> usize {
    let (is_done, n_rounds) = (AtomicBool::new(false), AtomicUsize::new(0));
    scope(|scope| {
        for command in commands {
            let (is_done, n_rounds) = (&is_done, &n_rounds);
            scope.spawn(move || {
                while !is_done.load(Ordering::Relaxed) {
                    // Git's commands disturb each other; what counts is what is there afterwards.
                    place.git(command);
                    n_rounds.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        is_done.store(true, Ordering::Relaxed);
        outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
    n_rounds.into_inner()
}

const MAINTENANCE: [&[&str]; 3] = [
    &["gc", "--quiet", "--prune=now"],
    &["pack-refs", "--all"],
    &["repack", "-a", "-d", "--quiet"],
];

#[test]
fn eight_processes_that_count_in_one_session_lose_nothing() {
    let (place, n) = (Place::new(), n_writes(200));
    place.create(ID, "worker");
    count(&place, n, |_| ID.to_owned());
    place.assert_counted(ID, N_WRITERS * n);
    place.assert_sound();
}

#[test]
fn nothing_is_lost_and_nothing_fails_beside_maintenance() {
    let (place, n) = (Place::new(), n_writes(200));
    place.create(ID, "worker");
    let n_rounds = beside(&place, &MAINTENANCE, || {
        count(&place, n, |_| ID.to_owned());
    });
    assert!(n_rounds >= 3, "git hardly ran");
    place.assert_counted(ID, N_WRITERS * n);
    place.assert_sound();
    let log = place.git_ok(&["reflog", "show", &format!("refs/sessions/{ID}")]);
    assert!(log.lines().count() > 1, "{log}");
}

#[test]
fn readers_never_fail_beside_a_writer_and_maintenance() {
    let (place, n) = (Place::new(), n_writes(10));
    place.create(ID, "worker");
    beside(&place, &MAINTENANCE, || {
        at_once(|i| {
            for _ in 0..n {
                let output = match i % 4 {
                    0 => place.add(ID),
                    1 => place.run(&["show", ID, "--json"]),
                    2 => place.run(&["list", "--json"]),
                    _ => place.run(&["log", ID, "--json"]),
                };
                assert!(output.status.success(), "{i}: {}", said(&output));
                assert!(!output.stdout.is_empty());
            }
        });
    });
    place.assert_counted(ID, 2 * n);
    place.assert_sound();
}

#[test]
fn eight_processes_on_their_own_sessions_do_not_disturb_each_other() {
    let (place, n) = (Place::new(), n_writes(10));
    let id_of = |i| format!("{}{i:02}", &ID[..ID.len() - 2]);
    let created = at_once(|i| {
        let id = id_of(i);
        place.run(&["create", "work", "--id", &id, "--json"])
    });
    for output in created {
        assert!(output.status.success(), "{}", said(&output));
    }
    count(&place, n, id_of);
    for i in 0..N_WRITERS {
        place.assert_counted(&id_of(i), n);
    }
    place.assert_sound();
}

#[test]
fn the_same_transition_by_eight_processes_is_one_event() {
    let place = Place::new();
    place.create(ID, "feature");
    for output in at_once(|_| place.run(&["transition", ID, "planning"])) {
        assert!(output.status.success(), "{}", said(&output));
    }
    assert_eq!(place.n_commits(ID), 2);
    assert_eq!(place.show(ID)["status"], "planning");
    place.assert_sound();
}

#[test]
fn who_leaves_a_state_that_the_winner_left_is_refused_on_the_winners_state() {
    for ref_format in ["files", "reftable"] {
        let Some(place) = Place::of(ref_format) else {
            continue;
        };
        place.create(ID, "feature");
        place.ok(&["transition", ID, "paused", "--json"]);
        let ends = ["completed", "failed"];
        let answers = at_once(|i| place.run(&["transition", ID, ends[i % 2], "--json"]));
        let winner = place.show(ID)["status"].clone();
        for (i, output) in answers.iter().enumerate() {
            let context = format!("to {} after {winner}: {}", ends[i % 2], said(output));
            if winner == ends[i % 2] {
                assert!(output.status.success(), "{context}");
                continue;
            }
            assert_eq!(output.status.code(), Some(1), "{context}");
            let text = text_of(output);
            let line = text.lines().find(|line| line.starts_with('{'));
            let answer: Value = serde_json::from_str(line.expect(&context)).expect(&context);
            assert_eq!(answer["error"]["code"], "invalid_transition", "{context}");
            assert_eq!(answer["error"]["details"]["from"], winner, "{context}");
        }
        assert_eq!(place.n_commits(ID), 3, "{}", place.ref_format);
        place.assert_sound();
    }
}

#[test]
fn with_reftable_nothing_is_lost_either() {
    let Some(place) = Place::of("reftable") else {
        return;
    };
    let n = n_writes(4).min(50);
    place.create(ID, "worker");
    count(&place, n, |_| ID.to_owned());
    let n_rounds = beside(&place, &MAINTENANCE, || {
        count(&place, n, |_| ID.to_owned());
    });
    assert!(n_rounds >= 3, "git hardly ran");
    place.assert_counted(ID, 2 * N_WRITERS * n);
    place.assert_sound();
}

#[test]
fn a_process_that_is_killed_at_any_moment_loses_nothing_and_stops_nobody() {
    let place = Place::new();
    place.create(ID, "worker");
    let (begin, mut seed) = (Instant::now(), 7u64);
    let (mut acked, mut n_killed, mut outcomes) = (1, 0, BTreeMap::new());
    while begin.elapsed() < Duration::from_secs(6) && n_killed < 300 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let mut process = place
            .session()
            .args(["update", ID, "--add", "statistics.total_tasks=1", "--json=seq"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program runs");
        sleep(Duration::from_micros(seed >> 50));
        process.kill().expect("killed");
        let output = process.wait_with_output().expect("ended");
        n_killed += usize::from(!output.status.success());
        if let Ok(answer) = serde_json::from_slice::<Value>(&output.stdout) {
            acked = answer["seq"].as_u64().expect("a number");
        }
        let left = locks_in(&place.dir.path().join(".git"));
        *outcomes.entry((left.len(), output.status.success())).or_insert(0) += 1;
        if !left.is_empty() {
            place.git_ok(&["gc", "--quiet", "--prune=now"]);
        }
        if n_killed % 8 == 0 || !left.is_empty() {
            let next = Instant::now();
            let output = place.add(ID);
            assert!(output.status.success(), "after {left:?}: {}", said(&output));
            assert!(next.elapsed() < Duration::from_secs(2));
            let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
            let seq = answer["seq"].as_u64().expect("a number");
            assert!(seq > acked, "{seq} after {acked}");
            acked = seq;
        }
    }
    assert!(n_killed > 10, "{outcomes:?}");
    place.ok(&["update", ID, "--title", "the end", "--json"]);
    let seq = place.show(ID)["seq"].as_u64().expect("a number");
    assert!(seq > acked && place.n_commits(ID) as u64 == seq);
    place.git_ok(&["gc", "--quiet", "--prune=now"]);
    place.assert_sound();
}

impl Place {
    /// Appends a note to the conversation of the session.
    fn record(&self, text: &str) -> Output {
        self.run(&["record", ID, "--note", text, "--json=last_seq"])
    }

    /// Returns the notes of the conversation in order, once it is clear that they are numbered without
    /// a gap.
    fn notes(&self) -> Vec<String> {
        let output = self.run(&["show", ID, "--log", "--json=seq,text"]);
        assert!(output.status.success(), "{}", said(&output));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut notes = Vec::new();
        for (line, seq) in text.lines().zip(1..) {
            let event: Value = serde_json::from_str(line).expect("JSON");
            assert_eq!(event["seq"], seq, "{line}");
            notes.push(event["text"].as_str().unwrap_or_default().to_owned());
        }
        notes
    }
}

#[test]
fn what_many_processes_say_at_once_is_numbered_without_a_gap() {
    for place in ["files", "reftable"].into_iter().filter_map(Place::of) {
        let n = if place.ref_format == "files" { 50 } else { 4 };
        place.create(ID, "worker");
        at_once(|i| {
            for k in 0..n {
                let output = place.record(&format!("{i} {k}"));
                assert!(output.status.success(), "writer {i}, {k}: {}", said(&output));
            }
        });
        let notes = place.notes();
        assert_eq!(notes.len(), N_WRITERS * n);
        for i in 0..N_WRITERS {
            let prefix = format!("{i} ");
            let own: Vec<&String> = notes.iter().filter(|it| it.starts_with(&prefix)).collect();
            let expected: Vec<String> = (0..n).map(|k| format!("{i} {k}")).collect();
            assert!(own.into_iter().eq(&expected), "writer {i} is heard once each, in its order");
        }
        place.assert_sound();
    }
}

#[test]
fn an_appender_that_is_killed_at_any_moment_leaves_each_acknowledged_event_once_and_in_order() {
    let place = Place::new();
    place.create(ID, "worker");
    let (mut seed, mut acked, mut n_killed) = (11u64, Vec::new(), 0);
    // Without any kill, so that the moments of the kills spread over a whole command.
    let began = Instant::now();
    assert!(place.record("0").status.success());
    let whole = began.elapsed().max(Duration::from_millis(2));
    acked.push("0".to_owned());
    let mut k = 0;
    while n_killed < n_writes(60) {
        k += 1;
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let text = k.to_string();
        let mut process = place
            .session()
            .args(["record", ID, "--note", &text, "--json=last_seq"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program runs");
        sleep(whole.mul_f64((seed >> 40) as f64 / (1 << 24) as f64 * 1.2));
        process.kill().expect("killed");
        let output = process.wait_with_output().expect("ended");
        n_killed += usize::from(!output.status.success());
        if serde_json::from_slice::<Value>(&output.stdout).is_ok() {
            acked.push(text);
        }
    }
    assert!(place.record("the end").status.success());
    acked.push("the end".to_owned());
    let notes = place.notes();
    let mut numbers: Vec<usize> = notes.iter().filter_map(|it| it.parse().ok()).collect();
    assert_eq!(numbers.len() + 1, notes.len());
    // What was not acknowledged may be there or not; nothing is there twice or out of order.
    let in_order = numbers.clone();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers, in_order);
    let mut left = notes.iter();
    for text in &acked {
        assert!(left.any(|it| it == text), "'{text}' was acknowledged, in {notes:?}");
    }
    place.git_ok(&["gc", "--quiet", "--prune=now"]);
    assert_eq!(place.notes(), notes);
    place.assert_sound();
}
