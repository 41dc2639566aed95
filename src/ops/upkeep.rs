//! What is done now and then in a repository with many sessions, while nobody waits for it.

use crate::model::Timestamp;
use crate::ops::archive::{self, Which};
use crate::ops::{Context, OpError, facts};
use crate::store::Store;

/// How old the last event of a session is at least that is archived by itself, in seconds: what has just ended is
/// looked at, with git, too.
const MIN_AGE: i64 = 24 * 3600;

/// Archives sessions that ended a day ago or earlier, if there are as many as `session.autoArchive` says, and packs
/// refs and objects where these are many; what sums and filters ask of records is remembered. Returns how many sessions were
/// archived: none while another process does it.
///
/// # Errors
/// [`OpError::Store`].
#[tracing::instrument(skip_all)]
pub fn run(store: &Store, context: &Context) -> Result<usize, OpError> {
    let Some(_held) = store.lock_upkeep() else { return Ok(0) };
    let mut n_archived = 0;
    let until = Timestamp::from_seconds(context.now.seconds() - MIN_AGE);
    if let (Some(least), Some(until)) = (store.settings().auto_archive, until)
        && store.live_tips()?.sessions.len() >= least
    {
        let plan = archive::plan(store, &Which::Ended(Some(until)))?;
        if plan.items.len() >= least {
            n_archived = archive::archive(store, context, plan.items)?.len();
        }
    }
    store.pack()?;
    facts::fill(store)?;
    Ok(n_archived)
}
