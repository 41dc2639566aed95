use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use super::show::{answer_json, state_since};
use crate::cli::app::App;
use crate::cli::error::CliError;
use crate::cli::options::Json;
use crate::cli::{complete, output};
use crate::model::SessionId;
use crate::ops::list::{self, Listed, Listing};
use crate::ops::{OpError, load, resolve};
use crate::render::porcelain::porcelain;
use crate::render::session;

/// Tell where you are: the current session, or that there is none
#[derive(Debug, Default, Args)]
pub struct Status {
    /// The session; default: the current one
    #[arg(value_name = "session", add = ArgValueCompleter::new(complete::sessions))]
    session: Option<String>,
    #[command(flatten)]
    form: Form,
}

/// How to tell it.
#[derive(Debug, Default, Args)]
pub struct Form {
    /// Tell it on one line
    #[arg(short, long)]
    short: bool,
    #[command(flatten)]
    json: Json,
    /// Print for scripts, in a form that does not change; nothing if no session is current
    #[arg(long, value_name = "version", num_args = 0..=1, require_equals = true,
          default_missing_value = "v1", value_parser = ["v1", "1"], conflicts_with = "json")]
    porcelain: Option<String>,
}

impl Form {
    /// Tells whether any was asked for.
    pub fn is_chosen(&self) -> bool {
        self.short || self.json.is_wanted() || self.porcelain.is_some()
    }
}

impl Status {
    /// Returns the command that tells of the current session.
    pub fn of_current(form: Form) -> Status {
        Status { session: None, form }
    }

    /// Does it.
    pub fn run(self, app: &App) -> Result<(), CliError> {
        let session_id = if self.asks_where(app)? && resolve::pointed_at(app.store()?)?.is_none() {
            match only_here(app)? {
                Some(session_id) => session_id,
                None => return Ok(()),
            }
        } else {
            match app.resolve(self.session.as_deref()) {
                Ok(session_id) => session_id,
                Err(CliError::Op(OpError::NoCurrent)) => return self.no_session(app),
                Err(error) => return Err(error),
            }
        };
        let view = load::load(app.store()?, session_id)?.view;
        if self.form.json.is_wanted() {
            return answer_json(app, &view, &self.form.json);
        }
        if self.form.porcelain.is_some() {
            let current = resolve::marked(app.store()?, &app.context()?);
            let one = Listing { sessions: vec![Listed::of(view)], ..Listing::default() };
            return app.answer(|out| porcelain(out, &one, current, false));
        }
        if self.form.short {
            return app.answer(|out| session::status_short(out, &view));
        }
        let since = state_since(app, &view)?;
        let style = output::style(app);
        app.answer(|out| session::status(out, &view, since, &style))
    }

    /// Tells whether a person asks, and nobody has named a session.
    fn asks_where(&self, app: &App) -> Result<bool, CliError> {
        let is_named = self.session.is_some() || app.context()?.session_name.is_some();
        Ok(!is_named && !self.form.is_chosen())
    }

    /// No current session is an answer, not an error; as JSON it is null.
    fn no_session(&self, app: &App) -> Result<(), CliError> {
        if self.form.json.is_wanted() {
            return app.answer_json(&());
        }
        if self.form.is_chosen() {
            return Ok(());
        }
        only_here(app).map(drop)
    }
}

/// Returns the only open session of this branch; else tells on which branch this is, which sessions are open there, and
/// which can be resumed.
fn only_here(app: &App) -> Result<Option<SessionId>, CliError> {
    let store = app.store()?;
    let branch = store.head()?.branch;
    let [here, mut paused] = list::open_and_paused(store, branch.as_deref())?;
    if let [only] = &here[..] {
        return Ok(Some(only.excerpt.id));
    }
    paused.retain(|it| here.iter().all(|known| known.excerpt.id != it.excerpt.id));
    let style = output::style(app);
    app.answer(|out| session::no_session(out, branch.as_deref(), [&here, &paused], &style))?;
    Ok(None)
}
