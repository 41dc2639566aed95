//! The format on disk, as the golden samples in `tests/format/v1` have it, which never change.
//!
//! A sample that is missing is written when `GIT_SESSION_UPDATE=1` is in the environment.

use std::fs;
use std::path::{Path, PathBuf};

use git_session::format::message::{self, Excerpt, Headline};
use git_session::format::{event, lifecycle_yaml, record};

#[path = "support/world.rs"]
mod world;

use world::{World, said, variable};

const ID: &str = "0199f0c2-1c4d-7abc-8def-0123456789af";

/// What makes the session of the samples `event-*`, each line one write.
const STORY: [&str; 7] = [
    "start 'Add user authentication' --lifecycle feature --name auth --label urgent --id",
    "suspend -m 'Waiting for review.' -m 'Two people must agree: Ada and \"Bob\".'",
    "resume -m 'yes'",
    "attach prd.md --as prd --version 1.0",
    "update --set phase=plan --set links.issue=FEAT-0098 --add statistics.total_tasks=10",
    "transition completed --force",
    "detach prd.md",
];

const USAGE: &str = r#"{"kind":"usage","msg":"m1","thread":"t","input":5,"output":6,"x_more":[1]}"#;

/// What makes the session of the samples `said-*`.
const CONVERSATION: [&str; 4] = [
    "start 'Count the words' --id",
    "record --role user --message 'How many?' --tokens in=1200,out=80,cache_read=7",
    "record --tool bash --params '{\"command\": \"wc\"}' --denied 'not today' --decision 'Guess' --error 'No tool' --recovered",
    "record --input usage.jsonl",
];

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/format/v1")
}

/// Returns the samples whose names end so, by name.
fn with_ending(ending: &str) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for path in fs::read_dir(samples()).expect("samples").flatten().map(|entry| entry.path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.ends_with(ending) {
            all.push((name, fs::read_to_string(path).expect("UTF-8")));
        }
    }
    assert!(all.len() > 2, "only {} samples *{ending}", all.len());
    all.sort();
    all
}

#[test]
fn every_record_is_read_and_written_again_byte_for_byte() {
    for (name, text) in with_ending(".session.yaml") {
        let session = record::parse(text.as_bytes()).unwrap_or_else(|it| panic!("{name}: {it}"));
        assert_eq!(record::to_yaml(&session).expect("small"), text, "{name}");
    }
}

#[test]
fn every_lifecycle_is_read_and_written_again_byte_for_byte() {
    for (name, text) in with_ending(".lifecycle.yaml") {
        let read = lifecycle_yaml::parse(text.as_bytes());
        let (lifecycle, warnings) = read.unwrap_or_else(|it| panic!("{name}: {it}"));
        assert_eq!(warnings, [], "{name}");
        assert_eq!(lifecycle_yaml::to_yaml(&lifecycle), text, "{name}");
    }
}

#[test]
fn every_message_is_read_and_written_again_byte_for_byte() {
    for (name, text) in with_ending(".message") {
        let (before, last) = text.trim_end().rsplit_once("\n\n").expect("trailers come last");
        let trailers = || last.lines().filter_map(|line| line.split_once(": "));
        let excerpt = Excerpt::from_message(&text).expect("all that must be there");
        let find = |key| trailers().find(|(token, _)| *token == key).map(|(_, value)| value);
        let more = ["Session-From", "Session-Forced", "Session-Events"];
        let more: Vec<(&str, &str)> =
            more.into_iter().filter_map(|key| Some((key, find(key)?))).collect();
        let (subject, body) = before.split_once("\n\n").unwrap_or((before, ""));
        let headline = Headline {
            subject,
            body,
            event: find("Session-Event").expect("there is one"),
            op: find("Session-Op").expect("there is one"),
            more: &more,
        };
        assert_eq!(message::write(&headline, &excerpt), text, "{name}");
    }
}

#[test]
fn the_trailers_of_a_message_say_what_the_record_says() {
    let records = with_ending(".session.yaml");
    for (name, text) in with_ending(".message") {
        let of_record = name.replace(".message", ".session.yaml");
        let (_, yaml) = records.iter().find(|(name, _)| *name == of_record).expect("a record");
        let session = record::parse(yaml.as_bytes()).expect("valid");
        let excerpt = Excerpt::from_message(&text).expect("all that must be there");
        assert_eq!(Excerpt::of(&session, excerpt.class), excerpt, "{name}");
    }
}

#[test]
fn a_session_made_now_has_the_bytes_of_the_samples() {
    told("event", &STORY);
}

#[test]
fn a_conversation_recorded_now_has_the_bytes_of_the_samples() {
    let mut world = told("said", &CONVERSATION);
    let list = world.ok(&format!("git ls-tree -r --name-only refs/sessions/{ID} conversation/"));
    for (path, n) in list.lines().zip(0..) {
        let lines = world.ok(&format!("git cat-file -p refs/sessions/{ID}:{path}"));
        golden(&format!("said-{n}.events.jsonl"), &lines);
        for line in lines.lines() {
            let read = event::parse(line.as_bytes()).unwrap_or_else(|it| panic!("{line}: {it}"));
            assert_eq!(event::to_line(&read), line);
        }
    }
}

/// Makes a session by a story, and compares each of its events with the samples of this name.
fn told(name: &str, story: &[&str]) -> World {
    let mut world = World::new();
    let files =
        format!("echo 'It must be possible to log in.' >prd.md && echo '{USAGE}' >usage.jsonl");
    world.ok(&format!("git update-ref -d HEAD && {files}"));
    for (line, n) in story.iter().zip(1..) {
        let op = format!("00000000-0000-4000-8000-{n:012}");
        let id = if n == 1 { ID } else { "" };
        world.ok(&format!("git session {line} {id} --op={op}"));
    }
    let commits = world.ok(&format!("git rev-list --reverse refs/sessions/{ID}"));
    for (commit, n) in commits.lines().zip(1..) {
        let show = |what: &str| format!("git cat-file -p {commit}:{what}");
        golden(&format!("{name}-{n}.session.yaml"), &world.ok(&show("session.yaml")));
        golden(&format!("{name}-{n}.tree"), &world.ok(&format!("git ls-tree -r -t {commit}")));
        let raw = world.ok(&format!("git cat-file commit {commit}"));
        let (headers, message) = raw.split_once("\n\n").expect("headers, then the message");
        golden(&format!("{name}-{n}.headers"), &format!("{headers}\n"));
        golden(&format!("{name}-{n}.message"), message);
        golden(&format!("{name}.lifecycle.yaml"), &world.ok(&show("lifecycle.yaml")));
    }
    golden(&format!("{name}s"), &commits);
    assert_eq!(world.ok("git fsck --strict --no-dangling"), "");
    world
}

/// Compares a sample with what is written today.
fn golden(name: &str, found: &str) {
    let path = samples().join(name);
    if !path.exists() && variable("GIT_SESSION_UPDATE").is_some() {
        fs::write(&path, found).expect("written");
    }
    let expected = fs::read_to_string(&path).unwrap_or_else(|it| panic!("{name}: {it}"));
    assert_eq!(expected, found, "{name} is of version 1, which never changes");
}

impl World {
    /// Runs a line of shell, which must succeed, and returns its answer.
    fn ok(&mut self, line: &str) -> String {
        let output = self.run(line);
        assert!(output.status.success(), "{line}: {}", said(&output));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}
