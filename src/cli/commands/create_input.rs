//! `create --input`: a new session as JSON.

use crate::cli::app::App;
use crate::cli::{CliError, input};
use crate::model::Value;
use crate::ops::OpError;
use crate::ops::create::NewSession;

/// The keys that `create --input` takes.
const INPUT_KEYS: [&str; 10] = [
    "title",
    "name",
    "branch",
    "agent",
    "model",
    "role",
    "links",
    "labels",
    "statistics",
    "configuration",
];

/// Reads what a session is to be from JSON, over what `new` says.
pub fn read(app: &App, path: &str, new: &mut NewSession) -> Result<(), CliError> {
    for (key, value) in input::read_json(app, path)? {
        put_input(new, &key, value)?;
    }
    Ok(())
}

fn put_input(new: &mut NewSession, key: &str, value: Value) -> Result<(), OpError> {
    match (key, value) {
        ("title", Value::String(title)) => new.title = title,
        (_, Value::Null) if INPUT_KEYS.contains(&key) && key != "title" => {}
        ("name", Value::String(name)) => new.name = Some(name),
        ("branch", Value::String(branch)) => new.branch = Some(branch),
        ("agent", Value::String(agent)) => new.agent = Some(agent),
        ("model", Value::String(model)) => new.model = Some(model),
        ("role", Value::String(role)) => new.role = Some(role),
        ("links", Value::Object(map)) => new.links.extend(map),
        ("statistics", Value::Object(map)) => new.statistics.extend(map),
        ("configuration", Value::Object(map)) => new.configuration.extend(map),
        ("labels", Value::Array(list)) => {
            for label in list {
                let Value::String(label) = label else {
                    return Err(OpError::invalid("labels", "has an entry that is not text"));
                };
                new.labels.push(label);
            }
        }
        (key, _) if INPUT_KEYS.contains(&key) => {
            return Err(OpError::invalid(key, "is of the wrong type"));
        }
        (key, _) => {
            let known = INPUT_KEYS.iter().map(|key| (*key).to_owned()).collect();
            return Err(OpError::UnknownField { kind: "field", field: key.to_owned(), known });
        }
    }
    Ok(())
}
