use super::harness::{TestRepo, for_each_kind, texts};
use super::hooked::{commit, edit, hook, linked, named, start};

#[test]
fn a_message_that_is_written_in_an_editor_names_the_session() {
    for_each_kind(|repo| {
        hook(repo);
        let id = start(repo, &["work"]);
        let write = r#"printf 'subject\n' | cat - "$1" >"$1.new" && mv "$1.new" "$1""#;
        for (n, settings) in [
            &[][..],
            &["-c", "commit.verbose=true"],
            &["-c", "commit.cleanup=scissors"],
            &["-c", "core.commentChar=;"],
        ]
        .iter()
        .enumerate()
        {
            repo.write("file", n.to_string());
            repo.git(&["add", "file"]);
            assert!(edit(repo, write, &[settings, &["commit", "-q"][..]].concat()), "{settings:?}");
            let message = repo.git(&["log", "-1", "--format=%B"]);
            assert_eq!(message, format!("subject\n\nSession-Id: {id}"), "{settings:?}");
        }
    });
}

#[test]
fn what_git_takes_for_no_message_stays_none() {
    let repo = TestRepo::new();
    hook(&repo);
    start(&repo, &["work"]);
    let head = repo.rev("HEAD");
    let template = repo.script("template", "Ticket:\n");
    repo.write("file", "1");
    repo.git(&["add", "file"]);
    let from = format!("commit.template={template}");
    for args in [
        &["commit", "-q"][..],
        &["commit", "-q", "-s"],
        &["-c", &from, "commit", "-q"],
        &["commit", "-q", "-t", &template],
        &["-c", "commit.verbose=true", "commit", "-q"],
        &["commit", "-q", "-m", ""],
    ] {
        assert!(!edit(&repo, ":", args), "{args:?}");
        assert_eq!(repo.rev("HEAD"), head, "{args:?}");
    }
    let fill = "sed -i 's/^Ticket:$/Ticket: 7/' \"$1\"";
    for args in [&["-c", &from, "commit", "-q"][..], &["commit", "-q", "-t", &template]] {
        repo.write("file", args.join(" "));
        repo.git(&["add", "file"]);
        assert!(edit(&repo, fill, args), "{args:?}");
        assert!(!named(&repo, "HEAD").is_empty(), "{args:?}");
    }
}

#[test]
fn a_commit_without_any_message_is_recorded() {
    let repo = TestRepo::new();
    hook(&repo);
    let id = start(&repo, &["work"]);
    let mut made = Vec::new();
    for args in [&[][..], &["--amend", "--allow-empty"]] {
        let args = [&["--allow-empty-message", "-m", ""], args].concat();
        made.push(commit(&repo, &args.join(" "), &args));
        assert_eq!(repo.git(&["log", "-1", "--format=%B"]), "");
    }
    assert_eq!(linked(&repo, &id), made);
}

#[test]
fn a_squash_names_the_sessions_of_all_that_is_in_it() {
    let repo = TestRepo::new();
    hook(&repo);
    let make = |title: &str, branch: &str| {
        repo.git(&["switch", "-q", "-c", branch]);
        let id = start(&repo, &[title]);
        commit(&repo, &format!("{title} 1"), &["-m", title]);
        commit(&repo, &format!("{title} 2"), &["-m", "forged\n\nSession-Id: x"]);
        repo.run(&["finish"]).ok();
        id
    };
    let (one, two) = (make("one", "a"), make("two", "b"));
    let squash = |args: &[&str]| {
        repo.git(&["reset", "-q", "--hard"]);
        repo.git(&["switch", "-q", "--detach", "a~2"]);
        repo.git(&["merge", "-q", "--squash", "b"]);
        repo.git(&[&["commit", "-q"], args].concat());
        named(&repo, "HEAD")
    };
    // Nobody works, and then somebody does; with git's message, or another one.
    assert_eq!(squash(&["--no-edit"]), format!("{one},{two}"));
    repo.git(&["switch", "-q", "--detach", "a~2"]);
    let third = start(&repo, &["three"]);
    assert_eq!(squash(&["-m", "mine"]), format!("{one},{two},{third}"));
    assert_eq!(linked(&repo, &third), [repo.rev("HEAD")]);
    // It is over with the squash.
    commit(&repo, "more", &["-m", "more"]);
    assert_eq!(named(&repo, "HEAD"), third);
    repo.git(&["config", "session.trailer", "false"]);
    assert_eq!(squash(&["--no-edit"]), "");
}

#[test]
fn who_takes_the_words_of_another_commit_is_named_beside_its_session() {
    let repo = TestRepo::new();
    hook(&repo);
    let one = start(&repo, &["one"]);
    let said = commit(&repo, "1", &["-m", "words"]);
    repo.run(&["finish"]).ok();
    let two = start(&repo, &["two"]);
    let both = format!("{one},{two}");
    let told = || -> Vec<String> {
        repo.settle();
        let document = repo.run(&["why", "--json", "HEAD"]).error(1, "no_transcript");
        let sessions = document["details"]["commits"][0]["sessions"].clone();
        let (titles, sure) = (texts(&sessions, "title"), texts(&sessions, "confidence"));
        titles.into_iter().zip(sure).map(|(title, sure)| format!("{title} {sure}")).collect()
    };
    let expected: Vec<String> = vec!["two certain".into(), "one claimed".into()];
    for (n, option) in ["-C", "-c", "--reuse-message"].iter().enumerate() {
        repo.write("file", n.to_string());
        assert!(edit(&repo, "true", &["commit", "-q", "-a", option, &said]));
        assert_eq!(named(&repo, "HEAD"), both, "{option}");
        assert_eq!(told(), expected, "{option}");
    }
    assert_eq!(linked(&repo, &two).len(), 3);
    // The words of a commit of its own, of the newest one, and those that it amends, by another name, too.
    repo.git(&["config", "alias.again", "commit --amend --no-edit"]);
    repo.git(&["reset", "-q", "--soft", &said]);
    for amend in
        [&["commit", "--amend", "--no-edit"][..], &["again"], &["commit", "--am", "-C", "HEAD"]]
    {
        repo.git(amend);
        assert_eq!(named(&repo, "HEAD"), one, "{amend:?}");
    }
    for option in ["-C", "-c", "--reuse-message"] {
        repo.git(&["reset", "-q", "--soft", &said]);
        repo.write("file", option);
        assert!(edit(&repo, "true", &["commit", "-q", "-a", option, "HEAD"]));
        assert_eq!(named(&repo, "HEAD"), both, "{option} HEAD");
        assert_eq!(told(), expected, "{option} HEAD");
    }
    commit(&repo, "own", &["-C", "HEAD"]);
    assert_eq!(named(&repo, "HEAD"), both);
    commit(&repo, "amended", &["--amend", "--no-edit"]);
    assert_eq!(named(&repo, "HEAD"), both);
    // Without a trailer of its own, its record tells the same.
    repo.git(&["config", "session.trailer", "false"]);
    commit(&repo, "without", &["-C", &said]);
    assert_eq!(named(&repo, "HEAD"), one);
    assert_eq!(told(), expected);
    repo.git(&["config", "session.trailer", "true"]);
    repo.run(&["finish"]).ok();
    commit(&repo, "nobody", &["-C", &said]);
    assert_eq!(named(&repo, "HEAD"), one);
    assert_eq!(told(), ["one claimed"]);
    // What a cherry-pick takes over is the work of its first session, unless it becomes another one.
    start(&repo, &["three"]);
    repo.git(&["reset", "-q", "--hard", &format!("{said}~")]);
    repo.git(&["commit", "-q", "--allow-empty", "-m", "before"]);
    repo.git(&["cherry-pick", "-x", &said]);
    assert_eq!(told(), ["one certain"]);
    repo.write("file", "changed");
    repo.git(&["add", "file"]);
    let unseen = ["-c", "core.hooksPath=/dev/null", "commit", "-q", "--amend", "--no-edit"];
    repo.git(&unseen);
    assert_eq!(told()[0], "one claimed");
}

#[test]
fn a_message_is_kept_as_it_is_but_for_the_trailer() {
    let repo = TestRepo::new();
    hook(&repo);
    let id = start(&repo, &["work"]);
    for (given, cleanup, expected) in [
        (
            "one\n\nSigned-off-by: A <a@b>",
            "strip",
            "one\n\nSigned-off-by: A <a@b>\nSession-Id: X\n",
        ),
        ("one\n\n\nbody  \n\n", "verbatim", "one\n\n\nbody  \n\nSession-Id: X\n\n"),
        ("one\n# kept", "whitespace", "one\n\nSession-Id: X\n# kept\n"),
        ("one\n\nSession-Id: other", "strip", "one\n\nSession-Id: other\n"),
    ] {
        let option = format!("--cleanup={cleanup}");
        repo.write("file", given);
        repo.git(&["add", "file"]);
        repo.git_feed(&["commit", "-q", &option, "-F", "-"], given.as_bytes());
        let raw = repo.git(&["cat-file", "commit", "HEAD"]);
        let message = raw.split_once("\n\n").expect("a message").1;
        assert_eq!(message.trim_end(), expected.replace('X', &id).trim_end(), "{given:?}");
    }
}

#[test]
fn merges_and_squashes_name_the_session_that_made_them() {
    for_each_kind(|repo| {
        hook(repo);
        repo.git(&["switch", "-q", "-c", "side"]);
        repo.write("other", "1");
        repo.git(&["add", "other"]);
        repo.git(&["commit", "-q", "-m", "side"]);
        repo.git(&["switch", "-q", "main"]);
        let id = start(repo, &["work"]);
        // What HEAD was at before is not the session's.
        repo.git(&["merge", "-q", "--squash", "side"]);
        repo.git(&["reset", "-q", "--hard"]);
        assert_eq!(linked(repo, &id), [""; 0]);
        let made = commit(repo, "1", &["-m", "one"]);
        repo.git(&["merge", "-q", "--no-ff", "--no-edit", "side"]);
        assert_eq!(named(repo, "HEAD"), id);
        assert_eq!(linked(repo, &id), [&made[..], &repo.rev("HEAD")]);
        repo.git(&["reset", "-q", "--hard", &made]);
        repo.git(&["merge", "-q", "--squash", "side"]);
        repo.git(&["commit", "-q", "--no-edit"]);
        assert_eq!(named(repo, "HEAD"), id);
        assert_eq!(linked(repo, &id).len(), 3);
        // A branch that only moved on made nothing.
        repo.git(&["switch", "-q", "-c", "behind", "HEAD~"]);
        repo.git(&["merge", "-q", "--ff-only", "main"]);
        assert_eq!(linked(repo, &id).len(), 3);
    });
}
