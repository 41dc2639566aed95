//! The files of `conversation/sources`: the sources that the record has no room for. See `FORMAT.md`, "The
//! conversation".

use super::extent::{source, source_map};
use super::fields::Fields;
use crate::model::conversation::SourceFile;
use crate::model::{Map, Oid, Value};

/// The directory below `conversation`.
pub const DIRECTORY: &str = "sources";
/// The largest such file, in bytes.
pub const MAX_BYTES: u64 = 64 << 20;

/// Returns what names the file of a source: the last part of its path.
pub fn file_name(path: Option<&str>) -> &str {
    path.and_then(|path| path.rsplit('/').next()).unwrap_or_default()
}

/// Returns the path below `conversation` of the file with the sources of one name: the first two digits of
/// the id that a blob with this name has.
pub fn path(name_oid: Oid) -> String {
    let digits = name_oid.to_string();
    format!("{DIRECTORY}/{}/{}.jsonl", &digits[..1], &digits[1..2])
}

/// Reads such a file.
///
/// # Errors
/// Which line is no source, and why.
pub fn parse(bytes: &[u8]) -> Result<Vec<SourceFile>, String> {
    let lines = bytes.split(|byte| *byte == b'\n').zip(1..);
    let lines = lines.filter(|(line, _)| !line.trim_ascii().is_empty());
    let read = |(line, number): (&[u8], u64)| {
        let map: Map =
            serde_json::from_slice(line).map_err(|error| format!("line {number}: {error}"))?;
        source(Fields::new(map)).map_err(|error| format!("line {number}: {error}"))
    };
    lines.map(read).collect()
}

/// Writes such a file.
pub fn to_bytes(sources: &[SourceFile]) -> Vec<u8> {
    let line = |it: &SourceFile| format!("{}\n", Value::Object(source_map(it)));
    sources.iter().map(line).collect::<String>().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_round_trip_and_a_wrong_line_is_named() {
        let one = |n| SourceFile { n, agent: "codex".into(), offset: 7, ..SourceFile::default() };
        let bytes = to_bytes(&[one(9), one(12)]);
        assert_eq!(parse(&bytes), Ok(vec![one(9), one(12)]));
        let wrong = parse(b"{\"n\":9,\"agent\":\"codex\"}\n{\"n\":0}\n").expect_err("no number");
        assert!(wrong.starts_with("line 2: field 'n'"), "{wrong}");
    }

    #[test]
    fn a_file_that_was_moved_has_the_same_name() {
        assert_eq!(file_name(Some("~/a/b.jsonl")), file_name(Some("/c/b.jsonl")));
        let oid = Oid::from_hex("3fa94b67b9f1c8b8e1f8e0d3a3d3c6d8b6f3a111").expect("an id");
        assert_eq!(path(oid), "sources/3/f.jsonl");
    }
}
