//! The processes above this one.

use super::probe::parent;
use super::{Held, Here, Process};

/// How many generations are looked at.
const MAX_DEPTH: usize = 64;

fn numbers() -> impl Iterator<Item = u32> {
    let mut pid = rustix::process::getppid();
    std::iter::from_fn(move || {
        let this = pid?;
        pid = parent(this);
        u32::try_from(this.as_raw_nonzero().get()).ok()
    })
    .take(MAX_DEPTH)
}

/// Finds the nearest process above this one that `is_meant` says is meant, by its number and the words that
/// it was started with.
pub fn find_ancestor(here: &Here, is_meant: impl Fn(u32, &[String]) -> bool) -> Option<Process> {
    let pid = numbers().find(|&pid| is_meant(pid, &command_line(pid)))?;
    Held::of(here, pid).map(|held| held.process)
}

/// Tells whether `process` is above this one.
pub(super) fn is_ancestor(here: &Here, process: &Process) -> bool {
    process.here == *here
        && numbers().any(|pid| pid == process.pid)
        && Held::open(here, process).is_ok()
}

/// Tells whether the process with this number is above this one, or is it.
pub(super) fn is_above(pid: u32) -> bool {
    pid == std::process::id() || numbers().any(|it| it == pid)
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
