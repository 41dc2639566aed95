//! Source: Maestro, `session_manager.py` and its schema.

use super::names::{fields, identity, isoformat, line, link, time, without_nulls, word};
use super::{Layout, Told};
use crate::format::fields::{Fields, Invalid};
use crate::lifecycle::is_state_name;
use crate::model::conversation::{Checkpoint, Event};
use crate::model::{Class, GitContext, Map, Oid, Outcome, Session, Timestamp, Value, text};

/// The states, all of them of the lifecycle `feature`.
const STATUSES: [&str; 9] = [
    "initializing",
    "planning",
    "generating_tasks",
    "implementing",
    "validating",
    "generating_report",
    "completed",
    "failed",
    "paused",
];

/// The counters and their values at first.
const COUNTERS: [&str; 7] = [
    "total_tasks",
    "completed_tasks",
    "failed_tasks",
    "decisions_made",
    "checkpoints_created",
    "error_recovery_count",
    "duration_seconds",
];

pub(super) fn read(file: &Map, session: &mut Session) -> Result<(), Invalid> {
    let mut fields = fields(file);
    let id = fields.required("session_id", Fields::string)?;
    let title = fields.required("feature_request", Fields::string)?;
    let status = fields.required("status", Fields::string)?;
    if !STATUSES.contains(&status.as_str()) {
        return Err(Invalid::new("status", &format!("has the unknown value '{status}'")));
    }
    session.created_at = fields.required("created_at", time)?;
    session.updated_at = time(&mut fields, "updated_at")?.unwrap_or(session.created_at);
    let ended_at = time(&mut fields, "completed_at")?;
    (session.id, session.name) = identity(&id);
    session.lifecycle = Layout::Maestro.lifecycle().to_owned();
    session.title = line(&title, text::MAX_TITLE);
    session.outcome = match status.as_str() {
        "completed" => Some(Outcome::Success),
        "failed" => Some(Outcome::Failure),
        _ => None,
    };
    session.ended_at = session.outcome.and(ended_at.or(Some(session.updated_at)));
    session.started_at = (status != "initializing").then_some(session.created_at);
    session.status = status;
    session.paused_from = None;
    session.phase = fields.string("current_phase")?.filter(|phase| is_state_name(phase));
    session.git = fields.map("git_context")?.map(git).transpose()?.unwrap_or_default();
    session.branch = session.git.branch.clone();
    link(&mut session.links, "prd", None);
    if let Some(prd) = fields.map("prd_reference")? {
        session.links.insert("prd".to_owned(), without_nulls(prd.into_map()).into());
    }
    let mut open = |key| Ok(fields.map(key)?.map(Fields::into_map).map(without_nulls));
    session.statistics = with_zeros(open("statistics")?.unwrap_or_default());
    session.configuration = open("configuration")?.unwrap_or_default();
    Ok(())
}

/// Every session has all counters.
fn with_zeros(mut statistics: Map) -> Map {
    for key in COUNTERS {
        statistics.entry(key).or_insert(Value::from(0));
    }
    statistics
}

fn git(mut fields: Fields) -> Result<GitContext, Invalid> {
    let text = |it: Option<Value>| it.and_then(|it| it.as_str().map(str::to_owned));
    Ok(GitContext {
        branch: text(fields.take("branch")).filter(|it| text::is_branch_name(it)),
        commit: text(fields.take("commit")).filter(|it| Oid::from_hex(it).is_some()),
        is_worktree: fields.take("is_worktree") == Some(Value::Bool(true)),
        worktree_name: text(fields.take("worktree_name")).as_deref().and_then(word),
        extra: Map::new(),
    })
}

/// Reads the checkpoints of a session, `checkpoints.json`. Source: Maestro, `checkpoint_manager.py`.
pub(super) fn checkpoints(file: &Map) -> Result<Vec<Event>, Invalid> {
    fields(file).maps("checkpoints")?.into_iter().map(checkpoint).collect()
}

fn checkpoint(taken: Fields) -> Result<Event, Invalid> {
    let mut taken = Fields::new(without_nulls(taken.into_map()));
    let id = taken.required("checkpoint_id", Fields::string)?;
    let at = taken.required("timestamp", time)?;
    let name = taken.string("description")?;
    // On a dirty tree Maestro noted what git printed.
    let commit = taken.string("commit_sha")?;
    let event = Event::new(Checkpoint { name, commit });
    Ok(Event { id: Some(id), at: Some(at), extra: taken.into_map(), ..event })
}

pub(super) fn write(told: Told<'_>) -> Map {
    let session = told.session;
    let mut map = Map::new();
    let mut put = |key: &str, value: Value| map.insert(key.to_owned(), value);
    let stamp = |at: Timestamp| Value::from(format!("{}Z", isoformat(at)));
    put("session_id", session.id.to_string().into());
    put("feature_request", session.title.as_str().into());
    put("status", status(told).into());
    put("created_at", stamp(session.created_at));
    put("updated_at", stamp(session.updated_at));
    if let Some(at) = session.ended_at {
        put("completed_at", stamp(at));
    }
    put("git_context", git_context(&session.git, told.root).into());
    if let Some(phase) = &session.phase {
        put("current_phase", phase.as_str().into());
    }
    if let Some(prd) = session.links.get("prd").and_then(prd_reference) {
        put("prd_reference", prd);
    }
    let defaults: [(&str, Value); 4] = [
        ("max_iterations", 3.into()),
        ("timeout_minutes", 120.into()),
        ("auto_checkpoint", true.into()),
        ("error_recovery_enabled", true.into()),
    ];
    let zeros = COUNTERS.map(|key| (key, Value::from(0)));
    put("statistics", known(&session.statistics, &zeros).into());
    put("configuration", known(&session.configuration, &defaults).into());
    map
}

/// Returns the known keys of a map: Maestro stumbles over others.
fn known(map: &Map, defaults: &[(&str, Value)]) -> Map {
    let value =
        |(key, value): &(&str, Value)| ((*key).to_owned(), map.get(*key).unwrap_or(value).clone());
    defaults.iter().map(value).collect()
}

fn status<'a>(told: Told<'a>) -> &'a str {
    let status = told.session.status.as_str();
    match told.class {
        _ if STATUSES.contains(&status) => status,
        Class::Pending => "initializing",
        Class::Active => "implementing",
        Class::Paused => "paused",
        Class::Ended if told.session.outcome == Some(Outcome::Success) => "completed",
        Class::Ended => "failed",
    }
}

fn git_context(git: &GitContext, root: &str) -> Map {
    let mut map = Map::new();
    let mut put = |key: &str, value: Value| map.insert(key.to_owned(), value);
    put("branch", git.branch.clone().unwrap_or_default().into());
    put("commit", git.commit.clone().unwrap_or_default().into());
    put("repo_root", root.into());
    put("is_worktree", git.is_worktree.into());
    if let Some(name) = &git.worktree_name {
        put("worktree_name", name.as_str().into());
    }
    map
}

fn prd_reference(link: &Value) -> Option<Value> {
    match link {
        Value::Object(_) => Some(link.clone()),
        Value::String(path) => {
            let filename = path.rsplit('/').next().unwrap_or(path);
            let pairs = [("filename", filename), ("path", path.as_str())];
            Some(pairs.into_iter().map(|(key, text)| (key.to_owned(), Value::from(text))).collect())
        }
        _ => None,
    }
}
