use super::harness::{TestRepo, for_each_kind, text};
use super::hooked::{commit, edit, hook, linked, links, named, start};

/// Makes a branch `work` with three commits of a session, and a commit on `main` that it does not have.
fn diverged(repo: &TestRepo) -> (String, Vec<String>) {
    hook(repo);
    repo.git(&["switch", "-q", "-c", "work"]);
    let id = start(repo, &["work"]);
    let made = ["1", "2", "3"].map(|n| commit(repo, n, &["-m", n]));
    repo.run(&["finish"]).ok();
    repo.git(&["switch", "-q", "main"]);
    repo.write("elsewhere", "1");
    repo.git(&["add", "elsewhere"]);
    repo.git(&["commit", "-q", "-m", "elsewhere"]);
    repo.git(&["switch", "-q", "work"]);
    (id, made.to_vec())
}

#[test]
fn rebased_commits_stand_for_the_ones_before() {
    for_each_kind(|repo| {
        let (id, made) = diverged(repo);
        let other = start(repo, &["other"]);
        repo.git(&["rebase", "-q", "main"]);
        let found = links(repo, &id);
        assert_eq!(found.len(), 6);
        for (link, old) in [("HEAD~2", 0), ("HEAD~", 1), ("HEAD", 2)].map(|(at, n)| (at, &made[n]))
        {
            let new = repo.rev(link);
            let link = found.iter().find(|it| text(&it["commit"]) == new).expect("recorded");
            assert_eq!(
                (text(&link["replaces"][0]), text(&link["known_by"])),
                (&old[..], "rewrite")
            );
            assert_eq!(named(repo, &new), id);
        }
        // Who rebased them did not make them.
        assert_eq!(linked(repo, &other), [""; 0]);
    });
}

#[test]
fn commits_that_were_made_one_stand_for_all_of_them() {
    for_each_kind(|repo| {
        let (id, made) = diverged(repo);
        let todo =
            repo.script("todo", "#!/bin/sh\nsed -i '2s/^pick/squash/;3s/^pick/fixup/' \"$1\"\n");
        repo.git(&["config", "sequence.editor", &todo]);
        assert!(edit(repo, ":", &["rebase", "-q", "-i", "main"]));
        let new = repo.rev("HEAD");
        let link = links(repo, &id).pop().expect("recorded");
        assert_eq!(text(&link["commit"]), new);
        let mut replaced: Vec<&str> =
            link["replaces"].as_array().expect("a list").iter().map(text).collect();
        replaced.sort_unstable();
        let mut expected: Vec<&str> = made.iter().map(String::as_str).collect();
        expected.sort_unstable();
        assert_eq!(replaced, expected);
    });
}

#[test]
fn what_is_picked_from_elsewhere_stays_what_it_was_and_a_revert_is_ones_own() {
    for_each_kind(|repo| {
        let (id, made) = diverged(repo);
        repo.git(&["switch", "-q", "main"]);
        let picker = start(repo, &["picker"]);
        repo.git(&["cherry-pick", &made[0]]);
        assert_eq!(named(repo, "HEAD"), id);
        assert_eq!(linked(repo, &picker), [""; 0]);
        // One that nobody made stays nobody's.
        repo.git(&["config", "session.trailer", "false"]);
        repo.git(&["switch", "-q", "-c", "nobody", "main~"]);
        repo.run(&["suspend"]).ok();
        repo.write("third", "1");
        repo.git(&["add", "third"]);
        repo.git(&["commit", "-q", "-m", "third"]);
        repo.git(&["config", "--unset", "session.trailer"]);
        repo.git(&["switch", "-q", "main"]);
        repo.run(&["resume"]).ok();
        repo.git(&["cherry-pick", "nobody"]);
        assert_eq!((named(repo, "HEAD"), linked(repo, &picker).len()), (String::new(), 0));
        repo.git(&["revert", "--no-edit", "HEAD"]);
        assert_eq!(named(repo, "HEAD"), picker);
        assert_eq!(linked(repo, &picker), [repo.rev("HEAD")]);
    });
}

#[test]
fn a_commit_of_another_session_that_is_amended_is_of_both() {
    for_each_kind(|repo| {
        let (id, made) = diverged(repo);
        let other = start(repo, &["other"]);
        let new = commit(repo, "changed", &["--amend", "--no-edit"]);
        assert_eq!(named(repo, "HEAD"), id);
        let mine = links(repo, &other).pop().expect("recorded");
        assert_eq!((text(&mine["commit"]), mine.get("replaces")), (&new[..], None));
        let theirs = links(repo, &id).pop().expect("recorded");
        assert_eq!(
            (text(&theirs["commit"]), text(&theirs["replaces"][0])),
            (&new[..], &made[2][..])
        );
    });
}
