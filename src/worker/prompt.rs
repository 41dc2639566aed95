use std::io::Write;
use std::time::Duration;

use super::terminal::Terminal;

/// Asks at the controlling terminal, and returns the line that is typed, without its end. `None` where there is
/// no terminal, where others than this process group have it, and when nobody answers in time.
pub fn ask_at_terminal(question: &str, time: Duration) -> Option<String> {
    let mut terminal = Terminal::open()?;
    // Whoever reads a terminal that others have is stopped.
    if !terminal.is_ours() {
        return None;
    }
    terminal.write_all(question.as_bytes()).ok()?;
    let line = terminal.read_line(time);
    if line.is_none() {
        let _ = terminal.write_all(b"\n");
    }
    line
}
