//! Untrusted text as people may see it: nothing that a terminal obeys, and nothing that hides.
//!
//! Titles, names, reasons and paths come from other people and from programs. Whatever would move
//! the cursor, colour, reorder or disappear is shown as an escape instead, on terminals and in pipes
//! alike, because a pipe often ends at a terminal.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::model::text::is_invisible;

/// Returns `text` for a place of one line: control characters, line breaks, tabs and what a reader
/// cannot see are shown as `\n`, `\t`, `\x1b` or `\u{202e}`.
///
/// A backslash stays as it is: the result is to be read, not to be read back.
pub fn to_terminal(text: &str) -> Cow<'_, str> {
    escape(text, is_hostile)
}

/// Returns `text` for a place of many lines: as [`to_terminal`], but line feeds and tabs stay.
pub fn to_terminal_lines(text: &str) -> Cow<'_, str> {
    escape(text, |c| !matches!(c, '\n' | '\t') && is_hostile(c))
}

/// Tells whether `c` may not be shown: C0, DEL, C1, bidirectional controls, line separators, and
/// characters without a shape.
fn is_hostile(c: char) -> bool {
    c.is_control() || is_invisible(c) || is_tag(c)
}

/// Tells whether `c` is one of the shapeless tags and selectors of plane 14, which can carry whole
/// sentences that nobody sees.
fn is_tag(c: char) -> bool {
    ('\u{e0000}'..='\u{e0fff}').contains(&c)
}

fn escape(text: &str, is_hostile: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&is_hostile) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_hostile(c) {
            push_escaped(&mut shown, c);
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

fn push_escaped(shown: &mut String, c: char) {
    // Writing to a string does not fail.
    let _ = match c {
        '\n' => shown.write_str("\\n"),
        '\r' => shown.write_str("\\r"),
        '\t' => shown.write_str("\\t"),
        c if c.is_ascii() => write!(shown, "\\x{:02x}", u32::from(c)),
        c => write!(shown, "\\u{{{:x}}}", u32::from(c)),
    };
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn harmless_text_is_borrowed_as_it_is() {
        for text in ["", "Add user authentication", "实现代理会话持久化", "é 🦀 \\x1b C:\\new"]
        {
            assert!(matches!(to_terminal(text), Cow::Borrowed(shown) if shown == text));
        }
    }

    #[test]
    fn what_a_terminal_obeys_is_shown_as_an_escape() {
        for (text, shown) in [
            ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
            ("a\x07b\x08c\x00\x7f", "a\\x07b\\x08c\\x00\\x7f"),
            ("safe\rfake", "safe\\rfake"),
            ("one\ntwo\tthree", "one\\ntwo\\tthree"),
            ("\u{9b}31m \u{85}", "\\u{9b}31m \\u{85}"),
        ] {
            assert_eq!(to_terminal(text), shown);
        }
    }

    #[test]
    fn what_nobody_sees_is_shown_as_an_escape() {
        for (text, shown) in [
            ("a\u{202e}b", "a\\u{202e}b"),
            ("\u{2066}x\u{2069}", "\\u{2066}x\\u{2069}"),
            ("pay\u{200b}pal", "pay\\u{200b}pal"),
            ("\u{feff}\u{ad}\u{2028}\u{2029}", "\\u{feff}\\u{ad}\\u{2028}\\u{2029}"),
            ("hi\u{e0041}\u{e0100}", "hi\\u{e0041}\\u{e0100}"),
        ] {
            assert_eq!(to_terminal(text), shown);
        }
    }

    #[test]
    fn many_lines_keep_their_line_feeds_and_tabs_and_nothing_else() {
        assert_eq!(to_terminal_lines("a\n\tb\r\n\x1b[2J\u{2028}"), "a\n\tb\\r\n\\x1b[2J\\u{2028}");
    }

    proptest! {
        #[test]
        fn no_hostile_character_ever_comes_out(text in any::<String>()) {
            prop_assert!(!to_terminal(&text).chars().any(is_hostile));
            let lines = to_terminal_lines(&text);
            prop_assert!(!lines.chars().any(|c| is_hostile(c) && c != '\n' && c != '\t'));
        }
    }
}
