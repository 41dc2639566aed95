//! Results to bytes, on any [`std::io::Write`]. No answer depends on locale, and only what goes to
//! people depends on the terminal.
//!
//! It knows results of `ops` and nothing of how they were asked for. What machines read (JSON,
//! porcelain, formats) is public; what people read may change, and whatever it shows of a session
//! goes through [`sanitize`].

mod columns;
pub mod commit;
pub mod conversation;
#[cfg(test)]
mod fixture;
pub mod format;
pub mod grep;
pub mod json;
pub mod lifecycle;
pub mod limits;
pub mod list;
pub mod log;
pub mod markdown;
pub mod porcelain;
pub mod sanitize;
pub mod session;
pub mod stats;
pub mod style;
pub mod summary;
pub mod time;
pub mod why;
pub mod worker_log;

pub use format::Format;
pub use style::{Slot, Style};
