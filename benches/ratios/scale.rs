//! What a repository with very many sessions costs to be asked, beside plain git on the same repository.
//!
//! Each session has eight transitions after its creation, in exactly the bytes that the program writes: two
//! sessions are made with the program, and the others after their example, with a title, a branch and
//! times of their own. All refs are packed. One session in fifty is open, the others have ended.

use std::fmt::Write as _;
use std::io::{self, BufWriter, Write};
use std::process::{Command, Stdio};

use super::{Event, N_WARM_UPS, Place, SESSION, cost, data, median, splitmix};

/// How many events a session has: its creation and eight transitions.
const N_EVENTS: u64 = 9;
/// What the program is told that the time is, in seconds since 1970: when the newest session was made.
const NOW: u64 = 1_767_790_800;
/// How long after another a session is made, in seconds.
const STEP: u64 = 300;
/// One of so many sessions is open.
const OPEN_ONE_IN: u64 = 50;

/// How many sessions a small repository has.
const N_SMALL: u64 = 10;
/// What must cost the same with any number of sessions.
const CHANGES: [&str; 5] = [
    "transition <id> <state>",
    "transition <prefix> <state>",
    "record <id> --role=user --message=word",
    "show <id>",
    "hook agent claude-code Stop",
];
/// How much more these may cost.
const GROWTH: f64 = 1.2;
/// The file that says that a repository is complete.
const MADE: &str = ".git/made";

/// A repository with many sessions.
pub struct Scale {
    place: Place,
    n_sessions: u64,
    ids: Vec<String>,
}

/// A question: what we and what git are asked, and how much of git's time ours may take.
struct Question<'a> {
    name: &'static str,
    ours: Command,
    theirs: &'a str,
    goal: Option<f64>,
}

const NAMES: &str = "git for-each-ref refs/sessions --format='%(refname)' | wc -l";
const CONTENTS: &str = "git for-each-ref refs/sessions --format='%(contents)'";
const RECORDS: &str = "git for-each-ref refs/sessions --format='%(objectname):session.yaml' | \
    git cat-file --batch";

impl Scale {
    /// Makes the repository, if an earlier run has not kept it.
    pub fn make(place: Place, n_sessions: u64) -> io::Result<Scale> {
        let mut scale = Scale { place, n_sessions, ids: Vec::new() };
        if scale.place.dir.join(MADE).exists() {
            let names = scale.place.git(&["for-each-ref", "--format=%(refname)", "refs/sessions"]);
            let ids = names.lines().filter_map(|name| name.strip_prefix("refs/sessions/"));
            scale.ids = ids.map(str::to_owned).collect();
            return Ok(scale);
        }
        scale.place.init();
        let example = Example::make(&scale.place);
        scale.import(&example)?;
        scale.pack_refs()?;
        std::fs::write(scale.place.dir.join(MADE), "")?;
        Ok(scale)
    }

    /// Returns where it is.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Returns the id of a session that is open.
    pub fn open_id(&self) -> String {
        self.session_text(&["list", "-n", "1", "--class=active,paused", "--format=%(id)"])
    }

    /// Writes all sessions as one pack.
    fn import(&mut self, example: &Example) -> io::Result<()> {
        let args = ["fast-import", "--quiet", "--export-marks=marks"];
        let mut command = self.place.command("git", &args);
        let mut child = command.stdin(Stdio::piped()).spawn()?;
        let mut feed = BufWriter::new(child.stdin.take().expect("it has a pipe"));
        write!(feed, "blob\nmark :1\n{}", data(&example.lifecycle))?;
        let mut seed = 0x5e55_1020;
        for at in 0..self.n_sessions {
            let made_at = NOW - (self.n_sessions - at) * STEP;
            let id = uuid_at(made_at, &mut seed);
            let is_open = splitmix(&mut seed).is_multiple_of(OPEN_ONE_IN);
            // The open ones stop where they run for the fourth time.
            let n_events = if is_open { N_EVENTS - 1 } else { N_EVENTS };
            let one = One { id: &id, made_at, title: title(&mut seed), branch: at % 1000 };
            feed.write_all(b"reset refs/heads/import\n")?;
            for (n, event) in example.events.iter().take(n_events as usize).enumerate() {
                let mark = 2 + at * N_EVENTS + n as u64;
                feed.write_all(example.adapt(event, &one, mark, n as u64).as_bytes())?;
            }
            self.ids.push(id);
        }
        feed.flush()?;
        drop(feed);
        assert!(child.wait()?.success(), "git fast-import failed");
        Ok(())
    }

    /// Writes the refs as `git pack-refs --all` would, which takes minutes for so many loose ones.
    fn pack_refs(&mut self) -> io::Result<()> {
        let marks = std::fs::read_to_string(self.place.dir.join("marks"))?;
        let mut tips = vec![String::new(); self.ids.len()];
        let mut newest = vec![0; self.ids.len()];
        for line in marks.lines() {
            let (mark, oid) = line[1..].split_once(' ').expect("a mark and an id");
            let mark: u64 = mark.parse().expect("a number");
            let Some(at) = mark.checked_sub(2).map(|it| (it / N_EVENTS) as usize) else {
                continue;
            };
            if mark > newest[at] {
                newest[at] = mark;
                tips[at] = oid.to_owned();
            }
        }
        self.place.git(&["update-ref", "-d", "refs/heads/import"]);
        self.place.git(&["pack-refs", "--all"]);
        let mut refs: Vec<(String, String)> = self
            .place
            .git(&["for-each-ref", "--format=%(objectname) %(refname)"])
            .lines()
            .filter_map(|line| line.split_once(' '))
            .map(|(oid, name)| (name.to_owned(), oid.to_owned()))
            .collect();
        let named = self.ids.iter().map(|id| format!("refs/sessions/{id}"));
        refs.extend(named.zip(tips));
        refs.sort();
        let mut text = String::from("# pack-refs with: peeled fully-peeled sorted \n");
        for (name, oid) in &refs {
            let _ = writeln!(text, "{oid} {name}");
        }
        std::fs::write(self.place.dir.join(".git/packed-refs"), text)?;
        std::fs::remove_file(self.place.dir.join("marks"))
    }

    /// Runs everything, and prints a row for each.
    pub fn measure(&self, out: &mut dyn Write, n_runs: usize) -> io::Result<()> {
        writeln!(out, "\n{} sessions, {}\n", self.n_sessions, self.weight())?;
        writeln!(out, "| command | ms | CPU ms | MB | beside | ms | ratio | goal | |")?;
        writeln!(out, "|---|--:|--:|--:|---|--:|--:|--:|---|")?;
        for question in self.questions() {
            writeln!(out, "{}", question.measure(self, n_runs))?;
        }
        writeln!(out, "{}", self.cold(n_runs))?;
        writeln!(out, "{}", self.changed(n_runs))?;
        let small = Scale::make(self.place.at(self.place.dir.with_extension("small")), N_SMALL)?;
        writeln!(out, "\n| command | CPU ms | with {N_SMALL} sessions | ratio | goal | |")?;
        writeln!(out, "|---|--:|--:|--:|--:|---|")?;
        for name in CHANGES {
            writeln!(out, "{}", self.grown(&small, name, n_runs))?;
        }
        Ok(())
    }

    /// Measures a command here and in a small repository in turn.
    fn grown(&self, small: &Scale, name: &str, n_runs: usize) -> String {
        let ids = [self.open_id(), small.open_id()];
        let run = |scale: &Scale, id: &str, at: usize| {
            let state = ["suspended", "running"][at % 2];
            let words = name.replace("<id>", id).replace("<prefix>", &id[..id.len() - 3]);
            let words = words.replace("<state>", state);
            cost(scale.session(&words.split(' ').collect::<Vec<_>>())).cpu
        };
        let (mut large, mut few) = (Vec::new(), Vec::new());
        for at in 0..N_WARM_UPS + n_runs {
            let costs = [run(self, &ids[0], at), run(small, &ids[1], at)];
            if at >= N_WARM_UPS {
                large.push(costs[0]);
                few.push(costs[1]);
            }
        }
        let (large, few) = (median(large), median(few));
        let verdict = if large <= GROWTH * few { "met" } else { "**not met**" };
        let ratio = large / few;
        format!("| `{name}` | {large:.1} | {few:.1} | {ratio:.2} | {GROWTH:.2} | {verdict} |")
    }

    fn questions(&self) -> Vec<Question<'_>> {
        let ask = |name, args: &[&str], theirs, goal| Question {
            name,
            ours: self.session(args),
            theirs,
            goal,
        };
        let middle = &self.ids[self.ids.len() / 2];
        // As much of it as no other session has.
        let prefix = &middle[..middle.len() - 4];
        let quarter = Some(0.25);
        vec![
            ask("list -n 20", &["list", "-n", "20"], NAMES, quarter),
            ask("list --status running", &["list", "--status", "running"], NAMES, quarter),
            ask("list --all --branch", &["list", "--all", "--branch", "topic-7"], NAMES, quarter),
            ask("list --since=2.weeks", &["list", "--since=2.weeks"], NAMES, quarter),
            ask("show <prefix>", &["show", prefix], NAMES, quarter),
            ask("show <id>", &["show", middle], NAMES, quarter),
            ask("status", &["status"], NAMES, quarter),
            ask("stats", &["stats"], RECORDS, None),
            ask("list --all --json", &["list", "--all", "--json"], RECORDS, Some(3.0)),
        ]
    }

    /// Measures a list without what earlier ones left behind.
    fn cold(&self, n_runs: usize) -> String {
        let forget = || {
            let _ = std::fs::remove_dir_all(self.place.dir.join(".git/session/cache"));
        };
        let list = || self.session(&["list", "-n", "20"]);
        self.pair("list -n 20, cold", n_runs.min(5), CONTENTS, Some(3.0), &mut || {
            forget();
            list()
        })
    }

    /// Measures the list after a transition.
    fn changed(&self, n_runs: usize) -> String {
        let open = self.session_text(&["list", "-n", "1", "--status", "running", "--format=%(id)"]);
        let mut n = 0;
        self.pair("list -n 20, after a transition", n_runs, NAMES, Some(0.3), &mut || {
            n += 1;
            let state = ["suspended", "running"][n % 2];
            let _ = self.session(&["transition", &open, state]).output();
            self.session(&["list", "-n", "20"])
        })
    }

    fn pair(
        &self,
        name: &'static str,
        n_runs: usize,
        theirs: &str,
        goal: Option<f64>,
        ours: &mut dyn FnMut() -> Command,
    ) -> String {
        let (mut walls, mut cpus, mut others, mut ratios) = (vec![], vec![], vec![], vec![]);
        for at in 0..N_WARM_UPS + n_runs {
            let own = cost(ours());
            let other = cost(self.place.command("sh", &["-c", theirs]));
            if at >= N_WARM_UPS {
                walls.push(own.wall);
                cpus.push(own.cpu);
                others.push(other.wall);
                ratios.push(own.wall / other.wall);
            }
        }
        let ratio = median(ratios);
        let verdict = match goal {
            Some(goal) if ratio <= goal => format!("| {goal:.2} | met |"),
            Some(goal) => format!("| {goal:.2} | **not met** |"),
            None => "| | |".to_owned(),
        };
        format!(
            "| `{name}` | {:.1} | {:.1} | {:.0} | `{}` | {:.1} | {ratio:.2} {verdict}",
            median(walls),
            median(cpus),
            super::peak_mb(&ours()),
            theirs.replace('|', "\\|"),
            median(others),
        )
    }

    /// Returns a command of ours, at the time that the sessions are of.
    pub fn session(&self, args: &[&str]) -> Command {
        let mut command = self.place.command(SESSION, args);
        command.env("GIT_SESSION_TEST_NOW", time(NOW));
        command
    }

    fn session_text(&self, args: &[&str]) -> String {
        let output = self.session(args).output().expect("the program starts");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Tells what it takes on disk.
    fn weight(&self) -> String {
        let kb = |path: &str| {
            let text = self.place.output("sh", &["-c", &format!("du -sk {path} | cut -f1")]);
            text.parse::<f64>().unwrap_or(0.0)
        };
        let (objects, refs) = (kb(".git/objects"), kb(".git/packed-refs"));
        let n = self.n_sessions as f64;
        format!("{objects} KB of objects ({:.2} a session), {refs} KB of refs", objects / n)
    }
}

impl Question<'_> {
    fn measure(self, scale: &Scale, n_runs: usize) -> String {
        let ours = self.ours;
        scale.pair(self.name, n_runs, self.theirs, self.goal, &mut || copy(&ours))
    }
}

/// Returns the same command once more.
fn copy(command: &Command) -> Command {
    let mut copy = Command::new(command.get_program());
    copy.args(command.get_args());
    place_as(&mut copy, command);
    copy
}

/// Lets a command run where another one would.
pub fn place_as(command: &mut Command, other: &Command) {
    command.env_clear().stdin(Stdio::null());
    command.envs(other.get_envs().filter_map(|(key, value)| Some((key, value?))));
    if let Some(dir) = other.get_current_dir() {
        command.current_dir(dir);
    }
}

/// What the sessions are made after.
struct Example {
    id: String,
    lifecycle: String,
    events: Vec<Event>,
}

/// What a session has of its own.
struct One<'a> {
    id: &'a str,
    made_at: u64,
    title: String,
    branch: u64,
}

impl Example {
    /// Makes a session of nine events, each a minute after the one before.
    fn make(place: &Place) -> Example {
        let at = |n: u64, args: &[&str]| {
            let mut command = place.command(SESSION, args);
            command.env("GIT_SESSION_TEST_NOW", time(NOW + 60 * n));
            assert!(command.output().expect("the program starts").status.success(), "{args:?}");
        };
        at(0, &["create", "TITLE", "--issue", "FEAT-0098", "--agent", "claude-code"]);
        at(1, &["transition", "running"]);
        for n in [2, 4, 6] {
            at(n, &["suspend", "-m", "waiting for the review"]);
            at(n + 1, &["transition", "running"]);
        }
        at(8, &["finish", "-m", "Ready for review"]);
        let name = place.git(&["for-each-ref", "--format=%(refname)", "refs/sessions"]);
        let lifecycle = place.git(&["show", &format!("{name}:lifecycle.yaml")]) + "\n";
        let events = Event::all(place, &name);
        assert_eq!(events.len() as u64, N_EVENTS, "the example has other events");
        let id = name.trim_start_matches("refs/sessions/").to_owned();
        place.git(&["update-ref", "-d", &name]);
        Example { id, lifecycle, events }
    }

    /// Returns an event of another session, as a command for `git fast-import`.
    fn adapt(&self, event: &Event, one: &One<'_>, mark: u64, n: u64) -> String {
        let adapt = |text: &str| {
            let mut text = text.replace(&self.id, one.id).replace("TITLE", &one.title);
            text = text.replace("ranch: main", &format!("ranch: topic-{}", one.branch));
            for at in 0..=n {
                text = text.replace(&time(NOW + 60 * at), &time(one.made_at + 60 * at));
            }
            text + "\n"
        };
        let who = format!("Ada <ada@example.com> {} +0000", one.made_at + 60 * n);
        format!(
            "commit refs/heads/import\nmark :{mark}\nauthor {who}\ncommitter {who}\n{}\
             M 100644 :1 lifecycle.yaml\nM 100644 inline session.yaml\n{}",
            data(&adapt(&event.message)),
            data(&adapt(&event.record)),
        )
    }
}

/// Returns a title as people write them.
fn title(seed: &mut u64) -> String {
    const VERBS: [&str; 8] =
        ["Add", "Fix", "Refactor", "Document", "Speed up", "Remove", "Test", "Review"];
    const WHAT: [&str; 8] = [
        "user authentication",
        "the payment webhook",
        "pagination of search results",
        "retries of the upload queue",
        "the migration to the new schema",
        "error messages of the importer",
        "session expiry",
        "dark mode in the settings page",
    ];
    let mut pick = |words: &[&'static str; 8]| words[(splitmix(seed) % 8) as usize];
    let (verb, what) = (pick(&VERBS), pick(&WHAT));
    format!("{verb} {what} ({})", splitmix(seed) % 10_000)
}

/// Returns a UUIDv7 of that second.
fn uuid_at(second: u64, seed: &mut u64) -> String {
    let (a, b) = (splitmix(seed), splitmix(seed));
    let ms = second * 1000;
    format!(
        "{:08x}-{:04x}-7{:03x}-8{:03x}-{:012x}",
        ms >> 16,
        ms & 0xffff,
        a & 0xfff,
        b >> 52,
        b & 0xffff_ffff_ffff
    )
}

/// Returns a second since 1970 as a record spells it.
fn time(second: u64) -> String {
    let at = git_session::model::Timestamp::from_seconds(second as i64).expect("in range");
    at.to_string()
}
