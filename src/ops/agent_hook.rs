//! What an agent's call means: a session for each run of an agent, made by whichever call comes first.
//!
//! A call may come twice, late, out of order, at the same time as another one, or never; what it leads to is
//! the same. Start reading at [`hear`].

use std::path::PathBuf;

use crate::agents::hooks::{Call, Moment};
use crate::lifecycle::{Intent, Lifecycle};
use crate::model::conversation::SourceFile;
use crate::model::{Class, CommitLink, KnownBy, Map, Oid, SessionId, Value, text};
use crate::ops::agent_state::{self, Activity, State};
use crate::ops::change::{self, Draft, Verdict};
use crate::ops::close::release;
use crate::ops::create::{self, NewSession};
use crate::ops::load::{self, View};
use crate::ops::sources::Sources;
use crate::ops::transition::{self, Request, Target};
use crate::ops::{
    Context, OpError, agent_commits, agent_transcript, ingest, links, observe, record, resolve,
    title,
};
use crate::store::Store;
use crate::worker::{Here, Lease, find_ancestor};

/// The longest title that is made of a prompt, in characters.
const MAX_TITLE: usize = 100;

/// A call, and what belongs to it.
#[derive(Debug)]
pub struct Heard<'a> {
    /// What the agent says.
    pub call: &'a Call,
    /// The lifecycle of a session that is made.
    pub lifecycle: &'a Lifecycle,
    /// The directory that the agent works in.
    pub dir: PathBuf,
    /// The user's home directory.
    pub home: Option<PathBuf>,
    /// A word that nobody else knows.
    pub token: String,
    /// The UUIDs of the writes that come of this call and of no other: the same for the same call.
    pub ops: [String; 3],
}

/// The session that a call is of.
struct Found {
    session_id: SessionId,
    /// Whether somebody else made it and will end it: the agent runs inside of it.
    is_guest: bool,
    /// The session before it, if there is none yet.
    to_make: Option<Option<SessionId>>,
}

/// Does what a call leads to. Returns the session of which a checkpoint is due: a turn has ended, and it
/// wants one then.
///
/// # Errors
/// What changing a session fails for; what was done before stays.
#[tracing::instrument(skip_all)]
pub fn hear(
    store: &Store,
    context: &Context,
    heard: &Heard<'_>,
) -> Result<Option<SessionId>, OpError> {
    let Some(found) = find(store, context, heard)? else { return Ok(None) };
    let session_id = found.session_id;
    if let Some(parent) = found.to_make {
        make(store, context, heard, session_id, parent)?;
    }
    let known = agent_state::read(store, session_id);
    let head = store.head()?.commit;
    let commits = match &known {
        Some(State { head: Some(before), at, .. }) if head.as_ref() != Some(before) => {
            let made = agent_commits::made_since(store, before);
            agent_commits::of_session(store, session_id, made, *at, &heard.call.committed)?
        }
        _ => Vec::new(),
    };
    let before = known.as_ref().map(|it| it.activity);
    let activity = match heard.call.moment {
        Moment::Start | Moment::Idle => Activity::Idle,
        Moment::Prompt | Moment::Work => Activity::Running,
        Moment::Wait => Activity::Waiting,
        Moment::End => before.unwrap_or_default(),
    };
    let view = tell(store, context, heard, &found, &commits)?;
    let is_over = view.class == Class::Ended;
    if !found.is_guest && !is_over && heard.call.moment != Moment::End {
        accompany(store, context, heard, session_id)?;
    }
    let state = State { activity, head, at: Some(context.now) };
    if !is_over {
        // Without it a commit is not seen, or seen twice and then known; nothing else depends on it.
        let kept = agent_state::write(store, session_id, &state);
        kept.unwrap_or_else(|error| tracing::warn!(%error, "an agent's state is not kept"));
    }
    agent_transcript::take(store, context, heard, &view.session)?;
    if heard.call.moment == Moment::End {
        if !found.is_guest {
            end(store, context, heard, session_id, activity)?;
        }
        agent_state::forget(store, session_id);
    }
    let is_wanted = view.session.configuration.get("auto_checkpoint") == Some(&Value::Bool(true));
    let is_idle = heard.call.moment == Moment::Idle && !is_over;
    let is_due = is_idle && is_wanted && store.work_dir().is_some();
    Ok(is_due.then_some(session_id))
}

/// Finds the session of a call; `None` if there is nothing to do.
///
/// An ended one that the agent takes up again is followed by another one, since an end is final.
fn find(store: &Store, context: &Context, heard: &Heard<'_>) -> Result<Option<Found>, OpError> {
    let named = context.session_name.as_deref();
    if let Some(session_id) = named.and_then(|it| resolve::resolve(store, context, Some(it)).ok()) {
        return Ok(Some(Found { session_id, is_guest: true, to_make: None }));
    }
    let call = heard.call;
    let opens = matches!(call.moment, Moment::Start | Moment::Prompt);
    let mut before = None;
    for n in 0..ingest::MAX_RUNS {
        let session_id = ingest::run_id(store, call.agent.as_str(), &call.session_id, n)?;
        let found = |to_make| Ok(Some(Found { session_id, is_guest: false, to_make }));
        let Some(tip) = store.tip(session_id)? else {
            return match before {
                // What comes after the end belongs to what has ended.
                Some(session_id) if !opens => {
                    Ok(Some(Found { session_id, is_guest: false, to_make: None }))
                }
                before => found(Some(before)),
            };
        };
        let class = load::load_from(store, session_id, tip)?.view.class;
        if class != Class::Ended {
            return found(None);
        }
        let is_twice = |op: &String| {
            let context = Context { op: op.clone(), ..context.clone() };
            change::find_op(store, &context, tip).is_some()
        };
        if heard.ops.iter().any(is_twice) {
            return Ok(None);
        }
        before = Some(session_id);
    }
    Ok(None)
}

fn make(
    store: &Store,
    context: &Context,
    heard: &Heard<'_>,
    session_id: SessionId,
    parent: Option<SessionId>,
) -> Result<(), OpError> {
    let call = heard.call;
    let mut links = Map::new();
    links.insert("agent_session".into(), Value::from(call.session_id.as_str()));
    let new = NewSession {
        title: title(context, call)?,
        agent: Some(call.agent.name_at(call.transcript.as_deref()).to_owned()),
        model: model(call),
        parent,
        links,
        starts: true,
        ..NewSession::default()
    };
    let context = Context { op: heard.ops[0].clone(), ..context.clone() };
    match create::create(store, &context, session_id, heard.lifecycle, &new) {
        // Another call was faster.
        Ok(_) | Err(OpError::AlreadyExists { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Returns the title that a prompt makes; empty if the call has none.
fn title(context: &Context, call: &Call) -> Result<String, OpError> {
    title::of_words(&context.redaction, call.prompt.as_deref().unwrap_or_default(), MAX_TITLE)
}

fn model(call: &Call) -> Option<String> {
    call.model.clone().filter(|it| text::is_line(it, 256))
}

/// Records what the call itself tells.
fn tell(
    store: &Store,
    context: &Context,
    heard: &Heard<'_>,
    found: &Found,
    commits: &[String],
) -> Result<View, OpError> {
    let call = heard.call;
    let title = title(context, call)?;
    // A prompt that comes again after the end is known by what it changed, and is no new beginning.
    let updating = Context { op: heard.ops[2].clone(), ..context.clone() };
    let changed = change::change(store, &updating, found.session_id, |view| {
        let mut drafts = Vec::new();
        let mut view = view.clone();
        if view.class == Class::Paused && !found.is_guest && call.moment != Moment::End {
            let request = Request::to(Target::Intent(Intent::Resume));
            if let Verdict::Happens(more) = transition::judge(context, &view, &request)? {
                view.session = more.last().map_or(view.session, |draft| draft.session.clone());
                drafts.extend(more);
            }
        }
        let sources = agent_transcript::going_on(store, &view.session, call)?;
        let title = Some(&title).filter(|it| !it.is_empty() && !found.is_guest);
        if let Some(draft) = update(store, &view, (call, title), commits, sources)? {
            drafts.push(draft);
        }
        Ok(if drafts.is_empty() { Verdict::Nothing } else { Verdict::Happens(drafts) })
    })?;
    if call.events.is_empty() {
        return Ok(changed.view);
    }
    let op = heard.ops[1].clone();
    let context = Context { op, op_is_given: true, ..context.clone() };
    Ok(record::record(store, &context, found.session_id, &call.events, None)?.changed.view)
}

/// Returns the event that fills in what was not known before, and links commits.
fn update(
    store: &Store,
    view: &View,
    (call, title): (&Call, Option<&String>),
    commits: &[String],
    sources: Vec<SourceFile>,
) -> Result<Option<Draft>, OpError> {
    let session = &view.session;
    let mut new = session.clone();
    let mut told = Vec::new();
    if let Some(title) = title.filter(|_| new.title.is_empty()) {
        new.title = title.clone();
        told.push("title");
    }
    if new.model.is_none() && model(call).is_some() {
        new.model = model(call);
        told.push("model");
    }
    let links = unknown(store, view, commits)?;
    if new == *session && sources.is_empty() {
        return Ok((!links.is_empty()).then(|| links::event(links, new)));
    }
    if !links.is_empty() {
        told.push("commits");
    }
    let mut segments = Vec::new();
    if !sources.is_empty() {
        let name = session.id.to_string();
        let known = Sources::of(store, &name, &session.conversation, view.tip);
        segments = known.put_all(&mut new.conversation, sources)?;
        told.push("sources");
    }
    if new == *session && links.is_empty() {
        return Ok(None);
    }
    let mut draft = Draft::new("update", format!("update: {}", told.join(", ")), new);
    draft.segments = segments;
    draft.links = links;
    Ok(Some(draft))
}

/// Returns the commits that the session has not recorded yet: a hook of git's may have been faster.
fn unknown(store: &Store, view: &View, commits: &[String]) -> Result<Vec<CommitLink>, OpError> {
    if commits.is_empty() {
        return Ok(Vec::new());
    }
    let entries = store.snapshot(view.tip)?.entries;
    let listed: Vec<Oid> = links::listed(&view.session).map(|it| it.commit_oid).collect();
    let branch = store.head()?.branch;
    let mut new = Vec::new();
    for commit_oid in commits.iter().filter_map(|hex| Oid::from_hex(hex)) {
        if listed.contains(&commit_oid) || links::find(store, &entries, commit_oid)?.is_some() {
            continue;
        }
        let link = links::describe(store, &store.commit(commit_oid)?, KnownBy::Agent);
        let status = Some(view.session.status.clone());
        new.push(CommitLink { branch: branch.clone(), status, ..link });
    }
    Ok(new)
}

/// Notes which process the agent is, so that its end is seen however it ends.
fn accompany(
    store: &Store,
    context: &Context,
    heard: &Heard<'_>,
    session_id: SessionId,
) -> Result<(), OpError> {
    let (here, call) = (Here::read(), heard.call);
    let is_agent =
        |pid: u32, words: &[String]| call.pid == Some(pid.into()) || call.is_program(words);
    let Some(worker) = find_ancestor(&here, None, is_agent) else { return Ok(()) };
    let leases = observe::leases(store);
    let is_known = |lease: &Lease| lease.worker.as_ref() == Some(&worker) || lease.owner.is_some();
    if leases.read(session_id).ok().flatten().as_ref().is_some_and(is_known) {
        return Ok(());
    }
    let Some(command) = call.agent.resume_command(&call.session_id) else { return Ok(()) };
    leases.change(session_id, |found| {
        if found.as_ref().is_some_and(is_known) {
            return Ok(found);
        }
        Ok(Some(Lease {
            session_id,
            token: heard.token.clone(),
            owner: None,
            worker: Some(worker.clone()),
            started_at: context.now,
            dir: heard.dir.clone(),
            is_shared: true,
            command: command.into_iter().map(Into::into).collect(),
            on_resume: None,
            timeout: None,
            max_iterations: None,
            stop: None,
            is_frozen: false,
        }))
    })
}

/// Ends the session of an agent that has ended: with success if it had answered, else interrupted.
fn end(
    store: &Store,
    context: &Context,
    heard: &Heard<'_>,
    session_id: SessionId,
    activity: Activity,
) -> Result<(), OpError> {
    let mut reason = heard.call.reason.clone();
    reason.as_mut().map_or(Ok(()), |it| context.redaction.text(it))?;
    let reason = match reason.as_deref() {
        Some(reason) if text::is_line(reason, 200) => format!("the agent ended ({reason})"),
        _ => "the agent ended".to_owned(),
    };
    let intent = match activity {
        Activity::Idle => Intent::Finish,
        Activity::Running | Activity::Waiting => Intent::Terminate,
    };
    let request = Request { reason, ..Request::to(Target::Intent(intent)) };
    let changed = change::change(store, context, session_id, |view| match view.class {
        Class::Active => transition::judge(context, view, &request),
        _ => Ok(Verdict::Nothing),
    })?;
    let leases = observe::leases(store);
    if let Some(lease) = leases.read(session_id).ok().flatten().filter(|it| it.owner.is_none()) {
        release(&leases, session_id, &lease.token, changed.view.class)?;
    }
    Ok(())
}
