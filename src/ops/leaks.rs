//! Secrets that are stored already: looked for in all that a session has, by the present rules.

use std::collections::{BTreeMap, HashSet};

use crate::model::{Oid, SessionId};
use crate::ops::OpError;
use crate::ops::redaction::Redaction;
use crate::store::Store;

/// The largest file that is looked into, in bytes.
const MAX_BYTES: u64 = 256 << 20;

/// A secret in a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leak {
    /// The session.
    pub session_id: SessionId,
    /// The newest of its events that has it.
    pub commit: Oid,
    /// The file in the event's tree; `None` if it is in the commit's message.
    pub path: Option<String>,
    /// What finds it.
    pub rule: String,
}

impl Leak {
    /// Returns where it is, for people.
    pub fn place(&self) -> &str {
        self.path.as_deref().unwrap_or("the message of a commit")
    }
}

/// A search for secrets in sessions.
pub struct Search<'a> {
    store: &'a Store,
    rules: &'a Redaction,
    /// Files without any, which many events have.
    clean: HashSet<Oid>,
}

impl<'a> Search<'a> {
    /// Begins.
    pub fn new(store: &'a Store, rules: &'a Redaction) -> Search<'a> {
        Search { store, rules, clean: HashSet::new() }
    }

    /// Looks through the events of a session from `tip_oid` back, up to and without `base_oid`: at the messages,
    /// and at the files that are not in the tree of `base_oid`. Each place is told once for each rule.
    ///
    /// # Errors
    /// [`OpError::Store`] for what cannot be read: nobody can say what is in there.
    pub fn leaks(
        &mut self,
        session_id: SessionId,
        tip_oid: Oid,
        base_oid: Option<Oid>,
    ) -> Result<Vec<Leak>, OpError> {
        let mut seen = HashSet::new();
        if let Some(base_oid) = base_oid {
            let tree_oid = self.store.commit(base_oid)?.tree_oid;
            self.store.new_files(tree_oid, &mut seen, |_, _| Ok::<_, OpError>(()))?;
        }
        let mut found: BTreeMap<(Option<String>, String), Oid> = BTreeMap::new();
        for commit in self.store.history(tip_oid) {
            let commit = commit?;
            if Some(commit.oid) == base_oid {
                break;
            }
            for rule in self.rules.rules_met(commit.message.as_bytes())? {
                found.entry((None, rule)).or_insert(commit.oid);
            }
            let (store, rules, clean) = (self.store, self.rules, &mut self.clean);
            store.new_files(commit.tree_oid, &mut seen, |path, oid| {
                if clean.contains(&oid) {
                    return Ok(());
                }
                let met = rules.rules_met(&store.blob(oid, MAX_BYTES)?)?;
                if met.is_empty() {
                    clean.insert(oid);
                }
                for rule in met {
                    found.entry((Some(path.to_owned()), rule)).or_insert(commit.oid);
                }
                Ok::<_, OpError>(())
            })?;
        }
        let leak = |((path, rule), commit)| Leak { session_id, commit, path, rule };
        Ok(found.into_iter().map(leak).collect())
    }
}
