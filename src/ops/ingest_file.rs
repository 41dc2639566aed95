//! Looking at a transcript's file: whether it is what it was, and what is new in it.

use std::io::{self, Read, Seek, SeekFrom};

use crate::agents::{self, AgentKind};
use crate::model::conversation::SourceFile;
use crate::ops::OpError;
use crate::store::Store;

/// How much of a transcript tells what it may be a copy of, in bytes.
const BEGINNING: usize = 256 << 10;

/// Bytes that can be read from any place.
pub trait Bytes: Read + Seek {}

impl<T: Read + Seek> Bytes for T {}

/// The most that is taken at once, in bytes, unless one line is longer.
const CHUNK: u64 = 64 << 20;
/// How many bytes at each end tell whether a file is still the same.
const SAMPLE: u64 = 512;
/// How many hexadecimal digits of a name are kept.
const N_DIGITS: usize = 16;
/// Begins the name of all bytes, and not only of the last ones: of a file that is one line or document.
const ALL: &str = "all:";

/// Returns what tells whose bytes are: all of one value, and the first ones of many lines.
pub(super) fn beginning(bytes: &[u8]) -> &[u8] {
    let line = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let n = line.max(BEGINNING).min(bytes.len());
    if agents::is_document(bytes) { bytes } else { &bytes[..n] }
}

/// A file that is looked at.
pub(super) struct Look<'a> {
    pub(super) store: &'a Store,
    pub(super) path: &'a str,
    pub(super) file: &'a mut dyn Bytes,
}

/// What is new in a file.
pub(super) struct News {
    /// Where it begins.
    pub(super) from: u64,
    pub(super) bytes: Vec<u8>,
    /// Whether what was before it was written anew; then this is everything.
    pub(super) is_rewritten: bool,
}

impl News {
    /// Returns where the bytes end in the file.
    pub(super) fn end(&self) -> u64 {
        self.from + self.bytes.len() as u64
    }
}

impl Look<'_> {
    /// Reads up to `max` bytes from a place on.
    pub(super) fn read(&mut self, from: u64, max: u64) -> Result<Vec<u8>, OpError> {
        let mut bytes = Vec::new();
        let read = self.file.seek(SeekFrom::Start(from));
        let read = read.and_then(|_| (&mut *self.file).take(max).read_to_end(&mut bytes));
        read.map_err(|error| self.failed(error))?;
        Ok(bytes)
    }

    /// Reads what tells whose the bytes are, as far as that is not one long value.
    pub(super) fn beginning(&mut self) -> Result<Vec<u8>, OpError> {
        self.read(0, BEGINNING as u64)
    }

    fn failed(&self, error: io::Error) -> OpError {
        OpError::Transcript { path: self.path.to_owned(), error }
    }

    fn len(&mut self) -> Result<u64, OpError> {
        self.file.seek(SeekFrom::End(0)).map_err(|error| self.failed(error))
    }

    fn name(&mut self, from: u64, max: u64) -> Result<String, OpError> {
        let bytes = self.read(from, max)?;
        Ok(self.store.blob_name(&bytes)?.to_string()[..N_DIGITS].to_owned())
    }

    /// Returns what names the first bytes of the first `offset`.
    pub(super) fn head(&mut self, offset: u64) -> Result<String, OpError> {
        self.name(0, offset.min(SAMPLE))
    }

    fn tail(&mut self, offset: u64) -> Result<String, OpError> {
        let n = offset.min(SAMPLE);
        self.name(offset - n, n)
    }

    /// Returns what names the first bytes and the last ones of what was taken with `news`.
    pub(super) fn names(&mut self, news: &News) -> Result<(String, String), OpError> {
        let end = news.end();
        let is_all = news.from == 0 && is_one_value(&news.bytes);
        let tail = match is_all {
            true => format!("{ALL}{}", self.name(0, end)?),
            false => self.tail(end)?,
        };
        Ok((self.head(end)?, tail))
    }

    /// Tells whether the file still begins with what was taken.
    fn is_same(&mut self, source: &SourceFile) -> Result<bool, OpError> {
        if self.len()? < source.offset || source.head != Some(self.head(source.offset)?) {
            return Ok(false);
        }
        let told = source.tail.as_deref().unwrap_or_default();
        Ok(match told.strip_prefix(ALL) {
            Some(all) => self.name(0, source.offset)? == all,
            None => self.tail(source.offset)? == told,
        })
    }

    /// Returns what is new in the file since it was taken as `known`; `None` if nothing is. A torn last line
    /// waits, unless the file `is_final`.
    pub(super) fn news(
        &mut self,
        kind: AgentKind,
        known: Option<&SourceFile>,
        is_final: bool,
    ) -> Result<Option<News>, OpError> {
        let Some(known) = known.filter(|it| it.offset > 0) else {
            return self.take(kind, 0, is_final);
        };
        if self.is_same(known)? {
            if self.len()? == known.offset {
                return Ok(None);
            }
            let seam = self.read(known.offset - 1, 2)?;
            let is_between = seam.iter().any(|byte| matches!(byte, b'\n' | b'\r'));
            if is_between {
                return self.take(kind, known.offset, is_final);
            }
        }
        let all = self.read(0, u64::MAX)?;
        let bytes = whole(kind, all, is_final);
        Ok(bytes.map(|bytes| News { from: 0, bytes, is_rewritten: true }))
    }

    /// Takes what is whole from a place on.
    fn take(
        &mut self,
        kind: AgentKind,
        from: u64,
        is_final: bool,
    ) -> Result<Option<News>, OpError> {
        let mut max = CHUNK;
        loop {
            let mut bytes = self.read(from, max)?;
            let is_end = (bytes.len() as u64) < max;
            let is_lines = from > 0 || !agents::is_document(&bytes);
            if !is_end
                && is_lines
                && let Some(at) = bytes.iter().rposition(|it| *it == b'\n')
            {
                bytes.truncate(at + 1);
                return Ok(Some(News { from, bytes, is_rewritten: false }));
            }
            if is_end {
                let news = |bytes| News { from, bytes, is_rewritten: false };
                return Ok(whole(kind, bytes, is_final).map(news));
            }
            max *= 2;
        }
    }
}

/// Tells whether bytes are one line, or one value on several lines.
fn is_one_value(bytes: &[u8]) -> bool {
    let n_lines = bytes.trim_ascii_end().iter().filter(|byte| **byte == b'\n').take(1).count();
    n_lines == 0 || agents::is_document(bytes)
}

/// Returns what is whole of the last bytes of a file: all if a value ends there, else the lines that
/// have ended; `None` if there is nothing.
fn whole(kind: AgentKind, mut bytes: Vec<u8>, is_final: bool) -> Option<Vec<u8>> {
    let is_text = kind == AgentKind::Aider;
    let last = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    if !is_final && !is_text && agents::is_document(&bytes) {
        return agents::is_value(&bytes).then_some(bytes);
    }
    if !is_final && (is_text || !agents::is_value(&bytes[last..])) {
        bytes.truncate(last);
    }
    (!bytes.is_empty()).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(text: &str, is_final: bool) -> Option<String> {
        let bytes = whole(AgentKind::ClaudeCode, text.as_bytes().to_vec(), is_final)?;
        Some(String::from_utf8(bytes).expect("text"))
    }

    #[test]
    fn a_torn_end_waits_and_a_whole_value_does_not() {
        for (text, expected) in [
            ("", None),
            ("{\"a\":", None),
            ("{\"a\":1}", Some("{\"a\":1}")),
            ("{\"a\":1}\n{\"b\"", Some("{\"a\":1}\n")),
            ("{\"a\":1}\n12", Some("{\"a\":1}\n")),
            ("{\n\"a\":1\n", None),
            ("{\n\"a\":1\n}", Some("{\n\"a\":1\n}")),
        ] {
            assert_eq!(taken(text, false).as_deref(), expected, "{text}");
        }
        assert_eq!(taken("{\"a\":", true).as_deref(), Some("{\"a\":"));
    }

    #[test]
    fn the_text_of_aider_waits_for_the_end_of_the_line() {
        let bytes = whole(AgentKind::Aider, b"# a\n{}".to_vec(), false);
        assert_eq!(bytes.as_deref(), Some(&b"# a\n"[..]));
    }
}
