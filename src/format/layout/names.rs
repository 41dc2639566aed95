//! Ids, times, words and maps of other session managers.

use chrono::NaiveDateTime;
use uuid::Builder;

use crate::format::fields::{Fields, Invalid};
use crate::model::{Map, SessionId, Timestamp, Value, text};

/// Returns the id that a foreign id stands for here, and the name by which it is found, if it is not the id.
///
/// A UUID in lower case is itself. `session-YYYYMMDD-HHMMSS-xxxxxx` becomes a UUIDv7 of that second with the
/// same last digits, so that the session answers to it. Anything else is hashed. The same text gives the same id,
/// always and everywhere.
pub fn identity(foreign: &str) -> (SessionId, Option<String>) {
    if let Some(id) = SessionId::parse(foreign) {
        return (id, None);
    }
    let hash = fnv1a(foreign.as_bytes()).to_be_bytes();
    if let Some((millis, tail)) = dated(foreign) {
        let mut random = [0; 10];
        random.copy_from_slice(&hash[..10]);
        random[7..].copy_from_slice(&tail);
        let uuid = Builder::from_unix_timestamp_millis(millis, &random).into_uuid();
        return (SessionId::new(uuid), None);
    }
    let id = SessionId::new(Builder::from_custom_bytes(hash).into_uuid());
    (id, text::is_session_name(foreign).then(|| foreign.to_owned()))
}

/// Tells whether an id could be a part of a path, as those of all managers are.
pub(super) fn is_file_name(id: &str) -> bool {
    let is_plain = |c: char| !matches!(c, '/' | '\\') && !c.is_control();
    !id.is_empty() && !id.starts_with('.') && id.chars().all(is_plain)
}

/// Reads `session-YYYYMMDD-HHMMSS-xxxxxx`: its time, in milliseconds, and its last three bytes.
fn dated(name: &str) -> Option<(u64, [u8; 3])> {
    let rest = name.strip_prefix("session-")?;
    let (time, tail) = (rest.get(..15)?, rest.get(15..)?.strip_prefix('-')?);
    let is_hex = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
    if tail.len() != 6 || !tail.bytes().all(is_hex) {
        return None;
    }
    let digits = u32::from_str_radix(tail, 16).ok()?.to_be_bytes();
    let at = NaiveDateTime::parse_from_str(time, "%Y%m%d-%H%M%S").ok()?.and_utc();
    let is_same = at.format("%Y%m%d-%H%M%S").to_string() == time;
    let millis = u64::try_from(at.timestamp_millis()).ok().filter(|_| is_same)?;
    Some((millis, [digits[1], digits[2], digits[3]]))
}

/// Returns the dated name of a session of which nothing but the id is known; `None` if the id has no time.
pub(super) fn dated_name(id: SessionId) -> Option<String> {
    let hex = id.to_string().replace('-', "");
    let millis = i64::from_str_radix(&hex[..12], 16).ok()?;
    let at = Timestamp::from_micros(millis.checked_mul(1000)?)?;
    (hex.as_bytes()[12] == b'7').then(|| id.dated_name(at))
}

/// Source: Fowler, Noll, Vo: FNV-1a, 128 bits.
fn fnv1a(bytes: &[u8]) -> u128 {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    bytes.iter().fold(OFFSET, |hash, byte| (hash ^ u128::from(*byte)).wrapping_mul(PRIME))
}

/// Takes a time; one without a zone is in UTC.
pub(super) fn time(fields: &mut Fields, key: &str) -> Result<Option<Timestamp>, Invalid> {
    let Some(text) = fields.string(key)? else { return Ok(None) };
    let at = Timestamp::parse(&text).or_else(|| Timestamp::parse(&format!("{text}Z")));
    at.map(Some).ok_or_else(|| Invalid::new(key, "is no time of the years 1970 to 9999"))
}

/// Returns a time as Python's `isoformat` has it: without a fraction where that is 0.
pub(super) fn isoformat(at: Timestamp) -> String {
    let format =
        if at.micros() % 1_000_000 == 0 { "%Y-%m-%dT%H:%M:%S" } else { "%Y-%m-%dT%H:%M:%S%.6f" };
    at.to_utc().format(format).to_string()
}

/// Returns a text as one line of at most `max` bytes: its first one that says something.
pub(super) fn line(text: &str, max: usize) -> String {
    let is_break = |c: char| matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}');
    let first = text.split(is_break).map(str::trim).find(|line| !line.is_empty());
    let mut line = String::new();
    for c in first.unwrap_or_default().chars() {
        let c = if c.is_control() { ' ' } else { c };
        if line.len() + c.len_utf8() > max {
            break;
        }
        line.push(c);
    }
    line
}

/// Returns a field's line; nothing if it is empty.
pub(super) fn word(text: &str) -> Option<String> {
    Some(line(text, text::MAX_FIELD)).filter(|line| !line.is_empty())
}

/// Puts a link, or takes it away.
pub(super) fn link(links: &mut Map, key: &str, value: Option<String>) {
    match value {
        Some(value) => links.insert(key.to_owned(), value.into()),
        None => links.shift_remove(key),
    };
}

/// Returns a map as a record can hold it: without what is null.
pub(super) fn without_nulls(map: Map) -> Map {
    let keep = |(key, value): (String, Value)| Some((key, solid(value)?));
    map.into_iter().filter_map(keep).collect()
}

fn solid(value: Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Object(map) => Some(without_nulls(map).into()),
        Value::Array(list) => Some(list.into_iter().filter_map(solid).collect()),
        value => Some(value),
    }
}

/// Returns the fields of a file, in which null means that there is nothing.
pub(super) fn fields(file: &Map) -> Fields {
    let is_there = |(_, value): &(&String, &Value)| !value.is_null();
    let there = file.iter().filter(is_there);
    Fields::new(there.map(|(key, value)| (key.clone(), value.clone())).collect())
}
