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
    pub const ALL: [Intent; 5] =
        [Intent::Suspend, Intent::Resume, Intent::Finish, Intent::Fail, Intent::Terminate];

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
            return Err(Refusal::NotPaused { from: from.name.clone(), allowed: from.to.clone() });
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

#[cfg(test)]
mod tests {
    use super::super::{Definition, builtin};
    use super::*;

    const OPEN_FEATURE: [&str; 7] = [
        "initializing",
        "planning",
        "generating_tasks",
        "implementing",
        "validating",
        "generating_report",
        "paused",
    ];

    /// Describes the answer in a word or few: `= state`, `state outcome`, `not state`, or a reason.
    fn answer(lifecycle: &str, at: Standing<'_>, intent: Intent) -> String {
        let lifecycle = builtin(lifecycle).expect("built in");
        match lifecycle.intend(at, intent) {
            Ok(Verdict::Already(state)) => format!("= {}", state.name),
            Ok(Verdict::Move(step)) => match step.outcome {
                Some(outcome) => format!("{} {outcome}", step.to.name),
                None => step.to.name.clone(),
            },
            Err(Refusal::Refused { to, .. }) => format!("not {to}"),
            Err(Refusal::NotPaused { .. }) => "not paused".to_owned(),
            Err(other) => panic!("{other:?}"),
        }
    }

    fn ended(status: &str, outcome: Outcome) -> Standing<'_> {
        Standing { outcome: Some(outcome), ..Standing::at(status) }
    }

    #[test]
    fn every_intent_has_its_meaning_in_every_open_worker_state() {
        use Intent::{Fail, Finish, Resume, Suspend, Terminate};
        for (from, intent, expected) in [
            ("pending", Suspend, "not suspended"),
            ("pending", Resume, "not paused"),
            ("pending", Finish, "terminated success"),
            ("pending", Fail, "terminated failure"),
            ("pending", Terminate, "terminated interrupted"),
            ("running", Suspend, "suspended"),
            ("running", Resume, "= running"),
            ("running", Finish, "terminated success"),
            ("running", Fail, "terminated failure"),
            ("running", Terminate, "terminated interrupted"),
            ("suspended", Suspend, "= suspended"),
            ("suspended", Resume, "running"),
            ("suspended", Finish, "terminated success"),
            ("suspended", Fail, "terminated failure"),
            ("suspended", Terminate, "terminated interrupted"),
        ] {
            assert_eq!(
                answer("worker", Standing::at(from), intent),
                expected,
                "{intent} from {from}"
            );
        }
    }

    #[test]
    fn every_open_feature_state_can_be_suspended_failed_and_terminated() {
        for from in OPEN_FEATURE {
            let at = Standing::at(from);
            let paused = if from == "paused" { "= paused" } else { "paused" };
            assert_eq!(answer("feature", at, Intent::Suspend), paused, "{from}");
            assert_eq!(answer("feature", at, Intent::Fail), "failed failure", "{from}");
            let terminated = answer("feature", at, Intent::Terminate);
            assert_eq!(terminated, "failed interrupted", "{from}");
        }
    }

    #[test]
    fn a_feature_can_be_finished_from_its_report_and_while_paused_only() {
        for from in OPEN_FEATURE {
            let expected = match from {
                "generating_report" | "paused" => "completed success",
                _ => "not completed",
            };
            let found = answer("feature", Standing::at(from), Intent::Finish);
            assert_eq!(found, expected, "{from}");
        }
    }

    #[test]
    fn resume_goes_back_to_each_origin_or_else_to_the_first_active_state() {
        let resumed = |lifecycle, status, paused_from| {
            let at = Standing { paused_from, ..Standing::at(status) };
            answer(lifecycle, at, Intent::Resume)
        };
        for origin in &OPEN_FEATURE[1..6] {
            assert_eq!(resumed("feature", "paused", Some(origin)), *origin);
        }
        for origin in [None, Some("initializing"), Some("failed"), Some("paused"), Some("../x")] {
            assert_eq!(resumed("feature", "paused", origin), "planning", "{origin:?}");
        }
        assert_eq!(resumed("worker", "suspended", Some("running")), "running");
        assert_eq!(resumed("worker", "suspended", Some("pending")), "running");
        assert_eq!(resumed("feature", "initializing", None), "not paused");
        assert_eq!(resumed("feature", "validating", None), "= validating");
    }

    #[test]
    fn a_paused_origin_does_not_lead_other_intents_astray() {
        let at = Standing { paused_from: Some("implementing"), ..Standing::at("paused") };
        assert_eq!(answer("feature", at, Intent::Finish), "completed success");
        assert_eq!(answer("feature", at, Intent::Suspend), "= paused");
    }

    #[test]
    fn an_ended_session_is_final_and_ending_it_again_alike_is_safe() {
        use Intent::{Fail, Finish, Resume, Suspend, Terminate};
        let success = ended("completed", Outcome::Success);
        let stopped = ended("failed", Outcome::Interrupted);
        let failed = ended("terminated", Outcome::Failure);
        for (lifecycle, at, intent, expected) in [
            ("feature", success, Finish, "= completed"),
            ("feature", success, Fail, "not failed"),
            ("feature", success, Terminate, "not failed"),
            ("feature", success, Suspend, "not paused"),
            ("feature", success, Resume, "not planning"),
            ("feature", stopped, Terminate, "= failed"),
            ("feature", stopped, Fail, "not failed"),
            ("feature", stopped, Finish, "not completed"),
            ("worker", failed, Fail, "= terminated"),
            ("worker", failed, Finish, "not terminated"),
            ("worker", failed, Resume, "not running"),
        ] {
            assert_eq!(answer(lifecycle, at, intent), expected, "{intent} from {at:?}");
        }
    }

    #[test]
    fn an_intent_without_any_state_in_the_lifecycle_says_so() {
        let state = |name: &str, class, outcome, to: &[&str]| State {
            name: name.to_owned(),
            class,
            outcome,
            to: to.iter().map(|&name| name.to_owned()).collect(),
        };
        let definition = Definition {
            name: "simple".to_owned(),
            initial: "working".to_owned(),
            states: vec![
                state("working", Class::Active, None, &["lost", "done"]),
                state("lost", Class::Ended, Some(Outcome::Interrupted), &[]),
                state("done", Class::Ended, Some(Outcome::Success), &[]),
            ],
            phases: Vec::new(),
        };
        let (simple, _) = Lifecycle::new(definition).expect("right");
        let at = Standing::at("working");
        for intent in [Intent::Suspend, Intent::Fail] {
            let refusal = simple.intend(at, intent).expect_err("no such state");
            let expected = format!("lifecycle 'simple' has no state to {intent} into");
            assert_eq!(refusal.to_string(), expected);
        }
        match simple.intend(at, Intent::Terminate).expect("allowed") {
            Verdict::Move(step) => assert_eq!(step.to.name, "lost"),
            other => panic!("{other:?}"),
        }
        assert_eq!(simple.first_active().name, "working");
    }
}
