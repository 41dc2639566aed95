//! The hook `commit-msg`, which is there only while somebody writes a message in an editor: git runs it for each
//! commit, and a message that nobody edits has been seen before.
//!
//! Whoever puts it there or takes it away holds the lock of the directory.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::change::read;
use super::{Ground, HOOK_OF_MESSAGES, can_follow, record_file, text};
use crate::format::installed;
use crate::store::Store;
use crate::worker::{Followers, Here, Seen, look};

/// What is noted of a git that opens an editor, for who follows it.
pub const EDITOR: &str = "editor";

/// Tells whether the hook is put there only while an editor is open: where git looks for hooks by itself, in a directory
/// that is there, and nobody else looks after that hook, or the one before it if that is a file, too.
pub(super) fn is_put_when_needed(ground: &Ground<'_>, hooks: &str) -> bool {
    let dir = ground.store.common_dir().join("hooks");
    let is_ours_or_none = |event| match read(&dir.join(event)) {
        Ok(Some(hook)) => text::cut(&hook).is_some_and(|rest| text::is_nothing(&rest)),
        Ok(None) => fs::symlink_metadata(dir.join(event)).is_err(),
        Err(_) => false,
    };
    let is_place_ours = match hooks {
        "config" => dir.is_dir(),
        _ => is_ours_or_none(text::EVENTS[0]),
    };
    let is_free = ground.store.settings().hooks_path.is_none() && can_follow();
    is_place_ours && is_free && is_ours_or_none(HOOK_OF_MESSAGES)
}

/// Tells whether git opens an editor in a work tree of this repository just now, as far as somebody follows it.
pub fn is_editing(store: &Store) -> bool {
    let here = Here::read();
    let dirs = store.running_dirs().into_iter().map(|dir| dir.join("following"));
    let mut all = dirs.flat_map(|dir| Followers::of(dir).read(&here));
    all.any(|it| {
        it.notes.iter().any(|note| note == EDITOR) && look(&here, &it.followed) == Seen::Running
    })
}

/// Puts the hook into git's own directory of hooks, if `init` has left it to us and none is there.
///
/// # Errors
/// What the system says.
pub fn put_hook(store: &Store) -> io::Result<()> {
    let Some((dir, text)) = hook(store) else { return Ok(()) };
    let _lock = lock(&dir)?;
    let path = dir.join(HOOK_OF_MESSAGES);
    if fs::symlink_metadata(&path).is_ok() {
        return Ok(());
    }
    let draft = dir.join(format!(".{HOOK_OF_MESSAGES}.git-session"));
    // What a crash left.
    let _ = fs::remove_file(&draft);
    let write = || {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o777).open(&draft)?.write_all(&text)?;
        // Whatever somebody else has put there meanwhile stays. Not every file system knows links.
        match fs::hard_link(&draft, &path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => fs::rename(&draft, &path),
            _ => Ok(()),
        }
    };
    let written = write();
    let _ = fs::remove_file(&draft);
    written
}

/// Takes the hook away, unless it is needed, was put there by `init`, or is not ours to the byte.
///
/// # Errors
/// What the system says.
pub fn remove_hook(store: &Store) -> io::Result<()> {
    let is_file = |path: &Path| fs::symlink_metadata(path).is_ok_and(|it| it.is_file());
    let Some((dir, text)) = hook(store) else { return Ok(()) };
    let path = dir.join(HOOK_OF_MESSAGES);
    if !is_file(&path) {
        return Ok(());
    }
    let _lock = lock(&dir)?;
    if is_file(&path) && fs::read(&path)? == text && !is_installed(store) && !is_editing(store) {
        fs::remove_file(&path)?;
    }
    Ok(())
}

/// Returns where git looks for its hooks and what this one says, if the one that prepares messages is there, a file that
/// is ours alone or in the configuration.
fn hook(store: &Store) -> Option<(PathBuf, Vec<u8>)> {
    let dir = store.common_dir().join("hooks");
    let of_first = |path, of: fn(&[u8], &str, &str) -> Option<Vec<u8>>| {
        of(&fs::read(path).ok()?, text::EVENTS[0], HOOK_OF_MESSAGES)
    };
    let of_file = of_first(dir.join(text::EVENTS[0]), text::of_other_event);
    let own_config = store.common_dir().join("session/config");
    let text = of_file.or_else(|| of_first(own_config, text::of_config))?;
    store.settings().hooks_path.is_none().then_some((dir, text))
}

/// Tells whether the hook is there for good, or nobody knows.
fn is_installed(store: &Store) -> bool {
    let known = fs::read(record_file(store)).ok().and_then(|text| installed::parse(&text));
    known.is_none_or(|it| it.file(&format!("hooks/{HOOK_OF_MESSAGES}")).is_some())
}

fn lock(dir: &Path) -> io::Result<File> {
    let file = File::open(dir)?;
    file.lock()?;
    Ok(file)
}
