use std::fs;
use std::time::{Duration, SystemTime};

use git_session::model::Oid;
use git_session::store::native::{
    CasError, Disk, Doomed, RefValue, SessionLock, SharedMode, Write, WriteError, compare_and_swap,
};

use super::place::{HASH_KINDS, Place, scratch, token, update};

const NAME: &str = "refs/sessions/0199f0c2-1c4d-7abc-8def-0123456789af";
const SYMREF: &str = "refs/worktree/session";

/// Stores the objects of an event that no ref names; returns its commit.
fn loose_event(place: &Place, seq: u32, parent: Option<Oid>) -> Oid {
    let name = format!("refs/heads/event-{seq}");
    let objects = place.event(seq, parent);
    let new = objects[2].oid;
    let writer = place.writer(&Disk);
    let held = writer.lock(0, Duration::ZERO).expect("free");
    let write = Write {
        objects: &objects,
        update: update(&name, None, new, SystemTime::now()),
        token: &token(),
    };
    writer.write(&held, &write).expect("written");
    new
}

/// Moves the ref as a process would that had read `expected`.
fn swap(place: &Place, expected: Option<Oid>, new: Oid) -> Result<(), CasError> {
    let writer = place.writer(&Disk);
    let held = writer.lock(0, Duration::ZERO).expect("free");
    let now = SystemTime::now();
    compare_and_swap(&Disk, &writer.refs, &held, &update(NAME, expected, new, now))
}

#[test]
fn a_ref_moves_only_from_the_expected_value_whether_loose_or_packed() {
    for hash_kind in HASH_KINDS {
        let dir = scratch();
        let place = Place::init(dir.path(), hash_kind);
        let a = loose_event(&place, 1, None);
        let b = loose_event(&place, 2, Some(a));
        let raced = |answer| match answer {
            Err(CasError::Raced { found, .. }) => found,
            other => panic!("{other:?}"),
        };
        assert_eq!(raced(swap(&place, Some(a), b)), None, "it does not exist");
        swap(&place, None, a).expect("created");
        assert_eq!(raced(swap(&place, None, b)), Some(a), "it exists");
        place.ok(&["pack-refs", "--all", "--prune"]);
        assert!(!place.git_dir.join(NAME).exists());
        assert_eq!(raced(swap(&place, None, b)), Some(a), "it is packed");
        assert_eq!(raced(swap(&place, Some(b), b)), Some(a));
        swap(&place, Some(a), b).expect("moved");
        assert_eq!(place.ok(&["rev-parse", NAME]), b.to_string());
        place.ok(&["update-ref", "-d", NAME]);
        swap(&place, None, a).expect("created anew");
        place.assert_sound();
        let left = place.files("refs/sessions");
        assert_eq!(left, [NAME.rsplit('/').next().expect("a name")]);
    }
}

#[test]
fn another_writers_value_that_is_packed_meanwhile_is_never_lost() {
    let dir = scratch();
    let place = Place::init(dir.path(), HASH_KINDS[0]);
    let a = loose_event(&place, 1, None);
    let b = loose_event(&place, 2, Some(a));
    let c = loose_event(&place, 3, Some(a));
    swap(&place, None, a).expect("created");
    place.ok(&["pack-refs", "--all"]);
    // We read `a` and prepare `c`; then git moves the ref to `b` and packs it.
    let read = place.writer(&Disk).tip(NAME).expect("readable");
    place.ok(&["update-ref", NAME, &b.to_string(), &a.to_string()]);
    place.ok(&["pack-refs", "--all", "--prune"]);
    match swap(&place, read, c) {
        Err(CasError::Raced { found, .. }) => assert_eq!(found, Some(b)),
        other => panic!("{other:?}"),
    }
    assert_eq!(place.ok(&["rev-parse", NAME]), b.to_string());
}

#[test]
fn the_reflog_is_one_that_git_reads_even_after_a_torn_line() {
    let dir = scratch();
    let place = Place::init(dir.path(), HASH_KINDS[0]);
    place.put(&Disk, NAME, 1).expect("written");
    let log = place.git_dir.join("logs").join(NAME);
    let mut torn = fs::read(&log).expect("a log");
    torn.extend_from_slice(b"0123 torn");
    fs::write(&log, torn).expect("torn");
    place.put(&Disk, NAME, 2).expect("written");
    let seen = place.ok(&["reflog", "show", "--format=%gs", NAME]);
    assert_eq!(seen, "session: event\nsession: event");
    place.assert_sound();
}

#[test]
fn a_symbolic_session_ref_is_refused() {
    let dir = scratch();
    let place = Place::init(dir.path(), HASH_KINDS[0]);
    let a = loose_event(&place, 1, None);
    place.ok(&["symbolic-ref", NAME, "refs/heads/main"]);
    assert!(matches!(swap(&place, None, a), Err(CasError::Symbolic { .. })));
    assert_eq!(place.files("refs/sessions").len(), 1, "no lock stays");
}

#[test]
fn a_damaged_ref_is_an_error_and_stays_as_it_is() {
    let dir = scratch();
    let place = Place::init(dir.path(), HASH_KINDS[0]);
    let a = loose_event(&place, 1, None);
    fs::create_dir_all(place.git_dir.join("refs/sessions")).expect("made");
    fs::write(place.git_dir.join(NAME), "").expect("damaged");
    assert!(matches!(swap(&place, None, a), Err(CasError::Corrupt { .. })));
    assert_eq!(place.files("refs/sessions").len(), 1, "no lock stays");
}

#[test]
fn the_symbolic_ref_of_a_worktree_is_its_own() {
    let dir = scratch();
    let place = Place::init(dir.path(), HASH_KINDS[0]);
    let a = loose_event(&place, 1, None);
    swap(&place, None, a).expect("created");
    place.ok(&["worktree", "add", "--quiet", "../linked", "event-1"]);
    let writer = place.writer(&Disk);
    let git_dir = place.git_dir.join("worktrees/linked");
    let now = SystemTime::now();
    let wait = Duration::ZERO;
    for _ in 0..2 {
        writer.write_symref(&git_dir, SYMREF, NAME, wait, now).expect("written");
    }
    assert_eq!(writer.read_symref(SYMREF).expect("readable"), None);
    let linked = Place { git_dir: dir.path().join("linked"), ..place.clone() };
    assert_eq!(linked.ok(&["symbolic-ref", SYMREF]), NAME);
    writer.write_symref(&place.git_dir, SYMREF, "refs/heads/event-1", wait, now).expect("written");
    assert_eq!(place.ok(&["symbolic-ref", SYMREF]), "refs/heads/event-1");
    assert_eq!(linked.ok(&["symbolic-ref", SYMREF]), NAME);
    assert_eq!(
        writer.read_symref(SYMREF).expect("readable"),
        Some(RefValue::Symbolic("refs/heads/event-1".to_owned()))
    );
    place.assert_sound();
}

#[test]
fn a_lock_of_git_is_respected_while_young_and_removed_when_old_and_explained() {
    let dir = scratch();
    let place = Place::init(dir.path(), HASH_KINDS[0]);
    place.put(&Disk, NAME, 1).expect("written");
    let lock = place.git_dir.join(format!("{NAME}.lock"));
    let now = SystemTime::now();
    let later = now + Duration::from_secs(60);
    fs::write(&lock, "").expect("locked");
    let locked = |answer| matches!(answer, Err(WriteError::Ref(CasError::Locked { .. })));
    assert!(locked(place.put_at(&Disk, NAME, 2, now)), "young");
    place.put_at(&Disk, NAME, 2, later).expect("old and empty");
    fs::write(&lock, "nonsense\n").expect("locked");
    assert!(locked(place.put_at(&Disk, NAME, 3, later)), "unexplained");
    fs::write(&lock, format!("{}\n", place.ok(&["rev-parse", NAME]))).expect("locked");
    place.put_at(&Disk, NAME, 3, later).expect("old, and a child");
    fs::write(&lock, &NAME[..9]).expect("locked");
    place.put_at(&Disk, NAME, 4, later).expect("old, and cut short");
    assert_eq!(place.files("refs/sessions").len(), 1, "no lock stays");
    assert_eq!(place.seq(NAME), Some(4));
}

#[test]
fn a_lock_that_is_released_in_time_is_waited_for() {
    let dir = scratch();
    let place = Place::init(dir.path(), HASH_KINDS[0]);
    place.put(&Disk, NAME, 1).expect("written");
    let a = place.writer(&Disk).tip(NAME).expect("readable");
    let b = loose_event(&place, 2, a);
    let lock = place.git_dir.join(format!("{NAME}.lock"));
    fs::write(&lock, "").expect("locked");
    let mut writer = place.writer(&Disk);
    writer.refs.lock_timeout = Duration::from_secs(20);
    let held =
        SessionLock::acquire(&place.git_dir, SharedMode::Umask, 7, Duration::ZERO).expect("free");
    std::thread::scope(|scope| {
        let now = SystemTime::now();
        let waiting = scope
            .spawn(move || compare_and_swap(&Disk, &writer.refs, &held, &update(NAME, a, b, now)));
        fs::remove_file(&lock).expect("unlocked");
        waiting.join().expect("no panic").expect("moved");
    });
    assert_eq!(place.seq(NAME), Some(2));
}

/// The names of sessions that one lock covers, and one that another covers.
const OTHERS: [(&str, u8); 3] = [
    ("refs/sessions/0199f0c2-1c4d-7abc-8def-0123456789a0", 0xa0),
    ("refs/sessions/0199f0c2-1c4d-7abc-8def-1123456789a0", 0xa0),
    ("refs/sessions/0199f0c2-1c4d-7abc-8def-0123456789a1", 0xa1),
];

fn doomed(n: usize, expected: Oid) -> Doomed {
    let (name, last_byte_of_id) = OTHERS[n];
    Doomed { name: name.to_owned(), last_byte_of_id, expected }
}

#[test]
fn many_refs_go_at_once_however_they_lie_and_others_stay() {
    for hash_kind in HASH_KINDS {
        let dir = scratch();
        let place = Place::init(dir.path(), hash_kind);
        let a = loose_event(&place, 1, None);
        let b = loose_event(&place, 2, Some(a));
        for (name, _) in OTHERS {
            place.ok(&["update-ref", "--create-reflog", name, &a.to_string()]);
        }
        swap(&place, None, a).expect("created");
        place.ok(&["pack-refs", "--all", "--prune"]);
        // Packed; packed at an older value than its own; not packed.
        place.ok(&["update-ref", OTHERS[1].0, &b.to_string()]);
        place.ok(&["update-ref", "-d", OTHERS[2].0]);
        place.ok(&["update-ref", "--create-reflog", OTHERS[2].0, &b.to_string()]);
        let all = [doomed(0, a), doomed(1, b), doomed(2, b)];
        place.writer(&Disk).delete_all(&all, SystemTime::now()).expect("deleted");
        assert_eq!(place.ok(&["for-each-ref", "--format=%(refname)", "refs/sessions"]), NAME);
        assert_eq!(place.files("logs/refs/sessions").len(), 1);
        assert_eq!(place.files("refs/sessions"), Vec::<String>::new());
        place.writer(&Disk).delete_all(&all, SystemTime::now()).expect("nothing is left to do");
        place.assert_sound();
    }
}

#[test]
fn a_ref_that_has_moved_or_is_locked_stays_when_many_go() {
    let dir = scratch();
    let place = Place::init(dir.path(), HASH_KINDS[0]);
    let a = loose_event(&place, 1, None);
    let b = loose_event(&place, 2, Some(a));
    for (name, _) in OTHERS {
        place.ok(&["update-ref", name, &a.to_string()]);
    }
    place.ok(&["pack-refs", "--all", "--prune"]);
    // This one has gone on, and its packed value is the one that was expected.
    place.ok(&["update-ref", OTHERS[0].0, &b.to_string()]);
    // That one is packed again meanwhile, and somebody is about to move the third.
    place.ok(&["update-ref", OTHERS[1].0, &b.to_string()]);
    place.ok(&["pack-refs", "--include", OTHERS[1].0, "--prune"]);
    place.ok(&["update-ref", OTHERS[2].0, &b.to_string()]);
    let lock = place.git_dir.join(format!("{}.lock", OTHERS[2].0));
    fs::write(&lock, format!("{a}\n")).expect("locked");
    let all = [doomed(0, a), doomed(1, a), doomed(2, b)];
    place.writer(&Disk).delete_all(&all, SystemTime::now()).expect("the others are left alone");
    for (name, _) in OTHERS {
        assert_eq!(place.ok(&["rev-parse", name]), b.to_string(), "{name}");
    }
    assert!(lock.exists());
    fs::remove_file(&lock).expect("removed");
    let held = place.writer(&Disk).lock(0xa1, Duration::ZERO).expect("free");
    let answer = place.writer(&Disk).delete_all(&[doomed(2, b)], SystemTime::now());
    answer.expect("a session that is being written is left alone");
    drop(held);
    assert_eq!(place.ok(&["rev-parse", OTHERS[2].0]), b.to_string());
    place.assert_sound();
}

#[test]
fn many_refs_go_beside_a_lock_on_packed_refs_only_once_it_is_free() {
    let dir = scratch();
    let place = Place::init(dir.path(), HASH_KINDS[0]);
    let a = loose_event(&place, 1, None);
    place.ok(&["update-ref", OTHERS[0].0, &a.to_string()]);
    place.ok(&["pack-refs", "--all", "--prune"]);
    let lock = place.git_dir.join("packed-refs.lock");
    fs::write(&lock, "").expect("locked");
    let answer = place.writer(&Disk).delete_all(&[doomed(0, a)], SystemTime::now());
    assert!(matches!(answer, Err(WriteError::Ref(CasError::Locked { .. }))), "{answer:?}");
    assert!(lock.exists());
    fs::remove_file(&lock).expect("removed");
    place.writer(&Disk).delete_all(&[doomed(0, a)], SystemTime::now()).expect("deleted");
    place.assert_sound();
}
