use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use crate::cli::app::App;
use crate::cli::{CliError, comforts, hint};
use crate::ops::init::{self, Change, Hooks, Keeper, Left, Plan, Request};
use crate::render::sanitize;

/// Let git tell git-session what happens in this repository; manual page and completions
///
/// Sessions work without it. With it, git tells of commits, of branches that are switched to, of merges, of
/// what is rewritten and of pushes. One line in the repository's configuration includes session/config, a
/// file of our own beside it. With git 2.54 or newer the hooks are there; with an older one they are files
/// where git looks for hooks, in a marked part before what others wrote there. A hook never fails git.
/// Nothing that a hook manager looks after is touched: what to put into its configuration is printed.
///
/// "git session --help" finds the manual page in your home directory, and bash, zsh and fish the
/// completions. Done twice, it is done once; run it again after an update of git or of git-session. --undo
/// leaves every file as it was, to the byte; what is in your home directory goes with the last repository that
/// uses it.
#[derive(Debug, Args)]
pub struct Init {
    /// Tell what would be done, and do nothing
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Where the hooks go
    #[arg(long, value_name = "where", default_value = "auto", conflicts_with = "undo")]
    hooks: Where,
    /// Take everything back
    #[arg(long)]
    undo: bool,
    /// Answer with one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Where {
    /// Into the configuration, if git runs hooks from there, else into files
    Auto,
    /// Into the configuration (git 2.54)
    Config,
    /// Into files
    Files,
    /// Nowhere
    None,
}

impl Init {
    /// Does it.
    pub fn run(self, app: &App) -> Result<(), CliError> {
        let store = app.store()?;
        // Nobody else changes the configuration between the look and the write.
        let lock = if self.dry_run { None } else { Some(store.lock_config()?) };
        let mut plan = if self.undo {
            init::undo(store)?
        } else {
            let hooks = match self.hooks {
                Where::Auto => Hooks::Auto,
                Where::Config => Hooks::Config,
                Where::Files => Hooks::Files,
                Where::None => Hooks::None,
            };
            let program = std::env::current_exe().ok();
            let program = program.and_then(|path| path.into_os_string().into_string().ok());
            let comforts = comforts::all(app)?;
            let data = comforts::data(app);
            init::install(store, &Request { hooks, program, comforts, data })?
        };
        if let Some(lock) = lock
            && plan.is_new()
        {
            plan.apply(lock)?;
        }
        if self.json {
            return app.answer_json(&self.document(&plan));
        }
        self.tell(app, &plan)
    }

    fn document(&self, plan: &Plan) -> Value {
        let files =
            plan.changes.iter().filter(|it| it.is_new()).map(
                |change| json!({ "path": change.path.to_string_lossy(), "change": word(change) }),
            );
        let left = plan.left.iter().map(|left| {
            json!({
                "manager": left.keeper.as_str(),
                "path": left.dir.to_string_lossy(),
                "events": left.events,
                "snippet": left.snippet,
            })
        });
        json!({
            "done": !self.dry_run,
            "hooks": plan.hooks,
            "git": plan.git,
            "files": files.collect::<Vec<Value>>(),
            "left": left.collect::<Vec<Value>>(),
            "notes": plan.notes,
        })
    }

    fn tell(&self, app: &App, plan: &Plan) -> Result<(), CliError> {
        let would = if self.dry_run { "would be " } else { "" };
        for change in plan.changes.iter().filter(|it| it.is_new()) {
            let path = shown(app, &change.path);
            app.answer(|out| writeln!(out, "{path}: {would}{}", word(change)))?;
        }
        for left in &plan.left {
            let path = shown(app, &left.dir);
            let events = left.events.join(", ");
            app.answer(|out| {
                writeln!(out, "{path}: {events} left to {}; put this there:\n", whose(left))?;
                writeln!(out, "{}", sanitize::to_terminal_lines(&left.snippet))
            })?;
        }
        for note in &plan.notes {
            app.narrate(&format!("warning: {}", sanitize::to_terminal(note)));
        }
        if !plan.is_new() {
            app.narrate(if self.undo { "There is nothing to undo" } else { "Everything is there" });
        } else if !self.undo && !self.dry_run && hint::is_wanted(app, "Init") {
            app.narrate("hint: take it all back with \"git session init --undo\"");
            for hint in comforts::hints(app, &plan.changes) {
                app.narrate(&format!("hint: {hint}"));
            }
        }
        Ok(())
    }
}

fn word(change: &Change) -> &'static str {
    match (&change.before, &change.after) {
        (None, _) => "added",
        (_, None) => "removed",
        _ => "changed",
    }
}

fn whose(left: &Left) -> &'static str {
    match left.keeper {
        Keeper::HooksPath => "whoever set core.hooksPath",
        Keeper::Somebody => "whoever wrote them (they are no executable shell scripts)",
        keeper => keeper.as_str(),
    }
}

fn shown(app: &App, path: &std::path::Path) -> String {
    let path: PathBuf = path.components().collect();
    sanitize::to_terminal(&app.shown_path(&path)).into_owned()
}
