//! Qwen Code: `~/.qwen/projects/<slug>/chats/<id>.jsonl`.
//!
//! Source: files of the version 0.21. The parts are those of Google's API. `ui_telemetry` repeats the
//! usage, so only that of `assistant` counts; the candidates have the thoughts in them where the total
//! says so.

use super::blocks;
use super::gemini::answer;
use super::out::{Out, first, keep_rest};
use super::record::Record;
use super::tools;
use super::transcript::Reader;
use crate::model::Value;
use crate::model::conversation::{
    Compaction, Content, Event, Message, Meta, Payload, Phase, Role, ToolCall, ToolResult, Usage,
};

/// Reads Qwen Code's records.
#[derive(Debug)]
pub(super) struct Qwen;

impl Reader for Qwen {
    fn read(&mut self, mut record: Record, base: &mut Event, out: &mut Out<'_>) {
        envelope(&mut record, base, out);
        let kind = record.text("type").unwrap_or_default();
        match kind.as_str() {
            "user" => message(Role::User, record, base, out),
            "assistant" => message(Role::Assistant, record, base, out),
            "tool_result" => tool_result(record, base, out),
            "system" => system(record, base, out),
            _ => out.raw(base, &format!("type '{kind}'"), record.rest()),
        }
    }
}

fn envelope(record: &mut Record, base: &mut Event, out: &mut Out<'_>) {
    base.at = record.time("timestamp");
    base.id = record.word("uuid");
    base.parent = record.word("parentUuid");
    if let Some(id) = &base.id {
        base.copied = out.mark(&(id, base.at));
    }
    let facts = &mut out.state.facts;
    first(&mut facts.session_id, record.peek("sessionId"));
    first(&mut facts.version, record.peek("version"));
    first(&mut facts.cwd, record.peek("cwd"));
    first(&mut facts.model, record.peek("model"));
    for key in ["sessionId", "version", "cwd"] {
        record.word(key);
    }
    facts.branch = record.word("gitBranch").or(facts.branch.take());
    out.start("qwen-code", base.at);
}

fn message(role: Role, mut record: Record, base: &mut Event, out: &mut Out<'_>) {
    let parts = record.record("message").unwrap_or_default().records("parts");
    let usage = record.record("usageMetadata");
    let model = record.word("model");
    let is_answer = role == Role::Assistant;
    let (mut said, mut calls) = (Vec::new(), Vec::new());
    for mut part in parts {
        match part.record("functionCall") {
            Some(call) => calls.push(call),
            None => said.push(piece(part)),
        }
    }
    let message = Message {
        model: model.clone(),
        msg: base.id.clone().filter(|_| is_answer),
        is_meta: record.peek("provenance").is_some_and(|it| it == "system"),
        ..Message::new(role, said)
    };
    keep_rest(base, record);
    if !message.content.is_empty() || calls.is_empty() {
        out.say(base, message);
    }
    for mut it in calls {
        let name = it.text("name").unwrap_or_default();
        let id = it.id("id").unwrap_or_default();
        let call = ToolCall {
            call: out.call_id(id),
            tool_kind: tools::kind(&name),
            name,
            input: it.take("args").unwrap_or_default(),
            msg: base.id.clone(),
            governance: None,
        };
        out.say(base, call);
    }
    if let Some(usage) = usage.filter(|_| is_answer) {
        let usage = read_usage(usage, base.id.clone(), model);
        out.say(base, usage);
    }
}

fn piece(mut part: Record) -> Content {
    let is_thought = part.flag("thought").unwrap_or_default();
    match part.text("text") {
        Some(text) if is_thought => Content::Thinking(text),
        Some(text) => Content::Text(text),
        None => blocks::other(part.rest()),
    }
}

fn read_usage(mut usage: Record, msg: Option<String>, model: Option<String>) -> Usage {
    let prompt = usage.count("promptTokenCount");
    let cached = usage.count("cachedContentTokenCount");
    let candidates = usage.count("candidatesTokenCount");
    let thoughts = usage.count("thoughtsTokenCount");
    let is_inside = usage.number("totalTokenCount") == prompt.checked_add(candidates);
    Usage {
        msg,
        model,
        input: prompt.saturating_sub(cached),
        cache_read: cached,
        output: if is_inside { candidates } else { candidates.saturating_add(thoughts) },
        reasoning: thoughts,
        ..Usage::default()
    }
}

fn tool_result(mut record: Record, base: &mut Event, out: &mut Out<'_>) {
    let parts = record.record("message").unwrap_or_default().list("parts");
    let mut told = record.record("toolCallResult").unwrap_or_default();
    let inner =
        |it: &Value| it.pointer("/functionResponse/id").and_then(Value::as_str).map(str::to_owned);
    let id = told.id("callId").or_else(|| parts.iter().find_map(inner)).unwrap_or_default();
    let status = told.text("status");
    keep_rest(base, record);
    let result = ToolResult {
        call: out.result_id(id),
        is_ok: status.map(|it| it == "success"),
        content: answer(Value::Array(parts)),
        detail: told.take("resultDisplay"),
        ..ToolResult::default()
    };
    out.say(base, result);
}

fn system(mut record: Record, base: &mut Event, out: &mut Out<'_>) {
    let subtype = record.text("subtype").unwrap_or_default();
    let mut payload = record.record("systemPayload").unwrap_or_default();
    let said: Payload = match subtype.as_str() {
        "ui_telemetry" => return out.skip(base, "telemetry of what is told elsewhere"),
        "custom_title" => {
            let title = payload.word("customTitle");
            out.state.facts.title.clone_from(&title);
            Meta { title, ..Meta::default() }.into()
        }
        "rewind" => Meta { rewound_to: payload.word("targetUuid"), ..Meta::default() }.into(),
        "chat_compression" => Compaction::new(Phase::Boundary).into(),
        _ => return out.raw(base, &format!("system '{subtype}'"), payload.rest()),
    };
    keep_rest(base, payload);
    out.say(base, said);
}
