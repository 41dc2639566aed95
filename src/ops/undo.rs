//! Taking the last change of a session back, by an event that puts what it changed as it was before.
//!
//! What has happened since and is something else (a worker ended, something was recorded) stays.

use std::collections::HashSet;

use crate::format::record::{self, RecordError};
use crate::model::{Map, Oid, Session, SessionId, Value};
use crate::ops::attach::MAX_BYTES;
use crate::ops::change::{self, Changed, Draft, Verdict};
use crate::ops::load::{self, Loaded, View};
use crate::ops::log::{LoggedEvent, to_event};
use crate::ops::{Context, OpError, stop};
use crate::store::{Entry, KeptTree, Store};

/// The kinds of events that can be taken back; others tell what is so.
const CHANGES: [&str; 5] = ["transition", "update", "attach", "detach", "checkpoint"];
/// How many of the newest events are looked through.
const MAX_LOOK: usize = 10_000;
/// The keys of a record that each event has anew.
const VOLATILE: [&str; 2] = ["seq", "updated_at"];

/// What came of it.
#[derive(Debug)]
pub struct Undone {
    /// The session after it.
    pub changed: Changed,
    /// The event that was taken back; `None` if this write was done before.
    pub event: Option<LoggedEvent>,
}

/// Returns the event that [`undo`] would take back.
///
/// # Errors
/// As [`undo`].
pub fn find(store: &Store, session_id: SessionId) -> Result<LoggedEvent, OpError> {
    let view = load::load(store, session_id)?.view;
    let found = find_in(store, &view)?;
    draft(store, &view, &found)?;
    Ok(found)
}

/// Takes the last change of a session back that is not taken back yet.
///
/// # Errors
/// [`OpError::InvalidValue`] when there is none, or what it changed was changed again since by something that
/// cannot be taken back; [`OpError::StillRunning`] when a session with a live worker would move; what
/// [`change::change`] fails for.
#[tracing::instrument(skip_all, fields(session = %session_id))]
pub fn undo(
    store: &Store,
    context: &Context,
    session_id: SessionId,
    reason: &str,
) -> Result<Undone, OpError> {
    let mut event = None;
    let changed = change::change(store, context, session_id, |view| {
        let found = find_in(store, view)?;
        let mut draft = draft(store, view, &found)?;
        draft.body = reason.to_owned();
        event = Some(found);
        Ok(Verdict::Happens(vec![draft]))
    })?;
    Ok(Undone { changed, event })
}

fn find_in(store: &Store, view: &View) -> Result<LoggedEvent, OpError> {
    let mut undone: HashSet<u64> = HashSet::new();
    for commit in store.history(view.tip).take(MAX_LOOK) {
        let commit = commit?;
        if let Some(seq) = commit.trailer("Session-Undone").and_then(|seq| seq.parse().ok()) {
            undone.insert(seq);
            continue;
        }
        let event = to_event(&commit);
        let is_done = event.seq.is_none_or(|seq| undone.contains(&seq));
        if !is_done && CHANGES.contains(&event.kind.as_str()) && !commit.parents.is_empty() {
            return Ok(event);
        }
    }
    let handle = view.session.id.handle();
    Err(OpError::invalid("session", format!("{handle} has no change to take back")))
}

/// Returns the event that takes another one back.
fn draft(store: &Store, view: &View, event: &LoggedEvent) -> Result<Draft, OpError> {
    let session_id = view.session.id;
    let after = load::load_at(store, session_id, event.commit)?;
    let parent = after.snapshot.commit.parents.first().copied().unwrap_or(event.commit);
    let before = load::load_at(store, session_id, parent)?;
    let seq = event.seq.unwrap_or_default();
    let session = revert(&view.session, &before.view.session, &after.view.session, seq)?;
    let mut draft = Draft::new("undo", format!("undo: {}", event.subject), session);
    if draft.session.status != view.session.status {
        if stop::has_other_worker(store, session_id) {
            let pid = view.session.worker.as_ref().map_or(0, |worker| worker.pid);
            return Err(OpError::StillRunning { handle: session_id.handle(), pid });
        }
        draft.trailers.push(("From", view.session.status.clone()));
        draft.trailers.push(("Forced", "yes".to_owned()));
    }
    draft.trailers.push(("Undone", seq.to_string()));
    for (name, was) in differences(store, "artifacts", &before, &after)? {
        let bytes = was.map(|blob_oid| store.blob(blob_oid, MAX_BYTES)).transpose()?;
        draft.artifacts.push((name, bytes));
    }
    for (name, was) in differences(store, "checkpoints", &before, &after)? {
        draft.checkpoints.push((name, was.map(KeptTree::of_history)));
    }
    Ok(draft)
}

/// Returns `now` with what changed from `before` to `after` as it was before.
fn revert(now: &Session, before: &Session, after: &Session, seq: u64) -> Result<Session, OpError> {
    let mut map = record::to_map(now);
    let (before, after) = (record::to_map(before), record::to_map(after));
    revert_map(&mut map, &before, &after).map_err(|key| {
        let reason = format!("it was changed again after event {seq}, which cannot be taken back");
        OpError::invalid(key, reason)
    })?;
    record::from_map(map).map_err(|error| match error {
        RecordError::Invalid(invalid) => OpError::from(invalid),
        other => OpError::invalid("session", other.to_string()),
    })
}

/// The same for maps; fails with the key that is neither as it was before nor as it was after.
fn revert_map(now: &mut Map, before: &Map, after: &Map) -> Result<(), String> {
    let new = after.keys().filter(|key| !before.contains_key(*key));
    for key in before.keys().chain(new) {
        let (was, became) = (before.get(key), after.get(key));
        if was == became || VOLATILE.contains(&key.as_str()) || now.get(key) == was {
            continue;
        }
        if now.get(key) == became {
            match was {
                Some(was) => now.insert(key.clone(), was.clone()),
                None => now.shift_remove(key),
            };
            continue;
        }
        let empty = Map::new();
        let map = |value: Option<&Value>| match value {
            Some(Value::Object(map)) => Some(map.clone()),
            None => Some(empty.clone()),
            _ => None,
        };
        let number = |value: Option<&Value>| value.and_then(Value::as_i64);
        let in_all = (number(now.get(key)), number(was), number(became));
        let reverted = match (map(was), map(became), now.get_mut(key), in_all) {
            (Some(was), Some(became), Some(Value::Object(now)), _) => {
                revert_map(now, &was, &became).map_err(|inner| format!("{key}.{inner}"))?;
                continue;
            }
            // Of a counter, what it counted.
            (_, _, Some(_), (Some(now), Some(was), Some(became))) => {
                now.checked_sub(became).and_then(|more| more.checked_add(was)).filter(|n| *n >= 0)
            }
            _ => None,
        };
        let Some(number) = reverted else { return Err(key.clone()) };
        now.insert(key.clone(), number.into());
    }
    Ok(())
}

/// Returns the entries of a directory of a session that an event changed, each with its object before.
fn differences(
    store: &Store,
    directory: &str,
    before: &Loaded,
    after: &Loaded,
) -> Result<Vec<(String, Option<Oid>)>, OpError> {
    let entries = |loaded: &Loaded| -> Result<Vec<Entry>, OpError> {
        let found = loaded.snapshot.entries.iter().find(|entry| entry.name == directory);
        Ok(found.map(|entry| store.directory(entry.oid)).transpose()?.unwrap_or_default())
    };
    let (before, after) = (entries(before)?, entries(after)?);
    let find = |entries: &[Entry], name: &str| {
        entries.iter().find(|entry| entry.name == name).map(|entry| entry.oid)
    };
    let names: HashSet<&str> =
        before.iter().chain(&after).map(|entry| entry.name.as_str()).collect();
    let mut names: Vec<&str> = names.into_iter().collect();
    names.sort_unstable();
    let changed = names.into_iter().filter(|name| find(&before, name) != find(&after, name));
    Ok(changed.map(|name| (name.to_owned(), find(&before, name))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(text: &str) -> Map {
        let value: Value = text.parse().expect("JSON");
        value.as_object().cloned().expect("a map")
    }

    #[test]
    fn what_an_event_changed_is_as_before_and_what_came_later_stays() {
        for (now, before, after, expected) in [
            // Taken away, put back, changed back.
            (r#"{"a":1,"b":2}"#, r#"{"a":1}"#, r#"{"a":1,"b":2}"#, Ok(r#"{"a":1}"#)),
            (r#"{"a":1}"#, r#"{"a":1,"b":2}"#, r#"{"a":1}"#, Ok(r#"{"a":1,"b":2}"#)),
            (r#"{"a":"y"}"#, r#"{"a":"x"}"#, r#"{"a":"y"}"#, Ok(r#"{"a":"x"}"#)),
            // Other keys, other keys within, and counters that went on.
            (r#"{"a":"y","c":1}"#, r#"{"a":"x"}"#, r#"{"a":"y"}"#, Ok(r#"{"a":"x","c":1}"#)),
            (
                r#"{"m":{"a":2,"b":1}}"#,
                r#"{"m":{"a":1}}"#,
                r#"{"m":{"a":2}}"#,
                Ok(r#"{"m":{"a":1,"b":1}}"#),
            ),
            (r#"{"m":{"n":7}}"#, r#"{"m":{"n":3}}"#, r#"{"m":{"n":5}}"#, Ok(r#"{"m":{"n":5}}"#)),
            // It is as before already.
            (r#"{"a":"x"}"#, r#"{"a":"x"}"#, r#"{"a":"y"}"#, Ok(r#"{"a":"x"}"#)),
            // Changed again.
            (r#"{"a":"z"}"#, r#"{"a":"x"}"#, r#"{"a":"y"}"#, Err("a")),
            (r#"{"m":{"a":"z"}}"#, r#"{"m":{"a":"x"}}"#, r#"{"m":{"a":"y"}}"#, Err("m.a")),
            (r#"{"m":{"n":1}}"#, r#"{"m":{"n":0}}"#, r#"{"m":{"n":5}}"#, Err("m.n")),
        ] {
            let mut reverted = map(now);
            let result = revert_map(&mut reverted, &map(before), &map(after));
            match expected {
                Ok(expected) => assert_eq!((result, reverted), (Ok(()), map(expected)), "{now}"),
                Err(key) => assert_eq!(result, Err(key.to_owned()), "{now}"),
            }
        }
    }
}
