//! The nouns: what a session is, without git, clock, or input and output.
//!
//! Nothing here fails for outside reasons. Start reading at [`Session`].

mod checkpoint;
mod class;
pub mod conversation;
mod id;
mod link;
mod map;
mod oid;
mod outcome;
mod session;
pub mod text;
mod timestamp;

pub use checkpoint::Checkpoint;
pub use class::Class;
pub use id::{Handle, IdPrefix, SessionId};
pub use link::{CommitLink, KnownBy, PatchSize};
pub use map::{Map, Value};
pub use oid::{HashKind, Oid};
pub use outcome::Outcome;
pub use session::{Artifact, GitContext, Identity, Session, Tokens, Worker};
pub use timestamp::Timestamp;
