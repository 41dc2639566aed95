//! A git tree as files: checked before anything is written, and never outside of its directory.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use gix::bstr::{BStr, ByteSlice};
use gix::objs::tree::EntryKind;
use gix::validate::path::component;
use rustix::fs::{AtFlags, CWD, Mode, OFlags, openat, unlinkat};
use rustix::io::Errno;

use super::read::{to_id, to_oid};
use super::scratch::Scratch;
use super::tree_copy::{to_path, with_nuls};
use super::{Step, Store, StoreError, TreeCopy, WorkTreeError};
use crate::model::Oid;

/// The longest path that is written, in bytes.
const MAX_PATH: usize = 4096;
/// The longest name of a file or directory that file systems take, in bytes.
const MAX_NAME: usize = 255;
/// How deep directories are at most.
const MAX_DEPTH: usize = 512;
/// The most files and directories that are written.
const MAX_ENTRIES: u64 = 5_000_000;

impl Store {
    /// Checks that a tree can be written below `dir` without leaving it or meeting `.git` in any spelling.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] with what is wrong, [`StoreError::Missing`].
    pub fn check_tree(&self, tree_oid: Oid, dir: &Path) -> Result<(), StoreError> {
        let mut check =
            Check { store: self, ignores_case: ignores_case(dir), known: HashMap::new(), tree_oid };
        let size = check.tree(tree_oid, &mut Vec::new())?;
        if size.n_entries > MAX_ENTRIES {
            return Err(check.refuse(b"", "has too many files"));
        }
        Ok(())
    }

    /// Writes a tree's files to a directory that is new or empty; only those at or below `paths`, if any are
    /// given. Submodules are left out. Returns how many files there are.
    ///
    /// # Errors
    /// [`WorkTreeError::Exists`]; as [`Store::check_tree`]; [`StoreError::Io`].
    pub fn write_tree_to(
        &self,
        tree_oid: Oid,
        dir: &Path,
        paths: &[PathBuf],
    ) -> Result<usize, StoreError> {
        let io =
            |error: &io::Error| StoreError::io(format!("cannot make '{}'", dir.display()), error);
        // What is there now says how the file system spells names.
        let there = dir.ancestors().find(|it| it.is_dir()).unwrap_or(dir);
        self.check_tree(tree_oid, there)?;
        let is_free = match dir.symlink_metadata() {
            Err(_) => true,
            Ok(_) => dir.read_dir().is_ok_and(|mut entries| entries.next().is_none()),
        };
        if !is_free {
            return Err(WorkTreeError::Exists { path: dir.to_owned() }.into());
        }
        let real = there.canonicalize().map_err(|error| io(&error))?;
        if real.starts_with(&self.common_dir) && self.work_dir().is_some() {
            let text = format!("'{}' is in the git directory", dir.display());
            return Err(StoreError::Unsupported(text));
        }
        let mut scratch = Scratch::new(self, &real, false)?;
        let mut steps = scratch.steps(self, self.tree_of(None)?, tree_oid)?;
        steps.retain(|step| !step.is_submodule && step.is_in(paths));
        scratch.read_whole(self, tree_oid, &steps)?;
        fs::create_dir_all(dir).map_err(|error| io(&error))?;
        let dir = dir.canonicalize().map_err(|error| io(&error))?;
        let files: Vec<PathBuf> = steps.into_iter().map(|step| step.path).collect();
        scratch.work_dir = dir;
        scratch.check_out(self, tree_oid, &files, false)?;
        Ok(files.len())
    }
}

impl TreeCopy<'_> {
    /// Checks that steps from this tree can be taken in the work tree and lose nothing that is not in it.
    ///
    /// # Errors
    /// [`WorkTreeError::InTheWay`]; [`StoreError::Io`].
    pub fn check_steps(&self, steps: &[Step]) -> Result<(), StoreError> {
        let going = steps.iter().filter(|step| step.letter == 'D').map(|step| step.path.as_path());
        let going: HashSet<&Path> = going.collect();
        let hidden = self.hidden()?;
        let top = &self.scratch.work_dir;
        let refuse = |path: &Path| Err(WorkTreeError::InTheWay { path: path.to_owned() }.into());
        for step in steps {
            let found = top.join(&step.path).symlink_metadata();
            if found.is_ok() && hidden.contains(&step.path) {
                return refuse(&step.path);
            }
            if step.letter == 'D' {
                continue;
            }
            for above in step.path.ancestors().skip(1).filter(|it| !it.as_os_str().is_empty()) {
                let is_dir = |meta: fs::Metadata| meta.is_dir();
                let fits = top.join(above).symlink_metadata().map_or(true, is_dir);
                if !fits && !going.contains(above) {
                    return refuse(above);
                }
            }
            match found {
                Ok(meta) if meta.is_dir() => {
                    if let Some(kept) = find_kept(top, &step.path, &going) {
                        return refuse(&kept);
                    }
                }
                Ok(_) if step.letter == 'A' => return refuse(&step.path),
                _ => {}
            }
        }
        Ok(())
    }

    /// Checks that git would write the files of another tree, and has what is in them.
    ///
    /// # Errors
    /// [`StoreError::Io`] with git's words, [`StoreError::Corrupt`].
    pub fn check_readable(&self, to: Oid, steps: &[Step]) -> Result<(), StoreError> {
        let scratch = Scratch::new(self.store, &self.scratch.work_dir, false)?;
        scratch.read_whole(self.store, to, steps)
    }

    /// Takes steps from this tree to another one in the work tree. The user's index is not touched.
    ///
    /// # Errors
    /// [`StoreError::Io`]; some steps may have been taken then.
    pub fn take_steps(&self, to: Oid, steps: &[Step]) -> Result<(), StoreError> {
        let top = &self.scratch.work_dir;
        let fail = |path: &Path, error: &io::Error| {
            StoreError::io(format!("cannot remove '{}'", path.display()), error)
        };
        let (going, coming): (Vec<&Step>, Vec<&Step>) =
            steps.iter().partition(|step| step.letter == 'D');
        for Step { path, .. } in going {
            remove(top, path, AtFlags::empty()).map_err(|error| fail(path, &error))?;
        }
        for Step { path, .. } in coming {
            remove_empty(top, path).map_err(|error| fail(path, &error))?;
        }
        let scratch = Scratch::new(self.store, top, false)?;
        scratch.read_tree(self.store, to)?;
        let paths = |is_new: bool| -> Vec<PathBuf> {
            let wanted = |step: &&Step| step.letter != 'D' && (step.letter == 'A') == is_new;
            steps.iter().filter(wanted).map(|step| step.path.clone()).collect()
        };
        scratch.check_out(self.store, to, &paths(false), true)?;
        scratch.check_out(self.store, to, &paths(true), false)
    }

    /// Returns the files of which git does not look at what is on disk.
    fn hidden(&self) -> Result<HashSet<PathBuf>, StoreError> {
        let mut list = self.scratch.git(self.store);
        list.args(["ls-files", "-v", "-z"]);
        let output = self.scratch.run(list, b"", "cannot read the index")?;
        let hidden = output.split_str("\0").filter(|line| line.len() > 2 && line[0] != b'H');
        Ok(hidden.map(|line| to_path(&line[2..])).collect())
    }
}

impl Scratch {
    /// Reads a tree with the contents of the files that are to be written, so that nothing fails for them later.
    fn read_whole(&self, store: &Store, tree_oid: Oid, steps: &[Step]) -> Result<(), StoreError> {
        self.read_tree(store, tree_oid)?;
        let mut find = self.git(store);
        find.args(["cat-file", "--buffer", "--batch-check=%(objecttype)"]);
        let wanted: Vec<Oid> = steps.iter().filter_map(|step| step.oid).collect();
        let lines: String = wanted.iter().map(|oid| format!("{oid}\n")).collect();
        let found = self.run(find, lines.as_bytes(), "cannot read the tree")?;
        let wrong = found.lines().zip(&wanted).find(|(kind, _)| *kind != b"blob");
        match wrong {
            None => Ok(()),
            Some((kind, oid)) if kind.ends_with(b" missing") => {
                Err(StoreError::Missing { what: format!("object {oid}") })
            }
            Some((_, oid)) => {
                let reason = format!("'{oid}' is no file");
                Err(StoreError::corrupt(format!("tree {tree_oid}"), reason))
            }
        }
    }

    fn read_tree(&self, store: &Store, tree_oid: Oid) -> Result<(), StoreError> {
        let mut read = self.git(store);
        read.args(["read-tree", &tree_oid.to_string()]);
        self.run(read, b"", "cannot read the tree").map(drop)
    }

    /// Writes files as git does, by the attributes of the tree that they are of.
    fn check_out(
        &self,
        store: &Store,
        tree_oid: Oid,
        files: &[PathBuf],
        replaces: bool,
    ) -> Result<(), StoreError> {
        if files.is_empty() {
            return Ok(());
        }
        let mut write = self.git(store);
        write.args(["-c", &format!("attr.tree={tree_oid}"), "checkout-index", "-z", "--stdin"]);
        write.args(replaces.then_some("-f"));
        self.run(write, &with_nuls(files), "cannot write files").map(drop)
    }
}

impl Step {
    /// Tells whether it is about a file at or below one of `paths`, or these are none.
    pub fn is_in(&self, paths: &[PathBuf]) -> bool {
        paths.is_empty() || paths.iter().any(|path| self.path.starts_with(path))
    }
}

/// Looks at every name of a tree.
struct Check<'a> {
    store: &'a Store,
    ignores_case: bool,
    known: HashMap<Oid, Size>,
    tree_oid: Oid,
}

/// How large a tree is with all below it.
#[derive(Debug, Clone, Copy, Default)]
struct Size {
    n_entries: u64,
    /// The longest path, in bytes.
    n_path: usize,
}

impl Check<'_> {
    fn refuse(&self, name: &[u8], reason: &str) -> StoreError {
        let name = name.to_str_lossy();
        let subject = if name.is_empty() { String::new() } else { format!("'{name}' ") };
        StoreError::corrupt(format!("tree {}", self.tree_oid), format!("{subject}{reason}"))
    }

    /// Checks a tree once; `above` are the trees that it is in.
    fn tree(&mut self, tree_oid: Oid, above: &mut Vec<Oid>) -> Result<Size, StoreError> {
        if let Some(size) = self.known.get(&tree_oid) {
            return Ok(*size);
        }
        if above.len() > MAX_DEPTH {
            return Err(self.refuse(b"", "is too deep"));
        }
        let hash_kind = self.store.repo.object_hash();
        let fail = |error: gix::Error| StoreError::gix("cannot read a tree", &error);
        let missing = || StoreError::Missing { what: format!("tree {tree_oid}") };
        let find = |repo: &gix::Repository| {
            Ok(repo.try_find_object(to_id(tree_oid))?.map(gix::Object::detach))
        };
        let found = self.store.look(find).map_err(fail)?.ok_or_else(missing)?;
        let (mut size, mut names) = (Size::default(), HashSet::new());
        above.push(tree_oid);
        for entry in gix::objs::TreeRefIter::from_bytes(&found.data, hash_kind) {
            let entry = entry.map_err(|error| StoreError::gix("cannot read a tree", &error))?;
            let name: &BStr = entry.filename;
            self.name(name, entry.mode.kind(), &mut names)?;
            let below = match entry.mode.kind() {
                EntryKind::Tree => self.tree(to_oid(entry.oid), above)?,
                _ => Size::default(),
            };
            let n_path = name.len() + 1 + below.n_path;
            if n_path > MAX_PATH {
                return Err(self.refuse(name, "has too long a path"));
            }
            size.n_path = size.n_path.max(n_path);
            size.n_entries = size.n_entries.saturating_add(1).saturating_add(below.n_entries);
        }
        above.pop();
        self.known.insert(tree_oid, size);
        Ok(size)
    }

    fn name(
        &self,
        name: &BStr,
        kind: EntryKind,
        names: &mut HashSet<Vec<u8>>,
    ) -> Result<(), StoreError> {
        let options =
            component::Options { protect_windows: false, protect_hfs: true, protect_ntfs: true };
        let mode = (kind == EntryKind::Link).then_some(component::Mode::Symlink);
        if gix::validate::path::component(name, mode, options).is_err() || name.contains(&0) {
            return Err(self.refuse(name, "is no name that a file may have"));
        }
        if name.len() > MAX_NAME {
            return Err(self.refuse(name, "is too long a name"));
        }
        let spelled = match self.ignores_case {
            true => name.to_str_lossy().to_lowercase().into_bytes(),
            false => name.to_vec(),
        };
        if names.insert(spelled) { Ok(()) } else { Err(self.refuse(name, "is there twice")) }
    }
}

/// Tells whether the file system takes names in another case for the same.
fn ignores_case(dir: &Path) -> bool {
    let Ok(dir) = dir.canonicalize() else { return false };
    let is_same = |one: &Path| -> Option<bool> {
        let name = one.file_name()?.to_str()?;
        let swapped = match name.to_uppercase() {
            upper if upper != name => upper,
            _ => name.to_lowercase(),
        };
        let other = one.with_file_name(&swapped);
        let (one, other) = (one.metadata().ok()?, other.metadata());
        let is_it = |other: fs::Metadata| (other.dev(), other.ino()) == (one.dev(), one.ino());
        (swapped != name).then(|| other.is_ok_and(is_it))
    };
    dir.ancestors().find_map(is_same).unwrap_or(false)
}

/// Finds a file in a directory that does not go.
fn find_kept(top: &Path, dir: &Path, going: &HashSet<&Path>) -> Option<PathBuf> {
    for entry in top.join(dir).read_dir().ok()?.flatten() {
        let path = dir.join(entry.file_name());
        let kept = match entry.file_type() {
            Ok(kind) if kind.is_dir() => find_kept(top, &path, going),
            _ => (!going.contains(path.as_path())).then_some(path),
        };
        if kept.is_some() {
            return kept;
        }
    }
    None
}

/// Removes a directory that has no files in it, and the directories that are empty then; anything else stays.
fn remove_empty(top: &Path, dir: &Path) -> io::Result<()> {
    if !top.join(dir).symlink_metadata().is_ok_and(|meta| meta.is_dir()) {
        return Ok(());
    }
    for entry in top.join(dir).read_dir()?.flatten() {
        remove_empty(top, &dir.join(entry.file_name()))?;
    }
    remove(top, dir, AtFlags::REMOVEDIR)
}

/// Removes what is at a path below `top` and the directories that are empty then, through no symbolic link.
fn remove(top: &Path, path: &Path, flags_of_last: AtFlags) -> io::Result<()> {
    let mut dirs: Vec<OwnedFd> = Vec::new();
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    dirs.push(openat(CWD, top, flags, Mode::empty())?);
    let names: Vec<Component<'_>> = path.components().collect();
    let Some((file, above)) = names.split_last() else { return Ok(()) };
    for name in above {
        let dir = dirs.last().expect("the top is there");
        match openat(dir, name.as_os_str(), flags | OFlags::NOFOLLOW, Mode::empty()) {
            Ok(found) => dirs.push(found),
            // What is not there, or lies behind a link, is gone already.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
    let dir = dirs.pop().expect("the top is there");
    match unlinkat(&dir, file.as_os_str(), flags_of_last) {
        Err(Errno::NOENT) | Ok(()) => {}
        Err(error) => return Err(error.into()),
    }
    for name in above.iter().rev() {
        let Some(dir) = dirs.pop() else { break };
        if unlinkat(&dir, name.as_os_str(), AtFlags::REMOVEDIR).is_err() {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_removed_with_its_empty_directories_and_not_through_a_link() {
        let home = tempfile::tempdir().expect("a directory");
        let top = home.path().join("top");
        fs::create_dir_all(top.join("a/b")).expect("a directory");
        fs::create_dir_all(home.path().join("out")).expect("a directory");
        fs::write(home.path().join("out/x"), "x").expect("written");
        fs::write(top.join("a/b/x"), "x").expect("written");
        std::os::unix::fs::symlink("../out", top.join("link")).expect("a link");
        remove(&top, Path::new("link/x"), AtFlags::empty()).expect("nothing to do");
        assert!(home.path().join("out/x").exists());
        remove(&top, Path::new("a/b/x"), AtFlags::empty()).expect("removed");
        assert!(!top.join("a").exists() && top.exists());
        remove(&top, Path::new("a/b/x"), AtFlags::empty()).expect("gone already");
    }

    #[test]
    fn a_directory_is_removed_if_it_has_nothing_but_directories() {
        let home = tempfile::tempdir().expect("a directory");
        let top = home.path();
        for path in ["a/b/c", "a/d", "kept", "full/empty"] {
            fs::create_dir_all(top.join(path)).expect("a directory");
        }
        for path in ["kept/x", "full/x", "file"] {
            fs::write(top.join(path), "x").expect("written");
        }
        std::os::unix::fs::symlink("kept", top.join("link")).expect("a link");
        for path in ["a", "file", "link", "nothing", "a/b"] {
            remove_empty(top, Path::new(path)).expect("removed, or nothing to do");
        }
        assert!(!top.join("a").exists() && top.join("file").exists() && top.join("link").exists());
        remove_empty(top, Path::new("full")).expect_err("it has a file");
        assert!(top.join("full/x").exists() && top.join("kept/x").exists());
    }

    #[test]
    fn a_file_that_stays_is_found_in_a_directory() {
        let home = tempfile::tempdir().expect("a directory");
        fs::create_dir_all(home.path().join("d/e")).expect("a directory");
        for path in ["d/a", "d/e/b"] {
            fs::write(home.path().join(path), "x").expect("written");
        }
        let find = |paths: &[&str]| {
            let going = paths.iter().map(Path::new).collect();
            find_kept(home.path(), Path::new("d"), &going)
        };
        assert_eq!(find(&["d/a"]), Some(PathBuf::from("d/e/b")));
        assert_eq!(find(&["d/a", "d/e/b"]), None);
    }
}
