//! What changed in a turn: from one request of a person's to the next, as the checkpoints tell.

use std::collections::HashSet;

use crate::model::conversation::{Event, Payload};
use crate::model::{Checkpoint, Oid, Timestamp};
use crate::ops::checkpoint;
use crate::ops::conversation::Conversation;
use crate::ops::load::{self, Loaded, View};
use crate::ops::{OpError, log, moment};
use crate::store::Store;

/// The most requests that are told when there is no such message.
const MAX_TOLD: usize = 20;

/// A message that was said to the session itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Said {
    number: u64,
    at: Option<Timestamp>,
    /// Whether it is a person's request, and a turn begins with it.
    is_asked: bool,
}

/// A turn: the request that it began with, and those around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Turn {
    before: Option<Said>,
    asked: Option<Said>,
    next: Option<Said>,
}

/// What a turn changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// The tree before it.
    pub from: Oid,
    /// The tree after it; `None` if it is the last one, and the work tree is what came of it.
    pub to: Option<Oid>,
    /// The request before, if nothing was kept in its turn: what that one changed is in here, too.
    pub with: Option<u64>,
}

/// Finds what the turn changed that the message with this number belongs to. A checkpoint that was taken before a
/// request is what the request found, and the newest one before the next request is what came of it. With
/// `is_over` the last turn has ended with the newest checkpoint, else it goes on in the work tree.
///
/// # Errors
/// [`OpError::InvalidValue`] if there is no such message, or nothing tells what the turn changed; what reading
/// the session fails for.
pub fn change(
    store: &Store,
    loaded: &Loaded,
    number: u64,
    is_over: bool,
) -> Result<Change, OpError> {
    let view = &loaded.view;
    let said = messages(Conversation::of(store, loaded));
    let turn = Turn::of(&said, number).ok_or_else(|| no_message(view, &said, number))?;
    let time = |said: Said| {
        let reason = format!("nobody knows when message {} was said", said.number);
        said.at.ok_or_else(|| OpError::invalid("message", reason))
    };
    let asked_at = turn.asked.map(time).transpose()?;
    let next_at = turn.next.map(time).transpose()?;
    let found = asked_at.map(|at| as_of(store, view, at)).transpose()?.flatten();
    let from = match &found {
        Some(found) => tree(store, found)?,
        None => checkpoint::beginning(store, &view.session)?,
    };
    let to = match next_at {
        Some(at) => as_of(store, view, at)?,
        None if is_over => checkpoint::newest(&view.session),
        None => None,
    };
    let has_end = to.is_some() || next_at.is_some() || is_over;
    let is_in_turn = |it: &Checkpoint| asked_at.is_none_or(|at| it.at > at);
    let to = match to.filter(is_in_turn) {
        None if has_end => return Err(nothing_kept(view, &turn)),
        to => to.map(|it| tree(store, &it)).transpose()?,
    };
    let before_at = turn.before.map(time).transpose()?;
    let is_kept = |at| found.as_ref().is_some_and(|it| it.at > at);
    let with = turn.before.filter(|_| before_at.is_some_and(|at| !is_kept(at)));
    Ok(Change { from, to, with: with.map(|it| it.number) })
}

impl Turn {
    /// Finds the turn of a message; `None` if there is no such message.
    fn of(said: &[Said], number: u64) -> Option<Turn> {
        let at = said.iter().position(|it| it.number == number)?;
        let mut until = said[..=at].iter().rev().filter(|it| it.is_asked).copied();
        let (asked, before) = (until.next(), until.next());
        let next = said[at + 1..].iter().find(|it| it.is_asked).copied();
        Some(Turn { before, asked, next })
    }
}

/// Returns the messages of a conversation's main thread that stand, in order.
fn messages(events: impl Iterator<Item = Event>) -> Vec<Said> {
    let (mut said, mut replaced) = (Vec::new(), HashSet::<u64>::new());
    for event in events.filter(|event| !event.copied) {
        replaced.extend(&event.replaces);
        let is_said = match &event.payload {
            Payload::Message(it) => event.thread.is_none() && !it.is_meta,
            _ => false,
        };
        let Some(number) = event.seq.filter(|_| is_said) else { continue };
        said.push(Said { number, at: event.at, is_asked: moment::asked(&event).is_some() });
    }
    said.retain(|it| !replaced.contains(&it.number));
    said
}

/// Returns the newest checkpoint that a session had at a time. Its history is asked, since the record may have
/// dropped it.
fn as_of(store: &Store, view: &View, at: Timestamp) -> Result<Option<Checkpoint>, OpError> {
    let mut oldest = None;
    for event in log::events(store, view.tip) {
        let event = event?;
        if event.at <= at {
            let then = load::load_at(store, view.session.id, event.commit)?.view;
            return Ok(checkpoint::newest(&then.session));
        }
        oldest = event.seq;
    }
    if oldest == Some(1) {
        return Ok(None);
    }
    let reason = "the history of the session does not go back so far in this clone";
    Err(OpError::invalid("message", reason))
}

fn tree(store: &Store, checkpoint: &Checkpoint) -> Result<Oid, OpError> {
    if store.has_tree(checkpoint.tree) {
        return Ok(checkpoint.tree);
    }
    let reason = format!("the tree of checkpoint {} is not in this clone", checkpoint.number);
    Err(OpError::invalid("checkpoint", reason))
}

fn no_message(view: &View, said: &[Said], number: u64) -> OpError {
    let asked = said.iter().filter(|it| it.is_asked).map(|it| it.number.to_string());
    let allowed = Some(asked.collect::<Vec<_>>()).filter(|it| it.len() <= MAX_TOLD);
    OpError::InvalidValue {
        field: "message".into(),
        reason: format!("session {} has no message {number}", view.session.id.handle()),
        allowed: allowed.unwrap_or_default(),
    }
}

fn nothing_kept(view: &View, turn: &Turn) -> OpError {
    let since = turn.asked.map_or_else(
        || format!("since session {} began", view.session.id.handle()),
        |it| format!("after message {}", it.number),
    );
    let until = turn.next.map(|it| format!(" and before message {}", it.number));
    let until = until.unwrap_or_default();
    OpError::invalid("message", format!("no checkpoint was taken {since}{until}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::event;

    fn said(lines: &[&str]) -> Vec<Said> {
        let parse = |(line, seq): (&&str, u64)| {
            let mut event = event::parse(line.as_bytes()).expect("an event");
            event.seq = Some(seq);
            event
        };
        messages(lines.iter().zip(1..).map(parse))
    }

    #[test]
    fn a_message_belongs_to_the_turn_of_the_request_before_it() {
        let said = said(&[
            r#"{"kind":"message","role":"assistant","content":"Hello"}"#,
            r#"{"kind":"message","role":"user","content":"First"}"#,
            r#"{"kind":"tool.call","call":"a","name":"bash","input":{}}"#,
            r#"{"kind":"message","role":"assistant","content":"Done"}"#,
            r#"{"kind":"message","role":"user","content":"To a sub-agent","thread":"t"}"#,
            r#"{"kind":"message","role":"user","content":"Second"}"#,
            r#"{"kind":"message","role":"user","content":"Third, as it was typed first"}"#,
            r#"{"kind":"message","role":"user","content":"Third","replaces":[7]}"#,
        ]);
        let of = |number| {
            let turn = Turn::of(&said, number)?;
            Some([turn.before, turn.asked, turn.next].map(|it| it.map_or(0, |it| it.number)))
        };
        assert_eq!(of(1), Some([0, 0, 2]));
        assert_eq!(of(2), Some([0, 2, 6]));
        assert_eq!(of(4), Some([0, 2, 6]));
        assert_eq!(of(6), Some([2, 6, 8]));
        assert_eq!(of(8), Some([6, 8, 0]));
        for number in [0, 3, 5, 7, 9] {
            assert_eq!(of(number), None, "{number}");
        }
    }
}
