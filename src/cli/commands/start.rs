mod place;

use std::ffi::OsString;

use clap::{Args, ValueHint};
use clap_complete::engine::ArgValueCompleter;

use self::place::{Entered, Place};
use super::create_input;
use super::git_hook::make_current;
use super::run::{OnResume, run_detached, run_new};
use crate::cli::app::App;
use crate::cli::detach::check_json;
use crate::cli::options::Json;
use crate::cli::{CliError, complete, editor, hint, input, output};
use crate::lifecycle::Lifecycle;
use crate::model::{Map, SessionId};
use crate::ops::change::Changed;
use crate::ops::create::{self, NewSession};
use crate::ops::transition::{self, Request, Target};
use crate::ops::{OpError, lifecycles};
use crate::render::json;
use crate::store::{Store, session_ref};

/// Make a session and begin it: it moves to its first active state and becomes current
///
/// The session is recorded for the branch that you are on; with -b it has a branch of its own, which
/// this work tree is switched to, and with --worktree a work tree of its own on such a branch.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  git session start \"Add user authentication\" -b\n  \
    git session start \"Try another parser\" --worktree\n  \
    git session start \"Fix the login\" --issue FEAT-0098 --role engineer\n  \
    git session start \"Update the snapshots\" -- make snapshots")]
pub struct Start {
    #[command(flatten)]
    new: New,
    #[command(flatten)]
    place: Place,
    /// Run the command even if another session runs in the same work tree
    #[arg(long, requires = "command")]
    shared: bool,
    #[command(flatten)]
    json: Json,
    /// Run the command in the background, as "git session run --detach" does
    #[arg(long, requires = "command")]
    detach: bool,
    #[command(flatten)]
    on_resume: OnResume,
    /// Run this command for it, as "git session run" does
    #[arg(last = true, value_name = "command")]
    command: Vec<OsString>,
}

/// Make a session and leave it in its initial state
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  git session create --lifecycle feature \"Implement OAuth login\"\n  \
    echo '{\"title\": \"x\"}' | git session create --json --lifecycle feature --input -"
)]
pub struct Create {
    #[command(flatten)]
    new: New,
    /// The branch that the work is done on, if not the present one; it is not switched to
    #[arg(short, long, value_name = "name")]
    branch: Option<String>,
    /// Read {title, name, configuration, links, statistics, labels} as JSON from a file or '-'
    #[arg(long, value_name = "file", value_hint = ValueHint::FilePath)]
    input: Option<String>,
    #[command(flatten)]
    json: Json,
}

/// What a new session is to be.
#[derive(Debug, Args)]
struct New {
    /// One line: what the session is for
    #[arg(value_name = "title")]
    title: Option<String>,
    /// The same
    #[arg(
        long = "title",
        alias = "feature-request",
        hide = true,
        value_name = "title",
        conflicts_with = "title"
    )]
    title_option: Option<String>,
    /// The lifecycle to follow; default: session.lifecycle, else worker
    #[arg(long, value_name = "name", add = ArgValueCompleter::new(complete::lifecycles))]
    lifecycle: Option<String>,
    /// A name for the command line
    #[arg(long, value_name = "name")]
    name: Option<String>,
    /// Use this UUID; repeating the same command returns the session that is there
    #[arg(long, value_name = "uuid")]
    id: Option<String>,
    /// The issue it belongs to
    #[arg(long, value_name = "issue")]
    issue: Option<String>,
    /// The part that the worker plays
    #[arg(long, value_name = "role")]
    role: Option<String>,
    /// The language model
    #[arg(long, value_name = "model")]
    model: Option<String>,
    /// The agent program; default: the one that runs us
    #[arg(long, value_name = "agent")]
    agent: Option<String>,
    /// The chain of tasks it belongs to
    #[arg(long, value_name = "chain")]
    chain: Option<String>,
    /// The task it belongs to
    #[arg(long, value_name = "task")]
    task: Option<String>,
    /// The path of its PRD, as a link; "git session attach --as prd" keeps the file itself
    #[arg(long, value_name = "path", value_hint = ValueHint::FilePath)]
    prd: Option<String>,
    /// The session that it continues
    #[arg(long, value_name = "session", add = ArgValueCompleter::new(complete::sessions))]
    parent: Option<String>,
    /// A word to find it by; may be repeated
    #[arg(long, value_name = "label")]
    label: Vec<String>,
    /// How often the work may be tried again
    #[arg(long, value_name = "n")]
    max_iterations: Option<u64>,
    /// How many minutes the work may take
    #[arg(long, value_name = "minutes")]
    timeout: Option<u64>,
    /// How many tokens the work may take; default: session.maxTokens, else no limit
    #[arg(long, value_name = "n")]
    max_tokens: Option<u64>,
    /// Keep checkpoints without being asked, when an agent's turn ends
    #[arg(long, overrides_with = "no_auto_checkpoint")]
    auto_checkpoint: bool,
    /// Keep checkpoints only when asked
    #[arg(long, overrides_with = "auto_checkpoint")]
    no_auto_checkpoint: bool,
    /// Read title (first line) and description from a file or '-'
    #[arg(short = 'F', long, value_name = "file", value_hint = ValueHint::FilePath)]
    file: Option<String>,
    /// Let somebody edit title and description first
    #[arg(short, long)]
    edit: bool,
}

impl Start {
    /// Does it.
    pub fn run(self, app: &App) -> Result<(), CliError> {
        if !self.command.is_empty() {
            check_json(&self.json, self.detach)?;
        }
        place::check_early(app, &self.place, &self.command)?;
        let mut new = self.new.to_session(app)?;
        new.starts = true;
        let id = self.new.session_id(app)?;
        let lifecycle = self.new.lifecycle(app)?;
        let mut context = app.context()?;
        if self.place.put(app, &mut new)? {
            // What is refused must leave no branch behind.
            context = create::check_create(app.store()?, &context, id, &lifecycle, &new)?;
        }
        if !self.command.is_empty() {
            self.place.check_free(app, id, &new, self.shared)?;
        }
        let entered = self.place.enter(app, id, &new, &self.command)?;
        let there = entered.app.as_ref().unwrap_or(app);
        let made = there
            .store()
            .and_then(|store| Ok(create::create(store, &context, id, &lifecycle, &new)?));
        let made = made.inspect_err(|_| entered.undo(app))?;
        self.tell(there, made, &entered)?;
        entered.app.as_ref().map_or(Ok(()), App::finish)
    }

    /// Tells what was made, and runs the command.
    fn tell(self, app: &App, made: Changed, entered: &Entered) -> Result<(), CliError> {
        let made = begin(app, made)?;
        make_current(app, made.view.session.id)?;
        let handle = made.view.session.id.handle();
        let place = match (&entered.story, &made.view.session.branch) {
            (Some(story), _) => story.clone(),
            (_, Some(branch)) => format!(" on branch {branch}"),
            _ => String::new(),
        };
        let verb = if made.is_new { "Started session" } else { "Already started: session" };
        if !self.command.is_empty() {
            app.narrate(&format!("{verb} {handle}{place}"));
            return self.work(app, made.view.session.id);
        }
        answer_made(app, &made, &self.json, &format!("{verb} {handle}{place}"))?;
        if made.is_new && hint::is_wanted(app, "Start") && !self.json.is_wanted() {
            app.narrate(
                "hint: see where you are with \"git session\"; end with \"git session finish\"",
            );
        }
        Ok(())
    }

    /// Runs its command.
    fn work(self, app: &App, id: SessionId) -> Result<(), CliError> {
        if !self.detach {
            return run_new(app, id, self.on_resume, self.shared, self.command);
        }
        let mut options = self.on_resume.options();
        // It has just come to its place.
        options.push("--here".into());
        options.extend(self.shared.then(|| "--shared".into()));
        run_detached(app, id, options, &self.json, self.command)?;
        answer_handle(app, id, &self.json)
    }
}

/// A session that was made before and not begun is begun.
fn begin(app: &App, made: Changed) -> Result<Changed, CliError> {
    let is_begun = made.is_new || made.view.session.status != made.view.lifecycle.initial();
    if is_begun {
        return Ok(made);
    }
    let to = made.view.lifecycle.first_active().name.clone();
    let request = Request::to(Target::State(to));
    let (store, context) = (app.store()?, app.context()?);
    Ok(transition::transition(store, &context, made.view.session.id, &request)?)
}

impl Create {
    /// Does it.
    pub fn run(self, app: &App) -> Result<(), CliError> {
        let mut new = self.new.to_session(app)?;
        new.branch = self.branch.clone();
        if let Some(path) = &self.input {
            create_input::read(app, path, &mut new)?;
        }
        let id = self.new.session_id(app)?;
        let lifecycle = self.new.lifecycle(app)?;
        let made = create::create(app.store()?, &app.context()?, id, &lifecycle, &new)?;
        let handle = made.view.session.id.handle();
        let verb = if made.is_new { "Created session" } else { "Already there: session" };
        answer_made(app, &made, &self.json, &format!("{verb} {handle}"))?;
        if made.is_new && hint::is_wanted(app, "Create") && !self.json.is_wanted() {
            app.narrate(&format!("hint: begin it with \"git session next {handle}\""));
        }
        Ok(())
    }
}

/// Answers with the session after a change, as JSON; otherwise only tells the story.
pub fn answer(app: &App, changed: &Changed, json: &Json, story: &str) -> Result<(), CliError> {
    if app.global.verbose && changed.is_new {
        let (name, tip) = (session_ref(changed.view.session.id), changed.view.tip);
        app.narrate(&format!("{name} is now at {tip}"));
    }
    if json.is_wanted() {
        return super::show::answer_json(app, &changed.view, json);
    }
    app.narrate(story);
    Ok(())
}

/// Answers with a session that was made: a script that did not ask for JSON gets its handle.
fn answer_made(app: &App, made: &Changed, json: &Json, story: &str) -> Result<(), CliError> {
    answer(app, made, json, story)?;
    answer_handle(app, made.view.session.id, json)
}

fn answer_handle(app: &App, session_id: SessionId, json: &Json) -> Result<(), CliError> {
    if json.is_wanted() || output::style(app).header {
        return Ok(());
    }
    app.answer(|out| writeln!(out, "{}", session_id.handle()))
}

impl New {
    fn to_session(&self, app: &App) -> Result<NewSession, CliError> {
        let title = self.title.clone().or_else(|| self.title_option.clone());
        let mut new = NewSession {
            title: title.unwrap_or_default(),
            name: self.name.clone(),
            agent: self.agent.clone(),
            model: self.model.clone(),
            role: self.role.clone(),
            links: self.links(),
            labels: self.label.clone(),
            configuration: self.configuration(),
            ..NewSession::default()
        };
        if let Some(parent) = &self.parent {
            new.parent = Some(app.resolve(Some(parent))?);
        }
        if let Some(path) = &self.file {
            let text = input::read_text(app, path)?;
            put_description(&mut new, &text);
        }
        if self.edit {
            edit(app, &mut new)?;
        }
        Ok(new)
    }

    fn links(&self) -> Map {
        let mut links = Map::new();
        let words = [("issue", &self.issue), ("chain", &self.chain), ("task", &self.task)];
        for (key, value) in words {
            if let Some(value) = value {
                links.insert(key.into(), value.as_str().into());
            }
        }
        if let Some(path) = &self.prd {
            let filename = input::file_name(path).unwrap_or_else(|| path.clone());
            let prd = serde_json::json!({ "filename": filename, "path": path });
            links.insert("prd".into(), prd);
        }
        links
    }

    fn configuration(&self) -> Map {
        let mut map = Map::new();
        let numbers = [
            ("max_iterations", self.max_iterations),
            ("timeout_minutes", self.timeout),
            ("max_tokens", self.max_tokens),
        ];
        for (key, number) in numbers {
            if let Some(number) = number {
                map.insert(key.into(), number.into());
            }
        }
        if self.auto_checkpoint || self.no_auto_checkpoint {
            map.insert("auto_checkpoint".into(), self.auto_checkpoint.into());
        }
        map
    }

    fn session_id(&self, app: &App) -> Result<SessionId, CliError> {
        let Some(id) = &self.id else {
            return Ok(app.new_session_id());
        };
        SessionId::parse(id).ok_or_else(|| {
            OpError::invalid("--id", format!("'{id}' is not a UUID in lower case with hyphens"))
                .into()
        })
    }

    fn lifecycle(&self, app: &App) -> Result<Lifecycle, CliError> {
        let store = app.store()?;
        let name = self.lifecycle.as_deref().or(store.settings().lifecycle.as_deref());
        Ok(lifecycles::find(store.work_dir(), name.unwrap_or("worker"))?)
    }
}

/// Takes the first line as title, and what follows as description.
fn put_description(new: &mut NewSession, text: &str) {
    let text = text.replace("\r\n", "\n");
    let text = text.trim();
    let (title, body) = text.split_once('\n').unwrap_or((text, ""));
    if new.title.is_empty() {
        new.title = title.trim().to_owned();
        new.body = body.trim().to_owned();
    } else {
        new.body = text.to_owned();
    }
}

fn edit(app: &App, new: &mut NewSession) -> Result<(), CliError> {
    let help = "# The first line is the title; the rest describes the session.\n\
                # Lines that begin with '#' are left out, and an empty title ends it all.\n";
    let text = format!("{}\n\n{}\n{help}", new.title, new.body);
    let edited = editor::without_comments(&editor::edit(app, "SESSION_EDITMSG", &text)?);
    if edited.is_empty() {
        return Err(CliError::Failed("aborting: the title is empty".into()));
    }
    new.title.clear();
    new.body.clear();
    put_description(new, &edited);
    Ok(())
}

/// Returns the session as a map, as it is shown.
pub fn shown(app: &App, view: &crate::ops::load::View) -> Map {
    let (id, store) = (view.session.id, app.opened());
    let root = store.map(Store::root).unwrap_or_default();
    let ref_name = store.map_or_else(|| session_ref(id), |store| store.ref_names(&[id]).of(id));
    json::to_map(&json::session(view, &root, ref_name))
}
