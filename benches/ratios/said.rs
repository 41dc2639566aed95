//! What a conversation costs: to append to a short and to a long one, to read it back, and on disk.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use git_session::model::conversation::{Event, Payload};
use git_session::model::{SessionId, Timestamp};
use git_session::ops::{Context, record};
use git_session::store::Store;

use super::inside::{context, request};
use super::{Pair, Place, Run, SESSION};

/// How many events are read back.
const N_READ: usize = 10_000;
/// How many appends are weighed.
const N_WEIGHED: usize = 512;

/// A repository with a session that has nothing recorded, and one whose conversation is long.
pub struct Said {
    small: Place,
    large: Place,
    short: String,
    long: String,
    blobs: String,
    n_segments: usize,
}

impl Said {
    /// Makes both; each event of the long one is a segment of its own.
    pub fn make(small: Place, large: Place, n_segments: usize) -> Said {
        let begin = |place: &Place| {
            place.init();
            place.session(&["start", "Say much"]);
            let name = place.git(&["for-each-ref", "--format=%(refname)", "refs/sessions"]);
            name.trim_start_matches("refs/sessions/").to_owned()
        };
        let (short, long) = (begin(&small), begin(&large));
        let mut seed = 0x5e55_1012;
        let mut recorder = Recorder::open(&large.dir, &long);
        let (mut blobs, mut at_read) = (String::new(), String::new());
        for n in 0..n_segments {
            recorder.record(&text(&mut seed));
            if n + 1 == N_READ.min(n_segments) {
                let name = format!("refs/sessions/{long}");
                at_read = large.git(&["rev-parse", &name]);
                let list =
                    large.git(&["ls-tree", "-r", "--format=%(objectname)", &name, "conversation/"]);
                blobs = list + "\n";
            }
        }
        large.write("blobs", &blobs);
        Said { small, large, short, long, blobs: at_read, n_segments }
    }

    /// Returns what is to be compared.
    pub fn pairs(&self) -> Vec<Pair<'_>> {
        let mut seed = 0x5e55_1013;
        let mut line = move || text(&mut seed);
        let append = |place: &'_ Place, id: &str, note: &str| {
            place.command(SESSION, &["record", id, "--note", note])
        };
        let at_0: Run<'_> = Box::new(move |_| append(&self.small, &self.short, &line()));
        let mut seed = 0x5e55_1014;
        let mut line = move || text(&mut seed);
        let at_0_again: Run<'_> = Box::new(move |_| append(&self.small, &self.short, &line()));
        let mut seed = 0x5e55_1015;
        let mut line = move || text(&mut seed);
        let at_n: Run<'_> = Box::new(move |_| append(&self.large, &self.long, &line()));
        let read = ["show", &self.long, "--log", "--json", "--at", &self.blobs].map(str::to_owned);
        vec![
            Pair {
                name: "git-session record, 1 KB",
                ours: at_0,
                beside: "`git-session transition`",
                theirs: Box::new(move |at| {
                    let state = ["suspended", "running"][at % 2];
                    self.small.command(SESSION, &["transition", &self.short, state])
                }),
                goal: Some(1.5),
            },
            Pair {
                name: "git-session record, after many segments",
                ours: at_n,
                beside: "the same after few",
                theirs: at_0_again,
                goal: Some(1.5),
            },
            Pair {
                name: "git-session show --log --json, 10,000 events",
                ours: Box::new(move |_| {
                    let args: Vec<&str> = read.iter().map(String::as_str).collect();
                    self.large.command(SESSION, &args)
                }),
                beside: "`git cat-file --batch` of the same blobs",
                theirs: Box::new(move |_| {
                    self.large.command("sh", &["-c", "git cat-file --batch <blobs"])
                }),
                goal: Some(3.0),
            },
        ]
    }

    /// Returns what an appended event takes on disk, beside a blob, a tree and a commit of plain git.
    pub fn weigh(&self) -> String {
        let mut seed = 0x5e55_1016;
        let before = weight(&self.small.dir);
        let mut recorder = Recorder::open(&self.small.dir, &self.short);
        for _ in 0..N_WEIGHED {
            recorder.record(&text(&mut seed));
        }
        let ours = (weight(&self.small.dir) - before) / N_WEIGHED as u64;
        let before = weight(&self.small.dir);
        let n = N_WEIGHED / 8;
        for _ in 0..n {
            self.small.write("event", &text(&mut seed));
            let script = "blob=$(git hash-object -w event) && \
                tree=$(printf '100644 blob %s\\tevent\\n' $blob | git mktree) && \
                git update-ref refs/plumbing/said $(git commit-tree -m event $tree)";
            self.small.output("sh", &["-c", script]);
        }
        let theirs = (weight(&self.small.dir) - before) / n as u64;
        let ratio = ours as f64 / theirs as f64;
        let is_met = if ratio <= 2.0 { "met" } else { "**not met**" };
        format!(
            "An appended event of 1 KB takes {ours} bytes on disk, a loose blob, tree and commit \
             {theirs}: ratio {ratio:.2} (goal 2.0, {is_met}). The long conversation has {} segments.",
            self.n_segments
        )
    }
}

/// Records without the start of a process, and without waiting for the disk.
struct Recorder {
    store: Store,
    session_id: SessionId,
    n: u64,
}

impl Recorder {
    fn open(dir: &Path, session: &str) -> Recorder {
        let session_id = SessionId::parse(session).expect("an id");
        let store = Store::open(&request(dir)).expect("a repository");
        Recorder { store, session_id, n: 0 }
    }

    fn record(&mut self, text: &str) {
        self.n += 1;
        let now = Timestamp::from_seconds(1_767_790_800 + self.n as i64).expect("in range");
        let op = format!("00000000-0000-4000-8000-{:012x}", self.n);
        let context = Context { now, op, ..context() };
        let note = Event::new(Payload::Note(text.to_owned()));
        let done = record::record(&self.store, &context, self.session_id, &[note], None);
        done.expect("recorded");
    }
}

/// Returns a text of about 1 KB that was not there before.
fn text(seed: &mut u64) -> String {
    (0..26).map(|_| super::uuid(seed)).collect::<Vec<_>>().join(" ")
}

/// Returns how many bytes of the disk the objects of a repository take.
fn weight(dir: &Path) -> u64 {
    let mut sum = 0;
    let mut dirs = vec![dir.join(".git/objects")];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).expect("readable").flatten() {
            let meta = entry.metadata().expect("there");
            match meta.is_dir() {
                true => dirs.push(entry.path()),
                false => sum += meta.blocks() * 512,
            }
        }
    }
    sum
}
