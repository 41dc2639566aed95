//! Typed, strict taking of fields out of a map; what is left are the unknown ones.

use std::ops::RangeInclusive;
use std::str::FromStr;

use crate::model::{Map, Oid, SessionId, Timestamp, Value, text};

/// The longest text of several lines, in bytes.
const MAX_TEXT: usize = 32 * 1024;
/// The most entries of a list.
const MAX_LIST: usize = 10_000;

/// A field that is missing or wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("field '{key}' {reason}")]
pub struct Invalid {
    /// The field, with a dot before a nested one.
    pub key: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Invalid {
    /// Returns the error that `key` `reason` (as in "field 'x' is no y").
    pub fn new(key: &str, reason: &str) -> Invalid {
        Invalid { key: key.to_owned(), reason: reason.to_owned() }
    }

    /// Returns the error that `key` is not there.
    pub fn missing(key: &str) -> Invalid {
        Invalid::new(key, "is missing")
    }
}

/// A map whose fields are taken out one by one.
pub struct Fields {
    map: Map,
}

impl Fields {
    /// Begins to take fields out of `map`.
    pub fn new(map: Map) -> Fields {
        Fields { map }
    }

    /// Takes a field as it is.
    pub fn take(&mut self, key: &str) -> Option<Value> {
        self.map.shift_remove(key)
    }

    /// Returns the keys that are still there.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.map.keys().map(String::as_str)
    }

    /// Takes a field that must be there.
    pub fn required<T>(
        &mut self,
        key: &str,
        take: impl FnOnce(&mut Fields, &str) -> Result<Option<T>, Invalid>,
    ) -> Result<T, Invalid> {
        take(self, key)?.ok_or_else(|| Invalid::missing(key))
    }

    /// Takes a text that may have several lines but no other control characters than tabs.
    pub fn text(&mut self, key: &str) -> Result<Option<String>, Invalid> {
        let Some(text) = self.string(key)? else {
            return Ok(None);
        };
        if text.len() > MAX_TEXT {
            return Err(Invalid::new(key, &format!("is longer than {MAX_TEXT} bytes")));
        }
        if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
            return Err(Invalid::new(key, "has control characters"));
        }
        Ok(Some(text))
    }

    /// Takes a single line.
    pub fn line(&mut self, key: &str) -> Result<Option<String>, Invalid> {
        self.line_up_to(key, text::MAX_FIELD)
    }

    /// Takes a single line of at most `max` bytes.
    pub fn line_up_to(&mut self, key: &str, max: usize) -> Result<Option<String>, Invalid> {
        let Some(line) = self.string(key)? else {
            return Ok(None);
        };
        if line.len() > max {
            return Err(Invalid::new(key, &format!("is longer than {max} bytes")));
        }
        if !text::is_line(&line, max) {
            return Err(Invalid::new(key, "is not a single line of printable text"));
        }
        Ok(Some(line))
    }

    /// Takes a text of any length with any characters.
    pub fn string(&mut self, key: &str) -> Result<Option<String>, Invalid> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Invalid::new(key, "is not text")),
        }
    }

    /// Takes a word of a fixed set.
    pub fn word<T: FromStr>(&mut self, key: &str) -> Result<Option<T>, Invalid> {
        let Some(word) = self.line(key)? else {
            return Ok(None);
        };
        let unknown = |_| Invalid::new(key, &format!("has the unknown value '{word}'"));
        word.parse().map(Some).map_err(unknown)
    }

    /// Takes a session id.
    pub fn id(&mut self, key: &str) -> Result<Option<SessionId>, Invalid> {
        let Some(text) = self.line(key)? else {
            return Ok(None);
        };
        let id = SessionId::parse(&text)
            .ok_or_else(|| Invalid::new(key, "is not a UUID in lower case with hyphens"))?;
        Ok(Some(id))
    }

    /// Takes a moment.
    pub fn time(&mut self, key: &str) -> Result<Option<Timestamp>, Invalid> {
        let Some(text) = self.line(key)? else {
            return Ok(None);
        };
        let time = Timestamp::parse(&text).ok_or_else(|| {
            Invalid::new(key, "is not an RFC 3339 time with offset, of the years 1970 to 9999")
        })?;
        Ok(Some(time))
    }

    /// Takes the name of a branch.
    pub fn branch(&mut self, key: &str) -> Result<Option<String>, Invalid> {
        let Some(name) = self.line(key)? else {
            return Ok(None);
        };
        if !text::is_branch_name(&name) {
            return Err(Invalid::new(key, "is not a valid branch name"));
        }
        Ok(Some(name))
    }

    /// Takes the full id of a commit.
    pub fn commit(&mut self, key: &str) -> Result<Option<String>, Invalid> {
        let Some(hex) = self.line(key)? else {
            return Ok(None);
        };
        if Oid::from_hex(&hex).is_none() {
            return Err(Invalid::new(key, "is not the full id of a commit"));
        }
        Ok(Some(hex))
    }

    /// Takes an integer of a range.
    pub fn integer(
        &mut self,
        key: &str,
        range: RangeInclusive<u64>,
    ) -> Result<Option<u64>, Invalid> {
        let Some(value) = self.take(key) else {
            return Ok(None);
        };
        let number = value.as_u64().filter(|number| range.contains(number)).ok_or_else(|| {
            let (least, most) = (range.start(), range.end());
            Invalid::new(key, &format!("is not an integer from {least} to {most}"))
        })?;
        Ok(Some(number))
    }

    /// Takes a number.
    pub fn number(&mut self, key: &str) -> Result<Option<f64>, Invalid> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::Number(number)) => Ok(number.as_f64()),
            Some(_) => Err(Invalid::new(key, "is not a number")),
        }
    }

    /// Takes `true` or `false`.
    pub fn boolean(&mut self, key: &str) -> Result<Option<bool>, Invalid> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(value)),
            Some(_) => Err(Invalid::new(key, "is neither true nor false")),
        }
    }

    /// Takes a map.
    pub fn map(&mut self, key: &str) -> Result<Option<Fields>, Invalid> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::Object(map)) => Ok(Some(Fields::new(map))),
            Some(_) => Err(Invalid::new(key, "is not a map")),
        }
    }

    /// Takes a list; an absent one is empty.
    pub fn list(&mut self, key: &str) -> Result<Vec<Value>, Invalid> {
        match self.take(key) {
            None => Ok(Vec::new()),
            Some(Value::Array(list)) if list.len() <= MAX_LIST => Ok(list),
            Some(Value::Array(_)) => {
                Err(Invalid::new(key, &format!("has more than {MAX_LIST} entries")))
            }
            Some(_) => Err(Invalid::new(key, "is not a list")),
        }
    }

    /// Takes a list of maps.
    pub fn maps(&mut self, key: &str) -> Result<Vec<Fields>, Invalid> {
        let to_map = |value| match value {
            Value::Object(map) => Ok(Fields::new(map)),
            _ => Err(Invalid::new(key, "has an entry that is not a map")),
        };
        self.list(key)?.into_iter().map(to_map).collect()
    }

    /// Takes a list of single lines.
    pub fn lines(&mut self, key: &str) -> Result<Vec<String>, Invalid> {
        let to_line = |value| match value {
            Value::String(line) if text::is_line(&line, text::MAX_FIELD) => Ok(line),
            _ => Err(Invalid::new(key, "has an entry that is not a single line of text")),
        };
        self.list(key)?.into_iter().map(to_line).collect()
    }

    /// Returns what was not taken.
    ///
    /// # Errors
    /// When there is a null in it: a record has no nulls, and a number that is none became one.
    pub fn rest(self) -> Result<Map, Invalid> {
        for (key, value) in &self.map {
            check_open_value(key, value)?;
        }
        Ok(self.map)
    }

    /// Returns what was not taken, with nulls.
    pub fn into_map(self) -> Map {
        self.map
    }

    /// Checks that everything was taken.
    ///
    /// # Errors
    /// Names the first key that was not.
    pub fn nothing_left(&self) -> Result<(), Invalid> {
        match self.map.keys().next() {
            None => Ok(()),
            Some(key) => Err(Invalid::new(key, "is unknown")),
        }
    }
}

/// Checks a value of an open map: no null and no NUL byte, at any depth. (Other control characters
/// are data here; what shows them to people escapes them.)
pub fn check_open_value(key: &str, value: &Value) -> Result<(), Invalid> {
    match value {
        Value::Null => Err(Invalid::new(key, "is null or not a number")),
        Value::Array(list) => list.iter().try_for_each(|value| check_open_value(key, value)),
        Value::Object(map) => map
            .iter()
            .try_for_each(|(nested, value)| check_open_value(&format!("{key}.{nested}"), value)),
        Value::String(text) if text.contains('\0') => Err(Invalid::new(key, "has a NUL byte")),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}
