use std::fs::File;
use std::io::{IsTerminal, Read, Write};
use std::time::Duration;

use nix::sys::signal::{SigSet, Signal as NixSignal};
use nix::unistd::{Pid as AnyPid, getpgid, getsid};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, getppid};
use rustix::termios::{
    OptionalActions, QueueSelector, Termios, tcflush, tcgetattr, tcgetpgrp, tcsetattr, tcsetpgrp,
};

use super::Process;

/// The longest line that is read, in bytes.
const MAX_LINE: usize = 256;

/// The controlling terminal.
///
/// A worker has a process group of its own, so that it can be stopped with all that it started. To read
/// keys and to be stopped by them, that group must be the terminal's foreground group for as long
/// as the worker runs.
#[derive(Debug)]
pub(super) struct Terminal {
    file: File,
    /// `None` where it has no number: then the terminal cannot be taken back.
    own_group: Option<Pid>,
    modes: Option<Termios>,
    /// Whether the worker is to have the terminal whenever we have it.
    pub(super) is_interactive: bool,
}

impl Terminal {
    /// Opens the controlling terminal, if this process has one.
    pub(super) fn open() -> Option<Terminal> {
        let file = File::options().read(true).write(true).open("/dev/tty").ok()?;
        // With one of them redirected, this may be a part of a pipeline, whose other parts need the
        // terminal too.
        let is_interactive = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
        let modes = tcgetattr(&file).ok();
        Some(Terminal { file, own_group: own_group(), modes, is_interactive })
    }

    /// Gives the terminal to the worker's group.
    pub(super) fn give(&self, worker: &Process) {
        let _ = without_sigttou(|| tcsetpgrp(&self.file, worker.raw()));
    }

    /// Takes the terminal back, if the worker's group has it.
    pub(super) fn take(&self, worker: &Process) {
        if let Some(group) = self.own_group
            && self.is_with(worker)
        {
            let _ = without_sigttou(|| tcsetpgrp(&self.file, group));
        }
    }

    /// Brings the terminal to the modes that it had, as a shell does after a program that was killed.
    pub(super) fn restore(&self) {
        if let Some(modes) = &self.modes {
            let _ = without_sigttou(|| tcsetattr(&self.file, OptionalActions::Drain, modes));
        }
    }

    /// Tells whether the worker's group has the terminal.
    pub(super) fn is_with(&self, worker: &Process) -> bool {
        tcgetpgrp(&self.file).is_ok_and(|group| group == worker.raw())
    }

    /// Tells whether we have the terminal.
    pub(super) fn is_ours(&self) -> bool {
        tcgetpgrp(&self.file).is_ok_and(|group| Some(group) == self.own_group)
    }

    /// Waits for a line that is typed; `None` if none is in time. What was begun then is thrown away: it was no
    /// answer to whoever reads next.
    pub(super) fn read_line(&mut self, time: Duration) -> Option<String> {
        let time = Timespec::try_from(time).ok()?;
        let mut typed = [0; MAX_LINE];
        let is_typed = poll(&mut [PollFd::new(&self.file, PollFlags::IN)], Some(&time)) == Ok(1);
        let n = if is_typed { self.file.read(&mut typed).unwrap_or(0) } else { 0 };
        if n == 0 {
            let _ = tcflush(&self.file, QueueSelector::IFlush);
            return None;
        }
        Some(String::from_utf8_lossy(&typed[..n]).trim_end_matches(['\r', '\n']).to_owned())
    }
}

impl Write for Terminal {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

/// Does something with the terminal that only its foreground group may do, without being stopped.
fn without_sigttou<T>(act: impl FnOnce() -> T) -> T {
    let mut set = SigSet::empty();
    set.add(NixSignal::SIGTTOU);
    let before = set.thread_swap_mask(nix::sys::signal::SigmaskHow::SIG_BLOCK);
    let result = act();
    if let Ok(before) = before {
        let _ = before.thread_set_mask();
    }
    result
}

/// The process group of this process, or `None` where it has no number: its leader is outside of the pid
/// namespace.
///
/// rustix takes every group and session for one with a number; nix says 0 for one without.
pub(super) fn own_group() -> Option<Pid> {
    Pid::from_raw(nix::unistd::getpgrp().as_raw())
}

/// Tells whether somebody would let us go on if we stopped: a shell that does job control, above us in
/// the same session and in another group.
pub(super) fn has_job_control() -> bool {
    let own_group = nix::unistd::getpgrp();
    let mut pid = getppid();
    while let Some(above) = pid {
        let raw = Some(AnyPid::from_raw(above.as_raw_nonzero().get()));
        match getpgid(raw) {
            Ok(group) if group != own_group => return getsid(raw) == getsid(None),
            Ok(_) => pid = super::probe::parent(above),
            Err(_) => return false,
        }
    }
    false
}
