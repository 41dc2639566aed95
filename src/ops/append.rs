//! What one event of a session adds to its conversation: lines and bytes become segments, and the record
//! is told how much there is then.

use crate::format::segment::Holds;
use crate::format::{event, segment};
use crate::model::conversation::{Event, Extent, SourceFile};
use crate::ops::sources::Sources;
use crate::ops::{Context, OpError};
use crate::store::NewSegment;

/// Segments under construction.
pub(super) struct Append<'c> {
    /// How much there is with them.
    pub extent: Extent,
    context: &'c Context,
    segments: Vec<NewSegment>,
    lines: Vec<u8>,
    /// The file with the sources that the record has no room for, if it is another one.
    beside: Option<NewSegment>,
}

impl<'c> Append<'c> {
    /// Begins to add to what `extent` says is there.
    pub(super) fn new(extent: &Extent, context: &'c Context) -> Append<'c> {
        let extent = extent.clone();
        Append { extent, context, segments: Vec::new(), lines: Vec::new(), beside: None }
    }

    /// Adds an event under the next number; one that does not say when it happened happens now.
    ///
    /// # Errors
    /// [`OpError::InvalidValue`] for one that is too long, and what redaction fails for.
    pub(super) fn event(&mut self, event: &Event) -> Result<Event, OpError> {
        let numbered = Event {
            seq: Some(self.extent.n_events + 1),
            at: event.at.or(Some(self.context.now)),
            ..event.clone()
        };
        let line = self.line_of(&numbered)?;
        if line.len() > segment::MAX_LINE {
            let reason = format!("has {} bytes (at most {})", line.len(), segment::MAX_LINE);
            return Err(OpError::invalid("event", reason));
        }
        if self.lines.len() + line.len() >= segment::FULL {
            self.end_lines()?;
        }
        self.extent.n_events += 1;
        self.lines.extend_from_slice(&line);
        self.lines.push(b'\n');
        Ok(numbered)
    }

    /// Adds bytes of an agent's transcript, cut where a line ends if it must be cut.
    ///
    /// # Errors
    /// [`OpError::InvalidValue`] when there is no room for more segments.
    pub(super) fn transcript(
        &mut self,
        agent: &str,
        source: u64,
        bytes: &[u8],
    ) -> Result<(), OpError> {
        self.end_lines()?;
        let mut rest = bytes;
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(cut(rest));
            let holds = Holds::Transcript { agent: agent.to_owned(), source };
            self.put(&holds, piece.to_vec())?;
            rest = after;
        }
        Ok(())
    }

    /// Returns the segments, and how much there is with them.
    ///
    /// # Errors
    /// As [`Append::transcript`].
    pub(super) fn finish(mut self) -> Result<(Extent, Vec<NewSegment>), OpError> {
        self.end_lines()?;
        // Its path comes after those of all segments.
        self.segments.extend(self.beside);
        Ok((self.extent, self.segments))
    }

    /// Notes how far a source is taken.
    ///
    /// # Errors
    /// As [`Sources::put`].
    pub(super) fn source(
        &mut self,
        known: &Sources<'_>,
        source: SourceFile,
    ) -> Result<(), OpError> {
        self.beside = known.put(&mut self.extent, source)?;
        Ok(())
    }

    /// Returns the line that is kept of an event, without secrets. Every line passes through here before it
    /// is written.
    fn line_of(&self, event: &Event) -> Result<Vec<u8>, OpError> {
        self.context.redaction.bytes(event::to_line(event).into_bytes())
    }

    fn end_lines(&mut self) -> Result<(), OpError> {
        match std::mem::take(&mut self.lines) {
            lines if lines.is_empty() => Ok(()),
            lines => self.put(&Holds::Events, lines),
        }
    }

    fn put(&mut self, holds: &Holds, bytes: Vec<u8>) -> Result<(), OpError> {
        let n = self.extent.n_segments;
        if n >= segment::MAX_SEGMENTS {
            let reason = format!("has {n} segments, and there is no room for more");
            return Err(OpError::invalid("conversation", reason));
        }
        self.extent.n_segments += 1;
        self.extent.n_bytes += bytes.len() as u64;
        let path = segment::path(n, holds);
        self.segments.push(NewSegment { path, bytes, replaces: false });
        Ok(())
    }
}

/// Returns how many of `bytes` go into one segment.
fn cut(bytes: &[u8]) -> usize {
    if bytes.len() <= segment::FULL {
        return bytes.len();
    }
    let last_end = bytes[..segment::FULL].iter().rposition(|byte| *byte == b'\n');
    last_end.map_or(segment::FULL, |at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::conversation::Payload;
    use crate::model::{Identity, Map, Timestamp};
    use crate::ops::hook::Hooks;

    fn append(context: &Context) -> Append<'_> {
        let extent = Extent { n_segments: 15, n_events: 7, n_bytes: 100, ..Extent::default() };
        Append::new(&extent, context)
    }

    fn context() -> Context {
        let who = Identity { name: "Ada".into(), email: "ada@example.com".into() };
        Context {
            now: Timestamp::from_seconds(0).expect("in range"),
            author: who.clone(),
            committer: who,
            agent: None,
            op: "op".into(),
            op_is_given: false,
            session_name: None,
            settings_at: None,
            caller: None,
            hooks: Hooks {
                show: |_, _| Map::new(),
                warn: |_| {},
                no_verify: true,
                running: Vec::new(),
                agreed: None,
            },
            redaction: Default::default(),
        }
    }

    fn note(text: &str) -> Event {
        Event::new(Payload::Note(text.to_owned()))
    }

    #[test]
    fn events_of_one_call_are_one_segment_with_numbers_that_go_on() {
        let context = context();
        let mut append = append(&context);
        for text in ["a", "b"] {
            append.event(&note(text)).expect("short");
        }
        append.transcript("codex", 1, b"{}\n").expect("room");
        let (extent, segments) = append.finish().expect("room");
        let paths: Vec<&str> = segments.iter().map(|it| it.path.as_str()).collect();
        assert_eq!(paths, ["1/f-events.jsonl", "2/1/0-codex-1.jsonl"]);
        let lines = String::from_utf8_lossy(&segments[0].bytes);
        let seqs: Vec<Option<u64>> =
            lines.lines().map(|it| event::parse(it.as_bytes()).expect("an event").seq).collect();
        assert_eq!(seqs, [Some(8), Some(9)]);
        assert_eq!((extent.n_segments, extent.n_events), (17, 9));
        assert_eq!(extent.n_bytes, 100 + segments[0].bytes.len() as u64 + 3);
    }

    #[test]
    fn a_large_call_is_cut_into_segments_below_the_limit() {
        let context = context();
        let mut append = append(&context);
        let text = "x".repeat(segment::FULL / 2);
        for _ in 0..3 {
            append.event(&note(&text)).expect("short enough");
        }
        let line = [b"y".repeat(segment::FULL - 10), b"\n".to_vec()].concat();
        append.transcript("codex", 1, &line.repeat(2)).expect("room");
        append.transcript("codex", 1, &b"z".repeat(segment::FULL + 1)).expect("room");
        let (extent, segments) = append.finish().expect("room");
        assert_eq!(extent.n_segments, 15 + segments.len() as u64);
        let sizes: Vec<usize> = segments.iter().map(|it| it.bytes.len()).collect();
        assert!(sizes.iter().all(|size| *size <= segment::FULL), "{sizes:?}");
        assert_eq!(sizes[3..], [line.len(), line.len(), segment::FULL, 1]);
    }

    #[test]
    fn a_line_that_is_too_long_and_a_segment_too_many_are_refused() {
        let context = context();
        let mut append = append(&context);
        let refused = append.event(&note(&"x".repeat(segment::MAX_LINE))).expect_err("too long");
        assert!(refused.to_string().contains("at most"), "{refused}");
        append.extent.n_segments = segment::MAX_SEGMENTS;
        assert!(append.transcript("codex", 1, b"x").is_err());
    }
}
