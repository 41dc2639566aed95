//! Up to where HEAD's log was looked at in this work tree, and which session was worked on then.

use std::fs;

use crate::model::{Oid, SessionId};
use crate::ops::Context;
use crate::ops::git_hook::kept;
use crate::store::Store;

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    /// How long the log was, in bytes.
    pub n_bytes: u64,
    /// Where HEAD was at its end.
    pub head: Option<Oid>,
    /// The session that was worked on, and its newest event.
    pub session: Option<(SessionId, Oid)>,
}

impl Seen {
    /// Reads it; `None` if nothing was seen yet.
    pub(super) fn read(store: &Store) -> Option<Seen> {
        Seen::parse(&fs::read_to_string(store.seen_file()).ok()?)
    }

    fn parse(text: &str) -> Option<Seen> {
        let mut words = text.strip_suffix('\n')?.split(' ');
        let n_bytes = words.next()?.parse().ok()?;
        let head = Oid::from_hex(words.next()?);
        let session_id = SessionId::parse(words.next()?);
        let tip = words.next().and_then(Oid::from_hex);
        Some(Seen { n_bytes, head, session: session_id.zip(tip) })
    }

    fn line(&self) -> String {
        let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".into());
        let head = or_none(self.head.map(|it| it.to_string()));
        let session_id = or_none(self.session.map(|it| it.0.to_string()));
        let tip = or_none(self.session.map(|it| it.1.to_string()));
        format!("{} {head} {session_id} {tip}\n", self.n_bytes)
    }

    /// Notes that what is made here from now on is no session's, if the one that was worked on is known.
    pub(super) fn disown(store: &Store, context: &Context) {
        if Seen::read(store).is_some_and(|it| it.session.is_some()) {
            let log = store.head_log_after(u64::MAX).unwrap_or_default();
            let head = log.before.map(|it| it.new);
            Seen { n_bytes: log.n_bytes, head, session: None }.keep(store, context);
        }
    }

    /// Keeps it. Without it a commit that was made where no hook ran is not seen; nothing else depends on it.
    pub(super) fn keep(&self, store: &Store, context: &Context) {
        kept::keep(&store.seen_file(), context, &self.line());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_round_trips_and_nonsense_is_nothing() {
        let oid = Oid::from_hex(&"a".repeat(40));
        let id = SessionId::parse("0199f0c2-1c4d-7abc-8def-0123456789af");
        for seen in [
            Seen { n_bytes: 7, head: oid, session: id.zip(oid) },
            Seen { n_bytes: 0, head: None, session: None },
        ] {
            assert_eq!(Seen::parse(&seen.line()), Some(seen));
        }
        for text in ["", "x y z", "1 -\n", "7 - - -"] {
            assert_eq!(Seen::parse(text), None, "{text:?}");
        }
    }
}
