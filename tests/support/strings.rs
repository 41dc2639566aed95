//! The strings that are in a JSON value, keys apart.

use serde_json::Value;

/// Returns the `n`th string of a value, or none; `n` is then how many strings short it was.
pub fn nth_string<'v>(value: &'v mut Value, n: &mut usize) -> Option<&'v mut String> {
    match value {
        Value::String(string) if *n == 0 => Some(string),
        Value::String(_) => {
            *n -= 1;
            None
        }
        Value::Array(list) => list.iter_mut().find_map(|it| nth_string(it, n)),
        Value::Object(map) => map.values_mut().find_map(|it| nth_string(it, n)),
        _ => None,
    }
}

/// Returns how many strings it has.
pub fn n_strings(value: &Value) -> usize {
    match value {
        Value::String(_) => 1,
        Value::Array(list) => list.iter().map(n_strings).sum(),
        Value::Object(map) => map.values().map(n_strings).sum(),
        _ => 0,
    }
}
