//! What `init` installs, with the real program behind it.

use std::path::PathBuf;

use super::gits::{Git, is_played, path_with, put_git};
use serde_json::Value;

use super::harness::{Kind, Output, PLAIN, PROGRAM, TestRepo, kinds, text, texts};
use super::hooked::{age, linked, named, start};

/// A repository after `init`, and the git that runs its hooks.
pub struct Installed {
    pub repo: TestRepo,
    bin: PathBuf,
}

impl Installed {
    pub fn new(kind: Kind, git: Git) -> Installed {
        Installed::of(TestRepo::of(kind), git)
    }

    fn of(repo: TestRepo, git: Git) -> Installed {
        let bin = put_git(&repo, git);
        repo.cmd(&["init"]).env("PATH", path_with(&[&bin])).run().ok();
        age(&repo);
        Installed { repo, bin }
    }

    /// Runs git, with a script as the editor.
    pub fn edit(&self, editor: &str, args: &[&str]) -> Output {
        let mut git = self.repo.git_command(args);
        let editor = self.repo.script("editor", &format!("#!/bin/sh\n{editor}\n"));
        git.env("PATH", path_with(&[&self.bin])).env("GIT_EDITOR", editor);
        Output::of(git, None)
    }

    /// Runs git, which must succeed and have nothing to say on standard error.
    #[track_caller]
    pub fn git(&self, args: &[&str]) {
        let output = self.edit(":", args).ok();
        assert_eq!(output.stderr, "", "{args:?}");
    }

    /// Changes a file and commits it; returns the commit.
    #[track_caller]
    pub fn commit(&self, file: &str, contents: &str, args: &[&str]) -> String {
        self.repo.write(file, contents);
        self.repo.git(&["add", file]);
        self.git(&[&["commit", "-q"], args].concat());
        self.repo.rev("HEAD")
    }
}

#[test]
fn after_init_commits_and_their_session_know_each_other_however_they_are_made() {
    let odd = Kind { hash: "sha256", refs: "reftable" };
    for (kind, git) in [(PLAIN, Git::Old), (PLAIN, Git::New), (odd, Git::Old)] {
        if !kinds().contains(&kind) {
            continue;
        }
        let installed = Installed::new(kind, git);
        let repo = &installed.repo;
        let id = start(repo, &["work"]);
        let one = installed.commit("file", "1", &["-m", "one"]);
        // Written in an editor, and left empty there.
        repo.write("file", "2");
        repo.git(&["add", "file"]);
        assert_eq!(installed.edit(":", &["commit", "-q"]).status, 1);
        assert_eq!(repo.rev("HEAD"), one);
        let write = r#"printf 'two\n' | cat - "$1" >"$1.new" && mv "$1.new" "$1""#;
        installed.edit(write, &["commit", "-q"]).ok();
        assert_eq!(repo.git(&["log", "-1", "--format=%B"]), format!("two\n\nSession-Id: {id}"));
        let two = repo.rev("HEAD");
        let amended = installed.commit("file", "3", &["--amend", "--no-edit"]);
        installed.git(&["switch", "-q", "-c", "side"]);
        let side = installed.commit("other", "1", &["-m", "side"]);
        installed.git(&["switch", "-q", "main"]);
        let main = installed.commit("file", "4", &["-m", "main"]);
        installed.git(&["merge", "-q", "--no-ff", "--no-edit", "side"]);
        let merged = repo.rev("HEAD");
        installed.git(&["switch", "-q", "-c", "topic", &main]);
        let topic = installed.commit("third", "1", &["-m", "topic"]);
        installed.git(&["rebase", "-q", "main"]);
        let rebased = repo.rev("HEAD");
        for commit in [&one, &amended, &side, &main, &merged, &topic, &rebased] {
            assert_eq!(named(repo, commit), id, "{kind:?} {git:?}");
        }
        let shown = repo.show(&id)["commits"].clone();
        let all = [&one, &two, &amended, &side, &main, &merged, &topic, &rebased];
        assert_eq!(texts(&shown, "commit"), all.map(String::as_str), "{kind:?} {git:?}");
        assert_eq!(text(&shown[1]["replaced_by"]), &*amended);
        assert_eq!(shown[0]["replaced_by"], Value::Null);
        assert_eq!(text(&shown[2]["subject"]), "two");
        let told = repo.run(&["show", &id, "--commits", "--json"]).json();
        assert_eq!(told["commits"], shown, "there is one shape of a commit");
        let events = repo.run(&["log", &id, "--type", "commit", "--oneline"]).ok().stdout;
        assert_eq!(events.lines().count(), 8, "{events}");
        assert_eq!(text(&shown[6]["replaced_by"]), rebased);
        assert_eq!(text(&shown[7]["known_by"]), "rewrite");
        let page = repo.run(&["show", &id]).ok().stdout;
        assert!(page.contains("\nCommits:    6 (and 2 that were replaced)\n"), "{page}");
        // Who comes back to a branch finds its session.
        let other = start(repo, &["other"]);
        let last = installed.commit("third", "2", &["-m", "last"]);
        installed.git(&["switch", "-q", "main"]);
        assert_eq!(text(&repo.run(&["show", "--json"]).json()["id"]), id);
        assert_eq!((linked(repo, &other), linked(repo, &id).len()), (vec![last.clone()], 8));
        assert_eq!(repo.titles(&["--commit", &last]), ["other"]);
        assert_eq!(repo.titles(&["--commit", &side]), ["work"]);
    }
}

#[test]
fn a_commit_without_a_trailer_leads_to_who_recorded_it_and_a_wrong_trailer_does_not() {
    let installed = Installed::new(PLAIN, Git::Old);
    let repo = &installed.repo;
    let other = text(&repo.create(&["other"])["id"]).to_owned();
    let id = start(repo, &["work"]);
    repo.git(&["config", "session.trailer", "false"]);
    let plain = installed.commit("file", "1", &["-m", "plain"]);
    let forged = format!("forged\n\nSession-Id: {other}");
    let forged = installed.commit("file", "2", &["-m", &forged]);
    for commit in [&plain, &forged] {
        assert_eq!(text(&repo.show(commit)["id"]), id);
    }
    // Of one that nobody recorded there is but the claim.
    let tree = repo.rev("HEAD~2^{tree}");
    let message = format!("claim\n\nSession-Id: {other}");
    let claim = repo.git(&["commit-tree", "-p", "HEAD", "-m", &message, &tree]);
    assert_eq!(text(&repo.show(&claim)["id"]), other);
}

#[test]
fn the_hook_of_a_message_has_no_part_in_a_commit_without_an_editor_where_it_can_be_put_later() {
    // A git that is played looks for hooks elsewhere.
    for git in [Git::Old, Git::New].into_iter().filter(|git| !is_played(*git)) {
        let repo = TestRepo::new();
        let hooks = repo.git_dir.join("hooks");
        std::fs::create_dir_all(&hooks).expect("a directory");
        let installed = Installed::of(repo, git);
        let repo = &installed.repo;
        let config = || std::fs::read_to_string(repo.git_dir.join("session/config")).expect("ours");
        assert!(!config().contains("[hook \"git-session-commit-msg\"]"), "{git:?}");
        let id = start(repo, &["work"]);
        let seen = repo.home.path().join("seen");
        let write = format!("ls .git/hooks >'{}'; echo two >\"$1\"", seen.display());
        installed.edit(&write, &["commit", "-q", "--allow-empty"]).ok();
        assert_eq!(repo.git(&["log", "-1", "--format=%B"]), format!("two\n\nSession-Id: {id}"));
        let seen = std::fs::read_to_string(seen).expect("a file");
        assert!(seen.lines().any(|it| it == "commit-msg"), "{git:?} {seen}");
        repo.settle();
        assert!(!hooks.join("commit-msg").exists(), "{git:?}");
        assert_eq!(linked(repo, &id), [repo.rev("HEAD")], "{git:?}");
        // Done again while an editor is open, it takes nothing away.
        let path = path_with(&[&installed.bin]);
        let path = path.to_string_lossy();
        let again = format!("PATH='{path}' '{PROGRAM}' init -q; echo three >\"$1\"");
        installed.edit(&again, &["commit", "-q", "--allow-empty"]).ok();
        assert_eq!(repo.git(&["log", "-1", "--format=%B"]), format!("three\n\nSession-Id: {id}"));
    }
}
