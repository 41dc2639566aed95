//! What is seen of a session's worker: this clone's lease, and a look at the process that it names.
//!
//! Nobody who looks writes anything.

use std::fmt;

use crate::model::{Class, Session, SessionId};
use crate::store::Store;
use crate::worker::{Here, Lease, Leases, Process, Seen, find_by_token, look};

/// What is seen of a session's worker from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Observed {
    /// There is nothing to see.
    #[default]
    None,
    /// It lives.
    Running,
    /// It is gone, and nobody recorded how.
    Lost,
    /// It is where nobody here can look: another host, container or clone.
    Elsewhere,
}

impl Observed {
    /// All that can be seen.
    pub const ALL: [Observed; 4] =
        [Observed::None, Observed::Running, Observed::Lost, Observed::Elsewhere];

    /// Tells whether it may be so only since the session has changed after its record was read.
    pub(super) fn is_doubtful(self) -> bool {
        matches!(self, Observed::Lost | Observed::Elsewhere)
    }

    /// Returns the word that is shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Observed::None => "none",
            Observed::Running => "running",
            Observed::Lost => "lost",
            Observed::Elsewhere => "elsewhere",
        }
    }
}

impl fmt::Display for Observed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl From<Seen> for Observed {
    fn from(seen: Seen) -> Observed {
        match seen {
            Seen::Running => Observed::Running,
            Seen::Lost => Observed::Lost,
            Seen::Elsewhere => Observed::Elsewhere,
        }
    }
}

/// Returns the leases of this clone.
pub fn leases(store: &Store) -> Leases {
    Leases::new(&store.local_dir())
}

/// Tells what is seen of the worker of `session`, whose state is of class `class`.
pub fn observe(store: &Store, session: &Session, class: Class) -> Observed {
    match observe_lease(store, session.id, class) {
        Some(observed) => observed,
        None if class == Class::Active && has_open_worker(session) => Observed::Elsewhere,
        None => Observed::None,
    }
}

/// Tells what this clone's own lease shows of a worker; `None` without a lease.
pub fn observe_lease(store: &Store, session_id: SessionId, class: Class) -> Option<Observed> {
    if !matches!(class, Class::Active | Class::Paused) {
        return Some(Observed::None);
    }
    let lease = leases(store).read(session_id).ok().flatten()?;
    Some(match seen(&Here::read(), &lease) {
        // That a worker that was put aside is gone is as it should be.
        Observed::Lost if class == Class::Paused => Observed::None,
        observed => observed,
    })
}

/// Returns the process that runs for a session by this clone's own lease, whatever its state: the
/// worker, or who is about to start it.
pub fn running(store: &Store, session_id: SessionId) -> Option<u32> {
    let lease = leases(store).read(session_id).ok().flatten()?;
    let process = lease.worker.as_ref().or(lease.owner.as_ref())?;
    (seen(&Here::read(), &lease) == Observed::Running).then_some(process.pid)
}

/// Tells what is seen of the worker of a lease.
pub fn seen(here: &Here, lease: &Lease) -> Observed {
    match (&lease.worker, &lease.owner) {
        (Some(worker), _) => match look(here, worker) {
            // It has ended, and who waits for it, or ended it, is about to record that.
            Seen::Lost if recorders(lease).any(|it| look(here, it) == Seen::Running) => {
                Observed::Running
            }
            seen => seen.into(),
        },
        // Somebody is just about to start it, or was, and died on the way, before or after.
        (None, Some(owner)) => match look(here, owner) {
            Seen::Lost if find_by_token(here, &lease.token).is_some() => Observed::Running,
            seen => seen.into(),
        },
        (None, None) => Observed::None,
    }
}

/// Returns who will record the end of a worker.
pub(super) fn recorders(lease: &Lease) -> impl Iterator<Item = &Process> {
    lease.owner.iter().chain(lease.stop.iter().map(|stop| &stop.by))
}

/// Tells whether a worker is recorded whose end is not.
pub fn has_open_worker(session: &Session) -> bool {
    session.worker.as_ref().is_some_and(|worker| !worker.extra.contains_key("ended_at"))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::model::Timestamp;
    use crate::worker::{Stop, StopKind};

    #[test]
    fn a_worker_that_ended_is_lost_only_when_nobody_is_left_to_record_it() {
        let here = Here::read();
        let own = Process::own(&here).expect("we live");
        let gone = Process { start: own.start + 1, inode: None, ..own.clone() };
        let lease = Lease {
            session_id: SessionId::parse("0199f0c2-1c4d-7abc-8def-0123456789af").expect("valid"),
            token: "t".into(),
            owner: None,
            worker: Some(gone.clone()),
            started_at: Timestamp::from_seconds(0).expect("in range"),
            dir: PathBuf::from("/"),
            command: vec!["true".into()],
            on_resume: None,
            timeout: None,
            max_iterations: None,
            stop: None,
            is_frozen: false,
            is_shared: false,
        };
        let stop = |by: &Process| Some(Stop { kind: StopKind::Suspend, by: by.clone() });
        for (owner, stop, expected) in [
            (None, None, Observed::Lost),
            (Some(gone.clone()), stop(&gone), Observed::Lost),
            (Some(own.clone()), None, Observed::Running),
            (Some(gone.clone()), stop(&own), Observed::Running),
        ] {
            assert_eq!(seen(&here, &Lease { owner, stop, ..lease.clone() }), expected);
        }
    }
}
