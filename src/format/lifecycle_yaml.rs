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

use thiserror::Error;

use crate::lifecycle::{self, Definition, Lifecycle, Problem, Spot, State, shown};
use crate::model::{Class, Outcome};

use super::yaml_tree::{self, Fault, Node, Place, Text};

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
    match Lifecycle::new(definition) {
        Ok((lifecycle, warnings)) => {
            let warnings = warnings.iter().map(|problem| places.warning(problem));
            Ok((lifecycle, warnings.collect()))
        }
        Err(problems) => {
            let worst = problems.iter().find(|problem| !problem.is_warning());
            Err(worst.map_or_else(|| places.error(&problems[0]), |p| places.error(p)))
        }
    }
}

/// Writes a definition, always in the same way; [`parse`] reads back the same lifecycle.
pub fn to_yaml(lifecycle: &Lifecycle) -> String {
    let mut yaml = format!(
        "name: {}\ninitial: {}\n",
        word(lifecycle.name()),
        word(lifecycle.initial())
    );
    write_list(&mut yaml, "", "phases", lifecycle.phases());
    yaml.push_str("states:\n");
    for state in lifecycle.states() {
        yaml.push_str(&format!(
            "  {}:\n    class: {}\n",
            word(&state.name),
            state.class
        ));
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
    if TAKEN.contains(&name) {
        format!("'{name}'")
    } else {
        name.to_owned()
    }
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
        let start = good
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        let column = 1 + String::from_utf8_lossy(&good[start..]).chars().count() as u64;
        Fault::at(Place { line, column }, "not UTF-8")
    })
}

/// Where the parts of a definition stand.
struct Places {
    name: Place,
    initial: Place,
    whole: Place,
    states: Vec<StatePlaces>,
    phases: Vec<Place>,
}

/// Where a state stands: its name, its outcome or else its name, its successors.
struct StatePlaces {
    name: Place,
    outcome: Place,
    to: Vec<Place>,
}

impl Places {
    fn of(&self, spot: Spot) -> Place {
        match spot {
            Spot::Name => self.name,
            Spot::Initial => self.initial,
            Spot::States => self.whole,
            Spot::State(idx) => self.states[idx].name,
            Spot::Outcome(idx) => self.states[idx].outcome,
            Spot::Target(idx, target_idx) => self.states[idx].to[target_idx],
            Spot::Phase(idx) => self.phases[idx],
        }
    }

    fn error(&self, problem: &Problem) -> LifecycleError {
        Fault::at(self.of(problem.spot), problem.to_string()).into()
    }

    fn warning(&self, problem: &Problem) -> Warning {
        let LifecycleError {
            line,
            column,
            reason,
        } = self.error(problem);
        Warning {
            line,
            column,
            reason,
        }
    }
}

/// Takes the tree for a definition; whether that is a lifecycle is not judged here.
fn interpret(root: &Node) -> Result<(Definition, Places), Fault> {
    let fields = Fields::of(
        root,
        "a lifecycle",
        &["name", "initial", "states", "phases"],
    )?;
    let (name, initial) = (fields.word("name")?, fields.word("initial")?);
    let (name, initial) = (
        required(&fields, "name", name)?,
        required(&fields, "initial", initial)?,
    );
    let states_node = required(&fields, "states", fields.get("states"))?;
    let phases = fields.words("phases")?;
    let mut definition = Definition {
        name: name.text.clone(),
        initial: initial.text.clone(),
        states: Vec::new(),
        phases: phases.iter().map(|phase| phase.text.clone()).collect(),
    };
    let mut places = Places {
        name: name.place,
        initial: initial.place,
        whole: states_node.place(),
        states: Vec::new(),
        phases: phases.iter().map(|phase| phase.place).collect(),
    };
    for (key, node) in entries(states_node, "'states'")? {
        let (state, state_places) = interpret_state(key, node, &initial.text)?;
        definition.states.push(state);
        places.states.push(state_places);
    }
    Ok((definition, places))
}

fn interpret_state(name: &Text, node: &Node, initial: &str) -> Result<(State, StatePlaces), Fault> {
    let what = format!("state '{}'", shown(&name.text));
    let fields = Fields::of(node, &what, &["class", "outcome", "to", "terminal"])?;
    let outcome = fields.word("outcome")?;
    let to = fields.words("to")?;
    let state = State {
        name: name.text.clone(),
        class: class_of(&fields, &what, name.text == initial, to.is_empty())?,
        outcome: outcome
            .map(|word| one_of("outcome", word, &Outcome::ALL))
            .transpose()?,
        to: to.iter().map(|target| target.text.clone()).collect(),
    };
    let places = StatePlaces {
        name: name.place,
        outcome: outcome.map_or(name.place, |word| word.place),
        to: to.iter().map(|target| target.place).collect(),
    };
    Ok((state, places))
}

/// Returns the class that is written, or else the one that is meant.
fn class_of(
    fields: &Fields<'_>,
    what: &str,
    is_initial: bool,
    goes_nowhere: bool,
) -> Result<Class, Fault> {
    let terminal = fields.word("terminal")?;
    let is_terminal = match terminal.map(|word| (word.is_plain, word.text.as_str(), word.place)) {
        None => None,
        Some((true, "true", _)) => Some(true),
        Some((true, "false", _)) => Some(false),
        Some((_, _, place)) => return Err(Fault::at(place, "'terminal' must be true or false")),
    };
    if let Some(word) = fields.word("class")? {
        let class = one_of("class", word, &Class::ALL)?;
        if is_terminal.is_some_and(|is_terminal| is_terminal != (class == Class::Ended)) {
            let reason = format!("'class' and 'terminal' of {what} contradict each other");
            return Err(Fault::at(word.place, reason));
        }
        return Ok(class);
    }
    Ok(match is_terminal {
        Some(true) => Class::Ended,
        _ if is_initial => Class::Pending,
        None if goes_nowhere => Class::Ended,
        _ => Class::Active,
    })
}

fn one_of<T: Copy + std::fmt::Display>(key: &str, word: &Text, all: &[T]) -> Result<T, Fault> {
    let found = all.iter().find(|known| known.to_string() == word.text);
    found.copied().ok_or_else(|| {
        let known: Vec<String> = all.iter().map(T::to_string).collect();
        let reason = format!(
            "{key} '{}' is not one of {}",
            shown(&word.text),
            known.join(", ")
        );
        Fault::at(word.place, reason)
    })
}

fn required<T>(fields: &Fields<'_>, key: &str, found: Option<T>) -> Result<T, Fault> {
    found.ok_or_else(|| Fault::at(fields.place, format!("'{key}' is missing")))
}

fn entries<'n>(node: &'n Node, what: &str) -> Result<&'n [(Text, Node)], Fault> {
    match node {
        Node::Map(_, entries) => Ok(entries),
        other if other.is_absent() => Ok(&[]),
        other => Err(Fault::at(other.place(), format!("{what} must be a map"))),
    }
}

/// A map of which all keys are known.
struct Fields<'n> {
    place: Place,
    entries: &'n [(Text, Node)],
}

impl<'n> Fields<'n> {
    fn of(node: &'n Node, what: &str, known: &[&str]) -> Result<Fields<'n>, Fault> {
        let entries = entries(node, what)?;
        for (key, _) in entries {
            if !known.contains(&key.text.as_str()) {
                let reason = format!("unknown key '{}'", shown(&key.text));
                return Err(Fault::at(key.place, reason));
            }
        }
        let place = node.place();
        Ok(Fields { place, entries })
    }

    fn get(&self, key: &str) -> Option<&'n Node> {
        let entry = self.entries.iter().find(|(known, _)| known.text == key);
        entry.map(|(_, node)| node)
    }

    fn word(&self, key: &str) -> Result<Option<&'n Text>, Fault> {
        match self.get(key) {
            None => Ok(None),
            Some(Node::Text(text)) if !text.text.is_empty() => Ok(Some(text)),
            Some(node) => Err(Fault::at(node.place(), format!("'{key}' must be a word"))),
        }
    }

    fn words(&self, key: &str) -> Result<Vec<&'n Text>, Fault> {
        let must =
            |node: &Node| Fault::at(node.place(), format!("'{key}' must be a list of words"));
        match self.get(key) {
            None => Ok(Vec::new()),
            Some(Node::List(_, items)) => items
                .iter()
                .map(|item| match item {
                    Node::Text(text) if !text.text.is_empty() => Ok(text),
                    other => Err(must(other)),
                })
                .collect(),
            Some(node) => Err(must(node)),
        }
    }
}
