//! Telling agents to call us, and to stop it: their own files, written as one piece or not at all.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::agents::hooks::{Command, Setup};
use crate::ops::OpError;

/// The largest file of an agent that is read, in bytes.
const MAX_BYTES: u64 = 8 << 20;

/// Where agents are told.
#[derive(Debug, Clone)]
pub enum Scope {
    /// In the project with this top.
    Project(PathBuf),
    /// In all projects of the user with this home directory.
    User(PathBuf),
}

impl Scope {
    /// Returns the file of an agent.
    pub fn file(&self, setup: &Setup) -> PathBuf {
        match self {
            Scope::Project(top) => top.join(setup.project_file),
            Scope::User(home) => home.join(setup.user_file),
        }
    }

    fn top(&self) -> &Path {
        match self {
            Scope::Project(top) | Scope::User(top) => top,
        }
    }
}

/// Tells whether an agent is told to call us; a file that cannot be read does not tell it.
pub fn is_enabled(scope: &Scope, setup: &Setup) -> bool {
    let text = read(&scope.file(setup));
    text.ok().flatten().is_some_and(|text| setup.is_enabled(&text))
}

/// Returns the program that an agent is told to call, where it is not there; `is_on_path` says whether it is
/// found by its name.
pub fn missing_program(scope: &Scope, setup: &Setup, is_on_path: bool) -> Option<String> {
    let text = read(&scope.file(setup)).ok().flatten()?;
    let program = setup.program(&text)?;
    let is_there = if program.contains('/') { Path::new(program).is_file() } else { is_on_path };
    (!is_there).then(|| program.to_owned())
}

/// A change of an agent's file that is possible, and not made yet.
#[derive(Debug)]
pub struct Change {
    /// The file.
    pub path: PathBuf,
    top: PathBuf,
    before: Option<String>,
    after: Option<String>,
}

impl Change {
    /// Tells whether it changes anything.
    pub fn is_new(&self) -> bool {
        self.before != self.after
    }
}

/// Finds the change that tells an agent to call us.
///
/// # Errors
/// [`OpError::InvalidValue`] for a file that is not understood.
pub fn enable(scope: &Scope, setup: &Setup, command: &Command) -> Result<Change, OpError> {
    plan(scope, setup, |before| setup.enable(before, command).map(Some))
}

/// Finds the change that takes back what [`enable`] did. A file that is not there needs none.
///
/// # Errors
/// As [`enable`].
pub fn disable(scope: &Scope, setup: &Setup) -> Result<Change, OpError> {
    plan(scope, setup, |before| before.map_or(Ok(None), |text| setup.disable(text)))
}

fn plan(
    scope: &Scope,
    setup: &Setup,
    change: impl FnOnce(Option<&str>) -> Result<Option<String>, String>,
) -> Result<Change, OpError> {
    let named = scope.file(setup);
    let refuse = |reason: String| OpError::invalid(named.display().to_string(), reason);
    // The file that a link leads to is changed, and the link stays.
    let path = fs::canonicalize(&named).unwrap_or_else(|_| named.clone());
    if let Scope::Project(top) = scope {
        let top = fs::canonicalize(top).unwrap_or_else(|_| top.clone());
        let around = named.ancestors().skip(1).find_map(|dir| fs::canonicalize(dir).ok());
        let is_link = fs::symlink_metadata(&named).is_ok_and(|it| it.is_symlink());
        let leads_out = is_link && !path.starts_with(&top);
        if leads_out
            || around.is_some_and(|dir| !dir.starts_with(&top))
            || (is_link && path == named)
        {
            return Err(refuse("it leads out of the work tree".to_owned()));
        }
    }
    let before = read(&path).map_err(|error| refuse(error.to_string()))?;
    let after = change(before.as_deref()).map_err(refuse)?;
    Ok(Change { path, top: scope.top().to_owned(), before, after })
}

fn read(path: &Path) -> io::Result<Option<String>> {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
        Ok(it) if !it.is_file() => Err(io::Error::other("it is no file")),
        Ok(it) if it.len() > MAX_BYTES => Err(io::Error::other("it is too large")),
        Ok(_) => fs::read_to_string(path).map(Some),
    }
}

/// Makes a change. A file without anything left goes, and so do directories that are empty then.
///
/// # Errors
/// [`OpError::InvalidValue`] with what the system says: the file is as it was then.
pub fn apply(change: &Change) -> Result<(), OpError> {
    let done = match &change.after {
        _ if !change.is_new() => Ok(()),
        Some(text) => write(&change.path, text.as_bytes()),
        None => fs::remove_file(&change.path).map(|()| remove_empty(change)),
    };
    done.map_err(|error| OpError::invalid(change.path.display().to_string(), error.to_string()))
}

fn remove_empty(change: &Change) {
    let top = fs::canonicalize(&change.top).unwrap_or_else(|_| change.top.clone());
    let dirs = change.path.ancestors().skip(1);
    for dir in dirs.take_while(|dir| *dir != top && dir.starts_with(&top)) {
        if fs::remove_dir(dir).is_err() {
            return;
        }
    }
}

/// Replaces a file, which is whole at any time, and keeps its mode.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(dir)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let draft = dir.join(format!(".{name}.git-session"));
    // What a crash left.
    let _ = fs::remove_file(&draft);
    let written = put(&draft, bytes, fs::metadata(path).ok().map(|it| it.permissions()))
        .and_then(|()| fs::rename(&draft, path));
    if written.is_err() {
        let _ = fs::remove_file(&draft);
    }
    written
}

fn put(draft: &Path, bytes: &[u8], mode: Option<Permissions>) -> io::Result<()> {
    let mut file = File::create_new(draft)?;
    if let Some(mode) = mode {
        file.set_permissions(mode)?;
    }
    file.write_all(bytes)?;
    file.sync_all()
}
