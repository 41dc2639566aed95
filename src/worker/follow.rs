//! Staying behind another process until it has ended: who does so for whom, and what is to be done then.
//!
//! Each process that is followed has a file in one directory, under its number. It says who follows, and has
//! a line for each thing that was noted for the end.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::ancestor::program;
use super::left::wait_for_left_while;
use super::probe::look;
use super::{Held, Here, Process, Seen};

/// How long one waits in one go. A process may live for days.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Tells whether this system lets a process be followed: it tells what programs run, and when one has ended.
pub fn can_follow() -> bool {
    let own = std::process::id();
    program(own).is_some() && Held::of(&Here::read(), own).is_some_and(|it| it.poll_fd().is_some())
}

/// The directory where it is noted who follows whom.
#[derive(Debug, Clone)]
pub struct Followers(PathBuf);

/// A process that is followed by one that lives.
#[derive(Debug)]
pub struct Following {
    /// The one that is followed; it may have ended.
    pub followed: Process,
    /// The one that follows.
    pub by: Process,
    /// What was noted for the end, oldest first.
    pub notes: Vec<String>,
    path: PathBuf,
}

/// The follower that this process is.
#[derive(Debug)]
pub struct Follower {
    held: Held,
    path: PathBuf,
}

impl Followers {
    /// Returns those that are noted in a directory, which need not be there.
    pub fn of(dir: PathBuf) -> Followers {
        Followers(dir)
    }

    fn path(&self, followed: &Process) -> PathBuf {
        self.0.join(followed.pid.to_string())
    }

    /// Adds a line to what is noted for the end of a process; `false` if nobody follows it.
    ///
    /// # Errors
    /// What the system says of the file.
    pub fn tell(&self, here: &Here, followed: &Process, note: &str) -> io::Result<bool> {
        let path = self.path(followed);
        let known = Following::read(path.clone()).filter(|it| it.followed == *followed);
        if known.is_none_or(|it| look(here, &it.by) != Seen::Running) {
            return Ok(false);
        }
        let mut file = OpenOptions::new().append(true).open(path)?;
        file.write_all(format!("{note}\n").as_bytes())?;
        Ok(true)
    }

    /// Begins to follow a process, with a first note.
    ///
    /// # Errors
    /// What the system says of the file; then nobody follows it.
    pub fn follow(&self, here: &Here, held: Held, note: &str) -> io::Result<Follower> {
        let own = Process::own(here).ok_or(io::ErrorKind::Unsupported)?;
        // Not what is above: the repository may be gone.
        for dir in self.0.parent().into_iter().chain([self.0.as_path()]) {
            if !dir.is_dir() {
                DirBuilder::new().mode(0o700).create(dir)?;
            }
        }
        let path = self.path(&held.process);
        let draft = path.with_extension(own.pid.to_string());
        let mut file = create(&draft)?;
        let written = file
            .write_all(format!("{}\n{own}\n{note}\n", held.process).as_bytes())
            .and_then(|()| fs::rename(&draft, &path));
        if written.is_err() {
            let _ = fs::remove_file(&draft);
        }
        written.map(|()| Follower { held, path })
    }

    /// Returns who follows here, but for this process itself.
    pub fn read(&self, here: &Here) -> Vec<Following> {
        let mut all = self.all();
        all.retain(|it| it.by.pid != std::process::id() && look(here, &it.by) == Seen::Running);
        all
    }

    /// Returns what was noted for all others that follow here.
    pub fn notes_of_others(&self) -> Vec<String> {
        match self.is_empty() {
            true => Vec::new(),
            false => self.read(&Here::read()).into_iter().flat_map(|it| it.notes).collect(),
        }
    }

    /// Tells whether nobody follows, as most of the time.
    fn is_empty(&self) -> bool {
        fs::read_dir(&self.0).map_or(true, |mut it| it.next().is_none())
    }

    /// Takes hold of those whose followed process has ended, so that they end soon.
    pub fn hold_ending(&self, here: &Here) -> Vec<Held> {
        let mut all = self.read(here);
        all.retain(|it| look(here, &it.followed) != Seen::Running);
        all.iter().filter_map(|it| Held::open(here, &it.by).ok()).collect()
    }

    /// Waits until a process that a shell has left behind to follow another one has noted that here, or has ended, at most
    /// until `timeout`: the one that the file `note` names, if one of `words` is part of what it was started with.
    pub fn wait_for_starting(&self, note: &Path, words: &[&str], timeout: Duration) {
        let is_noted = |it: &Process| self.all().iter().any(|following| following.by.pid == it.pid);
        wait_for_left_while(note, words, timeout, |it| !is_noted(it));
    }

    /// Waits for those whose followed process has ended, at most until `timeout` for each. Nobody waits for a process
    /// that others may use as they like, such as an editor.
    pub fn wait_for_ending(&self, timeout: Duration) {
        if self.is_empty() {
            return;
        }
        for held in self.hold_ending(&Here::read()) {
            held.wait(timeout);
        }
    }

    /// Removes what followers left that were killed.
    pub fn clean(&self, here: &Here) {
        for it in self.all().iter().filter(|it| look(here, &it.by) == Seen::Lost) {
            let _ = fs::remove_file(&it.path);
        }
    }

    fn all(&self) -> Vec<Following> {
        let entries = fs::read_dir(&self.0).into_iter().flatten().flatten();
        entries.filter_map(|it| Following::read(it.path())).collect()
    }
}

impl Following {
    fn read(path: PathBuf) -> Option<Following> {
        let text = fs::metadata(&path).ok()?.is_file().then(|| fs::read_to_string(&path))?.ok()?;
        let mut lines = text.lines();
        let (followed, by) = (Process::parse(lines.next()?)?, Process::parse(lines.next()?)?);
        Some(Following { followed, by, notes: lines.map(str::to_owned).collect(), path })
    }
}

impl Follower {
    /// Waits until the process has ended, and returns what was noted.
    pub fn wait(&self) -> Vec<String> {
        while !self.held.wait(DAY) {}
        Following::read(self.path.clone()).map(|it| it.notes).unwrap_or_default()
    }

    /// Has nothing to do any more.
    pub fn end(self) {
        let _ = fs::remove_file(self.path);
    }
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};

    use super::*;

    /// A process that ends when nobody holds the other end of its input any more.
    fn started() -> Child {
        let mut command = Command::new("cat");
        command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("cat")
    }

    #[test]
    fn who_follows_hears_at_the_end_what_was_noted_meanwhile() {
        let dir = tempfile::tempdir().expect("a directory");
        let followers = Followers::of(dir.path().join("session/following"));
        let here = Here::read();
        let mut child = started();
        let held = Held::of(&here, child.id()).expect("it lives");
        let followed = held.process.clone();
        assert!(!followers.tell(&here, &followed, "early").expect("no file"));
        let follower = followers.follow(&here, held, "first").expect("noted");
        assert!(followers.tell(&here, &followed, "second").expect("noted"));
        // Another process that has got its number is not the one that is followed.
        let other = Process { start: followed.start + 1, ..followed };
        assert!(!followers.tell(&here, &other, "no").expect("nobody follows it"));
        drop(child.stdin.take());
        assert_eq!(follower.wait(), ["first", "second"]);
        follower.end();
        assert!(followers.all().is_empty());
        child.wait().expect("ours");
    }

    #[test]
    fn nobody_waits_while_the_followed_process_lives_and_everybody_when_it_has_ended() {
        let dir = tempfile::tempdir().expect("a directory");
        let followers = Followers::of(dir.path().to_owned());
        let here = Here::read();
        let (mut followed, mut by) = (started(), started());
        let process = |child: &Child| Held::of(&here, child.id()).expect("it lives").process;
        let path = followers.path(&process(&followed));
        let text = format!("{}\n{}\nnote\n", process(&followed), process(&by));
        fs::write(&path, text).expect("a file");
        fs::write(dir.path().join("1"), b"\xff nonsense").expect("a file");
        assert_eq!(followers.read(&here)[0].notes, ["note"]);
        assert!(followers.hold_ending(&here).is_empty());
        followers.wait_for_ending(DAY);
        drop(followed.stdin.take());
        followed.wait().expect("ours");
        assert_eq!(followers.hold_ending(&here).len(), 1);
        followers.wait_for_ending(Duration::from_millis(1));
        followers.clean(&here);
        assert!(path.exists(), "it has not ended");
        drop(by.stdin.take());
        by.wait().expect("ours");
        followers.wait_for_ending(DAY);
        followers.clean(&here);
        assert!(!path.exists());
    }
}
