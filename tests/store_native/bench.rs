//! A medium that records every effect, and can be told to fail, to die, or to lie.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use git_session::store::native::{Disk, Identity, Medium, Perm};

/// One effect, with paths below the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    Create(PathBuf, Vec<u8>),
    Append(PathBuf, Vec<u8>),
    SyncFile(PathBuf),
    SyncDir(PathBuf),
    Link(PathBuf, PathBuf),
    Rename(PathBuf, PathBuf),
    Unlink(PathBuf),
    Mkdir(PathBuf),
    /// The writer's answer: the session has at least this seq.
    Ack(String, u32),
}

/// What goes wrong. Effects and the rest are counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    Honest,
    /// The n-th sync reports success and does nothing.
    SkipSync(usize),
    /// The n-th rename reports success and does nothing.
    LieAtRename(usize),
    /// The same, and reading shows what should be there.
    LieAtRenameAndReading(usize),
    /// The effect fails with this error number; if sticky, so do all later ones.
    Fail {
        at: usize,
        errno: i32,
        is_sticky: bool,
    },
    /// The effect writes half of its bytes, then the disk is full.
    Short {
        at: usize,
    },
    /// The process dies before this effect, or in it, half of the bytes being written.
    Kill {
        at: usize,
        is_torn: bool,
    },
}

#[derive(Default)]
struct State {
    effects: Vec<Effect>,
    n_effects: usize,
    n_syncs: usize,
    n_renames: usize,
    /// The sync that was skipped, and how many effects came before.
    skipped: Option<(Effect, usize)>,
    /// From a name that was to come into being to the one that holds the file.
    pretended: HashMap<PathBuf, PathBuf>,
}

pub struct Bench {
    root: PathBuf,
    plan: Plan,
    state: Mutex<State>,
}

impl Bench {
    pub fn new(root: &Path, plan: Plan) -> Bench {
        Bench { root: root.to_owned(), plan, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic while locked")
    }

    /// Records the writer's answer.
    pub fn ack(&self, name: &str, seq: u32) {
        self.state().effects.push(Effect::Ack(name.to_owned(), seq));
    }

    /// Returns what was recorded.
    pub fn effects(&self) -> Vec<Effect> {
        self.state().effects.clone()
    }

    /// Returns what was recorded until the first answer after the sync that was skipped.
    pub fn effects_to_skip(&self) -> Vec<Effect> {
        let state = self.state();
        let skipped_at = state.skipped.as_ref().map_or(0, |(_, at)| *at);
        let (before, after) = state.effects.split_at(skipped_at);
        let is_ack = |it: &Effect| matches!(it, Effect::Ack(..));
        let n_after = after.iter().position(is_ack).map_or(after.len(), |at| at + 1);
        [before, &after[..n_after]].concat()
    }

    /// Returns the sync that was skipped.
    pub fn skipped(&self) -> Option<Effect> {
        self.state().skipped.clone().map(|(effect, _)| effect)
    }

    /// Returns how many effects, syncs and renames were asked for.
    pub fn counts(&self) -> (usize, usize, usize) {
        let state = self.state();
        (state.n_effects, state.n_syncs, state.n_renames)
    }

    fn below(&self, path: &Path) -> PathBuf {
        path.strip_prefix(&self.root).expect("effects are in the repository").to_owned()
    }

    /// Counts an effect and lets it happen unless the plan says otherwise.
    fn run<T>(
        &self,
        effect: Effect,
        torn: impl FnOnce(),
        really: impl FnOnce() -> io::Result<T>,
    ) -> io::Result<T> {
        let n = self.state().n_effects;
        self.state().n_effects += 1;
        match self.plan {
            Plan::Fail { at, errno, is_sticky } if n == at || is_sticky && n > at => {
                return Err(io::Error::from_raw_os_error(errno));
            }
            Plan::Short { at } if n == at => {
                torn();
                return Err(io::Error::from_raw_os_error(ENOSPC));
            }
            Plan::Kill { at, is_torn } if n >= at => {
                if n == at && is_torn {
                    torn();
                }
                return Err(io::Error::other("killed"));
            }
            _ => {}
        }
        let done = really()?;
        self.state().effects.push(effect);
        Ok(done)
    }

    /// Counts a sync; tells whether it is one to skip.
    fn skips_sync(&self, effect: &Effect) -> bool {
        let mut state = self.state();
        state.n_syncs += 1;
        let skips = self.plan == Plan::SkipSync(state.n_syncs - 1);
        if skips {
            state.skipped = Some((effect.clone(), state.effects.len()));
        }
        skips
    }

    /// Returns where reading finds what should be at `path`.
    fn shown(&self, path: &Path) -> PathBuf {
        let state = self.state();
        state.pretended.get(path).map_or(path.to_owned(), Clone::clone)
    }
}

pub const EIO: i32 = 5;
pub const EACCES: i32 = 13;
pub const ENOSPC: i32 = 28;

impl Medium for Bench {
    fn create_new(&self, path: &Path, bytes: &[u8], perm: Perm) -> io::Result<File> {
        let effect = Effect::Create(self.below(path), bytes.to_vec());
        let half = || drop(Disk.create_new(path, &bytes[..bytes.len() / 2], perm));
        self.run(effect, half, || Disk.create_new(path, bytes, perm))
    }

    fn append(&self, path: &Path, bytes: &[u8], perm: Perm) -> io::Result<()> {
        let effect = Effect::Append(self.below(path), bytes.to_vec());
        let half = || drop(Disk.append(path, &bytes[..bytes.len() / 2], perm));
        self.run(effect, half, || Disk.append(path, bytes, perm))
    }

    fn sync_file(&self, path: &Path, file: &File) -> io::Result<()> {
        let effect = Effect::SyncFile(self.below(path));
        if self.skips_sync(&effect) {
            return Ok(());
        }
        self.run(effect, || {}, || Disk.sync_file(path, file))
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let effect = Effect::SyncDir(self.below(path));
        if self.skips_sync(&effect) {
            return Ok(());
        }
        self.run(effect, || {}, || Disk.sync_dir(path))
    }

    fn hard_link(&self, original: &Path, link: &Path) -> io::Result<()> {
        let effect = Effect::Link(self.below(original), self.below(link));
        self.run(effect, || {}, || Disk.hard_link(original, link))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let n = self.state().n_renames;
        self.state().n_renames += 1;
        if self.plan == Plan::LieAtRenameAndReading(n) {
            let pretended = (to.to_owned(), from.to_owned());
            self.state().pretended.extend([pretended]);
            return Ok(());
        }
        if self.plan == Plan::LieAtRename(n) {
            return Ok(());
        }
        let effect = Effect::Rename(self.below(from), self.below(to));
        self.run(effect, || {}, || Disk.rename(from, to))
    }

    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        if Disk.identity(to).is_err() && Disk.identity(from).is_ok() {
            let effect = Effect::Rename(self.below(from), self.below(to));
            return self.run(effect, || {}, || Disk.rename_new(from, to));
        }
        Disk.rename_new(from, to)
    }

    fn unlink(&self, path: &Path) -> io::Result<()> {
        let effect = Effect::Unlink(self.below(path));
        self.run(effect, || {}, || Disk.unlink(path))
    }

    fn create_dir(&self, path: &Path, perm: Perm) -> io::Result<()> {
        let effect = Effect::Mkdir(self.below(path));
        self.run(effect, || {}, || Disk.create_dir(path, perm))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        Disk.read(&self.shown(path))
    }

    fn identity(&self, path: &Path) -> io::Result<Identity> {
        Disk.identity(&self.shown(path))
    }
}
