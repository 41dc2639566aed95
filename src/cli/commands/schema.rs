use clap::Args;

use crate::cli::CliError;
use crate::cli::app::App;
use crate::render::json;

/// Print the JSON Schema of the session object
#[derive(Debug, Args)]
pub struct Schema {}

impl Schema {
    /// Does it.
    pub fn run(self, app: &App) -> Result<(), CliError> {
        let text = serde_json::to_string_pretty(&json::session_schema())
            .expect("a schema has text keys only");
        app.answer(|out| writeln!(out, "{text}"))
    }
}
