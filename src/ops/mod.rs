//! Use cases, one file each: what a command does, free of how it is asked and answered.
//!
//! A change goes through [`change`]: read, judge by the lifecycle, write, publish, and judge again
//! if another writer was faster. Start reading there.

mod agent_commits;
pub mod agent_hook;
pub mod agent_state;
pub mod agent_trace;
mod agent_transcript;
pub mod agents;
mod append;
pub mod attach;
pub mod change;
pub mod claims;
mod close;
mod context;
pub mod conversation;
pub mod converted;
pub mod counter;
pub mod create;
pub mod delete;
pub mod doctor;
mod error;
pub mod export;
mod foreign;
pub mod grep;
pub mod hook;
pub mod import;
pub mod import_layout;
pub mod ingest;
mod ingest_count;
mod ingest_file;
pub mod job;
pub mod leaks;
pub mod lifecycles;
pub mod limits;
pub mod lineage;
pub mod links;
pub mod list;
pub mod load;
pub mod log;
mod log_said;
pub mod observe;
pub mod patch;
pub mod place;
pub mod push;
pub mod reap;
pub mod record;
pub mod record_lines;
pub mod redaction;
pub mod resolve;
pub mod resume;
pub mod run;
mod runs;
mod segments;
pub mod sources;
pub mod stats;
pub mod stop;
mod title;
pub mod told;
pub mod transition;
pub mod update;
pub mod watch;
pub mod worker_log;

pub use context::Context;
pub use error::{Candidate, OpError};
