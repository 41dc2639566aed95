use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use super::hook::{append_to_log, end_quietly_on_panic};
use super::left_behind;
use crate::cli::CliError;
use crate::cli::app::App;
use crate::cli::environment::Environment;
use crate::cli::{output, redaction};
use crate::model::Oid;
use crate::ops::git_hook::{Act, RefUpdate};
use crate::ops::{Context, OpError, git_hook};
use crate::render::sanitize;
use crate::store::Store;
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
pub(super) fn run(app: &App, words: Vec<OsString>) {
    end_quietly_on_panic();
    if is_idle(&app.environment) {
        return;
    }
    let is = |event: &str| words.first().is_some_and(|it| it == event);
    // Only who leaves a branch, or whose sessions are not sent, may be told something.
    if !is("post-checkout") && !is("pre-push") {
        let _ = worker::silence();
    }
    let usual = match () {
        () if is("pre-push") => USUAL_PUSH_TIME,
        () if is("post-checkout") => USUAL_CHECKOUT_TIME,
        () => USUAL_TIME,
    };
    let max_time = app.environment.hook_timeout(usual);
    let environment = app.environment.clone();
    let (sender, done) = mpsc::channel();
    let hear = move || {
        let call = Call::read(words);
        let dir = environment.current_dir.clone();
        let app = App::in_dir(environment, dir);
        if let Err(error) = hear(&app, &call) {
            note(&app, &call, &error);
        }
        let _ = sender.send(());
    };
    if std::thread::Builder::new().spawn(hear).is_ok() {
        let _ = done.recv_timeout(max_time);
    }
}

/// Links what was committed where no hook ran, before a session moves.
pub(super) fn look_back(app: &App) {
    look(app, git_hook::reconcile);
}

/// Notes which session is worked on, after it moved.
pub(super) fn look_ahead(app: &App) {
    look(app, git_hook::mark);
}

/// A commit that is not linked must not keep anybody from anything.
fn look(app: &App, look: fn(&Store, &Context) -> Result<(), OpError>) {
    let (Ok(store), Ok(mut context)) = (app.store(), app.context()) else { return };
    // The name of the write is the command's own.
    context.op = app.new_token();
    context.op_is_given = false;
    look(store, &context).unwrap_or_else(|error| tracing::debug!(%error, "nothing is linked"));
}

/// A hook's call.
struct Call {
    event: String,
    words: Vec<OsString>,
    input: String,
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
        Call { event, words: words.collect(), input }
    }

    /// Returns a word as text; nothing if there is none.
    fn word(&self, idx: usize) -> &str {
        self.words.get(idx).and_then(|word| word.to_str()).unwrap_or_default()
    }
}

fn hear(app: &App, call: &Call) -> Result<(), CliError> {
    let store = app.store()?;
    let context = Context {
        // Who the commit is by is in the environment as the author, and need not be who works here.
        author: app.context()?.committer,
        ..app.context()?
    };
    match call.event.as_str() {
        "prepare-commit-msg" | "commit-msg" => message(store, &context, call),
        "post-commit" => Ok(git_hook::made(store, &context, Act::Commit)?),
        "post-merge" => Ok(git_hook::made(store, &context, Act::Merge)?),
        "post-checkout" => checkout(app, store, &context, call),
        "post-rewrite" => Ok(git_hook::rewrite(store, &context, &pairs(&call.input))?),
        "pre-push" => push(app, store, call),
        _ => Ok(()),
    }
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

fn message(store: &Store, context: &Context, call: &Call) -> Result<(), CliError> {
    let Some(path) = call.words.first().map(PathBuf::from) else { return Ok(()) };
    let text = std::fs::read(&path).map_err(CliError::Output)?;
    let new = match call.event.as_str() {
        "commit-msg" => {
            let template = store.settings().commit_template.as_ref();
            let template = template.and_then(|it| std::fs::read(store.root().join(it)).ok());
            git_hook::complete(store, context, &text, template.as_deref())?
        }
        _ => {
            let source = Some(call.word(1)).filter(|it| !it.is_empty());
            git_hook::prepare(store, context, &text, source)?
        }
    };
    match new {
        Some(new) => replace(&path, &new).map_err(CliError::Output),
        None => Ok(()),
    }
}

/// Gives a file another text, or leaves it as it is: a full disk must not cost the message.
fn replace(path: &Path, text: &[u8]) -> std::io::Result<()> {
    let draft = path.with_extension(format!("session-{}", std::process::id()));
    let write = || -> std::io::Result<()> {
        let mut file = std::fs::File::create(&draft)?;
        file.write_all(text)?;
        file.set_permissions(path.metadata()?.permissions())?;
        std::fs::rename(&draft, path)
    };
    let written = write();
    if written.is_err() {
        let _ = std::fs::remove_file(&draft);
    }
    written
}

fn checkout(app: &App, store: &Store, context: &Context, call: &Call) -> Result<(), CliError> {
    let is_new = Oid::from_hex(call.word(0)).is_none_or(|old| old.is_null());
    // A file was checked out, or a clone or a work tree was made.
    if call.word(2) != "1" || is_new {
        return Ok(());
    }
    git_hook::reconcile(store, context)?;
    let switch = git_hook::checkout(store, context)?;
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

/// Tells, without opening the repository, that no session was ever written in it.
fn is_idle(environment: &Environment) -> bool {
    let git_dir = match environment.get("GIT_DIR") {
        Some(dir) => environment.current_dir.join(dir),
        None => environment.current_dir.join(".git"),
    };
    let common_dir = match std::fs::read_to_string(git_dir.join("commondir")) {
        Ok(text) => git_dir.join(text.trim_end()),
        Err(_) => git_dir.clone(),
    };
    git_dir.is_dir() && !common_dir.join("session/locks").is_dir()
}

/// Notes what went wrong, for who looks for it.
fn note(app: &App, call: &Call, error: &CliError) {
    let (Some(store), CliError::Op(error)) = (app.opened(), error) else { return };
    append_to_log(app, store, format!("{} git {}: {error}\n", app.now, call.event));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rewritten_commits_come_in_lines_and_what_is_none_is_passed_over() {
        let (old, new) = ("a".repeat(40), "b".repeat(40));
        let oid = |hex: &str| Oid::from_hex(hex).expect("hex");
        let input = format!("{old} {new}\nnonsense\n{new} {old} more words\n");
        assert_eq!(pairs(&input), [(oid(&old), oid(&new)), (oid(&new), oid(&old))]);
    }
}
