//! Any bytes as the segments of a conversation: pieces are separated by a byte 0xff, each has its path on
//! the first line and its bytes below. The first byte of all is how many segments the record says there are.

#![no_main]

use git_session::format::{event, segment};
use git_session::model::conversation::{Extent, SourceFile};
use git_session::ops::conversation::{Conversation, File};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let [n_segments, rest @ ..] = data else {
        return;
    };
    let files: Vec<File> = rest.split(|byte| *byte == 0xff).map(file).collect();
    let extent = Extent {
        n_segments: u64::from(*n_segments),
        n_events: 3,
        sources: (1..4).map(source).collect(),
        ..Extent::default()
    };
    let n_bytes: u64 = rest.len() as u64;
    let mut last_derived = extent.n_events;
    for told in Conversation::of_files(&files, &extent) {
        let line = event::to_line(&told);
        let again = event::parse(line.as_bytes()).expect("what is told can be written");
        assert_eq!(event::to_line(&again), line);
        let Some(src) = told.src.filter(|_| told.seq.is_some_and(|seq| seq == last_derived + 1)) else {
            continue;
        };
        last_derived += 1;
        assert!(src.offset.saturating_add(src.n_bytes) <= n_bytes || src.file > 3, "{line}");
    }
});

fn file(piece: &[u8]) -> File {
    let at = piece.iter().position(|byte| *byte == b'\n').unwrap_or(piece.len());
    let path = String::from_utf8_lossy(&piece[..at]).into_owned();
    if let Some((n, holds)) = segment::parse(&path) {
        assert_eq!(segment::path(n, &holds), path);
    }
    Ok((path, Ok(piece.get(at + 1..).unwrap_or_default().to_vec())))
}

fn source(n: u64) -> SourceFile {
    SourceFile { n, agent: "codex".into(), generation: n % 2, ..SourceFile::default() }
}
