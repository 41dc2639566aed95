use std::cell::RefCell;
use std::collections::HashSet;
use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;

use super::facts::read;
use super::rows::{self, NewRows, Rows};
use super::sessions::is_much;
use super::table::{long, number};
use crate::model::{HashKind, Oid, SessionId};
use crate::store::Store;

/// What a file of documents begins with; another layout has another number.
const MAGIC: &[u8; rows::MAGIC_BYTES] = b"git-session documents 1\n";
/// The file.
const NAME: &str = "documents";
/// What a row says: in which block, from where, and how many bytes.
const N_BYTES: usize = 3 * 4;
/// How large a block becomes before it is compressed: larger ones become smaller together.
const BLOCK_BYTES: usize = 64 * 1024;
/// The largest block that is read.
const MAX_BLOCK_BYTES: u64 = 16 << 20;

/// The documents about very many sessions, as text; many of them are compressed together, since they are much alike.
pub struct Documents {
    rows: Rows,
    /// Where in the file the blocks begin.
    from: usize,
    /// Where each block ends, counted from there.
    ends: Vec<u64>,
    /// The block that was read last.
    last: RefCell<Option<(usize, Vec<u8>)>>,
}

impl Documents {
    /// Opens the file if its documents are of this kind; `None` if it is not there, not one of ours, not of this
    /// kind of repository, or damaged.
    pub fn open(store: &Store, kind: u32) -> Option<Documents> {
        Documents::of_bytes(read(store.open_cache_file(NAME)?)?, store.hash_kind(), kind)
    }

    fn of_bytes(file: Vec<u8>, hash_kind: HashKind, kind: u32) -> Option<Documents> {
        let body = rows::checked(&file, MAGIC, hash_kind)?;
        let count = |at: usize| Some(number(body.get(at..at + 4)?));
        let (n_rows, n_blocks) = (count(0)? as usize, count(4)? as usize);
        if count(8)? != kind {
            return None;
        }
        let n_row_bytes = n_rows.checked_mul(Rows::width(hash_kind, N_BYTES))?;
        let ends_at = n_row_bytes.checked_add(12)?;
        let blocks_at = ends_at.checked_add(n_blocks.checked_mul(8)?)?;
        let ends = body.get(ends_at..blocks_at)?.chunks_exact(8).map(long).collect();
        let place = rows::HEADER_BYTES + 12..rows::HEADER_BYTES + ends_at;
        let rows = Rows::new(file, place, hash_kind, N_BYTES)?;
        let from = rows::HEADER_BYTES + blocks_at;
        Some(Documents { rows, from, ends, last: RefCell::new(None) })
    }

    /// Returns the document about a session whose newest commit is `tip`.
    pub fn find(&self, session_id: SessionId, tip: Oid) -> Option<String> {
        self.document(self.rows.find(session_id, tip)?)
    }

    fn document(&self, said: &[u8]) -> Option<String> {
        let [block, from, n] = [0, 4, 8].map(|at| number(&said[at..at + 4]) as usize);
        let mut last = self.last.borrow_mut();
        if last.as_ref().is_none_or(|(at, _)| *at != block) {
            *last = Some((block, self.block(block)?));
        }
        let (_, text) = last.as_ref()?;
        String::from_utf8(text.get(from..from.checked_add(n)?)?.to_vec()).ok()
    }

    fn block(&self, at: usize) -> Option<Vec<u8>> {
        let begin = if at == 0 { 0 } else { *self.ends.get(at - 1)? };
        let range = usize::try_from(begin).ok()?..usize::try_from(*self.ends.get(at)?).ok()?;
        let bytes = self.rows.file().get(self.from..)?.get(range)?;
        let mut text = Vec::with_capacity(2 * BLOCK_BYTES);
        ZlibDecoder::new(bytes).take(MAX_BLOCK_BYTES).read_to_end(&mut text).ok()?;
        Some(text)
    }
}

/// Documents that were not remembered.
pub struct NewDocuments {
    kind: u32,
    rows: NewRows,
    n_blocks: u32,
    /// The block that is not complete yet.
    text: Vec<u8>,
    ends: Vec<u8>,
    blocks: Vec<u8>,
}

impl NewDocuments {
    /// Begins with none. What they are changes with `kind`.
    pub fn new(kind: u32) -> NewDocuments {
        let (rows, n_blocks) = (NewRows::default(), 0);
        NewDocuments { kind, rows, n_blocks, text: vec![], ends: vec![], blocks: vec![] }
    }

    /// Takes the document about a session whose newest commit is `tip`.
    pub fn add(&mut self, session_id: SessionId, tip: Oid, document: &str) {
        let place = [self.text.len(), document.len()].map(u32::try_from);
        let [Ok(from), Ok(n)] = place else { return };
        self.rows.add(session_id, tip, &[self.n_blocks, from, n].map(u32::to_le_bytes).concat());
        self.text.extend_from_slice(document.as_bytes());
        if self.text.len() >= BLOCK_BYTES {
            self.compress();
        }
    }

    fn compress(&mut self) {
        let mut encoder = ZlibEncoder::new(std::mem::take(&mut self.blocks), Compression::fast());
        // Writing to memory does not fail.
        let written = encoder.write_all(&self.text).and_then(|()| encoder.finish());
        self.blocks = written.unwrap_or_default();
        self.ends.extend((self.blocks.len() as u64).to_le_bytes());
        self.text.clear();
        self.n_blocks += 1;
    }

    /// Writes the file anew if it lacks much, with what is known already of the sessions `ids`.
    pub fn write(
        mut self,
        store: &Store,
        known: Option<&Documents>,
        ids: impl FnOnce() -> HashSet<SessionId>,
    ) {
        if !is_much(store, self.rows.len(), known.map_or(0, |known| known.rows.len())) {
            return;
        }
        if let Some(known) = known {
            let ids = ids();
            known.rows.each(|id, tip, said| {
                if ids.contains(&id) && !self.rows.has(id) {
                    known.document(said).iter().for_each(|text| self.add(id, tip, text));
                }
            });
        }
        if let Some(file) = self.encode(store.hash_kind()) {
            store.replace_cache_file(NAME, &file);
        }
    }

    fn encode(mut self, hash_kind: HashKind) -> Option<Vec<u8>> {
        self.compress();
        let n_rows = u32::try_from(self.rows.len()).ok()?;
        let mut body = [n_rows, self.n_blocks, self.kind].map(u32::to_le_bytes).concat();
        self.rows.write(&mut body);
        body.extend_from_slice(&self.ends);
        body.extend_from_slice(&self.blocks);
        rows::framed(MAGIC, hash_kind, &body)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KIND: u32 = 7;

    fn id(n: u8) -> SessionId {
        SessionId::from_bytes([n; 16])
    }

    fn tip(n: u8) -> Oid {
        Oid::from_bytes(&[n; 20]).expect("an id")
    }

    /// Returns a document, some of which fill a block.
    fn document(n: u8) -> String {
        format!("{{\"title\":\"实现 {n}\"}}").repeat(usize::from(n) * 700)
    }

    fn file() -> Vec<u8> {
        let mut documents = NewDocuments::new(KIND);
        [9, 1, 0, 5, 7, 3].into_iter().for_each(|n| documents.add(id(n), tip(n), &document(n)));
        documents.encode(HashKind::Sha1).expect("a file")
    }

    #[test]
    fn documents_come_back_in_any_order_for_the_commit_that_they_are_of() {
        let documents = Documents::of_bytes(file(), HashKind::Sha1, KIND).expect("documents");
        assert!(documents.ends.len() > 2, "they fill some blocks");
        for n in [0, 1, 3, 5, 7, 9, 9, 7, 5, 3, 1, 0, 5, 1] {
            assert_eq!(documents.find(id(n), tip(n)), Some(document(n)));
            assert_eq!(documents.find(id(n), tip(n + 1)), None);
        }
        assert_eq!(documents.find(id(4), tip(4)), None);
    }

    #[test]
    fn documents_of_another_kind_are_none() {
        assert!(Documents::of_bytes(file(), HashKind::Sha1, KIND + 1).is_none());
        assert!(Documents::of_bytes(file(), HashKind::Sha256, KIND).is_none());
    }

    proptest! {
        #[test]
        fn damage_makes_it_no_file(at in any::<prop::sample::Index>(), bit in 0_u32..8) {
            let mut bytes = file();
            let at = at.index(bytes.len());
            bytes[at] ^= 1_u8 << bit;
            prop_assert!(Documents::of_bytes(bytes, HashKind::Sha1, KIND).is_none());
        }

        #[test]
        fn no_bytes_make_documents_that_panic(
            n_rows in 0_u32..4, n_blocks in 0_u32..4, rest in prop::collection::vec(any::<u8>(), 0..300),
        ) {
            let body = [&[n_rows, n_blocks, KIND].map(u32::to_le_bytes).concat()[..], &rest].concat();
            let file = rows::framed(MAGIC, HashKind::Sha1, &body).expect("a file");
            if let Some(documents) = Documents::of_bytes(file, HashKind::Sha1, KIND) {
                documents.rows.each(|id, tip, _| { documents.find(id, tip); });
            }
        }
    }
}
