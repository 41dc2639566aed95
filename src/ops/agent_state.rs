//! What an agent does just now, as its last call told: kept in this clone only, and in no commit, since it
//! changes with every turn.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;

use crate::model::{SessionId, Timestamp};
use crate::store::Store;

/// The most that is read of a state, in bytes.
const MAX_BYTES: u64 = 4096;

/// What an agent does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Activity {
    /// It works.
    #[default]
    Running,
    /// It has answered, and waits for the next question.
    Idle,
    /// It needs a person to go on.
    Waiting,
}

impl Activity {
    /// Returns the word that is shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Activity::Running => "running",
            Activity::Idle => "idle",
            Activity::Waiting => "waiting",
        }
    }

    fn parse(word: &str) -> Option<Activity> {
        let all = [Activity::Running, Activity::Idle, Activity::Waiting];
        all.into_iter().find(|it| it.as_str() == word)
    }
}

/// What is kept from call to call.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct State {
    /// What the agent does.
    pub activity: Activity,
    /// The commit that HEAD was at.
    pub head: Option<String>,
    /// When that was; `None` in what an older version wrote.
    pub at: Option<Timestamp>,
}

fn path(store: &Store, session_id: SessionId) -> PathBuf {
    store.local_dir().join("agents").join(session_id.to_string())
}

/// Reads what is kept of a session's agent; `None` if nothing is.
pub fn read(store: &Store, session_id: SessionId) -> Option<State> {
    let file = fs::File::open(path(store, session_id)).ok()?;
    let mut text = String::new();
    file.take(MAX_BYTES).read_to_string(&mut text).ok()?;
    let mut words = text.trim_end().split(' ');
    let activity = Activity::parse(words.next()?)?;
    let head = Some(words.next()?.to_owned()).filter(|it| it != "-");
    Some(State { activity, head, at: words.next().and_then(Timestamp::parse) })
}

/// Keeps it, for this user only.
///
/// # Errors
/// What the system says.
pub fn write(store: &Store, session_id: SessionId, state: &State) -> io::Result<()> {
    let path = path(store, session_id);
    let dir = path.parent().map(PathBuf::from).unwrap_or_default();
    DirBuilder::new().recursive(true).mode(0o700).create(&dir)?;
    let head = state.head.as_deref().unwrap_or("-");
    let at = state.at.map(|at| format!(" {at}")).unwrap_or_default();
    let line = format!("{} {head}{at}\n", state.activity.as_str());
    // Two calls at a time do not write into one file.
    let draft = dir.join(format!(".{session_id}.{:?}", std::thread::current().id()));
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(line.as_bytes())?;
    fs::rename(&draft, &path)
}

/// Returns the sessions of which it is kept.
pub fn session_ids(store: &Store) -> Vec<SessionId> {
    let entries = fs::read_dir(store.local_dir().join("agents")).into_iter().flatten().flatten();
    entries.filter_map(|entry| SessionId::parse(entry.file_name().to_str()?)).collect()
}

/// Forgets it.
pub fn forget(store: &Store, session_id: SessionId) {
    let _ = fs::remove_file(path(store, session_id));
}
