//! The one way a session changes: read, judge, write, publish; after a lost race, judge again.

use crate::format::message::{self, Excerpt, Headline};
use crate::format::record::RecordError;
use crate::format::{lifecycle_yaml, record};
use crate::lifecycle::Lifecycle;
use crate::model::{CommitLink, Oid, Session, SessionId};
use crate::ops::hook::{self, Story};
use crate::ops::load::{self, Loaded, View};
use crate::ops::{Context, OpError, links, patch};
use crate::store::{CommitInfo, KeptTree, NewEvent, NewSegment, SessionLock, Store, StoreError};

/// How often a lost race is judged again before it is called a conflict.
pub(super) const MAX_ATTEMPTS: usize = 5;
/// How many newest events are looked through for a write that may have been done before.
const MAX_OP_LOOKBACK: usize = 64;

/// An event as a judge wants it: the session after it, and how its commit tells it.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The session after the event; number and time are filled in.
    pub session: Session,
    /// The first line.
    pub subject: String,
    /// The reason, or nothing.
    pub body: String,
    /// The kind of the event: `create`, `transition`, `update`, `checkpoint` and others.
    pub event: &'static str,
    /// More trailers.
    pub trailers: Vec<(&'static str, String)>,
    /// Commits that were made in the session; the number of the event is filled in.
    pub links: Vec<CommitLink>,
    /// New files below `conversation/`, in order.
    pub segments: Vec<NewSegment>,
    /// Changed files below `artifacts/`.
    pub artifacts: Vec<(String, Option<Vec<u8>>)>,
    /// Changed trees below `checkpoints/`.
    pub checkpoints: Vec<(String, Option<KeptTree>)>,
    /// Whether `session.updated_at` is the caller's own.
    pub keeps_updated_at: bool,
}

impl Draft {
    /// Returns the draft of an event without reason, trailers and files.
    pub fn new(event: &'static str, subject: String, session: Session) -> Draft {
        Draft {
            session,
            subject,
            body: String::new(),
            event,
            trailers: Vec::new(),
            links: Vec::new(),
            segments: Vec::new(),
            artifacts: Vec::new(),
            checkpoints: Vec::new(),
            keeps_updated_at: false,
        }
    }
}

/// What a judge decides on the session as it is.
#[derive(Debug)]
pub enum Verdict {
    /// It is as it should be already.
    Nothing,
    /// These events are to happen, in this order.
    Happens(Vec<Draft>),
}

/// What came of a change.
#[derive(Debug, Clone)]
pub struct Changed {
    /// The session after it.
    pub view: View,
    /// Whether anything was written.
    pub is_new: bool,
}

/// Changes a session as `judge` decides, who is asked again when another writer was faster.
///
/// The user's hook is asked before the session moves. It runs without the lock; what it agreed to holds
/// for the state that it was asked about, and on another one it is asked again.
///
/// # Errors
/// What `judge` or the hook refuses; [`OpError::Conflict`] after several lost races; what reading and
/// writing fail for.
#[tracing::instrument(skip_all, fields(session = %session_id))]
pub fn change(
    store: &Store,
    context: &Context,
    session_id: SessionId,
    mut judge: impl FnMut(&View) -> Result<Verdict, OpError>,
) -> Result<Changed, OpError> {
    let mut agreed_at = None;
    for _ in 0..MAX_ATTEMPTS {
        let held = store.lock(session_id)?;
        let loaded = load::load(store, session_id)?;
        if is_done_before(store, context, &loaded) {
            return Ok(Changed { view: loaded.view, is_new: false });
        }
        let drafts = match judge(&loaded.view)? {
            Verdict::Nothing => {
                return Ok(Changed { view: loaded.view, is_new: false });
            }
            Verdict::Happens(drafts) => drafts,
        };
        let lifecycle = &loaded.view.lifecycle;
        if agreed_at != Some(loaded.view.tip)
            && let Some(question) =
                hook::question(store, context, Some(&loaded.view), lifecycle, &drafts)?
        {
            drop(held);
            question.ask(store, context)?;
            agreed_at = Some(loaded.view.tip);
            continue;
        }
        let story = Story::of(context, &drafts)?;
        let written = write(store, context, &held, Some(&loaded), lifecycle, drafts);
        drop(held);
        match written {
            Err(OpError::Store(StoreError::Raced { .. })) => tracing::debug!("lost a race"),
            Err(error) => return Err(error),
            Ok(view) => {
                hook::tell(store, context, Some(&loaded.view), &view, &story);
                return Ok(Changed { view, is_new: true });
            }
        }
    }
    Err(OpError::Conflict { handle: session_id.handle() })
}

/// Writes and publishes events on top of `base`, or as the first ones, and returns the session after
/// them.
///
/// # Errors
/// [`StoreError::Raced`] when the session is not at `base` any more.
pub fn write(
    store: &Store,
    context: &Context,
    held: &SessionLock,
    base: Option<&Loaded>,
    lifecycle: &Lifecycle,
    drafts: Vec<Draft>,
) -> Result<View, OpError> {
    let mut seq = base.map_or(0, |base| base.view.session.seq);
    let mut events = Vec::with_capacity(drafts.len());
    let mut last: Option<Session> = None;
    let session_id = drafts.first().map(|it| it.session.id);
    let session_id = session_id.expect("a change has at least one event");
    let mut linked = links::Linked::on(store, session_id, base.map(|base| &base.snapshot));
    for mut draft in drafts {
        seq += 1;
        if seq > record::MAX_SEQ {
            return Err(OpError::invalid("seq", "the counter of events is exhausted"));
        }
        draft.session.seq = seq;
        if !draft.keeps_updated_at {
            draft.session.updated_at = context.now;
        }
        let before = last.as_ref().or(base.map(|base| &base.view.session));
        context.redaction.draft(&mut draft, before)?;
        let links = linked.add(std::mem::take(&mut draft.links), seq)?;
        events.push(NewEvent { links, ..to_event(context, lifecycle, &mut draft)? });
        last = Some(draft.session);
    }
    let session = last.expect("a change has at least one event");
    let snapshot = base.map(|base| &base.snapshot);
    if let (None, Some(first)) = (base, events.first_mut()) {
        first.lifecycle = Some(lifecycle_yaml::to_yaml(lifecycle));
    }
    let unpublished = store.write(session.id, snapshot, &events, &context.stamp())?;
    let tip_oid = unpublished.publish(held)?;
    Ok(View::new(session, lifecycle.clone(), tip_oid)?.with_look(store))
}

fn to_event(
    context: &Context,
    lifecycle: &Lifecycle,
    draft: &mut Draft,
) -> Result<NewEvent, OpError> {
    let session = &draft.session;
    let class = lifecycle.class_of(&session.status).expect("a judge goes to known states only");
    patch::check_text("reason", &draft.body)?;
    let trailers: Vec<(&str, &str)> =
        draft.trailers.iter().map(|(key, value)| (*key, value.as_str())).collect();
    let headline = Headline {
        subject: &draft.subject,
        body: &draft.body,
        event: draft.event,
        op: &context.op,
        more: &trailers,
    };
    Ok(NewEvent {
        record: to_record(session)?,
        lifecycle: None,
        links: Vec::new(),
        artifacts: std::mem::take(&mut draft.artifacts),
        segments: std::mem::take(&mut draft.segments),
        checkpoints: std::mem::take(&mut draft.checkpoints),
        message: message::write(&headline, &Excerpt::of(session, class)),
    })
}

/// Returns the record of a session, once it is clear that it can be read again.
///
/// # Errors
/// [`OpError::InvalidValue`] for a field that a reader would refuse.
pub(super) fn to_record(session: &Session) -> Result<String, OpError> {
    let refuse = |error: RecordError| match error {
        RecordError::Invalid(invalid) => OpError::from(invalid),
        other => OpError::invalid("session", other.to_string()),
    };
    let yaml = record::to_yaml(session).map_err(refuse)?;
    if record::parse(yaml.as_bytes()).map_err(refuse)? != *session {
        return Err(OpError::invalid("session", "a value cannot be stored as it is"));
    }
    Ok(yaml)
}

/// Tells whether the caller's own write is among the newest events: then it was done, and only its
/// answer was lost.
fn is_done_before(store: &Store, context: &Context, loaded: &Loaded) -> bool {
    context.op_is_given && find_op(store, context, loaded.view.tip).is_some()
}

/// Returns the event of this write among the newest ones, if it was done before.
pub(super) fn find_op(store: &Store, context: &Context, tip_oid: Oid) -> Option<CommitInfo> {
    let newest = store.history(tip_oid).take(MAX_OP_LOOKBACK);
    newest.flatten().find(|commit| commit.trailer("Session-Op") == Some(&context.op))
}
