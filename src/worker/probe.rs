//! Whether a process is still the one that it was.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::io::Errno;
use rustix::process::Signal;

use super::{Here, Process};

/// What is seen of a process from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// It lives.
    Running,
    /// It is gone, and nothing else is taken for it.
    Lost,
    /// It is or was on another host or in another container, where nobody here can look.
    Elsewhere,
}

/// Tells what is seen of `process` from `here`.
///
/// Another boot of the same host has ended every process of the one before.
pub fn look(here: &Here, process: &Process) -> Seen {
    match Held::open(here, process) {
        Ok(_) => Seen::Running,
        Err(seen) => seen,
    }
}

/// Judges by the place alone; `None` if one has to look.
fn judge_place(here: &Here, there: &Here) -> Option<Seen> {
    if here.host != there.host {
        return Some(Seen::Elsewhere);
    }
    if here.boot != there.boot {
        return Some(Seen::Lost);
    }
    (here.namespace != there.namespace).then_some(Seen::Elsewhere)
}

/// A living process, held so that its number cannot come to mean another one meanwhile.
#[derive(Debug)]
pub struct Held {
    /// Which one.
    pub process: Process,
    handle: platform::Handle,
}

impl Held {
    /// Takes hold of `process` if it lives and is the very same.
    ///
    /// # Errors
    /// What is seen instead: [`Seen::Lost`] or [`Seen::Elsewhere`].
    pub fn open(here: &Here, process: &Process) -> Result<Held, Seen> {
        if let Some(seen) = judge_place(here, &process.here) {
            return Err(seen);
        }
        let held = Held::of(here, process.pid).ok_or(Seen::Lost)?;
        let is_same = match (held.process.inode, process.inode) {
            (Some(found), Some(known)) => found == known,
            _ => held.process.start == process.start,
        };
        if is_same { Ok(held) } else { Err(Seen::Lost) }
    }

    /// Takes hold of whatever process has this number now; `None` if none lives under it.
    pub fn of(here: &Here, pid: u32) -> Option<Held> {
        let mut process = Process { pid, start: 0, inode: None, here: here.clone() };
        if pid < 2 || i32::try_from(pid).is_err() {
            return None;
        }
        let handle = platform::Handle::open(&mut process)?;
        let held = Held { process, handle };
        (!held.is_gone()).then_some(held)
    }

    /// Tells whether it has ended; one that waits for its parent to notice has.
    pub fn is_gone(&self) -> bool {
        self.handle.is_gone(&self.process)
    }

    /// Sends it a signal; `false` if it is gone.
    ///
    /// # Errors
    /// `EPERM`: it lives, and is somebody else's.
    pub fn signal(&self, signal: Signal) -> io::Result<bool> {
        match self.handle.signal(&self.process, signal) {
            Ok(()) => Ok(true),
            Err(Errno::SRCH) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Waits until it has ended, at most until `timeout`; tells whether it has.
    pub fn wait(&self, timeout: std::time::Duration) -> bool {
        let until = std::time::Instant::now() + timeout;
        loop {
            let left = until.saturating_duration_since(std::time::Instant::now());
            if self.is_gone() || left.is_zero() {
                return self.is_gone();
            }
            wait_for_any(std::slice::from_ref(self), left);
        }
    }

    /// Returns what can be polled: it is readable once the process has ended.
    pub fn poll_fd(&self) -> Option<BorrowedFd<'_>> {
        self.handle.poll_fd()
    }
}

pub use platform::find_by_token;
pub(super) use platform::{boot_id, carriers, groups, has_token, parent, pid_namespace};

/// Which processes are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// All that live.
    Living,
    /// Those that live and do not stand still.
    Moving,
}

/// What `/proc` says of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stat {
    /// The letter of its state.
    pub(super) state: u8,
    /// Its parent.
    pub(super) parent: u32,
    /// Its process group.
    pub(super) group: u32,
    /// When it started, in clock ticks after boot.
    pub(super) start: u64,
}

impl Stat {
    /// Reads a line of `/proc/<pid>/stat`. The name in it may hold anything, so only what stands
    /// after its last `)` counts. Source: proc_pid_stat(5).
    pub(super) fn parse(line: &[u8]) -> Option<Stat> {
        let end = line.iter().rposition(|&byte| byte == b')')?;
        let rest = std::str::from_utf8(&line[end + 1..]).ok()?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        Some(Stat {
            state: *fields.first()?.as_bytes().first()?,
            parent: fields.get(1)?.parse().ok()?,
            group: fields.get(2)?.parse().ok()?,
            start: fields.get(19)?.parse().ok()?,
        })
    }
}

#[cfg(target_os = "linux")]
#[path = "probe/linux.rs"]
mod platform;
#[cfg(not(target_os = "linux"))]
#[path = "probe/other.rs"]
mod platform;

/// Waits until one of `all` has ended, at most until `timeout`; `false` if that has passed.
pub(super) fn wait_for_any(all: &[Held], timeout: std::time::Duration) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let fds: Vec<BorrowedFd<'_>> = all.iter().filter_map(Held::poll_fd).collect();
    // Without handles to wait for, look again after a moment.
    let timeout =
        if fds.is_empty() { timeout.min(std::time::Duration::from_millis(20)) } else { timeout };
    let mut fds: Vec<PollFd<'_>> =
        fds.iter().map(|fd| PollFd::from_borrowed_fd(fd.as_fd(), PollFlags::IN)).collect();
    let time = Timespec {
        tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: timeout.subsec_nanos().into(),
    };
    match poll(&mut fds, Some(&time)) {
        Ok(n) => n > 0,
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> Process {
        let here = Here::read();
        Held::of(&here, std::process::id()).expect("this process lives").process
    }

    #[test]
    fn a_name_with_brackets_and_blanks_does_not_shift_the_fields() {
        let line = b"42 (a) R 1 (b) S 7 8 9 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1234 0 0\n";
        let stat = Stat { state: b'S', parent: 7, group: 8, start: 1234 };
        assert_eq!(Stat::parse(line), Some(stat));
        assert_eq!(Stat::parse(b"42 (cut"), None);
    }

    #[test]
    fn this_process_is_seen_running() {
        assert_eq!(look(&Here::read(), &own()), Seen::Running);
    }

    #[test]
    fn another_start_of_the_same_number_is_lost() {
        let own = own();
        let other = Process { start: own.start + 1, inode: own.inode.map(|it| it + 1), ..own };
        assert_eq!(look(&Here::read(), &other), Seen::Lost);
    }

    #[test]
    fn the_inode_decides_where_both_have_one() {
        let own = own();
        if let Some(inode) = own.inode {
            let same_tick = Process { inode: Some(inode + 1), ..own.clone() };
            assert_eq!(look(&Here::read(), &same_tick), Seen::Lost);
            let other_clock = Process { start: own.start + 1, ..own };
            assert_eq!(look(&Here::read(), &other_clock), Seen::Running);
        }
    }

    #[test]
    fn another_host_or_namespace_is_elsewhere_and_another_boot_is_lost() {
        let (here, own) = (Here::read(), own());
        let at = |change: &dyn Fn(&mut Here)| {
            let mut process = own.clone();
            change(&mut process.here);
            look(&here, &process)
        };
        assert_eq!(at(&|it| it.host.push('x')), Seen::Elsewhere);
        assert_eq!(at(&|it| it.namespace += 1), Seen::Elsewhere);
        assert_eq!(at(&|it| it.boot.push('x')), Seen::Lost);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_of_another_user_that_may_not_be_signalled_is_running() {
        use std::os::unix::fs::MetadataExt;
        let (here, own) = (Here::read(), rustix::process::geteuid());
        let is_others = |pid: &u32| {
            let metadata = std::fs::metadata(format!("/proc/{pid}"));
            metadata.is_ok_and(|it| it.uid() != own.as_raw())
        };
        let entries = std::fs::read_dir("/proc").expect("Linux has it").flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let mut held = pids.filter(is_others).filter_map(|pid| Held::of(&here, pid));
        // The superuser may signal everybody, and a container may have no other user.
        let (false, Some(held)) = (own.is_root(), held.next()) else { return };
        let refused = held.signal(Signal::CONT).expect_err("it is somebody else's");
        assert_eq!(refused.kind(), io::ErrorKind::PermissionDenied);
        assert_eq!(look(&here, &held.process), Seen::Running);
    }

    #[test]
    fn a_process_that_its_parent_has_not_noticed_to_end_is_lost() {
        let mut child = std::process::Command::new("cat")
            .stdin(std::process::Stdio::piped())
            .spawn()
            .expect("started");
        let here = Here::read();
        let held = Held::of(&here, child.id()).expect("it lives");
        drop(child.stdin.take());
        let ended = wait_for_any(std::slice::from_ref(&held), std::time::Duration::from_secs(10));
        assert!(ended || cfg!(not(target_os = "linux")));
        assert_eq!(look(&here, &held.process), Seen::Lost);
        assert!(!held.signal(Signal::CONT).is_err_and(|error| error.raw_os_error().is_none()));
        child.wait().expect("waited for");
        assert_eq!(held.signal(Signal::TERM).ok(), Some(false));
    }
}
