//! The processes above this one.

use rustix::process::Pid;

use super::probe::parent;
use super::{Held, Here, Process};

/// How many generations are looked at.
const MAX_DEPTH: usize = 64;

/// Returns the numbers of the processes from `first` upwards, or of those above this one.
fn numbers(first: Option<u32>) -> impl Iterator<Item = u32> {
    let given = first.and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
    let mut pid = if first.is_some() { given } else { rustix::process::getppid() };
    std::iter::from_fn(move || {
        let this = pid?;
        pid = parent(this);
        u32::try_from(this.as_raw_nonzero().get()).ok()
    })
    .take(MAX_DEPTH)
}

/// Finds the nearest process above this one that `is_meant` says is meant, by its number and the words that
/// it was started with. Whoever was left behind begins at `first`, a process that was above it.
pub fn find_ancestor(
    here: &Here,
    first: Option<u32>,
    is_meant: impl Fn(u32, &[String]) -> bool,
) -> Option<Process> {
    let pid = numbers(first).find(|&pid| is_meant(pid, &command_line(pid)))?;
    Held::of(here, pid).map(|held| held.process)
}

/// Takes hold of the nearest process from `first` upwards, or above this one, whose program has one of `names`;
/// `None` where the system does not tell, or cannot tell when it ends.
pub fn hold_ancestor(here: &Here, first: Option<u32>, names: &[&str]) -> Option<Held> {
    let is_meant = |pid: u32| program(pid).is_some_and(|it| names.contains(&it.as_str()));
    let held = Held::of(here, numbers(first).find(|&pid| is_meant(pid))?)?;
    // Looked at again: the number is pinned to the process only since it is held.
    (held.poll_fd().is_some() && is_meant(held.process.pid)).then_some(held)
}

/// Returns the words that the nearest process from `first` upwards, or above this one, was started with whose program has
/// one of `names`; `None` where the system does not tell.
pub fn ancestor_words(first: Option<u32>, names: &[&str]) -> Option<Vec<String>> {
    let is_meant = |pid: u32| program(pid).is_some_and(|it| names.contains(&it.as_str()));
    numbers(first).find(|&pid| is_meant(pid)).map(command_line)
}

/// Returns the name of the program that a process runs, 15 bytes of it.
pub(super) fn program(pid: u32) -> Option<String> {
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    Some(name.trim_end_matches('\n').to_owned())
}

/// Tells whether `process` is above this one.
pub(super) fn is_ancestor(here: &Here, process: &Process) -> bool {
    process.here == *here
        && numbers(None).any(|pid| pid == process.pid)
        && Held::open(here, process).is_ok()
}

/// Tells whether the process with this number is above this one, or is it.
pub(super) fn is_above(pid: u32) -> bool {
    pid == std::process::id() || numbers(None).any(|it| it == pid)
}

/// Returns the words that a process was started with.
#[cfg(target_os = "linux")]
pub(super) fn command_line(pid: u32) -> Vec<String> {
    let bytes = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let words = bytes.strip_suffix(b"\0").unwrap_or(&bytes).split(|&byte| byte == 0);
    words.map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}

/// Returns the words that a process was started with; those with blanks come apart.
#[cfg(not(target_os = "linux"))]
pub(super) fn command_line(pid: u32) -> Vec<String> {
    let pid = pid.to_string();
    let ps = std::process::Command::new("ps").args(["-o", "args=", "-p", &pid]).output();
    let text = ps.map(|it| it.stdout).unwrap_or_default();
    String::from_utf8_lossy(&text).split_whitespace().map(str::to_owned).collect()
}
