use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::agents::hooks::{Command, Setup};
use crate::cli::CliError;
use crate::cli::app::App;
use crate::cli::plugins;
use crate::ops::OpError;
use crate::ops::agents::{self, Change, Scope};
use crate::render::sanitize::to_terminal;

/// Connect agents: each run of one becomes a session by itself
///
/// An enabled agent calls a hook of git-session when it begins, is asked for something, has used a tool,
/// has answered and ends. From that, its run is a session with what was said and done, the tokens and the
/// commits; "git session list" shows whether it still runs, and "git session resume" goes on with it.
/// Nothing else is needed: no "init", and no git identity.
#[derive(Debug, Subcommand)]
pub enum Agent {
    List(List),
    Enable(Enable),
    Disable(Disable),
}

/// List the agents that can be connected, and where they are, and the plug-ins
///
/// Transcripts of other agents are read by plug-ins. A plug-in is a program git-session-agent-<name> in an absolute
/// directory of the PATH, <name> being of lower-case letters, digits and "-". It is called with a verb:
///
/// "convert <path>": the bytes of a file are on standard input, <path> tells where they are from. The plug-in
/// writes what is said and done, one event a line, as "git session record" takes them. A first event
/// {"kind":"session.start","id":"<the agent's own id>","cwd":...} tells which session it is; a file without one is
/// a session by itself. The whole file is converted each time, and what is said again is not taken twice.
///
/// "recognise <path>": the first 256 KiB of a file are on standard input. Status 0 says that it is a transcript of
/// the agent. It is asked only about files that no agent which is built in knows.
///
/// "find <directory>...": the plug-in writes the absolute path of each transcript that its agent keeps of the
/// repository with these work trees, one a line, for "git session import --all".
///
/// A plug-in that does not know a verb ends with status 129. It runs in "/" with nothing of the environment but PATH,
/// HOME, USER, LOGNAME, SHELL, TMPDIR, LANG, TZ, LC_* and XDG_*; for at most 60 seconds (5 to recognise), and writes
/// at most 256 MiB. If it fails, its last line on standard error is told, and nothing of that file is kept.
#[derive(Debug, Args)]
pub struct List {
    /// Answer with one JSON document
    #[arg(long)]
    json: bool,
}

/// Let agents tell what they do, by their own hook configuration
///
/// Our part is added behind what others wrote in the agent's file, which otherwise stays as it is to the byte.
/// A file that is not understood is left alone, and none is changed then. Without git-session where the agent
/// runs, the hooks do nothing. An agent may ask you once whether you trust them.
#[derive(Debug, Args)]
pub struct Enable {
    #[command(flatten)]
    which: Which,
}

/// Take back what "enable" wrote
///
/// The file is then what it was before; one that "enable" made is removed.
#[derive(Debug, Args)]
pub struct Disable {
    #[command(flatten)]
    which: Which,
}

/// Which agents, and where.
#[derive(Debug, Args)]
struct Which {
    /// Agents, as "git session agent list" names them
    #[arg(value_name = "agent", required = true)]
    agents: Vec<String>,
    /// For all your projects, in your home directory; default: for this project
    #[arg(long)]
    user: bool,
    /// Answer with one JSON document
    #[arg(long)]
    json: bool,
}

impl Agent {
    /// Does it.
    pub fn run(self, app: &App) -> Result<(), CliError> {
        match self {
            Agent::List(args) => args.run(app),
            Agent::Enable(args) => {
                let command = own_command(app);
                args.which
                    .change(app, "enabled", |scope, setup| agents::enable(scope, setup, &command))
            }
            Agent::Disable(args) => args.which.change(app, "disabled", agents::disable),
        }
    }
}

impl List {
    fn run(self, app: &App) -> Result<(), CliError> {
        let project = project(app).ok();
        let user = user(app).ok();
        let plugins = plugins::all(app);
        let is_on = |scope: &Option<Scope>, setup| {
            scope.as_ref().is_some_and(|scope| agents::is_enabled(scope, setup))
        };
        let rows: Vec<(&Setup, bool, bool)> =
            Setup::all().iter().map(|it| (it, is_on(&project, it), is_on(&user, it))).collect();
        if self.json {
            let all: Vec<Value> = rows
                .iter()
                .map(|(setup, project, user)| {
                    json!({
                        "name": setup.agent.as_str(),
                        "project": project,
                        "user": user,
                        "project_file": setup.project_file,
                        "user_file": format!("~/{}", setup.user_file),
                    })
                })
                .collect();
            let plugins: Vec<Value> =
                plugins.iter().map(|it| json!({ "name": it.name, "path": it.path })).collect();
            return app.answer_json(&json!({ "agents": all, "plugins": plugins }));
        }
        app.answer(|out| {
            rows.iter().try_for_each(|(setup, project, user)| {
                let seen = match (project, user) {
                    (true, true) => "enabled (project, user)",
                    (true, false) => "enabled (project)",
                    (false, true) => "enabled (user)",
                    (false, false) => "-",
                };
                writeln!(out, "{:<12}  {seen}", setup.agent.as_str())
            })?;
            plugins.iter().try_for_each(|it| {
                let path = it.path.to_string_lossy();
                writeln!(out, "{:<12}  plug-in ({})", it.name, to_terminal(&path))
            })
        })
    }
}

impl Which {
    /// Finds all changes before the first is made.
    fn change(
        self,
        app: &App,
        done: &str,
        find: impl Fn(&Scope, &Setup) -> Result<Change, OpError>,
    ) -> Result<(), CliError> {
        let scope = if self.user { user(app)? } else { project(app)? };
        let setups = self.agents.iter().map(|name| {
            let known = || Setup::all().iter().map(|it| it.agent.to_string()).collect();
            Setup::find(name).ok_or_else(|| OpError::InvalidValue {
                field: "agent".into(),
                reason: format!("no agent '{name}'"),
                allowed: known(),
            })
        });
        let setups: Vec<&Setup> = setups.collect::<Result<_, _>>()?;
        let changes = setups.into_iter().map(|it| Ok((it, find(&scope, it)?)));
        let changes: Vec<(&Setup, Change)> = changes.collect::<Result<_, OpError>>()?;
        changes.iter().try_for_each(|(_, change)| agents::apply(change))?;
        if self.json {
            let all: Vec<Value> = changes
                .iter()
                .map(|(setup, change)| {
                    let path = change.path.to_string_lossy();
                    json!({ "name": setup.agent.as_str(), "path": path, "changed": change.is_new() })
                })
                .collect();
            return app.answer_json(&json!({ "agents": all }));
        }
        for (setup, change) in &changes {
            let already = if change.is_new() { "" } else { "already " };
            let path = change.path.display();
            app.answer(|out| writeln!(out, "{} is {already}{done} ({path})", setup.agent))?;
        }
        Ok(())
    }
}

pub(super) fn project(app: &App) -> Result<Scope, CliError> {
    let top = app.store()?.work_dir().map(Path::to_owned);
    let none = || OpError::invalid("--user", "is needed where there is no work tree");
    Ok(Scope::Project(top.ok_or_else(none)?))
}

pub(super) fn user(app: &App) -> Result<Scope, CliError> {
    let home = app.environment.get("HOME").map(PathBuf::from);
    Ok(Scope::User(home.ok_or_else(|| OpError::invalid("HOME", "is not set"))?))
}

/// Returns how an agent is to start this program: by its name where that is what the name means, so that
/// the file is right for everybody; else by its path.
fn own_command(app: &App) -> Command {
    let own = std::env::current_exe().ok().and_then(|it| fs::canonicalize(it).ok());
    let path = app.environment.path();
    let found = std::env::split_paths(&path).map(|dir| dir.join("git-session"));
    let found = found.filter_map(|it| fs::canonicalize(it).ok()).find(|it| it.is_file());
    match own {
        Some(own) if found.as_ref() != Some(&own) => {
            Command::At(own.to_string_lossy().into_owned())
        }
        _ => Command::OnPath,
    }
}
