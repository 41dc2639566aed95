//! `import --from`: what another tool keeps in the repository.

use clap::ValueEnum;

use super::import::{Import, fail};
use crate::cli::CliError;
use crate::cli::app::App;
use crate::ops::adopt::{self, Adopted};
use crate::ops::import::{self, Did};
use crate::ops::{OpError, import_entire, import_git_ai};
use crate::render::json::{TranscriptObject, TranscriptsObject};
use crate::render::sanitize::to_terminal;

/// The word for a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Tool {
    /// Entire's checkpoints: entire/checkpoints/v1, refs/entire/checkpoints/
    Entire,
    /// git-ai's notes: refs/notes/ai
    GitAi,
}

/// Takes over what a tool tells.
pub fn run(app: &App, tool: Tool, import: &Import) -> Result<(), CliError> {
    let store = app.store()?;
    let mut summary = TranscriptsObject::default();
    let mut taking = import::Import::new(store, app.context()?, None);
    let mut taken =
        |place, adopted| take(app, &mut taking, place, adopted, import.dry_run, &mut summary);
    let faults = match tool {
        Tool::Entire => {
            let told = import_entire::find(store)?;
            let mut faults = told.faults;
            for session in told.sessions {
                let place = session.place();
                taken(place, session.read(store, |place, reason| faults.push((place, reason))))?;
            }
            faults
        }
        Tool::GitAi => {
            let told = import_git_ai::find(store)?;
            let mut sessions = told.sessions.into_iter();
            sessions.try_for_each(|session| taken(session.place(), session.read()))?;
            told.faults
        }
    };
    for (place, reason) in faults {
        fail(place.as_ref(), &CliError::Failed(reason), &mut summary);
    }
    import.answer(app, &summary)
}

/// Takes one session over; one that cannot be taken is told of.
fn take(
    app: &App,
    taking: &mut import::Import<'_>,
    place: String,
    adopted: Result<Adopted, OpError>,
    is_dry: bool,
    summary: &mut TranscriptsObject,
) -> Result<(), CliError> {
    let (store, context) = (app.store()?, app.context()?);
    let imported = adopted.and_then(|adopted| {
        let imported = adopt::adopt(store, &context, taking, &adopted, is_dry)?;
        Ok((adopted, imported))
    });
    let (adopted, imported) = match imported {
        Ok(both) => both,
        Err(error) => {
            fail(place.as_ref(), &error.into(), summary);
            return Ok(());
        }
    };
    let session = imported.session.as_ref();
    let (told, n_commits) = (&imported.told, adopted.commits.len());
    let who = session.map(|it| format!("Session {}: ", it.id.handle())).unwrap_or_default();
    let what = match (imported.did, is_dry) {
        (Did::Nothing, _) => "nothing new".to_owned(),
        (_, true) => format!("would import {n_commits} commits"),
        (_, false) => format!("imported {} messages, {n_commits} commits", told.n_messages),
    };
    app.narrate(&format!(
        "{who}{what} of {} ({})",
        to_terminal(&adopted.agent),
        to_terminal(&place)
    ));
    summary.sessions.push(TranscriptObject {
        path: place,
        agent: adopted.agent,
        native_id: adopted.native_id,
        id: session.map(|it| it.id.to_string()),
        result: imported.did.as_str().to_owned(),
        bytes: imported.n_bytes,
        messages: told.n_messages,
        tool_calls: told.n_calls,
    });
    Ok(())
}
