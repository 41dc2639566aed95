//! Stopping a worker with all that it started, and proving that it is gone: what is in its process group,
//! and what left that and has the token of its lease in its environment.

use std::io;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::ancestor::is_ancestor;
use super::probe::{Fate, carriers, groups, has_token, wait_for_any};
use super::terminal::own_group;
use super::{Held, Here, Lease, Process};

/// How long a killed process may take to be gone.
const KILL_TIME: Duration = Duration::from_secs(10);
/// How often a group is looked through for members that still move.
const MAX_FREEZE_ROUNDS: usize = 100;

/// Why a worker could not be stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StopError {
    /// Some of it lives, killed or not.
    #[error("process {pid} does not end")]
    Survived {
        /// One of those that live.
        pid: u32,
    },
    /// The system refused.
    #[error("cannot signal process {pid}: {source}")]
    Signal {
        /// Which one.
        pid: u32,
        /// Why not.
        source: io::Error,
    },
}

/// Tells whether this process was started by the worker of `lease`, or by what that started.
pub fn is_inside(lease: &Lease) -> bool {
    let here = Here::read();
    let is_in_group = |leader: &Process| leader.here == here && own_group() == Some(leader.raw());
    let is_above = |worker: &Process| is_ancestor(&here, worker);
    lease.worker.as_ref().is_some_and(|it| is_in_group(it) || is_above(it))
        || has_token(std::process::id(), &lease.token)
}

/// Takes hold of what lives of the worker that `leader` is or was, except for this process itself.
fn members(leader: &Process, token: &str, fate: Fate, is_proved: bool) -> Vec<Held> {
    let here = Here::read();
    if leader.here != here {
        return Vec::new();
    }
    let mut all = group_members(&here, leader, token, fate, is_proved);
    let is_known = |pid: u32| all.iter().any(|held| held.process.pid == pid);
    let others = carriers(&here, token, fate).into_iter().filter(|it| !is_known(it.process.pid));
    let others: Vec<Held> = others.collect();
    all.extend(others);
    all.retain(|held| held.process.pid != std::process::id());
    all
}

/// Takes hold of the living members of the group that `leader` leads.
///
/// Where the leader is gone, its number may have come to mean another group. It has not as long as the
/// group has members: then no new process gets the number. So there must be none that has it, and
/// unless the leader was seen alive before (`is_proved`), a member must have the token.
fn group_members(
    here: &Here,
    leader: &Process,
    token: &str,
    fate: Fate,
    is_proved: bool,
) -> Vec<Held> {
    if Held::open(here, leader).is_ok() {
        return groups(here, leader.pid, fate);
    }
    let all = groups(here, leader.pid, fate);
    let is_another = Held::of(here, leader.pid).is_some();
    let is_ours = is_proved || all.iter().any(|held| has_token(held.process.pid, token));
    if is_another || !is_ours { Vec::new() } else { all }
}

/// Ends the group that `leader` leads, and what left it with the token: asks by SIGTERM, and after `grace` kills what is left. When it
/// returns, no member lives. Tells whether anything had to be killed.
///
/// # Errors
/// [`StopError`]
pub fn end_group(leader: &Process, token: &str, grace: Duration) -> Result<bool, StopError> {
    let mut all = members(leader, token, Fate::Living, false);
    let grace_ends = Instant::now() + grace;
    while !all.is_empty() && Instant::now() < grace_ends {
        signal_all(&all, Signal::TERM)?;
        // One that stands still would never see it.
        signal_all(&all, Signal::CONT)?;
        while !all.is_empty() && Instant::now() < grace_ends {
            wait_for_any(&all, grace_ends.saturating_duration_since(Instant::now()));
            all.retain(|held| !held.is_gone());
        }
        if all.is_empty() {
            // What was started while the others were asked.
            all = members(leader, token, Fate::Living, true);
        }
    }
    if all.is_empty() {
        return Ok(false);
    }
    let kill_ends = Instant::now() + KILL_TIME;
    while let Some(first) = all.first() {
        if Instant::now() >= kill_ends {
            return Err(StopError::Survived { pid: first.process.pid });
        }
        signal_all(&all, Signal::KILL)?;
        let dying: Vec<Held> = std::mem::take(&mut all);
        for held in &dying {
            while !held.is_gone() && Instant::now() < kill_ends {
                let one = std::slice::from_ref(held);
                wait_for_any(one, kill_ends.saturating_duration_since(Instant::now()));
            }
        }
        // What was started meanwhile.
        all = members(leader, token, Fate::Living, true);
    }
    Ok(true)
}

/// Makes the whole group stand still.
///
/// # Errors
/// [`StopError`]
pub fn freeze_group(leader: &Process, token: &str) -> Result<(), StopError> {
    for _ in 0..MAX_FREEZE_ROUNDS {
        let moving = members(leader, token, Fate::Moving, false);
        if moving.is_empty() {
            return Ok(());
        }
        signal_all(&moving, Signal::STOP)?;
        std::thread::yield_now();
    }
    match members(leader, token, Fate::Moving, false).first() {
        None => Ok(()),
        Some(held) => Err(StopError::Survived { pid: held.process.pid }),
    }
}

/// Lets the whole group go on.
///
/// # Errors
/// [`StopError`]
pub fn thaw_group(leader: &Process, token: &str) -> Result<(), StopError> {
    signal_all(&members(leader, token, Fate::Living, false), Signal::CONT)
}

pub(super) fn signal_all(all: &[Held], signal: Signal) -> Result<(), StopError> {
    for held in all {
        let pid = held.process.pid;
        held.signal(signal).map_err(|source| StopError::Signal { pid, source })?;
    }
    Ok(())
}
