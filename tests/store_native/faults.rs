//! Every effect fails once, or from then on, or is the last one of a process that is killed.

use std::time::{Duration, SystemTime};

use git_session::store::native::{CasError, Disk, Medium, RefValue, WriteError};

use super::bench::{Bench, EACCES, EIO, ENOSPC, Plan};
use super::place::{HASH_KINDS, Place, scratch, token};

const S: &str = "refs/sessions/0199f0c2-1c4d-7abc-8def-0123456789af";
const SYMREF: &str = "refs/worktree/session";

/// Returns a repository with `n` events in the session.
fn place(dir: &std::path::Path, n: u32) -> Place {
    let place = Place::init(dir, HASH_KINDS[0]);
    for seq in 1..=n {
        place.put(&Disk, S, seq).expect("written");
    }
    place
}

/// Makes a write with each plan until one has more effects than the write; checks what is left,
/// and that the next write succeeds at once.
fn sweep(n_before: u32, plan: impl Fn(usize) -> Plan) -> usize {
    for at in 0.. {
        let dir = scratch();
        let place = place(dir.path(), n_before);
        let bench = Bench::new(&place.git_dir, plan(at));
        let answer = place.put(&bench, S, n_before + 1);
        let (n_effects, ..) = bench.counts();
        let context = format!("{:?} {answer:?}", plan(at));
        let seq = place.seq(S).unwrap_or(0);
        match &answer {
            Ok(_) => assert_eq!(seq, n_before + 1, "{context}"),
            Err(_) => assert!((n_before..=n_before + 1).contains(&seq), "{context}"),
        }
        assert_eq!(place.faults(), "", "{context}");
        let is_fault = matches!(plan(at), Plan::Fail { is_sticky: false, .. } | Plan::Short { .. });
        if is_fault {
            // After a success the one thing that may stay is a file that could not be removed.
            let names = place.files("refs/sessions");
            let n_left = names.iter().filter(|it| it.ends_with(".lock")).count();
            assert!(n_left <= usize::from(answer.is_ok()), "{context}");
            assert!(!place.files("objects/pack").iter().any(|it| it.ends_with(".new")));
        }
        place.put(&Disk, S, 50).unwrap_or_else(|error| panic!("{context}: {error:?}"));
        assert_eq!(place.seq(S), Some(50), "{context}");
        assert_eq!(place.faults(), "", "{context}");
        assert_eq!(place.files("refs/sessions").len(), 1, "{context}");
        place.ok(&["gc", "--quiet", "--prune=now"]);
        assert_eq!(place.seq(S), Some(50), "{context}");
        if at >= n_effects {
            return n_effects;
        }
    }
    unreachable!("a write has an end")
}

#[test]
fn an_error_at_any_effect_leaves_nothing_behind_that_matters() {
    for errno in [ENOSPC, EIO, EACCES] {
        for is_sticky in [false, true] {
            let plan = |at| Plan::Fail { at, errno, is_sticky };
            let n_effects = sweep(1, plan);
            assert!(n_effects >= 14, "only {n_effects} effects");
        }
    }
}

#[test]
fn an_error_at_any_effect_of_a_first_write_leaves_nothing_behind_that_matters() {
    sweep(0, |at| Plan::Fail { at, errno: ENOSPC, is_sticky: false });
    sweep(0, |at| Plan::Short { at });
    sweep(1, |at| Plan::Short { at });
}

#[test]
fn after_a_kill_at_any_effect_the_next_write_succeeds_at_once() {
    for n_before in [0, 1] {
        for is_torn in [false, true] {
            sweep(n_before, |at| Plan::Kill { at, is_torn });
        }
    }
}

#[test]
fn after_a_kill_at_any_effect_the_symbolic_ref_can_be_written_at_once() {
    for at in 0..8 {
        let dir = scratch();
        let place = place(dir.path(), 1);
        let now = SystemTime::now();
        let bench = Bench::new(&place.git_dir, Plan::Kill { at, is_torn: true });
        let point = |writer: git_session::store::native::Writer<'_>| {
            writer.write_symref(&place.git_dir, SYMREF, S, Duration::ZERO, now)
        };
        let _: Result<(), WriteError> = point(place.writer(&bench));
        assert_eq!(place.faults(), "", "kill {at}");
        point(place.writer(&Disk)).unwrap_or_else(|error| panic!("kill {at}: {error:?}"));
        let found = place.writer(&Disk).read_symref(SYMREF).expect("readable");
        assert_eq!(found, Some(RefValue::Symbolic(S.to_owned())), "kill {at}");
        assert_eq!(place.files("refs/worktree"), ["session"], "kill {at}");
    }
}

#[test]
fn no_lock_of_a_killed_process_disturbs_git_gc_and_all_can_be_removed_without_a_write() {
    let mut n_locked = 0;
    for at in 0..20 {
        let dir = scratch();
        let place = place(dir.path(), 1);
        let is_torn = at % 2 == 0;
        let bench = Bench::new(&place.git_dir, Plan::Kill { at, is_torn });
        let _ = place.put(&bench, S, 2);
        let lock = place.git_dir.join(format!("{S}.lock"));
        n_locked += usize::from(lock.exists());
        let gc = ["-c", "gc.reflogExpire=never", "gc", "--quiet", "--prune=now"];
        place.ok(&gc);
        let writer = place.writer(&Disk);
        let held = writer.lock(7, Duration::ZERO).expect("free");
        let is_left = !left_in_refs(&place).is_empty();
        let is_healed = writer.heal_ref(&held, S).expect("healed");
        assert_eq!(is_healed, is_left, "kill {at}");
        assert_eq!(left_in_refs(&place), [""; 0], "kill {at}");
        let log = place.ok(&["reflog", "show", S]);
        assert!((1..=2).contains(&log.lines().count()), "kill {at}: {log}");
        place.ok(&gc);
    }
    assert_eq!(n_locked, 3, "before the rename, the line, and the release");
}

fn left_in_refs(place: &Place) -> Vec<String> {
    let mut names = place.files("refs/sessions");
    names.retain(|name| name.ends_with(".lock"));
    names
}

#[test]
fn a_reflog_that_came_into_being_beside_a_dead_process_is_kept_too() {
    let dir = scratch();
    let place = place(dir.path(), 2);
    let log = place.git_dir.join("logs").join(S);
    let older = std::fs::read(&log).expect("a log");
    let lock = place.git_dir.join(format!("{S}.lock"));
    std::fs::rename(&log, lock).expect("as a dead process has it");
    std::fs::write(&log, &older[..older.len() / 2]).expect("written");
    place.put(&Disk, S, 3).expect("written");
    let found = std::fs::read(&log).expect("a log");
    let expected = [older.as_slice(), &older[..older.len() / 2]].concat();
    assert!(found.starts_with(&expected) && found.len() > expected.len());
    assert_eq!(left_in_refs(&place), [""; 0]);
}

#[test]
fn in_a_copy_that_knows_no_links_the_lock_of_a_killed_process_is_known_too() {
    let dir = scratch();
    let place = place(dir.path(), 0);
    let sessions = place.git_dir.join("refs/sessions");
    std::fs::create_dir(&sessions).expect("created");
    let id = format!("{}\n", git_session::model::Oid::null(place.hash_kind));
    for suffix in [".lock", "~new.lock"] {
        std::fs::write(place.git_dir.join(format!("{S}{suffix}")), &id).expect("written");
    }
    place.put(&Disk, S, 1).expect("written");
    assert_eq!(left_in_refs(&place), [""; 0]);
}

#[test]
fn a_reflog_that_cannot_be_written_is_no_reason_to_fail() {
    let dir = scratch();
    let place = place(dir.path(), 0);
    std::fs::create_dir(place.git_dir.join("logs")).expect("created");
    std::fs::write(place.git_dir.join("logs/refs"), "in the way").expect("written");
    for seq in 1..=2 {
        place.put(&Disk, S, seq).expect("written");
    }
    assert_eq!(place.seq(S), Some(2));
}

#[test]
fn what_a_killed_process_left_of_its_pack_is_swept_when_it_is_old() {
    for at in 0..9 {
        let dir = scratch();
        let place = place(dir.path(), 1);
        let before = place.files("objects/pack");
        let bench = Bench::new(&place.git_dir, Plan::Kill { at, is_torn: false });
        place.put(&bench, S, 2).expect_err("killed");
        let left = place.files("objects/pack");
        let writer = place.writer(&Disk);
        let now = SystemTime::now();
        writer.roll(&token(), now).expect("rolled");
        assert_eq!(place.files("objects/pack"), left, "kill {at}: too young");
        let later = now + Duration::from_secs(3600);
        let report = writer.roll(&token(), later).expect("rolled");
        assert_eq!(report.n_swept, usize::from(at > 0), "kill {at}");
        let is_whole = left.iter().filter(|it| it.ends_with(".idx")).count() == 2;
        let n_more = if is_whole { 2 } else { 0 };
        let swept = place.files("objects/pack");
        assert_eq!(swept.len(), before.len() + n_more, "kill {at}: {swept:?}");
        assert_eq!(place.seq(S), Some(1));
    }
}

#[test]
fn the_keep_file_of_a_living_process_is_never_swept() {
    use git_session::store::native::{SharedMode, encode_pack, store_pack};
    let dir = scratch();
    let place = place(dir.path(), 0);
    let encoded = encode_pack(place.hash_kind, &place.event(1, None)).expect("encoded");
    let objects_dir = place.git_dir.join("objects");
    let shared = SharedMode::Umask;
    let kept = store_pack(&Disk, &objects_dir, shared, &encoded, 0, &token()).expect("stored");
    let later = SystemTime::now() + Duration::from_secs(24 * 3600);
    let report = place.writer(&Disk).roll(&token(), later).expect("rolled");
    assert_eq!(report.n_swept, 0);
    assert_eq!(place.files("objects/pack").len(), 3);
    let _ = kept.release(&Disk);
    assert_eq!(place.files("objects/pack").len(), 2);
}

/// Deletes the session as a process would.
fn delete(place: &Place, medium: &dyn Medium) -> Result<(), WriteError> {
    let writer = place.writer(medium);
    let held = writer.lock(7, Duration::ZERO)?;
    let tip = writer.tip(S)?.expect("it exists");
    writer.delete(&held, S, tip, SystemTime::now())
}

#[test]
fn after_a_fault_at_any_effect_of_a_deletion_it_can_be_done_again() {
    for is_packed in [false, true] {
        for at in 0.. {
            let mut n_effects = 0;
            for plan in [
                Plan::Kill { at, is_torn: true },
                Plan::Fail { at, errno: EIO, is_sticky: false },
                Plan::Fail { at, errno: ENOSPC, is_sticky: true },
                Plan::Short { at },
            ] {
                let dir = scratch();
                let place = place(dir.path(), 2);
                place.ok(&["update-ref", "refs/heads/main", S]);
                if is_packed {
                    place.ok(&["pack-refs", "--all"]);
                }
                let bench = Bench::new(&place.git_dir, plan);
                let answer = delete(&place, &bench);
                n_effects = bench.counts().0.max(n_effects);
                let context = format!("packed: {is_packed}, {plan:?}: {answer:?}");
                let seq = place.seq(S);
                assert!(seq.is_none() || seq == Some(2) && answer.is_err(), "{context}");
                assert_eq!(place.faults(), "", "{context}");
                // In the moment between two calls our lock on all packed refs stands.
                if !is_packed {
                    place.ok(&["gc", "--quiet", "--prune=now"]);
                }
                if seq.is_some() {
                    delete(&place, &Disk).unwrap_or_else(|error| panic!("{context}: {error}"));
                }
                assert_eq!(place.seq(S), None, "{context}");
                place.put(&Disk, S, 1).unwrap_or_else(|error| panic!("{context}: {error}"));
                place.writer(&Disk).roll(&token(), SystemTime::now()).expect("rolled");
                assert_eq!(left_in_refs(&place), [""; 0], "{context}");
                place.ok(&["gc", "--quiet", "--prune=now"]);
                assert_eq!(place.seq("refs/heads/main"), Some(2), "{context}");
            }
            if at >= n_effects {
                assert!(at >= 6, "only {at} effects");
                break;
            }
        }
    }
}

#[test]
fn a_deleted_ref_is_gone_for_git_and_no_other_is_whether_loose_or_packed() {
    for is_packed in [false, true] {
        let dir = scratch();
        let place = place(dir.path(), 2);
        let other = S.replace("af", "b0");
        place.put(&Disk, &other, 1).expect("written");
        place.ok(&["tag", "-m", "peeled", "tag", S]);
        if is_packed {
            place.ok(&["pack-refs", "--all"]);
        }
        let before = place.ok(&["for-each-ref"]);
        delete(&place, &Disk).expect("deleted");
        let after = place.ok(&["for-each-ref"]);
        let expected: Vec<_> = before.lines().filter(|line| !line.ends_with(S)).collect();
        assert_eq!(after.lines().collect::<Vec<_>>(), expected);
        assert!(!place.git_dir.join("logs").join(S).exists());
        assert_eq!(left_in_refs(&place), [""; 0]);
        assert!(!place.git_dir.join("packed-refs~new.lock").exists());
        place.ok(&["pack-refs", "--all"]);
        place.assert_sound();
    }
}

#[test]
fn a_deletion_waits_for_git_pack_refs_and_does_not_let_it_bring_the_ref_back() {
    let dir = scratch();
    let place = place(dir.path(), 2);
    // What a `git pack-refs` does that has read the ref before: it writes it back.
    let lock = place.git_dir.join("packed-refs.lock");
    std::fs::write(&lock, "").expect("locked");
    let tip = place.ok(&["rev-parse", S]);
    std::thread::scope(|scope| {
        let deleting = scope.spawn(|| delete(&place, &Disk));
        std::thread::sleep(Duration::from_millis(50));
        let packed = format!("# pack-refs with: peeled fully-peeled sorted \n{tip} {S}\n");
        std::fs::write(place.git_dir.join("packed-refs"), packed).expect("packed");
        std::fs::remove_file(&lock).expect("unlocked");
        deleting.join().expect("no panic").expect("deleted");
    });
    assert_eq!(place.seq(S), None);
    assert_eq!(place.ok(&["for-each-ref"]), "");
    std::fs::write(&lock, "").expect("locked");
    place.put(&Disk, S, 1).expect("a write needs no packed refs");
    let refused = delete(&place, &Disk);
    assert!(matches!(refused, Err(WriteError::Ref(CasError::Locked { .. }))));
    assert_eq!(place.seq(S), Some(1), "nothing has happened");
}

#[test]
fn any_write_heals_the_lock_on_packed_refs_of_a_killed_deletion() {
    let dir = scratch();
    let place = place(dir.path(), 2);
    place.ok(&["pack-refs", "--all"]);
    // What a deletion leaves that is killed between the link and the rename.
    let (new, lock) = ("packed-refs~new.lock", "packed-refs.lock");
    std::fs::copy(place.git_dir.join("packed-refs"), place.git_dir.join(new)).expect("prepared");
    std::fs::hard_link(place.git_dir.join(new), place.git_dir.join(lock)).expect("locked");
    assert!(!place.git(&["pack-refs", "--all"]).status.success(), "the lock stops git");
    place.put(&Disk, S, 3).expect("written");
    assert!(!place.git_dir.join(new).exists() && !place.git_dir.join(lock).exists());
    place.ok(&["gc", "--quiet"]);
    assert_eq!(place.seq(S), Some(3));
}
