//! What the next message of a commit gets, noted so that the shell of the hook can tell it by itself.
//!
//! The name of the note says on what it depends, `<session>-<its newest event>-<HEAD>`: what the shell (`hooks/shim`) has
//! to compare, it need not read. In it stand the branch and where settings are. The program is asked if anything is
//! otherwise. So a note is never wrong, only of no use.

use std::fs::{self, File};
use std::io::{self, Write};
use std::time::Duration;

use crate::model::Oid;
use crate::ops::git_hook::kept;
use crate::ops::git_hook::working::working;
use crate::ops::{Context, observe};
use crate::store::{Current, Store};

/// How much older than the look at the settings a note is made, so that those that change from then on are newer: the
/// clocks of file systems tick each 10 ms at most.
const MARGIN: Duration = Duration::from_millis(100);

/// Notes what the next message gets, if that can be told in advance. Nothing depends on it.
pub fn note_answer(store: &Store, context: &Context) {
    let Some((name, text)) = answer(store, context) else { return };
    let dir = store.answers_dir();
    let draft = dir.join(format!("draft-{}", context.op));
    let write = || -> io::Result<()> {
        kept::make_dir(&dir)?;
        let mut file = File::create(&draft)?;
        file.write_all(text.as_bytes())?;
        file.set_modified(store.opened_at() - MARGIN)?;
        fs::rename(&draft, dir.join(&name))?;
        // What was noted before is of no use any more.
        let others = fs::read_dir(&dir)?.flatten().filter(|it| it.file_name() != *name);
        others.for_each(|it| drop(fs::remove_file(it.path())));
        Ok(())
    };
    if let Err(error) = write() {
        let _ = fs::remove_file(&draft);
        tracing::debug!(%error, "what the next message gets is not noted");
    }
}

/// Returns the name of the note, and what it says: `<length of HEAD's log> <branch>`, a line that says where the settings
/// are, and a line for each of their files that is not a usual one. `None` where the program has to be asked.
fn answer(store: &Store, context: &Context) -> Option<(String, String)> {
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
    let name = format!("{session_id}-{tip}-{commit_oid}");
    let mut text = format!("{} {branch}\n{}\n", log.n_bytes, settings_at.line());
    files.iter().for_each(|it| text.push_str(&format!("{}\n", it.display())));
    (is_at_end && is_current).then_some((name, text))
}
