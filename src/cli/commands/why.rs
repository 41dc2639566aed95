use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use serde_json::json;

use super::show::check_fields;
use crate::cli::app::App;
use crate::cli::environment::Environment;
use crate::cli::error::NoAnswer;
use crate::cli::options::Json;
use crate::cli::{CliError, output};
use crate::model::{Oid, Value};
use crate::ops::OpError;
use crate::ops::why::{Answer, Depth, Group, Lines, Why as Question};
use crate::render::{json, why as text};
use crate::store::Blaming;

/// Tell why a commit or a line is there: which session made it, and what was asked, done and decided
///
/// For a commit, or for a line or some lines of a file (path:3, path:3-9), it tells the session, its state at
/// the time, the last request before the commit, which tools were called for it, and what was decided. For a
/// path alone, each line is printed behind the session that made it, as "git blame" prints commits; a "?"
/// marks what is only claimed, dashes stand for no session, plus signs for what is not committed yet. Lines
/// are led back to commits by "git blame", which honours blame.ignoreRevsFile. How sure it is, is said: what
/// the session recorded in this repository is certain, and what it recorded elsewhere if the commit names it; what only
/// the session says, and the same change of the same author and time, is likely; what only the commit says, or several
/// sessions do, is claimed. The exit status is 1 if there is nothing to tell: there is no session
/// (no_session), it is not in this repository (not_fetched), nothing is kept of its conversation
/// (no_transcript), it cannot be found out (lookup_failed), or the lines are not committed (not_committed).
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  git session why HEAD\n  \
    git session why src/login.rs:12-20 --messages\n  git session why src/login.rs")]
pub struct Why {
    /// The commit, the file, or the file with a line or two: path:3, path:3-9
    #[arg(value_name = "commit-or-path", value_hint = ValueHint::FilePath)]
    target: OsString,
    /// What was said between the request and the commit, too
    #[arg(long)]
    messages: bool,
    #[command(flatten)]
    json: Json,
}

/// What is asked about.
#[derive(Debug, PartialEq, Eq)]
enum Target<'a> {
    Commit(Oid),
    Lines(&'a OsStr, u64, u64),
    File(&'a OsStr),
}

/// A look-up that was begun before it was known for certain what is asked.
pub struct Begun {
    target: OsString,
    dir: PathBuf,
    blaming: Blaming,
}

impl Begun {
    /// Begins to look for what the arguments of the program ask for, if it looks like a file or lines of one: to read
    /// them, and to open the repository, takes as long as git takes to begin. If something else is meant, that is for nothing.
    pub fn early(environment: &Environment, args: &[OsString]) -> Option<Begun> {
        let [_, command, words @ ..] = args else { return None };
        let mut given = words.iter().filter(|word| !word.as_bytes().starts_with(b"-"));
        let (Some(target), None) = (given.next(), given.next()) else { return None };
        let dir = environment.current_dir.clone();
        let blaming = (command == "why").then(|| begin(environment, &dir, target))??;
        Some(Begun { target: target.clone(), dir, blaming })
    }
}

/// Begins to look for what is probably meant, before the repository is opened.
fn begin(environment: &Environment, dir: &Path, target: &OsStr) -> Option<Blaming> {
    let places = [
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_COMMON_DIR",
        "GIT_INDEX_FILE",
        "GIT_ATTR_SOURCE",
        "GIT_REPLACE_REF_BASE",
    ];
    if places.iter().any(|name| environment.has(name)) {
        return None;
    }
    let is_file = |path: &OsStr| dir.join(path).symlink_metadata().is_ok_and(|it| !it.is_dir());
    if is_file(target) {
        return Some(Blaming::begin(dir, target, None, None));
    }
    let (path, first, last) = with_lines(target)?;
    let is_meant = is_file(path) && first > 0 && last >= first;
    is_meant.then(|| Blaming::begin(dir, path, Some((first, last)), attributes(environment)))
}

/// Returns where the user's attributes stand by default. Source: gitattributes(5).
fn attributes(environment: &Environment) -> Option<PathBuf> {
    let of_home = || Some(PathBuf::from(environment.get("HOME")?).join(".config"));
    let config = environment.get("XDG_CONFIG_HOME").map(PathBuf::from).or_else(of_home)?;
    Some(config.join("git/attributes"))
}

impl Why {
    /// Does it.
    pub fn run(self, app: &App) -> Result<(), CliError> {
        check_fields::<json::WhyObject>(&self.json.fields())?;
        let early = self.early(app);
        let store = app.store()?;
        let blame = |path: &OsStr, range| match early.filter(|_| store.work_dir().is_some()) {
            Some(blaming) => blaming,
            None => store.begin_blame(&app.dir(), path, range),
        };
        let depth = if self.messages { Depth::Messages } else { Depth::Moment };
        match self.target(app)? {
            Target::Commit(commit_oid) => {
                self.answer(app, &[Question::new(store, depth).commit(commit_oid)])
            }
            Target::Lines(path, first, last) => {
                let blaming = blame(path, Some((first, last)));
                let lines = Question::new(store, depth).lines(blaming)?;
                self.answer(app, &lines.groups)
            }
            Target::File(path) => {
                let depth = if self.json.is_wanted() { depth } else { Depth::Sessions };
                let lines = Question::new(store, depth).lines(blame(path, None))?;
                self.answer_file(app, &lines)
            }
        }
    }

    /// Returns the look-up that was begun before the command was read, if it is the one that is asked for; else begins
    /// one.
    fn early(&self, app: &App) -> Option<Blaming> {
        let dir = app.dir();
        match app.begun.take() {
            Some(begun) if begun.target == self.target && begun.dir == dir => Some(begun.blaming),
            _ => begin(&app.environment, &dir, &self.target),
        }
    }

    /// Finds out what is meant. What is there under the whole name is meant before a line of it.
    fn target(&self, app: &App) -> Result<Target<'_>, CliError> {
        let store = app.store()?;
        // Without a work tree, a file is one of HEAD's commit; without that there is none.
        let is_bare = store.work_dir().is_none();
        let has_files = !is_bare || store.head()?.commit.is_some();
        let is_file = |path: &OsStr| {
            let place = Path::new(path);
            has_files && (is_bare || app.dir().join(place).symlink_metadata().is_ok())
        };
        let given = self.target.as_os_str();
        let commit = given.to_str().and_then(|revision| store.find_commit(revision));
        let is_here = !is_bare && is_file(given);
        let shown = given.to_string_lossy();
        match (commit, is_here) {
            (Some(_), true) => Err(CliError::Usage(format!(
                "'{shown}' is both a commit and a file; say ./{shown} for the file, or the commit's id"
            ))),
            (Some(commit_oid), false) => Ok(Target::Commit(commit_oid)),
            (None, true) => self.file(app, given),
            (None, false) => match with_lines(given) {
                Some((path, first, last)) if is_file(path) => {
                    if first == 0 || last < first {
                        let reason = format!("'{shown}' names no lines");
                        return Err(OpError::invalid("line", reason).into());
                    }
                    Ok(Target::Lines(path, first, last))
                }
                _ if is_bare && has_files => Ok(Target::File(given)),
                _ => {
                    let reason = format!("'{shown}' is neither a commit nor a file");
                    Err(OpError::invalid("commit-or-path", reason).into())
                }
            },
        }
    }

    fn file<'a>(&self, app: &App, path: &'a OsStr) -> Result<Target<'a>, CliError> {
        if app.dir().join(Path::new(path)).is_dir() {
            let reason = format!("'{}' is a directory", path.to_string_lossy());
            return Err(OpError::invalid("commit-or-path", reason).into());
        }
        Ok(Target::File(path))
    }

    fn answer(&self, app: &App, groups: &[Group]) -> Result<(), CliError> {
        let has_answer = groups.iter().any(|group| group.answer == Answer::Found);
        if self.json.is_wanted() {
            return self.answer_json(app, groups, has_answer);
        }
        app.page();
        let style = output::style(app);
        app.answer(|out| text::groups(out, groups, &style))?;
        if has_answer { Ok(()) } else { Err(refused(groups, json!({}))) }
    }

    fn answer_file(&self, app: &App, lines: &Lines) -> Result<(), CliError> {
        let has_answer = lines.groups.iter().any(|it| !it.sessions.is_empty());
        if self.json.is_wanted() || lines.lines.is_empty() {
            return self.answer(app, &lines.groups);
        }
        app.page();
        let style = output::style(app);
        app.answer(|out| text::lines(out, lines, &style))?;
        if has_answer { Ok(()) } else { Err(refused(&lines.groups, json!({}))) }
    }

    fn answer_json(&self, app: &App, groups: &[Group], has_answer: bool) -> Result<(), CliError> {
        let fields = self.json.fields();
        let object = |group| Value::Object(json::select(json::to_map(&json::why(group)), &fields));
        let document = json!({ "commits": groups.iter().map(object).collect::<Vec<_>>() });
        if has_answer { app.answer_json(&document) } else { Err(refused(groups, document)) }
    }
}

fn refused(groups: &[Group], details: Value) -> CliError {
    let code = groups.first().map_or("not_committed", |group| group.answer.as_str());
    let session = groups.first().and_then(|group| group.sessions.first());
    let session_id = session.map(|told| told.claim.session_id);
    let message = text::refusal(groups);
    CliError::NoAnswer(Box::new(NoAnswer { code, session_id, message, details }))
}

/// Splits `path:3` and `path:3-9`.
fn with_lines(given: &OsStr) -> Option<(&OsStr, u64, u64)> {
    let bytes = given.as_bytes();
    let colon = bytes.iter().rposition(|byte| *byte == b':').filter(|at| *at > 0)?;
    let range = std::str::from_utf8(&bytes[colon + 1..]).ok()?;
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    let number = |text: &str| {
        let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if is_plain { text.parse().ok() } else { None }
    };
    Some((OsStr::from_bytes(&bytes[..colon]), number(first)?, number(last)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stand_behind_the_last_colon() {
        let split = |text: &'static str| {
            let (path, first, last) = with_lines(OsStr::new(text))?;
            Some((path.to_str().expect("UTF-8"), first, last))
        };
        assert_eq!(split("a:3"), Some(("a", 3, 3)));
        assert_eq!(split("a:b:3-9"), Some(("a:b", 3, 9)));
        for text in ["a", ":3", "a:", "a:x", "a:3-", "a:-3", "a:+3", "a:3-4-5", "HEAD:a"] {
            assert_eq!(split(text), None, "{text}");
        }
    }
}
