//! Secrets planted into transcripts and commands, by every way in: none is in any object, reflog or file of
//! the git directory afterwards, as it stands or encoded.
//!
//! They are planted into transcripts of our own, and into those that `GIT_SESSION_TEST_DATA` has.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use regex::bytes::{Regex, RegexBuilder};
use serde_json::{Value, json};

use super::harness::{TestRepo, files_below};
use super::import_corpus::corpus;
use crate::dice::{Dice, base64, percent, unicode};
use crate::secrets::{self, FORMS, PLACES};
use crate::strings::{n_strings, nth_string};

/// The largest real transcript that is planted into, in bytes.
const MAX_FILE: u64 = 100 << 10;

/// A secret, and how it is met.
struct Plant {
    kind: &'static str,
    secret: String,
    /// The secret where only its place tells that it is one; else the secret alone.
    text: String,
    is_form: bool,
}

/// Returns two secrets of each kind.
fn plants(seed: u64) -> Vec<Plant> {
    let mut dice = Dice(seed);
    [one_of_each(&mut dice), one_of_each(&mut dice)].into_iter().flatten().collect()
}

fn one_of_each(dice: &mut Dice) -> Vec<Plant> {
    let mut all = Vec::new();
    for (kind, template) in FORMS {
        let secret = dice.fill(template);
        all.push(Plant { kind, text: secret.clone(), secret, is_form: true });
    }
    for (kind, place, template) in PLACES {
        let secret = dice.fill(template);
        let text = place.replacen('@', &secret, 1);
        all.push(Plant { kind, secret, text, is_form: false });
    }
    let mut add = |kind, secret: String, text: String| {
        all.push(Plant { kind, secret, text, is_form: false });
    };
    for (kind, name) in [
        ("private-key", "PRIVATE KEY"),
        ("rsa-key", "RSA PRIVATE KEY"),
        ("openssh-key", "OPENSSH PRIVATE KEY"),
    ] {
        let key = secrets::private_key(dice, name);
        add(kind, key.clone(), key);
    }
    let basic = secrets::basic(dice);
    add("basic", basic.clone(), format!("Authorization: Basic {basic}"));
    let jwt = secrets::jwt(dice);
    all.push(Plant { kind: "jwt", text: jwt.clone(), secret: jwt, is_form: true });
    all
}

/// Returns what is planted: the texts that carry it, with their names.
fn carriers(plant: &Plant) -> Vec<(&'static str, String)> {
    let text = &plant.text;
    let inner = json!({ "output": text, "exit": 0 }).to_string();
    let mut all = vec![
        ("words", format!("use {text} from now on")),
        ("lines", format!("# before\n{text}\n# after")),
        ("json", inner.clone()),
        ("json in json", json!({ "result": inner }).to_string()),
        ("base64", format!("data:text/plain;base64,{}", base64(text.as_bytes()))),
        ("percent", format!("GET /cb?state={}&x=1", percent(text))),
    ];
    if !text.contains('\n') {
        all.push(("markdown", format!("it is {}", markdown(text))));
    }
    if plant.is_form {
        let secret = &plant.secret;
        let (head, tail) = secret.split_at(secret.len() / 2);
        all.extend([
            ("header", format!("curl -H 'Authorization: Bearer {secret}' https://api.internal/x")),
            ("assignment", format!("export SERVICE_TOKEN={secret}\nmake deploy")),
            ("address", format!("https://api.internal/v1/x?a=1&token={secret}")),
            ("flag", json!(["tool", "--token", secret]).to_string()),
            ("pieces", json!([head, tail]).to_string()),
        ]);
    }
    all
}

/// Returns text as Markdown has it.
fn markdown(text: &str) -> String {
    let escaped = |c: char| if "_-.*".contains(c) { format!("\\{c}") } else { c.to_string() };
    text.chars().map(escaped).collect()
}

/// What of a secret must be nowhere: the end of it, as it stands and encoded.
fn needles(plant: &Plant) -> Vec<String> {
    // Of an address, host and path are no secret; of a key, each line is one.
    let line = plant.secret.lines().nth(2).unwrap_or(&plant.secret);
    let core = &line[(line.len() / 2).min(line.len().saturating_sub(8))..];
    let mut all = vec![core.to_owned(), markdown(core), percent(core), unicode(core)];
    for n_before in 0..3 {
        let shifted = [vec![b'x'; n_before], core.as_bytes().to_vec()].concat();
        let encoded = base64(&shifted);
        // The first and the last letters have bits of what is around them.
        let from = (n_before * 8).div_ceil(6);
        all.push(encoded[from..shifted.len() * 8 / 6].to_owned());
    }
    all
}

fn pattern(plants: &[Plant]) -> Regex {
    let all: Vec<String> =
        plants.iter().flat_map(needles).map(|needle| regex::escape(&needle)).collect();
    RegexBuilder::new(&all.join("|")).unicode(false).size_limit(64 << 20).build().expect("a regex")
}

/// Everything that there is of a repository: each object, loose or packed, and each other file.
fn remains(repo: &TestRepo) -> Vec<(String, Vec<u8>)> {
    let batch = ["cat-file", "--batch-all-objects", "--unordered", "--batch"];
    let objects = repo.git_command(&batch).output().expect("git runs").stdout;
    assert!(objects.len() > 1000, "there are objects");
    let mut all = vec![("objects".to_owned(), objects)];
    for path in files_below(&repo.git_dir) {
        let name = path.strip_prefix(&repo.git_dir).expect("below").to_string_lossy().into_owned();
        if !name.starts_with("objects/") {
            all.push((name, fs::read(&path).expect("a file")));
        }
    }
    all
}

/// Returns the kinds of the secrets that are left, with where and beside what.
fn left(repo: &TestRepo, plants: &[Plant], pattern: &Regex) -> BTreeSet<String> {
    let mut left = BTreeSet::new();
    for (name, bytes) in remains(repo) {
        for found in pattern.find_iter(&bytes) {
            let is_it =
                |plant: &&Plant| needles(plant).iter().any(|it| it.as_bytes() == found.as_bytes());
            let kind = plants.iter().find(is_it).map_or("?", |plant| plant.kind);
            let around =
                &bytes[found.start().saturating_sub(60)..bytes.len().min(found.end() + 20)];
            left.insert(format!("{kind} in {name}: {}", String::from_utf8_lossy(around)));
        }
    }
    left
}

#[track_caller]
fn assert_nothing_left(repo: &TestRepo, plants: &[Plant], n_planted: usize) {
    let kinds: BTreeSet<&str> = plants.iter().map(|it| it.kind).collect();
    let left = left(repo, plants, &pattern(plants));
    eprintln!(
        "{} secrets of {} kinds in {n_planted} places: {} left",
        plants.len(),
        kinds.len(),
        left.len()
    );
    let shown: Vec<&String> = left.iter().take(40).collect();
    assert!(left.is_empty(), "{shown:#?}");
    // What was redacted has no secret for a second look either.
    assert_eq!(repo.run(&["doctor"]).exits(0).stdout, "");
}

/// A transcript of Claude Code in which each secret is said, passed to a tool and returned by one.
fn conversation(plants: &[Plant]) -> (String, usize) {
    let mut lines = String::new();
    let mut n = 0;
    for (carrier, text) in plants.iter().flat_map(carriers) {
        let message = match n % 4 {
            0 => json!({ "role": "user", "content": text }),
            1 => json!({ "id": format!("msg_{n}"), "role": "assistant", "model": "m", "content":
                [{ "type": "tool_use", "id": format!("toolu_{n}"), "name": "Bash",
                   "input": { "command": text, "description": carrier } }] }),
            2 => json!({ "role": "user", "content":
                [{ "type": "tool_result", "tool_use_id": format!("toolu_{}", n - 1), "content":
                   [{ "type": "text", "text": text }] }] }),
            _ => json!({ "id": format!("msg_{n}"), "role": "assistant", "model": "m", "content":
                [{ "type": "thinking", "thinking": text }, { "type": "text", "text": "Done." }] }),
        };
        let kind = if n % 2 == 0 { "user" } else { "assistant" };
        let line = json!({ "type": kind, "uuid": format!("u{n}"), "sessionId": "s-1",
            "timestamp": "2026-01-07T12:00:00.000Z", "cwd": "/srv/app", "message": message });
        lines.push_str(&format!("{line}\n"));
        n += 1;
    }
    (lines, n)
}

/// Copies the real transcripts to `dir` with a secret in some of their lines; returns how many.
fn plant_all(data: &Path, dir: &Path, plants: &[Plant]) -> usize {
    let mut dice = Dice(4);
    let mut texts: Vec<String> = plants.iter().flat_map(carriers).map(|(_, text)| text).collect();
    let mut n_planted = 0;
    for path in files_below(data) {
        let is_text = path.extension().is_none_or(|it| it != "db");
        if !is_text || fs::metadata(&path).is_ok_and(|it| it.len() > MAX_FILE) {
            continue;
        }
        let text = String::from_utf8_lossy(&fs::read(&path).expect("a file")).into_owned();
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let mut copy = String::new();
        for line in &lines {
            let value = serde_json::from_str::<Value>(line).ok().filter(|it| n_strings(it) > 0);
            let is_met = lines.len() < 8 || dice.below(lines.len() / 8 + 1) == 0;
            match value.filter(|_| is_met && !texts.is_empty()) {
                Some(mut value) => {
                    let text = texts.swap_remove(dice.below(texts.len()));
                    let mut n = dice.below(n_strings(&value));
                    let string = nth_string(&mut value, &mut n).expect("it has more");
                    // An array is one where it stands alone.
                    *string = match text.starts_with('[') {
                        true => text,
                        false => format!("{string} {text} {string}"),
                    };
                    copy.push_str(&format!("{value}\n"));
                    n_planted += 1;
                }
                None => copy.push_str(line),
            }
        }
        let to = dir.join(path.strip_prefix(data).expect("below"));
        fs::create_dir_all(to.parent().expect("below")).expect("a directory");
        fs::write(to, copy).expect("a file");
    }
    n_planted
}

fn quick() -> TestRepo {
    let repo = TestRepo::without_checkpoints();
    repo.git(&["config", "session.durability", "git"]);
    repo
}

#[test]
fn the_search_finds_every_kind_where_nothing_is_redacted() {
    let plants = one_of_each(&mut Dice(6));
    let pattern = pattern(&plants);
    for n_carrier in 0..7 {
        let repo = quick();
        repo.git(&["config", "session.redact", "false"]);
        let path = repo.home.path().join("notes.txt");
        let planted = plants
            .iter()
            .filter_map(|plant| Some((plant, carriers(plant).into_iter().nth(n_carrier)?)));
        let planted: Vec<(&Plant, (&str, String))> = planted.collect();
        let bare = planted.iter().map(|(_, (_, text))| format!("{text}\n"));
        fs::write(&path, bare.collect::<String>()).expect("a file");
        repo.start(&["x"]);
        repo.run(&["attach".into(), path.clone()]).ok();
        repo.run(&["finish"]).ok();
        let found: BTreeSet<String> = left(&repo, &plants, &pattern)
            .iter()
            .filter_map(|it| it.split(' ').next().map(str::to_owned))
            .collect();
        let kinds: BTreeSet<String> = planted.iter().map(|(it, _)| it.kind.to_owned()).collect();
        assert_eq!(found, kinds);
    }
}

#[test]
fn no_secret_of_an_imported_transcript_is_in_the_repository() {
    let repo = quick();
    let plants = plants(7);
    let (lines, n_said) = conversation(&plants);
    let path = repo.home.path().join("s-1.jsonl");
    fs::write(&path, lines).expect("a file");
    let import = repo.run(&["import", "--json", &path.to_string_lossy()]);
    assert!(import.stderr.contains("warning: redacted "), "{}", import.stderr);
    let done = import.json();
    assert_eq!(done["sessions"][0]["result"], "created", "{done}");
    assert_nothing_left(&repo, &plants, n_said);
}

#[test]
fn no_secret_planted_into_real_transcripts_is_in_the_repository() {
    let Some(data) = corpus() else { return };
    let repo = quick();
    let plants = plants(8);
    let dir = repo.home.path().join("planted");
    let n_planted = plant_all(&data, &dir, &plants);
    assert!(n_planted >= 120, "{n_planted}");
    let done = repo.run(&["import", "--json", &dir.to_string_lossy()]);
    assert!(done.status <= 1 && done.stdout.len() > 1000, "{}", done.stderr);
    assert_nothing_left(&repo, &plants, n_planted);
}

/// Gives each of the secrets that are taken in turn in a text, around the carriers.
struct Texts<'p> {
    plants: &'p [Plant],
    n: usize,
}

impl Texts<'_> {
    fn next(&mut self) -> String {
        let plant = &self.plants[self.n % self.plants.len()];
        let mut carriers = carriers(plant);
        let carrier = carriers.swap_remove(self.n % carriers.len());
        self.n += 1;
        carrier.1
    }

    /// The same on one line.
    fn line(&mut self) -> String {
        self.next().replace('\n', " ")
    }
}

#[test]
fn no_secret_of_a_recorded_conversation_is_in_the_repository() {
    let repo = quick();
    let plants = plants(9);
    repo.start(&["Record"]);
    let mut lines = String::new();
    let mut n = 0;
    for (carrier, text) in plants.iter().flat_map(carriers) {
        let line = match n % 8 {
            0 => json!({ "kind": "message", "role": "user", "content": text }),
            1 => {
                json!({ "kind": "tool.call", "call": "c", "name": "Bash", "input": { "command": text } })
            }
            2 => {
                json!({ "kind": "tool.result", "call": "c", "output": [{ "type": "text", "text": text }] })
            }
            3 => json!({ "kind": "decision", "text": text }),
            4 => json!({ "kind": "error", "message": text }),
            5 => json!({ "kind": "x.mine", "any": [carrier, { "deep": text }] }),
            6 => {
                json!({ "timestamp": "2026-01-07T12:00:00Z", "name": "curl", "params": { "h": text },
                "result": { "out": text }, "governanceResult": { "allowed": true, "reason": text } })
            }
            _ => json!({ "kind": "note", "text": text }),
        };
        lines.push_str(&format!("{line}\n"));
        n += 1;
    }
    let recorded = repo.feed(&["record", "--json"], &lines).json();
    // A call of Choragen's is two events.
    assert!(recorded["recorded"].as_u64() > Some(n as u64), "{recorded}");
    let mut texts = Texts { plants: &plants, n: 0 };
    let mut usage = String::new();
    for plant in plants.iter().filter(|it| it.is_form).take(20) {
        usage += &format!(
            "{}\n",
            json!({ "kind": "usage", "msg": plant.secret, "input": 1, "output": 1 })
        );
        n += 1;
    }
    repo.feed(&["record"], &usage).ok();
    let said = [texts.next(), texts.next(), texts.next(), texts.next()];
    let [message, result, decision, note] = &said;
    let params = json!({ "command": texts.next() }).to_string();
    let result = json!(result).to_string();
    repo.run(&[
        "record",
        "--role",
        "user",
        "--message",
        message,
        "--tool",
        "Bash",
        "--params",
        &params,
        "--result",
        &result,
        "--decision",
        decision,
        "--note",
        note,
    ])
    .ok();
    let file = repo.home.path().join("events-of-sk_live.jsonl");
    fs::write(&file, format!("{}\n", json!({ "kind": "note", "text": texts.next() })))
        .expect("a file");
    repo.run(&["finish"]).ok();
    repo.run(&["record", "--follow", &file.to_string_lossy(), "@"]);
    assert_nothing_left(&repo, &plants, n + 6);
}

#[test]
fn no_secret_that_a_command_is_given_is_in_the_repository() {
    let repo = quick();
    let plants = plants(10);
    let mut texts = Texts { plants: &plants, n: 0 };
    for _ in 0..24 {
        let title = texts.line();
        let (task, label) = (texts.line(), texts.line());
        repo.run(&["create", "--task", &task, "--label", &label, "--", &title]).ok();
    }
    repo.write("task.txt", (0..8).map(|_| texts.next() + "\n").collect::<String>());
    repo.run(&["start", "-F", "task.txt", "--role", &texts.line(), "--model", &texts.line()]).ok();
    let input = json!({ "title": texts.line(), "links": { "deep": { "a": [texts.next()] } },
        "configuration": { "command": texts.next() }, "statistics": { "note": texts.next() } });
    repo.feed(&["create", "--lifecycle", "feature", "--input", "-"], &input.to_string()).ok();
    repo.feed(&["update", "--input", "-"], &input.to_string()).ok();
    repo.run(&["suspend", "-m", &texts.next()]).ok();
    repo.run(&["resume", "-m", &texts.next()]).ok();
    let all: String = plants.iter().flat_map(carriers).map(|(_, text)| text + "\n").collect();
    repo.write("notes.txt", &all);
    repo.write("notes.json", json!(all.lines().collect::<Vec<_>>()).to_string());
    for (file, role) in [("notes.txt", texts.line()), ("notes.json", "prd".to_owned())] {
        repo.run(&["attach", file, "--as", &role, "--version", &texts.line()]).ok();
    }
    let handoff = texts.next();
    repo.run(&["finish", "-m", &texts.next(), "--report", "task.txt", "--handoff", &handoff]).ok();
    repo.start(&["Run"]);
    repo.run(&["run", "--", "true", "--api-key", &plants[40].secret, &texts.line()]).ok();
    assert_nothing_left(&repo, &plants, texts.n + 2 * all.lines().count());
}

#[test]
fn no_secret_that_an_agent_tells_its_hook_is_in_the_repository() {
    let repo = quick();
    let plants = plants(11);
    let mut texts = Texts { plants: &plants, n: 0 };
    let hear = |agent: &str, event: &str, mut said: Value| {
        said["cwd"] = json!(repo.root);
        repo.feed(&["hook", "agent", agent, event], &said.to_string()).ok();
    };
    for n in 0..6 {
        let id = format!("ses_{n}");
        // What is cut out of the beginning of a prompt is no half of a secret.
        let words = texts.line();
        let n_before = if words.starts_with('[') { 0 } else { n % 3 };
        let before = "Deploy it, as I have told you before, with ".repeat(n_before);
        let prompt = format!("{before}{words}");
        hear(
            "opencode",
            "UserPromptSubmit",
            json!({ "session_id": id, "prompt": prompt, "message_id": format!("m{n}") }),
        );
        for call in 0..3 {
            hear(
                "opencode",
                "PostToolUse",
                json!({ "session_id": id, "tool_name": "bash",
                "tool_input": { "command": texts.next(), "more": [texts.next()] },
                "tool_response": texts.next(), "tool_use_id": format!("call_{call}") }),
            );
        }
        hear("opencode", "SessionEnd", json!({ "session_id": id, "reason": texts.line() }));
    }
    let (lines, n_said) = conversation(&plants);
    let path = repo.home.path().join(".claude/projects/-repo/s-1.jsonl");
    fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
    fs::write(&path, lines).expect("a transcript");
    let said = json!({ "session_id": "s-1", "transcript_path": path, "prompt": texts.next() });
    for event in ["UserPromptSubmit", "Stop", "SessionEnd"] {
        hear("claude-code", event, said.clone());
    }
    assert_eq!(repo.titles(&["--all"]).len(), 7);
    assert_nothing_left(&repo, &plants, n_said + texts.n);
}
