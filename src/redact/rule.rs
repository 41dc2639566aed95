//! A rule of our own: words that may begin a secret, and the pattern that decides.

use std::ops::Range;
use std::sync::OnceLock;

use regex::bytes::{Regex, RegexBuilder};

use super::value;

/// How far a pattern may look, in bytes, unless it says otherwise.
const WINDOW: usize = 512;

/// One kind of secret.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    /// Its name, as the marker has it.
    pub(super) kind: &'static str,
    /// What must be there before the pattern is tried: at least three bytes each.
    pub(super) keywords: &'static [&'static str],
    /// Whether the case of a keyword does not count.
    pub(super) ignores_case: bool,
    /// How far before a keyword the secret may begin.
    lead: usize,
    /// How far after the keyword the pattern looks.
    window: usize,
    /// Tells a secret from what only has its form.
    check: fn(&[u8]) -> bool,
    pattern: &'static str,
}

impl Rule {
    /// A secret that begins with one of `keywords`; the first group of `pattern`, if there is one, is what
    /// is secret of it.
    pub(super) const fn new(
        kind: &'static str,
        keywords: &'static [&'static str],
        pattern: &'static str,
    ) -> Rule {
        Rule {
            kind,
            keywords,
            ignores_case: false,
            lead: 0,
            window: WINDOW,
            check: value::is_real,
            pattern,
        }
    }

    /// The keyword may stand up to `lead` bytes after the beginning.
    pub(super) const fn after(self, lead: usize) -> Rule {
        Rule { lead, ..self }
    }

    /// The case of keywords does not count.
    pub(super) const fn any_case(self) -> Rule {
        Rule { ignores_case: true, ..self }
    }

    /// The secret may be this long.
    pub(super) const fn wide(self, window: usize) -> Rule {
        Rule { window, ..self }
    }

    /// What the pattern finds is a secret only if `check` says so.
    pub(super) const fn checked(self, check: fn(&[u8]) -> bool) -> Rule {
        Rule { check, ..self }
    }
}

/// A rule and its pattern, which is compiled when it is needed.
#[derive(Debug)]
pub(super) struct Matcher {
    pub(super) rule: &'static Rule,
    regex: OnceLock<Regex>,
}

impl Matcher {
    pub(super) fn new(rule: &'static Rule) -> Matcher {
        Matcher { rule, regex: OnceLock::new() }
    }

    /// Returns where the secret is whose keyword stands at `at`.
    pub(super) fn find(&self, text: &[u8], at: usize) -> Option<Range<usize>> {
        let rule = self.rule;
        let from = at.saturating_sub(rule.lead);
        if rule.lead == 0 && at > 0 && continues(text[at - 1], text[at]) {
            return None;
        }
        let part = &text[from..text.len().min(at + rule.window)];
        let regex = self.regex.get_or_init(|| compile(rule));
        let found = regex.captures(part)?;
        let secret = found.get(1).or_else(|| found.get(0))?;
        let is_secret = (rule.check)(secret.as_bytes());
        is_secret.then(|| from + secret.start()..from + secret.end())
    }
}

fn compile(rule: &Rule) -> Regex {
    let anchor = if rule.lead == 0 { "^" } else { "" };
    let pattern = format!("{anchor}(?:{})", rule.pattern);
    let built = RegexBuilder::new(&pattern).unicode(false).build();
    built.expect("each built-in pattern is compiled by a test")
}

/// Tells whether a word goes on from `before` to `first`, so that nothing begins here.
fn continues(before: u8, first: u8) -> bool {
    before.is_ascii_alphanumeric() && first.is_ascii_alphanumeric()
}
