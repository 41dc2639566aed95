//! The files of real agents, and reading them.

use std::fs;
use std::path::{Path, PathBuf};

use git_session::agents::{AgentKind, Facts, Transcript, recognise};
use git_session::model::conversation::{Event, Totals, Usage};

/// Returns the directory of the data; `None` if it is not there, which is said.
pub fn data() -> Option<PathBuf> {
    let given = std::env::var_os("GIT_SESSION_TEST_DATA").map(PathBuf::from);
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let dir = given.unwrap_or_else(beside);
    if dir.join("transcripts").is_dir() {
        return Some(dir);
    }
    eprintln!("skipped: no transcripts in '{}' (GIT_SESSION_TEST_DATA)", dir.display());
    None
}

/// Returns all files below `dir`, sorted.
pub fn files(dir: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for path in fs::read_dir(dir).expect("a directory").flatten().map(|entry| entry.path()) {
        if path.is_dir() { all.extend(files(&path)) } else { all.push(path) }
    }
    all.sort();
    all
}

/// A transcript that was read.
pub struct Told {
    pub events: Vec<Event>,
    pub facts: Facts,
    pub offset: u64,
}

impl Told {
    /// Returns the sum of the tokens.
    pub fn tokens(&self) -> Usage {
        let mut totals = Totals::default();
        self.events.iter().for_each(|event| totals.add(event));
        totals.sum()
    }
}

/// Reads a transcript of an agent in chunks of `n_chunk` bytes.
pub fn read_as(kind: AgentKind, bytes: &[u8], n_chunk: usize) -> Told {
    let mut transcript = Transcript::new(kind);
    let mut events = Vec::new();
    bytes.chunks(n_chunk).for_each(|chunk| transcript.push(chunk, &mut events));
    transcript.finish(&mut events);
    let (facts, offset) = (transcript.facts().clone(), transcript.offset());
    Told { events, facts, offset }
}

/// Recognises and reads a file; `None` if it is nobody's.
pub fn read(path: &Path) -> Option<Told> {
    let bytes = fs::read(path).expect("a file");
    let kind = recognise(&bytes[..bytes.len().min(64 << 10)], path.to_str())?;
    Some(read_as(kind, &bytes, 64 << 10))
}
