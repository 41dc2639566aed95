//! What is made from the definition of the commands: help, manual, completions; and the schema.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::{Value, json};

use super::harness::{Output, PROGRAM, TestRepo, is_installed, text};

/// Every verb, with its aliases.
const VERBS: [(&str, &[&str]); 29] = [
    ("start", &["new"]),
    ("create", &[]),
    ("suspend", &["pause"]),
    ("resume", &[]),
    ("finish", &["complete", "done"]),
    ("fail", &[]),
    ("terminate", &["stop", "kill"]),
    ("transition", &["to"]),
    ("next", &[]),
    ("status", &[]),
    ("list", &["ls"]),
    ("show", &["get"]),
    ("log", &[]),
    ("update", &["set", "edit"]),
    ("attach", &[]),
    ("detach", &[]),
    ("checkpoint", &[]),
    ("diff", &[]),
    ("restore", &[]),
    ("undo", &[]),
    ("export", &[]),
    ("import", &[]),
    ("delete", &["rm"]),
    ("init", &[]),
    ("lifecycle", &[]),
    ("schema", &[]),
    ("completion", &[]),
    ("manual", &[]),
    ("help", &[]),
];

#[test]
fn every_command_helps_on_standard_output_even_outside_a_repository() {
    let repo = TestRepo::new();
    for (verb, aliases) in VERBS {
        for name in [&[verb], aliases].concat() {
            let output = repo.cmd(&[name, "-h"]).dir("..").run().ok();
            assert_eq!(output.stderr, "");
            assert!(output.stdout.contains(&format!("Usage: git session {verb}")), "{name}");
        }
        let long = repo.cmd(&["help", verb]).dir("..").run().ok();
        assert!(long.stdout.contains("Usage: git session"), "{verb}");
        assert_eq!(repo.run(&[verb, "--help"]).ok().stdout, long.stdout);
    }
    for args in [&["-h"][..], &["--help"], &["help"]] {
        let output = repo.cmd(args).dir("..").run().ok();
        for (verb, _) in VERBS {
            assert!(output.stdout.contains(&format!("\n  {verb}")), "{verb}: {}", output.stdout);
        }
    }
    let version = repo.run(&["--version"]).ok().stdout;
    assert!(version.contains(env!("CARGO_PKG_VERSION")), "{version}");
    repo.run(&["help", "nothing"]).exits(1);
    repo.run(&["help", "lifecycle", "show"]).ok();
}

#[test]
fn help_fits_into_a_narrow_terminal_and_never_needs_one() {
    let repo = TestRepo::new();
    for columns in ["40", "1", "0", "x", "100000"] {
        repo.cmd(&["list", "-h"]).env("COLUMNS", columns).run().ok();
    }
}

#[test]
fn the_object_of_show_has_exactly_the_keys_of_the_schema() {
    let repo = TestRepo::new();
    let schema: Value =
        serde_json::from_str(&repo.cmd(&["schema"]).dir("..").run().ok().stdout).expect("JSON");
    repo.start(&["x"]);
    repo.write("a.md", "a");
    repo.run(&["attach", "a.md"]).ok();
    let shown = repo.show("@");
    check(&schema, &schema, &shown, "");
    assert_eq!(schema["type"], "object");
    assert!(text(&schema["$schema"]).contains("json-schema.org"));
}

fn found_words(map: &serde_json::Map<String, Value>) -> BTreeSet<&str> {
    map.keys().map(String::as_str).collect()
}

/// Compares a value with its schema: the same properties, those required, and the same types.
fn check(root: &Value, schema: &Value, value: &Value, path: &str) {
    if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
        let definition = root.pointer(&name[1..]).expect("a definition");
        return check(root, definition, value, path);
    }
    if let Some(all) = schema.get("anyOf").and_then(Value::as_array) {
        let is_null = |it: &&Value| it["type"] == "null";
        assert!(all.iter().any(|it| is_null(&it)), "{path}");
        if let Some(other) = all.iter().find(|it| !is_null(it)).filter(|_| !value.is_null()) {
            check(root, other, value, path);
        }
        return;
    }
    let word = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    match &schema["type"] {
        Value::Null => {}
        Value::Array(all) => assert!(all.contains(&json!(word)), "{path}: {word}"),
        one => assert_eq!(one, word, "{path}"),
    }
    if let (Some(map), Some(properties)) =
        (value.as_object(), schema.get("properties").and_then(Value::as_object))
    {
        let found: BTreeSet<&String> = map.keys().collect();
        let known: BTreeSet<&String> = properties.keys().collect();
        assert_eq!(found, known, "{path}");
        let required = schema["required"].as_array().into_iter().flatten();
        assert_eq!(required.map(text).collect::<BTreeSet<_>>(), found_words(map), "{path}");
        for (key, value) in map {
            check(root, &properties[key], value, &format!("{path}.{key}"));
        }
    }
    if let (Some(list), Some(items)) = (value.as_array(), schema.get("items")) {
        for value in list {
            check(root, items, value, &format!("{path}[]"));
        }
    }
}

#[test]
fn the_completion_scripts_are_scripts() {
    let repo = TestRepo::new();
    for (shell, args) in [("bash", &["-n"][..]), ("zsh", &["-n"]), ("fish", &["--no-execute"])] {
        let script = repo.cmd(&["completion", shell]).dir("..").run().ok().stdout;
        assert!(script.contains("GIT_SESSION_COMPLETE"), "{shell}");
        if !is_installed(shell) {
            eprintln!("skipped: {shell} is not installed");
            continue;
        }
        let path = repo.write(&format!("script.{shell}"), script);
        let mut command = Command::new(shell);
        command.args(args).arg(&path);
        let output = Output::of(command, None).ok();
        assert_eq!((&*output.stdout, &*output.stderr), ("", ""), "{shell}");
    }
    repo.run(&["completion", "tcsh"]).exits(129);
    repo.run(&["completion"]).exits(129);
}

/// Asks for completions as the shell does: the words, of which the last is being typed.
fn complete(repo: &TestRepo, words: &[&str]) -> Vec<String> {
    let last = (words.len() - 1).to_string();
    let args = [&["--"], words].concat();
    let command = repo
        .cmd(&args)
        .env("GIT_SESSION_COMPLETE", "bash")
        .env("_CLAP_COMPLETE_INDEX", last)
        .env("_CLAP_IFS", "\n");
    let output = command.run().ok();
    assert_eq!(output.stderr, "");
    output.stdout.lines().map(str::to_owned).collect()
}

#[test]
fn verbs_sessions_and_states_are_completed() {
    let repo = TestRepo::new();
    let made = repo.start(&["x", "--name", "fix-it", "--lifecycle", "feature"]);
    let handle = text(&made["handle"]).to_owned();
    let verbs = complete(&repo, &["git-session", "s"]);
    for verb in ["start", "suspend", "status", "show", "schema"] {
        assert!(verbs.iter().any(|it| it == verb), "{verb}: {verbs:?}");
    }
    let sessions = complete(&repo, &["git-session", "show", ""]);
    assert!(sessions.contains(&handle) && sessions.contains(&"fix-it".to_owned()), "{sessions:?}");
    let by_id = complete(&repo, &["git-session", "show", &text(&made["id"])[..4]]);
    assert_eq!(by_id, [text(&made["id"])]);
    let states = complete(&repo, &["git-session", "to", "gen"]);
    assert_eq!(states, ["generating_tasks", "generating_report"]);
    let lifecycles = complete(&repo, &["git-session", "start", "--lifecycle", "f"]);
    assert_eq!(lifecycles, ["feature"]);
    repo.write("prd.md", "p");
    for words in [&["attach", "p"][..], &["attach", "@", "p"], &["finish", "--report", "p"]] {
        assert_eq!(complete(&repo, &[&["git-session"], words].concat()), ["prd.md"], "{words:?}");
    }
}

#[test]
fn completion_outside_a_repository_is_silent() {
    let repo = TestRepo::new();
    let args = ["--", "git-session", "show", ""];
    let command = repo.cmd(&args).dir("..").env("GIT_SESSION_COMPLETE", "bash");
    let output = command.env("_CLAP_COMPLETE_INDEX", "2").env("_CLAP_IFS", "\n").run().ok();
    assert_eq!(output.stderr, "");
}

#[test]
fn a_shell_completes_git_session_through_git() {
    if !is_installed("bash") {
        eprintln!("skipped: bash is not installed");
        return;
    }
    let repo = TestRepo::new();
    let made = repo.start(&["x"]);
    let script = repo.run(&["completion", "bash"]).ok().stdout;
    let handle = text(&made["handle"]).to_owned();
    assert!(script.contains("_git_session"), "git's own completion calls it: {script}");
    let path = repo.write("script.bash", script);
    let bin = std::path::Path::new(PROGRAM).parent().expect("a directory");
    let test = format!(
        "PATH='{}':\"$PATH\"; . '{}'; COMP_WORDS=(git-session show ''); COMP_CWORD=2; \
         COMP_LINE='git-session show '; COMP_POINT=17; COMP_TYPE=9; \
         f=$(complete -p git-session 2>/dev/null | sed -E 's/.*-F ([^ ]+).*/\\1/'); \
         \"$f\" git-session '' show; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        bin.display(),
        path.display()
    );
    let mut command = Command::new("bash");
    command.args(["--noprofile", "--norc", "-c", &test]).current_dir(&repo.root);
    let output = Output::of(command, None).ok();
    assert!(output.stdout.lines().any(|it| it.trim() == handle), "{}", output.stdout);
}

#[test]
fn the_manual_page_tells_each_command_and_renders() {
    let repo = TestRepo::new();
    let page = repo.cmd(&["manual"]).dir("..").run().ok().stdout;
    assert!(
        page.contains(".TH GIT\\-SESSION 1") || page.contains(".TH GIT-SESSION 1"),
        "{}",
        &page[..300]
    );
    for (verb, _) in VERBS {
        assert!(
            page.contains(&format!(".SS {verb}")) || page.contains(&format!(".SS \"{verb}")),
            "{verb}"
        );
    }
    for part in ["EXIT STATUS", "ENVIRONMENT", "NAMING A SESSION", "refs/sessions/"] {
        assert!(page.contains(part), "{part}");
    }
    if !is_installed("groff") {
        eprintln!("skipped: groff is not installed");
        return;
    }
    let mut command = Command::new("groff");
    command.args(["-man", "-Tutf8", "-ww", "-P-cbou"]);
    let output = Output::of(command, Some(page.into_bytes())).ok();
    assert_eq!(output.stderr, "", "groff has nothing to warn of");
    for (verb, _) in VERBS {
        assert!(output.stdout.contains(verb), "{verb}");
    }
}
