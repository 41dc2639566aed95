//! What `init` put where, in `<common dir>/session/installed`: what its undoing needs to know beyond what
//! stands in the files themselves.

use serde_json::{Map, Value, json};

use crate::model::Oid;

/// The version of this file.
const VERSION: u64 = 1;

/// What was installed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Installed {
    /// The files, in the order in which they were written.
    pub files: Vec<InstalledFile>,
    /// The directories that were made, outer ones first; named as files are.
    pub directories: Vec<String>,
}

/// A file that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstalledFile {
    /// Its path: from the common directory, or absolute.
    pub path: String,
    /// Its contents before, as a blob; `None` if it was not there.
    pub before: Option<Oid>,
    /// Its contents as they were written, as a blob.
    pub after: Oid,
}

impl Installed {
    /// Returns what is known of a file.
    pub fn file(&self, path: &str) -> Option<&InstalledFile> {
        self.files.iter().find(|it| it.path == path)
    }
}

/// Reads the file; `None` if it is not understood.
pub fn parse(text: &[u8]) -> Option<Installed> {
    let all: Map<String, Value> = serde_json::from_slice(text).ok()?;
    if all.get("version")?.as_u64()? != VERSION {
        return None;
    }
    let files = all.get("files")?.as_array()?.iter().map(file).collect::<Option<_>>()?;
    let directories = all.get("directories")?.as_array()?.iter();
    let directories = directories.map(|it| Some(it.as_str()?.to_owned())).collect::<Option<_>>()?;
    Some(Installed { files, directories })
}

fn file(value: &Value) -> Option<InstalledFile> {
    let oid = |value: &Value| Oid::from_hex(value.as_str()?);
    let before = match value.get("before")? {
        Value::Null => None,
        found => Some(oid(found)?),
    };
    let path = value.get("path")?.as_str()?.to_owned();
    Some(InstalledFile { path, before, after: oid(value.get("after")?)? })
}

/// Writes the file.
pub fn to_bytes(installed: &Installed) -> Vec<u8> {
    let files = installed.files.iter().map(|it| {
        let before = it.before.map(|oid| oid.to_string());
        json!({ "path": it.path, "before": before, "after": it.after.to_string() })
    });
    let all = json!({
        "version": VERSION,
        "files": files.collect::<Vec<Value>>(),
        "directories": installed.directories,
    });
    format!("{all:#}\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_and_what_is_newer_is_not_understood() {
        let oid = |digit: &str| Oid::from_hex(&digit.repeat(40)).expect("an id");
        let installed = Installed {
            files: vec![
                InstalledFile { path: "config".into(), before: Some(oid("1")), after: oid("2") },
                InstalledFile { path: "/home/é".into(), before: None, after: oid("3") },
            ],
            directories: vec!["hooks".into()],
        };
        let bytes = to_bytes(&installed);
        assert_eq!(parse(&bytes), Some(installed));
        let newer = String::from_utf8_lossy(&bytes).replace("\"version\": 1", "\"version\": 2");
        assert_eq!(parse(newer.as_bytes()), None);
        assert_eq!(parse(b"{"), None);
    }
}
