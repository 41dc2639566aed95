//! `show --log`, `--messages`, `--tools`: the conversation of a session.

use crate::cli::app::App;
use crate::cli::options::Json;
use crate::cli::{CliError, output};
use crate::format::{choragen, event};
use crate::model::conversation::Event;
use crate::model::{Map, Value};
use crate::ops::OpError;
use crate::ops::conversation::Conversation;
use crate::ops::load::Loaded;
use crate::render::conversation::{self as text, Part};
use crate::render::json;

/// Shows a part of a conversation.
pub fn show(app: &App, loaded: &Loaded, part: Part, wanted: &Json) -> Result<(), CliError> {
    let events = Conversation::of(app.store()?, loaded);
    match (wanted.is_wanted(), part) {
        (true, Part::Everything) => lines(app, events, &wanted.fields()),
        (true, _) => document(app, events, part, &wanted.fields()),
        (false, _) => page(app, events, part),
    }
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
    let events: Vec<Event> = events.collect();
    let told = choragen::project(&events);
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
