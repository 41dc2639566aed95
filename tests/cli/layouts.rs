//! `import --layout` and `export --layout`: the files of other session managers, there and back.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::harness::{TestRepo, for_each_kind, text};

/// One session of each layout, as its program writes it.
const MAESTRO: &str = include_str!("../format/layouts/maestro.metadata.json");
const MONOCO: &str = include_str!("../format/layouts/monoco.json");
const CHORAGEN: &str = include_str!("../format/layouts/choragen.json");

const SAMPLES: [(&str, &str, &str); 3] =
    [("maestro", MAESTRO, "session_id"), ("monoco", MONOCO, "id"), ("choragen", CHORAGEN, "id")];

fn value(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

/// Imports one file, which must succeed; returns what became of it.
fn import(repo: &TestRepo, layout: &str, path: &str) -> Value {
    let answer = repo.run(&["import", "--layout", layout, path, "--json"]).json();
    assert_eq!(answer["failed"], json!([]));
    answer["sessions"][0].clone()
}

fn export(repo: &TestRepo, layout: &str, id: &str) -> Value {
    repo.run(&["export", "--layout", layout, id]).json()
}

#[test]
fn a_sample_of_each_layout_comes_back_key_for_key_in_every_kind_of_repository() {
    for_each_kind(|repo| {
        for (layout, sample, _) in SAMPLES {
            repo.write("in.metadata.json", sample);
            let done = import(repo, layout, "in.metadata.json");
            assert_eq!(done["result"], "created");
            let id = text(&done["id"]);
            assert_eq!(export(repo, layout, id).to_string(), value(sample).to_string(), "{layout}");
            let log = repo.run(&["log", id, "--json"]).json_lines();
            assert_eq!((log.len(), &log[0]["kind"]), (1, &json!("import")));
            // Again: nothing.
            let before = repo.refs();
            assert_eq!(import(repo, layout, "in.metadata.json")["result"], "unchanged");
            assert_eq!(repo.refs(), before);
        }
    });
}

#[test]
fn a_file_that_is_named_needs_no_layout_and_a_mixture_does() {
    let repo = TestRepo::new();
    for (layout, sample, _) in SAMPLES {
        let file = format!("{layout}.json");
        repo.write(&file, sample);
        let answer = repo.run(&["import", &file, "--json"]).ok().json();
        assert_eq!(answer["sessions"][0]["result"], "created", "{layout}");
        assert_eq!(import(&repo, layout, &file)["result"], "unchanged");
    }
    repo.run(&["import", "maestro.json", "monoco.json"]).exits(1);
}

#[test]
fn what_an_imported_session_means_here_is_known() {
    let repo = TestRepo::new();
    for (layout, sample, _) in SAMPLES {
        repo.write(&format!("{layout}.json"), sample);
    }
    let id = import(&repo, "maestro", "maestro.json")["id"].clone();
    assert_eq!(id, "21285640-5215-4cea-9663-b830592aa680");
    let shown = repo.show(text(&id));
    assert_eq!(
        [&shown["lifecycle"], &shown["status"], &shown["class"], &shown["outcome"]],
        ["feature", "completed", "ended", "success"]
    );
    assert_eq!(shown["created_at"], "2026-01-07T13:02:57.187141Z");
    assert_eq!(shown["updated_at"], "2026-01-07T13:02:57.203780Z");
    assert_eq!(shown["ended_at"], "2026-01-07T13:02:57.203647Z");
    assert_eq!(shown["links"]["prd"]["version"], "1.0.0");
    assert_eq!(shown["configuration"]["max_iterations"], 5);

    let id = import(&repo, "monoco", "monoco.json")["id"].clone();
    let shown = repo.show(text(&id));
    assert_eq!(
        [&shown["lifecycle"], &shown["status"], &shown["outcome"], &shown["links"]["issue"]],
        ["worker", "terminated", "success", "FEAT-0142"]
    );
    assert_eq!((&shown["worker"]["pid"], &shown["role"]), (&json!(12561), &json!("Engineer")));
    assert_eq!(shown["branch"], "agent/FEAT-0142/2cb3d59f");

    import(&repo, "choragen", "choragen.json");
    // It answers to the name that it had.
    let shown = repo.show("session-20251208-143052-abc123");
    assert_eq!(shown["tokens"]["total"], 1500);
    assert_eq!(shown["conversation"]["events"], 6);
    let said = repo.run(&["show", "session-20251208-143052-abc123", "--messages", "--json"]).json();
    assert_eq!(said["messages"], value(CHORAGEN)["messages"]);
    let tools = repo.run(&["show", "session-20251208-143052-abc123", "--tools", "--json"]).json();
    assert_eq!(tools["toolCalls"], value(CHORAGEN)["toolCalls"]);
}

#[test]
fn a_changed_file_updates_its_session_and_says_the_new_part_only() {
    let repo = TestRepo::new();
    repo.write("a.json", CHORAGEN);
    let id = text(&import(&repo, "choragen", "a.json")["id"]).to_owned();
    let mut changed = value(CHORAGEN);
    let more = json!({"role": "assistant", "content": "Done."});
    changed["messages"].as_array_mut().expect("a list").push(more);
    changed["status"] = "completed".into();
    changed["outcome"] = "success".into();
    changed["endTime"] = "2025-12-08T15:00:00.000Z".into();
    repo.write("a.json", changed.to_string());
    assert_eq!(import(&repo, "choragen", "a.json")["result"], "updated");
    assert_eq!(export(&repo, "choragen", &id).to_string(), changed.to_string());
    assert_eq!(repo.show(&id)["status"], "terminated");
    assert_eq!(import(&repo, "choragen", "a.json")["result"], "unchanged");
    // A shorter file takes back what it does not say any more.
    repo.write("a.json", CHORAGEN);
    assert_eq!(import(&repo, "choragen", "a.json")["result"], "updated");
    assert_eq!(export(&repo, "choragen", &id).to_string(), value(CHORAGEN).to_string());
    let log = repo.run(&["log", &id, "--json"]).json_lines();
    assert_eq!(log.len(), 3);
}

#[test]
fn what_happens_after_the_import_is_exported_and_the_same_file_does_not_undo_it() {
    let repo = TestRepo::new();
    let mut running = value(MONOCO);
    running["status"] = "running".into();
    running["theirs"] = json!({"kept": null});
    repo.write("a.json", running.to_string());
    let id = text(&import(&repo, "monoco", "a.json")["id"]).to_owned();
    repo.run(&["transition", &id, "suspended"]).ok();
    running["status"] = "suspended".into();
    running["updated_at"] = repo.now().replace(".000000Z", "").into();
    assert_eq!(export(&repo, "monoco", &id), running);
    assert_eq!(import(&repo, "monoco", "a.json")["result"], "unchanged");
    assert_eq!(repo.show(&id)["status"], "suspended");
}

#[test]
fn a_session_of_our_own_is_not_overwritten_by_a_file() {
    let repo = TestRepo::new();
    let made = repo.start(&["x", "--lifecycle", "feature"]);
    let id = text(&made["id"]);
    repo.run(&["export", "--layout", "maestro", "-o", "out/"]).ok();
    let path = format!("out/.flow/maestro/sessions/{id}/metadata.json");
    let file = value(&fs::read_to_string(repo.root.join(&path)).expect("written"));
    assert_eq!(file["git_context"]["repo_root"], "~/repo");
    assert_eq!(import(&repo, "maestro", &path)["result"], "unchanged");
    let mut other = file.clone();
    other["status"] = "failed".into();
    repo.write(&path, other.to_string());
    let answer = repo.run(&["import", "--layout", "maestro", &path, "--json"]).exits(1);
    assert!(answer.stdout.contains("already exists"), "{}", answer.stdout);
    assert_eq!(repo.rev(text(&made["ref"])), text(&made["tip"]));
}

#[test]
fn a_damaged_file_is_told_of_and_the_others_are_imported() {
    let repo = TestRepo::new();
    let good = value(MONOCO);
    let with = |key: &str, new: Value| {
        let mut file = good.clone();
        file[key] = new;
        file.to_string()
    };
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    for (name, contents) in [
        ("0-empty", String::new()),
        ("1-torn", MONOCO[..MONOCO.len() / 2].to_owned()),
        ("2-list", "[]".to_owned()),
        ("3-deep", format!("{{\"id\":{deep}}}")),
        ("4-number-id", with("id", json!(7))),
        ("5-empty-id", with("id", json!(""))),
        ("6-status", with("status", json!("banana"))),
        ("7-time", with("created_at", json!("yesterday"))),
        ("8-pid", with("pid", json!("12"))),
    ] {
        repo.write(&format!("in/{name}.json"), contents);
    }
    repo.write("in/9-binary.json", [0xff, 0xfe, 0, 1]);
    repo.write("in/good.json", MONOCO);
    repo.write("in/note.txt", "no session");
    let answer = repo.run(&["import", "--layout", "monoco", "in", "--json"]).exits(1);
    let summary = value(&answer.stdout);
    assert_eq!(summary["sessions"].as_array().map(Vec::len), Some(1));
    assert_eq!(summary["failed"].as_array().map(Vec::len), Some(10), "{summary}");
    assert_eq!(summary["failed"][0]["path"], "in/0-empty.json");
    assert_eq!(repo.titles(&["--all"]), ["FEAT-0142"]);
    let said = repo.run(&["import", "--layout", "monoco", "in/2-list.json"]).refused();
    assert_eq!(
        said,
        "error: cannot import 'in/2-list.json': invalid value for 'file': is not a JSON object\n"
    );
    repo.run(&["import", "--layout", "monoco", "missing.json"]).exits(1);
    fs::create_dir(repo.root.join("nothing")).expect("a directory");
    let said = repo.run(&["import", "--layout", "monoco", "nothing"]).refused();
    assert!(said.ends_with("'nothing': it holds no session of monoco\n"), "{said}");
}

#[test]
fn an_id_that_is_no_uuid_never_becomes_a_path() {
    let repo = TestRepo::new();
    for id in ["CON", "-x", "~", "a:b"] {
        let mut file = value(MONOCO);
        file["id"] = id.into();
        repo.write("a.json", file.to_string());
        let done = import(&repo, "monoco", "a.json");
        let ours = text(&done["id"]);
        assert_eq!(export(&repo, "monoco", ours)["id"], id);
        let output = repo.run(&["export", "--layout", "monoco", ours, "-o", "out/"]).ok();
        let path = repo.root.join(format!("out/.monoco/sessions/{ours}.json"));
        assert!(path.is_file(), "{id}: {}", output.stderr);
        fs::remove_dir_all(repo.root.join("out")).expect("it was made");
    }
}

#[test]
fn an_id_that_is_a_path_is_refused_and_changes_nothing() {
    let repo = TestRepo::new();
    let before = repo.refs();
    for id in ["..", "../../x", "/etc/x", "a/b", "session-20251208-143052-abc123/..", "a\u{1b}[2Jb"]
    {
        for (layout, sample, key) in SAMPLES {
            let mut file = value(sample);
            file[key] = id.into();
            repo.write("a.json", file.to_string());
            let refused = repo.run(&["import", "--layout", layout, "a.json"]).exits(1);
            assert!(refused.stderr.contains("is no name of a file"), "{}", refused.stderr);
            assert!(!refused.stderr.contains('\u{1b}'), "{}", refused.stderr);
        }
    }
    assert_eq!(repo.refs(), before);
}

#[test]
fn secrets_of_a_file_are_not_kept() {
    let repo = TestRepo::new();
    let secret = format!("ghp_{}", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8");
    let mut file = value(CHORAGEN);
    file["messages"][0]["content"] = format!("use {secret}").into();
    file["note"] = secret.clone().into();
    repo.write("a.json", file.to_string());
    let id = text(&import(&repo, "choragen", "a.json")["id"]).to_owned();
    let out = export(&repo, "choragen", &id).to_string();
    assert!(!out.contains(&secret), "{out}");
    let objects = repo.git(&["cat-file", "--batch-all-objects", "--batch", "--unordered"]);
    assert!(!objects.contains(&secret));
    assert_eq!(import(&repo, "choragen", "a.json")["result"], "unchanged");
}

#[test]
fn a_file_with_many_calls_is_read_in_one_go() {
    let repo = TestRepo::new();
    let mut file = value(CHORAGEN);
    let call = json!({"id": "x", "name": "n", "params": {}});
    let calls: Vec<Value> = (0..2_000).map(|_| call.clone()).collect();
    let told = |n: usize| {
        let at = format!("2025-12-08T14:31:{:02}.000Z", n % 60);
        json!({
            "timestamp": at, "name": if n.is_multiple_of(2) { "n" } else { "m" }, "params": {},
            "result": {"success": true, "data": n}, "governanceResult": {"allowed": true},
        })
    };
    let message = json!({"role": "assistant", "content": "", "toolCalls": calls});
    file["messages"] = (0..10).map(|_| message.clone()).collect();
    file["toolCalls"] = (0..20_000).map(told).collect();
    repo.write("a.json", file.to_string());
    let id = text(&import(&repo, "choragen", "a.json")["id"]).to_owned();
    assert!(export(&repo, "choragen", &id) == file);
}

#[test]
fn checkpoints_beside_a_session_become_events_of_its_conversation() {
    let repo = TestRepo::new();
    let id = "21285640-5215-4cea-9663-b830592aa680";
    let dir = format!(".flow/maestro/sessions/{id}");
    let checkpoint = json!({
        "checkpoint_id": "ea04d8d1-2d06-418f-9439-7527e25de476", "description": "Planned",
        "commit_sha": "b9dc8fd35ba862a6b43a7fb1f681f09eba00b4d7", "phase": "plan",
        "timestamp": "2026-01-07T13:08:21.966516Z", "tags": ["a"], "state_snapshot": null,
    });
    let list = json!({"session_id": id, "checkpoints": [checkpoint], "summary": {}});
    repo.write(&format!("{dir}/checkpoints.json"), list.to_string());
    // Of a session that nobody knows, they are nothing.
    repo.run(&["import", "--layout", "maestro", "."]).refused();
    repo.write(&format!("{dir}/metadata.json"), MAESTRO);
    let summary = repo.run(&["import", "--layout", "maestro", ".", "--json"]).json();
    assert_eq!(super::harness::texts(&summary["sessions"], "result"), ["created", "updated"]);
    let events = repo.run(&["show", id, "--log", "--json"]).json_lines();
    assert_eq!(events.len(), 1);
    let event = &events[0];
    assert_eq!((&event["kind"], &event["name"]), (&json!("checkpoint"), &json!("Planned")));
    assert_eq!((&event["phase"], &event["tags"]), (&json!("plan"), &json!(["a"])));
    assert_eq!(event["ts"], "2026-01-07T13:08:21.966516Z");
    assert_eq!(export(&repo, "maestro", id).to_string(), value(MAESTRO).to_string());
    let summary = repo.run(&["import", "--layout", "maestro", ".", "--json"]).json();
    assert_eq!(super::harness::texts(&summary["sessions"], "result"), ["unchanged", "unchanged"]);
}

/// Returns the real files of a layout, if they are here.
fn real(layout: &str) -> Vec<PathBuf> {
    let Some(data) = std::env::var_os("GIT_SESSION_TEST_DATA") else {
        eprintln!("skipped: GIT_SESSION_TEST_DATA does not say where real files are");
        return Vec::new();
    };
    let dir = Path::new(&data).join("transcripts").join(format!("seed-{layout}"));
    let entries = fs::read_dir(dir).into_iter().flatten().flatten().map(|it| it.path());
    let is_session = |path: &PathBuf| {
        let name = path.to_string_lossy();
        name.ends_with(".json") && !name.ends_with(".checkpoints.json")
    };
    entries.filter(is_session).collect()
}

#[test]
fn real_files_come_back_key_for_key_from_a_directory() {
    for (layout, _, key) in SAMPLES {
        let files = real(layout);
        let Some(dir) = files.first().and_then(|file| file.parent()) else { continue };
        let repo = TestRepo::new();
        let dir = dir.to_string_lossy().into_owned();
        let summary = repo.run(&["import", "--layout", layout, &dir, "--json"]).json();
        assert_eq!(summary["sessions"].as_array().map(Vec::len), Some(files.len()));
        repo.run(&["export", "--all", "--layout", layout, "-o", "out"]).ok();
        let again = repo.run(&["export", "--all", "--layout", layout]).json_lines();
        assert_eq!(again.len(), files.len());
        for file in files {
            let expected = value(&fs::read_to_string(&file).expect("readable"));
            let id = text(&expected[key]);
            let name = match layout {
                "maestro" => format!("out/.flow/maestro/sessions/{id}/metadata.json"),
                _ => format!("out/.{layout}/sessions/{id}.json"),
            };
            let written = fs::read_to_string(repo.root.join(name)).expect("written");
            assert_eq!(value(&written).to_string(), expected.to_string(), "{}", file.display());
        }
        // What was exported is what was imported, also in another clone.
        let other = TestRepo::new();
        let out = repo.root.join("out").to_string_lossy().into_owned();
        let summary = other.run(&["import", "--layout", layout, &out, "--json"]).json();
        assert_eq!(summary["failed"], json!([]));
    }
}
