//! Who stays behind a git that runs, and what it makes of what that git does.

use std::fs;

use super::gits::Git;
use super::harness::{Kind, Output, PLAIN, PROGRAM, TestRepo, executable, kinds, text, texts};
use super::hooked::{commit, edit, hook, linked, links, named, start};
use super::installed::Installed;

/// Returns who is noted as following a git.
fn following(repo: &TestRepo) -> usize {
    fs::read_dir(repo.git_dir.join("session/following")).map_or(0, Iterator::count)
}

#[test]
fn a_command_never_waits_for_a_git_that_runs() {
    let repo = TestRepo::new();
    hook(&repo);
    let id = start(&repo, &["work"]);
    let called = format!(
        "'{PROGRAM}' list --json >/dev/null && '{PROGRAM}' next && '{PROGRAM}' update --label a=b && echo done >called"
    );
    executable(&repo.git_dir.join("hooks/post-commit"), &format!("#!/bin/sh\n{called}\n"));
    let begun = std::time::Instant::now();
    let mut git = repo.git_command(&["commit", "-q", "--allow-empty", "--no-edit", "-m", "one"]);
    git.env("GIT_SESSION_HOOK_TIMEOUT", "60000");
    Output::of(git, None).ok();
    assert!(begun.elapsed() < std::time::Duration::from_secs(30));
    assert_eq!(fs::read_to_string(repo.root.join("called")).expect("called"), "done\n");
    assert_eq!(repo.show(&id)["status"], "terminated");
    // It was made while the session was worked on, whatever was done then.
    let found = links(&repo, &id);
    assert_eq!((linked(&repo, &id), text(&found[0]["known_by"])), (vec![repo.rev("HEAD")], "hook"));
    assert_eq!(following(&repo), 0);
}

#[test]
fn a_commit_that_was_given_up_leaves_nothing_behind() {
    let repo = TestRepo::new();
    hook(&repo);
    let id = start(&repo, &["work"]);
    let made = commit(&repo, "1", &["-m", "one"]);
    executable(&repo.git_dir.join("hooks/commit-msg"), "#!/bin/sh\nexit 1\n");
    repo.settle();
    let before = repo.refs();
    for args in [&["-m", "no"][..], &["--amend", "-m", "no"], &["--amend", "--no-edit"]] {
        let args = [&["commit", "-q", "--allow-empty"], args].concat();
        assert!(!edit(&repo, ":", &args), "{args:?}");
        repo.settle();
        assert_eq!((repo.refs(), following(&repo)), (before.clone(), 0));
    }
    assert_eq!(linked(&repo, &id), [made]);
}

#[test]
fn what_another_session_commits_while_an_editor_is_open_is_its_own() {
    for (has_trailer, ends) in
        [(true, "exit 1"), (false, "exit 1"), (true, "echo x >\"$1\""), (false, "echo x >\"$1\"")]
    {
        let repo = TestRepo::new();
        hook(&repo);
        repo.git(&["config", "session.trailer", &has_trailer.to_string()]);
        let other = start(&repo, &["other"]);
        let id = start(&repo, &["work"]);
        commit(&repo, "0", &["-m", "zero"]);
        // Git fails if HEAD is not where it was, whatever was written.
        let meanwhile = format!(
            "unset GIT_INDEX_FILE GIT_EDITOR\nGIT_SESSION={other} git commit -q --allow-empty -m 'x'\n\
             '{PROGRAM}' list >/dev/null\n'{PROGRAM}' update {id} --label a=b\n{ends}"
        );
        repo.write("file", "1");
        repo.git(&["add", "file"]);
        assert!(!edit(&repo, &meanwhile, &["commit", "-q"]), "{has_trailer} {ends}");
        let theirs = repo.rev("HEAD");
        assert_eq!(repo.git(&["log", "-1", "--format=%s"]), "x");
        assert_eq!(linked(&repo, &other), [theirs.as_str()], "{has_trailer} {ends}");
        assert_eq!(linked(&repo, &id).len(), 1, "{has_trailer} {ends}");
        // Nor does the next look take it for what was worked on.
        let next = commit(&repo, "2", &["-m", "next"]);
        assert_eq!(linked(&repo, &id)[1..], [next], "{has_trailer} {ends}");
        assert_eq!(linked(&repo, &other), [theirs], "{has_trailer} {ends}");
    }
}

#[test]
fn what_one_git_makes_in_a_row_is_recorded_at_its_end() {
    for kind in kinds() {
        let repo = TestRepo::of(*kind);
        hook(&repo);
        let id = start(&repo, &["work"]);
        let mut made: Vec<String> = ["1", "2", "3"]
            .map(|n| {
                repo.write(n, n);
                repo.git(&["add", n]);
                commit(&repo, n, &["-m", n])
            })
            .to_vec();
        repo.git(&["revert", "--no-edit", "HEAD", "HEAD~", "HEAD~2"]);
        made.extend(["HEAD~2", "HEAD~", "HEAD"].map(|it| repo.rev(it)));
        assert_eq!(linked(&repo, &id), made, "{kind:?}");
        assert_eq!(texts(&links(&repo, &id).into(), "known_by"), ["hook"; 6], "{kind:?}");
        assert_eq!(named(&repo, "HEAD"), id);
        assert_eq!(following(&repo), 0);
    }
}

#[test]
fn a_message_that_was_written_without_a_trailer_leads_to_its_session_all_the_same() {
    let repo = TestRepo::new();
    hook(&repo);
    repo.git(&["config", "session.trailer", "false"]);
    let id = start(&repo, &["work"]);
    let mut made = Vec::new();
    let write = "printf 'subject  \\n\\n\\n\\n# no\\n body\\n' >\"$1\"";
    for args in [&[][..], &["--cleanup=verbatim"], &["--amend"], &["-c", "HEAD"]] {
        repo.write("file", format!("{args:?}"));
        repo.git(&["add", "file"]);
        assert!(edit(&repo, write, &[&["commit", "-q"], args].concat()), "{args:?}");
        made.push(repo.rev("HEAD"));
    }
    assert_eq!((linked(&repo, &id), named(&repo, "HEAD")), (made, String::new()));
    let found = links(&repo, &id);
    assert_eq!(texts(&found.clone().into(), "known_by"), ["hook"; 4]);
    assert_eq!(found[2]["replaces"][0], found[1]["commit"]);
}

#[test]
fn one_that_was_killed_is_made_up_for() {
    let repo = TestRepo::new();
    hook(&repo);
    let id = start(&repo, &["work"]);
    let kill = "kill -9 $(sed -n '2s/ .*//p' .git/session/following/*)";
    executable(&repo.git_dir.join("hooks/post-commit"), &format!("#!/bin/sh\n{kill}\n"));
    let first = commit(&repo, "1", &["-m", "one"]);
    assert_eq!(following(&repo), 1, "nobody was left to remove it");
    fs::remove_file(repo.git_dir.join("hooks/post-commit")).expect("it is there");
    let second = commit(&repo, "2", &["-m", "two"]);
    assert_eq!(linked(&repo, &id), [first, second]);
    assert_eq!(texts(&links(&repo, &id).into(), "known_by"), ["reflog", "hook"]);
    assert_eq!(following(&repo), 0);
}

#[test]
fn who_is_told_by_a_script_between_finds_the_git_above_it_and_without_one_nobody_stays() {
    let repo = TestRepo::new();
    hook(&repo);
    let id = start(&repo, &["work"]);
    let (own, moved) = ("hooks/prepare-commit-msg", "hooks/ours");
    fs::rename(repo.git_dir.join(own), repo.git_dir.join(moved)).expect("moved");
    let script = format!("#!/bin/sh\nsh -c '\"$0\" \"$@\"; :' '.git/{moved}' \"$@\"\n");
    executable(&repo.git_dir.join(own), &script);
    let made = commit(&repo, "1", &["-m", "one"]);
    assert_eq!((linked(&repo, &id), named(&repo, "HEAD")), (vec![made.clone()], id.clone()));
    assert_eq!(text(&links(&repo, &id)[0]["known_by"]), "hook");
    // As another implementation of git would do: what it makes is found afterwards.
    let message = repo.root.join(".git/COMMIT_EDITMSG");
    fs::write(&message, "two\n").expect("a file");
    let mut hook = std::process::Command::new(repo.git_dir.join(moved));
    hook.args([".git/COMMIT_EDITMSG", "message"]).current_dir(&repo.root);
    Output::of(hook, None).ok();
    assert_eq!(following(&repo), 0);
    let args = ["commit", "-q", "--allow-empty", "-F", ".git/COMMIT_EDITMSG"];
    repo.git(&[&["-c", "core.hooksPath=/dev/null"][..], &args].concat());
    let silent = repo.rev("HEAD");
    let last = commit(&repo, "3", &["-m", "three"]);
    assert_eq!(linked(&repo, &id), [made, silent, last]);
}

#[test]
fn a_commit_is_recorded_where_something_says_whose_it_may_be_and_where_refs_are_no_files() {
    let reftable = Kind { hash: "sha1", refs: "reftable" };
    for kind in [PLAIN, reftable].into_iter().filter(|it| kinds().contains(it)) {
        let installed = Installed::new(kind, Git::Old);
        let repo = &installed.repo;
        let id = start(repo, &["work"]);
        let lease = repo.git_dir.join("session/leases/nobody's");
        fs::create_dir_all(lease.parent().expect("a directory")).expect("a directory");
        fs::write(&lease, "").expect("a file");
        let mut made = vec![installed.commit("file", "1", &["-m", "one"])];
        assert_eq!(linked(repo, &id), made);
        fs::remove_file(&lease).expect("it is there");
        repo.git(&["config", "core.logAllRefUpdates", "false"]);
        made.push(installed.commit("file", "2", &["-m", "two"]));
        assert_eq!(linked(repo, &id), made);
        // Where nothing can be noted, the next one makes up for it.
        let following = repo.git_dir.join("session/following");
        fs::remove_dir_all(&following).expect("it is there");
        fs::write(&following, "").expect("a file");
        made.push(installed.commit("file", "3", &["-m", "three"]));
        fs::remove_file(&following).expect("it is there");
        made.push(installed.commit("file", "4", &["-m", "four"]));
        assert_eq!(linked(repo, &id), made);
    }
}

/// Returns the names of all files in git's directory of hooks.
fn hooks(repo: &TestRepo) -> Vec<String> {
    let all = fs::read_dir(repo.git_dir.join("hooks")).into_iter().flatten().flatten();
    let mut all: Vec<String> =
        all.map(|it| it.file_name().to_string_lossy().into_owned()).collect();
    all.sort();
    all
}

/// Writes a message and does something else before.
fn write_after(what: &str) -> String {
    format!("unset GIT_INDEX_FILE\n{what}\nprintf 'edited\\n' >\"$1\"")
}

/// Commits a change with an editor; returns the commit.
fn write(repo: &TestRepo, editor: &str) -> String {
    repo.write("file", repo.rev("HEAD"));
    repo.git(&["add", "file"]);
    assert!(edit(repo, editor, &["commit", "-q"]), "{editor}");
    repo.settle();
    repo.rev("HEAD")
}

#[test]
fn the_hook_of_a_message_is_there_while_an_editor_is_open() {
    for kind in kinds() {
        let repo = TestRepo::of(*kind);
        hook(&repo);
        let id = start(&repo, &["work"]);
        let before = hooks(&repo);
        assert!(!before.contains(&"commit-msg".to_owned()));
        let linked_tree = repo.worktree("linked");
        // Another one is open meanwhile, in another work tree.
        let inner = repo.script("inner", "#!/bin/sh\necho inner >\"$1\"\n");
        let both = write_after(&format!(
            "test -x '{dir}/hooks/commit-msg' && cp '{dir}/hooks/commit-msg' '{dir}/copy' &&\n\
             (unset GIT_DIR; cd '{tree}' && GIT_SESSION={id} GIT_EDITOR='{inner}' git commit -q --allow-empty) &&\n\
             '{PROGRAM}' list >/dev/null && cmp '{dir}/hooks/commit-msg' '{dir}/copy' || exit 1",
            dir = repo.git_dir.display(),
            tree = linked_tree.display(),
        ));
        let made = write(&repo, &both);
        assert_eq!((named(&repo, "HEAD"), named(&repo, "linked")), (id.clone(), id.clone()));
        let mut all = linked(&repo, &id);
        all.sort();
        let mut expected = [made, repo.rev("linked")];
        expected.sort();
        assert_eq!((all, hooks(&repo)), (expected.to_vec(), before), "{kind:?}");
        assert_eq!(texts(&links(&repo, &id).into(), "known_by"), ["hook"; 2]);
    }
}

#[test]
fn a_hook_of_a_message_that_is_not_ours_stays_and_one_that_was_left_behind_goes() {
    let repo = TestRepo::new();
    hook(&repo);
    let id = start(&repo, &["work"]);
    let before = hooks(&repo);
    let path = repo.git_dir.join("hooks/commit-msg");
    for foreign in
        ["printf '#!/bin/sh\\n' >.git/hooks/commit-msg", "echo '# more' >>.git/hooks/commit-msg"]
    {
        write(&repo, &write_after(foreign));
        assert!(path.exists(), "{foreign}");
        fs::remove_file(&path).expect("it is there");
    }
    write(&repo, &write_after("kill -9 $(sed -n '2s/ .*//p' .git/session/following/*)"));
    assert_eq!(named(&repo, "HEAD"), id);
    assert!(path.exists(), "nobody was left to take it away");
    commit(&repo, "last", &["-m", "last"]);
    repo.settle();
    assert_eq!(hooks(&repo), before);
    assert_eq!(linked(&repo, &id).len(), 4);
}

#[test]
fn init_and_its_undoing_know_the_hook_of_a_message_while_an_editor_is_open() {
    let repo = TestRepo::new();
    let samples = hooks(&repo);
    hook(&repo);
    let id = start(&repo, &["work"]);
    let before = hooks(&repo);
    write(&repo, &write_after(&format!("'{PROGRAM}' init --hooks=files -q || exit 1")));
    assert_eq!((named(&repo, "HEAD"), hooks(&repo)), (id.clone(), before));
    write(&repo, &write_after(&format!("'{PROGRAM}' init --undo -q || exit 1")));
    assert_eq!((named(&repo, "HEAD"), hooks(&repo)), (String::new(), samples));
    // As an older program installed it: it goes.
    hook(&repo);
    let text = fs::read_to_string(repo.git_dir.join("hooks/prepare-commit-msg")).expect("a hook");
    let text = text.replace("hook prepare-commit-msg \"$@\"\n# ", "hook commit-msg \"$@\"\n# ");
    executable(&repo.git_dir.join("hooks/commit-msg"), &text);
    hook(&repo);
    assert!(!repo.git_dir.join("hooks/commit-msg").exists());
}

#[test]
fn a_commit_of_another_author_with_the_very_message_is_not_taken_for_the_one_that_failed() {
    for (author, known_by) in [("Else", "reflog"), ("", "hook")] {
        let repo = TestRepo::new();
        hook(&repo);
        repo.git(&["config", "session.trailer", "false"]);
        let id = start(&repo, &["work"]);
        let meanwhile = format!(
            "#!/bin/sh\nunset GIT_INDEX_FILE\n${{1:+{}}} \\\n\
             git -c core.hooksPath=/dev/null commit -q --allow-empty -m same\nexit 1\n",
            if author.is_empty() { "env".into() } else { format!("env GIT_AUTHOR_NAME={author}") },
        );
        executable(&repo.git_dir.join("hooks/commit-msg"), &meanwhile);
        assert!(!edit(&repo, ":", &["commit", "-q", "--allow-empty", "-m", "same"]));
        let found = links(&repo, &id);
        assert_eq!(linked(&repo, &id), [repo.rev("HEAD")], "{author:?}");
        assert_eq!(text(&found[0]["known_by"]), known_by, "{author:?}");
    }
}
