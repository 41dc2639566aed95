//! The `git` program, for what gix cannot do: refs that are not files, refs that a hook watches,
//! and objects that a partial clone has not fetched.
//!
//! Arguments are full ref names, object ids and words of ours; nothing that a session says.

use std::path::Path;
use std::process::{Command, Output};

use gix::bstr::ByteSlice;

use super::archive::ARCHIVE;
pub(super) use super::git_run::{expect_success, failed, run, run_long};
use super::open::RefFormat;
use super::read::to_id;
use super::refs::{PREFIX, Tips};
use super::write::Stamp;
use super::{Head, Store, StoreError};
use crate::model::Oid;

/// Reads where HEAD stands.
pub(super) fn head(store: &Store) -> Result<Head, StoreError> {
    let symbolic = run(command(store).args(["symbolic-ref", "-q", "HEAD"]), b"")?;
    let branch = String::from_utf8_lossy(&symbolic.stdout).trim().to_owned();
    let branch = branch.strip_prefix("refs/heads/").map(str::to_owned);
    let commit = find_commit(store, "HEAD").map(|oid| oid.to_string());
    Ok(Head { branch, commit })
}

/// Returns the newest lines of HEAD's log in the form of its file, oldest first, without who and when.
pub(super) fn head_log(store: &Store, max: u64) -> Result<Vec<u8>, StoreError> {
    let n = format!("-n{}", max / 128);
    let format = "--format=%H%x09%gs";
    let args = ["log", "-g", "--no-color", "--no-show-signature", format, &n, "HEAD", "--"];
    let output = run(command(store).args(args), b"")?;
    expect_success(&output, "cannot read the log of HEAD")?;
    let mut log = Vec::new();
    let mut old = Oid::null(store.hash_kind()).to_string();
    for line in output.stdout.lines().rev() {
        let (new, why) = line.split_once_str("\t").unwrap_or((line, b""));
        log.extend([old.as_bytes(), b" ", new, b"\t", why, b"\n"].concat());
        old = new.to_str_lossy().into_owned();
    }
    Ok(log)
}

/// Returns the commit that a revision names.
pub(super) fn find_commit(store: &Store, revision: &str) -> Option<Oid> {
    let revision = format!("{revision}^{{commit}}");
    let args = ["rev-parse", "-q", "--verify", "--end-of-options", &revision];
    let output = run(command(store).args(args), b"").ok()?;
    Oid::from_hex(String::from_utf8_lossy(&output.stdout).trim())
}

/// Lists the sessions' refs, and reads the archive's.
pub(super) fn tips(store: &Store) -> Result<(Tips, Result<Option<Oid>, StoreError>), StoreError> {
    let format = "--format=%(refname)%00%(objectname)%00%(symref)";
    let output = run(command(store).args(["for-each-ref", format, PREFIX, ARCHIVE]), b"")?;
    expect_success(&output, "cannot list refs/sessions")?;
    let mut tips = Tips::default();
    let mut archived = Ok(None);
    for line in output.stdout.lines() {
        let mut parts = line.split_str("\0");
        let (name, oid) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let symbolic = parts.next().unwrap_or_default();
        let target = if symbolic.is_empty() {
            Oid::from_hex(&oid.to_str_lossy()).ok_or_else(|| "its ref is broken".to_owned())
        } else {
            Err(format!("it is a symbolic ref to '{}'", symbolic.to_str_lossy()))
        };
        if name == ARCHIVE.as_bytes() {
            archived = target.map(Some).map_err(|reason| StoreError::corrupt(ARCHIVE, reason));
            continue;
        }
        tips.take(name.as_bstr(), target);
    }
    Ok((tips, archived))
}

/// Reads one ref.
pub(super) fn tip(store: &Store, name: &str) -> Result<Option<Oid>, StoreError> {
    let format = "--format=%(refname)%00%(objectname)%00%(symref)";
    let output = run(command(store).args(["for-each-ref", format, name]), b"")?;
    expect_success(&output, "cannot read a ref")?;
    let text = output.stdout.to_str_lossy();
    let mut parts = text.trim_end().split('\0');
    if parts.next() != Some(name) {
        return Ok(None);
    }
    let oid = parts.next().and_then(Oid::from_hex);
    if parts.next().is_some_and(|symbolic| !symbolic.is_empty()) {
        return Err(StoreError::Symbolic { name: name.to_owned() });
    }
    Ok(oid)
}

/// Reads what a symbolic ref of the work tree with this git directory points to; with files, no
/// process is needed.
pub(super) fn symbolic_ref_in(
    store: &Store,
    git_dir: &Path,
    name: &str,
) -> Result<Option<String>, StoreError> {
    if store.refs == RefFormat::Files {
        let text = std::fs::read_to_string(git_dir.join(name)).unwrap_or_default();
        return Ok(text.strip_prefix("ref:").map(|target| target.trim().to_owned()));
    }
    let mut command = command(store);
    let output = run(command.env("GIT_DIR", git_dir).args(["symbolic-ref", "-q", name]), b"")?;
    let target = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    Ok((!target.is_empty()).then_some(target))
}

/// Points a symbolic ref to another.
pub(super) fn set_symbolic_ref(store: &Store, name: &str, to: &str) -> Result<(), StoreError> {
    let output = run(command(store).args(["symbolic-ref", name, to]), b"")?;
    expect_success(&output, &format!("cannot update ref '{name}'"))
}

/// Removes a symbolic ref of the work tree with this git directory; it is fine if it is not there.
pub(super) fn delete_symbolic_ref_in(
    store: &Store,
    git_dir: &Path,
    name: &str,
) -> Result<(), StoreError> {
    let mut command = command(store);
    command.env("GIT_DIR", git_dir).args(["symbolic-ref", "-q", "-d", name]);
    let output = run(&mut command, b"")?;
    if symbolic_ref_in(store, git_dir, name)?.is_some() {
        expect_success(&output, &format!("cannot delete ref '{name}'"))?;
    }
    Ok(())
}

/// Moves a ref from `old` to `new`, as one transaction.
pub(super) fn update_ref(
    store: &Store,
    name: &str,
    old: Option<Oid>,
    new: Oid,
    stamp: &Stamp,
    reason: &str,
) -> Result<(), StoreError> {
    let old = old.unwrap_or_else(|| Oid::null(store.hash_kind()));
    let mut command = command(store);
    if !store.settings.relaxed_durability {
        command.args(["-c", "core.fsync=all"]);
    }
    command.args(["update-ref", "--no-deref", "--create-reflog", "-m", reason, "--stdin"]);
    set_committer(&mut command, stamp);
    let output = run(&mut command, format!("update {name} {new} {old}\n").as_bytes())?;
    judge_update(store, name, new, &output)
}

/// Deletes a ref that is at `old`.
pub(super) fn delete_ref(store: &Store, name: &str, old: Oid) -> Result<(), StoreError> {
    let mut command = command(store);
    if !store.settings.relaxed_durability {
        command.args(["-c", "core.fsync=all"]);
    }
    command.args(["update-ref", "--no-deref", "--stdin"]);
    let output = run(&mut command, format!("delete {name} {old}\n").as_bytes())?;
    if output.status.success() {
        return Ok(());
    }
    match tip(store, name)? {
        Some(found) if found == old => failed(&output, &format!("cannot delete ref '{name}'")),
        _ => Err(StoreError::Raced { name: name.to_owned() }),
    }
}

/// Tells whether a commit is in the history of another, or is that one.
pub(super) fn is_ancestor(store: &Store, older: Oid, newer: Oid) -> bool {
    let (older, newer) = (older.to_string(), newer.to_string());
    let mut command = command(store);
    let output = run(command.args(["merge-base", "--is-ancestor", &older, &newer]), b"");
    output.is_ok_and(|output| output.status.success())
}

/// Deletes refs that are at these commits, all or none.
pub(super) fn delete_refs(store: &Store, refs: &[(&str, Oid)]) -> Result<(), StoreError> {
    let mut command = command(store);
    if !store.settings.relaxed_durability {
        command.args(["-c", "core.fsync=all"]);
    }
    command.args(["update-ref", "--no-deref", "--stdin"]);
    let lines: String = refs.iter().map(|(name, old)| format!("delete {name} {old}\n")).collect();
    expect_success(&run(&mut command, lines.as_bytes())?, "cannot delete refs")
}

/// Tells what came of an update: what the ref says afterwards decides, not git's words.
fn judge_update(store: &Store, name: &str, new: Oid, output: &Output) -> Result<(), StoreError> {
    if output.status.success() {
        return Ok(());
    }
    let text = output.stderr.to_str_lossy();
    if text.contains("Unable to create") && text.contains(".lock") {
        return Err(StoreError::Busy { name: name.to_owned() });
    }
    let raced = ["but expected", "reference already exists", "unable to resolve reference"];
    let is_raced = raced.iter().any(|words| text.contains(words));
    match tip(store, name)? {
        Some(found) if found == new => Ok(()),
        _ if is_raced => Err(StoreError::Raced { name: name.to_owned() }),
        _ => failed(output, &format!("cannot update ref '{name}'")),
    }
}

/// Switches the work tree to a branch, which is made if it is new. It takes as long as it takes: to
/// stop git in the middle would leave half a work tree.
pub(super) fn switch(
    store: &Store,
    work_dir: &Path,
    name: &str,
    is_new: bool,
) -> Result<(), StoreError> {
    let mut command = command_in(store, &store.git_dir, work_dir);
    command.args(["switch", "-q"]);
    if is_new {
        command.arg("-c");
    }
    let output = run_long(command.arg(name))?;
    expect_success(&output, &format!("cannot switch to branch '{name}'"))
}

/// What files that git does not track mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Untracked {
    /// Nothing.
    Ignored,
    /// That there are changes.
    Counts,
}

/// Tells whether this work tree has changes that are in no commit.
pub(super) fn has_changes(
    store: &Store,
    work_dir: &Path,
    untracked: Untracked,
) -> Result<bool, StoreError> {
    has_changes_in(store, &store.git_dir, work_dir, untracked)
}

/// The same of the work tree with this git directory. Source: git `builtin/worktree.c`,
/// `check_clean_worktree`, which counts untracked files.
pub(super) fn has_changes_in(
    store: &Store,
    git_dir: &Path,
    work_dir: &Path,
    untracked: Untracked,
) -> Result<bool, StoreError> {
    let mut command = command_in(store, git_dir, work_dir);
    // A look at the files needs no program of the repository's choice.
    command.args(["-c", "core.fsmonitor=false"]);
    let which = match untracked {
        Untracked::Ignored => ["--untracked-files=no", "--ignore-submodules=dirty"],
        Untracked::Counts => ["--untracked-files=normal", "--ignore-submodules=none"],
    };
    command.args(["status", "--porcelain"]).args(which).env("GIT_OPTIONAL_LOCKS", "0");
    let output = run_long(&mut command)?;
    expect_success(&output, "cannot look for changes")?;
    Ok(!output.stdout.is_empty())
}

/// Makes a branch at HEAD, which must not be there.
pub(super) fn make_branch(store: &Store, name: &str) -> Result<(), StoreError> {
    let output = run(command(store).args(["branch", "-q", "--no-track", name, "HEAD"]), b"")?;
    expect_success(&output, &format!("cannot make branch '{name}'"))
}

/// Deletes a branch, unless it is checked out.
pub(super) fn drop_branch(store: &Store, name: &str) -> Result<(), StoreError> {
    let output = run(command(store).args(["branch", "-q", "-D", name]), b"")?;
    expect_success(&output, &format!("cannot delete branch '{name}'"))
}

/// Makes a linked work tree at `path`, which is absolute, on a branch that is there.
pub(super) fn add_worktree(store: &Store, path: &Path, branch: &str) -> Result<(), StoreError> {
    let mut command = command(store);
    command.env_remove("GIT_NO_REPLACE_OBJECTS");
    command.args(["worktree", "add", "-q"]).arg(path).arg(branch);
    let output = run_long(&mut command)?;
    expect_success(&output, &format!("cannot make work tree '{}'", path.display()))
}

/// Removes a linked work tree; without `force` only a clean one.
pub(super) fn remove_worktree(store: &Store, path: &Path, force: bool) -> Result<(), StoreError> {
    let mut command = command(store);
    command.current_dir(&store.common_dir).env("GIT_DIR", &store.common_dir);
    command.args(["worktree", "remove"]).args(force.then_some("--force")).arg(path);
    let output = run_long(&mut command)?;
    expect_success(&output, &format!("cannot remove work tree '{}'", path.display()))
}

/// Tells whether submodules are checked out or recorded in the index of a work tree.
pub(super) fn has_submodules(
    store: &Store,
    git_dir: &Path,
    work_dir: &Path,
) -> Result<bool, StoreError> {
    let mut command = command_in(store, git_dir, work_dir);
    let output = run_long(command.args(["ls-files", "--stage"]))?;
    expect_success(&output, "cannot read the index")?;
    Ok(output.stdout.lines().any(|line| line.starts_with(b"160000 ")))
}

/// Reads an object through git, which fetches it if the clone is partial.
pub(super) fn cat_file(store: &Store, oid: Oid, kind: gix::objs::Kind) -> Option<Vec<u8>> {
    let mut command = command(store);
    command.args(["cat-file", &kind.to_string(), &to_id(oid).to_string()]);
    let output = run(&mut command, b"").ok()?;
    output.status.success().then_some(output.stdout)
}

/// Returns a `git` that works on the opened repository, whatever the environment says.
pub(super) fn command(store: &Store) -> Command {
    let mut command = Command::new("git");
    for name in LOCAL_ENVIRONMENT {
        command.env_remove(name);
    }
    command
        .env("GIT_DIR", &store.git_dir)
        .env("LC_ALL", "C")
        .env("GIT_NO_REPLACE_OBJECTS", "1")
        .current_dir(&store.git_dir);
    command
}

/// Returns a `git` that works on files. What is checked out is what the user sees everywhere else.
pub(super) fn command_in(store: &Store, git_dir: &Path, work_dir: &Path) -> Command {
    let mut command = command(store);
    command.env("GIT_DIR", git_dir).env("GIT_WORK_TREE", work_dir).current_dir(work_dir);
    command.env_remove("GIT_NO_REPLACE_OBJECTS");
    command
}

/// What of the environment belongs to the repository that somebody else works on. Source:
/// `git rev-parse --local-env-vars`, without the configuration and the quarantine.
pub(super) const LOCAL_ENVIRONMENT: [&str; 7] = [
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_PREFIX",
    "GIT_COMMON_DIR",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_GRAFT_FILE",
    "GIT_SHALLOW_FILE",
];

fn set_committer(command: &mut Command, stamp: &Stamp) {
    command
        .env("GIT_COMMITTER_NAME", &stamp.committer.name)
        .env("GIT_COMMITTER_EMAIL", &stamp.committer.email)
        .env("GIT_COMMITTER_DATE", format!("@{} +0000", stamp.at.seconds()));
}
