//! `log`.

use serde_json::json;

use super::harness::{BEGINNING, TestRepo, for_each_kind, moment, text, texts};

/// Makes a session with events of several kinds, some of them days apart.
fn history(repo: &TestRepo) -> serde_json::Value {
    let made = repo.start(&["x", "--lifecycle", "feature"]);
    repo.run(&["update", "--phase", "plan", "-m", "As agreed."]).ok();
    repo.wait(86400 - 2);
    repo.write("a.md", "a");
    repo.run(&["attach", "a.md"]).ok();
    repo.run(&["to", "generating_tasks", "-m", "Because.\n\nReally."]).ok();
    repo.run(&["detach", "a.md"]).ok();
    made
}

#[test]
fn json_is_one_event_a_line_newest_first() {
    for_each_kind(|repo| {
        let made = history(repo);
        let events = repo.run(&["log", "--json"]).json_lines();
        let events = json!(events);
        let kinds = ["detach", "transition", "attach", "update", "transition", "create"];
        assert_eq!(texts(&events, "kind"), kinds);
        let seqs: Vec<u64> = events
            .as_array()
            .expect("a list")
            .iter()
            .map(|it| it["seq"].as_u64().expect("a number"))
            .collect();
        assert_eq!(seqs, [6, 5, 4, 3, 2, 1]);
        let commits = repo.git(&["rev-list", text(&made["ref"])]);
        assert_eq!(texts(&events, "commit"), commits.lines().collect::<Vec<_>>());
        assert_eq!(
            (&events[1]["from"], &events[1]["status"]),
            (&json!("planning"), &json!("generating_tasks"))
        );
        assert_eq!(events[1]["reason"], "Because.\n\nReally.");
        assert_eq!(events[1]["subject"], "planning -> generating_tasks");
        assert_eq!(events[1]["at"], moment(BEGINNING + 86402));
        assert_eq!(events[5]["from"], json!(null));
        assert_eq!(events[0]["author"], "unknown <unknown@localhost>");
    });
}

#[test]
fn events_are_chosen_by_kind_number_and_date() {
    let repo = TestRepo::new();
    history(&repo);
    let kinds = |args: &[&str]| {
        let events = repo.run(&[&["log", "--json"], args].concat()).json_lines();
        texts(&json!(events), "kind").join(" ")
    };
    assert_eq!(kinds(&["--type", "transition"]), "transition transition");
    assert_eq!(kinds(&["--type", "create,attach"]), "attach create");
    assert_eq!(kinds(&["--type", "create", "--type", "detach"]), "detach create");
    assert_eq!(kinds(&["--type", "worker"]), "");
    let error = repo.run(&["log", "--json", "--type", "transitoin"]).error(129, "invalid_value");
    let message =
        "invalid value for '--type': 'transitoin' is unknown (did you mean 'transition'?)";
    assert_eq!(error["message"], message);
    assert!(error["details"]["allowed"].as_array().is_some_and(|it| it.len() > 20), "{error}");
    assert_eq!(kinds(&["-n", "2"]), "detach transition");
    assert_eq!(kinds(&["-n1", "--type", "transition"]), "transition");
    assert_eq!(kinds(&["--limit", "0"]), kinds(&[]));
    assert_eq!(kinds(&["--reverse", "-n", "2"]), "transition detach");
    assert_eq!(kinds(&["--reverse", "--type=transition,create"]), "create transition transition");
    assert_eq!(kinds(&["--since", "2026-01-08"]), "detach transition attach");
    assert_eq!(kinds(&["--until", "2026-01-08"]), "update transition create");
    let attached = moment(BEGINNING + 86401);
    assert_eq!(kinds(&["--since", &attached, "--until", &attached]), "attach");
    assert_eq!(kinds(&["--since=1.hour"]), "detach transition attach");
    for wrong in [["--since", "garbage"], ["--until", ""], ["-n", "x"], ["--reverse", "--nothing"]]
    {
        repo.run(&[&["log"][..], &wrong].concat()).exits(129);
    }
}

#[test]
fn fields_of_events_can_be_selected() {
    let repo = TestRepo::new();
    history(&repo);
    let output = repo.run(&["log", "--json=kind,seq", "-n1"]).ok();
    assert_eq!(output.stdout, "{\"kind\":\"detach\",\"seq\":6}\n");
}

#[test]
fn an_unknown_field_of_events_is_wrong_use() {
    let repo = TestRepo::new();
    history(&repo);
    repo.run(&["log", "--json=colour"]).error(129, "unknown_field");
}

#[test]
fn a_patch_shows_the_record_change_line_by_line() {
    for_each_kind(|repo| {
        history(repo);
        let output = repo.run(&["log", "-p", "-n2"]).ok();
        assert!(output.stdout.contains("-status: planning\n+status: generating_tasks\n"));
        assert!(output.stdout.contains("+++ b/session.yaml"));
        assert!(output.stdout.contains("Session-Status: generating_tasks"));
        assert_eq!(output.stdout.matches("\ncommit ").count() + 1, 2);
        let first = repo.run(&["log", "-p", "--reverse", "--type=create"]).ok().stdout;
        assert_eq!(first.matches("create: x").count(), 1);
        assert!(!first.contains("initializing -> planning"), "{first}");
        let updates = repo.run(&["log", "-p", "--type=update"]).ok().stdout;
        assert!(updates.contains("+phase: plan"), "{updates}");
        for nothing in [&["--until", "2020-01-01"][..], &["--type", "worker"]] {
            assert_eq!(repo.run(&[&["log", "-p"][..], nothing].concat()).ok().stdout, "");
        }
        let all = repo.run(&["log", "-p", "-n0"]).ok().stdout;
        assert_eq!(all, repo.run(&["log", "-p"]).ok().stdout);
    });
}

#[test]
fn plain_git_reads_the_history() {
    for_each_kind(|repo| {
        let made = history(repo);
        let reference = text(&made["ref"]);
        let subjects = repo.git(&["log", "--format=%s", &reference["refs/".len()..]]);
        let expected = "detach a.md\nplanning -> generating_tasks\nattach a.md\nupdate phase\n\
                        initializing -> planning\ncreate: x";
        assert_eq!(subjects, expected);
        let message = repo.git(&["log", "-1", "--skip=1", "--format=%B", reference]);
        let trailers = repo.git_feed(&["interpret-trailers", "--parse"], message.as_bytes());
        for line in [
            format!("Session-Id: {}", text(&made["id"])),
            "Session-Event: transition".into(),
            "Session-Seq: 5".into(),
            "Session-Status: generating_tasks".into(),
            "Session-From: planning".into(),
        ] {
            assert!(trailers.lines().any(|it| it == line), "{line}: {trailers}");
        }
        assert!(trailers.contains("Session-Op: "), "{trailers}");
    });
}

#[test]
fn every_way_to_look_at_a_history_succeeds() {
    let repo = TestRepo::new();
    history(&repo);
    for args in [&["log"][..], &["log", "--oneline"], &["log", "--reverse", "@"], &["log", "main"]]
    {
        assert_eq!(repo.run(args).ok().stderr, "");
    }
    repo.run(&["log", "--json", "nothing"]).error(1, "not_found");
}

#[test]
fn a_followed_history_goes_on_until_the_session_is_gone() {
    use std::io::{BufRead as _, BufReader};
    let repo = TestRepo::new();
    let made = repo.start(&["x"]);
    let id = text(&made["id"]);
    let mut cmd = repo.cmd(&["log", "--json=kind,status", "-f", id]);
    cmd.command.stdout(std::process::Stdio::piped()).stdin(std::process::Stdio::null());
    let mut child = cmd.command.spawn().expect("a program");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let mut next = || lines.next().map(|line| line.expect("text"));
    let event =
        |kind: &str, status: &str| Some(format!("{{\"kind\":\"{kind}\",\"status\":\"{status}\"}}"));
    assert_eq!(next(), event("create", "pending"));
    assert_eq!(next(), event("transition", "running"));
    repo.run(&["suspend", id]).ok();
    assert_eq!(next(), event("transition", "suspended"));
    repo.run(&["resume", id]).ok();
    repo.run(&["finish", id]).ok();
    assert_eq!(next(), event("transition", "running"));
    assert_eq!(next(), event("transition", "terminated"));
    repo.run(&["delete", id]).ok();
    assert_eq!(next(), None);
    assert!(child.wait().expect("it ended").success());
}

#[test]
fn what_was_recorded_is_listed_among_the_rest_of_the_history() {
    for_each_kind(|repo| {
        repo.start(&["x"]);
        repo.run(&["record", "--role", "user", "--message", "Do it", "--note", "one"]).ok();
        repo.run(&["suspend"]).ok();
        let late = r#"{"kind":"message","role":"assistant","content":"It is\ndone","ts":"2026-02-01T00:00:00Z"}
            {"kind":"tool.call","call":"c","name":"ls"}
            {"kind":"x.mine"}"#;
        repo.feed(&["record"], late).ok();
        let told = |args: &[&str]| {
            let events = repo.run(&[&["log", "--json"], args].concat()).json_lines();
            let told = |it: &serde_json::Value| format!("{} {}", it["seq"], text(&it["subject"]));
            events.iter().map(told).collect::<Vec<_>>()
        };
        assert_eq!(told(&["--type=record"]).len(), 2);
        assert_eq!(
            told(&["--type=message"]),
            ["5 message assistant: It is", "3 message user: Do it"]
        );
        assert_eq!(
            told(&["--type=message,transition", "--type", "tool,x.mine"]),
            [
                "5 x.mine",
                "5 tool.call ls",
                "5 message assistant: It is",
                "4 running -> suspended",
                "3 message user: Do it",
                "2 pending -> running",
            ]
        );
        assert_eq!(told(&["-n1", "--type=message"]), ["5 message assistant: It is"]);
        assert_eq!(told(&["--reverse", "--type=note,message"])[1], "3 note: one");
        assert_eq!(told(&["--until=2026-01-31", "--type=message"]), ["3 message user: Do it"]);
        let shown = repo.run(&["log", "--type=message", "-n1"]).ok().stdout;
        assert!(shown.ends_with("\n\n    It is\n    done\n"), "{shown}");
        let patch = repo.run(&["log", "-p", "--type=message"]).ok().stdout;
        assert_eq!(patch.matches("Session-Event: record").count(), 2);
    });
}
