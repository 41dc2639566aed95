use std::borrow::Cow;
use std::cell::{Cell, OnceCell};
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;

use super::Damaged;
use super::encode::check_of_text;
use crate::format::message::{Brief, Excerpt};
use crate::model::{Class, HashKind, Oid, Outcome, SessionId, Timestamp};
use crate::store::{Fault, RefStamp};

/// What a file of the cache begins with; another layout has another number.
pub const MAGIC: &[u8; 24] = b"git-session excerpts 1\n\0";
/// The magic, four numbers, two lengths, the stamp and the check.
pub const HEADER_BYTES: usize = MAGIC.len() + 4 * 4 + 2 * 8 + RefStamp::N_BYTES + 4;
/// Two times, a number, four words, class and outcome, the end of the text and its check.
pub const ROW_BYTES: usize = 3 * 8 + 4 * 4 + 4 + 2 * 4;
/// Stands for a word that is unset.
pub const NO_WORD: u32 = u32::MAX;
/// From how many texts on it can be less to read all at once.
const MIN_TEXTS: usize = 256;
/// The largest table that is read, in bytes.
const MAX_BYTES: u64 = 1 << 30;

/// A file of the cache, checked but for its texts, which are checked when they are read.
pub struct Table {
    stamp: Option<RefStamp>,
    hash_kind: HashKind,
    n_rows: usize,
    n_faults: usize,
    /// The place after the one that was found last, since sessions are mostly asked for in their order.
    next: Cell<usize>,
    /// Everything up to the texts, without the header.
    body: Vec<u8>,
    /// Where each word ends in `words`.
    word_ends: Vec<u32>,
    words: String,
    texts: Texts,
}

/// Where the texts are.
struct Texts {
    /// Where in the file.
    from: u64,
    n_bytes: u64,
    file: Option<File>,
    all: OnceCell<Vec<u8>>,
}

impl Table {
    /// Opens a file; `None` if it is not one of ours, not of this kind of repository, or damaged.
    pub fn open(mut file: File, hash_kind: HashKind) -> Option<Table> {
        let mut header = [0; HEADER_BYTES];
        file.read_exact(&mut header).ok()?;
        let Header { n_body, n_texts, .. } = Header::read(&header, hash_kind)?;
        if file.metadata().ok()?.len() != HEADER_BYTES as u64 + n_body + n_texts {
            return None;
        }
        let mut body = vec![0; usize::try_from(n_body).ok()?];
        file.read_exact(&mut body).ok()?;
        Table::check(&header, body, hash_kind, Some(file))
    }

    /// Opens what will be a file.
    pub fn of_bytes(bytes: &[u8], hash_kind: HashKind) -> Option<Table> {
        let (header, rest) = bytes.split_first_chunk()?;
        let n_body = usize::try_from(Header::read(header, hash_kind)?.n_body).ok()?;
        let (body, texts) = rest.split_at_checked(n_body)?;
        let table = Table::check(header, body.to_vec(), hash_kind, None)?;
        let is_whole = texts.len() as u64 == table.texts.n_bytes;
        (is_whole && table.texts.all.set(texts.to_vec()).is_ok()).then_some(table)
    }

    fn check(
        header: &[u8; HEADER_BYTES],
        mut body: Vec<u8>,
        hash_kind: HashKind,
        file: Option<File>,
    ) -> Option<Table> {
        let it = Header::read(header, hash_kind)?;
        let mut check = crc32fast::Hasher::new();
        check.update(&header[..HEADER_BYTES - 4]);
        check.update(&body);
        if check.finalize() != it.check {
            return None;
        }
        let ends_at = it.n_rows * (16 + ROW_BYTES) + it.n_faults * 8;
        let words_at = ends_at + it.n_words * 4;
        let words = String::from_utf8(body.get(words_at..)?.to_vec()).ok()?;
        let word_ends = body[ends_at..words_at].chunks_exact(4).map(number).collect();
        body.truncate(ends_at);
        let table = Table {
            stamp: it.stamp,
            hash_kind,
            n_rows: it.n_rows,
            n_faults: it.n_faults,
            next: Cell::new(0),
            body,
            word_ends,
            words,
            texts: Texts {
                from: HEADER_BYTES as u64 + it.n_body,
                n_bytes: it.n_texts,
                file,
                all: OnceCell::new(),
            },
        };
        table.is_sound().then_some(table)
    }

    /// Tells whether the ids are in order, and the faults there; each row is looked at when it is read.
    fn is_sound(&self) -> bool {
        let ids = || self.body[..self.n_rows * 16].chunks_exact(16);
        let is_word = |number: u32| self.find_word(number).is_some();
        ids().zip(ids().skip(1)).all(|(a, b)| a < b)
            && self.fault_words().all(|pair| pair.into_iter().all(is_word))
    }

    /// Returns what the file of the refs was like that the table repeats.
    pub fn stamp(&self) -> Option<RefStamp> {
        self.stamp
    }

    /// Returns how many sessions there are.
    pub fn len(&self) -> usize {
        self.n_rows
    }

    /// Returns the refs that are no session.
    pub fn faults(&self) -> Vec<Fault> {
        let word = |number| self.find_word(number).unwrap_or_default();
        self.fault_words().map(|[name, reason]| Fault::new(word(name), word(reason))).collect()
    }

    /// Returns where a session is.
    pub fn find(&self, session_id: SessionId) -> Option<usize> {
        let near = self.next.get();
        if near < self.n_rows && self.id(near) == session_id {
            self.next.set(near + 1);
            return Some(near);
        }
        let (mut low, mut high) = (0, self.n_rows);
        while low < high {
            let middle = low.midpoint(high);
            match self.id(middle).cmp(&session_id) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Equal => {
                    self.next.set(middle + 1);
                    return Some(middle);
                }
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        None
    }

    /// Tells whether it is known what a session's commit says; for who asks of many.
    pub fn knows(&self, session_id: SessionId, tip: Oid) -> bool {
        self.texts.read_all();
        let is_it = |at: usize| self.tip(at) == Ok(tip) && matches!(self.brief(at), Ok(Some(_)));
        self.find(session_id).is_some_and(is_it)
    }

    /// Returns the id of the session at a place.
    pub fn id(&self, at: usize) -> SessionId {
        let bytes = &self.body[at * 16..][..16];
        SessionId::from_bytes(bytes.try_into().expect("sixteen bytes"))
    }

    /// Returns what its commit says, without the title; `None` if that could not be read.
    pub fn brief(&self, at: usize) -> Result<Option<Brief<'_>>, Damaged> {
        match self.row(at)[40] {
            0 => Ok(None),
            _ => self.find_brief(at).map(Some).ok_or(Damaged),
        }
    }

    fn find_brief(&self, at: usize) -> Option<Brief<'_>> {
        let row = self.row(at);
        let word = |place: usize| self.find_word(number(&row[place..place + 4]));
        let optional = |place: usize| match number(&row[place..place + 4]) {
            NO_WORD => Some(None),
            number => self.find_word(number).map(Some),
        };
        let outcome = match row[41] {
            0 => None,
            place => Some(*Outcome::ALL.get(usize::from(place) - 1)?),
        };
        Some(Brief {
            id: self.id(at),
            created_at: Timestamp::from_micros(long(&row[..8]).cast_signed())?,
            updated_at: Timestamp::from_micros(long(&row[8..16]).cast_signed())?,
            seq: long(&row[16..24]),
            status: word(24)?,
            lifecycle: word(28)?,
            name: optional(32)?,
            branch: optional(36)?,
            class: *Class::ALL.get(usize::from(row[40]).checked_sub(1)?)?,
            outcome,
        })
    }

    /// Reads the commit and, where it could be read, the excerpt of the session at a place.
    pub fn entry(&self, at: usize) -> Result<(Oid, Option<Excerpt>), Damaged> {
        let text = self.text(at)?;
        let (tip, title) = text.split_at_checked(self.hash_kind.n_bytes()).ok_or(Damaged)?;
        let tip = Oid::from_bytes(tip).ok_or(Damaged)?;
        let title = std::str::from_utf8(title).map_err(|_| Damaged)?;
        Ok((tip, self.brief(at)?.map(|brief| brief.with_title(title))))
    }

    /// Reads the commit of the session at a place.
    pub fn tip(&self, at: usize) -> Result<Oid, Damaged> {
        let text = self.text(at)?;
        text.get(..self.hash_kind.n_bytes()).and_then(Oid::from_bytes).ok_or(Damaged)
    }

    /// Reads what stands beside the table for the session at a place: the commit and the title.
    fn text(&self, at: usize) -> Result<Cow<'_, [u8]>, Damaged> {
        let row = self.row(at);
        let begin = if at == 0 { 0 } else { number(&self.row(at - 1)[44..48]) };
        let end = number(&row[44..48]);
        let text = self.texts.part(begin, end).ok_or(Damaged)?;
        if check_of_text(self.id(at), &text) != number(&row[48..52]) {
            return Err(Damaged);
        }
        Ok(text)
    }

    /// Reads all texts at once if so many are needed that this is less than to read each.
    pub fn read_texts_for(&self, n_texts: usize) {
        if n_texts > MIN_TEXTS.max(self.n_rows / 16) {
            self.texts.read_all();
        }
    }

    fn row(&self, at: usize) -> &[u8] {
        &self.body[self.n_rows * 16 + at * ROW_BYTES..][..ROW_BYTES]
    }

    fn fault_words(&self) -> impl Iterator<Item = [u32; 2]> {
        let faults = &self.body[self.n_rows * (16 + ROW_BYTES)..][..self.n_faults * 8];
        faults.chunks_exact(8).map(|pair| [number(&pair[..4]), number(&pair[4..])])
    }

    fn find_word(&self, number: u32) -> Option<&str> {
        let at = usize::try_from(number).ok()?;
        let end = *self.word_ends.get(at)?;
        let begin = if at == 0 { 0 } else { self.word_ends[at - 1] };
        self.words.get(begin as usize..end as usize)
    }
}

impl Texts {
    fn read_all(&self) {
        if self.all.get().is_none()
            && let Some(all) = self.read(0, self.n_bytes)
        {
            let _ = self.all.set(all);
        }
    }

    /// Returns the bytes from `begin` to `end`.
    fn part(&self, begin: u32, end: u32) -> Option<Cow<'_, [u8]>> {
        match self.all.get() {
            Some(all) => all.get(begin as usize..end as usize).map(Cow::Borrowed),
            None => self.read(u64::from(begin), u64::from(end)).map(Cow::Owned),
        }
    }

    fn read(&self, begin: u64, end: u64) -> Option<Vec<u8>> {
        let (file, n_bytes) = (self.file.as_ref()?, end.checked_sub(begin)?);
        if end > self.n_bytes {
            return None;
        }
        let mut bytes = vec![0; usize::try_from(n_bytes).ok()?];
        file.read_exact_at(&mut bytes, self.from + begin).ok()?;
        Some(bytes)
    }
}

/// What the header says.
struct Header {
    n_rows: usize,
    n_faults: usize,
    n_words: usize,
    n_body: u64,
    n_texts: u64,
    stamp: Option<RefStamp>,
    check: u32,
}

impl Header {
    fn read(bytes: &[u8; HEADER_BYTES], hash_kind: HashKind) -> Option<Header> {
        let rest = bytes.strip_prefix(MAGIC)?;
        let count = |at: usize| number(&rest[at * 4..][..4]) as usize;
        let stamp: &[u8; RefStamp::N_BYTES] = rest[32..32 + RefStamp::N_BYTES].try_into().ok()?;
        let header = Header {
            n_rows: count(0),
            n_faults: count(1),
            n_words: count(2),
            n_body: long(&rest[16..24]),
            n_texts: long(&rest[24..32]),
            stamp: (*stamp != [0; RefStamp::N_BYTES]).then(|| RefStamp::from_bytes(stamp)),
            check: number(&rest[32 + RefStamp::N_BYTES..]),
        };
        let n_fixed = [(header.n_rows, 16 + ROW_BYTES), (header.n_faults, 8), (header.n_words, 4)];
        let n_fixed: u64 = n_fixed.map(|(n, each)| n as u64 * each as u64).iter().sum();
        let is_ours = count(3) == hash_kind.n_bytes();
        let fits = n_fixed <= header.n_body && header.n_body.max(header.n_texts) <= MAX_BYTES;
        (is_ours && fits).then_some(header)
    }
}

/// Reads four bytes, the least first.
pub fn number(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

/// Reads eight bytes, the least first.
pub fn long(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}
