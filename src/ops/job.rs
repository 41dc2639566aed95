//! What is to be run for a session, and what came of it.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use crate::model::{SessionId, Timestamp, text};
use crate::ops::load::{self, View};
use crate::ops::{Context, OpError, limits};
use crate::store::Store;
use crate::worker::{Ended, How, Lease, Log, Process};

/// The reason of a session that ended since its time was over.
pub const TIMEOUT: &str = "timeout";
/// The status of a run whose time was over. Source: timeout(1).
pub const TIMEOUT_STATUS: u8 = 124;
/// How long a worker may take to end after it was asked to.
pub const GRACE: Duration = Duration::from_secs(10);

/// The world, which goes on while a command runs.
pub trait World {
    /// Opens the repository as it is now.
    ///
    /// # Errors
    /// [`OpError::Store`]
    fn store(&self) -> Result<Store, OpError>;
    /// Returns what use cases need of the world now, with a new operation.
    fn context(&self, store: &Store) -> Context;
    /// Tells people what is happening.
    fn tell(&self, story: &str);
    /// Returns the present moment.
    fn now(&self) -> Timestamp;
    /// Hears that a worker is started and recorded, whose output goes to `log`, if to a log.
    fn started(&self, worker: &Process, log: Option<&Log>);
}

/// A command to be run for a session.
#[derive(Debug, Clone)]
pub struct Job {
    /// The session.
    pub session_id: SessionId,
    /// The program and its arguments.
    pub command: Vec<OsString>,
    /// The directory to run it in, if the session has no place of its own.
    pub dir: PathBuf,
    /// Whether it runs in `dir` in any case.
    pub here: bool,
    /// Whether another session may run in the same work tree.
    pub is_shared: bool,
    /// Whether what the environment says of the repository is of another work tree.
    pub is_elsewhere: bool,
    /// A word that nobody else knows.
    pub token: String,
    /// What a shell is to run instead when the session is resumed.
    pub on_resume: Option<OsString>,
    /// Whether its output goes to the session's log, and not to our own streams.
    pub to_log: bool,
    /// For how long it may run, if not for as long as the session's configuration says; zero is for
    /// ever.
    pub timeout: Option<Duration>,
    /// How often it may be started in all, the starts before this run counted; again only after a
    /// failure.
    pub max_iterations: Option<u64>,
    /// How the session gets to an active state, if it is in none.
    pub reason: String,
    /// The active state to go to, if not the one that follows.
    pub to: Option<String>,
    /// Whether a worker that is somewhere else is given up for lost.
    pub take_over: bool,
}

impl Job {
    /// Returns the job that a lease remembers.
    pub fn of(lease: &Lease, token: String) -> Job {
        Job {
            session_id: lease.session_id,
            command: lease.command.clone(),
            dir: lease.dir.clone(),
            here: false,
            is_shared: lease.is_shared,
            is_elsewhere: false,
            token,
            on_resume: lease.on_resume.clone(),
            to_log: false,
            timeout: lease.timeout,
            max_iterations: lease.max_iterations,
            reason: String::new(),
            to: None,
            take_over: false,
        }
    }

    /// Returns the command line as it is recorded, for readers: on one line, and not all of a very
    /// long one. What is run again is in the lease.
    pub(super) fn words(&self) -> Vec<String> {
        let shown = |word: &OsString| -> String {
            let word = word.to_string_lossy();
            let plain = word.chars().map(|c| if is_plain(c) { c } else { ' ' });
            plain.take(MAX_WORD).collect()
        };
        self.command.iter().take(MAX_WORDS).map(shown).collect()
    }
}

/// The longest word of a command line that is recorded, in characters, and the most words.
const MAX_WORD: usize = 250;
const MAX_WORDS: usize = 50;

/// Tells whether a character may stand in a line of a record.
fn is_plain(c: char) -> bool {
    !c.is_control() && !text::is_invisible(c) && !matches!(c, '\u{2028}' | '\u{2029}')
}

/// What came of a run.
#[derive(Debug, Clone)]
pub struct Finished {
    /// The session after it.
    pub view: View,
    /// How the worker ended.
    pub ended: Ended,
}

impl Finished {
    /// Returns the exit status to pass on: the command's, or 128 and the signal that ended it.
    pub fn status(&self) -> u8 {
        let number = |n: i32| u8::try_from(n & 0xff).unwrap_or(u8::MAX);
        match self.ended.how {
            _ if self.ended.is_timeout => TIMEOUT_STATUS,
            How::Exited(status) => number(status),
            How::Killed(signal) => number(128 + signal),
            How::Unknown => 1,
        }
    }
}

impl Job {
    /// Returns for how much longer a worker may run that was first started `age` ago: what the job says
    /// is for this run, what the session says is for all its runs. `None` is for ever.
    pub(super) fn time_left(
        &self,
        world: &dyn World,
        age: Duration,
    ) -> Result<Option<Duration>, OpError> {
        let Some(timeout) = self.timeout else {
            let store = world.store()?;
            let view = load::load(&store, self.session_id)?.view;
            return Ok(limits::time_left(&view, world.now()));
        };
        Ok(Some(timeout.saturating_sub(age)).filter(|_| !timeout.is_zero()))
    }
}
