use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use gix::bstr::ByteSlice;

use super::open::{RefFormat, lossy};
use super::{Store, git};
use crate::model::Oid;

/// How much of a log is read at once, in bytes.
const MAX_BYTES: u64 = 256 << 10;
/// The longest line before the place where reading goes on, in bytes.
const MAX_LINE: u64 = 8 << 10;

/// How much of the message of a squash is read, in bytes.
const MAX_SQUASH: u64 = 1 << 20;

/// A line of HEAD's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeadMove {
    /// Where HEAD was; null if it was unborn.
    pub old: Oid,
    /// Where it is.
    pub new: Oid,
    /// Why, in git's words: `commit: <subject>`.
    pub why: String,
}

/// A part of HEAD's log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeadLog {
    /// How long the log is, in bytes.
    pub n_bytes: u64,
    /// The line before the part.
    pub before: Option<HeadMove>,
    /// The lines of the part, oldest first.
    pub moves: Vec<HeadMove>,
}

impl HeadLog {
    /// Reads the end of a log of `n_bytes`, as a part from `at` on.
    fn split(n_bytes: u64, end: &[u8], at: usize) -> HeadLog {
        let (before, moves) = end.split_at(at);
        // Where a line is cut, the log is another one than it was.
        let before = before.strip_suffix(b"\n").and_then(|it| it.lines().next_back());
        let moves = moves.lines().filter_map(head_move).collect();
        HeadLog { n_bytes, before: before.and_then(head_move), moves }
    }

    /// Returns its last line.
    pub fn last(&self) -> Option<&HeadMove> {
        self.moves.last().or(self.before.as_ref())
    }
}

impl Store {
    /// Returns the length of this work tree's log of HEAD in bytes; `None` if there is none. Where it is no file,
    /// it is as long as the text that git tells of it.
    pub fn head_log_size(&self) -> Option<u64> {
        if self.refs == RefFormat::Git {
            return Some(git::head_log(self, MAX_BYTES).ok()?.len() as u64);
        }
        Some(self.git_dir.join("logs/HEAD").metadata().ok()?.len())
    }

    /// Reads this work tree's log of HEAD from byte `after` on, but not more than its newest 256 KiB.
    pub fn head_log_after(&self, after: u64) -> Option<HeadLog> {
        let (n_bytes, bytes, at) = self.read_head_log(after)?;
        Some(HeadLog::split(n_bytes, &bytes, at))
    }

    /// Reads the same as if the log were `end` bytes long, or shorter.
    pub fn head_log_between(&self, after: u64, end: u64) -> Option<HeadLog> {
        let (n_bytes, mut bytes, at) = self.read_head_log(after)?;
        let n_over = usize::try_from(n_bytes.saturating_sub(end)).ok()?;
        bytes.truncate(bytes.len().saturating_sub(n_over).max(at));
        Some(HeadLog::split(n_bytes.min(end), &bytes, at))
    }

    /// Reads the same as if the log had ended when HEAD came to a commit for the first time since; `None` if it did
    /// not.
    pub fn head_log_until(&self, after: u64, commit_oid: Oid) -> Option<HeadLog> {
        let (n_bytes, bytes, at) = self.read_head_log(after)?;
        let mut end = at;
        for line in bytes[at..].lines_with_terminator() {
            end += line.len();
            if head_move(line.trim_end()).is_some_and(|it| it.new == commit_oid) {
                let n_left = (bytes.len() - end) as u64;
                return Some(HeadLog::split(n_bytes.saturating_sub(n_left), &bytes[..end], at));
            }
        }
        None
    }

    /// Reads the lines of the same log's newest 256 KiB, oldest first, each with how long the log is up to its end, in bytes.
    pub fn head_moves(&self) -> Vec<(HeadMove, u64)> {
        let Some((n_bytes, bytes, at)) = self.read_head_log(0) else { return Vec::new() };
        let mut end = n_bytes - (bytes.len() - at) as u64;
        let line = |line: &[u8]| {
            end += line.len() as u64;
            Some((head_move(line.trim_end_with(|it| it == '\n'))?, end))
        };
        bytes[at..].lines_with_terminator().filter_map(line).collect()
    }

    /// Returns how long the log of HEAD is, its end, and where in that the byte `after` is.
    fn read_head_log(&self, after: u64) -> Option<(u64, Vec<u8>, usize)> {
        if self.refs == RefFormat::Git {
            let text = git::head_log(self, MAX_BYTES).ok()?;
            let n_bytes = text.len() as u64;
            let at = usize::try_from(after.min(n_bytes)).ok()?;
            return Some((n_bytes, text, at));
        }
        let mut file = File::open(self.git_dir.join("logs/HEAD")).ok()?;
        let n_bytes = file.metadata().ok()?.len();
        let from = after.min(n_bytes).max(n_bytes.saturating_sub(MAX_BYTES));
        let start = from.saturating_sub(MAX_LINE);
        file.seek(SeekFrom::Start(start)).ok()?;
        let mut bytes = Vec::new();
        file.take(n_bytes - start).read_to_end(&mut bytes).ok()?;
        let at = usize::try_from(from - start).ok()?.min(bytes.len());
        Some((n_bytes, bytes, at))
    }

    /// Returns how HEAD of this work tree moved last, as its log tells; git is asked where that is no file.
    pub fn last_head_move(&self) -> Option<HeadMove> {
        if self.refs == RefFormat::Files {
            return self.head_log_after(u64::MAX)?.before;
        }
        let mut command = git::command(self);
        command.args([
            "log",
            "-g",
            "-n",
            "2",
            "--no-show-signature",
            "--format=%H %gs",
            "HEAD",
            "--",
        ]);
        let output = git::run(&mut command, b"").ok()?;
        let mut lines = output.stdout.lines();
        let mut next = || {
            let (oid, why) = lines.next()?.split_once_str(" ")?;
            Some((Oid::from_hex(oid.to_str().ok()?)?, lossy(why)))
        };
        let (new, why) = next()?;
        let old = next().map_or(Oid::null(self.hash_kind()), |(old, _)| old);
        Some(HeadMove { old, new, why })
    }

    /// Tells whether git is taking over commits of others in this work tree: a rebase, `git am` or a
    /// cherry-pick is under way.
    pub fn is_rewriting(&self) -> bool {
        let is_picking = match self.refs {
            RefFormat::Files => self.git_dir.join("CHERRY_PICK_HEAD").exists(),
            RefFormat::Git => self.find_commit("CHERRY_PICK_HEAD").is_some(),
        };
        is_picking || self.is_rebasing()
    }

    /// Returns the commits that a `git merge --squash` has put into the index of this work tree, the newest first.
    ///
    /// Git tells them in the message that it prepares, where all that is not its own is indented. Source: git
    /// `builtin/merge.c`, `squash_message`.
    pub fn squashed(&self) -> Vec<Oid> {
        let Ok(file) = File::open(self.git_dir.join("SQUASH_MSG")) else { return Vec::new() };
        let mut text = Vec::new();
        if file.take(MAX_SQUASH).read_to_end(&mut text).is_err() {
            return Vec::new();
        }
        let commits = text.lines().filter_map(|line| line.strip_prefix(b"commit "));
        commits.filter_map(|hex| Oid::from_hex(hex.to_str().ok()?)).collect()
    }

    /// Tells whether a rebase or `git am` is under way in this work tree.
    pub fn is_rebasing(&self) -> bool {
        ["rebase-merge", "rebase-apply"].iter().any(|name| self.git_dir.join(name).is_dir())
    }
}

/// Reads a line: `<old> <new> <who> <time> <zone>\t<why>`. Source: git-update-ref(1).
fn head_move(line: &[u8]) -> Option<HeadMove> {
    let (head, why) = line.split_once_str("\t")?;
    let mut words = head.split(|byte| *byte == b' ');
    let mut oid = || Oid::from_hex(words.next()?.to_str().ok()?);
    let (old, new) = (oid()?, oid()?);
    Some(HeadMove { old, new, why: lossy(why) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_was_cut_within_a_line_has_nothing_before() {
        let line = |digit: &str| format!("{} {}\tcommit: x\n", "0".repeat(40), digit.repeat(40));
        let (one, text) = (line("a"), [line("a"), line("b")].concat());
        let split = |at| HeadLog::split(text.len() as u64, text.as_bytes(), at);
        let whole = split(one.len());
        assert_eq!(whole.before.map(|it| it.new), Oid::from_hex(&"a".repeat(40)));
        assert_eq!(whole.moves.len(), 1);
        assert_eq!(split(one.len() - 2).before, None);
        assert_eq!((split(0).before, split(0).moves.len()), (None, 2));
    }

    #[test]
    fn a_line_of_the_log_is_read_whoever_moved_head() {
        let (old, new) = ("0".repeat(40), "a".repeat(40));
        let line = format!("{old} {new} A B <a b@c> 1767790800 +0100\tcommit (initial): x\ty");
        let found = head_move(line.as_bytes()).expect("a line");
        assert!(found.old.is_null());
        assert_eq!((found.new.to_string(), found.why.as_str()), (new, "commit (initial): x\ty"));
        for text in ["", "a b c\td", "\t"] {
            assert_eq!(head_move(text.as_bytes()), None);
        }
    }
}
