//! Broken strings, mended in place: each repair has the length of what it repairs, so that offsets stay.

/// The escape of U+FFFD, which stands for what cannot be read.
const UNREADABLE: &[u8; 6] = b"\\ufffd";

/// Replaces halves of surrogate pairs and bytes that are no UTF-8; tells whether there were any.
///
/// Source: programs that cut texts by UTF-16 units write `\ud83d` without its other half.
pub(super) fn mend(bytes: &mut [u8]) -> bool {
    let halves = mend_halves(bytes);
    mend_utf8(bytes) || halves
}

fn mend_halves(bytes: &mut [u8]) -> bool {
    let (mut at, mut is_mended) = (0, false);
    while at + 1 < bytes.len() {
        if bytes[at] != b'\\' {
            at += 1;
            continue;
        }
        let n = match (unit(bytes, at), unit(bytes, at + 6)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
            (Some(0xd800..=0xdfff), _) => {
                bytes[at..at + 6].copy_from_slice(UNREADABLE);
                is_mended = true;
                6
            }
            _ => 2,
        };
        at += n;
    }
    is_mended
}

/// Returns the UTF-16 unit that an escape at `at` stands for.
fn unit(bytes: &[u8], at: usize) -> Option<u32> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    let digits = std::str::from_utf8(digits).ok()?;
    u32::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+'))
}

fn mend_utf8(bytes: &mut [u8]) -> bool {
    let (mut at, mut is_mended) = (0, false);
    while let Err(error) = std::str::from_utf8(&bytes[at..]) {
        let from = at + error.valid_up_to();
        let to = error.error_len().map_or(bytes.len(), |n| from + n);
        bytes[from..to].fill(b'?');
        (at, is_mended) = (to, true);
    }
    is_mended
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mended(text: &[u8]) -> (Vec<u8>, bool) {
        let mut bytes = text.to_vec();
        let is_mended = mend(&mut bytes);
        (bytes, is_mended)
    }

    #[test]
    fn half_a_surrogate_pair_is_replaced_and_a_whole_one_is_not() {
        let whole = br#""\ud83d\ude00 \\ud83d""#;
        assert_eq!(mended(whole), (whole.to_vec(), false));
        assert_eq!(mended(br#""\ud83dx""#), (br#""\ufffdx""#.to_vec(), true));
        assert_eq!(mended(br#""\ude00\ud83d""#), (br#""\ufffd\ufffd""#.to_vec(), true));
    }

    #[test]
    fn bytes_that_are_no_utf8_are_replaced() {
        assert_eq!(mended(b"\"a\xff\xc3\""), (b"\"a??\"".to_vec(), true));
        assert_eq!(mended("\"ä\"".as_bytes()), ("\"ä\"".as_bytes().to_vec(), false));
    }
}
