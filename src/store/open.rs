use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::SystemTime;

use gix::bstr::{BString, ByteSlice};
use gix::sec::Trust;
use gix::sec::trust::{DefaultForLevel, Mapping};

use super::archive::Shelf;
use super::config::{self, Settings};
use super::error::reasons;
use super::objects::Opened;
use super::packs::Packs;
use super::seal::Key;
use super::writing::Tokens;
use super::{StoreError, hook};
use crate::model::HashKind;

/// How to find the repository.
#[derive(Debug, Clone)]
pub struct OpenRequest {
    /// The directory to start from.
    pub dir: PathBuf,
    /// Whether `dir` alone says which repository it is, and not the environment.
    pub ignores_environment: bool,
    /// `key=value` settings from the command line (`git -c`), strongest.
    pub config: Vec<String>,
    /// The top of the work tree where only the git directory was named (`GIT_DIR` without
    /// `GIT_WORK_TREE`), unless the repository is bare or says where its work tree is.
    pub work_dir: Option<PathBuf>,
    /// Why refs and objects must not be written in this environment, if so.
    pub read_only: Option<String>,
    /// A text that no other process has, such as a random UUID.
    pub token: String,
    /// Returns bytes that nobody can guess, others with each call.
    pub new_key: fn() -> [u8; 32],
    /// When the process began, for judging how old a lock is.
    pub started_at: SystemTime,
}

/// A repository, opened once per process.
pub struct Store {
    request: OpenRequest,
    pub(super) repo: gix::Repository,
    pub(super) opened: Opened,
    pub(super) packs: Packs,
    /// What was last read of the archive's table.
    pub(super) shelf: RefCell<Option<Rc<Shelf>>>,
    pub(super) common_dir: PathBuf,
    pub(super) git_dir: PathBuf,
    work_dir: Option<PathBuf>,
    pub(super) refs: RefFormat,
    pub(super) writes_by_git: bool,
    pub(super) settings: Settings,
    pub(super) tokens: Tokens,
    pub(super) new_key: fn() -> Key,
    /// This clone's own key, once it was read.
    pub(super) key: Cell<Option<Key>>,
    /// Whether a write has left packs to be melted.
    pub(super) is_roll_due: Cell<bool>,
    read_only: Option<String>,
}

/// Who keeps the refs, and so who reads them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RefFormat {
    /// Files, which gix reads.
    Files,
    /// Anything else: `git` reads them.
    Git,
}

impl Store {
    /// Opens the repository that git would choose, and refuses the ones that git refuses.
    ///
    /// # Errors
    /// [`StoreError::NotARepository`], [`StoreError::Unsafe`], [`StoreError::Unsupported`],
    /// [`StoreError::Config`], [`StoreError::NoSuchDirectory`].
    #[tracing::instrument(skip_all)]
    pub fn open(request: &OpenRequest) -> Result<Store, StoreError> {
        if !request.dir.is_dir() {
            return Err(StoreError::NoSuchDirectory(request.dir.clone()));
        }
        let mut repo = discover(request)?;
        // Sessions are in no namespace, for readers as for writers.
        repo.clear_namespace();
        let refs = check_extensions(&repo)?;
        let common_dir = real_path(repo.common_dir())?;
        let git_dir = match repo.git_dir() {
            dir if dir == repo.common_dir() => common_dir.clone(),
            dir => real_path(dir)?,
        };
        let settings = Settings::read(&repo)?;
        let work_dir = work_dir(&repo, request);
        let top = work_dir.as_deref().unwrap_or(&git_dir);
        // A hook that wants to see each update of a ref is asked by git.
        let watches_refs = hook::has_hook(&common_dir, top, &settings, "reference-transaction");
        let writes_by_git = refs == RefFormat::Git || watches_refs;
        let read_only = request.read_only.clone();
        let tokens = Tokens::new(request.token.clone(), request.started_at);
        Ok(Store {
            request: request.clone(),
            packs: Packs::of(&repo),
            repo,
            opened: Opened::default(),
            shelf: RefCell::default(),
            work_dir,
            common_dir,
            git_dir,
            refs,
            writes_by_git,
            settings,
            tokens,
            new_key: request.new_key,
            key: Cell::new(None),
            is_roll_due: Cell::new(false),
            read_only,
        })
    }

    /// Returns how the repository was found, for another thread to open it, too.
    pub fn request(&self) -> &OpenRequest {
        &self.request
    }

    /// Returns the hash kind of the repository.
    pub fn hash_kind(&self) -> HashKind {
        match self.repo.object_hash() {
            gix::hash::Kind::Sha256 => HashKind::Sha256,
            _ => HashKind::Sha1,
        }
    }

    /// Returns the directory that all work trees share: `.git` of the main one.
    pub fn common_dir(&self) -> &Path {
        &self.common_dir
    }

    /// Returns the directory of our own local files, which hold no truth.
    pub fn local_dir(&self) -> PathBuf {
        self.common_dir.join("session")
    }

    /// Returns the file that tells up to where HEAD's log of this work tree was looked at.
    pub fn seen_file(&self) -> PathBuf {
        self.git_dir.join("session/seen")
    }

    /// Returns the file that keeps the template of the message that is being written in this work tree.
    pub fn template_file(&self) -> PathBuf {
        self.git_dir.join("session/template")
    }

    /// Returns the directory of the note that tells what the next message gets in this work tree.
    pub fn answers_dir(&self) -> PathBuf {
        self.git_dir.join("session/answers")
    }

    /// Returns the directories of what runs here, one for each work tree: each may have files `running` and `starting`,
    /// which name hooks that git did not wait for, and a directory `following` as [`Store::following_dir`].
    pub fn running_dirs(&self) -> Vec<PathBuf> {
        let linked = std::fs::read_dir(self.common_dir.join("worktrees")).into_iter().flatten();
        let linked = linked.flatten().map(|entry| entry.path());
        let dirs = std::iter::once(self.common_dir.clone()).chain(linked);
        dirs.map(|dir| dir.join("session")).collect()
    }

    /// Returns the directory that tells who waits in this work tree for what a git that runs will have done.
    pub fn following_dir(&self) -> PathBuf {
        self.git_dir.join("session/following")
    }

    /// Returns the file that tells which session each branch was left with in this work tree.
    pub fn branches_file(&self) -> PathBuf {
        self.git_dir.join("session/branches")
    }

    /// Returns the top of the work tree, or the repository's directory if it is bare.
    pub fn root(&self) -> PathBuf {
        let root = self.work_dir().unwrap_or(&self.git_dir);
        gix::path::realpath(root).unwrap_or_else(|_| root.to_owned())
    }

    /// Returns the top of the work tree; `None` if the repository is bare.
    pub fn work_dir(&self) -> Option<&Path> {
        self.work_dir.as_deref()
    }

    /// Returns the settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Fails where nothing must be written.
    pub(super) fn check_writable(&self) -> Result<(), StoreError> {
        match &self.read_only {
            None => Ok(()),
            Some(reason) => Err(StoreError::Unsupported(reason.clone())),
        }
    }
}

/// What gix opens with the repository is never read: `objects` opens them when they are needed.
const NO_SLOTS: gix::odb::store::init::Slots = gix::odb::store::init::Slots::Given(0);

fn discover(request: &OpenRequest) -> Result<gix::Repository, StoreError> {
    let overrides: Vec<BString> = request
        .config
        .iter()
        .map(|setting| BString::from(setting.as_str()))
        .chain([BString::from("core.useReplaceRefs=false")])
        .collect();
    let options = |level: Trust| {
        gix::open::Options::default_for_level(level)
            .object_store_slots(NO_SLOTS)
            .bail_if_untrusted(true)
            .cli_overrides(overrides.iter().cloned())
    };
    let by_trust = Mapping { full: options(Trust::Full), reduced: options(Trust::Reduced) };
    let upwards =
        gix::discover::upwards::Options { match_ceiling_dir_or_error: false, ..Default::default() };
    let discover = match request.ignores_environment {
        true => gix::ThreadSafeRepository::discover_opts,
        false => gix::ThreadSafeRepository::discover_with_environment_overrides_opts,
    };
    let found = discover(&request.dir, upwards, by_trust);
    found.map(Into::into).map_err(|error| classify(&error, &request.dir))
}

/// Returns the top of the work tree as git has it.
fn work_dir(repo: &gix::Repository, request: &OpenRequest) -> Option<PathBuf> {
    let config = repo.config_snapshot();
    let is_told = config.string("core.worktree").is_some();
    match &request.work_dir {
        Some(_) if config.boolean("core.bare") == Some(true) => None,
        Some(dir) if !is_told => Some(dir.clone()),
        _ => repo.workdir().map(Path::to_owned),
    }
}

fn classify(error: &gix::Error, dir: &Path) -> StoreError {
    let reason = reasons(error);
    if error.downcast_any_ref::<gix::discover::upwards::Error>().is_some() {
        return StoreError::NotARepository;
    }
    if reason.contains("considered unsafe") {
        return StoreError::Unsafe(dir.to_owned());
    }
    match error.dominant_class() {
        Some(gix::error::Class::Unsupported) => StoreError::Unsupported(reason),
        Some(gix::error::Class::NotFound) => StoreError::NotARepository,
        Some(gix::error::Class::Validation) => StoreError::Config(reason),
        _ => StoreError::Io { doing: "cannot open the repository".into(), reason },
    }
}

/// Refuses what git refuses: gix opens repositories with extensions that it does not know.
///
/// Source: gitrepository-layout(5), "repositoryformatversion".
fn check_extensions(repo: &gix::Repository) -> Result<RefFormat, StoreError> {
    let snapshot = repo.config_snapshot();
    let version = snapshot.integer("core.repositoryformatversion").unwrap_or(0);
    if version > 1 {
        let text = format!("expected git repo version <= 1, found {version}");
        return Err(StoreError::Unsupported(text));
    }
    let mut refs = RefFormat::Files;
    for (name, value) in config::section(&snapshot, "extensions") {
        match (name.as_str(), value.as_str()) {
            ("refstorage", "files") => {}
            ("refstorage", "reftable") => refs = RefFormat::Git,
            ("refstorage", other) => {
                let text = format!("unknown ref storage format '{other}'");
                return Err(StoreError::Unsupported(text));
            }
            (name, _) if KNOWN_EXTENSIONS.contains(&name) => {}
            (name, _) if version == 1 => {
                let text = format!("unknown repository extension found: {name}");
                return Err(StoreError::Unsupported(text));
            }
            _ => {}
        }
    }
    Ok(refs)
}

/// The extensions that change nothing for us, or that gix handles.
const KNOWN_EXTENSIONS: [&str; 8] = [
    "noop",
    "noop-v1",
    "objectformat",
    "compatobjectformat",
    "partialclone",
    "preciousobjects",
    "worktreeconfig",
    "relativeworktrees",
];

fn real_path(path: &Path) -> Result<PathBuf, StoreError> {
    gix::path::realpath(path).map_err(|error| StoreError::Io {
        doing: format!("cannot resolve '{}'", path.display()),
        reason: error.to_string(),
    })
}

/// Returns `bytes` as text, with what is not UTF-8 replaced: for showing only.
pub(super) fn lossy(bytes: &[u8]) -> String {
    bytes.to_str_lossy().into_owned()
}
