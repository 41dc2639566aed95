//! A work tree as a git tree: what is on disk, without touching the user's index or files.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;

use gix::bstr::ByteSlice;
use gix::objs::Kind;
use gix::odb::loose;

use super::native::Object;
use super::read::{to_id, to_oid};
use super::scratch::Scratch;
use super::{Store, StoreError, git};
use crate::model::Oid;

/// The files of a work tree that are not as its index has them; paths from the top.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Files in the index that differ on disk, are gone there, or are in conflict.
    pub tracked: Vec<PathBuf>,
    /// Files that are neither in the index nor ignored; one with a `/` at its end is a repository.
    pub untracked: Vec<PathBuf>,
}

/// How much two trees differ.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TreeDifference {
    /// Files that were added, changed or removed.
    pub n_files: u64,
    /// Lines that are new; those of binary files do not count.
    pub n_added: u64,
    /// Lines that are gone.
    pub n_removed: u64,
}

/// A tree, with those of its objects that nothing else may keep alive.
#[derive(Debug, Clone)]
pub struct KeptTree {
    /// The tree.
    pub tree_oid: Oid,
    pub(super) objects: Arc<Vec<Object>>,
}

impl KeptTree {
    /// Returns a tree of which the session's history has all objects.
    pub fn of_history(tree_oid: Oid) -> KeptTree {
        KeptTree { tree_oid, objects: Arc::default() }
    }
}

/// A work tree as a git tree, whose new objects vanish with the value.
pub struct TreeCopy<'a> {
    pub(super) store: &'a Store,
    pub(super) scratch: Scratch,
    /// The tree.
    pub tree_oid: Oid,
}

impl Store {
    /// Finds the files that differ from the index, as `git status` does, and writes nothing.
    ///
    /// What git takes for unchanged (skip-worktree, assume-unchanged, absent in a sparse checkout) is
    /// unchanged here too.
    ///
    /// # Errors
    /// [`StoreError::Unsupported`] in a bare repository, [`StoreError::Io`].
    pub fn changes(&self, with_untracked: bool) -> Result<Changes, StoreError> {
        let top = self.top()?;
        let mut status = git::command_in(self, &self.git_dir, &top);
        status.args(["-c", "core.fsmonitor=false", "status", "--porcelain=v2", "-z"]);
        status.args(["--no-renames", "--ignore-submodules=dirty"]);
        status.arg(if with_untracked { "--untracked-files=all" } else { "--untracked-files=no" });
        let output = git::run_long(status.env("GIT_OPTIONAL_LOCKS", "0"))?;
        git::expect_success(&output, "cannot look for changes")?;
        Ok(to_changes(&output.stdout))
    }

    /// Returns the work tree as a tree: the index, and of `paths` what is on disk, filtered as
    /// `git add` does.
    ///
    /// # Errors
    /// [`StoreError::Unsupported`] in a bare repository or where nothing must be written;
    /// [`StoreError::Io`] with git's own words where git cannot read a file.
    pub fn copy_work_tree(&self, paths: &[PathBuf]) -> Result<TreeCopy<'_>, StoreError> {
        let scratch = Scratch::new(self, &self.top()?, true)?;
        let (there, gone): (Vec<_>, Vec<_>) =
            paths.iter().partition(|path| is_there(&scratch.work_dir, path));
        let doing = "cannot read the work tree";
        if !gone.is_empty() {
            let mut remove = scratch.git(self);
            remove.args(["update-index", "--force-remove", "-z", "--stdin"]);
            scratch.run(remove, &with_nuls(&gone), doing)?;
        }
        if !there.is_empty() {
            let mut add = scratch.git(self);
            add.args(["update-index", "--add", "--remove", "--replace", "-z", "--stdin"]);
            scratch.run(add, &with_nuls(&there), doing)?;
        }
        let mut write = scratch.git(self);
        write.arg("write-tree");
        let tree_oid = oid_of(&scratch.run(write, b"", "cannot write a tree")?)?;
        Ok(TreeCopy { store: self, scratch, tree_oid })
    }

    /// Returns the tree of a commit or of nothing.
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`StoreError::Corrupt`].
    pub fn tree_of(&self, commit_oid: Option<Oid>) -> Result<Oid, StoreError> {
        match commit_oid {
            Some(commit_oid) => Ok(self.commit(commit_oid)?.tree_oid),
            None => Ok(to_oid(gix::ObjectId::empty_tree(self.repo.object_hash()))),
        }
    }

    /// Tells whether a tree is here.
    pub fn has_tree(&self, tree_oid: Oid) -> bool {
        let find = || self.look(|repo| repo.try_find_header(to_id(tree_oid))).ok().flatten();
        self.can_have(tree_oid) && find().is_some_and(|header| header.kind() == Kind::Tree)
    }

    /// Returns the top of the work tree.
    pub(super) fn top(&self) -> Result<PathBuf, StoreError> {
        match self.work_dir() {
            Some(_) => Ok(self.root()),
            None => {
                Err(StoreError::Unsupported("a bare repository has no work tree to keep".into()))
            }
        }
    }
}

impl TreeCopy<'_> {
    /// Returns the tree with all of its objects that none of the `known` trees has. Those must be named by
    /// refs, so that nothing takes them away.
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`StoreError::Corrupt`], [`StoreError::Io`].
    pub fn keep(&self, known: &[Oid]) -> Result<KeptTree, StoreError> {
        let loose = loose::Store::at(self.scratch.objects(), self.store.repo.object_hash());
        let mut new = New { store: self.store, loose, seen: HashSet::new(), objects: Vec::new() };
        new.add(self.tree_oid, known)?;
        Ok(KeptTree { tree_oid: self.tree_oid, objects: Arc::new(new.objects) })
    }

    /// Counts what differs from another tree.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn difference(&self, base: Oid) -> Result<TreeDifference, StoreError> {
        let mut diff = self.scratch.git(self.store);
        diff.args(["diff-tree", "-r", "--numstat", "-z", "--no-renames", "--no-ext-diff"]);
        diff.args(["--no-textconv", &base.to_string(), &self.tree_oid.to_string()]);
        let output = self.scratch.run(diff, b"", "cannot compare trees")?;
        Ok(to_difference(&output))
    }

    /// Lists what makes the files of one tree those of another; either may be this one.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn steps(&self, from: Oid, to: Oid) -> Result<Vec<Step>, StoreError> {
        self.scratch.steps(self.store, from, to)
    }

    /// Lets `git diff` compare two trees, one of which may be this one, for the user, in `dir`.
    ///
    /// # Errors
    /// [`StoreError::Io`] when git cannot be run.
    pub fn show_diff(
        &self,
        dir: &Path,
        before_command: &[String],
        trees: [Oid; 2],
        rest: &[OsString],
    ) -> Result<ExitStatus, StoreError> {
        let mut diff = self.scratch.git(self.store);
        show_diff(&mut diff, dir, before_command, trees, rest)
    }
}

impl Store {
    /// Lets `git diff` compare two trees for the user, in `dir`; `before_command` are options of git itself,
    /// `rest` more options and paths.
    ///
    /// # Errors
    /// [`StoreError::Io`] when git cannot be run.
    pub fn show_diff(
        &self,
        dir: &Path,
        before_command: &[String],
        trees: [Oid; 2],
        rest: &[OsString],
    ) -> Result<ExitStatus, StoreError> {
        let top = self.root();
        let mut diff = git::command_in(self, &self.git_dir, &top);
        if self.work_dir().is_none() {
            diff.env_remove("GIT_WORK_TREE");
        }
        show_diff(&mut diff, dir, before_command, trees, rest)
    }
}

fn show_diff(
    diff: &mut std::process::Command,
    dir: &Path,
    before_command: &[String],
    trees: [Oid; 2],
    rest: &[OsString],
) -> Result<ExitStatus, StoreError> {
    // The user reads this one.
    diff.env_remove("LC_ALL").current_dir(dir).args(before_command).arg("diff");
    let at = rest.iter().position(|word| word == "--").unwrap_or(rest.len());
    diff.args(&rest[..at]).args(trees.map(|tree| tree.to_string())).args(&rest[at..]);
    let status = diff.stdin(Stdio::null()).status();
    status.map_err(|error| StoreError::io("cannot run git", &error))
}

impl Scratch {
    /// Lists what makes the files of one tree those of another.
    pub(super) fn steps(&self, store: &Store, from: Oid, to: Oid) -> Result<Vec<Step>, StoreError> {
        let mut diff = self.git(store);
        diff.args(["diff-tree", "-r", "--raw", "-z", "--no-renames", "--no-abbrev"]);
        diff.args([from.to_string(), to.to_string()]);
        Ok(to_steps(&self.run(diff, b"", "cannot compare trees")?))
    }
}

/// One file that is to become another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// `A` it is to be there, `D` it is to go, `M` it is to be another, `T` of another kind.
    pub letter: char,
    /// The path from the top.
    pub path: PathBuf,
    /// The object that it is to be; `None` if it is to go.
    pub oid: Option<Oid>,
    /// Whether it is or becomes a submodule.
    pub is_submodule: bool,
}

/// Collects the objects of a tree that others do not have.
struct New<'a> {
    store: &'a Store,
    loose: loose::Store,
    seen: HashSet<Oid>,
    objects: Vec<Object>,
}

impl New<'_> {
    fn add(&mut self, tree_oid: Oid, known: &[Oid]) -> Result<(), StoreError> {
        if known.contains(&tree_oid) || !self.seen.insert(tree_oid) {
            return Ok(());
        }
        let tree = self.read(tree_oid)?;
        let mut before = Vec::with_capacity(known.len());
        for oid in known {
            before.push(by_name(&self.read(*oid)?, self.store.repo.object_hash())?);
        }
        let entries = gix::objs::TreeRefIter::from_bytes(&tree.data, self.store.repo.object_hash());
        for entry in entries {
            let entry = entry.map_err(|error| StoreError::gix("cannot read a tree", &error))?;
            let oid = to_oid(entry.oid);
            let same: Vec<(Oid, bool)> =
                before.iter().filter_map(|it| it.get(entry.filename.as_bytes()).copied()).collect();
            if entry.mode.is_commit() || same.iter().any(|(it, _)| *it == oid) {
                continue;
            }
            if entry.mode.is_tree() {
                let known: Vec<Oid> = same.iter().filter(|it| it.1).map(|it| it.0).collect();
                self.add(oid, &known)?;
            } else if self.seen.insert(oid) {
                let blob = self.read(oid)?;
                self.objects.push(blob);
            }
        }
        self.objects.push(tree);
        Ok(())
    }

    fn read(&self, oid: Oid) -> Result<Object, StoreError> {
        let mut data = Vec::new();
        let fail = |error: gix::Error| StoreError::gix("cannot read a new object", &error);
        if let Some(found) = self.loose.try_find(&to_id(oid), &mut data).map_err(fail)? {
            let kind = found.kind;
            return Ok(Object { oid, kind, data });
        }
        let find =
            |repo: &gix::Repository| Ok(repo.try_find_object(to_id(oid))?.map(gix::Object::detach));
        let missing = || StoreError::Missing { what: format!("object {oid}") };
        let found = self.store.look(find).map_err(fail)?.ok_or_else(missing)?;
        Ok(Object { oid, kind: found.kind, data: found.data })
    }
}

/// Returns the entries of a tree, and whether each is one itself.
fn by_name(
    tree: &Object,
    hash_kind: gix::hash::Kind,
) -> Result<HashMap<Vec<u8>, (Oid, bool)>, StoreError> {
    let entries = gix::objs::TreeRefIter::from_bytes(&tree.data, hash_kind);
    let named = entries.map(|entry| {
        let entry = entry.map_err(|error| StoreError::gix("cannot read a tree", &error))?;
        Ok((entry.filename.to_vec(), (to_oid(entry.oid), entry.mode.is_tree())))
    });
    named.collect()
}

/// Reads what `git status --porcelain=v2 -z` says. Source: git-status(1), "Porcelain Format Version 2".
fn to_changes(output: &[u8]) -> Changes {
    let mut changes = Changes::default();
    for line in output.split_str("\0") {
        let n_fields = match line.first() {
            Some(b'?') => {
                changes.untracked.push(to_path(&line[2..]));
                continue;
            }
            // What is only staged is in the index already.
            Some(b'1') if line.get(3) == Some(&b'.') => continue,
            Some(b'1') => 9,
            Some(b'u') => 11,
            _ => continue,
        };
        if let Some(path) = line.splitn_str(n_fields, " ").nth(n_fields - 1) {
            changes.tracked.push(to_path(path));
        }
    }
    changes
}

fn to_difference(output: &[u8]) -> TreeDifference {
    let mut sum = TreeDifference::default();
    for line in output.split_str("\0").filter(|line| !line.is_empty()) {
        let mut fields = line.splitn_str(3, "\t");
        let mut count = || -> u64 {
            let text = fields.next().unwrap_or_default();
            text.to_str().ok().and_then(|text| text.parse().ok()).unwrap_or(0)
        };
        sum.n_added += count();
        sum.n_removed += count();
        sum.n_files += 1;
    }
    sum
}

/// Reads what `git diff-tree --raw -z` says. Source: git-diff-tree(1), "Raw output format".
fn to_steps(output: &[u8]) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut parts = output.split_str("\0");
    while let (Some(head), Some(path)) = (parts.next(), parts.next()) {
        let head = head.to_str_lossy();
        let is_submodule = head.split(' ').take(2).any(|mode| mode.ends_with("160000"));
        let letter = head.split(' ').next_back().and_then(|it| it.chars().next()).unwrap_or('M');
        let oid = head.split(' ').nth(3).and_then(Oid::from_hex).filter(|_| letter != 'D');
        steps.push(Step { letter, path: to_path(path), oid, is_submodule });
    }
    steps
}

pub(super) fn to_path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsString::from_vec(bytes.to_vec()))
}

/// Tells whether there is something at a path below `top`. What lies behind a symbolic link is not there.
fn is_there(top: &Path, path: &Path) -> bool {
    let above = path.ancestors().skip(1).filter(|it| !it.as_os_str().is_empty());
    let is_link = |dir: &Path| top.join(dir).symlink_metadata().is_ok_and(|it| it.is_symlink());
    top.join(path).symlink_metadata().is_ok() && !above.into_iter().any(is_link)
}

/// Returns paths as git reads them with `-z --stdin`.
pub(super) fn with_nuls(paths: &[impl AsRef<Path>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for path in paths {
        bytes.extend_from_slice(path.as_ref().as_os_str().as_bytes());
        bytes.push(0);
    }
    bytes
}

fn oid_of(output: &[u8]) -> Result<Oid, StoreError> {
    let text = output.to_str_lossy();
    let refuse =
        || StoreError::Io { doing: "cannot write a tree".into(), reason: text.to_string() };
    Oid::from_hex(text.trim()).ok_or_else(refuse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_on_disk_is_a_change() {
        let a = "a".repeat(40);
        let status = format!(
            "1 M. N... 100644 100644 100644 {a} {a} staged\0\
             1 .M N... 100644 100644 100644 {a} {a} two words\nand a line\0\
             1 MD N... 100644 100644 000000 {a} {a} gone\0\
             u UU N... 100644 100644 100644 100644 {a} {a} {a} in conflict\0\
             ? new\0? nested/\0"
        );
        let changes = to_changes(status.as_bytes());
        let paths = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
        assert_eq!(changes.tracked, paths(&["two words\nand a line", "gone", "in conflict"]));
        assert_eq!(changes.untracked, paths(&["new", "nested/"]));
    }

    #[test]
    fn lines_of_binary_files_do_not_count() {
        let sum = to_difference(b"3\t1\ta\0-\t-\tb.png\x000\t2\tc\0");
        assert_eq!(sum, TreeDifference { n_files: 3, n_added: 3, n_removed: 3 });
    }

    #[test]
    fn a_step_tells_a_submodule() {
        let (a, b) = ("a".repeat(40), "b".repeat(40));
        let raw = format!(
            ":100644 000000 {a} {b} D\0x y\0:160000 160000 {a} {b} M\0lib\0:100644 120000 {a} {b} T\0l\0"
        );
        let steps = to_steps(raw.as_bytes());
        let told: Vec<_> = steps.iter().map(|it| (it.letter, it.is_submodule)).collect();
        assert_eq!(told, [('D', false), ('M', true), ('T', false)]);
        assert_eq!((steps[0].path.as_path(), steps[0].oid), (Path::new("x y"), None));
        assert_eq!(steps[2].oid, Oid::from_hex(&b));
    }
}
