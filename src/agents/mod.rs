//! Agents' transcripts: whose a file is, and what is said and done in it.
//!
//! Bytes in, [`Event`](crate::model::conversation::Event)s out. Each agent has a file with what is known
//! of its format and where from. Knows no file system, no environment, no session. Start reading at
//! [`Transcript`].

mod aider;
mod amp;
mod blocks;
mod choragen;
mod claude;
mod cline;
mod codex;
mod copilot;
mod cursor;
mod droid;
mod gemini;
mod generic;
mod goose;
pub mod hooks;
mod kind;
mod lean;
mod mend;
mod opencode;
mod out;
mod pi;
mod qwen;
mod recognise;
mod record;
mod scan;
mod tools;
mod transcript;
mod weigh;

pub use kind::AgentKind;
pub use lean::lean;
pub use out::{Facts, Lineage, is_own_id};
pub use recognise::recognise;
pub use scan::{MAX_DOCUMENT, MAX_LINE, is_document, is_value};
pub use transcript::{Transcript, copied_from, is_copying};
