//! Looking for objects, however many packs come and go while a repository is open.

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::time::SystemTime;

use gix::odb::store::init::{Options, Slots};

use super::{Store, StoreError};

/// After so many looks the objects are opened anew: what has been read of packs stays mapped until then, which would be
/// all of them where very many sessions are read.
const MAX_LOOKS: usize = 1 << 14;

/// The objects as gix reads them: opened when the first one is looked for, since most commands need none of them
/// (`packs`), and again when they have to be.
///
/// gix has room for so many indices of packs while it runs, and does not find what is in later ones. We write a
/// pack with each event.
#[derive(Default)]
pub(super) struct Opened {
    newest: RefCell<Option<gix::Repository>>,
    /// How often they were looked into since.
    n_looks: Cell<usize>,
    /// When packs had come or gone the last time before the objects were opened.
    packs_changed_at: Cell<Option<SystemTime>>,
}

/// Room for the indices of packs that come and go while we run.
const SLOTS: Slots = Slots::AsNeededByDiskState { multiplier: 2.0, minimum: 256 };

impl Store {
    /// Finds something in the objects; what is not there, or cannot be read, is looked for once more in the
    /// objects as they are now, if packs have come or gone.
    pub(super) fn look<T, E>(
        &self,
        find: impl Fn(&gix::Repository) -> Result<Option<T>, E>,
    ) -> Result<Option<T>, E> {
        self.count_look();
        let mut found = self.with_objects(&find);
        if !matches!(found, Ok(Some(_))) && self.open_again() {
            found = self.with_objects(&find);
        }
        found
    }

    /// Does something with the objects as they were opened last.
    pub(super) fn with_objects<T>(&self, read: impl FnOnce(&gix::Repository) -> T) -> T {
        if self.opened.newest.borrow().is_none() {
            self.open_again();
        }
        read(self.opened.newest.borrow().as_ref().unwrap_or(&self.repo))
    }

    fn count_look(&self) {
        let n_looks = self.opened.n_looks.get() + 1;
        let is_due = n_looks >= MAX_LOOKS;
        // Who looks just now keeps them.
        if is_due && let Ok(mut newest) = self.opened.newest.try_borrow_mut() {
            *newest = None;
        }
        self.opened.n_looks.set(if is_due { 0 } else { n_looks });
    }

    /// Opens the objects, again only if packs have come or gone since; tells whether they were.
    fn open_again(&self) -> bool {
        let objects_dir = self.common_dir.join("objects");
        let packs_changed_at = changed_at(&objects_dir.join("pack"));
        let is_open = self.opened.newest.borrow().is_some();
        if is_open && self.opened.packs_changed_at.get() == packs_changed_at {
            return false;
        }
        let Ok(repo) = self.open_objects(&objects_dir) else { return false };
        self.opened.packs_changed_at.set(packs_changed_at);
        self.opened.newest.replace(Some(repo));
        true
    }

    fn open_objects(&self, objects_dir: &Path) -> Result<gix::Repository, StoreError> {
        let use_multi_pack_index = self.repo.config_snapshot().boolean("core.multiPackIndex");
        let options = Options {
            slots: SLOTS,
            use_multi_pack_index: use_multi_pack_index.unwrap_or(true),
            ..Default::default()
        };
        let handle = gix::odb::at_opts(objects_dir, self.repo.object_hash(), Vec::new(), options)
            .map_err(|error| StoreError::io("cannot open the objects", &error))?;
        let mut repo = self.repo.clone();
        repo.objects = gix::odb::memory::Proxy::from(handle);
        Ok(repo)
    }
}

fn changed_at(dir: &Path) -> Option<SystemTime> {
    dir.metadata().and_then(|it| it.modified()).ok()
}
