use std::fs;

use crate::format::trailer;
use crate::ops::claims::TRAILER;
use crate::ops::git_hook::squashed::squashed;
use crate::ops::git_hook::working::working;
use crate::ops::{Context, OpError};
use crate::store::Store;

/// Returns a message that git has prepared with the trailer of the session that is worked on; `None` if it is
/// to stay as it is. `source` is what git says about where it comes from.
///
/// What an editor will open on nothing, or on a template, stays: git takes such a message for none if nothing
/// is written, and one with a trailer for a message. [`complete`] adds it when the message is there. What a
/// rebase, `git am` or a cherry-pick takes over has the trailers that it had: it was made elsewhere. What
/// `git merge --squash` has put together names the sessions of all its commits, too.
///
/// # Errors
/// What reading the session fails for.
pub fn prepare(
    store: &Store,
    context: &Context,
    message: &[u8],
    source: Option<&str>,
) -> Result<Option<Vec<u8>>, OpError> {
    match source {
        None | Some("template") => Ok(None),
        Some(_) => with_trailer(store, context, message),
    }
}

/// Keeps the template that the editor begins with, for [`complete`]: where it comes from is git's knowledge.
pub fn keep_template(store: &Store, template: &[u8]) {
    let kept = fs::write(store.template_file(), template);
    kept.unwrap_or_else(|error| tracing::debug!(%error, "a template is not kept"));
}

/// Takes the template that was kept; `None` if there is none.
pub fn take_template(store: &Store) -> Option<Vec<u8>> {
    let template = fs::read(store.template_file()).ok()?;
    fs::remove_file(store.template_file()).ok()?;
    Some(template)
}

/// Returns a message that was written with the trailer of the session that is worked on; `None` if it is to
/// stay as it is, as one that git will take for none. `template` is what the editor began with.
///
/// # Errors
/// What reading the session fails for.
pub fn complete(
    store: &Store,
    context: &Context,
    message: &[u8],
    template: Option<&[u8]>,
) -> Result<Option<Vec<u8>>, OpError> {
    let plain = |text: &[u8]| trailer::plain(text, store.settings().comment.as_bytes());
    match template {
        Some(template) if plain(template) == plain(message) => Ok(None),
        _ => with_trailer(store, context, message),
    }
}

fn with_trailer(
    store: &Store,
    context: &Context,
    message: &[u8],
) -> Result<Option<Vec<u8>>, OpError> {
    if !store.settings().trailer || store.is_rewriting() {
        return Ok(None);
    }
    let working = working(store, context, None)?.map(|loaded| loaded.view.session.id);
    let mut names = squashed(store);
    names.retain(|session_id| working != Some(*session_id));
    names.extend(working);
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let comment = store.settings().comment.as_bytes();
    Ok(trailer::add(message, comment, TRAILER, &names))
}
