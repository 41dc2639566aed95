//! Sessions of agents that another tool tells of: its transcript, and the commits that it links.

use std::collections::{BTreeMap, HashSet};
use std::io::Cursor;

use crate::agents::AgentKind;
use crate::model::conversation::{Event, Payload, SourceFile};
use crate::model::{CommitLink, KnownBy, Map, Oid, Session, SessionId, Timestamp};
use crate::ops::change::{self, Draft, Verdict};
use crate::ops::converted::Converted;
use crate::ops::import::{self, Did, Found, Import, Imported};
use crate::ops::ingest::Told;
use crate::ops::{Context, OpError, links, load, record_lines};
use crate::store::Store;

/// What is told of a session.
#[derive(Debug, Clone)]
pub enum Account {
    /// The agent's own transcript.
    Transcript {
        /// Whose it is.
        kind: AgentKind,
        /// Its bytes.
        bytes: Vec<u8>,
    },
    /// Events that the tool tells.
    Events(Box<Converted>),
}

/// A session that another tool tells of.
#[derive(Debug, Clone)]
pub struct Adopted {
    /// Where it is told of, for people.
    pub place: String,
    /// The agent.
    pub agent: String,
    /// The agent's own id of it.
    pub native_id: String,
    /// What is told.
    pub account: Account,
    /// Its commits, with what else is to be said of each.
    pub commits: BTreeMap<(Timestamp, Oid), Map>,
    /// More links of the session.
    pub links: Map,
}

/// Takes a session over, into the one of the agent's own transcript if there is one. What that says is not taken
/// twice. With `is_dry`, only tells what would be done.
///
/// # Errors
/// As [`Import::import`] and [`change::change`].
pub fn adopt(
    store: &Store,
    context: &Context,
    import: &mut Import<'_>,
    adopted: &Adopted,
    is_dry: bool,
) -> Result<Imported, OpError> {
    let (mut found, mut bytes) = found(context, adopted)?;
    let session_id = import.session_for(&found)?;
    let known = match store.tip(session_id)? {
        Some(tip_oid) => Some(load::load_at(store, session_id, tip_oid)?.view.session),
        None => None,
    };
    let joined = known.filter(|it| has_transcript(it, adopted));
    if let (Some(_), Account::Events(converted)) = (&joined, &adopted.account) {
        (found, bytes) = from_events(context, without_words(converted), &adopted.place)?;
    }
    let mut imported = match (joined, &adopted.account) {
        (Some(session), Account::Transcript { .. }) => {
            let told = Told::default();
            Imported { session: Some(session), did: Did::Nothing, n_bytes: 0, told }
        }
        _ => import.import(&found, &mut Cursor::new(bytes), is_dry)?,
    };
    if let Some(session) = imported.session.as_ref().filter(|_| !is_dry) {
        let (session, is_new) = link(store, context, session.id, adopted)?;
        if is_new && imported.did == Did::Nothing {
            imported.did = Did::Updated;
        }
        imported.session = Some(session);
    }
    Ok(imported)
}

/// Tells whether a session has a transcript of the agent's that is not from this tool.
fn has_transcript(session: &Session, adopted: &Adopted) -> bool {
    let is_own = |source: &SourceFile| {
        source.agent == adopted.agent && source.path.as_deref() != Some(&adopted.place)
    };
    session.conversation.sources.iter().any(is_own)
}

/// Returns what is told as a transcript, and its bytes.
fn found(context: &Context, adopted: &Adopted) -> Result<(Found, Vec<u8>), OpError> {
    match &adopted.account {
        Account::Transcript { kind, bytes } => {
            let mut found = import::scout(*kind, &adopted.place, &mut Cursor::new(bytes))?;
            if found.told.facts.session_id.is_none() {
                found.native_id = adopted.native_id.clone();
            }
            Ok((found, bytes.clone()))
        }
        Account::Events(converted) => {
            from_events(context, converted.as_ref().clone(), &adopted.place)
        }
    }
}

/// Returns what events tell, without secrets; they are known again by their bytes.
fn from_events(
    context: &Context,
    converted: Converted,
    place: &str,
) -> Result<(Found, Vec<u8>), OpError> {
    let lines = converted.events.iter().map(crate::format::event::to_line);
    let bytes = lines.map(|line| line + "\n").collect::<String>().into_bytes();
    let bytes = context.redaction.bytes(bytes)?;
    let events = record_lines::read(&bytes, "line")?;
    Ok((Found::of(Converted { events, ..converted }, place), bytes))
}

/// Returns what is told beside what the agent's own transcript says.
fn without_words(converted: &Converted) -> Converted {
    let is_beside = |it: &&Event| matches!(it.payload, Payload::Link(_) | Payload::SessionStart(_));
    let events = converted.events.iter().filter(is_beside).cloned().collect();
    Converted { events, ..converted.clone() }
}

/// Links the commits that are not linked yet; tells whether there were any.
fn link(
    store: &Store,
    context: &Context,
    session_id: SessionId,
    adopted: &Adopted,
) -> Result<(Session, bool), OpError> {
    // Each step finds out itself what is done already.
    let context = Context { op_is_given: false, ..context.clone() };
    let loaded = load::load(store, session_id)?;
    let known = links::commits_of(store, &loaded.snapshot, &loaded.view.session)?;
    let known: HashSet<Oid> = known.iter().map(|it| it.link.commit_oid).collect();
    let mut new = Vec::new();
    for ((_, commit), more) in adopted.commits.iter().filter(|((_, it), _)| !known.contains(it)) {
        let link = links::describe(store, &store.commit(*commit)?, KnownBy::Import);
        // Whoever commits is at work.
        let status = (loaded.view.session.lifecycle == "worker").then(|| "running".to_owned());
        new.push(CommitLink { extra: more.clone(), status, ..link });
    }
    let linked = links::record(store, &context, session_id, &new)?;
    let told = change::change(store, &context, session_id, |view| {
        let mut session = view.session.clone();
        for (key, value) in &adopted.links {
            session.links.entry(key.clone()).or_insert_with(|| value.clone());
        }
        if session == view.session {
            return Ok(Verdict::Nothing);
        }
        let mut draft = Draft::new("import", "import: links".to_owned(), session);
        draft.keeps_updated_at = true;
        Ok(Verdict::Happens(vec![draft]))
    })?;
    Ok((told.view.session, linked.is_new || told.is_new))
}
