use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::Range;

use super::table::number;
use crate::model::{HashKind, Oid, SessionId};

/// How many bytes a file begins with has: 24.
pub const MAGIC_BYTES: usize = 24;
/// The magic, the length of an object id, and the check of the rest.
pub const HEADER_BYTES: usize = MAGIC_BYTES + 4 + 4;

/// Returns a file with this body.
pub fn framed(magic: &[u8; MAGIC_BYTES], hash_kind: HashKind, body: &[u8]) -> Option<Vec<u8>> {
    let mut file = Vec::with_capacity(HEADER_BYTES + body.len());
    file.extend_from_slice(magic);
    file.extend(u32::try_from(hash_kind.n_bytes()).ok()?.to_le_bytes());
    file.extend(crc32fast::hash(body).to_le_bytes());
    file.extend_from_slice(body);
    Some(file)
}

/// Returns the body of a file; `None` if it is not one of these, not of this kind of repository, or damaged.
pub fn checked<'a>(
    file: &'a [u8],
    magic: &[u8; MAGIC_BYTES],
    hash_kind: HashKind,
) -> Option<&'a [u8]> {
    let rest = file.strip_prefix(magic)?;
    let (header, body) = rest.split_at_checked(8)?;
    let is_ours = number(&header[..4]) as usize == hash_kind.n_bytes();
    (is_ours && crc32fast::hash(body) == number(&header[4..])).then_some(body)
}

/// Rows of one width in a file, in order of the ids: each begins with the id of a session and its newest
/// commit.
pub struct Rows {
    file: Vec<u8>,
    place: Range<usize>,
    n_oid_bytes: usize,
    width: usize,
    /// The row after the one that was found last, since sessions are mostly asked for in their order.
    next: Cell<usize>,
}

impl Rows {
    /// Returns the width of a row that says as many bytes of a session.
    pub fn width(hash_kind: HashKind, n_bytes: usize) -> usize {
        16 + hash_kind.n_bytes() + n_bytes
    }

    /// Returns the rows at a place of a file; `None` if they are not in order.
    pub fn new(
        file: Vec<u8>,
        place: Range<usize>,
        hash_kind: HashKind,
        n_bytes: usize,
    ) -> Option<Rows> {
        let (n_oid_bytes, width) = (hash_kind.n_bytes(), Rows::width(hash_kind, n_bytes));
        let rows = Rows { file, place, n_oid_bytes, width, next: Cell::new(0) };
        let ids = || rows.all().map(|row| &row[..16]);
        let is_ordered = ids().zip(ids().skip(1)).all(|(a, b)| a < b);
        is_ordered.then_some(rows)
    }

    /// Returns the whole file.
    pub fn file(&self) -> &[u8] {
        &self.file
    }

    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.place.len() / self.width
    }

    /// Returns what is said of a session if its newest commit is `tip`.
    pub fn find(&self, session_id: SessionId, tip: Oid) -> Option<&[u8]> {
        let at = self.place_of(session_id)?;
        self.next.set(at + 1);
        let (oid, said) = self.row(at)[16..].split_at(self.n_oid_bytes);
        (oid == tip.as_bytes()).then_some(said)
    }

    /// Calls `look` with each session, its commit, and what is said of it.
    pub fn each(&self, mut look: impl FnMut(SessionId, Oid, &[u8])) {
        for row in self.all() {
            let (oid, said) = row[16..].split_at(self.n_oid_bytes);
            let id = SessionId::from_bytes(row[..16].try_into().expect("sixteen bytes"));
            Oid::from_bytes(oid).into_iter().for_each(|oid| look(id, oid, said));
        }
    }

    fn place_of(&self, session_id: SessionId) -> Option<usize> {
        let id = |at: usize| &self.row(at)[..16];
        let (wanted, near) = (&session_id.as_bytes()[..], self.next.get());
        for at in [near, near.wrapping_sub(2)] {
            if at < self.len() && id(at) == wanted {
                return Some(at);
            }
        }
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            match id(middle).cmp(wanted) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Equal => return Some(middle),
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        None
    }

    fn row(&self, at: usize) -> &[u8] {
        &self.file[self.place.start + at * self.width..][..self.width]
    }

    fn all(&self) -> impl Iterator<Item = &[u8]> {
        self.file[self.place.clone()].chunks_exact(self.width)
    }
}

/// Rows to be written, each session once.
#[derive(Default)]
pub struct NewRows(BTreeMap<SessionId, Vec<u8>>);

impl NewRows {
    /// Says something of a session whose newest commit is `tip`, in place of what was said before.
    pub fn add(&mut self, session_id: SessionId, tip: Oid, said: &[u8]) {
        let row = [&session_id.as_bytes()[..], tip.as_bytes(), said].concat();
        self.0.insert(session_id, row);
    }

    /// Tells whether something is said of a session.
    pub fn has(&self, session_id: SessionId) -> bool {
        self.0.contains_key(&session_id)
    }

    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Appends them.
    pub fn write(&self, bytes: &mut Vec<u8>) {
        self.0.values().for_each(|row| bytes.extend_from_slice(row));
    }
}
