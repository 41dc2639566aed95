//! A conversation as a trajectory of the Agent Trajectory Interchange Format, version 1.8.
//!
//! Source: Harbor, RFC 0001. Unknown keys are allowed in `extra` only.

use std::collections::{HashMap, HashSet};

use crate::model::conversation::{Content, Event, Message, Payload, Role, ToolCall, Usage};
use crate::model::{Map, Session, Value};

/// The version that is written.
const VERSION: &str = "ATIF-v1.8";

/// One step: what somebody said, with what the agent called and got.
#[derive(Default)]
struct Step {
    source: &'static str,
    at: Option<Value>,
    msg: Option<String>,
    model: Option<String>,
    is_copied: bool,
    said: Vec<String>,
    thought: Vec<String>,
    calls: Vec<Value>,
    results: Vec<Value>,
    usage: Option<Usage>,
}

/// Returns the conversation of a session; `None` if nothing is in it that is a step. What happened in side threads
/// and what was replaced is left out.
pub fn write(session: &Session, events: &[Event]) -> Option<Map> {
    let steps = steps(events);
    if steps.is_empty() {
        return None;
    }
    let n_steps = steps.len();
    let model = session.model.clone().or_else(|| steps.iter().find_map(|step| step.model.clone()));
    let mut agent = object([
        ("name", session.agent.as_deref().unwrap_or("unknown").into()),
        ("version", version(events).into()),
    ]);
    put(&mut agent, "model_name", model.map(Value::from));
    let steps: Vec<Value> =
        steps.into_iter().zip(1..).map(|(step, n)| step.into_value(n)).collect();
    let tokens = &session.tokens;
    let fed = tokens.total() - tokens.output.min(tokens.total());
    Some(object([
        ("schema_version", VERSION.into()),
        ("session_id", session.id.to_string().into()),
        ("agent", agent.into()),
        ("steps", steps.into()),
        (
            "final_metrics",
            object([
                ("total_prompt_tokens", fed.into()),
                ("total_completion_tokens", tokens.output.into()),
                ("total_cached_tokens", tokens.cache_read.into()),
                ("total_steps", n_steps.into()),
            ])
            .into(),
        ),
        (
            "extra",
            object([
                ("title", session.title.as_str().into()),
                ("status", session.status.as_str().into()),
            ])
            .into(),
        ),
    ]))
}

fn version(events: &[Event]) -> String {
    let version = events.iter().find_map(|event| match &event.payload {
        Payload::SessionStart(start) => start.agent_version.clone(),
        _ => None,
    });
    version.unwrap_or_else(|| "unknown".to_owned())
}

fn steps(events: &[Event]) -> Vec<Step> {
    let replaced: HashSet<u64> = events.iter().flat_map(|event| &event.replaces).copied().collect();
    let mut steps: Vec<Step> = Vec::new();
    let mut step_of: HashMap<String, usize> = HashMap::new();
    for event in events.iter().filter(|event| event.thread.is_none()) {
        if event.seq.is_some_and(|seq| replaced.contains(&seq)) {
            continue;
        }
        match &event.payload {
            Payload::Message(it) if !it.is_meta => say(&mut steps, event, it),
            Payload::ToolCall(it) => {
                let n = call(&mut steps, event, it);
                step_of.insert(it.call.clone(), n);
            }
            Payload::ToolResult(it) => {
                // A result of a call that nobody made is no observation.
                let Some(n) = step_of.get(&it.call) else { continue };
                let content = Content::text_of(&it.content);
                let pairs =
                    [("source_call_id", it.call.as_str().into()), ("content", content.into())];
                steps[*n].results.push(object(pairs).into());
            }
            Payload::Usage(it) => {
                let is_it = |step: &&mut Step| {
                    step.source == "agent" && (it.msg.is_none() || step.msg == it.msg)
                };
                if let Some(step) = steps.iter_mut().rev().find(is_it) {
                    step.usage = Some(it.clone());
                }
            }
            _ => {}
        }
    }
    steps
}

fn say(steps: &mut Vec<Step>, event: &Event, it: &Message) {
    let source = match it.role {
        Role::Assistant => "agent",
        Role::User => "user",
        _ => "system",
    };
    let is_part = |last: &&mut Step| {
        source == "agent" && last.source == source && it.msg.is_some() && last.msg == it.msg
    };
    if steps.last_mut().filter(is_part).is_none() {
        steps.push(Step {
            msg: it.msg.clone(),
            model: it.model.clone(),
            ..Step::of(source, event)
        });
    }
    let Some(step) = steps.last_mut() else { return };
    for piece in &it.content {
        match piece {
            Content::Text(text) => step.said.push(text.clone()),
            Content::Thinking(text) => step.thought.push(text.clone()),
            Content::Json(value) => step.said.push(value.to_string()),
            _ => {}
        }
    }
}

/// Adds a call to the step that it is a part of, and returns that step's index.
fn call(steps: &mut Vec<Step>, event: &Event, it: &ToolCall) -> usize {
    let is_part = |last: &&Step| last.source == "agent" && (it.msg.is_none() || last.msg == it.msg);
    if steps.last().filter(is_part).is_none() {
        steps.push(Step { msg: it.msg.clone(), ..Step::of("agent", event) });
    }
    let n = steps.len() - 1;
    let arguments = match &it.input {
        Value::Object(map) => map.clone(),
        other => object([("input", other.clone())]),
    };
    steps[n].calls.push(
        object([
            ("tool_call_id", it.call.as_str().into()),
            ("function_name", it.name.as_str().into()),
            ("arguments", arguments.into()),
        ])
        .into(),
    );
    n
}

impl Step {
    fn of(source: &'static str, event: &Event) -> Step {
        let at = event.at.map(|at| Value::from(at.to_string()));
        Step { source, at, is_copied: event.copied, ..Step::default() }
    }

    fn into_value(self, n: u64) -> Value {
        let mut map = object([("step_id", n.into())]);
        put(&mut map, "timestamp", self.at);
        put(&mut map, "source", Some(self.source.into()));
        put(&mut map, "message", Some(self.said.join("\n").into()));
        if self.source == "agent" {
            put(&mut map, "model_name", self.model.map(Value::from));
            let thought = self.thought.join("\n");
            put(&mut map, "reasoning_content", (!thought.is_empty()).then(|| thought.into()));
            put(&mut map, "tool_calls", (!self.calls.is_empty()).then(|| self.calls.into()));
            let results = |results: Vec<Value>| object([("results", results.into())]).into();
            put(&mut map, "observation", (!self.results.is_empty()).then(|| results(self.results)));
            put(&mut map, "metrics", self.usage.map(|usage| metrics(&usage)));
        }
        put(&mut map, "is_copied_context", self.is_copied.then_some(Value::Bool(true)));
        Value::Object(map)
    }
}

fn metrics(usage: &Usage) -> Value {
    let mut map = object([
        ("prompt_tokens", usage.fed().into()),
        ("completion_tokens", usage.output.into()),
        ("cached_tokens", usage.cache_read.into()),
    ]);
    let dollars = usage.cost.as_ref().filter(|cost| cost.currency == "USD");
    put(&mut map, "cost_usd", dollars.map(|cost| cost.amount.into()));
    Value::Object(map)
}

fn put(map: &mut Map, key: &str, value: Option<Value>) {
    if let Some(value) = value {
        map.insert(key.to_owned(), value);
    }
}

fn object<const N: usize>(pairs: [(&str, Value); N]) -> Map {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}
