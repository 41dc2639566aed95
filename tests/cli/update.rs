//! `update`.

use serde_json::{Value, json};

use super::harness::{ID, TestRepo, for_each_kind, text};

/// Runs `update --json --input -` with a patch on the current session.
fn patch(repo: &TestRepo, patch: &Value) -> Value {
    repo.feed(&["update", "--json", "--input", "-"], &patch.to_string()).json()
}

#[test]
fn a_merge_patch_changes_what_it_names_and_nothing_else() {
    for_each_kind(|repo| {
        let made = repo.start(&["x", "--issue", "I-1", "--task", "T-1", "--label", "a"]);
        let before = repo.show("@");
        let after = patch(
            repo,
            &json!({
                "title": "y", "phase": "implement",
                "links": { "issue": null, "prd": { "filename": "a.md", "path": "docs/a.md" } },
                "statistics": { "total_tasks": 10, "custom": 1.5 },
                "configuration": { "timeout_minutes": 240 },
                "labels": ["b", "c"],
            }),
        );
        assert_eq!((&after["title"], &after["phase"]), (&json!("y"), &json!("implement")));
        let prd = json!({ "filename": "a.md", "path": "docs/a.md" });
        assert_eq!(after["links"], json!({ "task": "T-1", "prd": prd }));
        assert_eq!(after["statistics"]["total_tasks"], 10);
        assert_eq!(after["statistics"]["custom"], 1.5);
        assert_eq!(after["statistics"]["failed_tasks"], 0);
        assert_eq!(after["configuration"]["timeout_minutes"], 240);
        assert_eq!(after["configuration"]["max_iterations"], 3);
        assert_eq!(after["labels"], json!(["b", "c"]));
        assert_eq!(after["updated_at"], repo.now());
        for key in ["id", "created_at", "status", "started_at", "author", "branch", "tokens"] {
            assert_eq!(after[key], before[key], "{key}");
        }
        assert_eq!(after["seq"], 3);
        let nested = patch(repo, &json!({ "links": { "prd": { "version": "2", "path": null } } }));
        assert_eq!(nested["links"]["prd"], json!({ "filename": "a.md", "version": "2" }));
        let unset = patch(repo, &json!({ "phase": null, "labels": null, "links": null }));
        assert_eq!((&unset["phase"], &unset["labels"]), (&json!(null), &json!([])));
        assert_eq!(unset["links"], json!({}));
        assert_eq!(repo.git(&["rev-list", "--count", text(&made["ref"])]), "5");
    });
}

#[test]
fn an_update_that_changes_nothing_records_nothing() {
    let repo = TestRepo::new();
    let made = repo.start(&["x", "--label", "a"]);
    for args in [
        &["update", "--title", "x"][..],
        &["update", "--label", "a"],
        &["update", "--unset", "phase"],
        &["update", "--unset", "labels.nothing"],
        &["update", "--add", "statistics.total_tasks=0"],
        &["set", "--set", "configuration.max_iterations=3"],
    ] {
        repo.run(args).ok();
        assert_eq!(repo.rev(text(&made["ref"])), text(&made["tip"]), "{args:?}");
    }
    assert_eq!(patch(&repo, &json!({}))["tip"], made["tip"]);
}

#[test]
fn what_was_shown_can_be_sent_back() {
    for_each_kind(|repo| {
        repo.start(&["x", "--issue", "I-1", "--name", "n"]);
        repo.write("a.md", "a");
        repo.run(&["attach", "a.md", "--as", "prd"]).ok();
        let mut shown = repo.show("@");
        assert_eq!(patch(repo, &shown)["tip"], shown["tip"], "nothing changed");
        shown["title"] = json!("y");
        let after = patch(repo, &shown);
        assert_eq!(after["title"], "y");
        assert_eq!(after["statistics"], shown["statistics"]);
    });
}

#[test]
fn a_fixed_key_is_immutable_unless_it_is_equal() {
    for_each_kind(|repo| {
        let made = repo.start(&["x"]);
        for (key, value) in [
            ("id", json!(ID)),
            ("created_at", json!("2020-01-01T00:00:00Z")),
            ("lifecycle", json!("feature")),
            ("author", json!("somebody")),
            ("outcome", json!("success")),
            ("class", json!("ended")),
            ("handle", json!("kkkkkkkk")),
            ("schema", json!(2)),
            ("seq", json!(9)),
            ("tip", json!(null)),
            ("ref", json!("refs/heads/main")),
            ("worker", json!({ "pid": 1 })),
            ("commits", json!(["a"])),
            ("artifacts", json!(null)),
            ("started_at", json!(null)),
            ("parent", json!(ID)),
            ("observed", json!("running")),
        ] {
            let mut patch = json!({ "title": "y" });
            patch[key] = value;
            let args = ["update", "--json", "--input", "-"];
            let error = repo.feed(&args, &patch.to_string()).error(1, "immutable_field");
            assert_eq!(error["details"]["field"], key);
        }
        assert_eq!(repo.rev(text(&made["ref"])), text(&made["tip"]));
    });
}

#[test]
fn an_unknown_key_is_an_unknown_field_that_changes_nothing() {
    let repo = TestRepo::new();
    let made = repo.start(&["x"]);
    let feed = |text: &str| repo.feed(&["update", "--json", "--input", "-"], text);
    for (input, field) in [
        (r#"{"title":"y","colour":"red"}"#, "colour"),
        (r#"{"Title":"y"}"#, "Title"),
        (r#"{"":1}"#, ""),
    ] {
        let error = feed(input).error(1, "unknown_field");
        assert_eq!(error["details"]["field"], field);
        assert!(
            error["details"]["known"].as_array().is_some_and(|it| it.contains(&json!("title")))
        );
    }
    for option in ["--set=colour=red", "--unset=colour", "--set=colour.x=1", "--set=id.x=1"] {
        repo.run(&["update", "--json", option]).error(1, "unknown_field");
    }
    assert_eq!(repo.rev(text(&made["ref"])), text(&made["tip"]));
}

#[test]
fn a_value_of_a_wrong_type_is_invalid_and_nothing_is_written() {
    for_each_kind(|repo| {
        let made = repo.start(&["x"]);
        for wrong in [
            json!({ "title": 5 }),
            json!({ "title": null }),
            json!({ "title": "a\nb" }),
            json!({ "title": "x".repeat(4097) }),
            json!({ "phase": "No Phase" }),
            json!({ "phase": 1 }),
            json!({ "name": "../x" }),
            json!({ "branch": "a..b" }),
            json!({ "role": "" }),
            json!({ "labels": "a" }),
            json!({ "labels": [1] }),
            json!({ "labels": [""] }),
            json!({ "labels": ["a\nb"] }),
            json!({ "links": "x" }),
            json!({ "links": { "a": "nul\u{0}" } }),
            json!({ "statistics": [] }),
            json!({ "statistics": { "total_tasks": "5" } }),
            json!({ "statistics": { "total_tasks": -1 } }),
            json!({ "statistics": { "total_tasks": 1.5 } }),
            json!({ "statistics": { "duration_seconds": -1 } }),
            json!({ "configuration": { "max_iterations": 0 } }),
            json!({ "configuration": { "timeout_minutes": "120" } }),
            json!({ "configuration": { "auto_checkpoint": 1 } }),
            json!({ "tokens": { "input": -1 } }),
            json!({ "tokens": 5 }),
            json!({ "git": { "commit": "abc" } }),
            json!({ "git": { "is_worktree": "no" } }),
            json!({ "updated_at": "yesterday" }),
            json!({ "updated_at": null }),
            json!({ "ended_at": "2026-02-30T00:00:00Z" }),
        ] {
            let output = repo.feed(&["update", "--json", "--input", "-"], &wrong.to_string());
            output.error(1, "invalid_value");
        }
        assert_eq!(repo.rev(text(&made["ref"])), text(&made["tip"]));
        assert_eq!(repo.show("@"), made);
    });
}

#[test]
fn set_types_a_value_by_its_place_and_unset_takes_it_away() {
    let repo = TestRepo::new();
    repo.start(&["x", "--label", "old"]);
    let after = repo
        .run(&[
            "update",
            "--json",
            "--set=statistics.total_tasks=12",
            "--set=statistics.rate=0.5",
            "--set=configuration.auto_checkpoint=false",
            "--set=links.issue=42",
            "--set=links.pull=[1,2]",
            "--set=title=true",
            "--set=phase=plan",
            "--set=role=reviewer",
            "--set=labels=a, b",
            "--set=tokens.input=100",
        ])
        .json();
    assert_eq!(after["statistics"]["total_tasks"], 12);
    assert_eq!(after["statistics"]["rate"], 0.5);
    assert_eq!(after["configuration"]["auto_checkpoint"], false);
    assert_eq!(after["links"], json!({ "issue": "42", "pull": [1, 2] }));
    assert_eq!((&after["title"], &after["phase"]), (&json!("true"), &json!("plan")));
    assert_eq!(after["labels"], json!(["a", "b"]));
    assert_eq!((&after["tokens"]["input"], &after["tokens"]["total"]), (&json!(100), &json!(100)));
    let args = ["--unset=links.pull", "--unset=role", "--unset=statistics.total_tasks"];
    let after = repo.run(&[&["update", "--json", "--unset=labels.a"][..], &args].concat()).json();
    assert_eq!(after["links"], json!({ "issue": "42" }));
    assert_eq!((&after["role"], &after["labels"]), (&json!(null), &json!(["b"])));
    assert_eq!(after["statistics"]["total_tasks"], 0, "a known counter is 0 again");
    for wrong in ["--set=title", "--set==x", "--add=statistics.total_tasks", "--add=statistics.x=y"]
    {
        repo.run(&["update", "--json", wrong]).error(129, "invalid_value");
    }
    repo.run(&["update", "--json"]).error(129, "usage");
}

#[test]
fn add_counts_on_what_is_there() {
    for_each_kind(|repo| {
        repo.start(&["x"]);
        for expected in [2, 4, 6] {
            let args = ["update", "--json", "--add", "statistics.completed_tasks=2"];
            assert_eq!(repo.run(&args).json()["statistics"]["completed_tasks"], expected);
        }
        let args = ["--add=statistics.completed_tasks=-1", "--add=statistics.mine=3"];
        let more = ["update", "--json", "--add=tokens.input=10", "--add=tokens.output=5"];
        let after = repo.run(&[&more[..], &args].concat()).json();
        assert_eq!(after["statistics"]["completed_tasks"], 5);
        assert_eq!(after["statistics"]["mine"], 3);
        assert_eq!(after["tokens"]["total"], 15);
        let tip = repo.rev(text(&after["ref"]));
        for wrong in [
            "statistics.completed_tasks=-6",
            "statistics.completed_tasks=9223372036854775807",
            "tokens.input=-11",
            "title=1",
            "links.issue=1",
        ] {
            repo.run(&["update", "--json", "--add", wrong]).error(1, "invalid_value");
        }
        assert_eq!(repo.rev(text(&after["ref"])), tip);
    });
}

#[test]
fn labels_are_added_once_and_taken_away_one_by_one() {
    let repo = TestRepo::new();
    repo.start(&["x"]);
    let args = ["update", "--json", "--label", "b", "--label", "a", "--label", "b"];
    assert_eq!(repo.run(&args).json()["labels"], json!(["b", "a"]));
    let args = ["update", "--json", "--unset", "labels.b", "--label", "c"];
    assert_eq!(repo.run(&args).json()["labels"], json!(["a", "c"]));
    for label in ["", "a\nb", "\u{7}"] {
        repo.run(&["update", "--json", "--label", label]).error(1, "invalid_value");
    }
}

#[test]
fn the_status_changes_by_a_patch_only_when_forced() {
    for_each_kind(|repo| {
        let made = repo.create(&["--lifecycle", "feature", "x"]);
        let id = text(&made["id"]);
        let feed = |args: &[&str], status: &str| {
            let args = [&["update", "--json", id, "--input", "-"], args].concat();
            repo.feed(&args, &json!({ "status": status }).to_string())
        };
        feed(&[], "completed").error(1, "invalid_value");
        assert_eq!(repo.rev(text(&made["ref"])), text(&made["tip"]));
        assert_eq!(feed(&[], "initializing").json()["tip"], made["tip"], "it is so already");
        let forced = feed(&["--force"], "completed").json();
        assert_eq!(
            (&forced["status"], &forced["outcome"]),
            (&json!("completed"), &json!("success"))
        );
        assert_eq!(forced["ended_at"], repo.now());
        let log = repo.run(&["log", "--json", id]).json_lines();
        assert_eq!((&log[0]["kind"], &log[0]["forced"]), (&json!("transition"), &json!(true)));
        assert_eq!(log[0]["from"], "initializing");
        let reopened = feed(&["--force"], "planning").json();
        assert_eq!((&reopened["ended_at"], &reopened["outcome"]), (&json!(null), &json!(null)));
        feed(&["--force"], "nowhere").error(1, "invalid_value");
        let args = ["update", "--json", id, "--force", "--input", "-"];
        repo.feed(&args, r#"{"status":5}"#).error(1, "invalid_value");
    });
}

#[test]
fn only_an_ended_session_has_an_end() {
    let repo = TestRepo::new();
    repo.start(&["x"]);
    let feed = |patch: &Value| repo.feed(&["update", "--json", "--input", "-"], &patch.to_string());
    let end = json!({ "ended_at": "2026-01-07T13:30:00.5+00:00" });
    feed(&end).error(1, "invalid_value");
    repo.run(&["finish"]).ok();
    let after = feed(&end).json();
    assert_eq!(after["ended_at"], "2026-01-07T13:30:00.500000Z");
    assert_eq!(after["status"], "terminated");
    feed(&json!({ "ended_at": null })).error(1, "invalid_value");
}

#[test]
fn the_time_of_an_update_can_be_the_callers() {
    let repo = TestRepo::new();
    repo.start(&["x"]);
    let after = patch(&repo, &json!({ "updated_at": "2026-01-08T00:00:00+02:00" }));
    assert_eq!(after["updated_at"], "2026-01-07T22:00:00.000000Z");
}

#[test]
fn git_context_and_unknown_nested_keys_are_patched() {
    let repo = TestRepo::new();
    let made = repo.start(&["x"]);
    let after = patch(&repo, &json!({ "git": { "branch": "feat/z" } }));
    assert_eq!(after["git"]["branch"], "feat/z");
    assert_eq!(after["git"]["commit"], made["git"]["commit"]);
    let deep = json!({ "links": { "a": { "b": { "c": [1, { "d": "e" }] } } } });
    assert_eq!(patch(&repo, &deep)["links"], deep["links"]);
}

#[test]
fn keys_can_be_edited_as_yaml() {
    for_each_kind(|repo| {
        let made = repo.start(&["before", "--issue", "I-1"]);
        let editor = repo.script(
            "editor",
            "#!/bin/sh\nsed -i -e 's/before/after/' -e 's/total_tasks: 0/total_tasks: 3/' \
             -e '/issue:/d' \"$1\"\n",
        );
        let edit =
            |editor: &str| repo.cmd(&["update", "--json", "-e"]).env("GIT_EDITOR", editor).run();
        let after = edit(&editor).json();
        assert_eq!(after["title"], "after");
        assert_eq!(after["statistics"]["total_tasks"], 3);
        assert_eq!(after["links"], json!({}));
        assert_eq!(after["configuration"], made["configuration"]);
        let tip = repo.rev(text(&made["ref"]));
        assert_eq!(edit("true").json()["tip"], json!(tip), "an unchanged text changes nothing");
        edit("false").error(128, "io");
        let broken = repo.script("broken", "#!/bin/sh\necho '{[' >\"$1\"\n");
        assert_ne!(edit(&broken).status, 0);
        let fixed = repo.script("fixed", "#!/bin/sh\necho 'id: x' >>\"$1\"\n");
        edit(&fixed).error(1, "immutable_field");
        assert_eq!(repo.rev(text(&made["ref"])), tip);
        let local = repo.git_dir.join("session");
        let left = local.read_dir().expect("a directory").flatten();
        let left: Vec<_> = left.filter(|it| it.path().is_file()).map(|it| it.path()).collect();
        assert_eq!(left, Vec::<std::path::PathBuf>::new(), "no edited file is left");
    });
}

#[test]
fn the_subject_of_an_update_says_which_keys() {
    let repo = TestRepo::new();
    let made = repo.start(&["x"]);
    repo.run(&["update", "--title", "y", "--add", "statistics.total_tasks=2", "-m", "why"]).ok();
    let message = repo.git(&["log", "-1", "--format=%B", text(&made["ref"])]);
    assert!(message.starts_with("update title, statistics.total_tasks +2\n\nwhy\n\n"), "{message}");
}

#[test]
fn a_record_cannot_grow_past_what_can_be_read_again() {
    let repo = TestRepo::new();
    let made = repo.start(&["x"]);
    let big = json!({ "links": { "big": "x".repeat(70_000) } });
    let output = repo.feed(&["update", "--json", "--input", "-"], &big.to_string());
    output.error(1, "invalid_value");
    assert_eq!(repo.rev(text(&made["ref"])), text(&made["tip"]));
    repo.show("@");
}

#[test]
fn text_of_any_script_comes_back_as_it_went_in() {
    for_each_kind(|repo| {
        for title in [
            "实现代理会话持久化",
            "- dash first",
            "a: b # c",
            "'quotes' \"double\" \\ back",
            "yes",
            "0x10",
            "2026-01-01",
            "~",
            "{braces}",
            "👩‍👩‍👧 family",
            "trailing space ",
            "% &anchor *alias !tag",
        ] {
            let made = repo.create(&["--", title]);
            let id = text(&made["id"]);
            assert_eq!(made["title"], title);
            assert_eq!(repo.show(id)["title"], title);
        }
    });
}

#[test]
fn several_processes_that_count_at_once_lose_nothing() {
    for_each_kind(|repo| {
        let made = repo.start(&["x"]);
        let id = text(&made["id"]);
        let spawn = |_| {
            let mut cmd = repo.cmd(&["update", id, "--add", "statistics.total_tasks=1"]);
            cmd.command.stdout(std::process::Stdio::null()).spawn().expect("a program")
        };
        let children: Vec<_> = (0..12).map(spawn).collect();
        for mut child in children {
            assert!(child.wait().expect("it ran").success());
        }
        let after = repo.show(id);
        assert_eq!(after["statistics"]["total_tasks"], 12);
        assert_eq!(repo.git(&["rev-list", "--count", text(&made["ref"])]), "14");
    });
}

#[test]
fn an_illegal_transition_is_judged_on_the_state_of_the_winner() {
    let repo = TestRepo::new();
    let made = repo.start(&["x"]);
    let id = text(&made["id"]);
    let spawn = |verb: &&str| {
        let mut cmd = repo.cmd(&[*verb, id]);
        cmd.command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        cmd.command.spawn().expect("a program")
    };
    let verbs = ["finish", "fail", "terminate", "finish", "fail", "terminate"];
    let children: Vec<_> = verbs.iter().map(spawn).collect();
    let ends = children.into_iter().map(|mut child| child.wait().expect("it ran").code());
    let done = ends.filter(|code| *code == Some(0)).count();
    assert_eq!(done, 2, "the winner, and the one that asked for the same");
    assert_eq!(repo.git(&["rev-list", "--count", text(&made["ref"])]), "3");
}
