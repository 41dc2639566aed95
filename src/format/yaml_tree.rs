//! YAML as it is written: texts, lists and maps, each with its place.
//!
//! The events of the parser are read here, not values of a schema, so that nothing is a boolean, a
//! number or null unless the reader of the tree says so, and every error has a place. What a
//! definition does not need is refused: anchors, aliases, tags, directives, a second document, a
//! map as a key, more than [`MAX_DEPTH`] levels. An alias being impossible, a tree is never larger
//! than its text.

use std::collections::HashSet;

use serde_yaml::granit_parser::{self, Event, Parser, ScalarStyle, Span, options};

use crate::lifecycle::shown;

/// How deep lists and maps may be nested: a definition needs 4, the rest is there to be refused in
/// better words.
const MAX_DEPTH: usize = 6;

/// Where something stands in a text; both count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub line: u64,
    pub column: u64,
}

/// Why a text is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub place: Option<Place>,
    pub reason: String,
}

impl Fault {
    pub fn at(place: Place, reason: impl Into<String>) -> Fault {
        Fault { place: Some(place), reason: reason.into() }
    }
}

/// A text, where it stands, and whether it stands there without quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text {
    pub place: Place,
    pub text: String,
    pub is_plain: bool,
}

/// A part of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    Text(Text),
    List(Place, Vec<Node>),
    Map(Place, Vec<(Text, Node)>),
}

impl Node {
    /// Returns the text if there is one.
    pub fn word(&self) -> Option<&Text> {
        match self {
            Node::Text(text) if !self.is_absent() && !text.text.is_empty() => Some(text),
            _ => None,
        }
    }

    pub fn place(&self) -> Place {
        match self {
            Node::Text(text) => text.place,
            Node::List(place, _) | Node::Map(place, _) => *place,
        }
    }

    /// Tells whether nothing is written where the node should be, for which the parser gives `~`.
    pub fn is_absent(&self) -> bool {
        matches!(self, Node::Text(text) if text.is_plain && matches!(&*text.text, "" | "~"))
    }
}

/// Reads the one document of `text`.
pub(super) fn read(text: &str) -> Result<Node, Fault> {
    let options = options! {
        emit_comments: false,
        disallow_directives: true,
        flow_nesting_limit: MAX_DEPTH + 1,
        block_nesting_limit: MAX_DEPTH + 1,
    };
    let mut reader = Reader { parser: Parser::new_from_str_with_options(text, options) };
    let mut root = None;
    loop {
        let (event, place) = reader.next()?;
        match event {
            Event::StreamEnd => break,
            Event::StreamStart | Event::DocumentEnd => {}
            Event::DocumentStart(..) if root.is_none() => {}
            Event::DocumentStart(..) => return Err(Fault::at(place, "more than one document")),
            event => root = Some(reader.node(event, place, 0)?),
        }
    }
    root.filter(|root| !root.is_absent()).ok_or_else(nothing)
}

fn nothing() -> Fault {
    Fault::at(Place { line: 1, column: 1 }, "nothing is defined")
}

struct Reader<'t> {
    parser: Parser<'t, granit_parser::StrInput<'t>>,
}

impl<'t> Reader<'t> {
    fn next(&mut self) -> Result<(Event<'t>, Place), Fault> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((event, place_of(&span))),
            Some(Err(error)) => {
                let place = place_of(&Span::empty(*error.marker()));
                Err(Fault::at(place, shown_reason(&error.info())))
            }
            None => Ok((Event::StreamEnd, Place { line: 1, column: 1 })),
        }
    }

    fn node(&mut self, event: Event<'t>, place: Place, depth: usize) -> Result<Node, Fault> {
        if depth > MAX_DEPTH {
            return Err(Fault::at(place, "nested too deep"));
        }
        if event.anchor_id().is_some() || event.is_alias() {
            return Err(Fault::at(place, "anchors and aliases are not allowed"));
        }
        if let Some(tag) = event.tag() {
            let reason = format!("tag '{}' is not allowed", shown(&tag.original()));
            return Err(Fault::at(place, reason));
        }
        match event {
            Event::Scalar(text, style, ..) => Ok(Node::Text(Text {
                place,
                text: text.into_owned(),
                is_plain: style == ScalarStyle::Plain,
            })),
            Event::SequenceStart(..) => self.list(place, depth),
            Event::MappingStart(..) => self.map(place, depth),
            _ => Err(nothing()),
        }
    }

    fn list(&mut self, place: Place, depth: usize) -> Result<Node, Fault> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Node::List(place, items)),
                (event, at) => items.push(self.node(event, at, depth + 1)?),
            }
        }
    }

    fn map(&mut self, place: Place, depth: usize) -> Result<Node, Fault> {
        let mut entries = Vec::new();
        let mut seen = HashSet::new();
        loop {
            let (event, at) = self.next()?;
            if event == Event::MappingEnd {
                return Ok(Node::Map(place, entries));
            }
            let Node::Text(key) = self.node(event, at, depth + 1)? else {
                return Err(Fault::at(at, "a key must be a word"));
            };
            if !seen.insert(key.text.clone()) {
                let reason = format!("duplicate key '{}'", shown(&key.text));
                return Err(Fault::at(key.place, reason));
            }
            let (event, at) = self.next()?;
            entries.push((key, self.node(event, at, depth + 1)?));
        }
    }
}

fn place_of(span: &Span) -> Place {
    Place { line: span.start.line() as u64, column: span.start.col() as u64 + 1 }
}

/// Returns the parser's words without what a terminal obeys, should they quote the text.
fn shown_reason(info: &str) -> String {
    let safe = |c: char| if c.is_control() { '?' } else { c };
    info.chars().take(200).map(safe).collect()
}
