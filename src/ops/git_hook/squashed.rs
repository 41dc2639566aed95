use std::collections::HashSet;

use crate::format::trailer;
use crate::model::SessionId;
use crate::ops::claims::TRAILER;
use crate::store::Store;

/// The most sessions that a message names for what was squashed.
const MAX_SESSIONS: usize = 32;

/// Returns the sessions that the commits name which `git merge --squash` has put into the index, in the order in
/// which they were made; none if that is not what is to be committed.
pub(super) fn squashed(store: &Store) -> Vec<SessionId> {
    let mut seen = HashSet::new();
    let commits = store.squashed().into_iter().rev();
    let messages = commits.filter_map(|commit_oid| store.message(commit_oid).ok());
    let named = messages.flat_map(|message| -> Vec<SessionId> {
        trailer::values(&message, TRAILER).into_iter().filter_map(SessionId::parse).collect()
    });
    named.filter(|session_id| seen.insert(*session_id)).take(MAX_SESSIONS).collect()
}
