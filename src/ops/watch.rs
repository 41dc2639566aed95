//! Observer mode: what happens to sessions, and what is seen of their workers, as it happens.
//!
//! Nobody who watches writes anything.

use std::collections::BTreeMap;

use crate::model::{Class, Oid, SessionId};
use crate::ops::OpError;
use crate::ops::load::{self, View};
use crate::ops::log::{self, LoggedEvent};
use crate::ops::observe::{self, Observed};
use crate::store::Store;
use crate::worker::{Held, Here, Place, Watcher};

/// Something that was seen of a session.
#[derive(Debug, Clone)]
pub struct Sight {
    /// The session as it was then.
    pub view: View,
    /// What was seen.
    pub what: What,
}

/// What can be seen.
#[derive(Debug, Clone)]
pub enum What {
    /// How it is, at the first look.
    State,
    /// An event.
    Event(Box<LoggedEvent>),
    /// Something else is seen of its worker than before.
    Observed,
    /// It is gone.
    Deleted,
}

impl Sight {
    /// Returns the state that the session was in: after an event, the one that it led to.
    pub fn status(&self) -> &str {
        let after = match &self.what {
            What::Event(event) => event.status.as_deref(),
            _ => None,
        };
        after.unwrap_or(&self.view.session.status)
    }

    /// Returns the class of that state.
    pub fn class(&self) -> Class {
        self.view.lifecycle.class_of(self.status()).unwrap_or(self.view.class)
    }
}

/// The sessions that are watched, as they were at the last look.
#[derive(Debug, Default)]
pub struct Watch {
    /// `None` as long as there was no look.
    known: BTreeMap<SessionId, Option<View>>,
    /// All sessions: the tips at the last look, also of the ended ones; `None` if only some are watched.
    tips: Option<BTreeMap<SessionId, Oid>>,
    held: Vec<Held>,
    is_begun: bool,
}

impl Watch {
    /// Watches these sessions.
    pub fn of(session_ids: impl IntoIterator<Item = SessionId>) -> Watch {
        let known = session_ids.into_iter().map(|session_id| (session_id, None)).collect();
        Watch { known, ..Watch::default() }
    }

    /// Watches all sessions that are open, and those that will be made.
    pub fn of_all() -> Watch {
        Watch { tips: Some(BTreeMap::new()), ..Watch::default() }
    }

    /// Returns the processes whose end will change what is seen.
    pub fn held(&self) -> &[Held] {
        &self.held
    }

    /// Returns the sessions that are watched, as they were at the last look.
    pub fn views(&self) -> impl Iterator<Item = &View> {
        self.known.values().flatten()
    }

    /// Tells whether nothing more is to be expected: all are gone or have ended.
    pub fn is_over(&self) -> bool {
        self.tips.is_none() && self.views().all(|view| view.class == Class::Ended)
    }

    /// Looks, and returns what is new since the last look, in the order in which it happened to each
    /// session.
    ///
    /// # Errors
    /// [`OpError::NotFound`] at the first look; [`OpError::Corrupt`], [`OpError::Newer`],
    /// [`OpError::Store`]. Of all sessions, one that cannot be read is left out.
    pub fn look(&mut self, store: &Store) -> Result<Vec<Sight>, OpError> {
        let here = Here::read();
        let mut sights = Vec::new();
        self.held.clear();
        if self.tips.is_some() {
            self.find_new(store, &mut sights)?;
        }
        let session_ids: Vec<SessionId> = self.known.keys().copied().collect();
        for session_id in session_ids {
            // Held before it is looked at: one that ends in between ends the next wait.
            self.held.extend(hold(store, &here, session_id));
            match (self.look_at(store, session_id, &mut sights), &self.tips) {
                (Err(OpError::Corrupt { .. } | OpError::Newer { .. }), Some(_)) => {
                    self.known.remove(&session_id);
                }
                (result, _) => result?,
            }
        }
        self.is_begun = true;
        Ok(sights)
    }

    /// Of all sessions, finds those that are open, at the first look, and later those that are new or
    /// have moved.
    fn find_new(&mut self, store: &Store, sights: &mut Vec<Sight>) -> Result<(), OpError> {
        let tips: BTreeMap<SessionId, Oid> = store.tips()?.sessions.into_iter().collect();
        let before = self.tips.replace(tips.clone()).unwrap_or_default();
        let is_known = |session_id: &SessionId| self.known.contains_key(session_id);
        let new = tips.iter().filter(|(id, tip)| before.get(id) != Some(tip) && !is_known(id));
        let mut found = Vec::new();
        for (&session_id, &tip_oid) in new {
            let Ok(loaded) = load::load_at(store, session_id, tip_oid) else { continue };
            let view = loaded.view;
            if self.is_begun {
                let after = before.get(&session_id).copied();
                sights.extend(events(store, &view, after)?);
            }
            if view.class == Class::Ended {
                continue;
            }
            let last = self.is_begun.then(|| View { observed: Observed::None, ..view });
            found.push((session_id, last));
        }
        self.known.extend(found);
        Ok(())
    }

    fn look_at(
        &mut self,
        store: &Store,
        session_id: SessionId,
        sights: &mut Vec<Sight>,
    ) -> Result<(), OpError> {
        let last = self.known.get(&session_id).cloned().flatten();
        let Some(tip_oid) = store.tip(session_id)? else {
            self.known.remove(&session_id);
            let Some(view) = last else {
                return Err(OpError::NotFound { name: session_id.to_string() });
            };
            sights.push(Sight { view, what: What::Deleted });
            return Ok(());
        };
        let same = last.clone().filter(|last| last.tip == tip_oid).map(|it| it.with_look(store));
        let view = match same.filter(|it| !it.observed.is_doubtful()) {
            Some(same) => same,
            None => load::load_from(store, session_id, tip_oid)?.view,
        };
        match &last {
            None => sights.push(Sight { view: view.clone(), what: What::State }),
            Some(last) => {
                if last.tip != view.tip {
                    sights.extend(events(store, &view, Some(last.tip))?);
                }
                if last.observed != view.observed {
                    sights.push(Sight { view: view.clone(), what: What::Observed });
                }
            }
        }
        self.known.insert(session_id, Some(view));
        Ok(())
    }
}

/// Returns the events of a session after the commit `after`, the oldest first.
fn events(store: &Store, view: &View, after: Option<Oid>) -> Result<Vec<Sight>, OpError> {
    let query = log::Query { from: Some(view.tip), after, ..log::Query::default() };
    let events = log::log(store, view.session.id, &query)?;
    let sight = |event| Sight { view: view.clone(), what: What::Event(Box::new(event)) };
    Ok(events.into_iter().rev().map(sight).collect())
}

/// Takes hold of the living worker of a session and of who waits for it.
fn hold(store: &Store, here: &Here, session_id: SessionId) -> Vec<Held> {
    let Ok(Some(lease)) = observe::leases(store).read(session_id) else { return Vec::new() };
    let named = lease.worker.iter().chain(observe::recorders(&lease));
    let mut held: Vec<Held> = named.filter_map(|it| Held::open(here, it).ok()).collect();
    if lease.worker.is_none() && held.is_empty() {
        held.extend(crate::worker::find_by_token(here, &lease.token));
    }
    held
}

/// Returns who tells when a session's ref, or a lease, has changed.
pub fn watcher(store: &Store) -> Watcher {
    let leases = observe::leases(store);
    let refs = store.ref_places().into_iter();
    let mut places: Vec<Place> = refs.map(|(dir, names)| Place { dir, names }).collect();
    places.push(Place { dir: store.local_dir(), names: &["leases"] });
    places.push(Place { dir: leases.dir().to_owned(), names: &[] });
    Watcher::new(places)
}

/// What a session is waited for to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Goal {
    /// In the state of this name.
    State(String),
    /// In a state of this class.
    Class(Class),
    /// With this seen of its worker.
    Observed(Observed),
}

impl Goal {
    /// Returns what `word` means for a session: a state of its lifecycle, else a class, else what is
    /// seen of a worker.
    ///
    /// # Errors
    /// [`OpError::InvalidValue`] for a word that is none of these.
    pub fn find(word: &str, view: &View) -> Result<Goal, OpError> {
        if view.lifecycle.state(word).is_some() {
            return Ok(Goal::State(word.to_owned()));
        }
        if let Ok(class) = word.parse() {
            return Ok(Goal::Class(class));
        }
        if let Some(observed) = Observed::ALL.into_iter().find(|it| it.as_str() == word) {
            return Ok(Goal::Observed(observed));
        }
        let states = view.lifecycle.states().iter().map(|state| state.name.clone());
        let classes = Class::ALL.iter().map(ToString::to_string);
        let mut allowed: Vec<String> = states.collect();
        for word in classes.chain(Observed::ALL.iter().map(ToString::to_string)) {
            if !allowed.contains(&word) {
                allowed.push(word);
            }
        }
        let reason = format!("lifecycle '{}' has no state '{word}'", view.lifecycle.name());
        Err(OpError::InvalidValue { field: "--until".into(), reason, allowed })
    }

    /// Tells whether this is seen.
    pub fn is_met(&self, sight: &Sight) -> bool {
        match (self, &sight.what) {
            (_, What::Deleted) => false,
            (Goal::State(state), _) => sight.status() == state,
            (Goal::Class(class), _) => sight.class() == *class,
            // What is seen is seen now, not when an event happened.
            (Goal::Observed(_), What::Event(_)) => false,
            (Goal::Observed(observed), _) => sight.view.observed == *observed,
        }
    }

    /// Tells whether the lifecycle lets the session of `view` come to this.
    pub fn is_possible(&self, view: &View) -> bool {
        let status = &view.session.status;
        match self {
            Goal::State(name) => view.lifecycle.can_reach(status, |state| state.name == *name),
            Goal::Class(class) => view.lifecycle.can_reach(status, |state| state.class == *class),
            Goal::Observed(Observed::None) => true,
            Goal::Observed(_) => view.class != Class::Ended,
        }
    }
}

/// Sessions that are waited for.
#[derive(Debug)]
pub struct Until {
    word: String,
    goals: BTreeMap<SessionId, Goal>,
}

impl Until {
    /// Waits for each of the sessions that are seen for the first time to be what `word` means for it.
    ///
    /// # Errors
    /// As [`Goal::find`].
    pub fn new(word: &str, sights: &[Sight]) -> Result<Until, OpError> {
        let goal = |sight: &Sight| Ok((sight.view.session.id, Goal::find(word, &sight.view)?));
        let goals = sights.iter().map(goal).collect::<Result<_, OpError>>()?;
        Ok(Until { word: word.to_owned(), goals })
    }

    /// Takes what was seen, and tells whether every session has been what it is waited for to be.
    ///
    /// # Errors
    /// [`OpError::Unreachable`] if one cannot be that any more.
    pub fn is_over(&mut self, watch: &Watch, sights: &[Sight]) -> Result<bool, OpError> {
        let unreachable = |view: &View, now: String| OpError::Unreachable {
            handle: view.session.id.handle(),
            now,
            wanted: self.word.clone(),
        };
        for sight in sights {
            let session_id = sight.view.session.id;
            let Some(goal) = self.goals.get(&session_id) else { continue };
            if goal.is_met(sight) {
                self.goals.remove(&session_id);
            } else if matches!(sight.what, What::Deleted) {
                return Err(unreachable(&sight.view, "deleted".into()));
            }
        }
        for view in watch.views() {
            let goal = self.goals.get(&view.session.id);
            if goal.is_some_and(|goal| !goal.is_possible(view)) {
                return Err(unreachable(view, view.session.status.clone()));
            }
        }
        Ok(self.goals.is_empty())
    }
}
