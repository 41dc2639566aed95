//! The session object and its companions, as `--json` gives them. Their JSON Schema is made from
//! these types.

mod commit;
mod conversation;
mod import;
mod lifecycle;
mod limits;
mod listing;
mod sight;
mod stats;
mod summary;
mod transcript;
mod why;

use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::{Artifact, Map, Timestamp, Value, Worker, text};
use crate::ops::links::{self, WithSubject};
use crate::ops::load::View;
use crate::ops::log::LoggedEvent;

pub use commit::{CommitObject, NamedCommit, commits, named};
pub use stats::stats;
pub use summary::summary;

pub use conversation::{
    ConversationObject, HitObject, RecordedObject, TokensObject, hit, recorded,
};
pub use import::{ImportObject, TakenObject, UntakenObject};
pub use lifecycle::{LifecycleObject, lifecycle};
pub use limits::{CheckObject, LimitObject, check};
pub use listing::{Listing, document, making};
pub use sight::{SightObject, sight};
pub use transcript::{FailedObject, TranscriptObject, TranscriptsObject};
pub use why::{WhyObject, why};

/// The version of the session object: fields are added, never renamed, moved or removed.
pub const SCHEMA: u32 = 1;

/// A session. Every key is present, null when unset.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct SessionObject {
    /// The version of this object.
    pub schema: u32,
    /// A UUID in lower case; never changes.
    pub id: String,
    /// The short name for people: eight letters from k to z.
    pub handle: String,
    /// A name of the caller's choice.
    pub name: Option<String>,
    /// One line: what the session is for.
    pub title: String,
    /// The name of the lifecycle it follows.
    pub lifecycle: String,
    /// A state of that lifecycle.
    pub status: String,
    /// pending, active, paused or ended.
    pub class: String,
    /// The phase of the work.
    pub phase: Option<String>,
    /// success, failure or interrupted, once ended.
    pub outcome: Option<String>,
    /// Why it is in its present state.
    pub reason: Option<String>,
    /// RFC 3339 UTC with six fractional digits; never changes.
    pub created_at: String,
    /// When its newest event happened.
    pub updated_at: String,
    /// When it was first in an active state.
    pub started_at: Option<String>,
    /// When it ended.
    pub ended_at: Option<String>,
    /// Who made it: `Name <mail>`.
    pub author: String,
    /// The agent program.
    pub agent: Option<String>,
    /// The language model.
    pub model: Option<String>,
    /// The worker's part.
    pub role: Option<String>,
    /// The id of the session it continues.
    pub parent: Option<String>,
    /// Where the repository stood when it was made.
    pub git: GitObject,
    /// The branch that the work is done on.
    pub branch: Option<String>,
    /// What it belongs to: issue, prd {filename, path, version}, chain, task and others; open.
    pub links: Map,
    /// Words to find it by.
    pub labels: Vec<String>,
    /// Counters and durations; open.
    pub statistics: Map,
    /// Limits and switches; open.
    pub configuration: Map,
    /// Token counts of the language model.
    pub tokens: TokensObject,
    /// How much of the conversation is kept.
    pub conversation: ConversationObject,
    /// Commits made in it, those that were replaced too: objects as `show --commits --json` has them.
    pub commits: Vec<Value>,
    /// Checkpoints of the work tree.
    pub checkpoints: Vec<Value>,
    /// Files kept with it.
    pub artifacts: Vec<ArtifactObject>,
    /// The process that works on it, as recorded.
    pub worker: Option<WorkerObject>,
    /// What is seen of the worker now: running, lost, elsewhere or none.
    pub observed: String,
    /// What its agent does now: running, idle or waiting (for a person); null where no agent tells it.
    pub activity: Option<String>,
    /// The full name of the ref by which it is read: its own, or that of the archive.
    #[serde(rename = "ref")]
    pub ref_name: String,
    /// The full id of the commit that it was read from.
    pub tip: String,
    /// The number of its newest event, counted from 1.
    pub seq: u64,
    /// While paused, the state to go back to.
    pub paused_from: Option<String>,
}

/// Where a repository stood.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct GitObject {
    /// The branch; null if detached.
    pub branch: Option<String>,
    /// The commit; null if unborn.
    pub commit: Option<String>,
    /// The top of the work tree now and here; computed, never stored.
    pub repo_root: String,
    /// Whether it was a linked work tree.
    pub is_worktree: bool,
    /// The linked work tree's name.
    pub worktree_name: Option<String>,
}

/// A file kept with a session.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ArtifactObject {
    /// A plain file name.
    pub name: String,
    /// What it is to the session, such as prd.
    #[serde(rename = "as")]
    pub role: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// Its size.
    pub bytes: u64,
    /// When it was attached.
    pub attached_at: String,
}

/// A process.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct WorkerObject {
    /// Its process id.
    pub pid: u32,
    /// Its host.
    pub host: String,
    /// When it was started.
    pub started_at: String,
    /// Its command line.
    pub command: Vec<String>,
    /// When it was seen to have ended.
    pub ended_at: Option<String>,
    /// Its exit status, if it exited.
    pub exit_status: Option<i64>,
    /// The number of the signal that ended it, if one did.
    pub signal: Option<i64>,
    /// For how long it ran, in milliseconds.
    pub duration_ms: Option<u64>,
}

/// An event of a session's history.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct EventObject {
    /// The full id of its commit.
    pub commit: String,
    /// Its number, counted from 1.
    pub seq: Option<u64>,
    /// create, transition, update, attach, detach, record, import or others.
    pub kind: String,
    /// When.
    pub at: String,
    /// Who acted.
    pub author: String,
    /// The state before, for a transition.
    pub from: Option<String>,
    /// The state after.
    pub status: Option<String>,
    /// Whether the lifecycle's table was overridden.
    pub forced: bool,
    /// The first line of its message.
    pub subject: String,
    /// Why; empty if nobody said.
    pub reason: String,
    /// The commits that it recorded.
    pub commits: Vec<NamedCommit>,
}

/// Returns a session as an object; `root` is the top of the work tree, `ref_name` the ref by which it is read.
pub fn session(view: &View, root: &Path, ref_name: String) -> SessionObject {
    let session = &view.session;
    let time = |at: Option<Timestamp>| at.map(|at| at.to_string());
    SessionObject {
        schema: SCHEMA,
        id: session.id.to_string(),
        handle: session.id.handle().to_string(),
        name: session.name.clone(),
        title: session.title.clone(),
        lifecycle: session.lifecycle.clone(),
        status: session.status.clone(),
        class: view.class.to_string(),
        phase: session.phase.clone(),
        outcome: session.outcome.map(|outcome| outcome.to_string()),
        reason: session.reason.clone(),
        created_at: session.created_at.to_string(),
        updated_at: session.updated_at.to_string(),
        started_at: time(session.started_at),
        ended_at: time(session.ended_at),
        author: session.author.clone(),
        agent: session.agent.clone(),
        model: session.model.clone(),
        role: session.role.clone(),
        parent: session.parent.map(|id| id.to_string()),
        git: GitObject {
            branch: session.git.branch.clone(),
            commit: session.git.commit.clone(),
            repo_root: root.to_string_lossy().into_owned(),
            is_worktree: session.git.is_worktree,
            worktree_name: session.git.worktree_name.clone(),
        },
        branch: session.branch.clone(),
        links: session.links.clone(),
        labels: session.labels.clone(),
        statistics: session.statistics.clone(),
        configuration: session.configuration.clone(),
        tokens: conversation::tokens(&session.tokens),
        conversation: conversation::object(&session.conversation),
        commits: made_in(view),
        checkpoints: session.checkpoints.clone(),
        artifacts: session.artifacts.iter().map(artifact).collect(),
        worker: session.worker.as_ref().map(worker),
        observed: view.observed.to_string(),
        activity: view.activity.map(|it| it.as_str().to_owned()),
        ref_name,
        tip: view.tip.to_string(),
        seq: session.seq,
        paused_from: session.paused_from.clone(),
    }
}

/// Returns the commits that were made in the session, those that were replaced too; if nobody has asked for
/// them, what its record has of them.
fn made_in(view: &View) -> Vec<Value> {
    let Some(made) = &view.made else { return view.session.commits.clone() };
    let object = |(made, subject): &WithSubject| {
        Value::Object(to_map(&commit::commit(made, subject.clone())))
    };
    made.iter().map(object).chain(links::unclear(&view.session).cloned()).collect()
}

fn artifact(artifact: &Artifact) -> ArtifactObject {
    ArtifactObject {
        name: artifact.name.clone(),
        role: artifact.role.clone(),
        version: artifact.version.clone(),
        bytes: artifact.n_bytes,
        attached_at: artifact.attached_at.to_string(),
    }
}

fn worker(worker: &Worker) -> WorkerObject {
    let extra = |key: &str| worker.extra.get(key);
    WorkerObject {
        pid: worker.pid,
        host: worker.host.clone(),
        started_at: worker.started_at.to_string(),
        command: worker.command.clone(),
        ended_at: extra("ended_at").and_then(Value::as_str).map(str::to_owned),
        exit_status: extra("exit_status").and_then(Value::as_i64),
        signal: extra("signal").and_then(Value::as_i64),
        duration_ms: extra("duration_ms").and_then(Value::as_u64),
    }
}

/// Returns an event as an object.
pub fn event(event: &LoggedEvent) -> EventObject {
    EventObject {
        commit: event.commit.to_string(),
        seq: event.seq,
        kind: event.kind.clone(),
        at: event.at.to_string(),
        author: event.author.clone(),
        from: event.from.clone(),
        status: event.status.clone(),
        forced: event.forced,
        subject: event.subject.clone(),
        reason: event.reason.clone(),
        commits: event.commits.iter().map(named).collect(),
    }
}

/// Returns any of the objects as a map, in the order of its fields.
pub fn to_map(object: &impl Serialize) -> Map {
    match serde_json::to_value(object) {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
    }
}

/// Returns a document on one line. What a terminal would obey or not show is escaped, which is the
/// same document.
pub fn to_text(value: &impl Serialize) -> String {
    let text = serde_json::to_string(value).expect("objects have text keys only");
    if !text.chars().any(is_escaped) {
        return text;
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_escaped(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                escaped.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            escaped.push(c);
        }
    }
    escaped
}

/// Control characters below U+0020 are escaped in JSON anyway.
fn is_escaped(c: char) -> bool {
    ('\u{7f}'..='\u{9f}').contains(&c) || text::is_invisible(c)
}

/// Keeps only the named keys, in the order they are named; all if none is.
pub fn select(mut map: Map, fields: &[String]) -> Map {
    if fields.is_empty() {
        return map;
    }
    fields.iter().filter_map(|key| Some((key.clone(), map.shift_remove(key)?))).collect()
}

/// Returns the keys of an object, in order.
pub fn keys<T: JsonSchema>() -> Vec<String> {
    let schema = schemars::schema_for!(T).to_value();
    let properties = schema.get("properties").and_then(Value::as_object);
    properties.into_iter().flat_map(|map| map.keys().cloned()).collect()
}

/// Returns the JSON Schema of the session object.
pub fn session_schema() -> Value {
    // Of what is written, not of what could be read: every key is required, null when unset.
    let settings = schemars::generate::SchemaSettings::default().for_serialize();
    settings.into_generator().into_root_schema_for::<SessionObject>().to_value()
}
