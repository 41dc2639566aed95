//! Links the program at a fixed address, and with all that it needs inside, where that is known to work.
//!
//! Hooks start the program all the time, so that a start must cost next to nothing. A program that may lie
//! anywhere has its own pointers put right each time, 14,000 of them here; shared libraries have to be found,
//! mapped and bound. `ARCHITECTURE.md` has the figures (D-071, D-103).

use std::path::{Path, PathBuf};
use std::process::Command;

/// The shared libraries that rustc names, and what is linked in their place, as linker scripts.
const SCRIPTS: [(&str, &str); 3] = [
    ("libgcc_s.so", "INPUT(libgcc_eh.a)"),
    ("libm.so", "INPUT(libm.a)"),
    ("libc.so", "GROUP(libc.a libgcc.a libgcc_eh.a)"),
];

/// What the scripts name.
const ARCHIVES: [&str; 4] = ["libc.a", "libm.a", "libgcc.a", "libgcc_eh.a"];

/// What the standard library uses if it is there, and nothing else asks for: else a process that begins in another
/// directory would be forked.
const WANTED: &str = "-u,posix_spawn_file_actions_addchdir_np";

/// The database of users may be kept by modules, shared libraries that a static program cannot load: it crashes. So a
/// home that the environment does not name is unknown, as it is to git, and of users those are known that
/// `/etc/passwd` has. The two stand for functions that fail: one with a status that is not 0, the other with a null pointer.
const REPLACED: [&str; 2] = [
    "-u,getpid,--defsym=getpwuid_r=getpid",
    "-u,pthread_mutexattr_destroy,--defsym=__libc_dlopen_mode=pthread_mutexattr_destroy",
];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is = |key: &str, value: &str| variable(key).is_some_and(|it| it == value);
    if !is("CARGO_CFG_TARGET_OS", "linux") || !is("CARGO_CFG_TARGET_ENV", "gnu") {
        return;
    }
    println!("cargo::rustc-link-arg-bins=-no-pie");
    // With this feature rustc links so by itself.
    let features = variable("CARGO_CFG_TARGET_FEATURE").unwrap_or_default();
    let is_static = features.split(',').any(|it| it == "crt-static");
    if is("CARGO_CFG_TARGET_ARCH", "x86_64") && !is_static && has_archives() {
        link_statically(&PathBuf::from(variable("OUT_DIR").expect("cargo names a directory")));
    }
}

#[expect(clippy::disallowed_methods, reason = "cargo says it in the environment")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Tells whether the linker has each of the archives: not every system installs them.
fn has_archives() -> bool {
    let is_native = variable("HOST") == variable("TARGET");
    let default = is_native.then(|| "cc".to_owned());
    let Some(linker) = variable("RUSTC_LINKER").or(default) else { return false };
    let has = |archive: &str| {
        let mut command = Command::new(&linker);
        let answer = command.arg(format!("-print-file-name={archive}")).output();
        // What it does not have, it answers as it was asked.
        answer.is_ok_and(|it| Path::new(String::from_utf8_lossy(&it.stdout).trim()).is_absolute())
    };
    ARCHIVES.iter().all(|archive| has(archive))
}

/// Lets the linker find the archives where it looks for shared libraries, for the program alone: tests, and
/// whatever else is made of this package, are linked as ever.
fn link_statically(dir: &Path) {
    for (name, script) in SCRIPTS {
        std::fs::write(dir.join(name), script).expect("cargo's directory can be written to");
    }
    println!("cargo::rustc-link-arg-bins=-static");
    println!("cargo::rustc-link-arg-bins=-L{}", dir.display());
    for option in [WANTED].iter().chain(&REPLACED) {
        println!("cargo::rustc-link-arg-bins=-Wl,{option}");
    }
}
