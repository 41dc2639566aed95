use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;

use clap::Args;

use crate::cli::CliError;
use crate::cli::app::App;
use crate::cli::options::When;
use crate::model::{Class, Oid};
use crate::ops::checkpoint::{self, Point};
use crate::ops::load::{self, Loaded, View};
use crate::ops::turn;
use crate::store::Store;

/// Show what a session changed, by "git diff"
///
/// <checkpoint> is a number, "last" for the newest, or "start" for where the session began. One alone is
/// compared with the work tree, and <a>..<b> are compared with each other; what is left out before ".." is
/// "start", after it "last". Without any, where the session began is compared with the work tree, or once
/// the session has ended with its newest checkpoint.
///
/// With --message it is what changed in the turn of a message, until the next request: the newest checkpoint before
/// the request is compared with the newest one before the next request, or after the last request with the work
/// tree. Agents' hooks take a checkpoint at the end of each turn that changed something. The numbers of the messages
/// are those of "git session show --messages".
///
/// The work tree is taken as "git session checkpoint" takes it, files that git does not track included.
/// What follows, options and paths, is git diff(1)'s.
#[derive(Debug, Args)]
#[command(
    override_usage = "git session diff [<session>] [<checkpoint>[..<checkpoint>]] [<git diff options>] \
    [-- <path>...]\n       git session diff [<session>] --message <n> [<git diff options>] [-- <path>...]"
)]
#[command(after_help = "Examples:\n  git session diff --stat\n  git session diff 1..2 -- src\n  \
    git session diff last\n  git session diff --message 3")]
pub struct Diff {
    /// What changed in the turn of this message
    #[arg(long, value_name = "n")]
    message: Option<u64>,
    /// The session (default: the current one), what to compare, and options and paths of git diff
    #[arg(value_name = "word", trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<OsString>,
}

/// What is compared: a place with another, or with the work tree if there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range(Point, Option<Point>);

/// The words of the command line, as they are meant.
#[derive(Debug, PartialEq, Eq)]
struct Words {
    session: Option<String>,
    range: Option<Range>,
    message: Option<u64>,
    rest: Vec<OsString>,
}

impl Diff {
    /// Does it.
    pub fn run(self, app: &App) -> Result<(), CliError> {
        let words = Words::of(self.words)?;
        let session_id = app.resolve(words.session.as_deref())?;
        let store = app.store()?;
        let loaded = load::load(store, session_id)?;
        let (from, to) = match (self.message.or(words.message), words.range) {
            (Some(_), Some(_)) => {
                let text = "--message and a checkpoint cannot be used together";
                return Err(CliError::Usage(text.to_owned()));
            }
            (Some(message), None) => turn(app, store, &loaded, message)?,
            (None, range) => points(store, &loaded.view, range)?,
        };
        let before = before_command(app);
        let rest = [after_command(app), words.rest].concat();
        let status = match to {
            Some(to) => store.show_diff(&app.dir(), &before, [from, to], &rest)?,
            None => {
                let (copy, _) = checkpoint::present(store, &app.context()?)?;
                copy.show_diff(&app.dir(), &before, [from, copy.tree_oid], &rest)?
            }
        };
        let of_signal = || status.signal().map_or(1, |signal| 128 + signal);
        match u8::try_from(status.code().unwrap_or_else(of_signal)).unwrap_or(1) {
            0 => Ok(()),
            status => Err(CliError::Status(status)),
        }
    }
}

/// Returns the trees of a range; the second is `None` for the work tree.
fn points(
    store: &Store,
    view: &View,
    range: Option<Range>,
) -> Result<(Oid, Option<Oid>), CliError> {
    let to = is_over(store, view).then_some(Point::Newest);
    let Range(from, to) = range.unwrap_or(Range(Point::Start, to));
    Ok((from.tree(store, view)?, to.map(|to| to.tree(store, view)).transpose()?))
}

/// Returns the trees before and after the turn of a message; the second is `None` for the work tree.
fn turn(
    app: &App,
    store: &Store,
    loaded: &Loaded,
    message: u64,
) -> Result<(Oid, Option<Oid>), CliError> {
    let change = turn::change(store, loaded, message, is_over(store, &loaded.view))?;
    if let Some(other) = change.with {
        app.narrate(&format!(
            "warning: no checkpoint was taken in the turn of message {other}; what it changed is shown, too"
        ));
    }
    Ok((change.from, change.to))
}

/// Tells whether the newest checkpoint is what came of a session, and not the work tree.
fn is_over(store: &Store, view: &View) -> bool {
    view.class == Class::Ended || store.work_dir().is_none()
}

impl Words {
    fn of(words: Vec<OsString>) -> Result<Words, CliError> {
        let (message, words) = without_message(words)?;
        let mut rest = words.into_iter().peekable();
        let mut next = || {
            let is_word = |word: &OsString| word == "-" || !word.to_string_lossy().starts_with('-');
            Some(rest.next_if(is_word)?.to_string_lossy().into_owned())
        };
        let (mut session, mut range) = (None, None);
        if let Some(first) = next() {
            range = Range::parse(&first);
            session = range.is_none().then_some(first);
        }
        if session.is_some()
            && let Some(second) = next()
        {
            let refuse = || CliError::Usage(format!("'{second}' is no checkpoint"));
            range = Some(Range::parse(&second).ok_or_else(refuse)?);
        }
        Ok(Words { session, range, message, rest: rest.collect() })
    }
}

/// Takes `--message <n>` out of the words before paths: behind a session it is not read as ours.
fn without_message(words: Vec<OsString>) -> Result<(Option<u64>, Vec<OsString>), CliError> {
    let (mut message, mut rest, mut words) = (None, Vec::new(), words.into_iter());
    while let Some(word) = words.next() {
        let text = word.to_string_lossy();
        let value = match text.strip_prefix("--message") {
            Some("") => words.next().map(|it| it.to_string_lossy().into_owned()),
            Some(value) if value.starts_with('=') => Some(value[1..].to_owned()),
            _ => {
                let is_end = word == "--";
                rest.push(word);
                if is_end {
                    rest.extend(words.by_ref());
                }
                continue;
            }
        };
        let refuse = || CliError::Usage("--message needs the number of a message".to_owned());
        message = Some(value.and_then(|it| it.parse().ok()).ok_or_else(refuse)?);
    }
    Ok((message, rest))
}

impl Range {
    fn parse(text: &str) -> Option<Range> {
        let Some((from, to)) = text.split_once("..") else {
            return Some(Range(Point::parse(text)?, None));
        };
        let or = |text: &str, default| {
            if text.is_empty() { Some(default) } else { Point::parse(text) }
        };
        Some(Range(or(from, Point::Start)?, Some(or(to, Point::Newest)?)))
    }
}

/// Returns what git itself is told.
fn before_command(app: &App) -> Vec<String> {
    let is_plain = app.global.no_pager || app.environment.agent().is_some();
    Vec::from_iter(is_plain.then(|| "--no-pager".to_owned()))
}

/// Returns what `git diff` is told that was said to us.
fn after_command(app: &App) -> Vec<OsString> {
    let color = match app.global.color {
        Some(When::Always) => Some("--color=always"),
        Some(When::Auto) => Some("--color=auto"),
        Some(When::Never) => Some("--color=never"),
        None => app.environment.agent().is_some().then_some("--color=never"),
    };
    let quiet = app.global.quiet.then_some("--quiet");
    color.into_iter().chain(quiet).map(OsString::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_words_say_what_is_compared_and_the_rest_is_gits() {
        let read = |text: &str| Words::of(text.split_whitespace().map(OsString::from).collect());
        let words = |session: Option<&str>, range, rest: &[&str]| Words {
            session: session.map(str::to_owned),
            range,
            message: None,
            rest: rest.iter().map(OsString::from).collect(),
        };
        let n = Point::Number;
        for (text, expected) in [
            ("", words(None, None, &[])),
            ("2", words(None, Some(Range(n(2), None)), &[])),
            ("1..2 --stat", words(None, Some(Range(n(1), Some(n(2)))), &["--stat"])),
            ("..2", words(None, Some(Range(Point::Start, Some(n(2)))), &[])),
            ("2..", words(None, Some(Range(n(2), Some(Point::Newest))), &[])),
            ("abc last -- 7", words(Some("abc"), Some(Range(Point::Newest, None)), &["--", "7"])),
            ("--stat 2", words(None, None, &["--stat", "2"])),
        ] {
            assert_eq!(read(text).ok(), Some(expected), "{text}");
        }
        assert!(read("abc def").is_err());
        for text in ["abc --message 7 --stat -- --message", "abc --stat --message=7 -- --message"] {
            let rest = ["--stat", "--", "--message"];
            let expected = Words { message: Some(7), ..words(Some("abc"), None, &rest) };
            assert_eq!(read(text).ok(), Some(expected), "{text}");
        }
        for text in ["abc --message", "--message x", "--message=", "--message -- 7"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
