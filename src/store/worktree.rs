use std::path::{Path, PathBuf};

use gix::bstr::ByteSlice;

use super::{Store, StoreError, WorkTreeError, git};
use crate::model::SessionId;

/// The file in the git directory of a linked work tree that says for which session it was made. It goes
/// when git removes the work tree, and stays when git moves it.
const MADE_FOR: &str = "made-for-session";

/// A work tree of this repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkTree {
    /// Its top; there may be nothing any more.
    pub path: PathBuf,
    /// Its own git directory.
    git_dir: PathBuf,
}

/// The tops of the work trees of a repository.
#[derive(Debug, Clone)]
pub struct Tops(Vec<PathBuf>);

impl Tops {
    /// Returns the top of the work tree that `dir` is in, or `dir` itself if it is in none.
    pub fn of(&self, dir: &Path) -> PathBuf {
        let dir = real_or_same(dir.to_owned());
        // One work tree may be inside of another.
        let around = self.0.iter().filter(|top| dir.starts_with(top));
        around.max_by_key(|top| top.components().count()).cloned().unwrap_or(dir)
    }
}

impl Store {
    /// Returns the work trees, the main one first unless the repository is bare.
    pub fn work_trees(&self) -> Vec<WorkTree> {
        let linked = self.worktree_dirs().into_iter().skip(1);
        let linked = linked.filter_map(|git_dir| Some((linked_path(&git_dir)?, git_dir)));
        let main = self.main_work_dir().map(|path| (path, self.common_dir.clone()));
        let all = main.into_iter().chain(linked);
        all.map(|(path, git_dir)| WorkTree { path: real_or_same(path), git_dir }).collect()
    }

    /// Returns the tops of all work trees.
    pub fn tops(&self) -> Tops {
        Tops(self.work_trees().into_iter().map(|tree| tree.path).collect())
    }

    /// Tells whether a work tree is a linked one.
    pub fn is_linked(&self, tree: &WorkTree) -> bool {
        tree.git_dir != self.common_dir
    }

    /// Finds the work tree that has a branch checked out.
    ///
    /// # Errors
    /// [`StoreError::Io`] when git cannot tell.
    pub fn find_work_tree_on(&self, branch: &str) -> Result<Option<WorkTree>, StoreError> {
        let wanted = format!("refs/heads/{branch}");
        for tree in self.work_trees() {
            let head = git::symbolic_ref_in(self, &tree.git_dir, "HEAD")?;
            if head.as_deref() == Some(&wanted) {
                return Ok(Some(tree));
            }
        }
        Ok(None)
    }

    /// Finds the linked work tree that was made in this clone for a session. What the session's record
    /// says does not count.
    pub fn find_work_tree_of(&self, session_id: SessionId) -> Option<WorkTree> {
        let line = format!("{session_id}\n");
        let is_made_for = |tree: &WorkTree| {
            let text = std::fs::read_to_string(tree.git_dir.join(MADE_FOR));
            self.is_linked(tree) && text.is_ok_and(|text| text == line)
        };
        self.work_trees().into_iter().find(is_made_for)
    }

    /// Returns where a work tree for a branch is put if nobody says where: beside the main one, or in
    /// `session.worktreePath`, as `<repository>.<branch>` with `-` for `/`.
    pub fn default_work_tree_path(&self, branch: &str) -> PathBuf {
        let base = self.main_work_dir().unwrap_or_else(|| self.common_dir.clone());
        let base = real_or_same(base);
        let name = base.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let name = name.strip_suffix(".git").filter(|it| !it.is_empty()).unwrap_or(&name);
        let parent = match &self.settings.worktree_path {
            Some(dir) => base.join(dir),
            None => base.parent().unwrap_or(&base).to_owned(),
        };
        parent.join(format!("{name}.{}", branch.replace('/', "-")))
    }

    /// Checks that [`Store::add_work_tree`] would not refuse.
    ///
    /// # Errors
    /// [`WorkTreeError::CheckedOut`], [`WorkTreeError::Exists`], [`WorkTreeError::Unborn`].
    pub fn check_add_work_tree(&self, path: &Path, branch: &str) -> Result<(), StoreError> {
        self.check_writable()?;
        if let Some(tree) = self.find_work_tree_on(branch)? {
            let branch = branch.to_owned();
            return Err(WorkTreeError::CheckedOut { branch, path: tree.path }.into());
        }
        let is_free = match path.symlink_metadata() {
            Err(_) => true,
            Ok(_) => path.read_dir().is_ok_and(|mut entries| entries.next().is_none()),
        };
        if !is_free {
            return Err(WorkTreeError::Exists { path: path.to_owned() }.into());
        }
        if !self.has_branch(branch) && self.head()?.commit.is_none() {
            return Err(WorkTreeError::Unborn { branch: branch.to_owned() }.into());
        }
        Ok(())
    }

    /// Makes a linked work tree for a session at `path`, which is absolute, on a branch, which is made
    /// if need be; tells whether the branch is new.
    ///
    /// # Errors
    /// As [`Store::check_add_work_tree`]; [`StoreError::Io`] with git's own words where git refuses.
    /// Neither branch nor work tree is left then.
    pub fn add_work_tree(
        &self,
        session_id: SessionId,
        path: &Path,
        branch: &str,
    ) -> Result<bool, StoreError> {
        self.check_add_work_tree(path, branch)?;
        let is_new = !self.has_branch(branch);
        // Who makes the branch owns it, and who makes the directory owns that.
        if is_new {
            git::make_branch(self, branch)?;
        }
        if let Err(error) = make_dir(path) {
            self.undo_branch(branch, is_new);
            return Err(StoreError::io(format!("cannot make '{}'", path.display()), &error));
        }
        let added = git::add_worktree(self, path, branch);
        if let Err(error) = added.and_then(|()| self.mark(session_id, path)) {
            self.undo_add(path, branch, is_new);
            return Err(error);
        }
        Ok(is_new)
    }

    /// Takes back what [`Store::add_work_tree`] has just made, with all that is in it: the checkout and
    /// its hooks have put it there.
    pub fn undo_add(&self, path: &Path, branch: &str, is_new_branch: bool) {
        let real = real_or_same(path.to_owned());
        let is_there = self.work_trees().iter().any(|tree| tree.path == real);
        let removed = is_there.then(|| git::remove_worktree(self, path, true));
        if let Some(Err(error)) = removed {
            tracing::warn!(%error, "a work tree is left");
        }
        // Git leaves the directory if it was stopped before it began.
        let _ = std::fs::remove_dir(path);
        self.undo_branch(branch, is_new_branch);
    }

    fn undo_branch(&self, branch: &str, is_new: bool) {
        if !is_new {
            return;
        }
        if let Err(error) = git::drop_branch(self, branch) {
            tracing::warn!(%error, "a branch is left");
        }
    }

    /// Notes for which session the work tree at `path` was made.
    fn mark(&self, session_id: SessionId, path: &Path) -> Result<(), StoreError> {
        let path = real_or_same(path.to_owned());
        let tree = self.work_trees().into_iter().find(|tree| tree.path == path);
        let mark = tree.map(|tree| tree.git_dir.join(MADE_FOR)).unwrap_or_default();
        std::fs::write(&mark, format!("{session_id}\n"))
            .map_err(|error| StoreError::io(format!("cannot write '{}'", mark.display()), &error))
    }

    /// Checks that git would remove a linked work tree: nothing in it is in no commit, and nobody
    /// locked it.
    ///
    /// # Errors
    /// [`WorkTreeError::NotRemovable`], [`StoreError::Io`].
    pub fn check_remove_work_tree(&self, tree: &WorkTree) -> Result<(), StoreError> {
        self.check_writable()?;
        let WorkTree { path, git_dir } = tree;
        let not_removable = |reason: &str| WorkTreeError::NotRemovable {
            path: path.clone(),
            reason: reason.into(),
        };
        if git_dir.join("locked").exists() {
            return Err(not_removable("it is locked").into());
        }
        if !path.exists() {
            return Ok(());
        }
        if git::has_changes_in(self, git_dir, path, git::Untracked::Counts)? {
            return Err(not_removable("it has uncommitted changes").into());
        }
        if git::has_submodules(self, git_dir, path)? {
            return Err(not_removable("it contains submodules").into());
        }
        Ok(())
    }

    /// Removes a linked work tree as `git worktree remove` does, never by force.
    ///
    /// # Errors
    /// As [`Store::check_remove_work_tree`].
    pub fn remove_work_tree(&self, tree: &WorkTree) -> Result<(), StoreError> {
        self.check_remove_work_tree(tree)?;
        git::remove_worktree(self, &tree.path, false)
    }

    /// Returns the top of the main work tree; `None` if the repository is bare.
    fn main_work_dir(&self) -> Option<PathBuf> {
        if self.git_dir == self.common_dir {
            return self.work_dir().map(Path::to_owned);
        }
        self.repo.main_repo().ok()?.workdir().map(Path::to_owned)
    }
}

/// Makes a directory, and those above it; one that is there must be empty.
fn make_dir(path: &Path) -> std::io::Result<()> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    match std::fs::create_dir(path) {
        Err(error) if !path.read_dir().is_ok_and(|mut it| it.next().is_none()) => Err(error),
        _ => Ok(()),
    }
}

/// Reads where the linked work tree with this git directory is.
fn linked_path(git_dir: &Path) -> Option<PathBuf> {
    let text = std::fs::read(git_dir.join("gitdir")).ok()?;
    let path = gix::path::from_byte_slice(text.trim_end_with(|c| c == '\n' || c == '\r')).ok()?;
    // It is relative to the git directory with `worktree.useRelativePaths`.
    git_dir.join(path).parent().map(Path::to_owned)
}

fn real_or_same(path: PathBuf) -> PathBuf {
    path.canonicalize().unwrap_or(path)
}
