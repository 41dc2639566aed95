use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use super::run::seconds;
use super::show::check_fields;
use crate::cli::app::App;
use crate::cli::options::Json;
use crate::cli::{CliError, complete, output};
use crate::ops::OpError;
use crate::ops::job::World;
use crate::ops::watch::{self, Sight, Until};
use crate::render::{Style, json, log as text};
use crate::worker::Wake;

/// Watch sessions live: each event, and whether their workers run or are lost
///
/// The first line of each session tells how it is now; then a line follows for each event of its
/// history, as "git session log --oneline" shows it, and for each change of what is seen of its worker.
/// It ends when all of them have ended or are deleted, or when you stop it. It waits for the system to
/// tell of changes; where that cannot tell (a network file system), it looks every second. A worker that
/// is elsewhere cannot be seen to end. With --json, each line is an object with the keys type (state,
/// event, observed or deleted), id, handle, status, class, observed and event.
///
/// With --until, the exit status is 0 as soon as each session is, or has been while it was watched, what
/// was asked for, 1 if one cannot be that any more, and 124 if --timeout has passed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  git session watch\n  \
    git session watch qpvuntsm --until ended --timeout=10m\n  \
    git session watch --all --json")]
pub struct Watch {
    /// The sessions; default: the current one
    #[arg(value_name = "session", add = ArgValueCompleter::new(complete::sessions))]
    sessions: Vec<String>,
    /// All sessions that are open, and those that are made meanwhile
    #[arg(short, long, conflicts_with = "sessions")]
    all: bool,
    /// Wait for this: a state of the session's lifecycle, else pending, active, paused or ended, else
    /// what is seen of its worker: running, lost, elsewhere or none
    #[arg(long, value_name = "state", conflicts_with = "all",
          add = ArgValueCompleter::new(complete::goals))]
    until: Option<String>,
    /// Wait at most so long, as 90s, 5m or 2h; a plain number is seconds
    #[arg(long, value_name = "time", value_parser = seconds, requires = "until")]
    timeout: Option<Duration>,
    /// One JSON object a line
    #[command(flatten)]
    json: Json,
}

impl Watch {
    /// Does it.
    pub fn run(self, app: &App) -> Result<(), CliError> {
        let deadline = self.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        check_fields::<json::SightObject>(&self.json.fields())?;
        let mut watch = self.begin(app)?;
        let mut watcher = watch::watcher(app.store()?);
        let mut until = None;
        loop {
            watcher.arm();
            let sights = watch.look(&World::store(app)?)?;
            if let (None, Some(word)) = (&until, &self.until) {
                until = Some(Until::new(word, &sights)?);
            }
            sights.iter().try_for_each(|sight| self.answer(app, sight))?;
            app.finish()?;
            let is_over = match &mut until {
                Some(until) => until.is_over(&watch, &sights)?,
                None => watch.is_over(),
            };
            if is_over {
                return Ok(());
            }
            match watcher.wait(watch.held(), io::stdout().as_fd(), deadline) {
                Wake::Changed => {}
                Wake::Closed => return Err(CliError::Output(io::ErrorKind::BrokenPipe.into())),
                Wake::TimedOut => {
                    let wanted = self.until.clone().unwrap_or_default();
                    return Err(OpError::TimedOut { wanted }.into());
                }
            }
        }
    }

    fn begin(&self, app: &App) -> Result<watch::Watch, CliError> {
        if self.all {
            return Ok(watch::Watch::of_all());
        }
        let names = self.sessions.iter().map(|name| app.resolve(Some(name)));
        let mut session_ids = names.collect::<Result<Vec<_>, CliError>>()?;
        if session_ids.is_empty() {
            session_ids.push(app.resolve(None)?);
        }
        Ok(watch::Watch::of(session_ids))
    }

    fn answer(&self, app: &App, sight: &Sight) -> Result<(), CliError> {
        if self.json.is_wanted() {
            let map = json::to_map(&json::sight(sight));
            return app.answer_json(&json::select(map, &self.json.fields()));
        }
        let style = Style { now: World::now(app), ..output::style(app) };
        app.answer(|out| text::sight(out, sight, &style))
    }
}
