//! What the next message of a commit gets, noted so that the shell of the hook can tell it by itself.
//!
//! The note says on what it depends: where HEAD is, which session is the current one, which event is its newest, and
//! where the settings are. The shell (`hooks/shim`) compares all of that, and asks the program if anything is
//! otherwise. So a note is never wrong, only of no use.

use std::fs::{self, File};
use std::io::{self, Write};
use std::time::Duration;

use crate::model::Oid;
use crate::ops::git_hook::working::working;
use crate::ops::{Context, observe};
use crate::store::{Current, Store};

/// How much older than the look at the settings a note is made, so that those that change from then on are newer: the
/// clocks of file systems tick each 10 ms at most.
const MARGIN: Duration = Duration::from_millis(100);

/// Notes what the next message gets, if that can be told in advance. Nothing depends on it.
pub fn note_answer(store: &Store, context: &Context) {
    let Some(text) = answer(store, context) else { return };
    let path = store.answer_file();
    let draft = path.with_extension(&context.op);
    let write = || -> io::Result<()> {
        let mut file = File::create(&draft)?;
        file.write_all(text.as_bytes())?;
        file.set_modified(store.opened_at() - MARGIN)?;
        fs::rename(&draft, &path)
    };
    if let Err(error) = write() {
        let _ = fs::remove_file(&draft);
        tracing::debug!(%error, "what the next message gets is not noted");
    }
}

/// Returns the note: `<length of HEAD's log> <HEAD> <session> <its newest event> <branch>`, a line that says where the
/// settings are, and a line for each of their files. `None` where the program has to be asked.
fn answer(store: &Store, context: &Context) -> Option<String> {
    let settings = store.settings();
    // The shell knows comments of this form.
    let is_plain = settings.comment == "#";
    let is_told =
        context.session_name.is_some() || !observe::leases(store).session_ids().is_empty();
    if !settings.trailer || !is_plain || is_told || store.is_rewriting() {
        return None;
    }
    let settings_at = context.settings_at.as_ref()?;
    let files = store.settings_files(settings_at)?;
    let log = store.head_log_after(u64::MAX)?;
    let head = store.head().ok()?;
    let commit_oid = head.commit.as_deref().and_then(Oid::from_hex)?;
    let is_at_end = log.before.is_some_and(|it| it.new == commit_oid);
    // Judged by where HEAD was when that was read.
    let loaded = working(store, context, Some(&head)).ok()??;
    let (session_id, tip) = (loaded.view.session.id, loaded.view.tip);
    let is_current = store.current(Current::Now).ok()? == Some(session_id);
    let branch = head.branch.unwrap_or_default();
    let mut text = format!("{} {commit_oid} {session_id} {tip} {branch}\n", log.n_bytes);
    text.push_str(&format!("{}\n", settings_at.line()));
    files.iter().for_each(|it| text.push_str(&format!("{}\n", it.display())));
    (is_at_end && is_current).then_some(text)
}
