use super::super::{Map, Value};

/// One piece of a message or of a tool's result.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// What is said.
    Text(String),
    /// What the model thought, as far as it shows it.
    Thinking(String),
    /// A picture; its bytes are in the transcript, not in the event.
    Image(Image),
    /// A file that was handed over, by path or address.
    File(String),
    /// Data.
    Json(Value),
    /// A piece of a type that this version does not know, kept as it is.
    Other(Map),
}

/// What is told of a picture.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Image {
    /// Its media type, such as `image/png`.
    pub media: Option<String>,
    /// The SHA-256 of its bytes, in hex.
    pub sha: Option<String>,
    /// Where it is, unless it is in the transcript.
    pub url: Option<String>,
}

impl Content {
    /// Returns the text, for a piece that is said.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Content::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns what `pieces` say, one after the other, with a line break between two.
    pub fn text_of(pieces: &[Content]) -> String {
        let said: Vec<&str> = pieces.iter().filter_map(Content::as_text).collect();
        said.join("\n")
    }
}
