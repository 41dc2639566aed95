use super::super::{Map, Outcome, Value};
use super::{Content, FileOp, LinkKind, Phase, Role, StopReason, ToolKind, Usage};

/// What happened, with what belongs to it.
#[derive(Debug, Clone, PartialEq)]
pub enum Payload {
    /// `session.start`: an agent began, or went on.
    SessionStart(SessionStart),
    /// `session.end`: it ended.
    SessionEnd(SessionEnd),
    /// `turn.start`: the model was asked for something; who asked, such as `user` or `hook`.
    TurnStart(Option<String>),
    /// `turn.end`: it has answered.
    TurnEnd(TurnEnd),
    /// `message`: somebody said something.
    Message(Message),
    /// `tool.call`: the model wants a tool to run.
    ToolCall(ToolCall),
    /// `tool.result`: it has run.
    ToolResult(ToolResult),
    /// `usage`: tokens were used.
    Usage(Usage),
    /// `compaction`: the conversation was made shorter.
    Compaction(Compaction),
    /// `state`: the session moved; the commit of the move is what counts.
    State(StateChange),
    /// `file`: a file was touched.
    File(FileChange),
    /// `link`: something outside belongs to the session.
    Link(Link),
    /// `meta`: something about the conversation changed.
    Meta(Meta),
    /// `note`: a remark.
    Note(String),
    /// `decision`: something was decided.
    Decision(Decision),
    /// `error`: something failed.
    Error(Fault),
    /// `checkpoint`: the work was saved.
    Checkpoint(Checkpoint),
    /// `raw`: a record of the transcript that no other kind fits, or bytes that are no record.
    Raw {
        /// Why it is raw.
        reason: String,
        /// The record; `None` if it could not be read.
        record: Option<Value>,
    },
    /// `skip`: a record of the transcript that says again what another event says; and why.
    Skip(String),
    /// A kind that this version does not know, with all its fields.
    Other {
        /// Its word.
        kind: String,
        /// Its fields, kept as they are.
        fields: Map,
    },
}

impl Payload {
    /// Returns the word for it.
    pub fn kind(&self) -> &str {
        match self {
            Payload::SessionStart(_) => "session.start",
            Payload::SessionEnd(_) => "session.end",
            Payload::TurnStart(_) => "turn.start",
            Payload::TurnEnd(_) => "turn.end",
            Payload::Message(_) => "message",
            Payload::ToolCall(_) => "tool.call",
            Payload::ToolResult(_) => "tool.result",
            Payload::Usage(_) => "usage",
            Payload::Compaction(_) => "compaction",
            Payload::State(_) => "state",
            Payload::File(_) => "file",
            Payload::Link(_) => "link",
            Payload::Meta(_) => "meta",
            Payload::Note(_) => "note",
            Payload::Decision(_) => "decision",
            Payload::Error(_) => "error",
            Payload::Checkpoint(_) => "checkpoint",
            Payload::Raw { .. } => "raw",
            Payload::Skip(_) => "skip",
            Payload::Other { kind, .. } => kind,
        }
    }
}

/// Makes each struct a payload by `into()`.
macro_rules! payloads {
    ($($name:ident => $variant:ident,)*) => {
        $(impl From<$name> for Payload {
            fn from(it: $name) -> Payload {
                Payload::$variant(it)
            }
        })*
    };
}

payloads! {
    SessionStart => SessionStart,
    SessionEnd => SessionEnd,
    TurnEnd => TurnEnd,
    Message => Message,
    ToolCall => ToolCall,
    ToolResult => ToolResult,
    Usage => Usage,
    Compaction => Compaction,
    StateChange => State,
    FileChange => File,
    Link => Link,
    Meta => Meta,
    Decision => Decision,
    Fault => Error,
    Checkpoint => Checkpoint,
}

/// The beginning of an agent's session.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SessionStart {
    /// The agent program, such as `claude-code`.
    pub agent: Option<String>,
    /// Its version.
    pub agent_version: Option<String>,
    /// The language model.
    pub model: Option<String>,
    /// The directory that it works in.
    pub cwd: Option<String>,
    /// The branch there.
    pub branch: Option<String>,
    /// The commit there.
    pub head: Option<String>,
    /// The linked work tree's name.
    pub worktree: Option<String>,
    /// The agent's session that started this one.
    pub parent_session: Option<String>,
    /// The agent's session that this one goes on from.
    pub resumed_from: Option<String>,
    /// The agent's session that this one is a copy of, up to some event.
    pub forked_from: Option<String>,
}

/// The end of an agent's session.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SessionEnd {
    /// Why, in the agent's word.
    pub reason: Option<String>,
    /// How.
    pub outcome: Option<Outcome>,
}

/// The end of a turn.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TurnEnd {
    /// Why.
    pub stop: Option<StopReason>,
    /// How long it took, in milliseconds.
    pub ms: Option<u64>,
}

/// Something that was said.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// The name of who speaks, where the role has several.
    pub name: Option<String>,
    /// What is said; may be empty.
    pub content: Vec<Content>,
    /// The id of the answer that it is a part of.
    pub msg: Option<String>,
    /// The language model that speaks.
    pub model: Option<String>,
    /// Whether the agent program said it in the person's or the model's place.
    pub is_meta: bool,
}

impl Message {
    /// Returns a message of `role` with nothing but `content`.
    pub fn new(role: Role, content: Vec<Content>) -> Message {
        Message { role, name: None, content, msg: None, model: None, is_meta: false }
    }
}

/// A tool that the model wants to run.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolCall {
    /// The id that its result has too.
    pub call: String,
    /// The tool.
    pub name: String,
    /// What it does.
    pub tool_kind: Option<ToolKind>,
    /// What it was given: mostly an object.
    pub input: Value,
    /// The id of the answer that it is a part of.
    pub msg: Option<String>,
    /// Whether it may, and who says so.
    pub governance: Option<Governance>,
}

/// Whether a tool may run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Governance {
    /// Whether it may.
    pub is_allowed: bool,
    /// Why.
    pub reason: Option<String>,
    /// Who says so.
    pub by: Option<String>,
    /// Keys that this version does not know, kept as they are.
    pub extra: Map,
}

/// What a tool gave.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ToolResult {
    /// The id of the call.
    pub call: String,
    /// Whether it worked; `None` where nobody says.
    pub is_ok: Option<bool>,
    /// What the model gets to see.
    pub content: Vec<Content>,
    /// What the agent keeps beside that.
    pub detail: Option<Value>,
    /// How long it took, in milliseconds.
    pub ms: Option<u64>,
    /// Whether something was cut off.
    pub is_truncated: bool,
}

/// A shortening of the conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct Compaction {
    /// What is told of it.
    pub phase: Phase,
    /// What caused it, such as `auto` or `manual`.
    pub trigger: Option<String>,
    /// The tokens before it.
    pub pre_tokens: Option<u64>,
    /// The tokens after it.
    pub post_tokens: Option<u64>,
    /// What the model goes on with.
    pub summary: Option<String>,
}

impl Compaction {
    /// Returns the bare fact.
    pub fn new(phase: Phase) -> Compaction {
        Compaction { phase, trigger: None, pre_tokens: None, post_tokens: None, summary: None }
    }
}

/// A move of the session.
#[derive(Debug, Clone, PartialEq)]
pub struct StateChange {
    /// The lifecycle.
    pub machine: Option<String>,
    /// The status before.
    pub from: Option<String>,
    /// The status after.
    pub to: String,
    /// Why.
    pub cause: Option<String>,
    /// Who.
    pub by: Option<String>,
}

/// A file that was touched.
#[derive(Debug, Clone, PartialEq)]
pub struct FileChange {
    /// The file.
    pub path: String,
    /// What was done to it.
    pub op: FileOp,
    /// The id of the tool call that did it.
    pub call: Option<String>,
    /// The id of its blob before.
    pub before: Option<String>,
    /// The id of its blob after.
    pub after: Option<String>,
}

/// Something outside that belongs to the session.
#[derive(Debug, Clone, PartialEq)]
pub struct Link {
    /// What it is.
    pub to: LinkKind,
    /// Its id, number or address.
    pub target: String,
}

/// What changed about the conversation.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Meta {
    /// Its title.
    pub title: Option<String>,
    /// The agent's mode, such as `plan`.
    pub mode: Option<String>,
    /// The language model.
    pub model: Option<String>,
    /// The directory that the agent works in.
    pub cwd: Option<String>,
    /// The branch there.
    pub branch: Option<String>,
    /// The id of the event that the conversation went back to.
    pub rewound_to: Option<String>,
}

/// Something that was decided.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Decision {
    /// What was decided.
    pub text: String,
    /// Why.
    pub rationale: Option<String>,
    /// What else was looked at.
    pub alternatives: Vec<String>,
}

/// Something that failed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fault {
    /// What failed.
    pub message: String,
    /// Whether work can go on.
    pub is_recoverable: Option<bool>,
    /// Whether work went on: this is the recovery of an earlier error.
    pub is_recovered: bool,
}

/// A saved state of the work.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Checkpoint {
    /// What it is called.
    pub name: Option<String>,
    /// The commit or tree that holds it.
    pub commit: Option<String>,
}
