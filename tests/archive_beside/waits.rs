//! For how long commands ran, and how much of that they were neither running nor waiting for a processor.
//!
//! Git is blocked, too, where it takes no lock: in the kernel, a directory is locked by who creates, renames or lists files
//! in it, and may have to wait for a processor meanwhile.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

/// What a command took.
#[derive(Clone, Copy)]
struct Took {
    /// From before it was started until it was known to have ended.
    wall: Duration,
    /// What became of it, where the system tells.
    parts: Option<Parts>,
}

/// What a command did when it did not run.
#[derive(Clone, Copy)]
struct Parts {
    /// For how long it could have run, and had no processor.
    queued: Duration,
    /// For how long it waited for something else: a lock, a disk, a process or thread of its own.
    blocked: Duration,
}

/// What commands took, by their names.
#[derive(Default)]
pub struct Waits(Mutex<BTreeMap<String, Vec<Took>>>);

impl Waits {
    /// Runs a command, and notes what it took. What it prints goes through files in `dir`, so that this
    /// thread sleeps while it runs, and does not wait for a processor at the same time.
    pub fn run(&self, name: &str, mut command: Command, dir: &Path) -> Output {
        let (mut stdout, mut stderr) = (file_in(dir), file_in(dir));
        command.stdout(again(&stdout)).stderr(again(&stderr));
        let begin = Instant::now();
        let mut child = command.spawn().expect("it runs");
        let before = Share::of("thread-self");
        let pid = Pid::from_raw(child.id().cast_signed()).expect("a process");
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        waitid(WaitId::Pid(pid), options).expect("it ends");
        let wall = begin.elapsed();
        // To be woken takes its time, too.
        let woken = Share::of("thread-self").zip(before).map(|(now, it)| now.total() - it.total());
        let parts = Share::of(&child.id().to_string()).zip(woken).map(|(share, woken)| Parts {
            queued: share.queued,
            blocked: wall.saturating_sub(share.total() + woken),
        });
        let mut all = self.0.lock().expect("no panic");
        all.entry(name.to_owned()).or_default().push(Took { wall, parts });
        drop(all);
        let status = child.wait().expect("it has ended");
        Output { status, stdout: read(&mut stdout), stderr: read(&mut stderr) }
    }

    /// Returns a line for each command: how often it ran, how long the middle one, the hundredth from the end and
    /// the longest took, and for how long one was blocked, and waited for a processor, at most.
    pub fn table(&self) -> String {
        let mut all = self.0.lock().expect("no panic");
        let line = |(command, times): (&String, &mut Vec<Took>)| {
            times.sort_unstable_by_key(|it| it.wall);
            let at = |part: usize| times[(times.len() - 1) * part / 100].wall.as_millis();
            let most = |of: fn(&Parts) -> Duration| match longest(times, of) {
                Some(time) => time.as_millis().to_string(),
                None => "?".to_owned(),
            };
            format!(
                "{command:<18} {:>7} times {:>6} ms, 99 % {:>6} ms, longest {:>6} ms, blocked {:>6} ms, queued {:>6} ms\n",
                times.len(),
                at(50),
                at(99),
                at(100),
                most(|it| it.blocked),
                most(|it| it.queued),
            )
        };
        all.iter_mut().map(line).collect()
    }
}

fn longest(times: &[Took], of: fn(&Parts) -> Duration) -> Option<Duration> {
    times.iter().filter_map(|it| it.parts.as_ref().map(of)).max()
}

/// What a thread had of processors. Source: the kernel's sched-stats, "/proc/<pid>/schedstat".
struct Share {
    ran: Duration,
    queued: Duration,
}

impl Share {
    /// Reads it for the first thread of a process, which may have ended.
    fn of(process: &str) -> Option<Share> {
        let text = std::fs::read_to_string(format!("/proc/{process}/schedstat")).ok()?;
        let mut numbers = text.split(' ').map(|it| it.parse().ok().map(Duration::from_nanos));
        Some(Share { ran: numbers.next()??, queued: numbers.next()?? })
    }

    fn total(&self) -> Duration {
        self.ran + self.queued
    }
}

fn file_in(dir: &Path) -> File {
    tempfile::tempfile_in(dir).expect("a file")
}

fn again(file: &File) -> File {
    file.try_clone().expect("the same file")
}

fn read(file: &mut File) -> Vec<u8> {
    let mut bytes = Vec::new();
    file.rewind().expect("to its beginning");
    file.read_to_end(&mut bytes).expect("all of it");
    bytes
}
