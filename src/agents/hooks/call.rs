use super::committed::committed;
use crate::agents::AgentKind;
use crate::agents::record::Record;
use crate::model::Value;
use crate::model::conversation::{
    Content, Event, Message, Payload, Role, ToolCall, ToolResult, Usage,
};

/// What a hook is called for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// The agent has begun, or goes on.
    Start,
    /// It was asked for something.
    Prompt,
    /// It works, and something of that is done.
    Work,
    /// It needs a person to go on.
    Wait,
    /// It has answered, and waits for the next question.
    Idle,
    /// It has ended.
    End,
}

impl Moment {
    /// Returns the moment of an agent's event; one that nobody knows says that it works.
    ///
    /// Source: the agents' words, which differ in case and marks.
    fn of(event: &str) -> Moment {
        let letters = event.chars().filter(char::is_ascii_alphabetic);
        match letters.collect::<String>().to_ascii_lowercase().as_str() {
            "sessionstart" | "taskstart" | "taskresume" => Moment::Start,
            "userpromptsubmit" | "userpromptsubmitted" | "beforesubmitprompt" | "beforeagent" => {
                Moment::Prompt
            }
            "notification" | "permissionrequest" => Moment::Wait,
            "stop" | "stopfailure" | "afteragent" | "agentstop" | "interrupt" => Moment::Idle,
            "sessionend" | "sessionshutdown" => Moment::End,
            _ => Moment::Work,
        }
    }
}

/// What an agent says when it calls a hook. Every part may be missing.
#[derive(Debug, Clone)]
pub struct Call {
    /// Who calls.
    pub agent: AgentKind,
    /// The agent's word for what has happened.
    pub event: String,
    /// What has happened.
    pub moment: Moment,
    /// The agent's own id of its session.
    pub session_id: String,
    /// Where its transcript is.
    pub transcript: Option<String>,
    /// The directory that it works in.
    pub dir: Option<String>,
    /// The language model.
    pub model: Option<String>,
    /// What it was asked for.
    pub prompt: Option<String>,
    /// Why it begins or ends, in its own word.
    pub reason: Option<String>,
    /// The number of its process, where it says so.
    pub pid: Option<u64>,
    /// The abbreviated ids of commits that it says to have made just now.
    pub committed: Vec<String>,
    /// What was said and done, of an agent whose transcript cannot be read beside it.
    pub events: Vec<Event>,
}

impl Call {
    /// Reads what an agent said to a hook that was set up for `agent` and `event`. `None` if it does not
    /// say which session it is of.
    pub fn parse(agent: AgentKind, event: Option<&str>, text: &[u8]) -> Option<Call> {
        let value: Value = serde_json::from_slice(text).ok()?;
        let committed = committed(&value);
        let agent = sniff(&value).unwrap_or(agent);
        let mut record = Record::new(value).ok()?;
        let said = word(&mut record, &["hook_event_name", "hookEventName", "event"]);
        let event = event.map(str::to_owned).or(said).unwrap_or_default();
        let ids = ["session_id", "sessionId", "conversation_id", "sessionID", "taskId"];
        let session_id = word(&mut record, &ids)?;
        let is_id = |c: char| c.is_ascii_graphic() && c != '/';
        if session_id.len() > 128 || !session_id.chars().all(is_id) {
            return None;
        }
        let roots = record.list("workspace_roots");
        let root = roots.first().and_then(Value::as_str).map(str::to_owned);
        let mut call = Call {
            agent,
            moment: moment(&event, &mut record),
            event,
            session_id,
            transcript: word(&mut record, &["transcript_path", "transcriptPath"]),
            dir: word(&mut record, &["cwd", "working_dir"]).or(root),
            model: word(&mut record, &["model"]),
            prompt: word(&mut record, &["prompt", "initialPrompt"]),
            reason: word(&mut record, &["reason", "source"]),
            pid: record.number("pid"),
            committed,
            events: Vec::new(),
        };
        if !call.has_transcript() {
            call.events = call.told(&mut record);
        }
        Some(call)
    }

    /// Tells whether what this agent says and does is read from its transcript.
    pub fn has_transcript(&self) -> bool {
        self.agent.has_live_transcript()
    }

    /// Returns where the transcript is below the home directory, where the agent need not say it.
    pub fn known_place(&self) -> Option<String> {
        let is_safe = self.session_id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        (self.agent == AgentKind::CopilotCli && is_safe)
            .then(|| format!(".copilot/session-state/{}/events.jsonl", self.session_id))
    }

    /// Returns what this very call is, for knowing it again when it comes twice, also in other words: some
    /// agents run the hooks of two files.
    pub fn key(&self, text: &[u8]) -> Vec<u8> {
        let head = format!("{}\n{}\n{:?}\n", self.agent, self.session_id, self.moment);
        let tool = self.events.iter().find_map(|event| match &event.payload {
            Payload::ToolCall(it) if !it.call.is_empty() => Some(it.call.clone()),
            _ => None,
        });
        let what = tool.map(|call| format!("tool {call}").into_bytes());
        [head.into_bytes(), what.unwrap_or_else(|| text.to_owned())].concat()
    }

    /// Returns the events that the call itself tells of.
    fn told(&self, record: &mut Record) -> Vec<Event> {
        let mut events = Vec::new();
        let msg = word(record, &["message_id", "generation_id"]);
        if let (Moment::Prompt, Some(prompt)) = (self.moment, &self.prompt) {
            events.push(said(Role::User, prompt.clone(), msg.clone()));
        }
        if let Some(text) = word(record, &["text"]) {
            events.push(said(Role::Assistant, text, msg.clone()));
        }
        // What is about to run is told when it has run.
        let is_before = ["pre", "before"].iter().any(|it| self.event.starts_with(it));
        let tool = word(record, &["tool_name", "toolName"]);
        if let Some(name) = tool.filter(|_| !is_before && !self.event.starts_with("Pre")) {
            let call = word(record, &["tool_use_id", "tool_call_id"]).unwrap_or_default();
            let input = first(record, &["tool_input", "toolArgs"]).unwrap_or_default();
            let answer = first(record, &["tool_response", "tool_output", "toolResult"]);
            let id = call.clone();
            let called =
                ToolCall { call, name, tool_kind: None, input, msg: msg.clone(), governance: None };
            events.push(Event::new(called));
            let content = answer.map(|it| match it {
                Value::String(text) => Content::Text(text),
                other => Content::Json(other),
            });
            let content = content.into_iter().collect();
            events.push(Event::new(ToolResult { call: id, content, ..ToolResult::default() }));
        }
        if let Some(usage) = record.record("usage") {
            events.push(Event::new(counted(usage, msg, self.model.clone())));
        }
        events
    }
}

/// Reads the token counts that OpenCode keeps. Source: `tokens` of its messages; what it thinks is beside
/// its output.
fn counted(mut tokens: Record, msg: Option<String>, model: Option<String>) -> Usage {
    let mut cache = tokens.record("cache").unwrap_or_default();
    let reasoning = tokens.count("reasoning");
    Usage {
        msg,
        model,
        input: tokens.count("input"),
        output: tokens.count("output") + reasoning,
        cache_read: cache.count("read"),
        cache_write: cache.count("write"),
        ..Usage::default()
    }
}

fn said(role: Role, text: String, msg: Option<String>) -> Event {
    Event::new(Message { msg, ..Message::new(role, vec![Content::Text(text)]) })
}

/// Returns what has happened. Claude Code tells of somebody who has not answered for long as it tells of a
/// question.
fn moment(event: &str, record: &mut Record) -> Moment {
    let is_idle = record.peek("notification_type") == Some("idle_prompt");
    match Moment::of(event) {
        Moment::Wait if is_idle => Moment::Idle,
        // A part of the agent has begun or ended, not the agent.
        Moment::Start | Moment::Idle | Moment::End if record.has("agent_id") => Moment::Work,
        moment => moment,
    }
}

fn word(record: &mut Record, keys: &[&str]) -> Option<String> {
    keys.iter().find_map(|key| record.word(key))
}

fn first(record: &mut Record, keys: &[&str]) -> Option<Value> {
    keys.iter().find_map(|key| record.take(key))
}

/// Tells who calls by what is said: some agents run the hooks of others, too.
///
/// Source: Cursor and VS Code run hooks that were set up for Claude Code.
fn sniff(value: &Value) -> Option<AgentKind> {
    let has = |key: &str| value.get(key).is_some();
    let path = value.get("transcript_path").and_then(Value::as_str).unwrap_or_default();
    let places = [
        ("/rollout-", AgentKind::Codex),
        ("/.copilot/", AgentKind::CopilotCli),
        ("/.gemini/tmp/", AgentKind::GeminiCli),
        ("/.qwen/", AgentKind::QwenCode),
        ("/.factory/", AgentKind::Droid),
        ("/.claude/", AgentKind::ClaudeCode),
    ];
    if has("cursor_version") || has("conversation_id") {
        return Some(AgentKind::Cursor);
    }
    places.into_iter().find(|(part, _)| path.contains(part)).map(|(_, agent)| agent)
}

impl Call {
    /// Tells whether a process that was started with these words is the agent.
    ///
    /// Source: the agents' programs, native or scripts of node, by their names and those of their packages.
    pub fn is_program(&self, words: &[String]) -> bool {
        let (name, package) = match self.agent {
            AgentKind::ClaudeCode => ("claude", "claude-code"),
            AgentKind::Codex => ("codex", "@openai"),
            AgentKind::GeminiCli => ("gemini", "gemini-cli"),
            AgentKind::QwenCode => ("qwen", "qwen-code"),
            AgentKind::OpenCode => ("opencode", "opencode-ai"),
            AgentKind::CopilotCli => ("copilot", "@github"),
            AgentKind::Cursor => ("cursor", "cursor-agent"),
            AgentKind::Droid => ("droid", "@factory"),
            _ => return false,
        };
        let is_it = |word: &String| {
            let mut parts = word.rsplit('/');
            let file = parts.next().unwrap_or_default();
            let stem = file.split('.').next().unwrap_or_default();
            stem == name || stem == package || parts.any(|part| part == package)
        };
        // The second word is the script of an interpreter; of a shell's own line it is an option.
        words.iter().take(2).any(is_it)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn call(event: &str, said: Value) -> Call {
        let text = said.to_string();
        Call::parse(AgentKind::ClaudeCode, Some(event), text.as_bytes()).expect("a call")
    }

    #[test]
    fn who_calls_is_known_by_what_is_said() {
        for (path, agent) in [
            ("/home/a/.codex/sessions/2026/11/20/rollout-x.jsonl", AgentKind::Codex),
            ("/home/a/.gemini/tmp/x/chats/y.jsonl", AgentKind::GeminiCli),
            ("/home/a/.claude/projects/x/y.jsonl", AgentKind::ClaudeCode),
            ("/elsewhere", AgentKind::ClaudeCode),
        ] {
            let said = json!({ "session_id": "x", "transcript_path": path });
            assert_eq!(call("Stop", said).agent, agent, "{path}");
        }
        let said =
            json!({ "conversation_id": "x", "cursor_version": "1", "workspace_roots": ["/r"] });
        let call = call("Stop", said);
        assert_eq!((call.agent, call.dir.as_deref()), (AgentKind::Cursor, Some("/r")));
    }

    #[test]
    fn what_has_happened_is_known_in_the_words_of_all_agents() {
        for (event, moment) in [
            ("SessionStart", Moment::Start),
            ("sessionStart", Moment::Start),
            ("BeforeAgent", Moment::Prompt),
            ("userPromptSubmitted", Moment::Prompt),
            ("AfterTool", Moment::Work),
            ("of tomorrow", Moment::Work),
            ("Notification", Moment::Wait),
            ("AfterAgent", Moment::Idle),
            ("SessionEnd", Moment::End),
        ] {
            assert_eq!(call(event, json!({ "session_id": "x" })).moment, moment, "{event}");
        }
        let idle = json!({ "session_id": "x", "notification_type": "idle_prompt" });
        assert_eq!(call("Notification", idle).moment, Moment::Idle);
        let part = json!({ "session_id": "x", "agent_id": "y" });
        assert_eq!(call("Stop", part).moment, Moment::Work);
    }

    #[test]
    fn only_of_an_agent_without_a_transcript_the_call_itself_counts() {
        let said = |id: &str| json!({ id: "x", "tool_name": "ls", "tool_use_id": "t", "tool_response": "a" });
        assert_eq!(call("PostToolUse", said("session_id")).events, []);
        let one = call("postToolUse", said("conversation_id"));
        let kinds: Vec<&str> = one.events.iter().map(Event::kind).collect();
        assert_eq!(kinds, ["tool.call", "tool.result"]);
        assert_eq!(call("preToolUse", said("conversation_id")).events, []);
        let again = call("PostToolUse", said("conversation_id"));
        assert_eq!(one.key(b"in one order"), again.key(b"in another"));
    }

    #[test]
    fn an_agent_is_found_by_the_name_of_its_program() {
        let said = call("Stop", json!({ "session_id": "x" }));
        let is_it = |line: &str| {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            said.is_program(&words)
        };
        for line in [
            "claude -p x",
            "/usr/bin/claude",
            "node /x/bin/claude.js",
            "node /x/node_modules/@anthropic-ai/claude-code/cli.js",
        ] {
            assert!(is_it(line), "{line}");
        }
        for line in ["sh -c claude", "vim claude-notes", "/home/claude/bin/x", "node x.js claude"] {
            assert!(!is_it(line), "{line}");
        }
    }
}
