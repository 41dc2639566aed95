//! What goes along with `git push`.

use std::path::PathBuf;

use super::gits::Git;
use super::harness::{Output, PLAIN, TestRepo, executable};
use super::hooked::start;
use super::installed::Installed;

/// Makes an empty repository beside, and the remote `origin` for it.
fn remote(repo: &TestRepo) -> PathBuf {
    let path = repo.home.path().join("remote.git");
    repo.git(&["init", "-q", "--bare", &path.to_string_lossy()]);
    repo.git(&["remote", "add", "origin", "../remote.git"]);
    path
}

/// Returns the sessions that the remote has, with their newest commits.
fn there(repo: &TestRepo, remote: &PathBuf) -> String {
    let mut git =
        repo.git_command(&["for-each-ref", "--format=%(refname) %(objectname)", "refs/sessions"]);
    git.current_dir(remote);
    Output::of(git, None).ok().stdout
}

fn here(repo: &TestRepo, id: &str) -> String {
    format!("refs/sessions/{id} {}\n", repo.rev(&format!("refs/sessions/{id}")))
}

#[test]
fn the_sessions_that_made_what_is_pushed_go_along_if_wanted() {
    for git in [Git::Old, Git::New] {
        let installed = Installed::new(PLAIN, git);
        let repo = &installed.repo;
        let remote = remote(repo);
        let id = start(repo, &["work"]);
        let first = installed.commit("file", "1", &["-m", "one"]);
        installed.git(&["push", "-q", "origin", "main"]);
        assert_eq!(there(repo, &remote), "", "nobody wanted it");
        repo.git(&["config", "session.push", "true"]);
        repo.create(&["of no commit"]);
        installed.commit("file", "2", &["-m", "two"]);
        installed.git(&["push", "-q", "origin", "main", &format!("{first}:refs/heads/old")]);
        assert_eq!(there(repo, &remote), here(repo, &id));
        // What is only claimed is not believed.
        let other = start(repo, &["other"]);
        repo.run(&["suspend"]).ok();
        let claim = format!("three\n\nSession-Id: {other}");
        installed.commit("file", "3", &["-m", &claim]);
        installed.git(&["push", "-q", "origin", "main", ":old"]);
        assert_eq!(there(repo, &remote), here(repo, &id));
    }
}

#[test]
fn a_push_succeeds_though_its_sessions_can_not_be_sent() {
    let installed = Installed::new(PLAIN, Git::Old);
    let repo = &installed.repo;
    let remote = remote(repo);
    repo.git(&["config", "session.push", "true"]);
    repo.git(&["config", "session.redact", "false"]);
    let push = |contents: &str| {
        let made = installed.commit("file", contents, &["-m", contents]);
        let said = installed.edit(":", &["push", "-q", "origin", "main"]).ok().stderr;
        let mut git = repo.git_command(&["rev-parse", "main"]);
        git.current_dir(&remote);
        assert_eq!(Output::of(git, None).ok().stdout.trim(), made);
        assert_eq!(there(repo, &remote), "", "{contents}");
        said
    };
    let refusing = remote.join("hooks/update");
    executable(&refusing, "#!/bin/sh\ncase $1 in refs/sessions/*) exit 1 ;; esac\n");
    let id = start(repo, &["work"]);
    let said = push("refused there");
    assert!(said.contains(&format!("warning: session {id} was not sent: ")), "{said}");
    std::fs::remove_file(refusing).expect("there");
    let token = ["gh", "p_", "q8Zk2Lx7Rt5Vb9Nc3Wd6Fg1Hs4Mp0QeYuIoP"].concat();
    repo.run(&["record", "--role", "user", "--message", &token]).ok();
    let said = push("a secret");
    assert!(
        said.starts_with("warning: sessions were not sent: ") && !said.contains(&token),
        "{said}"
    );
}
