//! What a reader says: events with their numbers and places, and what is known of the session.

use std::collections::{HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::record::Record;
use super::scan::Span;
use crate::model::conversation::{Content, Event, Payload, SessionStart, Source};
use crate::model::{Timestamp, Value};

/// What the ids begin with that calls get here where their agent gave them none.
const OWN_ID: &str = "h:";

/// What a transcript says of its session as a whole.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    /// The agent's own id of it.
    pub session_id: Option<String>,
    /// The version of the agent program, as first told.
    pub version: Option<String>,
    /// The language model, as first told.
    pub model: Option<String>,
    /// The sub-agent that the transcript is of; `None` is the main thread.
    pub thread: Option<String>,
    /// The directory that the agent worked in, as first told.
    pub cwd: Option<String>,
    /// The branch, as last told.
    pub branch: Option<String>,
    /// The commit that it began on.
    pub head: Option<String>,
    /// The title, as last told.
    pub title: Option<String>,
    /// The agent's session that started this one.
    pub parent_session: Option<String>,
    /// The agent's session that this one is a copy of, up to some event.
    pub forked_from: Option<String>,
    /// The id of its first record that has one.
    pub root: Option<String>,
    /// The earliest time that is told.
    pub first_at: Option<Timestamp>,
    /// The latest time that is told.
    pub last_at: Option<Timestamp>,
}

impl Facts {
    /// Returns the agent's session that this one says to be a copy or a part of.
    pub fn origin(&self) -> Option<&str> {
        self.forked_from.as_deref().or(self.parent_session.as_deref())
    }
}

/// What a transcript had, so that what was copied from it into another one can be known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lineage {
    /// The agent's id of its session.
    pub session_id: Option<String>,
    marks: HashSet<u64>,
}

impl Lineage {
    /// Adds what `other` had.
    pub fn extend(&mut self, other: &Lineage) {
        first(&mut self.session_id, other.session_id.as_deref());
        self.marks.extend(&other.marks);
    }

    /// Notes what an event that was told in another way says, by the ids of its answer and its call, and by its words.
    pub fn tell(&mut self, event: &Event) {
        self.marks.extend(by_id(event));
        self.marks.extend(by_words(event));
    }

    /// Tells whether what an event says was told in another way: under the same id, or where it has none, in the same
    /// words.
    pub fn was_told(&self, event: &Event) -> bool {
        let mark = by_id(event).or_else(|| by_words(event));
        mark.is_some_and(|mark| self.marks.contains(&mark))
    }

    pub(super) fn has(&self, mark: &impl Hash) -> bool {
        self.marks.contains(&hash(mark))
    }

    fn add(&mut self, mark: &impl Hash) {
        self.marks.insert(hash(mark));
    }
}

/// Returns what an event is known by that is told in two ways, from an id of the agent's; `None` if it has none.
fn by_id(event: &Event) -> Option<u64> {
    let (what, id) = match &event.payload {
        Payload::Message(it) => ("message", it.msg.as_ref()?),
        Payload::Usage(it) => ("usage", it.msg.as_ref()?),
        Payload::ToolCall(it) => ("call", &it.call),
        Payload::ToolResult(it) => ("result", &it.call),
        _ => return None,
    };
    let is_of_agent = !id.is_empty() && !is_own_id(id);
    is_of_agent.then(|| hash(&(what, id)))
}

/// Returns what a message or a call without an id is known by.
fn by_words(event: &Event) -> Option<u64> {
    match &event.payload {
        Payload::Message(it) => {
            let text = Content::text_of(&it.content);
            let text = bare(&text);
            (!text.is_empty()).then(|| hash(&("said", it.role.as_str(), text)))
        }
        Payload::ToolCall(it) => Some(hash(&("called", &it.name, it.input.to_string()))),
        _ => None,
    }
}

/// Returns a prompt without the tags that Cursor puts around it in its transcript only.
fn bare(text: &str) -> &str {
    let text = text.trim();
    let inner = text.strip_prefix("<user_query>").and_then(|it| it.strip_suffix("</user_query>"));
    inner.unwrap_or(text).trim()
}

/// Tells whether the id of a call was given to it here, since its agent gave it none.
pub fn is_own_id(call: &str) -> bool {
    call.starts_with(OWN_ID)
}

fn hash(mark: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    mark.hash(&mut hasher);
    hasher.finish()
}

/// Everything about a transcript that is there between two records.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) facts: Facts,
    pub(super) own: Lineage,
    pub(super) inherited: Lineage,
    /// Where the copied beginning ends until now.
    pub(super) copied: u64,
    /// Whether the copied beginning is over.
    pub(super) is_own: bool,
    pub(super) file: u64,
    pub(super) last_seq: u64,
    is_started: bool,
    /// Ids of ours, of calls without one that have no result yet.
    open_calls: VecDeque<String>,
    /// The number of such calls.
    n_unnamed: u64,
    /// Whether calls have ids of the agent's.
    has_call_ids: bool,
}

/// The most calls without an id that wait for a result.
const MAX_OPEN_CALLS: usize = 1024;

/// Takes the events of one record.
pub(super) struct Out<'a> {
    pub(super) state: &'a mut State,
    pub(super) events: &'a mut Vec<Event>,
    pub(super) span: Span,
}

impl Out<'_> {
    /// Says that `payload` happened, with the envelope of `base`; returns the event's number. The
    /// unknown keys of `base` go with the first event that is said.
    pub(super) fn say(&mut self, base: &mut Event, payload: impl Into<Payload>) -> u64 {
        let extra = std::mem::take(&mut base.extra);
        let replaces = std::mem::take(&mut base.replaces);
        let event = Event { payload: payload.into(), ..base.clone() };
        first(&mut self.state.facts.root, event.id.as_deref());
        self.push(Event { extra, replaces, ..event })
    }

    /// Says an event as it is, but for its number and place.
    pub(super) fn push(&mut self, mut event: Event) -> u64 {
        self.state.last_seq += 1;
        event.seq = Some(self.state.last_seq);
        event.src = Some(Source {
            file: self.state.file,
            offset: self.span.offset,
            n_bytes: self.span.n_bytes,
        });
        event.copied |= self.state.inherited.was_told(&event);
        if let Some(at) = event.at {
            let facts = &mut self.state.facts;
            facts.first_at = Some(facts.first_at.map_or(at, |it| it.min(at)));
            facts.last_at = Some(facts.last_at.map_or(at, |it| it.max(at)));
        }
        self.events.push(event);
        self.state.last_seq
    }

    /// Says `session.start` from the facts, once.
    pub(super) fn start(&mut self, agent: &str, at: Option<Timestamp>) {
        if std::mem::replace(&mut self.state.is_started, true) {
            return;
        }
        let facts = self.state.facts.clone();
        let start = SessionStart {
            agent: Some(agent.to_owned()),
            agent_version: facts.version,
            model: facts.model,
            cwd: facts.cwd,
            branch: facts.branch,
            head: facts.head,
            parent_session: facts.parent_session,
            forked_from: facts.forked_from,
            ..SessionStart::default()
        };
        self.push(Event { at, id: facts.session_id, ..Event::new(start) });
    }

    /// Says that a record is of no known kind.
    pub(super) fn raw(&mut self, base: &mut Event, reason: &str, record: impl Into<Value>) {
        let record = Some(record.into());
        self.say(base, Payload::Raw { reason: reason.to_owned(), record });
    }

    /// Says that a record says again what another event says.
    pub(super) fn skip(&mut self, base: &mut Event, reason: &str) {
        self.say(base, Payload::Skip(reason.to_owned()));
    }

    /// Returns the id of a call: one of ours, from its place, if the agent gave it none.
    pub(super) fn call_id(&mut self, id: String) -> String {
        let state = &mut *self.state;
        if !id.is_empty() {
            state.has_call_ids = true;
            return id;
        }
        let id = format!("{OWN_ID}{}.{}.{}", state.file, self.span.offset, state.n_unnamed);
        state.n_unnamed += 1;
        if state.open_calls.len() == MAX_OPEN_CALLS {
            state.open_calls.pop_front();
        }
        state.open_calls.push_back(id.clone());
        id
    }

    /// Returns the id of the call that a result is of: where calls have no ids, results come in their
    /// order.
    pub(super) fn result_id(&mut self, id: String) -> String {
        if !id.is_empty() && self.state.has_call_ids {
            return id;
        }
        let open = self.state.open_calls.pop_front();
        open.unwrap_or_else(|| if id.is_empty() { format!("{OWN_ID}none") } else { id })
    }

    /// Returns a hash of a text.
    pub(super) fn hash(&self, text: &str) -> u64 {
        hash(&text)
    }

    /// Tells whether the transcript has `mark` already.
    pub(super) fn has(&self, mark: &impl Hash) -> bool {
        self.state.own.has(mark)
    }

    /// Notes that the transcript has `mark`.
    pub(super) fn note(&mut self, mark: &impl Hash) {
        self.state.own.add(mark);
    }

    /// Notes that the transcript has `mark`; tells whether the one that it was copied from has it too.
    pub(super) fn mark(&mut self, mark: &impl Hash) -> bool {
        self.note(mark);
        let is_copied = self.state.inherited.has(mark);
        self.state.is_own |= !is_copied;
        if !self.state.is_own {
            self.state.copied = self.span.offset + self.span.n_bytes;
        }
        is_copied
    }
}

/// Returns an envelope with nothing in it.
pub(super) fn blank() -> Event {
    Event::new(Payload::Note(String::new()))
}

/// Keeps `value` if nothing was kept before: what is told first stays.
pub(super) fn first(slot: &mut Option<String>, value: Option<&str>) {
    if slot.is_none() {
        *slot = value.filter(|it| !it.is_empty()).map(str::to_owned);
    }
}

/// Keeps what was not taken out of a record, under `x`; a null says nothing.
pub(super) fn keep_rest(base: &mut Event, record: Record) {
    let mut rest = record.rest();
    rest.retain(|_, value| !value.is_null());
    if !rest.is_empty() {
        base.extra.insert("x".to_owned(), Value::Object(rest));
    }
}
