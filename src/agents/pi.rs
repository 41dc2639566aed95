//! Pi: `~/.pi/agent/sessions/--<cwd>--/<time>_<id>.jsonl`.
//!
//! Source: files of the header versions 1 to 3. Entries are a tree by `id` and `parentId`; what was
//! left behind was said and paid for too, so all of it is told, in the order of the file. `input` is
//! uncached.

use super::blocks::{self, Frame, pieces};
use super::out::{Out, first, keep_rest};
use super::record::Record;
use super::transcript::Reader;
use crate::model::Timestamp;
use crate::model::conversation::{
    Compaction, Cost, Event, Fault, Message, Meta, Payload, Phase, Role, ToolResult, Usage,
};

/// Reads Pi's records.
#[derive(Debug)]
pub(super) struct Pi;

impl Reader for Pi {
    fn read(&mut self, mut record: Record, base: &mut Event, out: &mut Out<'_>) {
        base.at = record.time("timestamp");
        base.id = record.word("id");
        base.parent = record.word("parentId");
        let kind = record.text("type").unwrap_or_default();
        if kind != "session"
            && let Some(id) = &base.id
        {
            base.copied = out.mark(&(id, base.at.map(Timestamp::micros)));
        }
        match kind.as_str() {
            "session" => session(record, base, out),
            "message" => message(record, base, out),
            _ => other(&kind, record, base, out),
        }
    }
}

fn session(mut header: Record, base: &mut Event, out: &mut Out<'_>) {
    let facts = &mut out.state.facts;
    if facts.session_id.is_some() {
        return out.raw(base, "a second header", header.rest());
    }
    facts.session_id = base.id.take();
    facts.cwd = header.word("cwd");
    facts.model = header.word("modelId");
    let parents = ["parentSession", "branchedFrom"];
    facts.forked_from = parents.into_iter().find_map(|key| header.word(key));
    out.start("pi", base.at);
    if let Some(start) = out.events.last_mut() {
        keep_rest(start, header);
    }
}

fn message(mut record: Record, base: &mut Event, out: &mut Out<'_>) {
    let Some(mut message) = record.record("message") else {
        return out.raw(base, "no message", record.rest());
    };
    keep_rest(base, record);
    let role = message.text("role").unwrap_or_default();
    match role.as_str() {
        "user" | "assistant" | "system" => said(&role, message, base, out),
        "toolResult" => {
            let failed = message.flag("isError");
            let call = message.id("toolCallId").unwrap_or_default();
            let result = ToolResult {
                call: out.result_id(call),
                is_ok: failed.map(|it| !it),
                content: pieces(message.take("content").unwrap_or_default()),
                detail: message.take("details"),
                ..ToolResult::default()
            };
            out.say(base, result);
        }
        _ => out.raw(base, &format!("message of '{role}'"), message.rest()),
    }
}

fn said(role: &str, mut message: Record, base: &mut Event, out: &mut Out<'_>) {
    let content = message.take("content").unwrap_or_default();
    let model = message.word("model");
    first(&mut out.state.facts.model, model.as_deref());
    let usage = message.record("usage");
    let role = role.parse().unwrap_or(Role::User);
    let msg = base.id.clone().filter(|_| role == Role::Assistant);
    let frame = Frame { msg: msg.clone(), model: model.clone(), ..Frame::default() };
    blocks::say(out, base, role, blocks::blocks(content), frame);
    if let Some(fault) = message.word("errorMessage") {
        out.say(base, Fault { message: fault, ..Fault::default() });
    }
    if let Some(usage) = usage {
        let usage = read_usage(usage, msg, model);
        out.say(base, usage);
    }
}

fn read_usage(mut usage: Record, msg: Option<String>, model: Option<String>) -> Usage {
    let cost = usage.record("cost").and_then(|mut it| it.fraction("total"));
    let currency = "USD".to_owned();
    Usage {
        msg,
        model,
        input: usage.count("input"),
        cache_read: usage.count("cacheRead"),
        cache_write: usage.count("cacheWrite"),
        output: usage.count("output"),
        reasoning: usage.count("reasoning"),
        cost: cost.map(|amount| Cost { amount, currency, source: Some("agent".to_owned()) }),
        ..Usage::default()
    }
}

fn other(kind: &str, mut record: Record, base: &mut Event, out: &mut Out<'_>) {
    let payload: Payload = match kind {
        "model_change" => {
            let model = record.word("modelId");
            Meta { model, ..Meta::default() }.into()
        }
        "session_info" => {
            let title = record.word("name").or_else(|| record.word("title"));
            out.state.facts.title.clone_from(&title);
            Meta { title, ..Meta::default() }.into()
        }
        "compaction" => Compaction {
            pre_tokens: record.number("tokensBefore"),
            summary: record.word("summary"),
            ..Compaction::new(Phase::Summary)
        }
        .into(),
        "custom_message" => {
            let content = pieces(record.take("content").unwrap_or_default());
            Message { is_meta: true, ..Message::new(Role::System, content) }.into()
        }
        _ => return out.raw(base, &format!("type '{kind}'"), record.rest()),
    };
    keep_rest(base, record);
    out.say(base, payload);
}
