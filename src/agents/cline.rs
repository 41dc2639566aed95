//! Cline and Roo Code: `<session>.messages.json` `{sessionId, messages}`, and
//! `api_conversation_history.json`, a list of messages. Written anew each time.
//!
//! Source: files of the SDK of 2026. `inputTokens` has the cached tokens in it.

use super::blocks::{self, Frame};
use super::out::{Out, blank, first, keep_rest};
use super::record::Record;
use super::transcript::Reader;
use crate::model::Value;
use crate::model::conversation::{Compaction, Cost, Event, Phase, Role, Usage};

/// Reads Cline's documents.
#[derive(Debug)]
pub(super) struct Cline;

impl Reader for Cline {
    fn read(&mut self, document: Record, _: &mut Event, out: &mut Out<'_>) {
        let messages = session(document, out);
        self::messages(messages, out);
    }

    fn read_other(&mut self, value: Value, base: &mut Event, out: &mut Out<'_>) {
        let Value::Array(messages) = value else {
            return out.raw(base, "no object", value);
        };
        out.start("cline", None);
        self::messages(messages, out);
    }
}

fn messages(messages: Vec<Value>, out: &mut Out<'_>) {
    for message in messages {
        match Record::new(message) {
            Ok(it) => self::message(it, out),
            Err(other) => out.raw(&mut blank(), "no message", other),
        }
    }
}

/// Starts the session of a document, and returns its messages.
fn session(mut document: Record, out: &mut Out<'_>) -> Vec<Value> {
    let messages = document.list("messages");
    let facts = &mut out.state.facts;
    facts.session_id = document.word("sessionId");
    document.text("system_prompt");
    out.start("cline", None);
    if let Some(start) = out.events.last_mut() {
        keep_rest(start, document);
    }
    messages
}

fn message(mut record: Record, out: &mut Out<'_>) {
    let mut base = blank();
    base.at = record.time("ts");
    base.id = record.id("id");
    if let Some(id) = &base.id {
        base.copied = out.mark(&(id, base.at));
    }
    let mut metadata = record.record("metadata").unwrap_or_default();
    if metadata.peek("kind") == Some("compaction_summary") {
        base.at = metadata.time("generatedAt");
        let compaction = Compaction {
            pre_tokens: metadata.number("tokensBefore"),
            summary: metadata.word("summary"),
            ..Compaction::new(Phase::Summary)
        };
        out.say(&mut base, compaction);
        return;
    }
    let role = record.text("role").and_then(|it| it.parse().ok()).unwrap_or(Role::User);
    let content = record.take("content").unwrap_or_default();
    let model = record.record("modelInfo").and_then(|mut it| it.word("id"));
    first(&mut out.state.facts.model, model.as_deref());
    let metrics = record.record("metrics");
    let msg = base.id.clone().filter(|_| role == Role::Assistant);
    keep_rest(&mut base, record);
    let frame = Frame { msg: msg.clone(), model: model.clone(), ..Frame::default() };
    blocks::say(out, &mut base, role, blocks::blocks(content), frame);
    if let Some(metrics) = metrics {
        let usage = usage(metrics, msg, model);
        out.say(&mut base, usage);
    }
}

fn usage(mut metrics: Record, msg: Option<String>, model: Option<String>) -> Usage {
    let (read, write) = (metrics.count("cacheReadTokens"), metrics.count("cacheWriteTokens"));
    let currency = "USD".to_owned();
    let cost = metrics.fraction("cost");
    Usage {
        msg,
        model,
        input: metrics.count("inputTokens").saturating_sub(read).saturating_sub(write),
        cache_read: read,
        cache_write: write,
        output: metrics.count("outputTokens"),
        cost: cost.map(|amount| Cost { amount, currency, source: Some("agent".to_owned()) }),
        ..Usage::default()
    }
}
