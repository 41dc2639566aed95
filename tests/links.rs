//! Commits and sessions: what is recorded of a commit, and which sessions one was made in.
#![allow(clippy::disallowed_methods, reason = "tests meet the clock and the environment")]

#[path = "links/claims.rs"]
mod claims;
#[path = "support/inside.rs"]
mod inside;
#[path = "links/lines.rs"]
mod lines;
#[path = "links/moments.rs"]
mod moments;
#[path = "links/others.rs"]
mod others;
#[path = "links/patch.rs"]
mod patch;
#[path = "links/place.rs"]
mod place;
