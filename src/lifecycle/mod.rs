//! The rules as data: which states a session may be in, and which may follow which.
//!
//! A [`Definition`] is what somebody wrote; a [`Lifecycle`] is one that [`check`] found no fault in,
//! so that its look-ups cannot fail for reasons of the table. Nothing here reads or writes
//! anything, knows the time, or knows how a definition is spelled in a file. Start reading at
//! [`Lifecycle::judge`].

mod builtin;
mod check;
mod definition;
mod forward;
mod intent;
mod judge;
mod problem;

pub use builtin::{BUILTIN_NAMES, builtin, builtin_yaml};
pub use check::check;
pub use definition::{
    Definition, Lifecycle, MAX_STATES, State, is_lifecycle_name, is_state_name, shown,
};
pub use forward::Forward;
pub use intent::Intent;
pub use judge::{Move, Refusal, Standing, Verdict, nearest};
pub use problem::{Fault, Problem, Spot};
