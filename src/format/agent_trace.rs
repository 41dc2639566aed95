//! What a session did in a commit, as a record of Agent Trace, version 0.1.0.
//!
//! Source: cursor/agent-trace, README and `schemas.ts`. Lines count from 1 at the revision.

use crate::model::{Map, Session, Timestamp, Value};

/// The version that is written.
const VERSION: &str = "0.1.0";
/// The longest identifier of a model, in characters.
const MAX_MODEL: usize = 250;

/// Who provides a model, by what its name begins with. Source: models.dev.
const PROVIDERS: [(&str, &str); 18] = [
    ("claude", "anthropic"),
    ("gpt", "openai"),
    ("o1", "openai"),
    ("o3", "openai"),
    ("o4", "openai"),
    ("codex", "openai"),
    ("chatgpt", "openai"),
    ("gemini", "google"),
    ("gemma", "google"),
    ("qwen", "alibaba"),
    ("grok", "xai"),
    ("deepseek", "deepseek"),
    ("kimi", "moonshotai"),
    ("glm", "zai"),
    ("mistral", "mistral"),
    ("codestral", "mistral"),
    ("devstral", "mistral"),
    ("llama", "llama"),
];

/// A commit of a session.
#[derive(Debug, Clone, Copy)]
pub struct Traced<'a> {
    /// The session.
    pub session: &'a Session,
    /// A UUID for the record.
    pub id: &'a str,
    /// The commit.
    pub revision: &'a str,
    /// When it was committed.
    pub at: Timestamp,
    /// The language model that was in use; `None` if nobody knows.
    pub model: Option<&'a str>,
}

/// Returns the record of a commit that adds lines to `files`: paths, with the first and the last line of each
/// run.
pub fn write<'f>(
    traced: Traced<'_>,
    files: impl Iterator<Item = (&'f str, &'f [(u64, u64)])>,
) -> Map {
    let url = Value::from(format!("git-session:refs/sessions/{}", traced.session.id));
    let contributor = Value::from(contributor(traced));
    let file = |(path, ranges): (&str, &[(u64, u64)])| {
        let range = |(first, last): &(u64, u64)| {
            object([("start_line", (*first).into()), ("end_line", (*last).into())]).into()
        };
        let ranges: Vec<Value> = ranges.iter().map(range).collect();
        let conversation = object([
            ("url", url.clone()),
            ("contributor", contributor.clone()),
            ("ranges", ranges.into()),
        ]);
        object([("path", path.into()), ("conversations", vec![Value::from(conversation)].into())])
    };
    let files: Vec<Value> = files.map(|it| file(it).into()).collect();
    object([
        ("version", VERSION.into()),
        ("id", traced.id.into()),
        ("timestamp", traced.at.to_string().into()),
        ("vcs", object([("type", "git".into()), ("revision", traced.revision.into())]).into()),
        (
            "tool",
            object([("name", "git-session".into()), ("version", env!("CARGO_PKG_VERSION").into())])
                .into(),
        ),
        ("files", files.into()),
    ])
}

/// Returns who wrote the lines: the agent with its model, or a person where the session knows of none.
fn contributor(traced: Traced<'_>) -> Map {
    let is_agent = traced.session.agent.is_some() || traced.model.is_some();
    let mut map = object([("type", if is_agent { "ai" } else { "human" }.into())]);
    if let Some(model) = traced.model {
        map.insert("model_id".to_owned(), model_id(model).into());
    }
    map
}

/// Returns `provider/model`; the name alone if its provider is not known.
fn model_id(model: &str) -> String {
    let provider = PROVIDERS.iter().find(|(part, _)| model.to_lowercase().starts_with(part));
    let id = match provider {
        Some((_, provider)) if !model.contains('/') => format!("{provider}/{model}"),
        _ => model.to_owned(),
    };
    id.chars().take(MAX_MODEL).collect()
}

fn object<const N: usize>(pairs: [(&str, Value); N]) -> Map {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_named_with_its_provider() {
        for (model, expected) in [
            ("claude-opus-4-5-20251101", "anthropic/claude-opus-4-5-20251101"),
            ("GPT-5", "openai/GPT-5"),
            ("openrouter/qwen/qwen3", "openrouter/qwen/qwen3"),
            ("my-own", "my-own"),
        ] {
            assert_eq!(model_id(model), expected);
        }
        assert_eq!(model_id(&"é".repeat(300)).chars().count(), MAX_MODEL);
    }
}
