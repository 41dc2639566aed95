//! Plug-ins: programs `git-session-agent-<name>` on the PATH that read the transcripts of one agent more.
//!
//! A plug-in is called with a verb, as git calls its remote helpers: `convert <path>`, `recognise <path>` and
//! `find <directory>...`. The manual says what each means.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::app::App;
use super::environment::Environment;
use super::{CliError, output};
use crate::agents::AgentKind;
use crate::format::segment;
use crate::ops::converted::Converted;
use crate::render::sanitize::to_terminal;
use crate::worker::{Answer, AskError, Question};

/// What the name of a plug-in begins with.
const PREFIX: &str = "git-session-agent-";
/// What a program says that does not know a verb. Source: git's status for wrong use.
const USAGE: i32 = 129;
/// The most bytes of an answer that is events.
const MAX_EVENTS: u64 = 256 << 20;
/// The most bytes of an answer that is paths.
const MAX_PATHS: u64 = 16 << 20;
/// How long a plug-in may take to make events, or to look for files.
const TIME: Duration = Duration::from_secs(60);
/// How long it may take to tell whether a file is its own.
const TIME_TO_RECOGNISE: Duration = Duration::from_secs(5);
/// What a plug-in is told of the environment, beside `LC_*` and `XDG_*`: nothing that is a secret, and nothing
/// of the repository.
const VARIABLES: [&str; 8] = ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "LANG", "TZ"];

/// A plug-in.
#[derive(Debug, Clone)]
pub struct Plugin {
    /// The agent that it is for.
    pub name: String,
    /// The program.
    pub path: PathBuf,
}

/// Returns the plug-ins on the PATH, by name; of two with one name the first one. An agent that is built in
/// needs none, and relative directories are passed over: a repository brings no plug-in.
pub fn all(app: &App) -> Vec<Plugin> {
    let path = app.environment.path();
    let mut found: Vec<Plugin> = Vec::new();
    for dir in std::env::split_paths(&path).filter(|dir| dir.is_absolute()) {
        let entries = std::fs::read_dir(&dir).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        for file in names.filter(|file| is_program(&dir.join(file))) {
            let Some(name) = file.strip_prefix(PREFIX).filter(|name| is_free(name)) else {
                continue;
            };
            if found.iter().all(|it| it.name != name) {
                found.push(Plugin { name: name.to_owned(), path: dir.join(&file) });
            }
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

fn is_free(name: &str) -> bool {
    segment::converted(name).is_some() && name.parse::<AgentKind>().is_err()
}

fn is_program(path: &Path) -> bool {
    let is_it = |meta: std::fs::Metadata| meta.is_file() && meta.permissions().mode() & 0o111 != 0;
    let may_be = path.file_name().is_some_and(|it| it.to_string_lossy().starts_with(PREFIX));
    may_be && std::fs::metadata(path).is_ok_and(is_it)
}

impl Plugin {
    /// Tells whether a file that begins with `head` is of its agent. One that does not answer says no, and is
    /// told of.
    pub fn recognises(&self, path: &Path, head: &[u8]) -> bool {
        let words = ["recognise".into(), path.into()];
        match self.ask(&words, head.to_vec(), TIME_TO_RECOGNISE, MAX_PATHS) {
            Ok(answer) => answer.status == Some(0),
            Err(error) => {
                let told = format!("plug-in '{}' {error}", self.path.display());
                output::to_stderr(&format!("warning: {}\n", to_terminal(&told)));
                false
            }
        }
    }

    /// Returns the events that it makes of the bytes of a file.
    ///
    /// # Errors
    /// [`CliError::Failed`] for what is wrong with the plug-in or its answer.
    pub fn convert(&self, app: &App, path: &Path, bytes: Vec<u8>) -> Result<Converted, CliError> {
        let words = ["convert".into(), path.into()];
        let answer = self.ask(&words, bytes, TIME, MAX_EVENTS).map_err(|it| self.failed(it))?;
        if answer.status != Some(0) {
            return Err(self.failed(reason(&answer)));
        }
        let converted = Converted::read(&app.context()?, &self.name, answer.output);
        converted.map_err(|error| self.failed(format!("said what is no event: {error}")))
    }

    /// Returns the files that its agent keeps of a repository with these work trees; none if it does not look
    /// for files.
    ///
    /// # Errors
    /// [`CliError::Failed`].
    pub fn find(&self, tops: &[PathBuf]) -> Result<Vec<PathBuf>, CliError> {
        let words: Vec<OsString> =
            [OsString::from("find")].into_iter().chain(tops.iter().map(OsString::from)).collect();
        let answer = self.ask(&words, Vec::new(), TIME, MAX_PATHS).map_err(|it| self.failed(it))?;
        match answer.status {
            Some(0) => {}
            Some(USAGE) => return Ok(Vec::new()),
            _ => return Err(self.failed(reason(&answer))),
        }
        let lines = answer.output.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let paths = lines.map(|line| PathBuf::from(OsString::from_vec(line.to_vec())));
        Ok(paths.filter(|path| path.is_absolute()).collect())
    }

    fn ask(
        &self,
        words: &[OsString],
        input: Vec<u8>,
        time: Duration,
        max_bytes: u64,
    ) -> Result<Answer, AskError> {
        let is_told = |name: &str| {
            VARIABLES.contains(&name) || name.starts_with("LC_") || name.starts_with("XDG_")
        };
        let environment: Vec<(String, OsString)> = Environment::all()
            .into_iter()
            .filter(|(name, _)| is_told(name))
            .map(|(name, value)| (name, value.into()))
            .collect();
        let (program, environment) = (self.path.as_path(), environment.as_slice());
        let dir = Path::new("/");
        Question { program, words, dir, environment, time, max_bytes }.ask(input)
    }

    fn failed(&self, reason: impl std::fmt::Display) -> CliError {
        CliError::Failed(format!("plug-in '{}' {reason}", self.path.display()))
    }
}

/// Tells how a plug-in failed.
fn reason(answer: &Answer) -> String {
    let how = match answer.status {
        Some(status) => format!("ended with status {status}"),
        None => "was killed".to_owned(),
    };
    match answer.complaint.as_str() {
        "" => how,
        complaint => format!("{how}: {complaint}"),
    }
}
