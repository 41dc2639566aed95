//! Looking at processes where there is neither a pidfd nor `/proc`: by ps(1).

use std::os::fd::BorrowedFd;
use std::process::Command;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use super::{Fate, Held};
use crate::worker::{Here, Process};

/// Nothing keeps hold of a process here: its start is compared before each signal.
#[derive(Debug)]
pub(in crate::worker) struct Handle;

impl Handle {
    pub(super) fn open(process: &mut Process) -> Option<Handle> {
        process.start = start(process.pid)?;
        Some(Handle)
    }

    pub(super) fn is_gone(&self, process: &Process) -> bool {
        let is_alive = !matches!(test_kill_process(process.raw()), Err(Errno::SRCH));
        !is_alive || start(process.pid) != Some(process.start)
    }

    pub(super) fn signal(&self, process: &Process, signal: Signal) -> Result<(), Errno> {
        match self.is_gone(process) {
            true => Err(Errno::SRCH),
            false => kill_process(process.raw(), signal),
        }
    }

    pub(super) fn poll_fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

/// Asks ps(1) for a line of one process, or of all.
fn ps(columns: &str, pid: Option<u32>) -> Option<String> {
    let mut command = Command::new("ps");
    command.args(["-o", columns]);
    match pid {
        Some(pid) => command.args(["-p", &pid.to_string()]),
        None => command.arg("-A"),
    };
    let output = command.env("LC_ALL", "C").output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Returns a number that follows from when a living process was started.
fn start(pid: u32) -> Option<u64> {
    let text = ps("state=,lstart=", Some(pid))?;
    let (state, started) = text.trim().split_once(' ')?;
    let number = |hash: u64, byte: u8| hash.wrapping_mul(0x100_0000_01b3) ^ u64::from(byte);
    (!state.starts_with('Z')).then(|| started.trim().bytes().fold(0xcbf2_9ce4_8422_2325, number))
}

pub(in crate::worker) fn boot_id() -> Option<String> {
    None
}

pub(in crate::worker) fn pid_namespace() -> Option<u64> {
    None
}

/// Takes hold of the living members of a process group.
pub(in crate::worker) fn groups(here: &Here, group: u32, fate: Fate) -> Vec<Held> {
    let text = ps("pid=,pgid=,state=", None).unwrap_or_default();
    let member = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        let pid: u32 = words.next()?.parse().ok()?;
        let is_member = words.next()?.parse() == Ok(group) || pid == group;
        let is_still = words.next()?.starts_with('T');
        (is_member && !(is_still && fate == Fate::Moving)).then_some(pid)
    };
    text.lines().filter_map(member).filter_map(|pid| Held::of(here, pid)).collect()
}

/// Returns the parent of a process.
pub(in crate::worker) fn parent(pid: Pid) -> Option<Pid> {
    let text = ps("ppid=", u32::try_from(pid.as_raw_nonzero().get()).ok())?;
    Pid::from_raw(text.trim().parse().ok()?)
}

/// Nobody may look into environments here.
pub(in crate::worker) fn carriers(_here: &Here, _token: &str, _fate: Fate) -> Vec<Held> {
    Vec::new()
}

/// Nobody may look into environments here.
pub(in crate::worker) fn has_token(_pid: u32, _token: &str) -> bool {
    false
}

/// Nobody may look into environments here.
pub fn find_by_token(_here: &Here, _token: &str) -> Option<Held> {
    None
}
