//! `restore`.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::harness::{PLAIN, TestRepo, executable, for_each_kind, text};

/// Returns the files below a directory but for `.git`: mode, and contents or target.
fn files(root: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let mut all = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in dir.read_dir().expect("a directory").flatten() {
            let (path, meta) = (entry.path(), entry.metadata().expect("it is there"));
            if entry.file_name() == ".git" {
                continue;
            }
            if meta.is_dir() {
                open.push(path);
                continue;
            }
            let contents = match meta.is_symlink() {
                true => fs::read_link(&path).expect("a link").into_os_string().into_encoded_bytes(),
                false => fs::read(&path).expect("a file"),
            };
            let path = path.strip_prefix(root).expect("below").to_owned();
            all.insert(path, (meta.permissions().mode() & 0o111, contents));
        }
    }
    all
}

/// Fills a work tree with all that can be in one, and keeps it as checkpoint 1; then turns it upside down.
fn turn_over(repo: &TestRepo) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    repo.write("kept", "1\n");
    repo.write("changed", "1\n2\n");
    repo.write("dir/gone", "1\n");
    repo.write("file or dir", "a file\n");
    repo.write("dir or file/x", "in a directory\n");
    repo.write("plain", "no program\n");
    repo.git(&["add", "-A"]);
    repo.git(&["commit", "-q", "-m", "files"]);
    repo.start(&["x"]);
    executable(&repo.root.join("run.sh"), "#!/bin/sh\n");
    symlink("../outside", repo.root.join("link")).expect("a link");
    repo.write("empty", "");
    repo.write("说明/说明.md", "说明\n");
    repo.write("a\nb", "a newline in the name\n");
    let before = files(&repo.root);
    repo.run(&["checkpoint"]).ok();
    repo.write("changed", "3\n");
    repo.write("empty", "not empty\n");
    repo.write("new/deep/file", "1\n");
    for path in ["file or dir", "link", "a\nb"] {
        fs::remove_file(repo.root.join(path)).expect("removed");
    }
    for path in ["dir", "dir or file", "说明"] {
        fs::remove_dir_all(repo.root.join(path)).expect("removed");
    }
    repo.write("file or dir/x", "1\n");
    repo.write("dir or file", "1\n");
    repo.write("link", "a file now\n");
    executable(&repo.root.join("plain"), "no program\n");
    before
}

#[test]
fn a_checkpoint_comes_back_exactly_and_so_does_what_was_there() {
    for_each_kind(|repo| {
        let before = turn_over(repo);
        let after = files(&repo.root);
        repo.git(&["add", "new"]);
        let index = fs::read(repo.git_dir.join("index")).expect("an index");
        let told = repo.run(&["restore", "1"]).ok();
        assert_eq!(told.stdout, "");
        assert!(told.stderr.ends_with("What was there is checkpoint 2\n"), "{}", told.stderr);
        assert_eq!(files(&repo.root), before);
        assert_eq!(fs::read(repo.git_dir.join("index")).expect("an index"), index);
        assert!(!repo.root.join("new").exists(), "no empty directory stays");
        // By its object, too: what is there is the first checkpoint.
        let again = repo.run(&["restore", "1"]).ok();
        assert!(again.stderr.contains("The work tree is like that already"), "{}", again.stderr);
        let answer = repo.run(&["restore", "--json", "2"]).json();
        assert_eq!(answer["saved"], 3);
        assert_eq!(files(&repo.root), after);
        let session = repo.show("@");
        let tree = |n: usize| session["checkpoints"][n - 1]["tree"].clone();
        assert_eq!(tree(1), tree(3));
        assert_eq!(session["checkpoints"][1]["message"], "before restoring checkpoint 1");
        assert_eq!(session["checkpoints"][1]["auto"], true);
    });
}

#[test]
fn a_dry_run_lists_what_would_change_and_changes_nothing() {
    let repo = TestRepo::new();
    turn_over(&repo);
    let (before, tip) = (files(&repo.root), repo.refs());
    let told = repo.run(&["restore", "-n", "1"]).ok();
    for line in ["M\tchanged\n", "A\tdir/gone\n", "D\tnew/deep/file\n", "T\tlink\n", "M\tplain\n"] {
        assert!(told.stdout.contains(line), "{}", told.stdout);
    }
    assert!(told.stderr.contains("Would restore 12 files"), "{}", told.stderr);
    let answer = repo.run(&["restore", "-n", "--json", "1"]).json();
    assert_eq!(answer["files"].as_array().map(Vec::len), Some(12));
    assert_eq!(
        (answer["saved"].clone(), files(&repo.root), repo.refs()),
        (Value::Null, before, tip)
    );
}

#[test]
fn only_the_paths_that_are_named_come_back() {
    let repo = TestRepo::new();
    turn_over(&repo);
    repo.write("sub/x", "1\n");
    repo.cmd(&["restore", "last", "--", "../changed", "/nowhere"]).dir("sub").run().refused();
    let told = repo.cmd(&["restore", "last", "--", "../changed", "../dir"]).dir("sub").run().ok();
    assert!(told.stderr.contains("Restored 2 files"), "{}", told.stderr);
    let now = files(&repo.root);
    assert_eq!(now[Path::new("changed")].1, b"1\n2\n");
    assert!(now.contains_key(Path::new("dir/gone")) && now.contains_key(Path::new("sub/x")));
    assert!(now.contains_key(Path::new("new/deep/file")));
}

#[test]
fn a_checkpoint_is_written_to_a_directory_of_its_own_even_from_a_bare_repository() {
    for_each_kind(|repo| {
        let before = turn_over(repo);
        let after = files(&repo.root);
        let told = repo.run(&["restore", "1", "--to", "../there/deep"]).ok();
        assert!(told.stderr.starts_with("Wrote 11 files to '"), "{}", told.stderr);
        assert_eq!(files(&repo.home.path().join("there/deep")), before);
        assert_eq!(files(&repo.root), after);
        let refused = repo.run(&["restore", "1", "--to", "../there/deep"]).refused();
        assert!(refused.contains("already exists"), "{refused}");
        let id = text(&repo.show("@")["id"]).to_owned();
        let bare = repo.home.path().join("bare.git");
        repo.git(&["clone", "-q", "--bare", ".", &bare.to_string_lossy()]);
        let all = "refs/sessions/*:refs/sessions/*";
        repo.git(&[
            "-C",
            &bare.to_string_lossy(),
            "fetch",
            "-q",
            &repo.root.to_string_lossy(),
            all,
        ]);
        let to = repo.home.path().join("from bare");
        repo.cmd(&["restore", &id, "1", "--to", &to.to_string_lossy()]).dir(&bare).run().ok();
        assert_eq!(files(&to), before);
        let error = repo.cmd(&["restore", &id, "1", "--json"]).dir(&bare).run();
        error.error(128, "unsupported");
    });
}

#[test]
fn filters_and_line_ends_are_those_of_the_checkpoint() {
    let repo = TestRepo::new();
    repo.git(&["config", "filter.up.clean", "tr a-z A-Z"]);
    repo.git(&["config", "filter.up.smudge", "tr A-Z a-z"]);
    repo.start(&["x"]);
    repo.write(".gitattributes", "*.txt text eol=crlf\n*.up filter=up\n");
    repo.write("dos.txt", "one\r\ntwo\r\n");
    repo.write("word.up", "word\n");
    let before = files(&repo.root);
    repo.run(&["checkpoint"]).ok();
    for path in [".gitattributes", "dos.txt", "word.up"] {
        fs::remove_file(repo.root.join(path)).expect("removed");
    }
    repo.run(&["restore", "1"]).ok();
    assert_eq!(files(&repo.root), before);
}

#[test]
fn what_is_in_no_checkpoint_is_never_overwritten() {
    let repo = TestRepo::new();
    repo.write("config", "1\n");
    repo.write("d/x", "1\n");
    repo.write("hidden", "1\n");
    repo.git(&["add", "-A"]);
    repo.git(&["commit", "-q", "-m", "files"]);
    repo.start(&["x"]);
    repo.write("config", "2\n");
    repo.write("d/x", "2\n");
    repo.write("hidden", "2\n");
    repo.run(&["checkpoint"]).ok();
    // A file that git ignores now, one in place of a directory, and one whose changes git does not see.
    repo.git(&["rm", "-q", "-r", "-f", "config", "d", "hidden"]);
    repo.git(&["commit", "-q", "-m", "gone"]);
    repo.write(".git/info/exclude", "config\nd\n");
    let refused = |path: &str, args: &[&str]| {
        let (before, refs) = (files(&repo.root), repo.refs());
        let told = repo.run(&[&["restore", "1"], args].concat()).refused();
        assert!(told.contains(&format!("'{path}' is in the way")), "{told}");
        assert_eq!((files(&repo.root), repo.refs()), (before, refs));
    };
    repo.write("config", "mine\n");
    refused("config", &[]);
    fs::remove_file(repo.root.join("config")).expect("removed");
    repo.write("config/mine", "mine\n");
    refused("config/mine", &[]);
    repo.write("d", "mine\n");
    refused("d", &["--", "d"]);
    fs::remove_file(repo.root.join("d")).expect("removed");
    let outside = repo.home.path().join("outside");
    fs::create_dir(&outside).expect("a directory");
    symlink(&outside, repo.root.join("d")).expect("a link");
    refused("d", &["--", "d"]);
    assert_eq!(files(&outside), BTreeMap::new());
    repo.write("hidden", "1\n");
    repo.git(&["add", "hidden"]);
    repo.git(&["update-index", "--assume-unchanged", "hidden"]);
    repo.write("hidden", "mine\n");
    refused("hidden", &["--", "hidden"]);
}

#[test]
fn what_stands_in_place_of_a_file_and_is_none_is_told_and_stays() {
    for_each_kind(|repo| {
        repo.write("config", "1\n");
        repo.write("other", "1\n");
        repo.git(&["add", "-A"]);
        repo.git(&["commit", "-q", "-m", "files"]);
        repo.start(&["x"]);
        repo.run(&["checkpoint", "-m", "one"]).ok();
        repo.write("new", "new\n");
        repo.run(&["checkpoint"]).ok();
        fs::remove_file(repo.root.join("config")).expect("removed");
        let made = Command::new("mkfifo").arg(repo.root.join("config")).status();
        assert!(made.expect("mkfifo runs").success());
        let told = repo.run(&["checkpoint", "-n"]).ok().stderr;
        let why = "warning: left out 'config': it is neither a file nor a symbolic link\n";
        assert!(told.contains(why), "{told}");
        let refs = repo.refs();
        for args in [&["restore", "-n", "1"][..], &["restore", "1"], &["restore", "2"]] {
            let told = repo.run(args).refused();
            assert!(told.contains("'config' is in the way"), "{told}");
        }
        let error = repo.run(&["restore", "-n", "1", "--json"]).error(1, "conflict");
        assert_eq!(error["message"], "'config' is in the way, and is in no checkpoint as it is");
        assert_eq!(repo.refs(), refs);
        repo.run(&["restore", "1", "--", "new", "other"]).ok();
        assert!(!repo.root.join("new").exists());
        let there = repo.root.join("config").symlink_metadata().expect("it is there");
        assert!(there.file_type().is_fifo());
    });
}

#[test]
fn a_tracked_file_that_is_too_large_for_a_checkpoint_is_not_taken_for_what_the_index_has() {
    let repo = TestRepo::new();
    repo.write("large", "1\n");
    repo.git(&["add", "-A"]);
    repo.git(&["commit", "-q", "-m", "files"]);
    repo.start(&["x"]);
    repo.write("new", "new\n");
    repo.run(&["checkpoint"]).ok();
    repo.git(&["config", "session.checkpointFileLimit", "10"]);
    repo.write("large", "more than ten bytes\n");
    let told = repo.run(&["restore", "1"]).refused();
    assert!(told.contains("'large' is in the way"), "{told}");
    // Where the checkpoint does not have it, it is in nobody's way.
    repo.write("large", "1\n");
    repo.write("intended", "more than ten bytes\n");
    repo.git(&["add", "-N", "intended"]);
    let told = repo.run(&["restore", "1"]).ok().stderr;
    assert!(told.contains("The work tree is like that already"), "{told}");
}

#[test]
fn an_empty_directory_in_place_of_a_file_gives_way_and_one_with_a_file_that_is_ignored_does_not() {
    let repo = TestRepo::new();
    repo.write("d/file", "1\n");
    repo.write(".gitignore", "*.log\n");
    repo.git(&["add", "-A"]);
    repo.git(&["commit", "-q", "-m", "files"]);
    repo.start(&["x"]);
    repo.write("new", "new\n");
    repo.run(&["checkpoint"]).ok();
    let before = files(&repo.root);
    fs::remove_file(repo.root.join("d/file")).expect("removed");
    fs::create_dir_all(repo.root.join("d/file/empty/deep")).expect("a directory");
    assert_eq!(repo.run(&["restore", "-n", "1"]).ok().stdout, "A\td/file\n");
    repo.run(&["restore", "1"]).ok();
    assert_eq!(files(&repo.root), before);
    fs::remove_file(repo.root.join("d/file")).expect("removed");
    fs::create_dir_all(repo.root.join("d/file/empty")).expect("a directory");
    repo.write("d/file/untracked", "1\n");
    repo.run(&["restore", "1"]).ok();
    assert_eq!(files(&repo.root), before);
    fs::remove_file(repo.root.join("d/file")).expect("removed");
    repo.write("d/file/mine.log", "1\n");
    let mine = files(&repo.root);
    for args in [&["restore", "-n", "1"][..], &["restore", "1"]] {
        let told = repo.run(args).refused();
        assert!(told.contains("'d/file/mine.log' is in the way"), "{told}");
    }
    assert_eq!(files(&repo.root), mine);
}

#[test]
fn a_submodule_stays_as_it_is() {
    let repo = TestRepo::new();
    let other = TestRepo::new();
    let url = other.root.to_string_lossy().into_owned();
    repo.git(&["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", &url, "lib"]);
    repo.git(&["commit", "-q", "-m", "lib"]);
    repo.start(&["x"]);
    repo.write("a", "1\n");
    repo.run(&["checkpoint"]).ok();
    repo.git(&["-C", "lib", "commit", "-q", "--allow-empty", "-m", "more"]);
    repo.write("a", "2\n");
    let commit = repo.git(&["-C", "lib", "rev-parse", "HEAD"]);
    let told = repo.run(&["restore", "1"]).ok();
    assert!(
        told.stderr.starts_with("warning: submodule 'lib' stays as it is\n"),
        "{}",
        told.stderr
    );
    assert_eq!(repo.git(&["-C", "lib", "rev-parse", "HEAD"]), commit);
    assert_eq!(fs::read(repo.root.join("a")).expect("a file"), b"1\n");
    let to = repo.home.path().join("to");
    repo.run(&["restore", "1", "--to", &to.to_string_lossy()]).ok();
    assert!(to.join("a").is_file() && !to.join("lib").exists());
}

/// Adds an entry to a tree as it would be stored.
fn entry(tree: &mut Vec<u8>, mode: &str, name: &[u8], oid: &str) {
    tree.extend_from_slice(mode.as_bytes());
    tree.push(b' ');
    tree.extend_from_slice(name);
    tree.push(0);
    let byte = |at: usize| u8::from_str_radix(&oid[at..at + 2], 16).expect("hexadecimal");
    tree.extend((0..oid.len()).step_by(2).map(byte));
}

/// Stores a tree, whatever is in it.
fn store(repo: &TestRepo, tree: &[u8]) -> String {
    repo.git_feed(&["hash-object", "-t", "tree", "--literally", "-w", "--stdin"], tree)
}

/// Makes a session that has these trees as its checkpoints, as a hostile clone may send it.
fn plant(repo: &TestRepo, trees: &[String]) {
    let made = repo.start(&["x"]);
    let reference = text(&made["ref"]);
    let mut record = repo.git(&["cat-file", "blob", &format!("{reference}:session.yaml")]);
    record.push_str("\ncheckpoints:\n");
    let mut entries: Vec<(String, &str)> = Vec::new();
    for (n, tree) in (1..).zip(trees) {
        let at = "2026-01-07T13:00:00.000000Z";
        record.push_str(&format!("  - n: {n}\n    tree: {tree}\n    at: {at}\n"));
        entries.push((n.to_string(), tree));
    }
    entries.sort_by_key(|(name, _)| format!("{name}/"));
    let record = repo.git_feed(&["hash-object", "-w", "--stdin"], record.as_bytes());
    let lifecycle = repo.rev(&format!("{reference}:lifecycle.yaml"));
    let (mut kept, mut root) = (Vec::new(), Vec::new());
    entries.iter().for_each(|(name, tree)| entry(&mut kept, "40000", name.as_bytes(), tree));
    let kept = store(repo, &kept);
    entry(&mut root, "40000", b"checkpoints", &kept);
    entry(&mut root, "100644", b"lifecycle.yaml", &lifecycle);
    entry(&mut root, "100644", b"session.yaml", &record);
    let root = store(repo, &root);
    let message = repo.git(&["log", "-1", "--format=%B", reference]);
    let commit = repo.git(&["commit-tree", "-p", reference, "-m", &message, &root]);
    repo.git(&["update-ref", reference, &commit]);
}

#[test]
fn a_hostile_tree_is_refused_before_anything_is_written() {
    let repo = TestRepo::new();
    repo.damaged();
    let blob = repo.git_feed(&["hash-object", "-w", "--stdin"], b"evil\n");
    let one = |mode: &str, name: &[u8], oid: &str| {
        let mut tree = Vec::new();
        entry(&mut tree, mode, name, oid);
        store(&repo, &tree)
    };
    let inner = one("100644", b"hooks", &blob);
    let mut hostile = vec![];
    let names: [&[u8]; 13] = [
        b"..",
        b".",
        b".git",
        b".GIT",
        b"GIT~1",
        b".git ",
        b".git...",
        b".git::$INDEX_ALLOCATION",
        ".g\u{200c}it".as_bytes(),
        b"../../outside",
        b"/etc/passwd",
        b"a/b",
        b"",
    ];
    for name in names {
        hostile.push(one("100644", name, &blob));
        hostile.push(one("40000", name, &inner));
        hostile.push(one("40000", b"deep", &one("40000", b"deeper", &one("100644", name, &blob))));
    }
    hostile.push(one("120000", b".gitmodules", &blob));
    // A link, and a file behind it.
    let target = repo.git_feed(&["hash-object", "-w", "--stdin"], b"../outside");
    let mut tree = Vec::new();
    entry(&mut tree, "120000", b"a", &target);
    entry(&mut tree, "40000", b"a", &inner);
    hostile.push(store(&repo, &tree));
    // Too deep for any path, and too many for any disk.
    let mut deep = inner.clone();
    for _ in 0..20 {
        deep = one("40000", &[b'd'; 250], &deep);
    }
    hostile.push(deep);
    let mut many = inner.clone();
    for _ in 0..8 {
        let mut tree = Vec::new();
        (b'a'..=b'p').for_each(|name| entry(&mut tree, "40000", &[name], &many));
        many = store(&repo, &tree);
    }
    hostile.push(many);
    plant(&repo, &hostile);
    let (before, refs) = (files(&repo.root), repo.refs());
    let (outside, to) = (repo.home.path().join("outside"), repo.home.path().join("to"));
    for (n, tree) in (1..).zip(hostile) {
        let n = n.to_string();
        for args in [&["restore", &n][..], &["restore", &n, "--to", "../to"]] {
            let told = repo.run(args).exits(128).stderr;
            assert!(told.contains(&format!("tree {tree} is damaged: ")), "{told}");
        }
        assert!(!outside.exists() && !to.exists());
    }
    assert_eq!((files(&repo.root), repo.refs()), (before, refs));
}

#[test]
fn what_git_cannot_write_is_refused_before_anything_is_removed() {
    let repo = TestRepo::new();
    repo.damaged();
    let blob = repo.git_feed(&["hash-object", "-w", "--stdin"], b"evil\n");
    let one = |mode: &str, name: &[u8], oid: &str| {
        let mut tree = Vec::new();
        entry(&mut tree, mode, name, oid);
        store(&repo, &tree)
    };
    let inner = one("100644", b"x", &blob);
    plant(
        &repo,
        &[
            one("100644", b".git\\config", &blob),
            one("100644", b"a tree", &inner),
            one("100644", b"not there", &"1".repeat(40)),
            one("100644", b"nothing", &"0".repeat(40)),
            one("100644", &[b'n'; 256], &blob),
            one("40000", b"a file", &blob),
        ],
    );
    let (before, refs) = (files(&repo.root), repo.refs());
    for n in ["1", "2", "3", "4", "5", "6"] {
        for args in [&["restore", n][..], &["restore", n, "-n"], &["restore", n, "--to", "../to"]] {
            repo.run(args).exits(128);
        }
    }
    assert_eq!((files(&repo.root), repo.refs()), (before, refs));
    assert!(!repo.home.path().join("to").exists());
}

#[test]
fn what_was_there_is_told_when_a_file_cannot_be_written() {
    let repo = TestRepo::new();
    repo.write(".gitattributes", "file filter=own\n");
    repo.write("file", "1\n");
    repo.start(&["x"]);
    repo.run(&["checkpoint"]).ok();
    repo.write("file", "2\n");
    repo.write("new", "new\n");
    let before = files(&repo.root);
    for (key, value) in [("clean", "cat"), ("smudge", "false"), ("required", "true")] {
        repo.git(&["config", &format!("filter.own.{key}"), value]);
    }
    let told = repo.run(&["restore", "1"]).exits(128).stderr;
    assert!(told.contains("What was there is checkpoint 2\n"), "{told}");
    assert!(!repo.root.join("new").exists());
    repo.git(&["config", "filter.own.smudge", "cat"]);
    repo.run(&["restore", "2"]).ok();
    assert_eq!(files(&repo.root), before);
}

#[test]
fn names_that_only_some_systems_refuse_come_back() {
    let repo = TestRepo::new();
    repo.start(&["x"]);
    for name in ["aux.c", "a:b", "what?", "trailing.", "back\\slash", "Case", "case"] {
        repo.write(name, name);
    }
    let before = files(&repo.root);
    repo.run(&["checkpoint"]).ok();
    before.keys().for_each(|path| fs::remove_file(repo.root.join(path)).expect("removed"));
    repo.run(&["restore", "last"]).ok();
    assert_eq!(files(&repo.root), before);
}

#[test]
fn the_beginning_comes_back_and_what_is_no_checkpoint_does_not() {
    let repo = TestRepo::unborn(PLAIN);
    let made = repo.start(&["x"]);
    repo.write("a", "1\n");
    repo.write(".git/info/exclude", "*.log\n");
    repo.write("b.log", "ignored\n");
    repo.run(&["restore", "start"]).ok();
    assert_eq!(files(&repo.root).into_keys().collect::<Vec<_>>(), [Path::new("b.log")]);
    repo.run(&["restore", "last"]).ok();
    assert!(repo.root.join("a").is_file());
    let error = repo.run(&["restore", "--json", text(&made["id"]), "9"]).error(1, "invalid_value");
    assert_eq!(error["details"]["allowed"], json!(["1", "2"]));
    repo.run(&["restore", "x"]).refused();
    repo.run(&["restore"]).exits(129);
}
