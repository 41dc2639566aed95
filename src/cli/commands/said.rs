//! `show --log`, `--messages`, `--tools`: the conversation of a session.

use crate::cli::app::App;
use crate::cli::options::Json;
use crate::cli::{CliError, output};
use crate::format::{choragen, event};
use crate::model::conversation::{Event, Payload};
use crate::model::{Map, Value};
use crate::ops::OpError;
use crate::ops::conversation::{Conversation, source_bytes};
use crate::ops::load::Loaded;
use crate::ops::sources::Sources;
use crate::render::conversation::{self as text, Part};
use crate::render::json;

/// The most bytes of events that one document is made of; their lines have no limit.
const MAX_DOCUMENT: usize = 1 << 30;

/// Shows a part of a conversation.
pub fn show(app: &App, loaded: &Loaded, part: Part, wanted: &Json) -> Result<(), CliError> {
    let events = Conversation::of(app.store()?, loaded);
    match (wanted.is_wanted(), part) {
        (true, Part::Everything) => lines(app, events, &wanted.fields()),
        (true, _) => document(app, events, part, &wanted.fields()),
        (false, _) => page(app, events, part),
    }
}

/// Writes the bytes of a transcript.
pub fn raw(app: &App, loaded: &Loaded, wanted: Option<u64>) -> Result<(), CliError> {
    let session = &loaded.view.session;
    let extent = &session.conversation;
    let name = session.id.to_string();
    let sources = Sources::of(app.store()?, &name, extent, loaded.view.tip).all()?;
    let kept: Vec<u64> = sources.iter().filter(|it| it.n_bytes > 0).map(|it| it.n).collect();
    let refuse = |reason: &str| OpError::InvalidValue {
        field: "--source".into(),
        reason: reason.into(),
        allowed: kept.iter().map(u64::to_string).collect(),
    };
    let n = match (wanted, kept.as_slice()) {
        (Some(n), _) if kept.contains(&n) => n,
        (Some(_), _) => return Err(refuse("there is no such transcript").into()),
        (None, [n]) => *n,
        (None, []) => return Err(refuse("the session has no transcript").into()),
        (None, _) => return Err(refuse("the session has several transcripts").into()),
    };
    let of = (&loaded.snapshot, extent);
    source_bytes(app.store()?, &name, of, n, |bytes| app.answer(|out| out.write_all(bytes)))
}

fn page(app: &App, events: Conversation<'_>, part: Part) -> Result<(), CliError> {
    app.page();
    let style = output::style(app);
    let mut is_first = true;
    for event in events.filter(|event| part.has(event)) {
        app.answer(|out| {
            if !is_first {
                writeln!(out)?;
            }
            text::event(out, &event, &style)
        })?;
        is_first = false;
    }
    Ok(())
}

/// Answers with one event a line.
fn lines(app: &App, events: Conversation<'_>, fields: &[String]) -> Result<(), CliError> {
    for event in events {
        app.answer_json(&json::select(event::to_map(&event), fields))?;
    }
    Ok(())
}

/// Answers with one document in Choragen's shape.
fn document(
    app: &App,
    events: Conversation<'_>,
    part: Part,
    fields: &[String],
) -> Result<(), CliError> {
    let told = choragen::project(&collect(events)?);
    let (key, list) = match part {
        Part::Tools => ("toolCalls", told.tool_calls),
        _ => ("messages", told.messages),
    };
    if let Some(field) = fields.iter().find(|field| *field != key) {
        let known = vec![key.to_owned()];
        let field = field.clone();
        return Err(OpError::UnknownField { kind: "JSON field", field, known }.into());
    }
    let document: Map = [(key.to_owned(), Value::from(list))].into_iter().collect();
    app.answer_json(&document)
}

/// Returns the events that a document is made of.
fn collect(events: Conversation<'_>) -> Result<Vec<Event>, OpError> {
    let is_needed = |event: &Event| {
        let said = matches!(
            event.payload,
            Payload::Message(_) | Payload::ToolCall(_) | Payload::ToolResult(_)
        );
        said || !event.replaces.is_empty()
    };
    let (mut kept, mut n_bytes) = (Vec::new(), 0);
    for event in events.filter(is_needed) {
        n_bytes += size_of::<Event>() + event::to_line(&event).len();
        if n_bytes > MAX_DOCUMENT {
            let reason = "the conversation is too large for one document; use --log --json";
            return Err(OpError::invalid("conversation", reason));
        }
        kept.push(event);
    }
    Ok(kept)
}
