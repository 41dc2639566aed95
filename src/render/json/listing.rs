use std::io::{self, Write};
use std::path::Path;

use super::{select, session, session_schema, to_text};
use crate::model::{Map, SessionId, Value};
use crate::ops::documents::Making;
use crate::ops::list::Listed;
use crate::ops::load::View;
use crate::render::format::excerpt_map;
use crate::store::{Fault, RefNames, session_ref};

/// How the place of the work tree begins in a session's document, where it is left open. In text before it, no
/// quote stands without a backslash.
const OPEN_ROOT: &str = "\"repo_root\":\"\"";

/// Returns how the documents of sessions are made that [`Listing`] takes.
pub fn making() -> Making {
    let kind = to_text(&session_schema()) + env!("CARGO_PKG_VERSION");
    Making {
        kind: crc32fast::hash(kind.as_bytes()),
        make: |view: &View| to_text(&session(view, Path::new(""), session_ref(view.session.id))),
    }
}

/// Returns a session's document as a map; `root` is the top of the work tree, `ref_name` the ref by which it is read.
pub fn document(document: &str, root: &Path, ref_name: String) -> Map {
    let placed = placed(document, &to_text(&root.to_string_lossy()));
    let mut map: Map = serde_json::from_str(&placed).unwrap_or_default();
    map.insert("ref".to_owned(), ref_name.into());
    map
}

/// Returns a document of an archived session with the ref by which it is read. After its own ref there are only a commit, a number
/// and a state, so the last that looks like it is the one.
fn with_ref(mut document: String, session_id: SessionId, refs: &RefNames) -> String {
    let entry = |name: String| format!("\"ref\":\"{name}\"");
    let own = entry(session_ref(session_id));
    if let Some(at) = document.rfind(&own).filter(|_| refs.is_archived(session_id)) {
        document.replace_range(at..at + own.len(), &entry(refs.of(session_id)));
    }
    document
}

/// Returns a document with the top of the work tree, as JSON.
fn placed(document: &str, root: &str) -> String {
    document.replacen(OPEN_ROOT, &format!("\"repo_root\":{root}"), 1)
}

/// A list that is written as one document while it is read: `{"sessions": [...], "corrupt": [...]}`, of each
/// session only some fields, if any are named.
pub struct Listing<'a> {
    out: &'a mut dyn Write,
    root: String,
    refs: &'a RefNames,
    fields: &'a [String],
    is_empty: bool,
}

impl<'a> Listing<'a> {
    /// Begins; `root` is the top of the work tree, `refs` are those by which the sessions are read.
    ///
    /// # Errors
    /// Those of `out`, as for all that follow.
    pub fn begin(
        out: &'a mut dyn Write,
        root: &Path,
        refs: &'a RefNames,
        fields: &'a [String],
    ) -> io::Result<Listing<'a>> {
        out.write_all(b"{\"sessions\":[")?;
        Ok(Listing { out, root: to_text(&root.to_string_lossy()), refs, fields, is_empty: true })
    }

    /// Adds a session.
    pub fn session(&mut self, session_id: SessionId, document: &str) -> io::Result<()> {
        let document = with_ref(placed(document, &self.root), session_id, self.refs);
        if self.fields.is_empty() {
            return self.add(&document);
        }
        let map = serde_json::from_str(&document).map_err(io::Error::from)?;
        self.add(&to_text(&select(map, self.fields)))
    }

    /// Adds a session of which no more is wanted than its newest commit says.
    pub fn excerpt(&mut self, listed: &Listed) -> io::Result<()> {
        self.add(&to_text(&select(excerpt_map(listed, self.refs), self.fields)))
    }

    fn add(&mut self, document: &str) -> io::Result<()> {
        if !std::mem::replace(&mut self.is_empty, false) {
            self.out.write_all(b",")?;
        }
        self.out.write_all(document.as_bytes())
    }

    /// Ends with what cannot be read.
    pub fn end<'b>(self, faults: impl Iterator<Item = &'b Fault>) -> io::Result<()> {
        let object = |it: &Fault| serde_json::json!({ "id": it.name, "reason": it.reason });
        let corrupt: Vec<Value> = faults.map(object).collect();
        writeln!(self.out, "],\"corrupt\":{}}}", to_text(&corrupt))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::fixture;
    use crate::render::json::to_map;

    #[test]
    fn a_document_is_the_session_object_wherever_the_work_tree_and_the_session_are() {
        let mut record = fixture::session("feature", "implementing");
        record.title = OPEN_ROOT.to_owned();
        record.links.insert("repo_root".into(), "".into());
        let id = record.id;
        record.statistics.insert("ref".into(), session_ref(id).into());
        let view = fixture::view(record);
        let made = (making().make)(&view);
        for root in ["/repo", "", "/a \"b\"\u{9b}\\"] {
            let root = Path::new(root);
            for refs in [RefNames::default(), [id].into_iter().collect()] {
                let whole = to_map(&session(&view, root, refs.of(id)));
                assert_eq!(document(&made, root, refs.of(id)), whole);
                let placed = placed(&made, &to_text(&root.to_string_lossy()));
                assert_eq!(with_ref(placed, id, &refs), to_text(&whole));
            }
        }
    }

    #[test]
    fn a_list_is_one_document_whether_it_has_sessions_or_not() {
        let view = fixture::view(fixture::session("feature", "implementing"));
        let made = (making().make)(&view);
        let fields = ["status".to_owned(), "id".to_owned()];
        let (fault, refs) = (Fault::new("x", "y"), RefNames::default());
        for n in 0..3 {
            let mut text = Vec::new();
            let mut listing =
                Listing::begin(&mut text, Path::new("/"), &refs, &fields).expect("written");
            (0..n).for_each(|_| listing.session(view.session.id, &made).expect("written"));
            listing.end([&fault].into_iter()).expect("written");
            let one = format!("{{\"status\":\"implementing\",\"id\":\"{}\"}}", view.session.id);
            let all = vec![one; n].join(",");
            let expected = format!(
                "{{\"sessions\":[{all}],\"corrupt\":[{{\"id\":\"x\",\"reason\":\"y\"}}]}}\n"
            );
            assert_eq!(String::from_utf8_lossy(&text), expected);
        }
    }
}
