//! The corpus of hostile inputs, as far as it concerns the present commands.
//!
//! It is found through `GIT_SESSION_TEST_DATA`, else beside the package; without it, the tests say so.
//! Its README has the invariants: I1 (time, memory, no crash), I2 (nothing for a terminal to obey), I3
//! (no canary), I4 (a failure changes no ref and leaves no lock), I5 (the good session is not hidden).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::harness::{ID, Output, PLAIN, PROGRAM, TestRepo, is_installed, text, texts};

/// Returns the corpus, if it is here.
fn corpus() -> Option<PathBuf> {
    let given = std::env::var_os("GIT_SESSION_TEST_DATA").map(PathBuf::from);
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let corpus = given.unwrap_or_else(beside).join("hostile");
    if corpus.join("manifest.json").is_file() {
        return Some(corpus);
    }
    eprintln!("skipped: no corpus at '{}' (GIT_SESSION_TEST_DATA)", corpus.display());
    None
}

/// A case of the corpus.
struct Case {
    id: String,
    verdict: String,
    bytes: Vec<u8>,
}

impl Case {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

/// Returns the cases of a category; none if the corpus is not here.
fn cases(category: &str) -> Vec<Case> {
    let Some(corpus) = corpus() else {
        return Vec::new();
    };
    let manifest = fs::read_to_string(corpus.join("manifest.json")).expect("a manifest");
    let manifest: Value = serde_json::from_str(&manifest).expect("JSON");
    let all = manifest.as_array().expect("a list").iter();
    let cases: Vec<Case> = all
        .filter(|case| case["category"] == category)
        // Cases that are made at test time have no file.
        .filter_map(|case| {
            let bytes = fs::read(corpus.join(text(&case["file"]))).ok()?;
            let (id, verdict) = (text(&case["id"]).to_owned(), text(&case["verdict"]).to_owned());
            Some(Case { id, verdict, bytes })
        })
        .collect();
    assert!(!cases.is_empty(), "{category}");
    cases
}

/// What commands of the hostile programs would leave behind.
fn canaries() -> BTreeSet<PathBuf> {
    let entries = Path::new("/tmp").read_dir().into_iter().flatten().flatten();
    let is_canary = |path: &PathBuf| path.to_string_lossy().contains("/gs-canary-");
    entries.map(|entry| entry.path()).filter(is_canary).collect()
}

/// Runs the program within the bounds of I1, and checks I1, I2 and I4.
fn run(repo: &TestRepo, what: &str, args: &[&str], environment: &[(String, String)]) -> Output {
    // A command line has no NUL: what carries one does not reach us.
    let args: Vec<String> = args.iter().map(|arg| arg.replace('\0', "")).collect();
    let refs = ref_files(repo);
    let mut cmd = repo.cmd(&args);
    let mut bounded = Command::new("/bin/sh");
    let limits = "ulimit -v 1048576; exec /usr/bin/env timeout 20 \"$0\" \"$@\"";
    let limits = if Path::new("/usr/bin/timeout").is_file() {
        limits.replace("/usr/bin/env timeout", "/usr/bin/timeout")
    } else {
        limits.to_owned()
    };
    bounded.args(["-c", &limits, PROGRAM]).args(&args).current_dir(&repo.root).env_clear();
    for (name, value) in cmd.command.get_envs() {
        if let Some(value) = value {
            bounded.env(name, value);
        }
    }
    bounded.envs(environment.iter().cloned());
    cmd.command = bounded;
    let output = cmd.run();
    let head = format!("{what} {}", args.join(" ").chars().take(100).collect::<String>());
    assert!(
        matches!(output.status, 0 | 1 | 128 | 129),
        "{head}: {}\n{}",
        output.status,
        output.stderr
    );
    let is_raw = args.iter().any(|arg| matches!(&**arg, "--yaml" | "-p"));
    for said in [&output.stdout, &output.stderr] {
        let is_control = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
        let is_bidi = |c: char| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        assert!(is_raw || !said.contains(|c| is_control(c) || is_bidi(c)), "{head}: {said:?}");
    }
    if output.status != 0 {
        assert_eq!(ref_files(repo), refs, "{head}");
        assert_eq!(repo.leftovers(), Vec::<PathBuf>::new(), "{head}");
    }
    output
}

/// Returns the refs as files, which all repositories of the corpus have.
fn ref_files(repo: &TestRepo) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut dirs = vec![repo.git_dir.join("refs")];
    let mut files = BTreeMap::new();
    let mut put = |path: PathBuf| files.insert(path.clone(), fs::read(path).unwrap_or_default());
    put(repo.git_dir.join("packed-refs"));
    put(repo.git_dir.join("HEAD"));
    while let Some(dir) = dirs.pop() {
        for entry in dir.read_dir().into_iter().flatten().flatten() {
            if entry.path().is_dir() {
                dirs.push(entry.path());
            } else {
                put(entry.path());
            }
        }
    }
    files
}

fn fsck(repo: &TestRepo) -> String {
    let mut git = repo.git_command(&["fsck", "--strict", "--no-dangling", "--no-progress"]);
    git.stdin(Stdio::null());
    let output = Output::of(git, None);
    let mut lines: Vec<&str> = output.stdout.lines().chain(output.stderr.lines()).collect();
    lines.sort_unstable();
    lines.join("\n")
}

#[test]
fn hostile_arguments_are_refused_without_effect() {
    let before = canaries();
    let cases = cases("argv");
    let repo = TestRepo::new();
    repo.start(&["good"]);
    for case in &cases {
        let Ok(args) = serde_json::from_slice::<Vec<String>>(&case.bytes) else {
            continue;
        };
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let output = run(&repo, &case.id, &args, &[]);
        if case.verdict == "reject" {
            assert_ne!(output.status, 0, "{}", case.id);
            assert_eq!(output.stdout, "", "{}", case.id);
        }
    }
    assert!(repo.titles(&["--all"]).contains(&"good".to_owned()));
    assert_eq!(canaries(), before);
}

#[test]
fn hostile_names_reach_no_ref_and_no_file() {
    let before = canaries();
    let cases = cases("refs");
    let repo = TestRepo::new();
    repo.start(&["good"]);
    repo.write("a.md", "a");
    for case in &cases {
        let name = case.text();
        let name = name.strip_suffix('\n').unwrap_or(&name);
        if matches!(name, "@" | "-") {
            // The current session and the one before, here.
            continue;
        }
        let (id, branch) = (format!("--id={name}"), format!("--branch={name}"));
        let session_name = format!("--name={name}");
        let lifecycle = format!("--lifecycle={name}");
        for args in [
            &["show", "--json", "--", name][..],
            &["log", "--json", "--", name],
            &["log", "-p", "--", name],
            &["status", "--json", "--", name],
            &["to", "--json", "--", name, "running"],
            &["to", "--json", "--", name],
            &["update", "--json", "--title=x", "--", name],
            &["finish", "--json", "--", name],
            &["delete", "--json", "--force", "--", name],
            &["attach", "--json", "--", name, "a.md"],
            &["detach", "--json", "--", name],
            &["create", "--json", &id, "x"],
            &["create", "--json", &lifecycle, "x"],
            &["lifecycle", "show", "--json", "--", name],
        ] {
            let output = run(&repo, &case.id, args, &[]);
            assert_ne!(output.status, 0, "{} {args:?}", case.id);
            assert_eq!(output.stdout, "", "{} {args:?}", case.id);
        }
        // These are names that may be right for what they stand for.
        for args in [
            &["create", "--json", &session_name, "x"][..],
            &["create", "--json", &branch, "x"],
            &["start", "--json", &branch, "x"],
            &["create", "--json", "--", name],
            &["list", "--json", &branch],
            &["list", "--json", "-F", "--grep", name],
            &["show", "--json", "--at", name, "@"],
            &["list", "--json", "--commit", name],
        ] {
            run(&repo, &case.id, args, &[]);
        }
    }
    for line in repo.refs().lines() {
        let is_known = ["refs/heads/", "refs/sessions/", "refs/worktree/session"]
            .iter()
            .any(|prefix| line.starts_with(prefix));
        assert!(is_known, "{line}");
    }
    assert_eq!(repo.run(&["list", "--json"]).json()["corrupt"], serde_json::json!([]));
    assert!(repo.titles(&["--all"]).contains(&"good".to_owned()));
    assert_eq!(canaries(), before);
}

/// Returns a record of the corpus in the words of our format: it was written for a guessed one.
fn adapted(text: &str) -> Option<String> {
    let rest = text.strip_prefix("schema: ")?;
    let mut record = format!("version: {rest}");
    record = record.replace("3f01b541-5cc9-47a7-9f8b-d884159c705f", ID);
    record = record.replace("\nworker: ", "\nagent: ");
    record = record.replace("\nissue: FEAT-0098", "\nlinks:\n  issue: FEAT-0098");
    let is_set = |key: &str| text.lines().any(|line| line.starts_with(key));
    if !record.ends_with('\n') {
        record.push('\n');
    }
    for (key, line) in [
        ("title:", "title: x\n"),
        ("lifecycle:", "lifecycle: feature\n"),
        ("author:", "author: a <a@b>\n"),
        ("git:", "git:\n  is_worktree: false\n"),
    ] {
        if !is_set(key) {
            record.push_str(line);
        }
    }
    Some(record)
}

/// Makes a session's ref name a commit with this record and the lifecycle of a good session.
fn plant(repo: &TestRepo, good: &str, record: &[u8]) {
    let blob = repo.git_feed(&["hash-object", "-w", "--stdin"], record);
    let lifecycle = repo.rev(&format!("refs/sessions/{good}:lifecycle.yaml"));
    let tree =
        format!("100644 blob {lifecycle}\tlifecycle.yaml\n100644 blob {blob}\tsession.yaml\n");
    let tree = repo.git_feed(&["mktree"], tree.as_bytes());
    let commit = repo.git(&["commit-tree", "-m", "planted", &tree]);
    repo.git(&["update-ref", &format!("refs/sessions/{ID}"), &commit]);
}

#[test]
fn hostile_records_hide_nothing_and_harm_nothing() {
    let before = canaries();
    for category in ["session", "time"] {
        let cases = cases(category);
        let repo = TestRepo::of(PLAIN);
        let good = repo.start(&["good", "--lifecycle", "feature"]);
        let good = text(&good["id"]).to_owned();
        for case in &cases {
            let adapted = std::str::from_utf8(&case.bytes).ok().and_then(adapted);
            let both = [Some(case.bytes.clone()), adapted.map(String::into_bytes)];
            for (n, record) in both.into_iter().flatten().enumerate() {
                let what = format!("{} {}", case.id, ["as it is", "adapted"][n]);
                plant(&repo, &good, &record);
                let shown = run(&repo, &what, &["show", "--json", ID], &[]);
                let more = [
                    &["list", "--all"][..],
                    &["log", "--json", ID],
                    &["show", ID],
                    &["show", "--yaml", ID],
                    &["log", ID],
                    &["status", ID],
                ];
                // What is not of our format is all the same to most of them.
                let more = if n == 0 { &more[..2] } else { &more[..] };
                for args in more {
                    run(&repo, &what, args, &[]);
                }
                let listing = run(&repo, &what, &["list", "--all", "--json"], &[]).json();
                let titles = texts(&listing["sessions"], "id");
                assert!(titles.contains(&good), "{what}");
                let unreadable = texts(&listing["corrupt"], "id");
                assert_eq!(shown.status != 0, unreadable.contains(&ID.to_owned()), "{what}");
                for args in [
                    &["to", "--json", ID, "validating"][..],
                    &["suspend", "--json", ID],
                    &["resume", "--json", ID],
                    &["terminate", "--json", ID],
                ] {
                    let output = run(&repo, &what, args, &[]);
                    if shown.status != 0 {
                        assert_ne!(
                            output.status, 0,
                            "{what}: written on top of what is unreadable"
                        );
                    }
                }
                if shown.status == 0 {
                    // What was read can be read again after it was written.
                    run(&repo, &what, &["show", "--json", ID], &[]).json();
                }
                if n == 1 {
                    check_verdict(case, &shown);
                }
            }
        }
        if !cases.is_empty() {
            repo.run(&["delete", "--force", ID]).ok();
        }
    }
    assert_eq!(canaries(), before);
}

/// Cases whose words mean the same in our format must have the verdict of the corpus.
fn check_verdict(case: &Case, shown: &Output) {
    let number = case.id.split(['.', '_']).nth(1).unwrap_or_default();
    let is_same = match case.id.split('.').next() {
        // Structure, ids, counters, states, nesting, sizes.
        Some("session") => {
            let number: u32 = number.parse().unwrap_or(999);
            (2..60).contains(&number) && !matches!(number, 26 | 28 | 34 | 51 | 55)
        }
        Some("time") => true,
        _ => false,
    };
    match &*case.verdict {
        "reject" | "readonly" if is_same => assert_ne!(shown.status, 0, "{}", case.id),
        "accept" if is_same => assert_eq!(shown.status, 0, "{}: {}", case.id, shown.stderr),
        _ => {}
    }
}

#[test]
fn hostile_repositories_are_read_and_written_without_harm() {
    if !is_installed("python3") {
        eprintln!("skipped: the scripts of the corpus need python3");
        return;
    }
    let before = canaries();
    for case in &cases("repo") {
        let repo = TestRepo::of(PLAIN);
        repo.damaged();
        fs::remove_dir_all(&repo.root).expect("a directory");
        fs::create_dir(&repo.root).expect("a directory");
        let script = case.text();
        let script = script.replace("refs/sessions/X", &format!("refs/sessions/{ID}"));
        let script = script.replace("id: X", &format!("id: {ID}"));
        let path = repo.script("script.sh", &script);
        let root = repo.root.to_string_lossy().into_owned();
        let mut shell = Command::new("sh");
        shell.arg(&path).arg(&root).env("HOME", repo.home.path()).current_dir(repo.home.path());
        shell.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        let made = Output::of(shell, None);
        if made.status != 0 {
            eprintln!("{}: the script failed: {}", case.id, made.stderr);
        }
        let has_locks = !repo.leftovers().is_empty();
        let faults = fsck(&repo);
        let run = |args: &[&str]| {
            if has_locks {
                // The script leaves its own: judged by what it says only.
                return repo.run(args);
            }
            run(&repo, &case.id, args, &[])
        };
        for args in [
            &["list", "--all"][..],
            &["list", "--all", "--json"],
            &["status"],
            &["show", "--json", ID],
            &["log", "--json", ID],
            &["log", "-p", ID],
            &["show", ID],
            &["to", "--json", ID, "running"],
            &["update", "--json", ID, "--title=x"],
        ] {
            let output = run(args);
            assert!(
                matches!(output.status, 0 | 1 | 128 | 129),
                "{} {args:?}: {}",
                case.id,
                output.status
            );
        }
        assert_eq!(fsck(&repo), faults, "{}", case.id);
        let hangs = case.id.contains("hooks");
        if !hangs {
            let made = run(&["start", "--json", "good"]);
            if made.status == 0 {
                let listing = run(&["list", "--json"]).json();
                assert!(
                    texts(&listing["sessions"], "title").contains(&"good".to_owned()),
                    "{}",
                    case.id
                );
            }
        }
    }
    assert_eq!(canaries(), before);
}

#[test]
fn hostile_configurations_run_nothing() {
    let before = canaries();
    for case in &cases("config") {
        let repo = TestRepo::new();
        let good = repo.start(&["good"]);
        let path = repo.git_dir.join("config");
        let config = fs::read(&path).expect("a file");
        fs::write(&path, [&config[..], &case.bytes].concat()).expect("a file");
        repo.write("a.md", "a");
        for args in [
            &["list"][..],
            &["list", "--all", "--json"],
            &["status"],
            &["show", "--json"],
            &["log"],
            &["log", "-p"],
            &["update", "--json", "--title=good"],
            &["attach", "--json", "a.md"],
            &["suspend", "--json"],
            &["resume", "--json"],
            &["start", "--json", "other", "-b"],
            &["delete", "--json", "-f", "@"],
        ] {
            let mut cmd = repo.cmd(args);
            cmd.command.env("TERM", "xterm");
            let output = cmd.run();
            let is_fine = output.status == 0;
            match &*case.verdict {
                "accept" => {
                    // A bad include is git's to judge.
                    let excused = case.id.contains("include");
                    assert!(is_fine || excused, "{} {args:?}: {}", case.id, output.stderr);
                }
                _ => assert!(matches!(output.status, 0 | 1 | 128), "{} {args:?}", case.id),
            }
        }
        fs::write(&path, config).expect("a file");
        assert_eq!(repo.show(text(&good["id"]))["title"], "good", "{}", case.id);
    }
    assert_eq!(canaries(), before);
}

#[test]
fn hostile_environments_lead_nowhere() {
    let before = canaries();
    for case in &cases("env") {
        let repo = TestRepo::new();
        repo.start(&["good"]);
        let text = case.text();
        let environment: Vec<(String, String)> = text
            .lines()
            .filter_map(|line| line.split_once('='))
            .map(|(name, value)| {
                let root = repo.root.to_string_lossy().into_owned();
                (name.to_owned(), value.replace("/abs/repo", &root))
            })
            .collect();
        for args in [
            &["list", "--json"][..],
            &["show", "--json"],
            &["status"],
            &["log", "--json"],
            &["log", "-p"],
            &["update", "--json", "--title=better"],
            &["create", "--json", "other"],
        ] {
            let output = run(&repo, &case.id, args, &environment);
            if args.contains(&"--json") && output.status == 0 {
                for line in output.stdout.lines() {
                    let _: Value = serde_json::from_str(line).expect("JSON and nothing else");
                }
            }
        }
        let titles = repo.titles(&["--all"]);
        assert!(titles.iter().any(|it| it == "good" || it == "better"), "{}: {titles:?}", case.id);
    }
    assert_eq!(canaries(), before);
}

#[test]
fn a_stale_lock_of_a_ref_stops_nobody_and_a_fresh_one_is_respected() {
    let repo = TestRepo::new();
    let made = repo.start(&["x"]);
    let lock = repo.git_dir.join(format!("{}.lock", text(&made["ref"])));
    // Somebody holds it now.
    fs::write(&lock, "").expect("a file");
    let begin = std::time::Instant::now();
    let error = repo.run(&["suspend", "--json"]).error(1, "conflict");
    assert!(begin.elapsed().as_millis() >= 1_000, "who holds it gets time to release it");
    assert!(text(&error["message"]).contains("locked"), "{error}");
    assert!(lock.exists(), "a lock that may be held is not ours to remove");
    // It is two days old, and empty: nobody holds it.
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(2 * 86400);
    let file = fs::File::options().write(true).open(&lock).expect("a file");
    file.set_modified(old).expect("a time");
    assert_eq!(repo.run(&["suspend", "--json"]).json()["status"], "suspended");
    assert!(!lock.exists());
}

#[test]
fn a_lock_of_the_packed_refs_does_not_stop_a_transition() {
    let repo = TestRepo::new();
    repo.start(&["x"]);
    let lock = repo.git_dir.join("packed-refs.lock");
    fs::write(&lock, "").expect("a file");
    repo.run(&["suspend"]).ok();
    repo.start(&["y"]);
    assert!(lock.exists(), "it is never ours to remove");
    let output = repo.run(&["delete", "-f", "--json", "@"]);
    assert!(matches!(output.status, 0 | 1 | 128), "{}", output.status);
    fs::remove_file(&lock).expect("a file");
}

#[test]
fn hostile_definitions_of_lifecycles_are_judged_in_bounded_time() {
    let before = canaries();
    for case in &cases("workflow") {
        let repo = TestRepo::new();
        repo.start(&["good"]);
        let path = ".git-session/lifecycles/hostile.yaml";
        repo.write(path, &case.bytes);
        for args in [
            &["lifecycle", "check", "--json", path][..],
            &["lifecycle", "check", "hostile"],
            &["lifecycle", "show", "--json", "hostile"],
            &["start", "--json", "x", "--lifecycle", "hostile"],
            &["lifecycle", "list", "--json"],
            &["list", "--json"],
        ] {
            run(&repo, &case.id, args, &[]);
        }
        assert!(repo.titles(&["--all"]).contains(&"good".to_owned()), "{}", case.id);
    }
    assert_eq!(canaries(), before);
}
