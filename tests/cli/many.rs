//! Ten thousand sessions, narrow terminals, and wide letters.

use std::fmt::Write as _;
use std::process::Command;

use super::harness::{Output, PROGRAM, TestRepo};

const N: usize = 10_000;

/// Returns the id of the `n`th session.
fn id(n: usize) -> String {
    format!(
        "0199f0c2-1c4d-7abc-8def-{:012x}",
        (n as u64).wrapping_mul(0x9e37_79b9) & 0xffff_ffff_ffff
    )
}

/// Makes `N` sessions by the bulk, each like one that the program made.
fn fill(repo: &TestRepo) {
    let made = repo.create(&["Number 0", "--label", "bulk"]);
    let (name, own_id) =
        (made["ref"].as_str().expect("it is there"), made["id"].as_str().expect("it is there"));
    let file = |file: &str| repo.git(&["cat-file", "blob", &format!("{name}:{file}")]) + "\n";
    let (record, lifecycle) = (file("session.yaml"), file("lifecycle.yaml"));
    let message = repo.git(&["log", "-1", "--format=%B", name]);
    let mut stream = format!("blob\nmark :1\ndata {}\n{lifecycle}\n", lifecycle.len());
    for n in 1..N {
        let adapt =
            |text: &str| text.replace(own_id, &id(n)).replace("Number 0", &format!("Number {n}"));
        let (record, message) = (adapt(&record), adapt(&message));
        write!(
            stream,
            "commit refs/sessions/{}\ncommitter A <a@example.com> {} +0000\ndata {}\n{message}\n\
             M 100644 inline session.yaml\ndata {}\n{record}\nM 100644 :1 lifecycle.yaml\n\n",
            id(n),
            1_767_790_800 + n,
            message.len(),
            record.len(),
        )
        .expect("it is there");
    }
    repo.git_feed(&["fast-import", "--quiet"], stream.as_bytes());
    repo.git(&["pack-refs", "--all"]);
}

#[test]
fn ten_thousand_sessions_are_listed_found_and_changed() {
    let repo = TestRepo::new();
    fill(&repo);
    let all = repo.run(&["list"]).ok().stdout;
    assert_eq!(all.lines().count(), N);
    assert_eq!(repo.run(&["list", "-n", "20"]).ok().stdout.lines().count(), 20);
    let found = repo.run(&["list", "--grep", "^Number 77$", "--json=id"]).json();
    assert_eq!(found["sessions"][0]["id"], id(77));
    let whole = repo.run(&["list", "--all", "--label", "bulk", "--json=handle"]).json();
    assert_eq!(whole["sessions"].as_array().map(Vec::len), Some(N));
    let handle = repo.show(&id(4711))["handle"].as_str().expect("it is there").to_owned();
    assert_eq!(repo.show(&handle)["title"], "Number 4711");
    let moved = repo.run(&["to", &id(4711), "running", "--json"]).json();
    assert_eq!(moved["status"], "running");
    assert_eq!(repo.titles(&["--status", "running"]), ["Number 4711"]);
}

#[test]
fn what_many_commands_write_does_not_stay_in_a_pack_each() {
    let repo = TestRepo::new();
    let n_packs = || {
        let entries = repo.root.join(".git/objects/pack").read_dir().expect("packs");
        entries.flatten().filter(|it| it.path().extension().is_some_and(|it| it == "pack")).count()
    };
    let made = repo.create(&["One"]);
    let id = made["id"].as_str().expect("an id");
    for n in 0..48 {
        repo.run(&["to", id, ["running", "suspended"][n % 2]]).ok();
    }
    // One write in four melts what it finds, when there are eight.
    assert!(n_packs() < 24, "{} packs", n_packs());
    repo.git(&["fsck", "--strict"]);
    assert_eq!(repo.git(&["rev-list", "--count", &format!("refs/sessions/{id}")]), "49");
}

#[test]
fn a_pipe_that_is_closed_early_ends_a_long_list_in_silence() {
    let repo = TestRepo::new();
    fill(&repo);
    let script =
        format!("'{PROGRAM}' list --all --json | head -c 10 >/dev/null; echo ${{PIPESTATUS[0]}}");
    let mut shell = Command::new("bash");
    shell.args(["-c", &script]).current_dir(&repo.root);
    let output = Output::of(shell, None);
    assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("141\n", ""));
}

/// Runs the program in a terminal of 40 columns; `None` where there is no `script` to make one.
fn in_terminal(repo: &TestRepo, pager: &str, args: &str) -> Option<String> {
    let command = format!("'{PROGRAM}' {args}");
    let mut script = Command::new("script");
    script.args(["-q", "-e", "-c", &command, "/dev/null"]).current_dir(&repo.root);
    script.env_clear().env("PATH", std::env::var_os("PATH")?).envs([
        ("TERM", "xterm"),
        ("COLUMNS", "40"),
        ("GIT_PAGER", pager),
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_SESSION_TEST_NOW", &repo.now()),
    ]);
    script.stdin(std::process::Stdio::null());
    let output = script.output();
    if !output.as_ref().is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: no 'script' to make a terminal");
        return None;
    }
    Some(String::from_utf8_lossy(&output.ok()?.stdout).replace('\r', ""))
}

#[test]
fn a_list_fits_a_terminal_of_40_columns_even_with_wide_letters() {
    let repo = TestRepo::new().with_identity();
    repo.start(&["实现代理会话持久化与恢复机制以及更多的功能"]);
    repo.start(&["Add user authentication to all of the services"]);
    let Some(text) = in_terminal(&repo, "cat", "list --color=never") else { return };
    assert!(
        text.contains("HANDLE") && text.contains("实现") && text.contains("Add user"),
        "{text}"
    );
    for line in text.lines() {
        let n_columns: usize = line.chars().map(|c| if c > '\u{2e80}' { 2 } else { 1 }).sum();
        assert!(n_columns <= 40, "{n_columns}: {line}");
    }
}

#[test]
fn the_pager_of_git_is_asked_on_a_terminal_only() {
    let repo = TestRepo::new().with_identity();
    repo.start(&["paged"]);
    let pager = "sed s/paged/PAGED/";
    if let Some(text) = in_terminal(&repo, pager, "list") {
        assert!(text.contains("PAGED"), "{text}");
    }
    if let Some(text) = in_terminal(&repo, pager, "--no-pager list") {
        assert!(text.contains("paged"), "{text}");
    }
    if let Some(text) = in_terminal(&repo, "no-such-pager", "list") {
        assert!(text.contains("cannot run 'no-such-pager'") && text.contains("paged"), "{text}");
    }
    let colors = |color: &str| {
        repo.git(&["config", "color.pager", color]);
        in_terminal(&repo, "sed s/paged/PAGED/", "list").map(|text| text.contains('\x1b'))
    };
    assert!(matches!(colors("true"), None | Some(true)));
    assert!(matches!(colors("false"), None | Some(false)));
    let mut piped = repo.cmd(&["list"]);
    piped.command.env("GIT_PAGER", pager);
    assert!(piped.run().ok().stdout.contains("paged"));
}
