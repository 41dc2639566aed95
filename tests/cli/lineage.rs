//! Transcripts that are copies of others, and very many of them.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::harness::TestRepo;

fn hear(repo: &TestRepo, event: &str, native: &str) {
    let said = json!({ "session_id": native, "cwd": repo.root.to_string_lossy(),
        "transcript_path": transcript(repo, native).to_string_lossy() });
    let output = repo.feed(&["hook", "agent", "claude-code", event], &said.to_string()).ok();
    assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("", ""));
}

fn transcript(repo: &TestRepo, native: &str) -> PathBuf {
    repo.home.path().join(format!(".claude/projects/-repo/{native}.jsonl"))
}

/// Returns a turn of Claude Code's: a prompt, and an answer of 115 tokens that calls a tool.
fn turn(native: &str, n: usize) -> String {
    let line = |kind: &str, message: Value| {
        let at = format!("2026-01-07T12:{:02}:{:02}.000Z", n / 60 % 60, n % 60);
        json!({ "type": kind, "uuid": format!("{kind}-{n}"), "parentUuid": null,
            "sessionId": native, "timestamp": at, "cwd": "/repo", "version": "2.1.0",
            "message": message })
    };
    let usage = json!({ "input_tokens": 10, "output_tokens": 5, "cache_read_input_tokens": 100 });
    let call = json!({ "type": "tool_use", "id": format!("toolu_{n}"), "name": "Bash",
        "input": { "command": "ls" } });
    let prompt = line("user", json!({ "role": "user", "content": format!("Prompt {n}") }));
    let answer = line(
        "assistant",
        json!({ "id": format!("msg_{n}"), "role": "assistant", "model": "claude-x",
            "content": [call], "stop_reason": "tool_use", "usage": usage }),
    );
    format!("{prompt}\n{answer}\n")
}

fn write(repo: &TestRepo, native: &str, turns: impl IntoIterator<Item = usize>) {
    let path = transcript(repo, native);
    fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
    let text: String = turns.into_iter().map(|n| turn(native, n)).collect();
    fs::write(path, text).expect("a transcript");
}

/// Lets the agent call until its transcript is taken: a call has so much time, and the next one goes on.
fn take(repo: &TestRepo, native: &str) {
    let n_bytes = fs::metadata(transcript(repo, native)).expect("there").len();
    let is_taken = (0..100).any(|_| {
        hear(repo, "Stop", native);
        session(repo, native)["conversation"]["sources"][0]["offset"] == n_bytes
    });
    assert!(is_taken, "{native}");
}

/// Returns the session of an agent's session.
fn session(repo: &TestRepo, native: &str) -> Value {
    let all = repo.run(&["list", "--all", "--json"]).json();
    let all = all["sessions"].as_array().expect("a list").clone();
    let found = all.into_iter().find(|it| it["links"]["agent_session"] == native);
    found.expect("a session of that name")
}

fn total(repo: &TestRepo, native: &str) -> u64 {
    session(repo, native)["tokens"]["total"].as_u64().unwrap_or_default()
}

/// Returns how many events of a kind a session has that are copied, and that are its own.
fn events(repo: &TestRepo, native: &str, kind: &str) -> (usize, usize) {
    let id = session(repo, native)["id"].as_str().expect("an id").to_owned();
    let log = repo.run(&["show", "--log", "--json", &id]).ok().stdout;
    let all = log.lines().map(|line| line.parse::<Value>().expect("JSON"));
    let (copied, own): (Vec<Value>, Vec<Value>) =
        all.filter(|it| it["kind"] == kind).partition(|it| it["copied"] == true);
    (copied.len(), own.len())
}

#[test]
fn what_a_fork_begins_with_counts_where_it_was_said() {
    let repo = TestRepo::without_checkpoints();
    hear(&repo, "SessionStart", "first");
    write(&repo, "first", 1..4);
    take(&repo, "first");
    hear(&repo, "SessionStart", "second");
    write(&repo, "second", 1..4);
    hear(&repo, "UserPromptSubmit", "second");
    assert_eq!(total(&repo, "second"), 0);
    write(&repo, "second", 1..6);
    take(&repo, "second");
    assert_eq!((total(&repo, "first"), total(&repo, "second")), (345, 230));
    assert_eq!(events(&repo, "second", "message"), (3, 2));
    assert_eq!(events(&repo, "second", "usage"), (3, 2));
    // A fork of the fork, of another place in it.
    hear(&repo, "SessionStart", "third");
    write(&repo, "third", [1, 2, 3, 4, 9]);
    take(&repo, "third");
    assert_eq!((total(&repo, "third"), events(&repo, "third", "tool.call")), (115, (4, 1)));
    // Nothing of that changes when the files are imported, too.
    let all = repo.git(&["for-each-ref", "refs/sessions"]);
    let paths = ["first", "second", "third"].map(|it| transcript(&repo, it));
    for path in paths {
        repo.run(&["import", &path.to_string_lossy()]).ok();
    }
    assert_eq!(repo.git(&["for-each-ref", "refs/sessions"]), all);
    repo.check();
}

#[test]
fn what_a_fork_is_of_is_found_by_what_the_cache_remembers_too() {
    let repo = TestRepo::without_checkpoints();
    repo.git(&["config", "session.cache", "true"]);
    for native in ["other", "first"] {
        hear(&repo, "SessionStart", native);
        write(&repo, native, if native == "first" { 1..4 } else { 21..24 });
        take(&repo, native);
    }
    repo.git(&["pack-refs", "--all"]);
    repo.run(&["list", "--all"]).ok();
    hear(&repo, "SessionStart", "second");
    write(&repo, "second", 1..6);
    take(&repo, "second");
    assert_eq!((total(&repo, "first"), total(&repo, "second")), (345, 230));
    assert_eq!(events(&repo, "second", "message"), (3, 2));
}

#[test]
fn a_fork_that_is_imported_later_counts_what_is_its_own() {
    let repo = TestRepo::without_checkpoints();
    write(&repo, "first", 1..4);
    write(&repo, "second", [1, 2, 7]);
    for native in ["first", "second"] {
        repo.run(&["import", &transcript(&repo, native).to_string_lossy()]).ok();
    }
    assert_eq!((total(&repo, "first"), total(&repo, "second")), (345, 115));
    assert_eq!(events(&repo, "second", "message"), (2, 1));
    // Whoever is told of first has it: here the fork was.
    let repo = TestRepo::without_checkpoints();
    write(&repo, "first", 1..4);
    write(&repo, "second", [1, 2, 7]);
    for native in ["second", "first"] {
        repo.run(&["import", &transcript(&repo, native).to_string_lossy()]).ok();
    }
    assert_eq!((total(&repo, "first"), total(&repo, "second")), (115, 345));
}

#[test]
fn a_long_copied_beginning_is_taken_in_parts_and_counts_nowhere_twice() {
    let repo = TestRepo::without_checkpoints();
    let pad = |native: &str, text: &str| {
        let path = transcript(&repo, native);
        let more = fs::read_to_string(&path).expect("a transcript");
        let long = format!("{{\"type\":\"mode\",\"mode\":\"{}\"}}\n", "x".repeat(350 << 10));
        let lines: Vec<&str> = more.split_inclusive('\n').collect();
        let text: String =
            lines.iter().map(|line| format!("{line}{long}")).collect::<String>() + text;
        fs::write(path, text).expect("a transcript");
    };
    hear(&repo, "SessionStart", "first");
    write(&repo, "first", 1..5);
    pad("first", "");
    take(&repo, "first");
    hear(&repo, "SessionStart", "second");
    write(&repo, "second", 1..5);
    pad("second", &turn("second", 9));
    take(&repo, "second");
    assert_eq!((total(&repo, "first"), total(&repo, "second")), (460, 115));
    assert_eq!(events(&repo, "second", "message"), (4, 1));
}

#[test]
fn a_thread_of_codex_that_was_forked_counts_what_is_its_own() {
    let repo = TestRepo::without_checkpoints();
    let total_of = |n: u64| json!({ "input_tokens": 10 * n, "output_tokens": n });
    let line = |n: u64, payload: Value| {
        let at = format!("2026-01-07T12:00:{n:02}.000Z");
        json!({ "timestamp": at, "type": if payload["id"].is_null() { "event_msg" } else { "session_meta" },
            "payload": payload })
    };
    let usage = |at: u64, n: u64| {
        let info = json!({ "total_token_usage": total_of(n), "last_token_usage": total_of(1) });
        line(at, json!({ "type": "token_count", "info": info }))
    };
    let file = |name: &str, lines: &[Value]| {
        let path = repo.home.path().join(format!(".codex/sessions/rollout-{name}.jsonl"));
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        fs::write(&path, text).expect("a transcript");
        path
    };
    let tell = |native: &str, path: &PathBuf| {
        let said = json!({ "session_id": native, "cwd": repo.root.to_string_lossy(),
            "transcript_path": path.to_string_lossy() });
        repo.feed(&["hook", "agent", "codex", "Stop"], &said.to_string()).ok();
    };
    let head = |id: &str| line(0, json!({ "id": id, "cwd": "/repo" }));
    let first = file("first", &[head("first"), usage(1, 1), usage(2, 2), usage(3, 3)]);
    tell("first", &first);
    let fork = line(0, json!({ "id": "second", "cwd": "/repo", "forked_from_id": "first" }));
    let begun = [fork, head("first"), usage(21, 1), usage(22, 2)];
    tell("second", &file("second", &begun));
    assert_eq!((total(&repo, "first"), total(&repo, "second")), (33, 0));
    let all = [&begun[..], &[usage(23, 3), usage(24, 4), usage(25, 5)]].concat();
    tell("second", &file("second", &all));
    assert_eq!((total(&repo, "first"), total(&repo, "second")), (33, 22));
    assert_eq!(events(&repo, "second", "usage"), (3, 2));
}

#[test]
fn a_session_with_very_many_files_stays_small() {
    let repo = TestRepo::without_checkpoints();
    hear(&repo, "SessionStart", "main");
    write(&repo, "main", 1..2);
    let parts = transcript(&repo, "main").with_extension("").join("subagents");
    fs::create_dir_all(&parts).expect("a directory");
    let n_parts = 120;
    let part = |n: usize| parts.join(format!("agent-{n:04}.jsonl"));
    for n in 0..n_parts {
        let text = turn("main", 100 + n)
            .replace("\"uuid\"", "\"isSidechain\":true,\"agentId\":\"x\",\"uuid\"");
        fs::write(part(n), text).expect("a transcript");
    }
    let conversation = || session(&repo, "main")["conversation"].clone();
    let n_taken = || {
        let told = conversation();
        told["sources"].as_array().map_or(0, Vec::len) as u64
            + told["more_sources"].as_u64().unwrap_or(0)
    };
    // A call has so much time; the next one goes on.
    for _ in 0..n_parts {
        hear(&repo, "Stop", "main");
        if n_taken() == n_parts as u64 + 1 {
            break;
        }
    }
    let told = conversation();
    assert_eq!(
        (told["sources"].as_array().map(Vec::len), &told["more_sources"]),
        (Some(8), &json!(113))
    );
    assert_eq!(total(&repo, "main"), 115 * (n_parts as u64 + 1));
    let id = session(&repo, "main")["id"].as_str().expect("an id").to_owned();
    let record = repo.git(&["cat-file", "-s", &format!("refs/sessions/{id}:session.yaml")]);
    assert!(record.trim().parse::<u64>().expect("a size") < 8000, "{record}");
    // What is beside the record goes on where it was, is shown, and is taken only once.
    let long = fs::read_to_string(part(77)).expect("a part");
    let more =
        turn("main", 999).replace("\"uuid\"", "\"isSidechain\":true,\"agentId\":\"x\",\"uuid\"");
    fs::write(part(77), format!("{long}{more}")).expect("a transcript");
    hear(&repo, "Stop", "main");
    assert_eq!((n_taken(), total(&repo, "main")), (121, 115 * 122));
    let raw = |n: u64| repo.run(&["show", "--raw", "--source", &n.to_string(), &id]).ok().stdout;
    assert_eq!(raw(79), format!("{long}{more}"));
    let tip = session(&repo, "main")["tip"].clone();
    hear(&repo, "Stop", "main");
    repo.run(&["import", &parts.to_string_lossy()]).ok();
    assert_eq!(session(&repo, "main")["tip"], tip);
    repo.check();
}

#[test]
fn what_a_hook_has_told_is_not_counted_again_in_an_export() {
    let repo = TestRepo::without_checkpoints();
    let tell = |event: &str, more: Value| {
        let mut said = json!({ "session_id": "ses_1", "cwd": repo.root.to_string_lossy() });
        let more = more.as_object().expect("an object").clone();
        more.into_iter().for_each(|(key, value)| said[key] = value);
        repo.feed(&["hook", "agent", "opencode", event], &said.to_string()).ok();
    };
    let tokens =
        json!({ "input": 6, "output": 3, "reasoning": 1, "cache": { "read": 2, "write": 0 } });
    let message = |id: &str, role: &str, parts: Value, tokens: &Value| {
        let info = json!({ "id": id, "sessionID": "ses_1", "role": role, "modelID": "m",
            "time": { "created": 1_767_787_200_000_u64 }, "tokens": tokens });
        json!({ "info": info, "parts": parts })
    };
    let text = |text: &str| json!([{ "type": "text", "text": text }]);
    let call = json!({ "type": "tool", "callID": "call_1", "tool": "bash",
        "state": { "status": "completed", "input": { "command": "ls" }, "output": "a" } });
    let mut messages = vec![message("msg_0", "user", text("Do it"), &Value::Null)];
    tell("UserPromptSubmit", json!({ "prompt": "Do it", "message_id": "msg_0" }));
    for n in 1..8 {
        let id = format!("msg_{n}");
        tell("AfterAgentResponse", json!({ "text": "Yes", "message_id": id }));
        tell("Usage", json!({ "usage": tokens, "message_id": id }));
        messages.push(message(&id, "assistant", text("Yes"), &tokens));
    }
    tell(
        "PostToolUse",
        json!({ "tool_name": "bash", "tool_input": { "command": "ls" },
        "tool_response": "a", "tool_use_id": "call_1" }),
    );
    messages.push(message("msg_8", "assistant", json!([call]), &Value::Null));
    let id = session(&repo, "ses_1")["id"].as_str().expect("an id").to_owned();
    let count = |what: &str, key: &str| {
        let shown = repo.run(&["show", what, "--json", &id]).json();
        shown[key].as_array().expect("a list").len()
    };
    let all =
        || (total(&repo, "ses_1"), count("--messages", "messages"), count("--tools", "toolCalls"));
    assert_eq!(all(), (84, 8, 1));
    let export = |messages: &[Value]| {
        let info = json!({ "id": "ses_1", "directory": "/repo", "time": { "created": 1_767_787_200_000_u64 } });
        let document = json!({ "info": info, "messages": messages }).to_string();
        let path = repo.write("export.json", &document);
        repo.run(&["import", &path.to_string_lossy()]).ok();
    };
    export(&messages);
    assert_eq!(all(), (84, 8, 1));
    messages.push(message("msg_9", "assistant", text("More"), &tokens));
    export(&messages);
    assert_eq!(all(), (96, 9, 1));
    repo.check();
}

#[test]
fn what_cursor_told_its_hooks_is_not_said_again_by_its_transcript() {
    let repo = TestRepo::without_checkpoints();
    let native = "1f6c2a5e-7a1b-4f0e-9d43-0c8a3b3f2e11";
    let hear = |event: &str, more: Value| {
        let mut said = json!({ "conversation_id": native, "generation_id": format!("g-{event}"),
            "cursor_version": "2.1.0", "workspace_roots": [repo.root.to_string_lossy()] });
        let more = more.as_object().expect("an object").clone();
        said.as_object_mut().expect("an object").extend(more);
        repo.feed(&["hook", "agent", "cursor", event], &said.to_string()).ok();
    };
    hear("beforeSubmitPrompt", json!({ "prompt": "Fix the login" }));
    let call = json!({ "tool_name": "Shell", "tool_input": { "command": "ls" },
        "tool_use_id": "call_1", "tool_output": "a" });
    hear("postToolUse", call);
    hear("afterAgentResponse", json!({ "text": "Fixed." }));
    let line = |role: &str, block: Value| {
        let record = json!({ "role": role, "message": { "content": [block] } });
        format!("{record}\n")
    };
    let text = |text: &str| json!({ "type": "text", "text": text });
    let input = json!({ "type": "tool_use", "name": "Shell", "input": { "command": "ls" } });
    let transcript = [
        line("user", text("<user_query>\nFix the login\n</user_query>")),
        line("assistant", input),
        line("assistant", text("Fixed.")),
        line("assistant", text("Nobody told this.")),
    ];
    let path = format!(".cursor/projects/repo/agent-transcripts/{native}.jsonl");
    let path = repo.home.path().join(path);
    fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
    fs::write(&path, transcript.concat()).expect("a transcript");
    repo.run(&["import", path.to_str().expect("UTF-8")]).ok();
    assert_eq!(events(&repo, native, "message"), (2, 3));
    assert_eq!(events(&repo, native, "tool.call"), (1, 1));
    repo.check();
}
