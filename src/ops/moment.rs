//! What was asked, done and decided in a session around the moment of a commit.

use std::collections::HashSet;

use crate::model::conversation::{Content, Decision, Event, Message, Payload, Role, ToolCall};
use crate::model::{Map, Timestamp, Value};

/// The most characters of what a tool was given that are told.
const MAX_INPUT: usize = 100;
/// Where tools are told what they shall work on, the most telling first.
const TELLING: [&str; 9] =
    ["command", "cmd", "file_path", "path", "pattern", "query", "url", "description", "prompt"];

/// A tool that was called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The tool.
    pub name: String,
    /// The most telling of what it was given, on one line, shortened; may be empty.
    pub input: String,
    /// Whether it worked; `None` where nobody says.
    pub is_ok: Option<bool>,
}

/// Something that was said or decided, and when, where that is known.
#[derive(Debug, Clone, PartialEq)]
pub struct At<T> {
    /// When.
    pub at: Option<Timestamp>,
    /// What.
    pub what: T,
}

/// What a session's conversation tells of a commit.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Moment {
    /// The last thing that a person asked for before the commit, in the person's words.
    pub request: Option<At<String>>,
    /// The tools that were called for it, since the commit before, in order.
    pub calls: Vec<Call>,
    /// What was decided since the request, or since the commit before, whichever is earlier.
    pub decisions: Vec<At<Decision>>,
    /// What was said in the same time; empty unless it is asked for.
    pub messages: Vec<At<Message>>,
}

/// An event that may belong to the moment.
struct Kept {
    seq: Option<u64>,
    is_after_before: bool,
    call: Option<String>,
    what: Said,
}

enum Said {
    Call(Call),
    Decision(At<Decision>),
    Message(At<Message>),
}

impl Moment {
    /// Returns what `events` tell of a commit at `until`; `before` is when the commit before it was made in
    /// the same session. An event without a time counts as before both: its place is its order.
    pub fn of(
        events: &mut dyn Iterator<Item = Event>,
        before: Option<Timestamp>,
        until: Timestamp,
        wants_messages: bool,
    ) -> Moment {
        let (mut request, mut kept): (Option<At<String>>, Vec<Kept>) = (None, Vec::new());
        let mut n_before_request = 0;
        let mut replaced: HashSet<u64> = HashSet::new();
        for event in events.filter(|event| !event.copied) {
            replaced.extend(&event.replaces);
            // Commits have seconds.
            if event.at.is_some_and(|at| at.seconds() > until.seconds()) {
                continue;
            }
            let is_after = |before: Timestamp| event.at.is_some_and(|at| at > before);
            let is_after_before = before.is_none_or(is_after);
            if let Some(text) = asked(&event) {
                // What is before both the request and the commit before does not belong here.
                kept.retain(|it| it.is_after_before);
                request = Some(At { at: event.at, what: text });
                n_before_request = kept.len();
            }
            if let Payload::ToolResult(result) = &event.payload {
                let mut calls = kept.iter_mut().rev();
                let call = calls.find(|it| it.call.as_ref() == Some(&result.call));
                if let Some(Kept { what: Said::Call(call), .. }) = call {
                    call.is_ok = result.is_ok;
                }
            }
            if let Some(what) = said(&event, wants_messages) {
                let call = match &event.payload {
                    Payload::ToolCall(it) => Some(it.call.clone()),
                    _ => None,
                };
                kept.push(Kept { seq: event.seq, is_after_before, call, what });
            }
        }
        let mut moment = Moment { request, ..Moment::default() };
        for (idx, it) in kept.into_iter().enumerate() {
            if it.seq.is_some_and(|seq| replaced.contains(&seq)) {
                continue;
            }
            match it.what {
                Said::Call(call) if idx >= n_before_request && it.is_after_before => {
                    moment.calls.push(call);
                }
                Said::Call(_) => {}
                Said::Decision(it) => moment.decisions.push(it),
                Said::Message(it) => moment.messages.push(it),
            }
        }
        moment
    }
}

/// Returns what a person asks for in an event, if it does.
pub fn asked(event: &Event) -> Option<String> {
    let Payload::Message(message) = &event.payload else { return None };
    let is_asked = message.role == Role::User && !message.is_meta && event.thread.is_none();
    let text = Content::text_of(&message.content);
    (is_asked && !text.trim().is_empty()).then_some(text)
}

fn said(event: &Event, wants_messages: bool) -> Option<Said> {
    let at = event.at;
    match &event.payload {
        Payload::ToolCall(it) => Some(Said::Call(call(it))),
        Payload::Decision(it) => Some(Said::Decision(At { at, what: it.clone() })),
        Payload::Message(it) if wants_messages && event.thread.is_none() && !it.is_meta => {
            Some(Said::Message(At { at, what: it.clone() }))
        }
        _ => None,
    }
}

/// Returns a tool call in short.
pub fn call(it: &ToolCall) -> Call {
    let telling = |map: &Map| {
        let found = TELLING.iter().find_map(|key| map.get(*key));
        found.map_or_else(|| Value::Object(map.clone()), Value::clone)
    };
    let value = match &it.input {
        Value::Object(map) => telling(map),
        other => other.clone(),
    };
    let text = match &value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Object(map) if map.is_empty() => String::new(),
        Value::Array(words) if words.iter().all(Value::is_string) => {
            words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
        }
        other => other.to_string(),
    };
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let input = match line.char_indices().nth(MAX_INPUT) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line,
    };
    Call { name: it.name.clone(), input, is_ok: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::event;

    fn events(lines: &[&str]) -> Vec<Event> {
        let parse = |(line, seq): (&&str, u64)| {
            let mut event = event::parse(line.as_bytes()).expect("an event");
            event.seq = Some(seq);
            event
        };
        lines.iter().zip(1..).map(parse).collect()
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_767_790_800 + seconds).expect("in range")
    }

    const TALK: [&str; 9] = [
        r#"{"kind":"message","ts":"2026-01-07T13:00:01Z","role":"user","content":"First"}"#,
        r#"{"kind":"decision","ts":"2026-01-07T13:00:02Z","text":"One way"}"#,
        r#"{"kind":"message","ts":"2026-01-07T13:00:10Z","role":"user","content":"Second"}"#,
        r#"{"kind":"message","ts":"2026-01-07T13:00:11Z","role":"user","content":"x","meta":true}"#,
        r#"{"kind":"tool.call","ts":"2026-01-07T13:00:12Z","call":"a","name":"bash","input":{"command":"cargo\n test"}}"#,
        r#"{"kind":"tool.result","ts":"2026-01-07T13:00:13Z","call":"a","ok":false}"#,
        r#"{"kind":"decision","ts":"2026-01-07T13:00:14Z","text":"Another way"}"#,
        r#"{"kind":"tool.call","ts":"2026-01-07T13:00:20Z","call":"b","name":"edit","input":{"x":1}}"#,
        r#"{"kind":"message","ts":"2026-01-07T13:00:30Z","role":"user","content":"Third"}"#,
    ];

    fn told(lines: &[&str], before: Option<i64>, until: i64) -> (String, Vec<String>, Vec<String>) {
        let moment = Moment::of(&mut events(lines).into_iter(), before.map(at), at(until), false);
        let call = |it: &Call| format!("{} {} {:?}", it.name, it.input, it.is_ok);
        (
            moment.request.map(|it| it.what).unwrap_or_default(),
            moment.calls.iter().map(call).collect(),
            moment.decisions.into_iter().map(|it| it.what.text).collect(),
        )
    }

    #[test]
    fn a_commit_belongs_to_the_last_request_before_it() {
        let (bash, edit) = ("bash cargo test Some(false)", "edit {\"x\":1} None");
        for (before, until, request, calls, decisions) in [
            (None, 5, "First", vec![], vec!["One way"]),
            (None, 20, "Second", vec![bash, edit], vec!["One way", "Another way"]),
            (Some(5), 20, "Second", vec![bash, edit], vec!["Another way"]),
            // The second commit of one request: what the first one did is not told again.
            (Some(15), 20, "Second", vec![edit], vec!["Another way"]),
            (Some(20), 40, "Third", vec![], vec![]),
            (None, 0, "", vec![], vec![]),
        ] {
            let expected = (request.to_owned(), calls, decisions);
            let (request, calls, decisions) = told(&TALK, before, until);
            let calls: Vec<&str> = calls.iter().map(String::as_str).collect();
            let decisions: Vec<&str> = decisions.iter().map(String::as_str).collect();
            assert_eq!((request, calls, decisions), expected, "{before:?} {until}");
        }
    }

    #[test]
    fn what_was_taken_back_later_is_not_told_and_what_was_copied_neither() {
        let mut talk = TALK.to_vec();
        talk.push(r#"{"kind":"note","ts":"2026-01-07T13:01:00Z","text":"","replaces":[2,5]}"#);
        talk.push(
            r#"{"kind":"message","ts":"2026-01-07T13:00:15Z","role":"user","content":"Old","copied":true}"#,
        );
        let (request, calls, decisions) = told(&talk, None, 20);
        assert_eq!((request.as_str(), calls.len(), decisions.len()), ("Second", 1, 1));
    }

    #[test]
    fn messages_are_told_on_demand() {
        let of = |wants| Moment::of(&mut events(&TALK).into_iter(), Some(at(5)), at(30), wants);
        assert_eq!(of(false).messages.len(), 0);
        let said: Vec<String> =
            of(true).messages.iter().map(|it| Content::text_of(&it.what.content)).collect();
        assert_eq!(said, ["Second", "Third"]);
    }
}
