//! The archive beside others who write: without threads, one step of each between two steps of the other.
#![allow(clippy::disallowed_methods, reason = "tests meet the clock")]

#[path = "support/inside.rs"]
mod inside;

use std::path::Path;
use std::process::{Command, Stdio};

use git_session::model::SessionId;
use git_session::ops::archive::{self, Plan, Which};
use git_session::ops::change::{self, Draft, Verdict};
use git_session::ops::{delete, load};
use git_session::store::{OpenRequest, Store};
use inside::{context, request};
use tempfile::TempDir;

/// A repository with two sessions that have ended and that nothing points at.
struct Place {
    dir: TempDir,
    ids: [SessionId; 2],
}

impl Place {
    fn new() -> Place {
        let dir = tempfile::tempdir().expect("a directory");
        run(dir.path(), "git", &["init", "-q"]);
        let mut ids = Vec::new();
        for title in ["one", "two"] {
            let told = run(dir.path(), PROGRAM, &["create", "-q", "--json", title]);
            let at = told.find("\"id\":\"").expect("an id") + 6;
            ids.push(SessionId::parse(&told[at..at + 36]).expect("an id"));
            run(dir.path(), PROGRAM, &["terminate", "-q", &ids[ids.len() - 1].to_string()]);
        }
        Place { dir, ids: [ids[0], ids[1]] }
    }

    /// Opens it, as another process would.
    fn open(&self) -> Store {
        let request = OpenRequest { config: Vec::new(), ..request(self.dir.path()) };
        Store::open(&request).expect("a repository")
    }

    fn titles(&self) -> Vec<String> {
        let store = self.open();
        let tips = store.tips().expect("readable").sessions;
        let title = |(id, tip)| load::load_at(&store, id, tip).expect("sound").view.session.title;
        tips.into_iter().map(title).collect()
    }

    fn n_refs(&self) -> usize {
        self.open().live_tips().expect("readable").sessions.len()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            run(self.dir.path(), "git", &["fsck", "--strict", "--no-dangling"]);
        }
    }
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_git-session");

/// Runs a command that must succeed.
fn run(dir: &Path, program: &str, args: &[&str]) -> String {
    let mut command = Command::new(program);
    let path = std::env::var_os("PATH").unwrap_or_default();
    command.current_dir(dir).args(args).env_clear().env("PATH", path).stdin(Stdio::null()).envs([
        ("HOME", "/nonexistent"),
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("EMAIL", "ada@example.com"),
    ]);
    let output = command.output().expect("it runs");
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn plan(store: &Store) -> Plan {
    archive::plan(store, &Which::Ended(None)).expect("readable")
}

/// Gives a session another title; `between` happens after it was read.
fn rename(store: &Store, session_id: SessionId, title: &str, mut between: impl FnMut()) {
    let mut n_asked = 0;
    let changed = change::change(store, &context(), session_id, |view| {
        n_asked += 1;
        if n_asked == 1 {
            between();
        }
        let mut session = view.session.clone();
        session.title = title.to_owned();
        Ok(Verdict::Happens(vec![Draft::new("update", "update title".into(), session)]))
    });
    assert_eq!(changed.expect("changed").view.session.title, title);
}

#[test]
fn a_session_that_is_deleted_while_it_is_folded_does_not_come_back() {
    let place = Place::new();
    let (archiver, deleter) = (place.open(), place.open());
    let plan = plan(&archiver);
    delete::delete(&deleter, &context(), place.ids[0], false).expect("deleted");
    let done = archive::archive(&archiver, &context(), plan.items).expect("archived");
    assert_eq!(done, [place.ids[1]]);
    assert_eq!((place.titles(), place.n_refs()), (vec!["two".to_owned()], 0));
}

#[test]
fn a_session_that_goes_on_while_it_is_folded_keeps_its_ref() {
    let place = Place::new();
    let (archiver, writer) = (place.open(), place.open());
    let plan = plan(&archiver);
    rename(&writer, place.ids[0], "newer", || {});
    archive::archive(&archiver, &context(), plan.items).expect("archived");
    assert_eq!((place.titles(), place.n_refs()), (vec!["newer".to_owned(), "two".to_owned()], 1));
}

#[test]
fn who_has_read_a_session_before_it_was_archived_changes_it_all_the_same() {
    let place = Place::new();
    let (archiver, writer) = (place.open(), place.open());
    let plan = plan(&archiver);
    let mut is_folded = false;
    rename(&writer, place.ids[0], "newer", || {
        // The writer holds the session's lock: what has a file or a log of its own stays meanwhile.
        std::fs::remove_dir_all(place.dir.path().join(".git/logs/refs/sessions")).expect("logs");
        run(place.dir.path(), "git", &["pack-refs", "--all"]);
        archive::archive(&archiver, &context(), plan.items.clone()).expect("archived");
        is_folded = true;
        assert_eq!(place.n_refs(), 0);
    });
    assert!(is_folded);
    assert_eq!((place.titles(), place.n_refs()), (vec!["newer".to_owned(), "two".to_owned()], 1));
}

#[test]
fn of_two_who_archive_the_same_sessions_neither_undoes_what_the_other_did() {
    let place = Place::new();
    let (one, other) = (place.open(), place.open());
    let whole = plan(&one);
    let [a, b] = &whole.items[..] else { panic!("two sessions") };
    // Both have made theirs of the same archive.
    let fold =
        one.fold(std::slice::from_ref(a), &context().stamp()).expect("made").expect("it is new");
    archive::archive(&other, &context(), vec![b.clone()]).expect("archived");
    let held = one.lock_archive().expect("free");
    assert!(matches!(fold.publish(&held), Err(git_session::store::StoreError::Raced { .. })));
    drop(held);
    archive::archive(&one, &context(), vec![a.clone()]).expect("archived");
    assert_eq!((place.titles(), place.n_refs()), (vec!["one".to_owned(), "two".to_owned()], 0));
}

#[test]
fn of_the_archive_only_what_the_caller_does_not_know_is_held() {
    let place = Place::new();
    let store = place.open();
    archive::archive(&store, &context(), plan(&store).items).expect("archived");
    let scan = store.scan_refs(None, &|session_id, _| session_id == place.ids[0]);
    let kept = scan.expect("readable").kept.expect("they are not known");
    let ids: Vec<SessionId> = kept.sessions.iter().map(|(session_id, _)| *session_id).collect();
    assert_eq!(ids, place.ids);
    let rows: Vec<SessionId> = kept.archived.iter().map(|row| row.session_id).collect();
    assert_eq!(rows, [place.ids[1]]);
}
