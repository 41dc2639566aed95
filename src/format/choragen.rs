//! A conversation in the shape of Choragen's runtime session: `messages`, `toolCalls`, `tokenUsage`.
//!
//! Source: Choragen, `packages/cli/src/runtime/session.ts`.

use std::collections::HashMap;

use chrono::SecondsFormat;

use crate::model::conversation::{
    Content, Event, Message, Payload, Role, ToolCall, ToolResult, Totals,
};
use crate::model::{Map, Timestamp, Value};

/// The three keys of a Choragen session that are of the conversation.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Conversation {
    /// `{role, content, toolCalls?, name?}`, of the main thread; what the program put in is left out.
    pub messages: Vec<Value>,
    /// `{timestamp, name, params, result, governanceResult}`, of all threads.
    pub tool_calls: Vec<Value>,
    /// `{input, output, total}`; `input` is everything that was fed.
    pub token_usage: Map,
}

/// Returns the conversation that `events` tell, in the order of the stream. Copied and replaced
/// events are left out.
pub fn project(events: &[Event]) -> Conversation {
    let live = Event::live(events);
    Conversation {
        messages: messages(&live),
        tool_calls: tool_calls(&live),
        token_usage: token_usage(&live),
    }
}

/// One message under construction: agents write an answer in parts.
struct Draft<'e> {
    role: Role,
    name: Option<&'e str>,
    msg: Option<&'e str>,
    said: Vec<&'e str>,
    calls: Vec<Value>,
}

impl Draft<'_> {
    fn into_value(self) -> Value {
        let mut map =
            object([("role", self.role.as_str().into()), ("content", self.said.join("\n").into())]);
        if !self.calls.is_empty() {
            map.insert("toolCalls".to_owned(), self.calls.into());
        }
        if let Some(name) = self.name {
            map.insert("name".to_owned(), name.into());
        }
        Value::Object(map)
    }
}

fn messages(events: &[&Event]) -> Vec<Value> {
    let mut drafts: Vec<Draft<'_>> = Vec::new();
    for event in events.iter().filter(|it| it.thread.is_none()) {
        match &event.payload {
            Payload::Message(it) if !it.is_meta => add_message(&mut drafts, it),
            Payload::ToolCall(it) => add_call(&mut drafts, it),
            _ => {}
        }
    }
    drafts.into_iter().map(Draft::into_value).collect()
}

fn add_message<'e>(drafts: &mut Vec<Draft<'e>>, it: &'e Message) {
    let said = it.content.iter().filter_map(Content::as_text);
    let is_part = |last: &&mut Draft<'_>| {
        it.msg.is_some() && last.msg == it.msg.as_deref() && last.role == it.role
    };
    match drafts.last_mut().filter(is_part) {
        Some(last) => last.said.extend(said),
        None => drafts.push(Draft {
            role: it.role,
            name: it.name.as_deref(),
            msg: it.msg.as_deref(),
            said: said.collect(),
            calls: Vec::new(),
        }),
    }
}

/// Puts a call into the answer that it is a part of.
fn add_call<'e>(drafts: &mut Vec<Draft<'e>>, it: &'e ToolCall) {
    let is_answer = |last: &&mut Draft<'_>| {
        last.role == Role::Assistant && (it.msg.is_none() || last.msg == it.msg.as_deref())
    };
    let call = object([
        ("id", it.call.as_str().into()),
        ("name", it.name.as_str().into()),
        ("params", it.input.clone()),
    ]);
    match drafts.last_mut().filter(is_answer) {
        Some(last) => last.calls.push(call.into()),
        None => drafts.push(Draft {
            role: Role::Assistant,
            name: None,
            msg: it.msg.as_deref(),
            said: Vec::new(),
            calls: vec![call.into()],
        }),
    }
}

fn tool_calls(events: &[&Event]) -> Vec<Value> {
    let result = |event: &&&Event| match &event.payload {
        Payload::ToolResult(it) => Some((it.call.clone(), it.clone())),
        _ => None,
    };
    let results: HashMap<String, ToolResult> = events.iter().filter_map(|it| result(&it)).collect();
    let call = |event: &&Event| match &event.payload {
        Payload::ToolCall(it) => Some(tool_call(event.at, it, results.get(&it.call))),
        _ => None,
    };
    events.iter().filter_map(call).collect()
}

fn tool_call(at: Option<Timestamp>, it: &ToolCall, result: Option<&ToolResult>) -> Value {
    let governance = it.governance.clone().unwrap_or_default();
    let is_allowed = it.governance.is_none() || governance.is_allowed;
    let mut verdict = object([("allowed", is_allowed.into())]);
    if let Some(reason) = governance.reason {
        verdict.insert("reason".to_owned(), reason.into());
    }
    let millis = |at: Timestamp| at.to_utc().to_rfc3339_opts(SecondsFormat::Millis, true);
    Value::Object(object([
        ("timestamp", at.map(millis).into()),
        ("name", it.name.as_str().into()),
        ("params", it.input.clone()),
        ("result", result.map(tool_result).into()),
        ("governanceResult", verdict.into()),
    ]))
}

/// Says `{success, data}` or `{success, error}`; a result of which nobody says that it failed is one.
fn tool_result(it: &ToolResult) -> Map {
    let is_ok = it.is_ok.unwrap_or(true);
    let data = match it.content.as_slice() {
        [Content::Json(value)] => value.clone(),
        pieces => Content::text_of(pieces).into(),
    };
    object([("success", is_ok.into()), (if is_ok { "data" } else { "error" }, data)])
}

fn token_usage(events: &[&Event]) -> Map {
    let mut totals = Totals::default();
    events.iter().for_each(|event| totals.add(event));
    let sum = totals.sum();
    let total = sum.fed().saturating_add(sum.output);
    object([("input", sum.fed().into()), ("output", sum.output.into()), ("total", total.into())])
}

fn object<const N: usize>(pairs: [(&str, Value); N]) -> Map {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::event;

    fn events(lines: &[&str]) -> Vec<Event> {
        let parse = |line: &&str| event::parse(line.as_bytes()).unwrap_or_else(|it| panic!("{it}"));
        lines.iter().map(parse).collect()
    }

    fn json<T: Into<Value>>(value: T) -> String {
        value.into().to_string()
    }

    #[test]
    fn a_conversation_has_the_keys_of_choragen() {
        let told = project(&events(&[
            r#"{"kind":"message","role":"user","content":"List the files"}"#,
            r#"{"kind":"message","role":"assistant","content":"I look.","msg":"m1"}"#,
            r#"{"kind":"tool.call","ts":"2026-01-07T13:02:57.5Z","call":"c1","name":"bash","input":{"command":"ls"},"msg":"m1"}"#,
            r#"{"kind":"usage","msg":"m1","input":10,"cache_read":5,"output":1}"#,
            r#"{"kind":"usage","msg":"m1","input":10,"cache_read":5,"output":3}"#,
            r#"{"kind":"tool.result","call":"c1","ok":true,"content":"a.txt"}"#,
            r#"{"kind":"tool.call","call":"c2","name":"rm","governance":{"allowed":false,"reason":"no"}}"#,
            r#"{"kind":"tool.result","call":"c2","ok":false,"content":"refused"}"#,
        ]));
        assert_eq!(
            json(told.messages),
            concat!(
                r#"[{"role":"user","content":"List the files"},"#,
                r#"{"role":"assistant","content":"I look.","toolCalls":["#,
                r#"{"id":"c1","name":"bash","params":{"command":"ls"}},"#,
                r#"{"id":"c2","name":"rm","params":{}}]}]"#
            )
        );
        assert_eq!(
            json(told.tool_calls),
            concat!(
                r#"[{"timestamp":"2026-01-07T13:02:57.500Z","name":"bash","params":{"command":"ls"},"#,
                r#""result":{"success":true,"data":"a.txt"},"governanceResult":{"allowed":true}},"#,
                r#"{"timestamp":null,"name":"rm","params":{},"#,
                r#""result":{"success":false,"error":"refused"},"#,
                r#""governanceResult":{"allowed":false,"reason":"no"}}]"#
            )
        );
        assert_eq!(json(told.token_usage), r#"{"input":15,"output":3,"total":18}"#);
    }

    #[test]
    fn what_was_copied_replaced_or_put_in_is_left_out() {
        let told = project(&events(&[
            r#"{"seq":1,"kind":"message","role":"user","content":"wrong"}"#,
            r#"{"seq":2,"kind":"message","role":"user","content":"right","replaces":[1]}"#,
            r#"{"seq":3,"kind":"message","role":"user","content":"old","copied":true}"#,
            r#"{"seq":4,"kind":"message","role":"user","content":"reminder","meta":true}"#,
            r#"{"seq":5,"kind":"message","role":"user","content":"side","thread":"a1"}"#,
        ]));
        assert_eq!(json(told.messages), r#"[{"role":"user","content":"right"}]"#);
    }
}
