//! The documents tell the truth: the README's examples are run, and what is generated is compared.
//!
//! With `GIT_SESSION_UPDATE=1` in the environment, what differs is written anew instead.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

#[path = "support/world.rs"]
mod world;

use world::{BINARY, World, said, variable};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Tells whether `found` is what `expected` says, in which a line `...` stands for any lines.
fn agrees(expected: &[String], found: &[String]) -> bool {
    match expected.split_first() {
        None => found.is_empty(),
        Some((first, rest)) if first == "..." => {
            (0..=found.len()).any(|at| agrees(rest, &found[at..]))
        }
        Some((first, rest)) => found.first() == Some(first) && agrees(rest, &found[1..]),
    }
}

/// Returns the lines with what no two runs share made the same: the ids of commits and of writes.
fn comparable(text: &str) -> Vec<String> {
    let is_oid = |word: &str| {
        (word.len() == 7 || word.len() == 40) && word.bytes().all(|c| c.is_ascii_hexdigit())
    };
    let line = |line: &str| {
        if let Some((before, _)) = line.split_once("Session-Op: ") {
            return format!("{before}Session-Op: <uuid>");
        }
        let mut words = String::new();
        for word in line.trim_end().split_inclusive(|c: char| !c.is_alphanumeric()) {
            let (body, end) = match word.char_indices().last() {
                Some((at, c)) if !c.is_alphanumeric() => word.split_at(at),
                _ => (word, ""),
            };
            let body = if is_oid(body) { "<oid>" } else { body };
            words.push_str(&format!("{body}{end}"));
        }
        words
    };
    text.lines().map(line).collect()
}

/// Runs the commands of a block, and returns it with what they print where that differs.
fn rerun(world: &mut World, block: &str) -> String {
    let mut lines = block.lines().peekable();
    let mut again = String::new();
    while let Some(line) = lines.next() {
        let mut command = line.strip_prefix("$ ").expect("a block begins with '$ '").to_owned();
        again.push_str(&format!("{line}\n"));
        while let Some(more) = lines.next_if(|line| line.starts_with("> ")) {
            let _ = write!(command, "\n{}", &more[2..]);
            again.push_str(&format!("{more}\n"));
        }
        let mut expected = String::new();
        while let Some(line) = lines.next_if(|line| !line.starts_with("$ ")) {
            expected.push_str(&format!("{line}\n"));
        }
        let home = world.home.path().display().to_string();
        let found = said(&world.run(&command)).replace(&home, "/home/ada");
        let is_same = agrees(&comparable(&expected), &comparable(&found));
        again.push_str(if is_same { &expected } else { &found });
    }
    again
}

/// Compares a file with what it should be, or writes it anew.
fn compare(path: &Path, found: &str) {
    let expected = fs::read_to_string(path).unwrap_or_default();
    if expected == found {
        return;
    }
    if variable("GIT_SESSION_UPDATE").is_some() {
        fs::write(path, found).expect("written");
        return;
    }
    let differing = expected.lines().zip(found.lines()).zip(1..).find(|((a, b), _)| a != b);
    let ((expected, found), line) = differing.unwrap_or((("", "(one is longer)"), 0));
    panic!(
        "{}:{line} is not what it should be; GIT_SESSION_UPDATE=1 writes it anew\n\
         - {expected}\n+ {found}",
        path.display()
    );
}

fn readme() -> String {
    fs::read_to_string(root().join("README.md")).expect("a README")
}

/// Returns the fenced blocks of a language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let begin = format!("```{language}\n");
    let parts = text.split(&begin).skip(1);
    parts.filter_map(|part| Some(part.split_once("```")?.0.to_owned())).collect()
}

#[test]
fn every_console_block_of_the_readme_prints_what_it_says() {
    let readme = readme();
    let mut world = World::new();
    let mut again = readme.clone();
    for block in blocks(&readme, "console") {
        again = again.replacen(&block, &rerun(&mut world, &block), 1);
    }
    let faults = said(&world.run("git fsck --strict --no-dangling"));
    assert_eq!(faults, "", "git fsck has faults to find after all that");
    compare(&root().join("README.md"), &again);
}

#[test]
fn the_command_that_installs_shows_the_main_job() {
    let readme = readme();
    let install = blocks(&readme, "sh").into_iter().next().expect("a command to install");
    let example = install.replace("cargo install --path . --locked", "true");
    assert_ne!(install, example, "the first command installs");
    let mut world = World::new();
    // Where cargo puts programs, and it is not on the PATH.
    let linked =
        world.run(&format!("mkdir -p $HOME/.cargo/bin && ln -s {BINARY} $HOME/.cargo/bin/"));
    assert!(linked.status.success(), "{}", said(&linked));
    let output = world.run(&format!("PATH=/usr/local/bin:/usr/bin:/bin\n{example}"));
    let text = said(&output);
    assert!(output.status.success(), "{text}");
    for part in ["Started session", "State: running", "'terminated' (success)", "Session-Status:"] {
        assert!(text.contains(part), "no {part:?} in:\n{text}");
    }
}

#[test]
fn the_readme_says_how_the_tests_are_run() {
    assert!(blocks(&readme(), "sh").iter().any(|block| block == "cargo test --locked\n"));
    let script = fs::read_to_string(root().join(".ci/run")).expect("a script");
    assert!(script.contains("step cargo test --locked "));
}

/// Runs the program in an empty directory, which must succeed.
fn program(args: &[&str]) -> String {
    let line = format!("git-session {}", args.join(" "));
    let output = World::new().run(&line);
    assert!(output.status.success(), "{line}: {}", said(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Returns the names of all commands that are told of.
fn verbs() -> Vec<String> {
    let all = git_session::cli::definition();
    let told = all.get_subcommands().filter(|command| !command.is_hide_set());
    told.map(|command| command.get_name().to_owned()).collect()
}

#[test]
fn every_command_is_in_the_readme_and_the_manual() {
    let (readme, manual) = (readme(), program(&["manual"]));
    let verbs = verbs();
    assert!(verbs.len() >= 20, "{verbs:?}");
    for verb in verbs {
        assert!(readme.contains(&format!("`{verb}`")), "README.md does not explain '{verb}'");
        assert!(manual.contains(&format!(".SS {verb}\n")), "the manual does not explain '{verb}'");
    }
}

/// Returns the files of a directory, however deep.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for path in fs::read_dir(dir).expect("readable").flatten().map(|entry| entry.path()) {
        if path.is_dir() { all.extend(files(&path)) } else { all.push(path) }
    }
    all
}

#[test]
fn every_command_that_is_advised_exists() {
    let verbs = verbs();
    let mut n_found = 0;
    for path in files(&root().join("src")) {
        let text = fs::read_to_string(&path).unwrap_or_default();
        for (at, quote) in text.match_indices("git session ") {
            let before = text[..at].trim_end_matches('\\');
            let verb = text[at + quote.len()..].split(|c: char| !c.is_ascii_lowercase()).next();
            let verb = verb.unwrap_or_default();
            // In quotes, it is something to be typed.
            if !before.ends_with('"') || verb.is_empty() {
                continue;
            }
            n_found += 1;
            let is_known = verbs.iter().any(|it| it == verb) || verb == "to";
            assert!(is_known, "{}: \"git session {verb}\"", path.display());
        }
    }
    assert!(n_found > 10, "only {n_found} were found");
}

#[test]
fn the_schema_of_the_session_object_changes_with_a_reason_only() {
    compare(&root().join("tests/format/session.schema.json"), &program(&["schema"]));
}

#[test]
fn the_reference_of_all_commands_is_up_to_date() {
    let mut reference = program(&["help"]);
    for verb in verbs() {
        let _ = write!(reference, "\n==== {verb}\n\n{}", program(&["help", &verb]));
    }
    for verb in ["list", "show", "check"] {
        let help = program(&["help", "lifecycle", verb]);
        let _ = write!(reference, "\n==== lifecycle {verb}\n\n{help}");
    }
    compare(&root().join("tests/docs/reference.txt"), &reference);
}
