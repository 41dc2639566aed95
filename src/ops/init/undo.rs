use std::fs;
use std::path::{Path, PathBuf};

use super::change::read;
use super::{Change, Ground, Plan, text, users};
use crate::ops::OpError;
use crate::store::Store;

/// Finds what is to be done so that everything is as it was before [`super::install`]. Where others changed
/// a file since, only our part goes, and that is noted.
///
/// # Errors
/// [`crate::store::StoreError::Io`] for what cannot be read.
pub fn undo(store: &Store) -> Result<Plan, OpError> {
    let ground = Ground::new(store)?;
    let mut plan = Plan { git: store.git_version()?, hooks: "none", ..Plan::default() };
    let remembered = || ground.installed.files.iter().map(|it| Path::new(&it.path));
    let others = remembered().find(|path| users::is_file_of_one(path)).map(users::others);
    let others = others.unwrap_or_default();
    for path in paths(&ground)? {
        if others.have_made(&ground.key(&path)?) {
            // It goes with the last one who uses it.
            continue;
        }
        let found = read(&path)?;
        let Some(found) = found else { continue };
        if let Some(change) = take_out(&ground, &mut plan.notes, path, found)? {
            plan.changes.push(change);
        }
    }
    plan.changes.extend(others.gone.into_iter().map(|(path, text)| {
        let change = Change::new(path, Some(text), None);
        Change { is_optional: true, ..change }
    }));
    let path = ground.record();
    let before = read(&path)?;
    plan.changes.push(Change::new(path, before, None));
    let directories = ground.installed.directories.iter();
    plan.directories = directories.map(|dir| store.common_dir().join(dir)).collect();
    Ok(plan)
}

/// Returns the files that may have a part of ours: the configuration first, so that git asks for nothing
/// that is gone; then those that are remembered; then hooks that somebody moved or restored.
fn paths(ground: &Ground<'_>) -> Result<Vec<PathBuf>, OpError> {
    let mut all = vec![ground.config.clone()];
    let remembered = ground.installed.files.iter();
    all.extend(remembered.map(|it| ground.store.common_dir().join(&it.path)));
    all.push(ground.own_config());
    let (dir, is_own) = ground.hooks_dir()?;
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let files = entries.filter(|it| is_own && it.file_type().is_ok_and(|kind| kind.is_file()));
    let mut hooks: Vec<PathBuf> = files.map(|it| it.path()).collect();
    hooks.sort();
    for hook in hooks {
        if has_part(&hook) {
            all.push(hook);
        }
    }
    let mut seen = std::collections::HashSet::new();
    all.retain(|path| seen.insert(path.clone()));
    Ok(all)
}

fn has_part(hook: &Path) -> bool {
    read(hook).ok().flatten().is_some_and(|text| text::cut(&text).is_some())
}

/// Takes our part out of a file; `None` if it has none any more.
fn take_out(
    ground: &Ground<'_>,
    notes: &mut Vec<String>,
    path: PathBuf,
    found: Vec<u8>,
) -> Result<Option<Change>, OpError> {
    let name = |bytes: &[u8]| ground.store.blob_name(bytes);
    let entry = ground.entry(&path);
    let made = entry.is_some_and(|it| it.before.is_none());
    if let Some(entry) = entry.filter(|_| made)
        && name(&found)? == entry.after
    {
        return Ok(Some(Change::new(path, Some(found), None)));
    }
    let mut rests: Vec<Vec<u8>> = if path == ground.config {
        text::without_include(&found).map_or_else(Vec::new, Vec::from)
    } else {
        text::cut(&found).into_iter().collect()
    };
    if rests.is_empty() {
        if made {
            notes.push(format!("'{}' was changed since, and is left", path.display()));
        }
        return Ok(None);
    }
    let before = entry.and_then(|it| it.before);
    for idx in 0..rests.len() {
        if Some(name(&rests[idx])?) == before {
            let rest = rests.swap_remove(idx);
            return Ok(Some(Change::new(path, Some(found), Some(rest))));
        }
    }
    let rest = rests.swap_remove(0);
    if before.is_none() && text::is_nothing(&rest) {
        return Ok(Some(Change::new(path, Some(found), None)));
    }
    if entry.is_some() {
        let path = path.display();
        notes.push(format!("'{path}' was changed since; only what \"init\" wrote was taken out"));
    }
    Ok(Some(Change::new(path, Some(found), Some(rest))))
}
