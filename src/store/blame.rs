//! Which commit each line of a file came from, as `git blame` says: it follows renames, knows what is not
//! committed, and honours `blame.ignoreRevsFile`.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;

use super::open::lossy;
use super::recent_line::LinePlace;
use super::{Store, StoreError, git};
use crate::model::Oid;

/// A line of a file, and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlamedLine {
    /// The commit that wrote it; `None` if it is not committed yet.
    pub commit_oid: Option<Oid>,
    /// Its number in the file, from 1.
    pub number: u64,
    /// What it says, without its end; what is no UTF-8 is replaced.
    pub text: String,
}

/// What git knows of the lines of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Blame {
    /// These lines, in order.
    Lines(Vec<BlamedLine>),
    /// The file is in no commit.
    NotCommitted,
    /// There are no such lines; git's own words.
    NoSuchLines(String),
}

/// A `git blame` that runs while its caller does something else. It is ended where nobody asks for its answer.
#[derive(Debug)]
pub struct Blaming {
    child: Option<io::Result<Child>>,
    path: OsString,
    /// How many lines are asked for, where that is known.
    n_lines: Option<u64>,
    /// The line that is asked for, if it is a single one and nothing in the environment makes it another one.
    line: Option<LinePlace>,
}

impl Blaming {
    /// Begins to find out where the lines of a file came from, before the repository is opened: git finds it from
    /// `dir` as we do. The rest is as for [`Store::begin_blame`]; a bare repository answers nothing that is true.
    /// `attributes` is where the user's own stand by default.
    pub fn begin(
        dir: &Path,
        path: &OsStr,
        lines: Option<(u64, u64)>,
        attributes: Option<PathBuf>,
    ) -> Blaming {
        let mut command = Command::new("git");
        for name in git::LOCAL_ENVIRONMENT {
            command.env_remove(name);
        }
        command.env("LC_ALL", "C").env_remove("GIT_NO_REPLACE_OBJECTS").current_dir(dir);
        let number = lines.filter(|(first, last)| first == last).map(|(first, _)| first);
        let line = number.map(|number| {
            let (dir, path) = (dir.to_owned(), path.to_owned());
            LinePlace { dir, path, number, attributes }
        });
        let mut blaming = Blaming::spawn(command, path, lines, false);
        blaming.line = line;
        blaming
    }

    fn spawn(
        mut command: Command,
        path: &OsStr,
        lines: Option<(u64, u64)>,
        is_bare: bool,
    ) -> Blaming {
        command.args(["blame", "--porcelain"]);
        if let Some((first, last)) = lines {
            command.arg(format!("-L{first},{last}"));
        }
        command.args(is_bare.then_some("HEAD")).arg("--").arg(path);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let n_lines = lines.map(|(first, last)| (last - first).saturating_add(1));
        Blaming { child: Some(command.spawn()), path: path.to_owned(), n_lines, line: None }
    }

    /// Returns the line that is asked for, if it is a single one of this work tree as anybody sees it.
    pub fn line(&self) -> Option<&LinePlace> {
        self.line.as_ref()
    }

    /// Tells whether git has begun to answer, or to end.
    pub fn has_answered(&self) -> bool {
        let Some(Ok(Child { stdout: Some(answer), .. })) = &self.child else { return true };
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut [PollFd::new(answer, PollFlags::IN)], Some(&now)) != Ok(0)
    }

    /// Waits for the answer.
    ///
    /// # Errors
    /// [`StoreError::Io`] with git's own words.
    pub fn end(mut self) -> Result<Blame, StoreError> {
        let child = self.child.take().expect("it is taken once");
        let read = child.and_then(|child| self.read(child));
        let output = match read.map_err(|error| StoreError::io("cannot run git", &error))? {
            Read::Lines(answer) => return Ok(Blame::Lines(parse(&answer))),
            Read::All(output) if output.status.success() => {
                return Ok(Blame::Lines(parse(&output.stdout)));
            }
            Read::All(output) => output,
        };
        let words = lossy(&output.stderr);
        let words = words.trim().trim_start_matches("fatal: ");
        let is_unknown = ["no such path", "no such ref: HEAD", "bad revision 'HEAD'"];
        if is_unknown.iter().any(|it| words.contains(it)) {
            return Ok(Blame::NotCommitted);
        }
        // What git says of a range beyond the end. Source: git `line-range.c`.
        if words.starts_with("file ") && words.contains(" has only ") {
            return Ok(Blame::NoSuchLines(words.to_owned()));
        }
        git::failed(&output, &format!("cannot blame '{}'", self.path.to_string_lossy()))
    }
}

/// What was read of git.
enum Read {
    /// All lines that were asked for. Git has nothing left to do but to end, which is not waited for.
    Lines(Vec<u8>),
    /// All that it said, to its end.
    All(Output),
}

impl Blaming {
    fn read(&self, mut child: Child) -> io::Result<Read> {
        let (mut answer, mut words) = (child.stdout.take(), child.stderr.take());
        let (mut stdout, mut stderr, mut n_found) = (Vec::new(), Vec::new(), 0);
        while answer.is_some() || words.is_some() {
            let is_answer = match (&answer, &words) {
                (Some(answer), Some(words)) => is_first_ready(answer, words)?,
                (answer, _) => answer.is_some(),
            };
            if is_answer {
                let from = stdout.len();
                read_on(&mut answer, &mut stdout)?;
                n_found += n_lines_from(&stdout, from);
                if self.n_lines == Some(n_found) && stdout.ends_with(b"\n") {
                    return Ok(Read::Lines(stdout));
                }
            } else {
                read_on(&mut words, &mut stderr)?;
            }
        }
        Ok(Read::All(Output { status: child.wait()?, stdout, stderr }))
    }
}

/// Waits until one of two streams can be read, and tells whether it is the first.
fn is_first_ready(first: &impl AsFd, second: &impl AsFd) -> io::Result<bool> {
    let mut fds = [PollFd::new(first, PollFlags::IN), PollFd::new(second, PollFlags::IN)];
    retry_on_intr(|| poll(&mut fds, None))?;
    Ok(!fds[0].revents().is_empty())
}

/// Reads what is there of a stream; one that has ended is closed.
fn read_on(stream: &mut Option<impl io::Read>, into: &mut Vec<u8>) -> io::Result<()> {
    let mut bytes = [0; 4096];
    let n = match stream.as_mut().map(|stream| stream.read(&mut bytes)).transpose() {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
        read => read?.unwrap_or_default(),
    };
    into.extend(&bytes[..n]);
    if n == 0 {
        *stream = None;
    }
    Ok(())
}

/// Returns how many lines of the file begin in an answer from a byte on.
fn n_lines_from(answer: &[u8], from: usize) -> u64 {
    let pairs = answer[from.saturating_sub(1)..].windows(2);
    pairs.filter(|pair| pair == b"\n\t").count() as u64
}

impl Drop for Blaming {
    fn drop(&mut self) {
        if let Some(Ok(mut child)) = self.child.take() {
            // Who has an answer does not wait for it to end.
            let _ = child.kill();
        }
    }
}

impl Store {
    /// Begins to find out where the lines of a file came from: those from the first to the last number, or all.
    /// `path` is seen from `dir`. A bare repository has the file as HEAD has it. One process of git.
    pub fn begin_blame(&self, dir: &Path, path: &OsStr, lines: Option<(u64, u64)>) -> Blaming {
        let mut command = match self.work_dir() {
            Some(work_dir) => git::command_in(self, &self.git_dir, work_dir),
            None => git::command(self),
        };
        if self.work_dir().is_some() {
            command.current_dir(dir);
        }
        Blaming::spawn(command, path, lines, self.work_dir().is_none())
    }
}

/// Reads what `git blame --porcelain` prints: for each line a head, facts, and the line behind a tab.
/// Source: git-blame(1), "THE PORCELAIN FORMAT".
fn parse(output: &[u8]) -> Vec<BlamedLine> {
    let mut lines = Vec::new();
    let mut head = None;
    for line in output.split(|byte| *byte == b'\n') {
        match (line.strip_prefix(b"\t"), head) {
            (Some(text), Some((commit_oid, number))) => {
                lines.push(BlamedLine { commit_oid, number, text: lossy(text) });
                head = None;
            }
            (None, None) => head = parse_head(line),
            _ => {}
        }
    }
    lines
}

/// Reads `<id> <line in the commit> <line> [<how many>]`.
fn parse_head(line: &[u8]) -> Option<(Option<Oid>, u64)> {
    let text = std::str::from_utf8(line).ok()?;
    let mut words = text.split(' ');
    let oid = Oid::from_hex(words.next()?)?;
    let number = words.nth(1)?.parse().ok()?;
    Some(((!oid.is_null()).then_some(oid), number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_stand_once_a_commit_and_what_a_line_says_is_no_head() {
        let (one, none) = ("1".repeat(40), "0".repeat(40));
        let output = format!(
            "{one} 1 1 2\nauthor A\nsummary {one} 9 9\nfilename a\n\t{one} 7 7 1\n\
             {one} 2 2\n\t\tindented\r\n{none} 3 3 1\nauthor Not Committed Yet\nfilename a\n\t\n"
        );
        let line =
            |commit_oid, number, text: &str| BlamedLine { commit_oid, number, text: text.into() };
        let oid = Oid::from_hex(&one);
        let expected = [
            line(oid, 1, &format!("{one} 7 7 1")),
            line(oid, 2, "\tindented\r"),
            line(None, 3, ""),
        ];
        assert_eq!(parse(output.as_bytes()), expected);
    }

    #[test]
    fn lines_are_counted_wherever_an_answer_is_cut() {
        let answer = b"1 1 1 2\nsummary \tx\n\tone\n1 2 2\n\t\ttwo\n";
        assert_eq!(n_lines_from(answer, 0), 2);
        for cut in 0..answer.len() {
            let n = n_lines_from(&answer[..cut], 0) + n_lines_from(answer, cut);
            assert_eq!(n, 2, "{cut}");
        }
        assert_eq!(n_lines_from(b"", 0), 0);
    }
}
