//! The cache changes no answer, whatever happens to the refs and to the cache itself.
#![allow(clippy::disallowed_methods, reason = "tests meet the clock and the environment")]

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::thread::scope;
use std::time::{Duration, SystemTime};

use git_session::cache::Sessions;
use git_session::model::{Class, Oid, SessionId, Timestamp};
use git_session::ops::documents;
use git_session::ops::facts::{self, Facts, Found, Reader};
use git_session::ops::list::{Field, FieldFilter, Listing, Query, SortKey, list};
use git_session::ops::load;
use git_session::ops::resolve::by_name;
use git_session::ops::stats::{By, stats};
use git_session::render::json::making;
use git_session::store::{OpenRequest, Store};
use tempfile::TempDir;

/// A repository with sessions, and everything that their refs were at some time.
struct Place {
    dir: TempDir,
    /// Each session's ref with all commits of its history.
    histories: Vec<(String, Vec<String>)>,
    n_packed: u64,
}

impl Place {
    fn new(init: &[&str]) -> Place {
        let dir = tempfile::tempdir().expect("a directory");
        let place = Place { dir, histories: Vec::new(), n_packed: 0 };
        place.git(&[&["init", "-q", "--initial-branch=main"], init].concat());
        place.git(&["commit", "-q", "--allow-empty", "-m", "first"]);
        place
    }

    /// Makes sessions, of which each has some events.
    fn with_sessions(mut self, n: usize) -> Place {
        for at in 0..n {
            let (name, title) = (format!("--name=n{at}"), format!("Title {}", at * 7 % n));
            let agent = ["--agent=codex", "--agent=claude-code"][at % 2];
            let labels = ["--label=one", "--label=two"];
            let id =
                self.session_ok(&["start", &title, &name, agent, labels[0], labels[at / 2 % 2]]);
            if at % 2 == 0 {
                self.session_ok(&["suspend", &id, "-m", "later"]);
            }
            if at % 3 == 0 {
                self.session_ok(&["finish", &id]);
            }
            let name = format!("refs/sessions/{id}");
            let history = self.git(&["rev-list", &name]).lines().map(str::to_owned).collect();
            self.histories.push((name, history));
        }
        self
    }

    fn command(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        let path = std::env::var_os("PATH").unwrap_or_default();
        command.args(args).current_dir(self.dir.path()).env_clear().env("PATH", path);
        command.stdin(Stdio::null()).envs([
            ("HOME", "/nonexistent"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_AUTHOR_NAME", "A U Thor"),
            ("GIT_AUTHOR_EMAIL", "author@example.com"),
            ("GIT_COMMITTER_NAME", "C O Mitter"),
            ("GIT_COMMITTER_EMAIL", "committer@example.com"),
            ("LC_ALL", "C"),
        ]);
        command
    }

    fn git(&self, args: &[&str]) -> String {
        text(&self.command("git", args).output().expect("git runs"), args)
    }

    /// Reads with the cache in use or not, always at the same moment.
    fn session(&self, cache: bool, args: &[&str]) -> Output {
        let mut command = self.session_command(cache, args);
        command.env("GIT_SESSION_TEST_NOW", "2100-01-07T13:02:57Z");
        command.output().expect("the program runs")
    }

    fn session_command(&self, cache: bool, args: &[&str]) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_git-session"), args);
        command.env("GIT_CONFIG_COUNT", "1").env("GIT_CONFIG_KEY_0", "session.cache");
        command.env("GIT_CONFIG_VALUE_0", if cache { "true" } else { "false" });
        command
    }

    fn session_ok(&self, args: &[&str]) -> String {
        let all = [&["-q"], args].concat();
        let output = self.session_command(true, &all).output().expect("the program runs");
        let told = text(&output, args);
        match args[0] {
            "start" => self.git(&["rev-parse", "--symbolic-full-name", "refs/worktree/session"])
                ["refs/sessions/".len()..]
                .to_owned(),
            _ => told,
        }
    }

    fn git_dir(&self) -> PathBuf {
        self.dir.path().join(".git")
    }

    fn cache_file(&self, name: &str) -> PathBuf {
        self.git_dir().join("session/cache").join(name)
    }

    /// Gives `packed-refs` a time that no other one had, as if hours lay between any two of them.
    fn date_packed_refs(&mut self) {
        self.n_packed += 1;
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_500_000_000 + self.n_packed);
        if let Ok(file) = File::options().write(true).open(self.git_dir().join("packed-refs")) {
            file.set_modified(at).expect("dated");
        }
    }

    /// Opens the repository as a process would that begins a minute from now, when all is settled.
    fn open(&self, cache: bool) -> Store {
        let later = SystemTime::now() + Duration::from_secs(60);
        let request = OpenRequest {
            dir: self.dir.path().to_owned(),
            ignores_environment: true,
            config: vec![format!("session.cache={cache}")],
            work_dir: None,
            read_only: None,
            token: format!("{:?}", std::thread::current().id()),
            new_key: || [7; 32],
            started_at: later,
        };
        Store::open(&request).expect("a repository")
    }

    /// Returns the answers to some questions.
    fn answers(&self, cache: bool) -> Vec<String> {
        let all = || Query { all: true, ..Query::default() };
        let grep = regex::Regex::new("Title [0-3]").expect("a pattern");
        let middle = Timestamp::parse("2020-01-01T00:00:00Z").expect("a time");
        let questions = [
            all(),
            Query { limit: Some(2), ..all() },
            Query { limit: Some(3), sort: vec![(SortKey::Title, false)], ..all() },
            Query { limit: Some(3), sort: vec![(SortKey::Updated, true)], ..all() },
            Query { statuses: vec!["running".into()], ..Query::default() },
            Query { classes: vec![Class::Paused], ..Query::default() },
            Query { title: vec![grep], ..Query::default() },
            Query { branch: Some("main".into()), limit: Some(1), ..Query::default() },
            Query { created_from: Some(middle), limit: Some(4), ..Query::default() },
        ];
        let store = self.open(cache);
        let listing = |query: &Query| list(&store, query).expect("a listing");
        let mut answers: Vec<String> =
            questions.iter().map(|query| format!("{:#?}", listing(query))).collect();
        for (field, value) in [(Field::Agent, "codex"), (Field::Label, "two"), (Field::Role, "x")] {
            let values = vec!["nothing".to_owned(), value.to_owned()];
            let fields = vec![FieldFilter { field, values }];
            let Listing { sessions, corrupt, n_ended_hidden } =
                listing(&Query { fields, ..Query::default() });
            let seen: Vec<_> =
                sessions.iter().map(|it| (&it.excerpt, it.tip, it.observed)).collect();
            answers.push(format!("{seen:#?} {corrupt:#?} {n_ended_hidden}"));
        }
        for by in [None, Some(By::Status), Some(By::Agent)] {
            let stats = stats(&store, by, Some(middle), None, middle).expect("sums");
            answers.push(format!("{stats:#?}"));
        }
        let mut documents = Vec::new();
        let faults =
            documents::each(&store, &listing(&all()).sessions, making(), |id, document| {
                documents.push(format!("{id} {document}"));
                Ok::<(), ()>(())
            });
        answers.push(format!("{documents:#?} {faults:#?}"));
        answers.extend(self.meanings(&store));
        answers
    }

    /// Returns which sessions some names mean.
    fn meanings(&self, store: &Store) -> Vec<String> {
        let first = &self.histories[0].0["refs/sessions/".len()..];
        let mut names: Vec<String> = ["main", "nobody", "01"].map(str::to_owned).into();
        for (at, (name, _)) in self.histories.iter().enumerate() {
            let id = SessionId::parse(&name["refs/sessions/".len()..]).expect("an id");
            let (spelled, handle) = (id.to_string(), id.handle().to_string());
            let n_same = spelled.bytes().zip(first.bytes()).take_while(|(a, b)| a == b).count();
            names.extend([2, 8].map(|n| handle[..n].to_owned()));
            names.extend(
                [&spelled[..35], &spelled[..20], &spelled[..=n_same.min(34)]].map(str::to_owned),
            );
            names.push(format!("n{at}"));
        }
        let mean = |name: &String| format!("{name}: {:?}", by_name(store, name));
        names.iter().map(mean).collect()
    }

    fn assert_same(&self, after: &str) {
        let (with, without) = (self.answers(true), self.answers(false));
        for (with, without) in with.iter().zip(&without) {
            assert_eq!(with, without, "after {after}");
        }
    }
}

fn text(output: &Output, args: &[&str]) -> String {
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {complaint}");
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

/// Numbers that follow from a seed (splitmix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n as u64) as usize
    }
}

/// Does something to the refs, as other programs may, and tells what.
fn change_refs(place: &mut Place, dice: &mut Dice) -> String {
    let (name, history) = place.histories[dice.below(place.histories.len())].clone();
    let (_, other) = &place.histories[dice.below(place.histories.len())];
    let oid = &history[dice.below(history.len())];
    let path = place.git_dir().join(&name);
    let is_loose = path.is_file();
    match dice.below(10) {
        0 | 1 => {
            place.git(&["pack-refs", "--all"]);
            place.date_packed_refs();
            "pack-refs".into()
        }
        2 => {
            // A broken ref is not deleted by git.
            if is_loose {
                fs::remove_file(&path).expect("removed");
            }
            place.git(&["update-ref", "-d", &name]);
            place.date_packed_refs();
            format!("deleting {name}")
        }
        3 => {
            fs::create_dir_all(path.parent().expect("it has one")).expect("made");
            fs::write(&path, "nonsense\n").expect("written");
            format!("breaking {name}")
        }
        4 => {
            place.git(&["update-ref", "refs/sessions/no-session", oid]);
            "a ref that is no session".into()
        }
        5 if is_loose => {
            fs::remove_file(&path).expect("removed");
            format!("losing the loose {name}")
        }
        6 => {
            let wrong = &other[0];
            let _ = fs::remove_file(&path);
            place.git(&["update-ref", &name, wrong]);
            format!("{name} at another's commit")
        }
        _ => {
            let _ = fs::remove_file(&path);
            place.git(&["update-ref", &name, oid]);
            format!("{name} at {oid}")
        }
    }
}

/// Does something to the cache, and tells what.
fn harm_cache(place: &Place, dice: &mut Dice) -> String {
    let names = ["kept", "loose", "names", "facts", "documents"];
    let path = place.cache_file(names[dice.below(5)]);
    let Ok(mut bytes) = fs::read(&path) else {
        return "no cache".into();
    };
    let told = match dice.below(6) {
        0 => {
            fs::remove_file(&path).expect("removed");
            return format!("removing {}", path.display());
        }
        1 => {
            bytes.truncate(dice.below(bytes.len()));
            "shortening"
        }
        2 => {
            let other = place.cache_file(names[dice.below(5)]);
            bytes = fs::read(other).unwrap_or_default();
            "another file as"
        }
        3 => {
            bytes = vec![dice.below(256) as u8; dice.below(4096)];
            "nonsense in"
        }
        _ => {
            let at = dice.below(bytes.len());
            bytes[at] ^= 1 << dice.below(8);
            "a flipped bit in"
        }
    };
    fs::write(&path, bytes).expect("written");
    format!("{told} {}", path.display())
}

#[test]
fn the_cache_changes_no_answer_whatever_happens_to_refs_and_cache() {
    for (seed, init) in [(1, &[][..]), (2, &["--object-format=sha256"])] {
        let mut place = Place::new(init).with_sessions(7);
        let mut dice = Dice(seed);
        place.assert_same("the beginning");
        place.git(&["pack-refs", "--all"]);
        place.date_packed_refs();
        place.assert_same("packing all");
        let file = fs::read(place.cache_file("names")).expect("names were looked up");
        assert!(file.starts_with(b"git-session names "));
        for _ in 0..20 {
            let told = change_refs(&mut place, &mut dice);
            place.assert_same(&told);
            if dice.below(3) == 0 {
                let told = harm_cache(&place, &mut dice);
                place.assert_same(&told);
            }
        }
        place.answers(true);
        for (name, what) in [
            ("kept", "excerpts"),
            ("names", "names"),
            ("facts", "facts"),
            ("documents", "documents"),
        ] {
            let file = fs::read(place.cache_file(name)).expect("the cache was used");
            assert!(file.starts_with(format!("git-session {what} ").as_bytes()), "{name}");
        }
    }
}

#[test]
fn an_old_cache_is_believed_about_refs_that_lie_as_they_did() {
    let mut place = Place::new(&[]).with_sessions(3);
    place.git(&["pack-refs", "--all"]);
    place.date_packed_refs();
    let asked = [
        &["stats", "--by=agent", "--csv"][..],
        &["list", "--all", "--json"],
        &["list", "--all", "--agent=codex", "--porcelain"],
    ];
    let answers = |place: &Place| asked.map(|args| text(&place.session(true, args), args));
    let before = answers(&place);
    place.answers(true);
    let id = place.histories[0].0["refs/sessions/".len()..].to_owned();
    // Who reads commits now finds none.
    let objects = place.git_dir().join("objects/pack");
    let away = place.git_dir().join("away");
    fs::rename(&objects, &away).expect("moved");
    let seen = |cache| text(&place.session(cache, &["list", "--all", "--porcelain"]), &["list"]);
    let with = seen(true);
    assert!(with.contains(&id), "{with}");
    assert!(!seen(false).contains(&id), "commits were read from nowhere");
    assert_eq!(answers(&place), before);
    fs::rename(&away, &objects).expect("moved");
    assert_eq!(seen(true), seen(false));
}

#[test]
fn names_mean_the_same_sessions_with_and_without_a_cache() {
    let mut place = Place::new(&[]).with_sessions(5);
    place.git(&["pack-refs", "--all"]);
    place.date_packed_refs();
    let id = place.histories[2].0["refs/sessions/".len()..].to_owned();
    let handle = text(&place.session(false, &["show", &id, "--format=%(handle)"]), &["show"]);
    let (part, start) = (&handle[..3], &id[..20]);
    let last = &id[..id.len() - 1];
    for args in [
        &["show", &id][..],
        &["show", last],
        &["show", start],
        &["show", &handle],
        &["show", part],
        &["show", "n2"],
        &["show", "main"],
        &["show", "nobody"],
        &["show", "HEAD"],
        &["status"],
        &["list", "--all", "--json"],
        &["list", "--format=%(id) %(title)"],
        &["list", "--sort=-title", "-n", "2"],
        &["list", "--agent=nobody"],
        &["list", "--all", "--agent=codex", "--label=two"],
        &["list", "--all", "--observed=none", "--author=U Thor", "-n", "2"],
        &["list", "--all", "--commit=HEAD", "--format=%(git.repo_root) %(labels)"],
        &["list", "--all", "--json=id,git,tip"],
        &["list", "--all", "--json=id,title"],
        &["stats", "--by=status", "--csv"],
        &["stats", "--by=agent", "--json"],
    ] {
        let without = place.session(false, args);
        for _ in 0..2 {
            assert_eq!(place.session(true, args), without, "{args:?}");
        }
    }
}

#[test]
fn after_very_many_reads_the_objects_are_opened_anew_and_say_the_same() {
    let place = Place::new(&[]).with_sessions(2);
    let store = place.open(false);
    let messages = || {
        let tips = store.tips().expect("refs").sessions.into_iter();
        tips.map(|(_, tip)| store.message(tip).expect("a commit")).collect::<Vec<_>>()
    };
    let before = messages();
    for _ in 0..9_000 {
        assert_eq!(messages(), before);
    }
    let id = place.session_ok(&["start", "Made meanwhile"]);
    assert!(messages().iter().any(|it| it.contains(&id)), "a new pack is found, too");
}

#[test]
fn what_threads_read_of_sessions_is_what_one_reads() {
    let mut place = Place::new(&[]).with_sessions(7);
    place.git(&["pack-refs", "--all"]);
    place.date_packed_refs();
    let store = place.open(true);
    let sessions = Sessions::read(&store).expect("readable");
    let mut tips = store.tips().expect("readable").sessions;
    let lost = Oid::from_hex(&"1".repeat(40)).expect("an id");
    let damaged = std::mem::replace(&mut tips[3].1, lost);
    for n_threads in [1, 3, 9] {
        let mut reader = Reader::open(&store, &sessions);
        reader.read_apart(&tips, n_threads);
        for (session_id, tip) in &tips {
            let facts = match reader.find(*session_id, *tip) {
                Ok(Found::Facts(facts)) => facts,
                Ok(Found::View(_)) => panic!("{session_id} was not read ahead"),
                Err(fault) => {
                    assert_eq!((fault.name, *tip), (session_id.to_string(), lost));
                    continue;
                }
            };
            let view = load::load_at(&store, *session_id, *tip).expect("sound").view;
            assert_eq!(facts, Facts::of(&view.session, view.class));
        }
    }
    tips[3].1 = damaged;
    assert!(!place.cache_file("facts").exists());
    let mut reader = Reader::open(&store, &sessions);
    reader.read_apart(&tips, 3);
    reader.close(&sessions);
    let mut remembered = Reader::open(&store, &sessions);
    for (session_id, tip) in tips {
        assert!(matches!(remembered.find(session_id, tip), Ok(Found::Facts(_))));
    }
}

#[test]
fn the_upkeep_reads_what_sums_ask_for_before_anybody_does() {
    let mut place = Place::new(&[]).with_sessions(3);
    place.git(&["pack-refs", "--all"]);
    place.date_packed_refs();
    facts::fill(&place.open(false)).expect("readable");
    assert!(!place.cache_file("facts").exists(), "nothing is to be remembered");
    facts::fill(&place.open(true)).expect("readable");
    assert!(place.cache_file("facts").exists());
    assert_eq!(place.answers(true), place.answers(false));
}

#[test]
fn a_cache_that_cannot_be_written_is_not_missed() {
    let place = Place::new(&[]).with_sessions(2);
    let dir = place.git_dir().join("session/cache");
    fs::remove_dir_all(&dir).expect("the cache was used");
    fs::write(&dir, "in the way").expect("written");
    let output = place.session(true, &["list"]);
    assert_eq!(text(&output, &["list"]).lines().count(), 1);
    assert_eq!(String::from_utf8_lossy(&output.stderr).lines().count(), 1, "the hint alone");
    assert_eq!(fs::read(&dir).expect("still there"), b"in the way");
}

#[test]
fn few_sessions_have_no_cache() {
    let place = Place::new(&[]).with_sessions(2);
    let _ = fs::remove_dir_all(place.git_dir().join("session/cache"));
    let mut command = place.command(env!("CARGO_BIN_EXE_git-session"), &["list", "--all"]);
    text(&command.output().expect("the program runs"), &["list"]);
    assert!(!place.git_dir().join("session/cache").exists());
}

#[test]
fn what_a_dead_writer_left_half_written_is_replaced() {
    let place = Place::new(&[]).with_sessions(2);
    let half = place.cache_file("loose.new");
    fs::write(&half, "half").expect("written");
    let _ = fs::remove_file(place.cache_file("loose"));
    let hour = Duration::from_secs(3600);
    let file = File::options().write(true).open(&half).expect("opened");
    file.set_modified(SystemTime::now() - hour).expect("dated");
    text(&place.session(true, &["list"]), &["list"]);
    assert!(!half.exists());
    assert!(place.cache_file("loose").exists());
}

#[test]
fn with_reftable_the_cache_changes_no_answer() {
    let made = Command::new("git").args(["init", "-h"]).output().expect("git runs");
    if !String::from_utf8_lossy(&made.stdout).contains("--ref-format") {
        return;
    }
    let place = Place::new(&["--ref-format=reftable"]).with_sessions(3);
    place.assert_same("the beginning");
    assert!(place.cache_file("kept").exists());
    place.git(&["update-ref", &place.histories[0].0, &place.histories[0].1[1]]);
    place.assert_same("a foreign write");
    place.git(&["update-ref", "-d", &place.histories[1].0]);
    place.assert_same("a deletion");
}

#[test]
fn lists_beside_writers_and_pack_refs_miss_nothing() {
    let place = Place::new(&[]).with_sessions(4);
    let open = place.histories[1].0["refs/sessions/".len()..].to_owned();
    scope(|scope| {
        let (place, open) = (&place, &open);
        let writer = scope.spawn(move || {
            for at in 0..12 {
                let state = ["suspended", "running"][at % 2];
                place.session_ok(&["transition", open, state]);
                if at % 3 == 0 {
                    place.git(&["pack-refs", "--all"]);
                }
            }
        });
        for _ in 0..2 {
            scope.spawn(move || {
                for _ in 0..12 {
                    let output = place.session(true, &["list", "--all", "--porcelain"]);
                    assert_eq!(text(&output, &["list"]).matches("Title").count(), 4);
                }
            });
        }
        writer.join().expect("the writer ends well");
    });
    place.assert_same("all of that");
}
