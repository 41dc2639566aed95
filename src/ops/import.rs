//! Agents' transcripts as sessions: each session of an agent is one of ours, which is found again by the
//! agent's own id.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io::{Read as _, SeekFrom};
use std::path::Path;
use std::rc::Rc;

use crate::agents::{self, AgentKind, Lineage};
use crate::lifecycle::{Intent, builtin};
use crate::model::{Class, Map, Outcome, Session, SessionId, Timestamp, text};
use crate::ops::converted::Converted;
use crate::ops::create::{self, NewSession};
use crate::ops::ingest::{self, Bytes, Foreign, Told};
use crate::ops::lineage::Kept;
use crate::ops::transition::{self, Request, Target};
use crate::ops::{Context, OpError, load, title};
use crate::store::Store;

/// How much of a file is read to know what it is about, in bytes.
const HEAD: u64 = 1 << 20;
/// The longest title that is made of a prompt, in characters.
const MAX_TITLE: usize = 72;
/// An agent that has said nothing for so long has ended, in seconds.
const IS_OVER: i64 = 60 * 60;

/// A transcript to be imported.
#[derive(Debug, Clone)]
pub struct Found {
    /// Whose it is.
    pub kind: AgentKind,
    /// Where it is, with `~` for the home directory.
    pub path: String,
    /// The agent's own id of its session, or what stands for one.
    pub native_id: String,
    /// What its beginning tells.
    pub told: Told,
    /// What somebody else made of it, if no reader here knows it.
    pub converted: Option<Rc<Converted>>,
}

impl Found {
    /// Returns what is known of a transcript of which somebody else made events.
    pub fn of(converted: Converted, path: &str) -> Found {
        let told = ingest::told_by(&converted);
        let native_id = native_id(AgentKind::Unknown, &told, path);
        let (kind, path) = (AgentKind::Unknown, path.to_owned());
        Found { kind, path, native_id, told, converted: Some(Rc::new(converted)) }
    }

    /// Returns the name of the agent program.
    pub fn program(&self) -> &str {
        let own = || self.kind.name_at(Some(&self.path));
        self.converted.as_ref().map_or_else(own, |it| &it.agent)
    }

    /// Returns the name of the agent by which its sessions are found.
    fn agent(&self) -> &str {
        self.converted.as_ref().map_or(self.kind.as_str(), |it| &it.agent)
    }
}

/// Returns the agent's own id of its session; its path, if it has none. Cursor tells it in the name of the file only.
fn native_id(kind: AgentKind, told: &Told, path: &str) -> String {
    let stem = Path::new(path).file_stem().and_then(OsStr::to_str);
    let named = stem.filter(|it| kind == AgentKind::Cursor && SessionId::parse(it).is_some());
    let native_id = told.facts.session_id.as_deref().or(named);
    native_id.filter(|it| text::is_line(it, text::MAX_FIELD)).unwrap_or(path).to_owned()
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Did {
    /// A session was made.
    Created,
    /// Something was added to a session.
    Updated,
    /// Everything was there.
    Nothing,
}

impl Did {
    /// Returns the word that is shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Did::Created => "created",
            Did::Updated => "updated",
            Did::Nothing => "unchanged",
        }
    }
}

/// What came of a transcript.
#[derive(Debug, Clone)]
pub struct Imported {
    /// The session; `None` if it would have been made.
    pub session: Option<Session>,
    /// What was done, or would be.
    pub did: Did,
    /// How many bytes were added.
    pub n_bytes: u64,
    /// What they say.
    pub told: Told,
}

/// Looks what a transcript is about.
///
/// # Errors
/// [`OpError::Transcript`].
pub fn scout(kind: AgentKind, path: &str, file: &mut dyn Bytes) -> Result<Found, OpError> {
    let mut read = |max| {
        let mut head = Vec::new();
        let result = file.seek(SeekFrom::Start(0));
        let result = result.and_then(|_| (&mut *file).take(max).read_to_end(&mut head));
        result.map_err(|error| OpError::Transcript { path: path.to_owned(), error })?;
        Ok::<_, OpError>(head)
    };
    let mut head = read(HEAD)?;
    if agents::is_document(&head) || !head.contains(&b'\n') {
        head = read(u64::MAX)?;
    }
    let told = ingest::told(kind, &head);
    let native_id = native_id(kind, &told, path);
    Ok(Found { kind, path: path.to_owned(), native_id, told, converted: None })
}

/// An import under way.
pub struct Import<'a> {
    store: &'a Store,
    context: Context,
    /// The session that all goes into; else each session of an agent gets its own.
    target: Option<SessionId>,
    /// What was there before.
    kept: Kept,
    /// What was read until now, by agent, and by agent and session.
    lineages: HashMap<(AgentKind, Option<String>), Lineage>,
}

impl<'a> Import<'a> {
    /// Begins.
    pub fn new(store: &'a Store, context: Context, target: Option<SessionId>) -> Import<'a> {
        // Each step finds out itself what is done already.
        let context = Context { op_is_given: false, ..context };
        Import { store, context, target, kept: Kept::default(), lineages: HashMap::new() }
    }

    /// Imports a transcript; with `is_dry`, only tells what would be done.
    ///
    /// A session that is made is of the lifecycle `worker`, is called as the person's first words, and has the
    /// times of the transcript. It has ended as its last words tell, unless they were said in the last hour.
    ///
    /// # Errors
    /// What [`create::create`], [`ingest::ingest`] and [`transition::transition`] fail for.
    pub fn import(
        &mut self,
        found: &Found,
        file: &mut dyn Bytes,
        is_dry: bool,
    ) -> Result<Imported, OpError> {
        let session_id = self.session_for(found)?;
        let is_new = self.store.tip(session_id)?.is_none();
        let foreign = Foreign {
            kind: found.kind,
            native_id: Some(found.native_id.clone()),
            path: found.path.clone(),
            lineage: self.lineage(found),
            kept: &self.kept,
            is_final: true,
            converted: found.converted.clone(),
        };
        let foreign = foreign.without_secrets(&self.context.redaction)?;
        if is_dry {
            return self.preview(session_id, &foreign, file);
        }
        if is_new {
            self.create(session_id, found)?;
        }
        let at = self.time(found.told.facts.last_at.filter(|_| is_new));
        let context = Context { now: at, ..self.context.clone() };
        let ingested = ingest::ingest(self.store, &context, session_id, &foreign, file)?;
        let told = ingested.told;
        self.remember(found, &told);
        let mut session = ingested.changed.view.session;
        if ingested.changed.is_new
            && self.target.is_none()
            && ingested.changed.view.class == Class::Active
        {
            session = self.end(session, &told)?;
        }
        let did = match (is_new, ingested.changed.is_new) {
            (true, _) => Did::Created,
            (false, true) => Did::Updated,
            (false, false) => Did::Nothing,
        };
        Ok(Imported { session: Some(session), did, n_bytes: ingested.n_bytes, told })
    }

    /// Returns the session that a transcript has or gets.
    pub(super) fn session_for(&mut self, found: &Found) -> Result<SessionId, OpError> {
        let facts = &found.told.facts;
        let owner = facts.parent_session.as_ref().unwrap_or(&found.native_id).clone();
        self.session_of(found.agent(), &owner, &found.path)
    }

    fn preview(
        &self,
        session_id: SessionId,
        foreign: &Foreign<'_>,
        file: &mut dyn Bytes,
    ) -> Result<Imported, OpError> {
        let session = match self.store.tip(session_id)? {
            Some(tip_oid) => Some(load::load_at(self.store, session_id, tip_oid)?.view.session),
            None => None,
        };
        let (n_bytes, told) = ingest::preview(self.store, session.as_ref(), foreign, file)?;
        let did = match (&session, n_bytes) {
            (None, _) => Did::Created,
            (Some(_), 0) => Did::Nothing,
            (Some(_), _) => Did::Updated,
        };
        Ok(Imported { session, did, n_bytes, told })
    }

    /// Returns the session that an agent's session has or gets; one whose id was not told yet when it was
    /// taken is known by its path.
    fn session_of(&self, agent: &str, native_id: &str, path: &str) -> Result<SessionId, OpError> {
        if let Some(target) = self.target {
            return Ok(target);
        }
        let store = self.store;
        if let Some(newest) = ingest::newest_run(store, agent, native_id)? {
            return Ok(newest);
        }
        for id in [native_id, path] {
            if let Some(known) = self.kept.session_of(store, agent, id)? {
                return Ok(known);
            }
        }
        ingest::session_id(store, agent, native_id)
    }

    fn create(&self, session_id: SessionId, found: &Found) -> Result<(), OpError> {
        let facts = &found.told.facts;
        let line = |text: &Option<String>| text.clone().filter(|it| text::is_line(it, 256));
        let parent = match &facts.forked_from {
            Some(id) => Some(ingest::session_id(self.store, found.agent(), id)?),
            None => None,
        };
        let parent = parent.filter(|it| matches!(self.store.tip(*it), Ok(Some(_))));
        let new = NewSession {
            title: self.title(&found.told)?,
            branch: facts.branch.clone().filter(|it| text::is_branch_name(it)),
            agent: Some(found.program().to_owned()),
            model: line(&facts.model),
            parent,
            links: links(found),
            starts: true,
            ..NewSession::default()
        };
        let context = Context { now: self.time(facts.first_at), ..self.context.clone() };
        let lifecycle = builtin("worker").expect("it is built in");
        create::create(self.store, &context, session_id, lifecycle, &new)?;
        Ok(())
    }

    /// Returns what a session is called: as its title, or as the first line of the person's first words.
    fn title(&self, told: &Told) -> Result<String, OpError> {
        let words = told.facts.title.as_ref().or(told.prompt.as_ref());
        let words = words.map(String::as_str).unwrap_or_default();
        title::of_words(&self.context.redaction, words, MAX_TITLE)
    }

    /// Ends a session as its transcript tells, if nobody has said anything for long.
    fn end(&self, session: Session, told: &Told) -> Result<Session, OpError> {
        let last = told.facts.last_at;
        let is_over = last.is_none_or(|it| self.context.now.seconds_since(it) >= IS_OVER);
        let has_worker = session.worker.is_some();
        if !is_over || has_worker {
            return Ok(session);
        }
        let intent = match told.ending {
            Some(Outcome::Success) => Intent::Finish,
            Some(Outcome::Failure) => Intent::Fail,
            Some(Outcome::Interrupted) | None => Intent::Terminate,
        };
        let context = Context { now: self.time(last), ..self.context.clone() };
        let request = Request::to(Target::Intent(intent));
        Ok(transition::transition(self.store, &context, session.id, &request)?.view.session)
    }

    /// Returns a time that a transcript tells, which is not in the future.
    fn time(&self, told: Option<Timestamp>) -> Timestamp {
        told.map_or(self.context.now, |it| it.min(self.context.now))
    }

    /// Returns what transcripts had that were read in this import, and that this one may be copied from.
    fn lineage(&self, found: &Found) -> Lineage {
        // Copies of Codex say of what; others' are known by the ids and times of their records.
        let origin = found.told.facts.origin().map(str::to_owned);
        let is_said = origin.is_some() || found.kind == AgentKind::Codex;
        let lineage = match is_said {
            true => self.lineages.get(&(found.kind, Some(origin.unwrap_or_default()))),
            false => self.lineages.get(&(found.kind, None)),
        };
        lineage.cloned().unwrap_or_default()
    }

    fn remember(&mut self, found: &Found, told: &Told) {
        self.lineages.entry((found.kind, None)).or_default().extend(&told.lineage);
        let key = (found.kind, Some(found.native_id.clone()));
        if told.lineage.session_id.is_some() {
            self.lineages.insert(key, told.lineage.clone());
        }
    }
}

/// Returns what leads to the agent's own session, if it has an id.
fn links(found: &Found) -> Map {
    let id = found.told.facts.session_id.as_ref().filter(|id| **id == found.native_id);
    id.map(|id| ("agent_session".to_owned(), id.as_str().into())).into_iter().collect()
}
