//! What the model saw: the items of OpenAI's Responses API.

use super::open::OpenCalls;
use crate::agents::blocks::{arguments, pieces};
use crate::agents::out::{Out, keep_rest};
use crate::agents::record::{Record, unpack};
use crate::agents::tools;
use crate::model::Value;
use crate::model::conversation::{Content, Event, Message, Role, ToolCall, ToolResult};

/// Beginnings of messages that Codex writes in the user's place.
const PUT_IN: [&str; 6] = [
    "<environment_context>",
    "<user_instructions>",
    "<permissions instructions>",
    "<collaboration_mode>",
    "<turn_aborted>",
    "# AGENTS.md instructions",
];

/// Calls that have no output of their own.
const SERVED: [&str; 2] = ["web_search_call", "image_generation_call"];

/// Reads an item; `model` is the one that the turn asks.
pub(super) fn read(
    mut item: Record,
    model: &Option<String>,
    open: &mut OpenCalls,
    base: &mut Event,
    out: &mut Out<'_>,
) {
    let kind = item.text("type").unwrap_or_default();
    base.id = item.word("id").or(base.id.take());
    match kind.as_str() {
        "message" | "agent_message" => {
            if item.peek("role") == Some("assistant") {
                open.pass();
            }
            message(item, model, base, out);
        }
        "reasoning" => reasoning(item, model, base, out),
        _ if kind.ends_with("_output") => output(item, open, base, out),
        _ if kind.ends_with("_call") => call(&kind, item, open, base, out),
        _ => out.raw(base, &format!("response_item '{kind}'"), item.rest()),
    }
}

fn message(mut item: Record, model: &Option<String>, base: &mut Event, out: &mut Out<'_>) {
    let role = item.text("role").and_then(|it| it.parse().ok()).unwrap_or(Role::Assistant);
    let content = pieces(item.take("content").unwrap_or_default());
    let text = Content::text_of(&content);
    let is_meta =
        role != Role::Assistant && PUT_IN.iter().any(|it| text.trim_start().starts_with(it));
    let is_answer = role == Role::Assistant;
    let message = Message {
        name: item.word("author"),
        model: model.clone().filter(|_| is_answer),
        msg: base.id.clone().filter(|_| is_answer),
        is_meta,
        ..Message::new(role, content)
    };
    keep_rest(base, item);
    out.say(base, message);
}

fn reasoning(mut item: Record, model: &Option<String>, base: &mut Event, out: &mut Out<'_>) {
    let text = |mut it: Record| it.word("text");
    let mut thoughts: Vec<String> = item.records("summary").into_iter().filter_map(text).collect();
    thoughts.extend(item.records("content").into_iter().filter_map(text));
    item.take("encrypted_content");
    keep_rest(base, item);
    if thoughts.is_empty() {
        return out.skip(base, "the reasoning is encrypted");
    }
    let content = thoughts.into_iter().map(Content::Thinking).collect();
    out.say(base, Message { model: model.clone(), ..Message::new(Role::Assistant, content) });
}

fn call(kind: &str, mut item: Record, open: &mut OpenCalls, base: &mut Event, out: &mut Out<'_>) {
    let keys = ["arguments", "input", "action"];
    let input = arguments(keys.into_iter().find_map(|key| item.take(key)));
    let name = item.word("name").unwrap_or_else(|| kind.trim_end_matches("_call").to_owned());
    let name = match item.word("namespace") {
        Some(namespace) => format!("{namespace}.{name}"),
        None => name,
    };
    let id = item.id("call_id").or_else(|| base.id.clone()).unwrap_or_default();
    let call = ToolCall {
        call: out.call_id(id),
        tool_kind: tools::kind(&name),
        name,
        input,
        msg: None,
        governance: None,
    };
    keep_rest(base, item);
    // The provider runs these, and tells no output.
    if SERVED.contains(&kind) {
        out.say(base, call);
    } else {
        open.say(call, base, out);
    }
}

fn output(mut item: Record, open: &mut OpenCalls, base: &mut Event, out: &mut Out<'_>) {
    let call = item.id("call_id").or_else(|| base.id.clone()).unwrap_or_default();
    let output = item.take("output").or_else(|| item.take("tools")).unwrap_or_default();
    let (output, is_ok) = unwrap(output);
    let call = out.result_id(call);
    open.answer(&call, out);
    let result = ToolResult { call, is_ok, content: pieces(output), ..ToolResult::default() };
    keep_rest(base, item);
    out.say(base, result);
}

/// Takes apart an output that is `{output, metadata: {exit_code}}`, or `{content, success}`, as an
/// object or as its text.
fn unwrap(output: Value) -> (Value, Option<bool>) {
    let is_wrapped = |it: &Value| it.get("output").is_some() || it.get("success").is_some();
    let inner = match &output {
        Value::String(text) if text.starts_with('{') => unpack(output.clone()),
        other => other.clone(),
    };
    if !is_wrapped(&inner) {
        return (output, None);
    }
    let mut wrap = Record::new(inner).unwrap_or_default();
    let exit = wrap.record("metadata").and_then(|mut it| it.number("exit_code"));
    let is_ok = wrap.flag("success").or(exit.map(|it| it == 0));
    let said = wrap.take("output").or_else(|| wrap.take("content")).unwrap_or_default();
    (said, is_ok)
}
