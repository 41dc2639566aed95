//! Codex CLI: `~/.codex/sessions/YYYY/MM/DD/rollout-<time>-<id>.jsonl`.
//!
//! Source: files of the versions 0.99 to 0.169. A line is `{timestamp, ordinal?, type, payload}`; what
//! the model saw is in `response_item`, what the person saw again in `event_msg`. Usage comes as totals
//! so far and as the last request's; a total that is the same as before is the same request again.

mod item;
mod open;

use self::item::Items;
use super::out::{Out, first, keep_rest};
use super::record::Record;
use super::transcript::{Reader, is_copying};
use crate::model::conversation::{
    Compaction, Event, Fault, FileChange, FileOp, Meta, Payload, Phase, StopReason, TurnEnd, Usage,
};
use crate::model::{Map, Value};

/// Reads Codex's records.
#[derive(Debug, Default)]
pub(super) struct Codex {
    /// The turn that is under way.
    turn: Option<String>,
    /// The directory that was told last.
    cwd: Option<String>,
    /// What is known of the model and its items.
    items: Items,
    /// The totals that were told last: input, cached, output.
    total: Option<Total>,
    /// Records with a smaller ordinal were copied from another thread.
    own_from: u64,
    /// Whether the copied beginning is over.
    is_own: bool,
}

type Total = [u64; 4];

impl Reader for Codex {
    fn read(&mut self, mut record: Record, base: &mut Event, out: &mut Out<'_>) {
        base.at = record.time("timestamp");
        let ordinal = record.number("ordinal");
        base.id = ordinal.map(|it| it.to_string());
        base.copied = ordinal.is_some_and(|it| it < self.own_from);
        let kind = record.text("type").unwrap_or_default();
        let Some(payload) = record.record("payload") else {
            return self.bare(&kind, record, base, out);
        };
        keep_rest(base, record);
        self.line(&kind, payload, base, out);
    }

    fn memory(&self) -> Map {
        let total = self.total.map(|total| total.into_iter().map(Value::from).collect::<Value>());
        let own_from = (self.own_from > 0).then(|| self.own_from.into());
        let pairs = [("total", total), ("own_from", own_from)];
        pairs.into_iter().filter_map(|(key, it)| Some((key.to_owned(), it?))).collect()
    }

    fn go_on(&mut self, memory: &Map) {
        let counts = memory.get("total").and_then(Value::as_array);
        let counts: Option<Vec<u64>> = counts.and_then(|it| it.iter().map(Value::as_u64).collect());
        self.total = counts.and_then(|it| it.try_into().ok());
        self.own_from = memory.get("own_from").and_then(Value::as_u64).unwrap_or_default();
        self.is_own = !is_copying(memory);
    }

    fn tells_from_within(&self) -> bool {
        self.own_from == 0
    }

    fn finish(&mut self, out: &mut Out<'_>) {
        self.items.open.give_up(out);
    }
}

impl Codex {
    fn line(&mut self, kind: &str, mut payload: Record, base: &mut Event, out: &mut Out<'_>) {
        base.turn = self.turn.clone();
        match kind {
            "session_meta" => self.session(payload, base, out),
            "turn_context" => self.turn_context(payload, base, out),
            "response_item" => {
                base.copied |= self.is_copied_turn(out);
                item::read(payload, &mut self.items, base, out);
            }
            "event_msg" => self.event(payload, base, out),
            "compacted" => {
                let summary = payload.word("message");
                payload.take("replacement_history");
                keep_rest(base, payload);
                out.say(base, Compaction { summary, ..Compaction::new(Phase::Summary) });
            }
            "token_usage_record" => out.skip(base, "the usage is told by token_count"),
            _ => out.raw(base, &format!("type '{kind}'"), payload.rest()),
        }
    }

    /// Reads a line of the first versions: no payload, the item itself.
    fn bare(&mut self, kind: &str, mut record: Record, base: &mut Event, out: &mut Out<'_>) {
        if record.has("instructions") || record.has("git") {
            record.text("instructions");
            return self.session(record, base, out);
        }
        if kind.is_empty() {
            return out.raw(base, "no type", record.rest());
        }
        let mut map = record.rest();
        map.insert("type".to_owned(), kind.into());
        let item = Record::new(Value::Object(map)).unwrap_or_default();
        item::read(item, &mut self.items, base, out);
    }

    fn session(&mut self, mut meta: Record, base: &mut Event, out: &mut Out<'_>) {
        let id = meta.id("id");
        let is_first = out.state.facts.session_id.is_none();
        if !is_first && out.state.facts.session_id != id {
            return out.skip(base, "the beginning of the thread that was copied");
        }
        let mut git = meta.record("git").unwrap_or_default();
        let facts = &mut out.state.facts;
        facts.branch = git.word("branch").or(facts.branch.take());
        if !is_first {
            keep_rest(base, meta);
            let branch = out.state.facts.branch.clone();
            out.say(base, Meta { branch, ..Meta::default() });
            return;
        }
        facts.session_id = id;
        facts.version = meta.word("cli_version");
        facts.cwd = meta.word("cwd");
        facts.head = git.word("commit_hash");
        facts.forked_from = meta.word("forked_from_id");
        facts.parent_session = meta.word("parent_thread_id");
        first(&mut facts.model, meta.peek("model"));
        let base_end =
            meta.record("history_base").and_then(|mut it| it.number("end_ordinal_exclusive"));
        self.own_from = meta.number("subagent_history_start_ordinal").or(base_end).unwrap_or(0);
        let at = meta.time("timestamp").or(base.at);
        out.start("codex", at);
        meta.take("base_instructions");
        meta.take("dynamic_tools");
        if let Some(start) = out.events.last_mut() {
            keep_rest(start, meta);
        }
    }

    fn turn_context(&mut self, mut context: Record, base: &mut Event, out: &mut Out<'_>) {
        if let Some(turn) = context.word("turn_id") {
            self.turn = Some(turn);
        }
        base.turn = self.turn.clone();
        base.copied |= self.is_copied_turn(out);
        let (model, cwd) = (context.word("model"), context.word("cwd"));
        first(&mut out.state.facts.model, model.as_deref());
        first(&mut out.state.facts.cwd, cwd.as_deref());
        if model == self.items.model && cwd == self.cwd {
            return out.skip(base, "the context of the turn is the same as before");
        }
        self.items.model.clone_from(&model);
        self.cwd.clone_from(&cwd);
        keep_rest(base, context);
        out.say(base, Meta { model, cwd, ..Meta::default() });
    }

    /// Tells whether the turn under way was copied: turns keep their ids.
    fn is_copied_turn(&mut self, out: &mut Out<'_>) -> bool {
        match &self.turn {
            Some(turn) => out.mark(&("turn", turn)),
            None => false,
        }
    }

    fn event(&mut self, mut event: Record, base: &mut Event, out: &mut Out<'_>) {
        let kind = event.peek("type").unwrap_or_default().to_owned();
        match kind.as_str() {
            "task_started" | "turn_started" => {
                self.turn = event.word("turn_id").or(self.turn.take());
                base.turn = self.turn.clone();
                base.copied |= self.is_copied_turn(out);
                keep_rest(base, event);
                out.say(base, Payload::TurnStart(None));
            }
            "task_complete" | "task_completed" | "turn_complete" | "turn_aborted" => {
                self.turn_end(event, base, out);
            }
            "token_count" => self.tokens(event, base, out),
            "user_message"
            | "agent_message"
            | "agent_reasoning"
            | "agent_reasoning_raw_content"
            | "item_started"
            | "item_completed"
            | "exec_command_begin"
            | "exec_command_end"
            | "mcp_tool_call_begin"
            | "mcp_tool_call_end"
            | "web_search_begin"
            | "web_search_end"
            | "agent_reasoning_section_break"
            | "patch_apply_begin"
            | "raw_response_item" => {
                out.skip(base, "told by a response_item");
            }
            "patch_apply_end" => patch(event, base, out),
            "context_compacted" => {
                out.say(base, Compaction::new(Phase::Boundary));
            }
            "thread_name_updated" => {
                let keys = ["thread_name", "name"];
                let title = keys.into_iter().find_map(|key| event.word(key));
                out.state.facts.title.clone_from(&title);
                out.say(base, Meta { title, ..Meta::default() });
            }
            "error" | "stream_error" => {
                let message = event.word("message").unwrap_or_else(|| kind.clone());
                keep_rest(base, event);
                out.say(base, Fault { message, ..Fault::default() });
            }
            _ => out.raw(base, &format!("event_msg '{kind}'"), event.rest()),
        }
    }

    fn turn_end(&mut self, mut event: Record, base: &mut Event, out: &mut Out<'_>) {
        let is_aborted = event.text("type").is_some_and(|it| it == "turn_aborted");
        base.turn = event.word("turn_id").or(self.turn.clone());
        base.copied |= self.is_copied_turn(out);
        let stop = match event.peek("reason") {
            Some("interrupted") if is_aborted => StopReason::Cancelled,
            _ if is_aborted => StopReason::Interrupted,
            _ if event.has("error") => StopReason::Error,
            _ => StopReason::EndTurn,
        };
        event.text("last_agent_message");
        let ms = event.number("duration_ms");
        keep_rest(base, event);
        out.say(base, TurnEnd { stop: Some(stop), ms });
        self.turn = None;
        self.items.open.give_up(out);
    }

    fn tokens(&mut self, mut event: Record, base: &mut Event, out: &mut Out<'_>) {
        let Some(mut info) = event.record("info") else {
            return match event.has("input_tokens") {
                true => out.raw(base, "token_count without totals", event.rest()),
                false => out.skip(base, "no tokens are told"),
            };
        };
        let total = info.record("total_token_usage").map(|mut it| counts(&mut it));
        if total.is_some() && total == self.total {
            return out.skip(base, "the total is the same as before");
        }
        self.total = total.or(self.total);
        let Some(mut last) = info.record("last_token_usage") else {
            return out.raw(base, "token_count without the last usage", info.rest());
        };
        base.copied |= self.is_copied_total(total, out);
        let cached = last.count("cached_input_tokens");
        let written = last.count("cache_write_input_tokens");
        let usage = Usage {
            msg: None,
            model: self.items.model.clone(),
            input: last.count("input_tokens").saturating_sub(cached).saturating_sub(written),
            cache_read: cached,
            cache_write: written,
            output: last.count("output_tokens"),
            reasoning: last.count("reasoning_output_tokens"),
            ..Usage::default()
        };
        keep_rest(base, info);
        out.say(base, usage);
    }

    /// Tells whether a total was copied: the first totals of a fork are those of its parent, in their
    /// order, and never again after the first that is not.
    fn is_copied_total(&mut self, total: Option<Total>, out: &mut Out<'_>) -> bool {
        let Some(total) = total else {
            return false;
        };
        let parent = out.state.facts.origin();
        let is_of_parent = parent.is_some() && parent == out.state.inherited.session_id.as_deref();
        let is_known = out.mark(&("total", total));
        self.is_own |= !(is_of_parent && is_known);
        !self.is_own
    }
}

fn counts(usage: &mut Record) -> Total {
    let keys = ["input_tokens", "cached_input_tokens", "output_tokens", "reasoning_output_tokens"];
    keys.map(|key| usage.count(key))
}

fn patch(mut event: Record, base: &mut Event, out: &mut Out<'_>) {
    let call = event.word("call_id");
    let Some(changes) = event.record("changes") else {
        return out.raw(base, "a patch without changes", event.rest());
    };
    if event.flag("success") == Some(false) {
        return out.skip(base, "the patch was not applied");
    }
    for (path, change) in changes.rest() {
        let kind = change.get("type").and_then(Value::as_str).unwrap_or_default();
        let op = match kind {
            "add" => FileOp::Create,
            "delete" => FileOp::Delete,
            _ => FileOp::Edit,
        };
        out.say(base, FileChange { path, op, call: call.clone(), before: None, after: None });
    }
}
