use clap::Args;

use crate::cli::CliError;
use crate::cli::app::App;
use crate::ops::{export, summary};
use crate::render::{json, summary as text};

/// Sum up sessions in Markdown, for a pull request
///
/// For a range of commits, such as main..HEAD, or with --base for the commits of this branch that another
/// one has not, it finds the sessions that made them; else it sums up the sessions that are named, or the
/// current one. It tells what was asked and decided, which checks were run and what came of them, tokens and
/// commits. What only a commit says, or several sessions do, is marked as claimed. The same sessions and commits give the same
/// text. Secrets are looked for once more.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  git session summary --base main\n  \
    git session summary v1.0..v1.1 --json\n  git session summary qpvuntsm")]
pub struct Summary {
    /// A range of commits, such as main..HEAD, and the sessions; default: the current one
    #[arg(value_name = "range-or-session")]
    names: Vec<String>,
    /// The commits of this branch that <branch> has not
    #[arg(long, value_name = "branch")]
    base: Option<String>,
    /// Answer with one JSON document
    #[arg(long)]
    json: bool,
}

impl Summary {
    /// Does it.
    pub fn run(self, app: &App) -> Result<(), CliError> {
        let store = app.store()?;
        let (ranges, names): (Vec<String>, Vec<String>) =
            self.names.iter().cloned().partition(|name| name.contains(".."));
        let range = match (&self.base, &ranges[..]) {
            (Some(base), []) => Some(format!("{base}..HEAD")),
            (None, [range]) => Some(range.clone()),
            (None, []) => None,
            _ => return Err(CliError::Usage("only one range can be summed up".into())),
        };
        let named = names.iter().map(|name| app.resolve(Some(name)));
        let mut named = named.collect::<Result<Vec<_>, _>>()?;
        let summed = match range {
            Some(range) => summary::of_range(store, &range, &named)?,
            None => {
                if named.is_empty() {
                    named.push(app.resolve(None)?);
                }
                summary::of_sessions(store, &named)
            }
        };
        let redaction = app.context()?.redaction;
        if self.json {
            let bytes = redaction.bytes(json::to_text(&json::summary(&summed)).into_bytes())?;
            return app.answer_json(&export::parse(&bytes)?);
        }
        let mut page = Vec::new();
        text::summary(&mut page, &summed).map_err(CliError::Output)?;
        let page = redaction.bytes(page)?;
        app.page();
        app.answer(|out| out.write_all(&page))
    }
}
