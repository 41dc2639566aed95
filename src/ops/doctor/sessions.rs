//! What is wrong with what is stored.

use super::{Finding, Kind};
use crate::format::message::Excerpt;
use crate::model::{Oid, SessionId};
use crate::ops::leaks::{Leak, Search};
use crate::ops::load::{self, View};
use crate::ops::observe::Observed;
use crate::ops::redaction::Redaction;
use crate::ops::{OpError, reap};
use crate::store::{Fault, Store};

/// Looks at all sessions' refs, and through each session.
pub(super) fn examine(store: &Store, rules: &Redaction) -> Result<Vec<Finding>, OpError> {
    let tips = store.tips()?;
    let mut findings: Vec<Finding> = tips.faults.iter().map(broken_ref).collect();
    let mut search = Search::new(store, rules);
    for (session_id, tip_oid) in tips.sessions {
        findings.extend(record(store, session_id, tip_oid));
        match search.leaks(session_id, tip_oid, None) {
            Ok(leaks) => findings.extend(leaks.into_iter().map(secret)),
            Err(OpError::Store(error)) => {
                let text = format!("session {}: {error}", session_id.handle());
                let is_told = findings.iter().any(|it| {
                    it.session_id == Some(session_id) && it.text.ends_with(&error.to_string())
                });
                findings.extend((!is_told).then(|| damaged(session_id, text)));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(findings)
}

fn broken_ref(fault: &Fault) -> Finding {
    let Fault { name, reason } = fault;
    if name == Fault::ARCHIVE {
        let finding = Finding::new(Kind::Damaged, format!("the archive is damaged: {reason}"));
        let hint = "\"git reflog show refs/sessions-archive/v1\" tells what it was before";
        return finding.at("refs/sessions-archive/v1").hint(hint);
    }
    let text = format!("refs/sessions/{name} is no session: {reason}");
    let finding = Finding::new(Kind::Damaged, text).at(format!("refs/sessions/{name}"));
    let finding = Finding { session_id: SessionId::parse(name), ..finding };
    match reason.contains("symbolic ref") {
        true => finding.hint(format!("\"git symbolic-ref -d refs/sessions/{name}\" removes it")),
        false => {
            finding.hint(format!("\"git reflog show refs/sessions/{name}\" may tell what it was"))
        }
    }
}

fn damaged(session_id: SessionId, text: String) -> Finding {
    let hint = format!(
        "\"git reflog show refs/sessions/{session_id}\" tells what it was before; \
         \"git session delete --force {session_id}\" removes it"
    );
    Finding::of(Kind::Damaged, session_id, text).hint(hint)
}

/// Looks at the newest event of a session.
fn record(store: &Store, session_id: SessionId, tip_oid: Oid) -> Option<Finding> {
    let handle = session_id.handle();
    let view = match load::load_from(store, session_id, tip_oid) {
        Ok(loaded) => loaded.view,
        // Deleted since it was listed.
        Err(OpError::NotFound { .. }) => return None,
        Err(error @ OpError::Newer { .. }) => {
            let finding = Finding::of(Kind::Damaged, session_id, error.to_string());
            return Some(finding.hint("update git-session to read it"));
        }
        Err(OpError::Corrupt { reason, .. }) => {
            return Some(damaged(session_id, format!("session {handle} cannot be read: {reason}")));
        }
        Err(error) => return Some(damaged(session_id, format!("session {handle}: {error}"))),
    };
    if let Some(what) = mismatch(store, &view) {
        let text = format!("session {handle}: its record and its newest commit disagree ({what})");
        let hint = "the record decides; the next event puts it right, as in \"git session update\"";
        return Some(Finding::of(Kind::Mismatch, session_id, text).hint(hint));
    }
    (view.observed == Observed::Lost).then(|| {
        let text = format!("session {handle}: {}", reap::LOST);
        Finding::of(Kind::Lost, session_id, text).hint("\"git session reap\" puts it aside")
    })
}

/// Returns what the trailers of the newest commit and the record do not agree on.
fn mismatch(store: &Store, view: &View) -> Option<&'static str> {
    let message = store.message(view.tip).ok()?;
    let told = Excerpt::from_message(&message)?;
    let known = Excerpt::of(&view.session, view.class);
    let pairs = [
        ("Session-Id", told.id == known.id),
        ("Session-Seq", told.seq == known.seq),
        ("Session-Status", told.status == known.status),
        ("Session-Class", told.class == known.class),
        ("Session-Outcome", told.outcome == known.outcome),
        ("Session-Lifecycle", told.lifecycle == known.lifecycle),
        ("Session-Name", told.name == known.name),
        ("Session-Title", told.title.trim() == known.title.trim()),
        ("Session-Branch", told.branch == known.branch),
    ];
    pairs.into_iter().find(|(_, is_same)| !is_same).map(|(what, _)| what)
}

fn secret(leak: Leak) -> Finding {
    let (session_id, handle) = (leak.session_id, leak.session_id.handle());
    let text = format!("session {handle} has a secret in {} ({})", leak.place(), leak.rule);
    let hint = format!(
        "change the secret where it is used; it stays in the repository until \
         \"git session delete {handle}\" and \"git gc --prune=now\""
    );
    let finding = Finding::of(Kind::Secret, session_id, text).hint(hint);
    Finding { path: leak.path, rule: Some(leak.rule), ..finding }
}
