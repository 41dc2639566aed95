//! Histories for people, in the look of `git log`.

use std::borrow::Cow;
use std::io::{self, Write};

use super::sanitize::{to_terminal, to_terminal_lines};
use super::session::{state, worker};
use super::style::{Slot, Style, width};
use super::time::{dated, relative};
use crate::model::Timestamp;
use crate::ops::log::LoggedEvent;
use crate::ops::watch::{Sight, What};

/// The most columns to which the subjects on a terminal are padded, so that one long subject does
/// not push all authors away.
const MOST_PADDED: usize = 50;

/// Writes events with author, date and reason, an empty line between two.
///
/// # Errors
/// Those of `out`.
pub fn full(out: &mut dyn Write, events: &[LoggedEvent], style: &Style) -> io::Result<()> {
    for (idx, event) in events.iter().enumerate() {
        if idx > 0 {
            writeln!(out)?;
        }
        write_full(out, event, style)?;
    }
    Ok(())
}

fn write_full(out: &mut dyn Write, event: &LoggedEvent, style: &Style) -> io::Result<()> {
    let name = match event.seq {
        Some(seq) => format!("event {seq} {}", event.commit.short()),
        None => format!("event {}", event.commit.short()),
    };
    writeln!(out, "{} {}", style.paint(Some(Slot::Handle), &name), headline(event))?;
    writeln!(out, "Author: {}", to_terminal(&event.author))?;
    writeln!(out, "Date:   {}", dated(event.at, style.now))?;
    if event.commits.len() > 1 {
        writeln!(out)?;
        event.commits.iter().try_for_each(|(oid, subject)| {
            let subject = to_terminal(subject.as_deref().unwrap_or_default());
            writeln!(out, "{}", format!("    {} {subject}", oid.short()).trim_end())
        })?;
    }
    let reason = to_terminal_lines(event.reason.trim());
    if reason.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    reason.lines().try_for_each(|line| match line.replace('\t', "        ").trim_end() {
        "" => writeln!(out),
        line => writeln!(out, "    {line}"),
    })
}

/// Writes a line an event: `<commit> <what happened>  <author's name>, <how long ago>`.
///
/// # Errors
/// Those of `out`.
pub fn oneline(out: &mut dyn Write, events: &[LoggedEvent], style: &Style) -> io::Result<()> {
    let headlines: Vec<String> = events.iter().map(headline).collect();
    let widths = headlines.iter().map(|headline| width(headline));
    let widest = widths.max().filter(|_| style.width.is_some()).unwrap_or(0).min(MOST_PADDED);
    events.iter().zip(&headlines).try_for_each(|(event, headline)| {
        let n_blanks = widest.saturating_sub(width(headline));
        let commit = event.commit.short();
        let commit = style.paint(Some(Slot::Handle), &commit);
        let (author, when) = (name(&event.author), relative(event.at, style.now));
        writeln!(out, "{commit} {headline}{:n_blanks$}  {author}, {when}", "")
    })
}

/// Writes a line for something that was seen of a session: its handle, then an event as [`oneline`]
/// writes it, its state, what is seen of its worker, or that it is gone.
///
/// # Errors
/// Those of `out`.
pub fn sight(out: &mut dyn Write, sight: &Sight, style: &Style) -> io::Result<()> {
    let handle = sight.view.session.id.handle();
    let handle = style.paint(Some(Slot::Handle), handle.as_str());
    write!(out, "{handle} ")?;
    let worker = worker(&sight.view);
    match &sight.what {
        What::Event(event) => oneline(out, std::slice::from_ref(&**event), style),
        What::Deleted => writeln!(out, "deleted"),
        What::State => {
            let worker = worker.map(|worker| format!("; worker {worker}")).unwrap_or_default();
            writeln!(out, "{}{worker}", state(&sight.view, false, style))
        }
        What::Observed => match worker {
            Some(worker) => writeln!(out, "worker {worker}"),
            None => writeln!(out, "no worker"),
        },
    }
}

/// Returns the moment from which a session is in its present state, by its events, newest first;
/// `None` if they do not reach back so far.
pub fn state_since(events: &[LoggedEvent]) -> Option<Timestamp> {
    let is_made = |event: &LoggedEvent| event.seq == Some(1);
    let has_moved = |event: &LoggedEvent| event.from.is_some() && event.from != event.status;
    events.iter().find(|event| is_made(event) || has_moved(event)).map(|event| event.at)
}

/// Returns what happened, with the subject of the only commit that was recorded, and that it was forced, if it was.
fn headline(event: &LoggedEvent) -> String {
    const FORCED: &str = "(forced)";
    let subject = match &event.commits[..] {
        [(_, Some(of_commit))] => Cow::Owned(format!("{} {of_commit}", event.subject)),
        _ => Cow::Borrowed(&event.subject[..]),
    };
    let subject = to_terminal(&subject);
    match event.forced && !subject.ends_with(FORCED) {
        true => format!("{subject} {FORCED}"),
        false => subject.into_owned(),
    }
}

/// Returns the name of an author who is written `Name <mail>`; the whole if there is no name.
fn name(author: &str) -> Cow<'_, str> {
    let name = author.split_once(" <").map_or(author, |(name, _)| name);
    to_terminal(if name.trim().is_empty() { author } else { name })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::render::fixture::{self, HOSTILE, ago, is_harmless, written};

    fn event(seq: u64, minutes: i64, subject: &str) -> LoggedEvent {
        let (from, status) = match subject.split_once(" -> ") {
            Some((from, to)) => (Some(from.to_owned()), to.to_owned()),
            None => (None, "planning".to_owned()),
        };
        LoggedEvent {
            commit: fixture::oid(),
            seq: Some(seq),
            kind: if from.is_some() { "transition" } else { "update" }.into(),
            at: ago(minutes),
            author: "Ada <ada@example.com>".into(),
            from,
            status: Some(status),
            forced: false,
            subject: subject.into(),
            reason: String::new(),
            commits: Vec::new(),
        }
    }

    fn three() -> Vec<LoggedEvent> {
        let mut forced = event(3, 20, "planning -> completed");
        forced.forced = true;
        forced.reason = "Because\n\n\tit is so.\n".into();
        let mut update = event(2, 40, "update title");
        update.author = "claude-code <bot@example.com>".into();
        vec![forced, update, event(1, 180, "create: Add user authentication")]
    }

    #[test]
    fn a_full_log_looks_like_that_of_git() {
        assert_eq!(
            written(|out| full(out, &three(), &fixture::piped())),
            "event 3 8a8a8a8 planning -> completed (forced)
Author: Ada <ada@example.com>
Date:   2026-01-07 12:40:00 +0000 (20 minutes ago)

    Because

            it is so.

event 2 8a8a8a8 update title
Author: claude-code <bot@example.com>
Date:   2026-01-07 12:20:00 +0000 (40 minutes ago)

event 1 8a8a8a8 create: Add user authentication
Author: Ada <ada@example.com>
Date:   2026-01-07 10:00:00 +0000 (3 hours ago)
"
        );
    }

    #[test]
    fn one_line_an_event_is_not_padded_in_a_pipe() {
        assert_eq!(
            written(|out| oneline(out, &three(), &fixture::piped())),
            "8a8a8a8 planning -> completed (forced)  Ada, 20 minutes ago
8a8a8a8 update title  claude-code, 40 minutes ago
8a8a8a8 create: Add user authentication  Ada, 3 hours ago
"
        );
    }

    #[test]
    fn one_line_an_event_is_aligned_on_a_terminal() {
        let mut events = three();
        events[1].subject = "update 标题".into();
        assert_eq!(
            written(|out| oneline(out, &events, &fixture::terminal(80))),
            "8a8a8a8 planning -> completed (forced)   Ada, 20 minutes ago
8a8a8a8 update 标题                      claude-code, 40 minutes ago
8a8a8a8 create: Add user authentication  Ada, 3 hours ago
"
        );
    }

    #[test]
    fn commits_that_were_recorded_have_their_subjects() {
        let named = |subject: Option<&str>| (fixture::oid(), subject.map(str::to_owned));
        let mut one = event(2, 20, "commit: 8a8a8a8");
        one.commits = vec![named(Some("Add login"))];
        let mut several = event(3, 20, "commit: 2 commits");
        several.commits = vec![named(Some("Add login")), named(None)];
        let mut absent = event(4, 20, "commit: 8a8a8a8");
        absent.commits = vec![named(None)];
        assert_eq!(
            written(|out| full(out, &[one.clone(), several.clone()], &fixture::piped())),
            "event 2 8a8a8a8 commit: 8a8a8a8 Add login
Author: Ada <ada@example.com>
Date:   2026-01-07 12:40:00 +0000 (20 minutes ago)

event 3 8a8a8a8 commit: 2 commits
Author: Ada <ada@example.com>
Date:   2026-01-07 12:40:00 +0000 (20 minutes ago)

    8a8a8a8 Add login
    8a8a8a8
"
        );
        assert_eq!(
            written(|out| oneline(out, &[one, several, absent], &fixture::piped())),
            "8a8a8a8 commit: 8a8a8a8 Add login  Ada, 20 minutes ago
8a8a8a8 commit: 2 commits  Ada, 20 minutes ago
8a8a8a8 commit: 8a8a8a8  Ada, 20 minutes ago
"
        );
    }

    #[test]
    fn a_subject_that_says_forced_itself_says_it_once() {
        let mut event = event(3, 20, "planning -> completed (forced)");
        event.forced = true;
        assert_eq!(headline(&event), "planning -> completed (forced)");
    }

    #[test]
    fn an_event_without_a_number_and_an_author_without_a_name_are_shown() {
        let mut event = event(3, 20, "update title");
        event.seq = None;
        event.author = " <ada@example.com>".into();
        let shown = written(|out| full(out, &[event.clone()], &fixture::piped()));
        assert!(shown.starts_with("event 8a8a8a8 update title\n"), "{shown}");
        assert_eq!(name(&event.author), " <ada@example.com>");
        assert_eq!(name("claude-code"), "claude-code");
    }

    #[test]
    fn a_state_is_as_old_as_the_newest_change_of_state() {
        let moved = event(3, 60, "planning -> generating_tasks");
        let events = [event(4, 20, "update title"), moved, event(1, 180, "create: x")];
        assert_eq!(state_since(&events), Some(ago(60)));
        assert_eq!(state_since(&events[..1]), None);
        assert_eq!(state_since(&[event(2, 20, "update title"), events[2].clone()]), Some(ago(180)));
    }

    #[test]
    fn hostile_text_does_not_get_through() {
        let mut events = three();
        for event in &mut events {
            event.subject = HOSTILE.into();
            event.author = HOSTILE.into();
            event.reason = HOSTILE.into();
            event.commits = vec![(fixture::oid(), Some(HOSTILE.into()))];
        }
        events[0].commits.push((fixture::oid(), Some(HOSTILE.into())));
        let shown = written(|out| full(out, &events, &fixture::terminal(80)));
        assert!(is_harmless(&shown, &['\n']), "{shown}");
        let shown = written(|out| oneline(out, &events, &fixture::piped()));
        assert!(is_harmless(&shown, &['\n']), "{shown}");
        assert_eq!(shown.lines().count(), 3);
    }

    proptest! {
        #[test]
        fn any_text_stays_in_its_place(
            subject in any::<String>(), author in any::<String>(), reason in any::<String>(),
        ) {
            let event = LoggedEvent { subject, author, reason, ..event(3, 20, "x") };
            let events = [event];
            let shown = written(|out| full(out, &events, &fixture::piped()));
            prop_assert!(is_harmless(&shown, &['\n']));
            prop_assert!(shown.lines().skip(3).all(|line| line.is_empty() || line.starts_with("    ")));
            let shown = written(|out| oneline(out, &events, &fixture::terminal(80)));
            prop_assert!(is_harmless(&shown, &['\n']));
            prop_assert_eq!(shown.lines().count(), 1);
        }
    }
}
