use crate::model::{Class, Outcome};

use super::{Lifecycle, Refusal, State};

/// What comes next after a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Forward<'a> {
    /// This one state.
    To(&'a State),
    /// The state is paused: resume instead.
    Resume,
    /// The state is ended; nothing comes next.
    Ended,
    /// No state that may follow lies ahead.
    Nowhere,
    /// More than one; which, somebody must say. In table order.
    Several(Vec<&'a State>),
}

impl Lifecycle {
    /// Returns the one forward transition from `from`.
    ///
    /// Ahead lie the states that may follow and are declared later than `from`, without the paused
    /// ones, those that imply failure, and, as long as the work has not begun, the ended ones.
    ///
    /// # Errors
    /// [`Refusal::UnknownState`] if `from` is not of this lifecycle.
    pub fn forward(&self, from: &str) -> Result<Forward<'_>, Refusal> {
        let from = self.known(from)?;
        match from.class {
            Class::Paused => return Ok(Forward::Resume),
            Class::Ended => return Ok(Forward::Ended),
            Class::Pending | Class::Active => {}
        }
        let ahead: Vec<&State> = self
            .successors(from)
            .filter(|state| self.position(state) > self.position(from))
            .filter(|state| state.class != Class::Paused)
            .filter(|state| state.outcome != Some(Outcome::Failure))
            .filter(|state| state.class != Class::Ended || from.class != Class::Pending)
            .collect();
        Ok(match ahead[..] {
            [] => Forward::Nowhere,
            [one] => Forward::To(one),
            _ => Forward::Several(ahead),
        })
    }

    /// Tells whether a session in the state `from` is in, or can come to, a state that `is_wanted`.
    pub fn can_reach(&self, from: &str, is_wanted: impl Fn(&State) -> bool) -> bool {
        let mut found: Vec<&State> = self.state(from).into_iter().collect();
        let mut n_looked_at = 0;
        while let Some(&state) = found.get(n_looked_at) {
            if is_wanted(state) {
                return true;
            }
            n_looked_at += 1;
            let more = self.successors(state).filter(|it| !found.contains(it));
            let more: Vec<&State> = more.collect();
            found.extend(more);
        }
        false
    }

    fn position(&self, state: &State) -> Option<usize> {
        self.states().iter().position(|s| s.name == state.name)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Definition, builtin};
    use super::*;

    fn described(lifecycle: &Lifecycle, from: &str) -> String {
        match lifecycle.forward(from).expect("known") {
            Forward::To(state) => state.name.clone(),
            Forward::Several(states) => {
                let names: Vec<&str> = states.iter().map(|state| state.name.as_str()).collect();
                format!("one of {}", names.join(" "))
            }
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_state_can_be_reached_as_long_as_a_way_leads_there() {
        for (lifecycle, from, to, expected) in [
            ("worker", "pending", "terminated", true),
            ("worker", "running", "running", true),
            ("worker", "suspended", "running", true),
            ("worker", "running", "pending", false),
            ("worker", "terminated", "running", false),
            ("feature", "validating", "implementing", true),
            ("feature", "failed", "completed", false),
            ("feature", "planning", "initializing", false),
            ("feature", "nowhere", "planning", false),
        ] {
            let lifecycle = builtin(lifecycle).expect("built in");
            let found = lifecycle.can_reach(from, |state| state.name == to);
            assert_eq!(found, expected, "{from} -> {to}");
        }
        let worker = builtin("worker").expect("built in");
        assert!(worker.can_reach("running", |state| state.class == Class::Paused));
        assert!(!worker.can_reach("terminated", |state| state.class.is_open()));
    }

    #[test]
    fn every_built_in_state_has_the_expected_next_one() {
        for (lifecycle, from, expected) in [
            ("worker", "pending", "running"),
            ("worker", "running", "terminated"),
            ("worker", "suspended", "Resume"),
            ("worker", "terminated", "Ended"),
            ("feature", "initializing", "planning"),
            ("feature", "planning", "generating_tasks"),
            ("feature", "generating_tasks", "implementing"),
            ("feature", "implementing", "validating"),
            ("feature", "validating", "generating_report"),
            ("feature", "generating_report", "completed"),
            ("feature", "paused", "Resume"),
            ("feature", "completed", "Ended"),
            ("feature", "failed", "Ended"),
        ] {
            let known = builtin(lifecycle).expect("built in");
            assert_eq!(described(known, from), expected, "{lifecycle}: {from}");
        }
    }

    #[test]
    fn a_fork_and_a_way_back_have_no_one_next_state() {
        let state = |name: &str, class, to: &[&str]| State {
            name: name.to_owned(),
            class,
            outcome: None,
            to: to.iter().map(|&name| name.to_owned()).collect(),
        };
        let definition = Definition {
            name: "fork".to_owned(),
            initial: "a".to_owned(),
            states: vec![
                state("a", Class::Pending, &["b"]),
                state("z", Class::Ended, &[]),
                state("b", Class::Active, &["d", "c"]),
                state("c", Class::Active, &["z"]),
                state("d", Class::Active, &["z"]),
            ],
            phases: Vec::new(),
        };
        let (fork, warnings) = Lifecycle::new(definition).expect("right");
        assert_eq!(warnings, []);
        assert_eq!(described(&fork, "b"), "one of d c");
        assert_eq!(described(&fork, "c"), "Nowhere");
    }

    #[test]
    fn an_unknown_state_has_no_next_one() {
        let worker = builtin("worker").expect("built in");
        assert!(matches!(worker.forward("banana"), Err(Refusal::UnknownState { .. })));
    }
}
