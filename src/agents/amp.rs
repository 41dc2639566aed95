//! Amp: `~/.local/share/amp/threads/T-<uuid>.json`, one document, written anew each time.
//!
//! Source: files of the document version 220. `inputTokens` is uncached.

use super::blocks::{self, Frame};
use super::out::{Out, blank, first, keep_rest};
use super::record::Record;
use super::transcript::Reader;
use crate::model::conversation::{Event, Role, Usage};

/// Reads Amp's documents.
#[derive(Debug)]
pub(super) struct Amp;

impl Reader for Amp {
    fn read(&mut self, mut thread: Record, base: &mut Event, out: &mut Out<'_>) {
        let messages = thread.list("messages");
        session(thread, out);
        for message in messages {
            match Record::new(message) {
                Ok(it) => self::message(it, out),
                Err(other) => out.raw(base, "no message", other),
            }
        }
    }
}

fn session(mut thread: Record, out: &mut Out<'_>) {
    let at = thread.time("created");
    let mut env = thread.record("env").and_then(|mut it| it.record("initial")).unwrap_or_default();
    let mut platform = env.record("platform").unwrap_or_default();
    let mut tree = env.records("trees").into_iter().next().unwrap_or_default();
    let mut repository = tree.record("repository").unwrap_or_default();
    let facts = &mut out.state.facts;
    facts.session_id = thread.word("id");
    facts.title = thread.word("title");
    facts.version = platform.word("clientVersion");
    facts.cwd = tree.word("uri").map(|it| it.trim_start_matches("file://").to_owned());
    facts.branch = repository.word("ref").map(|it| it.trim_start_matches("refs/heads/").to_owned());
    facts.head = repository.word("sha");
    thread.take("~debug");
    out.start("amp", at);
    if let Some(start) = out.events.last_mut() {
        keep_rest(start, thread);
    }
}

fn message(mut record: Record, out: &mut Out<'_>) {
    let mut base = blank();
    let mut usage = record.record("usage").unwrap_or_default();
    base.at = record.record("meta").unwrap_or_default().time("sentAt").or(usage.time("timestamp"));
    base.id = record.id("messageId");
    let role = record.text("role").and_then(|it| it.parse().ok()).unwrap_or(Role::User);
    let content = record.take("content").unwrap_or_default();
    let model = usage.word("model");
    first(&mut out.state.facts.model, model.as_deref());
    // Its ids count from 0 in each thread.
    let thread = out.state.facts.session_id.clone().unwrap_or_default();
    let id = base.id.as_ref().filter(|_| role == Role::Assistant);
    let msg = id.map(|id| format!("{thread}.{id}"));
    keep_rest(&mut base, record);
    let frame = Frame { msg: msg.clone(), model: model.clone(), ..Frame::default() };
    blocks::say(out, &mut base, role, blocks::blocks(content), frame);
    if usage.has("outputTokens") {
        let usage = Usage {
            msg,
            model,
            input: usage.count("inputTokens"),
            cache_read: usage.count("cacheReadInputTokens"),
            cache_write: usage.count("cacheCreationInputTokens"),
            output: usage.count("outputTokens"),
            ..Usage::default()
        };
        out.say(&mut base, usage);
    }
}
