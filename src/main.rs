//! The `git-session` program.

fn main() {}
