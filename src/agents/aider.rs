//! Aider: `.aider.chat.history.md`, a Markdown file with all sessions of a repository.
//!
//! Source: files of the version 0.86. `# aider chat started at <local time>` begins a session, `#### `
//! is what the person says (or a heading in an answer), `> ` what the program says, and anything else is
//! the model's. There are no ids; the times have no zone, so none is told. Tokens are rounded:
//! `> Tokens: 12k sent, 1.2k received.`

use super::out::Out;
use super::record::Record;
use super::scan::Span;
use super::transcript::Reader;
use crate::model::conversation::{
    Content, Cost, Event, FileChange, FileOp, Link, LinkKind, Message, Payload, Role, SessionEnd,
    SessionStart, Usage,
};
use crate::model::{Map, Value};

/// The most that is held back, in bytes: a longer text is several messages.
const MAX_HELD: u64 = 1 << 20;
const HEADER: &str = "# aider chat started at ";

/// Reads Aider's lines.
#[derive(Debug, Default)]
pub(super) struct Aider {
    /// What is being said, by whom, and where it began.
    said: Option<(Role, Vec<String>, Span)>,
    /// The number of the session in the file.
    n_sessions: u64,
    is_held: bool,
}

impl Reader for Aider {
    fn read(&mut self, record: Record, base: &mut Event, out: &mut Out<'_>) {
        out.raw(base, "no line", record.rest());
    }

    fn read_other(&mut self, line: Value, _: &mut Event, out: &mut Out<'_>) {
        let line = line.as_str().unwrap_or_default();
        self.is_held = false;
        if let Some(time) = line.strip_prefix(HEADER) {
            self.flush(out);
            self.start(time.trim(), out);
        } else if let Some(said) = line.strip_prefix("#### ").filter(|it| self.is_prompt(it)) {
            self.say(Role::User, said.trim_end(), out);
        } else if let Some(told) = line.strip_prefix("> ") {
            self.flush(out);
            status(told.trim_end(), out);
        } else {
            self.say(Role::Assistant, line, out);
        }
    }

    fn holds_back(&self) -> bool {
        self.is_held
    }

    fn finish(&mut self, out: &mut Out<'_>) {
        self.flush(out);
    }
}

impl Aider {
    /// Tells whether a line with four `#` is what the person says. A prompt ends in two spaces; without
    /// them it may be a heading in the model's answer.
    fn is_prompt(&self, line: &str) -> bool {
        let is_said = |lines: &[String]| lines.iter().any(|it| !it.trim().is_empty());
        let is_answer = matches!(&self.said, Some((Role::Assistant, lines, _)) if is_said(lines));
        !is_answer || line.ends_with("  ")
    }

    fn start(&mut self, time: &str, out: &mut Out<'_>) {
        if self.n_sessions > 0 {
            out.push(Event::new(SessionEnd::default()));
        }
        self.n_sessions += 1;
        let id = Some(format!("h:{}", self.n_sessions));
        let agent = Some("aider".to_owned());
        let start = SessionStart { agent, ..SessionStart::default() };
        // The time is the local one of nobody knows where.
        let mut x = Map::new();
        x.insert("started".to_owned(), time.into());
        let mut extra = Map::new();
        extra.insert("x".to_owned(), Value::Object(x));
        out.state.facts.session_id = id.clone();
        out.push(Event { id, extra, ..Event::new(start) });
    }

    /// Holds a line back until who speaks changes. An empty line is of whom it stands behind.
    fn say(&mut self, role: Role, line: &str, out: &mut Out<'_>) {
        self.is_held = true;
        let is_empty = line.trim().is_empty();
        if matches!(&self.said, Some((_, _, span)) if span.n_bytes > MAX_HELD) {
            self.flush(out);
        }
        match &mut self.said {
            Some((speaker, lines, span)) if *speaker == role || is_empty => {
                lines.push(line.to_owned());
                span.n_bytes = out.span.offset + out.span.n_bytes - span.offset;
            }
            _ => {
                self.flush(out);
                self.said = Some((role, vec![line.to_owned()], out.span));
            }
        }
    }

    fn flush(&mut self, out: &mut Out<'_>) {
        let Some((role, lines, span)) = self.said.take() else {
            return;
        };
        let here = std::mem::replace(&mut out.span, span);
        let text = lines.join("\n");
        if !text.trim().is_empty() {
            out.push(Event::new(Message::new(role, vec![Content::Text(text.trim().to_owned())])));
        }
        out.span = here;
    }
}

/// Reads what the program says.
fn status(told: &str, out: &mut Out<'_>) {
    let after = |prefix: &str| told.strip_prefix(prefix).map(str::to_owned);
    let file = |path: String, op| FileChange { path, op, call: None, before: None, after: None };
    let event: Payload = if let Some(path) = after("Applied edit to ") {
        file(path, FileOp::Edit).into()
    } else if let Some(path) = after("Creating empty file ") {
        file(path, FileOp::Create).into()
    } else if let Some(commit) = after("Commit ") {
        let target = commit.split(' ').next().unwrap_or_default().to_owned();
        Link { to: LinkKind::Commit, target }.into()
    } else if let Some(usage) = after("Tokens: ").and_then(|it| usage(&it)) {
        usage.into()
    } else {
        let version = after("Aider v");
        if version.is_some() {
            out.state.facts.version = version;
        } else if let Some(model) = after("Model: ").or_else(|| after("Main model: ")) {
            out.state.facts.model = model.split(' ').next().map(str::to_owned);
        }
        let content = vec![Content::Text(told.to_owned())];
        Message { is_meta: true, ..Message::new(Role::System, content) }.into()
    };
    out.push(Event::new(event));
}

/// Reads `12k sent, 3k cache write, 4k cache hit, 1.2k received. Cost: $0.01 message, ...`.
fn usage(told: &str) -> Option<Usage> {
    let (counts, cost) = match told.split_once("Cost: $") {
        Some((counts, cost)) => (counts, cost.split(' ').next()),
        None => (told, None),
    };
    let mut usage = Usage::default();
    for part in counts.trim().trim_end_matches('.').split(", ") {
        let (number, what) = part.split_once(' ')?;
        let slot = match what {
            "sent" => &mut usage.input,
            "received" => &mut usage.output,
            "cache hit" => &mut usage.cache_read,
            "cache write" => &mut usage.cache_write,
            _ => return None,
        };
        *slot = count(number)?;
    }
    // What was sent has the cached tokens in it.
    let cached = usage.cache_read.saturating_add(usage.cache_write);
    usage.input = usage.input.saturating_sub(cached);
    let currency = "USD".to_owned();
    let amount = cost.and_then(|it| it.parse::<f64>().ok()).filter(|it| it.is_finite());
    usage.cost = amount.map(|amount| Cost { amount, currency, source: Some("agent".to_owned()) });
    Some(usage)
}

/// Reads `999`, `1.2k` or `3.4M`.
fn count(text: &str) -> Option<u64> {
    let (number, factor) = match text.strip_suffix(['k', 'M']) {
        Some(number) if text.ends_with('k') => (number, 1e3),
        Some(number) => (number, 1e6),
        None => (text, 1.0),
    };
    let number: f64 = number.replace(',', "").parse().ok()?;
    (0.0..1e15).contains(&number).then_some((number * factor).round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounded_tokens_are_read() {
        let told =
            usage("12k sent, 2k cache write, 4k cache hit, 1.2k received. Cost: $0.01 message")
                .expect("counts");
        assert_eq!((told.input, told.cache_read, told.cache_write), (6000, 4000, 2000));
        assert_eq!(told.output, 1200);
        assert_eq!(told.cost.map(|it| it.amount), Some(0.01));
        assert_eq!(usage("many"), None);
    }
}
