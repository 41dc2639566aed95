//! Chance that is the same every time.

/// A source of numbers (splitmix64).
pub struct Dice(pub u64);

impl Dice {
    /// Returns a number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n as u64) as usize
    }

    /// Returns one of `all`.
    #[allow(dead_code, reason = "not every test that throws dice picks")]
    pub fn pick<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }

    /// Fills a template: `{A36}` is 36 letters and digits; see [`alphabet`] for the others.
    pub fn fill(&mut self, template: &str) -> String {
        let mut text = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            let (place, behind) = after.split_once('}').expect("a place has an end");
            let (class, n) = place.split_at(1);
            let alphabet = alphabet(class).as_bytes();
            text.push_str(before);
            for _ in 0..n.parse().expect("a number") {
                text.push(char::from(alphabet[self.below(alphabet.len())]));
            }
            rest = behind;
        }
        text + rest
    }
}

/// Returns the letters of a class.
fn alphabet(class: &str) -> &'static str {
    match class {
        "A" => "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
        "w" => "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-",
        "b" => "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
        "L" => "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
        "U" => "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
        "l" => "abcdefghijklmnopqrstuvwxyz0123456789",
        "x" => "0123456789abcdef",
        "d" => "0123456789",
        "k" => "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L",
        other => panic!("no class '{other}'"),
    }
}

/// Returns text in base64.
pub fn base64(text: &[u8]) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut encoded = String::new();
    for three in text.chunks(3) {
        let bits =
            three.iter().fold(0, |bits, c| bits << 8 | usize::from(*c)) << (8 * (3 - three.len()));
        for n in 0..4 {
            let letter = LETTERS[bits >> (18 - 6 * n) & 63];
            encoded.push(if n > three.len() { '=' } else { char::from(letter) });
        }
    }
    encoded
}

/// Returns each byte as percent and two digits.
pub fn percent(text: &str) -> String {
    text.bytes().map(|c| format!("%{c:02X}")).collect()
}

/// Returns each character as `\uXXXX`.
pub fn unicode(text: &str) -> String {
    text.encode_utf16().map(|c| format!("\\u{c:04x}")).collect()
}
