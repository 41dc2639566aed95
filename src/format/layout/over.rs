use crate::model::{Map, Value};

/// Returns `source` with what is different in `now` from `then`. `then` and `now` are one shape of one
/// session at two times; what neither of them has is as `source` has it.
pub(super) fn over(source: &Map, then: &Map, now: &Map) -> Map {
    let mut all = Map::new();
    for (key, value) in source {
        let value = match (then.get(key), now.get(key)) {
            (then, now) if then == now => Some(value.clone()),
            (Some(then), Some(now)) => Some(merged(value, then, now)),
            (None, Some(now)) => Some(now.clone()),
            (_, None) => None,
        };
        all.extend(value.map(|value| (key.clone(), value)));
    }
    for (key, value) in now {
        if !source.contains_key(key) && then.get(key) != Some(value) {
            all.insert(key.clone(), value.clone());
        }
    }
    all
}

fn merged(source: &Value, then: &Value, now: &Value) -> Value {
    match (source, then, now) {
        (_, then, now) if then == now => source.clone(),
        (Value::Object(source), Value::Object(then), Value::Object(now)) => {
            over(source, then, now).into()
        }
        // Lists only grow at their end; where one was changed otherwise, it is as it is now.
        (Value::Array(source), Value::Array(then), Value::Array(now))
            if source.len() == then.len() && then.len() <= now.len() =>
        {
            let old = source.iter().zip(then).zip(now);
            let old = old.map(|((source, then), now)| merged(source, then, now));
            old.chain(now[then.len()..].iter().cloned()).collect()
        }
        _ => now.clone(),
    }
}
