//! What an agent's transcript may be a copy of: forks and resumes begin with what another one has, with its
//! usages, and seldom say so.

use std::cell::OnceCell;
use std::collections::HashMap;

use crate::agents::{AgentKind, Facts, Lineage, Transcript};
use crate::cache::{Damaged, Row, Sessions};
use crate::format::segment;
use crate::model::{Oid, SessionId, Timestamp};
use crate::ops::segments::source_bytes;
use crate::ops::sources::Sources;
use crate::ops::{OpError, list, load, runs};
use crate::store::Store;

/// How much the clocks of two machines may differ, in seconds.
const MAX_SKEW: i64 = 24 * 3600;

/// The transcripts that a repository keeps, by what a copy of one can be known by. They are looked for once, when
/// they are asked for.
#[derive(Debug, Default)]
pub struct Kept {
    found: OnceCell<Found>,
    /// What is kept of a time and later.
    recent: OnceCell<(Timestamp, Found)>,
    /// When the session began whose transcript may be a copy; what is in it of earlier is.
    began_at: Option<Timestamp>,
}

#[derive(Debug, Default)]
struct Found {
    by_id: HashMap<(String, String), Vec<Place>>,
    by_root: HashMap<(String, String), Vec<Place>>,
}

/// Where a transcript is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    session_id: SessionId,
    n: u64,
    native_id: Option<String>,
}

/// The transcript that may be a copy.
#[derive(Debug, Clone, Copy)]
pub(super) struct Copy<'a> {
    pub(super) kind: AgentKind,
    /// The agent's own id of its session.
    pub(super) native_id: Option<&'a str>,
    /// The agent's session that it says to be copied from.
    pub(super) origin: Option<&'a str>,
    /// The id of its first record.
    pub(super) root: Option<&'a str>,
    /// The earliest time in it.
    pub(super) first_at: Option<Timestamp>,
}

impl<'a> Copy<'a> {
    /// Begins with nothing but the agent and its own id of the session.
    pub(super) fn new(kind: AgentKind, native_id: Option<&'a str>) -> Copy<'a> {
        Copy { kind, native_id, origin: None, root: None, first_at: None }
    }

    /// Takes over what the beginning of a transcript tells.
    pub(super) fn told(self, facts: &'a Facts) -> Copy<'a> {
        let (origin, root) = (facts.origin(), facts.root.as_deref());
        Copy { origin, root, first_at: facts.first_at, ..self }
    }
}

impl Kept {
    /// Looks only for what a transcript has of a time before `began_at`, when its session began to be told
    /// of as it happened.
    pub fn before(began_at: Timestamp) -> Kept {
        Kept { began_at: Some(began_at), ..Kept::default() }
    }

    /// Returns the newest session with a transcript of the agent's session `native_id`.
    ///
    /// # Errors
    /// [`OpError::Store`].
    pub fn session_of(
        &self,
        store: &Store,
        agent: &str,
        native_id: &str,
    ) -> Result<Option<SessionId>, OpError> {
        let by_id = &self.found(store)?.by_id;
        let mut names = [Some(agent.to_owned()), segment::converted(agent)].into_iter().flatten();
        let places = names.find_map(|it| by_id.get(&(it, native_id.to_owned())));
        Ok(places.and_then(|it| it.last()).map(|it| it.session_id))
    }

    /// Returns what the transcripts have that `copy` may be copied from: those that it names, and those that
    /// begin as it does.
    ///
    /// # Errors
    /// [`OpError::Corrupt`], [`OpError::Store`].
    pub(super) fn lineage(&self, store: &Store, copy: &Copy<'_>) -> Result<Lineage, OpError> {
        let mut lineage = Lineage::default();
        let is_older = self.began_at.is_none_or(|at| copy.first_at.is_none_or(|it| it < at));
        // Records of Codex have no ids, and its copies say what they are of.
        let root = copy.root.filter(|_| copy.kind != AgentKind::Codex && is_older);
        if root.is_none() && copy.origin.is_none() {
            return Ok(lineage);
        }
        let named = copy.origin.map_or(Ok(Vec::new()), |id| self.named(store, copy, id))?;
        let alike = root.map_or(Ok(Vec::new()), |root| self.alike(store, copy, root))?;
        for place in named.iter().chain(&alike) {
            // The same session of the agent, in another session or this one, is no copy of itself.
            let is_itself = place.native_id.as_deref() == copy.native_id;
            if !is_itself {
                lineage.extend(&read(store, copy.kind, place)?);
            }
        }
        Ok(lineage)
    }

    /// Finds the transcripts of the agent's session `id`. An agent waits for its hook, so that looks where they are by their
    /// id, and through all only if there are none.
    fn named(&self, store: &Store, copy: &Copy<'_>, id: &str) -> Result<Vec<Place>, OpError> {
        let (agent, key) = (copy.kind.to_string(), key(copy, id));
        if self.began_at.is_some() {
            let mut runs = Vec::new();
            for n in 0..runs::MAX_RUNS {
                let session_id = runs::run_id(store, &agent, id, n)?;
                let Some(tip_oid) = store.tip(session_id)? else { break };
                runs.push((session_id, tip_oid));
            }
            if let Some(places) = Found::among(store, runs).by_id.remove(&key) {
                return Ok(places);
            }
        }
        Ok(self.found(store)?.by_id.get(&key).cloned().unwrap_or_default())
    }

    /// Finds the transcripts that begin with the record `root`. A copy of a record has its time, so who kept it has
    /// written something later.
    fn alike(&self, store: &Store, copy: &Copy<'_>, root: &str) -> Result<Vec<Place>, OpError> {
        let first_at = copy.first_at.filter(|_| self.began_at.is_some());
        let since = first_at.and_then(|at| Timestamp::from_seconds(at.seconds() - MAX_SKEW));
        let found = match since {
            Some(since) => self.recent(store, since)?,
            None => self.found(store)?,
        };
        Ok(found.by_root.get(&key(copy, root)).cloned().unwrap_or_default())
    }

    fn recent(&self, store: &Store, since: Timestamp) -> Result<&Found, OpError> {
        if let Some((from, found)) = self.recent.get() {
            return if *from <= since { Ok(found) } else { self.found(store) };
        }
        let tips = list::look_through(store, |sessions| tips_since(sessions, since))?;
        Ok(&self.recent.get_or_init(|| (since, Found::among(store, tips))).1)
    }

    fn found(&self, store: &Store) -> Result<&Found, OpError> {
        if let Some(found) = self.found.get() {
            return Ok(found);
        }
        let tips = store.tips()?.sessions;
        Ok(self.found.get_or_init(|| Found::among(store, tips)))
    }
}

impl Found {
    /// Finds the transcripts of some sessions at these commits.
    fn among(store: &Store, tips: Vec<(SessionId, Oid)>) -> Found {
        let mut found = Found::default();
        for (session_id, tip_oid) in tips {
            // One damaged session hides no other.
            let Ok(loaded) = load::load_at(store, session_id, tip_oid) else { continue };
            let (name, extent) = (session_id.to_string(), &loaded.view.session.conversation);
            let sources = Sources::of(store, &name, extent, tip_oid).all();
            for source in sources.unwrap_or_else(|_| extent.sources.clone()) {
                let (n, native_id) = (source.n, source.session_id.clone());
                let place = Place { session_id, n, native_id };
                let mut note = |map: fn(&mut Found) -> &mut HashMap<_, Vec<Place>>, word| {
                    let Some(word) = word else { return };
                    let places = map(&mut found).entry((source.agent.clone(), word)).or_default();
                    places.push(place.clone());
                };
                note(|found| &mut found.by_id, source.session_id);
                note(|found| &mut found.by_root, source.root);
            }
        }
        found
    }
}

fn key(copy: &Copy<'_>, word: &str) -> (String, String) {
    (copy.kind.to_string(), word.to_owned())
}

/// Returns the sessions that were written to at a time or later, and those of which that is not known.
fn tips_since(sessions: &Sessions, since: Timestamp) -> Result<Vec<(SessionId, Oid)>, Damaged> {
    let (mut places, mut tips) = (Vec::new(), Vec::new());
    sessions.each(|row| match row {
        Row::Known(place, brief) if brief.updated_at >= since => places.push(place),
        Row::Known(..) => {}
        Row::Unknown(session_id, tip) => tips.push((session_id, tip)),
    })?;
    tips.extend(sessions.tips(&places)?);
    Ok(tips)
}

/// Reads by what a copy of a kept transcript can be known.
fn read(store: &Store, kind: AgentKind, place: &Place) -> Result<Lineage, OpError> {
    let loaded = load::load(store, place.session_id)?;
    let extent = &loaded.view.session.conversation;
    let mut transcript = Transcript::new(kind);
    let mut events = Vec::new();
    let name = place.session_id.to_string();
    source_bytes(store, &name, (&loaded.snapshot, extent), place.n, |bytes| {
        transcript.push(bytes, &mut events);
        events.clear();
        Ok::<(), OpError>(())
    })?;
    transcript.finish(&mut events);
    Ok(transcript.lineage())
}
