//! JSON as it is written: where its strings are, in one pass and without recursion.

use std::ops::Range;

/// The deepest nesting that is followed.
const MAX_DEPTH: usize = 10_000;

/// What is met in a text, in its order. A range is what stands between a string's quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    /// An object or array begins.
    Open {
        /// Whether it is an array.
        is_array: bool,
    },
    /// An object or array ends.
    Close,
    /// The name of a member.
    Key(Range<usize>),
    /// A string.
    Text(Range<usize>),
}

/// Tells whether `text` may be JSON with a string in it.
pub(super) fn may_be(text: &[u8]) -> bool {
    let first = text.iter().find(|c| !c.is_ascii_whitespace());
    first.is_some_and(|c| matches!(c, b'{' | b'[' | b'"'))
}

/// Tells whether `text` is one JSON value, or several.
pub(super) fn is_json(text: &[u8]) -> bool {
    may_be(text) && scan(text, |_| ()).is_ok()
}

/// Where a text stops being JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotJson;

/// What may come next inside an object or array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// The first key, or the end.
    FirstKey,
    Key,
    Colon,
    /// A member's value.
    Value,
    /// The first item, or the end.
    FirstItem,
    Item,
    /// A comma or the end.
    Comma,
}

struct Scanner<'t> {
    text: &'t [u8],
    at: usize,
    /// For each open object or array: whether it is an array.
    open: Vec<bool>,
    next: Next,
}

/// Calls `visit` with each event of `text`.
///
/// # Errors
/// [`NotJson`] when it is none; what came before was visited.
pub(super) fn scan(text: &[u8], mut visit: impl FnMut(Event)) -> Result<(), NotJson> {
    let mut scanner = Scanner { text, at: 0, open: Vec::new(), next: Next::Value };
    while let Some(event) = scanner.step()? {
        visit(event);
    }
    Ok(())
}

impl Scanner<'_> {
    /// Goes on to the next event; `None` at the end of the text.
    fn step(&mut self) -> Result<Option<Event>, NotJson> {
        loop {
            let rest = &self.text[self.at..];
            self.at += rest.iter().take_while(|c| c.is_ascii_whitespace()).count();
            let Some(c) = self.text.get(self.at).copied() else {
                return if self.open.is_empty() { Ok(None) } else { Err(NotJson) };
            };
            let event = match c {
                b'"' => Some(self.string()?),
                b'{' | b'[' => Some(self.open(c == b'[')?),
                b'}' | b']' => Some(self.close(c == b']')?),
                b',' | b':' => self.punctuation(c)?,
                _ => self.word()?,
            };
            if event.is_some() {
                return Ok(event);
            }
        }
    }

    fn string(&mut self) -> Result<Event, NotJson> {
        let from = self.at + 1;
        let mut end = from;
        loop {
            match self.text.get(end) {
                None => return Err(NotJson),
                Some(b'"') => break,
                Some(b'\\') => {
                    let n_digits = usize::from(self.text.get(end + 1) == Some(&b'u')) * 4;
                    let digits = self.text.get(end + 2..end + 2 + n_digits).ok_or(NotJson)?;
                    let escape = self.text.get(end + 1).ok_or(NotJson)?;
                    let is_escape = b"\"\\/bfnrtu".contains(escape);
                    if !is_escape || !digits.iter().all(u8::is_ascii_hexdigit) {
                        return Err(NotJson);
                    }
                    end += 2 + n_digits;
                }
                Some(_) => end += 1,
            }
        }
        self.at = end + 1;
        if matches!(self.next, Next::FirstKey | Next::Key) {
            self.next = Next::Colon;
            return Ok(Event::Key(from..end));
        }
        self.value()?;
        Ok(Event::Text(from..end))
    }

    /// Notes that a value is here.
    fn value(&mut self) -> Result<(), NotJson> {
        match self.next {
            Next::Value | Next::FirstItem | Next::Item => {
                self.next = if self.open.is_empty() { Next::Value } else { Next::Comma };
                Ok(())
            }
            _ => Err(NotJson),
        }
    }

    fn open(&mut self, is_array: bool) -> Result<Event, NotJson> {
        self.value()?;
        if self.open.len() == MAX_DEPTH {
            return Err(NotJson);
        }
        self.open.push(is_array);
        self.next = if is_array { Next::FirstItem } else { Next::FirstKey };
        self.at += 1;
        Ok(Event::Open { is_array })
    }

    fn close(&mut self, is_array: bool) -> Result<Event, NotJson> {
        let first = if is_array { Next::FirstItem } else { Next::FirstKey };
        if self.open.pop() != Some(is_array) || !(self.next == first || self.next == Next::Comma) {
            return Err(NotJson);
        }
        self.next = if self.open.is_empty() { Next::Value } else { Next::Comma };
        self.at += 1;
        Ok(Event::Close)
    }

    fn punctuation(&mut self, c: u8) -> Result<Option<Event>, NotJson> {
        self.next = match (c, self.next, self.open.last()) {
            (b':', Next::Colon, _) => Next::Value,
            (b',', Next::Comma, Some(true)) => Next::Item,
            (b',', Next::Comma, Some(false)) => Next::Key,
            _ => return Err(NotJson),
        };
        self.at += 1;
        Ok(None)
    }

    /// Steps over a number, `true`, `false` or `null`.
    fn word(&mut self) -> Result<Option<Event>, NotJson> {
        let is_part = |c: &&u8| c.is_ascii_alphanumeric() || matches!(c, b'+' | b'-' | b'.');
        let n = self.text[self.at..].iter().take_while(is_part).count();
        let word = &self.text[self.at..self.at + n];
        let is_number = word.first().is_some_and(|c| c.is_ascii_digit() || *c == b'-')
            && word.iter().all(|c| c.is_ascii_digit() || b"+-.eE".contains(c));
        if !is_number && !matches!(word, b"true" | b"false" | b"null") {
            return Err(NotJson);
        }
        self.value()?;
        self.at += n;
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(text: &str) -> Result<Vec<&str>, NotJson> {
        let mut all = Vec::new();
        scan(text.as_bytes(), |event| match event {
            Event::Key(range) | Event::Text(range) => all.push(&text[range]),
            _ => {}
        })?;
        Ok(all)
    }

    #[test]
    fn keys_and_strings_are_found_in_one_value_or_more() {
        let text = r#" {"a": ["b\"", 1, {"c": null}], "d": "\u00e9"}{"e":"f"} "g" "#;
        assert_eq!(strings(text), Ok(vec!["a", "b\\\"", "c", "d", "\\u00e9", "e", "f", "g"]));
    }

    #[test]
    fn what_is_no_json_is_told() {
        for text in [
            "{",
            "[1,]",
            "{\"a\"}",
            "[INFO] x",
            "\"a",
            "{a: 1}",
            "[\"\\x\"]",
            "]",
            "{\"a\":1,}",
            "[1 2]",
        ] {
            assert_eq!(strings(text), Err(NotJson), "{text}");
        }
        assert_eq!(scan(&b"[".repeat(1 << 20), |_| ()), Err(NotJson));
    }
}
