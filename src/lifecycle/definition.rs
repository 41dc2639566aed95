use crate::model::{Class, Outcome};

use super::{Problem, check};

/// The most states that a lifecycle may have, and the most phases.
pub const MAX_STATES: usize = 64;

/// A state that a session may be in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// `[a-z][a-z0-9_]{0,31}`.
    pub name: String,
    /// What kind of state it is.
    pub class: Class,
    /// The outcome that being in it implies; only an ended state may imply one.
    pub outcome: Option<Outcome>,
    /// The names of the states that may follow, in table order; empty if the state is ended.
    pub to: Vec<String>,
}

/// What somebody wrote down as a lifecycle, right or wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// `[a-z][a-z0-9-]{0,31}`.
    pub name: String,
    /// The state that a session is made in.
    pub initial: String,
    /// The states in the order in which work goes through them.
    pub states: Vec<State>,
    /// The names of the phases, in order; may be empty.
    pub phases: Vec<String>,
}

/// A definition without a fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lifecycle(Definition);

impl Lifecycle {
    /// Returns the lifecycle that `definition` describes, and the warnings about it.
    ///
    /// # Errors
    /// All problems that [`check`] found, if one of them is more than a warning; the first one is.
    pub fn new(definition: Definition) -> Result<(Lifecycle, Vec<Problem>), Vec<Problem>> {
        let problems = check(&definition);
        if problems.iter().all(Problem::is_warning) {
            Ok((Lifecycle(definition), problems))
        } else {
            Err(problems)
        }
    }

    /// Returns its name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Returns the name of the state that a session is made in.
    pub fn initial(&self) -> &str {
        &self.0.initial
    }

    /// Returns all states, in the order of the definition.
    pub fn states(&self) -> &[State] {
        &self.0.states
    }

    /// Returns the names of the phases, in order; may be empty.
    pub fn phases(&self) -> &[String] {
        &self.0.phases
    }

    /// Returns the state with this name.
    pub fn state(&self, name: &str) -> Option<&State> {
        self.0.states.iter().find(|state| state.name == name)
    }

    /// Returns the class of the state with this name.
    pub fn class_of(&self, name: &str) -> Option<Class> {
        self.state(name).map(|state| state.class)
    }

    /// Returns the states of a class, in the order of the definition.
    pub fn states_of(&self, class: Class) -> impl Iterator<Item = &State> {
        self.0.states.iter().filter(move |s| s.class == class)
    }

    /// Returns the names of the states that may follow `from`, in table order; empty if `from` is
    /// final or unknown.
    ///
    /// Source: Maestro "State Transitions".
    pub fn allowed(&self, from: &str) -> &[String] {
        self.state(from).map_or(&[], |state| &state.to)
    }

    /// Returns the states that may follow `from`, in table order.
    pub fn successors<'a>(&'a self, from: &'a State) -> impl Iterator<Item = &'a State> + Clone {
        from.to.iter().filter_map(|name| self.state(name))
    }

    /// Returns the state that a session is in once it is started: the initial one if that is
    /// active, else the first active state that may directly follow it.
    pub fn first_active(&self) -> &State {
        self.0.first_active().expect("a lifecycle without a first active state is refused")
    }
}

impl Definition {
    pub(super) fn first_active(&self) -> Option<&State> {
        let find = |name: &str| self.states.iter().find(|state| state.name == name);
        let initial = find(&self.initial)?;
        std::iter::once(initial)
            .chain(initial.to.iter().filter_map(|name| find(name)))
            .find(|state| state.class == Class::Active)
    }
}

/// Tells whether `text` may name a state or a phase: `[a-z][a-z0-9_]{0,31}`.
pub fn is_state_name(text: &str) -> bool {
    is_name(text, b'_')
}

/// Tells whether `text` may name a lifecycle: `[a-z][a-z0-9-]{0,31}`.
pub fn is_lifecycle_name(text: &str) -> bool {
    is_name(text, b'-')
}

fn is_name(text: &str, joiner: u8) -> bool {
    text.len() <= 32
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == joiner)
}

/// Returns untrusted text as a message may quote it: nothing that a terminal obeys, and not long.
pub fn shown(text: &str) -> String {
    const MAX_CHARS: usize = 40;
    let mut shown: String = text.chars().take(MAX_CHARS).collect::<String>();
    shown = shown.escape_debug().to_string();
    if text.chars().nth(MAX_CHARS).is_some() {
        shown.push_str("...");
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_name_is_a_short_lower_case_word() {
        let longest = "a".repeat(32);
        for name in ["a", "planning", "generating_tasks", "s0", "no", &longest] {
            assert!(is_state_name(name), "{name}");
        }
        let too_long = "a".repeat(33);
        for name in ["", "_a", "0a", "A", "a-b", "a b", "--help", "é", "pl\x1b[31man", &too_long] {
            assert!(!is_state_name(name), "{name:?}");
        }
    }

    #[test]
    fn a_lifecycle_name_may_have_hyphens_and_is_never_a_path_or_an_option() {
        assert!(is_lifecycle_name("code-review"));
        for name in ["", "-a", "a_b", "../a", "a/b", "a.yaml", ".."] {
            assert!(!is_lifecycle_name(name), "{name:?}");
        }
    }

    #[test]
    fn shown_text_has_no_control_characters_and_an_end() {
        assert_eq!(shown("pl\x1b[31man\n"), "pl\\u{1b}[31man\\n");
        assert_eq!(shown(&"x".repeat(5000)).len(), 43);
    }
}
