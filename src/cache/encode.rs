use std::collections::HashMap;

use super::table::{HEADER_BYTES, MAGIC, NO_WORD, ROW_BYTES};
use crate::format::message::Excerpt;
use crate::model::{Class, HashKind, Oid, Outcome, SessionId};
use crate::store::{Fault, RefStamp};

/// A file of the cache that is being made, of one session after the other, since all of them at once take much memory.
pub struct Encoder {
    hash_kind: HashKind,
    last: Option<SessionId>,
    ids: Vec<u8>,
    numbers: Vec<u8>,
    texts: Vec<u8>,
    words: Words,
}

impl Encoder {
    /// Begins the file of a repository, with room for so many sessions.
    pub fn new(hash_kind: HashKind, n_rows: usize) -> Encoder {
        Encoder {
            hash_kind,
            last: None,
            ids: Vec::with_capacity(n_rows * 16),
            numbers: Vec::with_capacity(n_rows * ROW_BYTES),
            texts: Vec::new(),
            words: Words::default(),
        }
    }

    /// Puts the next session in order of the ids in, with its commit, and what that says as far as it could be read;
    /// `None` if there is too much, or a session twice.
    pub fn push(
        &mut self,
        session_id: SessionId,
        tip: Oid,
        excerpt: Option<&Excerpt>,
    ) -> Option<()> {
        if self.last.replace(session_id) >= Some(session_id) {
            return None;
        }
        self.ids.extend_from_slice(session_id.as_bytes());
        let begin = self.texts.len();
        self.texts.extend_from_slice(tip.as_bytes());
        self.texts.extend_from_slice(excerpt.map_or(&[], |it| it.title.as_bytes()));
        let check = check_of_text(session_id, &self.texts[begin..]);
        let end = u32::try_from(self.texts.len()).ok()?;
        push_row(&mut self.numbers, excerpt, &mut self.words, [end, check])
    }

    /// Returns the bytes of the file, with what the file of the refs was like, if no later one can look the same, and
    /// the refs that are no session; `None` if there is too much.
    ///
    /// The layout: the header; 16 bytes of each id; a row of numbers for each session; the words that the
    /// numbers stand for; then of each session the commit and the title.
    pub fn finish(self, stamp: Option<RefStamp>, faults: &[Fault]) -> Option<Vec<u8>> {
        let Encoder { hash_kind, ids, numbers, texts, mut words, .. } = self;
        let mut told = Vec::new();
        for fault in faults {
            told.extend(words.number(&fault.name)?.to_le_bytes());
            told.extend(words.number(&fault.reason)?.to_le_bytes());
        }
        let n_rows = ids.len() / 16;
        let body = [ids, numbers, told, words.ends, words.text];
        let n_body: usize = body.iter().map(Vec::len).sum();
        let mut file = Vec::with_capacity(HEADER_BYTES + n_body + texts.len());
        file.extend_from_slice(MAGIC);
        for n in [n_rows, faults.len(), words.n, hash_kind.n_bytes()] {
            file.extend(u32::try_from(n).ok()?.to_le_bytes());
        }
        file.extend(u64::try_from(n_body).ok()?.to_le_bytes());
        file.extend(u64::try_from(texts.len()).ok()?.to_le_bytes());
        file.extend(stamp.map_or([0; RefStamp::N_BYTES], RefStamp::to_bytes));
        let mut check = crc32fast::Hasher::new();
        check.update(&file);
        body.iter().for_each(|part| check.update(part));
        file.extend(check.finalize().to_le_bytes());
        body.into_iter().for_each(|part| file.extend(part));
        file.extend(texts);
        Some(file)
    }
}

/// Returns the check of what stands beside the table for a session.
pub fn check_of_text(session_id: SessionId, text: &[u8]) -> u32 {
    let mut check = crc32fast::Hasher::new();
    check.update(session_id.as_bytes());
    check.update(text);
    check.finalize()
}

/// Appends the numbers of a session; all zero where nothing was read.
fn push_row(
    rows: &mut Vec<u8>,
    excerpt: Option<&Excerpt>,
    words: &mut Words,
    text: [u32; 2],
) -> Option<()> {
    let Some(it) = excerpt else {
        rows.extend([0; ROW_BYTES - 8]);
        rows.extend(text.map(u32::to_le_bytes).concat());
        return Some(());
    };
    rows.extend(it.created_at.micros().to_le_bytes());
    rows.extend(it.updated_at.micros().to_le_bytes());
    rows.extend(it.seq.to_le_bytes());
    for word in [Some(&it.status), Some(&it.lifecycle), it.name.as_ref(), it.branch.as_ref()] {
        rows.extend(words.optional(word)?.to_le_bytes());
    }
    let outcome = it.outcome.and_then(|it| place(&Outcome::ALL, it));
    rows.extend([place(&Class::ALL, it.class)?, outcome.unwrap_or_default(), 0, 0]);
    rows.extend(text.map(u32::to_le_bytes).concat());
    Some(())
}

/// Returns the place of a value among all, counted from 1.
fn place<T: PartialEq>(all: &[T], value: T) -> Option<u8> {
    all.iter().position(|it| *it == value).and_then(|at| u8::try_from(at + 1).ok())
}

/// Words, each once, by number.
#[derive(Default)]
pub struct Words {
    numbers: HashMap<String, u32>,
    /// How many there are.
    pub n: usize,
    /// Where each ends in `text`, as it is stored.
    pub ends: Vec<u8>,
    /// All of them, without anything between.
    pub text: Vec<u8>,
}

impl Words {
    fn optional(&mut self, word: Option<&String>) -> Option<u32> {
        word.map_or(Some(NO_WORD), |word| self.number(word))
    }

    /// Returns the number of a word; `None` if there are too many.
    pub fn number(&mut self, word: &str) -> Option<u32> {
        if let Some(number) = self.numbers.get(word) {
            return Some(*number);
        }
        let number = u32::try_from(self.n).ok().filter(|number| *number != NO_WORD)?;
        self.text.extend_from_slice(word.as_bytes());
        self.ends.extend(u32::try_from(self.text.len()).ok()?.to_le_bytes());
        self.numbers.insert(word.to_owned(), number);
        self.n += 1;
        Some(number)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cache::table::Table;
    use crate::model::Timestamp;

    fn row(n: u8) -> (SessionId, Oid, Option<Excerpt>) {
        let at = Timestamp::from_seconds(1_767_790_800 + i64::from(n)).expect("in range");
        let excerpt = Excerpt {
            id: SessionId::from_bytes([n; 16]),
            seq: u64::from(n),
            name: n.is_multiple_of(2).then(|| format!("name-{n}")),
            title: format!("实现 {n}"),
            lifecycle: "worker".into(),
            status: ["running", "terminated"][usize::from(n % 2)].into(),
            class: if n.is_multiple_of(2) { Class::Active } else { Class::Ended },
            outcome: (n % 2 == 1).then_some(Outcome::Failure),
            branch: n.is_multiple_of(3).then(String::new),
            created_at: at,
            updated_at: at,
        };
        let tip = Oid::from_bytes(&[n; 20]).expect("an id");
        (excerpt.id, tip, (n != 5).then_some(excerpt))
    }

    fn encoded(rows: &[(SessionId, Oid, Option<Excerpt>)]) -> Option<Vec<u8>> {
        let faults = [Fault::new("x/y", "its name is no session id")];
        let stamp = Some(RefStamp::from_bytes(&[7; RefStamp::N_BYTES]));
        let mut encoder = Encoder::new(HashKind::Sha1, rows.len());
        rows.iter().try_for_each(|(id, tip, excerpt)| encoder.push(*id, *tip, excerpt.as_ref()))?;
        encoder.finish(stamp, &faults)
    }

    fn rows() -> Vec<(SessionId, Oid, Option<Excerpt>)> {
        (1..9).map(row).collect()
    }

    #[test]
    fn what_is_written_is_read_back() {
        let bytes = encoded(&rows()).expect("bytes");
        let table = Table::of_bytes(&bytes, HashKind::Sha1).expect("a table");
        assert_eq!(table.len(), 8);
        assert_eq!(table.stamp(), Some(RefStamp::from_bytes(&[7; RefStamp::N_BYTES])));
        assert_eq!(table.faults(), [Fault::new("x/y", "its name is no session id")]);
        for (at, (session_id, tip, excerpt)) in rows().into_iter().enumerate() {
            assert_eq!(table.find(session_id), Some(at));
            assert_eq!(table.brief(at), Ok(excerpt.as_ref().map(Excerpt::brief)));
            assert_eq!(table.entry(at), Ok((tip, excerpt)));
        }
        assert_eq!(table.find(SessionId::from_bytes([9; 16])), None);
        for at in [6, 1, 2, 2, 7, 0] {
            assert_eq!(table.find(rows()[at].0), Some(at), "in any order");
        }
    }

    #[test]
    fn a_session_is_known_at_the_commit_that_was_read() {
        let bytes = encoded(&rows()).expect("bytes");
        let table = Table::of_bytes(&bytes, HashKind::Sha1).expect("a table");
        for (session_id, tip, excerpt) in rows() {
            assert_eq!(table.knows(session_id, tip), excerpt.is_some());
            assert!(!table.knows(session_id, Oid::null(HashKind::Sha1)));
        }
        assert!(!table.knows(SessionId::from_bytes([9; 16]), rows()[0].1));
    }

    #[test]
    fn a_table_of_another_kind_of_repository_is_none() {
        let bytes = encoded(&rows()).expect("bytes");
        assert!(Table::of_bytes(&bytes, HashKind::Sha256).is_none());
    }

    #[test]
    fn a_session_that_is_there_twice_makes_no_table() {
        assert_eq!(encoded(&[row(2), row(2)]), None);
        assert_eq!(encoded(&[row(3), row(2)]), None);
    }

    proptest! {
        #[test]
        fn damage_is_found_wherever_it_is(at in any::<prop::sample::Index>(), bit in 0_u32..8) {
            let mut bytes = encoded(&rows()).expect("bytes");
            let at = at.index(bytes.len());
            bytes[at] ^= 1_u8 << bit;
            if let Some(table) = Table::of_bytes(&bytes, HashKind::Sha1) {
                let damaged = (0..8).filter(|at| table.entry(*at).is_err()).count();
                prop_assert_eq!(damaged, 1, "byte {}", at);
            }
        }

        #[test]
        fn no_bytes_make_a_table_that_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let whole = [&encoded(&rows()).expect("bytes")[..40], &bytes].concat();
            prop_assert!(Table::of_bytes(&bytes, HashKind::Sha1).is_none());
            prop_assert!(Table::of_bytes(&whole, HashKind::Sha1).is_none());
        }
    }
}
