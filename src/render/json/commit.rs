use schemars::JsonSchema;
use serde::Serialize;

use super::{select, to_map};
use crate::model::{Oid, Timestamp, Value};
use crate::ops::links::{Made, WithSubject};

/// A commit by its name.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct NamedCommit {
    /// Its full id.
    pub commit: String,
    /// The first line of its message; null if it is not here.
    pub subject: Option<String>,
}

/// Returns a commit with the first line of its message as an object.
pub fn named((oid, subject): &(Oid, Option<String>)) -> NamedCommit {
    NamedCommit { commit: oid.to_string(), subject: subject.clone() }
}

/// A commit that was made in a session.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CommitObject {
    /// Its full id.
    pub commit: String,
    /// The number of the event that recorded it.
    pub seq: u64,
    /// The first line of its message; null if it is not here.
    pub subject: Option<String>,
    /// The full id of its tree.
    pub tree: Option<String>,
    /// The full ids of its parents.
    pub parents: Vec<String>,
    /// What `git patch-id --stable` says of it.
    pub patch_id: Option<String>,
    /// How many files it changes.
    pub files: Option<u64>,
    /// How many lines it adds.
    pub insertions: Option<u64>,
    /// How many lines it deletes.
    pub deletions: Option<u64>,
    /// Who wrote it.
    pub author: Option<String>,
    /// When it was written.
    pub authored_at: Option<String>,
    /// When it was committed.
    pub committed_at: Option<String>,
    /// The branch that HEAD was on.
    pub branch: Option<String>,
    /// The session's state then.
    pub status: Option<String>,
    /// hook, agent, reflog, rewrite or import.
    pub known_by: String,
    /// The full ids of the commits that it stands for.
    pub replaces: Vec<String>,
    /// The full id of the newest commit that stands for it; null while it stands for itself.
    pub replaced_by: Option<String>,
}

/// Returns commits with their subjects as one document, of each only `fields`, if any are named.
pub fn commits(commits: &[WithSubject], fields: &[String]) -> Value {
    let object = |(made, subject): &WithSubject| {
        Value::Object(select(to_map(&commit(made, subject.clone())), fields))
    };
    serde_json::json!({ "commits": commits.iter().map(object).collect::<Vec<_>>() })
}

/// Returns a commit with its subject as an object.
pub(super) fn commit(made: &Made, subject: Option<String>) -> CommitObject {
    let link = &made.link;
    let hex = |oid: Option<Oid>| oid.map(|oid| oid.to_string());
    let all = |oids: &[Oid]| oids.iter().map(Oid::to_string).collect();
    let time = |at: Option<Timestamp>| at.map(|at| at.to_string());
    CommitObject {
        commit: link.commit_oid.to_string(),
        seq: link.seq,
        subject,
        tree: hex(link.tree_oid),
        parents: all(&link.parents),
        patch_id: hex(link.patch_id),
        files: link.size.map(|size| size.n_files),
        insertions: link.size.map(|size| size.n_insertions),
        deletions: link.size.map(|size| size.n_deletions),
        author: link.author.clone(),
        authored_at: time(link.authored_at),
        committed_at: time(link.committed_at),
        branch: link.branch.clone(),
        status: link.status.clone(),
        known_by: link.known_by.as_str().to_owned(),
        replaces: all(&link.replaces),
        replaced_by: hex(made.replaced_by),
    }
}
