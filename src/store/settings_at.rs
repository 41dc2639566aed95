use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use gix::bstr::ByteSlice;
use gix::config::Source;

use super::Store;
use super::open::RefFormat;

/// The variables that say where git's settings are. Source: git-config(1), "ENVIRONMENT" and "FILES".
const VARIABLES: [&str; 5] =
    ["HOME", "XDG_CONFIG_HOME", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM"];

/// What the environment says of where git's settings are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsAt([Option<String>; VARIABLES.len()]);

impl SettingsAt {
    /// Asks for each variable; `None` if one is no text, or not in one line.
    pub fn read(get: impl Fn(&str) -> Option<OsString>) -> Option<SettingsAt> {
        let mut values: [Option<String>; VARIABLES.len()] = Default::default();
        for (value, name) in values.iter_mut().zip(VARIABLES) {
            *value =
                get(name).map(|it| it.into_string().ok()).map_or(Some(None), |it| it.map(Some))?;
        }
        let is_line = |it: &String| !it.contains('\n') && it != "*";
        values.iter().flatten().all(is_line).then_some(SettingsAt(values))
    }

    /// Returns the values in a line, as the shell of a hook puts it together: `*` for a variable that is not set.
    pub fn line(&self) -> String {
        let words: Vec<&str> = self.0.iter().map(|it| it.as_deref().unwrap_or("*")).collect();
        words.join(":")
    }

    /// Returns the files that git reads settings from where nothing says otherwise, each as the shell of a hook puts it
    /// together.
    fn usual(&self) -> [PathBuf; 3] {
        let home = Path::new(self.get("HOME").unwrap_or_default());
        let of_programs = self.get("XDG_CONFIG_HOME").filter(|it| !it.is_empty());
        let of_programs = of_programs.map_or_else(|| home.join(".config"), PathBuf::from);
        ["/etc/gitconfig".into(), home.join(".gitconfig"), of_programs.join("git/config")]
    }

    fn get(&self, name: &str) -> Option<&str> {
        let at = VARIABLES.iter().position(|it| *it == name)?;
        self.0[at].as_deref()
    }
}

impl Store {
    /// Returns a moment before the settings were read.
    pub fn opened_at(&self) -> SystemTime {
        self.tokens.started_at
    }

    /// Returns the files that settings are read from, or would be if they were there, but for those that each
    /// repository has of its own (`config`, `config.worktree` and `session/config`) and those that are read everywhere.
    /// `None` if that is not certain, or where refs are no files.
    pub fn settings_files(&self, at: &SettingsAt) -> Option<Vec<PathBuf>> {
        if self.refs != RefFormat::Files {
            return None;
        }
        let mut variable = |name: &str| at.get(name).map(OsString::from);
        let sources = [Source::System, Source::Git, Source::User];
        let mut files: Vec<PathBuf> =
            sources.iter().filter_map(|it| it.storage_location(&mut variable)).collect();
        let config = self.repo.config_snapshot();
        for name in ["include", "includeIf"] {
            for section in config.plumbing().sections_by_name(name).into_iter().flatten() {
                let from = section.meta().path.as_deref();
                for path in section.values("path") {
                    files.push(included(path.to_str().ok()?, from, at.get("HOME"))?);
                }
            }
        }
        let usual = at.usual();
        files.retain(|it| *it != self.common_dir.join("session/config") && !usual.contains(it));
        files.sort();
        files.dedup();
        let is_certain =
            |it: &PathBuf| it.is_absolute() && it.to_str().is_some_and(|it| !it.contains('\n'));
        files.iter().all(is_certain).then_some(files)
    }
}

/// Returns the file that a path in a file of settings means. Source: git-config(1), "Includes".
fn included(path: &str, from: Option<&Path>, home: Option<&str>) -> Option<PathBuf> {
    if let Some(path) = path.strip_prefix("~/") {
        return Some(Path::new(home?).join(path));
    }
    // Another user's home, or where git is installed.
    let is_plain = !path.starts_with('~') && !path.starts_with("%(");
    is_plain.then(|| Some(from?.parent()?.join(path)))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_that_is_not_set_is_told_from_one_that_is_empty() {
        let at = |home: &str, global: Option<&str>| {
            SettingsAt::read(|name| match name {
                "HOME" => Some(home.into()),
                "GIT_CONFIG_GLOBAL" => global.map(OsString::from),
                _ => None,
            })
        };
        let line = |global| at("/h", global).map(|it| it.line());
        assert_eq!(line(None).as_deref(), Some("/h:*:*:*:*"));
        assert_eq!(line(Some("")).as_deref(), Some("/h:*::*:*"));
        assert_eq!((at("a\nb", None), at("*", None)), (None, None));
    }

    #[test]
    fn the_usual_files_are_those_that_git_reads() {
        for of_programs in [None, Some("/x")] {
            let get = |name: &str| match name {
                "HOME" => Some(OsString::from("/h")),
                "XDG_CONFIG_HOME" => of_programs.map(OsString::from),
                _ => None,
            };
            let usual = SettingsAt::read(get).expect("texts").usual();
            for source in [Source::Git, Source::User] {
                let read = source.storage_location(&mut |name| get(name)).expect("a file");
                assert!(usual.contains(&read), "{of_programs:?} {source:?}");
            }
        }
    }

    #[test]
    fn a_path_in_settings_is_found_as_git_finds_it() {
        let found = |path| included(path, Some(Path::new("/a/b/config")), Some("/h"));
        assert_eq!(found("~/x"), Some("/h/x".into()));
        assert_eq!(found("x/y"), Some("/a/b/x/y".into()));
        assert_eq!(found("/x"), Some("/x".into()));
        assert_eq!((found("~ada/x"), found("%(prefix)/x")), (None, None));
    }
}
