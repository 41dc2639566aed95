//! What our commands cost beside plain git: whole processes, on the same repository, in the
//! same run, each time in an order that is drawn.
//!
//! `cargo bench --bench ratios [-- --dir <directory> --runs <n> --only <section> --segments <n>
//! --sessions <n,...> --keep <directory>]` prints a Markdown table; the sections are `write`, `run`, `read`, `said`,
//! `checkpoint`, `hooks` (with `why`), `weight`, `scale` and `peers`, which measures those that are installed.
//! `--segments` says how long the long conversation is, 10,000 if it is not given, and `--sessions` how many
//! sessions the repositories of `scale` and `hooks` have, 1,000 and 10,000 if it is not given; 100,000 need some 2 GB of
//! disk and a few minutes; `--keep` says where they stay, to be used again by the next run. Wall times are medians, and
//! the ratio is the median of the
//! pairs' ratios, so that a machine whose speed
//! drifts disturbs it little. Nothing fails here for being slow: the goal is printed, and whether it
//! is met. The repositories are made from a fixed seed below `--dir`, the directory for temporary
//! files if it is not given. On a file system in memory, syncing costs nothing and says nothing; on a
//! disk that others keep busy, a write takes as long as its syncs, and the ratio is that of their numbers.
//!
//! The plumbing that a write is compared with makes the same commit: a tree of two files, with
//! `core.fsync=all`. It is spared what ours does beside: it neither reads the session, nor asks its
//! lifecycle, nor takes a lock, nor has an old value as condition, nor writes a reflog; and it is less
//! durable, since git never syncs a directory.
//!
//! What `run` adds to a command is told as the processor time, in user mode and in the kernel, of its
//! whole tree of processes, less that of the bare command and of two transitions; of each the median.

#[path = "ratios/archived.rs"]
mod archived;
#[path = "ratios/hooks.rs"]
mod hooks;
#[path = "../tests/support/inside.rs"]
mod inside;
#[path = "ratios/peers.rs"]
mod peers;
#[path = "ratios/said.rs"]
mod said;
#[path = "ratios/scale.rs"]
mod scale;
#[path = "ratios/weight.rs"]
mod weight;
#[path = "ratios/why.rs"]
mod why;
#[path = "ratios/work_tree.rs"]
mod work_tree;

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

const SESSION: &str = env!("CARGO_BIN_EXE_git-session");
/// How many sessions the large repository has.
const N_SESSIONS: u64 = 1000;
/// How many runs of each pair are not counted.
const N_WARM_UPS: usize = 3;

fn main() -> io::Result<()> {
    if std::env::args().nth(1).as_deref() == Some(PEAK) {
        return tell_peak();
    }
    let options = Options::read();
    let dir = tempfile::Builder::new().prefix("ratios").tempdir_in(&options.dir)?;
    let git = Place::new(dir.path().join("home"));
    spread(&git, dir.path());
    let mut out = io::stdout().lock();
    writeln!(out, "{}, {} runs in {}\n", git.version(), options.n_runs, options.dir.display())?;
    writeln!(out, "| command | ms | beside | ms | ratio | goal | |")?;
    writeln!(out, "|---|--:|---|--:|--:|--:|---|")?;
    if options.wants("write") {
        let small = Small::make(git.at(dir.path().join("small")));
        for pair in small.pairs() {
            writeln!(out, "{}", pair.measure(options.n_runs))?;
        }
    }
    if options.wants("read") {
        let large = Large::make(git.at(dir.path().join("large")));
        for pair in large.pairs() {
            writeln!(out, "{}", pair.measure(options.n_runs))?;
        }
    }
    if options.wants("run") {
        let runs = Runs::make(git.at(dir.path().join("run")), N_WARM_UPS + options.n_runs);
        writeln!(out, "{}", runs.measure())?;
    }
    if options.wants("said") {
        let (short, long) = (git.at(dir.path().join("short")), git.at(dir.path().join("long")));
        let said = said::Said::make(short, long, options.n_segments);
        for pair in said.pairs() {
            writeln!(out, "{}", pair.measure(options.n_runs))?;
        }
        writeln!(out, "\n{}", said.weigh())?;
    }
    if options.wants("checkpoint") {
        let work_tree = work_tree::WorkTree::make(git.at(dir.path().join("files")));
        for pair in work_tree.pairs() {
            writeln!(out, "{}", pair.measure(options.n_runs))?;
        }
    }
    if options.wants("hooks") {
        let run = dir.path().file_name().expect("it has a name").to_string_lossy();
        let place = |name: &str| git.at(dir.path().join(format!("{name}-{run}")));
        let hooks = hooks::Hooks::make(place, &options.n_sessions)?;
        // What was written is not to be on its way to the disk meanwhile.
        git.output("sync", &[]);
        for row in hooks.measure(options.n_runs) {
            writeln!(out, "{row}")?;
        }
        let why = why::Why::make(git.at(dir.path().join("history")))?;
        for pair in why.pairs() {
            writeln!(out, "{}", pair.measure(options.n_runs))?;
        }
    }
    if options.wants("weight") {
        let [ours, theirs] = ["ours", "theirs"].map(|name| git.at(dir.path().join(name)));
        writeln!(out, "\n{}", weight::weigh(&ours, &theirs))?;
    }
    if options.wants("scale") {
        for n_sessions in &options.n_sessions {
            let parent = options.keep.as_deref().unwrap_or(dir.path());
            let place = git.at(parent.join(format!("scale-{n_sessions}")));
            let scale = scale::Scale::make(place, *n_sessions)?;
            scale.measure(&mut out, options.n_runs)?;
            let ours = git.at(dir.path().join(format!("archived-{n_sessions}")));
            let plain = git.at(dir.path().join(format!("plain-{n_sessions}")));
            let archived = archived::Archived::make(scale.place(), ours, plain, &mut out)?;
            archived.measure(&mut out, options.n_runs)?;
        }
    }
    if options.wants("peers") {
        let n_records = options.n_sessions.iter().copied().max().unwrap_or_default();
        let place = |name: &str| git.at(dir.path().join("peers").join(name));
        peers::measure(&mut out, place, n_records, options.n_runs)?;
    }
    Ok(())
}

/// Asks ext4 to keep the directories in `dir` far from each other; other file systems refuse it, and are left alone.
///
/// To make a file, ext4 passes over all files near by that were deleted in the last minutes. Git makes and deletes some
/// with each command, so it would be slower, by a third here, where other programs deleted many, or another
/// repository does. Where a directory goes, its name tells: so one of another run should have another name.
fn spread(place: &Place, dir: &Path) {
    let mut command = place.command("chattr", &["+T"]);
    let _ = command.arg(dir).stdout(Stdio::null()).stderr(Stdio::null()).status();
}

/// The first argument of a run of this program that tells what memory another takes at most.
const PEAK: &str = "--peak";

/// Runs the command that the arguments name, and prints what memory it took at most, in kilobytes.
fn tell_peak() -> io::Result<()> {
    use nix::sys::resource::{UsageWho, getrusage};
    let args: Vec<String> = std::env::args().skip(2).collect();
    let [program, args @ ..] = &args[..] else {
        return Err(io::Error::other("which command?"));
    };
    Command::new(program).args(args).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    writeln!(io::stdout(), "{}", getrusage(UsageWho::RUSAGE_CHILDREN)?.max_rss())
}

/// Returns what memory a command takes at most, in megabytes: a process of its own runs it, so that no
/// other command is counted.
fn peak_mb(command: &Command) -> f64 {
    let own = std::env::current_exe().expect("the system tells");
    let mut outer = Command::new(own);
    outer.arg(PEAK).arg(command.get_program()).args(command.get_args());
    scale::place_as(&mut outer, command);
    let output = outer.output().expect("this program starts");
    let kb: f64 = String::from_utf8_lossy(&output.stdout).trim().parse().unwrap_or(f64::NAN);
    kb / 1024.0
}

/// What was asked for.
struct Options {
    dir: PathBuf,
    n_runs: usize,
    only: Option<String>,
    n_segments: usize,
    n_sessions: Vec<u64>,
    /// Where the repositories of `scale` stay.
    keep: Option<PathBuf>,
}

impl Options {
    /// Tells whether a section is to be measured.
    fn wants(&self, section: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only == section)
    }

    fn read() -> Options {
        let mut options = Options {
            dir: std::env::temp_dir(),
            n_runs: 50,
            only: None,
            n_segments: 10_000,
            n_sessions: vec![1000, 10_000],
            keep: None,
        };
        let mut args = std::env::args().skip(1);
        while let Some(arg) = args.next() {
            let mut value = || args.next().expect("the option has a value");
            match arg.as_str() {
                "--dir" => options.dir = PathBuf::from(value()),
                "--runs" => options.n_runs = value().parse().expect("--runs takes a number"),
                "--keep" => options.keep = Some(PathBuf::from(value())),
                "--only" => options.only = Some(value()),
                "--sessions" => {
                    let read = |n: &str| n.parse().expect("--sessions takes numbers");
                    options.n_sessions = value().split(',').map(read).collect();
                }
                "--segments" => options.n_segments = value().parse().expect("a number"),
                // Cargo says so.
                "--bench" => {}
                other => panic!("unknown option '{other}'"),
            }
        }
        options
    }
}

/// A directory in which commands run, untouched by the user's own configuration.
struct Place {
    home: PathBuf,
    dir: PathBuf,
}

impl Place {
    fn new(home: PathBuf) -> Place {
        std::fs::create_dir_all(&home).expect("can make a directory");
        let config = "[user]\n\tname = Ada\n\temail = ada@example.com\n\
            [init]\n\tdefaultBranch = main\n[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n";
        std::fs::write(home.join(".gitconfig"), config).expect("can write a file");
        Place { dir: home.clone(), home }
    }

    /// Returns the place `dir` in the same world.
    fn at(&self, dir: PathBuf) -> Place {
        Place { home: self.home.clone(), dir }
    }

    fn version(&self) -> String {
        self.output("git", &["--version"])
    }

    #[expect(clippy::disallowed_methods, reason = "the programs are found where the caller's are")]
    fn command(&self, program: &str, args: &[&str]) -> Command {
        let bin = Path::new(SESSION).parent().expect("a program is in a directory");
        let path = std::env::var("PATH").expect("PATH is set");
        let mut command = Command::new(program);
        command
            .args(args)
            .current_dir(&self.dir)
            .env_clear()
            .env("PATH", format!("{}:{path}", bin.display()))
            .env("HOME", &self.home)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("LC_ALL", "C")
            .stdin(Stdio::null());
        command
    }

    fn output(&self, program: &str, args: &[&str]) -> String {
        let output = self.command(program, args).output().expect("the program starts");
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program} {args:?}: {complaint}");
        String::from_utf8(output.stdout).expect("text").trim_end().to_owned()
    }

    fn git(&self, args: &[&str]) -> String {
        self.output("git", args)
    }

    fn session(&self, args: &[&str]) -> String {
        self.output(SESSION, args)
    }

    /// Makes a repository with one commit here.
    fn init(&self) {
        std::fs::create_dir_all(&self.dir).expect("can make a directory");
        self.git(&["init", "--quiet"]);
        self.git(&["commit", "--quiet", "--allow-empty", "-m", "begin"]);
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.dir.join(name), text).expect("can write a file");
    }

    /// Writes a file that has the time of long ago.
    ///
    /// Git reads a file again, however often it is asked, as long as the file is not older than the index by a second.
    fn write_long_ago(&self, name: &str, text: &str) -> io::Result<()> {
        self.write(name, text);
        let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_577_836_800);
        File::options().write(true).open(self.dir.join(name))?.set_modified(long_ago)
    }
}

/// Makes the command of one run, of which this is the number.
type Run<'a> = Box<dyn FnMut(usize) -> Command + 'a>;

/// Two commands to be compared.
struct Pair<'a> {
    name: &'static str,
    ours: Run<'a>,
    beside: &'static str,
    theirs: Run<'a>,
    goal: Option<f64>,
}

impl Pair<'_> {
    /// Runs both in each round, in an order that is drawn, and returns the row of the table.
    fn measure(mut self, n_runs: usize) -> String {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        let mut seed = 0x5e55_1017;
        for at in 0..N_WARM_UPS + n_runs {
            let mut both = [(&mut self.ours, &mut ours), (&mut self.theirs, &mut theirs)];
            shuffle(&mut both, &mut seed);
            for (run, costs) in both {
                let took = time(run(at)).as_secs_f64() * 1000.0;
                if at >= N_WARM_UPS {
                    costs.push(took);
                }
            }
        }
        compare(self.name, &ours, self.beside, &theirs, self.goal)
    }
}

/// Returns the row of the table that compares two commands by what they took in the same rounds, in milliseconds.
fn compare(name: &str, ours: &[f64], beside: &str, theirs: &[f64], goal: Option<f64>) -> String {
    let ratio = ratio(ours, theirs);
    let (ours, theirs) = (median(ours.to_vec()), median(theirs.to_vec()));
    let mut row = format!("| `{name}` | {ours:.2} | {beside} | {theirs:.2} | {ratio:.2} ");
    let _ = match goal {
        Some(goal) if ratio <= goal => write!(row, "| {goal:.2} | met |"),
        Some(goal) => write!(row, "| {goal:.2} | **not met** |"),
        None => write!(row, "| | |"),
    };
    row
}

/// Returns the median of what the first takes in each round, divided by what the second takes in that round.
fn ratio(ours: &[f64], theirs: &[f64]) -> f64 {
    median(ours.iter().zip(theirs).map(|(own, other)| own / other).collect())
}

/// Brings values into an order that follows from the seed.
fn shuffle<T>(values: &mut [T], seed: &mut u64) {
    for end in (1..values.len()).rev() {
        values.swap(end, (splitmix(seed) % (end as u64 + 1)) as usize);
    }
}

fn time(mut command: Command) -> Duration {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let began_at = Instant::now();
    let status = command.status().expect("the program starts");
    let took = began_at.elapsed();
    assert!(status.success(), "{command:?}: {status}");
    took
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A repository with one session, to be written to by both sides.
struct Small {
    place: Place,
    session: String,
    record: String,
    script: String,
}

/// Writes a commit with the plumbing; its first parameters are the ref and the file of the record, the
/// others say the parent. `LIFECYCLE` is the object of `lifecycle.yaml`, which is there already.
///
/// The tree is written by `git hash-object`, since `git mktree` does not obey `core.fsync`.
const PLUMBING: &str = r#"
git="git -c core.fsync=all"
bytes() {
    hex=$1 octal=
    while [ -n "$hex" ]; do
        rest=${hex#??}
        byte=0x${hex%"$rest"}
        octal=$octal\\$((byte >> 6))$((byte >> 3 & 7))$((byte & 7))
        hex=$rest
    done
}
bytes LIFECYCLE
lifecycle=$octal
event() {
    ref=$1 file=$2
    shift 2
    record=$($git hash-object -w $file) &&
    bytes $record &&
    tree=$(printf "100644 lifecycle.yaml\\0${lifecycle}100644 session.yaml\\0$octal" |
        $git hash-object -w -t tree --stdin) &&
    commit=$($git commit-tree "$@" -F message $tree) &&
    $git update-ref -m event $ref $commit
}
"#;

impl Small {
    fn make(place: Place) -> Small {
        place.init();
        place.session(&["start", "Add user authentication"]);
        let name = place.git(&["for-each-ref", "--format=%(refname)", "refs/sessions"]);
        place.write("message", &place.git(&["log", "-1", "--format=%B", &name]));
        place.git(&["update-ref", "refs/plumbing/session", &name]);
        let lifecycle = place.git(&["rev-parse", &format!("{name}:lifecycle.yaml")]);
        Small {
            record: place.git(&["show", &format!("{name}:session.yaml")]),
            session: name.trim_start_matches("refs/sessions/").to_owned(),
            script: PLUMBING.replace("LIFECYCLE", &lifecycle),
            place,
        }
    }

    fn pairs(&self) -> Vec<Pair<'_>> {
        let id = self.session.as_str();
        let show = || self.place.command(SESSION, &["show", id]);
        vec![
            Pair {
                name: "git-session transition",
                ours: Box::new(move |at| {
                    let state = ["suspended", "running"][at % 2];
                    self.place.command(SESSION, &["transition", id, state])
                }),
                beside: "plumbing, same commit",
                theirs: self.next_event("transition"),
                goal: Some(0.5),
            },
            Pair {
                name: "git-session update --add",
                ours: Box::new(move |_| {
                    let add = ["update", id, "--add", "statistics.total_tasks=1"];
                    self.place.command(SESSION, &add)
                }),
                beside: "plumbing, same commit",
                theirs: self.next_event("update"),
                goal: None,
            },
            Pair {
                name: "git-session start && git-session finish",
                ours: Box::new(move |_| {
                    let both = format!("'{SESSION}' start Title && '{SESSION}' finish");
                    self.place.command("sh", &["-c", &both])
                }),
                beside: "plumbing, two commits",
                theirs: Box::new(move |at| {
                    self.write_record("start", at);
                    let name = format!("refs/plumbing/{at}");
                    let events = format!(
                        "event {name} session.yaml && \
                         echo x_finished: {at} >>session.yaml && \
                         event {name} session.yaml -p {name}"
                    );
                    self.plumbing(&events)
                }),
                goal: None,
            },
            Pair {
                name: "git session show",
                ours: Box::new(move |_| self.place.command("git", &["session", "show", id])),
                beside: "`git-session show`",
                theirs: Box::new(move |_| show()),
                goal: None,
            },
        ]
    }

    /// Returns the plumbing that adds an event to a session.
    fn next_event(&self, what: &'static str) -> Run<'_> {
        Box::new(move |at| {
            self.write_record(what, at);
            let name = "refs/plumbing/session";
            self.plumbing(&format!("event {name} session.yaml -p {name}"))
        })
    }

    /// Writes a record that was not there before.
    fn write_record(&self, what: &str, at: usize) {
        let record = format!("{}\nx_{what}: {at}\n", self.record);
        self.place.write("session.yaml", &record);
    }

    fn plumbing(&self, events: &str) -> Command {
        self.place.command("sh", &["-c", &format!("{}{events}", self.script)])
    }
}

/// The most that `run` may cost over the bare command and two transitions, in milliseconds of a
/// processor.
const RUN_GOAL: f64 = 3.0;

/// A repository with sessions that nothing was run for yet, and one to be moved.
struct Runs {
    place: Place,
    fresh: Vec<String>,
    moved: String,
}

/// What a command took, in milliseconds: of the clock, and of processors.
struct Cost {
    wall: f64,
    cpu: f64,
}

impl Runs {
    fn make(place: Place, n: usize) -> Runs {
        place.init();
        let create = |_| place.session(&["create", "Add user authentication"]);
        let fresh = (0..n).map(create).collect();
        let moved = place.session(&["start", "Add user authentication"]);
        Runs { fresh, moved, place }
    }

    /// Runs the three in turn, and returns the row of the table and the line below it.
    fn measure(&self) -> String {
        let (mut runs, mut bares, mut moves) = (Vec::new(), Vec::new(), Vec::new());
        for (at, id) in self.fresh.iter().enumerate() {
            let state = ["suspended", "running"][at % 2];
            let run = cost(self.place.command(SESSION, &["run", id, "--", "true"]));
            let bare = cost(self.place.command("true", &[]));
            let moved = cost(self.place.command(SESSION, &["transition", &self.moved, state]));
            if at >= N_WARM_UPS {
                runs.push(run);
                bares.push(bare);
                moves.push(moved);
            }
        }
        let wall = |all: &[Cost]| median(all.iter().map(|it| it.wall).collect());
        let cpu = |all: &[Cost]| median(all.iter().map(|it| it.cpu).collect());
        let ratio = median(runs.iter().zip(&moves).map(|(run, it)| run.wall / it.wall).collect());
        let (run, bare, moved) = (cpu(&runs), cpu(&bares), cpu(&moves));
        let more = run - bare - 2.0 * moved;
        let verdict = if more <= RUN_GOAL { "met" } else { "**not met**" };
        format!(
            "| `git-session run -- true` | {:.2} | `git-session transition` | {:.2} | {ratio:.2} \
             | | |\n\nProcessor time: `run -- true` {run:.2} ms ({:.2} times a transition), `true` \
             {bare:.2} ms, a transition {moved:.2} ms; `run` over `true` and two transitions \
             {more:.2} ms (goal {RUN_GOAL:.1} ms: {verdict})",
            wall(&runs),
            wall(&moves),
            run / moved,
        )
    }
}

/// Runs a command, and tells what it cost with all that it started and waited for.
fn cost(command: Command) -> Cost {
    use nix::sys::resource::{UsageWho, getrusage};
    let used = || {
        let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("the system tells");
        let millis = |time: nix::sys::time::TimeVal| {
            time.tv_sec() as f64 * 1000.0 + time.tv_usec() as f64 / 1000.0
        };
        millis(usage.user_time()) + millis(usage.system_time())
    };
    let before = used();
    let wall = time(command).as_secs_f64() * 1000.0;
    Cost { wall, cpu: used() - before }
}

/// A repository with many packed sessions, to be read.
struct Large {
    place: Place,
    session: String,
    tip: String,
}

impl Large {
    /// Makes one session with the program, and the others after its example.
    fn make(place: Place) -> Large {
        place.init();
        place.session(&["start", "Title 0000 of many"]);
        place.session(&["suspend", "-m", "waiting for the review"]);
        place.session(&["resume"]);
        place.session(&["update", "--add", "statistics.total_tasks=1"]);
        let name = place.git(&["for-each-ref", "--format=%(refname)", "refs/sessions"]);
        let events = Event::all(&place, &name);
        let id = name.trim_start_matches("refs/sessions/");
        let lifecycle = place.git(&["show", &format!("{name}:lifecycle.yaml")]);
        let mut stream = format!("blob\nmark :1\n{}", data(&format!("{lifecycle}\n")));
        let mut seed = 0x5e55_1011;
        let mut ids = Vec::new();
        for at in 1..N_SESSIONS {
            let other = uuid(&mut seed);
            for event in &events[..1 + (at % 4) as usize] {
                event.import(&mut stream, id, &other, at);
            }
            ids.push(other);
        }
        place.write("stream", &stream);
        let feed = "git fast-import --quiet <stream && git pack-refs --all && git repack -adq";
        place.output("sh", &["-c", feed]);
        place.git(&["fsck", "--strict"]);
        let session = ids.swap_remove(ids.len() / 2);
        let tip = place.git(&["rev-parse", &format!("refs/sessions/{session}")]);
        Large { place, session, tip }
    }

    fn pairs<'a>(&'a self) -> Vec<Pair<'a>> {
        let run = |program: &'static str, args: Vec<&'a str>| -> Run<'a> {
            Box::new(move |_| self.place.command(program, &args))
        };
        let ours = |args: Vec<&'a str>| run(SESSION, args);
        let id = self.session.as_str();
        let show = || run("git", vec!["show", "-s", &self.tip]);
        let format = "--format=%(refname) %(contents)";
        let each = || run("git", vec!["for-each-ref", "refs/sessions", format]);
        let (git_show, for_each_ref) = ("`git show -s`", "`git for-each-ref`");
        let pair = |name, ours, beside, theirs, goal| Pair { name, ours, beside, theirs, goal };
        vec![
            pair("git-session show", ours(vec!["show", id]), git_show, show(), Some(1.5)),
            pair(
                "git-session show --json",
                ours(vec!["show", id, "--json"]),
                git_show,
                show(),
                Some(1.5),
            ),
            pair("git-session status", ours(vec!["status"]), git_show, show(), None),
            pair("git-session list", ours(vec!["list"]), for_each_ref, each(), Some(2.0)),
            pair(
                "git-session list --porcelain",
                ours(vec!["list", "--porcelain"]),
                for_each_ref,
                each(),
                Some(2.0),
            ),
            pair(
                "git-session list --branch",
                ours(vec!["list", "--branch=topic-3"]),
                for_each_ref,
                each(),
                None,
            ),
            pair(
                "git-session list --json",
                ours(vec!["list", "--json"]),
                for_each_ref,
                each(),
                None,
            ),
        ]
    }
}

/// An event of the session that is the example.
struct Event {
    message: String,
    record: String,
}

impl Event {
    /// Reads the events of a session, the oldest first.
    fn all(place: &Place, name: &str) -> Vec<Event> {
        let commits = place.git(&["rev-list", "--reverse", name]);
        let read = |commit: &str| Event {
            message: place.git(&["log", "-1", "--format=%B", commit]),
            record: place.git(&["show", &format!("{commit}:session.yaml")]),
        };
        commits.lines().map(read).collect()
    }

    /// Appends the same event of the session `other` to a stream for `git fast-import`.
    fn import(&self, stream: &mut String, id: &str, other: &str, at: u64) {
        let adapt = |text: &str| {
            let text = text.replace(id, other).replace("Title 0000", &format!("Title {at:04}"));
            text.replace("ranch: main", &format!("ranch: topic-{}", at % 10)) + "\n"
        };
        let (name, seconds) = (format!("refs/sessions/{other}"), 1_700_000_000 + at);
        let who = format!("Ada <ada@example.com> {seconds} +0000");
        let (message, record) = (data(&adapt(&self.message)), data(&adapt(&self.record)));
        let _ = write!(
            stream,
            "commit {name}\nauthor {who}\ncommitter {who}\n{message}\
             M 100644 :1 lifecycle.yaml\nM 100644 inline session.yaml\n{record}"
        );
    }
}

/// Returns the `data` command of `git fast-import`.
fn data(text: &str) -> String {
    format!("data {}\n{text}\n", text.len())
}

/// Returns the next id: of the form of a UUIDv7, and always the same one for the same seed.
fn uuid(seed: &mut u64) -> String {
    let (a, b) = (splitmix(seed), splitmix(seed));
    let time = 0x0199_0000_0000 + (a >> 32);
    format!(
        "{:08x}-{:04x}-7{:03x}-8{:03x}-{:012x}",
        time >> 16,
        time & 0xffff,
        a & 0xfff,
        b >> 52,
        b & 0xffff_ffff_ffff
    )
}

/// Returns the next number that follows from the seed (splitmix64).
fn splitmix(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (*seed ^ (*seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
