//! Running `git`: to its end, or not for longer than one waits.

use std::io::Write;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use gix::bstr::ByteSlice;
use rustix::process::{Pid, Signal, kill_process};

use super::StoreError;

/// How long one call of `git` may take: a hook that hangs must not hang us.
const TIMEOUT: Duration = Duration::from_secs(8);
/// How long it may take to end when it is told to.
const GRACE: Duration = Duration::from_secs(1);

/// Runs a command that takes as long as there are files.
pub(super) fn run_long(command: &mut Command) -> Result<Output, StoreError> {
    let output = command.stdin(Stdio::null()).output();
    output.map_err(|error| StoreError::io("cannot run git", &error))
}

/// Runs a command to its end, or kills it when it takes too long.
pub(super) fn run(command: &mut Command, input: &[u8]) -> Result<Output, StoreError> {
    let error = |error: std::io::Error| StoreError::io("cannot run git", &error);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(error)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A child that does not read what it is given says why by its status.
        let _ = stdin.write_all(input);
    }
    wait(child)
}

fn wait(child: Child) -> Result<Output, StoreError> {
    let pid = child.id();
    let (done, waiting) = mpsc::channel();
    std::thread::spawn(move || done.send(child.wait_with_output()));
    match waiting.recv_timeout(TIMEOUT) {
        Ok(output) => output.map_err(|error| StoreError::io("cannot run git", &error)),
        Err(_) => {
            // Asked to end, git takes its locks back; what a hook of it does may go on.
            signal(Signal::TERM, pid);
            if waiting.recv_timeout(GRACE).is_err() {
                signal(Signal::KILL, pid);
            }
            let reason = format!("it did not end within {} seconds", TIMEOUT.as_secs());
            Err(StoreError::Io { doing: "git was stopped".into(), reason })
        }
    }
}

/// Tells a child of ours that hangs to end; it is not waited for yet, so the id is still its own.
fn signal(signal: Signal, pid: u32) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}

pub(super) fn expect_success(output: &Output, doing: &str) -> Result<(), StoreError> {
    if output.status.success() { Ok(()) } else { failed(output, doing) }
}

pub(super) fn failed<T>(output: &Output, doing: &str) -> Result<T, StoreError> {
    let text = output.stderr.to_str_lossy();
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let reason = match lines.is_empty() {
        true => format!("git ended with {}", output.status),
        false => lines.join("; "),
    };
    Err(StoreError::Io { doing: doing.to_owned(), reason })
}
