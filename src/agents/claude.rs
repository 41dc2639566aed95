//! Claude Code: `~/.claude/projects/<slug>/<session>.jsonl`, and `subagents/agent-<id>.jsonl` beside it.
//!
//! Source: files of the versions 1.0 to 2.1. An answer is written as one line for each block, each with
//! the id of the answer and its usage so far.

use super::blocks::{self, Block, Frame};
use super::out::{Out, first, keep_rest};
use super::record::Record;
use super::transcript::Reader;
use crate::model::Map;
use crate::model::conversation::{
    Compaction, Content, Event, Fault, Link, LinkKind, Message, Meta, Payload, Phase, Role,
    TurnEnd, Usage,
};

/// Reads Claude Code's records.
#[derive(Debug)]
pub(super) struct Claude;

impl Reader for Claude {
    fn read(&mut self, mut record: Record, base: &mut Event, out: &mut Out<'_>) {
        envelope(&mut record, base, out);
        let kind = record.peek("type").unwrap_or_default().to_owned();
        match kind.as_str() {
            "user" | "assistant" => message(record, base, out),
            "system" => system(record, base, out),
            "attachment" => attachment(record, base, out),
            _ => other(&kind, record, base, out),
        }
    }

    fn tells_from_within(&self) -> bool {
        true
    }
}

/// Takes what most records have, and starts the session.
fn envelope(record: &mut Record, base: &mut Event, out: &mut Out<'_>) {
    base.at = record.time("timestamp");
    base.id = record.word("uuid");
    base.parent = record.word("parentUuid").filter(|it| base.id.as_ref() != Some(it));
    base.turn = record.word("promptId");
    let is_side = record.flag("isSidechain").unwrap_or_default();
    let agent = record.word("agentId").filter(|_| is_side);
    base.thread = agent.clone().or_else(|| is_side.then(|| "sidechain".to_owned()));
    if let Some(id) = &base.id {
        // The id of a record is its idempotency key: the same one again is the same record.
        base.copied = out.has(id);
        out.note(id);
        base.copied |= out.mark(&(id, base.at));
    }
    let facts = &mut out.state.facts;
    if facts.session_id.is_none() {
        facts.thread.clone_from(&agent);
    }
    first(&mut facts.session_id, record.peek("sessionId"));
    first(&mut facts.version, record.peek("version"));
    first(&mut facts.cwd, record.peek("cwd"));
    if let Some(mut fork) = record.record("forkedFrom") {
        facts.forked_from = fork.word("sessionId");
        base.copied = true;
    }
    for key in ["sessionId", "version", "cwd"] {
        record.word(key);
    }
    facts.branch = record.word("gitBranch").or(facts.branch.take());
    if base.id.is_some() {
        out.start("claude-code", base.at);
    }
}

fn message(mut record: Record, base: &mut Event, out: &mut Out<'_>) {
    let Some(mut message) = record.record("message") else {
        return out.raw(base, "no message", record.rest());
    };
    let kind = record.text("type");
    let role = message.text("role").or(kind).and_then(|it| it.parse().ok()).unwrap_or(Role::User);
    let content = message.take("content").unwrap_or_default();
    let usage = message.record("usage");
    let is_partial = !message.has("stop_reason");
    let frame = Frame {
        msg: message.word("id"),
        model: message.word("model").filter(|it| it != "<synthetic>"),
        is_meta: record.flag("isMeta").unwrap_or_default(),
        detail: record.take("toolUseResult"),
    };
    first(&mut out.state.facts.model, frame.model.as_deref());
    let is_summary = record.flag("isCompactSummary").unwrap_or_default();
    let is_failure = record.flag("isApiErrorMessage").unwrap_or_default();
    keep_rest(base, record);
    let (msg, model) = (frame.msg.clone(), frame.model.clone());
    let blocks: Vec<Block> = blocks::blocks(content).into_iter().map(with_id).collect();
    if is_summary || is_failure {
        let text = said(&blocks);
        if is_summary {
            let summary = Some(text);
            out.say(base, Compaction { summary, ..Compaction::new(Phase::Summary) });
        } else {
            out.say(base, Fault { message: text, ..Fault::default() });
        }
    } else {
        blocks::say(out, base, role, blocks, frame);
    }
    if let Some(usage) = usage.map(|it| read_usage(it, msg, model, is_partial)) {
        out.say(base, usage);
    }
}

/// Takes a call without an id for something said: the API knows no such call, and it cannot run.
fn with_id(block: Block) -> Block {
    match block {
        Block::Call(it) if it.call.is_empty() => {
            let mut map = Map::new();
            map.insert("type".to_owned(), "tool_use".into());
            map.insert("name".to_owned(), it.name.into());
            map.insert("input".to_owned(), it.input);
            Block::Piece(Content::Other(map))
        }
        other => other,
    }
}

fn said(blocks: &[Block]) -> String {
    let text = |it: &Block| match it {
        Block::Piece(piece) => piece.as_text().map(str::to_owned),
        _ => None,
    };
    blocks.iter().filter_map(text).collect::<Vec<_>>().join("\n")
}

/// Reads the usage of Anthropic's API: `input_tokens` are the uncached ones.
pub(super) fn read_usage(
    mut usage: Record,
    msg: Option<String>,
    model: Option<String>,
    is_partial: bool,
) -> Usage {
    let mut details = usage.record("output_tokens_details").unwrap_or_default();
    let mut cache = usage.record("cache_creation").unwrap_or_default();
    Usage {
        msg,
        model,
        input: usage.count("input_tokens"),
        cache_read: usage.count("cache_read_input_tokens"),
        cache_write: usage.count("cache_creation_input_tokens"),
        cache_write_1h: cache.count("ephemeral_1h_input_tokens"),
        output: usage.count("output_tokens"),
        reasoning: details.count("thinking_tokens"),
        cost: None,
        is_partial,
    }
}

fn system(mut record: Record, base: &mut Event, out: &mut Out<'_>) {
    let subtype = record.peek("subtype").unwrap_or_default().to_owned();
    match subtype.as_str() {
        "compact_boundary" | "microcompact_boundary" => {
            let mut meta = record.record("compactMetadata").unwrap_or_default();
            let compaction = Compaction {
                trigger: meta.word("trigger"),
                pre_tokens: meta.number("preTokens"),
                post_tokens: meta.number("postTokens"),
                ..Compaction::new(Phase::Boundary)
            };
            keep_rest(base, record);
            out.say(base, compaction);
        }
        "turn_duration" => {
            let ms = record.number("durationMs");
            keep_rest(base, record);
            out.say(base, TurnEnd { stop: None, ms });
        }
        "api_error" | "api_refusal" | "error" => {
            let message = record.word("content").unwrap_or_else(|| subtype.clone());
            keep_rest(base, record);
            out.say(base, Fault { message, ..Fault::default() });
        }
        _ => out.raw(base, &format!("system '{subtype}'"), record.rest()),
    }
}

fn attachment(mut record: Record, base: &mut Event, out: &mut Out<'_>) {
    let Some(mut attachment) = record.record("attachment") else {
        return out.raw(base, "no attachment", record.rest());
    };
    let kind = attachment.peek("type").unwrap_or_default().to_owned();
    // What the person typed while the model was still answering.
    let is_prompt = kind == "queued_command" && attachment.has("prompt");
    if !is_prompt {
        return out.raw(base, &format!("attachment '{kind}'"), attachment.rest());
    }
    let content = blocks::pieces(attachment.take("prompt").unwrap_or_default());
    let is_notice = Content::text_of(&content).starts_with("<task-notification>");
    let is_meta = is_notice || attachment.peek("commandMode").is_some_and(|it| it != "prompt");
    keep_rest(base, attachment);
    out.say(base, Message { is_meta, ..Message::new(Role::User, content) });
}

fn other(kind: &str, mut record: Record, base: &mut Event, out: &mut Out<'_>) {
    let key = match kind {
        "summary" => "summary",
        "custom-title" => "customTitle",
        "ai-title" => "aiTitle",
        "agent-name" => "agentName",
        "mode" => "mode",
        "permission-mode" => "permissionMode",
        "relocated" => "relocatedCwd",
        "pr-link" => "prUrl",
        "frame-link" => "frameUrl",
        "last-prompt" => return out.skip(base, "the last prompt again"),
        _ => return out.raw(base, &format!("type '{kind}'"), record.rest()),
    };
    let Some(text) = record.word(key) else {
        return out.raw(base, &format!("type '{kind}'"), record.rest());
    };
    let payload: Payload = match kind {
        "pr-link" => Link { to: LinkKind::Pr, target: text }.into(),
        "frame-link" => Link { to: LinkKind::Url, target: text }.into(),
        "mode" | "permission-mode" => Meta { mode: Some(text), ..Meta::default() }.into(),
        "relocated" => Meta { cwd: Some(text), ..Meta::default() }.into(),
        _ => {
            out.state.facts.title = Some(text.clone());
            Meta { title: Some(text), ..Meta::default() }.into()
        }
    };
    keep_rest(base, record);
    out.say(base, payload);
}
