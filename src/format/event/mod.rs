//! An event of a conversation as one line of JSON. See `FORMAT.md`, "Events".
//!
//! Reading names every fault by its key; unknown keys and unknown kinds are kept. Writing puts the keys
//! in the one fixed order, and never a line break.

mod read;
mod write;

use std::collections::HashSet;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::fields::Invalid;
use crate::model::Map;
use crate::model::conversation::Event;

/// The version that is written.
pub const VERSION: u64 = 1;

/// Why a line is no event.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EventError {
    /// It is not JSON.
    #[error("not JSON: {reason} at column {column}")]
    Json {
        /// What is wrong.
        reason: String,
        /// Where, from 1; 0 if nobody knows.
        column: usize,
    },
    /// A key comes twice: what is kept would be a part of what was said.
    #[error("key '{0}' comes twice")]
    Twice(String),
    /// A field is missing or wrong.
    #[error(transparent)]
    Invalid(#[from] Invalid),
}

/// Reads an event from a line.
///
/// Required are `kind`, and of each kind: `message` `role` and `content`; `tool.call` `call` and `name`;
/// `tool.result` `call`; `usage` one of its counts; `compaction` `phase`; `state` `to`; `file` `path` and
/// `op`; `link` exactly one of `commit`, `pr`, `issue`, `prd`, `url`; `note` and `decision` `text`;
/// `error` `message`; `raw` and `skip` `reason`. A `content` may be a text in place of a list of pieces.
///
/// # Errors
/// [`EventError`], in time and memory proportional to the line.
pub fn parse(line: &[u8]) -> Result<Event, EventError> {
    Ok(read::event(parse_map(line)?)?)
}

/// Reads a line as an object, whatever it says.
///
/// # Errors
/// [`EventError::Json`].
pub fn parse_map(line: &[u8]) -> Result<Map, EventError> {
    serde_json::from_slice(line).map_err(|error| {
        let text = error.to_string();
        let reason = text.split(" at line ").next().unwrap_or_default().to_owned();
        EventError::Json { reason, column: error.column() }
    })
}

/// Reads a line as [`parse_map`] does, and refuses a key that comes twice.
///
/// # Errors
/// [`EventError::Json`] and [`EventError::Twice`].
pub fn parse_new_map(line: &[u8]) -> Result<Map, EventError> {
    let Keys(twice) = serde_json::from_slice(line).unwrap_or_default();
    let map = parse_map(line)?;
    twice.map_or(Ok(map), |key| Err(EventError::Twice(key)))
}

/// The first key of an object that comes a second time.
#[derive(Default)]
struct Keys(Option<String>);

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Keys, D::Error> {
        struct Look;
        impl<'de> Visitor<'de> for Look {
            type Value = Keys;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
                let (mut seen, mut twice) = (HashSet::new(), None);
                while let Some((key, _)) = map.next_entry::<String, IgnoredAny>()? {
                    if !seen.insert(key.clone()) {
                        twice = twice.or(Some(key));
                    }
                }
                Ok(Keys(twice))
            }
        }
        deserializer.deserialize_map(Look)
    }
}

/// Reads an event from an object.
///
/// # Errors
/// As for [`parse`].
pub fn from_map(map: Map) -> Result<Event, Invalid> {
    read::event(map)
}

/// Writes an event as an object.
pub fn to_map(event: &Event) -> Map {
    write::event(event)
}

/// Writes an event as one line, without a line break at its end.
pub fn to_line(event: &Event) -> String {
    serde_json::Value::Object(to_map(event)).to_string()
}

#[cfg(test)]
mod tests;
