use super::{Map, Oid, SessionId, Timestamp};

/// A commit that was made in a session, with what finds it again after its history was rewritten.
///
/// All but the id may be unknown: then it was written by another program, or could not be read.
#[derive(Debug, Clone, PartialEq)]
pub struct CommitLink {
    /// The commit.
    pub commit_oid: Oid,
    /// The number of the event of the session that recorded it.
    pub seq: u64,
    /// Its number among the commits of that event, from 0.
    pub idx: u64,
    /// Its tree.
    pub tree_oid: Option<Oid>,
    /// Its parents, first parent first.
    pub parents: Vec<Oid>,
    /// What it changes, as `git patch-id --stable` names it; `None` for a merge, an empty or a very large one.
    pub patch_id: Option<Oid>,
    /// How much it changes; `None` where there is no patch id but for an empty one.
    pub size: Option<PatchSize>,
    /// Who wrote it: `Name <mail>`.
    pub author: Option<String>,
    /// When it was written, to the second. It stays when history is rewritten.
    pub authored_at: Option<Timestamp>,
    /// When it was committed, to the second.
    pub committed_at: Option<Timestamp>,
    /// The branch that HEAD was on; `None` if detached.
    pub branch: Option<String>,
    /// The session's state then.
    pub status: Option<String>,
    /// How it is known that it was made in the session.
    pub known_by: KnownBy,
    /// The commits that it stands for: an amended one, those that a rebase made it of.
    pub replaces: Vec<Oid>,
    /// The other sessions that had a part in it: it stands for commits of theirs, too, or they changed it.
    pub shared_with: Vec<SessionId>,
    /// Whether there is work in it of which no session is known: it stands for such a commit, too, or was changed so.
    pub is_partly: bool,
    /// What the clone that wrote it down put to all of this, so that it knows its own lines.
    pub seal: Option<String>,
    /// Keys that this version does not know, kept as they are.
    pub extra: Map,
}

impl CommitLink {
    /// Returns a link of which nothing is known but the commit.
    pub fn new(commit_oid: Oid, known_by: KnownBy) -> CommitLink {
        CommitLink {
            commit_oid,
            seq: 0,
            idx: 0,
            tree_oid: None,
            parents: Vec::new(),
            patch_id: None,
            size: None,
            author: None,
            authored_at: None,
            committed_at: None,
            branch: None,
            status: None,
            known_by,
            replaces: Vec::new(),
            shared_with: Vec::new(),
            is_partly: false,
            seal: None,
            extra: Map::new(),
        }
    }
}

/// How much a commit changes, compared with its first parent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PatchSize {
    /// Files that were added, changed or deleted.
    pub n_files: u64,
    /// Lines that were added; none in binary files.
    pub n_insertions: u64,
    /// Lines that were deleted.
    pub n_deletions: u64,
}

/// How it is known that a commit was made in a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KnownBy {
    /// A hook of git's was there.
    Hook,
    /// The agent whose session it is said so.
    Agent,
    /// HEAD's reflog told it afterwards.
    Reflog,
    /// Git said that it was made of commits of the session.
    Rewrite,
    /// It came with a file that was imported, or from another program.
    Import,
}

impl KnownBy {
    /// The words for them.
    pub const ALL: [(&'static str, KnownBy); 5] = [
        ("hook", KnownBy::Hook),
        ("agent", KnownBy::Agent),
        ("reflog", KnownBy::Reflog),
        ("rewrite", KnownBy::Rewrite),
        ("import", KnownBy::Import),
    ];

    /// Returns the word for it.
    pub fn as_str(self) -> &'static str {
        let word = KnownBy::ALL.iter().find(|(_, it)| *it == self);
        word.map_or("import", |(word, _)| word)
    }
}
