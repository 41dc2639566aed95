//! Goose: the JSON Lines of the versions before 1.10, and what `goose session export --format json`
//! writes. The database of later versions is SQLite, and is not read here: the export is its portable
//! form.
//!
//! Source: Goose's types `Session`, `Message` and `MessageContent`, as they serialise.

use super::blocks::{self, Block, Frame, pieces};
use super::out::{Out, blank, keep_rest};
use super::record::Record;
use super::tools;
use super::transcript::Reader;
use crate::model::conversation::{Content, Event, Image, Role, ToolCall, ToolResult, Usage};
use crate::model::{Timestamp, Value};

/// Reads Goose's records.
#[derive(Debug)]
pub(super) struct Goose;

impl Reader for Goose {
    fn read(&mut self, mut record: Record, base: &mut Event, out: &mut Out<'_>) {
        if !record.has("working_dir") && !record.has("conversation") {
            return message(record, out);
        }
        let messages = [record.list("conversation"), record.list("messages")].concat();
        session(record, out);
        for message in messages {
            match Record::new(message) {
                Ok(it) => self::message(it, out),
                Err(other) => out.raw(base, "no message", other),
            }
        }
    }
}

/// Reads the header. It has the tokens of the whole session.
fn session(mut header: Record, out: &mut Out<'_>) {
    let facts = &mut out.state.facts;
    facts.session_id = header.word("id");
    facts.cwd = header.word("working_dir");
    facts.title = header.word("name").or_else(|| header.word("description"));
    out.start("goose", header.time("created_at"));
    let has_tokens = header.has("accumulated_output_tokens");
    let usage = Usage {
        input: header.count("accumulated_input_tokens"),
        output: header.count("accumulated_output_tokens"),
        ..Usage::default()
    };
    if let Some(start) = out.events.last_mut() {
        keep_rest(start, header);
    }
    if has_tokens {
        out.push(Event::new(usage));
    }
}

fn message(mut record: Record, out: &mut Out<'_>) {
    let mut base = blank();
    let seconds = record.number("created").and_then(|it| i64::try_from(it).ok());
    base.at = seconds.and_then(Timestamp::from_seconds);
    base.id = record.id("id");
    let Some(role) = record.peek("role").and_then(|it| it.parse::<Role>().ok()) else {
        return out.raw(&mut base, "no role", record.rest());
    };
    record.text("role");
    let content = record.list("content").into_iter().map(block).collect();
    let msg = base.id.clone().filter(|_| role == Role::Assistant);
    keep_rest(&mut base, record);
    blocks::say(out, &mut base, role, content, Frame { msg, ..Frame::default() });
}

fn block(value: Value) -> Block {
    let mut block = match Record::new(value) {
        Ok(block) => block,
        Err(other) => return Block::Piece(Content::Json(other)),
    };
    match block.peek("type").unwrap_or_default() {
        "text" => Block::Piece(Content::Text(block.text("text").unwrap_or_default())),
        "thinking" => Block::Piece(Content::Thinking(block.text("thinking").unwrap_or_default())),
        "image" => Block::Piece(Content::Image(Image {
            media: block.word("mimeType"),
            ..Image::default()
        })),
        "toolRequest" | "frontendToolRequest" => Block::Call(call(block)),
        "toolResponse" => Block::Result(result(block)),
        _ => Block::Piece(blocks::other(block.rest())),
    }
}

fn call(mut block: Record) -> ToolCall {
    let mut call = block.record("toolCall").unwrap_or_default();
    let mut value = call.record("value").unwrap_or_default();
    let name = value.text("name").unwrap_or_default();
    ToolCall {
        call: block.id("id").unwrap_or_default(),
        tool_kind: tools::kind(&name),
        name,
        input: value.take("arguments").unwrap_or_default(),
        msg: None,
        governance: None,
    }
}

fn result(mut block: Record) -> ToolResult {
    let mut result = block.record("toolResult").unwrap_or_default();
    let is_ok = result.text("status").map(|it| it == "success");
    let value = result.take("value").or_else(|| result.take("error"));
    // Newer versions wrap the pieces once more.
    let value = match value.map(Record::new) {
        Some(Ok(mut it)) if it.has("content") => it.take("content"),
        Some(Ok(it)) => Some(Value::Object(it.rest())),
        Some(Err(other)) => Some(other),
        None => None,
    };
    ToolResult {
        call: block.id("id").unwrap_or_default(),
        is_ok,
        content: pieces(value.unwrap_or_default()),
        ..ToolResult::default()
    }
}
