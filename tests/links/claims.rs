use git_session::model::Oid;
use git_session::ops::claims::Standing;

use super::inside::context;
use super::place::{ADA, BOB, Place, id, open, run};

fn trailer(name: &str) -> String {
    format!("work\n\nSession-Id: {name}\n")
}

#[test]
fn a_recorded_commit_is_certain_and_a_trailer_alone_is_a_claim() {
    for init in [&[][..], &["--object-format=sha256"], &["--ref-format=reftable"]] {
        let place = Place::new(init);
        place.write("a", b"1\n");
        let plain = place.commit("work");
        assert_eq!(place.told(plain), [""; 0]);
        place.link(ADA, plain, &[]);
        assert_eq!(place.told(plain), ["ada record certain"]);
        place.write("a", b"2\n");
        let named = place.commit(&trailer(BOB));
        assert_eq!(place.told(named), ["bob trailer claimed"]);
        // What is certain stands before what is only said.
        place.link(ADA, named, &[]);
        assert_eq!(place.told(named), ["ada record certain", "bob trailer claimed"]);
        place.git(&["fsck", "--strict"]);
    }
}

#[test]
fn a_trailer_counts_in_the_last_block_only_and_may_name_nobody_here() {
    let place = Place::new(&[]);
    place.write("a", b"1\n");
    let forged = place.commit(&format!("work\n\nSession-Id: {ADA}\n\nmore words\n"));
    assert_eq!(place.told(forged), [""; 0]);
    let absent = ADA.replace("0199f0c2", "0199ffff");
    place.write("a", b"2\n");
    let elsewhere = place.commit(&trailer(&absent));
    assert_eq!(place.told(elsewhere), ["? trailer claimed"]);
    assert_eq!(place.claims(elsewhere)[0].standing, Standing::Missing);
    let store = open(place.dir.path());
    assert_eq!(place.made(ADA), []);
    assert!(store.tip(id(&absent)).expect("readable").is_none());
}

#[test]
fn a_commit_that_was_made_anew_is_found_by_its_content() {
    let place = Place::new(&[]);
    place.write("base", b"0\n");
    place.commit("base");
    place.git(&["switch", "-q", "-c", "work"]);
    place.write("a", b"1\n");
    let old = place.commit("work");
    place.link(ADA, old, &[]);
    place.git(&["switch", "-q", "main"]);
    place.write("b", b"1\n");
    place.commit("other");
    // Rebased where no hook ran: another parent and tree, the same patch, author and time.
    place.git(&["rebase", "-q", "main", "work"]);
    let rebased = place.head();
    assert_ne!(rebased, old);
    assert_eq!(place.told(rebased), ["ada patch likely"]);
    // Another message: the tree is the same too.
    place.git(&["commit", "-q", "--amend", "-m", "reworded"]);
    assert_eq!(place.told(place.head()), ["ada patch likely"]);
    // The same by somebody else at another time may have been made twice.
    place.git(&["commit", "-q", "--amend", "--reset-author", "-m", "mine"]);
    assert_eq!(place.told(place.head()), ["ada patch claimed"]);
    // The commit names the session, and the session knows the content.
    place.git(&["commit", "-q", "--amend", "-m", &trailer(ADA)]);
    assert_eq!(place.told(place.head()), ["ada patch certain"]);
    // Two sessions with one content: nobody can say.
    place.git(&["reset", "-q", "--hard", &old.to_string()]);
    place.git(&["commit", "-q", "--amend", "-m", "again"]);
    let again = place.head();
    place.link(BOB, again, &[]);
    assert_eq!(place.told(rebased), ["ada patch claimed", "bob patch claimed"]);
}

/// Makes a branch of commits, each by who is named, or by nobody; then main goes on if `is_ahead`.
fn branch(who: &[Option<&str>], is_ahead: bool) -> Place {
    let place = Place::new(&[]);
    place.write("base", b"0\n");
    place.commit("base");
    place.git(&["switch", "-q", "-c", "work"]);
    for (n, name) in who.iter().enumerate() {
        // Each changes what the one before made, and adds a file.
        place.write("a", format!("{n}\n").as_bytes());
        place.write(&format!("b{n}"), b"b\n");
        let made = place.commit(&format!("work {n}"));
        if let Some(name) = name {
            place.link(name, made, &[]);
        }
    }
    place.git(&["switch", "-q", "main"]);
    if is_ahead {
        place.write("base", b"1\n");
        place.commit("other");
    }
    place
}

#[test]
fn a_squash_is_claimed_for_all_who_had_a_part_in_it() {
    let (ada, bob) = (Some(ADA), Some(BOB));
    let squashed = |who: &[Option<&str>], is_ahead| {
        let place = branch(who, is_ahead);
        place.git(&["merge", "-q", "--squash", "work"]);
        place.git(&["commit", "-q", "-m", "squashed"]);
        let told = place.told(place.head());
        place.git(&["commit", "-q", "--amend", "-m", &trailer(ADA)]);
        (told, place.told(place.head()))
    };
    let (tree, sum) = ("ada tree claimed", "ada squash claimed");
    let certain = |told: &str| [told.replace("claimed", "certain")];
    // Where main stood still the tree is the same, else what the commits change together.
    for (is_ahead, told) in [(false, tree), (true, sum)] {
        assert_eq!(squashed(&[ada, ada], is_ahead), (vec![told.into()], certain(told).into()));
        let both = vec![told.into(), told.replace("ada", "bob")];
        assert_eq!(squashed(&[ada, bob], is_ahead).0, both);
        assert_eq!(squashed(&[bob, ada, bob], is_ahead).0, both);
    }
    // What nobody recorded may be anybody's: then it is no surer for what the commit says.
    let named = vec!["ada trailer claimed".to_owned()];
    for who in [[None, ada], [ada, None]] {
        assert_eq!(squashed(&who, true), (vec![], named.clone()), "{who:?}");
    }
    assert_eq!(squashed(&[None, ada], false), (vec![tree.into()], named.clone()));
    assert_eq!(squashed(&[ada, None], false), (vec![], named));
}

#[test]
fn a_part_of_a_branch_that_was_squashed_is_found_and_what_was_merged_is_not_squashed() {
    let ada = Some(ADA);
    for part in ["work~", "work~2", "work"] {
        let place = branch(&[ada; 4], true);
        place.git(&["merge", "-q", "--squash", part]);
        place.git(&["commit", "-q", "-m", "squashed"]);
        assert_eq!(place.told(place.head()), ["ada squash claimed"], "{part}");
    }
    // By the time of the first of them and its author, as `rebase -i` keeps them.
    let place = branch(&[ada; 2], true);
    place.git(&["merge", "-q", "--squash", "work"]);
    place.git(&["commit", "-q", "-C", "work~"]);
    assert_eq!(place.told(place.head()), ["ada squash likely"]);
    // Where any part of the branch may come to the same, all of it is compared first.
    let place = branch(&[], true);
    place.git(&["switch", "-q", "work"]);
    for n in 0..36 {
        place.write("a", format!("{n}\n").as_bytes());
        let made = place.commit("work");
        place.link(ADA, made, &[]);
    }
    place.git(&["switch", "-q", "main"]);
    place.git(&["merge", "-q", "--squash", "work"]);
    place.git(&["commit", "-q", "-C", "work"]);
    assert_eq!(place.told(place.head()), ["ada squash claimed"]);
    // Made again behind what was merged.
    let place = branch(&[ada; 2], true);
    place.git(&["merge", "-q", "--no-edit", "work"]);
    place.git(&["revert", "--no-edit", "-m", "1", "HEAD"]);
    place.git(&["revert", "--no-edit", "HEAD"]);
    assert_eq!(place.told(place.head()), [""; 0]);
    // Older than what it would be made of.
    let place = branch(&[ada; 2], true);
    let tree = place.git(&["merge-tree", "--write-tree", "main", "work"]);
    let date = "committer Ada <ada@x.org> 1000000000 +0000";
    let main = place.git(&["rev-parse", "main"]);
    let text = format!(
        "tree {}\nparent {}\nauthor Ada <ada@x.org> 1000000000 +0000\n{date}\n\nold\n",
        tree.trim(),
        main.trim()
    );
    let old = run(place.dir.path(), &["hash-object", "-t", "commit", "-w", "--stdin"], 0, &text);
    assert_eq!(place.told(Oid::from_hex(old.trim()).expect("an id")), [""; 0]);
}

#[test]
fn what_was_made_again_is_nobodys() {
    let place = Place::new(&[]);
    place.write("a", b"0\n");
    let base = place.commit("base");
    place.link(BOB, base, &[]);
    place.write("a", b"1\n");
    let made = place.commit("work");
    place.link(ADA, made, &[]);
    for what in ["revert", "revert of the revert"] {
        place.git(&["revert", "--no-edit", "HEAD"]);
        assert_eq!(place.told(place.head()), [""; 0], "{what}");
    }
    let empty = place.commit("nothing changes");
    assert_eq!(place.told(empty), [""; 0]);
}

#[test]
fn what_stands_for_a_commit_now_is_told() {
    let place = Place::new(&[]);
    let mut made: Vec<Oid> = Vec::new();
    for n in ["1", "2", "3"] {
        place.write("a", n.as_bytes());
        made.push(place.commit("work"));
    }
    place.link(ADA, made[0], &[]);
    place.link(ADA, made[1], &[made[0]]);
    place.link(ADA, made[2], &[made[1]]);
    // Told again, nothing is new; told with more, it is.
    place.link(ADA, made[2], &[made[1]]);
    let told = place.made(ADA);
    let newest: Vec<Option<Oid>> = told.iter().map(|it| it.replaced_by).collect();
    assert_eq!(newest, [Some(made[2]), Some(made[2]), None]);
    assert_eq!(told.iter().map(|it| it.link.seq).collect::<Vec<_>>(), [2, 3, 4]);
    assert_eq!(told[2].link.status.as_deref(), Some("pending"));
    place.link(ADA, made[2], &[made[0]]);
    assert_eq!(place.made(ADA)[2].link.replaces, [made[1], made[0]]);
    // Whoever replaces each other in a circle replaces nobody, and nobody waits for an end.
    place.link(ADA, made[0], &[made[2]]);
    assert_eq!(place.made(ADA).len(), 3);
}

#[test]
fn a_note_is_a_claim_and_is_found_among_many() {
    let place = Place::new(&[]);
    place.write("a", b"1\n");
    let made = place.commit("work");
    let store = open(place.dir.path());
    for _ in 0..2 {
        store.add_note(made, &format!("Session-Id: {ADA}"), &context().stamp()).expect("noted");
    }
    let store = open(place.dir.path());
    assert_eq!(store.note(made).as_deref(), Some(format!("Session-Id: {ADA}\n").as_str()));
    assert_eq!(place.told(made), ["ada note claimed"]);
}

#[test]
fn a_commit_more_costs_the_same_however_many_there_are() {
    let place = Place::new(&[]);
    place.write("a", b"1\n");
    let made = place.commit("work");
    let store = open(place.dir.path());
    let link = |n: u64| {
        let hex = format!(
            "{:040x}",
            u128::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
        );
        let oid = Oid::from_hex(&hex).expect("hex");
        git_session::model::CommitLink::new(oid, git_session::model::KnownBy::Import)
    };
    let links: Vec<_> = (0..5000).map(link).collect();
    git_session::ops::links::record(&store, &context(), id(ADA), &links).expect("recorded");
    place.link(ADA, made, &[]);
    assert_eq!(place.made(ADA).len(), 5001);
    assert_eq!(place.told(made), ["ada record certain"]);
    let files = place.git(&[
        "diff",
        "--name-only",
        &format!("refs/sessions/{ADA}~"),
        &format!("refs/sessions/{ADA}"),
    ]);
    let expected = format!("commits/{}.jsonl\nsession.yaml\n", &made.to_string()[..2]);
    assert_eq!(files, expected);
}
