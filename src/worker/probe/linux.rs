//! Looking at processes by pidfds and in `/proc`.

use std::fs;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::{Fate, Held, Stat};
use crate::worker::{Here, Process, TOKEN_VARIABLE};

/// The file system whose inodes are one to a process. Source: linux/magic.h, `PID_FS_MAGIC`.
const PIDFS: u64 = 0x5049_4446;

/// What keeps hold of a process: a pidfd.
#[derive(Debug)]
pub(in crate::worker) struct Handle(OwnedFd);

impl Handle {
    pub(super) fn open(process: &mut Process) -> Option<Handle> {
        let fd = pidfd_open(process.raw(), PidfdFlags::empty()).ok()?;
        process.inode = inode(&fd);
        process.start = match stat(process.pid) {
            Some(stat) => stat.start,
            // Other users' processes may be hidden; then the inode decides, or nothing does.
            None if process.inode.is_some() => 0,
            None => return None,
        };
        Some(Handle(fd))
    }

    pub(super) fn is_gone(&self, _process: &Process) -> bool {
        let mut fds = [PollFd::new(&self.0, PollFlags::IN)];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        matches!(poll(&mut fds, Some(&now)), Ok(n) if n > 0)
    }

    pub(super) fn signal(&self, _process: &Process, signal: Signal) -> Result<(), Errno> {
        pidfd_send_signal(&self.0, signal)
    }

    pub(super) fn poll_fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.0.as_fd())
    }
}

fn inode(fd: &OwnedFd) -> Option<u64> {
    let is_pidfs = rustix::fs::fstatfs(fd).is_ok_and(|it| it.f_type as u64 == PIDFS);
    is_pidfs.then(|| rustix::fs::fstat(fd).ok().map(|it| it.st_ino)).flatten()
}

pub(in crate::worker) fn boot_id() -> Option<String> {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(text.trim().to_owned())
}

pub(in crate::worker) fn pid_namespace() -> Option<u64> {
    fs::metadata("/proc/self/ns/pid").ok().map(|it| it.ino())
}

pub(in crate::worker) fn stat(pid: u32) -> Option<Stat> {
    Stat::parse(&fs::read(format!("/proc/{pid}/stat")).ok()?)
}

/// Returns the parent of a process.
pub(in crate::worker) fn parent(pid: Pid) -> Option<Pid> {
    let pid = u32::try_from(pid.as_raw_nonzero().get()).ok()?;
    Pid::from_raw(i32::try_from(stat(pid)?.parent).ok()?)
}

impl Fate {
    fn includes(self, stat: &Stat) -> bool {
        self == Fate::Living || !matches!(stat.state, b'T' | b't')
    }
}

/// Takes hold of the living members of a process group, and of the process that has its number: an
/// agent that a script started leads no group.
pub(in crate::worker) fn groups(here: &Here, group: u32, fate: Fate) -> Vec<Held> {
    let is_member = |pid: u32, stat: &Stat| stat.group == group || pid == group;
    hold_all(here, |pid| stat(pid).is_some_and(|it| is_member(pid, &it) && fate.includes(&it)))
}

/// Takes hold of the living processes that were started with the token of a lease in their
/// environment.
pub(in crate::worker) fn carriers(here: &Here, token: &str, fate: Fate) -> Vec<Held> {
    hold_all(here, |pid| has_token(pid, token) && stat(pid).is_some_and(|it| fate.includes(&it)))
}

fn hold_all(here: &Here, is_meant: impl Fn(u32) -> bool) -> Vec<Held> {
    let held = pids().filter(|&pid| is_meant(pid)).filter_map(|pid| Held::of(here, pid));
    // Looked at again: the number is pinned to the process only since it is held.
    held.filter(|held| is_meant(held.process.pid) && !held.is_gone()).collect()
}

fn pids() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// Tells whether a process was started with the token of a lease in its environment.
pub(in crate::worker) fn has_token(pid: u32, token: &str) -> bool {
    let wanted = format!("{TOKEN_VARIABLE}={token}");
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    environment.split(|&byte| byte == 0).any(|entry| entry == wanted.as_bytes())
}

/// Finds the oldest living process that was started with the token of a lease.
pub fn find_by_token(here: &Here, token: &str) -> Option<Held> {
    carriers(here, token, Fate::Living)
        .into_iter()
        .min_by_key(|held| (held.process.start, held.process.pid))
}
