use std::fmt;

/// The hash function that names the objects of a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HashKind {
    /// 20 bytes.
    Sha1,
    /// 32 bytes.
    Sha256,
}

impl HashKind {
    /// Returns the length of an object id in bytes.
    pub fn n_bytes(self) -> usize {
        match self {
            HashKind::Sha1 => 20,
            HashKind::Sha256 => 32,
        }
    }
}

/// The id of a git object, of either hash kind.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Oid {
    n_bytes: u8,
    bytes: [u8; 32],
}

impl Oid {
    /// Returns the id with these bytes; `None` unless there are 20 or 32 of them.
    pub fn from_bytes(bytes: &[u8]) -> Option<Oid> {
        if bytes.len() != 20 && bytes.len() != 32 {
            return None;
        }
        let mut all = [0; 32];
        all[..bytes.len()].copy_from_slice(bytes);
        Some(Oid { n_bytes: bytes.len() as u8, bytes: all })
    }

    /// Returns the id that `hex` spells in full (40 or 64 lower-case digits).
    pub fn from_hex(hex: &str) -> Option<Oid> {
        let digit = |c: u8| match c {
            b'0'..=b'9' => Some(c - b'0'),
            b'a'..=b'f' => Some(c - b'a' + 10),
            _ => None,
        };
        let pairs = hex.as_bytes().chunks_exact(2);
        if !pairs.remainder().is_empty() || hex.len() > 64 {
            return None;
        }
        let mut bytes = Vec::with_capacity(32);
        for pair in pairs {
            bytes.push(digit(pair[0])? << 4 | digit(pair[1])?);
        }
        Oid::from_bytes(&bytes)
    }

    /// Returns the id of no object: all bits zero, as git writes "there is none".
    pub fn null(kind: HashKind) -> Oid {
        Oid { n_bytes: kind.n_bytes() as u8, bytes: [0; 32] }
    }

    /// Returns the bytes, 20 or 32.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.n_bytes)]
    }

    /// Returns the hash kind that the id is of.
    pub fn kind(&self) -> HashKind {
        if self.n_bytes == 20 { HashKind::Sha1 } else { HashKind::Sha256 }
    }

    /// Tells whether all bits are zero.
    pub fn is_null(&self) -> bool {
        self.bytes == [0; 32]
    }

    /// Returns the first seven digits, for people.
    pub fn short(&self) -> String {
        self.to_string()[..7].to_owned()
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.as_bytes() {
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Oid({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_oid_round_trips_through_hex_for_both_hash_kinds() {
        for hex in ["8ad4d6f1c2", &"0123456789abcdef".repeat(4), &"89ab".repeat(10)] {
            match Oid::from_hex(hex) {
                Some(oid) => assert_eq!(oid.to_string(), hex),
                None => assert_eq!(hex.len(), 10, "only the short one is refused"),
            }
        }
    }

    #[test]
    fn upper_case_and_odd_lengths_are_no_oids() {
        assert_eq!(Oid::from_hex(&"AB".repeat(20)), None);
        assert_eq!(Oid::from_hex(&"a".repeat(41)), None);
        assert_eq!(Oid::from_hex(&"ab".repeat(40)), None);
    }
}
