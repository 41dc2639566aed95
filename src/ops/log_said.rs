//! What was said and done, as events of a session's history.

use std::ops::RangeInclusive;

use crate::lifecycle::nearest;
use crate::model::conversation::Event;
use crate::model::{Oid, SessionId};
use crate::ops::conversation::Conversation;
use crate::ops::log::{LoggedEvent, Query, to_event};
use crate::ops::{OpError, load, record, told};
use crate::store::Store;

/// The kinds of the events of a history.
pub const KINDS: [&str; 10] = [
    "create",
    "transition",
    "update",
    "attach",
    "detach",
    "worker",
    "record",
    "commit",
    "import",
    "undo",
];

/// Checks that there are such kinds of events.
///
/// # Errors
/// [`OpError::InvalidValue`].
pub fn check_kinds(kinds: &[String]) -> Result<(), OpError> {
    let known = || KINDS.into_iter().chain(["tool"]).chain(record::KINDS);
    let is_known = |kind: &String| kind.starts_with("x.") || known().any(|known| known == kind);
    let Some(kind) = kinds.iter().find(|kind| !is_known(kind)) else { return Ok(()) };
    let guess = nearest(kind, known());
    let guess = guess.map(|it| format!(" (did you mean '{it}'?)")).unwrap_or_default();
    Err(OpError::InvalidValue {
        field: "--type".into(),
        reason: format!("'{kind}' is unknown{guess}"),
        allowed: known().map(str::to_owned).collect(),
    })
}

/// Tells whether events of this kind are recorded, and not the history's own.
pub fn is_said(kind: &str) -> bool {
    !KINDS.contains(&kind)
}

/// Tells whether any of the kinds is recorded.
pub(super) fn is_wanted(kinds: &[String]) -> bool {
    kinds.iter().any(|kind| is_said(kind))
}

/// A commit of a history, with what was recorded by it.
struct Entry {
    event: LoggedEvent,
    /// Whether the commit itself is wanted.
    is_wanted: bool,
    seqs: Option<RangeInclusive<u64>>,
    /// The segments of transcripts that it added.
    segments: Option<RangeInclusive<u64>>,
    said: Vec<LoggedEvent>,
}

/// Answers a question for events of both sorts, the newest first.
pub(super) fn log(
    store: &Store,
    session_id: SessionId,
    tip_oid: Oid,
    query: &Query,
) -> Result<Vec<LoggedEvent>, OpError> {
    let mut entries = Vec::new();
    for commit in store.history(tip_oid) {
        let commit = commit?;
        if query.after == Some(commit.oid) {
            break;
        }
        let event = to_event(&commit);
        let seqs = commit.trailer("Session-Events").and_then(record::seqs_of);
        let segments = commit.trailer("Session-Segments").and_then(record::range);
        let is_wanted = query.wants(&event);
        if is_wanted || seqs.is_some() || segments.is_some() {
            entries.push(Entry { event, is_wanted, seqs, segments, said: Vec::new() });
        }
    }
    let by_seq = ends(&entries, |entry| entry.seqs.as_ref());
    let by_segment = ends(&entries, |entry| entry.segments.as_ref());
    let loaded = load::load_at(store, session_id, tip_oid)?;
    let mut conversation = Conversation::of(store, &loaded);
    while let Some(event) = conversation.next() {
        if !wants(query, &event) {
            continue;
        }
        // Events that are derived have numbers that no commit tells.
        let recorded = event.seq.and_then(|seq| find(&by_seq, seq));
        let derived = || find(&by_segment, conversation.segment_of(event.src?.file));
        let found = recorded.or_else(derived);
        let Some(entry) = found.map(|idx| &mut entries[idx]) else { continue };
        let logged = logged(&event, &entry.event);
        if query.has_time(logged.at) {
            entry.said.push(logged);
        }
    }
    let all = entries.into_iter().flat_map(|entry| {
        let own = entry.is_wanted.then_some(entry.event);
        entry.said.into_iter().rev().chain(own)
    });
    Ok(all.take(query.limit.unwrap_or(usize::MAX)).collect())
}

fn wants(query: &Query, event: &Event) -> bool {
    let kind = event.kind();
    let is_it = |wanted: &String| wanted == kind || (wanted == "tool" && kind.starts_with("tool."));
    query.kinds.iter().any(is_it)
}

/// A range of numbers, and the index of the commit that it is of.
type Place = (RangeInclusive<u64>, usize);

/// Returns the numbers that each commit added, in order.
fn ends(entries: &[Entry], of: impl Fn(&Entry) -> Option<&RangeInclusive<u64>>) -> Vec<Place> {
    let end = |(idx, entry): (usize, &Entry)| Some((of(entry)?.clone(), idx));
    let mut ends: Vec<Place> = entries.iter().enumerate().filter_map(end).collect();
    ends.sort_unstable_by_key(|(range, idx)| (*range.end(), *idx));
    ends
}

/// Finds the commit that added a number.
fn find(ends: &[Place], n: u64) -> Option<usize> {
    let (range, idx) = ends.get(ends.partition_point(|(range, _)| *range.end() < n))?;
    range.contains(&n).then_some(*idx)
}

/// Returns an event as it stands in a history; `commit` is the event that recorded it.
fn logged(event: &Event, commit: &LoggedEvent) -> LoggedEvent {
    let (subject, reason) = told::headline(event);
    LoggedEvent {
        kind: event.kind().to_owned(),
        at: event.at.unwrap_or(commit.at),
        from: None,
        forced: false,
        subject,
        reason,
        ..commit.clone()
    }
}
