//! A lifecycle as YAML: what a repository keeps in `.git-session/lifecycles/`, and a session in its
//! own tree as `lifecycle.yaml`.
//!
//! ```yaml
//! name: review
//! initial: waiting
//! phases: [read, discuss]          # optional
//! states:
//!   waiting: {to: [reading]}       # the initial state is pending
//!   reading: {to: [held, done]}    # a state that goes somewhere is active
//!   held:
//!     class: paused
//!     to: [reading]
//!   done: {outcome: success}       # a state that goes nowhere is ended; or say terminal: true
//! ```

mod interpret;

use thiserror::Error;

use crate::lifecycle::{self, Lifecycle, Problem};

use super::yaml_tree::{self, Fault, Place};
use interpret::interpret;

pub use crate::lifecycle::{BUILTIN_NAMES, builtin};

/// The largest definition that is read, in bytes.
pub const MAX_BYTES: usize = 64 * 1024;

/// Why some bytes define no lifecycle.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}{reason}", line_prefix(*.line))]
pub struct LifecycleError {
    /// The line where it is, from 1; `None` if it is in no line.
    pub line: Option<u64>,
    /// The column, in characters from 1.
    pub column: Option<u64>,
    /// What is wrong, in git's style; safe to show.
    pub reason: String,
}

/// Something that is odd about a lifecycle, which may be used all the same.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}{reason}", line_prefix(*.line))]
pub struct Warning {
    /// The line where it is, from 1.
    pub line: Option<u64>,
    /// The column, in characters from 1.
    pub column: Option<u64>,
    /// What is odd, in git's style; safe to show.
    pub reason: String,
}

fn line_prefix(line: Option<u64>) -> String {
    line.map_or_else(String::new, |line| format!("line {line}: "))
}

impl From<Fault> for LifecycleError {
    fn from(fault: Fault) -> LifecycleError {
        LifecycleError {
            line: fault.place.map(|place| place.line),
            column: fault.place.map(|place| place.column),
            reason: fault.reason,
        }
    }
}

impl From<Fault> for Warning {
    fn from(fault: Fault) -> Warning {
        let LifecycleError { line, column, reason } = fault.into();
        Warning { line, column, reason }
    }
}

/// Reads a definition; the text of a built-in one is recognised without parsing.
///
/// # Errors
/// The first thing that is wrong, with its line.
pub fn parse(bytes: &[u8]) -> Result<(Lifecycle, Vec<Warning>), LifecycleError> {
    let is_it = |name: &&str| lifecycle::builtin_yaml(name).map(str::as_bytes) == Some(bytes);
    if let Some(known) = BUILTIN_NAMES.into_iter().find(is_it).and_then(builtin) {
        return Ok((known.clone(), Vec::new()));
    }
    let root = yaml_tree::read(text_of(bytes)?)?;
    let (definition, places) = interpret(&root)?;
    let fault = |problem: &Problem| Fault::at(places.of(problem.spot), problem.to_string());
    match Lifecycle::new(definition) {
        Ok((lifecycle, warnings)) => {
            let warnings = warnings.iter().map(|problem| fault(problem).into());
            Ok((lifecycle, warnings.collect()))
        }
        Err(problems) => Err(fault(&problems[0]).into()),
    }
}

/// Writes a definition, always in the same way; [`parse`] reads back the same lifecycle.
pub fn to_yaml(lifecycle: &Lifecycle) -> String {
    let mut yaml =
        format!("name: {}\ninitial: {}\n", word(lifecycle.name()), word(lifecycle.initial()));
    write_list(&mut yaml, "", "phases", lifecycle.phases());
    yaml.push_str("states:\n");
    for state in lifecycle.states() {
        yaml.push_str(&format!("  {}:\n    class: {}\n", word(&state.name), state.class));
        if let Some(outcome) = state.outcome {
            yaml.push_str(&format!("    outcome: {outcome}\n"));
        }
        write_list(&mut yaml, "    ", "to", &state.to);
    }
    yaml
}

fn write_list(yaml: &mut String, indent: &str, key: &str, words: &[String]) {
    if !words.is_empty() {
        yaml.push_str(&format!("{indent}{key}:\n"));
    }
    for text in words {
        yaml.push_str(&format!("{indent}  - {}\n", word(text)));
    }
}

/// Returns a name as it is written: in quotes if YAML, of whatever version, would take it for
/// something else than text.
fn word(name: &str) -> String {
    const TAKEN: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    if TAKEN.contains(&name) { format!("'{name}'") } else { name.to_owned() }
}

fn text_of(bytes: &[u8]) -> Result<&str, Fault> {
    if bytes.len() > MAX_BYTES {
        return Err(Fault {
            place: None,
            reason: format!("too large ({} bytes; at most {MAX_BYTES})", bytes.len()),
        });
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let good = &bytes[..error.valid_up_to()];
        let line = 1 + good.iter().filter(|byte| **byte == b'\n').count() as u64;
        let start = good.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let column = 1 + String::from_utf8_lossy(&good[start..]).chars().count() as u64;
        Fault::at(Place { line, column }, "not UTF-8")
    })
}

#[cfg(test)]
mod tests;
