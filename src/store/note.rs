//! Notes on commits. Source: git-notes(1).

use gix::objs::Kind;

use super::open::{RefFormat, lossy};
use super::{Stamp, Store, StoreError, git};
use crate::model::Oid;

/// Where notes about sessions are.
const NOTES: &str = "refs/notes/sessions";
/// The largest note, and the largest directory of them, that is read, in bytes.
const MAX_BYTES: u64 = 8 << 20;

impl Store {
    /// Returns the note on a commit in `refs/notes/sessions`; `None` too if it cannot be read.
    pub fn note(&self, commit_oid: Oid) -> Option<String> {
        let mut tree_oid = self.commit(self.notes_tip()?).ok()?.tree_oid;
        let hex = commit_oid.to_string();
        let mut rest = hex.as_str();
        // Git puts notes below directories of two digits when there are many of them.
        while !rest.is_empty() {
            let data = self.read_object(tree_oid, Kind::Tree, MAX_BYTES).ok()?;
            let entries = gix::objs::TreeRefIter::from_bytes(&data, self.repo.object_hash());
            let is_it = |name: &[u8]| name == rest.as_bytes() || name == &rest.as_bytes()[..2];
            let found = entries.flatten().find(|entry| is_it(entry.filename))?;
            let oid = super::read::to_oid(found.oid);
            if !found.mode.is_tree() {
                return Some(lossy(&self.read_object(oid, Kind::Blob, MAX_BYTES).ok()?));
            }
            tree_oid = oid;
            rest = &rest[2..];
        }
        None
    }

    /// Adds a line to the note on a commit in `refs/notes/sessions`, unless it has it.
    ///
    /// # Errors
    /// [`StoreError::Io`] with git's own words.
    pub fn add_note(&self, commit_oid: Oid, line: &str, stamp: &Stamp) -> Result<(), StoreError> {
        self.check_writable()?;
        if self.note(commit_oid).is_some_and(|note| note.lines().any(|it| it == line)) {
            return Ok(());
        }
        let mut command = git::command(self);
        // Lines that follow each other stay one block of trailers.
        let target = commit_oid.to_string();
        command.args(["notes", "--ref", NOTES, "append", "--separator=", "-m", line, &target]);
        let at = format!("@{} +0000", stamp.at.seconds());
        for (role, who) in [("AUTHOR", &stamp.author), ("COMMITTER", &stamp.committer)] {
            command.env(format!("GIT_{role}_NAME"), &who.name);
            command.env(format!("GIT_{role}_EMAIL"), &who.email);
            command.env(format!("GIT_{role}_DATE"), &at);
        }
        let output = git::run(&mut command, b"")?;
        git::expect_success(&output, &format!("cannot note on commit '{target}'"))
    }

    fn notes_tip(&self) -> Option<Oid> {
        if self.refs == RefFormat::Git {
            return git::tip(self, NOTES).ok().flatten();
        }
        match self.find_ref(NOTES).ok()?? {
            gix::refs::Target::Object(id) => Oid::from_bytes(id.as_bytes()),
            gix::refs::Target::Symbolic(_) => None,
        }
    }
}
