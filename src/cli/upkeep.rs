//! Looking after a repository now and then, in a process of its own, as git does after some of its commands.

use std::process::Command;

use super::app::App;
use crate::worker;

/// Begins it if it is time. Nobody waits for it, and what goes wrong there is tried again later.
pub fn begin_if_due(app: &App) {
    let Some(store) = app.opened() else { return };
    if store.settings().auto_archive.is_none() || !store.begins_upkeep() {
        return;
    }
    let begin = || -> std::io::Result<()> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("-C").arg(app.dir()).args(["hook", "upkeep"]);
        worker::leave_to_itself(command)
    };
    if let Err(error) = begin() {
        tracing::debug!(%error, "nobody looks after the repository");
    }
}
