//! Foreign transcripts: real files of all agents, read, counted and compared with what others counted.
//!
//! The files are not a part of the project. They are looked for where `GIT_SESSION_TEST_DATA` says, else
//! in `../shared/data` beside the checkout; without them the tests that need them say so and pass.
#![allow(clippy::disallowed_methods, reason = "tests meet the environment")]
#![allow(clippy::print_stderr, clippy::print_stdout, reason = "tests say what they skip and count")]

#[path = "agents/corpus.rs"]
mod corpus;
#[path = "agents/oracle.rs"]
mod oracle;
#[path = "agents/robust.rs"]
mod robust;
#[path = "agents/samples.rs"]
mod samples;
