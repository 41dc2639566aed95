//! `archive`.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::harness::{ID, Output, TestRepo, for_each_kind, text, texts};

const ARCHIVE: &str = "refs/sessions-archive/v1";

/// Makes ended sessions with these titles, and an open one that is current; returns the ids of the ended ones.
fn ended(repo: &TestRepo, titles: &[&str]) -> Vec<String> {
    let mut ids = Vec::new();
    for title in titles {
        let made = repo.start(&[title, "--label", "bulk"]);
        repo.feed(&["record"], r#"{"kind":"message","role":"user","content":"About the walrus"}"#)
            .ok();
        repo.write("kept.txt", title.as_bytes());
        repo.run(&["attach", "kept.txt"]).ok();
        repo.run(&["finish", "-m", "well done"]).ok();
        ids.push(text(&made["id"]).to_owned());
    }
    // Two more, so that none of the others is the current one or the one before.
    for _ in 0..2 {
        repo.start(&["open"]);
    }
    ids
}

/// Returns the names of the sessions' refs.
fn session_refs(repo: &TestRepo) -> Vec<String> {
    let names = repo.git(&["for-each-ref", "--format=%(refname)", "refs/sessions"]);
    names.lines().map(str::to_owned).collect()
}

fn archive(repo: &TestRepo, args: &[&str]) -> Value {
    repo.run(&[&["archive", "--json"], args].concat()).json()
}

/// Returns an answer as it is when these sessions stand in the archive alone: that is the ref by which they are read.
fn read_from_archive(answer: &str, ids: &[String]) -> String {
    let own = |id: &String| format!("\"refs/sessions/{id}\"");
    ids.iter().fold(answer.to_owned(), |it, id| it.replace(&own(id), &format!("\"{ARCHIVE}\"")))
}

/// Returns what a list of all sessions answers.
fn list_all(repo: &TestRepo) -> String {
    repo.run(&["list", "--all", "--json"]).ok().stdout
}

/// Returns what reading commands answer about a session, and about all.
fn answers(repo: &TestRepo, id: &str) -> Vec<String> {
    let handle = text(&repo.show(id)["handle"]).to_owned();
    let all: [&[&str]; 15] = [
        &["list", "--all", "--json"],
        &["list", "--all", "--porcelain"],
        &["list", "--all", "--label", "bulk", "--grep", "two", "--json"],
        &["show", "--json", id],
        &["show", "--json", &handle],
        &["show", "--json", &handle[..4]],
        &["show", "--json", "--messages", id],
        &["log", "--json", id],
        &["log", "-p", id],
        &["grep", "walrus", "--json"],
        &["stats", "--json"],
        &["summary", id],
        &["export", "--all"],
        &["doctor", "--json"],
        &["check", "--json", id],
    ];
    let answer = |args: &&[&str]| {
        let it = repo.cmd(args).env("GIT_SESSION_TEST_NOW", "2026-02-01T00:00:00Z").run();
        assert_eq!(it.status, 0, "{args:?}: {}", it.stderr);
        format!("{args:?}\n{}", it.stdout)
    };
    all.iter().map(answer).collect()
}

#[test]
fn an_archived_session_has_no_ref_and_every_command_answers_as_before() {
    for_each_kind(|repo| {
        let ids = ended(repo, &["one", "two", "three"]);
        let open = session_refs(repo).len() - 3;
        let before = answers(repo, &ids[1]);
        let answer = archive(repo, &[]);
        assert_eq!(answer, json!({ "archived": ids, "kept": [], "corrupt": [] }));
        assert_eq!(session_refs(repo).len(), open);
        assert_ne!(repo.rev(ARCHIVE), "");
        for (before, after) in before.iter().zip(answers(repo, &ids[1])) {
            assert_eq!(read_from_archive(before, &ids), after);
        }
        assert_eq!(archive(repo, &[])["archived"], json!([]));
    });
}

#[test]
fn the_ref_of_an_archived_session_is_the_archive_and_has_its_newest_commit() {
    for_each_kind(|repo| {
        let ids = ended(repo, &["one", "two", "three"]);
        let own = |id: &String| format!("refs/sessions/{id}");
        let formats = ["%(id) %(ref) %(tip)", "%(id) %(ref) %(tip)%(agent)"];
        let ways = |n: &str| -> Vec<String> {
            let listed = |args: &[&str]| repo.run(&[&["list", "-a", "-n", n], args].concat());
            let mut all: Vec<String> =
                formats.iter().map(|it| listed(&["--format", it]).ok().stdout).collect();
            for fields in ["--json", "--json=id,ref,tip", "--json=id,ref,tip,git"] {
                let line = |it: &Value| {
                    let [id, name, tip] = ["id", "ref", "tip"].map(|key| text(&it[key]));
                    format!("{id} {name} {tip}\n")
                };
                let answer = listed(&[fields]).json();
                all.push(answer["sessions"].as_array().into_iter().flatten().map(line).collect());
            }
            all
        };
        let expect = |name: &dyn Fn(&String) -> String| {
            for id in &ids {
                let tip = text(&repo.show(id)["tip"]).to_owned();
                let line = format!("{id} {} {tip}\n", name(id));
                for answer in ways("0") {
                    assert!(answer.contains(&line), "{answer}{line}");
                }
                assert_eq!(repo.run(&["show", "--format", formats[0], id]).ok().stdout, line);
                assert_eq!(repo.show(id)["ref"], name(id));
                let page = repo.run(&["show", id]).ok().stdout;
                assert!(page.contains(&format!("{} ({}", name(id), &tip[..7])), "{page}");
                repo.git(&["merge-base", "--is-ancestor", &tip, &name(id)]);
            }
            // Who asks for one session gets the same as who asks for all.
            assert!(ways("0").iter().zip(ways("1")).all(|(all, one)| all.starts_with(&one)));
        };
        expect(&own);
        archive(repo, &[&ids[0], &ids[1]]);
        expect(&|id| if *id == ids[2] { own(id) } else { ARCHIVE.to_owned() });
        // What asks for no change is answered from the archive, a change from the new ref.
        let same = repo.run(&["update", "--json", &ids[0], "--set", "title=one"]).json();
        assert_eq!(same["ref"], ARCHIVE);
        let changed = repo.run(&["update", "--json", &ids[0], "--set", "title=Again"]).json();
        assert_eq!(changed["ref"], own(&ids[0]));
        expect(&|id| if *id == ids[1] { ARCHIVE.to_owned() } else { own(id) });
    });
}

#[test]
fn an_archive_is_found_from_every_work_tree_and_in_a_bare_repository() {
    let repo = TestRepo::new();
    let ids = ended(&repo, &["one"]);
    let linked = repo.worktree("linked");
    repo.cmd(&["archive"]).dir(&linked).run().ok();
    assert_eq!(repo.cmd(&["show", "--json", &ids[0]]).dir(&linked).run().json()["title"], "one");
    let bare = repo.home.path().join("bare.git");
    let bare = bare.to_string_lossy();
    repo.git(&["clone", "-q", "--bare", "--mirror", ".", &bare]);
    let from_bare = |args: &[&str]| repo.cmd(args).dir(&*bare).run();
    assert_eq!(from_bare(&["show", "--json", &ids[0]]).json()["title"], "one");
    let all = from_bare(&["list", "--all", "--json"]).json();
    assert_eq!(texts(&all["sessions"], "title"), repo.titles(&["--all"]));
}

#[test]
fn what_has_not_ended_is_refused_and_changes_nothing() {
    let repo = TestRepo::new();
    let ids = ended(&repo, &["one"]);
    let open = repo.create(&["still open"]);
    let before = repo.refs();
    repo.run(&["archive", "--json", &ids[0], text(&open["id"])]).error(1, "invalid_value");
    repo.run(&["archive", "--json", &ids[0], "nothing"]).error(1, "not_found");
    repo.run(&["archive", "--json", "--older-than=nonsense"]).error(129, "invalid_value");
    repo.run(&["archive", "--older-than=1d", &ids[0]]).exits(129);
    assert_eq!(repo.refs(), before);
}

#[test]
fn a_dry_run_and_an_age_say_what_would_go() {
    let repo = TestRepo::new();
    let mut ids = ended(&repo, &["old"]);
    repo.wait(3 * 24 * 3600);
    ids.extend(ended(&repo, &["young"]));
    let before = repo.refs();
    let told = repo.run(&["archive", "-n", "--older-than=2d"]).ok().stdout;
    assert!(told.starts_with("Would archive session ") && told.ends_with(" old\n"), "{told}");
    assert_eq!(archive(&repo, &["-n"])["would_archive"], json!(ids));
    assert_eq!(repo.refs(), before);
    assert_eq!(archive(&repo, &["--older-than=2d"])["archived"], json!([ids[0]]));
    assert_eq!(archive(&repo, &[&ids[1]])["archived"], json!([ids[1]]));
}

#[test]
fn what_a_work_tree_points_at_keeps_its_ref() {
    let repo = TestRepo::new();
    let ids = ended(&repo, &["one"]);
    let linked = repo.worktree("linked");
    let there = repo.cmd(&["start", "there", "--json"]).dir(&linked).run().json();
    repo.cmd(&["finish"]).dir(&linked).run().ok();
    let answer = archive(&repo, &[]);
    assert_eq!(answer["archived"], json!([ids[0]]));
    assert_eq!(answer["kept"], json!([{ "id": there["id"], "reason": "current" }]));
}

#[test]
fn a_change_to_an_archived_session_brings_its_ref_back() {
    for_each_kind(|repo| {
        let ids = ended(repo, &["one", "two"]);
        archive(repo, &[]);
        let tip = text(&repo.show(&ids[0])["tip"]).to_owned();
        let changed = repo.run(&["update", "--json", &ids[0], "--set", "title=Again"]).json();
        assert_eq!(changed["title"], "Again");
        let name = format!("refs/sessions/{}", ids[0]);
        assert_eq!(repo.rev(&format!("{name}~1")), tip);
        let forced = ["transition", &ids[0], "running", "--force", "--json"];
        assert_eq!(repo.run(&forced).json()["status"], "running");
        assert_eq!(repo.titles(&["--all"]).len(), 4);
        assert!(repo.titles(&[]).contains(&"Again".to_owned()));
        assert_eq!(archive(repo, &[])["archived"], json!([]), "it is open again");
        repo.run(&["finish", &ids[0]]).ok();
        let sessions = list_all(repo);
        assert_eq!(archive(repo, &[&ids[0]])["archived"], json!([ids[0]]));
        assert_eq!(repo.rev(&name), "");
        assert_eq!(list_all(repo), read_from_archive(&sessions, &ids));
    });
}

#[test]
fn an_archived_session_cannot_be_made_again() {
    let repo = TestRepo::new();
    let id = text(&repo.start(&["first", "--id", ID])["id"]).to_owned();
    repo.run(&["finish"]).ok();
    ended(&repo, &[]);
    archive(&repo, &[&id]);
    repo.run(&["create", "--json", "another", "--id", ID]).error(1, "already_exists");
    assert_eq!(repo.show(ID)["title"], "first");
}

#[test]
fn a_deleted_session_does_not_come_back_from_the_archive() {
    for_each_kind(|repo| {
        let ids = ended(repo, &["one", "two"]);
        archive(repo, &[]);
        repo.run(&["update", &ids[1], "--set", "title=Again"]).ok();
        for id in &ids {
            assert_eq!(repo.run(&["delete", "--json", id]).json()["deleted"], *id);
            repo.run(&["show", "--json", id]).error(1, "not_found");
            repo.run(&["delete", "--json", id]).error(1, "not_found");
        }
        assert_eq!(repo.titles(&["--all"]), ["open", "open"]);
        archive(repo, &[]);
        assert_eq!(repo.titles(&["--all"]), ["open", "open"]);
    });
}

#[test]
fn after_a_crash_between_fold_and_removal_a_session_is_shown_once_and_goes_the_next_time() {
    for_each_kind(|repo| {
        let ids = ended(repo, &["one", "two"]);
        let tips: Vec<String> =
            ids.iter().map(|id| text(&repo.show(id)["tip"]).to_owned()).collect();
        let sessions = list_all(repo);
        archive(repo, &[]);
        let folded = repo.rev(ARCHIVE);
        for (id, tip) in ids.iter().zip(&tips) {
            repo.git(&["update-ref", &format!("refs/sessions/{id}"), tip]);
        }
        assert_eq!(list_all(repo), sessions);
        assert_eq!(archive(repo, &[])["archived"], json!(ids));
        assert_eq!(repo.rev(ARCHIVE), folded, "the archive has them already");
        assert_eq!(session_refs(repo).len(), 2);
        assert_eq!(list_all(repo), read_from_archive(&sessions, &ids));
    });
}

#[test]
fn refs_that_git_has_packed_at_an_older_event_go_whole() {
    let repo = TestRepo::new();
    let ids = ended(&repo, &["one", "two"]);
    repo.git(&["pack-refs", "--all"]);
    repo.run(&["update", &ids[0], "--set", "title=Newer"]).ok();
    let sessions = list_all(&repo);
    archive(&repo, &[]);
    assert_eq!(session_refs(&repo).len(), 2);
    assert_eq!(repo.show(&ids[0])["title"], "Newer");
    repo.git(&["pack-refs", "--all"]);
    repo.git(&["gc", "-q", "--prune=now"]);
    assert_eq!(list_all(&repo), read_from_archive(&sessions, &ids));
    let logs = repo.git_dir.join("logs/refs/sessions");
    assert_eq!(fs::read_dir(logs).map_or(0, Iterator::count), 2, "those of the open ones");
}

#[test]
fn a_damaged_session_keeps_its_ref_and_is_told() {
    let repo = TestRepo::new();
    let ids = ended(&repo, &["one"]);
    repo.plant(ID, b"nonsense");
    let answer = repo.run(&["archive", "--json"]);
    assert_eq!(answer.status, 1);
    let answer: Value = serde_json::from_str(&answer.stdout).expect("JSON");
    assert_eq!(answer["archived"], json!([ids[0]]));
    assert_eq!(answer["corrupt"][0]["id"], ID);
    assert_ne!(repo.rev(&format!("refs/sessions/{ID}")), "");
}

#[test]
fn a_damaged_archive_hides_no_session_with_a_ref_and_is_told() {
    let repo = TestRepo::new();
    let ids = ended(&repo, &["one"]);
    archive(&repo, &[]);
    let good = repo.rev(ARCHIVE);
    let is_told = |output: &Output| {
        let listing: Value = serde_json::from_str(&output.stdout).expect("JSON");
        assert_eq!(texts(&listing["sessions"], "title"), ["open", "open"]);
        assert_eq!(listing["corrupt"][0]["id"], "archive", "{listing}");
    };
    // No archive at all, and one whose table is nonsense.
    let blob = repo.git_feed(&["hash-object", "-w", "--stdin"], b"nonsense\n\xff\n");
    plant_table(&repo, &blob);
    for bad in [repo.rev(ARCHIVE), blob] {
        repo.git(&["update-ref", ARCHIVE, &bad]);
        is_told(&repo.run(&["list", "--all", "--json"]));
        let doctor = repo.run(&["doctor"]);
        assert_eq!(doctor.status, 1);
        assert!(doctor.stdout.contains("the archive is damaged"), "{}", doctor.stdout);
    }
    repo.git(&["update-ref", ARCHIVE, &good]);
    assert_eq!(repo.show(&ids[0])["title"], "one");
}

/// Makes a commit whose archive's table has one file, for the ids that begin with 0, and lets the archive be that.
fn plant_table(repo: &TestRepo, blob: &str) {
    let file = format!("100644 blob {blob}\t0.tsv\n");
    let index = repo.git_feed(&["mktree", "--missing"], file.as_bytes());
    let top = repo.git_feed(&["mktree"], format!("040000 tree {index}\tindex\n").as_bytes());
    repo.git(&["update-ref", ARCHIVE, &repo.git(&["commit-tree", "-m", "planted", &top])]);
}

#[test]
fn with_a_damaged_archive_a_name_that_means_nothing_is_not_found_and_the_damage_is_told() {
    for_each_kind(|repo| {
        repo.damaged();
        let ids = ended(repo, &["one"]);
        let live = repo.start(&["live", "--name", "alive"]);
        archive(repo, &[]);
        let names = [ID, &ID[..20], "zzzzzzzz", "nobody"];
        let asked = |args: &[&str], name: &str| repo.run(&[args, &[name]].concat());
        let plain = names.map(|name| asked(&["show", "--json"], name));
        assert!(plain.iter().all(|it| it.stderr.starts_with("error: ")), "{}", plain[0].stderr);
        assert_eq!(asked(&["show", "--json"], &ids[0]).json()["title"], "one");
        let hash = |text: &[u8]| repo.git_feed(&["hash-object", "-w", "--stdin"], text);
        let (nonsense, gone) =
            (hash(b"nonsense\n"), hash(b"gone").replace(char::is_alphanumeric, "1"));
        let damages: [(&dyn Fn(), &str); 3] = [
            (&|| drop(repo.git(&["update-ref", ARCHIVE, &nonsense])), "it is a blob"),
            (&|| plant_table(repo, &gone), "is missing"),
            (&|| plant_table(repo, &nonsense), "1 lines of '0' make no sense"),
        ];
        for (damage, reason) in damages {
            damage();
            let is_told = |output: &Output, plain: &str| {
                let (told, answer) = output.stderr.split_once('\n').expect("a line");
                assert!(told.starts_with("warning: the archive is damaged: "), "{told}");
                assert!(told.ends_with(reason), "{told}");
                assert_eq!(answer, plain);
            };
            for (name, plain) in names.iter().zip(&plain) {
                for command in [["show", "--json"], ["log", "--json"], ["delete", "--json"]] {
                    let output = asked(&command, name);
                    is_told(&output, &plain.stderr);
                    output.error(plain.status, "not_found");
                }
                assert!(asked(&["show", "-q"], name).refused().starts_with("error: "));
            }
            // What stood in it is not found either, until it is whole again.
            let output = asked(&["show", "--json"], &ids[0]);
            is_told(&output, &plain[0].stderr.replace(ID, &ids[0]));
            output.error(plain[0].status, "not_found");
            for name in [text(&live["id"]), text(&live["handle"]), "alive", "@"] {
                let output = asked(&["show", "--json=title,ref"], name).ok();
                assert_eq!(output.stderr, "", "{name}");
                let name = format!("refs/sessions/{}", text(&live["id"]));
                assert_eq!(output.json(), json!({ "title": "live", "ref": name }));
            }
        }
    });
}

#[test]
fn a_table_that_lies_makes_no_other_session_of_one() {
    let repo = TestRepo::new();
    let ids = ended(&repo, &["one", "two"]);
    let tip = text(&repo.show(&ids[0])["tip"]).to_owned();
    // It names another session's commit, and an older one of a session that has a ref.
    let old = repo.rev(&format!("refs/sessions/{}~1", ids[1]));
    let rows = format!("{ID}\t{tip}\tx\n{}\t{old}\tx\n", ids[1]);
    let blob = repo.git_feed(&["hash-object", "-w", "--stdin"], rows.as_bytes());
    let index = repo.git_feed(&["mktree"], format!("100644 blob {blob}\t0.tsv\n").as_bytes());
    let top = repo.git_feed(&["mktree"], format!("040000 tree {index}\tindex\n").as_bytes());
    let planted = repo.git(&["commit-tree", "-m", "planted", "-p", &tip, &top]);
    repo.git(&["update-ref", ARCHIVE, &planted]);
    repo.run(&["show", "--json", ID]).error(1, "corrupt");
    assert_eq!(repo.show(&ids[1])["status"], "terminated");
    let listing = repo.run(&["list", "--all", "--json"]);
    let listing: Value = serde_json::from_str(&listing.stdout).expect("JSON");
    assert_eq!(listing["corrupt"][0]["id"], ID);
}

#[test]
fn hundreds_of_sessions_are_folded_by_few_parents_each_and_read_with_and_without_the_cache() {
    let repo = TestRepo::new();
    let ids = ended(&repo, &["one", "two"]);
    copies(&repo, &ids[0], 600);
    let list = |cache: &str| {
        repo.git(&["config", "session.cache", cache]);
        list_all(&repo)
    };
    // What is remembered of them was made while they had refs.
    let before = list("true");
    let all: Vec<String> = ids.iter().cloned().chain((0..600).map(copy)).collect();
    let archived = read_from_archive(&before, &all);
    assert_eq!(list("false"), before);
    assert_eq!(archive(&repo, &[])["archived"].as_array().map(Vec::len), Some(602));
    let parents = repo.git(&["log", "--first-parent", "--format=%P", ARCHIVE]);
    let n_parents: Vec<usize> = parents.lines().map(|it| it.split(' ').count()).collect();
    assert!(n_parents.iter().all(|n| *n <= 65), "{n_parents:?}");
    assert_eq!(n_parents.iter().map(|n| n - 1).sum::<usize>(), 602, "the first one has none");
    for cache in ["false", "true", "true"] {
        assert_eq!(list(cache), archived, "{cache}");
    }
    assert_eq!(repo.show(&copy(599))["title"], "one");
    repo.run(&["update", &copy(7), "--set", "title=Seven"]).ok();
    repo.run(&["delete", &copy(8)]).ok();
    assert_eq!(list("true"), list("false"));
}

/// Returns the id of the `n`th copy.
fn copy(n: usize) -> String {
    format!("0199f0c2-1c4d-7abc-8def-{:012x}", (n as u64 * 0x9e37_79b9) & 0xffff_ffff_ffff)
}

/// Makes many sessions that are like one of them.
fn copies(repo: &TestRepo, id: &str, n: usize) {
    let name = format!("refs/sessions/{id}");
    let file = |file: &str| repo.git(&["cat-file", "blob", &format!("{name}:{file}")]) + "\n";
    let (record, lifecycle) = (file("session.yaml"), file("lifecycle.yaml"));
    let artifact = file("artifacts/kept.txt");
    let segment = file("conversation/1/0-events.jsonl");
    let message = repo.git(&["log", "-1", "--format=%B", &name]);
    let mut stream = String::new();
    for n in 0..n {
        let adapt = |text: &str| text.replace(id, &copy(n));
        let files = [
            ("session.yaml", adapt(&record)),
            ("lifecycle.yaml", lifecycle.clone()),
            ("artifacts/kept.txt", artifact.clone()),
            ("conversation/1/0-events.jsonl", segment.clone()),
        ];
        let message = adapt(&message);
        let begin = format!(
            "commit refs/sessions/{}\ncommitter A <a@example.com> 1767790800 +0000\ndata {}\n{message}\n",
            copy(n),
            message.len()
        );
        let files = files
            .map(|(path, text)| format!("M 100644 inline {path}\ndata {}\n{text}\n", text.len()));
        stream.extend([begin, files.concat()]);
    }
    repo.git_feed(&["fast-import", "--quiet"], stream.as_bytes());
}

/// Lets two days pass.
const TWO_DAYS: u64 = 2 * 24 * 3600;

#[test]
fn what_is_done_now_and_then_archives_what_ended_long_ago_if_it_is_much() {
    let repo = TestRepo::new();
    ended(&repo, &["one", "two", "three"]);
    let refs = repo.refs();
    let upkeep = || repo.run(&["hook", "upkeep"]).ok();
    upkeep();
    repo.git(&["config", "session.autoArchive", "3"]);
    upkeep();
    assert_eq!(repo.refs(), refs, "they have just ended");
    repo.wait(TWO_DAYS);
    repo.git(&["config", "session.autoArchive", "4"]);
    upkeep();
    assert_eq!(repo.refs(), refs, "they are few");
    repo.git(&["config", "session.autoArchive", "0"]);
    upkeep();
    assert_eq!(repo.refs(), refs, "it is off");
    repo.git(&["config", "session.autoArchive", "3"]);
    upkeep();
    assert_eq!(session_refs(&repo).len(), 2);
    assert_eq!(repo.titles(&["--all"]).len(), 5);
}

#[test]
fn ending_a_session_looks_after_the_repository_once_an_hour_and_does_not_wait_for_it() {
    let repo = TestRepo::new();
    ended(&repo, &["one", "two"]);
    repo.git(&["config", "session.autoArchive", "2"]);
    repo.wait(TWO_DAYS);
    let note = repo.git_dir.join("session/locks/upkeep");
    let noted_at = || fs::metadata(&note).and_then(|it| it.modified()).expect("it is noted");
    let before = noted_at();
    repo.run(&["suspend"]).ok();
    assert_eq!(noted_at(), before, "it is not time yet");
    assert_eq!(repo.rev(ARCHIVE), "");
    let long_ago = before - Duration::from_secs(3700);
    fs::File::open(&note).and_then(|it| it.set_modified(long_ago)).expect("dated");
    repo.run(&["resume"]).ok();
    assert_ne!(noted_at(), long_ago);
    let end = Instant::now() + Duration::from_secs(60);
    while session_refs(&repo).len() > 2 && Instant::now() < end {
        std::thread::yield_now();
    }
    assert_eq!(session_refs(&repo).len(), 2);
    // It may be about to look what git finds due.
    let held = fs::File::open(repo.git_dir.join("session/locks/upkeep")).expect("it was there");
    held.lock().expect("it ends");
}

#[test]
fn a_setting_that_is_no_number_is_refused() {
    let repo = TestRepo::new();
    repo.git(&["config", "session.autoArchive", "-1"]);
    repo.run(&["list", "--json"]).error(128, "io");
}
