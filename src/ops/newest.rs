//! The moment of a commit, read from the end of a conversation: as many segments as it takes to find the request. What
//! cannot be told from there as it is told from all of the conversation, is not told here.

use std::collections::VecDeque;

use crate::agents::{self, AgentKind, Transcript};
use crate::format::event;
use crate::format::segment::{self, Holds};
use crate::model::Timestamp;
use crate::model::conversation::{Event, Payload};
use crate::ops::conversation::Conversation;
use crate::ops::load::Loaded;
use crate::ops::moment::{self, Moment};
use crate::ops::segments::{Segment, is_beside};
use crate::ops::sources;
use crate::store::{Files, Store};

/// How many bytes are tried, one after the other, but no more than an eighth of the conversation: they are read for
/// nothing if the request is further back.
const SIZES: [u64; 3] = [64 << 10, 512 << 10, 4 << 20];
/// How many bytes of recorded events before them are looked through for decisions.
const MAX_EARLIER: usize = 4 << 20;
/// How much of a transcript that is cut is passed over.
const PASSED_OVER: u64 = 4 << 10;

/// A transcript that is cut.
struct Cut {
    source: u64,
    /// The newest of what was passed over. A record that is older than that may be one that comes again.
    newest: Option<Timestamp>,
}

/// The newest segments of a session, of the oldest of them the last lines.
struct Newest<'a> {
    store: &'a Store,
    loaded: &'a Loaded,
    files: Files<'a>,
    /// The number that the segment before has, and one.
    first: u64,
    segments: VecDeque<Segment>,
    /// What stands before the lines of the oldest one.
    rest: Vec<u8>,
    n_bytes: u64,
}

/// Returns the moment of a commit at `until`, as [`Moment::of`] does of all events, and without messages; `None` if
/// it is not near the end, or not certain. It is read while it `goes_on`.
pub(super) fn moment(
    store: &Store,
    loaded: &Loaded,
    (before, until): (Option<Timestamp>, Timestamp),
    goes_on: &dyn Fn() -> bool,
) -> Option<Moment> {
    let session = &loaded.view.session;
    // How many decisions there are, the record says.
    let n_decisions = match session.statistics.get("decisions_made") {
        Some(n) => n.as_u64()?,
        None => 0,
    };
    let mut newest = Newest::of(store, loaded)?;
    let is_before = |event: &Event| event.at.is_none_or(|at| at.seconds() <= until.seconds());
    let is_request =
        |event: &Event| !event.copied && is_before(event) && moment::asked(event).is_some();
    for n_bytes in SIZES.into_iter().take_while(|n| *n <= session.conversation.n_bytes / 8) {
        while newest.n_bytes < n_bytes && newest.has_more() && goes_on() {
            newest.read_back(n_bytes)?;
        }
        let Some((events, certain_from)) = newest.events(goes_on) else { continue };
        if events[certain_from..].iter().any(is_request) {
            let n_found = n_decisions_of(&events);
            let earlier = newest.earlier(n_decisions.saturating_sub(n_found), goes_on)?;
            let mut all = earlier.into_iter().chain(events);
            return Some(Moment::of(&mut all, before, until, false));
        }
    }
    None
}

impl<'a> Newest<'a> {
    /// Begins with nothing.
    fn of(store: &'a Store, loaded: &'a Loaded) -> Option<Newest<'a>> {
        let tree = loaded.snapshot.entries.iter().find(|it| it.name == "conversation")?;
        let (files, segments) = (store.files_backwards(tree.oid), VecDeque::new());
        let first = loaded.view.session.conversation.n_segments;
        Some(Newest { store, loaded, files, first, segments, rest: Vec::new(), n_bytes: 0 })
    }

    fn has_more(&self) -> bool {
        self.first > 0 || !self.rest.is_empty()
    }

    /// Goes back by the lines that it takes to have `n_bytes`, within a segment; `None` if that is not as it should be.
    fn read_back(&mut self, n_bytes: u64) -> Option<()> {
        if self.rest.is_empty() {
            let mut segment = self.before(true)?;
            self.rest = std::mem::take(&mut segment.bytes);
            self.segments.push_front(segment);
        }
        let n_missing = usize::try_from(n_bytes - self.n_bytes).unwrap_or(usize::MAX);
        let end = self.rest.len().saturating_sub(n_missing);
        let end = self.rest[..end].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let mut lines = self.rest.split_off(end);
        self.n_bytes += lines.len() as u64;
        let oldest = self.segments.front_mut()?;
        lines.append(&mut oldest.bytes);
        oldest.bytes = lines;
        Some(())
    }

    /// Goes back to the segment before; the bytes of one of a transcript are read `with_transcripts` only.
    fn before(&mut self, with_transcripts: bool) -> Option<Segment> {
        let (path, oid) = loop {
            let (path, oid) = self.files.next()?.ok()?;
            if !is_beside(&path) {
                break (path, oid);
            }
        };
        let (n, holds) = segment::parse(&path)?;
        if n + 1 != self.first {
            return None;
        }
        self.first = n;
        let is_wanted = with_transcripts || holds == Holds::Events;
        let read = || self.store.blob(oid, segment::MAX_BYTES).ok();
        let bytes = if is_wanted { read()? } else { Vec::new() };
        Some(Segment { n, holds, bytes })
    }

    /// Returns the events of what was read, and the first of them from which on they are certain without what is
    /// before; `None` if they are not.
    fn events(&mut self, goes_on: &dyn Fn() -> bool) -> Option<(Vec<Event>, usize)> {
        let extent = &self.loaded.view.session.conversation;
        let mut cuts = self.cuts()?;
        let all = Conversation::of_newest(self.segments.make_contiguous(), extent);
        let (mut events, mut certain_from) = (Vec::new(), 0);
        for mut event in all.take_while(|_| goes_on()) {
            if !is_alone(&event, extent.n_events) {
                return None;
            }
            let is_derived = event.seq.is_none_or(|seq| seq > extent.n_events);
            let src = event.src.filter(|_| is_derived);
            let cut = src.and_then(|src| cuts.iter_mut().find(|cut| cut.source == src.file));
            if let Some((cut, src)) = cut.zip(src) {
                if src.offset < PASSED_OVER || cut.newest.is_none() {
                    event.copied = true;
                    certain_from = events.len() + 1;
                    cut.newest = cut.newest.max(event.at);
                } else if event.at.is_some() && event.at < cut.newest {
                    return None;
                }
            }
            events.push(event);
        }
        Some((events, certain_from))
    }

    /// Returns where transcripts are cut; `None` if something in their segments does not hold any more, may be a copy,
    /// or cannot be read from there on.
    fn cuts(&self) -> Option<Vec<Cut>> {
        let mut transcripts: Vec<(&str, u64, u64)> = Vec::new();
        for segment in &self.segments {
            let Holds::Transcript { agent, source } = &segment.holds else { continue };
            let n_bytes = segment.bytes.len() as u64;
            match transcripts.iter_mut().find(|(_, n, _)| n == source) {
                Some((_, _, n_read)) => *n_read += n_bytes,
                None if segment::is_converted(agent) => {}
                None => transcripts.push((agent, *source, n_bytes)),
            }
        }
        if transcripts.is_empty() {
            return Some(Vec::new());
        }
        let (snapshot, extent) = (&self.loaded.snapshot, &self.loaded.view.session.conversation);
        let sources = sources::readable(self.store, snapshot, extent);
        let mut cuts = Vec::new();
        for (agent, n, n_read) in transcripts {
            let source = sources.iter().find(|it| it.n == n && it.generation == 0)?;
            let kind = agent.parse().unwrap_or(AgentKind::Unknown);
            let n_before = source.n_bytes.checked_sub(n_read)?;
            if n_before == 0 && source.n_copied == 0 && kind.has_live_transcript() {
                continue;
            }
            let transcript = Transcript::new(kind).going_on(&source.memory);
            if n_before < source.n_copied || !transcript.tells_from_within() {
                return None;
            }
            cuts.push(Cut { source: n, newest: None });
        }
        Some(cuts)
    }

    /// Goes on back until `n` decisions were found, and returns the recorded events that may tell them, and what takes
    /// some back; `None` if there is too much to look through. Transcripts tell no decisions.
    fn earlier(mut self, n: u64, goes_on: &dyn Fn() -> bool) -> Option<Vec<Event>> {
        let n_events = self.loaded.view.session.conversation.n_events;
        let (mut found, mut n_found, mut n_read) = (Vec::new(), 0, 0);
        let is_recorded = |it: &Segment| it.holds == Holds::Events;
        let rest = std::mem::take(&mut self.rest);
        let mut bytes = if self.segments.front().is_some_and(is_recorded) { rest } else { vec![] };
        while n > 0 && goes_on() {
            n_read += bytes.len();
            if n_read > MAX_EARLIER {
                return None;
            }
            let lines = bytes.split(|byte| *byte == b'\n').filter(|line| may_tell(line));
            let mut events: Vec<Event> = lines.filter_map(|line| event::parse(line).ok()).collect();
            n_found += n_decisions_of(&events);
            events.append(&mut found);
            found = events;
            if n_found >= n || self.first == 0 {
                break;
            }
            bytes = self.before(false)?.bytes;
        }
        found.iter().all(|event| is_alone(event, n_events)).then_some(found)
    }
}

/// Tells whether a line may be of a decision, or take one back.
fn may_tell(line: &[u8]) -> bool {
    let has = |word: &[u8]| line.windows(word.len()).any(|it| it == word);
    has(b"decision") || has(b"replaces")
}

fn n_decisions_of(events: &[Event]) -> u64 {
    let is_it = |it: &&Event| !it.copied && matches!(it.payload, Payload::Decision(_));
    events.iter().filter(is_it).count() as u64
}

/// Tells whether an event is the same whatever stands before it; recorded ones have numbers up to `n_events`.
fn is_alone(event: &Event, n_events: u64) -> bool {
    if event.seq.is_some_and(|seq| seq <= n_events) {
        // What is derived has other numbers here.
        return event.replaces.iter().all(|seq| *seq <= n_events);
    }
    match &event.payload {
        Payload::Raw { record, .. } => record.is_some(),
        // Results without an id are of the oldest call without one.
        Payload::ToolCall(call) => !agents::is_own_id(&call.call),
        _ => true,
    }
}
