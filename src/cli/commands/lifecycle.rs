use std::path::Path;

use clap::{Args, Subcommand, ValueHint};
use clap_complete::engine::ArgValueCompleter;
use serde_json::json;

use super::show::check_fields;
use crate::cli::app::App;
use crate::cli::options::Json;
use crate::cli::{CliError, complete, output};
use crate::lifecycle::{self as rules, builtin};
use crate::model::Value;
use crate::ops::OpError;
use crate::ops::lifecycles;
use crate::render::{json as objects, sanitize};
use crate::store::StoreError;

/// Look at lifecycles: which states there are, and which may follow which
///
/// Built in are worker and feature. A repository defines its own in
/// .git-session/lifecycles/<name>.yaml; a session keeps the one that it was made under.
#[derive(Debug, Subcommand)]
pub enum Lifecycle {
    List(List),
    Show(Show),
    Check(Check),
}

/// List the lifecycles
#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    json: Json,
}

/// Show a lifecycle
#[derive(Debug, Args)]
pub struct Show {
    /// The lifecycle
    #[arg(value_name = "name", default_value = "worker",
          add = ArgValueCompleter::new(complete::lifecycles))]
    name: String,
    /// Print its definition, for a lifecycle of your own
    #[arg(long, conflicts_with = "json")]
    yaml: bool,
    #[command(flatten)]
    json: Json,
}

/// Check definitions: all of the repository's own, or those of these names or files
#[derive(Debug, Args)]
pub struct Check {
    /// Names, or paths of files
    #[arg(value_name = "name-or-file", value_hint = ValueHint::FilePath)]
    names: Vec<String>,
    #[command(flatten)]
    json: Json,
}

impl Lifecycle {
    /// Does it.
    pub fn run(self, app: &App) -> Result<(), CliError> {
        match self {
            Lifecycle::List(args) => args.run(app),
            Lifecycle::Show(args) => args.run(app),
            Lifecycle::Check(args) => args.run(app),
        }
    }
}

/// Returns the work tree, if we are in one: the built-in lifecycles are there without it.
fn work_dir(app: &App) -> Result<Option<&Path>, CliError> {
    match app.store() {
        Ok(store) => Ok(store.work_dir()),
        Err(CliError::Op(OpError::Store(StoreError::NotARepository))) => Ok(None),
        Err(error) => Err(error),
    }
}

impl List {
    fn run(&self, app: &App) -> Result<(), CliError> {
        let work_dir = work_dir(app)?;
        let names = lifecycles::names(work_dir);
        if self.json.is_wanted() {
            let all: Vec<Value> = names
                .iter()
                .map(|name| json!({ "name": name, "builtin": is_builtin(work_dir, name) }))
                .collect();
            return app.answer_json(&json!({ "lifecycles": all }));
        }
        app.answer(|out| {
            for name in &names {
                let place =
                    if is_builtin(work_dir, name) { "built in" } else { lifecycles::DIRECTORY };
                writeln!(out, "{name}\t{place}")?;
            }
            Ok(())
        })
    }
}

fn is_builtin(work_dir: Option<&Path>, name: &str) -> bool {
    builtin(name).is_some() && work_dir.and_then(|dir| lifecycles::own_file(dir, name)).is_none()
}

impl Show {
    fn run(&self, app: &App) -> Result<(), CliError> {
        check_fields::<objects::LifecycleObject>(&self.json.fields())?;
        let lifecycle = lifecycles::find(work_dir(app)?, &self.name)?;
        if self.json.is_wanted() {
            let object = objects::to_map(&objects::lifecycle(&lifecycle));
            return app.answer_json(&objects::select(object, &self.json.fields()));
        }
        if self.yaml {
            let text = crate::format::lifecycle_yaml::to_yaml(&lifecycle);
            return app.answer(|out| out.write_all(text.as_bytes()));
        }
        app.answer(|out| crate::render::lifecycle::show(out, &lifecycle))
    }
}

impl Check {
    fn run(&self, app: &App) -> Result<(), CliError> {
        let work_dir = work_dir(app)?;
        let names = if self.names.is_empty() {
            lifecycles::names(work_dir).into_iter().filter(|it| !is_builtin(work_dir, it)).collect()
        } else {
            self.names.clone()
        };
        let (mut fine, mut errors) = (Vec::new(), Vec::new());
        for name in &names {
            match check(app, work_dir, name) {
                Ok(warnings) => fine.push((name, warnings)),
                Err(error) => errors.push(error),
            }
        }
        if self.names.is_empty() {
            errors.extend(work_dir.map(lifecycles::misnamed).unwrap_or_default());
        }
        if self.json.is_wanted() && errors.is_empty() {
            let all: Vec<Value> = fine
                .iter()
                .map(|(name, warnings)| json!({ "name": name, "warnings": warnings }))
                .collect();
            return app.answer_json(&json!({ "lifecycles": all }));
        }
        if !self.json.is_wanted() {
            for (name, warnings) in &fine {
                for warning in warnings {
                    app.narrate(&format!("warning: {warning}"));
                }
                app.answer(|out| writeln!(out, "{name}: fine"))?;
            }
        }
        let last = errors.pop();
        for error in &errors {
            let text = error.to_string();
            output::to_stderr(&format!("error: {}\n", sanitize::to_terminal(&text)));
        }
        last.map_or(Ok(()), |error| Err(error.into()))
    }
}

/// Checks one definition; returns its warnings.
fn check(app: &App, work_dir: Option<&Path>, name: &str) -> Result<Vec<String>, OpError> {
    let is_path = !rules::is_lifecycle_name(name);
    let own = work_dir.and_then(|dir| lifecycles::own_file(dir, name));
    let path = match &own {
        Some(path) => path.clone(),
        None if is_path || app.dir().join(name).is_file() => app.dir().join(name),
        None => return lifecycles::find(work_dir, name).map(|_| Vec::new()),
    };
    let (_, warnings) = match &own {
        Some(path) => lifecycles::read_as(path, name)?,
        None => lifecycles::read(&path)?,
    };
    let place = |line: Option<u64>| line.map(|line| format!(":{line}")).unwrap_or_default();
    Ok(warnings
        .into_iter()
        .map(|it| format!("{}{}: {}", path.display(), place(it.line), it.reason))
        .collect())
}
