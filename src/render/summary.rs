//! A summary in Markdown, for a pull request. The same sessions and commits give the same text.
//!
//! What sessions say is escaped as in [`markdown`](super::markdown).

use std::io::{self, Write};

use super::markdown::{fenced, inline, tokens};
use super::sanitize::to_terminal;
use super::time::counted;
use crate::ops::claims::Confidence;
use crate::ops::summary::{Commit, Part, Summary};

/// Writes a summary.
///
/// # Errors
/// Those of `out`.
pub fn summary(out: &mut dyn Write, summary: &Summary) -> io::Result<()> {
    writeln!(out, "## Sessions")?;
    if summary.parts.is_empty() {
        writeln!(out, "\nNone is known.")?;
    }
    summary.parts.iter().try_for_each(|part| write_part(out, part))?;
    if !summary.others.is_empty() {
        let n = counted(summary.others.len() as u64, "commit");
        writeln!(out, "\n### {n} without a session\n")?;
        summary.others.iter().try_for_each(|commit| write_commit(out, commit, ""))?;
    }
    if !summary.faults.is_empty() {
        writeln!(out, "\n### Not to be read\n")?;
        for fault in &summary.faults {
            writeln!(out, "- {}: {}", inline(&fault.name), inline(&fault.reason))?;
        }
    }
    Ok(())
}

fn write_part(out: &mut dyn Write, part: &Part) -> io::Result<()> {
    let session = &part.session;
    writeln!(out, "\n### {}\n", inline(&session.title))?;
    let outcome = session.outcome.map(|it| format!(", {it}")).unwrap_or_default();
    let mut facts = vec![
        ("Session", Some(format!("{} ({}{outcome})", session.id.handle(), session.status))),
        ("Agent", session.agent.clone()),
        ("Model", session.model.clone()),
        ("Tokens", tokens(session)),
    ];
    let reason = session.reason.clone().filter(|_| session.outcome.is_some());
    facts.push(("Result", reason));
    for (name, value) in facts {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            writeln!(out, "- {name}: {}", inline(&value))?;
        }
    }
    write_said(out, part)?;
    if !part.commits.is_empty() {
        writeln!(out, "\n#### Commits\n")?;
    }
    part.commits.iter().try_for_each(|commit| {
        let is_claim = commit.confidence == Confidence::Claimed;
        write_commit(out, commit, if is_claim { " (claimed)" } else { "" })
    })
}

fn write_said(out: &mut dyn Write, part: &Part) -> io::Result<()> {
    if !part.requests.is_empty() {
        writeln!(out, "\n#### Asked\n")?;
        part.requests.iter().try_for_each(|request| fenced(out, request))?;
    }
    if !part.decisions.is_empty() {
        writeln!(out, "\n#### Decided\n")?;
    }
    for decision in &part.decisions {
        let reason = decision.rationale.iter().map(|it| format!(" (because {})", inline(it)));
        writeln!(out, "- {}{}", inline(&decision.text), reason.collect::<String>())?;
    }
    if !part.checks.is_empty() {
        writeln!(out, "\n#### Checked\n")?;
    }
    for check in &part.checks {
        let result = match check.is_ok {
            Some(true) => "passed",
            Some(false) => "failed",
            None => "ran",
        };
        writeln!(out, "- {result}: {}", inline(&check.input))?;
    }
    Ok(())
}

fn write_commit(out: &mut dyn Write, commit: &Commit, mark: &str) -> io::Result<()> {
    let subject = commit.subject.as_deref().map_or("(not here)".into(), to_terminal);
    writeln!(out, "- {} {}{mark}", commit.commit_oid.short(), inline(&subject))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::conversation::Decision;
    use crate::ops::moment::Call;
    use crate::render::fixture::{self, HOSTILE, is_harmless, written};

    fn part(text: &str) -> Part {
        let mut session = fixture::session("feature", "implementing");
        session.title = text.to_owned();
        Part {
            session: Box::new(session),
            commits: vec![Commit {
                commit_oid: fixture::oid(),
                subject: Some(text.to_owned()),
                confidence: Confidence::Claimed,
            }],
            requests: vec![text.to_owned()],
            decisions: vec![Decision {
                text: text.to_owned(),
                rationale: Some(text.to_owned()),
                alternatives: Vec::new(),
            }],
            checks: vec![Call { name: text.into(), input: text.into(), is_ok: Some(false) }],
        }
    }

    #[test]
    fn what_a_session_says_is_no_markdown() {
        for text in ["<img src=x> ``` [a](b) # | *", HOSTILE] {
            let summed = Summary { parts: vec![part(text)], ..Summary::default() };
            let shown = written(|out| summary(out, &summed));
            assert!(is_harmless(&shown, &['\n', '\t']), "{shown}");
            let raw = shown.lines().filter(|line| line.contains("<img")).collect::<Vec<_>>();
            assert!(raw.iter().all(|line| line.contains("\\<img") || **line == *text), "{shown}");
            assert_eq!(shown.matches("\n- failed: ").count(), 1);
        }
    }
}
