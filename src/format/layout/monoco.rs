//! Source: Monoco, `monoco/features/agent/session.py`.

use super::names::{fields, identity, isoformat, link, time, word};
use super::{Layout, Told};
use crate::format::fields::{Fields, Invalid};
use crate::model::{Class, Map, Outcome, Session, Value, Worker, text};

pub(super) fn read(file: &Map, session: &mut Session) -> Result<(), Invalid> {
    let mut fields = fields(file);
    let id = fields.required("id", Fields::string)?;
    let issue = fields.required("issue_id", Fields::string)?;
    let role = fields.string("role_name")?;
    let status = fields.required("status", Fields::string)?;
    session.created_at = fields.required("created_at", time)?;
    session.updated_at = time(&mut fields, "updated_at")?.unwrap_or(session.created_at);
    (session.id, session.name) = identity(&id);
    session.lifecycle = Layout::Monoco.lifecycle().to_owned();
    put_status(session, &status)?;
    let issue = word(&issue);
    session.title = issue.clone().unwrap_or_default();
    link(&mut session.links, "issue", issue);
    session.role = role.as_deref().and_then(word);
    session.branch = fields.string("branch_name")?.filter(|name| text::is_branch_name(name));
    let pid = fields.integer("pid", 0..=u64::MAX)?;
    let pid = pid.filter(|pid| (2..=u64::from(u32::MAX >> 1)).contains(pid));
    let worker = |pid: u64| Worker {
        pid: pid as u32,
        host: "unknown".to_owned(),
        started_at: session.created_at,
        command: Vec::new(),
        extra: Map::new(),
    };
    session.worker = pid.map(worker);
    Ok(())
}

/// Puts one of the eight words for a status. Four of them say how a session ended.
fn put_status(session: &mut Session, status: &str) -> Result<(), Invalid> {
    let (state, outcome) = match status {
        "pending" | "running" | "suspended" => (status, None),
        "completed" => ("terminated", Some(Outcome::Success)),
        "failed" | "crashed" => ("terminated", Some(Outcome::Failure)),
        "terminated" | "timeout" => ("terminated", Some(Outcome::Interrupted)),
        _ => return Err(Invalid::new("status", &format!("has the unknown value '{status}'"))),
    };
    let is_telling = matches!(status, "crashed" | "timeout");
    session.reason = is_telling.then(|| status.to_owned());
    session.status = state.to_owned();
    session.outcome = outcome;
    session.paused_from = (state == "suspended").then(|| "running".to_owned());
    session.started_at = (state != "pending").then_some(session.created_at);
    session.ended_at = outcome.map(|_| session.updated_at);
    Ok(())
}

pub(super) fn write(told: Told<'_>) -> Map {
    let session = told.session;
    let mut map = Map::new();
    let mut put = |key: &str, value: Value| map.insert(key.to_owned(), value);
    let issue = session.links.get("issue").and_then(Value::as_str);
    put("id", session.id.to_string().into());
    // What Monoco says of work that no issue asks for.
    put("issue_id", issue.unwrap_or("NEW_TASK").into());
    put("role_name", session.role.as_deref().unwrap_or("worker").into());
    put("status", status(told).into());
    put("branch_name", session.branch.as_deref().into());
    put("pid", session.worker.as_ref().map(|worker| worker.pid).into());
    put("created_at", isoformat(session.created_at).into());
    put("updated_at", isoformat(session.updated_at).into());
    map
}

fn status(told: Told<'_>) -> &'static str {
    let reason = told.session.reason.as_deref();
    match (told.class, told.session.outcome) {
        (Class::Pending, _) => "pending",
        (Class::Active, _) => "running",
        (Class::Paused, _) => "suspended",
        (Class::Ended, Some(Outcome::Success)) => "completed",
        (Class::Ended, Some(Outcome::Failure)) if reason == Some("crashed") => "crashed",
        (Class::Ended, Some(Outcome::Failure)) => "failed",
        (Class::Ended, _) if reason == Some("timeout") => "timeout",
        (Class::Ended, _) => "terminated",
    }
}
