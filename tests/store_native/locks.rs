use std::fs;
use std::time::Duration;

use git_session::store::native::{LockError, SessionLock, SharedMode};

use super::place::scratch;

fn acquire(dir: &std::path::Path, byte: u8, timeout: u64) -> Result<SessionLock, LockError> {
    SessionLock::acquire(dir, SharedMode::Umask, byte, Duration::from_millis(timeout))
}

#[test]
fn a_session_is_locked_by_one_at_a_time_and_others_are_not_concerned() {
    let dir = scratch();
    let held = acquire(dir.path(), 1, 0).expect("free");
    assert!(matches!(acquire(dir.path(), 1, 0), Err(LockError::Busy { .. })));
    assert!(matches!(acquire(dir.path(), 1, 5), Err(LockError::Busy { .. })));
    acquire(dir.path(), 2, 0).expect("another session");
    drop(held);
    acquire(dir.path(), 1, 20_000).expect("free again");
}

#[test]
fn who_waits_gets_the_lock_when_it_is_released() {
    let dir = scratch();
    let held = acquire(dir.path(), 1, 0).expect("free");
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| acquire(dir.path(), 1, 20_000).map(drop));
        drop(held);
        waiting.join().expect("no panic").expect("released");
    });
}

#[test]
fn who_waited_at_a_deleted_file_locks_the_new_one() {
    let dir = scratch();
    let held = acquire(dir.path(), 1, 0).expect("free");
    fs::remove_dir_all(dir.path().join("session")).expect("deleted");
    let held_anew = acquire(dir.path(), 1, 0).expect("a new file");
    drop(held);
    assert!(matches!(acquire(dir.path(), 1, 0), Err(LockError::Busy { .. })));
    drop(held_anew);
}
