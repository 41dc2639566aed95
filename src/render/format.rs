//! `--format`: the fields of a session in the caller's own arrangement.
//!
//! The language is that of `git for-each-ref --format`: `%(field)` is replaced, `%%` is a percent
//! sign, `%xx` the byte with these two hex digits (`%0a` a line feed, `%00` a NUL), and all else
//! stands for itself. A field is a key of the session object, as `--json` gives it; a dot leads into
//! a map: `%(git.branch)`, `%(links.issue)`, `%(statistics.total_tasks)`. What is unset is empty;
//! the items of a list are joined by commas, and a map is compact JSON.
//!
//! Times take `:relative`, `:short`, `:iso`, `:iso-strict`, `:unix` and `:raw`, all in UTC; object
//! ids take `:short`, and `%(id:short)` is the handle. Values are printed as they are: the output is
//! for machines.

mod field;
mod parse;

use std::io::{self, Write};

use crate::model::{Map, Outcome, Timestamp, Value};
use crate::ops::OpError;
use crate::ops::list::Listed;
use crate::store::RefNames;

use field::Field;

/// A format that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Format {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Bytes(Vec<u8>),
    Field(Field),
}

impl Format {
    /// Reads a format.
    ///
    /// # Errors
    /// [`OpError::UnknownField`] for a field that the session object does not have,
    /// [`OpError::InvalidValue`] for all else that cannot be read.
    pub fn parse(text: &str) -> Result<Format, OpError> {
        Ok(Format { parts: parse::parts(text)? })
    }

    /// Writes the session object `map` in this format, without a line end.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, out: &mut dyn Write, map: &Map, now: Timestamp) -> io::Result<()> {
        self.parts.iter().try_for_each(|part| match part {
            Part::Bytes(bytes) => out.write_all(bytes),
            Part::Field(field) => out.write_all(field.text(map, now).as_bytes()),
        })
    }

    /// Returns the keys of the session object that the format needs, each once, in the order in
    /// which it first needs them.
    pub fn fields(&self) -> Vec<&str> {
        let mut keys = Vec::new();
        for part in &self.parts {
            if let Part::Field(field) = part
                && !keys.contains(&field.key())
            {
                keys.push(field.key());
            }
        }
        keys
    }

    /// Tells whether the format needs more than [`excerpt_map`] has.
    pub fn needs_record(&self) -> bool {
        needs_record(&self.fields())
    }
}

/// Tells whether some keys of the session object are more than [`excerpt_map`] has.
pub fn needs_record<T: AsRef<str>>(keys: &[T]) -> bool {
    keys.iter().any(|key| !EXCERPT_KEYS.contains(&key.as_ref()))
}

/// The keys of the session object that are known without the record.
///
/// `branch` is none of them: where it is unset, a list has the branch of the beginning instead.
const EXCERPT_KEYS: [&str; 13] = [
    "id",
    "handle",
    "name",
    "title",
    "lifecycle",
    "status",
    "class",
    "outcome",
    "created_at",
    "updated_at",
    "ref",
    "tip",
    "seq",
];

/// Returns what a list knows of a session without its record, as a part of the session object; `refs` are those by which
/// sessions are read.
pub fn excerpt_map(listed: &Listed, refs: &RefNames) -> Map {
    let excerpt = &listed.excerpt;
    let values: [Value; EXCERPT_KEYS.len()] = [
        excerpt.id.to_string().into(),
        excerpt.id.handle().as_str().into(),
        excerpt.name.clone().into(),
        excerpt.title.as_str().into(),
        excerpt.lifecycle.as_str().into(),
        excerpt.status.as_str().into(),
        excerpt.class.as_str().into(),
        excerpt.outcome.map(Outcome::as_str).into(),
        excerpt.created_at.to_string().into(),
        excerpt.updated_at.to_string().into(),
        refs.of(excerpt.id).into(),
        listed.tip.to_string().into(),
        excerpt.seq.into(),
    ];
    EXCERPT_KEYS.map(str::to_owned).into_iter().zip(values).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;
    use crate::model::Session;
    use crate::render::fixture::{self, ago, now};
    use crate::render::json;

    fn object() -> Map {
        let map = |value: &str| -> Map {
            value.parse::<Value>().ok().and_then(|it| it.as_object().cloned()).unwrap_or_default()
        };
        let session = Session {
            labels: vec!["auth".into(), "a b".into()],
            links: map(
                r#"{"issue":"FEAT-0098","prd":{"filename":"a.md","version":2},"a.b":"dotted"}"#,
            ),
            statistics: map(r#"{"total_tasks":10}"#),
            created_at: ago(180),
            ..fixture::session("feature", "implementing")
        };
        json::to_map(&json::session(&fixture::view(session), Path::new("/w"), String::new()))
    }

    fn written(format: &str) -> String {
        let format = Format::parse(format).expect("a format");
        fixture::written(|out| format.write(out, &object(), now()))
    }

    #[test]
    fn fields_are_replaced_and_all_else_stands_for_itself() {
        for (format, text) in [
            ("", ""),
            ("%(handle) %(status): %(title)", "vutsrqpk implementing: Add user authentication"),
            ("100%% 实现 %41%0a%09|", "100% 实现 A\n\t|"),
            ("[%(name)|%(ended_at)|%(worker)|%(worker.pid)]", "[|||]"),
            ("%(labels) %(seq) %(git.is_worktree)", "auth,a b 3 false"),
            ("%(tokens.total) %(git.repo_root)", "0 /w"),
        ] {
            assert_eq!(written(format), text, "{format}");
        }
    }

    #[test]
    fn a_dot_leads_into_a_map_and_what_is_not_there_is_empty() {
        for (format, text) in [
            ("%(links.issue)", "FEAT-0098"),
            ("%(links.prd)", r#"{"filename":"a.md","version":2}"#),
            ("%(links.prd.version)", "2"),
            ("%(links.a.b)", "dotted"),
            ("%(statistics.total_tasks)/%(statistics.nothing)", "10/"),
            ("%(links.issue.deeper)", ""),
        ] {
            assert_eq!(written(format), text, "{format}");
        }
    }

    #[test]
    fn times_and_ids_are_shown_as_their_modifiers_say() {
        for (format, text) in [
            ("%(created_at)", "2026-01-07T10:00:00.000000Z"),
            ("%(created_at:relative)", "3 hours ago"),
            ("%(created_at:short)", "2026-01-07"),
            ("%(created_at:iso)", "2026-01-07 10:00:00 +0000"),
            ("%(created_at:iso-strict)", "2026-01-07T10:00:00Z"),
            ("%(created_at:unix)", "1767780000"),
            ("%(created_at:raw)", "1767780000 +0000"),
            ("%(ended_at:relative)", ""),
            ("%(tip:short) %(id:short)", "8a8a8a8 vutsrqpk"),
            ("[%(git.commit:short)%(parent:short)]", "[]"),
        ] {
            assert_eq!(written(format), text, "{format}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_written_as_they_are() {
        let format = Format::parse("%00%ff%Ea").expect("a format");
        let mut out = Vec::new();
        format.write(&mut out, &Map::new(), now()).expect("a vector takes everything");
        assert_eq!(out, [0, 0xff, 0xea]);
    }

    #[test]
    fn the_needed_keys_are_named_once_and_tell_whether_the_record_is_needed() {
        let format = Format::parse("%(git.branch) %(title) %(git.commit)").expect("a format");
        assert_eq!(format.fields(), ["git", "title"]);
        assert!(format.needs_record());
        let format = Format::parse("%(handle) %(updated_at:relative)").expect("a format");
        assert!(!format.needs_record());
        assert!(Format::parse("%(branch)").expect("a format").needs_record());
    }

    #[test]
    fn an_excerpt_says_the_same_as_the_whole_object() {
        let session = fixture::session("feature", "implementing");
        let refs = RefNames::default();
        let ref_name = refs.of(session.id);
        let view = fixture::view(session.clone());
        let whole = json::to_map(&json::session(&view, Path::new("/w"), ref_name));
        for (key, value) in excerpt_map(&fixture::listed(&session), &refs) {
            assert_eq!(whole.get(&key), Some(&value), "{key}");
        }
    }

    proptest! {
        #[test]
        fn no_format_makes_the_program_panic(text in "[%()a-f0-9.:é实 ]{0,20}|.*") {
            if let Ok(format) = Format::parse(&text) {
                format.write(&mut Vec::new(), &object(), now()).expect("a vector takes everything");
            }
        }
    }
}
