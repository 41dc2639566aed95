//! What the shell puts into a message by itself, since the program has noted it before.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use super::gits::{Git, is_played};
use super::harness::{Kind, Output, PLAIN, PROGRAM, TestRepo, executable, kinds, text, texts};
use super::hooked::{age, commit, hook, linked, links, named, start, was_answered};
use super::installed::Installed;

/// What is done to a repository with a session.
type Change = Box<dyn Fn(&TestRepo, &str)>;

/// Commits nothing; returns which session that names, and whether git waited for the shell alone.
fn told(repo: &TestRepo, args: &[&str]) -> (String, bool) {
    was_answered(repo);
    repo.git(&[&["commit", "-q", "--allow-empty"], args].concat());
    (named(repo, "HEAD"), was_answered(repo))
}

/// Returns the one note that there is.
fn note(repo: &TestRepo) -> PathBuf {
    let mut notes = fs::read_dir(repo.git_dir.join("session/answers")).expect("a directory");
    let note = notes.next().expect("a note").expect("a file").path();
    assert!(notes.next().is_none(), "what was noted before is gone");
    note
}

/// Makes a repository where the shell knows what the next message gets.
fn noted() -> (TestRepo, String) {
    let repo = TestRepo::new();
    hook(&repo);
    let id = start(&repo, &["work"]);
    commit(&repo, "0", &["-m", "zero"]);
    repo.settle();
    (repo, id)
}

#[test]
fn git_does_not_wait_for_the_program_where_that_has_noted_what_a_message_gets() {
    for kind in kinds() {
        for git in [Git::Old, Git::New] {
            let installed = Installed::new(*kind, git);
            let repo = &installed.repo;
            let id = start(repo, &["work"]);
            let mut made = vec![installed.commit("file", "0", &["-m", "zero"])];
            for (n, branch) in ["main", "main", "detached", "detached"].iter().enumerate() {
                if *branch == "detached" {
                    installed.git(&["checkout", "-q", "--detach"]);
                }
                was_answered(repo);
                made.push(installed.commit("file", &format!("next {n}"), &["-m", "Next: one"]));
                let message = repo.git(&["log", "-1", "--format=%B"]);
                assert_eq!(message, format!("Next: one\n\nSession-Id: {id}"), "{kind:?} {git:?}");
                // What stands for a new git has scripts between itself and its hooks.
                let is_plain = kind.refs == "files" && !is_played(git);
                assert_eq!(was_answered(repo), is_plain, "{kind:?} {git:?} {n}");
            }
            assert_eq!(linked(repo, &id), made, "{kind:?} {git:?}");
            let found = links(repo, &id);
            assert_eq!(texts(&found.clone().into(), "known_by"), ["hook"; 5]);
            assert_eq!((text(&found[2]["branch"]), found[4].get("branch")), ("main", None));
        }
    }
}

#[test]
fn each_branch_and_each_work_tree_is_known_by_itself() {
    let installed = Installed::new(PLAIN, Git::Old);
    let repo = &installed.repo;
    let made = repo.start(&["feature", "-b"]);
    let (own, branch) = (text(&made["id"]), text(&made["branch"]));
    installed.git(&["switch", "-q", "main"]);
    let id = start(repo, &["work"]);
    installed.commit("file", "0", &["-m", "zero"]);
    installed.git(&["switch", "-q", branch]);
    assert_eq!(told(repo, &["-m", "feature"]).0, own);
    // A session with a branch of its own has nothing to do with what is committed elsewhere.
    installed.git(&["switch", "-q", "-c", "side"]);
    assert_eq!(told(repo, &["-m", "side"]).0, "");
    installed.git(&["switch", "-q", "main"]);
    assert_eq!(told(repo, &["-m", "main"]), (id.clone(), true));
    let tree = repo.worktree("linked");
    let mut begun = repo.cmd(&["start", "--json", "x"]).dir(&tree).run().json();
    let linked_id = begun["id"].take();
    for n in ["1", "2", "3"] {
        let mut git = repo.git_command(&["commit", "-q", "--allow-empty", "-m", n]);
        assert!(git.current_dir(&tree).status().expect("git runs").success());
        repo.settle();
    }
    assert_eq!(linked(repo, text(&linked_id)).len(), 3);
    assert!(repo.git_dir.join("worktrees/linked/session/starting").exists());
    assert_eq!((linked(repo, &id).len(), linked(repo, own).len()), (2, 1));
}

#[test]
fn a_note_counts_only_as_long_as_all_that_it_depends_on_is_as_it_was() {
    let git = |args: &'static [&str]| move |repo: &TestRepo, _: &str| drop(repo.git(args));
    let run = |args: &'static [&str]| move |repo: &TestRepo, _: &str| drop(repo.run(args).ok());
    let write = |name: &'static str| {
        move |repo: &TestRepo, _: &str| {
            let path = repo.git_dir.join(name);
            fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
            fs::write(path, "").expect("a file");
        }
    };
    let include = |repo: &TestRepo, _: &str| {
        fs::write(repo.home.path().join("more"), "[session]\n\ttrailer = false\n").expect("a file");
    };
    let move_to_other = |repo: &TestRepo, _: &str| {
        repo.git(&["-c", "core.hooksPath=/dev/null", "switch", "-q", "-c", "other"]);
    };
    let end_by_hand = |repo: &TestRepo, id: &str| {
        let tip = repo.rev(&format!("refs/sessions/{id}"));
        repo.run(&["terminate", id]).ok();
        let ended = repo.rev(&format!("refs/sessions/{id}"));
        assert_ne!(tip, ended);
    };
    let other_branch = |repo: &TestRepo, _: &str| {
        let text =
            fs::read_to_string(note(repo)).expect("a note").replacen(" main\n", " other\n", 1);
        fs::write(note(repo), text).expect("a file");
    };
    let pack = git(&["pack-refs", "--all"]);
    // What is done, and whether the commit is still the session's.
    let cases: Vec<(&str, Change, bool)> = vec![
        ("it has ended", Box::new(end_by_hand), false),
        ("it is put aside", Box::new(run(&["suspend"])), false),
        ("it was deleted", Box::new(run(&["delete", "--force", "@"])), false),
        ("it has moved", Box::new(run(&["update", "--label", "a=b"])), true),
        ("no trailers", Box::new(git(&["config", "session.trailer", "false"])), false),
        ("no trailers, from another file", Box::new(include), false),
        ("another comment", Box::new(git(&["config", "core.commentString", "o"])), false),
        ("another branch", Box::new(move_to_other), true),
        ("HEAD is elsewhere", Box::new(git(&["reset", "-q", "--soft", "HEAD~"])), true),
        ("refs are packed", Box::new(pack), true),
        ("a squash", Box::new(write("SQUASH_MSG")), true),
        ("a cherry-pick", Box::new(git(&["update-ref", "CHERRY_PICK_HEAD", "HEAD"])), false),
        ("a lease", Box::new(write("session/leases/nobody's")), true),
        ("somebody follows", Box::new(write("session/following/1")), true),
        ("a note of nothing", Box::new(|repo, _| fs::write(note(repo), "").expect("a file")), true),
        ("a note of another branch", Box::new(other_branch), true),
    ];
    for (what, change, is_its) in cases {
        let (repo, id) = noted();
        fs::write(repo.home.path().join("more"), "").expect("a file");
        repo.git(&["config", "include.path", "~/more"]);
        age(&repo);
        let more = fs::File::options().write(true).open(repo.home.path().join("more"));
        let past = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
        more.and_then(|it| it.set_modified(past)).expect("a time");
        // Made before the settings changed; the next one is after that.
        told(&repo, &["-m", "one"]);
        assert_eq!(told(&repo, &["-m", "two"]), (id.clone(), true), "{what}");
        repo.settle();
        change(&repo, &id);
        let expected = if is_its { id } else { String::new() };
        assert_eq!(told(&repo, &["-m", "one more"]), (expected, false), "{what}");
    }
}

#[test]
fn what_a_call_says_of_itself_is_heard() {
    let (repo, id) = noted();
    let other = text(&repo.create(&["other"])["id"]).to_owned();
    assert_eq!(told(&repo, &["-m", "one"]), (id.clone(), true));
    let elsewhere = repo.home.path().join("elsewhere");
    fs::create_dir(&elsewhere).expect("a directory");
    let settings = "[session]\n\ttrailer = false\n[maintenance]\n\tauto = false\n";
    fs::write(elsewhere.join(".gitconfig"), settings).expect("a file");
    let elsewhere = elsewhere.to_string_lossy().into_owned();
    let file = format!("{elsewhere}/.gitconfig");
    for (name, value, is_named) in [
        ("GIT_CONFIG_PARAMETERS", "'session.trailer'='false'", false),
        ("GIT_CONFIG_GLOBAL", &file, false),
        ("GIT_SESSION", &other, false),
        ("GIT_SESSION_LEASE", "none", true),
    ] {
        repo.settle();
        let mut git = repo.git_command(&["commit", "-q", "--allow-empty", "-m", "told"]);
        git.env(name, value);
        Output::of(git, None).ok();
        let expected = if is_named { &*id } else { "" };
        assert_eq!((&*named(&repo, "HEAD"), was_answered(&repo)), (expected, false), "{name}");
    }
    let mut git = repo.git_command(&["commit", "-q", "--allow-empty", "-m", "told"]);
    git.env("HOME", &elsewhere).env_remove("GIT_CONFIG_GLOBAL");
    Output::of(git, None).ok();
    assert_eq!((named(&repo, "HEAD"), was_answered(&repo)), (String::new(), false));
}

#[test]
fn the_shell_puts_the_trailer_where_the_program_would_and_leaves_the_rest_to_it() {
    let (repo, id) = noted();
    let long = "x".repeat(900);
    for (message, expected, is_quick) in [
        ("one", "one\n\nID", true),
        ("one: two", "one: two\n\nID", true),
        ("one\ntwo: three", "one\ntwo: three\n\nID", true),
        (
            "a %s \\n $HOME `b` 'c' \"d\" * \u{2014}",
            "a %s \\n $HOME `b` 'c' \"d\" * \u{2014}\n\nID",
            true,
        ),
        ("\u{fc}ber\n\n- so: it\n- is", "\u{fc}ber\n\n- so: it\n- is\n\nID", true),
        ("one\n\nA: b\n\nbody", "one\n\nA: b\n\nbody\n\nID", true),
        ("one\n\nbody\n\nA-b: c\nD:e", "one\n\nbody\n\nA-b: c\nD:e\nID", true),
        ("one\n\nA: b\nSigned-off-by: c", "one\n\nA: b\nSigned-off-by: c\nID", true),
        ("one\n\nbody\nA: b", "one\n\nbody\nA: b\n\nID", false),
        ("one\n\nbody\nSigned-off-by: c", "one\n\nbody\nSigned-off-by: c\nID", false),
        ("one\n\nA: b\n  c", "one\n\nA: b\n  c\nID", false),
        ("one\n\nA : b", "one\n\nA : b\nID", false),
        ("one\n\nsession-id: other", "one\n\nsession-id: other", false),
        // What begins like a comment says nothing, so it gets nothing.
        ("#1 is done", "#1 is done", false),
        ("one\ttwo", "one\ttwo\n\nID", false),
        (&*long, &*format!("{long}\n\nID"), false),
    ] {
        assert_eq!(told(&repo, &["-m", message]).1, is_quick, "{message}");
        let said = repo.git(&["log", "-1", "--format=%B"]);
        assert_eq!(said.replace(&format!("Session-Id: {id}"), "ID").trim_end(), expected);
    }
    assert!(!told(&repo, &["--amend", "--no-edit"]).1);
}

#[test]
fn what_is_no_file_is_never_read() {
    let (repo, id) = noted();
    assert_eq!(told(&repo, &["-m", "one"]), (id.clone(), true));
    repo.settle();
    for name in ["session/answers", "session/starting", "session/running"] {
        let path = match name {
            "session/answers" => note(&repo),
            _ => repo.git_dir.join(name),
        };
        let _ = fs::remove_file(&path);
        symlink("nowhere", &path).expect("a link");
        repo.git(&["commit", "-q", "--allow-empty", "-m", "link"]);
        assert_eq!(named(&repo, "HEAD"), id, "{name}");
        repo.settle();
        let _ = fs::remove_file(&path);
        fs::create_dir(&path).expect("a directory");
        repo.git(&["commit", "-q", "--allow-empty", "-m", "directory"]);
        assert_eq!(named(&repo, "HEAD"), id, "{name}");
        repo.settle();
        fs::remove_dir(&path).expect("it is there");
    }
    told(&repo, &["-m", "again"]);
    assert_eq!(told(&repo, &["-m", "again"]), (id, true));
}

#[test]
fn one_that_git_has_not_waited_for_links_what_was_made_before_it_began() {
    for cut in [false, true] {
        let (repo, id) = noted();
        let log = repo.git_dir.join("logs/HEAD");
        let n_bytes = fs::metadata(&log).expect("a log").len().to_string();
        let old = repo.rev("HEAD");
        let message = format!("late\n\nSession-Id: {id}");
        let no_hooks = ["-c", "core.hooksPath=/dev/null", "commit", "-q", "--allow-empty", "-m"];
        repo.git(&[&no_hooks[..], &[&message]].concat());
        let made = repo.rev("HEAD");
        // Another one that came after, and names nobody.
        repo.git(&[&no_hooks[..], &["silent"]].concat());
        if cut {
            let text = fs::read_to_string(&log).expect("a log");
            let lines: Vec<&str> = text.lines().collect();
            let rest = lines[lines.len() - 2..].join("\n");
            fs::write(&log, format!("{rest}\n")).expect("a file");
        }
        let gone = {
            let mut child = std::process::Command::new("true").spawn().expect("a program");
            child.wait().expect("it ends");
            child.id().to_string()
        };
        let words = ["hook", "prepare-commit-msg", ".git/COMMIT_EDITMSG", "message", "--told"];
        let told = [&n_bytes, &old, &id, "main", "--git", &gone];
        repo.run(&[&words[..], &told].concat()).ok();
        assert_eq!(linked(&repo, &id)[1], made, "{cut}");
        assert_eq!(text(&links(&repo, &id)[1]["known_by"]), "hook", "{cut}");
        assert_eq!(named(&repo, "HEAD"), "");
    }
}

#[test]
fn one_that_was_killed_before_it_could_note_anything_is_made_up_for() {
    let (repo, id) = noted();
    let kill = "#!/bin/sh\nread -r pid <.git/session/starting; kill -9 \"$pid\"\n";
    executable(&repo.git_dir.join("hooks/post-commit"), kill);
    assert_eq!(told(&repo, &["-m", "one"]), (id.clone(), true));
    let first = repo.rev("HEAD");
    fs::remove_file(repo.git_dir.join("hooks/post-commit")).expect("it is there");
    let second = commit(&repo, "2", &["-m", "two"]);
    assert_eq!(linked(&repo, &id)[1..], [first, second]);
    assert_eq!(texts(&links(&repo, &id).into(), "known_by"), ["hook", "reflog", "hook"]);
}

#[test]
fn a_command_in_a_hook_of_the_same_git_does_not_wait_and_one_behind_it_does() {
    let (repo, id) = noted();
    let called = format!("#!/bin/sh\n'{PROGRAM}' update --label a=b && echo done >called\n");
    executable(&repo.git_dir.join("hooks/post-commit"), &called);
    for n in 0..5 {
        was_answered(&repo);
        repo.git(&["commit", "-q", "--allow-empty", "-m", &n.to_string()]);
        assert_eq!(fs::read_to_string(repo.root.join("called")).expect("called"), "done\n");
        // Whoever asks next sees it.
        let shown = repo.run(&["show", &id, "--commits", "--json"]).json();
        let made = texts(&shown["commits"], "commit");
        assert_eq!((made.len(), made.last()), (n + 2, Some(&repo.rev("HEAD"))));
        assert_eq!(texts(&shown["commits"], "known_by"), vec!["hook"; n + 2]);
    }
}

#[test]
fn nothing_is_noted_where_the_shell_could_not_tell() {
    let odd = Kind { hash: "sha1", refs: "reftable" };
    if kinds().contains(&odd) {
        let installed = Installed::new(odd, Git::Old);
        start(&installed.repo, &["work"]);
        installed.commit("file", "1", &["-m", "one"]);
        installed.repo.settle();
        assert!(!installed.repo.git_dir.join("session/answers").exists());
    }
    for (name, value) in [
        ("session.trailer", "false"),
        ("core.commentString", "x"),
        ("include.path", "~nobody/x"),
        ("include.path", "%(prefix)/x"),
    ] {
        let repo = TestRepo::new();
        hook(&repo);
        repo.git(&["config", name, value]);
        start(&repo, &["work"]);
        commit(&repo, "1", &["-m", "one"]);
        repo.settle();
        assert!(!repo.git_dir.join("session/answers").exists(), "{name} {value}");
    }
}
