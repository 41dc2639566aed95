//! What a session is called that an agent made: the beginning of the first words.

use crate::model::text;
use crate::ops::OpError;
use crate::ops::redaction::Redaction;

/// How much of a line is looked at, in characters: a secret that begins in a title ends there.
const MAX_LOOK: usize = 8192;

/// Returns the title that words make: the beginning of the first line that says something, with at most `max`
/// characters. Secrets are taken out first: one that is cut short is not known as one.
///
/// # Errors
/// What redaction fails for.
pub(super) fn of_words(redaction: &Redaction, words: &str, max: usize) -> Result<String, OpError> {
    let line = words.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let is_plain = |c: &char| !c.is_control() && !text::is_invisible(*c);
    let mut line: String = line.chars().filter(is_plain).take(MAX_LOOK).collect();
    redaction.text(&mut line)?;
    if line.chars().count() <= max {
        return Ok(line.trim().to_owned());
    }
    let cut: String = line.chars().take(max - 1).collect();
    Ok(format!("{}…", cut.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::{Redactor, Rules};

    #[test]
    fn a_title_is_one_line_of_the_first_words() {
        let title = |words: &str| of_words(&Redaction::default(), words, 72).expect("no secrets");
        assert_eq!(title("\n  Fix it\nplease"), "Fix it");
        assert_eq!(title(""), "");
        assert_eq!(title("a\u{1b}b\u{2028}\u{202e}c"), "abc");
        let long = title(&"word ".repeat(40));
        assert!(long.chars().count() <= 72 && long.ends_with('…'), "{long}");
    }

    #[test]
    fn a_secret_that_would_be_cut_is_taken_out_before() {
        let redaction = Redaction::new(|| Ok(Redactor::new(Rules::default())));
        let token = ["gh", "p_", "q8Zk2Lx7Rt5Vb9Nc3Wd6Fg1Hs4Mp0QeYuIoP"].concat();
        let title = of_words(&redaction, &format!("Deploy to the server with {token}"), 40);
        assert_eq!(title.expect("made"), "Deploy to the server with [REDACTED:git…");
    }
}
