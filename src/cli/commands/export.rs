use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum, ValueHint};
use clap_complete::engine::ArgValueCompleter;

use super::start::shown;
use crate::cli::app::App;
use crate::cli::put::{self, Put};
use crate::cli::{CliError, complete, output};
use crate::format::layout::Layout;
use crate::format::yaml;
use crate::format::{atif, event};
use crate::model::{Map, SessionId, Value, text};
use crate::ops::load::{self, Loaded};
use crate::ops::{OpError, agent_trace, export, log};
use crate::render::{json, markdown, sanitize};

/// Write sessions out, in several shapes
///
/// What a layout has nothing to say of (an ATIF trajectory without a message, Agent Trace without a commit that adds
/// lines) is an error for one session, and left out of several. Agent Trace has one record for each commit of the
/// session, with the lines that it adds to its parent: merges, binary and deleted files add none.
///
/// On standard output, JSON is one document a line, and YAML one document after the other. With -o, a file is
/// written, or in a directory one file for each session, at the place where the other session manager looks for
/// it. A file with other contents is left alone, unless --force is given. Secrets are looked for once more.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  git session export qpvuntsm --layout markdown -o session.md\n  \
    git session export --layout maestro -o .\n  git session export --all | jq -c '{id, history}'"
)]
pub struct Export {
    /// The sessions; default: the current one
    #[arg(value_name = "session", add = ArgValueCompleter::new(complete::sessions))]
    sessions: Vec<String>,
    /// All sessions, the ended ones too
    #[arg(long, conflicts_with = "sessions")]
    all: bool,
    /// The shape
    #[arg(long, value_name = "layout", default_value = "json")]
    layout: Shape,
    /// Write into this file, or below this directory
    #[arg(short, long, value_name = "file-or-dir", value_hint = ValueHint::AnyPath)]
    output: Option<PathBuf>,
    /// Write over files with other contents
    #[arg(short, long, requires = "output")]
    force: bool,
}

/// What a session is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Shape {
    /// The session object, with its history and its conversation
    Json,
    /// The same as YAML
    Yaml,
    /// A page for people
    Markdown,
    /// Maestro's metadata.json
    Maestro,
    /// Monoco's session file
    Monoco,
    /// Choragen's session file
    Choragen,
    /// An ATIF v1.8 trajectory
    Atif,
    /// Agent Trace 0.1.0: a record on each line for each commit that adds lines
    AgentTrace,
}

impl Shape {
    fn layout(self) -> Option<Layout> {
        match self {
            Shape::Maestro => Some(Layout::Maestro),
            Shape::Monoco => Some(Layout::Monoco),
            Shape::Choragen => Some(Layout::Choragen),
            Shape::Json | Shape::Yaml | Shape::Markdown | Shape::Atif | Shape::AgentTrace => None,
        }
    }
}

impl Shape {
    /// Returns the error that a session has nothing that this shape can tell.
    fn nothing(self) -> OpError {
        match self {
            Shape::AgentTrace => {
                OpError::invalid("commits", "the session has no commit that adds lines")
            }
            _ => {
                let reason =
                    "the session has no message and no tool call, and a trajectory needs one";
                OpError::invalid("conversation", reason)
            }
        }
    }
}

/// A session that is ready to go out, without secrets.
struct Document {
    /// On standard output.
    line: String,
    /// In a file.
    file: String,
    /// The path of the file, below the directory that was asked for.
    place: PathBuf,
}

impl Export {
    /// Does it.
    pub fn run(self, app: &App) -> Result<(), CliError> {
        let (ids, mut is_whole) = self.wanted(app)?;
        let is_many = self.all || ids.len() > 1;
        for (n, session_id) in ids.iter().enumerate() {
            let document = load::load(app.store()?, *session_id)
                .map_err(CliError::from)
                .and_then(|loaded| document(app, &loaded, self.layout));
            match document {
                Ok(Some(document)) => self.put(app, &document, n, is_many)?,
                Ok(None) if is_many => {}
                Ok(None) => return Err(self.layout.nothing().into()),
                Err(CliError::Op(error @ (OpError::Corrupt { .. } | OpError::Newer { .. })))
                    if is_many =>
                {
                    tell_fault(&error.to_string());
                    is_whole = false;
                }
                Err(error) => return Err(error),
            }
        }
        if is_whole {
            return Ok(());
        }
        app.finish()?;
        Err(CliError::Status(1))
    }

    /// Returns the sessions that are wanted, each once, and whether all of them can be found.
    fn wanted(&self, app: &App) -> Result<(Vec<SessionId>, bool), CliError> {
        if self.all {
            let tips = app.store()?.tips()?;
            tips.faults
                .iter()
                .for_each(|fault| tell_fault(&format!("{}: {}", fault.name, fault.reason)));
            return Ok((
                tips.sessions.into_iter().map(|(id, _)| id).collect(),
                tips.faults.is_empty(),
            ));
        }
        if self.sessions.is_empty() {
            return Ok((vec![app.resolve(None)?], true));
        }
        let mut ids = Vec::new();
        for name in &self.sessions {
            let session_id = app.resolve(Some(name))?;
            if !ids.contains(&session_id) {
                ids.push(session_id);
            }
        }
        Ok((ids, true))
    }

    /// Puts a document where it is wanted: the `n`th one.
    fn put(&self, app: &App, document: &Document, n: usize, is_many: bool) -> Result<(), CliError> {
        let Some(output) = &self.output else {
            let separator = match self.layout {
                Shape::Yaml if is_many => "---\n",
                Shape::Markdown if n > 0 => "\n",
                _ => "",
            };
            return app.answer(|out| write!(out, "{separator}{}", document.line));
        };
        let is_dir = is_many
            || app.dir().join(output).is_dir()
            || output.as_os_str().to_string_lossy().ends_with('/');
        let shown = if is_dir { output.join(&document.place) } else { output.clone() };
        let path = app.dir().join(&shown);
        let put = put::put(&path, document.file.as_bytes(), self.force, &app.new_token())?;
        let shown = shown.to_string_lossy();
        let shown = sanitize::to_terminal(&shown);
        match put {
            Put::Written => app.narrate(&format!("Wrote {shown}")),
            Put::Same => app.narrate(&format!("Already there: {shown}")),
        }
        Ok(())
    }
}

fn tell_fault(reason: &str) {
    output::to_stderr(&format!("error: {}\n", sanitize::to_terminal(reason)));
}

/// Returns a session in a shape; `None` if nothing is in it that the shape can tell.
fn document(app: &App, loaded: &Loaded, shape: Shape) -> Result<Option<Document>, CliError> {
    let id = loaded.view.session.id;
    let place = |extension: &str| PathBuf::from(format!("{id}.{extension}"));
    if let Some(layout) = shape.layout() {
        let map = without_secrets(app, export::file(app.store()?, loaded, layout)?)?;
        let place = Path::new(layout.directory()).join(layout.file(&file_id(layout, &map, id)));
        return Ok(Some(json_document(&map, place)));
    }
    let document = match shape {
        Shape::Markdown => {
            let text = page(app, loaded)?;
            Document { line: text.clone(), file: text, place: place("md") }
        }
        Shape::Atif => {
            let events = export::events(app.store()?, loaded)?;
            let Some(map) = atif::write(&loaded.view.session, &events) else { return Ok(None) };
            json_document(&without_secrets(app, map)?, place("atif.json"))
        }
        Shape::AgentTrace => {
            let lines = trace_lines(app, loaded)?;
            if lines.is_empty() {
                return Ok(None);
            }
            Document { line: lines.clone(), file: lines, place: place("agent-trace.jsonl") }
        }
        _ => {
            let map = without_secrets(app, whole(app, loaded)?)?;
            if shape == Shape::Json {
                return Ok(Some(json_document(&map, place("json"))));
            }
            let text = yaml::write_map(&map);
            Document { line: text.clone(), file: text, place: place("yaml") }
        }
    };
    Ok(Some(document))
}

/// Returns a record on each line for each commit that adds lines.
fn trace_lines(app: &App, loaded: &Loaded) -> Result<String, CliError> {
    let store = app.store()?;
    let traces = agent_trace::traces(store, loaded, &export::events(store, loaded)?)?;
    for commit in &traces.missing {
        output::to_stderr(&format!("warning: commit {commit} is not here\n"));
    }
    let lines = traces.records.into_iter();
    let lines = lines.map(|map| Ok(json::to_text(&without_secrets(app, map)?) + "\n"));
    lines.collect()
}

fn json_document(map: &Map, place: PathBuf) -> Document {
    let file = serde_json::to_string_pretty(map).expect("a map has text keys only");
    Document { line: json::to_text(map) + "\n", file: file + "\n", place }
}

/// Returns the id that a file is called by: the one in it, unless that would lead elsewhere.
fn file_id(layout: Layout, map: &Map, id: SessionId) -> String {
    let told = map.get(layout.id_key()).and_then(Value::as_str).unwrap_or_default();
    if text::is_artifact_name(told) { told.to_owned() } else { id.to_string() }
}

/// Returns the session object with its `history`, the oldest event first, and its conversation as `events`.
fn whole(app: &App, loaded: &Loaded) -> Result<Map, CliError> {
    let store = app.store()?;
    let view = loaded.view.clone().with_commits(store, &loaded.snapshot)?;
    let mut map = shown(app, &view);
    let mut history = log::log(store, loaded.view.session.id, &log::Query::default())?;
    history.reverse();
    let history: Vec<Value> =
        history.iter().map(|it| json::to_map(&json::event(it)).into()).collect();
    map.insert("history".to_owned(), history.into());
    let events = export::events(store, loaded)?;
    let events: Vec<Value> = events.iter().map(|it| event::to_map(it).into()).collect();
    map.insert("events".to_owned(), events.into());
    Ok(map)
}

fn page(app: &App, loaded: &Loaded) -> Result<String, CliError> {
    let store = app.store()?;
    let mut history = log::log(store, loaded.view.session.id, &log::Query::default())?;
    history.reverse();
    let events = export::events(store, loaded)?;
    let mut page = Vec::new();
    markdown::session(&mut page, &loaded.view, &history, &events).map_err(CliError::Output)?;
    let page = app.context()?.redaction.bytes(page)?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}

/// Looks once more for secrets.
fn without_secrets(app: &App, map: Map) -> Result<Map, CliError> {
    let bytes = app.context()?.redaction.bytes(json::to_text(&map).into_bytes())?;
    Ok(export::parse(&bytes)?)
}
