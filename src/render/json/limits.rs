//! What `check --json` prints.

use schemars::JsonSchema;
use serde::Serialize;

use crate::ops::limits::{Limit, State};
use crate::ops::load::View;

/// The limits of a session. Every key is present.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CheckObject {
    /// The id of the session.
    pub id: String,
    /// Its short name.
    pub handle: String,
    /// Time, iterations and tokens.
    pub limits: Vec<LimitObject>,
    /// The worst state of all: ok, near or passed.
    pub state: String,
}

/// A limit.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct LimitObject {
    /// time, iterations or tokens.
    pub name: String,
    /// How much is used.
    pub used: u64,
    /// How much may be used; null if there is no limit.
    pub limit: Option<u64>,
    /// seconds, iterations or tokens.
    pub unit: String,
    /// How many percent are used, cut off; null if there is no limit.
    pub percent: Option<u64>,
    /// ok, near or passed.
    pub state: String,
}

/// Returns the limits of a session as an object.
pub fn check(view: &View, limits: &[Limit], warn_at: u64) -> CheckObject {
    let worst = limits.iter().map(|limit| limit.state(warn_at)).max().unwrap_or(State::Ok);
    let limit = |limit: &Limit| LimitObject {
        name: limit.name.to_owned(),
        used: limit.used,
        limit: limit.limit,
        unit: limit.unit.to_owned(),
        percent: limit.percent(),
        state: limit.state(warn_at).as_str().to_owned(),
    };
    CheckObject {
        id: view.session.id.to_string(),
        handle: view.session.id.handle().to_string(),
        limits: limits.iter().map(limit).collect(),
        state: worst.as_str().to_owned(),
    }
}
