//! Which commits were made since HEAD was somewhere else, as HEAD's reflog tells, and whose they are.

use crate::cache::Row;
use crate::format::message::Excerpt;
use crate::model::{Class, SessionId, Timestamp};
use crate::ops::agent_state::{self, Activity};
use crate::ops::{OpError, list, load, observe};
use crate::store::Store;

/// How much of the end of a reflog is read, in bytes.
const MAX_BYTES: u64 = 256 << 10;

/// Returns the commits that were made in this work tree since HEAD was at `before`, oldest first. Where HEAD
/// was moved by anything else (a switch, a pull, a rebase), nothing was made; nor where the log does not go
/// back so far.
pub fn made_since(store: &Store, before: &str) -> Vec<String> {
    let log = store.head_log(MAX_BYTES).unwrap_or_default();
    made(&String::from_utf8_lossy(&log), before)
}

/// Returns those of the commits `made` since `since` that are surely of a session: all if no other agent was at
/// work in this work tree meanwhile, else those that its own tool call has `told`.
///
/// # Errors
/// [`OpError::Store`].
pub fn of_session(
    store: &Store,
    session_id: SessionId,
    made: Vec<String>,
    since: Option<Timestamp>,
    told: &[String],
) -> Result<Vec<String>, OpError> {
    if made.is_empty() || is_alone(store, session_id, since)? {
        return Ok(made);
    }
    let is_told = |commit: &String| told.iter().any(|id| commit.starts_with(id));
    Ok(made.into_iter().filter(is_told).collect())
}

/// Tells whether no other agent's session was at work in this work tree since then.
fn is_alone(
    store: &Store,
    session_id: SessionId,
    since: Option<Timestamp>,
) -> Result<bool, OpError> {
    let place = store.git_context()?.worktree_name;
    let own = load::load(store, session_id)?.view.session.links.get("agent_session").cloned();
    for (other_id, was_told) in others(store, session_id, since)? {
        let state = agent_state::read(store, other_id);
        // Only what its agent told here can show that it works; without that, its record need not be read.
        if !was_told && state.is_none() {
            continue;
        }
        // A damaged session is nobody at work.
        let Ok(view) = load::load(store, other_id).map(|it| it.view) else { continue };
        let name = view.session.links.get("agent_session");
        let is_another = name.is_some() && name != own.as_ref();
        if !is_another || view.session.git.worktree_name != place {
            continue;
        }
        let was_seen = state.as_ref().is_some_and(|it| since.is_none_or(|at| it.at >= Some(at)));
        let works = state.is_some_and(|it| it.activity != Activity::Idle)
            && observe::observe(store, &view.session, view.class) != observe::Observed::Lost;
        if was_told || was_seen || works {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Returns the other sessions that may have been at work since then, and whether they were told something.
fn others(
    store: &Store,
    session_id: SessionId,
    since: Option<Timestamp>,
) -> Result<Vec<(SessionId, bool)>, OpError> {
    list::look_through(store, |sessions| {
        let mut others = Vec::new();
        let mut take = |id: SessionId, said: Option<(Timestamp, Class)>| {
            let was_told = said.is_none_or(|(at, _)| since.is_none_or(|since| at >= since));
            let is_open = said.is_none_or(|(_, class)| class == Class::Active);
            if id != session_id && (was_told || is_open) {
                others.push((id, was_told));
            }
        };
        sessions.each(|row| match row {
            Row::Known(_, brief) => take(brief.id, Some((brief.updated_at, brief.class))),
            Row::Unknown(id, tip_oid) => {
                let message = store.message(tip_oid).ok();
                let excerpt = message.and_then(|message| Excerpt::from_message(&message));
                take(id, excerpt.map(|it| (it.updated_at, it.class)));
            }
        })?;
        Ok(others)
    })
}

/// Reads lines of `<old> <new> <who> <time> <zone>\t<why>`. Source: git-update-ref(1).
fn made(log: &str, before: &str) -> Vec<String> {
    let (mut made, mut is_met) = (Vec::new(), false);
    for line in log.lines().rev() {
        let Some((head, why)) = line.split_once('\t') else { break };
        let mut words = head.split(' ');
        let (Some(old), Some(new)) = (words.next(), words.next()) else { break };
        is_met = new == before;
        if is_met {
            break;
        }
        if ["commit:", "commit ("].iter().any(|it| why.starts_with(it)) {
            made.push(new.to_owned());
        }
        is_met = old == before;
        if is_met {
            break;
        }
    }
    made.reverse();
    if is_met { made } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_committed_counts_and_only_since_then() {
        let line = |old: &str, new: &str, why: &str| format!("{old} {new} A <a> 1 +0000\t{why}\n");
        let log = [
            line("0", "a", "commit (initial): x"),
            line("a", "b", "commit: y"),
            line("b", "c", "checkout: moving from main to x"),
            line("c", "d", "commit (amend): z"),
            line("d", "e", "pull: Fast-forward"),
        ];
        let log = log.concat();
        assert_eq!(made(&log, "a"), ["b", "d"]);
        assert_eq!(made(&log, "d"), Vec::<String>::new());
        assert_eq!(made(&log, "e"), Vec::<String>::new());
        assert_eq!(made(&log, "f"), Vec::<String>::new());
        assert_eq!(made("garbage", "a"), Vec::<String>::new());
    }
}
