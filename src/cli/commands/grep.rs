use std::collections::HashMap;

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use crate::cli::app::App;
use crate::cli::options::Json;
use crate::cli::{CliError, complete, output};
use crate::model::SessionId;
use crate::ops::OpError;
use crate::ops::grep::{self, Hit, Place, Question};
use crate::render::{grep as text, json};

/// Look for a pattern in what sessions say
///
/// Titles, names of attached files, messages (also notes, decisions and errors), tool calls and what they
/// gave, of all sessions, the newest first, or of those that are named. A pattern is a regular expression.
/// It prints a line for each line that matches: the session, where it is, and the line. The exit status is 1
/// if there is none.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  git session grep -i oauth\n  \
    git session grep --in=tool -F 'rm -rf' -l")]
pub struct Grep {
    /// What to look for
    #[arg(value_name = "pattern")]
    pattern: String,
    /// Only in these sessions
    #[arg(value_name = "session", add = ArgValueCompleter::new(complete::sessions))]
    sessions: Vec<String>,
    /// Upper and lower case are the same
    #[arg(short, long)]
    ignore_case: bool,
    /// The pattern is an extended regular expression; it is one in any case
    #[arg(short = 'E', long, conflicts_with = "fixed_strings")]
    extended_regexp: bool,
    /// The pattern is a text, not a regular expression
    #[arg(short = 'F', long)]
    fixed_strings: bool,
    /// Say the number of the event, too
    #[arg(short = 'n', long = "line-number")]
    number: bool,
    /// Only say which sessions
    #[arg(short = 'l', long, visible_alias = "sessions-with-matches",
          conflicts_with_all = ["count", "json"])]
    list: bool,
    /// Only say how many lines of each session match
    #[arg(short, long, conflicts_with = "json")]
    count: bool,
    /// Only look there: title, message, tool, attachment
    #[arg(long = "in", value_name = "place", value_delimiter = ',')]
    places: Vec<String>,
    /// One JSON object a line
    #[command(flatten)]
    json: Json,
}

impl Grep {
    /// Does it.
    pub fn run(self, app: &App) -> Result<(), CliError> {
        super::show::check_fields::<json::HitObject>(&self.json.fields())?;
        let question = self.question()?;
        let named = self.sessions.iter().map(|name| app.resolve(Some(name)));
        let named = named.collect::<Result<Vec<_>, _>>()?;
        if !self.json.is_wanted() {
            app.page();
        }
        let mut counts: Vec<(SessionId, u64)> = Vec::new();
        let mut known: HashMap<SessionId, usize> = HashMap::new();
        let store = app.store()?;
        let faults = grep::grep(store, &question, &named, |hit| -> Result<(), CliError> {
            let idx = *known.entry(hit.session_id).or_insert_with(|| {
                counts.push((hit.session_id, 0));
                counts.len() - 1
            });
            counts[idx].1 += 1;
            self.answer(app, &hit)?;
            // Who reads what is found may have enough, and then the rest is not looked for.
            if counts[idx].1 == 1 { app.answer(|out| out.flush()) } else { Ok(()) }
        })?;
        if self.count {
            let style = output::style(app);
            app.answer(|out| counts.iter().try_for_each(|it| text::count(out, *it, &style)))?;
        }
        for fault in faults {
            app.narrate(&text::fault(&fault));
        }
        if counts.is_empty() { Err(CliError::Status(1)) } else { Ok(()) }
    }

    fn answer(&self, app: &App, hit: &Hit) -> Result<(), CliError> {
        if self.count {
            return Ok(());
        }
        if self.json.is_wanted() {
            let map = json::to_map(&json::hit(hit));
            return app.answer_json(&json::select(map, &self.json.fields()));
        }
        let style = output::style(app);
        app.answer(|out| match self.list {
            true => text::session(out, hit.session_id, &style),
            false => text::hit(out, hit, self.number, &style),
        })
    }

    fn question(&self) -> Result<Question, CliError> {
        let text = match self.fixed_strings {
            true => regex::escape(&self.pattern),
            false => self.pattern.clone(),
        };
        let pattern = regex::RegexBuilder::new(&text).case_insensitive(self.ignore_case).build();
        let pattern = pattern.map_err(|error| {
            let text = error.to_string();
            let reason = text.lines().last().unwrap_or_default();
            let reason = reason.strip_prefix("error: ").unwrap_or(reason);
            CliError::Usage(format!("invalid pattern '{}': {reason}", self.pattern))
        })?;
        let place = |word: &String| {
            let found = Place::ALL.into_iter().find(|place| place.as_str() == word);
            found.ok_or_else(|| OpError::InvalidValue {
                field: "--in".into(),
                reason: format!("'{word}' is unknown"),
                allowed: Place::ALL.map(|place| place.as_str().to_owned()).to_vec(),
            })
        };
        let places = self.places.iter().map(place).collect::<Result<_, _>>()?;
        Ok(Question { pattern, places, first_only: self.list })
    }
}
