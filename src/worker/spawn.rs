use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Stdio;

use super::{Held, Here, Log, Process, SESSION_VARIABLE, TOKEN_VARIABLE};
use crate::model::SessionId;

/// A command line to be run for a session.
#[derive(Debug, Clone, Copy)]
pub struct Command<'a> {
    /// The session that it works on.
    pub session_id: SessionId,
    /// The program and its arguments; not empty.
    pub words: &'a [OsString],
    /// The directory to run it in.
    pub dir: &'a Path,
    /// Whether what the environment says of the repository is of another work tree.
    pub is_elsewhere: bool,
    /// The token of its lease.
    pub token: &'a str,
    /// Where its output goes, if it has no terminal and no input; else its streams are ours.
    pub log: Option<&'a Log>,
}

/// A worker that this process started and has not waited for: so long, its number is its own.
#[derive(Debug)]
pub struct Worker {
    /// Which one; it leads a process group of its own.
    pub process: Process,
}

/// What of the environment says which work tree is meant. Source: `git rev-parse --local-env-vars`.
pub const WORK_TREE_VARIABLES: [&str; 6] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_COMMON_DIR",
    "GIT_INDEX_FILE",
    "GIT_PREFIX",
    "GIT_IMPLICIT_WORK_TREE",
];

impl Command<'_> {
    /// Starts it in a process group of its own.
    ///
    /// # Errors
    /// What the system says of the program or the directory.
    pub fn spawn(&self) -> io::Result<Worker> {
        let (program, arguments) = self.words.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let mut command = std::process::Command::new(program);
        if let Some(log) = self.log {
            command.stdin(Stdio::null()).stdout(log.stream()?).stderr(log.stream()?);
        }
        command
            .args(arguments)
            .current_dir(self.dir)
            .env(SESSION_VARIABLE, self.session_id.to_string())
            .env(TOKEN_VARIABLE, self.token)
            .process_group(0);
        if self.is_elsewhere {
            for name in WORK_TREE_VARIABLES {
                command.env_remove(name);
            }
        }
        let child = command.spawn()?;
        let here = Here::read();
        let process = match Held::of(&here, child.id()) {
            Some(held) => held.process,
            // It has ended already; nothing but our waiting for it is of interest any more.
            None => Process { pid: child.id(), start: 0, inode: None, here },
        };
        Ok(Worker { process })
    }
}
