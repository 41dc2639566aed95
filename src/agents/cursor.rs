//! Cursor: `~/.cursor/projects/<slug>/agent-transcripts/<id>.jsonl`.
//!
//! Source: files of 2026. A line is `{role, message: {content}}`: no times, no ids, no usage, and mostly
//! no results. So nothing is made up: events have neither, and calls get an id from their place.

use super::blocks::{self, Frame};
use super::out::{Out, keep_rest};
use super::record::Record;
use super::transcript::Reader;
use crate::model::conversation::{Event, Role};

/// Reads Cursor's records.
#[derive(Debug)]
pub(super) struct Cursor;

impl Reader for Cursor {
    fn read(&mut self, mut record: Record, base: &mut Event, out: &mut Out<'_>) {
        base.at = record.time("timestamp");
        base.id = record.id("id");
        let role = record.peek("role").and_then(|it| it.parse().ok());
        let (Some(role), Some(mut message)) = (role, record.record("message")) else {
            return out.raw(base, "no message", record.rest());
        };
        record.text("role");
        out.start("cursor", base.at);
        let content = message.take("content").unwrap_or_default();
        let model = message.word("model");
        keep_rest(base, record);
        let is_answer = role == Role::Assistant;
        let frame = Frame { model: model.filter(|_| is_answer), ..Frame::default() };
        blocks::say(out, base, role, blocks::blocks(content), frame);
    }
}
