//! What is true of processes, found out without the program; and chance that can be had again.

use std::fs;
use std::time::Duration;

use git_session::worker::{Held, Here};
use rustix::process::Signal;

/// Takes hold of the living processes that were started with `entry` in their environment.
pub fn living(entry: &str) -> Vec<Held> {
    let here = Here::read();
    let has_entry = |pid: u32| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|&byte| byte == 0).any(|it| it == entry.as_bytes())
    };
    let entries = fs::read_dir("/proc").expect("Linux has it").flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let held = pids.filter(|&pid| has_entry(pid)).filter_map(|pid| Held::of(&here, pid));
    held.filter(|held| has_entry(held.process.pid) && !held.is_gone()).collect()
}

/// Kills whatever still lives with `entry` in its environment, and returns how many there were.
pub fn kill(entry: &str) -> usize {
    let all = living(entry);
    for held in &all {
        held.signal(Signal::KILL).expect("it is ours");
        held.wait(super::harness::LONG);
    }
    all.len()
}

/// Tells whether a process stands still.
pub fn is_still(held: &Held) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", held.process.pid)).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'))
}

/// Returns the number in a variable of the environment, or `default`.
#[expect(clippy::disallowed_methods, reason = "a test asks for what the developer set")]
pub fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |it| it.parse().expect("a number"))
}

/// Chance: the same seed makes the same choices.
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Chance {
        Chance(seed)
    }

    /// Returns any number (splitmix64).
    pub fn any(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns a number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.any() % n as u64).expect("it is below n")
    }

    /// Returns one of `all`.
    pub fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    /// Returns a time below `span`.
    pub fn moment(&mut self, span: Duration) -> Duration {
        let micros = u64::try_from(span.as_micros()).expect("a short time").max(1);
        Duration::from_micros(self.any() % micros)
    }

    /// Returns the id of a new session.
    pub fn session_id(&mut self) -> String {
        let (a, b) = (self.any(), self.any());
        let (high, mid, low) = (a >> 32, (a >> 16) & 0xffff, a & 0xfff);
        format!("{high:08x}-{mid:04x}-7{low:03x}-8{:03x}-{:012x}", b >> 52, b & 0xffff_ffff_ffff)
    }
}
