//! What `watch --json` prints on each line.

use schemars::JsonSchema;
use serde::Serialize;

use super::{EventObject, event};
use crate::ops::watch::{Sight, What};

/// Something that was seen of a session. Every key is present.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct SightObject {
    /// What was seen: state (the first look), event, observed or deleted.
    #[serde(rename = "type")]
    pub kind: String,
    /// The id of the session.
    pub id: String,
    /// Its short name.
    pub handle: String,
    /// Its state; after an event, the one that it led to.
    pub status: String,
    /// The class of that state.
    pub class: String,
    /// What is seen of its worker: running, lost, elsewhere or none.
    pub observed: String,
    /// The event, as `log --json` has it; null for the others.
    pub event: Option<EventObject>,
}

/// Returns what was seen as an object.
pub fn sight(sight: &Sight) -> SightObject {
    let (kind, event) = match &sight.what {
        What::State => ("state", None),
        What::Event(logged) => ("event", Some(event(logged))),
        What::Observed => ("observed", None),
        What::Deleted => ("deleted", None),
    };
    SightObject {
        kind: kind.to_owned(),
        id: sight.view.session.id.to_string(),
        handle: sight.view.session.id.handle().to_string(),
        status: sight.status().to_owned(),
        class: sight.class().to_string(),
        observed: sight.view.observed.to_string(),
        event,
    }
}
