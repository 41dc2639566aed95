//! How fast text is redacted, in MB a second on one core, beside counting its lines and its CRC-32; and how many
//! words of it are taken for secrets.
//!
//! `cargo bench --bench redact [-- <directory> [--show]]`. Without a directory of ordinary texts, lines like
//! those of agents are made up. With `--show`, what is found is printed. Nothing fails here for being slow.

use std::fs;
use std::hint::black_box;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::Instant;

use git_session::redact::{Redactor, Rules};

/// How much text is looked at, in bytes.
const N_BYTES: usize = 16 << 20;
/// How often; the fastest counts.
const N_RUNS: usize = 3;

fn main() -> io::Result<()> {
    let dir = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let mut lines = Vec::new();
    match dir {
        Some(dir) => read(Path::new(&dir), &mut lines)?,
        None => lines.extend((0..1000).map(|number| made_up(number).into_bytes())),
    }
    let n_once: usize = lines.iter().map(Vec::len).sum();
    let n_rounds = N_BYTES.div_ceil(n_once.max(1));
    let mut out = io::stdout().lock();
    let mut measure = |what: &str, work: &mut dyn FnMut(&[u8])| {
        let mut best = f64::MAX;
        for _ in 0..N_RUNS {
            let begun = Instant::now();
            (0..n_rounds).for_each(|_| lines.iter().for_each(|line| work(line)));
            best = best.min(begun.elapsed().as_secs_f64());
        }
        let rate = (n_once * n_rounds) as f64 / best / 1e6;
        writeln!(out, "{what:<24} {rate:8.0} MB/s")
    };
    let begun = Instant::now();
    let redactor = Redactor::new(Rules::default().with_home("/home/ada"));
    let made = begun.elapsed();
    let begun = Instant::now();
    black_box(redactor.redact(b"Add user authentication"));
    let first = begun.elapsed();
    measure("count lines", &mut |line| {
        black_box(line.iter().filter(|c| **c == b'\n').count());
    })?;
    measure("CRC-32", &mut |line| {
        black_box(crc32fast::hash(line));
    })?;
    measure("redact", &mut |line| {
        black_box(redactor.redact(line));
    })?;
    writeln!(out, "a redactor is made in {made:?}; a first short text takes {first:?}")?;
    let shows = std::env::args().any(|argument| argument == "--show");
    let (mut n_found, mut n_words) = (0, 0);
    for line in &lines {
        n_words += line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).count();
        for found in redactor.find(line) {
            n_found += 1;
            if shows {
                let around = &line[found.start.saturating_sub(40)..found.end];
                writeln!(out, "  {}: {}", found.kind, String::from_utf8_lossy(around))?;
            }
        }
    }
    let megabytes = n_once as f64 / 1e6;
    writeln!(out, "{n_found} places in {n_words} words ({megabytes:.1} MB) are taken for secrets")
}

/// Reads the lines of all files below a directory that are text.
fn read(dir: &Path, lines: &mut Vec<Vec<u8>>) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            read(&path, lines)?;
        } else {
            let bytes = fs::read(&path)?;
            if bytes.contains(&0) {
                continue;
            }
            lines.extend(bytes.split(|c| *c == b'\n').map(<[u8]>::to_vec));
        }
    }
    Ok(())
}

fn made_up(number: usize) -> String {
    let code = "    let token = self.next_token(position)?;\\n    if token.kind == Kind::Key { return; }\\n";
    format!(
        r#"{{"type":"assistant","uuid":"5f2b7c1e-8a3d-4c6b-9e0f-{number:012x}","cwd":"/home/ada/app","message":{{"content":[{{"type":"tool_use","id":"toolu_{number:024}","input":{{"file":"/home/ada/app/src/a.rs","text":"{}"}}}}],"usage":{{"input_tokens":{number},"output_tokens":31}}}}}}"#,
        code.repeat(1 + number % 20)
    )
}
