//! `import` of the transcripts of real agents: nothing is lost, and the totals are those that others
//! computed.
//!
//! They are found through `GIT_SESSION_TEST_DATA`, else beside the package; without them, the tests say so.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::harness::{PLAIN, PROGRAM, TestRepo, text};

/// Returns the directory of the transcripts, if it is here.
pub fn corpus() -> Option<PathBuf> {
    let given = std::env::var_os("GIT_SESSION_TEST_DATA").map(PathBuf::from);
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let corpus = given.unwrap_or_else(beside).join("transcripts");
    if corpus.is_dir() {
        return Some(corpus);
    }
    eprintln!("skipped: no transcripts at '{}' (GIT_SESSION_TEST_DATA)", corpus.display());
    None
}

fn repo() -> TestRepo {
    let repo = TestRepo::of(PLAIN);
    repo.git(&["config", "session.redact", "false"]);
    repo.git(&["config", "session.durability", "git"]);
    repo
}

fn path(path: &Path) -> &str {
    path.to_str().expect("text")
}

/// What came of a transcript: the session, and the number of the source there.
struct Kept {
    id: String,
    n: u64,
}

/// Returns where each file is kept; of Aider's, each of its sessions, in order.
fn kept(repo: &TestRepo, summary: &Value) -> BTreeMap<String, Vec<Kept>> {
    let mut all: BTreeMap<String, Vec<Kept>> = BTreeMap::new();
    for entry in summary["sessions"].as_array().expect("a list") {
        let (file, id) = (text(&entry["path"]), text(&entry["id"]));
        let session = repo.show(id);
        let sources = session["conversation"]["sources"].as_array().expect("a list");
        let source = sources.iter().find(|it| it["path"] == file).expect("its source");
        let n = source["n"].as_u64().expect("a number");
        all.entry(file.to_owned()).or_default().push(Kept { id: id.to_owned(), n });
    }
    all
}

#[test]
fn transcripts_are_given_back_byte_for_byte_and_every_byte_comes_to_an_event() {
    let Some(corpus) = corpus() else { return };
    let repo = repo();
    let summary = repo.run(&["import", "--json", path(&corpus)]).ok().json();
    let files = kept(&repo, &summary);
    assert!(files.len() >= 35, "{summary}");
    for (file, parts) in &files {
        let bytes = fs::read(file).expect("a file");
        let mut raw = Vec::new();
        for part in parts {
            let n = part.n.to_string();
            let mut show = Command::new(PROGRAM);
            show.current_dir(&repo.root).args(["show", &part.id, "--raw", "--source", &n]);
            let given = show.output().expect("it runs").stdout;
            let events = repo.run(&["show", &part.id, "--log", "--json"]).json_lines();
            uncovered(file, part.n, &given, &events);
            raw.extend(given);
        }
        assert!(raw == bytes, "{file}: {} bytes, and not {}", raw.len(), bytes.len());
    }
    let refs = repo.refs();
    let again = repo.run(&["import", "--json", path(&corpus)]).ok().json();
    let is_same = |it: &Value| it["result"] == "unchanged";
    assert!(again["sessions"].as_array().expect("a list").iter().all(is_same), "{again}");
    assert_eq!(repo.refs(), refs);
    repo.check();
}

/// Checks that no byte but white space is passed over, unless a value is torn there.
fn uncovered(file: &str, n: u64, bytes: &[u8], events: &[Value]) {
    let mut is_told = vec![false; bytes.len()];
    for src in events.iter().map(|it| &it["src"]).filter(|src| src["f"] == n) {
        let number = |key: &str| src[key].as_u64().expect("a number") as usize;
        is_told[number("off")..number("off") + number("len")].fill(true);
    }
    let is_free = |(byte, is_told): (&u8, &bool)| *is_told || byte.is_ascii_whitespace();
    let first = bytes.iter().zip(&is_told).position(|it| !is_free(it));
    let Some(at) =
        first.filter(|at| !bytes[..3.min(bytes.len())].starts_with(b"\xef\xbb\xbf") || *at > 2)
    else {
        return;
    };
    let rest = String::from_utf8_lossy(&bytes[at..]);
    let is_torn = serde_json::from_str::<Value>(&rest).is_err_and(|error| error.is_eof());
    assert!(is_torn, "{file}: nothing is told of byte {at}");
}

/// Source: `oracle-harbor.json`, totals of Harbor 0.25.0; prompt = input + cache, null = not computed.
#[test]
fn tokens_and_tool_calls_are_those_of_an_independent_program() {
    let Some(corpus) = corpus() else { return };
    let repo = repo();
    let oracle = fs::read(corpus.join("oracle-harbor.json")).expect("a file");
    let oracle: Value = serde_json::from_slice(&oracle).expect("JSON");
    let mut wrong = Vec::new();
    for entry in oracle["files"].as_array().expect("a list") {
        let name = text(&entry["file"]);
        let id = text(&repo.create(&[name])["id"]).to_owned();
        let file = corpus.join(name);
        repo.run(&["import", "--session", &id, path(&file)]).ok();
        let session = repo.show(&id);
        let tokens = |key: &str| session["tokens"][key].as_u64().expect("a number");
        let prompt = tokens("input") + tokens("cache_read") + tokens("cache_write");
        let tools = repo.run(&["show", &id, "--tools", "--json"]).json();
        let n_calls = tools["toolCalls"].as_array().expect("a list").len() as u64;
        for (key, ours) in [
            ("prompt", prompt),
            ("completion", tokens("output")),
            ("cached", tokens("cache_read")),
            ("tool_calls", n_calls),
        ] {
            match entry[key].as_u64() {
                Some(theirs) if theirs != ours => {
                    wrong.push(format!("{name}: {key} {ours}, not {theirs}"));
                }
                _ => {}
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn a_transcript_that_grows_line_by_line_comes_to_the_same() {
    let Some(corpus) = corpus() else { return };
    let repo = repo();
    for name in [
        "claude-code/spotter/short.jsonl",
        "claude-code/git-ai/claude-code-with-plan.jsonl",
        "codex/trace/codex_full.jsonl",
        "codex/agent-sessions/small.jsonl",
        "gemini-cli/agent-sessions/jsonl_v040.jsonl",
        "qwen-code/entire/real_session_v0_21_14.jsonl",
        "copilot-cli/agent-sessions/small.jsonl",
        "pi/agentsview/session.jsonl",
        "droid/git-ai/droid-session.jsonl",
    ] {
        let bytes = fs::read(corpus.join(name)).expect("a file");
        let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
        let whole = text(&repo.create(&["whole"])["id"]).to_owned();
        let grown = text(&repo.create(&["grown"])["id"]).to_owned();
        let agent = text(
            &repo.run(&["import", "-n", "--json", path(&corpus.join(name))]).json()["sessions"][0]
                ["agent"],
        )
        .to_owned();
        let file = repo.write("t.jsonl", &bytes);
        repo.run(&["import", "--session", &whole, "--agent", &agent, path(&file)]).ok();
        let n_steps = lines.len().min(12);
        for step in 1..=n_steps {
            let n = lines.len() * step / n_steps;
            repo.write("t.jsonl", lines[..n].concat());
            repo.run(&["import", "--session", &grown, "--agent", &agent, path(&file)]).ok();
        }
        let [whole, grown] = [whole, grown].map(|id| repo.show(&id));
        assert_eq!(whole["tokens"], grown["tokens"], "{name}");
        let of = |it: &Value| it["conversation"]["sources"][0]["bytes"].clone();
        assert_eq!((of(&grown), of(&whole)), (bytes.len().into(), bytes.len().into()), "{name}");
    }
}

/// Source: `ORACLE.md` of CodexBar: units are input with the cached, and the cached again, and output.
#[test]
fn what_a_fork_copied_counts_once_whenever_it_is_imported() {
    let Some(corpus) = corpus() else { return };
    let dir = corpus.join("codex/codexbar-live-fork-4d90-52bf");
    let oracle = fs::read(dir.join("manifest.json")).expect("a file");
    let oracle: Value = serde_json::from_slice(&oracle).expect("JSON");
    for names in [vec!["child.jsonl", "parent.jsonl"], vec!["parent.jsonl"]] {
        let repo = repo();
        let files: Vec<PathBuf> = names.iter().map(|name| dir.join(name)).collect();
        let mut args = vec!["import"];
        args.extend(files.iter().map(|file| path(file)));
        repo.run(&args).ok();
        // In the second round, the parent is there already.
        repo.run(&["import", path(&dir.join("child.jsonl"))]).ok();
        let units = |session: Value| {
            let tokens = |key: &str| session["tokens"][key].as_u64().expect("a number");
            tokens("input") + tokens("cache_write") + 2 * tokens("cache_read") + tokens("output")
        };
        let list = repo.run(&["list", "--all", "--json"]).json();
        let list = list["sessions"].as_array().expect("a list");
        let sum: u64 = list.iter().map(|it| units(repo.show(text(&it["id"])))).sum();
        assert_eq!(sum, oracle["scannerOracle"]["dedupedScannerUnits"].as_u64().expect("a number"));
    }
}
