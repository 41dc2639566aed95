//! The program from outside: what is typed, what is answered, and what git finds afterwards.
#![allow(clippy::disallowed_methods, clippy::print_stderr)]

#[path = "redact/dice.rs"]
mod dice;
#[path = "redact/secrets.rs"]
mod secrets;
#[path = "support/strings.rs"]
mod strings;

mod cli {
    mod gits;
    mod harness;

    mod agent;
    mod agent_commits;
    mod agent_trace;
    mod archive;
    mod archive_shared;
    mod attach;
    mod check;
    mod checkpoint;
    mod damage;
    mod delete;
    mod diff;
    mod doctor;
    mod entire;
    mod errors;
    mod export;
    mod files;
    mod generated;
    mod git_ai;
    mod grep;
    mod hooks;
    mod hostile;
    mod import;
    mod import_corpus;
    mod init;
    mod layouts;
    mod lifecycle;
    mod lineage;
    mod linking;
    mod list;
    mod log;
    mod many;
    mod naming;
    mod places;
    mod plugins;
    mod prune;
    mod push;
    mod record;
    mod record_hostile;
    mod redact;
    mod restore;
    mod secrets;
    mod show;
    mod start;
    mod stats;
    mod status;
    mod streams;
    mod trailer;
    mod transition;
    mod undo;
    mod update;
    mod user_hooks;
    mod worktree;
}
