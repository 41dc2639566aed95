//! A note of git-ai: which agents' sessions wrote which lines of a commit.
//!
//! Source: git-ai, `specs/git_ai_standard_v3.0.0.md`: attestations, a line `---`, a JSON object. Older notes have
//! `prompts` with what was said.

use std::collections::HashMap;

use super::segment;
use crate::model::{Map, Value};

/// What separates attestations from metadata.
const DIVIDER: &str = "---";
/// The tools, and our names for them.
const TOOLS: [(&str, &str); 8] = [
    ("claude", "claude-code"),
    ("claude-web", "claude-code"),
    ("codex-cloud", "codex"),
    ("gemini", "gemini-cli"),
    ("copilot", "copilot-cli"),
    ("github-copilot-cli", "copilot-cli"),
    ("cursor-agent", "cursor"),
    ("qwen", "qwen-code"),
];

/// A session that a note tells of.
#[derive(Debug, Clone, PartialEq)]
pub struct Attested {
    /// Our name of the agent.
    pub agent: String,
    /// The agent's own id of the session.
    pub native_id: String,
    /// The language model.
    pub model: Option<String>,
    /// The person who asked.
    pub human: Option<String>,
    /// The lines of each file that are of the session, as `1-10,15`; empty where none is left.
    pub files: Map,
    /// What was said, of older notes.
    pub messages: Vec<Value>,
}

/// Reads a note.
///
/// # Errors
/// What is wrong with it.
pub fn parse(text: &str) -> Result<Vec<Attested>, String> {
    let (attestations, metadata) = split(text).ok_or("it has no line '---'")?;
    let mut files = attested_files(attestations);
    let metadata: Value = metadata.parse().map_err(|_| "what follows '---' is no JSON")?;
    let mut all = Vec::new();
    for kind in ["sessions", "prompts"] {
        for (key, value) in metadata.get(kind).and_then(Value::as_object).into_iter().flatten() {
            all.extend(attested(value, files.remove(key.as_str()).unwrap_or_default()));
        }
    }
    Ok(all)
}

fn split(text: &str) -> Option<(&str, &str)> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if line.trim_end() == DIVIDER {
            return Some((&text[..at], &text[at + line.len()..]));
        }
        at += line.len();
    }
    None
}

/// Returns the lines of each file by the key of a session: `<path>`, then indented `<key>[::<trace>] <ranges>`.
fn attested_files(text: &str) -> HashMap<String, Map> {
    let mut files: HashMap<String, Map> = HashMap::new();
    let mut path = String::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let Some(entry) = line.strip_prefix("  ") else {
            let quoted = line.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
            path = quoted.unwrap_or(line).to_owned();
            continue;
        };
        let Some((key, ranges)) = entry.trim().split_once(' ') else { continue };
        let is_range = |c: char| c.is_ascii_digit() || c == '-' || c == ',';
        if path.is_empty() || !ranges.chars().all(is_range) {
            continue;
        }
        let key = key.split("::").next().unwrap_or(key).to_owned();
        let lines = files.entry(key).or_default().entry(path.clone());
        let before = lines.or_insert_with(|| Value::from(""));
        *before = match before.as_str() {
            Some(before) if !before.is_empty() => format!("{before},{ranges}").into(),
            _ => ranges.into(),
        };
    }
    files
}

fn attested(value: &Value, files: Map) -> Option<Attested> {
    let id = value.get("agent_id")?;
    let text = |value: &Value, key: &str| {
        value.get(key).and_then(Value::as_str).filter(|it| !it.is_empty()).map(str::to_owned)
    };
    let tool = text(id, "tool")?;
    let agent =
        TOOLS.iter().find(|(theirs, _)| *theirs == tool).map(|(_, ours)| (*ours).to_owned());
    let agent = agent.or_else(|| segment::is_agent(&tool).then_some(tool));
    let messages = value.get("messages").and_then(Value::as_array);
    Some(Attested {
        agent: agent.unwrap_or_else(|| "unknown".to_owned()),
        native_id: text(id, "id")?,
        model: text(id, "model").filter(|it| it != "unknown"),
        human: text(value, "human_author"),
        files,
        messages: messages.cloned().unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_tells_the_lines_of_each_session() {
        let note = concat!(
            "src/a.rs\n  s_1::t_a 1-3\n  h_9 4\n  s_1::t_b 8,10-12\n\"b c.rs\"\n  s_1::t_a 5\n  p2 7\n---\n",
            r#"{"sessions":{"s_1":{"agent_id":{"tool":"claude","id":"n-1","model":"m"},"human_author":"A <a>"}},"#,
            r#""prompts":{"p2":{"agent_id":{"tool":"devin","id":"n-2","model":"unknown"},"messages":[{"type":"user"}]},"#,
            r#""p3":{"agent_id":{"tool":"Odd One","id":"n-3"}},"p4":{"agent_id":{"tool":"codex"}}}}"#,
        );
        let all = parse(note).expect("a note");
        let told: Vec<(&str, &str, usize)> = all
            .iter()
            .map(|it| (it.agent.as_str(), it.native_id.as_str(), it.messages.len()))
            .collect();
        assert_eq!(told, [("claude-code", "n-1", 0), ("devin", "n-2", 1), ("unknown", "n-3", 0)]);
        let files = Value::from(all[0].files.clone());
        assert_eq!(files, serde_json::json!({"src/a.rs": "1-3,8,10-12", "b c.rs": "5"}));
        assert_eq!((all[0].human.as_deref(), all[1].model.as_deref()), (Some("A <a>"), None));
        assert_eq!(Value::from(all[1].files.clone()), serde_json::json!({"b c.rs": "7"}));
    }

    #[test]
    fn what_is_no_note_is_refused_and_a_strange_line_passed_over() {
        assert!(
            parse("").is_err() && parse("a\n  b 1\n").is_err() && parse("---\nnonsense").is_err()
        );
        assert_eq!(parse("---\n[]"), Ok(Vec::new()));
        let strange = "  s_1 1\na\n  s_1\n  s_1 x;y\n---\n{\"sessions\":{\"s_1\":{\"agent_id\":{\"tool\":\"pi\",\"id\":\"i\"}}}}";
        assert_eq!(parse(strange).expect("a note")[0].files.len(), 0);
    }
}
