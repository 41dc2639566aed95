//! `diff --message`: what changed in the turn of a message.

use super::harness::{TestRepo, for_each_kind, text};

fn ask(repo: &TestRepo, words: &str) {
    repo.run(&["record", "--message", words, "--role", "user"]).ok();
}

fn change(repo: &TestRepo, file: &str) {
    repo.write(file, "new\n");
    repo.run(&["checkpoint"]).ok();
}

fn names(repo: &TestRepo, args: &[&str]) -> String {
    repo.run(&[&["diff"], args].concat()).ok().stdout
}

#[test]
fn diff_tells_what_changed_in_the_turn_of_a_message() {
    for_each_kind(|repo| {
        let id = text(&repo.start(&["x"])["id"]).to_owned();
        ask(repo, "First");
        repo.run(&["record", "--message", "On it", "--role", "assistant"]).ok();
        change(repo, "a");
        change(repo, "b");
        ask(repo, "Second");
        change(repo, "c");
        ask(repo, "Third");
        repo.write("d", "not kept\n");
        for (message, expected) in [("1", "a\nb\n"), ("2", "a\nb\n"), ("3", "c\n"), ("4", "d\n")] {
            assert_eq!(names(repo, &["--message", message, "--name-only"]), expected, "{message}");
            let args = [&id, "--name-only", &format!("--message={message}")];
            assert_eq!(names(repo, &args), expected, "{message}");
        }
        assert_eq!(names(repo, &["--message", "2", "--name-only", "--", "b"]), "b\n");
        // The end of a session is its newest checkpoint.
        repo.run(&["checkpoint"]).ok();
        repo.write("e", "after it\n");
        repo.run(&["finish"]).ok();
        assert_eq!(names(repo, &[&id, "--message", "4", "--name-only"]), "d\n");
    });
}

#[test]
fn checkpoints_that_were_dropped_from_the_record_still_tell_the_turns_apart() {
    let repo = TestRepo::new();
    repo.start(&["x"]);
    ask(&repo, "First");
    change(&repo, "a");
    ask(&repo, "Second");
    for n in 0..100 {
        change(&repo, &format!("b{}", n % 10));
        std::fs::remove_file(repo.root.join(format!("b{}", n % 10))).expect("removed");
    }
    let refused = repo.run(&["diff", "1"]).refused();
    assert!(refused.contains("has no checkpoint 1\n"), "{refused}");
    assert_eq!(names(&repo, &["--message", "1", "--name-only"]), "a\n");
}

#[test]
fn what_no_checkpoint_tells_is_not_told() {
    let repo = TestRepo::new();
    let id = text(&repo.start(&["x"])["id"]).to_owned();
    ask(&repo, "First");
    repo.write("a", "1\n");
    ask(&repo, "Second");
    let refused = repo.run(&["diff", "--message", "1"]).refused();
    let expected = "no checkpoint was taken after message 1 and before message 2\n";
    assert!(refused.contains(expected), "{refused}");
    repo.write("b", "1\n");
    let told = repo.run(&["diff", "--message", "2", "--name-only"]).ok();
    assert_eq!(told.stdout, "a\nb\n");
    let expected = "warning: no checkpoint was taken in the turn of message 1";
    assert!(told.stderr.starts_with(expected), "{}", told.stderr);
    let refused = repo.run(&["diff", "--message", "7"]).refused();
    assert!(refused.contains("has no message 7\n"), "{refused}");
    assert!(refused.contains("it can be 1 or 2\n"), "{refused}");
    repo.run(&["diff", "--message", "1", "2..3"]).exits(129);
    repo.run(&["diff", "@", "--message"]).exits(129);
    repo.run(&["finish"]).ok();
    let refused = repo.run(&["diff", &id, "--message", "2"]).refused();
    assert!(refused.contains("no checkpoint was taken after message 2\n"), "{refused}");
}
