//! The manual page and the completions, where git, "man" and the shells of this user look for them.

use std::fs;
use std::path::{Path, PathBuf};

use super::app::App;
use super::{CliError, definition, page};
use crate::ops::init::{Change, Comfort};

/// The completion scripts.
pub const BASH: &str = include_str!("completion/git-session.bash");
/// The one for zsh.
pub const ZSH: &str = include_str!("completion/_git-session");
/// The one for fish.
pub const FISH: &str = include_str!("completion/git-session.fish");

/// Where zsh finds functions, below the data directory, when it is told to.
const ZSH_DIR: &str = "zsh/site-functions";

/// Returns all that this user can use; nothing without a home directory.
pub fn all(app: &App) -> Result<Vec<Comfort>, CliError> {
    let (Some(home), Some(data)) = (app.home(), data(app)) else { return Ok(Vec::new()) };
    let config = directory(app, "XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config"));
    let manual = page::manual(definition()).map_err(CliError::Output)?;
    let mut files = vec![(manual_directory(&home).join("git-session.1"), manual)];
    let bash =
        directory(app, "BASH_COMPLETION_USER_DIR").unwrap_or_else(|| data.join("bash-completion"));
    files.push((bash.join("completions/git-session"), BASH.into()));
    // Who does not use these shells shall not have their directories.
    let zsh = directory(app, "ZDOTDIR").unwrap_or_else(|| home.clone());
    if zsh.join(".zshrc").exists() {
        files.push((data.join(ZSH_DIR).join("_git-session"), ZSH.into()));
    }
    if config.join("fish").is_dir() {
        files.push((config.join("fish/conf.d/git-session.fish"), FISH.into()));
    }
    Ok(files.into_iter().map(|(path, bytes)| Comfort { path, bytes }).collect())
}

/// Returns where data of the user's is kept; `None` without a home directory.
pub fn data(app: &App) -> Option<PathBuf> {
    let home = app.home()?;
    Some(directory(app, "XDG_DATA_HOME").unwrap_or_else(|| home.join(".local/share")))
}

/// Returns what is left to do for the user.
pub fn hints(app: &App, changes: &[Change]) -> Vec<String> {
    let zsh = changes.iter().find(|it| it.is_new() && it.path.ends_with("_git-session"));
    let zsh = zsh.and_then(|change| change.path.parent());
    zsh.map(|dir| {
        let dir = app.shown_path(dir);
        format!("zsh: put \"fpath=({dir} $fpath)\" before \"compinit\" in .zshrc")
    })
    .into_iter()
    .collect()
}

/// Returns the directory that a variable names.
fn directory(app: &App, variable: &str) -> Option<PathBuf> {
    app.environment.get(variable).map(PathBuf::from).filter(|dir| dir.is_absolute())
}

/// Returns where "man" looks for the page of a program in a directory `bin` of the user's that is on the
/// `PATH`: beside it, in `share/man`.
fn manual_directory(home: &Path) -> PathBuf {
    let program = std::env::current_exe().ok();
    let bin = program.as_deref().and_then(Path::parent).map(Path::to_owned);
    let bin = bin.filter(|dir| dir.ends_with("bin"));
    let home = fs::canonicalize(home).unwrap_or_else(|_| home.to_owned());
    let prefix = bin.as_deref().and_then(Path::parent).filter(|dir| dir.starts_with(&home));
    prefix.map_or_else(|| home.join(".local"), Path::to_owned).join("share/man/man1")
}
