use clap::{Args, ValueHint};
use clap_complete::engine::ArgValueCompleter;

use super::start::answer;
use super::transition::last_is_required;
use crate::cli::app::App;
use crate::cli::options::Json;
use crate::cli::{CliError, complete, input};
use crate::ops::attach::{self, NewArtifact};

/// Keep a file with a session; one of the same name is replaced, and its history keeps both
#[derive(Debug, Args)]
#[command(override_usage = "git session attach [OPTIONS] [session] <file>")]
#[command(after_help = "Examples:\n  git session attach prd.md --as prd --version 1.0\n  \
    git show sessions/<id>:artifacts/prd.md")]
pub struct Attach {
    /// The session; left out, the current one
    #[arg(value_name = "session", value_hint = ValueHint::FilePath)]
    session: Option<String>,
    /// The file; '-' is standard input
    #[arg(value_name = "file", value_hint = ValueHint::FilePath)]
    file: Option<String>,
    /// What it is to the session, such as prd or report
    #[arg(long = "as", value_name = "role")]
    role: Option<String>,
    /// Its version
    #[arg(long, value_name = "version")]
    version: Option<String>,
    /// Its name in the session; default: the file's
    #[arg(long, value_name = "name")]
    name: Option<String>,
    #[command(flatten)]
    json: Json,
}

/// Take a file out of a session; its history keeps it
#[derive(Debug, Args)]
#[command(override_usage = "git session detach [OPTIONS] [session] <file>")]
pub struct Detach {
    /// The session; left out, the current one
    #[arg(value_name = "session", add = ArgValueCompleter::new(complete::sessions))]
    session: Option<String>,
    /// The name of the file
    #[arg(value_name = "file")]
    file: Option<String>,
    #[command(flatten)]
    json: Json,
}

impl Attach {
    /// Does it.
    pub fn run(self, app: &App) -> Result<(), CliError> {
        let (session, path) = last_is_required(self.session, self.file, "file")?;
        let session_id = app.resolve(session.as_deref())?;
        let path = path.as_str();
        let name = self.name.clone().or_else(|| input::file_name(path));
        let new = NewArtifact {
            name: name.ok_or_else(|| CliError::Usage("the file needs a --name".into()))?,
            role: self.role.clone(),
            version: self.version.clone(),
            path: (path != "-").then(|| path.to_owned()),
            bytes: input::read(app, path, attach::MAX_BYTES)?,
        };
        let changed = attach::attach(app.store()?, &app.context()?, session_id, &new)?;
        let handle = changed.view.session.id.handle();
        answer(app, &changed, &self.json, &format!("Session {handle} keeps {}", new.name))
    }
}

impl Detach {
    /// Does it.
    pub fn run(self, app: &App) -> Result<(), CliError> {
        let (session, name) = last_is_required(self.session, self.file, "file")?;
        let session_id = app.resolve(session.as_deref())?;
        let changed = attach::detach(app.store()?, &app.context()?, session_id, &name)?;
        let handle = changed.view.session.id.handle();
        answer(app, &changed, &self.json, &format!("Session {handle} keeps {name} no more"))
    }
}
