use super::super::{Map, Tokens};
use super::Event;

/// How much of a conversation is kept, as the record tells it: all that an append needs to know.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Extent {
    /// How many segments there are.
    pub n_segments: u64,
    /// How many events were recorded; the newest has this number.
    pub n_events: u64,
    /// How many bytes the segments have.
    pub n_bytes: u64,
    /// The first files that it was taken from, by number; at most [`Extent::MAX_SOURCES`] of a new writer.
    pub sources: Vec<SourceFile>,
    /// How many more there are, which are not in the record but beside the segments.
    pub n_more_sources: u64,
    /// The newest usages that a later usage of the same answer would stand for.
    pub usages: Vec<Event>,
    /// Keys that this version does not know, kept as they are.
    pub extra: Map,
}

impl Extent {
    /// The most `usages` that are remembered from call to call.
    pub const MAX_USAGES: usize = 4;
    /// The most `sources` that a record gets.
    pub const MAX_SOURCES: usize = 8;
}

/// A file that a conversation is taken from, and how far.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SourceFile {
    /// Its number, from 1.
    pub n: u64,
    /// The agent that writes it; `record` for a file of events.
    pub agent: String,
    /// The agent's own id of the session.
    pub session_id: Option<String>,
    /// Where it was found, with `~` for the home directory.
    pub path: Option<String>,
    /// How many bytes of it were taken.
    pub offset: u64,
    /// How many of those are kept as they are, in segments of its own.
    pub n_bytes: u64,
    /// How often it was written anew.
    pub generation: u64,
    /// What names the first bytes of what was taken, to notice that they were rewritten.
    pub head: Option<String>,
    /// What names the last bytes of what was taken.
    pub tail: Option<String>,
    /// The id of its first record that has one. A file with the same one is a copy, or was copied.
    pub root: Option<String>,
    /// How many of the first bytes that are kept are copies of what is kept of another file.
    pub n_copied: u64,
    /// The tokens that were counted in it.
    pub tokens: Tokens,
    /// What counting later tokens needs to know of earlier ones; the agent's reader says what.
    pub memory: Map,
    /// Keys that this version does not know, kept as they are.
    pub extra: Map,
}
