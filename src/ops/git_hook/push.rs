use std::collections::BTreeSet;

use crate::model::{Oid, SessionId};
use crate::ops::OpError;
use crate::ops::claims::{Claim, Claims, Standing};
use crate::ops::push::{self, Which};
use crate::ops::redaction::Redaction;
use crate::store::{Received, Store};

/// The most commits of one push that are looked at, the newest ones.
const MAX_COMMITS: usize = 1000;
/// Where sessions are, here and there.
const SESSIONS: [&str; 2] = ["refs/sessions/", "refs/sessions-archive/"];

/// What git is about to do with a ref of a remote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefUpdate {
    /// What it names then; null if it is deleted.
    pub new: Oid,
    /// Its full name there.
    pub name: String,
    /// What it names now; null if it is new.
    pub old: Oid,
}

impl RefUpdate {
    /// Reads `<local ref> <local id> <remote ref> <remote id>`. Source: githooks(5), "pre-push".
    pub fn parse(line: &str) -> Option<RefUpdate> {
        let mut words = line.rsplitn(4, ' ');
        let old = Oid::from_hex(words.next()?)?;
        let name = words.next()?.to_owned();
        let new = Oid::from_hex(words.next()?)?;
        words.next()?;
        Some(RefUpdate { new, name, old })
    }
}

/// Sends the sessions that surely made the commits that git is about to send to `remote`, if `session.push` says
/// so: as `push` does, not with a secret in them, and never by force. Returns those that were not sent, and why.
///
/// What is sent here comes by the same hook; since it is refs of sessions alone, nothing comes of that.
///
/// # Errors
/// What [`push::plan`], [`push::refuse_secrets`] and [`push::push`] fail for.
pub fn push(
    store: &Store,
    rules: &Redaction,
    remote: &str,
    updates: &[RefUpdate],
) -> Result<Vec<(String, String)>, OpError> {
    let is_session = |it: &RefUpdate| SESSIONS.iter().any(|place| it.name.starts_with(place));
    let updates = updates.iter().filter(|it| !is_session(it) && !it.new.is_null());
    let (new, old): (Vec<Oid>, Vec<Oid>) = updates.map(|it| (it.new, it.old)).unzip();
    if !store.settings().push || new.is_empty() {
        return Ok(Vec::new());
    }
    let commits = store.commits_not_at(remote, &new, &old, MAX_COMMITS)?;
    let ids = makers(store, &commits)?;
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut plan = push::plan(store, Some(remote), &Which::Named(ids))?;
    push::refuse_secrets(store, rules, &mut plan)?;
    let received = push::push(store, &plan, false)?;
    let rejected = plan.items.iter().zip(received).filter_map(|(item, received)| match received {
        Received::Rejected(reason) => Some((item.session_id.to_string(), reason)),
        Received::New | Received::Updated | Received::Unchanged => None,
    });
    let faults = plan.faults.iter().map(|it| (it.name.clone(), it.reason.clone()));
    Ok(rejected.chain(faults).collect())
}

/// Returns the sessions that made commits, as far as more than one side says so, or this clone does.
fn makers(store: &Store, commits: &[Oid]) -> Result<Vec<SessionId>, OpError> {
    let claims = Claims::new(store);
    let mut ids = BTreeSet::new();
    for commit_oid in commits {
        let all = claims.of(*commit_oid)?.into_iter();
        let sure = all.filter(Claim::is_sure);
        ids.extend(sure.filter(|it| it.standing == Standing::Here).map(|it| it.session_id));
    }
    Ok(ids.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_git_says_what_becomes_of_a_ref() {
        let (new, old) = ("a".repeat(40), "0".repeat(40));
        let oid = |hex: &str| Oid::from_hex(hex).expect("hex");
        let expected =
            RefUpdate { new: oid(&new), name: "refs/heads/main".to_owned(), old: oid(&old) };
        for local in ["refs/heads/main", "HEAD", "main@{one day ago}", "(delete)"] {
            let line = format!("{local} {new} refs/heads/main {old}");
            assert_eq!(RefUpdate::parse(&line), Some(expected.clone()), "{local}");
        }
        for line in ["", "a b c d", &format!("{new} refs/heads/main {old}")] {
            assert_eq!(RefUpdate::parse(line), None, "{line:?}");
        }
    }
}
