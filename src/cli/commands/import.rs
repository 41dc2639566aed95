use clap::{Args, ValueEnum, ValueHint};

use super::import_layout;
use crate::cli::CliError;
use crate::cli::app::App;
use crate::cli::options::Json;
use crate::format::layout::Layout;

/// Take sessions over from the files of other session managers
///
/// Each file becomes a session, with its id, its state and its times, by one event of its history that says so.
/// The file is kept with the session, so that "git session export" gives it back key for key. What was imported
/// before is not imported again; a file that has changed since updates its session. A file that is damaged is told
/// of, the others are imported, and the exit status is 1.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  git session import --layout maestro .\n  \
    git session import --layout monoco .monoco/sessions/*.json")]
pub struct Import {
    /// Files, or directories with such files
    #[arg(value_name = "path", required = true, value_hint = ValueHint::AnyPath)]
    paths: Vec<String>,
    /// Whose files they are
    #[arg(long, value_name = "layout")]
    layout: Named,
    #[command(flatten)]
    json: Json,
}

/// The word for a layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Named {
    /// .flow/maestro/sessions/<id>/metadata.json
    Maestro,
    /// .monoco/sessions/<id>.json
    Monoco,
    /// .choragen/sessions/<id>.json
    Choragen,
}

impl From<Named> for Layout {
    fn from(named: Named) -> Layout {
        match named {
            Named::Maestro => Layout::Maestro,
            Named::Monoco => Layout::Monoco,
            Named::Choragen => Layout::Choragen,
        }
    }
}

impl Import {
    /// Does it.
    pub fn run(self, app: &App) -> Result<(), CliError> {
        import_layout::run(app, self.layout.into(), &self.paths, &self.json)
    }
}
