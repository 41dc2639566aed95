use serde::Serialize;

use super::conversation::{TokensObject, tokens};
use super::why::DecisionObject;
use crate::model::Value;
use crate::ops::summary::{Commit, Part, Summary};

/// What a session comes to.
#[derive(Debug, Clone, Serialize)]
struct PartObject {
    id: String,
    handle: String,
    title: String,
    status: String,
    outcome: Option<String>,
    reason: Option<String>,
    agent: Option<String>,
    model: Option<String>,
    requests: Vec<String>,
    decisions: Vec<DecisionObject>,
    checks: Vec<CheckRunObject>,
    tokens: TokensObject,
    commits: Vec<SumCommitObject>,
}

/// A check that was run.
#[derive(Debug, Clone, Serialize)]
struct CheckRunObject {
    command: String,
    ok: Option<bool>,
}

/// A commit of a summary.
#[derive(Debug, Clone, Serialize)]
struct SumCommitObject {
    commit: String,
    subject: Option<String>,
    confidence: String,
}

/// Returns a summary as one document: `{"sessions": [...], "others": [...], "corrupt": [...]}`.
pub fn summary(summary: &Summary) -> Value {
    let corrupt = summary.faults.iter();
    let corrupt: Vec<Value> =
        corrupt.map(|it| serde_json::json!({ "id": it.name, "reason": it.reason })).collect();
    serde_json::json!({
        "sessions": summary.parts.iter().map(part).collect::<Vec<_>>(),
        "others": summary.others.iter().map(commit).collect::<Vec<_>>(),
        "corrupt": corrupt,
    })
}

fn part(part: &Part) -> PartObject {
    let session = &part.session;
    let decisions = part.decisions.iter().map(|it| DecisionObject {
        text: it.text.clone(),
        rationale: it.rationale.clone(),
        at: None,
    });
    let checks = part.checks.iter();
    PartObject {
        id: session.id.to_string(),
        handle: session.id.handle().to_string(),
        title: session.title.clone(),
        status: session.status.clone(),
        outcome: session.outcome.map(|it| it.to_string()),
        reason: session.reason.clone(),
        agent: session.agent.clone(),
        model: session.model.clone(),
        requests: part.requests.clone(),
        decisions: decisions.collect(),
        checks: checks
            .map(|it| CheckRunObject { command: it.input.clone(), ok: it.is_ok })
            .collect(),
        tokens: tokens(&session.tokens),
        commits: part.commits.iter().map(commit).collect(),
    }
}

fn commit(commit: &Commit) -> SumCommitObject {
    SumCommitObject {
        commit: commit.commit_oid.to_string(),
        subject: commit.subject.clone(),
        confidence: commit.confidence.as_str().to_owned(),
    }
}
