//! The files below `commits`: a line for each commit that was made in a session. See `FORMAT.md`, "Commits".

use crate::model::{CommitLink, KnownBy, Map, Oid, PatchSize, SessionId, Timestamp, Value};

/// The largest file, in bytes.
pub const MAX_BYTES: u64 = 16 << 20;
/// The longest line that is read, in bytes.
const MAX_LINE: usize = 1 << 20;

/// Returns the name of the file below `commits` that has the line of a commit: there are at most 256 of
/// them, so that a line more costs one short file and one tree.
pub fn file_name(commit_oid: Oid) -> String {
    format!("{:02x}.jsonl", commit_oid.as_bytes()[0])
}

/// Writes a line, without its end.
pub fn to_line(link: &CommitLink) -> String {
    Value::Object(to_map(link)).to_string()
}

/// Returns the map that a line is.
pub fn to_map(link: &CommitLink) -> Map {
    let mut keys = Map::new();
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            keys.insert(key.to_owned(), value);
        }
    };
    let oids = |list: &[Oid]| {
        let list: Vec<Value> = list.iter().map(|oid| oid.to_string().into()).collect();
        (!list.is_empty()).then_some(Value::Array(list))
    };
    let time = |at: Option<Timestamp>| at.map(|at| at.to_string().into());
    put("commit", Some(link.commit_oid.to_string().into()));
    put("seq", Some(link.seq.into()));
    put("idx", (link.idx > 0).then(|| link.idx.into()));
    put("tree", link.tree_oid.map(|oid| oid.to_string().into()));
    put("parents", oids(&link.parents));
    put("patch_id", link.patch_id.map(|oid| oid.to_string().into()));
    put("files", link.size.map(|size| size.n_files.into()));
    put("insertions", link.size.map(|size| size.n_insertions.into()));
    put("deletions", link.size.map(|size| size.n_deletions.into()));
    put("author", link.author.as_deref().map(Value::from));
    put("authored_at", time(link.authored_at));
    put("committed_at", time(link.committed_at));
    put("branch", link.branch.as_deref().map(Value::from));
    put("status", link.status.as_deref().map(Value::from));
    put("known_by", Some(link.known_by.as_str().into()));
    put("replaces", oids(&link.replaces));
    let shared_with: Vec<Value> = link.shared_with.iter().map(|it| it.to_string().into()).collect();
    put("shared_with", (!shared_with.is_empty()).then_some(Value::Array(shared_with)));
    put("partly", link.is_partly.then(|| true.into()));
    put("seal", link.seal.as_deref().map(Value::from));
    for (key, value) in &link.extra {
        put(key, Some(value.clone()));
    }
    keys
}

/// Reads a line; `None` unless it is a map with the full id of a commit. What of it cannot be read is not
/// there.
pub fn parse(line: &[u8]) -> Option<CommitLink> {
    if line.len() > MAX_LINE {
        return None;
    }
    let Ok(Value::Object(keys)) = serde_json::from_slice(line) else { return None };
    from_map(keys)
}

/// Reads what a line says from the map that it is, or an entry of the record's `commits`.
pub fn from_map(mut keys: Map) -> Option<CommitLink> {
    let oid = |value: &Value| value.as_str().and_then(Oid::from_hex);
    let oids = |value: Option<Value>| -> Vec<Oid> {
        let list = value.as_ref().and_then(Value::as_array);
        list.into_iter().flatten().filter_map(oid).collect()
    };
    let sessions = |value: Option<Value>| -> Vec<SessionId> {
        let list = value.as_ref().and_then(Value::as_array);
        list.into_iter().flatten().filter_map(|it| SessionId::parse(it.as_str()?)).collect()
    };
    let commit_oid = keys.shift_remove("commit").as_ref().and_then(oid)?;
    let mut take = |key: &str| keys.shift_remove(key);
    let time = |value: Option<Value>| value.as_ref()?.as_str().and_then(Timestamp::parse);
    let text = |value: Option<Value>| value.as_ref()?.as_str().map(str::to_owned);
    let number = |value: Option<Value>| value.as_ref().and_then(Value::as_u64);
    let word = text(take("known_by"));
    let known_by = KnownBy::ALL.iter().find(|(it, _)| Some(*it) == word.as_deref());
    let n_files = number(take("files"));
    let (n_insertions, n_deletions) = (number(take("insertions")), number(take("deletions")));
    let link = CommitLink {
        commit_oid,
        seq: number(take("seq")).unwrap_or_default(),
        idx: number(take("idx")).unwrap_or_default(),
        tree_oid: take("tree").as_ref().and_then(oid),
        parents: oids(take("parents")),
        patch_id: take("patch_id").as_ref().and_then(oid),
        size: n_files.map(|n_files| PatchSize {
            n_files,
            n_insertions: n_insertions.unwrap_or_default(),
            n_deletions: n_deletions.unwrap_or_default(),
        }),
        author: text(take("author")),
        authored_at: time(take("authored_at")),
        committed_at: time(take("committed_at")),
        branch: text(take("branch")),
        status: text(take("status")),
        known_by: known_by.map_or(KnownBy::Import, |(_, it)| *it),
        replaces: oids(take("replaces")),
        shared_with: sessions(take("shared_with")),
        is_partly: take("partly") == Some(Value::Bool(true)),
        seal: text(take("seal")),
        extra: Map::new(),
    };
    Some(CommitLink { extra: keys, ..link })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"commit":"8ad4d6f1c28ad4d6f1c28ad4d6f1c28ad4d6f1c2","seq":4,"idx":1,"tree":"aad4d6f1c28ad4d6f1c28ad4d6f1c28ad4d6f1c2","parents":["bad4d6f1c28ad4d6f1c28ad4d6f1c28ad4d6f1c2"],"patch_id":"cad4d6f1c28ad4d6f1c28ad4d6f1c28ad4d6f1c2","files":2,"insertions":5,"deletions":0,"author":"Ada <ada@example.com>","authored_at":"2026-01-07T13:02:57.000000Z","committed_at":"2026-01-07T13:02:58.000000Z","branch":"main","status":"running","known_by":"hook","replaces":["dad4d6f1c28ad4d6f1c28ad4d6f1c28ad4d6f1c2"],"shared_with":["0199f0c2-1c4d-7abc-8def-0123456789b0"],"partly":true,"seal":"5ea1","x_more":{"kept":true}}"#;

    #[test]
    fn a_line_round_trips_byte_for_byte_with_its_unknown_keys() {
        let link = parse(LINE.as_bytes()).expect("valid");
        assert_eq!(link.size, Some(PatchSize { n_files: 2, n_insertions: 5, n_deletions: 0 }));
        assert_eq!(to_line(&link), LINE);
    }

    #[test]
    fn only_the_id_must_be_there_and_what_is_wrong_is_unknown() {
        let id = "8ad4d6f1c28ad4d6f1c28ad4d6f1c28ad4d6f1c2";
        let bare = parse(format!(r#"{{"commit":"{id}"}}"#).as_bytes()).expect("an id");
        assert_eq!(bare, CommitLink::new(Oid::from_hex(id).expect("hex"), KnownBy::Import));
        let odd = format!(
            r#"{{"commit":"{id}","tree":7,"files":"x","authored_at":[],"replaces":1,"shared_with":["x"]}}"#
        );
        assert_eq!(parse(odd.as_bytes()), Some(bare));
        for text in ["", "[]", "{}", r#"{"commit":"8ad4"}"#, r#"{"commit":null}"#] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn commits_are_spread_over_the_files_by_their_first_byte() {
        let oid = Oid::from_hex("0ad4d6f1c28ad4d6f1c28ad4d6f1c28ad4d6f1c2").expect("hex");
        assert_eq!(file_name(oid), "0a.jsonl");
    }
}
