use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;

use clap::Args;

use crate::cli::CliError;
use crate::cli::app::App;
use crate::cli::options::When;
use crate::model::Class;
use crate::ops::checkpoint::{self, Point};
use crate::ops::load;

/// Show what a session changed, by "git diff"
///
/// <checkpoint> is a number, "last" for the newest, or "start" for where the session began. One alone is
/// compared with the work tree, and <a>..<b> are compared with each other; what is left out before ".." is
/// "start", after it "last". Without any, where the session began is compared with the work tree, or once
/// the session has ended with its newest checkpoint.
///
/// The work tree is taken as "git session checkpoint" takes it, files that git does not track included.
/// What follows, options and paths, is git diff(1)'s.
#[derive(Debug, Args)]
#[command(
    override_usage = "git session diff [<session>] [<checkpoint>[..<checkpoint>]] [<git diff options>] \
    [-- <path>...]"
)]
#[command(after_help = "Examples:\n  git session diff --stat\n  git session diff 1..2 -- src\n  \
    git session diff last")]
pub struct Diff {
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
    rest: Vec<OsString>,
}

impl Diff {
    /// Does it.
    pub fn run(self, app: &App) -> Result<(), CliError> {
        let words = Words::of(self.words)?;
        let session_id = app.resolve(words.session.as_deref())?;
        let store = app.store()?;
        let view = load::load(store, session_id)?.view;
        let is_over = view.class == Class::Ended || store.work_dir().is_none();
        let to = is_over.then_some(Point::Newest);
        let Range(from, to) = words.range.unwrap_or(Range(Point::Start, to));
        let from = from.tree(store, &view)?;
        let before = before_command(app);
        let rest = [after_command(app), words.rest].concat();
        let status = match to {
            Some(to) => {
                store.show_diff(&app.dir(), &before, [from, to.tree(store, &view)?], &rest)?
            }
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

impl Words {
    fn of(words: Vec<OsString>) -> Result<Words, CliError> {
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
        Ok(Words { session, range, rest: rest.collect() })
    }
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
    }
}
