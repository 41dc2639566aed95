//! Why a commit or a line is there, for people.

use std::io::{self, Write};

use super::sanitize::{to_terminal, to_terminal_lines};
use super::style::{Slot, Style};
use super::time::{counted, dated};
use crate::model::conversation::Content;
use crate::model::{Oid, SessionId};
use crate::ops::claims::{Confidence, Evidence, Standing};
use crate::ops::moment::Call;
use crate::ops::why::{Answer, Group, Lines, Told};

/// The most lines of a request, and of what was done, that are told.
const MAX_LINES: usize = 20;
/// What stands for a session where there is none.
const NONE: &str = "--------";
/// What stands for a session where the line is not committed yet.
const NEW: &str = "++++++++";

/// Writes what is told of each commit, an empty line between two.
///
/// # Errors
/// Those of `out`.
pub fn groups(out: &mut dyn Write, groups: &[Group], style: &Style) -> io::Result<()> {
    for (idx, group) in groups.iter().enumerate() {
        if idx > 0 {
            writeln!(out)?;
        }
        write_group(out, group, style)?;
    }
    Ok(())
}

fn write_group(out: &mut dyn Write, group: &Group, style: &Style) -> io::Result<()> {
    if let Some(commit) = &group.commit {
        let name = format!("commit {}", commit.oid.short());
        let subject = to_terminal(commit.subject());
        writeln!(out, "{} {subject}", style.paint(Some(Slot::Handle), &name))?;
        writeln!(out, "Author:   {}", to_terminal(&commit.author.to_string()))?;
        writeln!(out, "Date:     {}", dated(commit.authored_at, style.now))?;
    }
    if !group.lines.is_empty() {
        writeln!(out, "Lines:    {}", ranges(&group.lines))?;
    }
    if let Some(text) = nothing(&group.answer) {
        writeln!(out, "Session:  {text}")?;
    }
    group.sessions.iter().try_for_each(|told| write_session(out, told, style))
}

/// Returns why there is no session to be told of, where there is none.
fn nothing(answer: &Answer) -> Option<String> {
    match answer {
        Answer::NoSession => Some("none that is known here".to_owned()),
        Answer::NotCommitted => Some("not committed yet".to_owned()),
        Answer::Failed(reason) => Some(format!("cannot be found out: {}", to_terminal(reason))),
        Answer::Found | Answer::NoTranscript | Answer::NotFetched => None,
    }
}

fn write_session(out: &mut dyn Write, told: &Told, style: &Style) -> io::Result<()> {
    let claim = &told.claim;
    let handle = claim.session_id.handle();
    let handle = style.paint(Some(Slot::Handle), handle.as_str());
    let known = evidence(claim.evidence, claim.confidence);
    let Some(session) = &told.session else {
        let why = match &claim.standing {
            Standing::Damaged(reason) => format!("damaged: {}", to_terminal(reason)),
            _ => format!("not in this repository: {}", claim.session_id),
        };
        writeln!(out, "Session:  {handle} ({why})")?;
        return writeln!(out, "Known by: {known}");
    };
    writeln!(out, "Session:  {handle} \"{}\"", to_terminal(&session.title))?;
    writeln!(out, "Known by: {known}")?;
    let then = claim.link.as_ref().and_then(|link| link.status.as_deref());
    let now = match session.outcome {
        Some(outcome) => format!("{}, {outcome}", session.status),
        None => session.status.clone(),
    };
    match then {
        Some(then) if then == session.status => writeln!(out, "State:    {}", to_terminal(&now))?,
        Some(then) => {
            writeln!(out, "State:    {} (now {})", to_terminal(then), to_terminal(&now))?;
        }
        None => writeln!(out, "State:    not known then (now {})", to_terminal(&now))?,
    }
    let who: Vec<&str> = session.agent.iter().chain(&session.model).map(String::as_str).collect();
    if !who.is_empty() {
        writeln!(out, "Agent:    {}", to_terminal(&who.join(", ")))?;
    }
    write_moment(out, told)
}

/// Returns what speaks for a session, and how sure it is.
fn evidence(evidence: Evidence, confidence: Confidence) -> String {
    let what = match evidence {
        Evidence::Record if confidence == Confidence::Certain => "the session recorded the commit",
        Evidence::Record => "only the session says so, in its record",
        Evidence::Part => "the session recorded a part of it, and no session is known of the rest",
        Evidence::Patch => "the session recorded the same change",
        Evidence::Tree => "the session recorded commits that led to the same tree",
        Evidence::Squash => "the session recorded commits that change the same together",
        Evidence::Trailer => "only the commit says so, in its trailer",
        Evidence::Note => "only a note on the commit says so",
    };
    format!("{what} ({})", confidence.as_str())
}

fn write_moment(out: &mut dyn Write, told: &Told) -> io::Result<()> {
    let moment = &told.moment;
    match &moment.request {
        Some(request) => block(out, "Asked", &request.what)?,
        None => writeln!(out, "Asked:    (nothing was said; see the title)")?,
    }
    if !moment.calls.is_empty() {
        let n = moment.calls.len();
        let mut lines: Vec<String> = moment.calls.iter().take(MAX_LINES).map(call).collect();
        if n > MAX_LINES {
            lines.push(format!("and {} more", n - MAX_LINES));
        }
        block(out, &format!("Done ({})", counted(n as u64, "tool call")), &lines.join("\n"))?;
    }
    for decision in &moment.decisions {
        let decision = &decision.what;
        let reason = decision.rationale.iter().map(|it| format!("\nbecause {it}"));
        block(out, "Decided", &format!("{}{}", decision.text, reason.collect::<String>()))?;
    }
    for message in &moment.messages {
        let text = Content::text_of(&message.what.content);
        if !text.trim().is_empty() {
            whole(out, &format!("Said by {}", message.what.role), &text)?;
        }
    }
    Ok(())
}

/// Returns a call on one line.
fn call(call: &Call) -> String {
    let gap = if call.input.is_empty() { "" } else { " " };
    let failed = if call.is_ok == Some(false) { " (failed)" } else { "" };
    format!("{}{gap}{}{failed}", call.name, call.input)
}

/// Writes the first lines of a text below its name.
fn block(out: &mut dyn Write, name: &str, text: &str) -> io::Result<()> {
    let n_lines = text.trim().lines().count();
    let shown: Vec<&str> = text.trim().lines().take(MAX_LINES + 1).collect();
    whole(out, name, &shown.join("\n"))?;
    match n_lines.saturating_sub(shown.len()) {
        0 => Ok(()),
        n => writeln!(out, "    ({n} more lines)"),
    }
}

fn whole(out: &mut dyn Write, name: &str, text: &str) -> io::Result<()> {
    writeln!(out, "{name}:")?;
    let text = to_terminal_lines(text.trim()).replace('\t', "        ");
    text.lines().try_for_each(|line| match line.trim_end() {
        "" => writeln!(out),
        line => writeln!(out, "    {line}"),
    })
}

/// Returns `3-5, 8`.
fn ranges(lines: &[(u64, u64)]) -> String {
    let range = |(first, last): &(u64, u64)| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    };
    lines.iter().map(range).collect::<Vec<_>>().join(", ")
}

/// Writes each line of a file behind the session that made it, in the columns of `git blame`. A `?` behind a
/// session says that this is only a claim.
///
/// # Errors
/// Those of `out`.
pub fn lines(out: &mut dyn Write, lines: &Lines, style: &Style) -> io::Result<()> {
    let most = lines.lines.last().map(|line| line.number.to_string().len()).unwrap_or_default();
    for line in &lines.lines {
        let group = &lines.groups[line.group];
        let (name, mark) = match group.sessions.first() {
            Some(told) => {
                let is_claim = told.claim.confidence == Confidence::Claimed;
                (short(told.claim.session_id), if is_claim { '?' } else { ' ' })
            }
            None if group.answer == Answer::NotCommitted => (NEW.to_owned(), ' '),
            None => (NONE.to_owned(), ' '),
        };
        let date = group.commit.as_ref().map_or_else(
            || " ".repeat(10),
            |commit| commit.authored_at.to_utc().format("%Y-%m-%d").to_string(),
        );
        let name = style.paint(Some(Slot::Handle), &name).to_string();
        let text = to_terminal_lines(&line.text);
        let text = text.trim_end_matches('\n');
        let gap = if text.is_empty() { "" } else { " " };
        writeln!(out, "{name}{mark} {date} {:>most$}){gap}{text}", line.number)?;
    }
    Ok(())
}

fn short(session_id: SessionId) -> String {
    session_id.handle().to_string()
}

/// Returns why no session is told of, for one that asked for a commit or a line.
pub fn refusal(groups: &[Group]) -> String {
    let name = |oid: Oid| format!("commit {}", oid.short());
    let Some(group) = groups.first() else { return "there are no lines".to_owned() };
    let what = group.commit.as_ref().map_or_else(|| "these lines".to_owned(), |it| name(it.oid));
    let handle = |told: Option<&Told>| {
        told.map(|told| told.claim.session_id.handle().to_string()).unwrap_or_default()
    };
    match &group.answer {
        Answer::NoSession => format!("no session is known that made {what}"),
        Answer::NotCommitted => "these lines are not committed yet".to_owned(),
        Answer::Failed(reason) => format!("cannot find out who made {what}: {reason}"),
        Answer::NotFetched => {
            let session = handle(group.sessions.first());
            format!("session {session}, which {what} names, is not in this repository")
        }
        Answer::NoTranscript | Answer::Found => {
            let session = handle(group.sessions.iter().find(|told| told.session.is_some()));
            format!("session {session} has no conversation that tells more of {what}")
        }
    }
}
