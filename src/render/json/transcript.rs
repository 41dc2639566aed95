use schemars::JsonSchema;
use serde::Serialize;

/// What became of transcripts.
#[derive(Debug, Default, Clone, Serialize, JsonSchema)]
pub struct TranscriptsObject {
    /// The files that were read, and of a file with several sessions, each.
    pub sessions: Vec<TranscriptObject>,
    /// The files that are no transcript of a known agent.
    pub skipped: Vec<String>,
    /// The files that could not be imported.
    pub failed: Vec<FailedObject>,
}

/// What became of a transcript.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct TranscriptObject {
    /// The file, as it was named or found.
    pub path: String,
    /// The agent.
    pub agent: String,
    /// The agent's own id of its session.
    pub native_id: String,
    /// The session; null where one would be made.
    pub id: Option<String>,
    /// `created`, `updated` or `unchanged`.
    pub result: String,
    /// How many bytes are new.
    pub bytes: u64,
    /// How many things are said in them.
    pub messages: u64,
    /// How many tools are called in them.
    pub tool_calls: u64,
}

/// A file that could not be imported.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct FailedObject {
    /// The file.
    pub path: String,
    /// Why.
    pub reason: String,
}
