//! `start` and `create`.

use serde_json::json;

use super::harness::{ID, Kind, OTHER_ID, PLAIN, TestRepo, for_each_kind, kinds, text};

#[test]
fn a_created_session_is_pending_and_has_every_key_of_its_kind() {
    for_each_kind(|repo| {
        let made = repo.create(&["--lifecycle", "feature", "Implement OAuth login"]);
        assert_eq!(made["title"], "Implement OAuth login");
        assert_eq!((&made["status"], &made["class"]), (&json!("initializing"), &json!("pending")));
        assert_eq!(made["schema"], 1);
        assert_eq!(made["seq"], 1);
        assert_eq!(made["created_at"], repo.now());
        assert_eq!(made["updated_at"], repo.now());
        assert_eq!((&made["started_at"], &made["ended_at"]), (&json!(null), &json!(null)));
        assert_eq!((&made["outcome"], &made["phase"]), (&json!(null), &json!(null)));
        assert_eq!(made["observed"], "none");
        assert_eq!(made["branch"], "main");
        assert_eq!(made["git"]["branch"], "main");
        assert_eq!(made["git"]["commit"], repo.rev("HEAD"));
        assert_eq!(made["git"]["is_worktree"], false);
        assert_eq!(made["git"]["worktree_name"], json!(null));
        let root = repo.root.canonicalize().expect("a path");
        assert_eq!(made["git"]["repo_root"], root.to_string_lossy().as_ref());
        let statistics = json!({
            "total_tasks": 0, "completed_tasks": 0, "failed_tasks": 0, "decisions_made": 0,
            "checkpoints_created": 0, "error_recovery_count": 0, "duration_seconds": 0,
        });
        assert_eq!(made["statistics"], statistics);
        let configuration = json!({
            "max_iterations": 3, "timeout_minutes": 120,
            "auto_checkpoint": true, "error_recovery_enabled": true,
        });
        assert_eq!(made["configuration"], configuration);
        let id = text(&made["id"]);
        assert_eq!(made["ref"], format!("refs/sessions/{id}"));
        assert_eq!(made["tip"], repo.rev(text(&made["ref"])));
        assert_eq!(repo.show(id), made);
        assert_eq!(id.as_bytes()[14], b'7', "a UUIDv7: {id}");
    });
}

#[test]
fn a_started_session_is_in_its_first_active_state_and_current() {
    for_each_kind(|repo| {
        for (lifecycle, active) in [("worker", "running"), ("feature", "planning")] {
            let made = repo.start(&["--lifecycle", lifecycle, "Do it"]);
            assert_eq!((&made["status"], &made["class"]), (&json!(active), &json!("active")));
            assert_eq!(made["started_at"], repo.now());
            assert_eq!(made["seq"], 2);
            assert_eq!(repo.run(&["status", "--json"]).json()["id"], made["id"]);
        }
    });
}

#[test]
fn a_created_session_is_not_made_current() {
    let repo = TestRepo::new();
    let first = repo.start(&["one"]);
    repo.create(&["two"]);
    assert_eq!(repo.run(&["status", "--json"]).json()["id"], first["id"]);
}

#[test]
fn the_default_lifecycle_is_worker_and_the_title_may_be_left_out() {
    let repo = TestRepo::new();
    let made = repo.create(&[]);
    assert_eq!((&made["lifecycle"], &made["status"]), (&json!("worker"), &json!("pending")));
    assert_eq!(made["title"], "");
}

#[test]
fn every_option_of_start_is_recorded() {
    let repo = TestRepo::new();
    let parent = repo.create(&["the one before"]);
    let made = repo.start(&[
        "Fix it",
        "--name",
        "fix-it",
        "--issue",
        "FEAT-0098",
        "--role",
        "engineer",
        "--model",
        "gpt-x",
        "--agent",
        "aider",
        "--chain",
        "C1",
        "--task",
        "T9",
        "--prd",
        "docs/prd.md",
        "--label",
        "urgent",
        "--label",
        "auth",
        "--label",
        "urgent",
        "--max-iterations",
        "7",
        "--timeout",
        "30",
        "--no-auto-checkpoint",
        "--parent",
        text(&parent["handle"]),
    ]);
    assert_eq!(made["name"], "fix-it");
    assert_eq!(
        made["links"],
        json!({
            "issue": "FEAT-0098", "chain": "C1", "task": "T9",
            "prd": { "filename": "prd.md", "path": "docs/prd.md" },
        })
    );
    assert_eq!((&made["role"], &made["model"]), (&json!("engineer"), &json!("gpt-x")));
    assert_eq!(made["agent"], "aider");
    assert_eq!(made["labels"], json!(["urgent", "auth"]));
    assert_eq!(made["parent"], parent["id"]);
    assert_eq!(made["configuration"]["max_iterations"], 7);
    assert_eq!(made["configuration"]["timeout_minutes"], 30);
    assert_eq!(made["configuration"]["auto_checkpoint"], false);
    assert_eq!(made["configuration"]["error_recovery_enabled"], true);
}

#[test]
fn the_title_has_a_hidden_alias_from_the_originals() {
    let repo = TestRepo::new();
    for option in ["--title", "--feature-request"] {
        assert_eq!(repo.create(&[option, "Add dark mode"])["title"], "Add dark mode");
    }
    repo.run(&["create", "a", "--title", "b"]).exits(129);
}

#[test]
fn the_agent_that_runs_us_is_recorded_unless_another_is_named() {
    let repo = TestRepo::new();
    let create = |args: &[&str]| repo.cmd(args).env("CLAUDECODE", "1").run().json();
    assert_eq!(create(&["create", "--json", "x"])["agent"], "claude-code");
    assert_eq!(create(&["create", "--json", "x", "--agent", "aider"])["agent"], "aider");
    assert_eq!(repo.create(&["x"])["agent"], json!(null));
}

#[test]
fn the_same_id_and_content_again_returns_the_session_that_is_there() {
    for_each_kind(|repo| {
        let made = repo.create(&["--id", ID, "one"]);
        assert_eq!(made["id"], ID);
        let refs = repo.refs();
        assert_eq!(repo.create(&["--id", ID, "one"]), made);
        assert_eq!(repo.refs(), refs, "nothing was written");
        let error = repo.run(&["create", "--json", "--id", ID, "two"]).error(1, "already_exists");
        assert!(text(&error["message"]).contains(ID));
        repo.run(&["create", "--json", "--id", ID, "--lifecycle", "feature", "one"])
            .error(1, "already_exists");
        assert_eq!(repo.refs(), refs, "nothing was written");
    });
}

#[test]
fn starting_the_same_id_again_is_safe_and_begins_a_created_one() {
    let repo = TestRepo::new();
    repo.create(&["--id", ID, "one"]);
    let started = repo.start(&["--id", ID, "one"]);
    assert_eq!((&started["status"], &started["seq"]), (&json!("running"), &json!(2)));
    assert_eq!(repo.start(&["--id", ID, "one"]), started);
}

#[test]
fn an_id_that_is_no_canonical_uuid_is_wrong_use() {
    let repo = TestRepo::new();
    let upper = ID.to_uppercase();
    for id in ["", "..", "../x", "x", "3f01b541", &upper, &ID.replace('-', "")] {
        repo.run(&["create", "--json", "--id", id, "x"]).error(129, "invalid_value");
    }
    assert_eq!(repo.refs().matches("refs/sessions").count(), 0);
}

#[test]
fn title_and_description_come_from_a_file_or_standard_input() {
    let repo = TestRepo::new();
    let text_of = "Add search\n\nIt must find\nwhat one means.\n";
    let made = repo.feed(&["start", "--json", "-F", "-"], text_of).json();
    assert_eq!(made["title"], "Add search");
    let first = repo.git(&["log", "--reverse", "--format=%B", text(&made["ref"])]);
    assert!(
        first.starts_with("create: Add search\n\nIt must find\nwhat one means.\n\n"),
        "{first}"
    );
    repo.write("task.txt", text_of);
    assert_eq!(repo.create(&["-F", "task.txt"])["title"], "Add search");
    let titled = repo.feed(&["create", "--json", "Mine", "-F", "-"], "all of it\nis text").json();
    assert_eq!(titled["title"], "Mine");
    let lines = repo.feed(&["create", "--json", "-F", "-"], "Windows\r\n\r\none\r\ntwo\r\n").json();
    assert_eq!(lines["title"], "Windows");
    repo.run(&["create", "--json", "-F", "missing.txt"]).error(128, "io");
}

#[test]
fn a_title_is_one_line_of_at_most_4096_bytes() {
    let repo = TestRepo::new();
    let long = "x".repeat(4096);
    assert_eq!(repo.create(&[&long])["title"], long);
    for title in [&*"x".repeat(4097), "a\nb", "a\u{1b}[31mb", "a\u{7}"] {
        repo.run(&["create", "--json", title]).error(1, "invalid_value");
        repo.run(&["start", "--json", title]).error(1, "invalid_value");
    }
    assert_eq!(repo.titles(&["--all"]).len(), 1);
}

#[test]
fn input_has_the_documented_keys_and_no_other() {
    for_each_kind(|repo| {
        let input = json!({
            "title": "Implement user authentication",
            "configuration": { "max_iterations": 5, "custom": [1, "two"] },
            "links": { "prd": { "filename": "prd.md", "path": "docs/prd.md", "version": "1.0" } },
            "statistics": { "total_tasks": 4, "retries": 1 },
            "labels": ["a", "b", "a"], "name": "auth", "branch": "feat/auth",
            "agent": "x", "model": "y", "role": null,
        });
        let args = ["create", "--json", "--lifecycle", "feature", "--input", "-"];
        let made = repo.feed(&args, &input.to_string()).json();
        assert_eq!(made["labels"], json!(["a", "b"]));
        for key in ["title", "links", "name", "branch", "agent", "model", "role"] {
            assert_eq!(made[key], input[key], "{key}");
        }
        assert_eq!(made["statistics"]["total_tasks"], 4);
        assert_eq!(made["statistics"]["retries"], 1);
        assert_eq!(made["statistics"]["completed_tasks"], 0);
        assert_eq!(made["configuration"]["max_iterations"], 5);
        assert_eq!(made["configuration"]["timeout_minutes"], 120);
        assert_eq!(made["configuration"]["custom"], json!([1, "two"]));
        let refs = repo.refs();
        let error = repo.feed(&args, r#"{"title":"x","colour":"red"}"#).error(1, "unknown_field");
        assert_eq!(error["details"]["field"], "colour");
        for wrong in [
            r#"{"title":5}"#,
            r#"{"title":"x","labels":[1]}"#,
            r#"{"title":"x","links":[]}"#,
            r#"{"title":"x","statistics":{"total_tasks":"many"}}"#,
            r#"{"title":"x","statistics":{"total_tasks":-1}}"#,
            r#"{"title":"x","configuration":{"max_iterations":0}}"#,
            r#"{"title":"x","configuration":{"auto_checkpoint":"yes"}}"#,
            r#"{"title":"x","name":"../x"}"#,
            r#"{"title":"x","branch":"a..b"}"#,
        ] {
            repo.feed(&args, wrong).error(1, "invalid_value");
        }
        assert_eq!(repo.refs(), refs, "nothing was written");
    });
}

#[test]
fn input_that_is_no_json_object_is_refused() {
    let repo = TestRepo::new();
    for wrong in ["", "[]", "null", "{", "{\"title\": \"x\"} trailing", "\u{0}"] {
        repo.feed(&["create", "--json", "--input", "-"], wrong).error(129, "invalid_value");
    }
    let huge = format!("{{\"title\": \"{}\"}}", "x".repeat(2 << 20));
    assert_ne!(repo.feed(&["create", "--json", "--input", "-"], &huge).status, 0);
    assert_eq!(repo.titles(&["--all"]).len(), 0);
}

#[test]
fn start_with_a_branch_makes_it_of_the_title_and_switches_to_it() {
    for_each_kind(|repo| {
        let made = repo.start(&["Add user authentication", "-b"]);
        assert_eq!(made["branch"], "session/add-user-authentication");
        let head = || repo.git(&["symbolic-ref", "--short", "HEAD"]);
        assert_eq!(head(), "session/add-user-authentication");
        let made = repo.start(&["实现代理会话持久化", "-b"]);
        assert_eq!(made["branch"], "session/实现代理会话持久化");
        assert_eq!(head(), "session/实现代理会话持久化");
        let made = repo.start(&["x", "--branch=feat/x"]);
        assert_eq!((made["branch"].as_str(), &*head()), (Some("feat/x"), "feat/x"));
    });
}

#[test]
fn start_reuses_a_branch_that_exists() {
    let repo = TestRepo::new();
    repo.git(&["branch", "feature/login"]);
    let made = repo.start(&["Login", "-b=feature/login"]);
    assert_eq!(made["branch"], "feature/login");
    assert_eq!(repo.git(&["symbolic-ref", "--short", "HEAD"]), "feature/login");
    let again = repo.start(&["Login again", "-b=feature/login"]);
    assert_eq!(again["branch"], "feature/login");
}

#[test]
fn a_branch_that_git_would_not_make_is_refused_and_nothing_happens() {
    let repo = TestRepo::new();
    for branch in ["a..b", "-x", "--detach", "a b", "x.lock", "@", "HEAD", "a~1"] {
        let output = repo.run(&["start", "x", &format!("--branch={branch}")]);
        assert!(matches!(output.status, 1 | 128 | 129), "{branch}: {}", output.status);
    }
    let refs = repo.refs();
    assert_eq!(refs.lines().count(), 1, "{refs}");
}

#[test]
fn create_records_a_branch_without_switching_to_it() {
    let repo = TestRepo::new();
    assert_eq!(repo.create(&["x", "--branch", "feat/y"])["branch"], "feat/y");
    assert_eq!(repo.git(&["symbolic-ref", "--short", "HEAD"]), "main");
    assert_eq!(repo.rev("refs/heads/feat/y"), "");
}

#[test]
fn the_prefix_of_branches_is_configured() {
    let repo = TestRepo::new();
    repo.git(&["config", "session.branchPrefix", "work/"]);
    assert_eq!(repo.start(&["Fix the (login)!", "-b"])["branch"], "work/fix-the-login");
}

#[test]
fn the_configuration_gives_new_sessions_their_limits() {
    let repo = TestRepo::new();
    for (key, value) in [
        ("session.lifecycle", "feature"),
        ("session.maxIterations", "9"),
        ("session.timeout", "2.hours"),
        ("session.autoCheckpoint", "no"),
        ("session.errorRecovery", "off"),
    ] {
        repo.git(&["config", key, value]);
    }
    let made = repo.create(&["x"]);
    assert_eq!(made["lifecycle"], "feature");
    let configuration = json!({
        "max_iterations": 9, "timeout_minutes": 120,
        "auto_checkpoint": false, "error_recovery_enabled": false,
    });
    assert_eq!(made["configuration"], configuration);
}

#[test]
fn an_unborn_repository_without_a_user_has_sessions() {
    for kind in kinds() {
        let repo = TestRepo::unborn(*kind);
        let made = repo.start(&["First", "--lifecycle", "feature"]);
        assert_eq!((&made["git"]["commit"], &made["branch"]), (&json!(null), &json!("main")));
        assert_eq!(made["author"], "unknown <unknown@localhost>");
        assert_eq!(repo.run(&["finish", "--json"]).status, 1, "planning is not the end");
        repo.run(&["to", "failed"]).ok();
        assert_eq!(repo.show("@")["outcome"], "failure");
    }
}

#[test]
fn start_makes_a_branch_in_an_unborn_repository() {
    let repo = TestRepo::unborn(PLAIN);
    let made = repo.start(&["First steps", "-b"]);
    assert_eq!(made["branch"], "session/first-steps");
    assert_eq!(repo.git(&["symbolic-ref", "--short", "HEAD"]), "session/first-steps");
    let again = repo.start(&["Second steps", "-b=session/first-steps"]);
    assert_eq!(again["branch"], "session/first-steps");
}

#[test]
fn a_detached_head_is_recorded_without_a_branch() {
    for_each_kind(|repo| {
        repo.detach();
        let made = repo.start(&["x"]);
        assert_eq!((&made["branch"], &made["git"]["branch"]), (&json!(null), &json!(null)));
        assert_eq!(made["git"]["commit"], repo.rev("HEAD"));
    });
}

#[test]
fn the_user_of_git_is_author_and_committer() {
    let repo = TestRepo::new().with_identity();
    let made = repo.create(&["x"]);
    assert_eq!(made["author"], "A U Thor <author@example.com>");
    let who = repo.git(&["log", "-1", "--format=%an <%ae> %cn <%ce> %aI %cI", text(&made["ref"])]);
    let at = "2026-01-07T13:00:01+00:00";
    let at_z = "2026-01-07T13:00:01Z";
    let people = "A U Thor <author@example.com> C O Mitter <committer@example.com>";
    assert!(
        who == format!("{people} {at} {at}") || who == format!("{people} {at_z} {at_z}"),
        "{who}"
    );
}

#[test]
fn a_name_belongs_to_one_open_session() {
    let repo = TestRepo::new();
    repo.start(&["one", "--name", "fix"]);
    repo.run(&["start", "--json", "two", "--name", "fix"]).error(1, "already_exists");
    repo.run(&["finish", "fix"]).ok();
    repo.start(&["three", "--name", "fix"]);
    for name in ["", "..", "../x", "-x", "a b", "$(id)", "a\nb"] {
        let output = repo.run(&["start", "--json", "x", &format!("--name={name}")]);
        output.error(1, "invalid_value");
    }
}

#[test]
fn an_unknown_lifecycle_is_refused_with_those_that_there_are() {
    let repo = TestRepo::new();
    let error =
        repo.run(&["start", "--json", "x", "--lifecycle", "banana"]).error(1, "invalid_value");
    assert_eq!(error["details"]["allowed"], json!(["worker", "feature"]));
    for name in ["../worker", "", "/etc/passwd"] {
        repo.run(&["start", "--json", "x", "--lifecycle", name]).error(1, "invalid_value");
    }
}

#[test]
fn a_session_can_be_started_in_an_editor() {
    let repo = TestRepo::new();
    let editor =
        repo.script("editor", "#!/bin/sh\nprintf 'From editor\\n\\nbody\\n# no\\n' >\"$1\"\n");
    let made = repo.cmd(&["start", "-e", "--json"]).env("GIT_EDITOR", &editor).run().json();
    assert_eq!(made["title"], "From editor");
    let empty = repo.script("empty", "#!/bin/sh\n: >\"$1\"\n");
    repo.cmd(&["start", "-e"]).env("GIT_EDITOR", &empty).run().exits(128);
    repo.cmd(&["start", "-e"]).env("GIT_EDITOR", "false").run().exits(128);
    assert_eq!(repo.titles(&["--all"]), ["From editor"]);
}

#[test]
fn start_answers_with_the_handle_and_tells_people_the_story_beside_it() {
    let repo = TestRepo::new();
    let output = repo.run(&["start", "Add user authentication", "-b"]).ok();
    let handle = text(&repo.show("@")["handle"]).to_owned();
    let line = format!("Started session {handle} on new branch session/add-user-authentication\n");
    assert_eq!(output.stdout, format!("{handle}\n"));
    assert!(output.stderr.starts_with(&line), "{}", output.stderr);
    assert!(output.stderr[line.len()..].starts_with("hint: "), "{}", output.stderr);
    assert_eq!(repo.run(&["start", "x", "-q"]).ok().stderr, "");
}

#[test]
fn the_history_of_a_session_is_apart_from_that_of_the_code() {
    for_each_kind(|repo| {
        let made = repo.start(&["x"]);
        let reference = text(&made["ref"]);
        let files = repo.git(&["ls-tree", "-r", "--name-only", reference]);
        assert_eq!(files, "lifecycle.yaml\nsession.yaml");
        assert_eq!(repo.git(&["rev-list", "--count", reference]), "2");
        assert_eq!(repo.git(&["status", "--porcelain"]), "");
        assert_eq!(repo.git(&["rev-list", "--count", "HEAD"]), "1");
        let trailers = "--format=%(trailers:key=Session-Status,valueonly,separator=%x2C)";
        assert_eq!(repo.git(&["for-each-ref", trailers, "refs/sessions"]), "running");
        assert!(!repo.git(&["reflog", "show", "--format=%gs", reference]).is_empty());
    });
}

#[test]
fn the_time_and_a_seed_decide_the_ids_of_tests() {
    let id = |kind: Kind| TestRepo::of(kind).create(&["x"])["id"].clone();
    assert_eq!(id(PLAIN), id(Kind { hash: "sha256", refs: "files" }));
    let repo = TestRepo::new();
    repo.create(&["--id", OTHER_ID, "x"]);
    assert_ne!(repo.create(&["y"])["id"], repo.create(&["z"])["id"]);
}

#[test]
fn sessions_made_in_one_second_are_listed_in_the_order_of_their_making() {
    let repo = TestRepo::new();
    for (title, micros) in [("a", "000001"), ("b", "000002"), ("c", "000003")] {
        let now = format!("2026-01-07T14:00:00.{micros}Z");
        repo.cmd(&["create", title]).env("GIT_SESSION_TEST_NOW", now).run().ok();
    }
    assert_eq!(repo.titles(&[]), ["c", "b", "a"]);
}

#[test]
fn a_start_that_is_refused_leaves_no_branch_behind() {
    for_each_kind(|repo| {
        repo.create(&["--id", ID, "--name", "taken", "one"]);
        let refs = repo.refs();
        for args in [
            &["x", "--lifecycle", "banana"][..],
            &["a\nb"],
            &["x", "--id", "no-uuid"],
            &["x", "--id", ID],
            &["x", "--name", ".."],
            &["x", "--name", "taken"],
            &["x", "--label", ""],
            &["x", "--role", "a\nb"],
            &["x", "--max-iterations", "0"],
            &["x", "--parent", "nothing"],
            &["x", "-F", "missing.txt"],
        ] {
            let output = repo.run(&[&["start", "-b=left"], args].concat());
            assert_ne!(output.status, 0, "{args:?}");
            assert_eq!(repo.refs(), refs, "{args:?}");
            assert_eq!(repo.git(&["symbolic-ref", "--short", "HEAD"]), "main", "{args:?}");
        }
    });
}

#[test]
fn a_user_with_an_odd_name_is_recorded_as_git_would() {
    for (name, email, expected) in [
        ("a <b> c", "x> y", "a b c <x y>"),
        ("a\nb", "a@b\n", "ab <a@b>"),
        ("a\u{1b}[31mb", "a@b", "a[31mb <a@b>"),
        (" .,Ada:; ", "a@b", "Ada <a@b>"),
        ("设计", "d@e", "设计 <d@e>"),
    ] {
        let repo = TestRepo::new();
        for who in ["AUTHOR", "COMMITTER"] {
            repo.set_env(&format!("GIT_{who}_NAME"), name);
            repo.set_env(&format!("GIT_{who}_EMAIL"), email);
        }
        assert_eq!(repo.start(&["x"])["author"], expected);
    }
    for name in [" ", "<>", "\n"] {
        let repo = TestRepo::new();
        repo.set_env("GIT_AUTHOR_NAME", name);
        repo.set_env("GIT_AUTHOR_EMAIL", "a@b");
        assert_eq!(repo.start(&["x"]).get("status"), Some(&json!("running")));
    }
}

#[test]
fn what_could_not_be_read_again_is_not_written() {
    for_each_kind(|repo| {
        let made = repo.start(&["x"]);
        repo.write("a.md", "a");
        let long = "x".repeat(2000);
        let very_long = "x".repeat(100_000);
        for args in [
            &["suspend", "-m", "a\u{1b}[31mb"][..],
            &["suspend", "-m", &very_long],
            &["suspend", "-m", "a\rb"],
            &["update", "--set", "role=y", "-m", &very_long],
            &["update", "--set", "role=y", "-m", "a\u{1b}b"],
            &["attach", "a.md", "--as", "x\ny"],
            &["attach", "a.md", "--as", &long],
            &["attach", "a.md", "--version", "\u{1b}"],
            &["finish", "--handoff", &very_long],
            &["create", "x", "--agent", "a\nb"],
            &["create", "x", "--issue", &very_long],
        ] {
            let output = repo.run(&[args, &["--json"]].concat());
            // A value may also be one that can be stored.
            if output.status == 0 {
                let id = output.json()["id"].clone();
                repo.show(text(&id));
                panic!("{:?} was accepted", &args[..2]);
            }
            output.error(1, "invalid_value");
            assert_eq!(repo.rev(text(&made["ref"])), text(&made["tip"]), "{args:?}");
        }
        for agent in ["a\nb", "\u{1b}[31m"] {
            let output = repo.cmd(&["create", "x"]).env("AI_AGENT", agent).run();
            assert!(matches!(output.status, 0 | 1), "{}", output.status);
        }
        for body in ["bo\0dy", "bo\u{1b}dy", &"lines\n".repeat(20_000)] {
            let text = format!("title\n\n{body}");
            repo.feed(&["create", "--json", "-F", "-"], &text).error(1, "invalid_value");
        }
        let listing = repo.run(&["list", "--json", "--all"]).json();
        assert_eq!(listing["corrupt"], json!([]));
    });
}
