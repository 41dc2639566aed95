use std::sync::OnceLock;

use crate::model::{Class, Outcome};

use super::{Definition, Lifecycle, State};

/// The names of the lifecycles that need no file; the first is the default.
pub const BUILTIN_NAMES: [&str; 2] = ["worker", "feature"];

/// A state as it is written below: name, class, implied outcome, successors.
type Row = (&'static str, Class, Option<Outcome>, &'static [&'static str]);

/// Source: Monoco scheduler sessions (FEAT-0098).
const WORKER: [Row; 4] = [
    ("pending", Class::Pending, None, &["running", "terminated"]),
    ("running", Class::Active, None, &["suspended", "terminated"]),
    ("suspended", Class::Paused, None, &["running", "terminated"]),
    ("terminated", Class::Ended, None, &[]),
];

/// Source: Maestro "State Transitions".
#[rustfmt::skip]
const FEATURE: [Row; 9] = [
    ("initializing", Class::Pending, None, &["planning", "failed", "paused"]),
    ("planning", Class::Active, None, &["generating_tasks", "failed", "paused"]),
    ("generating_tasks", Class::Active, None, &["implementing", "failed", "paused"]),
    ("implementing", Class::Active, None, &["validating", "failed", "paused"]),
    ("validating", Class::Active, None, &["generating_report", "implementing", "failed", "paused"]),
    ("generating_report", Class::Active, None, &["completed", "failed", "paused"]),
    ("paused", Class::Paused, None, &[
        "planning", "generating_tasks", "implementing", "validating", "generating_report",
        "failed", "completed",
    ]),
    ("completed", Class::Ended, Some(Outcome::Success), &[]),
    ("failed", Class::Ended, Some(Outcome::Failure), &[]),
];

const FEATURE_PHASES: [&str; 5] = ["plan", "generate_tasks", "implement", "validate", "report"];

/// Returns the built-in lifecycle of this name.
pub fn builtin(name: &str) -> Option<&'static Lifecycle> {
    static WORKER_CELL: OnceLock<Lifecycle> = OnceLock::new();
    static FEATURE_CELL: OnceLock<Lifecycle> = OnceLock::new();
    match name {
        "worker" => Some(WORKER_CELL.get_or_init(|| build("worker", &WORKER, &[]))),
        "feature" => Some(FEATURE_CELL.get_or_init(|| build("feature", &FEATURE, &FEATURE_PHASES))),
        _ => None,
    }
}

/// Returns the text that defines the built-in lifecycle of this name: what a session that follows
/// it keeps. The tables above say the same, so that no text need be read to follow it.
pub fn builtin_yaml(name: &str) -> Option<&'static str> {
    match name {
        "worker" => Some(include_str!("builtin/worker.yaml")),
        "feature" => Some(include_str!("builtin/feature.yaml")),
        _ => None,
    }
}

fn build(name: &str, rows: &[Row], phases: &[&str]) -> Lifecycle {
    let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    let states = rows.iter().map(|(name, class, outcome, to)| State {
        name: (*name).to_owned(),
        class: *class,
        outcome: *outcome,
        to: owned(to),
    });
    let definition = Definition {
        name: name.to_owned(),
        initial: rows[0].0.to_owned(),
        states: states.collect(),
        phases: owned(phases),
    };
    Lifecycle::new(definition).expect("the built-in tables are checked by the tests").0
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    #[test]
    fn the_built_in_lifecycles_have_no_fault_and_no_warning() {
        for name in BUILTIN_NAMES {
            let lifecycle = builtin(name).expect("built in");
            let definition = Definition {
                name: lifecycle.name().to_owned(),
                initial: lifecycle.initial().to_owned(),
                states: lifecycle.states().to_vec(),
                phases: lifecycle.phases().to_vec(),
            };
            assert_eq!(check(&definition), [], "{name}");
            assert_eq!(lifecycle.name(), name);
        }
        assert_eq!(builtin("banana"), None);
    }

    #[test]
    fn start_moves_to_running_or_to_planning() {
        for (name, initial, active) in
            [("worker", "pending", "running"), ("feature", "initializing", "planning")]
        {
            let lifecycle = builtin(name).expect("built in");
            assert_eq!(lifecycle.initial(), initial);
            assert_eq!(lifecycle.first_active().name, active);
        }
    }

    #[test]
    fn the_feature_states_of_a_class_come_in_order() {
        let feature = builtin("feature").expect("built in");
        let names = |class| -> Vec<&str> {
            let states = feature.states_of(class);
            states.map(|state| state.name.as_str()).collect()
        };
        assert_eq!(names(Class::Pending), ["initializing"]);
        assert_eq!(names(Class::Paused), ["paused"]);
        assert_eq!(names(Class::Ended), ["completed", "failed"]);
        assert_eq!(names(Class::Active).len(), 5);
        assert_eq!(feature.class_of("validating"), Some(Class::Active));
        assert_eq!(feature.allowed("completed"), [""; 0]);
        assert_eq!(feature.phases().join(" "), "plan generate_tasks implement validate report");
    }
}
