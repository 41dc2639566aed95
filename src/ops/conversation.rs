//! Reading the conversation of a session: one pass in order, one segment in memory at a time.
//!
//! Events that were recorded are read as they stand; those of transcripts are derived by the reader of the
//! agent, and get the numbers after the recorded ones.

use std::collections::{BTreeMap, HashMap, VecDeque};

use crate::agents::{AgentKind, Lineage, Transcript};
use crate::format::event;
use crate::format::segment::{self, Holds};
use crate::model::Value;
use crate::model::conversation::{Event, Extent, Payload, SourceFile};
use crate::ops::load::Loaded;
use crate::ops::segments::{Live, Segment, Segments};
use crate::ops::sources;
use crate::store::Store;

pub use crate::ops::segments::{File, REWRITTEN, source_bytes};

/// How many bytes of a transcript are read at once.
const CHUNK: usize = 64 << 10;

/// The events of a conversation, in order. What cannot be read is a `raw` event in its place, and does
/// not end it.
pub struct Conversation<'a> {
    segments: Segments<'a>,
    live: Live,
    open: Option<Segment>,
    at: usize,
    /// The last segment of each source until now.
    last_segments: HashMap<u64, u64>,
    /// How many of the first bytes of each source are copied, where some are.
    copied: HashMap<u64, u64>,
    /// What was recorded until now, if a transcript may say it again.
    told: Option<Lineage>,
    sources: BTreeMap<u64, Derived>,
    events: VecDeque<Event>,
    last_seq: u64,
}

/// A source whose events are being derived.
struct Derived {
    transcript: Transcript,
    /// How many of its first bytes are copied.
    n_copied: u64,
    /// Where its own numbers became ours: the first of its numbers, and of ours.
    runs: Vec<(u64, u64)>,
    last_seq: u64,
}

impl<'a> Conversation<'a> {
    /// Begins to read the conversation of a session.
    pub fn of(store: &'a Store, loaded: &Loaded) -> Conversation<'a> {
        let (snapshot, extent) = (&loaded.snapshot, &loaded.view.session.conversation);
        let segments = Segments::of(store, snapshot, extent);
        let sources = sources::readable(store, snapshot, extent);
        Conversation::over(segments, Live::of(store, snapshot, extent), (extent, &sources))
    }

    /// Begins to read a conversation of files that are at hand, in git's order of their paths.
    pub fn of_files(files: &'a [File], extent: &Extent) -> Conversation<'a> {
        let segments = || Segments::over(files.iter().cloned(), extent.n_segments);
        Conversation::over(segments(), Live::over(segments()), (extent, &extent.sources))
    }

    /// Begins to read such segments as if there were none before; all that is in them holds, and is no copy.
    pub(super) fn of_newest(segments: &'a [Segment], extent: &Extent) -> Conversation<'a> {
        let segments = Segments::from(segments, extent.n_segments);
        Conversation::over(segments, Live::default(), (extent, &[]))
    }

    fn over(
        segments: Segments<'a>,
        live: Live,
        (extent, sources): (&Extent, &[SourceFile]),
    ) -> Conversation<'a> {
        let copied = sources.iter().filter(|it| it.n_copied > 0).map(|it| (it.n, it.n_copied));
        Conversation {
            segments,
            live,
            open: None,
            at: 0,
            last_segments: HashMap::new(),
            copied: copied.collect(),
            told: sources.iter().any(says_again).then(Lineage::default),
            sources: BTreeMap::new(),
            events: VecDeque::new(),
            last_seq: extent.n_events,
        }
    }

    /// Returns the number of the segment where the last event of a source ended; of one that its reader
    /// held back to the end, the source's last one.
    pub fn segment_of(&self, source: u64) -> u64 {
        self.last_segments.get(&source).copied().unwrap_or_default()
    }

    /// Reads on in the open segment; tells whether there was anything to read.
    fn read_on(&mut self) -> bool {
        let Some(segment) = self.open.take() else { return false };
        let n_taken = match &segment.holds {
            Holds::Events => self.event(&segment.bytes[self.at..]),
            Holds::Transcript { agent, .. } if segment::is_converted(agent) => 0,
            Holds::Transcript { agent, source } => {
                let part = &self.live.part(&segment)[self.at..];
                let part = &part[..part.len().min(CHUNK)];
                let derived = self.sources.entry(*source).or_insert_with(|| {
                    let kind = agent.parse().unwrap_or(AgentKind::Unknown);
                    let told = self.told.as_ref().filter(|_| !kind.has_live_transcript());
                    let transcript = Transcript::new(kind).of_file(*source);
                    let transcript = transcript.inheriting(told.cloned().unwrap_or_default());
                    let n_copied = self.copied.get(source).copied().unwrap_or_default();
                    Derived { transcript, n_copied, runs: Vec::new(), last_seq: 0 }
                });
                let mut events = Vec::new();
                derived.transcript.push(part, &mut events);
                derived.number(events, &mut self.last_seq, &mut self.events);
                part.len()
            }
        };
        self.at += n_taken;
        self.open = (n_taken > 0).then_some(segment);
        n_taken > 0
    }

    /// Reads the event on the line that `rest` begins with; returns how many bytes that is.
    fn event(&mut self, rest: &[u8]) -> usize {
        let n = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |at| at + 1);
        let line = &rest[..n];
        if !line.trim_ascii().is_empty() {
            let event = event::parse(line).unwrap_or_else(|error| {
                raw(error.to_string(), line.strip_suffix(b"\n").unwrap_or(line))
            });
            if let Some(told) = &mut self.told {
                told.tell(&event);
            }
            self.events.push_back(event);
        }
        n
    }

    /// Goes on to the next segment, and after the last one to what transcripts held back; tells whether
    /// there was anything.
    fn advance(&mut self) -> bool {
        match self.segments.next() {
            Some(Ok(segment)) => {
                self.at = 0;
                if let Holds::Transcript { source, .. } = segment.holds {
                    self.last_segments.insert(source, segment.n);
                }
                self.open = Some(segment);
            }
            Some(Err(fault)) => {
                self.events.push_back(Event::new(Payload::Raw { reason: fault, record: None }));
            }
            None => {
                let Some((_, mut derived)) = self.sources.pop_first() else { return false };
                let mut events = Vec::new();
                derived.transcript.finish(&mut events);
                derived.number(events, &mut self.last_seq, &mut self.events);
            }
        }
        true
    }
}

impl Derived {
    /// Gives events the next of our numbers.
    fn number(&mut self, events: Vec<Event>, last_seq: &mut u64, out: &mut VecDeque<Event>) {
        let follows = self.runs.last().is_some() && self.last_seq == *last_seq;
        if let Some(first) = events.first().and_then(|event| event.seq).filter(|_| !follows) {
            self.runs.push((first, *last_seq + 1));
        }
        for event in events {
            let replaces = event.replaces.iter().filter_map(|seq| self.ours(*seq)).collect();
            let seq = event.seq.and_then(|seq| self.ours(seq));
            *last_seq = seq.unwrap_or(*last_seq);
            let is_before = event.src.is_some_and(|src| src.offset < self.n_copied);
            let copied = event.copied || is_before;
            out.push_back(Event { seq, replaces, copied, ..event });
        }
        self.last_seq = *last_seq;
    }

    /// Returns the number of ours for one of the transcript's.
    fn ours(&self, seq: u64) -> Option<u64> {
        let idx = self.runs.partition_point(|(first, _)| *first <= seq).checked_sub(1)?;
        let (first, ours) = self.runs[idx];
        Some(ours + (seq - first))
    }
}

impl Iterator for Conversation<'_> {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            if !self.read_on() && !self.advance() {
                return None;
            }
        }
    }
}

/// Tells whether a source may say again what its agent has told in another way.
fn says_again(source: &SourceFile) -> bool {
    source.agent.parse().is_ok_and(|kind: AgentKind| !kind.has_live_transcript())
}

/// Returns a line that is no event as one.
fn raw(reason: String, line: &[u8]) -> Event {
    let text = String::from_utf8_lossy(line);
    let record = text.parse().unwrap_or_else(|_| Value::from(text));
    Event::new(Payload::Raw { reason, record: Some(record) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_that_are_copied_tell_copied_events() {
        let line = |n: u64| {
            let time = format!("2026-01-07T12:00:0{n}Z");
            format!(
                "{{\"type\":\"user\",\"uuid\":\"u{n}\",\"timestamp\":\"{time}\",\"message\":{{\"role\":\
                 \"user\",\"content\":\"{n}\"}}}}\n"
            )
        };
        let file = |path: &str, text: String| Ok((path.to_owned(), Ok(text.into_bytes())));
        let files = [
            file("1/0-claude-code-1.jsonl", line(1)),
            file("1/1-claude-code-1.jsonl", line(2)),
            Err("a directory is missing".into()),
            file("1/2-events.jsonl", "no event\n".into()),
        ];
        let n_copied = line(1).len() as u64;
        let sources = vec![SourceFile { n: 1, n_copied, ..SourceFile::default() }];
        let extent = Extent { n_segments: 4, sources, ..Extent::default() };
        let told: Vec<Event> = Conversation::of_files(&files, &extent).collect();
        let is_said = |it: &&Event| matches!(it.payload, Payload::Message(_));
        let copied: Vec<bool> = told.iter().filter(is_said).map(|it| it.copied).collect();
        assert_eq!(copied, [true, false]);
        let reasons = told.iter().filter_map(|it| match &it.payload {
            Payload::Raw { reason, .. } => Some(reason.as_str()),
            _ => None,
        });
        let reasons: Vec<&str> = reasons.collect();
        assert_eq!((reasons.len(), reasons[0]), (3, "a directory is missing"));
        assert_eq!(reasons[2], "1 segments are missing");
    }
}
