//! What is told of a line without git is what git tells.

use std::ffi::OsString;

use git_session::store::{BlamedLine, LinePlace};
use proptest::prelude::*;
use proptest::sample::select;

use super::place::{Place, open};

/// What `git blame` says of each line of a file.
fn blamed(place: &Place, path: &str) -> Vec<(String, String)> {
    let output = place.git(&["blame", "--line-porcelain", "--", path]);
    let (mut lines, mut head) = (Vec::new(), "");
    for line in output.split_terminator('\n') {
        match line.strip_prefix('\t') {
            Some(text) => lines.push((std::mem::take(&mut head).to_owned(), text.to_owned())),
            None if head.is_empty() => head = line.split(' ').next().unwrap_or_default(),
            None => {}
        }
    }
    lines
}

fn recent(place: &Place, path: &str, number: u64) -> Option<BlamedLine> {
    let dir = place.dir.path().to_owned();
    let asked = LinePlace { dir, path: OsString::from(path), number, attributes: None };
    open(place.dir.path()).recent_line(&asked, || true)
}

/// Compares all lines of a file; returns how many were told without git.
fn check(place: &Place, path: &str) -> usize {
    let mut n_told = 0;
    let lines = blamed(place, path);
    for ((commit, text), number) in lines.iter().zip(1..) {
        let Some(told) = recent(place, path, number) else { continue };
        let commit_oid = told.commit_oid.expect("it is committed").to_string();
        assert_eq!((&commit_oid, &told.text, told.number), (commit, text, number), "{path}");
        n_told += 1;
    }
    let n = u64::try_from(lines.len()).expect("few");
    assert_eq!((recent(place, path, 0), recent(place, path, n + 1)), (None, None));
    n_told
}

/// Numbers the lines of a text, so that none is twice.
fn text(words: &str) -> Vec<u8> {
    words.split(' ').flat_map(|word| [word.as_bytes(), b"\n"].concat()).collect()
}

/// A repository with two commits of `dir/file`, of which the second brought the line `new`.
fn scene(init: &[&str]) -> Place {
    let place = Place::new(init);
    place.write("dir/file", &text("one two three"));
    place.commit("first");
    place.write("dir/file", &text("one new three"));
    place.commit("second");
    place
}

#[test]
fn a_line_of_the_last_change_is_told_and_an_older_one_is_left_to_git() {
    for init in [&[][..], &["--object-format=sha256"]] {
        let place = scene(init);
        let told = recent(&place, "dir/file", 2).expect("the newest commit brought it");
        assert_eq!((told.commit_oid, told.text.as_str()), (Some(place.head()), "new"));
        assert_eq!(recent(&place, "dir/file", 1), None);
        // Commits that left it alone are gone back through.
        for n in 0..7 {
            place.write("other", &[n]);
            place.commit("other");
        }
        assert_eq!(recent(&place, "dir/file", 2), Some(told));
        place.write("other", b"last");
        place.commit("one more than is looked at");
        assert_eq!(recent(&place, "dir/file", 2), None);
        // All lines of the first commit are its own, if it has no parent.
        place.git(&["checkout", "-q", "--orphan", "alone"]);
        place.commit("alone");
        assert_eq!(check(&place, "dir/file"), 3);
        place.git(&["checkout", "-q", "--detach"]);
        assert_eq!(check(&place, "dir/file"), 3);
    }
}

#[test]
fn what_is_not_as_head_has_it_is_left_to_git() {
    let place = scene(&[]);
    let path = "dir/file";
    let is_told = || recent(&place, path, 2).is_some();
    assert!(is_told());
    place.write(path, &text("one new three four"));
    assert!(!is_told(), "a change that is not committed");
    place.git(&["checkout", "-q", "--", path]);
    assert!(is_told());
    place.git(&["mv", path, "dir/moved"]);
    place.commit("moved");
    assert!(recent(&place, "dir/moved", 2).is_none(), "a name that the parent does not have");
    place.git(&["reset", "-q", "--hard", "HEAD~"]);
    std::os::unix::fs::symlink("file", place.dir.path().join("dir/link")).expect("a link");
    place.commit("link");
    assert!(recent(&place, "dir/link", 1).is_none(), "a link");
    place.git(&["reset", "-q", "--hard", "HEAD~"]);
    place.git(&["checkout", "-q", "-b", "side", "HEAD~"]);
    place.write(path, &text("one two three side"));
    place.commit("side");
    place.git(&["merge", "-q", "--no-ff", "main"]);
    assert!(!is_told(), "a merge");
}

#[test]
fn whatever_changes_the_rules_of_blame_leaves_the_line_to_git() {
    let place = scene(&[]);
    let path = "dir/file";
    let is_told = || recent(&place, path, 2).is_some();
    let (head, parent) = (place.head().to_string(), place.git(&["rev-parse", "HEAD~"]));
    for (name, value) in [("blame.ignoreRevsFile", "x"), ("attr.tree", "HEAD")] {
        place.git(&["config", name, value]);
        assert!(!is_told(), "{name}");
        place.git(&["config", "--unset", name]);
    }
    place.git(&["replace", &head, parent.trim()]);
    assert!(!is_told(), "a replaced commit");
    place.git(&["pack-refs", "--all"]);
    assert!(!is_told(), "one that is packed");
    place.git(&["replace", "-d", &head]);
    assert!(is_told());
    for name in ["info/grafts", "shallow", "MERGE_HEAD"] {
        place.write(&format!(".git/{name}"), b"");
        assert!(!is_told(), "{name}");
        std::fs::remove_file(place.dir.path().join(".git").join(name)).expect("removed");
    }
    for name in [".gitattributes", "dir/.gitattributes", ".git/info/attributes"] {
        for (line, is_harmless) in [
            ("* text=auto eol=lf", true),
            ("* filter=x", false),
            ("* working-tree-encoding=UTF-16", false),
            ("* diff=x", false),
        ] {
            place.write(name, line.as_bytes());
            assert_eq!(is_told(), is_harmless, "{name}: {line}");
        }
        std::fs::remove_file(place.dir.path().join(name)).expect("removed");
    }
    let attributes = place.dir.path().join("mine");
    let settings = attributes.to_string_lossy().into_owned();
    place.write("mine", b"file diff=x\n");
    place.git(&["config", "core.attributesFile", &settings]);
    assert!(!is_told(), "the user's attributes");
    place.git(&["config", "--unset", "core.attributesFile"]);
    let dir = place.dir.path().to_owned();
    let asked = |attributes| {
        let (dir, path) = (dir.clone(), OsString::from(path));
        open(&dir).recent_line(&LinePlace { dir, path, number: 2, attributes }, || true)
    };
    assert!(asked(None).is_some() && asked(Some(attributes)).is_none());
    // Attributes that are committed count, even if the file is gone.
    place.write(".gitattributes", b"* filter=x\n");
    place.commit("attributes");
    std::fs::remove_file(place.dir.path().join(".gitattributes")).expect("removed");
    assert!(!is_told(), "attributes that are not in the work tree");
    place.git(&["reset", "-q", "--hard", "HEAD~"]);
    for bytes in [&b"one\r\nnew\r\n"[..], b"one\n$Id$\nnew\n", b"one\nnew\0\n"] {
        place.write(path, bytes);
        place.commit("what may be converted");
        assert!((1..4).all(|number| recent(&place, path, number).is_none()), "{bytes:?}");
    }
}

/// What happens to a repository in one step.
#[derive(Debug, Clone)]
enum Step {
    /// A file gets these lines, of which many are alike, with or without an end of the last one.
    Write(usize, Vec<u8>, bool),
    Move,
    Remove(usize),
    Branch,
    Merge,
}

const FILES: [&str; 3] = ["a", "dir/b", "dir/below/c"];

fn step() -> impl Strategy<Value = Step> {
    let lines = proptest::collection::vec(b'a'..b'q', 0..9);
    prop_oneof![
        8 => (select(&[0, 0, 0, 1, 2][..]), lines, any::<bool>()).prop_map(|(n, it, end)| Step::Write(n, it, end)),
        1 => Just(Step::Move),
        1 => (0..FILES.len()).prop_map(Step::Remove),
        1 => Just(Step::Branch),
        1 => Just(Step::Merge),
    ]
}

fn apply(place: &Place, step: &Step) {
    match step {
        Step::Write(n, lines, has_end) => {
            let end: &[u8] = if *has_end { b"\n" } else { b"" };
            let lines: Vec<&[u8]> = lines.chunks(1).collect();
            place.write(FILES[*n], &[&lines.join(&b'\n')[..], end].concat());
        }
        Step::Move => {
            let (from, to) = (place.dir.path().join(FILES[0]), place.dir.path().join(FILES[1]));
            std::fs::create_dir_all(to.parent().expect("below")).expect("a directory");
            // What is not there is not moved.
            let _ = std::fs::rename(from, to);
        }
        Step::Remove(n) => {
            let _ = std::fs::remove_file(place.dir.path().join(FILES[*n]));
        }
        Step::Branch => {
            place.git(&["branch", "-f", "side"]);
        }
        Step::Merge => {
            place.git(&["branch", "-f", "other", "HEAD"]);
            let has_side = !place.git(&["branch", "--list", "side"]).is_empty();
            let with = if has_side { "side" } else { "other" };
            place.git(&["merge", "-q", "--no-ff", "-s", "ours", with]);
        }
    }
    place.commit("step");
}

#[test]
fn in_any_history_what_is_told_is_what_git_tells() {
    let mut runner = proptest::test_runner::TestRunner::new_with_rng(
        ProptestConfig { cases: 10, failure_persistence: None, ..ProptestConfig::default() },
        proptest::test_runner::TestRng::deterministic_rng(
            proptest::test_runner::RngAlgorithm::ChaCha,
        ),
    );
    let n_told = std::cell::Cell::new(0);
    let histories = proptest::collection::vec(step(), 4..10);
    runner
        .run(&histories, |steps| {
            let place = Place::new(&[]);
            place.commit("begin");
            for step in &steps {
                apply(&place, step);
                for path in FILES.iter().filter(|it| place.dir.path().join(it).is_file()) {
                    n_told.set(n_told.get() + check(&place, path));
                }
            }
            Ok(())
        })
        .expect("git agrees");
    assert!(n_told.get() > 30, "only {} lines were told", n_told.get());
}
