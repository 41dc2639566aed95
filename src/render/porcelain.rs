//! `--porcelain`, version 1: the list of sessions for scripts.
//!
//! A line is `<label> SP <value>`; a record is some lines and an empty one, as in `git worktree list
//! --porcelain`. Labels come in this order; those in brackets may be missing:
//!
//! ```text
//! session <id>
//! handle <handle>
//! status <state>
//! class pending | active | paused | ended
//! [outcome success | failure | interrupted]
//! lifecycle <name>
//! [name <name>]
//! title <title>
//! [branch refs/heads/<branch>]
//! created <seconds since 1970>
//! updated <seconds since 1970>
//! [current]
//! tip <full commit id>
//! ```
//!
//! `current` has no value, and `title` may have an empty one. A value with a control character, a
//! line separator, a double quote or a backslash is put in double quotes and escaped as git quotes
//! paths with `core.quotePath=false`: `\a \b \t \n \v \f \r \" \\`, and three octal digits for every
//! byte of another such character. With `-z` nothing is quoted, lines end in NUL instead of a line
//! feed, and so a record ends in two; a NUL within a value, which no proper record has, becomes
//! U+FFFD.
//!
//! Labels are added in later versions of the program, never renamed, moved or removed: skip those
//! that are unknown.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};

use crate::model::SessionId;
use crate::ops::list::{Listed, Listing};

/// Writes the sessions of a list in porcelain format; with `nul`, lines end in NUL.
///
/// # Errors
/// Those of `out`.
pub fn porcelain(
    out: &mut dyn Write,
    listing: &Listing,
    current: Option<SessionId>,
    nul: bool,
) -> io::Result<()> {
    listing.sessions.iter().try_for_each(|listed| {
        for (label, value) in lines(listed, current == Some(listed.excerpt.id)) {
            write_line(out, label, value.as_deref(), nul)?;
        }
        out.write_all(line_end(nul))
    })
}

/// Returns the labels of a record with their values.
fn lines(listed: &Listed, is_current: bool) -> Vec<(&'static str, Option<String>)> {
    let excerpt = &listed.excerpt;
    let branch = excerpt.branch.as_ref().map(|branch| format!("refs/heads/{branch}"));
    let outcome = excerpt.outcome.map(|outcome| outcome.to_string());
    let mut lines = vec![
        ("session", Some(excerpt.id.to_string())),
        ("handle", Some(excerpt.id.handle().to_string())),
        ("status", Some(excerpt.status.clone())),
        ("class", Some(excerpt.class.to_string())),
        ("outcome", outcome),
        ("lifecycle", Some(excerpt.lifecycle.clone())),
        ("name", excerpt.name.clone()),
        ("title", Some(excerpt.title.clone())),
        ("branch", branch),
        ("created", Some(excerpt.created_at.seconds().to_string())),
        ("updated", Some(excerpt.updated_at.seconds().to_string())),
    ];
    lines.retain(|(_, value)| value.is_some());
    lines.extend(is_current.then_some(("current", None)));
    lines.push(("tip", Some(listed.tip.to_string())));
    lines
}

fn write_line(out: &mut dyn Write, label: &str, value: Option<&str>, nul: bool) -> io::Result<()> {
    out.write_all(label.as_bytes())?;
    if let Some(value) = value {
        let value = if nul { without_nul(value) } else { quoted(value) };
        write!(out, " {value}")?;
    }
    out.write_all(line_end(nul))
}

fn line_end(nul: bool) -> &'static [u8] {
    if nul { b"\0" } else { b"\n" }
}

fn without_nul(value: &str) -> Cow<'_, str> {
    match value.contains('\0') {
        true => Cow::Owned(value.replace('\0', "\u{fffd}")),
        false => Cow::Borrowed(value),
    }
}

/// Returns `value` in double quotes if it cannot stand on a line as it is.
///
/// Source: git, `quote.c`, `quote_c_style`.
fn quoted(value: &str) -> Cow<'_, str> {
    let is_special = |c: char| c.is_control() || matches!(c, '"' | '\\' | '\u{2028}' | '\u{2029}');
    if !value.contains(is_special) {
        return Cow::Borrowed(value);
    }
    let mut quoted = String::from('"');
    for c in value.chars() {
        match is_special(c) {
            true => push_escaped(&mut quoted, c),
            false => quoted.push(c),
        }
    }
    quoted.push('"');
    Cow::Owned(quoted)
}

fn push_escaped(quoted: &mut String, c: char) {
    let letter = match c {
        '\x07' => 'a',
        '\x08' => 'b',
        '\t' => 't',
        '\n' => 'n',
        '\x0b' => 'v',
        '\x0c' => 'f',
        '\r' => 'r',
        '"' | '\\' => c,
        _ => {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                // Writing to a string does not fail.
                let _ = write!(quoted, "\\{byte:03o}");
            }
            return;
        }
    };
    quoted.extend(['\\', letter]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{Outcome, Session};
    use crate::render::fixture::{self, id, listing, written};

    fn two() -> Listing {
        let first =
            Session { name: Some("fix-auth".into()), ..fixture::session("worker", "running") };
        let second = Session {
            id: id(5),
            title: String::new(),
            branch: None,
            outcome: Some(Outcome::Failure),
            ..fixture::session("feature", "failed")
        };
        listing([first, second].iter().map(fixture::listed).collect())
    }

    fn shown(listing: &Listing, nul: bool) -> String {
        written(|out| porcelain(out, listing, Some(id(4)), nul))
    }

    #[test]
    fn a_record_is_labelled_lines_and_an_empty_one() {
        assert_eq!(
            shown(&two(), false),
            "session 0199f0c2-1c4d-7abc-8def-0123456789af
handle vutsrqpk
status running
class active
lifecycle worker
name fix-auth
title Add user authentication
branch refs/heads/feat/auth
created 1767780000
updated 1767790080
current
tip 8a8a8a8a8a8a8a8a8a8a8a8a8a8a8a8a8a8a8a8a

session 0199f0c2-1c4d-7abc-8def-0123556789af
handle uutsrqpk
status failed
class ended
outcome failure
lifecycle feature
title 
created 1767780000
updated 1767790080
tip 8a8a8a8a8a8a8a8a8a8a8a8a8a8a8a8a8a8a8a8a

"
        );
    }

    #[test]
    fn with_nul_a_line_ends_in_one_and_a_record_in_two() {
        let expected = shown(&two(), false).replace('\n', "\0");
        assert_eq!(shown(&two(), true), expected);
        let mut listing = two();
        listing.sessions[0].excerpt.title = "a\n\"b\"\0".into();
        assert!(shown(&listing, true).contains("\0title a\n\"b\"\u{fffd}\0branch "));
    }

    /// The first three are answers of git 2.47 for the reason of a locked work tree.
    #[test]
    fn a_value_that_would_break_the_line_is_quoted_as_git_does() {
        for (value, written) in [
            ("a\tb\"c\\d\x01\x7fé", r#""a\tb\"c\\d\001\177é""#),
            ("say \"hi\"", r#""say \"hi\"""#),
            ("实现 plain", "实现 plain"),
            ("a\r\nb\x07\x08\x0b\x0c", r#""a\r\nb\a\b\v\f""#),
            ("\u{85}\u{2028}\x1b", r#""\302\205\342\200\250\033""#),
        ] {
            assert_eq!(quoted(value), written);
        }
    }

    proptest! {
        #[test]
        fn any_title_stays_on_its_line(title in any::<String>()) {
            let mut listing = two();
            listing.sessions[0].excerpt.title = title;
            let lines = shown(&listing, false);
            prop_assert_eq!(lines.matches('\n').count(), 24);
            prop_assert!(!lines.chars().any(|c| c.is_control() && c != '\n'));
            prop_assert_eq!(shown(&listing, true).matches('\0').count(), 24);
        }
    }
}
