//! Conversations for people: who said and did what, the oldest first.

use std::io::{self, Write};

use super::sanitize::{to_terminal, to_terminal_lines};
use super::style::{Slot, Style};
use super::time::dated;
use crate::model::conversation::{Event, Payload};
use crate::ops::told::told;

/// The most lines of one event that a terminal gets to see.
const MAX_LINES: usize = 40;

/// Which events are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// All.
    Everything,
    /// What was said in the main thread.
    Messages,
    /// The tools that were called, and what they gave.
    Tools,
}

impl Part {
    /// Tells whether an event belongs to it.
    pub fn has(self, event: &Event) -> bool {
        match (self, &event.payload) {
            (Part::Everything, _) => true,
            (Part::Messages, Payload::Message(it)) => event.thread.is_none() && !it.is_meta,
            (Part::Tools, Payload::ToolCall(_) | Payload::ToolResult(_)) => true,
            _ => false,
        }
    }
}

/// Writes one event: what it is on a line, when it happened, and its text.
///
/// # Errors
/// Those of `out`.
pub fn event(out: &mut dyn Write, event: &Event, style: &Style) -> io::Result<()> {
    let (what, text) = told(event);
    let number = event.seq.map(|seq| format!("{seq} ")).unwrap_or_default();
    let name = format!("{number}{}", event.kind());
    let name = to_terminal(&name);
    let what = to_terminal(&what);
    let gap = if what.is_empty() { "" } else { " " };
    let marks = to_terminal(&marks(event)).into_owned();
    writeln!(out, "{}{gap}{what}{marks}", style.paint(Some(Slot::Handle), &name))?;
    if let Some(at) = event.at {
        writeln!(out, "Date:   {}", dated(at, style.now))?;
    }
    write_text(out, &text, style)
}

fn write_text(out: &mut dyn Write, text: &str, style: &Style) -> io::Result<()> {
    let text = to_terminal_lines(text.trim_end()).replace('\t', "        ");
    if text.trim().is_empty() {
        return Ok(());
    }
    let n_lines = text.lines().count();
    let n_shown = if style.width.is_some() { MAX_LINES } else { usize::MAX };
    writeln!(out)?;
    for line in text.lines().take(n_shown) {
        match line.trim_end() {
            "" => writeln!(out)?,
            line => writeln!(out, "    {line}")?,
        }
    }
    if n_lines > n_shown {
        let rest = format!("({} more lines)", n_lines - n_shown);
        writeln!(out, "    {}", style.paint(Some(Slot::Hint), &rest))?;
    }
    Ok(())
}

/// Returns what the number alone does not say.
fn marks(event: &Event) -> String {
    let mut marks = Vec::new();
    marks.extend(event.thread.as_ref().map(|thread| format!("in {thread}")));
    marks.extend(event.copied.then(|| "copied".to_owned()));
    if !event.replaces.is_empty() {
        let numbers: Vec<String> = event.replaces.iter().map(u64::to_string).collect();
        marks.push(format!("in place of {}", numbers.join(", ")));
    }
    if marks.is_empty() { String::new() } else { format!(" ({})", marks.join(", ")) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::format::event as spelled;
    use crate::model::Map;
    use crate::model::conversation::{Content, FileChange, Message};
    use crate::render::fixture::{self, HOSTILE, is_harmless, written};

    fn parsed(line: &str) -> Event {
        spelled::parse(line.as_bytes()).expect("an event")
    }

    fn shown(line: &str) -> String {
        written(|out| event(out, &parsed(line), &fixture::piped()))
    }

    #[test]
    fn an_event_is_told_with_its_number_kind_time_and_text() {
        for (line, expected) in [
            (
                r#"{"seq":3,"kind":"message","ts":"2026-01-07T12:40:00Z","role":"assistant","model":"m-1","content":"One.\n\n\tTwo."}"#,
                "3 message assistant (m-1)\nDate:   2026-01-07 12:40:00 +0000 (20 minutes ago)\n\n    One.\n\n            Two.\n",
            ),
            (
                r#"{"seq":4,"kind":"tool.call","call":"c","name":"bash","input":{"command":"ls"},"governance":{"allowed":false,"reason":"no"}}"#,
                "4 tool.call bash (not allowed: no)\n\n    {\"command\":\"ls\"}\n",
            ),
            (
                r#"{"seq":5,"kind":"tool.result","call":"c","ok":true,"ms":12,"content":"a.txt"}"#,
                "5 tool.result ok, 12 ms\n\n    a.txt\n",
            ),
            (r#"{"seq":6,"kind":"usage","input":1200,"output":3}"#, "6 usage 1200 in, 3 out\n"),
            (
                r#"{"seq":7,"kind":"decision","text":"Keep it","rationale":"it works","alternatives":["drop it"]}"#,
                "7 decision\n\n    Keep it\n    because it works\n    not drop it\n",
            ),
            (
                r#"{"seq":8,"kind":"x.mine","a":1,"replaces":[3]}"#,
                "8 x.mine replaces [3], a 1 (in place of 3)\n",
            ),
            (
                r#"{"kind":"error","message":"no","recovered":true}"#,
                "error (recovered)\n\n    no\n",
            ),
        ] {
            let expected = expected.replace("replaces [3], ", "");
            assert_eq!(shown(line), expected, "{line}");
        }
    }

    #[test]
    fn a_terminal_gets_the_beginning_of_a_long_text_and_a_pipe_all_of_it() {
        let text = "line\\n".repeat(100);
        let line = format!(r#"{{"kind":"note","text":"{text}"}}"#);
        assert_eq!(shown(&line).lines().count(), 102);
        let on_terminal = written(|out| event(out, &parsed(&line), &fixture::terminal(80)));
        assert!(on_terminal.ends_with("    (60 more lines)\n"), "{on_terminal}");
    }

    #[test]
    fn parts_of_a_conversation_are_told_apart() {
        let meta = parsed(r#"{"kind":"message","role":"user","content":"x","meta":true}"#);
        let side = parsed(r#"{"kind":"message","role":"user","content":"x","thread":"t"}"#);
        let call = parsed(r#"{"kind":"tool.call","call":"c","name":"bash"}"#);
        assert!(!Part::Messages.has(&meta) && !Part::Messages.has(&side));
        assert!(
            Part::Tools.has(&call) && !Part::Messages.has(&call) && Part::Everything.has(&meta)
        );
    }

    proptest! {
        #[test]
        fn any_text_stays_in_its_place(text in any::<String>()) {
            for text in [text.as_str(), HOSTILE] {
                let message = Message::new(crate::model::conversation::Role::User, vec![Content::Text(text.into())]);
                let events = [
                    Event { thread: Some(text.into()), ..Event::new(message) },
                    Event::new(Payload::Other { kind: text.into(), fields: Map::from_iter([(text.to_owned(), text.into())]) }),
                    Event::new(Payload::Raw { reason: text.into(), record: Some(text.into()) }),
                    Event::new(FileChange { path: text.into(), op: crate::model::conversation::FileOp::Read, call: None, before: None, after: None }),
                ];
                for one in events {
                    let shown = written(|out| event(out, &one, &fixture::terminal(80)));
                    prop_assert!(is_harmless(&shown, &['\n']), "{}", shown);
                    let mut lines = shown.lines().skip(1);
                    prop_assert!(lines.all(|line| line.is_empty() || line.starts_with("    ")), "{}", shown);
                }
            }
        }
    }
}
