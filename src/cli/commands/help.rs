use clap::Args;

use crate::cli::app::App;
use crate::cli::{CliError, definition};
use crate::ops::OpError;

/// Explain a command, or list them all
#[derive(Debug, Args)]
pub struct Help {
    /// The command
    #[arg(value_name = "command")]
    command: Vec<String>,
}

impl Help {
    /// Does it.
    pub fn run(self, app: &App) -> Result<(), CliError> {
        let mut all = definition();
        if !self.command.is_empty() {
            all.build();
        }
        let mut command = &mut all;
        for word in &self.command {
            let known: Vec<String> =
                command.get_subcommands().map(|it| it.get_name().to_owned()).collect();
            command = command.find_subcommand_mut(word).ok_or_else(|| OpError::InvalidValue {
                field: "command".into(),
                reason: format!("no command '{word}'"),
                allowed: known,
            })?;
        }
        let text = command.render_long_help();
        app.page();
        app.answer(|out| write!(out, "{text}"))
    }
}
