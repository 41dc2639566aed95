use std::collections::HashSet;
use std::fs::File;
use std::io::Read;

use super::encode::Words;
use super::rows::{self, NewRows, Rows};
use super::sessions::is_much;
use super::table::{NO_WORD, long, number};
use crate::model::{HashKind, Oid, SessionId};
use crate::store::Store;

/// What a file of facts begins with; another layout, or another meaning, has another number.
const MAGIC: &[u8; rows::MAGIC_BYTES] = b"git-session facts 1\n\0\0\0\0";
/// The file.
const NAME: &str = "facts";
/// How many numbers are remembered of a record.
pub const N_NUMBERS: usize = 9;
/// How many words are remembered of a record.
pub const N_WORDS: usize = 10;
/// What a row says.
const N_BYTES: usize = N_NUMBERS * 8 + N_WORDS * 4;

/// What is remembered of a record: who asks for it knows what each number and each word is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fact<'a> {
    /// The numbers.
    pub numbers: [u64; N_NUMBERS],
    /// The words, where they are set.
    pub words: [Option<&'a str>; N_WORDS],
}

/// The facts of very many sessions.
pub struct Facts {
    rows: Rows,
    /// Where each word ends in `words`.
    word_ends: Vec<u32>,
    words: String,
}

impl Facts {
    /// Opens the file; `None` if it is not there, not one of ours, not of this kind of repository, or damaged.
    pub fn open(store: &Store) -> Option<Facts> {
        Facts::of_bytes(read(store.open_cache_file(NAME)?)?, store.hash_kind())
    }

    fn of_bytes(file: Vec<u8>, hash_kind: HashKind) -> Option<Facts> {
        let body = rows::checked(&file, MAGIC, hash_kind)?;
        let (n_rows, n_words) = (number(body.get(..4)?) as usize, number(body.get(4..8)?) as usize);
        let n_row_bytes = n_rows.checked_mul(Rows::width(hash_kind, N_BYTES))?;
        let ends_at = n_row_bytes.checked_add(8)?;
        let words_at = ends_at.checked_add(n_words.checked_mul(4)?)?;
        let words = String::from_utf8(body.get(words_at..)?.to_vec()).ok()?;
        let word_ends = body[ends_at..words_at].chunks_exact(4).map(number).collect();
        let place = rows::HEADER_BYTES + 8..rows::HEADER_BYTES + ends_at;
        Some(Facts { rows: Rows::new(file, place, hash_kind, N_BYTES)?, word_ends, words })
    }

    /// Tells whether something is remembered of a session whose newest commit is `tip`.
    pub fn has(&self, session_id: SessionId, tip: Oid) -> bool {
        self.rows.find(session_id, tip).is_some()
    }

    /// Returns what is remembered of a session whose newest commit is `tip`.
    pub fn find(&self, session_id: SessionId, tip: Oid) -> Option<Fact<'_>> {
        self.fact(self.rows.find(session_id, tip)?)
    }

    fn fact(&self, said: &[u8]) -> Option<Fact<'_>> {
        let (numbers, words) = said.split_at(N_NUMBERS * 8);
        let mut fact = Fact { numbers: [0; N_NUMBERS], words: [None; N_WORDS] };
        for (slot, bytes) in fact.numbers.iter_mut().zip(numbers.chunks_exact(8)) {
            *slot = long(bytes);
        }
        for (slot, bytes) in fact.words.iter_mut().zip(words.chunks_exact(4)) {
            *slot = match number(bytes) {
                NO_WORD => None,
                at => Some(self.word(at)?),
            };
        }
        Some(fact)
    }

    fn word(&self, at: u32) -> Option<&str> {
        let at = usize::try_from(at).ok()?;
        let end = *self.word_ends.get(at)?;
        let begin = if at == 0 { 0 } else { self.word_ends[at - 1] };
        self.words.get(begin as usize..end as usize)
    }
}

/// Facts that were not remembered.
#[derive(Default)]
pub struct NewFacts {
    rows: NewRows,
    words: Words,
}

impl NewFacts {
    /// Takes the fact of a session whose newest commit is `tip`.
    pub fn add(&mut self, session_id: SessionId, tip: Oid, fact: &Fact<'_>) {
        let mut said = Vec::with_capacity(N_BYTES);
        fact.numbers.iter().for_each(|number| said.extend(number.to_le_bytes()));
        for word in fact.words {
            match word.map_or(Some(NO_WORD), |word| self.words.number(word)) {
                Some(number) => said.extend(number.to_le_bytes()),
                None => return,
            }
        }
        self.rows.add(session_id, tip, &said);
    }

    /// Returns them as if they were remembered; `None` if there are too many.
    pub fn into_facts(self, hash_kind: HashKind) -> Option<Facts> {
        Facts::of_bytes(self.encode(hash_kind)?, hash_kind)
    }

    /// Writes the file anew if it lacks much, with what was read besides, and what is known already, of the sessions `ids`.
    pub fn write(
        mut self,
        store: &Store,
        known: Option<&Facts>,
        besides: &[Facts],
        ids: impl FnOnce() -> HashSet<SessionId>,
    ) {
        // Sums are to be quick, and a record takes ten times as long as a commit.
        let n_known = known.map_or(0, |known| known.rows.len());
        let n_new = self.rows.len() + besides.iter().map(|it| it.rows.len()).sum::<usize>();
        if !is_much(store, n_new, n_known / 8) {
            return;
        }
        let ids = ids();
        for facts in besides.iter().chain(known) {
            facts.rows.each(|id, tip, said| {
                let fact = facts.fact(said).filter(|_| ids.contains(&id) && !self.rows.has(id));
                fact.iter().for_each(|fact| self.add(id, tip, fact));
            });
        }
        if let Some(file) = self.encode(store.hash_kind()) {
            store.replace_cache_file(NAME, &file);
        }
    }

    fn encode(&self, hash_kind: HashKind) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        for n in [self.rows.len(), self.words.n] {
            body.extend(u32::try_from(n).ok()?.to_le_bytes());
        }
        self.rows.write(&mut body);
        body.extend_from_slice(&self.words.ends);
        body.extend_from_slice(&self.words.text);
        rows::framed(MAGIC, hash_kind, &body)
    }
}

/// Reads a whole file; `None` if that fails.
pub(super) fn read(mut file: File) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(n: u8) -> SessionId {
        SessionId::from_bytes([n; 16])
    }

    fn tip(n: u8) -> Oid {
        Oid::from_bytes(&[n; 20]).expect("an id")
    }

    fn fact(n: u8) -> Fact<'static> {
        let mut words = [None; N_WORDS];
        words[usize::from(n) % N_WORDS] = Some(["", "实现", "Ada"][usize::from(n) % 3]);
        Fact { numbers: [u64::from(n) << 40; N_NUMBERS], words }
    }

    fn file() -> Vec<u8> {
        let mut facts = NewFacts::default();
        [7, 3, 5, 3].into_iter().for_each(|n| facts.add(id(n), tip(n), &fact(n)));
        facts.encode(HashKind::Sha1).expect("a file")
    }

    #[test]
    fn facts_count_for_the_commit_that_they_are_of() {
        let facts = Facts::of_bytes(file(), HashKind::Sha1).expect("facts");
        for n in [3, 7, 5, 5, 3, 7] {
            assert_eq!(facts.find(id(n), tip(n)), Some(fact(n)));
            assert_eq!(facts.find(id(n), tip(n + 1)), None);
        }
        assert_eq!(facts.find(id(4), tip(4)), None);
    }

    #[test]
    fn facts_of_another_kind_of_repository_are_none() {
        assert!(Facts::of_bytes(file(), HashKind::Sha256).is_none());
    }

    proptest! {
        #[test]
        fn damage_makes_it_no_file(at in any::<prop::sample::Index>(), bit in 0_u32..8) {
            let mut bytes = file();
            let at = at.index(bytes.len());
            bytes[at] ^= 1_u8 << bit;
            prop_assert!(Facts::of_bytes(bytes, HashKind::Sha1).is_none());
        }

        #[test]
        fn no_bytes_make_facts_that_panic(body in prop::collection::vec(any::<u8>(), 0..400)) {
            let file = rows::framed(MAGIC, HashKind::Sha1, &body).expect("a file");
            if let Some(facts) = Facts::of_bytes(file, HashKind::Sha1) {
                facts.rows.each(|id, tip, _| { facts.find(id, tip); });
            }
        }
    }
}
