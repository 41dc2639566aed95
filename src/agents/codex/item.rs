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
    "# AGENTS.md",
];

/// Calls that have no output of their own.
const SERVED: [&str; 2] = ["web_search_call", "image_generation_call"];

/// What is known between two items.
#[derive(Debug, Default)]
pub(super) struct Items {
    /// The model that the turn asks.
    pub(super) model: Option<String>,
    /// The calls that have no output yet.
    pub(super) open: OpenCalls,
    /// The id of the answer that the model is giving: that of its first item.
    answer: Option<String>,
}

impl Items {
    /// Notes who made an item: what the model makes until somebody else does is one answer.
    fn note(&mut self, kind: &str, role: Option<&str>, base: &Event, out: &Out<'_>) {
        let is_of_model = match kind {
            "message" => role == Some("assistant"),
            "reasoning" => true,
            _ => kind.ends_with("_call"),
        };
        let id = || base.id.clone().unwrap_or_else(|| format!("h:{}", out.span.offset));
        self.answer = is_of_model.then(|| self.answer.take().unwrap_or_else(id));
    }
}

/// Reads an item.
pub(super) fn read(mut item: Record, items: &mut Items, base: &mut Event, out: &mut Out<'_>) {
    let kind = item.text("type").unwrap_or_default();
    base.id = item.word("id").or(base.id.take());
    items.note(&kind, item.peek("role"), base, out);
    match kind.as_str() {
        "message" | "agent_message" => message(item, items, base, out),
        "reasoning" => reasoning(item, items, base, out),
        _ if kind.ends_with("_output") => output(item, items, base, out),
        _ if kind.ends_with("_call") => call(&kind, item, items, base, out),
        _ => out.raw(base, &format!("response_item '{kind}'"), item.rest()),
    }
}

fn message(mut item: Record, items: &mut Items, base: &mut Event, out: &mut Out<'_>) {
    let role = item.text("role").and_then(|it| it.parse().ok()).unwrap_or(Role::Assistant);
    let content = pieces(item.take("content").unwrap_or_default());
    let text = Content::text_of(&content);
    let is_put_in = PUT_IN.iter().any(|it| text.trim_start().starts_with(it));
    let is_meta =
        matches!(role, Role::System | Role::Developer) || (role == Role::User && is_put_in);
    let is_answer = role == Role::Assistant;
    if is_answer {
        items.open.pass();
    }
    let message = Message {
        name: item.word("author"),
        model: items.model.clone().filter(|_| is_answer),
        msg: items.answer.clone(),
        is_meta,
        ..Message::new(role, content)
    };
    keep_rest(base, item);
    out.say(base, message);
}

fn reasoning(mut item: Record, items: &Items, base: &mut Event, out: &mut Out<'_>) {
    let text = |mut it: Record| it.word("text");
    let mut thoughts: Vec<String> = item.records("summary").into_iter().filter_map(text).collect();
    thoughts.extend(item.records("content").into_iter().filter_map(text));
    item.take("encrypted_content");
    keep_rest(base, item);
    if thoughts.is_empty() {
        return out.skip(base, "the reasoning is encrypted");
    }
    let content = thoughts.into_iter().map(Content::Thinking).collect();
    out.say(
        base,
        Message {
            model: items.model.clone(),
            msg: items.answer.clone(),
            ..Message::new(Role::Assistant, content)
        },
    );
}

fn call(kind: &str, mut item: Record, items: &mut Items, base: &mut Event, out: &mut Out<'_>) {
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
        msg: items.answer.clone(),
        governance: None,
    };
    keep_rest(base, item);
    // The provider runs these, and tells no output.
    if SERVED.contains(&kind) {
        out.say(base, call);
    } else {
        items.open.say(call, base, out);
    }
}

fn output(mut item: Record, items: &mut Items, base: &mut Event, out: &mut Out<'_>) {
    let call = item.id("call_id").or_else(|| base.id.clone()).unwrap_or_default();
    let output = item.take("output").or_else(|| item.take("tools")).unwrap_or_default();
    let (output, is_ok) = unwrap(output);
    let is_ok = is_ok.or_else(|| exit_of(output.as_str()?).map(|code| code == 0));
    let call = out.result_id(call);
    items.open.answer(&call);
    let result = ToolResult { call, is_ok, content: pieces(output), ..ToolResult::default() };
    keep_rest(base, item);
    out.say(base, result);
}

/// Returns the exit code that an output of a command begins with, in words.
fn exit_of(output: &str) -> Option<i64> {
    let line = |it: &str| it.strip_prefix("Process exited with code ").map(str::to_owned);
    output.lines().take(8).find_map(line)?.trim().parse().ok()
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
