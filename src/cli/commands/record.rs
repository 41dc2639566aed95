use std::io::IsTerminal;

use clap::{Args, ValueHint};
use clap_complete::engine::ArgValueCompleter;

use super::show::check_fields;
use crate::cli::app::App;
use crate::cli::options::Json;
use crate::cli::{CliError, complete, follow, input};
use crate::format::choragen_line;
use crate::model::conversation::{
    Content, Decision, Event, Fault, Governance, Message, Payload, Role, ToolCall, ToolResult,
    Usage,
};
use crate::model::{Map, Value};
use crate::ops::record::{self, Recorded};
use crate::ops::{OpError, limits, record_lines};
use crate::render::json;

/// The most that one call reads, in bytes.
const MAX_INPUT: u64 = 256 << 20;

/// Record what is said and done in a session, as one event of its history
///
/// Without options, events are read from standard input, one JSON object a line: {"kind": "message",
/// "role": "user", "content": "..."}, or "tool.call", "tool.result", "usage", "decision", "error", "note",
/// "checkpoint" and others (src/format/FORMAT.md, "Conversation events"); a kind of your own begins with
/// "x.". The shapes of Choragen are taken too: {role, content}, {timestamp, name, params, result,
/// governanceResult}, {input, output, total}. A line that is no event is refused with its number, and
/// nothing of the call is kept.
///
/// Several options are several events of one call: message, tool, tokens, decision, error, note, in this
/// order. An event that does not say when it happened happens now. When the command succeeds, all of it is
/// durable. An ended session can be recorded into, too.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  git session record --role user --message \"Fix the login\"\n  \
    git session record --tool bash --params '{\"command\": \"ls\"}' --result '\"a.txt\"'\n  \
    git session record --tokens in=1200,out=300 --decision \"Keep the old API\"\n  \
    git session record qpvuntsm --input events.jsonl"
)]
pub struct Record {
    /// The session; default: the current one
    #[arg(value_name = "session", add = ArgValueCompleter::new(complete::sessions))]
    session: Option<String>,
    /// Read events as JSON Lines from a file or '-'
    #[arg(long, value_name = "file", value_hint = ValueHint::FilePath)]
    input: Option<String>,
    /// Record the lines of a file of events as they are written, as "tail -F" reads it, until the session
    /// ends or you stop it; what was recorded is not recorded again
    #[arg(long, value_name = "file", value_hint = ValueHint::FilePath,
          conflicts_with_all = ["input", "said"])]
    follow: Option<String>,
    #[command(flatten)]
    said: Said,
    #[command(flatten)]
    json: Json,
}

/// Events that are said on the command line.
#[derive(Debug, Args)]
#[group(id = "said", multiple = true, conflicts_with = "input")]
struct Said {
    /// Something that was said; with --role
    #[arg(long, value_name = "text", requires = "role")]
    message: Option<String>,
    /// Who said it
    #[arg(long, value_name = "role", requires = "message",
          value_parser = ["user", "assistant", "system", "developer", "tool"])]
    role: Option<String>,
    /// A tool that was called
    #[arg(long, value_name = "name")]
    tool: Option<String>,
    /// What it was given
    #[arg(long, value_name = "json", requires = "tool")]
    params: Option<String>,
    /// What it gave
    #[arg(long, value_name = "json", requires = "tool")]
    result: Option<String>,
    /// Why it was not allowed
    #[arg(long, value_name = "reason", requires = "tool")]
    denied: Option<String>,
    /// Tokens that were used: in, out, cache_read, cache_write
    #[arg(long, value_name = "in=n,out=n", value_delimiter = ',')]
    tokens: Vec<String>,
    /// Something that was decided
    #[arg(long, value_name = "text")]
    decision: Option<String>,
    /// Something that failed
    #[arg(long, value_name = "text")]
    error: Option<String>,
    /// Work went on after the error
    #[arg(long, requires = "error")]
    recovered: bool,
    /// A remark
    #[arg(long, value_name = "text")]
    note: Option<String>,
}

impl Record {
    /// Does it.
    pub fn run(self, app: &App) -> Result<(), CliError> {
        check_fields::<json::RecordedObject>(&self.json.fields())?;
        let session_id = app.resolve(self.session.as_deref())?;
        if let Some(path) = &self.follow {
            return follow::record(app, session_id, path, &|recorded| self.answer(app, recorded));
        }
        let context = app.context()?;
        let events = match self.said.events(&context.op)? {
            said if !said.is_empty() => said,
            _ => record_lines::read(&self.read(app)?, &context.op)?,
        };
        let recorded = record::record(app.store()?, &context, session_id, &events, None)?;
        self.answer(app, &recorded)
    }

    /// Reads what is piped in, unless a file is named.
    fn read(&self, app: &App) -> Result<Vec<u8>, CliError> {
        match &self.input {
            Some(path) => input::read(app, path, MAX_INPUT),
            None if std::io::stdin().is_terminal() => Err(CliError::Usage(
                "nothing to record: give --message, --tool, --tokens, --decision, --error, --note or \
                 --input"
                    .into(),
            )),
            None => input::read(app, "-", MAX_INPUT),
        }
    }

    fn answer(&self, app: &App, recorded: &Recorded) -> Result<(), CliError> {
        let session = &recorded.changed.view.session;
        let handle = session.id.handle();
        app.narrate(&match recorded.seqs.clone().map(|seqs| (*seqs.start(), *seqs.end())) {
            None => format!("Session {handle}: nothing to record"),
            Some((first, last)) if first == last => {
                format!("Session {handle}: recorded event {first}")
            }
            Some((first, last)) => format!("Session {handle}: recorded events {first} to {last}"),
        });
        warn_of_tokens(app, session);
        if self.json.is_wanted() {
            let map = json::to_map(&json::recorded(recorded));
            app.answer_json(&json::select(map, &self.json.fields()))?;
        }
        Ok(())
    }
}

/// Warns when the session has used most of the tokens that it may use.
fn warn_of_tokens(app: &App, session: &crate::model::Session) {
    let tokens = limits::tokens(session);
    let (Some(limit), Some(percent)) = (tokens.limit, tokens.percent()) else { return };
    if tokens.state(limits::WARN_AT) != limits::State::Ok {
        let (handle, used) = (session.id.handle(), tokens.used);
        let said = format!("session {handle} has used {used} of {limit} tokens ({percent} %)");
        app.narrate(&format!("warning: {said}"));
    }
}

impl Said {
    /// Returns the events; tool calls get an id that begins with `op`.
    fn events(&self, op: &str) -> Result<Vec<Event>, CliError> {
        let mut events = Vec::new();
        if let (Some(text), Some(role)) = (&self.message, &self.role) {
            let role = role.parse::<Role>().expect("the option has only roles as values");
            events.push(Event::new(Message::new(role, vec![Content::Text(text.clone())])));
        }
        if let Some(name) = &self.tool {
            self.tool(name, format!("{op}-1"), &mut events)?;
        }
        if !self.tokens.is_empty() {
            events.push(Event::new(usage(&self.tokens)?));
        }
        if let Some(text) = &self.decision {
            let decision = Decision { text: text.clone(), ..Decision::default() };
            events.push(Event::new(decision));
        }
        if let Some(message) = &self.error {
            let is_recovered = self.recovered;
            let message = message.clone();
            events.push(Event::new(Fault { message, is_recovered, ..Fault::default() }));
        }
        if let Some(text) = &self.note {
            events.push(Event::new(Payload::Note(text.clone())));
        }
        Ok(events)
    }

    fn tool(&self, name: &str, call: String, events: &mut Vec<Event>) -> Result<(), OpError> {
        let denied = |reason: &String| Governance {
            is_allowed: false,
            reason: Some(reason.clone()),
            ..Governance::default()
        };
        let input = self.params.as_deref().map(|text| json_of("--params", text)).transpose()?;
        events.push(Event::new(ToolCall {
            call: call.clone(),
            name: name.to_owned(),
            tool_kind: None,
            input: input.unwrap_or_else(|| Value::Object(Map::new())),
            msg: None,
            governance: self.denied.as_ref().map(denied),
        }));
        let result = self.result.as_deref().map(|text| json_of("--result", text)).transpose()?;
        let result = match (result, &self.denied) {
            (Some(result), _) => choragen_line::tool_result(call, result),
            (None, Some(reason)) => {
                let content = vec![Content::Text(reason.clone())];
                ToolResult { call, is_ok: Some(false), content, ..ToolResult::default() }
            }
            (None, None) => return Ok(()),
        };
        events.push(Event::new(result));
        Ok(())
    }
}

fn json_of(option: &str, text: &str) -> Result<Value, OpError> {
    text.parse().map_err(|error| OpError::invalid(option, format!("is not JSON: {error}")))
}

/// Reads `in=1200,out=300`.
fn usage(tokens: &[String]) -> Result<Usage, OpError> {
    let mut usage = Usage::default();
    for word in tokens {
        let invalid = || OpError::invalid("--tokens", format!("'{word}' is not <name>=<count>"));
        let (name, count) = word.split_once('=').ok_or_else(invalid)?;
        let count: u64 = count.parse().ok().filter(|n| *n <= 1 << 53).ok_or_else(invalid)?;
        let slot = match name {
            "in" | "input" => &mut usage.input,
            "out" | "output" => &mut usage.output,
            "cache_read" => &mut usage.cache_read,
            "cache_write" => &mut usage.cache_write,
            _ => {
                let allowed =
                    ["in", "out", "cache_read", "cache_write"].map(str::to_owned).to_vec();
                let reason = format!("'{name}' is unknown");
                return Err(OpError::InvalidValue { field: "--tokens".into(), reason, allowed });
            }
        };
        *slot = count;
    }
    Ok(usage)
}
