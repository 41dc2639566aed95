//! What a hook writes after git has gone on.

use std::fs::{self, File};
use std::process::Command;

use super::gits::{EVENTS, Git};
use super::harness::{PLAIN, PROGRAM, TestRepo, executable, text, texts};
use super::hooked::{commit, hook, linked, links, named, start};
use super::installed::Installed;

/// Holds all locks of sessions, so that nobody can write one.
pub fn hold_locks(repo: &TestRepo) -> Vec<File> {
    let locks = fs::read_dir(repo.git_dir.join("session/locks")).expect("a directory");
    let hold = |path| {
        let file = File::open(path).expect("a lock");
        file.lock().expect("nobody else has it");
        file
    };
    let held: Vec<File> = locks.map(|it| hold(it.expect("an entry").path())).collect();
    assert!(!held.is_empty());
    held
}

/// Returns the commits that are written down now.
fn written(repo: &TestRepo, id: &str) -> usize {
    let name = format!("refs/sessions/{id}");
    repo.git(&["ls-tree", "-r", "--name-only", &name, "commits/"]).lines().count()
}

/// Runs git where it calls no hook, neither a file nor one of its configuration.
fn without_hooks(repo: &TestRepo, args: &[&str]) {
    let settings = EVENTS.map(|event| format!("hook.git-session-{event}.enabled=false"));
    let off = settings.iter().flat_map(|it| ["-c", it]).chain(["-c", "core.hooksPath=/dev/null"]);
    repo.git(&off.chain(args.iter().copied()).collect::<Vec<_>>());
}

#[test]
fn git_does_not_wait_for_what_is_written_of_a_commit_but_the_next_command_does() {
    for git in [Git::Old, Git::New] {
        let installed = Installed::new(PLAIN, git);
        let repo = &installed.repo;
        let made = repo.start(&["feature", "-b"]);
        let id = text(&made["id"]);
        let held = hold_locks(repo);
        let one = installed.commit("file", "1", &["-m", "one"]);
        assert_eq!(written(repo, id), 0);
        // Where HEAD is by the time that it is written, does not count.
        without_hooks(repo, &["switch", "-q", "main"]);
        without_hooks(repo, &["commit", "-q", "--allow-empty", "-m", "x"]);
        drop(held);
        let shown = repo.show(id)["commits"].clone();
        assert_eq!(
            (texts(&shown, "commit"), texts(&shown, "known_by")),
            (vec![one], vec!["hook".into()])
        );
        assert_eq!(text(&links(repo, id)[0]["branch"]), text(&made["branch"]));
    }
}

#[test]
fn commits_that_follow_each_other_are_recorded_one_by_one_in_their_order() {
    let installed = Installed::new(PLAIN, Git::Old);
    let repo = &installed.repo;
    let id = start(repo, &["work"]);
    let commit = |n: usize| installed.commit("file", &n.to_string(), &["-m", "one of many"]);
    let mut made: Vec<String> = (0..8).map(commit).collect();
    made.push(installed.commit("file", "amended", &["--amend", "--no-edit"]));
    installed.git(&["checkout", "-q", "--detach"]);
    made.push(commit(9));
    installed.git(&["switch", "-q", "main"]);
    assert_eq!(linked(repo, &id), made);
    let found = links(repo, &id);
    assert_eq!(texts(&found.clone().into(), "known_by"), ["hook"; 10]);
    assert_eq!(text(&found[8]["replaces"][0]), made[7]);
    assert_eq!((text(&found[8]["branch"]), found[9].get("branch")), ("main", None));
}

#[test]
fn each_work_tree_has_its_own_commits_and_a_note_that_speaks_of_somebody_else_keeps_nobody() {
    let installed = Installed::new(PLAIN, Git::Old);
    let repo = &installed.repo;
    start(repo, &["work"]);
    fs::write(repo.git_dir.join("session/running"), format!("{}\n", std::process::id()))
        .expect("a file");
    let last = installed.commit("file", "3", &["-m", "three"]);
    assert_eq!(repo.titles(&["--commit", &last]), ["work"]);
    let linked_tree = repo.worktree("linked");
    let in_linked = |args: &[&str]| {
        let mut git = repo.git_command(args);
        assert!(git.current_dir(&linked_tree).status().expect("git runs").success(), "{args:?}");
    };
    let started = repo.cmd(&["start", "--json", "x"]).dir(&linked_tree).run().json();
    for message in ["one", "two", "three"] {
        in_linked(&["commit", "-q", "--allow-empty", "-m", message]);
    }
    let shown = repo.show(text(&started["id"]));
    assert_eq!(texts(&shown["commits"], "known_by"), ["hook"; 3]);
}

/// Lets the program hear late of switches.
fn hear_late(repo: &TestRepo) {
    let late = format!(
        "#!/bin/sh\nn=0; while [ $n -lt 50000 ]; do n=$((n + 1)); done; exec '{PROGRAM}' \"$@\"\n"
    );
    let late = repo.script("late", &late);
    let hook = repo.git_dir.join("hooks/post-checkout");
    let text = fs::read_to_string(&hook).expect("a hook").replace(PROGRAM, &late);
    executable(&hook, &text);
}

#[test]
fn who_switches_to_where_they_are_comes_from_where_they_were() {
    let installed = Installed::new(PLAIN, Git::Old);
    let repo = &installed.repo;
    let main = start(repo, &["main"]);
    installed.git(&["switch", "-q", "-c", "feature"]);
    let feature = start(repo, &["feature"]);
    commit(repo, "1", &["-m", "one"]);
    repo.settle();
    hear_late(repo);
    for (branch, id) in [("main", &main), ("feature", &feature), ("main", &main)] {
        repo.git(&["switch", "-q", branch]);
        repo.git(&["switch", "-q", branch]);
        assert_eq!(repo.run(&["show", "--json"]).json()["id"], **id, "{branch}");
    }
}

#[test]
fn switches_that_are_heard_of_late_are_told_apart_where_branches_are_at_the_same_commit() {
    let installed = Installed::new(PLAIN, Git::Old);
    let repo = &installed.repo;
    let mut sessions = vec![("main", start(repo, &["main"]))];
    for branch in ["one", "two"] {
        installed.git(&["switch", "-q", "-c", branch]);
        sessions.push((branch, start(repo, &[branch])));
    }
    repo.settle();
    hear_late(repo);
    let unheard = |branch: &str| {
        repo.git(&["-c", "core.hooksPath=/dev/null", "switch", "-q", branch]);
    };
    let check = |sessions: &[(&str, String)]| {
        for (branch, id) in sessions {
            repo.git(&["switch", "-q", branch]);
            assert_eq!(repo.run(&["show", "--json"]).json()["id"], **id, "{branch}");
        }
    };
    check(&sessions);
    // To where they are: the second switch begins where it ends.
    for (branch, id) in &sessions {
        repo.git(&["switch", "-q", branch]);
        repo.git(&["switch", "-q", branch]);
        assert_eq!(repo.run(&["show", "--json"]).json()["id"], **id, "{branch}");
    }
    check(&sessions);
    // There again from elsewhere, before the first one is heard of.
    repo.git(&["switch", "-q", "main"]);
    unheard("one");
    unheard("main");
    check(&sessions);
    // What nobody heard of was before the session began.
    unheard("one");
    sessions[1].1 = start(repo, &["another"]);
    unheard("two");
    repo.git(&["switch", "-q", "one"]);
    repo.settle();
    assert_eq!(repo.run(&["show", "--json"]).json()["id"], *sessions[1].1);
}

#[test]
fn a_session_that_begins_on_a_branch_of_its_own_is_not_the_one_that_the_branch_before_it_was_left_with()
 {
    let installed = Installed::new(PLAIN, Git::Old);
    let repo = &installed.repo;
    let main = start(repo, &["main"]);
    // The switch is heard of when the new session is there, if nobody waits.
    hear_late(repo);
    start(repo, &["feature", "-b"]);
    repo.settle();
    repo.git(&["switch", "-q", "main"]);
    assert_eq!(repo.run(&["show", "--json"]).json()["id"], *main);
}

#[test]
fn a_session_that_is_resumed_is_the_current_one_however_late_a_switch_is_heard_of() {
    let installed = Installed::new(PLAIN, Git::Old);
    let repo = &installed.repo;
    let main = start(repo, &["main"]);
    installed.git(&["switch", "-q", "-c", "feature"]);
    let feature = start(repo, &["feature"]);
    repo.run(&["suspend"]).ok();
    hear_late(repo);
    let current = || text(&repo.run(&["show", "--json"]).json()["id"]).to_owned();
    // The switch by the user's hand is heard of before.
    repo.git(&["switch", "-q", "main"]);
    repo.run(&["resume", &feature]).ok();
    repo.settle();
    assert_eq!(current(), feature);
    // And so is the one by which its worker comes to its branch.
    repo.run(&["resume", &main]).ok();
    let put_aside = format!("'{PROGRAM}' suspend -q");
    repo.run(&["start", "own", "-b", "--", "sh", "-c", &put_aside]).ok();
    let own = current();
    repo.git(&["switch", "-q", "main"]);
    assert_eq!(current(), main);
    repo.run(&["resume", &own]).ok();
    assert_eq!(current(), own);
    repo.settle();
    repo.git(&["switch", "-q", "main"]);
    assert_eq!(current(), main);
}

#[test]
fn a_file_that_nobody_ever_writes_to_holds_a_commit_up_for_no_longer_than_the_time_of_a_hook() {
    let repo = TestRepo::new();
    hook(&repo);
    let id = start(&repo, &["work"]);
    commit(&repo, "1", &["-m", "one"]);
    repo.settle();
    for path in [format!("refs/sessions/{id}"), "refs/worktree/session".into()] {
        let path = repo.git_dir.join(path);
        let bytes = fs::read(&path).expect("a file");
        fs::remove_file(&path).expect("it is there");
        let made = Command::new("mkfifo").arg(&path).status().expect("mkfifo runs");
        assert!(made.success());
        let mut git = repo.git_command(&["commit", "-q", "--allow-empty", "-m", "held up"]);
        git.env("GIT_SESSION_HOOK_TIMEOUT", "50");
        assert!(git.status().expect("git runs").success());
        assert_eq!(repo.git(&["log", "-1", "--format=%s"]), "held up");
        fs::remove_file(&path).expect("it is there");
        fs::write(&path, bytes).expect("a file");
    }
}

#[test]
fn a_switch_is_not_waited_for_either_and_the_next_commit_is_of_the_branchs_session() {
    let installed = Installed::new(PLAIN, Git::Old);
    let repo = &installed.repo;
    let main = start(repo, &["main"]);
    installed.commit("file", "0", &["-m", "zero"]);
    installed.git(&["switch", "-q", "-c", "feature"]);
    let feature = start(repo, &["feature"]);
    for n in 0..4 {
        for (branch, id) in [("main", &main), ("feature", &feature)] {
            installed.git(&["switch", "-q", branch]);
            installed.commit(branch, &n.to_string(), &["-m", "next"]);
            assert_eq!(named(repo, "HEAD"), *id);
        }
    }
    repo.settle();
    let held = hold_locks(repo);
    let made = installed.commit("feature", "held up", &["-m", "held up"]);
    installed.git(&["switch", "-q", "main"]);
    let without_hooks = |args: &[&str]| {
        repo.git(&[&["-c", "core.hooksPath=/dev/null"], args].concat());
    };
    without_hooks(&["switch", "-q", "-c", "other"]);
    without_hooks(&["switch", "-q", "feature"]);
    assert_eq!((written(repo, &main), written(repo, &feature)), (5, 4));
    drop(held);
    assert_eq!(text(&repo.run(&["show", "--json"]).json()["id"]), main);
    let found = links(repo, &feature);
    assert_eq!((found.len(), text(&found[4]["commit"])), (5, &*made));
    assert_eq!((text(&found[4]["known_by"]), text(&found[4]["branch"])), ("hook", "feature"));
}
