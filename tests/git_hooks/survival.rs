//! What is left of the link between a commit and its session after history was rewritten.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

use super::harness::{BEGINNING, Output, PLAIN, TestRepo, text};
use super::hooked::{commit, edit, hook, start};

/// What may be told of a commit that was rewritten.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Told {
    /// The right session, and nothing says that it is only a claim.
    Found,
    /// The right session, as a claim.
    Claimed,
    /// Nothing: an honest answer.
    Unknown,
}
use Told::{Claimed, Found, Unknown};

/// Which circumstances history is rewritten in.
#[derive(Clone, Copy)]
struct Case {
    has_trailer: bool,
    has_hooks: bool,
}

const CASES: [Case; 4] = [
    Case { has_trailer: true, has_hooks: true },
    Case { has_trailer: true, has_hooks: false },
    Case { has_trailer: false, has_hooks: true },
    Case { has_trailer: false, has_hooks: false },
];

/// A repository with a branch `work` of two commits that were made in a session with hooks, beside a `main` that
/// went on.
struct Scene {
    repo: TestRepo,
    session_id: String,
    case: Case,
}

impl Scene {
    fn new(case: Case) -> Scene {
        let repo = TestRepo::new();
        if !case.has_trailer {
            repo.git(&["config", "session.trailer", "false"]);
        }
        hook(&repo);
        repo.write("base", "base\n");
        repo.git(&["add", "base"]);
        repo.git(&["commit", "-q", "-m", "base"]);
        repo.git(&["switch", "-q", "-c", "work"]);
        let session_id = start(&repo, &["The work"]);
        commit(&repo, "1\n", &["-m", "one"]);
        commit(&repo, "1\n2\n", &["-m", "two"]);
        repo.run(&["finish"]).ok();
        let scene = Scene { repo, session_id, case };
        if !case.has_hooks {
            scene.git(&["config", "core.hooksPath", "/dev/null"]);
        }
        scene.git(&["switch", "-q", "main"]);
        scene.write("other", "other\n");
        scene.git(&["commit", "-q", "-m", "other"]);
        scene.git(&["switch", "-q", "work"]);
        scene
    }

    /// Returns the same again, to be rewritten.
    fn copy(&self) -> Scene {
        let repo = TestRepo::unborn(PLAIN);
        std::fs::remove_dir_all(&repo.root).expect("a directory");
        let copied = Command::new("cp").arg("-R").args([&self.repo.root, &repo.root]).status();
        assert!(copied.expect("cp runs").success());
        Scene { repo, session_id: self.session_id.clone(), case: self.case }
    }

    /// Runs git later than the commits were made: what was written anew has another time.
    fn git(&self, args: &[&str]) -> String {
        let mut git = self.repo.git_command(args);
        let at = format!("{} +0000", BEGINNING - 500);
        git.envs([("GIT_AUTHOR_DATE", &at), ("GIT_COMMITTER_DATE", &at)]);
        let output = Output::of(git, None);
        assert_eq!(output.status, 0, "git {args:?}: {}", output.stderr);
        output.stdout.trim_end().to_owned()
    }

    fn write(&self, path: &str, contents: &str) {
        self.repo.write(path, contents);
        self.git(&["add", path]);
    }

    /// Rebases the last two commits as the editor of the list says.
    fn rebase(&self, todo: &str, message: &str) {
        let script = self.repo.script("todo", &format!("#!/bin/sh\n{todo}\n"));
        let sequence = format!("sequence.editor={script}");
        assert!(edit(&self.repo, message, &["-c", &sequence, "rebase", "-q", "-i", "HEAD~2"]));
    }

    /// Makes one commit on main of all that the branch has, as a forge does: no hook of ours runs there.
    fn forge(&self, message: &str) {
        self.git(&["switch", "-q", "main"]);
        let tree = self.git(&["merge-tree", "--write-tree", "main", "work"]);
        let made = self.git(&["commit-tree", "-p", "main", "-m", message, &tree]);
        self.git(&["reset", "-q", "--hard", &made]);
    }

    /// Tells what is told of a commit, and fails if it is the wrong session.
    fn told(&self, revision: &str) -> (Told, String) {
        let (sessions, answer) = why(&self.repo, revision);
        let Some(first) = sessions.first() else { return (Unknown, answer) };
        let ids: Vec<&str> = sessions.iter().map(|it| text(&it["id"])).collect();
        assert_eq!(ids, [self.session_id.as_str()], "{revision}");
        let evidence = text(&first["evidence"]).to_owned();
        match text(&first["confidence"]) {
            "claimed" => (Claimed, evidence),
            _ => (Found, evidence),
        }
    }
}

/// Returns what `why` tells: the sessions, and its answer.
fn why(repo: &TestRepo, revision: &str) -> (Vec<Value>, String) {
    let oid = repo.git(&["rev-parse", "--verify", &format!("{revision}^{{commit}}")]);
    let output = repo.run(&["why", "--json", &oid]);
    let document: Value = match output.status {
        0 => serde_json::from_str(&output.stdout).expect("JSON"),
        _ => {
            let last = output.stderr.lines().last().expect("an error");
            let error: Value = serde_json::from_str(last).expect("JSON");
            error["error"]["details"].clone()
        }
    };
    let told = &document["commits"][0];
    let sessions = told["sessions"].as_array().expect("a list").clone();
    (sessions, text(&told["answer"]).to_owned())
}

type Rewrite = fn(&Scene);

/// What is done to history, and what must be told then, in the order of [`CASES`].
const REWRITES: [(&str, Rewrite, [Told; 4]); 17] = [
    (
        "commit --amend",
        |it| {
            it.write("file", "1\n2\n3\n");
            it.git(&["commit", "-q", "--amend", "--no-edit"]);
        },
        [Found, Claimed, Found, Unknown],
    ),
    (
        "commit --amend -m",
        |it| {
            it.git(&["commit", "-q", "--amend", "-m", "other words"]);
        },
        [Found, Found, Found, Found],
    ),
    (
        "rebase",
        |it| {
            it.git(&["rebase", "-q", "main"]);
        },
        [Found, Found, Found, Found],
    ),
    (
        "rebase -i, squash",
        |it| it.rebase("sed -i '2s/pick/squash/' \"$1\"", "true"),
        [Found, Found, Found, Found],
    ),
    (
        "rebase -i, fixup",
        |it| it.rebase("sed -i '2s/pick/fixup/' \"$1\"", "true"),
        [Found, Found, Found, Found],
    ),
    (
        "rebase -i, reword",
        |it| it.rebase("sed -i '2s/pick/reword/' \"$1\"", "echo reworded >\"$1\""),
        [Found, Found, Found, Found],
    ),
    (
        "cherry-pick",
        |it| {
            it.git(&["switch", "-q", "main"]);
            it.git(&["cherry-pick", "work~", "work"]);
        },
        [Found, Found, Found, Found],
    ),
    (
        "revert",
        |it| {
            it.git(&["revert", "--no-edit", "HEAD"]);
        },
        [Unknown, Unknown, Unknown, Unknown],
    ),
    (
        "merge --squash",
        |it| {
            it.git(&["switch", "-q", "main"]);
            it.git(&["merge", "-q", "--squash", "work"]);
            it.git(&["commit", "-q", "--no-edit"]);
        },
        [Found, Claimed, Claimed, Claimed],
    ),
    (
        "filter-branch",
        |it| {
            let filter = ["filter-branch", "-f", "--msg-filter", "cat; echo; echo filtered"];
            let mut git = it.repo.git_command(&[&filter[..], &["main..work"]].concat());
            git.env("FILTER_BRANCH_SQUELCH_WARNING", "1");
            assert_eq!(Output::of(git, None).status, 0);
            it.git(&["update-ref", "-d", "refs/original/refs/heads/work"]);
        },
        [Found, Found, Found, Found],
    ),
    (
        "squash on a forge, trailers kept",
        |it| {
            let trailer = match it.case.has_trailer {
                true => format!("\n\nSession-Id: {}", it.session_id),
                false => String::new(),
            };
            it.forge(&format!("The work (#1)\n\n* one\n\n* two{trailer}"));
        },
        [Found, Found, Claimed, Claimed],
    ),
    (
        "squash on a forge, trailers dropped",
        |it| it.forge("The work"),
        [Claimed, Claimed, Claimed, Claimed],
    ),
    (
        "merge",
        |it| {
            it.git(&["switch", "-q", "main"]);
            it.git(&["merge", "-q", "--no-edit", "work"]);
        },
        [Unknown, Unknown, Unknown, Unknown],
    ),
    (
        "merge, the commit that came in",
        |it| {
            it.git(&["switch", "-q", "main"]);
            it.git(&["merge", "-q", "--no-edit", "work"]);
            it.git(&["checkout", "-q", "--detach", "HEAD^2"]);
        },
        [Found, Found, Found, Found],
    ),
    (
        "replay",
        |it| {
            let update = it.git(&["replay", "--onto", "main", "main..work"]);
            // Newer gits move the branch themselves.
            if !update.is_empty() {
                it.repo.git_feed(&["update-ref", "--stdin"], format!("{update}\n").as_bytes());
            }
            it.git(&["reset", "-q", "--hard"]);
        },
        [Found, Found, Found, Found],
    ),
    (
        "format-patch, am",
        |it| {
            let patches = it.git(&["format-patch", "--stdout", "work~2..work"]);
            it.git(&["switch", "-q", "main"]);
            it.repo.git_feed(&["am", "-q"], format!("{patches}\n").as_bytes());
        },
        [Found, Found, Found, Found],
    ),
    (
        "split in two",
        |it| {
            it.git(&["reset", "-q", "--soft", "HEAD~2"]);
            it.git(&["rm", "-q", "--cached", "file"]);
            it.repo.write("file", "1\n2\n");
            it.write("part", "part\n");
            it.git(&["commit", "-q", "-m", "part"]);
            it.git(&["add", "file"]);
            it.git(&["commit", "-q", "-m", "rest"]);
        },
        [Claimed, Claimed, Claimed, Claimed],
    ),
];

#[test]
fn links_survive_what_is_done_to_history_and_none_is_wrong() {
    let mut table = String::from("rewrite | trailer, hooks | trailer | hooks | neither\n");
    let mut wrong = BTreeMap::new();
    let scenes = CASES.map(Scene::new);
    for (name, rewrite, expected) in REWRITES {
        table.push_str(name);
        for (scene, expected) in scenes.iter().zip(expected) {
            let (scene, case) = (scene.copy(), scene.case);
            rewrite(&scene);
            let (found, evidence) = scene.told("HEAD");
            table.push_str(&format!(" | {found:?} ({evidence})"));
            if found != expected {
                let of = (name, case.has_trailer, case.has_hooks);
                wrong.insert(of, (found, expected));
            }
        }
        table.push('\n');
    }
    eprintln!("{table}");
    assert!(wrong.is_empty(), "{wrong:#?}\n{table}");
}

#[test]
fn nothing_is_attributed_by_what_could_have_been_made_twice_or_was_only_said() {
    let scene = Scene::new(CASES[3]);
    let ids = |revision: &str| {
        let (sessions, _) = why(&scene.repo, revision);
        let told =
            sessions.iter().map(|it| format!("{} {}", text(&it["id"]), text(&it["confidence"])));
        told.collect::<Vec<_>>()
    };
    let made = |message: &str, parent: &str, author: &str| {
        let tree = format!("{}^{{tree}}", "work");
        let mut git = scene.repo.git_command(&["commit-tree", "-p", parent, "-m", message, &tree]);
        git.env("GIT_AUTHOR_EMAIL", author).env("GIT_AUTHOR_DATE", "@1700000000 +0000");
        Output::of(git, None).stdout.trim().to_owned()
    };
    let id = scene.session_id.clone();
    // What somebody else made too, what takes something else back as well, and a change that is made again.
    assert_eq!(ids(&made("the same", "main~", "other@example.com")), [format!("{id} claimed")]);
    assert_eq!(ids(&made("the same tree", "main", "other@example.com")), [""; 0]);
    scene.git(&["revert", "--no-edit", "HEAD"]);
    scene.git(&["revert", "--no-edit", "HEAD"]);
    assert_eq!(ids("HEAD"), [""; 0], "a revert of a revert");
    scene.git(&["commit", "-q", "--allow-empty", "-m", "empty"]);
    assert_eq!(ids("HEAD"), [""; 0], "an empty commit");
    // A message says what it likes; only its last block counts, and then as a claim.
    let tip = scene.repo.rev(&format!("refs/sessions/{id}"));
    scene.write("x", "1");
    let body = format!("forged\n\nSession-Id: {id}\n\nand more words");
    scene.git(&["commit", "-q", "-m", &body]);
    assert_eq!(ids("HEAD"), [""; 0], "a trailer in the body");
    scene.write("x", "2");
    scene.git(&["commit", "-q", "-m", &format!("forged\n\nSession-Id: {id}")]);
    assert_eq!(ids("HEAD"), [format!("{id} claimed")], "somebody else's session");
    assert_eq!(scene.repo.rev(&format!("refs/sessions/{id}")), tip, "nothing was written");
}
