//! The native backend, with git as the referee.
#![allow(clippy::disallowed_methods, reason = "tests meet the clock and the environment")]

mod bench;
mod crash;
mod faults;
mod locks;
mod packs;
mod place;
mod refs;
mod rolls;
mod shadow;
