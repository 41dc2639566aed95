//! `log --worker`: what a worker in the background says.

use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use crate::cli::app::App;
use crate::cli::{CliError, output};
use crate::model::SessionId;
use crate::ops::worker_log;
use crate::render::worker_log::Cleaner;
use crate::worker::{LogReader, Piece, Wake, Watcher};

/// How often a followed log is read: not at each write, of which there may be many.
const FOLLOW_INTERVAL: Duration = Duration::from_millis(200);

/// Prints the log of a session's worker, or its newest `n_lines` lines; with `follow` goes on until
/// the worker is gone.
pub fn answer(
    app: &App,
    session_id: SessionId,
    n_lines: Option<usize>,
    follow: bool,
) -> Result<(), CliError> {
    let store = app.store()?;
    let mut reader = worker_log::read(store, session_id)?;
    if let Some(n_lines) = n_lines {
        reader.skip_to_newest(n_lines).map_err(failed)?;
    }
    if !follow {
        app.page();
    }
    let mut watcher = Watcher::new(Vec::new());
    watcher.arm();
    let mut cleaner = output::style(app).header.then(Cleaner::default);
    loop {
        // Looked for before reading: what it wrote until then is read.
        let writer = follow.then(|| worker_log::writer(store, session_id)).flatten();
        copy(app, &mut reader, cleaner.as_mut())?;
        let Some(writer) = writer else { break };
        app.finish()?;
        let until = Instant::now() + FOLLOW_INTERVAL;
        if watcher.wait(&[writer], io::stdout().as_fd(), Some(until)) == Wake::Closed {
            return Err(CliError::Output(io::ErrorKind::BrokenPipe.into()));
        }
    }
    let rest = cleaner.map(Cleaner::finish).unwrap_or_default();
    app.answer(|out| out.write_all(rest.as_bytes()))
}

/// Prints what there is. A terminal gets nothing that it would obey, all else the very bytes.
fn copy(
    app: &App,
    reader: &mut LogReader,
    mut cleaner: Option<&mut Cleaner>,
) -> Result<(), CliError> {
    loop {
        let Piece { n_dropped, bytes } = reader.read().map_err(failed)?;
        if n_dropped > 0 {
            app.narrate(&format!("{n_dropped} bytes of older output were dropped"));
        }
        if bytes.is_empty() {
            return Ok(());
        }
        match cleaner.as_mut() {
            Some(cleaner) => {
                let text = cleaner.clean(&bytes);
                app.answer(|out| out.write_all(text.as_bytes()))?;
            }
            None => app.answer(|out| out.write_all(&bytes))?,
        }
    }
}

fn failed(error: std::io::Error) -> CliError {
    CliError::Failed(format!("cannot read the worker's log: {error}"))
}
