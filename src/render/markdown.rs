//! A session as a page of Markdown: what it is, its history and its conversation.
//!
//! What a session says is data: on a line its signs are escaped, in many lines it stands in a fence that is
//! longer than any in it.

use std::io::{self, Write};

use super::sanitize::{to_terminal, to_terminal_lines};
use super::time::{grouped, iso};
use crate::model::conversation::Event;
use crate::model::{Map, Session, Timestamp, Value};
use crate::ops::load::View;
use crate::ops::log::LoggedEvent;
use crate::ops::told::told;

/// Writes a page; `history` and `events` begin with the oldest.
///
/// # Errors
/// Those of `out`.
pub fn session(
    out: &mut dyn Write,
    view: &View,
    history: &[LoggedEvent],
    events: &[Event],
) -> io::Result<()> {
    let session = &view.session;
    let handle = session.id.handle();
    match session.title.as_str() {
        "" => writeln!(out, "# Session {handle}\n")?,
        title => writeln!(out, "# {}\n", inline(title))?,
    }
    facts(out, view)?;
    if !session.reason.as_deref().unwrap_or_default().is_empty() {
        writeln!(out, "\n## Reason\n")?;
        fenced(out, session.reason.as_deref().unwrap_or_default())?;
    }
    writeln!(out, "\n## History\n")?;
    for event in history {
        let (at, author) = (iso(event.at), inline(&event.author));
        writeln!(out, "- {at} {} ({author})", inline(&event.subject))?;
    }
    if events.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n## Conversation")?;
    events.iter().try_for_each(|event| said(out, event))
}

fn facts(out: &mut dyn Write, view: &View) -> io::Result<()> {
    let session = &view.session;
    let mut fact = |name: &str, value: Option<String>| match value.filter(|it| !it.is_empty()) {
        Some(value) => writeln!(out, "- {name}: {}", inline(&value)),
        None => Ok(()),
    };
    let outcome = session.outcome.map(|it| format!(", {it}")).unwrap_or_default();
    fact("Id", Some(session.id.to_string()))?;
    fact("Name", session.name.clone())?;
    fact("State", Some(format!("{}{outcome} ({})", session.status, session.lifecycle)))?;
    fact("Phase", session.phase.clone())?;
    fact("Branch", session.branch.clone())?;
    fact("Created", Some(iso(session.created_at)))?;
    fact("Started", session.started_at.map(iso))?;
    fact("Ended", session.ended_at.map(iso))?;
    fact("Author", Some(session.author.clone()))?;
    fact("Agent", session.agent.clone())?;
    fact("Model", session.model.clone())?;
    fact("Role", session.role.clone())?;
    fact("Links", Some(entries(&session.links)))?;
    fact("Labels", Some(session.labels.join(", ")))?;
    fact("Statistics", Some(entries(&session.statistics)))?;
    fact("Configuration", Some(entries(&session.configuration)))?;
    fact("Tokens", tokens(session))
}

pub(super) fn tokens(session: &Session) -> Option<String> {
    let tokens = &session.tokens;
    let told = format!("{} ({} of them out)", grouped(tokens.total()), grouped(tokens.output));
    (tokens.total() > 0).then_some(told)
}

/// Returns a map as words.
fn entries(map: &Map) -> String {
    let word = |value: &Value| match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    let entries = map.iter().map(|(key, value)| format!("{key} {}", word(value)));
    entries.collect::<Vec<_>>().join(", ")
}

fn said(out: &mut dyn Write, event: &Event) -> io::Result<()> {
    let (what, text) = told(event);
    let gap = if what.is_empty() { "" } else { " " };
    let at = event.at.map(|at: Timestamp| format!(", {}", iso(at))).unwrap_or_default();
    writeln!(out, "\n### {}{gap}{}{at}", inline(event.kind()), inline(&what))?;
    if text.trim().is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    fenced(out, &text)
}

/// Writes a text of many lines as it is, in a fence that it cannot end.
pub(super) fn fenced(out: &mut dyn Write, text: &str) -> io::Result<()> {
    let text = to_terminal_lines(text.trim_end());
    let runs = text.split(|c| c != '`').map(str::len);
    let fence = "`".repeat(runs.max().unwrap_or(0).max(2) + 1);
    writeln!(out, "{fence}text\n{text}\n{fence}")
}

/// Returns a text on one line in which nothing is Markdown or HTML.
pub(super) fn inline(text: &str) -> String {
    let text = to_terminal(text);
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if "\\`*_[]<>#|~&".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::format::event as spelled;
    use crate::render::fixture::{self, HOSTILE, is_harmless, written};

    fn page(session_: Session, events: &[Event]) -> String {
        let view = fixture::view(session_);
        written(|out| session(out, &view, &[], events))
    }

    fn note(text: &str) -> Event {
        let json = Value::from(text);
        let line = format!(r#"{{"kind":"note","text":{json}}}"#);
        spelled::parse(line.as_bytes()).expect("an event")
    }

    #[test]
    fn a_page_tells_facts_history_and_conversation() {
        let session = fixture::session("feature", "implementing");
        let shown = page(session, &[note("a ``` b")]);
        assert!(shown.starts_with("# Add user authentication\n\n- Id: "), "{shown}");
        assert!(shown.contains("\n- State: implementing (feature)\n"), "{shown}");
        assert!(shown.ends_with("### note\n\n````text\na ``` b\n````\n"), "{shown}");
    }

    #[test]
    fn signs_of_markdown_and_html_are_escaped_on_a_line() {
        let mut session = fixture::session("feature", "implementing");
        session.title = "<script> [a](b) `x` _y_ # & |".into();
        let shown = page(session, &[]);
        let first = shown.lines().next().expect("a line");
        assert_eq!(first, r"# \<script\> \[a\](b) \`x\` \_y\_ \# \& \|");
    }

    proptest! {
        #[test]
        fn any_text_stays_in_its_place(text in any::<String>()) {
            for text in [text.as_str(), HOSTILE] {
                let mut session = fixture::session("feature", "implementing");
                session.title = text.to_owned();
                session.role = Some(text.to_owned());
                session.links.insert(text.to_owned(), text.into());
                session.reason = Some(text.to_owned());
                let shown = page(session, &[note(text)]);
                prop_assert!(is_harmless(&shown, &['\n', '\t']), "{}", shown);
            }
        }
    }
}
