//! The cache: what the newest commits of very many sessions say, in flat files, so that a list need not read a
//! commit of each. Two are of excerpts ([`Sessions`]), one finds names in them ([`Names`]), one is of what sums and filters ask of a record
//! ([`Facts`]), and one of documents that were made of it ([`Documents`]).
//!
//! Nothing is true because it stands here. An entry is about a session *and* its newest commit, which never
//! changes; one of another commit is as good as none. The files may be deleted, damaged or foreign at any
//! time: what does not check is read from the commits, and written anew in silence. Start reading in
//! [`Sessions::read`].

mod documents;
mod encode;
mod facts;
mod names;
mod rows;
mod sessions;
mod table;

pub use documents::{Documents, NewDocuments};
pub use facts::{Fact, Facts, N_NUMBERS, N_WORDS, NewFacts};
pub use names::{Called, Names};
pub use sessions::{Cached, Damaged, Row, Sessions, is_wanted};
