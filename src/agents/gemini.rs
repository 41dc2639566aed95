//! Gemini CLI: `~/.gemini/tmp/<hash>/chats/session-<time>-<id>.jsonl`, or one JSON document (`.json`).
//!
//! Source: files of the versions 0.2 to 0.61. A message is written again, with the same id, when its
//! tools have run; what was said is not said again here, a corrected text and usage replace the first
//! ones. `$set` with `messages` puts another list in place of the conversation (a compression).
//! `input` has the cached tokens in it; `output` has not the thoughts.

use std::collections::HashMap;

use super::blocks::pieces;
use super::out::{Out, blank, first, keep_rest};
use super::record::Record;
use super::tools;
use super::transcript::Reader;
use crate::model::conversation::{
    Compaction, Content, Event, Fault, Message, Meta, Phase, Role, ToolCall, ToolResult, Usage,
};
use crate::model::{Map, Value};

/// Reads Gemini CLI's records.
#[derive(Debug, Default)]
pub(super) struct Gemini {
    /// What was said of each message.
    told: HashMap<String, Told>,
    /// Whether another reader told what was before.
    goes_on: bool,
    /// Whether messages of then were told again.
    looks_back: bool,
}

/// What was said of a message.
#[derive(Debug, Default)]
struct Told {
    /// The number of its text, and a hash of it.
    text: Option<(u64, u64)>,
    /// The number of its usage.
    usage: Option<(u64, Usage)>,
    /// Its calls, and whether each has a result.
    calls: HashMap<String, bool>,
}

impl Reader for Gemini {
    fn read(&mut self, mut record: Record, base: &mut Event, out: &mut Out<'_>) {
        if record.has("sessionId") {
            return self.session(record, out);
        }
        if let Some(set) = record.record("$set") {
            return self.set(set, base, out);
        }
        if let Some(id) = record.word("$rewindTo") {
            out.say(base, Meta { rewound_to: Some(id), ..Meta::default() });
            return;
        }
        self.message(record, out);
    }

    fn go_on(&mut self, _: &Map) {
        self.goes_on = true;
    }

    fn looks_back(&self) -> bool {
        self.looks_back
    }
}

impl Gemini {
    /// Reads the first line, or the whole document.
    fn session(&mut self, mut record: Record, out: &mut Out<'_>) {
        let facts = &mut out.state.facts;
        facts.session_id = record.word("sessionId");
        let at = record.time("startTime");
        let messages = record.list("messages");
        if let Some(cwd) = record.list("directories").first().and_then(Value::as_str) {
            facts.cwd = Some(cwd.to_owned());
        }
        first(&mut facts.title, record.peek("summary"));
        out.start("gemini-cli", at);
        if let Some(start) = out.events.last_mut() {
            keep_rest(start, record);
        }
        self.messages(messages, out);
    }

    fn messages(&mut self, messages: Vec<Value>, out: &mut Out<'_>) {
        for message in messages {
            match Record::new(message) {
                Ok(message) => self.message(message, out),
                Err(other) => out.raw(&mut blank(), "no message", other),
            }
        }
    }

    fn set(&mut self, mut set: Record, base: &mut Event, out: &mut Out<'_>) {
        let at = set.time("lastUpdated");
        let replaces_all = set.has("messages") && !self.told.is_empty();
        let messages = set.list("messages");
        self.looks_back |= self.goes_on && !messages.is_empty();
        if messages.is_empty() && set.has("summary") {
            let title = set.word("summary");
            out.state.facts.title.clone_from(&title);
            base.at = at;
            keep_rest(base, set);
            out.say(base, Meta { title, ..Meta::default() });
            return;
        }
        keep_rest(base, set);
        if replaces_all {
            base.at = at;
            out.say(base, Compaction::new(Phase::Boundary));
        } else if messages.is_empty() {
            return out.skip(base, "only the time of the last change");
        }
        self.messages(messages, out);
    }

    fn message(&mut self, mut record: Record, out: &mut Out<'_>) {
        let mut base = blank();
        base.at = record.time("timestamp");
        base.id = record.id("id");
        let kind = record.text("type").unwrap_or_default();
        let model = record.word("model");
        first(&mut out.state.facts.model, model.as_deref());
        let content = parts(record.take("content").unwrap_or_default());
        let calls = record.records("toolCalls");
        let thoughts = record.records("thoughts");
        let tokens = record.record("tokens");
        let mut told = base.id.as_ref().and_then(|id| self.told.remove(id)).unwrap_or_default();
        keep_rest(&mut base, record);
        match kind.as_str() {
            "user" => user(content, &mut told, &mut base, out),
            "gemini" | "assistant" | "model" => {
                let content = with_thoughts(thoughts, content);
                let said = Message {
                    model: model.clone(),
                    msg: base.id.clone(),
                    ..Message::new(Role::Assistant, content)
                };
                say_once(said, &mut told, &mut base, out);
            }
            "error" | "warning" => {
                let message = Content::text_of(&content);
                let is_recoverable = (kind == "warning").then_some(true);
                out.say(&mut base, Fault { message, is_recoverable, ..Fault::default() });
            }
            _ => {
                let said = Message { is_meta: true, ..Message::new(Role::System, content) };
                say_once(said, &mut told, &mut base, out);
            }
        }
        for it in calls {
            call(it, &mut told, &mut base, out);
        }
        if let Some(tokens) = tokens {
            usage(tokens, model, &mut told, &mut base, out);
        }
        if let Some(id) = base.id {
            self.told.insert(id, told);
        }
    }
}

fn user(content: Vec<Content>, told: &mut Told, base: &mut Event, out: &mut Out<'_>) {
    let is_answer =
        |it: &Content| matches!(it, Content::Json(it) if it.get("functionResponse").is_some());
    if !content.is_empty() && content.iter().all(is_answer) {
        return out.skip(base, "the result is told with its call");
    }
    let is_meta = Content::text_of(&content).starts_with("<session_context>");
    say_once(Message { is_meta, ..Message::new(Role::User, content) }, told, base, out);
}

/// Returns the pieces of a message: a text, or parts, of which one without a text is data.
fn parts(content: Value) -> Vec<Content> {
    match content {
        Value::Array(parts) => parts.into_iter().flat_map(pieces).collect(),
        other => pieces(other),
    }
}

/// Says a message, unless it was said before; a changed one replaces the first.
fn say_once(message: Message, told: &mut Told, base: &mut Event, out: &mut Out<'_>) {
    let text = out.hash(&format!("{:?}", message.content));
    match told.text {
        Some((_, before)) if before == text => {
            return out.skip(base, "the message again");
        }
        Some((seq, _)) => base.replaces = vec![seq],
        None => {}
    }
    told.text = Some((out.say(base, message), text));
}

fn with_thoughts(thoughts: Vec<Record>, content: Vec<Content>) -> Vec<Content> {
    let thought = |mut it: Record| {
        let parts = [it.word("subject"), it.word("description")];
        Content::Thinking(parts.into_iter().flatten().collect::<Vec<_>>().join(": "))
    };
    let said = |it: &Content| it.as_text() != Some("");
    thoughts.into_iter().map(thought).chain(content.into_iter().filter(said)).collect()
}

fn call(mut it: Record, told: &mut Told, base: &mut Event, out: &mut Out<'_>) {
    let id = it.id("id").unwrap_or_default();
    let name = it.text("name").unwrap_or_default();
    let at = it.time("timestamp").or(base.at);
    let status = it.text("status");
    let result = it.take("result");
    let has_result = result.is_some() || status.as_deref().is_some_and(is_over);
    let id = out.call_id(id);
    let thread = it.word("agentId").or(base.thread.clone());
    let mut base = Event { at, thread, ..base.clone() };
    if !told.calls.contains_key(&id) {
        let input = it.take("args").unwrap_or_default();
        let tool_kind = tools::kind(&name);
        let msg = base.id.clone();
        out.say(
            &mut base,
            ToolCall { call: id.clone(), name, tool_kind, input, msg, governance: None },
        );
    }
    let is_told = told.calls.entry(id.clone()).or_default();
    if has_result && !*is_told {
        *is_told = true;
        let result = ToolResult {
            call: out.result_id(id),
            is_ok: status.map(|it| it == "success"),
            content: result.map(answer).unwrap_or_default(),
            detail: it.take("resultDisplay"),
            ..ToolResult::default()
        };
        out.say(&mut base, result);
    }
}

fn is_over(status: &str) -> bool {
    ["success", "error", "cancelled"].contains(&status)
}

/// Returns what a result says: parts with a `functionResponse`, whose `output` or `error` is a text.
pub(super) fn answer(result: Value) -> Vec<Content> {
    let Value::Array(parts) = result else {
        return pieces(result);
    };
    parts.into_iter().flat_map(part).collect()
}

fn part(part: Value) -> Vec<Content> {
    let Ok(mut part) = Record::new(part) else {
        return Vec::new();
    };
    let Some(mut response) = part.record("functionResponse") else {
        return pieces(Value::Array(vec![Value::Object(part.rest())]));
    };
    let Some(mut response) = response.record("response") else {
        return Vec::new();
    };
    match response.text("output").or_else(|| response.text("error")) {
        Some(text) => vec![Content::Text(text)],
        None => vec![Content::Json(Value::Object(response.rest()))],
    }
}

fn usage(
    mut tokens: Record,
    model: Option<String>,
    told: &mut Told,
    base: &mut Event,
    out: &mut Out<'_>,
) {
    let cached = tokens.count("cached");
    let thoughts = tokens.count("thoughts");
    let usage = Usage {
        msg: base.id.clone(),
        model,
        input: tokens.count("input").saturating_sub(cached),
        cache_read: cached,
        output: tokens.count("output").saturating_add(thoughts),
        reasoning: thoughts,
        ..Usage::default()
    };
    match &told.usage {
        Some((_, before)) if *before == usage => return,
        Some((seq, _)) => base.replaces = vec![*seq],
        None => {}
    }
    told.usage = Some((out.say(base, usage.clone()), usage));
}
