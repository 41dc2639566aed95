//! Content as lists of typed blocks: the shape of Anthropic's Messages API, which many agents write.

use super::out::Out;
use super::record::{Record, unpack};
use super::tools;
use crate::model::conversation::{Content, Event, Image, Message, Role, ToolCall, ToolResult};
use crate::model::{Map, Value};

/// One block of a content.
pub(super) enum Block {
    /// Something said.
    Piece(Content),
    /// A call of a tool.
    Call(ToolCall),
    /// A tool's result.
    Result(ToolResult),
}

/// What a message has beside its blocks.
#[derive(Default)]
pub(super) struct Frame {
    pub(super) msg: Option<String>,
    pub(super) model: Option<String>,
    pub(super) is_meta: bool,
    /// What the agent keeps of the one result in it.
    pub(super) detail: Option<Value>,
}

/// Returns the blocks of a content: a text, a list of texts and blocks, or nothing.
pub(super) fn blocks(content: Value) -> Vec<Block> {
    match content {
        Value::Null => Vec::new(),
        Value::Array(list) => list.into_iter().map(block).collect(),
        other => vec![block(other)],
    }
}

fn block(value: Value) -> Block {
    let mut block = match Record::new(value) {
        Ok(block) => block,
        Err(Value::String(text)) => return Block::Piece(Content::Text(text)),
        Err(other) => return Block::Piece(Content::Json(other)),
    };
    let kind = block.peek("type").unwrap_or_default().to_owned();
    match kind.as_str() {
        "tool_use" | "server_tool_use" | "mcp_tool_use" | "toolCall" => Block::Call(call(block)),
        _ if kind.ends_with("tool_result") => Block::Result(result(block)),
        "thinking" | "redacted_thinking" | "reasoning" => {
            let text = block.text("thinking").or_else(|| block.text("text"));
            Block::Piece(Content::Thinking(text.unwrap_or_default()))
        }
        "image" | "input_image" | "image_url" => Block::Piece(image(block)),
        _ => Block::Piece(piece(block)),
    }
}

/// Reads a block that is said: one with a text, or one of an unknown type, without its bytes.
fn piece(mut block: Record) -> Content {
    if let Some(text) = block.text("text") {
        return Content::Text(text);
    }
    if block.peek("type") == Some("file")
        && let Some(path) = block.word("path")
    {
        return Content::File(path);
    }
    let mut map = block.rest();
    if let Some(Value::Object(source)) = map.get_mut("source") {
        source.shift_remove("data");
    }
    other(map)
}

/// Keeps a piece of a type that is not ours; one without a type, or with one of ours, is data.
pub(super) fn other(map: Map) -> Content {
    let ours = ["text", "thinking", "image", "file", "json"];
    match map.get("type") {
        Some(Value::String(kind)) if !ours.contains(&kind.as_str()) => Content::Other(map),
        _ => Content::Json(Value::Object(map)),
    }
}

/// Reads a picture: its bytes stay in the transcript.
fn image(mut block: Record) -> Content {
    let mut source = block.record("source").unwrap_or_default();
    let keys = ["media_type", "mediaType", "mimeType"];
    let media = keys.iter().find_map(|key| source.text(key).or_else(|| block.text(key)));
    let url = source.text("url").or_else(|| block.text("image_url"));
    let url = url.filter(|it| !it.starts_with("data:"));
    Content::Image(Image { media, sha: None, url })
}

fn call(mut block: Record) -> ToolCall {
    let name = block.text("name").unwrap_or_default();
    ToolCall {
        call: block.id("id").unwrap_or_default(),
        tool_kind: tools::kind(&name),
        name,
        input: block.take("input").or_else(|| block.take("arguments")).unwrap_or_default(),
        msg: None,
        governance: None,
    }
}

fn result(mut block: Record) -> ToolResult {
    let call = block.id("tool_use_id").or_else(|| block.id("toolUseID"));
    // Amp puts status and result into `run`.
    let mut run = block.record("run").unwrap_or_default();
    let failed = block.flag("is_error").or_else(|| block.flag("isError"));
    let done = run.text("status").map(|status| status == "done");
    let content = block.take("content").or_else(|| run.take("result"));
    ToolResult {
        call: call.unwrap_or_default(),
        is_ok: failed.map(|it| !it).or(done),
        content: pieces(content.unwrap_or_default()),
        ..ToolResult::default()
    }
}

/// Returns what a result says; data that is no text stays data.
pub(super) fn pieces(content: Value) -> Vec<Content> {
    let is_piece = |it: &Value| it.get("type").is_some() || it.get("text").is_some();
    let is_plain = |it: &Value| it.is_string() || is_piece(it);
    let said = |it| match block(it) {
        Block::Piece(piece) => piece,
        Block::Call(it) => Content::Json(it.input),
        Block::Result(it) => Content::Text(Content::text_of(&it.content)),
    };
    match content {
        Value::Null => Vec::new(),
        Value::Array(list) if list.iter().all(is_plain) => list.into_iter().map(said).collect(),
        other if is_plain(&other) => vec![said(other)],
        other => vec![Content::Json(other)],
    }
}

/// Says the blocks of a message, in their order: what is said between two calls is one message.
pub(super) fn say(
    out: &mut Out<'_>,
    base: &mut Event,
    role: Role,
    blocks: Vec<Block>,
    mut frame: Frame,
) {
    let message = |content| Message {
        role,
        name: None,
        content,
        msg: frame.msg.clone(),
        model: frame.model.clone(),
        is_meta: frame.is_meta,
    };
    let mut detail = frame.detail.take();
    let (mut said, mut is_silent) = (Vec::new(), true);
    for block in blocks {
        if let Block::Piece(piece) = block {
            said.push(piece);
            continue;
        }
        if !said.is_empty() {
            out.say(base, message(std::mem::take(&mut said)));
        }
        is_silent = false;
        match block {
            Block::Call(mut it) => {
                it.msg = frame.msg.clone();
                it.call = out.call_id(it.call);
                out.say(base, it);
            }
            Block::Result(mut it) => {
                it.detail = detail.take();
                it.call = out.result_id(it.call);
                out.say(base, it);
            }
            Block::Piece(_) => {}
        }
    }
    if is_silent || !said.is_empty() {
        out.say(base, message(said));
    }
}

/// Reads the arguments of a call, which some agents write as text.
pub(super) fn arguments(value: Option<Value>) -> Value {
    unpack(value.unwrap_or_else(|| Value::Object(Map::new())))
}
