//! Processes that a shell has started and not waited for.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::ancestor::{command_line, is_above};
use super::{Held, Here};

/// How often a process that shows no words is looked at, and after what time again. Some never show any.
const MAX_LOOKS: usize = 1000;
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// Waits until the process whose number is the first line of the file `note` has ended, at most until `timeout`, if one
/// of `words` is part of what it was started with.
pub fn wait_for_left(note: &Path, words: &[&str], timeout: Duration) {
    let is_file = fs::metadata(note).is_ok_and(|it| it.is_file());
    let text = is_file.then(|| fs::read_to_string(note).ok()).flatten();
    if let Some(pid) = text.and_then(|text| text.lines().next()?.parse().ok()) {
        wait_for(pid, words, timeout);
    }
}

/// Waits until a process has ended, at most until `timeout`, if one of `words` is part of what it was started
/// with: a number alone may have come to mean another one. Nobody waits for itself, or for a process above.
fn wait_for(pid: u32, words: &[&str], timeout: Duration) {
    // What most notes name has ended.
    if !Path::new(&format!("/proc/{pid}")).exists() || is_above(pid) {
        return;
    }
    // The number is pinned to the process while it is held.
    let Some(held) = Held::of(&Here::read(), pid) else { return };
    for _ in 0..MAX_LOOKS {
        let line = command_line(pid);
        if line.iter().any(|it| words.iter().any(|word| it.contains(word))) {
            held.wait(timeout);
            return;
        }
        // While the kernel starts a program, nobody can see with which words.
        if line.iter().any(|it| !it.is_empty()) || held.wait(LOOK_AGAIN) {
            return;
        }
    }
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
