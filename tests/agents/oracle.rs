//! Totals that other programs computed of the same files.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use git_session::agents::{AgentKind, Lineage, Transcript};
use git_session::model::conversation::{Content, Event, Payload, Role, Totals, Usage};
use serde_json::Value;

use crate::corpus::{self, Told};

/// The counts that are compared.
#[derive(Debug, PartialEq, Eq)]
struct Counts {
    prompt: u64,
    completion: u64,
    cached: u64,
    tool_calls: u64,
}

fn counts(told: &Told) -> Counts {
    let sum = told.tokens();
    let is_call = |it: &&&Event| matches!(it.payload, Payload::ToolCall(_));
    let tool_calls = Event::live(&told.events).iter().filter(is_call).count() as u64;
    Counts { prompt: sum.fed(), completion: sum.output, cached: sum.cache_read, tool_calls }
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).expect("a file")).expect("JSON")
}

/// Source: `oracle-harbor.json`, totals of Harbor 0.25.0; prompt = input + cache, null = not computed.
#[test]
fn tokens_and_tool_calls_are_those_of_an_independent_program() {
    let Some(data) = corpus::data() else {
        return;
    };
    let dir = data.join("transcripts");
    let oracle = json(&dir.join("oracle-harbor.json"));
    let mut wrong = Vec::new();
    println!("{:>9} {:>10} {:>9} {:>5}", "prompt", "completion", "cached", "calls");
    for entry in oracle["files"].as_array().expect("a list") {
        let name = entry["file"].as_str().expect("a name");
        let told = corpus::read(&dir.join(name)).unwrap_or_else(|| panic!("{name} is nobody's"));
        let ours = counts(&told);
        let Counts { prompt, completion, cached, tool_calls } = ours;
        println!("{prompt:>9} {completion:>10} {cached:>9} {tool_calls:>5}  {name}");
        let said = |key: &str, ours: u64| entry[key].as_u64().unwrap_or(ours);
        let theirs = Counts {
            prompt: said("prompt", prompt),
            completion: said("completion", completion),
            cached: said("cached", cached),
            tool_calls: said("tool_calls", tool_calls),
        };
        if ours != theirs {
            wrong.push(format!("{name}: {ours:?}, and not {theirs:?}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Source: as above. What Harbor fills in itself (`w`, `copilot-cli`, `anthropic/x`, `unknown`) is left out.
#[test]
fn the_session_its_model_and_its_turns_are_those_of_an_independent_program() {
    let Some(data) = corpus::data() else {
        return;
    };
    let dir = data.join("transcripts");
    let oracle = json(&dir.join("oracle-harbor.json"));
    // Lines of several sessions; a model of a branch that was left; a record that is broken to us, and
    // prompts that waited, which Harbor leaves out.
    let not_alike = [
        ("claude-code/new-format-lines-2.1.2xx.jsonl", "version"),
        ("qwen-code/agent-sessions/019f0000-0000-7000-8000-000000000004.jsonl", "model"),
        ("copilot-cli/agent-sessions/small.jsonl", "user"),
        ("claude-code/agentsview/queued_system_messages.jsonl", "user"),
        // Codex has no ids of answers; the others are broken records, and a branch that was left.
        ("codex/agent-sessions/small.jsonl", "agent"),
        ("codex/trace/codex_full.jsonl", "agent"),
        ("copilot-cli/agent-sessions/small.jsonl", "agent"),
        ("qwen-code/agent-sessions/019f0000-0000-7000-8000-000000000004.jsonl", "agent"),
    ];
    let filled_in = ["w", "copilot-cli", "anthropic/x", "unknown"];
    for entry in oracle["files"].as_array().expect("a list") {
        let name = entry["file"].as_str().expect("a name");
        let told = corpus::read(&dir.join(name)).expect("an agent's");
        let facts = &told.facts;
        let texts = [
            ("session_id", &facts.session_id),
            ("version", &facts.version),
            ("model", &facts.model),
        ];
        let is_compared = |key: &str| !not_alike.contains(&(name, key));
        for (key, ours) in texts.into_iter().filter(|(key, _)| is_compared(key)) {
            let theirs = entry[key].as_str().filter(|it| !filled_in.contains(it));
            if theirs.is_some() {
                assert_eq!(ours.as_deref(), theirs, "{name}: {key}");
            }
        }
        let (n_said, n_answers) = turns(&told);
        for (key, ours) in [("user", n_said), ("agent", n_answers)] {
            if is_compared(key) {
                assert_eq!(Some(ours as u64), entry[key].as_u64(), "{name}: {key}");
            }
        }
    }
}

/// Returns the number of messages of the person, and of answers: the parts of one have the same id.
fn turns(told: &Told) -> (usize, usize) {
    let (mut n_said, mut answers) = (0, HashSet::new());
    for event in Event::live(&told.events) {
        let msg = match &event.payload {
            Payload::Message(it) if it.role == Role::Assistant => &it.msg,
            Payload::ToolCall(it) => &it.msg,
            Payload::Message(it) if it.role == Role::User => {
                n_said += 1;
                continue;
            }
            _ => continue,
        };
        answers
            .insert(msg.clone().or(event.id.clone()).unwrap_or_else(|| format!("{:?}", event.src)));
    }
    (n_said, answers.len())
}

/// Source: `opencode_expected.jsonl` of the Entire code base: one line for each message, with its tokens.
#[test]
fn the_tokens_of_opencode_are_those_of_a_compact_transcript() {
    let Some(data) = corpus::data() else {
        return;
    };
    let dir = data.join("transcripts/opencode/trace");
    let text = fs::read_to_string(dir.join("opencode_expected.jsonl")).expect("a file");
    let lines: Vec<Value> =
        text.lines().map(|it| serde_json::from_str(it).expect("JSON")).collect();
    let sum = |key: &str| lines.iter().filter_map(|it| it[key].as_u64()).sum::<u64>();
    let is_call = |it: &&Value| it["type"] == "tool_use";
    let calls = lines.iter().filter_map(|it| it["content"].as_array()).flatten().filter(is_call);
    let told = corpus::read(&dir.join("opencode_full.jsonl")).expect("an agent's");
    let tokens = told.tokens();
    assert_eq!((tokens.input, tokens.output), (sum("input_tokens"), sum("output_tokens")));
    assert_eq!(counts(&told).tool_calls, calls.count() as u64);
}

/// Source: `ORACLE.md` of CodexBar, "Scanner units": input with the cached, and the cached again, and
/// output.
#[test]
fn what_a_fork_of_codex_copied_counts_once() {
    let Some(data) = corpus::data() else {
        return;
    };
    let dir = data.join("transcripts/codex/codexbar-live-fork-4d90-52bf");
    let oracle = json(&dir.join("manifest.json"));
    let units = |sum: &Usage| sum.fed() + sum.cache_read + sum.output;
    let read = |name: &str, lineage: Lineage| {
        let mut transcript = Transcript::new(AgentKind::Codex).inheriting(lineage);
        let mut events = Vec::new();
        transcript.push(&fs::read(dir.join(name)).expect("a file"), &mut events);
        transcript.finish(&mut events);
        let mut totals = Totals::default();
        events.iter().for_each(|event| totals.add(event));
        (units(&totals.sum()), transcript)
    };
    let (parent, transcript) = read("parent.jsonl", Lineage::default());
    let (alone, _) = read("child.jsonl", Lineage::default());
    let (child, forked) = read("child.jsonl", transcript.lineage());
    assert_eq!(forked.facts().forked_from, transcript.facts().session_id);
    let said = |key: &str| oracle["scannerOracle"][key].as_u64().expect("a number");
    assert_eq!(parent, said("prefixScannerUnits"));
    assert_eq!(parent + alone, said("naiveScannerUnits"));
    assert_eq!(parent + child, said("dedupedScannerUnits"));
}

/// Source: the run of each real agent with the same three tools, and the tokens that the model said.
#[test]
fn the_scripted_run_of_each_real_agent_has_its_prompt_its_calls_and_its_tokens() {
    let Some(data) = corpus::data() else {
        return;
    };
    // The rows of OpenCode end with its sixth part, which is the second call.
    let runs = [
        ("claude/transcript.jsonl", (606, 200, 80), 3),
        ("codex/transcript.jsonl", (406, 200, 80), 3),
        ("gemini/transcript.jsonl", (406, 0, 80), 3),
        ("opencode/opencode.db.json", (406, 200, 80), 2),
    ];
    for (name, tokens, n_calls) in runs {
        let told = corpus::read(&data.join("hooks").join(name));
        let told = told.unwrap_or_else(|| panic!("{name} is nobody's"));
        let ours = counts(&told);
        println!("{name}: {ours:?}");
        assert_eq!(ours.tool_calls, n_calls, "{name}");
        assert_eq!((ours.prompt, ours.cached, ours.completion), tokens, "{name}");
        let is_prompt = |it: &&Event| {
            matches!(&it.payload, Payload::Message(m) if m.role == Role::User && !m.is_meta
                && Content::text_of(&m.content).contains("please do the scripted thing"))
        };
        assert_eq!(told.events.iter().filter(is_prompt).count(), 1, "{name}");
    }
}
