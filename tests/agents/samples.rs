//! One small transcript of each agent, in its format.

use git_session::agents::{AgentKind, Transcript};
use git_session::model::conversation::{Content, Event, Payload, Role, Totals};

use crate::corpus::read_as;

/// A transcript, and what is in it.
pub struct Sample {
    pub kind: AgentKind,
    pub text: &'static str,
    /// The kinds of its events.
    pub kinds: &'static str,
    /// Tokens: input, cache read, cache write, output.
    pub tokens: [u64; 4],
}

pub const SAMPLES: [Sample; 17] = [
    Sample {
        kind: AgentKind::ClaudeCode,
        text: concat!(
            r#"{"type":"summary","summary":"Look","leafUuid":"u1"}"#,
            "\n",
            r#"{"type":"user","uuid":"u1","parentUuid":null,"sessionId":"s","cwd":"/w","version":"2.1.0","gitBranch":"main","timestamp":"2026-01-01T00:00:00Z","message":{"role":"user","content":"look"}}"#,
            "\n",
            r#"{"type":"assistant","uuid":"u2","parentUuid":"u1","sessionId":"s","timestamp":"2026-01-01T00:00:01Z","message":{"id":"m1","role":"assistant","model":"x","content":[{"type":"text","text":"so"}],"stop_reason":null,"usage":{"input_tokens":3,"cache_read_input_tokens":5,"cache_creation_input_tokens":7,"output_tokens":1}}}"#,
            r#"{"type":"assistant","uuid":"u3","parentUuid":"u2","sessionId":"s","timestamp":"2026-01-01T00:00:02Z","message":{"id":"m1","role":"assistant","model":"x","content":[{"type":"tool_use","id":"t1","name":"Bash","input":{"command":"ls"}}],"stop_reason":"tool_use","usage":{"input_tokens":3,"cache_read_input_tokens":5,"cache_creation_input_tokens":7,"output_tokens":9}}}"#,
            "\r\n",
            r#"{"type":"user","uuid":"u4","parentUuid":"u3","sessionId":"s","timestamp":"2026-01-01T00:00:03Z","message":{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":"a\ud83d"}]},"toolUseResult":{"stdout":"a"}}"#,
            "\n",
            r#"{"type":"system","subtype":"compact_boundary","uuid":"u5","sessionId":"s","timestamp":"2026-01-01T00:00:04Z","compactMetadata":{"trigger":"auto","preTokens":9}}"#,
            "\n",
        ),
        kinds: "meta session.start message message usage tool.call usage tool.result compaction",
        tokens: [3, 5, 7, 9],
    },
    Sample {
        kind: AgentKind::Codex,
        text: concat!(
            r#"{"timestamp":"2026-01-01T00:00:00Z","type":"session_meta","payload":{"id":"s","cwd":"/w","cli_version":"0.146.0","git":{"branch":"main","commit_hash":"abc"}}}"#,
            "\n",
            r#"{"timestamp":"2026-01-01T00:00:00Z","type":"turn_context","payload":{"turn_id":"t","cwd":"/w","model":"x"}}"#,
            "\n",
            r#"{"timestamp":"2026-01-01T00:00:01Z","type":"response_item","payload":{"type":"message","role":"user","content":[{"type":"input_text","text":"look"}]}}"#,
            "\n",
            r#"{"timestamp":"2026-01-01T00:00:01Z","type":"event_msg","payload":{"type":"user_message","message":"look"}}"#,
            "\n",
            r#"{"timestamp":"2026-01-01T00:00:02Z","type":"response_item","payload":{"type":"function_call","name":"shell","arguments":"{\"command\":[\"ls\"]}","call_id":"c"}}"#,
            "\n",
            r#"{"timestamp":"2026-01-01T00:00:03Z","type":"response_item","payload":{"type":"function_call_output","call_id":"c","output":"{\"output\":\"a\",\"metadata\":{\"exit_code\":0}}"}}"#,
            "\n",
            r#"{"timestamp":"2026-01-01T00:00:04Z","type":"event_msg","payload":{"type":"token_count","info":{"total_token_usage":{"input_tokens":8,"cached_input_tokens":5,"output_tokens":9},"last_token_usage":{"input_tokens":8,"cached_input_tokens":5,"output_tokens":9}}}}"#,
            "\n",
            r#"{"timestamp":"2026-01-01T00:00:04Z","type":"event_msg","payload":{"type":"token_count","info":{"total_token_usage":{"input_tokens":8,"cached_input_tokens":5,"output_tokens":9},"last_token_usage":{"input_tokens":8,"cached_input_tokens":5,"output_tokens":9}}}}"#,
            "\n",
            r#"{"timestamp":"2026-01-01T00:00:05Z","type":"event_msg","payload":{"type":"task_complete","turn_id":"t","duration_ms":5}}"#,
            "\n",
        ),
        kinds: "session.start meta message skip tool.call tool.result usage skip turn.end",
        tokens: [3, 5, 0, 9],
    },
    Sample {
        kind: AgentKind::GeminiCli,
        text: concat!(
            r#"{"sessionId":"s","projectHash":"h","startTime":"2026-01-01T00:00:00Z","kind":"main"}"#,
            "\n",
            r#"{"id":"1","timestamp":"2026-01-01T00:00:01Z","type":"user","content":[{"text":"look"}]}"#,
            "\n",
            r#"{"id":"2","timestamp":"2026-01-01T00:00:02Z","type":"gemini","content":"","thoughts":[],"tokens":{"input":8,"output":2,"cached":5,"thoughts":7},"model":"x"}"#,
            "\n",
            r#"{"id":"2","timestamp":"2026-01-01T00:00:02Z","type":"gemini","content":"","thoughts":[],"tokens":{"input":8,"output":2,"cached":5,"thoughts":7},"model":"x","toolCalls":[{"id":"c","name":"read_file","args":{"path":"a"},"result":[{"functionResponse":{"id":"c","response":{"output":"a"}}}],"status":"success"}]}"#,
            "\n",
            r#"{"id":"3","timestamp":"2026-01-01T00:00:02Z","type":"user","content":[{"functionResponse":{"id":"c","response":{"output":"a"}}}]}"#,
            "\n",
            r#"{"$set":{"lastUpdated":"2026-01-01T00:00:03Z"}}"#,
            "\n",
            r#"{"$rewindTo":"1"}"#,
            "\n",
        ),
        kinds: "session.start message message usage skip tool.call tool.result skip skip meta",
        tokens: [3, 5, 0, 9],
    },
    Sample {
        kind: AgentKind::GeminiCli,
        text: "{\n  \"sessionId\": \"s\",\n  \"projectHash\": \"h\",\n  \"startTime\": \"2026-01-01T00:00:00Z\",\n  \"messages\": [\n    {\"id\": \"1\", \"type\": \"user\", \"content\": \"look\"},\n    {\"id\": \"2\", \"type\": \"gemini\", \"content\": \"so\", \"tokens\": {\"input\": 8, \"output\": 9, \"cached\": 5}}\n  ]\n}\n",
        kinds: "session.start message message usage",
        tokens: [3, 5, 0, 9],
    },
    Sample {
        kind: AgentKind::QwenCode,
        text: concat!(
            r#"{"uuid":"1","parentUuid":null,"sessionId":"s","timestamp":"2026-01-01T00:00:00Z","type":"user","cwd":"/w","version":"0.21.0","message":{"role":"user","parts":[{"text":"look"}]}}"#,
            "\n",
            r#"{"uuid":"2","parentUuid":"1","sessionId":"s","timestamp":"2026-01-01T00:00:01Z","type":"system","subtype":"ui_telemetry","systemPayload":{"uiEvent":{}}}"#,
            "\n",
            r#"{"uuid":"3","parentUuid":"2","sessionId":"s","timestamp":"2026-01-01T00:00:02Z","type":"assistant","model":"x","message":{"role":"model","parts":[{"text":"so"},{"functionCall":{"id":"c","name":"read_file","args":{}}}]},"usageMetadata":{"promptTokenCount":8,"candidatesTokenCount":9,"thoughtsTokenCount":2,"totalTokenCount":17,"cachedContentTokenCount":5}}"#,
            "\n",
            r#"{"uuid":"4","parentUuid":"3","sessionId":"s","timestamp":"2026-01-01T00:00:03Z","type":"tool_result","message":{"role":"user","parts":[{"functionResponse":{"id":"c","response":{"output":"a"}}}]},"toolCallResult":{"callId":"c","status":"success"}}"#,
            "\n",
        ),
        kinds: "session.start message skip message tool.call usage tool.result",
        tokens: [3, 5, 0, 9],
    },
    Sample {
        kind: AgentKind::OpenCode,
        text: r#"{"info":{"id":"ses_1","directory":"/w","title":"Look","version":"1.18.0","time":{"created":1767225600000}},"messages":[{"info":{"id":"msg_1","role":"user","time":{"created":1767225601000}},"parts":[{"type":"text","text":"look"}]},{"info":{"id":"msg_2","role":"assistant","modelID":"x","time":{"created":1767225602000},"tokens":{"input":3,"output":4,"reasoning":5,"cache":{"read":5,"write":7}}},"parts":[{"type":"step-start"},{"type":"tool","callID":"c","tool":"read","state":{"status":"completed","input":{},"output":"a"}},{"type":"step-finish","tokens":{"input":3,"output":4}}]}]}"#,
        kinds: "session.start message skip tool.call tool.result skip usage",
        tokens: [3, 5, 7, 9],
    },
    Sample {
        kind: AgentKind::CopilotCli,
        text: concat!(
            r#"{"type":"session.start","data":{"sessionId":"s","copilotVersion":"1.0.0","context":{"cwd":"/w","branch":"main","headCommit":"abc"}},"id":"1","timestamp":"2026-01-01T00:00:00Z","parentId":null}"#,
            "\n",
            r#"{"type":"user.message","data":{"content":"look"},"id":"2","timestamp":"2026-01-01T00:00:01Z","parentId":"1"}"#,
            "\n",
            r#"{"type":"assistant.message","data":{"messageId":"m","content":"so","toolRequests":[{"toolCallId":"c","name":"shell","arguments":"{\"command\":\"ls\"}"}],"outputTokens":9},"id":"3","timestamp":"2026-01-01T00:00:02Z","parentId":"2"}"#,
            "\n",
            r#"{"type":"tool.execution_start","data":{"toolCallId":"c","toolName":"shell","arguments":{"command":"ls"}},"id":"4","timestamp":"2026-01-01T00:00:03Z","parentId":"3"}"#,
            "\n",
            r#"{"type":"tool.execution_complete","data":{"toolCallId":"c","success":true,"result":{"content":"a"}},"id":"5","timestamp":"2026-01-01T00:00:04Z","parentId":"4"}"#,
            "\n",
            r#"{"type":"session.shutdown","data":{"shutdownType":"routine","modelMetrics":{"x":{"usage":{"inputTokens":8,"outputTokens":9,"cacheReadTokens":5,"cacheWriteTokens":7}}}},"id":"6","timestamp":"2026-01-01T00:00:05Z","parentId":"5"}"#,
            "\n",
        ),
        kinds: "session.start message message tool.call usage skip tool.result usage session.end",
        tokens: [3, 5, 7, 9],
    },
    Sample {
        kind: AgentKind::Cursor,
        text: concat!(
            r#"{"role":"user","message":{"content":[{"type":"text","text":"look"}]}}"#,
            "\n",
            r#"{"role":"assistant","message":{"content":[{"type":"text","text":"so"},{"type":"tool_use","name":"Read","input":{"path":"a"}}]}}"#,
            "\n",
        ),
        kinds: "session.start message message tool.call",
        tokens: [0; 4],
    },
    Sample {
        kind: AgentKind::Pi,
        text: concat!(
            r#"{"type":"session","version":3,"id":"s","timestamp":"2026-01-01T00:00:00Z","cwd":"/w"}"#,
            "\n",
            r#"{"type":"message","id":"1","parentId":null,"timestamp":"2026-01-01T00:00:01Z","message":{"role":"user","content":[{"type":"text","text":"look"}]}}"#,
            "\n",
            r#"{"type":"message","id":"2","parentId":"1","timestamp":"2026-01-01T00:00:02Z","message":{"role":"assistant","model":"x","content":[{"type":"toolCall","id":"c","name":"read","arguments":{"path":"a"}}],"usage":{"input":3,"output":9,"cacheRead":5,"cacheWrite":7,"cost":{"total":0.01}}}}"#,
            "\n",
            r#"{"type":"message","id":"3","parentId":"2","timestamp":"2026-01-01T00:00:03Z","message":{"role":"toolResult","toolCallId":"c","content":[{"type":"text","text":"a"}],"isError":false}}"#,
            "\n",
            r#"{"type":"compaction","id":"4","parentId":"3","timestamp":"2026-01-01T00:00:04Z","summary":"so far","tokensBefore":9}"#,
            "\n",
        ),
        kinds: "session.start message tool.call usage tool.result compaction",
        tokens: [3, 5, 7, 9],
    },
    Sample {
        kind: AgentKind::Droid,
        text: concat!(
            r#"{"type":"session_start","id":"s","title":"Look","cwd":"/w"}"#,
            "\n",
            r#"{"type":"message","id":"1","timestamp":"2026-01-01T00:00:01Z","message":{"role":"user","content":[{"type":"text","text":"look"}]}}"#,
            "\n",
            r#"{"type":"message","id":"2","timestamp":"2026-01-01T00:00:02Z","message":{"role":"assistant","content":[{"type":"tool_use","id":"c","name":"Read","input":{}}]}}"#,
            "\n",
            r#"{"type":"message","id":"3","timestamp":"2026-01-01T00:00:03Z","message":{"role":"user","content":[{"type":"tool_result","tool_use_id":"c","content":"a"}]}}"#,
            "\n",
        ),
        kinds: "session.start message tool.call tool.result",
        tokens: [0; 4],
    },
    Sample {
        kind: AgentKind::Amp,
        text: r#"{"v":220,"id":"T-1","created":1767225600000,"title":"Look","messages":[{"role":"user","messageId":0,"content":[{"type":"text","text":"look"}],"meta":{"sentAt":1767225601000}},{"role":"assistant","messageId":1,"content":[{"type":"tool_use","id":"c","name":"Read","input":{}}],"usage":{"model":"x","inputTokens":3,"outputTokens":9,"cacheCreationInputTokens":7,"cacheReadInputTokens":5}},{"role":"user","messageId":2,"content":[{"type":"tool_result","toolUseID":"c","run":{"status":"done","result":{"content":"a"}}}]}],"env":{"initial":{"trees":[{"uri":"file:///w","repository":{"ref":"refs/heads/main","sha":"abc"}}]}}}"#,
        kinds: "session.start message tool.call usage tool.result",
        tokens: [3, 5, 7, 9],
    },
    Sample {
        kind: AgentKind::Cline,
        text: r#"{"version":1,"updated_at":"2026-01-01T00:00:05Z","sessionId":"s","system_prompt":"You are","messages":[{"id":"1","role":"user","content":[{"type":"text","text":"look"}],"ts":1767225601000},{"id":"2","role":"assistant","content":[{"type":"tool_use","id":"c","name":"read_files","input":{}}],"ts":1767225602000,"modelInfo":{"id":"x"},"metrics":{"inputTokens":15,"outputTokens":9,"cacheReadTokens":5,"cacheWriteTokens":7,"cost":0.1}},{"id":"3","role":"user","content":[{"type":"tool_result","tool_use_id":"c","content":"a"}],"ts":1767225603000}]}"#,
        kinds: "session.start message tool.call usage tool.result",
        tokens: [3, 5, 7, 9],
    },
    Sample {
        kind: AgentKind::Aider,
        text: "\n# aider chat started at 2026-01-01 00:00:00\n\n> Aider v0.86.2\n\n#### look\n#### and tell\n\nSo it is.\n\n#### Why\n\nBecause.\n\n> Tokens: 8 sent, 5 cache hit, 9 received.\n> Applied edit to a.txt\n> Commit abc1234 feat: a\n",
        kinds: "session.start message message message usage file link",
        tokens: [3, 5, 0, 9],
    },
    Sample {
        kind: AgentKind::Goose,
        text: concat!(
            r#"{"working_dir":"/w","description":"Look","message_count":2,"accumulated_input_tokens":3,"accumulated_output_tokens":9}"#,
            "\n",
            r#"{"role":"user","created":1767225601,"content":[{"type":"text","text":"look"}]}"#,
            "\n",
            r#"{"role":"assistant","created":1767225602,"content":[{"type":"toolRequest","id":"c","toolCall":{"status":"success","value":{"name":"developer__shell","arguments":{"command":"ls"}}}}]}"#,
            "\n",
            r#"{"role":"user","created":1767225603,"content":[{"type":"toolResponse","id":"c","toolResult":{"status":"success","value":[{"type":"text","text":"a"}]}}]}"#,
            "\n",
        ),
        kinds: "session.start usage message tool.call tool.result",
        tokens: [3, 0, 0, 9],
    },
    Sample {
        kind: AgentKind::Goose,
        text: r#"{"id":"20260101_1","working_dir":"/w","name":"Look","conversation":[{"id":"m1","role":"user","created":1767225601,"content":[{"type":"text","text":"look"}]}]}"#,
        kinds: "session.start message",
        tokens: [0; 4],
    },
    Sample {
        kind: AgentKind::Choragen,
        text: concat!(
            r#"{"eventType":"task:started","entityType":"task","entityId":"001-a","chainId":"CHAIN-001","metadata":{"importedFromGit":true,"commitHash":"abc"},"id":"1","timestamp":"2026-01-01T00:00:00Z"}"#,
            "\n",
            r#"{"eventType":"task:submitted","entityType":"task","entityId":"001-a","metadata":{"previousStatus":"todo","newStatus":"in-review"},"id":"2","timestamp":"2026-01-01T00:00:01Z"}"#,
            "\n",
        ),
        kinds: "session.start state link state",
        tokens: [0, 0, 0, 0],
    },
    Sample {
        kind: AgentKind::Unknown,
        text: r#"{"session_id":"s","messages":[{"role":"user","content":"look"},{"role":"assistant","content":null,"tool_calls":[{"id":"c","function":{"name":"bash","arguments":"{\"command\":\"ls\"}"}}]},{"role":"tool","tool_call_id":"c","content":"a"},{"odd":1}]}"#,
        kinds: "raw message message tool.call tool.result raw",
        tokens: [0; 4],
    },
];

#[test]
fn each_agent_is_told_in_the_same_events_and_counted_by_its_own_rule() {
    for sample in &SAMPLES {
        let told = read_as(sample.kind, sample.text.as_bytes(), 4096);
        let kinds: Vec<&str> = told.events.iter().map(Event::kind).collect();
        assert_eq!(kinds.join(" "), sample.kinds, "{}", sample.kind);
        let sum = told.tokens();
        let tokens = [sum.input, sum.cache_read, sum.cache_write, sum.output];
        assert_eq!(tokens, sample.tokens, "{}", sample.kind);
        assert_eq!(told.offset, sample.text.len() as u64, "{}", sample.kind);
        let is_asked = |it: &Event| {
            matches!(&it.payload, Payload::Message(m) if m.role == Role::User
                && Content::text_of(&m.content).starts_with("look"))
        };
        // In a journal nobody asks.
        let n_asked = usize::from(sample.kind != AgentKind::Choragen);
        assert_eq!(
            told.events.iter().filter(|it| is_asked(it)).count(),
            n_asked,
            "{}",
            sample.kind
        );
    }
}

/// Source: `/background` and `--fork-session` of Claude Code copy the chain with the same ids under a new
/// session id, and say nothing.
#[test]
fn a_fork_that_does_not_say_so_counts_only_what_is_new() {
    let parent = SAMPLES[0].text;
    let mut transcript = Transcript::new(AgentKind::ClaudeCode);
    transcript.push(parent.as_bytes(), &mut Vec::new());
    let new = concat!(
        r#"{"type":"assistant","uuid":"u9","parentUuid":"u5","sessionId":"f","timestamp":"2026-01-01T00:01:00Z","#,
        r#""message":{"id":"m9","role":"assistant","content":"on","usage":{"input_tokens":2,"output_tokens":4}}}"#,
    );
    let fork = format!("{}{new}\n", parent.replace(r#""sessionId":"s""#, r#""sessionId":"f""#));
    let mut forked = Transcript::new(AgentKind::ClaudeCode).inheriting(transcript.lineage());
    let (mut events, mut totals) = (Vec::new(), Totals::default());
    forked.push(fork.as_bytes(), &mut events);
    events.iter().for_each(|event| totals.add(event));
    assert_eq!((totals.sum().input, totals.sum().output), (2, 4));
    assert_eq!(forked.facts().session_id.as_deref(), Some("f"));
    let live: Vec<&str> = Event::live(&events).iter().map(|it| it.kind()).collect();
    assert_eq!(live, ["meta", "session.start", "message", "usage"]);
}

/// Source: a resume may write records again that are there already.
#[test]
fn a_record_that_is_there_twice_counts_once() {
    let twice = [SAMPLES[0].text, SAMPLES[0].text].concat();
    let (once, told) = (
        read_as(AgentKind::ClaudeCode, SAMPLES[0].text.as_bytes(), 4096),
        read_as(AgentKind::ClaudeCode, twice.as_bytes(), 4096),
    );
    assert_eq!(told.tokens(), once.tokens());
    let n_calls = |told: &crate::corpus::Told| {
        let live = Event::live(&told.events);
        live.iter().filter(|it| it.kind() == "tool.call").count()
    };
    assert_eq!(n_calls(&told), n_calls(&once));
    assert!(told.events.len() > once.events.len(), "they are told, as copies");
}
