use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::model::HashKind;

use super::fault::Doing;
use super::keep::KEEP_MESSAGE;
use super::lock::Flock;
use super::{IoFault, Medium, PackName};

/// How old a file must be before it counts as left behind.
const LEFT_AGE: Duration = Duration::from_secs(10 * 60);

/// Our packs in `objects/pack`, as one reading of the directory shows them.
pub(super) struct Shelf {
    dir: PathBuf,
    /// The extensions of each pack's files.
    packs: BTreeMap<PackName, BTreeSet<String>>,
    /// Whether a multi-pack-index names packs; then none may vanish.
    pub(super) has_multi_pack_index: bool,
}

impl Shelf {
    /// Reads the directory.
    pub(super) fn read(objects_dir: &Path, hash_kind: HashKind) -> Result<Shelf, IoFault> {
        let dir = objects_dir.join("pack");
        let mut shelf = Shelf { packs: BTreeMap::new(), has_multi_pack_index: false, dir };
        for entry in fs::read_dir(&shelf.dir).doing("read directory", &shelf.dir)? {
            let file_name = entry.doing("read directory", &shelf.dir)?.file_name();
            let Some(file_name) = file_name.to_str() else {
                continue;
            };
            shelf.has_multi_pack_index |= file_name.starts_with("multi-pack-index");
            let Some((stem, extension)) = file_name.split_once('.') else {
                continue;
            };
            if let Some(name) = PackName::parse(stem, hash_kind) {
                let extensions = shelf.packs.entry(name).or_default();
                extensions.insert(extension.to_owned());
            }
        }
        Ok(shelf)
    }

    /// Returns the path of a pack's file.
    pub(super) fn path(&self, name: &PackName, extension: &str) -> PathBuf {
        self.dir.join(name.file(extension))
    }

    /// Returns the packs of `level` that are published and that nobody has attached anything to.
    ///
    /// A pack has its `.keep` from before it can be seen until a ref names its objects. The listing
    /// may have missed the `.keep`, so it is looked for again.
    pub(super) fn published(&self, medium: &dyn Medium, level: u8) -> Vec<PackName> {
        let is_plain = |extensions: &BTreeSet<String>| {
            let known = ["idx", "pack", "rev"];
            extensions.contains("idx")
                && extensions.contains("pack")
                && extensions.iter().all(|it| known.contains(&it.as_str()))
        };
        self.packs
            .iter()
            .filter(|(name, extensions)| name.level() == level && is_plain(extensions))
            .map(|(name, _)| name.clone())
            .filter(|name| is_absent(medium, &self.path(name, "keep")))
            .collect()
    }

    /// Notes a pack that was just stored and published.
    pub(super) fn add(&mut self, name: PackName) {
        let extensions = ["idx", "pack"].map(str::to_owned);
        self.packs.insert(name, extensions.into());
    }

    /// Removes a pack whose objects are elsewhere: the index first, so that nobody looks for a pack
    /// that is gone.
    pub(super) fn remove(&mut self, medium: &dyn Medium, name: &PackName) {
        let extensions = self.packs.remove(name).unwrap_or_default();
        for extension in ["idx", "rev", "idx.new", "pack"] {
            if extensions.contains(extension) {
                let _ = medium.unlink(&self.path(name, extension));
            }
        }
    }

    /// Removes what dead processes left; returns how many packs that concerned.
    pub(super) fn sweep(&mut self, medium: &dyn Medium, now: SystemTime) -> usize {
        let names: Vec<_> = self.packs.keys().cloned().collect();
        let swept = names.iter().filter(|name| {
            if self.packs[*name].contains("keep") {
                self.sweep_kept(medium, name, now)
            } else {
                self.sweep_half(medium, name, now)
            }
        });
        swept.count()
    }

    /// Drops a `.keep` that no living process has locked, and its pack if it has no index.
    fn sweep_kept(&mut self, medium: &dyn Medium, name: &PackName, now: SystemTime) -> bool {
        let keep = self.path(name, "keep");
        let is_ours = medium.read(&keep).is_ok_and(|it| it.starts_with(KEEP_MESSAGE.as_bytes()));
        // The lock is held until the end, against others who sweep.
        let locked = File::open(&keep).ok().filter(|it| it.try_lock().is_ok()).map(Flock);
        if !is_ours || locked.is_none() || !is_left(medium, &keep, now) {
            return false;
        }
        if is_absent(medium, &self.path(name, "idx")) {
            self.remove(medium, name);
        }
        medium.unlink(&keep).is_ok()
    }

    /// Removes what is left of a pack that has no `.keep`, and not both of pack and index.
    fn sweep_half(&mut self, medium: &dyn Medium, name: &PackName, now: SystemTime) -> bool {
        let is_half = ["idx", "pack"].iter().any(|it| is_absent(medium, &self.path(name, it)));
        let is_old = self.packs[name].iter().all(|extension| {
            let path = self.path(name, extension);
            is_absent(medium, &path) || is_left(medium, &path, now)
        });
        let is_swept = is_half && is_old && is_absent(medium, &self.path(name, "keep"));
        if is_swept {
            self.remove(medium, name);
        }
        is_swept
    }
}

fn is_absent(medium: &dyn Medium, path: &Path) -> bool {
    matches!(
        medium.identity(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound
    )
}

/// Tells whether a file is there and too old to be in use.
pub(super) fn is_left(medium: &dyn Medium, path: &Path, now: SystemTime) -> bool {
    medium
        .identity(path)
        .is_ok_and(|it| now.duration_since(it.modified_at).is_ok_and(|age| age >= LEFT_AGE))
}
