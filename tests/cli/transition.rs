//! The verbs that move a session from state to state.

use serde_json::{Value, json};

use super::harness::{ID, TestRepo, for_each_kind, text};

/// Makes a session of the feature lifecycle and walks it to `state`.
fn feature_at(repo: &TestRepo, state: &str) -> Value {
    let way = [
        "planning",
        "generating_tasks",
        "implementing",
        "validating",
        "generating_report",
        "completed",
    ];
    let made = repo.create(&["--lifecycle", "feature", "x"]);
    let id = text(&made["id"]).to_owned();
    if state == "initializing" {
        return made;
    }
    for step in way {
        let session = repo.run(&["to", "--json", &id, step]).json();
        if step == state {
            return session;
        }
    }
    repo.run(&["to", "--json", &id, state, "--force"]).json()
}

fn id_of(session: &Value) -> &str {
    text(&session["id"])
}

#[test]
fn a_feature_walks_from_initializing_to_completed() {
    for_each_kind(|repo| {
        let made = repo.start(&["--lifecycle", "feature", "Walk"]);
        let mut count = 2;
        for (state, class) in [
            ("generating_tasks", "active"),
            ("implementing", "active"),
            ("validating", "active"),
            ("implementing", "active"),
            ("validating", "active"),
            ("generating_report", "active"),
            ("completed", "ended"),
        ] {
            let session = repo.run(&["transition", "--json", state]).json();
            count += 1;
            assert_eq!((&session["status"], &session["class"]), (&json!(state), &json!(class)));
            assert_eq!(session["seq"], count);
            assert_eq!(session["updated_at"], repo.now());
            assert_eq!(session["created_at"], made["created_at"]);
            assert_eq!(session["started_at"], made["started_at"]);
        }
        let ended = repo.show(id_of(&made));
        assert_eq!(ended["outcome"], "success");
        assert_eq!(ended["ended_at"], repo.show(id_of(&made))["updated_at"]);
        assert_eq!(ended["statistics"]["duration_seconds"], 7);
        let subjects = repo.git(&["log", "--reverse", "--format=%s", text(&made["ref"])]);
        let expected = [
            "create: Walk",
            "initializing -> planning",
            "planning -> generating_tasks",
            "generating_tasks -> implementing",
            "implementing -> validating",
            "validating -> implementing",
            "implementing -> validating",
            "validating -> generating_report",
            "generating_report -> completed",
        ];
        assert_eq!(subjects.lines().collect::<Vec<_>>(), expected);
    });
}

#[test]
fn a_worker_walks_from_pending_to_terminated() {
    for_each_kind(|repo| {
        let made = repo.create(&["--id", ID, "Work"]);
        assert_eq!(made["status"], "pending");
        for state in ["running", "suspended", "running", "terminated"] {
            assert_eq!(repo.run(&["to", "--json", ID, state]).json()["status"], state);
        }
        let ended = repo.show(ID);
        assert_eq!(ended["class"], "ended");
        assert_eq!(ended["outcome"], "success", "named by hand, it is a success");
    });
}

/// The two tables, as the design has them.
const TABLES: [(&str, &[(&str, &str)]); 2] = [
    (
        "worker",
        &[
            ("pending", "running terminated"),
            ("running", "suspended terminated"),
            ("suspended", "running terminated"),
            ("terminated", ""),
        ],
    ),
    (
        "feature",
        &[
            ("initializing", "planning failed paused"),
            ("planning", "generating_tasks failed paused"),
            ("generating_tasks", "implementing failed paused"),
            ("implementing", "validating failed paused"),
            ("validating", "generating_report implementing failed paused"),
            ("generating_report", "completed failed paused"),
            (
                "paused",
                "planning generating_tasks implementing validating generating_report failed completed",
            ),
            ("completed", ""),
            ("failed", ""),
        ],
    ),
];

#[test]
fn every_pair_of_states_is_judged_by_the_table() {
    let repo = TestRepo::new();
    for (lifecycle, table) in TABLES {
        for (from, allowed) in table {
            let allowed: Vec<&str> = allowed.split_whitespace().collect();
            let made = repo.create(&["--lifecycle", lifecycle, "x"]);
            let id = id_of(&made);
            if made["status"] != *from {
                repo.run(&["to", id, from, "--force"]).ok();
            }
            let tip = repo.rev(text(&made["ref"]));
            for (to, _) in table {
                if to == from || allowed.contains(to) {
                    continue;
                }
                let error = repo.run(&["to", "--json", id, to]).error(1, "invalid_transition");
                let details = &error["details"];
                assert_eq!((&details["from"], &details["to"]), (&json!(from), &json!(to)));
                assert_eq!(details["allowed"], json!(allowed), "{from}");
            }
            assert_eq!(repo.rev(text(&made["ref"])), tip, "a refusal changes nothing");
            if let Some(to) = allowed.first() {
                assert_eq!(repo.run(&["to", "--json", id, to]).json()["status"], *to);
            }
        }
    }
}

#[test]
fn an_illegal_transition_is_told_in_gits_words_with_a_hint() {
    for_each_kind(|repo| {
        let made = feature_at(repo, "implementing");
        let handle = text(&made["handle"]);
        let said = repo.run(&["to", handle, "completed"]).refused();
        let expected = format!(
            "error: cannot move session {handle} from 'implementing' to 'completed'\n\
             hint: from 'implementing' it can go to validating, failed or paused\n"
        );
        assert_eq!(said, expected);
        assert_eq!(repo.rev(text(&made["ref"])), text(&made["tip"]));
    });
}

#[test]
fn moving_to_the_present_state_says_so_and_writes_nothing() {
    for_each_kind(|repo| {
        let made = feature_at(repo, "planning");
        let handle = text(&made["handle"]);
        let output = repo.run(&["to", handle, "planning"]).ok();
        assert_eq!(output.stderr, format!("Session {handle} is already 'planning'\n"));
        assert_eq!(repo.run(&["to", "--json", handle, "planning"]).json(), made);
        assert_eq!(repo.rev(text(&made["ref"])), text(&made["tip"]));
    });
}

#[test]
fn a_final_state_has_no_way_out() {
    let repo = TestRepo::new();
    for state in ["completed", "failed"] {
        let made = feature_at(&repo, state);
        let id = id_of(&made);
        for args in [["to", id, "planning"], ["resume", "--json", id], ["suspend", "--json", id]] {
            let output = repo.run(&args);
            assert_eq!(output.status, 1, "{args:?}");
            assert!(output.stderr.contains("is final"), "{}", output.stderr);
        }
        assert_eq!(repo.rev(text(&made["ref"])), text(&made["tip"]));
    }
}

#[test]
fn an_unknown_state_is_refused_with_the_nearest_one() {
    let repo = TestRepo::new();
    let made = feature_at(&repo, "implementing");
    let error = repo.run(&["to", "--json", id_of(&made), "validatin"]).error(1, "invalid_value");
    assert!(text(&error["message"]).contains("validating"), "{error}");
    assert_eq!(error["details"]["allowed"].as_array().map(Vec::len), Some(9));
    for state in ["", "Implementing", "..", "a\nb", "\u{1b}[31m", "-x"] {
        let output = repo.run(&["to", "--json", id_of(&made), "--", state]);
        assert_eq!(output.status, 1, "{state:?}");
        assert!(!output.stderr.contains('\u{1b}'));
    }
    assert_eq!(repo.rev(text(&made["ref"])), text(&made["tip"]));
}

#[test]
fn the_expected_state_is_a_condition() {
    for_each_kind(|repo| {
        let made = feature_at(repo, "planning");
        let id = id_of(&made);
        let error = repo
            .run(&["to", "--json", id, "generating_tasks", "--expect", "validating"])
            .error(1, "conflict");
        assert_eq!(error["details"]["found"], "planning");
        assert_eq!(error["details"]["expected"], "validating");
        assert_eq!(repo.rev(text(&made["ref"])), text(&made["tip"]));
        repo.run(&["to", id, "generating_tasks", "--expect", "planning"]).ok();
        // Repeated, it is not where it was expected to be any more.
        repo.run(&["to", "--json", id, "generating_tasks", "--expect", "planning"])
            .error(1, "conflict");
    });
}

#[test]
fn a_forced_transition_is_recorded_as_forced() {
    for_each_kind(|repo| {
        let made = feature_at(repo, "implementing");
        let id = id_of(&made);
        let forced = repo.run(&["to", "--json", id, "completed", "--force"]).json();
        assert_eq!(
            (&forced["status"], &forced["outcome"]),
            (&json!("completed"), &json!("success"))
        );
        let log = repo.run(&["log", "--json", id]).json_lines();
        assert_eq!((&log[0]["forced"], &log[1]["forced"]), (&json!(true), &json!(false)));
        // Also out of a final state.
        let reopened = repo.run(&["to", "--json", id, "implementing", "-f"]).json();
        assert_eq!(reopened["ended_at"], json!(null));
        assert_eq!(reopened["outcome"], json!(null));
        assert_eq!(reopened["class"], "active");
        repo.run(&["to", "--json", id, "nowhere", "--force"]).error(1, "invalid_value");
    });
}

#[test]
fn the_reason_is_recorded_in_the_session_and_as_the_body_of_the_commit() {
    for_each_kind(|repo| {
        let made = repo.start(&["x"]);
        let args = ["suspend", "--json", "-m", "Waiting for review.", "-m", "Ask Ada.\nOr Bob."];
        let reason = "Waiting for review.\n\nAsk Ada.\nOr Bob.";
        assert_eq!(repo.run(&args).json()["reason"], reason);
        let body = repo.git(&["log", "-1", "--format=%B", text(&made["ref"])]);
        assert!(body.starts_with(&format!("running -> suspended\n\n{reason}\n\n")), "{body}");
        let log = repo.run(&["log", "--json", "-n1"]).json_lines();
        assert_eq!(log[0]["reason"], reason);
        assert_eq!(repo.run(&["resume", "--json"]).json()["reason"], json!(null));
    });
}

#[test]
fn no_reason_can_forge_a_trailer() {
    let repo = TestRepo::new();
    let made = repo.start(&["x"]);
    let forged = "fine\n\nSession-Status: terminated\nSession-Class: ended\nSession-Id: x";
    repo.run(&["suspend", "-m", forged]).ok();
    let status = "--format=%(trailers:key=Session-Status,valueonly,separator=%x2C)";
    assert_eq!(repo.git(&["for-each-ref", status, text(&made["ref"])]), "suspended");
    assert_eq!(repo.run(&["list", "--json=status"]).json()["sessions"][0]["status"], "suspended");
}

#[test]
fn resume_goes_back_where_the_session_was_suspended() {
    for_each_kind(|repo| {
        for state in
            ["planning", "generating_tasks", "implementing", "validating", "generating_report"]
        {
            let made = feature_at(repo, state);
            let id = id_of(&made);
            let paused = repo.run(&["suspend", "--json", id]).json();
            assert_eq!((&paused["status"], &paused["class"]), (&json!("paused"), &json!("paused")));
            assert_eq!(paused["paused_from"], state);
            let resumed = repo.run(&["resume", "--json", id]).json();
            assert_eq!(resumed["status"], state);
            assert_eq!(resumed["paused_from"], json!(null));
        }
    });
}

#[test]
fn a_session_that_was_paused_before_it_began_resumes_to_planning() {
    let repo = TestRepo::new();
    let made = feature_at(&repo, "initializing");
    let id = id_of(&made);
    repo.run(&["pause", id]).ok();
    assert_eq!(repo.run(&["resume", "--json", id]).json()["status"], "planning");
}

#[test]
fn resume_can_go_to_another_state_that_the_table_allows() {
    let repo = TestRepo::new();
    let made = feature_at(&repo, "implementing");
    let id = id_of(&made);
    repo.run(&["pause", id]).ok();
    let error =
        repo.run(&["resume", "--json", id, "--to", "initializing"]).error(1, "invalid_transition");
    assert_eq!(error["details"]["from"], "paused");
    let resumed = repo.run(&["resume", "--json", id, "--to", "validating"]).json();
    assert_eq!(resumed["status"], "validating");
}

#[test]
fn resume_can_only_be_checked() {
    let repo = TestRepo::new();
    let made = repo.create(&["x"]);
    let id = id_of(&made);
    assert_eq!(repo.run(&["resume", "--check", id]).status, 1, "it has not begun");
    repo.run(&["to", id, "running"]).ok();
    repo.run(&["suspend", id]).ok();
    let tip = repo.rev(text(&made["ref"]));
    let output = repo.run(&["resume", "--check", id]).ok();
    assert_eq!(output.stdout, "suspended -> running\n");
    assert_eq!(repo.rev(text(&made["ref"])), tip, "nothing was written");
    repo.run(&["resume", "--check", "--json", id, "--to", "pending"])
        .error(1, "invalid_transition");
    repo.run(&["terminate", id]).ok();
    repo.run(&["resume", "--json", "--check", id]).error(1, "invalid_transition");
}

#[test]
fn suspend_and_resume_can_be_repeated() {
    let repo = TestRepo::new();
    repo.start(&["x"]);
    for (verb, status) in [
        ("suspend", "suspended"),
        ("suspend", "suspended"),
        ("pause", "suspended"),
        ("resume", "running"),
        ("resume", "running"),
    ] {
        assert_eq!(repo.run(&[verb, "--json"]).json()["status"], status);
    }
    assert_eq!(repo.show("@")["seq"], 4);
}

#[test]
fn a_resumed_session_becomes_current() {
    let repo = TestRepo::new();
    let first = repo.start(&["one"]);
    repo.run(&["suspend"]).ok();
    let second = repo.start(&["two"]);
    assert_eq!(repo.show("@")["id"], second["id"]);
    repo.run(&["resume", id_of(&first)]).ok();
    assert_eq!(repo.show("@")["id"], first["id"]);
    assert_eq!(repo.show("-")["id"], second["id"]);
}

#[test]
fn finish_fail_and_terminate_each_give_an_outcome() {
    for_each_kind(|repo| {
        for (verb, lifecycle, status, outcome) in [
            ("finish", "worker", "terminated", "success"),
            ("complete", "worker", "terminated", "success"),
            ("done", "worker", "terminated", "success"),
            ("fail", "worker", "terminated", "failure"),
            ("terminate", "worker", "terminated", "interrupted"),
            ("stop", "worker", "terminated", "interrupted"),
            ("kill", "worker", "terminated", "interrupted"),
            ("fail", "feature", "failed", "failure"),
            ("terminate", "feature", "failed", "interrupted"),
        ] {
            let made = repo.start(&["x", "--lifecycle", lifecycle]);
            repo.wait(60);
            let ended = repo.run(&[verb, "--json", id_of(&made), "-m", "why"]).json();
            assert_eq!((&ended["status"], &ended["outcome"]), (&json!(status), &json!(outcome)));
            assert_eq!((&ended["class"], &ended["reason"]), (&json!("ended"), &json!("why")));
            assert_eq!(ended["ended_at"], repo.now());
            assert_eq!(ended["statistics"]["duration_seconds"], 61);
            // Again is safe; otherwise is not.
            assert_eq!(repo.run(&[verb, "--json", id_of(&made)]).json(), ended);
        }
    });
}

#[test]
fn an_ended_session_cannot_end_otherwise() {
    let repo = TestRepo::new();
    let made = repo.start(&["x"]);
    let id = id_of(&made);
    repo.run(&["finish", id]).ok();
    let tip = repo.rev(text(&made["ref"]));
    for verb in ["fail", "terminate", "suspend", "resume"] {
        repo.run(&[verb, "--json", id]).error(1, "invalid_transition");
    }
    assert_eq!(repo.rev(text(&made["ref"])), tip);
}

#[test]
fn a_feature_finishes_where_the_table_lets_it() {
    let repo = TestRepo::new();
    let made = feature_at(&repo, "implementing");
    let id = id_of(&made);
    let error = repo.run(&["finish", "--json", id]).error(1, "invalid_transition");
    assert_eq!(error["details"]["to"], "completed");
    assert_eq!(error["details"]["allowed"], json!(["validating", "failed", "paused"]));
    let made = feature_at(&repo, "generating_report");
    let ended = repo.run(&["finish", "--json", id_of(&made)]).json();
    assert_eq!((&ended["status"], &ended["outcome"]), (&json!("completed"), &json!("success")));
    let made = feature_at(&repo, "implementing");
    repo.run(&["pause", id_of(&made)]).ok();
    assert_eq!(repo.run(&["finish", "--json", id_of(&made)]).json()["status"], "completed");
}

#[test]
fn finish_keeps_a_report_and_a_handoff() {
    for_each_kind(|repo| {
        let made = repo.start(&["x"]);
        repo.write("docs/report.md", "# All done\n");
        let args = ["finish", "--json", "--report", "docs/report.md", "--handoff", "Deploy it"];
        let ended = repo.run(&args).json();
        assert_eq!(ended["links"]["handoff"], "Deploy it");
        let report = &ended["artifacts"][0];
        assert_eq!((&report["name"], &report["as"]), (&json!("report.md"), &json!("report")));
        assert_eq!(report["bytes"], 11);
        let blob = format!("{}:artifacts/report.md", text(&made["ref"]));
        assert_eq!(repo.git(&["cat-file", "blob", &blob]), "# All done");
    });
}

#[test]
fn a_report_that_is_not_there_ends_nothing() {
    let repo = TestRepo::new();
    let made = repo.start(&["x"]);
    repo.run(&["finish", "--json", "--report", "missing.md"]).error(128, "io");
    assert_eq!(repo.rev(text(&made["ref"])), text(&made["tip"]));
}

#[test]
fn a_failure_can_be_recoverable() {
    let repo = TestRepo::new();
    repo.start(&["x"]);
    let failed = repo.run(&["fail", "--json", "--recoverable", "-m", "out of memory"]).json();
    assert_eq!(failed["links"]["recoverable"], true);
    assert_eq!(failed["outcome"], "failure");
}

#[test]
fn a_pending_worker_can_be_ended() {
    let repo = TestRepo::new();
    let made = repo.create(&["x"]);
    let ended = repo.run(&["terminate", "--json", id_of(&made)]).json();
    assert_eq!((&ended["started_at"], &ended["outcome"]), (&json!(null), &json!("interrupted")));
}

#[test]
fn next_takes_the_one_way_forward() {
    for_each_kind(|repo| {
        repo.start(&["x", "--lifecycle", "feature"]);
        for state in
            ["generating_tasks", "implementing", "validating", "generating_report", "completed"]
        {
            assert_eq!(repo.run(&["next", "--json", "-m", "on"]).json()["status"], state);
        }
        assert_eq!(repo.show("@")["outcome"], "success");
        repo.run(&["next", "--json"]).error(1, "invalid_transition");
    });
}

#[test]
fn next_of_a_paused_session_is_refused_or_goes_on_but_never_guesses() {
    let repo = TestRepo::new();
    let made = feature_at(&repo, "implementing");
    let id = id_of(&made);
    repo.run(&["pause", id]).ok();
    let error = repo.run(&["next", "--json", id]).error(1, "invalid_transition");
    assert_eq!(error["details"]["from"], "paused");
}

#[test]
fn a_write_with_the_same_op_is_done_once() {
    for_each_kind(|repo| {
        let made = repo.start(&["x"]);
        let args = ["update", "--json", "--add", "statistics.total_tasks=1", "--op", ID];
        let once = repo.run(&args).json();
        assert_eq!(repo.run(&args).json(), once, "the repeated write finds itself done");
        assert_eq!(once["statistics"]["total_tasks"], 1);
        let id = id_of(&made);
        repo.run(&["suspend", id, "--op", "not-a-uuid", "--json"]).error(129, "invalid_value");
    });
}

#[test]
fn a_transition_writes_one_commit_whose_diff_reads_as_what_happened() {
    let repo = TestRepo::new();
    let made = feature_at(&repo, "planning");
    repo.run(&["to", id_of(&made), "generating_tasks"]).ok();
    let diff = repo.git(&[
        "diff",
        "--unified=0",
        &format!("{0}~1", text(&made["ref"])),
        text(&made["ref"]),
    ]);
    let changed: Vec<&str> = diff
        .lines()
        .filter(|it| it.starts_with(['+', '-']) && !it.starts_with("+++") && !it.starts_with("---"))
        .collect();
    let time = repo.now();
    assert_eq!(changed.len(), 6, "{diff}");
    assert!(
        changed.contains(&"-status: planning") && changed.contains(&"+status: generating_tasks")
    );
    assert!(diff.contains(&time), "{diff}");
    assert_eq!(diff.matches("diff --git").count(), 1, "only session.yaml: {diff}");
}
