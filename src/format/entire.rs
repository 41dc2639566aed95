//! A session in a checkpoint of Entire, and the transcript that its checkpoints hold.
//!
//! Source: entireio/cli, `docs/architecture/sessions-and-checkpoints.md`, and the checkpoints in its repository:
//! fields are missing in many of them.

use crate::model::{Map, Timestamp, Value};

/// What separates the prompts in `prompt.txt`.
const BETWEEN_PROMPTS: &str = "\n\n---\n\n";
/// The names of agents, and ours.
const AGENTS: [(&str, &str); 9] = [
    ("claude code", "claude-code"),
    ("gemini cli", "gemini-cli"),
    ("cursor", "cursor"),
    ("cursor ide", "cursor"),
    ("opencode", "opencode"),
    ("codex", "codex"),
    ("copilot cli", "copilot-cli"),
    ("factory ai droid", "droid"),
    ("pi", "pi"),
];

/// What the `metadata.json` of a session in a checkpoint says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// The agent's own id of the session.
    pub native_id: String,
    /// The agent; `None` if it is not said, or not known.
    pub agent: Option<&'static str>,
    /// When the checkpoint was made.
    pub at: Option<Timestamp>,
    /// The branch.
    pub branch: Option<String>,
}

/// Reads a `metadata.json`; `None` if it names no session.
pub fn slot(metadata: &Map) -> Option<Slot> {
    let text = |key: &str| metadata.get(key).and_then(Value::as_str).filter(|it| !it.is_empty());
    let name = text("agent").or_else(|| text("agents")).unwrap_or_default().to_lowercase();
    let agent = AGENTS.iter().find(|(theirs, _)| *theirs == name);
    Some(Slot {
        native_id: native_id(text("session_id")?).to_owned(),
        agent: agent.map(|(_, ours)| *ours),
        at: text("created_at").and_then(Timestamp::parse),
        branch: text("branch").map(str::to_owned),
    })
}

/// Returns the agent's id in a session's id, which older ones begin with a date.
fn native_id(session_id: &str) -> &str {
    let is_dated = |date: &str| {
        date.len() == 10
            && date.bytes().enumerate().all(|(n, c)| match n {
                4 | 7 => c == b'-',
                _ => c.is_ascii_digit(),
            })
    };
    match session_id.split_at_checked(11) {
        Some((date, id)) if date.ends_with('-') && is_dated(&date[..10]) && !id.is_empty() => id,
        _ => session_id,
    }
}

/// Returns the prompts of a `prompt.txt`.
pub fn prompts(text: &str) -> Vec<&str> {
    text.split(BETWEEN_PROMPTS).map(str::trim).filter(|it| !it.is_empty()).collect()
}

/// Tells whether a word can be the id of a checkpoint: 12 hexadecimal digits, or a ULID.
pub fn is_checkpoint(word: &str) -> bool {
    matches!(word.len(), 12 | 26) && word.bytes().all(|c| c.is_ascii_alphanumeric())
}

/// Adds the transcript of a later checkpoint to that of the earlier ones. It is the whole one by now; of older
/// programs, what was said since, or a part of it again.
pub fn join(whole: &mut Vec<u8>, next: Vec<u8>) {
    let first_line = |bytes: &[u8]| bytes.split(|it| *it == b'\n').next().map(<[u8]>::to_vec);
    let is_copy = first_line(whole) == first_line(&next);
    let is_document = next.trim_ascii_start().first() == Some(&b'[') || next.starts_with(b"{\n");
    if whole.is_empty() || is_document || is_copy {
        if next.len() >= whole.len() || is_document {
            *whole = next;
        }
        return;
    }
    let known: std::collections::HashSet<Vec<u8>> =
        whole.split(|it| *it == b'\n').map(<[u8]>::to_vec).collect();
    if !whole.ends_with(b"\n") {
        whole.push(b'\n');
    }
    let lines = next.split_inclusive(|it| *it == b'\n');
    for line in lines.filter(|line| !known.contains(line.strip_suffix(b"\n").unwrap_or(line))) {
        whole.extend_from_slice(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Slot> {
        let value: Value = text.parse().expect("JSON");
        slot(value.as_object().expect("an object"))
    }

    #[test]
    fn a_slot_is_read_whatever_is_missing() {
        let id = "cacf6cfb-e843-47af-9dc2-6a5af1137c53";
        let whole = format!(
            r#"{{"session_id":"2026-01-06-{id}","agents":"Claude Code","branch":"b",
            "created_at":"2026-01-06T13:33:39.542576+01:00","token_usage":null}}"#
        );
        let slot = read(&whole).expect("a session");
        assert_eq!((slot.native_id.as_str(), slot.agent), (id, Some("claude-code")));
        assert_eq!(slot.at.expect("a time").to_string(), "2026-01-06T12:33:39.542576Z");
        let bare = read(&format!(r#"{{"session_id":"{id}","agent":"Agent"}}"#)).expect("a session");
        assert_eq!((bare.native_id.as_str(), bare.agent, bare.at), (id, None, None));
        assert_eq!(read(r#"{"session_id":7}"#), None);
        assert_eq!(native_id("2026-01-06-"), "2026-01-06-");
    }

    #[test]
    fn transcripts_of_checkpoints_are_joined_without_saying_anything_twice() {
        for (parts, expected) in [
            (&["a\nb\n", "a\nb\nc\n"][..], "a\nb\nc\n"),
            (&["a\nb\nc\n", "a\nb\n"], "a\nb\nc\n"),
            (&["a\nb", "c\nd\n"], "a\nb\nc\nd\n"),
            (&["a\nb\n", "b\nc\nc\n"], "a\nb\nc\nc\n"),
            (&["[1]", "[1,2]"], "[1,2]"),
            (&["", "a\n"], "a\n"),
        ] {
            let mut whole = Vec::new();
            parts.iter().for_each(|part| join(&mut whole, part.as_bytes().to_vec()));
            assert_eq!(String::from_utf8_lossy(&whole), expected, "{parts:?}");
        }
    }

    #[test]
    fn the_id_of_a_checkpoint_is_no_path() {
        assert!(is_checkpoint("fe0dc62dd084") && is_checkpoint("01ARZ3NDEKTSV4RRFFQ69G5FAV"));
        assert!(!is_checkpoint("") && !is_checkpoint("../../../../x") && !is_checkpoint("fe0d"));
        assert_eq!(prompts("a\n\n---\n\nb\nc\n"), ["a", "b\nc"]);
    }
}
