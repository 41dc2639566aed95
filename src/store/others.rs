//! What other tools keep in a repository: their refs, their trailers and their notes.

use std::collections::HashSet;
use std::process::Stdio;

use gix::bstr::ByteSlice;

use super::{EntryKind, Store, StoreError, git};
use crate::model::Oid;

/// How deep a tree of notes is at most: a directory for two digits each.
const MAX_DEPTH: usize = 32;

impl Store {
    /// Returns the refs that match any of `patterns`, as git-for-each-ref(1) has them, in the order of their names.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn refs_like(&self, patterns: &[&str]) -> Result<Vec<(String, Oid)>, StoreError> {
        let format = "--format=%(refname) %(objectname)";
        let args: Vec<&str> = ["for-each-ref", format].iter().chain(patterns).copied().collect();
        let lines = self.ask_git(&args, "cannot list refs")?;
        let both = lines.iter().filter_map(|line| line.rsplit_once(' '));
        Ok(both.filter_map(|(name, oid)| Some((name.to_owned(), Oid::from_hex(oid)?))).collect())
    }

    /// Returns the commits of branches, tags and HEAD that have the trailer `key`, with its values. Only the last
    /// paragraph of a message has trailers.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn commits_with_trailer(&self, key: &str) -> Result<Vec<(Oid, String)>, StoreError> {
        let grep = format!("--grep=^{key}:");
        let format = format!("--format=%H %(trailers:key={key},valueonly,separator=%x20)");
        let mut args = vec!["log", "-i", &grep, &format];
        // What is not written by hand is none of the user's history.
        args.extend(["--exclude=refs/sessions/*", "--exclude=refs/notes/*"]);
        args.extend(["--exclude=refs/entire/*", "--exclude=refs/stash", "--all"]);
        let lines = self.ask_git(&args, "cannot look for trailers")?;
        let mut found = Vec::new();
        for line in lines {
            let mut words = line.split_whitespace();
            let Some(commit) = words.next().and_then(Oid::from_hex) else { continue };
            found.extend(words.map(|value| (commit, value.to_owned())));
        }
        Ok(found)
    }

    fn ask_git(&self, args: &[&str], doing: &str) -> Result<Vec<String>, StoreError> {
        let mut command = git::command(self);
        let output = command.args(args).stdin(Stdio::null()).output();
        let output = output.map_err(|error| StoreError::io("cannot run git", &error))?;
        if !output.status.success() {
            let reason = output.stderr.to_str_lossy().trim().to_owned();
            return Err(StoreError::Io { doing: doing.to_owned(), reason });
        }
        Ok(output.stdout.lines().map(|line| line.to_str_lossy().into_owned()).collect())
    }

    /// Returns the notes of a notes ref whose newest commit is `tip_oid`: each object that has one, and its blob.
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`StoreError::Corrupt`].
    pub fn notes(&self, tip_oid: Oid) -> Result<Vec<(Oid, Oid)>, StoreError> {
        let mut notes = Vec::new();
        let mut seen = HashSet::new();
        let mut open = vec![(String::new(), self.commit(tip_oid)?.tree_oid, 0)];
        while let Some((prefix, tree_oid, depth)) = open.pop() {
            // A tree that names itself would never end.
            if depth > MAX_DEPTH || !seen.insert(tree_oid) {
                let reason = "it is there twice, or too deep";
                return Err(StoreError::corrupt(format!("tree {tree_oid}"), reason));
            }
            for entry in self.directory(tree_oid)? {
                let name = format!("{prefix}{}", entry.name);
                match entry.kind {
                    EntryKind::Tree => open.push((name, entry.oid, depth + 1)),
                    EntryKind::Blob => notes.extend(Oid::from_hex(&name).map(|it| (it, entry.oid))),
                }
            }
        }
        Ok(notes)
    }
}
