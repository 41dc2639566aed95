//! Closed pipes, full disks, pagers and colors.

use std::fs::OpenOptions;
use std::process::Stdio;

use super::harness::{TestRepo, text};

#[test]
fn a_full_disk_is_a_failure_to_write() {
    let repo = TestRepo::new();
    repo.start(&["x"]);
    repo.write("a.md", "a");
    for args in [
        &["list", "--json"][..],
        &["show", "--json"],
        &["show", "--yaml"],
        &["log", "--json"],
        &["status", "--json"],
        &["schema"],
        &["manual"],
        &["help"],
        &["-h"],
        &["completion", "bash"],
        &["lifecycle", "list"],
        &["lifecycle", "show"],
        &["attach", "a.md", "--json"],
        &["list", "-h"],
    ] {
        let full = OpenOptions::new().write(true).open("/dev/full").expect("a device");
        let mut cmd = repo.cmd(args);
        cmd.command.stdout(full).stdin(Stdio::null()).stderr(Stdio::piped());
        let output = cmd.command.output().expect("it ran");
        assert_eq!(output.status.code(), Some(128), "{args:?}");
        let said = String::from_utf8_lossy(&output.stderr);
        let line = "fatal: write failure on standard output";
        assert!(said.starts_with(line), "{args:?}: {said}");
    }
}

#[test]
fn a_closed_pipe_ends_in_silence() {
    let repo = TestRepo::new();
    repo.start(&["x"]);
    for args in [
        &["list", "--json"][..],
        &["list"],
        &["log", "--json"],
        &["log", "-p"],
        &["show", "--yaml"],
        &["schema"],
        &["manual"],
        &["help"],
        &["-h"],
        &["completion", "zsh"],
    ] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut cmd = repo.cmd(args);
        cmd.command.stdout(writer).stdin(Stdio::null()).stderr(Stdio::piped());
        let output = cmd.command.output().expect("it ran");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{args:?}");
        assert_ne!(output.status.code(), Some(101), "{args:?}");
    }
}

#[test]
fn a_reader_that_wants_one_line_gets_it() {
    let repo = TestRepo::new();
    let made = repo.start(&["x"]);
    let id = text(&made["id"]);
    for n in 0..5 {
        repo.run(&["update", id, "--title", &format!("{n}")]).ok();
    }
    let program = super::harness::PROGRAM;
    let line = format!("'{program}' log --json | head -n1; '{program}' manual | head -n1");
    let mut cmd = repo.cmd::<&str>(&[]);
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", &line]).current_dir(&repo.root).env_clear();
    for (name, value) in cmd.command.get_envs() {
        if let Some(value) = value {
            shell.env(name, value);
        }
    }
    cmd.command = shell;
    let output = cmd.run().ok();
    assert_eq!((output.stdout.lines().count(), &*output.stderr), (2, ""));
}

#[test]
fn a_closed_standard_error_stops_nothing() {
    let repo = TestRepo::new();
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut cmd = repo.cmd(&["start", "x", "--json"]);
    cmd.command.stderr(writer).stdin(Stdio::null()).stdout(Stdio::piped());
    let output = cmd.command.output().expect("it ran");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(repo.show("@")["title"], "x");
}

#[test]
fn nothing_is_paged_or_colored_that_does_not_go_to_a_terminal() {
    let repo = TestRepo::new();
    repo.start(&["x"]);
    repo.git(&["config", "core.pager", "touch pager-ran; cat"]);
    for args in [&["list"][..], &["show"], &["log"], &["status"], &["help"], &["list", "--json"]] {
        let output = repo
            .cmd(args)
            .env("GIT_PAGER", "touch pager-ran; cat")
            .env("PAGER", "touch pager-ran; cat")
            .env("TERM", "xterm-256color")
            .run()
            .ok();
        assert!(!output.stdout.contains('\u{1b}'), "{args:?}");
    }
    assert!(!repo.root.join("pager-ran").exists());
}

#[test]
fn the_answer_as_json_is_never_colored() {
    let repo = TestRepo::new();
    repo.start(&["x"]);
    for args in [&["show", "--json", "--color=always"][..], &["list", "--json", "--color"]] {
        repo.cmd(args).env("CLICOLOR_FORCE", "1").env("TERM", "xterm").run().json();
    }
    repo.run(&["list", "--color=sometimes"]).exits(129);
}

#[test]
fn a_session_with_a_title_of_any_width_is_listed_in_any_width() {
    let repo = TestRepo::new();
    repo.start(&["实现代理会话持久化实现代理会话持久化实现代理会话持久化"]);
    repo.start(&[&"👩‍👩‍👧".repeat(100)]);
    for columns in ["1", "10", "40", "0", "99999"] {
        for args in [&["list", "--color=always"][..], &["show"], &["status"], &["log", "--oneline"]]
        {
            repo.cmd(args).env("COLUMNS", columns).env("TERM", "xterm").run().ok();
        }
    }
}
