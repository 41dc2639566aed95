//! Which session a name means.

use super::harness::{ID, OTHER_ID, PLAIN, TestRepo, for_each_kind, text};

/// The handles of `ID` and `OTHER_ID`: they differ in the last letter only.
const HANDLE: &str = "vutsrqpk";
const OTHER_HANDLE: &str = "vutsrqpl";

#[test]
fn a_session_answers_to_each_of_its_names() {
    for_each_kind(|repo| {
        let made = repo.start(&["--id", ID, "One", "--name", "fix-auth", "-b"]);
        repo.start(&["Another", "-b"]);
        let first_commit = repo.git(&["rev-list", "--reverse", text(&made["ref"])]);
        let first_commit = first_commit.lines().next().expect("a commit").to_owned();
        for name in [
            ID,
            "0199f0c2",
            "0199f0c2-1c4d-7abc-8def",
            HANDLE,
            "vuts",
            "fix-auth",
            "session/one",
            "refs/heads/session/one",
            "session-20260107-130001-6789af",
            text(&made["tip"]),
            &first_commit,
            &first_commit[..12],
            &format!("refs/sessions/{ID}"),
            &format!("sessions/{ID}"),
        ] {
            assert_eq!(repo.show(name)["id"], ID, "{name}");
        }
    });
}

#[test]
fn an_exact_name_comes_before_a_prefix() {
    let repo = TestRepo::new();
    repo.create(&["--id", ID, "one"]);
    repo.create(&["--id", OTHER_ID, "two"]);
    let third = repo.create(&["three", "--name", "vut"]);
    assert_eq!(repo.show("vut")["id"], third["id"], "a name is exact, a handle only begins so");
    assert_eq!(repo.show(HANDLE)["id"], ID);
    let fourth = repo.create(&["four", "--name", OTHER_HANDLE]);
    assert_eq!(repo.show(OTHER_HANDLE)["id"], OTHER_ID, "the handle comes before the name");
    assert_eq!(repo.show(text(&fourth["id"]))["name"], OTHER_HANDLE);
}

#[test]
fn a_tie_is_an_error_that_lists_the_candidates() {
    for_each_kind(|repo| {
        repo.create(&["--id", ID, "The one"]);
        repo.create(&["--id", OTHER_ID, "The other"]);
        for name in ["vutsrq", "0199f0c2"] {
            let output = repo.run(&["show", "--json", name]);
            for part in [HANDLE, OTHER_HANDLE, "The one", "The other", "pending"] {
                assert!(output.stderr.contains(part), "{part}: {}", output.stderr);
            }
            let error = output.error(1, "ambiguous");
            let candidates = error["details"]["candidates"].as_array().expect("a list");
            assert_eq!(candidates.len(), 2);
        }
        let refs = repo.refs();
        repo.run(&["delete", "--json", "--force", "vutsrq"]).error(1, "ambiguous");
        repo.run(&["to", "--json", "vutsrq", "running"]).error(1, "ambiguous");
        assert_eq!(repo.refs(), refs);
    });
}

#[test]
fn a_branch_means_its_one_open_session() {
    let repo = TestRepo::new();
    let first = repo.start(&["one"]);
    let second = repo.start(&["two"]);
    repo.run(&["show", "--json", "main"]).error(1, "ambiguous");
    repo.run(&["finish", text(&second["id"])]).ok();
    assert_eq!(repo.show("main")["id"], first["id"]);
    repo.run(&["finish", text(&first["id"])]).ok();
    repo.run(&["show", "--json", "main"]).error(1, "ambiguous");
}

#[test]
fn what_cannot_be_a_name_is_not_found_and_never_a_path() {
    let repo = TestRepo::new();
    repo.start(&["--id", ID, "one"]);
    repo.write("outside.txt", "a file");
    let refs = repo.refs();
    let root = repo.root.to_string_lossy().into_owned();
    let long = "x".repeat(4096);
    let long_slashes = "../".repeat(1365);
    let names = [
        "",
        " ",
        ".",
        "..",
        "../x",
        "../../etc/passwd",
        "/etc/passwd",
        &root,
        "outside.txt",
        "./outside.txt",
        "-x",
        "--all",
        "--output=/tmp/gs-canary-naming",
        "a b",
        "a\nb",
        "a\tb",
        "$(touch /tmp/gs-canary-naming)",
        "`touch /tmp/gs-canary-naming`",
        ";touch /tmp/gs-canary-naming",
        "*",
        "?",
        "[a-z]",
        "HEAD~1000",
        "@{-1}",
        "refs/heads/nothing",
        ".lock",
        "~",
        "%s%n",
        "\u{1b}[31m",
        "\u{202e}",
        "nul",
        "{}",
        &ID.to_uppercase(),
        &ID.replace('-', ""),
        &long,
        &long_slashes,
    ];
    for name in names {
        let output = repo.run(&["show", "--json", "--", name]);
        assert!(!output.stderr.contains(['\u{1b}', '\u{202e}']), "{name:?}");
        output.error(1, "not_found");
    }
    for name in ["", "..", "../x", "-x", &long] {
        for args in [
            &["delete", "--json", "--force", "--", name][..],
            &["to", "--json", "--", name, "running"],
            &["update", "--json", "--title=x", "--", name],
            &["finish", "--json", "--", name],
            &["log", "--json", "--", name],
            &["status", "--json", "--", name],
            &["attach", "--json", "--", name, "outside.txt"],
        ] {
            repo.run(args).error(1, "not_found");
        }
    }
    assert_eq!(repo.refs(), refs);
    assert!(repo.root.join("outside.txt").is_file());
    assert!(!std::path::Path::new("/tmp/gs-canary-naming").exists());
}

#[test]
fn a_name_that_is_not_found_is_told_with_a_hint() {
    let repo = TestRepo::new();
    let said = repo.run(&["show", "nonexistent-id"]).refused();
    assert_eq!(
        said,
        "error: no session matches 'nonexistent-id'\nhint: see \"git session list --all\"\n"
    );
    repo.run(&["show", "nonexistent-id", "--json"]).error(1, "not_found");
}

#[test]
fn a_commit_of_the_code_belongs_to_no_session_unless_it_says_so() {
    let repo = TestRepo::new();
    let made = repo.start(&["one"]);
    repo.run(&["show", "--json", "HEAD"]).error(1, "not_found");
    let message = format!("code\n\nSession-Id: {}\n", text(&made["id"]));
    repo.git(&["commit", "-q", "--allow-empty", "-m", &message]);
    assert_eq!(repo.show("HEAD")["id"], made["id"]);
    assert_eq!(repo.show(&repo.rev("HEAD"))["id"], made["id"]);
}

#[test]
fn the_current_session_and_the_one_before_have_short_names() {
    for_each_kind(|repo| {
        repo.run(&["show", "--json", "-"]).error(1, "not_found");
        repo.detach();
        repo.run(&["show", "--json"]).error(1, "not_found");
        repo.run(&["show", "--json", "@"]).error(1, "not_found");
        let first = repo.start(&["one"]);
        repo.run(&["show", "--json", "-"]).error(1, "not_found");
        let second = repo.start(&["two"]);
        assert_eq!(repo.show("@")["id"], second["id"]);
        assert_eq!(repo.run(&["show", "--json"]).json()["id"], second["id"]);
        assert_eq!(repo.show("-")["id"], first["id"]);
        repo.run(&["resume", "-"]).ok();
        assert_eq!(repo.show("@")["id"], first["id"]);
        assert_eq!(repo.show("-")["id"], second["id"]);
    });
}

#[test]
fn without_a_current_session_the_one_open_session_of_the_branch_is_meant() {
    let repo = TestRepo::of(PLAIN);
    repo.run(&["show", "--json"]).error(1, "not_found");
    let made = repo.create(&["one"]);
    assert_eq!(repo.run(&["show", "--json"]).json()["id"], made["id"]);
    repo.create(&["two"]);
    repo.run(&["show", "--json"]).error(1, "ambiguous");
    repo.git(&["switch", "-q", "-c", "elsewhere"]);
    repo.run(&["show", "--json"]).error(1, "not_found");
}

#[test]
fn the_environment_names_the_current_session() {
    for_each_kind(|repo| {
        let first = repo.start(&["one"]);
        let second = repo.start(&["two"]);
        for name in [text(&first["id"]), text(&first["handle"])] {
            for args in [&["show", "--json"][..], &["show", "--json", "@"], &["status", "--json"]] {
                let shown = repo.cmd(args).env("GIT_SESSION", name).run().json();
                assert_eq!(shown["id"], first["id"]);
            }
        }
        repo.cmd(&["suspend"]).env("GIT_SESSION", text(&first["id"])).run().ok();
        assert_eq!(repo.show(text(&first["id"]))["status"], "suspended");
        assert_eq!(repo.show("@")["id"], second["id"]);
        assert_eq!(repo.show("@")["status"], "running");
        repo.cmd(&["show", "--json"]).env("GIT_SESSION", "nope").run().error(1, "not_found");
        repo.cmd(&["show", "--json"]).env("GIT_SESSION", "").run().ok();
    });
}
