//! Bytes of a transcript, in chunks of any size, to its values with their places.
//!
//! Tolerates what crashes, resumes and other systems leave: a torn last value, several values on a
//! line, a value on several lines, a byte order mark, CRLF, runs of NUL, broken escapes, lines that are
//! no JSON. What is no value is told as damage; nothing is passed over but white space.

use serde_json::error::Category;

use super::mend::mend;
use super::weigh;
use crate::model::Value;

/// The longest line, in bytes: 64 MiB of text, and what stands around it.
pub const MAX_LINE: usize = 72 << 20;
/// The longest document (a value on several lines), in bytes.
pub const MAX_DOCUMENT: usize = 256 << 20;
/// The longest first line of a document on several lines, in bytes.
const MAX_FIRST_LINE: usize = 256;
/// After so much damage the rest of a line is not looked at.
const MAX_DAMAGE: usize = 8;
/// A buffer that was larger than this is given back.
const KEPT_BUFFER: usize = 1 << 20;

/// Where something is in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) offset: u64,
    pub(super) n_bytes: u64,
}

/// What is there.
#[derive(Debug)]
pub(super) enum Found {
    /// A value; in a text file a line, without its end.
    Value(Value),
    /// Bytes that are none, and why.
    Damage(String),
}

/// How a file is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// Not known before the first line is.
    Unknown,
    /// Values are on lines.
    Lines,
    /// One value on all lines.
    Document,
    /// Lines of text.
    Text,
}

/// Takes the bytes of a file, from its beginning, and gives what is in it.
#[derive(Debug)]
pub(super) struct Scanner {
    layout: Layout,
    /// The line or document so far.
    buffer: Vec<u8>,
    /// Where the buffer begins in the file.
    offset: u64,
    /// The bytes after the buffer that were too many to be kept.
    n_dropped: u64,
}

impl Scanner {
    /// Begins with a file of JSON, or of text.
    pub(super) fn new(is_text: bool) -> Scanner {
        let layout = if is_text { Layout::Text } else { Layout::Unknown };
        Scanner { layout, buffer: Vec::new(), offset: 0, n_dropped: 0 }
    }

    /// Returns how many bytes were understood: a torn value, if there is one, begins there.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Takes the next bytes.
    pub(super) fn push(&mut self, bytes: &[u8], take: &mut impl FnMut(Span, Found)) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.keep(part);
            if part.ends_with(b"\n") && !self.goes_on() {
                self.take_buffer(false, take);
            }
        }
    }

    /// Tells that there is no more.
    pub(super) fn finish(&mut self, take: &mut impl FnMut(Span, Found)) {
        self.take_buffer(true, take);
    }

    fn keep(&mut self, part: &[u8]) {
        let max = if self.layout == Layout::Document { MAX_DOCUMENT } else { MAX_LINE };
        let n_kept = part.len().min(max.saturating_sub(self.buffer.len()));
        let (kept, dropped) =
            if self.n_dropped == 0 { part.split_at(n_kept) } else { (&part[..0], part) };
        self.buffer.extend_from_slice(kept);
        self.n_dropped += dropped.len() as u64;
    }

    /// Tells, at the end of a line, whether the value goes on after it.
    fn goes_on(&mut self) -> bool {
        if self.layout == Layout::Unknown {
            let text = bare(&self.buffer);
            if !text.is_empty() {
                self.layout = if opens(text) { Layout::Document } else { Layout::Lines };
            }
        }
        self.layout == Layout::Document
    }

    fn take_buffer(&mut self, is_last: bool, take: &mut impl FnMut(Span, Found)) {
        let mut buffer = std::mem::take(&mut self.buffer);
        let offset = self.offset;
        let n_used = if self.n_dropped > 0 {
            let n_bytes = buffer.len() as u64 + self.n_dropped;
            let reason = format!("{n_bytes} bytes in one value are too many");
            take(Span { offset, n_bytes }, Found::Damage(reason));
            self.offset += n_bytes;
            buffer.len()
        } else if self.layout == Layout::Text {
            text_line(&buffer, offset, take);
            self.offset += buffer.len() as u64;
            buffer.len()
        } else {
            let n_end = usize::from(self.layout == Layout::Lines && buffer.ends_with(b"\n"));
            let n_line = buffer.len() - n_end;
            let n_used = values(&mut buffer[..n_line], offset, is_last, take);
            let n_used = if n_used == n_line { buffer.len() } else { n_used };
            self.offset += n_used as u64;
            n_used
        };
        self.n_dropped = 0;
        buffer.drain(..n_used);
        if buffer.capacity() <= KEPT_BUFFER || !buffer.is_empty() {
            self.buffer = buffer;
        }
    }
}

/// Tells whether a file that begins with `head` is one value on several lines.
pub fn is_document(head: &[u8]) -> bool {
    let mut lines = head.split_inclusive(|byte| *byte == b'\n').map(bare);
    lines.find(|line| !line.is_empty()).is_some_and(opens)
}

/// Tells whether bytes are one object or list, and not the beginning of one.
pub fn is_value(bytes: &[u8]) -> bool {
    let text = bare(bytes);
    let is_closed = text.ends_with(b"}") || text.ends_with(b"]");
    is_closed && serde_json::from_slice::<serde::de::IgnoredAny>(text).is_ok()
}

/// Returns a first line without what stands around it.
fn bare(line: &[u8]) -> &[u8] {
    line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line).trim_ascii()
}

/// Tells whether a first line begins a value that goes on after it.
fn opens(text: &[u8]) -> bool {
    let is_short = text.len() <= MAX_FIRST_LINE;
    let is_open = is_short && (text.starts_with(b"{") || text.starts_with(b"["));
    is_open && (text.ends_with(b"{") || text.ends_with(b"[") || text.ends_with(b","))
}

fn text_line(bytes: &[u8], offset: u64, take: &mut impl FnMut(Span, Found)) {
    if bytes.is_empty() {
        return;
    }
    let line = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let text = String::from_utf8_lossy(line).into_owned();
    take(Span { offset, n_bytes: bytes.len() as u64 }, Found::Value(Value::String(text)));
}

/// Takes the values out of `bytes`, and returns how many bytes were understood: all of them, but for
/// a torn value at the end of the last ones.
fn values(
    bytes: &mut [u8],
    offset: u64,
    is_last: bool,
    take: &mut impl FnMut(Span, Found),
) -> usize {
    let mut at = if offset == 0 && bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let mut n_damages = 0;
    while at < bytes.len() {
        let span = |n: usize| Span { offset: offset + at as u64, n_bytes: n as u64 };
        let rest = &mut bytes[at..];
        if rest[0].is_ascii_whitespace() {
            at += 1;
            continue;
        }
        let n_nul = rest.iter().take_while(|byte| **byte == 0).count();
        if n_nul > 0 {
            take(span(n_nul), Found::Damage(format!("{n_nul} NUL bytes")));
            at += n_nul;
            continue;
        }
        match first_value(rest, is_last) {
            Ok((value, n)) => {
                take(span(n), Found::Value(value));
                at += n;
            }
            Err(Fault { is_torn: true, .. }) if is_last => return at,
            Err(fault) => {
                n_damages += 1;
                let next = fault.next(rest).filter(|_| n_damages < MAX_DAMAGE);
                let n = next.unwrap_or(rest.len());
                take(span(n), Found::Damage(fault.reason));
                at += n;
            }
        }
    }
    bytes.len()
}

/// Why bytes do not begin with a value.
struct Fault {
    reason: String,
    /// Where it was noticed.
    at: usize,
    /// Whether more bytes could make it one.
    is_torn: bool,
}

impl Fault {
    /// Returns where the next value may begin: a process that was killed leaves half a value, and the
    /// next one goes on right behind it.
    fn next(&self, bytes: &[u8]) -> Option<usize> {
        let noticed = (self.at + 1).min(bytes.len());
        let before = bytes[1.min(noticed)..noticed].iter().rposition(|byte| *byte == b'{');
        let after = || bytes[noticed..].iter().position(|byte| *byte == b'{');
        before.map(|idx| idx + 1).or_else(|| after().map(|idx| idx + noticed))
    }
}

/// Reads the value that `bytes` begin with, and its length. Broken escapes are mended in `bytes`.
fn first_value(bytes: &mut [u8], is_last: bool) -> Result<(Value, usize), Fault> {
    if let Err(reason) = weigh::check(bytes) {
        return Err(Fault { reason, at: bytes.len(), is_torn: false });
    }
    match parse(bytes, is_last) {
        Err(fault) if !(fault.is_torn && is_last) && mend(bytes) => parse(bytes, is_last),
        result => result,
    }
}

fn parse(bytes: &[u8], is_last: bool) -> Result<(Value, usize), Fault> {
    let mut stream = serde_json::Deserializer::from_slice(bytes).into_iter::<Value>();
    match stream.next() {
        // A number or a word at the end of the file may be the beginning of a longer one.
        Some(Ok(value)) => {
            let n = stream.byte_offset();
            let is_closed = matches!(bytes[n - 1], b'}' | b']' | b'"');
            if is_last && !is_closed && n == bytes.len() {
                return Err(Fault { reason: "not JSON: cut off".into(), at: n, is_torn: true });
            }
            Ok((value, n))
        }
        Some(Err(error)) => Err(fault(&error, bytes)),
        None => Err(Fault { reason: "nothing".into(), at: 0, is_torn: true }),
    }
}

fn fault(error: &serde_json::Error, bytes: &[u8]) -> Fault {
    let text = error.to_string();
    let reason = text.split(" at line ").next().unwrap_or_default();
    let lines = bytes.split_inclusive(|byte| *byte == b'\n');
    let before: usize = lines.take(error.line().saturating_sub(1)).map(<[u8]>::len).sum();
    Fault {
        reason: format!("not JSON: {reason}"),
        at: (before + error.column()).saturating_sub(1).min(bytes.len()),
        is_torn: error.classify() == Category::Eof,
    }
}

#[cfg(test)]
mod tests;
