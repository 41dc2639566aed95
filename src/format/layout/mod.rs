//! Sessions in the files of other session managers: JSON to model and back, key for key.
//!
//! Reading maps what has a meaning here. Nothing else is lost: the file itself is kept with the session, and
//! [`write()`] puts what is new now over what it said then.

mod choragen;
mod maestro;
mod monoco;
mod names;
mod over;

use std::fmt;

use super::fields::Invalid;
use crate::model::conversation::Event;
use crate::model::{Class, Map, Session, SessionId, Value};

pub use names::identity;
use over::over;

/// Whose files they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// `.flow/maestro/sessions/<id>/metadata.json`
    Maestro,
    /// `.monoco/sessions/<id>.json`
    Monoco,
    /// `.choragen/sessions/<id>.json`
    Choragen,
}

impl Layout {
    /// All of them.
    pub const ALL: [Layout; 3] = [Layout::Maestro, Layout::Monoco, Layout::Choragen];

    /// Returns the word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Layout::Maestro => "maestro",
            Layout::Monoco => "monoco",
            Layout::Choragen => "choragen",
        }
    }

    /// Returns the layout of a file with these keys; `None` if it is of none.
    pub fn recognise(file: &Map) -> Option<Layout> {
        let has = |key: &str| file.contains_key(key);
        let has_any = |keys: [&str; 3]| keys.into_iter().any(has);
        if has("session_id") && has_any(["feature_request", "git_context", "checkpoints"]) {
            Some(Layout::Maestro)
        } else if has("id") && has("issue_id") {
            Some(Layout::Monoco)
        } else if has("id") && has("startTime") && has_any(["chainId", "tokenUsage", "toolCalls"]) {
            Some(Layout::Choragen)
        } else {
            None
        }
    }

    /// Returns the directory of the sessions, below the top of a work tree.
    pub fn directory(self) -> &'static str {
        match self {
            Layout::Maestro => ".flow/maestro/sessions",
            Layout::Monoco => ".monoco/sessions",
            Layout::Choragen => ".choragen/sessions",
        }
    }

    /// Returns the path of a session's file below that directory.
    pub fn file(self, id: &str) -> String {
        match self {
            Layout::Maestro => format!("{id}/metadata.json"),
            Layout::Monoco | Layout::Choragen => format!("{id}.json"),
        }
    }

    /// Tells whether a file of this name, among others, is a session's.
    pub fn is_session_file(self, name: &str) -> bool {
        match self {
            Layout::Maestro => {
                name == "metadata.json" || name.ends_with(".metadata.json") || name == CHECKPOINTS
            }
            Layout::Monoco | Layout::Choragen => name.ends_with(".json"),
        }
    }

    /// Returns the key of the session's id.
    pub fn id_key(self) -> &'static str {
        match self {
            Layout::Maestro => "session_id",
            Layout::Monoco | Layout::Choragen => "id",
        }
    }

    /// Returns the lifecycle that such sessions follow here.
    pub fn lifecycle(self) -> &'static str {
        match self {
            Layout::Maestro => "feature",
            Layout::Monoco | Layout::Choragen => "worker",
        }
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The name of the file in which Maestro lists the checkpoints of the session beside it.
pub const CHECKPOINTS: &str = "checkpoints.json";

/// What there is of a session here, to be told in another's shape.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    /// The record.
    pub session: &'a Session,
    /// The class of its state.
    pub class: Class,
    /// Its conversation.
    pub events: &'a [Event],
    /// The top of the work tree, where it is wanted.
    pub root: &'a str,
}

/// Returns the id that the session of a file has here: its own, if that is a UUID, else one that follows from
/// it.
///
/// # Errors
/// Names the key if there is no id, or one that could not be the name of a file.
pub fn id_of(layout: Layout, file: &Map) -> Result<SessionId, Invalid> {
    match file.get(layout.id_key()) {
        Some(Value::String(text)) if names::is_file_name(text) => Ok(identity(text).0),
        Some(Value::String(text)) if !text.is_empty() => {
            Err(Invalid::new(layout.id_key(), "is no name of a file"))
        }
        Some(_) => Err(Invalid::new(layout.id_key(), "is no text, or empty")),
        None => Err(Invalid::missing(layout.id_key())),
    }
}

/// Puts what a file says into `session`, and returns what was said in it. What the file says nothing of
/// stays as it is.
///
/// # Errors
/// Names the key that is missing or of the wrong type.
pub fn read(layout: Layout, file: &Map, session: &mut Session) -> Result<Vec<Event>, Invalid> {
    match layout {
        Layout::Maestro => maestro::read(file, session).map(|()| Vec::new()),
        Layout::Monoco => monoco::read(file, session).map(|()| Vec::new()),
        Layout::Choragen => choragen::read(file, session),
    }
}

/// Returns the checkpoints of a session, if the file is not a session's own but the one of Maestro's that lists
/// them.
///
/// # Errors
/// Names the key that is missing or of the wrong type.
pub fn checkpoints(layout: Layout, file: &Map) -> Result<Option<Vec<Event>>, Invalid> {
    let has = |key: &str| file.contains_key(key);
    match layout {
        Layout::Maestro if has("checkpoints") && !has("feature_request") => {
            maestro::checkpoints(file).map(Some)
        }
        _ => Ok(None),
    }
}

/// Returns a session as a file of the layout. `source` is the file that it was imported from: what has not
/// changed since is as it was there.
pub fn write(layout: Layout, told: Told<'_>, source: Option<&Map>) -> Map {
    let now = plain(layout, told);
    let Some(source) = source else { return now };
    let mut session = told.session.clone();
    let Ok(events) = read(layout, source, &mut session) else { return now };
    let class = class_of(&session).unwrap_or(told.class);
    let then = plain(layout, Told { session: &session, class, events: &events, root: told.root });
    over(source, &then, &now)
}

fn plain(layout: Layout, told: Told<'_>) -> Map {
    match layout {
        Layout::Maestro => maestro::write(told),
        Layout::Monoco => monoco::write(told),
        Layout::Choragen => choragen::write(told),
    }
}

/// Returns the class that a session's state has in the built-in lifecycle that it was read into.
fn class_of(session: &Session) -> Option<Class> {
    crate::lifecycle::builtin(&session.lifecycle)?.class_of(&session.status)
}

#[cfg(test)]
mod tests;
