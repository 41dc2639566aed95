//! Lines that were found, in the look of `git grep`.

use std::io::{self, Write};

use super::sanitize::to_terminal;
use super::style::{Slot, Style};
use crate::model::SessionId;
use crate::ops::grep::Hit;
use crate::store::Fault;

/// Writes a line that was found: session, place, the number of its event if it is wanted, and the line.
///
/// # Errors
/// Those of `out`.
pub fn hit(out: &mut dyn Write, hit: &Hit, with_number: bool, style: &Style) -> io::Result<()> {
    let handle = hit.session_id.handle().to_string();
    let handle = style.paint(Some(Slot::Handle), &handle);
    let number = hit.seq.filter(|_| with_number).map(|seq| format!("{seq}:"));
    let (place, number) = (hit.place.as_str(), number.unwrap_or_default());
    writeln!(out, "{handle}:{place}:{number}{}", to_terminal(&hit.line))
}

/// Writes a session in which something was found.
///
/// # Errors
/// Those of `out`.
pub fn session(out: &mut dyn Write, session_id: SessionId, style: &Style) -> io::Result<()> {
    let handle = session_id.handle().to_string();
    writeln!(out, "{}", style.paint(Some(Slot::Handle), &handle))
}

/// Writes how many lines of a session were found.
///
/// # Errors
/// Those of `out`.
pub fn count(
    out: &mut dyn Write,
    (session_id, n): (SessionId, u64),
    style: &Style,
) -> io::Result<()> {
    let handle = session_id.handle().to_string();
    writeln!(out, "{}:{n}", style.paint(Some(Slot::Handle), &handle))
}

/// Returns the warning that a session was not looked through.
pub fn fault(fault: &Fault) -> String {
    format!("warning: {} cannot be read: {}", to_terminal(&fault.name), to_terminal(&fault.reason))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::grep::Place;
    use crate::render::fixture::{self, HOSTILE, is_harmless, written};

    #[test]
    fn a_line_says_where_it_is() {
        let found = |line: &str| Hit {
            session_id: fixture::id(4),
            place: Place::Message,
            seq: Some(7),
            line: line.into(),
        };
        let shown = |number| written(|out| hit(out, &found("  Hi"), number, &fixture::piped()));
        assert_eq!(shown(false), "vutsrqpk:message:  Hi\n");
        assert_eq!(shown(true), "vutsrqpk:message:7:  Hi\n");
        let shown = written(|out| hit(out, &found(HOSTILE), true, &fixture::piped()));
        assert!(is_harmless(&shown, &['\n']) && shown.lines().count() == 1, "{shown}");
        let counted = written(|out| count(out, (fixture::id(4), 3), &fixture::piped()));
        assert_eq!(counted, "vutsrqpk:3\n");
    }
}
