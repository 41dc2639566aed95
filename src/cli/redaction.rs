//! What redaction goes by here: settings, the environment, and the work tree's `.env` files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::app::App;
use super::environment::Environment;
use crate::ops::OpError;
use crate::ops::redaction::Redaction;
use crate::redact::{Redactor, Rules, SAMPLES, is_secret_name};
use crate::store::{Settings, Store};

/// The largest file of variables or rules that is read, in bytes.
const MAX_FILE: u64 = 1 << 20;

/// Returns how secrets are kept out. Nothing is read before a text may hold one.
pub fn of(app: &App, store: &Store) -> Redaction {
    if store.settings().redact { rules(app, store) } else { Redaction::default() }
}

/// Returns how secrets are known, whether they are kept out or not.
pub fn rules(app: &App, store: &Store) -> Redaction {
    let settings = store.settings().clone();
    let home = app.environment.get("HOME").map(str::to_owned);
    let root = store.work_dir().map(Path::to_owned);
    Redaction::new(move || make(&settings, home.as_deref(), root.as_deref()))
}

/// Tells what was taken out, if anything was.
pub fn warning(redaction: &Redaction) -> Option<String> {
    let mut kinds = redaction.take_found();
    let n = kinds.len();
    kinds.dedup();
    let kinds = kinds.join(", ");
    let noun = if n == 1 { "secret" } else { "secrets" };
    (n > 0).then(|| format!("warning: redacted {n} {noun} ({kinds})"))
}

fn make(settings: &Settings, home: Option<&str>, root: Option<&Path>) -> Result<Redactor, OpError> {
    let mut rules = Rules::default();
    if let Some(path) = &settings.redact_rules {
        let refuse = |reason: String| OpError::invalid("session.redactRules", reason);
        let file = root.map_or_else(|| PathBuf::from(path), |root| root.join(path));
        let text = read(&file).map_err(|error| refuse(format!("cannot read '{path}': {error}")))?;
        rules = rules.with_gitleaks(&text).map_err(|error| refuse(format!("'{path}': {error}")))?;
    }
    let allowed = rules.with_allowed(&settings.redact_allow);
    rules = allowed.map_err(|error| OpError::invalid("session.redactAllow", error.to_string()))?;
    if let Some(home) = home {
        rules = rules.with_home(home);
    }
    let variables = Environment::all().into_iter().chain(root.map(env_files).unwrap_or_default());
    let secret = variables.filter(|(name, _)| is_secret_name(name)).map(|(_, value)| value);
    Ok(Redactor::new(rules.with_known(secret)))
}

fn read(path: &Path) -> io::Result<String> {
    if fs::metadata(path)?.len() > MAX_FILE {
        return Err(io::Error::other(format!("larger than {MAX_FILE} bytes")));
    }
    fs::read_to_string(path)
}

/// Returns the variables of `.env` and `.env.*` in a directory; what cannot be read holds none.
fn env_files(dir: &Path) -> Vec<(String, String)> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let is_env = |name: &str| {
        let end = name.strip_prefix(".env.");
        name == ".env" || end.is_some_and(|end| !SAMPLES.iter().any(|it| end.ends_with(it)))
    };
    let files = entries.filter(|entry| entry.file_name().to_str().is_some_and(is_env));
    files.filter_map(|file| read(&file.path()).ok()).flat_map(|text| variables(&text)).collect()
}

/// Reads `NAME=value` lines, with or without `export` and quotes.
fn variables(text: &str) -> Vec<(String, String)> {
    let variable = |line: &str| {
        let line = line.trim();
        let (name, value) = line.strip_prefix("export ").unwrap_or(line).split_once('=')?;
        let value = value.trim();
        let quoted = |quote| value.strip_prefix(quote)?.strip_suffix(quote);
        let value = quoted('"').or_else(|| quoted('\'')).unwrap_or(value);
        Some((name.trim().to_owned(), value.to_owned()))
    };
    text.lines().filter_map(variable).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_read_as_shells_write_them() {
        let text = "# A=1\nexport B='two words'\nC=\"3\"\n D = four \nE=\nF";
        let found = variables(text);
        let expected = [("# A", "1"), ("B", "two words"), ("C", "3"), ("D", "four"), ("E", "")];
        assert_eq!(found, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
}
