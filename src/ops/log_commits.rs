//! The commits that events of a history recorded, by name.

use std::collections::{HashMap, HashSet};

use crate::format::link;
use crate::model::Oid;
use crate::ops::links;
use crate::ops::log::LoggedEvent;
use crate::store::{Entry, Store, StoreError};

/// What comes before the abbreviated id in the subject of an event that recorded one commit.
const ONE: &str = "commit: ";

/// What a session recorded, as far as it was looked at: each file is read once.
struct Recorded<'a> {
    store: &'a Store,
    files: Vec<Entry>,
    is_read: HashSet<String>,
    by_seq: HashMap<u64, Vec<(u64, Oid)>>,
}

/// Fills in what the `commit` events among these recorded, with the first lines of the messages of what is here.
/// `tip_oid` is the newest event. What cannot be read is left out: the history stands by itself.
pub(super) fn fill_in(store: &Store, tip_oid: Oid, events: &mut [LoggedEvent]) {
    let mut events = events.iter_mut().filter(|event| event.kind == "commit").peekable();
    if events.peek().is_none() {
        return;
    }
    let mut recorded = Recorded::of(store, tip_oid).unwrap_or_else(|error| {
        tracing::debug!(%error, "the list of commits is not read");
        Recorded::none(store)
    });
    for event in events {
        let commit_oids = event.seq.map(|seq| recorded.by(seq, one(&event.subject)));
        let named = |oid: Oid| (oid, store.subject_if_here(oid));
        event.commits = commit_oids.unwrap_or_default().into_iter().map(named).collect();
    }
}

impl<'a> Recorded<'a> {
    fn of(store: &'a Store, tip_oid: Oid) -> Result<Recorded<'a>, StoreError> {
        let entries = store.snapshot(tip_oid)?.entries;
        let dir = links::directory(&entries).map(|dir| store.directory(dir)).transpose()?;
        Ok(Recorded { files: dir.unwrap_or_default(), ..Recorded::none(store) })
    }

    fn none(store: &'a Store) -> Recorded<'a> {
        Recorded { store, files: Vec::new(), is_read: HashSet::new(), by_seq: HashMap::new() }
    }

    /// Returns what the event with this number recorded, in order; `prefix` are the first digits of its only commit.
    fn by(&mut self, seq: u64, prefix: Option<&str>) -> Vec<Oid> {
        let is_meant = |name: &str| prefix.is_none_or(|prefix| name.get(..2) == prefix.get(..2));
        for file in self.files.iter().filter(|file| is_meant(&file.name)) {
            if !self.is_read.insert(file.name.clone()) {
                continue;
            }
            let bytes = self.store.blob(file.oid, link::MAX_BYTES).unwrap_or_default();
            for link in bytes.split(|byte| *byte == b'\n').filter_map(link::parse) {
                self.by_seq.entry(link.seq).or_default().push((link.idx, link.commit_oid));
            }
        }
        let mut found = self.by_seq.get(&seq).cloned().unwrap_or_default();
        found.sort_unstable();
        let is_it = |oid: &Oid| prefix.is_none_or(|prefix| oid.to_string().starts_with(prefix));
        found.into_iter().map(|(_, oid)| oid).filter(is_it).collect()
    }
}

/// Returns the first digits of the only commit that an event with this subject recorded.
fn one(subject: &str) -> Option<&str> {
    let digits = subject.strip_prefix(ONE)?;
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    (digits.len() >= 4 && digits.bytes().all(is_digit)).then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_subject_of_an_event_says_which_commit_if_it_is_one() {
        assert_eq!(one("commit: 0a1b2c3"), Some("0a1b2c3"));
        for several in ["commit: 12 commits", "commit: 12", "0a1b2c3", "commit: ", "commit: HEAD"] {
            assert_eq!(one(several), None, "{several}");
        }
    }
}
