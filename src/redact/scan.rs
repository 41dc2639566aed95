//! Secrets in text: as it stands, and in what it encodes.

use std::ops::Range;

use super::index::Target;
use super::quoted::Escapes;
use super::span::{self, Rank, Span};
use super::{MARKER, MAX_DEPTH, Redactor, base64, json, named, walk};

impl Redactor {
    /// Returns what must not be kept of `text`, which is `depth` texts deep in another.
    pub(super) fn spans(&self, text: &[u8], depth: usize) -> Vec<Span<'_>> {
        let mut spans = Vec::new();
        let is_json = depth < MAX_DEPTH && json::may_be(text);
        if !is_json || !walk::walk(self, text, depth, &mut spans) {
            self.lines(text, depth, &mut spans);
        }
        span::merge(&mut spans);
        spans
    }

    /// Looks into text that is no JSON as a whole: lines that are, and what is between them.
    fn lines<'r>(&'r self, text: &[u8], depth: usize, spans: &mut Vec<Span<'r>>) {
        let (mut from, mut at) = (0, 0);
        if depth < MAX_DEPTH && text.contains(&b'\n') {
            for line in text.split_inclusive(|c| *c == b'\n') {
                if json::is_json(line) {
                    self.part(text, from, at, depth, spans);
                    let mut found = Vec::new();
                    walk::walk(self, line, depth, &mut found);
                    spans.extend(found.into_iter().map(|span| span.moved(at)));
                    from = at + line.len();
                }
                at += line.len();
            }
        }
        self.part(text, from, text.len(), depth, spans);
    }

    fn part<'r>(
        &'r self,
        text: &[u8],
        from: usize,
        to: usize,
        depth: usize,
        spans: &mut Vec<Span<'r>>,
    ) {
        let mut found = Vec::new();
        self.plain(&text[from..to], depth, &mut found);
        spans.extend(found.into_iter().map(|span| span.moved(from)));
    }

    /// Adds what must not be kept of plain text.
    pub(super) fn plain<'r>(&'r self, text: &[u8], depth: usize, spans: &mut Vec<Span<'r>>) {
        let first = spans.len();
        let mut markers = Vec::new();
        let mut named_end = 0;
        let mut extra = self.rules.always.clone();
        self.index.each(text, |at, n_bytes, target| match target {
            Target::Marker => markers.extend(marker_end(text, at).map(|end| (at, end))),
            Target::Extra(number) if extra.contains(&number) => {}
            Target::Extra(number) => extra.push(number),
            // A value with names in it is one value.
            Target::Name if at < named_end => {}
            _ => {
                let found = self.at(text, at, n_bytes, target);
                named_end =
                    found.filter(|it| it.rank == Rank::Named).map_or(named_end, |it| it.end);
                spans.extend(found);
            }
        });
        for number in extra {
            let rule = &self.rules.extra[number];
            spans.extend(rule.find(text).into_iter().map(|it| format(&rule.kind, it)));
        }
        self.base64(text, depth, spans);
        if depth < MAX_DEPTH {
            self.escaped(Escapes::Percent, text, depth, spans);
            self.escaped(Escapes::Markdown, text, depth, spans);
            if text.windows(2).any(|two| matches!(two, b"\\u" | b"\\/")) {
                self.escaped(Escapes::Json, text, depth, spans);
            }
        }
        let is_kept = |span: &Span<'_>| {
            markers.iter().any(|(start, end)| span.meets(*start, *end))
                || (span.rank != Rank::Home && self.rules.is_allowed(&text[span.start..span.end]))
        };
        let found = spans.split_off(first);
        spans.extend(found.into_iter().filter(|span| !is_kept(span)));
    }

    /// Returns what is secret because of the word at `at`.
    fn at(&self, text: &[u8], at: usize, n_bytes: usize, target: Target) -> Option<Span<'_>> {
        match target {
            Target::Builtin(number) => {
                let matcher = &self.builtin[number];
                let found = matcher.find(text, at)?;
                Some(format(matcher.rule.kind, found))
            }
            Target::Name => {
                let named::Named { kind, value } = named::find(text, at)?;
                Some(Span { start: value.start, end: value.end, kind, rank: Rank::Named })
            }
            Target::Exact => {
                Some(Span { start: at, end: at + n_bytes, kind: "known-value", rank: Rank::Exact })
            }
            Target::Home => {
                let end = at + n_bytes;
                let is_home = is_path_border(text[..at].last()) && is_name_border(text.get(end));
                is_home.then_some(Span { start: at, end, kind: "home", rank: Rank::Home })
            }
            Target::Extra(_) | Target::Marker => None,
        }
    }

    /// Looks into what is text in base64; a token with a secret in it goes whole.
    fn base64<'r>(&'r self, text: &[u8], depth: usize, spans: &mut Vec<Span<'r>>) {
        base64::each_token(text, |token| {
            let Some(decoded) = base64::decode(&text[token.clone()]) else { return };
            if decoded.iter().all(u8::is_ascii_digit) {
                // The number of a Discord bot, and the rest of its token.
                let found = self.discord.find(text, token.start);
                spans.extend(found.map(|it| format(self.discord.rule.kind, it)));
            }
            if depth < MAX_DEPTH {
                let found = self.spans(&decoded, depth + 1);
                let secret = found
                    .into_iter()
                    .filter(|span| span.rank != Rank::Home)
                    .min_by_key(|it| it.rank);
                spans.extend(secret.map(|it| Span { start: token.start, end: token.end, ..it }));
            }
        });
    }

    /// Looks into text behind escapes.
    fn escaped<'r>(
        &'r self,
        escapes: Escapes,
        text: &[u8],
        depth: usize,
        spans: &mut Vec<Span<'r>>,
    ) {
        if escapes.are_in(text) {
            let mut found = Vec::new();
            self.plain(&escapes.decode(text), depth + 1, &mut found);
            escapes.put_back(text, &mut found);
            spans.extend(found);
        }
    }

    /// Tells whether a name has a word in it that a secret's name has.
    pub(super) fn may_be_name(&self, name: &[u8]) -> bool {
        let mut is_met =
            name.eq_ignore_ascii_case(b"auth") || name.eq_ignore_ascii_case(b"authorization");
        self.index.each(name, |_, _, target| is_met |= target == Target::Name);
        is_met
    }
}

fn format(kind: &str, found: Range<usize>) -> Span<'_> {
    Span { start: found.start, end: found.end, kind, rank: Rank::Format }
}

/// Returns where the marker ends that may begin at `at`.
fn marker_end(text: &[u8], at: usize) -> Option<usize> {
    let name = &text[at + MARKER.len()..];
    let is_kind = |c: &&u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.');
    let n = name.iter().take(64).take_while(is_kind).count();
    (name.get(n) == Some(&b']')).then_some(at + MARKER.len() + n + 1)
}

fn is_path_border(before: Option<&u8>) -> bool {
    before.is_none_or(|c| !c.is_ascii_alphanumeric() && !b"_.~-".contains(c) && c.is_ascii())
}

fn is_name_border(after: Option<&u8>) -> bool {
    after.is_none_or(|c| !c.is_ascii_alphanumeric() && !b"_-".contains(c) && c.is_ascii())
}
