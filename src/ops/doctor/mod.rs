//! Finding what is wrong with sessions and with what this clone keeps of them, and repairing what is safe to
//! repair. Start reading at [`examine`].

mod local;
mod sessions;

use crate::model::SessionId;
use crate::ops::OpError;
use crate::ops::redaction::Redaction;
use crate::store::Store;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A session cannot be read, or a part of it is missing.
    Damaged,
    /// A session's record and its newest commit do not say the same.
    Mismatch,
    /// A secret is stored.
    Secret,
    /// A worker is gone, and nobody recorded how.
    Lost,
    /// A lock is there for longer than any command takes.
    Lock,
    /// What is kept of a worker or an agent has no session.
    Leftover,
    /// A lease is not trusted.
    Lease,
    /// An agent is told to call a program that is not there.
    Agent,
    /// A hook of git's is not as this program would install it.
    Hook,
}

impl Kind {
    /// Returns the word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Damaged => "damaged",
            Kind::Mismatch => "mismatch",
            Kind::Secret => "secret",
            Kind::Lost => "lost",
            Kind::Lock => "lock",
            Kind::Leftover => "leftover",
            Kind::Lease => "lease",
            Kind::Agent => "agent",
            Kind::Hook => "hook",
        }
    }

    /// Tells whether something is lost or unusable by it.
    pub fn is_error(self) -> bool {
        matches!(self, Kind::Damaged | Kind::Mismatch)
    }
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is.
    pub kind: Kind,
    /// On one line.
    pub text: String,
    /// What can be done about it.
    pub hint: Option<String>,
    /// The session.
    pub session_id: Option<SessionId>,
    /// The file: of a secret in the session's tree, else below the common git directory.
    pub path: Option<String>,
    /// The rule that a secret is found by.
    pub rule: Option<String>,
    /// Whether it was repaired.
    pub is_fixed: bool,
}

impl Finding {
    /// Returns a finding that is about no session.
    pub fn new(kind: Kind, text: impl Into<String>) -> Finding {
        Finding {
            kind,
            text: text.into(),
            hint: None,
            session_id: None,
            path: None,
            rule: None,
            is_fixed: false,
        }
    }

    fn of(kind: Kind, session_id: SessionId, text: impl Into<String>) -> Finding {
        Finding { session_id: Some(session_id), ..Finding::new(kind, text) }
    }

    /// Adds what can be done about it.
    pub fn hint(self, hint: impl Into<String>) -> Finding {
        Finding { hint: Some(hint.into()), ..self }
    }

    fn at(self, path: impl Into<String>) -> Finding {
        Finding { path: Some(path.into()), ..self }
    }
}

/// Looks at all sessions and at what this clone keeps of them; with `fixes`, repairs what no other process can
/// still need. `rules` say what a secret is.
///
/// # Errors
/// [`OpError::Store`] when the refs cannot be listed at all, and what making `rules` fails for.
#[tracing::instrument(skip_all)]
pub fn examine(store: &Store, rules: &Redaction, fixes: bool) -> Result<Vec<Finding>, OpError> {
    let mut findings = sessions::examine(store, rules)?;
    findings.extend(local::locks(store, fixes)?);
    findings.extend(local::leftovers(store, fixes)?);
    findings.extend(local::hooks(store)?);
    Ok(findings)
}
