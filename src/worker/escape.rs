//! Any bytes on one line of text, and back.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// Writes `bytes` so that they have no line break, no blank and no control character in them.
pub(super) fn escape(text: &OsStr) -> String {
    let mut escaped = String::new();
    for &byte in text.as_bytes() {
        match byte {
            b'!'..=b'~' if byte != b'%' => escaped.push(char::from(byte)),
            _ => escaped.push_str(&format!("%{byte:02x}")),
        }
    }
    escaped
}

/// Reads what [`escape`] wrote.
pub(super) fn unescape(text: &str) -> Option<OsString> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        if first != b'%' {
            bytes.push(first);
            rest = after;
            continue;
        }
        let digits = std::str::from_utf8(after.get(..2)?).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &after[2..];
    }
    Some(OsString::from_vec(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_come_back_from_one_word() {
        let all: Vec<u8> = (1..=255).collect();
        let text = OsString::from_vec(all);
        let escaped = escape(&text);
        assert!(escaped.bytes().all(|byte| byte.is_ascii_graphic()));
        assert_eq!(unescape(&escaped), Some(text));
    }

    #[test]
    fn a_broken_escape_is_refused() {
        for text in ["%", "%1", "%zz", "%é"] {
            assert_eq!(unescape(text), None, "{text}");
        }
    }
}
