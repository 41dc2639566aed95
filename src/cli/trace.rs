//! `GIT_SESSION_TRACE`: what `GIT_TRACE` takes.

use std::fs::OpenOptions;
use std::path::Path;
use std::sync::Mutex;

use tracing::level_filters::LevelFilter;

use super::environment::Environment;

/// Starts tracing to standard error (`1`, `2`, `true`) or to the end of a file (an absolute path).
pub fn start(environment: &Environment) {
    let Some(target) = environment.get("GIT_SESSION_TRACE") else {
        return;
    };
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::DEBUG)
        .with_ansi(false)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::CLOSE);
    if Path::new(target).is_absolute() {
        let file = OpenOptions::new().create(true).append(true).open(target);
        if let Ok(file) = file {
            subscriber.with_writer(Mutex::new(file)).init();
        }
    } else if matches!(target, "1" | "2" | "true") {
        subscriber.with_writer(std::io::stderr).init();
    }
}
