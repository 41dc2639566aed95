//! Plug-ins that read the transcripts of one agent more.

use std::fs;
use std::path::PathBuf;

use serde_json::json;

use super::harness::{PLAIN, TestRepo, executable, for_each_kind, text};

/// A plug-in for an agent that writes a word and a text on each line.
const PLUGIN: &str = r#"#!/bin/sh
say() {
	printf '{"kind":"message","role":"%s","content":"%s","ts":"2026-01-01T10:00:00Z"}\n' "$1" "$2"
}
case $1 in
recognise) read -r word rest && test "$word" = MINE ;;
convert)
	while read -r word rest; do
		case $word in
		MINE) printf '{"kind":"session.start","id":"%s","ts":"2026-01-01T10:00:00Z"}\n' "$rest" ;;
		U) say user "$rest" ;;
		A) say assistant "$rest" ;;
		T) printf '{"kind":"usage","output":%s}\n' "$rest" ;;
		D) printf '{"kind":"decision","text":"%s"}\n' "$rest" ;;
		B) echo "nonsense" ;;
		*) echo "no idea what $word is" >&2; exit 3 ;;
		esac
	done ;;
find) cat "$HOME/found" 2>/dev/null || exit 0 ;;
*) exit 129 ;;
esac
"#;

const FILE: &str = "MINE n-1\nU Fix the login\nA Looking\nT 5\nD Use a map\n";

/// Puts a plug-in on the PATH.
fn with_plugin(repo: &TestRepo, name: &str, script: &str) -> PathBuf {
    let bin = repo.home.path().join("bin");
    fs::create_dir_all(&bin).expect("a directory");
    executable(&bin.join(name), script);
    let path = std::env::var("PATH").unwrap_or_default();
    repo.set_env("PATH", &format!("{}:{path}", bin.display()));
    bin.join(name)
}

fn file(repo: &TestRepo, contents: &str) -> String {
    let path = repo.home.path().join("mine.log");
    fs::write(&path, contents).expect("written");
    path.to_string_lossy().into_owned()
}

fn said(repo: &TestRepo, id: &str) -> Vec<String> {
    let told = repo.run(&["show", id, "--messages", "--json"]).ok().json();
    let list = told["messages"].as_array().expect("a list");
    list.iter().map(|it| text(&it["content"]).to_owned()).collect()
}

#[test]
fn a_plug_in_reads_what_no_agent_here_knows() {
    for_each_kind(|repo| {
        let plugin = with_plugin(repo, "git-session-agent-mine", PLUGIN);
        let path = file(repo, FILE);
        let entry = repo.run(&["import", "--json", &path]).ok().json()["sessions"][0].clone();
        assert_eq!((&entry["agent"], &entry["native_id"]), (&json!("mine"), &json!("n-1")));
        assert_eq!((&entry["result"], &entry["messages"]), (&json!("created"), &json!(2)));
        let id = text(&entry["id"]);
        let session = repo.show(id);
        for (key, expected) in [
            ("title", json!("Fix the login")),
            ("agent", json!("mine")),
            ("status", json!("terminated")),
            ("created_at", json!("2026-01-01T10:00:00.000000Z")),
        ] {
            assert_eq!(session[key], expected, "{key}");
        }
        assert_eq!(session["tokens"]["output"], 5);
        assert_eq!(session["statistics"]["decisions_made"], 1);
        let refs = repo.refs();
        let again = repo.run(&["import", "--json", &path]).ok().json();
        assert_eq!((&again["sessions"][0]["result"], repo.refs()), (&json!("unchanged"), refs));
        // Whoever reads it needs no plug-in.
        fs::remove_file(plugin).expect("removed");
        assert_eq!(said(repo, id), ["Fix the login", "Looking"]);
        assert_eq!(repo.run(&["show", id, "--raw"]).ok().stdout, FILE);
        let log = repo.run(&["log", id, "--type", "message", "--oneline"]).ok().stdout;
        assert_eq!(log.lines().count(), 2, "{log}");
    });
}

#[test]
fn what_a_file_says_anew_is_taken_once_and_what_it_says_no_more_is_replaced() {
    let repo = TestRepo::of(PLAIN);
    with_plugin(&repo, "git-session-agent-mine", PLUGIN);
    let import = |contents: &str| {
        let path = file(&repo, contents);
        repo.run(&["import", "--json", &path]).ok().json()["sessions"][0].clone()
    };
    let id = text(&import(FILE)["id"]).to_owned();
    let grown = FILE.to_owned() + "A Done\nT 7\n";
    let entry = import(&grown);
    assert_eq!((&entry["result"], text(&entry["id"])), (&json!("updated"), id.as_str()));
    assert_eq!(said(&repo, &id), ["Fix the login", "Looking", "Done"]);
    let counted = |key: &str| repo.show(&id)["statistics"][key].clone();
    assert_eq!(
        (&repo.show(&id)["tokens"]["output"], counted("decisions_made")),
        (&json!(12), json!(1))
    );
    import("MINE n-1\nU Fix the login\nA Thinking\nT 2\n");
    assert_eq!(said(&repo, &id), ["Fix the login", "Thinking"]);
    assert_eq!(
        (&repo.show(&id)["tokens"]["output"], counted("decisions_made")),
        (&json!(2), json!(0))
    );
    let raw = repo.run(&["show", &id, "--raw"]).ok().stdout;
    assert_eq!(raw, "MINE n-1\nU Fix the login\nA Thinking\nT 2\n");
    repo.check();
}

#[test]
fn a_plug_in_that_fails_leaves_nothing_behind() {
    let repo = TestRepo::of(PLAIN);
    let plugin = with_plugin(&repo, "git-session-agent-mine", PLUGIN);
    let refs = repo.refs();
    for (contents, reason) in [
        ("MINE n-1\nU a\nQ ?\n", "ended with status 3: no idea what Q is"),
        ("MINE n-1\nU a\nB\n", "said what is no event: line 3: not JSON"),
    ] {
        let path = file(&repo, contents);
        let output = repo.run(&["import", "--json", &path]).exits(1);
        let expected =
            format!("error: cannot import '{path}': plug-in '{}' {reason}", plugin.display());
        assert!(output.stderr.contains(&expected), "{}", output.stderr);
        assert_eq!(output.stdout.matches("\"reason\"").count(), 1, "{}", output.stdout);
        assert_eq!(repo.refs(), refs);
    }
    // One that knows none of our verbs recognises nothing, and is no harm to others.
    executable(&plugin, "#!/bin/sh\nexit 129\n");
    let path = file(&repo, FILE);
    let output = repo.run(&["import", &path]).exits(1);
    assert!(output.stderr.contains("is no transcript of a known agent"), "{}", output.stderr);
    let none = repo.run(&["import", "--all"]).ok();
    assert_eq!((none.stdout.as_str(), repo.refs()), ("", refs));
}

#[test]
fn a_plug_in_gets_nothing_of_the_repository_and_no_secret() {
    let repo = TestRepo::of(PLAIN);
    let script = "#!/bin/sh\nprintf '{\"kind\":\"note\",\"text\":\"%s|%s|%s|%s\"}\\n' \
        \"$PWD\" \"$GIT_DIR\" \"$MY_TOKEN\" \"$LC_ALL\"\n";
    with_plugin(&repo, "git-session-agent-mine", script);
    let path = file(&repo, FILE);
    let git_dir = repo.git_dir.to_string_lossy().into_owned();
    let import = repo.cmd(&["import", "--json", "--agent", "mine", &path]);
    let summary = import.env("GIT_DIR", &git_dir).env("MY_TOKEN", "s3cr3t").run().ok().json();
    let id = text(&summary["sessions"][0]["id"]);
    let log = repo.run(&["show", id, "--log", "--json"]).ok().stdout;
    assert!(log.contains("\"text\":\"/|||C\""), "{log}");
}

#[test]
fn plug_ins_are_listed_unless_their_agent_is_built_in_or_their_place_is_relative() {
    let repo = TestRepo::of(PLAIN);
    let plugin = with_plugin(&repo, "git-session-agent-mine", PLUGIN);
    let bin = plugin.parent().expect("a directory");
    for name in ["git-session-agent-codex", "git-session-agent-No", "git-session-agent-"] {
        executable(&bin.join(name), PLUGIN);
    }
    fs::write(bin.join("git-session-agent-plain"), PLUGIN).expect("written");
    executable(&repo.root.join("git-session-agent-evil"), PLUGIN);
    let path = std::env::var("PATH").unwrap_or_default();
    repo.set_env("PATH", &format!(".::{}:{path}", bin.display()));
    let listed = repo.run(&["agent", "list", "--json"]).ok().json()["plugins"].clone();
    assert_eq!(listed, json!([{"name": "mine", "path": plugin}]));
    let page = repo.run(&["agent", "list"]).ok().stdout;
    assert!(page.contains(&format!("mine          plug-in ({})", plugin.display())), "{page}");
    let refused = repo.run(&["import", "--agent", "evil", "x"]).exits(129).stderr;
    assert!(refused.contains("no agent 'evil'") && refused.contains("mine"), "{refused}");
}

#[test]
fn a_plug_in_finds_the_files_of_this_repository() {
    let repo = TestRepo::of(PLAIN);
    with_plugin(&repo, "git-session-agent-mine", PLUGIN);
    let path = file(&repo, FILE);
    fs::write(repo.home.path().join("found"), format!("{path}\nrelative\n")).expect("written");
    let all =
        |args: &[&str]| repo.run(&[&["import", "--all", "--json"], args].concat()).ok().json();
    assert_eq!(all(&["--agent", "codex"])["sessions"], json!([]));
    assert_eq!(all(&["-n"])["sessions"][0]["result"], "created");
    assert_eq!(repo.refs().matches("refs/sessions/").count(), 0);
    assert_eq!(all(&[])["sessions"][0]["native_id"], "n-1");
    assert_eq!(all(&["--agent", "mine"])["sessions"][0]["result"], "unchanged");
}
