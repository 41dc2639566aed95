//! Agents' hooks: where each agent is told to call us, and what it says when it does.
//!
//! Texts in, texts out; knows no file system and no environment. Start reading at [`Setup`] for the
//! configuration, at [`Call`] for what is said.

mod call;
mod committed;
mod edit;
mod setup;

pub use call::{Call, Moment};
pub use setup::{Command, Setup};
