//! A worker's output as a terminal may have it: without colors, and with nothing else that it obeys.

use super::sanitize;

/// The longest sequence that sets colors, in bytes; a longer one is shown.
const MAX_SEQUENCE: usize = 64;

/// Takes output in pieces, wherever they are cut, and makes it harmless.
#[derive(Debug, Default)]
pub struct Cleaner {
    /// The beginning of a character or sequence whose end is yet to come.
    held: Vec<u8>,
}

impl Cleaner {
    /// Returns what may be shown of the next piece.
    pub fn clean(&mut self, bytes: &[u8]) -> String {
        self.held.extend_from_slice(bytes);
        let cut = whole(&self.held);
        let rest = self.held.split_off(cut);
        clean(&std::mem::replace(&mut self.held, rest))
    }

    /// Returns what may be shown of the rest.
    pub fn finish(self) -> String {
        clean(&self.held)
    }
}

fn clean(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes).replace("\r\n", "\n");
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find('\x1b') {
        plain.push_str(&rest[..at]);
        let length = color(&rest.as_bytes()[at..]).unwrap_or(0);
        if length == 0 {
            plain.push('\x1b');
        }
        rest = &rest[at + length.max(1)..];
    }
    plain.push_str(rest);
    sanitize::to_terminal_lines(&plain).into_owned()
}

/// Returns the length of the sequence for colors and the like (SGR) at the beginning of `bytes`, all of
/// which begins with an escape.
fn color(bytes: &[u8]) -> Option<usize> {
    let parameters = bytes.strip_prefix(b"\x1b[")?;
    let end = parameters.iter().position(|byte| !is_parameter(*byte))?;
    (parameters[end] == b'm' && end < MAX_SEQUENCE).then_some(end + 3)
}

fn is_parameter(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b';' | b':')
}

/// Returns where the last character or sequence begins that is not whole; the length if all are.
fn whole(bytes: &[u8]) -> usize {
    let near = bytes.len().saturating_sub(MAX_SEQUENCE);
    let escape = bytes[near..].iter().rposition(|byte| *byte == b'\x1b').map(|at| near + at);
    if let Some(at) = escape {
        let rest = bytes[at + 1..].strip_prefix(b"[").unwrap_or(&bytes[at + 1..]);
        if rest.iter().all(|byte| is_parameter(*byte)) {
            return at;
        }
    }
    if bytes.ends_with(b"\r") {
        return bytes.len() - 1;
    }
    let near = bytes.len().saturating_sub(4);
    match bytes[near..].utf8_chunks().last() {
        // A character whose first bytes are right is not wrong yet.
        Some(chunk) if is_cut(chunk.invalid()) => bytes.len() - chunk.invalid().len(),
        _ => bytes.len(),
    }
}

/// Tells whether the bytes are the beginning of a character.
fn is_cut(bytes: &[u8]) -> bool {
    !bytes.is_empty() && std::str::from_utf8(bytes).is_err_and(|it| it.error_len().is_none())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cleaned(text: &str) -> String {
        let mut cleaner = Cleaner::default();
        cleaner.clean(text.as_bytes()) + &cleaner.finish()
    }

    #[test]
    fn colors_are_left_out_and_all_else_that_a_terminal_obeys_is_shown() {
        for (text, shown) in [
            ("plain\ttext\n", "plain\ttext\n"),
            ("\x1b[1;31mred\x1b[0m \x1b[m.\n", "red .\n"),
            ("\x1b[2J\x1b]0;title\x07", "\\x1b[2J\\x1b]0;title\\x07"),
            ("10%\r20%\r\n", "10%\\r20%\n"),
            ("\x1b", "\\x1b"),
            ("\x1b[31", "\\x1b[31"),
            ("\x1b\x1b[0mx", "\\x1bx"),
            ("é 🦀", "é 🦀"),
        ] {
            assert_eq!(cleaned(text), shown, "{text:?}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_shown_as_such() {
        let mut cleaner = Cleaner::default();
        assert_eq!(cleaner.clean(b"a\xffb"), "a\u{fffd}b");
        assert_eq!(cleaner.clean(b"\xc3"), "");
        assert_eq!(cleaner.finish(), "\u{fffd}");
    }

    proptest! {
        #[test]
        fn where_it_is_cut_makes_no_difference(
            text in "(\x1b\\[[0-9;]{0,3}m|\x1b|[a-z]|\r|\n|é|🦀|\\PC){0,40}",
            cuts in proptest::collection::vec(0usize..8, 0..60),
        ) {
            let mut cleaner = Cleaner::default();
            let (mut rest, mut shown) = (text.as_bytes(), String::new());
            for cut in cuts {
                let (piece, after) = rest.split_at(cut.min(rest.len()));
                shown.push_str(&cleaner.clean(piece));
                rest = after;
            }
            shown.push_str(&cleaner.clean(rest));
            shown.push_str(&cleaner.finish());
            prop_assert_eq!(&shown, &cleaned(&text));
            prop_assert!(!shown.contains(['\x1b', '\r']));
        }
    }
}
