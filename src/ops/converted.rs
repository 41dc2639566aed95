//! What somebody else made of a transcript: events that are made once and kept, since whoever reads them
//! elsewhere may not have the program that made them.

use crate::agents::Facts;
use crate::format::segment;
use crate::model::conversation::{Event, Payload, Source};
use crate::model::{Session, Timestamp};
use crate::ops::append::Append;
use crate::ops::conversation::Conversation;
use crate::ops::load::{self, View};
use crate::ops::{Context, OpError, record, record_lines};
use crate::store::Store;

/// A transcript as events.
#[derive(Debug, Clone)]
pub struct Converted {
    /// The agent program.
    pub agent: String,
    /// What the source is called: see [`segment::converted`].
    pub source: String,
    /// What is said and done, in order.
    pub events: Vec<Event>,
    /// What is told of the session as a whole.
    pub facts: Facts,
    /// Whether the bytes that the events were made of are kept, too.
    pub keeps_bytes: bool,
}

impl Converted {
    /// Reads what a plug-in says of a transcript of the agent `name`, as [`record_lines::read`] reads it,
    /// without secrets.
    ///
    /// # Errors
    /// [`OpError::Line`] for the first line that is no event, [`OpError::InvalidValue`] for a name that is
    /// none, and what redaction fails for.
    pub fn read(context: &Context, name: &str, lines: Vec<u8>) -> Result<Converted, OpError> {
        let bytes = context.redaction.bytes(lines)?;
        let events = record_lines::read(&bytes, "line")?;
        Converted::of(name, name, events, true)
    }

    /// Takes events of `agent` that the tool `name` tells.
    ///
    /// # Errors
    /// [`OpError::InvalidValue`] for a name that is none.
    pub fn of(
        name: &str,
        agent: &str,
        events: Vec<Event>,
        keeps_bytes: bool,
    ) -> Result<Converted, OpError> {
        let none = || OpError::invalid("agent", format!("'{name}' is no name of an agent"));
        let source = segment::converted(name).ok_or_else(none)?;
        let facts = facts(&events);
        Ok(Converted { agent: agent.to_owned(), source, events, facts, keeps_bytes })
    }
}

/// Returns what events tell of their session.
fn facts(events: &[Event]) -> Facts {
    let mut facts = Facts::default();
    let first = |slot: &mut Option<String>, told: &Option<String>| {
        if slot.is_none() {
            slot.clone_from(told);
        }
    };
    for event in events {
        let earlier = |it: Timestamp| facts.first_at.map_or(it, |first| first.min(it));
        facts.first_at = event.at.map(earlier).or(facts.first_at);
        facts.last_at = facts.last_at.max(event.at);
        match &event.payload {
            Payload::SessionStart(start) => {
                first(&mut facts.session_id, &event.id);
                first(&mut facts.version, &start.agent_version);
                first(&mut facts.model, &start.model);
                first(&mut facts.cwd, &start.cwd);
                first(&mut facts.branch, &start.branch);
                first(&mut facts.head, &start.head);
                first(&mut facts.parent_session, &start.parent_session);
                first(&mut facts.forked_from, &start.forked_from);
            }
            Payload::Message(message) => first(&mut facts.model, &message.model),
            Payload::Meta(meta) => {
                facts.title = meta.title.clone().or(facts.title.take());
                first(&mut facts.model, &meta.model);
                facts.branch = meta.branch.clone().or(facts.branch.take());
            }
            _ => {}
        }
    }
    facts
}

/// Returns what is to be appended to `known`, so that it tells what `wanted` tells: what was said before and
/// is not any more is replaced.
pub(super) fn news(known: &[Event], wanted: Vec<Event>) -> Vec<Event> {
    let live = Event::live(known);
    let is_same = |(known, wanted): &(&&Event, &Event)| {
        // One that did not say when it happened has got a time.
        let is_then = wanted.at.is_none() || known.at == wanted.at;
        let told = |it: &Event| (it.id.clone(), it.thread.clone(), it.extra.clone());
        is_then && known.payload == wanted.payload && told(known) == told(wanted)
    };
    let n_same = live.iter().zip(&wanted).take_while(is_same).count();
    let gone: Vec<u64> = live[n_same..].iter().filter_map(|event| event.seq).collect();
    let mut news: Vec<Event> = wanted.into_iter().skip(n_same).collect();
    if !gone.is_empty() {
        if news.is_empty() {
            news.push(Event::new(Payload::Skip("it is not in the imported file any more".into())));
        }
        news[0].replaces = gone;
    }
    news
}

/// Adds what is new in `converted` to the source `n`, of whose file `n_bytes` are there, and counts it; `view`
/// is the session before, if it has the source.
pub(super) fn say(
    store: &Store,
    view: Option<&View>,
    converted: &Converted,
    (n, n_bytes): (u64, u64),
    append: &mut Append<'_>,
    session: &mut Session,
) -> Result<(), OpError> {
    let known = view.map(|view| known(store, view, n)).transpose()?.unwrap_or_default();
    let whole = Source { file: n, offset: 0, n_bytes };
    let place = |event: &Event| {
        let told = event.src.filter(|it| it.offset.saturating_add(it.n_bytes) <= n_bytes);
        Event { src: Some(Source { file: n, ..told.unwrap_or(whole) }), ..event.clone() }
    };
    let wanted = converted.events.iter().map(place).collect();
    let news = news(&known, wanted);
    let replaced: Vec<u64> = news.iter().flat_map(|it| &it.replaces).copied().collect();
    let mut gone = known.iter().filter(|it| it.seq.is_some_and(|seq| replaced.contains(&seq)));
    gone.try_for_each(|event| record::count(session, event, -1))?;
    for event in &news {
        append.event(event)?;
        record::count(session, event, 1)?;
    }
    Ok(())
}

/// Returns the events of a source that were recorded before.
fn known(store: &Store, view: &View, n: u64) -> Result<Vec<Event>, OpError> {
    let loaded = load::load_at(store, view.session.id, view.tip)?;
    let n_events = view.session.conversation.n_events;
    let is_of = |event: &Event| {
        event.src.is_some_and(|it| it.file == n) && event.seq.is_some_and(|seq| seq <= n_events)
    };
    Ok(Conversation::of(store, &loaded).filter(is_of).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notes(texts: &[&str]) -> Vec<Event> {
        texts.iter().map(|text| Event::new(Payload::Note((*text).to_owned()))).collect()
    }

    fn numbered(texts: &[&str]) -> Vec<Event> {
        let at = Timestamp::from_seconds(1);
        let number = |(event, seq)| Event { seq: Some(seq), at, ..event };
        notes(texts).into_iter().zip(1..).map(number).collect()
    }

    #[test]
    fn what_is_said_again_is_no_news_and_what_is_not_said_any_more_is_replaced() {
        let known = numbered(&["a", "b", "c"]);
        assert_eq!(news(&known, notes(&["a", "b", "c"])), []);
        assert_eq!(news(&known, notes(&["a", "b", "c", "d"])), notes(&["d"]));
        let changed = news(&known, notes(&["a", "x", "y"]));
        assert_eq!((changed.len(), &changed[0].replaces), (2, &vec![2, 3]));
        let shorter = news(&known, notes(&["a", "b"]));
        assert_eq!((shorter[0].kind(), &shorter[0].replaces), ("skip", &vec![3]));
    }

    #[test]
    fn the_facts_of_a_session_are_those_that_its_events_tell() {
        let lines = concat!(
            r#"{"kind":"session.start","id":"n1","ts":"2026-01-01T10:00:00Z","branch":"a","cwd":"/x"}"#,
            "\n",
            r#"{"kind":"meta","title":"T","branch":"b"}"#,
            "\n",
            r#"{"kind":"message","role":"assistant","content":"x","model":"m","ts":"2026-01-01T11:00:00Z"}"#,
        );
        let facts = facts(&record_lines::read(lines.as_bytes(), "line").expect("events"));
        let told = [&facts.session_id, &facts.branch, &facts.title, &facts.model, &facts.cwd];
        assert_eq!(told.map(|it| it.as_deref().unwrap_or_default()), ["n1", "b", "T", "m", "/x"]);
        let time = |it: Option<Timestamp>| it.expect("told").to_string();
        assert_eq!(time(facts.first_at), "2026-01-01T10:00:00.000000Z");
        assert_eq!(time(facts.last_at), "2026-01-01T11:00:00.000000Z");
    }
}
