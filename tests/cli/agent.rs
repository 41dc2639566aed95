use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::harness::{Output, PLAIN, PROGRAM, TestRepo, executable};

/// The agents, and where each one is told in a project.
const AGENTS: [(&str, &str); 8] = [
    ("claude-code", ".claude/settings.json"),
    ("codex", ".codex/hooks.json"),
    ("gemini-cli", ".gemini/settings.json"),
    ("qwen-code", ".qwen/settings.json"),
    ("opencode", ".opencode/plugins/git-session.js"),
    ("copilot-cli", ".github/hooks/git-session.json"),
    ("cursor", ".cursor/hooks.json"),
    ("droid", ".factory/settings.json"),
];
/// The id that an agent gives its own session.
const NATIVE: &str = "a1833ad4-90f3-4146-bce8-2550213bbd1a";

/// Lets an agent call its hook, which never answers and never fails.
fn hear(repo: &TestRepo, agent: &str, event: &str, payload: &Value) {
    let output = repo.feed(&["hook", "agent", agent, event], &payload.to_string()).ok();
    assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("", ""));
}

/// Returns what Claude Code says, with `more` of an event.
fn claude(repo: &TestRepo, more: &[(&str, Value)]) -> Value {
    let mut said = json!({
        "session_id": NATIVE,
        "transcript_path": transcript(repo).to_string_lossy(),
        "cwd": repo.root.to_string_lossy(),
    });
    more.iter().for_each(|(key, value)| said[*key] = value.clone());
    said
}

fn transcript(repo: &TestRepo) -> PathBuf {
    repo.home.path().join(format!(".claude/projects/-repo/{NATIVE}.jsonl"))
}

/// Adds lines to Claude Code's transcript: a prompt and an answer with a tool call.
fn write_turn(repo: &TestRepo, n: u32) {
    let base = |kind: &str, id: &str, message: Value| {
        let at = format!("2026-01-07T12:00:{n:02}.000Z");
        json!({ "type": kind, "uuid": format!("{id}{n}"), "parentUuid": null, "sessionId": NATIVE,
            "timestamp": at, "cwd": "/repo", "version": "2.1.0", "message": message })
    };
    let usage = json!({ "input_tokens": 10, "output_tokens": 5,
        "cache_read_input_tokens": 100, "cache_creation_input_tokens": 0 });
    let call = json!({ "type": "tool_use", "id": format!("toolu_{n}"), "name": "Bash",
        "input": { "command": "ls" } });
    let answer = json!({ "id": format!("msg_{n}"), "role": "assistant", "model": "claude-x",
        "content": [call], "stop_reason": "tool_use", "usage": usage });
    let result =
        json!({ "type": "tool_result", "tool_use_id": format!("toolu_{n}"), "content": "a" });
    let lines = [
        base("user", "u", json!({ "role": "user", "content": format!("Prompt {n}") })),
        base("assistant", "a", answer),
        base("user", "r", json!({ "role": "user", "content": [result] })),
    ];
    let path = transcript(repo);
    fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
    let before = fs::read_to_string(&path).unwrap_or_default();
    let lines: String = lines.iter().map(|line| format!("{line}\n")).collect();
    fs::write(path, before + &lines).expect("a transcript");
}

/// Returns the only session.
fn only(repo: &TestRepo) -> Value {
    let all = repo.run(&["list", "--all", "--json"]).json();
    let all = all["sessions"].as_array().expect("a list").clone();
    assert_eq!(all.len(), 1, "{all:?}");
    all[0].clone()
}

fn told(repo: &TestRepo, session: &Value, what: &str) -> usize {
    let id = session["id"].as_str().expect("an id");
    let found = repo.run(&["show", &format!("--{what}"), "--json", id]).json();
    let key = if what == "tools" { "toolCalls" } else { what };
    found[key].as_array().expect("a list").len()
}

#[test]
fn enabling_an_agent_is_undone_to_the_byte() {
    let others = "{\n    \"a\" : [1,2],\n    \"hooks\": { \"Stop\": [\n      {\"hooks\": [ {\"type\":\"command\",\"command\":\"x\"} ] }\n    ], \"stop\": [], \"AfterTool\": [ ] },\n    \"z\": \"\\u00e9\"\n}";
    for (agent, file) in AGENTS {
        let repo = TestRepo::without_checkpoints();
        let before = repo.listing();
        repo.run(&["agent", "enable", agent]).ok();
        let path = repo.root.join(file);
        let made = fs::read(&path).expect("a file");
        let again = repo.run(&["agent", "enable", agent, "--json"]).json();
        assert_eq!(again["agents"][0]["changed"], false);
        assert_eq!(fs::read(&path).expect("a file"), made);
        let listed = repo.run(&["agent", "list", "--json"]).json();
        let listed = listed["agents"].as_array().expect("a list");
        let on: Vec<&Value> = listed.iter().filter(|it| it["project"] == true).collect();
        assert_eq!(on.len(), 1);
        assert_eq!((&on[0]["name"], &on[0]["project_file"]), (&agent.into(), &file.into()));
        repo.run(&["agent", "disable", agent]).ok();
        assert_eq!(repo.listing(), before, "{agent}");
        repo.run(&["agent", "disable", agent]).ok();
        if matches!(agent, "opencode" | "copilot-cli") {
            continue;
        }
        let path = repo.write(file, others);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("a mode");
        repo.run(&["agent", "enable", agent]).ok();
        let text = fs::read_to_string(&path).expect("a file");
        assert!(text.contains(&format!(" hook agent {agent} ")), "{text}");
        let mode = || fs::metadata(&path).expect("there").permissions().mode() & 0o777;
        assert_eq!(mode(), 0o640);
        repo.run(&["agent", "disable", agent]).ok();
        assert_eq!(fs::read_to_string(&path).expect("a file"), others, "{agent}");
        assert_eq!(mode(), 0o640);
    }
}

#[test]
fn an_agent_is_enabled_for_all_projects_in_the_home_directory() {
    let repo = TestRepo::without_checkpoints();
    repo.run(&["agent", "enable", "claude", "opencode", "--user"]).ok();
    assert!(repo.home.path().join(".claude/settings.json").is_file());
    assert!(repo.home.path().join(".config/opencode/plugins/git-session.js").is_file());
    assert!(!repo.root.join(".claude").exists());
    let listed = repo.run(&["agent", "list"]).ok().stdout;
    assert!(listed.contains("claude-code   enabled (user)"), "{listed}");
    repo.run(&["agent", "disable", "claude", "opencode", "--user"]).ok();
    assert!(!repo.home.path().join(".claude").exists());
    assert!(!repo.home.path().join(".config").exists());
}

#[test]
fn a_file_that_is_not_understood_is_left_alone_and_so_are_the_others() {
    let repo = TestRepo::without_checkpoints();
    let path = repo.write(".codex/hooks.json", "{ \"hooks\": ");
    let refused = repo.run(&["agent", "enable", "claude-code", "codex"]).refused();
    assert!(refused.contains("no JSON") && refused.contains("line 1"), "{refused}");
    assert_eq!(fs::read_to_string(path).expect("a file"), "{ \"hooks\": ");
    assert!(!repo.root.join(".claude").exists());
    let refused = repo.run(&["agent", "enable", "nobody"]).refused();
    assert!(refused.contains("no agent 'nobody'") && refused.contains("codex"), "{refused}");
    repo.write(".opencode/plugins/git-session.js", "mine");
    let refused = repo.run(&["agent", "enable", "opencode"]).refused();
    assert!(refused.contains("it is not ours"), "{refused}");
}

#[test]
fn a_link_is_followed_inside_the_work_tree_and_not_out_of_it() {
    let repo = TestRepo::without_checkpoints();
    let inside = repo.write("conf/claude.json", "{}\n");
    fs::create_dir(repo.root.join(".claude")).expect("a directory");
    let link = repo.root.join(".claude/settings.json");
    std::os::unix::fs::symlink(&inside, &link).expect("a link");
    repo.run(&["agent", "enable", "claude-code"]).ok();
    assert!(link.is_symlink());
    assert!(fs::read_to_string(&inside).expect("a file").contains("hook agent"));
    repo.run(&["agent", "disable", "claude-code"]).ok();
    assert_eq!(fs::read_to_string(&inside).expect("a file"), "{}\n");
    let outside = repo.home.path().join("outside");
    fs::create_dir(&outside).expect("a directory");
    std::os::unix::fs::symlink(&outside, repo.root.join(".codex")).expect("a link");
    std::os::unix::fs::symlink(outside.join("none"), repo.root.join(".gemini")).expect("a link");
    for agent in ["codex", "gemini-cli"] {
        let refused = repo.run(&["agent", "enable", agent]).exits(1).stderr;
        assert!(!refused.is_empty());
    }
    assert_eq!(fs::read_dir(&outside).expect("a directory").count(), 0);
}

#[test]
fn the_command_of_an_agent_succeeds_without_the_program_and_takes_in_what_it_is_told() {
    let repo = TestRepo::without_checkpoints();
    repo.run(&["agent", "enable", "claude-code"]).ok();
    let text = fs::read_to_string(repo.root.join(".claude/settings.json")).expect("a file");
    let file: Value = serde_json::from_str(&text).expect("JSON");
    let line = file["hooks"]["Stop"][0]["hooks"][0]["command"].as_str().expect("a line").to_owned();
    let shell = |line: &str| {
        let mut shell = Command::new("sh");
        shell.args(["-c", line]).current_dir(&repo.root).env_remove("GIT_SESSION");
        Output::of(shell, Some(vec![b'x'; 1 << 20])).ok()
    };
    for line in [line.replace(PROGRAM, "/nowhere/git-session"), line.replace(PROGRAM, "/bin/false")]
    {
        let output = shell(&line);
        assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("", ""), "{line}");
    }
}

#[test]
fn the_run_of_an_agent_becomes_a_session_with_all_that_belongs_to_it() {
    let repo = TestRepo::without_checkpoints();
    hear(&repo, "claude-code", "SessionStart", &claude(&repo, &[("source", "startup".into())]));
    let session = only(&repo);
    assert_eq!((&session["status"], &session["title"]), (&"running".into(), &"".into()));
    assert_eq!((&session["agent"], &session["class"]), (&"claude-code".into(), &"active".into()));
    assert_eq!(session["author"], "claude-code <claude-code@localhost>");
    assert_eq!(session["links"]["agent_session"], NATIVE);
    let prompt = [("prompt", "\n  Fix the login\nand more".into())];
    hear(&repo, "claude-code", "UserPromptSubmit", &claude(&repo, &prompt));
    write_turn(&repo, 1);
    let commit = |title: &str| {
        repo.git(&["commit", "-q", "--allow-empty", "-m", title]);
        repo.rev("HEAD")
    };
    let mut made = vec![commit("one"), commit("two")];
    repo.git(&["reset", "-q", "--hard", "HEAD~1"]);
    hear(&repo, "claude-code", "PostToolUse", &claude(&repo, &[("tool_name", "Bash".into())]));
    repo.git(&["checkout", "-q", "-b", "other", "HEAD~1"]);
    hear(&repo, "claude-code", "PostToolUse", &claude(&repo, &[("tool_name", "Read".into())]));
    made.push(commit("three"));
    write_turn(&repo, 2);
    let part = transcript(&repo).with_extension("").join("subagents/agent-x.jsonl");
    fs::create_dir_all(part.parent().expect("a parent")).expect("a directory");
    let lines =
        fs::read_to_string(transcript(&repo)).expect("a transcript").replace("_1\"", "_3\"");
    let lines = lines.replace("\"uuid\":\"", "\"isSidechain\":true,\"agentId\":\"x\",\"uuid\":\"s");
    fs::write(&part, lines.lines().take(3).map(|it| format!("{it}\n")).collect::<String>())
        .expect("a file");
    hear(&repo, "claude-code", "Stop", &claude(&repo, &[]));
    hear(&repo, "claude-code", "SessionEnd", &claude(&repo, &[("reason", "other".into())]));
    let session = only(&repo);
    assert_eq!(
        (&session["status"], &session["outcome"]),
        (&"terminated".into(), &"success".into())
    );
    assert_eq!(
        (&session["title"], &session["model"]),
        (&"Fix the login".into(), &"claude-x".into())
    );
    assert_eq!(session["tokens"]["total"], 345);
    let commits: Vec<&str> = session["commits"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|it| it["commit"].as_str())
        .collect();
    assert_eq!(commits, made);
    assert_eq!(told(&repo, &session, "tools"), 3);
    let stored = session["conversation"]["sources"][0]["offset"].as_u64();
    assert_eq!(stored, Some(fs::metadata(transcript(&repo)).expect("there").len()));
    repo.run(&["import".into(), transcript(&repo), part]).ok();
    assert_eq!(only(&repo)["tip"], session["tip"], "there is nothing left to import");
    repo.check();
}

#[test]
fn a_call_that_comes_twice_or_late_changes_nothing() {
    let repo = TestRepo::without_checkpoints();
    let said = json!({ "session_id": "ses_1", "cwd": repo.root.to_string_lossy(),
        "prompt": "Do it", "message_id": "msg_1" });
    let tool = json!({ "session_id": "ses_1", "cwd": repo.root.to_string_lossy(), "tool_name": "bash",
        "tool_input": { "command": "ls" }, "tool_response": "a", "tool_use_id": "call_1" });
    let usage = json!({ "session_id": "ses_1", "cwd": repo.root.to_string_lossy(), "message_id": "msg_2",
        "usage": { "input": 6, "output": 3, "reasoning": 1, "cache": { "read": 2, "write": 0 } } });
    let all = [("UserPromptSubmit", said), ("PostToolUse", tool), ("Usage", usage)];
    for (event, said) in &all {
        hear(&repo, "opencode", event, said);
        hear(&repo, "opencode", event, said);
    }
    let end = json!({ "session_id": "ses_1", "cwd": repo.root.to_string_lossy() });
    hear(&repo, "opencode", "Stop", &end);
    hear(&repo, "opencode", "SessionEnd", &end);
    let ended = only(&repo);
    assert_eq!((&ended["outcome"], &ended["title"]), (&"success".into(), &"Do it".into()));
    assert_eq!(ended["tokens"]["total"], 12);
    assert_eq!((told(&repo, &ended, "messages"), told(&repo, &ended, "tools")), (2, 1));
    for (event, said) in &all {
        hear(&repo, "opencode", event, said);
    }
    hear(&repo, "opencode", "SessionEnd", &end);
    assert_eq!(only(&repo)["tip"], ended["tip"]);
}

#[test]
fn a_whole_run_whose_calls_all_come_again_is_still_one_session() {
    let repo = TestRepo::without_checkpoints();
    write_turn(&repo, 1);
    let with = |key, value: &str| claude(&repo, &[(key, value.into())]);
    let mut prompt = with("prompt", "Do it");
    prompt["prompt_id"] = "p1".into();
    let all = [
        ("SessionStart", with("source", "startup")),
        ("UserPromptSubmit", prompt),
        ("PreToolUse", with("tool_name", "Bash")),
        ("PostToolUse", with("tool_name", "Bash")),
        ("Stop", claude(&repo, &[])),
        ("SessionEnd", with("reason", "other")),
    ];
    let run = || all.iter().for_each(|(event, said)| hear(&repo, "claude-code", event, said));
    run();
    let ended = only(&repo);
    assert_eq!((&ended["class"], &ended["title"]), (&"ended".into(), &"Do it".into()));
    run();
    assert_eq!(only(&repo)["tip"], ended["tip"]);
    repo.check();
}

#[test]
fn an_agent_that_goes_on_after_its_end_gets_a_session_that_continues_the_first() {
    let repo = TestRepo::without_checkpoints();
    write_turn(&repo, 1);
    for _ in 0..2 {
        let source = [("source", "startup".into())];
        hear(&repo, "claude-code", "SessionStart", &claude(&repo, &source));
        hear(&repo, "claude-code", "SessionEnd", &claude(&repo, &[]));
    }
    // The same call again is no other beginning.
    let first = only(&repo);
    assert_eq!(first["tokens"]["total"], 115);
    write_turn(&repo, 2);
    let resumed = claude(&repo, &[("source", "resume".into())]);
    hear(&repo, "claude-code", "SessionStart", &resumed);
    write_turn(&repo, 3);
    hear(&repo, "claude-code", "Stop", &claude(&repo, &[]));
    let all = repo.run(&["list", "--all", "--json"]).json();
    let all = all["sessions"].as_array().expect("a list");
    let open = all.iter().find(|it| it["class"] == "active").expect("another one");
    assert_eq!((all.len(), &open["parent"]), (2, &first["id"]));
    // What the first one has is not taken again.
    assert_eq!((&open["tokens"]["total"], told(&repo, open, "tools")), (&230.into(), 2));
    // Nor does an import take what any of them has.
    let before = repo.git(&["for-each-ref", "refs/sessions"]);
    let transcript = transcript(&repo);
    let imported = repo.run(&["import", "--json", &transcript.to_string_lossy()]).json();
    assert_eq!(imported["sessions"][0]["result"], "unchanged", "{imported}");
    assert_eq!(repo.git(&["for-each-ref", "refs/sessions"]), before);
    repo.check();
}

#[test]
fn first_calls_at_the_same_time_make_one_session() {
    let repo = TestRepo::without_checkpoints();
    write_turn(&repo, 1);
    let said = claude(&repo, &[("prompt", "All at once".into())]).to_string();
    let children: Vec<_> = (0..8)
        .map(|n| {
            let event = ["SessionStart", "UserPromptSubmit", "PostToolUse", "Stop"][n % 4];
            let mut child = Command::new(PROGRAM)
                .args(["hook", "agent", "claude-code", event])
                .current_dir(&repo.root)
                .env("HOME", repo.home.path())
                .env_remove("GIT_SESSION")
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .expect("the program");
            let mut stdin = child.stdin.take().expect("a pipe");
            std::io::Write::write_all(&mut stdin, said.as_bytes()).expect("it listens");
            child
        })
        .collect();
    for child in children {
        let output = child.wait_with_output().expect("it ended");
        assert!(output.status.success() && output.stdout.is_empty());
    }
    hear(&repo, "claude-code", "Stop", &claude(&repo, &[]));
    let session = only(&repo);
    assert_eq!((&session["title"], &session["status"]), (&"All at once".into(), &"running".into()));
    assert_eq!((&session["tokens"]["total"], told(&repo, &session, "tools")), (&115.into(), 1));
    repo.check();
}

#[test]
fn a_hook_never_fails_and_never_says_a_word() {
    let repo = TestRepo::without_checkpoints();
    let cwd = repo.root.to_string_lossy().into_owned();
    let deep = "[".repeat(200_000);
    let evil = [
        "",
        "x",
        "{",
        "[]",
        "{}",
        "null",
        &deep,
        "{\"session_id\": 1}",
        "{\"session_id\": \"../../x\"}",
        "{\"session_id\": \"a\\nb\"}",
    ];
    for text in evil {
        for args in [&["claude-code", "Stop"][..], &["nobody"], &[], &["codex", "--x", "-h", "y"]] {
            let output = repo.cmd(&[&["hook", "agent"], args].concat()).input(text).run().ok();
            assert_eq!((output.stdout, output.stderr), (String::new(), String::new()));
        }
    }
    assert_eq!(repo.titles(&["--all"]), Vec::<String>::new());
    // No repository, a repository without a commit, a transcript that is none, a damaged session.
    let said = json!({ "session_id": NATIVE, "cwd": repo.home.path().to_string_lossy() });
    hear(&repo, "claude-code", "SessionStart", &said);
    let unborn = TestRepo::unborn(PLAIN);
    hear(&unborn, "claude-code", "SessionStart", &claude(&unborn, &[]));
    assert_eq!(only(&unborn)["status"], "running");
    let said = json!({ "session_id": NATIVE, "cwd": cwd, "transcript_path": "/dev/zero" });
    hear(&repo, "claude-code", "Stop", &said);
    let id = only(&repo)["id"].as_str().expect("an id").to_owned();
    repo.plant(&id, b"garbage");
    repo.damaged();
    hear(&repo, "claude-code", "Stop", &said);
    let log = fs::read_to_string(repo.git_dir.join("session/hook.log")).expect("a log");
    assert!(log.contains(&id), "{log}");
}

#[test]
fn an_agent_inside_of_a_session_tells_that_session() {
    let repo = TestRepo::without_checkpoints();
    let session = repo.start(&["mine"]);
    write_turn(&repo, 1);
    let id = session["id"].as_str().expect("an id");
    for event in ["UserPromptSubmit", "Stop", "SessionEnd"] {
        let said = claude(&repo, &[("prompt", "other".into())]).to_string();
        let args = ["hook", "agent", "claude-code", event];
        repo.cmd(&args).env("GIT_SESSION", id).input(said).run().ok();
    }
    let session = only(&repo);
    assert_eq!((&session["title"], &session["status"]), (&"mine".into(), &"running".into()));
    assert_eq!(told(&repo, &session, "tools"), 1);
}

#[test]
fn a_killed_agent_is_lost_and_what_it_did_last_is_seen_while_it_lives() {
    let repo = TestRepo::without_checkpoints();
    let dir = repo.home.path().join("bin");
    fs::create_dir(&dir).expect("a directory");
    let said = repo.home.path().join("said");
    fs::write(&said, claude(&repo, &[("prompt", "Wait".into())]).to_string()).expect("a file");
    let agent = dir.join("claude");
    let hook =
        |event: &str| format!("'{PROGRAM}' hook agent claude-code {event} < '{}'", said.display());
    let lines = [
        "#!/bin/sh".to_owned(),
        hook("UserPromptSubmit"),
        "echo asked; read next".to_owned(),
        hook("Notification"),
        "echo waits; read next".to_owned(),
        hook("Stop"),
        "echo idle; read next".to_owned(),
    ];
    executable(&agent, &lines.join("\n"));
    let mut child = Command::new(&agent)
        .current_dir(&repo.root)
        .env("HOME", repo.home.path())
        .env_remove("GIT_SESSION")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a shell");
    let mut answers = std::io::BufReader::new(child.stdout.take().expect("a pipe"));
    let mut stdin = child.stdin.take().expect("a pipe");
    for (word, activity) in [("asked", "running"), ("waits", "waiting"), ("idle", "idle")] {
        let mut line = String::new();
        std::io::BufRead::read_line(&mut answers, &mut line).expect("it says so");
        assert_eq!(line.trim(), word);
        let session = only(&repo);
        assert_eq!(
            (&session["observed"], &session["activity"]),
            (&"running".into(), &activity.into())
        );
        if activity != "idle" {
            std::io::Write::write_all(&mut stdin, b"\n").expect("it listens");
        }
    }
    let id = only(&repo)["id"].as_str().expect("an id").to_owned();
    let status = repo.run(&["status", &id]).ok().stdout;
    assert!(status.contains("worker running, idle"), "{status}");
    child.kill().expect("killed");
    child.wait().expect("waited for");
    let session = only(&repo);
    assert_eq!((&session["observed"], &session["activity"]), (&"lost".into(), &Value::Null));
    repo.run(&["reap"]).ok();
    assert_eq!(only(&repo)["status"], "suspended");
    hear(&repo, "claude-code", "SessionStart", &claude(&repo, &[("source", "resume".into())]));
    assert_eq!(only(&repo)["status"], "running");
}

#[test]
fn an_agent_is_terminated_by_its_session_though_it_leads_no_group() {
    let repo = TestRepo::without_checkpoints();
    let said = repo.home.path().join("said");
    fs::write(&said, claude(&repo, &[]).to_string()).expect("a file");
    let dir = repo.home.path().join("bin");
    fs::create_dir(&dir).expect("a directory");
    let line = format!("'{PROGRAM}' hook agent claude-code SessionStart < '{}'", said.display());
    executable(&dir.join("claude"), &format!("#!/bin/sh\n{line}\necho on; read next\n"));
    let mut child = Command::new(dir.join("claude"))
        .current_dir(&repo.root)
        .env("HOME", repo.home.path())
        .env_remove("GIT_SESSION")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a shell");
    let mut answers = std::io::BufReader::new(child.stdout.take().expect("a pipe"));
    std::io::BufRead::read_line(&mut answers, &mut String::new()).expect("it says so");
    let id = only(&repo)["id"].as_str().expect("an id").to_owned();
    let ending = std::thread::spawn(move || child.wait().expect("waited for"));
    repo.run(&["terminate", &id]).ok();
    assert!(!ending.join().expect("joined").success());
    let session = only(&repo);
    assert_eq!(
        (&session["status"], &session["outcome"]),
        (&"terminated".into(), &"interrupted".into())
    );
}

/// Returns what a real agent said to its hooks in one run, in order; `None` where it is not at hand.
fn real(agent: &str) -> Option<PathBuf> {
    let given = std::env::var_os("GIT_SESSION_TEST_DATA").map(PathBuf::from);
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let dir = given.unwrap_or_else(beside).join("hooks").join(agent);
    if dir.is_dir() {
        return Some(dir);
    }
    eprintln!("skipped: no payloads in '{}' (GIT_SESSION_TEST_DATA)", dir.display());
    None
}

#[test]
fn what_real_agents_say_becomes_a_session() {
    let claude = [
        "SessionStart-1",
        "UserPromptSubmit-1",
        "PostToolUse-1",
        "PostToolUse-2",
        "PostToolUse-3",
        "Stop-1",
        "SessionEnd-1",
    ];
    let gemini = [
        "SessionStart-1",
        "BeforeAgent-1",
        "PreCompress-1",
        "AfterTool-1",
        "AfterTool-2",
        "AfterTool-3",
        "AfterAgent-1",
        "SessionEnd-1",
    ];
    let all = [
        ("claude", "claude-code", &claude[..], ".claude/projects/x.jsonl", 686),
        ("codex", "codex", &claude, ".codex/sessions/rollout-x.jsonl", 486),
        ("gemini", "gemini-cli", &gemini, ".gemini/tmp/x/chats/x.jsonl", 486),
    ];
    for (dir, agent, events, place, n_tokens) in all {
        let Some(dir) = real(dir) else { return };
        let repo = TestRepo::without_checkpoints();
        let lines = fs::read_to_string(dir.join("transcript.jsonl")).expect("a transcript");
        let lines: Vec<&str> = lines.split_inclusive('\n').collect();
        let path = repo.home.path().join(place);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        for (n, event) in (1..).zip(events) {
            // The transcript grows while it works; a line may be torn.
            let written = lines[..lines.len() * n / events.len()].concat();
            let torn = if n < events.len() { "{\"torn\": " } else { "" };
            fs::write(&path, written + torn).expect("a transcript");
            let text = fs::read(dir.join(format!("hook-{event}.json"))).expect("a payload");
            let mut said: Value = serde_json::from_slice(&text).expect("JSON");
            said["cwd"] = repo.root.to_string_lossy().into();
            said["transcript_path"] = path.to_string_lossy().into();
            let word = event.split('-').next().expect("a word");
            hear(&repo, agent, word, &said);
            hear(&repo, agent, word, &said);
        }
        let session = only(&repo);
        let expected = ("terminated", "success", "please do the scripted thing");
        let words =
            ["status", "outcome", "title"].map(|key| session[key].as_str().unwrap_or_default());
        assert_eq!((words[0], words[1], words[2]), expected, "{agent}");
        assert_eq!(session["tokens"]["total"], n_tokens, "{agent}");
        assert_eq!(told(&repo, &session, "tools"), 3, "{agent}");
        repo.check();
    }
}

#[test]
fn a_turn_that_changed_something_is_a_checkpoint_unless_none_is_wanted() {
    let repo = TestRepo::new();
    repo.write("a", "1\n");
    let said = claude(&repo, &[("prompt", "Write a".into())]);
    hear(&repo, "claude-code", "UserPromptSubmit", &said);
    hear(&repo, "claude-code", "PostToolUse", &said);
    assert_eq!(only(&repo)["checkpoints"], json!([]));
    hear(&repo, "claude-code", "Stop", &said);
    let session = until_checkpoint(&repo, 1);
    assert_eq!(session["checkpoints"][0]["auto"], true);
    let reference = session["ref"].as_str().expect("a name");
    assert_eq!(repo.git(&["cat-file", "blob", &format!("{reference}:checkpoints/1/a")]), "1");
    until_alone(&repo);
    repo.write("a", "2\n");
    repo.write("b", "1\n");
    hear(&repo, "claude-code", "Stop", &said);
    let session = until_checkpoint(&repo, 2);
    assert_eq!(session["checkpoints"][1]["n"], 2);
    let id = session["id"].as_str().expect("an id");
    repo.run(&["update", id, "--set", "configuration.auto_checkpoint=false"]).ok();
    repo.write("c", "1\n");
    hear(&repo, "claude-code", "Stop", &said);
    repo.run(&["checkpoint", id]).ok();
    assert_eq!(only(&repo)["checkpoints"][2]["auto"], Value::Null);
    until_alone(&repo);
}

/// Waits for the checkpoint that a call has begun, and returns the session.
fn until_checkpoint(repo: &TestRepo, n: usize) -> Value {
    let begun = Instant::now();
    loop {
        let session = only(repo);
        if session["checkpoints"].as_array().is_some_and(|it| it.len() >= n) {
            return session;
        }
        let log = || fs::read_to_string(repo.git_dir.join("session/hook.log"));
        assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", log());
        std::thread::yield_now();
    }
}

/// Waits until no call's work is under way any more.
fn until_alone(repo: &TestRepo) {
    let begun = Instant::now();
    let is_work =
        |entry: fs::DirEntry| entry.file_name().to_string_lossy().starts_with("checkpoint-");
    let dir = repo.git_dir.join("session");
    while dir.read_dir().expect("a directory").flatten().any(is_work) {
        assert!(begun.elapsed() < Duration::from_secs(60), "a directory is left");
        std::thread::yield_now();
    }
}
