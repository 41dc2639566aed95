//! Redaction: secrets are taken out of text before anything of it is written to git.
//!
//! A text is looked at as it stands and in what it encodes: JSON strings as they are meant, under their
//! keys, joined over arrays; JSON in strings; base64; percent; the backslashes of Markdown. What is found is replaced by a marker that
//! names its kind, and nothing else is touched: JSON stays JSON, byte for byte.
//!
//! It is a function of the text and the [`Rules`] alone, so that the same line becomes the same line
//! wherever and however often it comes by. The work grows with the text and no faster: no pattern steps
//! back, and a pattern is tried only where a word of its rule stands (`index`).

mod base64;
mod builtin;
mod file;
mod gitleaks;
mod index;
mod json;
mod named;
mod quoted;
mod rule;
mod rules;
mod scan;
mod span;
mod value;
mod walk;

use std::borrow::Cow;

pub use file::{SAMPLES, is_secret_file};
pub use rules::{RuleError, Rules};

use index::{Index, Target};
use rule::Matcher;
use span::{Rank, Span};

/// The version of the built-in rules. It changes when the same text may be redacted otherwise.
pub const VERSION: u32 = 2;

/// What a marker begins with.
const MARKER: &[u8] = b"[REDACTED:";
/// How many texts deep an encoded text is looked into.
const MAX_DEPTH: usize = 4;
/// The longest text that is not looked at without cause, in bytes.
const MAX_ORDINARY: usize = 1024;
/// How often what was redacted is looked at again.
const MAX_ROUNDS: usize = 8;

/// A secret in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finding<'r> {
    /// The kind, such as `github-token`.
    pub kind: &'r str,
    /// Where it begins, in bytes.
    pub start: usize,
    /// Where it ends, in bytes.
    pub end: usize,
}

/// A text without its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redacted<'t, 'r> {
    /// The text, borrowed if nothing was found.
    pub text: Cow<'t, [u8]>,
    /// The kind of each secret that was taken out.
    pub kinds: Vec<&'r str>,
}

/// Finds secrets, and takes them out.
#[derive(Debug)]
pub struct Redactor {
    builtin: Vec<Matcher>,
    discord: Matcher,
    rules: Rules,
    index: Index,
}

impl Redactor {
    /// Makes a redactor of the built-in rules and `rules`. No pattern is compiled yet.
    pub fn new(mut rules: Rules) -> Redactor {
        let builtin: Vec<Matcher> = builtin::rules().map(Matcher::new).collect();
        let without =
            |(number, rule): (usize, &rules::ExtraRule)| rule.keywords.is_empty().then_some(number);
        rules.always = rules.extra.iter().enumerate().filter_map(without).collect();
        let index = Index::new(words(&builtin, &rules).into_iter());
        Redactor { builtin, discord: Matcher::new(&builtin::DISCORD), rules, index }
    }

    /// Returns the secrets in `text`, in their order and apart from each other.
    pub fn find(&self, text: &[u8]) -> Vec<Finding<'_>> {
        let spans = self.spans(text, 0).into_iter().filter(|span| span.rank != Rank::Home);
        spans.map(|Span { kind, start, end, .. }| Finding { kind, start, end }).collect()
    }

    /// Returns `text` with a marker in place of each secret, and `~` in place of the home directory.
    ///
    /// A text is a line of a transcript, or a whole file. Doing it again changes nothing.
    pub fn redact<'t>(&self, text: &'t [u8]) -> Redacted<'t, '_> {
        let mut redacted = Redacted { text: Cow::Borrowed(text), kinds: Vec::new() };
        for _ in 0..MAX_ROUNDS {
            let spans = self.spans(&redacted.text, 0);
            if spans.is_empty() {
                break;
            }
            redacted.text = Cow::Owned(replace(&redacted.text, &spans));
            let secrets = spans.iter().filter(|span| span.rank != Rank::Home);
            redacted.kinds.extend(secrets.map(|span| span.kind));
        }
        redacted
    }
}

/// Tells, without a redactor and at next to no cost, whether one might find anything in `text`. It does
/// not in a few ordinary words: a secret has a word that is long, or more than lower-case letters.
pub fn may_hold(text: &[u8]) -> bool {
    let may = |word: &[u8]| {
        word.len() >= if rules::is_plain(word) { rules::MIN_PLAIN_KNOWN } else { rules::MIN_KNOWN }
            || word.iter().any(|c| b"/=:@%\\\"".contains(c))
    };
    text.len() > MAX_ORDINARY || text.split(u8::is_ascii_whitespace).any(may)
}

/// Tells whether what is called `name` is a secret, as a variable of the environment.
pub fn is_secret_name(name: &str) -> bool {
    named::kind_of(name.as_bytes()).is_some_and(|(_, sort)| sort != named::Sort::Key)
}

/// Returns what the index is to look for.
fn words<'w>(builtin: &[Matcher], rules: &'w Rules) -> Vec<(&'w [u8], bool, Target)> {
    let mut words: Vec<(&[u8], bool, Target)> = vec![(MARKER, false, Target::Marker)];
    for (number, Matcher { rule, .. }) in builtin.iter().enumerate() {
        let keywords = rule.keywords.iter();
        words
            .extend(keywords.map(|it| (it.as_bytes(), rule.ignores_case, Target::Builtin(number))));
    }
    words.extend(named::WORDS.iter().map(|it| (it.as_bytes(), true, Target::Name)));
    for (number, rule) in rules.extra.iter().enumerate() {
        let keywords = rule.keywords.iter();
        words.extend(keywords.map(|it| (it.as_bytes(), true, Target::Extra(number))));
    }
    words.extend(rules.known.iter().map(|it| (it.as_bytes(), false, Target::Exact)));
    words.extend(rules.home.iter().map(|it| (it.as_bytes(), false, Target::Home)));
    words
}

/// Returns `text` with what replaces each span.
fn replace(text: &[u8], spans: &[Span<'_>]) -> Vec<u8> {
    let mut replaced = Vec::with_capacity(text.len());
    let mut from = 0;
    for span in spans {
        replaced.extend_from_slice(&text[from..span.start]);
        if span.rank == Rank::Home {
            replaced.push(b'~');
        } else {
            replaced.extend_from_slice(MARKER);
            replaced.extend_from_slice(span.kind.as_bytes());
            replaced.push(b']');
        }
        from = span.end;
    }
    replaced.extend_from_slice(&text[from..]);
    replaced
}

#[cfg(test)]
mod tests;
