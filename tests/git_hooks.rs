//! What git's hooks do: commits name their session and are recorded with it, and git is never in the way.
#![allow(clippy::disallowed_methods, clippy::print_stderr)]

#[allow(dead_code, reason = "the harness is made for more than this")]
#[path = "cli/harness.rs"]
mod harness;

#[path = "git_hooks/checkout.rs"]
mod checkout;
#[path = "git_hooks/commit.rs"]
mod commit;
#[path = "git_hooks/hooked.rs"]
mod hooked;
#[path = "git_hooks/message.rs"]
mod message;
#[path = "git_hooks/rewrite.rs"]
mod rewrite;
#[path = "git_hooks/survival.rs"]
mod survival;
#[path = "git_hooks/why.rs"]
mod why;
