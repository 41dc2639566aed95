//! Lines in the shape of Choragen's runtime session, as events: a message, a tool call, token counts.
//!
//! Source: Choragen, `packages/cli/src/runtime/session.ts`.

use super::event;
use super::fields::{Fields, Invalid};
use crate::model::conversation::{Content, Event, Governance, ToolCall, ToolResult, Usage};
use crate::model::{Map, Value};

/// Tells whether an object without `kind` has one of the shapes.
pub fn is_one(map: &Map) -> bool {
    let has = |key: &str| map.contains_key(key);
    !has("kind") && (has("role") || has("content") || is_tool(map) || has("input") || has("output"))
}

fn is_tool(map: &Map) -> bool {
    map.contains_key("name")
        && ["params", "result", "governanceResult"].iter().any(|key| map.contains_key(*key))
}

/// Returns the events that an object tells: `{role, content, name?, toolCalls?}`,
/// `{timestamp, name, params, result, governanceResult}` or `{input, output, total}`. A tool call and its
/// result get the id `call`. Unknown keys are kept.
///
/// # Errors
/// Names the field that is missing or wrong.
pub fn events(map: Map, call: &str) -> Result<Vec<Event>, Invalid> {
    let mut fields = Fields::new(map.clone());
    let at = fields.time("timestamp")?.or(fields.time("ts")?);
    let mut events = match () {
        () if map.contains_key("role") || map.contains_key("content") => {
            message(&mut fields, call)?
        }
        () if is_tool(&map) => tool(&mut fields, call)?,
        () => vec![usage(&mut fields)?],
    };
    for event in &mut events {
        event.at = at;
    }
    if let Some(first) = events.first_mut() {
        first.extra = fields.into_map();
    }
    Ok(events)
}

fn message(fields: &mut Fields, call: &str) -> Result<Vec<Event>, Invalid> {
    let calls = fields.maps("toolCalls")?;
    let mut map = Map::from_iter([("kind".to_owned(), Value::from("message"))]);
    for key in ["role", "content", "name"] {
        if let Some(value) = fields.take(key) {
            map.insert(key.to_owned(), value);
        }
    }
    // An answer that only calls tools says nothing.
    if !calls.is_empty() && map.get("content").is_none_or(Value::is_null) {
        map.insert("content".to_owned(), Value::Array(Vec::new()));
    }
    let mut events = vec![event::from_map(map)?];
    for (mut fields, n) in calls.into_iter().zip(1..) {
        let id = fields.string("id")?.unwrap_or_else(|| format!("{call}-{n}"));
        events.push(tool_call(&mut fields, id, None)?);
    }
    Ok(events)
}

fn tool(fields: &mut Fields, call: &str) -> Result<Vec<Event>, Invalid> {
    let result = fields.take("result").filter(|result| !result.is_null());
    let verdict = fields.map("governanceResult")?.map(governance).transpose()?;
    // That nothing stands against it goes without saying.
    let silent = Governance { is_allowed: true, ..Governance::default() };
    let verdict = verdict.filter(|verdict| *verdict != silent);
    let mut events = vec![tool_call(fields, call.to_owned(), verdict)?];
    events.extend(result.map(|result| Event::new(tool_result(call.to_owned(), result))));
    Ok(events)
}

fn tool_call(
    fields: &mut Fields,
    call: String,
    governance: Option<Governance>,
) -> Result<Event, Invalid> {
    Ok(Event::new(ToolCall {
        call,
        name: fields.required("name", Fields::string)?,
        tool_kind: None,
        input: fields.take("params").unwrap_or_else(|| Value::Object(Map::new())),
        msg: None,
        governance,
    }))
}

fn governance(mut fields: Fields) -> Result<Governance, Invalid> {
    Ok(Governance {
        is_allowed: fields
            .boolean("allowed")?
            .ok_or_else(|| Invalid::new("governanceResult.allowed", "is missing"))?,
        reason: fields.string("reason")?,
        by: fields.string("by")?,
        extra: fields.into_map(),
    })
}

/// Returns the result of a tool: `{success, data}` or `{success, error}` says whether it worked, anything
/// else is what a tool gave that did.
pub fn tool_result(call: String, result: Value) -> ToolResult {
    let success = result.get("success").and_then(Value::as_bool);
    let is_ok = success.unwrap_or(true);
    let key = if is_ok { "data" } else { "error" };
    let said = match result {
        Value::Object(mut map) if success.is_some() && is_pair(&map, key) => map.shift_remove(key),
        result => Some(result),
    };
    let content = match said {
        None => Vec::new(),
        Some(Value::String(text)) => vec![Content::Text(text)],
        Some(value) => vec![Content::Json(value)],
    };
    ToolResult { call, is_ok: Some(is_ok), content, ..ToolResult::default() }
}

fn is_pair(map: &Map, key: &str) -> bool {
    map.keys().all(|it| it == "success" || it == key)
}

fn usage(fields: &mut Fields) -> Result<Event, Invalid> {
    let mut count = |key| Ok(fields.integer(key, 0..=1 << 53)?.unwrap_or_default());
    let usage = Usage { input: count("input")?, output: count("output")?, ..Usage::default() };
    // The sum is computed when shown.
    fields.take("total");
    Ok(Event::new(usage))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::choragen;

    fn read(json: &str) -> Result<Vec<Event>, String> {
        let map: Map = serde_json::from_str(json).expect("JSON");
        assert!(is_one(&map), "{json}");
        events(map, "c1").map_err(|it| it.to_string())
    }

    #[test]
    fn what_was_read_is_projected_to_the_same_again() {
        let call = concat!(
            r#"{"timestamp":"2026-01-07T13:02:57.500Z","name":"bash","params":{"command":"ls"},"#,
            r#""result":{"success":false,"error":"no"},"governanceResult":{"allowed":false,"reason":"no"}}"#
        );
        let told = choragen::project(&read(call).expect("a tool call"));
        assert_eq!(told.tool_calls[0].to_string(), call);
        for message in [
            r#"{"role":"user","content":"hi"}"#,
            r#"{"role":"assistant","content":"","toolCalls":[{"id":"x","name":"bash","params":{}}]}"#,
            r#"{"role":"tool","content":"done","name":"bash"}"#,
        ] {
            let told = choragen::project(&read(message).expect("a message"));
            assert_eq!(told.messages[0].to_string(), message);
        }
        let told = choragen::project(&read(r#"{"input":3,"output":4,"total":7}"#).expect("counts"));
        assert_eq!(
            Value::Object(told.token_usage).to_string(),
            r#"{"input":3,"output":4,"total":7}"#
        );
    }

    #[test]
    fn a_result_that_is_no_pair_is_kept_whole() {
        for (json, is_ok) in [
            (r#"{"success":true,"a":1,"b":2}"#, true),
            (r#"{"success":false,"note":"x"}"#, false),
            (r#"[1,2]"#, true),
        ] {
            let value: Value = json.parse().expect("JSON");
            let result = tool_result("c".into(), value.clone());
            assert_eq!(result.is_ok, Some(is_ok), "{json}");
            assert!(json.contains("note") || result.content == [Content::Json(value)], "{json}");
        }
    }

    #[test]
    fn unknown_keys_are_kept_and_faults_are_named() {
        let events = read(r#"{"role":"user","content":"hi","mood":"good"}"#).expect("a message");
        assert_eq!(events[0].extra["mood"], "good");
        for (json, expected) in [
            (r#"{"content":"hi"}"#, "field 'role' is missing"),
            (r#"{"role":"user"}"#, "field 'content' is missing"),
            (
                r#"{"name":"bash","params":{},"governanceResult":{}}"#,
                "field 'governanceResult.allowed' is missing",
            ),
            (r#"{"input":-1}"#, "field 'input' is not an integer"),
            (
                r#"{"role":"user","content":"hi","timestamp":"noon"}"#,
                "field 'timestamp' is not an RFC 3339",
            ),
        ] {
            let text = read(json).expect_err(json);
            assert!(text.starts_with(expected), "{json}: {text}");
        }
    }
}
