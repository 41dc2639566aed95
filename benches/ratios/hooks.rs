//! What the hooks of `init` add to git, and what `why` adds to `git blame`.
//!
//! A commit is one of a file in 500. What a hook writes after git has gone on belongs to none of the two that
//! are compared, so it is waited for before each of them; the last rows say what it comes to for who waits.

use std::io::{self, Write};
use std::process::Stdio;

use super::scale::Scale;
use super::{Pair, Place, Run, SESSION, data};

/// How many files the repositories have.
const N_FILES: usize = 500;
/// How many commits the repository of `why` has.
const N_COMMITS: usize = 3000;
/// How many lines its file has.
const N_LINES: usize = 500;
/// How often a part of the long conversation is recorded, and how many messages of how many bytes it has.
const CONVERSATION: (usize, usize, usize) = (10, 500, 10_000);

/// Repositories with and without hooks.
pub struct Hooks {
    plain: Place,
    idle: Place,
    active: Place,
    talked: Place,
    many: Vec<(u64, Place)>,
    history: Place,
}

impl Hooks {
    /// Makes them, each at the place that `place` gives for its name.
    pub fn make(place: impl Fn(&str) -> Place, n_sessions: &[u64]) -> io::Result<Hooks> {
        let made = |name: &str| {
            let place = place(name);
            place.init();
            fill(&place);
            place
        };
        let active = |place: Place| {
            place.session(&["init", "--quiet"]);
            place.session(&["start", "--quiet", "Add user authentication"]);
            place
        };
        let idle = made("idle");
        idle.session(&["init", "--quiet"]);
        let talked = active(made("talked"));
        talk(&talked);
        let mut many = Vec::new();
        for n in n_sessions {
            let at = || place(&format!("many-{n}"));
            Scale::make(at(), *n)?;
            fill(&at());
            many.push((*n, active(at())));
        }
        let history = place("history");
        history.init();
        import(&history)?;
        let history = active(history);
        history.session(&["record", "--quiet", "--role", "user", "--message", "Change a line"]);
        let made = Hooks {
            plain: made("plain"),
            idle,
            active: active(made("active")),
            talked,
            many,
            history,
        };
        // A line of the newest commit, which a session made.
        let text = std::fs::read_to_string(made.history.dir.join("file"))?;
        let text: Vec<&str> = text.lines().collect();
        let text = [&text[..76], &["mine"], &text[77..]].concat().join("\n") + "\n";
        made.history.write("file", &text);
        made.history.git(&["commit", "--quiet", "-a", "-m", "mine"]);
        Ok(made)
    }

    /// Returns what is to be compared.
    pub fn pairs(&self) -> Vec<Pair<'_>> {
        let pair = |name: String, ours, beside, theirs, goal| {
            let (name, goal) = (name.leak(), Some(goal));
            Pair { name, ours, beside, theirs, goal }
        };
        let (plain, alone) = ("the same without hooks", "the same with one session");
        let mut pairs = Vec::new();
        for (what, place, goals) in
            [("no session", &self.idle, (1.5, 1.5)), ("a session", &self.active, (1.5, 1.5))]
        {
            let name = format!("git commit, hooks, {what}");
            let theirs = commit(&self.plain, place);
            pairs.push(pair(name, commit(place, place), plain, theirs, goals.0));
            let name = format!("git switch, hooks, {what}");
            let theirs = switch(&self.plain, place);
            pairs.push(pair(name, switch(place, place), plain, theirs, goals.1));
        }
        for (n, place) in &self.many {
            let name = format!("git commit, hooks, {n} more sessions");
            let theirs = commit(&self.active, place);
            pairs.push(pair(name, commit(place, &self.active), alone, theirs, 1.2));
        }
        let name = "git commit, hooks, 50 MB said".to_owned();
        let theirs = commit(&self.active, &self.talked);
        pairs.push(pair(name, commit(&self.talked, &self.active), alone, theirs, 1.2));
        for (line, what) in [(77, "the newest commit"), (200, "no session")] {
            let name = format!("git-session why, a line of {what}");
            // Where the answer is no, the status says so.
            let (why, blame) =
                ("\"$0\" why \"file:$1\" || test $? = 1", "git blame -L\"$1,$1\" file");
            let run = |script| {
                let line = line.to_string();
                let run: Run<'_> =
                    Box::new(move |_| self.history.command("sh", &["-c", script, SESSION, &line]));
                run
            };
            pairs.push(pair(name, run(why), "`git blame` of it", run(blame), 1.3));
        }
        let name = "git commit, hooks, and what is written after it".to_owned();
        let waits: Run<'_> = Box::new(|at| {
            change(&self.active, &self.active, at);
            let script = "git commit --quiet -a -m next && \"$0\" list";
            self.active.command("sh", &["-c", script, SESSION])
        });
        let list: Run<'_> = Box::new(|at| {
            change(&self.plain, &self.active, at);
            let script = "git commit --quiet -a -m next && \"$0\" list";
            self.plain.command("sh", &["-c", script, SESSION])
        });
        let beside = "the same without hooks";
        pairs.push(Pair { name: name.leak(), ours: waits, beside, theirs: list, goal: None });
        pairs
    }
}

/// Returns the commits of a file that has changed, when nobody works on it or on `other` any more.
fn commit<'a>(place: &'a Place, other: &'a Place) -> Run<'a> {
    Box::new(move |at| {
        change(place, other, at);
        place.command("git", &["commit", "--quiet", "-a", "-m", "next"])
    })
}

/// Returns the switches between two branches of the same files, when nobody works on either repository any more.
fn switch<'a>(place: &'a Place, other: &'a Place) -> Run<'a> {
    Box::new(move |at| {
        settle(place, other);
        let branch = ["other", "main"][at % 2];
        place.command("git", &["switch", "--quiet", branch])
    })
}

/// Waits for what the hooks of two repositories have left behind.
fn settle(place: &Place, other: &Place) {
    other.session(&["list"]);
    place.session(&["list"]);
}

/// Changes a file, when nobody works on the repositories any more.
fn change(place: &Place, other: &Place, at: usize) {
    settle(place, other);
    let before = std::fs::read_to_string(place.dir.join("file-1")).expect("a file");
    place.write("file-1", &format!("{before}{at}\n"));
}

/// Makes many files, and two branches.
fn fill(place: &Place) {
    for n in 0..N_FILES {
        place.write(&format!("file-{n}"), &format!("{n}\n"));
    }
    place.git(&["add", "."]);
    place.git(&["commit", "--quiet", "-m", "many files"]);
    place.git(&["branch", "other"]);
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

/// Makes a history in which each commit changes another line of a file.
fn import(place: &Place) -> io::Result<()> {
    let mut command = place.command("git", &["fast-import", "--quiet", "--force"]);
    let mut child = command.stdin(Stdio::piped()).spawn()?;
    let mut feed = io::BufWriter::new(child.stdin.take().expect("it has a pipe"));
    let mut lines: Vec<String> = (0..N_LINES).map(|n| format!("line {n}\n")).collect();
    for at in 0..N_COMMITS {
        lines[at % N_LINES] = format!("line {} of {at}\n", at % N_LINES);
        let who = format!("Ada <ada@example.com> {} +0000", 1_700_000_000 + at);
        let message = data(&format!("change {at}"));
        let head = format!("commit refs/heads/main\ncommitter {who}\n{message}");
        write!(feed, "{head}M 100644 inline file\n{}\n", data(&lines.concat()))?;
    }
    feed.flush()?;
    drop(feed);
    assert!(child.wait()?.success(), "git fast-import failed");
    place.git(&["reset", "--quiet", "--hard"]);
    Ok(())
}
