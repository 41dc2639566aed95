//! The published format: bytes to model and back, without any input and output.
//!
//! Types of this floor are never types of the model: a field renamed there does not change a byte
//! here. Start reading at [`record`]. The rest of this page is `FORMAT.md`, which is normative.
//!
#![doc = include_str!("FORMAT.md")]

pub mod agent_trace;
pub mod archive;
pub mod atif;
pub mod choragen;
pub mod choragen_line;
pub mod entire;
pub mod event;
mod extent;
pub mod fields;
pub mod git_ai;
pub mod installed;
pub mod layout;
pub mod lifecycle_yaml;
pub mod link;
pub mod message;
pub mod record;
pub mod segment;
pub mod sources;
pub mod trailer;
pub mod yaml;
mod yaml_tree;
