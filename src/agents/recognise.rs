//! Whose transcript a file is, by what is in it.

use super::kind::AgentKind;
use super::scan::{Found, Scanner};
use crate::model::Value;

/// The most values that are looked at: a file may begin with some that tell nothing.
const MAX_VALUES: usize = 40;

/// Returns the agent whose transcript begins with `head`; `None` if it is none that is known. Some tens
/// of kilobytes are plenty; the head may end anywhere.
///
/// `path` helps where content cannot tell: formats that are parts of one another.
///
/// Source: the order of the rules; each was tried on files of all agents.
pub fn recognise(head: &[u8], path: Option<&str>) -> Option<AgentKind> {
    if is_aider(head) {
        return Some(AgentKind::Aider);
    }
    let mut found = None;
    let mut n_values = 0;
    let mut look = |_, what| {
        if let Found::Value(value) = what
            && found.is_none()
            && n_values < MAX_VALUES
        {
            n_values += 1;
            found = of_record(&value);
        }
    };
    let mut scanner = Scanner::new(false);
    scanner.push(head, &mut look);
    scanner.finish(&mut look);
    found.or_else(|| of_torn_document(head)).or_else(|| of_path(path?))
}

fn is_aider(head: &[u8]) -> bool {
    let mut lines = head.split(|byte| *byte == b'\n').take(MAX_VALUES);
    lines.any(|line| line.starts_with(b"# aider chat started at "))
}

/// Judges one record.
fn of_record(value: &Value) -> Option<AgentKind> {
    let has = |key: &str| value.get(key).is_some();
    let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
    let is_list = |key: &str| value.get(key).is_some_and(Value::is_array);
    let in_message = |key: &str| value.get("message").is_some_and(|it| it.get(key).is_some());
    if let Value::Array(list) = value {
        return list.first().and_then(of_list);
    }
    let kind = text("type");
    Some(match kind {
        "session_meta" | "response_item" | "event_msg" | "turn_context" if has("payload") => {
            AgentKind::Codex
        }
        "session" if has("id") && has("timestamp") => AgentKind::Pi,
        _ if has("eventType") && has("entityType") && has("entityId") => AgentKind::Choragen,
        "session_start" if has("id") && has("cwd") => AgentKind::Droid,
        _ if has("data") && has("timestamp") && kind.contains('.') => AgentKind::CopilotCli,
        _ if is_list("messages") => of_document(value)?,
        _ if is_list("session") && is_list("message") && is_list("part") => AgentKind::OpenCode,
        _ if is_list("conversation") || has("working_dir") => AgentKind::Goose,
        _ if has("sessionId") && has("projectHash") => AgentKind::GeminiCli,
        "user" | "gemini" if has("id") && has("content") => AgentKind::GeminiCli,
        _ if has("parentUuid") && in_message("parts") => AgentKind::QwenCode,
        _ if has("uuid") && (has("systemPayload") || has("provenance")) => AgentKind::QwenCode,
        _ if has("uuid") && has("sessionId") => AgentKind::ClaudeCode,
        _ if in_message("content") && has("uuid") => AgentKind::ClaudeCode,
        "user" | "assistant" if in_message("content") => AgentKind::ClaudeCode,
        "message" if in_message("role") => AgentKind::Droid,
        "summary" if has("leafUuid") => AgentKind::ClaudeCode,
        "file-history-snapshot" | "queue-operation" | "mode" | "permission-mode"
            if has("sessionId") || has("messageId") =>
        {
            AgentKind::ClaudeCode
        }
        "" if has("role") && in_message("content") => AgentKind::Cursor,
        "" if has("role") && has("created") && is_list("content") => AgentKind::Goose,
        "" if has("instructions") && has("timestamp") => AgentKind::Codex,
        _ => return None,
    })
}

/// Judges one document with messages.
fn of_document(value: &Value) -> Option<AgentKind> {
    let has = |key: &str| value.get(key).is_some();
    let id = value.get("id").and_then(Value::as_str).unwrap_or_default();
    if has("info") {
        Some(AgentKind::OpenCode)
    } else if id.starts_with("T-") {
        Some(AgentKind::Amp)
    } else if has("projectHash") || (has("sessionId") && has("startTime")) {
        Some(AgentKind::GeminiCli)
    } else if has("working_dir") {
        Some(AgentKind::Goose)
    } else if has("sessionId") && (has("updated_at") || has("system_prompt")) {
        Some(AgentKind::Cline)
    } else {
        None
    }
}

/// Judges a list by its first entry.
fn of_list(value: &Value) -> Option<AgentKind> {
    let is_message =
        value.get("role").is_some() && value.get("content").is_some_and(Value::is_array);
    is_message.then_some(AgentKind::Cline)
}

/// Judges the beginning of a document that is longer than the head, by the keys in it.
fn of_torn_document(head: &[u8]) -> Option<AgentKind> {
    let text = String::from_utf8_lossy(head);
    if !text.trim_start_matches('\u{feff}').trim_start().starts_with(['{', '[']) {
        return None;
    }
    let has = |key: &str| text.contains(&format!("\"{key}\""));
    if has("messages") && has("id") && text.contains("\"T-") {
        Some(AgentKind::Amp)
    } else if has("info") && text.contains("\"ses_") {
        Some(AgentKind::OpenCode)
    } else if has("sessionId") && (has("projectHash") || has("startTime")) {
        Some(AgentKind::GeminiCli)
    } else if has("sessionId") && has("updated_at") {
        Some(AgentKind::Cline)
    } else if has("working_dir") && has("conversation") {
        Some(AgentKind::Goose)
    } else {
        None
    }
}

/// Judges a path, where the content tells nothing.
fn of_path(path: &str) -> Option<AgentKind> {
    let parts = [
        ("/.claude/projects/", AgentKind::ClaudeCode),
        ("/.codex/sessions/", AgentKind::Codex),
        ("/.codex/archived_sessions/", AgentKind::Codex),
        ("/.gemini/tmp/", AgentKind::GeminiCli),
        ("/.qwen/projects/", AgentKind::QwenCode),
        ("/.copilot/session-state/", AgentKind::CopilotCli),
        ("/agent-transcripts/", AgentKind::Cursor),
        ("/.pi/agent/sessions/", AgentKind::Pi),
        ("/.factory/sessions/", AgentKind::Droid),
        ("/amp/threads/", AgentKind::Amp),
        ("/.cline/data/", AgentKind::Cline),
        ("/api_conversation_history.json", AgentKind::Cline),
    ];
    parts.into_iter().find(|(part, _)| path.contains(part)).map(|(_, kind)| kind)
}
