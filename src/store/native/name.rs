use std::fmt;

use crate::model::{HashKind, Oid};

use super::{PackError, gix_kind};

/// What the names of our packs begin with, so that a listing tells them from git's: 28 bits that a
/// hash would have to hit, and a wrong guess is harmless ([`super::roll`] looks inside).
const MARK: &str = "5e55104";

/// The name of one of our packs: `pack-`, then as many hex digits as an object id has: a mark, the
/// pack's level, and a hash of its contents and of a token that never comes twice.
///
/// Git takes any name here. Ours must never come twice: were a `.keep` put beside a pack that
/// another process already sees, `git repack -a -d` could count the pack as garbage (it saw no
/// `.keep`), leave out its objects (now it sees one), and remove it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PackName(String);

impl PackName {
    /// The highest level that a name can say.
    pub const MAX_LEVEL: u8 = 15;

    /// Returns the name for a pack of `level` with this checksum, unique by `token`.
    pub(super) fn new(level: u8, checksum: Oid, token: &str) -> Result<PackName, PackError> {
        let mut hasher = gix::hash::hasher(gix_kind(checksum.kind()));
        hasher.update(checksum.as_bytes());
        hasher.update(token.as_bytes());
        let digest = hasher.try_finalize().map_err(|_| PackError::Collision)?;
        let mut hex = format!("{MARK}{level:x}{digest}");
        hex.truncate(checksum.kind().n_bytes() * 2);
        Ok(PackName(hex))
    }

    /// Reads a file name of ours without its extension, as in `pack-5e551040...`.
    pub fn parse(stem: &str, hash_kind: HashKind) -> Option<PackName> {
        let hex = stem.strip_prefix("pack-")?;
        let is_hex = hex.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'));
        (hex.len() == hash_kind.n_bytes() * 2 && is_hex && hex.starts_with(MARK))
            .then(|| PackName(hex.to_owned()))
    }

    /// Returns how often the pack's objects were rolled: 0 for the pack of one write.
    pub fn level(&self) -> u8 {
        u8::from_str_radix(&self.0[MARK.len()..=MARK.len()], 16).unwrap_or(0)
    }

    /// Tells whether this is the one pack in four after which it is worth looking for something to
    /// roll. No counter has to be kept, since the name is as good as random.
    pub fn is_roll_due(&self) -> bool {
        self.0.as_bytes()[MARK.len() + 1] < b'4'
    }

    /// Returns the file name with `extension`.
    pub fn file(&self, extension: &str) -> String {
        format!("{self}.{extension}")
    }
}

impl fmt::Display for PackName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pack-{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_round_trips_and_tells_its_level() {
        for kind in [HashKind::Sha1, HashKind::Sha256] {
            let name = PackName::new(3, Oid::null(kind), "a").expect("no collision");
            let stem = name.to_string();
            assert_eq!(stem.len(), "pack-".len() + kind.n_bytes() * 2);
            assert_eq!(PackName::parse(&stem, kind), Some(name.clone()));
            assert_eq!(name.level(), 3);
            assert_ne!(Some(name), PackName::new(3, Oid::null(kind), "b").ok());
        }
    }

    #[test]
    fn names_of_git_are_not_ours() {
        let git = format!("pack-{}", "0123456789abcdef0123456789abcdef01234567");
        assert_eq!(PackName::parse(&git, HashKind::Sha1), None);
        assert_eq!(PackName::parse("pack-5e551040", HashKind::Sha1), None);
        assert_eq!(PackName::parse("pack-\u{e9}", HashKind::Sha1), None);
    }
}
