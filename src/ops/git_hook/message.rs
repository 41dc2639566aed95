use std::fs;

use crate::format::trailer;
use crate::model::SessionId;
use crate::ops::claims::TRAILER;
use crate::ops::git_hook::seen::Seen;
use crate::ops::git_hook::squashed::squashed;
use crate::ops::git_hook::working::working;
use crate::ops::{Context, OpError};
use crate::store::Store;

/// What becomes of a message.
#[derive(Debug, Default)]
pub struct Message {
    /// The message with the trailer; `None` if it is to stay as it is.
    pub text: Option<Vec<u8>>,
    /// The session that is worked on.
    pub session_id: Option<SessionId>,
}

/// Whether a message is there, and who said it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    /// It is to be written in an editor.
    NotYet,
    /// Whoever commits has said it, or says it again.
    Here,
    /// It is that of another commit.
    Elsewhere,
}

/// Returns what becomes of a message that git has prepared: it gets the trailer of the session that is worked on.
/// `source` is what git says about where it comes from, and `commit` from which commit; `is_amending` tells whether git
/// amends that one.
///
/// What an editor will open on nothing, or on a template, stays: git takes such a message for none if nothing
/// is written, and one with a trailer for a message. [`complete`] adds it when the message is there. What a
/// rebase, `git am` or a cherry-pick takes over has the trailers that it had: it was made elsewhere. What
/// `git merge --squash` has put together names the sessions of all its commits, too. What is said with the words of another
/// commit (`-C`, `-c`) has the trailer of that: the session is named beside it.
///
/// # Errors
/// What reading the session fails for.
pub fn prepare(
    store: &Store,
    context: &Context,
    message: &[u8],
    source: Option<&str>,
    is_amending: bool,
) -> Result<Message, OpError> {
    let said = match source {
        None | Some("template") => Said::NotYet,
        Some("commit") if !is_amending => Said::Elsewhere,
        _ => Said::Here,
    };
    hear(store, context, message, said)
}

/// Tells whether git amends the commit `commit`, whose words it has prepared. A hook is told `HEAD` of an amended one, and
/// of one whose words alone are taken (`-C HEAD`): what git was started with, `words`, tells them apart. Where that is not
/// known, git amends.
///
/// Source: git `builtin/commit.c`, `prepare_to_commit`; git-commit(1), options may be abbreviated.
pub fn is_amending(commit: &str, words: impl FnOnce() -> Option<Vec<String>>) -> bool {
    let amends = |word: &str| word.len() > "--a".len() && "--amend".starts_with(word);
    commit == "HEAD"
        && words().is_none_or(|words| {
            let mut words = words.iter().map(String::as_str).take_while(|word| *word != "--");
            let is_commit = words.any(|word| word == "commit" || word.ends_with("git-commit"));
            !is_commit || words.any(amends)
        })
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

/// Returns what becomes of a message that was written: it gets the trailer of the session that is worked on, unless
/// git will take it for none. `template` is what the editor began with.
///
/// # Errors
/// What reading the session fails for.
pub fn complete(
    store: &Store,
    context: &Context,
    message: &[u8],
    template: Option<&[u8]>,
) -> Result<Message, OpError> {
    let plain = |text: &[u8]| trailer::plain(text, store.settings().comment.as_bytes());
    let is_new = template.is_none_or(|template| plain(template) != plain(message));
    hear(store, context, message, if is_new { Said::Here } else { Said::NotYet })
}

fn hear(store: &Store, context: &Context, message: &[u8], said: Said) -> Result<Message, OpError> {
    if store.is_rewriting() {
        return Ok(Message::default());
    }
    let working = working(store, context, None)?.map(|loaded| loaded.view.session.id);
    if working.is_none() {
        Seen::disown(store, context);
    }
    let mut names = squashed(store);
    names.retain(|session_id| working != Some(*session_id));
    names.extend(working);
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let settings = store.settings();
    let add = match said {
        Said::Elsewhere if working.is_some() => trailer::add_beside,
        _ => trailer::add,
    };
    let text = (said != Said::NotYet && settings.trailer)
        .then(|| add(message, settings.comment.as_bytes(), TRAILER, &names))
        .flatten();
    Ok(Message { text, session_id: working })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_takes_the_words_of_head_is_told_from_who_amends_it() {
        let amends = |commit: &str, line: &str| {
            is_amending(commit, || Some(line.split(' ').map(str::to_owned).collect()))
        };
        for line in [
            "git commit -q -a -C HEAD",
            "git -c a.b=c commit -c HEAD",
            "/usr/lib/git-core/git-commit --reuse-message=HEAD --all",
            "git commit -C HEAD -- --amend",
        ] {
            assert!(!amends("HEAD", line), "{line}");
        }
        for line in [
            "git commit --amend --no-edit",
            "git commit -q --am",
            "git commit -C HEAD --amend",
            "git again",
            "",
        ] {
            assert!(amends("HEAD", line), "{line}");
        }
        assert!(is_amending("HEAD", || None));
        assert!(!amends("HEAD~", "git commit --amend -C HEAD~"));
    }
}
