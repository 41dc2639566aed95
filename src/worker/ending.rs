use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// Whether this process is asked to end, for a command that has something to finish first.
#[derive(Debug)]
pub struct Ending {
    is_asked: Arc<AtomicBool>,
}

impl Ending {
    /// Begins to take SIGINT and SIGTERM; a second one ends the process at once.
    ///
    /// # Errors
    /// What the system says.
    pub fn begin() -> io::Result<Ending> {
        let is_asked = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            flag::register_conditional_default(signal, Arc::clone(&is_asked))?;
            flag::register(signal, Arc::clone(&is_asked))?;
        }
        Ok(Ending { is_asked })
    }

    /// Tells whether one has come.
    pub fn is_asked(&self) -> bool {
        self.is_asked.load(Ordering::Relaxed)
    }
}
