use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use schemars::JsonSchema;

use super::said;
use super::start::shown;
use crate::cli::app::App;
use crate::cli::options::Json;
use crate::cli::{CliError, complete, date, output};
use crate::model::{SessionId, Timestamp};
use crate::ops::OpError;
use crate::ops::links;
use crate::ops::load::{self, Loaded, View};
use crate::ops::log::{self, LoggedEvent};
use crate::render::conversation::Part;
use crate::render::format::Format;
use crate::render::json::{self, SessionObject};
use crate::render::{commit, log as text, session};

/// Show one session
#[derive(Debug, Args)]
pub struct Show {
    /// The session; default: the current one
    #[arg(value_name = "session", add = ArgValueCompleter::new(complete::sessions))]
    session: Option<String>,
    #[command(flatten)]
    json: Json,
    /// Print the record as it is stored
    #[arg(long, conflicts_with = "json")]
    yaml: bool,
    /// Print placeholders such as %(handle) or %(links.issue), as "git for-each-ref" has them
    #[arg(long, value_name = "format", conflicts_with_all = ["json", "yaml"])]
    format: Option<String>,
    /// Show the conversation, the oldest event first; with --json, one event a line
    #[arg(long, conflicts_with_all = ["yaml", "format"])]
    log: bool,
    /// Show what was said; with --json, as {"messages": [{role, content, ...}]}
    #[arg(long, conflicts_with_all = ["yaml", "format", "log"])]
    messages: bool,
    /// Show which tools were called, and what they gave; with --json, as {"toolCalls": [{timestamp, name,
    /// params, result, governanceResult}]}
    #[arg(long, conflicts_with_all = ["yaml", "format", "log", "messages"])]
    tools: bool,
    /// Show the commits that were made in it, the oldest first; with --json, as {"commits": [{commit, seq, ...}]}
    #[arg(long, conflicts_with_all = ["yaml", "format", "log", "messages", "tools"])]
    commits: bool,
    /// Write the transcript of an agent as it is kept, byte for byte
    #[arg(long, conflicts_with_all = ["yaml", "format", "log", "messages", "tools", "commits", "json"])]
    raw: bool,
    /// Which transcript, by its number in "conversation.sources", if there are several
    #[arg(long, value_name = "n", requires = "raw")]
    source: Option<u64>,
    /// Show it as it was after this commit of its history, or at this date
    #[arg(long, value_name = "rev-or-date")]
    at: Option<String>,
}

impl Show {
    /// Returns what of the conversation is wanted.
    fn part(&self) -> Option<Part> {
        match (self.log, self.messages, self.tools) {
            (true, _, _) => Some(Part::Everything),
            (_, true, _) => Some(Part::Messages),
            (_, _, true) => Some(Part::Tools),
            _ => None,
        }
    }

    /// Does it.
    pub fn run(self, app: &App) -> Result<(), CliError> {
        let session_id = app.resolve(self.session.as_deref())?;
        let loaded = match &self.at {
            None => load::load(app.store()?, session_id)?,
            Some(at) => load_as_of(app, session_id, at)?,
        };
        if self.raw {
            return said::raw(app, &loaded, self.source);
        }
        if self.commits {
            return commits(app, &loaded, &self.json);
        }
        if let Some(part) = self.part() {
            return said::show(app, &loaded, part, &self.json);
        }
        if self.json.is_wanted() {
            return answer_json(app, &loaded.view, &self.json);
        }
        if self.yaml {
            return app.answer(|out| out.write_all(&loaded.snapshot.record));
        }
        let view = loaded.view.with_commits(app.store()?, &loaded.snapshot)?;
        if let Some(format) = &self.format {
            let format = named_format(app, format)?;
            let map = shown(app, &view);
            return app.answer(|out| {
                format.write(out, &map, app.now)?;
                writeln!(out)
            });
        }
        let (root, refs) = (app.store()?.root(), app.store()?.ref_names(&[session_id]));
        let since = state_since(app, &view)?;
        app.page();
        let style = output::style(app);
        app.answer(|out| session::show(out, &view, &root, &refs, since, &style))
    }
}

/// Shows the commits of a session.
fn commits(app: &App, loaded: &Loaded, wanted: &Json) -> Result<(), CliError> {
    let store = app.store()?;
    let made = links::commits_of(store, &loaded.snapshot, &loaded.view.session)?;
    let told = links::with_subjects(store, made);
    if wanted.is_wanted() {
        check_fields::<json::CommitObject>(&wanted.fields())?;
        return app.answer_json(&json::commits(&told, &wanted.fields()));
    }
    app.page();
    let style = output::style(app);
    app.answer(|out| commit::list(out, &told, &style))
}

/// Reads a format; a name of `session.format.<name>` stands for what is set there.
pub fn named_format(app: &App, text: &str) -> Result<Format, CliError> {
    let formats = &app.store()?.settings().formats;
    let named = formats.iter().rev().find(|(name, _)| name == text);
    Ok(Format::parse(named.map_or(text, |(_, format)| format))?)
}

/// Answers with a session as JSON.
pub fn answer_json(app: &App, view: &View, wanted: &Json) -> Result<(), CliError> {
    let fields = wanted.fields();
    check_fields::<SessionObject>(&fields)?;
    let store = app.store()?;
    let view = view.clone().with_commits(store, &store.snapshot(view.tip)?)?;
    app.answer_json(&json::select(shown(app, &view), &fields))
}

/// Refuses fields that an object has not.
pub fn check_fields<T: JsonSchema>(fields: &[String]) -> Result<(), CliError> {
    if fields.is_empty() {
        return Ok(());
    }
    let mut known = json::keys::<T>();
    match fields.iter().find(|field| !known.contains(field)) {
        None => Ok(()),
        Some(field) => {
            known.sort();
            Err(OpError::UnknownField { kind: "JSON field", field: field.clone(), known }.into())
        }
    }
}

/// Returns when the session came into its state, as far as its newest events tell.
pub fn state_since(app: &App, view: &View) -> Result<Option<Timestamp>, CliError> {
    let mut events = Vec::new();
    for event in log::events(app.store()?, view.tip).take(MAX_LOOKBACK) {
        events.push(event?);
        if let Some(since) = text::state_since(&events) {
            return Ok(Some(since));
        }
    }
    Ok(None)
}

/// How many events are looked through for the newest transition.
const MAX_LOOKBACK: usize = 512;

/// Reads a session as it was after a commit of its history, or at a date. A commit that holds the session needs no
/// look through all that came after it.
fn load_as_of(app: &App, session_id: SessionId, at: &str) -> Result<Loaded, CliError> {
    let store = app.store()?;
    let revision = store.find_commit(at);
    let loaded = revision.map(|oid| load::load_at(store, session_id, oid));
    if let Some(Ok(loaded)) = loaded {
        return Ok(loaded);
    }
    let is_meant: Box<dyn Fn(&LoggedEvent) -> bool> = match revision {
        Some(oid) => Box::new(move |event| event.commit == oid),
        None => {
            let date = date::parse("--at", at, app.now)?;
            Box::new(move |event| event.at <= date)
        }
    };
    let tip_oid = store.tip(session_id)?;
    for event in tip_oid.into_iter().flat_map(|tip_oid| log::events(store, tip_oid)) {
        let event = event?;
        if is_meant(&event) {
            return Ok(load::load_at(store, session_id, event.commit)?);
        }
    }
    let reason = format!("session {} has no event at '{at}'", session_id.handle());
    Err(OpError::invalid("--at", reason).into())
}
