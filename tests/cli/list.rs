//! `list`.

use serde_json::json;

use super::harness::{BEGINNING, ID, TestRepo, for_each_kind, moment, text, texts};

/// Makes a repository's worth of sessions: titles say what they are.
fn fill(repo: &TestRepo) {
    repo.start(&[
        "alpha",
        "--lifecycle",
        "feature",
        "--issue",
        "I-1",
        "--label",
        "red",
        "--name",
        "n2",
    ]);
    repo.run(&["update", "--phase", "plan"]).ok();
    repo.start(&[
        "beta", "--agent", "aider", "--model", "m1", "--role", "engineer", "--name", "n1",
    ]);
    repo.run(&["suspend"]).ok();
    repo.create(&["Gamma", "--branch", "feat/g", "--label", "red", "--label", "blue"]);
    repo.start(&["delta"]);
    repo.run(&["finish"]).ok();
    repo.start(&["epsilon"]);
    repo.run(&["fail"]).ok();
    repo.start(&["zeta"]);
    repo.run(&["terminate"]).ok();
}

#[test]
fn every_filter_keeps_what_it_names() {
    for_each_kind(|repo| {
        fill(repo);
        let head = repo.rev("HEAD");
        let check = |args: &[&str], expected: &[&str]| {
            assert_eq!(repo.titles(args), expected, "{args:?}");
        };
        check(&[], &["Gamma", "beta", "alpha"]);
        check(&["--active"], &["Gamma", "beta", "alpha"]);
        check(&["--all"], &["zeta", "epsilon", "delta", "Gamma", "beta", "alpha"]);
        check(&["-a", "-n", "2"], &["zeta", "epsilon"]);
        check(&["--status", "planning"], &["alpha"]);
        check(&["--status", "planning,suspended"], &["beta", "alpha"]);
        check(&["--status", "planning", "--status", "pending"], &["Gamma", "alpha"]);
        check(&["--status", "terminated"], &["zeta", "epsilon", "delta"]);
        check(&["--status", "completed"], &[]);
        check(&["--class", "paused"], &["beta"]);
        check(&["--class", "active,pending"], &["Gamma", "alpha"]);
        check(&["--class", "ended"], &["zeta", "epsilon", "delta"]);
        check(&["--outcome", "success"], &["delta"]);
        check(&["--outcome", "failure,interrupted"], &["zeta", "epsilon"]);
        check(&["--observed", "none"], &["Gamma", "beta", "alpha"]);
        check(&["--observed", "running"], &[]);
        check(&["--phase", "plan"], &["alpha"]);
        check(&["--lifecycle", "feature"], &["alpha"]);
        check(&["--branch", "feat/g"], &["Gamma"]);
        check(&["--branch", "refs/heads/feat/g"], &["Gamma"]);
        check(&["--branch", "main"], &["beta", "alpha"]);
        check(&["--agent", "aider"], &["beta"]);
        check(&["--model", "m1"], &["beta"]);
        check(&["--role", "engineer"], &["beta"]);
        check(&["--issue", "I-1"], &["alpha"]);
        check(&["--label", "red"], &["Gamma", "alpha"]);
        check(&["--label", "blue,none"], &["Gamma"]);
        check(&["--label", "red", "--class", "active"], &["alpha"]);
        check(&["--author", "unknown"], &["Gamma", "beta", "alpha"]);
        check(&["--author", "nobody"], &[]);
        check(&["--commit", "HEAD"], &["Gamma", "beta", "alpha"]);
        check(&["--commit", &head[..12]], &["Gamma", "beta", "alpha"]);
        check(&["--grep", "^[a-b]"], &["beta", "alpha"]);
        check(&["--grep", "gam", "-i"], &["Gamma"]);
        check(&["--grep", "et.", "--grep", "b"], &["beta"]);
        check(&["--grep", "et.", "-F"], &[]);
    });
}

#[test]
fn the_order_can_be_chosen() {
    let repo = TestRepo::new();
    fill(&repo);
    let check = |keys: &[&str], expected: &[&str]| {
        let args: Vec<String> = keys.iter().map(|key| format!("--sort={key}")).collect();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        assert_eq!(repo.titles(&args), expected, "{keys:?}");
    };
    check(&["created"], &["alpha", "beta", "Gamma"]);
    check(&["-created"], &["Gamma", "beta", "alpha"]);
    check(&["title"], &["Gamma", "alpha", "beta"]);
    check(&["-title"], &["beta", "alpha", "Gamma"]);
    check(&["status"], &["Gamma", "alpha", "beta"]);
    check(&["-status"], &["beta", "alpha", "Gamma"]);
    check(&["branch", "title"], &["Gamma", "alpha", "beta"]);
    check(&["branch,-title"], &["Gamma", "beta", "alpha"]);
    check(&["name"], &["Gamma", "beta", "alpha"]);
    check(&["id"], &["alpha", "beta", "Gamma"]);
    repo.run(&["update", "alpha", "--json", "--title", "x"]).error(1, "not_found");
    repo.run(&["update", "n2", "--set=role=x"]).ok();
    check(&["updated"], &["beta", "Gamma", "alpha"]);
    check(&["-updated"], &["alpha", "Gamma", "beta"]);
    assert_eq!(repo.titles(&["--sort", "-title"]), ["beta", "alpha", "Gamma"]);
}

#[test]
fn a_limit_of_zero_is_no_limit() {
    let repo = TestRepo::new();
    for title in ["a", "b", "c"] {
        repo.create(&[title]);
    }
    for args in [["--limit", "0"], ["-n", "0"], ["--limit", "99"]] {
        assert_eq!(repo.titles(&args), ["c", "b", "a"]);
    }
    assert_eq!(repo.titles(&["-n1"]), ["c"]);
    assert_eq!(repo.titles(&["--max-count=2", "--sort=title"]), ["a", "b"]);
    for wrong in ["-1", "x", ""] {
        repo.run(&["list", &format!("--limit={wrong}")]).exits(129);
    }
}

#[test]
fn both_bounds_of_time_are_inclusive_and_a_naive_time_is_utc() {
    for_each_kind(|repo| {
        repo.create(&["first"]);
        repo.wait(9);
        repo.create(&["second"]);
        repo.wait(9);
        repo.create(&["third"]);
        let at = |n: u64| moment(BEGINNING + 1 + 10 * n);
        let check = |args: &[&str], expected: &[&str]| {
            assert_eq!(repo.titles(args), expected, "{args:?}");
        };
        check(&["--since", &at(1)], &["third", "second"]);
        check(&["--until", &at(1)], &["second", "first"]);
        check(&["--created-after", &at(1), "--created-before", &at(1)], &["second"]);
        check(&["--after", &at(2)], &["third"]);
        check(&["--before", &at(0)], &["first"]);
        check(&["--since", "2026-01-07 13:00:11"], &["third", "second"]);
        check(&["--since", "2026-01-07T13:00:11"], &["third", "second"]);
        check(&["--until", "2026-01-07T13:00:11"], &["second", "first"]);
        check(&["--since", "2026-01-07T14:00:11+01:00"], &["third", "second"]);
        check(&["--since", "2026-01-07"], &["third", "second", "first"]);
        check(&["--since", "2026-01-08"], &[]);
        check(&["--until", "2026-01-07"], &[]);
        check(&["--since", "yesterday"], &["third", "second", "first"]);
        check(&["--since", "2.weeks"], &["third", "second", "first"]);
        check(&["--since", "2d"], &["third", "second", "first"]);
        check(&["--until", "1.hour"], &[]);
        for option in ["--since", "--until"] {
            for wrong in ["garbage", "", "2026-02-30"] {
                repo.run(&["list", "--json", option, wrong]).error(129, "invalid_value");
            }
        }
    });
}

#[test]
fn json_is_one_document_with_two_lists() {
    for_each_kind(|repo| {
        assert_eq!(repo.run(&["list", "--json"]).json(), json!({ "sessions": [], "corrupt": [] }));
        let made = repo.start(&["x"]);
        let listing = repo.run(&["list", "--json"]).json();
        assert_eq!(listing, json!({ "sessions": [made], "corrupt": [] }));
        let output = repo.run(&["ls", "--json=title,status"]).ok();
        let expected = "{\"sessions\":[{\"title\":\"x\",\"status\":\"running\"}],\"corrupt\":[]}\n";
        assert_eq!(output.stdout, expected);
    });
}

#[test]
fn unknown_words_are_wrong_use_and_the_known_ones_are_told() {
    let repo = TestRepo::new();
    for (option, word, known) in [
        ("--class", "open", "paused"),
        ("--outcome", "won", "success"),
        ("--observed", "maybe", "running"),
        ("--sort", "size", "created"),
        ("--sort", "-size", "created"),
    ] {
        let error = repo.run(&["list", "--json", option, word]).error(129, "invalid_value");
        let allowed = error["details"]["allowed"].as_array().expect("a list");
        assert!(allowed.contains(&json!(known)), "{error}");
    }
    for (option, word) in
        [("--status", "Not A State"), ("--grep", "("), ("--commit", "nothing"), ("--status", "")]
    {
        repo.run(&["list", "--json", option, word]).error(129, "invalid_value");
    }
}

#[test]
fn a_pattern_that_could_take_for_ever_does_not() {
    let repo = TestRepo::new();
    let error = repo.run(&["list", "--json", "--grep", "("]).error(129, "invalid_value");
    assert_eq!(error["message"], "invalid value for '--grep': unclosed group");
    repo.create(&[&"a".repeat(4000)]);
    assert_eq!(repo.titles(&["--grep", "(a+)+b"]), Vec::<String>::new());
    assert_ne!(repo.run(&["list", "--grep", "((a{1000}){1000}){1000}"]).status, 0);
}

#[test]
fn ended_sessions_are_hidden_and_a_hint_says_so() {
    let repo = TestRepo::new();
    fill(&repo);
    let output = repo.run(&["list"]).ok();
    assert!(output.stderr.contains("hint: 3 ended sessions are not shown"), "{}", output.stderr);
    for args in
        [&["list", "--all"][..], &["list", "-q"], &["list", "--active"], &["list", "--porcelain"]]
    {
        assert_eq!(repo.run(args).ok().stderr, "", "{args:?}");
    }
}

#[test]
fn a_damaged_session_stands_beside_the_good_ones() {
    for_each_kind(|repo| {
        let good = repo.start(&["good"]);
        repo.plant(ID, b"not: a session\n");
        for args in [&["list", "--json"][..], &["list", "--json", "--all", "--label="]] {
            let listing = repo.run(args);
            assert_eq!(listing.status, 0);
            let listing = listing.json();
            if args.len() == 2 {
                assert_eq!(texts(&listing["sessions"], "title"), ["good"]);
            }
            assert_eq!(texts(&listing["corrupt"], "id"), [ID]);
            assert!(!text(&listing["corrupt"][0]["reason"]).is_empty());
        }
        let output = repo.run(&["list"]).ok();
        assert!(output.stderr.contains("1 unreadable"), "{}", output.stderr);
        assert_eq!(repo.show(text(&good["id"]))["title"], "good");
        repo.run(&["show", "--json", ID]).error(1, "corrupt");
        repo.run(&["to", "--json", ID, "running"]).error(1, "corrupt");
    });
}

#[test]
fn porcelain_and_nul_are_accepted() {
    let repo = TestRepo::new();
    repo.start(&["x"]);
    for args in [
        &["list", "--porcelain"][..],
        &["list", "--porcelain=v1"],
        &["list", "-z"],
        &["list", "--porcelain", "-z"],
        &["list", "--format=%(handle)"],
        &["list", "--format=%(handle)", "-z"],
        &["status", "--porcelain"],
        &["status", "-s"],
    ] {
        assert_eq!(repo.run(args).ok().stderr, "", "{args:?}");
    }
    repo.run(&["list", "--porcelain=v9"]).exits(129);
}

#[test]
fn a_format_separates_records_by_nul_if_wanted() {
    let repo = TestRepo::new();
    repo.create(&["a"]);
    repo.create(&["b"]);
    let output = repo.run(&["list", "--format=%(title)", "-z"]).ok();
    assert_eq!(output.stdout.matches('\0').count(), 2);
    let output = repo.run(&["list", "--format=%(title)"]).ok();
    assert_eq!(output.stdout.matches('\n').count(), 2);
}

#[test]
fn packed_refs_are_listed_like_loose_ones() {
    for_each_kind(|repo| {
        repo.create(&["a"]);
        repo.create(&["b"]);
        repo.git(&["pack-refs", "--all"]);
        repo.create(&["c"]);
        assert_eq!(repo.titles(&[]), ["c", "b", "a"]);
        repo.git(&["gc", "-q", "--prune=now"]);
        let made = repo.create(&["d"]);
        repo.run(&["to", text(&made["id"]), "running"]).ok();
        assert_eq!(repo.titles(&[]), ["d", "c", "b", "a"]);
    });
}
