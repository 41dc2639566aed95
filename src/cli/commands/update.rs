use clap::{Args, ValueHint};
use clap_complete::engine::ArgValueCompleter;

use super::start::{answer, shown};
use crate::cli::app::App;
use crate::cli::options::{Json, Reason};
use crate::cli::{CliError, complete, editor, input};
use crate::format::yaml;
use crate::model::{Map, Value};
use crate::ops::load::{self, View};
use crate::ops::patch::PATCHABLE;
use crate::ops::update::{self, Request};
use crate::ops::{OpError, patch};

/// Change what is recorded of a session, as one event
///
/// Keys are title, name, phase, agent, model, role, branch, labels, links.<name>,
/// statistics.<name>, configuration.<name> and tokens.<name>. An update that changes nothing
/// records nothing.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  git session update --set phase=implement --label urgent\n  \
    git session update --add statistics.completed_tasks=1\n  \
    echo '{\"links\": {\"issue\": null}}' | git session update qpvuntsm --input -")]
pub struct Update {
    /// The session; default: the current one
    #[arg(value_name = "session", add = ArgValueCompleter::new(complete::sessions))]
    session: Option<String>,
    /// Set a key to a value; may be repeated
    #[arg(long, value_name = "key=value")]
    set: Vec<String>,
    /// Unset a key; labels.<label> takes one label away; may be repeated
    #[arg(long, value_name = "key")]
    unset: Vec<String>,
    /// Add to a number, whatever other processes do at the same time; may be repeated
    #[arg(long, value_name = "key=n")]
    add: Vec<String>,
    /// Add a label; may be repeated
    #[arg(long, value_name = "label")]
    label: Vec<String>,
    /// Set the title
    #[arg(long, value_name = "title")]
    title: Option<String>,
    /// Set the phase
    #[arg(long, value_name = "phase")]
    phase: Option<String>,
    /// Read a merge patch (RFC 7386) as JSON from a file or '-'
    #[arg(long, value_name = "file", value_hint = ValueHint::FilePath)]
    input: Option<String>,
    /// Edit the keys as YAML
    #[arg(short, long)]
    edit: bool,
    /// Let the patch set 'status' whatever the lifecycle says; recorded as forced
    #[arg(short, long)]
    force: bool,
    #[command(flatten)]
    reason: Reason,
    #[command(flatten)]
    json: Json,
}

impl Update {
    /// Does it.
    pub fn run(self, app: &App) -> Result<(), CliError> {
        let session_id = app.resolve(self.session.as_deref())?;
        let mut request = self.request(app)?;
        if self.edit {
            let view = load::load(app.store()?, session_id)?.view;
            request.patch.extend(edit(app, &view)?);
        }
        let is_empty = request.patch.is_empty()
            && request.adds.is_empty()
            && request.labels.is_empty()
            && request.labels_off.is_empty();
        if is_empty && self.input.is_none() && !self.edit {
            return Err(CliError::Usage(
                "nothing to update: give --set, --unset, --add, --label, --input or --edit".into(),
            ));
        }
        let (store, context) = (app.store()?, app.context()?);
        let changed =
            update::update(store, &context, session_id, &request, |view| shown(app, view))?;
        let handle = changed.view.session.id.handle();
        let story = if changed.is_new { "updated" } else { "is already so" };
        answer(app, &changed, &self.json, &format!("Session {handle} {story}"))
    }

    fn request(&self, app: &App) -> Result<Request, CliError> {
        let mut request = Request {
            force: self.force,
            reason: self.reason.text(),
            labels: self.label.clone(),
            ..Request::default()
        };
        if let Some(path) = &self.input {
            request.patch = input::read_json(app, path)?;
        }
        let shortcuts = [("title", &self.title), ("phase", &self.phase)];
        for (key, value) in shortcuts {
            if let Some(value) = value {
                put(&mut request.patch, key, value.as_str().into())?;
            }
        }
        for setting in &self.set {
            let (key, value) = split(setting, "--set")?;
            put(&mut request.patch, key, read_value(key, value))?;
        }
        for key in &self.unset {
            match key.strip_prefix("labels.") {
                Some(label) => request.labels_off.push(label.to_owned()),
                None => put(&mut request.patch, key, Value::Null)?,
            }
        }
        for addition in &self.add {
            let (key, amount) = split(addition, "--add")?;
            let amount = amount
                .parse()
                .map_err(|_| OpError::invalid("--add", format!("'{amount}' is not an integer")))?;
            request.adds.push((key.to_owned(), amount));
        }
        Ok(request)
    }
}

fn split<'a>(setting: &'a str, option: &str) -> Result<(&'a str, &'a str), CliError> {
    let invalid = || OpError::invalid(option, format!("'{setting}' is not <key>=<value>"));
    Ok(setting.split_once('=').filter(|(key, _)| !key.is_empty()).ok_or_else(invalid)?)
}

/// Puts a value at a dotted path of at most two words.
fn put(patch: &mut Map, path: &str, value: Value) -> Result<(), CliError> {
    let (top, nested) = match path.split_once('.') {
        Some((top, nested)) => (top, Some(nested)),
        None => (path, None),
    };
    if !PATCHABLE.contains(&top) {
        // A fixed key is refused with its own words by what applies the patch.
        if nested.is_some() {
            return Err(patch::unknown(path).into());
        }
    }
    let Some(nested) = nested else {
        patch.insert(top.to_owned(), value);
        return Ok(());
    };
    let slot = patch.entry(top.to_owned()).or_insert_with(|| Map::new().into());
    match slot.as_object_mut() {
        Some(map) => map.insert(nested.to_owned(), value),
        None => return Err(OpError::invalid(top, "is set as a whole and in part").into()),
    };
    Ok(())
}

/// Reads a value of the command line: numbers and switches where such things stand, else text.
fn read_value(key: &str, text: &str) -> Value {
    let is_typed = ["statistics.", "configuration.", "tokens.", "git."]
        .iter()
        .any(|prefix| key.starts_with(prefix));
    let looks_structured = text.starts_with(['{', '[']);
    let parsed = serde_json::from_str(text).ok();
    match parsed {
        Some(value) if is_typed || looks_structured => value,
        _ if key == "labels" => {
            text.split(',').map(str::trim).filter(|it| !it.is_empty()).collect::<Vec<_>>().into()
        }
        _ => Value::from(text),
    }
}

/// The keys that are offered to be edited.
const EDITABLE: [&str; 10] = [
    "title",
    "name",
    "phase",
    "agent",
    "model",
    "role",
    "links",
    "labels",
    "statistics",
    "configuration",
];

/// Returns the patch that somebody's editing amounts to.
fn edit(app: &App, view: &View) -> Result<Map, CliError> {
    let mut before = shown(app, view);
    before.retain(|key, value| EDITABLE.contains(&key.as_str()) && !value.is_null());
    let help = "\n# Change values, or remove lines to unset them; an unchanged text changes nothing.\n\
                # More keys: name, phase, agent, model, role.\n";
    let text = format!("{}{help}", yaml::write_map(&before));
    let edited = editor::edit(app, "SESSION_EDIT", &text)?;
    let after = yaml::parse_map(edited.as_bytes())
        .map_err(|error| OpError::invalid("--edit", error.to_string()))?;
    Ok(difference(&before, &after))
}

/// Returns the merge patch that makes `after` of `before`. Source: RFC 7386.
fn difference(before: &Map, after: &Map) -> Map {
    let mut patch = Map::new();
    for (key, value) in after {
        match (before.get(key), value) {
            (Some(old), value) if old == value => {}
            (Some(Value::Object(old)), Value::Object(new)) => {
                patch.insert(key.clone(), difference(old, new).into());
            }
            (_, value) => {
                patch.insert(key.clone(), value.clone());
            }
        }
    }
    for key in before.keys().filter(|key| !after.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    patch
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_the_patch_that_makes_one_of_the_other() {
        let map = |value: Value| value.as_object().cloned().unwrap_or_default();
        let before = map(serde_json::json!({"a": 1, "b": {"c": 1, "d": 2}, "e": 3}));
        let after = map(serde_json::json!({"a": 1, "b": {"c": 5}, "f": 4}));
        let patch = serde_json::json!({"b": {"c": 5, "d": null}, "f": 4, "e": null});
        assert_eq!(difference(&before, &after), map(patch));
    }

    #[test]
    fn words_of_the_command_line_are_typed_by_where_they_stand() {
        assert_eq!(read_value("statistics.total_tasks", "5"), Value::from(5));
        assert_eq!(read_value("configuration.auto_checkpoint", "false"), Value::from(false));
        assert_eq!(read_value("links.issue", "5"), Value::from("5"));
        assert_eq!(read_value("title", "true"), Value::from("true"));
        assert_eq!(read_value("labels", "a, b"), serde_json::json!(["a", "b"]));
    }
}
