use std::fmt;

use crate::model::{Class, Outcome};

use super::{Lifecycle, Refusal, Standing, State, Verdict};

/// What somebody wants of a session without naming a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Intent {
    /// Put aside: the first paused state that may follow.
    Suspend,
    /// Go on: the remembered state if it may follow, else the first active one that may.
    Resume,
    /// End with success: an ended state that implies it, else one that implies nothing.
    Finish,
    /// End with failure: an ended state that implies it, else one that implies nothing.
    Fail,
    /// End interrupted: an ended state that implies nothing, else one that implies interruption,
    /// else one that implies failure. Recorded as interrupted in each of them.
    Terminate,
}

impl Intent {
    /// All intents.
    pub const ALL: [Intent; 5] = [
        Intent::Suspend,
        Intent::Resume,
        Intent::Finish,
        Intent::Fail,
        Intent::Terminate,
    ];

    /// Returns the verb.
    pub fn as_str(self) -> &'static str {
        match self {
            Intent::Suspend => "suspend",
            Intent::Resume => "resume",
            Intent::Finish => "finish",
            Intent::Fail => "fail",
            Intent::Terminate => "terminate",
        }
    }

    /// Returns the outcome that the intent gives the session; `None` if it does not end it.
    pub fn outcome(self) -> Option<Outcome> {
        match self {
            Intent::Suspend | Intent::Resume => None,
            Intent::Finish => Some(Outcome::Success),
            Intent::Fail => Some(Outcome::Failure),
            Intent::Terminate => Some(Outcome::Interrupted),
        }
    }

    /// Returns the implied outcomes of the ended states that the intent can mean, best first.
    fn preferences(self) -> &'static [Option<Outcome>] {
        match self {
            Intent::Suspend | Intent::Resume => &[],
            Intent::Finish => &[Some(Outcome::Success), None],
            Intent::Fail => &[Some(Outcome::Failure), None],
            Intent::Terminate => &[None, Some(Outcome::Interrupted), Some(Outcome::Failure)],
        }
    }

    /// Returns the first of `states` that the intent means best.
    fn choose<'a>(self, states: impl Iterator<Item = &'a State> + Clone) -> Option<&'a State> {
        let of_class = |class| states.clone().filter(move |state| state.class == class);
        match self {
            Intent::Suspend => of_class(Class::Paused).next(),
            Intent::Resume => of_class(Class::Active).next(),
            Intent::Finish | Intent::Fail | Intent::Terminate => self
                .preferences()
                .iter()
                .find_map(|implied| of_class(Class::Ended).find(|s| s.outcome == *implied)),
        }
    }
}

impl fmt::Display for Intent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Lifecycle {
    /// Judges what `intent` means for a session that stands `at` some state.
    ///
    /// Repeating is safe: suspending a paused session, resuming an active one, and ending one that
    /// ended with that outcome are all [`Verdict::Already`].
    ///
    /// # Errors
    /// [`Refusal::UnknownState`] if the present state is not of this lifecycle;
    /// [`Refusal::Refused`] if the table does not allow what is wanted, with the state that it
    /// would have been; [`Refusal::NoState`] if the lifecycle has no such state at all;
    /// [`Refusal::NotPaused`] if a session that has not begun is to be resumed.
    pub fn intend(&self, at: Standing<'_>, intent: Intent) -> Result<Verdict<'_>, Refusal> {
        let from = self.known(at.status)?;
        if is_done(from, at, intent) {
            return Ok(Verdict::Already(from));
        }
        if intent == Intent::Resume && from.class == Class::Pending {
            return Err(Refusal::NotPaused {
                from: from.name.clone(),
                allowed: from.to.clone(),
            });
        }
        let origin = self.origin(from, at).filter(|_| intent == Intent::Resume);
        let target = origin.or_else(|| intent.choose(self.successors(from)));
        match target {
            Some(to) => Ok(Verdict::Move(self.movement(at, to, intent.outcome()))),
            None => Err(self.cannot(from, intent)),
        }
    }

    /// Returns the state that a paused session goes back to by name, if the table allows it.
    fn origin<'a>(&'a self, from: &'a State, at: Standing<'_>) -> Option<&'a State> {
        self.successors(from)
            .filter(|state| matches!(state.class, Class::Pending | Class::Active))
            .find(|state| at.paused_from == Some(&state.name))
    }

    fn cannot(&self, from: &State, intent: Intent) -> Refusal {
        match intent.choose(self.states().iter()) {
            Some(to) => Refusal::refused(from, to),
            None => Refusal::NoState {
                lifecycle: self.name().to_owned(),
                intent,
                from: from.name.clone(),
                allowed: from.to.clone(),
            },
        }
    }
}

/// Tells whether the session is where `intent` would bring it.
fn is_done(from: &State, at: Standing<'_>, intent: Intent) -> bool {
    match intent {
        Intent::Suspend => from.class == Class::Paused,
        Intent::Resume => from.class == Class::Active,
        Intent::Finish | Intent::Fail | Intent::Terminate => {
            from.class == Class::Ended && at.outcome.or(from.outcome) == intent.outcome()
        }
    }
}
