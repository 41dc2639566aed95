use super::conversation::Extent;
use super::{Map, Outcome, SessionId, Timestamp, Value};

/// Everything that is recorded of a session after one of its events.
///
/// What can be computed (handle, class, whether its worker is seen) is not in here.
#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    /// Never changes.
    pub id: SessionId,
    /// The number of events so far, this one included; the first has 1.
    pub seq: u64,
    /// A name of the caller's choice, for the command line.
    pub name: Option<String>,
    /// One line: what the session is for.
    pub title: String,
    /// The name of the lifecycle that the session follows.
    pub lifecycle: String,
    /// A state of that lifecycle.
    pub status: String,
    /// While paused, the state to go back to.
    pub paused_from: Option<String>,
    /// One of the lifecycle's phases, where it has any.
    pub phase: Option<String>,
    /// Set when the session has ended.
    pub outcome: Option<Outcome>,
    /// Why it is in its present state, in the words of who put it there.
    pub reason: Option<String>,
    /// Never changes.
    pub created_at: Timestamp,
    /// When the newest event happened.
    pub updated_at: Timestamp,
    /// When it was first in an active state.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Who made the session: `Name <mail>`.
    pub author: String,
    /// The agent program that works, such as `claude-code`.
    pub agent: Option<String>,
    /// The language model that the agent uses.
    pub model: Option<String>,
    /// The part that the worker plays, such as `engineer`.
    pub role: Option<String>,
    /// The session that this one continues or was started from.
    pub parent: Option<SessionId>,
    /// Where the repository stood when the session was made.
    pub git: GitContext,
    /// The branch that the work is done on.
    pub branch: Option<String>,
    /// What the session belongs to: issue, prd, chain, task, and others.
    pub links: Map,
    /// Words to find it by, in the order they were given, each once.
    pub labels: Vec<String>,
    /// Counters and durations.
    pub statistics: Map,
    /// Limits and switches for the worker.
    pub configuration: Map,
    /// What the language model was fed and answered.
    pub tokens: Tokens,
    /// How much of the conversation is kept.
    pub conversation: Extent,
    /// Commits made in the session, as recorded.
    pub commits: Vec<Value>,
    /// Checkpoints of the work tree, as recorded.
    pub checkpoints: Vec<Value>,
    /// Files kept with the session.
    pub artifacts: Vec<Artifact>,
    /// The process that works on it, as its owner recorded it; for readers only.
    pub worker: Option<Worker>,
    /// Keys that this version does not know, kept as they are.
    pub extra: Map,
}

/// Where a repository stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GitContext {
    /// The branch that HEAD is on, born or not; `None` if detached.
    pub branch: Option<String>,
    /// The full id of HEAD's commit; `None` if unborn.
    pub commit: Option<String>,
    /// Whether the work tree is a linked one.
    pub is_worktree: bool,
    /// The linked work tree's name.
    pub worktree_name: Option<String>,
    /// Keys that this version does not know, kept as they are.
    pub extra: Map,
}

/// A language model's token counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Fed, cache reads and writes not included.
    pub input: u64,
    /// Answered.
    pub output: u64,
    /// Fed from the provider's cache.
    pub cache_read: u64,
    /// Written to the provider's cache.
    pub cache_write: u64,
    /// Keys that this version does not know, kept as they are.
    pub extra: Map,
}

impl Tokens {
    /// Returns the sum of all four; the largest number if it would be larger.
    pub fn total(&self) -> u64 {
        [self.output, self.cache_read, self.cache_write]
            .into_iter()
            .fold(self.input, u64::saturating_add)
    }
}

/// A file kept with a session, at `artifacts/<name>` in its tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// A plain file name.
    pub name: String,
    /// What it is to the session, such as `prd` or `report`.
    pub role: Option<String>,
    /// Its version, in the words of who attached it.
    pub version: Option<String>,
    /// Its size in bytes.
    pub n_bytes: u64,
    /// When it was attached.
    pub attached_at: Timestamp,
    /// Keys that this version does not know, kept as they are.
    pub extra: Map,
}

/// The process that works on a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worker {
    /// Its process id, above 1.
    pub pid: u32,
    /// The host it runs on.
    pub host: String,
    /// When it was started.
    pub started_at: Timestamp,
    /// Its command line.
    pub command: Vec<String>,
    /// Keys that this version does not know, kept as they are.
    pub extra: Map,
}

/// Somebody, as git writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The name.
    pub name: String,
    /// The mail address.
    pub email: String,
}

impl std::fmt::Display for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} <{}>", self.name, self.email)
    }
}
