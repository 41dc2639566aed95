//! Adding to numbers of a record, as an update does it whatever other processes do.

use crate::model::{Session, Tokens, Value};
use crate::ops::{OpError, patch};

/// Adds `amount` to the number at `path` (`statistics.total_tasks`), which begins at 0.
///
/// # Errors
/// [`OpError::InvalidValue`] where there is no number, or it would leave its range.
pub fn add(session: &mut Session, path: &str, amount: i64) -> Result<(), OpError> {
    let map = match path.split_once('.') {
        Some(("statistics", _)) => &mut session.statistics,
        Some(("configuration", _)) => &mut session.configuration,
        Some(("tokens", key)) => return add_tokens(&mut session.tokens, path, key, amount),
        _ => {
            return Err(OpError::invalid(path, "is no counter (statistics.<name>, tokens.<name>)"));
        }
    };
    let key = path.split_once('.').map(|(_, key)| key).unwrap_or_default();
    let slot = map.entry(key.to_owned()).or_insert(Value::from(0));
    let sum = match (slot.as_i64(), slot.as_f64()) {
        (Some(number), _) => number.checked_add(amount).map(Value::from),
        (None, Some(number)) => {
            serde_json::Number::from_f64(number + amount as f64).map(Value::from)
        }
        (None, None) => return Err(OpError::invalid(path, "is not a number")),
    };
    *slot = sum.ok_or_else(|| OpError::invalid(path, "would be too large"))?;
    patch::check_maps(session)
}

fn add_tokens(tokens: &mut Tokens, path: &str, key: &str, amount: i64) -> Result<(), OpError> {
    let slot = match key {
        "input" => &mut tokens.input,
        "output" => &mut tokens.output,
        "cache_read" => &mut tokens.cache_read,
        "cache_write" => &mut tokens.cache_write,
        _ => return Err(patch::unknown(path)),
    };
    let sum = slot.checked_add_signed(amount);
    *slot = sum.ok_or_else(|| OpError::invalid(path, "would leave its range"))?;
    Ok(())
}
