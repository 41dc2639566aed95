//! Commits land whatever has become of the sessions.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::gits::Git;
use super::harness::{PLAIN, TestRepo};
use super::hooked::{linked, start};
use super::installed::Installed;

/// A word for a damage, and what does it; the second argument is the session's id.
type Damage = (&'static str, fn(&TestRepo, &str));

fn write_ref(repo: &TestRepo, id: &str, text: &str) {
    fs::write(repo.git_dir.join("refs/sessions").join(id), text).expect("written");
}

fn spoil(repo: &TestRepo, name: &str) {
    let path = repo.git_dir.join("session").join(name);
    fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
    fs::write(path, b"\0\xff\xfe nonsense").expect("written");
}

const DAMAGES: [Damage; 9] = [
    ("a ref that is none", |repo, id| write_ref(repo, id, "nonsense\n")),
    ("an empty ref", |repo, id| write_ref(repo, id, "")),
    ("a ref of nothing", |repo, id| write_ref(repo, id, &format!("{}\n", "1".repeat(40)))),
    ("a ref that is symbolic", |repo, id| write_ref(repo, id, "ref: refs/heads/main\n")),
    ("another program's lock", |repo, id| write_ref(repo, &format!("{id}.lock"), "")),
    ("a directory in place of the ref", |repo, id| {
        let path = repo.git_dir.join("refs/sessions").join(id);
        fs::remove_file(&path).expect("removed");
        fs::create_dir(path).expect("made");
    }),
    ("files of the clone", |repo, id| {
        for name in ["seen", "branches", "installed", "cache/kept", "running", "following/7"] {
            spoil(repo, name);
        }
        spoil(repo, &format!("leases/{id}"));
    }),
    ("a current session that is none", |repo, _| {
        let path = repo.git_dir.join("refs/worktree/session");
        fs::write(path, "ref: refs/sessions/../../HEAD\n").expect("written");
    }),
    ("packs that are cut short", |repo, _| {
        for entry in fs::read_dir(repo.git_dir.join("objects/pack")).expect("packs").flatten() {
            let path = entry.path();
            if path.extension().is_some_and(|it| it == "pack") {
                fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("a mode");
                fs::File::options()
                    .write(true)
                    .open(path)
                    .and_then(|it| it.set_len(40))
                    .expect("cut");
            }
        }
    }),
];

#[test]
fn a_commit_lands_in_silence_whatever_is_damaged() {
    for (what, damage) in DAMAGES {
        let installed = Installed::new(PLAIN, Git::Old);
        let repo = &installed.repo;
        let id = start(repo, &["work"]);
        let before = installed.commit("file", "before", &["-m", "before"]);
        assert_eq!(linked(repo, &id), [before.as_str()], "{what}");
        repo.damaged();
        damage(repo, &id);
        // `Installed::commit` fails if the commit does, or if anything is said.
        let after = installed.commit("file", "after", &["-m", "after"]);
        assert_eq!(repo.git(&["log", "-1", "--format=%s", &after]), "after", "{what}");
        let amended = installed.commit("file", "amended", &["--amend", "-m", "amended"]);
        assert_eq!(repo.git(&["log", "--format=%s", &amended, "-n", "2"]), "amended\nbefore");
        installed.git(&["switch", "-q", "-c", "side"]);
        installed.git(&["switch", "-q", "main"]);
    }
}
