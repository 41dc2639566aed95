//! What happens in a session when git works: its hooks say so.
//!
//! A hook never takes part in what git does, but for the trailer of a message. Start reading at [`made`],
//! which links the commits that were made here to the session that was worked on, and [`settle`], which does so
//! when git has ended.

mod answer;
mod branches;
mod checkout;
mod expected;
mod kept;
mod made;
mod message;
mod push;
mod rewrite;
mod seen;
mod squashed;
mod working;

pub use answer::note_answer;
pub use checkout::{Switch, checkout, make_current, put_aside};
pub use expected::{Author, SHARED, Told, expect, expect_told, rewritten, settle};
pub use made::{Act, made, mark, reconcile};
pub use message::{Message, complete, is_amending, keep_template, prepare, take_template};
pub use push::{RefUpdate, push};
pub use rewrite::rewrite;
pub use working::working;
