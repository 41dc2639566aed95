//! The commits of a session, for people.

use std::io::{self, Write};

use super::sanitize::to_terminal;
use super::style::{Slot, Style};
use crate::ops::links::WithSubject;

/// Writes a line for each commit: its short id, how much it changes, its subject where it is here, and what
/// became of it.
///
/// # Errors
/// Those of `out`.
pub fn list(out: &mut dyn Write, commits: &[WithSubject], style: &Style) -> io::Result<()> {
    for (made, subject) in commits {
        let short = made.link.commit_oid.short();
        let short = style.paint(Some(Slot::Handle), &short);
        let size = made.link.size.unwrap_or_default();
        let subject = subject.as_deref().map_or("(not here)".into(), to_terminal);
        let now = made.replaced_by.map(|oid| format!(" (now {})", oid.short()));
        let now = now.unwrap_or_default();
        writeln!(out, "{short} +{} -{} {subject}{now}", size.n_insertions, size.n_deletions)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{CommitLink, KnownBy, PatchSize};
    use crate::ops::links::Made;
    use crate::render::fixture::{self, HOSTILE, is_harmless, written};

    #[test]
    fn a_commit_is_one_line_whatever_its_subject_says() {
        let size = PatchSize { n_files: 1, n_insertions: 2, n_deletions: 1 };
        let link =
            CommitLink { size: Some(size), ..CommitLink::new(fixture::oid(), KnownBy::Hook) };
        let made = |replaced_by| Made { link: link.clone(), replaced_by };
        let commits = [
            (made(None), Some("Add it".to_owned())),
            (made(Some(fixture::oid())), None),
            (made(None), Some(HOSTILE.to_owned())),
        ];
        let shown = written(|out| list(out, &commits, &fixture::piped()));
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines[..2], ["8a8a8a8 +2 -1 Add it", "8a8a8a8 +2 -1 (not here) (now 8a8a8a8)"]);
        assert_eq!(lines.len(), 3);
        assert!(is_harmless(&shown, &['\n']), "{shown}");
    }
}
