use crate::model::Class;

use super::definition::{Definition, MAX_STATES, State, is_lifecycle_name, is_state_name};
use super::problem::{Fault, Problem, Spot};

/// Returns everything that is wrong with `definition`, warnings last.
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
    if definition.states[..idx].iter().any(|other| other.name == name) {
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
    let exits: Vec<u64> =
        states.iter().map(|state| bits_where(&|other| state.to.contains(&other.name))).collect();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Outcome;

    /// Makes `a` (pending) -> `b` (active) -> `z` (ended), and lets `change` spoil it.
    fn problems(change: impl FnOnce(&mut Definition)) -> Vec<String> {
        let state = |name: &str, class, to: &[&str]| State {
            name: name.to_owned(),
            class,
            outcome: None,
            to: to.iter().map(|&name| name.to_owned()).collect(),
        };
        let mut definition = Definition {
            name: "test".to_owned(),
            initial: "a".to_owned(),
            states: vec![
                state("a", Class::Pending, &["b"]),
                state("b", Class::Active, &["z"]),
                state("z", Class::Ended, &[]),
            ],
            phases: vec!["plan".to_owned()],
        };
        change(&mut definition);
        let problems = check(&definition);
        problems.iter().map(|problem| format!("{:?}: {problem}", problem.spot)).collect()
    }

    #[test]
    fn a_right_definition_has_no_problems() {
        assert_eq!(problems(|_| {}), [""; 0]);
    }

    #[test]
    fn wrong_names_are_found_and_shown_without_control_characters() {
        assert_eq!(
            problems(|d| d.name = "../x".to_owned()),
            ["Name: lifecycle name '../x' is not of the form [a-z][a-z0-9-]{0,31}"]
        );
        assert_eq!(
            problems(|d| d.states[1].name = "b\x1b".to_owned()),
            [
                "Target(0, 0): state 'a' goes to unknown state 'b'",
                "State(1): state name 'b\\u{1b}' is not of the form [a-z][a-z0-9_]{0,31}",
            ]
        );
        assert_eq!(
            problems(|d| d.phases = ["plan", "plan", "Plan"].map(str::to_owned).to_vec()),
            [
                "Phase(1): duplicate phase 'plan'",
                "Phase(2): phase name 'Plan' is not of the form [a-z][a-z0-9_]{0,31}",
            ]
        );
    }

    #[test]
    fn wrong_successors_are_found_where_they_stand() {
        let to = |names: &[&str]| -> Vec<String> { names.iter().map(|&n| n.to_owned()).collect() };
        assert_eq!(
            problems(|d| d.states[1].to = to(&["z", "nope", "b", "z"])),
            [
                "Target(1, 1): state 'b' goes to unknown state 'nope'",
                "Target(1, 2): state 'b' goes to itself",
                "Target(1, 3): state 'b' goes to 'z' twice",
            ]
        );
        assert_eq!(
            problems(|d| d.states[2].to = to(&["b"])),
            ["Target(2, 0): ended state 'z' goes to 'b'"]
        );
        assert_eq!(
            problems(|d| d.states[1].to = vec!["z".to_owned(); 65]),
            ["State(1): state 'b' goes to too many states (65; at most 64)"]
        );
    }

    #[test]
    fn a_duplicate_state_and_an_outcome_of_an_open_one_are_found() {
        assert_eq!(
            problems(|d| d.states.push(d.states[1].clone())),
            ["State(3): duplicate state 'b'"]
        );
        assert_eq!(
            problems(|d| d.states[1].outcome = Some(Outcome::Success)),
            ["Outcome(1): state 'b' is not ended and cannot imply outcome 'success'"]
        );
    }

    #[test]
    fn the_initial_state_must_be_there_and_be_open_and_lead_to_an_active_one() {
        assert_eq!(
            problems(|d| d.initial = "nope".to_owned()),
            ["Initial: unknown initial state 'nope'"]
        );
        assert_eq!(
            problems(|d| d.initial = "z".to_owned()),
            ["Initial: initial state 'z' cannot be ended"]
        );
        assert_eq!(
            problems(|d| d.states[0].class = Class::Paused),
            ["Initial: initial state 'a' cannot be paused"]
        );
        assert_eq!(
            problems(|d| d.states[1].class = Class::Pending),
            ["Initial: no active state directly follows initial state 'a'"]
        );
    }

    #[test]
    fn every_state_must_lead_to_an_ended_one() {
        assert_eq!(problems(|d| d.states[2].class = Class::Paused), ["States: no ended state"]);
        let found = problems(|d| {
            let mut state = d.states[1].clone();
            (state.name, state.to) = ("c".to_owned(), Vec::new());
            d.states[1].to.push("c".to_owned());
            d.states.push(state);
        });
        assert_eq!(found, ["State(3): state 'c' cannot reach an ended state"]);
    }

    #[test]
    fn a_state_that_nothing_leads_to_is_a_warning_only() {
        let mut definition = None;
        let found = problems(|d| {
            let mut island = d.states[1].clone();
            island.name = "island".to_owned();
            d.states.push(island);
            definition = Some(d.clone());
        });
        assert_eq!(found, ["State(3): state 'island' cannot be reached from 'a'"]);
        let definition = definition.expect("kept");
        assert!(check(&definition).iter().all(Problem::is_warning));
    }

    #[test]
    fn no_states_and_too_many_are_refused_and_64_are_not() {
        assert_eq!(problems(|d| d.states.clear()), ["States: no states"]);
        let grow = |d: &mut Definition, n: usize| {
            for idx in d.states.len()..n {
                let mut state = d.states[1].clone();
                state.name = format!("s{idx}");
                d.states[0].to.push(state.name.clone());
                d.states.push(state);
            }
        };
        assert_eq!(problems(|d| grow(d, 64)), [""; 0]);
        assert_eq!(problems(|d| grow(d, 10_000)), ["States: too many states (10000; at most 64)"]);
    }
}
