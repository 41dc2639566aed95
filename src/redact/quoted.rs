//! Text behind escapes (JSON's `\u0041`, a URL's `%41`): decoded, and back to where it came from.

use super::span::Span;

/// How a text is escaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Escapes {
    /// Backslashes, as in a JSON string.
    Json,
    /// Percent and two hexadecimal digits.
    Percent,
    /// Backslashes before signs, as in Markdown.
    Markdown,
}

/// A character or byte, and how many bytes it takes as it is written.
struct Unit {
    decoded: [u8; 4],
    n_decoded: usize,
    n_raw: usize,
}

impl Unit {
    fn byte(byte: u8, n_raw: usize) -> Unit {
        Unit { decoded: [byte, 0, 0, 0], n_decoded: 1, n_raw }
    }

    fn char(c: char, n_raw: usize) -> Unit {
        let mut decoded = [0; 4];
        let n_decoded = c.encode_utf8(&mut decoded).len();
        Unit { decoded, n_decoded, n_raw }
    }
}

impl Escapes {
    /// Tells whether decoding `raw` would change it.
    pub(super) fn are_in(self, raw: &[u8]) -> bool {
        match self {
            Escapes::Json => raw.contains(&b'\\'),
            Escapes::Percent => {
                let is_escape = |it: &[u8]| {
                    it[0] == b'%' && it[1].is_ascii_hexdigit() && it[2].is_ascii_hexdigit()
                };
                raw.contains(&b'%') && raw.windows(3).any(is_escape)
            }
            Escapes::Markdown => {
                let is_escape = |it: &[u8]| it[0] == b'\\' && is_sign(it[1]);
                raw.contains(&b'\\') && raw.windows(2).any(is_escape)
            }
        }
    }

    /// Returns what `raw` says. What is no escape stands for itself.
    pub(super) fn decode(self, raw: &[u8]) -> Vec<u8> {
        let mut decoded = Vec::with_capacity(raw.len());
        let mut at = 0;
        while at < raw.len() {
            let unit = self.unit(&raw[at..]);
            decoded.extend_from_slice(&unit.decoded[..unit.n_decoded]);
            at += unit.n_raw;
        }
        decoded
    }

    /// Moves spans of the decoded text to where they are in `raw`; a character that is met in part is
    /// taken whole.
    pub(super) fn put_back(self, raw: &[u8], spans: &mut [Span<'_>]) {
        let mut bounds: Vec<(usize, bool, usize)> = Vec::with_capacity(2 * spans.len());
        for (n, span) in spans.iter().enumerate() {
            bounds.extend([(span.start, false, n), (span.end, true, n)]);
        }
        bounds.sort_unstable();
        let (mut in_raw, mut in_decoded) = (0, 0);
        for (bound, is_end, n) in bounds {
            loop {
                let rest = &raw[in_raw..];
                if rest.is_empty() || in_decoded >= bound {
                    break;
                }
                let unit = self.unit(rest);
                if !is_end && in_decoded + unit.n_decoded > bound {
                    break;
                }
                in_raw += unit.n_raw;
                in_decoded += unit.n_decoded;
            }
            let span = &mut spans[n];
            if is_end { span.end = in_raw } else { span.start = in_raw }
        }
    }

    /// Reads the first unit of a text that is not empty.
    fn unit(self, raw: &[u8]) -> Unit {
        match (self, raw) {
            (Escapes::Json, [b'\\', b'u', ..]) => unicode(raw),
            (Escapes::Json, [b'\\', c, ..]) => match c {
                b'n' => Unit::byte(b'\n', 2),
                b't' => Unit::byte(b'\t', 2),
                b'r' => Unit::byte(b'\r', 2),
                b'b' => Unit::byte(8, 2),
                b'f' => Unit::byte(12, 2),
                b'"' | b'\\' | b'/' => Unit::byte(*c, 2),
                _ => Unit::byte(b'\\', 1),
            },
            (Escapes::Percent, [b'%', ..]) => match hex(raw.get(1..3)) {
                Some(byte) => Unit::byte(byte as u8, 3),
                None => Unit::byte(b'%', 1),
            },
            (Escapes::Markdown, [b'\\', c, ..]) if is_sign(*c) => Unit::byte(*c, 2),
            (_, rest) => Unit::byte(rest[0], 1),
        }
    }
}

/// Tells whether `c` is a sign that Markdown escapes and other texts with backslashes do not.
fn is_sign(c: u8) -> bool {
    c.is_ascii_punctuation() && !b"\"'/\\".contains(&c)
}

/// Reads `\uXXXX`, or two of them that are one character.
fn unicode(raw: &[u8]) -> Unit {
    let Some(first) = hex(raw.get(2..6)) else { return Unit::byte(b'\\', 1) };
    if let Some(c) = char::from_u32(first) {
        return Unit::char(c, 6);
    }
    let second = match raw.get(6..8) {
        Some(b"\\u") => hex(raw.get(8..12)).filter(|it| (0xdc00..0xe000).contains(it)),
        _ => None,
    };
    match second {
        Some(second) if first < 0xdc00 => {
            let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
            Unit::char(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 12)
        }
        _ => Unit::char(char::REPLACEMENT_CHARACTER, 6),
    }
}

fn hex(digits: Option<&[u8]>) -> Option<u32> {
    digits?.iter().try_fold(0, |sum, digit| Some(sum * 16 + char::from(*digit).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::span::Rank;

    fn back(escapes: Escapes, raw: &str, decoded: &str, part: &str) -> String {
        assert_eq!(String::from_utf8_lossy(&escapes.decode(raw.as_bytes())), decoded);
        let start = decoded.find(part).expect("it is there");
        let end = start + part.len();
        let mut spans = [Span { start, end, kind: "x", rank: Rank::Format }];
        escapes.put_back(raw.as_bytes(), &mut spans);
        raw[spans[0].start..spans[0].end].to_owned()
    }

    #[test]
    fn a_span_goes_back_to_the_escapes_that_it_came_from() {
        let raw = r#"a\n\u0073k-\ud83d\ude00\"b"#;
        assert_eq!(back(Escapes::Json, raw, "a\nsk-😀\"b", "sk-"), r"\u0073k-");
        assert_eq!(back(Escapes::Json, raw, "a\nsk-😀\"b", "😀"), r"\ud83d\ude00");
        assert_eq!(back(Escapes::Json, raw, "a\nsk-😀\"b", "\"b"), r#"\"b"#);
        assert_eq!(back(Escapes::Markdown, r"\*ghp\_a\n", r"*ghp_a\n", "ghp_a"), r"ghp\_a");
        assert_eq!(back(Escapes::Percent, "x%73k%2D%zz%", "xsk-%zz%", "sk-"), "%73k%2D");
    }

    #[test]
    fn what_is_no_escape_stands_for_itself() {
        let decode =
            |raw: &str| String::from_utf8_lossy(&Escapes::Json.decode(raw.as_bytes())).into_owned();
        assert_eq!(decode(r"\q \u12 \ud800 \udc00x \"), "\\q \\u12 \u{fffd} \u{fffd}x \\");
    }
}
