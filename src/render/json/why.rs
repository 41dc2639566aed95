use schemars::JsonSchema;
use serde::Serialize;

use crate::model::Timestamp;
use crate::model::conversation::Content;
use crate::ops::claims::Standing;
use crate::ops::why::{Answer, Group, Told};

/// What is told of a commit, or of the lines that came from it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct WhyObject {
    /// found, no_session, not_fetched, no_transcript, lookup_failed or not_committed.
    pub answer: String,
    /// Why it could not be found out.
    pub reason: Option<String>,
    /// The full id of the commit; null if the lines are not committed.
    pub commit: Option<String>,
    /// The first line of its message.
    pub subject: Option<String>,
    /// Who wrote it.
    pub author: Option<String>,
    /// When it was written.
    pub authored_at: Option<String>,
    /// The lines, as [first, last], from 1; null for a whole commit.
    pub lines: Option<Vec<[u64; 2]>>,
    /// The sessions, the surest first.
    pub sessions: Vec<ToldObject>,
}

/// A session that a commit was made in, or is said to be.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ToldObject {
    /// Its id.
    pub id: String,
    /// Its handle.
    pub handle: String,
    /// What speaks for it: record, part, patch, tree, squash, trailer or note.
    pub evidence: String,
    /// certain, likely or claimed.
    pub confidence: String,
    /// here, missing or damaged.
    pub standing: String,
    /// What is damaged.
    pub reason: Option<String>,
    /// Its title.
    pub title: Option<String>,
    /// Its state when the commit was made.
    pub status_then: Option<String>,
    /// Its state now.
    pub status: Option<String>,
    /// How it ended.
    pub outcome: Option<String>,
    /// The agent program.
    pub agent: Option<String>,
    /// The language model.
    pub model: Option<String>,
    /// The commit that the session recorded, which may have been rewritten to this one.
    pub recorded_commit: Option<String>,
    /// What was asked for in the words of a person; null if nothing was said.
    pub request: Option<SaidObject>,
    /// What was done for it.
    pub calls: Vec<CallObject>,
    /// What was decided.
    pub decisions: Vec<DecisionObject>,
    /// What was said, with --messages.
    pub messages: Vec<MessageObject>,
}

/// What somebody said.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct SaidObject {
    /// The words.
    pub text: String,
    /// When.
    pub at: Option<String>,
}

/// A tool that was called.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CallObject {
    /// The tool.
    pub name: String,
    /// The most telling of what it was given, shortened.
    pub input: String,
    /// Whether it worked; null where nobody says.
    pub ok: Option<bool>,
}

/// Something that was decided.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct DecisionObject {
    /// What.
    pub text: String,
    /// Why.
    pub rationale: Option<String>,
    /// When.
    pub at: Option<String>,
}

/// A message.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct MessageObject {
    /// Who speaks.
    pub role: String,
    /// The words.
    pub text: String,
    /// When.
    pub at: Option<String>,
}

/// Returns what is told of a commit as an object.
pub fn why(group: &Group) -> WhyObject {
    let commit = group.commit.as_ref();
    let lines = group.lines.iter().map(|(first, last)| [*first, *last]).collect::<Vec<_>>();
    WhyObject {
        answer: group.answer.as_str().to_owned(),
        reason: match &group.answer {
            Answer::Failed(reason) => Some(reason.clone()),
            _ => None,
        },
        commit: commit.map(|it| it.oid.to_string()),
        subject: commit.map(|it| it.subject().to_owned()),
        author: commit.map(|it| it.author.to_string()),
        authored_at: commit.map(|it| it.authored_at.to_string()),
        lines: (!lines.is_empty()).then_some(lines),
        sessions: group.sessions.iter().map(told).collect(),
    }
}

fn told(told: &Told) -> ToldObject {
    let (claim, moment, session) = (&told.claim, &told.moment, told.session.as_deref());
    let (standing, reason) = match (&claim.standing, session) {
        (Standing::Damaged(reason), _) => ("damaged", Some(reason.clone())),
        (Standing::Missing, _) => ("missing", None),
        (Standing::Here, _) => ("here", None),
    };
    let at = |at: Option<Timestamp>| at.map(|at| at.to_string());
    let decisions = moment.decisions.iter().map(|it| DecisionObject {
        text: it.what.text.clone(),
        rationale: it.what.rationale.clone(),
        at: at(it.at),
    });
    let messages = moment.messages.iter().map(|it| MessageObject {
        role: it.what.role.to_string(),
        text: Content::text_of(&it.what.content),
        at: at(it.at),
    });
    let calls = moment.calls.iter();
    let link = claim.link.as_ref();
    ToldObject {
        id: claim.session_id.to_string(),
        handle: claim.session_id.handle().to_string(),
        evidence: claim.evidence.as_str().to_owned(),
        confidence: claim.confidence.as_str().to_owned(),
        standing: standing.to_owned(),
        reason,
        title: session.map(|it| it.title.clone()),
        status_then: link.and_then(|link| link.status.clone()),
        status: session.map(|it| it.status.clone()),
        outcome: session.and_then(|it| it.outcome).map(|it| it.to_string()),
        agent: session.and_then(|it| it.agent.clone()),
        model: session.and_then(|it| it.model.clone()),
        recorded_commit: link.map(|link| link.commit_oid.to_string()),
        request: moment
            .request
            .as_ref()
            .map(|it| SaidObject { text: it.what.clone(), at: at(it.at) }),
        calls: calls
            .map(|it| CallObject { name: it.name.clone(), input: it.input.clone(), ok: it.is_ok })
            .collect(),
        decisions: decisions.collect(),
        messages: messages.collect(),
    }
}
