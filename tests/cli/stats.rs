//! `stats`.

use serde_json::{Value, json};

use super::harness::{TestRepo, for_each_kind};

/// Makes four sessions, on two days and with two models.
fn four(repo: &TestRepo) {
    repo.start(&["a", "--model", "m-1"]);
    repo.run(&["record", "--tokens", "in=100,out=10"]).ok();
    repo.wait(58);
    repo.run(&["finish"]).ok();
    repo.start(&["b", "--model", "m-1"]);
    repo.run(&["fail"]).ok();
    repo.wait(86400);
    repo.start(&["c", "--model", "m-2"]);
    repo.run(&["record", "--tokens", "in=7,cache_read=3"]).ok();
    repo.run(&["terminate"]).ok();
    repo.create(&["d"]);
}

fn groups(repo: &TestRepo, by: &str) -> Vec<(String, u64)> {
    let stats = repo.run(&["stats", "--json", "--by", by]).json();
    assert_eq!(stats["by"], by);
    let group = |it: &Value| {
        let key = it["key"].as_str().expect("text").to_owned();
        (key, it["sessions"].as_u64().expect("a count"))
    };
    stats["groups"].as_array().expect("a list").iter().map(group).collect()
}

#[test]
fn sessions_are_counted_with_their_ends_tokens_and_times() {
    for_each_kind(|repo| {
        four(repo);
        let stats = repo.run(&["stats", "--json"]).json();
        assert_eq!(
            stats,
            json!({
                "by": null, "groups": [], "corrupt": [],
                "total": {
                    "sessions": 4, "open": 1, "success": 1, "failure": 1, "interrupted": 1,
                    "failure_rate": 1.0 / 3.0, "duration_seconds": 63,
                    "tokens": {"input": 107, "output": 10, "cache_read": 3, "cache_write": 0, "total": 120},
                    "events": 2,
                },
            })
        );
        let pair = |key: &str, n| (key.to_owned(), n);
        assert_eq!(groups(repo, "day"), [pair("2026-01-07", 2), pair("2026-01-08", 2)]);
        assert_eq!(groups(repo, "week"), [pair("2026-W02", 4)]);
        assert_eq!(groups(repo, "model"), [pair("", 1), pair("m-1", 2), pair("m-2", 1)]);
        assert_eq!(groups(repo, "branch"), [pair("main", 4)]);
        assert_eq!(groups(repo, "status"), [pair("pending", 1), pair("terminated", 3)]);
        let since = repo.run(&["stats", "--json", "--since", "2026-01-08"]).json();
        assert_eq!(since["total"]["sessions"], 2);
        let until = repo.run(&["stats", "--json", "--until", "2026-01-08"]).json();
        assert_eq!(until["total"]["sessions"], 2);
    });
}

#[test]
fn a_table_and_comma_separated_values_say_the_same() {
    let repo = TestRepo::new();
    four(&repo);
    let table = repo.run(&["stats", "--by=model"]).ok().stdout;
    assert!(table.starts_with("MODEL   SESSIONS"), "{table}");
    assert_eq!(table.lines().count(), 5);
    let csv = repo.run(&["stats", "--by=model", "--csv"]).ok().stdout;
    assert_eq!(csv.lines().nth(2), Some("m-1,2,0,1,1,0,0.5000,61,100,10,0,0,110,1"));
    let all = repo.run(&["stats", "--csv"]).ok().stdout;
    assert!(all.lines().nth(1).is_some_and(|it| it.starts_with("all,4,1,1,1,1,")), "{all}");
    repo.run(&["stats", "--by=mood"]).exits(129);
    repo.run(&["stats", "--since=never"]).exits(129);
    repo.plant("0199f0c2-1c4d-7abc-8def-0123456789af", b"nonsense");
    let output = repo.run(&["stats"]).ok();
    assert!(output.stderr.starts_with("warning: 0199f0c2"), "{}", output.stderr);
}
