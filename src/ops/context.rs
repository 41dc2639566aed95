use crate::model::{Identity, Timestamp};
use crate::ops::hook::Hooks;
use crate::ops::redaction::Redaction;
use crate::store::{SettingsAt, Stamp};

/// What a use case needs of the world: values only, taken once per process.
#[derive(Debug, Clone)]
pub struct Context {
    /// The present moment.
    pub now: Timestamp,
    /// Who acts.
    pub author: Identity,
    /// Who runs us.
    pub committer: Identity,
    /// The agent program that runs us, if any, such as `claude-code`.
    pub agent: Option<String>,
    /// The UUID of this write: the same one again means the same write again.
    pub op: String,
    /// Whether `op` is the caller's own, so that an earlier write with it may exist.
    pub op_is_given: bool,
    /// The session that the environment names (`GIT_SESSION`).
    pub session_name: Option<String>,
    /// Where git's settings are; `None` if some are in the environment itself.
    pub settings_at: Option<SettingsAt>,
    /// A process that was above this one when it was started, where that has been left behind since.
    pub caller: Option<u32>,
    /// How the user's hooks are run.
    pub hooks: Hooks,
    /// What keeps secrets out of what is written.
    pub redaction: Redaction,
}

impl Context {
    /// Returns who and when, for a commit.
    pub fn stamp(&self) -> Stamp {
        Stamp { author: self.author.clone(), committer: self.committer.clone(), at: self.now }
    }
}
