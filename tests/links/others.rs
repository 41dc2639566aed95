//! What sessions say that came from elsewhere, where anybody can make them say anything.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use git_session::model::Oid;
use git_session::ops::git_hook;

use super::inside::context;
use super::place::{ADA, BOB, EVE, Place, open, run};

const SESSIONS: &str = "+refs/sessions/*:refs/sessions/*";
const NOTES: &str = "refs/notes/sessions:refs/notes/sessions";

fn trailer(name: &str) -> String {
    format!("work\n\nSession-Id: {name}\n")
}

/// Makes another clone of what `place` has, with a session of its own.
fn elsewhere(place: &Place, init: &[&str]) -> Place {
    let other = Place::with(init, &[EVE]);
    take(&other, place, "refs/heads/*:refs/remotes/there/*");
    other
}

fn take(to: &Place, from: &Place, refspec: &str) {
    to.git(&["fetch", "-q", &from.dir.path().to_string_lossy(), refspec]);
}

fn refs(place: &Place) -> String {
    place.git(&["for-each-ref"])
}

/// Changes what a session says of a commit, by plumbing: as anybody can.
fn forge(place: &Place, name: &str, commit_oid: Oid, change: impl Fn(String) -> String) {
    let session = format!("refs/sessions/{name}");
    let file = format!("{}.jsonl", &commit_oid.to_string()[..2]);
    let put = |args: &[&str], input: &str| {
        let made = run(place.dir.path(), args, 0, input);
        made.trim().to_owned()
    };
    let put_tree = |tree: &str, kind: &str, name: &str, oid: &str| {
        let listed = place.git(&["ls-tree", tree]);
        let others = listed.lines().filter(|line| !line.ends_with(&format!("\t{name}")));
        let lines: Vec<String> =
            others.map(str::to_owned).chain([format!("{kind} {oid}\t{name}")]).collect();
        put(&["mktree"], &(lines.join("\n") + "\n"))
    };
    let has_file = place.git(&["ls-tree", "-r", "--name-only", &session]).contains(&file);
    let path = format!("{session}:commits/{file}");
    let old = if has_file { place.git(&["show", &path]) } else { String::new() };
    let blob = put(&["hash-object", "-w", "--stdin"], &change(old));
    let empty = put(&["mktree"], "");
    let has_any = place.git(&["ls-tree", "--name-only", &session]).contains("commits");
    let commits = if has_any { format!("{session}:commits") } else { empty };
    let commits = put_tree(&commits, "100644 blob", &file, &blob);
    let tree = put_tree(&session, "040000 tree", "commits", &commits);
    let message = place.git(&["log", "-1", "--format=%B", &session]);
    let made = put(&["commit-tree", &tree, "-p", &session], &message);
    place.git(&["update-ref", &session, &made]);
}

#[test]
fn what_a_fetched_session_says_of_a_commit_is_not_certain() {
    for init in [&[][..], &["--object-format=sha256"], &["--ref-format=reftable"]] {
        let place = Place::new(init);
        place.write("a", b"1\n");
        let made = place.commit("work");
        let other = elsewhere(&place, init);
        // Its number is the higher one.
        place.write("a", b"2\n");
        let next = place.commit("next");
        take(&other, &place, "refs/heads/*:refs/remotes/there/*");
        other.link(EVE, next, &[]);
        other.link(EVE, made, &[]);
        assert_eq!(other.told(made), ["eve record certain"], "there it was seen");
        take(&place, &other, SESSIONS);
        let before = refs(&place);
        assert_eq!(place.told(made), ["eve record likely"]);
        assert_eq!(refs(&place), before);
        place.link(ADA, made, &[]);
        assert_eq!(place.told(made), ["ada record certain", "eve record claimed"]);
        place.git(&["fsck", "--strict"]);
    }
}

#[test]
fn what_the_commit_and_a_fetched_session_say_both_is_certain() {
    let place = Place::new(&[]);
    place.write("a", b"1\n");
    let named = place.commit(&trailer(EVE));
    place.write("a", b"2\n");
    let mine = place.commit(&trailer(ADA));
    let other = elsewhere(&place, &[]);
    other.link(EVE, named, &[]);
    other.link(EVE, mine, &[]);
    assert_eq!(place.told(named), ["eve trailer claimed"]);
    take(&place, &other, SESSIONS);
    assert_eq!(place.told(named), ["eve record certain"]);
    // The commit says otherwise, which is first: nobody knows better here yet.
    assert_eq!(place.told(mine), ["ada trailer claimed", "eve record claimed"]);
    place.link(ADA, mine, &[]);
    assert_eq!(place.told(mine), ["ada record certain"]);
}

#[test]
fn two_sessions_that_say_the_same_of_a_commit_from_elsewhere_are_claims() {
    let place = Place::with(&[], &[ADA]);
    place.write("a", b"1\n");
    let made = place.commit("work");
    let other = elsewhere(&place, &[]);
    let third = Place::with(&[], &[BOB]);
    take(&third, &place, "refs/heads/*:refs/remotes/there/*");
    other.link(EVE, made, &[]);
    third.link(BOB, made, &[]);
    take(&place, &other, SESSIONS);
    take(&place, &third, SESSIONS);
    assert_eq!(place.told(made), ["bob record claimed", "eve record claimed"]);
}

#[test]
fn a_note_and_a_session_from_elsewhere_are_no_more_than_the_session() {
    let place = Place::new(&[]);
    place.write("a", b"1\n");
    let made = place.commit("work");
    let other = elsewhere(&place, &[]);
    let store = open(other.dir.path());
    store.add_note(made, &format!("Session-Id: {EVE}"), &context().stamp()).expect("noted");
    take(&place, &other, NOTES);
    assert_eq!(place.told(made), ["? note claimed"].map(|it| it.replace('?', "eve")));
    other.link(EVE, made, &[]);
    take(&place, &other, SESSIONS);
    assert_eq!(place.told(made), ["eve record likely"]);
    place.link(ADA, made, &[]);
    assert_eq!(place.told(made), ["ada record certain", "eve record claimed"]);
}

#[test]
fn a_line_that_was_copied_or_changed_has_not_the_seal_of_this_clone() {
    let place = Place::new(&[]);
    place.write("a", b"1\n");
    let made = place.commit("work");
    place.link(ADA, made, &[]);
    let line = place.git(&["show", &format!("refs/sessions/{ADA}:commits/{}", file(made))]);
    assert!(line.contains(r#""seal":""#), "{line}");
    // In another session.
    let other = elsewhere(&place, &[]);
    forge(&other, EVE, made, |_| line.clone());
    take(&place, &other, SESSIONS);
    assert_eq!(place.told(made), ["ada record certain", "eve record claimed"]);
    // In the same one, by somebody who goes on with it: another tree stands there.
    take(&other, &place, SESSIONS);
    let tree = place.git(&["rev-parse", "HEAD^{tree}"]);
    let word = |it: &str| format!("\"tree\":\"{it}\"");
    let forged = word(&"a".repeat(40));
    forge(&other, ADA, made, |text| text.replace(&word(tree.trim()), &forged));
    take(&place, &other, SESSIONS);
    assert!(place.git(&["show", &format!("refs/sessions/{ADA}:commits/{}", file(made))]) != line);
    assert_eq!(place.told(made), ["ada record claimed", "eve record claimed"]);
    // What is seen here again is written anew, and not what others put there.
    place.link(ADA, made, &[]);
    assert_eq!(place.told(made), ["ada record certain", "eve record claimed"]);
    let tree = Oid::from_hex(tree.trim());
    assert_eq!(place.made(ADA)[0].link.tree_oid, tree);
    let tip = place.git(&["rev-parse", &format!("refs/sessions/{ADA}")]);
    place.link(ADA, made, &[]);
    assert_eq!(place.git(&["rev-parse", &format!("refs/sessions/{ADA}")]), tip);
}

fn file(commit_oid: Oid) -> String {
    format!("{}.jsonl", &commit_oid.to_string()[..2])
}

#[test]
fn the_same_content_is_that_of_the_session_which_recorded_it_here() {
    let place = Place::new(&[]);
    place.write("base", b"0\n");
    place.commit("base");
    place.write("a", b"1\n");
    let made = place.commit("work");
    place.link(ADA, made, &[]);
    let other = elsewhere(&place, &[]);
    other.link(EVE, made, &[]);
    take(&place, &other, SESSIONS);
    place.git(&["commit", "-q", "--amend", "-m", "other words"]);
    assert_eq!(place.told(place.head()), ["ada patch likely"]);
    // The forged session says that of the new commit itself.
    let amended = place.head();
    take(&other, &place, "+refs/heads/*:refs/remotes/there/*");
    other.link(EVE, amended, &[]);
    take(&place, &other, SESSIONS);
    assert_eq!(place.told(amended), ["ada patch likely", "eve record claimed"]);
}

#[test]
fn what_a_session_from_elsewhere_says_gives_it_no_part_in_what_is_made_here() {
    let place = Place::new(&[]);
    place.write("a", b"1\n");
    let made = place.commit("work");
    let other = elsewhere(&place, &[]);
    other.link(EVE, made, &[]);
    take(&place, &other, SESSIONS);
    place.git(&["commit", "-q", "--amend", "-m", "other words"]);
    let (amended, before) = (place.head(), refs(&place));
    let store = open(place.dir.path());
    let context = git_session::ops::Context { session_name: Some(EVE.into()), ..context() };
    git_hook::rewrite(&store, &context, &[(made, amended)]).expect("told");
    assert_eq!(refs(&place), before);
    // A session that made it here goes on with it.
    place.link(ADA, made, &[]);
    let context = git_session::ops::Context { session_name: Some(ADA.into()), ..context };
    git_hook::rewrite(&open(place.dir.path()), &context, &[(made, amended)]).expect("told");
    assert_eq!(place.told(amended), ["ada record certain"]);
    assert_eq!(place.made(EVE).len(), 1);
}

#[test]
fn without_its_key_a_clone_is_careful_and_the_next_commit_makes_another() {
    let place = Place::new(&[]);
    place.write("a", b"1\n");
    let made = place.commit("work");
    let key = place.dir.path().join(".git/session/key");
    assert!(!key.exists());
    place.link(ADA, made, &[]);
    let mode = fs::metadata(&key).expect("made").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(
        fs::read_dir(key.parent().expect("above"))
            .expect("there")
            .flatten()
            .filter(|it| it.file_name().to_string_lossy().starts_with("key"))
            .count(),
        1
    );
    for is_cut in [false, true] {
        match is_cut {
            true => fs::write(&key, b"cut").expect("written"),
            false => fs::remove_file(&key).expect("removed"),
        }
        assert_eq!(place.told(made), ["ada record likely"]);
        place.link(ADA, made, &[]);
        assert_eq!(place.told(made), ["ada record certain"]);
    }
}
