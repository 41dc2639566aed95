//! The segments of a conversation, in order, one in memory at a time.

use std::collections::HashMap;

use crate::agents::Lineage;
use crate::format::segment::{self, Holds};
use crate::format::{self, event};
use crate::model::conversation::{Event, Extent, Payload};
use crate::model::{Map, Oid, Value};
use crate::ops::{OpError, sources};
use crate::store::{Snapshot, Store, StoreError};

/// The kind of the event that says that a source was written anew: see `FORMAT.md`.
pub const REWRITTEN: &str = "source.rewritten";

/// A segment.
pub(super) struct Segment {
    pub(super) n: u64,
    pub(super) holds: Holds,
    pub(super) bytes: Vec<u8>,
}

/// A file below `conversation`, its path and its bytes; or why it, or where it is, cannot be read.
pub type File = Result<(String, Result<Vec<u8>, String>), String>;

/// The segments of a conversation; what cannot be read is told in its place, and does not end it.
pub(super) struct Segments<'a> {
    files: Box<dyn Iterator<Item = File> + 'a>,
    /// The number of the next segment, and how many the record says that there are.
    next: u64,
    n_segments: u64,
}

impl<'a> Segments<'a> {
    /// Begins with the first segment of a session.
    pub(super) fn of(store: &'a Store, snapshot: &Snapshot, extent: &Extent) -> Segments<'a> {
        let tree = snapshot.entries.iter().find(|entry| entry.name == "conversation");
        let files = tree.map(|entry| store.files(entry.oid)).into_iter().flatten();
        let files = files.filter(|it| !matches!(it, Ok((path, _)) if is_beside(path)));
        let read = |found: Result<(String, Oid), StoreError>| {
            let (path, oid) = found.map_err(|error| error.to_string())?;
            let bytes = match segment::parse(&path) {
                Some(_) => store.blob(oid, segment::MAX_BYTES).map_err(|it| it.to_string()),
                None => Ok(Vec::new()),
            };
            Ok((path, bytes))
        };
        Segments::over(files.map(read), extent.n_segments)
    }

    /// Begins with the first of such segments, which follow each other.
    pub(super) fn from(segments: &'a [Segment], n_segments: u64) -> Segments<'a> {
        let next = segments.first().map(|it| it.n).unwrap_or_default();
        let file = |it: &Segment| Ok((segment::path(it.n, &it.holds), Ok(it.bytes.clone())));
        Segments { next, ..Segments::over(segments.iter().map(file), n_segments) }
    }

    /// Begins with the first of such files.
    pub(super) fn over(files: impl Iterator<Item = File> + 'a, n_segments: u64) -> Segments<'a> {
        Segments { files: Box::new(files), next: 0, n_segments }
    }

    fn check(&mut self, path: &str, bytes: Result<Vec<u8>, String>) -> Result<Segment, String> {
        let parsed = segment::parse(path).filter(|(n, _)| *n >= self.next);
        let misplaced = || format!("'{path}' is not the segment that follows");
        let (n, holds) = parsed.ok_or_else(misplaced)?;
        let is_next = n == self.next;
        self.next = n + 1;
        let bytes = bytes?;
        if !is_next {
            return Err(format!("segments before {n} are missing"));
        }
        Ok(Segment { n, holds, bytes })
    }
}

impl Iterator for Segments<'_> {
    type Item = Result<Segment, String>;

    fn next(&mut self) -> Option<Result<Segment, String>> {
        let found = match self.next < segment::MAX_SEGMENTS {
            true => self.files.next(),
            false => None,
        };
        let Some(found) = found else {
            let n_missing = self.n_segments.saturating_sub(self.next);
            self.next = self.n_segments;
            return (n_missing > 0).then(|| Err(format!("{n_missing} segments are missing")));
        };
        Some(found.and_then(|(path, bytes)| self.check(&path, bytes)))
    }
}

/// Tells whether a file is beside the segments: it has sources.
pub(super) fn is_beside(path: &str) -> bool {
    path.split('/').next() == Some(format::sources::DIRECTORY)
}

/// How much of each segment still holds, where files were written anew.
#[derive(Debug, Default)]
pub(super) struct Live {
    n_bytes: HashMap<u64, usize>,
}

impl Live {
    /// Looks how much holds. It costs a pass over all segments, if any file was written anew.
    pub(super) fn of(store: &Store, snapshot: &Snapshot, extent: &Extent) -> Live {
        let sources = sources::readable(store, snapshot, extent);
        if sources.iter().all(|source| source.generation == 0) {
            return Live::default();
        }
        Live::over(Segments::of(store, snapshot, extent))
    }

    /// Looks how much holds of such segments.
    pub(super) fn over(segments: Segments<'_>) -> Live {
        let mut sources: HashMap<u64, Vec<(u64, usize)>> = HashMap::new();
        let mut live = Live::default();
        for segment in segments.flatten() {
            match segment.holds {
                Holds::Transcript { source, .. } => {
                    sources.entry(source).or_default().push((segment.n, segment.bytes.len()));
                }
                Holds::Events => {
                    let lines = segment.bytes.split(|byte| *byte == b'\n');
                    for (source, off) in lines.filter_map(rewritten_line) {
                        live.cut(sources.entry(source).or_default(), off);
                    }
                }
            }
        }
        live
    }

    /// Notes that of the segments of a source the first `off` bytes hold.
    fn cut(&mut self, segments: &mut Vec<(u64, usize)>, off: u64) {
        let mut n_bytes: u64 = segments.iter().map(|(_, len)| *len as u64).sum();
        while n_bytes > off
            && let Some((n, len)) = segments.pop()
        {
            n_bytes -= len as u64;
            let n_left = usize::try_from(off.saturating_sub(n_bytes)).unwrap_or(len);
            self.n_bytes.insert(n, n_left);
            if n_left > 0 {
                n_bytes += n_left as u64;
                segments.push((n, n_left));
            }
        }
    }

    /// Returns what still holds of a segment.
    pub(super) fn part<'s>(&self, segment: &'s Segment) -> &'s [u8] {
        let n_left = self.n_bytes.get(&segment.n).copied().unwrap_or(usize::MAX);
        &segment.bytes[..n_left.min(segment.bytes.len())]
    }
}

/// Gives `take` the bytes that are kept of the source `n`, in order.
///
/// # Errors
/// [`OpError::Corrupt`] if a segment cannot be read, and those of `take`.
pub fn source_bytes<E: From<OpError>>(
    store: &Store,
    name: &str,
    (snapshot, extent): (&Snapshot, &Extent),
    n: u64,
    mut take: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let live = Live::of(store, snapshot, extent);
    for segment in Segments::of(store, snapshot, extent) {
        let corrupt = |reason| OpError::Corrupt { name: name.to_owned(), reason };
        let segment = segment.map_err(corrupt)?;
        if matches!(segment.holds, Holds::Transcript { source, .. } if source == n) {
            take(live.part(&segment))?;
        }
    }
    Ok(())
}

/// Returns by what an event can be known that was recorded already.
pub(super) fn told(store: &Store, snapshot: &Snapshot, extent: &Extent) -> Lineage {
    let mut told = Lineage::default();
    for segment in Segments::of(store, snapshot, extent).flatten() {
        if segment.holds == Holds::Events {
            let lines = segment.bytes.split(|byte| *byte == b'\n');
            lines.filter_map(|line| event::parse(line).ok()).for_each(|event| told.tell(&event));
        }
    }
    told
}

/// Returns the event that says that a source was written anew, and kept up to byte `off` only.
pub(super) fn rewritten(source: u64, off: u64, generation: u64) -> Event {
    let fields = [("f", source), ("off", off), ("generation", generation)];
    let fields: Map = fields.into_iter().map(|(key, n)| (key.to_owned(), n.into())).collect();
    Event::new(Payload::Other { kind: REWRITTEN.to_owned(), fields })
}

/// Reads which source a line says to be written anew, and how much of it holds.
fn rewritten_line(line: &[u8]) -> Option<(u64, u64)> {
    let holds = line.windows(REWRITTEN.len()).any(|it| it == REWRITTEN.as_bytes());
    let event = holds.then(|| event::parse(line).ok()).flatten()?;
    let Payload::Other { kind, fields } = &event.payload else { return None };
    let number = |key: &str| fields.get(key).and_then(Value::as_u64);
    (kind == REWRITTEN).then(|| Some((number("f")?, number("off")?))).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_leaves_the_first_bytes_of_a_source() {
        let mut live = Live::default();
        let mut segments = vec![(0, 10), (2, 10), (5, 10)];
        live.cut(&mut segments, 25);
        assert_eq!(segments, [(0, 10), (2, 10), (5, 5)]);
        live.cut(&mut segments, 10);
        assert_eq!(segments, [(0, 10)]);
        segments.push((7, 4));
        live.cut(&mut segments, 0);
        assert_eq!(segments, []);
        assert_eq!([0, 2, 5, 7].map(|n| live.n_bytes.get(&n).copied()), [Some(0); 4]);
        live.cut(&mut segments, 3);
    }

    #[test]
    fn only_the_event_itself_says_that_a_source_was_written_anew() {
        let line = crate::format::event::to_line(&rewritten(2, 30, 1));
        assert_eq!(rewritten_line(line.as_bytes()), Some((2, 30)));
        let note = Event::new(Payload::Note(line));
        assert_eq!(rewritten_line(event::to_line(&note).as_bytes()), None);
    }
}
