//! `conversation` in the record: how much of a conversation is kept.

use super::event;
use super::fields::{Fields, Invalid};
use super::record::{tokens, tokens_map};
use crate::model::conversation::{Event, Extent, SourceFile};
use crate::model::{Map, Value};

/// The largest number of bytes, events or segments.
const MAX: u64 = 1 << 53;

/// Reads what the record says.
pub(super) fn read(mut fields: Fields) -> Result<Extent, Invalid> {
    let mut count = |key| Ok(fields.integer(key, 0..=MAX)?.unwrap_or_default());
    Ok(Extent {
        n_segments: count("segments")?,
        n_events: count("events")?,
        n_bytes: count("bytes")?,
        n_more_sources: fields.integer("more_sources", 0..=MAX)?.unwrap_or_default(),
        sources: fields.maps("sources")?.into_iter().map(source).collect::<Result<_, _>>()?,
        usages: fields.maps("usages")?.into_iter().map(usage).collect::<Result<_, _>>()?,
        extra: fields.rest()?,
    })
}

/// Reads a source.
pub(super) fn source(mut fields: Fields) -> Result<SourceFile, Invalid> {
    let mut count = |key| Ok(fields.integer(key, 0..=MAX)?.unwrap_or_default());
    let (offset, n_bytes, generation) = (count("offset")?, count("bytes")?, count("generation")?);
    let n_copied = count("copied")?;
    Ok(SourceFile {
        n: fields.required("n", |f, key| f.integer(key, 1..=MAX))?,
        agent: fields.required("agent", Fields::line)?,
        session_id: fields.line("session_id")?,
        path: fields.line("path")?,
        offset,
        n_bytes,
        generation,
        head: fields.line("head")?,
        tail: fields.line("tail")?,
        root: fields.line("root")?,
        n_copied,
        tokens: fields.map("tokens")?.map(tokens).transpose()?.unwrap_or_default(),
        memory: fields.map("memory")?.map(Fields::rest).transpose()?.unwrap_or_default(),
        extra: fields.rest()?,
    })
}

fn usage(fields: Fields) -> Result<Event, Invalid> {
    let mut map = fields.into_map();
    map.insert("kind".into(), "usage".into());
    event::from_map(map).map_err(|it| Invalid::new(&format!("usages.{}", it.key), &it.reason))
}

/// Returns what the record says; empty if nothing is kept.
pub(super) fn to_map(extent: &Extent) -> Map {
    let mut map = Map::new();
    let mut put = |key: &str, value: Value| map.insert(key.to_owned(), value);
    if *extent == Extent::default() {
        return Map::new();
    }
    put("segments", extent.n_segments.into());
    put("events", extent.n_events.into());
    put("bytes", extent.n_bytes.into());
    put_list(&mut map, "sources", extent.sources.iter().map(source_map).collect());
    if extent.n_more_sources > 0 {
        map.insert("more_sources".to_owned(), extent.n_more_sources.into());
    }
    put_list(&mut map, "usages", extent.usages.iter().map(usage_map).collect());
    map.extend(extent.extra.clone());
    map
}

fn put_list(map: &mut Map, key: &str, list: Vec<Map>) {
    if !list.is_empty() {
        map.insert(key.to_owned(), list.into_iter().map(Value::Object).collect());
    }
}

/// Returns what is said of a source.
pub(super) fn source_map(source: &SourceFile) -> Map {
    let mut map = Map::new();
    let mut put = |key: &str, value: Option<Value>| value.map(|it| map.insert(key.to_owned(), it));
    let text = |text: &Option<String>| text.as_deref().map(Value::from);
    let count = |n: u64| (n > 0).then(|| Value::from(n));
    put("n", Some(source.n.into()));
    put("agent", Some(source.agent.as_str().into()));
    put("session_id", text(&source.session_id));
    put("path", text(&source.path));
    put("offset", count(source.offset));
    put("bytes", count(source.n_bytes));
    put("generation", count(source.generation));
    put("head", text(&source.head));
    put("tail", text(&source.tail));
    put("root", text(&source.root));
    put("copied", count(source.n_copied));
    let maps = [("tokens", tokens_map(&source.tokens)), ("memory", source.memory.clone())];
    for (key, it) in maps.into_iter().filter(|(_, it)| !it.is_empty()) {
        map.insert(key.to_owned(), it.into());
    }
    map.extend(source.extra.clone());
    map
}

/// Returns what is said of a usage; its kind goes without saying.
fn usage_map(event: &Event) -> Map {
    let mut map = event::to_map(event);
    map.retain(|key, _| key != "v" && key != "kind");
    map
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_json(json: &str) -> Result<Extent, String> {
        let map = serde_json::from_str(json).expect("JSON");
        read(Fields::new(map)).map_err(|it| it.to_string())
    }

    #[test]
    fn what_is_kept_of_a_conversation_round_trips_with_its_unknown_keys() {
        let json = concat!(
            r#"{"segments":2,"events":3,"bytes":400,"sources":[{"n":1,"agent":"claude-code","#,
            r#""session_id":"s","path":"~/a.jsonl","offset":9,"bytes":8,"generation":1,"head":"ab","#,
            r#""tail":"cd","root":"u","copied":5,"x":1}],"more_sources":2,"usages":[{"seq":2,"thread":"side","msg":"m1","input":10,"#,
            r#""cache_read":1,"output":3,"reasoning":2,"x_own":[1]}],"x_more":true}"#
        );
        let extent = read_json(json).expect("valid");
        assert_eq!(extent.sources[0].generation, 1);
        assert_eq!(Value::Object(to_map(&extent)).to_string(), json);
        assert!(to_map(&Extent::default()).is_empty());
        // Whatever else is said without segments is not lost.
        let odd = Extent { n_events: 7, ..Extent::default() };
        assert_eq!(read(Fields::new(to_map(&odd))).expect("an extent"), odd);
    }

    #[test]
    fn a_wrong_field_is_named() {
        for (json, expected) in [
            (r#"{"segments":-1}"#, "field 'segments' is not an integer"),
            (r#"{"sources":[{"n":1}]}"#, "field 'agent' is missing"),
            (r#"{"sources":[{"n":0,"agent":"a"}]}"#, "field 'n' is not an integer from 1"),
            (r#"{"usages":[{"msg":"m"}]}"#, "field 'usages.input' is missing"),
        ] {
            let text = read_json(json).expect_err("refused");
            assert!(text.starts_with(expected), "{json}: {text}");
        }
    }
}
