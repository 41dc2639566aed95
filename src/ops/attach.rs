//! Files kept with a session: a PRD, a report, any artifact.

use crate::model::{Artifact, Map, SessionId, Value, text};
use crate::ops::change::{self, Changed, Draft, Verdict};
use crate::ops::{Context, OpError};
use crate::store::Store;

/// The largest file that is kept, in bytes: forges refuse more than 100 MB.
pub const MAX_BYTES: u64 = 50 * 1024 * 1024;
/// The most files of one session.
const MAX_FILES: usize = 1000;

/// A file to be kept.
#[derive(Debug, Clone)]
pub struct NewArtifact {
    /// Its name in the session.
    pub name: String,
    /// What it is to the session.
    pub role: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// Where it came from, as the caller wrote it.
    pub path: Option<String>,
    /// Its contents.
    pub bytes: Vec<u8>,
}

/// Keeps a file with a session; one of the same name is replaced.
///
/// # Errors
/// [`OpError::InvalidValue`] for a name that is no plain file name or a file that is too large, and
/// what [`change::change`] fails for.
pub fn attach(
    store: &Store,
    context: &Context,
    session_id: SessionId,
    new: &NewArtifact,
) -> Result<Changed, OpError> {
    change::change(store, context, session_id, |view| {
        let subject = match &new.role {
            Some(role) => format!("attach {} ({role})", new.name),
            None => format!("attach {}", new.name),
        };
        let mut draft = Draft::new("attach", subject, view.session.clone());
        let (role, version) = (new.role.as_deref(), new.version.as_deref());
        put(context, &mut draft, &new.name, role, version, new.bytes.clone())?;
        if role == Some("prd") {
            draft.session.links.insert("prd".into(), prd(new));
        }
        Ok(Verdict::Happens(vec![draft]))
    })
}

/// Takes a file out of a session; its history keeps it.
///
/// # Errors
/// [`OpError::InvalidValue`] when the session has no such file, and what [`change::change`] fails
/// for.
pub fn detach(
    store: &Store,
    context: &Context,
    session_id: SessionId,
    name: &str,
) -> Result<Changed, OpError> {
    change::change(store, context, session_id, |view| {
        let mut session = view.session.clone();
        session.artifacts.retain(|artifact| artifact.name != name);
        if session.artifacts.len() == view.session.artifacts.len() {
            return Err(no_such_file(name, &view.session.artifacts));
        }
        let is_prd = |link: &Value| link.get("filename").and_then(Value::as_str) == Some(name);
        if session.links.get("prd").is_some_and(is_prd) {
            session.links.shift_remove("prd");
        }
        let mut draft = Draft::new("detach", format!("detach {name}"), session);
        draft.artifacts.push((name.to_owned(), None));
        Ok(Verdict::Happens(vec![draft]))
    })
}

/// Adds a file to a draft and to its session's list.
pub(super) fn put(
    context: &Context,
    draft: &mut Draft,
    name: &str,
    role: Option<&str>,
    version: Option<&str>,
    bytes: Vec<u8>,
) -> Result<(), OpError> {
    let artifacts = &mut draft.session.artifacts;
    if !text::is_artifact_name(name) {
        return Err(OpError::invalid("file", format!("'{name}' is no plain file name")));
    }
    if bytes.len() as u64 > MAX_BYTES {
        let reason = format!("'{name}' has {} bytes (at most {MAX_BYTES})", bytes.len());
        return Err(OpError::invalid("file", reason));
    }
    context.redaction.refuse("file", name)?;
    let bytes = context.redaction.bytes(bytes)?;
    let collides =
        |other: &&Artifact| other.name != name && other.name.to_lowercase() == name.to_lowercase();
    if let Some(other) = artifacts.iter().find(collides) {
        let reason = format!("'{name}' differs from '{}' only in case", other.name);
        return Err(OpError::invalid("file", reason));
    }
    artifacts.retain(|artifact| artifact.name != name);
    if artifacts.len() >= MAX_FILES {
        return Err(OpError::invalid("file", format!("a session keeps at most {MAX_FILES} files")));
    }
    artifacts.push(Artifact {
        name: name.to_owned(),
        role: role.map(str::to_owned),
        version: version.map(str::to_owned),
        n_bytes: bytes.len() as u64,
        attached_at: context.now,
        extra: Map::new(),
    });
    draft.artifacts.push((name.to_owned(), Some(bytes)));
    Ok(())
}

/// Returns the link to a PRD. Source: Maestro's PRD reference.
fn prd(new: &NewArtifact) -> Value {
    let mut link = Map::new();
    link.insert("filename".into(), new.name.as_str().into());
    link.insert("path".into(), new.path.as_deref().unwrap_or(&new.name).into());
    if let Some(version) = &new.version {
        link.insert("version".into(), version.as_str().into());
    }
    Value::Object(link)
}

fn no_such_file(name: &str, artifacts: &[Artifact]) -> OpError {
    OpError::InvalidValue {
        field: "file".into(),
        reason: format!("the session has no file '{name}'"),
        allowed: artifacts.iter().map(|artifact| artifact.name.clone()).collect(),
    }
}
