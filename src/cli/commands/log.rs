use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use super::show::check_fields;
use super::worker_log;
use crate::cli::app::App;
use crate::cli::options::Json;
use crate::cli::{CliError, complete, date, output};
use crate::model::{Oid, SessionId};
use crate::ops::OpError;
use crate::ops::claims::{Claims, Standing};
use crate::ops::job::World;
use crate::ops::log::{self, LoggedEvent, Query};
use crate::ops::watch;
use crate::render::{Style, json, log as text};
use crate::store::session_ref;
use crate::worker::Wake;

/// Show the history of a session, the newest event first
#[derive(Debug, Args)]
pub struct Log {
    /// The session; default: the current one
    #[arg(value_name = "session", add = ArgValueCompleter::new(complete::sessions))]
    session: Option<String>,
    /// Show the session that made this commit, up to the event that recorded it
    #[arg(long, value_name = "commit", conflicts_with_all = ["session", "follow", "patch", "worker"])]
    commit: Option<String>,
    /// Only events of these kinds: create, transition, update, attach, detach, worker, record, commit,
    /// import, undo; or
    /// of what was recorded: message, tool, decision, error, note, usage, checkpoint (which
    /// may be either) and others
    #[arg(long = "type", value_name = "kind", value_delimiter = ',')]
    kind: Vec<String>,
    /// Show what each event changed, as "git log -p" does
    #[arg(short, long, conflicts_with_all = ["json", "oneline", "follow"])]
    patch: bool,
    /// One line an event
    #[arg(long)]
    oneline: bool,
    /// The oldest event first
    #[arg(long)]
    reverse: bool,
    /// At most so many, the newest; with --worker, lines
    #[arg(short = 'n', long, visible_alias = "limit", value_name = "n")]
    max_count: Option<usize>,
    /// At this date or later
    #[arg(long, value_name = "date", alias = "after")]
    since: Option<String>,
    /// At this date or earlier
    #[arg(long, value_name = "date", alias = "before")]
    until: Option<String>,
    /// One JSON object a line
    #[command(flatten)]
    json: Json,
    /// Go on with each new event, until the session is gone or you stop it
    #[arg(short, long)]
    follow: bool,
    /// Show what the worker says that "run --detach" started; -f goes on until it is gone
    ///
    /// A terminal gets it without colors, and control characters are shown; all else gets the very bytes.
    #[arg(long, conflicts_with_all = ["json", "oneline", "patch", "reverse", "kind", "since", "until"])]
    worker: bool,
}

impl Log {
    /// Does it.
    pub fn run(self, app: &App) -> Result<(), CliError> {
        check_fields::<json::EventObject>(&self.json.fields())?;
        log::check_kinds(&self.kind)?;
        let made = self.commit.as_deref().map(|it| made_in(app, it)).transpose()?;
        let session_id = match made {
            Some((session_id, _)) => session_id,
            None => app.resolve(self.session.as_deref())?,
        };
        if self.patch {
            return self.patch(app, session_id);
        }
        if self.worker {
            let n_lines = self.max_count.filter(|n| *n > 0);
            return worker_log::answer(app, session_id, n_lines, self.follow);
        }
        let date = |option, text: &Option<String>| {
            text.as_deref().map(|text| date::parse(option, text, app.now)).transpose()
        };
        let mut query = Query {
            kinds: self.kind.clone(),
            since: date("--since", &self.since)?,
            until: date("--until", &self.until)?,
            from: match made {
                Some((_, event_oid)) => event_oid,
                None if self.follow => app.store()?.tip(session_id)?,
                None => None,
            },
            after: None,
            limit: self.max_count.filter(|n| *n > 0),
        };
        let mut events = log::log(app.store()?, session_id, &query)?;
        if self.reverse || self.follow {
            events.reverse();
        }
        if !self.follow && !self.json.is_wanted() {
            app.page();
        }
        self.answer(app, &events)?;
        if self.follow {
            query.limit = None;
            self.follow(app, session_id, query)?;
        }
        Ok(())
    }

    fn answer(&self, app: &App, events: &[LoggedEvent]) -> Result<(), CliError> {
        if self.json.is_wanted() {
            let fields = self.json.fields();
            for event in events {
                app.answer_json(&json::select(json::to_map(&json::event(event)), &fields))?;
            }
            return Ok(());
        }
        let style = Style { now: World::now(app), ..output::style(app) };
        app.answer(|out| {
            if self.oneline {
                text::oneline(out, events, &style)
            } else {
                text::full(out, events, &style)
            }
        })
    }

    /// Waits for each change of a session's ref, and reads what is new.
    fn follow(&self, app: &App, session_id: SessionId, mut query: Query) -> Result<(), CliError> {
        let mut watcher = watch::watcher(app.store()?);
        query.after = query.from;
        loop {
            watcher.arm();
            // Opened anew: what was read of packed refs may be too old to see a change by its time.
            let store = World::store(app)?;
            let Some(tip_oid) = store.tip(session_id)? else {
                return Ok(());
            };
            if query.after != Some(tip_oid) {
                query.from = Some(tip_oid);
                let mut events = log::log(&store, session_id, &query)?;
                events.reverse();
                self.answer(app, &events)?;
                query.after = Some(tip_oid);
            }
            app.finish()?;
            if watcher.wait(&[], std::io::stdout().as_fd(), None) == Wake::Closed {
                return Err(CliError::Output(std::io::ErrorKind::BrokenPipe.into()));
            }
        }
    }

    /// Lets git show the patches: it has the pager, the colors and the options for it.
    fn patch(&self, app: &App, session_id: SessionId) -> Result<(), CliError> {
        let mut git = Command::new("git");
        git.arg("-C").arg(app.dir());
        if app.global.no_pager || app.environment.agent().is_some() {
            git.arg("--no-pager");
        }
        git.args(["log", "-p", "--no-ext-diff", "--no-textconv", "--first-parent"]);
        if self.reverse {
            git.arg("--reverse");
        }
        if let Some(n) = self.max_count.filter(|n| *n > 0) {
            git.arg(format!("-n{n}"));
        }
        for (option, date) in [("--since", &self.since), ("--until", &self.until)] {
            if let Some(text) = date {
                let at = date::parse(option, text, app.now)?;
                git.arg(format!("{option}=@{}", at.seconds()));
            }
        }
        if !self.kind.is_empty() {
            // What was recorded is in the commits of recordings; a checkpoint may be in either.
            let mut kinds: Vec<String> = self.kind.iter().map(|kind| regex::escape(kind)).collect();
            kinds.retain(|kind| kind == "checkpoint" || !log::is_said(kind));
            if self.kind.iter().any(|kind| log::is_said(kind)) {
                kinds.push("record".into());
            }
            git.args(["-E", "--grep", &format!("^Session-Event: ({})$", kinds.join("|"))]);
        }
        // A checkpoint is a whole work tree, and what differs in it is for "git session diff".
        // By its commit: an archived session has no ref of its own.
        let tip = app.store()?.tip(session_id)?;
        let tip = tip.map_or_else(|| session_ref(session_id), |tip_oid| tip_oid.to_string());
        git.arg("--end-of-options").arg(tip);
        git.args(["--", ":(top)", ":(top,exclude)checkpoints"]);
        match git.status() {
            Ok(status) if status.success() => Ok(()),
            // Whoever read the answer closed the pipe.
            Ok(status) if is_sigpipe(status) => {
                Err(CliError::Output(std::io::ErrorKind::BrokenPipe.into()))
            }
            Ok(_) => Err(CliError::Failed("git log failed".into())),
            Err(error) => Err(CliError::Failed(format!("cannot run git: {error}"))),
        }
    }
}

/// Finds the session that a commit was made in, and the event that recorded it, if one did.
fn made_in(app: &App, revision: &str) -> Result<(SessionId, Option<Oid>), CliError> {
    let store = app.store()?;
    let no_commit = || OpError::invalid("--commit", format!("'{revision}' is no commit"));
    let commit_oid = store.find_commit(revision).ok_or_else(no_commit)?;
    let claims = Claims::new(store).of(commit_oid)?;
    let claim = claims.into_iter().find(|claim| claim.standing != Standing::Missing);
    let not_found = || OpError::NotFound { name: revision.to_owned() };
    let claim = claim.ok_or_else(not_found)?;
    let seq = claim.link.map(|link| link.seq).filter(|seq| *seq > 0);
    let Some(tip_oid) = store.tip(claim.session_id)?.filter(|_| seq.is_some()) else {
        return Ok((claim.session_id, None));
    };
    let is_it = |event: &Result<LoggedEvent, _>| event.as_ref().is_ok_and(|it| it.seq == seq);
    let event = log::events(store, tip_oid).find(is_it).transpose()?;
    Ok((claim.session_id, event.map(|event| event.commit)))
}

/// Tells whether a program was ended by a closed pipe, itself or, with a shell between, its child.
fn is_sigpipe(status: ExitStatus) -> bool {
    const SIGPIPE: i32 = 13;
    status.signal() == Some(SIGPIPE) || status.code() == Some(128 + SIGPIPE)
}
