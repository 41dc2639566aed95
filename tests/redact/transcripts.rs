//! Real transcripts, of the directory that `GIT_SESSION_TRANSCRIPTS` names, else of those in
//! `GIT_SESSION_TEST_DATA`; without them, a few lines of ours.

use std::fs;
use std::path::{Path, PathBuf};

use crate::redactor;

/// What a false positive may cost: one word in so many.
const WORDS_FOR_ONE: usize = 10_000;

/// Lines as agents write them.
const OURS: [&str; 6] = [
    r#"{"type":"user","uuid":"5f2b7c1e-8a3d-4c6b-9e0f-1a2b3c4d5e6f","cwd":"/srv/app","message":{"role":"user","content":"Fix the login: the password check fails"}}"#,
    r#"{"type":"assistant","message":{"id":"msg_01Ab2Cd3Ef4Gh5Ij6Kl7Mn8P","content":[{"type":"text","text":"I look at `auth.py`.\nThe token expires."}],"usage":{"input_tokens":1200,"output_tokens":31}}}"#,
    r#"{"type":"assistant","message":{"content":[{"type":"tool_use","id":"toolu_01Qr9St8Uv7Wx6Yz5Ab4Cd3E","name":"Bash","input":{"command":"grep -rn \"api_key\" src | head","timeout":5000}}]}}"#,
    r#"{"type":"user","toolUseResult":{"stdout":"src/a.rs:12: let api_key = env(\"API_KEY\")?;\n","stderr":"","structuredPatch":[{"lines":[" a","-b","+c"]}]}}"#,
    r#"{"timestamp":"2026-01-07T09:05:00.119Z","payload":{"arguments":"{\"cmd\":[\"bash\",\"-lc\",\"cargo test\"],\"workdir\":\"/srv/app\"}"}}"#,
    r#"{"a":1.50,"b":[true,null,"\u00e9\/"],"c":{"d":{}}}"#,
];

/// Returns the lines of all transcripts.
pub fn lines() -> Vec<String> {
    let mut files = Vec::new();
    if let Some(dir) = directory() {
        find(&dir, &mut files);
    }
    let mut lines: Vec<String> = OURS.map(str::to_owned).to_vec();
    for file in files {
        let text = fs::read(&file).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        lines.extend(text.unwrap_or_default().lines().map(str::to_owned));
    }
    lines
}

#[expect(clippy::disallowed_methods, reason = "the directory is the tester's")]
fn directory() -> Option<PathBuf> {
    let named = |name| std::env::var_os(name).map(PathBuf::from);
    let data = || named("GIT_SESSION_TEST_DATA").map(|dir| dir.join("transcripts"));
    let dir = named("GIT_SESSION_TRANSCRIPTS").or_else(data).filter(|dir| dir.is_dir());
    if dir.is_none() {
        println!("note: GIT_SESSION_TEST_DATA is not set; only lines of ours are looked at");
    }
    dir
}

fn find(dir: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(dir).expect("a readable directory").flatten().map(|it| it.path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            find(&path, files);
        } else if path.extension().is_none_or(|it| it != "db") {
            files.push(path);
        }
    }
}

#[test]
fn ordinary_transcripts_lose_less_than_one_word_in_ten_thousand() {
    let redactor = redactor();
    let (mut n_words, mut lost) = (0, Vec::new());
    for line in lines() {
        n_words += line.split_whitespace().count();
        for found in redactor.find(line.as_bytes()) {
            let around = line[..found.start].chars().rev().take(40).collect::<Vec<_>>();
            let before: String = around.into_iter().rev().collect();
            lost.push(format!("{}: {before}>>{}<<", found.kind, &line[found.start..found.end]));
        }
    }
    println!("{} places in {n_words} words", lost.len());
    lost.iter().for_each(|it| println!("  {it}"));
    assert!(lost.len() * WORDS_FOR_ONE < n_words.max(WORDS_FOR_ONE));
}
