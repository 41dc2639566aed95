use thiserror::Error;

use crate::model::{Class, Outcome};

use super::definition::shown;
use super::{Intent, Lifecycle, State};

/// Where a session stands in its lifecycle, as recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing<'a> {
    /// Its state.
    pub status: &'a str,
    /// While paused, the state it came from.
    pub paused_from: Option<&'a str>,
    /// Once ended, how.
    pub outcome: Option<Outcome>,
}

impl<'a> Standing<'a> {
    /// Returns the standing of an open session that is not paused.
    pub fn at(status: &'a str) -> Standing<'a> {
        Standing {
            status,
            paused_from: None,
            outcome: None,
        }
    }
}

/// What the table says to a transition that it does not refuse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// The session is there; nothing is to be recorded, and asking again is safe.
    Already(&'a State),
    /// The session may move.
    Move(Move<'a>),
}

/// What is to be recorded of a session that moves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move<'a> {
    /// The new state.
    pub to: &'a State,
    /// If the new state is paused: the state to go back to.
    pub paused_from: Option<String>,
    /// If the new state is ended: how, by the intent or else by the state. `None` if the state is
    /// open, or if it is ended, implies no outcome, and was asked for by its name; then it is the
    /// caller's to say.
    pub outcome: Option<Outcome>,
}

/// Why a session may not move.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The table has no such transition.
    #[error("cannot go from '{from}' to '{to}'")]
    Refused {
        /// The present state.
        from: String,
        /// The state that was asked for, by name or by intent.
        to: String,
        /// The states that may follow, in table order; empty if `from` is final.
        allowed: Vec<String>,
    },
    /// The lifecycle has no state of this name.
    #[error("unknown state '{}'", shown(.name))]
    UnknownState {
        /// What was asked for.
        name: String,
        /// The state whose name is most like it, if one is at most two letters off.
        nearest: Option<String>,
        /// All states, in the order of the definition.
        states: Vec<String>,
    },
    /// The lifecycle has no state, allowed or not, that the intent could mean.
    #[error("lifecycle '{lifecycle}' has no state to {intent} into")]
    NoState {
        /// The lifecycle's name.
        lifecycle: String,
        /// What was wanted.
        intent: Intent,
        /// The present state.
        from: String,
        /// The states that may follow, in table order.
        allowed: Vec<String>,
    },
    /// Only a paused session can be resumed; this one has not begun.
    #[error("cannot resume from '{from}', which is not paused")]
    NotPaused {
        /// The present state.
        from: String,
        /// The states that may follow, in table order.
        allowed: Vec<String>,
    },
}

impl Lifecycle {
    /// Judges whether a session that stands `at` some state may go to the state named `to`.
    ///
    /// Going to the present state is no transition and always right. Entering a paused state
    /// remembers where from; leaving it forgets; from one paused state to another the first origin
    /// stays.
    ///
    /// # Errors
    /// [`Refusal::UnknownState`] if either state is not of this lifecycle, [`Refusal::Refused`] if
    /// the table does not allow it.
    pub fn judge(&self, at: Standing<'_>, to: &str) -> Result<Verdict<'_>, Refusal> {
        let (from, to) = (self.known(at.status)?, self.known(to)?);
        if from.name == to.name {
            Ok(Verdict::Already(to))
        } else if from.to.contains(&to.name) {
            Ok(Verdict::Move(self.movement(at, to, to.outcome)))
        } else {
            Err(Refusal::refused(from, to))
        }
    }

    /// Returns what is to be recorded if the session goes to `to` whatever the table says; the
    /// caller records that it was forced. The present state may be one that is not known.
    ///
    /// # Errors
    /// [`Refusal::UnknownState`] if `to` is not of this lifecycle.
    pub fn force(&self, at: Standing<'_>, to: &str) -> Result<Verdict<'_>, Refusal> {
        let to = self.known(to)?;
        if at.status == to.name {
            return Ok(Verdict::Already(to));
        }
        Ok(Verdict::Move(self.movement(at, to, to.outcome)))
    }

    pub(super) fn known(&self, name: &str) -> Result<&State, Refusal> {
        self.state(name).ok_or_else(|| Refusal::UnknownState {
            name: name.to_owned(),
            nearest: self.nearest(name).map(str::to_owned),
            states: self.states().iter().map(|s| s.name.clone()).collect(),
        })
    }

    pub(super) fn movement<'a>(
        &'a self,
        at: Standing<'_>,
        to: &'a State,
        outcome: Option<Outcome>,
    ) -> Move<'a> {
        let origin = match self.class_of(at.status) {
            Some(Class::Paused) => at.paused_from,
            Some(_) => Some(at.status),
            None => None,
        };
        Move {
            to,
            paused_from: origin
                .filter(|_| to.class == Class::Paused)
                .map(str::to_owned),
            outcome,
        }
    }

    fn nearest(&self, name: &str) -> Option<&str> {
        let names = self.states().iter().map(|state| state.name.as_str());
        names
            .map(|known| (distance(name, known), known))
            .filter(|(distance, _)| *distance <= 2)
            .min_by_key(|(distance, _)| *distance)
            .map(|(_, known)| known)
    }
}

impl Refusal {
    pub(super) fn refused(from: &State, to: &State) -> Refusal {
        Refusal::Refused {
            from: from.name.clone(),
            to: to.name.clone(),
            allowed: from.to.clone(),
        }
    }
}

/// Returns how many letters must be put in, left out or changed to make `a` of `b`; a large number
/// if `a` is too long to be a name.
fn distance(a: &str, b: &str) -> usize {
    if a.len() > 40 {
        return usize::MAX;
    }
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let change = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = change.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
