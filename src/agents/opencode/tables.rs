//! The rows of OpenCode's tables: what an export has in one piece.

use std::collections::HashMap;

use super::{message, session};
use crate::agents::out::{Out, blank};
use crate::agents::record::{Record, unpack};
use crate::model::{Map, Value};

/// Reads `{session: [...], message: [...], part: [...]}`, of which `data` is JSON as text.
pub(super) fn read(mut tables: Record, out: &mut Out<'_>) {
    let mut parts: HashMap<String, Vec<Value>> = HashMap::new();
    for mut row in tables.records("part") {
        let message = row.text("message_id").unwrap_or_default();
        parts.entry(message).or_default().push(Value::Object(data(row)));
    }
    for mut row in tables.records("session") {
        let mut info = Map::new();
        let keys = [
            ("id", "id"),
            ("directory", "directory"),
            ("title", "title"),
            ("version", "version"),
            ("parent_id", "parentID"),
        ];
        for (column, key) in keys {
            info.extend(row.take(column).map(|it| (key.to_owned(), it)));
        }
        let created = row.take("time_created").map(|it| ("created".to_owned(), it));
        info.insert("time".to_owned(), Value::Object(created.into_iter().collect()));
        session(Record::new(info.into()).unwrap_or_default(), out);
    }
    for row in tables.records("message") {
        let info = data(row);
        let id = info.get("id").and_then(Value::as_str).unwrap_or_default();
        let parts = parts.remove(id).unwrap_or_default();
        let pairs = [("info".to_owned(), info.into()), ("parts".to_owned(), parts.into())];
        let whole = Value::Object(pairs.into_iter().collect());
        message(Record::new(whole).unwrap_or_default(), out);
    }
    for part in parts.into_values().flatten() {
        out.raw(&mut blank(), "a part without its message", part);
    }
    out.raw(&mut blank(), "other tables", tables.rest());
}

/// Returns what is in the column `data` of a row, with its id.
fn data(mut row: Record) -> Map {
    let id = row.take("id");
    let mut map = match row.take("data").map(unpack) {
        Some(Value::Object(map)) => map,
        _ => Map::new(),
    };
    map.extend(id.map(|it| ("id".to_owned(), it)));
    map
}
