//! What of a session goes out: its conversation as far as it fits into memory, and itself in the shape of
//! another session manager.

use crate::format::event;
use crate::format::layout::{self, Layout, Told};
use crate::model::conversation::Event;
use crate::model::{Map, Value};
use crate::ops::OpError;
use crate::ops::attach::MAX_BYTES;
use crate::ops::conversation::Conversation;
use crate::ops::load::Loaded;
use crate::store::{Store, StoreError};

/// What the kept file of an import is to its session.
pub const IMPORTED: &str = "imported";
/// The most bytes of events that one document is made of.
const MAX_DOCUMENT: usize = 1 << 30;

/// Returns the events of a conversation, in order.
///
/// # Errors
/// [`OpError::InvalidValue`] when there are too many for one document.
pub fn events(store: &Store, loaded: &Loaded) -> Result<Vec<Event>, OpError> {
    let (mut events, mut n_bytes) = (Vec::new(), 0);
    for event in Conversation::of(store, loaded) {
        n_bytes += size_of::<Event>() + event::to_line(&event).len();
        if n_bytes > MAX_DOCUMENT {
            let reason = "the conversation is too large for one document; use show --log --json";
            return Err(OpError::invalid("conversation", reason));
        }
        events.push(event);
    }
    Ok(events)
}

/// Returns a session as a file of another session manager.
///
/// # Errors
/// As [`events`], and what reading the kept file fails for.
pub fn file(store: &Store, loaded: &Loaded, layout: Layout) -> Result<Map, OpError> {
    let events = events(store, loaded)?;
    let source = source(store, loaded, layout)?.and_then(|bytes| parse(&bytes).ok());
    let root = store.root();
    let view = &loaded.view;
    let root = root.to_string_lossy();
    let told = Told { session: &view.session, class: view.class, events: &events, root: &root };
    Ok(layout::write(layout, told, source.as_ref()))
}

/// Returns the name under which an imported file is kept.
pub fn kept_name(layout: Layout) -> String {
    format!("{layout}.json")
}

/// Returns the file that a session was imported from; `None` if it was not, or from another layout.
///
/// # Errors
/// [`OpError::Store`].
pub fn source(store: &Store, loaded: &Loaded, layout: Layout) -> Result<Option<Vec<u8>>, OpError> {
    let name = kept_name(layout);
    let artifacts = &loaded.view.session.artifacts;
    let is_it = |role: Option<&str>| role == Some(IMPORTED);
    if !artifacts.iter().any(|it| it.name == name && is_it(it.role.as_deref())) {
        return Ok(None);
    }
    let Some(tree) = loaded.snapshot.entries.iter().find(|entry| entry.name == "artifacts") else {
        return Ok(None);
    };
    let entries = store.directory(tree.oid)?;
    match entries.iter().find(|entry| entry.name == name) {
        None => Ok(None),
        Some(entry) => match store.blob(entry.oid, MAX_BYTES) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(StoreError::Corrupt { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        },
    }
}

/// Reads a file of a layout: one JSON object.
///
/// # Errors
/// [`OpError::InvalidValue`].
pub fn parse(bytes: &[u8]) -> Result<Map, OpError> {
    let broken = |reason: String| OpError::invalid("file", reason);
    let text = std::str::from_utf8(bytes).map_err(|_| broken("is not UTF-8 text".into()))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match text.parse() {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(broken("is not a JSON object".into())),
        Err(error) => Err(broken(format!("is not JSON: {error}"))),
    }
}
