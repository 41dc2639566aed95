//! What an event of a conversation says, as text: for people, and for looking something up.

use crate::format::event;
use crate::model::conversation::{
    Content, Event, FileChange, Message, Payload, StateChange, ToolCall, ToolResult, Usage,
};
use crate::model::{Map, Value};

/// The most characters of a headline.
const MAX_HEADLINE: usize = 100;

/// Returns what stands beside the kind of an event, and its text.
pub fn told(event: &Event) -> (String, String) {
    match &event.payload {
        Payload::Message(it) => message(it),
        Payload::ToolCall(it) => tool_call(it),
        Payload::ToolResult(it) => tool_result(it),
        Payload::Usage(it) => (usage(it), String::new()),
        Payload::Note(text) => (String::new(), text.clone()),
        Payload::Decision(it) => {
            let reason = it.rationale.iter().map(|it| format!("because {it}"));
            let others = it.alternatives.iter().map(|it| format!("not {it}"));
            let lines: Vec<String> =
                std::iter::once(it.text.clone()).chain(reason).chain(others).collect();
            (String::new(), lines.join("\n"))
        }
        Payload::Error(it) => {
            let what = if it.is_recovered { "(recovered)" } else { "" };
            (what.to_owned(), it.message.clone())
        }
        Payload::Raw { reason, record } => (String::new(), raw(reason, record.as_ref())),
        Payload::Skip(reason) => (reason.clone(), String::new()),
        Payload::File(FileChange { path, op, .. }) => (format!("{op} {path}"), String::new()),
        Payload::State(StateChange { from, to, .. }) => {
            let from = from.as_ref().map(|from| format!("{from} -> ")).unwrap_or_default();
            (format!("{from}{to}"), String::new())
        }
        Payload::Link(it) => (format!("{} {}", it.to, it.target), String::new()),
        Payload::Compaction(it) => (it.phase.to_string(), it.summary.clone().unwrap_or_default()),
        _ => (others(event), String::new()),
    }
}

fn message(it: &Message) -> (String, String) {
    let name = it.name.iter().chain(&it.model).cloned().collect::<Vec<_>>().join(", ");
    let name = if name.is_empty() { name } else { format!(" ({name})") };
    (format!("{}{name}", it.role), pieces(&it.content))
}

fn tool_call(it: &ToolCall) -> (String, String) {
    let verdict = match &it.governance {
        Some(verdict) if !verdict.is_allowed => match &verdict.reason {
            Some(reason) => format!(" (not allowed: {reason})"),
            None => " (not allowed)".to_owned(),
        },
        _ => String::new(),
    };
    (format!("{}{verdict}", it.name), value(&it.input))
}

fn tool_result(it: &ToolResult) -> (String, String) {
    let ok = match it.is_ok {
        Some(true) => "ok",
        Some(false) => "failed",
        None => "",
    };
    let ms = it.ms.map(|ms| format!("{ms} ms"));
    let cut = it.is_truncated.then(|| "cut off".to_owned());
    let facts = std::iter::once(ok.to_owned()).chain(ms).chain(cut);
    let facts: Vec<String> = facts.filter(|fact| !fact.is_empty()).collect();
    (facts.join(", "), pieces(&it.content))
}

fn usage(it: &Usage) -> String {
    let counts = [
        (it.input, "in"),
        (it.output, "out"),
        (it.cache_read, "read from cache"),
        (it.cache_write, "written to cache"),
    ];
    let counts = counts.into_iter().filter(|(n, _)| *n > 0);
    let told: Vec<String> = counts.map(|(n, what)| format!("{n} {what}")).collect();
    told.join(", ")
}

fn raw(reason: &str, record: Option<&Value>) -> String {
    match record {
        Some(record) => format!("{reason}\n{}", value(record)),
        None => reason.to_owned(),
    }
}

/// Returns what an event of any other kind says, as `key value`.
fn others(it: &Event) -> String {
    let mut map: Map = event::to_map(it);
    for key in
        ["v", "seq", "kind", "ts", "id", "thread", "parent", "turn", "src", "copied", "replaces"]
    {
        map.shift_remove(key);
    }
    let words: Vec<String> = map.iter().map(|(key, it)| format!("{key} {}", value(it))).collect();
    words.join(", ")
}

fn pieces(pieces: &[Content]) -> String {
    let told = |piece: &Content| match piece {
        Content::Text(text) => text.clone(),
        Content::Thinking(text) => format!("(thinking) {text}"),
        Content::Image(image) => match &image.url {
            Some(url) => format!("(image {url})"),
            None => format!("(image {})", image.media.as_deref().unwrap_or_default()),
        },
        Content::File(path) => format!("(file {path})"),
        Content::Json(it) => value(it),
        Content::Other(map) => value(&Value::Object(map.clone())),
    };
    pieces.iter().map(told).collect::<Vec<_>>().join("\n")
}

/// Returns a value as text: text as it is, an empty object as nothing.
fn value(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(map) if map.is_empty() => String::new(),
        other => other.to_string(),
    }
}

/// Returns an event on one line, and its text if the line does not say all of it.
pub fn headline(event: &Event) -> (String, String) {
    let (what, text) = told(event);
    let first = text.lines().next().unwrap_or_default();
    let mut line = event.kind().to_owned();
    if !what.is_empty() {
        line.push_str(&format!(" {what}"));
    }
    if !first.is_empty() {
        line.push_str(&format!(": {first}"));
    }
    let is_whole = text.trim_end() == first;
    match line.char_indices().nth(MAX_HEADLINE) {
        None if is_whole => (line, String::new()),
        None => (line, text),
        Some((end, _)) => (format!("{}...", &line[..end]), text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headline_of(line: &str) -> (String, String) {
        headline(&event::parse(line.as_bytes()).expect("an event"))
    }

    #[test]
    fn a_headline_is_one_line_and_the_text_is_there_if_it_does_not_say_all() {
        let long = "x".repeat(200);
        for (line, expected, text) in [
            (r#"{"kind":"message","role":"user","content":"Hi"}"#, "message user: Hi", ""),
            (r#"{"kind":"note","text":"a\nb"}"#, "note: a", "a\nb"),
            (r#"{"kind":"usage","input":3}"#, "usage 3 in", ""),
            (r#"{"kind":"tool.call","call":"c","name":"ls"}"#, "tool.call ls", ""),
            (
                &format!(r#"{{"kind":"note","text":"{long}"}}"#),
                &format!("note: {}...", &long[..94]),
                &long,
            ),
        ] {
            assert_eq!(headline_of(line), (expected.to_owned(), text.to_owned()), "{line}");
        }
    }
}
