//! Links the program at a fixed address where that is known to work.
//!
//! A program that may lie anywhere has its own pointers put right at each start, 14,000 of them here. That
//! is a tenth of what `git session show` costs, and hooks start the program all the time.

#[expect(clippy::disallowed_methods, reason = "cargo says it in the environment")]
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is = |key: &str, value: &str| std::env::var(key).is_ok_and(|it| it == value);
    if is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu") {
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
}
