//! Events from JSON Lines, as callers write them: neutral events, and Choragen's shapes.

use crate::format::event;
use crate::format::{choragen_line, segment};
use crate::model::Value;
use crate::model::conversation::{Event, Payload};
use crate::ops::{OpError, record};

/// Reads all lines, of which empty ones say nothing. Tool calls that come without an id get one that
/// begins with `op`, the id of the write.
///
/// # Errors
/// [`OpError::Line`] for the first line that is no event.
pub fn read(bytes: &[u8], op: &str) -> Result<Vec<Event>, OpError> {
    let mut events = Vec::new();
    for (line, number) in bytes.split(|byte| *byte == b'\n').zip(1..) {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let read = read_line(line, &format!("{op}-{number}"));
        events.extend(read.map_err(|reason| OpError::Line { number, reason })?);
    }
    Ok(events)
}

/// The same, where a line that is no event is kept as it is; for a file that others write.
pub fn read_all(bytes: &[u8], op: &str) -> Vec<Event> {
    let lines = bytes.split(|byte| *byte == b'\n').zip(1..);
    let lines = lines.filter(|(line, _)| !line.trim_ascii().is_empty());
    let events = lines.flat_map(|(line, number)| {
        read_line(line, &format!("{op}-{number}")).unwrap_or_else(|reason| {
            let record = Value::from(String::from_utf8_lossy(line));
            vec![Event::new(Payload::Raw { reason, record: Some(record) })]
        })
    });
    events.collect()
}

fn read_line(line: &[u8], call: &str) -> Result<Vec<Event>, String> {
    if line.len() > segment::MAX_LINE {
        return Err(format!("it has {} bytes (at most {})", line.len(), segment::MAX_LINE));
    }
    let map = event::parse_new_map(line).map_err(|error| error.to_string())?;
    let mut events = match choragen_line::is_one(&map) {
        true => choragen_line::events(map, call).map_err(|error| error.to_string())?,
        false => vec![event::from_map(map).map_err(|error| error.to_string())?],
    };
    for event in &mut events {
        record::check(event)?;
        // The conversation gives the numbers.
        event.seq = None;
    }
    Ok(events)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_refused_with_its_number() {
        let good = r#"{"kind":"note","text":"a"}"#;
        for (lines, number, reason) in [
            (
                format!("{good}\n\n{{\"kind\":\"message\",\"content\":\"x\"}}"),
                3,
                "field 'role' is missing",
            ),
            (format!("{good}\r\nnonsense\n"), 2, "not JSON: expected ident at column 2"),
            ("[1]".to_owned(), 1, "not JSON: invalid type: sequence, expected a map at column 0"),
            ("{\"text\":\"x\"}".to_owned(), 1, "field 'kind' is missing"),
            (
                "{\"kind\":\"nope\"}".to_owned(),
                1,
                "field 'kind' has the unknown value 'nope' (did you mean 'note'?)",
            ),
            (format!("{good} {good}"), 1, "not JSON: trailing characters at column 28"),
            (r#"{"kind":"note","text":"a","text":"b"}"#.to_owned(), 1, "key 'text' comes twice"),
        ] {
            match read(lines.as_bytes(), "op") {
                Err(OpError::Line { number: found, reason: said }) => {
                    assert_eq!((found, said.as_str()), (number, reason), "{lines}");
                }
                other => panic!("{lines}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_followed_file_keeps_what_is_no_event() {
        let events = read_all(b"nonsense\n\n{\"kind\":\"note\",\"text\":\"a\"}\n", "op");
        let kinds: Vec<&str> = events.iter().map(Event::kind).collect();
        assert_eq!(kinds, ["raw", "note"]);
    }
}
