//! Colours and columns.

use std::borrow::Cow;
use std::fmt;

use anstyle::AnsiColor;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::model::{Class, Outcome, Timestamp};

/// How an answer for people is to look. The caller decides, from the terminal and the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Whether colours are used. No fact is told by colour alone.
    pub color: bool,
    /// The columns of the terminal, to which lines are shortened; `None` if there is no terminal,
    /// and then nothing is shortened or padded.
    pub width: Option<usize>,
    /// The present moment, for relative times.
    pub now: Timestamp,
    /// Whether a table has a header; only on a terminal.
    pub header: bool,
    /// Whether next steps are told within the answer, such as `(use "git session resume" ...)`.
    pub hints: bool,
}

/// A part of an answer that has a colour of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// The short name of a session, or of a commit.
    Handle,
    /// An active state.
    Active,
    /// A paused state.
    Paused,
    /// A state that ended in failure.
    Failed,
    /// A state that ended otherwise.
    Ended,
    /// A next step.
    Hint,
}

impl Style {
    /// Returns the look for a pipe: no colour, no header, nothing shortened.
    pub fn plain(now: Timestamp) -> Style {
        Style { color: false, width: None, now, header: false, hints: true }
    }

    /// Returns `text` in the colour of `slot`, if there is one and colours are used.
    pub(super) fn paint<'a>(&self, slot: Option<Slot>, text: &'a str) -> Painted<'a> {
        let slot = slot.filter(|_| self.color && !text.is_empty());
        Painted { style: slot.map_or_else(anstyle::Style::new, Slot::style), text }
    }
}

impl Slot {
    /// All slots.
    pub const ALL: [Slot; 6] =
        [Slot::Handle, Slot::Active, Slot::Paused, Slot::Failed, Slot::Ended, Slot::Hint];

    /// Returns the slot of a state; `None` for a pending one, which has no colour.
    pub fn of_state(class: Class, outcome: Option<Outcome>) -> Option<Slot> {
        match (class, outcome) {
            (Class::Pending, _) => None,
            (Class::Active, _) => Some(Slot::Active),
            (Class::Paused, _) => Some(Slot::Paused),
            (Class::Ended, Some(Outcome::Failure)) => Some(Slot::Failed),
            (Class::Ended, _) => Some(Slot::Ended),
        }
    }

    /// Returns the colour.
    pub fn style(self) -> anstyle::Style {
        match self {
            Slot::Handle => AnsiColor::Yellow.on_default(),
            Slot::Active => AnsiColor::Green.on_default(),
            Slot::Paused => AnsiColor::Cyan.on_default(),
            Slot::Failed => AnsiColor::Red.on_default(),
            Slot::Ended | Slot::Hint => anstyle::Style::new().dimmed(),
        }
    }
}

/// Text in a colour.
pub(super) struct Painted<'a> {
    style: anstyle::Style,
    text: &'a str,
}

impl fmt::Display for Painted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.style.render(), self.text, self.style.render_reset())
    }
}

/// Returns how many columns `text` takes.
pub(super) fn width(text: &str) -> usize {
    text.width()
}

/// Returns `text`, or as much of it as fits in `max` columns with a `…` at the end.
pub(super) fn shorten(text: &str, max: usize) -> Cow<'_, str> {
    if width(text) <= max {
        return Cow::Borrowed(text);
    }
    let Some(room) = max.checked_sub(1) else {
        return Cow::Borrowed("");
    };
    let mut used = 0;
    let end = text.char_indices().find(|(_, c)| {
        used += char_width(*c);
        used > room
    });
    let kept = end.map_or(text, |(end, _)| &text[..end]);
    Cow::Owned(format!("{kept}…"))
}

/// Returns the most columns that `c` adds to a text: a variation selector may widen the character
/// before it.
fn char_width(c: char) -> usize {
    if c == '\u{fe0f}' { 1 } else { c.width().unwrap_or(0) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn style(color: bool) -> Style {
        let now = Timestamp::from_seconds(0).expect("in range");
        Style { color, ..Style::plain(now) }
    }

    #[test]
    fn colour_surrounds_the_text_only_when_it_is_wanted() {
        let painted = |color| style(color).paint(Some(Slot::Handle), "qp").to_string();
        assert_eq!(painted(true), "\x1b[33mqp\x1b[0m");
        assert_eq!(painted(false), "qp");
        assert_eq!(style(true).paint(None, "qp").to_string(), "qp");
        assert_eq!(style(true).paint(Some(Slot::Handle), "").to_string(), "");
    }

    #[test]
    fn a_failure_is_coloured_otherwise_than_a_success() {
        let slot = |outcome| Slot::of_state(Class::Ended, Some(outcome));
        assert_eq!(slot(Outcome::Failure), Some(Slot::Failed));
        assert_eq!(slot(Outcome::Success), Some(Slot::Ended));
        assert_eq!(slot(Outcome::Interrupted), Some(Slot::Ended));
        assert_eq!(Slot::of_state(Class::Pending, None), None);
    }

    #[test]
    fn a_text_is_shortened_by_columns_and_not_by_characters() {
        for (text, max, shown) in [
            ("authentication", 14, "authentication"),
            ("authentication", 5, "auth…"),
            ("实现代理会话", 12, "实现代理会话"),
            ("实现代理会话", 11, "实现代理会…"),
            ("实现代理会话", 10, "实现代理…"),
            ("ab", 1, "…"),
            ("ab", 0, ""),
        ] {
            assert_eq!(shorten(text, max), shown, "{text} {max}");
        }
    }

    proptest! {
        #[test]
        fn a_shortened_text_is_never_wider_than_allowed(text in any::<String>(), max in 0usize..40) {
            let text = crate::render::sanitize::to_terminal(&text);
            prop_assert!(width(&shorten(&text, max)) <= max);
        }
    }
}
