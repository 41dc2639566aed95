//! Taking what is new in the transcript of an agent that calls: a part at a time, so that what is taken
//! stays when the call must end.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::agents::hooks::{Call, Moment};
use crate::model::conversation::SourceFile;
use crate::model::{Session, Tokens};
use crate::ops::agent_hook::Heard;
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
        for path in parts(&path) {
            take_file(store, context, heard, session, &path)?;
        }
    }
    Ok(())
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
    let foreign = ingest::Foreign {
        kind: call.agent,
        native_id: Some(call.session_id.clone()),
        path: shown(path, heard.home.as_deref()),
        lineage: Default::default(),
        is_final: false,
    };
    let foreign = foreign.without_secrets(&context.redaction)?;
    let len = file.metadata().map_or(0, |it| it.len());
    let sources = &session.conversation.sources;
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
pub(super) fn going_on(store: &Store, session: &Session, call: &Call) -> Vec<SourceFile> {
    if !call.has_transcript() || !session.conversation.sources.is_empty() {
        return Vec::new();
    }
    let is_same =
        |it: &Session| it.links.get("agent_session") == session.links.get("agent_session");
    let before = session.parent.and_then(|id| load::load(store, id).ok());
    let before = before.map(|it| it.view.session).filter(is_same);
    let sources = before.into_iter().flat_map(|it| it.conversation.sources);
    let anew = |it| SourceFile { n_bytes: 0, generation: 0, tokens: Tokens::default(), ..it };
    sources.map(anew).collect()
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
