//! Which lines a session wrote: those that its commits add.

use std::collections::HashSet;

use crate::format::agent_trace::{self, Traced};
use crate::model::conversation::{Event, LinkKind, Payload};
use crate::model::{Map, Oid, Timestamp};
use crate::ops::load::Loaded;
use crate::ops::{OpError, ingest, links};
use crate::store::{Store, StoreError};

/// The records of a session.
#[derive(Debug, Clone, Default)]
pub struct Traces {
    /// One for each commit that adds lines, in the order of the session's commits.
    pub records: Vec<Map>,
    /// The commits that are not in this clone.
    pub missing: Vec<String>,
}

/// Returns the records of a session whose conversation is `events`. A record's id follows from the session and the
/// commit.
///
/// # Errors
/// [`OpError::Store`].
pub fn traces(store: &Store, loaded: &Loaded, events: &[Event]) -> Result<Traces, OpError> {
    let session = &loaded.view.session;
    let models = models(events);
    let mut traces = Traces::default();
    for commit in commits(store, loaded, events)? {
        let info = match store.commit(commit) {
            Ok(info) => info,
            Err(StoreError::Missing { .. }) => {
                traces.missing.push(commit.to_string());
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let files = store.added_lines(commit)?;
        if files.is_empty() {
            continue;
        }
        let (revision, at) = (commit.to_string(), info.committed_at);
        let name = format!("{} {revision}", session.id);
        let id = ingest::session_id(store, "agent-trace", &name)?.to_string();
        // The time of a commit is in whole seconds.
        let before = models.iter().rev().find(|(said_at, _)| said_at.seconds_since(at) <= 0);
        let model = before.map(|(_, model)| *model).or(session.model.as_deref());
        let traced = Traced { session, id: &id, revision: &revision, at, model };
        let files = files.iter().map(|it| (it.path.as_str(), it.ranges.as_slice()));
        traces.records.push(agent_trace::write(traced, files));
    }
    Ok(traces)
}

/// Returns the commits of the session, and then those that the conversation links, each once; not those that a
/// newer one stands for.
fn commits(store: &Store, loaded: &Loaded, events: &[Event]) -> Result<Vec<Oid>, OpError> {
    let made = links::commits_of(store, &loaded.snapshot, &loaded.view.session)?;
    let (newest, replaced): (Vec<_>, Vec<_>) =
        made.into_iter().partition(|it| it.replaced_by.is_none());
    let mut seen: HashSet<Oid> = replaced.into_iter().map(|it| it.link.commit_oid).collect();
    let live = Event::live(events).into_iter();
    let said = live.filter_map(|event| match &event.payload {
        Payload::Link(link) if link.to == LinkKind::Commit => Oid::from_hex(&link.target),
        _ => None,
    });
    let all = newest.into_iter().map(|it| it.link.commit_oid).chain(said);
    Ok(all.filter(|commit| seen.insert(*commit)).collect())
}

/// Returns which model was in use since when.
fn models(events: &[Event]) -> Vec<(Timestamp, &str)> {
    let main = events.iter().filter(|it| it.thread.is_none());
    main.filter_map(|event| Some((event.at?, model_of(event)?))).collect()
}

fn model_of(event: &Event) -> Option<&str> {
    match &event.payload {
        Payload::SessionStart(it) => it.model.as_deref(),
        Payload::Message(it) => it.model.as_deref(),
        Payload::Usage(it) => it.model.as_deref(),
        Payload::Meta(it) => it.model.as_deref(),
        _ => None,
    }
}
