//! Damaged sessions: none hides the good one, none makes us panic, none is written on top of.

use std::fs;
use std::time::Duration;

use serde_json::json;

use super::harness::{ID, OTHER_ID, TestRepo, for_each_kind, text, texts};

/// Runs every command that reads, and checks that nothing of the repository changed.
fn read_all(repo: &TestRepo, session: &str) {
    let before = repo.listing();
    for args in [
        &["list"][..],
        &["list", "--all", "--json"],
        &["list", "--all", "--porcelain"],
        &["list", "--label", "x"],
        &["status"],
        &["status", "--json"],
        &["show", session],
        &["show", "--json", session],
        &["show", "--yaml", session],
        &["show", "--at", "yesterday", session],
        &["log", session],
        &["log", "--json", session],
        &["log", "-p", session],
        &["resume", "--check", session],
        &["delete", "-n", session],
    ] {
        let output = repo.run(args);
        assert!(matches!(output.status, 0 | 1 | 128 | 129), "{args:?}: {}", output.status);
    }
    let after = repo.listing();
    for (path, line) in &before {
        assert_eq!(after.get(path), Some(line), "{}", path.display());
    }
    assert_eq!(after.len(), before.len(), "a reader made a file");
}

/// Checks that a damaged session is refused by every writer, which leaves its ref where it was, and
/// that the good one is not hidden.
fn check_refused(repo: &TestRepo, session: &str, good: &str) {
    let refs = repo.refs();
    for args in [
        &["show", "--json", session][..],
        &["to", "--json", session, "running"],
        &["to", "--json", "--force", session, "running"],
        &["update", "--json", "--title=y", session],
        &["suspend", "--json", session],
        &["finish", "--json", session],
        &["create", "--json", "--id", session, "x"],
    ] {
        let output = repo.run(args);
        assert!(matches!(output.status, 1 | 128), "{args:?}: {} {}", output.status, output.stderr);
        assert_eq!(output.stdout, "", "{args:?}");
    }
    assert_eq!(repo.refs(), refs, "nothing was written on top");
    let listing = repo.run(&["list", "--json"]).json();
    assert_eq!(texts(&listing["sessions"], "id"), [good]);
    assert_eq!(texts(&listing["corrupt"], "id"), [session]);
    assert!(!text(&listing["corrupt"][0]["reason"]).contains('\n'));
    let output = repo.run(&["list"]).ok();
    assert!(output.stderr.contains("1 unreadable"), "{}", output.stderr);
}

#[test]
fn reading_a_good_session_changes_no_file() {
    for_each_kind(|repo| {
        let made = repo.start(&["x"]);
        repo.run(&["update", "--label", "y"]).ok();
        read_all(repo, text(&made["id"]));
        repo.git(&["gc", "-q"]);
        read_all(repo, text(&made["id"]));
    });
}

/// A record that is right, of the session `ID`.
fn record(repo: &TestRepo) -> String {
    let made = repo.create(&["--id", ID, "planted"]);
    let yaml = repo.run(&["show", "--yaml", ID]).ok().stdout;
    repo.git(&["update-ref", "-d", text(&made["ref"])]);
    yaml
}

#[test]
fn a_damaged_record_is_unreadable_and_hides_nothing() {
    let repo = TestRepo::new();
    let good = repo.start(&["good"]);
    let right = record(&repo);
    let replaced = |old: &str, new: &str| {
        assert!(right.contains(old), "{old}");
        right.replacen(old, new, 1).into_bytes()
    };
    let bomb = (1..10).fold("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned(), |text, n| {
        let last = format!("*a{}", n - 1);
        format!("{text}a{n}: &a{n} [{}]\n", [&*last; 10].join(","))
    });
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("empty", vec![]),
        ("not UTF-8", b"\xff\xfe\x00".to_vec()),
        ("a list", b"- a\n- b\n".to_vec()),
        ("a word", b"null\n".to_vec()),
        ("no YAML", b"version: 1\nid: [\n".to_vec()),
        ("two documents", format!("{right}---\n{right}").into_bytes()),
        ("a duplicate key", format!("{right}status: running\n").into_bytes()),
        ("no id", replaced(&format!("id: {ID}\n"), "")),
        ("another id", replaced(ID, OTHER_ID)),
        ("an id that climbs", replaced(ID, "../../../heads/main")),
        ("no status", replaced("status: pending\n", "")),
        ("an unknown status", replaced("status: pending", "status: flying")),
        ("a status that is a number", replaced("status: pending", "status: 5")),
        ("no version", replaced("version: 1\n", "")),
        ("version 0", replaced("version: 1\n", "version: 0\n")),
        ("version 2", replaced("version: 1\n", "version: 2\n")),
        ("version text", replaced("version: 1\n", "version: one\n")),
        ("seq 0", replaced("seq: 1\n", "seq: 0\n")),
        ("seq negative", replaced("seq: 1\n", "seq: -1\n")),
        ("seq huge", replaced("seq: 1\n", "seq: 18446744073709551616\n")),
        ("year 10000", replaced("created_at: \"2026", "created_at: \"+12026")),
        ("naive time", replaced("00Z\"\nupdated", "00\"\nupdated").clone()),
        ("30 February", replaced("created_at: \"2026-01-07", "created_at: \"2026-02-30")),
        ("1960", replaced("created_at: \"2026", "created_at: \"1960")),
        ("a title of two lines", replaced("title: planted", "title: \"a\\nb\"")),
        ("a control character", replaced("title: planted", "title: \"\\e[31m\"")),
        ("another lifecycle", replaced("lifecycle: worker", "lifecycle: feature")),
        ("a branch that climbs", replaced("branch: main", "branch: ../main")),
        ("statistics that are a list", replaced("statistics:", "statistics: []\nmore:")),
        ("alias bomb", format!("{right}{bomb}").into_bytes()),
        ("bomb alone", bomb.into_bytes()),
        ("deep flow", format!("{right}x: {}", "[".repeat(20_000)).into_bytes()),
        (
            "deep block",
            (0..2000).map(|n| format!("{}a:\n", " ".repeat(n))).collect::<String>().into_bytes(),
        ),
        ("too large", format!("{right}x: {}\n", "x".repeat(70_000)).into_bytes()),
        ("a merge key", format!("x: &x {{status: running}}\n<<: *x\n{right}").into_bytes()),
        ("nul", replaced("title: planted", "title: \"a\\0b\"")),
        ("nan", replaced("total_tasks: 0", "total_tasks: .nan")),
    ];
    for (what, bytes) in cases {
        eprintln!("{what}");
        repo.plant(ID, &bytes);
        let error = repo.run(&["show", "--json", ID]);
        assert_eq!(error.status, 1, "{what}: {}", error.stdout);
        check_refused(&repo, ID, text(&good["id"]));
    }
    read_all(&repo, ID);
    assert_eq!(repo.run(&["delete", "--json", ID]).json()["deleted"], ID);
}

#[test]
fn a_session_of_a_newer_program_is_not_overwritten() {
    for_each_kind(|repo| {
        let good = repo.start(&["good"]);
        let newer = record(repo).replace("version: 1\n", "version: 2\n");
        repo.plant(ID, newer.as_bytes());
        repo.run(&["to", "--json", ID, "running"]).error(1, "unsupported");
        repo.run(&["delete", "--json", ID]).error(1, "unsupported");
        check_refused(repo, ID, text(&good["id"]));
    });
}

#[test]
fn keys_that_are_not_known_survive_every_change() {
    for_each_kind(|repo| {
        let more = format!("{}colour: red\nnested:\n  a:\n    - 1\n    - b: c\n", record(repo));
        repo.plant(ID, more.as_bytes());
        repo.run(&["to", ID, "running"]).ok();
        repo.run(&["update", ID, "--title", "y", "--set=links.a=b"]).ok();
        let yaml = repo.run(&["show", "--yaml", ID]).ok().stdout;
        assert!(yaml.contains("\ncolour: red\n"), "{yaml}");
        assert!(yaml.contains("nested:\n  a:\n    - 1\n    - b: c\n"), "{yaml}");
    });
}

#[test]
fn a_ref_that_names_no_commit_is_a_fault() {
    for_each_kind(|repo| {
        let good = repo.start(&["good"]);
        let blob = repo.git_feed(&["hash-object", "-w", "--stdin"], b"text");
        let tree = repo.git(&["rev-parse", "HEAD^{tree}"]);
        let message = "object HEAD\ntype commit\ntag t\ntagger a <a@b> 1 +0000\n\nx\n";
        let tag = message.replace("HEAD", &repo.rev("HEAD"));
        let tag = repo.git_feed(&["mktag"], tag.as_bytes());
        for oid in [&blob, &tree, &tag, &repo.rev("HEAD")] {
            repo.git(&["update-ref", &format!("refs/sessions/{ID}"), oid]);
            check_refused(repo, ID, text(&good["id"]));
            repo.git(&["update-ref", "-d", &format!("refs/sessions/{ID}")]);
        }
    });
}

#[test]
fn a_symbolic_session_ref_never_moves_what_it_points_to() {
    for_each_kind(|repo| {
        let good = repo.start(&["good"]);
        let main = repo.rev("refs/heads/main");
        for target in ["refs/heads/main", text(&good["ref"]), "refs/heads/nothing"] {
            let name = format!("refs/sessions/{ID}");
            repo.git(&["symbolic-ref", &name, target]);
            let tip = repo.rev(text(&good["ref"]));
            for args in [
                &["to", "--json", ID, "suspended"][..],
                &["update", "--json", ID, "--title=x"],
                &["create", "--json", "--id", ID, "good"],
                &["start", "--json", "--id", ID, "good"],
                &["delete", "--json", "--force", ID],
            ] {
                let output = repo.run(args);
                assert_eq!(repo.rev("refs/heads/main"), main, "{args:?}");
                assert_eq!(repo.rev(text(&good["ref"])), tip, "{args:?}");
                assert_eq!(repo.rev("refs/heads/nothing"), "", "{args:?}");
                // Where git reads the refs it does not tell of a symbolic ref to nothing, and
                // whoever creates a session replaces it; what counts is above.
                let is_excused = args[0] == "delete" || target.ends_with("nothing");
                assert!(output.status != 0 || is_excused, "{target} {args:?}: {}", output.stdout);
            }
            let listing = repo.run(&["list", "--json"]).json();
            assert_eq!(texts(&listing["sessions"], "title"), ["good"]);
            let mut git = repo.git_command(&["symbolic-ref", "-d", &name]);
            let _ = git.stderr(std::process::Stdio::null()).status();
        }
    });
}

#[test]
fn a_cycle_of_symbolic_refs_ends() {
    let repo = TestRepo::new();
    repo.start(&["good"]);
    for (name, target) in [(ID, OTHER_ID), (OTHER_ID, ID)] {
        let path = repo.git_dir.join("refs/sessions").join(name);
        fs::write(path, format!("ref: refs/sessions/{target}\n")).expect("a file");
    }
    repo.damaged();
    let listing = repo.run(&["list", "--json"]).json();
    assert_eq!(texts(&listing["sessions"], "title"), ["good"]);
    assert_eq!(listing["corrupt"].as_array().map(Vec::len), Some(2));
    assert_ne!(repo.run(&["to", ID, "running"]).status, 0);
    read_all(&repo, ID);
}

#[test]
fn broken_files_below_refs_sessions_hide_nothing() {
    let repo = TestRepo::new();
    let good = repo.start(&["good"]);
    repo.damaged();
    let dir = repo.git_dir.join("refs/sessions");
    for (name, contents) in [
        (ID, &b""[..]),
        (OTHER_ID, b"not an object id\n"),
        ("0199f0c2-1c4d-7abc-8def-0123456789a0", b"\0\0\0\0"),
        ("0199f0c2-1c4d-7abc-8def-0123456789a1", &[b'0'; 40]),
        ("0199f0c2-1c4d-7abc-8def-0123456789a2", &[b'1'; 40]),
        ("0199f0c2-1c4d-7abc-8def-0123456789a3.lock", b""),
        ("not-a-session", b"x"),
        ("UPPER", &[b'2'; 40]),
    ] {
        fs::write(dir.join(name), contents).expect("a file");
    }
    fs::create_dir_all(dir.join("deep/er")).expect("a directory");
    fs::write(dir.join("deep/er/ref"), [b'3'; 40]).expect("a file");
    fs::create_dir(dir.join("0199f0c2-1c4d-7abc-8def-0123456789a4")).expect("a directory");
    let listing = repo.run(&["list", "--json", "--all"]).json();
    assert_eq!(texts(&listing["sessions"], "title"), ["good"]);
    let corrupt = texts(&listing["corrupt"], "id");
    for id in [ID, OTHER_ID, "0199f0c2-1c4d-7abc-8def-0123456789a2", "not-a-session"] {
        assert!(corrupt.iter().any(|it| it == id), "{id}: {corrupt:?}");
    }
    for id in [ID, OTHER_ID, "0199f0c2-1c4d-7abc-8def-0123456789a2"] {
        for args in [&["show", id][..], &["to", id, "running"], &["log", id]] {
            assert!(matches!(repo.run(args).status, 1 | 128), "{args:?}");
        }
        assert!(dir.join(id).exists());
    }
    repo.run(&["suspend", text(&good["id"])]).ok();
    repo.start(&["another"]);
    read_all(&repo, text(&good["id"]));
}

#[test]
fn names_below_refs_sessions_that_are_no_ids_are_faults() {
    for_each_kind(|repo| {
        repo.start(&["good"]);
        let head = repo.rev("HEAD");
        for name in ["x", "a/b", "实现", "UPPER", &ID.to_uppercase(), &ID.replace('-', "")] {
            repo.git(&["update-ref", &format!("refs/sessions/{name}"), &head]);
        }
        let listing = repo.run(&["list", "--json"]).json();
        assert_eq!(texts(&listing["sessions"], "title"), ["good"]);
        assert_eq!(listing["corrupt"].as_array().map(Vec::len), Some(6));
        let refs = repo.refs();
        repo.run(&["delete", "--json", "-f", "x"]).error(1, "not_found");
        assert_eq!(repo.refs(), refs);
    });
}

#[test]
fn garbage_in_packed_refs_is_told() {
    let repo = TestRepo::new();
    repo.start(&["good"]);
    repo.damaged();
    let path = repo.git_dir.join("packed-refs");
    for garbage in ["garbage\n", "# pack-refs with: peeled\nzzzz refs/sessions/x\n", "\0\0\0"] {
        fs::write(&path, garbage).expect("a file");
        for args in [&["list", "--json"][..], &["show", "--json", ID], &["start", "--json", "x"]] {
            let output = repo.run(args);
            assert!(matches!(output.status, 0 | 1 | 128), "{garbage:?}: {}", output.status);
        }
        assert_eq!(fs::read_to_string(&path).expect("a file"), garbage, "it is not ours to repair");
    }
}

#[test]
fn a_missing_object_is_called_missing() {
    for kind in super::harness::kinds() {
        let repo = TestRepo::of(*kind);
        let good = repo.start(&["good"]);
        for what in ["session.yaml", "lifecycle.yaml", "", "^{tree}"] {
            // Written by git, objects are loose.
            repo.plant(ID, format!("not: right # {what}\n").as_bytes());
            let name = format!("refs/sessions/{ID}");
            let spec = match what {
                "" => name.clone(),
                "^{tree}" => format!("{name}^{{tree}}"),
                file => format!("{name}:{file}"),
            };
            let oid = repo.rev(&spec);
            let path = repo.git_dir.join("objects").join(&oid[..2]).join(&oid[2..]);
            repo.damaged();
            if fs::remove_file(&path).is_err() {
                // The lifecycle is shared with the good session, in a pack.
                continue;
            }
            let error = repo.run(&["show", "--json", ID]).error(1, "corrupt");
            assert!(text(&error["message"]).contains("missing"), "{what}: {error}");
            check_refused(&repo, ID, text(&good["id"]));
            repo.git(&["update-ref", "-d", &name]);
        }
    }
}

#[test]
fn a_damaged_object_file_is_told() {
    let repo = TestRepo::new();
    let good = repo.start(&["good"]);
    let right = record(&repo);
    repo.damaged();
    for garbage in [&b""[..], b"garbage", &[0; 100]] {
        repo.plant(ID, format!("{right}# {}\n", garbage.len()).as_bytes());
        let oid = repo.rev(&format!("refs/sessions/{ID}:session.yaml"));
        let path = repo.git_dir.join("objects").join(&oid[..2]).join(&oid[2..]);
        fs::remove_file(&path).expect("a file");
        fs::write(&path, garbage).expect("a file");
        repo.run(&["show", "--json", ID]).error(1, "corrupt");
        check_refused(&repo, ID, text(&good["id"]));
    }
}

#[test]
fn trees_with_more_than_belongs_in_a_session_are_refused() {
    let repo = TestRepo::new();
    let good = repo.start(&["good"]);
    let right = record(&repo);
    let blob = repo.git_feed(&["hash-object", "-w", "--stdin"], right.as_bytes());
    let lifecycle = repo.rev(&format!("{}:lifecycle.yaml", text(&good["ref"])));
    let head = repo.rev("HEAD");
    repo.damaged();
    let base = format!("100644 blob {lifecycle}\tlifecycle.yaml\n");
    let record = format!("100644 blob {blob}\tsession.yaml\n");
    for tree in [
        base.clone(),
        record.clone(),
        String::new(),
        format!("{base}{record}100644 blob {blob}\textra\n"),
        format!("{base}{record}160000 commit {head}\tmodule\n"),
        format!("{base}120000 blob {blob}\tsession.yaml\n"),
        format!("{base}160000 commit {head}\tsession.yaml\n"),
        format!("{base}100644 blob {blob}\tSESSION.YAML\n"),
    ] {
        let tree = repo.git_feed(&["mktree", "--missing"], tree.as_bytes());
        let commit = repo.git(&["commit-tree", "-m", "planted", &tree]);
        repo.git(&["update-ref", &format!("refs/sessions/{ID}"), &commit]);
        check_refused(&repo, ID, text(&good["id"]));
    }
}

#[test]
fn the_record_is_believed_and_not_the_message() {
    for_each_kind(|repo| {
        let made = repo.start(&["x"]);
        let name = text(&made["ref"]);
        let message = repo.git(&["log", "-1", "--format=%B", name]);
        let forged = message.replace("Session-Status: running", "Session-Status: terminated");
        let tree = format!("{name}^{{tree}}");
        let commit = repo.git(&["commit-tree", "-p", name, "-m", &forged, &tree]);
        repo.git(&["update-ref", name, &commit]);
        assert_eq!(repo.show("@")["status"], "running");
        assert_eq!(repo.run(&["suspend", "--json"]).json()["status"], "suspended");
    });
}

#[test]
fn hostile_bytes_take_bounded_time() {
    let repo = TestRepo::new();
    repo.start(&["good"]);
    let started = std::time::Instant::now();
    let name = format!("refs/sessions/{ID}");
    for bytes in [vec![b'['; 60_000], vec![b'{'; 60_000], vec![b'-'; 60_000], vec![b'*'; 60_000], {
        (0..6000).map(|n| format!("&a{n} ")).collect::<String>().into_bytes()
    }] {
        repo.plant(ID, &bytes);
        repo.run(&["show", "--json", ID]).exits(1);
        repo.run(&["list", "--json", "--label=x"]).ok();
    }
    repo.git(&["update-ref", "-d", &name]);
    // Far above what it takes, far below what an unbounded reader takes.
    assert!(started.elapsed() < Duration::from_secs(60));
}

#[test]
fn a_replaced_commit_is_not_believed() {
    for_each_kind(|repo| {
        let made = repo.start(&["real"]);
        let other = repo.start(&["forged"]);
        let (real, forged) = (text(&made["tip"]), text(&other["tip"]));
        repo.git(&["replace", real, forged]);
        assert_eq!(repo.show(text(&made["id"]))["title"], "real");
        assert_eq!(repo.titles(&[]), ["forged", "real"]);
        repo.run(&["suspend", text(&made["id"])]).ok();
        assert_eq!(repo.show(text(&made["id"]))["title"], json!("real"));
        repo.git(&["replace", "-d", real]);
    });
}
