//! Staying behind a git that a hook has let go on, to see what it makes.

use std::path::Path;
use std::time::Duration;

use super::git_hook;
use super::hook::end_quietly_after;
use crate::cli::CliError;
use crate::cli::app::{App, Awaited};
use crate::cli::environment::Environment;
use crate::model::{Oid, SessionId};
use crate::ops::git_hook::{Author, Told};
use crate::ops::{Context, git_hook as ops_git_hook, init};
use crate::store::Store;
use crate::worker::{self, Follower, Followers, Following, Held, Here, Process, Seen, look};

/// What a git that makes commits is called. Source: git(1); Nix wraps it.
pub(super) const GITS: [&str; 7] = [
    "git",
    "git-commit",
    "git-merge",
    "git-rebase",
    "git-revert",
    "git-cherry-pick",
    ".git-wrapped",
];
/// How many that have something to write are left behind before git waits for them.
const MAX_QUEUE: usize = 4;

/// How long.
const MAX_HOLD_UP: Duration = Duration::from_secs(1);

/// What is left to be done when git has ended.
pub(super) struct Stay {
    follower: Follower,
    followers: Followers,
    /// Those who came before.
    earlier: Vec<Held>,
    /// What is not noted whole yet.
    told: Option<Told>,
}

/// Returns what a use case needs of the world; `caller` is the process that runs the hook, if it is not above us.
pub(super) fn context(app: &App, caller: Option<u32>) -> Result<Context, CliError> {
    let context = app.context()?;
    // Who the commit is by is in the environment as the author, and need not be who works here.
    Ok(Context { author: context.committer.clone(), caller, ..context })
}

/// Notes that git is about to make a commit with this message, or with what comes of it in an editor: for who follows
/// it, or for us, who do so from now on.
///
/// Where nobody can, the next hook or command finds the commit.
pub(super) fn expect(
    environment: &Environment,
    store: &Store,
    session_id: SessionId,
    message: &[u8],
    caller: Option<u32>,
    is_edited: bool,
) -> Result<Option<Stay>, CliError> {
    let here = Here::read();
    let Some(git) = worker::hold_ancestor(&here, caller, &GITS) else { return Ok(None) };
    let followers = Followers::of(store.following_dir());
    let message = Some(message).filter(|_| !is_edited);
    let author = author(environment);
    let mut notes = ops_git_hook::expect(store, session_id, message, author.as_ref())?;
    for other in beside(&followers, &here, &git) {
        notes = format!("{notes}\n{}", ops_git_hook::SHARED);
        let _ = followers.tell(&here, &other.followed, ops_git_hook::SHARED);
    }
    if is_edited {
        notes = format!("{notes}\n{}", init::EDITOR);
    }
    if followers.tell(&here, &git.process, &notes).map_err(CliError::Output)? || caller.is_none() {
        return Ok(None);
    }
    let earlier = followers.hold_ending(&here);
    let follower = followers.follow(&here, git, &notes).map_err(CliError::Output)?;
    // Noted first: whoever takes the hook away looks who needs it.
    if is_edited && let Err(error) = init::put_hook(store) {
        tracing::debug!(%error, "the hook of a message is not there");
    }
    Ok(Some(Stay { follower, followers, earlier, told: None }))
}

/// Begins to follow the git that has come to its hook, `caller`, where the shell has put the trailer into the message and
/// git has gone on. Where it has ended since, what it has made is linked at once. As long as it runs, no more is done
/// than need be: it has the processor to itself.
pub(super) fn begin(
    app: &App,
    git_dir: &Path,
    caller: u32,
    told: &Told,
) -> Result<Option<Stay>, CliError> {
    let here = Here::read();
    // One that began later has but got its number.
    let own = Process::own(&here);
    let is_it = |git: &Held| {
        git.process.pid == caller && own.as_ref().is_some_and(|it| git.process.start <= it.start)
    };
    let Some(git) = worker::hold_ancestor(&here, Some(caller), &GITS).filter(is_it) else {
        settle(app, vec![told.line()], Some(told))?;
        return Ok(None);
    };
    let followers = Followers::of(git_dir.join("session/following"));
    let earlier = followers.hold_ending(&here);
    let follower = followers.follow(&here, git, &told.line()).map_err(CliError::Output)?;
    Ok(Some(Stay { follower, followers, earlier, told: Some(told.clone()) }))
}

/// Links what git has made, and notes what its next message gets.
fn settle(app: &App, mut notes: Vec<String>, told: Option<&Told>) -> Result<(), CliError> {
    let (store, context) = (app.store()?, context(app, None)?);
    if let (Some(told), Some(first)) = (told, notes.first_mut()) {
        *first = ops_git_hook::expect_told(store, told, author(&app.environment).as_ref())?;
    }
    ops_git_hook::settle(store, &context, &notes)?;
    ops_git_hook::note_answer(store, &context);
    Ok(())
}

/// Returns the author of the commit, as `git commit` tells its hooks. Source: git `builtin/commit.c`, `export_one`.
fn author(environment: &Environment) -> Option<Author> {
    let [name, email, date] =
        ["GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_AUTHOR_DATE"].map(|it| environment.get(it));
    let (seconds, _) = date?.strip_prefix('@')?.split_once(' ')?;
    Some(Author { who: format!("{} <{}>", name?, email?), seconds: seconds.parse().ok()? })
}

/// Returns the other gits that are about to make a commit here; one whose editor is open has no message yet.
fn beside(followers: &Followers, here: &Here, git: &Held) -> Vec<Following> {
    let mut all = followers.read(here);
    all.retain(|it| {
        let is_writing = it.notes.last().is_none_or(|note| note != init::EDITOR);
        it.followed != git.process && is_writing && look(here, &it.followed) == Seen::Running
    });
    all
}

/// Leaves what git has just done to who follows it, with the commits that it made anew; `false` if nobody does.
pub(super) fn leave(store: &Store, pairs: &[(Oid, Oid)]) -> bool {
    let here = Here::read();
    let Some(git) = worker::hold_ancestor(&here, None, &GITS) else { return false };
    let notes = pairs.iter().map(|(old, new)| ops_git_hook::rewritten(*old, *new));
    let notes = notes.collect::<Vec<String>>().join("\n");
    let told = Followers::of(store.following_dir()).tell(&here, &git.process, &notes);
    told.is_ok_and(|is_told| is_told)
}

/// Lets git go on.
pub(super) fn let_go(stay: Option<&Stay>) {
    if let Some([first, ..]) = stay.map(|it| &it.earlier[..]).filter(|it| it.len() >= MAX_QUEUE) {
        first.wait(MAX_HOLD_UP);
    }
    let _ = worker::silence();
}

/// Waits until git has ended, and links what it has made.
pub(super) fn stay_behind(environment: &Environment, stay: Stay, usual: Duration) {
    let time = environment.hook_timeout(usual);
    // The keys and the end of the terminal are for git.
    let _ = worker::leave_terminal();
    let notes = stay.follower.wait();
    // As long as others wait for it.
    let _clock = end_quietly_after(time * 2);
    for held in &stay.earlier {
        held.wait(time);
    }
    let mut environment = environment.clone();
    environment.started_at = Some(Environment::clock());
    let app = App::in_dir(environment.clone(), environment.current_dir.clone());
    let app = app.waiting_for(Awaited::Nothing);
    let end = || -> Result<(), CliError> {
        if let Err(error) = init::remove_hook(app.store()?) {
            tracing::debug!(%error, "the hook of a message is still there");
        }
        settle(&app, notes, stay.told.as_ref())
    };
    if let Err(error) = end() {
        git_hook::note(&app, "end", &error);
    }
    stay.followers.clean(&Here::read());
    stay.follower.end();
}
