//! Conversations that came with a fetch and are not what they should be.

use serde_json::{Value, json};

use super::harness::{TestRepo, text};

/// A session whose conversation is replaced by something else.
struct Planted {
    repo: TestRepo,
    reference: String,
}

impl Planted {
    /// Makes a session with two segments of its own.
    fn new() -> Planted {
        let repo = TestRepo::new();
        let made = repo.start(&["x"]);
        repo.run(&["record", "--note", "one"]).ok();
        repo.run(&["record", "--note", "two"]).ok();
        repo.damaged();
        Planted { reference: text(&made["ref"]).to_owned(), repo }
    }

    fn blob(&self, bytes: impl AsRef<[u8]>) -> String {
        self.repo.git_feed(&["hash-object", "-w", "--stdin"], bytes.as_ref())
    }

    /// Makes a tree of lines as `git ls-tree` prints them.
    fn tree(&self, entries: &[String]) -> String {
        let lines: String = entries.iter().map(|entry| format!("{entry}\n")).collect();
        self.repo.git_feed(&["mktree", "--missing"], lines.as_bytes())
    }

    /// Gives the session this conversation.
    fn plant(&self, conversation: &str) {
        let (repo, reference) = (&self.repo, &self.reference);
        let others = repo.git(&["ls-tree", reference]);
        let mut entries: Vec<String> = others.lines().map(str::to_owned).collect();
        entries.retain(|entry| !entry.ends_with("\tconversation"));
        entries.push(format!("040000 tree {conversation}\tconversation"));
        let tree = self.tree(&entries);
        let message = repo.git(&["log", "-1", "--format=%B", reference]);
        let commit = repo.git_feed(&["commit-tree", "-p", reference, &tree], message.as_bytes());
        repo.git(&["update-ref", reference, &commit]);
    }

    /// Returns the events as they are told.
    fn events(&self) -> Vec<Value> {
        // Whatever it is, all that reads it ends and says what it can.
        for args in
            [&["show", "--log"][..], &["show", "--messages"], &["show", "--tools", "--json"]]
        {
            self.repo.run(args).ok();
        }
        self.repo.run(&["show", "--log", "--json"]).json_lines()
    }

    /// Returns the reasons of what cannot be read, and the texts of what can.
    fn told(&self) -> Vec<String> {
        let told = |event: &Value| {
            let text = event["text"].as_str().or(event["reason"].as_str());
            text.unwrap_or_default().to_owned()
        };
        self.events().iter().map(told).collect()
    }
}

fn line(seq: u64, text: &str) -> String {
    format!("{}\n", json!({"v": 1, "seq": seq, "kind": "note", "text": text}))
}

#[test]
fn a_damaged_line_and_an_odd_name_hide_nothing_else() {
    let planted = Planted::new();
    let first = planted.blob(format!("{}\n\0nonsense\n\n{}", line(1, "a"), line(3, "c").trim()));
    let transcript = planted.blob("{\"type\":\"user\"}\ntorn");
    let odd = planted.blob(line(4, "odd"));
    let last = planted.blob(line(5, "last"));
    let dir = planted.tree(&[
        format!("100644 blob {first}\t0-events.jsonl"),
        format!("100644 blob {transcript}\t1-claude-code-1.jsonl"),
        format!("100644 blob {odd}\t2-\x1b[2Jevents.jsonl"),
        format!("100644 blob {last}\t3-events.jsonl"),
    ]);
    planted.plant(&planted.tree(&[format!("040000 tree {dir}\t1")]));
    let events = planted.events();
    assert_eq!(events.len(), 7, "{events:?}");
    assert_eq!((&events[0]["text"], &events[2]["text"]), (&json!("a"), &json!("c")));
    assert_eq!(events[1]["record"], "\u{0}nonsense");
    assert_eq!(events[3]["record"], json!({"type": "user"}));
    assert_eq!(events[3]["src"], json!({"f": 1, "off": 0, "len": 15}));
    assert!(text(&events[4]["reason"]).contains("is not the segment that follows"));
    assert!(text(&events[5]["reason"]).contains("segments before 3 are missing"));
    // What a reader holds back comes last.
    assert_eq!(events[6]["src"], json!({"f": 1, "off": 16, "len": 4}));
    let page = planted.repo.run(&["show", "--log"]).ok().stdout;
    assert!(!page.contains('\x1b'), "{page}");
}

#[test]
fn links_holes_and_strangers_are_told_in_their_place() {
    let planted = Planted::new();
    let good = planted.blob(line(1, "good"));
    let target = planted.blob("/etc/passwd");
    let missing = "1".repeat(40);
    let linked = planted.tree(&[
        format!("100644 blob {good}\t0-events.jsonl"),
        format!("120000 blob {target}\t1-events.jsonl"),
    ]);
    let here = planted.tree(&[
        format!("100644 blob {good}\t0-events.jsonl"),
        format!("100644 blob {missing}\t1-events.jsonl"),
    ]);
    for (entries, expected) in [
        (vec![format!("040000 tree {linked}\t1")], vec!["tree", "2 segments are missing"]),
        (
            vec![format!("100644 blob {good}\t1")],
            vec!["'1' is not the segment that follows", "2 segments"],
        ),
        (
            vec![format!("040000 tree {here}\t1"), format!("040000 tree {missing}\t2")],
            vec!["good", "is missing", "is missing"],
        ),
    ] {
        planted.plant(&planted.tree(&entries));
        let told = planted.told();
        assert_eq!(told.len(), expected.len(), "{told:?}");
        for (told, expected) in told.iter().zip(expected) {
            assert!(told.contains(expected), "{told}, not {expected}");
        }
    }
}

#[test]
fn a_tree_that_is_itself_again_and_again_is_read_once() {
    let planted = Planted::new();
    let blob = planted.blob(line(1, "x"));
    let files: Vec<String> =
        (0..16).map(|n| format!("100644 blob {blob}\t{n:x}-events.jsonl")).collect();
    let mut tree = planted.tree(&files);
    // Sixteen to the power of twenty, if somebody believed it.
    for _ in 0..20 {
        let dirs: Vec<String> = (0..16).map(|n| format!("040000 tree {tree}\t{n:x}")).collect();
        tree = planted.tree(&dirs);
    }
    planted.plant(&tree);
    let told = planted.told();
    assert!(told.len() < 1000, "{}", told.len());
    assert!(told.iter().any(|it| it.contains("too deep")), "{told:?}");
    assert!(told.iter().any(|it| it.contains("twice")), "{told:?}");
}

#[test]
fn a_segment_that_is_too_large_is_not_read() {
    let planted = Planted::new();
    let huge = planted.blob(b"x".repeat((64 << 20) + 2));
    let many: Vec<String> = (0..200).map(|n| format!("100644 blob {huge}\t{n:03}")).collect();
    let wide = planted.tree(&many);
    let dir = planted.tree(&[format!("100644 blob {huge}\t0-events.jsonl")]);
    planted
        .plant(&planted.tree(&[format!("040000 tree {dir}\t1"), format!("040000 tree {wide}\t2")]));
    let told = planted.told();
    assert!(told[0].contains("(at most 67108865)"), "{told:?}");
    assert!(told[1].contains("(at most 4096)"), "{told:?}");
}

#[test]
fn nothing_is_written_over_a_segment_that_is_there() {
    let planted = Planted::new();
    let blob = planted.blob(line(1, "x"));
    let files: Vec<String> =
        (0..3).map(|n| format!("100644 blob {blob}\t{n:x}-events.jsonl")).collect();
    let dir = planted.tree(&files);
    planted.plant(&planted.tree(&[format!("040000 tree {dir}\t1")]));
    let tip = planted.repo.rev(&planted.reference);
    let error = planted.repo.run(&["record", "--json", "--note", "x"]).error(128, "corrupt");
    assert!(text(&error["message"]).contains("is there already"), "{error}");
    assert_eq!(planted.repo.rev(&planted.reference), tip);
    // All that is no conversation goes on.
    planted.repo.run(&["suspend"]).ok();
}
