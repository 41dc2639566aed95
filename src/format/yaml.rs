//! The one place that reads and writes YAML: bounded on hostile input, block style on output.

use serde::de::DeserializeOwned;
use serde_yaml::NonFiniteFloatPolicy;
use serde_yaml::granit_parser;
use serde_yaml::options::{DuplicateKeyPolicy, MergeKeyPolicy};

use crate::model::{Map, Value};

/// How deep a document may nest.
const MAX_DEPTH: usize = 32;
/// How many values a document may have.
const MAX_NODES: usize = 20_000;

/// Why a text is not YAML that we read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{reason}", line.map(|line| format!("line {line}: ")).unwrap_or_default())]
pub struct YamlError {
    /// The line, counted from 1, where it is known.
    pub line: Option<u64>,
    /// What is wrong there, on one line.
    pub reason: String,
}

/// Reads one document without anchors, aliases, merge keys and foreign tags. The caller has checked
/// the size.
///
/// # Errors
/// [`YamlError`], in bounded time and memory.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, YamlError> {
    if bytes.contains(&b'!') {
        refuse_tags(bytes)?;
    }
    serde_yaml::from_slice_with_options(bytes, options()).map_err(|error| to_error(&error))
}

/// Reads one document that is a map.
///
/// # Errors
/// [`YamlError`].
pub fn parse_map(bytes: &[u8]) -> Result<Map, YamlError> {
    match parse(bytes)? {
        Value::Object(map) => Ok(map),
        _ => Err(YamlError { line: Some(1), reason: "the document is not a map".into() }),
    }
}

/// Writes a map in block style, one key a line, with a final newline.
pub fn write_map(map: &Map) -> String {
    let style = serde_yaml::ser_options! {
        indent_step: 2,
        compact_list_indent: false,
        folded_wrap_chars: usize::MAX,
    };
    serde_yaml::to_string_with_options(map, style).expect("a JSON map has nothing YAML has not")
}

/// Refuses tags of any kind, also the ones that the reader would understand, such as `!!binary`.
fn refuse_tags(bytes: &[u8]) -> Result<(), YamlError> {
    let text = std::str::from_utf8(bytes)
        .map_err(|_| YamlError { line: None, reason: "the document is not UTF-8 text".into() })?;
    let options = granit_parser::options! {
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    // What cannot be parsed is refused in its own words by the reader.
    let events = granit_parser::Parser::new_from_str_with_options(text, options);
    for (event, span) in events.map_while(Result::ok) {
        if event.tag().is_some() {
            let line = Some(span.start.line() as u64);
            return Err(YamlError { line, reason: "a tag is not allowed".into() });
        }
    }
    Ok(())
}

fn options() -> serde_yaml::Options {
    serde_yaml::options! {
        budget: serde_yaml::budget! {
            max_documents: 1,
            max_depth: MAX_DEPTH,
            flow_nesting_limit: MAX_DEPTH,
            max_nodes: MAX_NODES,
            max_events: 3 * MAX_NODES,
            max_aliases: 0,
            max_anchors: 0,
            max_merge_keys: 0,
            max_recorded_anchor_events: 0,
            max_recorded_anchor_bytes: 0,
            max_total_scalar_bytes: 1 << 20,
        },
        duplicate_keys: DuplicateKeyPolicy::Error,
        merge_keys: MergeKeyPolicy::Error,
        alias_limits: serde_yaml::alias_limits! {
            max_total_replayed_events: 0,
            max_replay_stack_depth: 0,
            max_alias_expansions_per_anchor: 0,
        },
        strict_booleans: true,
        legacy_octal_numbers: false,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        reject_unsupported_tags: true,
        non_finite_float_policy: NonFiniteFloatPolicy::Reject,
        with_snippet: false,
    }
}

fn to_error(error: &serde_yaml::Error) -> YamlError {
    let line = error.location().map(|at| at.line()).filter(|line| *line > 0);
    let text = error.to_string();
    let mut reason = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for prefix in ["error: ", "YAML error: "] {
        if let Some(rest) = reason.strip_prefix(prefix) {
            reason = rest.to_owned();
        }
    }
    YamlError { line, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(text: &str) -> YamlError {
        parse_map(text.as_bytes()).expect_err(text)
    }

    #[test]
    fn a_map_round_trips_with_its_order_and_reads_as_one_key_a_line() {
        let text = "z: 1\ntitle: \"no\"\nnested:\n  a: text\n  list:\n    - \"1_000\"\n    - b\n";
        let map = parse_map(text.as_bytes()).expect("valid");
        assert_eq!(write_map(&map), text);
    }

    #[test]
    fn what_yaml_1_1_readers_would_take_for_something_else_is_quoted() {
        for word in ["no", "on", "y", "12:30", "2026-01-01", "1_000", "010", "~", "null", ""] {
            let map: Map = [("k".to_owned(), Value::from(word))].into_iter().collect();
            assert_eq!(write_map(&map), format!("k: \"{word}\"\n"));
        }
    }

    #[test]
    fn anchors_aliases_merge_keys_tags_duplicates_and_second_documents_are_refused() {
        for text in [
            "a: &x 1\n",
            "a: *x\n",
            "a:\n  <<: {b: 1}\n",
            "a: !foo x\n",
            "a: !!binary aGVsbG8=\n",
            "a: !!str 1\n",
            "a: 1\na: 2\n",
            "a: 1\n---\nb: 2\n",
            "a: .nan\n",
            "a: .inf\n",
            "- a\n",
            "",
            "~\n",
        ] {
            reason(text);
        }
        assert_eq!(reason("a: 1\nb: 2\na: 3\n").line, Some(3));
    }

    #[test]
    fn nesting_and_alias_bombs_are_refused() {
        for part in ["[", "{", "- ", "? ", "a: ", "*", "!"] {
            let n = 64 * 1024 / part.len();
            reason(&part.repeat(n));
            reason(&format!("a: {}", part.repeat(n)));
        }
    }
}
