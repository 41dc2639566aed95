//! What `lifecycle show --json` prints.

use schemars::JsonSchema;
use serde::Serialize;

use crate::lifecycle::Lifecycle;
use crate::model::{Class, Map};

/// A lifecycle.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct LifecycleObject {
    /// Its name.
    pub name: String,
    /// The state that a session is made in.
    pub initial: String,
    /// All states, in order.
    pub states: Vec<String>,
    /// The ended ones.
    pub terminal: Vec<String>,
    /// The paused ones.
    pub paused: Vec<String>,
    /// The phases, in order.
    pub phases: Vec<String>,
    /// Each state's allowed successors, in order; none for the ended ones.
    pub transitions: Map,
    /// Each state's class.
    pub classes: Map,
    /// The outcomes that ended states imply.
    pub outcomes: Map,
}

/// Returns a lifecycle as an object.
pub fn lifecycle(lifecycle: &Lifecycle) -> LifecycleObject {
    let names = |class: Class| lifecycle.states_of(class).map(|state| state.name.clone()).collect();
    let states = lifecycle.states();
    LifecycleObject {
        name: lifecycle.name().to_owned(),
        initial: lifecycle.initial().to_owned(),
        states: states.iter().map(|state| state.name.clone()).collect(),
        terminal: names(Class::Ended),
        paused: names(Class::Paused),
        phases: lifecycle.phases().to_vec(),
        transitions: states.iter().map(|it| (it.name.clone(), it.to.clone().into())).collect(),
        classes: states.iter().map(|it| (it.name.clone(), it.class.as_str().into())).collect(),
        outcomes: states
            .iter()
            .filter_map(|it| Some((it.name.clone(), it.outcome?.as_str().into())))
            .collect(),
    }
}
