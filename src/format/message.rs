//! The message of an event's commit: a subject people read, the reason, and trailers that lists and
//! plain git read. See `FORMAT.md`, "The message".

use crate::model::{Class, Outcome, Session, SessionId, Timestamp};

/// What a list shows of a session, as the trailers of its newest commit say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    /// `Session-Id`
    pub id: SessionId,
    /// `Session-Seq`
    pub seq: u64,
    /// `Session-Name`
    pub name: Option<String>,
    /// `Session-Title`
    pub title: String,
    /// `Session-Lifecycle`
    pub lifecycle: String,
    /// `Session-Status`
    pub status: String,
    /// `Session-Class`
    pub class: Class,
    /// `Session-Outcome`
    pub outcome: Option<Outcome>,
    /// `Session-Branch`: the work branch, else the one at the beginning.
    pub branch: Option<String>,
    /// `Session-Created`
    pub created_at: Timestamp,
    /// `Session-Updated`
    pub updated_at: Timestamp,
}

/// An excerpt without its title, borrowed: what most questions compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Brief<'a> {
    /// As [`Excerpt::id`].
    pub id: SessionId,
    /// As [`Excerpt::seq`].
    pub seq: u64,
    /// As [`Excerpt::name`].
    pub name: Option<&'a str>,
    /// As [`Excerpt::lifecycle`].
    pub lifecycle: &'a str,
    /// As [`Excerpt::status`].
    pub status: &'a str,
    /// As [`Excerpt::class`].
    pub class: Class,
    /// As [`Excerpt::outcome`].
    pub outcome: Option<Outcome>,
    /// As [`Excerpt::branch`].
    pub branch: Option<&'a str>,
    /// As [`Excerpt::created_at`].
    pub created_at: Timestamp,
    /// As [`Excerpt::updated_at`].
    pub updated_at: Timestamp,
}

impl Brief<'_> {
    /// Returns the excerpt with this title.
    pub fn with_title(&self, title: &str) -> Excerpt {
        Excerpt {
            id: self.id,
            seq: self.seq,
            name: self.name.map(str::to_owned),
            title: title.to_owned(),
            lifecycle: self.lifecycle.to_owned(),
            status: self.status.to_owned(),
            class: self.class,
            outcome: self.outcome,
            branch: self.branch.map(str::to_owned),
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }
}

impl Excerpt {
    /// Returns it without its title.
    pub fn brief(&self) -> Brief<'_> {
        Brief {
            id: self.id,
            seq: self.seq,
            name: self.name.as_deref(),
            lifecycle: &self.lifecycle,
            status: &self.status,
            class: self.class,
            outcome: self.outcome,
            branch: self.branch.as_deref(),
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }

    /// Returns what a list shows of `session`, whose state is of class `class`.
    pub fn of(session: &Session, class: Class) -> Excerpt {
        Excerpt {
            id: session.id,
            seq: session.seq,
            name: session.name.clone(),
            title: session.title.clone(),
            lifecycle: session.lifecycle.clone(),
            status: session.status.clone(),
            class,
            outcome: session.outcome,
            branch: session.branch.clone().or_else(|| session.git.branch.clone()),
            created_at: session.created_at,
            updated_at: session.updated_at,
        }
    }

    /// Reads the trailers of the message of a commit of this session, as [`Excerpt::from_message`] does.
    pub fn of_message(message: &str, session_id: SessionId) -> Option<Excerpt> {
        Excerpt::from_message(message).filter(|excerpt| excerpt.id == session_id)
    }

    /// Reads the trailers of a commit's message, which are its last paragraph; `None` unless all that
    /// must be there is there and valid.
    pub fn from_message(message: &str) -> Option<Excerpt> {
        let message = message.trim_ascii_end();
        let trailers = &message[message.rfind("\n\n")?..];
        let mut found = Found::default();
        for line in trailers.lines() {
            if let Some((key, value)) = line.strip_prefix("Session-").and_then(key_and_value) {
                found.take(key, value);
            }
        }
        found.into_excerpt()
    }
}

fn key_and_value(trailer: &str) -> Option<(&str, &str)> {
    trailer.split_once(':').map(|(key, value)| (key.trim_ascii_end(), value.trim_ascii()))
}

/// The values of the trailers, as far as they were met; of a repeated one the last.
#[derive(Default)]
struct Found<'a> {
    id: Option<&'a str>,
    seq: Option<&'a str>,
    name: Option<&'a str>,
    title: Option<&'a str>,
    lifecycle: Option<&'a str>,
    status: Option<&'a str>,
    class: Option<&'a str>,
    outcome: Option<&'a str>,
    branch: Option<&'a str>,
    created: Option<&'a str>,
    updated: Option<&'a str>,
}

impl<'a> Found<'a> {
    fn take(&mut self, key: &str, value: &'a str) {
        let slot = match key {
            "Id" => &mut self.id,
            "Seq" => &mut self.seq,
            "Name" => &mut self.name,
            "Title" => &mut self.title,
            "Lifecycle" => &mut self.lifecycle,
            "Status" => &mut self.status,
            "Class" => &mut self.class,
            "Outcome" => &mut self.outcome,
            "Branch" => &mut self.branch,
            "Created" => &mut self.created,
            "Updated" => &mut self.updated,
            _ => return,
        };
        *slot = Some(value);
    }

    fn into_excerpt(self) -> Option<Excerpt> {
        let owned = |value: Option<&str>| value.map(str::to_owned);
        Some(Excerpt {
            id: SessionId::parse(self.id?)?,
            seq: self.seq?.parse().ok()?,
            name: owned(self.name),
            title: owned(self.title).unwrap_or_default(),
            lifecycle: owned(self.lifecycle)?,
            status: owned(self.status)?,
            class: self.class?.parse().ok()?,
            outcome: self.outcome.map(str::parse).transpose().ok()?,
            branch: owned(self.branch),
            created_at: Timestamp::parse(self.created?)?,
            updated_at: Timestamp::parse(self.updated?)?,
        })
    }
}

/// What happened, as the message says it beside the state after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Headline<'a> {
    /// The first line.
    pub subject: &'a str,
    /// The reason, of any number of lines; may be empty.
    pub body: &'a str,
    /// `Session-Event`: the kind of the event.
    pub event: &'a str,
    /// `Session-Op`: the UUID of the write, so that repeating one of unknown outcome finds it done.
    pub op: &'a str,
    /// More trailers, each once, such as `Session-Forced: yes`.
    pub more: &'a [(&'a str, &'a str)],
}

/// Writes the message of an event's commit.
///
/// Only the last paragraph is trailers, so no text of a body can become one.
pub fn write(headline: &Headline<'_>, excerpt: &Excerpt) -> String {
    let mut message = format!("{}\n\n", headline.subject);
    let body = headline.body.trim();
    if !body.is_empty() {
        message.push_str(body);
        message.push_str("\n\n");
    }
    let mut trailer = |key: &str, value: &str| {
        if !value.is_empty() {
            message.push_str(&format!("Session-{key}: {value}\n"));
        }
    };
    trailer("Id", &excerpt.id.to_string());
    trailer("Event", headline.event);
    trailer("Seq", &excerpt.seq.to_string());
    trailer("Status", &excerpt.status);
    trailer("Class", excerpt.class.as_str());
    trailer("Outcome", excerpt.outcome.map(Outcome::as_str).unwrap_or_default());
    trailer("Lifecycle", &excerpt.lifecycle);
    trailer("Name", excerpt.name.as_deref().unwrap_or_default());
    trailer("Title", excerpt.title.trim());
    trailer("Branch", excerpt.branch.as_deref().unwrap_or_default());
    trailer("Created", &excerpt.created_at.to_string());
    trailer("Updated", &excerpt.updated_at.to_string());
    trailer("Op", headline.op);
    for (key, value) in headline.more {
        trailer(key.trim_start_matches("Session-"), value);
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excerpt() -> Excerpt {
        let at = Timestamp::parse("2026-01-07T13:02:57.119275Z").expect("valid");
        Excerpt {
            id: SessionId::parse("0199f0c2-1c4d-7abc-8def-0123456789af").expect("valid"),
            seq: 3,
            name: Some("fix-auth".into()),
            title: "Fix: the login".into(),
            lifecycle: "feature".into(),
            status: "planning".into(),
            class: Class::Active,
            outcome: None,
            branch: Some("feat/auth".into()),
            created_at: at,
            updated_at: at,
        }
    }

    #[test]
    fn what_a_message_says_is_read_back() {
        let headline =
            Headline { subject: "a -> b", body: "", event: "transition", op: "x", more: &[] };
        assert_eq!(Excerpt::from_message(&write(&headline, &excerpt())), Some(excerpt()));
    }

    #[test]
    fn a_body_cannot_forge_a_trailer() {
        let body = "because\n\nSession-Status: completed\nSession-Seq: 99";
        let headline =
            Headline { subject: "a -> b", body, event: "transition", op: "x", more: &[] };
        assert_eq!(Excerpt::from_message(&write(&headline, &excerpt())), Some(excerpt()));
    }

    #[test]
    fn a_message_without_its_trailers_gives_no_excerpt() {
        for message in
            ["a -> b", "a -> b\n\nSession-Status: planning\n", "Session-Status: planning"]
        {
            assert_eq!(Excerpt::from_message(message), None);
        }
    }
}
