//! Going into the background: a process that no terminal can end.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read};
use std::process::{Command, ExitStatus, Stdio};

use super::TOKEN_VARIABLE;

/// What the process in the background says once its worker is started and recorded, before the number
/// of that.
const STARTED: &str = "started ";

/// What came of going into the background.
#[derive(Debug)]
pub enum Background {
    /// A worker runs, under this number.
    Started(u32),
    /// There is no worker to wait for, and the process has ended.
    Ended {
        /// What it answered.
        answer: Vec<u8>,
        /// How it ended.
        status: ExitStatus,
    },
}

/// Starts `command`, our own program, which is to leave the terminal by [`leave_terminal`], and waits
/// until it has said [`tell_started`] or has ended. Its errors go to our standard error.
///
/// # Errors
/// What the system says of the program.
pub fn send_to_background(mut command: Command) -> io::Result<Background> {
    let mut child = command
        // Whoever ends the worker that we may be in does not mean this one.
        .env_remove(TOKEN_VARIABLE)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut answer = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        let mut stdout = BufReader::new(stdout);
        stdout.read_until(b'\n', &mut answer)?;
        if let Some(pid) = started(&answer) {
            return Ok(Background::Started(pid));
        }
        stdout.read_to_end(&mut answer)?;
    }
    Ok(Background::Ended { answer, status: child.wait()? })
}

/// Starts `command`, our own program, which is to leave the terminal by [`leave_terminal`], and does not
/// wait for anything of it. What it says goes nowhere.
///
/// # Errors
/// What the system says of the program.
pub fn leave_to_itself(mut command: Command) -> io::Result<()> {
    let command = command.env_remove(TOKEN_VARIABLE).stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().map(drop)
}

fn started(line: &[u8]) -> Option<u32> {
    std::str::from_utf8(line).ok()?.strip_prefix(STARTED)?.trim_end().parse().ok()
}

/// Leaves the terminal for good, by a session of processes of our own: its keys and its end do not
/// reach us any more.
///
/// # Errors
/// What the system says.
pub fn leave_terminal() -> io::Result<()> {
    rustix::process::setsid()?;
    Ok(())
}

/// Says on standard output that the worker `pid` is started and recorded, and lets go of the streams:
/// what goes wrong from now on is told in `log`, and nobody waits for us any more.
///
/// # Errors
/// What the system says. That nobody listens is none.
pub fn tell_started(pid: u32, log: Option<File>) -> io::Result<()> {
    let _ = rustix::io::write(rustix::stdio::stdout(), format!("{STARTED}{pid}\n").as_bytes());
    let nowhere = OpenOptions::new().write(true).open("/dev/null")?;
    let told = log.map_or_else(|| nowhere.try_clone(), Ok)?;
    rustix::stdio::dup2_stderr(told)?;
    rustix::stdio::dup2_stdout(nowhere)?;
    Ok(())
}
