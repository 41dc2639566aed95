//! The built-in rules, written from what the providers say of their formats.
//!
//! A pattern asks for no more than the documented beginning and alphabet, and for about the documented
//! length: providers lengthen their tokens without notice.

mod agents;
mod cloud;
mod code;
mod general;
mod services;

use super::rule::Rule;

pub(super) use services::DISCORD;

/// Returns all built-in rules.
pub(super) fn rules() -> impl Iterator<Item = &'static Rule> {
    [general::RULES, cloud::RULES, code::RULES, agents::RULES, services::RULES]
        .into_iter()
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::index::MIN_WORD;
    use crate::redact::rule::Matcher;
    use std::collections::BTreeSet;

    #[test]
    fn each_pattern_compiles_and_each_keyword_can_be_looked_for() {
        for rule in rules() {
            assert!(rule.keywords.iter().all(|word| word.len() >= MIN_WORD), "{}", rule.kind);
            assert_eq!(Matcher::new(rule).find(b"nothing of interest", 0), None, "{}", rule.kind);
        }
    }

    #[test]
    fn there_are_many_kinds() {
        let kinds: BTreeSet<&str> = rules().map(|rule| rule.kind).collect();
        assert!(kinds.len() >= 120, "{}", kinds.len());
        let is_plain = |kind: &&str| kind.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-');
        assert!(kinds.iter().all(is_plain));
    }
}
