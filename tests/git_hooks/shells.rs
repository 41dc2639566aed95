//! The hooks in each shell that may be a system's sh(1).

use std::fs;

use super::gits::{EVENTS, Git};
use super::harness::{PLAIN, TestRepo, text};
use super::hooked::{linked, links, named, start, was_answered};
use super::installed::Installed;

/// The shells, with what makes them behave as sh(1).
const SHELLS: [(&str, &str); 6] = [
    ("dash", ""),
    ("bash", " --posix"),
    ("busybox", " sh"),
    ("ksh", ""),
    ("mksh", ""),
    ("yash", " --posixly-correct"),
];

/// Returns where a program is, if it is installed.
fn find(program: &str) -> Option<String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|dir| dir.join(program));
    found.into_iter().find(|it| it.is_file()).map(|it| it.to_string_lossy().into_owned())
}

/// Lets all hooks run in a shell.
fn use_shell(repo: &TestRepo, shell: &str) {
    for event in EVENTS {
        let hook = repo.git_dir.join("hooks").join(event);
        let Ok(script) = fs::read_to_string(&hook) else { continue };
        let (_, rest) = script.split_once('\n').expect("two lines");
        fs::write(&hook, format!("#!{shell}\n{rest}")).expect("written");
    }
}

#[test]
fn a_hook_does_its_work_in_every_shell() {
    for (program, options) in SHELLS {
        let Some(program) = find(program) else {
            eprintln!("skipped: {program} is not installed");
            continue;
        };
        let installed = Installed::new(PLAIN, Git::Old);
        let repo = &installed.repo;
        use_shell(repo, &format!("{program}{options}"));
        let id = start(repo, &["work"]);
        let old = installed.commit("file", "1", &["-m", "one"]);
        let new = installed.commit("file", "2", &["--amend", "-m", "two"]);
        assert_eq!(named(repo, "HEAD"), id, "{program}");
        assert_eq!(linked(repo, &id), [old.as_str(), &new], "{program}");
        // What git gives to the hook to read has come through.
        assert_eq!(text(&links(repo, &id)[1]["replaces"][0]), old, "{program}");
        // What the program has noted, each of them understands.
        was_answered(repo);
        let next = installed.commit("file", "3", &["-m", "three words: \u{fc}"]);
        // It compares whole seconds, and the program may have been made just now.
        let is_coarse = program.ends_with("busybox");
        assert!(was_answered(repo) || is_coarse, "{program}");
        assert_eq!(named(repo, "HEAD"), id, "{program}");
        assert_eq!(linked(repo, &id)[2..], [next], "{program}");
        installed.git(&["switch", "-q", "-c", "side"]);
        let other = start(repo, &["other"]);
        installed.git(&["switch", "-q", "main"]);
        let current = text(&repo.run(&["show", "--json"]).json()["id"]).to_owned();
        assert_eq!((current != other, current), (true, id), "{program}");
    }
}
