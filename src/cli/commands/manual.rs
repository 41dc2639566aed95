use clap::Args;

use crate::cli::app::App;
use crate::cli::page;
use crate::cli::{CliError, definition};

/// Print the manual page, git-session.1, for "man" to read
///
/// Packagers: write it to share/man/man1/git-session.1; then "git session --help" finds it.
#[derive(Debug, Args)]
pub struct Manual {}

impl Manual {
    /// Does it.
    pub fn run(self, app: &App) -> Result<(), CliError> {
        let text = page::manual(definition()).map_err(CliError::Output)?;
        app.answer(|out| out.write_all(&text))
    }
}
