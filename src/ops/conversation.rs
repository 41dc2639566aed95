//! Reading the conversation of a session: one pass in order, one segment in memory at a time.

use std::collections::HashMap;

use crate::format::event;
use crate::format::segment::{self, Holds};
use crate::model::conversation::{Event, Payload, Source};
use crate::model::{Map, Oid, Value};
use crate::ops::load::Loaded;
use crate::store::{Files, Store, StoreError};

/// The kind of the event that says that a source was written anew: see `FORMAT.md`.
pub const REWRITTEN: &str = "source.rewritten";

/// The events of a conversation, in order. What cannot be read is a `raw` event in its place, and does
/// not end it.
pub struct Conversation<'a> {
    store: &'a Store,
    files: Option<Files<'a>>,
    /// The number of the next segment, and how many the record says that there are.
    next: u64,
    n_segments: u64,
    open: Option<Open>,
    /// How many bytes there were of each source before.
    offsets: HashMap<u64, u64>,
}

/// A segment that is being read.
struct Open {
    holds: Holds,
    bytes: Vec<u8>,
    at: usize,
}

impl<'a> Conversation<'a> {
    /// Begins to read the conversation of a session.
    pub fn of(store: &'a Store, loaded: &Loaded) -> Conversation<'a> {
        let entries = &loaded.snapshot.entries;
        let tree = entries.iter().find(|entry| entry.name == "conversation");
        Conversation {
            store,
            files: tree.map(|entry| store.files(entry.oid)),
            next: 0,
            n_segments: loaded.view.session.conversation.n_segments,
            open: None,
            offsets: HashMap::new(),
        }
    }

    /// Opens the next segment; `None` if there is none, and the fault if it is none.
    fn open(&mut self) -> Option<Result<Open, String>> {
        let found = self.files.as_mut().and_then(Iterator::next);
        let Some(found) = found else {
            let n_missing = self.n_segments.saturating_sub(self.next);
            self.next = self.n_segments;
            return (n_missing > 0).then(|| Err(format!("{n_missing} segments are missing")));
        };
        if self.next >= segment::MAX_SEGMENTS {
            self.files = None;
        }
        Some(found.map_err(|error| error.to_string()).and_then(|(path, oid)| {
            let parsed = segment::parse(&path).filter(|(n, _)| *n >= self.next);
            let misplaced = || format!("'{path}' is not the segment that follows");
            let (n, holds) = parsed.ok_or_else(misplaced)?;
            let is_next = n == self.next;
            self.next = n + 1;
            let bytes = self.read(oid).map_err(|error| error.to_string())?;
            if !is_next {
                return Err(format!("segments before {n} are missing"));
            }
            Ok(Open { holds, bytes, at: 0 })
        }))
    }

    fn read(&self, oid: Oid) -> Result<Vec<u8>, StoreError> {
        self.store.blob(oid, segment::MAX_BYTES)
    }

    /// Returns the event that a line of the open segment tells.
    fn understand(&mut self, holds: &Holds, line: &[u8]) -> Option<Event> {
        match holds {
            Holds::Events if line.trim_ascii().is_empty() => None,
            Holds::Events => {
                let event = event::parse(line).unwrap_or_else(|error| {
                    raw(error.to_string(), line.strip_suffix(b"\n").unwrap_or(line))
                });
                self.note_rewritten(&event);
                Some(event)
            }
            Holds::Transcript { agent, source } => {
                let offset = self.offsets.entry(*source).or_default();
                let src = Source { file: *source, offset: *offset, n_bytes: line.len() as u64 };
                *offset += line.len() as u64;
                let event = raw(format!("of the transcript of {agent}"), line.trim_ascii_end());
                Some(Event { src: Some(src), ..event })
            }
        }
    }

    fn note_rewritten(&mut self, event: &Event) {
        let Payload::Other { kind, fields } = &event.payload else { return };
        let number = |key: &str| fields.get(key).and_then(Value::as_u64);
        if let (REWRITTEN, Some(source), Some(at)) = (kind.as_str(), number("f"), number("off")) {
            self.offsets.insert(source, at);
        }
    }
}

impl Iterator for Conversation<'_> {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        loop {
            let mut open = match self.open.take() {
                Some(open) => open,
                None => match self.open()? {
                    Ok(open) => open,
                    Err(fault) => return Some(fault_event(fault)),
                },
            };
            let rest = &open.bytes[open.at..];
            if rest.is_empty() {
                continue;
            }
            let n = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |at| at + 1);
            let event = self.understand(&open.holds, &open.bytes[open.at..open.at + n]);
            open.at += n;
            self.open = Some(open);
            if event.is_some() {
                return event;
            }
        }
    }
}

/// Returns the event that says that a source was written anew, and kept up to byte `off` only.
pub(super) fn rewritten(source: u64, off: u64, generation: u64) -> Event {
    let fields = [("f", source), ("off", off), ("generation", generation)];
    let fields: Map = fields.into_iter().map(|(key, n)| (key.to_owned(), n.into())).collect();
    Event::new(Payload::Other { kind: REWRITTEN.to_owned(), fields })
}

/// Returns a line that is no event as one.
fn raw(reason: String, line: &[u8]) -> Event {
    let text = String::from_utf8_lossy(line);
    let record = text.parse().unwrap_or_else(|_| Value::from(text));
    Event::new(Payload::Raw { reason, record: Some(record) })
}

fn fault_event(reason: String) -> Event {
    Event::new(Payload::Raw { reason, record: None })
}
