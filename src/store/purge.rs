//! Removing what sessions that were deleted have left, for good.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use super::archive::{ARCHIVE, Shelf};
use super::archive_table::ArchiveRow;
use super::fold::ArchiveLock;
use super::{Stamp, Store, StoreError, git};
use crate::model::{Oid, SessionId};

/// Where it is noted what remotes have.
const KNOWN: &str = "refs/session-remotes/";

/// What was removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Purged {
    /// The remotes that had some of it when this clone last heard of them.
    pub remotes: Vec<String>,
    /// How many objects are gone.
    pub n_objects: usize,
    /// How many could not be removed: they are in a pack that somebody keeps, or in another repository.
    pub n_left: usize,
}

impl Store {
    /// Removes what is left of deleted sessions, which were at these commits: their place in the history of the
    /// archive, what is noted of remotes, and the objects that nothing else in this repository has, not even a reflog.
    /// Other objects that nothing has stay.
    ///
    /// # Errors
    /// [`StoreError::Io`] with what git says; [`StoreError::Raced`] when the archive changes meanwhile. Some of it may
    /// be gone then.
    pub fn purge(
        &self,
        held: &ArchiveLock,
        sessions: &[(SessionId, Oid)],
        stamp: &Stamp,
    ) -> Result<Purged, StoreError> {
        self.check_writable()?;
        let mut roots: BTreeSet<Oid> = sessions.iter().map(|(_, tip)| *tip).collect();
        roots.extend(self.refold(held, stamp)?);
        let (remotes, known) = self.forget_known(sessions)?;
        roots.extend(known);
        let doomed = self.only_below(&roots)?;
        let (n_objects, n_left) = self.drop_objects(&doomed)?;
        Ok(Purged { remotes, n_objects, n_left })
    }

    /// Makes the archive anew, without a history, and returns the one that it was.
    fn refold(&self, held: &ArchiveLock, stamp: &Stamp) -> Result<Option<Oid>, StoreError> {
        let Some(own) = self.archive_tip()? else { return Ok(None) };
        let rows = self.whole_archive(Some(own))?;
        let tips: Vec<Oid> = rows.iter().filter_map(|row: &ArchiveRow| row.tip).collect();
        let none = Shelf { tip: own, files: Vec::new() };
        let changed = vec![(String::new(), rows)];
        self.shelve(&none, changed, (Some(own), &tips), &[], stamp)?.publish(held)?;
        let mut command = git::command(self);
        command.args(["reflog", "expire", "--expire=now", "--expire-unreachable=now", ARCHIVE]);
        git::expect_success(&git::run_long(&mut command)?, "cannot shorten a reflog")?;
        Ok(Some(own))
    }

    /// Forgets what remotes have of sessions, and returns which had some, and where.
    fn forget_known(
        &self,
        sessions: &[(SessionId, Oid)],
    ) -> Result<(Vec<String>, Vec<Oid>), StoreError> {
        let names: HashSet<String> = sessions.iter().map(|(id, _)| id.to_string()).collect();
        let (mut remotes, mut refs) = (BTreeSet::new(), Vec::new());
        for (name, oid) in super::remote::list_refs(self, KNOWN)? {
            let short = name.strip_prefix(KNOWN).unwrap_or(&name);
            let is_session = short.rsplit_once('/').filter(|(_, id)| names.contains(*id));
            let archive = short.strip_suffix("/archive/v1");
            let has_them = |remote: &&str| {
                let rows = self.archive_at(Some(oid)).rows;
                let has = |row: &ArchiveRow| names.contains(&row.session_id.to_string());
                !remote.is_empty() && rows.iter().any(has)
            };
            if let Some(remote) = is_session.map(|(remote, _)| remote).or(archive.filter(has_them))
            {
                remotes.insert(remote.to_owned());
                refs.push((name, oid));
            }
        }
        if !refs.is_empty() {
            let refs: Vec<(&str, Oid)> = refs.iter().map(|(name, oid)| (&**name, *oid)).collect();
            git::delete_refs(self, &refs)?;
        }
        Ok((remotes.into_iter().collect(), refs.into_iter().map(|(_, oid)| oid).collect()))
    }

    /// Returns the objects below some commits that nothing else has.
    ///
    /// What git leaves out by itself (`--not`) is less: it looks at the trees of neighbouring commits only.
    fn only_below(&self, roots: &BTreeSet<Oid>) -> Result<HashSet<Oid>, StoreError> {
        let mut doomed = HashSet::new();
        let mut command = git::command(self);
        command.args(["rev-list", "--objects", "--ignore-missing", "--stdin"]);
        let lines: String = roots.iter().map(|oid| format!("{oid}\n")).collect();
        each_object(&mut command, &lines, |oid| {
            doomed.insert(oid);
        })?;
        let mut command = git::command(self);
        command.args(["rev-list", "--objects", "--all", "--reflog", "--indexed-objects"]);
        each_object(&mut command, "", |oid| {
            doomed.remove(&oid);
        })?;
        Ok(doomed)
    }

    /// Removes objects; returns how many are gone, and how many are still there.
    fn drop_objects(&self, doomed: &HashSet<Oid>) -> Result<(usize, usize), StoreError> {
        if doomed.is_empty() {
            return Ok((0, 0));
        }
        // All that nothing has gets a file of its own; then only these are removed.
        let mut command = git::command(self);
        command.args(["repack", "-A", "-d", "-l", "-q"]);
        git::expect_success(&git::run_long(&mut command)?, "cannot repack")?;
        let objects_dir = self.common_dir.join("objects");
        for oid in doomed {
            let hex = oid.to_string();
            let path = objects_dir.join(&hex[..2]).join(&hex[2..]);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    let doing = format!("cannot remove '{}'", path.display());
                    return Err(StoreError::io(doing, &error));
                }
                _ => {}
            }
        }
        self.renew_commit_graph()?;
        let lines: String = doomed.iter().map(|oid| format!("{oid}\n")).collect();
        let mut command = git::command(self);
        command.args(["cat-file", "--batch-check=%(objectname)"]);
        let mut n_left = 0;
        each_line(&mut command, &lines, |line| n_left += usize::from(!line.ends_with("missing")))?;
        Ok((doomed.len() - n_left, n_left))
    }

    /// Has the commit graph written anew, if there is one: it would name commits that are gone.
    fn renew_commit_graph(&self) -> Result<(), StoreError> {
        let info = self.common_dir.join("objects/info");
        let split = info.join("commit-graphs").is_dir();
        if !split && !info.join("commit-graph").exists() {
            return Ok(());
        }
        let mut command = git::command(self);
        command.args(["commit-graph", "write", "--reachable", "--no-progress"]);
        command.args(split.then_some("--split=replace"));
        git::expect_success(&git::run_long(&mut command)?, "cannot write the commit graph")
    }
}

fn each_object(
    command: &mut Command,
    input: &str,
    mut take: impl FnMut(Oid),
) -> Result<(), StoreError> {
    each_line(command, input, |line| {
        let hex = line.split(' ').next().unwrap_or_default();
        Oid::from_hex(hex).into_iter().for_each(&mut take);
    })
}

/// Runs a command to its end, and gives each line of what it answers to `take`, however long it is.
fn each_line(
    command: &mut Command,
    input: &str,
    mut take: impl FnMut(&str),
) -> Result<(), StoreError> {
    let failed = |error: &std::io::Error| StoreError::io("cannot run git", error);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|error| failed(&error))?;
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    std::thread::scope(|scope| {
        scope.spawn(|| stdin.map(|mut stdin| stdin.write_all(input.as_bytes())));
        let mut lines = stdout.into_iter().flat_map(|it| BufReader::new(it).split(b'\n'));
        lines.try_for_each(|line| line.map(|line| take(&String::from_utf8_lossy(&line))))
    })
    .map_err(|error| failed(&error))?;
    match child.wait() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => {
            let reason = format!("git ended with {status}");
            Err(StoreError::Io { doing: "cannot list objects".into(), reason })
        }
        Err(error) => Err(failed(&error)),
    }
}
