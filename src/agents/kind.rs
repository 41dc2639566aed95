use std::fmt;
use std::str::FromStr;

/// An agent program, by the format of its transcripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AgentKind {
    /// Anthropic's Claude Code; iFlow writes the same.
    ClaudeCode,
    /// OpenAI's Codex CLI.
    Codex,
    /// Google's Gemini CLI.
    GeminiCli,
    /// Alibaba's Qwen Code.
    QwenCode,
    /// OpenCode, as `opencode export` writes it; Kilo writes the same.
    OpenCode,
    /// GitHub's Copilot CLI.
    CopilotCli,
    /// Cursor.
    Cursor,
    /// Pi; OpenClaw writes the same.
    Pi,
    /// Factory's Droid.
    Droid,
    /// Sourcegraph's Amp.
    Amp,
    /// Cline; Roo Code writes the same.
    Cline,
    /// Aider.
    Aider,
    /// Block's Goose.
    Goose,
    /// Choragen, the journal of its chains and tasks.
    Choragen,
    /// Any other program: never recognised, but read as far as shapes are common.
    Unknown,
}

/// Names of programs that write another one's format, by a part of the path of their files.
///
/// Source: content cannot tell them apart.
const BY_PATH: [(&str, AgentKind, &str); 5] = [
    ("/.iflow/", AgentKind::ClaudeCode, "iflow"),
    ("/openclaw/", AgentKind::Pi, "openclaw"),
    ("/kilo/", AgentKind::OpenCode, "kilo"),
    ("/rooveterinaryinc.roo-cline/", AgentKind::Cline, "roo"),
    ("/kilocode.kilo-code/", AgentKind::Cline, "kilo"),
];

impl AgentKind {
    /// All agents.
    pub const ALL: [AgentKind; 15] = [
        AgentKind::ClaudeCode,
        AgentKind::Codex,
        AgentKind::GeminiCli,
        AgentKind::QwenCode,
        AgentKind::OpenCode,
        AgentKind::CopilotCli,
        AgentKind::Cursor,
        AgentKind::Pi,
        AgentKind::Droid,
        AgentKind::Amp,
        AgentKind::Cline,
        AgentKind::Aider,
        AgentKind::Goose,
        AgentKind::Choragen,
        AgentKind::Unknown,
    ];

    /// Tells whether what this agent says and does is read from its transcript while it runs, and never from its
    /// calls of hooks: then nothing is counted twice.
    pub fn has_live_transcript(self) -> bool {
        matches!(
            self,
            AgentKind::ClaudeCode
                | AgentKind::Codex
                | AgentKind::GeminiCli
                | AgentKind::QwenCode
                | AgentKind::CopilotCli
                | AgentKind::Droid
        )
    }

    /// Returns the word that is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            AgentKind::ClaudeCode => "claude-code",
            AgentKind::Codex => "codex",
            AgentKind::GeminiCli => "gemini-cli",
            AgentKind::QwenCode => "qwen-code",
            AgentKind::OpenCode => "opencode",
            AgentKind::CopilotCli => "copilot-cli",
            AgentKind::Cursor => "cursor",
            AgentKind::Pi => "pi",
            AgentKind::Droid => "droid",
            AgentKind::Amp => "amp",
            AgentKind::Cline => "cline",
            AgentKind::Aider => "aider",
            AgentKind::Goose => "goose",
            AgentKind::Choragen => "choragen",
            AgentKind::Unknown => "unknown",
        }
    }

    /// Returns the name of the program whose file is at `path`: its own if it writes the format of
    /// another one.
    pub fn name_at(self, path: Option<&str>) -> &'static str {
        let path = path.unwrap_or_default();
        let is_it =
            |(part, kind, _): &&(&str, AgentKind, &str)| *kind == self && path.contains(part);
        BY_PATH.iter().find(is_it).map_or(self.as_str(), |(_, _, name)| name)
    }

    /// Returns the command that goes on with a session of the agent; `None` if there is no such
    /// command, or if `native_id` could be taken for an option or a path.
    ///
    /// Source: each agent's `--help`; Aider goes on by the directory, and ids come from files.
    pub fn resume_command(self, native_id: &str) -> Option<Vec<String>> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let is_safe = (1..=128).contains(&native_id.len())
            && native_id.chars().all(allowed)
            && native_id.starts_with(|c: char| c.is_ascii_alphanumeric());
        if self != AgentKind::Aider && !is_safe {
            return None;
        }
        let copilot = format!("--resume={native_id}");
        let words: &[&str] = match self {
            AgentKind::ClaudeCode => &["claude", "--resume", native_id],
            AgentKind::Codex => &["codex", "resume", native_id],
            AgentKind::GeminiCli => &["gemini", "--resume", native_id],
            AgentKind::QwenCode => &["qwen", "--resume", native_id],
            AgentKind::OpenCode => &["opencode", "--session", native_id],
            AgentKind::CopilotCli => &["copilot", &copilot],
            AgentKind::Cursor => &["cursor", "agent", "--resume", native_id],
            AgentKind::Pi => &["pi", "--session", native_id],
            AgentKind::Droid => &["droid", "--resume", native_id],
            AgentKind::Amp => &["amp", "threads", "continue", native_id],
            AgentKind::Cline | AgentKind::Choragen | AgentKind::Unknown => return None,
            AgentKind::Aider => &["aider", "--restore-chat-history"],
            AgentKind::Goose => &["goose", "session", "--resume", "--session-id", native_id],
        };
        Some(words.iter().map(|word| (*word).to_owned()).collect())
    }
}

impl fmt::Display for AgentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for AgentKind {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        AgentKind::ALL.into_iter().find(|agent| agent.as_str() == word).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_is_named_by_its_word_and_its_forks_by_their_path() {
        for agent in AgentKind::ALL {
            assert_eq!(agent.as_str().parse(), Ok(agent));
            assert_eq!(agent.name_at(None), agent.as_str());
        }
        let path = Some("/home/a/.iflow/projects/x/session-1.jsonl");
        assert_eq!(AgentKind::ClaudeCode.name_at(path), "iflow");
    }

    #[test]
    fn an_id_that_could_be_an_option_is_not_put_into_a_command() {
        let command = AgentKind::Codex.resume_command("019f-a").expect("a plain id");
        assert_eq!(command, ["codex", "resume", "019f-a"]);
        for id in ["", "--yolo", "../x", "a b", "a;b", "$(x)", "é"] {
            for agent in AgentKind::ALL.into_iter().filter(|it| *it != AgentKind::Aider) {
                assert_eq!(agent.resume_command(id), None, "{agent} {id}");
            }
        }
    }
}
