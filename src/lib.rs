//! git-session: the session tracker that lives in git.
//!
//! A session is one run of a worker (a person, an AI coding agent, a script) on a task. Its record
//! is a chain of commits on its own ref, `refs/sessions/<id>`; every transition is a commit. The
//! house has floors, and a module names only lower ones (`ARCHITECTURE.md`).

pub mod agents;
pub mod cache;
pub mod cli;
pub mod format;
pub mod lifecycle;
pub mod model;
pub mod ops;
pub mod redact;
pub mod render;
pub mod store;
pub mod worker;
