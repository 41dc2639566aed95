//! Letting somebody edit a text in their editor.

use std::process::Command;

use super::CliError;
use super::app::App;

/// Returns `text` as it is after it was edited; `name` is the file's name below the local
/// directory.
pub fn edit(app: &App, name: &str, text: &str) -> Result<String, CliError> {
    let local = app.store()?.local_dir();
    let path = local.join(format!("{name}-{}", app.now.micros()));
    let fail = |doing: &str, error: &std::io::Error| {
        CliError::Failed(format!("cannot {doing} '{}': {error}", path.display()))
    };
    std::fs::create_dir_all(&local).map_err(|error| fail("create", &error))?;
    std::fs::write(&path, text).map_err(|error| fail("write", &error))?;
    let edited = run_editor(app, &path)
        .and_then(|()| std::fs::read_to_string(&path).map_err(|error| fail("read", &error)));
    let _ = std::fs::remove_file(&path);
    edited
}

/// Returns the lines that are no comments, without blank lines around them.
pub fn without_comments(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    lines.join("\n").trim().to_owned()
}

/// Runs the editor that git would choose: `GIT_EDITOR`, `core.editor`, `VISUAL`, `EDITOR`, `vi`.
fn run_editor(app: &App, path: &std::path::Path) -> Result<(), CliError> {
    let chosen = Command::new("git").args(["var", "GIT_EDITOR"]).current_dir(app.dir()).output();
    let editor = match chosen {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        }
        _ => {
            return Err(CliError::Failed("no editor: set GIT_EDITOR or core.editor".into()));
        }
    };
    let status =
        Command::new("sh").args(["-c", &format!("{editor} \"$@\""), &editor]).arg(path).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        _ => Err(CliError::Failed(format!("there was a problem with the editor '{editor}'"))),
    }
}
