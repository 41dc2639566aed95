use schemars::JsonSchema;
use serde::Serialize;

use crate::model::Tokens;
use crate::model::conversation::{Extent, SourceFile};
use crate::ops::grep::Hit;
use crate::ops::record::Recorded;

/// How much of a conversation is kept.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ConversationObject {
    /// How many segments there are.
    pub segments: u64,
    /// How many events were recorded.
    pub events: u64,
    /// How many bytes the segments have.
    pub bytes: u64,
    /// The files that it was taken from, as far as the record has them.
    pub sources: Vec<SourceObject>,
    /// How many more there are.
    pub more_sources: u64,
}

/// A file that a conversation is taken from.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct SourceObject {
    /// Its number, from 1.
    pub n: u64,
    /// The agent that writes it.
    pub agent: String,
    /// The agent's own id of the session.
    pub session_id: Option<String>,
    /// Where it was found, with `~` for the home directory.
    pub path: Option<String>,
    /// How many bytes of it were taken.
    pub offset: u64,
    /// How many of those are kept as they are.
    pub bytes: u64,
}

/// Token counts.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct TokensObject {
    /// Fed, caches not included.
    pub input: u64,
    /// Answered.
    pub output: u64,
    /// Read from the cache.
    pub cache_read: u64,
    /// Written to the cache.
    pub cache_write: u64,
    /// All four.
    pub total: u64,
}

/// The answer to a recording.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct RecordedObject {
    /// The session.
    pub id: String,
    /// How many events were recorded.
    pub recorded: u64,
    /// The number of the first one.
    pub first_seq: Option<u64>,
    /// The number of the last one.
    pub last_seq: Option<u64>,
    /// The full id of the session's newest commit.
    pub tip: String,
}

pub(super) fn object(extent: &Extent) -> ConversationObject {
    ConversationObject {
        segments: extent.n_segments,
        events: extent.n_events,
        bytes: extent.n_bytes,
        sources: extent.sources.iter().map(source).collect(),
        more_sources: extent.n_more_sources,
    }
}

fn source(source: &SourceFile) -> SourceObject {
    SourceObject {
        n: source.n,
        agent: source.agent.clone(),
        session_id: source.session_id.clone(),
        path: source.path.clone(),
        offset: source.offset,
        bytes: source.n_bytes,
    }
}

pub(super) fn tokens(tokens: &Tokens) -> TokensObject {
    TokensObject {
        input: tokens.input,
        output: tokens.output,
        cache_read: tokens.cache_read,
        cache_write: tokens.cache_write,
        total: tokens.total(),
    }
}

/// Returns what came of recording as an object.
pub fn recorded(recorded: &Recorded) -> RecordedObject {
    let view = &recorded.changed.view;
    let (first, last) = recorded.seqs.clone().map(|seqs| (*seqs.start(), *seqs.end())).unzip();
    RecordedObject {
        id: view.session.id.to_string(),
        recorded: recorded.seqs.clone().map_or(0, |seqs| seqs.end() - seqs.start() + 1),
        first_seq: first,
        last_seq: last,
        tip: view.tip.to_string(),
    }
}

/// A line that was found.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct HitObject {
    /// The session.
    pub id: String,
    /// Its short name for people.
    pub handle: String,
    /// title, message, tool or attachment.
    #[serde(rename = "in")]
    pub place: String,
    /// The number of the event of its conversation.
    pub seq: Option<u64>,
    /// The whole line.
    pub line: String,
}

/// Returns a line that was found as an object.
pub fn hit(hit: &Hit) -> HitObject {
    HitObject {
        id: hit.session_id.to_string(),
        handle: hit.session_id.handle().to_string(),
        place: hit.place.as_str().to_owned(),
        seq: hit.seq,
        line: hit.line.clone(),
    }
}
