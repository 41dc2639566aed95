//! The archive beside many processes that list, write and collect garbage at the same time.
//!
//! `GIT_SESSION_TEST_SECONDS` says for how long; with 300 it is the long run.
#![allow(clippy::disallowed_methods, clippy::print_stderr, reason = "tests meet the environment")]

#[path = "archive_beside/waits.rs"]
mod waits;

use std::collections::HashMap;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread::scope;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use waits::Waits;

const PROGRAM: &str = env!("CARGO_BIN_EXE_git-session");
/// What plain git is called that reads meanwhile.
const READING_GIT: &str = "git for-each-ref";
/// How many sessions there are at the beginning, all ended.
const N_SESSIONS: usize = 24;

/// How many processes there are of each kind, and for how long.
struct Load {
    n_listers: usize,
    n_writers: usize,
    time: Duration,
}

impl Load {
    fn read() -> Load {
        let seconds = std::env::var("GIT_SESSION_TEST_SECONDS").ok();
        match seconds.map(|it| it.parse().expect("a number of seconds")) {
            Some(seconds) => {
                Load { n_listers: 16, n_writers: 4, time: Duration::from_secs(seconds) }
            }
            None => Load { n_listers: 3, n_writers: 2, time: Duration::from_secs(2) },
        }
    }
}

struct Place {
    dir: TempDir,
}

impl Place {
    fn new() -> Place {
        let memory = Path::new("/dev/shm");
        let dir = match memory.is_dir() {
            true => tempfile::tempdir_in(memory),
            false => tempfile::tempdir(),
        };
        let place = Place { dir: dir.expect("a directory") };
        place.git(&["init", "-q"]);
        place
    }

    fn command(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        let path = std::env::var_os("PATH").unwrap_or_default();
        command.current_dir(self.dir.path()).args(args).env_clear().env("PATH", path);
        command.stdin(Stdio::null()).envs([
            ("HOME", "/nonexistent"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("EMAIL", "ada@example.com"),
            ("GIT_CONFIG_COUNT", "2"),
            ("GIT_CONFIG_KEY_0", "gc.auto"),
            ("GIT_CONFIG_VALUE_0", "0"),
            ("GIT_CONFIG_KEY_1", "session.cache"),
            ("GIT_CONFIG_VALUE_1", "true"),
        ]);
        command
    }

    fn git(&self, args: &[&str]) -> Output {
        self.command("git", args).output().expect("git runs")
    }

    /// Runs our program, which must succeed; notes how long it took.
    fn session(&self, args: &[&str], waits: &Waits) -> Value {
        let output = waits.run(args[0], self.command(PROGRAM, args), self.dir.path());
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {said}");
        serde_json::from_slice(&output.stdout).expect("JSON")
    }

    /// Makes a session that has ended.
    fn ended(&self, title: &str, waits: &Waits) -> String {
        let made = self.session(&["create", "--json", title], waits);
        let id = made["id"].as_str().expect("an id").to_owned();
        self.session(&["terminate", "--json", &id], waits);
        id
    }
}

/// What a lister was told of a session: its newest commit, number, state and title.
type Told = (String, String, u64, String, String);

/// Lists again and again: each session that was there is there once, and goes on only.
fn list(place: &Place, ids: &[String], end: Instant, waits: &Waits) -> (usize, Vec<Told>) {
    let (mut n_lists, mut told) = (0, Vec::new());
    let mut seqs: HashMap<String, u64> = ids.iter().map(|id| (id.clone(), 0)).collect();
    while Instant::now() < end {
        let listing = place.session(&["list", "--all", "--json=id,tip,title,status"], waits);
        assert_eq!(listing["corrupt"], Value::Array(Vec::new()));
        let mut found: HashMap<String, Told> = HashMap::new();
        for session in listing["sessions"].as_array().expect("a list") {
            let text = |key: &str| session[key].as_str().expect("text").to_owned();
            let told = (text("id"), text("tip"), 0, text("status"), text("title"));
            let twice = found.insert(text("id"), told);
            assert_eq!(twice, None, "a session is there twice");
        }
        for id in seqs.keys() {
            assert!(found.contains_key(id), "session {id} is missing");
        }
        // Titles count the events.
        for (id, (_, _, seq, _, title)) in &mut found {
            *seq = title.rsplit(' ').next().and_then(|n| n.parse().ok()).expect("a number");
            let before = seqs.insert(id.clone(), *seq).unwrap_or(0);
            assert!(*seq >= before, "session {id} has gone back from {before} to {seq}");
        }
        told.extend(found.into_values());
        told.sort();
        told.dedup();
        n_lists += 1;
    }
    (n_lists, told)
}

/// Changes sessions that may be archived, and makes more of them.
fn write(place: &Place, ids: &[String], end: Instant, waits: &Waits) -> HashMap<String, u64> {
    let mut seqs = HashMap::new();
    for n in 1.. {
        if Instant::now() >= end {
            break;
        }
        let id = &ids[n % ids.len()];
        let title = format!("title=Number {n}");
        place.session(&["update", id, "--json", "--set", &title], waits);
        seqs.insert(id.clone(), n as u64);
        if n % 8 == 0 {
            let id = place.ended(&format!("More {n}"), waits);
            seqs.insert(id, n as u64);
        }
    }
    seqs
}

#[test]
fn whoever_lists_while_others_write_archive_and_collect_garbage_is_told_the_truth() {
    let (place, load, waits) = (Place::new(), Load::read(), Waits::default());
    let ids: Vec<String> =
        (0..N_SESSIONS).map(|_| place.ended("Number 0", &Waits::default())).collect();
    let end = Instant::now() + load.time;
    let (mut told, mut written, mut n_lists) = (Vec::new(), HashMap::new(), 0);
    scope(|scope| {
        let (place, ids, waits) = (&place, &ids, &waits);
        let share = N_SESSIONS / load.n_writers;
        let writers: Vec<_> = ids
            .chunks(share)
            .take(load.n_writers)
            .map(|own| scope.spawn(move || write(place, own, end, waits)))
            .collect();
        let listers: Vec<_> = (0..load.n_listers)
            .map(|_| scope.spawn(move || list(place, ids, end, waits)))
            .collect();
        scope.spawn(move || {
            while Instant::now() < end {
                place.session(&["archive", "--json"], waits);
            }
        });
        // What git itself needs meanwhile to say the same as a list.
        scope.spawn(move || {
            while Instant::now() < end {
                let args = ["for-each-ref", "refs/sessions", "--format=%(contents)"];
                let command = place.command("git", &args);
                let output = waits.run(READING_GIT, command, place.dir.path());
                assert!(output.status.success());
            }
        });
        scope.spawn(move || {
            while Instant::now() < end {
                // Git's commands may meet a lock of ours and leave it at that.
                place.git(&["gc", "--quiet", "--prune=now"]);
            }
        });
        writers.into_iter().for_each(|it| written.extend(it.join().expect("no panic")));
        for lister in listers {
            let (n, all) = lister.join().expect("no panic");
            n_lists += n;
            told.extend(all);
        }
    });
    told.sort();
    told.dedup();
    eprintln!("{n_lists} lists, {} answers\n{}", told.len(), waits.table());
    assert!(n_lists >= load.n_listers && !written.is_empty());

    // What the lists said of a session at a commit is what that commit says, read without the cache.
    let lines: String = told.iter().map(|(_, tip, ..)| format!("{tip}\n")).collect();
    let formats = "--format=%H%x00%(trailers:key=Session-Id,valueonly,separator=)%x00\
        %(trailers:key=Session-Status,valueonly,separator=)%x00\
        %(trailers:key=Session-Title,valueonly,separator=)";
    let mut log = place.command("git", &["log", "--no-walk=unsorted", "--stdin", formats]);
    let mut child = log.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("git runs");
    let mut stdin = child.stdin.take().expect("piped");
    let feed = std::thread::spawn(move || {
        std::io::Write::write_all(&mut stdin, lines.as_bytes()).expect("git reads");
    });
    let output = child.wait_with_output().expect("git ends");
    feed.join().expect("no panic");
    let text = String::from_utf8_lossy(&output.stdout);
    let said: HashMap<&str, Vec<&str>> = text
        .lines()
        .map(|line| line.split('\0').collect::<Vec<_>>())
        .map(|parts| (parts[0], parts[1..].to_vec()))
        .collect();
    for (id, tip, _, status, title) in &told {
        assert_eq!(said.get(tip.as_str()), Some(&vec![id.as_str(), status, title]), "{tip}");
    }

    // And in the end all that was answered is there.
    let listing = place.session(&["list", "--all", "--json=id,title"], &waits);
    let sessions = listing["sessions"].as_array().expect("a list");
    let last: HashMap<&str, &str> = sessions
        .iter()
        .map(|it| (it["id"].as_str().expect("an id"), it["title"].as_str().expect("a title")))
        .collect();
    for (id, n) in &written {
        let title = last.get(id.as_str()).expect("it is there");
        assert!(title.ends_with(&format!(" {n}")), "{id}: {title}, {n} was written");
    }
    let fsck = place.git(&["fsck", "--strict", "--no-dangling"]);
    assert!(fsck.status.success(), "{}", String::from_utf8_lossy(&fsck.stderr));
}
