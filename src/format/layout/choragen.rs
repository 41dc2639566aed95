//! Source: Choragen, `packages/cli/src/runtime/session.ts`.

use std::collections::HashMap;

use chrono::SecondsFormat;

use super::names::{dated_name, fields, identity, link, time, without_nulls, word};
use super::{Layout, Told};
use crate::format::choragen_line;
use crate::format::fields::{Fields, Invalid};
use crate::lifecycle::is_state_name;
use crate::model::conversation::{Event, Payload, ToolCall, Usage};
use crate::model::{Class, Map, Outcome, Session, SessionId, Timestamp, Tokens, Value};

/// The thread of the tool calls that no message speaks of.
const ASIDE: &str = "tools";

pub(super) fn read(file: &Map, session: &mut Session) -> Result<Vec<Event>, Invalid> {
    let mut fields = fields(file);
    let id = fields.required("id", Fields::string)?;
    session.created_at = fields.required("startTime", time)?;
    let ended_at = time(&mut fields, "endTime")?;
    let outcome = fields.word::<Outcome>("outcome")?;
    let status = fields.string("status")?;
    (session.id, session.name) = identity(&id);
    session.lifecycle = Layout::Choragen.lifecycle().to_owned();
    session.updated_at = ended_at.unwrap_or(session.created_at);
    put_status(session, status.as_deref(), outcome, ended_at)?;
    put_error(session, fields.map("error")?)?;
    session.role = fields.string("role")?.as_deref().and_then(word);
    session.model = fields.string("model")?.as_deref().and_then(word);
    for (key, name) in [("chain", "chainId"), ("task", "taskId"), ("workflow", "workflowId")] {
        let value = fields.string(name)?.as_deref().and_then(word);
        link(&mut session.links, key, value);
    }
    session.phase = fields.string("stageType")?.filter(|stage| is_state_name(stage));
    session.title = title(&session.links);
    session.parent = fields.string("parentSessionId")?.map(|id| identity(&id).0);
    session.tokens = fields.map("tokenUsage")?.map(tokens).transpose()?.unwrap_or_default();
    let mut events = conversation(&mut fields, &session.tokens)?;
    // What does not say when it happened was said in the session's time.
    events.iter_mut().for_each(|event| event.at = event.at.or(Some(session.created_at)));
    Ok(events)
}

/// Returns what a session without a title is about.
fn title(links: &Map) -> String {
    let words = ["chain", "task"].iter().filter_map(|key| links.get(*key)?.as_str());
    words.collect::<Vec<_>>().join(" ")
}

fn put_status(
    session: &mut Session,
    status: Option<&str>,
    outcome: Option<Outcome>,
    ended_at: Option<Timestamp>,
) -> Result<(), Invalid> {
    let (state, outcome) = match (status, outcome) {
        (Some("running"), _) | (None, None) => ("running", None),
        (Some("paused"), _) => ("suspended", None),
        (Some("completed"), outcome) => ("terminated", outcome.or(Some(Outcome::Success))),
        (Some("failed"), outcome) => ("terminated", outcome.or(Some(Outcome::Failure))),
        (None, outcome) => ("terminated", outcome),
        (Some(other), _) => {
            return Err(Invalid::new("status", &format!("has the unknown value '{other}'")));
        }
    };
    session.status = state.to_owned();
    session.outcome = outcome;
    session.paused_from = (state == "suspended").then(|| "running".to_owned());
    session.started_at = Some(session.created_at);
    session.ended_at = outcome.and(ended_at.or(Some(session.updated_at)));
    Ok(())
}

fn put_error(session: &mut Session, error: Option<Fields>) -> Result<(), Invalid> {
    session.reason = None;
    session.links.shift_remove("recoverable");
    let Some(mut error) = error else { return Ok(()) };
    session.reason = error.string("message")?.as_deref().and_then(word);
    if let Some(is_recoverable) = error.boolean("recoverable")? {
        session.links.insert("recoverable".to_owned(), is_recoverable.into());
    }
    Ok(())
}

fn tokens(mut fields: Fields) -> Result<Tokens, Invalid> {
    let mut count = |key| Ok(fields.integer(key, 0..=1 << 53)?.unwrap_or_default());
    Ok(Tokens { input: count("input")?, output: count("output")?, ..Tokens::default() })
}

/// The calls that messages speak of and that nothing more is told of yet, by tool and what it was given: where
/// they are among the events, the last one first.
type Spoken = HashMap<(String, String), Vec<usize>>;

/// Returns what was said and done: the messages, each with its calls, then what is told of the calls.
fn conversation(fields: &mut Fields, tokens: &Tokens) -> Result<Vec<Event>, Invalid> {
    let mut events = Vec::new();
    for (message, n) in entries(fields, "messages")?.into_iter().zip(1..) {
        events.extend(one(message, &format!("message-{n}"), "messages")?);
    }
    let mut spoken = Spoken::new();
    for (at, event) in events.iter().enumerate().rev() {
        if let Payload::ToolCall(call) = &event.payload {
            spoken.entry(key_of(call)).or_default().push(at);
        }
    }
    for (call, n) in entries(fields, "toolCalls")?.into_iter().zip(1..) {
        let told = one(call, &format!("call-{n}"), "toolCalls")?;
        merge_call(&mut events, &mut spoken, told);
    }
    if *tokens != Tokens::default() {
        let (input, output) = (tokens.input, tokens.output);
        events.push(Event::new(Usage { input, output, ..Usage::default() }));
    }
    Ok(events)
}

/// Takes a list of maps of any length.
fn entries(fields: &mut Fields, list: &str) -> Result<Vec<Map>, Invalid> {
    let entries = match fields.take(list) {
        None => Vec::new(),
        Some(Value::Array(entries)) => entries,
        Some(_) => return Err(Invalid::new(list, "is not a list")),
    };
    let to_map = |entry| match entry {
        Value::Object(map) => Ok(map),
        _ => Err(Invalid::new(list, "has an entry that is not a map")),
    };
    entries.into_iter().map(to_map).collect()
}

/// Reads an entry of a list; unknown keys are in the kept file.
fn one(map: Map, call: &str, list: &str) -> Result<Vec<Event>, Invalid> {
    let inside = |error: Invalid| Invalid::new(&format!("{list}.{}", error.key), &error.reason);
    let map = without_nulls(map);
    if !choragen_line::is_one(&map) {
        return Err(Invalid::new(list, "has an entry that is none of its kind"));
    }
    let mut events = choragen_line::events(map, call).map_err(inside)?;
    events.iter_mut().for_each(|event| event.extra = Map::new());
    Ok(events)
}

fn key_of(call: &ToolCall) -> (String, String) {
    (call.name.clone(), call.input.to_string())
}

/// Puts what is told of a call to the message that speaks of it, or beside all messages.
fn merge_call(events: &mut Vec<Event>, spoken: &mut Spoken, mut told: Vec<Event>) {
    let Some(Event { payload: Payload::ToolCall(call), at, .. }) = told.first() else {
        events.extend(told);
        return;
    };
    let known = spoken.get_mut(&key_of(call)).and_then(Vec::pop);
    let Some(known) = known.and_then(|known| events.get_mut(known)) else {
        told.iter_mut().for_each(|event| event.thread = Some(ASIDE.to_owned()));
        events.extend(told);
        return;
    };
    known.at = *at;
    let Payload::ToolCall(said) = &mut known.payload else { return };
    said.governance = call.governance.clone();
    let id = said.call.clone();
    for mut event in told.drain(1..) {
        if let Payload::ToolResult(result) = &mut event.payload {
            result.call = id.clone();
        }
        events.push(event);
    }
}

pub(super) fn write(told: Told<'_>) -> Map {
    let session = told.session;
    let said = crate::format::choragen::project(told.events);
    let mut map = Map::new();
    let mut put = |key: &str, value: Value| map.insert(key.to_owned(), value);
    let millis = |at: Timestamp| at.to_utc().to_rfc3339_opts(SecondsFormat::Millis, true);
    let link = |key: &str| Value::from(session.links.get(key).and_then(Value::as_str));
    put("id", session.id.dated_name(session.created_at).into());
    put("role", session.role.as_deref().unwrap_or("impl").into());
    put("model", session.model.as_deref().unwrap_or_default().into());
    put("chainId", link("chain"));
    put("taskId", link("task"));
    put("workflowId", link("workflow"));
    put("startTime", millis(session.created_at).into());
    put("endTime", session.ended_at.map(millis).into());
    put("outcome", session.outcome.map(Outcome::as_str).into());
    put("tokenUsage", token_usage(&session.tokens).into());
    put("messages", said.messages.into());
    put("toolCalls", said.tool_calls.into());
    put("parentSessionId", session.parent.map(parent_name).into());
    put("childSessionIds", Value::Array(Vec::new()));
    put("nestingDepth", u64::from(session.parent.is_some()).into());
    put("status", status(told).into());
    if let (Class::Ended, Some(Outcome::Failure), Some(reason)) =
        (told.class, session.outcome, &session.reason)
    {
        let is_recoverable = session.links.get("recoverable") == Some(&Value::Bool(true));
        let mut error = Map::new();
        error.insert("message".to_owned(), reason.as_str().into());
        error.insert("recoverable".to_owned(), is_recoverable.into());
        put("error", error.into());
    }
    map
}

fn parent_name(id: SessionId) -> String {
    dated_name(id).unwrap_or_else(|| id.to_string())
}

fn token_usage(tokens: &Tokens) -> Map {
    let input = tokens.total() - tokens.output.min(tokens.total());
    let pairs = [("input", input), ("output", tokens.output), ("total", tokens.total())];
    pairs.into_iter().map(|(key, n)| (key.to_owned(), n.into())).collect()
}

fn status(told: Told<'_>) -> &'static str {
    match (told.class, told.session.outcome) {
        (Class::Pending | Class::Active, _) => "running",
        (Class::Paused, _) => "paused",
        (Class::Ended, Some(Outcome::Success)) => "completed",
        (Class::Ended, _) => "failed",
    }
}
