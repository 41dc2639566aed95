use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;

use super::escape::{escape, unescape};

/// A process, told apart from every other one that had or will have its number.
///
/// Number and start tick alone can coincide (a tick is 10 ms): where the kernel gives each process an
/// inode of its own, that decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its number, above 1.
    pub pid: u32,
    /// When it started, in clock ticks after boot; another number where the system has no such.
    pub start: u64,
    /// The inode of its pidfd, unique until the next boot; Linux 6.9 and later.
    pub inode: Option<u64>,
    /// Where its number is valid.
    pub here: Here,
}

/// Where numbers of processes are valid: a boot of a host, and a namespace there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Here {
    /// The name of the host.
    pub host: String,
    /// The id of this boot; empty where the system has none.
    pub boot: String,
    /// The inode of the namespace of process numbers; 0 where the system has none.
    pub namespace: u64,
}

impl Process {
    /// Returns this process itself; `None` where the system does not tell.
    pub fn own(here: &Here) -> Option<Process> {
        super::Held::of(here, std::process::id()).map(|held| held.process)
    }
}

impl Here {
    /// Reads where this process is.
    pub fn read() -> Here {
        let uname = rustix::system::uname();
        Here {
            host: uname.nodename().to_string_lossy().into_owned(),
            boot: super::probe::boot_id().unwrap_or_default(),
            namespace: super::probe::pid_namespace().unwrap_or(0),
        }
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Here { host, boot, namespace } = &self.here;
        let word = |text: &str| match text {
            "" => "-".to_owned(),
            text => escape(OsStr::new(text)),
        };
        let (pid, start, inode) = (self.pid, self.start, self.inode.unwrap_or(0));
        write!(f, "{pid} {start} {inode} {namespace} {} {}", word(boot), word(host))
    }
}

impl Process {
    /// Reads what `Display` wrote; `None` also for numbers that a signal must never go to.
    pub fn parse(text: &str) -> Option<Process> {
        let mut words = text.split(' ');
        let pid: u32 = words.next()?.parse().ok()?;
        let start = words.next()?.parse().ok()?;
        let inode: u64 = words.next()?.parse().ok()?;
        let namespace = words.next()?.parse().ok()?;
        let mut word = || match words.next()? {
            "-" => Some(String::new()),
            word => String::from_utf8(unescape(word)?.as_bytes().to_vec()).ok(),
        };
        let (boot, host) = (word()?, word()?);
        let here = Here { host, boot, namespace };
        let is_valid = pid > 1 && i32::try_from(pid).is_ok() && words.next().is_none();
        let inode = (inode != 0).then_some(inode);
        is_valid.then_some(Process { pid, start, inode, here })
    }

    pub(super) fn raw(&self) -> rustix::process::Pid {
        let pid = i32::try_from(self.pid).ok();
        pid.and_then(rustix::process::Pid::from_raw).expect("a process has a positive number")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_read_back_from_its_line() {
        let here = Here { host: "a host\n".into(), boot: String::new(), namespace: 7 };
        let process = Process { pid: 4711, start: 12, inode: Some(99), here };
        assert_eq!(Process::parse(&process.to_string()), Some(process));
    }

    #[test]
    fn numbers_that_mean_everybody_or_init_are_no_process() {
        for text in [
            "0 1 0 0 - h",
            "1 1 0 0 - h",
            "-1 1 0 0 - h",
            "4294967295 1 0 0 - h",
            "",
            "2 1 0 0 - h x",
        ] {
            assert_eq!(Process::parse(text), None, "{text}");
        }
    }
}
