//! Secrets in JSON: in each string as it is meant, under its key, and over the strings of an array.

use std::borrow::Cow;
use std::ops::Range;

use super::json::Event;
use super::named::{self, Form};
use super::quoted::Escapes;
use super::span::{Rank, Span};
use super::{Redactor, json};

/// An open object or array.
#[derive(Debug, Default)]
struct Frame {
    is_array: bool,
    /// The last key of an object.
    key: Option<Range<usize>>,
    /// The value of `name` in `{"name": ..., "value": ...}`.
    name: Option<Range<usize>>,
    /// Where the array's strings begin in [`Walk::strings`].
    strings_from: usize,
}

/// A walk through a JSON text.
pub(super) struct Walk<'r, 't> {
    redactor: &'r Redactor,
    text: &'t [u8],
    depth: usize,
    frames: Vec<Frame>,
    strings: Vec<Range<usize>>,
    spans: Vec<Span<'r>>,
}

/// Adds the secrets in the JSON `text`, which is `depth` texts deep in another; `false` if it is no JSON
/// to its end.
pub(super) fn walk<'r>(
    redactor: &'r Redactor,
    text: &[u8],
    depth: usize,
    spans: &mut Vec<Span<'r>>,
) -> bool {
    let (frames, strings) = (Vec::new(), Vec::new());
    let mut walk = Walk { redactor, text, depth, frames, strings, spans: std::mem::take(spans) };
    let is_json = json::scan(text, |event| walk.visit(event)).is_ok();
    *spans = walk.spans;
    is_json
}

impl<'t> Walk<'_, 't> {
    fn visit(&mut self, event: Event) {
        match event {
            Event::Open { is_array } => {
                let strings_from = self.strings.len();
                self.frames.push(Frame { is_array, strings_from, ..Frame::default() });
            }
            Event::Close => {
                let frame = self.frames.pop().unwrap_or_default();
                if frame.is_array {
                    self.array(frame.strings_from);
                    self.strings.truncate(frame.strings_from);
                }
            }
            Event::Key(range) => {
                self.string(range.clone());
                if let Some(frame) = self.frames.last_mut() {
                    frame.key = Some(range);
                }
            }
            Event::Text(range) => {
                self.string(range.clone());
                self.place(range);
            }
        }
    }

    /// Looks into a string by itself.
    fn string(&mut self, range: Range<usize>) {
        let raw = &self.text[range.clone()];
        if !Escapes::Json.are_in(raw) {
            let found = self.redactor.spans(raw, self.depth + 1);
            self.spans.extend(found.into_iter().map(|span| span.moved(range.start)));
            return;
        }
        let mut found = self.redactor.spans(&Escapes::Json.decode(raw), self.depth + 1);
        Escapes::Json.put_back(raw, &mut found);
        self.spans.extend(found.into_iter().map(|span| span.moved(range.start)));
    }

    /// Judges a string by where it stands: under a key, beside a name, in an array.
    fn place(&mut self, range: Range<usize>) {
        let Some(frame) = self.frames.last_mut() else { return };
        if frame.is_array {
            self.strings.push(range);
            return;
        }
        let Some(key) = frame.key.clone() else { return };
        match &self.text[key.clone()] {
            b"name" | b"key" | b"header" | b"variable" => frame.name = Some(range.clone()),
            b"value" => {
                if let Some(name) = frame.name.clone() {
                    self.judge(name, range.clone());
                }
            }
            _ => {}
        }
        self.judge(key, range);
    }

    /// Judges a string by its name.
    fn judge(&mut self, name: Range<usize>, range: Range<usize>) {
        let name = self.meant(&name);
        if !self.redactor.may_be_name(&name) {
            return;
        }
        let Some((kind, sort)) = named::kind_of(&name) else { return };
        let is_variable = !name.iter().any(u8::is_ascii_lowercase);
        let form = if is_variable { Form::Variable } else { Form::Quoted };
        if named::is_secret(sort, form, &self.meant(&range)) {
            self.spans.push(Span { start: range.start, end: range.end, kind, rank: Rank::Named });
        }
    }

    /// Looks over the strings of an array that ends.
    fn array(&mut self, strings_from: usize) {
        let strings: Vec<Range<usize>> = self.strings[strings_from..].to_vec();
        if let [name, value] = &strings[..] {
            self.judge(name.clone(), value.clone());
        }
        if strings.len() < 2 || self.depth >= super::MAX_DEPTH {
            return;
        }
        // Words of a command; letters or parts; lines.
        for (separator, ranks) in
            [(" ", [Rank::Named, Rank::Format]), ("", [Rank::Format; 2]), ("\n", [Rank::Format; 2])]
        {
            self.joined(&strings, separator.as_bytes(), ranks);
        }
    }

    /// Looks for secrets of these ranks in strings with `separator` between them.
    fn joined(&mut self, strings: &[Range<usize>], separator: &[u8], ranks: [Rank; 2]) {
        let mut joined = Vec::new();
        let mut places = Vec::with_capacity(strings.len());
        for string in strings {
            let from = joined.len();
            joined.extend_from_slice(&self.meant(string));
            places.push(from..joined.len());
            joined.extend_from_slice(separator);
        }
        let mut found = Vec::new();
        self.redactor.plain(&joined, super::MAX_DEPTH, &mut found);
        for span in found.into_iter().filter(|span| ranks.contains(&span.rank)) {
            let first = places.partition_point(|place| place.end <= span.start);
            for (place, string) in places[first..].iter().zip(&strings[first..]) {
                if !span.meets(place.start, place.end) {
                    break;
                }
                let start = span.start.max(place.start) - place.start;
                let end = span.end.min(place.end) - place.start;
                let mut part = [Span { start, end, ..span }];
                Escapes::Json.put_back(&self.text[string.clone()], &mut part);
                self.spans.push(part[0].moved(string.start));
            }
        }
    }

    /// Returns what a string means.
    fn meant(&self, range: &Range<usize>) -> Cow<'t, [u8]> {
        let raw = &self.text[range.clone()];
        if Escapes::Json.are_in(raw) { Escapes::Json.decode(raw).into() } else { raw.into() }
    }
}
