//! Letting git tell us what happens in a repository, and taking that back to the byte.
//!
//! [`install`] and [`undo`] find all changes first; [`Plan::apply`] makes all of them or none.

mod change;
mod editing;
mod keeper;
mod outdated;
mod text;
mod undo;
mod users;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

pub use change::Change;
pub use editing::{EDITOR, put_hook, remove_hook};
pub use keeper::Keeper;
pub use outdated::outdated;
pub use undo::undo;

use crate::format::installed::{self, Installed, InstalledFile};
use crate::ops::OpError;
use crate::store::{ConfigLock, Store, StoreError};
use crate::worker::can_follow;

use change::{apply, missing_directories, read, remove_directories};
pub use text::EVENTS;

/// The hook that sees a message when it is written.
const HOOK_OF_MESSAGES: &str = "commit-msg";
/// The first version of git that runs hooks of its configuration. Source: git-hook(1).
const CONFIG_HOOKS: (u32, u32) = (2, 54);

/// How hooks are to be installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hooks {
    /// In the configuration if git runs hooks from there, else as files.
    Auto,
    /// In the configuration.
    Config,
    /// As files where git looks for hooks.
    Files,
    /// Not at all.
    None,
}

/// A file for the user, beside the repository.
#[derive(Debug)]
pub struct Comfort {
    /// Where it goes.
    pub path: PathBuf,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// What is to be installed.
#[derive(Debug)]
pub struct Request {
    /// How hooks are.
    pub hooks: Hooks,
    /// Where this program is, for hooks that do not find it on their `PATH`.
    pub program: Option<String>,
    /// The manual page and the completions.
    pub comforts: Vec<Comfort>,
    /// Where data of the user's is kept; `None` without a home directory.
    pub data: Option<PathBuf>,
}

/// Hooks that somebody else looks after, and that are as they were.
#[derive(Debug, PartialEq, Eq)]
pub struct Left {
    /// Who looks after them.
    pub keeper: Keeper,
    /// Where they are.
    pub dir: PathBuf,
    /// The events that do not reach us.
    pub events: Vec<&'static str>,
    /// What to put where so that they do.
    pub snippet: String,
}

/// All that is to be done, and not done yet.
#[derive(Debug, Default)]
pub struct Plan {
    /// The changes of files, in order; some change nothing.
    pub changes: Vec<Change>,
    /// How hooks are installed then: `config`, `files`, `none`.
    pub hooks: &'static str,
    /// The version of git.
    pub git: String,
    /// Hooks that are left to others.
    pub left: Vec<Left>,
    /// What there is to know beside.
    pub notes: Vec<String>,
    directories: Vec<PathBuf>,
    /// Directories of the user's that were made for another repository and are used by this one, too.
    shared_directories: Vec<String>,
}

impl Plan {
    /// Tells whether there is anything to do.
    pub fn is_new(&self) -> bool {
        self.changes.iter().any(Change::is_new)
    }

    /// Does it: all, or nothing. What is optional and cannot be done is noted.
    ///
    /// # Errors
    /// [`StoreError::Io`]; then nothing is changed.
    pub fn apply(&mut self, lock: ConfigLock) -> Result<(), OpError> {
        let faults = apply(&self.changes, lock)?;
        self.notes.extend(faults.iter().map(ToString::to_string));
        remove_directories(&self.directories);
        Ok(())
    }
}

/// Returns the file that says what was installed.
fn record_file(store: &Store) -> PathBuf {
    store.local_dir().join("installed")
}

/// What is known of a repository before anything is planned.
struct Ground<'a> {
    store: &'a Store,
    /// The file of the configuration, behind any link.
    config: PathBuf,
    installed: Installed,
}

impl Ground<'_> {
    fn new(store: &Store) -> Result<Ground<'_>, OpError> {
        let named = store.common_dir().join("config");
        let config = fs::canonicalize(&named).unwrap_or(named);
        let text = read(&record_file(store))?;
        let installed = text.and_then(|text| installed::parse(&text)).unwrap_or_default();
        Ok(Ground { store, config, installed })
    }

    fn record(&self) -> PathBuf {
        record_file(self.store)
    }

    fn own_config(&self) -> PathBuf {
        self.store.local_dir().join("config")
    }

    /// Returns a path as the record has it.
    fn key(&self, path: &Path) -> Result<String, OpError> {
        let short = path.strip_prefix(self.store.common_dir()).unwrap_or(path);
        let odd = || StoreError::Unsupported(format!("'{}' is not UTF-8", path.display()));
        Ok(short.to_str().ok_or_else(odd)?.to_owned())
    }

    fn entry(&self, path: &Path) -> Option<&InstalledFile> {
        self.installed.file(&self.key(path).ok()?)
    }

    /// Returns where git looks for hooks, and whether that is a place of this repository alone.
    fn hooks_dir(&self) -> Result<(PathBuf, bool), OpError> {
        let dir = self.store.hooks_dir()?;
        let real: Option<PathBuf> = dir.ancestors().find_map(|above| {
            let rest = dir.strip_prefix(above).ok()?;
            Some(fs::canonicalize(above).ok()?.components().chain(rest.components()).collect())
        });
        let dir = real.unwrap_or(dir);
        let is_own = dir.starts_with(self.store.common_dir());
        Ok((dir, is_own))
    }
}

/// Finds what is to be done so that git tells us what happens. What was installed before is brought up to
/// date.
///
/// # Errors
/// [`StoreError::Unsupported`] for hooks in the configuration of a git that runs none;
/// [`StoreError::Io`] for what cannot be read.
pub fn install(store: &Store, request: &Request) -> Result<Plan, OpError> {
    let ground = Ground::new(store)?;
    let mut plan = Plan { git: store.git_version()?, ..Plan::default() };
    let (dir, is_own) = ground.hooks_dir()?;
    plan.hooks = choose(request.hooks, &plan.git)?;
    if dir == Path::new("/dev/null") && plan.hooks != "none" {
        plan.notes.push("hooks are switched off by core.hooksPath; none were installed".to_owned());
        plan.hooks = "none";
    }
    let path = ground.own_config();
    let is_put_when_needed = editing::is_put_when_needed(&ground, plan.hooks);
    let is_left_out = |event: &str| is_put_when_needed && event == HOOK_OF_MESSAGES;
    let is_meant = |event: &&str| is_wanted(event, &[]) && !is_left_out(event);
    let events: Vec<&str> = EVENTS.into_iter().filter(is_meant).collect();
    let own = text::own_config(plan.hooks, &events, request.program.as_deref());
    let before = read(&path)?;
    let after = text::put(&without_block(before.as_deref()), &own);
    plan.changes.push(Change::new(path, before, Some(after)));
    if is_own {
        files(&mut plan, &ground, &dir, request, &is_left_out)?;
    } else if plan.hooks == "files" {
        let keeper = if dir.ends_with(".husky") || dir.ends_with(".husky/_") {
            Keeper::Husky
        } else {
            Keeper::HooksPath
        };
        plan.left.push(left(keeper, &dir, EVENTS.to_vec()));
    }
    comforts(&mut plan, &ground, request)?;
    let before = read(&ground.config)?;
    let after = text::include(before.as_deref().unwrap_or_default()).or_else(|| before.clone());
    plan.changes.push(Change::new(ground.config.clone(), before, after));
    record(&mut plan, &ground)?;
    Ok(plan)
}

fn choose(wanted: Hooks, git: &str) -> Result<&'static str, OpError> {
    let mut numbers = git.split('.').map(|part| part.parse::<u32>().unwrap_or_default());
    let version = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
    let has_config_hooks = version >= CONFIG_HOOKS;
    match wanted {
        Hooks::Config if !has_config_hooks => {
            let text = format!("git {git} runs no hooks of its configuration (2.54 does)");
            Err(StoreError::Unsupported(text).into())
        }
        Hooks::Config => Ok("config"),
        Hooks::Auto if has_config_hooks => Ok("config"),
        Hooks::Auto | Hooks::Files => Ok("files"),
        Hooks::None => Ok("none"),
    }
}

fn without_block(text: Option<&[u8]>) -> Vec<u8> {
    let text = text.unwrap_or_default();
    text::cut(text).unwrap_or_else(|| text.to_vec())
}

/// Tells whether git must call us for an event, where others look after the hooks of `theirs`. Whoever prepares a
/// message stays to see what git makes of it, so nobody need tell.
fn is_wanted(event: &str, theirs: &[(Keeper, &str)]) -> bool {
    let is_followed = || !theirs.iter().any(|(_, it)| *it == "prepare-commit-msg");
    event != "post-commit" || !is_followed() || !can_follow()
}

/// Plans the hooks that are files: each that is wanted has our part, or none has.
fn files(
    plan: &mut Plan,
    ground: &Ground<'_>,
    dir: &Path,
    request: &Request,
    is_left_out: &dyn Fn(&str) -> bool,
) -> Result<(), OpError> {
    let program = request.program.as_deref();
    let mut theirs: Vec<(Keeper, &'static str)> = Vec::new();
    for event in EVENTS {
        let path = dir.join(event);
        let is_left_out = is_left_out(event);
        if is_left_out && plan.hooks != "none" && editing::is_editing(ground.store) {
            continue;
        }
        let is_file = plan.hooks == "files" && is_wanted(event, &theirs) && !is_left_out;
        // A hook behind a link, or one that is switched off, is not ours to change.
        let meta = fs::symlink_metadata(&path).ok();
        if meta.as_ref().is_some_and(|it| !it.is_file()) {
            if !is_wanted(event, &theirs) {
                continue;
            }
            theirs.push((keeper_of_link(&path), event));
            continue;
        }
        let before = read(&path)?;
        let rest = before.as_deref().and_then(text::cut);
        let after = match (&before, &rest) {
            (Some(_), Some(rest)) if !is_file => (!text::is_nothing(rest)).then(|| rest.clone()),
            (_, _) if !is_file => continue,
            (None, _) => Some(text::hook(event, program).into_bytes()),
            (Some(_), Some(rest)) => Some(text::put_hook(rest, event, program)),
            (Some(hook), None) => match Keeper::of(hook) {
                None if meta.is_some_and(|it| is_executable(&it)) => {
                    Some(text::put_hook(hook, event, program))
                }
                keeper => {
                    theirs.push((keeper.unwrap_or(Keeper::Somebody), event));
                    continue;
                }
            },
        };
        plan.changes.push(Change { mode: 0o777, ..Change::new(path, before, after) });
    }
    if plan.hooks == "files" {
        let mut keepers: Vec<Keeper> = theirs.iter().map(|(keeper, _)| *keeper).collect();
        keepers.dedup();
        for (idx, keeper) in keepers.iter().enumerate() {
            if !keepers[..idx].contains(keeper) {
                let events = theirs.iter().filter(|(it, _)| it == keeper).map(|(_, event)| *event);
                plan.left.push(left(*keeper, dir, events.collect()));
            }
        }
    }
    Ok(())
}

fn keeper_of_link(path: &Path) -> Keeper {
    let hook = read(path).ok().flatten().unwrap_or_default();
    Keeper::of(&hook).unwrap_or(Keeper::Somebody)
}

fn is_executable(meta: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    meta.permissions().mode() & 0o111 != 0
}

fn left(keeper: Keeper, dir: &Path, events: Vec<&'static str>) -> Left {
    let snippet = keeper.snippet(&dir.to_string_lossy(), &events);
    Left { keeper, dir: dir.to_owned(), events, snippet }
}

/// Plans the files for the user, and the one that says that this repository uses them. One that is there and not
/// ours is as good.
fn comforts(plan: &mut Plan, ground: &Ground<'_>, request: &Request) -> Result<(), OpError> {
    let Some(data) = &request.data else { return Ok(()) };
    let (own, text) = users::file(ground.store, data)?;
    let others = users::others(&own);
    let mut changes = Vec::new();
    for comfort in &request.comforts {
        let before = match read(&comfort.path) {
            Ok(before) => before,
            Err(error) => {
                plan.notes.push(error.to_string());
                continue;
            }
        };
        let is_shared = before.as_ref() == Some(&comfort.bytes)
            && others.have_made(&ground.key(&comfort.path)?);
        let is_ours = match (&before, ground.entry(&comfort.path)) {
            (None, _) => true,
            (Some(found), Some(entry)) => ground.store.blob_name(found)? == entry.after,
            (Some(_), None) => is_shared,
        };
        if is_ours {
            let change = Change::new(comfort.path.clone(), before, Some(comfort.bytes.clone()));
            changes.push(Change { is_optional: true, is_shared, ..change });
        }
    }
    if changes.is_empty() {
        return Ok(());
    }
    let before = read(&own)?;
    plan.changes.push(Change { is_optional: true, ..Change::new(own, before, Some(text)) });
    plan.changes.extend(changes);
    let theirs = others.installed.into_iter().flat_map(|it| it.directories);
    plan.shared_directories = theirs.filter(|dir| Path::new(dir).is_absolute()).collect();
    Ok(())
}

/// Plans what is remembered: written first, so that whatever is written after it can be undone.
fn record(plan: &mut Plan, ground: &Ground<'_>) -> Result<(), OpError> {
    let path = ground.record();
    let mut all = Installed::default();
    let mut made: BTreeSet<PathBuf> = missing_directories(&path).into_iter().collect();
    for change in plan.changes.iter().filter(|it| it.after.is_some()) {
        let Some(after) = &change.after else { continue };
        let before = match (ground.entry(&change.path), &change.before) {
            (Some(entry), _) => entry.before,
            (None, Some(_)) if change.is_shared => None,
            (None, Some(before)) => former(ground, before)?,
            (None, None) => None,
        };
        let after = ground.store.blob_name(after)?;
        all.files.push(InstalledFile { path: ground.key(&change.path)?, before, after });
        made.extend(missing_directories(&change.path));
    }
    all.directories.clone_from(&ground.installed.directories);
    let made = made.iter().map(|dir| ground.key(dir)).collect::<Result<Vec<String>, OpError>>()?;
    for key in std::mem::take(&mut plan.shared_directories).into_iter().chain(made) {
        if !all.directories.contains(&key) {
            all.directories.push(key);
        }
    }
    let before = read(&path)?;
    let after = Some(installed::to_bytes(&all));
    plan.changes.insert(0, Change::new(path, before, after));
    Ok(())
}

/// Returns what a file was without our part, if somebody took our record away.
fn former(ground: &Ground<'_>, text: &[u8]) -> Result<Option<crate::model::Oid>, OpError> {
    let rest = without_block(Some(text));
    let is_ours = rest != text && text::is_nothing(&rest);
    Ok(if is_ours { None } else { Some(ground.store.blob_name(&rest)?) })
}
