//! Waiting for changes of directories and for the end of processes, without looking again and again.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::Held;

/// How often to look where the system does not tell: another kernel than Linux, a file system that
/// others write from elsewhere.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// A directory, and what matters in it.
#[derive(Debug, Clone)]
pub struct Place {
    /// The directory; it need not be there yet.
    pub dir: PathBuf,
    /// The names that matter; none means all but locks and drafts.
    pub names: &'static [&'static str],
}

impl Place {
    fn has(&self, name: &[u8]) -> bool {
        match self.names {
            [] => !name.starts_with(b".") && !name.ends_with(b".lock"),
            names => names.iter().any(|it| it.as_bytes() == name),
        }
    }
}

/// Why a wait is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wake {
    /// Something may have changed: look.
    Changed,
    /// Nobody reads the answer any more.
    Closed,
    /// The time is over.
    TimedOut,
}

/// Tells when it is time to look.
///
/// No change is missed by who arms it, then looks, then waits, and begins again.
#[derive(Debug)]
pub struct Watcher {
    places: Vec<Place>,
    kernel: platform::Kernel,
    is_told: bool,
}

impl Watcher {
    /// Returns one that watches `places`: of those that lie within each other, the outer first.
    pub fn new(places: Vec<Place>) -> Watcher {
        Watcher { places, kernel: platform::Kernel::open(), is_told: false }
    }

    /// Begins to watch the directories that are there now. What happens in them from now on ends the
    /// next wait.
    pub fn arm(&mut self) {
        self.is_told = self.kernel.arm(&self.places);
    }

    /// Waits until something that matters has happened in a watched directory, one of `held` has ended,
    /// nobody can read from the other end of `answer` any more, or `until` has come.
    pub fn wait(&mut self, held: &[Held], answer: BorrowedFd<'_>, until: Option<Instant>) -> Wake {
        let is_told = self.is_told && held.iter().all(|it| it.poll_fd().is_some());
        loop {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            let step =
                if is_told { left } else { Some(left.unwrap_or(LOOK_AGAIN).min(LOOK_AGAIN)) };
            let mut fds = vec![PollFd::from_borrowed_fd(answer, PollFlags::empty())];
            let ends = held.iter().filter_map(Held::poll_fd);
            fds.extend(ends.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
            let told = self.kernel.fd().map(AsFd::as_fd);
            fds.extend(told.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
            let n_ready = match poll(&mut fds, step.map(to_timespec).as_ref()) {
                Ok(n) => n,
                Err(rustix::io::Errno::INTR) => continue,
                // Not to be expected; as good as not being told.
                Err(_) => return Wake::Changed,
            };
            let is_ready = |fd: &PollFd<'_>| !fd.revents().is_empty();
            let (is_closed, has_ended) = (is_ready(&fds[0]), fds[1..].iter().any(is_ready));
            drop(fds);
            let n_told = self.kernel.drain(&self.places);
            match () {
                () if is_closed => return Wake::Closed,
                () if n_told > 0 => return Wake::Changed,
                () if has_ended && held.iter().any(Held::is_gone) => return Wake::Changed,
                () if left.is_some_and(|left| left.is_zero()) => return Wake::TimedOut,
                () if n_ready == 0 && !is_told => return Wake::Changed,
                () => {}
            }
        }
    }
}

fn to_timespec(time: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: time.subsec_nanos().into(),
    }
}

#[cfg(target_os = "linux")]
mod platform {
    use std::mem::MaybeUninit;

    use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
    use rustix::io::Errno;

    use super::{OwnedFd, Place};

    /// The file systems that others may write without this kernel's knowledge.
    /// Source: linux/magic.h; NFS, SMB, SMB2, CIFS, 9P, FUSE, AFS, Ceph, Coda.
    const REMOTE: [u64; 9] = [
        0x6969,
        0x517b,
        0xfe53_4d42,
        0xff53_4d42,
        0x0102_1997,
        0x6573_5546,
        0x5346_414f,
        0x00c3_6400,
        0x7375_7245,
    ];

    /// An inotify instance, if the system gives one, and which place each of its watches is for.
    #[derive(Debug)]
    pub(super) struct Kernel {
        fd: Option<OwnedFd>,
        /// Number of the watch, index of the place.
        watches: Vec<(i32, usize)>,
    }

    impl Kernel {
        pub(super) fn open() -> Kernel {
            let fd = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).ok();
            Kernel { fd, watches: Vec::new() }
        }

        pub(super) fn fd(&self) -> Option<&OwnedFd> {
            self.fd.as_ref()
        }

        /// Watches the places that are there; tells whether the system will tell of all changes.
        pub(super) fn arm(&mut self, places: &[Place]) -> bool {
            let Some(fd) = &self.fd else { return false };
            let mask = WatchFlags::CREATE
                | WatchFlags::MOVED_TO
                | WatchFlags::MOVED_FROM
                | WatchFlags::DELETE
                | WatchFlags::CLOSE_WRITE
                | WatchFlags::DELETE_SELF
                | WatchFlags::MOVE_SELF
                | WatchFlags::ONLYDIR;
            let mut is_told = true;
            self.watches.clear();
            for (idx, place) in places.iter().enumerate() {
                // The same number again for the same directory.
                match inotify::add_watch(fd, &place.dir, mask) {
                    Ok(watch) => self.watches.push((watch, idx)),
                    // The directory above tells when it comes.
                    Err(Errno::NOENT | Errno::NOTDIR) => continue,
                    Err(_) => is_told = false,
                }
                let kind = rustix::fs::statfs(&place.dir).map(|it| it.f_type as u64);
                is_told &= kind.is_ok_and(|kind| !REMOTE.contains(&kind));
            }
            is_told
        }

        /// Takes all that was told, and returns how much of it matters.
        pub(super) fn drain(&mut self, places: &[Place]) -> usize {
            let Some(fd) = &self.fd else { return 0 };
            let mut buffer = [MaybeUninit::uninit(); 4096];
            let mut reader = Reader::new(fd, &mut buffer);
            let mut n_told = 0;
            while let Ok(event) = reader.next() {
                let place = self.watches.iter().find(|(watch, _)| *watch == event.wd());
                let place = place.map(|(_, idx)| &places[*idx]);
                let is_lost = event.events().intersects(
                    ReadFlags::QUEUE_OVERFLOW | ReadFlags::IGNORED | ReadFlags::MOVE_SELF,
                );
                let matters = match (place, event.file_name()) {
                    (Some(place), Some(name)) => place.has(name.to_bytes()),
                    (Some(_), None) => true,
                    // Of a directory that is not watched any more.
                    (None, _) => false,
                };
                n_told += usize::from(is_lost || matters);
            }
            n_told
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod platform {
    use super::{OwnedFd, Place};

    /// Nothing here tells: one has to look.
    #[derive(Debug)]
    pub(super) struct Kernel;

    impl Kernel {
        pub(super) fn open() -> Kernel {
            Kernel
        }

        pub(super) fn fd(&self) -> Option<&OwnedFd> {
            None
        }

        pub(super) fn arm(&mut self, _places: &[Place]) -> bool {
            false
        }

        pub(super) fn drain(&mut self, _places: &[Place]) -> usize {
            0
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::fd::AsFd;
    use std::path::Path;

    use super::*;
    use crate::worker::Here;

    fn place(dir: &Path, names: &'static [&'static str]) -> Place {
        Place { dir: dir.to_owned(), names }
    }

    /// What has happened already ends a wait at once, so no test waits for anything.
    fn seen(watcher: &mut Watcher, held: &[Held]) -> Wake {
        let answer = fs::File::open("/dev/null").expect("there");
        watcher.wait(held, answer.as_fd(), Some(Instant::now()))
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_matters_wakes_and_the_rest_does_not() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut watcher = Watcher::new(vec![place(dir.path(), &[])]);
        watcher.arm();
        for name in ["a.lock", ".draft"] {
            fs::write(dir.path().join(name), "x").expect("written");
        }
        assert_eq!(seen(&mut watcher, &[]), Wake::TimedOut);
        fs::rename(dir.path().join("a.lock"), dir.path().join("a")).expect("renamed");
        assert_eq!(seen(&mut watcher, &[]), Wake::Changed);
        assert_eq!(seen(&mut watcher, &[]), Wake::TimedOut);
        fs::remove_file(dir.path().join("a")).expect("removed");
        assert_eq!(seen(&mut watcher, &[]), Wake::Changed);

        let mut watcher = Watcher::new(vec![place(dir.path(), &["packed-refs"])]);
        watcher.arm();
        fs::write(dir.path().join("index"), "x").expect("written");
        assert_eq!(seen(&mut watcher, &[]), Wake::TimedOut);
        fs::write(dir.path().join("packed-refs"), "x").expect("written");
        assert_eq!(seen(&mut watcher, &[]), Wake::Changed);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_directory_that_comes_late_or_comes_back_is_watched_then() {
        let dir = tempfile::tempdir().expect("a directory");
        let inner = dir.path().join("inner");
        let mut watcher = Watcher::new(vec![place(dir.path(), &["inner"]), place(&inner, &[])]);
        watcher.arm();
        for _ in 0..3 {
            fs::create_dir(&inner).expect("made");
            assert_eq!(seen(&mut watcher, &[]), Wake::Changed);
            watcher.arm();
            fs::write(inner.join("a"), "x").expect("written");
            assert_eq!(seen(&mut watcher, &[]), Wake::Changed);
            fs::remove_dir_all(&inner).expect("removed");
            assert_eq!(seen(&mut watcher, &[]), Wake::Changed);
            watcher.arm();
            assert_eq!(seen(&mut watcher, &[]), Wake::TimedOut);
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn where_the_system_tells_of_changes_nobody_looks_again_and_again() {
        let dir = tempfile::tempdir().expect("a directory");
        let late = dir.path().join("late");
        let mut watcher = Watcher::new(vec![place(dir.path(), &[]), place(&late, &[])]);
        assert!(!watcher.is_told);
        watcher.arm();
        assert!(watcher.is_told);
        let mut watcher = Watcher::new(vec![place(Path::new("/dev/null/no"), &[])]);
        watcher.arm();
        assert!(watcher.is_told, "what is not there is told of by the directory above");
    }

    #[test]
    fn the_end_of_a_process_wakes() {
        let child = std::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn();
        let mut child = child.expect("started");
        let held = [Held::of(&Here::read(), child.id()).expect("it lives")];
        let mut watcher = Watcher::new(Vec::new());
        watcher.arm();
        assert_eq!(seen(&mut watcher, &held), Wake::TimedOut);
        drop(child.stdin.take());
        let answer = fs::File::open("/dev/null").expect("there");
        assert_eq!(watcher.wait(&held, answer.as_fd(), None), Wake::Changed);
        child.wait().expect("waited for");
    }

    #[test]
    fn an_answer_that_nobody_reads_ends_the_wait() {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        let mut watcher = Watcher::new(Vec::new());
        watcher.arm();
        drop(reader);
        assert_eq!(watcher.wait(&[], writer.as_fd(), None), Wake::Closed);
    }
}
