use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use super::show::check_fields;
use crate::cli::app::App;
use crate::cli::options::Json;
use crate::cli::{CliError, complete, output};
use crate::ops::limits::{self, State};
use crate::ops::load;
use crate::render::{json, limits as text};

/// Tell whether a limit of a session is passed or near
///
/// There are three limits, set in the session's configuration: timeout_minutes for the time that its
/// workers ran (of a session without a worker: that it was in active states; while it is put aside, its
/// clock stands still), max_iterations for how often its worker was started (statistics.iterations;
/// resuming is no new start), and max_tokens for all tokens that are recorded of it. A limit is passed when nothing of it is left.
///
/// The exit status is 0 if all is well, 1 if a limit is passed, else 2 if one is near; with -q nothing is
/// printed. An error, such as that there is no such session, has its own status and says so on standard
/// error.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  git session check\n  \
    git session check --warn-at=50 --json qpvuntsm\n  \
    git session check -q || git session suspend -m \"a limit is near\"")]
pub struct Check {
    /// The session; default: the current one
    #[arg(value_name = "session", add = ArgValueCompleter::new(complete::sessions))]
    session: Option<String>,
    /// A limit is near when so much of it is used
    #[arg(long, value_name = "percent", default_value_t = limits::WARN_AT,
          value_parser = clap::value_parser!(u64).range(1..=100))]
    warn_at: u64,
    #[command(flatten)]
    json: Json,
}

/// A limit is passed.
const PASSED: u8 = 1;
/// A limit is near.
const NEAR: u8 = 2;

impl Check {
    /// Does it.
    pub fn run(self, app: &App) -> Result<(), CliError> {
        let fields = self.json.fields();
        check_fields::<json::CheckObject>(&fields)?;
        let store = app.store()?;
        let view = load::load(store, app.resolve(self.session.as_deref())?)?.view;
        let limits = limits::limits(store, &view, app.now)?;
        if self.json.is_wanted() && !app.global.quiet {
            let object = json::to_map(&json::check(&view, &limits, self.warn_at));
            app.answer_json(&json::select(object, &fields))?;
        } else if !app.global.quiet {
            let style = output::style(app);
            app.answer(|out| text::limits(out, &limits, self.warn_at, &style))?;
        }
        app.finish()?;
        match limits.iter().map(|limit| limit.state(self.warn_at)).max() {
            Some(State::Passed) => Err(CliError::Status(PASSED)),
            Some(State::Near) => Err(CliError::Status(NEAR)),
            Some(State::Ok) | None => Ok(()),
        }
    }
}
