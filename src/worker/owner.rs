//! The process that started a worker: it waits, passes signals on, and keeps the terminal in order.

use std::cell::Cell;
use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use rustix::process::{Signal, WaitOptions, WaitStatus, kill_process_group, waitpid};
use signal_hook::consts::{
    SIGCHLD, SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU, SIGWINCH,
};
use signal_hook::iterator::Signals;

use super::probe::{Fate, groups};
use super::stop::{end_group, signal_all};
use super::terminal::{Terminal, has_job_control, own_group};
use super::{Held, Log, Process, StopError, Worker};

/// The signals that are passed on to the worker.
const FORWARDED: [(i32, Signal); 7] = [
    (SIGINT, Signal::INT),
    (SIGTERM, Signal::TERM),
    (SIGHUP, Signal::HUP),
    (SIGQUIT, Signal::QUIT),
    (SIGTSTP, Signal::TSTP),
    (SIGCONT, Signal::CONT),
    (SIGWINCH, Signal::WINCH),
];

/// How often the log of a worker is looked at while it runs.
const TRIM_INTERVAL: Duration = Duration::from_secs(2);
/// How long to wait at least before the time that is left is asked for again.
const RECHECK: Duration = Duration::from_secs(1);

/// How a worker ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// By itself, with this status.
    Exited(i32),
    /// By the signal of this number.
    Killed(i32),
    /// Nobody who could have asked was its parent.
    Unknown,
}

/// The end of a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// How.
    pub how: How,
    /// After how long.
    pub after: Duration,
    /// Whether we ended it since its time was over.
    pub is_timeout: bool,
}

/// Where signals come in, and the terminal.
#[derive(Debug)]
pub struct Owner {
    signals: Receiver<i32>,
    wakes: Sender<i32>,
    terminal: Option<Terminal>,
    began: Instant,
    /// Whether the worker was seen to stand still, and was not let go on by us.
    is_stopped: Cell<bool>,
    /// Where the worker's output goes, if to a log.
    log: Option<Log>,
}

impl Owner {
    /// Begins to take signals for a worker that is about to be started.
    ///
    /// # Errors
    /// What the system says.
    pub fn begin() -> io::Result<Owner> {
        let mut all = FORWARDED.map(|(number, _)| number).to_vec();
        all.push(SIGCHLD);
        let mut signals = Signals::new(all)?;
        let (wakes, receiver) = channel();
        let sender = wakes.clone();
        std::thread::Builder::new().name("signals".into()).spawn(move || {
            for signal in signals.forever() {
                if sender.send(signal).is_err() {
                    return;
                }
            }
        })?;
        Ok(Owner {
            signals: receiver,
            wakes,
            terminal: Terminal::open(),
            began: Instant::now(),
            is_stopped: Cell::new(false),
            log: None,
        })
    }

    /// Keeps the log of the worker at its size from now on.
    pub fn keep(&mut self, log: Option<Log>) {
        self.log = log;
    }

    /// Returns the log that is kept.
    pub fn log(&self) -> Option<&Log> {
        self.log.as_ref()
    }

    /// Tells for how long it has been there.
    pub fn age(&self) -> Duration {
        self.began.elapsed()
    }

    /// Gives the worker the terminal, if we are in its foreground: at once after the start, so that keys
    /// reach it and it need not wait for us.
    pub fn lend_terminal(&self, worker: &Worker) {
        if let Some(terminal) = self.foreground() {
            hand_over(terminal, &worker.process);
        }
    }

    /// Takes the terminal back from a worker that has ended.
    pub fn take_terminal(&self, worker: &Worker) {
        if let Some(terminal) = &self.terminal {
            terminal.take(&worker.process);
        }
    }

    /// Waits for the end of a worker that this process started. When its time is over, `more` is asked
    /// for how much longer it may run, since its clock may have stood still; zero ends its whole group.
    ///
    /// # Errors
    /// [`StopError`] when it does not end.
    pub fn wait(
        &self,
        worker: &Worker,
        token: &str,
        limit: Option<Duration>,
        more: &dyn Fn() -> Option<Duration>,
        grace: Duration,
    ) -> Result<Ended, StopError> {
        let process = &worker.process;
        let began = Instant::now();
        let mut deadline = limit.and_then(|limit| began.checked_add(limit));
        let mut is_timeout = false;
        let how = loop {
            match self.state(process) {
                State::Ended(how) => break how,
                State::Stopped(signal) => self.stopped(process, signal),
                State::Same => match self.next(deadline.filter(|_| !is_timeout)) {
                    Some(signal) => self.forward(process, signal),
                    None => match more() {
                        Some(more) if more.is_zero() => {
                            is_timeout = true;
                            end_group(process, token, grace)?;
                        }
                        more => deadline = later(more),
                    },
                },
            }
        };
        if let Some(terminal) = &self.terminal {
            terminal.take(process);
            if matches!(how, How::Killed(_)) && terminal.is_interactive {
                terminal.restore();
            }
        }
        self.trim_log();
        Ok(Ended { how, after: began.elapsed(), is_timeout })
    }

    /// Waits for the end of a worker that another process started, and that process is gone.
    ///
    /// # Errors
    /// [`StopError`] when it does not end.
    pub fn wait_for_adopted(
        &self,
        held: Held,
        token: &str,
        limit: Option<Duration>,
        more: &dyn Fn() -> Option<Duration>,
        grace: Duration,
    ) -> Result<Ended, StopError> {
        let began = Instant::now();
        let mut deadline = limit.and_then(|limit| began.checked_add(limit));
        let process = held.process.clone();
        let wakes = self.wakes.clone();
        std::thread::spawn(move || {
            let one = [held];
            while !one[0].is_gone() {
                super::probe::wait_for_any(&one, Duration::from_secs(3600));
            }
            let _ = wakes.send(SIGCHLD);
        });
        let here = process.here.clone();
        let mut is_timeout = false;
        while let Ok(held) = Held::open(&here, &process) {
            match self.next(deadline.filter(|_| !is_timeout)) {
                Some(signal) => {
                    if let Some(signal) = forwarded(signal) {
                        signal_all(std::slice::from_ref(&held), signal)?;
                    }
                }
                None => match more() {
                    Some(more) if more.is_zero() => {
                        is_timeout = true;
                        end_group(&process, token, grace)?;
                    }
                    more => deadline = later(more),
                },
            }
        }
        self.trim_log();
        Ok(Ended { how: How::Unknown, after: began.elapsed(), is_timeout })
    }

    /// Waits for the next signal; `None` when the time is over.
    fn next(&self, deadline: Option<Instant>) -> Option<i32> {
        loop {
            let now = Instant::now();
            let look = self.log.as_ref().map(|_| now + TRIM_INTERVAL);
            let Some(until) = deadline.into_iter().chain(look).min() else {
                return Some(self.signals.recv().unwrap_or(SIGCHLD));
            };
            match self.signals.recv_timeout(until.saturating_duration_since(now)) {
                Ok(signal) => return Some(signal),
                Err(_) if deadline == Some(until) => return None,
                Err(_) => self.trim_log(),
            }
        }
    }

    fn trim_log(&self) {
        if let Some(Err(error)) = self.log.as_ref().map(Log::trim) {
            tracing::warn!(%error, "a log is not kept at its size");
        }
    }

    fn state(&self, process: &Process) -> State {
        let options = WaitOptions::NOHANG | WaitOptions::UNTRACED | WaitOptions::CONTINUED;
        match waitpid(Some(process.raw()), options) {
            Ok(None) => State::Same,
            Ok(Some((_, status))) => {
                self.is_stopped.set(status.stopped());
                State::of(status)
            }
            Err(rustix::io::Errno::INTR) => State::Same,
            Err(_) => State::Ended(How::Unknown),
        }
    }

    /// Passes a signal on. The worker was not waited for, so its group has its number.
    fn forward(&self, process: &Process, signal: i32) {
        if signal == SIGCONT {
            if let Some(terminal) = self.foreground() {
                terminal.give(process);
            }
            // The one that let us go on may be heard of late: the worker goes on already, and may have
            // been stopped anew.
            if !self.is_stopped.take() {
                return;
            }
        }
        if let Some(signal) = forwarded(signal) {
            let _ = kill_process_group(process.raw(), signal);
        }
    }

    /// The worker stands still: by the user's key, then so do we, until the shell lets us go on; or
    /// since it wanted the terminal, then it gets it.
    fn stopped(&self, process: &Process, signal: i32) {
        let Some(terminal) = &self.terminal else { return };
        match signal {
            SIGTTIN | SIGTTOU if terminal.is_ours() || terminal.is_with(process) => {
                self.is_stopped.set(false);
                hand_over(terminal, process);
            }
            SIGTSTP if terminal.is_with(process) && !has_job_control() => {
                self.is_stopped.set(false);
                let _ = kill_process_group(process.raw(), Signal::CONT);
            }
            SIGTSTP | SIGTTIN | SIGTTOU => {
                terminal.take(process);
                self.stop_with_group();
                if let Some(terminal) = self.foreground() {
                    terminal.give(process);
                }
                self.is_stopped.set(false);
                let _ = kill_process_group(process.raw(), Signal::CONT);
            }
            _ => {}
        }
    }

    /// Stops this process and the others of its job, and returns when they are let go on.
    fn stop_with_group(&self) {
        let Some(group) = own_group().filter(|_| has_job_control()) else {
            return;
        };
        let group = group.as_raw_nonzero().get().unsigned_abs();
        let here = super::Here::read();
        for held in groups(&here, group, Fate::Moving) {
            // The signal to ourselves would be taken for one to be passed on.
            if held.process.pid != std::process::id() {
                let _ = held.signal(Signal::TSTP);
            }
        }
        let _ = signal_hook::low_level::emulate_default_handler(SIGTSTP);
    }

    /// Returns the terminal, if we are in its foreground and the worker is to be.
    fn foreground(&self) -> Option<&Terminal> {
        self.terminal.as_ref().filter(|it| it.is_interactive && it.is_ours())
    }
}

/// Returns when to ask again for the time that is left.
fn later(left: Option<Duration>) -> Option<Instant> {
    left.and_then(|left| Instant::now().checked_add(left.max(RECHECK)))
}

/// Gives the worker the terminal, and lets it go on if it was stopped for want of it.
fn hand_over(terminal: &Terminal, process: &Process) {
    terminal.give(process);
    let _ = kill_process_group(process.raw(), Signal::CONT);
}

fn forwarded(number: i32) -> Option<Signal> {
    FORWARDED.iter().find(|(known, _)| *known == number).map(|(_, signal)| *signal)
}

/// What waiting for a worker tells.
enum State {
    Same,
    Stopped(i32),
    Ended(How),
}

impl State {
    fn of(status: WaitStatus) -> State {
        if let Some(code) = status.exit_status() {
            return State::Ended(How::Exited(code));
        }
        if let Some(signal) = status.terminating_signal() {
            return State::Ended(How::Killed(signal));
        }
        // Gone on: look again, there may be more to hear.
        status.stopping_signal().map_or(State::Same, State::Stopped)
    }
}
