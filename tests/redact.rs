//! What redaction finds and what it leaves, on generated texts and on transcripts, with figures.
#![allow(clippy::print_stdout, reason = "the figures are what the tests are for")]

#[path = "redact/benign.rs"]
mod benign;
#[path = "redact/dice.rs"]
mod dice;
#[path = "redact/planted.rs"]
mod planted;
#[path = "redact/properties.rs"]
mod properties;
#[path = "redact/secrets.rs"]
mod secrets;
#[path = "support/strings.rs"]
mod strings;
#[path = "redact/synthetic.rs"]
mod synthetic;
#[path = "redact/transcripts.rs"]
mod transcripts;

use git_session::redact::{Redactor, Rules};

/// Returns a redactor of the built-in rules alone.
fn redactor() -> Redactor {
    Redactor::new(Rules::default())
}

/// Redacts text.
fn redact(redactor: &Redactor, text: &str) -> String {
    let redacted = redactor.redact(text.as_bytes()).text;
    String::from_utf8(redacted.into_owned()).expect("text stays text")
}
