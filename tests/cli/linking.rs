//! The program as it is linked: what it needs of the system, and what it can do without.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::harness::{PROGRAM, TestRepo};

/// Tells whether the compiler has the archives that the build looks for.
fn has_archives() -> bool {
    ["libc.a", "libm.a", "libgcc.a", "libgcc_eh.a"].iter().all(|archive| {
        let answer = Command::new("cc").arg(format!("-print-file-name={archive}")).output();
        answer.is_ok_and(|it| Path::new(String::from_utf8_lossy(&it.stdout).trim()).is_absolute())
    })
}

#[test]
fn no_library_has_to_be_found_when_the_program_starts_where_that_is_possible() {
    let is_known = cfg!(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"));
    if !is_known || !has_archives() {
        eprintln!("not tested: there is nothing to link statically with");
        return;
    }
    let elf = fs::read(PROGRAM).expect("the program");
    let number = |at: usize, n: usize| {
        elf[at..at + n].iter().rev().fold(0, |all, byte| all << 8 | usize::from(*byte))
    };
    // Source: elf(5): e_phoff, e_phentsize, e_phnum; p_type, of which PT_INTERP is 3.
    let (at, size, n) = (number(32, 8), number(54, 2), number(56, 2));
    let types: Vec<usize> = (0..n).map(|idx| number(at + idx * size, 4)).collect();
    assert!(types.contains(&1), "{types:?}");
    assert!(!types.contains(&3), "it has an interpreter: {types:?}");
}

#[test]
fn who_the_user_is_need_not_be_known() {
    let repo = TestRepo::new();
    repo.start(&["x"]);
    let settings = repo.home.path().join("settings");
    // A home that no database of users tells, in whatever libraries it is kept.
    fs::write(&settings, "[include]\npath = ~nobody-of-this-name/settings\n").expect("written");
    let ask = |home: Option<&str>| {
        let mut cmd = repo.cmd(&["list"]).env("GIT_CONFIG_GLOBAL", &settings);
        cmd.command.env_remove("HOME").envs(home.map(|home| ("HOME", home)));
        cmd.run().ok().stdout
    };
    let expected = ask(Some("/nonexistent"));
    assert!(expected.contains("running"), "{expected}");
    assert_eq!(ask(None), expected);
}
