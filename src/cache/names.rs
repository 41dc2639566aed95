//! Where a session stands by what it may be called, so that a name is looked up with a few reads among very many.
//!
//! The file repeats what the table of kept refs says: the ids in their order; numbers of sessions in the order of the
//! last four bytes of their ids, of which handles are made; and in the order of checks of their names and branches. It counts
//! while the refs have the stamp that it was made for. Each block of a column has a check of its own, and only the
//! blocks that are read are checked.

use std::cell::Cell;
use std::collections::HashSet;
use std::fs::File;
use std::ops::RangeInclusive;
use std::os::unix::fs::FileExt;

use super::sessions::{Cached, Entry, read_loose};
use super::table::number;
use crate::format::message::Brief;
use crate::model::SessionId;
use crate::store::{RefStamp, Store};

/// What the file begins with; another layout has another number.
const MAGIC: &[u8; 24] = b"git-session names 1\n\0\0\0\0";
/// The magic, how many sessions and words there are, the stamp and the check.
const HEADER_BYTES: usize = MAGIC.len() + 2 * 4 + RefStamp::N_BYTES + 4;
/// The file.
pub(super) const NAME: &str = "names";
/// How many entries of a column are checked together.
const N_IN_BLOCK: usize = 256;
/// How many that look the same are told; with more, all sessions are to be looked through.
const MAX_FOUND: usize = 64;

/// The names of all sessions as they are now.
pub struct Names {
    file: File,
    seed: u32,
    n_rows: usize,
    n_words: usize,
    is_damaged: Cell<bool>,
    loose: Vec<Entry>,
    hidden: HashSet<SessionId>,
}

/// A column: which one, how many entries it has, and how wide one is.
#[derive(Clone, Copy)]
struct Column {
    at: u64,
    n: usize,
    width: usize,
}

/// Which sessions are called so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Called {
    /// None is.
    None,
    /// One is.
    One(SessionId),
    /// Several may be.
    Several,
}

impl Names {
    /// Opens what is remembered; `None` if that is not of the refs as they are now, or damaged.
    pub fn open(store: &Store) -> Option<Names> {
        if store.settings().cache == Some(false) {
            return None;
        }
        let file = store.open_cache_file(NAME)?;
        let mut names = Names::of_file(file)?;
        let mut header = [0; HEADER_BYTES];
        names.file.read_exact_at(&mut header, 0).ok()?;
        let loose = store.loose_refs_beside(stamp_of(&header)?).ok()??;
        names.hidden = loose.names().into_iter().collect();
        names.loose = read_loose(store, &loose);
        names.loose.iter().all(|(.., excerpt)| excerpt.is_some()).then_some(names)
    }

    fn of_file(file: File) -> Option<Names> {
        let mut header = [0; HEADER_BYTES];
        file.read_exact_at(&mut header, 0).ok()?;
        let (told, check) = header.split_at(HEADER_BYTES - 4);
        let counts = told.strip_prefix(MAGIC)?;
        let seed = crc32fast::hash(told);
        let names = Names {
            file,
            seed,
            n_rows: number(&counts[..4]) as usize,
            n_words: number(&counts[4..8]) as usize,
            is_damaged: Cell::new(false),
            loose: Vec::new(),
            hidden: HashSet::new(),
        };
        let is_whole = names.file.metadata().ok()?.len() == names.words().end();
        (seed == number(check) && is_whole).then_some(names)
    }

    /// Remembers how all sessions are called, if that can be told of each.
    pub(super) fn write(store: &Store, stamp: RefStamp, rows: &[Brief<'_>]) {
        if let Some(file) = encode(stamp, rows) {
            store.replace_cache_file(NAME, &file);
        }
    }

    /// Tells whether damage was met, so that the file is to be written anew.
    pub fn is_damaged(&self) -> bool {
        self.is_damaged.get()
    }

    /// Returns which sessions have an id between two; `None` if that cannot be told.
    pub fn with_id(&self, ids: &RangeInclusive<SessionId>) -> Option<Called> {
        let (low, high) = (ids.start().as_bytes(), ids.end().as_bytes());
        let found = self.range(self.ids(), low, high)?;
        let kept = found.iter().filter_map(|it| it.as_slice().try_into().ok());
        self.called(kept.map(SessionId::from_bytes).collect(), |brief| ids.contains(&brief.id))
    }

    /// Returns which sessions have an id whose last four bytes are between two numbers; `None` if that cannot be told.
    pub fn with_tail(&self, tails: &RangeInclusive<u32>) -> Option<Called> {
        let (low, high) = (tails.start().to_be_bytes(), tails.end().to_be_bytes());
        let kept = self.sessions_of(&self.range(self.tails(), &low, &high)?)?;
        self.called(kept, |brief| tails.contains(&brief.id.tail()))
    }

    /// Returns which sessions may have a word as name or branch; `None` if that cannot be told. Who is told of one asks it.
    pub fn with_word(&self, word: &str) -> Option<Called> {
        let check = crc32fast::hash(word.as_bytes()).to_be_bytes();
        let kept = self.sessions_of(&self.range(self.words(), &check, &check)?)?;
        self.called(kept, |brief| brief.name == Some(word) || brief.branch == Some(word))
    }

    /// Puts loose sessions in the place of kept ones.
    fn called(
        &self,
        mut found: HashSet<SessionId>,
        is_so: impl Fn(&Brief<'_>) -> bool,
    ) -> Option<Called> {
        found.retain(|id| !self.hidden.contains(id));
        let briefs = self.loose.iter().filter_map(|(.., excerpt)| Some(excerpt.as_ref()?.brief()));
        found.extend(briefs.filter(is_so).map(|brief| brief.id));
        let mut found = found.into_iter();
        Some(match (found.next(), found.next()) {
            (None, _) => Called::None,
            (Some(only), None) => Called::One(only),
            _ => Called::Several,
        })
    }

    fn sessions_of(&self, entries: &[Vec<u8>]) -> Option<HashSet<SessionId>> {
        let session = |entry: &Vec<u8>| {
            let at = u32::from_be_bytes(entry[4..].try_into().ok()?) as usize;
            let block = self.block(self.ids(), at / N_IN_BLOCK)?;
            let id = block.chunks_exact(16).nth(at % N_IN_BLOCK)?;
            Some(SessionId::from_bytes(id.try_into().ok()?))
        };
        entries.iter().map(session).collect()
    }

    fn ids(&self) -> Column {
        Column { at: HEADER_BYTES as u64, n: self.n_rows, width: 16 }
    }

    fn tails(&self) -> Column {
        Column { at: self.ids().end(), n: self.n_rows, width: 8 }
    }

    fn words(&self) -> Column {
        Column { at: self.tails().end(), n: self.n_words, width: 8 }
    }

    /// Returns the entries that begin with `low`, `high` or what lies between; `None` if there are too many, or a block is
    /// damaged.
    fn range(&self, column: Column, low: &[u8], high: &[u8]) -> Option<Vec<Vec<u8>>> {
        let (mut first, mut last) = (0, column.n_blocks());
        while first < last {
            let middle = first.midpoint(last);
            let block = self.block(column, middle)?;
            let greatest = block.chunks_exact(column.width).next_back()?;
            if greatest[..low.len()] < *low { first = middle + 1 } else { last = middle }
        }
        let mut found = Vec::new();
        for at in first..column.n_blocks() {
            for entry in self.block(column, at)?.chunks_exact(column.width) {
                if entry[..high.len()] > *high {
                    return Some(found);
                }
                if entry[..low.len()] >= *low {
                    found.push(entry.to_vec());
                }
            }
            if found.len() > MAX_FOUND {
                return None;
            }
        }
        Some(found)
    }

    /// Reads a block; `None` if it is damaged.
    fn block(&self, column: Column, at: usize) -> Option<Vec<u8>> {
        let block = self.checked_block(column, at);
        self.is_damaged.set(self.is_damaged.get() || block.is_none());
        block
    }

    fn checked_block(&self, column: Column, at: usize) -> Option<Vec<u8>> {
        let n = column.n.checked_sub(at * N_IN_BLOCK)?.min(N_IN_BLOCK);
        let from = column.at + (at * (N_IN_BLOCK * column.width + 4)) as u64;
        let mut block = vec![0; n * column.width + 4];
        self.file.read_exact_at(&mut block, from).ok()?;
        let check = number(&block[n * column.width..]);
        block.truncate(n * column.width);
        (check_of(self.seed, from, &block) == check).then_some(block)
    }
}

impl Column {
    fn n_blocks(self) -> usize {
        self.n.div_ceil(N_IN_BLOCK)
    }

    fn end(self) -> u64 {
        self.at + (self.n * self.width + self.n_blocks() * 4) as u64
    }
}

impl Cached {
    /// Remembers how the kept sessions are called.
    pub(super) fn remember_names(&self, store: &Store) {
        let briefs = (0..self.kept.len()).map(|at| self.kept.brief(at).ok().flatten());
        if let (Some(stamp), Some(briefs)) = (self.kept.stamp(), briefs.collect::<Option<Vec<_>>>())
        {
            Names::write(store, stamp, &briefs);
        }
    }
}

fn stamp_of(header: &[u8; HEADER_BYTES]) -> Option<RefStamp> {
    let at = MAGIC.len() + 2 * 4;
    Some(RefStamp::from_bytes(header[at..at + RefStamp::N_BYTES].try_into().ok()?))
}

/// Returns the check of a block: of this file, at this place.
fn check_of(seed: u32, from: u64, block: &[u8]) -> u32 {
    let mut check = crc32fast::Hasher::new_with_initial(seed);
    check.update(&from.to_le_bytes());
    check.update(block);
    check.finalize()
}

/// Returns the file about sessions in the order of their ids.
fn encode(stamp: RefStamp, rows: &[Brief<'_>]) -> Option<Vec<u8>> {
    let (mut tails, mut words) = (Vec::with_capacity(rows.len()), Vec::new());
    for (at, brief) in rows.iter().enumerate() {
        let at = u32::try_from(at).ok()?;
        tails.push([brief.id.tail(), at]);
        let called = [brief.name, brief.branch].into_iter().flatten();
        words.extend(called.map(|word| [crc32fast::hash(word.as_bytes()), at]));
    }
    tails.sort_unstable();
    words.sort_unstable();
    let mut file = MAGIC.to_vec();
    for n in [rows.len(), words.len()] {
        file.extend(u32::try_from(n).ok()?.to_le_bytes());
    }
    file.extend(stamp.to_bytes());
    let seed = crc32fast::hash(&file);
    file.extend(seed.to_le_bytes());
    push_column(&mut file, seed, rows, |brief, file| file.extend_from_slice(brief.id.as_bytes()));
    for column in [tails, words] {
        push_column(&mut file, seed, &column, |entry, file| {
            file.extend(entry.iter().flat_map(|number| number.to_be_bytes()));
        });
    }
    Some(file)
}

fn push_column<T>(file: &mut Vec<u8>, seed: u32, all: &[T], push: impl Fn(&T, &mut Vec<u8>)) {
    for block in all.chunks(N_IN_BLOCK) {
        let from = file.len();
        block.iter().for_each(|it| push(it, file));
        let check = check_of(seed, from as u64, &file[from..]);
        file.extend(check.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;
    use crate::format::message::Excerpt;
    use crate::model::{Class, Timestamp};

    const N: u32 = 700;

    fn excerpt(n: u32) -> Excerpt {
        let at = Timestamp::from_seconds(1_767_790_800).expect("in range");
        let mut id = [0; 16];
        id[..4].copy_from_slice(&(n * 3).to_be_bytes());
        id[12..].copy_from_slice(&n.wrapping_mul(0x9e37_79b9).to_be_bytes());
        Excerpt {
            id: SessionId::from_bytes(id),
            seq: 1,
            name: n.is_multiple_of(2).then(|| format!("name-{n}")),
            title: String::new(),
            lifecycle: "worker".into(),
            status: "running".into(),
            class: Class::Active,
            outcome: None,
            branch: n.is_multiple_of(3).then(|| format!("branch-{}", n / 6)),
            created_at: at,
            updated_at: at,
        }
    }

    fn bytes() -> Vec<u8> {
        let all: Vec<_> = (0..N).map(excerpt).collect();
        let stamp = RefStamp::from_bytes(&[7; RefStamp::N_BYTES]);
        encode(stamp, &all.iter().map(Excerpt::brief).collect::<Vec<_>>()).expect("a file")
    }

    fn names(bytes: &[u8]) -> Option<Names> {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(bytes).expect("written");
        Names::of_file(file)
    }

    #[test]
    fn each_session_is_found_by_its_id_by_the_end_of_it_and_by_its_words() {
        let names = names(&bytes()).expect("names");
        for n in 0..N {
            let Excerpt { id, name, branch, .. } = excerpt(n);
            let one = Some(Called::One(id));
            assert_eq!(names.with_id(&(id..=id)), one);
            assert_eq!(names.with_tail(&(id.tail()..=id.tail())), one);
            assert!(name.is_none_or(|name| names.with_word(&name) == one));
            let of_branch = branch.map(|branch| names.with_word(&branch));
            assert!(of_branch.is_none_or(|it| it == Some(Called::Several) || n + 3 >= N));
        }
        let ids = |low: u32, high: u32| excerpt(low).id..=excerpt(high).id;
        assert_eq!(names.with_id(&ids(3, 4)), Some(Called::Several));
        assert_eq!(names.with_id(&ids(3, 300)), None, "too many to be told");
        assert_eq!(names.with_id(&ids(N, N)), Some(Called::None));
        assert_eq!(names.with_tail(&(1..=1)), Some(Called::None));
        assert_eq!(names.with_word("nobody"), Some(Called::None));
    }

    #[test]
    fn a_loose_ref_stands_for_a_kept_one() {
        let mut names = names(&bytes()).expect("names");
        let before = excerpt(4);
        names.hidden.insert(before.id);
        assert_eq!(names.with_id(&(before.id..=before.id)), Some(Called::None));
        let now = Excerpt { name: Some("new".into()), ..before.clone() };
        let tip = crate::model::Oid::from_bytes(&[1; 20]).expect("an id");
        names.loose.push((now.id, tip, Some(now)));
        assert_eq!(names.with_id(&(before.id..=before.id)), Some(Called::One(before.id)));
        assert_eq!(names.with_word("new"), Some(Called::One(before.id)));
        assert_eq!(names.with_word("name-4"), Some(Called::None));
    }

    proptest! {
        #[test]
        fn damage_is_found_where_it_is_read(at in any::<prop::sample::Index>(), bit in 0_u32..8, n in 0..N) {
            let mut bytes = bytes();
            let at = at.index(bytes.len());
            bytes[at] ^= 1_u8 << bit;
            if let Some(names) = names(&bytes) {
                let it = excerpt(n);
                let one = [Some(Called::One(it.id)), None];
                prop_assert!(one.contains(&names.with_id(&(it.id..=it.id))));
                prop_assert!(one.contains(&names.with_tail(&(it.id.tail()..=it.id.tail()))));
                if let Some(name) = it.name {
                    prop_assert!(one.contains(&names.with_word(&name)));
                }
            }
        }
    }
}
