//! What git's hooks do: commits name their session and are recorded with it, and git is never in the way.
#![allow(clippy::disallowed_methods, clippy::print_stderr)]

#[path = "cli/gits.rs"]
mod gits;
#[allow(dead_code, reason = "the harness is made for more than this")]
#[path = "cli/harness.rs"]
mod harness;

#[path = "git_hooks/answer.rs"]
mod answer;
#[path = "git_hooks/checkout.rs"]
mod checkout;
#[path = "git_hooks/commit.rs"]
mod commit;
#[path = "git_hooks/damage.rs"]
mod damage;
#[path = "git_hooks/follow.rs"]
mod follow;
#[path = "git_hooks/hooked.rs"]
mod hooked;
#[path = "git_hooks/installed.rs"]
mod installed;
#[path = "git_hooks/left.rs"]
mod left;
#[path = "git_hooks/message.rs"]
mod message;
#[path = "git_hooks/push.rs"]
mod push;
#[path = "git_hooks/rewrite.rs"]
mod rewrite;
#[path = "git_hooks/several.rs"]
mod several;
#[path = "git_hooks/shells.rs"]
mod shells;
#[path = "git_hooks/survival.rs"]
mod survival;
#[path = "git_hooks/team.rs"]
mod team;
#[path = "git_hooks/trouble.rs"]
mod trouble;
#[path = "git_hooks/why.rs"]
mod why;
