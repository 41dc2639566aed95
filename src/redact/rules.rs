//! What a redactor goes by beside the built-in rules: a repository's own rules, known values, what is
//! allowed, and the home directory.

use std::ops::Range;
use std::sync::OnceLock;

use regex::bytes::{Regex, RegexBuilder};

use super::value;

/// The shortest known value that is looked for, in bytes.
pub(super) const MIN_KNOWN: usize = 8;
/// The same for one that may be a word or a number.
pub(super) const MIN_PLAIN_KNOWN: usize = 12;
/// The most memory for one pattern of a repository, in bytes.
const MAX_PATTERN_BYTES: usize = 64 << 20;

/// A rule that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// The text is not TOML, or not of gitleaks' form.
    #[error("{0}")]
    Syntax(String),
    /// One rule is wrong.
    #[error("rule '{id}': {reason}")]
    Rule {
        /// The rule's id.
        id: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A pattern of what is allowed is wrong.
    #[error("'{pattern}' is no pattern: {reason}")]
    Allowed {
        /// As it was given.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// What a redactor goes by, beside the built-in rules.
#[derive(Debug, Default)]
pub struct Rules {
    pub(super) extra: Vec<ExtraRule>,
    /// The extra rules without a keyword.
    pub(super) always: Vec<usize>,
    pub(super) known: Vec<String>,
    pub(super) allowed: Allowed,
    pub(super) home: Option<String>,
}

impl Rules {
    /// Adds the rules of a `gitleaks.toml`, and what it allows.
    ///
    /// # Errors
    /// [`RuleError`] for text that is not of that form, and for a pattern that is none. Patterns are only
    /// compiled when a keyword of theirs is met.
    pub fn with_gitleaks(mut self, toml: &str) -> Result<Rules, RuleError> {
        let (rules, allowed) = super::gitleaks::parse(toml)?;
        self.extra.extend(rules);
        self.allowed.patterns.extend(allowed.patterns);
        self.allowed.stop_words.extend(allowed.stop_words);
        Ok(self)
    }

    /// Adds values that are known to be secret. Those are left out that would be met by chance: shorter
    /// than 8 bytes, placeholders, paths, short words and numbers.
    pub fn with_known(mut self, values: impl IntoIterator<Item = String>) -> Rules {
        let is_telling = |value: &String| {
            let bytes = value.as_bytes();
            let min = if is_plain(bytes) { MIN_PLAIN_KNOWN } else { MIN_KNOWN };
            bytes.len() >= min && !value::is_stand_in(bytes) && !value::is_reference(bytes)
        };
        self.known.extend(values.into_iter().filter(is_telling));
        self
    }

    /// Adds patterns of what is no secret, whatever else says so; a whole secret must match.
    ///
    /// # Errors
    /// [`RuleError::Allowed`] for what is no pattern.
    pub fn with_allowed(mut self, patterns: &[String]) -> Result<Rules, RuleError> {
        for pattern in patterns {
            let regex = Regex::new(&format!("^(?:{pattern})$"));
            let invalid = |error: regex::Error| RuleError::Allowed {
                pattern: pattern.clone(),
                reason: error.to_string(),
            };
            self.allowed.patterns.push(regex.map_err(invalid)?);
        }
        Ok(self)
    }

    /// Has `home` at the beginning of a path written as `~`. A directory that is no absolute path, or the
    /// root, is left as it is.
    pub fn with_home(mut self, home: &str) -> Rules {
        let home = home.trim_end_matches('/');
        self.home = (home.starts_with('/') && home.len() >= 3).then(|| home.to_owned());
        self
    }

    /// Tells whether a secret is allowed to stay.
    pub(super) fn is_allowed(&self, secret: &[u8]) -> bool {
        self.allowed.permits(secret)
    }
}

/// Tells whether a value may be a word or a number.
pub(super) fn is_plain(value: &[u8]) -> bool {
    value.iter().all(|c| c.is_ascii_lowercase() || matches!(c, b'-' | b'_'))
        || value.iter().all(u8::is_ascii_digit)
}

/// What is no secret.
#[derive(Debug, Default)]
pub(super) struct Allowed {
    pub(super) patterns: Vec<Regex>,
    /// Lower case; a secret with one of them in it is none.
    pub(super) stop_words: Vec<String>,
}

impl Allowed {
    pub(super) fn permits(&self, secret: &[u8]) -> bool {
        let has = |word: &String| {
            secret.windows(word.len().max(1)).any(|it| it.eq_ignore_ascii_case(word.as_bytes()))
        };
        self.patterns.iter().any(|pattern| pattern.is_match(secret))
            || self.stop_words.iter().any(has)
    }
}

/// A rule of the repository.
#[derive(Debug)]
pub(super) struct ExtraRule {
    /// The id, as a marker can have it.
    pub(super) kind: String,
    pub(super) keywords: Vec<String>,
    pub(super) pattern: String,
    pub(super) group: Option<usize>,
    pub(super) min_entropy: f64,
    pub(super) allowed: Allowed,
    pub(super) compiled: OnceLock<Option<Regex>>,
}

impl ExtraRule {
    /// Returns where the rule's secrets are. A pattern that is too large to be compiled hides all of the
    /// text: nobody can say what it would have found.
    pub(super) fn find(&self, text: &[u8]) -> Vec<Range<usize>> {
        let Some(regex) = self.compiled.get_or_init(|| compile(&self.pattern).ok()) else {
            let all = 0..text.len();
            return Vec::from([all]);
        };
        let secret = |found: regex::bytes::Captures<'_>| {
            let first = (1..found.len()).find(|n| found.get(*n).is_some_and(|it| !it.is_empty()));
            let group = self.group.or(first).unwrap_or(0);
            found.get(group).or_else(|| found.get(0)).map(|it| it.range())
        };
        let is_secret = |range: &Range<usize>| {
            let secret = &text[range.clone()];
            value::bits_a_byte(secret) >= self.min_entropy && !self.allowed.permits(secret)
        };
        regex.captures_iter(text).filter_map(secret).filter(is_secret).collect()
    }
}

/// Compiles a pattern of gitleaks: letters and digits are ASCII's there.
pub(super) fn compile(pattern: &str) -> Result<Regex, regex::Error> {
    let build = |is_unicode| {
        RegexBuilder::new(pattern).unicode(is_unicode).size_limit(MAX_PATTERN_BYTES).build()
    };
    build(false).or_else(|_| build(true))
}
