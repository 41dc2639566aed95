//! Looking for words in all that sessions say: titles, messages, tool calls, names of attached files.

use regex::Regex;

use crate::model::SessionId;
use crate::model::conversation::{Event, Payload};
use crate::ops::conversation::Conversation;
use crate::ops::list::{self, Listed};
use crate::ops::load::{self, Loaded};
use crate::ops::{OpError, told};
use crate::store::{Fault, Store};

/// Where something can be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the title.
    Title,
    /// In what was said: messages, notes, decisions and errors.
    Message,
    /// In a tool's name, in what it was given and in what it gave.
    Tool,
    /// In the name of an attached file.
    Attachment,
}

impl Place {
    /// All of them, in the order in which they are looked at.
    pub const ALL: [Place; 4] = [Place::Title, Place::Attachment, Place::Message, Place::Tool];

    /// Returns the word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Place::Title => "title",
            Place::Message => "message",
            Place::Tool => "tool",
            Place::Attachment => "attachment",
        }
    }
}

/// A line that matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// The session.
    pub session_id: SessionId,
    /// Where in it.
    pub place: Place,
    /// The number of the event of the conversation.
    pub seq: Option<u64>,
    /// The whole line.
    pub line: String,
}

/// What is looked for, and where.
#[derive(Debug, Clone)]
pub struct Question {
    /// What a line must match.
    pub pattern: Regex,
    /// The places; none means all.
    pub places: Vec<Place>,
    /// Whether one line of each session is enough.
    pub first_only: bool,
}

/// Looks through sessions, the newest first, or those that are named, in their order. Each line that matches
/// is given to `take` as it is found. Returns the sessions that cannot be read.
///
/// # Errors
/// [`OpError::Store`], [`OpError::NotFound`] for a session that is named, and those of `take`.
pub fn grep<E: From<OpError>>(
    store: &Store,
    question: &Question,
    named: &[SessionId],
    mut take: impl FnMut(Hit) -> Result<(), E>,
) -> Result<Vec<Fault>, E> {
    let mut faults = Vec::new();
    let mut session_ids = named.to_vec();
    if named.is_empty() {
        let everything = list::Query { all: true, ..list::Query::default() };
        let found = list::list(store, &everything)?;
        // A list knows the titles already.
        if question.places == [Place::Title] {
            question.titles(&found.sessions).try_for_each(take)?;
            return Ok(found.corrupt);
        }
        session_ids.extend(found.sessions.iter().map(|listed| listed.excerpt.id));
        faults = found.corrupt;
    }
    for session_id in session_ids {
        let loaded = match load::load(store, session_id) {
            Ok(loaded) => loaded,
            // Deleted since it was listed.
            Err(OpError::NotFound { .. }) if named.is_empty() => continue,
            Err(OpError::Corrupt { reason, .. } | OpError::Newer { reason, .. }) => {
                faults.push(Fault::new(session_id.to_string(), reason));
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        for hit in question.hits(store, &loaded) {
            take(hit)?;
            if question.first_only {
                break;
            }
        }
    }
    Ok(faults)
}

impl Question {
    fn wants(&self, place: Place) -> bool {
        self.places.is_empty() || self.places.contains(&place)
    }

    /// Returns the titles that match.
    fn titles<'a>(&'a self, sessions: &'a [Listed]) -> impl Iterator<Item = Hit> + 'a {
        let matching = sessions.iter().filter(|it| self.pattern.is_match(&it.excerpt.title));
        matching.map(|Listed { excerpt, .. }| Hit {
            session_id: excerpt.id,
            place: Place::Title,
            seq: None,
            line: excerpt.title.clone(),
        })
    }

    /// Returns the lines of a session that match, as they are asked for.
    fn hits<'a>(&'a self, store: &'a Store, loaded: &'a Loaded) -> impl Iterator<Item = Hit> + 'a {
        let session = &loaded.view.session;
        let title = std::iter::once((Place::Title, None, session.title.clone()));
        let names = session.artifacts.iter().map(|it| (Place::Attachment, None, it.name.clone()));
        let is_said = self.wants(Place::Message) || self.wants(Place::Tool);
        let events = is_said.then(|| Conversation::of(store, loaded)).into_iter().flatten();
        let said = events.flat_map(|event| {
            let (seq, lines) = (event.seq, lines(&event));
            lines.into_iter().map(move |(place, line)| (place, seq, line))
        });
        let all = title.chain(names).chain(said);
        let all = all.filter(|(place, _, line)| self.wants(*place) && self.pattern.is_match(line));
        all.map(|(place, seq, line)| Hit { session_id: session.id, place, seq, line })
    }
}

/// Returns the lines of an event that can be found, and where they belong.
fn lines(event: &Event) -> Vec<(Place, String)> {
    let (what, text) = told::told(event);
    let place = match &event.payload {
        Payload::Message(_) | Payload::Note(_) | Payload::Decision(_) | Payload::Error(_) => {
            Place::Message
        }
        Payload::ToolCall(_) => return vec![(Place::Tool, format!("{what} {text}"))],
        Payload::ToolResult(_) => Place::Tool,
        _ => return Vec::new(),
    };
    text.lines().map(|line| (place, line.to_owned())).collect()
}
