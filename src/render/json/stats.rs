use serde::Serialize;

use super::conversation::{TokensObject, tokens};
use crate::model::Value;
use crate::ops::stats::{Stats, Sums};

/// Sums over some sessions.
#[derive(Debug, Clone, Serialize)]
struct SumsObject {
    sessions: u64,
    open: u64,
    success: u64,
    failure: u64,
    interrupted: u64,
    /// Of the ended ones, from 0 to 1; null if none has ended.
    failure_rate: Option<f64>,
    duration_seconds: u64,
    tokens: TokensObject,
    events: u64,
}

/// Returns sums as one document: `{"by", "groups": [{"key", ...}], "total": {...}, "corrupt": [...]}`.
pub fn stats(stats: &Stats, by: Option<&str>) -> Value {
    let groups = stats.groups.iter().map(|(key, sums)| {
        let mut map = super::to_map(&object(sums));
        map.shift_insert(0, "key".to_owned(), key.as_str().into());
        Value::Object(map)
    });
    let groups: Vec<Value> = groups.collect();
    let corrupt = stats.corrupt.iter();
    let corrupt: Vec<Value> =
        corrupt.map(|it| serde_json::json!({ "id": it.name, "reason": it.reason })).collect();
    let total = super::to_map(&object(&stats.total));
    serde_json::json!({ "by": by, "groups": groups, "total": total, "corrupt": corrupt })
}

fn object(sums: &Sums) -> SumsObject {
    SumsObject {
        sessions: sums.n_sessions,
        open: sums.n_open,
        success: sums.n_success,
        failure: sums.n_failure,
        interrupted: sums.n_interrupted,
        failure_rate: sums.failure_rate(),
        duration_seconds: sums.seconds,
        tokens: tokens(&sums.tokens),
        events: sums.n_events,
    }
}
