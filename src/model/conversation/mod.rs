//! What is said and done in a session: the neutral events that every agent's transcript comes to.
//!
//! Start reading at [`Event`]. How an event is spelled is in `format::event`; which agent writes what
//! is in `agents`.

mod content;
mod event;
mod extent;
mod payload;
mod totals;
mod usage;
mod word;

pub use content::{Content, Image};
pub use event::{Event, Source};
pub use extent::{Extent, SourceFile};
pub use payload::{
    Checkpoint, Compaction, Decision, Fault, FileChange, Governance, Link, Message, Meta, Payload,
    SessionEnd, SessionStart, StateChange, ToolCall, ToolResult, TurnEnd,
};
pub use totals::Totals;
pub use usage::{Cost, Usage};
pub use word::{FileOp, LinkKind, Phase, Role, StopReason, ToolKind};
