//! The sessions that Entire keeps in a repository: checkpoints with transcripts, on a branch or on refs of their own.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::agents::{AgentKind, recognise};
use crate::format::entire::{self, Slot};
use crate::model::conversation::{Content, Event, Message, Payload, Role, SessionStart};
use crate::model::{Map, Oid, Timestamp};
use crate::ops::adopt::{Account, Adopted};
use crate::ops::converted::Converted;
use crate::ops::{OpError, export};
use crate::store::{Entry, EntryKind, Store, StoreError};

/// Where checkpoints are: on a branch, of here or of a remote, or a ref for each.
const REFS: [&str; 3] = [
    "refs/heads/entire/checkpoints/v1",
    "refs/remotes/*/entire/checkpoints/v1",
    "refs/entire/checkpoints",
];
/// The trailer by which a commit names its checkpoint.
const TRAILER: &str = "Entire-Checkpoint";
/// The file that tells of a session in a checkpoint.
const METADATA: &str = "metadata.json";
/// The largest file of metadata or prompts that is read, in bytes.
const MAX_META: u64 = 1 << 20;
/// The largest transcript that is read, in bytes, and the largest part of one.
const MAX_BYTES: u64 = 256 << 20;
/// How much of a transcript tells whose it is, in bytes.
const HEAD: usize = 256 << 10;

/// What is there.
#[derive(Debug, Default)]
pub struct Told {
    /// The sessions, in the order of their ids. A transcript is read by [`Checkpoints::read`].
    pub sessions: Vec<Checkpoints>,
    /// What cannot be read: where, and why.
    pub faults: Vec<(String, String)>,
}

/// One session, in all of its checkpoints.
#[derive(Debug)]
pub struct Checkpoints {
    native_id: String,
    slots: Vec<Place>,
    commits: BTreeMap<(Timestamp, Oid), Map>,
}

/// One session in one checkpoint.
#[derive(Debug)]
struct Place {
    slot: Slot,
    checkpoint: String,
    files: Vec<Entry>,
}

/// Looks for the checkpoints of a repository. One that is damaged hides no other.
///
/// # Errors
/// [`OpError::Store`].
pub fn find(store: &Store) -> Result<Told, OpError> {
    let mut told = Told::default();
    let mut places: HashMap<String, Vec<Place>> = HashMap::new();
    let mut trees = Trees { store, seen: HashSet::new() };
    for (name, tip_oid) in store.refs_like(&REFS)? {
        for (checkpoint, tree) in trees.checkpoints(&name, tip_oid, &mut told.faults) {
            let read = tree.map_err(OpError::from);
            match read.and_then(|tree| trees.slots(&checkpoint, tree)) {
                Ok(slots) => slots.into_iter().for_each(|place| {
                    places.entry(place.slot.native_id.clone()).or_default().push(place);
                }),
                Err(error) => {
                    told.faults.push((format!("{name}:{checkpoint}"), error.to_string()));
                }
            }
        }
    }
    let mut commits: HashMap<String, Vec<Oid>> = HashMap::new();
    for (commit, checkpoint) in store.commits_with_trailer(TRAILER)? {
        if entire::is_checkpoint(&checkpoint) {
            commits.entry(checkpoint).or_default().push(commit);
        }
    }
    for (native_id, mut slots) in places {
        slots.sort_by(|a, b| (a.slot.at, &a.checkpoint).cmp(&(b.slot.at, &b.checkpoint)));
        let mut session = Checkpoints { native_id, slots, commits: BTreeMap::new() };
        for place in &session.slots {
            for commit in commits.get(&place.checkpoint).into_iter().flatten() {
                let at = store.commit(*commit)?.committed_at;
                let more = [("entire_checkpoint".to_owned(), place.checkpoint.as_str().into())];
                session.commits.insert((at, *commit), more.into_iter().collect());
            }
        }
        told.sessions.push(session);
    }
    told.sessions.sort_by(|a, b| a.native_id.cmp(&b.native_id));
    Ok(told)
}

/// Directories, each of which is read once: the branch of a remote has mostly what ours has, and directories that
/// name one another would have no end.
struct Trees<'s> {
    store: &'s Store,
    seen: HashSet<Oid>,
}

/// The id of a checkpoint, and its directory.
type Found = (String, Result<Oid, StoreError>);

impl Trees<'_> {
    fn directory(&mut self, tree: Oid) -> Result<Vec<Entry>, StoreError> {
        if self.seen.insert(tree) { self.store.directory(tree) } else { Ok(Vec::new()) }
    }

    /// Returns the checkpoints on a ref.
    fn checkpoints(
        &mut self,
        name: &str,
        tip_oid: Oid,
        faults: &mut Vec<(String, String)>,
    ) -> Vec<Found> {
        let root = self.store.commit(tip_oid).map(|commit| commit.tree_oid);
        let id = name.rsplit('/').next().unwrap_or_default();
        if name.starts_with("refs/entire/") {
            return entire::is_checkpoint(id).then(|| (id.to_owned(), root)).into_iter().collect();
        }
        let shards = root.and_then(|root| self.directory(root)).unwrap_or_else(|error| {
            faults.push((name.to_owned(), error.to_string()));
            Vec::new()
        });
        let mut found = Vec::new();
        for shard in shards.into_iter().filter(|it| it.kind == EntryKind::Tree) {
            match self.directory(shard.oid) {
                Ok(entries) => found.extend(entries.into_iter().filter_map(|entry| {
                    let id = format!("{}{}", shard.name, entry.name);
                    let is_one = entry.kind == EntryKind::Tree && entire::is_checkpoint(&id);
                    is_one.then_some((id, Ok(entry.oid)))
                })),
                Err(error) => found.push((shard.name, Err(error))),
            }
        }
        found
    }

    /// Reads the sessions of a checkpoint: directories that are named by numbers.
    fn slots(&mut self, checkpoint: &str, tree: Oid) -> Result<Vec<Place>, OpError> {
        let mut slots = Vec::new();
        for entry in self.directory(tree)? {
            if entry.kind != EntryKind::Tree || !entry.name.bytes().all(|c| c.is_ascii_digit()) {
                continue;
            }
            let files = self.directory(entry.oid)?;
            let is_it = |it: &&Entry| it.name == METADATA && it.kind == EntryKind::Blob;
            let Some(metadata) = files.iter().find(is_it) else { continue };
            let map = export::parse(&self.store.blob(metadata.oid, MAX_META)?)?;
            let none = || OpError::invalid(METADATA, "it names no session");
            let slot = entire::slot(&map).ok_or_else(none)?;
            slots.push(Place { slot, checkpoint: checkpoint.to_owned(), files });
        }
        Ok(slots)
    }
}

impl Checkpoints {
    /// Returns where the session is told of, for people.
    pub fn place(&self) -> String {
        format!("entire:{}", self.native_id)
    }

    /// Reads what the checkpoints hold of the session. What cannot be read is told to `fault`.
    ///
    /// # Errors
    /// [`OpError::InvalidValue`] for a name of an agent that is none.
    pub fn read(
        self,
        store: &Store,
        mut fault: impl FnMut(String, String),
    ) -> Result<Adopted, OpError> {
        let place = self.place();
        let mut whole = Vec::new();
        let mut last = None;
        for slot in &self.slots {
            let parts = parts(&slot.files);
            if parts.is_empty() || last.as_ref() == Some(&parts) {
                continue;
            }
            match transcript(store, &parts) {
                Ok(bytes) => entire::join(&mut whole, bytes),
                Err(error) => fault(format!("{place} ({})", slot.checkpoint), error.to_string()),
            }
            last = Some(parts);
        }
        let told = self.slots.iter().rev().find_map(|it| it.slot.agent);
        let by_content = recognise(&whole[..whole.len().min(HEAD)], None);
        let kind = by_content.or_else(|| told?.parse().ok());
        let agent = kind.unwrap_or(AgentKind::Unknown).to_string();
        let account = match kind {
            Some(kind) if !whole.is_empty() => Account::Transcript { kind, bytes: whole },
            _ => {
                let prompts = self.prompts(store);
                Account::Events(Box::new(Converted::of("entire", &agent, prompts, false)?))
            }
        };
        let links = [("entire_session".to_owned(), self.native_id.as_str().into())];
        let (native_id, commits) = (self.native_id, self.commits);
        Ok(Adopted {
            place,
            agent,
            native_id,
            account,
            commits,
            links: links.into_iter().collect(),
        })
    }

    /// Returns what the person asked for, of a session whose transcript is not there.
    fn prompts(&self, store: &Store) -> Vec<Event> {
        let branch = self.slots.iter().rev().find_map(|it| it.slot.branch.clone());
        let start = SessionStart { branch, ..SessionStart::default() };
        let at = self.slots.first().and_then(|it| it.slot.at);
        let id = Some(self.native_id.clone());
        let mut events = vec![Event { id, at, ..Event::new(Payload::SessionStart(start)) }];
        let mut said = Vec::new();
        for slot in &self.slots {
            let file = slot.files.iter().find(|it| it.name == "prompt.txt");
            let bytes = file.and_then(|file| store.blob(file.oid, MAX_META).ok());
            let text = String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned();
            for prompt in entire::prompts(&text) {
                if said.iter().all(|it| it != prompt) {
                    let content = vec![Content::Text(prompt.to_owned())];
                    let message = Message::new(Role::User, content);
                    events.push(Event { at: slot.slot.at, ..Event::new(message) });
                    said.push(prompt.to_owned());
                }
            }
        }
        events
    }
}

/// Returns the parts of a transcript: `full.jsonl`, `full.jsonl.001`, ...
fn parts(files: &[Entry]) -> Vec<Oid> {
    let is_part = |name: &str| {
        let rest = name.strip_prefix("full.jsonl");
        rest.is_some_and(|rest| {
            let number = rest.strip_prefix('.').unwrap_or_default();
            rest.is_empty() || (number.len() == 3 && number.bytes().all(|c| c.is_ascii_digit()))
        })
    };
    let mut parts: Vec<&Entry> =
        files.iter().filter(|it| it.kind == EntryKind::Blob && is_part(&it.name)).collect();
    parts.sort_by(|a, b| a.name.cmp(&b.name));
    parts.into_iter().map(|it| it.oid).collect()
}

fn transcript(store: &Store, parts: &[Oid]) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::new();
    for part in parts {
        let left = MAX_BYTES.saturating_sub(bytes.len() as u64);
        bytes.extend(store.blob(*part, left)?);
    }
    Ok(bytes)
}
