use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};

use git_session::lifecycle::builtin;
use git_session::model::{CommitLink, KnownBy, Oid, SessionId};
use git_session::ops::claims::{Claim, Claims};
use git_session::ops::create::{self, NewSession};
use git_session::ops::links::{self, Made};
use git_session::ops::load;
use git_session::store::{OpenRequest, Store};
use tempfile::TempDir;

use super::inside::{context, request};

pub const ADA: &str = "0199f0c2-1c4d-7abc-8def-0123456789af";
pub const BOB: &str = "0199f0c2-1c4d-7abc-8def-0123456789b0";
/// A session that is made in another clone.
pub const EVE: &str = "0199f0c2-1c4d-7abc-8def-0123456789e0";

/// How many keys were made: no two clones have the same.
static N_KEYS: AtomicU8 = AtomicU8::new(0);

/// A repository with two sessions, and a clock of commits that goes on a second with each.
pub struct Place {
    pub dir: TempDir,
    pub store: Store,
    n_commits: std::cell::Cell<u64>,
}

impl Place {
    pub fn new(init: &[&str]) -> Place {
        Place::with(init, &[ADA, BOB])
    }

    /// Makes a repository with other sessions.
    pub fn with(init: &[&str], names: &[&str]) -> Place {
        let dir = tempfile::tempdir().expect("a directory");
        let init: Vec<&str> = ["init", "-q", "-b", "main"].iter().chain(init).copied().collect();
        run(dir.path(), &init, 0, "");
        let place = Place { store: open(dir.path()), dir, n_commits: 0.into() };
        for name in names {
            let new = NewSession { title: "x".into(), ..NewSession::default() };
            let lifecycle = builtin("worker").expect("built in");
            create::create(&place.store, &context(), id(name), lifecycle, &new).expect("made");
        }
        place
    }

    pub fn git(&self, args: &[&str]) -> String {
        self.n_commits.set(self.n_commits.get() + 1);
        run(self.dir.path(), args, self.n_commits.get(), "")
    }

    pub fn write(&self, path: &str, bytes: &[u8]) {
        let path = self.dir.path().join(path);
        std::fs::create_dir_all(path.parent().expect("below")).expect("a directory");
        std::fs::write(path, bytes).expect("written");
    }

    /// Commits all that is there.
    pub fn commit(&self, message: &str) -> Oid {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
        self.head()
    }

    /// The same, so many seconds after the first time.
    pub fn commit_at(&self, message: &str, seconds: u64) -> Oid {
        // Git is run twice until the commit is there.
        self.n_commits.set(seconds.saturating_sub(2));
        self.commit(message)
    }

    pub fn head(&self) -> Oid {
        Oid::from_hex(self.git(&["rev-parse", "HEAD"]).trim()).expect("an id")
    }

    /// Records a commit, in a store that sees it.
    pub fn link(&self, name: &str, commit_oid: Oid, replaces: &[Oid]) {
        let store = open(self.dir.path());
        let commit = store.commit(commit_oid).expect("it is there");
        let link = links::describe(&store, &commit, KnownBy::Hook);
        let link = CommitLink { replaces: replaces.to_vec(), ..link };
        links::record(&store, &context(), id(name), &[link]).expect("recorded");
    }

    pub fn made(&self, name: &str) -> Vec<Made> {
        let store = open(self.dir.path());
        let loaded = load::load(&store, id(name)).expect("readable");
        links::commits_of(&store, &loaded.snapshot, &loaded.view.session).expect("readable")
    }

    pub fn claims(&self, commit_oid: Oid) -> Vec<Claim> {
        let store = open(self.dir.path());
        Claims::new(&store).of(commit_oid).expect("an answer")
    }

    /// Returns the claims in short: who, what speaks for it, how sure.
    pub fn told(&self, commit_oid: Oid) -> Vec<String> {
        let told = |claim: &Claim| {
            let who = match claim.session_id.to_string().as_str() {
                ADA => "ada",
                BOB => "bob",
                EVE => "eve",
                _ => "?",
            };
            format!("{who} {} {}", claim.evidence.as_str(), claim.confidence.as_str())
        };
        self.claims(commit_oid).iter().map(told).collect()
    }
}

pub fn id(name: &str) -> SessionId {
    SessionId::parse(name).expect("an id")
}

/// Runs git without anybody's configuration, `n` seconds after the first time.
pub fn run(dir: &Path, args: &[&str], n: u64, input: &str) -> String {
    use std::io::Write;
    let mut git = Command::new("git");
    git.current_dir(dir).args(args).env("GIT_CONFIG_GLOBAL", "/dev/null").env("LC_ALL", "C");
    let date = format!("@{} +0000", 1_767_790_800 + n);
    git.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_EDITOR", "true");
    for role in ["AUTHOR", "COMMITTER"] {
        git.env(format!("GIT_{role}_NAME"), "Ada").env(format!("GIT_{role}_EMAIL"), "ada@x.org");
        git.env(format!("GIT_{role}_DATE"), &date);
    }
    git.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = git.spawn().expect("git runs");
    child.stdin.take().expect("piped").write_all(input.as_bytes()).expect("read");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub fn open(dir: &Path) -> Store {
    let new_key = || [N_KEYS.fetch_add(1, Ordering::Relaxed); 32];
    let request = OpenRequest { new_key, ..request(dir) };
    Store::open(&request).expect("a repository")
}
