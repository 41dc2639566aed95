//! Looking for objects, however many packs come and go while a repository is open.

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::time::SystemTime;

use super::open::SLOTS;
use super::{Store, StoreError};

/// The objects, opened again when they have to be.
///
/// gix has room for so many indices of packs while it runs, and does not find what is in later ones. We write a
/// pack with each event.
pub(super) struct Reopened {
    newest: RefCell<Option<gix::Repository>>,
    /// When packs had come or gone the last time before the objects were opened.
    packs_changed_at: Cell<Option<SystemTime>>,
}

impl Reopened {
    /// Begins with a repository that is about to be opened.
    pub(super) fn new(common_dir: &Path) -> Reopened {
        let packs_changed_at = Cell::new(changed_at(&common_dir.join("objects/pack")));
        Reopened { newest: RefCell::default(), packs_changed_at }
    }
}

impl Store {
    /// Finds something in the objects; what is not there, or cannot be read, is looked for once more in the
    /// objects as they are now, if packs have come or gone.
    pub(super) fn look<T, E>(
        &self,
        find: impl Fn(&gix::Repository) -> Result<Option<T>, E>,
    ) -> Result<Option<T>, E> {
        let look = || find(self.reopened.newest.borrow().as_ref().unwrap_or(&self.repo));
        let found = look();
        if matches!(found, Ok(Some(_))) || !self.reopen() {
            return found;
        }
        look()
    }

    /// Opens the objects again if packs have come or gone since; tells whether they were.
    fn reopen(&self) -> bool {
        let objects_dir = self.common_dir.join("objects");
        let packs_changed_at = changed_at(&objects_dir.join("pack"));
        if self.reopened.packs_changed_at.get() == packs_changed_at {
            return false;
        }
        let Ok(repo) = self.open_objects(&objects_dir) else { return false };
        self.reopened.packs_changed_at.set(packs_changed_at);
        self.reopened.newest.replace(Some(repo));
        true
    }

    fn open_objects(&self, objects_dir: &Path) -> Result<gix::Repository, StoreError> {
        let options = gix::odb::store::init::Options { slots: SLOTS, ..Default::default() };
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
