use std::collections::HashSet;

use super::super::{Map, Timestamp};
use super::Payload;

/// One thing that happened in a conversation.
///
/// An event is never changed. A correction is a later event whose `replaces` names the wrong ones.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its number in the stream, from 1, without gaps; `None` until the stream gives it one.
    pub seq: Option<u64>,
    /// When it happened; `None` where nobody wrote it down. Order is `seq`, not this.
    pub at: Option<Timestamp>,
    /// The id that the agent gave it.
    pub id: Option<String>,
    /// The sub-agent that it is of; `None` is the main thread.
    pub thread: Option<String>,
    /// The id of what it follows.
    pub parent: Option<String>,
    /// The id of its turn.
    pub turn: Option<String>,
    /// Where its bytes are; `None` if it was recorded directly.
    pub src: Option<Source>,
    /// Whether it came along from another conversation (a fork, a resume, a compaction) and was
    /// counted there.
    pub copied: bool,
    /// The numbers of the events that it stands for now.
    pub replaces: Vec<u64>,
    /// What happened.
    pub payload: Payload,
    /// Keys that this version does not know, kept as they are.
    pub extra: Map,
}

/// The bytes that an event was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// The number of the source file, from 0.
    pub file: u64,
    /// Where the bytes begin in it.
    pub offset: u64,
    /// How many they are.
    pub n_bytes: u64,
}

impl Event {
    /// Returns an event that says nothing but `payload`.
    pub fn new(payload: impl Into<Payload>) -> Event {
        Event {
            seq: None,
            at: None,
            id: None,
            thread: None,
            parent: None,
            turn: None,
            src: None,
            copied: false,
            replaces: Vec::new(),
            payload: payload.into(),
            extra: Map::new(),
        }
    }

    /// Returns the events of a stream that count: not those that were copied from another conversation,
    /// and not those that a later one stands for.
    pub fn live(events: &[Event]) -> Vec<&Event> {
        let replaced: HashSet<u64> = events.iter().flat_map(|it| &it.replaces).copied().collect();
        let is_live = |it: &&Event| !it.copied && it.seq.is_none_or(|seq| !replaced.contains(&seq));
        events.iter().filter(is_live).collect()
    }

    /// Returns the word for what happened, such as `tool.call`.
    pub fn kind(&self) -> &str {
        self.payload.kind()
    }
}
