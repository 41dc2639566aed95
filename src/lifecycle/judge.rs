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
        Standing { status, paused_from: None, outcome: None }
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
            paused_from: origin.filter(|_| to.class == Class::Paused).map(str::to_owned),
            outcome,
        }
    }

    fn nearest(&self, name: &str) -> Option<&str> {
        nearest(name, self.states().iter().map(|state| state.name.as_str()))
    }
}

impl Refusal {
    pub(super) fn refused(from: &State, to: &State) -> Refusal {
        Refusal::Refused { from: from.name.clone(), to: to.name.clone(), allowed: from.to.clone() }
    }
}

/// Returns the known name that is most like `name`, if one is at most two letters off.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|known| (distance(name, known), known))
        .filter(|(distance, _)| *distance <= 2)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
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

#[cfg(test)]
mod tests {
    use super::super::builtin;
    use super::*;

    /// `=` is the state itself, `x` allowed, `.` refused; rows and columns in the same order.
    const WORKER: [(&str, &str); 4] =
        [("pending", "=x.x"), ("running", ".=xx"), ("suspended", ".x=x"), ("terminated", "...=")];

    const FEATURE: [(&str, &str); 9] = [
        ("initializing", "=x....x.x"),
        ("planning", ".=x...x.x"),
        ("generating_tasks", "..=x..x.x"),
        ("implementing", "...=x.x.x"),
        ("validating", "...x=xx.x"),
        ("generating_report", ".....=xxx"),
        ("paused", ".xxxxx=xx"),
        ("completed", ".......=."),
        ("failed", "........="),
    ];

    fn feature() -> &'static Lifecycle {
        builtin("feature").expect("built in")
    }

    /// Judges all pairs and returns how many.
    fn agrees_with(name: &str, matrix: &[(&str, &str)]) -> usize {
        let lifecycle = builtin(name).expect("built in");
        assert_eq!(lifecycle.states().len(), matrix.len());
        for (from, row) in matrix {
            for ((to, _), mark) in matrix.iter().zip(row.chars()) {
                let answer = lifecycle.judge(Standing::at(from), to);
                let found = match &answer {
                    Ok(Verdict::Already(state)) if state.name == *to => '=',
                    Ok(Verdict::Move(step)) if step.to.name == *to => 'x',
                    Err(Refusal::Refused { .. }) => '.',
                    other => panic!("{from} -> {to}: {other:?}"),
                };
                assert_eq!(found, mark, "{name}: {from} -> {to}");
            }
        }
        matrix.len() * matrix.len()
    }

    #[test]
    fn every_pair_of_worker_states_is_judged_as_documented() {
        assert_eq!(agrees_with("worker", &WORKER), 16);
    }

    #[test]
    fn every_pair_of_feature_states_is_judged_as_documented() {
        assert_eq!(agrees_with("feature", &FEATURE), 81);
    }

    #[test]
    fn a_refusal_lists_what_is_allowed_in_table_order() {
        let refusal = feature().judge(Standing::at("implementing"), "completed");
        let refusal = refusal.expect_err("not in the table");
        let allowed = ["validating", "failed", "paused"].map(str::to_owned).to_vec();
        assert_eq!(refusal.to_string(), "cannot go from 'implementing' to 'completed'");
        assert_eq!(
            refusal,
            Refusal::Refused {
                from: "implementing".to_owned(),
                to: "completed".to_owned(),
                allowed,
            }
        );
    }

    #[test]
    fn an_unknown_state_is_its_own_error_with_the_nearest_name() {
        for (asked, expected) in [
            ("plannig", Some("planning")),
            ("Planning", Some("planning")),
            ("complete", Some("completed")),
            ("", None),
            ("running", None),
            (&"x".repeat(100_000), None),
        ] {
            match feature().judge(Standing::at("initializing"), asked) {
                Err(Refusal::UnknownState { name, nearest, states }) => {
                    assert_eq!((name.as_str(), nearest.as_deref()), (asked, expected));
                    assert_eq!(states.len(), 9);
                }
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn an_unknown_present_state_is_refused_but_can_be_left_by_force() {
        let lost = Standing::at("banana");
        let answer = feature().judge(lost, "planning");
        assert!(matches!(answer, Err(Refusal::UnknownState { name, .. }) if name == "banana"));
        match feature().force(lost, "paused").expect("forced") {
            Verdict::Move(step) => assert_eq!(step.paused_from, None),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn force_leaves_an_ended_state_but_enters_no_unknown_one() {
        let ended = Standing::at("completed");
        match feature().force(ended, "planning").expect("forced") {
            Verdict::Move(step) => {
                assert_eq!((step.to.name.as_str(), step.outcome), ("planning", None));
            }
            other => panic!("{other:?}"),
        }
        assert!(matches!(feature().force(ended, "completed"), Ok(Verdict::Already(_))));
        assert!(matches!(feature().force(ended, "banana"), Err(Refusal::UnknownState { .. })));
    }

    #[test]
    fn entering_a_paused_state_remembers_the_origin_and_leaving_forgets_it() {
        for (from, _) in &FEATURE[..6] {
            match feature().judge(Standing::at(from), "paused").expect("allowed") {
                Verdict::Move(step) => assert_eq!(step.paused_from.as_deref(), Some(*from)),
                other => panic!("{other:?}"),
            }
        }
        let paused = Standing { paused_from: Some("planning"), ..Standing::at("paused") };
        match feature().judge(paused, "validating").expect("allowed") {
            Verdict::Move(step) => assert_eq!(step.paused_from, None),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_state_asked_for_by_name_gives_the_outcome_that_it_implies() {
        for (lifecycle, from, to, outcome) in [
            ("feature", "generating_report", "completed", Some(Outcome::Success)),
            ("feature", "generating_report", "failed", Some(Outcome::Failure)),
            ("feature", "planning", "generating_tasks", None),
            ("worker", "running", "terminated", None),
        ] {
            let lifecycle = builtin(lifecycle).expect("built in");
            match lifecycle.judge(Standing::at(from), to).expect("allowed") {
                Verdict::Move(step) => assert_eq!(step.outcome, outcome, "{to}"),
                other => panic!("{other:?}"),
            }
        }
    }
}
