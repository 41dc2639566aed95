//! Which session each branch of this work tree was left with.

use std::fs;

use crate::model::SessionId;
use crate::ops::Context;
use crate::ops::git_hook::kept;
use crate::store::Store;

/// How many branches are remembered in a work tree.
const MAX_BRANCHES: usize = 500;
/// What the line begins with that says how far HEAD's log was heard of.
const HEARD: &str = "heard";

/// What is remembered of the branches.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Branches {
    /// Which session was current when a branch was left, the latest last.
    left: Vec<(String, SessionId)>,
    /// How long HEAD's log was up to the last switch that was heard of, in bytes. All before it is known.
    pub heard: Option<u64>,
}

impl Branches {
    pub(super) fn read(store: &Store) -> Branches {
        Branches::parse(&fs::read_to_string(store.branches_file()).unwrap_or_default())
    }

    fn parse(text: &str) -> Branches {
        let mut all = Branches::default();
        for (word, rest) in text.lines().filter_map(|line| line.split_once(' ')) {
            match SessionId::parse(word) {
                Some(session_id) => all.left.push((rest.to_owned(), session_id)),
                None if word == HEARD => all.heard = rest.parse().ok(),
                None => {}
            }
        }
        all
    }

    fn text(&self) -> String {
        let heard = self.heard.map(|n_bytes| format!("{HEARD} {n_bytes}\n"));
        let line = |(branch, session_id): &(String, SessionId)| format!("{session_id} {branch}\n");
        heard.into_iter().chain(self.left.iter().map(line)).collect()
    }

    pub(super) fn find(&self, branch: &str) -> Option<SessionId> {
        self.left.iter().find(|(known, _)| known == branch).map(|(_, session_id)| *session_id)
    }

    pub(super) fn remember(&mut self, branch: &str, session_id: SessionId) {
        self.left.retain(|(known, _)| known != branch);
        self.left.push((branch.to_owned(), session_id));
        let n_over = self.left.len().saturating_sub(MAX_BRANCHES);
        self.left.drain(..n_over);
    }

    /// Keeps it. Without it no session comes back by itself; nothing else depends on it.
    pub(super) fn keep(&self, store: &Store, context: &Context) {
        kept::keep(&store.branches_file(), context, &self.text());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_has_the_session_that_it_was_left_with_last() {
        let id = |digit| {
            SessionId::parse(&format!("0199f0c2-1c4d-7abc-8def-0123456789a{digit}")).expect("id")
        };
        let mut known = Branches::default();
        known.remember("main", id(1));
        known.remember("feat/ü x", id(2));
        known.remember("main", id(3));
        assert_eq!((known.find("main"), known.find("none")), (Some(id(3)), None));
        assert_eq!(Branches::parse(&known.text()), known);
        known.heard = Some(77);
        let again = Branches::parse(&format!("{}nonsense\n", known.text()));
        assert_eq!(again, known);
        for n in 0..MAX_BRANCHES {
            known.remember(&n.to_string(), id(4));
        }
        assert_eq!((known.left.len(), known.find("main")), (MAX_BRANCHES, None));
    }
}
