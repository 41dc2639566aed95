//! Taking sessions over from the files of other session managers.
//!
//! A file is a fact that somebody else recorded: it is not judged by the lifecycle's table, and its event
//! says that it was imported. The file is kept with the session.

use std::collections::HashSet;

use crate::format::layout::{self, Layout, Told};
use crate::lifecycle::{Lifecycle, builtin};
use crate::model::conversation::Event;
use crate::model::{Class, Map, Session, SessionId};
use crate::ops::append::Append;
use crate::ops::attach::{self, MAX_BYTES};
use crate::ops::change::{self, Draft, Verdict};
use crate::ops::conversation::Conversation;
use crate::ops::converted::news;
use crate::ops::load::{self, Loaded, View};
use crate::ops::{Context, OpError, export, patch};
use crate::store::{Store, StoreError};

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Did {
    /// There is a new session.
    Created,
    /// A session of an earlier import is as the file says now.
    Updated,
    /// The file says nothing new.
    Nothing,
}

impl Did {
    fn of_update(is_new: bool) -> Did {
        if is_new { Did::Updated } else { Did::Nothing }
    }

    /// Returns the word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Did::Created => "created",
            Did::Updated => "updated",
            Did::Nothing => "unchanged",
        }
    }
}

/// An imported file.
#[derive(Debug, Clone)]
pub struct Imported {
    /// The session after it.
    pub view: View,
    /// What became of it.
    pub did: Did,
}

/// A file that was read, without its secrets.
struct File {
    layout: Layout,
    bytes: Vec<u8>,
    map: Map,
}

/// Takes over one session from the bytes of its file.
///
/// # Errors
/// [`OpError::InvalidValue`] for a file that is none of the layout, [`OpError::AlreadyExists`] for a session
/// that came about otherwise, and what [`change::change`] fails for.
#[tracing::instrument(skip_all)]
pub fn import(
    store: &Store,
    context: &Context,
    layout: Layout,
    bytes: Vec<u8>,
) -> Result<Imported, OpError> {
    if bytes.len() as u64 > MAX_BYTES {
        let reason = format!("has {} bytes (at most {MAX_BYTES})", bytes.len());
        return Err(OpError::invalid("file", reason));
    }
    let bytes = context.redaction.bytes(bytes)?;
    let file = File { layout, map: export::parse(&bytes)?, bytes };
    let session_id = layout::id_of(layout, &file.map)?;
    if let Some(events) = layout::checkpoints(layout, &file.map)? {
        return add(store, context, session_id, &events);
    }
    if store.tip(session_id)?.is_none() {
        match create(store, context, session_id, &file) {
            Err(OpError::Store(StoreError::Raced { .. })) => {}
            other => return other,
        }
    }
    update(store, context, session_id, &file)
}

fn create(
    store: &Store,
    context: &Context,
    session_id: SessionId,
    file: &File,
) -> Result<Imported, OpError> {
    let lifecycle = builtin(file.layout.lifecycle()).expect("it is built in");
    let mut session = blank(context, session_id, lifecycle);
    let events = layout::read(file.layout, &file.map, &mut session)?;
    let subject = format!("import: {}", subject_of(&session));
    let draft = draft(context, file, subject, session, &events)?;
    let held = store.lock(session_id)?;
    let view = change::write(store, context, &held, None, lifecycle, vec![draft])?;
    Ok(Imported { view, did: Did::Created })
}

fn update(
    store: &Store,
    context: &Context,
    session_id: SessionId,
    file: &File,
) -> Result<Imported, OpError> {
    let changed = change::change(store, context, session_id, |view| {
        let loaded = load::load_at(store, session_id, view.tip)?;
        match export::source(store, &loaded, file.layout)? {
            Some(bytes) => judge(store, context, &loaded, file, &bytes),
            None if is_same(store, &loaded, file)? => Ok(Verdict::Nothing),
            None => Err(already_exists(session_id)),
        }
    })?;
    Ok(Imported { did: Did::of_update(changed.is_new), view: changed.view })
}

/// Adds the checkpoints to a session that are not in it yet. They are counted where they were taken.
fn add(
    store: &Store,
    context: &Context,
    session_id: SessionId,
    events: &[Event],
) -> Result<Imported, OpError> {
    let changed = change::change(store, context, session_id, |view| {
        let loaded = load::load_at(store, session_id, view.tip)?;
        let known = Conversation::of(store, &loaded).filter_map(|event| event.id);
        let known: HashSet<String> = known.collect();
        let is_new = |event: &&Event| event.id.as_ref().is_none_or(|id| !known.contains(id));
        let new: Vec<Event> = events.iter().filter(is_new).cloned().collect();
        if new.is_empty() {
            return Ok(Verdict::Nothing);
        }
        let subject = match new.len() {
            1 => "import: 1 checkpoint".to_owned(),
            n => format!("import: {n} checkpoints"),
        };
        Ok(Verdict::Happens(vec![say(context, subject, view.session.clone(), &new)?]))
    })?;
    Ok(Imported { did: Did::of_update(changed.is_new), view: changed.view })
}

/// Decides on a file of which another content was imported before.
fn judge(
    store: &Store,
    context: &Context,
    loaded: &Loaded,
    file: &File,
    before: &[u8],
) -> Result<Verdict, OpError> {
    if before == file.bytes {
        return Ok(Verdict::Nothing);
    }
    let before = export::parse(before)?;
    let key = file.layout.id_key();
    if before.get(key) != file.map.get(key) {
        return Err(already_exists(loaded.view.session.id));
    }
    let view = &loaded.view;
    let mut session = view.session.clone();
    let wanted = layout::read(file.layout, &file.map, &mut session)?;
    // These are not the file's to say again.
    session.name = view.session.name.clone();
    session.created_at = view.session.created_at;
    let events = news(&export::events(store, loaded)?, wanted);
    let from = view.session.status.clone();
    let subject = match session.status == from {
        true => format!("import: {}", subject_of(&session)),
        false => format!("import: {from} -> {}", session.status),
    };
    let is_moved = session.status != from;
    let mut draft = draft(context, file, subject, session, &events)?;
    if is_moved {
        draft.trailers.push(("From", from));
    }
    Ok(Verdict::Happens(vec![draft]))
}

/// Tells whether a session that was not imported from this layout says what the file says.
fn is_same(store: &Store, loaded: &Loaded, file: &File) -> Result<bool, OpError> {
    let view = &loaded.view;
    let events = export::events(store, loaded)?;
    let root = file.map.get("git_context").and_then(|git| git.get("repo_root"));
    let root = root.and_then(|root| root.as_str()).unwrap_or_default();
    let told = Told { session: &view.session, class: view.class, events: &events, root };
    Ok(layout::write(file.layout, told, None) == file.map)
}

fn draft(
    context: &Context,
    file: &File,
    subject: String,
    session: Session,
    events: &[Event],
) -> Result<Draft, OpError> {
    patch::check_title(&session.title)?;
    patch::check_maps(&session)?;
    let mut draft = say(context, subject, session, events)?;
    let (name, bytes) = (export::kept_name(file.layout), file.bytes.clone());
    attach::put(context, &mut draft, &name, Some(export::IMPORTED), None, bytes)?;
    Ok(draft)
}

/// Returns the event after which `session` has `events` in its conversation, too.
fn say(
    context: &Context,
    subject: String,
    mut session: Session,
    events: &[Event],
) -> Result<Draft, OpError> {
    let mut append = Append::new(&session.conversation, context);
    let first = append.extent.n_events + 1;
    for event in events {
        append.event(event)?;
    }
    let (extent, segments) = append.finish()?;
    let last = extent.n_events;
    session.conversation = extent;
    let mut draft = Draft::new("import", subject, session);
    draft.segments = segments;
    draft.keeps_updated_at = true;
    if last >= first {
        draft.trailers.push(("Events", format!("{first}-{last}")));
    }
    Ok(draft)
}

fn subject_of(session: &Session) -> &str {
    if session.title.is_empty() { &session.status } else { &session.title }
}

fn already_exists(session_id: SessionId) -> OpError {
    OpError::AlreadyExists { what: format!("session {session_id}") }
}

/// Returns a session of which nothing is known.
fn blank(context: &Context, id: SessionId, lifecycle: &Lifecycle) -> Session {
    let is_active = lifecycle.class_of(lifecycle.initial()) == Some(Class::Active);
    Session {
        id,
        seq: 1,
        name: None,
        title: String::new(),
        lifecycle: lifecycle.name().to_owned(),
        status: lifecycle.initial().to_owned(),
        paused_from: None,
        phase: None,
        outcome: None,
        reason: None,
        created_at: context.now,
        updated_at: context.now,
        started_at: is_active.then_some(context.now),
        ended_at: None,
        author: context.author.to_string(),
        agent: None,
        model: None,
        role: None,
        parent: None,
        git: Default::default(),
        branch: None,
        links: Map::new(),
        labels: Vec::new(),
        statistics: patch::default_statistics(),
        configuration: Map::new(),
        tokens: Default::default(),
        conversation: Default::default(),
        commits: Vec::new(),
        checkpoints: Vec::new(),
        artifacts: Vec::new(),
        worker: None,
        extra: Map::new(),
    }
}
