//! `session.yaml`: the whole record of a session, as stored. See `FORMAT.md`, "The record".
//!
//! Reading goes through a map, so that unknown keys are kept and every fault is named by its key;
//! writing puts the keys in the one fixed order.

use super::fields::{Fields, Invalid};
use super::{extent, yaml};
use crate::model::{
    Artifact, GitContext, Map, Session, SessionId, Timestamp, Tokens, Value, Worker, text,
};

/// The version that is written.
pub const VERSION: u64 = 1;
/// The largest record, in bytes.
pub const MAX_BYTES: usize = 64 * 1024;
/// The largest number of events: far above what a session has, far below what could wrap.
pub const MAX_SEQ: u64 = 1 << 48;

/// Why a record cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// It is larger than [`MAX_BYTES`].
    #[error("the record has {n_bytes} bytes (at most {MAX_BYTES})")]
    TooLarge {
        /// Its size.
        n_bytes: usize,
    },
    /// It is not the YAML that a record is made of.
    #[error(transparent)]
    Yaml(#[from] yaml::YamlError),
    /// A newer program wrote it.
    #[error("the record has version {version}, and this git-session knows version {VERSION}")]
    Version {
        /// What it says.
        version: String,
    },
    /// A field is missing or wrong.
    #[error(transparent)]
    Invalid(#[from] Invalid),
}

/// Reads a record.
///
/// # Errors
/// [`RecordError`], in every case in bounded time and memory.
pub fn parse(bytes: &[u8]) -> Result<Session, RecordError> {
    if bytes.len() > MAX_BYTES {
        return Err(RecordError::TooLarge { n_bytes: bytes.len() });
    }
    from_map(yaml::parse_map(bytes)?)
}

/// Reads a record that is a map already.
///
/// # Errors
/// [`RecordError::Version`], [`RecordError::Invalid`].
pub fn from_map(map: Map) -> Result<Session, RecordError> {
    let mut fields = Fields::new(map);
    check_version(&mut fields)?;
    let session = read_session(&mut fields)?;
    Ok(Session { extra: fields.rest()?, ..session })
}

/// Writes a record as block YAML, one key a line.
///
/// # Errors
/// [`RecordError::TooLarge`].
pub fn to_yaml(session: &Session) -> Result<String, RecordError> {
    let text = yaml::write_map(&to_map(session));
    if text.len() > MAX_BYTES {
        return Err(RecordError::TooLarge { n_bytes: text.len() });
    }
    Ok(text)
}

fn check_version(fields: &mut Fields) -> Result<(), RecordError> {
    match fields.take("version") {
        Some(Value::Number(number)) if number.as_u64() == Some(VERSION) => Ok(()),
        Some(other) => Err(RecordError::Version { version: other.to_string() }),
        None => Err(Invalid::missing("version").into()),
    }
}

fn read_session(fields: &mut Fields) -> Result<Session, Invalid> {
    let id = fields.required("id", Fields::id)?;
    Ok(Session {
        id,
        seq: fields.required("seq", |f, key| f.integer(key, 1..=MAX_SEQ))?,
        name: fields.line("name")?,
        title: fields.required("title", |f, key| f.line_up_to(key, text::MAX_TITLE))?,
        lifecycle: fields.required("lifecycle", Fields::line)?,
        status: fields.required("status", Fields::line)?,
        paused_from: fields.line("paused_from")?,
        phase: fields.line("phase")?,
        outcome: fields.word("outcome")?,
        reason: fields.text("reason")?,
        created_at: fields.required("created_at", Fields::time)?,
        updated_at: fields.required("updated_at", Fields::time)?,
        started_at: fields.time("started_at")?,
        ended_at: fields.time("ended_at")?,
        author: fields.required("author", Fields::line)?,
        agent: fields.line("agent")?,
        model: fields.line("model")?,
        role: fields.line("role")?,
        parent: fields.id("parent")?,
        git: fields.map("git")?.map(read_git).transpose()?.unwrap_or_default(),
        branch: fields.branch("branch")?,
        links: fields.map("links")?.map(Fields::rest).transpose()?.unwrap_or_default(),
        labels: fields.lines("labels")?,
        statistics: fields.map("statistics")?.map(Fields::rest).transpose()?.unwrap_or_default(),
        configuration: fields
            .map("configuration")?
            .map(Fields::rest)
            .transpose()?
            .unwrap_or_default(),
        tokens: fields.map("tokens")?.map(tokens).transpose()?.unwrap_or_default(),
        conversation: fields
            .map("conversation")?
            .map(extent::read)
            .transpose()?
            .unwrap_or_default(),
        commits: fields.list("commits")?,
        checkpoints: fields.list("checkpoints")?,
        artifacts: fields
            .maps("artifacts")?
            .into_iter()
            .map(read_artifact)
            .collect::<Result<_, _>>()?,
        worker: fields.map("worker")?.map(read_worker).transpose()?,
        extra: Map::new(),
    })
}

/// Reads a git context, as it is stored and as a caller may give it.
pub(crate) fn read_git(mut fields: Fields) -> Result<GitContext, Invalid> {
    let git = GitContext {
        branch: fields.branch("branch")?,
        commit: fields.commit("commit")?,
        is_worktree: fields.boolean("is_worktree")?.unwrap_or_default(),
        worktree_name: fields.line("worktree_name")?,
        extra: fields.rest()?,
    };
    Ok(git)
}

pub(super) fn tokens(mut fields: Fields) -> Result<Tokens, Invalid> {
    let mut count = |key| Ok(fields.integer(key, 0..=u64::MAX)?.unwrap_or_default());
    Ok(Tokens {
        input: count("input")?,
        output: count("output")?,
        cache_read: count("cache_read")?,
        cache_write: count("cache_write")?,
        extra: fields.rest()?,
    })
}

fn read_artifact(mut fields: Fields) -> Result<Artifact, Invalid> {
    let artifact = Artifact {
        name: fields.required("name", Fields::line)?,
        role: fields.line("as")?,
        version: fields.line("version")?,
        n_bytes: fields.required("bytes", |f, key| f.integer(key, 0..=u64::MAX))?,
        attached_at: fields.required("attached_at", Fields::time)?,
        extra: fields.rest()?,
    };
    if !text::is_artifact_name(&artifact.name) {
        return Err(Invalid::new("artifacts.name", "is no plain file name"));
    }
    Ok(artifact)
}

fn read_worker(mut fields: Fields) -> Result<Worker, Invalid> {
    let worker = Worker {
        pid: fields.required("pid", |f, key| f.integer(key, 2..=u64::from(u32::MAX >> 1)))? as u32,
        host: fields.required("host", Fields::line)?,
        started_at: fields.required("started_at", Fields::time)?,
        command: fields.lines("command")?,
        extra: fields.rest()?,
    };
    Ok(worker)
}

/// Returns the record as a map, in the fixed order, without what is unset or empty.
pub fn to_map(session: &Session) -> Map {
    let mut out = Writer(Map::new());
    out.put("version", VERSION);
    out.put("id", session.id.to_string());
    out.put("seq", session.seq);
    out.put_some("name", &session.name);
    out.put("title", session.title.as_str());
    out.put("lifecycle", session.lifecycle.as_str());
    out.put("status", session.status.as_str());
    out.put_some("paused_from", &session.paused_from);
    out.put_some("phase", &session.phase);
    out.put_some("outcome", &session.outcome.map(|outcome| outcome.to_string()));
    out.put_some("reason", &session.reason);
    out.put("created_at", session.created_at.to_string());
    out.put("updated_at", session.updated_at.to_string());
    out.put_time("started_at", session.started_at);
    out.put_time("ended_at", session.ended_at);
    out.put("author", session.author.as_str());
    out.put_some("agent", &session.agent);
    out.put_some("model", &session.model);
    out.put_some("role", &session.role);
    out.put_some("parent", &session.parent.map(|id: SessionId| id.to_string()));
    out.put_map("git", git_map(&session.git));
    out.put_some("branch", &session.branch);
    out.put_map("links", session.links.clone());
    out.put_list("labels", session.labels.iter().map(|l| l.as_str().into()));
    out.put_map("statistics", session.statistics.clone());
    out.put_map("configuration", session.configuration.clone());
    out.put_map("tokens", tokens_map(&session.tokens));
    out.put_map("conversation", extent::to_map(&session.conversation));
    out.put_list("commits", session.commits.iter().cloned());
    out.put_list("checkpoints", session.checkpoints.iter().cloned());
    out.put_list("artifacts", session.artifacts.iter().map(artifact_value));
    out.put_map("worker", session.worker.as_ref().map(worker_map).unwrap_or_default());
    out.put_rest(&session.extra);
    out.0
}

fn git_map(git: &GitContext) -> Map {
    let mut out = Writer(Map::new());
    out.put_some("branch", &git.branch);
    out.put_some("commit", &git.commit);
    out.put("is_worktree", git.is_worktree);
    out.put_some("worktree_name", &git.worktree_name);
    out.put_rest(&git.extra);
    out.0
}

pub(super) fn tokens_map(tokens: &Tokens) -> Map {
    let mut out = Writer(Map::new());
    if *tokens != Tokens::default() {
        out.put("input", tokens.input);
        out.put("output", tokens.output);
        out.put("cache_read", tokens.cache_read);
        out.put("cache_write", tokens.cache_write);
        out.put_rest(&tokens.extra);
    }
    out.0
}

fn artifact_value(artifact: &Artifact) -> Value {
    let mut out = Writer(Map::new());
    out.put("name", artifact.name.as_str());
    out.put_some("as", &artifact.role);
    out.put_some("version", &artifact.version);
    out.put("bytes", artifact.n_bytes);
    out.put("attached_at", artifact.attached_at.to_string());
    out.put_rest(&artifact.extra);
    Value::Object(out.0)
}

fn worker_map(worker: &Worker) -> Map {
    let mut out = Writer(Map::new());
    out.put("pid", worker.pid);
    out.put("host", worker.host.as_str());
    out.put("started_at", worker.started_at.to_string());
    out.put_list("command", worker.command.iter().map(|word| word.as_str().into()));
    out.put_rest(&worker.extra);
    out.0
}

/// A map being filled, in which nothing unset or empty is written.
struct Writer(Map);

impl Writer {
    fn put(&mut self, key: &str, value: impl Into<Value>) {
        self.0.insert(key.to_owned(), value.into());
    }

    fn put_some(&mut self, key: &str, value: &Option<String>) {
        if let Some(value) = value {
            self.put(key, value.as_str());
        }
    }

    fn put_time(&mut self, key: &str, time: Option<Timestamp>) {
        self.put_some(key, &time.map(|time| time.to_string()));
    }

    fn put_map(&mut self, key: &str, map: Map) {
        if !map.is_empty() {
            self.put(key, map);
        }
    }

    fn put_rest(&mut self, unknown: &Map) {
        for (key, value) in unknown {
            self.put(key, value.clone());
        }
    }

    fn put_list(&mut self, key: &str, list: impl Iterator<Item = Value>) {
        let list: Vec<Value> = list.collect();
        if !list.is_empty() {
            self.put(key, list);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Outcome;

    const RECORD: &str = "\
version: 1
id: 0199f0c2-1c4d-7abc-8def-0123456789af
seq: 3
name: fix-auth
title: Add user authentication
lifecycle: feature
status: paused
paused_from: planning
phase: plan
outcome: success
reason: |-
  waiting for review

  of two people
created_at: \"2026-01-07T13:02:57.119275Z\"
updated_at: \"2026-01-07T13:03:15.123456Z\"
started_at: \"2026-01-07T13:02:58.000000Z\"
author: Ada <ada@example.com>
agent: claude-code
git:
  branch: main
  commit: 8ad4d6f1c28ad4d6f1c28ad4d6f1c28ad4d6f1c2
  is_worktree: false
  x_nested: kept
branch: feat/auth
links:
  issue: FEAT-0098
  prd:
    filename: prd.md
labels:
  - urgent
statistics:
  total_tasks: 10
tokens:
  input: 1
  output: 2
  cache_read: 3
  cache_write: 4
artifacts:
  - name: prd.md
    as: prd
    bytes: 12
    attached_at: \"2026-01-07T13:03:15.123456Z\"
worker:
  pid: 4121
  host: vm
  started_at: \"2026-01-07T13:02:58.000000Z\"
  command:
    - claude
    - --resume
x_unknown:
  kept: true
";

    fn error(change: impl FnOnce(&str) -> String) -> String {
        parse(change(RECORD).as_bytes()).expect_err("must be refused").to_string()
    }

    #[test]
    fn a_record_round_trips_byte_for_byte_with_its_unknown_keys() {
        let session = parse(RECORD.as_bytes()).expect("valid");
        assert_eq!(session.outcome, Some(Outcome::Success));
        assert_eq!(session.extra["x_unknown"]["kept"], true);
        assert_eq!(to_yaml(&session).expect("small"), RECORD);
    }

    #[test]
    fn line_ends_of_another_system_change_nothing() {
        let session = parse(RECORD.replace('\n', "\r\n").as_bytes()).expect("valid");
        assert_eq!(to_yaml(&session).expect("small"), RECORD);
    }

    #[test]
    fn a_newer_version_is_named_and_not_read() {
        let text = error(|record| record.replace("version: 1", "version: 2"));
        assert_eq!(text, "the record has version 2, and this git-session knows version 1");
    }

    #[test]
    fn every_wrong_field_is_named() {
        for (from, to, expected) in [
            ("seq: 3", "seq: 18446744073709551615", "field 'seq' is not an integer from 1 to"),
            ("id: 0199", "id: ../0199", "field 'id' is not a UUID"),
            ("title: Add", "titel: Add", "field 'title' is missing"),
            ("branch: feat", "branch: --feat", "field 'branch' is not a valid branch name"),
            (
                "outcome: success",
                "outcome: banana",
                "field 'outcome' has the unknown value 'banana'",
            ),
            ("pid: 4121", "pid: 0", "field 'pid' is not an integer from 2 to"),
            ("pid: 4121", "pid: -1", "field 'pid' is not an integer from 2 to"),
            ("pid: 4121", "pid: \"12\"", "field 'pid' is not an integer from 2 to"),
            ("total_tasks: 10", "total_tasks: null", "field 'total_tasks' is null"),
            ("commit: 8ad4d6f1", "commit: 8ad4", "field 'commit' is not the full id of a commit"),
            ("2026-01-07T13:02:57.119275Z", "2026-02-30T13:02:57Z", "field 'created_at' is not"),
            ("- name: prd.md", "- name: ../prd.md", "is no plain file name"),
            ("title: Add", "title: \"a\\eb\" # Add", "field 'title' is not a single line"),
        ] {
            let text = error(|record| record.replacen(from, to, 1));
            assert!(text.contains(expected), "{from} -> {to}: {text}");
        }
    }

    #[test]
    fn a_record_over_the_cap_is_neither_read_nor_written() {
        let huge = "x".repeat(MAX_BYTES + 1);
        assert!(matches!(parse(huge.as_bytes()), Err(RecordError::TooLarge { .. })));
        let mut session = parse(RECORD.as_bytes()).expect("valid");
        session.extra.insert("x".into(), huge.into());
        assert!(matches!(to_yaml(&session), Err(RecordError::TooLarge { .. })));
    }
}
