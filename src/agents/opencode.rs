//! OpenCode, as `opencode export <session>` writes it: one JSON document.
//!
//! Source: files of the versions 1.2 to 1.18. A message has its usage once; the parts `step-finish` have
//! it again. `input` is uncached; `output` has not the reasoning. The database itself is SQLite, and is
//! not read here: `export` is its portable form. The rows of its tables as JSON, `{session, message,
//! part}`, are read too.

mod tables;

use super::out::{Out, blank, first, keep_rest};
use super::record::Record;
use super::tools;
use super::transcript::Reader;
use crate::model::Value;
use crate::model::conversation::{
    Compaction, Content, Cost, Event, Fault, FileChange, FileOp, Message, Phase, Role, ToolCall,
    ToolResult, Usage,
};

/// Reads OpenCode's documents.
#[derive(Debug)]
pub(super) struct OpenCode;

impl Reader for OpenCode {
    fn read(&mut self, mut document: Record, base: &mut Event, out: &mut Out<'_>) {
        if document.has_list("session") && document.has_list("part") {
            return tables::read(document, out);
        }
        let Some(info) = document.record("info") else {
            return out.raw(base, "no session", document.rest());
        };
        session(info, out);
        for message in document.list("messages") {
            match Record::new(message) {
                Ok(it) => self::message(it, out),
                Err(other) => out.raw(base, "no message", other),
            }
        }
    }
}

fn session(mut info: Record, out: &mut Out<'_>) {
    let mut time = info.record("time").unwrap_or_default();
    let facts = &mut out.state.facts;
    facts.session_id = info.word("id");
    facts.cwd = info.word("directory");
    facts.title = info.word("title");
    facts.version = info.word("version");
    facts.parent_session = info.word("parentID");
    out.start("opencode", time.time("created"));
    if let Some(start) = out.events.last_mut() {
        keep_rest(start, info);
    }
}

fn message(mut record: Record, out: &mut Out<'_>) {
    let mut info = record.record("info").unwrap_or_default();
    let mut base = blank();
    base.at = info.record("time").unwrap_or_default().time("created");
    base.id = info.word("id");
    base.parent = info.word("parentID");
    info.word("sessionID");
    if let Some(id) = &base.id {
        base.copied = out.mark(&(id, base.at));
    }
    let role = info.text("role").and_then(|it| it.parse().ok()).unwrap_or(Role::Assistant);
    let model = info.word("modelID");
    first(&mut out.state.facts.model, model.as_deref());
    let tokens = info.record("tokens");
    let cost = info.fraction("cost");
    let error = info.record("error");
    keep_rest(&mut base, info);
    let frame =
        Message { model: model.clone(), msg: base.id.clone(), ..Message::new(role, Vec::new()) };
    let n_before = out.events.len();
    for part in record.records("parts") {
        self::part(part, &frame, &mut base, out);
    }
    if let Some(mut error) = error {
        let message = error.word("name").unwrap_or_else(|| "error".to_owned());
        keep_rest(&mut base, error);
        out.say(&mut base, Fault { message, ..Fault::default() });
    }
    if out.events.len() == n_before {
        out.say(&mut base, frame);
    }
    if let Some(tokens) = tokens.filter(|_| role == Role::Assistant) {
        let usage = usage(tokens, cost, base.id.clone(), model);
        out.say(&mut base, usage);
    }
}

fn usage(
    mut tokens: Record,
    cost: Option<f64>,
    msg: Option<String>,
    model: Option<String>,
) -> Usage {
    let mut cache = tokens.record("cache").unwrap_or_default();
    let reasoning = tokens.count("reasoning");
    let currency = "USD".to_owned();
    let cost = cost.filter(|it| *it > 0.0);
    Usage {
        msg,
        model,
        input: tokens.count("input"),
        cache_read: cache.count("read"),
        cache_write: cache.count("write"),
        output: tokens.count("output").saturating_add(reasoning),
        reasoning,
        cost: cost.map(|amount| Cost { amount, currency, source: Some("agent".to_owned()) }),
        ..Usage::default()
    }
}

fn part(mut part: Record, frame: &Message, base: &mut Event, out: &mut Out<'_>) {
    let kind = part.text("type").unwrap_or_default();
    let mut base = base_of(&mut part, base);
    let say = |out: &mut Out<'_>, base: &mut Event, piece| {
        out.say(base, Message { content: vec![piece], ..frame.clone() });
    };
    match kind.as_str() {
        "text" => {
            let piece = Content::Text(part.text("text").unwrap_or_default());
            let is_meta = part.flag("synthetic").unwrap_or_default();
            out.say(&mut base, Message { content: vec![piece], is_meta, ..frame.clone() });
        }
        "reasoning" => {
            say(out, &mut base, Content::Thinking(part.text("text").unwrap_or_default()));
        }
        "file" => {
            let path = part.word("filename").or_else(|| part.word("url")).unwrap_or_default();
            say(out, &mut base, Content::File(path));
        }
        "tool" => tool(part, frame, &mut base, out),
        "compaction" => {
            out.say(&mut base, Compaction::new(Phase::Boundary));
        }
        "patch" => {
            for path in part.list("files").iter().filter_map(Value::as_str) {
                let op = FileOp::Edit;
                let path = path.to_owned();
                out.say(&mut base, FileChange { path, op, call: None, before: None, after: None });
            }
        }
        "step-start" | "step-finish" => out.skip(&mut base, "the usage is told with the message"),
        _ => out.raw(&mut base, &format!("part '{kind}'"), part.rest()),
    }
}

/// Returns the envelope of a part: that of its message, with its own time.
fn base_of(part: &mut Record, base: &mut Event) -> Event {
    let extra = std::mem::take(&mut base.extra);
    let start = part.record("time").unwrap_or_default().time("start");
    for key in ["id", "sessionID", "messageID"] {
        part.word(key);
    }
    Event { extra, at: start.or(base.at), ..base.clone() }
}

fn tool(mut part: Record, frame: &Message, base: &mut Event, out: &mut Out<'_>) {
    let mut state = part.record("state").unwrap_or_default();
    let mut time = state.record("time").unwrap_or_default();
    let name = part.text("tool").unwrap_or_default();
    let id = part.id("callID").unwrap_or_default();
    let id = out.call_id(id);
    let status = state.text("status").unwrap_or_default();
    let (start, end) = (time.time("start"), time.time("end"));
    base.at = start.or(base.at);
    let call = ToolCall {
        call: id.clone(),
        tool_kind: tools::kind(&name),
        name,
        input: state.take("input").unwrap_or_default(),
        msg: frame.msg.clone(),
        governance: None,
    };
    out.say(base, call);
    if !["completed", "error"].contains(&status.as_str()) {
        return;
    }
    let said = state.text("output").or_else(|| state.text("error")).unwrap_or_default();
    let ms =
        start.zip(end).map(|(start, end)| (end.micros() - start.micros()).max(0) as u64 / 1000);
    base.at = end.or(base.at);
    let result = ToolResult {
        call: out.result_id(id),
        is_ok: Some(status == "completed"),
        content: vec![Content::Text(said)],
        detail: state.take("metadata"),
        ms,
        is_truncated: false,
    };
    out.say(base, result);
}
