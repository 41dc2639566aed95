use gix::bstr::ByteSlice;
use gix::objs::Kind;

use super::open::lossy;
use super::{Store, StoreError, git};
use crate::model::{Identity, Oid, Timestamp};

/// A commit, as far as an event needs it.
#[derive(Debug, Clone)]
pub struct CommitInfo {
    /// Its id.
    pub oid: Oid,
    /// Its tree.
    pub tree_oid: Oid,
    /// Its parents, first parent first.
    pub parents: Vec<Oid>,
    /// Who acted.
    pub author: Identity,
    /// When it was written, to the second; 1970 if the commit says nonsense.
    pub authored_at: Timestamp,
    /// When it was committed, to the second; 1970 if the commit says nonsense.
    pub committed_at: Timestamp,
    /// The whole message.
    pub message: String,
    /// The trailers of the last paragraph, in order.
    pub trailers: Vec<(String, String)>,
}

impl CommitInfo {
    /// Returns the value of the last trailer with this token.
    pub fn trailer(&self, token: &str) -> Option<&str> {
        let is_it = |(key, _): &&(String, String)| key == token;
        self.trailers.iter().rev().find(is_it).map(|(_, value)| value.as_str())
    }

    /// Returns the first line of the message.
    pub fn subject(&self) -> &str {
        self.message.lines().next().unwrap_or_default()
    }

    /// Returns what stands between the subject and the trailers.
    pub fn body(&self) -> &str {
        let rest = self.message.split_once("\n\n").map(|(_, rest)| rest).unwrap_or_default();
        if self.trailers.is_empty() {
            return rest.trim();
        }
        rest.trim_end().rsplit_once("\n\n").map(|(body, _)| body.trim()).unwrap_or_default()
    }
}

/// The largest commit or tree that is read, in bytes.
pub(super) const MAX_META: u64 = 1 << 20;

impl Store {
    /// Reads a commit.
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`StoreError::Corrupt`], [`StoreError::Io`].
    pub fn commit(&self, commit_oid: Oid) -> Result<CommitInfo, StoreError> {
        let data = self.read_object(commit_oid, Kind::Commit, MAX_META)?;
        let corrupt = |reason: &gix::Error| {
            StoreError::corrupt(format!("commit {commit_oid}"), super::error::reasons(reason))
        };
        let commit = gix::objs::CommitRef::from_bytes(&data, self.repo.object_hash())
            .map_err(|error| corrupt(&error))?;
        let author = commit.author().map_err(|error| corrupt(&error))?;
        let committed = commit.committer().ok().and_then(|who| who.time().ok());
        let at = |time: Option<gix::date::Time>| {
            time.and_then(|at| Timestamp::from_seconds(at.seconds))
                .unwrap_or_else(|| Timestamp::from_seconds(0).expect("1970 is in range"))
        };
        Ok(CommitInfo {
            oid: commit_oid,
            tree_oid: to_oid(commit.tree()),
            parents: commit.parents().map(to_oid).collect(),
            author: Identity { name: lossy(author.name), email: lossy(author.email) },
            authored_at: at(author.time().ok()),
            committed_at: at(committed),
            message: lossy(commit.message),
            trailers: commit
                .message_trailers()
                .map(|trailer| (lossy(trailer.token), lossy(&trailer.value)))
                .collect(),
        })
    }

    /// Returns the first line of a commit's message; `None` if the commit is not here, and nothing is fetched for it.
    pub fn subject_if_here(&self, commit_oid: Oid) -> Option<String> {
        let find = || self.look(|repo| repo.try_find_header(to_id(commit_oid))).ok().flatten();
        let is_here = self.can_have(commit_oid) && (!self.settings.is_partial || find().is_some());
        let commit = is_here.then(|| self.commit(commit_oid).ok()).flatten();
        commit.map(|commit| commit.subject().to_owned())
    }

    /// Walks the first parents from `tip_oid`, newest first.
    ///
    /// A history that was cut short (a shallow clone) ends without an error; other missing commits
    /// are one.
    pub fn history(&self, tip_oid: Oid) -> impl Iterator<Item = Result<CommitInfo, StoreError>> {
        let shallow = self.repo.shallow_commits().ok().flatten();
        let is_cut = move |oid: Oid| {
            let id = to_id(oid);
            shallow.as_ref().is_some_and(|cut| cut.iter().any(|boundary| *boundary == id))
        };
        let mut next = Some(tip_oid);
        std::iter::from_fn(move || {
            let commit = self.commit(next.take()?);
            if let Ok(commit) = &commit
                && !is_cut(commit.oid)
            {
                next = commit.parents.first().copied();
            }
            Some(commit)
        })
    }

    /// Reads an object of a kind whose size is at most `max` bytes.
    pub(super) fn read_object(
        &self,
        oid: Oid,
        kind: Kind,
        max: u64,
    ) -> Result<Vec<u8>, StoreError> {
        let what = || format!("{kind} {oid}");
        let fail = |error: gix::Error| StoreError::corrupt(what(), super::error::reasons(&error));
        // gix takes it for a mistake of the program's to look for one.
        if !self.can_have(oid) {
            return Err(StoreError::Missing { what: what() });
        }
        if let Some(data) = self.packs.find(oid, kind, max) {
            return Ok(data);
        }
        let header = self.look(|repo| repo.try_find_header(to_id(oid))).map_err(fail)?;
        let Some(header) = header else {
            return self.fetch_object(oid, kind, max);
        };
        if header.kind() != kind {
            return Err(StoreError::corrupt(what(), format!("it is a {}", header.kind())));
        }
        if header.size() > max {
            let reason = format!("it has {} bytes (at most {max})", header.size());
            return Err(StoreError::corrupt(what(), reason));
        }
        let data = |repo: &gix::Repository| {
            Ok(repo.try_find_object(to_id(oid))?.map(|object| object.detach().data))
        };
        let missing = || StoreError::Missing { what: what() };
        self.look(data).map_err(fail)?.ok_or_else(missing)
    }

    /// Tells whether an id is of the kind that the ids of this repository are; what sessions tell may be of another
    /// one's.
    pub(super) fn can_have(&self, oid: Oid) -> bool {
        to_id(oid).kind() == self.repo.object_hash()
    }

    /// Asks `git` for an object that is not here, as a partial clone fetches it when needed.
    fn fetch_object(&self, oid: Oid, kind: Kind, max: u64) -> Result<Vec<u8>, StoreError> {
        let missing = StoreError::Missing { what: format!("{kind} {oid}") };
        if !self.settings.is_partial {
            return Err(missing);
        }
        match git::cat_file(self, oid, kind) {
            Some(data) if data.len() as u64 <= max => Ok(data),
            _ => Err(missing),
        }
    }
}

impl Store {
    /// Returns the id that a blob of these bytes has, without writing it.
    ///
    /// # Errors
    /// [`StoreError::Io`] for bytes that are made to deceive.
    pub fn blob_name(&self, bytes: &[u8]) -> Result<Oid, StoreError> {
        gix::objs::compute_hash(self.repo.object_hash(), Kind::Blob, bytes)
            .map(to_oid)
            .map_err(|error| StoreError::gix("cannot name an object", &error))
    }
}

/// Returns gix's id as ours.
pub(super) fn to_oid(id: impl AsRef<gix::oid>) -> Oid {
    Oid::from_bytes(id.as_ref().as_bytes()).expect("gix knows our hash kinds")
}

/// Returns our id as gix's.
pub(super) fn to_id(oid: Oid) -> gix::ObjectId {
    gix::ObjectId::from_bytes_or_panic(oid.as_bytes())
}

impl Store {
    /// Reads only the message of a commit: what a list needs.
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`StoreError::Corrupt`] when it is no commit.
    pub fn message(&self, commit_oid: Oid) -> Result<String, StoreError> {
        let data = self.read_object(commit_oid, Kind::Commit, MAX_META)?;
        // What stands before it has no empty line.
        let message = data.find("\n\n").map_or(&[][..], |at| &data[at + 2..]);
        Ok(lossy(message))
    }
}
