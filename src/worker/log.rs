//! What a worker in the background says: a file for each session, of limited size.
//!
//! The worker writes to the file itself, at its end (`O_APPEND`), so that nothing stands between that
//! could die. Who waits for the worker looks at the file from time to time. Once it is larger than half
//! of the limit, its newest part of that size is copied to a second file, in place of what was there, and
//! it begins anew. Readers take both for one, and know how much was dropped before.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::LeaseError;
use crate::model::SessionId;

/// How much is read in one go, in bytes.
const CHUNK: usize = 64 * 1024;
/// The longest line of which not a part is kept, in bytes.
const MAX_LINE: u64 = 64 * 1024;
/// The length of the first line of the older part: how many bytes were dropped before it, in 20 digits.
const HEADER: u64 = 21;

/// The logs of a clone.
#[derive(Debug, Clone)]
pub struct Logs {
    dir: PathBuf,
}

impl Logs {
    /// Returns the logs below the clone's local directory.
    pub fn new(local_dir: &Path) -> Logs {
        Logs { dir: local_dir.join("logs") }
    }

    /// Opens the log of a session to write to it, making it if need be; it may grow to `limit` bytes,
    /// 0 is without limit.
    ///
    /// # Errors
    /// [`LeaseError::Io`]
    pub fn open(&self, session_id: SessionId, limit: u64) -> Result<Log, LeaseError> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&self.dir);
        let log =
            made.and_then(|()| self.append(OpenOptions::new().create(true), session_id, limit));
        let path = self.files(session_id).current;
        log.map_err(|source| LeaseError::Io { doing: "open", path, source })
    }

    /// Opens the log of a session if there is one.
    pub fn find(&self, session_id: SessionId, limit: u64) -> Option<Log> {
        self.append(&mut OpenOptions::new(), session_id, limit).ok()
    }

    fn append(&self, how: &mut OpenOptions, id: SessionId, limit: u64) -> io::Result<Log> {
        let files = self.files(id);
        let how = how.append(true).mode(0o600).custom_flags(super::lease::no_follow());
        Ok(Log { file: how.open(&files.current)?, files, limit })
    }

    /// Begins to read the log of a session; `None` if there is none.
    pub fn reader(&self, session_id: SessionId) -> Option<LogReader> {
        let files = self.files(session_id);
        files.current.exists().then_some(LogReader { files, position: 0 })
    }

    /// Removes the log of a session, if there is one.
    ///
    /// # Errors
    /// [`LeaseError::Io`]
    pub fn remove(&self, session_id: SessionId) -> Result<(), LeaseError> {
        let Files { current, older, draft } = self.files(session_id);
        for path in [current, older, draft] {
            match fs::remove_file(&path) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    return Err(LeaseError::Io { doing: "remove", path, source });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Returns the sessions that have a log.
    pub fn session_ids(&self) -> Vec<SessionId> {
        let entries = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let id = |name: &str| SessionId::parse(name.strip_suffix(".log")?);
        entries.filter_map(|entry| id(entry.file_name().to_str()?)).collect()
    }

    fn files(&self, session_id: SessionId) -> Files {
        let file = |end: &str| self.dir.join(format!("{session_id}.log{end}"));
        Files { current: file(""), older: file(".1"), draft: file(".new") }
    }
}

/// The files of one log.
#[derive(Debug, Clone)]
struct Files {
    current: PathBuf,
    older: PathBuf,
    draft: PathBuf,
}

impl Files {
    /// Returns how many bytes were dropped before the older part, and how many it has.
    fn older(&self) -> io::Result<(u64, u64)> {
        let file = match File::open(&self.older) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((0, 0)),
            Err(error) => return Err(error),
        };
        let mut header = String::new();
        (&file).take(HEADER).read_to_string(&mut header)?;
        let n_dropped = header.trim_end().parse().map_err(|_| io::ErrorKind::InvalidData)?;
        Ok((n_dropped, file.metadata()?.len().saturating_sub(HEADER)))
    }
}

/// A log that a worker writes to.
#[derive(Debug)]
pub struct Log {
    files: Files,
    file: File,
    limit: u64,
}

impl Log {
    /// Returns what to write to; it writes at the end of the log.
    ///
    /// # Errors
    /// What the system says.
    pub fn stream(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// Drops the oldest part if the log has come to be too long. What the worker writes in the moment
    /// between copying and shortening may be lost.
    ///
    /// # Errors
    /// What the file system says; then nothing was dropped.
    pub fn trim(&self) -> io::Result<()> {
        let half = self.limit.div_ceil(2);
        if self.limit == 0 || self.file.metadata()?.len() <= half {
            return Ok(());
        }
        // Opened anew: a lock on the worker's own stream would be the worker's as well.
        let current = OpenOptions::new().read(true).write(true).open(&self.files.current)?;
        if current.try_lock().is_err() {
            // Somebody reads just now; next time.
            return Ok(());
        }
        let length = current.metadata()?.len();
        let (n_dropped, n_older) = self.files.older()?;
        let mut reader = BufReader::with_capacity(CHUNK, &current);
        let mut start = reader.seek(SeekFrom::Start(length.saturating_sub(half)))?;
        let mut first = Vec::new();
        if start > 0 {
            reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut first)?;
            if first.ends_with(b"\n") {
                start += first.len() as u64;
                first.clear();
            }
        }
        let mut draft = BufWriter::new(
            OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&self.files.draft)?,
        );
        writeln!(draft, "{:020}", n_dropped + n_older + start)?;
        draft.write_all(&first)?;
        // No more than could be there: a worker that writes faster must not keep us here.
        io::copy(&mut reader.take(self.limit), &mut draft)?;
        draft.into_inner().map_err(io::IntoInnerError::into_error)?;
        fs::rename(&self.files.draft, &self.files.older)?;
        current.set_len(0)
    }
}

/// A place in a log, counted from the first byte that was ever written.
#[derive(Debug)]
pub struct LogReader {
    files: Files,
    position: u64,
}

/// A part of a log.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Piece {
    /// How many bytes before it were dropped unread.
    pub n_dropped: u64,
    /// What follows; nothing at the end.
    pub bytes: Vec<u8>,
}

impl LogReader {
    /// Reads what comes next; no bytes if nothing does for now.
    ///
    /// # Errors
    /// What the file system says.
    pub fn read(&mut self) -> io::Result<Piece> {
        let current = match File::open(&self.files.current) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Piece::default()),
            Err(error) => return Err(error),
        };
        // Not while the log is shortened.
        current.lock_shared()?;
        let (dropped, n_older) = self.files.older()?;
        let n_dropped = dropped.saturating_sub(self.position);
        let base = dropped + n_older;
        self.position += n_dropped;
        let mut bytes = vec![0; CHUNK];
        let n = if self.position < base {
            let at = HEADER + self.position - dropped;
            File::open(&self.files.older)?.read_at(&mut bytes, at)?
        } else {
            if self.position > base + current.metadata()?.len() {
                // Somebody else made it shorter.
                self.position = base;
            }
            current.read_at(&mut bytes, self.position - base)?
        };
        bytes.truncate(n);
        self.position += n as u64;
        Ok(Piece { n_dropped, bytes })
    }

    /// Goes to the beginning of the newest `n_lines` lines.
    ///
    /// # Errors
    /// What the file system says.
    pub fn skip_to_newest(&mut self, n_lines: usize) -> io::Result<()> {
        let mut starts = std::collections::VecDeque::new();
        let mut is_start = true;
        loop {
            let piece = self.read()?;
            if piece.bytes.is_empty() {
                break;
            }
            let at = self.position - piece.bytes.len() as u64;
            for (position, byte) in (at..).zip(piece.bytes) {
                if is_start {
                    starts.push_back(position);
                    if starts.len() > n_lines {
                        starts.pop_front();
                    }
                }
                is_start = byte == b'\n';
            }
        }
        self.position = starts.front().copied().unwrap_or(self.position);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    struct Fixture {
        _dir: tempfile::TempDir,
        logs: Logs,
        id: SessionId,
    }

    fn fixture() -> Fixture {
        let dir = tempfile::tempdir().expect("a directory");
        let id = SessionId::parse("0199f0c2-1c4d-7abc-8def-0123456789af").expect("valid");
        Fixture { logs: Logs::new(dir.path()), _dir: dir, id }
    }

    fn all(reader: &mut LogReader) -> (u64, String) {
        let (mut n_dropped, mut text) = (0, String::new());
        loop {
            let piece = reader.read().expect("readable");
            n_dropped += piece.n_dropped;
            if piece.bytes.is_empty() {
                return (n_dropped, text);
            }
            text.push_str(&String::from_utf8(piece.bytes).expect("text"));
        }
    }

    #[test]
    fn a_log_is_for_its_owner_only_and_is_read_back() {
        let Fixture { _dir, logs, id } = fixture();
        assert!(logs.reader(id).is_none());
        assert!(logs.find(id, 0).is_none());
        let log = logs.open(id, 1000).expect("made");
        let mode = |path: &Path| fs::metadata(path).expect("there").mode() & 0o777;
        assert_eq!((mode(&logs.dir), mode(&logs.files(id).current)), (0o700, 0o600));
        log.stream().expect("open").write_all(b"one\n").expect("written");
        // Another run appends.
        let again = logs.open(id, 1000).expect("opened");
        again.stream().expect("open").write_all(b"two\n").expect("written");
        assert_eq!(all(&mut logs.reader(id).expect("there")), (0, "one\ntwo\n".into()));
        assert_eq!(logs.session_ids(), [id]);
        logs.remove(id).expect("removed");
        assert_eq!(logs.session_ids(), []);
        logs.remove(id).expect("nothing to remove");
    }

    #[test]
    fn the_oldest_lines_are_dropped_and_counted_and_who_reads_along_misses_none() {
        let Fixture { _dir, logs, id } = fixture();
        let log = logs.open(id, 200).expect("made");
        let (mut stream, mut reader) =
            (log.stream().expect("open"), logs.reader(id).expect("there"));
        let (mut written, mut read_along) = (String::new(), String::new());
        for n in 0..100 {
            let line = format!("line {n}\n");
            stream.write_all(line.as_bytes()).expect("written");
            written.push_str(&line);
            if n % 7 == 0 {
                read_along.push_str(&all(&mut reader).1);
            }
            log.trim().expect("trimmed");
            let sizes = [&log.files.current, &log.files.older]
                .map(|it| fs::metadata(it).map_or(0, |it| it.len()));
            assert!(sizes[0] <= 100 && sizes[1] <= 100 + HEADER, "{sizes:?}");
        }
        read_along.push_str(&all(&mut reader).1);
        assert_eq!(read_along, written);
        let (n_dropped, kept) = all(&mut logs.reader(id).expect("there"));
        assert_eq!(n_dropped as usize + kept.len(), written.len());
        assert!(kept.starts_with("line ") && written.ends_with(&kept), "{kept}");
        assert!(kept.len() > 90, "{kept}");
    }

    #[test]
    fn a_line_without_an_end_is_cut() {
        let Fixture { _dir, logs, id } = fixture();
        let log = logs.open(id, 20).expect("made");
        log.stream().expect("open").write_all(&[b'x'; 100]).expect("written");
        log.trim().expect("trimmed");
        assert_eq!(all(&mut logs.reader(id).expect("there")), (90, "x".repeat(10)));
    }

    #[test]
    fn without_a_limit_or_below_it_nothing_is_dropped() {
        let Fixture { _dir, logs, id } = fixture();
        for limit in [0, 1000] {
            let log = logs.open(id, limit).expect("made");
            log.stream().expect("open").write_all(&[b'x'; 100]).expect("written");
            log.trim().expect("trimmed");
        }
        assert_eq!(all(&mut logs.reader(id).expect("there")).1.len(), 200);
    }

    #[test]
    fn the_newest_lines_are_found_also_in_the_older_part() {
        let Fixture { _dir, logs, id } = fixture();
        let log = logs.open(id, 40).expect("made");
        let mut stream = log.stream().expect("open");
        stream.write_all(b"old\none\ntwo\nthree\n").expect("written");
        stream.write_all(b"four\n").expect("written");
        log.trim().expect("trimmed");
        stream.write_all(b"five").expect("written");
        let newest = |n| {
            let mut reader = logs.reader(id).expect("there");
            reader.skip_to_newest(n).expect("found");
            all(&mut reader).1
        };
        assert_eq!(newest(1), "five");
        assert_eq!(newest(3), "three\nfour\nfive");
        assert_eq!(newest(99), "one\ntwo\nthree\nfour\nfive");
    }
}
