//! Which commit a line came from, where that is certain without comparing files: nobody before that commit
//! has such a line, so it is that commit's, whichever way two files are compared. Whatever is unusual is
//! left to `git blame`.

use std::ffi::OsString;
use std::fs;
use std::io::{ErrorKind, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use gix::bstr::ByteSlice;
use gix::objs::tree::EntryKind;
use gix::objs::{Kind, TreeRefIter};

use super::blame::BlamedLine;
use super::open::{RefFormat, lossy};
use super::read::{MAX_META, to_oid};
use super::{CommitInfo, Store};
use crate::model::Oid;

/// How many commits that have the file as it is are gone back through.
const MAX_STEPS: usize = 8;
/// The largest file that is looked through, in bytes.
const MAX_FILE: u64 = 8 << 20;
/// The largest file of attributes that is read, in bytes.
const MAX_ATTRIBUTES: u64 = 1 << 20;
/// What in a file of attributes may make a file another one for git than it is on disk.
const CONVERTING: [&[u8]; 3] = [b"filter", b"working-tree-encoding", b"diff="];
/// What may be another byte for git than it is on disk, by settings or by attributes.
const CONVERTED: [&[u8]; 3] = [b"\r", b"\0", b"$Id"];
/// Where attributes for all users may stand.
const SYSTEM_ATTRIBUTES: [&str; 3] =
    ["/etc/gitattributes", "/usr/local/etc/gitattributes", "/opt/homebrew/etc/gitattributes"];

/// A line of a file in a work tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinePlace {
    /// The directory that `path` is seen from.
    pub dir: PathBuf,
    /// The file.
    pub path: OsString,
    /// The number of the line, from 1.
    pub number: u64,
    /// Where the user's own attributes stand unless the settings say so; they need not be there.
    pub attributes: Option<PathBuf>,
}

/// A file in a tree, and the trees above it, the topmost first.
struct Found {
    trees: Vec<Oid>,
    blob_oid: Oid,
}

/// What a tree has under a name.
struct Entry {
    oid: Oid,
    kind: EntryKind,
    /// Whether there are attributes beside it.
    has_attributes: bool,
}

impl Store {
    /// Returns a line and the commit that it came from, if that is certain and easily known; it agrees with
    /// `git blame` then. Objects are read while it `goes_on`. No process.
    pub fn recent_line(&self, place: &LinePlace, goes_on: impl Fn() -> bool) -> Option<BlamedLine> {
        if !self.has_plain_history() {
            return None;
        }
        let top = self.root();
        let names = names_below(&top, place)?;
        let head = Oid::from_hex(&self.head().ok()?.commit?)?;
        let head = self.commit(head).ok()?;
        let found = self.plain_file(&top, head.tree_oid, &names)?;
        let (commit_oid, before) = self.last_change(head, &found, &names, &goes_on)?;
        if !self.has_plain_attributes(&top, &names, place.attributes.as_deref()) {
            return None;
        }
        let bytes = work_file(&path_of(&top, &names)).filter(|_| goes_on())?;
        let line = line_of(&bytes, place.number)?;
        if let Some(before) = before {
            let old = self.read_object(before, Kind::Blob, MAX_FILE).ok()?;
            if old.split(|byte| *byte == b'\n').any(|other| other == line) {
                return None;
            }
        }
        let is_committed = self.blob_name(&bytes).ok()? == found.blob_oid;
        let told =
            || BlamedLine { commit_oid: Some(commit_oid), number: place.number, text: lossy(line) };
        is_committed.then(told)
    }

    /// Returns the newest commit that changed the file, and the blob that it was before; `None` for that if the commit
    /// is the first one of all.
    fn last_change(
        &self,
        head: CommitInfo,
        found: &Found,
        names: &[OsString],
        goes_on: &impl Fn() -> bool,
    ) -> Option<(Oid, Option<Oid>)> {
        let mut commit = head;
        for _ in 0..MAX_STEPS {
            let [parent] = commit.parents[..] else {
                return commit.parents.is_empty().then_some((commit.oid, None));
            };
            let parent = self.commit(parent).ok().filter(|_| goes_on())?;
            let before = self.blob_before(found, parent.tree_oid, names)?;
            if before != found.blob_oid {
                return Some((commit.oid, Some(before)));
            }
            commit = parent;
        }
        None
    }

    /// Tells whether commits are to git what they say that they are, and HEAD all that the work tree began with.
    fn has_plain_history(&self) -> bool {
        let config = self.repo.config_snapshot();
        let is_set = |key: &str| config.string(key).is_some();
        let is_there = |dir: &Path, name: &str| dir.join(name).symlink_metadata().is_ok();
        let replaced = self.repo.references().ok();
        let is_replaced = || {
            let refs = replaced.as_ref().and_then(|refs| refs.prefixed("refs/replace/").ok());
            refs.is_none_or(|mut refs| refs.next().is_some())
        };
        self.refs == RefFormat::Files
            && self.work_dir().is_some()
            && !self.settings.is_partial
            && !["blame.ignoreRevsFile", "attr.tree"].into_iter().any(is_set)
            && !["info/grafts", "shallow"].into_iter().any(|it| is_there(&self.common_dir, it))
            && !is_there(&self.git_dir, "MERGE_HEAD")
            && !is_replaced()
    }

    /// Tells whether no attributes make the file another one for git than it is on disk.
    fn has_plain_attributes(&self, top: &Path, names: &[OsString], user: Option<&Path>) -> bool {
        let config = self.repo.config_snapshot();
        let Ok(told) = config.trusted_path("core.attributesFile") else { return false };
        let user = told.or_else(|| user.map(Path::to_owned));
        let dirs = (0..names.len()).map(|n| path_of(top, &names[..n]));
        let mut files = dirs.map(|dir| dir.join(".gitattributes")).chain(user);
        files.all(|path| is_plain(&path))
            && is_plain(&self.common_dir.join("info/attributes"))
            && SYSTEM_ATTRIBUTES.iter().all(|path| is_plain(Path::new(path)))
    }

    /// Finds a file in a tree that is no link; `None` also where attributes beside it are not in the work tree, since
    /// git looks for those elsewhere.
    fn plain_file(&self, top: &Path, tree_oid: Oid, names: &[OsString]) -> Option<Found> {
        let (mut trees, mut oid) = (Vec::new(), tree_oid);
        for (n, name) in names.iter().enumerate() {
            let entry = self.entry(oid, name)?;
            let attributes = || path_of(top, &names[..n]).join(".gitattributes");
            if entry.has_attributes && !attributes().is_file() {
                return None;
            }
            let is_last = n + 1 == names.len();
            let is_fit = match entry.kind {
                EntryKind::Tree => !is_last,
                EntryKind::Blob | EntryKind::BlobExecutable => is_last,
                EntryKind::Link | EntryKind::Commit => false,
            };
            if !is_fit {
                return None;
            }
            trees.push(std::mem::replace(&mut oid, entry.oid));
        }
        Some(Found { trees, blob_oid: oid })
    }

    /// Returns the blob that the file was in another tree; `None` if it was no file there.
    fn blob_before(&self, found: &Found, tree_oid: Oid, names: &[OsString]) -> Option<Oid> {
        let mut oid = tree_oid;
        for (n, name) in names.iter().enumerate() {
            if oid == found.trees[n] {
                return Some(found.blob_oid);
            }
            let entry = self.entry(oid, name)?;
            let is_last = n + 1 == names.len();
            let is_file = matches!(entry.kind, EntryKind::Blob | EntryKind::BlobExecutable);
            if is_last != is_file || (!is_last && entry.kind != EntryKind::Tree) {
                return None;
            }
            oid = entry.oid;
        }
        Some(oid)
    }

    fn entry(&self, tree_oid: Oid, name: &OsString) -> Option<Entry> {
        let data = self.read_object(tree_oid, Kind::Tree, MAX_META).ok()?;
        let (mut found, mut has_attributes) = (None, false);
        for entry in TreeRefIter::from_bytes(&data, self.repo.object_hash()) {
            let entry = entry.ok()?;
            has_attributes |= entry.filename == ".gitattributes";
            if entry.filename == name.as_bytes() {
                found = Some((to_oid(entry.oid), entry.mode.kind()));
            }
        }
        found.map(|(oid, kind)| Entry { oid, kind, has_attributes })
    }
}

/// Returns the names of the directories above the file, from the top of the work tree on, and its own.
fn names_below(top: &Path, place: &LinePlace) -> Option<Vec<OsString>> {
    let dir = gix::path::realpath(&place.dir).ok()?;
    let path = dir.join(&place.path);
    let mut names = Vec::new();
    for part in path.strip_prefix(top).ok()?.components() {
        match part {
            Component::Normal(name) => names.push(name.to_owned()),
            Component::CurDir => {}
            _ => return None,
        }
    }
    (!names.is_empty()).then_some(names)
}

fn path_of(top: &Path, names: &[OsString]) -> PathBuf {
    names.iter().fold(top.to_owned(), |path, name| path.join(name))
}

/// Reads a file, if git takes it as it is unless attributes say otherwise.
fn work_file(path: &Path) -> Option<Vec<u8>> {
    let meta = path.symlink_metadata().ok()?;
    if !meta.is_file() || meta.len() > MAX_FILE {
        return None;
    }
    let mut bytes = Vec::new();
    fs::File::open(path).ok()?.take(MAX_FILE + 1).read_to_end(&mut bytes).ok()?;
    let is_plain = !CONVERTED.iter().any(|it| bytes.find(it).is_some());
    (is_plain && bytes.len() as u64 <= MAX_FILE).then_some(bytes)
}

/// Returns a line without its end.
fn line_of(bytes: &[u8], number: u64) -> Option<&[u8]> {
    let lines = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let idx = usize::try_from(number).ok()?.checked_sub(1)?;
    let line = lines.split(|byte| *byte == b'\n').nth(idx)?;
    (!bytes.is_empty()).then_some(line)
}

/// Tells whether a file of attributes, which need not be there, has none that matters.
fn is_plain(path: &Path) -> bool {
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) => {
            return matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory);
        }
    };
    let mut bytes = Vec::new();
    let is_read = file.take(MAX_ATTRIBUTES).read_to_end(&mut bytes).is_ok();
    is_read
        && (bytes.len() as u64) < MAX_ATTRIBUTES
        && !CONVERTING.iter().any(|it| bytes.find(it).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_as_git_counts_them() {
        for (bytes, n_lines) in
            [("", 0), ("\n", 1), ("a", 1), ("a\n", 1), ("a\n\n", 2), ("a\nb", 2)]
        {
            let is_there = |number: u64| line_of(bytes.as_bytes(), number).is_some();
            let n = (1..9).filter(|number| is_there(*number)).count();
            assert_eq!(n, n_lines, "{bytes:?}");
            assert!(!is_there(0) && (n == 0 || is_there(1)));
        }
        assert_eq!(line_of(b"a\nb", 2), Some(&b"b"[..]));
    }

    #[test]
    fn a_path_is_followed_from_the_top_only_where_it_is_below() {
        let top = tempfile::tempdir().expect("a directory");
        let top = gix::path::realpath(top.path()).expect("a path");
        fs::create_dir(top.join("dir")).expect("a directory");
        let names = |dir: &str, path: &str| {
            let (dir, path) = (top.join(dir), OsString::from(path));
            names_below(&top, &LinePlace { dir, path, number: 1, attributes: None })
        };
        assert_eq!(names("dir", "./a/b"), Some(vec!["dir".into(), "a".into(), "b".into()]));
        assert_eq!(names("", "a"), Some(vec!["a".into()]));
        assert_eq!(names("dir", &top.join("a").to_string_lossy()), Some(vec!["a".into()]));
        for (dir, path) in [("dir", "../a"), ("", "/a"), ("", ".")] {
            assert_eq!(names(dir, path), None, "{dir} {path}");
        }
    }
}
