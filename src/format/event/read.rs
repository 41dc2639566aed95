use super::VERSION;
use crate::format::fields::{Fields, Invalid};
use crate::model::conversation::{
    Checkpoint, Compaction, Content, Cost, Decision, Event, Fault, FileChange, Governance, Image,
    Link, LinkKind, Message, Meta, Payload, SessionEnd, SessionStart, Source, StateChange,
    ToolCall, ToolResult, TurnEnd, Usage,
};
use crate::model::{Map, Value};

type Read<T> = Result<T, Invalid>;

/// The largest number that every reader of JSON keeps.
const MAX: u64 = 1 << 53;
/// The longest word for a kind, in bytes.
const MAX_KIND: usize = 64;

pub(super) fn event(map: Map) -> Read<Event> {
    let mut fields = Fields::new(map);
    if let Some(version) = fields.take("v").filter(|it| it.as_u64() != Some(VERSION)) {
        let known = format!("is {version}, and this git-session knows {VERSION}");
        return Err(Invalid::new("v", &known));
    }
    let kind = fields.required("kind", Fields::string)?;
    let mut event = Event {
        seq: fields.integer("seq", 1..=MAX)?,
        at: fields.time("ts")?,
        id: fields.string("id")?,
        thread: fields.string("thread")?.filter(|it| it != "main"),
        parent: fields.string("parent")?,
        turn: fields.string("turn")?,
        src: fields.map("src")?.map(source).transpose()?,
        copied: flag(&mut fields, "copied")?,
        replaces: numbers(&mut fields, "replaces")?,
        ..Event::new(Payload::Note(String::new()))
    };
    match payload(&kind, &mut fields)? {
        Some(payload) => (event.payload, event.extra) = (payload, fields.into_map()),
        None => event.payload = Payload::Other { kind, fields: fields.into_map() },
    }
    Ok(event)
}

/// Takes the fields of a kind; `None` if the kind is unknown.
fn payload(kind: &str, f: &mut Fields) -> Read<Option<Payload>> {
    Ok(Some(match kind {
        "session.start" => session_start(f)?.into(),
        "session.end" => {
            SessionEnd { reason: f.string("reason")?, outcome: f.word("outcome")? }.into()
        }
        "turn.start" => Payload::TurnStart(f.string("source")?),
        "turn.end" => TurnEnd { stop: f.word("stop")?, ms: f.integer("ms", 0..=MAX)? }.into(),
        "message" => message(f)?.into(),
        "tool.call" => tool_call(f)?.into(),
        "tool.result" => tool_result(f)?.into(),
        "usage" => usage(f)?.into(),
        "compaction" => compaction(f)?.into(),
        "state" => state(f)?.into(),
        "file" => file(f)?.into(),
        "link" => link(f)?.into(),
        "meta" => meta(f)?.into(),
        "note" => Payload::Note(f.required("text", Fields::string)?),
        "decision" => decision(f)?.into(),
        "error" => fault(f)?.into(),
        "checkpoint" => checkpoint(f)?.into(),
        "raw" => {
            Payload::Raw { reason: f.required("reason", Fields::string)?, record: f.take("record") }
        }
        "skip" => Payload::Skip(f.required("reason", Fields::string)?),
        _ if is_kind(kind) => return Ok(None),
        _ => return Err(Invalid::new("kind", "is not a word of lower-case letters and dots")),
    }))
}

fn is_kind(word: &str) -> bool {
    let allowed = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b"._-".contains(&c);
    (1..=MAX_KIND).contains(&word.len()) && word.bytes().all(allowed)
}

fn source(mut f: Fields) -> Read<Source> {
    let mut number = |key| f.required(key, |f, key| f.integer(key, 0..=MAX));
    Ok(Source { file: number("f")?, offset: number("off")?, n_bytes: number("len")? })
}

fn flag(f: &mut Fields, key: &str) -> Read<bool> {
    Ok(f.boolean(key)?.unwrap_or_default())
}

fn numbers(f: &mut Fields, key: &str) -> Read<Vec<u64>> {
    let invalid = || Invalid::new(key, "has an entry that is not the number of an event");
    let number = |it: Value| it.as_u64().filter(|it| (1..=MAX).contains(it)).ok_or_else(invalid);
    f.list(key)?.into_iter().map(number).collect()
}

fn session_start(f: &mut Fields) -> Read<SessionStart> {
    Ok(SessionStart {
        agent: f.string("agent")?,
        agent_version: f.string("agent_version")?,
        model: f.string("model")?,
        cwd: f.string("cwd")?,
        branch: f.string("branch")?,
        head: f.string("head")?,
        worktree: f.string("worktree")?,
        parent_session: f.string("parent_session")?,
        resumed_from: f.string("resumed_from")?,
        forked_from: f.string("forked_from")?,
    })
}

fn message(f: &mut Fields) -> Read<Message> {
    Ok(Message {
        role: f.required("role", Fields::word)?,
        name: f.string("name")?,
        content: content(f, "content")?.ok_or_else(|| Invalid::missing("content"))?,
        msg: f.string("msg")?,
        model: f.string("model")?,
        is_meta: flag(f, "meta")?,
    })
}

fn tool_call(f: &mut Fields) -> Read<ToolCall> {
    Ok(ToolCall {
        call: f.required("call", Fields::string)?,
        name: f.required("name", Fields::string)?,
        tool_kind: f.word("tool_kind")?,
        input: f.take("input").unwrap_or_else(|| Value::Object(Map::new())),
        msg: f.string("msg")?,
        governance: f.map("governance")?.map(governance).transpose()?,
    })
}

fn governance(mut f: Fields) -> Read<Governance> {
    Ok(Governance {
        is_allowed: f
            .required("allowed", Fields::boolean)
            .map_err(|it| Invalid::new(&format!("governance.{}", it.key), &it.reason))?,
        reason: f.string("reason")?,
        by: f.string("by")?,
        extra: f.into_map(),
    })
}

fn tool_result(f: &mut Fields) -> Read<ToolResult> {
    Ok(ToolResult {
        call: f.required("call", Fields::string)?,
        is_ok: f.boolean("ok")?,
        content: content(f, "content")?.unwrap_or_default(),
        detail: f.take("detail"),
        ms: f.integer("ms", 0..=MAX)?,
        is_truncated: flag(f, "truncated")?,
    })
}

fn usage(f: &mut Fields) -> Read<Usage> {
    let keys = ["input", "cache_read", "cache_write", "output"];
    if !keys.iter().any(|key| f.keys().any(|it| it == *key)) {
        return Err(Invalid::missing("input"));
    }
    let mut count = |key| Ok(f.integer(key, 0..=MAX)?.unwrap_or_default());
    Ok(Usage {
        input: count("input")?,
        cache_read: count("cache_read")?,
        cache_write: count("cache_write")?,
        cache_write_1h: count("cache_write_1h")?,
        output: count("output")?,
        reasoning: count("reasoning")?,
        msg: f.string("msg")?,
        model: f.string("model")?,
        cost: f.map("cost")?.map(cost).transpose()?,
        is_partial: !f.boolean("final")?.unwrap_or(true),
    })
}

fn cost(mut f: Fields) -> Read<Cost> {
    Ok(Cost {
        amount: f.required("amount", Fields::number)?,
        currency: f.required("currency", Fields::string)?,
        source: f.string("source")?,
    })
}

fn compaction(f: &mut Fields) -> Read<Compaction> {
    Ok(Compaction {
        phase: f.required("phase", Fields::word)?,
        trigger: f.string("trigger")?,
        pre_tokens: f.integer("pre_tokens", 0..=MAX)?,
        post_tokens: f.integer("post_tokens", 0..=MAX)?,
        summary: f.string("summary")?,
    })
}

fn state(f: &mut Fields) -> Read<StateChange> {
    Ok(StateChange {
        machine: f.string("machine")?,
        from: f.string("from")?,
        to: f.required("to", Fields::string)?,
        cause: f.string("cause")?,
        by: f.string("by")?,
    })
}

fn file(f: &mut Fields) -> Read<FileChange> {
    Ok(FileChange {
        path: f.required("path", Fields::string)?,
        op: f.required("op", Fields::word)?,
        call: f.string("call")?,
        before: f.string("before")?,
        after: f.string("after")?,
    })
}

fn link(f: &mut Fields) -> Read<Link> {
    let mut found = None;
    for to in LinkKind::ALL.iter().copied() {
        let Some(target) = f.string(to.as_str())? else {
            continue;
        };
        if found.is_some() {
            return Err(Invalid::new(to.as_str(), "is a second target"));
        }
        found = Some(Link { to, target });
    }
    found.ok_or_else(|| Invalid::missing("commit"))
}

fn meta(f: &mut Fields) -> Read<Meta> {
    Ok(Meta {
        title: f.string("title")?,
        mode: f.string("mode")?,
        model: f.string("model")?,
        cwd: f.string("cwd")?,
        branch: f.string("branch")?,
        rewound_to: f.string("rewound_to")?,
    })
}

fn decision(f: &mut Fields) -> Read<Decision> {
    let is_text = |it: Value| match it {
        Value::String(text) => Ok(text),
        _ => Err(Invalid::new("alternatives", "has an entry that is not text")),
    };
    Ok(Decision {
        text: f.required("text", Fields::string)?,
        rationale: f.string("rationale")?,
        alternatives: f.list("alternatives")?.into_iter().map(is_text).collect::<Read<_>>()?,
    })
}

fn fault(f: &mut Fields) -> Read<Fault> {
    Ok(Fault {
        message: f.required("message", Fields::string)?,
        is_recoverable: f.boolean("recoverable")?,
        is_recovered: flag(f, "recovered")?,
    })
}

fn checkpoint(f: &mut Fields) -> Read<Checkpoint> {
    Ok(Checkpoint { name: f.string("name")?, commit: f.string("commit")? })
}

/// Takes a text, or a list of pieces.
fn content(f: &mut Fields, key: &str) -> Read<Option<Vec<Content>>> {
    match f.take(key) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(vec![Content::Text(text)])),
        Some(Value::Array(list)) => {
            list.into_iter().map(|it| piece(it, key)).collect::<Read<_>>().map(Some)
        }
        Some(_) => Err(Invalid::new(key, "is neither text nor a list")),
    }
}

fn piece(value: Value, key: &str) -> Read<Content> {
    let map = match value {
        Value::String(text) => return Ok(Content::Text(text)),
        Value::Object(map) => map,
        _ => return Err(Invalid::new(key, "has an entry that is neither text nor a map")),
    };
    let mut f = Fields::new(map);
    let kind = f.required("type", Fields::string);
    let kind = kind.map_err(|it| Invalid::new(&format!("{key}.type"), &it.reason))?;
    let mut text = |name: &str| {
        let text = f.required(name, Fields::string);
        text.map_err(|it| Invalid::new(&format!("{key}.{}", it.key), &it.reason))
    };
    Ok(match kind.as_str() {
        "text" => Content::Text(text("text")?),
        "thinking" => Content::Thinking(text("thinking")?),
        "file" => Content::File(text("path")?),
        "image" => Content::Image(Image {
            media: f.string("media")?,
            sha: f.string("sha")?,
            url: f.string("url")?,
        }),
        "json" => Content::Json(f.take("value").unwrap_or_default()),
        _ => {
            let mut map = f.into_map();
            map.shift_insert(0, "type".to_owned(), Value::from(kind));
            Content::Other(map)
        }
    })
}
