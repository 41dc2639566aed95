use std::io::{self, Write};
use std::path::Path;

use super::phrases::{how_long, quoted_title, state, tokens, worker};
use crate::model::conversation::Extent;
use crate::model::{Artifact, Checkpoint, GitContext, Map, Session, Timestamp, Value};
use crate::ops::links;
use crate::ops::load::View;
use crate::render::sanitize::{to_terminal, to_terminal_lines};
use crate::render::style::{Slot, Style};
use crate::render::time::{dated, duration, grouped, relative};
use crate::store::RefNames;

/// The columns of the labels.
const LABEL: usize = 12;

/// Writes a page about a session; `root` is the top of the work tree, `refs` tell by which ref it is read, and
/// `since` is the moment from which it is in its present state, where known.
///
/// # Errors
/// Those of `out`.
pub fn show(
    out: &mut dyn Write,
    view: &View,
    root: &Path,
    refs: &RefNames,
    since: Option<Timestamp>,
    style: &Style,
) -> io::Result<()> {
    let session = &view.session;
    let name = format!("session {}", session.id.handle());
    let name = style.paint(Some(Slot::Handle), &name);
    writeln!(out, "{name}{}", quoted_title(session))?;
    let mut page = Page { out };
    write_standing(&mut page, view, since, style)?;
    write_times(&mut page, session, style)?;
    write_people(&mut page, view)?;
    write_contents(&mut page, view, style)?;
    write_places(&mut page, view, root, refs)
}

/// Labelled lines.
struct Page<'a> {
    out: &'a mut dyn Write,
}

impl Page<'_> {
    /// Writes `lines`, which are harmless already, with the label before the first; nothing if
    /// there is none.
    fn lines<T: AsRef<str>>(
        &mut self,
        label: &str,
        lines: impl IntoIterator<Item = T>,
    ) -> io::Result<()> {
        let mut label = format!("{label}:");
        for line in lines {
            let text = format!("{label:<LABEL$}{}", line.as_ref());
            writeln!(self.out, "{}", text.trim_end())?;
            label.clear();
        }
        Ok(())
    }

    /// Writes a value on a line, if there is one.
    fn value(&mut self, label: &str, value: Option<&str>) -> io::Result<()> {
        self.lines(label, value.map(to_terminal))
    }
}

fn write_standing(
    page: &mut Page<'_>,
    view: &View,
    since: Option<Timestamp>,
    style: &Style,
) -> io::Result<()> {
    let session = &view.session;
    page.value("Id", Some(&session.id.to_string()))?;
    page.value("Name", session.name.as_deref())?;
    page.value("Lifecycle", Some(&session.lifecycle))?;
    let state = state(view, true, style);
    page.lines("State", [format!("{state}{}", how_long(view, since, style))])?;
    page.value("Paused in", session.paused_from.as_deref())?;
    page.lines("Reason", text_lines(session.reason.as_deref().unwrap_or_default()))?;
    page.value("Phase", session.phase.as_deref())?;
    page.value("Branch", session.branch.as_deref())
}

fn write_times(page: &mut Page<'_>, session: &Session, style: &Style) -> io::Result<()> {
    let dated = |at: Timestamp| dated(at, style.now);
    page.lines("Created", [dated(session.created_at)])?;
    page.lines("Started", session.started_at.map(dated))?;
    page.lines("Changed", [dated(session.updated_at)])?;
    page.lines("Ended", session.ended_at.map(dated))
}

fn write_people(page: &mut Page<'_>, view: &View) -> io::Result<()> {
    let session = &view.session;
    page.value("Author", Some(&session.author))?;
    page.value("Agent", session.agent.as_deref())?;
    page.value("Model", session.model.as_deref())?;
    page.value("Role", session.role.as_deref())?;
    page.lines("Worker", worker(view))?;
    page.lines("Continues", session.parent.map(|id| id.handle().to_string()))
}

fn write_contents(page: &mut Page<'_>, view: &View, style: &Style) -> io::Result<()> {
    let session = &view.session;
    page.lines("Links", session.links.iter().filter_map(|(key, value)| entry(key, value)))?;
    let labels = Some(session.labels.join(", ")).filter(|labels| !labels.is_empty());
    page.value("Labels", labels.as_deref())?;
    page.lines("Statistics", statistics(&session.statistics))?;
    page.lines("Tokens", tokens(&session.tokens))?;
    page.lines("Recorded", recorded(&session.conversation))?;
    page.lines("Commits", commits(view))?;
    page.lines("Checkpoint", checkpoints(session, style))?;
    page.lines("Artifacts", session.artifacts.iter().map(artifact))
}

fn write_places(page: &mut Page<'_>, view: &View, root: &Path, refs: &RefNames) -> io::Result<()> {
    let session = &view.session;
    page.lines("Begun at", begun_at(&session.git))?;
    page.value("Work tree", Some(&root.to_string_lossy()))?;
    let (name, tip) = (refs.of(session.id), view.tip.short());
    page.lines("Ref", [format!("{name} ({tip}, event {})", session.seq)])
}

/// Returns text of many lines as harmless lines without tabs.
fn text_lines(text: &str) -> Vec<String> {
    let text = to_terminal_lines(text.trim()).replace('\t', "        ");
    text.lines().map(str::to_owned).collect()
}

/// Returns where the repository stood; `None` if it had neither branch nor commit.
fn begun_at(git: &GitContext) -> Option<String> {
    let commit = git.commit.as_ref().map(|commit| commit.chars().take(7).collect::<String>());
    let place = match (&git.branch, commit) {
        (Some(branch), Some(commit)) => format!("{branch} ({commit})"),
        (Some(branch), None) => format!("{branch} (no commit yet)"),
        (None, Some(commit)) => format!("{commit} (detached)"),
        (None, None) => return None,
    };
    let tree = git.worktree_name.as_ref().map(|name| format!(", in work tree '{name}'"));
    Some(to_terminal(&format!("{place}{}", tree.unwrap_or_default())).into_owned())
}

/// Returns the statistics that say something, on one line; `None` if none does.
fn statistics(statistics: &Map) -> Option<String> {
    let entries = statistics.iter().filter_map(|(key, value)| match (key.as_str(), value) {
        (_, Value::Number(number)) if number.as_f64() == Some(0.0) => None,
        ("duration_seconds", value) => match value.as_u64() {
            Some(seconds) => Some(format!("duration {}", duration(seconds))),
            None => entry(key, value),
        },
        _ => entry(key, value),
    });
    let entries: Vec<String> = entries.collect();
    Some(entries.join(", ")).filter(|text| !text.is_empty())
}

/// Returns an entry of an open map as `key value`; `None` if the value is empty.
fn entry(key: &str, value: &Value) -> Option<String> {
    let text = inline(value);
    (!text.is_empty()).then(|| to_terminal(&format!("{key} {text}")).into_owned())
}

/// Returns a value of any shape as words.
fn inline(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(inline).collect::<Vec<_>>().join(", "),
        Value::Object(map) => {
            let entries = map.iter().filter(|(_, value)| !value.is_null());
            let words = entries.map(|(key, value)| format!("{key} {}", inline(value)));
            words.collect::<Vec<_>>().join(", ")
        }
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

fn artifact(artifact: &Artifact) -> String {
    let role = artifact.role.iter().cloned();
    let version = artifact.version.iter().map(|version| format!("version {version}"));
    let size = format!("{} bytes", grouped(artifact.n_bytes));
    let facts: Vec<String> = role.chain(version).chain([size]).collect();
    to_terminal(&format!("{} ({})", artifact.name, facts.join(", "))).into_owned()
}

/// Returns how much is said; `None` if nothing is.
fn recorded(extent: &Extent) -> Option<String> {
    let sources = extent.sources.iter().filter(|source| source.n_bytes > 0);
    let transcripts = sources.map(|it| format!("{} bytes of {}", grouped(it.n_bytes), it.agent));
    let events = (extent.n_events > 0).then(|| match extent.n_events {
        1 => "1 event".to_owned(),
        n => format!("{} events", grouped(n)),
    });
    let more = (extent.n_more_sources > 0).then(|| match extent.n_more_sources {
        1 => "1 more file".to_owned(),
        n => format!("{} more files", grouped(n)),
    });
    let all: Vec<String> = events.into_iter().chain(transcripts).chain(more).collect();
    (!all.is_empty()).then(|| to_terminal(&all.join(", ")).into_owned())
}

/// Returns the newest checkpoints, each on a line, and how many more there are.
fn checkpoints(session: &Session, style: &Style) -> Vec<String> {
    const MAX_LINES: usize = 5;
    let told = |value: &Value| {
        let Some(checkpoint) = Checkpoint::of(value) else { return inline(value) };
        let noun = if checkpoint.n_files == 1 { "file" } else { "files" };
        let (number, n_files) = (checkpoint.number, checkpoint.n_files);
        let words = [
            format!("{number}: {n_files} {noun}, {}", relative(checkpoint.at, style.now)),
            checkpoint.message,
            if checkpoint.is_automatic { "automatic".to_owned() } else { String::new() },
        ];
        words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(", ")
    };
    let newest = session.checkpoints.iter().rev().take(MAX_LINES);
    let mut lines: Vec<String> =
        newest.map(|value| to_terminal(&told(value)).into_owned()).collect();
    let n_older = session.checkpoints.len() - lines.len();
    lines.extend((n_older > 0).then(|| format!("and {n_older} older")));
    lines
}

/// Returns how many commits stand, and how many others they replaced.
fn commits(view: &View) -> Option<String> {
    let made = view.made.as_deref().unwrap_or_default();
    let n_replaced = made.iter().filter(|(it, _)| it.replaced_by.is_some()).count();
    let n_unclear = links::unclear(&view.session).count();
    match (made.len() - n_replaced + n_unclear, n_replaced) {
        (0, 0) => None,
        (n, 0) => Some(n.to_string()),
        (n, n_replaced) => Some(format!("{n} (and {n_replaced} that were replaced)")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::conversation::SourceFile;
    use crate::model::{Outcome, Tokens, Worker};
    use crate::render::fixture::{self, HOSTILE, ago, is_harmless, now, written};

    fn shown(session: Session, style: &Style) -> String {
        let view = fixture::view(session);
        written(|out| {
            show(out, &view, Path::new("/home/ada/app"), &RefNames::default(), Some(ago(12)), style)
        })
    }

    fn map(json: &str) -> Map {
        let value: Value = json.parse().expect("JSON");
        value.as_object().cloned().expect("a map")
    }

    fn full() -> Session {
        Session {
            name: Some("fix-auth".into()),
            phase: Some("implement".into()),
            reason: Some("Tests first.\n\nThen code.".into()),
            agent: Some("claude-code".into()),
            model: Some("m-1".into()),
            role: Some("engineer".into()),
            parent: Some(fixture::id(5)),
            git: GitContext {
                branch: Some("main".into()),
                commit: Some("c".repeat(40)),
                is_worktree: true,
                worktree_name: Some("w2".into()),
                extra: crate::model::Map::new(),
            },
            links: map(
                r#"{"issue":"FEAT-0098","prd":{"filename":"a.md","version":2},"chain":null}"#,
            ),
            labels: vec!["auth".into(), "backend".into()],
            statistics: map(r#"{"total_tasks":10,"failed_tasks":0,"duration_seconds":7500}"#),
            tokens: Tokens {
                input: 12_450,
                output: 3_200,
                cache_read: 0,
                cache_write: 7,
                extra: crate::model::Map::new(),
            },
            conversation: Extent {
                n_segments: 3,
                n_events: 1200,
                sources: vec![SourceFile {
                    agent: "claude-code".into(),
                    n_bytes: 5000,
                    ..SourceFile::default()
                }],
                ..Extent::default()
            },
            artifacts: vec![Artifact {
                name: "prd.md".into(),
                role: Some("prd".into()),
                version: Some("2".into()),
                n_bytes: 1234,
                attached_at: now(),
                extra: crate::model::Map::new(),
            }],
            worker: Some(Worker {
                pid: 4121,
                host: "build1".into(),
                started_at: now(),
                command: Vec::new(),
                extra: crate::model::Map::new(),
            }),
            ..fixture::session("feature", "implementing")
        }
    }

    #[test]
    fn a_page_tells_what_there_is_to_tell() {
        assert_eq!(
            shown(full(), &fixture::piped()),
            "session vutsrqpk \"Add user authentication\"
Id:         0199f0c2-1c4d-7abc-8def-0123456789af
Name:       fix-auth
Lifecycle:  feature
State:      implementing (active), for 12 minutes
Reason:     Tests first.

            Then code.
Phase:      implement
Branch:     feat/auth
Created:    2026-01-07 10:00:00 +0000 (3 hours ago)
Started:    2026-01-07 10:01:00 +0000 (3 hours ago)
Changed:    2026-01-07 12:48:00 +0000 (12 minutes ago)
Author:     Ada <ada@example.com>
Agent:      claude-code
Model:      m-1
Role:       engineer
Worker:     elsewhere (pid 4121 on build1)
Continues:  uutsrqpk
Links:      issue FEAT-0098
            prd filename a.md, version 2
Labels:     auth, backend
Statistics: total_tasks 10, duration 2 hours 5 minutes
Tokens:     12,450 tokens in, 3,200 out, 7 written to cache
Recorded:   1,200 events, 5,000 bytes of claude-code
Artifacts:  prd.md (prd, version 2, 1,234 bytes)
Begun at:   main (ccccccc), in work tree 'w2'
Work tree:  /home/ada/app
Ref:        refs/sessions/0199f0c2-1c4d-7abc-8def-0123456789af (8a8a8a8, event 3)
"
        );
    }

    #[test]
    fn an_ended_session_says_how_and_when_and_what_is_unset_is_left_out() {
        let session = Session {
            title: String::new(),
            branch: None,
            outcome: Some(Outcome::Interrupted),
            ended_at: Some(ago(60 * 3)),
            reason: Some("out of time".into()),
            ..fixture::session("worker", "terminated")
        };
        let style = Style { color: true, ..fixture::terminal(40) };
        assert_eq!(
            shown(session, &style),
            "\x1b[33msession vutsrqpk\x1b[0m
Id:         0199f0c2-1c4d-7abc-8def-0123456789af
Lifecycle:  worker
State:      \x1b[2mterminated\x1b[0m, interrupted 3 hours ago
Reason:     out of time
Created:    2026-01-07 10:00:00 +0000 (3 hours ago)
Started:    2026-01-07 10:01:00 +0000 (3 hours ago)
Changed:    2026-01-07 12:48:00 +0000 (12 minutes ago)
Ended:      2026-01-07 10:00:00 +0000 (3 hours ago)
Author:     Ada <ada@example.com>
Work tree:  /home/ada/app
Ref:        refs/sessions/0199f0c2-1c4d-7abc-8def-0123456789af (8a8a8a8, event 3)
"
        );
    }

    /// Returns a session with `text` wherever a session can have text.
    fn made_of(text: &str) -> Session {
        let mut session = full();
        for field in [
            &mut session.name,
            &mut session.phase,
            &mut session.reason,
            &mut session.paused_from,
            &mut session.agent,
            &mut session.model,
            &mut session.role,
            &mut session.branch,
            &mut session.git.branch,
            &mut session.git.commit,
            &mut session.git.worktree_name,
        ] {
            *field = Some(text.to_owned());
        }
        session.title = text.to_owned();
        session.author = text.to_owned();
        for source in &mut session.conversation.sources {
            source.agent = text.to_owned();
        }
        for artifact in &mut session.artifacts {
            artifact.name = text.to_owned();
            artifact.role = Some(text.to_owned());
            artifact.version = Some(text.to_owned());
        }
        session.checkpoints = vec![text.into()];
        session.labels = vec![text.to_owned()];
        let nested = Value::Array(vec![text.into(), Value::Object(map_of(text, text.into()))]);
        session.links = map_of(text, nested);
        session.statistics = map_of(text, text.into());
        if let Some(worker) = &mut session.worker {
            worker.host = text.to_owned();
        }
        session
    }

    fn map_of(key: &str, value: Value) -> Map {
        std::iter::once((key.to_owned(), value)).collect()
    }

    #[test]
    fn the_newest_checkpoints_are_listed_and_the_others_counted() {
        let mut session = fixture::session("worker", "running");
        let checkpoint = |number| Checkpoint {
            number,
            tree: fixture::oid(),
            commit: None,
            at: now(),
            n_files: number,
            message: if number == 7 { "before the change".into() } else { String::new() },
            is_automatic: number == 6,
        };
        session.checkpoints = (1..=7).map(|number| checkpoint(number).to_value()).collect();
        let lines = checkpoints(&session, &fixture::piped());
        assert_eq!(lines.len(), 6);
        assert!(lines[0].starts_with("7: 7 files, ") && lines[0].ends_with(", before the change"));
        assert!(lines[1].ends_with(", automatic"), "{lines:?}");
        assert_eq!(lines[5], "and 2 older");
    }

    #[test]
    fn hostile_text_does_not_get_through() {
        let view = fixture::view(made_of(HOSTILE));
        let root = Path::new(HOSTILE);
        let shown =
            written(|out| show(out, &view, root, &RefNames::default(), None, &fixture::piped()));
        assert!(is_harmless(&shown, &['\n']), "{shown}");
    }

    proptest! {
        #[test]
        fn any_text_stays_in_its_place(text in any::<String>()) {
            let shown = shown(made_of(&text), &fixture::terminal(80));
            prop_assert!(is_harmless(&shown, &['\n']));
            let is_placed = |line: &str| {
                let label: String = line.chars().take(LABEL).collect();
                line.is_empty() || label.trim().is_empty() || label.contains(':')
            };
            prop_assert!(shown.lines().skip(1).all(is_placed), "{}", shown);
        }
    }
}
