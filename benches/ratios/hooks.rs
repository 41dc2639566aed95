//! What the hooks of `init` add to git.
//!
//! All repositories go the same way: in each round each of them makes the same commits and the same switches, and
//! which of them comes first is drawn anew for each command. So they differ in nothing but their hooks and
//! sessions. A commit is one of a file in 500, which are older than the index, so that git need not read them.
//! What a hook writes after git has gone on belongs to no command that is measured, so it is waited for before
//! the next one begins; the last row says what it comes to for who waits.
//!
//! The first rows compare the repository without hooks with another one like it: their ratios tell how far the
//! others can be believed.
//!
//! Git itself is slower where a pack has very many objects, with or without refs and hooks. So a repository with many
//! sessions is compared with a copy of it that has no hooks, and what git takes there is told beside it.

use std::io;

use super::scale::Scale;
use super::{N_WARM_UPS, Place, SESSION, compare, ratio, shuffle, time};

/// How many files the repositories have.
const N_FILES: usize = 500;
/// How often a part of the long conversation is recorded, and how many messages of how many bytes it has.
const CONVERSATION: (usize, usize, usize) = (10, 500, 10_000);
/// What is compared with the repository without hooks: its name, what it is, how much longer it may take.
const KINDS: [(&str, &str, Option<f64>); 4] = [
    ("other", "no hooks", None),
    ("empty", "hooks that do nothing", None),
    ("idle", "hooks, no session", Some(1.5)),
    ("active", "hooks, a session", Some(1.5)),
];
/// What hooks are compared with.
const WITHOUT: &str = "the same without hooks";
/// How many times what hooks cost with one session they may cost with much in the repository.
const GROWTH: f64 = 1.2;

/// Repositories with and without hooks.
pub struct Hooks {
    plain: Subject,
    kinds: Vec<Subject>,
    grown: Vec<Grown>,
}

/// A repository that has a session and much beside it, and a copy without hooks.
struct Grown {
    what: String,
    hooked: Subject,
    bare: Subject,
}

/// A repository, and what each command took in it, in milliseconds.
struct Subject {
    place: Place,
    costs: [Vec<f64>; 3],
}

/// What is done.
#[derive(Clone, Copy)]
enum Operation {
    Commit,
    /// To another branch and back, of which the mean counts: only one of them leaves the session's branch.
    Switch,
    CommitAndList,
}

impl Hooks {
    /// Makes them, each at the place that `place` gives for its name.
    pub fn make(place: impl Fn(&str) -> Place, n_sessions: &[u64]) -> io::Result<Hooks> {
        let made = |name: &str| {
            let place = place(name);
            place.init();
            fill(&place)?;
            Ok::<_, io::Error>(place)
        };
        let mut kinds = Vec::new();
        for (name, _, _) in KINDS {
            let place = made(name)?;
            match name {
                "other" => {}
                "empty" => do_nothing(&place),
                "idle" => install(&place),
                _ => {
                    start(&place);
                    install(&place);
                }
            }
            kinds.push(Subject::new(place));
        }
        let mut grown = Vec::new();
        for n in n_sessions {
            let many = || place(&format!("many-{n}"));
            Scale::make(many(), *n)?;
            fill(&many())?;
            start(&many());
            let what = format!("{n} more sessions");
            grown.push(Grown::make(what, many(), place(&format!("bare-{n}"))));
        }
        let talked = made("talked")?;
        start(&talked);
        talk(&talked);
        grown.push(Grown::make("50 MB said".to_owned(), talked, place("bare-talked")));
        Ok(Hooks { plain: Subject::new(made("plain")?), kinds, grown })
    }

    /// Does the same in all of them, and returns the rows of the table.
    pub fn measure(mut self, n_runs: usize) -> Vec<String> {
        let mut seed = 0x5e55_1018;
        for at in 0..N_WARM_UPS + n_runs {
            for operation in [Operation::Commit, Operation::Switch] {
                run(self.all(), operation, at, &mut seed);
            }
        }
        for at in 0..N_WARM_UPS + n_runs {
            let active = self.kinds.last_mut().expect("it is one of the kinds");
            run(vec![&mut self.plain, active], Operation::CommitAndList, at, &mut seed);
        }
        self.rows()
    }

    fn all(&mut self) -> Vec<&mut Subject> {
        let grown = self.grown.iter_mut().flat_map(|it| [&mut it.hooked, &mut it.bare]);
        std::iter::once(&mut self.plain).chain(&mut self.kinds).chain(grown).collect()
    }

    fn rows(&self) -> Vec<String> {
        let verbs = [(Operation::Commit, "git commit"), (Operation::Switch, "git switch")];
        let mut rows = Vec::new();
        for (subject, (_, what, goal)) in self.kinds.iter().zip(KINDS) {
            for (operation, verb) in verbs {
                let name = format!("{verb}, {what}");
                rows.push(subject.row(&name, operation, WITHOUT, &self.plain, goal));
            }
        }
        let active = self.kinds.last().expect("it is one of the kinds");
        for Grown { what, hooked, bare } in &self.grown {
            for (operation, verb) in verbs {
                let goal = GROWTH * active.ratio(operation, &self.plain);
                let name = format!("{verb}, hooks, a session, {what}");
                rows.push(hooked.row(&name, operation, WITHOUT, bare, Some(goal)));
                let (name, beside) = (format!("{verb}, no hooks, {what}"), "the same with nothing");
                rows.push(bare.row(&name, operation, beside, &self.plain, None));
            }
        }
        let name = "git commit, hooks, and what is written after it";
        rows.push(active.row(name, Operation::CommitAndList, WITHOUT, &self.plain, None));
        rows
    }
}

/// Does it in each of the repositories, in an order that is drawn.
fn run(mut subjects: Vec<&mut Subject>, operation: Operation, at: usize, seed: &mut u64) {
    shuffle(&mut subjects, seed);
    for subject in subjects {
        let cost = subject.run(operation, at);
        if at >= N_WARM_UPS {
            subject.costs[operation as usize].push(cost);
        }
    }
}

impl Grown {
    /// Copies the repository to the other place, and installs the hooks.
    fn make(what: String, hooked: Place, bare: Place) -> Grown {
        let [from, to] = [&hooked, &bare].map(|it| it.dir.to_string_lossy());
        hooked.output("cp", &["-R", "-p", &from, &to]);
        install(&hooked);
        Grown { what, hooked: Subject::new(hooked), bare: Subject::new(bare) }
    }
}

impl Subject {
    fn new(place: Place) -> Subject {
        Subject { place, costs: Default::default() }
    }

    /// Tells how long it takes, in milliseconds.
    fn run(&self, operation: Operation, at: usize) -> f64 {
        match operation {
            Operation::Commit => {
                self.change(&format!("{at}"));
                self.git(&["commit", "--quiet", "-a", "-m", "next"])
            }
            Operation::Switch => {
                let there = self.git(&["switch", "--quiet", "other"]);
                (there + self.git(&["switch", "--quiet", "main"])) / 2.0
            }
            Operation::CommitAndList => {
                self.change(&format!("{at} again"));
                let script = "git commit --quiet -a -m next && \"$0\" list -n 1";
                self.time("sh", &["-c", script, SESSION])
            }
        }
    }

    fn git(&self, args: &[&str]) -> f64 {
        self.time("git", args)
    }

    /// Runs a command, and waits until nobody works on the repository any more, as each of our commands does.
    fn time(&self, program: &str, args: &[&str]) -> f64 {
        let took = time(self.place.command(program, args)).as_secs_f64() * 1000.0;
        self.place.session(&["list", "-n", "1"]);
        took
    }

    /// Writes into a file what it never had.
    fn change(&self, line: &str) {
        let before = std::fs::read_to_string(self.place.dir.join("file-1")).expect("a file");
        self.place.write("file-1", &format!("{before}{line}\n"));
    }

    fn row(
        &self,
        name: &str,
        operation: Operation,
        beside: &str,
        other: &Subject,
        goal: Option<f64>,
    ) -> String {
        let [ours, theirs] = [self, other].map(|it| &it.costs[operation as usize][..]);
        compare(name, ours, beside, theirs, goal)
    }

    fn ratio(&self, operation: Operation, other: &Subject) -> f64 {
        ratio(&self.costs[operation as usize], &other.costs[operation as usize])
    }
}

/// Makes many files that were written long ago, and two branches.
fn fill(place: &Place) -> io::Result<()> {
    for n in 0..N_FILES {
        place.write_long_ago(&format!("file-{n}"), &format!("{n}\n"))?;
    }
    place.git(&["add", "."]);
    place.git(&["commit", "--quiet", "-m", "many files"]);
    place.git(&["branch", "other"]);
    Ok(())
}

/// Puts a script that only ends where `init` puts hooks that git waits for.
fn do_nothing(place: &Place) {
    let script = "for hook in prepare-commit-msg post-checkout; do \
        printf '#!/bin/sh\\nexit 0\\n' >.git/hooks/$hook && chmod +x .git/hooks/$hook || exit; done";
    place.output("sh", &["-c", script]);
}

/// Installs the hooks.
fn install(place: &Place) {
    place.session(&["init", "--quiet"]);
}

fn start(place: &Place) {
    place.session(&["start", "--quiet", "Add user authentication"]);
}

/// Records a long conversation.
fn talk(place: &Place) {
    let (n_parts, n_messages, n_bytes) = CONVERSATION;
    let text = "It is said. ".repeat(n_bytes / 12);
    let line = format!("{{\"role\":\"user\",\"content\":\"{text}\"}}\n");
    place.write("said", &line.repeat(n_messages));
    for _ in 0..n_parts {
        place.session(&["record", "--quiet", "--input", "said"]);
    }
    std::fs::remove_file(place.dir.join("said")).expect("it is there");
}
