//! `record`, and what `show` says of the conversation.

use std::fs;
use std::io::Write as _;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::harness::{Cmd, PLAIN, TestRepo, for_each_kind, kinds, text};

/// Returns the numbers of the events of a session, in the order in which they are told.
fn seqs(repo: &TestRepo) -> Vec<u64> {
    let events = repo.run(&["show", "--log", "--json"]).json_lines();
    events.iter().map(|event| event["seq"].as_u64().expect("a number")).collect()
}

/// Returns the texts of the notes of the current session.
fn notes(repo: &TestRepo) -> Vec<String> {
    let events = repo.run(&["show", "--log", "--json"]).json_lines();
    events.iter().filter_map(|event| event["text"].as_str().map(str::to_owned)).collect()
}

fn note(text: &str) -> String {
    json!({"kind": "note", "text": text}).to_string()
}

#[test]
fn one_call_is_one_commit_with_one_segment_in_every_kind_of_repository() {
    for_each_kind(|repo| {
        let made = repo.start(&["x"]);
        let lines = [
            json!({"kind": "message", "role": "user", "content": "Fix it"}),
            json!({"kind": "message", "role": "assistant", "content": "Done", "ts": "2026-01-01T10:00:00+01:00"}),
            json!({"kind": "tool.call", "call": "c1", "name": "bash", "x_more": [1]}),
        ];
        let input: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let answer = repo.feed(&["record", "--json"], &input).json();
        let reference = text(&made["ref"]);
        assert_eq!(
            answer,
            json!({
                "id": made["id"], "recorded": 3, "first_seq": 1, "last_seq": 3,
                "tip": repo.rev(reference),
            })
        );
        assert_eq!(repo.rev(&format!("{reference}~1")), text(&made["tip"]));
        assert_eq!(
            repo.git(&["log", "-1", "--format=%s%n%(trailers:key=Session-Event,valueonly)%(trailers:key=Session-Events,valueonly)", reference]),
            "record: 2 messages, 1 tool call\nrecord\n1-3"
        );
        let stored =
            repo.git(&["cat-file", "blob", &format!("{reference}:conversation/1/0-events.jsonl")]);
        let now = repo.now();
        let expected = [
            format!(r#"{{"v":1,"seq":1,"kind":"message","ts":"{now}","role":"user","content":[{{"type":"text","text":"Fix it"}}]}}"#),
            r#"{"v":1,"seq":2,"kind":"message","ts":"2026-01-01T09:00:00.000000Z","role":"assistant","content":[{"type":"text","text":"Done"}]}"#.to_owned(),
            format!(r#"{{"v":1,"seq":3,"kind":"tool.call","ts":"{now}","call":"c1","name":"bash","input":{{}},"x_more":[1]}}"#),
        ];
        assert_eq!(stored, expected.join("\n"));
        assert_eq!(repo.run(&["show", "--log", "--json"]).ok().stdout, expected.join("\n") + "\n");
        // A later event of another kind keeps it, and a later call goes on.
        repo.run(&["suspend"]).ok();
        repo.run(&["record", "--note", "late"]).ok();
        assert_eq!(seqs(repo), [1, 2, 3, 4]);
        let shown = repo.show(text(&made["id"]));
        assert_eq!((&shown["conversation"]["segments"], &shown["seq"]), (&json!(2), &json!(5)));
        assert_eq!(
            shown["conversation"]["bytes"],
            json!(stored.len() + 1 + blob_size(repo, reference))
        );
    });
}

fn blob_size(repo: &TestRepo, reference: &str) -> usize {
    let size = repo.git(&["cat-file", "-s", &format!("{reference}:conversation/1/1-events.jsonl")]);
    size.parse().expect("a number")
}

#[test]
fn segments_fan_out_and_are_told_in_order_again() {
    for kind in kinds() {
        let repo = TestRepo::of(*kind);
        let made = repo.start(&["x"]);
        let n = if kind.refs == "files" { 36 } else { 18 };
        for i in 0..n {
            repo.run(&["record", "--note", &format!("note {i}")]).ok();
        }
        let paths =
            repo.git(&["ls-tree", "-r", "--name-only", text(&made["ref"]), "conversation/"]);
        let paths: Vec<&str> = paths.lines().collect();
        assert_eq!(paths.len(), n);
        assert_eq!(
            (paths[0], paths[15]),
            ("conversation/1/0-events.jsonl", "conversation/1/f-events.jsonl")
        );
        assert_eq!(paths[17], "conversation/2/1/1-events.jsonl");
        assert_eq!(seqs(&repo), (1..=n as u64).collect::<Vec<_>>());
        assert_eq!(notes(&repo), (0..n).map(|i| format!("note {i}")).collect::<Vec<_>>());
    }
}

#[test]
fn a_line_that_is_no_event_is_refused_with_its_number_and_nothing_of_the_call_is_kept() {
    let repo = TestRepo::new();
    let made = repo.start(&["x"]);
    let good = note("fine");
    for (lines, message) in [
        (
            format!("{good}\n\n{{\"kind\":\"message\",\"content\":\"x\"}}\n"),
            "line 3: field 'role' is missing",
        ),
        (format!("{good}\nnonsense"), "line 2: not JSON: expected ident at column 2"),
        (
            format!("{good}\n{{\"kind\":\"nope\"}}"),
            "line 2: field 'kind' has the unknown value 'nope' (did you mean 'note'?)",
        ),
        (
            "{\"kind\":\"message\",\"role\":\"boss\",\"content\":\"x\"}".to_owned(),
            "line 1: field 'role' has the unknown value 'boss'",
        ),
        ("[]".to_owned(), "line 1: not JSON: invalid type: sequence, expected a map at column 0"),
        (
            "{\"kind\":\"note\",\"text\":\"x\",\"v\":2}".to_owned(),
            "line 1: field 'v' is 2, and this git-session knows 1",
        ),
        (format!("{good}{good}"), "line 1: not JSON: trailing characters at column 30"),
    ] {
        let error = repo.feed(&["record", "--json"], &lines).error(1, "invalid_value");
        assert_eq!(error["message"], message, "{lines}");
    }
    let said = repo.feed(&["record"], "{}").refused();
    assert_eq!(said, "error: line 1: field 'kind' is missing\n");
    assert_eq!(repo.rev(text(&made["ref"])), text(&made["tip"]));
    repo.run(&["record", "--json", "--input", "missing.jsonl"]).error(128, "io");
    repo.run(&["record", "--message", "x"]).exits(129);
    repo.run(&["record", "--message", "x", "--role", "boss"]).exits(129);
    repo.run(&["record", "--params", "{}"]).exits(129);
    repo.run(&["record", "--tokens", "in"]).exits(129);
    repo.run(&["record", "--tokens", "inn=1"]).exits(129);
    repo.run(&["record", "--tool", "x", "--params", "{"]).exits(129);
    repo.run(&["record", "--note", "x", "--input", "-"]).exits(129);
    repo.run(&["record", "--json=nothing", "--note", "x"]).exits(129);
    assert_eq!(repo.rev(text(&made["ref"])), text(&made["tip"]));
}

#[test]
fn options_are_events_of_one_call() {
    let repo = TestRepo::new();
    let made = repo.start(&["x"]);
    let answer = repo.run(&[
        "append",
        text(&made["id"]),
        "--json",
        "--message",
        "Hello",
        "--role",
        "user",
        "--tool",
        "bash",
        "--params",
        r#"{"command":"ls"}"#,
        "--result",
        r#""a.txt""#,
        "--tokens",
        "in=100,out=20,cache_read=3,cache_write=4",
        "--decision",
        "Keep it",
        "--error",
        "It broke",
        "--recovered",
        "--note",
        "That is all",
    ]);
    assert_eq!(answer.json()["recorded"], 7);
    assert_eq!(
        repo.git(&["log", "-1", "--format=%s", text(&made["ref"])]),
        "record: 1 message, 1 tool call, 1 decision, 1 error, 1 note, 1 usage"
    );
    let shown = repo.show(text(&made["id"]));
    assert_eq!(
        shown["tokens"],
        json!({"input": 100, "output": 20, "cache_read": 3, "cache_write": 4, "total": 127})
    );
    assert_eq!(shown["statistics"]["decisions_made"], 1);
    assert_eq!(shown["statistics"]["error_recovery_count"], 1);
    let tools = repo.run(&["show", "--tools", "--json"]).json();
    assert_eq!(
        tools,
        json!({"toolCalls": [{
            "timestamp": "2026-01-07T13:00:02.000Z", "name": "bash", "params": {"command": "ls"},
            "result": {"success": true, "data": "a.txt"}, "governanceResult": {"allowed": true},
        }]})
    );
    repo.run(&["record", "--tool", "rm", "--denied", "outside of the work tree"]).ok();
    let tools = repo.run(&["show", "--tools", "--json"]).json();
    assert_eq!(
        tools["toolCalls"][1]["governanceResult"],
        json!({"allowed": false, "reason": "outside of the work tree"})
    );
    // What nobody says is nothing.
    let nothing = repo.feed(&["record", "--json"], "\n\n").json();
    assert_eq!((&nothing["recorded"], &nothing["first_seq"]), (&json!(0), &Value::Null));
}

#[test]
fn the_lines_of_choragen_are_taken_and_given_back_key_for_key() {
    let repo = TestRepo::new();
    repo.start(&["x"]);
    let call = json!({
        "timestamp": "2026-01-07T13:02:57.500Z", "name": "read_file", "params": {"path": "a"},
        "result": {"success": false, "error": "not found"},
        "governanceResult": {"allowed": false, "reason": "outside"},
    });
    let messages = [
        json!({"role": "system", "content": "You are an engineer."}),
        json!({"role": "user", "content": "Hi"}),
    ];
    let lines = format!(
        "{}\n{}\n{call}\n{}\n",
        messages[0],
        messages[1],
        json!({"input": 9, "output": 1, "total": 10})
    );
    repo.feed(&["record"], &lines).ok();
    let told = repo.run(&["show", "--messages", "--json"]).json();
    assert_eq!(told["messages"][0], messages[0]);
    assert_eq!(told["messages"][1], messages[1]);
    assert_eq!(repo.run(&["show", "--tools", "--json"]).json(), json!({"toolCalls": [call]}));
    assert_eq!(repo.run(&["show", "--json=tokens"]).json()["tokens"]["total"], 10);
}

#[test]
fn the_tokens_of_one_answer_count_once_whatever_the_number_of_calls() {
    let repo = TestRepo::new();
    repo.start(&["x"]);
    let total = |lines: &[Value]| -> (u64, u64) {
        let lines: String = lines.iter().map(|line| format!("{line}\n")).collect();
        repo.feed(&["record"], &lines).ok();
        let tokens = repo.run(&["show", "--json=tokens"]).json()["tokens"].clone();
        (tokens["input"].as_u64().expect("a count"), tokens["output"].as_u64().expect("a count"))
    };
    let usage = |msg: &str, output: u64| json!({"kind": "usage", "msg": msg, "input": 10, "output": output});
    assert_eq!(total(&[usage("a", 1), usage("a", 5)]), (10, 5));
    // The same answer, in another call: the larger count takes the place of the smaller one.
    assert_eq!(total(&[usage("a", 8)]), (10, 8));
    assert_eq!(total(&[usage("a", 2)]), (10, 8));
    assert_eq!(total(&[usage("b", 1), usage("c", 1)]), (30, 10));
    assert_eq!(
        total(&[json!({"kind": "usage", "input": 1, "output": 1, "copied": true})]),
        (30, 10)
    );
    let corrected = json!({"kind": "usage", "msg": "c", "input": 1, "output": 1, "replaces": [6]});
    assert_eq!(total(&[corrected]), (21, 10));
    // What cannot stand in a record is not remembered, and does not stand in the way.
    assert_eq!(total(&[usage("\n\u{0}", 0), usage(&"x".repeat(70_000), 0)]), (41, 10));
    // Somebody else's correction of the sum stays.
    repo.run(&["update", "--add", "tokens.input=100"]).ok();
    assert_eq!(total(&[usage("b", 4)]), (141, 13));
}

#[test]
fn a_call_that_is_repeated_under_its_name_is_done_once_and_answered_again() {
    for_each_kind(|repo| {
        repo.start(&["x"]);
        repo.run(&["record", "--note", "first"]).ok();
        let op = "--op=5f0c2a44-7a0e-4f0b-9d0b-3c1c53f6a001";
        let lines = format!("{}\n{}\n", note("a"), note("b"));
        let first = repo.feed(&["record", "--json", op], &lines).json();
        repo.run(&["record", "--note", "last"]).ok();
        let again = repo.feed(&["record", "--json", op], &lines).json();
        for key in ["recorded", "first_seq", "last_seq"] {
            assert_eq!(first[key], again[key], "{key}");
        }
        assert_eq!(notes(repo), ["first", "a", "b", "last"]);
    });
}

#[test]
fn what_is_told_late_or_in_a_pause_is_kept_too() {
    let repo = TestRepo::new();
    let made = repo.create(&["x"]);
    let id = text(&made["id"]);
    repo.run(&["record", id, "--note", "pending"]).ok();
    repo.run(&["next", id]).ok();
    repo.run(&["suspend", id]).ok();
    repo.run(&["record", id, "--note", "paused"]).ok();
    repo.run(&["finish", id]).ok();
    repo.run(&["record", id, "--note", "ended"]).ok();
    let shown = repo.show(id);
    assert_eq!((&shown["status"], &shown["outcome"]), (&json!("terminated"), &json!("success")));
    assert_eq!(shown["conversation"]["events"], 3);
    repo.run(&["record", "nobody", "--note", "x"]).refused();
}

#[test]
fn the_conversation_is_shown_as_it_was_at_an_earlier_commit() {
    let repo = TestRepo::new();
    let made = repo.start(&["x"]);
    repo.run(&["record", "--note", "one"]).ok();
    let then = repo.rev(text(&made["ref"]));
    repo.run(&["record", "--note", "two"]).ok();
    let events = repo.run(&["show", "--log", "--json=text", "--at", &then]).json_lines();
    assert_eq!(events, [json!({"text": "one"})]);
    let page = repo.run(&["show", "--log"]).ok().stdout;
    let dated = |seconds| {
        format!("Date:   2026-01-07 13:00:0{seconds} +0000 ({} seconds ago)", 5 - seconds)
    };
    assert_eq!(
        page,
        format!("1 note\n{}\n\n    one\n\n2 note\n{}\n\n    two\n", dated(2), dated(3))
    );
    assert_eq!(repo.run(&["show", "--messages"]).ok().stdout, "");
    repo.run(&["show", "--log", "--yaml"]).exits(129);
    repo.run(&["show", "--tools", "--json=messages"]).exits(129);
}

#[test]
fn a_session_that_nears_its_limit_of_tokens_is_warned() {
    let repo = TestRepo::new();
    repo.start(&["x"]);
    repo.run(&["update", "--set", "configuration.max_tokens=1000"]).ok();
    let warned = |args: &[&str]| {
        let said = repo.run(&[&["record"], args].concat()).ok().stderr;
        said.lines().find(|line| line.starts_with("warning")).map(str::to_owned)
    };
    assert_eq!(warned(&["--tokens", "in=700,out=99"]), None);
    let handle = text(&repo.run(&["show", "--json=handle"]).json()["handle"]).to_owned();
    assert_eq!(
        warned(&["--tokens", "out=1"]),
        Some(format!("warning: session {handle} has used 800 of 1000 tokens (80 %)"))
    );
    assert!(warned(&["--tokens", "in=700"]).is_some());
    assert_eq!(warned(&["-q", "--note", "x"]), None);
}

#[test]
fn a_bare_repository_and_all_work_trees_share_one_conversation() {
    let repo = TestRepo::bare(PLAIN);
    repo.start(&["x"]);
    repo.run(&["record", "--note", "bare"]).ok();
    assert_eq!(notes(&repo), ["bare"]);
    let repo = TestRepo::new();
    let made = repo.start(&["x"]);
    let linked = repo.worktree("linked");
    repo.cmd(&["record", text(&made["id"]), "--note", "from there"]).dir(&linked).run().ok();
    repo.run(&["record", "--note", "from here"]).ok();
    assert_eq!(notes(&repo), ["from there", "from here"]);
}

/// Waits until the current session has so many events, for a generous time.
fn wait_for_events(repo: &TestRepo, n: usize) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while repo.run(&["show", "--json=conversation"]).json()["conversation"]["events"] != n {
        assert!(Instant::now() < deadline, "{:?} and not {n}", notes(repo));
    }
}

fn begin(mut cmd: Cmd<'_>) -> Child {
    cmd.command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    cmd.command.spawn().expect("it starts")
}

#[test]
fn a_followed_file_is_recorded_as_it_grows_and_once() {
    let repo = TestRepo::new();
    repo.start(&["x"]);
    let path = repo.root.join("events.jsonl");
    let append = |text: &str| {
        let mut file = fs::OpenOptions::new().create(true).append(true).open(&path).expect("open");
        file.write_all(text.as_bytes()).expect("written");
    };
    // It need not be there yet.
    let mut follower = begin(repo.cmd(&["record", "--follow", "events.jsonl"]));
    append(&format!("{}\n", note("a")));
    wait_for_events(&repo, 1);
    // A line without its end waits, and a damaged one is kept as it is.
    append(&format!("nonsense\n{}", &note("b")[..10]));
    wait_for_events(&repo, 2);
    append(&format!("{}\n", &note("b")[10..]));
    wait_for_events(&repo, 3);
    let pid = rustix::process::Pid::from_raw(follower.id() as i32).expect("a process");
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("told to end");
    assert!(follower.wait().expect("ended").success());
    // The next one goes on where that one was.
    append(&format!("{}\n", note("c")));
    let mut follower = begin(repo.cmd(&["record", "--follow", "events.jsonl"]));
    wait_for_events(&repo, 4);
    // Another file of the same name is taken from its beginning.
    fs::write(repo.root.join("new"), format!("{}\n{}\n", note("d"), note("e"))).expect("written");
    fs::rename(repo.root.join("new"), &path).expect("renamed");
    wait_for_events(&repo, 6);
    fs::write(&path, "").expect("truncated");
    append(&format!("{}\n", note("f")));
    wait_for_events(&repo, 7);
    repo.run(&["finish"]).ok();
    assert!(follower.wait().expect("ended").success(), "it ends with the session");
    assert_eq!(notes(&repo), ["a", "b", "c", "d", "e", "f"]);
    let source = &repo.run(&["show", "--json=conversation"]).json()["conversation"]["sources"][0];
    assert_eq!(
        (&source["agent"], &source["path"]),
        (&json!("record"), &json!("~/repo/events.jsonl"))
    );
}
