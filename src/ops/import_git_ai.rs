//! The sessions that git-ai tells of in its notes on commits.

use std::collections::BTreeMap;

use crate::format::git_ai::{self, Attested};
use crate::model::conversation::{
    Content, Event, Link, LinkKind, Message, Role, SessionStart, ToolCall,
};
use crate::model::{Map, Oid, Timestamp, Value};
use crate::ops::OpError;
use crate::ops::adopt::{Account, Adopted};
use crate::ops::converted::Converted;
use crate::store::{Store, StoreError};

/// Where the notes are.
const NOTES: &str = "refs/notes/ai";
/// The largest note that is read, in bytes.
const MAX_BYTES: u64 = 64 << 20;

/// What is there.
#[derive(Debug, Default)]
pub struct Told {
    /// The sessions, in the order of their agents and ids.
    pub sessions: Vec<Notes>,
    /// What cannot be read: where, and why.
    pub faults: Vec<(String, String)>,
}

/// One session, in all notes that tell of it.
#[derive(Debug)]
pub struct Notes {
    agent: String,
    native_id: String,
    model: Option<String>,
    /// The commits, with what their notes say of the session, and their subjects.
    commits: BTreeMap<(Timestamp, Oid), (Map, String)>,
    messages: Vec<Value>,
}

/// Looks for the notes of a repository, as far as their commits are here. One that is damaged hides no other.
///
/// # Errors
/// [`OpError::Store`].
pub fn find(store: &Store) -> Result<Told, OpError> {
    let mut told = Told::default();
    let mut sessions: BTreeMap<(String, String), Notes> = BTreeMap::new();
    let Some((_, tip_oid)) = store.refs_like(&[NOTES])?.into_iter().next() else { return Ok(told) };
    for (commit, blob) in store.notes(tip_oid)? {
        let info = match store.commit(commit) {
            Ok(info) => info,
            // A note outlives a commit that was rebased away.
            Err(StoreError::Missing { .. }) => continue,
            Err(error) => return Err(error.into()),
        };
        let note = store.blob(blob, MAX_BYTES).map_err(|error| error.to_string());
        let note = note.and_then(|bytes| git_ai::parse(&String::from_utf8_lossy(&bytes)));
        match note {
            Ok(all) => all.into_iter().for_each(|attested| {
                let key = (attested.agent.clone(), attested.native_id.clone());
                let session = sessions.entry(key).or_insert_with(|| Notes::of(&attested));
                let at = (info.committed_at, commit);
                session.add(at, info.subject().to_owned(), attested);
            }),
            Err(reason) => told.faults.push((format!("{NOTES}:{commit}"), reason)),
        }
    }
    told.sessions.extend(sessions.into_values());
    Ok(told)
}

impl Notes {
    fn of(attested: &Attested) -> Notes {
        Notes {
            agent: attested.agent.clone(),
            native_id: attested.native_id.clone(),
            model: attested.model.clone(),
            commits: BTreeMap::new(),
            messages: Vec::new(),
        }
    }

    /// Adds what one note says. Each tells all that was said until then, so the longest tells everything.
    fn add(&mut self, at: (Timestamp, Oid), subject: String, attested: Attested) {
        let mut said = Map::from_iter([("files".to_owned(), Value::from(attested.files))]);
        said.extend(attested.human.map(|it| ("human_author".to_owned(), Value::from(it))));
        self.commits.insert(at, (said, subject));
        if attested.messages.len() > self.messages.len() {
            self.messages = attested.messages;
        }
    }

    /// Returns where the session is told of, for people.
    pub fn place(&self) -> String {
        format!("git-ai:{}:{}", self.agent, self.native_id)
    }

    /// Returns the session as it is told.
    ///
    /// # Errors
    /// None but for a name that is none.
    pub fn read(self) -> Result<Adopted, OpError> {
        let place = self.place();
        let mut events = self.said();
        let links = self.commits.iter().map(|(at, (said, _))| link(*at, said));
        events.extend(links);
        let first = events.iter().filter_map(|it| it.at).min();
        let start = SessionStart {
            agent: Some(self.agent.clone()),
            model: self.model.clone(),
            ..SessionStart::default()
        };
        let id = Some(self.native_id.clone());
        events.insert(0, Event { id, at: first, ..Event::new(start) });
        let mut converted = Converted::of("git-ai", &self.agent, events, false)?;
        // Where nobody wrote down what was asked, the work tells what it was.
        converted.facts.title = match self.messages.is_empty() {
            true => self.commits.values().next().map(|(_, subject)| subject.clone()),
            false => None,
        };
        Ok(Adopted {
            place,
            agent: self.agent,
            native_id: self.native_id,
            account: Account::Events(Box::new(converted)),
            commits: self.commits.into_keys().map(|at| (at, Map::new())).collect(),
            links: Map::new(),
        })
    }

    /// Returns what was said and done, of older notes.
    fn said(&self) -> Vec<Event> {
        let text = |it: &Value, key: &str| {
            it.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let event = |(message, n): (&Value, u64)| {
            let content = || vec![Content::Text(text(message, "text"))];
            let event = match text(message, "type").as_str() {
                "user" => Event::new(Message::new(Role::User, content())),
                "assistant" => {
                    let model = self.model.clone();
                    Event::new(Message { model, ..Message::new(Role::Assistant, content()) })
                }
                "tool_use" => Event::new(ToolCall {
                    call: format!("git-ai:{n}"),
                    name: text(message, "name"),
                    tool_kind: None,
                    input: message.get("input").cloned().unwrap_or_default(),
                    msg: None,
                    governance: None,
                }),
                _ => return None,
            };
            Some(Event { at: Timestamp::parse(&text(message, "timestamp")), ..event })
        };
        self.messages.iter().zip(1..).filter_map(event).collect()
    }
}

/// Returns the event that links a commit, with the lines that are of the session.
fn link((at, commit): (Timestamp, Oid), said: &Map) -> Event {
    let target = commit.to_string();
    let extra = Map::from_iter([("x".to_owned(), Value::from(said.clone()))]);
    let link = Event::new(Link { to: LinkKind::Commit, target });
    Event { at: Some(at), extra, ..link }
}
