//! Which lifecycles there are: built in, or defined by the repository.

use std::io::Read;
use std::path::{Path, PathBuf};

use crate::format::lifecycle_yaml::{self, Warning};
use crate::lifecycle::{BUILTIN_NAMES, Lifecycle, builtin, is_lifecycle_name};
use crate::ops::OpError;

/// Where a repository keeps its own definitions, below the top of the work tree.
pub const DIRECTORY: &str = ".git-session/lifecycles";
/// The largest file that is read, in bytes; more than a definition may have, so that the parser
/// says what is wrong.
const MAX_BYTES: u64 = 1 << 20;

/// The lifecycle of a name, from the repository's own definitions, else built in.
///
/// # Errors
/// [`OpError::Lifecycle`] when the definition is refused, [`OpError::InvalidValue`] when there is
/// none of this name.
pub fn find(work_dir: Option<&Path>, name: &str) -> Result<Lifecycle, OpError> {
    if let Some(path) = work_dir.and_then(|dir| own_file(dir, name)) {
        return read_as(&path, name).map(|(lifecycle, _)| lifecycle);
    }
    builtin(name).cloned().ok_or_else(|| OpError::InvalidValue {
        field: "lifecycle".into(),
        reason: format!("no lifecycle '{name}'"),
        allowed: names(work_dir),
    })
}

/// Returns the names of all lifecycles: built in first, then the repository's own, sorted.
pub fn names(work_dir: Option<&Path>) -> Vec<String> {
    let mut names: Vec<String> = BUILTIN_NAMES.iter().map(|name| (*name).to_owned()).collect();
    let mut own: Vec<String> = Vec::new();
    let directory = work_dir.map(|dir| dir.join(DIRECTORY));
    if let Some(Ok(entries)) = directory.map(|directory| directory.read_dir()) {
        for entry in entries.flatten() {
            let file = entry.file_name();
            let name = file.to_str().and_then(|file| file.strip_suffix(".yaml"));
            own.extend(name.filter(|name| is_lifecycle_name(name)).map(str::to_owned));
        }
    }
    own.retain(|name| !names.contains(name));
    own.sort();
    names.extend(own);
    names
}

/// Returns the states of all lifecycles, each once; a definition that is refused has none.
pub fn all_states(work_dir: Option<&Path>) -> Vec<String> {
    let mut states: Vec<String> = Vec::new();
    for lifecycle in names(work_dir).iter().filter_map(|name| find(work_dir, name).ok()) {
        for state in lifecycle.states() {
            if !states.contains(&state.name) {
                states.push(state.name.clone());
            }
        }
    }
    states
}

/// Reads a definition from a file.
///
/// # Errors
/// [`OpError::Lifecycle`] with file, line and reason.
pub fn read(path: &Path) -> Result<(Lifecycle, Vec<Warning>), OpError> {
    let refuse = |line: Option<u64>, reason: String| OpError::Lifecycle {
        path: match line {
            Some(line) => format!("{}:{line}", path.display()),
            None => path.display().to_string(),
        },
        reason,
    };
    let io = |error: std::io::Error| refuse(None, error.to_string());
    // A link of the repository may lead to what never ends, or makes us wait.
    if !path.metadata().map_err(io)?.is_file() {
        return Err(refuse(None, "is no regular file".into()));
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(io)?;
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(refuse(None, format!("larger than {MAX_BYTES} bytes")));
    }
    lifecycle_yaml::parse(&bytes).map_err(|error| refuse(error.line, error.reason))
}

/// Reads the definition of the lifecycle called `name`.
///
/// # Errors
/// As [`read`], and if the definition has another name.
pub fn read_as(path: &Path, name: &str) -> Result<(Lifecycle, Vec<Warning>), OpError> {
    let (lifecycle, warnings) = read(path)?;
    if lifecycle.name() != name {
        let reason = format!("the lifecycle's name is '{}', not '{name}'", lifecycle.name());
        return Err(OpError::Lifecycle { path: path.display().to_string(), reason });
    }
    Ok((lifecycle, warnings))
}

/// Returns an error for each file that seems to be a definition, and is none because of its name.
pub fn misnamed(work_dir: &Path) -> Vec<OpError> {
    let is_misnamed = |path: &PathBuf| {
        let has = |known: &str| path.extension().is_some_and(|extension| extension == known);
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        has("yml") || has("yaml") && !stem.is_some_and(is_lifecycle_name)
    };
    let error = |path: PathBuf| OpError::Lifecycle {
        path: path.display().to_string(),
        reason: "is not called <name>.yaml, with a name of small letters, digits and '-'".into(),
    };
    let entries = work_dir.join(DIRECTORY).read_dir().into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(is_misnamed).collect();
    paths.sort();
    paths.into_iter().map(error).collect()
}

/// Returns the file of the repository's own definition of this name, if there is one.
pub fn own_file(work_dir: &Path, name: &str) -> Option<PathBuf> {
    if !is_lifecycle_name(name) {
        return None;
    }
    let path = work_dir.join(DIRECTORY).join(format!("{name}.yaml"));
    path.exists().then_some(path)
}
