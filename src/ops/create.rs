//! Making a session.

use crate::cache::Sessions;
use crate::format::message::Brief;
use crate::lifecycle::{Lifecycle, Move};
use crate::model::{Class, Map, Session, SessionId, Value, text};
use crate::ops::change::{self, Changed, Draft};
use crate::ops::hook::{self, Story};
use crate::ops::load::{self, View};
use crate::ops::patch;
use crate::ops::transition;
use crate::ops::{Context, OpError};
use crate::store::{Settings, Store, StoreError};

/// What a new session is to be.
#[derive(Debug, Clone, Default)]
pub struct NewSession {
    /// One line.
    pub title: String,
    /// More about it, in any number of lines: the body of the first commit.
    pub body: String,
    /// A name for the command line.
    pub name: Option<String>,
    /// The work branch; the present one if `None`.
    pub branch: Option<String>,
    /// The agent program; the one that runs us if `None`.
    pub agent: Option<String>,
    /// The language model.
    pub model: Option<String>,
    /// The worker's part.
    pub role: Option<String>,
    /// The session that it continues.
    pub parent: Option<SessionId>,
    /// What it belongs to.
    pub links: Map,
    /// Words to find it by.
    pub labels: Vec<String>,
    /// Counters, over the zeros.
    pub statistics: Map,
    /// Limits and switches, over the settings.
    pub configuration: Map,
    /// Whether to move it to its first active state at once.
    pub starts: bool,
}

/// Makes a session with the id `session_id` under `lifecycle`.
///
/// Repeating it with the same id and the same content returns the session that is there.
///
/// # Errors
/// [`OpError::AlreadyExists`] when the id is another session's or the name is an open session's;
/// [`OpError::InvalidValue`]; [`OpError::Store`].
#[tracing::instrument(skip_all, fields(session = %session_id))]
pub fn create(
    store: &Store,
    context: &Context,
    session_id: SessionId,
    lifecycle: &Lifecycle,
    new: &NewSession,
) -> Result<Changed, OpError> {
    let session = first_record(store, context, session_id, lifecycle, new)?;
    let drafts = drafts(context, lifecycle, new, session.clone())?;
    if let Some(question) = hook::question(store, context, None, lifecycle, &drafts)?
        && existing(store, &session)?.is_none()
    {
        refuse_taken_name(store, new)?;
        question.ask(store, context)?;
    }
    let held = store.lock(session_id)?;
    if let Some(existing) = existing(store, &session)? {
        return Ok(Changed { view: existing, is_new: false });
    }
    refuse_taken_name(store, new)?;
    let story = Story::of(context, &drafts)?;
    let written = change::write(store, context, &held, None, lifecycle, drafts);
    drop(held);
    match written {
        Err(OpError::Store(StoreError::Raced { .. })) => Err(already_exists(session_id)),
        Err(error) => Err(error),
        Ok(view) => {
            hook::tell(store, context, None, &view, &story);
            Ok(Changed { view, is_new: true })
        }
    }
}

/// Checks that [`create`] would not refuse, and asks the user's hook, without making anything. Returns
/// the context to create it in, where the hook is not asked again.
///
/// # Errors
/// As [`create`].
pub fn check_create(
    store: &Store,
    context: &Context,
    session_id: SessionId,
    lifecycle: &Lifecycle,
    new: &NewSession,
) -> Result<Context, OpError> {
    let session = first_record(store, context, session_id, lifecycle, new)?;
    change::to_record(&session)?;
    if existing(store, &session)?.is_some() {
        return Ok(context.clone());
    }
    refuse_taken_name(store, new)?;
    let drafts = drafts(context, lifecycle, new, session)?;
    match hook::question(store, context, None, lifecycle, &drafts)? {
        Some(question) => question.ask(store, context),
        None => Ok(context.clone()),
    }
}

/// Returns the events: it is made, and where it starts at once, it moves on.
fn drafts(
    context: &Context,
    lifecycle: &Lifecycle,
    new: &NewSession,
    session: Session,
) -> Result<Vec<Draft>, OpError> {
    let subject = match session.title.as_str() {
        "" => format!("create: {}", session.status),
        title => format!("create: {title}"),
    };
    let mut made = Draft::new("create", subject, session.clone());
    made.body = new.body.clone();
    if !new.starts || lifecycle.class_of(&session.status) == Some(Class::Active) {
        return Ok(vec![made]);
    }
    let first = lifecycle.first_active();
    let mut started = session.clone();
    let movement = Move { to: first, paused_from: None, outcome: None };
    transition::enter(context, &mut started, &movement, None);
    let subject = format!("{} -> {}", session.status, first.name);
    let mut moved = Draft::new("transition", subject, started);
    moved.trailers.push(("From", session.status));
    Ok(vec![made, moved])
}

fn first_record(
    store: &Store,
    context: &Context,
    session_id: SessionId,
    lifecycle: &Lifecycle,
    new: &NewSession,
) -> Result<Session, OpError> {
    check(new)?;
    let git = store.git_context()?;
    let branch = new.branch.clone().or_else(|| git.branch.clone());
    let mut session = Session {
        id: session_id,
        seq: 1,
        name: new.name.clone(),
        title: new.title.clone(),
        lifecycle: lifecycle.name().to_owned(),
        status: lifecycle.initial().to_owned(),
        paused_from: None,
        phase: None,
        outcome: None,
        reason: None,
        created_at: context.now,
        updated_at: context.now,
        started_at: None,
        ended_at: None,
        author: context.author.to_string(),
        agent: new.agent.clone().or_else(|| context.agent.clone()),
        model: new.model.clone(),
        role: new.role.clone(),
        parent: new.parent,
        git,
        branch,
        links: new.links.clone(),
        labels: Vec::new(),
        statistics: patch::default_statistics(),
        configuration: default_configuration(store.settings()),
        tokens: Default::default(),
        commits: Vec::new(),
        conversation: Default::default(),
        checkpoints: Vec::new(),
        artifacts: Vec::new(),
        worker: None,
        extra: Map::new(),
    };
    if lifecycle.class_of(&session.status) == Some(Class::Active) {
        session.started_at = Some(context.now);
    }
    new.labels.iter().try_for_each(|label| patch::add_label(&mut session.labels, label))?;
    session.statistics.extend(new.statistics.clone());
    session.configuration.extend(new.configuration.clone());
    patch::check_maps(&session)?;
    context.redaction.session(&mut session, None)?;
    Ok(session)
}

fn check(new: &NewSession) -> Result<(), OpError> {
    patch::check_title(&new.title)?;
    patch::check_text("description", &new.body)?;
    if let Some(name) = new.name.as_ref().filter(|name| !text::is_session_name(name)) {
        let reason = format!("'{name}' (letters, digits and '._-/', at most 64, a letter first)");
        return Err(OpError::invalid("name", reason));
    }
    if let Some(branch) = new.branch.as_ref().filter(|branch| !text::is_branch_name(branch)) {
        return Err(OpError::invalid("branch", format!("'{branch}' is not a valid branch name")));
    }
    let lines = [("agent", &new.agent), ("model", &new.model), ("role", &new.role)];
    lines.into_iter().try_for_each(|(field, value)| patch::check_line(field, value.as_deref()))
}

/// Returns the session that is there already, if it was made as `wanted` would be.
fn existing(store: &Store, wanted: &Session) -> Result<Option<View>, OpError> {
    let Some(tip_oid) = store.tip(wanted.id)? else {
        return Ok(None);
    };
    let view = load::load_at(store, wanted.id, tip_oid)?.view;
    let first = store.history(tip_oid).last().transpose()?.map_or(tip_oid, |commit| commit.oid);
    let made = load::load_at(store, wanted.id, first)?.view.session;
    let content = |session: &Session| {
        let words = [&session.title, &session.lifecycle].map(Clone::clone);
        let more = [&session.name, &session.model, &session.role].map(Clone::clone);
        let maps = [&session.links, &session.configuration, &session.statistics].map(Clone::clone);
        (words, more, maps, session.labels.clone(), session.parent)
    };
    if content(&made) == content(wanted) {
        return Ok(Some(view));
    }
    Err(already_exists(wanted.id))
}

fn already_exists(session_id: SessionId) -> OpError {
    OpError::AlreadyExists { what: format!("session {session_id}") }
}

fn refuse_taken_name(store: &Store, new: &NewSession) -> Result<(), OpError> {
    let Some(name) = &new.name else { return Ok(()) };
    let is_taken = |brief: &Brief<'_>| brief.class.is_open() && brief.name == Some(name);
    match super::list::find(store, &Sessions::read(store)?, &[&is_taken])?.first() {
        None => Ok(()),
        Some(other) => {
            let what = format!("an open session named '{name}' ({})", other.excerpt.id.handle());
            Err(OpError::AlreadyExists { what })
        }
    }
}

/// Returns the limits and switches that the settings say. Source: Maestro's configuration.
fn default_configuration(settings: &Settings) -> Map {
    let mut map = Map::new();
    let mut put = |key: &str, value: Value| map.insert(key.to_owned(), value);
    put("max_iterations", settings.max_iterations.unwrap_or(3).into());
    put("timeout_minutes", settings.timeout_minutes.unwrap_or(120).into());
    if let Some(max_tokens) = settings.max_tokens {
        put("max_tokens", max_tokens.into());
    }
    put("auto_checkpoint", settings.auto_checkpoint.unwrap_or(true).into());
    put("error_recovery_enabled", settings.error_recovery.unwrap_or(true).into());
    map
}
