use std::fmt;

use thiserror::Error;

use crate::model::{Class, Outcome};

use super::definition::{MAX_STATES, shown};

/// Where in a definition a problem is, so that who read it from a file can tell the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spot {
    /// The lifecycle's name.
    Name,
    /// The name of the initial state.
    Initial,
    /// The list of states as a whole.
    States,
    /// The state with this index.
    State(usize),
    /// Of the state with the first index, the successor with the second.
    Target(usize, usize),
    /// Of the state with this index, the implied outcome.
    Outcome(usize),
    /// The phase with this index.
    Phase(usize),
}

/// Something that is wrong with a definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where it is.
    pub spot: Spot,
    /// What it is.
    pub fault: Fault,
}

impl Problem {
    /// Tells whether the definition may be used all the same.
    pub fn is_warning(&self) -> bool {
        matches!(self.fault, Fault::Unreachable(..))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fault.fmt(f)
    }
}

/// What is wrong with a definition.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Fault {
    /// The lifecycle's name is not one.
    #[error("lifecycle name '{}' is not of the form [a-z][a-z0-9-]{{0,31}}", shown(.0))]
    LifecycleName(String),
    /// A state's name is not one.
    #[error("state name '{}' is not of the form [a-z][a-z0-9_]{{0,31}}", shown(.0))]
    StateName(String),
    /// A phase's name is not one.
    #[error("phase name '{}' is not of the form [a-z][a-z0-9_]{{0,31}}", shown(.0))]
    PhaseName(String),
    /// There is no state.
    #[error("no states")]
    NoStates,
    /// There are this many states.
    #[error("too many states ({0}; at most {MAX_STATES})")]
    TooManyStates(usize),
    /// There are this many phases.
    #[error("too many phases ({0}; at most {MAX_STATES})")]
    TooManyPhases(usize),
    /// The state has this many successors.
    #[error("state '{0}' goes to too many states ({1}; at most {MAX_STATES})")]
    TooManyTargets(String, usize),
    /// Two states have this name.
    #[error("duplicate state '{0}'")]
    DuplicateState(String),
    /// Two phases have this name.
    #[error("duplicate phase '{0}'")]
    DuplicatePhase(String),
    /// The first state goes to the second, which is not defined.
    #[error("state '{0}' goes to unknown state '{target}'", target = shown(.1))]
    UnknownTarget(String, String),
    /// The first state names the second more than once.
    #[error("state '{0}' goes to '{1}' twice")]
    DuplicateTarget(String, String),
    /// The state is its own successor.
    #[error("state '{0}' goes to itself")]
    SelfTarget(String),
    /// The first state is ended and has a successor all the same.
    #[error("ended state '{0}' goes to '{target}'", target = shown(.1))]
    ExitFromEnded(String, String),
    /// The state is not ended and implies an outcome all the same.
    #[error("state '{0}' is not ended and cannot imply outcome '{1}'")]
    OutcomeOfOpenState(String, Outcome),
    /// The initial state is not defined.
    #[error("unknown initial state '{}'", shown(.0))]
    UnknownInitial(String),
    /// The initial state is paused or ended.
    #[error("initial state '{0}' cannot be {1}")]
    InitialClass(String, Class),
    /// The initial state is not active, and no active one may directly follow it.
    #[error("no active state directly follows initial state '{0}'")]
    NoFirstActive(String),
    /// Nothing ends a session.
    #[error("no ended state")]
    NoEndedState,
    /// A session in this state could never end.
    #[error("state '{0}' cannot reach an ended state")]
    DeadEnd(String),
    /// No session comes to the first state, which is a warning only; the second is the initial one.
    #[error("state '{0}' cannot be reached from '{1}'")]
    Unreachable(String, String),
}
