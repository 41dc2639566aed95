use std::cell::{Cell, OnceCell, RefCell};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use uuid::Uuid;

use super::commands::Begun;
use super::environment::Environment;
use super::options::Global;
use super::output::{self, Output};
use super::{CliError, detach, redaction};
use crate::model::{Identity, SessionId, Timestamp};
use crate::ops::hook::{self, Hooks};
use crate::ops::job::World;
use crate::ops::redaction::Redaction;
use crate::ops::{Context, OpError, resolve};
use crate::render::{json, sanitize};
use crate::store::{OpenRequest, Store, session_ref};
use crate::worker::{self, Followers, Log, Process};

/// One run of the program: what it was given, and what it opened.
pub struct App {
    /// The environment.
    pub environment: Environment,
    /// The options of all commands.
    pub global: Global,
    /// The present moment.
    pub now: Timestamp,
    /// Whether somebody waits for the first worker to be started.
    pub is_awaited: Cell<bool>,
    /// What was begun before the command was read.
    pub begun: Cell<Option<Begun>>,
    store: OnceCell<Store>,
    redaction: OnceCell<Redaction>,
    output: RefCell<Output>,
    /// Whether the environment does not say which repository is meant, since the command went on to
    /// another work tree.
    is_moved: bool,
    /// Who is waited for.
    awaited: Awaited,
}

/// What git did not wait for, and is waited for before the repository is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awaited {
    /// What was left behind, whatever it is.
    All,
    /// Which session a branch is switched to.
    Switches,
    /// The commits of a git that has ended.
    Commits,
    /// Nothing.
    Nothing,
}

/// The hook that a shell leaves behind, and the one that it leaves behind to follow git.
const LEFT_HOOK: &str = "post-checkout";
const FOLLOWING_HOOK: &str = "prepare-commit-msg";

/// How long a hook that git did not wait for is usually waited for: as long as it may take.
const USUAL_HOOK_TIME: Duration = Duration::from_secs(9);

impl App {
    /// Begins a run.
    pub fn new(environment: Environment, global: Global) -> App {
        let now = now(&environment);
        App {
            environment,
            global,
            now,
            is_awaited: Cell::new(false),
            begun: Cell::new(None),
            store: OnceCell::new(),
            redaction: OnceCell::new(),
            output: RefCell::new(Output::stdout()),
            is_moved: false,
            awaited: Awaited::All,
        }
    }

    /// Goes on in another work tree of the same repository, as if started in `dir`; ends with
    /// [`App::finish`] of its own.
    pub fn moved_to(&self, dir: PathBuf) -> App {
        let global = Global { dir: vec![dir], ..self.global.clone() };
        App { now: self.now, is_moved: true, ..App::new(self.environment.clone(), global) }
    }

    /// Tells whether the command went on to another work tree.
    pub fn is_moved(&self) -> bool {
        self.is_moved
    }

    /// Begins another run with the same environment, as if started in `dir`.
    pub fn in_dir(environment: Environment, dir: PathBuf) -> App {
        App::new(environment, Global { dir: vec![dir], no_verify: true, ..Global::default() })
    }

    /// Waits for this alone where git did not wait: all else may go on beside this run.
    pub fn waiting_for(self, awaited: Awaited) -> App {
        App { awaited, ..self }
    }

    /// Returns the directory to work in.
    pub fn dir(&self) -> PathBuf {
        let start = self.environment.current_dir.clone();
        self.global.dir.iter().fold(start, |dir, next| dir.join(next))
    }

    /// Returns the home directory.
    pub fn home(&self) -> Option<PathBuf> {
        self.environment.get("HOME").map(PathBuf::from).filter(|home| home.is_absolute())
    }

    /// Returns a path with `~` for the home directory: whose home it is, is nobody's business.
    pub fn shown_path(&self, path: &Path) -> String {
        let below = |home: PathBuf| Some(Path::new("~").join(path.strip_prefix(home).ok()?));
        let below = self.home().and_then(below);
        below.as_deref().unwrap_or(path).to_string_lossy().into_owned()
    }

    /// Opens the repository, once. What a hook that git did not wait for has to write is there then.
    pub fn store(&self) -> Result<&Store, CliError> {
        if let Some(store) = self.store.get() {
            return Ok(store);
        }
        let store = Store::open(&self.open_request())?;
        self.wait_for_left(&store);
        Ok(self.store.get_or_init(|| store))
    }

    /// Waits for what git has left behind, so that it is there then.
    pub fn wait_for_left(&self, store: &Store) {
        if self.awaited == Awaited::Nothing {
            return;
        }
        let max_time = self.environment.hook_timeout(USUAL_HOOK_TIME);
        for dir in store.running_dirs() {
            if self.awaited != Awaited::Commits {
                worker::wait_for_left(&dir.join("running"), &[LEFT_HOOK], max_time);
            }
            // Whoever waits for git is told from others once that is noted.
            let followers = Followers::of(dir.join("following"));
            followers.wait_for_starting(&dir.join("starting"), &[FOLLOWING_HOOK], max_time);
            if self.awaited != Awaited::Switches {
                followers.wait_for_ending(max_time);
            }
        }
    }

    /// Returns the repository if it was opened.
    pub fn opened(&self) -> Option<&Store> {
        self.store.get()
    }

    fn open_request(&self) -> OpenRequest {
        let is_quarantine = self.environment.get("GIT_QUARANTINE_PATH").is_some();
        let objects = self.environment.get("GIT_OBJECT_DIRECTORY").is_some();
        let read_only = if is_quarantine {
            Some("ref updates are forbidden inside a quarantine environment")
        } else if objects {
            Some("cannot write sessions while GIT_OBJECT_DIRECTORY is set")
        } else {
            None
        };
        let names_git_dir_only = !self.is_moved
            && self.environment.has("GIT_DIR")
            && !self.environment.has("GIT_WORK_TREE");
        OpenRequest {
            work_dir: names_git_dir_only.then(|| self.dir()),
            dir: self.dir(),
            ignores_environment: self.is_moved,
            config: self.environment.config_parameters(),
            read_only: read_only.map(str::to_owned),
            token: self.random_uuid().to_string(),
            new_key,
            started_at: self.environment.started_at.unwrap_or(UNIX_EPOCH),
        }
    }

    /// Returns what the use cases need of the world.
    pub fn context(&self) -> Result<Context, CliError> {
        let op = match &self.global.op {
            Some(op) => Some(checked_op(op)?),
            None => None,
        };
        Ok(self.context_at(self.store()?, self.now, op))
    }

    fn context_at(&self, store: &Store, now: Timestamp, op: Option<String>) -> Context {
        let settings = store.settings();
        let fallback = || fallback_identity(&self.environment);
        Context {
            now,
            author: settings.author.clone().unwrap_or_else(fallback),
            committer: settings.committer.clone().unwrap_or_else(fallback),
            agent: self.environment.agent(),
            op_is_given: op.is_some(),
            op: op.unwrap_or_else(|| self.random_uuid().to_string()),
            session_name: self.environment.get("GIT_SESSION").map(str::to_owned),
            settings_at: self.environment.settings_at(),
            caller: None,
            hooks: self.hooks(),
            redaction: self.redaction.get_or_init(|| redaction::of(self, store)).clone(),
        }
    }

    fn hooks(&self) -> Hooks {
        let running = self.environment.get(hook::HOOK_VARIABLE).unwrap_or_default();
        Hooks {
            show: |view, root| {
                json::to_map(&json::session(view, root, session_ref(view.session.id)))
            },
            warn: |text| output::to_stderr(&format!("warning: {}\n", sanitize::to_terminal(text))),
            no_verify: self.global.no_verify,
            running: running.split_whitespace().map(str::to_owned).collect(),
            agreed: None,
        }
    }

    /// Returns a new session id: a UUIDv7 of the present moment.
    pub fn new_session_id(&self) -> SessionId {
        let micros = self.now.micros();
        let (seconds, nanos) = (micros / 1_000_000, (micros % 1_000_000) * 1000);
        let at = uuid::Timestamp::from_unix(uuid::NoContext, seconds as u64, nanos as u32);
        let random = Uuid::new_v7(at);
        let Some(seed) = self.seed() else {
            return SessionId::new(random);
        };
        // For tests: the same time and seed make the same id.
        let mut bytes = *random.as_bytes();
        bytes[6] = 0x70 | (seed[6] & 0x0f);
        bytes[7] = seed[7];
        bytes[8] = 0x80 | (seed[8] & 0x3f);
        bytes[9..].copy_from_slice(&seed[9..]);
        SessionId::new(Uuid::from_bytes(bytes))
    }

    /// Returns a word that nobody else has or can guess.
    pub fn new_token(&self) -> String {
        Uuid::new_v4().to_string()
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that meets randomness")]
    fn random_uuid(&self) -> Uuid {
        Uuid::now_v7()
    }

    /// For tests: bytes that follow from `GIT_SESSION_TEST_SEED` and the time alone.
    fn seed(&self) -> Option<[u8; 16]> {
        let seed: u64 = self.environment.get("GIT_SESSION_TEST_SEED")?.parse().ok()?;
        let mut state = seed ^ self.now.micros() as u64;
        let mut bytes = [0; 16];
        for chunk in bytes.chunks_exact_mut(8) {
            // splitmix64
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = state;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.copy_from_slice(&(z ^ (z >> 31)).to_be_bytes());
        }
        Some(bytes)
    }

    /// Finds the session that `name` means, or the current one.
    pub fn resolve(&self, name: Option<&str>) -> Result<SessionId, CliError> {
        let name = match name {
            Some("") => {
                return Err(OpError::NotFound { name: String::new() }.into());
            }
            name => name,
        };
        let store = self.store()?;
        let found = resolve::resolve(store, &self.context()?, name);
        if let Err(OpError::NotFound { name }) = &found
            && let Some(fault) = resolve::damage(store, name)
        {
            let text = format!("warning: the archive is damaged: {}", fault.reason);
            self.narrate(&sanitize::to_terminal(&text));
        }
        Ok(found?)
    }

    /// Writes a part of the answer.
    pub fn answer(
        &self,
        write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
    ) -> Result<(), CliError> {
        let mut output = self.output.borrow_mut();
        write(&mut *output).map_err(CliError::Output)
    }

    /// Writes the answer as one line of JSON.
    pub fn answer_json(&self, value: &impl serde::Serialize) -> Result<(), CliError> {
        let text = json::to_text(value);
        self.answer(|out| writeln!(out, "{text}"))
    }

    /// Lets the answer go through the user's pager, if it goes to a terminal and nobody minds.
    pub fn page(&self) {
        if let Some(pager) = output::choose_pager(self) {
            *self.output.borrow_mut() = Output::pager(&pager, &self.environment);
        }
    }

    /// Tells whether the answer goes through a pager.
    pub fn is_paged(&self) -> bool {
        matches!(*self.output.borrow(), Output::Pager(_))
    }

    /// Tells beside the answer what happened, for people.
    pub fn narrate(&self, text: &str) {
        if !self.global.quiet {
            // What is answered before is also seen before, where both go to one place.
            let _ = self.output.borrow_mut().flush();
            output::to_stderr(&format!("{text}\n"));
        }
    }

    /// Ends the answer.
    pub fn finish(&self) -> Result<(), CliError> {
        if let Some(warning) = self.redaction.get().and_then(redaction::warning) {
            self.narrate(&warning);
        }
        self.output.borrow_mut().finish().map_err(CliError::Output)
    }

    /// Ends what writes have left to do, and leaves it to the system to take back what is open, all at once.
    pub fn end(self) {
        if let Some(store) = self.opened() {
            store.melt_if_due();
        }
        std::mem::forget(self);
    }
}

/// Returns 32 bytes that nobody can guess, of which 244 bits are random.
fn new_key() -> [u8; 32] {
    let mut key = [0; 32];
    key.chunks_exact_mut(16).for_each(|half| half.copy_from_slice(Uuid::new_v4().as_bytes()));
    key
}

/// The world as it is from call to call, for commands that last.
impl World for App {
    fn store(&self) -> Result<Store, OpError> {
        Ok(Store::open(&OpenRequest { started_at: Environment::clock(), ..self.open_request() })?)
    }

    fn context(&self, store: &Store) -> Context {
        self.context_at(store, World::now(self), None)
    }

    fn tell(&self, story: &str) {
        self.narrate(story);
    }

    fn now(&self) -> Timestamp {
        let mut environment = self.environment.clone();
        environment.started_at = Some(Environment::clock());
        now(&environment)
    }

    fn started(&self, worker: &Process, log: Option<&Log>) {
        if self.is_awaited.take() {
            detach::tell_started(worker, log);
        }
    }
}

/// Returns the present moment; tests set it.
fn now(environment: &Environment) -> Timestamp {
    let given = environment.get("GIT_SESSION_TEST_NOW").and_then(Timestamp::parse);
    let started_at = environment.started_at.unwrap_or(SystemTime::UNIX_EPOCH);
    let since_1970 = started_at.duration_since(UNIX_EPOCH).unwrap_or_default();
    let micros = i64::try_from(since_1970.as_micros()).unwrap_or_default();
    given
        .or_else(|| Timestamp::from_micros(micros))
        .unwrap_or_else(|| Timestamp::from_seconds(0).expect("1970 is in range"))
}

/// Returns who acts where git does not know.
fn fallback_identity(environment: &Environment) -> Identity {
    let is_plain = |text: &&str| !text.contains(|c: char| c.is_control() || "<>".contains(c));
    let user = environment.get("USER").or_else(|| environment.get("LOGNAME")).filter(is_plain);
    let user = user.unwrap_or("unknown");
    let host = environment.get("HOSTNAME").filter(is_plain).unwrap_or("localhost");
    Identity { name: user.to_owned(), email: format!("{user}@{host}") }
}

fn checked_op(op: &str) -> Result<String, CliError> {
    match Uuid::try_parse(op) {
        Ok(uuid) => Ok(uuid.to_string()),
        Err(_) => Err(OpError::invalid("--op", format!("'{op}' is not a UUID")).into()),
    }
}
