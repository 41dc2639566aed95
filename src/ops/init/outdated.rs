use std::path::PathBuf;

use super::Ground;
use super::change::read;
use super::text::{self, EVENTS};
use crate::ops::OpError;
use crate::store::Store;

/// Returns the files with hooks of ours that say something else than those that [`install`](super::install) would put
/// there now: another version of the program put them there, or somebody changed them. What cannot be read is passed over.
///
/// # Errors
/// [`OpError::Store`] where git does not say where hooks are.
pub fn outdated(store: &Store) -> Result<Vec<PathBuf>, OpError> {
    let ground = Ground::new(store)?;
    let dir = ground.hooks_dir()?.0;
    let mut found = Vec::new();
    for event in EVENTS {
        let path = dir.join(event);
        let hook = read(&path).ok().flatten().unwrap_or_default();
        if text::is_outdated_hook(&hook, event) {
            found.push(path);
        }
    }
    let path = ground.own_config();
    let own = read(&path).ok().flatten().unwrap_or_default();
    let has = |event: &&str| text::find(&own, text::section(event).as_bytes()).is_some();
    let events: Vec<&str> = EVENTS.into_iter().filter(has).collect();
    if !events.is_empty() && text::is_outdated(&own, &text::own_config("config", &events, None)) {
        found.push(path);
    }
    Ok(found)
}
