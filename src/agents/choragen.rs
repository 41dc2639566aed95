//! Choragen: the journal of its chains, tasks and requests, `events.jsonl`.
//!
//! Source: `{eventType: "task:started", entityType, entityId, chainId?, requestId?, metadata?, id, timestamp}`, 469
//! lines of the project itself. Nobody speaks in it: each line says that something has another state.

use super::out::{Out, keep_rest};
use super::record::Record;
use super::transcript::Reader;
use crate::model::Value;
use crate::model::conversation::{Event, Link, LinkKind, StateChange};

/// Reads the lines of the journal.
#[derive(Debug)]
pub(super) struct Choragen;

impl Reader for Choragen {
    fn read(&mut self, mut record: Record, base: &mut Event, out: &mut Out<'_>) {
        base.at = record.time("timestamp");
        base.id = record.word("id");
        if let Some(id) = &base.id {
            base.copied = out.mark(&(id, base.at));
        }
        let kind = record.peek("eventType").unwrap_or_default().to_owned();
        let Some((what, verb)) = kind.split_once(':').filter(|(_, verb)| !verb.is_empty()) else {
            return out.raw(base, "no type of an event", record.rest());
        };
        out.state.facts.title.get_or_insert_with(|| "Chains, tasks and requests".to_owned());
        out.start("choragen", base.at);
        let entity = record.word("entityId").unwrap_or_default();
        let mut metadata = record.record("metadata").unwrap_or_default();
        let commit = metadata.word("commitHash");
        let change = StateChange {
            machine: Some(format!("{what} {entity}").trim_end().to_owned()),
            from: metadata.word("previousStatus"),
            to: metadata.word("newStatus").unwrap_or_else(|| verb.to_owned()),
            cause: None,
            by: None,
        };
        keep_rest(base, record);
        let metadata = metadata.rest();
        if !metadata.is_empty() {
            let x = base.extra.entry("x").or_insert_with(|| Value::Object(Default::default()));
            x.as_object_mut().map(|it| it.insert("metadata".to_owned(), metadata.into()));
        }
        out.say(base, change);
        if let Some(target) = commit {
            out.say(base, Link { to: LinkKind::Commit, target });
        }
    }
}
