//! What the agents' tools do, by their names.

use crate::model::conversation::ToolKind;

/// Words of tool names, in the order in which they decide.
///
/// Source: the tools of Claude Code, Codex, Gemini CLI, Qwen Code, OpenCode, Copilot CLI, Cursor, Pi,
/// Droid, Amp, Cline and Goose, as their transcripts name them.
const WORDS: [(&str, ToolKind); 39] = [
    ("webfetch", ToolKind::Fetch),
    ("web_fetch", ToolKind::Fetch),
    ("websearch", ToolKind::Fetch),
    ("web_search", ToolKind::Fetch),
    ("google_web_search", ToolKind::Fetch),
    ("fetch", ToolKind::Fetch),
    ("browser", ToolKind::Fetch),
    ("todo", ToolKind::Think),
    ("update_plan", ToolKind::Think),
    ("think", ToolKind::Think),
    ("exitplanmode", ToolKind::SwitchMode),
    ("enterplanmode", ToolKind::SwitchMode),
    ("switch_mode", ToolKind::SwitchMode),
    ("killshell", ToolKind::Execute),
    ("bashoutput", ToolKind::Execute),
    ("bash", ToolKind::Execute),
    ("shell", ToolKind::Execute),
    ("exec", ToolKind::Execute),
    ("run_command", ToolKind::Execute),
    ("run_shell_command", ToolKind::Execute),
    ("terminal", ToolKind::Execute),
    ("grep", ToolKind::Search),
    ("glob", ToolKind::Search),
    ("search", ToolKind::Search),
    ("find", ToolKind::Search),
    ("list", ToolKind::Search),
    ("delete", ToolKind::Delete),
    ("remove", ToolKind::Delete),
    ("rename", ToolKind::Move),
    ("move", ToolKind::Move),
    ("read", ToolKind::Read),
    ("view", ToolKind::Read),
    ("cat", ToolKind::Read),
    ("apply_patch", ToolKind::Edit),
    ("applypatch", ToolKind::Edit),
    ("edit", ToolKind::Edit),
    ("write", ToolKind::Edit),
    ("create", ToolKind::Edit),
    ("replace", ToolKind::Edit),
];

/// Returns what the tool called `name` does; `None` if the name does not tell. A tool of an MCP server
/// is not judged: its name is anybody's.
pub(super) fn kind(name: &str) -> Option<ToolKind> {
    let name = name.to_ascii_lowercase();
    if name.starts_with("mcp_") {
        return None;
    }
    let begins = |word: &str| name == word || name.starts_with(word) || name.ends_with(word);
    if name == "ls" {
        return Some(ToolKind::Search);
    }
    WORDS.iter().find(|(word, _)| begins(word)).map(|(_, kind)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_what_a_tool_does() {
        for (name, kind_of_it) in [
            ("Bash", Some(ToolKind::Execute)),
            ("exec_command", Some(ToolKind::Execute)),
            ("run_shell_command", Some(ToolKind::Execute)),
            ("read_file", Some(ToolKind::Read)),
            ("MultiEdit", Some(ToolKind::Edit)),
            ("TodoWrite", Some(ToolKind::Think)),
            ("WebFetch", Some(ToolKind::Fetch)),
            ("Task", None),
            ("mcp__x__read", None),
        ] {
            assert_eq!(kind(name), kind_of_it, "{name}");
        }
    }
}
