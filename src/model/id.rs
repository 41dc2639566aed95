use std::fmt;
use std::ops::RangeInclusive;

use uuid::Uuid;

use super::Timestamp;

/// The name of a session for ever: a UUID, written in lower case with hyphens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(Uuid);

impl SessionId {
    /// Returns the id that `uuid` is.
    pub fn new(uuid: Uuid) -> SessionId {
        SessionId(uuid)
    }

    /// Reads the one canonical spelling; everything else (braces, upper case, no hyphens, paths)
    /// is no id.
    pub fn parse(text: &str) -> Option<SessionId> {
        let uuid = Uuid::try_parse(text).ok()?;
        let mut canonical = Uuid::encode_buffer();
        (uuid.hyphenated().encode_lower(&mut canonical) == text).then_some(SessionId(uuid))
    }

    /// Returns the id of these 16 bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> SessionId {
        SessionId(Uuid::from_bytes(bytes))
    }

    /// Returns the 16 bytes, whose order is that of the spelled ids.
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// Returns the short name that people see and type.
    pub fn handle(self) -> Handle {
        let mut letters = [0; Handle::LEN];
        let digits = self.0.as_bytes()[12..].iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
        for (letter, digit) in letters.iter_mut().zip(digits) {
            *letter = b'z' - digit;
        }
        Handle(letters)
    }

    /// Returns the last four bytes as a number, of which the short name is made.
    pub fn tail(self) -> u32 {
        let [.., a, b, c, d] = *self.0.as_bytes();
        u32::from_be_bytes([a, b, c, d])
    }

    /// Tells whether the short name begins with `text`.
    pub fn has_handle_prefix(self, text: &str) -> bool {
        self.handle().0.starts_with(text.as_bytes())
    }

    /// Returns the name in the style `session-YYYYMMDD-HHMMSS-xxxxxx` (UTC).
    ///
    /// Source: Choragen runtime sessions.
    pub fn dated_name(self, created_at: Timestamp) -> String {
        let hex = format!("{:x}", self.0.simple());
        format!("session-{}-{}", created_at.to_utc().format("%Y%m%d-%H%M%S"), &hex[26..])
    }

    /// Returns the last byte, which is random, for spreading sessions over few places.
    pub fn last_byte(self) -> u8 {
        self.0.as_bytes()[15]
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// The beginning of an id as it is spelled. It is compared with very many ids, so these are not spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdPrefix {
    /// The least id that begins so.
    low: SessionId,
    /// The greatest id that begins so.
    high: SessionId,
}

impl IdPrefix {
    /// Reads the beginning of the one canonical spelling; `None` if no id begins so.
    pub fn parse(text: &str) -> Option<IdPrefix> {
        let with_rest = |rest: &str| SessionId::parse(&[text, rest.get(text.len()..)?].concat());
        Some(IdPrefix {
            low: with_rest("00000000-0000-0000-0000-000000000000")?,
            high: with_rest("ffffffff-ffff-ffff-ffff-ffffffffffff")?,
        })
    }

    /// Returns from where to where ids begin so.
    pub fn ids(self) -> RangeInclusive<SessionId> {
        self.low..=self.high
    }

    /// Tells whether an id begins so.
    pub fn is_of(self, session_id: SessionId) -> bool {
        self.ids().contains(&session_id)
    }
}

/// The short name of a session: the last eight hex digits of its id in the letters `z` (0) to `k`
/// (15), so that it is random from its first letter and never taken for a commit id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Handle([u8; Handle::LEN]);

impl Handle {
    /// How many letters a handle has.
    pub const LEN: usize = 8;

    /// Tells whether `text` can be the beginning of a handle.
    pub fn is_prefix_like(text: &str) -> bool {
        !text.is_empty()
            && text.len() <= Self::LEN
            && text.bytes().all(|c| (b'k'..=b'z').contains(&c))
    }

    /// Returns from where to where [`SessionId::tail`] lies if a handle begins with `text`; `None` if none does.
    pub fn tails(text: &str) -> Option<RangeInclusive<u32>> {
        let is_one = Self::is_prefix_like(text);
        let digit = |sum: u32, letter: u8| sum << 4 | u32::from(b'z' - letter);
        let [low, high] = [b'z', b'k'].map(|rest| {
            let letters = text.bytes().chain(std::iter::repeat(rest)).take(Self::LEN);
            if is_one { letters.fold(0, digit) } else { 0 }
        });
        is_one.then_some(low..=high)
    }

    /// Returns the letters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("letters k to z are ASCII")
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0199f0c2-1c4d-7abc-8def-0123456789af";

    #[test]
    fn only_the_canonical_spelling_is_an_id() {
        assert_eq!(SessionId::parse(ID).map(|id| id.to_string()).as_deref(), Some(ID));
        let simple = ID.replace('-', "");
        let upper = ID.to_uppercase();
        let braces = format!("{{{ID}}}");
        for text in ["", "..", "../x", "-x", &simple, &upper, &braces, &format!("{ID} ")] {
            assert_eq!(SessionId::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_prefix_is_of_the_ids_that_are_spelled_so() {
        let id = SessionId::parse(ID).expect("valid");
        let other = SessionId::parse("0199f0c2-1c4e-7abc-8def-0123456789af").expect("valid");
        for end in 0..=ID.len() {
            let prefix = IdPrefix::parse(&ID[..end]).expect("a prefix");
            assert!(prefix.is_of(id), "{end}");
            assert_eq!(prefix.is_of(other), end <= 12, "{end}");
        }
        for text in ["0199f0c21", "0199f0c2-1C", "x", "-", "019 ", &format!("{ID}0"), "实"] {
            assert_eq!(IdPrefix::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_handle_spells_the_last_eight_digits_from_z_to_k() {
        let id = SessionId::parse(ID).expect("valid");
        assert_eq!(id.handle().as_str(), "vutsrqpk");
        assert!(Handle::is_prefix_like("vu"));
        assert!(id.has_handle_prefix("vu") && !id.has_handle_prefix("u"));
        assert!(!Handle::is_prefix_like("a"));
        for end in 1..=Handle::LEN {
            let tails = Handle::tails(&"vutsrqpk"[..end]).expect("a beginning");
            assert!(tails.contains(&id.tail()));
            assert_eq!(
                tails.end() - tails.start(),
                u32::MAX.checked_shr(4 * end as u32).unwrap_or(0)
            );
        }
        assert_eq!(Handle::tails("vutsrqpk"), Some(0x4567_89af..=0x4567_89af));
        assert_eq!(Handle::tails("a").or(Handle::tails("")), None);
    }

    #[test]
    fn the_dated_name_is_in_utc() {
        let id = SessionId::parse(ID).expect("valid");
        let at = Timestamp::parse("2025-12-08T14:30:52Z").expect("valid");
        assert_eq!(id.dated_name(at), "session-20251208-143052-6789af");
    }
}
