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

    fn position(&self, state: &State) -> Option<usize> {
        self.states().iter().position(|s| s.name == state.name)
    }
}
