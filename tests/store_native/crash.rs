//! The power goes at every moment, in every way that the models know.

use std::collections::{HashMap, HashSet};
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use git_session::store::native::{Disk, Doomed};
use tempfile::TempDir;

use super::bench::{Bench, Effect, Plan};
use super::place::{HASH_KINDS, Place, git_in, scratch, token};
use super::shadow::{Acks, MODELS, Model, Shadow};

const S: &str = "refs/sessions/0199f0c2-1c4d-7abc-8def-0123456789af";
const T: &str = "refs/sessions/0199f0c2-1c4d-7abc-8def-0123456789b0";
const U: &str = "refs/sessions/0199f0c2-1c4d-7abc-8def-0123456789b1";
const SYMREF: &str = "refs/worktree/session";
/// What is answered for a ref that was deleted.
const GONE: u32 = u32::MAX;
/// What is said of a ref that may be there or not.
const ANY: u32 = 0;

/// With a number: what is said of a ref that may be gone, but has no older value.
const AT_LEAST: u32 = 1 << 30;

/// A way to use the writer: what is there before, and what is then done.
#[derive(Clone, Copy, Debug)]
enum Work {
    /// Create, update, make it the current one; without reflogs, in a repository that lacks every
    /// directory.
    First,
    /// The same names, after a process died that had just made a directory.
    AfterDeath,
    /// Create and update twice, with reflogs.
    Logged,
    /// Update a session with a reflog and one without, and delete both.
    Deleted,
    /// Delete two sessions at once: one that is packed, and one whose packed value is older than its own.
    Archived,
    /// Update a packed ref, create another, melt eight packs, update again.
    Later,
}

const WORKS: [Work; 6] =
    [Work::First, Work::AfterDeath, Work::Logged, Work::Deleted, Work::Archived, Work::Later];

struct Trace {
    _dir: TempDir,
    place: Place,
    before: Shadow,
    effects: Vec<Effect>,
    skipped: Option<Effect>,
    n_syncs: usize,
    n_renames: usize,
}

/// Does the work; the writer may fail, and then says nothing.
fn trace(work: Work, plan: Plan) -> Trace {
    let dir = scratch();
    let place = Place {
        has_reflogs: !matches!(work, Work::First),
        ..Place::init(dir.path(), HASH_KINDS[0])
    };
    match work {
        Work::First => {
            std::fs::remove_dir(place.git_dir.join("objects/pack")).expect("removed");
        }
        Work::AfterDeath | Work::Logged => {}
        Work::Deleted => {
            for name in [S, T] {
                place.put(&Disk, name, 1).expect("written");
            }
            std::fs::remove_file(place.git_dir.join("logs").join(T)).expect("removed");
        }
        Work::Archived => {
            for name in [S, T] {
                place.put(&Disk, name, 1).expect("written");
            }
            place.ok(&["pack-refs", "--all", "--prune"]);
            place.put(&Disk, S, 2).expect("written");
        }
        Work::Later => {
            for seq in 1..=7 {
                place.put(&Disk, S, seq).expect("written");
            }
            place.ok(&["pack-refs", "--all", "--prune"]);
            std::fs::remove_dir(place.git_dir.join("refs/sessions")).expect("removed");
        }
    }
    let before = Shadow::load(&place.git_dir);
    let bench = Bench::new(&place.git_dir, plan);
    do_work(&place, &bench, work);
    let (_, n_syncs, n_renames) = bench.counts();
    Trace {
        _dir: dir,
        place,
        before,
        effects: match plan {
            Plan::SkipSync(_) => bench.effects_to_skip(),
            _ => bench.effects(),
        },
        skipped: bench.skipped(),
        n_syncs,
        n_renames,
    }
}

fn do_work(place: &Place, bench: &Bench, work: Work) {
    let put = |name, seq| {
        if place.put(bench, name, seq).is_ok() {
            bench.ack(name, seq);
        }
    };
    let writer = place.writer(bench);
    let now = SystemTime::now();
    let delete = |name| {
        let tip = writer.tip(name).expect("readable").expect("a tip");
        let held = writer.lock(7, Duration::ZERO).expect("free");
        bench.ack(name, ANY);
        if writer.delete(&held, name, tip, now).is_ok() {
            bench.ack(name, GONE);
        }
    };
    let point_at = |name| {
        let seq = place.seq(name).unwrap_or(0);
        let answer = writer.write_symref(&place.git_dir, SYMREF, name, Duration::ZERO, now);
        if answer.is_ok() {
            bench.ack(SYMREF, seq);
        }
    };
    match work {
        Work::First => {
            put(S, 1);
            put(S, 2);
            point_at(S);
        }
        Work::Logged => {
            put(S, 1);
            put(S, 2);
            put(S, 3);
        }
        Work::AfterDeath => {
            use git_session::store::native::{Medium, SharedMode};
            let dir = place.git_dir.join("refs/sessions");
            let made = bench.create_dir(&dir, SharedMode::Umask.dir());
            made.expect("made");
            put(S, 1);
            point_at(S);
        }
        Work::Deleted => {
            put(S, 2);
            delete(S);
            delete(T);
        }
        Work::Archived => {
            let tip = |name: &str| writer.tip(name).expect("readable").expect("a tip");
            let doom = |name: &str| Doomed {
                name: name.to_owned(),
                last_byte_of_id: 7,
                expected: tip(name),
            };
            let doomed = [doom(S), doom(T)];
            bench.ack(S, AT_LEAST + 2);
            bench.ack(T, AT_LEAST + 1);
            if writer.delete_all(&doomed, now).is_ok() {
                bench.ack(S, GONE);
                bench.ack(T, GONE);
            }
        }
        Work::Later => {
            put(S, 8);
            put(T, 1);
            point_at(T);
            let report = writer.roll(&token(), now).expect("rolled");
            assert_eq!((report.n_melted, report.n_made), (9, 1));
            put(S, 9);
        }
    }
}

/// Everything that was found wrong in one state.
type Wrongs = Vec<String>;

/// Judges states, each once.
#[derive(Default)]
struct Judge {
    sound: Mutex<HashSet<(u64, Acks)>>,
    collected: Mutex<HashSet<u64>>,
    n_judged: AtomicUsize,
}

impl Judge {
    /// Returns what is wrong with the state as it is.
    fn glance(&self, place: &Place, state: &Shadow, acks: &Acks) -> Wrongs {
        let key = (state.digest(|_| true), acks.clone());
        if self.sound.lock().expect("no panic").contains(&key) {
            return Vec::new();
        }
        self.n_judged.fetch_add(1, Ordering::Relaxed);
        let (_dir, there) = materialised(place, state);
        let wrongs = examine(&there, acks);
        if wrongs.is_empty() {
            self.sound.lock().expect("no panic").insert(key);
        }
        wrongs
    }

    /// Returns what is wrong with the state, or becomes so when it is used.
    fn judge(&self, place: &Place, state: &Shadow, acks: &Acks) -> Wrongs {
        let mut wrongs = self.glance(place, state, acks);
        if wrongs.is_empty() {
            let (_dir, there) = materialised(place, state);
            wrongs = write_next(&there, acks);
        }
        if wrongs.is_empty() {
            wrongs = self.collect(place, state, acks);
        }
        wrongs
    }

    /// Lets the user collect garbage, once per state of refs, reflogs and objects.
    fn collect(&self, place: &Place, state: &Shadow, acks: &Acks) -> Wrongs {
        let is_seen_by_gc = |path: &Path| {
            let text = path.to_string_lossy();
            !(path.starts_with("session") || text.ends_with(".new") || text.ends_with("~new.lock"))
        };
        let key = state.digest(is_seen_by_gc);
        if !self.collected.lock().expect("no panic").insert(key) {
            return Vec::new();
        }
        let (_dir, copy) = materialised(place, state);
        // Where a ref was taken out of the packed ones, a lock on these may stand until the next write.
        if copy.git_dir.join("packed-refs~new.lock").exists()
            && let Err(error) = copy.put(&Disk, U, 1)
        {
            return vec![format!("write before gc: {error:?}")];
        }
        let output = copy.git(&["-c", "pack.threads=1", "gc", "--quiet", "--prune=now"]);
        if !output.status.success() {
            return vec![format!("gc: {}", super::place::said(&output))];
        }
        let mut wrongs = lost(&copy, acks);
        wrongs.iter_mut().for_each(|it| it.insert_str(0, "after gc: "));
        wrongs
    }
}

/// Writes the state to a new directory.
fn materialised(place: &Place, state: &Shadow) -> (TempDir, Place) {
    let dir = scratch();
    let there = Place { git_dir: dir.path().join("state"), ..place.clone() };
    state.materialise(&there.git_dir);
    (dir, there)
}

/// Asks git whether the repository is sound and holds what was answered.
fn examine(place: &Place, acks: &Acks) -> Wrongs {
    let faults = place.faults();
    let mut wrongs = lost(place, acks);
    if !faults.is_empty() {
        wrongs.push(format!("fsck: {faults}"));
    }
    wrongs
}

/// Returns what was answered and is not there.
fn lost(place: &Place, acks: &Acks) -> Wrongs {
    let seqs = seqs(place, acks);
    acks.iter()
        .filter(|(name, seq)| match seqs.get(*name) {
            None => **seq != ANY && **seq < AT_LEAST,
            Some(found) if **seq == GONE => *found < GONE,
            Some(found) => *found < **seq % AT_LEAST,
        })
        .map(|(name, seq)| format!("lost: {name} {seq}"))
        .collect()
}

/// Returns the seq of each name that was answered, as one git process reads them.
fn seqs(place: &Place, acks: &Acks) -> HashMap<String, u32> {
    let mut git = git_in(&place.git_dir)
        .args(["cat-file", "--batch=%(objecttype) %(rest)"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("git runs");
    let mut stdin = git.stdin.take().expect("piped");
    for name in acks.keys() {
        writeln!(stdin, "{name}:session.yaml {name}").expect("git reads");
    }
    drop(stdin);
    let output = git.wait_with_output().expect("git answers");
    let mut seqs = HashMap::new();
    let mut current = None;
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        if let Some(name) = line.strip_prefix("blob ") {
            current = Some(name.to_owned());
        } else if let (Some(seq), Some(name)) = (line.strip_prefix("seq: "), &current) {
            seqs.insert(name.clone(), seq.parse().expect("a number"));
        }
    }
    seqs
}

/// Writes once more, a minute later: nothing that the power cut left may be in the way.
fn write_next(place: &Place, acks: &Acks) -> Wrongs {
    let now = SystemTime::now() + Duration::from_secs(60);
    if let Err(error) = place.put_at(&Disk, S, 50, now) {
        return vec![format!("next write: {error:?}")];
    }
    let writer = place.writer(&Disk);
    if let Err(error) = writer.write_symref(&place.git_dir, SYMREF, S, Duration::ZERO, now) {
        return vec![format!("next symref: {error:?}")];
    }
    let mut acks = acks.clone();
    acks.extend([(S.to_owned(), 50), (SYMREF.to_owned(), 50)]);
    let mut wrongs = lost(place, &acks);
    wrongs.iter_mut().for_each(|it| it.insert_str(0, "after next: "));
    wrongs
}

/// Returns the first thing that is wrong in any state of these models.
fn first_wrong(
    trace: &Trace,
    models: &[Model],
    judge: impl Fn(&Shadow, &Acks) -> Wrongs + Sync,
) -> Option<String> {
    let mut states = Vec::new();
    let mut seen = HashSet::new();
    for model in models {
        trace.before.crash(&trace.effects, *model, |state, acks| {
            if seen.insert((state.digest(|_| true), acks.clone())) {
                states.push((*model, state, acks.clone()));
            }
        });
    }
    let next = AtomicUsize::new(0);
    let found = Mutex::new(None);
    let work = || {
        while let Some((model, state, acks)) = states.get(next.fetch_add(1, Ordering::Relaxed)) {
            let wrongs = judge(state, acks);
            if !wrongs.is_empty() {
                let text = format!("{model:?}, answered {acks:?}: {wrongs:#?}");
                found.lock().expect("no panic").get_or_insert(text);
            }
            if found.lock().expect("no panic").is_some() {
                return;
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(work);
        work();
    });
    found.into_inner().expect("no panic")
}

#[test]
fn the_recorded_effects_are_all_that_happened() {
    for work in WORKS {
        let trace = trace(work, Plan::Honest);
        let mut last = None;
        trace.before.crash(&trace.effects, Model::Prefix, |state, _| {
            last.get_or_insert(state);
        });
        let is_ours = |path: &Path| !path.starts_with("session");
        let real = Shadow::load(&trace.place.git_dir).digest(is_ours);
        assert_eq!(last.expect("a state").digest(is_ours), real, "{work:?}");
    }
}

#[test]
fn no_power_cut_loses_an_answered_write_or_displeases_git() {
    let judge = Judge::default();
    for work in WORKS {
        let trace = trace(work, Plan::Honest);
        let full = |state: &Shadow, acks: &Acks| judge.judge(&trace.place, state, acks);
        assert_eq!(first_wrong(&trace, &MODELS, full), None, "{work:?}");
    }
    let n_judged = judge.n_judged.load(Ordering::Relaxed);
    assert!(n_judged > 100, "only {n_judged} states were judged");
}

#[test]
fn without_any_one_sync_the_power_cut_is_noticed() {
    let judge = Judge::default();
    let mut n_idle = 0;
    for work in [Work::First, Work::AfterDeath, Work::Deleted, Work::Later] {
        for n in 0..trace(work, Plan::Honest).n_syncs {
            let trace = trace(work, Plan::SkipSync(n));
            // A first write to a session makes the name of the directory durable, since its maker
            // may have died before doing so (that is the work after a death). Here and there it
            // was durable already, which the writer cannot know.
            let refs = Effect::SyncDir("refs".into());
            let is_made_in_refs = |it: &Effect| matches!(it, Effect::Mkdir(path) if path.parent() == Some(Path::new("refs")));
            let n_made = trace.effects.iter().rposition(is_made_in_refs);
            let n_durable = trace.effects.iter().rposition(|it| *it == refs);
            if trace.skipped == Some(refs) && n_durable > n_made {
                n_idle += 1;
                continue;
            }
            let light = |state: &Shadow, acks: &Acks| judge.glance(&trace.place, state, acks);
            let wrong = first_wrong(&trace, &[Model::Posix, Model::Delalloc], light);
            assert!(wrong.is_some(), "{work:?}: {:?} can go", trace.skipped);
        }
    }
    assert_eq!(n_idle, 1, "the second session of the later work");
}

#[test]
fn a_rename_that_did_not_happen_is_never_answered() {
    let judge = Judge::default();
    for n in 0..trace(Work::First, Plan::Honest).n_renames {
        let lied = trace(Work::First, Plan::LieAtRename(n));
        let is_ack = |it: &&Effect| matches!(it, Effect::Ack(..));
        let n_acks = lied.effects.iter().filter(is_ack).count();
        assert!(n_acks < 3, "rename {n}");
        let light = |state: &Shadow, acks: &Acks| judge.glance(&lied.place, state, acks);
        assert_eq!(first_wrong(&lied, &[Model::Prefix], light), None);
        let believed = trace(Work::First, Plan::LieAtRenameAndReading(n));
        let light = |state: &Shadow, acks: &Acks| judge.glance(&believed.place, state, acks);
        let wrong = first_wrong(&believed, &[Model::Prefix], light);
        assert!(wrong.is_some(), "reading back is idle after rename {n}");
    }
}
