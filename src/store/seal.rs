//! What this clone has written itself: a text that was sealed with a key that never leaves it.
//!
//! Whatever comes with a fetch may say anything, but nobody else has the key. Losing it is no harm: what was sealed
//! with it is then as what others wrote.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::PathBuf;

use super::native::{Disk, Medium, SharedMode, make_dirs};
use super::{Store, StoreError};

/// How many bytes a key has.
pub(super) const KEY_BYTES: usize = 32;
/// How many hexadecimal digits of the sum a seal has.
const SEAL_DIGITS: usize = 32;

/// A key, which is a secret of a clone.
pub(super) type Key = [u8; KEY_BYTES];

impl Store {
    /// Returns the seal of a text, which nobody can make without this clone's key; `None` where there can be none. The
    /// first one makes the key.
    pub fn seal(&self, text: &str) -> Option<String> {
        if let Some(key) = self.key() {
            return sum(&key, text);
        }
        let made = self.check_writable().and_then(|()| self.make_key());
        made.unwrap_or_else(|error| tracing::debug!(%error, "there is no key"));
        sum(&self.key()?, text)
    }

    /// Tells whether this clone has sealed a text so.
    pub fn is_sealed(&self, text: &str, seal: &str) -> bool {
        self.key().and_then(|key| sum(&key, text)).as_deref() == Some(seal)
    }

    fn key(&self) -> Option<Key> {
        if self.key.get().is_none() {
            self.key.set(Key::try_from(fs::read(self.key_file()).ok()?).ok());
        }
        self.key.get()
    }

    fn key_file(&self) -> PathBuf {
        self.local_dir().join("key")
    }

    /// Makes a key, unless another process is faster. One that was cut short is replaced.
    fn make_key(&self) -> Result<(), StoreError> {
        let (path, dir) = (self.key_file(), self.local_dir());
        let draft = dir.join(format!("key.{}", self.tokens.next()));
        let shared = self.settings.shared.as_deref().and_then(SharedMode::parse);
        let shared = shared.unwrap_or_default();
        let make = || -> io::Result<()> {
            make_dirs(&dir, shared)?;
            let file = Disk.create_new(&draft, &(self.new_key)(), shared.file(0o600))?;
            Disk.sync_file(&draft, &file)?;
            let is_cut = fs::metadata(&path).is_ok_and(|it| it.len() != KEY_BYTES as u64);
            if is_cut {
                return fs::rename(&draft, &path);
            }
            match Disk.hard_link(&draft, &path) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
                linked => linked,
            }
        };
        let made = make();
        let _ = fs::remove_file(&draft);
        made.map_err(|error| StoreError::io("cannot make a key", &error))
    }
}

/// Returns the sum of a key and a text: SHA-256 of the key and of the sum of both, so that nobody can go on from it.
fn sum(key: &Key, text: &str) -> Option<String> {
    let once = |bytes: &[u8]| {
        let mut hasher = gix::hash::hasher(gix::hash::Kind::Sha256);
        hasher.update(key);
        hasher.update(bytes);
        hasher.try_finalize().ok()
    };
    let sum = once(once(text.as_bytes())?.as_slice())?;
    Some(sum.to_hex_with_len(SEAL_DIGITS).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_depends_on_each_byte_of_the_key_and_of_the_text() {
        let key = [7; KEY_BYTES];
        let seal = sum(&key, "a text");
        assert_eq!(seal.as_ref().map(String::len), Some(SEAL_DIGITS));
        assert_eq!(seal, sum(&key, "a text"));
        let mut other = key;
        other[31] = 8;
        for different in [sum(&other, "a text"), sum(&key, "a text "), sum(&key, "")] {
            assert_ne!(seal, different);
        }
    }
}
