//! Counting what is in the new bytes of a transcript.

use crate::agents::{AgentKind, Facts, Lineage, Transcript};
use crate::model::conversation::{
    Content, Event, Extent, LinkKind, Payload, Role, SourceFile, StopReason, Totals, Usage,
};
use crate::model::{Map, Outcome, text};
use crate::ops::converted::Converted;
use crate::ops::redaction::Redaction;
use crate::ops::{OpError, record, title};

/// How many bytes are read at once.
const CHUNK: usize = 256 << 10;
/// The most characters of a request that a headline has.
const MAX_ASKED: usize = 60;
/// The longest id of a first record that is kept, in bytes.
const MAX_ROOT: usize = 128;

/// What is in new bytes of a transcript.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// What is told of the session as a whole.
    pub facts: Facts,
    /// How many things were said.
    pub n_messages: u64,
    /// How many tools were called.
    pub n_calls: u64,
    /// What the person said first.
    pub prompt: Option<String>,
    /// How it would have ended if this were the end.
    pub ending: Option<Outcome>,
    /// By what a copy of it can be known.
    pub lineage: Lineage,
}

impl Told {
    /// Returns in a few words what was said and done, as `"Fix it", 1 message, 2 tool calls`; `None` if nothing
    /// was.
    ///
    /// # Errors
    /// What redaction fails for.
    pub(super) fn headline(&self, redaction: &Redaction) -> Result<Option<String>, OpError> {
        let asked = self.prompt.as_deref().unwrap_or_default();
        let asked = title::of_words(redaction, asked, MAX_ASKED)?;
        let n_others = self.n_messages - u64::from(self.prompt.is_some());
        let many = |n: u64, noun: &str| match n {
            0 => None,
            1 => Some(format!("1 {noun}")),
            n => Some(format!("{n} {noun}s")),
        };
        let asked = (!asked.is_empty()).then(|| format!("\"{asked}\""));
        let parts = [asked, many(n_others, "message"), many(self.n_calls, "tool call")];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        Ok((!parts.is_empty()).then(|| parts.join(", ")))
    }
}

/// Looks what bytes say, from the first one of a transcript.
pub fn told(kind: AgentKind, bytes: &[u8]) -> Told {
    let mut count = Count::new(kind, &Extent::default(), None, Lineage::default());
    count.push(bytes);
    count.finish();
    count.told
}

/// Looks what events say that somebody else made.
pub fn told_by(converted: &Converted) -> Told {
    Count::of(converted, &Extent::default()).told
}

/// Counts what bytes say.
pub(super) struct Count {
    transcript: Transcript,
    totals: Totals,
    before: Usage,
    /// The number of the newest event that was recorded.
    n_events: u64,
    /// Whether it is counted from the first byte.
    pub(super) is_anew: bool,
    pub(super) told: Told,
    pub(super) memory: Map,
    /// How many of the first bytes are copied.
    pub(super) n_copied: u64,
}

impl Count {
    /// Begins behind what was counted in `source` before, or from the first byte.
    pub(super) fn new(
        kind: AgentKind,
        extent: &Extent,
        source: Option<&SourceFile>,
        lineage: Lineage,
    ) -> Count {
        let mut totals = Totals::default();
        let transcript = Transcript::new(kind).starting_at(extent.n_events + 1);
        let transcript = match source {
            Some(source) => transcript.going_on(&source.memory),
            None => transcript,
        };
        let transcript = transcript.inheriting(lineage);
        if source.is_some() {
            extent.usages.iter().for_each(|usage| totals.add(usage));
        }
        let before = totals.sum();
        let (told, memory) = (Told::default(), Map::new());
        let is_anew = source.is_none();
        let (n_events, n_copied) = (extent.n_events, 0);
        Count { transcript, totals, before, n_events, is_anew, told, memory, n_copied }
    }

    /// Counts events that somebody else made, all of them.
    pub(super) fn of(converted: &Converted, extent: &Extent) -> Count {
        let mut count = Count::new(AgentKind::Unknown, extent, None, Lineage::default());
        converted.events.iter().for_each(|event| count.add(event));
        count.told.facts = converted.facts.clone();
        count
    }

    /// Takes bytes into account.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        let mut events = Vec::new();
        for chunk in bytes.chunks(CHUNK) {
            self.transcript.push(chunk, &mut events);
            events.drain(..).for_each(|event| self.add(&event));
        }
    }

    /// Takes the end into account.
    pub(super) fn finish(&mut self) {
        let mut events = Vec::new();
        self.transcript.finish(&mut events);
        events.drain(..).for_each(|event| self.add(&event));
        self.memory = self.transcript.memory();
        self.n_copied = self.transcript.n_copied();
        self.told.facts = self.transcript.facts().clone();
        self.told.lineage = self.transcript.lineage();
    }

    /// Tells whether all is to be counted again, from the first byte.
    pub(super) fn looks_back(&self) -> bool {
        self.transcript.looks_back()
    }

    /// Returns the tokens that had been counted of what is still open, and with what is new.
    pub(super) fn tokens(&self) -> (&Usage, Usage) {
        (&self.before, self.totals.sum())
    }

    /// Returns the newest usages, which later ones may stand for; those of `extent` came before. Where a
    /// source `is_known` and counted from its first byte again, its old ones are gone.
    pub(super) fn usages(&self, extent: &Extent, is_known: bool) -> Vec<Event> {
        let mut usages = self.totals.newest(Extent::MAX_USAGES);
        usages.retain(record::is_named);
        if self.is_anew {
            let holds = |old: &&Event| {
                let is_gone = is_known && old.seq.is_none();
                !is_gone && usages.iter().all(|it| msg(it) != msg(old))
            };
            let old: Vec<Event> = extent.usages.iter().filter(holds).cloned().collect();
            usages.splice(0..0, old);
            usages.drain(..usages.len().saturating_sub(Extent::MAX_USAGES));
        }
        for usage in &mut usages {
            // The numbers of derived events are not kept.
            usage.seq = usage.seq.filter(|seq| *seq <= self.n_events);
        }
        usages
    }

    /// Notes what a source begins with, and how much of it is copied. With `n_before`, the bytes that were
    /// counted are behind so many that are kept.
    pub(super) fn note_origin(&self, source: &mut SourceFile, n_before: Option<u64>) {
        if let Some(n_before) = n_before {
            if self.n_copied > 0 {
                source.n_copied = n_before + self.n_copied;
            }
            return;
        }
        source.n_copied = self.n_copied;
        let root = self.told.facts.root.clone();
        source.root = root.filter(|it| text::is_line(it, MAX_ROOT));
    }

    /// Returns what is told.
    pub(super) fn into_told(self) -> Told {
        self.told
    }

    fn add(&mut self, event: &Event) {
        self.totals.add(event);
        let told = &mut self.told;
        if event.copied {
            return;
        }
        match &event.payload {
            Payload::ToolCall(_) => told.n_calls += 1,
            Payload::Message(it) if !it.is_meta => {
                told.n_messages += 1;
                if told.prompt.is_none() && it.role == Role::User && event.thread.is_none() {
                    let text = Content::text_of(&it.content);
                    told.prompt = Some(text).filter(|it| !it.trim().is_empty());
                }
            }
            _ => {}
        }
        if event.thread.is_none() {
            told.ending = ending(event).or(told.ending);
        }
    }
}

/// Returns the answer that a usage is of.
fn msg(usage: &Event) -> Option<&str> {
    match &usage.payload {
        Payload::Usage(it) => it.msg.as_deref(),
        _ => None,
    }
}

/// Returns how a session ended whose last event this is; `None` if that does not tell.
fn ending(event: &Event) -> Option<Outcome> {
    match &event.payload {
        Payload::SessionEnd(end) => end.outcome,
        Payload::TurnEnd(end) => Some(match end.stop {
            Some(StopReason::Cancelled | StopReason::Interrupted) => Outcome::Interrupted,
            Some(StopReason::Error) => Outcome::Failure,
            _ => Outcome::Success,
        }),
        Payload::Message(it) if it.is_meta => None,
        Payload::Message(it) if it.role == Role::Assistant => Some(Outcome::Success),
        Payload::Message(it) if it.role == Role::User => Some(Outcome::Interrupted),
        Payload::ToolCall(_) | Payload::ToolResult(_) => Some(Outcome::Interrupted),
        Payload::Error(_) => Some(Outcome::Failure),
        Payload::State(_) => Some(Outcome::Success),
        Payload::Link(it) if it.to == LinkKind::Commit => Some(Outcome::Success),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_headline_tells_the_request_and_how_much_came_of_it() {
        let headline = |prompt: Option<&str>, n_messages, n_calls| {
            let prompt = prompt.map(str::to_owned);
            let told = Told { prompt, n_messages, n_calls, ..Told::default() };
            told.headline(&Redaction::default()).expect("no secrets")
        };
        for (prompt, n_messages, n_calls, expected) in [
            (Some("Fix it\nplease"), 2, 3, "\"Fix it\", 1 message, 3 tool calls"),
            (Some("Fix it"), 1, 0, "\"Fix it\""),
            (None, 2, 1, "2 messages, 1 tool call"),
            (Some("\u{200b}"), 1, 1, "1 tool call"),
        ] {
            assert_eq!(headline(prompt, n_messages, n_calls).as_deref(), Some(expected));
        }
        assert_eq!(headline(None, 0, 0), None);
    }
}
