//! Taking what is new in the transcript of an agent that calls: a part at a time, so that what is taken
//! stays when the call must end.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::agents::hooks::{Call, Moment};
use crate::model::conversation::SourceFile;
use crate::model::{Session, Tokens};
use crate::ops::agent_hook::Heard;
use crate::ops::lineage::Kept;
use crate::ops::sources::Sources;
use crate::ops::{Context, OpError, ingest, load};
use crate::store::Store;

/// How much is taken at a time, in bytes, unless a line is longer.
const STEP: u64 = 2 << 20;

/// Takes what is new in the agent's transcript, if it has one that can be read.
///
/// # Errors
/// As [`ingest::ingest`]; what was taken until then is kept.
pub(super) fn take(
    store: &Store,
    context: &Context,
    heard: &Heard<'_>,
    session: &Session,
) -> Result<(), OpError> {
    let call = heard.call;
    let known = || Some(heard.home.as_ref()?.join(call.known_place()?));
    let path = call.transcript.as_ref().map(PathBuf::from).or_else(known);
    let Some(path) = path.filter(|it| call.has_transcript() && it.is_absolute()) else {
        return Ok(());
    };
    // What is no file could be waited for without end.
    if !path.metadata().is_ok_and(|it| it.is_file()) {
        return Ok(());
    }
    take_file(store, context, heard, session, &path)?;
    if matches!(call.moment, Moment::Idle | Moment::End) {
        let known = offsets(store, session)?;
        for path in parts(&path) {
            // Of very many, those that are as they were must cost next to nothing.
            let offset = known.get(&shown(&path, heard.home.as_deref()));
            let is_known = offset.is_some_and(|n| path.metadata().is_ok_and(|it| it.len() == *n));
            if !is_known {
                take_file(store, context, heard, session, &path)?;
            }
        }
    }
    Ok(())
}

/// Returns how far each file of a session is taken.
fn offsets(store: &Store, session: &Session) -> Result<HashMap<String, u64>, OpError> {
    let Some(tip_oid) = store.tip(session.id)? else { return Ok(HashMap::new()) };
    let name = session.id.to_string();
    let sources = Sources::of(store, &name, &session.conversation, tip_oid).all()?;
    Ok(sources.into_iter().filter_map(|it| Some((it.path?, it.offset))).collect())
}

/// Returns the transcripts of the sub-agents of a session. Source: where Claude Code puts them.
fn parts(path: &Path) -> Vec<PathBuf> {
    let entries = path.with_extension("").join("subagents").read_dir();
    let paths = entries.into_iter().flatten().flatten().map(|entry| entry.path());
    let is_one =
        |path: &PathBuf| path.extension().is_some_and(|it| it == "jsonl") && path.is_file();
    let mut all: Vec<PathBuf> = paths.filter(is_one).collect();
    all.sort();
    all
}

fn take_file(
    store: &Store,
    context: &Context,
    heard: &Heard<'_>,
    session: &Session,
    path: &Path,
) -> Result<(), OpError> {
    let call = heard.call;
    let Ok(file) = File::open(path) else { return Ok(()) };
    let kept = Kept::before(session.created_at);
    let foreign = ingest::Foreign {
        kind: call.agent,
        native_id: Some(call.session_id.clone()),
        path: shown(path, heard.home.as_deref()),
        lineage: Default::default(),
        kept: &kept,
        is_final: false,
        converted: None,
    };
    let foreign = foreign.without_secrets(&context.redaction)?;
    let len = file.metadata().map_or(0, |it| it.len());
    let (name, Some(tip_oid)) = (session.id.to_string(), store.tip(session.id)?) else {
        return Ok(());
    };
    let sources = Sources::of(store, &name, &session.conversation, tip_oid);
    let sources = sources.like(Some(&foreign.path))?;
    let source = sources.iter().find(|it| it.path.as_ref() == Some(&foreign.path));
    let mut part = Part { file, end: source.map_or(0, |it| it.offset), at: 0 };
    let mut step = STEP;
    loop {
        part.end = part.end.saturating_add(step).min(len);
        let taken = ingest::ingest(store, context, session.id, &foreign, &mut part)?;
        if part.end >= len {
            return Ok(());
        }
        step = if taken.changed.is_new { STEP } else { step.saturating_mul(2) };
    }
}

/// Returns what an agent's files were taken up to by the session before, so that one that goes on is taken
/// from there: what is in them before counts there.
///
/// # Errors
/// As [`Sources::all`].
pub(super) fn going_on(
    store: &Store,
    session: &Session,
    call: &Call,
) -> Result<Vec<SourceFile>, OpError> {
    if !call.has_transcript() || !session.conversation.sources.is_empty() {
        return Ok(Vec::new());
    }
    let is_same =
        |it: &Session| it.links.get("agent_session") == session.links.get("agent_session");
    let before = session.parent.and_then(|id| load::load(store, id).ok());
    let Some(before) = before.map(|it| it.view).filter(|it| is_same(&it.session)) else {
        return Ok(Vec::new());
    };
    let (name, extent) = (before.session.id.to_string(), &before.session.conversation);
    let mut sources = Sources::of(store, &name, extent, before.tip).all()?;
    sources.sort_by_key(|source| source.n);
    let tokens = Tokens::default;
    let anew = |it| SourceFile { n_bytes: 0, generation: 0, n_copied: 0, tokens: tokens(), ..it };
    Ok(sources.into_iter().map(anew).collect())
}

/// Returns a path with `~` for the home directory.
fn shown(path: &Path, home: Option<&Path>) -> String {
    match home.and_then(|home| path.strip_prefix(home).ok()) {
        Some(below) => format!("~/{}", below.to_string_lossy()),
        None => path.to_string_lossy().into_owned(),
    }
}

/// A file of which only the first bytes are seen.
struct Part {
    file: File,
    end: u64,
    at: u64,
}

impl Read for Part {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.end.saturating_sub(self.at);
        let n = self.file.by_ref().take(left).read(buffer)?;
        self.at += n as u64;
        Ok(n)
    }
}

impl Seek for Part {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let to = match to {
            SeekFrom::End(n) => SeekFrom::Start(self.end.saturating_add_signed(n)),
            other => other,
        };
        self.at = self.file.seek(to)?;
        Ok(self.at)
    }
}
