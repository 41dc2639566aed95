use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use gix::bstr::ByteSlice;

use super::open::{RefFormat, lossy};
use super::read::to_id;
use super::{Store, StoreError, WorkTreeError, git};
use crate::model::{GitContext, HashKind, Map, text};

/// Where HEAD stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Head {
    /// The branch, born or not; `None` if detached.
    pub branch: Option<String>,
    /// The full id of the commit; `None` if unborn.
    pub commit: Option<String>,
}

impl Store {
    /// Returns where HEAD of this work tree stands.
    ///
    /// # Errors
    /// [`StoreError::Io`] when HEAD cannot be read.
    pub fn head(&self) -> Result<Head, StoreError> {
        if self.refs == RefFormat::Git {
            return git::head(self);
        }
        let error = |error| StoreError::gix("cannot read HEAD", &error);
        let head = self.repo.head().map_err(error)?;
        let branch = head
            .referent_name()
            .and_then(|name| Some(lossy(name.as_bstr().strip_prefix(b"refs/heads/")?)));
        // What a branch is at is a commit, and need not be looked up.
        let id = head.id().filter(|_| branch.is_some());
        if id.is_some() || head.is_unborn() {
            return Ok(Head { branch, commit: id.map(|id| id.to_string()) });
        }
        let find =
            |repo: &gix::Repository| Ok(repo.head()?.try_peel_to_id()?.map(|id| id.to_string()));
        let commit = self.look(find).map_err(error)?;
        Ok(Head { branch, commit })
    }

    /// Returns the last `max` bytes of the log of this work tree's HEAD, from the beginning of a line on, as
    /// a file of it has them; `None` if there is none.
    pub fn head_log(&self, max: u64) -> Option<Vec<u8>> {
        if self.refs == RefFormat::Git {
            return git::head_log(self, max).ok();
        }
        let mut file = File::open(self.git_dir.join("logs/HEAD")).ok()?;
        let from = file.metadata().ok()?.len().saturating_sub(max);
        file.seek(SeekFrom::Start(from)).ok()?;
        let mut bytes = Vec::new();
        file.take(max).read_to_end(&mut bytes).ok()?;
        if from > 0 {
            let end = bytes.iter().position(|byte| *byte == b'\n')?;
            bytes.drain(..=end);
        }
        Some(bytes)
    }

    /// Returns where the repository stands, for the record of a session.
    ///
    /// # Errors
    /// As [`Store::head`].
    pub fn git_context(&self) -> Result<GitContext, StoreError> {
        let Head { branch, commit } = self.head()?;
        let worktree_name = self.worktree_name();
        Ok(GitContext {
            branch,
            commit,
            is_worktree: worktree_name.is_some(),
            worktree_name,
            extra: Map::new(),
        })
    }

    /// Returns the name of the linked work tree that we are in.
    fn worktree_name(&self) -> Option<String> {
        if self.git_dir == self.common_dir {
            return None;
        }
        self.git_dir.strip_prefix(self.common_dir.join("worktrees")).ok()?;
        Some(self.git_dir.file_name()?.to_string_lossy().into_owned())
    }

    /// Returns the commit that `revision` names, in git's own notation; `None` if it names none.
    pub fn find_commit(&self, revision: &str) -> Option<crate::model::Oid> {
        if self.refs == RefFormat::Git {
            return git::find_commit(self, revision);
        }
        let find = |repo: &gix::Repository| {
            let id = repo.rev_parse_single(revision.as_bytes().as_bstr())?;
            let commit = id.object()?.peel_to_kind(gix::objs::Kind::Commit)?;
            Ok::<_, gix::Error>(crate::model::Oid::from_bytes(commit.id.as_bytes()))
        };
        self.look(find).ok().flatten().or_else(|| {
            // gix does not find abbreviated ids of loose objects in SHA-256 repositories.
            let is_short_id = self.hash_kind() == HashKind::Sha256
                && revision.len() >= 4
                && revision.bytes().all(|c| c.is_ascii_hexdigit());
            is_short_id.then(|| git::find_commit(self, revision)).flatten()
        })
    }

    /// Tells whether the commit `older` is in the history of `newer`, or is it.
    pub fn is_in_history(&self, older: crate::model::Oid, newer: crate::model::Oid) -> bool {
        let older = to_id(older);
        let base = self.with_objects(|repo| {
            repo.merge_base(older, to_id(newer)).map(|it| it.map(gix::Id::detach))
        });
        base.ok().flatten().is_some_and(|base| base == older)
    }

    /// Tells whether the branch `name` exists.
    pub fn has_branch(&self, name: &str) -> bool {
        self.find_commit(&format!("refs/heads/{name}")).is_some()
    }

    /// Returns the name of the branch that `name` means: itself, or one made of `title` if it is empty.
    ///
    /// # Errors
    /// [`StoreError::Unsupported`] if it is no name of a branch, or none can be made.
    pub fn branch_name(&self, name: &str, title: &str) -> Result<String, StoreError> {
        if name.is_empty() && slug(title).is_empty() {
            let text = "cannot make the name of a branch of this title; use -b=<name>";
            return Err(StoreError::Unsupported(text.into()));
        }
        let name = match name {
            "" => format!("{}{}", self.settings.branch_prefix, slug(title)),
            name => name.to_owned(),
        };
        if !text::is_branch_name(&name) {
            return Err(StoreError::Unsupported(format!("'{name}' is not a valid branch name")));
        }
        Ok(name)
    }

    /// Switches this work tree to a branch as `git switch` does, making it if need be; tells whether it
    /// is new. Uncommitted changes come along only if `keep_changes`.
    ///
    /// # Errors
    /// [`StoreError::Unsupported`] in a bare repository; [`WorkTreeError::CheckedOut`],
    /// [`WorkTreeError::Dirty`]; [`StoreError::Io`] with git's own words where git refuses. Nothing was
    /// changed then.
    pub fn switch_branch(&self, name: &str, keep_changes: bool) -> Result<bool, StoreError> {
        self.check_writable()?;
        if self.work_dir().is_none() {
            let text = "a bare repository has no work tree to switch".into();
            return Err(StoreError::Unsupported(text));
        }
        // Git does not switch to an unborn branch, not even from itself.
        if self.head()?.branch.as_deref() == Some(name) {
            return Ok(false);
        }
        let root = self.root();
        if let Some(tree) = self.find_work_tree_on(name)? {
            return Err(WorkTreeError::CheckedOut { branch: name.into(), path: tree.path }.into());
        }
        if !keep_changes && git::has_changes(self, &root, git::Untracked::Ignored)? {
            return Err(WorkTreeError::Dirty { path: root }.into());
        }
        let is_new = !self.has_branch(name);
        git::switch(self, &root, name, is_new)?;
        Ok(is_new)
    }
}

/// Returns a title as a part of a branch's name: its letters and digits, of any script, with `-`
/// between the words.
fn slug(title: &str) -> String {
    let lower = title.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let mut slug = String::new();
    for word in words {
        if slug.len() + word.len() > MAX_SLUG && !slug.is_empty() {
            break;
        }
        if !slug.is_empty() {
            slug.push('-');
        }
        slug.extend(word.chars().take(MAX_SLUG));
    }
    slug
}

/// About how long the part of a branch's name is that is made of a title, in bytes.
const MAX_SLUG: usize = 50;

/// Reads a date in git's forms, relative ones as seen from `now`; seconds since 1970.
///
/// A date without a zone is in UTC, and a day begins at midnight.
pub fn parse_date(text: &str, now: std::time::SystemTime) -> Option<i64> {
    let now = gix::date::Zoned::try_from(now).ok()?;
    gix::date::parse(text, Some(now)).ok().map(|time| time.seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_of_any_script_becomes_a_part_of_a_branch_name() {
        for (title, expected) in [
            ("Add user authentication", "add-user-authentication"),
            ("  Fix: the (login)!  ", "fix-the-login"),
            ("实现代理会话 持久化", "实现代理会话-持久化"),
            ("../../etc", "etc"),
        ] {
            assert_eq!(slug(title), expected);
            assert!(text::is_branch_name(&format!("session/{expected}")));
        }
    }
}
