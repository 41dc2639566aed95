//! A transcript that somebody else writes, as its session knows it.

use std::rc::Rc;

use crate::agents::{AgentKind, Lineage};
use crate::ops::OpError;
use crate::ops::converted::Converted;
use crate::ops::lineage::Kept;
use crate::ops::redaction::Redaction;

/// A transcript, as its session knows it.
#[derive(Debug, Clone)]
pub struct Foreign<'a> {
    /// Whose it is.
    pub kind: AgentKind,
    /// The agent's own id of the session.
    pub native_id: Option<String>,
    /// Where it is, with `~` for the home directory. The file is known again by it.
    pub path: String,
    /// What other transcripts had that this one may be copied from: that was counted there.
    pub lineage: Lineage,
    /// The transcripts of this repository, of which it may be a copy, too.
    pub kept: &'a Kept,
    /// Whether nobody writes it any more: then a torn last line is taken, too. Else it waits.
    pub is_final: bool,
    /// What somebody else made of it, if no reader here knows it.
    pub converted: Option<Rc<Converted>>,
}

impl Foreign<'_> {
    /// Returns what its source is called.
    pub(super) fn source(&self) -> &str {
        self.converted.as_ref().map_or(self.kind.as_str(), |it| &it.source)
    }

    /// Returns the agent program, if that is known.
    pub(super) fn agent(&self) -> Option<&str> {
        let known = || {
            Some(self.kind.name_at(Some(&self.path))).filter(|_| self.kind != AgentKind::Unknown)
        };
        self.converted.as_ref().map(|it| it.agent.as_str()).or_else(known)
    }

    /// Takes the secrets out of what names it, which is kept, and by which it is known again.
    ///
    /// # Errors
    /// What redaction fails for.
    pub fn without_secrets(mut self, redaction: &Redaction) -> Result<Self, OpError> {
        redaction.text(&mut self.path)?;
        if let Some(id) = &mut self.native_id {
            redaction.text(id)?;
        }
        Ok(self)
    }
}
