//! Processes: who a worker is, whether it still is, how it is started, watched and stopped.
//!
//! It knows nothing of git and of what a session records: it is given ids, directories and command
//! lines. A process is signalled only after [`Held::open`] has proved that it is the one of a
//! [`Lease`], which this clone wrote itself. Start reading at [`Process`], then [`Lease`].

mod ancestor;
mod ask;
mod clock;
mod detach;
mod ending;
mod escape;
mod follow;
mod lease;
mod left;
mod log;
mod owner;
mod probe;
mod process;
mod prompt;
mod resume;
mod silence;
mod spawn;
mod stop;
mod terminal;
mod watcher;

pub use ancestor::{ancestor_words, find_ancestor, hold_ancestor};
pub use ask::{Answer, AskError, Question};
pub use clock::{Timer, end_after};
pub use detach::{Background, leave_terminal, leave_to_itself, send_to_background, tell_started};
pub use ending::Ending;
pub use follow::{Follower, Followers, Following, can_follow};
pub use lease::{Lease, LeaseError, Leases, Stop, StopKind};
pub use left::wait_for_left;
pub use log::{Log, LogReader, Logs, Piece};
pub use owner::{Ended, How, Owner};
pub use probe::{Held, Seen, find_by_token, look};
pub use process::{Here, Process};
pub use prompt::ask_at_terminal;
pub use resume::resume_command;
pub use silence::silence;
pub use spawn::{Command, WORK_TREE_VARIABLES, Worker};
pub use stop::{StopError, end_group, freeze_group, is_inside, thaw_group};
pub use watcher::{Place, Wake, Watcher};

/// The variable that names the session to a worker and to all that it starts.
pub const SESSION_VARIABLE: &str = "GIT_SESSION";
/// The variable that holds the token of the worker's lease.
pub const TOKEN_VARIABLE: &str = "GIT_SESSION_LEASE";
