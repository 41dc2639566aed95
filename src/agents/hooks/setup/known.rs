//! The agents that can be told to call us, and what each wants to be told.

use super::{Form, Setup};
use crate::agents::AgentKind;

/// The events of Claude Code and of those who took them over.
const CLAUDE: &[&str] = &[
    "SessionStart",
    "UserPromptSubmit",
    "PostToolUse",
    "Notification",
    "PreCompact",
    "Stop",
    "SessionEnd",
];

/// The agents that can be told.
///
/// Source: each agent's documentation of hooks. Codex cuts its `SessionEnd` off after 3 seconds; Gemini
/// counts in milliseconds, Qwen in one or the other. No event is asked for that could hold the agent up
/// when it fails (`PreToolUse`).
pub(super) const ALL: [Setup; 8] = [
    Setup {
        agent: AgentKind::ClaudeCode,
        aliases: &["claude"],
        project_file: ".claude/settings.json",
        user_file: ".claude/settings.json",
        form: Form::Groups { timeout: Some(10), has_comments: false },
        events: CLAUDE,
    },
    Setup {
        agent: AgentKind::Codex,
        aliases: &[],
        project_file: ".codex/hooks.json",
        user_file: ".codex/hooks.json",
        form: Form::Groups { timeout: Some(3), has_comments: false },
        events: &[
            "SessionStart",
            "UserPromptSubmit",
            "PostToolUse",
            "PermissionRequest",
            "PreCompact",
            "Stop",
            "SessionEnd",
        ],
    },
    Setup {
        agent: AgentKind::GeminiCli,
        aliases: &["gemini"],
        project_file: ".gemini/settings.json",
        user_file: ".gemini/settings.json",
        form: Form::Groups { timeout: Some(10_000), has_comments: true },
        events: &[
            "SessionStart",
            "BeforeAgent",
            "AfterTool",
            "Notification",
            "PreCompress",
            "AfterAgent",
            "SessionEnd",
        ],
    },
    Setup {
        agent: AgentKind::QwenCode,
        aliases: &["qwen"],
        project_file: ".qwen/settings.json",
        user_file: ".qwen/settings.json",
        form: Form::Groups { timeout: None, has_comments: true },
        events: CLAUDE,
    },
    Setup {
        agent: AgentKind::OpenCode,
        aliases: &[],
        project_file: ".opencode/plugins/git-session.js",
        user_file: ".config/opencode/plugins/git-session.js",
        form: Form::Plugin,
        events: &[],
    },
    Setup {
        agent: AgentKind::CopilotCli,
        aliases: &["copilot"],
        project_file: ".github/hooks/git-session.json",
        user_file: ".copilot/hooks/git-session.json",
        form: Form::Copilot,
        events: &[
            "sessionStart",
            "userPromptSubmitted",
            "postToolUse",
            "agentStop",
            "preCompact",
            "sessionEnd",
        ],
    },
    Setup {
        agent: AgentKind::Cursor,
        aliases: &[],
        project_file: ".cursor/hooks.json",
        user_file: ".cursor/hooks.json",
        form: Form::Flat,
        events: &[
            "sessionStart",
            "beforeSubmitPrompt",
            "postToolUse",
            "afterAgentResponse",
            "stop",
            "sessionEnd",
        ],
    },
    Setup {
        agent: AgentKind::Droid,
        aliases: &[],
        project_file: ".factory/settings.json",
        user_file: ".factory/settings.json",
        form: Form::Groups { timeout: Some(10), has_comments: true },
        events: CLAUDE,
    },
];
