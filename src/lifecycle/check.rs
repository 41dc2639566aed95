use std::fmt;

use thiserror::Error;

use crate::model::{Class, Outcome};

use super::definition::{Definition, MAX_STATES, State, is_lifecycle_name, is_state_name, shown};

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

/// Returns everything that is wrong with `definition`, the graver first.
///
/// What the states say one by one comes before what they make together, which is only looked at if
/// the former is right.
pub fn check(definition: &Definition) -> Vec<Problem> {
    let mut report = Report(Vec::new());
    if !is_lifecycle_name(&definition.name) {
        let fault = Fault::LifecycleName(definition.name.clone());
        report.add(Spot::Name, fault);
    }
    match definition.states.len() {
        0 => report.add(Spot::States, Fault::NoStates),
        n if n > MAX_STATES => report.add(Spot::States, Fault::TooManyStates(n)),
        _ => {
            check_initial(definition, &mut report);
            for idx in 0..definition.states.len() {
                check_state(definition, idx, &mut report);
            }
            check_phases(definition, &mut report);
            if report.0.is_empty() {
                check_paths(definition, &mut report);
            }
        }
    }
    report.0
}

struct Report(Vec<Problem>);

impl Report {
    fn add(&mut self, spot: Spot, fault: Fault) {
        self.0.push(Problem { spot, fault });
    }
}

fn check_initial(definition: &Definition, report: &mut Report) {
    let name = &definition.initial;
    let fault = match definition.states.iter().find(|state| state.name == *name) {
        None => Fault::UnknownInitial(name.clone()),
        Some(state) if matches!(state.class, Class::Paused | Class::Ended) => {
            Fault::InitialClass(name.clone(), state.class)
        }
        Some(_) => return,
    };
    report.add(Spot::Initial, fault);
}

fn check_state(definition: &Definition, idx: usize, report: &mut Report) {
    let state = &definition.states[idx];
    let name = state.name.clone();
    if !is_state_name(&name) {
        report.add(Spot::State(idx), Fault::StateName(name));
        return;
    }
    if definition.states[..idx]
        .iter()
        .any(|other| other.name == name)
    {
        report.add(Spot::State(idx), Fault::DuplicateState(name.clone()));
    }
    if let Some(outcome) = state.outcome
        && state.class != Class::Ended
    {
        let fault = Fault::OutcomeOfOpenState(name.clone(), outcome);
        report.add(Spot::Outcome(idx), fault);
    }
    let n_targets = state.to.len();
    if n_targets > MAX_STATES {
        report.add(Spot::State(idx), Fault::TooManyTargets(name, n_targets));
        return;
    }
    for target_idx in 0..n_targets {
        if let Some(fault) = target_fault(definition, state, target_idx) {
            report.add(Spot::Target(idx, target_idx), fault);
        }
    }
}

fn target_fault(definition: &Definition, from: &State, target_idx: usize) -> Option<Fault> {
    let (state, target) = (from.name.clone(), from.to[target_idx].clone());
    if from.class == Class::Ended {
        Some(Fault::ExitFromEnded(state, target))
    } else if target == state {
        Some(Fault::SelfTarget(state))
    } else if !definition.states.iter().any(|other| other.name == target) {
        Some(Fault::UnknownTarget(state, target))
    } else if from.to[..target_idx].contains(&target) {
        Some(Fault::DuplicateTarget(state, target))
    } else {
        None
    }
}

fn check_phases(definition: &Definition, report: &mut Report) {
    let phases = &definition.phases;
    if phases.len() > MAX_STATES {
        report.add(Spot::Phase(MAX_STATES), Fault::TooManyPhases(phases.len()));
        return;
    }
    for (idx, phase) in phases.iter().enumerate() {
        if !is_state_name(phase) {
            report.add(Spot::Phase(idx), Fault::PhaseName(phase.clone()));
        } else if phases[..idx].contains(phase) {
            report.add(Spot::Phase(idx), Fault::DuplicatePhase(phase.clone()));
        }
    }
}

/// Checks what can be reached from where. Sets of states are bits of a `u64`, hence at most 64.
fn check_paths(definition: &Definition, report: &mut Report) {
    let states = &definition.states;
    let bits_where = |wanted: &dyn Fn(&State) -> bool| -> u64 {
        let bits = states.iter().enumerate().filter(|(_, state)| wanted(state));
        bits.fold(0, |set, (idx, _)| set | 1 << idx)
    };
    let exits: Vec<u64> = states
        .iter()
        .map(|state| bits_where(&|other| state.to.contains(&other.name)))
        .collect();
    let ended = bits_where(&|state| state.class == Class::Ended);
    if ended == 0 {
        report.add(Spot::States, Fault::NoEndedState);
        return;
    }
    let ending = grow(ended, |set, idx| exits[idx] & set != 0, states.len());
    let initial = bits_where(&|state| state.name == definition.initial);
    let entered = |set: u64, idx: usize| {
        (0..states.len()).any(|from| set >> from & 1 == 1 && exits[from] >> idx & 1 == 1)
    };
    let reached = grow(initial, entered, states.len());
    for (idx, state) in states.iter().enumerate() {
        if ending >> idx & 1 == 0 {
            report.add(Spot::State(idx), Fault::DeadEnd(state.name.clone()));
        }
    }
    if definition.first_active().is_none() {
        let fault = Fault::NoFirstActive(definition.initial.clone());
        report.add(Spot::Initial, fault);
    }
    for (idx, state) in states.iter().enumerate() {
        if reached >> idx & 1 == 0 {
            let fault = Fault::Unreachable(state.name.clone(), definition.initial.clone());
            report.add(Spot::State(idx), fault);
        }
    }
}

/// Adds to `set` every state that `joins` it, until none does.
fn grow(mut set: u64, joins: impl Fn(u64, usize) -> bool, n_states: usize) -> u64 {
    loop {
        let grown = (0..n_states).fold(set, |set, idx| set | u64::from(joins(set, idx)) << idx);
        if grown == set {
            return set;
        }
        set = grown;
    }
}
