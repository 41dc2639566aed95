//! Processes that a shell has started and not waited for.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use super::ancestor::{command_line, is_above};
use super::{Held, Here, Process};

/// How often a process that shows no words is looked at, and after what time again. Some never show any.
const MAX_LOOKS: usize = 1000;
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// Waits until the process whose number is the first line of the file `note` has ended, at most until `timeout`, if one
/// of `words` is part of what it was started with.
pub fn wait_for_left(note: &Path, words: &[&str], timeout: Duration) {
    if let Some(held) = find(note, words) {
        held.wait(timeout);
    }
}

/// Waits in the same way, but no longer than `is_awaited` says of the process.
pub(super) fn wait_for_left_while(
    note: &Path,
    words: &[&str],
    timeout: Duration,
    is_awaited: impl Fn(&Process) -> bool,
) {
    let Some(held) = find(note, words) else { return };
    let until = Instant::now() + timeout;
    while is_awaited(&held.process) && Instant::now() < until && !held.wait(LOOK_AGAIN) {}
}

/// Takes hold of the process that a note names, if one of `words` is part of what it was started with: a number alone may
/// have come to mean another one. Nobody waits for itself, or for a process above.
fn find(note: &Path, words: &[&str]) -> Option<Held> {
    let text = fs::metadata(note).ok()?.is_file().then(|| fs::read_to_string(note))?.ok()?;
    let pid: u32 = text.lines().next()?.parse().ok()?;
    // What most notes name has ended.
    if !Path::new(&format!("/proc/{pid}")).exists() || is_above(pid) {
        return None;
    }
    // The number is pinned to the process while it is held.
    let held = Held::of(&Here::read(), pid)?;
    for _ in 0..MAX_LOOKS {
        let line = command_line(pid);
        if line.iter().any(|it| words.iter().any(|word| it.contains(word))) {
            return Some(held);
        }
        // While the kernel starts a program, nobody can see with which words.
        if line.iter().any(|it| !it.is_empty()) || held.wait(LOOK_AGAIN) {
            return None;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn one_that_is_meant_is_waited_for_and_no_other() {
        let dir = tempfile::tempdir().expect("a directory");
        let note = dir.path().join("running");
        // It ends when nobody holds the other end of its input any more.
        let mut child = Command::new("sh")
            .args(["-c", "read -r line; :", "left behind"])
            .stdin(Stdio::piped())
            .spawn()
            .expect("a shell");
        let started = std::time::Instant::now();
        let wait = |text: &str, word, timeout| {
            fs::write(&note, text).expect("a file");
            wait_for_left(&note, &["nobody", word], timeout);
            started.elapsed()
        };
        let long = Duration::from_secs(60);
        // A longer number stood there.
        let pid = format!("{}\n5\n", child.id());
        for (text, word) in [
            (&*pid, "somebody else"),
            ("", "left behind"),
            ("x", "left behind"),
            (&*std::process::id().to_string(), ""),
        ] {
            assert!(wait(text, word, long) < long, "{text} {word}");
        }
        let before = started.elapsed();
        let short = Duration::from_millis(20);
        assert!(wait(&pid, "left behind", short) >= before + short);
        // One that has done what is waited for may live on.
        wait_for_left_while(&note, &["left behind"], long, |it| it.pid != child.id());
        let input = child.stdin.take();
        std::thread::scope(|scope| {
            scope.spawn(|| drop(input));
            assert!(wait(&pid, "left behind", long) < long);
        });
        // It has ended, though nobody has noticed.
        assert!(wait(&pid, "left behind", long) < long);
        assert!(child.wait().expect("ours").success());
        wait_for_left(&dir.path().join("none"), &["left behind"], long);
    }
}
