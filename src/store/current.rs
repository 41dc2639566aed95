use std::collections::HashSet;
use std::path::PathBuf;

use gix::bstr::ByteSlice;
use gix::refs::Target;

use super::open::{RefFormat, lossy};
use super::refs::PREFIX;
use super::{Store, StoreError, git, session_ref};
use crate::model::SessionId;

/// Which of a work tree's two pointers to sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Current {
    /// The one being worked on: `@`.
    Now,
    /// The one before it: `-`.
    Before,
}

impl Current {
    /// Returns the symbolic ref, which git keeps for each work tree.
    fn ref_name(self) -> &'static str {
        match self {
            Current::Now => "refs/worktree/session",
            Current::Before => "refs/worktree/session-before",
        }
    }
}

impl Store {
    /// Returns the session that this work tree's pointer names, whether it still exists or not.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], [`StoreError::Io`].
    pub fn current(&self, which: Current) -> Result<Option<SessionId>, StoreError> {
        let target = if self.refs == RefFormat::Git {
            git::symbolic_ref_in(self, &self.git_dir, which.ref_name())?
        } else {
            match self.find_ref(which.ref_name())? {
                Some(Target::Symbolic(name)) => Some(lossy(name.as_bstr().as_bytes())),
                _ => None,
            }
        };
        Ok(target.and_then(|name| SessionId::parse(name.strip_prefix(PREFIX)?)))
    }

    /// Makes a session this work tree's current one, unless it is; the one before it is remembered.
    ///
    /// # Errors
    /// [`StoreError::Busy`], [`StoreError::Io`].
    pub fn set_current(&self, session_id: SessionId) -> Result<(), StoreError> {
        self.check_writable()?;
        match self.current(Current::Now)? {
            Some(present) if present == session_id => return Ok(()),
            Some(present) => self.point(Current::Before, present)?,
            None => {}
        }
        self.point(Current::Now, session_id)
    }

    /// Returns the sessions that a pointer of some work tree names.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn pointed_at(&self) -> Result<HashSet<SessionId>, StoreError> {
        let mut all = HashSet::new();
        for git_dir in self.worktree_dirs() {
            for which in [Current::Now, Current::Before] {
                let target = git::symbolic_ref_in(self, &git_dir, which.ref_name())?;
                all.extend(target.and_then(|name| SessionId::parse(name.strip_prefix(PREFIX)?)));
            }
        }
        Ok(all)
    }

    /// Takes back every work tree's pointer to a session that is about to go: a pointer to nothing
    /// would displease `git fsck`.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub(super) fn forget_current(&self, session_id: SessionId) -> Result<(), StoreError> {
        let target = session_ref(session_id);
        for git_dir in self.worktree_dirs() {
            for which in [Current::Now, Current::Before] {
                let name = which.ref_name();
                if !self.writes_by_git {
                    self.delete_symref(&git_dir, name, &target)?;
                    continue;
                }
                if git::symbolic_ref_in(self, &git_dir, name)?.as_deref() == Some(&target) {
                    git::delete_symbolic_ref_in(self, &git_dir, name)?;
                }
            }
        }
        Ok(())
    }

    /// Returns the git directories of all work trees, the main one first.
    pub(super) fn worktree_dirs(&self) -> Vec<PathBuf> {
        let mut all = vec![self.common_dir.clone()];
        if let Ok(entries) = self.common_dir.join("worktrees").read_dir() {
            all.extend(entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()));
        }
        all
    }

    fn point(&self, which: Current, session_id: SessionId) -> Result<(), StoreError> {
        let target = session_ref(session_id);
        if self.writes_by_git {
            return git::set_symbolic_ref(self, which.ref_name(), &target);
        }
        self.write_symref(which.ref_name(), &target)
    }
}
