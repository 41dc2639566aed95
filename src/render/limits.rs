//! Limits for people.

use std::io::{self, Write};

use super::style::{Slot, Style};
use super::time::grouped;
use crate::ops::limits::{Limit, State};

/// Writes a line a limit, such as `time: 97 of 120 minutes (80 %), near`.
///
/// # Errors
/// Those of `out`.
pub fn limits(
    out: &mut dyn Write,
    limits: &[Limit],
    warn_at: u64,
    style: &Style,
) -> io::Result<()> {
    limits.iter().try_for_each(|limit| write_limit(out, limit, warn_at, style))
}

fn write_limit(out: &mut dyn Write, limit: &Limit, warn_at: u64, style: &Style) -> io::Result<()> {
    let (scale, unit) = match limit.unit {
        "seconds" => (60, "minutes"),
        unit => (1, unit),
    };
    let (name, used) = (limit.name, grouped(limit.used / scale));
    let (Some(most), Some(percent)) = (limit.limit, limit.percent()) else {
        return writeln!(out, "{name}: {used} {unit}, no limit");
    };
    let state = limit.state(warn_at);
    let slot = match state {
        State::Ok => None,
        State::Near => Some(Slot::Paused),
        State::Passed => Some(Slot::Failed),
    };
    let text = format!("{used} of {} {unit} ({} %)", grouped(most / scale), grouped(percent));
    match slot {
        None => writeln!(out, "{name}: {text}"),
        Some(_) => {
            let text = format!("{text}, {}", state.as_str());
            writeln!(out, "{name}: {}", style.paint(slot, &text))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::fixture::{self, written};

    #[test]
    fn each_limit_has_a_line_that_says_how_it_stands() {
        let limit = |name, unit, used, limit| Limit { name, unit, used, limit };
        let all = [
            limit("time", "seconds", 97 * 60 + 59, Some(7200)),
            limit("iterations", "iterations", 3, Some(3)),
            limit("iterations", "iterations", 1, Some(3)),
            limit("tokens", "tokens", 15_650, None),
        ];
        let expected = "time: 97 of 120 minutes (81 %), near
iterations: 3 of 3 iterations (100 %), passed
iterations: 1 of 3 iterations (33 %)
tokens: 15,650 tokens, no limit
";
        let shown = |style: &Style| written(|out| limits(out, &all, 80, style));
        assert_eq!(shown(&fixture::piped()), expected);
        let colored = shown(&Style { color: true, ..fixture::piped() });
        assert!(colored.contains("iterations: \x1b[31m3 of 3 iterations (100 %), passed\x1b[0m\n"));
        assert_eq!(fixture::without_colors(&colored), expected);
    }
}
