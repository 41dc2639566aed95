use clap::Args;

use crate::cli::app::App;
use crate::cli::{CliError, date};
use crate::ops::OpError;
use crate::ops::stats::{self, By};
use crate::render::{json, stats as text};

/// Sum up sessions: how many there are, how they ended, how long they took, and the tokens they used
///
/// All sessions count, also those that have ended; the failure rate is of the ended ones.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  git session stats --by=week --since=3.months\n  \
    git session stats --by=model --csv >models.csv")]
pub struct Stats {
    /// Sum up by day, week, branch, author, agent, model or status
    #[arg(long, value_name = "what",
          value_parser = By::ALL.map(|(word, _)| word))]
    by: Option<String>,
    /// Made at this date or later
    #[arg(long, value_name = "date", alias = "after")]
    since: Option<String>,
    /// Made at this date or earlier
    #[arg(long, value_name = "date", alias = "before")]
    until: Option<String>,
    /// Answer with one JSON document
    #[arg(long)]
    json: bool,
    /// Answer with comma-separated values and a header
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

impl Stats {
    /// Does it.
    pub fn run(self, app: &App) -> Result<(), CliError> {
        let date = |option, text: &Option<String>| -> Result<_, OpError> {
            text.as_deref().map(|text| date::parse(option, text, app.now)).transpose()
        };
        let (since, until) = (date("--since", &self.since)?, date("--until", &self.until)?);
        let word = self.by.as_deref();
        let by = By::ALL.into_iter().find(|(known, _)| Some(*known) == word).map(|(_, by)| by);
        let stats = stats::stats(app.store()?, by, since, until, app.now)?;
        if self.json {
            return app.answer_json(&json::stats(&stats, word));
        }
        for fault in &stats.corrupt {
            app.narrate(&crate::render::grep::fault(fault));
        }
        if self.csv {
            return app.answer(|out| text::csv(out, &stats, word));
        }
        app.page();
        app.answer(|out| text::table(out, &stats, word))
    }
}
