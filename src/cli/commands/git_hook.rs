use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::git_follow::{self, Stay};
use super::hook::{append_to_log, end_quietly_after, end_quietly_on_panic};
use super::left_behind;
use crate::cli::CliError;
use crate::cli::app::{App, Awaited};
use crate::cli::environment::Environment;
use crate::cli::{output, redaction};
use crate::model::{Oid, SessionId};
use crate::ops::git_hook::{Act, RefUpdate, Told};
use crate::ops::init::EVENTS;
use crate::ops::{Context, OpError, git_hook};
use crate::render::sanitize;
use crate::store::{Head, Store};
use crate::worker;

/// How long a hook usually may take: git waits for it.
const USUAL_TIME: Duration = Duration::from_secs(5);
/// The same where somebody may be asked. The shell that runs us waits for ten.
const USUAL_CHECKOUT_TIME: Duration = Duration::from_secs(9);
/// How long a push usually may be kept waiting until sessions are sent.
const USUAL_PUSH_TIME: Duration = Duration::from_secs(50);
/// The most that git may say on standard input, in bytes.
const MAX_INPUT: u64 = 16 << 20;

/// Does what a hook of git's leads to. Git must not be held up, be told anything or be failed, whatever happens
/// here: so this returns nothing.
pub fn run(environment: &Environment, words: Vec<OsString>) {
    end_quietly_on_panic();
    let is = |event: &str| words.first().is_some_and(|it| it == event);
    let usual = match () {
        () if is("pre-push") => USUAL_PUSH_TIME,
        () if is("post-checkout") => USUAL_CHECKOUT_TIME,
        () => USUAL_TIME,
    };
    // Before anything is opened: a file that nobody writes to may stand in the place of any other.
    let clock = end_quietly_after(environment.hook_timeout(usual));
    if is_idle(environment) {
        return;
    }
    // Only who leaves a branch, or whose sessions are not sent, may be told something.
    let is_silent = !is("post-checkout") && !is("pre-push");
    let call = Call::read(words);
    // A shell that waits until nobody can write to it any more, waits.
    if is_silent && call.git.is_none() {
        let _ = worker::silence();
    }
    let app = App::in_dir(environment.clone(), environment.current_dir.clone());
    let app = app.waiting_for(call.awaited());
    let stay = hear(&app, &call).unwrap_or_else(|error| {
        note(&app, &call.event, &error);
        None
    });
    if call.git.is_some() {
        git_follow::let_go(stay.as_ref());
    }
    let Some(stay) = stay else {
        app.end();
        return;
    };
    // It may take long until git has ended: nothing is kept open.
    drop(app);
    clock.stop();
    git_follow::stay_behind(environment, stay, usual);
}

/// Returns what a hook of git's that we install is called with, if the program is called by one: that need
/// not cost what reading options does.
pub fn words(args: &[OsString]) -> Option<Vec<OsString>> {
    let [_, hook, words @ ..] = args else { return None };
    let is_known = |word: &OsString| EVENTS.iter().any(|event| word == event);
    (hook == "hook" && words.first().is_some_and(is_known)).then(|| words.to_vec())
}

/// Links what was committed where no hook ran, before a session moves.
pub(super) fn look_back(app: &App) {
    look(app, |store, context| git_hook::reconcile(store, context, None));
}

/// Notes which session is worked on, after it moved.
pub(super) fn look_ahead(app: &App) {
    look(app, git_hook::mark);
}

/// Makes a session the current one, by the user's word.
pub(super) fn make_current(app: &App, session_id: SessionId) -> Result<(), CliError> {
    let (store, context) = (app.store()?, unnamed(app)?);
    Ok(git_hook::make_current(store, &context, session_id)?)
}

/// A commit that is not linked must not keep anybody from anything.
fn look(app: &App, look: fn(&Store, &Context) -> Result<(), OpError>) {
    let (Ok(store), Ok(context)) = (app.store(), unnamed(app)) else { return };
    look(store, &context).unwrap_or_else(|error| tracing::debug!(%error, "nothing is linked"));
}

/// Returns what is needed of the world for a write beside that of the command, whose name is the command's own.
fn unnamed(app: &App) -> Result<Context, CliError> {
    Ok(Context { op: app.new_token(), op_is_given: false, ..app.context()? })
}

/// A hook's call.
struct Call {
    event: String,
    words: Vec<OsString>,
    /// Where HEAD was when git came to the hook, if git did not wait for it.
    at: Option<Head>,
    /// The process that runs the hook, if git does not wait until ours has ended.
    git: Option<u32>,
    /// What the shell knows, if it has put the trailer into the message.
    told: Option<Told>,
    input: String,
}

/// Takes `--at <commit> <branch>` from the end of the words: where HEAD was; the branch is empty if it was on none.
fn take_head(words: &mut Vec<OsString>) -> Option<Head> {
    let start = words.len().checked_sub(3)?;
    let [mark, commit, branch] = &words[start..] else { return None };
    let commit = Oid::from_hex(commit.to_str()?).filter(|_| mark == "--at")?;
    let branch = Some(branch.to_string_lossy().into_owned()).filter(|it| !it.is_empty());
    words.truncate(start);
    Some(Head { branch, commit: Some(commit.to_string()) })
}

/// Takes `--told <length of HEAD's log> <HEAD> <session> <branch>` from the end of the words; the branch is empty if HEAD
/// was on none.
fn take_told(words: &mut Vec<OsString>) -> Option<Told> {
    let start = words.len().checked_sub(5)?;
    let told: Option<Vec<&str>> = words[start..].iter().map(|word| word.to_str()).collect();
    let ["--told", after, old, session_id, branch] = told?[..] else { return None };
    let branch = Some(branch.to_owned()).filter(|it| !it.is_empty());
    let (after, old) = (after.parse().ok()?, Oid::from_hex(old)?);
    let session_id = SessionId::parse(session_id)?;
    words.truncate(start);
    Some(Told { after, old, branch, session_id })
}

/// Takes `--git <process>` from the end of the words.
fn take_git(words: &mut Vec<OsString>) -> Option<u32> {
    let start = words.len().checked_sub(2)?;
    let [mark, pid] = &words[start..] else { return None };
    let pid = pid.to_str().filter(|_| mark == "--git")?.parse().ok()?;
    words.truncate(start);
    Some(pid)
}

impl Call {
    fn read(words: Vec<OsString>) -> Call {
        let mut words = words.into_iter();
        let event = words.next().unwrap_or_default().to_string_lossy().into_owned();
        let mut input = String::new();
        if matches!(&*event, "post-rewrite" | "pre-push") {
            // What is no text, or not whole, leads to nothing.
            let read = std::io::stdin().lock().take(MAX_INPUT).read_to_string(&mut input);
            read.unwrap_or_default();
        }
        let mut words = words.collect();
        let (at, git) = (take_head(&mut words), take_git(&mut words));
        Call { event, at, git, told: take_told(&mut words), words, input }
    }

    /// Returns who is waited for. A switch that git did not wait for is itself waited for, by the others.
    fn awaited(&self) -> Awaited {
        match &*self.event {
            _ if self.at.is_some() => Awaited::Commits,
            // What it depends on was looked at by the shell; the others wait for it.
            _ if self.told.is_some() => Awaited::Nothing,
            // Which session is worked on does not change by a commit.
            "prepare-commit-msg" | "commit-msg" => Awaited::Switches,
            _ => Awaited::All,
        }
    }

    /// Returns a word as text; nothing if there is none.
    fn word(&self, idx: usize) -> &str {
        self.words.get(idx).and_then(|word| word.to_str()).unwrap_or_default()
    }
}

/// Does what the hook leads to, and returns what is left to be done when git has ended.
fn hear(app: &App, call: &Call) -> Result<Option<Stay>, CliError> {
    if let (Some(told), Some(git)) = (&call.told, call.git) {
        return git_follow::begin(app, &git_dir(&app.environment), git, told);
    }
    let store = app.store()?;
    let context = git_follow::context(app, call.git)?;
    match call.event.as_str() {
        "prepare-commit-msg" | "commit-msg" => {
            // Source: githooks(5), "prepare-commit-msg".
            let is_edited = app.environment.get("GIT_EDITOR") != Some(":");
            return message(app, store, &context, call, is_edited && call.git.is_some());
        }
        "post-commit" if !git_follow::leave(store, &[]) => {
            git_hook::made(store, &context, Act::Commit)?;
        }
        "post-merge" if !git_follow::leave(store, &[]) => {
            git_hook::made(store, &context, Act::Merge)?;
        }
        "post-checkout" => checkout(app, store, &context, call)?,
        "post-rewrite" => {
            let pairs = pairs(&call.input);
            if !git_follow::leave(store, &pairs) {
                git_hook::rewrite(store, &context, &pairs)?;
            }
        }
        "pre-push" => push(app, store, call)?,
        _ => {}
    }
    Ok(None)
}

fn push(app: &App, store: &Store, call: &Call) -> Result<(), CliError> {
    let updates: Vec<RefUpdate> = call.input.lines().filter_map(RefUpdate::parse).collect();
    let rules = redaction::rules(app, store);
    let warn = |text: &str| {
        output::to_stderr(&format!("warning: {}\n", sanitize::to_terminal(text)));
    };
    let sent = git_hook::push(store, &rules, call.word(0), &updates);
    let left = sent.inspect_err(|error| warn(&format!("sessions were not sent: {error}")))?;
    for (name, reason) in left {
        warn(&format!("session {name} was not sent: {reason}"));
    }
    Ok(())
}

fn message(
    app: &App,
    store: &Store,
    context: &Context,
    call: &Call,
    is_edited: bool,
) -> Result<Option<Stay>, CliError> {
    let Some(path) = call.words.first().map(PathBuf::from) else { return Ok(None) };
    let text = std::fs::read(&path).map_err(CliError::Output)?;
    let message = match call.event.as_str() {
        "commit-msg" => {
            let template = git_hook::take_template(store).or_else(|| {
                // Where this is the only hook, what is configured is known.
                let path = store.settings().commit_template.as_ref()?;
                std::fs::read(store.root().join(path)).ok()
            });
            git_hook::complete(store, context, &text, template.as_deref())?
        }
        _ => {
            let source = Some(call.word(1)).filter(|it| !it.is_empty());
            if source == Some("template") {
                git_hook::keep_template(store, &text);
            }
            let words = || worker::ancestor_words(call.git, &git_follow::GITS);
            let is_amending = git_hook::is_amending(call.word(2), words);
            git_hook::prepare(store, context, &text, source, is_amending)?
        }
    };
    if let Some(new) = &message.text {
        replace(&path, &text, new).map_err(CliError::Output)?;
    }
    let Some(session_id) = message.session_id else { return Ok(None) };
    let said = message.text.as_deref().unwrap_or(&text);
    git_follow::expect(&app.environment, store, session_id, said, call.git, is_edited)
}

/// Gives a file that has the text `old` another one, or leaves it as it is: a full disk must not cost the message.
fn replace(path: &Path, old: &[u8], new: &[u8]) -> std::io::Result<()> {
    // A file in the place of another one is written to the disk at once, which git would wait for.
    if let Some(more) = new.strip_prefix(old) {
        return append(path, old.len() as u64, more);
    }
    let draft = path.with_extension(format!("session-{}", std::process::id()));
    let write = || -> std::io::Result<()> {
        let mut file = std::fs::File::create(&draft)?;
        file.write_all(new)?;
        file.set_permissions(path.metadata()?.permissions())?;
        std::fs::rename(&draft, path)
    };
    let written = write();
    if written.is_err() {
        let _ = std::fs::remove_file(&draft);
    }
    written
}

/// Appends to a file of `n_bytes` bytes.
fn append(path: &Path, n_bytes: u64, more: &[u8]) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new().append(true).open(path)?;
    let written = file.write_all(more);
    if written.is_err() {
        file.set_len(n_bytes)?;
    }
    written
}

fn checkout(app: &App, store: &Store, context: &Context, call: &Call) -> Result<(), CliError> {
    let from = Oid::from_hex(call.word(0)).filter(|old| !old.is_null());
    // A file was checked out, or a clone or a work tree was made.
    let Some(from) = from.filter(|_| call.word(2) == "1") else { return Ok(()) };
    git_hook::reconcile(store, context, call.at.as_ref())?;
    let switch = git_hook::checkout(store, context, from, call.at.as_ref())?;
    git_hook::note_answer(store, context);
    match switch.left {
        Some(left) => {
            // What is left of the time is for what comes of the answer.
            let time = app.environment.hook_timeout(USUAL_CHECKOUT_TIME) / 4 * 3;
            left_behind::ask(app, store, context, &left, time)
        }
        None => Ok(()),
    }
}

/// Reads lines of `<old> <new>[ <more>]`. Source: githooks(5), "post-rewrite".
fn pairs(input: &str) -> Vec<(Oid, Oid)> {
    let pair = |line: &str| {
        let mut words = line.split(' ');
        Some((Oid::from_hex(words.next()?)?, Oid::from_hex(words.next()?)?))
    };
    input.lines().filter_map(pair).collect()
}

/// Returns the directory of git's that a hook is of.
fn git_dir(environment: &Environment) -> PathBuf {
    environment.current_dir.join(environment.get("GIT_DIR").unwrap_or(".git"))
}

/// Tells, without opening the repository, that no session was ever written in it.
fn is_idle(environment: &Environment) -> bool {
    let git_dir = git_dir(environment);
    let common_dir = match std::fs::read_to_string(git_dir.join("commondir")) {
        Ok(text) => git_dir.join(text.trim_end()),
        Err(_) => git_dir.clone(),
    };
    git_dir.is_dir() && !common_dir.join("session/locks").is_dir()
}

/// Notes what went wrong, for who looks for it.
pub(super) fn note(app: &App, event: &str, error: &CliError) {
    let (Some(store), CliError::Op(error)) = (app.opened(), error) else { return };
    append_to_log(app, store, format!("{} git {event}: {error}\n", app.now));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_head_is_no_word_of_gits() {
        let commit = "a".repeat(40);
        let taken = |line: &[&str]| {
            let mut words: Vec<OsString> = line.iter().map(OsString::from).collect();
            let head = take_head(&mut words).map(|it| (it.commit, it.branch));
            (head, take_git(&mut words), words.len())
        };
        let known = |branch: Option<&str>| Some((Some(commit.clone()), branch.map(str::to_owned)));
        for (line, expected) in [
            (&["--at", &commit, "a b"][..], (known(Some("a b")), None, 0)),
            (&["x", "y", "1", "--at", &commit, ""], (known(None), None, 3)),
            (&["x", "--at", "nonsense", ""], (None, None, 4)),
            (&["--at", &commit], (None, None, 2)),
            (&["file", "message", "--git", "77"], (None, Some(77), 2)),
            (&["--git", "x"], (None, None, 2)),
            (&[], (None, None, 0)),
        ] {
            assert_eq!(taken(line), expected, "{line:?}");
        }
    }

    #[test]
    fn rewritten_commits_come_in_lines_and_what_is_none_is_passed_over() {
        let (old, new) = ("a".repeat(40), "b".repeat(40));
        let oid = |hex: &str| Oid::from_hex(hex).expect("hex");
        let input = format!("{old} {new}\nnonsense\n{new} {old} more words\n");
        assert_eq!(pairs(&input), [(oid(&old), oid(&new)), (oid(&new), oid(&old))]);
    }
}
