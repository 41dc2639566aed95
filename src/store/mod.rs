//! Git: the only floor that names `gix`, and the only one that runs `git`.
//!
//! It knows refs, commits, trees and blobs, and nothing of lifecycles or of what a record says.
//! Start reading at [`Store`]; a write goes [`Store::write`] to [`Unpublished::publish`].

mod added;
mod archive;
mod archive_table;
mod blame;
mod cache_file;
mod config;
mod current;
mod error;
mod event_objects;
mod files;
mod fold;
mod git;
mod git_run;
mod head;
mod head_log;
mod hook;
mod lockfiles;
pub mod native;
mod note;
mod objects;
mod open;
mod others;
mod packs;
mod patch;
mod put_back;
mod range;
mod read;
mod refs;
mod remote;
mod scan;
mod scratch;
mod setup;
mod snapshot;
mod tree_copy;
mod walk;
mod worktree;
mod write;
mod writing;

pub use added::AddedLines;
pub use archive::Archive;
pub use archive_table::ArchiveRow;
pub use blame::{Blame, BlamedLine, Blaming};
pub use config::{OnCheckout, Settings};
pub use current::Current;
pub use error::{StoreError, WorkTreeError};
pub use files::Files;
pub use fold::{ArchiveLock, Fold};
pub use head::{Head, parse_date};
pub use head_log::{HeadLog, HeadMove};
pub use hook::HookCall;
pub use lockfiles::LockFile;
pub use native::SessionLock;
pub use open::{OpenRequest, Store};
pub use patch::Patch;
pub use read::CommitInfo;
pub use refs::{Fault, Tips, session_ref};
pub use remote::Received;
pub use scan::{RefScan, RefStamp};
pub use setup::ConfigLock;
pub use snapshot::{Entry, EntryKind, Snapshot};
pub use tree_copy::{Changes, KeptTree, Step, TreeCopy, TreeDifference};
pub use worktree::{Tops, WorkTree};
pub use write::{NewEvent, NewSegment, Stamp, Unpublished};
