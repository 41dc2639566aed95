//! Transcripts of programs that have no reader of their own.
//!
//! What is told in the shapes that most of them share is a message, a call or a result: a record with a
//! role and a content, alone or in a list, with `tool_calls` as in OpenAI's Chat Completions API, and a block
//! `tool_use` or `tool_result` of Anthropic's Messages API that stands alone. All
//! else is raw. No tokens are counted: without its rule a usage may be the same one again.

use super::blocks::{self, Frame, arguments, pieces};
use super::out::{Out, blank, keep_rest};
use super::record::Record;
use super::tools;
use super::transcript::Reader;
use crate::model::Value;
use crate::model::conversation::{Event, Role, ToolCall, ToolResult};

/// Keys under which documents have their messages.
const LISTS: [&str; 4] = ["messages", "history", "conversation", "trajectory"];

/// Reads the records of an unknown program.
#[derive(Debug)]
pub(super) struct Generic;

impl Reader for Generic {
    fn read(&mut self, mut record: Record, base: &mut Event, out: &mut Out<'_>) {
        let Some(key) = LISTS.into_iter().find(|key| record.has_list(key)) else {
            return entry(record, base, out);
        };
        let entries = record.list(key);
        let ids = ["sessionId", "session_id", "id"];
        out.state.facts.session_id = ids.into_iter().find_map(|key| record.id(key));
        out.state.facts.title = record.word("title");
        out.raw(base, "a document of an unknown program, without its messages", record.rest());
        self::entries(entries, out);
    }

    fn read_other(&mut self, value: Value, base: &mut Event, out: &mut Out<'_>) {
        match value {
            Value::Array(list) => entries(list, out),
            other => out.raw(base, "no object", other),
        }
    }
}

fn entries(list: Vec<Value>, out: &mut Out<'_>) {
    for value in list {
        match Record::new(value) {
            Ok(it) => entry(it, &mut blank(), out),
            Err(other) => out.raw(&mut blank(), "no object", other),
        }
    }
}

/// Reads one record: what is said in it, or in its `message`.
fn entry(mut record: Record, base: &mut Event, out: &mut Out<'_>) {
    let role = |it: &Record| {
        let keys = ["role", "type"];
        let word = keys.into_iter().find_map(|key| it.peek(key))?;
        word.parse::<Role>().ok().filter(|_| it.has("content") || it.has("tool_calls"))
    };
    let times = ["timestamp", "created_at", "ts", "time"];
    let ids = ["id", "uuid"];
    base.at = times.into_iter().find_map(|key| record.time(key));
    base.id = ids.into_iter().find_map(|key| record.id(key));
    if let Some(role) = role(&record) {
        return message(record, role, base, out);
    }
    let speaker = match record.peek("type") {
        Some("tool_use") => Some(Role::Assistant),
        Some("tool_result") => Some(Role::User),
        _ => None,
    };
    if let Some(role) = speaker {
        let block = Value::Object(record.rest());
        return blocks::say(out, base, role, blocks::blocks(vec![block].into()), Frame::default());
    }
    match record.record("message") {
        Some(inner) => match role(&inner) {
            Some(role) => {
                keep_rest(base, record);
                message(inner, role, base, out);
            }
            None => out.raw(base, "a message of an unknown program", inner.rest()),
        },
        None => out.raw(base, "a record of an unknown program", record.rest()),
    }
}

fn message(mut record: Record, role: Role, base: &mut Event, out: &mut Out<'_>) {
    let content = record.take("content").unwrap_or_default();
    if let Some(call) = record.id("tool_call_id").filter(|_| role == Role::Tool) {
        let (call, content) = (out.result_id(call), pieces(content));
        keep_rest(base, record);
        out.say(base, ToolResult { call, content, ..ToolResult::default() });
        return;
    }
    let calls = record.records("tool_calls");
    let model = record.word("model");
    let msg = base.id.clone().filter(|_| role == Role::Assistant);
    keep_rest(base, record);
    let frame = Frame { msg: msg.clone(), model, ..Frame::default() };
    blocks::say(out, base, role, blocks::blocks(content), frame);
    for mut it in calls {
        let mut function = it.record("function").unwrap_or_default();
        let name = function.text("name").or_else(|| it.text("name")).unwrap_or_default();
        let id = it.id("id").unwrap_or_default();
        let call = ToolCall {
            call: out.call_id(id),
            tool_kind: tools::kind(&name),
            name,
            input: arguments(function.take("arguments").or_else(|| it.take("args"))),
            msg: msg.clone(),
            governance: None,
        };
        out.say(base, call);
    }
}
