//! What some commits, or some sessions, come to: for who reviews them.

use std::collections::{BTreeSet, HashMap};

use crate::model::conversation::{Decision, Event, Payload};
use crate::model::{Oid, Session, SessionId};
use crate::ops::claims::{Claims, Confidence, Standing};
use crate::ops::conversation::Conversation;
use crate::ops::moment::{self, Call};
use crate::ops::{OpError, links, load};
use crate::store::{CommitInfo, Fault, Store};

/// Commands that check work; what stands before them (a directory, a variable) does not count.
const CHECKS: [&str; 21] = [
    "cargo test",
    "cargo clippy",
    "cargo nextest",
    "cargo check",
    "cargo fmt --check",
    "npm test",
    "npm run test",
    "npm run lint",
    "yarn test",
    "pnpm test",
    "npx jest",
    "npx vitest",
    "go test",
    "go vet",
    "pytest",
    "python -m pytest",
    "tox",
    "make test",
    "make check",
    "mvn test",
    "gradle test",
];

/// A commit of a summary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its id.
    pub commit_oid: Oid,
    /// The first line of its message; `None` if it is not here.
    pub subject: Option<String>,
    /// How sure it is that it was made in the session.
    pub confidence: Confidence,
}

/// What a session comes to.
#[derive(Debug, Clone)]
pub struct Part {
    /// The session.
    pub session: Box<Session>,
    /// Its commits, the oldest first.
    pub commits: Vec<Commit>,
    /// What persons asked for, in order.
    pub requests: Vec<String>,
    /// What was decided, in order.
    pub decisions: Vec<Decision>,
    /// The checks that were run: of each command the last time, in order.
    pub checks: Vec<Call>,
}

/// What was asked for.
#[derive(Debug, Default)]
pub struct Summary {
    /// The sessions, in order of their first commits, or as they were named.
    pub parts: Vec<Part>,
    /// Commits of the range that no session is known of.
    pub others: Vec<Commit>,
    /// Sessions that cannot be read, or are not here.
    pub faults: Vec<Fault>,
}

/// Sums up the sessions that the commits of a range were made in; if some are named, only those.
///
/// # Errors
/// [`OpError::Store`].
pub fn of_range(store: &Store, range: &str, named: &[SessionId]) -> Result<Summary, OpError> {
    let claims = Claims::new(store);
    let mut order: Vec<SessionId> = Vec::new();
    let mut made: HashMap<SessionId, Vec<Commit>> = HashMap::new();
    let mut summary = Summary::default();
    let mut missing: BTreeSet<SessionId> = BTreeSet::new();
    for commit_oid in store.commits_in(range)? {
        let info = store.commit(commit_oid)?;
        let mut is_known = false;
        for claim in claims.of(commit_oid)? {
            is_known = true;
            if claim.standing == Standing::Missing {
                missing.insert(claim.session_id);
            } else {
                let commits = made.entry(claim.session_id).or_insert_with(|| {
                    order.push(claim.session_id);
                    Vec::new()
                });
                commits.push(commit(&info, claim.confidence));
            }
        }
        if !is_known {
            summary.others.push(commit(&info, Confidence::Claimed));
        }
    }
    let is_wanted = |id: &SessionId| named.is_empty() || named.contains(id);
    for id in order.into_iter().filter(is_wanted) {
        summary.add(&claims, store, id, made.remove(&id));
    }
    let absent = missing.into_iter().filter(is_wanted);
    let absent = absent.map(|id| Fault::new(id.to_string(), "it is not in this repository"));
    summary.faults.extend(absent.chain(claims.faults().iter().cloned()));
    Ok(summary)
}

/// Sums up sessions, with the commits that they recorded and that nothing stands for now.
pub fn of_sessions(store: &Store, named: &[SessionId]) -> Summary {
    let claims = Claims::new(store);
    let mut summary = Summary::default();
    for id in named {
        summary.add(&claims, store, *id, None);
    }
    summary
}

impl Summary {
    fn add(
        &mut self,
        claims: &Claims<'_>,
        store: &Store,
        id: SessionId,
        commits: Option<Vec<Commit>>,
    ) {
        match part(claims, store, id, commits) {
            Ok(part) => self.parts.push(part),
            Err(error) => self.faults.push(Fault::new(id.to_string(), error.to_string())),
        }
    }
}

fn commit(info: &CommitInfo, confidence: Confidence) -> Commit {
    Commit { commit_oid: info.oid, subject: Some(info.subject().to_owned()), confidence }
}

fn part(
    claims: &Claims<'_>,
    store: &Store,
    id: SessionId,
    commits: Option<Vec<Commit>>,
) -> Result<Part, OpError> {
    let loaded = load::load(store, id)?;
    let commits = match commits {
        Some(commits) => commits,
        None => {
            let made = links::commits_of(store, &loaded.snapshot, &loaded.view.session)?;
            let newest = made.into_iter().filter(|it| it.replaced_by.is_none());
            let told = newest.map(|it| -> Result<Commit, OpError> {
                let commit_oid = it.link.commit_oid;
                let info = store.commit(commit_oid).ok();
                let subject = info.map(|info| info.subject().to_owned());
                let confidence = claims.sureness(id, &it.link)?;
                Ok(Commit { commit_oid, subject, confidence })
            });
            told.collect::<Result<_, _>>()?
        }
    };
    let session = Box::new(loaded.view.session.clone());
    let mut part = Part { session, commits, requests: vec![], decisions: vec![], checks: vec![] };
    part.read(Conversation::of(store, &loaded));
    Ok(part)
}

impl Part {
    fn read(&mut self, events: impl Iterator<Item = Event>) {
        let mut told: Vec<(Option<u64>, What)> = Vec::new();
        let mut replaced: BTreeSet<u64> = BTreeSet::new();
        for event in events.filter(|event| !event.copied) {
            replaced.extend(&event.replaces);
            if let Some(text) = moment::asked(&event) {
                told.push((event.seq, What::Asked(text)));
            }
            match event.payload {
                Payload::Decision(it) => told.push((event.seq, What::Decided(it))),
                Payload::ToolCall(it) => {
                    let call = moment::call(&it);
                    if is_check(&call.input) {
                        told.push((event.seq, What::Checked(it.call, call)));
                    }
                }
                Payload::ToolResult(result) => {
                    let checks = told.iter_mut().rev().filter_map(|(_, what)| match what {
                        What::Checked(id, call) if *id == result.call => Some(call),
                        _ => None,
                    });
                    checks.take(1).for_each(|call| call.is_ok = result.is_ok);
                }
                _ => {}
            }
        }
        let is_live = |(seq, _): &(Option<u64>, What)| seq.is_none_or(|it| !replaced.contains(&it));
        for (_, what) in told.into_iter().filter(is_live) {
            match what {
                What::Asked(text) => self.requests.push(text),
                What::Decided(decision) => self.decisions.push(decision),
                What::Checked(_, call) => {
                    self.checks.retain(|known| known.input != call.input);
                    self.checks.push(call);
                }
            }
        }
    }
}

enum What {
    Asked(String),
    Decided(Decision),
    Checked(String, Call),
}

/// Tells whether a command checks work.
fn is_check(command: &str) -> bool {
    let parts = command.split(['&', ';', '|', '(']).map(str::trim);
    parts.into_iter().any(|part| {
        let is_variable = |word: &&str| word.contains('=') || matches!(*word, "timeout" | "time");
        let words = part.split(' ').skip_while(is_variable).collect::<Vec<_>>().join(" ");
        let begins = |check: &&str| {
            words.strip_prefix(*check).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        };
        CHECKS.iter().any(begins)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_that_check_work_are_known_wherever_they_stand() {
        for command in ["cargo test", "cd x && RUST_LOG=1 cargo test -q | tail", "pytest tests"] {
            assert!(is_check(command), "{command}");
        }
        for command in ["cargo testify", "echo cargo test", "ls", "git commit -m 'pytest'"] {
            assert!(!is_check(command), "{command}");
        }
    }
}
