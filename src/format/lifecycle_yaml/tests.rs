#![allow(clippy::disallowed_methods, reason = "tests may look for their data")]
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::*;
use crate::lifecycle::builtin_yaml;
use crate::model::{Class, Outcome};

const GOOD: &str = "\
name: review
initial: waiting
phases: [read, discuss]
states:
  waiting: {to: [reading]}
  reading: {to: [held, done, lost]}
  held:
    class: paused
    to: [reading]
  done: {outcome: success}
  lost: {terminal: true, outcome: interrupted}
";

/// Returns what is wrong with `yaml`, with the line.
fn refusal(yaml: &str) -> String {
    match parse(yaml.as_bytes()) {
        Ok((lifecycle, _)) => panic!("accepted: {lifecycle:?}"),
        Err(error) => error.to_string(),
    }
}

/// Returns what is wrong with the good definition once `old` is replaced by `new`.
fn spoiled(old: &str, new: &str) -> String {
    assert!(GOOD.contains(old), "{old}");
    refusal(&GOOD.replacen(old, new, 1))
}

#[test]
fn a_short_definition_gets_its_classes_by_default() {
    let (review, warnings) = parse(GOOD.as_bytes()).expect("right");
    assert_eq!(warnings, []);
    assert_eq!((review.name(), review.initial()), ("review", "waiting"));
    assert_eq!(review.phases(), ["read", "discuss"]);
    let found: Vec<_> = review
        .states()
        .iter()
        .map(|state| (state.name.as_str(), state.class, state.outcome))
        .collect();
    assert_eq!(
        found,
        [
            ("waiting", Class::Pending, None),
            ("reading", Class::Active, None),
            ("held", Class::Paused, None),
            ("done", Class::Ended, Some(Outcome::Success)),
            ("lost", Class::Ended, Some(Outcome::Interrupted)),
        ]
    );
    assert_eq!(review.allowed("reading"), ["held", "done", "lost"]);
}

#[test]
fn the_built_in_files_say_what_the_tables_say_and_are_canonical() {
    for name in BUILTIN_NAMES {
        let text = builtin_yaml(name).expect("built in");
        let known = builtin(name).expect("built in");
        assert_eq!(to_yaml(known), text);
        // A blank line more, so that the text is parsed and not recognised.
        let (parsed, warnings) = parse(format!("{text}\n").as_bytes()).expect("right");
        assert_eq!((&parsed, &warnings[..]), (known, &[][..]));
        let (recognised, _) = parse(text.as_bytes()).expect("right");
        assert_eq!(&recognised, known);
    }
}

#[test]
fn the_built_in_text_is_recognised_in_microseconds() {
    let text = builtin_yaml("feature").expect("built in").as_bytes();
    let begin = Instant::now();
    for _ in 0..1000 {
        assert!(parse(text).is_ok());
    }
    assert!(begin.elapsed() < Duration::from_millis(500));
}

#[test]
fn what_is_written_reads_back_the_same() {
    let (review, _) = parse(GOOD.as_bytes()).expect("right");
    let text = to_yaml(&review);
    assert_eq!(parse(text.as_bytes()).expect("right").0, review);
    assert_eq!(
        text,
        "\
name: review
initial: waiting
phases:
  - read
  - discuss
states:
  waiting:
    class: pending
    to:
      - reading
  reading:
    class: active
    to:
      - held
      - done
      - lost
  held:
    class: paused
    to:
      - reading
  done:
    class: ended
    outcome: success
  lost:
    class: ended
    outcome: interrupted
"
    );
}

#[test]
fn words_that_yaml_takes_for_booleans_are_text_and_written_in_quotes() {
    let yaml = "name: null\ninitial: no\nstates: {no: {to: [on, yes]}, on: {to: [yes]}, yes: {}}\n";
    let (norway, _) = parse(yaml.as_bytes()).expect("text");
    assert_eq!(norway.allowed("no"), ["on", "yes"]);
    let text = to_yaml(&norway);
    assert!(text.starts_with("name: 'null'\ninitial: 'no'\nstates:\n  'no':\n"), "{text}");
    assert_eq!(parse(text.as_bytes()).expect("text").0, norway);
}

#[test]
fn an_empty_definition_is_refused() {
    for yaml in ["", "\n\n", "# nothing\n", "---\n", "\u{feff}"] {
        assert_eq!(refusal(yaml), "line 1: nothing is defined", "{yaml:?}");
    }
}

#[test]
fn missing_and_unknown_keys_are_refused() {
    assert_eq!(refusal("name: x\ninitial: a\n"), "line 1: 'states' is missing");
    assert_eq!(refusal("initial: a\nstates: {}\n"), "line 1: 'name' is missing");
    assert_eq!(refusal("name: x\nstates: {}\n"), "line 1: 'initial' is missing");
    assert_eq!(refusal("name: x\ninitial: a\nstates: {}\n"), "line 3: no states");
    assert_eq!(refusal("name: x\ninitial: a\nstates:\n"), "line 3: no states");
    assert_eq!(refusal(&format!("include: /etc/passwd\n{GOOD}")), "line 1: unknown key 'include'");
    assert_eq!(spoiled("{outcome:", "{goto: x, outcome:"), "line 10: unknown key 'goto'");
    assert_eq!(spoiled("phases:", "\"\\e[31m\":"), "line 3: unknown key '\\u{1b}[31m'");
}

#[test]
fn wrong_shapes_are_refused() {
    assert_eq!(refusal("[a, b]\n"), "line 1: a lifecycle must be a map");
    assert_eq!(refusal("banana\n"), "line 1: a lifecycle must be a map");
    assert_eq!(spoiled("review", "[review]"), "line 1: 'name' must be a word");
    assert_eq!(spoiled("review", "''"), "line 1: 'name' must be a word");
    assert_eq!(spoiled("[read, discuss]", "read"), "line 3: 'phases' must be a list of words");
    assert_eq!(spoiled("[reading]", "reading"), "line 5: 'to' must be a list of words");
    assert_eq!(spoiled("[reading]", ""), "line 5: 'to' must be a list of words");
    assert_eq!(spoiled("[reading]", "[[reading]]"), "line 5: 'to' must be a list of words");
    assert_eq!(spoiled("{to: [reading]}", "[x]"), "line 5: state 'waiting' must be a map");
    assert_eq!(
        spoiled("terminal: true", "terminal: yes"),
        "line 11: 'terminal' must be true or false"
    );
    assert_eq!(
        spoiled("terminal: true", "terminal: 'true'"),
        "line 11: 'terminal' must be true or false"
    );
    assert_eq!(refusal("name: x\ninitial: a\nstates: [a, b]\n"), "line 3: 'states' must be a map");
}

#[test]
fn wrong_words_are_refused() {
    assert_eq!(
        spoiled("paused", "asleep"),
        "line 8: class 'asleep' is not one of pending, active, paused, ended"
    );
    assert_eq!(
        spoiled("success", "glory"),
        "line 10: outcome 'glory' is not one of success, failure, interrupted"
    );
    assert_eq!(
        spoiled("terminal: true", "terminal: true, class: active"),
        "line 11: 'class' and 'terminal' of state 'lost' contradict each other"
    );
    assert_eq!(
        spoiled("{to: [reading]}", "{to: [reading], outcome: success}"),
        "line 5: state 'waiting' is not ended and cannot imply outcome 'success'"
    );
}

#[test]
fn a_table_that_does_not_hold_together_is_refused_with_the_line() {
    assert_eq!(
        spoiled("held, done", "nope, done"),
        "line 6: state 'reading' goes to unknown state 'nope'"
    );
    assert_eq!(spoiled("held, done", "done, done"), "line 6: state 'reading' goes to 'done' twice");
    assert_eq!(spoiled("held, done", "reading"), "line 6: state 'reading' goes to itself");
    assert_eq!(
        spoiled("initial: waiting", "initial: nope"),
        "line 2: unknown initial state 'nope'"
    );
    assert_eq!(
        spoiled("initial: waiting", "initial: held"),
        "line 2: initial state 'held' cannot be paused"
    );
    assert_eq!(
        spoiled("terminal: true", "terminal: true, to: [reading]"),
        "line 11: ended state 'lost' goes to 'reading'"
    );
    let island =
        format!("{GOOD}  trap: {{class: active}}\n").replace("held, done", "trap, held, done");
    assert_eq!(refusal(&island), "line 12: state 'trap' cannot reach an ended state");
    assert_eq!(
        spoiled("reading: {to", "reading: {class: pending, to"),
        "line 2: no active state directly follows initial state 'waiting'"
    );
}

#[test]
fn a_list_below_its_key_gives_the_line_of_the_item() {
    let yaml = "name: x\ninitial: a\nstates:\n  a:\n    to:\n      - z\n      - nope\n  z:\n";
    let error = parse(yaml.as_bytes()).expect_err("unknown state");
    assert_eq!((error.line, error.column), (Some(7), Some(9)));
    assert_eq!(error.reason, "state 'a' goes to unknown state 'nope'");
}

#[test]
fn duplicate_keys_are_refused_at_the_second() {
    let twice = format!("{GOOD}  reading: {{to: []}}\n");
    assert_eq!(refusal(&twice), "line 12: duplicate key 'reading'");
    assert_eq!(refusal(&format!("{GOOD}name: other\n")), "line 12: duplicate key 'name'");
    assert_eq!(spoiled("{to: [reading]}", "{to: [], 'to': []}"), "line 5: duplicate key 'to'");
}

#[test]
fn an_island_is_a_warning_with_its_line() {
    let (_, warnings) =
        parse(format!("{GOOD}  island: {{to: [done]}}\n").as_bytes()).expect("right");
    let found: Vec<String> = warnings.iter().map(Warning::to_string).collect();
    assert_eq!(found, ["line 12: state 'island' cannot be reached from 'waiting'"]);
}

#[test]
fn names_that_are_options_or_move_the_cursor_are_refused() {
    let form = "is not of the form [a-z][a-z0-9_]{0,31}";
    assert_eq!(
        spoiled("waiting: {to: [reading]}", "\"--help\": {to: [reading]}"),
        "line 2: unknown initial state 'waiting'"
    );
    assert_eq!(
        refusal(&GOOD.replace("held", "\"he\\e[31mld\"")),
        format!("line 7: state name 'he\\u{{1b}}[31mld' {form}")
    );
    assert_eq!(
        refusal(&GOOD.replace("held", "\"--help\"")),
        format!("line 7: state name '--help' {form}")
    );
}

#[test]
fn anchors_aliases_merges_tags_directives_and_documents_are_refused() {
    let aliases = "line 5: anchors and aliases are not allowed";
    assert_eq!(spoiled("{to: [reading]}", "&a {to: [reading]}"), aliases);
    assert_eq!(spoiled("[reading]", "&a [reading]"), aliases);
    assert_eq!(spoiled("waiting: {", "&a waiting: {"), aliases);
    assert!(spoiled("[reading]", "*a").starts_with("line 5: "));
    assert_eq!(spoiled("held:\n", "held:\n    <<: {to: [done]}\n"), "line 8: unknown key '<<'");
    assert_eq!(spoiled("review", "!!str review"), "line 1: tag '!!str' is not allowed");
    assert_eq!(
        spoiled("waiting: {", "waiting: !include {"),
        "line 5: tag '!include' is not allowed"
    );
    assert!(refusal(&format!("%YAML 1.1\n---\n{GOOD}")).starts_with("line 1: "));
    assert_eq!(refusal(&format!("{GOOD}---\n{GOOD}")), "line 12: more than one document");
    assert_eq!(refusal(&format!("{GOOD}? [a]\n: b\n")), "line 12: a key must be a word");
}

#[test]
fn bytes_that_are_no_yaml_are_refused_with_the_line() {
    assert!(spoiled("[reading]", "[reading").starts_with("line "));
    assert!(spoiled("  held:", "\theld:").starts_with("line 7: "));
    let error = parse(b"name: x\ninitial: \xff\n").expect_err("not UTF-8");
    assert_eq!((error.line, error.column), (Some(2), Some(10)));
    assert_eq!(error.to_string(), "line 2: not UTF-8");
    assert!(parse(b"name: x\0y\n").is_err());
}

#[test]
fn deep_nesting_and_large_files_are_refused_at_once() {
    let begin = Instant::now();
    for deep in
        ["[".repeat(60_000), "- ".repeat(30_000), "{a: ".repeat(16_000), "? ".repeat(30_000)]
    {
        assert!(refusal(&deep).starts_with("line 1: "));
    }
    let large = "#".repeat(MAX_BYTES + 1);
    assert_eq!(refusal(&large), "too large (65537 bytes; at most 65536)");
    let long_key = format!("{}: x\n", "k".repeat(60_000));
    assert!(refusal(&long_key).len() < 300);
    assert!(begin.elapsed() < Duration::from_secs(2));
}

#[test]
fn ten_thousand_states_are_refused_at_once() {
    // Names of three letters, so that 10,000 of them fit into a file that is not too large.
    let digits: Vec<char> = ('a'..='z').collect();
    let name = |n: usize| -> String {
        [n / 676, n / 26 % 26, n % 26].iter().map(|d| digits[*d]).collect()
    };
    let states: String = (0..10_000).map(|n| format!(" {}:\n", name(n))).collect();
    let begin = Instant::now();
    let found = refusal(&format!("name: x\ninitial: aaa\nstates:\n{states}"));
    assert_eq!(found, "line 4: too many states (10000; at most 64)");
    assert!(begin.elapsed() < Duration::from_secs(2));
}

/// Returns the folder with hostile files, if this machine has one.
fn hostile_folder() -> Option<PathBuf> {
    let given = std::env::var_os("GIT_SESSION_TEST_DATA").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    given
        .into_iter()
        .chain([beside])
        .map(|data| data.join("hostile"))
        .find(|folder| folder.join("workflow").is_dir())
}

#[test]
#[allow(clippy::print_stdout)] // Who runs it without the files shall know.
fn the_hostile_definitions_get_their_verdicts() {
    let Some(folder) = hostile_folder() else {
        println!("skipped: no hostile files here");
        return;
    };
    let manifest = std::fs::read(folder.join("manifest.json")).expect("a manifest");
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).expect("JSON");
    let cases = manifest.as_array().expect("a list").iter();
    let mut n_judged = 0;
    for case in cases.filter(|case| case["category"] == "workflow") {
        let file = case["file"].as_str().expect("a file");
        let bytes = std::fs::read(folder.join(file)).expect("readable");
        let answer = parse(&bytes);
        match case["verdict"].as_str() {
            Some("accept") => assert!(answer.is_ok(), "{file}: {answer:?}"),
            Some("reject") => assert!(answer.is_err(), "{file}: {answer:?}"),
            _ => {}
        }
        if case["expect"] == "warning" {
            assert!(answer.is_ok_and(|(_, warnings)| !warnings.is_empty()), "{file}");
        }
        n_judged += 1;
    }
    assert!(n_judged > 0, "the manifest names no definitions");
}

proptest::proptest! {
    /// Pieces of YAML in any order: what is accepted is written and read back the same.
    #[test]
    fn no_text_makes_the_reader_panic_and_what_it_accepts_round_trips(
        pieces in proptest::collection::vec(
            proptest::sample::select(&[
                "name: ", "initial: ", "states:\n", "to: ", "terminal: true", "class: paused", "a",
                "b", "{", "}", "[", "]", ", ", ": ", "\n", "  ", "- ", "\"", "'", "&a ", "*a", "!t ",
                "? ", "| ", "> ", "# ", "---\n", "...\n", "%YAML", "<<: ", "\\e", "\t", "\0", "\u{85}",
            ][..]),
            0..60,
        ),
        at in 0..GOOD.len(),
    ) {
        let mut mixed = GOOD.to_owned();
        mixed.insert_str(at, &pieces.concat());
        for text in [&pieces.concat(), &mixed] {
            if let Ok((lifecycle, _)) = parse(text.as_bytes()) {
                let written = to_yaml(&lifecycle);
                assert_eq!(parse(written.as_bytes()).map(|(again, _)| again), Ok(lifecycle));
            }
        }
    }
}
