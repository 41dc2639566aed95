use super::parse::malformed;
use crate::model::{Map, SessionId, Timestamp, Value};
use crate::ops::OpError;
use crate::render::{json, time};

/// The keys of the session object whose maps have any keys.
const OPEN: [&str; 3] = ["links", "statistics", "configuration"];
/// The other maps of the session object, with their keys.
const CLOSED: [(&str, &[&str]); 4] = [
    ("git", &["branch", "commit", "repo_root", "is_worktree", "worktree_name"]),
    ("tokens", &["input", "output", "cache_read", "cache_write", "total"]),
    ("conversation", &["segments", "events", "bytes", "sources", "more_sources"]),
    (
        "worker",
        &[
            "pid",
            "host",
            "started_at",
            "command",
            "ended_at",
            "exit_status",
            "signal",
            "duration_ms",
        ],
    ),
];
/// The fields that are times.
const TIMES: [&str; 5] =
    ["created_at", "updated_at", "started_at", "ended_at", "worker.started_at"];

/// A field of the session object, and how it is to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    /// A key, and after dots the keys in the maps below.
    path: String,
    shown: Shown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Whole,
    Relative,
    Date,
    Iso,
    IsoStrict,
    Unix,
    Raw,
    ShortOid,
    Handle,
}

/// The modifiers of a time.
const OF_TIMES: [(&str, Shown); 6] = [
    ("relative", Shown::Relative),
    ("short", Shown::Date),
    ("iso", Shown::Iso),
    ("iso-strict", Shown::IsoStrict),
    ("unix", Shown::Unix),
    ("raw", Shown::Raw),
];

impl Field {
    /// Reads what stands between the parentheses of a placeholder.
    pub(super) fn parse(name: &str) -> Result<Field, OpError> {
        let (path, modifier) = match name.split_once(':') {
            Some((path, modifier)) => (path, Some(modifier)),
            None => (name, None),
        };
        if !is_known(path) {
            let field = path.to_owned();
            return Err(OpError::UnknownField { kind: "placeholder", field, known: known() });
        }
        let shown = modifier.map_or(Ok(Shown::Whole), |modifier| read_modifier(path, modifier))?;
        Ok(Field { path: path.to_owned(), shown })
    }

    /// Returns the key of the session object that the field is, or is below of.
    pub(super) fn key(&self) -> &str {
        self.path.split_once('.').map_or(&self.path, |(key, _)| key)
    }

    /// Returns its value in `map`.
    pub(super) fn text(&self, map: &Map, now: Timestamp) -> String {
        let text = find(map, &self.path).map(text).unwrap_or_default();
        match self.shown {
            Shown::Whole => text,
            Shown::ShortOid => text.chars().take(7).collect(),
            Shown::Handle => match SessionId::parse(&text) {
                Some(session_id) => session_id.handle().to_string(),
                None => text,
            },
            shown => match Timestamp::parse(&text) {
                Some(at) => time_text(at, now, shown),
                None => text,
            },
        }
    }
}

fn read_modifier(path: &str, modifier: &str) -> Result<Shown, OpError> {
    let modifiers: &[(&str, Shown)] = match path {
        "tip" | "git.commit" => &[("short", Shown::ShortOid)],
        "id" | "parent" => &[("short", Shown::Handle)],
        path if TIMES.contains(&path) => &OF_TIMES,
        _ => &[],
    };
    let found = modifiers.iter().find(|(name, _)| *name == modifier);
    found.map(|(_, shown)| *shown).ok_or_else(|| {
        let known: Vec<String> = modifiers.iter().map(|(name, _)| format!(":{name}")).collect();
        malformed(match known.is_empty() {
            true => format!("'%({path})' takes no modifier"),
            false => format!("'%({path})' takes {}, not ':{modifier}'", known.join(", ")),
        })
    })
}

fn is_known(path: &str) -> bool {
    match path.split_once('.') {
        Some((key, rest)) if OPEN.contains(&key) => !rest.is_empty(),
        Some(_) => below_closed().any(|known| known == path),
        None => json::keys::<json::SessionObject>().iter().any(|known| known == path),
    }
}

/// Returns all fields that can be named, without those below open maps.
fn known() -> Vec<String> {
    let mut known = json::keys::<json::SessionObject>();
    known.extend(below_closed());
    known
}

fn below_closed() -> impl Iterator<Item = String> {
    CLOSED.iter().flat_map(|(key, below)| below.iter().map(move |name| format!("{key}.{name}")))
}

/// Returns the value at `path`; a key with a dot in it goes before a way into a map.
fn find<'a>(map: &'a Map, path: &str) -> Option<&'a Value> {
    map.get(path).or_else(|| {
        let (key, rest) = path.split_once('.')?;
        find(map.get(key)?.as_object()?, rest)
    })
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

fn time_text(at: Timestamp, now: Timestamp, shown: Shown) -> String {
    match shown {
        Shown::Relative => time::relative(at, now),
        Shown::Date => at.to_utc().format("%Y-%m-%d").to_string(),
        Shown::Iso => time::iso(at),
        Shown::IsoStrict => at.to_utc().format("%Y-%m-%dT%H:%M:%SZ").to_string(),
        Shown::Unix => at.seconds().to_string(),
        Shown::Raw => format!("{} +0000", at.seconds()),
        Shown::Whole | Shown::ShortOid | Shown::Handle => at.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::model::{Session, Worker};
    use crate::render::fixture;

    fn refusal(name: &str) -> String {
        Field::parse(name).expect_err("refused").to_string()
    }

    #[test]
    fn an_unknown_field_is_refused_with_those_that_exist() {
        for name in ["", "titel", "title.x", "git.x", "git.", "links.", "labels.0", " title"] {
            match Field::parse(name) {
                Err(OpError::UnknownField { kind: "placeholder", field, known }) => {
                    assert_eq!(field, name);
                    for key in ["title", "ref", "git.branch", "tokens.total"] {
                        assert!(known.iter().any(|known| known == key), "{key}");
                    }
                }
                other => panic!("'{name}': {other:?}"),
            }
        }
        assert_eq!(refusal("titel:short"), "unknown placeholder 'titel'");
    }

    #[test]
    fn an_unknown_modifier_is_refused_with_those_that_exist() {
        assert_eq!(
            refusal("created_at:rel"),
            "invalid value for '--format': '%(created_at)' takes :relative, :short, :iso, \
             :iso-strict, :unix, :raw, not ':rel'"
        );
        let message = "invalid value for '--format': '%(title)' takes no modifier";
        assert_eq!(refusal("title:short"), message);
    }

    #[test]
    fn the_named_maps_and_keys_are_those_of_the_session_object() {
        let worker = Worker {
            pid: 2,
            host: "h".into(),
            started_at: fixture::now(),
            command: Vec::new(),
            extra: crate::model::Map::new(),
        };
        let session = Session { worker: Some(worker), ..fixture::session("worker", "running") };
        let map =
            json::to_map(&json::session(&fixture::view(session), Path::new("/"), String::new()));
        let maps = map.iter().filter_map(|(key, value)| Some((key.as_str(), value.as_object()?)));
        for (key, below) in maps {
            let closed = CLOSED.iter().find(|(name, _)| *name == key);
            match closed {
                Some((_, keys)) => assert!(below.keys().eq(*keys), "{key}"),
                None => assert!(OPEN.contains(&key), "{key}"),
            }
        }
        assert!(TIMES.iter().all(|time| is_known(time)));
        let times =
            json::keys::<json::SessionObject>().into_iter().filter(|key| key.ends_with("_at"));
        assert!(times.into_iter().all(|key| TIMES.contains(&key.as_str())));
    }
}
