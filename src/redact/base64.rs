//! Text in base64: tokens of its letters that decode to text.

use std::ops::Range;

/// The shortest token that is tried, in bytes.
const MIN_TOKEN: usize = 16;
/// How much is decoded to see whether it is text at all.
const PROBE: usize = 12;

/// Calls `met` with each token of base64's letters (both alphabets) in `text` that is long enough to hide
/// something; padding is part of it.
pub(super) fn each_token(text: &[u8], mut met: impl FnMut(Range<usize>)) {
    let mut at = 0;
    while at < text.len() {
        if LETTERS[usize::from(text[at])] == NO_LETTER {
            at += 1;
            continue;
        }
        let n_letters =
            text[at..].iter().take_while(|c| LETTERS[usize::from(**c)] != NO_LETTER).count();
        let end = at + n_letters;
        let n_padding = text[end..].iter().take(2).take_while(|c| **c == b'=').count();
        if n_letters >= MIN_TOKEN {
            met(at..end + n_padding);
        }
        at = end + n_padding;
    }
}

/// Decodes a token, if it is text.
pub(super) fn decode(token: &[u8]) -> Option<Vec<u8>> {
    let letters = token.len() - token.iter().rev().take_while(|c| **c == b'=').count();
    let token = &token[..letters];
    if token.len() % 4 == 1 || !is_text(&bytes(&token[..token.len().min(PROBE)])) {
        return None;
    }
    let decoded = bytes(token);
    let is_whole = is_text(&decoded) && std::str::from_utf8(&decoded).is_ok();
    is_whole.then_some(decoded)
}

fn is_text(bytes: &[u8]) -> bool {
    bytes.iter().all(|c| !c.is_ascii_control() || c.is_ascii_whitespace())
}

fn bytes(token: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(token.len() / 4 * 3 + 3);
    for four in token.chunks(4) {
        let bits = four.iter().fold(0, |bits, c| bits << 6 | u32::from(LETTERS[usize::from(*c)]));
        let bits = bits << (6 * (4 - four.len()));
        decoded.extend_from_slice(&bits.to_be_bytes()[1..four.len()]);
    }
    decoded
}

const NO_LETTER: u8 = 0xff;

/// The value of each letter, of both alphabets.
const LETTERS: [u8; 256] = {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut letters = [NO_LETTER; 256];
    let mut n = 0;
    while n < alphabet.len() {
        letters[alphabet[n] as usize] = n as u8;
        n += 1;
    }
    letters[b'-' as usize] = 62;
    letters[b'_' as usize] = 63;
    letters
};

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(text: &str) -> Vec<String> {
        let mut found = Vec::new();
        each_token(text.as_bytes(), |range| {
            let text = decode(&text.as_bytes()[range]);
            found.extend(text.map(|text| String::from_utf8(text).expect("it is text")));
        });
        found
    }

    #[test]
    fn tokens_are_decoded_in_both_alphabets() {
        assert_eq!(decoded("x=aGVsbG8sIHdvcmxkIQ==;"), ["hello, world!"]);
        assert_eq!(decoded("YT8_Pz4-Pj8_Pz4-Pg"), ["a???>>>???>>>"]);
        assert_eq!(decoded("YT8/Pz4+Pj8/Pz4+Pg=="), ["a???>>>???>>>"]);
    }

    #[test]
    fn words_paths_and_binary_data_are_no_text_in_base64() {
        let nothing: [String; 0] = [];
        assert_eq!(decoded("src/components/authentication/LoginForm"), nothing);
        assert_eq!(decoded("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAf"), nothing);
        assert_eq!(decoded("0123456789abcdef0123456789abcdef01234567"), nothing);
        assert_eq!(decoded("aGVsbG8"), nothing, "too short");
    }
}
