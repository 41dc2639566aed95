use super::*;
use crate::model::{GitContext, Timestamp, Tokens};

fn blank() -> Session {
    let now = Timestamp::parse("2026-11-01T00:00:00Z").expect("valid");
    Session {
        id: identity("x").0,
        seq: 1,
        name: None,
        title: String::new(),
        lifecycle: "worker".into(),
        status: "pending".into(),
        paused_from: None,
        phase: None,
        outcome: None,
        reason: None,
        created_at: now,
        updated_at: now,
        started_at: None,
        ended_at: None,
        author: "Ada <ada@example.com>".into(),
        agent: None,
        model: None,
        role: None,
        parent: None,
        git: GitContext::default(),
        branch: None,
        links: Map::new(),
        labels: Vec::new(),
        statistics: Map::new(),
        configuration: Map::new(),
        tokens: Tokens::default(),
        conversation: Default::default(),
        commits: Vec::new(),
        checkpoints: Vec::new(),
        artifacts: Vec::new(),
        worker: None,
        extra: Map::new(),
    }
}

fn map(json: &str) -> Map {
    serde_json::from_str(json).expect("a JSON object")
}

const MAESTRO: &str = r#"{
  "session_id": "21285640-5215-4cea-9663-b830592aa680", "feature_request": "Chat\nwith sockets",
  "status": "completed", "created_at": "2026-01-07T13:02:57Z", "updated_at": "2026-01-07T13:02:57.203780Z",
  "completed_at": "2026-01-07T13:02:57.203647Z",
  "git_context": {"branch": "", "commit": "HEAD", "repo_root": "/home/x", "is_worktree": true, "extra": null},
  "prd_reference": {"filename": "a.md", "path": "/a.md", "version": null},
  "statistics": {"total_tasks": 15, "duration_seconds": 0.0, "mine": [1, null]},
  "configuration": {"max_iterations": 5}, "unknown": {"kept": [null]}}"#;

const MONOCO: &str = r#"{"id": "not-a-uuid", "issue_id": "FEAT 1", "role_name": "Coroner", "status": "crashed",
  "branch_name": "agent/FEAT 1/x", "pid": null, "created_at": "2026-02-01T20:55:16.808473",
  "updated_at": "2026-02-01T20:59:32", "x": 1e400e}"#;

const CHORAGEN: &str = r#"{
  "id": "session-20251208-143052-abc123", "role": "impl", "model": "m", "chainId": "CHAIN-1", "taskId": null,
  "startTime": "2025-12-08T14:30:52.001Z", "endTime": null, "outcome": null,
  "tokenUsage": {"input": 10, "output": 5, "total": 99},
  "messages": [
    {"role": "user", "content": "List", "mood": "good"},
    {"role": "assistant", "content": "", "toolCalls": [{"id": "t1", "name": "ls", "params": {"a": 1}}]},
    {"role": "tool", "content": "a.txt", "name": "ls"},
    {"role": "assistant", "content": "", "toolCalls": [{"id": "t2", "name": "rm", "params": {}}]}],
  "toolCalls": [
    {"timestamp": "2025-12-08T14:30:53.000Z", "name": "ls", "params": {"a": 1},
     "result": {"success": true, "data": ["a.txt", null]}, "governanceResult": {"allowed": true}},
    {"timestamp": "2025-12-08T14:30:54.000Z", "name": "cat", "params": {},
     "result": {"success": false, "error": "no"}, "governanceResult": {"allowed": false, "reason": "r"}}],
  "parentSessionId": "session-20251208-143000-00ff00", "childSessionIds": ["x"], "nestingDepth": 2,
  "status": "failed", "error": {"message": "boom", "stack": "at x", "recoverable": true}, "lastTurnIndex": 3}"#;

fn told<'a>(session: &'a Session, events: &'a [Event]) -> Told<'a> {
    let class = class_of(session).expect("a known state");
    Told { session, class, events, root: "/elsewhere" }
}

fn files() -> [(Layout, Map); 3] {
    let monoco = MONOCO.replace("1e400e", "1");
    [
        (Layout::Maestro, map(MAESTRO)),
        (Layout::Monoco, map(&monoco)),
        (Layout::Choragen, map(CHORAGEN)),
    ]
}

#[test]
fn a_file_that_was_read_is_written_again_key_for_key() {
    for (layout, file) in files() {
        let mut session = blank();
        let events = read(layout, &file, &mut session).expect("valid");
        let written = write(layout, told(&session, &events), Some(&file));
        assert_eq!(Value::from(written).to_string(), Value::from(file).to_string());
    }
}

#[test]
fn what_has_changed_since_is_written_as_it_is_now_and_nothing_else() {
    for (layout, file) in files() {
        let mut session = blank();
        let mut events = read(layout, &file, &mut session).expect("valid");
        session.created_at = Timestamp::parse("2026-03-01T00:00:00Z").expect("valid");
        let message = r#"{"kind":"message","role":"user","content":"more"}"#;
        events.push(crate::format::event::parse(message.as_bytes()).expect("an event"));
        let written = write(layout, told(&session, &events), Some(&file));
        let mut expected = file.clone();
        match layout {
            Layout::Maestro => expected.insert("created_at".into(), "2026-03-01T00:00:00Z".into()),
            Layout::Monoco => expected.insert("created_at".into(), "2026-03-01T00:00:00".into()),
            Layout::Choragen => {
                let more: Value = r#"{"role":"user","content":"more"}"#.parse().expect("JSON");
                let list = expected["messages"].as_array_mut().expect("a list");
                list.push(more);
                expected.insert("id".into(), "session-20260301-000000-abc123".into());
                expected.insert("startTime".into(), "2026-03-01T00:00:00.000Z".into())
            }
        };
        assert_eq!(written, expected);
    }
}

#[test]
fn what_means_something_here_is_found_where_it_belongs() {
    let [(_, maestro), (_, monoco), (_, choragen)] = files();
    let mut session = blank();
    read(Layout::Maestro, &maestro, &mut session).expect("valid");
    assert_eq!((session.title.as_str(), session.status.as_str()), ("Chat", "completed"));
    assert_eq!((&session.git.branch, &session.git.commit), (&None, &None));
    assert_eq!(session.statistics["mine"].to_string(), "[1]");
    read(Layout::Monoco, &monoco, &mut session).expect("valid");
    assert_eq!(
        (session.status.as_str(), session.reason.as_deref()),
        ("terminated", Some("crashed"))
    );
    assert_eq!((session.name.as_deref(), session.branch), (Some("not-a-uuid"), None));
    let mut session = blank();
    let events = read(Layout::Choragen, &choragen, &mut session).expect("valid");
    assert_eq!(session.id.dated_name(session.created_at), "session-20251208-143052-abc123");
    assert_eq!(parent(&session), "session-20251208-143000-00ff00");
    assert_eq!((session.tokens.input, session.tokens.output), (10, 5));
    let kinds: Vec<&str> = events.iter().map(Event::kind).collect();
    let calls = ["tool.result", "tool.call", "tool.result", "usage"];
    let said = ["message", "message", "tool.call", "message", "message", "tool.call"];
    assert_eq!(kinds, [&said[..], &calls].concat());
}

fn parent(session: &Session) -> String {
    names::dated_name(session.parent.expect("a parent")).expect("a dated one")
}

#[test]
fn files_of_other_shapes_are_refused_by_the_key_that_is_wrong() {
    for (layout, from, to, expected) in [
        (Layout::Maestro, "\"completed\"", "\"banana\"", "field 'status' has the unknown value"),
        (Layout::Maestro, "2026-01-07T13:02:57Z", "noon", "field 'created_at' is no time"),
        (Layout::Maestro, "feature_request", "wish", "field 'feature_request' is missing"),
        (Layout::Maestro, "{\"total_tasks\": 15", "[{\"x\": 15", "field 'statistics' is not a map"),
        (Layout::Monoco, "\"FEAT 1\"", "7", "field 'issue_id' is not text"),
        (Layout::Monoco, "null", "\"7\"", "field 'pid' is not an integer"),
        (Layout::Choragen, "\"input\": 10", "\"input\": -1", "field 'input' is not an integer"),
        (Layout::Choragen, "\"allowed\": false", "\"x\": 1", "field 'toolCalls.governanceResult"),
    ] {
        let text = match layout {
            Layout::Maestro => MAESTRO.to_owned(),
            Layout::Monoco => MONOCO.replace("1e400e", "1"),
            Layout::Choragen => CHORAGEN.to_owned(),
        };
        let text = text.replacen(from, to, 1);
        let text = if to.starts_with('[') { text.replacen("null]}", "null]}]", 1) } else { text };
        let error = read(layout, &map(&text), &mut blank()).expect_err(to).to_string();
        assert!(error.starts_with(expected), "{to}: {error}");
    }
}

#[test]
fn a_foreign_id_stands_for_the_same_session_always() {
    for foreign in
        ["session-20251208-143052-abc123", "x", "../x", "", "session-20251399-143052-abc123"]
    {
        let (id, name) = identity(foreign);
        assert_eq!(identity(foreign).0, id);
        assert_eq!(SessionId::parse(&id.to_string()), Some(id));
        assert_eq!(name.is_some(), matches!(foreign, "x" | "session-20251399-143052-abc123"));
    }
    assert_eq!(identity("x").0.to_string(), "d228cb69-781a-8caf-b891-2b704e4a9477");
}

#[test]
fn a_file_tells_its_layout() {
    let monoco = MONOCO.replace("1e400e", "1");
    for (file, layout) in [
        (MAESTRO, Some(Layout::Maestro)),
        (r#"{"session_id": "x", "checkpoints": []}"#, Some(Layout::Maestro)),
        (&monoco, Some(Layout::Monoco)),
        (CHORAGEN, Some(Layout::Choragen)),
        (r#"{"id": "x", "startTime": "y", "messages": []}"#, None),
        (r#"{"name": "package", "version": "1.0.0"}"#, None),
    ] {
        assert_eq!(Layout::recognise(&map(file)), layout, "{file}");
    }
}

#[test]
fn an_id_that_leaves_the_directory_is_none() {
    for id in ["../../x", "a/b", "a\\\\b", ".", "..", ".hidden", "a\\u0000b"] {
        let file = map(&format!(r#"{{"id": "{id}"}}"#));
        let error = id_of(Layout::Choragen, &file).expect_err(id);
        assert!(error.to_string().contains("is no name of a file"), "{id}: {error}");
    }
    assert!(id_of(Layout::Choragen, &map(r#"{"id": "not a uuid"}"#)).is_ok());
}
