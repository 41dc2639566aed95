//! Factory's Droid: `~/.factory/sessions/**/<id>.jsonl`. The usage is in another file.
//!
//! Source: files of the versions 0.8 and their header version 2.

use super::blocks::{self, Frame};
use super::out::{Out, first, keep_rest};
use super::record::Record;
use super::transcript::Reader;
use crate::model::conversation::{Event, Role};

/// Reads Droid's records.
#[derive(Debug)]
pub(super) struct Droid;

impl Reader for Droid {
    fn read(&mut self, mut record: Record, base: &mut Event, out: &mut Out<'_>) {
        base.at = record.time("timestamp");
        base.id = record.word("id");
        base.parent = record.word("parentId");
        let kind = record.text("type").unwrap_or_default();
        match kind.as_str() {
            "session_start" => session(record, base, out),
            "message" => message(record, base, out),
            _ => out.raw(base, &format!("type '{kind}'"), record.rest()),
        }
    }
}

fn session(mut header: Record, base: &mut Event, out: &mut Out<'_>) {
    let facts = &mut out.state.facts;
    facts.session_id = base.id.take();
    facts.cwd = header.word("cwd");
    facts.title = header.word("sessionTitle").or_else(|| header.word("title"));
    first(&mut facts.version, header.peek("version"));
    facts.parent_session = header.word("parentSessionId");
    out.start("droid", base.at);
    if let Some(start) = out.events.last_mut() {
        keep_rest(start, header);
    }
}

fn message(mut record: Record, base: &mut Event, out: &mut Out<'_>) {
    let Some(mut message) = record.record("message") else {
        return out.raw(base, "no message", record.rest());
    };
    if let Some(id) = &base.id {
        base.copied = out.mark(&(id, base.at));
    }
    let role = message.text("role").and_then(|it| it.parse().ok()).unwrap_or(Role::User);
    let model = message.word("model");
    first(&mut out.state.facts.model, model.as_deref());
    let content = message.take("content").unwrap_or_default();
    let msg = base.id.clone().filter(|_| role == Role::Assistant);
    keep_rest(base, record);
    blocks::say(out, base, role, blocks::blocks(content), Frame { msg, model, ..Frame::default() });
}
