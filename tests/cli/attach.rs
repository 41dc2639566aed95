//! `attach` and `detach`.

use serde_json::json;

use super::harness::{TestRepo, for_each_kind, text};

#[test]
fn an_attached_file_is_in_the_tree_of_the_session() {
    for_each_kind(|repo| {
        let made = repo.start(&["x"]);
        repo.write("docs/prd.md", "# PRD\n");
        let session = repo
            .run(&["attach", "--json", "docs/prd.md", "--as", "prd", "--version", "1.0"])
            .json();
        assert_eq!(
            session["artifacts"],
            json!([{
                "name": "prd.md", "as": "prd", "version": "1.0", "bytes": 6,
                "attached_at": repo.now(),
            }])
        );
        let prd = json!({ "filename": "prd.md", "path": "docs/prd.md", "version": "1.0" });
        assert_eq!(session["links"]["prd"], prd);
        let reference = text(&made["ref"]);
        let blob = format!("{reference}:artifacts/prd.md");
        assert_eq!(repo.git(&["cat-file", "blob", &blob]), "# PRD");
        assert_eq!(repo.rev(&blob), repo.git(&["hash-object", "docs/prd.md"]));
        // A later event keeps it.
        repo.run(&["suspend"]).ok();
        assert_eq!(repo.git(&["cat-file", "blob", &blob]), "# PRD");
        let gone = repo.run(&["detach", "--json", "prd.md"]).json();
        assert_eq!((&gone["artifacts"], &gone["links"]), (&json!([]), &json!({})));
        assert_eq!(repo.rev(&blob), "");
        assert_eq!(
            repo.git(&["cat-file", "blob", &format!("{reference}~1:artifacts/prd.md")]),
            "# PRD"
        );
        let files = repo.git(&["ls-tree", "--name-only", reference]);
        assert_eq!(files, "lifecycle.yaml\nsession.yaml", "no empty directory");
    });
}

#[test]
fn a_file_of_the_same_name_is_replaced_and_its_history_keeps_both() {
    let repo = TestRepo::new();
    let made = repo.start(&["x"]);
    let id = text(&made["id"]);
    repo.write("a.txt", "one");
    repo.run(&["attach", id, "a.txt"]).ok();
    repo.write("a.txt", "two!");
    let session = repo.run(&["attach", "--json", id, "a.txt", "--as", "notes"]).json();
    assert_eq!(session["artifacts"].as_array().map(Vec::len), Some(1));
    assert_eq!(session["artifacts"][0]["bytes"], 4);
    let reference = text(&made["ref"]);
    assert_eq!(repo.git(&["cat-file", "blob", &format!("{reference}:artifacts/a.txt")]), "two!");
    assert_eq!(repo.git(&["cat-file", "blob", &format!("{reference}~1:artifacts/a.txt")]), "one");
}

#[test]
fn standard_input_needs_a_name() {
    let repo = TestRepo::new();
    let made = repo.start(&["x"]);
    let bytes = b"\x00\xff binary \r\n";
    let args = ["attach", "--json", "-", "--name", "raw.bin"];
    let session = repo.cmd(&args).input(bytes).run().json();
    assert_eq!(session["artifacts"][0]["bytes"], bytes.len());
    let blob = format!("{}:artifacts/raw.bin", text(&made["ref"]));
    assert_eq!(repo.git(&["cat-file", "-s", &blob]), bytes.len().to_string());
    assert_ne!(repo.feed(&["attach", "-"], "x").status, 0);
}

#[test]
fn several_files_are_kept_side_by_side() {
    for_each_kind(|repo| {
        let made = repo.start(&["x"]);
        for name in ["b.txt", "a.txt", "设计.md", "A-b_c.1"] {
            repo.write(name, name);
            repo.run(&["attach", name]).ok();
        }
        let names = repo.git(&[
            "ls-tree",
            "-z",
            "--name-only",
            &format!("{}:artifacts", text(&made["ref"])),
        ]);
        let names: Vec<&str> = names.trim_end_matches('\0').split('\0').collect();
        assert_eq!(names, ["A-b_c.1", "a.txt", "b.txt", "设计.md"]);
    });
}

#[test]
fn names_that_lead_elsewhere_or_collide_are_refused() {
    let repo = TestRepo::new();
    let made = repo.start(&["x"]);
    repo.write("File.txt", "x");
    repo.run(&["attach", "File.txt"]).ok();
    let tip = repo.rev(text(&made["ref"]));
    for name in [
        "",
        ".",
        "..",
        "../x",
        "a/b",
        "/etc/x",
        ".git",
        ".GIT",
        "git~1",
        "-x",
        "a\\b",
        "NUL",
        "aux.txt",
        "com1",
        "a:b",
        "x.",
        "x ",
        "a\nb",
        "\u{1b}",
        "a\u{200b}b",
        "file.txt",
        "FILE.TXT",
        &"x".repeat(129),
    ] {
        let args = ["attach", "--json", "File.txt", &format!("--name={name}")];
        repo.run(&args).error(1, "invalid_value");
    }
    repo.run(&["detach", "--json", "file.txt"]).error(1, "invalid_value");
    repo.run(&["detach", "--json", "../session.yaml"]).error(1, "invalid_value");
    assert_eq!(repo.rev(text(&made["ref"])), tip);
}

#[test]
fn a_file_that_cannot_be_read_attaches_nothing() {
    let repo = TestRepo::new();
    let made = repo.start(&["x"]);
    repo.write("dir/a", "x");
    for path in ["missing.txt", "dir"] {
        repo.run(&["attach", "--json", path]).error(128, "io");
    }
    assert_eq!(repo.rev(text(&made["ref"])), text(&made["tip"]));
    repo.run(&["attach"]).exits(129);
    repo.run(&["attach", "a", "b", "c"]).exits(129);
}

#[test]
fn files_are_found_from_the_directory_of_the_command() {
    let repo = TestRepo::new();
    repo.start(&["x"]);
    repo.write("sub/inner.txt", "inner");
    let session = repo.cmd(&["attach", "--json", "inner.txt"]).dir("sub").run().json();
    assert_eq!(session["artifacts"][0]["name"], "inner.txt");
    let session = repo.run(&["-C", "sub", "attach", "--json", "inner.txt", "--name", "b"]).json();
    assert_eq!(session["artifacts"].as_array().map(Vec::len), Some(2));
}

#[test]
fn detaching_what_is_not_there_lists_what_is() {
    let repo = TestRepo::new();
    repo.start(&["x"]);
    repo.write("a.txt", "x");
    repo.run(&["attach", "a.txt"]).ok();
    let error = repo.run(&["detach", "--json", "b.txt"]).error(1, "invalid_value");
    assert_eq!(error["details"]["allowed"], json!(["a.txt"]));
}
