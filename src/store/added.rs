//! Which lines a commit adds, as git's diff tells.

use std::io::{BufRead, BufReader, Read as _};
use std::process::Stdio;

use super::{Store, StoreError, git};
use crate::model::Oid;

/// The longest line of a diff's header that is read, in bytes: a path, each byte of it escaped.
const MAX_HEADER: u64 = 1 << 16;

/// A file to which a commit adds lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddedLines {
    /// Its path in the commit.
    pub path: String,
    /// The first and the last line of each run of added lines, from 1, in order.
    pub ranges: Vec<(u64, u64)>,
}

impl Store {
    /// Returns the lines that a commit adds to what its parent has. A merge adds none: its lines are those of
    /// its parents. Files that are binary, gone or only renamed have none.
    ///
    /// # Errors
    /// [`StoreError::Io`] with git's own words.
    pub fn added_lines(&self, commit_oid: Oid) -> Result<Vec<AddedLines>, StoreError> {
        let failed = |error: std::io::Error| StoreError::io("cannot run git", &error);
        let commit = commit_oid.to_string();
        let mut child = git::command(self)
            .args(["-c", "core.quotePath=true", "diff-tree", "-r", "--root", "--no-commit-id"])
            .args(["-p", "-U0", "-M", "--no-color", "--no-ext-diff", "--no-textconv"])
            .args(["--ignore-submodules=all", "--src-prefix=a/", "--dst-prefix=b/", &commit])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(failed)?;
        let read = match child.stdout.take() {
            Some(stdout) => added(&mut BufReader::new(stdout)),
            None => Ok(Vec::new()),
        };
        let status = child.wait().map_err(failed)?;
        if !status.success() {
            let reason = format!("git ended with {status}");
            return Err(StoreError::Io {
                doing: format!("cannot compare commit {commit}"),
                reason,
            });
        }
        read.map_err(failed)
    }
}

/// Reads a diff without context; what the lines say is passed over.
fn added(diff: &mut impl BufRead) -> std::io::Result<Vec<AddedLines>> {
    let mut all: Vec<AddedLines> = Vec::new();
    let mut path = None;
    loop {
        let mut line = Vec::new();
        diff.by_ref().take(MAX_HEADER).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(all);
        }
        if line.pop_if(|it| *it == b'\n').is_none() {
            diff.skip_until(b'\n')?;
        }
        if let Some(name) = line.strip_prefix(b"+++ ") {
            path = path_of(name);
        } else if let Some((n_removed, first, n_added)) = hunk(&line) {
            for _ in 0..n_removed.saturating_add(n_added) {
                if diff.skip_until(b'\n')? == 0 {
                    break;
                }
                // This line belongs to the one before.
                if diff.fill_buf()?.first() == Some(&b'\\') {
                    diff.skip_until(b'\n')?;
                }
            }
            let Some(path) = path.as_ref().filter(|_| n_added > 0) else { continue };
            let range = (first, first.saturating_add(n_added - 1));
            match all.last_mut().filter(|it| it.path == *path) {
                Some(file) => file.ranges.push(range),
                None => all.push(AddedLines { path: path.clone(), ranges: vec![range] }),
            }
        }
    }
}

/// Reads `@@ -<first>[,<n>] +<first>[,<n>] @@`: how many lines are removed, and which are added.
fn hunk(line: &[u8]) -> Option<(u64, u64, u64)> {
    let line = String::from_utf8_lossy(line.strip_prefix(b"@@ -")?).into_owned();
    let (removed, rest) = line.split_once(" +")?;
    let (added, _) = rest.split_once(" @@")?;
    let range = |text: &str| {
        let (first, n) = text.split_once(',').unwrap_or((text, "1"));
        Some((first.parse::<u64>().ok()?, n.parse::<u64>().ok()?))
    };
    let ((_, n_removed), (first, n_added)) = (range(removed)?, range(added)?);
    Some((n_removed, first, n_added))
}

/// Reads the path of a file after the change; `None` if it is gone.
fn path_of(name: &[u8]) -> Option<String> {
    // Git ends a name that has white space with a tab.
    let name = name.strip_suffix(b"\t").unwrap_or(name);
    let name = match name.strip_prefix(b"\"").and_then(|it| it.strip_suffix(b"\"")) {
        Some(quoted) => unquote(quoted),
        None => name.to_vec(),
    };
    let path = name.strip_prefix(b"b/")?;
    Some(String::from_utf8_lossy(path).into_owned())
}

/// Reads what git wrote as a string of C. Source: git `quote.c`.
fn unquote(quoted: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = quoted.iter().copied().peekable();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        let Some(escaped) = rest.next() else { break };
        bytes.push(match escaped {
            b'a' => 7,
            b'b' => 8,
            b't' => b'\t',
            b'n' => b'\n',
            b'v' => 11,
            b'f' => 12,
            b'r' => b'\r',
            b'0'..=b'3' => {
                let mut value = escaped - b'0';
                for _ in 0..2 {
                    let digit = rest.next_if(|it| (b'0'..=b'7').contains(it));
                    value = digit.map_or(value, |it| value.wrapping_mul(8) + (it - b'0'));
                }
                value
            }
            other => other,
        });
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(diff: &str) -> Vec<(String, Vec<(u64, u64)>)> {
        let all = added(&mut diff.as_bytes()).expect("bytes in memory");
        all.into_iter().map(|it| (it.path, it.ranges)).collect()
    }

    #[test]
    fn ranges_are_those_of_the_new_side() {
        let diff = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1,2 @@ fn\n-a\n+b\n+c\n\
            @@ -9,2 +10,0 @@\n-d\n-e\n@@ -20,0 +19,3 @@\n+f\n+g\n+h\n";
        assert_eq!(read(diff), [("x".to_owned(), vec![(1, 2), (19, 21)])]);
    }

    #[test]
    fn what_a_line_says_is_no_header() {
        let diff = "--- a/x\n+++ b/x\n@@ -1,2 +1,3 @@\n--- a/y\n-@@ -1 +1 @@\n+++ b/y\n+@@ -7 +7 @@\n\
            +last\n\\ No newline at end of file\n@@ -5,0 +9 @@\n+z\n";
        assert_eq!(read(diff), [("x".to_owned(), vec![(1, 3), (9, 9)])]);
        let both = "+++ b/x\n@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n\
            \\ No newline at end of file\n+++ b/y\n@@ -0,0 +1 @@\n+c\n";
        assert_eq!(read(both).len(), 2);
    }

    #[test]
    fn a_path_is_what_git_quoted_and_a_file_that_is_gone_has_none() {
        for (name, expected) in [
            ("b/a b\t", Some("a b")),
            ("\"b/caf\\303\\251\\t\\\"x\\\\\"", Some("café\t\"x\\")),
            ("/dev/null", None),
            ("\"b/\\", None),
        ] {
            assert_eq!(path_of(name.as_bytes()).as_deref(), expected, "{name}");
        }
        assert_eq!(read("+++ /dev/null\n@@ -1 +0,0 @@\n-a\n"), []);
        assert_eq!(read("Binary files a/x and b/x differ\n"), []);
        assert_eq!(read("+++ b/x\n@@ -1 +1,18446744073709551615 @@\n+a\n").len(), 1);
    }
}
