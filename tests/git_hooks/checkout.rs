use super::harness::{TestRepo, for_each_kind, kinds, text};
use super::hooked::{commit, hook_by_hand, linked, start};

/// Returns the session that is current in the repository.
fn current(repo: &TestRepo) -> String {
    repo.git(&["symbolic-ref", "refs/worktree/session"]).replace("refs/sessions/", "")
}

#[test]
fn who_comes_back_to_a_branch_finds_its_session() {
    for kind in kinds() {
        let repo = TestRepo::of(*kind);
        commit(&repo, "0", &["-m", "zero"]);
        hook_by_hand(&repo);
        let main = start(&repo, &["main"]);
        // A branch that is new takes the session along.
        repo.git(&["switch", "-q", "-c", "feature"]);
        assert_eq!(current(&repo), main);
        let feature = start(&repo, &["feature"]);
        repo.git(&["switch", "-q", "main"]);
        assert_eq!(current(&repo), main);
        repo.git(&["switch", "-q", "feature"]);
        assert_eq!(current(&repo), feature);
        let before = repo.refs();
        repo.git(&["checkout", "-q", "HEAD", "--", "file"]);
        repo.git(&["checkout", "-q", "--detach"]);
        assert_eq!(repo.refs(), before);
        // One that has ended does not come back.
        repo.git(&["switch", "-q", "feature"]);
        repo.run(&["finish", &main]).ok();
        repo.git(&["switch", "-q", "main"]);
        assert_eq!(current(&repo), feature);
        for session in [&main, &feature] {
            assert_eq!(linked(&repo, session), [""; 0]);
        }
        repo.check();
    }
}

#[test]
fn a_session_whose_branch_is_left_is_put_aside_if_wanted_and_taken_up_again() {
    let repo = TestRepo::new();
    hook_by_hand(&repo);
    repo.git(&["config", "session.onCheckout", "suspend"]);
    let status = |id: &str| text(&repo.show(id)["status"]).to_owned();
    let main = start(&repo, &["main"]);
    let made = repo.start(&["feature", "-b"]);
    let feature = text(&made["id"]);
    repo.git(&["switch", "-q", "main"]);
    assert_eq!(
        (current(&repo), status(&main), status(feature)),
        (main.clone(), "running".into(), "suspended".into())
    );
    repo.git(&["switch", "-q", text(&made["branch"])]);
    assert_eq!(
        (current(&repo), status(&main), status(feature)),
        (feature.into(), "suspended".into(), "running".into())
    );
    // Who put it aside by hand takes it up by hand.
    repo.run(&["suspend", "-m", "later"]).ok();
    repo.git(&["switch", "-q", "main"]);
    repo.git(&["switch", "-q", text(&made["branch"])]);
    assert_eq!(status(feature), "suspended");
    repo.check();
}

#[test]
fn a_session_with_a_branch_of_its_own_has_the_commits_of_that_branch_only() {
    for_each_kind(|repo| {
        hook_by_hand(repo);
        let made = repo.start(&["feature", "-b"]);
        let id = text(&made["id"]);
        commit(repo, "1", &["-m", "one"]);
        repo.git(&["switch", "-q", "main"]);
        commit(repo, "2", &["-m", "on main"]);
        assert_eq!(linked(repo, id), [repo.rev(text(&made["branch"]))]);
    });
}

#[test]
fn nobody_is_asked_where_nobody_can_answer_and_a_clone_is_left_alone() {
    let repo = TestRepo::new();
    hook_by_hand(&repo);
    repo.git(&["config", "session.onCheckout", "ask"]);
    start(&repo, &["main"]);
    repo.git(&["switch", "-q", "-c", "other"]);
    start(&repo, &["other"]);
    let output = repo.git_command(&["switch", "-q", "main"]).output().expect("git runs");
    assert_eq!((output.stdout, output.stderr), (Vec::new(), Vec::new()));
    let template = repo.home.path().join("template");
    std::fs::create_dir(&template).expect("a directory");
    std::fs::rename(repo.git_dir.join("hooks"), template.join("hooks")).expect("there");
    let option = format!("--template={}", template.display());
    let clone = repo.home.path().join("clone");
    repo.git(&["clone", "-q", &option, ".", &clone.to_string_lossy()]);
    assert!(clone.join(".git/hooks/post-checkout").exists());
    assert!(!clone.join(".git/session").exists());
}
