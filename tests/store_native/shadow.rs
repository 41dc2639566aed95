//! What a disk may hold after a power cut: the recorded effects, replayed in part.
//!
//! A name and a file are two things here, as on a disk: a name that is lost takes no data with it
//! that another name has. Four models say what may be missing when the power goes after the first
//! `k` effects:
//! - prefix: nothing (this is SIGKILL, or a disk in order);
//! - ext4: names come in order; those since the last sync of anything may be missing from some
//!   point on, and data that was not synced is gone (the file is empty), except that a rename over
//!   another file first writes the data;
//! - delalloc: the same without that exception;
//! - posix: every change of a name is missing, or only one is, as long as its directories were not
//!   synced after it; data that was not synced is gone.
//!
//! Source: the models of `crashmc`, a checker that does the same with traced system calls.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use super::bench::Effect;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    Prefix,
    Ext4,
    Delalloc,
    Posix,
}

pub const MODELS: [Model; 4] = [Model::Prefix, Model::Ext4, Model::Delalloc, Model::Posix];

#[derive(Clone, Debug, PartialEq, Eq)]
enum Node {
    Dir,
    File(usize),
}

/// A file system of names and files.
#[derive(Clone, Debug, Default)]
pub struct Shadow {
    names: BTreeMap<PathBuf, Node>,
    files: Vec<Vec<u8>>,
}

/// What was answered: the least seq of each session.
pub type Acks = BTreeMap<String, u32>;

/// An effect that knows its files.
#[derive(Clone, Debug)]
enum Step {
    /// Changes of names: these away, these new, and the directories that hold them.
    Names {
        away: Option<PathBuf>,
        new: Option<(PathBuf, Node)>,
        dirs: Vec<PathBuf>,
        is_over: bool,
    },
    Data(usize, Vec<u8>),
    SyncFile(usize),
    SyncDir(PathBuf),
    Ack(String, u32),
}

/// What is left out of a replay.
#[derive(Default)]
struct Lost {
    names: BTreeSet<usize>,
    data: BTreeSet<usize>,
}

impl Shadow {
    /// Reads a directory.
    pub fn load(root: &Path) -> Shadow {
        let mut shadow = Shadow::default();
        shadow.load_dir(root, Path::new(""));
        shadow
    }

    fn load_dir(&mut self, root: &Path, below: &Path) {
        for entry in fs::read_dir(root.join(below)).expect("readable") {
            let entry = entry.expect("readable");
            let path = below.join(entry.file_name());
            if entry.file_type().expect("known").is_dir() {
                self.names.insert(path.clone(), Node::Dir);
                self.load_dir(root, &path);
            } else {
                self.files.push(fs::read(entry.path()).expect("readable"));
                let file = Node::File(self.files.len() - 1);
                self.names.insert(path, file);
            }
        }
    }

    /// Returns the names that can be reached, those that fit `wanted`.
    fn reachable(&self, wanted: impl Fn(&Path) -> bool) -> impl Iterator<Item = (&PathBuf, &Node)> {
        self.names.iter().filter(move |(path, _)| {
            let mut above = path.ancestors().skip(1);
            wanted(path)
                && above.all(|dir| {
                    dir.as_os_str().is_empty() || self.names.get(dir) == Some(&Node::Dir)
                })
        })
    }

    /// Writes everything to a new directory.
    pub fn materialise(&self, root: &Path) {
        fs::create_dir(root).expect("created");
        let mut first: BTreeMap<usize, &Path> = BTreeMap::new();
        for (path, node) in self.reachable(|_| true) {
            let target = root.join(path);
            match node {
                Node::Dir => fs::create_dir(target).expect("created"),
                Node::File(id) => match first.get(id) {
                    Some(same) => fs::hard_link(root.join(same), target).expect("linked"),
                    None => {
                        fs::write(target, &self.files[*id]).expect("written");
                        first.insert(*id, path);
                    }
                },
            }
        }
    }

    /// Returns a hash of the names that fit, what they hold, and which are one file.
    pub fn digest(&self, wanted: impl Fn(&Path) -> bool) -> u64 {
        let mut hasher = DefaultHasher::new();
        let mut first: BTreeMap<usize, &Path> = BTreeMap::new();
        for (path, node) in self.reachable(wanted) {
            path.hash(&mut hasher);
            if let Node::File(id) = node {
                first.entry(*id).or_insert(path).hash(&mut hasher);
                self.files[*id].hash(&mut hasher);
            }
        }
        hasher.finish()
    }

    /// Finds out which file each effect means, by doing them all.
    fn steps(&self, effects: &[Effect]) -> (Vec<Step>, usize) {
        let mut now = self.clone();
        let mut steps = Vec::new();
        for effect in effects {
            let from = steps.len();
            match effect {
                Effect::Create(path, bytes) => {
                    now.files.push(Vec::new());
                    let file = now.files.len() - 1;
                    steps.push(names(None, Some((path, Node::File(file))), false));
                    steps.push(Step::Data(file, bytes.clone()));
                }
                Effect::Append(path, bytes) => {
                    let file = match now.names.get(path) {
                        Some(Node::File(file)) => *file,
                        _ => {
                            now.files.push(Vec::new());
                            let file = now.files.len() - 1;
                            steps.push(names(None, Some((path, Node::File(file))), false));
                            file
                        }
                    };
                    steps.push(Step::Data(file, bytes.clone()));
                }
                Effect::SyncFile(path) => steps.push(Step::SyncFile(now.file(path))),
                Effect::SyncDir(path) => steps.push(Step::SyncDir(path.clone())),
                Effect::Link(from, to) => {
                    let file = Node::File(now.file(from));
                    steps.push(names(None, Some((to, file)), false));
                }
                Effect::Rename(from, to) => {
                    let file = Node::File(now.file(from));
                    let is_over = now.names.contains_key(to);
                    steps.push(names(Some(from), Some((to, file)), is_over));
                }
                Effect::Unlink(path) => steps.push(names(Some(path), None, false)),
                Effect::Mkdir(path) => steps.push(names(None, Some((path, Node::Dir)), false)),
                Effect::Ack(name, seq) => steps.push(Step::Ack(name.clone(), *seq)),
            }
            for step in &steps[from..] {
                now.apply(step);
            }
        }
        (steps, now.files.len())
    }

    fn file(&self, path: &Path) -> usize {
        match self.names.get(path) {
            Some(Node::File(file)) => *file,
            other => panic!("{}: {other:?}", path.display()),
        }
    }

    fn apply(&mut self, step: &Step) {
        match step {
            Step::Names { away, new, .. } => {
                if let Some(path) = away {
                    self.names.remove(path);
                }
                if let Some((path, node)) = new {
                    self.names.insert(path.clone(), node.clone());
                }
            }
            Step::Data(file, bytes) => self.files[*file].extend_from_slice(bytes),
            _ => {}
        }
    }

    /// Returns the file system after `steps` without what is lost.
    fn replay(&self, steps: &[Step], n_files: usize, lost: &Lost) -> Shadow {
        let mut shadow = self.clone();
        shadow.files.resize(n_files, Vec::new());
        for (i, step) in steps.iter().enumerate() {
            let is_lost = match step {
                Step::Data(file, _) => lost.data.contains(file),
                _ => lost.names.contains(&i),
            };
            if !is_lost {
                shadow.apply(step);
            }
        }
        shadow
    }

    /// Calls `visit` with what the disk may hold, and what was answered until then; the latest
    /// moments first.
    pub fn crash(&self, effects: &[Effect], model: Model, mut visit: impl FnMut(Shadow, &Acks)) {
        let (steps, n_files) = self.steps(effects);
        for k in (0..=steps.len()).rev() {
            let done = &steps[..k];
            let moment = Moment::of(done, model);
            let mut show = |j: usize, lost: Lost| {
                visit(self.replay(&steps[..j], n_files, &lost), &moment.acks);
            };
            show(k, Lost::default());
            match model {
                Model::Prefix => {}
                Model::Ext4 | Model::Delalloc => show(moment.last_sync, Lost::default()),
                Model::Posix => {
                    let all = moment.unsynced_names.clone();
                    show(k, Lost { names: all, ..Lost::default() });
                    for i in &moment.unsynced_names {
                        let names = [*i].into();
                        show(k, Lost { names, ..Lost::default() });
                    }
                }
            }
            if model != Model::Prefix {
                let all = moment.dirty.clone();
                show(k, Lost { data: all, ..Lost::default() });
                for file in &moment.dirty {
                    let data = [*file].into();
                    show(k, Lost { data, ..Lost::default() });
                }
            }
        }
    }
}

fn names(away: Option<&Path>, new: Option<(&PathBuf, Node)>, is_over: bool) -> Step {
    let new = new.map(|(path, node)| (path.clone(), node));
    let paths = away.into_iter().chain(new.as_ref().map(|(path, _)| path.as_path()));
    let dirs = paths.map(|path| path.parent().unwrap_or(path).to_owned());
    Step::Names { dirs: dirs.collect(), away: away.map(Path::to_owned), new, is_over }
}

/// What is not durable after some steps.
#[derive(Default)]
struct Moment {
    acks: Acks,
    dirty: BTreeSet<usize>,
    unsynced_names: BTreeSet<usize>,
    last_sync: usize,
}

impl Moment {
    fn of(steps: &[Step], model: Model) -> Moment {
        let mut moment = Moment::default();
        let mut synced: BTreeMap<&Path, usize> = BTreeMap::new();
        for (i, step) in steps.iter().enumerate() {
            match step {
                Step::Data(file, _) => {
                    moment.dirty.insert(*file);
                }
                Step::SyncFile(file) => {
                    moment.dirty.remove(file);
                    moment.last_sync = i + 1;
                }
                Step::SyncDir(dir) => {
                    synced.insert(dir, i);
                    moment.last_sync = i + 1;
                }
                Step::Names { is_over: true, new: Some((_, Node::File(file))), .. }
                    if model == Model::Ext4 =>
                {
                    moment.dirty.remove(file);
                }
                Step::Names { .. } => {}
                Step::Ack(name, seq) => {
                    moment.acks.insert(name.clone(), *seq);
                }
            }
        }
        for (i, step) in steps.iter().enumerate() {
            if let Step::Names { dirs, .. } = step {
                let is_synced = |dir: &PathBuf| synced.get(dir.as_path()).is_some_and(|at| *at > i);
                if !dirs.iter().all(is_synced) {
                    moment.unsynced_names.insert(i);
                }
            }
        }
        moment
    }
}
