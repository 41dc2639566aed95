//! `grep`.

use serde_json::{Value, json};

use super::harness::{Output, TestRepo, for_each_kind, text};

/// Makes an older session that has ended and a newer one that runs; returns their handles.
fn two(repo: &TestRepo) -> (String, String) {
    let older = repo.start(&["Add OAuth login", "--name", "older"]);
    repo.write("oauth.md", "x");
    repo.run(&["attach", "oauth.md"]).ok();
    repo.run(&["record", "--role", "user", "--message", "First line\nUse oauth here"]).ok();
    repo.run(&["finish"]).ok();
    let newer = repo.start(&["Count words", "--name", "newer"]);
    let tool = [
        "--tool",
        "bash",
        "--params",
        r#"{"command":"grep oauth *"}"#,
        "--result",
        "\"a.txt: oauth\"",
    ];
    repo.run(&[&["record"][..], &tool, &["--decision", "No OAuth"]].concat()).ok();
    (text(&older["handle"]).to_owned(), text(&newer["handle"]).to_owned())
}

fn found(output: Output) -> Vec<String> {
    output.ok().stdout.lines().map(str::to_owned).collect()
}

#[test]
fn titles_files_messages_and_tools_are_found_the_newest_session_first() {
    for_each_kind(|repo| {
        let (older, newer) = two(repo);
        assert_eq!(
            found(repo.run(&["grep", "-i", "oauth"])),
            [
                format!(r#"{newer}:tool:bash {{"command":"grep oauth *"}}"#),
                format!("{newer}:tool:a.txt: oauth"),
                format!("{newer}:message:No OAuth"),
                format!("{older}:title:Add OAuth login"),
                format!("{older}:attachment:oauth.md"),
                format!("{older}:message:Use oauth here"),
            ]
        );
        assert_eq!(
            found(repo.run(&["grep", "-n", "oauth", "older", "--in=message"])),
            [format!("{older}:message:1:Use oauth here")]
        );
        assert_eq!(found(repo.run(&["grep", "-l", "oauth"])), [newer.clone(), older.clone()]);
        assert_eq!(
            found(repo.run(&["grep", "-ci", "oauth"])),
            [format!("{newer}:3"), format!("{older}:3")]
        );
        assert_eq!(
            found(repo.run(&["grep", "-i", "oauth|count", "--in=title"])),
            [format!("{newer}:title:Count words"), format!("{older}:title:Add OAuth login")]
        );
        assert_eq!(found(repo.run(&["grep", "-F", "oauth *"])).len(), 1);
        assert_eq!(found(repo.run(&["grep", "-E", "^(Add|Count)"])).len(), 2);
        let hits = repo.run(&["grep", "--json", "^Use o"]).json_lines();
        let id = repo.run(&["show", "older", "--json=id"]).json()["id"].clone();
        let expected: Value =
            json!({"id": id, "handle": older, "in": "message", "seq": 1, "line": "Use oauth here"});
        assert_eq!(hits, [expected]);
    });
}

#[test]
fn nothing_found_is_status_1_and_a_wrong_question_another() {
    let repo = TestRepo::new();
    two(&repo);
    let nothing = repo.run(&["grep", "nowhere"]).exits(1);
    assert_eq!((nothing.stdout.as_str(), nothing.stderr.as_str()), ("", ""));
    repo.run(&["grep", "oauth", "--in=title", "newer"]).exits(1);
    repo.run(&["grep", "("]).exits(129);
    repo.run(&["grep", "x", "--in=body"]).exits(129);
    repo.run(&["grep", "x", "nobody"]).refused();
    repo.run(&["grep"]).exits(129);
}

#[test]
fn a_damaged_session_hides_no_other() {
    let repo = TestRepo::new();
    let (older, _) = two(&repo);
    repo.plant("0199f0c2-1c4d-7abc-8def-0123456789af", b"nonsense");
    let output = repo.run(&["grep", "-l", "First"]).ok();
    assert_eq!(output.stdout, format!("{older}\n"));
    assert!(output.stderr.starts_with("warning: 0199f0c2"), "{}", output.stderr);
}
