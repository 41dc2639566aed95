use schemars::JsonSchema;
use serde::Serialize;

/// The answer to an import.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct ImportObject {
    /// The files that were read.
    pub sessions: Vec<TakenObject>,
    /// The files that were not.
    pub failed: Vec<UntakenObject>,
}

/// A file that is a session now.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct TakenObject {
    /// The file.
    pub path: String,
    /// The session.
    pub id: String,
    /// created, updated or unchanged.
    pub result: String,
}

/// A file that is none.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct UntakenObject {
    /// The file.
    pub path: String,
    /// Why not.
    pub reason: String,
}
