//! From the tree of a document to a definition, and where its parts stand.

use crate::format::yaml_tree::{Fault, Node, Place, Text};
use crate::lifecycle::{Definition, Spot, State, shown};
use crate::model::{Class, Outcome};

/// Where the parts of a definition stand.
pub(super) struct Places {
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
    pub fn of(&self, spot: Spot) -> Place {
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
}

/// Takes the tree for a definition; whether that is a lifecycle is not judged here.
pub(super) fn interpret(root: &Node) -> Result<(Definition, Places), Fault> {
    let fields = Fields::of(root, "a lifecycle", &["name", "initial", "states", "phases"])?;
    let (name, initial) = (fields.word("name")?, fields.word("initial")?);
    let (name, initial) =
        (required(&fields, "name", name)?, required(&fields, "initial", initial)?);
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
        outcome: outcome.map(|word| one_of("outcome", word, &Outcome::ALL)).transpose()?,
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
        let reason = format!("{key} '{}' is not one of {}", shown(&word.text), known.join(", "));
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
        let must = |node: &Node| Fault::at(node.place(), format!("'{key}' must be a word"));
        let node = self.get(key);
        node.map(|node| node.word().ok_or_else(|| must(node))).transpose()
    }

    fn words(&self, key: &str) -> Result<Vec<&'n Text>, Fault> {
        let must =
            |node: &Node| Fault::at(node.place(), format!("'{key}' must be a list of words"));
        match self.get(key) {
            None => Ok(Vec::new()),
            Some(Node::List(_, items)) => {
                items.iter().map(|item| item.word().ok_or_else(|| must(item))).collect()
            }
            Some(node) => Err(must(node)),
        }
    }
}
