//! The cache of excerpts: what the newest commits of very many sessions say, in two flat files, so that a
//! list need not read a commit of each.
//!
//! Nothing is true because it stands here. An entry is about a session *and* its newest commit, which never
//! changes; one of another commit is as good as none. The files may be deleted, damaged or foreign at any
//! time: what does not check is read from the commits, and written anew in silence. Start reading in
//! [`Sessions::read`].

mod encode;
mod sessions;
mod table;

pub use sessions::{Cached, Damaged, Row, Sessions};
