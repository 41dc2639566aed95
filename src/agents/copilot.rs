//! GitHub Copilot CLI: `~/.copilot/session-state/<id>/events.jsonl`.
//!
//! Source: files of the versions 1.0. An answer says how much was answered; only `session.shutdown` says
//! what was fed, for each model, and stands for the usages since the session went on.

use std::collections::HashSet;

use super::blocks::{arguments, pieces};
use super::out::{Out, first, keep_rest};
use super::record::Record;
use super::tools;
use super::transcript::Reader;
use crate::model::conversation::{
    Compaction, Content, Event, Fault, Message, Meta, Payload, Phase, Role, SessionEnd, StopReason,
    ToolCall, ToolResult, TurnEnd, Usage,
};
use crate::model::{Map, Value};

/// Reads Copilot CLI's records.
#[derive(Debug, Default)]
pub(super) struct Copilot {
    /// The calls that were told.
    calls: HashSet<String>,
    /// The numbers of the usages that a shutdown will stand for.
    usages: Vec<u64>,
    /// Whether another reader told what was before.
    goes_on: bool,
    /// Whether a shutdown stands for usages of then.
    looks_back: bool,
}

impl Reader for Copilot {
    fn read(&mut self, mut record: Record, base: &mut Event, out: &mut Out<'_>) {
        base.at = record.time("timestamp");
        base.id = record.word("id");
        base.parent = record.word("parentId");
        base.thread = record.word("agentId");
        if let Some(id) = &base.id {
            base.copied = out.mark(&(id, base.at));
        }
        let kind = record.text("type").unwrap_or_default();
        let data = record.record("data").unwrap_or_default();
        keep_rest(base, record);
        self.event(&kind, data, base, out);
    }

    fn go_on(&mut self, _: &Map) {
        self.goes_on = true;
    }

    fn looks_back(&self) -> bool {
        self.looks_back
    }
}

impl Copilot {
    fn event(&mut self, kind: &str, mut data: Record, base: &mut Event, out: &mut Out<'_>) {
        base.turn = data.word("turnId");
        base.thread = data.word("parentToolCallId").or(base.thread.take());
        match kind {
            "session.start" | "session.resume" => session(data, base, out),
            "session.model_change" => {
                let model = data.word("newModel");
                first(&mut out.state.facts.model, model.as_deref());
                out.say(base, Meta { model, ..Meta::default() });
            }
            "session.title_changed" => {
                let title = data.word("title");
                out.state.facts.title.clone_from(&title);
                out.say(base, Meta { title, ..Meta::default() });
            }
            "session.error" => {
                let message = data.word("message").unwrap_or_else(|| kind.to_owned());
                out.say(base, Fault { message, ..Fault::default() });
            }
            "session.shutdown" => self.shutdown(data, base, out),
            "session.compaction_start" | "session.compaction_complete" | "session.truncation" => {
                compaction(kind, data, base, out);
            }
            "user.message" | "system.message" => {
                let role = if kind == "user.message" { Role::User } else { Role::System };
                let content = pieces(data.take("content").unwrap_or_default());
                let is_meta = role == Role::System || data.word("source").is_some();
                out.say(base, Message { is_meta, ..Message::new(role, content) });
            }
            "assistant.message" => self.answer(data, base, out),
            "assistant.reasoning" => out.skip(base, "the reasoning is told with the answer"),
            "assistant.usage" => self.usage(data, base, out),
            "assistant.turn_start" => {
                out.say(base, Payload::TurnStart(None));
            }
            "assistant.turn_end" => {
                out.say(base, TurnEnd { stop: Some(StopReason::EndTurn), ms: None });
            }
            "abort" => {
                out.say(base, TurnEnd { stop: Some(StopReason::Cancelled), ms: None });
            }
            "tool.execution_start" => self.tool_start(data, base, out),
            "tool.execution_complete" => tool_end(data, base, out),
            _ => out.raw(base, &format!("type '{kind}'"), data.rest()),
        }
    }

    fn answer(&mut self, mut data: Record, base: &mut Event, out: &mut Out<'_>) {
        let msg = data.word("messageId").or_else(|| base.id.clone());
        let model = data.word("model");
        let mut content = Vec::new();
        content.extend(data.word("reasoningText").map(Content::Thinking));
        content.extend(data.word("content").map(Content::Text));
        let frame = Message {
            msg: msg.clone(),
            model: model.clone(),
            ..Message::new(Role::Assistant, content)
        };
        out.say(base, frame);
        for mut request in data.records("toolRequests") {
            let id = request.id("toolCallId").unwrap_or_default();
            let name = request.text("name").unwrap_or_default();
            let input = arguments(request.take("arguments"));
            self.call(id, name, input, msg.clone(), base, out);
        }
        if data.has("outputTokens") {
            let output = data.count("outputTokens");
            let usage = Usage { msg, model, output, ..Usage::default() };
            self.usages.push(out.say(base, usage));
        }
    }

    fn call(
        &mut self,
        id: String,
        name: String,
        input: Value,
        msg: Option<String>,
        base: &mut Event,
        out: &mut Out<'_>,
    ) -> bool {
        let call = out.call_id(id);
        let is_new = self.calls.insert(call.clone());
        if is_new {
            let tool_kind = tools::kind(&name);
            out.say(base, ToolCall { call, name, tool_kind, input, msg, governance: None });
        }
        is_new
    }

    fn tool_start(&mut self, mut data: Record, base: &mut Event, out: &mut Out<'_>) {
        let id = data.id("toolCallId").unwrap_or_default();
        let name = data.text("toolName").unwrap_or_default();
        let input = arguments(data.take("arguments"));
        if !self.call(id, name, input, None, base, out) {
            out.skip(base, "the call is told with the answer");
        }
    }

    fn usage(&mut self, mut data: Record, base: &mut Event, out: &mut Out<'_>) {
        let msg = data.word("messageId").or_else(|| data.word("apiCallId"));
        let model = data.word("model");
        let usage = Usage { msg, model, ..counts(&mut data) };
        self.usages.push(out.say(base, usage));
    }

    fn shutdown(&mut self, mut data: Record, base: &mut Event, out: &mut Out<'_>) {
        self.looks_back |= std::mem::take(&mut self.goes_on);
        let metrics = data.record("modelMetrics").unwrap_or_default().rest();
        for (model, metric) in metrics {
            let usage = Record::new(metric).ok().and_then(|mut it| it.record("usage"));
            if let Some(mut usage) = usage {
                base.replaces.append(&mut self.usages);
                let usage = Usage { model: Some(model), ..counts(&mut usage) };
                out.say(base, usage);
            }
        }
        self.usages.clear();
        let reason = data.word("shutdownType");
        keep_rest(base, data);
        out.say(base, SessionEnd { reason, outcome: None });
    }
}

/// Reads counts of which the input has the cached tokens in it.
fn counts(data: &mut Record) -> Usage {
    let read = data.count("cacheReadTokens");
    Usage {
        input: data.count("inputTokens").saturating_sub(read),
        cache_read: read,
        cache_write: data.count("cacheWriteTokens"),
        output: data.count("outputTokens"),
        ..Usage::default()
    }
}

fn session(mut data: Record, base: &mut Event, out: &mut Out<'_>) {
    let mut context = data.record("context").unwrap_or_default();
    let facts = &mut out.state.facts;
    let is_first = facts.session_id.is_none();
    first(&mut facts.session_id, data.peek("sessionId"));
    first(&mut facts.version, data.peek("copilotVersion"));
    first(&mut facts.model, data.peek("selectedModel"));
    first(&mut facts.cwd, context.peek("cwd"));
    first(&mut facts.head, context.peek("headCommit"));
    facts.branch = context.word("branch").or(facts.branch.take());
    if is_first {
        out.start("copilot-cli", base.at);
        return;
    }
    let (cwd, branch) = (context.word("cwd"), out.state.facts.branch.clone());
    keep_rest(base, data);
    out.say(base, Meta { cwd, branch, ..Meta::default() });
}

fn compaction(kind: &str, mut data: Record, base: &mut Event, out: &mut Out<'_>) {
    let phase =
        if kind == "session.compaction_complete" { Phase::Summary } else { Phase::Boundary };
    let compaction = Compaction {
        pre_tokens: data
            .number("preCompactionTokens")
            .or_else(|| data.number("preTruncationTokensInMessages")),
        post_tokens: data.number("postTruncationTokensInMessages"),
        summary: data.word("summaryContent"),
        ..Compaction::new(phase)
    };
    keep_rest(base, data);
    out.say(base, compaction);
}

fn tool_end(mut data: Record, base: &mut Event, out: &mut Out<'_>) {
    let call = data.id("toolCallId").unwrap_or_default();
    let mut result = data.record("result").unwrap_or_default();
    let told = result.text("result_type").map(|it| it == "success");
    let content = result.take("content").or_else(|| result.take("text_result_for_llm"));
    let result = ToolResult {
        call: out.result_id(call),
        is_ok: data.flag("success").or(told),
        content: pieces(content.unwrap_or_default()),
        detail: result.take("detailedContent"),
        ..ToolResult::default()
    };
    keep_rest(base, data);
    out.say(base, result);
}
