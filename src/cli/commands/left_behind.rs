use std::io::IsTerminal;
use std::time::Duration;

use crate::cli::CliError;
use crate::cli::app::App;
use crate::cli::{hint, output};
use crate::ops::load::View;
use crate::ops::{Context, git_hook};
use crate::render::sanitize;
use crate::store::Store;
use crate::worker;

/// Asks whether a session whose branch was left is to be put aside. It goes on where there is no terminal or
/// nobody answers in `time`.
///
/// # Errors
/// What changing the session fails for.
pub fn ask(
    app: &App,
    store: &Store,
    context: &Context,
    left: &View,
    time: Duration,
) -> Result<(), CliError> {
    if !std::io::stderr().is_terminal() {
        return Ok(());
    }
    let handle = left.session.id.handle();
    let title = sanitize::to_terminal(&left.session.title);
    let seconds = time.as_secs();
    let question = format!(
        "Put session {handle} \"{title}\" aside? [y/N] ({seconds} seconds, then it goes on) "
    );
    let answer = may_ask(app).then(|| worker::ask_at_terminal(&question, time)).flatten();
    match answer.as_deref().map(str::trim) {
        Some("y" | "Y" | "yes") => {
            git_hook::put_aside(store, context, left)?;
            output::to_stderr(&format!("Session {handle} is put aside until you come back\n"));
        }
        Some(_) => {}
        None if hint::is_wanted(app, "OnCheckout") => output::to_stderr(&format!(
            "hint: session {handle} goes on; put it aside with \"git session suspend {handle}\"\n"
        )),
        None => {}
    }
    Ok(())
}

/// Tells whether a person may be asked: no agent runs us, and git itself would ask, too.
fn may_ask(app: &App) -> bool {
    let variable = "GIT_TERMINAL_PROMPT";
    app.environment.agent().is_none()
        && (!app.environment.has(variable) || app.environment.is_on(variable))
}
