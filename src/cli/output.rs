//! Where the answer goes: standard output, or the user's pager.

use std::io::{self, BufWriter, IsTerminal, Stdout, Write};
use std::process::{Child, Command, Stdio};

use super::app::App;
use super::environment::Environment;
use super::hint;
use super::options::When;
use crate::render::style::Style;

/// The way out for the answer.
pub enum Output {
    /// Standard output.
    Stdout(BufWriter<Stdout>),
    /// A pager that was started.
    Pager(Child),
}

impl Output {
    /// Returns the way to standard output.
    pub fn stdout() -> Output {
        Output::Stdout(BufWriter::with_capacity(64 * 1024, io::stdout()))
    }

    /// Starts a pager, which is told how to behave unless the user told it; falls back to standard
    /// output. Source: git `pager.c`, and `run-command.c` for which words need a shell.
    pub fn pager(command: &str, environment: &Environment) -> Output {
        let is_plain = !command.contains(|c| "|&;<>()$`\\\"' \t\n*?[#~=%".contains(c));
        let mut pager = Command::new(if is_plain { command } else { "sh" });
        if !is_plain {
            pager.args(["-c", command]);
        }
        for (name, value) in [("LESS", "FRX"), ("LV", "-c")] {
            if !environment.has(name) {
                pager.env(name, value);
            }
        }
        match pager.env("GIT_PAGER_IN_USE", "true").stdin(Stdio::piped()).spawn() {
            Ok(child) => Output::Pager(child),
            Err(error) => {
                to_stderr(&format!("warning: cannot run '{command}': {error}\n"));
                Output::stdout()
            }
        }
    }

    /// Writes what is held back, and waits for the pager.
    pub fn finish(&mut self) -> io::Result<()> {
        match self {
            Output::Stdout(out) => out.flush(),
            Output::Pager(child) => {
                drop(child.stdin.take());
                child.wait().map(|_| ())
            }
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Output::Stdout(out) => out.write(bytes),
            Output::Pager(child) => match &mut child.stdin {
                Some(stdin) => stdin.write(bytes),
                None => Err(io::ErrorKind::BrokenPipe.into()),
            },
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Output::Stdout(out) => out.flush(),
            Output::Pager(child) => child.stdin.as_mut().map_or(Ok(()), Write::flush),
        }
    }
}

/// Writes to standard error; if that is closed, nobody wants to know.
pub fn to_stderr(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Chooses the pager as git does: `GIT_PAGER`, `core.pager`, `PAGER`, `less`; `cat` is none.
pub fn choose_pager(app: &App) -> Option<String> {
    let environment = &app.environment;
    if app.global.no_pager || environment.agent().is_some() || !io::stdout().is_terminal() {
        return None;
    }
    let from_config = app.opened().and_then(|store| store.settings().pager.clone());
    let chosen = if environment.has("GIT_PAGER") {
        environment.get("GIT_PAGER").unwrap_or("cat").to_owned()
    } else {
        from_config
            .or_else(|| environment.get("PAGER").map(str::to_owned))
            .unwrap_or_else(|| "less".to_owned())
    };
    (chosen != "cat" && !chosen.is_empty()).then_some(chosen)
}

/// Returns how the answer is to look.
pub fn style(app: &App) -> Style {
    let is_terminal = io::stdout().is_terminal();
    let width = (is_terminal && app.environment.agent().is_none()).then(|| columns(app));
    Style {
        color: wants_color(app, is_terminal),
        width,
        now: app.now,
        header: is_terminal,
        hints: hint::is_wanted(app, "Status"),
    }
}

fn columns(app: &App) -> usize {
    let given = app.environment.get("COLUMNS").and_then(|columns| columns.parse().ok());
    given
        .or_else(|| terminal_size::terminal_size().map(|(width, _)| usize::from(width.0)))
        .unwrap_or(80)
}

/// `--color` over `color.session`, `color.ui`; `NO_COLOR` over the configuration.
fn wants_color(app: &App, is_terminal: bool) -> bool {
    let environment = &app.environment;
    let is_paged = app.is_paged() || environment.is_on("GIT_PAGER_IN_USE");
    let in_pager = app.opened().is_none_or(|store| store.settings().color_in_pager);
    let auto = (if is_paged { in_pager } else { is_terminal })
        && environment.get("TERM").is_some_and(|term| term != "dumb")
        && environment.agent().is_none();
    let configured = app.opened().and_then(|store| store.settings().color.clone());
    match (app.global.color, configured.as_deref()) {
        (Some(When::Always), _) => true,
        (Some(When::Never), _) => false,
        (Some(When::Auto), _) => auto,
        (None, _) if environment.get("NO_COLOR").is_some() => false,
        (None, _) if environment.is_on("CLICOLOR_FORCE") => true,
        (None, Some("always")) => true,
        (None, Some("never" | "false" | "no" | "off" | "0")) => false,
        (None, _) => auto,
    }
}
