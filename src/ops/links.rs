//! The commits that were made in a session: writing them down, and reading them.

use std::collections::{HashMap, HashSet};

use crate::format::link;
use crate::model::{CommitLink, KnownBy, Oid, Session, SessionId, Value};
use crate::ops::change::{self, Changed, Draft, Verdict};
use crate::ops::load::View;
use crate::ops::{Context, OpError};
use crate::store::{CommitInfo, Entry, Snapshot, Store, StoreError};

/// A commit of a session, and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Made {
    /// What is recorded of it.
    pub link: CommitLink,
    /// The newest commit that stands for it now, as recorded; `None` while it stands for itself.
    pub replaced_by: Option<Oid>,
}

/// A commit of a session with the first line of its message; `None` if it is not here.
pub type WithSubject = (Made, Option<String>);

/// Returns the commits that were made in the session that `snapshot` holds, in the order in which they were
/// recorded; those that were replaced, too.
///
/// # Errors
/// [`OpError::Store`] if the list cannot be read. A line that makes no sense is passed over.
pub fn commits_of(
    store: &Store,
    snapshot: &Snapshot,
    session: &Session,
) -> Result<Vec<Made>, OpError> {
    let mut links = read_all(store, &snapshot.entries)?;
    let known: HashSet<Oid> = links.iter().map(|link| link.commit_oid).collect();
    let listed = listed(session).filter(|link| !known.contains(&link.commit_oid));
    links.extend(listed.map(|link| filled_in(store, link)));
    links.sort_by_key(|link| (link.seq, link.idx));
    let successors: HashMap<Oid, Oid> = links
        .iter()
        .flat_map(|link| link.replaces.iter().map(|old| (*old, link.commit_oid)))
        .filter(|(old, new)| old != new)
        .collect();
    let newest = |oid: Oid| {
        let (mut at, mut seen) = (oid, HashSet::from([oid]));
        while let Some(next) = successors.get(&at).filter(|next| seen.insert(**next)) {
            at = *next;
        }
        (at != oid).then_some(at)
    };
    let made = |link: CommitLink| Made { replaced_by: newest(link.commit_oid), link };
    Ok(links.into_iter().map(made).collect())
}

/// Returns commits with the first lines of their messages, which no list has.
pub fn with_subjects(store: &Store, commits: Vec<Made>) -> Vec<WithSubject> {
    let subject = |made: &Made| Some(store.commit(made.link.commit_oid).ok()?.subject().to_owned());
    commits.into_iter().map(|made| (made.clone(), subject(&made))).collect()
}

/// Returns what the session with these entries recorded of a commit: one short file is read.
///
/// # Errors
/// [`OpError::Store`].
pub fn find(
    store: &Store,
    entries: &[Entry],
    commit_oid: Oid,
) -> Result<Option<CommitLink>, OpError> {
    let Some(dir) = directory(entries) else { return Ok(None) };
    let name = link::file_name(commit_oid);
    let files = store.directory(dir)?;
    let Some(file) = files.iter().find(|file| file.name == name) else { return Ok(None) };
    let bytes = store.blob(file.oid, link::MAX_BYTES)?;
    Ok(last_lines(&bytes).into_iter().find(|link| link.commit_oid == commit_oid))
}

/// Reads the lists of all commits of the session with these entries.
///
/// # Errors
/// [`OpError::Store`].
pub fn read_all(store: &Store, entries: &[Entry]) -> Result<Vec<CommitLink>, OpError> {
    let Some(dir) = directory(entries) else { return Ok(Vec::new()) };
    let mut links = Vec::new();
    for file in store.directory(dir)? {
        links.extend(last_lines(&store.blob(file.oid, link::MAX_BYTES)?));
    }
    Ok(links)
}

/// Returns the entries of a record's `commits`, where other programs put them.
pub fn listed(session: &Session) -> impl Iterator<Item = CommitLink> {
    session.commits.iter().filter_map(to_link)
}

/// Returns the entries of a record's `commits` that do not say which commit they are about.
pub fn unclear(session: &Session) -> impl Iterator<Item = &Value> {
    session.commits.iter().filter(|entry| to_link(entry).is_none())
}

fn to_link(entry: &Value) -> Option<CommitLink> {
    match entry {
        Value::Object(map) => link::from_map(map.clone()),
        Value::String(hex) => Some(CommitLink::new(Oid::from_hex(hex)?, KnownBy::Import)),
        _ => None,
    }
}

/// Records commits that were made in a session, in one event. One that is recorded already is passed over,
/// unless it stands for more than is known; where the state then is not said, it is the present one.
///
/// # Errors
/// What [`change::change`] fails for.
pub fn record(
    store: &Store,
    context: &Context,
    session_id: SessionId,
    links: &[CommitLink],
) -> Result<Changed, OpError> {
    change::change(store, context, session_id, |view| {
        let entries = store.snapshot(view.tip)?.entries;
        let mut new = Vec::new();
        for link in links {
            let known = find(store, &entries, link.commit_oid)?;
            // What this clone was told by others is not made its own by being told more.
            let known = known.filter(|known| !is_seen(link) || is_own(store, session_id, known));
            new.extend(news(link, known, view));
        }
        match new.is_empty() {
            true => Ok(Verdict::Nothing),
            false => Ok(Verdict::Happens(vec![event(new, view.session.clone())])),
        }
    })
}

/// Returns the event that records commits, of which there are some.
pub(super) fn event(links: Vec<CommitLink>, session: Session) -> Draft {
    let subject = match &links[..] {
        [link] => format!("commit: {}", link.commit_oid.short()),
        several => format!("commit: {} commits", several.len()),
    };
    Draft { links, ..Draft::new("commit", subject, session) }
}

/// Returns what is to be written of a commit of which `known` is recorded.
fn news(link: &CommitLink, known: Option<CommitLink>, view: &View) -> Option<CommitLink> {
    let Some(mut known) = known else {
        let status = link.status.clone().or_else(|| Some(view.session.status.clone()));
        return Some(CommitLink { status, ..link.clone() });
    };
    let is_more = add_new(&mut known.replaces, &link.replaces)
        | add_new(&mut known.shared_with, &link.shared_with)
        | (link.is_partly && !known.is_partly);
    known.is_partly |= link.is_partly;
    is_more.then_some(known)
}

/// Tells whether this clone itself saw that a commit was made in a session, and wrote that down: then its seal is right.
/// What came with a fetch may say anything.
pub fn is_own(store: &Store, session_id: SessionId, link: &CommitLink) -> bool {
    let is_sealed = |seal: &String| store.is_sealed(&sealed(session_id, link), seal);
    link.seal.as_ref().is_some_and(is_sealed)
}

/// Tells whether a commit is linked because it was seen how it was made, not because somebody else says so.
fn is_seen(link: &CommitLink) -> bool {
    link.known_by != KnownBy::Import
}

/// Returns what is sealed of a link: all that its line says.
fn sealed(session_id: SessionId, link: &CommitLink) -> String {
    let line = link::to_line(&CommitLink { seal: None, ..link.clone() });
    format!("{session_id}\n{line}")
}

/// Adds what is not there yet; tells whether there was any.
fn add_new<T: Copy + PartialEq>(known: &mut Vec<T>, more: &[T]) -> bool {
    let n_known = known.len();
    for it in more {
        if !known.contains(it) {
            known.push(*it);
        }
    }
    known.len() > n_known
}

/// Returns what can be said of a commit that was made in a session.
///
/// # Errors
/// [`StoreError::Missing`], [`StoreError::Corrupt`] if the commit cannot be read.
pub fn describe(store: &Store, commit: &CommitInfo, known_by: KnownBy) -> CommitLink {
    let patch = store.patch(commit).unwrap_or_else(|error| {
        tracing::debug!(%error, "a commit is not compared");
        None
    });
    CommitLink {
        tree_oid: Some(commit.tree_oid),
        parents: commit.parents.clone(),
        patch_id: patch.and_then(|it| it.id),
        size: patch.map(|it| it.size),
        author: Some(commit.author.to_string()),
        authored_at: Some(commit.authored_at),
        committed_at: Some(commit.committed_at),
        ..CommitLink::new(commit.oid, known_by)
    }
}

/// Returns a link with what the commit itself says, as far as it is still here.
fn filled_in(store: &Store, link: CommitLink) -> CommitLink {
    let commit = match link.tree_oid {
        None => store.commit(link.commit_oid).ok(),
        Some(_) => None,
    };
    let Some(commit) = commit else { return link };
    CommitLink {
        tree_oid: Some(commit.tree_oid),
        parents: commit.parents.clone(),
        author: Some(commit.author.to_string()),
        authored_at: Some(commit.authored_at),
        committed_at: Some(commit.committed_at),
        ..link
    }
}

/// Returns the directory that has the lists.
pub(super) fn directory(entries: &[Entry]) -> Option<Oid> {
    entries.iter().find(|entry| entry.name == "commits").map(|entry| entry.oid)
}

/// Reads the lines of a file; of several for one commit the last counts.
fn last_lines(bytes: &[u8]) -> Vec<CommitLink> {
    let mut seen = HashSet::new();
    let lines = bytes.split(|byte| *byte == b'\n').rev().filter_map(link::parse);
    let mut links: Vec<CommitLink> = lines.filter(|link| seen.insert(link.commit_oid)).collect();
    links.reverse();
    links
}

/// The files below `commits` that a write changes.
pub(super) struct Linked<'a> {
    store: &'a Store,
    session_id: SessionId,
    dir: Option<Oid>,
    files: HashMap<String, Vec<u8>>,
}

impl<'a> Linked<'a> {
    /// Begins with what `base` has.
    pub(super) fn on(
        store: &'a Store,
        session_id: SessionId,
        base: Option<&Snapshot>,
    ) -> Linked<'a> {
        let dir = base.and_then(|base| directory(&base.entries));
        Linked { store, session_id, dir, files: HashMap::new() }
    }

    /// Adds a line for each commit, sealed if it was seen here, and returns the files that it changes.
    ///
    /// # Errors
    /// [`OpError::InvalidValue`] for a list that is full, [`OpError::Store`].
    pub(super) fn add(
        &mut self,
        links: Vec<CommitLink>,
        seq: u64,
    ) -> Result<Vec<(String, Vec<u8>)>, OpError> {
        let mut names: Vec<String> = Vec::new();
        for (link, idx) in links.into_iter().zip(0..) {
            let name = link::file_name(link.commit_oid);
            let mut bytes = match self.files.remove(&name) {
                Some(bytes) => bytes,
                None => self.read(&name)?,
            };
            let link = CommitLink { seq, idx, seal: None, ..link };
            let text = is_seen(&link).then(|| sealed(self.session_id, &link));
            let seal = text.and_then(|text| self.store.seal(&text));
            bytes.extend(link::to_line(&CommitLink { seal, ..link }).bytes());
            bytes.push(b'\n');
            if bytes.len() as u64 > link::MAX_BYTES {
                return Err(OpError::invalid("commits", "are too many"));
            }
            self.files.insert(name.clone(), bytes);
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let files = names.into_iter().map(|name| (self.files[&name].clone(), name));
        Ok(files.map(|(bytes, name)| (name, bytes)).collect())
    }

    fn read(&self, name: &str) -> Result<Vec<u8>, StoreError> {
        let Some(dir) = self.dir else { return Ok(Vec::new()) };
        let files = self.store.directory(dir)?;
        let file = files.iter().find(|file| file.name == name);
        let mut bytes = file
            .map(|file| self.store.blob(file.oid, link::MAX_BYTES))
            .transpose()?
            .unwrap_or_default();
        if !bytes.is_empty() && !bytes.ends_with(b"\n") {
            bytes.push(b'\n');
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_lines_for_one_commit_the_last_counts() {
        let oid = |digit: &str| Oid::from_hex(&digit.repeat(40)).expect("hex");
        let link = |digit, seq| CommitLink { seq, ..CommitLink::new(oid(digit), KnownBy::Hook) };
        let lines = [link("a", 1), link("b", 2), link("a", 3)];
        let text: Vec<String> = lines.iter().map(link::to_line).collect();
        let text = format!("{}\nno line\n", text.join("\n"));
        assert_eq!(last_lines(text.as_bytes()), [link("b", 2), link("a", 3)]);
    }
}
