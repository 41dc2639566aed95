//! What an update may change, and how: an RFC 7386 merge patch over some keys of the record.

use crate::format::fields::{Fields, check_open_value};
use crate::format::record::read_git;
use crate::lifecycle::is_state_name;
use crate::model::{GitContext, Map, Session, Value, text};
use crate::ops::OpError;

/// The counters that every session has. Source: Maestro's statistics.
pub const COUNTERS: [&str; 7] = [
    "total_tasks",
    "completed_tasks",
    "failed_tasks",
    "decisions_made",
    "checkpoints_created",
    "error_recovery_count",
    "duration_seconds",
];

/// The keys that a patch may have; `status` only when forced.
pub const PATCHABLE: [&str; 16] = [
    "title",
    "name",
    "phase",
    "agent",
    "model",
    "role",
    "branch",
    "git",
    "links",
    "labels",
    "statistics",
    "configuration",
    "tokens",
    "ended_at",
    "updated_at",
    "status",
];

/// The keys of a session that nobody sets: they never change, or follow from others.
const FIXED: [&str; 22] = [
    "schema",
    "id",
    "handle",
    "lifecycle",
    "class",
    "outcome",
    "reason",
    "created_at",
    "started_at",
    "author",
    "parent",
    "conversation",
    "commits",
    "checkpoints",
    "artifacts",
    "worker",
    "observed",
    "activity",
    "ref",
    "tip",
    "seq",
    "paused_from",
];

/// Returns the counters of a new session.
pub fn default_statistics() -> Map {
    COUNTERS.iter().map(|key| ((*key).to_owned(), Value::from(0))).collect()
}

/// Applies a merge patch, all keys but `status`, which is the caller's to judge.
///
/// `shown` is the session as it is shown: a fixed key with the value it has anyway is accepted, so
/// that a caller may send back what it read.
///
/// # Errors
/// [`OpError::UnknownField`], [`OpError::ImmutableField`], [`OpError::InvalidValue`]; the session is
/// then half changed and must not be used.
pub fn apply(session: &mut Session, patch: &Map, shown: &Map) -> Result<(), OpError> {
    let mut fields = Fields::new(patch.clone());
    for key in FIXED {
        match fields.take(key) {
            Some(value) if shown.get(key) != Some(&value) => {
                return Err(OpError::ImmutableField { field: key.to_owned() });
            }
            _ => {}
        }
    }
    fields.take("status");
    apply_lines(session, &mut fields)?;
    apply_times(session, &mut fields)?;
    apply_maps(session, &mut fields)?;
    if let Some(field) = fields.keys().next() {
        return Err(unknown(field));
    }
    check_maps(session)
}

/// Returns the error for a key that does not exist.
pub fn unknown(field: &str) -> OpError {
    let known = PATCHABLE.iter().map(|key| (*key).to_owned()).collect();
    OpError::UnknownField { kind: "field", field: field.to_owned(), known }
}

fn apply_lines(session: &mut Session, fields: &mut Fields) -> Result<(), OpError> {
    if let Some(title) = fields.take("title") {
        session.title = match title {
            Value::String(title) => title,
            _ => return Err(OpError::invalid("title", "is not text")),
        };
        check_title(&session.title)?;
    }
    let slots = [
        ("name", &mut session.name),
        ("phase", &mut session.phase),
        ("agent", &mut session.agent),
        ("model", &mut session.model),
        ("role", &mut session.role),
        ("branch", &mut session.branch),
    ];
    for (key, slot) in slots {
        *slot = match fields.take(key) {
            None => continue,
            Some(Value::Null) => None,
            Some(Value::String(line)) => Some(checked(key, line)?),
            Some(_) => return Err(OpError::invalid(key, "is not text")),
        };
    }
    Ok(())
}

fn checked(key: &str, line: String) -> Result<String, OpError> {
    check_line(key, Some(&line))?;
    let is_right = match key {
        "name" => text::is_session_name(&line),
        "branch" => text::is_branch_name(&line),
        "phase" => is_state_name(&line),
        _ => true,
    };
    if is_right {
        Ok(line)
    } else {
        Err(OpError::invalid(key, format!("'{line}' is not a valid {key}")))
    }
}

fn apply_times(session: &mut Session, fields: &mut Fields) -> Result<(), OpError> {
    match fields.take("ended_at") {
        None => {}
        Some(Value::Null) => session.ended_at = None,
        Some(value) => session.ended_at = Some(time("ended_at", value)?),
    }
    if let Some(value) = fields.take("updated_at") {
        session.updated_at = time("updated_at", value)?;
    }
    Ok(())
}

fn time(key: &str, value: Value) -> Result<crate::model::Timestamp, OpError> {
    let mut one = Fields::new([(key.to_owned(), value)].into_iter().collect());
    Ok(one.required(key, Fields::time)?)
}

fn apply_maps(session: &mut Session, fields: &mut Fields) -> Result<(), OpError> {
    let slots = [
        ("links", &mut session.links),
        ("statistics", &mut session.statistics),
        ("configuration", &mut session.configuration),
    ];
    for (key, map) in slots {
        match fields.take(key) {
            None => {}
            Some(Value::Null) => map.clear(),
            Some(Value::Object(patch)) => merge(map, &patch),
            Some(_) => return Err(OpError::invalid(key, "is not a map")),
        }
    }
    if let Some(labels) = fields.take("labels") {
        session.labels = read_labels(labels)?;
    }
    if let Some(git) = fields.take("git") {
        session.git = read_git_patch(&session.git, git)?;
    }
    if let Some(tokens) = fields.take("tokens") {
        apply_tokens(session, tokens)?;
    }
    restore_known_keys(session);
    Ok(())
}

/// Merges a patch into a map: null removes, maps merge, everything else replaces.
///
/// Source: RFC 7386.
fn merge(map: &mut Map, patch: &Map) {
    for (key, value) in patch {
        match value {
            Value::Null => {
                map.shift_remove(key);
            }
            Value::Object(nested) => {
                let slot = map.entry(key.clone()).or_insert_with(|| Map::new().into());
                if !slot.is_object() {
                    *slot = Map::new().into();
                }
                merge(slot.as_object_mut().expect("made one just now"), nested);
            }
            other => {
                map.insert(key.clone(), other.clone());
            }
        }
    }
}

/// A known counter that was removed is 0 again: every session has them all.
fn restore_known_keys(session: &mut Session) {
    for (key, zero) in default_statistics() {
        session.statistics.entry(key).or_insert(zero);
    }
}

fn read_labels(value: Value) -> Result<Vec<String>, OpError> {
    let mut labels = Vec::new();
    let list = match value {
        Value::Null => Vec::new(),
        Value::Array(list) => list,
        _ => return Err(OpError::invalid("labels", "is not a list")),
    };
    for label in list {
        let Value::String(label) = label else {
            return Err(OpError::invalid("labels", "has an entry that is not text"));
        };
        add_label(&mut labels, &label)?;
    }
    Ok(labels)
}

/// Adds a label unless it is there: each is kept once.
///
/// # Errors
/// [`OpError::InvalidValue`].
pub fn add_label(labels: &mut Vec<String>, label: &str) -> Result<(), OpError> {
    check_line("label", Some(label))?;
    if !labels.iter().any(|known| known == label) {
        labels.push(label.to_owned());
    }
    Ok(())
}

fn read_git_patch(git: &GitContext, patch: Value) -> Result<GitContext, OpError> {
    let Value::Object(patch) = patch else {
        return Err(OpError::invalid("git", "is not a map"));
    };
    let mut map = Map::new();
    let mut put = |key: &str, value: Option<Value>| value.map(|it| map.insert(key.into(), it));
    put("branch", git.branch.clone().map(Value::from));
    put("commit", git.commit.clone().map(Value::from));
    put("is_worktree", Some(git.is_worktree.into()));
    put("worktree_name", git.worktree_name.clone().map(Value::from));
    map.extend(git.extra.clone());
    merge(&mut map, &patch);
    // It is computed when shown, and a caller may send back what it was shown.
    map.shift_remove("repo_root");
    let read = read_git(Fields::new(map))
        .map_err(|invalid| OpError::invalid(format!("git.{}", invalid.key), invalid.reason))?;
    match read.extra.keys().find(|key| !git.extra.contains_key(*key)) {
        None => Ok(read),
        Some(key) => Err(unknown(&format!("git.{key}"))),
    }
}

fn apply_tokens(session: &mut Session, patch: Value) -> Result<(), OpError> {
    let Value::Object(patch) = patch else {
        return Err(OpError::invalid("tokens", "is not a map"));
    };
    let mut fields = Fields::new(patch);
    // The sum is computed when shown.
    fields.take("total");
    let tokens = &mut session.tokens;
    let slots = [
        ("input", &mut tokens.input),
        ("output", &mut tokens.output),
        ("cache_read", &mut tokens.cache_read),
        ("cache_write", &mut tokens.cache_write),
    ];
    for (key, slot) in slots {
        if let Some(count) = fields.integer(key, 0..=u64::MAX)? {
            *slot = count;
        }
    }
    Ok(fields.nothing_left()?)
}

/// Checks the open maps: what they know must be right, what they do not know must be storable.
///
/// # Errors
/// [`OpError::InvalidValue`].
pub fn check_maps(session: &Session) -> Result<(), OpError> {
    for key in COUNTERS.into_iter().chain(["iterations"]) {
        let value = session.statistics.get(key);
        let is_right = value.is_none_or(|value| {
            value.as_u64().is_some() || (key == "duration_seconds" && is_positive(value))
        });
        if !is_right {
            return Err(OpError::invalid(format!("statistics.{key}"), "is not a number from 0 on"));
        }
    }
    for (key, value) in &session.configuration {
        let (is_right, reason) = match key.as_str() {
            "max_iterations" | "timeout_minutes" | "max_tokens" => {
                (value.as_u64().is_some_and(|n| n >= 1), "is not an integer from 1 on")
            }
            "auto_checkpoint" | "error_recovery_enabled" => {
                (value.is_boolean(), "is neither true nor false")
            }
            "isolation" => (value.is_string(), "is not a word"),
            _ => continue,
        };
        if !is_right {
            return Err(OpError::invalid(format!("configuration.{key}"), reason));
        }
    }
    let maps = [
        ("links", &session.links),
        ("statistics", &session.statistics),
        ("configuration", &session.configuration),
    ];
    for (name, map) in maps {
        for (key, value) in map {
            check_open_value(&format!("{name}.{key}"), value)?;
        }
    }
    Ok(())
}

fn is_positive(value: &Value) -> bool {
    value.as_f64().is_some_and(|number| number >= 0.0)
}

/// Checks a title.
///
/// # Errors
/// [`OpError::InvalidValue`].
pub fn check_title(title: &str) -> Result<(), OpError> {
    if title.len() > text::MAX_TITLE {
        let reason = format!("too long: {} bytes (at most {})", title.len(), text::MAX_TITLE);
        return Err(OpError::invalid("title", reason));
    }
    if !text::is_line(title, text::MAX_TITLE) {
        return Err(OpError::invalid("title", "is not a single line of printable text"));
    }
    Ok(())
}

/// Checks a text of any number of lines, such as the body of an event: what is too long for a commit
/// that is read again must not be written.
///
/// # Errors
/// [`OpError::InvalidValue`].
pub fn check_text(field: &str, text: &str) -> Result<(), OpError> {
    Fields::new([(field.to_owned(), text.into())].into_iter().collect()).text(field)?;
    Ok(())
}

/// Checks a single-line field that is not empty.
///
/// # Errors
/// [`OpError::InvalidValue`].
pub fn check_line(field: &str, line: Option<&str>) -> Result<(), OpError> {
    match line {
        Some("") => Err(OpError::invalid(field, "is empty")),
        Some(line) if !text::is_line(line, text::MAX_FIELD) => {
            let reason = format!("is not a single line of at most {} bytes", text::MAX_FIELD);
            Err(OpError::invalid(field, reason))
        }
        _ => Ok(()),
    }
}
