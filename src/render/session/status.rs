use std::io::{self, Write};

use super::phrases::{how_long, quoted_title, state, tokens, worker};
use crate::lifecycle::{Forward, Intent, State, Verdict};
use crate::model::{Class, Session, Timestamp, Value};
use crate::ops::list::Listed;
use crate::ops::load::View;
use crate::ops::observe::Observed;
use crate::render::sanitize::to_terminal;
use crate::render::style::{Slot, Style, shorten, width};
use crate::render::time::{counted, relative};

/// What stands before a session in a list within a page.
const INDENT: &str = "        ";
/// The least that a title within a page is shortened to.
const LEAST_TITLE: usize = 8;

/// Writes where the current session stands and what may come next; `since` is the moment from which
/// it is in its present state, where known.
///
/// # Errors
/// Those of `out`.
pub fn status(
    out: &mut dyn Write,
    view: &View,
    since: Option<Timestamp>,
    style: &Style,
) -> io::Result<()> {
    let session = &view.session;
    let handle = session.id.handle();
    let handle = style.paint(Some(Slot::Handle), handle.as_str());
    writeln!(out, "On session {handle}{}", quoted_title(session))?;
    if let Some(branch) = &session.branch {
        writeln!(out, "Branch {}", to_terminal(branch))?;
    }
    let worker = worker(view).map(|worker| format!("; worker {worker}")).unwrap_or_default();
    let how_long = how_long(view, since, style);
    writeln!(out, "State: {}{how_long}{worker}", state(view, false, style))?;
    if let Some(reason) = session.reason.as_deref().and_then(|reason| reason.trim().lines().next())
    {
        writeln!(out, "Reason: {}", to_terminal(reason))?;
    }
    let work = work(session);
    if !work.is_empty() {
        writeln!(out, "{}", work.join("; "))?;
    }
    write_next_steps(out, &next_steps(view), style)
}

/// Writes that no session is current, on which branch, which sessions are open there, and which others may be
/// resumed.
///
/// # Errors
/// Those of `out`.
pub fn no_session(
    out: &mut dyn Write,
    branch: Option<&str>,
    [here, paused]: [&[Listed]; 2],
    style: &Style,
) -> io::Result<()> {
    match branch {
        Some(branch) => writeln!(out, "On branch {}", to_terminal(branch))?,
        None => writeln!(out, "Not currently on any branch.")?,
    }
    let hint = |text| {
        if style.hints { hint(text, style) } else { String::new() }
    };
    let start = hint("use \"git session start <title>\" to begin one");
    writeln!(out, "{}", format!("No session {start}").trim_end())?;
    for (heading, step, listed) in [
        ("Open on this branch:", "name one: \"git session show <session>\"", here),
        ("Paused sessions:", "use \"git session resume <session>\" to continue", paused),
    ] {
        if listed.is_empty() {
            continue;
        }
        writeln!(out, "\n{heading}")?;
        if style.hints {
            writeln!(out, "  {}", hint(step))?;
        }
        listed.iter().try_for_each(|listed| write_listed(out, listed, style))?;
    }
    Ok(())
}

/// Writes one line: handle, state, title.
///
/// # Errors
/// Those of `out`.
pub fn status_short(out: &mut dyn Write, view: &View) -> io::Result<()> {
    let session = &view.session;
    let (status, title) = (to_terminal(&session.status), to_terminal(&session.title));
    writeln!(out, "{}", format!("{} {status} {title}", session.id.handle()).trim_end())
}

fn write_listed(out: &mut dyn Write, listed: &Listed, style: &Style) -> io::Result<()> {
    let excerpt = &listed.excerpt;
    let handle = excerpt.id.handle();
    let changed = relative(excerpt.updated_at, style.now);
    let tail = match &excerpt.branch {
        Some(branch) => format!("  ({}, {changed})", to_terminal(branch)),
        None => format!("  ({changed})"),
    };
    let head = INDENT.len() + handle.as_str().len() + 2;
    let room = style.width.map(|columns| columns.saturating_sub(head + width(&tail)));
    let title = to_terminal(&excerpt.title);
    let title = shorten(&title, room.unwrap_or(usize::MAX).max(LEAST_TITLE));
    let handle = style.paint(Some(Slot::Handle), handle.as_str());
    writeln!(out, "{INDENT}{handle}  {title}{tail}")
}

/// Returns what was done so far, as far as anybody counted.
fn work(session: &Session) -> Vec<String> {
    let count = |key| session.statistics.get(key).and_then(Value::as_u64).unwrap_or(0);
    let mut work = Vec::new();
    let n_tasks = count("total_tasks");
    if n_tasks > 0 {
        let (done, failed) = (count("completed_tasks"), count("failed_tasks"));
        work.push(format!("Tasks {done}/{n_tasks}, {failed} failed"));
    }
    for (key, noun) in [("decisions_made", "decision"), ("checkpoints_created", "checkpoint")] {
        work.extend(Some(count(key)).filter(|n| *n > 0).map(|n| counted(n, noun)));
    }
    work.extend(tokens(&session.tokens));
    work
}

fn write_next_steps(out: &mut dyn Write, steps: &[String], style: &Style) -> io::Result<()> {
    if steps.is_empty() || !style.hints {
        return Ok(());
    }
    writeln!(out)?;
    steps.iter().try_for_each(|step| writeln!(out, "  {}", hint(step, style)))
}

fn hint(text: &str, style: &Style) -> String {
    style.paint(Some(Slot::Hint), &format!("({text})")).to_string()
}

/// Returns the commands that may be given now, and what each does.
fn next_steps(view: &View) -> Vec<String> {
    let step = |command: &str, goal: &str| format!("use \"git session {command}\" to {goal}");
    let mut steps = Vec::new();
    match view.class {
        Class::Ended => steps.push(step("start <title>", "begin another one")),
        Class::Paused => {
            let to = destination(view, Intent::Resume);
            steps.extend(to.map(|to| step("resume", &format!("go back to {}", to.name))));
        }
        Class::Pending | Class::Active => {
            let is_lost = view.observed == Observed::Lost;
            steps.extend(is_lost.then(|| step("resume", "run its command again")));
            steps.extend(forward(view));
            let to = destination(view, Intent::Suspend);
            steps.extend(to.map(|_| step("suspend", "put it aside")));
        }
    }
    steps
}

/// Returns the way forward from a state that is neither paused nor ended.
fn forward(view: &View) -> Option<String> {
    match view.lifecycle.forward(&view.session.status).ok()? {
        Forward::To(to) if destination(view, Intent::Finish) == Some(to) => {
            Some("use \"git session finish\" to end it with success".to_owned())
        }
        Forward::To(to) => Some(format!("use \"git session next\" to move to {}", to.name)),
        Forward::Several(states) => {
            let names: Vec<&str> = states.iter().map(|state| state.name.as_str()).collect();
            let names = names.join(" or ");
            Some(format!("use \"git session to <state>\" to move to {names}"))
        }
        Forward::Resume | Forward::Ended | Forward::Nowhere => None,
    }
}

/// Returns the state that an intent leads to from here.
fn destination(view: &View, intent: Intent) -> Option<&State> {
    match view.lifecycle.intend(view.standing(), intent) {
        Ok(Verdict::Move(movement)) => Some(movement.to),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{Map, Outcome, Tokens, Worker};
    use crate::render::fixture::{self, HOSTILE, ago, id, is_harmless, now, written};

    fn shown(session: Session, style: &Style) -> String {
        let view = fixture::view(session);
        written(|out| status(out, &view, Some(ago(12)), style))
    }

    fn counts(counts: &[(&str, u64)]) -> Map {
        counts.iter().map(|(key, n)| ((*key).to_owned(), (*n).into())).collect()
    }

    fn paused() -> Vec<Listed> {
        let first = Session {
            id: id(5),
            title: "Build REST API".into(),
            branch: Some("feat/rest".into()),
            updated_at: ago(180),
            ..fixture::session("feature", "paused")
        };
        let second = Session {
            title: "实现代理会话持久化".into(),
            branch: None,
            ..fixture::session("worker", "suspended")
        };
        [first, second].iter().map(fixture::listed).collect()
    }

    #[test]
    fn an_active_session_says_where_it_is_and_what_may_come_next() {
        let session = Session {
            statistics: counts(&[
                ("total_tasks", 10),
                ("completed_tasks", 5),
                ("decisions_made", 3),
                ("checkpoints_created", 1),
            ]),
            tokens: Tokens { input: 12_450, output: 3_200, ..Tokens::default() },
            worker: Some(Worker {
                pid: 4121,
                host: "build1".into(),
                started_at: now(),
                command: Vec::new(),
                extra: crate::model::Map::new(),
            }),
            reason: Some("Tests first.\nThen code.".into()),
            ..fixture::session("feature", "implementing")
        };
        assert_eq!(
            shown(session, &fixture::terminal(80)),
            "On session vutsrqpk \"Add user authentication\"
Branch feat/auth
State: implementing, for 12 minutes; worker elsewhere (pid 4121 on build1)
Reason: Tests first.
Tasks 5/10, 0 failed; 3 decisions; 1 checkpoint; 12,450 tokens in, 3,200 out

  (use \"git session next\" to move to validating)
  (use \"git session suspend\" to put it aside)
"
        );
    }

    #[test]
    fn the_next_steps_depend_on_the_state() {
        let steps = |lifecycle, status: &str, paused_from: Option<&str>| {
            let session = fixture::session(lifecycle, status);
            let paused_from = paused_from.map(str::to_owned);
            next_steps(&fixture::view(Session { paused_from, ..session })).join("\n")
        };
        for (lifecycle, state, from, expected) in [
            ("worker", "pending", None, "use \"git session next\" to move to running"),
            (
                "worker",
                "running",
                None,
                "use \"git session finish\" to end it with success
use \"git session suspend\" to put it aside",
            ),
            ("worker", "suspended", None, "use \"git session resume\" to go back to running"),
            (
                "feature",
                "paused",
                Some("validating"),
                "use \"git session resume\" to go back to validating",
            ),
            (
                "feature",
                "generating_report",
                None,
                "use \"git session finish\" to end it with success
use \"git session suspend\" to put it aside",
            ),
            ("feature", "failed", None, "use \"git session start <title>\" to begin another one"),
        ] {
            assert_eq!(steps(lifecycle, state, from), expected, "{lifecycle} {state}");
        }
    }

    #[test]
    fn an_ended_session_says_how_it_ended_and_hints_can_be_silenced() {
        let session = Session {
            outcome: Some(Outcome::Failure),
            ended_at: Some(ago(180)),
            title: "实现代理会话持久化".into(),
            branch: None,
            ..fixture::session("worker", "terminated")
        };
        let style = Style { hints: false, ..fixture::piped() };
        assert_eq!(
            shown(session, &style),
            "On session vutsrqpk \"实现代理会话持久化\"
State: terminated, ended with failure 3 hours ago
"
        );
    }

    #[test]
    fn a_state_of_unknown_age_claims_none_but_a_pending_one_began_with_the_session() {
        let status = |session: Session| {
            let view = fixture::view(session);
            written(|out| super::status(out, &view, None, &fixture::piped()))
        };
        let shown = status(fixture::session("worker", "running"));
        assert!(shown.contains("\nState: running\n"), "{shown}");
        let shown = status(fixture::session("worker", "pending"));
        assert!(shown.contains("\nState: pending, for 3 hours\n"), "{shown}");
    }

    #[test]
    fn colours_change_no_character() {
        let session = || fixture::session("feature", "implementing");
        let coloured = shown(session(), &Style { color: true, ..fixture::piped() });
        assert!(coloured.contains("State: \x1b[32mimplementing\x1b[0m, for 12 minutes\n"));
        assert_eq!(fixture::without_colors(&coloured), shown(session(), &fixture::piped()));
    }

    #[test]
    fn without_a_session_the_paused_ones_are_offered() {
        assert_eq!(
            written(|out| no_session(out, Some("feat/auth"), [&[], &paused()], &fixture::piped())),
            "On branch feat/auth
No session (use \"git session start <title>\" to begin one)

Paused sessions:
  (use \"git session resume <session>\" to continue)
        uutsrqpk  Build REST API  (feat/rest, 3 hours ago)
        vutsrqpk  实现代理会话持久化  (12 minutes ago)
"
        );
    }

    #[test]
    fn on_a_narrow_terminal_the_titles_of_paused_sessions_are_shortened() {
        let style = Style { hints: false, ..fixture::terminal(53) };
        assert_eq!(
            written(|out| no_session(out, None, [&[], &paused()], &style)),
            "Not currently on any branch.
No session

Paused sessions:
        uutsrqpk  Build RE…  (feat/rest, 3 hours ago)
        vutsrqpk  实现代理会话持久…  (12 minutes ago)
"
        );
    }

    #[test]
    fn without_any_session_only_the_beginning_is_offered() {
        assert_eq!(
            written(|out| no_session(out, None, [&[], &[]], &fixture::piped())),
            "Not currently on any branch.
No session (use \"git session start <title>\" to begin one)
"
        );
    }

    #[test]
    fn the_short_status_is_one_line() {
        let view = fixture::view(fixture::session("feature", "implementing"));
        let short = written(|out| status_short(out, &view));
        assert_eq!(short, "vutsrqpk implementing Add user authentication\n");
    }

    /// Returns all answers of this file about a session made of `text`.
    fn all_of(text: &str) -> [String; 3] {
        let text = || Some(text.to_owned());
        let session = Session {
            title: text().unwrap_or_default(),
            branch: text(),
            reason: text(),
            paused_from: text(),
            ..fixture::session("feature", "paused")
        };
        let listed = [fixture::listed(&session)];
        let view = fixture::view(session);
        [
            written(|out| status(out, &view, None, &fixture::piped())),
            written(|out| {
                no_session(out, text().as_deref(), [&listed, &listed], &fixture::terminal(60))
            }),
            written(|out| status_short(out, &view)),
        ]
    }

    #[test]
    fn hostile_text_does_not_get_through() {
        for shown in all_of(HOSTILE) {
            assert!(is_harmless(&shown, &['\n']), "{shown}");
        }
    }

    proptest! {
        #[test]
        fn any_text_stays_on_its_line(text in any::<String>()) {
            let [status, no_session, short] = all_of(&text);
            for shown in [&status, &no_session, &short] {
                prop_assert!(is_harmless(shown, &['\n']));
            }
            prop_assert!(status.lines().count() <= 6);
            prop_assert_eq!(no_session.lines().count(), 10);
            prop_assert_eq!(short.lines().count(), 1);
        }
    }
}
