//! Git goes on where ours can not.

use std::process::Command;

use super::gits::Git;
use super::harness::{Output, PLAIN, PROGRAM, TestRepo};
use super::hooked::{commit, hook, linked, named, start};
use super::installed::Installed;
use super::left::hold_locks;

/// Runs a script of the shell in the repository, where it may mount file systems that nobody else sees.
fn where_it_may_mount(repo: &TestRepo, script: &str) -> Output {
    let git = repo.git_command(&[]);
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-euc", script]);
    command.current_dir(&repo.root).env_clear();
    command.envs(git.get_envs().filter_map(|(key, value)| Some((key, value?))));
    Output::of(command, None)
}

#[test]
fn a_commit_lands_where_nothing_can_be_written_for_its_session() {
    let full = |dir: &str| {
        format!(
            "cp -r .git/{dir} ../kept; mount -t tmpfs -o size=4m none .git/{dir}; cp -r ../kept/. .git/{dir}\n\
             cat /dev/zero >.git/{dir}/full 2>/dev/null || :; rm -r ../kept"
        )
    };
    let sealed = "for dir in session objects/pack refs/sessions; do mount --bind .git/$dir .git/$dir\n\
                  mount -o remount,bind,ro .git/$dir; done; ! touch .git/session/x 2>/dev/null";
    let scripts = [&full("objects/pack"), &full("session"), &full("refs/sessions"), sealed];
    let installed = Installed::new(PLAIN, Git::Old);
    let repo = &installed.repo;
    let id = start(repo, &["work"]);
    if where_it_may_mount(repo, "mount -t tmpfs none .git/hooks").status != 0 {
        eprintln!("skipped: this system lets nobody mount a file system");
        return;
    }
    let mut made = vec![installed.commit("file", "before", &["-m", "before"])];
    for (script, n) in scripts.iter().zip(0..) {
        repo.write("file", n.to_string());
        // What is noted there is seen there.
        let git = format!(
            "git add file; git commit -q -m trouble; '{PROGRAM}' list >/dev/null 2>&1 || :"
        );
        repo.settle();
        let output = where_it_may_mount(repo, &format!("{script}\n{git}")).ok();
        assert_eq!((&*output.stdout, &*output.stderr), ("", ""), "{script}");
        made.push(repo.rev("HEAD"));
        assert_ne!(made[made.len() - 2], made[made.len() - 1], "{script}");
        assert_eq!(named(repo, "HEAD"), id, "{script}");
        // Who comes when git has ended need not note anything.
        let is_late = script.contains(".git/session;") && linked(repo, &id).len() == made.len();
        assert!(is_late || linked(repo, &id).len() == made.len() - 1, "{script}");
        // What was not recorded, the next hook makes up for.
        made.push(installed.commit("file", &format!("after {n}"), &["-m", "after"]));
        assert_eq!(linked(repo, &id), made, "{script}");
    }
}

#[test]
fn a_commit_does_not_wait_for_who_holds_the_lock_for_ever() {
    let repo = TestRepo::new();
    hook(&repo);
    let id = start(&repo, &["work"]);
    let held = hold_locks(&repo);
    let mut git = repo.git_command(&["commit", "-q", "--allow-empty", "-m", "held up"]);
    git.env("GIT_SESSION_HOOK_TIMEOUT", "50");
    let output = Output::of(git, None).ok();
    assert_eq!((&*output.stdout, &*output.stderr), ("", ""));
    let silent = repo.rev("HEAD");
    assert_eq!(
        (repo.git(&["log", "-1", "--format=%s"]), linked(&repo, &id)),
        ("held up".into(), vec![])
    );
    drop(held);
    let last = commit(&repo, "1", &["-m", "free"]);
    assert_eq!(linked(&repo, &id), [silent, last]);
}
