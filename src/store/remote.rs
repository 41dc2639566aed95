//! Remotes: which there are, what they have as far as this clone knows, and sending to them.

use std::collections::{HashMap, HashSet};

use super::archive::ARCHIVE;
use super::git;
use super::open::lossy;
use super::refs::session_ref;
use super::{Store, StoreError};
use crate::model::{Oid, SessionId};

/// Where it is noted what a remote has.
const KNOWN: &str = "refs/session-remotes/";

/// What a remote did with a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// It had none of this id.
    New,
    /// It had a part of it.
    Updated,
    /// It had all of it.
    Unchanged,
    /// It has something else under this id, or does not want it; nothing was changed there.
    Rejected(String),
}

impl Store {
    /// Returns the names of the remotes in the configuration, in order.
    pub fn remotes(&self) -> Vec<String> {
        let config = self.repo.config_snapshot();
        let sections = config.plumbing().sections_by_name("remote").into_iter().flatten();
        let names = sections.filter_map(|it| it.header().subsection_name().map(|it| lossy(it)));
        let mut names: Vec<String> = names.collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Returns the remote that is sent to where none is named. Source: git-push(1), "remote.pushDefault".
    pub fn default_remote(&self) -> String {
        let config = self.repo.config_snapshot();
        let branch = self.head().ok().and_then(|head| head.branch).unwrap_or_default();
        let keys = [
            format!("branch.{branch}.pushRemote"),
            "remote.pushDefault".to_owned(),
            format!("branch.{branch}.remote"),
        ];
        let told = keys.iter().find_map(|key| config.string(key.as_str()).map(|it| lossy(&it)));
        match (told, &self.remotes()[..]) {
            (Some(name), _) => name,
            (None, [only]) => only.clone(),
            (None, _) => "origin".to_owned(),
        }
    }

    /// Returns the sessions that a remote had when this clone last heard of it, with their newest commits.
    ///
    /// # Errors
    /// [`StoreError::Io`] when git cannot tell.
    pub fn known_at(&self, remote: &str) -> Result<HashMap<SessionId, Oid>, StoreError> {
        let prefix = format!("{KNOWN}{remote}/");
        let listed = list_refs(self, &prefix)?;
        let parse = |(name, oid): (String, Oid)| {
            Some((SessionId::parse(name.strip_prefix(&prefix)?)?, oid))
        };
        Ok(listed.into_iter().filter_map(parse).collect())
    }

    /// Returns the archive that a remote had when this clone last heard of it: its newest commit.
    ///
    /// # Errors
    /// [`StoreError::Io`] when git cannot tell.
    pub fn known_archive(&self, remote: &str) -> Result<Option<Oid>, StoreError> {
        git::tip(self, &format!("{}/v1", Store::archive_of(remote)))
    }

    /// Returns where it is noted what archives a remote has.
    pub(super) fn archive_of(remote: &str) -> String {
        format!("{KNOWN}{remote}/archive")
    }

    /// Sends the archive to a remote as it was at this commit, without force, and notes that.
    ///
    /// # Errors
    /// As [`Store::push`].
    pub fn push_archive(
        &self,
        remote: &str,
        tip: Oid,
        dry_run: bool,
    ) -> Result<Received, StoreError> {
        let refspec = format!("{tip}:{ARCHIVE}");
        let said = push(self, remote, std::slice::from_ref(&refspec), dry_run)?;
        let is_it = |line: &&String| line.split('\t').nth(1) == Some(refspec.as_str());
        let told = said.iter().find(is_it).map(|line| received(line));
        let told = told.unwrap_or(Received::Rejected("git does not say why".into()));
        if !dry_run && !matches!(told, Received::Rejected(_)) {
            set_refs(self, &[(format!("{}/v1", Store::archive_of(remote)), tip)])?;
        }
        Ok(told)
    }

    /// Returns the commits behind `new` that a remote does not have, as far as this clone knows: not those behind
    /// `old`, nor behind its branches. The newest `max` of them, newest first.
    ///
    /// # Errors
    /// [`StoreError::Io`] when git cannot tell.
    pub fn commits_not_at(
        &self,
        remote: &str,
        new: &[Oid],
        old: &[Oid],
        max: usize,
    ) -> Result<Vec<Oid>, StoreError> {
        let mut lines: String = new.iter().map(|oid| format!("{oid}\n")).collect();
        let old = old.iter().filter(|oid| self.commit(**oid).is_ok());
        lines.extend(old.map(|oid| format!("^{oid}\n")));
        let (max, there) = (format!("--max-count={max}"), format!("--remotes={remote}"));
        let mut command = git::command(self);
        command.args(["rev-list", &max, "--stdin", "--not", &there]);
        let output = git::run(&mut command, lines.as_bytes())?;
        git::expect_success(&output, "cannot list the commits of a push")?;
        Ok(String::from_utf8_lossy(&output.stdout).lines().filter_map(Oid::from_hex).collect())
    }

    /// Returns those of some commits that are in the history of a branch, a branch of a remote, or a tag.
    ///
    /// # Errors
    /// [`StoreError::Io`] when git cannot tell.
    pub fn reached(&self, commits: &[Oid]) -> Result<Vec<Oid>, StoreError> {
        let here: Vec<Oid> =
            commits.iter().copied().filter(|oid| self.commit(*oid).is_ok()).collect();
        if here.is_empty() {
            return Ok(here);
        }
        let lines: String = here.iter().map(|oid| format!("{oid}\n")).collect();
        let mut command = git::command(self);
        command.args(["rev-list", "--stdin", "--not", "--branches", "--tags", "--remotes"]);
        let output = git::run(&mut command, lines.as_bytes())?;
        git::expect_success(&output, "cannot list commits")?;
        let text = String::from_utf8_lossy(&output.stdout);
        let apart: HashSet<Oid> = text.lines().filter_map(Oid::from_hex).collect();
        Ok(here.into_iter().filter(|oid| !apart.contains(oid)).collect())
    }

    /// Sends sessions to a remote as they were at these commits, without force, and notes what it has then. With
    /// `dry_run`, nothing is sent.
    ///
    /// # Errors
    /// [`StoreError::Io`] with what git says when the remote could not be reached.
    pub fn push(
        &self,
        remote: &str,
        sessions: &[(SessionId, Oid)],
        dry_run: bool,
    ) -> Result<Vec<Received>, StoreError> {
        let name = |(session_id, tip_oid): &(SessionId, Oid)| {
            format!("{tip_oid}:{}", session_ref(*session_id))
        };
        let refspecs: Vec<String> = sessions.iter().map(name).collect();
        let said = push(self, remote, &refspecs, dry_run)?;
        let lines: HashMap<&str, &str> = said
            .iter()
            .filter_map(|line| Some((line.split('\t').nth(1)?, line.as_str())))
            .collect();
        let told = |refspec: &String| match lines.get(refspec.as_str()) {
            Some(line) => received(line),
            None => Received::Rejected("git does not say why".into()),
        };
        let all: Vec<Received> = refspecs.iter().map(told).collect();
        let is_there = |(_, received): &(_, &Received)| !matches!(received, Received::Rejected(_));
        let there = sessions.iter().zip(&all).filter(is_there);
        let known =
            there.map(|((session_id, oid), _)| (format!("{KNOWN}{remote}/{session_id}"), *oid));
        if !dry_run {
            set_refs(self, &known.collect::<Vec<_>>())?;
        }
        Ok(all)
    }
}

pub(super) fn list_refs(store: &Store, prefix: &str) -> Result<Vec<(String, Oid)>, StoreError> {
    let format = "--format=%(objectname) %(refname)";
    let output = git::run(git::command(store).args(["for-each-ref", format, prefix]), b"")?;
    git::expect_success(&output, "cannot list what a remote has")?;
    let parse = |line: &str| {
        let (oid, name) = line.split_once(' ')?;
        Some((name.to_owned(), Oid::from_hex(oid)?))
    };
    Ok(String::from_utf8_lossy(&output.stdout).lines().filter_map(parse).collect())
}

fn set_refs(store: &Store, refs: &[(String, Oid)]) -> Result<(), StoreError> {
    let lines: String = refs.iter().map(|(name, oid)| format!("update {name} {oid}\n")).collect();
    let output = git::run(git::command(store).args(["update-ref", "--stdin"]), lines.as_bytes())?;
    git::expect_success(&output, "cannot note what the remote has")
}

/// Sends refs and returns what git tells of each, a line for each. It takes as long as it takes.
fn push(
    store: &Store,
    remote: &str,
    refspecs: &[String],
    dry_run: bool,
) -> Result<Vec<String>, StoreError> {
    let mut said = Vec::new();
    // A command line has an end.
    for refspecs in refspecs.chunks(1000) {
        let mut command = match store.work_dir() {
            Some(work_dir) => git::command_in(store, &store.git_dir, work_dir),
            None => git::command(store),
        };
        // Nothing else goes along, whatever the configuration says.
        command.args(["-c", "push.followTags=false", "-c", "push.recurseSubmodules=no"]);
        command.args(["push", "--porcelain", "--no-progress"]);
        command.args(dry_run.then_some("--dry-run")).arg("--").arg(remote).args(refspecs);
        let output = git::run_long(&mut command)?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let lines = text.lines().filter(|line| line.contains(":refs/sessions"));
        let n_before = said.len();
        said.extend(lines.map(str::to_owned));
        if said.len() == n_before {
            git::expect_success(&output, &format!("cannot push to '{remote}'"))?;
        }
    }
    Ok(said)
}

/// Reads a line of `git push --porcelain`: a sign, the refspec, and a summary with the reason in brackets.
fn received(line: &str) -> Received {
    match line.as_bytes().first() {
        Some(b'*') => Received::New,
        Some(b'=') => Received::Unchanged,
        Some(b' ') => Received::Updated,
        _ => {
            let reason = line.rsplit_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
            Received::Rejected(reason.unwrap_or("it was refused").to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_git_is_understood() {
        for (line, expected) in [
            ("*\ta:refs/x\t[new reference]", Received::New),
            (" \ta:refs/x\t1..2", Received::Updated),
            ("=\ta:refs/x\t[up to date]", Received::Unchanged),
            ("!\ta:refs/x\t[rejected] (fetch first)", Received::Rejected("fetch first".into())),
            ("!\ta:refs/x\t[remote failure]", Received::Rejected("it was refused".into())),
        ] {
            assert_eq!(received(line), expected, "{line}");
        }
    }
}
