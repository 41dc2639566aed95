//! Recording what is said and done in a session: one call, one event of the session, however many events
//! of the conversation it has.

use std::ops::RangeInclusive;

use crate::lifecycle::nearest;
use crate::model::conversation::{Event, Extent, Payload, SourceFile, Totals, Usage};
use crate::model::{Session, SessionId, Tokens, text};
use crate::ops::append::Append;
use crate::ops::change::{self, Changed, Draft, Verdict};
use crate::ops::load::View;
use crate::ops::sources::Sources;
use crate::ops::{Context, OpError, counter, segments};
use crate::store::Store;

/// What came of recording.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// The session after it.
    pub changed: Changed,
    /// The numbers of the events; `None` if there was nothing to record.
    pub seqs: Option<RangeInclusive<u64>>,
}

/// How far a file was taken, and how to notice that it is another one.
#[derive(Debug, Clone, Default)]
pub struct Taken {
    /// Where it is, with `~` for the home directory.
    pub path: Option<String>,
    /// How many of its bytes the caller thinks were taken before; if it was another who took them, nothing
    /// happens.
    pub after: Option<u64>,
    /// How many of its bytes are taken now.
    pub offset: u64,
    /// What names its first bytes.
    pub head: Option<String>,
    /// What names the bytes before `offset`.
    pub tail: Option<String>,
    /// If what was taken before was written anew: how many of the bytes that are kept still hold.
    pub rewritten_at: Option<u64>,
}

impl Taken {
    fn is_late(&self, source: &SourceFile) -> bool {
        self.after.is_some_and(|after| after != source.offset)
    }
}

/// What a file of events is called where the agents' are.
pub const AGENT: &str = "record";
/// The longest name of an answer that is remembered from call to call, in bytes.
const MAX_MSG: usize = 256;

/// The kinds that can be recorded.
pub const KINDS: [&str; 19] = [
    "session.start",
    "session.end",
    "turn.start",
    "turn.end",
    "message",
    "tool.call",
    "tool.result",
    "usage",
    "compaction",
    "state",
    "file",
    "link",
    "meta",
    "note",
    "decision",
    "error",
    "checkpoint",
    "raw",
    "skip",
];

/// Checks that an event may be recorded: one of an unknown kind is a slip of the pen, unless its kind
/// begins with `x.`.
///
/// # Errors
/// What is wrong with it.
pub fn check(event: &Event) -> Result<(), String> {
    match &event.payload {
        Payload::Other { kind, .. } if !kind.starts_with("x.") => {
            let guess = nearest(kind, KINDS.into_iter());
            let guess = guess.map(|it| format!(" (did you mean '{it}'?)")).unwrap_or_default();
            Err(format!("field 'kind' has the unknown value '{kind}'{guess}"))
        }
        _ => Ok(()),
    }
}

/// Records events, in this order, under the next numbers. An ended session can be recorded into, too: what
/// an agent tells late is not lost.
///
/// With `taken`, it is also kept how far a file of events was read.
///
/// # Errors
/// [`OpError::InvalidValue`] for what is too long, and what [`change::change`] fails for; then nothing of
/// it is kept.
pub fn record(
    store: &Store,
    context: &Context,
    session_id: SessionId,
    events: &[Event],
    taken: Option<&Taken>,
) -> Result<Recorded, OpError> {
    let changed = change::change(store, context, session_id, |view| {
        if events.is_empty() && taken.is_none() {
            return Ok(Verdict::Nothing);
        }
        let mut append = Append::new(&view.session.conversation, context);
        if let Some(taken) = taken {
            let name = view.session.id.to_string();
            let sources = Sources::of(store, &name, &view.session.conversation, view.tip);
            let mut source = source_of(&sources, taken)?;
            if taken.is_late(&source) {
                return Ok(Verdict::Nothing);
            }
            advance(&mut source, taken);
            append.source(&sources, source)?;
        }
        draft(view, append, events, subject(events))
    })?;
    let seqs = seqs(store, context, &changed, events);
    Ok(Recorded { changed, seqs })
}

/// Returns the file of events that `taken` is of; a new one if there is none.
fn source_of(sources: &Sources<'_>, taken: &Taken) -> Result<SourceFile, OpError> {
    let like = sources.like(taken.path.as_deref())?;
    let known = like.into_iter().find(|it| it.agent == AGENT && it.path == taken.path);
    Ok(known.unwrap_or_else(|| SourceFile {
        n: sources.next_n(),
        agent: AGENT.to_owned(),
        path: taken.path.clone(),
        ..SourceFile::default()
    }))
}

/// Notes how far a source is taken; returns the event that says that it was written anew, if it was.
pub(super) fn advance(source: &mut SourceFile, taken: &Taken) -> Option<Event> {
    source.offset = taken.offset;
    source.head = taken.head.clone();
    source.tail = taken.tail.clone();
    let at = taken.rewritten_at?;
    source.generation += 1;
    source.n_bytes = source.n_bytes.min(at);
    Some(segments::rewritten(source.n, at, source.generation))
}

/// Returns the event that adds to the conversation, and counts what is to be counted.
fn draft(
    view: &View,
    mut append: Append<'_>,
    events: &[Event],
    subject: String,
) -> Result<Verdict, OpError> {
    let mut session = view.session.clone();
    let first = session.conversation.n_events + 1;
    let mut totals = Totals::default();
    append.extent.usages.iter().for_each(|usage| totals.add(usage));
    let before = totals.sum();
    for (event, number) in events.iter().zip(1..) {
        let numbered = append.event(event).map_err(|error| match error {
            OpError::InvalidValue { field, reason, .. } if field == "event" => {
                OpError::Line { number, reason: format!("it {reason}") }
            }
            other => other,
        })?;
        totals.add(&numbered);
        count(&mut session, &numbered, 1)?;
    }
    count_tokens(&mut session.tokens, &before, &totals.sum());
    append.extent.usages = totals.newest(Extent::MAX_USAGES);
    append.extent.usages.retain(is_named);
    let (extent, segments) = append.finish()?;
    let last = extent.n_events;
    session.conversation = extent;
    let mut draft = Draft::new("record", subject, session);
    draft.segments = segments;
    if last >= first {
        draft.trailers.push(("Events", format!("{first}-{last}")));
    }
    Ok(Verdict::Happens(vec![draft]))
}

/// Tells whether the answer that a usage is of has a name that can stand in a record.
pub(super) fn is_named(usage: &Event) -> bool {
    let Payload::Usage(usage) = &usage.payload else { return false };
    usage.msg.as_ref().is_some_and(|msg| text::is_line(msg, MAX_MSG))
}

/// Counts decisions, checkpoints and recovered errors, each for `amount`.
pub(super) fn count(session: &mut Session, event: &Event, amount: i64) -> Result<(), OpError> {
    let counter = match &event.payload {
        _ if event.copied => return Ok(()),
        Payload::Decision(_) => "statistics.decisions_made",
        Payload::Checkpoint(_) => "statistics.checkpoints_created",
        Payload::Error(fault) if fault.is_recovered => "statistics.error_recovery_count",
        _ => return Ok(()),
    };
    counter::add(session, counter, amount)
}

/// Adds what is counted more, or less, than before.
pub(super) fn count_tokens(tokens: &mut Tokens, before: &Usage, after: &Usage) {
    let moved = |n: u64, before: u64, after: u64| n.saturating_sub(before).saturating_add(after);
    let change = |n: &mut u64, before: u64, after: u64| {
        // What both have in common cancels out first, so that nothing is cut off at 0.
        let common = before.min(after);
        *n = moved(*n, before - common, after - common);
    };
    change(&mut tokens.input, before.input, after.input);
    change(&mut tokens.output, before.output, after.output);
    change(&mut tokens.cache_read, before.cache_read, after.cache_read);
    change(&mut tokens.cache_write, before.cache_write, after.cache_write);
}

/// Returns the numbers that the events have: of a write that was done before, those that they got then.
fn seqs(
    store: &Store,
    context: &Context,
    changed: &Changed,
    events: &[Event],
) -> Option<RangeInclusive<u64>> {
    if changed.is_new {
        let last = changed.view.session.conversation.n_events;
        return (!events.is_empty()).then(|| last + 1 - events.len() as u64..=last);
    }
    let commit = context.op_is_given.then(|| change::find_op(store, context, changed.view.tip));
    seqs_of(commit.flatten()?.trailer("Session-Events")?)
}

/// Reads the numbers of the events that a commit recorded, as its trailer tells them.
pub(super) fn seqs_of(trailer: &str) -> Option<RangeInclusive<u64>> {
    range(trailer).filter(|seqs| *seqs.start() >= 1)
}

/// Reads a range of numbers as a trailer tells it.
pub(super) fn range(trailer: &str) -> Option<RangeInclusive<u64>> {
    let (first, last) = trailer.split_once('-')?;
    let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last).then_some(first..=last)
}

/// What a call consists of, in the order in which it is told.
const NOUNS: [(&str, &str); 7] = [
    ("message", "message"),
    ("tool.call", "tool call"),
    ("decision", "decision"),
    ("error", "error"),
    ("note", "note"),
    ("checkpoint", "checkpoint"),
    ("usage", "usage"),
];

/// Returns the subject of a call: `record: 2 messages, 1 tool call`.
pub fn subject(events: &[Event]) -> String {
    let n_of = |kind: &str| events.iter().filter(|event| event.kind() == kind).count();
    let mut counts: Vec<(usize, &str)> =
        NOUNS.iter().map(|(kind, noun)| (n_of(kind), *noun)).filter(|(n, _)| *n > 0).collect();
    let n_named: usize = counts.iter().map(|(n, _)| n).sum();
    let n_results = n_of("tool.result");
    let n_others = events.len() - n_named - n_results;
    // A result goes without saying where its call is told.
    if n_results > 0 && n_of("tool.call") == 0 {
        counts.push((n_results, "tool result"));
    }
    if n_others > 0 || counts.is_empty() {
        counts.push((n_others, if n_named > 0 { "other event" } else { "event" }));
    }
    let told = |(n, noun): &(usize, &str)| match n {
        1 => format!("1 {noun}"),
        n => format!("{n} {noun}s"),
    };
    let told: Vec<String> = counts.iter().map(told).collect();
    format!("record: {}", told.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::conversation::{Message, Role, ToolCall, ToolResult};

    fn events(kinds: &[&str]) -> Vec<Event> {
        let call = || ToolCall {
            call: "c".into(),
            name: "bash".into(),
            tool_kind: None,
            input: Default::default(),
            msg: None,
            governance: None,
        };
        let event = |kind: &&str| match *kind {
            "message" => Event::new(Message::new(Role::User, Vec::new())),
            "tool.call" => Event::new(call()),
            "tool.result" => Event::new(ToolResult::default()),
            kind => {
                Event::new(Payload::Other { kind: kind.to_owned(), fields: Default::default() })
            }
        };
        kinds.iter().map(event).collect()
    }

    #[test]
    fn a_subject_tells_what_a_call_consists_of() {
        for (kinds, expected) in [
            (&["message", "tool.call", "message", "tool.result"][..], "2 messages, 1 tool call"),
            (&["tool.result", "tool.result"], "2 tool results"),
            (&["x.a", "message"], "1 message, 1 other event"),
            (&["x.a", "x.b"], "2 events"),
            (&[], "0 events"),
        ] {
            assert_eq!(subject(&events(kinds)), format!("record: {expected}"));
        }
    }

    #[test]
    fn a_kind_that_nobody_knows_is_refused_unless_it_says_that_it_is_one() {
        assert_eq!(check(&events(&["x.mine"])[0]), Ok(()));
        let refused = check(&events(&["mesage"])[0]).expect_err("a slip of the pen");
        assert_eq!(
            refused,
            "field 'kind' has the unknown value 'mesage' (did you mean 'message'?)"
        );
    }

    #[test]
    fn tokens_move_by_what_is_counted_more() {
        let mut tokens = Tokens { input: 5, output: 0, ..Tokens::default() };
        let before = Usage { input: 10, output: 1, ..Usage::default() };
        let after = Usage { input: 10, output: 7, cache_read: 2, ..Usage::default() };
        count_tokens(&mut tokens, &before, &after);
        assert_eq!((tokens.input, tokens.output, tokens.cache_read), (5, 6, 2));
    }
}
