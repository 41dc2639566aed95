use super::VERSION;
use crate::model::conversation::{
    Checkpoint, Compaction, Content, Cost, Decision, Event, Fault, FileChange, Governance, Link,
    Message, Meta, Payload, SessionEnd, SessionStart, Source, StateChange, StopReason, ToolCall,
    ToolKind, ToolResult, TurnEnd, Usage,
};
use crate::model::{Map, Outcome, Value};

/// A map that grows in the order of the format; what is not there is left out.
struct Keys(Map);

impl Keys {
    fn put(&mut self, key: &str, value: impl Into<Value>) {
        self.0.insert(key.to_owned(), value.into());
    }

    fn maybe(&mut self, key: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.put(key, value);
        }
    }

    fn text(&mut self, key: &str, text: &Option<String>) {
        self.maybe(key, text.as_deref());
    }

    fn flag(&mut self, key: &str, value: bool) {
        self.maybe(key, value.then_some(true));
    }

    fn count(&mut self, key: &str, number: u64) {
        self.maybe(key, (number > 0).then_some(number));
    }

    /// Adds what this version does not know; a key of its own is not written over.
    fn rest(&mut self, extra: &Map) {
        for (key, value) in extra {
            self.0.entry(key.clone()).or_insert_with(|| value.clone());
        }
    }
}

pub(super) fn event(event: &Event) -> Map {
    let mut keys = Keys(Map::new());
    keys.put("v", VERSION);
    keys.maybe("seq", event.seq);
    keys.put("kind", event.kind());
    keys.maybe("ts", event.at.map(|it| it.to_string()));
    keys.text("id", &event.id);
    keys.text("thread", &event.thread);
    keys.text("parent", &event.parent);
    keys.text("turn", &event.turn);
    keys.maybe("src", event.src.map(source));
    keys.flag("copied", event.copied);
    keys.maybe("replaces", (!event.replaces.is_empty()).then(|| event.replaces.clone()));
    payload(&event.payload, &mut keys);
    keys.rest(&event.extra);
    keys.0
}

fn source(src: Source) -> Map {
    let mut keys = Keys(Map::new());
    keys.put("f", src.file);
    keys.put("off", src.offset);
    keys.put("len", src.n_bytes);
    keys.0
}

fn payload(payload: &Payload, keys: &mut Keys) {
    match payload {
        Payload::SessionStart(it) => session_start(it, keys),
        Payload::SessionEnd(SessionEnd { reason, outcome }) => {
            keys.text("reason", reason);
            keys.maybe("outcome", outcome.map(Outcome::as_str));
        }
        Payload::TurnStart(source) => keys.text("source", source),
        Payload::TurnEnd(TurnEnd { stop, ms }) => {
            keys.maybe("stop", stop.map(StopReason::as_str));
            keys.maybe("ms", *ms);
        }
        Payload::Message(it) => message(it, keys),
        Payload::ToolCall(it) => tool_call(it, keys),
        Payload::ToolResult(it) => tool_result(it, keys),
        Payload::Usage(it) => usage(it, keys),
        Payload::Compaction(it) => compaction(it, keys),
        Payload::State(it) => state(it, keys),
        Payload::File(it) => file(it, keys),
        Payload::Link(Link { to, target }) => keys.put(to.as_str(), target.as_str()),
        Payload::Meta(it) => meta(it, keys),
        Payload::Note(text) => keys.put("text", text.as_str()),
        Payload::Decision(it) => decision(it, keys),
        Payload::Error(it) => fault(it, keys),
        Payload::Checkpoint(Checkpoint { name, commit }) => {
            keys.text("name", name);
            keys.text("commit", commit);
        }
        Payload::Raw { reason, record } => {
            keys.put("reason", reason.as_str());
            keys.maybe("record", record.clone());
        }
        Payload::Skip(reason) => keys.put("reason", reason.as_str()),
        Payload::Other { fields, .. } => keys.rest(fields),
    }
}

fn session_start(it: &SessionStart, keys: &mut Keys) {
    keys.text("agent", &it.agent);
    keys.text("agent_version", &it.agent_version);
    keys.text("model", &it.model);
    keys.text("cwd", &it.cwd);
    keys.text("branch", &it.branch);
    keys.text("head", &it.head);
    keys.text("worktree", &it.worktree);
    keys.text("parent_session", &it.parent_session);
    keys.text("resumed_from", &it.resumed_from);
    keys.text("forked_from", &it.forked_from);
}

fn message(it: &Message, keys: &mut Keys) {
    keys.put("role", it.role.as_str());
    keys.text("name", &it.name);
    keys.put("content", content(&it.content));
    keys.text("msg", &it.msg);
    keys.text("model", &it.model);
    keys.flag("meta", it.is_meta);
}

fn tool_call(it: &ToolCall, keys: &mut Keys) {
    keys.put("call", it.call.as_str());
    keys.put("name", it.name.as_str());
    keys.maybe("tool_kind", it.tool_kind.map(ToolKind::as_str));
    keys.put("input", it.input.clone());
    keys.text("msg", &it.msg);
    keys.maybe("governance", it.governance.as_ref().map(governance));
}

fn governance(it: &Governance) -> Map {
    let mut keys = Keys(Map::new());
    keys.put("allowed", it.is_allowed);
    keys.text("reason", &it.reason);
    keys.text("by", &it.by);
    keys.rest(&it.extra);
    keys.0
}

fn tool_result(it: &ToolResult, keys: &mut Keys) {
    keys.put("call", it.call.as_str());
    keys.maybe("ok", it.is_ok);
    keys.maybe("content", (!it.content.is_empty()).then(|| content(&it.content)));
    keys.maybe("detail", it.detail.clone());
    keys.maybe("ms", it.ms);
    keys.flag("truncated", it.is_truncated);
}

fn usage(it: &Usage, keys: &mut Keys) {
    keys.text("msg", &it.msg);
    keys.text("model", &it.model);
    keys.put("input", it.input);
    keys.count("cache_read", it.cache_read);
    keys.count("cache_write", it.cache_write);
    keys.count("cache_write_1h", it.cache_write_1h);
    keys.put("output", it.output);
    keys.count("reasoning", it.reasoning);
    keys.maybe("cost", it.cost.as_ref().map(cost));
    keys.maybe("final", it.is_partial.then_some(false));
}

fn cost(it: &Cost) -> Map {
    let mut keys = Keys(Map::new());
    keys.put("amount", it.amount);
    keys.put("currency", it.currency.as_str());
    keys.text("source", &it.source);
    keys.0
}

fn compaction(it: &Compaction, keys: &mut Keys) {
    keys.put("phase", it.phase.as_str());
    keys.text("trigger", &it.trigger);
    keys.maybe("pre_tokens", it.pre_tokens);
    keys.maybe("post_tokens", it.post_tokens);
    keys.text("summary", &it.summary);
}

fn state(it: &StateChange, keys: &mut Keys) {
    keys.text("machine", &it.machine);
    keys.text("from", &it.from);
    keys.put("to", it.to.as_str());
    keys.text("cause", &it.cause);
    keys.text("by", &it.by);
}

fn file(it: &FileChange, keys: &mut Keys) {
    keys.put("path", it.path.as_str());
    keys.put("op", it.op.as_str());
    keys.text("call", &it.call);
    keys.text("before", &it.before);
    keys.text("after", &it.after);
}

fn meta(it: &Meta, keys: &mut Keys) {
    keys.text("title", &it.title);
    keys.text("mode", &it.mode);
    keys.text("model", &it.model);
    keys.text("cwd", &it.cwd);
    keys.text("branch", &it.branch);
    keys.text("rewound_to", &it.rewound_to);
}

fn decision(it: &Decision, keys: &mut Keys) {
    keys.put("text", it.text.as_str());
    keys.text("rationale", &it.rationale);
    keys.maybe("alternatives", (!it.alternatives.is_empty()).then(|| it.alternatives.clone()));
}

fn fault(it: &Fault, keys: &mut Keys) {
    keys.put("message", it.message.as_str());
    keys.maybe("recoverable", it.is_recoverable);
    keys.flag("recovered", it.is_recovered);
}

fn content(pieces: &[Content]) -> Vec<Value> {
    pieces.iter().map(piece).collect()
}

fn piece(piece: &Content) -> Value {
    let mut keys = Keys(Map::new());
    match piece {
        Content::Text(text) => {
            keys.put("type", "text");
            keys.put("text", text.as_str());
        }
        Content::Thinking(text) => {
            keys.put("type", "thinking");
            keys.put("thinking", text.as_str());
        }
        Content::Image(image) => {
            keys.put("type", "image");
            keys.text("media", &image.media);
            keys.text("sha", &image.sha);
            keys.text("url", &image.url);
        }
        Content::File(path) => {
            keys.put("type", "file");
            keys.put("path", path.as_str());
        }
        Content::Json(value) => {
            keys.put("type", "json");
            keys.put("value", value.clone());
        }
        Content::Other(map) => return Value::Object(map.clone()),
    }
    Value::Object(keys.0)
}
