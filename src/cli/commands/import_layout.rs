//! `import --layout`: sessions out of the files of other session managers.

use std::fs;
use std::path::{Path, PathBuf};

use crate::cli::app::App;
use crate::cli::options::Json;
use crate::cli::{CliError, input, output};
use crate::format::layout::{CHECKPOINTS, Layout};
use crate::ops::attach::MAX_BYTES;
use crate::ops::import_layout::{self as ops, Did, Imported};
use crate::render::json::{ImportObject, TakenObject, UntakenObject};
use crate::render::sanitize;

use super::show::check_fields;

/// How deep directories are searched.
const MAX_DEPTH: usize = 16;

/// Returns the layout that all of these files have; `None` if one of them is something else.
pub fn recognise(app: &App, paths: &[String]) -> Option<Layout> {
    let of_file = |path: &String| {
        let path = app.dir().join(path);
        let is_document = path.extension().is_some_and(|it| it == "json");
        let bytes = if is_document { fs::read(path).ok()? } else { return None };
        Layout::recognise(&serde_json::from_slice(&bytes).ok()?)
    };
    let layout = of_file(paths.first()?)?;
    paths[1..].iter().all(|path| of_file(path) == Some(layout)).then_some(layout)
}

/// Imports files and what is in directories, and tells what became of each.
pub fn run(app: &App, layout: Layout, paths: &[String], json: &Json) -> Result<(), CliError> {
    check_fields::<ImportObject>(&json.fields())?;
    app.context()?;
    let mut summary = ImportObject::default();
    for path in paths {
        for (path, found) in files(app, layout, path) {
            match found.and_then(|()| import(app, layout, &path)) {
                Ok(imported) => tell(app, &path, &imported, json, &mut summary),
                Err(reason) => fail(&path, reason, &mut summary),
            }
        }
    }
    let is_whole = summary.failed.is_empty();
    if json.is_wanted() {
        let map = crate::render::json::to_map(&summary);
        app.answer_json(&crate::render::json::select(map, &json.fields()))?;
    }
    if is_whole {
        return Ok(());
    }
    app.finish()?;
    Err(CliError::Status(1))
}

fn tell(app: &App, path: &str, imported: &Imported, json: &Json, summary: &mut ImportObject) {
    let session = &imported.view.session;
    summary.sessions.push(TakenObject {
        path: path.to_owned(),
        id: session.id.to_string(),
        result: imported.did.as_str().to_owned(),
    });
    if json.is_wanted() {
        return;
    }
    let verb = match imported.did {
        Did::Created => "Imported",
        Did::Updated => "Updated",
        Did::Nothing => "Already imported:",
    };
    let title = sanitize::to_terminal(&session.title);
    app.narrate(format!("{verb} session {} {title}", session.id.handle()).trim_end());
}

fn fail(path: &str, reason: String, summary: &mut ImportObject) {
    let told = format!("cannot import '{path}': {reason}");
    output::to_stderr(&format!("error: {}\n", sanitize::to_terminal(&told)));
    summary.failed.push(UntakenObject { path: path.to_owned(), reason });
}

fn import(app: &App, layout: Layout, path: &str) -> Result<Imported, String> {
    let imported = input::read(app, path, MAX_BYTES)
        .and_then(|bytes| Ok(ops::import(app.store()?, &app.context()?, layout, bytes)?));
    imported.map_err(|error| match error {
        CliError::Op(error) => error.to_string(),
        CliError::Input { error, .. } => error.to_string(),
        CliError::Failed(reason) | CliError::Usage(reason) => reason,
        CliError::NoAnswer(missing) => missing.message,
        CliError::Output(error) => error.to_string(),
        CliError::Status(status) => format!("status {status}"),
    })
}

/// Returns the files that a path means, or why there are none.
fn files(app: &App, layout: Layout, path: &str) -> Vec<(String, Result<(), String>)> {
    let whole = app.dir().join(path);
    if path == "-" || !whole.is_dir() {
        return vec![(path.to_owned(), Ok(()))];
    }
    // The top of a work tree has more than sessions.
    let place = whole.join(layout.directory());
    let (dir, below) = if place.is_dir() {
        (place, Path::new(path).join(layout.directory()))
    } else {
        (whole, PathBuf::from(path))
    };
    let mut found = Vec::new();
    walk(layout, &dir, &below, 0, &mut found);
    // Checkpoints are of a session that is there.
    found.sort_by_cached_key(|(path, _)| (path.ends_with(CHECKPOINTS), path.clone()));
    if found.is_empty() {
        return vec![(path.to_owned(), Err(format!("it holds no session of {layout}")))];
    }
    found
}

/// Finds the files of sessions below a directory; links are not followed.
fn walk(
    layout: Layout,
    dir: &Path,
    shown: &Path,
    depth: usize,
    found: &mut Vec<(String, Result<(), String>)>,
) {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) => {
            found.push((shown.to_string_lossy().into_owned(), Err(error.to_string())));
            return;
        }
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let shown = shown.join(&name);
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && depth < MAX_DEPTH && name != ".git" => {
                walk(layout, &entry.path(), &shown, depth + 1, found);
            }
            Ok(kind) if kind.is_file() && layout.is_session_file(&name.to_string_lossy()) => {
                found.push((shown.to_string_lossy().into_owned(), Ok(())));
            }
            _ => {}
        }
    }
}
