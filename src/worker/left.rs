//! Processes that a shell has started and not waited for.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::ancestor::{command_line, is_above};
use super::{Held, Here};

/// Waits until the process whose number stands in the file `note` has ended, as [`wait_for`] does.
pub fn wait_for_left(note: &Path, words: &[&str], timeout: Duration) {
    let is_file = fs::metadata(note).is_ok_and(|it| it.is_file());
    let text = is_file.then(|| fs::read_to_string(note).ok()).flatten();
    if let Some(pid) = text.and_then(|text| text.trim_end().parse().ok()) {
        wait_for(pid, words, timeout);
    }
}

/// Waits until a process has ended, at most until `timeout`, if one of `words` is part of what it was started
/// with: a number alone may have come to mean another one. Nobody waits for itself, or for a process above.
pub fn wait_for(pid: u32, words: &[&str], timeout: Duration) {
    let is_meant = |pid| {
        let is_one = |it: &String| words.iter().any(|word| it.contains(word));
        command_line(pid).iter().any(is_one)
    };
    if !is_meant(pid) || is_above(pid) {
        return;
    }
    // Looked at again: the number is pinned to the process only since it is held.
    if let Some(held) = Held::of(&Here::read(), pid).filter(|_| is_meant(pid)) {
        held.wait(timeout);
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
        let pid = format!("{}\n", child.id());
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
        assert!(child.wait().expect("ours").success());
        wait_for_left(&dir.path().join("none"), &["left behind"], long);
    }
}
