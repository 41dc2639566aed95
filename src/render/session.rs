//! One session for people: a page about it, and where one stands.

mod page;
mod phrases;
mod status;

pub use page::show;
pub(in crate::render) use phrases::{state, worker};
pub use status::{no_session, status, status_short};
