//! Tolerant taking of fields out of a foreign record; what does not have the expected type stays.

use crate::model::{Map, Timestamp, Value};

/// What names a person or an account, and is of no use here.
///
/// Source: `user_email` of Cursor, `userId` of Cline, `owner*Uuid` of Claude Code's `bridge-session`.
const PERSONAL: [&str; 4] = ["user_email", "userId", "ownerAccountUuid", "ownerOrganizationUuid"];

/// A foreign record.
#[derive(Debug, Default)]
pub(super) struct Record(Map);

impl Record {
    /// Begins with a record, without what is personal; gives back what is no object.
    pub(super) fn new(value: Value) -> Result<Record, Value> {
        match value {
            Value::Object(mut map) => {
                map.retain(|key, _| !PERSONAL.contains(&key.as_str()));
                Ok(Record(map))
            }
            other => Err(other),
        }
    }

    /// Tells whether there is a field.
    pub(super) fn has(&self, key: &str) -> bool {
        self.0.get(key).is_some_and(|it| !it.is_null())
    }

    /// Tells whether there is a list.
    pub(super) fn has_list(&self, key: &str) -> bool {
        self.0.get(key).is_some_and(Value::is_array)
    }

    /// Looks at a text.
    pub(super) fn peek(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(Value::as_str)
    }

    /// Takes anything but null.
    pub(super) fn take(&mut self, key: &str) -> Option<Value> {
        self.0.shift_remove(key).filter(|it| !it.is_null())
    }

    fn take_if(&mut self, key: &str, is: impl FnOnce(&Value) -> bool) -> Option<Value> {
        self.0.get(key).is_some_and(is).then(|| self.0.shift_remove(key)).flatten()
    }

    /// Takes a text.
    pub(super) fn text(&mut self, key: &str) -> Option<String> {
        match self.take_if(key, Value::is_string)? {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// Takes a text that says something.
    pub(super) fn word(&mut self, key: &str) -> Option<String> {
        self.text(key).filter(|it| !it.is_empty())
    }

    /// Takes an id: a text or a number.
    pub(super) fn id(&mut self, key: &str) -> Option<String> {
        let number = |it: Value| it.as_u64().map(|it| it.to_string());
        self.word(key).or_else(|| self.take_if(key, Value::is_u64).and_then(number))
    }

    /// Takes a count; a missing one is 0.
    pub(super) fn count(&mut self, key: &str) -> u64 {
        self.number(key).unwrap_or_default()
    }

    /// Takes an integer from 0.
    pub(super) fn number(&mut self, key: &str) -> Option<u64> {
        self.take_if(key, Value::is_u64)?.as_u64()
    }

    /// Takes a number.
    pub(super) fn fraction(&mut self, key: &str) -> Option<f64> {
        self.take_if(key, Value::is_number)?.as_f64()
    }

    /// Takes `true` or `false`; anything else is `None`.
    pub(super) fn flag(&mut self, key: &str) -> Option<bool> {
        self.take_if(key, Value::is_boolean)?.as_bool()
    }

    /// Takes a moment: RFC 3339, or milliseconds since 1970.
    pub(super) fn time(&mut self, key: &str) -> Option<Timestamp> {
        let at = moment(self.0.get(key)?)?;
        self.0.shift_remove(key);
        Some(at)
    }

    /// Takes an object.
    pub(super) fn record(&mut self, key: &str) -> Option<Record> {
        Record::new(self.take_if(key, Value::is_object)?).ok()
    }

    /// Takes a list; a missing one is empty.
    pub(super) fn list(&mut self, key: &str) -> Vec<Value> {
        match self.take_if(key, Value::is_array) {
            Some(Value::Array(list)) => list,
            _ => Vec::new(),
        }
    }

    /// Takes a list of objects; other entries are left out.
    pub(super) fn records(&mut self, key: &str) -> Vec<Record> {
        self.list(key).into_iter().filter_map(|it| Record::new(it).ok()).collect()
    }

    /// Returns what was not taken.
    pub(super) fn rest(self) -> Map {
        self.0
    }
}

/// Reads a moment as agents write it.
pub(super) fn moment(value: &Value) -> Option<Timestamp> {
    let millis = |it: i64| Timestamp::from_micros(it.checked_mul(1000)?);
    match value {
        Value::String(text) => Timestamp::parse(text),
        Value::Number(number) => {
            millis(number.as_i64().or_else(|| number.as_f64().map(|it| it as i64))?)
        }
        _ => None,
    }
}

/// Reads the JSON that a text holds; a text that holds none stays one.
pub(super) fn unpack(value: Value) -> Value {
    match value {
        Value::String(text) => serde_json::from_str(&text).unwrap_or(Value::String(text)),
        other => other,
    }
}
